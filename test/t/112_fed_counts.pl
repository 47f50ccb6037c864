# Children that parents feed, where not all parents are here: they are counted, compared
# and read within those that are.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('fed');
my $mls = start_mls(listings => 120, fields => 'small');

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', "SET client_min_messages = warning; $sql");
}

# Property with a filter feeds Media and OpenHouse; options of the three tables
sub tables
{
	my ($name, $property, $media, $house) = @_;
	query(qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}', key_prefix '$name:', schema_policy 'ignore');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'static-token-value');
		CREATE SCHEMA $name;
		CREATE FOREIGN TABLE $name.property (key text OPTIONS (field 'ListingKey'), price numeric OPTIONS (field 'ListPrice'),
			modified timestamptz OPTIONS (field 'ModificationTimestamp'))
			SERVER $name OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp' $property);
		CREATE FOREIGN TABLE $name.media (key text OPTIONS (field 'MediaKey'), kind text OPTIONS (field 'ResourceName'),
			parent text OPTIONS (field 'ResourceRecordKey'), modified timestamptz OPTIONS (field 'ModificationTimestamp'))
			SERVER $name OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp' $media);
		CREATE FOREIGN TABLE $name.house (key text OPTIONS (field 'OpenHouseKey'), listing text OPTIONS (field 'ListingKey'),
			modified timestamptz OPTIONS (field 'ModificationTimestamp'))
			SERVER $name OPTIONS (resource 'OpenHouse', key 'OpenHouseKey', timestamp 'ModificationTimestamp' $house);
		SELECT mls_subscribe('$name.property'), mls_subscribe('$name.media'), mls_subscribe('$name.house')});
	return;
}

sub count_of
{
	my ($name) = @_;
	return query(qq{SELECT string_agg(format('%s %s', resource, difference), ',' ORDER BY resource) FROM mls_count('$name')});
}

tables('few', q{, filter 'ListPrice gt 500000', expand 'Media,OpenHouse'}, '', '');
query(q{SELECT * FROM mls_sync('few')});
my $rows = query(q{SELECT count(*) FROM silver.few_media});
cmp_ok($rows, '>', 0, 'media of the listings that are here');
cmp_ok(query(q{SELECT count(*) FROM few.media}), '>', $rows, 'the source has more');
is(count_of('few'), 'Media 0,OpenHouse 0,Property 0', 'children are counted within the parents that are here');
is(query(q{SELECT remote_rows = local_rows FROM mls.subscription WHERE source = 'few' AND resource = 'Media'}), 't', 'which mls_status shows');

for my $resource (qw(Media OpenHouse))
{
	my $table = $resource eq 'Media' ? 'media' : 'house';
	my $silver = $resource eq 'Media' ? 'few_media' : 'few_open_house';
	my $before = query(qq{SELECT count(*) FROM silver.$silver});
	is(query(qq{SELECT status, different FROM mls_reconcile('few', '$resource', dry_run => true)}), 'finished|0', "$resource: a reconcile finds no difference");
	is(query(qq{SELECT status, different, inserted FROM mls_reconcile('few', '$resource')}), 'finished|0|0', 'and fetches none of other parents');
	like(query(qq{SELECT note FROM mls_history WHERE resource = '$resource' ORDER BY run DESC LIMIT 1}), qr/belong to records that are not here/, 'of which it tells');
	is(query(qq{SELECT status, inserted FROM mls_sync('few', '$resource')}), 'finished|0', 'a sync of its own stores none');
	is(query(qq{SELECT status, inserted FROM mls_sync('few', '$resource', full => true)}), 'finished|0', 'a full one neither');
	is(query(qq{SELECT status, deleted FROM mls_purge('few', '$resource')}), 'finished|0', 'a purge removes none');
	is(query(qq{SELECT count(*) FROM silver.$silver}), $before, 'all are still here');
	is(query(qq{SELECT remote_rows = local_rows FROM mls.subscription WHERE source = 'few' AND resource = '$resource'}), 't', 'and the counts agree');
}

# What is missing of a parent that is here is found
query(q{DELETE FROM bronze.few_media WHERE key IN (SELECT key FROM bronze.few_media ORDER BY key LIMIT 3);
	DELETE FROM silver.few_media WHERE key NOT IN (SELECT key FROM bronze.few_media)});
like(count_of('few'), qr/Media 3/, 'what is missing is counted');
is(query(q{SELECT different, inserted FROM mls_reconcile('few', 'Media')}), '3|3', 'and fetched');
is(query(q{SELECT count(*) FROM silver.few_media}), $rows, 'all are here');
is(query(q{SELECT string_agg(message, '; ') FROM mls_verify('few') WHERE "check" = 'counts' AND severity <> 'info'}), '', 'mls_verify agrees');

# Where all parents are here, or the child is on its own, nothing changes
tables('whole', q{, expand 'Media,OpenHouse'}, '', '');
query(q{SELECT * FROM mls_sync('whole')});
$mls->reset;
is(count_of('whole'), 'Media 0,OpenHouse 0,Property 0', 'children of all parents');
is(scalar(grep { $_->{path} =~ /Media/ } $mls->requests), 2, 'are counted in one request, and the count is proven in another');
tables('alone', q{, filter 'ListPrice gt 500000', expand 'Media'}, q{, parent 'none'}, '');
query(q{SELECT * FROM mls_sync('alone')});
is(count_of('alone'), 'Media 0,OpenHouse 0,Property 0', 'children that are synced by themselves are counted whole');
is(query(q{SELECT count(*) FROM silver.alone_media}), query(q{SELECT count(*) FROM silver.whole_media}), 'and here whole');

# Children that are asked for by the keys of their parents
tables('asked', q{, filter 'ListPrice gt 500000'}, q{, parent 'Property'}, q{, parent 'Property'});
query(q{SELECT * FROM mls_sync('asked')});
is(query(q{SELECT count(*) FROM silver.asked_media}), $rows, 'children that are asked for');
is(count_of('asked'), 'Media 0,OpenHouse 0,Property 0', 'are counted within their parents');
is(query(q{SELECT different FROM mls_reconcile('asked', 'Media')}), 0, 'and compared within them');

$_->stop for $mls, $node;
done_testing();
