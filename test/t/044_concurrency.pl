# Two at once, cancelled, out of workers, inside a transaction, and with the
# database dropped beneath.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_node();
my $mls = start_mls(listings => 400, fields => 'small');
subscribe_property($node, $mls, 'one', page_size => 100);

sub hold
{
	$mls->fault(kind => 'stall', resource => 'Property', skip => 2, times => 1);
	return;
}

# A second run of the same subscription says so and ends
hold();
my $sync = start_psql($node, q{SELECT status, received FROM mls_sync('one')});
my $pid = worker_pid($node, 2);
is($node->safe_psql('postgres', q{SELECT state FROM mls_status}), 'syncing', 'the status shows a running sync');
like($node->safe_psql('postgres', "SELECT query FROM pg_stat_activity WHERE pid = $pid"),
	qr/^mls sync one Property: page 2, 200 records$/, 'and so does pg_stat_activity');
is($node->safe_psql('postgres', qq{
	SELECT application_name, backend_type, backend_xmin IS NULL, xact_start IS NULL
	FROM pg_stat_activity WHERE pid = $pid}), 'mls_fdw sync|mls_fdw sync|t|t',
	'while it waits for the network it holds no transaction');
like(sql_error($node, q{SELECT * FROM mls_sync('one')}), qr/55006.*being synced by another process/s,
	'a second run is refused');
like(sql_error($node, q{SELECT mls_unsubscribe('one.property')}), qr/55006/,
	'and so is unsubscribing');
like(sql_error($node, q{SELECT mls_rebuild('one.property')}), qr/55006/, 'and rebuilding');
$mls->reset;
is(end_psql($sync), "finished|400\n", 'the first is not disturbed');
is(differences($node, $mls, 'one'), 0, 'and leaves a true copy');

# Cancel and timeout of the caller end the worker
for my $how (qw(cancel timeout))
{
	$node->safe_psql('postgres', q{UPDATE mls.subscription SET cursor_timestamp = NULL});
	hold();
	my $limit = $how eq 'timeout' ? q{SET statement_timeout = '3s';} : '';
	$sync = start_psql($node, qq{$limit SELECT * FROM mls_sync('one')});
	$pid = worker_pid($node, 2);
	$node->safe_psql('postgres', q{
		SELECT pg_cancel_backend(pid) FROM pg_stat_activity
		WHERE query LIKE '%mls_sync(%' AND backend_type = 'client backend' AND pid <> pg_backend_pid()})
	  if $how eq 'cancel';
	like(end_psql($sync), qr/57014/, "$how of the caller is its error");
	ok($node->poll_query_until('postgres',
		"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)"), "$how ends the worker");
	is(last_run($node, 'one', 'status, pages'), 'cancelled|2', "$how is in the history");
	$mls->reset;
	is(sync_row($node, 'one', 'status, received'), 'finished|200', "after $how the next run goes on");
}

# Not yet committed
like(sql_error($node, q{
	BEGIN;
	SELECT mls_unsubscribe('one.property');
	SELECT mls_subscribe('one.property');
	SELECT * FROM mls_sync('one')}), qr/55000.*not visible.*Commit the transaction/s,
	'a subscription that is not committed yet');
my $started = time;
like(sql_error($node, q{BEGIN; LOCK TABLE silver.one_property; UPDATE mls.subscription SET cursor_timestamp = NULL;
	SELECT * FROM mls_sync('one')}), qr/55P03.*lock that this transaction holds/s,
	'a lock of the caller that its worker would wait for');
cmp_ok(time - $started, '<', 30, 'is noticed');

# Two sources at once, each waiting for the other's end of the stall
subscribe_property($node, $mls, 'two', page_size => 100);
$node->poll_query_until('postgres', q{
	SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'mls_fdw sync')});
$node->safe_psql('postgres', q{UPDATE mls.subscription SET cursor_timestamp = NULL});
$mls->fault(kind => 'stall', resource => 'Property', times => 2);
$sync = start_psql($node, q{SELECT source, status FROM mls_sync() ORDER BY 1});
ok($node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM mls_progress WHERE waiting_for = 'source'}),
	'each source has its worker');
$mls->reset;
is(end_psql($sync), "one|finished\ntwo|finished\n", 'and both come to an end');
$mls->fault(kind => 'stall', resource => 'Property', times => 1);
$sync = start_psql($node, q{SET mls_fdw.max_sync_workers = 1; SELECT source, status FROM mls_sync() ORDER BY 1});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls_progress WHERE waiting_for = 'source'});
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'mls_fdw sync'}), '1',
	'with one worker allowed they go one after another');
$mls->reset;
is(end_psql($sync), "one|finished\ntwo|finished\n", 'to the same end');

# DROP DATABASE
$node->safe_psql('postgres', 'CREATE DATABASE other TEMPLATE template0');
$node->safe_psql('other', 'CREATE EXTENSION mls_fdw');
my $url = $mls->url;
$node->safe_psql('other', qq{
	CREATE SERVER s FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', page_size '100');
	CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (token 'static-token-value');
	CREATE FOREIGN TABLE p (key text OPTIONS (field 'ListingKey'), at timestamptz OPTIONS (field 'ModificationTimestamp'))
	SERVER s OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp');
	SELECT mls_subscribe('p')});
hold();
my $other = { out => '', err => '' };
$other->{handle} = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('other'), '-c', 'SELECT * FROM mls_sync()' ],
	'<', \undef, '>', \$other->{out}, '2>', \$other->{err}, IPC::Run::timeout(60));
$node->poll_query_until('other', q{SELECT count(*) = 1 FROM mls.run WHERE pages = 2});
$started = time;
$node->safe_psql('postgres', 'DROP DATABASE other WITH (FORCE)');
cmp_ok(time - $started, '<', 4, 'DROP DATABASE WITH (FORCE) does not wait for a sync');
end_psql($other);
$mls->reset;

# No worker to be had
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
like(sql_error($node, q{SELECT * FROM mls_sync('one')}), qr/53000.*max_worker_processes/s,
	'without a free worker slot the hint names the setting');

$node->stop;
done_testing();
