# Gold over two nodes: what is loaded, changes, moves and goes is there as it would be in
# local tables, whole pages at a time, through crashes of either node; and comes back.
use strict;
use warnings;

use MlsCitus;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $worker) = new_cluster('two', restart_after_crash => 'on');
my $mls = start_mls(listings => 400, fields => 'small', seed => 3);
sub query { return scalar $node->safe_psql('postgres', $_[0]) }

create_source($node, $mls, 'east', page_size => 50);
query("SELECT mls_subscribe('east.$_')") for qw(property media member);
query("SELECT mls_sync('east', 'property')");
query('CREATE TABLE was AS SELECT * FROM gold.property');

# ---- Distributing ----

is(query('SELECT string_agg(object || obstacle, chr(10)) FROM mls_check_scale()'), '', 'nothing keeps gold from being distributed');
like(sql_error($node, q{SELECT mls_distribute(layers => 'bronze')}), qr/cannot distribute bronze.*stand on the node that syncs it/s, 'bronze stays');
like(sql_error($node, q{SELECT mls_distribute(shards => 0)}), qr/cannot distribute over 0 shards/, 'no shards');
query(q{SELECT mls_track('east.property')});
like(query('SELECT obstacle FROM mls_check_scale()'), qr/^the trigger mls_\w+ would not see/, 'a trigger stands in the way');
like(sql_error($node, q{SELECT mls_distribute()}), qr/cannot distribute table gold.property: the trigger/, '... and refuses it');
query(q{SELECT mls_track('east.property', false)});
is(distribute($node), qq{gold.property|by "ListingKey"\ngold.media|by "ResourceRecordKey"\ngold.member|on every node}, 'all gold is distributed');
is(distribute($node), '', 'and stays as it is');
query('CREATE TABLE here AS SELECT * FROM gold.property');
is(query('SELECT count(*) FROM ((TABLE was EXCEPT TABLE here) UNION ALL (TABLE here EXCEPT TABLE was)) x'), '0', 'what was there is there');
is(query(q{SELECT count(DISTINCT nodeport) FROM citus_shards WHERE table_name = 'gold.media'::regclass}), '2', 'on both nodes');

# ---- Writing ----

# Gold is what verifications find it to be, and no key stands twice.
sub is_right
{
	my ($what) = @_;
	is(query(q{SELECT string_agg(concat_ws(' ', resource, "check", message), chr(10)) FROM mls_verify('east', 5)
		WHERE severity IN ('error', 'warning') AND "check" IN ('counts', 'keys', 'gold', 'joins')}), '', "$what: gold is right");
	is(query(q{SELECT count(*) FROM (SELECT "MediaKey" FROM gold.media GROUP BY 1 HAVING count(*) > 1) x}), '0', '... and no medium stands twice');
	return;
}
is(query(q{SELECT string_agg(status, ' ') FROM mls_sync('east')}), 'finished finished finished', 'a sync ends well');
is(query('SELECT count(*) FROM gold.media'), query('SELECT count(*) FROM silver.east_media'), 'media have come');
is_right('loaded');
is(query(q{SELECT count(*) FROM gold.property p JOIN gold.media m ON m."ResourceRecordKey" = p."ListingKey" JOIN gold.member a ON a."MemberKey" = p."ListAgentKey"}),
	query(q{SELECT count(*) FROM silver.east_property p JOIN silver.east_media m ON m.resource_record_key = p.listing_key JOIN silver.east_member a ON a.member_key = p.list_agent_key}),
	'listings are joined with their media and agents');
like(query(q{EXPLAIN SELECT * FROM reso."Property" WHERE "ListingKey" = 'LK00000007'}), qr/Task Count: 1\b/, 'a listing by its key is one task, through the view');
like(query(q{EXPLAIN SELECT * FROM reso."Property" p JOIN reso."Media" m ON m."ResourceRecordKey" = p."ListingKey" WHERE p."ListingKey" = 'LK00000007'}),
	qr/Task Count: 1\b/, 'and so it is with its media');

# Media change what they belong to.
my @media = split /\n/, query('SELECT media_key FROM silver.east_media ORDER BY 1 LIMIT 30');
$mls->control('update', { resource => 'Media', keys => \@media, fields => { ResourceRecordKey => 'LK00000003' } });
is(query(q{SELECT updated FROM mls_sync('east', 'media')}), '30', 'thirty media move');
is(query(q{SELECT count(*) FROM gold.media WHERE "ResourceRecordKey" = 'LK00000003' AND "MediaKey" = ANY ('{}'::text[] || ARRAY(SELECT media_key FROM silver.east_media ORDER BY 1 LIMIT 30))}), '30', '... in gold');
is_right('moved');
$mls->control('update', { resource => 'Media', keys => [ @media[0 .. 4] ], fields => { ResourceRecordKey => undef } });
query(q{SELECT mls_sync('east', 'media')});
is_right('without listings');

# What goes.
my @keys = split /\n/, query(q{SELECT listing_key FROM silver.east_property WHERE listing_key ~ '^LK[0-9]+$' ORDER BY 1});
my @gone = @keys[20 .. 60];
my @touched = @keys[100 .. 180];
$mls->control('delete', { resource => 'Property', keys => \@gone });
is(query(q{SELECT deleted FROM mls_purge('east', 'property', force => true)}), '41', 'a purge removes what is gone');
is(query('SELECT count(*) FROM gold.property'), '359', '... from gold');
is(query(q{SELECT mls_undo(max(id)) FROM mls.run WHERE process = 'purge'}), '41', 'and it is undone');
is(query('SELECT count(*) FROM gold.property'), '400', '... in gold');
query(q{SELECT mls_purge('east', 'property', force => true)});
is_right('purged');
query(q{DELETE FROM gold.property WHERE "ListingKey" < 'LK00000015'});
query(q{SELECT mls_rebuild('east.property'); SELECT mls_rebuild('east.media')});
is(query('SELECT count(*) FROM gold.property'), '359', 'a rebuild makes gold anew');
is_right('rebuilt');
query(q{SELECT mls_map_set('Property', 'X_Note', 'expression', '{"upper(r.city)"}')});
query(q{SELECT mls_remap('east')});
is(query(q{SELECT count(*) FROM gold.property p WHERE "X_Note" = upper("City")}), query('SELECT count(city) FROM silver.east_property'), 'a new rule widens gold and fills it');
is_right('mapped');
query(q{SELECT mls_map_set('Property', 'X_Note', 'expression', '{"(100 / (length(r.city) - length(r.city)))::text"}')});
query(q{SELECT mls_remap('east')});
is(query(q{SELECT count(*) FROM mls.issue WHERE kind = 'gold' AND solved_at IS NULL}), query('SELECT count(city) FROM silver.east_property'), 'a rule that fails leaves its field empty, record by record');
query(q{SELECT mls_map_remove('Property', 'X_Note'); SELECT mls_remap('east')});
is(query(q{SELECT count("X_Note") FROM gold.property}), '0', 'a rule that goes takes its values along');
is_right('mapped again');

# ---- Crashes ----

# Pages are whole or not there, whoever dies in their middle: a row lock on the other node
# holds the page while its shards are written.
sub tables
{
	return join ' ', map { query("SELECT count(*) FROM $_") } 'bronze.east_property WHERE deleted_at IS NULL', 'silver.east_property', 'gold.property';
}
for my $victim (qw(worker_process coordinator node))
{
	my $held = $worker->background_psql('postgres');
	my $shard = query(sprintf q{SELECT shard_name FROM citus_shards WHERE table_name = 'gold.property'::regclass AND nodeport = %d ORDER BY 1 LIMIT 1}, $worker->port);
	$held->query_safe("SET citus.enable_manual_changes_to_shards = on; BEGIN; LOCK TABLE $shard IN SHARE MODE");
	$mls->control('touch', { resource => 'Property', keys => \@touched });
	my $psql = start_psql($node, q{SELECT status FROM mls_sync('east', 'property')});
	$worker->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%gold.property%')})
	  or die 'the page does not wait';
	if ($victim eq 'worker_process')
	{
		kill 'KILL', query(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'mls_fdw sync'});
	}
	elsif ($victim eq 'coordinator')
	{
		$node->stop('immediate');
	}
	else
	{
		eval { $held->quit };
		$worker->stop('immediate');
	}
	end_psql($psql);
	eval { $held->quit } if $victim ne 'node';
	$node->start if $victim eq 'coordinator';
	$worker->start if $victim eq 'node';
	$node->poll_query_until('postgres', 'SELECT true');
	$node->poll_query_until('postgres', 'SELECT count(*) >= 0 FROM gold.property');
	is(tables(), '359 359 359', "$victim killed: no layer has more or less than the others");
	is(query(q{SELECT status FROM mls_sync('east', 'property')}), 'finished', '... the next sync ends well');
	is_right("$victim killed");
}

# ---- Back ----

my $rows = join ', ', map { "gold.$_ " . query("SELECT count(*) FROM gold.$_") } qw(media member property);
is(query(q{SELECT string_agg(gold::text || ' ' || rows, ', ' ORDER BY gold::text) FROM mls_undistribute()}), $rows, 'gold comes back');
is(query('SELECT count(*) FROM citus_tables'), '0', '... and nothing is distributed');
is(query(q{SELECT string_agg(pg_get_constraintdef(oid), ' ') FROM pg_constraint WHERE conrelid = 'gold.media'::regclass}), 'PRIMARY KEY ("MediaKey")', '... with the keys that it had');
is(query(q{SELECT count(*) > 0 FROM gold.media WHERE "ResourceRecordKey" IS NULL}), 't', 'what belonged to nothing does so');
$mls->control('touch', { resource => 'Property', keys => \@touched });
is(query(q{SELECT updated FROM mls_sync('east', 'property')}), '81', 'a sync goes on');
is_right('brought back');

$mls->stop;
$node->stop;
$worker->stop;
done_testing();
