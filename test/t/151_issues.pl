# An issue has an end: it is solved when what it says is no longer so, opens again
# when it is met again, and only solved ones are pruned.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 300, fields => 'small');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub health
{
	return sql("SELECT level || ': ' || message FROM mls_health() WHERE item = '$_[0]'");
}

# Open and solved issues of a kind.
sub issues
{
	my ($kind, $source) = @_;
	$source //= 'one';
	return sql(qq{
		SELECT count(*) FILTER (WHERE solved_at IS NULL) || ' open, ' || count(solved_at) || ' solved'
		  FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription
		 WHERE kind = '$kind' AND source = '$source'});
}

subscribe_property($node, $mls, 'one', page_size => 100);
sync_row($node, 'one', 'status');
my @keys = sort @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };

# ---- Values ----

sub bad_value
{
	my ($first) = @_;
	$mls->control('touch', { resource => 'Property', keys => [ @keys[ $first .. $first + 2 ] ] });
	$mls->fault(kind => 'bad_value', resource => 'Property', field => 'BedroomsTotal', value => 'many', times => -1);
	sync_row($node, 'one', 'status');
	$mls->reset;
	return;
}
bad_value(0);
my $met = sql(q{SELECT count(*) FROM mls.issue WHERE solved_at IS NULL});
cmp_ok($met, '>=', 3, 'values that do not fit are issues');
is(sql(q{SELECT issues FROM mls_status_detail}), $met, 'which the status counts');
like(health('issues'), qr/^ok: $met issues are open and new since yesterday/, 'and health');
sql(q{SELECT * FROM mls_sync('one', full => true)});
is(issues('value'), '0 open, ' . $met . ' solved', 'records that come without them solve them');
is(sql(q{SELECT issues FROM mls_status_detail}), '0', 'also in the status');
bad_value(0);
is(sql(qq{SELECT count(*) FROM mls.issue WHERE solved_at IS NULL AND times = 2 AND first_seen > now() - interval '1 minute'
	AND key IN ('$keys[0]', '$keys[1]', '$keys[2]')}), '3', 'what is met again is open again');
$mls->control('delete', { resource => 'Property', keys => [ $keys[0] ] });
sql(q{SELECT * FROM mls_purge('one')});
is(sql(qq{SELECT solved_at IS NOT NULL FROM mls.issue WHERE key = '$keys[0]'}), 't', 'with a record that is gone its issues end');

sql(q{SELECT * FROM mls_sync('one', full => true)});

# ---- Records ----

sql(q{ALTER TABLE silver.one_property ADD CONSTRAINT dear CHECK (list_price <> 7)});
$mls->control('set', { resource => 'Property', keys => [ @keys[ 10 .. 13 ] ], fields => { ListPrice => 7 } });
$mls->control('touch', { resource => 'Property', keys => [ @keys[ 10 .. 13 ] ] });
sync_row($node, 'one', 'status');
is(issues('record'), '4 open, 0 solved', 'records that a constraint refuses');
$mls->control('set', { resource => 'Property', keys => [ $keys[10] ], fields => { ListPrice => 8 } });
$mls->control('touch', { resource => 'Property', keys => [ $keys[10] ] });
sync_row($node, 'one', 'status');
is(issues('record'), '3 open, 1 solved', 'one that fits again');
my $new = 'NEW-1';
$mls->control('insert', { resource => 'Property', count => 1, fields => { ListingKey => $new, ListPrice => 7 } });
sync_row($node, 'one', 'status');
is(issues('record'), '4 open, 1 solved', 'a new one that was never here');
$mls->control('delete', { resource => 'Property', keys => [ $new ] });
sql(q{SELECT * FROM mls_purge('one', dry_run => true)});
is(issues('record'), '4 open, 1 solved', 'a dry run changes nothing');
sql(q{SELECT * FROM mls_reconcile('one')});
is(issues('record'), '3 open, 2 solved', 'a list of all keys finds that the source has it no more');
sql(q{ALTER TABLE silver.one_property DROP CONSTRAINT dear; SELECT * FROM mls_reconcile('one')});
is(issues('record'), '0 open, 5 solved', 'without the constraint they are stored');
is(differences($node, $mls, 'one'), 0, 'the copy is true');

# The same version comes again: the record is here as the source has it
sql(q{ALTER TABLE silver.one_property ADD CONSTRAINT other CHECK (list_price <> 6)});
$mls->fault(kind => 'bad_value', resource => 'Property', field => 'ListPrice', value => 6, record => 0, times => 1);
sync_row($node, 'one', 'status');
is(issues('record'), '1 open, 5 solved', 'a version that is refused');
sync_row($node, 'one', 'status');
is(issues('record'), '0 open, 6 solved', 'and one that is here');
sql(q{ALTER TABLE silver.one_property DROP CONSTRAINT other});
is(differences($node, $mls, 'one'), 0, 'the copy is true');

# Without a key: nobody knows which it is, until all are read, or listed
for my $cure (q{mls_sync('one', full => true)}, q{mls_purge('one')}, q{mls_reconcile('one')})
{
	$mls->control('touch', { resource => 'Property', keys => [ $keys[30] ] });
	$mls->fault(kind => 'bad_value', resource => 'Property', field => 'ListingKey', value => undef, record => 0, times => 1);
	sync_row($node, 'one', 'status');
	$mls->reset;
	is(sql(q{SELECT count(*) FROM mls.issue WHERE key IS NULL AND solved_at IS NULL}), '1', 'a record without a key');
	sync_row($node, 'one', 'status');
	is(sql(q{SELECT count(*) FROM mls.issue WHERE key IS NULL AND solved_at IS NULL}), '1', 'an increment does not tell');
	sql("SELECT * FROM $cure");
	is(sql(q{SELECT count(*) FROM mls.issue WHERE key IS NULL AND solved_at IS NULL}), '0', "$cure does");
}

# ---- Gold ----

sql(q{SELECT mls_map_set('Property', 'X_Broken', 'expression', '{1.0 / (r.list_price - r.list_price)}', source => 'one');
	SELECT * FROM mls_remap('one')});
like(issues('gold'), qr/^\d{3} open, 0 solved/, 'a rule that raises errors');
sql(q{SELECT mls_map_set('Property', 'X_Broken', 'expression', ARRAY['1.0 / nullif(r.list_price - r.list_price, 0)'], source => 'one');
	SELECT * FROM mls_remap('one')});
like(issues('gold'), qr/^0 open, \d{3} solved/, 'and one that does not');

# ---- Conflicts ----

# Another MLS, by another address, that counts alike: nobody has said whose records are shown
my $other = start_mls(listings => 300, fields => 'small');
subscribe_property($node, $other, 'two', page_size => 100);
sync_row($node, 'two', 'status');
like(issues('conflict', 'two'), qr/^299 open/, 'two sources of the same keys');
like(health('conflicts'), qr/^warning: 299 records have a key/, 'which health tells');
sql(q{ALTER SERVER two OPTIONS (ADD key_prefix 'T-'); SELECT mls_rebuild('two.property')});
is(issues('conflict', 'two'), '0 open, 299 solved', 'key_prefix is the cure');
is(health('conflicts'), 'ok: no two sources share a key', 'and health is well again');
is(sql(q{SELECT count(*) FROM gold.property}), '599', 'with the records of both');

# ---- Collections ----

sql(q{
	CREATE FOREIGN TABLE one.media (media_key text OPTIONS (field 'MediaKey'),
		resource_name text OPTIONS (field 'ResourceName'), resource_record_key text OPTIONS (field 'ResourceRecordKey'))
	SERVER one OPTIONS (resource 'Media', key 'MediaKey');
	ALTER FOREIGN TABLE one.property OPTIONS (ADD expand 'Media');
	SELECT mls_subscribe('one.media')});
sync_row($node, 'one', 'status');
$mls->control('touch', { resource => 'Property', keys => [ $keys[40] ] });
$mls->fault(kind => 'bad_value', resource => 'Property', field => 'Media', value => 'none', times => 1);
sync_row($node, 'one', 'status');
$mls->reset;
like(issues('children'), qr/^[1-9]\d* open/, 'a collection that is none');
$mls->control('touch', { resource => 'Property', keys => [ $keys[40] ] });
sync_row($node, 'one', 'status');
like(issues('children'), qr/^0 open/, 'the next that can be used ends it');

# ---- Schema ----

sql(q{ALTER SERVER two OPTIONS (SET schema_policy 'evolve', ADD schema_check_interval '0')});
sync_row($node, 'two', 'status');
$other->control('option', { schema => { add => [ { field => 'X_New', type => 'Edm.String' } ] } });
like(sync_row($node, 'two', 'message'), qr/X_New/, 'a field is added');
is(issues('schema', 'two'), '1 open, 0 solved', 'an issue');
sync_row($node, 'two', 'status');
is(issues('schema', 'two'), '0 open, 1 solved', 'which ends with the next comparison, for the tables follow');
sql(q{ALTER SERVER two OPTIONS (SET schema_policy 'freeze')});
$other->control('option', { schema => { add => [
	{ field => 'X_New', type => 'Edm.String' }, { field => 'X_Newer', type => 'Edm.String' } ] } });
sync_row($node, 'two', 'status') for 1 .. 3;
is(issues('schema', 'two'), '1 open, 1 solved', 'where they do not follow it stays');
sql(q{SELECT * FROM mls_schema_accept('two')});
is(issues('schema', 'two'), '0 open, 2 solved', 'until it is accepted');

# ---- Pruning ----

bad_value(50);
sql(q{UPDATE mls.issue SET first_seen = first_seen - interval '100 days', last_seen = last_seen - interval '100 days',
	solved_at = solved_at - interval '100 days'});
my $open = sql(q{SELECT count(*) FROM mls.issue WHERE solved_at IS NULL});
cmp_ok($open, '>', 0, 'there are open ones');
sql(q{SELECT * FROM mls_prune()});
is(sql(q{SELECT count(*), count(solved_at) FROM mls.issue}), "$open|0", 'solved ones are forgotten, open ones are not');

$node->stop;
done_testing();
