# A source that misbehaves: the run fails in words or finds another way; what is
# not proven complete never moves the cursor.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 1000, fields => 'small');

# Runs a first sync of a new source under a fault: the message must match, no
# cursor may be set, and without the fault the next run completes the copy.
sub fails_then_recovers
{
	my ($name, $fault, $message, %options) = @_;
	subscribe_property($node, $mls, $name, page_size => 100, %options);
	$mls->fault(resource => 'Property', times => 1, %$fault);
	like(sql_error($node, "SELECT * FROM mls_sync('$name')"), $message, "$name: says what happened");
	is(subscription($node, $name, 'cursor_timestamp IS NULL'), 't', "$name: the cursor does not move");
	is(last_run($node, $name, q{status, message <> ''}), 'failed|t', "$name: the history has it");
	is($node->safe_psql('postgres', "SELECT state FROM mls_status WHERE source = '$name'"), 'failed',
		"$name: the status has it");
	$mls->reset;
	is(sync_row($node, $name, 'status'), 'finished', "$name: the next run ends well");
	is(differences($node, $mls, $name), 0, "$name: with a true copy");
	return;
}

# The same, but the sync finds its way.
sub copes
{
	my ($name, $fault, $note, %options) = @_;
	subscribe_property($node, $mls, $name, page_size => 100, %options);
	$mls->fault(resource => 'Property', times => 1, %$fault);
	is(sync_row($node, $name, 'status'), 'finished', "$name: ends well");
	like(last_run($node, $name, 'note'), $note, "$name: the history has a note");
	is(differences($node, $mls, $name), 0, "$name: with a true copy");
	$mls->reset;
	return;
}

# Pages asked for one by one
fails_then_recovers('status', { kind => 'status', status => 500, skip => 3 }, qr/500/);
fails_then_recovers('close', { kind => 'close', skip => 3, times => 9 }, qr/HV00N|08/);
fails_then_recovers('truncated', { kind => 'truncate', skip => 3 }, qr/page 1 of resource|truncated|closed/i);
fails_then_recovers('malformed', { kind => 'truncate', length => 'wrong', skip => 4 }, qr/JSON|gzip form of the answer is damaged or cut short/);
fails_then_recovers('html', { kind => 'html200', skip => 2 }, qr/no JSON/);
copes('repeated', { kind => 'empty_page', skip => 3 }, qr/^$/);
copes('count_once', { kind => 'wrong_count', by => 5 }, qr/^$/);
fails_then_recovers('count_always', { kind => 'wrong_count', by => 5, times => -1 }, qr/too early/);

# Chains of links
my @linked = (ordering => 'none');
fails_then_recovers('l_status', { kind => 'status', status => 500, skip => 3 }, qr/500/, @linked);
fails_then_recovers('l_loop', { kind => 'loop', skip => 3 }, qr/leads back|second time/, @linked);
fails_then_recovers('l_repeat', { kind => 'repeat_page', skip => 3 }, qr/leads back|second time/, @linked);
fails_then_recovers('l_dropped', { kind => 'drop_link', skip => 3 }, qr/too early/, @linked);
fails_then_recovers('l_foreign', { kind => 'foreign_link', skip => 3, to => 'https://example.com' },
	qr/example.com/, @linked);
fails_then_recovers('l_nowhere', { kind => 'foreign_link', skip => 3 }, qr/could not connect/, @linked);
fails_then_recovers('l_expired', { kind => 'expired_link', skip => 3 }, qr/410/, @linked);
fails_then_recovers('l_count', { kind => 'wrong_count', by => 5, times => -1 }, qr/too early/, @linked);
copes('l_empty', { kind => 'empty_page', skip => 3 }, qr/^$/, @linked);

# A link kept by an interrupted run has expired meanwhile: the chain begins again
subscribe_property($node, $mls, 'expired', page_size => 100, @linked);
$mls->fault(kind => 'status', status => 500, resource => 'Property', skip => 5, times => 1);
sql_error($node, q{SELECT * FROM mls_sync('expired')});
isnt(subscription($node, 'expired', 'resume_link'), '', 'an interrupted chain keeps its link');
$mls->fault(kind => 'expired_link', resource => 'Property', times => 1);
is(sync_row($node, 'expired', 'status, inserted > 0, unchanged > 0'), 'finished|t|t',
	'when it has expired the chain begins again');
like(last_run($node, 'expired', 'note'), qr/link of the interrupted run was not valid/, 'and says so');
is(differences($node, $mls, 'expired'), 0, 'with a true copy');

# The server serves smaller pages than asked for
$mls->control('option', { max_page => 70 });
subscribe_property($node, $mls, 'small', page_size => 400);
is(sync_row($node, 'small', 'status, received, inserted'), 'finished|1000|1000',
	'smaller pages than asked for');
$mls->reset;

# The same in a chain: the links end with what was asked for, not with the data
$mls->control('option', { max_page => 70 });
subscribe_property($node, $mls, 'small_linked', page_size => 400, ordering => 'none', prefer => 'false');
is(sync_row($node, 'small_linked', 'status, received, inserted'), 'finished|1000|1000',
	'smaller pages than asked for, in a chain');
$mls->reset;

# A source that refuses how the next page is asked for: the platform's row is wrong, and its links lead on
subscribe_property($node, $mls, 'refuses', page_size => 100);
$mls->fault(kind => 'refuse_or', resource => 'Property');
like(sync_row($node, 'refuses', 'status, inserted, unchanged, message'), qr/^finished[|]1000[|]100[|]the source refused to list what comes behind a record/,
	'a refused condition of a page is not the end');
$mls->reset;
$node->safe_psql('postgres', q{SELECT mls_unsubscribe('refuses.property', drop_data => true); SELECT mls_subscribe('refuses.property')});
$mls->fault(kind => 'refuse_filter', resource => 'Property', match => 'filter');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE refuses.property OPTIONS (ADD filter 'BedroomsTotal ge 0')});
like(sql_error($node, q{SELECT * FROM mls_sync('refuses')}), qr/400/, 'a refused filter is an error');
$mls->reset;
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE refuses.property OPTIONS (DROP filter)});
$node->safe_psql('postgres', q{ALTER SERVER refuses OPTIONS (ADD push_or 'false')});
$mls->fault(kind => 'refuse_or', resource => 'Property');
is(sync_row($node, 'refuses', 'status'), 'finished', 'the option push_or tells how to do without');
is(differences($node, $mls, 'refuses'), 0, 'with a true copy');
$mls->reset;

# One failure does not hide the others' success
subscribe_property($node, $mls, 'bad', page_size => 100);
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER bad OPTIONS (SET token 'wrong')});
my ($status, $out, $err) = $node->psql('postgres',
	q{SELECT source, status, message IS NULL OR message LIKE '%no key_prefix keeps%' FROM mls_sync() WHERE source IN ('bad', 'small', 'status') ORDER BY 1});
is($out, "bad|failed|f\nsmall|finished|t\nstatus|finished|t", 'a failure stays in its row');
like($err, qr/WARNING:.*bad/s, 'and is a warning');
like(sql_error($node, q{SELECT * FROM mls_sync('bad')}), qr/28000|28P01/,
	'alone it is the error, with its SQLSTATE');

$node->stop;
done_testing();
