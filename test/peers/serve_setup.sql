-- What test/peers/check.sh serves: all resources of one source to a broker and to an office.
SET client_min_messages = warning;
CREATE EXTENSION mls_fdw;
CREATE SERVER east FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url :'url', schema_check_interval '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER east OPTIONS (token 'static-token-value');
CREATE SCHEMA east;
IMPORT FOREIGN SCHEMA reso FROM SERVER east INTO east;
SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.media,east.member,east.office,east.open_house}'::text[]) t;
SELECT source, resource, status, inserted FROM mls_sync('east');
CREATE ROLE broker NOLOGIN;
CREATE ROLE office NOLOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
SELECT mls_protect(l::regrole, l, r) FROM unnest('{broker,office}'::text[]) l, unnest('{Office,Property,Member,OpenHouse,Media}'::text[]) r;
SELECT mls_serve_grant('authenticator');
SELECT 'consumer', client_id, secret FROM mls_consumer_add('broker', 'broker', '{"sources": ["east"]}')
UNION ALL SELECT 'consumer', client_id, secret FROM mls_consumer_add('office', 'office', '{"sources": ["east"], "offices": ["O00001"]}');
