-- The same, after the test server has changed prices and its schema.
SET client_min_messages = warning;
ALTER USER MAPPING FOR CURRENT_USER SERVER lakeside OPTIONS (SET client_secret 'expired');
SELECT source, resource, status FROM mls_sync('riverbend');
DO $$ BEGIN PERFORM * FROM mls_sync('lakeside'); EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', sqlerrm; END $$;
DO $$ BEGIN PERFORM * FROM mls_sync('lakeside'); EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', sqlerrm; END $$;
DO $$ BEGIN PERFORM * FROM mls_sync('lakeside'); EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', sqlerrm; END $$;
SELECT count(*) FROM mls_schedule('riverbend', sync => '*/15 * * * *', purge => '30 3 * * *', reconcile => '0 4 * * 0');
SELECT count(*) FROM mls_schedule('oldtown', sync => '20 * * * *', purge => '45 3 * * *');
SELECT count(*) FROM mls_schedule('agency', sync => '0 6,12,18 * * *');
CREATE ROLE idx NOLOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
SELECT mls_protect('idx', 'idx', r) FROM unnest('{Office,Property,Member,OpenHouse,Media}'::text[]) r;
SELECT mls_serve_grant('authenticator');
SELECT count(client_id) FROM mls_consumer_add('First Realty', 'idx', '{"sources": ["riverbend"]}', '{"per_second": 20, "per_day": 50000}');
SELECT count(client_id) FROM mls_consumer_add('Harbour Homes', 'idx', '{"sources": ["riverbend", "oldtown"]}', '{"per_day": 2000}');
SELECT count(client_id) FROM mls_consumer_add('Old Portal', 'idx', '{"sources": ["oldtown"]}');
INSERT INTO mls.serve_log (at, consumer, client_id, role, method, resource, query, status, rows, bytes, queue_ms, database_ms)
SELECT now() - n * interval '70 seconds', c.consumer, c.client_id, 'idx', 'GET', 'Property', '$filter=ListPrice gt ?',
       CASE WHEN n % 37 = 0 THEN 429 ELSE 200 END, 100, 120000, 1, 8 + n % 30
  FROM mls.consumer c, generate_series(1, 800) n WHERE c.consumer <> 'Old Portal' AND (c.consumer = 'First Realty' OR n % 4 = 0);
-- Who operates, and who only looks.
CREATE ROLE operator LOGIN PASSWORD 'operator-password';
SELECT format('GRANT %I TO operator', current_user) \gexec
GRANT USAGE ON SCHEMA cron TO operator;
SELECT mls_grant('operator');
CREATE USER MAPPING FOR operator SERVER riverbend OPTIONS (client_id 'demo', client_secret 's3cret-demo-value');
CREATE ROLE viewer LOGIN PASSWORD 'viewer-password';
GRANT pg_monitor TO viewer;
