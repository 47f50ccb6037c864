# Columns: what silver keeps gold has, a column that is renamed stays one column, names of
# gold are those of the dictionary, and what nothing makes any more can be dropped.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('columns');
my $mls = start_mls(listings => 50, fields => 'small');

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', "SET client_min_messages = warning; $sql");
}

# Warnings and errors of a statement
sub said
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $err;
}

# The columns of a table
sub columns_of
{
	my ($table) = @_;
	return query(qq{SELECT string_agg(attname, ',' ORDER BY attname) FROM pg_attribute
		WHERE attrelid = '$table'::regclass AND attnum > 0 AND NOT attisdropped AND attname !~ '^mls_'});
}

# Rows of gold that are not what rules make of silver
sub wrong
{
	return query(q{SELECT count(*) FROM mls_verify('one', 20) WHERE severity = 'error'});
}

subscribe_property($node, $mls, 'one');
query(q{SELECT * FROM mls_sync('one')});
my $prices = query(q{SELECT sum("ListPrice") FROM gold.property});

# ---- A column of the foreign table is dropped ----

query(q{ALTER FOREIGN TABLE one.property DROP COLUMN list_price});
query(q{SELECT * FROM mls_remap('one')});
is(query(q{SELECT sum("ListPrice") FROM gold.property}), $prices, 'a dropped column of the foreign table leaves gold as silver has it');
$mls->control('update', { resource => 'Property', count => 10, fields => { ListPrice => 12345, City => 'Nowhere' } });
query(q{SELECT * FROM mls_sync('one')});
is(query(q{SELECT count(*) FROM gold.property WHERE "ListPrice" = 12345}), 10, 'and both are kept up');
is(query(q{SELECT count(*) FROM silver.one_property s JOIN gold.property g ON g."ListingKey" = s.listing_key
	WHERE g."ListPrice" IS DISTINCT FROM s.list_price}), 0, 'alike');
query(q{SELECT mls_rebuild('one.property')});
is(query(q{SELECT count(*) FILTER (WHERE "ListPrice" = 12345), count("ListPrice") > 40 FROM gold.property}), '10|t', 'a rebuild makes the same');
$mls->reset;
query(q{ALTER FOREIGN TABLE one.property ADD COLUMN list_price numeric OPTIONS (field 'ListPrice')});
is(sync_row($node, 'one', 'status, requests'), 'finished|1', 'when it comes back nothing has to be read');
is(wrong(), 0, 'gold is right');
query(q{ALTER FOREIGN TABLE one.property DROP COLUMN list_price; ALTER TABLE silver.one_property DROP COLUMN list_price});
query(q{SELECT * FROM mls_sync('one'); SELECT * FROM mls_remap('one')});
is(query(q{SELECT count("ListPrice") FROM gold.property}), 0, 'a column dropped from silver as well is gone');
is(columns_of('silver.one_property'), 'bedrooms_total,city,listing_id,listing_key,modification_timestamp', 'for good');

# ---- One is renamed ----

query(q{ALTER FOREIGN TABLE one.property RENAME COLUMN city TO town; SELECT * FROM mls_sync('one')});
is(columns_of('silver.one_property'), 'bedrooms_total,listing_id,listing_key,modification_timestamp,town', 'a renamed column has no twin');
is(query(q{SELECT count(*) FROM gold.property WHERE "City" = 'Nowhere'}), 10, 'gold has its values');
is(sync_row($node, 'one', 'updated, requests'), '0|1', 'nothing is read again');
query(q{ALTER FOREIGN TABLE one.property RENAME COLUMN listing_key TO key; SELECT * FROM mls_remap('one')});
is(columns_of('silver.one_property'), 'bedrooms_total,key,listing_id,modification_timestamp,town', 'the key too, by whatever process');
$mls->control('update', { resource => 'Property', count => 5, fields => { City => 'Elsewhere' } });
is(sync_row($node, 'one', 'status, updated'), 'finished|5', 'and it goes on');
query(q{ALTER FOREIGN TABLE one.property RENAME COLUMN town TO place; SELECT mls_subscribe('one.property')});
is(columns_of('silver.one_property'), 'bedrooms_total,key,listing_id,modification_timestamp,place', 'mls_subscribe does it as well');
is(wrong(), 0, 'gold is right');

# ---- Names of gold ----

like(said(q{SELECT mls_map_set('Property', 'Listprice', 'field', '{ListPrice}', source => 'one')}),
	qr/22023: the dictionary has no field "Listprice", but "ListPrice".*Set the rule for "ListPrice"/s, 'a name of the dictionary in another case is refused');
like(said(q{SELECT mls_map_set('*', 'listingid', 'none')}), qr/no field "listingid", but "ListingId"/, 'for any resource');
like(said(q{SELECT mls_map_set('Property', 'X_Price per foot', 'expression', ARRAY['1'], source => 'one')}),
	qr/WARNING:.*"X_Price per foot" is no word of letters, digits and underscores.*"X_Price_per_foot" would do/s, 'a name that is hard to ask for is warned of');
query(q{SELECT mls_map_remove('Property', 'X_Price per foot', source => 'one')});
query(q{SELECT mls_map_set('Property', 'X_Town', 'expression', ARRAY['r.place'], source => 'one')});
like(said(q{SELECT mls_map_set('Property', 'X_town', 'expression', ARRAY['r.place'], source => 'one')}),
	qr/WARNING:.*there is a rule for field "X_Town", whose name differs from "X_town" by case/, 'and one that another rule has in another case');
query(q{SELECT mls_map_remove('Property', 'X_town', source => 'one')});

# ---- Columns that nothing makes any more ----

query(q{SELECT * FROM mls_sync('one')});
query(q{CREATE ROLE reader; CREATE ROLE web;
	GRANT SELECT ON reso."Property" TO reader WITH GRANT OPTION;
	GRANT SELECT ("ListingKey", "City") ON reso."Property" TO web;
	COMMENT ON VIEW reso."Property" IS 'mine'});
is(query(q{SELECT string_agg(format('%s %s %s', field, rows, dropped), ',' ORDER BY field) FROM mls_gold_prune('Property', dry_run => true)}),
	'ListPrice 0 f,X_Price per foot 0 f,X_town 0 f', 'columns that nothing makes are found');
query(q{CREATE VIEW public.mine AS SELECT "X_town" FROM gold.property});
like(said(q{SELECT * FROM mls_gold_prune('Property')}), qr/2BP01/, 'a view of mine is not taken along');
is(query(q{SELECT count(*) FROM reso."Property"}), 50, 'and all is as it was');
query(q{DROP VIEW public.mine});
is(query(q{SELECT count(*) FROM mls_gold_prune() WHERE dropped}), 3, 'they can be dropped');
unlike(columns_of('gold.property') . columns_of('reso."Property"'), qr/ListPrice|X_town|X_Price per/, 'from gold and from the view');
is(query(q{SELECT count(*), count("X_Town") > 0 FROM reso."Property"}), '50|t', 'the others stay');
is(query(q{SELECT has_table_privilege('reader', 'reso."Property"', 'SELECT WITH GRANT OPTION'), has_column_privilege('web', 'reso."Property"', 'City', 'SELECT'),
	has_table_privilege('web', 'reso."Property"', 'SELECT'), obj_description('reso."Property"'::regclass),
	(SELECT reloptions::text FROM pg_class WHERE oid = 'reso."Property"'::regclass)}),
	't|t|f|mine|{security_invoker=true}', 'with the privileges and the description of the view');
is(query(q{SELECT col_description('reso."Property"'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'reso."Property"'::regclass AND attname = 'City'}),
	query(q{SELECT col_description('gold.property'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'gold.property'::regclass AND attname = 'City'}), 'and of its columns');
$mls->control('update', { resource => 'Property', count => 5, fields => { City => 'Back' } });
is(sync_row($node, 'one', 'status, updated'), 'finished|5', 'a sync goes on');
query(q{ALTER FOREIGN TABLE one.property ADD COLUMN list_price numeric OPTIONS (field 'ListPrice'); SELECT * FROM mls_sync('one')});
is(query(q{SELECT count("ListPrice") > 0 FROM reso."Property"}), 't', 'and a field that comes back gets its column');

# Values are never dropped
query(q{SELECT mls_map_remove('Property', 'X_Town', source => 'one')});
is(query(q{SELECT field, rows > 0, dropped FROM mls_gold_prune()}), 'X_Town|t|f', 'a column with values stays');
query(q{SELECT * FROM mls_remap('one')});
is(query(q{SELECT field, rows, dropped FROM mls_gold_prune()}), 'X_Town|0|t', 'until they are gone');
query(q{CREATE ROLE other; SELECT mls_grant('other')});
is(query(q{SET ROLE other; SELECT count(*) FROM mls_gold_prune()}), 0, 'gold of others is left alone');

# ---- Fields outside the dictionary ----

my @long = map { ('A' x 58) . $_ } qw(bcdef bcdeg);
query(qq{
	CREATE FOREIGN TABLE one.wide (
		key text OPTIONS (field 'MemberKey'),
		one text OPTIONS (field '$long[0]'), two text OPTIONS (field '$long[1]'),
		city text OPTIONS (field 'Address/City'), id text OPTIONS (field '\@ID'), odd text OPTIONS (field 'List price'))
	SERVER one OPTIONS (resource 'Member', key 'MemberKey');
	SELECT mls_subscribe('one.wide')});
my $names = columns_of('gold.member');
like($names, qr/X_Address_City/, 'a path becomes a word');
like($names, qr/X_ID,X_List_price/, 'and so do other names');
is(scalar(() = $names =~ /X_A{52}_[0-9a-f]{8}/g), 2, 'names that are alike up to the length of a name are two columns');

# What is made of one resource besides does not get its fields
query(q{
	CREATE FOREIGN TABLE one.office (key text OPTIONS (field 'OfficeKey'), extra text OPTIONS (field 'Extra'))
	SERVER one OPTIONS (resource 'Office', key 'OfficeKey');
	INSERT INTO mls.row_map (source, source_resource, resource, variant, condition, key) VALUES
		('one', 'Office', 'Office', '', NULL, NULL), ('one', 'Office', 'Media', 'logo', NULL, $$r.key || '-L'$$);
	SELECT mls_subscribe('one.office')});
like(columns_of('gold.office'), qr/X_Extra/, 'local fields are in the resource of their name');
unlike(columns_of('gold.media'), qr/X_Extra/, 'and leak into no other');

# ---- More fields than a table can have ----

for my $source (qw(left right))
{
	my $fields = join ', ', map { "f$_ text OPTIONS (field '\u${source}Field$_')" } 1 .. 900;
	query(qq{
		CREATE SERVER "$source" FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}', key_prefix '$source-');
		CREATE SCHEMA "$source";
		CREATE FOREIGN TABLE "$source".teams (key text OPTIONS (field 'TeamKey'), $fields) SERVER "$source" OPTIONS (resource 'Teams', key 'TeamKey')});
}
query(q{SELECT mls_subscribe('"left".teams')});
my $before = columns_of('gold.teams');
my $error = sql_error($node, q{SELECT mls_subscribe('"right".teams')});
like($error, qr/54011: gold table gold\.teams has no room for the fields of foreign table "right"\.teams/, 'more fields than a table can have');
like($error, qr/mls_map_set\('Teams', '\*', 'none', source => 'right'\)/, 'the hint has the rule');
is(query(q{SELECT count(*) FROM mls.subscription WHERE source = 'right'}) . (columns_of('gold.teams') eq $before), '01', 'and nothing was changed');
query(q{SELECT mls_map_set('Teams', '*', 'none', source => 'right'); SELECT mls_subscribe('"right".teams')});
is(columns_of('gold.teams'), $before, 'with it the source is subscribed');
query(q{SELECT mls_map_set('Teams', 'X_One', 'field', '{RightField1}', source => 'right')});
like(columns_of('gold.teams'), qr/X_One/, 'and has the fields that rules name');

$_->stop for $mls, $node;
done_testing();
