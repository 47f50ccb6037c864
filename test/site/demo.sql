-- Sources for looking at the site: three protocols, one that fails, one with little quota left,
-- a schema that has drifted, changes, schedules, consumers.  psql variable url: the test server.
\set root :url /odata
\set token :url /oauth/token
\set rets :url /rets/login
\set api :url /api/v2
SET client_min_messages = warning;
CREATE EXTENSION mls_fdw;
CREATE SERVER riverbend FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url :'root', token_url :'token', page_size '200', requests_per_hour '400', schema_check_interval '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER riverbend OPTIONS (client_id 'demo', client_secret 's3cret-demo-value');
CREATE SERVER oldtown FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'rets', url :'rets', key_prefix 'old:', requests_per_day '2000');
CREATE USER MAPPING FOR CURRENT_USER SERVER oldtown OPTIONS (username 'agent', password 'basic-pass-value');
CREATE SERVER agency FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'qobrix', url :'api', key_prefix 'crm:');
CREATE USER MAPPING FOR CURRENT_USER SERVER agency OPTIONS (api_user '11111111-1111-4111-8111-111111111111', api_key 'header-key-value');
CREATE SERVER lakeside FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url :'root', token_url :'token', key_prefix 'lake:');
CREATE USER MAPPING FOR CURRENT_USER SERVER lakeside OPTIONS (client_id 'demo', client_secret 's3cret-demo-value');
CREATE SCHEMA riverbend;
CREATE SCHEMA oldtown;
CREATE SCHEMA agency;
CREATE SCHEMA lakeside;
IMPORT FOREIGN SCHEMA reso FROM SERVER riverbend INTO riverbend;
IMPORT FOREIGN SCHEMA rets LIMIT TO (property_res) FROM SERVER oldtown INTO oldtown;
IMPORT FOREIGN SCHEMA qobrix LIMIT TO (properties) FROM SERVER agency INTO agency;
IMPORT FOREIGN SCHEMA reso LIMIT TO (office) FROM SERVER lakeside INTO lakeside;
SELECT mls_subscribe(t::regclass) FROM unnest('{riverbend.property,riverbend.media,riverbend.member,riverbend.office,riverbend.open_house,oldtown.property_res,agency.properties,lakeside.office}'::text[]) t;
SELECT mls_track('riverbend.property');
-- Two weeks of history, as runs would have left it.
INSERT INTO mls.run (subscription, process, status, started_at, finished_at, requests, pages, received, inserted, updated, unchanged, bytes)
SELECT s.id, 'sync', 'finished', t, t + (5 + (hashtext(s.id || t::text) & 63)) * interval '1 second', 3, 2,
       n + 20, n / 6, n, 20, 4000 * (n + 20)
  FROM mls.subscription s, generate_series(date_trunc('hour', now()) - interval '14 days', now() - interval '3 hours', interval '6 hours') t,
       LATERAL (SELECT abs(hashtext(s.resource || t::date::text)) % CASE WHEN s.resource ILIKE 'propert%' THEN 60 ELSE 12 END AS n) x
 WHERE s.source <> 'lakeside';
SELECT source, resource, status FROM mls_sync();
SELECT count(*) FROM mls_verify('riverbend', samples => 5);
SELECT count(*) FROM mls_verify('oldtown', samples => 5);
