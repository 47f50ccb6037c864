# Reconcile: what is missing or different here is fetched, in either direction;
# nothing is removed.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 1000, fields => 'small');

sub reconcile
{
	my ($name, $columns, $more) = @_;
	$more //= '';
	return $node->safe_psql('postgres', "SELECT $columns FROM mls_reconcile('$name'$more)");
}

subscribe_property($node, $mls, 'one', page_size => 100);
sync_row($node, 'one', 'status');
is(reconcile('one', 'status, listed, different, inserted, updated, message'), 'finished|1000|0|0|0|',
	'a true copy has nothing to fetch');

# Missing, older and newer here, and taken for gone
$node->safe_psql('postgres', q{
	DELETE FROM bronze.one_property WHERE key <= 'LK00000030';
	DELETE FROM silver.one_property WHERE listing_key <= 'LK00000030';
	UPDATE bronze.one_property SET modified_at = modified_at - interval '1 day', record = '{"ListingKey": "old"}'
	 WHERE key BETWEEN 'LK00000031' AND 'LK00000040';
	UPDATE bronze.one_property SET modified_at = modified_at + interval '1 day', record = '{"ListingKey": "new"}'
	 WHERE key BETWEEN 'LK00000041' AND 'LK00000045';
	UPDATE bronze.one_property SET deleted_at = now() WHERE key BETWEEN 'LK00000051' AND 'LK00000055';
	DELETE FROM silver.one_property WHERE listing_key BETWEEN 'LK00000051' AND 'LK00000055'});
isnt(differences($node, $mls, 'one'), 0, 'a copy that is not true');
my ($missing, $total) = split /\|/, $node->safe_psql('postgres', q{
	SELECT 1000 - count(*) FILTER (WHERE deleted_at IS NULL),
	       1000 - count(*) FILTER (WHERE deleted_at IS NULL) + count(*) FILTER (WHERE record::text ~ '"(old|new)"')
	  FROM bronze.one_property});
is(reconcile('one', 'status, different, inserted, updated', ', dry_run => true'), "finished|$total|0|0",
	'a dry run counts');
like(last_run($node, 'one', 'note'), qr/^dry run: missing here: $missing, older here: \d+, newer here: \d+$/,
	'and says in what way they differ');
isnt(differences($node, $mls, 'one'), 0, 'and changes nothing');
is(reconcile('one', 'status, different, inserted + updated'), "finished|$total|$total", 'what differs is fetched');
is(differences($node, $mls, 'one'), 0, 'the copy is true');
is(last_run($node, 'one', 'process, status, received'), 'reconcile|finished|1000', 'the history has it');
is(reconcile('one', 'different'), '0', 'and then nothing differs');

# Nothing is removed
$mls->control('delete', { resource => 'Property', count => 10 });
is(reconcile('one', 'different'), '0', 'what is gone there is not its business');
is($node->safe_psql('postgres', q{SELECT count(*) FROM silver.one_property}), '1000', 'and stays');
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one')});

# Interrupted after ten pages of keys and three of records: what was fetched is not fetched again
$node->safe_psql('postgres', q{DELETE FROM bronze.one_property; DELETE FROM silver.one_property});
$mls->fault(kind => 'stall', resource => 'Property', skip => 14, times => 1);
my $psql = start_psql($node, q{SELECT * FROM mls_reconcile('one')});
my $pid = worker_pid($node, 13);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
like(end_psql($psql), qr/57P01/, 'the caller hears of the end');
my $kept = $node->safe_psql('postgres', q{SELECT count(*) FROM bronze.one_property});
cmp_ok($kept, '>', 0, 'what was fetched is kept');
$mls->reset;
is(reconcile('one', 'different, inserted'), (990 - $kept) . '|' . (990 - $kept), 'and not fetched again');
is(differences($node, $mls, 'one'), 0, 'the copy is true');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname LIKE 'mls\_listing%'}), '0',
	'no table is left behind');

# A source that fails
$node->safe_psql('postgres', q{DELETE FROM bronze.one_property WHERE key LIKE '%7'; DELETE FROM silver.one_property WHERE listing_key LIKE '%7'});
$mls->fault(kind => 'drop_link', resource => 'Property', skip => 3, times => 1);
like(sql_error($node, q{SELECT * FROM mls_reconcile('one')}), qr/too early/, 'an incomplete list is an error');
$mls->reset;
$mls->fault(kind => 'status', status => 500, resource => 'Property', skip => 11, times => 1);
like(sql_error($node, q{SELECT * FROM mls_reconcile('one')}), qr/500/, 'and so is a failed page');
$mls->reset;
is(reconcile('one', 'status'), 'finished', 'the next run');
is(differences($node, $mls, 'one'), 0, 'repairs all');

# A list that says nothing of what is missing here: records without a key, and one that its count contradicts
for my $case (
	[ 'without a key', { kind => 'bad_value', field => 'ListingKey', value => undef }, qr/not complete.*\d+ of \d+ records that the source lists have no key/s ],
	[ 'without a key, uncounted', { kind => 'bad_value', field => 'ListingKey', value => undef }, qr/records that the source lists have no key/, 'false' ],
	[ 'of one key', { kind => 'bad_value', field => 'ListingKey', value => 'LK00000001' }, qr/not complete.*lists 1 key, and counts \d+/s ])
{
	my ($what, $fault, $message, $count) = @$case;
	$node->safe_psql('postgres', "ALTER SERVER one OPTIONS (ADD push_count '" . ($count // 'true') . "')");
	$mls->fault(resource => 'Property', times => -1, %$fault);
	like(sql_error($node, q{SELECT * FROM mls_reconcile('one')}), $message, "records $what: an error");
	is($node->safe_psql('postgres', q{SELECT remote_rows > 900 FROM mls.subscription}), 't', "records $what: no count");
	$mls->reset;
	$node->safe_psql('postgres', 'ALTER SERVER one OPTIONS (DROP push_count)');
}
is(reconcile('one', 'status, different'), 'finished|0', 'a list that is complete again');
$mls->fault(kind => 'wrong_count', resource => 'Property', by => -50, times => -1);
is(reconcile('one', 'status, different'), 'finished|0', 'a count smaller than the list is not believed');
$mls->reset;

# A source that knows no lists
$node->safe_psql('postgres', q{DELETE FROM bronze.one_property WHERE key LIKE '%11'; DELETE FROM silver.one_property WHERE listing_key LIKE '%11';
	ALTER SERVER one OPTIONS (ADD push_or 'false')});
is(reconcile('one', 'status, different = inserted, inserted > 0'), 'finished|t|t', 'without lists keys are asked for one by one');
is(differences($node, $mls, 'one'), 0, 'the copy is true');

$node->stop;
done_testing();
