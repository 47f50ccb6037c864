# Two sources have a record of one key: gold has one of them, always the one that the
# precedence says, also when the other goes, changes, leaves or comes back.

use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use MlsTruth;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 60, fields => 'small');

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub sync
{
	return query(join ' UNION ALL ', map { "SELECT string_agg(DISTINCT status, ' ') FROM mls_sync('$_')" } @_);
}

# Rows of gold by source
sub shares
{
	return query(q{SELECT string_agg(mls_source || ' ' || n, ', ' ORDER BY mls_source)
		FROM (SELECT mls_source, count(*) AS n FROM gold.property GROUP BY 1) g});
}

# Gold is what is made of it from nothing, whoever comes first
sub is_lawful
{
	my ($when) = @_;
	is(differences_from_nothing($node), '', "gold is what a rebuild makes: $when");
	return;
}

# ---- One MLS by two filters ----

my @keys = sort @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };
my ($first, $second, @rest) = @keys;
$mls->control('update', { resource => 'Property', keys => \@keys, fields => { BedroomsTotal => 1 } });
$mls->control('update', { resource => 'Property', keys => [ @rest[ 0 .. 19 ] ], fields => { BedroomsTotal => 2 } });
create_property($node, $mls, 'act', table => q{, filter 'BedroomsTotal eq 1'});
create_property($node, $mls, 'pend', table => q{, filter 'BedroomsTotal eq 2'});
my ($status, $out, $err) = $node->psql('postgres', q{SELECT mls_subscribe('act.property')});
unlike($err, qr/gold has/, 'the first source is told nothing');
($status, $out, $err) = $node->psql('postgres', q{SELECT mls_subscribe('pend.property')});
like($err, qr/NOTICE:  gold has Property of "act" already/, 'the second is told of the first');
sync(qw(act pend));
is(shares(), 'act 40, pend 20', 'two filters of one MLS fill gold together');
is(query(q{SELECT message FROM mls_sync('pend')}), '', 'a sync of the same account has nothing to say about it');

# A listing goes from one to the other
$mls->control('update', { resource => 'Property', keys => [$first], fields => { BedroomsTotal => 2, City => 'Moved' } });
sync(qw(act pend));
my $row = qq{SELECT mls_source || ' ' || "City" || ' ' || "BedroomsTotal" FROM gold.property WHERE "ListingKey" = '$first'};
is(query($row), 'pend Moved 2', 'the newer record of one account is shown');
is(query(q{SELECT count(*) FROM mls.issue}), 0, 'and nothing is wrong with that');
is_lawful('a listing has moved');
query(q{SELECT count(*) FROM mls_purge('act')});
is(query($row), 'pend Moved 2', 'a purge of the one it has left does not take it');
is_lawful('after the purge');

# The other way round, and the one that has it goes
$mls->control('update', { resource => 'Property', keys => [$first], fields => { BedroomsTotal => 1, City => 'Back' } });
sync(qw(act pend));
is(query($row), 'act Back 1', 'it moves back');
my $pages = query(q{SELECT mls_undo(max(run)) FROM mls_history WHERE process = 'purge' AND source = 'act'});
sync(qw(act));
is(query($row), 'act Back 1', 'an undo brings back nothing old');
query(q{SELECT count(*) FROM mls_purge('pend')});

# A record that is gone where it was newer leaves its place to the older one
$mls->control('update', { resource => 'Property', keys => [$second], fields => { BedroomsTotal => 2, City => 'Newer' } });
sync('pend');
is(query($row =~ s/$first/$second/r), 'pend Newer 2', 'a newer record takes the place of one that is still there');
$mls->control('update', { resource => 'Property', keys => [$second], fields => { BedroomsTotal => 3 } });
query(q{SELECT count(*) FROM mls_purge('pend')});
is(query(qq{SELECT mls_source || ' ' || "BedroomsTotal" FROM gold.property WHERE "ListingKey" = '$second'}), 'act 1',
	'when it goes the other comes back in the same transaction');
is_lawful('the winner was purged');
query(q{SELECT mls_undo(max(run)) FROM mls_history WHERE process = 'purge' AND source = 'pend'});
is(query($row =~ s/$first/$second/r), 'pend Newer 2', 'and gives way when the purge is undone');
is_lawful('the purge was undone');

# ---- Priority ----

query(q{ALTER SERVER act OPTIONS (ADD priority '5')});
query(q{SELECT count(*) FROM mls_remap('act')});
is(query(qq{SELECT mls_source FROM gold.property WHERE "ListingKey" = '$second'}), 'act', 'a higher priority wins over a newer record');
is(query(q{SELECT string_agg(source || ' ' || priority, ', ' ORDER BY source) FROM mls.subscription}), 'act 5, pend 0', 'it is shown');
is_lawful('a priority was set');
query(q{ALTER SERVER act OPTIONS (DROP priority)});
sync('act');
is(query(qq{SELECT mls_source FROM gold.property WHERE "ListingKey" = '$second'}), 'pend', 'without it the newer one wins again');
is_lawful('a priority was dropped');

# ---- Whoever leaves ----

query(q{SELECT mls_unsubscribe('pend.property', drop_data => true)});
is(query(qq{SELECT mls_source FROM gold.property WHERE "ListingKey" = '$second'}), 'act', 'who is next takes over when a source leaves');
is(query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'pend'}), 0, 'and nothing of it stays');
is_lawful('a source has left');
query(q{SELECT mls_subscribe('pend.property')});
sync('pend');
query(q{SELECT mls_unsubscribe('pend.property')});
is(query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'pend'}) > 0, 1, 'data that is kept stays in gold');
# They give way also while another resource of their source is replicated
query(q{SET client_min_messages = error; CREATE FOREIGN TABLE pend.member (member_key text OPTIONS (field 'MemberKey'), modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
	SERVER pend OPTIONS (resource 'Member', key 'MemberKey', timestamp 'ModificationTimestamp'); SELECT mls_subscribe('pend.member')});
my ($kept) = split /\n/, query(q{SELECT "ListingKey" FROM gold.property WHERE mls_source = 'pend' ORDER BY 1});
$mls->control('update', { resource => 'Property', keys => [$kept], fields => { BedroomsTotal => 1, City => 'Elsewhere' } });
sync('act');
is(query($row =~ s/$first/$kept/r), 'act Elsewhere 1', 'until another source has a record, whatever else is replicated of theirs');
query(q{SET client_min_messages = error; SELECT mls_unsubscribe('pend.member', drop_data => true)});
is(query(q{SELECT count(*) FROM gold.property g JOIN silver.act_property s ON s.listing_key = g."ListingKey" WHERE g.mls_source <> 'act'}), 0,
	'except where a subscription has the key');

# ---- Two MLSs that count alike ----

my $other = start_mls(listings => 60, fields => 'small', seed => 7);
create_property($node, $other, 'west');
query(q{SELECT mls_subscribe('west.property')});
query(q{SELECT mls_unsubscribe('act.property', drop_data => true); DELETE FROM gold.property; SELECT mls_subscribe('act.property')});
sync('west');
like(query(q{SELECT message FROM mls_sync('act')}), qr/gold has Property of "west" as well/, 'a sync says that keys of two accounts may be the same');
my $common = query(q{SELECT count(*) FROM silver.west_property JOIN silver.act_property USING (listing_key)});
SKIP:
{
	skip 'the servers have no key in common', 1 if !$common;
	is(query(q{SELECT count(*) FROM gold.property g JOIN silver.act_property s ON s.listing_key = g."ListingKey" WHERE g.mls_source = 'act'}), 0,
		'of two accounts the one that was first has the key');
	is(query(q{SELECT count(*) FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'act' AND i.reason = 'gold has this key from source "west"'}),
		$common, 'what is lost so is an issue');
	like(query(q{SELECT level || ' ' || message FROM mls_health() WHERE item = 'conflicts'}), qr/^warning $common records/, 'of which health warns');
}
is_lawful('two MLSs with the same keys');
query(q{ALTER SERVER act OPTIONS (ADD key_prefix 'A-')});
sync('act');
is(query(q{SELECT count(*) FILTER (WHERE "ListingKey" LIKE 'A-%'), count(*) FROM gold.property WHERE mls_source = 'act'}),
	query(q{SELECT count(*), count(*) FROM silver.act_property}), 'a prefix brings all records into gold, once');
is(query(q{SELECT count(*) FROM mls.issue WHERE solved_at IS NULL}), 0, 'and the issues end');
is_lawful('a prefix was set');
query(q{ALTER SERVER act OPTIONS (SET key_prefix 'B-')});
sync('act');
is(query(q{SELECT count(*) FROM gold.property WHERE "ListingKey" LIKE 'A-%'}), 0, 'another prefix leaves none of the old keys');
# It leaves with its data kept, and comes back with another prefix, or without a record
query(q{SELECT mls_unsubscribe('act.property'); ALTER SERVER act OPTIONS (SET key_prefix 'C-')});
like(query(q{SELECT string_agg(left("ListingKey", 2), '') FROM gold.property WHERE mls_source = 'act'}), qr/^(B-)+$/, 'what is kept stays as it is');
query(q{SELECT mls_subscribe('act.property')});
sync('act');
like(query(q{SELECT string_agg(left("ListingKey", 2), '') FROM gold.property WHERE mls_source = 'act'}), qr/^(C-)+$/, 'a source that comes back leaves none of the keys it had');
is_lawful('a source came back with another prefix');
my $gone = query(q{SELECT min(listing_key) FROM silver.act_property});
$mls->control('delete', { resource => 'Property', keys => [$gone] });
query(qq{SELECT mls_unsubscribe('act.property'); DELETE FROM bronze.act_property WHERE key = '$gone'; DELETE FROM silver.act_property WHERE listing_key = '$gone';
	SELECT mls_subscribe('act.property')});
sync('act');
is(query(qq{SELECT count(*) FROM gold.property WHERE "ListingKey" = 'C-$gone'}), 0, 'nor rows of records that it has no more');
is_lawful('a source came back without a record');
query(q{ALTER SERVER act OPTIONS (DROP key_prefix)});
sync('act');
is_lawful('a prefix was dropped');

# ---- Gold is dropped ----

for my $cure ('SELECT mls_subscribe(foreign_table) FROM mls.subscription; SELECT count(*) FROM mls_sync()',
	'SELECT count(*) FROM mls_sync()', 'SELECT count(*) FROM mls_remap()',
	'SELECT mls_rebuild(foreign_table) FROM mls.subscription')
{
	my $rows = shares();
	query('DROP TABLE gold.property CASCADE');
	query($cure);
	is(shares(), $rows, "dropped gold is there again after $cure");
	is(query(q{SELECT count(*) FROM reso."Property"}), query('SELECT count(*) FROM gold.property'), 'and so is its view');
	is_lawful('gold was dropped');
}

$_->stop for $node, $mls, $other;
done_testing();
