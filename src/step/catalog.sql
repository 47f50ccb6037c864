-- The control tables: what is replicated, what ran, and what did not fit.
--
-- They hold state and history, never replicated data: that stands in ordinary
-- tables which DROP EXTENSION does not take away.  A role sees only the rows of
-- subscriptions whose owner's privileges it has; mls_grant() lets a role read them
-- at all.  Nobody but their owner writes them: functions do, each for what it is for
-- (base/rights.c; functions in SQL by their sisters with a caller).

CREATE SCHEMA mls;
COMMENT ON SCHEMA mls IS 'control tables of mls_fdw: subscriptions, runs, issues, dictionary, mapping';

CREATE TABLE mls.subscription (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    foreign_table    regclass NOT NULL UNIQUE,
    source           text NOT NULL,
    resource         text NOT NULL,
    owner            regrole NOT NULL,
    bronze           regclass NOT NULL UNIQUE,
    silver           regclass NOT NULL UNIQUE,
    gold             regclass,
    cursor_timestamp text,
    cursor_at        timestamptz,
    cursor_key       text,
    resume_timestamp text,
    resume_key       text,
    resume_link      text,
    resume_received  bigint NOT NULL DEFAULT 0,
    resume_since     timestamptz,
    scope_hash       text NOT NULL,
    identity         text,
    listing_process  text,
    listing_scope    text,
    listing_began    timestamptz,
    listing_link     text,
    listing_listed   bigint,
    listing_flagged  bigint,
    listing_announced bigint,
    reading_all      boolean NOT NULL DEFAULT false,
    columns          text[],
    fill_after       text,
    fill_fields      text[],
    failures         integer NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz,
    error_class      text CHECK (error_class IN ('credentials', 'quota', 'network', 'protocol', 'data', 'ours')),
    attempted_with   text,
    map_hash         text,
    clean_hash       text NOT NULL DEFAULT '',
    subscribed_at    timestamptz NOT NULL DEFAULT now(),
    local_rows       bigint NOT NULL DEFAULT 0,
    files            text,
    remote_rows      bigint,
    remote_counted_at timestamptz,
    track_changes    boolean NOT NULL DEFAULT false,
    priority         integer NOT NULL DEFAULT 0,
    account          text,
    standing         bigint NOT NULL DEFAULT 0,
    key_prefix       text NOT NULL DEFAULT '',
    timestamps       jsonb NOT NULL DEFAULT '{}',
    count_proven     bigint NOT NULL DEFAULT -1,
    partition        text,
    UNIQUE (source, resource)
);
COMMENT ON TABLE mls.subscription IS 'foreign tables that are replicated, each with its tables and its cursor';
COMMENT ON COLUMN mls.subscription.id IS 'number of the subscription';
COMMENT ON COLUMN mls.subscription.foreign_table IS 'the foreign table that is replicated';
COMMENT ON COLUMN mls.subscription.source IS 'name of its foreign server';
COMMENT ON COLUMN mls.subscription.resource IS 'its resource at the source';
COMMENT ON COLUMN mls.subscription.owner IS 'role that subscribed; runs use its privileges and its user mapping';
COMMENT ON COLUMN mls.subscription.bronze IS 'table of the records as received';
COMMENT ON COLUMN mls.subscription.silver IS 'table with the columns of the foreign table';
COMMENT ON COLUMN mls.subscription.gold IS 'table of the RESO resource it feeds, or NULL';
COMMENT ON COLUMN mls.subscription.cursor_timestamp IS 'modification timestamp up to which the copy is complete, as the source spelled it';
COMMENT ON COLUMN mls.subscription.cursor_at IS 'the same instant, to the microsecond';
COMMENT ON COLUMN mls.subscription.cursor_key IS 'key of the record the cursor stands on';
COMMENT ON COLUMN mls.subscription.resume_timestamp IS 'timestamp an interrupted run has reached';
COMMENT ON COLUMN mls.subscription.resume_key IS 'key an interrupted run has reached';
COMMENT ON COLUMN mls.subscription.resume_link IS 'link at which an interrupted run goes on, where the source has no order';
COMMENT ON COLUMN mls.subscription.resume_received IS 'records received on the way to that link';
COMMENT ON COLUMN mls.subscription.resume_since IS 'when the interrupted reading began, by the clock of the source';
COMMENT ON COLUMN mls.subscription.scope_hash IS 'fingerprint of what is asked for: resource, filter, expand';
COMMENT ON COLUMN mls.subscription.reading_all IS 'a sync that reads everything again, whatever the cursor, has begun and not ended';
COMMENT ON COLUMN mls.subscription.columns IS 'columns of silver that are filled, each with its field and type; NULL before the first sync';
COMMENT ON COLUMN mls.subscription.fill_after IS 'key up to which columns added later are filled from bronze; NULL when there is nothing to fill';
COMMENT ON COLUMN mls.subscription.fill_fields IS 'fields of those columns: records without them are passed over; * for none';
COMMENT ON COLUMN mls.subscription.failures IS 'syncs that failed since the last one that ended well';
COMMENT ON COLUMN mls.subscription.next_attempt_at IS 'a sync that does not name the source leaves the subscription alone until then; NULL for no limit';
COMMENT ON COLUMN mls.subscription.error_class IS 'what the last sync failed of: credentials, quota, network, protocol, data or ours; NULL if it did not';
COMMENT ON COLUMN mls.subscription.attempted_with IS 'fingerprint of server, user mapping and foreign table at that failure: when they change, the next attempt is due at once';
COMMENT ON COLUMN mls.subscription.clean_hash IS 'fingerprint of the rules of mls.clean_map by which its silver was filled last; empty for none';
COMMENT ON COLUMN mls.subscription.identity IS 'of which source the copy is, a line each: address, originating system asked for, fingerprint of the login''s name, key; mls_source_accept() changes it';
COMMENT ON COLUMN mls.subscription.listing_process IS 'purge or reconcile, if one was interrupted while it listed keys';
COMMENT ON COLUMN mls.subscription.listing_scope IS 'fingerprint of what it was asked for';
COMMENT ON COLUMN mls.subscription.listing_began IS 'when that list was begun';
COMMENT ON COLUMN mls.subscription.listing_link IS 'link at which it goes on';
COMMENT ON COLUMN mls.subscription.listing_listed IS 'keys listed so far';
COMMENT ON COLUMN mls.subscription.listing_flagged IS 'records listed so far that are flagged as removed';
COMMENT ON COLUMN mls.subscription.listing_announced IS 'records the source announced; -1 if it did not';
COMMENT ON COLUMN mls.subscription.map_hash IS 'fingerprint of the mapping rules by which its gold was made last';
COMMENT ON COLUMN mls.subscription.subscribed_at IS 'when the subscription was made';
COMMENT ON COLUMN mls.subscription.files IS 'files of its tables when they were last written: with others, rows may be missing';
COMMENT ON COLUMN mls.subscription.local_rows IS 'rows in silver, counted as they are written; corrected by purges and mls_count()';
COMMENT ON COLUMN mls.subscription.remote_rows IS 'records the source had when it was counted last, or NULL';
COMMENT ON COLUMN mls.subscription.count_proven IS 'the largest count of the source behind which it was found to have nothing: a smaller one is believed; -1 for none';
COMMENT ON COLUMN mls.subscription.remote_counted_at IS 'when that was';
COMMENT ON COLUMN mls.subscription.track_changes IS 'whether its changes in gold are logged to mls.change; set by mls_track()';
COMMENT ON COLUMN mls.subscription.priority IS 'server option priority, as it is in force: of records with one key gold has that of the highest';
COMMENT ON COLUMN mls.subscription.account IS 'hash of what its source is asked as: protocol, address, originating system and login';
COMMENT ON COLUMN mls.subscription.standing IS 'number of the first subscription of its account: of records with one key gold has that of the lowest, at equal priority';
COMMENT ON COLUMN mls.subscription.key_prefix IS 'server option key_prefix, as the keys in gold have it';
COMMENT ON COLUMN mls.subscription.partition IS 'how its tables are partitioned where they are made, as mls_subscribe() was asked for it';
COMMENT ON COLUMN mls.subscription.timestamps IS 'for each field of the option timestamps: up to where it is complete (cursor), and the newest seen (reached), as the source spelled them';

CREATE TABLE mls.run (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription  bigint REFERENCES mls.subscription ON DELETE CASCADE,
    subject       text,
    owner         regrole,
    process       text NOT NULL,
    status        text NOT NULL DEFAULT 'running'
                  CHECK (status IN ('running', 'finished', 'failed', 'cancelled', 'crashed')),
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at   timestamptz,
    pid           integer,
    backend_start timestamptz,
    requests      bigint NOT NULL DEFAULT 0,
    pages         bigint NOT NULL DEFAULT 0,
    received      bigint NOT NULL DEFAULT 0,
    inserted      bigint NOT NULL DEFAULT 0,
    updated       bigint NOT NULL DEFAULT 0,
    unchanged     bigint NOT NULL DEFAULT 0,
    deleted       bigint NOT NULL DEFAULT 0,
    bad_values    bigint NOT NULL DEFAULT 0,
    bytes         bigint NOT NULL DEFAULT 0,
    expected      bigint NOT NULL DEFAULT 0,
    phase         text,
    cursor_before text,
    cursor_after  text,
    note          text,
    error_class   text,
    sqlstate      text,
    message       text,
    detail        text,
    hint          text,
    CHECK ((subscription IS NULL) = (subject IS NOT NULL AND owner IS NOT NULL))
);
CREATE INDEX ON mls.run (subscription, id);
CREATE INDEX ON mls.run (subject, id) WHERE subscription IS NULL;
COMMENT ON TABLE mls.run IS 'executions of processes on subscriptions, feeds and the like';
COMMENT ON COLUMN mls.run.id IS 'number of the run';
COMMENT ON COLUMN mls.run.subscription IS 'the subscription it worked on; NULL if that was something else';
COMMENT ON COLUMN mls.run.subject IS 'what it worked on, if that is no subscription: the name of a feed, a publication, a mart or a test suite';
COMMENT ON COLUMN mls.run.owner IS 'role whose that is; NULL for a subscription, which has its own';
COMMENT ON COLUMN mls.run.process IS 'sync, purge, reconcile, rebuild, undo, feed, publish or test, say';
COMMENT ON COLUMN mls.run.status IS 'running, finished, failed (with an error), cancelled (by a user) or crashed (the process or the server ended)';
COMMENT ON COLUMN mls.run.started_at IS 'when it began';
COMMENT ON COLUMN mls.run.finished_at IS 'when it ended, or was found ended';
COMMENT ON COLUMN mls.run.pid IS 'process that works on it';
COMMENT ON COLUMN mls.run.backend_start IS 'when that process started';
COMMENT ON COLUMN mls.run.requests IS 'requests sent, retries and logins included';
COMMENT ON COLUMN mls.run.pages IS 'pages committed';
COMMENT ON COLUMN mls.run.received IS 'records received; of a purge or a reconcile, keys listed';
COMMENT ON COLUMN mls.run.inserted IS 'records that were new';
COMMENT ON COLUMN mls.run.updated IS 'records that had changed';
COMMENT ON COLUMN mls.run.unchanged IS 'records already here, or here in a newer version; nothing was written for them';
COMMENT ON COLUMN mls.run.deleted IS 'records the source has marked as removed, or that a purge missed there';
COMMENT ON COLUMN mls.run.bad_values IS 'values and records that did not fit; see mls.issue';
COMMENT ON COLUMN mls.run.bytes IS 'bytes received after decompression';
COMMENT ON COLUMN mls.run.expected IS 'records the source announced for the run; 0 if it did not';
COMMENT ON COLUMN mls.run.phase IS 'what the run does after its first part; see mls_progress';
COMMENT ON COLUMN mls.run.cursor_before IS 'cursor when the run began';
COMMENT ON COLUMN mls.run.cursor_after IS 'cursor when the run ended';
COMMENT ON COLUMN mls.run.note IS 'what was remarkable, such as an order the source did not keep';
COMMENT ON COLUMN mls.run.error_class IS 'what it failed of: credentials, quota, network, protocol, data or ours';
COMMENT ON COLUMN mls.run.sqlstate IS 'SQLSTATE of the error that ended it';
COMMENT ON COLUMN mls.run.message IS 'message of the error that ended it';
COMMENT ON COLUMN mls.run.detail IS 'detail of that error';
COMMENT ON COLUMN mls.run.hint IS 'hint of that error';

CREATE TABLE mls.issue (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    run_id       bigint REFERENCES mls.run ON DELETE SET NULL,
    kind         text NOT NULL DEFAULT 'value',
    key          text,
    field        text,
    value        text,
    reason       text NOT NULL,
    first_seen   timestamptz NOT NULL DEFAULT now(),
    last_seen    timestamptz NOT NULL DEFAULT now(),
    times        bigint NOT NULL DEFAULT 1,
    solved_at    timestamptz,
    UNIQUE NULLS NOT DISTINCT (subscription, key, field, reason)
);
CREATE INDEX ON mls.issue (run_id);
CREATE INDEX ON mls.issue (subscription, key) WHERE solved_at IS NULL;
COMMENT ON TABLE mls.issue IS 'what did not fit or changed at the source, open until solved_at: values that are NULL in silver, records that were not kept, fields of gold, declarations of the source';
COMMENT ON COLUMN mls.issue.id IS 'number of the issue';
COMMENT ON COLUMN mls.issue.subscription IS 'the subscription it was found in';
COMMENT ON COLUMN mls.issue.run_id IS 'the run that saw it last';
COMMENT ON COLUMN mls.issue.kind IS 'value, record, quarantine, gold, conflict, children, lookup, missing, schema, columns, unchecked, webhook, file or open: what it is about, and so what ends it';
COMMENT ON COLUMN mls.issue.key IS 'key of the record';
COMMENT ON COLUMN mls.issue.field IS 'field that holds the value';
COMMENT ON COLUMN mls.issue.value IS 'the value as received, cut to 200 characters';
COMMENT ON COLUMN mls.issue.reason IS 'why it did not fit';
COMMENT ON COLUMN mls.issue.first_seen IS 'when it was seen first, or first again after it had been solved';
COMMENT ON COLUMN mls.issue.last_seen IS 'when it was seen last';
COMMENT ON COLUMN mls.issue.times IS 'how often it was met';
COMMENT ON COLUMN mls.issue.solved_at IS 'when what it says was no longer so; NULL while it is';

CREATE TABLE mls.file (
    subscription bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    name         text NOT NULL,
    state        text NOT NULL
                 CHECK (state IN ('not_synced', 'pending', 'syncing', 'synced', 'failed', 'gone')),
    bytes        bigint NOT NULL,
    modified_at  timestamptz,
    changed_at   timestamptz,
    validator    text,
    sha256       text,
    rows         bigint NOT NULL DEFAULT 0,
    rejected     bigint NOT NULL DEFAULT 0,
    taken_rows   bigint NOT NULL DEFAULT 0,
    taken_bytes  bigint NOT NULL DEFAULT 0,
    taken_sha256 text,
    first_sha256 text,
    reading      text,
    error        text,
    failures     integer NOT NULL DEFAULT 0,
    run_id       bigint REFERENCES mls.run ON DELETE SET NULL,
    synced_at    timestamptz,
    PRIMARY KEY (subscription, name)
);
CREATE INDEX ON mls.file (run_id);
COMMENT ON TABLE mls.file IS 'files that the records of datasets come from, and what became of each';
COMMENT ON COLUMN mls.file.subscription IS 'the subscription whose records it holds';
COMMENT ON COLUMN mls.file.name IS 'its name in the place of the source';
COMMENT ON COLUMN mls.file.state IS 'not_synced (known, to be read again), pending (it may still be written), syncing (a part of its rows is here), synced, failed (see error) or gone (not there, or not the newest)';
COMMENT ON COLUMN mls.file.bytes IS 'its length, as it is stored';
COMMENT ON COLUMN mls.file.modified_at IS 'when it was written last';
COMMENT ON COLUMN mls.file.changed_at IS 'when its content, name or rights changed last, by the clock of the system: no program sets it';
COMMENT ON COLUMN mls.file.validator IS 'what its host calls this version of it: the header that asks whether it has changed, or the tag of an object';
COMMENT ON COLUMN mls.file.sha256 IS 'hash of its bytes, by which it is known again';
COMMENT ON COLUMN mls.file.rows IS 'rows that it holds; while it is being read, rows so far';
COMMENT ON COLUMN mls.file.rejected IS 'lines that are no records; mls.issue has them with kind file';
COMMENT ON COLUMN mls.file.taken_rows IS 'of its first rows so many are here, behind which a sync goes on; 0: it begins at the first';
COMMENT ON COLUMN mls.file.taken_bytes IS 'how long the file was that they were taken from';
COMMENT ON COLUMN mls.file.taken_sha256 IS 'the hash of that file: with another one they are not passed over';
COMMENT ON COLUMN mls.file.first_sha256 IS 'the hash of the file when its first row was taken, by which its rows are known in mode append';
COMMENT ON COLUMN mls.file.reading IS 'how it was read: delimiter, encoding, header, and what was remarkable';
COMMENT ON COLUMN mls.file.error IS 'why it could not be read; NULL if it could';
COMMENT ON COLUMN mls.file.failures IS 'how often in a row';
COMMENT ON COLUMN mls.file.run_id IS 'the run that looked at it last';
COMMENT ON COLUMN mls.file.synced_at IS 'when all of it was here last';

-- A file of a new name is a resource of its own, which no sync takes: somebody has to be told.
CREATE TABLE mls.unread_file (
    subscription bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    resource     text NOT NULL,
    name         text NOT NULL,
    found_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (subscription, resource)
);
COMMENT ON TABLE mls.unread_file IS 'files that the last sync of a dataset found in its place, and that no foreign table read';
COMMENT ON COLUMN mls.unread_file.subscription IS 'the subscription whose sync found them';
COMMENT ON COLUMN mls.unread_file.resource IS 'the resource that they are';
COMMENT ON COLUMN mls.unread_file.name IS 'the first of them';
COMMENT ON COLUMN mls.unread_file.found_at IS 'when it was found';
ALTER TABLE mls.unread_file ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.unread_file FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
GRANT SELECT ON mls.unread_file TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.unread_file', '');

CREATE VIEW mls.unread WITH (security_invoker = true) AS
SELECT DISTINCT ON (s.source, u.resource) s.source, u.resource, u.name, u.found_at
  FROM mls.unread_file u
  JOIN mls.subscription s ON s.id = u.subscription
  JOIN pg_catalog.pg_foreign_table t ON t.ftrelid = s.foreign_table
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_foreign_table o, pg_catalog.pg_options_to_table(o.ftoptions) x
                    WHERE o.ftserver = t.ftserver AND x.option_name = 'resource' AND x.option_value = u.resource)
 ORDER BY s.source, u.resource, u.found_at DESC;
COMMENT ON VIEW mls.unread IS 'files in the places of datasets that no foreign table reads, as the last syncs found them';
COMMENT ON COLUMN mls.unread.source IS 'name of the server';
COMMENT ON COLUMN mls.unread.resource IS 'the resource that they are';
COMMENT ON COLUMN mls.unread.name IS 'the first of them';
COMMENT ON COLUMN mls.unread.found_at IS 'when it was found';
GRANT SELECT ON mls.unread TO pg_monitor;

CREATE FUNCTION mls.note_unread(subscription bigint, names text[], resources text[]) RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    n bigint;
    first text;
BEGIN
    DELETE FROM mls.unread_file u
     WHERE u.subscription = note_unread.subscription
       AND NOT EXISTS (SELECT FROM unnest(names, resources) f (name, resource) WHERE f.name = u.name AND f.resource = u.resource);
    INSERT INTO mls.unread_file (subscription, resource, name)
    SELECT note_unread.subscription, f.resource, min(f.name COLLATE "C") FROM unnest(names, resources) f (name, resource)
     WHERE f.resource NOT IN (SELECT x.option_value FROM mls.subscription s JOIN pg_foreign_table t ON t.ftrelid = s.foreign_table
                                JOIN pg_foreign_table o ON o.ftserver = t.ftserver, pg_options_to_table(o.ftoptions) x
                               WHERE s.id = note_unread.subscription AND x.option_name = 'resource')
     GROUP BY f.resource
    ON CONFLICT DO NOTHING;
    SELECT count(*), min(v.name COLLATE "C") INTO n, first FROM mls.unread v
     WHERE v.source = (SELECT s.source FROM mls.subscription s WHERE s.id = note_unread.subscription);
    RETURN CASE n WHEN 0 THEN NULL WHEN 1 THEN format('no table reads file "%s"', first)
                  ELSE format('no table reads file "%s", nor those of %s', first, mls.counted(n - 1, 'other resource', 'other resources')) END;
END $$;
COMMENT ON FUNCTION mls.note_unread(bigint, text[], text[]) IS 'takes note of the files of other resources that a sync has found; which of them no table reads, in words, or NULL';
REVOKE ALL ON FUNCTION mls.note_unread(bigint, text[], text[]) FROM PUBLIC;

ALTER TABLE mls.file ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.run ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.issue ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.subscription FOR SELECT
    USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY owner ON mls.run FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
CREATE POLICY subject ON mls.run FOR SELECT
    USING (subscription IS NULL AND (pg_catalog.pg_has_role(owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')));
CREATE POLICY owner ON mls.issue FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
CREATE POLICY owner ON mls.file FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
CREATE POLICY monitor ON mls.subscription FOR SELECT
    USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
GRANT USAGE ON SCHEMA mls TO pg_monitor;
GRANT SELECT ON mls.subscription, mls.run, mls.issue, mls.file TO pg_monitor;

CREATE FUNCTION mls.lives_elsewhere(source text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mls_lives_elsewhere' LANGUAGE C VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.lives_elsewhere(text) IS 'whether another node of Citus syncs a source';
REVOKE ALL ON FUNCTION mls.lives_elsewhere(text) FROM PUBLIC;

CREATE FUNCTION mls.is_replicated(source text, origin text) RETURNS boolean
    LANGUAGE sql STABLE STRICT SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT EXISTS (SELECT FROM mls.subscription s WHERE s.source = is_replicated.source
                  AND (s.resource = origin OR starts_with(origin, s.resource || '/')))
       OR mls.lives_elsewhere(source) $$;
COMMENT ON FUNCTION mls.is_replicated(text, text)
    IS 'whether any role has a subscription of the resource that a row of gold was made from, or another node has; rows that are of none give way to others';
REVOKE ALL ON FUNCTION mls.is_replicated(text, text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('mls.subscription', '');
SELECT pg_catalog.pg_extension_config_dump('mls.subscription_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.run', '');
SELECT pg_catalog.pg_extension_config_dump('mls.run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.issue', '');
SELECT pg_catalog.pg_extension_config_dump('mls.issue_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.file', '');

CREATE FUNCTION mls.refuse_standby(function text, verb text) RETURNS void
    AS 'MODULE_PATHNAME', 'mls_refuse_standby_sql' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION mls.refuse_standby(text, text)
    IS 'an error on a standby and in a read-only transaction: function is what was called, verb what to do on the primary';
REVOKE ALL ON FUNCTION mls.refuse_standby(text, text) FROM PUBLIC;

-- ---- In whose rights ----

-- Around the tables of a subscription stands code of their owner: so whatever looks at
-- them from a function does it as that role, not as the caller.
CREATE FUNCTION mls.as_owner(subscription bigint, query text, VARIADIC arguments text[] DEFAULT '{}') RETURNS SETOF jsonb
    LANGUAGE c VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_owner_sql';
COMMENT ON FUNCTION mls.as_owner(bigint, text, text[])
    IS 'runs a query as the owner of a subscription, in a security-restricted operation, if the caller has that role''s privileges; its first column is jsonb';

CREATE FUNCTION mls.as_role(role regrole, query text, VARIADIC arguments text[] DEFAULT '{}') RETURNS SETOF jsonb
    LANGUAGE c VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_role_sql';
COMMENT ON FUNCTION mls.as_role(regrole, text, text[])
    IS 'the same as a role whose privileges the caller has; the statement may also be one without rows';

CREATE FUNCTION mls.as_role_with(role regrole, query text, bytes bytea, VARIADIC arguments text[] DEFAULT '{}') RETURNS SETOF jsonb
    LANGUAGE c VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_role_with_sql';
COMMENT ON FUNCTION mls.as_role_with(regrole, text, bytea, text[])
    IS 'the same with bytes as the first argument of the query';
REVOKE ALL ON FUNCTION mls.as_owner(bigint, text, text[]), mls.as_role(regrole, text, text[]), mls.as_role_with(regrole, text, bytea, text[]) FROM PUBLIC;

-- ---- Refusals and names ----

-- What mls_counted() is in C.
CREATE FUNCTION mls.counted(n bigint, one text, many text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT n || ' ' || CASE n WHEN 1 THEN one ELSE many END $$;
COMMENT ON FUNCTION mls.counted(bigint, text, text) IS 'a number and what it counts: 1 record, 2 records';
REVOKE ALL ON FUNCTION mls.counted(bigint, text, text) FROM PUBLIC;

-- What RAISE does, without the lines of context that say which function of ours found it.
CREATE FUNCTION mls.refuse(code text, message text, hint text DEFAULT NULL, detail text DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'mls_refuse_sql' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION mls.refuse(text, text, text, text) IS 'raises an error with a SQLSTATE, a message, a hint and a detail';

CREATE FUNCTION mls.nearest(written text, names text[]) RETURNS text
    AS 'MODULE_PATHNAME', 'mls_nearest_sql' LANGUAGE C IMMUTABLE STRICT;
COMMENT ON FUNCTION mls.nearest(text, text[])
    IS 'the name that was probably meant: the same but for case and underscores, else with the fewest slips; NULL if none is near';

-- A source goes by its present name: a subscription follows a renamed server only when it runs.
CREATE VIEW mls.visible_subscription WITH (security_invoker = true) AS
SELECT s.id, coalesce(f.srvname::text, s.source) AS source, s.resource, s.foreign_table
  FROM mls.subscription s
  LEFT JOIN pg_catalog.pg_foreign_table t ON t.ftrelid = s.foreign_table::pg_catalog.oid
  LEFT JOIN pg_catalog.pg_foreign_server f ON f.oid = t.ftserver
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE');
COMMENT ON VIEW mls.visible_subscription IS 'subscriptions that the reader may work on';
COMMENT ON COLUMN mls.visible_subscription.id IS 'number of the subscription';
COMMENT ON COLUMN mls.visible_subscription.source IS 'present name of its server';
COMMENT ON COLUMN mls.visible_subscription.resource IS 'its resource';
COMMENT ON COLUMN mls.visible_subscription.foreign_table IS 'its foreign table';

-- Why there is no such subscription, in words that end in what to type.
CREATE FUNCTION mls.missing_subscription_hint(wanted_source text, wanted_resource text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    sources text[];
    resources text[];
    server text;
    wanted record;
    meant text;
    strangers text;
BEGIN
    SELECT array_agg(DISTINCT v.source ORDER BY v.source) INTO sources FROM mls.visible_subscription v;
    -- The name of a foreign table, in one word or in either place.
    SELECT format('%I.%I', n.nspname, c.relname) AS name, f.srvname::text AS source, o.option_value AS resource,
           EXISTS (SELECT FROM mls.visible_subscription v WHERE v.foreign_table::oid = c.oid) AS subscribed,
           pg_has_role(c.relowner, 'USAGE') AS is_own
      INTO wanted
      FROM pg_foreign_table t
      JOIN pg_class c ON c.oid = t.ftrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_foreign_server f ON f.oid = t.ftserver
     CROSS JOIN pg_options_to_table(t.ftoptions) o
     WHERE o.option_name = 'resource'
       AND (n.nspname || '.' || c.relname = lower(coalesce(wanted_resource, wanted_source))
            OR (lower(f.srvname) = lower(wanted_source)
                AND (wanted_resource IN (c.relname, n.nspname || '.' || c.relname)
                     OR lower(o.option_value) = lower(wanted_resource))))
     ORDER BY subscribed DESC, is_own DESC, c.oid
     LIMIT 1;
    IF wanted.subscribed THEN
        RETURN format('Name source and resource: %L, %L.', wanted.source, wanted.resource);
    ELSIF wanted.is_own THEN
        RETURN format('Foreign table %s is not subscribed: SELECT mls_subscribe(%L).', wanted.name, wanted.name);
    END IF;
    SELECT array_agg(DISTINCT v.resource ORDER BY v.resource) INTO resources FROM mls.visible_subscription v
     WHERE wanted_source IS NULL OR lower(v.source) = lower(wanted_source);
    IF resources IS NULL THEN
        -- What others have subscribed is not told; that they have tables of a server is no secret.
        SELECT string_agg(DISTINCT c.relowner::regrole::text, ', ') INTO strangers
          FROM pg_foreign_table t
          JOIN pg_class c ON c.oid = t.ftrelid
          JOIN pg_foreign_server f ON f.oid = t.ftserver
         WHERE f.srvname = coalesce(wanted.source, wanted_source) AND NOT pg_has_role(c.relowner, 'USAGE');
        IF strangers IS NOT NULL THEN
            RETURN format('You have subscribed nothing there. What is replicated by tables of role %s is worked on by those who have its privileges.', strangers);
        END IF;
    END IF;
    IF sources IS NULL THEN
        RETURN 'Nothing is subscribed yet: SELECT mls_subscribe(''schema.table'') for a foreign table first.';
    ELSIF resources IS NOT NULL THEN
        meant := mls.nearest(wanted_resource, resources);
        IF meant IS NOT NULL THEN
            RETURN format('Perhaps you meant resource "%s".', meant);
        END IF;
        RETURN format('Subscribed%s: %s.', ' of source "' || wanted_source || '"', array_to_string(resources, ', '));
    END IF;
    SELECT array_agg(DISTINCT v.resource) INTO resources FROM mls.visible_subscription v;
    meant := mls.nearest(wanted_source, sources);
    IF meant IS NOT NULL THEN
        RETURN format('Perhaps you meant source "%s".', meant);
    END IF;
    SELECT s.srvname INTO server FROM pg_foreign_server s WHERE lower(s.srvname) = lower(wanted_source);
    IF server IS NOT NULL THEN
        RETURN format('Nothing of server "%s" is subscribed: SELECT mls_subscribe(''schema.table'') for its foreign tables first.', server);
    END IF;
    meant := mls.nearest(wanted_source, resources);
    IF meant IS NOT NULL AND wanted_resource IS NULL THEN
        RETURN format('Name the source before the resource: %L, %L.',
                      (SELECT min(v.source) FROM mls.visible_subscription v WHERE v.resource = meant), meant);
    END IF;
    RETURN format('Sources with subscriptions: %s.', array_to_string(sources, ', '));
END $$;
COMMENT ON FUNCTION mls.missing_subscription_hint(text, text) IS 'what to do about a subscription that does not exist';

-- The one place where names become subscriptions.  An exact name comes first; where there is
-- none, case does not count, unless that leaves two names for one thing.
CREATE FUNCTION mls.find_name(wanted text, names text[], kind text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found text[] := ARRAY(SELECT DISTINCT n FROM unnest(names) n WHERE lower(n) = lower(wanted) ORDER BY n);
BEGIN
    IF wanted = ANY (found) THEN
        RETURN wanted;
    ELSIF cardinality(found) > 1 THEN
        PERFORM mls.refuse('42P09', format('%s "%s" is ambiguous', kind, wanted),
                           format('Write it as one of: %s.', array_to_string(found, ', ')));
    END IF;
    RETURN found[1];
END $$;
COMMENT ON FUNCTION mls.find_name(text, text[], text)
    IS 'the name as it stands in a list, whatever the case it was written in; NULL if it is not there';

CREATE FUNCTION mls.find_subscriptions(wanted_source text, wanted_resource text DEFAULT NULL,
    OUT id bigint, OUT source text, OUT resource text)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.visible_subscription[] := ARRAY(SELECT v FROM mls.visible_subscription v);
    found_source text := mls.find_name(wanted_source, ARRAY(SELECT k.source FROM unnest(known) k), 'source');
    found_resource text;
    n integer := 0;
BEGIN
    found_resource := mls.find_name(wanted_resource, ARRAY(
        SELECT k.resource FROM unnest(known) k WHERE wanted_source IS NULL OR k.source = found_source), 'resource');
    FOR id, source, resource IN
        SELECT k.id, k.source, k.resource FROM unnest(known) k
         WHERE (wanted_source IS NULL OR k.source = found_source)
           AND (wanted_resource IS NULL OR k.resource = found_resource)
         ORDER BY k.source COLLATE "C", k.id
    LOOP
        n := n + 1;
        RETURN NEXT;
    END LOOP;
    IF n = 0 AND (wanted_source IS NOT NULL OR wanted_resource IS NOT NULL) THEN
        PERFORM mls.refuse('42704', 'there is no such subscription: ' ||
                           concat_ws(' of ', 'resource "' || wanted_resource || '"', 'source "' || wanted_source || '"'),
                           mls.missing_subscription_hint(wanted_source, wanted_resource));
    END IF;
END $$;
COMMENT ON FUNCTION mls.find_subscriptions(text, text)
    IS 'subscriptions of a source, a resource or all, by names in any case; an error that helps if a name is given and there is none';
REVOKE ALL ON FUNCTION mls.refuse(text, text, text, text), mls.nearest(text, text[]), mls.missing_subscription_hint(text, text), mls.find_name(text, text[], text),
    mls.find_subscriptions(text, text) FROM PUBLIC;
