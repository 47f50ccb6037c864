# Reading everything again, and what has changed between runs: filter and columns.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = new_node('scope');
my $mls = start_mls(listings => 1000, fields => 'small');
my @pages = (page_size => 100);

# Pages of Property that were asked for.
sub asked
{
	return scalar grep { $_->{path} =~ /Property/ } $mls->requests;
}

# What a dry run says, before the first sync
subscribe_property($node, $mls, 'one', @pages);
my $trace = q{SELECT md5(string_agg(s::text, ' ')), (SELECT count(*) FROM mls.run) FROM mls.subscription s};
my $before = $node->safe_psql('postgres', $trace);
$mls->reset;
is($node->safe_psql('postgres', q{SELECT status, received, inserted, requests, message FROM mls_sync('one', dry_run => true)}),
	'finished|1000|0|1|dry run: 1000 records expected, in 10 pages, with about 10 requests, of unknown size',
	'a dry run says what a first sync would read');
is(asked(), 1, 'with one request');
is($node->safe_psql('postgres', $trace), $before, 'and changes nothing');
is(sync_row($node, 'one', 'received, requests'), '1000|11', 'it was right, but for one request that proves the count');
my $bytes = last_run($node, 'one', 'bytes');

# After it
like($node->safe_psql('postgres', q{SELECT message FROM mls_sync('one', full => true, dry_run => true)}),
	qr/everything would be read again; dry run: 1000 records expected, in 10 pages, with about 10 requests, about (\d+) kB/,
	'and what a full one would');
my ($kb) = $node->safe_psql('postgres', q{SELECT message FROM mls_sync('one', full => true, dry_run => true)}) =~ /about (\d+) kB/;
cmp_ok(abs($kb * 1024 - $bytes), '<', 0.05 * $bytes, 'the size is that of the last run');
is(subscription($node, 'one', 'reading_all'), 'f', 'which it does not begin');
$mls->control('clock', { advance => 3600 });
$mls->control('touch', { resource => 'Property', count => 150 });
like($node->safe_psql('postgres', q{SELECT message FROM mls_sync('one', dry_run => true)}),
	qr/^dry run: 15\d records expected, in 2 pages, with about 2 requests/, 'an increment is counted from the cursor');
$node->safe_psql('postgres', q{ALTER SERVER one OPTIONS (ADD push_count 'false')});
is($node->safe_psql('postgres', q{SELECT requests, message FROM mls_sync('one', dry_run => true)}),
	'0|dry run: the source does not count, so nothing is known in advance', 'a source that does not count');
$node->safe_psql('postgres', q{ALTER SERVER one OPTIONS (DROP push_count)});
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('one')});

# Full: what changed without a new timestamp arrives, nothing is removed, and the cursor stays meanwhile
$mls->control('set', { resource => 'Property', count => 20, fields => { City => 'Silently' } });
$mls->control('delete', { resource => 'Property', key => 'LK00000500' });
is(sync_row($node, 'one', 'updated < 20'), 't', 'a sync does not see all that changed silently');
my $cursor = subscription($node, 'one', 'cursor_timestamp, cursor_key');
$mls->fault(kind => 'status', status => 500, resource => 'Property', skip => 4, times => 1);
sql_error($node, q{SELECT * FROM mls_sync('one', full => true)});
is(subscription($node, 'one', q{reading_all, resume_timestamp IS NOT NULL}), 't|t', 'an interrupted full sync is open');
is(subscription($node, 'one', 'cursor_timestamp, cursor_key'), $cursor, 'the cursor has stayed');
$mls->reset;
is(sync_row($node, 'one', 'status'), 'finished', 'the next sync goes on with it');
is(asked(), 7, 'where it stopped, and compares with the whole');
is(subscription($node, 'one', 'reading_all, cursor_timestamp, cursor_key'), "f|$cursor", 'to its end');
is($node->safe_psql('postgres', q{SELECT count(*) FROM silver.one_property}), 1000, 'nothing was removed');
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one', force => true)});
is(differences($node, $mls, 'one'), 0, 'and all changes are here');

# Full again and again goes on, too, and survives a kill
$mls->control('set', { resource => 'Property', count => 30, fields => { City => 'Quietly' } });
$mls->fault(kind => 'stall', resource => 'Property', skip => 5, times => 1);
my $sync = start_psql($node, q{SELECT * FROM mls_sync('one', full => true)});
my $pid = worker_pid($node, 5);
kill 'KILL', $pid;
$mls->control('release');
end_psql($sync);
# The server, which does not start anew by itself here, takes its time to end.
for (my $tries = 0; -e $node->data_dir . '/postmaster.pid' && $tries < 1800; $tries++) { usleep(100_000) }
$node->_update_pid(0);
$node->start;
$mls->reset;
is($node->safe_psql('postgres', q{SELECT status FROM mls_sync('one', full => true)}), 'finished', 'a full sync whose worker was killed');
is(asked(), 6, 'goes on where it stopped, and compares with the whole');
is(differences($node, $mls, 'one'), 0, 'and loses nothing');

# Along links, without an order
subscribe_property($node, $mls, 'linked', @pages, ordering => 'none', key_prefix => 'l-');
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('linked')});
$mls->control('set', { resource => 'Property', count => 10, fields => { City => 'Hiding' } });
$mls->fault(kind => 'status', status => 500, resource => 'Property', skip => 4, times => 1);
sql_error($node, q{SELECT * FROM mls_sync('linked', full => true)});
$mls->reset;
is(sync_row($node, 'linked', 'status'), 'finished', 'a full sync along links goes on');
is(differences($node, $mls, 'linked'), 0, 'to a true copy');

# Another filter, interrupted, and back
subscribe_property($node, $mls, 'filtered', @pages, key_prefix => 'f-');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE filtered.property OPTIONS (ADD filter 'BedroomsTotal ge 3')});
is(sync_row($node, 'filtered', 'received BETWEEN 100 AND 900'), 't', 'a filter lets some pass');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE filtered.property OPTIONS (DROP filter)});
like($node->safe_psql('postgres', q{SELECT message FROM mls_sync('filtered', dry_run => true)}),
	qr/everything would be read again; dry run: 999 records/, 'a dry run knows that it has changed');
$mls->fault(kind => 'status', status => 500, resource => 'Property', skip => 4, times => 1);
sql_error($node, q{SELECT * FROM mls_sync('filtered')});
$mls->reset;
is(sync_row($node, 'filtered', 'status'), 'finished', 'the difference is filled');
cmp_ok(asked(), '<=', 8, 'also when it was interrupted');
is(differences($node, $mls, 'filtered'), 0, 'with a true copy');

# A column added: filled from bronze
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE one.property ADD COLUMN standard_status text OPTIONS (field 'StandardStatus')});
$mls->reset;
is(sync_row($node, 'one', 'status, received < 200'), 'finished|t', 'a column added costs no download');
my $same = q{SELECT count(*) FILTER (WHERE s.standard_status IS DISTINCT FROM b.record->>'StandardStatus'), count(s.standard_status) > 500
	FROM silver.one_property s JOIN bronze.one_property b ON b.key = s.listing_key};
is($node->safe_psql('postgres', $same), '0|t', 'and is filled from bronze');
is(subscription($node, 'one', 'fill_after IS NULL'), 't', 'to the end');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM gold.property WHERE "StandardStatus" IS NOT NULL AND mls_source = 'one'}),
	$node->safe_psql('postgres', q{SELECT count(standard_status) FROM silver.one_property}), 'gold has it as well');
my $xmin = q{SELECT md5(string_agg(xmin::text, ',' ORDER BY listing_key)) FROM silver.one_property};
my $rows = $node->safe_psql('postgres', $xmin);
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('one')});
is($node->safe_psql('postgres', $xmin), $rows, 'once');

# An interrupted filling goes on
$node->safe_psql('postgres', q{
	UPDATE silver.one_property SET standard_status = NULL WHERE listing_key > 'LK00000700';
	UPDATE mls.subscription SET fill_after = 'LK00000700', fill_fields = '{*}' WHERE source = 'one'});
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('one')});
is($node->safe_psql('postgres', $same), '0|t', 'an interrupted filling goes on where it stopped');

# A column dropped, and added again
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE one.property DROP COLUMN city});
$mls->control('clock', { advance => 3600 });
$mls->control('update', { resource => 'Property', count => 40, fields => { City => 'Changed' } });
is(sync_row($node, 'one', 'status, updated'), 'finished|40', 'a column dropped stops nothing');
my $stale = q{SELECT count(*) FROM silver.one_property s JOIN bronze.one_property b ON b.key = s.listing_key
	WHERE s.city IS DISTINCT FROM b.record->>'City'};
is($node->safe_psql('postgres', $stale), 0, 'silver keeps it up');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE one.property ADD COLUMN city text OPTIONS (field 'City')});
is(sync_row($node, 'one', 'status, received < 200'), 'finished|t', 'when it comes back');
is($node->safe_psql('postgres', $stale), 0, 'it is still true');

# A rebuild fills as well, and is not done twice
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE one.property ADD COLUMN postal_code text OPTIONS (field 'PostalCode')});
$node->safe_psql('postgres', q{SET client_min_messages = warning; SELECT mls_subscribe('one.property'), mls_rebuild('one.property')});
$rows = $node->safe_psql('postgres', $xmin);
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('one')});
is($node->safe_psql('postgres', $xmin), $rows, 'a sync has nothing to fill after a rebuild');

# Rules for cleaning: silver and gold are filled anew, without a download
$mls->control('update', { resource => 'Property', count => 30, fields => { City => '  North End ' } });
sync_row($node, 'one', 'status');
my $blanks = q{SELECT count(*) FROM silver.one_property WHERE city <> btrim(city)};
is($node->safe_psql('postgres', $blanks), 30, 'values with blanks around them');
$node->safe_psql('postgres', q{SELECT mls_clean_set('{trim}', source => 'one')});
is(sync_row($node, 'one', 'received < 200, requests'), 't|1', 'a rule costs no download');
is($node->safe_psql('postgres', $blanks), 0, 'and is followed by silver');
is($node->safe_psql('postgres', q{SELECT count(*) FROM gold.property WHERE mls_source = 'one' AND "City" = 'North End'}), 30, 'and gold');
$rows = $node->safe_psql('postgres', 'SELECT sum(xmin::text::bigint) FROM silver.one_property');
sync_row($node, 'one', 'status');
is($node->safe_psql('postgres', 'SELECT sum(xmin::text::bigint) FROM silver.one_property'), $rows, 'once');

# A column of which bronze knows nothing
$mls->control('option', { schema => { drop => ['City'] } });
subscribe_property($node, $mls, 'late', @pages, key_prefix => 'la-');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE late.property DROP COLUMN city});
is(sync_row($node, 'late', 'received'), 999, 'a source that does not send a field yet');
$mls->control('option', { schema => {} });
is(sync_row($node, 'late', 'inserted'), 0, 'begins to');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE late.property ADD COLUMN city text OPTIONS (field 'City');
	SET client_min_messages = warning; SELECT mls_subscribe('late.property'), mls_rebuild('late.property')});
is(sync_row($node, 'late', 'received, message'), '999|no record here has field "City", so everything is read again',
	'a column that bronze has no field for is downloaded');
is(differences($node, $mls, 'late'), 0, 'into a true copy');

$node->stop;
done_testing();
