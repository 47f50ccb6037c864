# What users add to a mart: columns and tables, made of SQL of theirs, in their rights, kept through
# refreshes and full builds.
use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = empty_node('mart_yours');
$node->start;

sub sql
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub fill
{
	my ($more, $columns) = @_;
	return sql('SELECT ' . ($columns || 'status, listings, message') . ' FROM mls_mart_sync(' . ($more || '') . ')');
}

sub refused
{
	my ($call, $pattern, $name) = @_;
	like(sql_error($node, "SET ROLE analyst; SELECT $call"), $pattern, $name);
	return;
}

sql(q{
	CREATE EXTENSION mls_fdw;
	CREATE SERVER east FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://east.example.com/', timezone 'America/New_York');
	CREATE ROLE analyst LOGIN;
	CREATE ROLE stranger LOGIN;
	SELECT mls_grant(r::regrole) FROM unnest('{analyst,stranger}'::text[]) r;
	GRANT CREATE ON DATABASE postgres TO analyst, stranger;
	CREATE TABLE gold.property ("ListingKey" text PRIMARY KEY, mls_source text NOT NULL DEFAULT 'east', mls_origin text NOT NULL DEFAULT 'Property', mls_source_key text NOT NULL DEFAULT '',
		mls_updated_at timestamptz NOT NULL DEFAULT now(), "StandardStatus" text DEFAULT 'Closed', "PropertyType" text DEFAULT 'Residential', "City" text DEFAULT 'Austin', "OnMarketDate" date DEFAULT '2025-01-15',
		"PurchaseContractDate" date DEFAULT '2025-02-01', "CloseDate" date DEFAULT '2025-02-20', "ClosePrice" numeric DEFAULT 90000, "ListPrice" numeric DEFAULT 100000, "OriginalListPrice" numeric DEFAULT 100000,
		"PriceChangeTimestamp" timestamptz, "BedroomsTotal" integer, "YearBuilt" integer, "Rate%" numeric);
	INSERT INTO gold.property ("ListingKey", "BedroomsTotal", "YearBuilt") SELECT 'L' || i, i % 5, 2000 + i % 30 FROM generate_series(1, 300) i;
	UPDATE gold.property SET "OriginalListPrice" = 110000, "PriceChangeTimestamp" = '2025-01-20' WHERE "BedroomsTotal" = 2;
	CREATE TABLE gold.member ("MemberKey" text PRIMARY KEY, mls_source text DEFAULT 'east', mls_origin text, mls_source_key text, mls_updated_at timestamptz, "MemberFullName" text, "MemberCity" text);
	INSERT INTO gold.member ("MemberKey", "MemberFullName", "MemberCity") VALUES ('A1', 'Ann', 'Austin');
	CREATE TABLE secret (a integer);
	GRANT SELECT ON gold.property, gold.member TO analyst;
	SELECT mls_serve_events('{Property}');
	SET ROLE analyst;
	SELECT mls_mart_create('mart', levels => '{all,city}', coverage => '{"east": "2024-01-01"}')});
is(fill(q{'mart'}), 'finished|300|all was computed: it is new', 'a mart');

# ---- Columns ----

refused(q{mls_mart_column('mart', 'fct_listing', 'bedrooms', 'BedroomsTotal', 'x')}, qr/42702.*stands without its row/s, 'a column names its row');
refused(q{mls_mart_column('mart', 'fct_listing', 'bedrooms', 'r."Bedrooms"', 'x')}, qr/42703: there is no column r\.Bedrooms for a mart/, 'which has it');
refused(q{mls_mart_column('mart', 'fct_listing', 'bedrooms', '1) FROM gold.property; DROP TABLE gold.property; --', 'x')}, qr/42601/, 'an expression is one');
refused(q{mls_mart_column('mart', 'fct_listing', 'bedrooms', '1, 2', 'x')}, qr/22023: "1, 2" is no expression for a mart/, 'and one alone');
refused(q{mls_mart_column('mart', 'fct_listing', 'bedrooms', '(SELECT a FROM secret)', 'x')}, qr/0A000: a mart cannot use subqueries/, 'without subqueries');
refused(q{mls_mart_column('mart', 'fct_listing', 'bedrooms', 'random()', 'x')}, qr/22023.*It calls a volatile function/s, 'that gives the same again');
refused(q{mls_mart_column('mart', 'fct_listing', 'bedrooms', 'sum(r."BedroomsTotal")', 'x')}, qr/22023.*no aggregates/s, 'of one row');
refused(q{mls_mart_column('mart', 'fct_listing', 'x"; DROP TABLE gold.property; --', '1', 'x')}, qr/42602: .* is no name of a column/, 'a name is a name');
refused(q{mls_mart_column('mart', 'fct_listing', 'status', '1', 'x')}, qr/42701: fct_listing has a column "status" already/, 'and is not there');
refused(q{mls_mart_column('mart', 'agg_day', 'more', '1', 'x')}, qr/22023: "agg_day" takes no columns/, 'not each table takes one');
refused(q{mls_mart_column('mart', 'fct_listing', 'bedrooms', 'r."BedroomsTotal"', ' ')}, qr/22023: a column says what it means/, 'nor is one taken that says nothing');
refused(q{mls_mart_column('mart', 'fct_listing', 'bedrooms', 'r."BedroomsTotal"', 'x', 'jsonb')}, qr/42846: cannot cast type integer to jsonb/, 'nor one of a type that it has not');
like(sql_error($node, q{SET ROLE stranger; SELECT mls_mart_column('mart', 'fct_listing', 'bedrooms', '1', 'x')}), qr/42704: there is no mart "mart" of yours/, 'others add nothing');

sql(q{SELECT mls_mart_column('mart', 'fct_listing', 'bedrooms', 'r."BedroomsTotal"', 'bedrooms, it''s BedroomsTotal'),
	mls_mart_column('mart', 'fct_listing', 'is_new', $$r."YearBuilt" >= 2025 -- a comment$$, 'built of late'), mls_mart_column('mart', 'fct_listing', 'rate', $$format('%s %%', r."Rate%")$$, 'per cent'),
	mls_mart_column('mart', 'dim_member', 'city', $$upper(r."MemberCity") || '%'$$, 'MemberCity'), mls_mart_column('mart', 'fct_listing', 'whose', 'current_user', 'role', 'text')});
is(fill(q{'mart'}), 'finished|300|all was computed: what it is computed by has changed', 'columns come with the next run');
is(sql(q{SELECT count(*) FILTER (WHERE bedrooms = 2), count(*) FILTER (WHERE is_new), min(rate), string_agg(DISTINCT whose, ' ') FROM mart.fct_listing}), '60|50| %|analyst', 'with what their expressions say, in the rights of the owner');
is(sql(q{SELECT city FROM mart.dim_member}), 'AUSTIN%', 'of members as well');
is(sql(q{SELECT col_description('mart.fct_listing'::regclass, attnum), format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'mart.fct_listing'::regclass AND attname = 'bedrooms'}), q{bedrooms, it's BedroomsTotal|integer}, 'and what they mean');

# ---- Tables ----

my $sales = q{SELECT date_trunc('month', f.close_date::timestamp)::date AS month, coalesce(f.bedrooms, 0) AS bedrooms, count(*) AS sales, max(f.close_price) AS most FROM mart.fct_listing f WHERE f.close_date IS NOT NULL GROUP BY 1, 2};
my $cuts = q{SELECT e.listing_key, e.seq, e.old_price - e.new_price AS cut FROM mart.fct_listing_event e WHERE e.kind = 'price' -- falls};
refused(q{mls_mart_table('mart', 'agg_more', 'SELECT 1 AS a; DROP TABLE gold.property', '{a}', 'x')}, qr/22023: a table of a mart is made of one query/, 'a table is one query');
refused(q{mls_mart_table('mart', 'agg_more', 'SELECT 1) q; DROP TABLE gold.property; SELECT * FROM (SELECT 1', '{a}', 'x')}, qr/42601/, 'that ends where it ends');
refused(q{mls_mart_table('mart', 'agg_more', 'DELETE FROM mart.fct_listing RETURNING listing_key', '{listing_key}', 'x')}, qr/22023.*It is a SELECT alone/s, 'and reads');
refused(q{mls_mart_table('mart', 'agg_more', 'WITH x AS (DELETE FROM mart.fct_listing RETURNING *) SELECT listing_key FROM x', '{listing_key}', 'x')}, qr/0A000/, 'in all its parts');
refused(q{mls_mart_table('mart', 'agg_more', 'SELECT a FROM public.secret', '{a}', 'x')}, qr/42501: permission denied for table secret/, 'what its owner may read');
refused(q{mls_mart_table('mart', 'agg_more', 'SELECT 1 AS a', '{b}', 'x')}, qr/42703/, 'a key is of its columns');
refused(q{mls_mart_table('mart', 'agg_more', 'SELECT 1 AS a', '{}', 'x')}, qr/22023: a table has a key/, 'and there is one');
refused(q{mls_mart_table('mart', 'fct_listing', 'SELECT 1 AS a', '{a}', 'x')}, qr/42P07: relation mart\.fct_listing exists/, 'what is there stays');
refused(q{mls_mart_table('mart', 'mls_new_dirty', 'SELECT 1 AS a', '{a}', 'x')}, qr/42602/, 'and names of the work are not taken');
is(sql(q{SELECT to_regclass('mart.agg_more') IS NULL, count(*) FROM mls.mart_own WHERE name = ''}), 't|0', 'nothing of these is left');
sql("SELECT mls_mart_table('mart', 'agg_bedrooms', \$q\$$sales\$q\$, '{month,bedrooms}', 'one row a month and number of bedrooms'), mls_mart_table('mart', 'fct_cut', \$q\$$cuts\$q\$, '{listing_key,seq}', 'one row a fall of the price')");
is(fill(q{'mart'}, 'status'), 'finished', 'both are filled');

# Rows in which a table is not what its query gives.
sub differing
{
	return join ' ', map { my ($table, $query) = @$_; sql("SELECT count(*) FROM ((TABLE mart.$table EXCEPT ALL ($query\n)) UNION ALL (($query\n) EXCEPT ALL TABLE mart.$table)) d") } [ 'agg_bedrooms', $sales ], [ 'fct_cut', $cuts ];
}
is(sql('SELECT (SELECT count(*) FROM mart.agg_bedrooms), (SELECT count(*) FROM mart.fct_cut)'), '5|60', 'with what is there');
is(differing(), '0 0', 'as their queries say');
sql(q{UPDATE gold.property SET "BedroomsTotal" = 7, "ClosePrice" = 95000 WHERE "ListingKey" IN ('L2', 'L3'); DELETE FROM gold.property WHERE "ListingKey" = 'L7'; UPDATE gold.property SET "PriceChangeTimestamp" = NULL WHERE "ListingKey" = 'L12';
	INSERT INTO gold.property ("ListingKey", "BedroomsTotal", "OriginalListPrice", "PriceChangeTimestamp") VALUES ('new', 7, 120000, '2025-01-25')});
is(fill(q{'mart'}), 'finished|4|', 'listings change');
is(sql(q{SELECT string_agg(listing_key || ' ' || bedrooms, ', ' ORDER BY listing_key) FROM mart.fct_listing WHERE bedrooms = 7}), 'L2 7, L3 7, new 7', 'in what was added as well');
is(differing(), '0 0', 'and in tables');
my $kept = q{SELECT md5(string_agg(t::text, E'\n' ORDER BY t::text)) FROM (SELECT f.listing_key, f.bedrooms, f.is_new, f.whose FROM mart.fct_listing f) t};
my $before = sql($kept);
is(fill(q{'mart', rebuild => true}, 'status, message'), 'finished|all was computed: it was asked for', 'built as a whole');
is(sql($kept), $before, 'it is the same');
is(differing(), '0 0', 'everywhere');
sql(q{INSERT INTO gold.member ("MemberKey", "MemberCity") VALUES ('A2', 'Waco')});
is(fill(q{'mart'}), 'finished|0|', 'a member comes');
is(sql(q{SELECT string_agg(city, ' ' ORDER BY member_key) FROM mart.dim_member}), 'AUSTIN% WACO%', 'with his column');

# What cannot be filled leaves the mart as it was.
sql(q{SELECT mls_mart_table('mart', 'agg_bad', 'SELECT 1 / (f.bedrooms - 7) AS a, f.bedrooms FROM mart.fct_listing f WHERE f.listing_key = ''L2''', '{bedrooms}', 'nothing good')});
like(sql_error($node, q{SELECT * FROM mls_mart_sync('mart')}), qr/22012: division by zero/, 'a query that fails');
is(differing(), '0 0', 'spoils nothing');
sql(q{SELECT mls_mart_remove('mart', 'agg_bad')});
is(fill(q{'mart'}, 'status'), 'finished', 'and is taken away');

# ---- Taken away ----

refused(q{mls_mart_remove('mart', 'fct_listing', 'status')}, qr/42704: nothing of that name was added/, 'what was not added is not taken away');
refused(q{mls_mart_remove('mart', 'fct_listing')}, qr/42704: nothing of that name was added/, 'nor are tables of the mart');
sql(q{SELECT mls_mart_remove('mart', 'fct_listing', 'rate')});
is(fill(q{'mart'}), 'finished|300|all was computed: what it is computed by has changed', 'a column less');
is(sql(q{SELECT count(*) FROM information_schema.columns WHERE table_schema = 'mart' AND table_name = 'fct_listing' AND column_name IN ('rate', 'bedrooms')}), 1, 'and the others stay');
sql(q{SELECT mls_mart_drop('mart')});
is(sql(q{SELECT count(*), (SELECT count(*) FROM mls.mart_own) FROM pg_class WHERE relnamespace = 'mart'::regnamespace AND relkind = 'r'}), '0|0', 'the mart takes all with it');

done_testing();
