# Geocoding: what is asked, of whom and how often; what is believed; what gold has of it.
use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('geocode', log_statement => "'all'", log_min_duration_statement => 0);
my $mls = start_mls(listings => 40, fields => 'full');
my $geo = start_mls(listings => 1);
my @fields = qw(StreetNumber StreetDirPrefix StreetDirSuffix StreetName StreetSuffix UnitNumber UnparsedAddress City StateOrProvince PostalCode Country);

sub query
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

# What the geocoders were asked since the last call: paths with the words of the question.
my $seen = 0;
sub asked
{
	my @new = grep { $_->{path} =~ m{^/geo/} } @{ JSON::PP::decode_json($geo->get("requests?since=$seen")) };
	$seen = $new[-1]{id} if @new;
	return map { my $o = $_->{options}; my ($p) = $_->{path} =~ m{^/geo/(\w+)}; "$p:" . ($o->{street} // $o->{address} // $o->{q} // '?') } @new;
}

sub place
{
	my ($number, $street, $latitude, $longitude, %more) = @_;
	return { number => $number, street => $street, city => 'New York', state => 'NY', postal_code => '10118', country => 'US',
		latitude => $latitude, longitude => $longitude, accuracy => 'rooftop', %more };
}

sub listing
{
	my ($key, $number, $street, %more) = @_;
	$mls->control('update', { resource => 'Property', key => $key, fields => {
		StreetNumber => $number, StreetName => $street, City => 'New York', StateOrProvince => 'NY', PostalCode => '10118', Country => 'US',
		InternetAddressDisplayYN => JSON::PP::true, InternetEntireListingDisplayYN => JSON::PP::true, %more } });
	return;
}

sub geocode
{
	my ($more) = @_;
	return query(q{SELECT concat_ws('|', status, looked_for, found, not_found, removed, requests, message) FROM mls_geocode('east'} . ($more // '') . ')');
}

sub point
{
	my ($key) = @_;
	return query(qq{SELECT concat_ws(' ', "X_GeoLatitude", "X_GeoLongitude", "X_GeoQuality", "X_GeoSource") FROM gold.property WHERE "ListingKey" = '$key'});
}

sub sync { return is(query(q{SELECT string_agg(status, ' ') FROM mls_sync('east', 'Property')}), 'finished', 'a sync'); }

$mls->control('update', { resource => 'Property', fields => { (map { $_ => undef } @fields, 'Latitude', 'Longitude'),
	InternetAddressDisplayYN => JSON::PP::true, InternetEntireListingDisplayYN => JSON::PP::true } });
query(qq{CREATE SERVER east FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '} . $mls->url . q{', retries '0', schema_policy 'ignore');
	CREATE USER MAPPING FOR CURRENT_USER SERVER east OPTIONS (token 'static-token-value');
	CREATE SCHEMA east;
	CREATE FOREIGN TABLE east.property (listing_key text OPTIONS (field 'ListingKey'), list_price numeric OPTIONS (field 'ListPrice'), } .
	join(', ', map { lc("c_$_") . " text OPTIONS (field '$_')" } @fields) . q{, latitude numeric OPTIONS (field 'Latitude'), longitude numeric OPTIONS (field 'Longitude'),
	address_shown boolean OPTIONS (field 'InternetAddressDisplayYN'), listing_shown boolean OPTIONS (field 'InternetEntireListingDisplayYN'), modified timestamptz OPTIONS (field 'ModificationTimestamp'))
	SERVER east OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp', select '} . join(',', 'ListPrice', @fields, 'Latitude', 'Longitude', 'InternetAddressDisplayYN', 'InternetEntireListingDisplayYN') . q{');
	SELECT mls_subscribe('east.property')});
my @all = split /\n/, query(q{SELECT listing_key FROM east.property ORDER BY 1});
for my $name (qw(nominatim photon pelias google mapbox census opencage locationiq geoapify))
{
	query(qq{CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'geocoder', platform '$name', url 'http://127.0.0.1:$geo->{port}/geo/$name', retries '0', requests_per_second '0', requests_per_minute '0', requests_per_day '0')});
	query(qq{CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (api_key 'geo-key&value')});
}
$geo->control('places', { places => [ place('350', '5th ave', 40.748433, -73.985656) ] });
listing($all[0], '350', '5 Ave');
sync();
is(join(' ', asked()), '', 'nothing is asked unless it is wanted');
query(q{SELECT mls_geocode_use('east', '{nominatim}')});

# ---- One question, one answer ----

is(geocode(), 'finished|1|1|0|0|1', 'a record without coordinates is asked for');
is(join(' ', asked()), 'nominatim:350 5th ave', 'by a question in a normal form');
is(point($all[0]), '40.7484330 -73.9856560 rooftop nominatim', 'and has a point, in fields of its own');
is(query(q{SELECT count(*) FROM gold.property WHERE "Latitude" IS NOT NULL}), 0, 'which are not Latitude and Longitude');
is(geocode(), 'finished|0|0|0|0|0', 'a second run finds nothing to do');
is(query(q{SELECT concat_ws('|', status, requests, message) FROM mls_geocode()}), 'skipped|0|nothing has changed since the last run', 'and one that names no source does not look');
listing($all[1], '350', '5th Avenue', Latitude => 40.5, Longitude => -73.5);
listing($_->[0], $_->[1], $_->[2], %{ $_->[3] // {} }) for [ $all[2], 'TBD', '5th Ave' ], [ $all[3], '0', '5th Ave' ], [ $all[4], undef, 'PO Box 12' ], [ $all[5], '350', '5th Ave & 34th St' ],
	[ $all[6], undef, undef, { UnparsedAddress => 'Lot 5, Main Road' } ], [ $all[7], '350', '5th Ave', { InternetAddressDisplayYN => JSON::PP::false } ],
	[ $all[8], '350', '5th Ave', { InternetEntireListingDisplayYN => JSON::PP::false } ];
sync();
is(geocode(), 'finished|0|0|0|0|0', 'nothing to ask: coordinates, no house, an address that must not be shown');
listing($all[0], '350', '5 Ave', ListPrice => 123456);
sync();
is(geocode(), 'finished|0|0|0|0|0', 'another price asks nothing');
is(point($all[0]), '40.7484330 -73.9856560 rooftop nominatim', 'and the point stays');
is(join(' ', asked()), '', 'not a request for any of these');

my @condominium = @all[ 10 .. 29 ];
listing($condominium[$_], '12', '10 St', UnitNumber => "$_", StreetName => ('10 St Apt ' . ($_ + 1), "10th St. #$_", "10 ST Unit $_", '10th st')[ $_ % 4 ]) for 0 .. $#condominium;
$geo->control('places', { places => [ place('350', '5th ave', 40.748433, -73.985656), place('12', '10th st', 40.7341, -73.9967) ] });
sync();
is(geocode(), 'finished|20|20|0|0|1', 'all flats of a house are one question');
is(join(' ', asked()), 'nominatim:12 10th st', 'sent once');
is(query(q{SELECT string_agg(DISTINCT "X_GeoLatitude"::text, ' '), count("X_GeoLatitude") FROM gold.property WHERE "StreetNumber" = '12'} =~ s/, count/ || '|' || count/r), '40.7341000|20', 'for all of them');

# ---- Gold is what silver, rules and points make of it ----

sub gold { return query(q{SELECT md5(string_agg((to_jsonb(g) - 'mls_updated_at')::text, ',' ORDER BY "ListingKey")) FROM gold.property g}) }
my $before = gold();
query(q{SELECT mls_rebuild('east.property')});
is(gold(), $before, 'a rebuild makes the same');
query(q{UPDATE mls.subscription SET map_hash = NULL; SELECT mls_remap('east')});
is(gold(), $before, 'and so does a remap');
query(q{TRUNCATE gold.property; SELECT mls_remap('east')});
is(gold(), $before, 'from nothing, too');

query(q{SELECT mls_map_set('Property', 'Latitude', 'expression', '{"coalesce(r.latitude, geo.latitude)"}', source => 'east'),
	mls_map_set('Property', 'Longitude', 'expression', '{"coalesce(r.longitude, geo.longitude)"}', source => 'east'); SELECT mls_remap('east')});
is(query(qq{SELECT string_agg("Latitude"::text, ' ' ORDER BY "ListingKey") FROM gold.property WHERE "ListingKey" IN ('$all[0]', '$all[1]')}), '40.7484330 40.5', 'a rule brings points where the source has no coordinates, and those win');
is(geocode(), 'finished|0|0|0|0|0', 'and does not take its own for the source\'s');
is(query(q{SELECT count(*) FROM mls_map_check('east.property')}), 0, 'the rules fit');

listing($all[0], '351', '5th Ave');
sync();
is(point($all[0]) . query(qq{SELECT coalesce("Latitude"::text, '') FROM gold.property WHERE "ListingKey" = '$all[0]'}), '', 'another address: its point is gone with the same page');
$geo->control('places', { places => [ place('351', '5th ave', 40.7484, -73.9857, accuracy => 'interpolated') ] });
is(geocode(), 'finished|1|1|0|0|1', 'and it is asked for anew');
is(point($all[0]), '40.7484000 -73.9857000 interpolated nominatim', 'as exact as it is');
listing($all[0], '351', '5th Ave', InternetAddressDisplayYN => JSON::PP::false);
sync();
is(point($all[0]), '', 'an address that is hidden loses its point at once');
is(geocode(), 'finished|0|0|0|1|0', 'and nothing of it is kept');
is(query(q{SELECT count(*) FROM mls_unsubscribe('east.property') u, mls_subscribe('east.property') s}), 1, 'subscribed anew') if 0;

# ---- What is not believed ----

asked();
my @wrong = ([ 'another place', { city => 'Wappinger', postal_code => '12590', state => 'New York' } ], [ 'another state', { state => 'NJ' } ], [ 'another country', { country => 'CA' } ],
	[ 'zeros', { latitude => 0, longitude => 0 } ], [ 'none on the earth', { latitude => 140.7 } ]);
listing($all[ 30 + $_ ], '77', "Wrong $wrong[$_][0] St") for 0 .. $#wrong;
sync();
$geo->control('places', { places => [ map { place('77', lc("wrong $_->[0] st"), 40.65, -73.78, %{ $_->[1] }) } @wrong ] });
is(geocode(), 'finished|5|0|5|0|5', 'answers are refused');
my $reasons = query(q{SELECT string_agg(reason, ', ') FROM mls.geocode_cache WHERE verdict = 'refused'});
like($reasons, qr/\Q$_->[0]\E/, "for what they say: $_->[0]") for @wrong;
is(geocode(), 'finished|5|0|5|0|0', 'and are not asked for again');
is(point($all[30]), '', 'no point');
listing($all[$_], undef, undef) for 31 .. 34;
listing($all[30], '78', 'Coarse St');
sync();
$geo->control('places', { places => [ place('78', 'coarse st', 40.65, -73.78, accuracy => 'street') ] });
is(geocode(), 'finished|1|0|1|0|1', 'a street is too coarse');
query(q{SELECT mls_geocode_use('east', '{nominatim}', accept => 'street')});
is(geocode(), 'finished|1|1|0|0|0', 'unless it is taken, without another request');
is(point($all[30]), '40.6500000 -73.7800000 street nominatim', 'and says what it is');
query(q{SELECT mls_geocode_use('east', '{nominatim}'); SELECT mls_remap('east')});
is(point($all[30]) . '|' . geocode() . '|' . point($all[30]), '|finished|1|0|1|0|0|', 'and goes when it is taken no more');
listing($all[30], undef, undef);
# Five listings of the postal code say where it is.
listing($all[ 31 + $_ ], '5', 'Known St', PostalCode => '99999', City => 'Nowhere', Latitude => 61 + $_ / 100, Longitude => -150 + $_ / 100) for 0 .. 4;
listing($all[36], '6', 'Turned St', PostalCode => '99999', City => 'Nowhere');
sync();
$geo->control('places', { places => [ place('6', 'turned st', 61.02 - 30, -149.98, postal_code => '99999', city => 'Nowhere') ] });
is(geocode(), 'finished|1|0|1|0|1', 'a point far from the other listings of its postal code is not believed');
$geo->control('places', { places => [ place('7', 'right st', 61.02, -149.98, postal_code => '', city => '') ] });
listing($all[36], '7', 'Right St', PostalCode => '99999', City => 'Nowhere');
sync();
is(geocode(), 'finished|1|1|0|0|1', 'one among them is, also when it names no place');

# ---- Each in its own words: [lon, lat] is not [lat, lon] ----

asked();
$geo->control('places', { places => [ place('40', 'calle florida', -34.6037, -58.3816, city => 'Buenos Aires', state => 'BA', postal_code => '1005', country => 'AR') ] });
listing($all[37], '40', 'Calle Florida', City => 'Buenos Aires', StateOrProvince => 'BA', PostalCode => '1005', Country => 'AR');
sync();
for my $name (qw(nominatim photon pelias google mapbox census opencage locationiq geoapify))
{
	query(qq{DELETE FROM mls.geocode WHERE key = '$all[37]'; SELECT mls_geocode_use('east', '{$name}')});
	my $found = $name eq 'census' ? 0 : 1;
	is(geocode(), 'finished|1|' . ($found ? '1|0' : '0|1') . '|0|1', $found ? "$name finds it" : "$name speaks of one country alone");
	is(point($all[37]), "-34.6037000 -58.3816000 rooftop $name", 'in the south and the west') if $found;
}
query(q{SELECT mls_geocode_use('east', '{census}')});
listing($all[37], '41', 'Home St');
sync();
$geo->control('places', { places => [ place('41', 'home st', 40.71, -74.01) ] });
is(geocode(), 'finished|1|1|0|0|1', 'census finds what is there');
is(point($all[37]), '40.7100000 -74.0100000 interpolated census', 'in the north and the west');
asked();
is(query(q{SELECT attribution || ' ' || keep_days || ' ' || points FROM mls_geocoders WHERE geocoder = 'google'}), '© Google 30 0', 'attribution and terms are data');
is(query(q{SELECT expires_at - asked_at FROM mls.geocode_cache WHERE geocoder = 'google' AND verdict = 'found'}), '30 days', 'an answer is kept as long as it may be');

# ---- Several, and functions ----

query(q{SELECT mls_geocode_use('east', '{nominatim,photon}')});
asked();
listing($all[38], '1', 'First St');
sync();
$geo->control('places', { places => [ place('1', 'first st', 40.1, -73.1) ] });
is(geocode(), 'finished|1|1|0|0|1', 'the first finds it');
is(join(' ', map { s/:.*//r } asked()), 'nominatim', 'so the second is not asked');
$geo->fault(kind => 'status', match => '/geo/nominatim', status => 200, body => '[]', content_type => 'application/json', times => 1);
listing($all[38], '2', 'Second St');
sync();
$geo->control('places', { places => [ place('2', 'second st', 40.2, -73.2) ] });
is(geocode(), 'finished|1|1|0|0|2', 'the first does not');
is(join(' ', map { s/:.*//r } asked()), 'nominatim photon', 'so the second is');
is(point($all[38]), '40.2000000 -73.2000000 rooftop photon', 'and named');
query(q{CREATE FUNCTION public.find_it(jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('latitude', 40.3, 'longitude', -73.3, 'quality', 'rooftop', 'house_number', $1 ->> 'number', 'city', $1 ->> 'city') $$;
	SELECT mls_geocode_use('east', '{public.find_it(jsonb)}')});
listing($all[38], '3', 'Third St');
sync();
is(geocode(), 'finished|1|1|0|0|0', 'a function finds points, without a request');
is(point($all[38]), '40.3000000 -73.3000000 rooftop public.find_it(jsonb)', 'and is named as well');

# ---- Quota, keys, failures ----

query(q{SELECT mls_geocode_use('east', '{google}')});
listing($all[38], '4', 'Fourth St');
sync();
asked();
$geo->control('places', { places => [ place('4', 'fourth st', 40.4, -73.4) ] });
$geo->fault(kind => 'status', match => '/geo/google', status => 200, body => '{"status": "OVER_QUERY_LIMIT", "error_message": "too many", "results": []}', content_type => 'application/json');
like(sql_error($node, q{SELECT * FROM mls_geocode('east')}), qr/53400: quota of geocoder "google" is used up\nDETAIL:  It says: too many/, 'a quota that is told with status 200 ends the run');
is(query(q{SELECT error_class || ' ' || status FROM mls_history WHERE process = 'geocode' ORDER BY run DESC LIMIT 1}), 'quota failed', 'as one of quota');
like(query(q{SELECT status || ' ' || message FROM mls_geocode()}), qr/^skipped next attempt at .* after 1 failure \(quota of geocoder/, 'the next waits');
is(geocode(), 'finished|1|1|0|0|1', 'nothing was taken for an answer');
query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER google OPTIONS (SET api_key 'wrong-key&secret')});
listing($all[38], '5', 'Fifth St');
sync();
my $denied = sql_error($node, q{SELECT * FROM mls_geocode('east')});
like($denied, qr/28000: geocoder "google" does not accept the key\nDETAIL:  It says: The provided API key \*+ is invalid/, 'a key that is not accepted');
unlike($denied, qr/wrong-key/, 'is not repeated');
query(q{ALTER USER MAPPING FOR CURRENT_USER SERVER google OPTIONS (SET api_key 'geo-key&value')});
$geo->fault(kind => 'status', match => '/geo/google', status => 503, times => -1);
like(sql_error($node, q{SELECT * FROM mls_geocode('east')}), qr/could not fetch the place of an address from source "google"/, 'a geocoder that is down');
is(query(q{SELECT string_agg(status, ' ') FROM mls_sync('east')}), 'finished', 'holds up no sync');
like(query(q{SELECT level || ' ' || message FROM mls_health() WHERE item = 'geocoding'}), qr/^warning .*east\.Property.*google/, 'mls_health() tells');
$geo->control('clear', {});
$geo->control('places', { places => [ place('5', 'fifth st', 40.5, -73.5) ] });
is(geocode(), 'finished|1|1|0|0|1', 'until it is back');
is(query(q{SELECT level FROM mls_health() WHERE item = 'geocoding'}), 'ok', 'and all is well');

# ---- Time that is over ----

is(query(q{SELECT count(*) FROM mls.geocode WHERE expires_at IS NOT NULL}), 1, 'one point is on loan');
query(q{UPDATE mls.geocode SET expires_at = now() WHERE expires_at IS NOT NULL; UPDATE mls.geocode_cache SET expires_at = now() WHERE geocoder = 'google'});
$geo->control('places', { places => [] });
is(geocode(), 'finished|1|0|1|1|1', 'after its time it goes, and is asked for again');
is(point($all[38]) . query(q{SELECT count(*) FROM mls.geocode_cache WHERE geocoder = 'google' AND latitude IS NOT NULL}), '0', 'from gold, and from what is kept');

# ---- A quota of its own; interrupted, and beside a sync ----

query(q{CREATE SERVER daily FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'geocoder', platform 'nominatim', url '} . "http://127.0.0.1:$geo->{port}/geo/nominatim" . q{', retries '0', requests_per_second '0', requests_per_day '3');
	SELECT mls_geocode_use('east', '{daily}')});
asked();
listing($all[ $_ - 1 ], "$_", 'Daily St') for 1 .. 6;
listing($all[38], undef, undef);
$geo->control('places', { places => [ place('5', 'fifth st', 40.5, -73.5), map { place("$_", 'daily st', 40 + $_ / 10, -73) } 1 .. 6 ] });
sync();
like(sql_error($node, q{SELECT * FROM mls_geocode('east')}), qr/53400: quota of source "daily" is used up/, 'a quota per day');
is(scalar(asked()), 3, 'is kept');
$node->restart;
like(sql_error($node, q{SELECT * FROM mls_geocode('east')}), qr/quota of source "daily" is used up/, 'in other sessions, and behind a restart');
is(scalar(asked()), 0, 'to the request');
is(query(q{SELECT count(*) FROM mls.geocode WHERE source = 'daily'}), 3, 'what was answered stands');
query(q{SELECT mls_geocode_use('east', '{nominatim}')});
$geo->fault(kind => 'stall', match => '/geo/', skip => 1);
my $running = start_psql($node, q{SELECT * FROM mls_geocode('east')});
my $under_way = q{SELECT status = 'running' AND inserted = 1 FROM mls.run WHERE process = 'geocode' ORDER BY id DESC LIMIT 1};
$node->poll_query_until('postgres', $under_way) or die;
is(query(q{SELECT count(*) FROM pg_stat_activity WHERE query || application_name ~ ('geo' || '-key|daily st') AND pid <> pg_backend_pid()}), 0, 'no key or address stands in pg_stat_activity while a service is asked');
sync();
is(query(q{SELECT count(*) FROM mls_progress WHERE process = 'geocode'}), 1, 'runs beside a sync');
$node->stop('immediate');
eval { end_psql($running) };
$geo->control('release', {});
$geo->control('clear', {});
$node->start;
my @before = asked();
is(geocode(), 'finished|1|1|0|0|1', 'after a crash it goes on with what was left');
is(query(q{SELECT status FROM mls.run WHERE process = 'geocode' ORDER BY id DESC OFFSET 1 LIMIT 1}), 'crashed', 'and says so');
my %times;
$times{$_}++ for @before, asked();
is(join(' ', grep { $times{$_} > 1 } sort keys %times), $before[1], 'only what had no answer is asked for twice');

# ---- An address that is hidden while others are asked about ----

listing($all[$_], "$_", 'Slow St') for 0 .. 2;
$geo->control('places', { places => [ map { place("$_", 'slow st', 40.5 + $_ / 100, -73.5) } 0 .. 8 ] });
listing($all[$_], "$_", 'Slow St') for 6 .. 8;
sync();
asked();
$geo->fault(kind => 'stall', match => '/geo/', skip => 1);
$running = start_psql($node, q{SELECT * FROM mls_geocode('east')});
$node->poll_query_until('postgres', $under_way) or die;
my ($first) = split /\n/, query(q{SELECT "ListingKey" FROM gold.property WHERE "StreetName" = 'Slow St' AND "X_GeoLatitude" IS NOT NULL});
my @open = grep { $_ ne $first } @all[ 0 .. 2, 6 .. 8 ];
$mls->control('update', { resource => 'Property', key => $_, fields => { InternetAddressDisplayYN => JSON::PP::false } }) for @open;
sync();
$geo->control('release', {});
end_psql($running);
$geo->control('clear', {});
is(scalar(asked()), 2, 'is not asked about any more, but for the one that was under way');
is(query(q{SELECT concat_ws('|', status, received) FROM mls.run WHERE process = 'geocode' ORDER BY id DESC LIMIT 1}), 'finished|2', 'and is none that was looked for');
is(query(q{SELECT count(*) FROM gold.property WHERE "StreetName" = 'Slow St' AND "X_GeoLatitude" IS NOT NULL}), 0 + ($first ? 1 : 0), 'nor found');
like(geocode(), qr/^finished\|0\|0\|0\|/, 'in the next run, too');

# ---- An answer that does not say in which country it is ----

my $objection = q{SELECT coalesce(mls.geocode_objection(48.2, 16.4, '{5,"main st",wien,%s,1010,%s}', '{5}', '{1010}', '{%s}', '{%s}', '{%s}', NULL), 'none')};
is(query(sprintf $objection, @{ $_->[0] }), $_->[1], $_->[2])
  for [ [ '""', 'at', '', '', '' ], 'it does not say in which country it is', 'a postal code is one of other countries, too' ], [ [ '""', 'at', '', '', 'at' ], 'none', 'with its country it speaks for an answer' ],
  [ [ '""', '""', '', '', '' ], 'none', 'and where none was asked for' ], [ [ '""', 'at', 'wien', '', '' ], 'none', 'or the city is the same' ], [ [ 'ny', 'us', '', 'ny', '' ], 'none', 'or the state' ],
  [ [ 'ny', 'us', '', 'nj', '' ], 'it is in another state', 'but not another one' ];

# ---- Who may; what is refused; what is never shown ----

for my $bad ([ q{mls_geocode_use('east', '{nobody}')}, '42704: there is no geocoder "nobody"' ], [ q{mls_geocode_use('east', '{}')}, '22023: geocoders are a list of names' ],
	[ q{mls_geocode_use('east', '{nominatim}', accept => 'best')}, '22023: "best" is no quality of a point' ], [ q{mls_geocode_use('east', '{nominatim}', country => 'USA')}, '22023: "USA" is no code' ],
	[ q{mls_geocode_use('east', '{find_it(jsonb)}')}, '42883: there is no function "find_it(jsonb)" that geocodes' ], [ q{mls_geocode_stop('east', 'Media')}, '42704: there is no such subscription' ])
{
	my ($call, $error) = @$bad;
	like(sql_error($node, "SELECT $call"), qr/\Q$error\E/, "refused: $call");
}
query(q{CREATE SERVER unkept FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'geocoder', provider 'unkept', url 'https://geo.example.com');
	INSERT INTO mls.geocoder (name, parameters, results, latitude, longitude, quality, keep_days) SELECT 'unkept', parameters, results, latitude, longitude, quality, 0 FROM mls.geocoder WHERE name = 'photon'});
like(sql_error($node, q{SELECT mls_geocode_use('east', '{unkept}')}), qr/55000: answers of geocoder "unkept" may not be kept/, 'answers that may not be kept are of no use');
like(sql_error($node, q{CREATE FOREIGN TABLE t (a text) SERVER nominatim OPTIONS (resource 'x'); SELECT * FROM t}), qr/0A000: foreign table "t" cannot be read\nDETAIL:  Its server "nominatim" is of the protocol geocoder/, 'a geocoder has no tables');
like(sql_error($node, q{IMPORT FOREIGN SCHEMA x FROM SERVER nominatim INTO public}), qr/0A000: server "nominatim" has nothing to import/, 'and nothing to import');
is(query(q{SELECT string_agg(item || ' ' || ok, ', ') FROM mls_check('nominatim')}), 'configuration true, credentials true, service true, quota true', 'mls_check() connects to it');
query(q{CREATE ROLE other LOGIN; SELECT mls_grant('other')});
is(query(q{SET ROLE other; SELECT (SELECT count(*) FROM mls.geocode) + (SELECT count(*) FROM mls.geocode_cache) + (SELECT count(*) FROM mls.geocode_rule)}), 0, 'nobody sees another\'s addresses');
like(sql_error($node, q{SET ROLE other; SELECT mls_geocode_use('east', '{nominatim}')}), qr/there is no such subscription/, 'or has them asked for');

# ---- A rule for a part of the address that raises an error ----

query(q{SELECT mls_geocode_use('east', '{nominatim}');
	SELECT mls_map_set('Property', 'City', 'expression', ARRAY['CASE WHEN r.c_streetnumber = ''666'' THEN (1 / (length(r.c_streetnumber) - 3))::text ELSE r.c_city END'], source => 'east')});
listing($all[9], '666', 'Broken St', ListPrice => 77);
listing($all[2], '91', 'Good St');
$geo->control('places', { places => [ place('91', 'good st', 40.735, -73.995), place('666', 'broken st', 40.735, -73.995) ] });
sync();
is(query(qq{SELECT concat_ws('|', "ListPrice", "City", "X_GeoLatitude") FROM gold.property WHERE "ListingKey" = '$all[9]'}), '77', 'costs its record what is made from it, and no more');
like(geocode(), qr/^finished\|1\|1\|0\|\d\|1\|1 record has an address that the rules of gold cannot read$/, 'and the others nothing');
is(point($all[2]), '40.7350000 -73.9950000 rooftop nominatim', 'which are found');
# Nor are points kept for too long where there is such a record: that of another, its own, and one of a record that has gone.
query(qq{INSERT INTO mls.geocode (subscription, key, owner, question, latitude, longitude, quality, source, geocoded_at, expires_at)
	SELECT g.subscription, k, g.owner, g.question, g.latitude, g.longitude, g.quality, g.source, g.geocoded_at, now() FROM mls.geocode g CROSS JOIN unnest('{$all[9],gone}'::text[]) k WHERE g.key = '$all[2]';
	UPDATE mls.geocode SET expires_at = now() WHERE key = '$all[2]'});
like(geocode(), qr/^finished\|1\|1\|0\|3\|0\|1 record has an address that the rules of gold cannot read$/, 'and points go when their time is over');
is(query(q{SELECT count(*) FROM mls.geocode WHERE expires_at <= now()}) . ' ' . point($all[2]), '0 40.7350000 -73.9950000 rooftop nominatim', 'all of them');
query(q{SELECT mls_map_set('Property', 'X_GeoWithheldYN', 'expression', '{"r.c_unitnumber = ''secret''"}', source => 'east')});
listing($all[2], '91', 'Good St', UnitNumber => 'secret');
listing($all[3], '91', 'Good St', UnitNumber => 'open');
sync();
is(point($all[2]) . '|' . point($all[3]) . '|' . (geocode() =~ s/\|\d+ record.*//r) . '|' . point($all[3]), '||finished|1|1|0|1|0|40.7350000 -73.9950000 rooftop nominatim', 'a rule withholds places');

# ---- Maps ----

is(query(q{SELECT round(mls_distance(52.5200, 13.4050, 48.8566, 2.3522) / 1000), mls_distance(1, 1, 1, 1), mls_distance(NULL, 1, 1, 1) IS NULL}), '877|0|t', 'distances, in metres');
my $near = query(q{SELECT string_agg("ListingKey", ' ' ORDER BY "ListingKey") FROM gold.property WHERE mls_distance("Latitude", "Longitude", 40.7341, -73.9967) < 100000});
cmp_ok(scalar(split / /, $near), '>', 20, 'what is near');
SKIP:
{
	if (!query(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'}))
	{
		like(sql_error($node, 'SELECT mls_geography_index()'), qr/55000: extension postgis is not in this database\nHINT:  On Debian it is the package/, 'an index for maps wants PostGIS');
		skip 'PostGIS is not installed', 5;
	}
	query(q{CREATE EXTENSION postgis});
	is(query('SELECT mls_geography_index()') . query('SELECT mls_geography_index()'), 'property_geography' x 2, 'an index for maps');
	my ($view) = slurp_file("$ENV{MLS_TREE}/docs/geocoding.md") =~ /^    (CREATE VIEW places .*?;)/ms;
	query($view);
	my $within = q{FROM places WHERE ST_DWithin(place, ST_MakePoint(-73.9967, 40.7341)::geography, 100000)};
	is(query(qq{SELECT string_agg("ListingKey", ' ' ORDER BY "ListingKey") $within}), $near, 'finds the same, through the view of the documentation');
	like(query(qq{SET enable_seqscan = off; EXPLAIN SELECT "ListingKey" $within}), qr/property_geography/, 'by the index');
	cmp_ok(query(q{SELECT count(*) FROM places WHERE ST_Intersects(place, ST_GeogFromText('POLYGON((-74.1 40.7, -73.9 40.7, -73.9 40.8, -74.1 40.8, -74.1 40.7))'))}), '>=', 20, 'and within a polygon');
	listing($all[9], '90', 'Map St');
	$geo->control('places', { places => [ place('90', 'map st', 40.735, -73.995) ] });
	sync();
	geocode();
	is(query(qq{SELECT count(*) $within AND "ListingKey" = '$all[9]'}), 1, 'new points come into it');
}

# ---- A condominium ----

my $flats = $ENV{MLS_LONG} ? 10_000 : 2500;
$mls->control('insert', { resource => 'Property', count => $flats, fields => { (map { $_ => undef } @fields, 'Latitude', 'Longitude'), StreetNumber => '500', StreetName => 'Tower Rd', City => 'New York',
			StateOrProvince => 'NY', PostalCode => '10118', Country => 'US', InternetAddressDisplayYN => JSON::PP::true, InternetEntireListingDisplayYN => JSON::PP::true } });
$geo->control('places', { places => [ place('500', 'tower rd', 40.736, -73.996) ] });
sync();
asked();
is(geocode() =~ s/\|\d+ record.*//r, "finished|$flats|$flats|0|0|1", "$flats flats of a house");
is(join(' ', asked()), 'nominatim:500 tower rd', 'are one question');
is(geocode() =~ s/\|\d+ record.*//r, 'finished|0|0|0|0|0', 'asked once');

query(q{SELECT mls_geocode_stop('east'); SELECT mls_remap('east')});
is(query(q{SELECT count("X_GeoLatitude") + count("X_GeoSource") FROM gold.property}), 0, 'ended: the points are gone');
my $log = slurp_file($node->logfile);
is(join('', grep { /geo-key|wrong-key/ && !/USER MAPPING/ } split /^/, $log), '', 'no key in the log');
is(query(q{SELECT count(*) FROM mls.run r WHERE r::text ~ 'geo-key|wrong-key'}), 0, 'or in a table');
done_testing();
