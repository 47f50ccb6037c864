# The option select: syncs ask for these fields and no others; what was not asked for is
# neither missing nor wrong; live queries ask for what they want.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('select');
my $mls = start_mls(listings => 300, fields => 'small');

# The $select of requests for a resource that hold all its records' fields, each once.
sub selected
{
	my ($resource) = @_;
	my %seen;
	for my $request ($mls->requests)
	{
		next unless $request->{path} =~ /\/$resource\b/;
		$seen{ $request->{options}{'$select'} // 'all' }++;
	}
	return join ' ', sort keys %seen;
}

my $filled = q{SELECT count(*), count(list_price), count(city), count(bedrooms_total) FROM silver.few_property};

subscribe_property($node, $mls, 'few', page_size => 100, table => q{, select 'ListPrice,City'});
$mls->reset;
is(sync_row($node, 'few', 'status, inserted'), 'finished|300', 'a sync');
is(selected('Property'), 'ListingKey,ModificationTimestamp,ListPrice,City', 'asks for key, timestamp and what is selected');
like($node->safe_psql('postgres', $filled), qr/^300\|[1-9]\d*\|[1-9]\d*\|0$/, 'other columns of silver are empty');
is($node->safe_psql('postgres', q{SELECT count("ListingId") FROM gold.property}), 0, 'and of gold');
is($node->safe_psql('postgres', q{SELECT count(*) FROM bronze.few_property WHERE record -> 'BedroomsTotal' IS NOT NULL}), 0, 'bronze has what was asked for');

# Live queries ask for any field.
isnt($node->safe_psql('postgres', 'SELECT count(bedrooms_total) FROM few.property'), 0, 'a live query sees every column');
isnt($node->safe_psql('postgres', q{SELECT count(*) FROM few.property WHERE bedrooms_total > 0}), 0, '... in conditions too');

# Nothing that looks for damage finds any.
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls_verify('few', samples => 10) WHERE severity = 'error'}), 0, 'mls_verify finds no damage');
is($node->safe_psql('postgres', q{SELECT string_agg(field, ' ') FROM mls_compare('few', 'Property', 'LK00000007') WHERE differs}), '', 'mls_compare finds no difference');
$mls->control('set', { resource => 'Property', key => 'LK00000007', fields => { City => 'Elsewhere', BedroomsTotal => 99 } });
is($node->safe_psql('postgres', q{SELECT string_agg(field, ' ') FROM mls_compare('few', 'Property', 'LK00000007') WHERE differs}), 'City', '... but in what is selected');
is($node->safe_psql('postgres', q{SELECT status, deleted FROM mls_purge('few')}), 'finished|0', 'a purge');
$mls->reset;
$node->safe_psql('postgres', q{DELETE FROM bronze.few_property WHERE key < 'LK00000005'; DELETE FROM silver.few_property WHERE listing_key < 'LK00000005'});
like($node->safe_psql('postgres', q{SELECT status, inserted FROM mls_reconcile('few')}), qr/^finished\|[1-9]/, 'a reconcile fetches what is missing');
like(selected('Property'), qr/ListingKey,ModificationTimestamp,ListPrice,City/, '... the same fields of it');
unlike(selected('Property'), qr/all/, '... and never all');

# Nothing changed: nothing is written again.
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('few', full => true)});
is($node->safe_psql('postgres', q{SELECT updated, inserted FROM mls_sync('few', full => true)}), '0|0', 'a full reading changes nothing');

# A column whose field is not selected is no reason to read everything again.
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE few.property ADD COLUMN status text OPTIONS (field 'StandardStatus')});
is(sync_row($node, 'few', q{status, received < 300, coalesce(message, '') ~ 'read again'}), 'finished|t|f', 'a new column that is not selected');
is($node->safe_psql('postgres', q{SELECT count(status) FROM silver.few_property}), 0, '... stays empty');

# Wider: the difference is filled. Narrower: nothing old remains.
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE few.property OPTIONS (SET select 'ListPrice,City,BedroomsTotal,StandardStatus')});
is(sync_row($node, 'few', 'status, received'), 'finished|300', 'a wider selection reads everything again');
like($node->safe_psql('postgres', $filled), qr/^300\|[1-9]\d*\|[1-9]\d*\|[1-9]\d*$/, '... and fills the columns');
isnt($node->safe_psql('postgres', q{SELECT count(status) FROM silver.few_property}), 0, '... that were added before, too');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE few.property OPTIONS (SET select 'City')});
is(sync_row($node, 'few', 'status, received'), 'finished|300', 'a narrower one too');
like($node->safe_psql('postgres', $filled), qr/^300\|0\|[1-9]\d*\|0$/, '... and leaves nothing that is not kept up');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE few.property OPTIONS (DROP select)});
is(sync_row($node, 'few', 'status, received'), 'finished|300', 'without it all fields are asked for');
is(differences($node, $mls, 'few'), 0, '... and the copy is true');

# The server's option is for all resources; those without any of the fields are read whole.
create_source($node, $mls, 'all_of', tables => 'property, member, open_house', select => 'ListPrice,MemberFullName,Nothing', key_prefix => 'all-');
$node->safe_psql('postgres', q{SELECT mls_subscribe(t::regclass) FROM unnest('{all_of.property,all_of.member,all_of.open_house}'::text[]) t});
$mls->reset;
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT status, ' ') FROM mls_sync('all_of')}), 'finished', 'a selection for a server');
is(selected('Property'), 'ListingKey,ModificationTimestamp,ListPrice', 'Property');
is(selected('Member'), 'MemberKey,ModificationTimestamp,MemberFullName', 'Member');
is(selected('OpenHouse'), 'all', 'OpenHouse has none of them');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls_schema_accept('all_of') s WHERE s::text ~ 'gone|dropped|missing'}), 0, 'fields that are not selected are not gone');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'all_of'}), 0, 'nor an issue');

# Expansions are asked for by their own option, and children know their parents.
$node->safe_psql('postgres', q{
	SET client_min_messages = error;
	IMPORT FOREIGN SCHEMA reso LIMIT TO (media) FROM SERVER all_of INTO all_of;
	ALTER FOREIGN TABLE all_of.property OPTIONS (ADD expand 'Media', ADD select 'City');
	ALTER FOREIGN TABLE all_of.media OPTIONS (ADD select 'MediaURL');
	SELECT mls_subscribe('all_of.media')});
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT status, ' ') FROM mls_sync('all_of')}), 'finished', 'with an expansion');
isnt($node->safe_psql('postgres', q{SELECT count(*) FROM silver.all_of_media}), 0, 'its records come');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE all_of.media OPTIONS (ADD parent 'none')});
$mls->reset;
is($node->safe_psql('postgres', q{SELECT status FROM mls_sync('all_of', 'Media')}), 'finished', 'children on their own');
like(selected('Media'), qr/ResourceRecordKey/, 'are asked for what they belong to');
like(selected('Media'), qr/MediaURL/, '... and for what is selected');

# A slip
my ($status, $out, $err) = $node->psql('postgres', q{
	ALTER FOREIGN TABLE few.property OPTIONS (ADD select 'Listprice,Cty'); SELECT mls_subscribe('few.property')});
like($err, qr/"Listprice", for which there is no column.*Perhaps you meant "ListPrice".*"Cty".*Perhaps you meant "City"/s, 'a misspelt field is told');

$mls->stop;
done_testing();
