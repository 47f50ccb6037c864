-- The tour of "make demo".  psql variable: url (the test server).
\set root :url /odata
\set token :url /oauth/token
\pset pager off
\pset border 1

\echo
\echo '== 1. Point at a RESO Web API server ======================================'
\set ECHO queries
CREATE EXTENSION mls_fdw;
CREATE SERVER demo FOREIGN DATA WRAPPER mls_fdw
  OPTIONS (protocol 'reso', url :'root', token_url :'token');
CREATE USER MAPPING FOR CURRENT_USER SERVER demo
  OPTIONS (client_id 'demo', client_secret 's3cret-demo-value');
SELECT * FROM mls_check('demo');

CREATE SCHEMA demo;
IMPORT FOREIGN SCHEMA reso FROM SERVER demo INTO demo;
\unset ECHO
\echo
\echo '== 2. Look: live, nothing stored =========================================='
\set ECHO queries
SELECT listing_key, city, list_price, standard_status
  FROM demo.property
 WHERE list_price BETWEEN 100000 AND 4000000 AND city = 'Austin'
 ORDER BY modification_timestamp DESC NULLS LAST LIMIT 5;

EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
SELECT listing_key, city, list_price FROM demo.property
 WHERE list_price < 400000 AND modification_timestamp >= now() - interval '10 years';

SELECT count(*) FROM demo.property WHERE list_price >= 1000000;
\unset ECHO
\echo
\echo '== 3. Replicate: bronze, silver and gold in one commit per page ============'
\set ECHO queries
SELECT mls_subscribe('demo.property');
SELECT mls_subscribe('demo.member');
SELECT mls_subscribe('demo.media');
SELECT * FROM mls_sync();
\unset ECHO
\echo
\echo '   ... the MLS changes seven listings; the second sync moves only those:'
\setenv URL :url
\! python3 -c "import os,urllib.request as u; u.urlopen(u.Request(os.environ['URL'] + '/_control/update', data=b'{\"resource\":\"Property\",\"count\":7,\"fields\":{\"ListPrice\":777000}}')).read()"
\set ECHO queries
SELECT source, resource, status, received, inserted, updated, unchanged, requests FROM mls_sync();
\unset ECHO
\echo
\echo '== 4. Trust: what is there, how fresh ======================================'
\set ECHO queries
SELECT * FROM mls_status;
\unset ECHO
\echo
\echo '== 5. Serve: RESO names for PostgREST or any SQL client ===================='
\set ECHO queries
SELECT "ListingKey", "ListPrice", "StandardStatus", "City" FROM reso."Property"
 WHERE "ListPrice" = 777000 ORDER BY "ListingKey";
\unset ECHO
