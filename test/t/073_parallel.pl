# A load that several processes share: it ends as a serial one does, whatever is
# killed meanwhile, and reads nothing twice.
use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', restart_after_crash => 'on', max_worker_processes => 12);
my $mls = start_mls(listings => 2000, fields => 'small');

sub ranges
{
	my ($name, $columns) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT $columns FROM mls.range r JOIN mls.subscription s ON s.id = r.subscription WHERE s.source = '$name'});
}

# Requests for pages, without those that only count and look for the ends.
sub pages
{
	return grep { $_->{query} =~ /top=50\b/ } $mls->requests;
}

# All answers but so many are held back.
sub hold_after
{
	my ($pages) = @_;
	$mls->reset;
	$mls->fault(kind => 'stall', match => 'top=50(&|$)', skip => $pages, times => -1);
	return;
}

# A load has begun and nothing moves: the source holds back what is asked for now.
sub begin_load
{
	my ($name, $pages, %options) = @_;
	subscribe_property($node, $mls, $name, page_size => 50, workers => 2, prefer => 'false', %options,
		key_prefix => "$name-");
	hold_after($pages);
	my $sync = start_psql($node, "SELECT status FROM mls_sync('$name')");
	$node->poll_query_until('postgres', qq{
		SELECT coalesce(sum(r.received), 0) >= 50 * $pages
		  FROM mls.range r JOIN mls.subscription s ON s.id = r.subscription WHERE s.source = '$name'})
	  or die 'the load did not get that far';
	return $sync;
}

sub pid_of
{
	my ($type) = @_;
	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = '$type'");
}

# The next run reads what is missing, and no page that was committed.
sub check_continuation
{
	my ($name, $what) = @_;
	my $received = ranges($name, 'sum(received)');
	cmp_ok($received, '>=', 500, "$what: what was read is kept");
	is(subscription($node, $name, 'cursor_timestamp IS NULL'), 't', "$what: the cursor waits for all ranges");
	$mls->reset;
	my $missing = 2000 - $received;
	is(sync_row($node, $name, 'status, received, inserted, updated'), "finished|$missing|$missing|0",
		"$what: the next run reads the rest");
	cmp_ok(scalar(pages()), '<=', $missing / 50 + 6, "$what: in as many pages as that takes");
	is(differences($node, $mls, $name), 0, "$what: the copy is true");
	is(ranges($name, 'count(*)'), 0, "$what: the ranges are gone");
	is(subscription($node, $name, 'cursor_timestamp IS NOT NULL'), 't', "$what: and there is a cursor");
	return;
}

# ---- It ends as a serial load ----

subscribe_property($node, $mls, 'serial', page_size => 50, key_prefix => 's-', overlap => '0');
sync_row($node, 'serial', 'status');
for my $workers (2, 4)
{
	my $name = "shared$workers";
	subscribe_property($node, $mls, $name, page_size => 50, workers => $workers, prefer => 'false',
		key_prefix => "$workers-", overlap => '0');
	$mls->reset;
	like(sync_row($node, $name, 'status, received, inserted, unchanged, message'),
		qr/^finished\|2000\|2000\|0\|.*shared by $workers processes/, "$workers processes load it");
	is(differences($node, $mls, $name), 0, 'to a true copy');
	is(subscription($node, $name, 'cursor_timestamp, cursor_key, local_rows, remote_rows'),
		subscription($node, 'serial', 'cursor_timestamp, cursor_key, local_rows, remote_rows'),
		'cursor and counts are those of a serial load');
	is(last_run($node, $name, 'status, received, requests'),
		'finished|2000|' . scalar($mls->requests), 'the run counts what all have asked for');
	cmp_ok(scalar($mls->requests) - pages(), '<=', 4 + 8 * $workers, 'dividing costs few requests');
	my @connections = do { my %seen; grep { !$seen{$_}++ } map { $_->{connection} } pages() };
	cmp_ok(scalar(@connections), '>=', $workers, 'each reads over a connection of its own');
	$mls->reset;
	is(sync_row($node, $name, 'status, updated'), 'finished|0', 'the next run is an ordinary one');
	cmp_ok(scalar($mls->requests), '<=', 2, 'of a request or two');
}

# ---- What is not worth it, or cannot be done, is read by one process ----

subscribe_property($node, $mls, 'small', page_size => 1000, workers => 4, key_prefix => 'x-');
is(sync_row($node, 'small', q{status, inserted, message LIKE '%shared%'}), 'finished|2000|', 'few pages are not shared');
subscribe_property($node, $mls, 'links', page_size => 50, workers => 4, ordering => 'none', key_prefix => 'l-');
is(sync_row($node, 'links', q{status, inserted, message LIKE '%shared%'}), 'finished|2000|', 'nor is what has no order');
subscribe_property($node, $mls, 'one', page_size => 50, workers => 4, key_prefix => 'o-');
is($node->safe_psql('postgres', q{SET mls_fdw.max_sync_workers = 1;
	SELECT status, inserted, message LIKE '%shared%' FROM mls_sync('one')}), 'finished|2000|', 'nor where the setting allows one process');

# ---- Whatever ends ----

my $sync = begin_load('helper', 12);
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . pid_of('mls_fdw sync helper') . ')');
$node->poll_query_until('postgres', q{
	SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'mls_fdw sync helper')})
  or die 'the helper does not end';
$mls->control('clear');    # the leader notices after the page it waits for
like(end_psql($sync), qr/57P01: terminating background worker/, 'the caller hears that a helper was terminated');
is(pid_of('mls_fdw sync helper'), '', 'nobody is left at work');
check_continuation('helper', 'helper terminated');

$sync = begin_load('leader', 12);
my $helper = pid_of('mls_fdw sync helper');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . pid_of('mls_fdw sync') . ')');
like(end_psql($sync), qr/57P01: terminating background worker/, 'the caller hears that the leader was terminated');
$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $helper)")
  or die 'the helper outlives its leader';
check_continuation('leader', 'leader terminated');

$sync = begin_load('killed', 12);
kill 'KILL', pid_of('mls_fdw sync helper');
end_psql($sync);
$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
check_continuation('killed', 'helper killed');

$sync = begin_load('stopped', 12);
$node->stop('immediate');
end_psql($sync);
$node->start;
check_continuation('stopped', 'server stopped');

# An error of the source is the run's, with its kind
subscribe_property($node, $mls, 'refused', page_size => 50, workers => 2, prefer => 'false', key_prefix => 'r-');
$mls->reset;
$mls->fault(kind => 'status', status => 500, match => 'top=50(&|$)', skip => 12, times => -1);
sql_error($node, q{SELECT * FROM mls_sync('refused')});
is(last_run($node, 'refused', 'status, error_class'), 'failed|network', 'a failure has its kind, whoever met it');
check_continuation('refused', 'source failed');

# Another run keeps away, also from what a dead leader's helpers still do
$sync = begin_load('busy', 12);
like(sql_error($node, q{SELECT * FROM mls_sync('busy')}), qr/55006.*being synced by another process/s, 'one run at a time');
$helper = pid_of('mls_fdw sync helper');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $helper AND locktype = 'advisory' AND objsubid = 19790"),
	1, 'a helper holds the lock of helpers');
is($node->safe_psql('postgres', q{SELECT state FROM mls_status WHERE source = 'busy'}), 'syncing', 'and the status says so');

# ---- Changes while loading ----

# The source holds two requests; meanwhile records of all ranges change, come and go.
$mls->control('update', { resource => 'Property', count => 300, fields => { City => 'Moved' } });
$mls->control('insert', { resource => 'Property', count => 40 });
$mls->control('clear');
is(end_psql($sync), "finished\n", 'a load meets changes');
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('busy')});
is(differences($node, $mls, 'busy'), 0, 'the run after it has them all');
is(sync_row($node, 'busy', 'updated, inserted'), '0|0', 'and nothing is left');

# A full reading of what is here is shared as well, and resets when begun anew
$mls->reset;
like(sync_row($node, 'busy', 'status'), qr/finished/, 'before it');
like($node->safe_psql('postgres', q{SELECT status, received, unchanged, message FROM mls_sync('busy', full => true)}),
	qr/^finished\|2040\|2040\|.*shared by 2 processes/, 'everything is read again by two');

# Records without timestamp have a range of their own
$mls->control('set', { resource => 'Property', count => 7, fields => { ModificationTimestamp => undef } });
subscribe_property($node, $mls, 'untimed', page_size => 50, workers => 2, prefer => 'false', key_prefix => 'u-');
$mls->reset;
like(sync_row($node, 'untimed', 'status, inserted, message'), qr/^finished\|2040\|.*shared by 2 processes/,
	'records without timestamp are loaded');
is(differences($node, $mls, 'untimed'), 0, 'all of them');
is(scalar(grep { $_->{query} =~ /eq(%20|\+)null/ } $mls->requests), 2, 'in a range of their own');

# ---- Nobody says how many ----

# A large resource is shared by as many processes as there are cores: the page that has told of its size is read again.
{
	my $cores = qx(getconf _NPROCESSORS_ONLN) + 0;
	my $large = start_mls(listings => 20500, fields => 'small');
	subscribe_property($node, $large, 'large', prefer => 'false', key_prefix => 'large-');
	$large->reset;
	my $shared = $cores > 1 ? qr/shared by 2 processes/ : qr/^finished\|20500\|20500\|$/;
	like(sync_row($node, 'large', 'status, received, inserted, message'), qr/^finished\|20500\|20500\|/, 'a large resource is loaded');
	like(last_run($node, 'large', q{status, received, inserted, note}), $shared, 'by as many processes as there are cores');
	is(last_run($node, 'large', 'requests'), scalar($large->requests), 'all that was asked for counts');
	is(differences($node, $large, 'large'), 0, 'and is as it is there');
	$node->safe_psql('postgres', q{ALTER SERVER large OPTIONS (ADD workers '1')});
	$node->safe_psql('postgres', q{SELECT * FROM mls_sync('large', full => true)});
	unlike(last_run($node, 'large', 'status, note'), qr/shared/, 'by one where the server says so');

	# Who did not ask for it is not failed by what only dividing asks for.
	$node->safe_psql('postgres', q{ALTER SERVER large OPTIONS (SET workers '0')});
	for my $refused ([ 'desc', 'an order' ], [ 'eq(%20|\+)null', 'a condition' ])
	{
		next if $cores < 2;
		$large->control('clear');
		$large->fault(kind => 'status', status => 400, match => $refused->[0], times => -1);
		$node->safe_psql('postgres', q{SELECT * FROM mls_sync('large', full => true)});
		like(last_run($node, 'large', 'status, received, note'), qr/^finished\|20500\|.*could not be shared: /, "nor is a load failed by $refused->[1] that is refused");
	}
	$large->control('clear');
	$large->stop;
}

# ---- The quota is one ----

subscribe_property($node, $mls, 'quota', page_size => 50, workers => 4, prefer => 'false', key_prefix => 'q-',
	requests_per_second => 10);
$mls->reset;
is(sync_row($node, 'quota', 'status, inserted'), 'finished|2040', 'a load within a quota');
my @times = sort { $a <=> $b } map { $_->{time} } $mls->requests;
is(scalar(grep { $times[ $_ + 10 ] - $times[$_] < 1 } 0 .. $#times - 10), 0, 'never asks more often than that');

$node->stop;
done_testing();
