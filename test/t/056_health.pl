# What monitors see: each check of mls_health flips, the status, progress,
# notifications, numbers, and one record through all layers.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 400, fields => 'small');

sub level
{
	my ($item, $arguments) = @_;
	return $node->safe_psql('postgres',
		"SELECT level || ': ' || message FROM mls_health(" . ($arguments || '') . ") WHERE item = '$item'");
}

sub all_well
{
	my ($when) = @_;
	is($node->safe_psql('postgres', q{SELECT item, message FROM mls_health() WHERE level <> 'ok'}), '', $when);
	return;
}

like(level('subscriptions'), qr/^warning: nothing/, 'nothing is replicated');
subscribe_property($node, $mls, 'one', page_size => 100, requests_per_hour => 40);
all_well('all is well after subscribing');
sync_row($node, 'one', 'status');
all_well('and after a sync');
is($node->safe_psql('postgres', q{
	SELECT state, rows, remote_rows, bronze_rows, quota_used BETWEEN 0.01 AND 0.5, last_error IS NULL FROM mls_status_detail}),
	'synced|400|400|400|t|t', 'the status');
is($node->safe_psql('postgres', q{SELECT string_agg("window", ',') FROM mls_quota('one') WHERE used > 0 AND share = used / allowed}),
	'hour', 'the quota');

# The licence's clock
like(level('refresh'), qr/^ok: no source has the option/, 'no licence asks for anything');
$node->safe_psql('postgres', q{ALTER SERVER one OPTIONS (ADD refresh_within '12h')});
like(level('refresh'), qr/^ok: every source was asked/, 'asked as often as a licence wants');
is($node->safe_psql('postgres', q{SELECT refresh_by - last_success FROM mls_status_detail}), '12:00:00', 'the next time has an end');
for ([ '10 hours', qr/^warning: .* is nearly over: one\.Property [(]until / ], [ '12 hours 1 minute', qr/^critical: .*one\.Property [(]12:01:00 ago[)]/ ])
{
	my ($age, $told) = @$_;
	like($node->safe_psql('postgres', qq{
		BEGIN; UPDATE mls.run SET finished_at = finished_at - interval '$age';
		SELECT level || ': ' || message FROM mls_health() WHERE item = 'refresh'; ROLLBACK}), $told, "after $age");
}
like(sql_error($node, q{ALTER SERVER one OPTIONS (SET refresh_within '10')}), qr/must be from 60 to/, 'less than a minute is a slip');
$node->safe_psql('postgres', q{ALTER SERVER one OPTIONS (DROP refresh_within)});

# Each check
like(level('runs', "max_age => '0'"), qr/^critical: .*one\.Property/, 'no run for too long');
like(level('lag', "max_lag => '0'"), qr/^warning: .*one\.Property/, 'no success for too long');
like(level('quota', 'max_quota => 0.001'), qr/^warning: source one has spent/, 'the quota');
my $times = 0;
for (1 .. 3)
{
	$mls->fault(kind => 'status', status => 403, resource => 'Property', times => 1);
	$node->psql('postgres', q{SELECT * FROM mls_sync('one')});
	like(level('failures'), ++$times < 3 ? qr/^warning: one\.Property sync failed $times/ : qr/^critical: /,
		"failed $times times");
}
is($node->safe_psql('postgres', q{SELECT state, last_error ~ '^could not .*: .*403', cause ~ '403', error ~ '403' FROM mls_status_detail JOIN mls_status USING (source, state)}),
	'failed|t|t|t', 'the status too, with the cause');
my ($table) = run_command([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', 'SELECT * FROM mls_status' ]);
cmp_ok((sort { $b <=> $a } map { length } split /\n/, $table)[0], '<=', 120, 'which fits into 120 columns') or diag($table);
sync_row($node, 'one', 'status');
all_well('a success ends it');
$node->safe_psql('postgres', q{
	INSERT INTO mls.issue (subscription, kind, key, reason) SELECT id, 'conflict', 'k', 'gold has this key from source "two"' FROM mls.subscription});
like(level('issues', 'max_issues => 0'), qr/^warning: 1 /, 'issues');
like(level('conflicts'), qr/^warning: 1 record has/, 'conflicts');
$node->safe_psql('postgres', q{UPDATE mls.issue SET solved_at = now()});
like(level('issues', 'max_issues => 0'), qr/^ok: 0 /, 'issues that are solved are none');
like(level('conflicts'), qr/^ok: /, 'nor are conflicts');
$node->safe_psql('postgres', q{
	DELETE FROM mls.issue;
	INSERT INTO mls.run (subscription, process, pid) SELECT id, 'sync', 1 FROM mls.subscription});
like(level('stuck'), qr/^warning: run \d+ of one\.Property has no process/, 'a stuck run');
sync_row($node, 'one', 'status');
is($node->safe_psql('postgres', q{SELECT level FROM mls_health() WHERE item = 'stuck'}), 'ok',
	'the next run puts it right');

# A run that ends while somebody looks is not stuck, whatever was seen of it before.
$mls->control('touch', { resource => 'Property', count => 1 });
$mls->fault(kind => 'stall', resource => 'Property', times => 1);
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(7)');
my $run = start_psql($node, q{SELECT status FROM mls_sync('one')});
worker_pid($node, 0);
my $look = start_psql($node, q{
	SELECT (SELECT string_agg(status, ',') FROM mls.run WHERE status = 'running'), h.level, h.message
	  FROM (SELECT pg_advisory_lock(7)::text AS passed OFFSET 0) g,
	       LATERAL mls_health(max_failures => CASE WHEN g.passed IS NULL THEN 4 ELSE 3 END) h WHERE h.item = 'stuck'});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%mls_health(max_failures%' AND pid <> pg_backend_pid()})
  or die 'nobody looks';
$mls->reset;
like(end_psql($run), qr/finished/, 'a run ends');
$gate->query_safe('SELECT pg_advisory_unlock(7)');
is(end_psql($look), "running|ok|no run is stuck\n", 'which was at work when somebody began to look, and is not stuck');
$gate->quit;
$node->safe_psql('postgres', q{CREATE TABLE bronze.old (LIKE bronze.one_property)});
like(level('leftovers'), qr/^warning: .*bronze\.old/, 'leftovers');
$node->safe_psql('postgres', q{DROP TABLE bronze.old});

# At work, and who listens
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN mls');
$mls->control('touch', { resource => 'Property', count => 400 });
$mls->fault(kind => 'stall', resource => 'Property', skip => 2, times => 1);
my $sync = start_psql($node, q{SELECT status FROM mls_sync('one')});
worker_pid($node, 2);
is($node->safe_psql('postgres', q{
	SELECT source, process, pages, received, records_per_second > 0, phase <> '' FROM mls_progress}),
	'one|sync|2|200|t|t', 'progress');
is($node->safe_psql('postgres', q{SELECT state FROM mls_status}), 'syncing', 'syncing');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM mls_progress});
end_psql($sync);
$mls->reset;
sync_row($node, 'one', 'status');
my $heard = $listener->query_safe('SELECT 1');
like($heard, qr/"event" : "started".*"event" : "failed".*"event" : "started".*"event" : "recovered"/s,
	'started, failed, started, recovered');
unlike($heard, qr/static-token-value/, 'without a secret');
$listener->quit;

# Numbers
my $metrics = $node->safe_psql('postgres', q{SELECT mls_metrics()});
like($metrics, qr/^# HELP mls_rows .*\n# TYPE mls_rows gauge\nmls_rows\{source="one",resource="Property"\} 400$/m,
	'a gauge');
like($metrics, qr/^mls_runs_failed_total\{source="one",resource="Property",process="sync"\} 5$/m, 'a counter');
is(scalar(grep { !/^(# (HELP|TYPE) mls_\w+ .+|mls_\w+\{(\w+="[^"]*",?)+\} -?[\d.e+]+)$/ } split /\n/, $metrics), 0,
	'every line is one Prometheus reads');

# One record
$node->safe_psql('postgres', q{UPDATE silver.one_property SET city = 'Wrong' WHERE listing_key = 'LK00000007'});
is($node->safe_psql('postgres', q{
	SELECT string_agg(field, ',') FILTER (WHERE differs), bool_and(bronze = remote) FILTER (WHERE field = 'City'),
	       bool_and(gold = remote AND silver = 'Wrong') FILTER (WHERE field = 'City')
	FROM mls_compare('one', 'Property', 'LK00000007')}), 'City|t|t', 'one record, field by field');
like(sql_error($node, q{SELECT * FROM mls_compare('one', 'Property', 'none')}), qr/P0002.*has the key "none"/s,
	'a key that nobody has');

# A key of several fields, with what separates them in it
create_property($node, $mls, 'two', key_prefix => 'T:');
$mls->control('update', { resource => 'Property', count => 1, fields => { ListingId => 'A|B\C' } });
$node->safe_psql('postgres', q{
	ALTER FOREIGN TABLE two.property OPTIONS (SET key 'ListingKey,ListingId');
	SELECT mls_subscribe('two.property')});
sync_row($node, 'two', 'status');
is($node->safe_psql('postgres', q{
	SELECT count(*) > 5, count(*) FILTER (WHERE differs), max(silver) FILTER (WHERE field = 'ListingId'),
	       max(bronze) FILTER (WHERE field = 'ListingId')
	FROM mls_compare('two', 'Property', (SELECT key FROM bronze.two_property WHERE key LIKE '%A%B%C'))}),
	't|0|A|B\C|A|B\C', 'a record by a key of several fields');
$node->safe_psql('postgres', q{SELECT mls_unsubscribe('two.property', drop_data => true)});

# Who may see it
$node->safe_psql('postgres', q{CREATE ROLE watcher LOGIN IN ROLE pg_monitor; CREATE ROLE nobody LOGIN});
for my $sql ('SELECT count(*) FROM mls_status', 'SELECT count(*) FROM mls_progress',
	'SELECT count(*) FROM mls_health()', 'SELECT count(*) FROM mls_metrics()')
{
	my ($status, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', 'watcher' ]);
	is("$status$err", '0', "a monitor: $sql");
	($status, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', 'nobody' ]);
	like($err, qr/permission denied/, "nobody: $sql");
}

$node->safe_psql('postgres', q{DROP FOREIGN TABLE one.property});
like(level('tables'), qr/^critical: .*one\.Property/, 'a table was dropped');

$node->stop;
done_testing();
