# The configuration as SQL: run in an empty cluster it makes the same configuration, printed once
# more it is the same to the byte, it has no secret, and a sync there leads to the same figures.
use strict;
use warnings;

use JSON::PP;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();
mkdir "$folder/$_" for qw(files photos more);
chmod 0777, map { "$folder/$_" } qw(files photos more);
append_to_file("$folder/files/agents.csv", "Id,Name\n1,Ann\n2,Bob\n");
my $mls = start_mls(listings => 60, fields => 'small');

sub new_cluster
{
	my ($name) = @_;
	my $node = empty_node($name, 'mls_fdw.file_directories' => "'$folder'");
	$node->start;
	$node->safe_psql('postgres', q{CREATE ROLE keeper LOGIN; CREATE ROLE app; CREATE ROLE web; CREATE ROLE lodger; GRANT pg_read_server_files, pg_write_server_files TO keeper});
	return $node;
}
my $first = new_cluster('first');
my $second = new_cluster('second');

sub sql { my ($sql) = @_; return scalar $first->safe_psql('postgres', $sql) }

sub as_keeper
{
	my ($sql, $node) = @_;
	return scalar(($node || $first)->safe_psql('postgres', "SET client_min_messages = warning; $sql", connstr => ($node || $first)->connstr('postgres') . ' user=keeper'));
}

# ---- Everything once ----

sql(qq{
	CREATE EXTENSION mls_fdw;
	SELECT mls_grant('keeper');
	SELECT mls_tenant('lodger', '{"file://$folder/lodger"}', files_per_day => 10, stored_bytes => 1000000);
	CREATE SCHEMA east AUTHORIZATION keeper;
	CREATE SCHEMA "Odd ""place" AUTHORIZATION keeper;
	CREATE SCHEMA mart AUTHORIZATION keeper;
	CREATE SCHEMA shown AUTHORIZATION keeper;
	CREATE SCHEMA app AUTHORIZATION keeper;
	CREATE SCHEMA web AUTHORIZATION keeper;
	ALTER ROLE keeper IN DATABASE postgres SET mls_fdw.run_retention TO '45d';
	ALTER DATABASE postgres SET mls_fdw.issue_retention TO '30d';
	CREATE SERVER east FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}', retries '0', schema_policy 'ignore', key_prefix 'it''s-', timezone 'America/New_York');
	CREATE SERVER files TYPE 'a type' VERSION '2' FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/files');
	CREATE SERVER photos FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$folder/photos', public_url 'https://photos.example.com');
	CREATE SERVER more FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$folder/more', public_url 'https://more.example.com');
	CREATE SERVER places FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'geocoder', platform 'nominatim', url 'https://places.example.com');
	CREATE SERVER shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'postgres', url 'postgresql://shop.example.com/shop');
	GRANT USAGE ON FOREIGN SERVER east, files, photos, more, places, shop TO keeper;
	CREATE USER MAPPING FOR PUBLIC SERVER places;
	INSERT INTO mls.row_map (source, source_resource, resource, condition) VALUES ('files', 'agents', 'Member', NULL);
	INSERT INTO mls.join_map (source, source_resource, alias, source_field, joined_resource, joined_field) VALUES ('files', 'agents', 'other', 'Id', 'agents', 'Id');
	SELECT mls_map_set('Member', 'MemberKey', 'field', '{Id}', source => 'files', source_resource => 'agents');
	SELECT mls_map_set('Property', 'X_Note', 'expression', ARRAY[E'''it''''s \\\\ a "note"''\n -- two lines'], source => 'east');
	SELECT mls_map_value('state', 'ny', 'New York', source => 'east');
	SELECT mls_map_setting('east', 'currency', 'EUR');
	SELECT mls_clean_set('{trim}', 'City', 'east');
	SELECT mls_arrival_set('a "city"', 'r.city <> ''it''''s''', 'quarantine', 'east');
	SELECT mls_navigation_set('Property', 'Sights', 'Media', true, '{ListingKey}', '{ResourceRecordKey}');
	INSERT INTO mls.cadence (environment, process, schedule) VALUES ('prod', 'sync', '*/5 * * * *');
	DO \$\$ DECLARE columns text := (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = 'mls.geocoder'::regclass AND attnum > 0 AND attname NOT IN ('name', 'shipped'));
	BEGIN EXECUTE format('INSERT INTO mls.geocoder (name, %1\$s) SELECT ''mine'', %1\$s FROM mls.geocoder WHERE name = ''nominatim''', columns); END \$\$});
as_keeper(q{
	CREATE USER MAPPING FOR keeper SERVER east OPTIONS (token 'static-token-value');
	CREATE USER MAPPING FOR keeper SERVER shop OPTIONS (username 'shop', password 'very-secret');
	IMPORT FOREIGN SCHEMA reso LIMIT TO (property, member, office, media) FROM SERVER east INTO east;
	CREATE FOREIGN TABLE "Odd ""place"."the agents" (id text OPTIONS (field 'Id') NOT NULL, "Full Name" text OPTIONS (field 'Name')) SERVER files OPTIONS (resource 'agents', key 'Id');
	SELECT mls_subscribe('east.property'), mls_subscribe('east.member'), mls_subscribe('east.office'), mls_subscribe('east.media');
	SELECT mls_subscribe('"Odd ""place"."the agents"');
	SELECT mls_track('east.property');
	SELECT * FROM mls_serve_events('{Property,Media}');
	SELECT * FROM mls_serve_history('{Property}');
	SELECT mls_media_store('east', 'photos', max_files => 5);
	SELECT mls_media_store_also('east', 'more', categories => '{Photo}');
	SELECT mls_media_pause('east');
	SELECT mls_geocode_use('east', '{places}', country => 'US');
	SELECT mls_mart_create('mart', currency => 'EUR', levels => '{all,city}', coverage => '{"east": "2019-01-01"}');
	SELECT mls_mart_column('mart', 'fct_listing', 'is_dear', 'r."ListPrice" > 500000', 'whether it''s dear');
	SELECT mls_mart_table('mart', 'mine', 'SELECT f.listing_key, f.is_dear FROM mart.fct_listing f', '{listing_key}', 'one row a listing');
	CREATE VIEW shown.base AS SELECT "ListingKey", "City", "ListPrice" FROM gold.property;
	CREATE VIEW shown.a_listing WITH (security_invoker = true) AS SELECT * FROM shown.base WHERE "City" <> 'it''s';
	SELECT mls_protect('app', 'idx', 'Property', sources => '{east}', condition => '"ListPrice" > 0');
	SELECT mls_audience('web', 'Member', fields => '{MemberKey,MemberFullName}');
	SELECT mls_serve_dataset('"Odd ""place"."the agents"', 'web');
	SELECT mls_consumer_add('an app', 'app', claims => '{"offices": ["O1"]}', limits => '{"per_day": 1000}');
	SELECT mls_push_add('an app', 'https://push.example.com/events', 'a-token');
	SELECT mls_feed_format('mine', '<list>', 'item', '</list>');
	SELECT mls_feed_element('mine', 'id', 'r."ListingKey"');
	SELECT mls_feed('to-portal', 'mine', 'shown.a_listing', 'photos', 'portal.xml');
	SELECT mls_feed_element('mine', 'city', 'r."City"', feed => 'to-portal');
	SELECT mls_publish('shown.a_listing', 'shop', 'listings', fields => '{"City": "town"}');
	SELECT mls_publish_pause('shop', 'listings');
	SELECT mls_test_add_shipped('gold');
	SELECT mls_test_add_shipped('mart');
	SELECT mls_test_suite('mine');
	SELECT mls_test_add('mine', 'it''s "odd"', 'expression', 'shown.a_listing', arguments => '{"expression": "\"ListPrice\" > 0 -- so"}', filter => '"City" <> ''x''', severity => 'warn', warn_if => 3);
	SELECT mls_test_add('mine', 'agents', 'relationships', 'gold.property', '{ListAgentKey}', '{"columns": ["MemberKey"]}', other => 'gold.member');
	SELECT mls_alert_receiver('ops', 'slack', 'https://hooks.example.com/services/very-secret');
	SELECT mls_alert_receiver('mail', 'email', 'smtp://mail.example.com:587', sender => 'a@example.com', recipients => '{b@example.com}', username => 'u', password => 'very-secret');
	SELECT mls_alert_rule('broken', 'ops', threshold => 'warning', quiet => '2 hours');
	SELECT mls_alert_rule('late', 'mail', 'lag', '3 hours', 'east');
	SELECT mls_alert_rule_pause('late')});
sql(q{INSERT INTO mls.schedule (source, process, schedule, role) VALUES ('east', 'sync', '*/15 * * * *', 'keeper'), ('east', 'purge', '30 3 * * *', 'keeper'), ('mine', 'test', '0 * * * *', 'keeper')});
sql(q{UPDATE mls.alert_rule SET looked_at = NULL});

# ---- Nothing is forgotten ----

is(sql(q{SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_extension e CROSS JOIN unnest(e.extconfig) x JOIN pg_class c ON c.oid = x
	WHERE e.extname = 'mls_fdw' AND c.relkind = 'r' AND c.relname NOT IN (SELECT relation FROM mls.export_part)}), '', 'each table that is dumped is exported, or it is said why not');
is(sql(q{SELECT string_agg(relation, ' ') FROM mls.export_part p WHERE to_regclass('mls.' || relation) IS NULL}), '', 'and no other is named');
my $documented = slurp_file("$ENV{MLS_TREE}/docs/environments.md");
like($documented, qr/^\| `mls\.$_` \|/m, "docs/environments.md says what becomes of mls.$_") for split /\n/, sql('SELECT relation FROM mls.export_part ORDER BY 1');
for my $relation (split /\n/, sql('SELECT relation FROM mls.export_part WHERE part IS NOT NULL ORDER BY 1'))
{
	my $own = sql("SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'mls.$relation'::regclass AND attname = 'shipped')") eq 't' ? 'WHERE NOT shipped' : '';
	isnt(sql("SELECT count(*) FROM mls.$relation $own"), 0, "mls.$relation is configured here");
}

# ---- Round trip ----

sub export_of { my ($node, $more) = @_; return scalar $node->safe_psql('postgres', 'SELECT mls_export(' . ($more || '') . ')') . "\n" }
my $exported = export_of($first);
my $script = "$PostgreSQL::Test::Utils::tmp_check/config.sql";
append_to_file($script, $exported);
is(export_of($first), $exported, 'it is the same each time');
unlike($exported, qr/very-secret|static-token-value|a-token/, 'it has no secret');
like($exported, qr/<secret:east\.keeper\.token>/, 'but says where one is missing');
unlike($exported, qr/-- settings\n-- roles\n|-- \w+\n-- \w+\n/, 'no part of it is empty');

$second->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-1', '-o', '/dev/null', '-d', $second->connstr('postgres'), '-f', $script ], 'it can be run in an empty cluster');
my $again = export_of($second);
is($again, $exported, 'exported there it is the same, to the byte') or diff($exported, $again);
$second->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $second->connstr('postgres'), '-f', $script ], 'it can be run again');
is(export_of($second), $exported, 'which changes nothing');

sub diff
{
	my ($one, $two) = @_;
	my @one = split /\n/, $one;
	my @two = split /\n/, $two;
	for my $i (0 .. $#one)
	{
		next if ($two[$i] // '') eq $one[$i];
		diag("first:  $one[$i]\nsecond: " . ($two[$i] // ''));
		last;
	}
	return;
}

# ---- The same figures ----

as_keeper(q{ALTER USER MAPPING FOR keeper SERVER east OPTIONS (SET token 'static-token-value')}, $second);
$second->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $second->connstr('postgres'), '-f', $script ], 'once a secret is set');
is($second->safe_psql('postgres', q{SELECT umoptions FROM pg_user_mappings WHERE srvname = 'east'}), '{token=static-token-value}', 'it stays');
for my $node ($first, $second)
{
	is(as_keeper(q{SELECT string_agg(resource || ' ' || status, ', ' ORDER BY resource) FROM mls_sync('east')}, $node), 'Media finished, Member finished, Office finished, Property finished', $node->name . ': a sync');
	ok($node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM mls_history WHERE process = 'test' AND resource = 'gold' AND status = 'finished' AND received > 5)}), $node->name . ': its tests follow');
	is(as_keeper(q{SELECT status FROM mls_mart_sync('mart')}, $node), 'finished', $node->name . ': its mart');
}
for my $table (qw(gold.property gold.member gold.office gold.media mart.fct_listing mart.fct_listing_event mart.fct_spell mart.agg_market_month mart.agg_day mart.dim_location mart.mine))
{
	my $content = "SELECT count(*) || ' ' || md5(coalesce(string_agg((to_jsonb(t) - '{mls_updated_at,computed_at}'::text[])::text, '|' ORDER BY (to_jsonb(t) - '{mls_updated_at,computed_at}'::text[])::text COLLATE \"C\"), '')) FROM $table t";
	is(as_keeper($content, $second), as_keeper($content), "$table is the same there");
}
cmp_ok(as_keeper('SELECT count(*) FROM mart.fct_listing', $second), '>', 0, 'and not empty');
is(as_keeper(q{SELECT string_agg(test || status, ' ' ORDER BY suite, test) FROM mls_test()}, $second), as_keeper(q{SELECT string_agg(test || status, ' ' ORDER BY suite, test) FROM mls_test()}), 'tests find the same');
is(export_of($second), $exported, 'what has run is no configuration');

# ---- Parts, roles, and what has changed ----

like(export_of($first, q{'{rules}'}), qr/^-- Conf.*\n-- Roles.*\nCREATE SCHEMA IF NOT EXISTS public;\nCREATE EXTENSION.*\nSELECT pg_catalog\.set_config.*\n-- rules\nDELETE FROM mls\.arrival_map/, 'a part of it');
like(sql_error($first, q{SELECT mls_export('{rule}')}), qr/there is no part "rule" of the configuration.*Parts are: settings, roles/s, 'parts are known');
sql(q{DELETE FROM mls.value_map WHERE NOT shipped; SELECT mls_map_setting('east', 'currency', 'USD'); ALTER SERVER east OPTIONS (SET retries '3', DROP timezone, ADD timeout_ms '20000')});
as_keeper(q{ALTER FOREIGN TABLE "Odd ""place"."the agents" ADD COLUMN phone text OPTIONS (field 'Phone'); SELECT mls_test_add('mine', 'agents', 'relationships', 'gold.property', '{ListAgentKey}', '{"columns": ["MemberKey"]}', other => 'gold.member', severity => 'warn')});
unlink $script;
append_to_file($script, export_of($first));
$second->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-1', '-o', '/dev/null', '-d', $second->connstr('postgres'), '-f', $script ], 'what has changed since is promoted');
is(export_of($second), export_of($first), 'rules that are gone, options, columns and tests included') or diff(export_of($first), export_of($second));
$first->safe_psql('postgres', q{CREATE ROLE stranger LOGIN; SELECT mls_grant('stranger')});
is($first->safe_psql('postgres', q{SELECT count(*) FROM mls_export() e WHERE e LIKE '%east%' AND e !~ 'mls\.\w+_map'}, connstr => $first->connstr('postgres') . ' user=stranger'), 0, 'a stranger is told of nothing that is not his');

# ---- Sources of dbt ----

# What the YAML library of Debian reads in what is printed.
sub yaml_of
{
	my ($dialect) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/sources-$dialect.yml";
	append_to_file($file, as_keeper("SELECT mls_dbt_sources('$dialect')") . "\n");
	my ($json, $err) = run_command([ '/usr/bin/python3', '-c', 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))', $file ]);
	is($err, '', "$dialect: it is YAML");
	return decode_json($json);
}
sub named { my ($name, $list) = @_; return (grep { $_->{name} eq $name } @$list)[0] }
sub related { my ($tests) = @_; return (grep { ref && ($_->{relationships}{name} // '') eq 'mine_agents' } @$tests)[0] }
as_keeper(q{
	SELECT mls_test_drop('gold', 'property_fresh');
	SELECT mls_test_add('mine', 'fresh', 'freshness', 'gold.property', '{mls_updated_at}', '{"warn_after": "90 minutes", "error_after": "2 days"}', filter => 'mls_source = ''east''');
	SELECT mls_test_add('mine', 'city', 'not_null', 'gold.property', '{City}', error_if => 10, filter => '"ListPrice" > 0')});
my $new = yaml_of('1.10.5');
is($new->{version}, 2, 'a file of properties');
is(join(' ', map { $_->{name} } @{ $new->{sources} }), 'gold mart', 'gold and the mart are sources');
my $property = named('property', named('gold', $new->{sources})->{tables});
is_deeply($property->{config}, { loaded_at_field => 'mls_updated_at',
		freshness => { warn_after => { count => 90, period => 'minute' }, error_after => { count => 2, period => 'day' }, filter => q{mls_source = 'east'} } }, 'freshness is that of the test');
is_deeply(named('member', named('gold', $new->{sources})->{tables})->{config}, { loaded_at_field => 'mls_updated_at', freshness => { warn_after => { count => 1, period => 'day' } } }, 'or a day');
my $listing_key = named('ListingKey', $property->{columns});
is_deeply([ $listing_key->{quote}, $listing_key->{data_tests} ], [ JSON::PP::true, [ 'not_null', 'unique' ] ], 'a key is unique, a name with capitals is quoted');
ok(!exists named('mls_source', $property->{columns})->{quote}, 'one without is not');
is_deeply(named('City', $property->{columns})->{data_tests}, [ { not_null => { name => 'mine_city', config => { severity => 'error', error_if => '>= 10', where => '"ListPrice" > 0' } } } ], 'thresholds and filters come along');
is_deeply(related(named('ListAgentKey', $property->{columns})->{data_tests}),
	{ relationships => { name => 'mine_agents', arguments => { to => q{source('gold', 'member')}, field => '"MemberKey"' }, config => { severity => 'warn' } } }, 'arguments are nested');
my $before = named('property', named('gold', yaml_of('1.7.4')->{sources})->{tables});
is_deeply([ $before->{loaded_at_field}, $before->{freshness}{error_after}, $before->{config} ], [ 'mls_updated_at', { count => 2, period => 'day' }, undef ], 'older versions have freshness beside the columns');
is_deeply(related(named('ListAgentKey', $before->{columns})->{tests}),
	{ relationships => { name => 'mine_agents', to => q{source('gold', 'member')}, field => '"MemberKey"', config => { severity => 'warn' } } }, 'and tests without nested arguments');
ok(named('ListingKey', named('property', named('gold', yaml_of('1.8.0')->{sources})->{tables})->{columns})->{data_tests}, 'those between have the new word');
ok(length named('inventory_eom', named('agg_market_month', named('mart', $new->{sources})->{tables})->{columns})->{description}, 'definitions are descriptions');
like(sql_error($first, q{SELECT mls_dbt_sources('latest')}), qr/"latest" is no version of dbt/, 'a version is a version');

$first->stop;
$second->stop;
done_testing();
