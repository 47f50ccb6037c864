# How many records there are: rows here counted as they are written, through every
# process that writes; records there counted only when that costs nothing or is asked for.
use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 500, fields => 'small');

# Numbers of the status, and whether the one for silver is the truth.
sub counts
{
	my ($name) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT t.rows, t.remote_rows, t.rows = (SELECT count(*) FROM silver.${name}_property)
		FROM mls_status_detail t WHERE source = '$name'});
}

subscribe_property($node, $mls, 'one', page_size => 100);
is(counts('one'), '0||t', 'nothing known after subscribing');
is($node->safe_psql('postgres', q{SELECT source, resource, remote_rows, rows, difference, message FROM mls_count()}),
	'one|Property|500|0|500|', 'the source asked, what is missing');
is(counts('one'), '0|500|t', 'noted');
sync_row($node, 'one', 'status');
is(counts('one'), '500|500|t', 'after the first load');
is($node->safe_psql('postgres', q{SELECT expected, pages > 1 FROM mls.run ORDER BY id DESC LIMIT 1}), '500|t',
	'what the run announced');

# An incremental run asks for nothing but the changes
$mls->control('insert', { resource => 'Property', count => 7 });
$mls->control('touch', { resource => 'Property', count => 3 });
$mls->reset;
sync_row($node, 'one', 'status');
is(scalar(grep { $_->{path} =~ /Property/ } $mls->requests), 1, 'an incremental run costs one request');
is(counts('one'), '507|500|t', 'rows here follow, the count of the source is as old as it says');
is($node->safe_psql('postgres', q{SELECT counted_at < last_run FROM mls_status_detail}), 't', 'which is before that run');

# Purge, undo, reconcile, rebuild
my @gone = map { sprintf 'LK%08d', $_ } 1 .. 4;
$mls->control('delete', { resource => 'Property', keys => \@gone });
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one')});
is(counts('one'), '503|503|t', 'a purge');
$node->safe_psql('postgres', q{SELECT mls_undo(max(run)) FROM mls_history WHERE process = 'purge'});
is(counts('one'), '507|503|t', 'taken back');
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one')});
$node->safe_psql('postgres', q{
	DELETE FROM bronze.one_property WHERE key IN ('LK00000010', 'LK00000011');
	UPDATE bronze.one_property SET modified_at = modified_at - interval '1 day' WHERE key = 'LK00000012'});
$node->safe_psql('postgres', q{SELECT * FROM mls_reconcile('one')});
is(counts('one'), '503|503|t', 'a reconcile counts no row twice');
$node->safe_psql('postgres', q{SELECT mls_rebuild('one.property')});
is(counts('one'), '503|503|t', 'a rebuild');

# A page that fails counts nothing
$mls->control('insert', { resource => 'Property', count => 250 });
$mls->fault(kind => 'truncate', resource => 'Property', skip => 1, times => 1);
$node->psql('postgres', q{SELECT * FROM mls_sync('one')});
is($node->safe_psql('postgres', q{SELECT state FROM mls_status}), 'failed', 'a run that fails');
like(counts('one'), qr/^5[1-9]\d\|503\|t$/, 'has counted what it committed');
$mls->reset;
sync_row($node, 'one', 'status');
is(counts('one'), '753|503|t', 'and the next the rest');

# What others do to silver is noticed when somebody counts
$node->safe_psql('postgres', q{DELETE FROM silver.one_property WHERE listing_key = 'LK00000020'});
is(counts('one'), '753|503|f', 'a row removed by hand');
is($node->safe_psql('postgres', q{SELECT remote_rows, rows, difference FROM mls_count('one', 'Property')}),
	'753|752|1', 'is missed by mls_count');
is(counts('one'), '752|753|t', 'which puts the status right');
$node->safe_psql('postgres', q{DELETE FROM silver.one_property WHERE listing_key = 'LK00000021'});
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one')});
is(counts('one'), '751|753|t', 'as does a purge');

# Counted without noting where nothing can be noted, and failures stay apart
is($node->safe_psql('postgres', q{
	SET default_transaction_read_only = on;
	SELECT remote_rows, rows FROM mls_count()}), '753|751', 'in a read-only transaction');
subscribe_property($node, $mls, 'two', key_prefix => 'T:');
$mls->fault(kind => 'status', status => 403, resource => 'Property', times => 1);
is($node->safe_psql('postgres', q{SELECT source, remote_rows, rows, message LIKE 'could not fetch the count%' FROM mls_count() ORDER BY 1}),
	"one||751|t\ntwo|753|0|", 'one that fails says so, the other is counted');
like(sql_error($node, q{SELECT * FROM mls_count('three')}), qr/42704.*there is no such subscription/s, 'no such subscription');

# Tables taken over are counted
$node->safe_psql('postgres', q{SELECT mls_unsubscribe('one.property')});
$node->safe_psql('postgres', q{SELECT mls_subscribe('one.property')});
is(counts('one'), '751||t', 'a subscription that takes over its tables');

# Flagged records are not there
my $grid = start_mls(listings => 300);
$grid->control('set', { resource => 'Property', fields => { OriginatingSystemName => 'actris' } });
create_source($node, $grid, 'grid', platform => 'mlsgrid', originating_system => 'actris', tables => 'property');
$node->safe_psql('postgres', q{SELECT mls_subscribe('grid.property'); SELECT * FROM mls_sync('grid')});
$grid->control('delete', { resource => 'Property', count => 5, flag => JSON::PP::true() });
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('grid')});
is(counts('grid'), '295||t', 'a total that holds flagged records is no count');

# Who may ask
$node->safe_psql('postgres', q{CREATE ROLE bob LOGIN; SELECT mls_grant('bob')});
my ($status, $out, $err) = $node->psql('postgres', q{SELECT count(*) FROM mls_count()}, extra_params => [ '-U', 'bob' ]);
is("$out$err", '0', 'only the own subscriptions are counted');
($status, $out, $err) = $node->psql('postgres', q{SELECT mls.count_remote(1)}, extra_params => [ '-U', 'bob' ]);
like($err, qr/there is no such subscription/, 'whatever their number');

$node->stop;
done_testing();
