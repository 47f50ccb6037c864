-- Datasets for the program that serves: which audiences see, send and remove which files.
--
-- Rows of datasets are served as those of all sources are, where rules bring them to gold.  This
-- is about the files: what became of each, and how they come and go.  The program asks in the
-- name of an audience that it may become; what is done is done as the owner of the dataset.

CREATE TABLE mls.dataset_audience (
    audience     regrole NOT NULL,
    subscription bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    writes       boolean NOT NULL,
    set_by       regrole NOT NULL,
    set_at       timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (audience, subscription)
);
COMMENT ON TABLE mls.dataset_audience IS 'what mls_serve_dataset() has set: which audience sees the files of which dataset';
COMMENT ON COLUMN mls.dataset_audience.audience IS 'the role';
COMMENT ON COLUMN mls.dataset_audience.subscription IS 'the dataset';
COMMENT ON COLUMN mls.dataset_audience.writes IS 'whether it may send and remove files as well';
COMMENT ON COLUMN mls.dataset_audience.set_by IS 'who set it';
COMMENT ON COLUMN mls.dataset_audience.set_at IS 'when';
ALTER TABLE mls.dataset_audience ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.dataset_audience FOR SELECT USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
SELECT pg_catalog.pg_extension_config_dump('mls.dataset_audience', '');

-- Who may be let in, and who has said so.
CREATE FUNCTION mls.audiences(OUT audience regrole, OUT set_by regrole) RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT v.audience, v.set_by FROM mls.audience v
 UNION SELECT d.audience, d.set_by FROM mls.dataset_audience d
$$;
COMMENT ON FUNCTION mls.audiences() IS 'roles that are shown records or files, each with who has set it, as far as the caller sees these';

-- Each reader has its own, and those of roles that it can become.
CREATE VIEW mls.served_dataset WITH (security_barrier = true) AS
SELECT d.audience, d.subscription, d.writes FROM mls.dataset_audience d WHERE pg_catalog.pg_has_role(d.audience, 'MEMBER');
COMMENT ON VIEW mls.served_dataset IS 'datasets of audiences that the reader is or can become';
COMMENT ON COLUMN mls.served_dataset.audience IS 'the role';
COMMENT ON COLUMN mls.served_dataset.subscription IS 'the dataset';
COMMENT ON COLUMN mls.served_dataset.writes IS 'whether it may send and remove files as well';
GRANT SELECT ON mls.served_dataset TO PUBLIC;

CREATE FUNCTION mls.note_dataset_audience(caller regrole, audience regrole, foreign_table regclass, writes boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    of mls.subscription;
BEGIN
    SELECT * INTO of FROM mls.subscription s WHERE s.foreign_table = note_dataset_audience.foreign_table AND pg_has_role(caller, s.owner, 'USAGE');
    IF of.id IS NULL THEN
        PERFORM mls.refuse('42704', format('foreign table %s is not subscribed by you', foreign_table));
    END IF;
    DELETE FROM mls.dataset_audience d WHERE d.audience = note_dataset_audience.audience AND d.subscription = of.id;
    IF writes IS NOT NULL THEN
        INSERT INTO mls.dataset_audience (audience, subscription, writes, set_by) VALUES (note_dataset_audience.audience, of.id, note_dataset_audience.writes, caller);
    ELSIF NOT FOUND THEN
        PERFORM mls.refuse('42704', format('role "%s" is not shown the files of foreign table %s', audience, foreign_table));
    END IF;
    NOTIFY mls_serve, 'model';
END $$;
COMMENT ON FUNCTION mls.note_dataset_audience(regrole, regrole, regclass, boolean) IS 'notes whom a caller shows the files of a dataset; writes NULL: nobody any more';
CREATE FUNCTION mls.note_dataset_audience(audience regrole, foreign_table regclass, writes boolean) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_dataset_audience(regrole, regclass, boolean) IS 'part of mls_serve_dataset(): the same for who calls it';

CREATE FUNCTION mls_serve_dataset(foreign_table regclass, audience regrole, writes boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_serve_dataset()', 'set this');
    IF mls.server_option(foreign_table, 'protocol') IS DISTINCT FROM 'dataset' THEN
        PERFORM mls.refuse('42809', format('%s is no foreign table of a dataset', foreign_table));
    ELSIF audience IS NULL OR writes IS NULL THEN
        PERFORM mls.refuse('22023', 'an audience is needed, and whether it may write');
    END IF;
    PERFORM mls.note_dataset_audience(audience, foreign_table, writes);
END $$;
COMMENT ON FUNCTION mls_serve_dataset(regclass, regrole, boolean)
    IS 'let consumers of an audience see what becomes of the files of a dataset, at /datasets of the program that serves, and with writes send and remove files';

CREATE FUNCTION mls_serve_dataset_remove(foreign_table regclass, audience regrole) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_serve_dataset_remove()', 'set this');
    PERFORM mls.note_dataset_audience(audience, foreign_table, NULL);
END $$;
COMMENT ON FUNCTION mls_serve_dataset_remove(regclass, regrole) IS 'take what mls_serve_dataset() has set back';

-- ---- What is told ----

-- Of files nothing is told that stands in the rows: names, counts, what is wrong with each.
CREATE VIEW mls.dataset_state WITH (security_invoker = true) AS
SELECT s.id, s.source, s.resource, s.owner, s.foreign_table,
       CASE WHEN f.syncing > 0 THEN 'syncing' WHEN f.failed > 0 OR s.error_class IS NOT NULL THEN 'failed' WHEN f.pending > 0 THEN 'pending'
            WHEN f.not_synced > 0 OR f.files = 0 THEN 'not_synced' ELSE 'synced' END AS state,
       f.files, f.bytes, f.rows, f.rejected, f.failed, s.local_rows,
       (SELECT pg_catalog.count(*) FROM mls.issue i WHERE i.subscription = s.id AND i.solved_at IS NULL) AS issues,
       f.synced_at, coalesce(f.error, CASE WHEN s.error_class IS NOT NULL THEN (SELECT r.message FROM mls.run r WHERE r.subscription = s.id AND r.status = 'failed' ORDER BY r.id DESC LIMIT 1) END) AS error, s.failures, CASE WHEN s.failures > 0 THEN s.next_attempt_at END AS next_attempt_at
  FROM mls.subscription s
 CROSS JOIN LATERAL (SELECT pg_catalog.count(*) AS files, coalesce(pg_catalog.sum(f.bytes), 0)::pg_catalog.int8 AS bytes, coalesce(pg_catalog.sum(f.rows), 0)::pg_catalog.int8 AS rows,
                            coalesce(pg_catalog.sum(f.rejected), 0)::pg_catalog.int8 AS rejected, pg_catalog.max(f.synced_at) AS synced_at,
                            pg_catalog.count(*) FILTER (WHERE f.state = 'failed') AS failed, pg_catalog.count(*) FILTER (WHERE f.state = 'pending') AS pending,
                            pg_catalog.count(*) FILTER (WHERE f.state = 'syncing') AS syncing, pg_catalog.count(*) FILTER (WHERE f.state = 'not_synced') AS not_synced,
                            (pg_catalog.array_agg(f.error ORDER BY f.run_id DESC, f.name) FILTER (WHERE f.state = 'failed'))[1] AS error
                       FROM mls.file f WHERE f.subscription = s.id AND f.state <> 'gone') f
 WHERE mls.server_option(s.foreign_table, 'protocol') = 'dataset';
COMMENT ON VIEW mls.dataset_state IS 'datasets that are replicated, and how their files are';
COMMENT ON COLUMN mls.dataset_state.id IS 'number of the subscription';
COMMENT ON COLUMN mls.dataset_state.source IS 'name of its server';
COMMENT ON COLUMN mls.dataset_state.resource IS 'its resource';
COMMENT ON COLUMN mls.dataset_state.owner IS 'whose it is';
COMMENT ON COLUMN mls.dataset_state.foreign_table IS 'its foreign table';
COMMENT ON COLUMN mls.dataset_state.state IS 'as its files are: syncing or failed if one is, else pending or not_synced, else synced';
COMMENT ON COLUMN mls.dataset_state.files IS 'files that are there';
COMMENT ON COLUMN mls.dataset_state.bytes IS 'their length';
COMMENT ON COLUMN mls.dataset_state.rows IS 'rows that they hold';
COMMENT ON COLUMN mls.dataset_state.rejected IS 'lines of them that are no records';
COMMENT ON COLUMN mls.dataset_state.failed IS 'files that could not be read';
COMMENT ON COLUMN mls.dataset_state.local_rows IS 'rows that are here';
COMMENT ON COLUMN mls.dataset_state.issues IS 'issues that are open';
COMMENT ON COLUMN mls.dataset_state.synced_at IS 'when all of a file was here last';
COMMENT ON COLUMN mls.dataset_state.error IS 'why a file could not be read, or the last sync failed; NULL if neither';
COMMENT ON COLUMN mls.dataset_state.failures IS 'syncs that failed in a row';
COMMENT ON COLUMN mls.dataset_state.next_attempt_at IS 'when the next one is due after those; NULL if none failed';

-- The one place that says which datasets are shown to whom: those of the audience and, if the
-- consumer's claims have sources, of these.
CREATE FUNCTION mls.datasets_of(caller regrole, audience text, claims jsonb) RETURNS TABLE (subscription bigint, writes boolean)
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT d.subscription, d.writes
  FROM mls.dataset_audience d
  JOIN pg_roles r ON r.oid = d.audience::oid AND r.rolname = datasets_of.audience
  JOIN mls.subscription s ON s.id = d.subscription
 WHERE pg_has_role(caller::oid, r.oid, 'MEMBER')
   AND (claims -> 'sources' IS NULL OR claims -> 'sources' ? s.source)
$$;
COMMENT ON FUNCTION mls.datasets_of(regrole, text, jsonb) IS 'datasets whose files are shown to an audience with these claims, if the caller can become it';

CREATE FUNCTION mls.dataset_file(f mls.file) RETURNS json
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT json_build_object('name', f.name, 'state', f.state, 'bytes', f.bytes, 'rows', f.rows, 'rejected', f.rejected,
           'issues', (SELECT count(*) FROM mls.issue i WHERE i.subscription = f.subscription AND i.solved_at IS NULL AND starts_with(i.key, f.name || '|')),
           'reading', f.reading, 'error', f.error, 'failures', f.failures,
           'next_attempt_at', CASE f.state WHEN 'failed' THEN to_char(s.next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END,
           'modified_at', to_char(f.modified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           'synced_at', to_char(f.synced_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
  FROM mls.subscription s WHERE s.id = f.subscription
$$;
COMMENT ON FUNCTION mls.dataset_file(mls.file) IS 'a file as the program that serves tells it';

CREATE FUNCTION mls.serve_datasets(caller regrole, audience text, claims jsonb, source text DEFAULT NULL, resource text DEFAULT NULL) RETURNS SETOF json
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT json_build_object('source', t.source, 'resource', t.resource, 'state', t.state, 'writable', d.writes, 'files', t.files, 'bytes', t.bytes, 'rows', t.rows,
           'rejected', t.rejected, 'failed', t.failed, 'issues', t.issues, 'error', t.error,
           'next_attempt_at', to_char(t.next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           'synced_at', to_char(t.synced_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
  FROM mls.datasets_of(caller, serve_datasets.audience, serve_datasets.claims) d JOIN mls.dataset_state t ON t.id = d.subscription
 WHERE (serve_datasets.source IS NULL OR t.source = serve_datasets.source) AND (serve_datasets.resource IS NULL OR t.resource = serve_datasets.resource)
 ORDER BY t.source COLLATE "C", t.resource COLLATE "C"
$$;
COMMENT ON FUNCTION mls.serve_datasets(regrole, text, jsonb, text, text) IS 'datasets that an audience is shown, each as JSON';
CREATE FUNCTION mls.serve_datasets(audience text, claims jsonb, source text DEFAULT NULL, resource text DEFAULT NULL) RETURNS SETOF json
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_control_rows_sql';
COMMENT ON FUNCTION mls.serve_datasets(text, jsonb, text, text) IS 'the same, for the program that serves';

CREATE FUNCTION mls.serve_dataset_files(caller regrole, audience text, claims jsonb, source text, resource text, name text DEFAULT NULL, after text DEFAULT '', most integer DEFAULT 1000) RETURNS SETOF json
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT mls.dataset_file(f)
  FROM mls.datasets_of(caller, serve_dataset_files.audience, serve_dataset_files.claims) d
  JOIN mls.subscription s ON s.id = d.subscription AND s.source = serve_dataset_files.source AND s.resource = serve_dataset_files.resource
  JOIN mls.file f ON f.subscription = s.id AND f.state <> 'gone'
 WHERE (serve_dataset_files.name IS NULL OR f.name = serve_dataset_files.name) AND f.name COLLATE "C" > after
 ORDER BY f.name COLLATE "C" LIMIT most
$$;
COMMENT ON FUNCTION mls.serve_dataset_files(regrole, text, jsonb, text, text, text, text, integer) IS 'files of a dataset that an audience is shown, or the one of a name, each as JSON';
CREATE FUNCTION mls.serve_dataset_files(audience text, claims jsonb, source text, resource text, name text DEFAULT NULL, after text DEFAULT '', most integer DEFAULT 1000) RETURNS SETOF json
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_control_rows_sql';
COMMENT ON FUNCTION mls.serve_dataset_files(text, jsonb, text, text, text, text, integer) IS 'the same, for the program that serves';

REVOKE ALL ON FUNCTION mls.audiences(), mls.note_dataset_audience(regrole, regrole, regclass, boolean), mls.note_dataset_audience(regrole, regclass, boolean), mls_serve_dataset(regclass, regrole, boolean),
    mls_serve_dataset_remove(regclass, regrole), mls.datasets_of(regrole, text, jsonb), mls.dataset_file(mls.file),
    mls.serve_datasets(regrole, text, jsonb, text, text), mls.serve_datasets(text, jsonb, text, text),
    mls.serve_dataset_files(regrole, text, jsonb, text, text, text, text, integer), mls.serve_dataset_files(text, jsonb, text, text, text, text, integer) FROM PUBLIC;
GRANT SELECT ON mls.dataset_state, mls.dataset_audience TO pg_monitor;

-- ---- What is sent and removed ----

CREATE FUNCTION mls.problem(status integer, code text, message text) RETURNS json
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT json_build_object('problem', json_build_object('status', status, 'code', code, 'message', message)) $$;
COMMENT ON FUNCTION mls.problem(integer, text, text) IS 'what is refused, as the program that serves tells it';

CREATE FUNCTION mls.written_dataset(caller regrole, audience text, claims jsonb, source text, resource text,
    OUT id bigint, OUT owner regrole, OUT foreign_table regclass, OUT uploads boolean, OUT problem json)
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    may boolean;
BEGIN
    SELECT s.id, s.owner, s.foreign_table, d.writes INTO id, owner, foreign_table, may
      FROM mls.datasets_of(caller, audience, claims) d JOIN mls.subscription s ON s.id = d.subscription
     WHERE s.source = written_dataset.source AND s.resource = written_dataset.resource;
    uploads := mls.server_option(foreign_table, 'url') = 'upload:';
    problem := CASE WHEN id IS NULL THEN mls.problem(404, 'NotFound', 'there is no such dataset or file')
                    WHEN NOT may THEN mls.problem(403, 'Forbidden', 'this dataset is only read') END;
END $$;
COMMENT ON FUNCTION mls.written_dataset(regrole, text, jsonb, text, text) IS 'a dataset whose files an audience may send and remove, or why not';

-- As the option files has them, else the resource's own name, with the end of any kind.
CREATE FUNCTION mls.dataset_names(foreign_table regclass) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT coalesce((SELECT string_agg(p.pattern, ', ' ORDER BY e.n)
                   FROM unnest(string_to_array(mls.server_option(f.relid, 'files'), ',')) WITH ORDINALITY e (entry, n)
                  CROSS JOIN LATERAL (SELECT btrim(regexp_replace(e.entry, '^[^=]*=', '')) AS pattern, CASE WHEN e.entry ~ '=' THEN btrim(split_part(e.entry, '=', 1)) END AS resource) p
                  WHERE p.resource = f.resource OR p.resource IS NULL AND (p.pattern ~ '[*?[]' OR starts_with(p.pattern, f.resource || '.'))),
                f.resource || '.*')
  FROM (SELECT foreign_table::oid AS relid, o.option_value AS resource FROM pg_foreign_table t, pg_options_to_table(t.ftoptions) o
         WHERE t.ftrelid = foreign_table AND o.option_name = 'resource') f
$$;
COMMENT ON FUNCTION mls.dataset_names(regclass) IS 'the names of files that a dataset takes, as they are told to who has sent one of another name';

CREATE FUNCTION mls.serve_dataset_put(caller regrole, audience text, claims jsonb, source text, resource text, name text, bytes bytea, at bigint DEFAULT 0, more boolean DEFAULT false, total bigint DEFAULT NULL, upload bigint DEFAULT 0) RETURNS json
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    of record;
    limits text;
    said text;
    kept text;
    entries text[];
BEGIN
    SELECT * INTO of FROM mls.written_dataset(caller, audience, claims, source, resource);
    IF of.problem IS NOT NULL THEN
        RETURN of.problem;
    ELSIF of.uploads IS NOT TRUE THEN
        RETURN mls.problem(409, 'NotUploaded', 'files of this dataset are not sent: they come from a place of their own');
    END IF;
    limits := mls.take_file(of.owner, greatest(total, at + length(bytes)), NULL);
    IF limits IS NOT NULL THEN
        RETURN mls.problem(413, 'FileTooLarge', 'the file is larger than files of this dataset may be');
    END IF;
    BEGIN
        entries := mls.dataset_entries(source, name, resource);
        IF entries = '{}' THEN
            RETURN mls.problem(422, 'InvalidName', concat_ws('. ', 'by its name the file is none of this dataset, which takes ' || mls.dataset_names(of.foreign_table), mls.upload_problem(source, name)));
        END IF;
        SELECT u ->> 'number' INTO kept
          FROM mls.as_role_with(of.owner, 'SELECT pg_catalog.to_jsonb(u) FROM @extschema@.mls_upload($2, $3, $1, $4::pg_catalog.int8, $5::pg_catalog.bool, $6::pg_catalog.int8) u',
                                 bytes, VARIADIC ARRAY[source, name, at::text, more::text, upload::text]) u;
    EXCEPTION
        WHEN invalid_parameter_value THEN
            GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;
            RETURN mls.problem(422, 'InvalidName', coalesce(nullif(said, ''), 'the file has a name that none may have, or nothing in it'));
        WHEN program_limit_exceeded THEN
            RETURN mls.problem(413, 'FileTooLarge', 'the file is larger than files of this dataset may be, or there is no room for it');
        WHEN insufficient_privilege THEN
            RETURN mls.problem(403, 'Forbidden', 'the place of this dataset does not take files');
        WHEN undefined_object THEN -- its server has another name since
            RETURN mls.problem(404, 'NotFound', 'there is no such dataset or file');
        WHEN object_not_in_prerequisite_state THEN
            RETURN mls.problem(409, 'Busy', 'another sends a file of this name: try again');
    END;
    IF more THEN
        RETURN json_build_object('upload', kept);
    END IF;
    -- Of one that was gone nothing is taken any more: it is another file.
    INSERT INTO mls.file AS f (subscription, name, state, bytes, modified_at)
    SELECT of.id, e, 'pending', at + length(bytes), clock_timestamp() FROM unnest(entries) e
    ON CONFLICT ON CONSTRAINT file_pkey DO UPDATE SET
        state = 'pending', bytes = excluded.bytes, modified_at = excluded.modified_at, changed_at = NULL, error = NULL, run_id = NULL,
        taken_rows = CASE f.state WHEN 'gone' THEN 0 ELSE f.taken_rows END, synced_at = CASE f.state WHEN 'gone' THEN NULL ELSE f.synced_at END,
        taken_sha256 = CASE f.state WHEN 'gone' THEN NULL ELSE f.taken_sha256 END, first_sha256 = CASE f.state WHEN 'gone' THEN NULL ELSE f.first_sha256 END;
    RETURN (SELECT mls.dataset_file(f) FROM mls.file f WHERE f.subscription = of.id AND f.name = entries[1]);
END $$;
COMMENT ON FUNCTION mls.serve_dataset_put(regrole, text, jsonb, text, text, text, bytea, bigint, boolean, bigint, bigint) IS 'keeps a file that an audience sends for a dataset, or a part of one, as its owner; the file as JSON, or why it is refused';
CREATE FUNCTION mls.serve_dataset_put(audience text, claims jsonb, source text, resource text, name text, bytes bytea, at bigint DEFAULT 0, more boolean DEFAULT false, total bigint DEFAULT NULL, upload bigint DEFAULT 0) RETURNS json
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.serve_dataset_put(text, jsonb, text, text, text, bytea, bigint, boolean, bigint, bigint) IS 'the same, for the program that serves';

-- Files that were sent when no process could be had for them.
CREATE FUNCTION mls.waiting_dataset(but bigint, OUT subscription bigint, OUT owner oid) RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT s.id, s.owner::oid
  FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription
  JOIN pg_roles r ON r.oid = s.owner::oid
 WHERE f.state = 'pending' AND f.run_id IS NULL AND s.id <> but
   AND NOT EXISTS (SELECT FROM mls.run n WHERE n.subscription = s.id AND n.process = 'sync' AND n.started_at > f.modified_at)
 ORDER BY f.modified_at LIMIT 1
$$;
COMMENT ON FUNCTION mls.waiting_dataset(bigint) IS 'a dataset for which files were sent that no sync has looked at, but this one';

CREATE FUNCTION mls.begin_sync(subscription bigint) RETURNS boolean
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_begin_sync';
COMMENT ON FUNCTION mls.begin_sync(bigint) IS 'begins a sync in a process of its own, for which nobody waits, as soon as no other run is at work; false if none can be had';

CREATE FUNCTION mls.serve_dataset_sync(caller regrole, audience text, claims jsonb, source text, resource text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    of record;
BEGIN
    SELECT * INTO of FROM mls.written_dataset(caller, audience, claims, source, resource);
    RETURN of.problem IS NULL AND mls.begin_sync(of.id);
END $$;
COMMENT ON FUNCTION mls.serve_dataset_sync(regrole, text, jsonb, text, text) IS 'begins a sync of a dataset for which an audience has sent files; true if a process was started';
CREATE FUNCTION mls.serve_dataset_sync(audience text, claims jsonb, source text, resource text) RETURNS boolean
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.serve_dataset_sync(text, jsonb, text, text) IS 'the same, for the program that serves';

CREATE FUNCTION mls.serve_dataset_delete(caller regrole, audience text, claims jsonb, source text, resource text, name text DEFAULT NULL) RETURNS json
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    of record;
    removed bigint;
BEGIN
    SELECT * INTO of FROM mls.written_dataset(caller, audience, claims, source, resource);
    IF of.problem IS NOT NULL THEN
        RETURN of.problem;
    ELSIF of.uploads IS NOT TRUE THEN
        RETURN mls.problem(409, 'NotUploaded', 'files of this dataset are not removed here: they come from a place of their own');
    ELSIF name IS NOT NULL AND NOT EXISTS (SELECT FROM mls.file f WHERE f.subscription = of.id AND f.name = serve_dataset_delete.name AND f.state <> 'gone') THEN
        RETURN mls.problem(404, 'NotFound', 'there is no such dataset or file');
    END IF;
    -- Syncs of what was sent a moment ago are short.
    FOR i IN 1 .. 50 LOOP
        BEGIN
            SELECT (r #>> '{}')::bigint INTO removed
              FROM mls.as_role(of.owner, 'SELECT pg_catalog.to_jsonb(@extschema@.mls_dataset_remove($1::pg_catalog.regclass, $2))', of.foreign_table::text, name) r;
            RETURN json_build_object('rows', removed);
        EXCEPTION WHEN object_in_use OR lock_not_available THEN
            PERFORM pg_sleep(0.1);
        END;
    END LOOP;
    RETURN mls.problem(409, 'Busy', 'a sync of this dataset is at work: try again');
END $$;
COMMENT ON FUNCTION mls.serve_dataset_delete(regrole, text, jsonb, text, text, text) IS 'removes a file of a dataset, or all of it, for an audience that may; how many rows that were, as JSON, or why it is refused';
CREATE FUNCTION mls.serve_dataset_delete(audience text, claims jsonb, source text, resource text, name text DEFAULT NULL) RETURNS json
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.serve_dataset_delete(text, jsonb, text, text, text) IS 'the same, for the program that serves';

REVOKE ALL ON FUNCTION mls.dataset_names(regclass), mls.problem(integer, text, text), mls.written_dataset(regrole, text, jsonb, text, text),
    mls.serve_dataset_put(regrole, text, jsonb, text, text, text, bytea, bigint, boolean, bigint, bigint), mls.serve_dataset_put(text, jsonb, text, text, text, bytea, bigint, boolean, bigint, bigint),
    mls.waiting_dataset(bigint), mls.begin_sync(bigint), mls.serve_dataset_sync(regrole, text, jsonb, text, text), mls.serve_dataset_sync(text, jsonb, text, text),
    mls.serve_dataset_delete(regrole, text, jsonb, text, text, text), mls.serve_dataset_delete(text, jsonb, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls.server_option(oid, text) TO pg_monitor;
