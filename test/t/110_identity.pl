# A copy is of a source, not of a name: names that are alike share no table, a renamed
# server keeps what is its own, and a source that has become another one is noticed.
use strict;
use warnings;

use MlsRets;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('identity');
my $mls = start_mls(listings => 60, fields => 'small', seed => 1);
my $other = start_mls(listings => 40, fields => 'small', seed => 2);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', "SET client_min_messages = warning; $sql");
}

# source, bronze, rows here of each subscription of a list of tables
sub copies
{
	return query(q{
		SELECT string_agg(format('%s %s %s', source, bronze, rows), ',' ORDER BY s.id)
		  FROM mls.subscription s JOIN mls_status t USING (source, resource)});
}

sub unsubscribe_all
{
	query(q{SELECT mls_unsubscribe(foreign_table, drop_data => true) FROM mls.subscription});
	$node->safe_psql('postgres', q{
		SET client_min_messages = warning;
		DO $$ DECLARE s name; BEGIN
			FOREACH s IN ARRAY ARRAY(SELECT srvname FROM pg_foreign_server) LOOP
				EXECUTE format('DROP SERVER %I CASCADE', s);
				EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', s);
			END LOOP; END $$});
	return;
}

# A second name for the same server and table, in another schema
sub subscribe_named
{
	my ($server, $name, %options) = @_;
	my $resource = delete $options{resource} || 'Property';
	my %all = (protocol => 'reso', url => $server->url, retries => 0, schema_policy => 'ignore', %options);
	my $list = join ', ', map { "$_ '$all{$_}'" } sort keys %all;
	query(qq{
		CREATE SERVER IF NOT EXISTS "$name" FOREIGN DATA WRAPPER mls_fdw OPTIONS ($list);
		CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER "$name" OPTIONS (token 'static-token-value');
		CREATE SCHEMA IF NOT EXISTS "$name";
		CREATE FOREIGN TABLE "$name"."$resource" (
			listing_key text OPTIONS (field 'ListingKey'),
			list_price numeric OPTIONS (field 'ListPrice'),
			city text OPTIONS (field 'City'),
			modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER "$name" OPTIONS (resource '$resource', key 'ListingKey', timestamp 'ModificationTimestamp');
		SELECT mls_subscribe('"$name"."$resource"')});
	return;
}

# ---- Names that are alike in snake_case ----

subscribe_named($mls, 'feed_east', key_prefix => 'A-');
subscribe_named($other, 'Feed-East', key_prefix => 'B-');
query(q{SELECT * FROM mls_sync()});
is(copies(), 'feed_east bronze.feed_east_property 60,Feed-East bronze.feed_east_property_2 40',
	'servers whose names are alike in snake_case have tables of their own');
is(query(q{SELECT status, deleted FROM mls_purge('Feed-East')}), 'finished|0', 'a purge of one');
is(query(q{SELECT count(*) FROM silver.feed_east_property}), 60, 'leaves the other');
is(query(q{SELECT count(*) FROM gold.property}), 100, 'gold has both');
query(q{SELECT mls_subscribe('"Feed-East"."Property"')});
like(copies(), qr/Feed-East bronze.feed_east_property_2 40/, 'subscribing again finds its own');
unsubscribe_all();

# Source and resource are joined by the character that is in both
subscribe_named($mls, 'nw', resource => 'GridProperty');
subscribe_named($mls, 'nw_grid');
is(query(q{SELECT string_agg(bronze::text || ' ' || silver::text, ',' ORDER BY id) FROM mls.subscription}),
	'bronze.nw_grid_property silver.nw_grid_property,bronze.nw_grid_property_2 silver.nw_grid_property_2',
	'a name that can be cut in two ways');
unsubscribe_all();
my $long = 'listings_of_the_multiple_listing_service_of_the_county_of';
subscribe_named($mls, "${long}_mon", key_prefix => 'A-');
subscribe_named($other, "${long}_moa", key_prefix => 'B-');
query(q{SELECT * FROM mls_sync()});
is(query(q{SELECT count(DISTINCT bronze), string_agg(rows::text, ',' ORDER BY s.id)
	FROM mls.subscription s JOIN mls_status USING (source, resource)}), '2|60,40', 'names alike up to the length of a name');
unsubscribe_all();
subscribe_named($mls, 'twice');
subscribe_named($mls, 'twice', resource => 'property');
is(query(q{SELECT string_agg(bronze::text, ',' ORDER BY id) FROM mls.subscription}),
	'bronze.twice_property,bronze.twice_property_2', 'resources that differ by case');
unsubscribe_all();

# Tables that are left from another subscription are not taken
subscribe_named($mls, 'feed_east', key_prefix => 'A-');
query(q{SELECT * FROM mls_sync(); SELECT mls_unsubscribe('feed_east."Property"')});
subscribe_named($other, 'Feed-East', key_prefix => 'B-');
is(copies(), 'Feed-East bronze.feed_east_property_2 0', 'tables that another source has left are left');
query(q{SELECT mls_subscribe('feed_east."Property"')});
like(copies(), qr/feed_east bronze.feed_east_property 60/, 'and found again by it');
unsubscribe_all();

# ---- Servers that are renamed ----

subscribe_property($node, $mls, 'one', key_prefix => 'A-', requests_per_hour => 5000);
query(q{SELECT * FROM mls_sync(); SELECT mls_map_set('Property', 'X_Town', 'field', '{City}', source => 'one');
	SELECT mls_map_setting('one', 'area_unit', 'm2'); SELECT * FROM mls_remap()});
query(q{ALTER SERVER one RENAME TO uno; ALTER SCHEMA one RENAME TO uno});
subscribe_property($node, $other, 'one', key_prefix => 'B-');
query(q{SELECT * FROM mls_sync()});
is(copies(), 'uno bronze.one_property 60,one bronze.one_property_2 40',
	'a renamed server and a new one of its old name are two');
is(query(q{SELECT string_agg(format('%s %s %s', mls_source, n, t), ',') FROM
	(SELECT mls_source, count(*) AS n, count("X_Town") > 0 AS t FROM gold.property GROUP BY 1 ORDER BY 1) g}), 'one 40 f,uno 60 t',
	'in gold as well, and rules follow the server');
is(query(q{SELECT string_agg(source, ',') FROM mls.setting_map WHERE NOT shipped}), 'uno', 'settings too');
query(q{SELECT mls_subscribe('uno.property')});
like(copies(), qr/uno bronze.one_property 60/, 'it keeps its tables when it is subscribed again');
is(query(q{SELECT obj_description('bronze.one_property'::regclass) LIKE '%of source uno,%'}), 't', 'which say whose they are');

# Names that are swapped
query(q{ALTER SERVER one RENAME TO tmp; ALTER SERVER uno RENAME TO one; ALTER SERVER tmp RENAME TO uno});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status = 'finished' AND inserted + updated = 0}), 2, 'servers that have swapped names are synced');
is(copies(), 'one bronze.one_property 60,uno bronze.one_property_2 40', 'each keeps its copy');
is(query(q{SELECT string_agg(format('%s %s', mls_source, n), ',') FROM
	(SELECT mls_source, count(*) AS n FROM gold.property GROUP BY 1 ORDER BY 1) g}), 'one 60,uno 40', 'and its rows of gold');
is(query(q{SELECT string_agg(severity || ' ' || "check", ',') FROM mls_verify('one') WHERE severity = 'error'}), '', 'nothing is wrong');

# Quota is the server's, whatever its name
query(q{ALTER SERVER one RENAME TO three});
is(query(q{SELECT count(*) > 0 FROM pg_ls_dir('mls_fdw') f
	WHERE f = (SELECT format('%s_%s.quota', d.oid, s.oid) FROM pg_database d, pg_foreign_server s
	            WHERE d.datname = current_database() AND s.srvname = 'three')}), 't', 'quota is kept by number, not by name');
unsubscribe_all();
query(q{SELECT mls_map_remove('Property', 'X_Town', source => 'one')});

# ---- A source that has become another one ----

subscribe_property($node, $mls, 'act');
query(q{SELECT * FROM mls_sync()});
is(query(q{SELECT identity LIKE '127.0.0.1:%' AND identity NOT LIKE '%static-token%' FROM mls.subscription}), 't', 'what identifies a source is no secret');
query(qq{ALTER SERVER act OPTIONS (SET url '@{[$other->url]}')});
$other->reset;
for my $process (qw(sync purge reconcile))
{
	my $error = sql_error($node, qq{SELECT * FROM mls_$process('act')});
	like($error, qr/55000.*source "act" is not the one that the copy of resource "Property" is of/, "$process of another address is refused");
	like($error, qr/The copy is of 127\.0\.0\.1:$mls->{port}.*the server's address is 127\.0\.0\.1:$other->{port}/, 'with both');
	like($error, qr/mls_source_accept\('act'\).*mls_unsubscribe\('act\.property', drop_data => true\)/s, 'and the two ways on');
}
like(sql_error($node, q{SELECT * FROM mls_sync('act', dry_run => true)}), qr/is not the one/, 'a dry run too');
is(scalar(grep { $_->{path} =~ /Property/ } $other->requests), 0, 'it is not asked for a record');
is(query(q{SELECT count(*) FROM bronze.act_property}), 60, 'nothing was mixed');
is(query(q{SELECT string_agg(DISTINCT "check", ',' ORDER BY "check") FROM mls_verify('act') WHERE severity = 'error'}), 'identity,sample',
	'mls_verify calls it an error, and strangers');
query(qq{ALTER SERVER act OPTIONS (SET url '@{[$mls->url]}/')});
is(sync_row($node, 'act', 'status, inserted, updated'), 'finished|0|0', 'set back, it goes on');

# It is the same source at a new address
my $moved = start_mls(listings => 60, fields => 'small', seed => 1);
query(qq{ALTER SERVER act OPTIONS (SET url '@{[$moved->url]}')});
is(query(q{SELECT mls_source_accept('act')}), 1, 'a new address can be accepted');
is(sync_row($node, 'act', 'status, inserted, updated'), 'finished|0|0', 'and the copy goes on');
like(sql_error($node, q{SELECT mls_source_accept('nowhere')}), qr/42704.*source "nowhere" has no subscription/, 'of a source that there is');

# It is another one
query(qq{ALTER SERVER act OPTIONS (SET url '@{[$other->url]}')});
query(q{SELECT mls_unsubscribe('act.property', drop_data => true); SELECT mls_subscribe('act.property')});
is(sync_row($node, 'act', 'status, inserted'), 'finished|40', 'another one starts over');
is(differences($node, $other, 'act'), 0, 'with a true copy');

# Not even by way of tables that were left
query(q{SELECT mls_unsubscribe('act.property')});
query(qq{ALTER SERVER act OPTIONS (SET url '@{[$mls->url]}')});
query(q{SELECT mls_subscribe('act.property')});
like(sql_error($node, q{SELECT * FROM mls_sync('act')}), qr/is not the one.*The copy is of 127\.0\.0\.1:$other->{port}/s,
	'tables that were left remember whose they are');
unsubscribe_all();

# Logins: another name is another account, another secret is not
create_rets($node, $mls, 'r', tables => '"Property:RES"');
query(q{SELECT mls_subscribe(c.oid) FROM pg_class c WHERE relkind = 'f' AND relnamespace = 'r'::regnamespace});
query(q{SELECT * FROM mls_sync('r')});
query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER r OPTIONS (SET password 'another')});
unlike(sql_error($node, q{SELECT * FROM mls_sync('r')}), qr/is not the one/, 'a new password is the same login');
query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER r OPTIONS (SET password 'basic-pass-value', SET username 'somebody')});
like(sql_error($node, q{SELECT * FROM mls_sync('r')}), qr/is not the one.*under another login/s, 'another user name is noticed');
unsubscribe_all();

# Originating systems, and what cannot be accepted
my $systems = start_mls(listings => 20);
create_source($node, $systems, 'grid', platform => 'mlsgrid', originating_system => 'actris', tables => 'property');
query(q{SELECT mls_subscribe('grid.property'); SELECT * FROM mls_sync('grid')});
query(q{ALTER SERVER grid OPTIONS (SET originating_system 'mred')});
like(sql_error($node, q{SELECT * FROM mls_sync('grid')}), qr/is not the one.*OriginatingSystemName eq 'actris'.*OriginatingSystemName eq 'mred'/s,
	'another originating system is noticed');
query(q{ALTER SERVER grid OPTIONS (SET originating_system 'actris'); ALTER FOREIGN TABLE grid.property OPTIONS (SET resource 'Member')});
like(sql_error($node, q{SELECT * FROM mls_sync('grid')}), qr/55000.*option "resource" of foreign table grid.property is not the one of its copy/,
	'and a foreign table that is of other records now');
like(sql_error($node, q{SELECT mls_source_accept('grid')}), qr/option "resource"/, 'which cannot be accepted');
query(q{ALTER FOREIGN TABLE grid.property OPTIONS (SET resource 'Property', SET key 'ListingId')});
like(sql_error($node, q{SELECT * FROM mls_sync('grid')}), qr/55000.*option "key" of foreign table/, 'nor can another key');

$_->stop for $mls, $other, $moved, $systems, $node;
done_testing();
