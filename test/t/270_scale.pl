# Gold over many machines, on a database that has one: what is refused and why, and the
# functions by which statements speak of distributed gold (test/citus has them at work).
use strict;
use warnings;

use MlsSync;
use MlsTest;
use Test::More;

my $node = new_node('scale');
my $mls = start_mls(listings => 30, fields => 'small');
sub query { return scalar $node->safe_psql('postgres', $_[0]) }

like(query('SELECT concat_ws(chr(10), object, obstacle, cure) FROM mls_check_scale()'),
	qr/^database postgres\nit has no other nodes: the extension citus is not installed\n.*shared_preload_libraries.*CREATE EXTENSION citus.*\ndatabase postgres\nit has no tables of gold that are yours\nsubscribe first: mls_subscribe\(\)$/,
	'what is missing is said in plain words');
subscribe_property($node, $mls, 'demo');
query(q{SELECT mls_sync('demo')});
is(query('SELECT count(*) FROM mls_check_scale()'), '1', 'with gold there is only Citus left');
query(q{SELECT mls_track('demo.property'); CREATE PUBLICATION p FOR TABLE gold.property});
is(query(q{SELECT string_agg(split_part(obstacle, ' ', 2), ' ' ORDER BY obstacle) FROM mls_check_scale() WHERE object = 'table gold.property'}),
	'publication trigger trigger trigger', 'and what would not see other nodes is named, one by one');
query(q{SELECT mls_track('demo.property', false); DROP PUBLICATION p; CREATE ROLE reader; GRANT SELECT ON gold.property TO reader});
is(query(q{SELECT cure FROM mls_check_scale() WHERE obstacle LIKE 'role reader%'}),
	'ALTER ROLE reader LOGIN PASSWORD NULL, and let pg_hba.conf admit it from nodes only', 'a role without login would be refused');
for my $function (qw(mls_distribute mls_undistribute))
{
	like(sql_error($node, "SELECT $function()"),
		qr/55000: cannot execute $function\(\): this database has no other nodes\nDETAIL:  The extension citus is not installed in it.\nHINT:  Install Citus, put it first into shared_preload_libraries, and then: CREATE EXTENSION citus/,
		'... with the way out');
}

# ---- Reading and writing by keys ----

is(query(q{SELECT mls.gold_from('gold.property', 'ListingKey')}), 'gold.property', 'gold that is local is read as it is');
is(query(q{SELECT string_agg(key, ' ' ORDER BY key) FROM mls.gold_rows('SELECT "ListingKey" FROM gold.property g WHERE g."ListingKey" = ANY ($1)',
	ARRAY(SELECT listing_key FROM silver.demo_property ORDER BY 1 LIMIT 2)) AS g(key text)}),
	query('SELECT string_agg(k, chr(32)) FROM (SELECT listing_key FROM silver.demo_property ORDER BY 1 LIMIT 2) x (k)'), 'rows come by their keys');
is(query(q{SELECT count(*) FROM mls.gold_rows('SELECT 1 / 0', '{}') AS g(a integer)}), '0', 'without keys nothing is asked');
is(query(q{SELECT count(*) FROM mls.gold_rows(NULL) AS g(a integer)}), '0', 'nor without a query');
like(sql_error($node, q{SELECT * FROM mls.gold_rows('SELECT 1') AS g(a text)}), qr/the query has other columns/, 'columns are what they are said to be');
like(sql_error($node, q{SELECT * FROM mls.gold_rows('SELECT 1, 2') AS g(a integer)}), qr/the query has other columns/, '... all of them');
like(sql_error($node, q{SELECT * FROM mls.gold_rows('DELETE FROM gold.property') AS g(a integer)}), qr/it is not a query/, 'reading does not write');
is(query('SELECT count(*) FROM gold.property'), '30', '... not a row');
is(query(q{SELECT count(*) FROM mls.gold_write('DELETE FROM gold.property', '{}'::text[])}), '0', 'a command without keys is not run');
is(query('SELECT count(*) FROM gold.property'), '30', '... at all');
query(q{SELECT FROM mls.gold_write('DELETE FROM gold.property g WHERE g."ListingKey" = ANY ($1)', ARRAY(SELECT listing_key FROM silver.demo_property ORDER BY 1 LIMIT 2))});
is(query('SELECT count(*) FROM gold.property'), '28', 'with keys it is');
query(q{CREATE TABLE kept (LIKE gold.property); SELECT FROM mls.gold_write('INSERT INTO public.kept SELECT u.* FROM unnest($1) u', ARRAY(SELECT g FROM gold.property g))});
is(query('SELECT count(*) FROM ((TABLE kept EXCEPT TABLE gold.property) UNION ALL (TABLE gold.property EXCEPT TABLE kept)) x'), '0', 'rows are written as they were given');

# ---- Moving ----

# As where Citus is, but for who may.
query(q{CREATE TABLE mls.source_node (source text PRIMARY KEY, node integer NOT NULL); INSERT INTO mls.source_node VALUES ('demo', 0);
	CREATE ROLE ann; SELECT mls_grant('ann'); GRANT USAGE ON FOREIGN SERVER demo TO ann; CREATE SCHEMA ann AUTHORIZATION ann});
query(q{SET ROLE ann; CREATE FOREIGN TABLE ann.member (member_key text OPTIONS (field 'MemberKey') NOT NULL, modified timestamptz OPTIONS (field 'ModificationTimestamp')) SERVER demo OPTIONS (resource 'Member', key 'MemberKey', timestamp 'ModificationTimestamp'); SELECT mls_subscribe('ann.member')});
like(sql_error($node, q{SET ROLE ann; SELECT mls.note_source_node('demo', 1)}), qr/42501: permission denied to move source "demo"/, 'who syncs a part of a source does not move the rest of it');
query(q{SELECT mls.note_source_node('demo', 1)});
is(query('SELECT node FROM mls.source_node'), '1', 'who may sync all of it does');

$mls->stop;
$node->stop;
done_testing();
