-- Photos of a source in a bucket of a service that is not ours; s3_media.out is what it shows.
CREATE SERVER peer_source FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url :'source', retries '0', schema_policy 'ignore');
CREATE USER MAPPING FOR CURRENT_USER SERVER peer_source OPTIONS (token 'static-token-value');
CREATE SCHEMA peer_source;
CREATE FOREIGN TABLE peer_source.media (media_key text OPTIONS (field 'MediaKey'), "order" integer OPTIONS (field 'Order'),
	media_url text OPTIONS (field 'MediaURL'), media_category text OPTIONS (field 'MediaCategory'), resource_name text OPTIONS (field 'ResourceName'),
	resource_record_key text OPTIONS (field 'ResourceRecordKey'), media_modification_timestamp timestamptz OPTIONS (field 'MediaModificationTimestamp'),
	modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
	SERVER peer_source OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
CREATE SERVER peer_bucket FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 's3://photos/media', endpoint :'endpoint', retries '1');
CREATE USER MAPPING FOR CURRENT_USER SERVER peer_bucket OPTIONS (access_key 'test:tester', secret_key 'testing');
SELECT count(mls_subscribe('peer_source.media'));
SELECT count(mls_media_store('peer_source', 'peer_bucket', after_sync => false, grace => '0'));
CREATE FUNCTION pg_temp.same() RETURNS text LANGUAGE sql AS $$
	SELECT count(*) || ' files, ' || count(*) FILTER (WHERE f.name IS NULL OR l.name IS NULL OR f.bytes <> l.bytes) || ' unlike their rows'
	  FROM mls.media_file f FULL JOIN mls_store_list('peer_bucket') l ON l.name = f.name $$;
\! python3 "$MLS_PEERS/s3_media.py" "$MLS_SOURCE" "$MLS_ENDPOINT" begin
SELECT status FROM mls_sync('peer_source');
SELECT status, fetched = stored, fetched > 50, removed, failed, waiting FROM mls_media_sync('peer_source');
SELECT status, fetched FROM mls_media_sync('peer_source');
SELECT pg_temp.same() ~ ', 0 unlike';
SELECT count(*) FROM mls_media_verify('peer_bucket', samples => 1000);
\! python3 "$MLS_PEERS/s3_media.py" "$MLS_SOURCE" "$MLS_ENDPOINT" replace
SELECT status FROM mls_sync('peer_source');
SELECT status, fetched, stored, removed FROM mls_media_sync('peer_source');
\! python3 "$MLS_PEERS/s3_media.py" "$MLS_SOURCE" "$MLS_ENDPOINT" remove
SELECT count(mls_media_store('peer_source', 'peer_bucket', after_sync => false, grace => '7 days'));
SELECT deleted FROM mls_purge('peer_source', force => true);
SELECT status, fetched, removed FROM mls_media_sync('peer_source');
SELECT count(mls_undo(h.run)) FROM (SELECT max(run) AS run FROM mls_history WHERE process = 'purge' AND source = 'peer_source') h;
SELECT status, fetched, removed FROM mls_media_sync('peer_source');
SELECT deleted FROM mls_purge('peer_source', force => true);
SELECT count(mls_media_store('peer_source', 'peer_bucket', after_sync => false, grace => '0'));
SELECT status, fetched, removed FROM mls_media_sync('peer_source');
SELECT pg_temp.same() ~ ', 0 unlike';
\! python3 "$MLS_PEERS/s3_media.py" "$MLS_SOURCE" "$MLS_ENDPOINT" spoil
SELECT finding, repaired FROM mls_media_verify('peer_bucket', samples => 1000, repair => true) ORDER BY finding;
SELECT status, fetched FROM mls_media_sync('peer_source');
SELECT finding FROM mls_media_verify('peer_bucket', samples => 1000);
-- The place is that of one server.
CREATE SERVER peer_twin FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 's3://photos/media', endpoint :'endpoint');
CREATE USER MAPPING FOR CURRENT_USER SERVER peer_twin OPTIONS (access_key 'test:tester', secret_key 'testing');
SELECT * FROM mls_media_verify('peer_twin', repair => true);
SELECT count(mls_unsubscribe('peer_source.media', true));
SELECT mls_store_delete('peer_bucket', array_agg(name)) FROM mls_store_list('peer_bucket');
DELETE FROM mls.media_file WHERE store = 'peer_bucket';
DROP SERVER peer_source, peer_bucket, peer_twin CASCADE;
DROP SCHEMA peer_source CASCADE;
