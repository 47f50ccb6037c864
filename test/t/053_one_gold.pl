# Two Qobrix tenants and a RESO source in one gold: keys, systems, offices, currencies
# and units of each, whatever the ids of the others; and one that leaves takes its own.

use strict;
use warnings;

use MlsQobrix;
use MlsTest;
use Test::More;

my $node = new_node();
my @gold = qw(property member office media contacts showing_appointment);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

# Rows of gold without the time they were written, of all sources but one.
sub others
{
	my ($source) = @_;
	return join "\n", map { "$_ " . query(qq{
		SELECT count(*), md5(string_agg(xmin::text || to_jsonb(g)::text, ',' ORDER BY mls_source, mls_origin, mls_source_key))
		  FROM gold.$_ g WHERE mls_source <> '$source'}) } @gold;
}

# The tenants have the same ids, and records of their own.
my %tenant = (
	north => { key_prefix => 'N-', currency => 'GBP', area_unit => 'sqft', office_key => 'OFFICE_a0', office_name => 'North Ltd', system_name => 'North CRM', system_id => 'OUID-N', personal_data => 'on' },
	south => { key_prefix => 'S-', currency => 'EUR', area_unit => 'm2', office_key => 'MAIN', office_name => 'South Ltd', system_name => 'South CRM', system_id => 'OUID-S', personal_data => 'off' });
my %records = (
	'projects' => ['{"id": "j1", "name": "%s Dunes"}'],
	'contacts' => [ '{"id": "c0", "is_company": true, "name": "%s Builders", "city": "%s Town"}', '{"id": "c1", "is_company": false, "first_name": "%s"}' ],
	'agents' => [ '{"id": "a0", "agent_type": "agency", "name": "%s Agency", "primary_contact": "c0"}', '{"id": "a1", "agent_type": "individual_agent", "agency": "a0", "name": "%s Agent"}' ],
	'users' => ['{"id": "u1", "name": "%s User", "active": true}'],
	'properties' => [
		'{"id": "p1", "sale_rent": "for_sale_and_rent", "status": "available", "project": "j1", "inherit_project_media": true, "developer_id": "c0", "agent": "a1", "seller": "c1", "salesperson": "u1", "internal_area_amount": 1000, "list_selling_price_amount": 5}',
		'{"id": "p2", "sale_rent": "for_sale", "status": "available"}' ],
	'meetings' => ['{"id": "m1", "start_date": "2026-01-01T10:00:00", "assigned_to": "u1", "contact": "c1"}'],
	'property-viewings' => ['{"id": "v1", "viewing_id": "m1", "property_id": "p1"}'],
	'media' => [ '{"id": "x1", "related_model": "Properties", "related_id": "p1", "file": {"href": "/1.jpg", "mime_type": "image/jpeg"}}', '{"id": "y1", "related_model": "Projects", "related_id": "j1"}' ]);
for my $name (sort keys %tenant)
{
	my %of = %{ $tenant{$name} };
	create_crm($node, $name, key_prefix => delete $of{key_prefix}, url => "https://$name.example.com/api/v2");
	query(join '; ', map { "SELECT mls_map_setting('$name', '$_', '$of{$_}')" } sort keys %of);
	for my $resource (sort keys %records)
	{
		feed($node, $name, $resource, join ' UNION ALL ', map { "SELECT '" . s/%s/$name/gr . "'::json" } @{ $records{$resource} });
	}
	rebuild($node, $name);
	query("SELECT count(*) FROM mls_remap('$name')");
}
my $reso = start_mls(listings => 40);
create_source($node, $reso, 'east');
query(q{SELECT mls_subscribe('east.property'), mls_subscribe('east.member'), mls_subscribe('east.office'), mls_subscribe('east.media');
	SELECT count(*) FROM mls_sync('east')});

is(query(q{SELECT string_agg(mls_source || ' ' || n, ', ' ORDER BY mls_source) FROM (SELECT mls_source, count(*) AS n FROM gold.property GROUP BY 1) p}),
	'east 40, north 3, south 3', 'three sources are in one gold');
is(query(q{SELECT count(*) FROM mls.issue WHERE reason LIKE 'gold has this key%'}), 0, 'and none in another\'s way');

# ---- Keys ----

for my $table (map { [ split / / ] } 'property ListingKey', 'member MemberKey', 'office OfficeKey', 'media MediaKey', 'showing_appointment ShowingAppointmentKey')
{
	is(query(qq{SELECT count(*) FROM gold.$table->[0] WHERE ("$table->[1]" LIKE 'N-%') <> (mls_source = 'north') OR ("$table->[1]" LIKE 'S-%') <> (mls_source = 'south')}),
		0, "$table->[1] has the prefix of its source");
}
is(query(q{SELECT string_agg("ListAgentKey" || ' ' || "CoListAgentKey" || ' ' || "ListOfficeKey", ', ' ORDER BY "ListAgentKey")
	FROM (SELECT DISTINCT "ListAgentKey", "CoListAgentKey", "ListOfficeKey" FROM gold.property WHERE mls_source <> 'east' AND "ListAgentKey" IS NOT NULL) p}) =~ s/\n/, /gr,
	'N-AGENT_a1 N-USER_u1 N-OFFICE_a0, S-AGENT_a1 S-USER_u1 S-OFFICE_a0', 'so have references');
is(query(q{
	SELECT count(*) FILTER (WHERE m."MemberKey" IS NULL), count(*) FILTER (WHERE c."MemberKey" IS NULL), count(*) FILTER (WHERE o."OfficeKey" IS NULL), count(*)
	  FROM gold.property p LEFT JOIN gold.member m ON m."MemberKey" = p."ListAgentKey" AND m.mls_source = p.mls_source
	  LEFT JOIN gold.member c ON c."MemberKey" = p."CoListAgentKey" AND c.mls_source = p.mls_source
	  LEFT JOIN gold.office o ON o."OfficeKey" = p."ListOfficeKey" AND o.mls_source = p.mls_source
	 WHERE p."X_ProjectId" = 'j1'}), '0|0|0|4', 'they lead to records of the same source');
is(query(q{SELECT string_agg("X_LeaseListingKey", ', ' ORDER BY "X_LeaseListingKey") FROM gold.property p
	WHERE EXISTS (SELECT FROM gold.property l WHERE l."ListingKey" = p."X_LeaseListingKey" AND l."X_SaleListingKey" = p."ListingKey" AND l.mls_source = p.mls_source)}),
	'N-p1_LEASE, S-p1_LEASE', 'the two rows of a listing for sale and rent name each other');
is(query(q{SELECT string_agg("MediaKey" || ' ' || "ResourceRecordKey", ', ' ORDER BY "MediaKey") FROM gold.media WHERE mls_source = 'south'}),
	'S-x1 S-p1, S-x1_LEASE S-p1_LEASE, S-y1_p1 S-p1, S-y1_p1_LEASE S-p1_LEASE', 'media belong to listings of their source');
is(query(q{SELECT count(*) FROM gold.media m LEFT JOIN gold.property p ON p."ListingKey" = m."ResourceRecordKey" AND p.mls_source = m.mls_source
	WHERE m."ResourceName" = 'Property' AND p."ListingKey" IS NULL}), 0, 'of all sources');
is(query(q{SELECT string_agg("X_ListingKey" || ' ' || "ShowingAgentKey" || ' ' || coalesce("X_BuyerContactKey", '-'), ', ' ORDER BY "X_ListingKey") FROM gold.showing_appointment}),
	'N-p1 N-USER_u1 N-c1, S-p1 S-USER_u1 -', 'and viewings their people, a client where a licence allows it');

# ---- What a source says of itself ----

for my $table (qw(property member office media))
{
	is(query(qq{SELECT string_agg(DISTINCT concat_ws(' ', mls_source, "OriginatingSystemName", "SourceSystemName", "OriginatingSystemID", "SourceSystemID", "X_OriginatingSystemOfficeKey"), ', ')
		FROM gold.$table WHERE mls_source <> 'east'}),
		'north North CRM North CRM OUID-N OUID-N OFFICE_a0, south South CRM South CRM OUID-S OUID-S MAIN', "$table: systems and office of each source");
}
is(query(q{SELECT string_agg("ListOfficeKey" || ' ' || "ListOfficeName", ', ' ORDER BY "ListOfficeKey") FROM gold.property WHERE mls_source_key = 'p2'}),
	'N-OFFICE_a0 North Ltd, S-MAIN South Ltd', 'the office of listings without an agency');
is(query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'east' AND ("X_Currency" IS NOT NULL OR "X_OriginatingSystemOfficeKey" IS NOT NULL)}), 0,
	'settings of the tenants are not the RESO source\'s');
is(query(q{SELECT string_agg(DISTINCT mls_source || ' ' || "X_Currency" || ' ' || coalesce("LivingArea"::text, '-') || ' ' || coalesce("LivingAreaUnits", '-'), ', ') FROM gold.property WHERE mls_source <> 'east'}),
	'north GBP - -, north GBP 92.9030 Square Meters, south EUR - -, south EUR 1000.0000 Square Meters', 'currency and units of each');
is(query(q{SELECT string_agg("MediaURL", ', ' ORDER BY "MediaURL") FROM gold.media WHERE mls_source_key = 'x1' AND mls_origin = 'media'}),
	'https://north.example.com/1.jpg, https://south.example.com/1.jpg', 'relative addresses are those of their server');
is(query(q{SELECT string_agg("ContactKey", ', ' ORDER BY "ContactKey") FROM gold.contacts}), 'N-c0, N-c1', 'contacts only where a licence allows them');
is(query(q{SELECT string_agg(coalesce("X_SellerContactKey", '-'), ', ' ORDER BY "ListingKey") FROM gold.property WHERE mls_source_key = 'p1' AND mls_origin = 'properties'}),
	'N-c1, -', 'and sellers');

# ---- One changes, one leaves ----

query(q{SELECT mls_map_setting('south', 'currency', 'USD'), mls_map_set('Property', 'X_SouthOnly', 'constant', '{south}', source => 'south')});
query('SELECT count(*) FROM mls_remap()');
is(query(q{SELECT string_agg(DISTINCT mls_source || ' ' || coalesce("X_SouthOnly", '-') || ' ' || coalesce("X_Currency", '-'), ', ') FROM gold.property}),
	'east - -, north - GBP, south south USD', 'rules of one source are not another\'s');
feed($node, 'south', 'projects', q{SELECT '{"id": "j1", "name": "Other"}'::json});
rebuild($node, 'south', 'projects');
query(q{SELECT count(*) FROM mls_remap()});
is(query(q{SELECT string_agg(DISTINCT mls_source || ' ' || "BuilderModel", ', ') FROM gold.property WHERE mls_source_key = 'p1'}),
	'north north Dunes, south Other', 'the project of one source is not that of another with the same id');
my $rest = others('south');
query(q{SELECT count(mls_unsubscribe(foreign_table, drop_data => true)) FROM mls.subscription WHERE source = 'south'});
is(join(' ', map { query("SELECT count(*) FROM gold.$_ WHERE mls_source = 'south'") } @gold), '0 0 0 0 0 0', 'a source that leaves takes its rows');
is(others('south'), $rest, 'and touches no other');
is(query(q{SELECT count(*) FROM pg_class WHERE relnamespace::regnamespace::text IN ('bronze', 'silver') AND relname LIKE 'south%' AND relkind = 'r'}), 0, 'its copies are gone too');
is(query(q{SELECT count(*) FROM mls_sync('east') WHERE status <> 'finished'}), 0, 'the others go on');

$_->stop for $reso, $node;
done_testing();
