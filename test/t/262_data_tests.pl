# Data tests: each kind finds exactly the rows at fault that were planted for it; names, filters and
# values are no way to other statements; what is found is for those whose it is; figures of a mart
# that a test is against are not shown.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = empty_node('main');
$node->start;

sub sql
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

sub as_role
{
	my ($role, $sql) = @_;
	return sql($sql, connstr => $node->connstr('postgres') . " user=$role");
}

sub error_of
{
	my ($sql, $role) = @_;
	my ($out, $err);
	$node->psql('postgres', $sql, stderr => \$err, on_error_stop => 1, ($role ? (connstr => $node->connstr('postgres') . " user=$role") : ()));
	return $err =~ s/^psql:<stdin>:\d+: //r;
}

sql(q{
	CREATE EXTENSION mls_fdw;
	CREATE ROLE keeper LOGIN;
	CREATE ROLE stranger LOGIN;
	CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	SELECT mls_grant('keeper');
	SELECT mls_grant('stranger');
	GRANT CREATE ON DATABASE postgres TO keeper, stranger;
	GRANT CREATE ON SCHEMA public TO keeper;
	GRANT USAGE ON SCHEMA mls TO watcher});
as_role('keeper', q{
	CREATE SCHEMA "Odd ""Names""";
	-- Names that would be statements if they were pasted.
	CREATE TABLE "Odd ""Names"""."home; DROP TABLE x; --" (
		"Key'""" integer PRIMARY KEY, "a; DROP TABLE x" text, code text, price numeric, kind text, tags text[], seen timestamptz, grp integer, seq integer, agent integer);
	INSERT INTO "Odd ""Names"""."home; DROP TABLE x; --"
	SELECT i, 'v' || i, 'C-' || i, i * 100, (ARRAY['house','flat'])[1 + i % 2], ARRAY['a','b'], now() - interval '1 hour' * i, i % 3, i, i % 4 FROM generate_series(1, 20) i;
	CREATE TABLE x (id integer);
	CREATE TABLE agents (id integer, city text);
	INSERT INTO agents VALUES (0, 'a'), (1, 'b'), (2, 'b'), (3, NULL), (NULL, 'z');
	CREATE VIEW homes AS SELECT "Key'""" AS id, price FROM "Odd ""Names"""."home; DROP TABLE x; --"}) ;
my $home = q{"Odd ""Names"""."home; DROP TABLE x; --"};
my $named = q{'"Odd ""Names"""."home; DROP TABLE x; --"'};

# Adds a test of the suite s, runs it, and gives status, number and keys.
sub try_test
{
	my ($name, $arguments) = @_;
	as_role('keeper', "SELECT mls_test_add('s', '$name', $arguments)");
	my $found = as_role('keeper', qq{SELECT status, failures, message FROM mls_test('s') WHERE test = '$name'});
	my $keys = as_role('keeper', qq{SELECT string_agg(coalesce(key ->> 'Key''"', key ->> 'id', key::text), ' ' ORDER BY coalesce(key ->> 'Key''"', key ->> 'id')::integer, key::text) FROM mls_test_failures WHERE test = '$name'});
	as_role('keeper', "SELECT mls_test_drop('s', '$name')");
	return $found . ($keys ne '' ? "|$keys" : '');
}
sub plant { as_role('keeper', "UPDATE $home SET $_[0]"); return }

# ---- Each kind, without a fault and with some ----

is(try_test('n', "'not_null', $named, '{\"a; DROP TABLE x\",code}'"), 'passed|0|', 'no value is missing');
plant(q{code = NULL WHERE seq IN (3, 4)});
plant(q{"a; DROP TABLE x" = NULL WHERE seq IN (4, 9)});
is(try_test('n', "'not_null', $named, '{\"a; DROP TABLE x\",code}'"), 'failed|3||3 4 9', 'not_null: rows in which one of the columns is NULL');

is(try_test('u', "'unique', $named, '{code}'"), 'passed|0|', 'unique: those without a value are not alike');
plant(q{code = 'C-1' WHERE seq IN (2, 7)});
is(try_test('u', "'unique', $named, '{code}'"), 'failed|1||{"code": "C-1", "rows": 3}', 'unique: a value, and how often it is there');
is(try_test('u', "'unique', $named, '{code,seq}'"), 'passed|0|', 'unique: several columns together');

is(try_test('r', "'relationships', $named, '{agent}', '{\"columns\": [\"id\"]}', other => 'agents'"), 'passed|0|', 'relationships, with a NULL among the keys there');
plant(q{agent = 77 WHERE seq IN (5, 6)});
plant(q{agent = NULL WHERE seq = 8});
is(try_test('r', "'relationships', $named, '{agent}', '{\"columns\": [\"id\"]}', other => 'agents'"), 'failed|2||5 6', 'relationships: keys that are not there, NULL there or here or not');

is(try_test('v', "'accepted_values', $named, '{kind}', '{\"values\": [\"house\", \"flat\"]}'"), 'passed|0|', 'accepted_values');
plant(q{kind = 'it''s' WHERE seq = 10});
plant(q{kind = NULL WHERE seq = 11});
is(try_test('v', "'accepted_values', $named, '{kind}', '{\"values\": [\"house\", \"flat\"]}'"), 'failed|1||10', 'accepted_values: another one, while NULL is none');
is(try_test('v', "'accepted_values', $named, '{kind}', '{\"values\": [\"house\", \"flat\", \"it''s\"]}'"), 'passed|0|', 'accepted_values: with a quote');
plant(q{tags = '{a,z}' WHERE seq = 12});
is(try_test('v', "'accepted_values', $named, '{tags}', '{\"values\": [\"a\", \"b\"]}'"), 'failed|1||12', 'accepted_values: of arrays');

is(try_test('g', "'range', $named, '{price}', '{\"min\": 100, \"max\": 2000}'"), 'passed|0|', 'range');
plant(q{price = -1 WHERE seq = 13});
plant(q{price = 1e9 WHERE seq = 14});
plant(q{price = NULL WHERE seq = 15});
plant(q{price = 'NaN' WHERE seq = 16});
is(try_test('g', "'range', $named, '{price}', '{\"min\": 100, \"max\": 2000}'"), 'failed|3||13 14 16', 'range: below, above, no number; NULL is in it');
is(try_test('g', "'range', $named, '{price}', '{\"min\": 100, \"strict\": true}'"), 'failed|2||1 13', 'range: without its border');

is(try_test('x', "'regex', $named, '{code}', '{\"pattern\": \"^C-\\\\d+\$\"}'"), 'passed|0|', 'regex');
plant(q{code = 'c17' WHERE seq = 17});
is(try_test('x', "'regex', $named, '{code}', '{\"pattern\": \"^C-\\\\d+\$\"}'"), 'failed|1||17', 'regex: what does not match');

is(try_test('f', "'freshness', $named, '{seen}', '{\"warn_after\": \"3 hours\", \"error_after\": \"1 day\"}'"), 'passed|0|', 'freshness');
is(try_test('f', "'freshness', $named, '{seen}', '{\"warn_after\": \"3 hours\", \"error_after\": \"1 day\"}', filter => 'seq > 10'") =~ s/\{.*\}/NEWEST/r, 'warned|1||NEWEST', 'freshness: it warns first');
is(try_test('f', "'freshness', $named, '{seen}', '{\"error_after\": \"5 hours\"}', filter => 'seq > 10'") =~ s/\{.*\}/NEWEST/r, 'failed|1||NEWEST', 'freshness: then it fails');
is(try_test('f', "'freshness', $named, '{seen}', '{\"error_after\": \"5 hours\"}', filter => 'seq > 1000'"), 'failed|1||{"newest": null}', 'freshness: nothing is not new');

is(try_test('c', "'row_count', $named, arguments => '{\"min\": 20, \"max\": 20}'"), 'passed|0|', 'row_count');
is(try_test('c', "'row_count', $named, arguments => '{\"min\": 21}'"), 'failed|1||{"rows": 20, "before": null}', 'row_count: too few');

is(try_test('d', "'not_decreasing', $named, '{seq}', '{\"order_by\": [\"Key''\\\"\"]}'"), 'passed|0|', 'not_decreasing');
plant(q{seq = 2 WHERE seq = 19});
plant(q{seq = NULL WHERE seq = 18});
is(try_test('d', "'not_decreasing', $named, '{seq}', '{\"order_by\": [\"Key''\\\"\"]}'"), 'failed|1||19', 'not_decreasing: one that falls, with a NULL before it');
is(try_test('d', "'not_decreasing', $named, '{seq}', '{\"order_by\": [\"Key''\\\"\"], \"partition_by\": [\"kind\"], \"strict\": true}'"), 'failed|1||19', 'not_decreasing: within groups');

as_role('keeper', "CREATE TABLE totals AS SELECT grp, sum(price) AS price FROM $home WHERE price < 5000 GROUP BY grp UNION ALL SELECT NULL, 7");
plant(q{price = 1 WHERE price > 5000 OR price IS NULL});
plant(q{price = 1 WHERE price = 'NaN'});
as_role('keeper', "TRUNCATE totals; INSERT INTO totals SELECT grp, sum(price) FROM $home GROUP BY grp");
is(try_test('s', "'sum_equals', $named, '{price}', '{\"column\": \"price\", \"group_by\": [\"grp\"]}', other => 'totals'"), 'passed|0|', 'sum_equals');
as_role('keeper', q{UPDATE totals SET price = price + 1 WHERE grp = 1; INSERT INTO totals VALUES (NULL, 7)});
like(try_test('s', "'sum_equals', $named, '{price}', '{\"column\": \"price\", \"group_by\": [\"grp\"]}', other => 'totals'"), qr/^failed\|2\|\|\{"grp": "1", .*\} \{"grp": null, "sum": null, "expected": 7\}$/, 'sum_equals: by groups, NULL one of them');
is(try_test('s', "'sum_equals', $named, '{price}', '{\"column\": \"price\", \"group_by\": [\"grp\"], \"tolerance\": 10}', other => 'totals'"), 'passed|0|', 'sum_equals: more or less');
like(try_test('s', "'sum_equals', $named, '{price}', '{\"value\": 5}'"), qr/^failed\|1\|/, 'sum_equals: a number');

is(try_test('e', "'expression', $named, arguments => '{\"expression\": \"price > 0\"}'"), 'failed|1||13', 'expression: where it is false');
is(try_test('e', "'expression', $named, arguments => '{\"expression\": \"price > 0 -- and more\"}', filter => 'kind <> ''flat'' -- so'"), 'passed|0|', 'expression: a comment ends with its line, a filter says of which rows');
is(try_test('e', "'expression', 'homes', '{id}', '{\"expression\": \"price > 0\"}'"), 'failed|1||13', 'expression: of a view');

is(try_test('q', qq{'equal', arguments => '{"query": "SELECT 1 AS a UNION ALL SELECT 1", "expected": "SELECT 1 AS a"}'}), 'failed|1||{"row": "{\"a\": 1}", "only_in": "query"}', 'equal: how often a row is there counts');
is(try_test('q', qq{'equal', arguments => '{"query": "SELECT 1.0 AS a, NULL AS b", "expected": "SELECT 1.00 AS a, NULL AS b"}'}), 'passed|0|', 'equal: NULL is NULL');
is(sql('SELECT count(*) FROM x'), 0, 'no name has dropped a table');

# ---- Severities, thresholds, samples ----

plant(q{kind = 'odd'});
is(try_test('t', "'accepted_values', $named, '{kind}', '{\"values\": [\"house\"]}', severity => 'warn'"), 'warned|20||' . join(' ', 1 .. 20), 'a test that warns');
is(try_test('t', "'accepted_values', $named, '{kind}', '{\"values\": [\"house\"]}', error_if => 21, warn_if => 20, samples => 0"), 'warned|20|', 'one that fails with more');
is(try_test('t', "'accepted_values', $named, '{kind}', '{\"values\": [\"house\"]}', error_if => 21, warn_if => 21, samples => 3") =~ s/(?<= )\d+|(?<=\|)\d+(?= )/N/gr, 'passed|20||N N N', 'or lets them pass; three keys are kept');

# What has changed since it passed last.
as_role('keeper', "SELECT mls_test_add('counts', 'rows', 'row_count', $named, arguments => '{\"max_change_pct\": 10}')");
is(as_role('keeper', q{SELECT status FROM mls_test('counts')}), 'passed', 'a count without one before');
as_role('keeper', "DELETE FROM $home WHERE \"Key'\"\"\" > 16");
is(as_role('keeper', q{SELECT status FROM mls_test('counts')}) . as_role('keeper', q{SELECT status FROM mls_test('counts')}), 'failedfailed', 'too many have gone, and are so until somebody says it is right');
is(as_role('keeper', q{SELECT key FROM mls_test_failures WHERE suite = 'counts'}), '{"rows": 16, "before": 20}', 'as it says');
as_role('keeper', "SELECT mls_test_add('counts', 'rows', 'row_count', $named, arguments => '{\"max_change_pct\": 10}')");
is(as_role('keeper', q{SELECT status FROM mls_test('counts')}), 'passed', 'by adding the test again');

# ---- Refusals ----

for (
	[ q{'a', 'nul', 'homes'}, qr/there is no kind of data test "nul"/ ],
	[ q{'a', 'not_null', 'homes'}, qr/a test not_null is of one column or several/ ],
	[ q{'a', 'not_null', 'homes', '{idd}'}, qr/homes has no column "idd"\nHINT:  Perhaps you meant "id"/ ],
	[ q{'a', 'range', 'homes', '{id}'}, qr/a test range needs the argument "min" or "max/ ],
	[ q{'a', 'range', 'homes', '{id}', '{"minimum": 1}'}, qr/has no argument "minimum"\nHINT:  It takes: min, max, strict/ ],
	[ q{'a', 'range', 'homes', '{id}', '{"min": "x"}'}, qr/invalid input syntax for type integer/ ],
	[ q{'a', 'accepted_values', 'homes', '{id}', '{"values": [1, null]}'}, qr/has NULL, which is equal to nothing/ ],
	[ q{'a', 'relationships', 'homes', '{id}', '{"columns": ["id"]}'}, qr/needs the other table/ ],
	[ q{'a', 'expression', 'homes', '{}', '{"expression": "true) OR (true"}'}, qr/syntax error/ ],
	[ q{'a', 'expression', 'homes', '{}', '{"expression": "1; DROP TABLE x"}'}, qr/syntax error/ ],
	[ q{'a', 'expression', 'homes', '{}', '{"expression": "id FROM agents"}'}, qr/without clauses of a query/ ],
	[ q{'a', 'not_null', 'homes', '{id}', filter => 'true) UNION SELECT 1 FROM (agents'}, qr/syntax error/ ],
	[ q{'a', 'equal', arguments => '{"query": "SELECT 1; DROP TABLE x", "expected": "SELECT 1"}'}, qr/is no query for a data test/ ],
	[ q{'a', 'equal', arguments => '{"query": "SELECT 1;", "expected": "SELECT 1"}'}, qr/without a semicolon/ ],
	[ q{'a', 'equal', arguments => '{"query": "DELETE FROM x RETURNING 1", "expected": "SELECT 1"}'}, qr/is no query for a data test/ ],
	[ q{'a', 'equal', arguments => '{"query": "SELECT 1 INTO y", "expected": "SELECT 1"}'}, qr/is no query for a data test/ ],
	[ q{'a', 'not_null', 'homes', '{id}', severity => 'fatal'}, qr/"fatal" is no severity/ ],
	[ q{'a', 'not_null', 'homes', '{id}', samples => 101}, qr/a number is out of bounds/ ],
	[ q{'a', 'not_null', 'homes', '{id}', on_failure => 'keep last good'}, qr/only what a mart computes can be kept back/ ])
{
	like(error_of("SELECT mls_test_add('s', $_->[0])", 'keeper'), $_->[1], "refused: $_->[0]");
}

# ---- What a test may do ----

is(error_of(q{SELECT mls_test_add('may', 'b', 'equal', arguments => '{"query": "WITH d AS (DELETE FROM public.agents RETURNING 1) SELECT * FROM d", "expected": "SELECT 1"}')}, 'keeper') =~ /ERROR:  (.*)/ && $1,
	'WITH clause containing a data-modifying statement must be at the top level', 'a query that writes is none');
as_role('keeper', q{
	CREATE FUNCTION write_x() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.x VALUES (1); RETURN true; END $$;
	CREATE FUNCTION wait() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN true; END $$;
	CREATE FUNCTION around() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN current_setting('search_path') || ' ' || current_user || ' ' || current_setting('transaction_read_only'); END $$;
	CREATE FUNCTION hold_on() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SET ROLE keeper'; RETURN true; END $$;
	SELECT mls_test_add('may', 'a_write', 'expression', 'homes', arguments => '{"expression": "public.write_x()"}');
	SELECT mls_test_add('may', 'c_slow', 'expression', 'homes', arguments => '{"expression": "public.wait()"}', timeout_s => 1);
	SELECT mls_test_add('may', 'd_around', 'equal', arguments => '{"query": "SELECT public.around() AS a", "expected": "SELECT ''pg_catalog, pg_temp keeper on'' AS a"}');
	SELECT mls_test_add('may', 'e_division', 'expression', 'homes', arguments => '{"expression": "1 / (id - id) = 1"}');
	SELECT mls_test_add('may', 'f_restricted', 'expression', 'homes', arguments => '{"expression": "public.hold_on()"}')});
is(sql(q{SELECT string_agg(concat_ws(' ', test, status, message), ', ' ORDER BY test) FROM mls_test('may')}),
	'a_write broken cannot execute INSERT in a read-only transaction, c_slow broken canceling statement due to statement timeout, d_around passed, e_division broken division by zero, f_restricted broken cannot set parameter "role" within security-restricted operation',
	'a test reads only, in its owner\'s rights whoever calls, restricted, and not for ever; one that cannot be run does not keep others from running');
is(sql('SELECT count(*) FROM x'), 0, 'nothing was written');

# ---- Who sees what ----

as_role('keeper', q{SELECT mls_test_drop('may'); SELECT mls_test_drop('counts'); SELECT mls_test_suite('s');
	SELECT mls_test_add('s', 'prices', 'range', 'homes', '{price}', '{"min": 0}'); SELECT mls_test_add('s', 'ids', 'not_null', 'homes', '{id}')});
is(as_role('keeper', q{SELECT suite, status, tests, passed, warned, failed, message FROM mls_test_sync('s')}), 's|finished|2|1|0|1|s.prices failed', 'a suite is a run');
is(as_role('keeper', q{SELECT process, resource, status, received, note FROM mls_history ORDER BY run DESC LIMIT 1}), 'test|s|finished|2|s.prices failed', 'of the history');
is(as_role('keeper', q{SELECT level, message FROM mls_health() WHERE item = 'tests'}), 'critical|data tests failed: s.prices (1 fault)', 'and health says so');
is(as_role('keeper', q{SELECT string_agg(m, ' ') FROM mls_metrics() m WHERE m LIKE 'mls_test_fail%'}),
	'mls_test_failed{suite="s",test="ids"} 0 mls_test_failed{suite="s",test="prices"} 1 mls_test_failures{suite="s",test="ids"} 0 mls_test_failures{suite="s",test="prices"} 1', 'metrics, too');
is(as_role('watcher', q{SELECT string_agg(test || ' ' || status, ', ') FROM mls_tests}), 'prices failed, ids passed', 'a monitor sees what was found, what is wrong first');
is(as_role('watcher', q{SELECT count(*) FROM mls_test_failures}), 0, 'and no rows');
is(as_role('stranger', q{SELECT count(*) FROM mls_tests}) . as_role('stranger', q{SELECT count(*) FROM mls_test_failures}), '00', 'a stranger sees nothing');
like(error_of(q{SELECT * FROM mls_test('s')}, 'stranger'), qr/there is no test suite "s" of yours/, 'and runs nothing');
like(error_of(q{SELECT mls_test_add('s', 'mine', 'not_null', 'pg_catalog.pg_class', '{oid}')}, 'stranger'), qr/there is no test suite "s" of yours/, 'nor adds to it');
like(error_of(q{SELECT mls_test_drop('s')}, 'stranger'), qr/there is no test suite "s" of yours/, 'nor drops it');

# An error may have a value in its words, which are for the owner.
as_role('keeper', qq{SELECT mls_test_add('s', 'odd', 'expression', $named, arguments => '{"expression": "code::integer > 0"}')});
like(as_role('keeper', q{SELECT message FROM mls_test('s') WHERE test = 'odd'}), qr/^invalid input syntax for type integer: "C-?\d+"$/i, 'the owner is told why a test is broken');
my $seen = join "\n", map { as_role('watcher', $_) } 'SELECT r::text FROM mls.test_result r', 'SELECT t::text FROM mls_tests t', 'SELECT h::text FROM mls_history h', 'SELECT h::text FROM mls_health() h', 'SELECT m FROM mls_metrics() m', 'TABLE mls.test_suite', 'TABLE mls_test_failures';
unlike($seen, qr/\bc-?\d+"|invalid input/i, 'a monitor sees no values');
like(as_role('watcher', q{SELECT message FROM mls_tests WHERE test = 'odd'}), qr/^it raised an error of SQLSTATE 22P02$/, 'but of which kind it was');
as_role('keeper', q{SELECT mls_test_drop('s', 'odd')});

# A pipeline: the exit code, and one line.
my ($code, $out, $err) = $node->psql('postgres', q{SELECT * FROM mls_test('s', fail => true)}, on_error_stop => 1, connstr => $node->connstr('postgres') . ' user=keeper');
isnt($code, 0, 'a pipeline fails');
like($err, qr/ERROR:  1 of 2 data tests failed: s\.prices \(1 fault\)/, 'and says why in one line');
is(sql(q{SELECT count(*) FROM mls.test_result r JOIN mls.data_test t ON t.id = r.test WHERE t.name = 'prices'}), 3, 'what was found stays');
plant(q{price = 1});
is(as_role('keeper', q{SELECT count(*) FROM mls_test('s', fail => true)}), 2, 'it passes when that is mended');
is(as_role('keeper', q{SELECT level, message FROM mls_health() WHERE item = 'tests'}), 'ok|2 data tests have found nothing', 'as health says');
as_role('keeper', q{DROP VIEW homes});
is(as_role('keeper', q{SELECT string_agg(status || ' ' || message, ', ') FROM mls_test('s')}), ('broken the table of the test was dropped, ' x 2) =~ s/, $//r, 'a table that is dropped is told');
as_role('keeper', q{SELECT mls_test_drop('s')});

# ---- A mart that a test keeps back ----

as_role('keeper', q{
	CREATE TABLE gold.property ("ListingKey" text PRIMARY KEY, mls_source text NOT NULL DEFAULT 'east', mls_origin text NOT NULL DEFAULT 'Property', mls_source_key text NOT NULL DEFAULT '', mls_updated_at timestamptz NOT NULL DEFAULT now(),
		"StandardStatus" text, "PropertyType" text DEFAULT 'Residential', "OnMarketDate" date DEFAULT '2025-01-05', "CloseDate" date, "ListPrice" numeric DEFAULT 1000, "Latitude" numeric);
	INSERT INTO gold.property ("ListingKey", "StandardStatus") SELECT i, 'Active' FROM generate_series(1, 20) i;
	SELECT mls_mart_create()});
is(as_role('keeper', q{SELECT status FROM mls_mart_sync()}), 'finished', 'a mart');
cmp_ok(as_role('keeper', q{SELECT mls_test_add_shipped('mart')}), '>=', 15, 'has tests that come along');
cmp_ok(as_role('keeper', q{SELECT mls_test_add_shipped('gold')}), '>=', 6, 'and gold, those whose columns are there');
is(as_role('keeper', q{SELECT string_agg(test || ' ' || status, ', ') FROM mls_test() WHERE status <> 'passed'}), '', 'which pass');
as_role('keeper', q{INSERT INTO gold.property ("ListingKey", "StandardStatus") VALUES ('21', 'Active')});
is(as_role('keeper', q{SELECT status FROM mls_mart_sync()}), 'finished', 'they run with each run of the mart');
is(as_role('keeper', q{SELECT count(DISTINCT t.name) = (SELECT count(*) FROM mls_tests WHERE suite = 'mart') FROM mls.test_result r JOIN mls.run u ON u.id = r.run JOIN mls.data_test t ON t.id = r.test WHERE u.process = 'mart'}), 't', 'all of them');

# They look at what a run has computed, while nothing else is at fault.
as_role('keeper', q{SELECT mls_test_add('mart', 'asked', 'range', 'mart.fct_listing', '{list_price}', '{"min": 500}')});
sub asked
{
	my ($sql, $more) = @_;
	as_role('keeper', $sql);
	as_role('keeper', 'SELECT * FROM mls_mart_sync(' . ($more || '') . ')');
	return as_role('keeper', q{SELECT concat_ws(' ', r.status, r.failures, CASE WHEN r.query LIKE '%mls_new_looked%' THEN 'some' ELSE 'all' END, (SELECT string_agg(f.key ->> 'listing_key', ' ' ORDER BY 1) FROM mls_test_failures f WHERE f.test = 'asked'))
		FROM mls.data_test d JOIN mls.test_result r ON r.test = d.id WHERE d.name = 'asked' ORDER BY r.run DESC LIMIT 1});
}
sub lot { my ($key, $price) = @_; return qq{INSERT INTO gold.property ("ListingKey", "StandardStatus", "ListPrice") VALUES ('$key', 'Active', $price)} }
is(asked(lot('901', 1000)), 'passed 0 all', 'a test that is new looks at all');
is(asked(lot('902', 1000)), 'passed 0 some', 'then at what has changed');
is(asked(lot('903', 5)), 'failed 1 some 903', 'and finds it');
is(asked(lot('904', 1000)), 'failed 1 all 903', 'as long as something is at fault it looks at all');
is(asked(q{UPDATE gold.property SET "ListPrice" = 1000 WHERE "ListingKey" = '903'}), 'passed 0 all', 'until nothing is');
is(asked(q{SELECT 1}), 'passed 0 some', 'where nothing has changed it looks at nothing');
is(as_role('keeper', q{SELECT count(*) FROM pg_class WHERE relname LIKE 'mls\_new\_%'}), 0, 'nothing is left of that');
is(asked(q{UPDATE mart.fct_listing SET list_price = 1 WHERE listing_key = '901'}), 'passed 0 some', 'what somebody writes there himself');
as_role('keeper', q{SELECT mls_test('mart')});
is(as_role('keeper', q{SELECT status || failures FROM mls_tests WHERE test = 'asked'}), 'failed1', 'is found by the suite itself');
is(asked(q{SELECT 1}, 'rebuild => true'), 'passed 0 all', 'and mended by a full build');
as_role('keeper', q{SELECT mls_test_suite('mart')});
is(as_role('keeper', q{SELECT count(*) FROM mls.data_test t JOIN mls.test_suite s ON s.id = t.suite WHERE s.name = 'mart' AND t.kind <> 'row_count' AND t.baseline IS NOT NULL}), 0, 'tests that do not run with it any more look at all again when they do');
as_role('keeper', q{SELECT mls_test_suite('mart', 'mart'), mls_test_drop('mart', 'asked'); DELETE FROM gold.property WHERE "ListingKey" LIKE '90_'; SELECT * FROM mls_mart_sync()});

as_role('keeper', q{DELETE FROM gold.property WHERE "ListingKey"::integer > 5});
like(error_of(q{SELECT * FROM mls_mart_sync()}, 'keeper'), qr/mart "mart" stays as it was: data test mart\.listings_stay failed\nDETAIL:  It found 1 fault/, 'too few listings are kept back');
is(as_role('keeper', q{SELECT count(*) FROM mart.fct_listing}) . as_role('keeper', q{SELECT max(inventory_eom) FROM mart.agg_market_month}), '2121', 'the mart is as it was');
is(as_role('keeper', q{SELECT state FROM mls_marts}) . as_role('keeper', q{SELECT ' ' || status || ' ' || measure FROM mls_tests WHERE test = 'listings_stay'}), 'failed failed 5', 'and says so, with what was found');
is(as_role('keeper', q{SELECT string_agg(item, ' ' ORDER BY item) FROM mls_health() WHERE item IN ('marts', 'tests') AND level <> 'ok'}), 'marts tests', 'health, too');
as_role('keeper', q{SELECT mls_test_add('mart', 'listings_stay', 'row_count', 'mart.fct_listing', arguments => '{"max_change_pct": 50}', on_failure => 'keep last good')});
is(as_role('keeper', q{SELECT status FROM mls_mart_sync()}) . as_role('keeper', q{SELECT count(*) FROM mart.fct_listing}), 'finished5', 'until somebody says that it is right');

as_role('keeper', q{SELECT mls_test_add('mart', 'odd', 'expression', 'mart.fct_listing', arguments => '{"expression": "(''secret'' || listing_key)::integer > 0"}', on_failure => 'keep last good')});
like(error_of(q{SELECT * FROM mls_mart_sync(rebuild => true)}, 'keeper'), qr/data test mart\.odd is broken\nDETAIL:  it raised an error of SQLSTATE 22P02/, 'a broken test keeps it back as well');
unlike(as_role('watcher', q{SELECT string_agg(m::text, '') FROM mls_marts m}) . as_role('watcher', q{SELECT string_agg(h::text, '') FROM mls_history h}), qr/secret/, 'and shows no values');
as_role('keeper', q{SELECT mls_test_drop('mart', 'odd')});

# ---- Schedules ----

like(error_of(q{SELECT mls_schedule('gold', test => '0 * * * *')}, 'keeper'), qr/pg_cron is not loaded/, 'a suite can be scheduled where pg_cron is');
like(error_of(q{SELECT mls_schedule('golf', test => '0 * * * *')}, 'keeper'), qr/there is no test suite "golf"\nHINT:  Perhaps you meant "gold"/, 'by its name');
sql(q{INSERT INTO mls.schedule (source, process, schedule, role) VALUES ('gold', 'test', '0 * * * *', 'keeper')});
is(as_role('keeper', q{SELECT source, process, last_status FROM mls_schedules}), 'gold|test|finished', 'its schedule');

$node->stop;
done_testing();
