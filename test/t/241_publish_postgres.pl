# Publications at another cluster of PostgreSQL.
use strict;
use warnings;
use utf8;

use Encode qw(decode_utf8 encode_utf8);
use MlsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('publish', 'mls_fdw.allowed_hosts' => "'127.0.0.1'", log_min_messages => 'debug1', log_statement => "'none'");
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
my $port = PostgreSQL::Test::Cluster::get_free_port();
$other->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'\nport = $port\ntimezone = 'Asia/Nicosia'\ndatestyle = 'SQL, DMY'\n");
unlink $other->data_dir . '/pg_hba.conf';
$other->append_conf('pg_hba.conf', "local all all trust\nhost all trusted 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
$other->{_port} = $port;
$other->start;
$other->safe_psql('postgres', q{CREATE ROLE mls LOGIN PASSWORD 'pg-pass-value'; CREATE ROLE trusted LOGIN; CREATE DATABASE shop OWNER mls});

sub sql
{
	return decode_utf8($node->safe_psql('postgres', encode_utf8($_[0])));
}

sub there
{
	return decode_utf8($other->safe_psql('shop', encode_utf8($_[0])));
}

sub fails
{
	my ($sql, @words) = @_;
	my $error = sql_error($node, $sql);
	like($error, $_, "says: $_") for @words;
	return;
}

sub synced
{
	my ($name) = @_;
	return sql("SELECT status || ' ' || written || ' ' || deleted || ' ' || refused || coalesce(' ' || message, '') FROM mls_publish_sync('shop', '$name')");
}

sub differences
{
	my ($name, $more) = @_;
	return sql("SELECT coalesce(string_agg(finding || ' ' || records || ' ' || keys::text, '; '), 'none') FROM mls_publish_verify('shop', '$name'" . ($more // '') . ") WHERE finding <> 'same' AND records > 0");
}

sql(q{
CREATE SCHEMA gold;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE gold.property ("ListingKey" text PRIMARY KEY, "ListPrice" numeric(14,2), "City" text, "Features" text[], "Pool" boolean, "Beds" integer, "Latitude" numeric, "ModificationTimestamp" timestamptz,
	"OnMarketDate" date, "Rating" float8, "Extra" jsonb, "Mood" mood, "File" bytea, "For" interval, "StandardStatus" text,
	mls_source text NOT NULL DEFAULT 'hand', mls_origin text, mls_source_key text, mls_updated_at timestamptz);
CREATE VIEW listing AS SELECT p.*, xmin IS NULL AS odd FROM gold.property p WHERE p."StandardStatus" = 'Active';
INSERT INTO gold.property SELECT 'K' || i, i * 1000.5, 'City ' || i % 7, ARRAY['a', 'b' || i], i % 2 = 0, i % 6, i / 7.0, '2026-01-01'::timestamptz + i * interval '1.000001 seconds', '2026-01-01'::date + i % 300,
	sqrt(i), jsonb_build_object('n', i), 'good', '\x00ff'::bytea, '1 day 2 hours', CASE WHEN i % 10 = 0 THEN 'Closed' ELSE 'Active' END FROM generate_series(1, 1000) i;
UPDATE gold.property SET "City" = 'Κύπρος 🏠 "q" \ {x} NULL', "Features" = ARRAY['é,"\', NULL, '😀', 'NULL', ''], "Pool" = NULL, "Latitude" = 34.1234567890123456789, "ModificationTimestamp" = '2026-03-29 01:30:00.123456+00' WHERE "ListingKey" = 'K1';
INSERT INTO gold.property ("ListingKey", "StandardStatus", "City", "ModificationTimestamp") VALUES ('k1', 'Active', '', 'infinity'), ('K1 ', 'Active', E'\t\n', '0044-03-15 BC');
});
sql(qq{CREATE SERVER shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'postgres', url 'postgresql://127.0.0.1:$port/shop', tls 'none');
	CREATE USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (username 'mls', password 'wrong-pass-value');
	SET datestyle = 'German'; SELECT mls_publish('listing', 'shop')});
fails(q{SELECT * FROM mls_publish_sync('shop')}, qr/28000/, qr/password authentication failed/);
sql(q{ALTER USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (SET username 'trusted')});
fails(q{SELECT * FROM mls_publish_sync('shop')}, qr/28000/, qr/did not ask for a password/);
sql(q{ALTER USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (SET username 'mls', SET password 'pg-pass-value')});

# Who has changed the mapping does not wait for the next attempt.
is(sql(q{SELECT status || ' ' || written FROM mls_publish_sync()}), 'finished 902', 'it is loaded, and at once');
is(sql(q{SET datestyle = 'German'; SET timezone = 'America/New_York'; SELECT finding || records FROM mls_publish_verify('shop', 'listing') WHERE records > 0}), 'same902', 'as the view shows it, whatever a session has set');
my $row = q{SELECT "City", "Features", "Latitude", extract(epoch FROM "ModificationTimestamp"), "Extra", "Mood", "File", "For", "OnMarketDate" - '2026-01-01' FROM listing WHERE "ListingKey" = 'K1'};
is(there($row), sql($row), 'letters, arrays, NULL, microseconds');
is(there(q{SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'listing'::regclass AND attname IN ('ListPrice', 'ModificationTimestamp', 'Mood', 'Features')}), 'numeric(14,2), text[], timestamp with time zone, text', 'types as here, where they are there');
is(there(q{SELECT "ModificationTimestamp" FROM listing WHERE "ListingKey" = 'k1'}), 'infinity', 'times without an end');
is(synced('listing'), 'finished 0 0 0', 'once more: nothing is sent');

sql(q{UPDATE gold.property SET "ListPrice" = 1 WHERE "ListingKey" = 'K2'; UPDATE gold.property SET "ListPrice" = 2 WHERE "ListingKey" = 'K2'; DELETE FROM gold.property WHERE "ListingKey" = 'K3';
	UPDATE gold.property SET "StandardStatus" = 'Closed' WHERE "ListingKey" = 'K4'; UPDATE gold.property SET "StandardStatus" = 'Active' WHERE "ListingKey" = 'K10'});
is(synced('listing'), 'finished 2 2 0', 'what changed is sent');
is(there(q{SELECT string_agg("ListingKey" || ' ' || "ListPrice", ',' ORDER BY "ListingKey") FROM listing WHERE "ListingKey" IN ('K2', 'K3', 'K4', 'K10')}), 'K10 10005.00,K2 2.00', 'and is there');

$other->safe_psql('shop', q{UPDATE listing SET "City" = 'planted' WHERE "ListingKey" = 'K8'; DELETE FROM listing WHERE "ListingKey" = 'K9'; INSERT INTO listing ("ListingKey") VALUES ('zzz')});
is(differences('listing', ', repair => true'), 'different 1 {K8}; missing 1 {K9}; extra 1 {zzz}', 'what was planted is found, and put right');
is(differences('listing'), 'none', 'then all is the same');

$other->safe_psql('shop', q{ALTER TABLE listing ADD CONSTRAINT sane CHECK ("ListPrice" < 9000000)});
sql(q{UPDATE gold.property SET "ListPrice" = 9999999 WHERE "ListingKey" = 'K12'; UPDATE gold.property SET "City" = 'alive' WHERE "ListingKey" IN ('K13', 'K14', 'K15')});
like(synced('listing'), qr/^finished 3 0 1 1 record was refused/, 'who is refused does not hold up the others');
like(sql('SELECT reason FROM mls_dead_letters'), qr/^23514: .*sane/, 'and is written down');
is(there(q{SELECT "ListPrice" FROM listing WHERE "ListingKey" = 'K12'}), '12006.00', 'the old row stays');
sql(q{UPDATE gold.property SET "ListPrice" = 5 WHERE "ListingKey" = 'K12'});
is(synced('listing'), 'finished 1 0 0', 'until it changes');
$other->safe_psql('shop', q{ALTER TABLE listing DROP COLUMN "Beds"});
is(synced('listing'), 'finished 901 0 0', 'a column that lacks is made, and filled');
is(differences('listing'), 'none', 'for all');

# ---- Types of one's own ----

sql(q{SELECT mls_publish('listing', 'shop', 'typed', types => '{"ListPrice": "numeric(14,0)", "Latitude": "real", "City": "varchar(30)", "OnMarketDate": "timestamp", "Extra": "json"}')});
is(synced('typed') . ' ' . differences('typed'), 'finished 901 0 0 none', 'what is rounded there is what was sent');
$other->safe_psql('shop', q{UPDATE typed SET "ListPrice" = "ListPrice" + 1 WHERE "ListingKey" = 'K8'; UPDATE typed SET "Latitude" = NULL WHERE "ListingKey" = 'K9'; UPDATE typed SET "Extra" = '{"n": 0}' WHERE "ListingKey" = 'K11'});
is(differences('typed', ', repair => true'), 'different 3 {K9,K11,K8}', 'what is not is found');
is(differences('typed'), 'none', 'and put right');
sql(q{UPDATE gold.property SET "City" = 'longer than thirty letters, it is' WHERE "ListingKey" = 'K13'});
is(differences('typed'), 'different 1 {K13}', 'a value that is too long differs');
like(synced('typed') . sql('SELECT reason FROM mls_dead_letters'), qr/^finished 0 0 1 .*22001: value too long/, 'and is refused, not cut');
sql(q{SELECT mls_unpublish('shop', 'typed', true); UPDATE gold.property SET "City" = 'City 6' WHERE "ListingKey" = 'K13'; SELECT * FROM mls_publish_sync('shop')});

# ---- What only one's own transaction sees ----

fails(q{BEGIN; UPDATE gold.property SET "City" = 'mine' WHERE "ListingKey" = 'K20'; SELECT * FROM mls_publish_verify('shop', 'listing', repair => true)}, qr/25001/, qr/transaction of its own/);
fails(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM mls_publish_verify('shop', 'listing', repair => true)}, qr/25001/);

# ---- Asked for during a load ----

{
	sql(q{SELECT mls_publish_resend('shop', 'listing', 0)});
	my $holder = $other->background_psql('shop', on_error_stop => 0);
	$holder->query_safe(q{BEGIN; SELECT FROM listing WHERE "ListingKey" = 'K51' FOR UPDATE});
	my $run = $node->background_psql('postgres', on_error_stop => 0);
	$run->query_until(qr/begun/, "\\echo begun\nSELECT * FROM mls_publish_sync('shop', 'listing');\n");
	$other->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'mls_fdw publish' AND wait_event_type = 'Lock'}) or die;
	sql(q{SELECT mls_publish_resend('shop', 'listing', 0)});
	$holder->quit;
	$run->quit;
}
is(sql('SELECT resend_from, loading FROM mls.publication'), '0|f', 'what is asked for during a load is not lost');
like(synced('listing'), qr/^finished 90\d 0 0$/, 'and done after it');

# ---- A table that takes none of the rows, or may not be made ----

$other->safe_psql('shop', q{CREATE TABLE strict ("ListingKey" text COLLATE "C" PRIMARY KEY, tenant integer NOT NULL); INSERT INTO strict VALUES ('old', 1); ALTER TABLE strict OWNER TO mls});
sql(q{SELECT mls_publish('listing', 'shop', 'strict')});
fails(q{SELECT * FROM mls_publish_sync('shop', 'strict')}, qr/destination "shop" refuses most records of table "strict"\nDETAIL:  (\d+) of \1 are refused, most often: 23502: null value in column "tenant"/, qr/HINT:  What was in the table is left there/);
is(there(q{SELECT string_agg("ListingKey", ',') FROM strict}), 'old', 'what was there is not swept away');
is(sql(q{SELECT state FROM mls_publications WHERE name = 'strict'}), 'failing', 'and nobody takes it for up to date');
$other->safe_psql('shop', q{ALTER TABLE strict ALTER tenant SET DEFAULT 7});
is(synced('strict') =~ s/ \d+/ n/r, 'finished n 1 0', 'when the table takes them all are tried again');
is(there(q{SELECT count(*) FROM strict WHERE tenant = 7}), there(q{SELECT count(*) FROM strict}), 'and what was there goes');
sql(q{SELECT mls_unpublish('shop', 'strict', drop_table => true)});
$other->safe_psql('shop', q{ALTER SCHEMA public OWNER TO CURRENT_USER; REVOKE CREATE ON SCHEMA public FROM PUBLIC, mls});
sql(q{SELECT mls_publish('listing', 'shop', 'barred')});
fails(q{SELECT * FROM mls_publish_sync('shop', 'barred')}, qr/42501/, qr/HINT:  There: GRANT USAGE, CREATE ON SCHEMA public TO "mls"/);
$other->safe_psql('shop', q{GRANT ALL ON SCHEMA public TO mls});
my ($code, $out, $warnings) = $node->psql('postgres', q{SELECT mls_unpublish('shop', 'barred', drop_table => true)});
is("$code$warnings", '0', 'what was never made is not missed');

# ---- A table that is dropped; who watches ----

$other->safe_psql('shop', q{DROP TABLE listing});
fails(q{SELECT * FROM mls_publish_verify('shop', 'listing')}, qr/42P01/, qr/mls_publish_sync\(\) makes what lacks/);
like(synced('listing'), qr/^finished 90\d 0 0$/, 'a table that is dropped there is filled anew');
sql(q{CREATE ROLE watcher; GRANT pg_monitor TO watcher; UPDATE gold.property SET "City" = 'seen' WHERE "ListingKey" = 'K20'; UPDATE gold.property SET "City" = 'seen' WHERE "ListingKey" = 'K21'});
is(sql(q{SET ROLE watcher; SELECT state FROM mls_publications}), 'behind', 'who may monitor sees that one is behind');
synced('listing');

# ---- Views that change; records of two others; records that move; keys that are none ----

sql(q{CREATE TABLE gold.member ("MemberKey" text PRIMARY KEY, "MemberFullName" text, mls_source text NOT NULL DEFAULT 'hand', mls_origin text, mls_source_key text, mls_updated_at timestamptz);
CREATE TABLE gold.teams (LIKE gold.member INCLUDING DEFAULTS); ALTER TABLE gold.teams RENAME "MemberKey" TO "TeamKey"; ALTER TABLE gold.teams ADD PRIMARY KEY ("TeamKey");
CREATE TABLE gold.team_members (LIKE gold.member INCLUDING DEFAULTS); ALTER TABLE gold.team_members RENAME "MemberFullName" TO "TeamKey"; ALTER TABLE gold.team_members ADD "TeamMemberKey" text PRIMARY KEY;
CREATE TABLE gold.media ("MediaKey" text PRIMARY KEY, "ResourceRecordKey" text, "ResourceName" text, mls_source text NOT NULL DEFAULT 'hand', mls_origin text, mls_source_key text, mls_updated_at timestamptz);
ALTER TABLE gold.property ADD "ListAgentKey" text; UPDATE gold.property SET "ListAgentKey" = 'M1' WHERE "ListingKey" = 'K60';
INSERT INTO gold.member VALUES ('M1', 'Ann'), ('M2', 'Bob'); INSERT INTO gold.teams VALUES ('T1', 'One'), ('T2', 'Two');
CREATE VIEW grows AS SELECT "ListingKey", "City" FROM gold.property WHERE "ListingKey" LIKE 'K6_';
CREATE VIEW team AS SELECT t."TeamKey", (SELECT array_agg(m."MemberKey" ORDER BY 1) FROM gold.team_members m WHERE m."TeamKey" = t."TeamKey") AS members FROM gold.teams t;
CREATE VIEW person AS SELECT p."MemberKey", (SELECT array_agg(m."TeamKey" ORDER BY 1) FROM gold.team_members m WHERE m."MemberKey" = p."MemberKey") AS teams FROM gold.member p;
SELECT mls_publish(v::regclass, 'shop') FROM unnest('{grows,team,person}'::text[]) v; SET client_min_messages = error; SELECT * FROM mls_publish_sync('shop')});
sql(q{CREATE OR REPLACE VIEW grows AS SELECT p."ListingKey", p."City", m."MemberFullName" AS agent, (SELECT count(*) FROM gold.media f WHERE f."ResourceRecordKey" = p."ListingKey") AS photos
	FROM gold.property p LEFT JOIN gold.member m ON m."MemberKey" = p."ListAgentKey" WHERE p."ListingKey" LIKE 'K6_'});
like(synced('grows'), qr/^finished 10 0 0$/, 'a view that joins more is loaded anew');
sql(q{UPDATE gold.member SET "MemberFullName" = 'Anna' WHERE "MemberKey" = 'M1'; INSERT INTO gold.media ("MediaKey", "ResourceRecordKey", "ResourceName") VALUES ('F1', 'K61', 'Property')});
is(synced('grows'), 'finished 2 0 0', 'and what it joins is followed');
is(there(q{SELECT string_agg(agent || photos, ' ') FROM grows WHERE agent IS NOT NULL}) . there(q{SELECT photos FROM grows WHERE "ListingKey" = 'K61'}), 'Anna01', 'which is there');
sql(q{UPDATE gold.media SET "ResourceRecordKey" = 'K62'});
is(synced('grows'), 'finished 2 0 0', 'what moves has both sent, whom it leaves and whom it comes to');
is(there(q{SELECT string_agg("ListingKey", ' ') FROM grows WHERE photos > 0}) . differences('grows'), 'K62none', 'and both are right');
sql(q{CREATE OR REPLACE VIEW grows AS SELECT p."ListingKey", p."City", m."MemberFullName" AS agent, 0::bigint AS photos, t."TeamKey"
	FROM gold.property p LEFT JOIN gold.member m ON m."MemberKey" = p."ListAgentKey" LEFT JOIN gold.teams t ON true WHERE p."ListingKey" = 'K60'});
fails(q{SELECT * FROM mls_publish_sync('shop', 'grows')}, qr/not known which rows of public.grows hold a record of resource "Teams"/);
sql(q{SELECT mls_unpublish('shop', 'grows', true)});

sql(q{INSERT INTO gold.team_members ("TeamMemberKey", "MemberKey", "TeamKey") VALUES ('1', 'M1', 'T1'), ('2', 'M2', 'T1')});
is(synced('team') . ', ' . synced('person'), 'finished 1 0 0, finished 2 0 0', 'records that belong to two others have both sent');
sql(q{UPDATE gold.team_members SET "TeamKey" = 'T2' WHERE "TeamMemberKey" = '2'; DELETE FROM gold.team_members WHERE "TeamMemberKey" = '1'});
is(synced('team') . ', ' . synced('person'), 'finished 2 0 0, finished 2 0 0', 'when they move and go, too');
is(there('SELECT members FROM team ORDER BY 1') . ' ' . there('SELECT teams FROM person ORDER BY 1'), "{M2}\n {T2}\n", 'and are right');
sql(q{TRUNCATE gold.team_members; TRUNCATE gold.teams});
is(synced('team') . ', ' . synced('person'), 'finished 0 2 0, finished 1 0 0', 'a table that is truncated');
is(there('SELECT (SELECT count(*) FROM team), count(teams) FROM person'), '0|0', 'is empty there');

fails(q{SELECT mls_publish('grows', 'shop', key => 'City', resource => 'Property')}, qr/column "City" of public.grows does not have the keys of resource "Property"/, qr/Perhaps you meant "ListingKey"/);
sql(q{CREATE VIEW made AS SELECT 'x' || "ListingKey" AS "ListingKey" FROM gold.property;
	CREATE VIEW whole AS WITH a AS (SELECT "ListingKey" AS k, "City" FROM grows) SELECT DISTINCT coalesce(a.k, b.k)::varchar COLLATE "C" AS id, b."City" FROM a FULL JOIN (SELECT "ListingKey" AS k, "City" FROM gold.property UNION SELECT "ListingKey", 'x' FROM gold.property) b USING (k)});
fails(q{SELECT mls_publish('made', 'shop')}, qr/column "ListingKey" of public.made/, qr/has to show "ListingKey" of gold.property, as it is/);
fails(q{SELECT mls_publish('whole', 'shop', key => 'City', resource => 'Property', depends => '{"Member": "ListAgentKey", "Teams": "ListAgentKey"}')}, qr/Perhaps you meant "id"/);
fails(q{SELECT mls_publish('gold.property', 'shop', repeat('n', 64))}, qr/42622/);

# ---- Rows of one key; rows that others refer to; tables of others ----

sql(q{CREATE VIEW twice AS SELECT p."ListingKey", p."City", n FROM gold.property p CROSS JOIN LATERAL generate_series(1, CASE p."ListingKey" WHEN 'K52' THEN 2 ELSE 1 END) n WHERE p."ListingKey" LIKE 'K5_';
	SELECT mls_publish('twice', 'shop', batch => 3)});
like(synced('twice'), qr/^finished 9 0 1/, 'rows of one key are refused, the others pass');
is(sql('SELECT key, reason FROM mls_dead_letters'), 'K52|the view has several rows of this key', 'and it is told why');
$other->safe_psql('shop', q{CREATE TABLE visit (key text REFERENCES twice); INSERT INTO visit VALUES ('K53')});
sql(q{DELETE FROM gold.property WHERE "ListingKey" IN ('K53', 'K54', 'K55')});
like(synced('twice'), qr/^finished 0 2 1/, 'a row that somebody refers to there stays, the others go');
is(there(q{SELECT string_agg("ListingKey", ',' ORDER BY "ListingKey") FROM twice}), 'K50,K51,K53,K56,K57,K58,K59', 'just those');
like(sql(q{SELECT reason FROM mls_dead_letters WHERE key = 'K53'}), qr/^23503/, 'and it is told why');
$other->safe_psql('shop', q{DROP TABLE visit; UPDATE mls_position SET token = 'another' WHERE name = 'twice'});
sql(q{SET client_min_messages = error; SELECT mls_unpublish('shop', 'twice', drop_table => true)});
is(there(q{SELECT count(*) FROM twice}), 7, 'a table that another publication writes is not dropped');
$other->safe_psql('shop', q{DROP TABLE twice; DELETE FROM mls_position WHERE name = 'twice'});
synced('listing');

# ---- A copy of the database; gold from a backup ----

$node->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE postgres');
sub in_copy
{
	my ($status, $out, $err) = $node->psql('copy', $_[0]);
	return $status == 0 ? $out : $err;
}
my $here = there('SELECT position FROM mls_position WHERE name = $$listing$$');
sql(q{UPDATE gold.property SET "City" = 'here' WHERE "ListingKey" = 'K65'; SELECT * FROM mls_publish_sync('shop', 'listing')});
in_copy(q{UPDATE gold.property SET "City" = 'copied' WHERE "ListingKey" IN ('K61', 'K62', 'K63')});
like(in_copy(q{SELECT * FROM mls_publish_sync('shop', 'listing')}), qr/is one of another database.*copy of that.*mls_publish_resend\('shop', 'listing'\)/s, 'a copy of the database sends nothing');
like(in_copy(q{SELECT * FROM mls_publish_verify('shop', 'listing', repair => true)}), qr/is one of another database/, 'nor does it repair');
like(in_copy(q{SELECT state || ': ' || error FROM mls_publications WHERE name = 'listing'}), qr/^failing: .*another database/, 'which is told');
in_copy(q{SELECT mls_publish_resend('shop', 'listing')});
for my $time ('though there were events since', 'each time')
{
	like(in_copy(q{SELECT * FROM mls_publish_sync('shop', 'listing')}), qr/has to be loaded anew.*events were lost, perhaps by a restored backup/s, "a copy that takes its place notices what it lacks, $time");
}
is(there(q{SELECT string_agg(DISTINCT "City", ' ') FROM listing WHERE "ListingKey" BETWEEN 'K60' AND 'K69' AND "City" !~ '\d'}), 'here', 'nothing of it was sent');
in_copy(q{SET client_min_messages = error; SELECT mls_unpublish('shop', 'team', drop_table => true)});
is(in_copy(q{SELECT count(*) FROM mls_publications WHERE name = 'team'}) . ' ' . synced('team') . there(q{SELECT count(*) FROM mls_position WHERE name = 'team'}), '0 finished 0 0 01', 'a publication of a copy can be ended, which does the other no harm');
$node->safe_psql('template1', 'DROP DATABASE copy');

# ---- A run without a process ----

sql(q{UPDATE mls.run SET status = 'running' WHERE id = (SELECT max(run) FROM mls_history WHERE resource = 'listing')});
like(sql(q{SELECT level || ': ' || message FROM mls_health() WHERE item = 'stuck'}), qr/^warning: run \d+ of shop listing has no process any more/, 'a run whose process is gone is seen');
is(synced('listing') . sql(q{SELECT level FROM mls_health() WHERE item = 'stuck'}), 'finished 0 0 0ok', 'the next one puts that right');

# ---- Killed in the middle, and gone ----

sql('UPDATE mls.publication SET batch = 20');
srand(11);
for my $round (1 .. ($ENV{MLS_LONG} ? 30 : 3))
{
	my $held = there("SELECT \"ListingKey\" FROM listing WHERE \"ListingKey\" LIKE 'K5%' ORDER BY md5(\"ListingKey\" || $round) LIMIT 1");
	my @sql = map {
		my ($what, $key) = (rand, 'K' . int(rand(1000)));
		  $key eq $held ? ''
		: $what < 0.3 ? qq{DELETE FROM gold.property WHERE "ListingKey" = '$key';}
		: $what < 0.5 ? qq{INSERT INTO gold.property ("ListingKey", "StandardStatus", "City") VALUES ('$key', 'Active', 'r$round') ON CONFLICT ("ListingKey") DO UPDATE SET "City" = 'r$round';}
		:               qq{UPDATE gold.property SET "ListPrice" = "ListPrice" + 1, "StandardStatus" = CASE WHEN random() < 0.2 THEN 'Closed' ELSE 'Active' END WHERE "ListingKey" = '$key';}
	} 1 .. 200;
	splice @sql, int(rand(200)), 0, qq{UPDATE gold.property SET "Beds" = $round + 100 WHERE "ListingKey" = '$held';};
	sql(join "\n", @sql);
	my $holder = $other->background_psql('shop', on_error_stop => 0);
	$holder->query_safe(qq{BEGIN; SELECT FROM listing WHERE "ListingKey" = '$held' FOR UPDATE});
	my $run = $node->background_psql('postgres', on_error_stop => 0);
	$run->query_until(qr/begun/, "\\echo begun\nSELECT * FROM mls_publish_sync('shop', 'listing');\n");
	$other->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'mls_fdw publish' AND wait_event_type = 'Lock'}) or die;
	if ($round == 2)
	{
		# Cancelled here: it ends there, too.
		sql(q{SELECT pg_cancel_backend(pid) FROM mls_progress WHERE process = 'publish'});
		$other->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'mls_fdw publish'}) or die;
		pass('a run that is cancelled ends, and what it was at there');
	}
	else
	{
		$other->stop('immediate');
		sql(qq{DELETE FROM gold.property WHERE "ListingKey" = 'K} . int(rand(1000)) . qq{'; UPDATE gold.property SET "City" = 'down$round' WHERE "ListingKey" = '$held'});
	}
	$run->quit;
	eval { $holder->quit };
	$other->start if $round != 2;
	like(synced('listing'), qr/^finished \d+ \d+ 0$/, "round $round: it goes on");
	is(differences('listing'), 'none', "round $round: the destination is as the view");
}

is(sql(q{SELECT string_agg(item || CASE WHEN ok THEN '' ELSE '!' END, ' ') FROM mls_check('shop')}), 'configuration credentials connection write', 'mls_check() tries it');
# What the environment of the server says is not for whoever publishes.
{
	local $ENV{PGSERVICE} = 'no_such_service';
	local $ENV{PGTARGETSESSIONATTRS} = 'read-only';
	local $ENV{PGTZ} = 'no/such';
	$node->restart;
}
is(sql(q{SELECT string_agg(item || CASE WHEN ok THEN '' ELSE ' ' || detail END, ' ') FROM mls_check('shop')}), 'configuration credentials connection write', 'the environment of the server does not get in between');
sql(qq{ALTER SERVER shop OPTIONS (SET tls 'verify')});
like(sql(q{SELECT detail FROM mls_check('shop') WHERE NOT ok}), qr/SSL/, 'who does not speak TLS is not told the password');
fails(q{SELECT * FROM mls_publish_sync('shop', 'listing')}, qr/could not log in at destination "shop"/, qr/HINT:  Have it speak TLS; or set the option tls of the server to 'none'/);
sql(qq{ALTER SERVER shop OPTIONS (SET tls 'none')});
sql(q{SELECT mls_unpublish('shop', n, drop_table => true) FROM unnest('{team,person,listing}'::text[]) n});
is(there(q{SELECT to_regclass('listing') IS NULL, (SELECT count(*) FROM mls_position)}), 't|0', 'its end');
unlike(slurp_file($node->logfile), qr/(pg|wrong)-pass-value/, 'no password stands in the log');
done_testing();
