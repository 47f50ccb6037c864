# Bronze, silver and gold in partitions: every process leaves what it leaves in plain tables,
# and a partition goes with its source.
#
#   MLS_LONG=1                       plays more rounds
#   MLS_ROUNDS=40 MLS_SEED='5 6 7'   plays other rounds than the default
use strict;
use warnings;

use JSON::PP ();
use MlsContest;
use MlsModel;
use MlsSync;
use MlsTest;
use MlsTruth;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = $ENV{MLS_ROUNDS} || ($ENV{MLS_LONG} ? 100 : 6);

# ---- Two clusters, one with partitions ----

my $mls = start_mls(listings => 400, fields => 'small');
my $node = new_node('cut', wal_level => 'logical');
my $twin = new_node('plain');
my @keys = sort @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };
my %partition = (west => 'source, hash 3', east => 'source', rest => undef);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub both
{
	my ($sql, $name) = @_;
	my ($here, $there) = map { scalar $_->safe_psql('postgres', $sql) } $node, $twin;
	is($here, $there, $name);
	return $here;
}

# Everything that is kept, but for when it was written
my $kept = join ' UNION ALL ', (map { qq{
	SELECT 'bronze $_ ' || (to_jsonb(b) - 'fetched_at' - 'run_id' - 'deleted_at')::text || (deleted_at IS NULL) FROM bronze.${_}_property b UNION ALL
	SELECT 'silver $_ ' || to_jsonb(s)::text FROM silver.${_}_property s} } sort keys %partition),
	q{SELECT 'gold ' || (to_jsonb(g) - 'mls_updated_at')::text FROM gold.property g},
	q{SELECT 'issue ' || (to_jsonb(i) - 'id' - 'run' - 'first_seen' - 'last_seen' - 'solved_at')::text FROM mls.issue i},
	q{SELECT 'rows ' || source || local_rows FROM mls.subscription};

sub are_same
{
	my ($when) = @_;
	my $rows = both("SELECT count(*) || ' ' || md5(string_agg(r, E'\\n' ORDER BY r COLLATE \"C\")) FROM ($kept) k (r)", "both are the same: $when");
	note($rows);
	return;
}

# A process on each source, with what it says of its work.
sub work
{
	my ($process, $columns, @names) = @_;
	return both(join(' UNION ALL ', map { my ($name, $more) = split /,/, $_, 2; "SELECT $columns FROM mls_$process('$name'" . ($more ? ", $more" : '') . ')' } @names),
		"$process says the same of its work");
}

for my $name (sort keys %partition)
{
	create_source($_, $mls, $name, tables => 'property', retries => 0, key_prefix => "$name-", schema_check_interval => 0) for $node, $twin;
	query(sprintf q{SELECT mls_subscribe('%s.property'%s)}, $name, $partition{$name} ? ", partition => '$partition{$name}'" : '');
	$twin->safe_psql('postgres', "SELECT mls_subscribe('$name.property')");
}
is(query(q{SELECT string_agg(p.relid::text, ' ' ORDER BY p.relid::text COLLATE "C") FROM pg_partition_tree('gold.property') p WHERE isleaf}),
	'gold.property_default gold.property_east_rows gold.property_west_rows_p0 gold.property_west_rows_p1 gold.property_west_rows_p2',
	'gold has a partition of each source that wants one, cut where that was asked for, and one for the rest');
is(query(q{SELECT string_agg(count::text, ' ') FROM (SELECT count(*) FROM pg_partition_tree('bronze.west_property') WHERE isleaf
	UNION ALL SELECT count(*) FROM pg_partition_tree('silver.west_property') WHERE isleaf
	UNION ALL SELECT count(*) FROM pg_partition_tree('bronze.east_property')) c}), '3 3 0', 'bronze and silver are cut where that was asked for');
is(query(q{SELECT string_agg(DISTINCT array_to_string(c.reloptions, ','), ' ') FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE nspname = 'bronze' AND relkind = 'r'}), $twin->safe_psql('postgres', q{SELECT array_to_string(reloptions, ',') FROM pg_class WHERE oid = 'bronze.west_property'::regclass}),
	'partitions store their rows as plain tables do');
is(query(q{SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
	WHERE nspname = 'bronze' AND attname = 'record' AND attcompression <> 'l'}), 0, 'with lz4');

my $counts = q{status, received, inserted, updated, unchanged};
my $before = query(q{CREATE EXTENSION pg_walinspect; SELECT pg_current_wal_insert_lsn()});
work('sync', $counts, sort keys %partition);
are_same('a first load');
cmp_ok(query(qq{SELECT sum(count) FROM pg_get_wal_stats('$before', pg_current_wal_flush_lsn(), true) WHERE "resource_manager/record_type" LIKE 'Heap/INSERT%'}), '<', 400,
	'its 3,600 rows are not written one by one');
is(query(q{SELECT (SELECT count(*) FROM gold.property_west_rows) || ' ' || (SELECT count(*) FROM gold.property_east_rows) || ' ' || (SELECT count(*) FROM gold.property_default)}),
	'400 400 400', 'each row stands where it belongs');
$mls->control('update', { resource => 'Property', keys => [ @keys[ 0 .. 59 ] ], fields => { City => 'Elsewhere', BedroomsTotal => 9 } });
work('sync', $counts, sort keys %partition);
work('sync', $counts, map { "$_,\"full\" => true" } sort keys %partition);
are_same('records have changed, and everything was read again');

# What purges take out, and bring back
$mls->control('delete', { resource => 'Property', keys => [ @keys[ 10 .. 19 ] ] });
work('purge', 'status, listed, missing, deleted', sort keys %partition);
are_same('records are gone');
is(query(q{SELECT count(*) FROM gold.property}), 1170, 'no row has gone with one of another partition that stood in its place');
both(q{SELECT sum(mls_undo(run)) FROM mls_history WHERE process = 'purge'}, 'purges are taken back');
are_same('they are taken back');
work('purge', 'status, deleted', map { "$_,force => true" } sort keys %partition);
both(q{UPDATE bronze.west_property SET record = replace(record::text, '"City"', '"Town"')::json, modified_at = modified_at - interval '1 day' WHERE key < (SELECT key FROM bronze.west_property ORDER BY key OFFSET 50 LIMIT 1); SELECT 1}, 'bronze is damaged');
work('reconcile', 'status, listed, different, inserted, updated', sort keys %partition);
are_same('a reconcile');
both(q{SELECT sum(rebuilt) FROM (SELECT mls_rebuild(foreign_table) AS rebuilt FROM mls.subscription ORDER BY id) r}, 'all is made anew from bronze');
are_same('a rebuild');

# Fields come, rules change
$mls->control('option', { schema => { add => [ { field => 'PoolPrivateYN', type => 'Edm.Boolean' }, { field => 'X_Charm', type => 'Edm.Int32' } ] } });
$mls->control('update', { resource => 'Property', keys => [ @keys[ 100 .. 149 ] ], fields => { PoolPrivateYN => JSON::PP::true(), X_Charm => 5 } });
work('sync', $counts, sort keys %partition);
is(query(q{SELECT count(*) FROM gold.property WHERE "PoolPrivateYN" AND "X_Charm" = 5}), 150, 'partitions follow a schema that grows');
are_same('the schema has grown');
both(q{SELECT mls_map_set('Property', 'X_Note', 'constant', '{noted}', source => 'west'); SELECT status FROM mls_remap('west')}, 'a rule for one source');
are_same('a remap');
both(q{SELECT mls_map_remove('Property', 'X_Note', source => 'west'); SELECT status FROM mls_remap('west')}, 'and its end');
is(query(q{SELECT count(*) FILTER (WHERE mls_source = 'west') || ' ' || count("X_Note") FROM gold.property}), '390 0', 'which takes values and no rows');
are_same('a rule has gone');
both(q{ALTER SERVER west OPTIONS (SET key_prefix 'w2-'); SELECT status FROM mls_sync('west')}, 'a prefix changes');
is(query(q{SELECT count(*) FROM gold.property_default WHERE mls_source = 'west'}), 390, 'rows for which there is no partition any more stand in the default one');
are_same('another prefix');
both(q{ALTER SERVER west OPTIONS (SET key_prefix 'west-'); SELECT status FROM mls_sync('west')}, 'and is what it was');
is(query(q{SELECT count(*) FROM gold.property_west_rows}), 390, 'and they are back');
are_same('the old prefix');
is(differences_from_nothing($node), '', 'gold is what a rebuild makes of it');
work('sync', $counts, map { "$_,\"full\" => true" } sort keys %partition);
both(q{SELECT string_agg((to_jsonb(v) - 'verification' - 'duration')::text, E'\n' ORDER BY (to_jsonb(v) - 'verification' - 'duration')::text COLLATE "C") FROM mls_verify('west') v},
	'mls_verify says the same');

# Rows that somebody else has removed
query(q{TRUNCATE bronze.west_property_p1});
$twin->safe_psql('postgres', q{DELETE FROM bronze.west_property});
like(query(q{SELECT message FROM mls_sync('west')}), qr/records are missing in bronze/, 'a partition of bronze that was emptied is seen');
query(q{TRUNCATE gold.property_east_rows});
is(query(q{SELECT status FROM mls_sync('east')}), 'finished', 'and one of gold');
$twin->safe_psql('postgres', q{SELECT mls_sync('west', "full" => true)});
is(query(q{SELECT count(*) FROM gold.property_east_rows}), 390, 'which is filled again');

# Readers
unlike(query(q{EXPLAIN (COSTS off) SELECT * FROM reso."Property" WHERE "ListingKey" = 'east-1'}), qr/default|west/, 'who asks for a key reads one partition');
is(query(q{SELECT string_agg(source || ' ' || rows || ' ' || bronze_rows, ', ' ORDER BY source) FROM (SELECT * FROM mls_status_detail, pg_sleep(0)) s WHERE source = 'rest'}),
	'rest 390 ' . query(q{SELECT bronze_rows FROM mls_status_detail WHERE source = 'rest'}), 'the status counts');
query(q{ANALYZE bronze.west_property});
is(query(q{SELECT bronze_rows FROM mls_status_detail WHERE source = 'west'}), query(q{SELECT count(*) FROM bronze.west_property}), 'also the rows of bronze in partitions');
is(query(q{SELECT count(*) FROM mls.leftover}), 0, 'and takes no partition for something left over');
query(q{CREATE ROLE reader; GRANT USAGE ON SCHEMA gold TO reader; GRANT SELECT ON gold.property TO reader;
	ALTER TABLE gold.property ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON gold.property TO reader USING (mls_source = 'east')});
is(query(q{SET ROLE reader; SELECT count(*) FROM gold.property}), 390, 'row security of gold holds over its partitions');
like(sql_error($node, q{SET ROLE reader; SELECT count(*) FROM gold.property_west_rows}), qr/42501/, 'which are closed to who may read gold');
query(q{DROP POLICY few ON gold.property; ALTER TABLE gold.property DISABLE ROW LEVEL SECURITY});
like(query(q{SELECT * FROM mls_export()}), qr/mls_subscribe\('west.property', partition => 'source, hash 3'\)/, 'the export says how tables are cut');

# ---- A source leaves ----

query(q{SELECT mls_unsubscribe('west.property', drop_data => true)});
is(query(q{SELECT count(*) FROM pg_class WHERE relname LIKE '%west%' AND relkind IN ('r', 'p')}), 0, 'its partitions go with a source');
is(query(q{SELECT string_agg(mls_source || ' ' || n, ', ' ORDER BY mls_source) FROM (SELECT mls_source, count(*) AS n FROM gold.property GROUP BY 1) g}), 'east 390, rest 390', 'and nothing else');

# Somebody wants to know of each row that goes
query(q{SELECT mls_track('east.property')});
query(q{SELECT mls_unsubscribe('east.property', drop_data => true)});
is(query(q{SELECT to_regclass('gold.property_east_rows') IS NOT NULL AND NOT EXISTS (SELECT FROM gold.property WHERE mls_source = 'east')}), 't',
	'where changes are logged rows are deleted one by one');
query(q{SELECT mls_subscribe('east.property', partition => 'source')});
is(query(q{SELECT status FROM mls_sync('east')}), 'finished', 'a partition that is there is taken again');
is(query(q{SELECT count(*) FROM gold.property_east_rows}), 390, 'and filled');
query(q{CREATE PUBLICATION told FOR TABLE gold.property; SELECT mls_unsubscribe('east.property', drop_data => true); DROP PUBLICATION told});
is(query(q{SELECT to_regclass('gold.property_east_rows') IS NOT NULL AND NOT EXISTS (SELECT FROM gold.property WHERE mls_source = 'east')}), 't',
	'so they are where gold is published');

# A source that stands in the default partition gets its own, beside those who read
my $reader = $node->background_psql('postgres');
$reader->query_safe(q{BEGIN; SELECT count(*) FROM gold.property WHERE "ListingKey" = 'east-1'});
is(query(q{SET lock_timeout = '10s'; SELECT (mls_subscribe('rest.property', partition => 'source')).gold}), 'gold.property', 'a partition is made while a transaction has read another one');
is(query(q{SELECT (SELECT count(*) FROM gold.property_rest_rows) || ' ' || (SELECT count(*) FROM gold.property_default)}), '390 0', 'with the rows that are there already');
$reader->query_safe('ROLLBACK');
$reader->quit;
is(query(q{SELECT status || updated FROM mls_sync('rest', "full" => true)}), 'finished0', 'and goes on');

# Two sources with one prefix share one partition, whose rows go over from one to the other
create_property($node, $mls, $_, key_prefix => 'both-') for qw(one two);
query(qq{SELECT mls_subscribe('$_.property', partition => 'source')}) for qw(one two);
query(qq{SELECT * FROM mls_sync('$_')}) for qw(one two);
is(query(q{SELECT mls_source || ' ' || count(*) FROM gold.property_one_rows GROUP BY mls_source}), 'one 390', 'the first has the keys of both');
query(q{SELECT mls_unsubscribe('one.property', drop_data => true)});
is(query(q{SELECT mls_source || ' ' || count(*) FROM gold.property_one_rows GROUP BY mls_source}), 'two 390', 'and leaves them to the second');
is(differences_from_nothing($node), '', 'as a rebuild does');

# Rows that get a partition of their own come, too, for those who are told that they went; a
# prefix may need to be quoted; and a partition that somebody looks at does not go
create_property($node, $mls, 'told', key_prefix => 'told\\[');
query(q{SELECT mls_subscribe('told.property'); SELECT mls_sync('told')});
query(q{CREATE PUBLICATION told FOR TABLE gold.property WITH (publish_via_partition_root = true)});
query(q{SELECT pg_create_logical_replication_slot('told', 'pgoutput')});
query(q{SELECT mls_subscribe('told.property', partition => 'source')});
is(query(q{SELECT string_agg(kind || n, ' ' ORDER BY kind) FROM (SELECT chr(get_byte(data, 0)) AS kind, count(*) AS n
	FROM pg_logical_slot_get_binary_changes('told', NULL, NULL, 'proto_version', '1', 'publication_names', 'told') GROUP BY 1) c WHERE kind IN ('D', 'I')}),
	'D390 I390', 'what is published of rows that are moved is that they are there');
query(q{DROP PUBLICATION told; SELECT pg_drop_replication_slot('told')});
is(query(q{SELECT count(*) FROM gold.property_told_rows}), 390, 'they are');
is(query(q{SET client_min_messages = error; SELECT (mls_subscribe('told.property', partition => 'source')).gold}), 'gold.property', 'a partition whose prefix has a backslash is found');
query(q{CREATE VIEW public.looks AS SELECT * FROM gold.property_told_rows; SELECT mls_unsubscribe('told.property', drop_data => true)});
is(query(q{SELECT count(*) FROM public.looks}), 0, 'a source leaves a partition empty that a view is of');
query(q{DROP VIEW public.looks; SELECT mls_subscribe('told.property', partition => 'source'); SELECT mls_unsubscribe('told.property', drop_data => true)});
is(query(q{SELECT to_regclass('gold.property_told_rows') IS NULL}), 't', 'and takes it along without one');

# Two that need one partition, and ask for it at the same moment
create_property($node, $mls, $_, key_prefix => 'pair-') for qw(first second);
query(qq{SELECT mls_subscribe('$_.property')}) for qw(first second);
my $pause = $node->background_psql('postgres');
$pause->query_safe('BEGIN; SELECT mls.pause_pages()');
my @asking = map { start_psql($node, qq{SELECT mls_subscribe('$_.property', partition => 'source')}) } qw(first second);
$node->poll_query_until('postgres', q{SELECT count(DISTINCT pid) = 2 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted});
$pause->query_safe('COMMIT');
$pause->quit;
end_psql($_) for @asking;
is(query(q{SELECT count(*) FROM pg_partition_tree('gold.property') WHERE relid::text ~ 'first|second'}), 1, 'a partition that two ask for is made once');
is(query(q{SELECT count(*) FROM mls.subscription WHERE source IN ('first', 'second') AND partition = 'source'}), 2, 'and both have it');

# ---- What is refused ----

like(sql_error($node, "SELECT mls_subscribe('two.property', partition => '$_')"), qr/22023.*invalid value for partition.*hash 8/s, "refused: $_")
  for 'hash', 'hash 1', 'hash 257', 'hash 8x', 'list', 'source, source', 'hash 2, hash 4', '', 'source,';
like(sql_error($node, q{SELECT mls_subscribe('two.property', partition => 'hash 8')}), qr/42809.*bronze.two_property exists.*It has no 8 partitions by hash/s, 'a table that is there is not cut');
create_property($node, $mls, 'bare');
like(sql_error($node, q{SELECT mls_subscribe('bare.property', partition => 'source')}), qr/55000.*no key_prefix.*ALTER SERVER bare OPTIONS \(ADD key_prefix 'bare-'\)/s, 'a source without prefix cannot be told from others');
create_property($twin, $mls, 'late', key_prefix => 'late-');
my $error = sql_error($twin, q{SELECT mls_subscribe('late.property', partition => 'source')});
like($error, qr/55000.*gold table gold.property has no partitions of sources.*DROP TABLE gold.property CASCADE/s, 'gold that was made plain stays so');
$twin->safe_psql('postgres', q{DROP TABLE gold.property CASCADE; SELECT mls_subscribe('late.property', partition => 'source'); SELECT mls_subscribe('west.property', partition => 'source'); SELECT mls_sync()});
is($twin->safe_psql('postgres', q{SELECT (SELECT count(*) FROM gold.property_late_rows) || ' ' || (SELECT count(*) FROM gold.property_west_rows) || ' ' || count(*) FROM gold.property}),
	'390 390 1560', 'it is made anew as the hint says, and filled from silver');

# A partition that is another's would run his code
query(q{CREATE ROLE mallory; CREATE SCHEMA mallory AUTHORIZATION mallory; GRANT USAGE, CREATE ON SCHEMA gold TO mallory;
	CREATE TABLE gold.mine (LIKE gold.property INCLUDING ALL); ALTER TABLE gold.property ATTACH PARTITION gold.mine FOR VALUES FROM ('mine-') TO ('mine.');
	ALTER TABLE gold.mine OWNER TO mallory; CREATE TABLE mallory.seen (who text); GRANT INSERT ON mallory.seen TO PUBLIC;
	SET ROLE mallory; CREATE FUNCTION mallory.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO mallory.seen VALUES (current_user); RETURN NULL; END $$;
	CREATE TRIGGER spy AFTER INSERT ON gold.mine FOR EACH ROW EXECUTE FUNCTION mallory.spy()});
query(q{ALTER SERVER two OPTIONS (SET key_prefix 'mine-')});
like(sql_error($node, q{SELECT * FROM mls_sync('two')}), qr/42501.*gold.mine is a partition of gold.property and does not belong to its owner.*ALTER TABLE gold.mine OWNER TO/s, 'a partition of another role is not written');
is(query(q{SELECT count(*) FROM mallory.seen}), 0, 'and none of his code has run');
query(q{SET client_min_messages = error; DROP TABLE gold.mine; SELECT mls_sync('two')});

# What is told of changes, and what makes gold elsewhere
query(q{SET client_min_messages = error; SELECT mls_serve_events('{Property}'); SELECT mls_serve_history('{Property}')});
my $last = query(q{SELECT max(sequence) FROM mls.entity_event});
$mls->control('update', { resource => 'Property', keys => [ @keys[ 20 .. 24 ] ], fields => { City => 'Seen' } });
query(q{SELECT mls_sync('rest')});
is(query(qq{SELECT count(*) FROM mls.entity_event e JOIN gold.property g ON g."ListingKey" = e.key WHERE g."City" = 'Seen' AND g.mls_source = 'rest' AND e.sequence > $last}), 5, 'events are told of rows in partitions');
query(q{CREATE DATABASE elsewhere});
$node->safe_psql('elsewhere', query(q{SELECT string_agg(d, E'\n') FROM mls_gold_ddl() d}));
is($node->safe_psql('elsewhere', q{SELECT relkind FROM pg_class WHERE oid = 'gold.property'::regclass}), 'r', 'a subscriber gets plain tables');

# A dump and what is restored of it
my $dump = $node->backup_dir . '/cut.sql';
command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'dumped');
query(q{CREATE DATABASE again});
command_ok([ 'psql', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $node->connstr('again'), '-f', $dump ], 'restored');
my $shape = q{SELECT string_agg(p.relid::text, ' ' ORDER BY p.relid::text COLLATE "C") || (SELECT count(*) FROM gold.property) FROM pg_partition_tree('gold.property') p};
is($node->safe_psql('again', $shape), query($shape), 'with its partitions');
$node->stop;
$twin->stop;

# ---- Random rounds ----

# Changes, faults and crashes, with partitions of sources that are cut by hash
for my $seed (split ' ', $ENV{MLS_SEED} || 4)
{
	my $cluster = new_node("model_seed$seed", restart_after_crash => 'on');
	my $model = MlsModel->new($cluster, $seed, face => 'reso', partition => 'source, hash 3');
	is($model->play_all($rounds), '', "seed $seed: $rounds rounds of changes leave true copies");
	is($cluster->safe_psql('postgres', q{SELECT count(*) FROM gold.property_default}), 0, 'no row has gone astray');
	$cluster->stop;
	$model->{mls}->stop;
}

# Three sources with the same keys
for my $seed (split ' ', $ENV{MLS_SEED} || 12)
{
	my $cluster = new_node("contest_seed$seed");
	my $model = MlsContest->new($cluster, $seed, face => 'reso', partition => 'hash 4');
	is($model->play_all($rounds), '', "seed $seed: $rounds rounds leave gold as the law has it");
	$cluster->stop;
	$model->{mls}->stop;
}

done_testing();
