-- What mls_subscribe() asks of a foreign table, makes, and refuses; no network.
CREATE SERVER trestle FOREIGN DATA WRAPPER mls_fdw
  OPTIONS (protocol 'reso', url 'https://api.example.com/odata');
CREATE SCHEMA feed;
CREATE FOREIGN TABLE feed.team (
    team_key text OPTIONS (field 'TeamKey'),
    team_name text OPTIONS (field 'TeamName') COLLATE "C",
    size numeric(6,2) OPTIONS (field 'TeamSize'),
    notes text[] OPTIONS (field 'TeamNotes')
) SERVER trestle OPTIONS (resource 'Crews');

-- A key and a timestamp are needed, each with its column.
SELECT * FROM mls_subscribe('feed.team');
ALTER FOREIGN TABLE feed.team OPTIONS (ADD key 'TeamId');
SELECT * FROM mls_subscribe('feed.team');
ALTER FOREIGN TABLE feed.team OPTIONS (SET key 'TeamKey');
-- Without a timestamp it would be read whole.
SELECT bronze FROM mls_subscribe('feed.team');
SELECT mls_unsubscribe('feed.team', true);
DROP SCHEMA bronze;
ALTER FOREIGN TABLE feed.team OPTIONS (ADD timestamp 'ModificationTimestamp');
SELECT * FROM mls_subscribe('feed.team');
ALTER FOREIGN TABLE feed.team ADD COLUMN modified timestamptz OPTIONS (field 'ModificationTimestamp');

-- A table of another shape is not touched.
CREATE SCHEMA bronze;
CREATE TABLE bronze.trestle_crews (key text PRIMARY KEY, modified_at timestamp);
SELECT * FROM mls_subscribe('feed.team');
DROP TABLE bronze.trestle_crews;

-- The tables are made; silver has the columns of the foreign table.
SELECT bronze, silver FROM mls_subscribe('feed.team');
SELECT attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation
  FROM pg_attribute WHERE attrelid = 'silver.trestle_crews'::regclass AND attnum > 0 ORDER BY attnum;
SELECT attname, format_type(atttypid, atttypmod), attnotnull
  FROM pg_attribute WHERE attrelid = 'bronze.trestle_crews'::regclass AND attnum > 0 ORDER BY attnum;
SELECT relname, reloptions FROM pg_class WHERE relname = 'trestle_crews' ORDER BY reloptions;
SELECT source, resource, foreign_table, state, newest, last_run FROM mls_status_detail;

-- Subscribing again brings silver up to date.
ALTER FOREIGN TABLE feed.team ADD COLUMN city text OPTIONS (field 'City');
SELECT bronze, silver FROM mls_subscribe('feed.team');
SELECT count(*) FROM pg_attribute WHERE attrelid = 'silver.trestle_crews'::regclass AND attname = 'city';

-- A resource is replicated once.
CREATE FOREIGN TABLE feed.second (
    team_key text OPTIONS (field 'TeamKey'),
    modified timestamptz OPTIONS (field 'ModificationTimestamp')
) SERVER trestle OPTIONS (resource 'Crews', key 'TeamKey', timestamp 'ModificationTimestamp');
SELECT * FROM mls_subscribe('feed.second');

-- Rebuilding from bronze needs no network either.
INSERT INTO bronze.trestle_crews (key, record, fetched_at, run_id) VALUES
    ('1', '{"TeamKey": "1", "TeamName": "Ä \"one\"", "TeamSize": 12.5, "TeamNotes": ["a", "b"]}', now(), 0),
    ('2', '{"TeamKey": "2", "TeamSize": "many", "City": "Paphos"}', now(), 0),
    ('3', '{"TeamKey": "3"}', now(), 0);
UPDATE bronze.trestle_crews SET deleted_at = now() WHERE key = '3';
SELECT mls_rebuild('feed.team');
SELECT * FROM silver.trestle_crews ORDER BY team_key;
SELECT key, field, value, reason, times FROM mls.issue;
SELECT process, status, received, bad_values FROM mls_history;

-- A table that was dropped is made anew.
DROP TABLE silver.trestle_crews;
SELECT bronze, silver FROM mls_subscribe('feed.team');
SELECT mls_rebuild('feed.team');
SELECT team_key FROM silver.trestle_crews ORDER BY team_key;

-- Unsubscribing keeps the tables unless asked.
SELECT mls_unsubscribe('feed.team');
SELECT mls_unsubscribe('feed.team');
SELECT count(*) FROM silver.trestle_crews;
SET client_min_messages = warning;
SELECT silver FROM mls_subscribe('feed.team');
RESET client_min_messages;
SELECT mls_unsubscribe('feed.team', drop_data => true);
SELECT to_regclass('silver.trestle_crews'), to_regclass('bronze.trestle_crews');
SELECT * FROM mls_sync();
SELECT * FROM mls_sync('trestle');
DROP SCHEMA feed CASCADE;
DROP SERVER trestle;
DROP SCHEMA bronze, silver;
