# mls_verify(): what is right is said to be right, and each kind of damage is found.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 80, fields => 'small');

sub query
{
	return scalar $node->safe_psql('postgres', $_[0]);
}

# Findings worse than information, as lines.
sub findings
{
	my ($samples) = @_;
	return query(qq{SELECT severity, resource, "check", subject, count FROM mls_verify('one', $samples) WHERE severity <> 'info'});
}

create_source($node, $mls, 'one');
query(q{SELECT mls_subscribe('one.property'), mls_subscribe('one.member'), mls_subscribe('one.media'); SELECT mls_sync()});
my $before = () = $mls->requests;
is(findings(5), '', 'a true copy has no findings');
my $after = () = $mls->requests;
cmp_ok($after - $before, '<=', 3 * 2 + 15, 'a count, its proof and five records of each resource are asked for');
is(query(q{SELECT count(*) FROM mls.finding WHERE "check" = 'counts' AND message LIKE 'source 80, bronze 80, silver 80'}),
	1, 'the counts are kept');
my $filled = query(q{SELECT round(count(nullif("City", ''))::numeric / count(*), 4) FROM gold.property});
is(query(q{SELECT fill_rate, trend, in_dictionary, outside FROM mls_quality WHERE field = 'City'}), "$filled||t|",
	'fill rates are kept');

# Damage, each kind.
query(q{DELETE FROM silver.one_property WHERE listing_key IN (SELECT min(listing_key) FROM silver.one_property)});
is(findings(0), join("\n", 'error|Property|keys||1', 'error|Property|gold||1', ), 'a row lost from silver');
query(q{SELECT mls_rebuild('one.property')});
query(q{UPDATE gold.property SET "City" = 'Atlantis' WHERE "ListingKey" IN (SELECT min("ListingKey") FROM gold.property)});
is(findings(0), 'error|Property|gold||1', 'a value changed in gold');
query(q{SELECT mls_rebuild('one.property')});
query(q{UPDATE silver.one_property SET list_price = 1});
like(findings(3), qr/error\|Property\|sample\|\w+\|1/, 'values that are not the source\'s');
query(q{SELECT mls_rebuild('one.property')});
query(q{UPDATE gold.media SET "ResourceRecordKey" = 'nowhere' WHERE "MediaKey" IN (SELECT min("MediaKey") FROM gold.media WHERE "ResourceName" = 'Property')});
like(findings(0), qr/warning\|Media\|references\|ResourceRecordKey\|1/, 'media of a listing that is not there');
query(q{SELECT mls_rebuild('one.media')});
query(q{UPDATE gold.property SET "StandardStatus" = 'Sleeping' WHERE "ListingKey" IN (SELECT min("ListingKey") FROM gold.property)});
like(findings(0), qr/warning\|Property\|lookups\|StandardStatus\|1/, 'a value outside its lookup');
query(q{SELECT mls_rebuild('one.property')});
query(q{UPDATE gold.property SET "City" = NULL});
findings(0);
is(query(q{SELECT fill_rate, trend FROM mls_quality WHERE resource = 'Property' AND field = 'City'}), "0.0000|-$filled", 'the trend shows');
query(q{SELECT mls_rebuild('one.property')});

# What rules have cleaned is no damage, and hides none.
$mls->control('update', { resource => 'Property', count => 80, fields => { City => "  Blank Ville\t" } });
query(q{SELECT mls_clean_set('{trim,empty,lower}', 'City', 'one', 'Property'); SELECT mls_sync()});
is(query(q{SELECT DISTINCT city FROM silver.one_property}), 'blank ville', 'silver is cleaned');
is(findings(5), '', 'and differs from the source by that alone');
query(q{UPDATE silver.one_property SET city = 'blank villa', list_price = list_price + 1});
like(findings(3), qr/error\|Property\|sample\|\w+\|2/, 'damage is found among cleaned values');
is(query(q{SELECT string_agg(field, ',' ORDER BY field) FROM mls_compare('one', 'Property', (SELECT min(listing_key) FROM silver.one_property)) WHERE differs}),
	'City,ListPrice', 'one record shows which');
query(q{SELECT mls_rebuild('one.property')});
is(query(q{SELECT string_agg(field, ',') FROM mls_compare('one', 'Property', (SELECT min(listing_key) FROM silver.one_property)) WHERE differs}), '',
	'and no difference where there is but cleaning');
query(q{DELETE FROM mls.clean_map WHERE source = 'one'; SELECT mls_sync(); SELECT mls_rebuild('one.property')});

# Whoever gives way to another source lacks nothing; what is due and not there is found.
create_source($node, $mls, 'two', tables => 'property, media', priority => 1);
query(q{SET client_min_messages = error; ALTER FOREIGN TABLE two.property OPTIONS (ADD filter 'BedroomsTotal ge 3');
	SELECT mls_subscribe('two.property'); SELECT count(*) FROM mls_sync()});
my $given = query(q{SELECT count(*) FROM silver.two_property});
cmp_ok($given, '>', 5, 'another source has some of the listings');
is(query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'two'}), $given, 'and is shown with them');
is(findings(0), '', 'who gave way lacks nothing');
is(query(q{SELECT severity, resource, "check", count FROM mls_verify('two', 0) WHERE severity <> 'info' AND "check" = 'gold'}), '', 'and who is shown has what is due');
query(q{SELECT mls_subscribe('two.media'); SELECT count(*) FROM mls_sync()});
is(findings(0), '', 'nor does who gives way with what belongs to its records');
query(q{DELETE FROM gold.property WHERE mls_source = 'two' AND "ListingKey" = (SELECT min("ListingKey") FROM gold.property WHERE mls_source = 'two')});
is(findings(0), '', 'what the other lacks is not its fault');
is(query(q{SELECT severity, resource, "check", count FROM mls_verify('two', 0) WHERE severity <> 'info' AND "check" = 'gold'}), 'error|Property|gold|1', 'but missing of whom it is due to');
query(q{SELECT mls_rebuild('two.property'); UPDATE gold.property g SET mls_source = 'one'
	WHERE "ListingKey" = (SELECT min("ListingKey") FROM gold.property WHERE mls_source = 'two')});
is(findings(0), 'error|Property|gold||1', 'a row of the wrong source is left over');
query(q{SELECT mls_unsubscribe('two.property', drop_data => true), mls_unsubscribe('two.media', drop_data => true); SELECT mls_rebuild('one.property'); SELECT mls_rebuild('one.media')});
is(findings(0), '', 'and all is well without the other');

# A source that two roles replicate: what one may not read of the other's is said, and the rest verified.
query(q{CREATE ROLE carl LOGIN; SELECT mls_grant('carl'); GRANT USAGE ON FOREIGN SERVER one TO carl; CREATE SCHEMA carl AUTHORIZATION carl;
	CREATE USER MAPPING FOR carl SERVER one OPTIONS (token 'static-token-value')});
$node->safe_psql('postgres', q{IMPORT FOREIGN SCHEMA reso LIMIT TO (open_house) FROM SERVER one INTO carl; SELECT mls_subscribe('carl.open_house'); SELECT * FROM mls_sync('one', 'OpenHouse')},
	extra_params => [ '-U', 'carl' ]);
cmp_ok(query(q{SELECT count(*) FROM silver.one_open_house}), '>', 0, 'another role replicates a resource');
my $whole = q{SELECT severity, "check", subject, message FROM mls_verify('one', 1) WHERE resource = 'OpenHouse' AND "check" IN ('counts', 'references') ORDER BY 2, 3};
for my $role (qw(postgres carl))
{
	my $told = $node->safe_psql('postgres', $whole, extra_params => [ '-U', $role ]);
	like($told, qr/^info\|counts\|\|source (\d+), bronze \1, silver \1$/m, "$role: its counts");
	like($told, qr/^info\|references\|ListingKey\|not checked against records of Property, which another role has in gold: permission denied for table property$/m,
		"$role: what it may not look at");
	unlike($told, qr/SELECT|mls_source/, "$role: without SQL");
}
is(findings(0), '', 'and nothing of it is damage');
query(q{DELETE FROM silver.one_property WHERE listing_key IN (SELECT min(listing_key) FROM silver.one_property)});
like(findings(0), qr/^error\|Property\|keys\|\|1$/m, 'damage elsewhere is found all the same');
query(q{SELECT mls_rebuild('one.property')});
query(q{SELECT mls_unsubscribe('carl.open_house', drop_data => true)});

# What the next processes repair is no error.
$mls->control('delete', { resource => 'Property', count => 2 });
$mls->control('touch', { resource => 'Property', count => 40 });
like(findings(60), qr/^(warning\|Property\|(counts\|\|2|sample\|\w+\|1)\n?)+$/, 'what waits for a purge is a warning');
is(query(q{SELECT count(*) > 0 FROM mls.finding WHERE message LIKE '%has changed since it was read%'}), 't', 'what waits for a sync is information');
$mls->stop;
like(query(q{SELECT string_agg(message, ' ') FROM mls_verify('one', 2) WHERE severity = 'warning'}),
	qr/the source could not be asked.*could not be compared with the source/, 'a source that cannot be reached');

$node->stop;
done_testing();
