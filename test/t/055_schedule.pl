# Scheduling: what is due when, a real pg_cron that runs a sync, what is said
# where it cannot be used, and pruning.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
my $mls = start_mls(listings => 200, fields => 'small');
subscribe_property($node, $mls, 'one');

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
	qr/pg_cron lives in database "elsewhere".*cron\.schedule_in_database\('mls one sync', '\* \* \* \* \*', 'SELECT \* FROM public\.mls_sync\(''one'', due => true\)', 'postgres'\)/s,
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
	"mls one sync|SELECT * FROM public.mls_sync('one', due => true)\nmls prune|SELECT * FROM public.mls_prune()",
	'as jobs named by source and process');
is($node->safe_psql('postgres', q{SELECT state, schedule, next_run > now() FROM mls_status}),
	'pending|* * * * *|t', 'the status knows');

# It runs: pg_cron counts in minutes, so this takes up to one
$node->poll_query_until('postgres', q{SELECT state = 'synced' FROM mls_status})
  or $node->poll_query_until('postgres', q{SELECT state = 'synced' FROM mls_status});
is($node->safe_psql('postgres', q{SELECT state, rows FROM mls_status}), 'synced|200', 'pg_cron has synced it');
is(differences($node, $mls, 'one'), 0, 'with a true copy');

# Changed and taken away
is($node->safe_psql('postgres', q{SELECT process, schedule FROM mls_schedule('one', sync => '0 4 * * *')}),
	'sync|0 4 * * *', 'a schedule is replaced');
is($node->safe_psql('postgres', q{SELECT process, schedule FROM mls_schedule('one')}),
	'sync|0 4 * * *', 'NULL leaves it');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls_schedule('one', sync => '')}), '0',
	'an empty text removes it');
like(sql_error($node, q{SELECT mls_schedule('one', sync => 'often')}), qr/invalid schedule/, 'pg_cron judges the syntax');
$node->safe_psql('postgres', q{SELECT mls_schedule('one', sync => '0 4 * * *')});
is($node->safe_psql('postgres', q{SELECT mls_unschedule('one'), (SELECT count(*) FROM cron.job)}), '1|2',
	'unscheduled');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job}), '0', 'and nothing to prune any more');
is($node->safe_psql('postgres', q{SELECT mls_unschedule('one')}), '0', 'twice does no harm');

# A role of its own
$node->safe_psql('postgres', q{CREATE ROLE nobody LOGIN});
my ($status, $out, $err) = $node->psql('postgres', q{SELECT mls_schedule('one')}, extra_params => [ '-U', 'nobody' ]);
like($err, qr/permission denied/, 'nobody may schedule without being let');

# Pruning
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('one')}) for 1 .. 2;
$node->safe_psql('postgres', q{
	UPDATE mls.run SET started_at = started_at - interval '100 days';
	UPDATE cron.job_run_details SET end_time = end_time - interval '100 days'});
is($node->safe_psql('postgres', q{SET mls_fdw.run_retention = '0'; SELECT removed FROM mls_prune() WHERE what = 'runs'}),
	'0', '0 keeps for ever');
$node->safe_psql('postgres', q{SELECT * FROM mls_prune()});
is($node->safe_psql('postgres', q{SELECT count(*), bool_and(status = 'finished') FROM mls.run}), '1|t',
	'the last run that succeeded stays');

$node->stop;
done_testing();
