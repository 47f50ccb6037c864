# MlsFiles: files at addresses (test/server/cabinet.py).
package MlsFiles;

use strict;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Symbol qw(gensym);

our @EXPORT = qw(start_cabinet);

# A server of files; it goes with the object.
sub start_cabinet
{
	my ($out, $in) = ('', gensym);
	my $handle = IPC::Run::start([ 'python3', '-B', "$ENV{MLS_TREE}/test/server/cabinet.py" ], '<pipe', $in, '>', \$out, IPC::Run::timeout(600));
	IPC::Run::pump($handle) until $out =~ /listening on (\d+)/ || !$handle->pumpable;
	die 'the cabinet did not start' unless $out =~ /listening on (\d+)/;
	return bless { handle => $handle, in => $in, url => "http://127.0.0.1:$1" };
}

sub url { return $_[0]{url}; }

sub post
{
	my ($self, $path, $what) = @_;
	HTTP::Tiny->new->post("$self->{url}$path", { content => JSON::PP->new->utf8->encode($what) })->{success} or die $path;
	return;
}

# A file, and how it is given; and no file.
sub put
{
	my ($self, $path, $bytes, %how) = @_;
	return $self->post('/_put', { path => $path, base64 => encode_base64($bytes, ''), %how });
}
sub remove { my ($self, $path) = @_; return $self->post('/_remove', { path => $path }); }

# What was asked since this was called last: address, status, the tag in the condition.
sub asked
{
	my ($self) = @_;
	return map { join ' ', grep { defined } @$_[ 0, 1 ], $_->[2]{'If-None-Match'} }
	  @{ JSON::PP::decode_json(HTTP::Tiny->new->get("$self->{url}/_asked")->{content}) };
}

1;
