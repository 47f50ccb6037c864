-- The change log: what changed in gold, in the order in which it was committed.
--
-- Triggers write it, so that whatever changes gold is logged: a sync, a purge,
-- a rebuild or a person.  It is off until mls_track() asks for it, since the
-- first load of a source would otherwise be written a fourth time.

CREATE TABLE mls.change (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    run      bigint,
    owner    regrole NOT NULL,
    source   text NOT NULL,
    resource text NOT NULL,
    key      text NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('insert', 'update', 'delete')),
    fields   jsonb
);
-- What was deleted is written with all it had; lz4 is several times as fast, where the server has it.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_settings
                WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE mls.change ALTER COLUMN fields SET COMPRESSION lz4;
    END IF;
END $$;
CREATE INDEX ON mls.change (source, resource, key);
CREATE INDEX ON mls.change USING brin (at);
COMMENT ON TABLE mls.change IS 'changes of gold in the order of their commits; see mls_track()';
COMMENT ON COLUMN mls.change.position IS 'grows in the order of commits: what is read once up to a number is complete up to it';
COMMENT ON COLUMN mls.change.at IS 'when it was written';
COMMENT ON COLUMN mls.change.run IS 'number of the run that wrote it; NULL if no run did';
COMMENT ON COLUMN mls.change.owner IS 'role that subscribed; whoever has its privileges sees the row';
COMMENT ON COLUMN mls.change.source IS 'name of the foreign server';
COMMENT ON COLUMN mls.change.resource IS 'resource at the source';
COMMENT ON COLUMN mls.change.key IS 'key of the record at the source';
COMMENT ON COLUMN mls.change.kind IS 'insert, update or delete';
COMMENT ON COLUMN mls.change.fields IS 'for each field of gold that changed its old and its new value; of a deleted row all it had; NULL for an inserted one, which stands in gold';

ALTER TABLE mls.change ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.change
    USING (pg_catalog.pg_has_role(owner, 'USAGE'));
SELECT pg_catalog.pg_extension_config_dump('mls.change', '');
SELECT pg_catalog.pg_extension_config_dump('mls.change_position_seq', '');

CREATE FUNCTION mls.changed_fields(old record, new record) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'mls_changed_fields' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mls.changed_fields(record, record)
    IS 'fields that differ between two versions of a row of gold, with the old and the new value; NULL if none does';

-- Numbers are given out under a lock that is held until the commit: a later
-- number never becomes visible before an earlier one.  Not SECURITY DEFINER: types
-- of the table's columns may bring casts of their owner, which run here.  Rows of
-- gold are joined by hashing, which runs otherwise forbid themselves.
CREATE FUNCTION mls.log_changes() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET enable_hashjoin = on
    AS $$
DECLARE
    sub mls.subscription;
    run bigint;
    any_row boolean;
BEGIN
    SELECT * INTO sub FROM mls.subscription s WHERE s.id = TG_ARGV[0]::bigint;
    IF TG_OP = 'DELETE' THEN
        any_row := EXISTS (SELECT FROM mls_old o WHERE o.mls_source = sub.source);
    ELSE
        any_row := EXISTS (SELECT FROM mls_new n WHERE n.mls_source = sub.source);
    END IF;
    IF NOT any_row THEN
        RETURN NULL;
    END IF;
    SELECT max(r.id) INTO run FROM mls.run r
     WHERE r.subscription = sub.id AND r.status = 'running' AND r.pid = pg_backend_pid();
    PERFORM pg_advisory_xact_lock('mls.change'::regclass::oid::bigint);
    IF TG_OP = 'INSERT' THEN
        INSERT INTO mls.change (at, run, owner, source, resource, key, kind)
        SELECT clock_timestamp(), run, sub.owner, sub.source, sub.resource, n.mls_source_key, 'insert'
          FROM mls_new n
         WHERE n.mls_source = sub.source;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO mls.change (at, run, owner, source, resource, key, kind, fields)
        SELECT clock_timestamp(), run, sub.owner, sub.source, sub.resource, o.mls_source_key, 'delete',
               mls.changed_fields(o, NULL)
          FROM mls_old o
         WHERE o.mls_source = sub.source;
    ELSE
        INSERT INTO mls.change (at, run, owner, source, resource, key, kind, fields)
        SELECT clock_timestamp(), run, sub.owner, sub.source, sub.resource, c.mls_source_key, 'update', c.fields
          FROM (SELECT n.mls_source_key, mls.changed_fields(o, n) AS fields
                  FROM mls_new n
                  JOIN mls_old o ON o.mls_source_key = n.mls_source_key AND o.mls_source = n.mls_source
                 WHERE n.mls_source = sub.source
                OFFSET 0) c
         WHERE c.fields IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION mls.log_changes() IS 'trigger on tables of gold: writes mls.change for the subscription it is given';

-- Each subscription has triggers of its own, since its role need not see the others
-- that feed the table.  A table of another role keeps them: without the subscription
-- they do nothing.
CREATE FUNCTION mls.place_triggers(gold regclass, subscription bigint, track boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    event record;
BEGIN
    FOR event IN
        SELECT e.kind, e.tables, format('mls_change_%s_%s', subscription, e.kind) AS name
          FROM (VALUES ('insert', 'NEW TABLE AS mls_new'),
                       ('update', 'OLD TABLE AS mls_old NEW TABLE AS mls_new'),
                       ('delete', 'OLD TABLE AS mls_old')) AS e (kind, tables)
    LOOP
        IF track THEN
            EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s REFERENCING %s '
                           'FOR EACH STATEMENT EXECUTE FUNCTION mls.log_changes(%L)',
                           event.name, event.kind, gold, event.tables, subscription);
            -- DROP EXTENSION takes the trigger along instead of stopping at it.
            EXECUTE format('ALTER TRIGGER %I ON %s DEPENDS ON EXTENSION mls_fdw', event.name, gold);
        ELSIF EXISTS (SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                       WHERE t.tgrelid = gold AND t.tgname = event.name
                         AND pg_has_role(c.relowner, 'USAGE')) THEN
            EXECUTE format('DROP TRIGGER %I ON %s', event.name, gold);
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.place_triggers(regclass, bigint, boolean)
    IS 'puts the triggers of the change log on a table of gold for a subscription, or takes them away';

CREATE FUNCTION mls_track(foreign_table regclass, track boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    sub mls.subscription;
BEGIN
    PERFORM mls.refuse_standby('mls_track()', 'set this');
    UPDATE mls.subscription s SET track_changes = track
     WHERE s.foreign_table = mls_track.foreign_table
    RETURNING * INTO sub;
    IF NOT FOUND THEN
        PERFORM mls.refuse('42704', format('foreign table %s is not subscribed', foreign_table),
                           'Call mls_subscribe() for it first.');
    ELSIF sub.gold IS NULL THEN
        PERFORM mls.refuse('55000', format('foreign table %s feeds no table of gold', foreign_table),
                           detail => 'Changes are logged as they arrive in gold.');
    END IF;
    PERFORM mls.place_triggers(sub.gold, sub.id, track);
END $$;
COMMENT ON FUNCTION mls_track(regclass, boolean)
    IS 'log the changes of a subscription in gold to mls.change from now on, or no longer';

REVOKE ALL ON FUNCTION mls_track(regclass, boolean), mls.changed_fields(record, record), mls.log_changes(),
    mls.place_triggers(regclass, bigint, boolean) FROM PUBLIC;
