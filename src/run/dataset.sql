-- A dataset in one statement: looks at files, makes what they need, and syncs it.

-- Runs in a process of its own, as the caller: see make_dataset.c.  What is taken over is a
-- server that is a dataset at the same address and has no foreign tables yet, as one has to
-- which files were uploaded since.
CREATE FUNCTION mls.make_dataset("order" jsonb) RETURNS SETOF bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    server text := "order" ->> 'name';
    place text := "order" ->> 'url';
    schema text := coalesce("order" ->> 'schema', server);
    there record;
    made oid;
    setting record;
    code text;
    problem text;
    advice text;
    detail text;
BEGIN
    FOR setting IN SELECT * FROM jsonb_each_text("order" -> 'settings') LOOP
        PERFORM set_config(setting.key, setting.value, true);
    END LOOP;
    SELECT f.oid, f.srvoptions,
           EXISTS (SELECT FROM pg_foreign_table t WHERE t.ftserver = f.oid) AS has_tables
      INTO there FROM pg_foreign_server f WHERE f.srvname = server;
    IF there.oid IS NULL THEN
        EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER mls_fdw OPTIONS (%s)', server,
                       (SELECT string_agg(format('%I %L', o.key, o.value), ', ')
                          FROM jsonb_each_text(coalesce(nullif("order" -> 'options', 'null'), '{}')
                                               || jsonb_build_object('protocol', 'dataset', 'url', place)) o));
    ELSIF there.has_tables OR NOT there.srvoptions @> ARRAY['protocol=dataset', 'url=' || place] THEN
        PERFORM mls.refuse('42710', format('server "%s" exists already', server),
                           format('Choose another name, or sync what is there: SELECT * FROM mls_sync(%L).', server));
    ELSE
        -- As they are asked for now, whatever it was made with.
        FOR setting IN SELECT o.key, o.value, EXISTS (SELECT FROM unnest(there.srvoptions) t WHERE starts_with(t, o.key || '=')) AS is_set
                         FROM jsonb_each_text(coalesce(nullif("order" -> 'options', 'null'), '{}')) o WHERE o.key NOT IN ('protocol', 'url') LOOP
            EXECUTE format('ALTER SERVER %I OPTIONS (%s %I %L)', server, CASE WHEN setting.is_set THEN 'SET' ELSE 'ADD' END, setting.key, setting.value);
        END LOOP;
    END IF;
    IF "order" ->> 'schema' IS NULL AND (there.oid IS NULL OR to_regnamespace(quote_ident(schema)) IS NULL) THEN
        IF to_regnamespace(quote_ident(schema)) IS NOT NULL THEN
            PERFORM mls.refuse('42P06', format('schema "%s" exists already', schema),
                               format('Choose another name, or name the schema: schema => %L.', schema));
        END IF;
        EXECUTE format('CREATE SCHEMA %I', schema);
    END IF;
    IF nullif("order" -> 'login', 'null') IS NOT NULL THEN
        -- A statement that fails stands in the error's context, and here it has secrets.
        BEGIN
            EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (%s)', server,
                           (SELECT string_agg(format('%I %L', o.key, o.value), ', ') FROM jsonb_each_text("order" -> 'login') o));
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, problem = MESSAGE_TEXT, advice = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
        END;
        IF code IS NOT NULL THEN
            PERFORM mls.refuse(code, problem, nullif(advice, ''), nullif(detail, ''));
        END IF;
    END IF;
    EXECUTE format('IMPORT FOREIGN SCHEMA files FROM SERVER %I INTO %I', server, schema);
    FOR made IN SELECT t.ftrelid FROM pg_foreign_table t JOIN pg_foreign_server f ON f.oid = t.ftserver
                 WHERE f.srvname = server ORDER BY t.ftrelid LOOP
        PERFORM @extschema@.mls_subscribe(made::regclass);
        RETURN QUERY SELECT s.id FROM mls.subscription s WHERE s.foreign_table = made;
    END LOOP;
    IF made IS NULL AND place <> 'upload:' THEN
        PERFORM mls.refuse('02000', format('source "%s" has no file that can be read', server),
                           'Check the address and the options: files names files, key fields that all of them have, ca_file the authority of a host of your own.',
                           (SELECT string_agg(left(i.remark, 400), E'\n' ORDER BY i.n)
                              FROM (SELECT i.remark, i.n FROM @extschema@.mls_dataset_inspect(server) WITH ORDINALITY i(resource, field, type, written, is_key, samples, remark, n)
                                     WHERE i.resource IS NULL ORDER BY i.n LIMIT 5) i));
    END IF;
END $$;
COMMENT ON FUNCTION mls.make_dataset(jsonb) IS 'part of mls_dataset(): makes server, schema, user mapping, foreign tables and subscriptions, whose numbers it tells';

CREATE FUNCTION mls.make_dataset_apart("order" text) RETURNS void
    AS 'MODULE_PATHNAME', 'mls_make_dataset_sql' LANGUAGE C VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.make_dataset_apart(text) IS 'part of mls_dataset(): mls.make_dataset() in a transaction of its own, and the first sync';

CREATE FUNCTION mls_dataset(
    name text, url text, options jsonb DEFAULT '{}', login jsonb DEFAULT NULL, schema text DEFAULT NULL,
    OUT resource text, OUT foreign_table regclass, OUT silver regclass, OUT gold regclass, OUT status text, OUT rows bigint, OUT message text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM mls.refuse_standby('mls_dataset()', 'make datasets');
    IF name IS NULL OR url IS NULL THEN
        PERFORM mls.refuse('22004', 'a dataset has a name and a url');
    ELSIF name <> name::name::text OR schema <> schema::name::text THEN
        PERFORM mls.refuse('42622', format('"%s" is too long for a name', CASE WHEN name <> name::name::text THEN name ELSE schema END),
                           'Names of servers and schemas have 63 bytes at most.');
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM mls.refuse('25001', 'mls_dataset() cannot run in a transaction that sees nothing new',
                           'Call it with the isolation level READ COMMITTED.');
    END IF;
    PERFORM mls.make_dataset_apart(jsonb_build_object(
        'name', name, 'url', url, 'options', options, 'login', login, 'schema', schema,
        'settings', (SELECT jsonb_object_agg(s.name, s.setting) FROM pg_settings s
                      WHERE s.name ~ '^mls_fdw\.(bronze|silver|gold|reso)_schema$'))::text);
    RETURN QUERY
    SELECT s.resource, s.foreign_table, s.silver, s.gold, coalesce(r.status, 'new'), s.local_rows,
           coalesce(r.message || coalesce(': ' || r.detail, ''), r.note)
      FROM mls.subscription s
      LEFT JOIN LATERAL (SELECT * FROM mls.run r WHERE r.subscription = s.id AND r.process = 'sync' ORDER BY r.id DESC LIMIT 1) r ON true
     WHERE s.source = mls_dataset.name AND pg_has_role(s.owner, 'USAGE')
     ORDER BY s.resource;
    IF NOT FOUND THEN
        RAISE NOTICE 'server "%" has no files yet', name
            USING HINT = format('Upload some: SELECT * FROM mls_upload(%L, ''leads.csv'', ...); then call mls_dataset() once more.', name);
    END IF;
END $$;
COMMENT ON FUNCTION mls_dataset(text, text, jsonb, jsonb, text)
    IS 'a dataset in one statement: a server of that name at an address (file:///directory, https://host/file, s3://bucket/prefix, upload:), with options and login (those of its user mapping), a schema of that name unless one is given, foreign tables, subscriptions and a first sync; all as the caller, and not taken back by ROLLBACK. What was made, and what became of it';

REVOKE ALL ON FUNCTION mls.make_dataset(jsonb), mls.make_dataset_apart(text), mls_dataset(text, text, jsonb, jsonb, text) FROM PUBLIC;
