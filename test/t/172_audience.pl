# Who sees what of gold: mls_audience() shows a role named fields of the rows it may see,
# and what belongs to a hidden record is hidden with it, whatever way one asks.
use strict;
use warnings;

use JSON::PP;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('audience');
my $mls = start_mls(listings => 60);
create_source($node, $mls, 'east', schema_check_interval => 0);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

# As a reader asks.
sub seen
{
	my ($sql, $role) = @_;
	return query('SET ROLE ' . ($role || 'idx') . "; $sql");
}

sub columns_of
{
	my ($relation) = @_;
	return query(qq{SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$relation'::regclass AND attnum > 0 AND NOT attisdropped});
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.media,east.member,east.office,east.open_house}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
query(q{
	CREATE ROLE idx;
	CREATE ROLE broker;
	UPDATE gold.property SET "StandardStatus" = CASE WHEN "ListingKey" < 'LK00000031' THEN 'Active' ELSE 'Closed' END, "PrivateRemarks" = 'the key is under the mat',
		"InternetEntireListingDisplayYN" = "ListingKey" <> 'LK00000002';
	UPDATE gold.media SET "Permission" = CASE "Order" WHEN 1 THEN '{Private}'::text[] WHEN 2 THEN '{Public,IDX}' END;
	INSERT INTO gold.media ("MediaKey", "ResourceRecordKey", "ResourceName", "Order", mls_source, mls_origin, mls_source_key)
	SELECT x, k, n, 9, 'east', 'Media', x FROM (VALUES ('m-hidden', 'LK00000040', 'Property'), ('m-shown', 'LK00000001', 'Property'), ('m-nobody', 'LK99', 'Property'),
		('m-unnamed', 'LK00000001', NULL), ('m-agent', (SELECT min("MemberKey") FROM gold.member), 'Member'), ('m-other', 'LK00000001', 'Office')) v (x, k, n);
	INSERT INTO gold.open_house ("OpenHouseKey", "ListingKey", mls_source, mls_origin, mls_source_key)
	VALUES ('o-hidden', 'LK00000040', 'east', 'OpenHouse', 'o-hidden'), ('o-shown', 'LK00000001', 'east', 'OpenHouse', 'o-shown')});

# ---- what is asked for must make sense ----

like(sql_error($node, q{SELECT mls_audience('idx', 'OpenHouse')}), qr/55000: role "idx" sees nothing that a record of "OpenHouse" could belong to\nHINT:  Call mls_audience\(\) for Property first/, 'no child before its parent');
is(query(q{SELECT count(*) FROM pg_policy WHERE polrelid = 'gold.open_house'::regclass}), 0, 'and nothing is left of it');
like(sql_error($node, q{SELECT mls_audience('idx', 'property')}), qr/no gold table of resource "property"\nHINT:  The dictionary calls it "Property"/, 'a resource has its own name');
like(sql_error($node, q{SELECT mls_audience('idx', 'Teams')}), qr/no gold table.*mls_subscribe/s, 'and a table');
like(sql_error($node, q{SELECT mls_audience('idx', 'Property', '{ListPrice,listingkey,Rubbish,mls_source}')}), qr/42703: .*no such field: "listingkey" \(gold has "ListingKey"\), "Rubbish", "mls_source"/, 'fields too');
like(sql_error($node, q{SELECT mls_audience('postgres', 'Property')}), qr/cannot be an audience/, 'a superuser sees everything');
query(q{CREATE ROLE byp BYPASSRLS});
like(sql_error($node, q{SELECT mls_audience('byp', 'Property')}), qr/cannot be an audience/, 'who bypasses row security, too');
query(q{GRANT SELECT ON gold.property TO PUBLIC});
like(sql_error($node, q{SELECT mls_audience('idx', 'Property')}), qr/can read more of gold.property than.*PrivateRemarks.*HINT:  Revoke/s, 'what is granted otherwise is found');
query(q{REVOKE SELECT ON gold.property FROM PUBLIC; GRANT SELECT ON gold.property TO broker});

# ---- the fields ----

my ($out, $warning) = ('', '');
$node->psql('postgres', q{SELECT mls_audience('idx', 'Property', condition => $$"StandardStatus" = 'Active' AND mls_source = 'east'$$)}, stdout => \$out, stderr => \$warning);
is($out, 'idx."Property"', 'the view stands in the schema of the audience');
like($warning, qr/WARNING:  row security of gold.property is on now.*broker/s, 'who sees no row any more is named');
my $shown = columns_of('idx."Property"');
like($shown, qr/^ListingKey .*\bListPrice\b/, 'listings have their fields');
unlike($shown, qr/PrivateRemarks|ShowingInstructions|mls_|X_/, 'without private ones, local ones and ours');
is(seen(q{SELECT count(p) FROM idx."Property" p}), 30, 'whole rows of the view can be read: the active ones, without the one whose seller wants it nowhere');
like(sql_error($node, "SET ROLE idx; SELECT $_"), qr/42501: permission denied/, "not $_")
  for '"PrivateRemarks" FROM gold.property', 'mls_source FROM gold.property', 'count(*) FROM reso."Property"', 'p FROM gold.property p', '* FROM silver.east_property';
is(seen(q{SELECT count("ListingKey") FROM gold.property}), 30, 'gold itself shows no more rows');
is(seen(q{SELECT count(*) FROM idx."Property" WHERE "ListingKey" = 'LK00000040'}), 0, 'nor by key');
isnt(query(q{SELECT count(*) FROM gold.property}), 30, 'the owner is not concerned');
query(q{SELECT mls_audience('idx', 'Member', schema => 'idx'), mls_audience('idx', 'Office')});
unlike(columns_of('idx."Member"'), qr/Email|Address|Phone|Password/, 'agents are not to be written to');
query(q{SELECT mls_audience('idx', 'Member', '{MemberFullName,MemberEmail}')});
is(columns_of('idx."Member"'), 'MemberKey MemberFullName MemberEmail', 'unless it is said: named fields, behind the key');
isnt(seen(q{SELECT min("MemberEmail") FROM idx."Member"}), '', 'can be read');
query(q{SELECT mls_audience('idx', 'Member', '{MemberFullName}')});
like(sql_error($node, q{SET ROLE idx; SELECT "MemberEmail" FROM gold.member}), qr/42501/, 'and taken back');

# ---- what belongs to them ----

query(q{SELECT mls_audience('idx', 'OpenHouse'), mls_audience('idx', 'Media')});
is(seen(q{SELECT string_agg("OpenHouseKey", ' ') FROM idx."OpenHouse" WHERE "OpenHouseKey" LIKE 'o-%'}), 'o-shown', 'open houses go with their listings');
is(seen(q{SELECT string_agg("MediaKey", ' ' ORDER BY "MediaKey") FROM idx."Media" WHERE "Order" = 9}), 'm-agent m-shown m-unnamed', 'media with whatever they belong to');
my $hidden = query(q{SELECT count(*) FROM gold.media WHERE "Permission" && '{Private}'});
cmp_ok($hidden, '>', 10, 'there are private files');
is(seen(q{SELECT count(*) FROM idx."Media" WHERE "Permission" && '{Private}'}), 0, 'that nobody sees');
is(seen(q{SELECT count(*) FROM idx."Media" m WHERE "ResourceName" = 'Property' AND NOT EXISTS (SELECT FROM idx."Property" WHERE "ListingKey" = m."ResourceRecordKey")}), 0, 'no photo without its house');
is(seen(qq{SELECT count(*) FROM gold.media WHERE "MediaKey" = '$_'}), 0, "$_ is not to be had from gold either") for qw(m-hidden m-nobody m-other);
query(q{UPDATE gold.property SET "StandardStatus" = 'Closed' WHERE "ListingKey" = 'LK00000001'});
is(seen(q{SELECT (SELECT count(*) FROM idx."OpenHouse" WHERE "OpenHouseKey" = 'o-shown') || ' ' || count(*) FROM idx."Media" WHERE "ResourceRecordKey" = 'LK00000001'}), '0 0', 'a listing that is closed takes everything with it');
query(q{UPDATE gold.property SET "StandardStatus" = 'Active' WHERE "ListingKey" = 'LK00000001'});
# A condition that speaks of the permission replaces the shipped one; others come on top.
query(q{SELECT mls_audience('broker', 'Property', '{ListPrice,PrivateRemarks}', 'true'), mls_audience('broker', 'Media', condition => $$"Permission" IS NULL OR true$$)});
is(seen(q{SELECT count(*) FROM broker."Media" WHERE "Permission" && '{Private}'}, 'broker'), $hidden, 'an audience with a condition of its own about it');
is(seen(q{SELECT min("PrivateRemarks") FROM broker."Property"}, 'broker'), 'the key is under the mat', 'another audience sees other fields');
is(seen(q{SELECT count(*) FROM broker."Property" WHERE "ListingKey" = 'LK00000002'}, 'broker'), 0, 'but no listing that its seller wants nowhere');
query(q{SELECT mls_audience('broker', 'Property', '{ListPrice,PrivateRemarks}', $$coalesce("InternetEntireListingDisplayYN", true) OR true$$)});
is(seen(q{SELECT count(*) FROM broker."Property"}, 'broker'), 60, 'unless that is said');
# Resources about people are private as a whole, and history is.
query(q{CREATE TABLE gold.history_transactional ("HistoryTransactionalKey" text PRIMARY KEY, "ResourceRecordKey" text, "ResourceName" text, "FieldName" text, "PreviousValue" text,
	mls_source text NOT NULL, mls_origin text NOT NULL, mls_source_key text NOT NULL, mls_updated_at timestamptz NOT NULL DEFAULT now());
	INSERT INTO gold.history_transactional VALUES ('h1', 'LK00000001', 'Property', 'ListPrice', '5', 'e', 'H', 'h1'), ('h2', 'LK00000040', 'Property', 'ListPrice', '6', 'e', 'H', 'h2')});
like(sql_error($node, q{SELECT mls_audience('idx', 'HistoryTransactional')}), qr/no field of resource "HistoryTransactional" is shown without being named/, 'history has to be asked for by name');
query(q{SELECT mls_audience('idx', 'HistoryTransactional', '{ResourceRecordKey,FieldName,PreviousValue}', $$"FieldName" = 'ListPrice'$$)});
is(seen(q{SELECT string_agg("HistoryTransactionalKey", ' ') FROM idx."HistoryTransactional"}), 'h1', 'and follows its listing');

# ---- the schema evolves ----

query(q{SELECT mls_subscribe('east.property')});
$mls->control('option', { schema => { add => [ { field => 'SellerMotivation' }, { field => 'OwnerPhone' } ] } });
is(query(q{SELECT status FROM mls_sync('east', 'Property')}), 'finished', 'the source brings more fields');
like(columns_of('reso."Property"'), qr/OwnerPhone/, 'gold has them');
is(columns_of('idx."Property"'), $shown, 'the audience does not');
like(sql_error($node, q{SET ROLE idx; SELECT "OwnerPhone" FROM gold.property}), qr/42501/, 'nor may it read them');
query(q{DROP VIEW reso."Property"; SELECT mls_map_set('Property', 'X_New', 'constant', '{v}', source => 'east')});
is(columns_of('idx."Property"'), $shown, 'a missing RESO view is not taken for that of an audience');
like(columns_of('reso."Property"'), qr/X_New/, 'but made anew');
is(query(q{SELECT status FROM mls_sync('east', 'Property', full => true)}), 'finished', 'syncs go on');

# ---- views are replaced and removed ----

query(q{SELECT mls_audience('idx', 'Property', '{StandardStatus,City,ListAgentKey,Appliances}', $$"StandardStatus" = 'Active'$$)});
is(columns_of('idx."Property"'), 'ListingKey StandardStatus City ListAgentKey Appliances', 'fields in the order they were named');
isnt(seen(q{SELECT count(*) FROM idx."Media"}), 0, 'what belongs to it is still there');
query(q{CREATE SCHEMA other; CREATE VIEW other."Office" AS SELECT 1});
like(sql_error($node, q{SELECT mls_audience('broker', 'Office', schema => 'other')}), qr/42P07: relation other."Office" exists and is not of this audience/, 'a view of somebody else is not replaced');
like(sql_error($node, q{SELECT mls_audience('broker', 'Office', schema => 'idx')}), qr/42P07/, 'nor that of another audience');
is(query(q{SELECT string_agg(format('%s %s %s', audience, resource, view), ', ' ORDER BY audience::text, resource) FROM mls.audience WHERE resource = 'Property'}), 'broker Property broker."Property", idx Property idx."Property"', 'mls.audience lists them');

# ---- as PostgREST asks ----

query(q{
	CREATE ROLE authenticator LOGIN NOINHERIT; GRANT idx TO authenticator;
	CREATE FUNCTION idx."ListAgent"(idx."Property") RETURNS SETOF idx."Member" ROWS 1 LANGUAGE sql STABLE AS $$ SELECT * FROM idx."Member" WHERE "MemberKey" = $1."ListAgentKey" $$;
	CREATE FUNCTION idx."Media"(idx."Property") RETURNS SETOF idx."Media" LANGUAGE sql STABLE AS $$ SELECT * FROM idx."Media" WHERE "ResourceRecordKey" = $1."ListingKey" AND "ResourceName" = 'Property' $$;
	UPDATE gold.property SET "Appliances" = '{"Gas Range",Dishwasher}' WHERE "ListingKey" = 'LK00000003'});
my $embedded = q{SELECT coalesce(json_agg(t), '[]') FROM (
	SELECT "Property"."ListingKey", row_to_json(a.*) AS "ListAgent", coalesce(m.j, '[]') AS "Media" FROM idx."Property"
	LEFT JOIN LATERAL (SELECT x."MemberFullName" FROM idx."ListAgent"("Property") x LIMIT 1) a ON true
	LEFT JOIN LATERAL (SELECT json_agg(y) AS j FROM (SELECT x."MediaKey", x."Order" FROM idx."Media"("Property") x ORDER BY x."Order") y) m ON true
	WHERE "Property"."Appliances" @> '{"Gas Range"}' ORDER BY 1) t};
my $answer = decode_json($node->safe_psql('postgres',
	qq{BEGIN READ ONLY; SET LOCAL ROLE idx; SELECT 1 FROM set_config('request.jwt.claims', '{"role":"idx"}', true); $embedded; COMMIT}, extra_params => ['-U', 'authenticator']) =~ s/^1\n//r);
is(scalar @$answer, 1, 'a value with a blank is found in a list');
isnt($answer->[0]{ListAgent}{MemberFullName}, undef, 'with its agent');
cmp_ok(scalar @{ $answer->[0]{Media} }, '>', 0, 'and its media');
like(query("SET ROLE idx; SET enable_seqscan = off; EXPLAIN (COSTS OFF) $embedded"), qr/media_ResourceRecordKey_idx.*property_pkey/s, 'by indexes, in one query, policies included');

# What PostgreSQL does not hold for leakproof is checked behind the policies, and finds no index.
query(q{CREATE INDEX ON gold.property ("ListPrice"); CREATE INDEX ON gold.property ("PrivateRemarks");
	SELECT mls_audience('broker', 'Property', '{ListPrice,PrivateRemarks}', $$"StandardStatus" <> 'x' AND coalesce("InternetEntireListingDisplayYN", true) IS NOT NULL$$)});
my $explain = 'SET enable_seqscan = off; EXPLAIN (COSTS OFF) SELECT * FROM broker."Property" WHERE';
unlike(seen(qq{$explain "ListPrice" = 5}, 'broker'), qr/Index Cond: \("ListPrice"/, 'a price finds no index behind policies');
like(seen(qq{$explain "PrivateRemarks" = 'x'}, 'broker'), qr/Index Cond: \("PrivateRemarks"/, 'a text does');

# ---- other writers, other roles ----

query(q{CREATE ROLE writer; GRANT USAGE ON SCHEMA gold TO writer; GRANT SELECT, INSERT, UPDATE, DELETE ON gold.member TO writer; SELECT mls_audience('idx', 'Member', '{MemberFullName}')});
query(q{SET ROLE writer; UPDATE gold.member SET "MemberFullName" = 'New' WHERE "MemberKey" = (SELECT min("MemberKey") FROM gold.member)});
is(seen(q{SELECT count(*) FROM idx."Member" WHERE "MemberFullName" = 'New'}), 1, 'who replicates into the table goes on doing so');
query(q{CREATE ROLE stranger; GRANT USAGE ON SCHEMA mls TO stranger});
like(sql_error($node, q{SET ROLE stranger; SELECT mls_audience('idx', 'Office')}), qr/42501: permission denied for function/, 'not everybody says who sees what');
query(q{SELECT mls_grant('stranger')});
like(sql_error($node, q{SET ROLE stranger; SELECT mls_audience('idx', 'Office', '{OfficeName}')}), qr/42501: (must be owner|permission denied for schema)/, 'but the owner of gold');

# ---- dumped, restored, removed ----

my $file = "$PostgreSQL::Test::Utils::tmp_check/audience.dump";
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('postgres') ], 'dumps');
my (undef, $trouble) = run_command([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $file ]);
is($trouble, '', 'restores');
my $state = q{SELECT (SELECT count(*) FROM mls.audience), (SELECT string_agg(format('%s %s %s', audience, resource, view), ',' ORDER BY audience::text, resource) FROM mls.audience)};
is($node->safe_psql('restored', $state), query($state), 'audiences too');
is($node->safe_psql('restored', q{SET ROLE idx; SELECT count(*) FROM idx."Media"}), seen(q{SELECT count(*) FROM idx."Media"}), 'with what they see');

my $others = seen(q{SELECT count(*) FROM broker."Property"}, 'broker');
query(q{DROP FUNCTION idx."ListAgent"(idx."Property"), idx."Media"(idx."Property"); SELECT mls_audience_remove('idx', 'Property')});
is(query(q{SELECT to_regclass('idx."Property"') IS NULL AND NOT has_any_column_privilege('idx', 'gold.property', 'SELECT')}), 't', 'a resource is taken back');
is(seen(q{SELECT (SELECT count(*) FROM idx."OpenHouse"), (SELECT string_agg("MediaKey", ' ') FROM idx."Media")}), '0|m-agent', 'with all that belonged to it');
like(sql_error($node, q{SELECT mls_audience_remove('idx', 'Property')}), qr/role "idx" is shown no resource "Property"/, 'once');
is(seen(q{SELECT count(*) FROM broker."Property"}, 'broker'), $others, 'other audiences see what they saw');

$mls->stop;
$node->stop;
done_testing();
