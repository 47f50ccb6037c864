# MlsCitus: clusters of several nodes with Citus and the extension, and models played there.
package MlsCitus;

use strict;
use warnings;

use Exporter 'import';
use MlsTest;
use PostgreSQL::Test::Cluster;

our @EXPORT = qw(new_cluster distribute);

# The coordinator, which holds shards itself, and one further node.
sub new_cluster
{
	my ($name, %settings) = @_;
	my @nodes = map { empty_node("${name}_$_",
			shared_preload_libraries => "'citus'",
			listen_addresses => "'127.0.0.1'",
			max_prepared_transactions => 100,
			'citus.node_conninfo' => "'sslmode=disable'",
			'citus.recover_2pc_interval' => "'1s'",
			%settings) } qw(coordinator worker);
	for my $node (@nodes)
	{
		$node->start;
		$node->safe_psql('postgres', 'CREATE EXTENSION citus');
	}
	my ($first, @others) = @nodes;
	$first->safe_psql('postgres', sprintf q{SELECT citus_set_coordinator_host('127.0.0.1', %d)}, $first->port);
	$first->safe_psql('postgres', sprintf q{SELECT citus_add_node('127.0.0.1', %d)}, $_->port) for @others;
	$first->safe_psql('postgres', sprintf q{SELECT citus_set_node_property('127.0.0.1', %d, 'shouldhaveshards', true)}, $first->port);
	$first->safe_psql('postgres', 'CREATE EXTENSION mls_fdw');
	bless $first, 'MlsCitus::Node';
	return @nodes;
}

# Distributes gold; what it stands by, a line each.
sub distribute
{
	my ($node, @arguments) = @_;
	return $node->safe_psql('postgres', sprintf 'SELECT gold, distribution FROM mls_distribute(%s)', join ', ', @arguments);
}

# A coordinator.  Checks of the tests compare gold with local tables, which Citus does not
# plan: they read a copy of it.
package MlsCitus::Node;

use strict;
use warnings;

use parent -norequire, 'PostgreSQL::Test::Cluster';

sub here
{
	my ($sql) = @_;
	return $sql if $sql !~ /\bEXCEPT\b/ || $sql =~ /^BEGIN/;
	my %copied;
	$sql =~ s/\bFROM gold\.(\w+)/$copied{$1} = 1; "FROM pg_temp.here_$1"/ge;
	return join('', map { "CREATE TEMP TABLE here_$_ AS SELECT * FROM gold.$_;\n" } sort keys %copied) . $sql;
}

sub psql
{
	my ($self, $db, $sql, @rest) = @_;
	return $self->SUPER::psql($db, here($sql), @rest);
}

1;
