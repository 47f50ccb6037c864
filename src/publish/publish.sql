-- What is kept in step where: mls_publish() and its like.

-- ---- What a view is made of ----

-- Relations below a view, itself included.
CREATE FUNCTION mls.relations_below(view regclass) RETURNS SETOF regclass
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH RECURSIVE below (relation) AS (
    SELECT view::oid
    UNION
    SELECT d.refobjid FROM below b
      JOIN pg_rewrite w ON w.ev_class = b.relation
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> b.relation)
SELECT relation::regclass FROM below
$$;
COMMENT ON FUNCTION mls.relations_below(regclass) IS 'the relations that a view reads, those of its views included, and itself';

CREATE FUNCTION mls.require_trusted(view regclass) RETURNS void
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_require_trusted_sql';
COMMENT ON FUNCTION mls.require_trusted(regclass) IS 'an error if code of a role whom the caller does not trust stands around the relations that a view reads';

-- Resources of gold that a view reads, with what is known of each.
CREATE FUNCTION mls.resources_below(view regclass, OUT resource text, OUT gold regclass, OUT key_field text, OUT is_followed boolean, OUT noted boolean)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT d.resource, b.relation, d.key_field, d.unique_key, EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = b.relation AND t.tgname = 'mls_events_insert')
  FROM mls.relations_below(view) b (relation)
  JOIN mls.dd_resource d ON mls.gold_table(d.resource) = b.relation
$$;
COMMENT ON FUNCTION mls.resources_below(regclass) IS 'resources of gold that a view reads: their table, their key, whether events can be noted of them and whether they are';

-- A table that was made anew, or events that somebody has switched off.
CREATE FUNCTION mls.unnoted(publication bigint) RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT DISTINCT r.resource FROM mls.publication_resource r
 WHERE r.publication = unnoted.publication
   AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = mls.gold_table(r.resource) AND t.tgname = 'mls_events_insert')
$$;
COMMENT ON FUNCTION mls.unnoted(bigint) IS 'resources of a publication whose events nobody notes any more';

-- How changes of the resources that a view reads lead to its rows: by what they are, by what they
-- belong to, or by fields that have their key.
CREATE FUNCTION mls.ways_to_rows(view regclass, key text, main text, depends jsonb, OUT resource text, OUT how text, OUT relation regclass, OUT key_column text, OUT field text)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    below record;
    gold regclass := mls.gold_table(main);
    gold_key text := (SELECT d.key_field FROM mls.dd_resource d WHERE d.resource = main);
    named text[];
    in_view boolean;
    n integer;
BEGIN
    FOR below IN SELECT * FROM mls.resources_below(view) r WHERE r.is_followed ORDER BY r.resource LOOP
        resource := below.resource;
        field := '';
        relation := NULL;
        key_column := NULL;
        IF resource = main THEN
            how := 'key';
            RETURN NEXT;
            CONTINUE;
        ELSIF NOT coalesce(depends ? resource, false)
              AND EXISTS (SELECT FROM mls.dd_parent p WHERE p.resource = below.resource AND p.parent IN (main, '*')) THEN
            how := 'parent';
            RETURN NEXT;
            CONTINUE;
        END IF;
        how := 'field';
        named := CASE jsonb_typeof(depends -> resource) WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(depends -> resource))
                                                        WHEN 'string' THEN ARRAY[depends ->> resource]
                      ELSE ARRAY(SELECT f.field FROM mls.dd_field f WHERE f.resource = main AND f.target_resource = below.resource AND NOT f.is_expansion ORDER BY 1) END;
        n := 0;
        FOREACH field IN ARRAY named LOOP
            -- By gold rather than by the view: the change may be why a row is not in the view any more.
            in_view := EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = view AND a.attname = field AND NOT a.attisdropped);
            IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = gold AND a.attname = field AND NOT a.attisdropped)
               AND (NOT in_view OR has_column_privilege(gold, field, 'SELECT') AND has_column_privilege(gold, gold_key, 'SELECT')) THEN
                relation := gold;
                key_column := gold_key;
            ELSIF in_view THEN
                relation := view;
                key_column := key;
            ELSIF depends ? resource THEN
                PERFORM mls.refuse('42703', format('neither view %s nor the gold table of resource "%s" has a column "%s"', view, main, field));
            ELSE
                CONTINUE;
            END IF;
            IF NOT has_column_privilege(relation, field, 'SELECT') OR NOT has_column_privilege(relation, key_column, 'SELECT') THEN
                PERFORM mls.refuse('42501', format('permission denied for column "%s" of %s', field, relation),
                                   detail => format('By it changes of resource "%s" lead to rows of the view.', resource));
            END IF;
            n := n + 1;
            RETURN NEXT;
        END LOOP;
        IF n = 0 THEN
            PERFORM mls.refuse('22023', format('it is not known which rows of %s hold a record of resource "%s"', view, resource),
                               format('Name the columns that have its key: depends => ''{"%s": ["..."]}''.', resource),
                               'Otherwise nobody would hear there when such a record changes.');
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.ways_to_rows(regclass, text, text, jsonb)
    IS 'part of mls_publish(): how changes of the resources that a view reads lead to its rows; depends names fields for some of them';

CREATE FUNCTION mls.shows_key(view regclass, key text, gold regclass, field text) RETURNS boolean
    LANGUAGE c STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_shows_key_sql';
COMMENT ON FUNCTION mls.shows_key(regclass, text, regclass, text) IS 'whether a column of a view is a field of a table below it, as it is';

-- ---- Writing it down ----

CREATE FUNCTION mls.note_publication(caller regrole, action text, destination text, name text, settings jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.publication;
    last bigint;
    made bigint;
BEGIN
    SELECT * INTO known FROM mls.publication p WHERE p.destination = note_publication.destination AND p.name = note_publication.name FOR UPDATE;
    IF action = 'add' THEN
        IF known.id IS NOT NULL THEN
            PERFORM mls.refuse('42710', format('something is published at "%s" as "%s" already', destination, name), 'mls_unpublish() ends that; or choose another name.');
        END IF;
        INSERT INTO mls.publication (owner, destination, name, view, key, resource, condition, fields, types, depends, batch, take_over)
        VALUES (caller, destination, name, (settings ->> 'view')::oid::regclass, settings ->> 'key', settings ->> 'resource', settings ->> 'condition',
                coalesce(settings -> 'fields', '{}'), coalesce(settings -> 'types', '{}'), nullif(settings -> 'depends', 'null'), (settings ->> 'batch')::integer, (settings ->> 'take_over')::boolean)
        RETURNING id INTO made;
        INSERT INTO mls.publication_resource (publication, resource, how, relation, key_column, field)
        SELECT made, w ->> 'resource', w ->> 'how', (w ->> 'relation')::oid::regclass, w ->> 'key_column', w ->> 'field'
          FROM jsonb_array_elements(settings -> 'ways') w;
        RETURN made;
    END IF;
    IF known.id IS NULL OR NOT pg_has_role(caller, known.owner, 'USAGE') THEN
        PERFORM mls.refuse('42704', format('nothing of yours is published at "%s" as "%s"', destination, name), 'mls_publications lists what is.');
    END IF;
    CASE action
    WHEN 'follow' THEN
        DELETE FROM mls.publication_resource r WHERE r.publication = known.id;
        INSERT INTO mls.publication_resource (publication, resource, how, relation, key_column, field)
        SELECT known.id, w ->> 'resource', w ->> 'how', (w ->> 'relation')::oid::regclass, w ->> 'key_column', w ->> 'field'
          FROM jsonb_array_elements(settings -> 'ways') w;
    WHEN 'remove' THEN
        DELETE FROM mls.publication p WHERE p.id = known.id;
    WHEN 'pause' THEN
        UPDATE mls.publication p SET paused = (settings ->> 'paused')::boolean, next_attempt_at = NULL WHERE p.id = known.id;
    WHEN 'resend' THEN
        last := (SELECT coalesce(max(e.sequence), 0) FROM mls.entity_event e);
        IF (settings ->> 'since')::bigint NOT BETWEEN 0 AND last THEN
            PERFORM mls.refuse('22023', format('there is no event %s', settings ->> 'since'), format('The last one is %s; 0 sends all.', last));
        END IF;
        -- Who says so here wants it sent from here.
        UPDATE mls.publication p SET resend_from = coalesce((settings ->> 'since')::bigint, p.resend_from), next_attempt_at = NULL, home = mls.this_database() WHERE p.id = known.id;
        UPDATE mls.dead_letter d SET again = true WHERE d.publication = known.id;
    END CASE;
    RETURN known.id;
END $$;
COMMENT ON FUNCTION mls.note_publication(regrole, text, text, text, jsonb) IS 'adds, removes or pauses a publication, has it send again or follow other resources, for a caller who may';
CREATE FUNCTION mls.note_publication(action text, destination text, name text, settings jsonb) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_publication(text, text, text, jsonb) IS 'part of mls_publish() and its like: the same for who calls it';

CREATE FUNCTION mls.find_publications(wanted_destination text, wanted_name text, OUT id bigint)
    RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    n integer := 0;
BEGIN
    FOR id IN
        SELECT p.id FROM mls.publication p
         WHERE pg_has_role(p.owner, 'USAGE') AND (wanted_destination IS NULL OR p.destination = wanted_destination) AND (wanted_name IS NULL OR p.name = wanted_name)
         ORDER BY p.destination COLLATE "C", p.id
    LOOP
        n := n + 1;
        RETURN NEXT;
    END LOOP;
    IF n = 0 AND num_nonnulls(wanted_destination, wanted_name) > 0 THEN
        PERFORM mls.refuse('42704', 'there is no such publication: ' || concat_ws(' at ', '"' || wanted_name || '"', '"' || wanted_destination || '"'),
                           coalesce('Published: ' || (SELECT string_agg(format('"%s" at "%s"', p.name, p.destination), ', ' ORDER BY p.destination, p.name)
                                                        FROM mls.publication p WHERE pg_has_role(p.owner, 'USAGE')) || '.', 'Call mls_publish() first.'));
    END IF;
END $$;
COMMENT ON FUNCTION mls.find_publications(text, text) IS 'publications of a destination, a name or all; an error that helps if one is named and there is none';

-- Which changes lead to which rows; and that they are noted.
CREATE FUNCTION mls.follow_view(view regclass, key text, main text, depends jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    gold regclass := mls.gold_table(main);
    gold_key text := (SELECT d.key_field FROM mls.dd_resource d WHERE d.resource = main);
    meant text;
    ways jsonb;
BEGIN
    IF NOT mls.shows_key(view, key, gold, gold_key) THEN
        meant := (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = view AND a.attnum > 0 AND NOT a.attisdropped AND mls.shows_key(view, a.attname, gold, gold_key) ORDER BY a.attnum LIMIT 1);
        PERFORM mls.refuse('22023', format('column "%s" of %s does not have the keys of resource "%s"', key, view, main),
                           coalesce('Perhaps you meant "' || meant || '".', format('The view has to show "%s" of %s, as it is.', gold_key, gold)),
                           'Nobody would know which of its rows a change is of.');
    END IF;
    ways := (SELECT jsonb_agg(jsonb_build_object('resource', w.resource, 'how', w.how, 'relation', w.relation::oid, 'key_column', w.key_column, 'field', w.field))
               FROM mls.ways_to_rows(view, key, main, depends) w);
    IF EXISTS (SELECT FROM mls.resources_below(view) r WHERE r.is_followed AND NOT r.noted) THEN
        PERFORM @extschema@.mls_serve_events(ARRAY(SELECT r.resource FROM mls.resources_below(view) r WHERE r.is_followed AND NOT r.noted));
    END IF;
    RETURN ways;
END $$;
COMMENT ON FUNCTION mls.follow_view(regclass, text, text, jsonb)
    IS 'part of mls_publish(): how changes of the resources that a view reads lead to its rows; has events of them noted. An error if that cannot be';

CREATE FUNCTION mls.follow_anew(publication bigint) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT mls.note_publication('follow', p.destination, p.name, jsonb_build_object('ways', mls.follow_view(p.view, p.key, p.resource, p.depends)))
  FROM mls.publication p WHERE p.id = follow_anew.publication
$$;
COMMENT ON FUNCTION mls.follow_anew(bigint) IS 'part of mls_publish_sync(): the same for a publication whose view has changed';

-- ---- What is called ----

CREATE FUNCTION mls_publish(
    view regclass,
    destination text,
    name text DEFAULT NULL,
    key text DEFAULT NULL,
    condition text DEFAULT NULL,
    resource text DEFAULT NULL,
    depends jsonb DEFAULT NULL,
    fields jsonb DEFAULT NULL,
    types jsonb DEFAULT NULL,
    batch integer DEFAULT 500,
    take_over boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = notice
    AS $$
#variable_conflict use_variable
DECLARE
    kind "char" := (SELECT c.relkind FROM pg_class c WHERE c.oid = view);
    columns text[] := ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = view AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum);
    protocol text := (SELECT o.option_value FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw, pg_options_to_table(s.srvoptions) o
                       WHERE s.srvname = destination AND w.fdwname = 'mls_fdw' AND o.option_name = 'protocol');
    main text;
    bad text;
    ways jsonb;
BEGIN
    PERFORM mls.refuse_standby('mls_publish()', 'publish');
    IF view IS NULL OR destination IS NULL THEN
        PERFORM mls.refuse('22023', 'say which view is published, and at which destination');
    ELSIF protocol IS NULL OR protocol NOT IN ('mysql', 'postgres', 'elasticsearch', 'opensearch', 'typesense', 'meilisearch', 'solr', 'receiver', 'file') THEN
        PERFORM mls.refuse('42704', format('there is no destination "%s"', destination),
                           'A destination is a server: CREATE SERVER shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol ''mysql'', url ''mysql://host/database'').',
                           CASE WHEN protocol IS NOT NULL THEN format('The protocol of that server is "%s".', protocol) END);
    ELSIF NOT has_server_privilege(destination, 'USAGE') THEN
        PERFORM mls.refuse('42501', format('permission denied for foreign server %s', destination));
    ELSIF kind NOT IN ('v', 'r', 'p') THEN
        PERFORM mls.refuse('42809', format('%s is neither a view nor a table', view), detail => 'Nobody notes when something else changes.');
    ELSIF NOT has_table_privilege(view, 'SELECT') THEN
        PERFORM mls.refuse('42501', format('permission denied for %s', view));
    ELSIF batch NOT BETWEEN 1 AND 10000 THEN
        PERFORM mls.refuse('22023', 'a batch has 1 to 10,000 rows');
    END IF;
    PERFORM mls.require_trusted(view);
    name := coalesce(name, (SELECT c.relname FROM pg_class c WHERE c.oid = view));
    IF name !~ '^[^[:cntrl:]/\\.`"]{1,64}$' THEN
        PERFORM mls.refuse('42602', format('"%s" is no name of a table there', name), detail => 'It has 1 to 64 characters, and none of / \ . ` and ".');
    END IF;
    bad := (SELECT n FROM (SELECT name UNION ALL SELECT f.value FROM jsonb_each_text(fields) f) x (n) WHERE protocol = 'postgres' AND octet_length(n) > 63 LIMIT 1);
    IF bad IS NOT NULL THEN
        PERFORM mls.refuse('42622', format('"%s" is too long a name for PostgreSQL', bad), detail => 'It has 63 bytes at most.');
    END IF;
    IF lower(name) IN ('mls_position', 'mls_check_probe') THEN
        PERFORM mls.refuse('42602', format('a table "%s" there is our own', name), 'Choose another name.');
    END IF;
    -- Whose records the rows are: the first column that is a key of a resource which the view reads.
    main := (SELECT r.resource FROM mls.resources_below(view) r
              WHERE r.is_followed AND r.resource = coalesce(mls_publish.resource, r.resource)
                AND (mls_publish.resource IS NOT NULL OR r.key_field = coalesce(mls_publish.key, r.key_field) AND r.key_field = ANY (columns))
              ORDER BY array_position(columns, r.key_field) LIMIT 1);
    IF main IS NULL THEN
        PERFORM mls.refuse('22023', format('it is not known whose records the rows of %s are', view),
                           'Name resource and key: resource => ''Property'', key => ''...''.',
                           coalesce('It reads: ' || (SELECT string_agg(r.resource, ', ' ORDER BY r.resource) FROM mls.resources_below(view) r) || '.', 'It reads no table of gold.'));
    END IF;
    key := coalesce(key, (SELECT d.key_field FROM mls.dd_resource d WHERE d.resource = main));
    IF key <> ALL (columns) THEN
        PERFORM mls.refuse('42703', format('%s has no column "%s"', view, key), coalesce('Perhaps you meant "' || mls.nearest(key, columns) || '".', 'key => ''...'' names the column with keys of records.'));
    END IF;
    bad := (SELECT f FROM jsonb_object_keys(coalesce(fields, '{}')) f WHERE f <> ALL (columns) LIMIT 1);
    IF bad IS NOT NULL THEN
        PERFORM mls.refuse('42703', format('%s has no column "%s"', view, bad), 'Perhaps you meant "' || mls.nearest(bad, columns) || '".');
    END IF;
    bad := (SELECT f.value FROM jsonb_each_text(fields) f WHERE f.value IS NULL OR f.value !~ '^[^[:cntrl:]`".]{1,64}$' LIMIT 1);
    IF FOUND AND bad IS NOT NULL THEN
        PERFORM mls.refuse('42602', format('"%s" is no name of a column there', bad));
    END IF;
    bad := (SELECT t.value FROM jsonb_each_text(types) t WHERE t.value !~* '^[a-z][a-z0-9_]*(\[\])?( (unsigned|precision|varying))?( ?\(\d{1,5}(, ?\d{1,2})?\))?( unsigned)?$' LIMIT 1);
    IF bad IS NOT NULL THEN
        PERFORM mls.refuse('22023', format('"%s" is no type of a column there', bad), 'For example: decimal(12,2), datetime(3), varchar(100).');
    END IF;
    IF condition IS NOT NULL THEN
        BEGIN
            PERFORM a FROM mls.as_role(current_user::regrole, format('SELECT pg_catalog.to_jsonb(1) FROM %s v WHERE (%s%s) LIMIT 0', view, condition, E'\n')) a;
        EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported THEN
            PERFORM mls.refuse(SQLSTATE, 'the condition cannot be used: ' || SQLERRM, 'It is SQL over the columns of the view, as in WHERE: "ListPrice" > 100000.');
        END;
    END IF;
    ways := mls.follow_view(view, key, main, depends);
    FOR bad IN
        SELECT b.relation::text FROM mls.relations_below(view) b (relation) JOIN pg_class c ON c.oid = b.relation
         WHERE c.relkind NOT IN ('v') AND c.relnamespace::regnamespace::text NOT IN ('mls', 'pg_catalog')
           AND NOT EXISTS (SELECT FROM mls.resources_below(view) r WHERE r.gold = b.relation AND r.is_followed)
    LOOP
        RAISE NOTICE 'changes of % are not followed', bad USING DETAIL = 'It is no table of gold whose events can be noted.', HINT = format('After such a change: SELECT mls_publish_resend(%L, %L, 0).', destination, name);
    END LOOP;
    RETURN mls.note_publication('add', destination, name, jsonb_build_object('view', view::oid, 'key', key, 'resource', main, 'condition', condition,
        'fields', coalesce(fields, '{}'), 'types', coalesce(types, '{}'), 'depends', depends, 'batch', batch, 'take_over', coalesce(take_over, false), 'ways', ways));
END $$;
COMMENT ON FUNCTION mls_publish(regclass, text, text, text, text, text, jsonb, jsonb, jsonb, integer, boolean)
    IS 'keep a view (or table) of gold in step at a destination, in a table of a name (its own, by default): the column with keys of records and whose resource they are, as a rule known; a condition for rows that are there; depends says for a resource which columns have its key, fields other names of columns there, types other types (by column or type), batch the rows of a transaction; take_over continues a table that another publication has made. Returns its number; the first mls_publish_sync() loads it';

CREATE FUNCTION mls.tell_unpublished(publication bigint, drop_table boolean) RETURNS text
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_tell_unpublished';
COMMENT ON FUNCTION mls.tell_unpublished(bigint, boolean) IS 'part of mls_unpublish(): has the destination forget the position, and its table; why it could not be told, or NULL';

CREATE FUNCTION mls_unpublish(destination text, name text, drop_table boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found bigint;
    why text;
BEGIN
    PERFORM mls.refuse_standby('mls_unpublish()', 'unpublish');
    IF destination IS NULL OR name IS NULL THEN
        PERFORM mls.refuse('22023', 'say what is not published any more: destination and name');
    END IF;
    SELECT f INTO found FROM mls.find_publications(destination, name) f;
    why := mls.tell_unpublished(found, coalesce(drop_table, false));
    IF why IS NOT NULL THEN
        RAISE WARNING 'destination "%" was not told: %', destination, why USING HINT = 'Its table stays as it is; who publishes to it again says take_over => true.';
    END IF;
    PERFORM mls.note_publication('remove', destination, name, NULL);
END $$;
COMMENT ON FUNCTION mls_unpublish(text, text, boolean) IS 'keep a table of a destination in step no more; it stays there unless drop_table. A destination that does not answer is a warning';

CREATE FUNCTION mls_publish_sync(
    destination text DEFAULT NULL,
    name text DEFAULT NULL,
    due boolean DEFAULT NULL,
    OUT destination text,
    OUT name text,
    OUT status text,
    OUT written bigint,
    OUT deleted bigint,
    OUT refused bigint,
    OUT statements bigint,
    OUT duration interval,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_publish_sync';
COMMENT ON FUNCTION mls_publish_sync(text, text, boolean)
    IS 'bring publications up to date, all or those of a destination or a name, in background workers: loads what is new and then follows events; due leaves those alone whose next attempt lies ahead (by default when no destination is named)';

CREATE FUNCTION mls_publish_resend(destination text, name text, since bigint DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_publish_resend()', 'resend');
    PERFORM mls.note_publication('resend', destination, name, jsonb_build_object('since', since));
END $$;
COMMENT ON FUNCTION mls_publish_resend(text, text, bigint)
    IS 'have the next run try dead letters again, and send what changed behind the number of an event once more; 0 loads everything anew, and removes what should not be there. In a copy of the database: from now on it is this one that publishes';

CREATE FUNCTION mls_publish_pause(destination text, name text, pause boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_publish_pause()', 'set this');
    PERFORM mls.note_publication('pause', destination, name, jsonb_build_object('paused', coalesce(pause, true)));
END $$;
COMMENT ON FUNCTION mls_publish_pause(text, text, boolean) IS 'send nothing of a publication until it is called with false; what changes meanwhile comes then';

CREATE FUNCTION mls_publish_verify(destination text, name text, repair boolean DEFAULT false, OUT finding text, OUT records bigint, OUT keys text[])
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_publish_verify';
COMMENT ON FUNCTION mls_publish_verify(text, text, boolean)
    IS 'compares a view with its table at a destination, by ranges of keys and hashes of rows: how many are the same, different, missing there, extra there, or refused (dead letters), with the first keys of each; repair puts them right';

-- ---- What became of it ----

CREATE VIEW mls_publications WITH (security_invoker = true) AS
SELECT p.destination, p.name, p.view, p.resource,
       CASE WHEN p.paused THEN 'paused' WHEN p.rebuild THEN 'rebuild' WHEN p.error IS NOT NULL THEN 'failing'
            WHEN p.position IS NULL THEN 'new' WHEN p.loading OR p.resend_from = 0 THEN 'loading' WHEN o.at IS NOT NULL THEN 'behind' ELSE 'up to date' END AS state,
       p.position,
       pg_catalog.now() - o.at AS lag,
       (SELECT pg_catalog.count(*) FROM mls.dead_letter d WHERE d.publication = p.id) AS refused,
       p.loaded_at, p.succeeded_at, p.failures,
       CASE WHEN p.next_attempt_at > pg_catalog.now() THEN p.next_attempt_at END AS next_attempt_at,
       p.error
  FROM mls.publication p
 CROSS JOIN LATERAL mls.oldest_unsent(p.id) AS o (at);
COMMENT ON VIEW mls_publications IS 'what is kept in step where, and how that is doing';
COMMENT ON COLUMN mls_publications.destination IS 'foreign server';
COMMENT ON COLUMN mls_publications.name IS 'the table there';
COMMENT ON COLUMN mls_publications.view IS 'the view, or table, here';
COMMENT ON COLUMN mls_publications.resource IS 'whose records its rows are';
COMMENT ON COLUMN mls_publications.state IS 'new (no run yet), loading, up to date, behind, failing (tried again), rebuild (mls_publish_resend(..., 0) has it loaded anew) or paused';
COMMENT ON COLUMN mls_publications.position IS 'number of the event up to which it is there';
COMMENT ON COLUMN mls_publications.lag IS 'how long ago the first change was that is not there; NULL if all is';
COMMENT ON COLUMN mls_publications.refused IS 'records that the destination does not take; see mls_dead_letters';
COMMENT ON COLUMN mls_publications.loaded_at IS 'when the last load was over';
COMMENT ON COLUMN mls_publications.succeeded_at IS 'when the last run ended well';
COMMENT ON COLUMN mls_publications.failures IS 'runs that failed since';
COMMENT ON COLUMN mls_publications.next_attempt_at IS 'when it is tried again by calls that name no destination';
COMMENT ON COLUMN mls_publications.error IS 'why the last run failed';

CREATE VIEW mls_dead_letters WITH (security_invoker = true) AS
SELECT p.destination, p.name, d.key, d.reason, d.first_at, d.last_at, d.times
  FROM mls.dead_letter d JOIN mls.publication p ON p.id = d.publication;
COMMENT ON VIEW mls_dead_letters IS 'records that destinations refuse: they are tried again when they change, and by mls_publish_resend()';
COMMENT ON COLUMN mls_dead_letters.destination IS 'foreign server';
COMMENT ON COLUMN mls_dead_letters.name IS 'the table there';
COMMENT ON COLUMN mls_dead_letters.key IS 'key of the record';
COMMENT ON COLUMN mls_dead_letters.reason IS 'why, in the words of the destination';
COMMENT ON COLUMN mls_dead_letters.first_at IS 'when it was refused first';
COMMENT ON COLUMN mls_dead_letters.last_at IS 'when it was refused last';
COMMENT ON COLUMN mls_dead_letters.times IS 'how often';

REVOKE ALL ON FUNCTION mls.relations_below(regclass), mls.require_trusted(regclass), mls.resources_below(regclass), mls.unnoted(bigint), mls.ways_to_rows(regclass, text, text, jsonb),
    mls.shows_key(regclass, text, regclass, text), mls.follow_view(regclass, text, text, jsonb), mls.follow_anew(bigint), mls.note_publication(regrole, text, text, text, jsonb), mls.note_publication(text, text, text, jsonb), mls.find_publications(text, text),
    mls_publish(regclass, text, text, text, text, text, jsonb, jsonb, jsonb, integer, boolean), mls.tell_unpublished(bigint, boolean), mls_unpublish(text, text, boolean),
    mls_publish_sync(text, text, boolean), mls_publish_resend(text, text, bigint), mls_publish_pause(text, text, boolean), mls_publish_verify(text, text, boolean) FROM PUBLIC;
GRANT SELECT ON mls_publications, mls_dead_letters TO pg_monitor;
