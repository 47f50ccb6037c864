-- The tour of "make demo".  psql variables: url (the test server); the environment
-- names the script (MLS_DEMO) that plays the outside world.
\set QUIET on
\pset pager off
\pset footer off
\t on
\pset null '-'
\set root :url /odata
\set token :url /oauth/token
\set rets :url /rets/login
\set api :url /api/v2
\set geo :url /geo/photon
\getenv photos MLS_DEMO_PHOTOS
\getenv work MLS_DEMO_WORK
\set one :work /one
\set all :work /all

\echo '== 1. Look: a RESO Web API server as tables, nothing stored'
\set ECHO queries
CREATE EXTENSION mls_fdw;
CREATE SERVER demo FOREIGN DATA WRAPPER mls_fdw OPTIONS (
  protocol 'reso', url :'root', token_url :'token', page_size '50', requests_per_second '10');
CREATE USER MAPPING FOR CURRENT_USER SERVER demo
  OPTIONS (client_id 'demo', client_secret 's3cret-demo-value');
CREATE SCHEMA demo; IMPORT FOREIGN SCHEMA reso FROM SERVER demo INTO demo;
SELECT listing_key, city, list_price, standard_status FROM demo.property
 WHERE list_price < 4000000 AND city = 'Austin' ORDER BY modification_timestamp DESC LIMIT 2;
EXPLAIN (COSTS OFF) SELECT count(*) FROM demo.property WHERE list_price >= 1000000;
\unset ECHO

\echo '== 2. Replicate; the server is killed meanwhile, and the next sync goes on'
\set ECHO queries
SELECT bronze, silver, gold FROM mls_subscribe('demo.property');
\unset ECHO
\! bash "$MLS_DEMO" kill
\c
\t on
\set ECHO queries
SELECT (SELECT count(*) FROM bronze.demo_property), (SELECT count(*) FROM gold.property);
SELECT resource, status, received, inserted, unchanged FROM mls_sync();
\unset ECHO

\echo '== 3. A bad night: the MLS lists a tenth of its records; then it removes three'
\! bash "$MLS_DEMO" control delete '{"resource": "Property", "count": 450}' > "$MLS_DEMO_WORK/gone"
\set ECHO queries
\set SHOW_CONTEXT never
SELECT resource, status, deleted FROM mls_purge('demo');
\unset ECHO
\! bash "$MLS_DEMO" restore "$MLS_DEMO_WORK/gone"
\! bash "$MLS_DEMO" control delete '{"resource": "Property", "count": 3}' > "$MLS_DEMO_WORK/gone"
\set ECHO queries
SELECT resource, status, listed, missing, deleted FROM mls_purge('demo');
SELECT mls_undo(max(run)), 'brought back' FROM mls_history WHERE process = 'purge' AND deleted > 0;
\unset ECHO
\! bash "$MLS_DEMO" restore "$MLS_DEMO_WORK/gone"

\echo '== 4. One price changes at the MLS: compare a record, sync, verify'
\! bash "$MLS_DEMO" control update '{"resource": "Property", "key": "LK00000007", "fields": {"ListPrice": 777000}}' > /dev/null
\set ECHO queries
SELECT remote, gold FROM mls_compare('demo', 'Property', 'LK00000007') WHERE field = 'ListPrice';
SELECT resource, received, updated, unchanged, requests FROM mls_sync();
SELECT severity, message FROM mls_verify('demo', samples => 20);
\unset ECHO

\echo '== 5. A photo is kept in a store; a geocoder is asked where a listing is'
\! bash "$MLS_DEMO" control update '{"resource": "Media", "count": 100000, "fields": {"MediaURL": "'"$MLS_DEMO_URL"'/cdn/jpeg/plan"}}' > /dev/null
\! bash "$MLS_DEMO" control update '{"resource": "Property", "key": "LK00000007", "fields": {"StreetNumber": "350", "StreetName": "5 Ave Apt 3", "StreetSuffix": null, "StreetDirPrefix": null, "StreetDirSuffix": null, "City": "New York", "StateOrProvince": "NY", "PostalCode": "10118", "Country": "US", "Latitude": null, "Longitude": null, "InternetAddressDisplayYN": true, "InternetEntireListingDisplayYN": true}}' > /dev/null
\! bash "$MLS_DEMO" control places '{"places": [{"number": "350", "street": "5th ave", "city": "New York", "state": "NY", "postal_code": "10118", "country": "US", "latitude": 40.748433, "longitude": -73.985656, "accuracy": "rooftop"}]}' > /dev/null
\o /dev/null
CREATE SERVER geo FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'geocoder', platform 'photon', url :'geo');
SELECT mls_geocode_use('demo', '{geo}');
SELECT mls_subscribe('demo.media');
SELECT mls_sync('demo');
CREATE SERVER photos FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url :'photos');
\set ECHO queries
SELECT mls_media_store('demo', 'photos');
\o
SELECT fetched, stored FROM mls_media_sync('demo');
SELECT count(*), type, bytes, width, height FROM mls_media GROUP BY 2, 3, 4, 5;
SELECT looked_for, found, requests FROM mls_geocode('demo');
SELECT "X_GeoLatitude", "X_GeoLongitude" FROM gold.property WHERE "X_GeoSource" = 'geo';
\unset ECHO

\echo '== 6. RESO, RETS and Qobrix in one gold table'
\set ECHO queries
CREATE SERVER oldmls FOREIGN DATA WRAPPER mls_fdw
  OPTIONS (protocol 'rets', url :'rets', key_prefix 'old:');
CREATE USER MAPPING FOR PUBLIC SERVER oldmls
  OPTIONS (username 'agent', password 'basic-pass-value');
CREATE SERVER crm FOREIGN DATA WRAPPER mls_fdw
  OPTIONS (protocol 'qobrix', url :'api', key_prefix 'crm:');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (
  api_user '11111111-1111-4111-8111-111111111111', api_key 'header-key-value');
IMPORT FOREIGN SCHEMA rets LIMIT TO (property_res) FROM SERVER oldmls INTO demo;
IMPORT FOREIGN SCHEMA qobrix LIMIT TO (properties) FROM SERVER crm INTO demo;
\o /dev/null
SELECT mls_subscribe('demo.property_res'), mls_subscribe('demo.properties');
\o
SELECT source, resource, status, inserted, requests FROM mls_sync() WHERE inserted > 0;
SELECT mls_source, count(*), min("ListingKey") FROM gold.property GROUP BY 1 ORDER BY 1;
\unset ECHO

\echo '== 7. By itself, and watched'
\set ECHO queries
SELECT process, schedule FROM mls_schedule('demo', sync => '*/15 * * * *');
SELECT source, resource, state, rows, remote FROM mls_status;
SELECT level, count(*), 'checks' FROM mls_health() GROUP BY level;
\unset ECHO

\echo '== 8. Serve: gold as a RESO Web API, to each consumer what he may see'
\o /dev/null
CREATE ROLE idx; CREATE ROLE api LOGIN NOINHERIT;
\set ECHO queries
SELECT mls_protect('idx', 'idx', r) FROM unnest('{Property,Media}'::text[]) r;
SELECT mls_serve_grant('api');
\o :one
SELECT * FROM mls_consumer_add('One', 'idx', claims => '{"sources": ["demo"]}');
\o :all
SELECT * FROM mls_consumer_add('All', 'idx', claims => '{"sources": ["demo", "crm", "oldmls"]}');
\o
\unset ECHO
\! bash "$MLS_DEMO" serve
