# MlsSearch: search engines that are strict (test/search), and what tests ask of them.
package MlsSearch;

use strict;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use Symbol qw(gensym);

our @EXPORT = qw(start_search);

sub start_search
{
	my ($out, $err) = ('', '');
	my $in = gensym;    # the server ends when this is closed
	my $handle = IPC::Run::start([ 'python3', '-B', "$ENV{MLS_TREE}/test/search/searchd.py", '--die-with-stdin' ], '<pipe', $in, '>', \$out, '2>', \$err, IPC::Run::timeout(600));
	IPC::Run::pump($handle) until $out =~ /listening on (\d+)/ || !$handle->pumpable;
	die "search engines did not start: $err" unless $out =~ /listening on (\d+)/;
	return bless { handle => $handle, in => $in, err => \$err, port => $1, http => HTTP::Tiny->new(timeout => 60) }, __PACKAGE__;
}

sub url
{
	my ($self, $engine) = @_;
	return "http://127.0.0.1:$self->{port}/$engine";
}

sub control
{
	my ($self, %said) = @_;
	my $answer = $self->{http}->post("http://127.0.0.1:$self->{port}/_control", { content => JSON::PP->new->utf8->encode(\%said) });
	die "control: $answer->{status} $answer->{content} ${$self->{err}}" unless $answer->{success};
	return JSON::PP->new->utf8->decode($answer->{content});
}

# Documents that a search of an index, or of the alias of that name, finds: JSON, by their ids.
sub shown
{
	my ($self, $engine, $index) = @_;
	my $answer = $self->{http}->get("http://127.0.0.1:$self->{port}/_control/$engine/$index");
	die "shown: $answer->{status} $answer->{content}" unless $answer->{success};
	return $answer->{content};
}

# Requests since it was forgotten last.
sub requests
{
	my ($self, $match) = @_;
	return grep { /$match/ } @{ JSON::PP->new->utf8->decode($self->{http}->get("http://127.0.0.1:$self->{port}/_control/log")->{content}) };
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);
	close $self->{in};
	eval { IPC::Run::finish($self->{handle}) };
	return;
}

1;
