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
CREATE POLICY owner ON mls.change FOR SELECT
    USING (pg_catalog.pg_has_role(owner, 'USAGE'));
SELECT pg_catalog.pg_extension_config_dump('mls.change', '');
SELECT pg_catalog.pg_extension_config_dump('mls.change_position_seq', '');

CREATE FUNCTION mls.changed_fields(old record, new record) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'mls_changed_fields' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mls.changed_fields(record, record)
    IS 'fields that differ between two versions of a row of gold, with the old and the new value; NULL if none does';

-- Rows of gold are joined by hashing, which runs otherwise forbid themselves.
CREATE FUNCTION mls.log_changes() RETURNS trigger
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    SET enable_hashjoin = on
    AS 'MODULE_PATHNAME', 'mls_log_changes';
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

CREATE FUNCTION mls.note_tracking(caller regrole, subscription bigint, track boolean) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
UPDATE mls.subscription s SET track_changes = track
 WHERE s.id = subscription AND pg_has_role(caller, s.owner, 'USAGE');
$$;
COMMENT ON FUNCTION mls.note_tracking(regrole, bigint, boolean) IS 'notes whether changes of a subscription are logged, for a caller who has its owner''s privileges';
CREATE FUNCTION mls.note_tracking(subscription bigint, track boolean) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_tracking(bigint, boolean) IS 'part of mls_track(): the same for who calls it';

CREATE FUNCTION mls_track(foreign_table regclass, track boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    sub mls.subscription;
BEGIN
    PERFORM mls.refuse_standby('mls_track()', 'set this');
    SELECT * INTO sub FROM mls.subscription s
     WHERE s.foreign_table = mls_track.foreign_table AND pg_has_role(s.owner, 'USAGE');
    IF NOT FOUND THEN
        PERFORM mls.refuse('42704', format('foreign table %s is not subscribed', foreign_table),
                           'Call mls_subscribe() for it first.');
    ELSIF sub.gold IS NULL THEN
        PERFORM mls.refuse('55000', format('foreign table %s feeds no table of gold', foreign_table),
                           detail => 'Changes are logged as they arrive in gold.');
    END IF;
    PERFORM mls.note_tracking(sub.id, track);
    PERFORM mls.place_triggers(sub.gold, sub.id, track);
END $$;
COMMENT ON FUNCTION mls_track(regclass, boolean)
    IS 'log the changes of a subscription in gold to mls.change from now on, or no longer';

REVOKE ALL ON FUNCTION mls_track(regclass, boolean), mls.note_tracking(regrole, bigint, boolean), mls.note_tracking(bigint, boolean), mls.changed_fields(record, record), mls.log_changes(),
    mls.place_triggers(regclass, bigint, boolean) FROM PUBLIC;
