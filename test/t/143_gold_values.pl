# Values on their way into gold: every digit of a binary fraction, times of day, and a
# verification that compares values, not casts.
use strict;
use warnings;

use MlsTest;
use Test::More;

my $node = new_node('gold_values');
my $mls = start_mls(listings => 20, samples => 5, fields => 'full');

sub query { return $node->safe_psql('postgres', @_); }

# ---- conversions ----

is(query(q{SELECT count(*) FROM generate_series(1, 20000) i, LATERAL (SELECT sin(i) * 10 ^ (i % 40 - 20) AS d) v
	WHERE mls.exact_numeric(d)::float8 IS DISTINCT FROM d}), '0', 'a double survives the way into numeric and back');
cmp_ok(query(q{SELECT count(*) FROM generate_series(1, 20000) i, LATERAL (SELECT sin(i) * 10 ^ (i % 40 - 20) AS d) v
	WHERE d::numeric::float8 IS DISTINCT FROM d}), '>', 1000, 'which the cast would not have let it');
is(query(q{SELECT count(*) FROM generate_series(1, 20000) i, LATERAL (SELECT (sin(i) * 1000)::float4 AS d) v
	WHERE mls.exact_numeric(d)::float4 IS DISTINCT FROM d}), '0', 'so does a single');
is(query(q{SELECT mls.exact_numeric(0.1::float8), mls.exact_numeric(30.267153::float8), mls.exact_numeric(1e15::float8), mls.exact_numeric('-0'::float8),
	mls.exact_numeric('NaN'::float8), mls.exact_numeric(97.7431::float4)}), '0.1|30.267153|1000000000000000|0|NaN|97.7431', 'as the source wrote it');
is(query(q{SET extra_float_digits = -10; SELECT mls.exact_numeric(0.12345678901234567::float8)}), '0.12345678901234566', 'whatever the session shows');

# ---- a source with doubles and a time of day ----

create_source($node, $mls, 'demo', tables => 'property', retries => 0);
query(q{SET client_min_messages = error; SELECT mls_subscribe('demo.property')});
$mls->control('set', { resource => 'Property', count => 10, fields => { Latitude => 30.123456789012345, X_ViewingTime => '12:30:00' } });
like(query(q{SELECT status FROM mls_sync()}), qr/^finished$/, 'a sync');
my $type = query(q{SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'gold.property'::regclass AND attname = 'X_ViewingTime'});
is($type, 'time without time zone', 'a field of a time of day has a column in gold');
is(query(q{SELECT count(*) FILTER (WHERE g."X_ViewingTime" IS DISTINCT FROM s.x_viewing_time), count(g."X_ViewingTime") >= 10
	FROM gold.property g JOIN silver.demo_property s ON s.listing_key = g."ListingKey"}), '0|t', 'with its values');
is(query(q{SELECT count(*) FROM mls_verify('demo', 0) WHERE severity = 'error'}), '0', 'a verification finds no error');

# ---- doubles under a field that the dictionary has as a decimal ----

my $url = $mls->url;
$mls->{http}->post("http://127.0.0.1:$mls->{port}/_control/set", { headers => { 'content-type' => 'application/json' },
	content => '{"resource": "Property", "count": 12, "fields": {"Latitude": 30.123456789012345, "Longitude": -97.74312345678901}}' })->{success} or die 'set';
query(qq{CREATE SERVER wide FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', schema_policy 'ignore', key_prefix 'w-');
	CREATE USER MAPPING FOR CURRENT_USER SERVER wide OPTIONS (token 'static-token-value');
	CREATE SCHEMA wide;
	CREATE FOREIGN TABLE wide.property (listing_key text OPTIONS (field 'ListingKey'), latitude float8 OPTIONS (field 'Latitude', type 'Edm.Decimal'),
		longitude float8 OPTIONS (field 'Longitude', type 'Edm.Decimal'), modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER wide OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp');
	SET client_min_messages = error;
	SELECT mls_subscribe('wide.property')});
like(query(q{SELECT status FROM mls_sync('wide')}), qr/^finished$/, 'a source with doubles');
is(query(q{SELECT DISTINCT "Latitude", "Longitude" FROM gold.property WHERE mls_source = 'wide' AND "Longitude"::text LIKE '-97.743123456789%'}),
	'30.123456789012344|-97.74312345678901', 'all digits are in gold');
is(query(q{SELECT count(*) FROM gold.property g JOIN silver.wide_property s ON 'w-' || s.listing_key = g."ListingKey"
	WHERE g."Latitude"::float8 IS DISTINCT FROM s.latitude OR g."Longitude"::float8 IS DISTINCT FROM s.longitude}), '0', 'of all values');
my $verify = q{SELECT count(*) FROM mls_verify('wide', 0) WHERE severity = 'error' AND "check" = 'gold'};
is(query($verify), '0', 'which mls_verify finds right');
query(q{UPDATE gold.property SET "Latitude" = round("Latitude", 10) WHERE mls_source = 'wide'});
is(query($verify), '1', 'unless a value loses digits');

# With a conversion that loses digits gold is what the rules make, and still not what the source says.
query(q{CREATE OR REPLACE FUNCTION mls.exact_numeric(value double precision) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT value::numeric';
	SET client_min_messages = error; SELECT mls_rebuild('wide.property')});
is(query(q{SELECT DISTINCT "Latitude" FROM gold.property WHERE mls_source = 'wide' AND "Latitude"::text LIKE '30.123456%'}),
	'30.1234567890123', 'a conversion that loses digits');
is(query($verify), '1', 'is found, for values are compared');

done_testing();
