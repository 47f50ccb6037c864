# The remote schema changes: what is recorded, and what the tables do about it.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();

# A subscribed Property whose schema is compared in each sync, unless the options say otherwise.
sub source
{
	my ($mls, $name, %options) = @_;
	create_source($node, $mls, $name, tables => delete $options{tables} || 'property',
		retries => 0, key_prefix => "$name-", schema_check_interval => 0, %options);
	$node->safe_psql('postgres', "SELECT mls_subscribe('$name.property')");
	is(sync_row($node, $name, q{status, message IS NULL OR message LIKE 'gold has % as well, and no key_prefix keeps%'}), 'finished|t', "$name: first sync");
	return;
}

# Issues of a source that are about its schema.
sub drift
{
	my ($name, $which) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT i.reason FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription
		 WHERE s.source = '$name' AND i.key IS NULL AND i.reason LIKE '%$which%' ORDER BY i.id});
}

sub schema
{
	my ($mls, %change) = @_;
	$mls->control('option', { schema => \%change });
	return;
}

sub metadata_requests
{
	my ($mls) = @_;
	return scalar grep { $_->{path} =~ /\$metadata/ } $mls->requests;
}

sub column_type
{
	my ($table, $column) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT format_type(atttypid, atttypmod) FROM pg_attribute
		 WHERE attrelid = '$table'::regclass AND attname = '$column' AND NOT attisdropped});
}

# ---- evolve: the tables follow ----

my $mls = start_mls(listings => 300, fields => 'small', enum => 'enum');
source($mls, 'grow');
is($node->safe_psql('postgres', q{
	SELECT count(*) > 5, count(pending), count(removed_at) FROM mls.remote_field}), 't|0|0',
	'the first sync makes the fields known');
is($node->safe_psql('postgres', q{
	SELECT count(*) > 3, count(removed_at) FROM mls.remote_lookup}), 't|0', 'and the lookup values');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mls.issue'), 0, 'and finds nothing changed');

my $before = $node->safe_psql('postgres', q{SELECT pg_relation_filenode('silver.grow_property'),
	pg_relation_filenode('gold.property'), pg_relation_filenode('bronze.grow_property')});
schema($mls, add => [ { field => 'PoolPrivateYN', type => 'Edm.Boolean' },
	{ field => 'X_Charm', type => 'Edm.Int32' }, { field => 'Tags', type => 'Collection(Edm.String)' } ]);
is($node->safe_psql('postgres', q{SELECT change, name, message FROM mls_schema_check('grow')}),
	qq{field_added|PoolPrivateYN|field "PoolPrivateYN" was added, with type Edm.Boolean
field_added|Tags|field "Tags" was added, with type Collection(Edm.String)
field_added|X_Charm|field "X_Charm" was added, with type Edm.Int32},
	'mls_schema_check() tells it');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mls.issue'), 0, 'and changes nothing');

# Some records have the fields already when the sync comes.
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN pgrst');
$mls->control('touch', { resource => 'Property', count => 40 });
like(sync_row($node, 'grow', 'status, updated, message'),
	qr/^finished\|\d+\|field "PoolPrivateYN" was added.*3 columns were added/, 'a sync says so');
is(drift('grow', 'was added'), qq{field "PoolPrivateYN" was added, with type Edm.Boolean
field "Tags" was added, with type Collection(Edm.String)
field "X_Charm" was added, with type Edm.Int32}, 'it is recorded');
for my $table ('grow.property', 'silver.grow_property')
{
	is(column_type($table, 'pool_private_yn'), 'boolean', "$table has the new column");
	is(column_type($table, 'x_charm'), 'integer', "$table has the local one");
	is(column_type($table, 'tags'), 'text[]', "$table has the collection");
}
is(column_type('reso."Property"', 'PoolPrivateYN'), 'boolean', 'the RESO view has it by its name');
is(column_type('reso."Property"', 'X_Charm'), 'bigint', 'a local field with its prefix');
is(column_type('gold.property', 'X_Tags'), 'text[]', 'or with one of ours');
is($node->safe_psql('postgres', q{SELECT pg_relation_filenode('silver.grow_property'),
	pg_relation_filenode('gold.property'), pg_relation_filenode('bronze.grow_property')}), $before,
	'no table was rewritten');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM silver.grow_property WHERE x_charm IS NOT NULL}),
	$node->safe_psql('postgres', q{
	SELECT count(*) FROM bronze.grow_property WHERE record->>'X_Charm' IS NOT NULL}),
	'values arrive with the records that have changed');
my $told = $listener->query_safe('SELECT 1');
is(() = $told =~ /Asynchronous notification "pgrst" with payload "reload schema"/g, 1,
	'PostgREST is told once');

is(sync_row($node, 'grow', 'status, requests, message IS NULL'), 'finished|2|t',
	'the next sync finds nothing, and reads nothing again');
is($listener->query_safe('SELECT 1') =~ /pgrst/ ? 1 : 0, 0, 'and tells nobody');
$listener->quit;
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM mls.issue WHERE times > 1}), 0, 'each difference is recorded once');
$mls->control('touch', { resource => 'Property' });
sync_row($node, 'grow', 'status');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM silver.grow_property s JOIN bronze.grow_property b ON b.key = s.listing_key
	 WHERE s.x_charm IS DISTINCT FROM (b.record->>'X_Charm')::integer
	    OR s.pool_private_yn IS DISTINCT FROM (b.record->>'PoolPrivateYN')::boolean}), 0,
	'all values arrive as records change');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM grow.property p JOIN silver.grow_property s USING (listing_key)
	 WHERE p.x_charm IS DISTINCT FROM s.x_charm OR p.tags IS DISTINCT FROM s.tags}), 0,
	'live and stored values agree');

# Records that were in bronze before the column was there.
schema($mls, add => [ { field => 'Fireplaces', type => 'Edm.Int32' } ]);
$node->safe_psql('postgres', q{ALTER SERVER grow OPTIONS (SET schema_check_interval '1 day')});
$mls->control('touch', { resource => 'Property', count => 120 });
sync_row($node, 'grow', 'status');
is(column_type('silver.grow_property', 'fireplaces'), '', 'before the next comparison nothing is known');
$node->safe_psql('postgres', q{ALTER SERVER grow OPTIONS (SET schema_check_interval '0')});
like(sync_row($node, 'grow', 'updated, message'), qr/^0\|.*1 column was added/, 'the comparison adds it');
is($node->safe_psql('postgres', q{
	SELECT count(*) > 50, bool_and(s.fireplaces IS NOT DISTINCT FROM (b.record->>'Fireplaces')::integer)
	FROM bronze.grow_property b JOIN silver.grow_property s ON s.listing_key = b.key
	WHERE b.record->>'Fireplaces' IS NOT NULL}), 't|t', 'and fills it from bronze');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM silver.grow_property s JOIN gold.property g ON g.mls_source_key = s.listing_key
	WHERE s.fireplaces::text IS DISTINCT FROM coalesce(g."X_Fireplaces"::text, NULL)}), 0, 'gold as well');
is($node->safe_psql('postgres', q{
	SELECT fill_fields IS NULL, fill_after IS NULL FROM mls.subscription}), 't|t', 'until all is done');

# A column the user has dropped stays away.
$node->safe_psql('postgres', 'ALTER FOREIGN TABLE grow.property DROP COLUMN tags');
like(sync_row($node, 'grow', 'status, message'), qr/^finished\|(\d+ records were mapped anew, since gold or its rules had changed)?$/,
	'a column that was dropped');
is(column_type('grow.property', 'tags'), '', 'is not added again');

# Removed, retyped, lengthened, shortened.
$node->safe_psql('postgres', q{
	ALTER FOREIGN TABLE grow.property ALTER COLUMN city TYPE varchar(50);
	ALTER TABLE silver.grow_property ALTER COLUMN city TYPE varchar(50)});
$before = $node->safe_psql('postgres', q{SELECT pg_relation_filenode('silver.grow_property')});
schema($mls, drop => ['PoolPrivateYN'], add => [ { field => 'X_Charm', type => 'Edm.String' } ],
	declare => [ { length => { City => 1000, ListingId => 5 } } ]);
like(sync_row($node, 'grow', 'status, message'), qr/^finished\|/, 'a sync goes on');
is(drift('grow', 'PoolPrivateYN" was removed'), 'field "PoolPrivateYN" was removed; its column stays', 'removed');
is(drift('grow', 'changed its type'), 'field "X_Charm" changed its type from Edm.Int32 to Edm.String; '
	. 'its column keeps the type it has', 'retyped');
like(drift('grow', 'changed its length'), qr/"City".* to 1000\nfield "ListingId".* to 5$/, 'lengthened and shortened');
is(column_type('silver.grow_property', 'city'), 'character varying(1000)', 'a longer text finds room');
is(column_type('grow.property', 'city'), 'character varying(1000)', 'in the foreign table, too');
is(column_type('silver.grow_property', 'pool_private_yn'), 'boolean', 'a removed field keeps its column');
is(column_type('silver.grow_property', 'x_charm'), 'integer', 'a retyped one its type');
is($node->safe_psql('postgres', q{SELECT pg_relation_filenode('silver.grow_property')}), $before,
	'and nothing was rewritten');
is($node->safe_psql('postgres', q{
	SELECT count(*) FILTER (WHERE removed_at IS NOT NULL), count(pending) FROM mls.remote_field}),
	'1|0', 'what is known has its history');
$mls->control('touch', { resource => 'Property', count => 30 });
is(sync_row($node, 'grow', 'status, updated'), 'finished|30', 'records of the new shape arrive');
is($node->safe_psql('postgres', q{
	SELECT count(*) > 0, bool_and(value <> '') FROM mls.issue WHERE key IS NOT NULL AND field = 'X_Charm'}), 't|t',
	'values that do not convert are issues');

# Lookup values
schema($mls, members => [ { lookup => 'StandardStatus', add => [ 'Paused', 'Haunted' ], drop => ['Hold'] } ]);
sync_row($node, 'grow', 'status');
is(drift('grow', 'new values'), 'lookup "StandardStatus" has 2 new values: Haunted, Paused', 'new lookup values');
is(drift('grow', 'has lost'), 'lookup "StandardStatus" has lost 1 value: Hold', 'lost ones');
is($node->safe_psql('postgres', q{
	SELECT value, removed_at IS NULL FROM mls.remote_lookup WHERE value IN ('Hold', 'Paused') ORDER BY 1}),
	"Hold|f\nPaused|t", 'with their history');

# Key and resource
schema($mls, declare => [ { key => 'ListingId' } ]);
sync_row($node, 'grow', 'status');
like(drift('grow', 'key changed'), qr/^the key changed from ListingKey to ListingId;/, 'a changed key');
schema($mls, drop_resource => ['Property']);
is($node->safe_psql('postgres', q{SELECT resource, change, name FROM mls_schema_check('grow')}),
	'Property|resource_removed|Property', 'a resource that is gone');
sql_error($node, q{SELECT * FROM mls_sync('grow')});
is(drift('grow', 'does not declare'), 'the source does not declare the resource any more', 'is recorded');
$mls->stop;

# ---- what was left out stays out ----

$mls = start_mls(listings => 30, fields => 'full');
subscribe_property($node, $mls, 'few', schema_policy => 'evolve', schema_check_interval => 0);
sync_row($node, 'few', 'status');
schema($mls, declare => [ { length => { StreetName => 999, Country => 1 } } ], drop => ['CountyOrParish']);
like(sync_row($node, 'few', 'message'), qr/"StreetName" changed its length/, 'fields without columns change');
schema($mls, add => [ { field => 'CountyOrParish' }, { field => 'X_Fresh' } ]);
like(sync_row($node, 'few', 'message'), qr/"CountyOrParish" was added.*; 1 column was added/, 'one of them comes back');
is($node->safe_psql('postgres', q{
	SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
	 WHERE attrelid = 'few.property'::regclass AND attnum > 6}), 'x_fresh', 'only what is new gets a column');
$node->safe_psql('postgres', q{ALTER SERVER few OPTIONS (SET schema_policy 'ignore')});
my $asked = metadata_requests($mls);
sync_row($node, 'few', 'status');
is(metadata_requests($mls), $asked, 'ignore: nobody asks');

# Two resources, one request.
source($mls, 'pair', tables => 'property, member');
$node->safe_psql('postgres', q{SELECT mls_subscribe('pair.member')});
schema($mls, add => [ { resource => 'Member', field => 'X_Rank', type => 'Edm.Int32' } ]);
$asked = metadata_requests($mls);
sync_row($node, 'pair', 'count(*)') for 1 .. 2;
is(metadata_requests($mls), $asked + 2, 'metadata is asked for once for all resources of a source');
$mls->stop;

# ---- the interval, and metadata that cannot be had ----

$mls = start_mls(listings => 60, fields => 'small');
source($mls, 'calm', schema_check_interval => '1 day');
is(metadata_requests($mls), 2, 'metadata is asked for by the import and the first sync');
sync_row($node, 'calm', 'status') for 1 .. 3;
is(metadata_requests($mls), 2, 'and not again within the interval');
$node->safe_psql('postgres', q{
	UPDATE mls.remote_resource SET checked_at = now() - interval '25 hours' FROM mls.subscription s
	 WHERE s.id = subscription AND s.source = 'calm'});
is(sync_row($node, 'calm', 'requests'), 2, 'after it the comparison is one request, and it is counted');
is(sync_row($node, 'calm', 'requests'), 1, 'once');

$node->safe_psql('postgres', q{ALTER SERVER calm OPTIONS (SET schema_check_interval '0')});
for my $case ([ 'status', status => 503 ], ['close'], ['truncate', length => 'wrong'], ['html200'],
	[ 'status', status => 200, body => '<edmx:Edmx', content_type => 'application/xml' ])
{
	my ($kind, %more) = @$case;
	$node->safe_psql('postgres', 'UPDATE mls.remote_resource SET failed_at = NULL');
	$mls->fault(kind => $kind, match => 'metadata', times => -1, %more);
	$mls->control('insert', { resource => 'Property', count => 1 });
	like(sync_row($node, 'calm', 'status, inserted, message'),
		qr/^finished\|1\|the remote schema was not checked: /, "$kind: a sync does without metadata");
	$mls->control('clear');
}
cmp_ok($node->safe_psql('postgres', q{
	SELECT count(*) FROM mls.issue WHERE reason LIKE 'the remote schema was not checked%'}), '>=', 3, 'it is recorded');
$node->safe_psql('postgres', 'UPDATE mls.remote_resource SET failed_at = NULL');
sync_row($node, 'calm', 'status');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM mls.issue WHERE reason LIKE 'the remote schema was not checked%' AND solved_at IS NULL}), '0',
	'and ends when the metadata can be read');
$node->safe_psql('postgres', q{ALTER SERVER calm OPTIONS (SET schema_check_interval '1 day')});
$node->safe_psql('postgres', q{
	UPDATE mls.remote_resource SET failed_at = now(), checked_at = now() - interval '2 days'});
is(sync_row($node, 'calm', 'requests'), 1, 'after a failure there is a pause');
$node->safe_psql('postgres', q{UPDATE mls.remote_resource SET failed_at = now() - interval '61 minutes'});
is(sync_row($node, 'calm', 'requests'), 2, 'of an hour');
is($node->safe_psql('postgres', q{
	SELECT failed_at IS NULL, checked_at > now() - interval '1 minute' FROM mls.remote_resource r
	JOIN mls.subscription s ON s.id = r.subscription WHERE s.source = 'calm'}), 't|t', 'then all is well');

# ---- freeze ----

source($mls, 'cold', schema_policy => 'freeze');
schema($mls, add => [ { field => 'X_Ice', type => 'Edm.Int32' } ]);
like(sync_row($node, 'cold', 'status, message'), qr/^finished\|field "X_Ice" was added/, 'freeze: a sync goes on');
is(drift('cold', 'X_Ice'), 'field "X_Ice" was added, with type Edm.Int32', 'freeze: it is recorded');
is(column_type('cold.property', 'x_ice'), '', 'freeze: the tables stay as they are');
is(sync_row($node, 'cold', q{status, message IS NULL OR message LIKE 'gold has % as well, and no key_prefix keeps%'}), 'finished|t', 'freeze: once');
$node->safe_psql('postgres', q{SELECT mls_schema_accept('cold')});
is(column_type('cold.property', 'x_ice'), 'integer', 'freeze: mls_schema_accept() adds the column');
$mls->control('touch', { resource => 'Property' });
sync_row($node, 'cold', 'status');
is($node->safe_psql('postgres', q{SELECT count(x_ice) > 0 FROM silver.cold_property}), 't', 'freeze: which is filled');

# ---- stop ----

source($mls, 'strict', schema_policy => 'stop');
schema($mls, add => [ { field => 'X_Gate', type => 'Edm.Int32' } ], drop => ['X_Ice']);
my $error = sql_error($node, q{SELECT * FROM mls_sync('strict')});
like($error, qr/HV021.*the schema of resource "Property" of source "strict" has changed/s, 'stop: a sync fails');
like($error, qr/field "X_Gate" was added, with type Edm.Int32; field "X_Ice" was removed/, 'stop: and says why');
like($error, qr/mls_schema_accept\('strict', 'Property'\)/, 'stop: and what to do');
sql_error($node, q{SELECT * FROM mls_sync('strict')});
is($node->safe_psql('postgres', q{
	SELECT change, name FROM mls_schema_accept('strict', 'Property')}), "field_added|X_Gate\nfield_removed|X_Ice",
	'stop: accepting lists the differences');
is(column_type('silver.strict_property', 'x_gate'), 'integer', 'stop: adds the column');
is(sync_row($node, 'strict', 'status'), 'finished', 'stop: and lets the sync go on');
$mls->fault(kind => 'status', match => 'metadata', times => 1, status => 503);
is(sync_row($node, 'strict', 'status'), 'finished', 'stop: metadata that cannot be had stops nothing');
$node->safe_psql('postgres', 'UPDATE mls.remote_resource SET failed_at = NULL');
$mls->fault(kind => 'status', status => 200, body => '<edmx:Edmx', content_type => 'application/xml',
	match => 'metadata', times => 1);
like(sql_error($node, q{SELECT * FROM mls_sync('strict')}), qr/well-formed|EDMX/, 'stop: metadata that cannot be read does');
sql_error($node, q{SELECT * FROM mls_schema_accept('nobody')});

# ---- readers ----

source($mls, 'busy');
my $reader = $node->background_psql('postgres');
$reader->query_safe(q{BEGIN; SELECT count(*) FROM reso."Property"});
schema($mls, add => [ { field => 'X_Late', type => 'Edm.Int32' } ]);
$mls->control('touch', { resource => 'Property', count => 9 });
like(sync_row($node, 'busy', 'status, updated, message'),
	qr/^finished\|\d+\|.*the tables do not follow the remote schema yet: canceling statement due to lock timeout/,
	'a long reader: the sync goes on without the column');
is(column_type('silver.busy_property', 'x_late'), '', 'nothing is half done');
like(drift('busy', 'do not follow'), qr/lock timeout/, 'it is recorded');
is($reader->query_safe(q{SELECT count(*) > 0 FROM reso."Property"}), 't', 'the reader was not disturbed');
$reader->query_safe('COMMIT');
like(sync_row($node, 'busy', 'status, message'), qr/^finished\|1 column was added/, 'the next run adds it');
is($node->safe_psql('postgres', q{
	SELECT bool_and(solved_at IS NOT NULL) FROM mls.issue WHERE reason LIKE '%do not follow%'}), 't', 'and ends the issue');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM silver.busy_property WHERE x_late IS NOT NULL}),
	$node->safe_psql('postgres', q{
	SELECT count(*) FROM bronze.busy_property WHERE record->>'X_Late' IS NOT NULL}), 'and fills it');

# Readers come and go while columns are added.
my @readers = map {
	start_psql($node, q{SELECT count(*) FROM generate_series(1, 300) g,
		LATERAL (SELECT count(*) FROM reso."Property" p JOIN silver.busy_property s
		ON s.listing_key = p."ListingId" WHERE g > 0) c}) } 1 .. 3;
schema($mls, add => [ { field => 'X_Crowd', type => 'Edm.Int32' } ]);
is(sync_row($node, 'busy', 'status'), 'finished', 'a crowd of readers: the sync finishes');
is(end_psql($_), "300\n", 'a reader got its answer') for @readers;
sync_row($node, 'busy', 'status');
is(column_type('silver.busy_property', 'x_crowd'), 'integer', 'the column comes when they have gone');

# A subscriber who does not own gold: what cannot follow is an issue, and no failure.
$node->safe_psql('postgres', q{
	CREATE ROLE keeper; ALTER TABLE gold.property OWNER TO keeper;
	CREATE ROLE clerk LOGIN; SELECT mls_grant('clerk');
	GRANT SELECT, INSERT, UPDATE, DELETE ON gold.property TO clerk;
	ALTER FOREIGN TABLE busy.property OWNER TO clerk;
	ALTER TABLE bronze.busy_property OWNER TO clerk;
	ALTER TABLE silver.busy_property OWNER TO clerk;
	GRANT USAGE, CREATE ON SCHEMA busy TO clerk;
	GRANT USAGE ON FOREIGN SERVER busy TO clerk;
	CREATE USER MAPPING FOR clerk SERVER busy OPTIONS (token 'static-token-value');
	UPDATE mls.subscription SET owner = 'clerk' WHERE source = 'busy'});
schema($mls, add => [ { field => 'X_Owned', type => 'Edm.Int32' } ]);
like(sync_row($node, 'busy', 'status, message'),
	qr/^finished\|.*do not follow the remote schema yet: must be owner of/, 'no right to add columns');
is(column_type('silver.busy_property', 'x_owned'), '', 'nothing is half done');
$node->safe_psql('postgres', 'GRANT keeper TO clerk; GRANT CREATE ON SCHEMA gold TO keeper;
	ALTER VIEW reso."Property" OWNER TO keeper; GRANT CREATE ON SCHEMA reso TO keeper');
like(sync_row($node, 'busy', 'status, message'), qr/^finished\|1 column was added/, 'with the right it is done');
is(column_type('reso."Property"', 'X_Owned'), 'bigint', 'up to the view');

$reader->quit;
$mls->stop;
$node->stop;
done_testing();
