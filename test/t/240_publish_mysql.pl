# Publications at MariaDB: what the view shows is what is there, whoever dies meanwhile.
use strict;
use warnings;
use utf8;

use Encode qw(decode_utf8 encode_utf8);
use MlsMaria;
use MlsTest;
use MlsTls;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no MariaDB server' unless has_maria();

my $maria = start_maria();
my $node = new_node('publish', 'mls_fdw.allowed_hosts' => "'127.0.0.1'", log_min_messages => 'debug1', log_statement => "'none'");
my $url = $maria->url;

sub sql
{
	return decode_utf8($node->safe_psql('postgres', encode_utf8($_[0])));
}

sub there
{
	return decode_utf8($maria->sql(encode_utf8($_[0])));
}

# SQL that fails, and what it says.
sub fails
{
	my ($sql, @words) = @_;
	my $error = sql_error($node, $sql);
	like($error, $_, "says: $_") for @words;
	return $error;
}

sub synced
{
	my ($name) = @_;
	return sql("SELECT status || ' ' || written || ' ' || deleted || ' ' || refused || coalesce(' ' || message, '') FROM mls_publish_sync('shop', '$name')");
}

# What verify finds but the same.
sub differences
{
	my ($name, $more) = @_;
	return sql("SELECT coalesce(string_agg(finding || ' ' || records || ' ' || keys::text, '; '), 'none') FROM mls_publish_verify('shop', '$name'" . ($more // '') . ") WHERE finding <> 'same' AND records > 0");
}

sub state_of
{
	my ($name) = @_;
	return sql("SELECT state FROM mls_publications WHERE name = '$name'");
}

# ---- Gold, and a view of it ----

sql(q{
CREATE SCHEMA gold;
CREATE TABLE gold.property ("ListingKey" text PRIMARY KEY, "ListPrice" numeric(14,2), "City" text, "Remarks" text, "Features" text[], "Pool" boolean, "Beds" integer, "Latitude" numeric,
	"ModificationTimestamp" timestamptz, "OnMarketDate" date, "Rating" float8, "Short" varchar(20), "Extra" jsonb, "ListAgentKey" text, "StandardStatus" text,
	mls_source text NOT NULL DEFAULT 'hand', mls_origin text, mls_source_key text, mls_updated_at timestamptz);
CREATE TABLE gold.member ("MemberKey" text PRIMARY KEY, "MemberFullName" text, mls_source text NOT NULL DEFAULT 'hand', mls_origin text, mls_source_key text, mls_updated_at timestamptz);
CREATE TABLE gold.media ("MediaKey" text PRIMARY KEY, "ResourceRecordKey" text, "ResourceName" text, "MediaURL" text, mls_source text NOT NULL DEFAULT 'hand', mls_origin text, mls_source_key text, mls_updated_at timestamptz);
CREATE INDEX ON gold.property ("ListAgentKey");
CREATE VIEW listing AS
SELECT p."ListingKey", p."ListPrice", p."City", p."Remarks", p."Features", p."Pool", p."Beds", p."Latitude", p."ModificationTimestamp", p."OnMarketDate", p."Rating", p."Short", p."Extra",
       p."ListAgentKey", m."MemberFullName" AS agent, (SELECT array_agg(f."MediaURL" ORDER BY f."MediaKey") FROM gold.media f WHERE f."ResourceRecordKey" = p."ListingKey") AS photos
  FROM gold.property p LEFT JOIN gold.member m ON m."MemberKey" = p."ListAgentKey"
 WHERE p."StandardStatus" = 'Active';
INSERT INTO gold.member ("MemberKey", "MemberFullName") SELECT 'M' || i, 'Agent ' || i FROM generate_series(1, 20) i;
INSERT INTO gold.property ("ListingKey", "ListPrice", "City", "Remarks", "Features", "Pool", "Beds", "Latitude", "ModificationTimestamp", "OnMarketDate", "Rating", "Short", "Extra", "ListAgentKey", "StandardStatus")
SELECT 'K' || i, i * 1000.5, 'City ' || i % 7, repeat('x', i % 50), ARRAY['a', 'b' || i], i % 2 = 0, i % 6, i / 7.0, '2026-01-01'::timestamptz + i * interval '1.000001 seconds', '2026-01-01'::date + i % 300,
       sqrt(i), 's' || i, jsonb_build_object('n', i), 'M' || i % 20, CASE WHEN i % 10 = 0 THEN 'Closed' ELSE 'Active' END
  FROM generate_series(1, 2000) i;
UPDATE gold.property SET "City" = 'Κύπρος 🏠 𝒳', "Remarks" = E'tab\tline\nreturn\rquote''s "both" back\\\\slash \\\\N \x1a %', "Features" = ARRAY['é,"', NULL, '😀'], "Pool" = NULL, "Beds" = NULL,
       "Latitude" = 34.123456789012, "ModificationTimestamp" = '2026-03-29 01:30:00.123456+00' WHERE "ListingKey" = 'K1';
INSERT INTO gold.property ("ListingKey", "StandardStatus", "City") VALUES ('k1', 'Active', 'small'), ('K1é', 'Active', 'accent'), ('K''2"`\\', 'Active', 'signs');
});

# ---- What may be published, where ----

sql(qq{CREATE SERVER shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'mysql', url '$url', tls 'none');
	CREATE SERVER store FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'geocoder', url 'https://x.example.com')});
fails(q{CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'mysql', url 'mysql://u:p@host/db')}, qr/user mapping/);
fails(q{CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'mysql', url 'https://host/db')}, qr{mysql://host/database});
fails(q{SELECT mls_publish('listing', 'store')}, qr/no destination "store"/, qr/protocol of that server is "geocoder"/);
fails(q{SELECT mls_publish('listing', 'shop', key => 'Nothing', resource => 'Property')}, qr/has no column "Nothing"/);
fails(q{SELECT mls_publish('listing', 'shop', condition => 'no_such > 1')}, qr/\A(?!.*(?:QUERY|CONTEXT)).*42703: the condition cannot be used: column "no_such" does not exist\nHINT:  It is SQL/s);
fails(q{SELECT mls_publish('listing', 'shop', types => '{"City": "text); DROP"}')}, qr/is no type/);
fails(q{SELECT mls_publish('listing', 'shop', depends => '{"Member": "Nothing"}')}, qr/has a column "Nothing"/);
fails(q{SELECT mls_publish('listing', 'shop'); SELECT * FROM mls_publish_sync('shop')}, qr/user mapping not found/, qr/CREATE USER MAPPING/);
is(state_of('listing'), 'failing', 'without a password it fails');
sql(q{CREATE USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (username 'mls', password 'wrong-pass-value')});
fails(q{SELECT * FROM mls_publish_sync('shop')}, qr/28000/, qr/Access denied/);
sql(q{ALTER USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (SET password 'maria-pass-value')});

# ---- The first load ----

is(synced('listing'), 'finished 1803 0 0', 'it is loaded');
is(there('SELECT count(*) FROM listing'), 1803, 'all that the view shows');
is(differences('listing'), 'none', 'as it shows it');
is(state_of('listing'), 'up to date', 'which is told');
is(there(q{SELECT concat_ws('|', City, Features, ifnull(Pool, 'null'), Latitude, ModificationTimestamp, agent) FROM listing WHERE ListingKey = 'K1'}),
	'Κύπρος 🏠 𝒳|["é,\"", null, "😀"]|null|34.123456789012|2026-03-29 01:30:00.123456|Agent 1', 'letters of four bytes, arrays, NULL, microseconds');
is(there(q{SELECT hex(Remarks) FROM listing WHERE ListingKey = 'K1'}), uc(unpack('H*', "tab\tline\nreturn\rquote's \"both\" back\\slash \\N \x1a %")), 'and signs');
is(there(q{SELECT group_concat(City ORDER BY ListingKey) FROM listing WHERE ListingKey IN ('k1', 'K1é')}), 'accent,small', 'keys that differ by a letter\'s case or accent');
is(there(q{SELECT concat_ws(' ', data_type, collation_name) FROM information_schema.columns WHERE table_name = 'listing' AND column_name = 'ListingKey'}), 'varchar utf8mb4_bin', 'are told apart');
is(synced('listing'), 'finished 0 0 0', 'once more: nothing is sent');
is(sql('SELECT string_agg(process || resource || status, $$ $$) FROM (SELECT * FROM mls_history WHERE process = $$publish$$ ORDER BY run DESC LIMIT 2) h'), 'publishlistingfinished publishlistingfinished', 'runs stand in the history');

# ---- Following ----

sql(q{UPDATE gold.property SET "ListPrice" = 1 WHERE "ListingKey" = 'K2'; UPDATE gold.property SET "ListPrice" = 2 WHERE "ListingKey" = 'K2';
	DELETE FROM gold.property WHERE "ListingKey" = 'K3'; UPDATE gold.property SET "StandardStatus" = 'Closed' WHERE "ListingKey" = 'K4';
	UPDATE gold.property SET "StandardStatus" = 'Active' WHERE "ListingKey" = 'K10'; UPDATE gold.property SET "ListingKey" = 'K5new' WHERE "ListingKey" = 'K5'});
is(synced('listing'), 'finished 3 3 0', 'changed twice, deleted, left the condition, came into it, got another key');
is(there(q{SELECT group_concat(ListingKey, ' ', ListPrice ORDER BY ListingKey) FROM listing WHERE ListingKey IN ('K2', 'K3', 'K4', 'K5', 'K5new', 'K10')}), 'K10 10005.00,K2 2.00,K5new 5002.50', 'is there so');
sql(q{UPDATE gold.member SET "MemberFullName" = 'Renamed' WHERE "MemberKey" = 'M7'});
my ($n) = sql(q{SELECT count(*) FROM listing WHERE "ListAgentKey" = 'M7'});
is(synced('listing'), "finished $n 0 0", 'a member that changed has his listings sent');
is(there(q{SELECT count(*) FROM listing WHERE agent = 'Renamed'}), $n, 'with his name');
sql(q{INSERT INTO gold.media ("MediaKey", "ResourceRecordKey", "ResourceName", "MediaURL") VALUES ('P1', 'K7', 'Property', 'https://x/1'), ('P2', 'K7', 'Property', 'https://x/2'), ('P3', 'nobody', 'Property', 'u')});
is(synced('listing'), 'finished 1 1 0', 'photos have the listing sent that they belong to');
is(there(q{SELECT photos FROM listing WHERE ListingKey = 'K7'}), '["https://x/1", "https://x/2"]', 'with them');
sql(q{DELETE FROM gold.media WHERE "MediaKey" = 'P1'});
is(synced('listing'), 'finished 1 0 0', 'and one that goes');
is(differences('listing'), 'none', 'all is as the view shows it');

# ---- Again ----

sql(q{SELECT mls_publish_resend('shop', 'listing', 1)});
my $again = synced('listing');
like($again, qr/^finished \d{4} \d+ 0$/, 'old events once more');
is(differences('listing'), 'none', 'change nothing');
fails(q{SELECT mls_publish_resend('shop', 'listing', 999999999)}, qr/there is no event 999999999/);
fails(q{SELECT mls_publish_resend('shop', 'none', 0)}, qr/nothing of yours is published/);

# ---- What was planted is found ----

$maria->sql(q{UPDATE listing SET City = 'planted' WHERE ListingKey = 'K8'; DELETE FROM listing WHERE ListingKey = 'K9'; INSERT INTO listing (ListingKey) VALUES ('zzz')});
is(differences('listing'), 'different 1 {K8}; missing 1 {K9}; extra 1 {zzz}', 'a difference, a row too few, a row too many');
is(differences('listing', ', repair => true'), 'different 1 {K8}; missing 1 {K9}; extra 1 {zzz}', 'are put right');
is(differences('listing'), 'none', 'and are then');

# ---- What does not fit ----

sql(q{UPDATE gold.property SET "Remarks" = repeat('y', 70000) WHERE "ListingKey" = 'K11'});
is(synced('listing'), 'finished 1 0 0', 'a long text makes its column wider');
is(there(q{SELECT concat(length(Remarks), ' ', (SELECT data_type FROM information_schema.columns WHERE table_name = 'listing' AND column_name = 'Remarks')) FROM listing WHERE ListingKey = 'K11'}), '70000 mediumtext', 'and is there');
$maria->sql(q{ALTER TABLE listing ADD CONSTRAINT sane CHECK (ListPrice < 9000000)});
sql(q{UPDATE gold.property SET "ListPrice" = 9999999, "City" = 'dead' WHERE "ListingKey" = 'K12'; UPDATE gold.property SET "City" = 'alive' WHERE "ListingKey" IN ('K13', 'K14', 'K15', 'K16');
	INSERT INTO gold.property ("ListingKey", "StandardStatus") VALUES (repeat('k', 300), 'Active'), ('blank ', 'Active')});
like(synced('listing'), qr/^finished 4 0 3 3 records were refused/, 'who is refused does not hold up the others');
is(sql(q{SELECT string_agg(left(key, 5) || ': ' || left(reason, 35), '; ' ORDER BY key) FROM mls_dead_letters}), 'K12: 4025: CONSTRAINT `sane` failed for ; blank: its key ends in a blank, which MySQ; kkkkk: its key is longer than 255 characte', 'and is written down');
is(there(q{SELECT group_concat(ListingKey ORDER BY ListingKey) FROM listing WHERE City = 'alive'}), 'K13,K14,K15,K16', 'they are there');
is(there(q{SELECT ListPrice FROM listing WHERE ListingKey = 'K12'}), '12006.00', 'his row is the one of before');
is(differences('listing'), 'refused 3 {K12,"blank ",' . 'k' x 300 . '}', 'verify knows them');
sql(q{SELECT mls_publish_resend('shop', 'listing')});
like(synced('listing'), qr/^finished 0 0 3/, 'they are tried again when asked for');
is(sql(q{SELECT times FROM mls_dead_letters WHERE key = 'K12'}), 2, 'and counted');
sql(q{UPDATE gold.property SET "ListPrice" = 5 WHERE "ListingKey" = 'K12'; DELETE FROM gold.property WHERE "ListingKey" IN ('blank ', repeat('k', 300))});
synced('listing');
is(sql('SELECT count(*) FROM mls_dead_letters'), 0, 'who changes is tried as well') or diag(sql('SELECT key, reason FROM mls_dead_letters'));
is(differences('listing'), 'none', 'and all is right again');

# ---- Columns that come ----

sql(q{ALTER TABLE gold.property ADD "NewField" text; UPDATE gold.property SET "NewField" = 'new ' || "ListingKey";
	CREATE OR REPLACE VIEW listing AS
	SELECT p."ListingKey", p."ListPrice", p."City", p."Remarks", p."Features", p."Pool", p."Beds", p."Latitude", p."ModificationTimestamp", p."OnMarketDate", p."Rating", p."Short", p."Extra",
	       p."ListAgentKey", m."MemberFullName" AS agent, (SELECT array_agg(f."MediaURL" ORDER BY f."MediaKey") FROM gold.media f WHERE f."ResourceRecordKey" = p."ListingKey") AS photos, p."NewField"
	  FROM gold.property p LEFT JOIN gold.member m ON m."MemberKey" = p."ListAgentKey"
	 WHERE p."StandardStatus" = 'Active'});
like(synced('listing'), qr/^finished \d+ 0 0$/, 'a new column');
is(there(q{SELECT count(*) FROM listing WHERE NewField IS NULL}), 0, 'is filled for all');
is(differences('listing'), 'none', 'as it should be');

# ---- Names and types of one's own; a table that is there already ----

$maria->sql(q{CREATE TABLE ors_Property (ListingKey varchar(255) NOT NULL PRIMARY KEY, Price decimal(10,0), ModificationTimestamp datetime(3), Remarks varchar(10)) CHARACTER SET utf8mb4});
sql(q{SELECT mls_publish('listing', 'shop', 'ors_Property', condition => '"City" = ''City 1'' -- of one city', fields => '{"ListPrice": "Price"}', types => '{"timestamptz": "datetime(3)", "ListPrice": "decimal(10,0)", "Latitude": "double", "Pool": "char(1)"}')});
fails(q{SELECT * FROM mls_publish_sync('shop', 'ors_Property')}, qr/does not tell all keys apart/, qr/ALTER TABLE `ors_Property` MODIFY `ListingKey` varchar\(255\) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin/);
$maria->sql(q{ALTER TABLE ors_Property MODIFY ListingKey varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL; INSERT INTO ors_Property (ListingKey) VALUES ('old')});
sql(q{UPDATE gold.property SET "Remarks" = 'more than ten letters' WHERE "ListingKey" = (SELECT min("ListingKey") FROM listing WHERE "City" = 'City 1'); UPDATE gold.property SET "Remarks" = 'short' WHERE "City" = 'City 1' AND "Remarks" <> 'more than ten letters'});
like(synced('ors_Property'), qr/^finished \d+ 1 1 /, 'a table of somebody else is continued; what is not in the view goes');
like(sql(q{SELECT reason FROM mls_dead_letters WHERE name = 'ors_Property'}), qr/^1406: .*'Remarks'.*; the column is not one that we have made/, 'its columns stay as they were');
is(there(q{SELECT data_type FROM information_schema.columns WHERE table_name = 'ors_Property' AND column_name = 'Remarks'}), 'varchar', 'whatever does not fit');
sql(q{UPDATE gold.property SET "Remarks" = 'short' WHERE "City" = 'City 1'; SELECT * FROM mls_publish_sync('shop')});
is(differences('ors_Property'), 'none', 'and holds what it should');
is(there(q{SELECT count(*) FROM ors_Property WHERE City <> 'City 1'}), 0, 'by the condition');
is(there(q{SELECT concat(Price, ' ', ModificationTimestamp) FROM ors_Property WHERE ListingKey = 'K15'}), sql(q{SELECT round("ListPrice")::text || ' ' || to_char("ModificationTimestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') FROM listing WHERE "ListingKey" = 'K15'}), 'in types as they were')
  if there(q{SELECT count(*) FROM ors_Property WHERE ListingKey = 'K15'});

# ---- A view of a view, and what leaves it by others ----

sql(q{CREATE VIEW below AS SELECT "ListingKey", "City", "ListAgentKey" FROM gold.property WHERE "ListingKey" LIKE 'K2_' OR "ListingKey" LIKE 'z%';
	CREATE VIEW small AS SELECT b.*, m."MemberFullName" AS agent FROM below b JOIN gold.member m ON m."MemberKey" = b."ListAgentKey";
	SELECT mls_publish('small', 'shop', types => '{"City": "varchar(100)"}')});
fails(q{SELECT mls_publish('small', 'shop', 'MLS_Position')}, qr/is our own/);
is(synced('small'), 'finished 9 0 0', 'a view of a view');
sql(q{CREATE OR REPLACE VIEW below AS SELECT "ListingKey", "City", "ListAgentKey" FROM gold.property WHERE ("ListingKey" LIKE 'K2_' OR "ListingKey" LIKE 'z%') AND "ListingKey" <> 'K21'});
is(synced('small'), 'finished 8 1 0', 'what the lower one hides goes');
sql(q{DELETE FROM gold.member WHERE "MemberKey" = 'M2'});
like(synced('small'), qr{^finished 0 [1-9]\d* 0$}, 'and what a member takes along');
is(there(q{SELECT count(*) FROM small WHERE ListingKey = 'K22'}), 0, 'is not there');
$maria->sql('DROP TABLE small');
fails(q{SELECT * FROM mls_publish_verify('shop', 'small')}, qr/42P01/, qr/mls_publish_sync\(\) makes what lacks/);
is(synced('small'), 'finished 7 0 0', 'a table that is dropped there is filled anew');
$maria->sql('ALTER TABLE small DROP COLUMN agent');
fails(q{SELECT * FROM mls_publish_verify('shop', 'small', true)}, qr/42703/);
is(synced('small'), 'finished 7 0 0', 'and a column; verify makes none');
$maria->sql('ALTER TABLE small ADD UNIQUE (City)');
sql(q{INSERT INTO gold.property ("ListingKey", "City", "ListAgentKey") SELECT 'K2a', "City", 'M3' FROM gold.property WHERE "ListingKey" = 'K23'});
like(synced('small'), qr/^finished 0 0 1/, 'a row that would take the place of another is refused');
is(there(q{SELECT group_concat(ListingKey ORDER BY ListingKey) FROM small}), 'K23,K24,K25,K26,K27,K28,K29', 'which stays');
like(sql(q{SELECT reason FROM mls_dead_letters WHERE key = 'K2a'}), qr/unique there/, 'and is told why');
$maria->sql('SET GLOBAL max_allowed_packet = 1048576');
sql(q{UPDATE gold.property SET "City" = repeat('z', 2000000) WHERE "ListingKey" = 'K25'; UPDATE gold.property SET "City" = 'near' WHERE "ListingKey" = 'K26'});
like(synced('small'), qr/^finished 1 0 1/, 'a row that no statement holds is refused, the others pass');
like(sql(q{SELECT reason FROM mls_dead_letters WHERE key = 'K25'}), qr/max_allowed_packet/, 'and is told why');
$maria->sql('SET GLOBAL max_allowed_packet = 16777216');
sql(q{INSERT INTO gold.property ("ListingKey", "ListAgentKey") VALUES (repeat('z', 300), 'M3'); SELECT mls_publish_resend('shop', 'small', 0)});
like(synced('small'), qr/^finished 6 0 3/, 'a load goes over a key that is too long');
sql(q{SELECT mls_unpublish('shop', 'small', true); UPDATE gold.property SET "City" = '' WHERE "ListingKey" = 'K25'; DELETE FROM gold.property WHERE "ListingKey" LIKE 'z%'});

# ---- A dead destination holds up nobody ----

sql(qq{CREATE SERVER dead FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'mysql', url 'mysql://127.0.0.1:1/shop', tls 'none');
	CREATE USER MAPPING FOR CURRENT_USER SERVER dead OPTIONS (username 'mls', password 'maria-pass-value');
	SELECT mls_publish('listing', 'dead')});
sql(q{UPDATE gold.property SET "ListPrice" = 77 WHERE "ListingKey" = 'K17'});
is(sql(q{SET client_min_messages = error; SELECT string_agg(destination || ' ' || name || ' ' || status, ', ' ORDER BY destination, name) FROM mls_publish_sync()}), 'dead listing failed, shop listing finished, shop ors_Property finished', 'one fails, the others do not');
is(there(q{SELECT ListPrice FROM listing WHERE ListingKey = 'K17'}), '77.00', 'and are in step');
is(sql(q{SET client_min_messages = error; SELECT status FROM mls_publish_sync() WHERE destination = 'dead'}), 'skipped', 'then it is left alone for a while');
like(sql(q{SELECT state || ': ' || error FROM mls_publications WHERE destination = 'dead'}), qr/^failing: could not log in at destination "dead"/, 'which is told');
like(sql(q{SELECT level || ' ' || message FROM mls_health() WHERE item = 'destinations'}), qr/^warning .*"listing" at "dead"/, 'by mls_health() as well');
like(sql(q{SET client_min_messages = error; SELECT mls_unpublish('dead', 'listing'); SELECT count(*) FROM mls_publications WHERE destination = 'dead'}), qr/0$/, 'and can be ended');

# ---- Paused ----

sql(q{SELECT mls_publish_pause('shop', 'listing'); UPDATE gold.property SET "ListPrice" = 78 WHERE "ListingKey" = 'K17'});
like(synced('listing'), qr/^finished 0 0 0 paused/, 'paused');
is(state_of('listing'), 'paused', 'which is told');
sql(q{SELECT mls_publish_pause('shop', 'listing', false)});
is(synced('listing'), 'finished 1 0 0', 'what changed comes then');

# ---- Killed at random, with random changes ----

# A run that stands in the middle of a batch, since somebody at the destination holds a row.
sub halted_run
{
	my ($key) = @_;
	my $holder = $maria->hold(qq{SELECT * FROM listing WHERE ListingKey = '$key' FOR UPDATE});
	my $run = $node->background_psql('postgres', on_error_stop => 0);
	$run->query_until(qr/begun/, "\\echo begun\nSELECT * FROM mls_publish_sync('shop', 'listing');\n");
	$maria->wait_for(q{SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'});
	return ($run, $holder);
}

my $rounds = $ENV{MLS_LONG} ? 40 : 4;
srand(17);
sql('UPDATE mls.publication SET batch = 30');
for my $round (1 .. $rounds)
{
	my $held = there("SELECT ListingKey FROM listing WHERE ListingKey LIKE 'K1%' ORDER BY rand($round) LIMIT 1");
	my @sql = map {
		my ($what, $key) = (rand, 'K' . int(rand(2000)));
		  $key eq $held ? ''
		: $what < 0.2 ? qq{DELETE FROM gold.property WHERE "ListingKey" = '$key';}
		: $what < 0.4 ? qq{INSERT INTO gold.property ("ListingKey", "StandardStatus", "City") VALUES ('$key', 'Active', 'r$round') ON CONFLICT ("ListingKey") DO UPDATE SET "City" = 'r$round';}
		: $what < 0.5 ? qq{UPDATE gold.property SET "StandardStatus" = CASE "StandardStatus" WHEN 'Active' THEN 'Closed' ELSE 'Active' END WHERE "ListingKey" = '$key';}
		: $what < 0.51 ? qq{UPDATE gold.member SET "MemberFullName" = 'r$round' WHERE "MemberKey" = 'M} . int(rand(20)) . q{';}
		:               qq{UPDATE gold.property SET "ListPrice" = "ListPrice" + 1, "ModificationTimestamp" = clock_timestamp() WHERE "ListingKey" = '$key';}
	} 1 .. 300;
	splice @sql, int(rand(300)), 0, qq{UPDATE gold.property SET "Beds" = $round + 100 WHERE "ListingKey" = '$held';};
	sql(join "\n", @sql);
	my ($run, $holder) = halted_run($held);
	$maria->kill9;
	eval { $holder->finish };
	$run->quit;
	# Changes, and deletions, while it is down.
	sql(qq{DELETE FROM gold.property WHERE "ListingKey" = 'K} . int(rand(2000)) . qq{'; UPDATE gold.property SET "City" = 'down$round' WHERE "ListingKey" = '$held'});
	$node->psql('postgres', q{SELECT * FROM mls_publish_sync('shop', 'listing')}) if $round == 1;
	$maria->start;
	like(synced('listing'), qr/^finished \d+ \d+ 0$/, "round $round: killed in the middle, it goes on from there");
	is(differences('listing'), 'none', "round $round: the destination is as the view");
}
is(there('SELECT count(*) FROM listing'), sql('SELECT count(*) FROM listing'), 'to the row');

# A server process of ours that dies takes nothing along.
sql(q{UPDATE gold.property SET "Beds" = 9});
{
	my ($run, $holder) = halted_run(there(q{SELECT max(ListingKey) FROM listing WHERE ListingKey LIKE 'K1%'}));
	like(sql(q{SELECT source || ' ' || resource || ' ' || phase || ' ' || (pages > 0) FROM mls_progress WHERE process = 'publish'}), qr/^shop listing following true$/, 'a run that is at work can be seen');
	fails(q{SELECT * FROM mls_publish_verify('shop', 'listing')}, qr/is being kept in step/);
	sql(q{SELECT pg_terminate_backend(pid) FROM mls_progress WHERE process = 'publish'});
	$run->quit;
	$holder->kill_kill;
}
like(synced('listing'), qr/^finished/, 'a terminated run is gone on from');
is(there('SELECT count(*) FROM listing WHERE Beds <> 9'), 0, 'and all is there');
is(differences('listing'), 'none', 'as it should be');

# ---- Events that were lost ----

sql(q{DELETE FROM mls.entity_event; SELECT setval('mls.entity_event_sequence', 1)});
fails(q{SELECT * FROM mls_publish_sync('shop', 'listing')}, qr/has to be loaded anew/, qr/events were lost/, qr/mls_publish_resend\('shop', 'listing', 0\)/);
is(state_of('listing'), 'rebuild', 'it says so');
like(sql(q{SELECT level || ' ' || message FROM mls_health() WHERE item = 'destinations'}), qr/^critical .*mls_publish_resend/, 'with a cure');
sql(q{DELETE FROM gold.property WHERE "ListingKey" = 'K18'; SELECT mls_publish_resend('shop', 'listing', 0)});
like(synced('listing'), qr/^finished \d+ \d+ 0/, 'it is loaded anew');
is(differences('listing'), 'none', 'and what went meanwhile is gone');
sql(q{SELECT mls_serve_events('{Member}', false)});
fails(q{SELECT * FROM mls_publish_sync('shop', 'listing')}, qr/has to be loaded anew/, qr/Events of resource "Member" are not noted/);
sql(q{SELECT mls_serve_events('{Member}')});
like(synced('listing'), qr/^finished/, 'events that are noted again');

# ---- Whose they are, and what may leave ----

sql(q{CREATE ROLE agent LOGIN; CREATE ROLE other LOGIN; SELECT mls_grant('agent'); SELECT mls_grant('other'); GRANT USAGE ON SCHEMA gold TO agent; GRANT SELECT ON listing, gold.property, gold.member, gold.media TO agent;
	GRANT USAGE ON FOREIGN SERVER shop TO agent; CREATE USER MAPPING FOR agent SERVER shop OPTIONS (username 'mls', password 'maria-pass-value');
	CREATE VIEW his WITH (security_invoker = true) AS SELECT "ListingKey", "City" FROM gold.property; GRANT SELECT ON his TO agent;
	ALTER TABLE gold.property ENABLE ROW LEVEL SECURITY; CREATE POLICY his ON gold.property FOR SELECT TO agent USING ("ListingKey" LIKE 'K1%')});
sub as
{
	my ($role, $sql) = @_;
	return sql("SET ROLE $role; SET client_min_messages = error; $sql");
}
as('agent', q{SELECT mls_publish('his', 'shop', 'his')});
like(as('agent', q{SELECT status, refused FROM mls_publish_sync('shop', 'his')}), qr/^finished\|0$/m, 'a role publishes');
is(there(q{SELECT count(*) FROM his WHERE ListingKey NOT LIKE 'K1%'}), 0, 'what it may see');
is(as('agent', 'SELECT string_agg(name, $$ $$) FROM mls_publications'), 'his', 'and sees its own');
is(as('other', 'SELECT count(*) FROM mls_publications'), 0, 'others do not');
fails(q{SET ROLE other; SELECT * FROM mls_publish_sync('shop', 'his')}, qr/there is no such publication/);
fails(q{SET ROLE other; SELECT mls_publish('listing', 'shop', 'mine')}, qr/permission denied for foreign server shop/);
like(sql(q{SELECT status FROM mls_publish_sync('shop', 'his')}), qr/finished/, 'a superuser keeps all in step');
is(there(q{SELECT count(*) FROM his WHERE ListingKey NOT LIKE 'K1%'}), 0, 'each as its owner');

# ---- A table of two masters ----

$maria->sql(q{UPDATE mls_position SET token = 'another' WHERE name = 'ors_Property'});
fails(q{SELECT * FROM mls_publish_sync('shop', 'ors_Property')}, qr/kept in step by another publication/, qr/take_over/);
sql(q{SET client_min_messages = error; SELECT mls_unpublish('shop', 'ors_Property')});
sql(q{SELECT mls_publish('listing', 'shop', 'ors_Property', condition => '"City" = ''City 1'' -- of one city', fields => '{"ListPrice": "Price"}', types => '{"timestamptz": "datetime(3)", "ListPrice": "decimal(10,0)", "Latitude": "double", "Pool": "char(1)"}', take_over => true)});
like(synced('ors_Property'), qr/^finished/, 'it can be taken over');
is(sql(q{SELECT take_over FROM mls.publication WHERE name = 'ors_Property'}), 'f', 'once');
sql(q{SELECT mls_unpublish('shop', 'ors_Property', drop_table => true)});
is(there(q{SELECT count(*) FROM information_schema.tables WHERE table_name = 'ors_Property'}), 0, 'and dropped with its end');

# ---- Runs are forgotten as those of syncs are ----

sql(q{UPDATE mls.run SET started_at = started_at - interval '1 year' WHERE publication IS NOT NULL; SELECT * FROM mls_prune()});
is(sql(q{SELECT count(*) FROM mls.run r WHERE publication IS NOT NULL AND EXISTS (SELECT FROM mls.run l WHERE l.publication = r.publication AND l.id > r.id AND l.status = 'finished')}), 0, 'all but the last go');

# ---- mls_check; the rules of egress; secrets ----

is(sql(q{SELECT string_agg(item || CASE WHEN ok THEN '' ELSE '!' END, ' ') FROM mls_check('shop')}), 'configuration credentials connection write', 'mls_check() tries it');
sql(q{CREATE SERVER inside FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'mysql', url 'mysql://127.0.0.2:3306/shop'); CREATE USER MAPPING FOR CURRENT_USER SERVER inside OPTIONS (username 'mls', password 'maria-pass-value')});
like(sql(q{SELECT detail FROM mls_check('inside') WHERE NOT ok}), qr/127\.0\.0\.2.* is not public/, 'inner addresses are not connected to');
sql(q{ALTER SERVER inside OPTIONS (ADD tls 'none')});
like(sql(q{SELECT detail FROM mls_check('inside') WHERE NOT ok}), qr/may not be connected to without TLS/, 'nor strangers in clear');
sql(qq{ALTER SERVER shop OPTIONS (SET tls 'verify')});
{
	my $authority = make_authority('own');
	my $certificate = make_certificate($authority, 'IP:127.0.0.1');
	$maria->stop;
	push @{ $maria->{options} }, "--ssl-cert=$certificate->{certificate}", "--ssl-key=$certificate->{key}";
	$maria->start;
	like(sql(q{SELECT detail FROM mls_check('shop') WHERE NOT ok}), qr/certificate|TLS|SSL/, 'a certificate of an unknown authority is refused');
	sql(qq{ALTER SERVER shop OPTIONS (ADD ca_file '$authority->{certificate}')});
	like(sql(q{SELECT detail FROM mls_check('shop') WHERE item = 'connection'}), qr/over TLS/, 'one of an authority that is named is taken');
	sql(q{ALTER SERVER shop OPTIONS (DROP ca_file)});
	splice @{ $maria->{options} }, -2;
	$maria->stop;
	$maria->start;
}
like(sql(q{SELECT detail FROM mls_check('shop') WHERE NOT ok}), qr/TLS|SSL/, 'who does not speak TLS is not told the password');
my $log = slurp_file($node->logfile);
unlike($log, qr/(maria|wrong)-pass-value/, 'no password stands in the log') or diag(grep { /pass-value/ } split /^/, $log);
is(sql(q{SELECT count(*) FROM mls.run r WHERE r::text LIKE '%pass-value%'}), 0, 'or in a table');

$maria->stop;
done_testing();
