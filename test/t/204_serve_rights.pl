# Nobody sees more than his licence: what a server before this one let through (any office's
# rows by a filter, all rows without a claim, personal data for all), each tried in SQL, in
# which a reader can ask more than over HTTP.
use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('rights');
my $mls = start_mls(listings => 80);
my $west = start_mls(listings => 40, seed => 7);
create_source($node, $mls, 'east', schema_check_interval => 0);
create_source($node, $west, 'west', schema_check_interval => 0, key_prefix => 'W-');

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub sql_as
{
	my ($role, $claims, $sql) = @_;
	return "BEGIN; SELECT 1 FROM set_config('request.jwt.claims', '$claims', true) a, set_config('role', '$role', true) b; $sql; COMMIT";
}

# As a request reads, and what it is told of what it may not.
sub asked
{
	my $out = scalar $node->safe_psql('postgres', sql_as(@_), extra_params => [ '-U', 'authenticator' ]);
	return $out =~ s/^1\n?//r;
}

sub refused
{
	my ($status, $out, $err) = $node->psql('postgres', sql_as(@_), extra_params => [ '-U', 'authenticator' ]);
	return $status == 0 ? "no error: $out" : $err;
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.media,east.member,east.office,east.open_house,west.property,west.media,west.member,west.office}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
query(q{
	CREATE ROLE idx; CREATE ROLE vow; CREATE ROLE broker; CREATE ROLE office; CREATE ROLE optin;
	CREATE ROLE authenticator LOGIN NOINHERIT;
	ALTER TABLE gold.property ADD COLUMN IF NOT EXISTS "CoListOfficeKey" text, ADD COLUMN IF NOT EXISTS "PrivateRemarks" text;
	UPDATE gold.property SET "ListOfficeKey" = CASE WHEN mls_source = 'west' THEN 'W-A' WHEN "ListingKey" < 'LK00000031' THEN 'A' WHEN "ListingKey" < 'LK00000061' THEN 'B' ELSE 'N' END,
		"CoListOfficeKey" = CASE WHEN "ListingKey" = 'LK00000040' THEN 'A' END,
		"City" = CASE WHEN "ListingKey" = 'LK00000002' THEN 'Nowhere' ELSE 'Town of ' || mls_source END, "PrivateRemarks" = 'the key is under the mat',
		"InternetEntireListingDisplayYN" = CASE "ListingKey" WHEN 'LK00000002' THEN false WHEN 'LK00000003' THEN true END,
		"InternetAddressDisplayYN" = CASE "ListingKey" WHEN 'LK00000004' THEN false WHEN 'LK00000003' THEN true END,
		"UnparsedAddress" = 'At ' || "ListingKey", "StreetName" = 'Street ' || "ListingKey", "Latitude" = (nullif(regexp_replace("ListingKey", '\D', '', 'g'), '')::numeric % 100), "ListPrice" = (nullif(regexp_replace("ListingKey", '\D', '', 'g'), '')::numeric % 100) * 1000,
		"Appliances" = CASE "ListOfficeKey" WHEN 'A' THEN '{Own of A}' ELSE '{Own of others}' END::text[];
	UPDATE gold.property SET "Appliances" = ARRAY['Only of ' || "ListOfficeKey"];
	ALTER TABLE gold.office ADD COLUMN IF NOT EXISTS "IDXOfficeParticipationYN" boolean;
	INSERT INTO gold.office ("OfficeKey", "OfficeName", "IDXOfficeParticipationYN", mls_source, mls_origin, mls_source_key)
	SELECT k, 'Office ' || k, k <> 'N', CASE WHEN k LIKE 'W%' THEN 'west' ELSE 'east' END, 'Office', k FROM unnest('{A,B,N,W-A}'::text[]) k;
	UPDATE gold.member SET "OfficeKey" = CASE WHEN mls_source = 'west' THEN 'W-A' WHEN "MemberKey" < 'M000003' THEN 'A' ELSE 'B' END;
	DELETE FROM gold.media WHERE "ResourceName" = 'Property' AND "ResourceRecordKey" < 'LK00000006';
	INSERT INTO gold.media ("MediaKey", "ResourceRecordKey", "ResourceName", "Permission", mls_source, mls_origin, mls_source_key)
	SELECT 'm-' || k || '-' || n, 'LK0000000' || k, 'Property', p::text[], 'east', 'Media', 'm-' || k || '-' || n
	  FROM generate_series(1, 5) k, (VALUES (0, NULL), (1, '{Public}'), (2, '{IDX}'), (3, '{VOW}'), (4, '{Agent Only}'), (5, '{Office Only}'), (6, '{Private}'), (7, '{Public,Private}'), (8, '{}')) v (n, p);
	SELECT mls_protect(l::regrole, l, r) FROM unnest('{idx,vow,broker,office}'::text[]) l, unnest('{Office,Property,Member,OpenHouse,Media}'::text[]) r;
	SELECT mls_protect('optin', 'idx', r, opt_in => true) FROM unnest('{Office,Property,Media}'::text[]) r;
	SELECT mls_serve_grant('authenticator')});
like(sql_error($node, q{SELECT mls_protect('idx', 'free', 'Property')}), qr/22023: there is no licence "free"/, 'a licence has to be known');
my $east = '{"sources": ["east"]}';
my ($a, $b) = map { qq({"sources": ["east"], "offices": ["$_"]}) } 'A', 'B';
my %relations = map { $_ => [ qw(Property Member Office OpenHouse Media) ] } qw(idx vow broker office);

# ---- Without claims nothing, whatever is asked (S2) ----

for my $claims ('{}', '{"sources": []}', '{"sources": null}', '{"sources": {}}', '{"sources": "nowhere"}', '{"offices": ["A"]}')
{
	for my $role (sort keys %relations)
	{
		is(asked($role, $claims, 'SELECT ' . join ' + ', map { qq{(SELECT count(*) FROM $role."$_")} } @{ $relations{$role} }), 0, "$role with claims $claims sees nothing");
	}
	is(asked('office', $claims, q{SELECT count(*) FROM mls."Lookup" WHERE "StandardLookupValue" IS NULL}), 0, "and no value of others: $claims");
}
is(asked('office', '{"sources": ["east"]}', q{SELECT (SELECT count(*) FROM office."Property") + (SELECT count(*) FROM office."Media" WHERE "ResourceName" = 'Property') + (SELECT count(*) FROM office."Member") + (SELECT count(*) FROM office."Office")}), 0, 'an office without offices has none');
is(asked('idx', '', q{SELECT count(*) FROM idx."Property"}), 0, 'nor has one without any claims');
like(refused('idx', '[1', q{SELECT count(*) FROM idx."Property"}), qr/invalid input syntax for type json/, 'what is no JSON lets nothing pass');

# ---- Two offices, two sources (S1) ----

is(asked('office', $a, q{SELECT count(*), string_agg(DISTINCT "ListOfficeKey", ' ' ORDER BY "ListOfficeKey"), bool_or("ListingKey" = 'LK00000040') FROM office."Property"}), '32|A B|t', 'an office sees its own listings and those that it lists with others');
is(asked('office', $b, q{SELECT count(*), string_agg(DISTINCT "ListOfficeKey", ' ') FROM office."Property"}), '30|B', 'and another its own');
is(asked('office', $a, q{SELECT count(*) FROM office."Property" WHERE 1 = 1 OR "ListOfficeKey" = 'B' OR true}), 32, 'no filter lets more through');
is(asked('office', $a, q{SELECT count(*) FROM office."Property" WHERE "ListingKey" = 'LK00000050'}), 0, 'nor does a key');
is(asked('office', $a, q{SELECT count("ListingKey") FROM gold.property}), 32, 'nor gold itself');
is(asked('office', $a, q{SELECT (SELECT count(*) FROM office."Media" m WHERE m."ResourceName" = 'Property' AND NOT EXISTS (SELECT FROM office."Property" p WHERE p."ListingKey" = m."ResourceRecordKey"))
	+ (SELECT count(*) FROM office."OpenHouse" o WHERE NOT EXISTS (SELECT FROM office."Property" p WHERE p."ListingKey" = o."ListingKey"))}), 0, 'what belongs to listings goes with them');
is(asked('office', $a, q{SELECT string_agg(DISTINCT "OfficeKey", ' ') || ' ' || (SELECT string_agg("OfficeKey", ' ') FROM office."Office") FROM office."Member"}), 'A A', 'agents and offices are its own');
is(asked('office', $a, q{SELECT string_agg("LookupValue", ', ' ORDER BY "LookupValue") FROM mls."Lookup" WHERE "LookupName" = 'Appliances' AND "StandardLookupValue" IS NULL}), 'Only of A, Only of B', 'values are those of its listings');
is(asked('office', $b, q{SELECT string_agg("LookupValue", ', ' ORDER BY "LookupValue") FROM mls."Lookup" WHERE "LookupName" = 'Appliances' AND "StandardLookupValue" IS NULL}), 'Only of B', 'and the other\'s');
is(asked('broker', $east, q{SELECT count(*) FROM broker."Property"}), 80, 'a broker sees all of his source');
is(asked('broker', '{"sources": ["west"]}', q{SELECT count(*), bool_and("ListingKey" LIKE 'W-%') FROM broker."Property"}), '40|t', 'and of another');
is(asked('broker', '{"sources": ["east", "west"]}', q{SELECT count(*) FROM broker."Property"}), 120, 'or of both');
is(query(q{SELECT count(*) FROM mls_consumer_add('x', 'office', '{"sources": ["east"], "offices": "A"}')}), 1, 'a claim may be a text instead of a list');
is(asked('office', '{"sources": "east", "offices": "A"}', q{SELECT count(*) FROM office."Property"}), 32, 'and means the same');
query(q{SELECT mls_protect('broker', 'broker', 'Office', sources => '{west}')});
is(asked('broker', $east, q{SELECT string_agg("OfficeKey", ' ') FROM broker."Office" WHERE "OfficeKey" IN ('A', 'W-A')}), 'W-A', 'sources that are named do not come from claims');
query(q{SELECT mls_protect('broker', 'broker', 'Office')});

# ---- What sellers and offices want ----

is(asked('idx', $east, q{SELECT count(*), bool_or("ListingKey" = 'LK00000002'), bool_or("ListOfficeKey" = 'N') FROM idx."Property"}), '60|f|f', 'IDX: not what its seller wants nowhere, nor what its office does not share');
is(asked('vow', $east, q{SELECT count(*), bool_or("ListingKey" = 'LK00000002') FROM vow."Property"}), '79|f', 'VOW: of all offices');
is(asked('idx', $east, q{SELECT string_agg(right("MediaKey", 1), '' ORDER BY "MediaKey") FROM idx."Media" WHERE "MediaKey" LIKE 'm-1-%'}), '0128', 'IDX: files that are for the public');
is(asked('vow', $east, q{SELECT string_agg(right("MediaKey", 1), '' ORDER BY "MediaKey") FROM vow."Media" WHERE "MediaKey" LIKE 'm-1-%'}), '01238', 'VOW');
is(asked('broker', $east, q{SELECT string_agg(right("MediaKey", 1), '' ORDER BY "MediaKey") FROM broker."Media" WHERE "MediaKey" LIKE 'm-1-%'}), '012348', 'brokers');
is(asked('office', $a, q{SELECT string_agg(right("MediaKey", 1), '' ORDER BY "MediaKey") FROM office."Media" WHERE "MediaKey" LIKE 'm-1-%'}), '0123458', 'the office itself');
is(asked('idx', $east, q{SELECT count(*) FROM idx."Media" WHERE "MediaKey" LIKE 'm-2-%'}), 0, 'media of a hidden listing: by key, by filter, by count');
is(asked('idx', $east, q{SELECT count("MediaKey") FROM gold.media WHERE "ResourceRecordKey" = 'LK00000002'}), 0, 'nor beneath');
is(asked('broker', $east, q{SELECT count(*) FROM broker."Media" WHERE "MediaKey" LIKE 'm-2-%'}), 6, 'who sees the listing sees them');
is(asked('optin', $east, q{SELECT string_agg("ListingKey", ' '), string_agg("UnparsedAddress", ' ') FROM optin."Property"}), 'LK00000003|At LK00000003', 'where nothing is shown without a yes, only what has one');
is(asked('optin', $east, q{SELECT string_agg(right("MediaKey", 1), '' ORDER BY "MediaKey") FROM optin."Media"}), '12', 'files too');
is(asked('idx', $east, q{SELECT count(*) FROM mls."Lookup" WHERE "LookupValue" = 'Nowhere'}) . asked('broker', $east, q{SELECT count(*) FROM mls."Lookup" WHERE "LookupValue" = 'Nowhere'}), '01', 'no value of a hidden listing');

# ---- Masked addresses ----

my $address = q{count("UnparsedAddress"), count("StreetName"), count("Latitude"), count("City")};
is(asked('idx', $east, qq{SELECT $address FROM idx."Property" WHERE "ListingKey" = 'LK00000004'}), '0|0|0|1', 'an address that is not to be shown is not, its town is');
is(asked('idx', $east, qq{SELECT $address FROM idx."Property" WHERE "ListingKey" = 'LK00000005'}), '1|1|1|1', 'that of others is');
is(asked('idx', $east, q{SELECT count(*) FROM idx."Property" WHERE "UnparsedAddress" = 'At LK00000004' OR "StreetName" LIKE '%00004' OR "Latitude" BETWEEN 3.5 AND 4.5}), 0, 'no filter finds it');
is(asked('idx', $east, q{SELECT "ListingKey" FROM idx."Property" WHERE "ListingKey" BETWEEN 'LK00000003' AND 'LK00000005' ORDER BY "UnparsedAddress" NULLS FIRST LIMIT 1}), 'LK00000004', 'nor an order');
is(asked('idx', $east, q{SELECT count(DISTINCT "Latitude") FILTER (WHERE "ListingKey" = 'LK00000004'), count(*) FROM idx."Property" GROUP BY "Latitude" IS NULL HAVING bool_or("ListingKey" = 'LK00000004')}), '0|1', 'nor a group');
like(refused('idx', $east, "SELECT $_"), qr/permission denied/, "not to be had otherwise: $_")
  for q{"UnparsedAddress" FROM gold.property}, q{count(*) FROM gold.property WHERE "UnparsedAddress" = 'x'}, q{p FROM gold.property p}, q{count("StreetName") FROM gold.property}, q{count(*) FROM reso."Property"}, q{count(*) FROM silver.east_property}, q{count(*) FROM bronze.east_property};
is(asked('idx', $east, q{SELECT count(*) = 60, count(mls.odata(p)), bool_or(mls.odata(p) LIKE '%At LK00000004%') FROM idx."Property" p}), 't|60|f', 'whole rows can be read, and have it not');
is(asked('broker', $east, qq{SELECT $address FROM broker."Property" WHERE "ListingKey" = 'LK00000004'}), '1|1|1|1', 'brokers see it');
# A function that tells what it is given is called with nothing that is not shown.
query(q{CREATE SCHEMA spy; GRANT ALL ON SCHEMA spy TO idx;
	CREATE FUNCTION spy.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$; GRANT EXECUTE ON FUNCTION spy.tell(text) TO PUBLIC});
my (undef, undef, $told) = $node->psql('postgres', sql_as('idx', $east, q{SELECT count(*) FROM idx."Property" WHERE spy.tell("UnparsedAddress") AND spy.tell("ListingKey")}), extra_params => [ '-U', 'authenticator' ]);
like($told, qr/saw At LK00000005/, 'a function sees values');
unlike($told, qr/At LK00000004|LK00000002\b|LK00000070|W-/, 'but of no hidden row, and no masked one');
is(query(q{SELECT masked @> '{UnparsedAddress,StreetName,Latitude}' AND NOT masked && '{City,ListPrice}' FROM mls.protection WHERE audience = 'idx'::regrole AND resource = 'Property'}), 't', 'what is masked is noted');
is(asked('idx', $east, q{SELECT count(*) FROM idx."Property" p, idx."Media" m WHERE m."ResourceRecordKey" = p."ListingKey" AND p."UnparsedAddress" = 'At LK00000004'}), 0, 'nor by way of what belongs to it');

query(q{ANALYZE gold.property});
like(query(q{SET enable_seqscan = off; SET ROLE idx; EXPLAIN (COSTS OFF) SELECT * FROM idx."Property" ORDER BY "ListingKey" LIMIT 5}), qr/Limit(\n *InitPlan.*?)?\n *->  Index Scan using property_pkey/s, 'a page in the order of keys is read by the index');
is(query(q{SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'idx."Property"'::regclass}), 'idx_shown', 'by a view of a role');
is(query(q{SELECT count(*) FROM pg_auth_members WHERE roleid = 'idx_shown'::regrole}), 0, 'of which nobody is a member');

# A policy of one's own narrows it, and what is set again stays masked.
query(q{CREATE POLICY mine ON gold.property AS RESTRICTIVE FOR SELECT TO idx USING ("ListingKey" <> 'LK00000005')});
is(asked('idx', $east, q{SELECT count(*) FROM idx."Property" WHERE "ListingKey" = 'LK00000005'}), 0, 'policies of others hold through the mask');
query(q{DROP POLICY mine ON gold.property; SELECT mls_protect('idx', 'idx', 'Property', condition => $$"ListPrice" > 0$$)});
is(asked('idx', $east, qq{SELECT $address FROM idx."Property" WHERE "ListingKey" = 'LK00000004'}), '0|0|0|1', 'set again, with a condition more');
query(q{SELECT mls_audience('idx', 'Property', '{City,ListPrice}', $$mls_source = 'east'$$)});
is(query(q{SELECT count(*) FROM mls.protection WHERE audience = 'idx'::regrole AND resource = 'Property'}) . query(q{SELECT has_column_privilege('idx_shown', 'gold.property', 'UnparsedAddress', 'SELECT')}), '0f', 'mls_audience() takes its place');
is(asked('idx', $east, q{SELECT count(*) FROM idx."Property"}), 79, 'as it always was');
query(q{SELECT mls_protect('idx', 'idx', 'Property')});
is(asked('idx', $east, q{SELECT count(*), count("UnparsedAddress") FROM idx."Property"}), '60|59', 'and back');

# ---- Fields that are withheld (S11) ----

my $names = query(q{SELECT string_agg(f ->> 'name', ' ') FROM json_array_elements(mls.serve_model('idx') -> 'resources') r, json_array_elements(r -> 'fields') f});
like($names, qr/\bUnparsedAddress\b/, 'a masked field is in the model');
unlike($names, qr/PrivateRemarks|LockBox|Showing(Contact|Instructions)|MemberEmail|MemberLoginId|OwnerName|mls_/, 'private ones and ours are not');
like(refused('idx', $east, q{SELECT "PrivateRemarks" FROM idx."Property"}), qr/column "PrivateRemarks" does not exist/, 'the view has none');
like(refused('idx', $east, q{SELECT count(*) FROM gold.property WHERE "PrivateRemarks" LIKE 'the%'}), qr/permission denied/, 'nor can one be filtered by');
is(asked('idx', $east, q{SELECT count(*) FROM mls."Field" WHERE "FieldName" IN ('PrivateRemarks', 'MemberEmail', 'mls_source')}), 0, 'nor is it listed');

# ---- What may be guessed from beside the rows ----

query(q{ANALYZE gold.property});
is(asked('office', $a, q{SELECT count(*) FROM pg_stats WHERE schemaname IN ('gold', 'silver', 'bronze')}), 0, 'no statistics of columns');
is(asked('office', $a, q{SELECT count(*) FROM mls.served_audience WHERE audience <> 'office'::regrole}), 0, 'no word of other audiences');
like(refused('office', $a, "SELECT count(*) FROM $_"), qr/permission denied/, "no look at $_") for qw(mls.audience mls.protection mls.consumer mls.consumer_secret mls.serve_log mls.change mls.subscription mls.run pg_statistic pg_authid);

# ---- HistoryTransactional: no old value of what is withheld or masked ----

query(q{CREATE TABLE gold.history_transactional ("HistoryTransactionalKey" text PRIMARY KEY, "ResourceRecordKey" text, "ResourceName" text, "FieldName" text, "PreviousValue" text,
	mls_source text NOT NULL, mls_origin text NOT NULL, mls_source_key text NOT NULL, mls_updated_at timestamptz NOT NULL DEFAULT now());
	INSERT INTO gold.history_transactional SELECT 'h' || n, k, 'Property', f, 'old', 'east', 'H', 'h' || n
	  FROM (VALUES (1, 'LK00000001', 'ListPrice'), (2, 'LK00000001', 'PrivateRemarks'), (3, 'LK00000001', 'UnparsedAddress'), (4, 'LK00000002', 'ListPrice'), (5, 'LK00000001', NULL)) v (n, k, f);
	SELECT mls_protect('idx', 'idx', 'HistoryTransactional', '{ResourceRecordKey,ResourceName,FieldName,PreviousValue}')});
is(asked('idx', $east, q{SELECT string_agg("HistoryTransactionalKey", ' ') FROM idx."HistoryTransactional"}), 'h1', 'history of what is shown');

# ---- Dumped and restored ----

my $file = "$PostgreSQL::Test::Utils::tmp_check/rights.dump";
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('postgres') ], 'dumps');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $file ], 'restores');
my $all = q{SELECT count(*), count("UnparsedAddress"), (SELECT count(*) FROM idx."Media") FROM idx."Property"};
is($node->safe_psql('restored', sql_as('idx', $east, $all)) =~ s/^1\n//r, asked('idx', $east, $all), 'licences and masks are as they were');
my (undef, undef, $err) = $node->psql('restored', sql_as('idx', $east, q{SELECT "UnparsedAddress" FROM gold.property}));
like($err, qr/permission denied/, 'with what they keep from readers');

# ---- Taken back ----

query(q{SELECT mls_audience_remove('idx', r) FROM unnest('{HistoryTransactional,Media,OpenHouse,Property}'::text[]) r});
is(query(q{SELECT has_any_column_privilege('idx', 'gold.property', 'SELECT'), has_any_column_privilege('idx_shown', 'gold.property', 'SELECT'), to_regclass('idx."Property"') IS NULL, (SELECT count(*) FROM mls.protection WHERE audience = 'idx'::regrole AND resource = 'Property')}), 'f|f|t|0', 'what is taken back leaves no right');

$_->stop for $mls, $west;
$node->stop;
done_testing();
