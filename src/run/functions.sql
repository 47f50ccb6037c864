-- Replication: what a user calls.

CREATE FUNCTION mls_subscribe(
    foreign_table regclass,
    partition text DEFAULT NULL,
    OUT id bigint,
    OUT bronze regclass,
    OUT silver regclass,
    OUT gold regclass)
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_subscribe(regclass, text)
    IS 'replicate a foreign table: makes its tables where they are missing; no network; partition: "source" gives its rows in gold a partition of their own, "hash N" cuts the tables that are made';

CREATE FUNCTION mls_unsubscribe(foreign_table regclass, drop_data boolean DEFAULT false)
    RETURNS void
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET jit = off
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_unsubscribe(regclass, boolean)
    IS 'stop to replicate a foreign table; its tables stay unless drop_data';

CREATE FUNCTION mls_sync(
    source text DEFAULT NULL,
    resource text DEFAULT NULL,
    "full" boolean DEFAULT false,
    dry_run boolean DEFAULT false,
    due boolean DEFAULT NULL,
    OUT source text,
    OUT resource text,
    OUT status text,
    OUT received bigint,
    OUT inserted bigint,
    OUT updated bigint,
    OUT unchanged bigint,
    OUT requests bigint,
    OUT duration interval,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_sync(text, text, boolean, boolean, boolean)
    IS 'bring subscriptions up to date, all or those of a source or resource, in background workers; full reads everything again, dry_run says what would be read, due leaves those alone whose next attempt lies ahead (by default when no source is named)';

CREATE FUNCTION mls_purge(
    source text DEFAULT NULL,
    resource text DEFAULT NULL,
    force boolean DEFAULT false,
    dry_run boolean DEFAULT false,
    OUT source text,
    OUT resource text,
    OUT status text,
    OUT listed bigint,
    OUT missing bigint,
    OUT deleted bigint,
    OUT requests bigint,
    OUT duration interval,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_purge(text, text, boolean, boolean)
    IS 'remove what is gone at the source: lists all keys there and compares; refused when the list is incomplete or the loss exceeds both parts of purge_limit';

CREATE FUNCTION mls_remap(
    source text DEFAULT NULL,
    resource text DEFAULT NULL,
    OUT source text,
    OUT resource text,
    OUT status text,
    OUT mapped bigint,
    OUT requests bigint,
    OUT duration interval,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_remap_sql';
COMMENT ON FUNCTION mls_remap(text, text)
    IS 'make gold anew from silver where mapping rules have changed, in batches, without the network; mls_sync() does the same before it begins';

-- mls_undo() and mls_rebuild() write pages as runs do, by plans made while tables are small.
CREATE FUNCTION mls_undo(run bigint)
    RETURNS bigint
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET jit = off
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_undo(bigint)
    IS 'bring back what a purge removed, from bronze; no network';

CREATE FUNCTION mls_reconcile(
    source text DEFAULT NULL,
    resource text DEFAULT NULL,
    dry_run boolean DEFAULT false,
    OUT source text,
    OUT resource text,
    OUT status text,
    OUT listed bigint,
    OUT different bigint,
    OUT inserted bigint,
    OUT updated bigint,
    OUT requests bigint,
    OUT duration interval,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_reconcile(text, text, boolean)
    IS 'fetch what is missing or different here: lists all keys and timestamps at the source and compares; removes nothing';

CREATE FUNCTION mls_rebuild(foreign_table regclass)
    RETURNS bigint
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET jit = off
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_rebuild(regclass)
    IS 'fill silver and gold of a subscription again from its bronze table; no network';

CREATE FUNCTION mls_grant(role regrole)
    RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    layer text;
    schema text;
    object text;
BEGIN
    PERFORM mls.refuse_standby('mls_grant()', 'grant');
    EXECUTE format('GRANT USAGE ON SCHEMA mls TO %s', role);
    -- All of the extension's own but what only a superuser may give away, and what is called
    -- for a caller.  Tables are read; earlier versions let roles write them.
    FOR object IN
        SELECT CASE WHEN d.classid = 'pg_proc'::regclass THEN format('GRANT EXECUTE ON FUNCTION %s TO %s', d.objid::regprocedure, role)
                    ELSE format('GRANT SELECT ON %1$s TO %2$s; REVOKE INSERT, UPDATE, DELETE ON %1$s FROM %2$s', d.objid::regclass, role) END
          FROM pg_depend d
          JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'mls_fdw'
          LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
          LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
         WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
           AND (p.proname <> ALL ('{mls_grant,mls_serve_grant,mls_serve_prune,mls_tenant,mls_tenant_remove}') AND p.proname !~ '^serve_' AND p.proargnames[1] IS DISTINCT FROM 'caller'
                OR c.relkind IN ('v', 'r'))
    LOOP
        EXECUTE object;
    END LOOP;
    FOREACH layer IN ARRAY ARRAY['bronze', 'silver', 'gold', 'reso'] LOOP
        schema := coalesce(nullif(current_setting('mls_fdw.' || layer || '_schema', true), ''), layer);
        IF to_regnamespace(quote_ident(schema)) IS NULL THEN
            EXECUTE format('CREATE SCHEMA %I', schema);
        END IF;
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %s', schema, role);
    END LOOP;
END $$;
COMMENT ON FUNCTION mls_grant(regrole)
    IS 'let a role subscribe and sync: grants what that needs except USAGE on its foreign server';

REVOKE ALL ON FUNCTION mls_subscribe(regclass, text), mls_unsubscribe(regclass, boolean),
    mls_sync(text, text, boolean, boolean, boolean), mls_purge(text, text, boolean, boolean), mls_undo(bigint),
    mls_reconcile(text, text, boolean), mls_remap(text, text), mls_rebuild(regclass), mls_grant(regrole) FROM PUBLIC;
