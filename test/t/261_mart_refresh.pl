# Marts follow what changes in gold, by the groups it touches: after many changes at random each
# table is, row by row, what a full build makes of them.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = empty_node('main', restart_after_crash => 'on');
$node->start;

sub sql
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

sub fill
{
	my ($more, $columns) = @_;
	return sql('SELECT ' . ($columns || 'status, message') . ' FROM mls_mart_sync(' . ($more || '') . ')');
}

sql(q{
	CREATE EXTENSION mls_fdw;
	CREATE SERVER east FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://east.example.com/', timezone 'America/New_York');
	CREATE SERVER north FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://north.example.com/');
	CREATE ROLE keeper LOGIN;
	CREATE ROLE analyst LOGIN;
	CREATE ROLE stranger LOGIN;
	SELECT mls_grant(r::regrole) FROM unnest('{keeper,analyst,stranger}'::text[]) r;
	GRANT CREATE ON DATABASE postgres TO analyst, stranger;
	CREATE TABLE gold.property (
		"ListingKey" text PRIMARY KEY, mls_source text NOT NULL DEFAULT 'east', mls_origin text NOT NULL DEFAULT 'Property', mls_source_key text NOT NULL DEFAULT '', mls_updated_at timestamptz NOT NULL DEFAULT now(),
		"StandardStatus" text, "PropertyType" text DEFAULT 'Residential', "PropertySubType" text, "Country" text DEFAULT 'US', "StateOrProvince" text DEFAULT 'TX', "City" text, "PostalCode" text,
		"ParcelNumber" text, "X_Currency" text, "OnMarketDate" date, "PurchaseContractDate" date, "CloseDate" date, "OffMarketDate" date, "StatusChangeTimestamp" timestamptz, "PriceChangeTimestamp" timestamptz,
		"ListPrice" numeric, "OriginalListPrice" numeric, "ClosePrice" numeric, "ListAgentKey" text, "BuyerAgentKey" text, "ListOfficeKey" text, "BuyerOfficeKey" text);
	ALTER TABLE gold.property OWNER TO keeper;
	GRANT SELECT ON gold.property TO analyst;
	CREATE FUNCTION one_of(texts text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT texts[1 + floor(random() * cardinality(texts))::integer] $$;
	CREATE FUNCTION some_day() RETURNS date LANGUAGE sql VOLATILE AS $$ SELECT date '2024-01-01' + floor(random() * 500)::integer $$;
	-- A listing as it might be; one in ten is of the future, or has no dates.
	CREATE FUNCTION fill_listing(key text) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		listed date := some_day();
		contract date := listed + floor(random() * 60)::integer;
	BEGIN
		UPDATE gold.property SET
			"StandardStatus" = one_of('{Active,Active,Pending,Pending,Closed,Closed,Closed,ActiveUnderContract,Expired,Withdrawn,Canceled,Hold,ComingSoon,Incomplete,Delete}'),
			"PropertyType" = one_of('{Residential,Residential,Land,Residential Lease}'), "PropertySubType" = one_of('{House,Flat,NULL}'), "City" = one_of('{Austin,Dallas,austin,Waco}'), "PostalCode" = one_of('{78701,78702-0001}'),
			"ParcelNumber" = one_of('{12345-1,12345-2,12345-3,0}'), "X_Currency" = one_of('{USD,USD,EUR}'), mls_source = one_of('{east,east,north}'),
			"OnMarketDate" = CASE WHEN random() < 0.9 THEN listed END, "PurchaseContractDate" = CASE WHEN random() < 0.6 THEN contract END,
			"CloseDate" = CASE WHEN random() < 0.05 THEN date '2098-01-01' ELSE contract + floor(random() * 40)::integer END, "OffMarketDate" = CASE WHEN random() < 0.7 THEN listed + floor(random() * 90)::integer END,
			"StatusChangeTimestamp" = contract + random() * interval '60 days', "PriceChangeTimestamp" = CASE WHEN random() < 0.3 THEN listed + random() * interval '20 days' END,
			"ListPrice" = 100000 + floor(random() * 900000), "OriginalListPrice" = 100000 + floor(random() * 900000), "ClosePrice" = CASE WHEN random() < 0.9 THEN floor(random() * 900000) END,
			"ListAgentKey" = one_of('{A,B,C}'), "BuyerAgentKey" = one_of('{A,B,C}'), "ListOfficeKey" = one_of('{O,P}'), "BuyerOfficeKey" = one_of('{O,P}')
		 WHERE "ListingKey" = key;
	END $$;
	-- One change of those that syncs bring.
	CREATE FUNCTION change_one() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		one text := (SELECT "ListingKey" FROM gold.property ORDER BY random() LIMIT 1);
		status text := (SELECT "StandardStatus" FROM gold.property WHERE "ListingKey" = one);
	BEGIN
		CASE floor(random() * 7)
		WHEN 0 THEN PERFORM fill_listing(one);
		WHEN 1 THEN UPDATE gold.property SET "City" = one_of('{Austin,Dallas,Waco,Lockhart}') WHERE "ListingKey" = one;
		WHEN 2 THEN UPDATE gold.property SET "ListPrice" = "ListPrice" * 0.95 WHERE "ListingKey" = one;
		WHEN 3 THEN UPDATE gold.property SET "StandardStatus" = one_of('{Active,Pending,Closed,Expired}'), "StatusChangeTimestamp" = now() WHERE "ListingKey" = one;
		WHEN 4 THEN DELETE FROM gold.property WHERE "ListingKey" = one;
		WHEN 5 THEN INSERT INTO gold.property ("ListingKey") VALUES ('n' || md5(random()::text)) RETURNING "ListingKey" INTO one; PERFORM fill_listing(one);
		ELSE -- A history of the past that has become known, or that was wrong.
			INSERT INTO gold.history_transactional ("HistoryTransactionalKey", mls_source, mls_origin, mls_source_key, "ResourceName", "ResourceRecordKey", "FieldName", "PreviousValue", "NewValue", "ModificationTimestamp")
			VALUES ('x' || md5(random()::text), 'east', 'h', 'h', 'Property', one, 'StandardStatus', one_of('{Active,Pending,Hold}'), one_of('{Active,Pending,Withdrawn}'), some_day() + random() * interval '1 day');
			DELETE FROM gold.history_transactional WHERE "HistoryTransactionalKey" = (SELECT "HistoryTransactionalKey" FROM gold.history_transactional ORDER BY random() LIMIT 1) AND random() < 0.3;
		END CASE;
	END $$;
	SELECT setseed(0.26);
	INSERT INTO gold.property ("ListingKey") SELECT 'L' || lpad(i::text, 4, '0') FROM generate_series(1, 700) i;
	SELECT count(fill_listing("ListingKey")) FROM gold.property;
	SET ROLE keeper;
	SELECT mls_serve_history();
	GRANT SELECT ON gold.history_transactional TO analyst});

# ---- As whom ----

like(sql_error($node, q{SET ROLE stranger; SELECT mls_mart_create()}), qr/42501: permission denied for table gold.property/, 'who may not read gold makes no mart');
is(sql(q{SET ROLE analyst; SELECT mls_mart_create(levels => '{all,city}', coverage => '{"east": "2024-01-01"}') > 0}), 't', 'who may does');
is(fill(q{'mart'}, 'owner, mart, status, listings > 500, groups > 50, figures > 500, message'), 'analyst|mart|finished|t|t|t|all was computed: it is new', 'filled, in the rights of who made it');
is(sql(q{SELECT string_agg(DISTINCT c.relowner::regrole::text, ' ') FROM pg_class c WHERE c.relnamespace = 'mart'::regnamespace}), 'analyst', 'all is his');
is(sql(q{SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'mart'::regnamespace AND c.relname LIKE 'mls\_%'}), 0, 'and nothing is left of the work');
like(sql_error($node, q{SET ROLE stranger; SELECT * FROM mls_mart_sync('mart')}), qr/42704: there is no mart "mart" of yours/, 'others do not know it');
like(sql_error($node, q{SET ROLE stranger; SELECT mls_mart_drop('mart')}), qr/42704: there is no mart "mart" of yours/, 'nor take it away');
like(sql_error($node, q{SET ROLE stranger; SELECT count(*) FROM mart.fct_listing}), qr/42501/, 'nor read it');
is(sql(q{SELECT process, resource, status, received > 500 FROM mls_history ORDER BY started_at DESC LIMIT 1}), 'mart|mart|finished|t', 'a run like others');
is(fill(q{}, 'status, listings, groups, figures, message IS NULL'), 'finished|0|0|0|t', 'nothing has changed, nothing is done');

# ---- Row by row ----

my @tables = split /\n/, sql(q{SELECT relation FROM mls.mart_relation WHERE relation LIKE 'fct%' OR relation LIKE 'agg%' OR relation = 'dim_source' ORDER BY 1});

# Rows of tables in which a full build differs from what is there.
sub differing
{
	my $columns = q{(SELECT string_agg(quote_ident(name), ', ' ORDER BY place) FROM mls.mart_column c WHERE c.relation = '%s' AND part <> 'computed_at')};
	sql('DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept');
	my %names = map { $_ => sql('SELECT ' . sprintf $columns, $_) } @tables;
	sql("CREATE TABLE kept.$_ AS SELECT $names{$_} FROM mart.$_") for @tables;
	my $rebuilt = fill(q{'mart', rebuild => true}, 'status, message');
	return $rebuilt unless $rebuilt eq 'finished|all was computed: it was asked for';
	return join ', ', grep { !/ 0$/ } map {
		"$_ " . sql("SELECT count(*) FROM ((TABLE kept.$_ EXCEPT ALL SELECT $names{$_} FROM mart.$_) UNION ALL (SELECT $names{$_} FROM mart.$_ EXCEPT ALL TABLE kept.$_)) d")
	} @tables;
}

is(differing(), '', 'built twice is the same');
my $whole = 0;
for my $round (1 .. ($ENV{MLS_LONG} ? 10 : 2))
{
	sql(sprintf q{SELECT setseed(0.%02d); SELECT count(change_one()) FROM generate_series(1, 100)}, $round);
	my $message = fill(q{}, q{status || coalesce(' ' || message, '')});
	$whole++ if $message ne 'finished';
	is(differing(), '', "after $round hundred changes each row is that of a full build") if $round % 2 == 0;
}
is($whole, 0, 'and none of them was one');

# ---- What changed where ----

# A figure of a city now.
sub figure
{
	my ($column, $city, $month) = @_;
	return sql(qq{SELECT coalesce(sum($column), 0) FROM mart.agg_market_month a JOIN mart.dim_location l USING (location_id) JOIN mart.dim_property_type t USING (type_id)
		WHERE l.level = 'city' AND l.city = '$city' AND t.level = 'all' AND a.source_id = (SELECT source_id FROM mart.dim_source WHERE name = 'east') AND month = '$month'});
}
sql(q{INSERT INTO gold.property ("ListingKey", "StandardStatus", "City", "OnMarketDate", "PurchaseContractDate", "CloseDate", "ClosePrice", "ListPrice", "OriginalListPrice")
	VALUES ('moved', 'Closed', 'Here', '2024-05-01', '2024-05-10', '2024-05-20', 200000, 200000, 200000)});
is(fill(q{}, 'status, listings'), 'finished|1', 'a listing comes');
is(figure('closed_sales', 'here', '2024-05-01') . figure('active_any', 'here', '2024-05-01'), '11', 'and counts');
sql(q{UPDATE gold.property SET "City" = 'There' WHERE "ListingKey" = 'moved'});
fill();
is(join(' ', map { figure('closed_sales', $_, '2024-05-01') } qw(here there)), '0 1', 'it moves: both cities are right');
my $before = sql(q{SELECT max(computed_at) FROM mart.agg_market_month});
sql(q{INSERT INTO gold.property ("ListingKey", "StandardStatus", "City", "OnMarketDate", "PurchaseContractDate", "CloseDate", "ClosePrice", "ListPrice", "StatusChangeTimestamp")
	VALUES ('late', 'Closed', 'There', '2024-05-02', '2024-05-10', '2024-05-21', 300000, 300000, '2024-07-01')});
is(fill(q{}, 'status, listings'), 'finished|1', 'one that was sold long ago');
is(figure('closed_sales', 'there', '2024-05-01') . figure('late_closings', 'there', '2024-05-01'), '21', 'changes an old month, which says so');
is(sql(qq{SELECT count(DISTINCT l.city) FROM mart.agg_market_month a JOIN mart.dim_location l USING (location_id) WHERE l.level = 'city' AND a.computed_at > '$before'}), 1, 'and when; other places are as they were');
sql(q{CREATE TABLE gone AS SELECT * FROM gold.property WHERE "ListingKey" = 'late'; DELETE FROM gold.property WHERE "ListingKey" = 'late'});
fill();
is(figure('closed_sales', 'there', '2024-05-01'), 1, 'a listing that is deleted counts no more');
sql(q{INSERT INTO gold.property SELECT * FROM gone});
fill();
is(figure('closed_sales', 'there', '2024-05-01'), 2, 'one that is brought back does');

# What is told of it comes later.
sql(q{INSERT INTO gold.history_transactional ("HistoryTransactionalKey", mls_source, mls_origin, mls_source_key, "ResourceName", "ResourceRecordKey", "FieldName", "PreviousValue", "NewValue", "ModificationTimestamp")
	VALUES ('told1', 'east', 'h', 'h', 'Property', 'late', 'StandardStatus', 'Active', 'Pending', '2024-05-04T15:00Z'), ('told2', 'east', 'h', 'h', 'Property', 'late', 'StandardStatus', 'Pending', 'Active', '2024-05-06T15:00Z')});
is(fill(q{}, 'status, listings, message'), 'finished|1|', 'a history that comes after its listing');
is(figure('fell_through', 'there', '2024-05-01'), 1, 'is counted');
sql(q{DELETE FROM gold.history_transactional WHERE "HistoryTransactionalKey" LIKE 'told%'});
is(fill(q{}, 'status, listings, message'), 'finished|1|', 'and one that is gone');
is(figure('fell_through', 'there', '2024-05-01'), 0, 'no more');

# ---- What goes wrong ----

# It dies between facts and figures: it waits for a table of figures.
sql(q{UPDATE gold.property SET "City" = 'Nowhere' WHERE "ListingKey" = 'moved'});
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; LOCK TABLE mart.agg_market_month');
my $call = start_psql($node, q{SELECT * FROM mls_mart_sync()});
my $waits = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'mls_fdw mart' AND wait_event_type = 'Lock'};
ok($node->poll_query_until('postgres', "SELECT EXISTS ($waits)"), 'a run waits');
my $pid = sql($waits);
sql("SELECT pg_terminate_backend($pid)");
ok($node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)"), 'and is ended');
$session->query_safe('ROLLBACK');
$session->quit;
end_psql($call);
is(sql(q{SELECT l.city FROM mart.fct_listing f JOIN mart.dim_location l ON l.location_id = f.city_id WHERE listing_key = 'moved'}), 'there', 'facts are those of the figures');
is(fill(q{}, 'status, listings'), 'finished|1', 'the next run does it');
is(figure('closed_sales', 'nowhere', '2024-05-01'), 1, 'all of it');
is(differing(), '', 'as a full build');

# What follows computes all many times: of fewer places.
sql(q{SET ROLE analyst; SELECT mls_mart_create(levels => '{all}', coverage => '{"east": "2024-01-01"}')});
is(fill(), 'finished|all was computed: what it is computed by has changed', 'other settings');

# Somebody empties what is followed, or the log.
sql(q{SET ROLE keeper; SELECT mls_serve_history(track => false); SELECT mls_serve_events('{Property}', false)});
sql(q{UPDATE gold.property SET "City" = 'Here' WHERE "ListingKey" = 'moved'});
is(fill(), 'finished|all was computed: nobody notes changes of listings', 'without events all is computed');
is(sql(q{SELECT l.city FROM mart.fct_listing f JOIN mart.dim_location l ON l.location_id = f.city_id WHERE listing_key = 'moved'}), 'here', 'and right');
sql(q{SET ROLE keeper; SELECT mls_serve_events('{Property}')});
is(fill(), 'finished|all was computed: much has changed', 'and once more when they begin anew');
is(fill(), 'finished|', 'then no more');
sql(q{UPDATE mls.mart SET position = position + 1000});
is(fill(), 'finished|all was computed: the log of changes begins anew', 'a log that is behind the mart');
sql(q{UPDATE mls.mart SET as_of = as_of - 1});
is(fill(), 'finished|all was computed: another day has begun', 'each day once');
sql(q{ALTER TABLE gold.property DROP COLUMN "ParcelNumber"});
is(fill(), 'finished|all was computed: what it is computed by has changed', 'other columns of gold');
sql(q{REVOKE SELECT ON gold.property FROM analyst});
like(sql_error($node, q{SELECT * FROM mls_mart_sync()}), qr/42501: permission denied for table gold.property/, 'who may read gold no more has his figures of before');
is(sql(q{SELECT state, failures, problem FROM mls_marts}), 'failed|1|permission denied for table gold.property', 'and a mart that says so');
my $health = q{SELECT level, message FROM mls_health() WHERE item = 'marts'};
is(sql($health), 'warning|mart was not filled, 1 time in a row: permission denied for table gold.property', 'by mls_health() as well');
sql(q{GRANT SELECT ON gold.property TO analyst});
is(fill(), 'finished|', 'until he may again');
is(sql($health), 'ok|1 mart is filled', 'then it is well');
sql(q{UPDATE mls.mart SET refreshed_at = now() - interval '25 hours'});
is(sql($health), 'warning|nobody has filled for 1 day: mart (mls_mart_sync() does)', 'until it is forgotten');

# A policy that comes, and a role that is given.
my $lots = q{SELECT count(*) FROM mart.fct_listing};
my $all = sql($lots);
sql(q{CREATE ROLE club; ALTER TABLE gold.property ENABLE ROW LEVEL SECURITY; CREATE POLICY everybody ON gold.property USING (true); CREATE POLICY few ON gold.property AS RESTRICTIVE TO club USING ("ListingKey" < 'L0100')});
is(fill(), 'finished|all was computed: what it is computed by has changed', 'policies of gold');
is(sql($lots), $all, 'that show him all');
sql(q{GRANT club TO analyst});
is(fill(), 'finished|all was computed: what it is computed by has changed', 'a role by which another policy holds for him');
cmp_ok(sql($lots), '<', 100, 'that shows him less');
sql(q{ALTER POLICY few ON gold.property USING ("ListingKey" < 'L0200')});
is(fill(), 'finished|all was computed: what it is computed by has changed', 'that policy in other words');
cmp_ok(sql($lots), '>', 100, 'and he is shown more');
sql(q{ALTER TABLE gold.property DISABLE ROW LEVEL SECURITY; DROP POLICY few ON gold.property; DROP POLICY everybody ON gold.property});
is(fill(), 'finished|all was computed: what it is computed by has changed', 'no policies any more');
is(sql($lots), $all, 'and all are there again');
sql(q{CREATE SCHEMA other AUTHORIZATION stranger; CREATE TABLE other.fct_listing (listing_key text); ALTER TABLE other.fct_listing OWNER TO stranger});
like(sql_error($node, q{SET ROLE analyst; SELECT mls_mart_create('other')}), qr/42501: schema "other" is another role's/, 'a mart is made in no schema of others');
sql(q{GRANT stranger TO analyst});
like(sql_error($node, q{SET ROLE analyst; SELECT mls_mart_create('other')}), qr/42P07: relation other.fct_listing exists and is not a table of role "analyst"/, 'nor of tables of others');

# Tables of the user's own, of whatever name, are left alone.
sql(q{SET ROLE analyst; CREATE SCHEMA analytics; CREATE TABLE analytics.dim_date (date date PRIMARY KEY, holiday text); INSERT INTO analytics.dim_date VALUES ('2025-12-25', 'Christmas')});
like(sql_error($node, q{SET ROLE analyst; SELECT mls_mart_create('analytics')}), qr/42P07: table analytics.dim_date exists and is none of a mart/, 'a table of the same name is not taken over');
sql(q{SET ROLE analyst; DROP TABLE analytics.dim_date; CREATE TABLE analytics.dim_date (LIKE mart.dim_date)});
like(sql_error($node, q{SET ROLE analyst; SELECT mls_mart_create('analytics')}), qr/42P07: table analytics.dim_date exists and is none of a mart/, 'nor one of the same columns');
sql(q{SET ROLE analyst; CREATE TABLE mart.mls_new_homes (a integer); SELECT mls_mart_drop('mart', drop_tables => false); SELECT mls_mart_create('mart', levels => '{all}')});
is(fill(q{}, 'status'), 'finished', 'those of a mart that was forgotten are');
sql(q{SET ROLE analyst; DROP TABLE mart.dim_date; CREATE TABLE mart.dim_date (date date PRIMARY KEY, holiday text)});
like(sql_error($node, q{SELECT * FROM mls_mart_sync('mart')}), qr/42P07: table mart.dim_date exists and is none of a mart/, 'one that was put in the place of a mart\'s is not filled');
like(sql_error($node, qq{SELECT mls_mart_create('x"; DROP TABLE gold.property; --')}), qr/42602: .* is no name of a mart/, 'a name is a name');
sql(q{SET ROLE analyst; SELECT mls_mart_drop('mart')});
is(sql(q{SELECT count(*), (SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'mart'::regnamespace AND relkind = 'r') FROM mls.mart}), '0|dim_date mls_new_homes', 'dropped, without tables of the user\'s own');


# While a run is at work.
sql(q{SET ROLE analyst; DROP TABLE mart.dim_date; SELECT mls_mart_create('mart', levels => '{all}')});
is(fill(q{}, 'status'), 'finished', 'made once more');
sql(q{UPDATE gold.property SET "ListAgentKey" = 'Z' WHERE "ListingKey" = (SELECT f.listing_key FROM mart.fct_listing f WHERE f.status = 'Active' ORDER BY 1 LIMIT 1)});
is(fill(q{}, 'status, listings, message IS NULL'), 'finished|1|t', 'a change of which there are no closings, of everywhere only');
$session = $node->background_psql('postgres');
$session->query_safe('BEGIN; LOCK TABLE mart.agg_market_month IN SHARE MODE');
$call = start_psql($node, q{SELECT status FROM mls_mart_sync(rebuild => true)});
ok($node->poll_query_until('postgres', "SELECT EXISTS ($waits)"), 'a run waits');
my $drop = start_psql($node, q{SELECT mls_mart_drop('mart')});
ok($node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT mls_mart_drop%' AND wait_event_type = 'Lock')}), 'who drops it waits for the run');
$session->query_safe('ROLLBACK');
$session->quit;
is(join('', map { end_psql($_) =~ s/\s+//gr } $call, $drop), 'finished', 'both end');
is(sql(q{SELECT (SELECT count(*) FROM mls.mart), to_regclass('mart.agg_market_month') IS NULL}), '0|t', 'and the mart is gone');

done_testing();
