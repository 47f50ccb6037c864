# Scans: what is asked, what comes back, and how a scan ends.
use strict;
use warnings;

use MlsTest;
use Test::More;

my $node = new_node('scan');
my $mls = start_mls(listings => 250, samples => 120, fields => 'small');
create_source($node, $mls, 'demo', page_size => 50, retries => 0, timeout_ms => 20000);
$node->safe_psql('postgres', 'CREATE TABLE copy AS SELECT * FROM demo.property');

# The requests a statement makes for data, as their decoded options.
sub requests_of
{
	my ($sql) = @_;
	$mls->reset;
	my $out = $node->safe_psql('postgres', $sql);
	return ($out, map { $_->{options} } grep { $_->{path} =~ m{^/odata/} } $mls->requests);
}

sub same
{
	my ($sql, $name) = @_;
	(my $local = $sql) =~ s/demo\.property/copy/g;
	is($node->safe_psql('postgres', $sql), $node->safe_psql('postgres', $local), $name);
	return;
}

# ---- what is asked ----

my ($out, @asked) = requests_of('SELECT count(DISTINCT city) FROM demo.property');
is(scalar @asked, 5, 'a full scan takes one request per page');
is($asked[0]{'$select'}, 'City,ListingKey', 'only the column that is used is selected, and the key');
is($asked[0]{'$count'}, 'true', 'the total is asked for, to prove the end');

($out, @asked) = requests_of('SELECT listing_key FROM demo.property ORDER BY modification_timestamp DESC LIMIT 3');
is(scalar @asked, 1, 'a limit in the order of the source takes one request');
is($asked[0]{'$top'}, 3, 'which names the limit');
is($asked[0]{'$orderby'}, 'ModificationTimestamp desc,ListingKey', 'and the order');

($out, @asked) = requests_of('SELECT count(*) FROM demo.property');
is($out, 250, 'count(*) is right');
is(scalar @asked, 2, 'and takes one request, and another that finds nothing behind it');
is($asked[1]{'$skip'}, 250, '... as many records on');
is($asked[0]{'$top'}, 1, 'for one record');

($out, @asked) = requests_of('EXPLAIN (VERBOSE) SELECT * FROM demo.property WHERE list_price > 5');
is(scalar @asked, 0, 'EXPLAIN asks nothing');

same('SELECT listing_key, list_price FROM demo.property WHERE list_price > 300000 ORDER BY list_price, listing_key',
	'a filtered, ordered scan');
same('SELECT listing_key FROM demo.property ORDER BY modification_timestamp DESC, listing_key LIMIT 30 OFFSET 5',
	'an order whose first part the source gives');
same('SELECT p FROM demo.property p ORDER BY listing_key LIMIT 20', 'whole rows');
same('SELECT max(modification_timestamp), min(list_price) FROM demo.property', 'extremes');
same('SELECT a.listing_key FROM demo.property a JOIN demo.property b USING (listing_key) WHERE a.list_price < 400000 ORDER BY 1',
	'a join of two scans of one source');
same('SELECT listing_key FROM demo.property WHERE list_price > (SELECT avg(list_price) FROM demo.property) ORDER BY 1',
	'a value from a subquery');
same('SELECT listing_key FROM (SELECT * FROM demo.property UNION ALL SELECT * FROM demo.property) u ORDER BY 1 LIMIT 9',
	'an append');

# ---- parameters and rescans ----

my $keys = q{(SELECT listing_key FROM copy ORDER BY listing_key COLLATE "C" LIMIT 4)};
$node->safe_psql('postgres', qq{CREATE TABLE wish AS $keys;
	INSERT INTO wish VALUES (NULL), ('no such key'); ANALYZE wish});
my $join = 'SELECT w.listing_key, p.city FROM wish w LEFT JOIN demo.property p ON p.listing_key = w.listing_key ORDER BY 1';
($out, @asked) = requests_of($join);
is(scalar @asked, 5, 'a nested loop asks once per outer row, and not for null');
like($asked[0]{'$filter'}, qr/^ListingKey eq '/, 'by key');
same($join, 'a nested loop gives the rows of a local one');

my $prepared = q{SET plan_cache_mode = force_generic_plan;
	PREPARE by_price(numeric, text[]) AS SELECT count(city), count(*) FROM demo.property WHERE list_price > $1 AND city = ANY ($2);
};
my $cities = $node->safe_psql('postgres', 'SELECT array_agg(c) FROM (SELECT DISTINCT city c FROM copy ORDER BY 1 LIMIT 3) s');
$cities =~ s/'/''/g;
($out, @asked) = requests_of("$prepared EXECUTE by_price(200000, '$cities'); EXECUTE by_price(900000, '$cities')");
like($asked[0]{'$filter'}, qr/ListPrice gt 200000/, 'a prepared statement sends its first value');
like($asked[-1]{'$filter'}, qr/ListPrice gt 900000/, 'and then its second');
for my $nothing ("NULL, '$cities'", "1, '{}'", '1, NULL', "1, '{NULL}'")
{
	($out, @asked) = requests_of("$prepared EXECUTE by_price($nothing)");
	is($out, '0|0', "by_price($nothing) finds nothing");
	is(scalar @asked, 0, 'and does not ask');
}
($out, @asked) = requests_of(q{SET plan_cache_mode = force_generic_plan;
	PREPARE how_many(numeric) AS SELECT count(*) FROM demo.property WHERE list_price < $1;
	EXECUTE how_many(400000); EXECUTE how_many('NaN'); EXECUTE how_many(NULL)});
is($out, $node->safe_psql('postgres', q{SELECT count(*) FROM copy WHERE list_price < 400000;
	SELECT count(*) FROM copy WHERE list_price < 'NaN'; SELECT 0}), 'counts with a sendable, an unsendable and a null value');
is($asked[0]{'$top'}, 1, 'the first is counted by the source');
is($asked[-1]{'$top'}, undef, 'the second here');

($out, @asked) = requests_of(q{BEGIN; DECLARE c CURSOR FOR SELECT listing_key FROM demo.property;
	FETCH 10 FROM c; CLOSE c; DECLARE d CURSOR WITH HOLD FOR SELECT listing_key FROM demo.property WHERE list_price > 800000; COMMIT;
	FETCH 1 FROM d});
cmp_ok(scalar(grep { !exists $_->{'$filter'} && !exists $_->{'$skiptoken'} } @asked), '==', 1, 'a cursor that is closed leaves the rest');

# ---- rows that are locked, views, roles ----

same('SELECT listing_key FROM demo.property WHERE list_price > 500000 ORDER BY 1 LIMIT 4 FOR UPDATE', 'FOR UPDATE');
like(sql_error($node, 'DELETE FROM demo.property'), qr/cannot delete from foreign table/, 'nothing can be deleted');
$node->safe_psql('postgres', q{
	CREATE ROLE reader LOGIN;
	CREATE VIEW keys AS SELECT listing_key FROM demo.property;
	GRANT SELECT ON keys TO reader;
	GRANT USAGE ON SCHEMA demo TO reader; GRANT SELECT ON demo.property TO reader;
});
is($node->safe_psql('postgres', 'SET ROLE reader; SELECT count(listing_key) FROM keys'), 250,
	"a view uses its owner's mapping");
like(sql_error($node, "SET ROLE reader;\nSELECT * FROM demo.property"), qr/user mapping|rejected|401/,
	'the table itself needs one of the role');

# ---- refusals ----

$mls->reset;
$mls->fault(kind => 'refuse_field', field => 'ListPrice', in => 'both', times => -1);
is($node->safe_psql('postgres', 'SELECT count(*) FROM demo.property WHERE list_price > 400000'),
	$node->safe_psql('postgres', 'SELECT count(*) FROM copy WHERE list_price > 400000'),
	'a count whose condition is refused is made here');
my $by_price = 'SELECT listing_key FROM demo.property ORDER BY list_price NULLS FIRST, listing_key LIMIT 3';
my ($status, $first, $error) = $node->psql('postgres', "$by_price;\n$by_price", on_error_stop => 0);
like($error, qr/ListPrice/, 'an order that is refused is an error once');
is($first, $node->safe_psql('postgres', $by_price =~ s/demo\.property/copy/r), 'and made here from then on');
$mls->reset;

# ---- ends ----

# The source never answers, and its own time limit is far away: what ends, ends by itself.
$node->safe_psql('postgres', q{ALTER SERVER demo OPTIONS (SET timeout_ms '300000')});
$mls->fault(kind => 'stall', match => 'Property', times => -1);
my $why = sql_error($node, "SET statement_timeout = 400;\nSELECT count(city) FROM demo.property");
like($why, qr/57014/, 'statement_timeout ends a request that stalls');
like($why, qr/scan of foreign table demo\.property/, 'the error names the foreign table');

my ($text, $timer) = ("", IPC::Run::timeout(60));
my $handle = IPC::Run::start([ 'psql', '-XAt', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-c', 'SELECT count(city) FROM demo.property' ],
	'>', \$text, '2>', \my $problem, $timer);
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^SELECT count.city' AND state = 'active' AND wait_event IS NOT NULL}),
	'a scan waits for the network');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT count.city'});
$handle->finish;
like($problem, qr/57014.*user request/s, 'a cancel ends it');
$node->safe_psql('postgres', q{ALTER SERVER demo OPTIONS (SET timeout_ms '20000')});
$mls->reset;

$mls->fault(kind => 'truncate', match => 'Property', skip => 2, times => -1);
($status, $out, $error) = $node->psql('postgres',
	"SELECT count(city) FROM demo.property;\nSELECT count(*) FROM demo.office", on_error_stop => 0);
like($error, qr/ERROR:.*page 3/, 'a truncated page is an error that names the page');
is($out, $node->safe_psql('postgres', 'SELECT count(*) FROM demo.office'), 'and the session goes on');
$mls->reset;

# ---- bad values ----

$mls->fault(kind => 'bad_value', match => 'Property', field => 'ListPrice', value => 'many', times => -1);
($status, $out, $error) = $node->psql('postgres', 'SELECT count(list_price), count(listing_key) FROM demo.property');
is($out, '0|250', 'values that do not fit are null');
is(scalar(() = $error =~ /WARNING/g), 1, 'with one warning for the column');
like($error, qr/"ListPrice" is not a number.*Record LK\d+ has "many"/s, 'that shows field, record and value');
like(plan_of($node, 'SELECT list_price FROM demo.property', ANALYZE => '', TIMING => 'off', SUMMARY => 'off'),
	qr/Unconvertible Values: 250/, 'EXPLAIN ANALYZE counts them');
$mls->reset;

$mls->fault(kind => 'bad_value', match => 'Property', field => 'ListPrice', value => 'many', record => 0, times => -1);
for my $query ('SELECT listing_key FROM demo.property ORDER BY list_price NULLS FIRST, listing_key LIMIT 3',
	'SELECT count(*) FROM (SELECT 1 FROM demo.property WHERE list_price >= 0 LIMIT 3) s')
{
	my ($status, $out, $error) = $node->psql('postgres', "$query;\n$query", on_error_stop => 0);
	like($error, qr/ERROR:.*"ListPrice" is not a number.*HINT:.*Repeat/s, "an error where a bad value spoils: $query");
	is(scalar(() = $error =~ /ERROR/g), 1, 'but once');
	isnt($out, '', 'and then an answer');
}
$mls->reset;

# ---- EXPLAIN ANALYZE, ANALYZE, the whole record ----

my $plan = plan_of($node, 'SELECT city FROM demo.property', ANALYZE => '', TIMING => 'off', SUMMARY => 'off');
like($plan, qr/Remote Requests: 5\n\s+Remote Pages: 5\n\s+Remote Records: 250\n\s+Received: \d+ bytes/, 'EXPLAIN ANALYZE tells the cost');
unlike($plan, qr/static-token-value/, 'and no secret');
like($node->safe_psql('postgres', 'EXPLAIN (ANALYZE, FORMAT JSON) SELECT city FROM demo.property LIMIT 1'),
	qr/"Network Wait": \d/, 'and the waiting, in JSON');

($status, $out, $error) = $node->psql('postgres', 'ANALYZE demo.property');
is($error, '', 'ANALYZE of a small resource');
is($node->safe_psql('postgres', q{SELECT reltuples FROM pg_class WHERE oid = 'demo.property'::regclass}), 250,
	'finds how many records there are');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE demo.property OPTIONS (ADD page_size '10')});
($status, $out, $error) = $node->psql('postgres', 'ANALYZE demo.property');
like($error, qr/NOTICE:.*not random.*first 100 records/s, 'ANALYZE of a larger one says what it saw');
is($node->safe_psql('postgres', q{SELECT reltuples FROM pg_class WHERE oid = 'demo.property'::regclass}), 250,
	'and still knows how many there are');

$node->safe_psql('postgres', q{ALTER FOREIGN TABLE demo.property ADD COLUMN record jsonb OPTIONS (field '*')});
($out, @asked) = requests_of(q{SELECT record ->> 'City' IS NOT DISTINCT FROM city FROM demo.property LIMIT 1});
is($out, 't', 'a column may hold the whole record');
is($asked[0]{'$select'}, undef, 'which needs all fields');

# The last, for what was asked ahead may still be on its way when it has ended.
($out, @asked) = requests_of(q{SELECT listing_key FROM demo.property WHERE md5(listing_key) <> '' LIMIT 5});
cmp_ok(scalar @asked, '<=', 2, 'a limit over a local condition stops early');
ok(!exists $asked[0]{'$top'}, 'without naming a limit');

done_testing();
