# Gold from two servers, and what a role sees of it through the RESO views.

use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $east = start_mls(listings => 60, fields => 'small', enum => 'enum');
my $west = start_mls(listings => 60, seed => 2, enum => 'string');

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub view_columns
{
	return split /\n/, query(q{
		SELECT attname FROM pg_attribute WHERE attrelid = 'reso."Property"'::regclass ORDER BY attnum});
}

sub sync
{
	return query('SELECT count(*) FROM mls_sync() WHERE status <> $$finished$$');
}

# One source with enumerations.
create_source($node, $east, 'east');
query(q{SELECT mls_subscribe('east.property'), mls_subscribe('east.member')});
is(sync(), 0, 'the first source is synced');
is(query('SELECT count(*) FROM reso."Property"'), 60, 'every listing is in the view');
is(query(q{SELECT count(*) FROM reso."Property" p
	WHERE "StandardStatus" IS NOT NULL AND NOT EXISTS (SELECT FROM mls.dd_lookup
		WHERE lookup_name = 'StandardStatus' AND value = p."StandardStatus")}),
	0, 'names of the enumeration became standard values');
isnt(query(q{SELECT count(*) FROM silver.east_property WHERE standard_status = 'ActiveUnderContract'}),
	0, 'which silver does not have');
is(query(q{SELECT count(*) FROM silver.east_property s FULL JOIN reso."Property" g
	ON g."ListingKey" = s.listing_key
	WHERE (s.list_price, s.modification_timestamp, s.city)
	IS DISTINCT FROM (g."ListPrice", g."ModificationTimestamp", g."City")}),
	0, 'other values are silver\'s');
my @before = view_columns();
is(scalar(grep { !/^[A-Z][A-Za-z0-9]*$|^X_/ } @before), 0, 'the view has RESO names only');
is(query(sprintf q{SELECT count(*) FROM unnest(ARRAY[%s]) c
	WHERE c NOT LIKE 'X\_%%' AND c NOT IN (SELECT field FROM mls.dd_field WHERE resource = 'Property')},
	join ',', map { "'$_'" } @before), 0, 'and none of its own that the dictionary lacks');

# A second source, with the same keys and more fields.
create_source($node, $west, 'west', key_prefix => 'W-');
query(q{SELECT mls_subscribe('west.property'), mls_subscribe('west.member'), mls_subscribe('west.media')});
is(sync(), 0, 'the second source is synced');
is(query('SELECT count(*) FROM reso."Property"'), 120, 'both sources are in the view');
is(query(q{SELECT string_agg(mls_source || ' ' || n, ', ' ORDER BY mls_source)
	FROM (SELECT mls_source, count(*) AS n FROM gold.property
		WHERE ("ListingKey" LIKE 'W-%') = (mls_source = 'west') GROUP BY 1) g}),
	'east 60, west 60', 'the prefix keeps their keys apart');
my @after = view_columns();
is_deeply([ @after[ 0 .. $#before ] ], \@before, 'the columns of the view stay where they were');
cmp_ok(scalar @after, '>', scalar @before, 'and new ones come after them');
isnt(query(q{SELECT count(*) FROM reso."Property" p JOIN reso."Member" m
	ON m."MemberKey" = p."ListAgentKey" WHERE p."ListingKey" LIKE 'W-%'}),
	0, 'references carry the prefix too');
is(query(q{SELECT count(*) FROM reso."Media" m LEFT JOIN reso."Property" p
	ON p."ListingKey" = m."ResourceRecordKey" WHERE m."ResourceName" = 'Property' AND p."ListingKey" IS NULL}),
	0, 'those of media as well');

# What does not change is not written.
my $written = 'SELECT md5(string_agg(xmin::text, $$,$$ ORDER BY "ListingKey")) FROM gold.property';
my $old = query($written);
sync();
is(query($written), $old, 'a sync of nothing writes nothing into gold');
is(query(q{SELECT mls_rebuild('west.property')}), 60, 'a rebuild');
is(query('SELECT count(*) FROM reso."Property"'), 120, 'leaves what was there');
$east->control('update', { resource => 'Property', count => 3, fields => { ListPrice => 777 } });
sync();
is(query(q{SELECT count(*) FROM reso."Property" WHERE "ListPrice" = 777}), 3,
	'a change arrives');

# The key of another source is not taken.
query(q{ALTER SERVER west OPTIONS (DROP key_prefix); SELECT mls_rebuild('west.property')});
is(query(q{SELECT string_agg(DISTINCT mls_source, ',') FROM gold.property}), 'east',
	'a key belongs to the source that brought it first');
is(query(q{SELECT count(*) FROM mls.issue WHERE reason LIKE '%from source "east"%'}), 60,
	'and the records left out are listed');
query(q{ALTER SERVER west OPTIONS (ADD key_prefix 'W-'); SELECT mls_rebuild('west.property')});

# A reader's rights are those of the tables beneath.
query(q{
	CREATE ROLE reader LOGIN;
	GRANT USAGE ON SCHEMA reso TO reader;
	GRANT SELECT ON ALL TABLES IN SCHEMA reso TO reader});
my ($status, $out, $err) = $node->psql('postgres', 'SELECT count(*) FROM reso."Property"',
	extra_params => [ '-U', 'reader' ]);
like($err, qr/permission denied for table property/, 'the view gives nobody more than gold does');
query(q{GRANT SELECT ON ALL TABLES IN SCHEMA gold TO reader});
is(scalar $node->safe_psql('postgres', 'SELECT count(*) FROM reso."Property"',
		extra_params => [ '-U', 'reader' ]), 120, 'a reader of gold reads the view');
query(q{
	ALTER TABLE gold.property ENABLE ROW LEVEL SECURITY;
	CREATE POLICY east_only ON gold.property FOR SELECT TO reader USING (mls_source = 'east')});
is(scalar $node->safe_psql('postgres',
		q{SELECT count(*), count(*) FILTER (WHERE "ListingKey" LIKE 'W-%') FROM reso."Property"},
		extra_params => [ '-U', 'reader' ]), '60|0', 'row security of gold holds behind the view');
is(sync(), 0, 'and does not hinder the owner\'s sync');

# Replication by a role of its own.
my $url = $west->url;
query(qq{
	CREATE ROLE replicator LOGIN;
	SELECT mls_grant('replicator');
	CREATE SERVER own FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', key_prefix 'O-');
	GRANT USAGE ON FOREIGN SERVER own TO replicator;
	CREATE USER MAPPING FOR replicator SERVER own OPTIONS (token 'static-token-value');
	CREATE SCHEMA own AUTHORIZATION replicator});
is(scalar $node->safe_psql('postgres', q{
		SET client_min_messages = warning;
		IMPORT FOREIGN SCHEMA reso LIMIT TO ("Office", "OpenHouse") FROM SERVER own INTO own;
		SELECT count(mls_subscribe(c.oid)) FROM pg_class c
		 WHERE c.relnamespace = 'own'::regnamespace AND c.relkind = 'f';
		SELECT count(*) FROM mls_sync('own') WHERE status = 'finished';
		SELECT count(*) > 0 FROM reso."Office"}, extra_params => [ '-U', 'replicator' ]),
	"2\n2\nt", 'a role without special rights makes gold and its views');
($status, $out, $err) = $node->psql('postgres', q{
		IMPORT FOREIGN SCHEMA reso LIMIT TO ("Property") FROM SERVER own INTO own;
		SELECT mls_subscribe('own.property')}, extra_params => [ '-U', 'replicator' ]);
like($err, qr/permission denied for gold table gold\.property/, 'but not in a table of another role');

# A renamed server keeps its rows of gold.
query(q{ALTER SERVER west RENAME TO wild});
is(sync(), 0, 'a renamed server is synced');
is(query(q{SELECT source FROM mls_status_detail WHERE foreign_table = 'west.property'::regclass}), 'wild',
	'its subscription follows');
is(query(q{SELECT string_agg(DISTINCT mls_source, $$,$$ ORDER BY mls_source) FROM gold.property}),
	'east,wild', 'and so does gold');
query(q{ALTER SERVER wild RENAME TO west; SELECT * FROM mls_sync()});

# Taking a source out again.
query(q{SELECT mls_unsubscribe('west.property', drop_data => true)});
is(query('SELECT string_agg(DISTINCT mls_source, $$,$$) FROM gold.property'), 'east',
	'a source leaves gold with its rows');
is_deeply([ view_columns() ], \@after, 'the view keeps its columns');

# Changed rules: gold follows without the network, in batches, and only where it differs.
my $requests = sub { my @all = $east->requests; return scalar @all };
my $asked = $requests->();
query(q{SELECT mls_map_set('Property', 'X_Area', 'expression', '{r.city || $$!$$}', source => 'east')});
is(query(q{SELECT status || ' ' || mapped FROM mls_remap('east', 'Property')}), 'finished 60', 'a remap');
is($requests->(), $asked, 'asks nothing of the source');
is(query(q{SELECT count(*) FROM gold.property WHERE "X_Area" IS DISTINCT FROM "City" || '!'}), 0, 'fills the new field');
$old = query($written);
is(query(q{SELECT status || ' ' || mapped FROM mls_remap('east', 'Property')}), 'finished 0', 'is done once');
query(q{SELECT mls_map_set('Property', 'X_Area', 'expression', ARRAY['r.city || $$!$$ || left($$$$, 1)'], source => 'east')});
is(query(q{SELECT mapped FROM mls_remap('east', 'Property')}), 60, 'another rule is followed');
is(query($written), $old, 'rows that stay the same are not written');
query(q{SELECT mls_map_remove('Property', 'X_Area', source => 'east')});
query(q{INSERT INTO mls.row_map (source, source_resource, resource, variant, condition, key) VALUES
	('east', 'Property', 'Property', '', NULL, NULL),
	('east', 'Property', 'Property', 'copy', 'r.list_price > 0', $$r.listing_key || '-copy'$$)});
is(query('SELECT max(status) FROM mls_sync($$east$$)'), 'finished', 'a sync follows changed rules');
is(query(q{SELECT count(*) FROM gold.property WHERE mls_origin = 'Property/copy'}),
	query('SELECT count(*) FROM silver.east_property WHERE list_price > 0'), 'and makes the second rows');
$east->control('update', { resource => 'Property', count => 5, fields => { ListPrice => undef } });
query('SELECT count(*) FROM mls_sync($$east$$)');
is(query(q{SELECT count(*) FROM gold.property WHERE mls_origin = 'Property/copy'}),
	query('SELECT count(*) FROM silver.east_property WHERE list_price > 0'), 'which go when the condition fails');
query(q{DELETE FROM mls.row_map WHERE source = 'east'; SELECT count(*) FROM mls_remap()});
is(query('SELECT count(*) FROM gold.property'), 60, 'what rules make no more is removed');

# A dump carries rules of one's own, and not ours.
query(q{INSERT INTO mls.field_map (source, resource, field, arguments)
	VALUES ('east', 'Property', 'PublicRemarks', '{Remarks}')});
$node->safe_psql('postgres', 'CREATE DATABASE copy');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump ], 'dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', $dump ],
	'restore');
my $rules = 'SELECT count(*), count(*) FILTER (WHERE shipped) FROM mls.field_map';
is(scalar $node->safe_psql('copy', $rules), query($rules), 'the copy has the same rules');
is(scalar $node->safe_psql('copy', 'SELECT count(*) FROM reso."Property"'), 60, 'and serves gold');

$_->stop for $east, $west, $node;
done_testing();
