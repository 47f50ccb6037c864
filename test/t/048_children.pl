# Records that come inside those of another resource feed their own subscription.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 400, fields => 'small');
$mls->control('option', { schema => { add => [ { field => 'PhotosChangeTimestamp', type => 'Edm.DateTimeOffset' } ] } });
$mls->control('set', { resource => 'Property', fields => { PhotosChangeTimestamp => undef } });

my %columns = (
	property => q{listing_key text OPTIONS (field 'ListingKey'), city text OPTIONS (field 'City'),
		photos_change_timestamp timestamptz OPTIONS (field 'PhotosChangeTimestamp')},
	media => q{media_key text OPTIONS (field 'MediaKey'), "order" integer OPTIONS (field 'Order'),
		media_url text OPTIONS (field 'MediaURL'), resource_name text OPTIONS (field 'ResourceName'),
		resource_record_key text OPTIONS (field 'ResourceRecordKey')},
	openhouse => q{open_house_key text OPTIONS (field 'OpenHouseKey'), listing_key text OPTIONS (field 'ListingKey')},
	member => q{member_key text OPTIONS (field 'MemberKey'), office_key text OPTIONS (field 'OfficeKey')},
	office => q{office_key text OPTIONS (field 'OfficeKey'), office_name text OPTIONS (field 'OfficeName')});
my %resources = (
	property => [ 'Property', 'ListingKey' ], media => [ 'Media', 'MediaKey' ], openhouse => [ 'OpenHouse', 'OpenHouseKey' ],
	member => [ 'Member', 'MemberKey' ], office => [ 'Office', 'OfficeKey' ]);

sub source
{
	my ($name, %options) = @_;
	$options{key_prefix} = "$name:";
	my $list = join ', ', "protocol 'reso'", "url '" . $mls->url . "'", map { "$_ '$options{$_}'" } sort keys %options;
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS ($list);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'static-token-value');
		CREATE SCHEMA $name});
	return;
}

# A subscribed table; more are further options of the foreign table.
sub table
{
	my ($source, $table, $more) = @_;
	my ($resource, $key) = @{ $resources{$table} };
	$more = $more ? ", $more" : '';
	$node->safe_psql('postgres', qq{
		CREATE FOREIGN TABLE $source.$table ($columns{$table},
			modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER $source OPTIONS (resource '$resource', key '$key', timestamp 'ModificationTimestamp' $more);
		SELECT mls_subscribe('$source.$table')});
	return;
}

sub sync
{
	my ($source, $columns, $resource) = @_;
	$resource = $resource ? ", '$resource'" : '';
	return $node->safe_psql('postgres', "SELECT $columns FROM mls_sync('$source'$resource)");
}

# How many media differ from the server's truth, in bronze, silver and gold; $where limits the truth.
sub media_differ
{
	my ($source, $where) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/media.json";
	open my $out, '>', $file or die "$file: $!";
	print $out $mls->get('truth?resource=Media');
	close $out;
	$where ||= 'true';
	return $node->safe_psql('postgres', qq{
		CREATE TEMP TABLE truth (r jsonb);
		\\copy truth FROM '$file' (FORMAT csv, DELIMITER e'\\x01', QUOTE e'\\x02')
		WITH there AS (SELECT r->>'MediaKey' AS key, (r->>'Order')::int AS "order", r->>'ResourceRecordKey' AS owner, r FROM truth WHERE $where),
		raw AS (
			(SELECT key, 'Property/' || owner FROM there
			 EXCEPT SELECT key, parent FROM bronze.${source}_media WHERE deleted_at IS NULL)
			UNION ALL
			(SELECT key, parent FROM bronze.${source}_media WHERE deleted_at IS NULL
			 EXCEPT SELECT key, 'Property/' || owner FROM there)),
		typed AS (
			(SELECT key, "order", owner, 'Property' FROM there
			 EXCEPT SELECT media_key, "order", resource_record_key, resource_name FROM silver.${source}_media)
			UNION ALL
			(SELECT media_key, "order", resource_record_key, resource_name FROM silver.${source}_media
			 EXCEPT SELECT key, "order", owner, 'Property' FROM there)),
		served AS (
			(SELECT '$source:' || key, '$source:' || owner FROM there
			 EXCEPT SELECT "MediaKey", "ResourceRecordKey" FROM gold.media WHERE "MediaKey" LIKE '$source:%')
			UNION ALL
			(SELECT "MediaKey", "ResourceRecordKey" FROM gold.media WHERE "MediaKey" LIKE '$source:%'
			 EXCEPT SELECT '$source:' || key, '$source:' || owner FROM there))
		SELECT (SELECT count(*) FROM raw) || '|' || (SELECT count(*) FROM typed) || '|' || (SELECT count(*) FROM served)});
}

sub media_of
{
	my ($key) = @_;
	return [ map { $_->{MediaKey} } grep { $_->{ResourceRecordKey} eq $key }
	  map { JSON::PP::decode_json($_) } grep { length } split /\n/, $mls->get('truth?resource=Media') ];
}

sub touch
{
	return $mls->control('touch', { resource => 'Property', keys => [@_] });
}

my @listings = map { JSON::PP::decode_json($_)->{ListingKey} }
  grep { length } split /\n/, $mls->get('truth?resource=Property');
my $true = '0|0|0';

# ---- The first load, and what follows ----

source('a', page_size => 100);
table('a', 'property', q{expand 'Media,OpenHouse'});
table('a', 'media');
table('a', 'openhouse');
is(sync('a', 'resource, status, received, inserted, message'),
	'Property|finished|400|400|Media: 800 new, 0 changed, 0 removed; OpenHouse: 40 new, 0 changed, 0 removed',
	'only the parent is synced, and brings the others');
is(scalar(grep { $_->{path} !~ m{/(Property|\$metadata)$} } $mls->requests), 0, 'nobody asked for anything else');
is(media_differ('a'), $true, 'all media are here');
is($node->safe_psql('postgres', q{SELECT count(*) FROM silver.a_open_house}), '40', 'and all open houses');
is($node->safe_psql('postgres', q{SELECT resource, state, fed_by, newest IS NOT NULL, last_success IS NOT NULL FROM mls_status_detail WHERE source = 'a' ORDER BY 1}),
	"Media|synced|Property.Media|t|t\nOpenHouse|synced|Property.OpenHouse|t|t\nProperty|synced||t|t", 'the status says who feeds whom');
is($node->safe_psql('postgres', q{SELECT count(*) FROM bronze.a_media WHERE record->>'MediaKey' <> key OR record::text ~ 'PhotosChange'}),
	'0', 'bronze has the records of the children themselves');
is(sync('a', 'inserted, updated, message'), '0|0|', 'a second sync changes nothing');

my ($none, $three, $one, $four) = @listings[ 0, 1, 2, 3 ];
my @media = @{ media_of($four) };
is(scalar @media, 4, 'a listing with four media');
$mls->control('delete', { resource => 'Media', keys => [ @media[ 0, 1 ] ] });
$mls->control('insert', { resource => 'Media', count => 2, fields => { ResourceName => 'Property', ResourceRecordKey => $none, Order => 7 } });
$mls->control('delete', { resource => 'Media', keys => media_of($one) });
$mls->control('set', { resource => 'Media', keys => [ media_of($three)->[0] ], fields => { Order => 99 } });
touch($none, $three, $one, $four);
is(sync('a', 'updated, message'), '4|Media: 2 new, 1 changed, 3 removed', 'children are replaced with their parents');
is(media_differ('a'), $true, 'exactly: an empty array empties');
is($node->safe_psql('postgres', q{SELECT count(*) FROM bronze.a_media WHERE deleted_at IS NOT NULL}), '3', 'bronze keeps tombstones');

# A medium that moves from one listing to another
$mls->control('set', { resource => 'Media', keys => [ $media[2] ], fields => { ResourceRecordKey => $one } });
touch($one, $four);
sync('a', 'status');
is(media_differ('a'), $true, 'a child that moved belongs to its new parent');
$mls->control('set', { resource => 'Media', keys => [ $media[2] ], fields => { ResourceRecordKey => $four } });
touch($one, $four);
sync('a', 'status');
is(media_differ('a'), $true, 'and back');

# ---- What is not known ----

for my $value ([ 'null', undef ], [ 'a number', 5 ], [ 'a list of other things', [ 'x', {} ] ], [ 'a list with a null', [undef] ])
{
	my $before = media_differ('a');
	$mls->fault(kind => 'bad_value', resource => 'Property', field => 'Media', value => $value->[1], times => 1);
	touch($three, $four);
	is(sync('a', 'status'), 'finished', "$value->[0] instead of a collection stops nothing");
	$mls->control('clear');
	is(media_differ('a'), $before, 'and touches no child');
}
is($node->safe_psql('postgres', q{SELECT DISTINCT field, reason FROM mls.issue ORDER BY 2}),
	"Media|the collection holds something else than records\nMedia|the collection is no list of records", 'what was wrong is an issue');

# ---- Collections the source cuts ----

$mls->control('option', { expand_limit => 1 });
touch(@listings[ 0 .. 49 ]);
is(sync('a', 'updated, message'), '50|', 'a cut collection is followed to its end');
is(media_differ('a'), $true, 'and loses nothing');
$mls->control('insert', { resource => 'Media', count => 3, fields => { ResourceName => 'Property', ResourceRecordKey => $none, Order => 8 } });
touch($none);
is(sync('a', 'message'), 'Media: 3 new, 0 changed, 0 removed', 'what stands in its rest is new');
is(media_differ('a'), $true, 'and here');
$mls->fault(kind => 'status', status => 500, match => 'Property\(', times => -1);
touch($none);
like(sql_error($node, q{SELECT * FROM mls_sync('a')}), qr/500/, 'a rest that cannot be had fails the run');
is(media_differ('a'), $true, 'and removes nothing');
$mls->control('clear');
is(sync('a', 'status'), 'finished', 'the next run has it');

$mls->control('option', { expand_limit => 2, expand_silent => JSON::PP::true });
$node->safe_psql('postgres', q{ALTER SERVER a OPTIONS (ADD expand_limit '2')});
touch(@listings[ 0 .. 59 ]);
my $last = ($mls->requests)[-1]->{id};
is(sync('a', 'updated, message'), '60|', 'a collection cut without a word is asked for');
is(media_differ('a'), $true, 'and loses nothing');
my @asked = grep { $_->{path} =~ m{/Media$} } $mls->requests($last);
cmp_ok(scalar @asked, '>=', 1, 'by the keys of the parents');
cmp_ok(scalar @asked, '<=', 6, 'in lists');
$mls->control('option', { expand_limit => undef, expand_silent => JSON::PP::false });
$node->safe_psql('postgres', q{ALTER SERVER a OPTIONS (DROP expand_limit)});

# ---- Photos that change by a timestamp of their own ----

$node->safe_psql('postgres', q{ALTER FOREIGN TABLE a.property OPTIONS (ADD timestamps 'PhotosChangeTimestamp')});
is(sync('a', 'received, message'), '400|', 'a new timestamp field has everything read once more');
sub photos_change
{
	my (@keys) = @_;
	my $now = $mls->control('clock', { advance => 60 })->{now};
	$mls->control('set', { resource => 'Property', keys => \@keys, fields => { PhotosChangeTimestamp => $now } });
	return;
}
$mls->control('clock', { advance => 7200 });
$mls->control('set', { resource => 'Media', keys => media_of($three), fields => { Order => 50 } });
photos_change($three);
is(sync('a', 'updated, message'), '1|Media: 0 new, 3 changed, 0 removed', 'a record whose photos changed is read again');
is(media_differ('a'), $true, 'with its photos');
touch(@listings[ 100 .. 110 ]);
$mls->control('delete', { resource => 'Media', keys => media_of($listings[101]) });
photos_change(@listings[ 101, 201 ]);
is(sync('a', 'updated, message'), '12|Media: 0 new, 0 changed, 3 removed', 'both timestamps count');
is(media_differ('a'), $true, 'and nothing is lost');
$mls->control('clock', { advance => 7200 });
photos_change($listings[300]);
sync('a', 'status');
$last = ($mls->requests)[-1]->{id};
$mls->control('clock', { advance => 7200 });
touch($listings[301]);
is(sync('a', 'updated'), '1', 'the cursors go on');
my @photos = grep { ($_->{options}{'$filter'} || '') =~ /PhotosChangeTimestamp ge/ } $mls->requests($last);
is(scalar @photos, 1, 'one request asks for photos');
like($photos[0]->{options}{'$filter'}, qr/ModificationTimestamp lt .* PhotosChangeTimestamp ge 2025-06-01T03:5/, 'from the last change on');

# ---- Removed parents ----

$mls->control('delete', { resource => 'Property', keys => [ $four, $three ] });
like($node->safe_psql('postgres', q{SELECT deleted, message FROM mls_purge('a')}), qr/^2\|Media: 0 new, 0 changed, 5 removed/,
	'a purge of the parent removes the children, and no purge of their own is run');
is(media_differ('a', "r->>'ResourceRecordKey' NOT IN ('$four', '$three')"), $true, 'exactly these');
my $run = $node->safe_psql('postgres', q{SELECT max(run) FROM mls_history WHERE process = 'purge'});
is($node->safe_psql('postgres', "SELECT mls_undo($run)"), '2', 'undo');
is(media_differ('a'), $true, 'brings them back');
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('a')});
$mls->control('delete', { resource => 'Media', keys => [ @{ media_of($four) }, @{ media_of($three) } ] });
$node->safe_psql('postgres', q{SELECT mls_rebuild('a.media')});
is(media_differ('a'), $true, 'a rebuild makes the same of bronze');

# ---- Reconcile, and by itself if named ----

$mls->control('set', { resource => 'Property', keys => [ $one ], fields => { ModificationTimestamp => '2020-01-01T00:00:00Z' } });
$mls->control('delete', { resource => 'Media', keys => media_of($one) });
is($node->safe_psql('postgres', q{SELECT resource, different FROM mls_reconcile('a')}), 'Property|1', 'a reconcile looks at the parent');
is(media_differ('a'), $true, 'and puts its children right');
is(sync('a', 'resource, status', 'Media'), 'Media|finished', 'a child is synced by itself if it is named');
is(media_differ('a'), $true, 'which loses nothing');
like($node->safe_psql('postgres', q{SELECT resource, status, deleted FROM mls_purge('a', 'Media')}), qr/^Media\|finished\|0/, 'so is its purge');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE a.openhouse OPTIONS (ADD parent 'none')});
is(sync('a', q{string_agg(resource, ',' ORDER BY resource)}), 'OpenHouse,Property', 'parent none: synced by itself');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE a.openhouse OPTIONS (DROP parent)});

# A child that works by itself and its parent exclude each other.
my $psql = start_psql($node, q{BEGIN; SELECT mls_rebuild('a.media'); SELECT pg_advisory_lock(42); SELECT pg_sleep(60)});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE objid = 42 AND granted AND locktype = 'advisory'})
  or die 'no lock';
like(sql_error($node, q{SELECT * FROM mls_sync('a')}), qr/55006.*Media/s, 'a parent does not write into a table that is being rebuilt');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = 42 AND locktype = 'advisory'});
end_psql($psql);
$mls->control('clear');

# ---- To one, two levels, nested options ----

my $media = () = $mls->get('truth?resource=Media') =~ /^/mg;
source('b', page_size => 100);
table('b', 'property', q{expand 'Media($select=Order;$orderby=Order desc),ListAgent($expand=Office)'});
table('b', 'media', q{parent_key 'ResourceRecordKey'});
table('b', 'member', q{parent 'Property.ListAgent'});
table('b', 'office', q{parent 'Member.Office'});
is(sync('b', 'resource, status'), 'Property|finished', 'one subscription feeds three');
my $agents = $node->safe_psql('postgres', q{SELECT count(DISTINCT record->'ListAgent'->>'MemberKey') FROM bronze.b_property});
cmp_ok($agents, '>', 5, 'there are agents');
is($node->safe_psql('postgres', q{SELECT count(*), count(*) FILTER (WHERE deleted_at IS NULL) FROM bronze.b_member}), "$agents|$agents", 'each once, though many listings have him');
is($node->safe_psql('postgres', q{SELECT count(*) FROM silver.b_office EXCEPT SELECT count(DISTINCT office_key) FROM silver.b_member}), '', 'and their offices, a level deeper');
is($node->safe_psql('postgres', q{SELECT count(*), count("order"), count(resource_record_key), count(media_url) FROM silver.b_media}), "$media|$media|$media|0",
	'a field that was not asked for is supplied where it says whose the record is');
is($node->safe_psql('postgres', q{SELECT count(*) FROM bronze.b_media b JOIN silver.b_media s ON s.media_key = b.key WHERE b.parent <> 'Property/' || s.resource_record_key}), '0', 'rightly');
$mls->control('set', { resource => 'Property', keys => [ $listings[5] ], fields => { ListAgentKey => undef } });
touch($listings[5]);
sync('b', 'status');
is($node->safe_psql('postgres', q{SELECT count(*) FROM silver.b_member}), $agents, 'an object that became null removes nobody');
$mls->control('option', { expand_limit => 1 });
touch(@listings[ 10 .. 60 ]);
is(sync('b', 'message'), '', 'a cut collection with options of its own comes whole');
$mls->control('option', { expand_limit => undef });
$node->safe_psql('postgres', q{SELECT mls_rebuild('b.media')});
is($node->safe_psql('postgres', q{SELECT count(resource_record_key) FROM silver.b_media}), $media, 'a rebuild supplies it, too');

# ---- Not expanded: asked for by the key of each parent ----

source('c', page_size => 100);
table('c', 'property');
table('c', 'media', q{parent 'Property'});
is(sync('c', 'resource, message'), "Property|Media: $media new, 0 changed, 0 removed", 'children can be asked for by their parents');
is(media_differ('c'), $true, 'all of them');
$mls->control('delete', { resource => 'Media', keys => [ media_of($listings[7])->[0] ] });
touch($listings[7]);
$last = ($mls->requests)[-1]->{id};
is(sync('c', 'updated, message'), '1|Media: 0 new, 0 changed, 1 removed', 'of a changed parent only');
is(scalar(grep { $_->{path} =~ m{/Media$} } $mls->requests($last)), 1, 'in one request');
is(media_differ('c'), $true, 'exactly');

# ---- Killed while loading ----

source('d', page_size => 50);
table('d', 'property', q{expand 'Media'});
table('d', 'media');
for my $pages (2, 4)
{
	$mls->fault(kind => 'stall', match => 'expand', skip => $pages, times => 1);
	my $running = start_psql($node, q{SELECT * FROM mls_sync('d')});
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls.run r JOIN mls.subscription s ON s.id = r.subscription
		WHERE s.source = 'd' AND r.status = 'running' AND pages > 0}) or die 'no page';
	$node->stop('immediate');
	$mls->control('release');
	end_psql($running);
	$node->start;
}
$mls->control('clear');
is(sync('d', 'status'), 'finished', 'after two crashes of the server');
is(media_differ('d'), $true, 'every child is here once');

# ---- A child that comes later ----

source('e', page_size => 100);
table('e', 'property', q{expand 'Media'});
sync('e', 'status');
table('e', 'media');
is(sync('e', 'received'), '398', 'a child subscribed later has its parent read again');
is(media_differ('e'), $true, 'and is complete');

# ---- Whose syncs bring them: of those who are synced by themselves ----

# Who is fed by whom, and whose runs its status shows
sub feeders
{
	my ($source) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT string_agg(s.resource || ' ' || coalesce(f.resource || ' ' || w.expansion, '-') || ' ' || d.state, ', ' ORDER BY s.resource)
		  FROM mls.subscription s CROSS JOIN mls.feeder(s.id) w LEFT JOIN mls.subscription f ON f.id = w.subscription
		  JOIN mls_status_detail d ON d.foreign_table = s.foreign_table WHERE s.source = '$source'});
}

# The one that is fed itself was subscribed first
source('f', page_size => 100);
table('f', 'member', q{parent 'Property.ListAgent', expand 'Office'});
table('f', 'office', q{parent 'Member.Office'});
table('f', 'property', q{expand 'ListAgent($expand=Office)'});
sync('f', 'status');
is(feeders('f'), 'Member Property Property.ListAgent synced, Office Property Member.Office synced, Property - synced',
	'of two who could bring a record it is the one that is synced by itself');
is($node->safe_psql('postgres', q{SELECT count(*) > 0 FROM silver.f_office}), 't', 'and it does');

# Nobody whose turn comes brings the third
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE f.property OPTIONS (SET expand 'ListAgent')});
is(feeders('f'), 'Member Property Property.ListAgent synced, Office - not_synced, Property - synced',
	'who is fed brings nothing by a sync of its own');
is(sync('f', 'resource, status'), "Office|finished\nProperty|finished", 'so its children are synced by themselves');
my $offices = () = $mls->get('truth?resource=Office') =~ /^/mg;
is($node->safe_psql('postgres', q{SELECT count(*) FROM silver.f_office}), $offices, 'and are all here');

# Each is named as the other's parent: one has to begin
source('g', page_size => 100);
table('g', 'member', q{parent 'Property.ListAgent', expand 'Listings'});
table('g', 'property', q{parent 'Member.Listings', expand 'ListAgent'});
is(feeders('g'), 'Member - not_synced, Property Member Member.Listings not_synced', 'in a circle the oldest is synced by itself');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE g.member OPTIONS (DROP expand)});
is(feeders('g'), 'Member Property Property.ListAgent not_synced, Property - not_synced', 'where it ends, the others follow');

done_testing();
