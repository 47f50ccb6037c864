-- The control tables: what is replicated, what ran, and what did not fit.
--
-- They hold state and history, never replicated data: that stands in ordinary
-- tables which DROP EXTENSION does not take away.  A role sees and changes only
-- the rows of subscriptions whose owner's privileges it has; mls_grant() lets a
-- role use them at all.

CREATE SCHEMA mls;
COMMENT ON SCHEMA mls IS 'control tables of mls_fdw: subscriptions, runs, issues, dictionary, mapping';

CREATE TABLE mls.subscription (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    foreign_table    regclass NOT NULL UNIQUE,
    source           text NOT NULL,
    resource         text NOT NULL,
    owner            regrole NOT NULL,
    bronze           regclass NOT NULL,
    silver           regclass NOT NULL,
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
    remote_rows      bigint,
    remote_counted_at timestamptz,
    track_changes    boolean NOT NULL DEFAULT false,
    timestamps       jsonb NOT NULL DEFAULT '{}',
    count_proven     bigint NOT NULL DEFAULT -1,
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
COMMENT ON COLUMN mls.subscription.listing_process IS 'purge or reconcile, if one was interrupted while it listed keys';
COMMENT ON COLUMN mls.subscription.listing_scope IS 'fingerprint of what it was asked for';
COMMENT ON COLUMN mls.subscription.listing_began IS 'when that list was begun';
COMMENT ON COLUMN mls.subscription.listing_link IS 'link at which it goes on';
COMMENT ON COLUMN mls.subscription.listing_listed IS 'keys listed so far';
COMMENT ON COLUMN mls.subscription.listing_flagged IS 'records listed so far that are flagged as removed';
COMMENT ON COLUMN mls.subscription.listing_announced IS 'records the source announced; -1 if it did not';
COMMENT ON COLUMN mls.subscription.map_hash IS 'fingerprint of the mapping rules by which its gold was made last';
COMMENT ON COLUMN mls.subscription.subscribed_at IS 'when the subscription was made';
COMMENT ON COLUMN mls.subscription.local_rows IS 'rows in silver, counted as they are written; corrected by purges and mls_count()';
COMMENT ON COLUMN mls.subscription.remote_rows IS 'records the source had when it was counted last, or NULL';
COMMENT ON COLUMN mls.subscription.count_proven IS 'the largest count of the source behind which it was found to have nothing: a smaller one is believed; -1 for none';
COMMENT ON COLUMN mls.subscription.remote_counted_at IS 'when that was';
COMMENT ON COLUMN mls.subscription.track_changes IS 'whether its changes in gold are logged to mls.change; set by mls_track()';
COMMENT ON COLUMN mls.subscription.timestamps IS 'for each field of the option timestamps: up to where it is complete (cursor), and the newest seen (reached), as the source spelled them';

CREATE TABLE mls.run (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription  bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
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
    hint          text
);
CREATE INDEX ON mls.run (subscription, id);
COMMENT ON TABLE mls.run IS 'executions of processes on subscriptions';
COMMENT ON COLUMN mls.run.id IS 'number of the run';
COMMENT ON COLUMN mls.run.subscription IS 'the subscription it worked on';
COMMENT ON COLUMN mls.run.process IS 'sync, purge, reconcile, rebuild or undo';
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
COMMENT ON COLUMN mls.issue.kind IS 'value, record, gold, conflict, children, lookup, schema, columns, unchecked or webhook: what it is about, and so what ends it';
COMMENT ON COLUMN mls.issue.key IS 'key of the record';
COMMENT ON COLUMN mls.issue.field IS 'field that holds the value';
COMMENT ON COLUMN mls.issue.value IS 'the value as received, cut to 200 characters';
COMMENT ON COLUMN mls.issue.reason IS 'why it did not fit';
COMMENT ON COLUMN mls.issue.first_seen IS 'when it was seen first, or first again after it had been solved';
COMMENT ON COLUMN mls.issue.last_seen IS 'when it was seen last';
COMMENT ON COLUMN mls.issue.times IS 'how often it was met';
COMMENT ON COLUMN mls.issue.solved_at IS 'when what it says was no longer so; NULL while it is';

ALTER TABLE mls.subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.run ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.issue ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.subscription
    USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY owner ON mls.run
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
CREATE POLICY owner ON mls.issue
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
CREATE POLICY monitor ON mls.subscription FOR SELECT
    USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
GRANT USAGE ON SCHEMA mls TO pg_monitor;
GRANT SELECT ON mls.subscription, mls.run, mls.issue TO pg_monitor;

SELECT pg_catalog.pg_extension_config_dump('mls.subscription', '');
SELECT pg_catalog.pg_extension_config_dump('mls.subscription_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.run', '');
SELECT pg_catalog.pg_extension_config_dump('mls.run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.issue', '');
SELECT pg_catalog.pg_extension_config_dump('mls.issue_id_seq', '');

CREATE FUNCTION mls.refuse_standby(function text, verb text) RETURNS void
    AS 'MODULE_PATHNAME', 'mls_refuse_standby_sql' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION mls.refuse_standby(text, text)
    IS 'an error on a standby and in a read-only transaction: function is what was called, verb what to do on the primary';
REVOKE ALL ON FUNCTION mls.refuse_standby(text, text) FROM PUBLIC;
