# A Qobrix tenant becomes gold: all resources are loaded by the shipped rules, increments
# are small, what is gone goes, and times may be spelled in any way.
use strict;
use warnings;

use JSON::PP ();
use MlsQobrix;
use MlsSync;
use MlsTest;
use POSIX qw(strftime);
use Test::More;

my $node = new_node('qobrix_sync');
my $mls = start_mls(listings => 8, qobrix => 250);
create_tenant($node, $mls, 'crm', expand => 1);
my $subscribe = q{SET client_min_messages = warning;
	SELECT mls_subscribe(ftrelid::regclass) FROM pg_foreign_table t JOIN pg_foreign_server s ON s.oid = t.ftserver
	 WHERE s.srvname = 'crm' ORDER BY ftrelid};
my @resources = qw(properties agents contacts users projects opportunities property-viewings meetings locations
  property-types property-subtypes property-features project-features media/categories bayut-locations
  bazaraki-locations spitogatos-locations property-finder-a-e-locations media);

sub sql { return $node->safe_psql('postgres', $_[0]) }

sub keys_of
{
	return sort @{ JSON::PP::decode_json($mls->get("keys?resource=qobrix/$_[0]")) };
}

# Every resource here has the keys it has there.
sub is_complete
{
	my ($what) = @_;
	my @wrong;
	for my $resource (@resources)
	{
		my @here = sort split /\n/, sql("SELECT key FROM bronze.crm_" . ($resource =~ s/\W/_/gr) . ' WHERE deleted_at IS NULL');
		my %owner = $resource eq 'media' ? media_of_the_live() : ();
		my @there = grep { $resource ne 'media' || $owner{$_} } keys_of($resource);
		push @wrong, "$resource: " . @here . ' of ' . @there if "@here" ne "@there";
	}
	is(join(', ', @wrong), '', "$what: all resources are complete");
	return;
}

# The media of records that lists show.
sub media_of_the_live
{
	my %live = map { $_ => 1 } map { keys_of($_) } qw(properties projects agents contacts opportunities);
	my %found;
	for my $line (split /\n/, $mls->get('truth?resource=qobrix/media'))
	{
		my $medium = JSON::PP::decode_json($line);
		$found{ $medium->{id} } = 1 if $live{ $medium->{related_id} };
	}
	return %found;
}

sub sync
{
	my ($columns, $resource) = @_;
	my $which = $resource ? ", '$resource'" : '';
	return sql("SELECT $columns FROM mls_sync('crm'$which)");
}

# The first load
is(sql("$subscribe") =~ tr/\n// + 1, 19, 'all resources are subscribed');
is(sync(q{count(*), count(*) FILTER (WHERE status = 'finished'), sum(updated)}), '18|18|0', 'the first sync loads them, media with those they belong to');
is_complete('loaded');
is(sql(q{SELECT count(*) FROM mls_status WHERE state <> 'synced'}), '0', 'the status says so');
my $sold = q{SELECT count(*) FROM silver.crm_properties};
is(sql(q{SELECT count(*) FROM gold.property}), sql("$sold") + sql(qq{$sold WHERE sale_rent = 'for_sale_and_rent'}),
	'each property is a listing, two if it is for sale and rent');
for my $table (qw(member office contacts showing_appointment media))
{
	my $least = $table eq 'contacts' ? -1 : 0;
	cmp_ok(sql("SELECT count(*) FROM gold.$table"), '>', $least, "gold.$table is filled");
}
is(sql(q{SELECT count(*) FROM gold.contacts}), '0', 'but with no personal data');
is(sql(q{SELECT string_agg(DISTINCT reason, '; ') FROM mls.issue}), '', 'no record is left out');

is(sql(q{SELECT string_agg(DISTINCT severity, ',') FROM mls_verify('crm', 3) WHERE resource = 'media' AND "check" IN ('counts', 'sample')}), 'info',
	'mls_verify compares media as well, though there is no list of all');

# Nothing changed
my $spent = sync('sum(inserted), sum(updated)');
is($spent, '0|0', 'a sync of nothing writes nothing');

is(sql(q{SELECT count(*) FILTER (WHERE status = 'finished'), count(*) FILTER (WHERE status = 'skipped'), bool_and(status = 'finished' OR message LIKE 'read whole, and again from %')
	FROM mls_sync('crm', due => true)}), '14|4|t', 'what has no timestamp is not read again so soon');

# 150 changed properties, and what hangs on them
$mls->control('clock', { now => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime) });
$mls->control('update', { resource => 'qobrix/properties', count => 150, fields => { list_selling_price_amount => 123456 } });
$mls->control('update', { resource => 'qobrix/media', keys => [ sql(q{SELECT min(id) FROM silver.crm_media WHERE related_model = 'Properties'}) ],
	fields => { display_order => 77 } });
my $others = q{SELECT md5(string_agg(m."MemberKey" || m.xmin, ',' ORDER BY m."MemberKey")) FROM gold.member m};
my $before = sql($others);
my ($tables, $updated, $requests, $of_properties) = split /\|/, sql(q{SELECT count(*) FILTER (WHERE status = 'finished'), sum(updated), sum(requests),
	max(requests) FILTER (WHERE resource = 'properties') FROM mls_sync('crm', due => true)});
is("$tables|$updated", '14|151', 'an increment brings them, and the owner of a changed medium');
cmp_ok($of_properties, '<=', 12, "with $of_properties requests for properties");
# All records of five tables have the timestamp of the cursor: their number was never
# exceeded, so that it proves nothing, and the end of their answer is asked for.
cmp_ok($requests, '<=', 14 + 2 + 5, "and $requests for the whole tenant: one for each table, one for each 100 changed records, and for an end not proven yet");
is(sql(q{SELECT count(*) FROM gold.property WHERE "ListPrice" = 123456}) > 0, 1, 'gold has the new price');
is(sql($others), $before, 'and nothing else is written');
is(sql(q{SELECT count(*) FROM silver.crm_media WHERE display_order = 77}), '1', 'a changed medium comes by the time of its owner');

# A record without a modification time
my $made = $mls->control('insert', { resource => 'qobrix/properties', count => 1, fields => { modified => undef, name => 'Never modified' } })->{keys}[0];
sync('status', 'properties');
is(sql("SELECT count(*) FROM silver.crm_properties WHERE id = '$made'"), '1', 'a record without a modification time comes by its creation');

# Gone: into the bin and for good; a portal's location, too
my @properties = keys_of('properties');
$mls->control('delete', { resource => 'qobrix/properties', keys => [ $properties[7] ], trash => JSON::PP::true() });
$mls->control('delete', { resource => 'qobrix/properties', keys => [ $properties[8] ] });
$mls->control('delete', { resource => 'qobrix/bayut-locations', keys => [ (keys_of('bayut-locations'))[3] ] });
sync('count(*)');
is(sql(q{SELECT sum(deleted) FROM mls_purge('crm')}), '3', 'a purge takes out what is gone');
is_complete('purged');
is(sql(q{SELECT count(*) FROM gold.property g WHERE NOT EXISTS (SELECT FROM silver.crm_properties s WHERE g."ListingKey" IN (s.id, s.id || '_LEASE'))}), '0',
	'from gold as well');
$mls->control('restore', { resource => 'qobrix/properties', keys => [ $properties[7] ] });
sql(q{SELECT count(*) FROM mls_reconcile('crm')});
is_complete('restored and reconciled');

# Times with zones, and without the T
for my $stamps (qw(z offset local blank mixed))
{
	$mls->control('option', { qobrix => { stamps => $stamps } });
	$mls->control('clock', { advance => 3600 });
	$mls->control('touch', { resource => 'qobrix/properties', count => 120 });
	is(sync(q{status, updated >= 120}, 'properties'), 'finished|t', "stamps $stamps: changes come");
	is(sync('updated', 'properties'), '0', "stamps $stamps: once");
}
is(sql(q{SELECT count(*) FROM mls.issue WHERE field = 'modified'}), '0', 'all are times');
$mls->control('option', { qobrix => { stamps => 'naive' } });

# Files of one record, live
my ($owner) = sql(q{SELECT related_id FROM silver.crm_media WHERE related_model = 'Properties' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1});
is(sql("SELECT count(*) FROM crm.media WHERE related_model = 'Properties' AND related_id = '$owner'"),
	sql("SELECT count(*) FROM silver.crm_media WHERE related_id = '$owner'"), 'media of one record can be asked for');
my $medium = sql('SELECT min(id) FROM silver.crm_media');
is(sql("SELECT related_id FROM crm.media WHERE id = '$medium'"), sql("SELECT related_id FROM silver.crm_media WHERE id = '$medium'"), 'one by its id, too');
is(sql(q{SELECT count(*) FROM crm.media WHERE id = '00000000-0000-4000-8000-000000000000'}), '0', 'one that is not there is none');
like(sql_error($node, 'SELECT count(*) FROM crm.media'), qr/HV00L.*no list of all media.*related_model and related_id/s, 'all media cannot');

$node->stop;
done_testing();
