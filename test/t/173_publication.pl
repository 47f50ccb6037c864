# Gold in a second cluster by logical replication: made, kept, through a drift of the source's
# schema and a new resource, as docs/operations.md says it; mls_health warns beforehand.
use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('publisher', wal_level => 'logical', max_wal_senders => 10, max_replication_slots => 10);
my $copy = PostgreSQL::Test::Cluster->new('subscriber');
$copy->init;
$copy->append_conf('postgresql.conf', "wal_retrieve_retry_interval = '200ms'\ntimezone = 'UTC'\n");
$copy->start;
my $mls = start_mls(listings => 60, fields => 'small');
create_source($node, $mls, 'east', schema_check_interval => 0);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub sync
{
	return query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'});
}

# Statements of the publisher, run at the subscriber.
sub copy_ddl
{
	return $copy->safe_psql('postgres', query('SELECT mls_gold_ddl()'));
}

sub fault
{
	return query(q{SELECT level || ': ' || message FROM mls_health() WHERE item = 'publications'});
}

# The same rows in both clusters, all columns, once the subscriber has come so far.
sub equal
{
	my ($table, $key, $name) = @_;
	my $columns = query(qq{SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname COLLATE "C") FROM pg_attribute WHERE attrelid = '$table'::regclass AND attnum > 0 AND NOT attisdropped});
	my $sql = qq{SELECT count(*) || ' ' || coalesce(md5(string_agg((SELECT ROW($columns)::text), '|' ORDER BY $key)), '') FROM $table};
	$node->wait_for_catchup('gold_copy');
	is($copy->safe_psql('postgres', $sql), query($sql), $name);
	return;
}

query(q{SELECT mls_subscribe('east.property'), mls_subscribe('east.member')});
is(sync(), 0, 'synced');
like(fault(), qr/^ok: /, 'without a publication there is nothing to say');

# ---- from the beginning ----

query(q{ALTER SERVER east OPTIONS (ADD schema_policy 'freeze'); CREATE PUBLICATION gold FOR TABLE gold.property, gold.member});
copy_ddl();
my $address = $node->connstr('postgres') =~ s/'/''/gr;
$copy->safe_psql('postgres', "CREATE SUBSCRIPTION gold_copy CONNECTION '$address' PUBLICATION gold");
$copy->wait_for_subscription_sync($node, 'gold_copy');
equal('gold.property', '"ListingKey"', 'the copy is the same');
copy_ddl();
is($copy->safe_psql('postgres', q{SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'gold'}),
	query(q{SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'gold'}), 'with the indexes, once');
$mls->control('update', { resource => 'Property', count => 7, fields => { ListPrice => 4711 } });
is(sync(), 0, 'a sync');
equal('gold.property', '"ListingKey"', 'is followed');
like(fault(), qr/^ok: /, 'and all is well');

# ---- a drift: said before it happens, followed without a stop ----

$mls->control('option', { schema => { add => [ { field => 'SolarYield' } ] } });
$mls->control('update', { resource => 'Property', count => 3, fields => { SolarYield => 'much' } });
is(sync(), 0, 'the source has a new field');
like(fault(), qr/^warning: gold.property is about to gain columns for SolarYield: make them at the subscribers of gold/, 'which health names before gold has it');
equal('gold.property', '"ListingKey"', 'nothing has stopped');
query(q{SELECT mls_schema_accept('east', 'Property')});
copy_ddl();
is(sync(), 0, 'accepted, and made at the subscriber');
like(fault(), qr/^ok: /, 'the warning is gone');
equal('gold.property', '"ListingKey"', 'the values of the new field are there, those of before too');
is($copy->safe_psql('postgres', q{SELECT count(*) FROM gold.property WHERE "X_SolarYield" = 'much'}), 3, 'they are');

# ---- a drift that nobody was ready for ----

query(q{ALTER SERVER east OPTIONS (SET schema_policy 'evolve')});
like(fault(), qr/^warning: .*gold.property is published by gold with all its columns, and source east adds columns by itself.*set schema_policy to freeze/s, 'health says so beforehand');
$mls->control('option', { schema => { add => [ { field => 'Cellar' } ] } });
$mls->control('update', { resource => 'Property', count => 5, fields => { Cellar => 'deep' } });
# A sync that does not get its lock at once leaves the columns to the next.
my $has_column = q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'gold.property'::regclass AND attname = 'X_Cellar'};
for (1 .. 20)
{
	sync();
	last if query($has_column);
}
is(query($has_column), 1, 'a field more');
$copy->wait_for_log(qr/is missing replicated column: "X_Cellar"/);
$node->poll_query_until('postgres', q{SELECT message LIKE '%replication slot gold_copy is read by nobody and keeps%published: gold.member, gold.property%' FROM mls_health() WHERE item = 'publications'})
  or diag(fault());
like(fault(), qr/slot gold_copy|published by gold/, 'the subscriber has stopped, its slot keeps WAL, and health says so');
copy_ddl();
equal('gold.property', '"ListingKey"', 'with the column it goes on where it stood, and nothing is missing');
query(q{ALTER SERVER east OPTIONS (SET schema_policy 'freeze')});

# ---- a new resource ----

query(q{SELECT mls_subscribe('east.office')});
copy_ddl();
query(q{ALTER PUBLICATION gold ADD TABLE gold.office});
$copy->safe_psql('postgres', 'ALTER SUBSCRIPTION gold_copy REFRESH PUBLICATION');
is(sync(), 0, 'a new resource');
$copy->wait_for_subscription_sync($node, 'gold_copy');
equal('gold.office', '"OfficeKey"', 'comes too');
cmp_ok($copy->safe_psql('postgres', 'SELECT count(*) FROM gold.office'), '>', 0, 'with rows');

# ---- removals ----

query(q{SELECT mls_subscribe('east.office')});
$mls->control('delete', { resource => 'Property', count => 2 });
query(q{SELECT count(*) FROM mls_purge('east', force => true)});
equal('gold.property', '"ListingKey"', 'what is purged goes there as well');
$copy->safe_psql('postgres', 'ALTER SUBSCRIPTION gold_copy DISABLE');
$node->poll_query_until('postgres', q{SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'gold_copy'});
like(fault(), qr/^warning: replication slot gold_copy is read by nobody and keeps \d+ .*WAL; published: gold.member, gold.office, gold.property$/, 'a subscriber that is switched off is seen');
query(q{SELECT mls_subscribe('east.open_house')});
like(fault(), qr/; not published: gold.open_house$/, 'and tables that are not published');

# ---- a slot that has lost its WAL ----

$node->append_conf('postgresql.conf', 'max_slot_wal_keep_size = 1MB');
$node->reload;
query(q{UPDATE gold.property SET "City" = "City" || '.'}), query('SELECT pg_switch_wal()') for 1 .. 3;
query('CHECKPOINT');
like(fault(), qr/^critical: replication slot gold_copy has lost its WAL: its subscription has to be made anew/, 'WAL that a slot may not keep is gone, and that is critical');
$copy->safe_psql('postgres', 'ALTER SUBSCRIPTION gold_copy SET (slot_name = NONE)');
$copy->safe_psql('postgres', 'DROP SUBSCRIPTION gold_copy');
$copy->safe_psql('postgres', 'TRUNCATE gold.property, gold.member, gold.office');
query(q{SELECT pg_drop_replication_slot('gold_copy')});
like(fault(), qr/^ok: /, 'without a slot there is nothing to keep');
copy_ddl();
query('ALTER PUBLICATION gold ADD TABLE gold.open_house');
$copy->safe_psql('postgres', "CREATE SUBSCRIPTION gold_copy CONNECTION '$address' PUBLICATION gold");
$copy->wait_for_subscription_sync($node, 'gold_copy');
equal('gold.property', '"ListingKey"', 'made anew, the copy is the same');
like(fault(), qr/^ok: /, 'and all is well');
$copy->safe_psql('postgres', 'DROP SUBSCRIPTION gold_copy');

# ---- what a publication names by itself cannot change under its subscribers ----

query(q{ALTER SERVER east OPTIONS (SET schema_policy 'evolve'); DROP PUBLICATION gold;
	CREATE PUBLICATION narrow FOR TABLE gold.property ("ListingKey", "ListPrice")});
like(fault(), qr/^ok: /, 'columns that are named are no danger');
query('CREATE PUBLICATION every FOR ALL TABLES');
like(fault(), qr/^warning: .*gold.member is published by every with all its columns/, 'all tables are');

$mls->stop;
$copy->stop;
$node->stop;
done_testing();
