# A hot standby: it answers live queries, and each function that writes says why it cannot.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "mls_fdw.allowed_hosts = '127.0.0.1'\ntimezone = 'UTC'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION mls_fdw');
my $mls = start_mls(listings => 300, fields => 'small');
subscribe_property($node, $mls, 'one', page_size => 100);
sync_row($node, 'one', 'status');
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;

# How each function that writes is called; functions that only read are listed.
my %writes = (
	mls_subscribe => q{mls_subscribe('one.property')},
	mls_unsubscribe => q{mls_unsubscribe('one.property')},
	mls_sync => q{mls_sync('one')},
	mls_purge => q{mls_purge('one')},
	mls_reconcile => q{mls_reconcile('one')},
	mls_undo => q{mls_undo(1)},
	mls_rebuild => q{mls_rebuild('one.property')},
	mls_grant => q{mls_grant('pg_monitor')},
	mls_distribute => q{mls_distribute()},
	mls_move_source => q{mls_move_source('one', 1)},
	mls_undistribute => q{mls_undistribute()},
	mls_audience => q{mls_audience('pg_monitor', 'Property')},
	mls_audience_remove => q{mls_audience_remove('pg_monitor', 'Property')},
	mls_track => q{mls_track('one.property')},
	mls_schedule => q{mls_schedule('one', sync => '@hourly')},
	mls_unschedule => q{mls_unschedule('one')},
	mls_media_store => q{mls_media_store('one', 'photos')},
	mls_media_store_also => q{mls_media_store_also('one', 'photos')},
	mls_media_store_remove => q{mls_media_store_remove('one')},
	mls_media_pause => q{mls_media_pause('one')},
	mls_media_sync => q{mls_media_sync('one')},
	mls_media_verify => q{mls_media_verify('one', repair => true)},
	mls_publish => q{mls_publish('one.property', 'shop')},
	mls_unpublish => q{mls_unpublish('shop', 'listing')},
	mls_publish_sync => q{mls_publish_sync('shop')},
	mls_publish_resend => q{mls_publish_resend('shop', 'listing', 0)},
	mls_publish_pause => q{mls_publish_pause('shop', 'listing')},
	mls_publish_verify => q{mls_publish_verify('shop', 'listing', repair => true)},
	mls_prune => q{mls_prune()},
	mls_geocode_use => q{mls_geocode_use('one', '{geo}')},
	mls_geocode_stop => q{mls_geocode_stop('one')},
	mls_geocode => q{mls_geocode('one')},
	mls_geography_index => q{mls_geography_index()},
	mls_schema_accept => q{mls_schema_accept('one')},
	mls_remap => q{mls_remap('one')},
	mls_clean_set => q{mls_clean_set('{}')},
	mls_verify => q{mls_verify('one')},
	mls_map_set => q{mls_map_set('Property', 'City', 'none')},
	mls_gold_prune => q{mls_gold_prune()},
	mls_share_gold => q{mls_share_gold('pg_monitor')},
	mls_source_accept => q{mls_source_accept('one')},
	mls_map_remove => q{mls_map_remove('Property', 'City')},
	mls_map_value => q{mls_map_value('l', 'v', 'r')},
	mls_map_setting => q{mls_map_setting('one', 'n', 'v')},
	mls_protect => q{mls_protect('pg_monitor', 'idx', 'Property')},
	mls_navigation_set => q{mls_navigation_set('Property', 'Photos', 'Media', true, '{ListingKey}', '{ResourceRecordKey}')},
	mls_navigation_remove => q{mls_navigation_remove('Property', 'Photos')},
	mls_consumer_add => q{mls_consumer_add('app', 'pg_monitor')},
	mls_consumer_alter => q{mls_consumer_alter('app', active => false)},
	mls_consumer_rotate => q{mls_consumer_rotate('app')},
	mls_consumer_revoke => q{mls_consumer_revoke('app')},
	mls_consumer_remove => q{mls_consumer_remove('app')},
	mls_serve_events => q{mls_serve_events()},
	mls_serve_history => q{mls_serve_history()},
	mls_feed => q{mls_feed('f', 'kyero', 'gold.property', 'photos', 'f.xml')},
	mls_unfeed => q{mls_unfeed('f')},
	mls_feed_element => q{mls_feed_element('kyero', 'x', '1')},
	mls_feed_element_remove => q{mls_feed_element_remove('kyero', 'x')},
	mls_feed_format => q{mls_feed_format('f', '<a>', 'b', '</a>')},
	mls_feed_ids => q{mls_feed_ids('f', '{a}', '{1}')},
	mls_feed_sync => q{mls_feed_sync()},
	mls_mart_create => q{mls_mart_create()},
	mls_mart_drop => q{mls_mart_drop('mart')},
	mls_mart_sync => q{mls_mart_sync()},
	mls_arrival_set => q{mls_arrival_set('a', 'true')},
	mls_test_add => q{mls_test_add('s', 't', 'unique')},
	mls_test_add_shipped => q{mls_test_add_shipped('gold')},
	mls_test_suite => q{mls_test_suite('s')},
	mls_test_drop => q{mls_test_drop('s')},
	mls_test => q{mls_test()},
	mls_test_sync => q{mls_test_sync()},
	mls_mart_hold => q{mls_mart_hold('mart', 'x')},
	mls_mart_column => q{mls_mart_column('mart', 'fct_listing', 'x', '1', 'x')},
	mls_mart_table => q{mls_mart_table('mart', 'x', 'SELECT 1 AS a', '{a}', 'x')},
	mls_mart_remove => q{mls_mart_remove('mart', 'x')},
	mls_push_add => q{mls_push_add('app', 'https://hooks.example.com/', 't')},
	mls_push_alter => q{mls_push_alter('app', paused => true)},
	mls_push_resend => q{mls_push_resend('app', 0)},
	mls_push_remove => q{mls_push_remove('app')},
	mls_push => q{mls_push()},
	mls_alert_receiver => q{mls_alert_receiver('ops', 'slack', 'https://hooks.example.com/')},
	mls_alert_receiver_remove => q{mls_alert_receiver_remove('ops')},
	mls_alert_test => q{mls_alert_test('ops')},
	mls_alert_rule => q{mls_alert_rule('r', 'ops')},
	mls_alert_rule_pause => q{mls_alert_rule_pause('r')},
	mls_alert_rule_remove => q{mls_alert_rule_remove('r')},
	mls_alert => q{mls_alert()},
	mls_serve_grant => q{mls_serve_grant('pg_monitor')},
	mls_serve_dataset => q{mls_serve_dataset('one.property', 'pg_monitor')},
	mls_serve_dataset_remove => q{mls_serve_dataset_remove('one.property', 'pg_monitor')},
	mls_dataset_remove => q{mls_dataset_remove('one.property')},
	mls_tenant => q{mls_tenant('pg_monitor', '{}')},
	mls_tenant_remove => q{mls_tenant_remove('pg_monitor')},
	mls_serve_prune => q{mls_serve_prune()},
	mls_dataset => q{mls_dataset('x', 'upload:')},
	mls_upload => q{mls_upload('one', 'a.csv', 'a')},
	mls_upload_drop => q{mls_upload_drop('one', 'a.csv')},
	mls_store_put => q{mls_store_put('one', '\\x00', 'bin', 'a/b')},
	mls_store_delete => q{mls_store_delete('one', '{}')},
	mls_store_sweep => q{mls_store_sweep('one')},
	mls_store_adopt => q{mls_store_adopt('one')},
	mls_serve_trigrams => q{mls_serve_trigrams()});
my @reads = qw(mls_check_scale mls_fdw_handler mls_fdw_validator mls_options mls_row mls_metadata mls_metadata_findings
  mls_check mls_dataset_inspect mls_count mls_schema_check mls_health mls_compare mls_find mls_layers mls_metrics mls_quota mls_map_check mls_map_explain mls_objects mls_gold_ddl mls_distance mls_store_get mls_store_list mls_store_link mls_media_link mls_feed_preview mls_feed_report mls_export mls_dbt_sources);

is($node->safe_psql('postgres', q{
	SELECT string_agg(DISTINCT p.proname, ' ' ORDER BY p.proname) FROM pg_depend d
	  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'mls_fdw'
	  JOIN pg_proc p ON p.oid = d.objid
	 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND p.proname LIKE 'mls\_%'
	   AND p.pronamespace <> 'mls'::regnamespace}),
	join(' ', sort @reads, keys %writes), 'every function is known to write or not to write');

for my $name (sort keys %writes)
{
	like(sql_error($standby, "SELECT $writes{$name}"),
		qr/25006: cannot execute \Q$name\E\(\) during recovery\nHINT:  This is a standby: .* on the primary/,
		"$name says why it cannot run");
	like(sql_error($node, "SET default_transaction_read_only = on; SELECT $writes{$name}"),
		qr/25006: cannot execute \Q$name\E\(\) in a read-only transaction/, "$name in a read-only transaction");
}

# What reads works
$mls->reset;
is($standby->safe_psql('postgres', 'SELECT count(*) FROM one.property'), '300', 'a live query');
cmp_ok(scalar(() = $mls->requests), '>', 0, 'which asks the source');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM silver.one_property}), '300', 'the copy');
is($standby->safe_psql('postgres', q{SELECT state, rows FROM mls_status}), 'synced|300', 'the status');
is($standby->safe_psql('postgres', q{SELECT remote_rows FROM mls_count('one')}), '300', 'a count');
is($standby->safe_psql('postgres', q{SELECT count(*) > 5 FROM mls_health()}), 't', 'the health');
is($standby->safe_psql('postgres', q{SELECT count(*) > 5 FROM mls_metrics()}), 't', 'the numbers');
is($standby->safe_psql('postgres', q{SELECT bool_and(ok) FROM mls_check('one')}), 't', 'a check');
my $key = $node->safe_psql('postgres', 'SELECT min(key) FROM bronze.one_property');
is($standby->safe_psql('postgres', qq{SELECT count(*) > 3 FROM mls_compare('one', 'Property', '$key')}), 't', 'a comparison');

# The copy follows, and takes over
$mls->control('touch', { resource => 'Property', count => 4 });
sync_row($node, 'one', 'status');
$node->wait_for_catchup($standby);
is(differences($node, $mls, 'one'), 0, 'the primary has what is new');
$node->stop('immediate');
$standby->promote;
is(sync_row($standby, 'one', 'status, inserted, updated'), 'finished|0|0', 'once promoted it syncs on, and has it already');
is(differences($standby, $mls, 'one'), 0, 'its copy is true');

$standby->stop;
done_testing();
