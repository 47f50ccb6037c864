-- Gold and marts as sources of a dbt project.

-- A text as YAML reads it in any place: JSON's strings are its double-quoted ones.
CREATE FUNCTION mls.yaml_text(value text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT to_json(value)::text $$;
COMMENT ON FUNCTION mls.yaml_text(text) IS 'part of mls_dbt_sources(): a text as YAML has it';

-- An age in the words of dbt, in the largest unit that says it without a rest.
CREATE FUNCTION mls.yaml_period(age interval) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN s % 86400 = 0 THEN format('{count: %s, period: day}', s / 86400) WHEN s % 3600 = 0 THEN format('{count: %s, period: hour}', s / 3600) ELSE format('{count: %s, period: minute}', ceil(s / 60.0)::bigint) END
  FROM (SELECT greatest(extract(epoch FROM age)::bigint, 60) AS s) a
$$;
COMMENT ON FUNCTION mls.yaml_period(interval) IS 'part of mls_dbt_sources(): an age as dbt has it';

-- A test of a column or table, as an entry of a list that begins in a column.
CREATE FUNCTION mls.dbt_test(indent integer, is_nested boolean, name text, arguments text[], test mls.data_test) RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH line (place, depth, words) AS (
    SELECT 1, 0, '- ' || name || CASE WHEN arguments = '{}' AND test.severity IS NULL THEN '' ELSE ':' END
     -- Two names that are one in these characters stay two.
     UNION ALL SELECT 2, 4, 'name: ' || mls.yaml_text(n.name || CASE WHEN o.is_one THEN '' ELSE '_' || left(md5(n.whole), 8) END)
                 FROM (SELECT regexp_replace(s.name || '_' || test.name, '[^A-Za-z0-9_]', '_', 'g') AS name, concat(s.name, E'\n', test.name) AS whole FROM mls.test_suite s WHERE s.id = test.suite) n
                CROSS JOIN LATERAL (SELECT count(*) = 1 AS is_one FROM mls.data_test t JOIN mls.test_suite s ON s.id = t.suite WHERE regexp_replace(s.name || '_' || t.name, '[^A-Za-z0-9_]', '_', 'g') = n.name) o
     UNION ALL SELECT 3, 4, 'arguments:' WHERE is_nested AND arguments <> '{}'
     UNION ALL SELECT 4, CASE WHEN is_nested THEN 6 ELSE 4 END, a FROM unnest(arguments) a
     UNION ALL SELECT 5, 4, 'config:' WHERE test.severity IS NOT NULL
     UNION ALL SELECT 6, 6, 'severity: ' || test.severity WHERE test.severity IS NOT NULL
     UNION ALL SELECT 7, 6, 'warn_if: ' || mls.yaml_text('>= ' || test.warn_if) WHERE test.warn_if > 1
     UNION ALL SELECT 8, 6, 'error_if: ' || mls.yaml_text('>= ' || test.error_if) WHERE test.error_if > 1
     UNION ALL SELECT 9, 6, 'where: ' || mls.yaml_text(test.filter) WHERE test.filter IS NOT NULL)
SELECT repeat(' ', indent + depth) || words FROM line ORDER BY place
$$;
COMMENT ON FUNCTION mls.dbt_test(integer, boolean, text, text[], mls.data_test) IS 'part of mls_dbt_sources(): a test in lines of YAML';

CREATE FUNCTION mls_dbt_sources(dialect text DEFAULT '1.10.5') RETURNS SETOF text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    version integer[] := (SELECT array_agg(v::integer) FROM regexp_split_to_table(substring(dialect FROM '^\d{1,4}(?:\.\d{1,4}){1,2}$'), '\.') v);
    tests text;
    is_nested boolean;
    space record;
    one record;
    field record;
    test mls.data_test;
    lines text[];
    fresh text[];
    schemas name[];
BEGIN
    IF version IS NULL THEN
        PERFORM mls.refuse('22023', format('"%s" is no version of dbt', dialect), 'Write it as 1.10.5; what is printed is as that version reads it.');
    END IF;
    tests := CASE WHEN version >= '{1,8}' THEN 'data_tests:' ELSE 'tests:' END;
    is_nested := version >= '{1,10,5}';
    schemas := ARRAY(SELECT DISTINCT c.relnamespace::regnamespace::name FROM mls.dd_resource d JOIN pg_class c ON c.oid = mls.gold_table(d.resource) UNION SELECT m.name::name FROM mls.mart m);
    RETURN NEXT 'version: 2';
    RETURN NEXT '';
    RETURN NEXT 'sources:' || CASE WHEN schemas = '{}' THEN ' []' ELSE '' END;
    FOR space IN SELECT n.nspname AS name, EXISTS (SELECT FROM mls.mart m WHERE m.name = n.nspname) AS is_mart FROM pg_namespace n WHERE n.nspname = ANY (schemas) ORDER BY 2, 1 LOOP
        RETURN NEXT '  - name: ' || mls.yaml_text(space.name);
        RETURN NEXT '    schema: ' || mls.yaml_text(space.name);
        RETURN NEXT '    description: ' || mls.yaml_text(CASE WHEN space.is_mart THEN 'market statistics that mls_fdw keeps up to date' ELSE 'RESO resources that mls_fdw keeps up to date' END);
        RETURN NEXT '    tables:';
        FOR one IN
            SELECT c.oid, c.relname AS name, coalesce(obj_description(c.oid, 'pg_class'), 'RESO resource ' || d.resource) AS description, d.resource IS NOT NULL AS is_gold
              FROM pg_class c LEFT JOIN mls.dd_resource d ON mls.gold_table(d.resource) = c.oid
             WHERE c.relnamespace = quote_ident(space.name)::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND (d.resource IS NOT NULL OR space.is_mart AND EXISTS (SELECT FROM mls.mart_relation r WHERE r.relation = c.relname))
               AND has_table_privilege(c.oid, 'SELECT')
             ORDER BY c.relname::text COLLATE "C"
        LOOP
            RETURN NEXT '      - name: ' || mls.yaml_text(one.name);
            IF quote_ident(one.name) <> one.name THEN
                RETURN NEXT '        quoting: {identifier: true}';
            END IF;
            RETURN NEXT '        description: ' || mls.yaml_text(one.description);
            -- A test of freshness says when it is old; gold has a column for it in any case.
            SELECT t.* INTO test FROM mls.data_test t WHERE t.relation = one.oid AND t.kind = 'freshness' ORDER BY t.id LIMIT 1;
            fresh := ARRAY(SELECT l FROM unnest(ARRAY['loaded_at_field: ' || mls.yaml_text(quote_ident(test.columns[1])), 'freshness:', '  warn_after: ' || mls.yaml_period((test.arguments ->> 'warn_after')::interval),
                                                      '  error_after: ' || mls.yaml_period((test.arguments ->> 'error_after')::interval), '  filter: ' || mls.yaml_text(test.filter)]) WITH ORDINALITY u (l, i) WHERE l IS NOT NULL ORDER BY i);
            IF test.id IS NULL THEN
                fresh := CASE WHEN one.is_gold THEN '{loaded_at_field: \"mls_updated_at\",freshness:,"  warn_after: {count: 1, period: day}"}'::text[] ELSE '{}' END;
            END IF;
            IF fresh <> '{}' AND version >= '{1,10}' THEN
                RETURN NEXT '        config:';
            END IF;
            RETURN QUERY SELECT repeat(' ', CASE WHEN version >= '{1,10}' THEN 10 ELSE 8 END) || f FROM unnest(fresh) f;
            RETURN NEXT '        columns:';
            FOR field IN
                SELECT a.attname AS name, col_description(a.attrelid, a.attnum) AS description,
                       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND i.indnatts = 1 AND i.indkey[0] = a.attnum) AS is_key
                  FROM pg_attribute a WHERE a.attrelid = one.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
            LOOP
                RETURN NEXT '          - name: ' || mls.yaml_text(field.name);
                IF quote_ident(field.name) <> field.name THEN
                    RETURN NEXT '            quote: true';
                END IF;
                IF field.description IS NOT NULL THEN
                    RETURN NEXT '            description: ' || mls.yaml_text(field.description);
                END IF;
                lines := CASE WHEN field.is_key THEN '{"              - not_null","              - unique"}'::text[] ELSE '{}' END;
                FOR test IN SELECT t.* FROM mls.data_test t WHERE t.relation = one.oid AND t.columns = ARRAY[field.name::text] ORDER BY t.id LOOP
                    CONTINUE WHEN test.kind NOT IN ('not_null', 'unique', 'accepted_values', 'relationships') OR field.is_key AND test.kind IN ('not_null', 'unique')
                                  OR test.kind = 'relationships' AND (SELECT c.relnamespace::regnamespace::name FROM pg_class c WHERE c.oid = test.other) = ANY (schemas) IS NOT TRUE;
                    lines := lines || ARRAY(SELECT mls.dbt_test(14, is_nested, test.kind, CASE test.kind
                        WHEN 'accepted_values' THEN ARRAY['values: [' || (SELECT string_agg(mls.yaml_text(v), ', ' ORDER BY i) FROM unnest(mls.data_test_list(test.arguments -> 'values')) WITH ORDINALITY u (v, i)) || ']']
                        WHEN 'relationships' THEN (SELECT ARRAY['to: ' || mls.yaml_text(format('source(%L, %L)', c.relnamespace::regnamespace::name, c.relname)), 'field: ' || mls.yaml_text(quote_ident((mls.data_test_list(test.arguments -> 'columns'))[1]))]
                                                     FROM pg_class c WHERE c.oid = test.other)
                        ELSE '{}' END, test));
                END LOOP;
                IF lines <> '{}' THEN
                    RETURN NEXT '            ' || tests;
                    RETURN QUERY SELECT l FROM unnest(lines) l;
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls_dbt_sources(text)
    IS 'print gold and marts as sources.yml of a dbt project, as a version of dbt reads it: tables, columns with their definitions, freshness, and those data tests that dbt has as well; a line a row';
REVOKE ALL ON FUNCTION mls.yaml_text(text), mls.yaml_period(interval), mls.dbt_test(integer, boolean, text, text[], mls.data_test), mls_dbt_sources(text) FROM PUBLIC;
