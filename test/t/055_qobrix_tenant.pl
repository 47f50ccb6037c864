# A Qobrix tenant of the test server, by its own protocol and the shipped rules, to all
# six resources of gold; and changes there to what looks at them.

use strict;
use warnings;

use MlsQobrix;
use MlsTest;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 8, qobrix => 250);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

create_tenant($node, $mls, 'crm', page_size => 100, key_prefix => 'Q-', expand => 1);
query(q{SELECT mls_map_setting('crm', 'currency', 'EUR'), mls_map_setting('crm', 'office_key', 'MAIN')});
query("SET client_min_messages = warning; SELECT mls_subscribe('crm.$_')")
  for qw(property_types property_subtypes projects contacts users agents meetings properties property_viewings media);
is(query(q{SELECT string_agg(concat_ws(' ', resource, message), ', ') FROM mls_sync('crm') WHERE status <> 'finished'}), '', 'a tenant is synced');

# ---- Which rows ----

is(query('SELECT count(*) FROM gold.property WHERE mls_origin = $$properties$$'), query('SELECT count(*) FROM silver.crm_properties'), 'each property is a listing');
is(query('SELECT string_agg(mls_source_key, $$,$$ ORDER BY mls_source_key) FROM gold.property WHERE mls_origin = $$properties/lease$$'),
	query(q{SELECT string_agg(id, ',' ORDER BY id) FROM silver.crm_properties WHERE sale_rent = 'for_sale_and_rent'}), 'for sale and rent it is two');
is(query('SELECT count(*) FROM gold.member'), query(q{SELECT (SELECT count(*) FROM silver.crm_users) + (SELECT count(*) FROM silver.crm_agents WHERE agent_type <> 'agency')}), 'users and agents are members');
is(query('SELECT count(*) FROM gold.office'), query(q{SELECT count(*) FROM silver.crm_agents WHERE agent_type = 'agency'}), 'agencies offices');
is(query('SELECT count(*) FROM gold.showing_appointment'), query('SELECT count(*) FROM silver.crm_property_viewings'), 'viewings appointments');
is(query('SELECT count(*) FROM gold.contacts'), 0, 'contacts are nobody\'s business');
is(query('SELECT count(*) FROM gold.media'), query(q{
	SELECT sum(CASE p.sale_rent WHEN 'for_sale_and_rent' THEN 2 ELSE 1 END) FROM silver.crm_media m JOIN silver.crm_properties p
	    ON m.related_model = 'Properties' AND p.id = m.related_id OR m.related_model = 'Projects' AND p.project = m.related_id AND p.inherit_project_media}),
	'each listing has its media, and those of its project where it inherits them');
is(query(q{SELECT count(*) FROM gold.media m LEFT JOIN gold.property p ON p."ListingKey" = m."ResourceRecordKey" WHERE p."ListingKey" IS NULL}), 0, 'no file is without a listing');
is(query(q{SELECT count(*) FROM gold.media WHERE "MediaURL" IS NULL OR "MediaURL" !~ '^https?://'}), 0, 'or without an absolute address');
is(query(q{SELECT string_agg(DISTINCT concat_ws(' ', "X_Currency", "OriginatingSystemName", "X_OriginatingSystemOfficeKey"), ', ') FROM gold.property}), 'EUR Qobrix MAIN', 'all are of the source');
is(query(q{SELECT count(*) FROM gold.property WHERE "X_SellerContactKey" IS NOT NULL OR "X_KeyHolderDetails" IS NOT NULL OR "X_DeveloperContactKey" IS NOT NULL}), 0, 'without personal data');

# ---- What the tenant's crafted records become; the label of a case is its legacy_id ----

my %cases = (
	'status=under_offer' => [ StandardStatus => 'Active Under Contract' ],
	'draft, published' => [ StandardStatus => 'Incomplete' ],
	'castle+for_sale' => [ X_QobrixPropertyType => 'castle' ],
	'apartment+for_rent' => [ PropertyType => 'Residential Lease', ListPrice => '' ],
	'house without subtype' => [ PropertySubType => 'Single Family Residence' ],
	'rent_frequency=Quarterly' => [ LeaseAmountFrequency => 'Quarterly' ],
	'excluded' => [ InternetEntireListingDisplayYN => 'false' ],
	'completed, old, project off plan' => [ NewConstructionYN => 'false', PropertyCondition => '' ],
	'project off plan' => [ PropertyCondition => '{"To Be Built"}', DevelopmentStatus => '{Proposed}' ],
	'renovated, off plan' => [ PropertyCondition => '{"To Be Built",Updated/Remodeled}' ],
	'geocode_type=hidden' => [ Latitude => '', Longitude => '', InternetAddressDisplayYN => 'false' ],
	'geocode_type=offset' => [ Latitude => '34.71', Longitude => '33.02' ],
	'exclusive only' => [ ListingAgreement => 'Exclusive Agency', ListingService => '' ],
	'parking none' => [ ParkingFeatures => '' ],
	'furnished=semi_furnished' => [ Furnished => 'Partially' ],
	'no features' => [ View => '', X_View => '' ]);
for my $case (sort keys %cases)
{
	my @pairs = @{ $cases{$case} };
	while (my ($field, $expected) = splice @pairs, 0, 2)
	{
		is(query(qq{SELECT count(*) || ' ' || coalesce(max("$field"::text), '') FROM gold.property
			WHERE "X_QobrixLegacyId" = 'case:$case' AND mls_origin = 'properties'}), "1 $expected", "$case: $field");
	}
}

# ---- Rules for what comes with others ----

query(q{SELECT mls_map_set('Media', 'X_Seen', 'constant', '{by remap}', source => 'crm'); SELECT count(*) FROM mls_remap('crm')});
is(query(q{SELECT count(*) FROM gold.media WHERE "X_Seen" IS DISTINCT FROM 'by remap'}), 0, 'a rule for files is followed by a remap of the source');
query(q{SELECT mls_map_set('Media', 'X_Seen', 'constant', '{by sync}', source => 'crm'); SELECT count(*) FROM mls_sync('crm')});
is(query(q{SELECT count(*) FROM gold.media WHERE "X_Seen" IS DISTINCT FROM 'by sync'}), 0, 'and by a sync');
is(query(q{SELECT count(*) FROM mls_sync('crm') WHERE message ~ 'mapped'}), 0, 'once');
query(q{SELECT mls_clean_set('{lower}', source => 'crm', source_resource => 'media', field => 'category_id'); UPDATE bronze.crm_media SET record = jsonb_set(record::jsonb, '{category_id}', '"ABC"')::json});
query(q{SELECT count(*) FROM mls_sync('crm')});
is(query(q{SELECT count(*) FILTER (WHERE category_id = 'abc') > 0, count(*) FILTER (WHERE category_id = 'ABC') FROM silver.crm_media}), 't|0', 'so are rules for cleaning');

# ---- Changes ----

my ($project, $listings) = split /\|/, query(q{SELECT project, count(*) FROM silver.crm_properties WHERE project IN (SELECT id FROM silver.crm_projects) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1});
$mls->control('update', { resource => 'qobrix/projects', keys => [$project], fields => { name => 'Another name' } });
is(query(q{SELECT count(*) FROM mls_sync('crm') WHERE status <> 'finished'}), 0, 'a sync');
is(query(q{SELECT count(DISTINCT mls_source_key) FROM gold.property WHERE "BuilderModel" = 'Another name'}), $listings, 'the name of a project goes to its listings');
my $dual = query(q{SELECT max(id) FROM silver.crm_properties WHERE sale_rent = 'for_sale_and_rent'});
isnt(query(qq{SELECT count(*) FROM gold.property WHERE mls_source_key = '$dual'}), 0, 'a listing for sale and rent');
$mls->control('delete', { resource => 'qobrix/properties', keys => [$dual], trash => JSON::PP::true() });
is(query(q{SELECT sum(deleted) FROM mls_purge('crm', 'properties', force => true)}), 1, 'is put into the bin and purged');
is(query(qq{SELECT count(*) FROM gold.property WHERE mls_source_key = '$dual'}), 0, 'and leaves with both of its rows');
is(query(qq{SELECT count(*) FROM gold.media WHERE "X_QobrixPropertyId" = '$dual'}), 0, 'and its media');

$_->stop for $mls, $node;
done_testing();
