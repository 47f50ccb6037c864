# Rules for records that arrive: those of which one is false are counted, or stay in bronze; when
# rules or records change, so does what is in silver and gold.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('arrival');
my $mls = start_mls(listings => 40, fields => 'small');

sub sql { my ($sql) = @_; return scalar $node->safe_psql('postgres', "SET client_min_messages = warning; $sql") }

# Columns of a sync of the listings, which bring their media.
sub sync_of { my ($columns) = @_; return sql("SELECT $columns FROM mls_sync('east') WHERE resource = 'Property'") }

sub keys_of
{
	my ($what) = @_;
	return sql("SELECT coalesce(string_agg(k, ' ' ORDER BY k), '') FROM (SELECT $what) x (k)");
}
# Some listings with values of their own.
my @keys = map { $_->{ListingKey} } map { decode($_) } (grep { length } split /\n/, $mls->get('truth?resource=Property'))[0 .. 5];
sub decode { require JSON::PP; return JSON::PP::decode_json($_[0]) }
sub put { my ($key, %fields) = @_; $mls->control('set', { resource => 'Property', keys => [$key], fields => \%fields }); $mls->control('touch', { resource => 'Property', keys => [$key] }); return }
put($_, ListPrice => 500000, City => 'Austin') for map { $_->{ListingKey} } map { decode($_) } grep { length } split /\n/, $mls->get('truth?resource=Property');
put($keys[0], ListPrice => 5);
put($keys[1], ListPrice => 7, City => 'Nowhere');
put($keys[2], ListPrice => undef);

sql(q{SELECT mls_arrival_set('price', 'r.list_price >= 1000', source => 'east', source_resource => 'Property');
	SELECT mls_arrival_set('city', 'r.city <> ''Nowhere''', 'quarantine', source => 'east');
	SELECT mls_arrival_set('other', 'r.no_such_column > 0', source => 'east');
	SELECT mls_arrival_set('missing', 'r.no_such_column > 0', source => 'east', source_resource => 'Property');
	SELECT mls_arrival_set('everywhere', 'false', 'quarantine');
	SELECT mls_arrival_set('everywhere', 'false', 'off', source => 'east')});
create_property($node, $mls, 'east', page_size => 10, table => ", expand 'Media'");
sql(q{CREATE FOREIGN TABLE east.media (key text OPTIONS (field 'MediaKey'), url text OPTIONS (field 'MediaURL'), modified timestamptz OPTIONS (field 'ModificationTimestamp')) SERVER east OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
	SELECT mls_subscribe('east.property'), mls_subscribe('east.media')});
is(sync_of('status, received, inserted'), 'finished|40|40', 'a sync');
is(sql('SELECT count(*) FROM bronze.east_property') . sql(' SELECT count(*) FROM silver.east_property') . sql(' SELECT count(*) FROM gold.property'), '403939', 'what is in quarantine is in bronze only');
is(keys_of("'' || key FROM bronze.east_property b WHERE NOT EXISTS (SELECT FROM silver.east_property s WHERE s.listing_key = b.key)"), $keys[1], 'it is the one that was planted');
is(sql(q{SELECT string_agg(concat_ws(' ', kind, key, reason), ', ' ORDER BY reason, key) FROM mls.issue WHERE solved_at IS NULL}),
	join(', ', "quarantine $keys[1] rule \"city\" does not hold, so the record is in bronze only", 'value rule "missing" is not looked at: there is no column r.no_such_column', map { "value $_ rule \"price\" does not hold" } sort @keys[0, 1]),
	'each is an issue; NULL is neither true nor false; a rule for all resources is for those that have its columns');
is(sql('SELECT local_rows FROM mls.subscription ORDER BY id LIMIT 1'), 39, 'rows are counted as they are');
is(sql(q{SELECT bad_values FROM mls_history WHERE resource = 'Property' ORDER BY run DESC LIMIT 1}), 4, 'and faults in the history, with the rule that cannot be looked at');

# What is in quarantine is no damage, and is told.
my $of_keys = q{SELECT string_agg(concat_ws(' ', severity, count, message), ', ') FROM mls_verify('east', 40) WHERE resource = 'Property' AND ("check" = 'keys' OR severity <> 'info' AND "check" IN ('counts', 'sample'))};
my $told = 'info 1 1 record of bronze is in quarantine: a rule of mls.arrival_map does not hold; mls.issue says which';
is(sql($of_keys), $told, 'a verification says how many are in quarantine, and finds no damage');
is(sql(q{SELECT count FROM mls.finding WHERE resource = 'Property' AND "check" = 'sample' AND subject IS NULL ORDER BY verification DESC LIMIT 1}), 39, 'and compares the others');
is(sql(q{SELECT remote_rows, rows, difference, message FROM mls_count('east', 'Property')}), '40|39|1|1 record is in quarantine', 'as a count does');
is(sql(q{SELECT status FROM mls_sync('east', 'Property', "full" => true)}), 'finished', 'all records come again as they were');
is(keys_of("key FROM mls.issue WHERE solved_at IS NULL AND kind = 'quarantine'"), $keys[1], 'and what is in quarantine still is');
sql(q{DELETE FROM silver.east_property WHERE listing_key = (SELECT max(listing_key) FROM silver.east_property)});
like(sql($of_keys), qr/^error 1 1 record of bronze is not in silver.*, \Q$told\E$/, 'what is lost is told apart');
sql(q{SELECT mls_rebuild('east.property')});
is(sql($of_keys), $told, 'until it is made again');

# A record that comes to be wrong leaves; one that is mended returns.
put($keys[3], City => 'Nowhere');
put($keys[1], City => 'Austin', ListPrice => 2000);
is(sync_of('status, updated'), 'finished|2', 'records change');
is(keys_of("'' || key FROM bronze.east_property b WHERE NOT EXISTS (SELECT FROM gold.property s WHERE s.mls_source_key = b.key)"), $keys[3], 'what is wrong now is shown no more, what is right is');
is(keys_of("'' || key FROM mls.issue WHERE solved_at IS NULL AND key IS NOT NULL"), join(' ', sort @keys[0, 3]), 'issues that are over are solved');
sql(q{SELECT mls_arrival_set('town', 'r.city <> ''Somewhere''', 'quarantine', source => 'east')});
put($keys[3], City => 'Somewhere');
sync_of('status');
is(sql("SELECT string_agg(reason, ', ') FROM mls.issue WHERE solved_at IS NULL AND key = '$keys[3]'"), 'rule "town" does not hold, so the record is in bronze only', 'also of what stays there by another rule');
sql(q{SELECT mls_arrival_set('town', NULL, source => 'east')});
put($keys[3], City => 'Nowhere');
sync_of('status');

# Rules that change hold for what is here, without a download.
$mls->reset;
sync_of('status');
my $usual = () = $mls->requests;
sql(q{SELECT mls_arrival_set('city', NULL, source => 'east'); SELECT mls_arrival_set('price', 'r.list_price >= 1000', 'quarantine', source => 'east', source_resource => 'Property')});
$mls->reset;
is(sync_of('status'), 'finished', 'rules change');
is(keys_of("'' || key FROM bronze.east_property b WHERE NOT EXISTS (SELECT FROM gold.property s WHERE s.mls_source_key = b.key)"), $keys[0], 'and are applied to what is here');
my $requests = () = $mls->requests;
is($requests, $usual, 'nothing is downloaded for it');

# Too much is a fault of the rule, not of records.
sql(q{SELECT mls_arrival_set('nothing', 'r.city = ''Nowhere''', 'quarantine', source => 'east')});
my ($code, $out, $err) = $node->psql('postgres', q{SELECT * FROM mls_sync('east')}, on_error_stop => 1);
like($err, qr/too many records of a page of resource "Property" of source "east" cannot be stored\nDETAIL:  At least .* The first of them: rule "nothing" does not hold/, 'a rule that is false of most records ends the sync');
is(sql('SELECT count(*) FROM gold.property'), 39, 'and takes nothing away');
sql(q{SELECT mls_arrival_set('nothing', NULL, source => 'east')});
is(sync_of('status'), 'finished', 'it goes on without it');

# What a rule can be.
for (
	[ q{'a', 'r.city; DROP TABLE x'}, qr/syntax error/ ],
	[ q{'a', 'true', 'drop'}, qr/"drop" is nothing to do with a record/ ],
	[ q{'a', 'r.city FROM x'}, qr/without clauses of a query/ ])
{
	like(sql_error($node, "SELECT mls_arrival_set($_->[0])"), $_->[1], "refused: $_->[0]");
}
for ([ 'random() > 0.5', qr/calls a volatile function/ ], [ q{EXISTS (SELECT FROM mls.run)}, qr/cannot use subqueries/ ], [ 'r.list_price', qr/neither true nor false/ ])
{
	sql("SELECT mls_arrival_set('odd', '$_->[0]', source => 'east'); UPDATE mls.subscription SET clean_hash = ''");
	($code, $out, $err) = $node->psql('postgres', q{SELECT * FROM mls_sync('east')}, on_error_stop => 1);
	like($err, $_->[1], "refused by the sync: $_->[0]");
}

$mls->stop;
$node->stop;
done_testing();
