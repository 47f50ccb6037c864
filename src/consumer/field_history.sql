-- HistoryTransactional: what fields of records were before, for those who are served.
--
-- A table of gold like others, which triggers on the tables beside it fill: audiences and
-- licences are set for it by the same functions, and what belongs to a hidden listing is
-- hidden.  It is not made of mls.change: that is by the keys of sources, of one role each,
-- and forgets after a month.

CREATE FUNCTION mls.log_history() RETURNS trigger
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_log_history';
COMMENT ON FUNCTION mls.log_history() IS 'trigger on tables of gold: writes HistoryTransactional for the resource it is given, into the history_transactional beside the table';

-- The table in the schema of a table of gold, made or completed if need be.
CREATE FUNCTION mls.prepare_history(gold regclass) RETURNS regclass
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    place regnamespace := (SELECT c.relnamespace FROM pg_class c WHERE c.oid = gold);
    owner regrole := (SELECT c.relowner FROM pg_class c WHERE c.oid = gold);
    reso name := current_setting('mls_fdw.reso_schema', true);
    history regclass := to_regclass(format('%s.history_transactional', place));
    made boolean := history IS NULL;
    field record;
BEGIN
    IF made THEN
        EXECUTE format('CREATE TABLE %s.history_transactional ("HistoryTransactionalKey" text PRIMARY KEY, mls_source text NOT NULL, mls_origin text NOT NULL, '
                       'mls_source_key text NOT NULL, mls_updated_at timestamptz NOT NULL DEFAULT pg_catalog.now())', place);
        history := to_regclass(format('%s.history_transactional', place));
        EXECUTE format('COMMENT ON TABLE %s IS ''RESO resource HistoryTransactional, of all sources''', history);
        IF owner <> current_user::regrole THEN
            EXECUTE format('ALTER TABLE %s OWNER TO %s', history, owner);
        END IF;
    ELSIF (SELECT c.relowner FROM pg_class c WHERE c.oid = history) <> owner::oid OR NOT EXISTS (SELECT FROM mls.gold_relation g WHERE g.gold = history) THEN
        PERFORM mls.refuse('42P07', format('relation %s exists and is not a gold table of role "%s"', history, owner::text));
    END IF;
    FOR field IN
        SELECT f.name, f.type, f.comment FROM (VALUES
            ('mls_offices', 'text[]', 'offices that the record was of, before and after; NULL where records are of none'),
            ('ResourceName', 'text', 'resource of the record'), ('ResourceRecordKey', 'text', 'its key'),
            ('FieldName', 'text', 'field that changed'), ('FieldKey', 'text', 'key of the field in the resource Field'),
            ('PreviousValue', 'text', 'what it was, 8,000 characters at most; lists with commas'), ('NewValue', 'text', 'what it became'),
            ('ModificationTimestamp', 'timestamptz', 'when it was written'),
            ('EntityEventSequence', 'bigint', 'number of the event of the change'),
            ('ChangeType', 'text', 'what that means for a listing, where StandardStatus and ListPrice say it'),
            ('ChangedByMemberID', 'text', 'who changed it; sources do not say'), ('ChangedByMemberKey', 'text', 'key of who changed it; sources do not say')) f (name, type, comment)
         WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = history AND a.attname = f.name AND NOT a.attisdropped)
    LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', history, field.name, field.type);
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', history, field.name, field.comment);
    END LOOP;
    FOR field IN
        SELECT a.attname FROM pg_attribute a
         WHERE a.attrelid = history AND a.attname IN ('ResourceRecordKey', 'ModificationTimestamp', 'EntityEventSequence')
           AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = history AND i.indkey[0] = a.attnum AND i.indisvalid) ORDER BY a.attnum
    LOOP
        EXECUTE format('CREATE INDEX ON %s (%I)', history, field.attname);
    END LOOP;
    IF made AND to_regnamespace(quote_ident(reso)) IS NOT NULL AND has_schema_privilege(quote_ident(reso), 'CREATE')
       AND to_regclass(format('%I."HistoryTransactional"', reso)) IS NULL THEN
        EXECUTE format('CREATE VIEW %I."HistoryTransactional" WITH (security_invoker = true) AS SELECT %s FROM %s', reso,
            (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
              WHERE a.attrelid = history AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT LIKE 'mls\_%'), history);
        EXECUTE format('COMMENT ON VIEW %I."HistoryTransactional" IS ''RESO resource HistoryTransactional''', reso);
        NOTIFY pgrst, 'reload schema';
    END IF;
    RETURN history;
END $$;
COMMENT ON FUNCTION mls.prepare_history(regclass) IS 'part of mls_serve_history(): the table of the history beside a table of gold, made or completed if need be';

CREATE FUNCTION mls_serve_history(resources text[] DEFAULT '{Property}', track boolean DEFAULT true, OUT resource text, OUT rows bigint)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
#variable_conflict use_column
DECLARE
    gold regclass;
    owner regrole;
    history regclass;
    event record;
BEGIN
    PERFORM mls.refuse_standby('mls_serve_history()', 'set this');
    FOR resource IN SELECT DISTINCT u FROM unnest(resources) u ORDER BY u
    LOOP
        IF resource = 'HistoryTransactional' OR NOT EXISTS (SELECT FROM mls.dd_resource d WHERE d.resource = mls_serve_history.resource AND d.unique_key) THEN
            PERFORM mls.refuse('22023', format('there is no history of resource "%s"', resource), 'It is kept of resources of the Data Dictionary whose records have a key.');
        END IF;
        gold := mls.gold_table(resource);
        owner := (SELECT c.relowner FROM pg_class c WHERE c.oid = gold);
        IF gold IS NULL THEN
            PERFORM mls.refuse('42P01', format('there is no gold table of resource "%s"', resource));
        ELSIF NOT pg_has_role(owner, 'USAGE') THEN
            PERFORM mls.refuse('42501', format('must be owner of table %s', gold));
        END IF;
        IF track AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = gold AND t.tgname = 'mls_events_update') THEN
            PERFORM @extschema@.mls_serve_events(ARRAY[resource]);
        END IF;
        -- Behind the triggers of events, by their names.  Listings come and go; of others that is no history.
        FOR event IN
            SELECT * FROM (VALUES ('insert', 'NEW TABLE AS mls_new'), ('update', 'OLD TABLE AS mls_old NEW TABLE AS mls_new'), ('delete', 'OLD TABLE AS mls_old')) e (kind, tables)
        LOOP
            EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', 'mls_history_' || event.kind, gold);
            IF track AND (event.kind = 'update' OR resource = 'Property') THEN
                history := mls.prepare_history(gold);
                EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s REFERENCING %s FOR EACH STATEMENT EXECUTE FUNCTION mls.log_history(%L)',
                               'mls_history_' || event.kind, event.kind, gold, event.tables, resource);
                EXECUTE format('ALTER TRIGGER %I ON %s DEPENDS ON EXTENSION mls_fdw', 'mls_history_' || event.kind, gold);
            END IF;
        END LOOP;
        history := to_regclass(format('%s.history_transactional', (SELECT c.relnamespace::regnamespace FROM pg_class c WHERE c.oid = gold)));
        rows := 0;
        IF history IS NOT NULL AND pg_has_role((SELECT c.relowner FROM pg_class c WHERE c.oid = history), 'USAGE') THEN
            rows := (SELECT n::bigint FROM mls.as_role((SELECT c.relowner FROM pg_class c WHERE c.oid = history)::regrole,
                                                       format('SELECT pg_catalog.to_jsonb(pg_catalog.count(*)) FROM %s WHERE "ResourceName" = $1', history), resource) n);
        END IF;
        RETURN NEXT;
    END LOOP;
    NOTIFY mls_serve, 'model';
END $$;
COMMENT ON FUNCTION mls_serve_history(text[], boolean)
    IS 'keep what fields of these resources were before, as RESO resource HistoryTransactional in gold, from now on, or no longer; switches their events on. Returns how many rows there are of each. Audiences are shown it by mls_protect() or mls_audience(), fields that they may read only';

REVOKE ALL ON FUNCTION mls.log_history(), mls.prepare_history(regclass), mls_serve_history(text[], boolean) FROM PUBLIC;
