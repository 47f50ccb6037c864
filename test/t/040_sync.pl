# Replication in calm weather: first load, increments, and what is not written.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 2500, fields => 'small');
subscribe_property($node, $mls, 'one');

# First load
is($node->safe_psql('postgres', q{SELECT state FROM mls_status}), 'not_synced',
	'a new subscription is not synced');
is(sync_row($node, 'one', 'status, received, inserted, updated, unchanged, requests'),
	'finished|2500|2500|0|0|3', 'the first sync loads all records with one request per page');
is(differences($node, $mls, 'one'), 0, 'bronze and silver are what the server has');
is($node->safe_psql('postgres', q{SELECT state, last_error IS NULL, rows FROM mls_status_detail}),
	'synced|t|2500', 'the status says so');
is(last_run($node, 'one', 'status, pages, received, inserted, message IS NULL'),
	'finished|3|2500|2500|t', 'the run is in the history');

my @requests = $mls->requests;
like($requests[-1]{query}, qr/ModificationTimestamp%20gt.*ListingKey%20gt/,
	'a page is asked for by what comes after the last record');
is(scalar(grep { $_->{query} =~ /skip/ } @requests), 0, 'no page is asked for by its number');

# Nothing changed
my $rewritten = q{
	SELECT sum(pg_stat_get_tuples_updated(oid) + pg_stat_get_tuples_inserted(oid))
	FROM pg_class WHERE relname = 'one_property'};
my $xmin = q{SELECT md5(string_agg(xmin::text, ',' ORDER BY key)) FROM bronze.one_property};
my $before = $node->safe_psql('postgres', $rewritten);
my $pages = $node->safe_psql('postgres', $xmin);
is(sync_row($node, 'one', 'inserted, updated, requests, received = unchanged'), '0|0|1|t',
	'a sync of nothing is one request');
is($node->safe_psql('postgres', $rewritten), $before, 'and writes no row');
is($node->safe_psql('postgres', $xmin), $pages, 'and touches no row');
is($node->safe_psql('postgres', q{SELECT count(*) FROM bronze.one_property WHERE xmax <> 0}), 0,
	'and locks no row');

# Increments
$mls->control('clock', { advance => 3600 });
$mls->control('update', { resource => 'Property', count => 7, fields => { City => 'Elsewhere' } });
$mls->control('insert', { resource => 'Property', count => 3 });
is(sync_row($node, 'one', 'inserted, updated, requests'), '3|7|1', 'an increment moves what changed');
is(differences($node, $mls, 'one'), 0, 'and leaves a true copy');

$mls->control('touch', { resource => 'Property', count => 1200 });
is(sync_row($node, 'one', 'inserted, updated'), '0|1200', 'more changes than a page holds');
is(differences($node, $mls, 'one'), 0, 'all arrive');

# Older versions
$node->safe_psql('postgres', q{
	UPDATE bronze.one_property SET modified_at = modified_at + interval '1 hour',
	       record = replace(record::text, 'LK', 'LK')::json
	 WHERE key = (SELECT max(key) FROM bronze.one_property);
	UPDATE bronze.one_property SET record = '{"newer": true}'
	 WHERE key = (SELECT max(key) FROM bronze.one_property)});
$node->safe_psql('postgres', q{UPDATE mls.subscription SET cursor_timestamp = NULL});
is(sync_row($node, 'one', 'inserted, updated, unchanged'), '0|0|2503',
	'an older version never overwrites a newer one');
is($node->safe_psql('postgres', q{
	SELECT record FROM bronze.one_property ORDER BY key DESC LIMIT 1}), '{"newer": true}',
	'the newer one stays');
$node->safe_psql('postgres', q{
	UPDATE bronze.one_property SET modified_at = '2000-01-01'
	 WHERE key = (SELECT max(key) FROM bronze.one_property);
	UPDATE mls.subscription SET cursor_timestamp = NULL});
is(sync_row($node, 'one', 'inserted, updated, unchanged'), '0|1|2502', 'a newer version does');
is(differences($node, $mls, 'one'), 0, 'and the copy is true again');

# Bad values
$mls->fault(kind => 'bad_value', field => 'BedroomsTotal', value => 'many', record => 2, times => 1);
$mls->control('touch', { resource => 'Property', count => 5 });
is(sync_row($node, 'one', 'status'), 'finished', 'a bad value does not stop a page');
is($node->safe_psql('postgres', q{
	SELECT count(*), min(field), min(value), bool_and(reason <> '' AND key LIKE 'LK%') FROM mls.issue}),
	'1|BedroomsTotal|"many"|t', 'it is in mls.issue');
is($node->safe_psql('postgres', q{
	SELECT s.bedrooms_total IS NULL, b.record->>'BedroomsTotal'
	FROM mls.issue i JOIN silver.one_property s ON s.listing_key = i.key
	JOIN bronze.one_property b ON b.key = i.key}), 't|many', 'NULL in silver, as received in bronze');

# A record without a key, and two of one key on a page
$mls->control('touch', { resource => 'Property', count => 4 });
$mls->fault(kind => 'bad_value', field => 'ListingKey', value => undef, record => 12, times => 1);
is(sync_row($node, 'one', 'status'), 'finished', 'a record without a key does not stop a page');
is($node->safe_psql('postgres', q{SELECT reason FROM mls.issue WHERE key IS NULL}),
	'the record has no key and was not stored', 'and is an issue');
$mls->control('touch', { resource => 'Property', count => 4 });
$mls->fault(kind => 'bad_value', field => 'ListingKey', value => 'LK00000001', times => 1);
is(sync_row($node, 'one', 'status'), 'finished', 'a page full of one key is a page of one record');
$node->safe_psql('postgres', q{UPDATE mls.subscription SET cursor_timestamp = NULL;
	DELETE FROM bronze.one_property WHERE key = 'LK00000001'});
is(sync_row($node, 'one', 'status'), 'finished', 'reading again');
is(differences($node, $mls, 'one'), 0, 'repairs all');

# Scope
$node->safe_psql('postgres', q{
	ALTER FOREIGN TABLE one.property OPTIONS (ADD filter 'BedroomsTotal ge 0')});
ok($node->safe_psql('postgres', q{SELECT received > 100 FROM mls_sync('one')}) eq 't',
	'another filter reads everything again');

# Rebuild
$node->safe_psql('postgres', q{DELETE FROM silver.one_property});
is($node->safe_psql('postgres', q{SELECT mls_rebuild('one.property')}), '2503',
	'silver is rebuilt from bronze');
is(differences($node, $mls, 'one'), 0, 'without the network and without loss');

# Errors in words
like(sql_error($node, q{SELECT * FROM mls_sync('two')}), qr/42704.*no such subscription/s,
	'no such subscription');
like(sql_error($node, q{SELECT mls_subscribe('pg_class')}), qr/42809/, 'no foreign table');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE one.property OPTIONS (DROP timestamp);});
like(sql_error($node, q{SELECT * FROM mls_sync('one')}), qr/no timestamp column/,
	'a table that lost its timestamp');
$node->safe_psql('postgres', q{
	ALTER FOREIGN TABLE one.property OPTIONS (ADD timestamp 'ModificationTimestamp')});
like(sql_error($node, q{BEGIN; SET TRANSACTION READ ONLY; SELECT * FROM mls_sync('one')}),
	qr/25006/, 'a read-only transaction');
$node->safe_psql('postgres', q{DROP FOREIGN TABLE one.property});
like(sql_error($node, q{SELECT * FROM mls_sync('one')}), qr/42P01.*was dropped.*mls_unsubscribe\(\d+\)/s,
	'a dropped foreign table is named, and what to do about it');
$node->safe_psql('postgres', q{
	SELECT mls_unsubscribe(foreign_table::oid::regclass, true) FROM mls.subscription});
is($node->safe_psql('postgres', q{
	SELECT count(*), to_regclass('silver.one_property') IS NULL, (SELECT count(*) FROM mls.run)
	FROM mls.subscription}), '0|t|0', 'unsubscribing with its data leaves nothing');

$node->stop;
done_testing();
