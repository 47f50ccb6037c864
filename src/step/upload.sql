-- Files that were uploaded, for servers of protocol dataset with url 'upload:'.
--
-- They are the only copy that the database knows of, so a dump has them.  A file belongs to the
-- owner of its server, and goes by the server's name.

CREATE TABLE mls.upload (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server      text NOT NULL,
    owner       regrole NOT NULL,
    name        text COLLATE "C" NOT NULL,
    bytes       bigint NOT NULL,
    sha256      text,
    uploaded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX upload_whole ON mls.upload (server, owner, name) WHERE sha256 IS NOT NULL;
CREATE UNIQUE INDEX upload_begun ON mls.upload (server, owner, name) WHERE sha256 IS NULL;
COMMENT ON TABLE mls.upload IS 'files that were uploaded to datasets; mls_upload() writes it';
COMMENT ON COLUMN mls.upload.id IS 'number of the upload: the same name with other bytes has another';
COMMENT ON COLUMN mls.upload.server IS 'name of the server';
COMMENT ON COLUMN mls.upload.owner IS 'role whose that server was';
COMMENT ON COLUMN mls.upload.name IS 'name of the file';
COMMENT ON COLUMN mls.upload.bytes IS 'its length; of one that is not whole, what has come';
COMMENT ON COLUMN mls.upload.sha256 IS 'hash of its bytes; NULL while parts are still to come';
COMMENT ON COLUMN mls.upload.uploaded_at IS 'when it was uploaded last; of one that is not whole, when the last part came';

CREATE TABLE mls.upload_part (
    upload bigint NOT NULL REFERENCES mls.upload ON DELETE CASCADE,
    at     bigint NOT NULL,
    bytes  bytea NOT NULL,
    PRIMARY KEY (upload, at)
);
COMMENT ON TABLE mls.upload_part IS 'bytes of the files that were uploaded; read through the foreign tables of their servers';
COMMENT ON COLUMN mls.upload_part.upload IS 'the file';
COMMENT ON COLUMN mls.upload_part.at IS 'where in the file they begin';
COMMENT ON COLUMN mls.upload_part.bytes IS 'some hundred kilobytes of it';

-- By which name files of a server are kept: its own or, if it was renamed and its copies have the
-- former one until the next sync, that.  NULL: another server that was renamed has its name still.
CREATE FUNCTION mls.upload_server(server oid) RETURNS text
    LANGUAGE sql STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT coalesce((SELECT s.source FROM mls.subscription s JOIN pg_foreign_table t ON t.ftrelid = s.foreign_table
                  WHERE t.ftserver = f.oid ORDER BY s.source = f.srvname DESC, s.id LIMIT 1),
                CASE WHEN NOT EXISTS (SELECT FROM mls.subscription s JOIN pg_foreign_table t ON t.ftrelid = s.foreign_table
                                       WHERE s.source = f.srvname AND t.ftserver <> f.oid) THEN f.srvname END)
  FROM pg_foreign_server f WHERE f.oid = upload_server.server $$;
COMMENT ON FUNCTION mls.upload_server(oid) IS 'the name by which uploaded files of a server are kept; NULL if one that was renamed has it still';

-- A server has the files that were uploaded to one of its name whose owner's privileges its own
-- owner has: so nobody gets another's by making a server of a name that was there before.
CREATE FUNCTION mls.uploads_at(server oid) RETURNS SETOF mls.upload
    LANGUAGE sql STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT DISTINCT ON (u.name, u.sha256 IS NULL) u.*
  FROM mls.upload u
  JOIN pg_foreign_server f ON mls.upload_server(f.oid) = u.server
 WHERE f.oid = uploads_at.server AND pg_has_role(f.srvowner, u.owner, 'USAGE')
 ORDER BY u.name, u.sha256 IS NULL, u.id DESC $$;
COMMENT ON FUNCTION mls.uploads_at(oid) IS 'files that a server has, and those of which parts are still to come';
-- Who sends a large file by hand goes on with it the same day, and a program at once.
CREATE FUNCTION mls.drop_broken_uploads() RETURNS bigint
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH dropped AS (
    DELETE FROM mls.upload u
     WHERE u.id IN (SELECT b.id FROM mls.upload b WHERE b.sha256 IS NULL AND b.uploaded_at < clock_timestamp() - interval '1 day' FOR UPDATE SKIP LOCKED)
    RETURNING 1)
SELECT count(*) FROM dropped $$;
COMMENT ON FUNCTION mls.drop_broken_uploads() IS 'drops what has come of uploads that nobody has gone on with for a day; how many';
REVOKE ALL ON FUNCTION mls.upload_server(oid), mls.uploads_at(oid), mls.drop_broken_uploads() FROM PUBLIC;

ALTER TABLE mls.upload ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.upload_part ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.upload FOR SELECT
    USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY server ON mls.upload FOR SELECT
    USING (EXISTS (SELECT FROM pg_catalog.pg_foreign_server f
                    WHERE f.srvname OPERATOR(pg_catalog.=) server
                      AND pg_catalog.pg_has_role(f.srvowner, upload.owner, 'USAGE')
                      AND pg_catalog.has_server_privilege(f.oid, 'USAGE')));
CREATE POLICY monitor ON mls.upload FOR SELECT
    USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
GRANT SELECT ON mls.upload TO pg_monitor;

SELECT pg_catalog.pg_extension_config_dump('mls.upload', '');
SELECT pg_catalog.pg_extension_config_dump('mls.upload_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.upload_part', '');

CREATE FUNCTION mls_upload(
    server text, name text, bytes bytea, at bigint DEFAULT 0, more boolean DEFAULT false, upload bigint DEFAULT 0,
    OUT total bigint, OUT sha256 text, OUT is_new boolean, OUT number bigint)
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_upload_sql';
COMMENT ON FUNCTION mls_upload(text, text, bytea, bigint, boolean, bigint)
    IS 'keeps a file for a dataset whose url is upload:, in place of one of the same name; one that is larger than a value can be comes in parts, each with the position at which it begins and more => true, but for the last, and with the number that the first was given, so that nobody else has begun the file anew in between. What has come of it so far, its hash when it is whole, whether its bytes were not there already, and its number';

CREATE FUNCTION mls_upload_drop(server text, name text) RETURNS boolean
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_upload_drop_sql';
COMMENT ON FUNCTION mls_upload_drop(text, text)
    IS 'removes a file that was uploaded, and parts of one that is not whole; whether there was one';

CREATE FUNCTION mls.dataset_entries(server text, name text, resource text) RETURNS text[]
    LANGUAGE c STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_dataset_entries_sql';
COMMENT ON FUNCTION mls.dataset_entries(text, text, text) IS 'the names of mls.file that a resource of a dataset has for a file of that name: none, itself, or each of the sheets of a workbook that are named';

CREATE FUNCTION mls.upload_problem(server text, name text) RETURNS text
    LANGUAGE c STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_upload_problem_sql';
COMMENT ON FUNCTION mls.upload_problem(text, text) IS 'what is wrong with a name that somebody uploads a file under, or NULL';
REVOKE ALL ON FUNCTION mls.upload_problem(text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION mls_upload(text, text, bytea, bigint, boolean, bigint), mls_upload_drop(text, text), mls.dataset_entries(text, text, text) FROM PUBLIC;
