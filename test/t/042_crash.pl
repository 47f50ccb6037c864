# Whatever is killed, and whenever: nothing is lost, nothing is done twice.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', restart_after_crash => 'on');
my $mls = start_mls(listings => 1000, fields => 'small');

# The answer to the fourth request is held back, so that the worker can be met after page three.
sub hold_fourth_page
{
	my ($skip) = @_;
	$mls->reset;
	$mls->fault(kind => 'stall', resource => 'Property', skip => $skip // 3, times => 1);
	return;
}

# A process that lost its postmaster ends by itself; before, no server can be started.
sub wait_for_end
{
	my ($process) = @_;
	for (1 .. 600)
	{
		return if !kill 0, $process;
		select undef, undef, undef, 0.1;
	}
	die "process $process goes on";
}

# What remains after three pages of a hundred is loaded, once.
sub check_continuation
{
	my ($name, $what) = @_;
	$mls->reset;
	is(subscription($node, $name, 'resume_timestamp IS NOT NULL AND cursor_timestamp IS NULL'), 't',
		"$what: the position of the last page is kept");
	is(sync_row($node, $name, 'status, received, inserted, updated, unchanged'),
		'finished|700|700|0|0', "$what: the next run loads what is missing, and nothing twice");
	like(($mls->requests)[0]{query}, qr/ModificationTimestamp%20gt/,
		"$what: its first request asks for what comes after the last page");
	is(differences($node, $mls, $name), 0, "$what: the copy is true");
	is($node->safe_psql('postgres', qq{
		SELECT string_agg(status, ',' ORDER BY run) FROM mls_history WHERE source = '$name'}),
		'crashed,finished', "$what: the history says that the first run crashed");
	return;
}

# The worker is killed; PostgreSQL restarts all its processes
subscribe_property($node, $mls, 'kill', page_size => 100);
hold_fourth_page();
my $sync = start_psql($node, q{SELECT * FROM mls_sync('kill')});
my $pid = worker_pid($node, 3);
kill 'KILL', $pid;
like(end_psql($sync), qr/crash of another server process|closed the connection/, 'the caller hears of the crash');
$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
is($node->safe_psql('postgres', q{SELECT state, last_error FROM mls_status_detail WHERE source = 'kill'}),
	'failed|the process or the server ended during the run', 'the status sees it at once');
is(last_run($node, 'kill', 'status, message'), 'crashed|the process or the server ended during the run', 'and so does the history');
check_continuation('kill', 'worker killed');

# The server is stopped without mercy
subscribe_property($node, $mls, 'stop', page_size => 100);
hold_fourth_page();
$sync = start_psql($node, q{SELECT * FROM mls_sync('stop')});
worker_pid($node, 3);
$node->stop('immediate');
end_psql($sync);
$node->start;
check_continuation('stop', 'server stopped');

# The postmaster is killed: the worker finds itself alone, and that is no error of the source
subscribe_property($node, $mls, 'orphan', page_size => 100);
hold_fourth_page();
$sync = start_psql($node, q{SELECT * FROM mls_sync('orphan')});
$pid = worker_pid($node, 3);
$node->kill9;
end_psql($sync);
wait_for_end($pid);
$node->start;
is(last_run($node, 'orphan', 'status, message, hint, error_class'), 'crashed|the process or the server ended during the run||', 'the history says what has happened');
like($node->safe_psql('postgres', q{SELECT message FROM mls_health() WHERE item IN ('failures', 'stuck') AND level <> 'ok'}),
	qr/^(?:orphan\.Property sync failed 1 time: the process or the server ended during the run|run \d+ of orphan\.Property has no process any more.*)$/, 'and so do monitors');
check_continuation('orphan', 'postmaster killed');

# The worker is terminated: it leaves a word, and the caller gets it
subscribe_property($node, $mls, 'term', page_size => 100);
hold_fourth_page();
$sync = start_psql($node, q{SELECT * FROM mls_sync('term')});
$pid = worker_pid($node, 3);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
like(end_psql($sync), qr/57P01: terminating background worker/, 'the caller hears of the termination');
is(last_run($node, 'term', 'status, pages'), 'cancelled|3', 'the run says that it was ended');
$mls->reset;
is(sync_row($node, 'term', 'status, inserted, unchanged'), 'finished|700|0', 'and goes on next time');
is(differences($node, $mls, 'term'), 0, 'to a true copy');

# A linked chain goes on at its link
subscribe_property($node, $mls, 'link', page_size => 100, ordering => 'none');
hold_fourth_page();
$sync = start_psql($node, q{SELECT * FROM mls_sync('link')});
$pid = worker_pid($node, 3);
isnt(subscription($node, 'link', 'resume_link'), '', 'without order the link is kept');
is(subscription($node, 'link', 'cursor_timestamp IS NULL'), 't', 'and the cursor waits for the end');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
end_psql($sync);
$mls->control('release');
is(sync_row($node, 'link', 'status, inserted, unchanged'), 'finished|700|0', 'the chain goes on');
is(differences($node, $mls, 'link'), 0, 'to a true copy');
is(subscription($node, 'link', 'resume_link IS NULL AND cursor_timestamp IS NOT NULL'), 't',
	'then the cursor moves');

# Its link counts positions, and so many records are removed that it leads behind the last
subscribe_property($node, $mls, 'skip', page_size => 100, ordering => 'none');
hold_fourth_page(5);
$mls->control('option', { link => 'skip' });
$sync = start_psql($node, q{SELECT * FROM mls_sync('skip')});
$pid = worker_pid($node, 5);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
end_psql($sync);
$mls->control('clear');
my @keys = @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };
$mls->control('delete', { resource => 'Property', keys => [ @keys[ 0 .. 549 ] ] });
is(sync_row($node, 'skip', 'status, inserted, message'),
	'finished|450|the links of the interrupted run did not lead to all records, so the run began again',
	'a chain that does not lead on is read anew');
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('skip', force => true)});
is(differences($node, $mls, 'skip'), 0, 'to a true copy');
$mls->control('insert', { resource => 'Property', count => 550 });
$mls->reset;

# A source that is always in order of time goes on there
subscribe_property($node, $mls, 'time', page_size => 100, ordering => 'timestamp');
hold_fourth_page();
$sync = start_psql($node, q{SELECT * FROM mls_sync('time')});
$pid = worker_pid($node, 3);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
end_psql($sync);
$mls->reset;
is(sync_row($node, 'time', 'status, received >= 700'), 'finished|t', 'a chain in key order is no chain in time order');
is(differences($node, $mls, 'time'), 0, 'so nothing is lost by believing it');

$node->stop;
done_testing();
