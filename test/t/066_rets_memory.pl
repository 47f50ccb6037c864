# A sync of a RETS source keeps a page in memory, not the table: a number for each key is
# all that grows.
use strict;
use warnings;

use MlsKeys;
use MlsRets;
use MlsTest;
use Test::More;

my $growth = 12;    # MB between few and many; the records are many times that

my $node = new_node('rets_memory', fsync => 'off', max_wal_size => '2GB');
my %memory;
for my $count (5_000, 25_000)
{
	my $mls = start_mls(listings => $count, samples => 5);
	my $name = "r$count";
	create_rets($node, $mls, $name, page_size => 500, tables => 'office_office, property_all');
	$node->safe_psql('postgres', "SELECT mls_subscribe('$name.property_all')");
	(my $out, undef, $memory{$count}) = measure($node, "SELECT status, inserted FROM mls_sync('$name')");
	is($out, "finished|$count", "a sync of $count records");
	cmp_ok($memory{$count}, '>', 0, sprintf '... in %.0f MB', $memory{$count});
	$mls->stop;
}
cmp_ok($memory{25_000}, '<', $memory{5_000} + $growth, 'memory does not grow with the records');

done_testing();
