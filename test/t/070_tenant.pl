# What a tenant says of itself: its units and its currency are settings of the mapping,
# weaker than those set here and stronger than those shipped.  They are asked for rarely,
# and a tenant that does not tell them is synced all the same.
use strict;
use warnings;

use MlsQobrix;
use MlsTest;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 8, qobrix => 20);
my %sqft = (area => 'sq. ft', dimension => 'Feet', distance => 'mi', currency => 'usd');
my %metric = (area => 'sqm', dimension => 'm', distance => 'km', currency => 'EUR');

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub tenant
{
	$mls->control('option', { qobrix => {@_} });
	return;
}

# Requests for tenant/ since the last call
my $seen = 0;

sub asked
{
	my $all = grep { $_->{path} =~ m{/tenant/} } $mls->requests;
	my $new = $all - $seen;
	$seen = $all;
	return $new;
}

# Syncs; what did not end well
sub sync
{
	my ($source, $arguments) = @_;
	return query("SET client_min_messages = error; SELECT count(*) FILTER (WHERE status <> 'finished') FROM mls_sync('$source'" . ($arguments // '') . ')');
}

# Listings whose areas, lengths and currency are not those of silver, converted by hand
sub wrong
{
	my ($source, $square_feet, $metre, $currency) = @_;
	return query(qq{SELECT count(*) FROM gold.property g JOIN silver.${source}_properties s ON s.id = g.mls_source_key AND g.mls_source = '$source'
		WHERE abs(g."LotSizeSquareFeet" - s.plot_area_amount * $square_feet) > 0.01
		   OR (g."LotSizeSquareFeet" IS NULL) <> (s.plot_area_amount IS NULL)
		   OR abs(g."LivingArea" - s.internal_area_amount * $square_feet * 0.09290304) > 0.01
		   OR (g."LivingArea" IS NULL) <> (s.internal_area_amount IS NULL)
		   OR abs(g."X_Height" - s.height * $metre) > 0.01
		   OR g."X_Currency" IS DISTINCT FROM $currency});
}

sub units
{
	my ($source) = @_;
	return query("SELECT ok, detail FROM mls_check('$source') WHERE item = 'units'");
}

my $metres = '1 / 0.09290304';

# ---- A tenant that measures in feet, without a setting here ----

tenant(%sqft);
$mls->control('update', { resource => 'qobrix/properties', count => 3, fields => { plot_area_amount => 4000, internal_area_amount => 1500, total_area_amount => 2000, height => 10 } });
create_tenant($node, $mls, 'crm', tables => 'properties, projects, agents, property_types');
query("SET client_min_messages = warning; SELECT mls_subscribe('crm.$_')") for qw(properties projects agents property_types);
like(units('crm'), qr/^t\|.*area_unit m2 \(assumed\).*The source says area_unit sqft, currency USD, .*takes it over/, 'mls_check: the first sync will take over what the source says');
asked();
is(sync('crm'), 0, 'a sync');
cmp_ok(asked(), '<=', 4, 'asks the tenant once in a process');
cmp_ok(query(q{SELECT count(*) FROM gold.property WHERE "LotSizeSquareFeet" = 4000 AND "LivingArea" BETWEEN 139.3 AND 139.4 AND "X_Height" BETWEEN 3.04 AND 3.05}), '>', 2, 'listings have areas');
is(wrong('crm', 1, 0.3048, q{'USD'}), 0, 'which are right, and so are lengths and currency');
is(query(q{SELECT string_agg(DISTINCT concat_ws(' ', "LivingAreaUnits", "LotSizeUnits", "BuildingAreaUnits"), ',') FROM gold.property
	WHERE num_nulls("LivingArea", "LotSizeArea", "BuildingAreaTotal") = 0}), 'Square Meters Square Meters Square Meters', 'with their units');
is(query(q{SELECT count(*) FROM gold.property WHERE ("LivingArea" IS NULL) <> ("LivingAreaUnits" IS NULL) OR ("LotSizeArea" IS NULL) <> ("LotSizeUnits" IS NULL)
	OR ("BuildingAreaTotal" IS NULL) <> ("BuildingAreaUnits" IS NULL)}), 0, 'where there is an area, and only there');
cmp_ok(query(q{SELECT count(*) FROM gold.property WHERE "LotSizeUnits" IS NULL}), '>', 0, 'some have none');
is(query(q{SELECT settings->>'area_unit', settings->>'dimension_unit', settings->>'distance_unit', settings->>'currency', problem FROM mls.told}), 'sqft|ft|mi|USD|', 'the settings are kept');
like(units('crm'), qr/^t\|In force: area_unit sqft \(told by the source\), currency USD \(told by the source\)/, 'mls_check says where they come from');
asked();
is(sync('crm'), 0, 'another sync');
is(asked(), 0, 'does not ask again');
is(query(q{SELECT count(*) FROM mls_verify('crm', 1) WHERE "check" = 'units' OR severity = 'error'}), 0, 'mls_verify finds nothing wrong');

# ---- A setting here wins ----

query(q{SELECT mls_map_setting('crm', 'area_unit', 'm2')});
is(sync('crm'), 0, 'a setting here');
is(wrong('crm', $metres, 0.3048, q{'USD'}), 0, 'wins, and gold is made anew');
like(units('crm'), qr/^f\|.*area_unit m2 \(set here\).*The source says area_unit sqft, but m2 is set here: mls_map_setting\('crm', 'area_unit', 'sqft'\)/, 'mls_check warns');
is(query(q{SELECT severity, resource, message FROM mls_verify('crm', 1) WHERE "check" = 'units'}),
	q{warning|*|the source says sqft, but m2 is set here; mls_map_setting('crm', 'area_unit', 'sqft') takes over what the source says}, 'and so does mls_verify');
query(q{DELETE FROM mls.setting_map WHERE source = 'crm'; SELECT mls_map_setting('*', 'area_unit', 'm2')});
sync('crm');
is(wrong('crm', $metres, 0.3048, q{'USD'}), 0, 'so does one for all sources');
query(q{SELECT mls_map_setting('crm', 'area_unit', 'Square Feet')});
is(sync('crm'), 0, 'the same unit by another name');
is(wrong('crm', 1, 0.3048, q{'USD'}), 0, 'is right');
like(units('crm'), qr/^t\|(?!.*takes it over)/, 'and no difference');
query(q{DELETE FROM mls.setting_map WHERE NOT shipped});

# ---- The tenant changes its units ----

tenant(%metric);
sync('crm');
is(wrong('crm', 1, 0.3048, q{'USD'}), 0, 'a change of the tenant is not seen at once');
like(units('crm'), qr/^f\|.*The source says area_unit m2, .*the next sync that asks takes it over/, 'mls_check sees it');
query(q{UPDATE mls.told SET asked_at = now() - interval '25 hours'});
asked();
is(sync('crm', ", 'properties'"), 0, 'after a day');
is(asked(), 1, 'a sync asks');
is(wrong('crm', $metres, 1, q{'EUR'}), 0, 'and makes gold anew');
tenant(%sqft);
sync('crm', ', full => true');
is(wrong('crm', 1, 0.3048, q{'USD'}), 0, 'so does one that reads everything again');

# ---- Words that nobody knows, a tenant that does not tell, and one that cannot ----

tenant(area => 'tatami', currency => "\x{20ac}", envelope => JSON::PP::true());
is(sync('crm', ", 'properties', full => true"), 0, 'an unknown unit');
is(query(q{SELECT settings ? 'area_unit', settings ? 'currency', settings->>'dimension_unit', problem ~ 'unit of area "tatami" is not known; .*currency'
	FROM mls.told}), 'f|f|ft|t', 'is reported and not guessed; the others are learned');
like(units('crm'), qr/^f\|Not all is known: the tenant's unit of area "tatami" is not known.*The source does not say area_unit, currency; set it with/, 'mls_check says so');
tenant(%sqft, envelope => JSON::PP::false());
sync('crm', ", 'properties', full => true");
for my $status (403, 404, 500)
{
	tenant(tenant => $status);
	is(sync('crm', ", 'properties', full => true"), 0, "status $status: the sync goes on");
	is(wrong('crm', 1, 0.3048, q{'USD'}), 0, 'by what was learned before');
}
is(query('SELECT problem IS NOT NULL, failed_at IS NOT NULL FROM mls.told'), 't|t', 'a failure is kept');
asked();
sync('crm', ", 'properties'");
is(asked(), 0, 'and not tried again at once');

tenant(tenant => 403);
create_tenant($node, $mls, 'mute', tables => 'properties', key_prefix => 'M-');
query("SET client_min_messages = warning; SELECT mls_subscribe('mute.properties')");
is(sync('mute'), 0, 'a tenant that never told is synced');
is(wrong('mute', $metres, 1, 'NULL'), 0, 'by the shipped units');
like(units('mute'), qr/^f\|Not all is known: tenant\/ was answered with 403\. In force: area_unit m2 \(assumed\).*set it with mls_map_setting/, 'mls_check says so');
query(qq{SELECT mls_map_setting('mute', '$_->[0]', '$_->[1]')}) for [ area_unit => 'm2' ], [ dimension_unit => 'm' ], [ distance_unit => 'km' ], [ currency => 'EUR' ];
like(units('mute'), qr/^t\|/, 'and is content when all are set');

# ---- Another address is another tenant ----

my $other = start_mls(listings => 8, qobrix => 20);
query("ALTER SERVER crm OPTIONS (SET url 'http://127.0.0.1:$other->{port}/api/v2')");
like(sql_error($node, q{SELECT * FROM mls_sync('crm', 'properties')}), qr/55000.*is not the one that the copy/s, 'its copy is not mixed with');
query(q{SELECT mls_source_accept('crm')});
sync('crm', ", 'properties'");
is(query(q{SELECT settings->>'area_unit' FROM mls.told WHERE source = 'crm'}), 'm2', 'a server with another address is asked');
is(wrong('crm', $metres, 1, q{'EUR'}), 0, 'and gold follows');

$_->stop for $mls, $other, $node;
done_testing();
