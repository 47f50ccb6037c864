-- Data tests: what has to be true of tables, as rows, and what was found.
--
-- A test is a query for the rows that are at fault, made here from its kind and its words.  It
-- runs as the owner of its suite, reads only, and for so long at most (data_test.c).  A value
-- that is NULL fails no test but not_null, as a CHECK constraint has it.

CREATE TABLE mls.test_suite (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$'),
    owner    regrole NOT NULL,
    after    text CHECK (after IN ('sync', 'mart')),
    failures integer NOT NULL DEFAULT 0,
    problem  text
);
COMMENT ON TABLE mls.test_suite IS 'suites of data tests, which run together';
COMMENT ON COLUMN mls.test_suite.id IS 'number of the suite';
COMMENT ON COLUMN mls.test_suite.name IS 'its name';
COMMENT ON COLUMN mls.test_suite.owner IS 'role that made it; its tests run in its rights';
COMMENT ON COLUMN mls.test_suite.after IS 'sync: it runs after syncs that have brought something to tables it tests; mart: its tests of a mart run with each run of that; NULL: when it is called or scheduled';
COMMENT ON COLUMN mls.test_suite.failures IS 'runs that came to no end since the last that did';
COMMENT ON COLUMN mls.test_suite.problem IS 'why the last of them did not; NULL if it did';

CREATE TABLE mls.data_test (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    suite      bigint NOT NULL REFERENCES mls.test_suite ON DELETE CASCADE,
    name       text NOT NULL CHECK (name <> '' AND char_length(name) <= 200),
    kind       text NOT NULL CHECK (kind IN ('not_null', 'unique', 'relationships', 'accepted_values', 'range', 'regex', 'freshness', 'row_count', 'not_decreasing', 'sum_equals', 'expression', 'equal')),
    relation   regclass,
    columns    text[] NOT NULL,
    arguments  jsonb NOT NULL CHECK (jsonb_typeof(arguments) = 'object'),
    other      regclass,
    filter     text,
    severity   text NOT NULL CHECK (severity IN ('error', 'warn')),
    warn_if    bigint NOT NULL CHECK (warn_if > 0),
    error_if   bigint NOT NULL CHECK (error_if > 0),
    samples    integer NOT NULL CHECK (samples BETWEEN 0 AND 100),
    timeout_s  integer NOT NULL CHECK (timeout_s BETWEEN 1 AND 86400),
    on_failure text NOT NULL CHECK (on_failure IN ('report', 'keep last good')),
    baseline   numeric,
    UNIQUE (suite, name),
    CHECK ((kind = 'equal') = (relation IS NULL))
);
COMMENT ON TABLE mls.data_test IS 'data tests; mls_test_add() adds one';
COMMENT ON COLUMN mls.data_test.id IS 'number of the test';
COMMENT ON COLUMN mls.data_test.suite IS 'its suite';
COMMENT ON COLUMN mls.data_test.name IS 'its name there';
COMMENT ON COLUMN mls.data_test.kind IS 'what has to be true';
COMMENT ON COLUMN mls.data_test.relation IS 'of which table or view; NULL of kind equal';
COMMENT ON COLUMN mls.data_test.columns IS 'and of which of its columns';
COMMENT ON COLUMN mls.data_test.arguments IS 'what its kind asks for besides';
COMMENT ON COLUMN mls.data_test.other IS 'the other table or view, of kinds that compare two';
COMMENT ON COLUMN mls.data_test.filter IS 'condition, in SQL, of the rows that are looked at; NULL all';
COMMENT ON COLUMN mls.data_test.severity IS 'error, or warn: it never fails, but warns';
COMMENT ON COLUMN mls.data_test.warn_if IS 'with so many faults it warns';
COMMENT ON COLUMN mls.data_test.error_if IS 'with so many it fails';
COMMENT ON COLUMN mls.data_test.samples IS 'keys of faults that are kept of its last run, at most';
COMMENT ON COLUMN mls.data_test.timeout_s IS 'how long it may take, in seconds';
COMMENT ON COLUMN mls.data_test.on_failure IS 'report; keep last good: a run of the mart whose table it tests is taken back if it fails';
COMMENT ON COLUMN mls.data_test.baseline IS 'what a row_count has counted when it passed last; of other kinds 0 while the last run has found no fault; NULL since it was added or changed';

CREATE TABLE mls.test_result (
    test     bigint NOT NULL REFERENCES mls.data_test ON DELETE CASCADE,
    run      bigint NOT NULL REFERENCES mls.run ON DELETE CASCADE,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    status   text NOT NULL CHECK (status IN ('passed', 'warned', 'failed', 'broken')),
    failures bigint,
    measure  numeric,
    duration interval NOT NULL,
    message  text,
    query    text,
    PRIMARY KEY (test, run)
);
CREATE INDEX ON mls.test_result (run);
COMMENT ON TABLE mls.test_result IS 'what data tests have found';
COMMENT ON COLUMN mls.test_result.test IS 'the test';
COMMENT ON COLUMN mls.test_result.run IS 'the run it was part of: of the suite, or of a mart';
COMMENT ON COLUMN mls.test_result.at IS 'when';
COMMENT ON COLUMN mls.test_result.status IS 'passed, warned, failed, or broken: it could not be run';
COMMENT ON COLUMN mls.test_result.failures IS 'how many faults; NULL if it is broken';
COMMENT ON COLUMN mls.test_result.measure IS 'rows (row_count), or age in seconds (freshness)';
COMMENT ON COLUMN mls.test_result.duration IS 'how long it took';
COMMENT ON COLUMN mls.test_result.message IS 'why it is broken, without values of rows';
COMMENT ON COLUMN mls.test_result.query IS 'the SQL that ran';

-- Apart from the results: monitors see these, and no values of rows.
CREATE TABLE mls.test_sample (
    test    bigint PRIMARY KEY REFERENCES mls.data_test ON DELETE CASCADE,
    keys    jsonb NOT NULL,
    message text
);
COMMENT ON TABLE mls.test_sample IS 'values of rows that the last run of a data test has met: keys of faults, or an error';
COMMENT ON COLUMN mls.test_sample.test IS 'the test';
COMMENT ON COLUMN mls.test_sample.keys IS 'an array of objects: primary key, and the values at fault, each cut to 200 characters';
COMMENT ON COLUMN mls.test_sample.message IS 'the error by which it is broken, if that may have values of rows in its words';

ALTER TABLE mls.test_suite ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.data_test ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.test_result ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.test_sample ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.test_suite FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY monitor ON mls.test_suite FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
CREATE POLICY owner ON mls.data_test FOR SELECT USING (EXISTS (SELECT FROM mls.test_suite s WHERE s.id = suite));
CREATE POLICY owner ON mls.test_result FOR SELECT USING (EXISTS (SELECT FROM mls.data_test t WHERE t.id = test));
CREATE POLICY owner ON mls.test_sample FOR SELECT
    USING (EXISTS (SELECT FROM mls.data_test t JOIN mls.test_suite s ON s.id = t.suite WHERE t.id = test AND pg_catalog.pg_has_role(s.owner, 'USAGE')));
GRANT SELECT ON mls.test_suite, mls.data_test, mls.test_result, mls.test_sample TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.test_suite', '');
SELECT pg_catalog.pg_extension_config_dump('mls.test_suite_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.data_test', '');
SELECT pg_catalog.pg_extension_config_dump('mls.data_test_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.test_result', '');
SELECT pg_catalog.pg_extension_config_dump('mls.test_sample', '');

CREATE VIEW mls_tests WITH (security_invoker = true) AS
SELECT s.name AS suite, t.name AS test, t.kind, t.relation, t.columns, t.severity, t.on_failure,
       coalesce(r.status, 'new') AS status, r.failures, r.measure, r.at, r.duration, coalesce(f.message, r.message) AS message, s.after, s.owner
  FROM mls.data_test t
  JOIN mls.test_suite s ON s.id = t.suite
  LEFT JOIN LATERAL (SELECT r.* FROM mls.test_result r WHERE r.test = t.id ORDER BY r.run DESC LIMIT 1) r ON true
  LEFT JOIN mls.test_sample f ON f.test = t.id
 ORDER BY pg_catalog.array_position('{failed,broken,warned,new,passed}'::text[], coalesce(r.status, 'new')), s.name, t.name;
COMMENT ON VIEW mls_tests IS 'data tests and what each has found last, those at fault first';
COMMENT ON COLUMN mls_tests.suite IS 'the suite';
COMMENT ON COLUMN mls_tests.test IS 'name of the test';
COMMENT ON COLUMN mls_tests.kind IS 'what has to be true';
COMMENT ON COLUMN mls_tests.relation IS 'of which table or view';
COMMENT ON COLUMN mls_tests.columns IS 'and of which columns';
COMMENT ON COLUMN mls_tests.severity IS 'error or warn';
COMMENT ON COLUMN mls_tests.on_failure IS 'report or keep last good';
COMMENT ON COLUMN mls_tests.status IS 'new (no run yet), passed, warned, failed, or broken: it could not be run';
COMMENT ON COLUMN mls_tests.failures IS 'how many faults';
COMMENT ON COLUMN mls_tests.measure IS 'rows (row_count), or age in seconds (freshness)';
COMMENT ON COLUMN mls_tests.at IS 'when that was found';
COMMENT ON COLUMN mls_tests.duration IS 'how long it took';
COMMENT ON COLUMN mls_tests.message IS 'why it is broken; the words of an error that may have values of rows in it are for the owner of the suite';
COMMENT ON COLUMN mls_tests.after IS 'after runs of which process it runs';
COMMENT ON COLUMN mls_tests.owner IS 'role in whose rights it runs';

CREATE VIEW mls_test_failures WITH (security_invoker = true) AS
SELECT s.name AS suite, t.name AS test, t.relation, k.key
  FROM mls.test_sample f
  JOIN mls.data_test t ON t.id = f.test
  JOIN mls.test_suite s ON s.id = t.suite
 CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(f.keys) AS k (key);
COMMENT ON VIEW mls_test_failures IS 'rows at fault that the last runs of data tests have found, up to the number that each test keeps; for the owner of the suite';
COMMENT ON COLUMN mls_test_failures.suite IS 'the suite';
COMMENT ON COLUMN mls_test_failures.test IS 'name of the test';
COMMENT ON COLUMN mls_test_failures.relation IS 'the table or view';
COMMENT ON COLUMN mls_test_failures.key IS 'primary key of the row, and its values at fault';
GRANT SELECT ON mls_tests, mls_test_failures TO pg_monitor;

-- ---- From a test to its query ----

-- One expression, or one query, and nothing that goes on behind it.
CREATE FUNCTION mls.require_sql(piece text, is_query boolean, what text) RETURNS void
    LANGUAGE c IMMUTABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_require_sql_sql';
COMMENT ON FUNCTION mls.require_sql(text, boolean, text) IS 'part of mls_test_add(): an error unless a text is one expression, or one query, that reads; NULL is none';

-- Kinds, with the names of their arguments; those before the bar must be there.
CREATE FUNCTION mls.data_test_arguments(kind text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE kind WHEN 'not_null' THEN '|' WHEN 'unique' THEN '|' WHEN 'relationships' THEN 'columns|' WHEN 'accepted_values' THEN 'values|' WHEN 'range' THEN '|min,max,strict'
                 WHEN 'regex' THEN 'pattern|' WHEN 'freshness' THEN '|warn_after,error_after' WHEN 'row_count' THEN '|min,max,max_change_pct' WHEN 'not_decreasing' THEN 'order_by|partition_by,strict'
                 WHEN 'sum_equals' THEN '|value,column,filter,group_by,other_group_by,tolerance' WHEN 'expression' THEN 'expression|' WHEN 'equal' THEN 'query,expected|' END
$$;
COMMENT ON FUNCTION mls.data_test_arguments(text) IS 'names of the arguments of a kind of data test: those it needs, a bar, those it takes; NULL if there is no such kind';

CREATE FUNCTION mls.data_test_columns(relation regclass, names text[]) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    missing text;
    known text[] := ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped);
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation) THEN
        PERFORM mls.refuse('42P01', 'the table of the test was dropped', 'Remove the test with mls_test_drop(), or add it again.');
    END IF;
    missing := (SELECT coalesce(n, 'NULL') FROM unnest(names) n WHERE n IS NULL OR n <> ALL (known) LIMIT 1);
    IF missing IS NOT NULL THEN
        PERFORM mls.refuse('42703', format('%s has no column "%s"', relation, missing), 'Perhaps you meant "' || mls.nearest(missing, known) || '".');
    END IF;
    RETURN names;
END $$;
COMMENT ON FUNCTION mls.data_test_columns(regclass, text[]) IS 'names of columns, which must be those of a table; part of mls.data_test_query()';

-- Parts of a row t as an object: values of any type as text, cut.
CREATE FUNCTION mls.data_test_shown(names text[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT format('jsonb_build_object(%s)', (SELECT string_agg(format('%L, left(t.%I::text, 200)', n, n), ', ' ORDER BY i) FROM unnest(names) WITH ORDINALITY u (n, i)))
$$;
COMMENT ON FUNCTION mls.data_test_shown(text[]) IS 'SQL that shows columns of a row; part of mls.data_test_query()';

CREATE FUNCTION mls.data_test_list(value jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT CASE jsonb_typeof(value) WHEN 'array' THEN ARRAY(SELECT e FROM jsonb_array_elements_text(value) WITH ORDINALITY u (e, i) ORDER BY i) WHEN 'string' THEN ARRAY[value #>> '{}'] ELSE '{}' END $$;
COMMENT ON FUNCTION mls.data_test_list(jsonb) IS 'texts of an argument, which may be one or an array; part of mls.data_test_query()';

-- The query for the faults of a test: a row with their number, keys of some, what was measured,
-- and the level, where the kind itself says it.  Kinds that look at each row by itself, or within
-- groups, may be given some rows only, as SQL.
CREATE FUNCTION mls.data_test_query(test mls.data_test, rows text DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    a CONSTANT jsonb := test.arguments;
    names text[] := test.columns;
    first text := quote_ident(test.columns[1]);
    key text[];
    shown text;
    faults text;
    condition text;
    filter text := coalesce(E' AND (\n' || test.filter || E'\n)', '');
    looked_at text := coalesce(rows, test.relation::text);
    type text;
    is_list boolean;
BEGIN
    IF test.kind = 'equal' THEN
        faults := format(E'SELECT jsonb_build_object(''only_in'', r.side, ''row'', left(r.row::text, 1000)) AS key FROM (\n'
                         'WITH a AS (SELECT to_jsonb(q) AS row FROM (\n%s\n) q), b AS (SELECT to_jsonb(q) AS row FROM (\n%s\n) q)\n'
                         '(SELECT ''query'' AS side, a.row FROM a EXCEPT ALL SELECT ''query'', b.row FROM b) UNION ALL (SELECT ''expected'', b.row FROM b EXCEPT ALL SELECT ''expected'', a.row FROM a)) r',
                         a ->> 'query', a ->> 'expected');
    ELSE
        PERFORM mls.data_test_columns(test.relation, names);
        key := ARRAY(SELECT t.attname::text FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k (attnum, place) JOIN pg_attribute t ON t.attrelid = i.indrelid AND t.attnum = k.attnum
                      WHERE i.indrelid = test.relation AND i.indisprimary ORDER BY k.place);
        shown := mls.data_test_shown(key || ARRAY(SELECT c FROM unnest(names) WITH ORDINALITY u (c, i) WHERE c <> ALL (key) ORDER BY i));
        IF key = '{}' AND (SELECT c.relkind IN ('r', 'm') FROM pg_class c WHERE c.oid = test.relation) THEN
            shown := shown || ' || jsonb_build_object(''ctid'', t.ctid::text)';
        END IF;
        SELECT coalesce(e.oid, y.oid)::regtype::text, e.oid IS NOT NULL INTO type, is_list
          FROM pg_attribute t JOIN pg_type y ON y.oid = t.atttypid LEFT JOIN pg_type e ON e.oid = y.typelem AND y.typcategory = 'A'
         WHERE t.attrelid = test.relation AND t.attname = test.columns[1] AND t.attnum > 0;
        IF test.kind = 'not_null' THEN
            condition := (SELECT string_agg(format('t.%I IS NULL', c), ' OR ') FROM unnest(names) c);
        ELSIF test.kind = 'accepted_values' THEN
            condition := format(CASE WHEN is_list THEN 'NOT t.%s <@ ARRAY[%s]::%s[]' ELSE 'NOT t.%s = ANY (ARRAY[%s]::%s[])' END, first,
                                (SELECT string_agg(quote_literal(v), ', ') FROM unnest(mls.data_test_list(a -> 'values')) v), type);
        ELSIF test.kind = 'range' THEN
            condition := (SELECT string_agg(c, ' OR ') FROM unnest(ARRAY[
                CASE WHEN a ? 'min' THEN format('t.%s %s %L::%s', first, CASE WHEN (a ->> 'strict')::boolean THEN '<=' ELSE '<' END, a ->> 'min', type) END,
                CASE WHEN a ? 'max' THEN format('t.%s %s %L::%s', first, CASE WHEN (a ->> 'strict')::boolean THEN '>=' ELSE '>' END, a ->> 'max', type) END]) c);
        ELSIF test.kind = 'regex' THEN
            condition := format('t.%s::text !~ %L', first, a ->> 'pattern');
        ELSIF test.kind = 'expression' THEN
            condition := format(E'NOT (\n%s\n)', a ->> 'expression');
        ELSIF test.kind = 'relationships' THEN
            PERFORM mls.data_test_columns(test.other, mls.data_test_list(a -> 'columns'));
            -- NOT IN would say nothing as soon as one key there is NULL.
            condition := (SELECT format('%s AND NOT EXISTS (SELECT FROM %s o WHERE %s)', string_agg(format('t.%I IS NOT NULL', c), ' AND '), test.other, string_agg(format('o.%I = t.%I', o, c), ' AND '))
                            FROM unnest(names, mls.data_test_list(a -> 'columns')) u (c, o));
        END IF;
        IF condition IS NOT NULL THEN
            faults := format('SELECT %s AS key FROM %s t WHERE (%s)%s', shown, looked_at, condition, filter);
        ELSIF test.kind = 'unique' THEN
            faults := format('SELECT %s || jsonb_build_object(''rows'', count(*)) AS key FROM %s t WHERE %s%s GROUP BY %s HAVING count(*) > 1', mls.data_test_shown(names), test.relation,
                             (SELECT string_agg(format('t.%I IS NOT NULL', c), ' AND ') FROM unnest(names) c), filter, (SELECT string_agg(format('t.%I', c), ', ') FROM unnest(names) c));
        ELSIF test.kind = 'not_decreasing' THEN
            PERFORM mls.data_test_columns(test.relation, mls.data_test_list(a -> 'order_by') || mls.data_test_list(a -> 'partition_by'));
            faults := format('SELECT r.key || jsonb_build_object(''before'', left(r.before::text, 200)) AS key FROM (SELECT %s AS key, t.%s AS value, lag(t.%s) OVER (%s ORDER BY %s) AS before FROM %s t WHERE t.%s IS NOT NULL%s) r WHERE r.value %s r.before',
                             shown, first, first, (SELECT 'PARTITION BY ' || string_agg(format('t.%I', c), ', ' ORDER BY i) FROM unnest(mls.data_test_list(a -> 'partition_by')) WITH ORDINALITY u (c, i)),
                             (SELECT string_agg(format('t.%I', c), ', ' ORDER BY i) FROM unnest(mls.data_test_list(a -> 'order_by')) WITH ORDINALITY u (c, i)), looked_at, first, filter,
                             CASE WHEN (a ->> 'strict')::boolean THEN '<=' ELSE '<' END);
        ELSIF test.kind = 'sum_equals' THEN
            PERFORM mls.data_test_columns(test.relation, mls.data_test_list(a -> 'group_by'));
            IF test.other IS NOT NULL THEN
                PERFORM mls.data_test_columns(test.other, mls.data_test_list(coalesce(a -> 'other_group_by', a -> 'group_by')) || (a ->> 'column'));
            END IF;
            -- Groups side by side by the same union, in which NULL is a group as well.
            faults := format('SELECT jsonb_build_object(%s''sum'', sum(r.here), ''expected'', sum(r.there)) AS key FROM (SELECT %s t.%s::numeric AS here, NULL::numeric AS there FROM %s t WHERE true%s UNION ALL %s) r %s HAVING abs(coalesce(sum(r.here), 0) - coalesce(sum(r.there), 0)) > %L::numeric',
                             (SELECT string_agg(format('%L, left(r.g%s::text, 200), ', c, i), '' ORDER BY i) FROM unnest(mls.data_test_list(a -> 'group_by')) WITH ORDINALITY u (c, i)),
                             (SELECT string_agg(format('t.%I AS g%s, ', c, i), '' ORDER BY i) FROM unnest(mls.data_test_list(a -> 'group_by')) WITH ORDINALITY u (c, i)), first, test.relation, filter,
                             CASE WHEN test.other IS NULL THEN format('SELECT NULL, %L::numeric', a ->> 'value')
                                  ELSE format('SELECT %s NULL, t.%I::numeric FROM %s t WHERE true%s', (SELECT string_agg(format('t.%I, ', c), '' ORDER BY i) FROM unnest(mls.data_test_list(coalesce(a -> 'other_group_by', a -> 'group_by'))) WITH ORDINALITY u (c, i)),
                                              a ->> 'column', test.other, coalesce(E' AND (\n' || (a ->> 'filter') || E'\n)', '')) END,
                             (SELECT 'GROUP BY ' || string_agg(format('r.g%s', i), ', ' ORDER BY i) FROM unnest(mls.data_test_list(a -> 'group_by')) WITH ORDINALITY u (c, i)), coalesce(a ->> 'tolerance', '0'));
        ELSIF test.kind = 'freshness' THEN
            RETURN format('SELECT CASE r.level WHEN ''passed'' THEN 0 ELSE 1 END::bigint AS failures, CASE WHEN r.level <> ''passed'' THEN jsonb_build_array(jsonb_build_object(''newest'', r.newest)) END AS keys, extract(epoch FROM r.age)::numeric AS measure, r.level '
                          'FROM (SELECT r.newest, r.age, CASE WHEN r.newest IS NULL THEN %L WHEN r.age > %L::interval THEN ''failed'' WHEN r.age > %L::interval THEN ''warned'' ELSE ''passed'' END AS level '
                          'FROM (SELECT max(t.%s) AS newest, now() - max(t.%s)::timestamptz AS age FROM %s t WHERE true%s) r) r',
                          CASE WHEN a ? 'error_after' THEN 'failed' ELSE 'warned' END, a ->> 'error_after', a ->> 'warn_after', first, first, test.relation, filter);
        ELSIF test.kind = 'row_count' THEN
            RETURN format('SELECT CASE WHEN r.fits THEN 0 ELSE 1 END::bigint AS failures, CASE WHEN NOT r.fits THEN jsonb_build_array(jsonb_build_object(''rows'', r.rows, ''before'', %L::numeric)) END AS keys, r.rows::numeric AS measure, NULL::text AS level '
                          'FROM (SELECT r.rows, (r.rows >= %L::numeric) IS NOT FALSE AND (r.rows <= %L::numeric) IS NOT FALSE AND (abs(r.rows - %L::numeric) * 100 <= %L::numeric * %L::numeric) IS NOT FALSE AS fits FROM (SELECT count(*) AS rows FROM %s t WHERE true%s) r) r',
                          test.baseline, a ->> 'min', a ->> 'max', test.baseline, a ->> 'max_change_pct', test.baseline, test.relation, filter);
        END IF;
    END IF;
    RETURN format(E'SELECT count(*) AS failures, jsonb_agg(f.key) FILTER (WHERE f.n <= %s) AS keys, NULL::numeric AS measure, NULL::text AS level FROM (SELECT q.key, row_number() OVER () AS n FROM (\n%s\n) q) f', test.samples, faults);
END $f$;
COMMENT ON FUNCTION mls.data_test_query(mls.data_test, text) IS 'part of mls_test(): the query for the faults of a data test, in all rows or in some: their number, keys of some, what was measured, and the level where its kind says it';

-- What is at the end told to who adds a test, rather than by each run.
CREATE FUNCTION mls.data_test_check(test mls.data_test) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    a CONSTANT jsonb := test.arguments;
    kinds CONSTANT text[] := '{not_null,unique,relationships,accepted_values,range,regex,freshness,row_count,not_decreasing,sum_equals,expression,equal}';
    needed text[] := string_to_array(split_part(mls.data_test_arguments(test.kind), '|', 1), ',');
    taken text[] := string_to_array(split_part(mls.data_test_arguments(test.kind), '|', 2), ',');
    wrong text;
    columns integer := cardinality(test.columns);
BEGIN
    IF needed IS NULL THEN
        PERFORM mls.refuse('22023', format('there is no kind of data test "%s"', test.kind), coalesce('Perhaps you meant "' || mls.nearest(test.kind, kinds) || '".', format('Kinds are: %s.', array_to_string(kinds, ', '))));
    END IF;
    SELECT k INTO wrong FROM jsonb_object_keys(a) k WHERE k <> ALL (needed || taken) ORDER BY k LIMIT 1;
    IF wrong IS NOT NULL THEN
        PERFORM mls.refuse('22023', format('a test %s has no argument "%s"', test.kind, wrong), coalesce('It takes: ' || nullif(array_to_string(needed || taken, ', '), '') || '.', 'It takes none.'));
    END IF;
    SELECT k INTO wrong FROM unnest(needed) k WHERE a -> k IS NULL OR a -> k IN ('null', '[]', '""') ORDER BY k LIMIT 1;
    IF wrong IS NULL AND (test.kind = 'range' AND NOT a ?| '{min,max}' OR test.kind = 'freshness' AND NOT a ?| '{warn_after,error_after}' OR test.kind = 'row_count' AND NOT a ?| '{min,max,max_change_pct}') THEN
        wrong := array_to_string(taken, '" or "');
    ELSIF wrong IS NULL AND test.kind = 'sum_equals' AND (a ? 'value') = (a ? 'column') THEN
        wrong := 'value" or "column';
    END IF;
    IF wrong IS NOT NULL THEN
        PERFORM mls.refuse('22023', format('a test %s needs the argument "%s"', test.kind, wrong));
    END IF;
    SELECT k INTO wrong FROM jsonb_each(a) u (k, v) WHERE v = 'null' OR v @> '[null]' ORDER BY k LIMIT 1;
    IF wrong IS NOT NULL THEN
        PERFORM mls.refuse('22023', format('argument "%s" is or has NULL, which is equal to nothing', wrong));
    END IF;
    IF (CASE test.kind WHEN 'expression' THEN false WHEN 'equal' THEN columns > 0 WHEN 'row_count' THEN columns > 0 WHEN 'not_null' THEN columns = 0 WHEN 'unique' THEN columns = 0
                      WHEN 'relationships' THEN columns = 0 OR columns <> cardinality(mls.data_test_list(a -> 'columns')) ELSE columns <> 1 END) THEN
        PERFORM mls.refuse('22023', CASE WHEN test.kind IN ('equal', 'row_count') THEN format('a test %s is of no column', test.kind) WHEN test.kind IN ('not_null', 'unique') THEN format('a test %s is of one column or several', test.kind)
                                         WHEN test.kind = 'relationships' THEN 'relationships have as many columns here as there (argument "columns")' ELSE format('a test %s is of one column', test.kind) END);
    ELSIF (test.kind = 'equal') <> (test.relation IS NULL) THEN
        PERFORM mls.refuse('22023', CASE test.kind WHEN 'equal' THEN 'a test equal is of two queries, and no table' ELSE format('a test %s is of a table', test.kind) END);
    ELSIF (test.kind = 'relationships' OR test.kind = 'sum_equals' AND a ? 'column') <> (test.other IS NOT NULL) THEN
        PERFORM mls.refuse('22023', CASE WHEN test.other IS NULL THEN format('a test %s needs the other table', test.kind) ELSE format('a test %s has no other table', test.kind) END);
    ELSIF test.kind = 'sum_equals' AND test.other IS NULL AND a ? 'group_by' OR test.kind = 'sum_equals' AND a ? 'other_group_by' AND cardinality(mls.data_test_list(a -> 'group_by')) <> cardinality(mls.data_test_list(a -> 'other_group_by')) THEN
        PERFORM mls.refuse('22023', 'groups of a sum are compared with as many there');
    ELSIF test.on_failure = 'keep last good' AND NOT EXISTS (SELECT FROM mls.mart m JOIN pg_namespace n ON n.nspname = m.name JOIN pg_class c ON c.relnamespace = n.oid WHERE c.oid = test.relation) THEN
        PERFORM mls.refuse('22023', 'only what a mart computes can be kept back', 'Name a table of a mart of yours.');
    ELSIF test.filter IS NOT NULL AND test.kind = 'equal' THEN
        PERFORM mls.refuse('22023', 'a test equal has no filter', 'Write it into its queries.');
    END IF;
    PERFORM mls.require_sql(test.filter, false, 'a filter'), mls.require_sql(a ->> 'filter', false, 'a filter'), mls.require_sql(a ->> 'expression', false, 'a data test'),
            mls.require_sql(a ->> 'query', true, 'a data test'), mls.require_sql(a ->> 'expected', true, 'a data test');
    IF (SELECT bool_or(c.relpersistence = 't' OR c.relkind NOT IN ('r', 'p', 'v', 'm', 'f')) FROM pg_class c WHERE c.oid IN (test.relation, test.other)) THEN
        PERFORM mls.refuse('42809', 'what is tested is a table or view that stays');
    END IF;
    IF test.relation IS NOT NULL THEN
        PERFORM mls.require_trusted(test.relation);
    END IF;
    IF test.other IS NOT NULL THEN
        PERFORM mls.require_trusted(test.other);
    END IF;
    EXECUTE 'EXPLAIN ' || mls.data_test_query(test);
END $$;
COMMENT ON FUNCTION mls.data_test_check(mls.data_test) IS 'part of mls_test_add(): an error unless a data test can be run';

-- ---- What users call ----

CREATE FUNCTION mls.note_test_suite(caller regrole, name text, after text, process text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.test_suite;
BEGIN
    SELECT * INTO known FROM mls.test_suite s WHERE s.name = note_test_suite.name FOR UPDATE;
    IF known.id IS NOT NULL AND NOT pg_has_role(caller, known.owner, 'USAGE') OR known.id IS NULL AND process = 'drop' THEN
        PERFORM mls.refuse('42704', format('there is no test suite "%s" of yours', name), 'mls_tests lists what is tested.');
    ELSIF process = 'drop' THEN
        DELETE FROM mls.test_suite s WHERE s.id = known.id;
        DELETE FROM mls.run r WHERE r.subscription IS NULL AND r.process = 'test' AND r.subject = note_test_suite.name;
    ELSIF known.id IS NULL THEN
        INSERT INTO mls.test_suite (name, owner, after) VALUES (name, caller, after) RETURNING id INTO known.id;
    ELSIF process = 'set' THEN
        UPDATE mls.test_suite s SET after = note_test_suite.after WHERE s.id = known.id;
        -- Runs in between may not have looked.
        UPDATE mls.data_test t SET baseline = NULL WHERE t.suite = known.id AND t.kind <> 'row_count' AND known.after IS DISTINCT FROM note_test_suite.after;
    END IF;
    RETURN known.id;
END $$;
COMMENT ON FUNCTION mls.note_test_suite(regrole, text, text, text) IS 'set: adds or alters a suite of a caller; need: adds it if it is not there; drop: removes it; returns its number';
CREATE FUNCTION mls.note_test_suite(name text, after text, process text) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_test_suite(text, text, text) IS 'part of mls_test_suite(), mls_test_add() and mls_test_drop(): the same for who calls it';

CREATE FUNCTION mls.note_data_test(caller regrole, suite text, name text, settings jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    home bigint := mls.note_test_suite(caller, suite, NULL, 'need');
    row mls.data_test := jsonb_populate_record(NULL::mls.data_test, settings);
BEGIN
    IF settings IS NULL THEN
        DELETE FROM mls.data_test t WHERE t.suite = home AND t.name = note_data_test.name RETURNING t.id INTO row.id;
        IF NOT FOUND THEN
            PERFORM mls.refuse('42704', format('suite "%s" has no test "%s"', suite, name),
                'Perhaps you meant "' || mls.nearest(name, ARRAY(SELECT t.name FROM mls.data_test t WHERE t.suite = home)) || '".');
        END IF;
        RETURN row.id;
    END IF;
    INSERT INTO mls.data_test AS t (suite, name, kind, relation, columns, arguments, other, filter, severity, warn_if, error_if, samples, timeout_s, on_failure)
    VALUES (home, name, row.kind, row.relation, row.columns, row.arguments, row.other, row.filter, row.severity, row.warn_if, row.error_if, row.samples, row.timeout_s, row.on_failure)
    ON CONFLICT ON CONSTRAINT data_test_suite_name_key DO UPDATE
       SET kind = excluded.kind, relation = excluded.relation, columns = excluded.columns, arguments = excluded.arguments, other = excluded.other, filter = excluded.filter, severity = excluded.severity,
           warn_if = excluded.warn_if, error_if = excluded.error_if, samples = excluded.samples, timeout_s = excluded.timeout_s, on_failure = excluded.on_failure, baseline = NULL
    RETURNING t.id INTO row.id;
    DELETE FROM mls.test_sample f WHERE f.test = row.id;
    RETURN row.id;
END $$;
COMMENT ON FUNCTION mls.note_data_test(regrole, text, text, jsonb) IS 'adds or alters a data test of a caller, or (NULL) removes it; returns its number';
CREATE FUNCTION mls.note_data_test(suite text, name text, settings jsonb) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_data_test(text, text, jsonb) IS 'part of mls_test_add() and mls_test_drop(): the same for who calls it';

CREATE FUNCTION mls_test_suite(name text, after text DEFAULT NULL) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_test_suite()', 'make a suite of tests');
    IF name IS NULL OR name !~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$' THEN
        PERFORM mls.refuse('42602', format('"%s" is no name of a test suite', name), 'Letters, digits, "_" and "-", 63 at most.');
    ELSIF after NOT IN ('sync', 'mart') THEN
        PERFORM mls.refuse('22023', format('tests do not run after "%s"', after), 'They run after sync or mart, or (NULL) when they are called or scheduled.');
    END IF;
    RETURN mls.note_test_suite(name, after, 'set');
END $$;
COMMENT ON FUNCTION mls_test_suite(text, text)
    IS 'make a suite of data tests, or say when it runs: after sync, with the runs of a mart, or (NULL) when it is called or scheduled';

CREATE FUNCTION mls_test_add(
    suite text,
    name text,
    kind text,
    relation regclass DEFAULT NULL,
    columns text[] DEFAULT '{}',
    arguments jsonb DEFAULT '{}',
    other regclass DEFAULT NULL,
    filter text DEFAULT NULL,
    severity text DEFAULT 'error',
    warn_if bigint DEFAULT 1,
    error_if bigint DEFAULT 1,
    samples integer DEFAULT 20,
    timeout_s integer DEFAULT 60,
    on_failure text DEFAULT 'report') RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_variable
DECLARE
    row mls.data_test;
    settings jsonb := jsonb_build_object('kind', kind, 'relation', relation::oid::text, 'columns', columns, 'arguments', arguments, 'other', other::oid::text, 'filter', filter, 'severity', severity,
                                         'warn_if', warn_if, 'error_if', error_if, 'samples', samples, 'timeout_s', timeout_s, 'on_failure', on_failure);
BEGIN
    PERFORM mls.refuse_standby('mls_test_add()', 'add a test');
    IF suite IS NULL OR suite !~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$' OR name IS NULL OR name = '' OR char_length(name) > 200 THEN
        PERFORM mls.refuse('42602', format('"%s" of "%s" is no name of a test', name, suite), 'That of the suite has letters, digits, "_" and "-", 63 at most, that of the test 200 characters at most.');
    ELSIF severity IS NULL OR severity NOT IN ('error', 'warn') THEN
        PERFORM mls.refuse('22023', format('"%s" is no severity', severity), 'Severities: error, warn.');
    ELSIF on_failure IS NULL OR on_failure NOT IN ('report', 'keep last good') THEN
        PERFORM mls.refuse('22023', format('"%s" is nothing to do on failure', on_failure), 'It is report, or keep last good.');
    ELSIF coalesce(warn_if, 0) < 1 OR coalesce(error_if, 0) < 1 OR samples IS NULL OR samples NOT BETWEEN 0 AND 100 OR timeout_s IS NULL OR timeout_s NOT BETWEEN 1 AND 86400 THEN
        PERFORM mls.refuse('22023', 'a number is out of bounds', 'warn_if and error_if are 1 or more, samples 0 to 100, timeout_s 1 to 86,400.');
    ELSIF columns IS NULL OR arguments IS NULL OR jsonb_typeof(arguments) <> 'object' THEN
        PERFORM mls.refuse('22023', 'columns are an array, arguments an object', 'For example: arguments => ''{"min": 0}''.');
    END IF;
    row := jsonb_populate_record(NULL::mls.data_test, settings);
    PERFORM mls.data_test_check(row);
    RETURN mls.note_data_test(suite, name, settings);
END $$;
COMMENT ON FUNCTION mls_test_add(text, text, text, regclass, text[], jsonb, regclass, text, text, bigint, bigint, integer, integer, text)
    IS 'add a data test to a suite, or change it: what has to be true (kind) of columns of a table or view, or of two queries; arguments as the kind wants them; filter says of which rows; severity, warn_if and error_if (faults) what becomes of it; samples (0 to 100) how many keys are kept; on_failure keep last good takes a run of the mart back';

CREATE FUNCTION mls_test_drop(suite text, name text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_test_drop()', 'remove tests');
    IF name IS NULL OR NOT EXISTS (SELECT FROM mls.test_suite s WHERE s.name = suite AND pg_has_role(s.owner, 'USAGE')) THEN
        PERFORM mls.note_test_suite(coalesce(suite, ''), NULL, 'drop');
    ELSE
        PERFORM mls.note_data_test(suite, name, NULL);
    END IF;
END $$;
COMMENT ON FUNCTION mls_test_drop(text, text) IS 'remove a data test, or a whole suite, with what they have found';

CREATE FUNCTION mls_test_sync(
    suite text DEFAULT NULL,
    OUT owner text, OUT suite text, OUT status text, OUT tests bigint, OUT passed bigint, OUT warned bigint, OUT failed bigint,
    OUT duration interval, OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_test_sync(text)
    IS 'run data tests, all or those of a suite, in background workers; a row for each suite: tests, and how many passed, warned and failed (or are broken)';

CREATE FUNCTION mls.run_tests(
    wanted text, fail boolean,
    OUT suite text, OUT test text, OUT status text, OUT failures bigint, OUT duration interval, OUT message text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    suites text[];
    bad text[];
    n bigint;
BEGIN
    PERFORM mls.refuse_standby('mls_test()', 'run tests');
    -- Processes of their own commit what they find; an older snapshot would not show it.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM mls.refuse('25001', 'mls_test() needs a transaction that is read committed', 'mls_test_sync() runs in any.');
    END IF;
    suites := ARRAY(SELECT s.suite FROM @extschema@.mls_test_sync(wanted) s);
    RETURN QUERY SELECT t.suite, t.test, t.status, t.failures, t.duration, t.message FROM @extschema@.mls_tests t WHERE t.suite = ANY (suites);
    IF fail THEN
        SELECT array_agg(format('%s.%s (%s)', t.suite, t.test, coalesce(mls.counted(t.failures, 'fault', 'faults'), t.message))) FILTER (WHERE t.severity = 'error' AND t.status IN ('failed', 'broken')), count(*)
          INTO bad, n FROM @extschema@.mls_tests t WHERE t.suite = ANY (suites);
        IF bad IS NOT NULL THEN
            PERFORM mls.refuse('23514', format('%s of %s failed: %s', cardinality(bad), mls.counted(n, 'data test', 'data tests'), left(array_to_string(bad, ', '), 900)),
                'mls_tests has what each has found, mls_test_failures rows at fault.');
        END IF;
    END IF;
END $$;
COMMENT ON FUNCTION mls.run_tests(text, boolean) IS 'part of mls_test(): runs tests and returns what they have found, or an error';

CREATE FUNCTION mls_test(
    suite text DEFAULT NULL, fail boolean DEFAULT false,
    OUT suite text, OUT test text, OUT status text, OUT failures bigint, OUT duration interval, OUT message text)
    RETURNS SETOF record
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT * FROM mls.run_tests(suite, fail) $$;
COMMENT ON FUNCTION mls_test(text, boolean)
    IS 'run data tests, all or those of a suite, and say what each has found, those at fault first; with fail it is an error if one fails, for psql and pipelines';

-- ---- Suites that come along ----

CREATE TABLE mls.shipped_test (
    suite      text NOT NULL,
    name       text NOT NULL,
    kind       text NOT NULL,
    relation   text NOT NULL,
    columns    text[] NOT NULL DEFAULT '{}',
    needs      text[] NOT NULL DEFAULT '{}',
    arguments  jsonb NOT NULL DEFAULT '{}',
    other      text,
    filter     text,
    severity   text NOT NULL,
    on_failure text NOT NULL DEFAULT 'report',
    PRIMARY KEY (suite, name)
);
COMMENT ON TABLE mls.shipped_test IS 'data tests that come along; mls_test_add_shipped() adds them where their columns are';
COMMENT ON COLUMN mls.shipped_test.suite IS 'gold or mart';
COMMENT ON COLUMN mls.shipped_test.name IS 'as in mls.data_test';
COMMENT ON COLUMN mls.shipped_test.kind IS 'as in mls.data_test';
COMMENT ON COLUMN mls.shipped_test.relation IS 'resource of gold, or table of a mart';
COMMENT ON COLUMN mls.shipped_test.columns IS 'as in mls.data_test';
COMMENT ON COLUMN mls.shipped_test.needs IS 'columns that it uses besides';
COMMENT ON COLUMN mls.shipped_test.arguments IS 'as in mls.data_test';
COMMENT ON COLUMN mls.shipped_test.other IS 'the other resource or table';
COMMENT ON COLUMN mls.shipped_test.filter IS 'as in mls.data_test';
COMMENT ON COLUMN mls.shipped_test.severity IS 'as in mls.data_test';
COMMENT ON COLUMN mls.shipped_test.on_failure IS 'as in mls.data_test';
REVOKE ALL ON mls.shipped_test FROM PUBLIC;

CREATE FUNCTION mls_test_add_shipped(kind text, suite text DEFAULT NULL, mart text DEFAULT 'mart', after text DEFAULT NULL) RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_variable
DECLARE
    wanted mls.shipped_test;
    here regclass;
    there regclass;
    n integer := 0;
BEGIN
    PERFORM mls.refuse_standby('mls_test_add_shipped()', 'add tests');
    IF kind IS NULL OR kind NOT IN ('gold', 'mart') THEN
        PERFORM mls.refuse('22023', format('no tests come along for "%s"', kind), 'Shipped are tests for gold and for mart.');
    END IF;
    suite := coalesce(suite, CASE kind WHEN 'gold' THEN 'gold' ELSE mart END);
    PERFORM @extschema@.mls_test_suite(suite, coalesce(after, CASE kind WHEN 'gold' THEN 'sync' ELSE 'mart' END));
    FOR wanted IN SELECT * FROM mls.shipped_test s WHERE s.suite = kind ORDER BY s.name LOOP
        here := CASE kind WHEN 'gold' THEN mls.gold_table(wanted.relation) ELSE to_regclass(quote_ident(mart) || '.' || quote_ident(wanted.relation)) END;
        there := CASE kind WHEN 'gold' THEN mls.gold_table(wanted.other) ELSE to_regclass(quote_ident(mart) || '.' || quote_ident(wanted.other)) END;
        CONTINUE WHEN here IS NULL OR there IS NULL AND wanted.other IS NOT NULL
                      OR EXISTS (SELECT FROM unnest(wanted.columns || wanted.needs) c
                                  WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = here AND a.attname = c AND NOT a.attisdropped AND has_column_privilege(here, a.attnum, 'SELECT')))
                      OR EXISTS (SELECT FROM unnest(mls.data_test_list(wanted.arguments -> 'columns')) c
                                  WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = there AND a.attname = c AND NOT a.attisdropped AND has_column_privilege(there, a.attnum, 'SELECT')));
        PERFORM @extschema@.mls_test_add(suite, wanted.name, wanted.kind, here, wanted.columns, wanted.arguments, there, wanted.filter, wanted.severity,
                                         on_failure => wanted.on_failure);
        n := n + 1;
    END LOOP;
    RETURN n;
END $$;
COMMENT ON FUNCTION mls_test_add_shipped(text, text, text, text)
    IS 'add the data tests that come along for gold or for a mart, those whose tables and columns are there, to a suite of that name; returns how many. They run after sync, or with the runs of the mart, unless after says otherwise';

REVOKE ALL ON FUNCTION mls.require_sql(text, boolean, text), mls.data_test_arguments(text), mls.data_test_columns(regclass, text[]), mls.data_test_shown(text[]), mls.data_test_list(jsonb),
    mls.data_test_query(mls.data_test, text), mls.data_test_check(mls.data_test), mls.note_test_suite(regrole, text, text, text), mls.note_test_suite(text, text, text), mls.note_data_test(regrole, text, text, jsonb),
    mls.note_data_test(text, text, jsonb), mls_test_suite(text, text), mls_test_add(text, text, text, regclass, text[], jsonb, regclass, text, text, bigint, bigint, integer, integer, text), mls_test_drop(text, text),
    mls_test_sync(text), mls.run_tests(text, boolean), mls_test(text, boolean), mls_test_add_shipped(text, text, text, text) FROM PUBLIC;
