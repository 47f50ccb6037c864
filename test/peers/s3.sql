-- What a store does at a service that is not ours; s3.out is what it shows.
BEGIN;
CREATE SERVER peer FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url $$s3://photos/a+b =(c)'!*,;&$%41:@/é~$$, endpoint :'endpoint', retries '1');
CREATE USER MAPPING FOR CURRENT_USER SERVER peer OPTIONS (access_key 'test:tester', secret_key 'testing');
SELECT item, ok FROM mls_check('peer');
SELECT count(mls_store_put('peer', convert_to('file ' || n, 'UTF8'), 'txt', 'text/plain')) FROM generate_series(1, 30) n;
SELECT count(*), sum(bytes), max(now() - modified_at) < interval '1 hour' FROM mls_store_list('peer');
SELECT count(*) FROM mls_store_list('peer', after => (SELECT name FROM mls_store_list('peer', most => 7) ORDER BY name DESC LIMIT 1), most => 10);
SELECT convert_from(mls_store_get('peer', name), 'UTF8') FROM mls_store_list('peer', prefix => encode(sha256('file 7'), 'hex'));
SELECT length(mls_store_get('peer', mls_store_put('peer', ''::bytea, 'bin', 'a/b')));
SELECT length(mls_store_get('peer', mls_store_put('peer', convert_to(repeat('x', 6000000), 'UTF8'), 'bin', 'a/b')));
SELECT length(mls_store_put('peer', convert_to(repeat('y', 106000000), 'UTF8'), 'bin', 'a/b'));
SELECT bytes FROM mls_store_list('peer', prefix => encode(sha256(convert_to(repeat('y', 106000000), 'UTF8')), 'hex'));
SELECT mls_store_sweep('peer');
SELECT mls_store_delete('peer', array_agg(name)) FROM mls_store_list('peer');
SELECT count(*) FROM mls_store_list('peer');
-- What is refused, in the words of the service.
CREATE FUNCTION pg_temp.failure(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	EXECUTE sql;
	RETURN 'it works';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN substring(detail FROM '^[^:]*') || ' / ' || substring(hint FROM '^[^:,]*');
END $$;
ALTER USER MAPPING FOR CURRENT_USER SERVER peer OPTIONS (SET secret_key 'wrong-secret-value');
SELECT pg_temp.failure($$SELECT mls_store_put('peer', 'x', 'txt', 'a/b')$$);
ALTER USER MAPPING FOR CURRENT_USER SERVER peer OPTIONS (SET secret_key 'testing', SET access_key 'nobody');
SELECT pg_temp.failure($$SELECT mls_store_put('peer', 'x', 'txt', 'a/b')$$);
ALTER USER MAPPING FOR CURRENT_USER SERVER peer OPTIONS (SET access_key 'test:tester');
ALTER SERVER peer OPTIONS (ADD region 'eu-west-3');
SELECT pg_temp.failure($$SELECT mls_store_put('peer', 'x', 'txt', 'a/b')$$);
ALTER SERVER peer OPTIONS (DROP region, SET url 's3://nowhere');
SELECT pg_temp.failure($$SELECT mls_store_put('peer', 'x', 'txt', 'a/b')$$);
ROLLBACK;
