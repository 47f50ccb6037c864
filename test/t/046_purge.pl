# Purge: what is gone at the source goes here, and nothing else does, whatever
# the source answers; and it can be taken back.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 1000, fields => 'small');

sub rows
{
	my ($name) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT (SELECT count(*) FROM bronze.${name}_property WHERE deleted_at IS NULL),
		       (SELECT count(*) FROM silver.${name}_property),
		       (SELECT count(*) FROM gold.property WHERE mls_source = '$name')});
}

sub purge
{
	my ($call, $columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM mls_purge($call)");
}

# All of silver, and of gold what the source said
sub content
{
	my ($name) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT (SELECT md5(string_agg(s::text, '|' ORDER BY listing_key)) FROM silver.${name}_property s),
		       (SELECT md5(string_agg((to_jsonb(g) - 'mls_updated_at')::text, '|' ORDER BY mls_source_key))
		          FROM gold.property g WHERE mls_source = '$name')});
}

# A source that misbehaves removes nothing, in words.
sub refuses
{
	my ($name, $fault, $message, %options) = @_;
	my $resumable = delete $options{resumable} // 'f';
	subscribe_property($node, $mls, $name, page_size => 100, key_prefix => "$name-", %options);
	sync_row($node, $name, 'status');
	$mls->fault(resource => 'Property', times => 1, %$fault);
	like(sql_error($node, "SELECT * FROM mls_purge('$name')"), $message, "$name: says what happened");
	is(rows($name), '1000|1000|1000', "$name: removes nothing");
	is(last_run($node, $name, q{process, status, deleted, message <> ''}), 'purge|failed|0|t',
		"$name: the history has it");
	$mls->reset;
	# Keys that an interrupted list has are for the next run; those of a wrong one are not.
	is($node->safe_psql('postgres', qq{SELECT to_regclass('bronze.mls_listing_' || id) IS NOT NULL
		FROM mls.subscription WHERE source = '$name'}), $resumable, "$name: leaves no table behind");
	return;
}

refuses('status', { kind => 'status', status => 500, skip => 9 }, qr/500/, resumable => 't');
refuses('dropped', { kind => 'drop_link', skip => 4 }, qr/too early/);
refuses('repeated', { kind => 'repeat_page', skip => 3 }, qr/leads back|second time/);
refuses('loop', { kind => 'loop', skip => 3 }, qr/leads back|second time/);
refuses('counts', { kind => 'wrong_count', by => 5, times => -1 }, qr/too early|not complete/);
# A count that is smaller than what is listed is wrong, and no guard; nothing is gone, so nothing goes
subscribe_property($node, $mls, 'fewer', page_size => 100, key_prefix => 'fewer-');
sync_row($node, 'fewer', 'status');
$mls->fault(kind => 'wrong_count', resource => 'Property', by => -5, times => -1);
is(purge(q{'fewer'}, 'status, listed, missing, deleted'), 'finished|1000|0|0', 'fewer: a purge does without such a count');
is(rows('fewer'), '1000|1000|1000', 'fewer: and removes nothing');
$mls->reset;
refuses('keyless', { kind => 'bad_value', field => 'ListingKey', value => undef, record => 3, times => -1 },
	qr/not complete.*DETAIL:  10 of 1000 records that the source lists have no key\..*Nothing was changed/s);
refuses('skips', { kind => 'truncate', skip => 5 }, qr/page|truncated|closed/i, resumable => 't');

# The four bad nights, each with all a user gets to read: nothing is removed, and why.
sub bad_night
{
	my ($name, $what, $night, $told) = @_;
	subscribe_property($node, $mls, $name, page_size => 100, key_prefix => "$name-");
	sync_row($node, $name, 'status');
	my $before = content($name);
	$night->();
	my $error = sql_error($node, "SELECT * FROM mls_purge('$name')");
	like($error, $told, "$what: the error says why");
	is(content($name), $before, "$what: silver and gold are as they were");
	is($node->safe_psql('postgres', "SELECT count(*) FROM bronze.${name}_property WHERE deleted_at IS NOT NULL"), '0',
		"$what: no tombstone");
	$mls->reset;
	return;
}

my @all = @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };
bad_night('empty', 'an empty list',
	sub { $mls->control('delete', { resource => 'Property', keys => \@all }) },
	qr/55000: source "empty" lists no record of resource "Property"\nDETAIL:  1000 records are here\.\nHINT:  Nothing was removed\..*force => true/);
$mls->control('restore', { resource => 'Property', keys => \@all });
bad_night('half', 'half the keys',
	sub { $mls->control('delete', { resource => 'Property', keys => [ @all[ 0 .. 499 ] ] }) },
	qr/55000: purge of resource "Property" of source "half" would remove too many records\nDETAIL:  500 of 1000 records \(50\.0 %\) are missing at the source; the server option purge_limit \(10 % or 100\) allows 100\.\nHINT:  Nothing was removed\./);
$mls->control('restore', { resource => 'Property', keys => [ @all[ 0 .. 499 ] ] });
bad_night('twice', 'the same page twice',
	sub { $mls->fault(kind => 'repeat_page', resource => 'Property', skip => 4, times => 1) },
	qr/HV00K: could not read page \d+ of resource "Property" from source "twice"\nDETAIL:  (The source sent the page before a second time|Its next link leads back to a page that was read before)\.\nCONTEXT:  nothing was removed/);
bad_night('last', 'an error at the last page',
	sub { $mls->fault(kind => 'status', status => 503, resource => 'Property', skip => 9, times => 1) },
	qr/could not fetch page 10 of resource "Property" from source "last"\nDETAIL:  The source answered 503.*\nCONTEXT:  nothing was removed/);

# Nothing is gone
subscribe_property($node, $mls, 'one', page_size => 100);
sync_row($node, 'one', 'status');
is(purge(q{'one'}, 'status, listed, missing, deleted, message'), 'finished|1000|0|0|', 'nothing gone, nothing removed');

# A source that filters its list, and nobody notices
$node->safe_psql('postgres', q{
	INSERT INTO bronze.one_property (key, record, fetched_at, run_id)
	SELECT 'GONE' || i, json_build_object('ListingKey', 'GONE' || i), now(), 0 FROM generate_series(1, 60) i;
	SELECT mls_rebuild('one.property')});
is(purge(q{'one', dry_run => true}, 'status, missing, deleted, message'),
	'finished|60|0|dry run: 60 of 1060 records would be removed', 'a dry run says what would go');
is(rows('one'), '1060|1060|1060', 'and removes nothing');
is(purge(q{'one'}, 'status, listed, missing, deleted'), 'finished|1000|60|60', 'what is gone goes');
is(rows('one'), '1000|1000|1000', 'from all layers');
is($node->safe_psql('postgres', q{SELECT count(*) FROM bronze.one_property WHERE deleted_at IS NOT NULL}), '60',
	'and leaves tombstones');
is(differences($node, $mls, 'one'), 0, 'the copy is true');
is(purge(q{'one'}, 'missing, deleted'), '0|0', 'a second purge has nothing to do');

# Too many
my @keys = map { JSON::PP::decode_json($_)->{ListingKey} }
  grep { length } split /\n/, $mls->get('truth?resource=Property');
$mls->control('delete', { resource => 'Property', keys => [ @keys[ 100 .. 249 ] ] });
my $before = content('one');
my $error = sql_error($node, q{SELECT * FROM mls_purge('one')});
like($error, qr/55000.*too many records.*150 of 1000 records \(15\.0 %\).*allows 100.*force => true/s,
	'a loss over the limit is refused with its numbers');
is(content('one'), $before, 'and nothing is removed');
like(purge(q{'one', dry_run => true}, 'message'), qr/purge_limit would refuse it/, 'a dry run says so, too');
is(purge(q{'one', force => true}, 'missing, deleted'), '150|150', 'force removes them');
is(differences($node, $mls, 'one'), 0, 'the copy is true');

# Undone
my $run = last_run($node, 'one', 'run');
is($node->safe_psql('postgres', "SELECT mls_undo($run)"), '150', 'a purge is taken back');
is(content('one'), $before, 'silver and gold are as before');
is(last_run($node, 'one', 'process, status, inserted, note'), "undo|finished|150|took back run $run", 'the history has it');
is($node->safe_psql('postgres', "SELECT mls_undo($run)"), '0', 'a second time there is nothing to take back');
like(sql_error($node, q{SELECT mls_undo((SELECT min(run) FROM mls_history))}), qr/42809.*is no purge/s, 'a sync cannot be undone');
like(sql_error($node, q{SELECT mls_undo(0)}), qr/42704/, 'nor what does not exist');

# The limit is an option
$node->safe_psql('postgres', q{ALTER SERVER one OPTIONS (ADD purge_limit '20%')});
is(purge(q{'one'}, 'missing, deleted'), '150|150', 'the option purge_limit decides');
sub with_limit
{
	my ($limit) = @_;
	$node->safe_psql('postgres', "ALTER SERVER one OPTIONS (SET purge_limit '$limit')");
	$node->safe_psql('postgres', q{
		INSERT INTO bronze.one_property (key, record, fetched_at, run_id)
		SELECT 'GONE' || i, json_build_object('ListingKey', 'GONE' || i), now(), 0 FROM generate_series(1, 60) i
		ON CONFLICT (key) DO UPDATE SET deleted_at = NULL;
		SELECT mls_rebuild('one.property')});
	my ($status, $out, $err) = $node->psql('postgres', q{SELECT missing, deleted FROM mls_purge('one')});
	return $status == 0 ? $out : $err =~ /would remove too many records.*allows (\d+)/s ? "allows $1" : $err;
}
is(with_limit('10%, 20'), '60|60', 'a share and a number: what exceeds only the number goes');
is(with_limit('2%, 80'), '60|60', 'what exceeds only the share, too');
is(with_limit('2%, 20'), 'allows 20', 'what exceeds both does not');
is(with_limit('2%'), 'allows 18', 'a share alone');
is(with_limit('59'), 'allows 59', 'a number alone');
is(with_limit('0%'), 'allows 0', 'nothing at all');
is(with_limit('100%'), '60|60', 'everything');
$node->safe_psql('postgres', q{ALTER SERVER one OPTIONS (SET purge_limit '20%')});

# A removed record comes back
$mls->control('insert', { resource => 'Property', count => 1, fields => { ListingKey => $keys[120] } });
is(sync_row($node, 'one', 'status, updated'), 'finished|1', 'a removed record that returns');
is(differences($node, $mls, 'one'), 0, 'is here again');

# A record that appears while keys are listed
$mls->fault(kind => 'stall', resource => 'Property', skip => 4, times => 1);
my $purge = start_psql($node, q{SELECT deleted FROM mls_purge('one')});
worker_pid($node, 4);
$mls->control('insert', { resource => 'Property', count => 1 });
like(sql_error($node, q{SELECT * FROM mls_sync('one')}), qr/55006/, 'a sync waits its turn');
$mls->control('release');
is(end_psql($purge), "0\n", 'records that come meanwhile remove nothing');
sync_row($node, 'one', 'status');
is(purge(q{'one'}, 'deleted'), '0', 'and survive the next purge');
is(differences($node, $mls, 'one'), 0, 'the copy is true');

# A purge that meets a sync waits for its end, and can be cancelled meanwhile
$mls->control('touch', { resource => 'Property', count => 400 });
$mls->fault(kind => 'stall', resource => 'Property', skip => 2, times => 1);
my $sync = start_psql($node, q{SELECT status FROM mls_sync('one')});
worker_pid($node, 2);
is($node->safe_psql('postgres', q{
	SELECT state, phase, waiting_for, expected > 300, estimated_end > now()
	FROM mls_status JOIN mls_progress USING (source)}), 'syncing|receiving|source|t|t', 'a sync at work');
like(sql_error($node, q{SET statement_timeout = '700ms'; SELECT * FROM mls_purge('one')}), qr/57014/,
	'a purge waits for it, and the wait can be cancelled');
$purge = start_psql($node, q{SELECT deleted FROM mls_purge('one')});
$mls->control('release');
is(end_psql($sync), "finished\n", 'the sync ends');
is(end_psql($purge), "0\n", 'and the purge follows');

# A few of a few
$mls->control('delete', { resource => 'Property', keys => [ @keys[ 300 .. 999 ] ] });
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one', force => true)});
is(differences($node, $mls, 'one'), 0, 'a small source');
$mls->control('delete', { resource => 'Property', keys => [ @keys[ 0 .. 99 ] ] });
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one', force => true);
	ALTER SERVER one OPTIONS (DROP purge_limit)});

# Media with a list of their own: they say which listing they are of, but the source keeps them
$node->safe_psql('postgres', q{
	CREATE FOREIGN TABLE one.media (
		media_key text OPTIONS (field 'MediaKey'),
		resource_record_key text OPTIONS (field 'ResourceRecordKey'),
		resource_name text OPTIONS (field 'ResourceName'),
		modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
	SERVER one OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
	SELECT mls_subscribe('one.media');
	SELECT * FROM mls_sync('one', 'Media')});
my $parents = q{SELECT resource_record_key FROM silver.one_media WHERE resource_name = 'Property'
	AND resource_record_key IN (SELECT listing_key FROM silver.one_property) GROUP BY 1 ORDER BY 1 LIMIT 5};
my $of_media = q{SELECT md5(string_agg(s::text, '|' ORDER BY media_key)) FROM silver.one_media s};
my $media = $node->safe_psql('postgres', $of_media);
my @parents = split /\n/, $node->safe_psql('postgres', $parents);
my $theirs = join ', ', map { "'$_'" } @parents;
my @media = split /\n/, $node->safe_psql('postgres', "SELECT media_key FROM silver.one_media WHERE resource_record_key IN ($theirs)");
cmp_ok(scalar(@media), '>', 0, 'there are media of some listings');
$mls->control('delete', { resource => 'Property', keys => \@parents });
is(purge(q{'one', 'Property', force => true}, 'deleted, message'), scalar(@parents) . '|', 'listings that are gone go');
is($node->safe_psql('postgres', $of_media), $media, 'and take nothing with them that the source keeps');
is(purge(q{'one', 'Media'}, 'missing, deleted'), '0|0', 'nor does the purge of media');
$mls->control('delete', { resource => 'Media', keys => \@media });
is(purge(q{'one'}, q{string_agg(resource || ' ' || deleted, ', ' ORDER BY resource)}),
	'Media ' . @media . ', Property 0', 'when the source drops the media, too, they go');
is($node->safe_psql('postgres', "SELECT count(*) FROM silver.one_media WHERE resource_record_key IN ($theirs)"), '0',
	'all of them');
$run = $node->safe_psql('postgres', q{SELECT max(run) FROM mls_history WHERE process = 'purge' AND resource = 'Media'});
$node->safe_psql('postgres', "SELECT mls_undo($run)");
is($node->safe_psql('postgres', $of_media), $media, 'and can be brought back');

# Everything
$mls->control('delete', { resource => 'Property' });
like(sql_error($node, q{SELECT * FROM mls_purge('one', 'Property')}), qr/55000.*lists no record.*force => true/s,
	'a source without records is refused');
is(substr(rows('one'), 0, 2) ne '0|', 1, 'and removes nothing');

# Who may
$node->safe_psql('postgres', q{CREATE ROLE alice LOGIN});
for my $call ('mls_purge()', 'mls_undo(1)', 'mls_reconcile()')
{
	like(sql_error($node, "SET ROLE alice; SELECT $call"), qr/42501/, "$call is not for everybody");
}
$node->safe_psql('postgres', q{SELECT mls_grant('alice')});
is($node->safe_psql('postgres', q{SET ROLE alice; SET client_min_messages = error; SELECT count(*) FROM mls_purge()}), '0',
	'with mls_grant a role purges its own');

$node->stop;
done_testing();
