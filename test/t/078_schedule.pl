# Scheduling: what is due when, a real pg_cron that runs a sync, a purge and a
# reconcile, what is said where it cannot be used, and pruning.  The extension is
# in a schema with a name that has to be quoted.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
my $mls = start_mls(listings => 200, fields => 'small');
$node->safe_psql('postgres', q{
	DROP EXTENSION mls_fdw;
	CREATE SCHEMA "Mls tools";
	CREATE EXTENSION mls_fdw SCHEMA "Mls tools";
	ALTER DATABASE postgres SET search_path = public, "Mls tools"});
subscribe_property($node, $mls, 'one');

sub health
{
	my ($item) = @_;
	return $node->safe_psql('postgres', "SELECT level || ': ' || message FROM mls_health() WHERE item = '$item'");
}

# When a schedule is due; 21 November 2026 is a Saturday
for my $case (
	[ '*/15 * * * *', '2026-11-21 03:45:00+00' ],
	[ '44 3 * * *', '2026-11-22 03:44:00+00' ],
	[ '45,50 3-4 * * *', '2026-11-21 03:45:00+00' ],
	[ '0 4 * * 0', '2026-11-22 04:00:00+00' ],
	[ '0 4 * * 7', '2026-11-22 04:00:00+00' ],
	[ '0 0 29 2 *', '2028-02-29 00:00:00+00' ],
	[ '0 0 13 * fri', '2026-11-27 00:00:00+00' ],
	[ '7 5-9/2 1 jan-mar *', '2027-01-01 05:07:00+00' ],
	[ '@daily', '2026-11-22 00:00:00+00' ],
	[ '10 seconds', '2026-11-21 03:44:20+00' ],
	[ '0 0 31 2 *', '' ],
	[ '61 * * * *', '' ],
	[ '5/10 * * * *', '' ],
	[ 'now and then', '' ])
{
	is($node->safe_psql('postgres', "SELECT mls.cron_next('$case->[0]', '2026-11-21 03:44:10Z')"),
		$case->[1], "next after '$case->[0]'");
}
is($node->safe_psql('postgres',
		q{SELECT mls.cron_next('0 6 * * *', '2026-11-21 03:44:10Z', 'America/Chicago')}),
	'2026-11-21 12:00:00+00', 'in a time zone');

# Without pg_cron
like(sql_error($node, q{SELECT mls_schedule('one', sync => '* * * * *')}),
	qr/55000.*pg_cron is not loaded.*shared_preload_libraries.*CREATE EXTENSION pg_cron/s,
	'pg_cron is not loaded');
like(sql_error($node, q{SELECT mls_schedule('two', sync => '* * * * *')}), qr/42704.*does not exist/s,
	'no such source');
is($node->safe_psql('postgres', q{SELECT state FROM mls_status}), 'not_synced', 'not synced, not scheduled');

# In another database
my $host = $node->host;
$node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'pg_cron'
cron.database_name = 'elsewhere'
cron.host = '$host'
});
$node->restart;
like(sql_error($node, q{SELECT mls_schedule('one', sync => '* * * * *')}),
	qr/pg_cron lives in database "elsewhere".*cron\.schedule_in_database\('mls one sync', '\* \* \* \* \*', 'SELECT \* FROM "Mls tools"\.mls_sync\(''one'', due => true\)', 'postgres'\)/s,
	'pg_cron is elsewhere, and what to run there');

# Here
$node->append_conf('postgresql.conf', "cron.database_name = 'postgres'\n");
$node->restart;
like(sql_error($node, q{SELECT mls_schedule('one', sync => '* * * * *')}),
	qr/extension pg_cron is not in this database.*CREATE EXTENSION pg_cron/s, 'the extension is missing');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');
is($node->safe_psql('postgres', q{
	SELECT process, schedule, next_run BETWEEN now() AND now() + interval '1 minute'
	FROM mls_schedule('one', sync => '* * * * *')}), 'sync|* * * * *|t', 'scheduled');
is($node->safe_psql('postgres', q{SELECT jobname, command FROM cron.job ORDER BY jobid}),
	qq{mls one sync|SELECT * FROM "Mls tools".mls_sync('one', due => true)\nmls prune|SELECT * FROM "Mls tools".mls_prune()},
	'as jobs named by source and process');
is($node->safe_psql('postgres', q{SELECT state, schedule, next_run > now() FROM mls_status_detail}),
	'pending|* * * * *|t', 'the status knows');

# It runs: pg_cron counts in minutes, so each part takes up to one
sub wait_until
{
	my ($sql) = @_;
	return $node->poll_query_until('postgres', $sql) || $node->poll_query_until('postgres', $sql);
}
ok(wait_until(q{SELECT state = 'synced' FROM mls_status}), 'pg_cron runs a sync');
is($node->safe_psql('postgres', q{SELECT state, rows FROM mls_status}), 'synced|200', 'of all records');
is(differences($node, $mls, 'one'), 0, 'with a true copy');
like(health('schedule'), qr/^ok: 1 process is scheduled/, 'the schedule is kept');

# All three in the same minute: they wait for each other, or leave it to the next time
$mls->control('delete', { resource => 'Property', keys => [ 'LK00000001', 'LK00000002' ] });
$node->safe_psql('postgres', q{
	DELETE FROM bronze.one_property WHERE key = 'LK00000003';
	SELECT mls_schedule('one', purge => '* * * * *', reconcile => '* * * * *')});
is($node->safe_psql('postgres', q{SELECT string_agg(process, ',') FROM mls_schedules
	WHERE source = 'one' AND next_run BETWEEN now() AND now() + interval '1 minute'}), 'sync,purge,reconcile', 'in one view with their next runs');
is($node->safe_psql('postgres', q{SELECT last_run IS NOT NULL, last_status FROM mls_schedules WHERE process = 'sync'}) =~ s/running/finished/r,
	't|finished', 'and what became of the last');
is($node->safe_psql('postgres', q{SELECT string_agg(jobname, ',' ORDER BY jobname) FROM cron.job}),
	'mls one purge,mls one reconcile,mls one sync,mls prune', 'jobs of all processes');
ok(wait_until(q{
	SELECT count(DISTINCT process) = 2 FROM mls_history
	WHERE process IN ('purge', 'reconcile') AND status = 'finished'}), 'pg_cron runs a purge and a reconcile');
is($node->safe_psql('postgres', q{
	SELECT string_agg(DISTINCT process || ' ' || deleted || ' ' || inserted, ',') FROM mls_history
	WHERE process IN ('purge', 'reconcile') AND deleted + inserted > 0}), 'purge 2 0,reconcile 0 1',
	'which do their work');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls_history WHERE status NOT IN ('finished', 'running')}), '0',
	'and harm no other');
$node->safe_psql('postgres', q{SELECT mls_schedule('one', purge => '', reconcile => '')});
ok(wait_until(q{SELECT count(*) = 0 FROM mls_progress}), 'the last of them ends');
is(differences($node, $mls, 'one'), 0, 'a true copy');
is($node->safe_psql('postgres', q{SELECT rows, remote_rows FROM mls_status_detail}), '198|198', 'in the status');

# A source that is renamed takes its jobs along
my $jobs = q{SELECT string_agg(jobname || ': ' || command, ', ' ORDER BY jobname) FROM cron.job WHERE jobname <> 'mls prune'};
$node->safe_psql('postgres', q{ALTER SERVER one RENAME TO uno; SELECT mls.follow_renames()});
is($node->safe_psql('postgres', $jobs), q{mls uno sync: SELECT * FROM "Mls tools".mls_sync('uno', due => true)}, 'jobs of a renamed source have its new name');
$node->safe_psql('postgres', q{ALTER SERVER uno RENAME TO one; SELECT mls.follow_renames()});

# A preset has times for what its subject has; those that are given come first
is($node->safe_psql('postgres', q{SELECT string_agg(process || ' ' || schedule, ', ') FROM mls_schedule('one', preset => 'staging', purge => '')}), 'sync */30 * * * *, reconcile 0 4 * * 0', 'a preset');
like(sql_error($node, q{SELECT mls_schedule('one', preset => 'prd')}), qr/22023: there is no preset "prd"\nHINT:  Presets: dev, prod, staging\./, 'one that is known');
$node->safe_psql('postgres', q{SELECT mls_schedule('one', sync => '* * * * *', reconcile => ''); SELECT mls_test_add('suite', 'keys', 'not_null', 'silver.one_property', '{listing_key}')});
is($node->safe_psql('postgres', q{SELECT string_agg(process || ' ' || schedule, ', ') FROM mls_schedule('suite', preset => 'dev')}), 'test 50 * * * *', 'of a test suite');
is($node->safe_psql('postgres', $jobs), q{mls one sync: SELECT * FROM "Mls tools".mls_sync('one', due => true), mls suite test: SELECT * FROM "Mls tools".mls_test_sync('suite')}, 'as a job');
is($node->safe_psql('postgres', q{SELECT mls_unschedule('suite')}), 1, 'which can be removed');
$node->safe_psql('postgres', q{SELECT mls_test_drop('suite')});

# pg_cron is dead, the server was down, a job was removed behind our back
$node->safe_psql('postgres', q{
	UPDATE mls.schedule SET schedule = '0 4 * * *', scheduled_at = scheduled_at - interval '3 days';
	UPDATE mls.subscription SET subscribed_at = subscribed_at - interval '3 days';
	UPDATE mls.run SET started_at = started_at - interval '2 days', finished_at = finished_at - interval '2 days'});
like(health('schedule'), qr/^warning: .*did not begin before the server was started at .*: sync of one\.Property \(due .*, next /,
	'a run that did not begin before the server was started, for which nobody is blamed');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM mls.due WHERE due_since_start > now() AND due_at < now()}), '1', 'comes later');
$node->safe_psql('postgres', q{UPDATE mls.schedule SET schedule = '* * * * *'});
like($node->safe_psql('postgres', q{SELECT level || message FROM mls_health(grace => '-2 minutes') WHERE item = 'schedule'}),
	qr/^critical.*pg_cron may not be working: sync of one\.Property/, 'a run that did not begin while it was up');
is(health('jobs'), 'ok: no job is missing', 'all jobs are there');
$node->safe_psql('postgres', q{SELECT cron.unschedule('mls one sync')});
like(health('jobs'), qr/^critical: .*mls one sync/, 'one was removed');

# Changed and taken away
is($node->safe_psql('postgres', q{SELECT process, schedule FROM mls_schedule('one', sync => '0 4 * * *')}),
	'sync|0 4 * * *', 'a schedule is replaced');
is($node->safe_psql('postgres', q{SELECT process, schedule FROM mls_schedule('one')}),
	'sync|0 4 * * *', 'NULL leaves it');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls_schedule('one', sync => '')}), '0',
	'an empty text removes it');
like(sql_error($node, q{SELECT mls_schedule('one', sync => 'often')}), qr/"often" is no schedule for pg_cron.*five fields/s, 'the syntax is judged, with words that help');
$node->safe_psql('postgres', q{SELECT mls_schedule('one', sync => '0 4 * * *')});
is($node->safe_psql('postgres', q{SELECT mls_unschedule('one'), (SELECT count(*) FROM cron.job)}), '1|2',
	'unscheduled');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job}), '0', 'and nothing to prune any more');
is($node->safe_psql('postgres', q{SELECT mls_unschedule('one')}), '0', 'twice does no harm');

# What is published, and feeds
my $folder = $PostgreSQL::Test::Utils::tmp_check . '/feeds';
mkdir $folder or die "$folder: $!";
$node->append_conf('postgresql.conf', "mls_fdw.file_directories = '$folder'\n");
$node->reload;
$node->safe_psql('postgres', qq{
	CREATE SERVER shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'postgres', url 'postgresql://127.0.0.1:1/shop', tls 'none');
	CREATE SERVER shelf FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$folder');
	SELECT mls_publish('gold.property', 'shop', 'listing'), mls_feed('homes', 'reso', 'gold.property', 'shelf', 'homes.json')});
for my $case ([ "'one', publish => '* * * * *'", qr/42704.*nothing is published at destination "one"/s ], [ "'home', feed => '* * * * *'", qr/42704.*there is no feed "home".*Perhaps you meant "homes"/s ],
	[ "'shop', sync => '* * * * *'", qr/55000.*source "shop" has no subscription/s ])
{
	like(sql_error($node, "SELECT mls_schedule($case->[0])"), $case->[1], "no schedule of $case->[0]");
}
is($node->safe_psql('postgres', q{SELECT s.process, schedule FROM mls_schedule('shop', publish => '0 4 * * *') s UNION ALL SELECT f.process, schedule FROM mls_schedule('homes', feed => '0 5 * * *') f}),
	"publish|0 4 * * *\nfeed|0 5 * * *", 'destinations and feeds are scheduled');
is($node->safe_psql('postgres', q{SELECT command FROM cron.job WHERE jobname <> 'mls prune' ORDER BY jobname}),
	qq{SELECT * FROM "Mls tools".mls_feed_sync('homes')\nSELECT * FROM "Mls tools".mls_publish_sync('shop', due => true)}, 'as jobs');
is($node->safe_psql('postgres', q{SELECT written FROM mls_feed_sync('homes'); SELECT source, process, last_status FROM mls_schedules}), "198\nhomes|feed|finished\nshop|publish|", 'with what became of the last run');
like(health('schedule'), qr/^ok: 2 processes are scheduled/, 'the schedule is kept');
$node->safe_psql('postgres', q{UPDATE mls.schedule SET schedule = '* * * * *', scheduled_at = scheduled_at - interval '3 days'; UPDATE mls.run SET started_at = started_at - interval '2 days', finished_at = finished_at - interval '2 days'});
like($node->safe_psql('postgres', q{SELECT message FROM mls_health(grace => '-2 minutes') WHERE item = 'schedule'}), qr/feed of homes \(due .*publish of shop \(due /, 'a run that did not begin is missed');
like($node->safe_psql('postgres', q{UPDATE mls.schedule SET schedule = '0 5 * * *'; UPDATE mls.feed SET checked_at = now() - interval '3 days'; SELECT level || ': ' || message FROM mls_health() WHERE item = 'feeds'}),
	qr/^warning: nobody has looked for 1 day whether it is up to date: homes/, 'a feed grows old');
is($node->safe_psql('postgres', q{UPDATE mls.feed SET checked_at = now(); SELECT level || ': ' || message FROM mls_health() WHERE item = 'feeds'}), 'ok: 1 feed is written', 'until somebody looks');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls_metrics() m WHERE m IN ('mls_feed_listings{feed="homes"} 198', 'mls_publication_in_step{destination="shop",name="listing"} 0', 'mls_publication_refused{destination="shop",name="listing"} 0')}), '3', 'both are counted');
$node->safe_psql('postgres', q{SET client_min_messages = error; SELECT mls_unpublish('shop', 'listing'), mls_unfeed('homes')});
like(health('orphans'), qr/^warning: scheduled, but not subscribed, published, written, filled or tested: homes, shop;/, 'what is gone is still scheduled');
is($node->safe_psql('postgres', q{SELECT mls_unschedule('shop'), mls_unschedule('homes')}), '1|1', 'and can be taken away');

# A role of its own
$node->safe_psql('postgres', q{CREATE ROLE nobody LOGIN});
$node->safe_psql('postgres', q{GRANT USAGE ON SCHEMA "Mls tools" TO nobody});
my $call = q{SELECT process, schedule FROM mls_schedule('one', sync => '5 * * * *')};
my ($status, $out, $err) = $node->psql('postgres', $call, extra_params => [ '-U', 'nobody' ]);
like($err, qr/permission denied/, 'nobody may schedule without being let');
$node->safe_psql('postgres', q{SELECT mls_grant('nobody')});
($status, $out, $err) = $node->psql('postgres', $call, extra_params => [ '-U', 'nobody' ]);
like($err, qr/source "one" has no subscription/, 'nor what it has not subscribed');
($status, $out, $err) = $node->psql('postgres', q{SELECT mls.require_cron('{}')}, extra_params => [ '-U', 'nobody' ]);
like($err, qr/GRANT USAGE ON SCHEMA cron TO nobody/, 'nor without being let into the schema of pg_cron');
$node->safe_psql('postgres', q{GRANT postgres TO nobody; GRANT USAGE ON SCHEMA cron TO nobody});
($status, $out, $err) = $node->psql('postgres', $call, extra_params => [ '-U', 'nobody' ]);
is("$out$err", 'sync|5 * * * *', 'then it may');
is($node->safe_psql('postgres', q{SELECT username, jobname FROM cron.job ORDER BY jobname}),
	"nobody|mls one sync\nnobody|mls prune", 'jobs of its own');
is($node->safe_psql('postgres', q{SELECT schedule FROM mls_status_detail}), '5 * * * *', 'which everybody who watches sees');
is($node->safe_psql('postgres', q{ALTER SERVER one RENAME TO uno; SELECT count(*) > 0 FROM mls_schedule('uno'); SELECT source, schedule FROM mls_schedules; SELECT jobname, command FROM cron.job WHERE jobname <> 'mls prune'}),
	qq{t\nuno|5 * * * *\nmls uno sync|SELECT * FROM "Mls tools".mls_sync('uno', due => true)}, 'a source that is renamed keeps its schedule');
$node->safe_psql('postgres', q{ALTER SERVER uno RENAME TO one; SELECT * FROM mls_schedule('one')});
$node->safe_psql('postgres', q{SELECT mls_unsubscribe('one.property')});
like(health('orphans'), qr/^warning: .*: one;/, 'a schedule without a subscription is noticed');
$node->safe_psql('postgres', q{SELECT mls_subscribe('one.property')});
is($node->safe_psql('postgres', q{SELECT mls_unschedule('one'), (SELECT count(*) FROM mls.schedule)}), '1|1',
	'a superuser takes it away');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls.schedule}), '0', 'with what was noted');

# Pruning
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('one')}) for 1 .. 2;
$node->safe_psql('postgres', q{
	UPDATE mls.run SET started_at = started_at - interval '100 days';
	UPDATE cron.job_run_details SET start_time = start_time - interval '100 days', end_time = end_time - interval '100 days';
	INSERT INTO cron.job_run_details (jobid, runid, database, username, command, status, start_time)
	VALUES (1, 1000000, 'postgres', 'postgres', 'SELECT 1', 'failed', now() - interval '100 days')});
is($node->safe_psql('postgres', q{SET mls_fdw.run_retention = '0'; SELECT removed FROM mls_prune() WHERE what = 'runs'}),
	'0', '0 keeps for ever');
$node->safe_psql('postgres', q{SELECT * FROM mls_prune()});
is($node->safe_psql('postgres', q{SELECT string_agg(command, ',') FROM cron.job_run_details}), 'SELECT 1',
	'details of jobs go, those of others stay');
is($node->safe_psql('postgres', q{SELECT count(*), bool_and(status = 'finished') FROM mls.run}), '1|t',
	'the last run that succeeded stays');

$node->stop;
done_testing();
