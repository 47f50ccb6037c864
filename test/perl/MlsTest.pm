# MlsTest: plumbing of the TAP tests.  A PostgreSQL node with the extension, test
# servers, and the few questions tests ask of them.
package MlsTest;

use strict;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Symbol qw(gensym);
use Test::More;

# Whoever runs the tests, the superuser of their clusters is "postgres" (test/initdb.sh).
$ENV{PGUSER} = 'postgres';

our @EXPORT = qw(new_node empty_node start_mls create_source sql_error plan_of);

# A running node with the extension.  Loopback is an allowed host there.
sub new_node
{
	my ($name, %settings) = @_;
	my $made = "$ENV{MLS_CLUSTER}_with_mls";
	my $copied = -d $made && !$settings{install_path} && !$settings{checksums};
	local @ENV{qw(MLS_CLUSTER INITDB_TEMPLATE)} = ($made, $made) if $copied;
	my $node = empty_node($name, %settings);
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION mls_fdw') unless $copied;
	return $node;
}

# The same, not started and without the extension; of another PostgreSQL where its
# installation is named (install_path => '/directory'), with checksums where asked (checksums => 1).
sub empty_node
{
	my ($name, %settings) = @_;
	my $install = delete $settings{install_path};
	my @initdb = delete $settings{checksums}
	  ? (extra => [ '-E', 'UTF8', '--locale=C.UTF-8', '--data-checksums' ]) : ();
	my $node = PostgreSQL::Test::Cluster->new($name || 'main', $install ? (install_path => $install) : ());
	$node->init(@initdb);
	my %all = (
		'mls_fdw.allowed_hosts' => "'127.0.0.1'",
		'timezone' => "'UTC'",
		'max_worker_processes' => 16,
		%settings);
	$node->append_conf('postgresql.conf', "$_ = $all{$_}\n") for sort keys %all;
	return $node;
}

# A test server; options are those of mlsd.py without the dashes (listings => 50).
sub start_mls
{
	my (%options) = @_;
	my @command = ('python3', '-B', "$ENV{MLS_TREE}/test/server/mlsd.py", '--die-with-stdin');
	for my $name (sort keys %options)
	{
		(my $flag = "--$name") =~ s/_/-/g;
		push @command, $flag;
		push @command, $options{$name} if $options{$name} ne '';
	}
	my ($out, $err) = ('', '');
	my $in = gensym;    # the server ends when this is closed
	my $handle = IPC::Run::start(\@command, '<pipe', $in, '>', \$out, '2>', \$err,
		IPC::Run::timeout(600));
	my $self = bless { handle => $handle, in => $in, err => \$err }, 'MlsTest::Server';
	IPC::Run::pump($handle) until $out =~ /listening on (\d+)/ || !$handle->pumpable;
	die "test server did not start: $err" unless $out =~ /listening on (\d+)/;
	$self->{port} = $1;
	$self->{http} = HTTP::Tiny->new(timeout => 60);
	return $self;
}

# Creates a server "name" for a test server, a mapping with a token, and imports its tables
# into a schema of the same name.
sub create_source
{
	my ($node, $mls, $name, %options) = @_;
	my $limit = delete $options{tables};
	my %all = (protocol => 'reso', url => $mls->url, %options);
	my $list = join ', ', map { "$_ '$all{$_}'" } sort keys %all;
	my $to = $limit ? "LIMIT TO ($limit)" : '';
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS ($list);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'static-token-value');
		CREATE SCHEMA $name;
		SET client_min_messages = warning;
		IMPORT FOREIGN SCHEMA reso $to FROM SERVER $name INTO $name;
	});
	return;
}

# Runs SQL that must fail; returns the whole error text (verbose, so with its SQLSTATE).
sub sql_error
{
	my ($node, $sql) = @_;
	my ($status, $out, $err) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", on_error_stop => 1);
	isnt($status, 0, "fails: " . substr($sql =~ s/\s+/ /gr, 0, 70));
	return $err;
}

# EXPLAIN (VERBOSE, COSTS OFF) as one string.
sub plan_of
{
	my ($node, $sql, %options) = @_;
	my $how = join ', ', 'VERBOSE', 'COSTS OFF', map { "$_ $options{$_}" } sort keys %options;
	return scalar $node->safe_psql('postgres', "EXPLAIN ($how) $sql");
}

package MlsTest::Server;

use strict;
use warnings;

sub url
{
	my ($self) = @_;
	return "http://127.0.0.1:$self->{port}/odata";
}

# POST to the control face; returns the decoded answer.
sub control
{
	my ($self, $path, $body) = @_;
	my $answer = $self->{http}->post("http://127.0.0.1:$self->{port}/_control/$path",
		{ content => JSON::PP::encode_json($body || {}),
		  headers => { 'content-type' => 'application/json' } });
	die "control $path: $answer->{status} $answer->{content}" unless $answer->{success};
	return length $answer->{content} ? JSON::PP::decode_json($answer->{content}) : undef;
}

# GET from the control face; returns the raw text.
sub get
{
	my ($self, $path) = @_;
	my $answer = $self->{http}->get("http://127.0.0.1:$self->{port}/_control/$path");
	die "control $path: $answer->{status} $answer->{content}" unless $answer->{success};
	return $answer->{content};
}

sub fault
{
	my ($self, %rule) = @_;
	return $self->control('fault', \%rule);
}

# Forgets faults and recorded requests.
sub reset
{
	my ($self) = @_;
	return $self->control('reset');
}

# Recorded requests, oldest first.
sub requests
{
	my ($self, $since) = @_;
	my $answer = JSON::PP::decode_json($self->get('requests?since=' . ($since || 0)));
	return ref $answer eq 'HASH' ? @{ $answer->{requests} } : @$answer;
}

sub stop
{
	my ($self) = @_;
	return unless $self->{handle};
	$self->{handle}->kill_kill(grace => 2);
	delete $self->{handle};
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@);
	eval { $self->stop };
	return;
}

1;
