-- The whole configuration as SQL, to be kept under version control and to be run elsewhere.
--
-- What is printed is in the order in which things need each other, the same each time, and can be
-- run again: it makes things as they were printed.  Names, never numbers; own rules, not those that
-- come along; no secret and no state.

CREATE TABLE mls.export_part (
    relation text PRIMARY KEY,
    part     text,
    why      text NOT NULL
);
COMMENT ON TABLE mls.export_part IS 'which table of configuration mls_export() prints, and why it does not print the others';
COMMENT ON COLUMN mls.export_part.relation IS 'table of the schema mls';
COMMENT ON COLUMN mls.export_part.part IS 'part of the export; NULL: none';
COMMENT ON COLUMN mls.export_part.why IS 'how it is printed, or why it is not';
REVOKE ALL ON mls.export_part FROM PUBLIC;
INSERT INTO mls.export_part VALUES
  ('row_map', 'rules', 'rows that are your own'), ('join_map', 'rules', 'rows that are your own'), ('field_map', 'rules', 'rows that are your own'), ('value_map', 'rules', 'rows that are your own'),
  ('setting_map', 'rules', 'rows that are your own'), ('clean_map', 'rules', 'rows that are your own'), ('arrival_map', 'rules', 'rows that are your own'), ('dd_navigation', 'rules', 'rows that are your own'), ('geocoder', 'rules', 'rows that are your own'),
  ('cadence', 'rules', 'rows that are your own'),
  ('subscription', 'subscriptions', 'mls_subscribe(), mls_track()'), ('media_rule', 'media', 'mls_media_store()'), ('media_place', 'media', 'mls_media_store_also()'), ('geocode_rule', 'geocoding', 'mls_geocode_use()'),
  ('mart', 'marts', 'mls_mart_create()'), ('mart_own', 'marts', 'mls_mart_column(), mls_mart_table()'), ('tenant', 'roles', 'mls_tenant()'), ('dataset_audience', 'audiences', 'mls_serve_dataset()'), ('audience', 'audiences', 'mls_audience()'), ('protection', 'audiences', 'mls_protect()'), ('consumer', 'consumers', 'without what they log in with'),
  ('push', 'consumers', 'without its token'), ('feed_format', 'feeds', 'rows that are your own'), ('feed_element', 'feeds', 'mls_feed_element()'), ('feed', 'feeds', 'mls_feed()'),
  ('publication', 'publications', 'mls_publish()'), ('test_suite', 'tests', 'mls_test_suite()'), ('data_test', 'tests', 'mls_test_add()'), ('alert_receiver', 'alerts', 'without address and secrets'),
  ('alert_rule', 'alerts', 'mls_alert_rule()'), ('schedule', 'schedules', 'mls_schedule()'),
  ('consumer_secret', NULL, 'secret'), ('push_token', NULL, 'secret'), ('alert_secret', NULL, 'secret'),
  ('publication_resource', NULL, 'follows from the view'), ('serve_revocation', NULL, 'state'), ('serve_log', NULL, 'state'), ('dead_letter', NULL, 'state'), ('alert', NULL, 'state'), ('alert_notice', NULL, 'state'),
  ('media', NULL, 'state'), ('media_file', NULL, 'state'), ('geocode', NULL, 'state'), ('geocode_cache', NULL, 'state'), ('remote_resource', NULL, 'state'), ('remote_field', NULL, 'state'),
  ('remote_lookup', NULL, 'state'), ('change', NULL, 'state'), ('webhook', NULL, 'state'), ('counter', NULL, 'state'), ('verification', NULL, 'state'), ('finding', NULL, 'state'), ('quality', NULL, 'state'),
  ('feed_listing', NULL, 'state: numbers of listings are those of a portal, see mls_feed_ids()'), ('run', NULL, 'state'), ('issue', NULL, 'state'), ('file', NULL, 'state'), ('unread_file', NULL, 'state'), ('range', NULL, 'state'), ('told', NULL, 'state'),
  ('entity_event', NULL, 'state'), ('test_result', NULL, 'state'), ('test_sample', NULL, 'state'), ('tenant_day', NULL, 'state'),
  ('upload', NULL, 'state'), ('upload_part', NULL, 'state');

-- ---- Printing ----

-- Rows of a table as statements, each value as text.
CREATE FUNCTION mls.export_inserts(relation text, key text[] DEFAULT NULL) RETURNS SETOF text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    columns text[] := ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = format('mls.%I', relation)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'shipped' ORDER BY a.attnum);
BEGIN
    RETURN QUERY EXECUTE format('SELECT format(%L, %s) FROM mls.%I t WHERE NOT t.shipped ORDER BY %s',
        format('INSERT INTO mls.%I (%s) VALUES (%s)%s;', relation, (SELECT string_agg(quote_ident(c), ', ' ORDER BY i) FROM unnest(columns) WITH ORDINALITY u (c, i)), (SELECT string_agg('%L', ', ') FROM unnest(columns)),
               CASE WHEN key IS NOT NULL THEN format(' ON CONFLICT (%s) DO UPDATE SET %s', array_to_string(key, ', '), (SELECT string_agg(format('%1$I = excluded.%1$I', c), ', ' ORDER BY i) FROM unnest(columns) WITH ORDINALITY u (c, i))) END),
        (SELECT string_agg(format('t.%I', c), ', ' ORDER BY i) FROM unnest(columns) WITH ORDINALITY u (c, i)), relation,
        (SELECT string_agg(format('t.%I::text COLLATE "C"', c), ', ' ORDER BY i) FROM unnest(columns) WITH ORDINALITY u (c, i)));
END $$;
COMMENT ON FUNCTION mls.export_inserts(text, text[]) IS 'part of mls_export(): own rows of a table of rules as statements';

-- Options of something, secrets as words that say where one is missing.
CREATE FUNCTION mls.export_options(kind text, options text[], name text) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT coalesce(jsonb_object_agg(o.option_name, CASE WHEN s.secret THEN format('<secret:%s.%s>', export_options.name, o.option_name) ELSE o.option_value END), '{}')
  FROM pg_options_to_table(options) o
  LEFT JOIN (SELECT m.name, bool_or(m.secret) AS secret FROM @extschema@.mls_options() m WHERE m.object = kind GROUP BY m.name) s ON s.name = o.option_name
$$;
COMMENT ON FUNCTION mls.export_options(text, text[], text) IS 'part of mls_export(): options without secrets';

-- A call of a function with the arguments that are not NULL, by their names.
CREATE FUNCTION mls.export_call(function text, arguments text[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT format('SELECT %s(%s);', function, string_agg(CASE WHEN a.name = '' THEN quote_literal(a.value) ELSE format('%s => %L', a.name, a.value) END, ', ' ORDER BY i))
  FROM (SELECT arguments[2 * n - 1] AS name, arguments[2 * n] AS value, n AS i FROM generate_series(1, cardinality(arguments) / 2) n) a WHERE a.value IS NOT NULL
$$;
COMMENT ON FUNCTION mls.export_call(text, text[]) IS 'part of mls_export(): a call with arguments, name and value in turn; those that are NULL are left out';

-- Views of users that others parts read, with those that they read, from below.
CREATE FUNCTION mls.export_views(OUT view regclass, OUT depth integer) RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH RECURSIVE used (relation) AS (
    SELECT p.view::oid FROM mls.publication p UNION SELECT f.relation FROM mls.feed f UNION SELECT f.media FROM mls.feed f
    UNION SELECT t.relation FROM mls.data_test t UNION SELECT t.other FROM mls.data_test t),
reads (view, depth) AS (
    SELECT c.oid, 0 FROM used u JOIN pg_class c ON c.oid = u.relation WHERE c.relkind = 'v'
    UNION
    SELECT b.oid, r.depth + 1 FROM reads r JOIN pg_rewrite w ON w.ev_class = r.view
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.view
      JOIN pg_class b ON b.oid = d.refobjid AND b.relkind = 'v' WHERE r.depth < 100)
SELECT r.view::regclass, max(r.depth) FROM reads r
 WHERE NOT EXISTS (SELECT FROM mls.audience a WHERE a.view = r.view) AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = r.view AND d.deptype = 'e')
 GROUP BY r.view
$$;
COMMENT ON FUNCTION mls.export_views() IS 'part of mls_export(): views that publications, feeds and data tests read';

CREATE FUNCTION mls.export_statements(part text, OUT owner oid, OUT statement text) RETURNS SETOF record
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    rules text;
BEGIN
    CASE part
    WHEN 'settings' THEN
        RETURN QUERY SELECT NULL::oid, format('SELECT mls.configure(%L, %L, %L);', 'setting', coalesce(r.rolname::text, ''), jsonb_build_object(split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)))
          FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN unnest(s.setconfig) c
         WHERE c LIKE 'mls\_fdw.%' AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())) AND (s.setdatabase <> 0 OR s.setrole <> 0)
           AND (r.oid IS NULL OR pg_has_role(r.oid, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE'))
         ORDER BY coalesce(r.rolname::text, '') COLLATE "C", c COLLATE "C";
    WHEN 'roles' THEN
        RETURN QUERY SELECT NULL::oid, mls.export_call('mls_grant', ARRAY['', r.rolname])
          FROM pg_roles r WHERE NOT r.rolsuper AND pg_has_role(r.oid, 'USAGE')
           AND r.oid IN (SELECT s.owner FROM mls.subscription s UNION SELECT m.owner FROM mls.mart m UNION SELECT t.owner FROM mls.test_suite t UNION SELECT f.owner FROM mls.feed f UNION SELECT p.owner FROM mls.publication p
                         UNION SELECT a.owner FROM mls.alert_rule a UNION SELECT a.owner FROM mls.alert_receiver a UNION SELECT c.owner FROM mls.consumer c UNION SELECT j.role FROM mls.schedule j)
         ORDER BY r.rolname::text COLLATE "C";
        RETURN QUERY SELECT NULL::oid, mls.export_call('mls_tenant', ARRAY['', pg_get_userbyid(t.role)::text, '', t.places::text, 'file_bytes', t.file_bytes::text, 'file_rows', t.file_rows::text, 'files_per_day', t.files_per_day::text,
                            'bytes_per_day', t.bytes_per_day::text, 'rows_per_day', t.rows_per_day::text, 'stored_bytes', t.stored_bytes::text])
          FROM mls.tenant t WHERE pg_has_role(t.role, 'USAGE') ORDER BY pg_get_userbyid(t.role)::text COLLATE "C";
    WHEN 'servers' THEN
        RETURN QUERY SELECT NULL::oid, format('SELECT mls.configure(%L, %L, %L);', 'server', s.srvname,
                            jsonb_strip_nulls(jsonb_build_object('owner', pg_get_userbyid(s.srvowner), 'type', s.srvtype, 'version', s.srvversion)) || jsonb_build_object('options', mls.export_options('server', s.srvoptions, s.srvname),
                            'usage', (SELECT coalesce(jsonb_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END), '[]') FROM aclexplode(s.srvacl) a WHERE a.grantee <> s.srvowner)))
          FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE w.fdwname = 'mls_fdw' AND pg_has_role(s.srvowner, 'USAGE')
         ORDER BY s.srvname::text COLLATE "C";
        RETURN QUERY SELECT NULL::oid, format('SELECT mls.configure(%L, %L, %L);', 'user mapping', u.srvname, jsonb_build_object('role', u.usename, 'options', mls.export_options('user mapping', u.umoptions, u.srvname || '.' || u.usename)))
          FROM pg_user_mappings u JOIN pg_foreign_server s ON s.oid = u.srvid JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE w.fdwname = 'mls_fdw' AND pg_has_role(s.srvowner, 'USAGE')
           -- To others they have no options, which is not for them to say.
           AND (u.umoptions IS NOT NULL OR (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user))
         ORDER BY u.srvname::text COLLATE "C", u.usename::text COLLATE "C";
    WHEN 'tables' THEN
        RETURN QUERY SELECT NULL::oid, format('SELECT mls.configure(%L, %L, %L);', 'foreign table', t.ftrelid::regclass, jsonb_build_object('owner', pg_get_userbyid(c.relowner), 'server', s.srvname,
                            'options', mls.export_options('foreign table', t.ftoptions, t.ftrelid::regclass::text),
                            'columns', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull, 'options', mls.export_options('column', a.attfdwoptions, a.attname)) ORDER BY a.attnum), '[]')
                                          FROM pg_attribute a WHERE a.attrelid = t.ftrelid AND a.attnum > 0 AND NOT a.attisdropped)))
          FROM pg_foreign_table t JOIN pg_class c ON c.oid = t.ftrelid JOIN pg_foreign_server s ON s.oid = t.ftserver JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
         WHERE w.fdwname = 'mls_fdw' AND pg_has_role(c.relowner, 'USAGE') AND c.relpersistence = 'p' ORDER BY t.ftrelid::regclass::text COLLATE "C";
    WHEN 'rules' THEN
        FOR rules IN SELECT p.relation FROM mls.export_part p WHERE p.part = 'rules' ORDER BY p.relation COLLATE "C" LOOP
            owner := NULL;
            statement := format('DELETE FROM mls.%I WHERE NOT shipped;', rules);
            RETURN NEXT;
            RETURN QUERY SELECT NULL::oid, i FROM mls.export_inserts(rules) i;
        END LOOP;
    WHEN 'subscriptions' THEN
        RETURN QUERY SELECT s.owner::oid, c FROM mls.subscription s CROSS JOIN LATERAL unnest(ARRAY[mls.export_call('mls_subscribe', ARRAY['', s.foreign_table::text, 'partition', s.partition]),
                            CASE WHEN s.track_changes THEN mls.export_call('mls_track', ARRAY['', s.foreign_table::text]) END]) WITH ORDINALITY u (c, i)
         WHERE c IS NOT NULL AND pg_has_role(s.owner, 'USAGE') AND EXISTS (SELECT FROM pg_foreign_table t WHERE t.ftrelid = s.foreign_table) ORDER BY s.id, i;
        RETURN QUERY SELECT c.relowner, mls.export_call(CASE t.tgname WHEN 'mls_events_insert' THEN 'mls_serve_events' ELSE 'mls_serve_history' END, ARRAY['', ARRAY[d.resource]::text])
          FROM mls.dd_resource d JOIN pg_class c ON c.oid = mls.gold_table(d.resource) JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname IN ('mls_events_insert', 'mls_history_insert')
         WHERE pg_has_role(c.relowner, 'USAGE') ORDER BY d.resource COLLATE "C", t.tgname::text COLLATE "C";
    WHEN 'media' THEN
        RETURN QUERY SELECT s.owner::oid, c FROM mls.media_rule r JOIN mls.subscription s ON s.id = r.subscription CROSS JOIN LATERAL (
                SELECT 0 AS i, mls.export_call('mls_media_store', ARRAY['', s.source, '', r.store, 'resources', r.resources::text, 'categories', r.categories::text, 'max_file_bytes', r.max_file_bytes::text, 'max_files', r.max_files::text,
                            'max_run_files', r.max_run_files::text, 'max_run_bytes', r.max_run_bytes::text, 'quota_share', r.quota_share::text, 'transfers', r.transfers::text, 'grace', r.grace::text, 'after_sync', r.after_sync::text]) AS c
                 UNION ALL SELECT p.place + 1, mls.export_call('mls_media_store_also', ARRAY['', s.source, '', p.store, 'resources', p.resources::text, 'categories', p.categories::text]) FROM mls.media_place p WHERE p.subscription = r.subscription
                 UNION ALL SELECT 2147483647, mls.export_call('mls_media_pause', ARRAY['', s.source]) WHERE r.paused) u
         WHERE pg_has_role(s.owner, 'USAGE') ORDER BY s.source COLLATE "C", u.i;
    WHEN 'geocoding' THEN
        RETURN QUERY SELECT s.owner::oid, mls.export_call('mls_geocode_use', ARRAY['', s.source, '', r.geocoders::text, 'resource', s.resource, 'accept', mls.geocode_quality(r.accept), 'country', r.country])
          FROM mls.geocode_rule r JOIN mls.subscription s ON s.id = r.subscription WHERE pg_has_role(s.owner, 'USAGE') ORDER BY s.source COLLATE "C", s.resource COLLATE "C";
    WHEN 'marts' THEN
        RETURN QUERY SELECT CASE i WHEN 1 THEN NULL ELSE m.owner::oid END, c FROM mls.mart m CROSS JOIN LATERAL unnest(ARRAY[
                format('SELECT mls.configure(%L, %L, %L);', 'schema', m.name, jsonb_build_object('owner', pg_get_userbyid(m.owner))),
                mls.export_call('mls_mart_create', ARRAY['', m.name, 'currency', m.currency, 'timezone', m.timezone, 'levels', m.levels::text, 'coverage', m.coverage::text, 'thin', m.thin::text, 'min_price', m.min_price::text,
                    'ratio_low', m.ratio_low::text, 'ratio_high', m.ratio_high::text, 'relist_days', m.relist_days::text, 'co_agents', m.co_agents])]) WITH ORDINALITY u (c, i)
         WHERE pg_has_role(m.owner, 'USAGE') ORDER BY m.name COLLATE "C", i;
        RETURN QUERY SELECT m.owner::oid, format('SELECT mls.configure(%L, %L, %L);', 'mart part', m.name, jsonb_build_object('relation', o.relation, 'name', o.name, 'type', o.type, 'expression', o.expression, 'key', o.key, 'definition', o.definition))
          FROM mls.mart_own o JOIN mls.mart m ON m.id = o.mart WHERE pg_has_role(m.owner, 'USAGE') ORDER BY m.name COLLATE "C", o.id;
    WHEN 'views' THEN
        RETURN QUERY SELECT CASE i WHEN 1 THEN NULL ELSE c.relowner END, q FROM mls.export_views() v JOIN pg_class c ON c.oid = v.view CROSS JOIN LATERAL unnest(ARRAY[
                format('SELECT mls.configure(%L, %L, %L);', 'schema', c.relnamespace::regnamespace::name, jsonb_build_object('owner', (SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.oid = c.relnamespace))),
                format('CREATE OR REPLACE VIEW %s%s AS%s', v.view, ' WITH (' || array_to_string(c.reloptions, ', ') || ')', E'\n' || pg_get_viewdef(v.view))]) WITH ORDINALITY u (q, i)
         WHERE pg_has_role(c.relowner, 'USAGE') ORDER BY v.depth DESC, v.view::text COLLATE "C", i;
    WHEN 'audiences' THEN
        RETURN QUERY SELECT DISTINCT NULL::oid, format('SELECT mls.configure(%L, %L, %L);', 'schema', n.nspname, jsonb_build_object('owner', pg_get_userbyid(n.nspowner))) COLLATE "C"
          FROM mls.audience v JOIN pg_class c ON c.oid = v.view JOIN pg_namespace n ON n.oid = c.relnamespace WHERE pg_has_role(v.set_by, 'USAGE') ORDER BY 2;
        RETURN QUERY SELECT v.set_by::oid, mls.export_call(CASE WHEN p.audience IS NULL THEN 'mls_audience' ELSE 'mls_protect' END, ARRAY['', pg_get_userbyid(v.audience), 'licence', p.licence, 'resource', v.resource,
                    'fields', CASE jsonb_typeof(v.asked -> 'fields') WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(v.asked -> 'fields'))::text END, 'sources', p.sources::text, 'condition', v.asked ->> 'condition', 'opt_in', p.opt_in::text,
                    'masked', CASE WHEN jsonb_typeof(v.asked -> 'masked') = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(v.asked -> 'masked'))::text END, 'schema', v.asked ->> 'schema'])
          FROM mls.audience v LEFT JOIN mls.protection p ON p.audience = v.audience AND p.resource = v.resource WHERE pg_has_role(v.set_by, 'USAGE')
         ORDER BY pg_get_userbyid(v.audience)::text COLLATE "C", EXISTS (SELECT FROM mls.dd_parent d WHERE d.resource = v.resource), v.resource COLLATE "C";
        RETURN QUERY SELECT d.set_by::oid, mls.export_call('mls_serve_dataset', ARRAY['', s.foreign_table::text, '', pg_get_userbyid(d.audience)::text, 'writes', d.writes::text])
          FROM mls.dataset_audience d JOIN mls.subscription s ON s.id = d.subscription WHERE pg_has_role(d.set_by, 'USAGE')
         ORDER BY s.source COLLATE "C", s.resource COLLATE "C", pg_get_userbyid(d.audience)::text COLLATE "C";
    WHEN 'consumers' THEN
        RETURN QUERY SELECT c.owner::oid, format('SELECT mls.configure(%L, %L, %L);', 'consumer', c.consumer, jsonb_build_object('audience', pg_get_userbyid(c.audience), 'claims', c.claims, 'limits', c.limits, 'active', c.active))
          FROM mls.consumer c WHERE pg_has_role(c.owner, 'USAGE') ORDER BY c.consumer COLLATE "C";
        RETURN QUERY SELECT c.owner::oid, format('SELECT mls.configure(%L, %L, %L);', 'push', p.consumer, jsonb_build_object('url', p.url, 'token', format('<secret:push.%s>', regexp_replace(p.consumer, '[^!-~]', '_', 'g')), 'event_source', p.event_source, 'batch', p.batch, 'paused', p.paused))
          FROM mls.push p JOIN mls.consumer c ON c.consumer = p.consumer WHERE pg_has_role(c.owner, 'USAGE') ORDER BY p.consumer COLLATE "C";
    WHEN 'feeds' THEN
        RETURN QUERY SELECT NULL::oid, i FROM mls.export_inserts('feed_format', '{format}') i;
        RETURN QUERY SELECT t.owner::oid, c FROM (
                SELECT coalesce(t.owner::oid, (SELECT x.extowner FROM pg_extension x WHERE x.extname = 'mls_fdw')) AS owner, 0 AS step, e.format AS name, e.place, mls.export_call('mls_feed_element', ARRAY['', e.format, '', e.path, 'expression', e.expression, 'place', e.place::text, 'form', e.form,
                            'max_length', e.max_length::text, 'value_map', e.value_map::text, 'missing', e.missing, 'default_value', e.default_value]) AS c
                  FROM mls.feed_element e JOIN mls.feed_format t ON t.format = e.format WHERE NOT e.shipped AND e.feed = 0
                 UNION ALL
                SELECT f.owner, 1, f.name, 0, mls.export_call('mls_feed', ARRAY['', f.name, 'format', f.format, 'view', f.relation::text, 'store', f.store, 'path', f.path, 'languages', f.languages::text, 'texts', f.texts::text, 'settings', f.settings::text,
                            'falls_back', f.falls_back::text, 'key', f.key, 'media', f.media::text, 'newest_by', f.newest_by, 'max_listings', f.max_listings::text, 'max_photos', f.max_photos::text, 'min_share', f.min_share::text]) FROM mls.feed f
                 UNION ALL
                SELECT f.owner, 2, f.name, e.place, mls.export_call('mls_feed_element', ARRAY['', e.format, '', e.path, 'expression', e.expression, 'feed', f.name, 'place', e.place::text, 'form', e.form, 'max_length', e.max_length::text,
                            'value_map', e.value_map::text, 'missing', e.missing, 'default_value', e.default_value])
                  FROM mls.feed_element e JOIN mls.feed f ON f.id = e.feed WHERE NOT e.shipped) t
         WHERE pg_has_role(t.owner, 'USAGE') ORDER BY t.step, t.name COLLATE "C", t.place, c COLLATE "C";
    WHEN 'publications' THEN
        RETURN QUERY SELECT p.owner::oid, format('SELECT mls.configure(%L, %L, %L);', 'publication', p.name, jsonb_build_object('destination', p.destination, 'view', p.view::text, 'key', p.key, 'condition', p.condition, 'resource', p.resource,
                            'depends', p.depends, 'fields', p.fields, 'types', p.types, 'batch', p.batch, 'take_over', p.take_over, 'paused', p.paused))
          FROM mls.publication p WHERE pg_has_role(p.owner, 'USAGE') ORDER BY p.destination COLLATE "C", p.name COLLATE "C";
    WHEN 'tests' THEN
        RETURN QUERY SELECT s.owner::oid, u.c FROM mls.test_suite s CROSS JOIN LATERAL (
                SELECT '' AS name, mls.export_call('mls_test_suite', ARRAY['', s.name, 'after', s.after]) AS c
                 UNION ALL SELECT t.name, mls.export_call('mls_test_add', ARRAY['', s.name, '', t.name, '', t.kind, 'relation', t.relation::text, 'columns', t.columns::text, 'arguments', t.arguments::text, 'other', t.other::text, 'filter', t.filter,
                            'severity', t.severity, 'warn_if', t.warn_if::text, 'error_if', t.error_if::text, 'samples', t.samples::text, 'timeout_s', t.timeout_s::text, 'on_failure', t.on_failure])
                  FROM mls.data_test t WHERE t.suite = s.id) u
         WHERE pg_has_role(s.owner, 'USAGE') ORDER BY s.name COLLATE "C", u.name COLLATE "C";
    WHEN 'alerts' THEN
        RETURN QUERY SELECT r.owner::oid, format('SELECT mls.configure(%L, %L, %L);', 'alert receiver', r.receiver, jsonb_strip_nulls(jsonb_build_object('kind', r.kind, 'place', r.place, 'sender', r.sender, 'recipients', r.recipients,
                            'plain', r.plain, 'link', r.link, 'ca_file', r.ca_file)))
          FROM mls.alert_receiver r WHERE pg_has_role(r.owner, 'USAGE') ORDER BY r.receiver COLLATE "C";
        RETURN QUERY SELECT r.owner::oid, c FROM mls.alert_rule r CROSS JOIN LATERAL unnest(ARRAY[mls.export_call('mls_alert_rule', ARRAY['', r.rule, '', r.receiver, 'watch', r.watch, 'threshold', r.threshold, 'source', r.source,
                            'hold', r.hold::text, 'quiet', r.quiet::text, 'remind', r.remind::text, 'recovery', r.recovery::text]), mls.export_call('mls_alert_rule_pause', ARRAY['', r.rule, 'paused', r.paused::text])]) WITH ORDINALITY u (c, i)
         WHERE pg_has_role(r.owner, 'USAGE') ORDER BY r.rule COLLATE "C", i;
    WHEN 'schedules' THEN
        RETURN QUERY SELECT j.role::oid, format('SELECT mls.configure(%L, %L, %L);', 'schedule', j.source, jsonb_object_agg(j.process, j.schedule))
          FROM mls.schedule j WHERE pg_has_role(j.role, 'USAGE') GROUP BY j.role, j.source ORDER BY j.source COLLATE "C", pg_get_userbyid(j.role)::text COLLATE "C";
    END CASE;
END $$;
COMMENT ON FUNCTION mls.export_statements(text) IS 'part of mls_export(): the statements of a part, and as whom each is run; NULL: as the owner of the extension';

CREATE FUNCTION mls_export(parts text[] DEFAULT NULL) RETURNS SETOF text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    SET DateStyle = 'ISO'
    SET IntervalStyle = 'postgres'
    SET extra_float_digits = 1
    AS $$
DECLARE
    known CONSTANT text[] := '{settings,roles,servers,tables,rules,subscriptions,media,geocoding,marts,views,audiences,consumers,feeds,publications,tests,alerts,schedules}';
    one text;
    last oid;
    found record;
BEGIN
    one := (SELECT coalesce(p, 'NULL') FROM unnest(parts) p WHERE p IS NULL OR p <> ALL (known) LIMIT 1);
    IF one IS NOT NULL THEN
        PERFORM mls.refuse('22023', format('there is no part "%s" of the configuration', one), format('Parts are: %s.', array_to_string(known, ', ')));
    END IF;
    RETURN NEXT '-- Configuration of mls_fdw.  Run it as the owner of the extension: psql -v ON_ERROR_STOP=1 -1 -f FILE';
    RETURN NEXT '-- Roles must be there.  <secret:...> stands for what was not printed: replace it before, or set it afterwards.';
    RETURN NEXT 'CREATE SCHEMA IF NOT EXISTS @extschema@;';
    RETURN NEXT 'CREATE EXTENSION IF NOT EXISTS mls_fdw SCHEMA @extschema@;';
    RETURN NEXT format('SELECT pg_catalog.set_config(%L, %L, false);', 'search_path', '@extschema@, pg_catalog');
    FOREACH one IN ARRAY known LOOP
        CONTINUE WHEN one <> ALL (parts);
        RETURN NEXT '-- ' || one;
        FOR found IN SELECT s.owner, s.statement FROM mls.export_statements(one) s LOOP
            IF found.owner IS DISTINCT FROM last THEN
                RETURN NEXT coalesce('SET ROLE ' || quote_ident((SELECT r.rolname FROM pg_roles r WHERE r.oid = found.owner)) || ';', 'RESET ROLE;');
                last := found.owner;
            END IF;
            RETURN NEXT found.statement;
        END LOOP;
    END LOOP;
    IF last IS NOT NULL THEN
        RETURN NEXT 'RESET ROLE;';
    END IF;
END $$;
COMMENT ON FUNCTION mls_export(text[])
    IS 'print the configuration, all or some parts, as SQL that makes it elsewhere or here again: what belongs to roles whose privileges the caller has, without secrets, state and what comes along; a line or statement a row';

-- ---- Making it so ----

CREATE FUNCTION mls.configure_options(of text, before text[], wanted jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    change text;
BEGIN
    -- A secret that was not printed stays as it is.
    SELECT string_agg(CASE WHEN w.key IS NULL THEN format('DROP %I', b.option_name) WHEN b.option_name IS NULL THEN format('ADD %I %L', w.key, w.value) ELSE format('SET %I %L', w.key, w.value) END, ', ' ORDER BY coalesce(w.key, b.option_name)) INTO change
      FROM pg_options_to_table(before) b FULL JOIN jsonb_each_text(wanted) w ON w.key = b.option_name
     WHERE b.option_value IS DISTINCT FROM w.value AND NOT (b.option_name IS NOT NULL AND w.value IS NOT NULL AND w.value LIKE '<secret:%>');
    IF change IS NOT NULL THEN
        EXECUTE format('ALTER %s OPTIONS (%s)', of, change);
    END IF;
END $$;
COMMENT ON FUNCTION mls.configure_options(text, text[], jsonb) IS 'part of mls.configure(): has the options of something be those that are wanted';

CREATE FUNCTION mls.configure(kind text, name text, settings jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    s CONSTANT jsonb := settings;
    owner name := settings ->> 'owner';
    part record;
    names text[];
    here text;
BEGIN
    PERFORM mls.refuse_standby('mls.configure()', 'set this');
    CASE kind
    WHEN 'setting' THEN
        FOR part IN SELECT e.key, e.value FROM jsonb_each_text(s) e LOOP
            IF part.key NOT LIKE 'mls\_fdw.%' THEN
                PERFORM mls.refuse('42501', format('"%s" is no setting of mls_fdw', part.key));
            END IF;
            EXECUTE format('ALTER %s SET %s TO %L', CASE WHEN name = '' THEN format('DATABASE %I', current_database()) ELSE format('ROLE %I IN DATABASE %I', name, current_database()) END,
                           (SELECT string_agg(quote_ident(p), '.') FROM unnest(string_to_array(part.key, '.')) p), part.value);
            PERFORM set_config(part.key, part.value, false);
        END LOOP;
    WHEN 'schema' THEN
        IF to_regnamespace(quote_ident(name)) IS NULL THEN
            EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', name, owner);
        END IF;
    WHEN 'server' THEN
        IF NOT EXISTS (SELECT FROM pg_foreign_server f WHERE f.srvname = configure.name) THEN
            EXECUTE format('CREATE SERVER %I%s%s FOREIGN DATA WRAPPER mls_fdw%s', name, ' TYPE ' || quote_literal(s ->> 'type'), ' VERSION ' || quote_literal(s ->> 'version'),
                           (SELECT ' OPTIONS (' || string_agg(format('%I %L', o.key, o.value), ', ' ORDER BY o.key) || ')' FROM jsonb_each_text(s -> 'options') o));
        END IF;
        PERFORM mls.configure_options(format('SERVER %I', name), f.srvoptions, s -> 'options') FROM pg_foreign_server f WHERE f.srvname = configure.name;
        EXECUTE format('ALTER SERVER %I OWNER TO %I', name, owner);
        FOR here IN SELECT jsonb_array_elements_text(s -> 'usage') LOOP
            EXECUTE format('GRANT USAGE ON FOREIGN SERVER %I TO %s', name, CASE here WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(here) END);
        END LOOP;
    WHEN 'user mapping' THEN
        here := CASE s ->> 'role' WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(s ->> 'role') END;
        IF NOT EXISTS (SELECT FROM pg_user_mappings u WHERE u.srvname = configure.name AND u.usename = s ->> 'role') THEN
            EXECUTE format('CREATE USER MAPPING FOR %s SERVER %I%s', here, name, (SELECT ' OPTIONS (' || string_agg(format('%I %L', o.key, o.value), ', ' ORDER BY o.key) || ')' FROM jsonb_each_text(s -> 'options') o));
        END IF;
        PERFORM mls.configure_options(format('USER MAPPING FOR %s SERVER %I', here, name), u.umoptions, s -> 'options') FROM pg_user_mappings u WHERE u.srvname = configure.name AND u.usename = s ->> 'role';
    WHEN 'foreign table' THEN
        names := parse_ident(name);
        IF to_regnamespace(quote_ident(names[1])) IS NULL THEN
            EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', names[1], owner);
        END IF;
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE FOREIGN TABLE %I.%I () SERVER %I OPTIONS (%s)', names[1], names[2], s ->> 'server', (SELECT string_agg(format('%I %L', o.key, o.value), ', ' ORDER BY o.key) FROM jsonb_each_text(s -> 'options') o));
        END IF;
        FOR part IN SELECT c ->> 'name' AS name, c ->> 'type' AS type, (c ->> 'not_null')::boolean AS not_null, c -> 'options' AS options, a.attfdwoptions AS before, a.attname IS NOT NULL AS known
                      FROM jsonb_array_elements(s -> 'columns') WITH ORDINALITY u (c, i) LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(configure.name) AND a.attname = c ->> 'name' AND NOT a.attisdropped ORDER BY i
        LOOP
            IF NOT part.known THEN
                EXECUTE format('ALTER FOREIGN TABLE %I.%I ADD COLUMN %I %s%s', names[1], names[2], part.name, (SELECT part.type::regtype::text WHERE to_regtype(part.type) IS NOT NULL), CASE WHEN part.not_null THEN ' NOT NULL' END) || '' ;
            END IF;
            PERFORM mls.configure_options(format('FOREIGN TABLE %I.%I ALTER COLUMN %I', names[1], names[2], part.name), part.before, part.options);
        END LOOP;
        PERFORM mls.configure_options(format('FOREIGN TABLE %I.%I', names[1], names[2]), t.ftoptions, s -> 'options') FROM pg_foreign_table t WHERE t.ftrelid = to_regclass(configure.name);
        EXECUTE format('ALTER FOREIGN TABLE %I.%I OWNER TO %I', names[1], names[2], owner);
    WHEN 'mart part' THEN
        SELECT o.* INTO part FROM mls.mart_own o JOIN mls.mart m ON m.id = o.mart WHERE m.name = configure.name AND o.relation = s ->> 'relation' AND o.name = s ->> 'name';
        IF FOUND AND (part.type, part.expression, to_jsonb(part.key), part.definition) IS NOT DISTINCT FROM (s ->> 'type', s ->> 'expression', nullif(s -> 'key', 'null'), s ->> 'definition') THEN
            RETURN;
        ELSIF FOUND THEN
            PERFORM @extschema@.mls_mart_remove(name, s ->> 'relation', nullif(s ->> 'name', ''));
        END IF;
        IF s ->> 'name' = '' THEN
            PERFORM @extschema@.mls_mart_table(name, s ->> 'relation', s ->> 'expression', ARRAY(SELECT jsonb_array_elements_text(s -> 'key')), s ->> 'definition');
        ELSE
            PERFORM @extschema@.mls_mart_column(name, s ->> 'relation', s ->> 'name', s ->> 'expression', s ->> 'definition', s ->> 'type');
        END IF;
    WHEN 'consumer' THEN
        IF NOT EXISTS (SELECT FROM mls.consumer c WHERE c.consumer = configure.name) THEN
            SELECT * INTO part FROM @extschema@.mls_consumer_add(name, (s ->> 'audience')::regrole, s -> 'claims', s -> 'limits');
            RAISE NOTICE 'consumer "%" logs in with client_id % and a new secret', name, part.client_id USING HINT = format('SELECT * FROM mls_consumer_rotate(%L) shows one.', name);
        END IF;
        PERFORM @extschema@.mls_consumer_alter(name, (s ->> 'audience')::regrole, s -> 'claims', s -> 'limits', (s ->> 'active')::boolean);
    WHEN 'push' THEN
        IF NOT EXISTS (SELECT FROM mls.push p WHERE p.consumer = configure.name) THEN
            PERFORM @extschema@.mls_push_add(name, s ->> 'url', s ->> 'token', event_source => s ->> 'event_source', batch => (s ->> 'batch')::integer);
        END IF;
        PERFORM @extschema@.mls_push_alter(name, s ->> 'url', CASE WHEN s ->> 'token' NOT LIKE '<secret:%>' THEN s ->> 'token' END, s ->> 'event_source', (s ->> 'batch')::integer, (s ->> 'paused')::boolean);
    WHEN 'publication' THEN
        IF NOT EXISTS (SELECT FROM mls.publication p WHERE p.destination = s ->> 'destination' AND p.name = configure.name) THEN
            PERFORM @extschema@.mls_publish((s ->> 'view')::regclass, s ->> 'destination', name, s ->> 'key', s ->> 'condition', s ->> 'resource', nullif(s -> 'depends', 'null'), s -> 'fields', s -> 'types', (s ->> 'batch')::integer, (s ->> 'take_over')::boolean);
        ELSIF NOT EXISTS (SELECT FROM mls.publication p WHERE p.destination = s ->> 'destination' AND p.name = configure.name AND p.view::text = s ->> 'view' AND p.key = s ->> 'key' AND p.condition IS NOT DISTINCT FROM s ->> 'condition'
                             AND p.fields = s -> 'fields' AND p.types = s -> 'types') THEN
            RAISE WARNING 'publication "%" at "%" is another one here, and stays so', name, s ->> 'destination' USING HINT = format('To have it as it is wanted: SELECT mls_unpublish(%L, %L), then run this again.', s ->> 'destination', name);
        END IF;
        PERFORM @extschema@.mls_publish_pause(s ->> 'destination', name, (s ->> 'paused')::boolean);
    WHEN 'alert receiver' THEN
        PERFORM mls.note_alert_receiver(CASE WHEN EXISTS (SELECT FROM mls.alert_receiver r WHERE r.receiver = configure.name) THEN 'alter' ELSE 'set' END, name,
            s - 'place' || jsonb_build_object('url', CASE s ->> 'kind' WHEN 'email' THEN s ->> 'place' ELSE (s ->> 'place') || '/secret' END));
    WHEN 'schedule' THEN
        IF mls.cron_database() = current_database() AND mls.has_cron() THEN
            PERFORM @extschema@.mls_schedule(name, sync => s ->> 'sync', purge => s ->> 'purge', reconcile => s ->> 'reconcile', geocode => s ->> 'geocode', media => s ->> 'media', publish => s ->> 'publish', feed => s ->> 'feed', mart => s ->> 'mart', test => s ->> 'test');
        ELSE
            PERFORM mls.note_schedule(name, e.key, e.value) FROM jsonb_each_text(s) e;
            RAISE WARNING 'what is scheduled of "%" is noted, but pg_cron is not here to run it', name USING HINT = 'Call mls_schedule() once it is.';
        END IF;
    END CASE;
END $f$;
COMMENT ON FUNCTION mls.configure(text, text, jsonb) IS 'what the SQL of mls_export() calls: has a server, a user mapping, a foreign table and the like be as it was printed; what a secret was left out of keeps its own';

REVOKE ALL ON FUNCTION mls.export_inserts(text, text[]), mls.export_options(text, text[], text), mls.export_call(text, text[]), mls.export_views(), mls.export_statements(text), mls_export(text[]),
    mls.configure_options(text, text[], jsonb), mls.configure(text, text, jsonb) FROM PUBLIC;
