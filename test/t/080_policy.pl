# Failures: what they are of, when the next attempt is due, and whom they concern.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('policy', 'mls_fdw.retry_delay' => "'10min'", 'mls_fdw.retry_delay_max' => "'1h'");
my $mls = start_mls(listings => 300, fields => 'small');
subscribe_property($node, $mls, 'one', page_size => 100);

sub status
{
	my ($columns, $name) = @_;
	return $node->safe_psql('postgres',
		"SELECT $columns FROM mls_status_detail WHERE source = '" . ($name || 'one') . "'");
}
my $minutes = q{round(extract(epoch FROM next_attempt_at - clock_timestamp()) / 60)};

# Later and later, and not for ever
$mls->fault(kind => 'status', status => 500, times => -1);
for my $want ([ 1, 9, 10 ], [ 2, 18, 20 ], [ 3, 36, 40 ], [ 4, 54, 60 ], [ 5, 54, 60 ])
{
	my ($failures, $low, $high) = @$want;
	sql_error($node, q{SELECT * FROM mls_sync('one')});
	is(status("state, error_class, failures, $minutes BETWEEN $low AND $high"),
		"failed|network|$failures|t", "after failure $failures the next attempt is due in $low to $high minutes");
}
is(last_run($node, 'one', 'status, error_class'), 'failed|network', 'the run has the class, too');

# Not due
$mls->reset;
is($node->safe_psql('postgres', q{
	SELECT status, received, requests, message ~ '^next attempt at 20.*, after 5 failures \(network\)$' FROM mls_sync()}),
	'skipped|0|0|t', 'a sync that names no source leaves it alone and says so');
is(scalar($mls->requests), 0, 'without a request');
is($node->safe_psql('postgres', q{SELECT status FROM mls_sync('one', due => true)}), 'skipped',
	'nor one that asks for what is due');
is(status('failures'), 5, 'which is no failure');
$node->restart;
is($node->safe_psql('postgres', q{SELECT status FROM mls_sync()}), 'skipped', 'nor after a restart');
is(sync_row($node, 'one', 'status'), 'finished', 'naming the source tries at once');
is(status('state, error_class IS NULL, failures, next_attempt_at IS NULL'), 'synced|t|0|t',
	'a success forgets the failures');
is($node->safe_psql('postgres', q{SELECT status FROM mls_sync()}), 'finished', 'and it is due again');

# A changed configuration is tried at once
for my $change (
	q{ALTER SERVER one OPTIONS (ADD timeout_ms '5000')},
	q{ALTER USER MAPPING FOR CURRENT_USER SERVER one OPTIONS (SET token 'static-token-value')},
	q{ALTER FOREIGN TABLE one.property OPTIONS (ADD rows '1000')},
	q{ALTER FOREIGN TABLE one.property ALTER COLUMN city OPTIONS (ADD type 'Edm.String')})
{
	$mls->fault(kind => 'status', status => 500);
	sql_error($node, q{SELECT * FROM mls_sync('one')});
	is($node->safe_psql('postgres', q{SELECT status FROM mls_sync()}), 'skipped', 'not due');
	$node->safe_psql('postgres', $change);
	is($node->safe_psql('postgres', q{SELECT status FROM mls_sync()}), 'finished',
		'due after ' . substr($change, 0, 40));
}

# Due by the clock
$mls->fault(kind => 'status', status => 500);
sql_error($node, q{SELECT * FROM mls_sync('one')});
$node->safe_psql('postgres', q{UPDATE mls.subscription SET next_attempt_at = now()});
is($node->safe_psql('postgres', q{SELECT status FROM mls_sync()}), 'finished', 'due when its time has come');

# Classes
sub class_of
{
	my ($class, $name, %fault) = @_;
	$mls->reset;
	$mls->fault(times => -1, match => 'Property', %fault);
	sql_error($node, q{SELECT * FROM mls_sync('one')});
	is(status('error_class'), $class, "$name is of class $class");
	$mls->reset;
	return;
}
class_of('credentials', 'a 401', kind => 'status', status => 401);
class_of('credentials', 'a 403', kind => 'status', status => 403);
class_of('network', 'a connection that is closed', kind => 'close');
class_of('network', 'a 502', kind => 'status', status => 502);
class_of('protocol', 'a 404', kind => 'status', status => 404);
class_of('protocol', 'a 400', kind => 'status', status => 400);
class_of('protocol', 'a page of HTML', kind => 'html200');
class_of('network', 'half a page', kind => 'truncate', length => 'wrong');
class_of('protocol', 'a redirect', kind => 'redirect', to => 'https://example.com/', status => 302);
class_of('quota', 'a 429', kind => 'status', status => 429, headers => { 'Retry-After' => '3000' });
is(status("$minutes BETWEEN 48 AND 50"), 't', 'which is due when the source says');
unlink glob($node->data_dir . '/mls_fdw/*.quota');
class_of('quota', 'a 429 for ever', kind => 'status', status => 429, headers => { 'Retry-After' => '999999999' });
is(status("$minutes BETWEEN 1400 AND 1440"), 't', 'which is due tomorrow at the latest');
unlink glob($node->data_dir . '/mls_fdw/*.quota');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE one.property OPTIONS (DROP timestamp)});
sql_error($node, q{SELECT * FROM mls_sync('one')});
is(status('error_class'), 'ours', 'a table that lost its timestamp is of class ours');
$node->safe_psql('postgres', q{
	ALTER FOREIGN TABLE one.property OPTIONS (ADD timestamp 'ModificationTimestamp')});

# Cancelling is no failure
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('one')});
$mls->fault(kind => 'stall', times => -1, resource => 'Property');
my $sync = start_psql($node, q{SELECT * FROM mls_sync('one')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls.run WHERE status = 'running'});
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM mls.run WHERE status = 'running'});
end_psql($sync);
$mls->reset;
is(status('failures, next_attempt_at IS NULL'), '0|t', 'a run that is ended from outside is no failure');

# A second sync that finds it busy is no failure, either
$mls->fault(kind => 'stall', times => 1, resource => 'Property');
$sync = start_psql($node, q{SELECT status FROM mls_sync('one')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls.run WHERE status = 'running'});
like(sql_error($node, q{SELECT * FROM mls_sync('one')}), qr/55006/, 'a second sync is refused');
$mls->control('release');
end_psql($sync);
$mls->reset;
is(status('failures'), 0, 'and nothing has failed');

# A refused login is the source's: six resources, one try
my $oauth = start_mls(listings => 60, fields => 'small');
my $token = $oauth->url =~ s{/odata}{/oauth/token}r;
$node->safe_psql('postgres', qq{
	CREATE SERVER six FOREIGN DATA WRAPPER mls_fdw
	  OPTIONS (protocol 'reso', url '@{[$oauth->url]}', token_url '$token', retries '0');
	CREATE USER MAPPING FOR CURRENT_USER SERVER six OPTIONS (client_id 'demo', client_secret 'wrong');
	CREATE SCHEMA six});
for my $resource (qw(Property Member Office Media OpenHouse))
{
	my $table = lc $resource;
	$node->safe_psql('postgres', qq{
		CREATE FOREIGN TABLE six.$table (key text OPTIONS (field '${\($resource eq 'Property' ? 'Listing' : $resource)}Key'),
			modified timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER six OPTIONS (resource '$resource', timestamp 'ModificationTimestamp',
			key '${\($resource eq 'Property' ? 'Listing' : $resource)}Key');
		SET client_min_messages = warning; SELECT mls_subscribe('six.$table')});
}
$oauth->reset;
like(sql_error($node, q{SELECT * FROM mls_sync('six')}), qr/28000.*rejected the credentials/s,
	'refused credentials are an error');
is(scalar($oauth->requests), 1, 'five resources log in once');
is($node->safe_psql('postgres', q{
	SELECT count(*), min(error_class), min(failures), bool_and(next_attempt_at > now() + interval '8 minutes')
	FROM mls_status_detail WHERE source = 'six'}), '5|credentials|1|t', 'and all of them wait');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls_history WHERE source = 'six'}), 1, 'after one run');
is($node->safe_psql('postgres', q{SELECT source, status, count(*) FROM mls_sync() GROUP BY 1, 2 ORDER BY 1}),
	"one|finished|1\nsix|skipped|5", 'the other source is not held up');
is(scalar($oauth->requests), 1, 'and nobody knocks at the closed door');
$node->safe_psql('postgres', q{
	ALTER USER MAPPING FOR CURRENT_USER SERVER six OPTIONS (SET client_secret 's3cret-demo-value')});
is($node->safe_psql('postgres', q{SELECT status, count(*) FROM mls_sync() WHERE source = 'six' GROUP BY 1}),
	'finished|5', 'the right secret opens it for all');

# A failure of one resource is its own
$oauth->fault(kind => 'status', status => 500, resource => 'Member', times => -1);
$oauth->fault(kind => 'status', status => 403, resource => 'Office', times => -1);
my ($status, $out) = $node->psql('postgres',
	q{SELECT resource, status FROM mls_sync('six') ORDER BY 1});
is($out, "Media|finished\nMember|failed\nOffice|failed\nOpenHouse|finished\nProperty|finished",
	'two fail, three go on');
is($node->safe_psql('postgres', q{SELECT resource, status FROM mls_sync() WHERE source = 'six' ORDER BY 1}),
	"Media|finished\nMember|skipped\nOffice|skipped\nOpenHouse|finished\nProperty|finished",
	'the three next time as well');
$oauth->reset;

# A server that was renamed is found by its new name, whatever happened to its runs
$node->safe_psql('postgres', q{ALTER SERVER six RENAME TO half_dozen});
is($node->safe_psql('postgres', q{SELECT source, status, count(*) FROM mls_sync('half_dozen') GROUP BY 1, 2}),
	'half_dozen|finished|5', 'the new name of a renamed server is known at once');
like(sql_error($node, q{SELECT * FROM mls_sync('six')}), qr/42704/, 'the old one not any more');

$node->stop;
done_testing();
