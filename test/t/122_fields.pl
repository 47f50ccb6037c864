# Columns that no record has: another case, records one level deeper, tables written by hand.
# What is meant is said once, and a key is never null for want of a field.
use strict;
use warnings;

use MlsTest;
use Test::More;

my $mls = start_mls(listings => 60, fields => 'small');
my $node = new_node('fields');
create_source($node, $mls, 'demo', tables => 'property', retries => 0);

# ---- the source names its fields in another case

sub said
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	return ($out, $err);
}

$mls->fault(kind => 'name_case', times => -1, match => '/Property');
like(sql_error($node, 'SELECT listing_key, city FROM demo.property'),
	qr/has no field "ListingKey", which is its key.*It has "listingkey".*ALTER COLUMN listing_key OPTIONS \(SET field 'listingkey'\)/s,
	'the key is in another case');
my ($out, $err) = said('SELECT DISTINCT city, list_price FROM demo.property');
is($out, '|', 'other fields are null');
like($err, qr/have no field "City", so column "city" of demo.property is null.*They have "city"/s, '... and it is told');
is(scalar(() = $err =~ /They have/g), 2, '... once for each column');
# ---- a sync of such a source stops, and says why

$mls->reset;
$node->safe_psql('postgres', q{SELECT mls_subscribe('demo.property')});
$mls->fault(kind => 'name_case', times => -1, match => '/Property');
my $sync = q{SELECT status, received, message FROM mls_sync('demo')};
($out, $err) = said($sync);
like("$out$err", qr/the record has no key and was not stored; it has "listingkey"/, 'a sync names the key');
$mls->reset;
is($node->safe_psql('postgres', q{SELECT status, received FROM mls_sync('demo')}), 'finished|60', 'and goes on when it is right again');
$mls->control('touch', { resource => 'Property' });
my $before = $node->safe_psql('postgres', 'SELECT count(city) FROM silver.demo_property');

# ---- records one level deeper

$mls->fault(kind => 'wrap', member => 'record', times => -1, match => '/Property');
like(sql_error($node, 'SELECT listing_key FROM demo.property'),
	qr/has no field "ListingKey", which is its key.*It has "record\/ListingKey"/s, 'records are wrapped');
# ---- tables written by hand

$mls->reset;
$node->safe_psql('postgres', q{
	CREATE FOREIGN TABLE hand (ListingKey text NOT NULL, City text, ListPrice numeric)
	SERVER demo OPTIONS (resource 'Property', key 'listingkey');
	CREATE FOREIGN TABLE half (listing_key text OPTIONS (field 'ListingKey') NOT NULL, City text)
	SERVER demo OPTIONS (resource 'Property', key 'ListingKey')});
like(sql_error($node, 'SELECT listingkey, city FROM hand'),
	qr/does not serve field "listingkey".*Its records have "ListingKey".*ALTER FOREIGN TABLE public.hand ALTER COLUMN listingkey OPTIONS \(ADD field 'ListingKey'\)/s,
	'a key without quotes: the name it should be');
($out, $err) = said('SELECT count(listing_key), count(city) FROM half');
is($out, '60|0', 'another column without quotes is null');
like($err, qr/WARNING: .* field "city".*have "City".*ALTER COLUMN city OPTIONS \(ADD field 'City'\)/s, '... and it is told');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE half ALTER COLUMN city OPTIONS (ADD field 'City')});
is($node->safe_psql('postgres', 'SELECT count(city) FROM half'), $before, '... and cured as told');

$mls->stop;
$node->stop;
done_testing();
