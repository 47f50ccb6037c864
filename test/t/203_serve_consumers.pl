# What is served and to whom, at the server's side: models of audiences, rows as OData JSON,
# lookups that occur in what one sees, consumers and their secrets, the login that serves.
use strict;
use warnings;

use JSON::PP;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('consumers');
my $mls = start_mls(listings => 60);
create_source($node, $mls, 'east', schema_check_interval => 0);

sub query
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

# As the login that serves.
sub serving
{
	my ($sql) = @_;
	return query($sql, extra_params => [ '-U', 'authenticator' ]);
}

# What a role says of a statement that it may not run.
sub refused
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]);
	return $status == 0 ? "no error: $out" : $err;
}

# As a reader in a request.
sub asked
{
	my ($role, $claims, $sql) = @_;
	my $out = serving("BEGIN READ ONLY; SELECT 1 FROM set_config('role', '$role', true) a, set_config('request.jwt.claims', '$claims', true) b; $sql; COMMIT");
	return $out =~ s/^1\n?//r;
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.media,east.member,east.office,east.open_house}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');

# ---- Rows ----

my $odata = sub { return query("SET timezone = 'Asia/Tokyo'; SELECT mls.odata(x, false) FROM (SELECT $_[0]) x") };
my %written = (
	q{1.50::numeric AS v} => '1.50', q{'NaN'::numeric AS v} => 'null', q{'-Infinity'::numeric AS v} => 'null',
	q{1e30::float8 AS v} => '1e+30', q{0.1::float4 AS v} => '0.1', q{'infinity'::float8 AS v} => '"INF"', q{'-infinity'::float4 AS v} => '"-INF"', q{'nan'::float8 AS v} => '"NaN"',
	q{32767::int2 AS v} => '32767', q{-2147483648 AS v} => '-2147483648', q{-9223372036854775808 AS v} => '-9223372036854775808',
	q{true AS v} => 'true', q{NULL::text AS v} => 'null', q{NULL::text[] AS v} => '[]',
	q{'2020-02-29'::date AS v} => '"2020-02-29"', q{'0044-03-15 BC'::date AS v} => '"-0043-03-15"', q{'12345-01-01'::date AS v} => '"12345-01-01"', q{'infinity'::date AS v} => 'null',
	q{'2020-01-01 00:00:00.1200+02'::timestamptz AS v} => '"2019-12-31T22:00:00.12Z"', q{'2020-01-01 00:00:00Z'::timestamptz AS v} => '"2020-01-01T00:00:00Z"',
	q{'2020-01-01 00:00:00.000001'::timestamp AS v} => '"2020-01-01T00:00:00.000001Z"', q{'-infinity'::timestamptz AS v} => 'null',
	q{'24:00'::time AS v} => '"23:59:59.999999"', q{'01:02:03.5'::time AS v} => '"01:02:03.5"',
	q{'\xfffe01'::bytea AS v} => '"__4B"', q{'\xff'::bytea AS v} => '"_w"', q{''::bytea AS v} => '""',
	q{'{"a": [1]}'::json AS v} => '{"a": [1]}', q{'{"a":1}'::jsonb AS v} => '{"a": 1}', q{'10.0.0.1'::inet AS v} => '"10.0.0.1"',
	q{'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS v} => '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"',
	q{'{a,NULL,"b\"c"}'::text[] AS v} => '["a",null,"b\\"c"]', q{'{{1,2},{3,4}}'::int8[] AS v} => '[1,2,3,4]', q{'{2020-01-01}'::date[] AS v} => '["2020-01-01"]',
	q{E'a"b\\\\c\n\x01/' AS v} => '"a\\"b\\\\c\\n\\u0001/"', q{'x'::name AS v} => '"x"', q{'x'::char(3) AS v} => '"x  "');
is($odata->($_), qq({"v":$written{$_}}), $_) for sort keys %written;
is($odata->(q{1 AS "a""\\b"}), '{"a\\"\\\\b":1}', 'names are escaped');
is(query(q{SELECT mls.odata(x, true) FROM (SELECT 1.5 AS n, 5::int8 AS i, 5 AS j, '{1}'::int8[] AS k, 1.5::float8 AS f) x}), '{"n":"1.5","i":"5","j":5,"k":["1"],"f":1.5}', 'numbers as strings where asked');
is(query(q{SELECT mls.odata(x, false, 'Media', '[]', 'N"', '1', 'Left', '', 'Out', NULL) FROM (SELECT 1 AS a) x}), '{"a":1,"Media":[],"N\\"":1}', 'fragments follow, empty ones do not');
is(query(q{SELECT mls.odata(x, false, 'A', '1') FROM (SELECT) x}), '{"A":1}', 'a row may have no field');
like(sql_error($node, q{SELECT mls.odata(row(1), false, 'a')}), qr/22023.*pairs/, 'a name without JSON is refused');
is(query(q{SELECT mls.odata(NULL::gold.property) IS NULL, mls.odata(row(1, 'a'))}), 't|{"f1":1,"f2":"a"}', 'no row is NULL, a row without a type has names of its own');
query(q{CREATE TABLE wide (a int, gone text, b text); INSERT INTO wide VALUES (1, 'x', repeat('long', 50000)); ALTER TABLE wide DROP COLUMN gone; ALTER TABLE wide ALTER b SET STORAGE EXTERNAL;
	UPDATE wide SET b = b || 'y'});
is(query(q{SELECT mls.odata(w) = '{"a":1,"b":"' || b || '"}' FROM wide w}), 't', 'dropped columns and long values');
is(query(q{SELECT string_agg(mls.odata(v), '' ORDER BY n) FROM (SELECT 1 AS n, (SELECT w FROM (SELECT 1 AS a) w) AS v UNION ALL SELECT 2, (SELECT w FROM (SELECT 'x' AS b, 2 AS c) w)) u}), '{"a":1}{"b":"x","c":2}', 'rows of several types in one statement');
is(query(q{SELECT count(*) FROM (SELECT (mls.odata(p))::jsonb AS j, p FROM gold.property p) x WHERE j ->> 'ListingKey' <> (p)."ListingKey" OR (j -> 'ListPrice')::text IS DISTINCT FROM coalesce((p)."ListPrice"::text, 'null')}), '0', 'whole rows of gold are JSON');

# ---- Claims ----

is(query(qq{SELECT set_config('request.jwt.claims', '{"a": ["x", null, "y"], "b": "z", "c": 5, "d": {"e": 1}, "n": null}', true) <> '', mls.claim('a'), mls.claim('b'), mls.claim('c'), mls.claim('d'), mls.claim('n'), mls.claim('q'), mls.claim(NULL) IS NOT NULL}),
	't|{x,y}|{z}|{5}|{}|{}|{}|t', 'claims are arrays, absent ones empty');
is(query(q{SELECT mls.claim('a')}), '{}', 'without a request too');

# ---- Models ----

query(q{
	CREATE ROLE idx; CREATE ROLE broker; CREATE ROLE other;
	SELECT mls_audience('idx', 'Property', '{ListPrice,City,StandardStatus,ListAgentKey,ListOfficeKey,Appliances,ModificationTimestamp}', $$"City" IS DISTINCT FROM 'Hidden'$$);
	SELECT mls_audience('idx', 'Member', '{MemberFullName}');
	SELECT mls_audience('idx', 'Media', '{MediaURL,ResourceRecordKey,ResourceName,Order}');
	SELECT mls_audience('broker', 'Property', NULL, 'true')});
my $model = decode_json(query(q{SELECT mls.serve_model('idx')}));
my %resource = map { $_->{name} => $_ } @{ $model->{resources} };
is(join(' ', sort keys %resource), 'Field Lookup Media Member Property', 'resources of an audience');
my %field = map { $_->{name} => $_ } @{ $resource{Property}{fields} };
is(join(' ', map { $_->{name} } @{ $resource{Property}{fields} }), 'ListingKey ListPrice City StandardStatus ListAgentKey ListOfficeKey Appliances ModificationTimestamp', 'its fields, in order');
is("$field{ListPrice}{type} $field{ListPrice}{sql}", 'Edm.Decimal numeric', 'with types');
is("$field{Appliances}{type} $field{Appliances}{sql} $field{Appliances}{lookup} " . ($field{Appliances}{collection} ? 1 : 0), 'Edm.String text[] Appliances 1', 'collections');
is($field{StandardStatus}{lookup}, 'StandardStatus', 'lookups');
ok(!$field{ListingKey}{nullable} && $field{City}{nullable} && !$field{Appliances}{nullable}, 'keys and collections are never null');
is(encode_json($resource{Property}{key}), '["ListingKey"]', 'the key');
my %navigation = map { $_->{name} => $_ } @{ $resource{Property}{navigations} };
is(join(' ', sort keys %navigation), 'ListAgent Media', 'navigations to what it reads');
is(JSON::PP->new->canonical->encode($navigation{Media}), '{"many":true,"name":"Media","on":[["ListingKey","ResourceRecordKey"]],"target":"Media","where":[["ResourceName","Property"]]}', 'with what joins');
my $same = query(q{SELECT mls.serve_model('idx') ->> 'version' = mls.serve_model('idx') ->> 'version'});
is($same, 't', 'the version stays');
query(q{SELECT mls_navigation_set('Property', 'X_Agent', 'Member', false, '{ListAgentKey}', '{MemberKey}'), mls_navigation_set('Property', 'X_Hidden', 'Member', false, '{PrivateRemarks}', '{MemberKey}')});
my $changed = decode_json(query(q{SELECT mls.serve_model('idx')}));
isnt($changed->{version}, $model->{version}, 'until something changes');
is(join(' ', map { my $r = $_; map { $_->{name} } @{ $r->{navigations} } } grep { $_->{name} eq 'Property' } @{ $changed->{resources} }), 'ListAgent Media X_Agent', 'a navigation of one\'s own, if its fields can be read');
query(q{SELECT mls_navigation_remove('Property', 'X_Agent')});
like(sql_error($node, q{SELECT mls_navigation_remove('Property', 'Media')}), qr/no navigation "Media" of your own/, 'those of the dictionary stay');
like(sql_error($node, q{SELECT mls_navigation_set('Property', 'a b', 'Member', false, '{a}', '{b}')}), qr/42602/, 'names are identifiers');
query(q{REVOKE SELECT ("City") ON gold.property FROM idx});
unlike(query(q{SELECT mls.serve_model('idx')}), qr/"City"/, 'a column that may no longer be read is not in it');
query(q{GRANT SELECT ("City") ON gold.property TO idx});

# ---- The login that serves ----

query(q{CREATE ROLE authenticator LOGIN NOINHERIT; CREATE ROLE inheriting LOGIN; CREATE ROLE almighty LOGIN NOINHERIT BYPASSRLS; CREATE ROLE member LOGIN NOINHERIT; GRANT other TO member;
	CREATE ROLE reading LOGIN NOINHERIT; GRANT SELECT ON gold.property TO reading; GRANT USAGE ON SCHEMA mls TO member});
like(sql_error($node, "SELECT mls_serve_grant('$_')"), qr/0LP01: role "$_" cannot serve audiences/, "$_ cannot serve") for qw(postgres inheriting almighty member reading);
is(query(q{SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM mls_serve_grant('authenticator') r}), 'broker idx', 'a role made for it can');
is(query(q{SELECT count(*) FROM mls_serve_grant('authenticator')}), 2, 'twice as well');
is(serving(q{SELECT string_agg(r, ' ') FROM mls.serve_roles() r}), 'broker idx', 'it knows its roles');
like(refused('authenticator', q{SELECT mls.serve_model('other')}), qr/role "other" is no audience that you can become/, 'and no model of others');
like(refused('authenticator', "SELECT $_"), qr/permission denied/, "it may not: $_")
  for 'count(*) FROM gold.property', 'count(*) FROM mls.consumer', 'count(*) FROM mls.consumer_secret', 'count(*) FROM mls.audience', 'count(*) FROM mls.serve_log', q{mls_consumer_add('x', 'idx')}, q{mls.note_consumer('remove', 'x', '{}')},
  q{mls.serve_login('idx', 'a', 'b')}, q{mls.serve_audit('idx', '[]')}, q{count(*) FROM silver.east_property}, q{mls_sync('east')}, q{mls_audience('idx', 'Office')}, q{mls_serve_grant('idx')};
is(asked('idx', '{}', q{SELECT count(*) > 0, count(mls.odata(p)) = count(*) FROM idx."Property" p}), 't|t', 'as an audience it reads');
like(refused('authenticator', q{BEGIN; SELECT set_config('role', 'idx', true); SELECT mls.serve_login('a', 'b')}), qr/permission denied for function serve_login/, 'an audience checks no secrets');

# ---- Fields and lookups ----

query(q{UPDATE gold.property SET "InternetEntireListingDisplayYN" = NULL, "City" = CASE WHEN "ListingKey" = 'LK00000001' THEN 'Hidden' WHEN "ListingKey" = 'LK00000002' THEN 'Shown here' ELSE 'Elsewhere' END,
	"Appliances" = CASE WHEN "ListingKey" = 'LK00000001' THEN '{"Secret Stove"}' WHEN "ListingKey" = 'LK00000002' THEN '{"Local Oven",Dishwasher}' END::text[]});
is(asked('idx', '{}', q{SELECT string_agg("FieldKey", ' ') FROM (SELECT "FieldKey" FROM mls."Field" WHERE "ResourceName" IN ('Property', 'Member') ORDER BY 1) f}),
	'Member.MemberFullName Member.MemberKey Property.Appliances Property.City Property.ListAgentKey Property.ListOfficeKey Property.ListPrice Property.ListingKey Property.ModificationTimestamp Property.StandardStatus', 'fields as records');
my $local = q{SELECT string_agg("LookupName" || ':' || "LookupValue", ', ' ORDER BY "LookupName", "LookupValue") FROM (SELECT * FROM mls."Lookup" WHERE "StandardLookupValue" IS NULL AND "LookupName" IN ('City', 'Appliances') ORDER BY "LookupName", "LookupValue") l};
is(asked('idx', '{}', $local), 'Appliances:Local Oven, City:Elsewhere, City:Shown here', 'lookups have the local values of rows that are seen');
like(asked('broker', '{}', $local), qr/Secret Stove.*City:Hidden/, 'and others those that others see');
is(asked('idx', '{}', q{SELECT count(*) = count(DISTINCT "LookupKey"), bool_and("ModificationTimestamp" IS NOT NULL), count(*) FILTER (WHERE "LookupName" = 'StandardStatus') = (SELECT count(*) FROM mls.dd_lookup WHERE lookup_name = 'StandardStatus') FROM mls."Lookup"}), 't|t|t', 'keys are unique, the declared values are there');
is(asked('idx', '{}', q{SELECT count(*) FROM mls."Lookup" WHERE "LookupName" = 'PropertyType'}), 0, 'not those of fields that it does not read');
for my $values (q{'City', "City"}, q{'Appliances', unnest("Appliances")}, q{'StandardStatus', "StandardStatus"})
{
	is(asked('broker', '{}', qq{SELECT count(*) FROM (SELECT n, v, min(t) AS t FROM (SELECT $values, coalesce("ModificationTimestamp", now()) FROM broker."Property") p (n, v, t) WHERE v <> '' GROUP BY 1, 2) p
		LEFT JOIN mls."Lookup" l ON l."LookupName" = p.n AND l."LookupValue" = p.v WHERE l."LookupKey" IS NULL OR l."StandardLookupValue" IS NULL AND l."ModificationTimestamp" <> p.t}), 0, "each value, with the least timestamp of its records: $values");
}
my $key = asked('idx', '{}', q{SELECT "LookupKey" FROM mls."Lookup" WHERE "LookupValue" = 'Shown here'});
is(asked('broker', '{}', q{SELECT "LookupKey" FROM mls."Lookup" WHERE "LookupValue" = 'Shown here'}), $key, 'a value has one key for all');
is(query(q{BEGIN; UPDATE gold.property SET "City" = 'Brand new' WHERE "ListingKey" = 'LK00000002'; SET LOCAL ROLE idx; SELECT count(*) FROM mls."Lookup" WHERE "LookupValue" = 'Brand new'; ROLLBACK}), 1, 'in the transaction that brings it');
like(refused('authenticator', q{BEGIN; SELECT set_config('role', 'idx', true); SELECT * FROM mls.used_values('gold.property', '{City}', NULL)}), qr/gold.property is no view of an audience that you are/, 'values are looked for in one\'s own views');
is(query(q{SELECT count(*) FROM mls."Lookup"}), 0, 'who is no audience has none');

# ---- Consumers ----

query(q{CREATE ROLE owner LOGIN; GRANT USAGE ON SCHEMA mls TO owner; SELECT mls_grant('owner')});
my ($id, $secret) = split /\|/, query(q{SELECT * FROM mls_consumer_add('Acme', 'idx', '{"sources": ["east"]}', '{"per_second": 5}')});
like("$id $secret", qr/^[\w-]{22} [\w-]{43}$/, 'a consumer gets an id and a secret');
like(query(q{SELECT verifier FROM mls.consumer_secret}), qr/^SCRAM-SHA-256\$\d+:/, 'which is kept as passwords are');
unlike(query(q{SELECT string_agg(c::text, '') FROM mls.consumer c}) . query(q{SELECT string_agg(c::text, '') FROM mls.consumer_secret c}), qr/\Q$secret\E/, 'and nowhere else');
is(serving("SELECT consumer, role, claims, limits FROM mls.serve_login('$id', '$secret')"), 'Acme|idx|{"sources": ["east"]}|{"per_second": 5}', 'with them it logs in');
is(serving("SELECT count(*) FROM mls.serve_login($_)"), 0, "not with $_") for "'$id', 'wrong'", "'nobody', '$secret'", "'$id', ''", "'$id', NULL", "NULL, '$secret'", "'$id', (SELECT repeat('x', 100000))",
  "'$id', '" . query('SELECT verifier FROM mls.consumer_secret') . "'";
like(sql_error($node, $_->[0]), $_->[1], "refused: $_->[0]")
  for [ q{SELECT mls_consumer_add('Acme', 'idx')}, qr/42710/ ], [ q{SELECT mls_consumer_add(' ', 'idx')}, qr/22023/ ], [ q{SELECT mls_consumer_add('x', 'other')}, qr/42704: role "other" is no audience/ ],
  [ q{SELECT mls_consumer_add('x', 'idx', '[]')}, qr/22023/ ], [ q{SELECT mls_consumer_add('x', 'idx', '{"role": "postgres"}')}, qr/22023: claims that are not yours to set: role/ ],
  [ q{SELECT mls_consumer_add('x', 'idx', limits => '{"per_minute": 5}')}, qr/22023: limits.*per_minute/ ], [ q{SELECT mls_consumer_add('x', 'idx', limits => '{"burst": -5}')}, qr/22023: limits.*burst/ ],
  [ q{SELECT mls_consumer_alter('nobody')}, qr/42704/ ];
like(refused('owner', q{SELECT mls_consumer_add('x', 'idx')}), qr/permission denied to let a consumer read as role "idx"/, 'who has not said what an audience sees lets nobody in');
like(refused('owner', qq{SELECT $_}), qr/there is no consumer "Acme" of yours/, "nor touches those of others: $_") for q{mls_consumer_rotate('Acme')}, q{mls_consumer_remove('Acme')}, q{mls_consumer_revoke('Acme')}, q{mls_consumer_alter('Acme', active => false)};
is(query(q{SELECT count(*) FROM mls.consumer}, extra_params => [ '-U', 'owner' ]) . query(q{SELECT count(*) FROM mls.consumer_secret}, extra_params => [ '-U', 'owner' ]), '00', 'nor sees them');

my $listener = $node->background_psql('postgres', extra_params => [ '-U', 'authenticator' ]);
$listener->query_safe('LISTEN mls_serve');
my (undef, $second) = split /\|/, query(q{SELECT * FROM mls_consumer_rotate('Acme')});
like($listener->query_safe('SELECT 1'), qr/"mls_serve" with payload "consumers"/, 'who serves is told');
$listener->quit;
is(serving("SELECT count(*) FROM mls.serve_login('$id', '$_')"), 1, 'both secrets hold') for $secret, $second;
my (undef, $third) = split /\|/, query(q{SELECT * FROM mls_consumer_rotate('Acme')});
is(join(' ', map { serving("SELECT count(*) FROM mls.serve_login('$id', '$_')") } $secret, $second, $third), '0 1 1', 'two at a time');
my (undef, $fourth) = split /\|/, query(q{SELECT * FROM mls_consumer_rotate('Acme', '0')});
is(join(' ', map { serving("SELECT count(*) FROM mls.serve_login('$id', '$_')") } $second, $third, $fourth), '0 0 1', 'or the new one alone');
query(q{UPDATE mls.consumer_secret SET expires_at = now() - interval '1 s'});
is(serving("SELECT count(*) FROM mls.serve_login('$id', '$fourth')"), 0, 'secrets end');
(undef, $fourth) = split /\|/, query(q{SELECT * FROM mls_consumer_rotate('Acme')});

is(query(q{SELECT not_before IS NULL FROM mls.consumer}), 't', 'its tokens hold');
query(q{SELECT mls_consumer_alter('Acme', limits => '{"burst": 7}')});
is(serving(q{SELECT consumer, claims, limits, not_before IS NULL, active FROM mls.serve_consumers()}), 'Acme|{"sources": ["east"]}|{"burst": 7}|t|t', 'with other limits too');
query(q{SELECT mls_consumer_alter('Acme', claims => '{"sources": ["west"]}')});
is(serving(q{SELECT claims, now() - not_before < '1 min' FROM mls.serve_consumers()}), '{"sources": ["west"]}|t', 'other claims make them void');
query(q{UPDATE mls.consumer SET not_before = NULL; SELECT mls_consumer_revoke('Acme')});
is(query(q{SELECT not_before IS NOT NULL FROM mls.consumer}), 't', 'and who says so');
query(q{SELECT mls_consumer_alter('Acme', active => false)});
is(serving("SELECT count(*) FROM mls.serve_login('$id', '$fourth')") . serving(q{SELECT active FROM mls.serve_consumers()}), '0f', 'one that is not active is not let in');
query(q{SELECT mls_consumer_alter('Acme', active => true, audience => 'broker')});
query(q{REVOKE broker FROM authenticator});
is(serving("SELECT count(*) FROM mls.serve_login('$id', '$fourth')") . serving(q{SELECT count(*) FROM mls.serve_consumers()}), '00', 'nor one whose audience the program cannot become');
query(q{GRANT broker TO authenticator});
is(serving("SELECT role FROM mls.serve_login('$id', '$fourth')"), 'broker', 'until it can');

# ---- Tokens that are void, and the log ----

serving(q{SELECT mls.serve_revoke('token-1', now() + interval '1 hour'), mls.serve_revoke('token-1', now() + interval '1 hour'), mls.serve_revoke('old', now() - interval '1 hour')});
is(serving(q{SELECT string_agg(jti, ' ') FROM mls.serve_revoked()}), 'token-1', 'single tokens can be void');
is(serving(q{SELECT mls.serve_audit('[{"at":"2026-01-01T00:00:00Z","consumer":"Acme","role":"idx","method":"GET","resource":"Property","query":"$filter=City eq ?","status":200,"rows":5,"bytes":10,"queue_ms":0.5,"database_ms":1.5,"address":"127.0.0.1"},{"status":401}]')}), 2, 'what was asked is noted');
is(query(q{SELECT consumer, resource, query, status, rows, queue_ms FROM mls.serve_log WHERE consumer = 'Acme'}), 'Acme|Property|$filter=City eq ?|200|5|0.5', 'with what it was');
is(query(q{SELECT count(*) FROM mls.serve_log}, extra_params => [ '-U', 'owner' ]), 0, 'others do not read it');
like(refused('owner', q{SELECT mls.serve_audit('[]')}), qr/permission denied for function serve_audit/, 'nor write it');
is(query(q{SELECT mls_serve_prune('30 days')}), 1, 'it is forgotten when that is said');

# ---- Dumped, restored, removed ----

my $file = "$PostgreSQL::Test::Utils::tmp_check/consumers.dump";
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('postgres') ], 'dumps');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $file ], 'restores');
query(q{SELECT 1});
is($node->safe_psql('restored', q{SELECT consumer, audience, claims FROM mls.consumer}) . $node->safe_psql('restored', q{SELECT name FROM mls.dd_navigation WHERE NOT shipped}), 'Acme|broker|{"sources": ["west"]}X_Hidden', 'consumers and navigations too');
query(q{SELECT mls_consumer_remove('Acme')});
is(query(q{SELECT count(*) FROM mls.consumer_secret}) . serving("SELECT count(*) FROM mls.serve_login('$id', '$fourth')"), '00', 'a consumer goes with its secrets');

$mls->stop;
$node->stop;
done_testing();
