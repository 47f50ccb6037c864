-- EntityEvent: which records changed, in the order in which it was committed, for those who
-- copy what they are served.
--
-- One event a record, the last: a later one takes the place of the one before, so the table
-- is as long as gold and whoever was away for a year misses nothing.  An event says that a
-- record is to be asked for again, not what became of it; who is answered that it is not
-- there drops it.

CREATE SEQUENCE mls.entity_event_sequence;
CREATE TABLE mls.entity_event (
    sequence        bigint PRIMARY KEY,
    resource        text NOT NULL,
    key             text NOT NULL,
    at              timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    deleted         boolean NOT NULL,
    sources         text[] NOT NULL,
    offices         text[] NOT NULL,
    parent_resource text,
    parent_key      text,
    parents         text[] NOT NULL DEFAULT '{}',
    UNIQUE (resource, key)
);
COMMENT ON TABLE mls.entity_event IS 'the last change of each record of gold, in the order of their commits; see mls_serve_events()';
COMMENT ON COLUMN mls.entity_event.sequence IS 'grows in the order of commits; a number that was given is of this record for ever';
COMMENT ON COLUMN mls.entity_event.resource IS 'RESO resource';
COMMENT ON COLUMN mls.entity_event.key IS 'key of the record, as gold has it';
COMMENT ON COLUMN mls.entity_event.at IS 'when it was written';
COMMENT ON COLUMN mls.entity_event.deleted IS 'whether gold has the record no more';
COMMENT ON COLUMN mls.entity_event.sources IS 'sources that it has ever been of: theirs are told that it is not any more';
COMMENT ON COLUMN mls.entity_event.offices IS 'offices that it has ever been of, likewise';
COMMENT ON COLUMN mls.entity_event.parent_resource IS 'resource of what it belongs to, or NULL';
COMMENT ON COLUMN mls.entity_event.parent_key IS 'key of that';
COMMENT ON COLUMN mls.entity_event.parents IS 'all that it has ever belonged to, as Resource/key: what it has left is not as it was, either';
ALTER TABLE mls.entity_event ENABLE ROW LEVEL SECURITY;
SELECT pg_catalog.pg_extension_config_dump('mls.entity_event', '');
SELECT pg_catalog.pg_extension_config_dump('mls.entity_event_sequence', '');

-- Numbers are given out under the lock of the change log, that is held until the commit.
CREATE FUNCTION mls.lock_events() RETURNS void
    AS 'MODULE_PATHNAME', 'mls_lock_events_sql' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION mls.lock_events() IS 'waits until no other transaction writes events, and holds off others until this one ends';

CREATE FUNCTION mls.note_events(caller regrole, resource text, deleted boolean, keys text[], sources text[], offices text[], parent_resources text[], parent_keys text[], parents text[]) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    n bigint;
BEGIN
    IF pg_has_role(caller, (SELECT c.relowner FROM pg_class c WHERE c.oid = mls.gold_table(note_events.resource)), 'USAGE') IS NOT TRUE THEN
        PERFORM mls.refuse('42501', format('must be owner of the table of gold of resource "%s"', note_events.resource));
    END IF;
    PERFORM mls.lock_events();
    INSERT INTO mls.entity_event AS e (sequence, resource, key, deleted, sources, offices, parent_resource, parent_key, parents)
    SELECT nextval('mls.entity_event_sequence'), note_events.resource, u.k, note_events.deleted, ARRAY[u.s], coalesce(u.o, '{}')::text[], u.pr, u.pk, coalesce(u.p, '{}')::text[]
      FROM (SELECT * FROM unnest(note_events.keys, note_events.sources, note_events.offices, note_events.parent_resources, note_events.parent_keys, note_events.parents) WITH ORDINALITY x (k, s, o, pr, pk, p, n) ORDER BY n) u
    ON CONFLICT (resource, key) DO UPDATE
       SET sequence = excluded.sequence, at = excluded.at, deleted = excluded.deleted,
           sources = CASE WHEN e.sources @> excluded.sources THEN e.sources ELSE e.sources || excluded.sources END,
           offices = CASE WHEN e.offices @> excluded.offices THEN e.offices ELSE ARRAY(SELECT DISTINCT o FROM unnest(e.offices || excluded.offices) o) END,
           parent_resource = coalesce(excluded.parent_resource, e.parent_resource), parent_key = coalesce(excluded.parent_key, e.parent_key),
           parents = CASE WHEN e.parents @> excluded.parents THEN e.parents ELSE ARRAY(SELECT DISTINCT p FROM unnest(e.parents || excluded.parents) p) END;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
COMMENT ON FUNCTION mls.note_events(regrole, text, boolean, text[], text[], text[], text[], text[], text[])
    IS 'writes events for a caller who owns the table of gold: keys with their sources, offices (arrays as text), what they belong to first of all, and all that they belong to (arrays as text)';
CREATE FUNCTION mls.note_events(resource text, deleted boolean, keys text[], sources text[], offices text[], parent_resources text[], parent_keys text[], parents text[]) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_events(text, boolean, text[], text[], text[], text[], text[], text[]) IS 'part of mls_serve_events(): the same for who calls it';

-- Which fields of a resource say what an event notes of a record.
CREATE FUNCTION mls.event_fields(resource text, OUT key_field text, OUT office_fields text[], OUT parent_fields text[], OUT parents text[])
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT r.key_field, ARRAY(SELECT o.field FROM mls.dd_office_field o WHERE o.resource = r.resource ORDER BY 1),
       ARRAY(SELECT d.field FROM mls.dd_parent d WHERE d.resource = r.resource ORDER BY d.parent = '*', d.field),
       ARRAY(SELECT d.parent FROM mls.dd_parent d WHERE d.resource = r.resource ORDER BY d.parent = '*', d.field)
  FROM mls.dd_resource r
 WHERE r.resource = event_fields.resource AND r.unique_key
$$;
COMMENT ON FUNCTION mls.event_fields(text) IS 'fields that hold a record''s key, its offices and the keys of what it belongs to, and the resources of those; * when ResourceName says it';

CREATE FUNCTION mls.log_events() RETURNS trigger
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_log_events';
COMMENT ON FUNCTION mls.log_events() IS 'trigger on tables of gold: writes mls.entity_event for the resource it is given';

-- What is there already gets its events, and events without a record become those of its end.
CREATE FUNCTION mls.fill_events(resource text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    gold regclass := mls.gold_table(resource);
    owner regrole := (SELECT c.relowner FROM pg_class c WHERE c.oid = gold);
    known record;
    columns text[] := ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = gold AND a.attnum > 0 AND NOT a.attisdropped);
    any_parent text := CASE WHEN 'ResourceName' = ANY (columns) THEN 'coalesce("ResourceName", ''Property'')' ELSE '''Property''' END;
    query text;
    page jsonb;
    last text;
    n bigint := 0;
BEGIN
    SELECT * INTO known FROM mls.event_fields(resource);
    query := format('SELECT jsonb_build_object(''k'', array_agg(g.k), ''s'', array_agg(g.s), ''o'', array_agg(g.o), ''pr'', array_agg(g.pr), ''pk'', array_agg(g.pk), ''p'', array_agg(g.p)) '
                    'FROM (SELECT %I AS k, mls_source AS s, %s AS o, %s AS pr, %s AS pk, %s AS p FROM %s WHERE $1 IS NULL OR %I > $1 ORDER BY %I LIMIT 20000) g',
        known.key_field,
        coalesce((SELECT format('array_remove(ARRAY[%s]::text[], NULL)::text', string_agg(quote_ident(f), ', ')) FROM unnest(known.office_fields) f WHERE f = ANY (columns)), '''{}'''),
        CASE WHEN known.parents[1] = '*' THEN any_parent ELSE quote_nullable(known.parents[1]) || '::text' END,
        CASE WHEN known.parent_fields[1] = ANY (columns) THEN quote_ident(known.parent_fields[1]) ELSE 'NULL::text' END,
        coalesce((SELECT format('array_remove(ARRAY[%s]::text[], NULL)::text', string_agg(format('%s || ''/'' || %I', CASE p.parent WHEN '*' THEN any_parent ELSE quote_literal(p.parent) END, p.field), ', '))
                    FROM unnest(known.parent_fields, known.parents) p (field, parent) WHERE p.field = ANY (columns)), '''{}'''),
        gold, known.key_field, known.key_field);
    LOOP
        page := (SELECT a FROM mls.as_role(owner, query, last) a);
        EXIT WHEN jsonb_typeof(page -> 'k') <> 'array';
        n := n + mls.note_events(resource, false, ARRAY(SELECT jsonb_array_elements_text(page -> 'k')), ARRAY(SELECT jsonb_array_elements_text(page -> 's')), ARRAY(SELECT jsonb_array_elements_text(page -> 'o')),
                                 ARRAY(SELECT jsonb_array_elements_text(page -> 'pr')), ARRAY(SELECT jsonb_array_elements_text(page -> 'pk')), ARRAY(SELECT jsonb_array_elements_text(page -> 'p')));
        last := page -> 'k' ->> -1;
    END LOOP;
    RETURN n;
END $$;
COMMENT ON FUNCTION mls.fill_events(text) IS 'part of mls_serve_events(): writes one event for each record of a resource; returns how many';

CREATE FUNCTION mls.end_events(caller regrole, resource text, before bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    n bigint;
BEGIN
    IF pg_has_role(caller, (SELECT c.relowner FROM pg_class c WHERE c.oid = mls.gold_table(end_events.resource)), 'USAGE') IS NOT TRUE THEN
        PERFORM mls.refuse('42501', format('must be owner of the table of gold of resource "%s"', end_events.resource));
    END IF;
    PERFORM mls.lock_events();
    UPDATE mls.entity_event e SET sequence = nextval('mls.entity_event_sequence'), at = clock_timestamp(), deleted = true
     WHERE e.resource = end_events.resource AND e.sequence <= before AND NOT e.deleted;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
COMMENT ON FUNCTION mls.end_events(regrole, text, bigint) IS 'makes of events up to a number those of the end of their records, for a caller who owns the table of gold';
CREATE FUNCTION mls.end_events(resource text, before bigint) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.end_events(text, bigint) IS 'part of mls_serve_events(): the same for who calls it';

CREATE FUNCTION mls.last_event(caller regrole) RETURNS bigint
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT coalesce(max(e.sequence), 0) FROM mls.entity_event e $$;
COMMENT ON FUNCTION mls.last_event(regrole) IS 'number of the last event';
CREATE FUNCTION mls.last_event() RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.last_event() IS 'number of the last event';

CREATE FUNCTION mls_serve_events(resources text[] DEFAULT NULL, track boolean DEFAULT true, OUT resource text, OUT events bigint)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
#variable_conflict use_column
DECLARE
    wanted text[];
    gold regclass;
    on_already boolean;
    last bigint;
    event record;
BEGIN
    PERFORM mls.refuse_standby('mls_serve_events()', 'set this');
    wanted := coalesce(resources, ARRAY(SELECT DISTINCT v.resource FROM mls.audience v JOIN mls.dd_resource d USING (resource)
                                         WHERE d.unique_key AND pg_has_role(v.set_by, 'USAGE')));
    -- Parents first.  What is on already and belongs to one that comes gets its events anew, behind it.
    FOR resource, gold, on_already IN
        SELECT w.resource, w.gold, w.is_on
          FROM (SELECT d.resource, mls.gold_table(d.resource) AS gold, d.resource = ANY (wanted) AS named,
                       EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = mls.gold_table(d.resource) AND t.tgname = 'mls_events_insert') AS is_on,
                       (SELECT min(CASE p.parent WHEN '*' THEN 2 ELSE 1 END) FROM mls.dd_parent p WHERE p.resource = d.resource) AS depth
                  FROM mls.dd_resource d WHERE d.unique_key) w
         WHERE w.named OR track AND w.is_on AND EXISTS (SELECT FROM mls.dd_parent p WHERE p.resource = w.resource AND (p.parent = ANY (wanted) OR p.parent = '*'))
         ORDER BY coalesce(w.depth, 0), CASE w.resource WHEN 'Office' THEN 0 WHEN 'Member' THEN 1 ELSE 2 END, w.resource
    LOOP
        IF gold IS NULL THEN
            PERFORM mls.refuse('42P01', format('there is no gold table of resource "%s"', resource));
        ELSIF NOT pg_has_role((SELECT c.relowner FROM pg_class c WHERE c.oid = gold), 'USAGE') THEN
            PERFORM mls.refuse('42501', format('must be owner of table %s', gold));
        END IF;
        FOR event IN
            SELECT * FROM (VALUES ('insert', 'REFERENCING NEW TABLE AS mls_new'), ('update', 'REFERENCING OLD TABLE AS mls_old NEW TABLE AS mls_new'),
                                  ('delete', 'REFERENCING OLD TABLE AS mls_old'), ('truncate', '')) e (kind, tables)
        LOOP
            IF track AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = gold AND t.tgname = 'mls_events_' || event.kind) THEN
                EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION mls.log_events(%L)',
                               'mls_events_' || event.kind, event.kind, gold, event.tables, resource);
                EXECUTE format('ALTER TRIGGER %I ON %s DEPENDS ON EXTENSION mls_fdw', 'mls_events_' || event.kind, gold);
            ELSIF NOT track AND on_already THEN
                EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', 'mls_events_' || event.kind, gold);
                -- History is numbered by events.
                EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', 'mls_history_' || event.kind, gold);
            END IF;
        END LOOP;
        events := 0;
        IF track THEN
            last := mls.last_event();
            events := mls.fill_events(resource);
            events := events + mls.end_events(resource, last);
        END IF;
        RETURN NEXT;
    END LOOP;
    NOTIFY mls_serve, 'model';
END $$;
COMMENT ON FUNCTION mls_serve_events(text[], boolean)
    IS 'tell consumers of changes of these resources (all that audiences are shown, if none is named) as RESO resource EntityEvent from now on, or no longer; each record that is there gets an event at once, parents first. Returns how many';

-- By source and office, not by what a record is now: else nobody would hear that one has left
-- what he sees.  That tells keys, of what was once his.  As a policy of the table, since
-- behind conditions of a view there is no order by an index.
CREATE VIEW mls.served_licence WITH (security_barrier = true) AS
SELECT p.resource, p.licence, p.sources FROM mls.protection p WHERE p.audience = current_user::pg_catalog.regrole;
COMMENT ON VIEW mls.served_licence IS 'by which licences the reader is shown resources';
COMMENT ON COLUMN mls.served_licence.resource IS 'the resource';
COMMENT ON COLUMN mls.served_licence.licence IS 'idx, vow, broker or office';
COMMENT ON COLUMN mls.served_licence.sources IS 'sources, or NULL for those of the claims';
CREATE VIEW mls.office_event WITH (security_barrier = true) AS
SELECT e.resource, e.key FROM mls.entity_event e WHERE e.offices && (SELECT mls.claim('offices'));
COMMENT ON VIEW mls.office_event IS 'records that have been of an office that the reader claims';
COMMENT ON COLUMN mls.office_event.resource IS 'the resource';
COMMENT ON COLUMN mls.office_event.key IS 'key of the record';
GRANT SELECT ON mls.served_licence, mls.office_event TO PUBLIC;

CREATE POLICY audience ON mls.entity_event FOR SELECT
    USING ((SELECT entity_event.sources && coalesce(p.sources, (SELECT mls.claim('sources')))
                   AND (p.licence <> 'office' OR offices && (SELECT mls.claim('offices'))
                        OR parent_key IS NOT NULL AND NOT EXISTS (SELECT FROM mls.dd_office_field o WHERE o.resource = entity_event.resource)
                           AND EXISTS (SELECT FROM mls.office_event q WHERE q.resource = parent_resource AND q.key = parent_key))
              FROM mls.served_licence p WHERE p.resource = entity_event.resource));
GRANT SELECT (sequence, resource, key) ON mls.entity_event TO PUBLIC;
CREATE VIEW mls."EntityEvent" WITH (security_invoker = true) AS
SELECT e.sequence AS "EntityEventSequence", e.resource AS "ResourceName", e.key AS "ResourceRecordKey" FROM mls.entity_event e;
COMMENT ON VIEW mls."EntityEvent" IS 'RESO resource EntityEvent, for the audience who asks: records of its sources and offices that changed, by licences of mls_protect()';
COMMENT ON COLUMN mls."EntityEvent"."EntityEventSequence" IS 'grows in the order of commits';
COMMENT ON COLUMN mls."EntityEvent"."ResourceName" IS 'resource of the record';
COMMENT ON COLUMN mls."EntityEvent"."ResourceRecordKey" IS 'its key';
GRANT SELECT ON mls."EntityEvent" TO PUBLIC;

REVOKE ALL ON FUNCTION mls.lock_events(), mls.note_events(regrole, text, boolean, text[], text[], text[], text[], text[], text[]), mls.note_events(text, boolean, text[], text[], text[], text[], text[], text[]),
    mls.event_fields(text), mls.log_events(), mls.fill_events(text), mls.end_events(regrole, text, bigint), mls.end_events(text, bigint), mls.last_event(regrole), mls.last_event(),
    mls_serve_events(text[], boolean) FROM PUBLIC;
