-- Options: what the validator accepts, refuses and suggests.
\set VERBOSITY default
SET lc_messages = 'C';
SET client_min_messages = warning;

-- The table of options follows two rules: secrets belong to user mappings only,
-- and every option explains itself.
SELECT object, count(*), count(*) FILTER (WHERE secret) AS secrets FROM mls_options() GROUP BY 1 ORDER BY 1;
SELECT object, name FROM mls_options() WHERE required ORDER BY 1, 2;
SELECT name FROM mls_options() WHERE help !~ '^[A-Z].*\.$';
SELECT name, type, default_value, allowed FROM mls_options()
 WHERE name IN ('auth', 'timeout_ms', 'overlap', 'max_page_bytes', 'rows', 'text_exact') ORDER BY 1;

-- Servers: two options are required, names are checked, values are checked.
CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw;
CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso');
CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'odata', url 'https://api.example.com');
CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'resso', url 'https://api.example.com');
CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', platform 'tresle', url 'https://api.example.com');
CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', platform 'mlsgrid', url 'https://api.example.com');
CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'ftp://api.example.com');
CREATE SERVER source FOREIGN DATA WRAPPER mls_fdw
  OPTIONS (protocol 'reso', platform 'trestle', url 'https://api.example.com/odata');

-- Misspelt, misplaced and unheard-of names.
ALTER SERVER source OPTIONS (ADD pagesize '200');
ALTER SERVER source OPTIONS (ADD client_secret 'hush');
ALTER SERVER source OPTIONS (ADD password 'hush');
ALTER SERVER source OPTIONS (ADD colour 'blue');
CREATE USER MAPPING FOR CURRENT_USER SERVER source OPTIONS (clientid 'me');
CREATE USER MAPPING FOR CURRENT_USER SERVER source OPTIONS (url 'https://elsewhere.example.com');
ALTER FOREIGN DATA WRAPPER mls_fdw OPTIONS (ADD url 'https://api.example.com');

-- Every type of value.
ALTER SERVER source OPTIONS (ADD page_size '0');
ALTER SERVER source OPTIONS (ADD page_size 'many');
ALTER SERVER source OPTIONS (ADD page_size '1.5');
ALTER SERVER source OPTIONS (ADD retries '-1');
ALTER SERVER source OPTIONS (ADD retries 'NaN');
ALTER SERVER source OPTIONS (ADD timeout_ms '0');
ALTER SERVER source OPTIONS (ADD timeout_ms '10 parsec');
ALTER SERVER source OPTIONS (ADD max_page_bytes '2GB');
ALTER SERVER source OPTIONS (ADD auth 'digest');
ALTER SERVER source OPTIONS (ADD push_or 'perhaps');
ALTER SERVER source OPTIONS (ADD timezone 'Mars/Olympus');
ALTER SERVER source OPTIONS (ADD overlap '1 month');
ALTER SERVER source OPTIONS (ADD overlap 'a while');
ALTER SERVER source OPTIONS (ADD purge_limit '10%, 20%');
ALTER SERVER source OPTIONS (ADD purge_limit '101%');
ALTER SERVER source OPTIONS (ADD user_agent '');
ALTER SERVER source OPTIONS (ADD user_agent E'a\r\nX-Other: b');
ALTER SERVER source OPTIONS (ADD header_name 'X Key:');
ALTER SERVER source OPTIONS (ADD header_name 'Host');
ALTER SERVER source OPTIONS (ADD header_name 'transfer-encoding');
ALTER SERVER source OPTIONS (ADD header_name 'Proxy-Authorization');
ALTER SERVER source OPTIONS (ADD originating_system 'O''Neill');
ALTER SERVER source OPTIONS (ADD ca_file 'ca.pem');
ALTER SERVER source OPTIONS (
  ADD page_size '500', ADD timeout_ms '2min', ADD max_page_bytes '64MB', ADD bytes_per_hour '4GB',
  ADD requests_per_second '0.5', ADD auth 'oauth2', ADD push_or 'off', ADD timezone 'America/Chicago',
  ADD overlap '20 minutes', ADD purge_limit '5%', ADD ordering 'timestamp', ADD ca_file '/etc/ssl/ca.pem');
ALTER SERVER source OPTIONS (SET overlap '1200', SET purge_limit '5%, 2000', DROP auth);

-- The merged list is judged: a required option cannot go.
ALTER SERVER source OPTIONS (DROP url);

-- A file of the database's machine is for those who may read its files, and
-- stays theirs: another owner cannot change the server around it.
CREATE ROLE regress_mls_owner;
ALTER SERVER source OWNER TO regress_mls_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER mls_fdw TO regress_mls_owner;
SET ROLE regress_mls_owner;
ALTER SERVER source OPTIONS (SET page_size '100');
ALTER SERVER source OPTIONS (DROP ca_file);
ALTER SERVER source OPTIONS (SET page_size '100');
RESET ROLE;

-- Secrets are not repeated, and an empty one is a slip.
CREATE USER MAPPING FOR CURRENT_USER SERVER source OPTIONS (client_id 'me', client_secret '');
CREATE USER MAPPING FOR CURRENT_USER SERVER source OPTIONS (client_id 'me', client_secret E'hu\nsh');
CREATE USER MAPPING FOR CURRENT_USER SERVER source OPTIONS (client_id 'me', client_secret 'hush');

-- Foreign tables and columns.
CREATE FOREIGN TABLE property (listing_key text) SERVER source;
CREATE FOREIGN TABLE property (listing_key text) SERVER source OPTIONS (resource '../Property');
CREATE FOREIGN TABLE property (listing_key text) SERVER source OPTIONS (resource 'Property/./..');
CREATE FOREIGN TABLE property (listing_key text) SERVER source OPTIONS (resource '/Property');
CREATE FOREIGN TABLE property (listing_key text) SERVER source OPTIONS (resource 'Property?$top=1');
CREATE FOREIGN TABLE property (listing_key text) SERVER source OPTIONS (resource 'Property', keys 'ListingKey');
CREATE FOREIGN TABLE property (listing_key text) SERVER source OPTIONS (resource 'Property', key 'ListingKey,,X');
CREATE FOREIGN TABLE property (listing_key text OPTIONS (feld 'ListingKey')) SERVER source OPTIONS (resource 'Property');
CREATE FOREIGN TABLE property (listing_key text OPTIONS (enum 'so')) SERVER source OPTIONS (resource 'Property');
CREATE FOREIGN TABLE property (
  listing_key text OPTIONS (field 'ListingKey'),
  status text OPTIONS (field 'StandardStatus', type 'Ns.StandardStatus', enum 'true'),
  record json OPTIONS (field '*'))
  SERVER source OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp', rows '5e4', page_size '10');

DROP SERVER source CASCADE;
REVOKE USAGE ON FOREIGN DATA WRAPPER mls_fdw FROM regress_mls_owner;
DROP ROLE regress_mls_owner;
