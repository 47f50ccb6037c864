# The columns of an answer are those that were asked for: names in another case are the same
# names, and a column that does not come is not a column of NULLs.
use strict;
use warnings;

use MlsRets;
use MlsTest;
use Test::More;

my $mls = start_mls(listings => 60, fields => 'small');
my $node = new_node('rets_columns');
create_rets($node, $mls, 'r', page_size => 25, tables => 'property_all');

sub query
{
	return $node->safe_psql('postgres', $_[0]);
}

my $all = q{SELECT md5(string_agg(s::text, '|' ORDER BY l_listing_key)) FROM r.property_all s};
my $silver = q{SELECT md5(string_agg(s::text, '|' ORDER BY l_listing_key)) FROM silver.r_property_all s};
my $answer = query($all);

# ---- names in another case ----

for my $case (qw(upper lower swapcase))
{
	$mls->reset;
	$mls->fault(kind => 'column_case', to => $case, match => '/rets/search', times => -1);
	is(query($all), $answer, "columns in $case case: the same rows");
	is(query(q{SELECT count(*) FROM r.property_all WHERE l_standard_status = 'Active' AND l_city IS NOT NULL AND l_listing_key > ''}),
		query(q{SELECT count(*) FROM (SELECT * FROM r.property_all OFFSET 0) s WHERE l_standard_status = 'Active' AND l_city IS NOT NULL AND l_listing_key > ''}),
		'... under conditions, too');
}
$mls->reset;
query(q{SELECT mls_subscribe('r.property_all')});
is(query(q{SELECT status || ' ' || inserted FROM mls_sync('r')}), 'finished 60', 'a first sync');
my $stored = query($silver);
$mls->fault(kind => 'column_case', to => 'upper', match => '/rets/search', times => -1);
is(query(q{SELECT status || ' ' || updated FROM mls_sync('r', full => true)}), 'finished 0', 'a sync of columns in another case changes nothing');
is(query(q{SELECT status || ' ' || deleted FROM mls_purge('r')}), 'finished 0', '... a purge removes nothing');
is(query(q{SELECT status FROM mls_reconcile('r')}), 'finished', '... a reconcile finds nothing');

# ---- a column that does not come: live ----

$mls->reset;
$mls->fault(kind => 'lost_column', field => 'City', match => '/rets/search', times => -1);
like(sql_error($node, q{SELECT l_city FROM r.property_all}), qr/source "r" leaves field "L_City" out of the records of resource "Property:ALL".*HINT:  .*drop the column of foreign table r\.property_all/s,
	'a live query that needs the column is an error');
like(sql_error($node, q{SELECT count(*) FROM r.property_all WHERE l_city LIKE '%a%'}), qr/leaves field "L_City" out/, '... also for a condition');
like(sql_error($node, q{SELECT * FROM r.property_all}), qr/leaves field "L_City" out/, '... and for all columns');
is(query(q{SELECT count(l_list_price) > 0 FROM r.property_all}), 't', 'one that does not need it is none');
is(query(q{SELECT count(*) FROM r.property_all WHERE l_listing_key = 'none'}), '0', 'nor one without rows');

# ---- in a sync ----

is(query(q{SELECT status || ' ' || updated FROM mls_sync('r', full => true)}), 'finished 0', 'a sync without the column changes nothing');
is(query($silver), $stored, '... and what is stored stays');
is(query(q{SELECT kind || ' ' || field || ': ' || reason FROM mls.issue WHERE solved_at IS NULL}), 'missing L_City: the source leaves it out of its records; what is stored stays', '... with an issue');
my $city = query(q{SELECT l_city FROM silver.r_property_all WHERE l_listing_key = 'LK00000001'});
$mls->control('update', { resource => 'Property', keys => ['LK00000001'], fields => { ListPrice => 777777 } });
my ($new) = @{ $mls->control('insert', { resource => 'Property', count => 1 })->{keys} };
is(query(q{SELECT status || ' ' || inserted || ' ' || updated FROM mls_sync('r')}), 'finished 1 1', 'what changes besides is stored');
is(query(q{SELECT l_list_price || ' ' || l_city FROM silver.r_property_all WHERE l_listing_key = 'LK00000001'}), "777777 $city", '... beside the value that stays');
is(query(q{SELECT "ListPrice" || ' ' || "City" FROM gold.property WHERE "ListingKey" = 'LK00000001'}), "777777 $city", '... in gold, too');
is(query(qq{SELECT l_city IS NULL FROM silver.r_property_all WHERE l_listing_key = '$new'}), 't', '... and of a new record nothing is known');
is(query(q{SELECT record ->> 'L_City@decoded' FROM bronze.r_property_all WHERE key = 'LK00000001'}), $city, '... so that bronze makes the same rows again');
is(query(q{SELECT status FROM mls_reconcile('r')}), 'finished', 'a reconcile goes on');
$mls->control('clear');
is(query(q{SELECT status FROM mls_sync('r', full => true)}), 'finished', 'the column is back');
is(query(q{SELECT count(*) FROM mls.issue WHERE solved_at IS NULL}), '0', '... and the issue is solved');
is(query($silver), query(q{SELECT md5(string_agg(s::text, '|' ORDER BY l_listing_key)) FROM r.property_all s}), '... and nothing differs from the source');

$mls->fault(kind => 'lost_column', field => 'ListPrice', match => '/rets/search', times => -1);
query(q{ALTER SERVER r OPTIONS (SET schema_policy 'stop', ADD schema_check_interval '1 day')});
like(sql_error($node, q{SELECT * FROM mls_sync('r', full => true)}), qr/leaves field "L_ListPrice" out/, 'with schema_policy stop the sync stops');
query(q{ALTER SERVER r OPTIONS (SET schema_policy 'evolve')});
$mls->control('clear');
for my $field (qw(ListingKey ModificationTimestamp))
{
	$mls->fault(kind => 'lost_column', field => $field, match => '/rets/search', times => -1);
	like(sql_error($node, q{SELECT * FROM mls_sync('r', full => true)}), qr/leaves field "L_$field" out/, "no sync goes without $field");
	$mls->control('clear');
}
$mls->fault(kind => 'lost_column', field => 'ListingKey', match => '/rets/search', times => -1);
# The key is all that a purge asks for: then no column has a name.
like(sql_error($node, q{SELECT * FROM mls_purge('r')}), qr/leaves field "L_ListingKey" out|before the names of the columns/, 'nor a purge without keys');
like(sql_error($node, q{SELECT * FROM mls_reconcile('r')}), qr/leaves field "L_ListingKey" out/, 'nor a reconcile');
is(query('SELECT count(*) FROM silver.r_property_all'), '61', 'nothing was removed');

done_testing();
