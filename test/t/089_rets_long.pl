# A source that ignores Limit and sends a whole table as one answer: memory keeps to a page,
# no row leaves before the answer is known to be whole, and the session is free meanwhile.
use strict;
use warnings;

use MlsKeys;
use MlsRets;
use MlsSync;
use MlsTest;
use Test::More;

my ($few, $many) = (10_000, 100_000);
my $growth = 12;    # MB between few and many; the answer alone is many times that

my $node = new_node('rets_long', fsync => 'off', max_wal_size => '4GB', autovacuum => 'off');
my %memory;
my $mls;
for my $count ($few, $many)
{
	$mls = start_mls(listings => $count, samples => 5, fields => 'small');
	for my $gzip (0, 1)
	{
		my $name = ($gzip ? 'packed' : 'plain') . $count;
		create_rets($node, $mls, $name, page_size => 500, tables => 'office_office, property_all');
		rets_option($mls, limit => 'ignored', max_rows => 10 * $many, gzip => $gzip ? \1 : \0);
		my @scan = measure($node, "SELECT count(*), count(DISTINCT l_listingkey) FROM $name.property_all", q{
			SELECT pid FROM pg_stat_activity WHERE query LIKE '%DISTINCT l_listingkey%' AND pid <> pg_backend_pid()});
		is($scan[0], "$count|$count", "a scan of $count rows in one answer, $name");
		$node->safe_psql('postgres', "SELECT mls_subscribe('$name.property_all')");
		my @sync = measure($node, "SELECT status, inserted FROM mls_sync('$name')");
		is($sync[0], "finished|$count", "... and a sync");
		$memory{$gzip}{$count} = [ $scan[2], $sync[2] ];
		note sprintf '%s: scan %.1f MB in %.1f s, sync %.1f MB in %.1f s', $name, @scan[ 2, 1 ], @sync[ 2, 1 ];
	}
	last if $count == $many;
	$mls->stop;
}
for my $gzip (0, 1)
{
	for my $what (0, 1)
	{
		my ($least, $most) = map { $memory{$gzip}{$_}[$what] } $few, $many;
		cmp_ok($least, '>', 0, "memory was measured");
		cmp_ok($most, '<', $least + $growth, sprintf 'memory keeps to a page (%s, %s)',
			$gzip ? 'gzip' : 'plain', $what ? 'sync' : 'scan');
	}
}
done_testing();
