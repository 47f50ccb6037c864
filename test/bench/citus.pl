# The figures of gold in four shards on two nodes beside those of local gold, in turn on the
# same nodes: a first load, and reads by key.  Processor time is that of both nodes.
use strict;
use warnings;

use MlsCitus;
use MlsTest;
use List::Util qw(min);
use Time::HiRes qw(time);
use Test::More;

my $listings = $ENV{MLS_LISTINGS} || 20000;
my $repeats = $ENV{MLS_REPEATS} || 3;
my ($node, $worker) = new_cluster('figures', shared_buffers => "'256MB'", max_wal_size => "'4GB'");
my $mls = start_mls(listings => $listings);
create_source($node, $mls, 'east', tables => 'property', workers => 1, page_size => 5000);
sub query { return scalar $node->safe_psql('postgres', $_[0]) }

# Seconds of processor time of processes that have ended, of both nodes.
sub used
{
	my $ticks = 0;
	for my $each ($node, $worker)
	{
		open(my $in, '<', '/proc/' . $each->{_pid} . '/stat') or die $!;
		my @stat = split ' ', (<$in> =~ s/^.*\) //r);
		$ticks += $stat[13] + $stat[14];
	}
	return $ticks / 100;
}

# Waits until nobody but the nodes' own processes is at work.
sub ended
{
	for my $each ($node, $worker)
	{
		$each->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity
			WHERE backend_type = 'mls_fdw sync' OR application_name LIKE 'citus_internal%' AND backend_type = 'client backend' AND query LIKE '%gold%'}) or die;
	}
	return;
}

# Wall and processor time of a load into gold as it is then prepared.
sub load
{
	my ($distributed) = @_;
	query(q{SELECT mls_subscribe('east.property')});
	distribute($node) if $distributed;
	my ($began, $before) = (time, used());
	is(query(q{SELECT inserted FROM mls_sync('east')}), $listings, ($distributed ? 'four shards' : 'local') . ': all are loaded');
	my $wall = time - $began;
	ended();
	return ($wall, used() - $before);
}

# Milliseconds of a read by key, prepared.
sub read_keys
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/read.sql";
	my @keys = split /\n/, query(q{SELECT "ListingKey" FROM gold.property WHERE "ListingKey" ~ '^LK[0-9]+$' ORDER BY hashtext("ListingKey") LIMIT 200});
	open(my $out, '>', $file) or die;
	print $out qq{SELECT * FROM gold.property WHERE "ListingKey" = '$_';\n} for @keys;
	close $out;
	my ($said) = PostgreSQL::Test::Utils::run_command([ 'pgbench', '-n', '-M', 'prepared', '-h', $node->host, '-p', $node->port, '-U', 'postgres', '-t', 20, '-f', $file, 'postgres' ]);
	my ($ms) = $said =~ /latency average = ([\d.]+) ms/ or die $said;
	return $ms / @keys;
}

my %figure;
for my $round (1 .. $repeats)
{
	for my $how (0, 1)
	{
		my ($wall, $cpu) = load($how);
		push @{ $figure{wall}[$how] }, $wall;
		push @{ $figure{cpu}[$how] }, $cpu;
		query('ANALYZE gold.property');
		push @{ $figure{read}[$how] }, read_keys();
		query(q{SELECT mls_unsubscribe('east.property', drop_data => true)});
		query('DROP TABLE IF EXISTS bronze.east_property, silver.east_property');
		query('DROP TABLE gold.property CASCADE');
	}
}
my %best;
for my $name (keys %figure)
{
	$best{$name} = [ map { min @{ $figure{$name}[$_] } } 0, 1 ];
}
diag(sprintf 'first load of %d, listings a second: local %.0f, four shards %.0f: %.2f (goal 0.6)',
	$listings, $listings / $best{wall}[0], $listings / $best{wall}[1], $best{wall}[0] / $best{wall}[1]);
diag(sprintf 'its processor time on both nodes: local %.1f s, four shards %.1f s: %.2f', @{ $best{cpu} }, $best{cpu}[0] / $best{cpu}[1]);
diag(sprintf 'a read by key: local %.2f ms, four shards %.2f ms: %.2f times (goal 1.3)', @{ $best{read} }, $best{read}[1] / $best{read}[0]);
$_->stop for $node, $worker;
$mls->stop;
done_testing();
