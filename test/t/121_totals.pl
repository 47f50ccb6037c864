# The end of the data is proven: totals that are too small, in each way in which sources count
# wrongly, sources without links or totals, and what is behind a LIMIT.
use strict;
use warnings;

use MlsQobrix;
use MlsTest;
use Test::More;

my $mls = start_mls(listings => 450, fields => 'small', max_page => 100);
my $node = new_node('totals');

# Sources that page by links, and by $top; the server gives no more than 100 records at once.
create_source($node, $mls, 'links', tables => 'property', retries => 0);
create_source($node, $mls, 'topped', platform => 'spark', tables => 'property', retries => 0);
create_source($node, $mls, 'hundred', platform => 'spark', tables => 'property', page_size => 100, retries => 0);
my @sources = qw(links topped hundred);
my $scan = 'SELECT count(*), count(DISTINCT listing_key) FROM (SELECT listing_key, city FROM %s.property OFFSET 0) p';

sub whole
{
	my ($name, $sql, $expected, %also) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	is($out, $expected, $name) or diag($err);
	return $err;
}

# ---- counts that are smaller than what there is

my @lies = (
	['the records of the page', { page => JSON::PP::true() }],
	['no more than a page', { cap => 100 }],
	['no more than 300', { cap => 300 }],
	['one too few', { by => -1 }],
	['nothing', { cap => 0 }]);
for my $lie (@lies)
{
	my ($name, $how) = @$lie;
	for my $source (@sources)
	{
		for my $without_links (0, 1)
		{
			$mls->reset;
			$mls->fault(kind => 'wrong_count', %$how, times => -1, match => '/Property');
			$mls->fault(kind => 'drop_link', times => -1) if $without_links;
			my $where = "$source counts $name" . ($without_links ? ', and gives no links' : '');
			whole("$where: a scan", sprintf($scan, $source), '450|450');
			whole("$where: a limit", "SELECT count(*) FROM (SELECT listing_key FROM $source.property LIMIT 320) p", '320');
			whole("$where: a count", "SELECT count(*) FROM $source.property", '450');
		}
	}
}

# What a session has found out it does not ask again.
$mls->reset;
$mls->fault(kind => 'wrong_count', cap => 300, times => -1, match => '/Property');
whole('a count of what counts wrongly is not pushed twice', q{
	SELECT count(*) FROM hundred.property; SELECT count(*) FROM hundred.property}, "450\n450");
is(scalar(grep { $_->{query} =~ /top=1&/ } $mls->requests), 3, '... once asked, once behind, once more');
like($node->safe_psql('postgres', q{SELECT count(*) FROM hundred.property;
	EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*) FROM hundred.property}), qr/Aggregate/, '... as its plan says');

# mls_check says so.
$mls->reset;
$mls->fault(kind => 'wrong_count', cap => 300, times => -1, match => '/Property');
is($node->safe_psql('postgres', q{SELECT ok, detail FROM mls_check('topped') WHERE item = 'count'}),
	'f|The source counts 300 records and has at least 301, so its count is not used; set the server option push_count to false.',
	'mls_check tells of it');
$mls->reset;
is($node->safe_psql('postgres', q{SELECT ok, detail FROM mls_check('topped') WHERE item = 'count'}),
	't|The source counts 450 records.', '... and of a right one');

# ---- syncs, purges and counts

$node->safe_psql('postgres', "SELECT mls_subscribe('$_.property')") for @sources;
for my $lie (@lies)
{
	my ($name, $how) = @$lie;
	$mls->reset;
	$mls->fault(kind => 'wrong_count', %$how, times => -1, match => '/Property');
	$mls->fault(kind => 'drop_link', times => -1, match => 'top=') ;
	for my $source (@sources)
	{
		$node->safe_psql('postgres', qq{SELECT mls_unsubscribe('$source.property', drop_data => true); SELECT mls_subscribe('$source.property')});
		like($node->safe_psql('postgres', "SELECT status, received >= 450, message FROM mls_sync('$source')"),
			qr/^finished\|t\|.*the source counts \d+ records and has at least \d+/, "$source counts $name: a sync says it");
		is($node->safe_psql('postgres', "SELECT count(*) FROM silver.${source}_property"), '450', '... and has all');
		is($node->safe_psql('postgres', "SELECT remote_rows IS NULL FROM mls.subscription WHERE source = '$source'"), 't', '... without a wrong total');
		like($node->safe_psql('postgres', "SELECT remote_rows IS NULL, message FROM mls_count('$source')"), qr/^t\|.*counts wrongly/, '... nor from mls_count');
		is($node->safe_psql('postgres', "SELECT status, deleted FROM mls_purge('$source')"), 'finished|0', '... and a purge takes nothing');
	}
}

# A right total is believed when it is smaller than one that was proven: an increment costs one request.
$mls->reset;
$node->safe_psql('postgres', q{SELECT mls_unsubscribe('hundred.property', drop_data => true); SELECT mls_subscribe('hundred.property')});
is($node->safe_psql('postgres', q{SELECT status, received FROM mls_sync('hundred')}), 'finished|450', 'a first load');
is($node->safe_psql('postgres', q{SELECT remote_rows, count_proven FROM mls.subscription WHERE source = 'hundred'}), '450|450', '... proves the total');
$mls->control('clock', { advance => 3600 });
$mls->control('touch', { resource => 'Property', count => 30 });
$mls->reset;
is($node->safe_psql('postgres', q{SELECT status, received BETWEEN 30 AND 99, updated FROM mls_sync('hundred')}), 'finished|t|30', 'an increment');
is(scalar(grep { $_->{path} =~ m{/Property} } $mls->requests), 1, '... is one request');

# ---- no totals, no links

for my $source (@sources)
{
	$mls->reset;
	$mls->fault(kind => 'no_count', times => -1);
	$mls->fault(kind => 'drop_link', times => -1);
	whole("$source has neither links nor totals: a scan", sprintf($scan, $source), '450|450');
	whole("$source has neither: a limit", "SELECT count(*) FROM (SELECT listing_key FROM $source.property LIMIT 320) p", '320');
	whole("$source has neither: few records", "SELECT count(*) FROM (SELECT listing_key FROM $source.property WHERE listing_key IN (SELECT listing_key FROM $source.property LIMIT 3)) p", '3');
	$mls->fault(kind => 'refuse_skip', times => -1);
	$mls->fault(kind => 'ignore_skip', times => -1);
}
$mls->reset;
$mls->fault(kind => $_, times => -1) for qw(no_count drop_link ignore_skip);
like(whole('what cannot be proven', sprintf($scan, 'topped'), '100|100'), qr/does not prove that it sent all records/, '... is told');

# ---- a total beside an empty page

$mls->reset;
$mls->fault(kind => 'no_count', times => -1);
$mls->fault(kind => 'member', name => '@odata.count', value => 60, times => -1, match => '/Property');
like(sql_error($node, "SELECT listing_key FROM topped.property WHERE listing_key = 'none' LIMIT 5"),
	qr/announced 60 records and sent 0/, 'no records beside a total, under a limit');

# ---- Qobrix

my $tenant = start_mls(listings => 1, qobrix => 60);
create_tenant($node, $tenant, 'tenant', tables => 'properties', retries => 0, page_size => 20);
create_tenant($node, $tenant, 'numbers', tables => 'properties', retries => 0, page_size => 20, paging => 'offset');
for my $source (qw(tenant numbers))
{
	$tenant->reset;
	my $all = $node->safe_psql('postgres', "SELECT count(*) FROM $source.properties");
	$tenant->fault(kind => 'empty_page', times => -1, match => '/properties');
	like(sql_error($node, "SELECT id FROM $source.properties LIMIT 5"), qr/announced $all records and sent 0/, "$source: no records beside a total, under a limit");
	like(sql_error($node, "SELECT id FROM $source.properties"), qr/announced $all records and sent 0/, '... and without one');
	for my $lie (@lies)
	{
		my ($name, $how) = @$lie;
		$tenant->reset;
		$tenant->fault(kind => 'wrong_count', %$how, times => -1, match => '/properties');
		whole("$source counts $name: a scan", "SELECT count(*) FROM (SELECT id FROM $source.properties OFFSET 0) p", $all);
		whole("$source counts $name: a count", "SELECT count(*) FROM $source.properties", $all);
	}
	for my $kind (qw(no_pagination no_count))
	{
		$tenant->reset;
		$tenant->fault(kind => $kind, times => -1, match => '/properties');
		whole("$source, $kind: a scan", "SELECT count(*) FROM (SELECT id FROM $source.properties OFFSET 0) p", $all);
	}
	for my $member ([count => -1], [count => 3.5], [count => 'x'], [limit => {}], [has_next_page => 'no'])
	{
		$tenant->reset;
		$tenant->fault(kind => 'member', name => $member->[0], value => $member->[1], match => '/properties');
		like(sql_error($node, "SELECT id FROM $source.properties"), qr/"$member->[0]" is n/, "$source: a bad $member->[0]");
	}
	$tenant->reset;
	$tenant->fault(kind => 'error_beside', match => '/properties');
	like(sql_error($node, "SELECT id FROM $source.properties"), qr/holds an error: .*The database is busy/, "$source: errors beside records");
}

$_->stop for $mls, $tenant;
$node->stop;
done_testing();
