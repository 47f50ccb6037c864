-- The mapping rules as functions: set, removed, checked and explained.
--
-- They write with the rights of their caller.  Whoever may insert into
-- mls.field_map can have expressions run as the owners of subscriptions, so that
-- privilege is the extension owner's to give.

CREATE FUNCTION mls_map_explain(
    foreign_table regclass,
    OUT resource text,
    OUT variant text,
    OUT field text,
    OUT kind text,
    OUT rule text,
    OUT type text,
    OUT value text)
    RETURNS SETOF record
    LANGUAGE c STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_map_explain(regclass)
    IS 'how each field of gold is made from a foreign table: the rule in force, what it says, and the SQL over its row r of silver';

CREATE FUNCTION mls_map_check(
    foreign_table regclass,
    OUT resource text,
    OUT variant text,
    OUT field text,
    OUT problem text)
    RETURNS SETOF record
    LANGUAGE c STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_map_check(regclass)
    IS 'rules that cannot be followed for a foreign table, or are of another type than their field, each with the reason; an error where an expression is not valid SQL';

CREATE FUNCTION mls.prepare_gold(foreign_table regclass) RETURNS regclass
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_prepare_gold';
COMMENT ON FUNCTION mls.prepare_gold(regclass)
    IS 'gold table and RESO view with the columns that the rules in force make';

CREATE FUNCTION mls.rules_changed(protocol text, source text, resource text DEFAULT NULL, field text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    concerned regclass;
    problems text[];
    found text;
    unfit text[] := '{}';
    fits text[] := '{}';
BEGIN
    FOR concerned IN
        SELECT s.foreign_table
          FROM mls.subscription s
          JOIN pg_foreign_server f ON f.srvname = s.source
          JOIN pg_class c ON c.oid = s.foreign_table
         WHERE rules_changed.source IN ('*', s.source)
           AND split_part(rules_changed.protocol, '/', 1) IN ('*',
               (SELECT option_value FROM pg_options_to_table(f.srvoptions) WHERE option_name = 'protocol'))
         ORDER BY s.id
    LOOP
        IF rules_changed.field IS NOT NULL THEN
            problems := ARRAY(SELECT DISTINCT c.problem FROM @extschema@.mls_map_check(concerned) c
                               WHERE c.field = rules_changed.field AND rules_changed.resource IN ('*', c.resource) ORDER BY 1);
            IF rules_changed.source <> '*' THEN
                FOREACH found IN ARRAY problems LOOP
                    RAISE WARNING 'a rule for field "%" does not fit foreign table %', rules_changed.field, concerned
                        USING DETAIL = format('mls_map_check() says: %s.', found);
                END LOOP;
            ELSIF problems <> '{}' THEN
                unfit := unfit || format('of %s: %s', concerned, array_to_string(problems, '; '));
            ELSIF EXISTS (SELECT FROM @extschema@.mls_map_explain(concerned) e WHERE rules_changed.resource IN ('*', e.resource)) THEN
                fits := fits || concerned::text;
            END IF;
        END IF;
        PERFORM mls.prepare_gold(concerned);
    END LOOP;
    -- A rule for all sources need not fit each; one that fits none is a slip.
    IF unfit <> '{}' AND fits = '{}' THEN
        RAISE WARNING 'a rule for field "%" fits no foreign table', rules_changed.field
            USING DETAIL = format('mls_map_check() says %s.', array_to_string(unfit, '; '));
    ELSIF unfit <> '{}' THEN
        RAISE NOTICE 'a rule for field "%" does not fit every foreign table', rules_changed.field
            USING DETAIL = format('It fits %s; mls_map_check() says %s.', array_to_string(fits, ', '), array_to_string(unfit, '; ')),
                  HINT = 'If it is meant for some sources only, name them: source => ''...''.';
    END IF;
END $$;
COMMENT ON FUNCTION mls.rules_changed(text, text, text, text)
    IS 'after a change of rules: checks them for the subscriptions concerned, and gives gold the columns they make; says what mls_map_check() finds about the rule for a field';

-- Names in a rule that nothing has: it would never be followed, and nobody would hear of it.
CREATE FUNCTION mls.check_rule_names(protocol text, source text, source_resource text, resource text, variant text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    protocols text[] := ARRAY(SELECT m.protocol FROM mls.field_map m WHERE m.shipped AND m.protocol <> '*'
                              UNION SELECT split_part(m.protocol, '/', 1) FROM mls.field_map m WHERE m.shipped AND m.protocol <> '*'
                              UNION SELECT unnest(ARRAY['reso', 'rets', 'qobrix']) ORDER BY 1);
    resources text[] := ARRAY(SELECT DISTINCT r.name FROM pg_foreign_server f JOIN pg_foreign_table t ON t.ftserver = f.oid,
                                     pg_options_to_table(t.ftoptions) o,
                                     unnest(ARRAY[o.option_value, split_part(o.option_value, ':', 1)]) r (name)
                               WHERE f.srvname = check_rule_names.source AND o.option_name = 'resource' ORDER BY 1);
    meant text;
BEGIN
    IF check_rule_names.source <> '*' AND NOT EXISTS (SELECT FROM pg_foreign_server WHERE srvname = check_rule_names.source) THEN
        RAISE WARNING 'there is no server "%"', check_rule_names.source;
    END IF;
    IF check_rule_names.protocol <> '*' AND split_part(check_rule_names.protocol, '/', 1) <> ALL (protocols) THEN
        meant := mls.nearest(check_rule_names.protocol, protocols);
        RAISE WARNING 'there is no protocol "%"', check_rule_names.protocol
            USING HINT = coalesce('Perhaps you meant "' || meant || '".', 'Protocols are: ' || array_to_string(protocols, ', ') || '.');
    END IF;
    meant := mls.nearest(check_rule_names.source_resource, resources);
    IF check_rule_names.source_resource <> '*' AND check_rule_names.source_resource <> ALL (resources) AND meant IS NOT NULL THEN
        RAISE WARNING 'no foreign table of server "%" has the resource "%"', check_rule_names.source, check_rule_names.source_resource
            USING HINT = format('Perhaps you meant "%s".', meant);
    END IF;
    IF check_rule_names.variant NOT IN ('*', '') AND NOT EXISTS (
        SELECT FROM mls.row_map m WHERE m.variant = check_rule_names.variant AND check_rule_names.resource IN ('*', m.resource)) THEN
        RAISE WARNING 'no rule for rows makes the variant "%" of resource %', check_rule_names.variant, check_rule_names.resource
            USING HINT = 'Variants are the column variant of mls.row_map.';
    END IF;
    IF check_rule_names.resource <> '*' AND NOT EXISTS (SELECT FROM mls.dd_field d WHERE d.resource = check_rule_names.resource) THEN
        meant := mls.nearest(check_rule_names.resource, ARRAY(SELECT d.resource FROM mls.dd_resource d ORDER BY 1));
        RAISE WARNING 'the dictionary has no resource "%"', check_rule_names.resource
            USING HINT = coalesce('Perhaps you meant "' || meant || '".', 'SELECT resource FROM mls.dd_resource lists its resources.');
    END IF;
END $$;
COMMENT ON FUNCTION mls.check_rule_names(text, text, text, text, text)
    IS 'part of mls_map_set(): warns of a server, protocol, resource or variant that does not exist';

-- A column of gold stays: so its name is looked at before there is one.
CREATE FUNCTION mls.check_field_name(resource text, field text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    meant text;
BEGIN
    SELECT d.field INTO meant FROM mls.dd_field d
     WHERE check_field_name.resource IN ('*', d.resource) AND lower(d.field) = lower(check_field_name.field)
     ORDER BY d.field = check_field_name.field DESC, d.field LIMIT 1;
    IF meant <> check_field_name.field THEN
        RAISE EXCEPTION 'the dictionary has no field "%", but "%"', check_field_name.field, meant USING
            ERRCODE = 'invalid_parameter_value',
            DETAIL = 'Names differ by case, and gold would have a column for each.',
            HINT = format('Set the rule for "%s".', meant);
    END IF;
    SELECT m.field INTO meant FROM mls.field_map m
     WHERE check_field_name.resource IN ('*', m.resource) AND lower(m.field) = lower(check_field_name.field)
       AND m.field <> check_field_name.field
     ORDER BY m.field LIMIT 1;
    IF FOUND THEN
        RAISE WARNING 'there is a rule for field "%", whose name differs from "%" by case', meant, check_field_name.field USING
            DETAIL = 'Gold has a column for each.';
    END IF;
    IF check_field_name.field <> '*' AND check_field_name.field !~ '^[[:alpha:]_][[:alnum:]_]*$' THEN
        RAISE WARNING 'the name of field "%" is no word of letters, digits and underscores', check_field_name.field USING
            HINT = format('Programs that serve gold may not be able to ask for it; "%s" would do.',
                          regexp_replace(regexp_replace(check_field_name.field, '[^[:alnum:]_]+', '_', 'g'), '^(?=\d)', '_'));
    END IF;
    IF check_field_name.field !~ '^(X_|\*$)'
       AND NOT EXISTS (SELECT FROM mls.dd_field d WHERE d.field = check_field_name.field AND check_field_name.resource IN ('*', d.resource)) THEN
        meant := mls.nearest(check_field_name.field, ARRAY(SELECT d.field FROM mls.dd_field d WHERE d.resource = check_field_name.resource ORDER BY 1));
        IF meant IS NOT NULL THEN
            RAISE WARNING 'the dictionary has no field "%" of resource %', check_field_name.field, check_field_name.resource USING
                HINT = format('Perhaps you meant "%s". Names of fields of your own begin with X_.', meant);
        END IF;
    END IF;
END $$;
COMMENT ON FUNCTION mls.check_field_name(text, text)
    IS 'part of mls_map_set(): an error for a name that is the dictionary''s in another case, a warning for one that is hard to ask for';

CREATE FUNCTION mls_map_set(
    resource text,
    field text,
    kind text,
    arguments text[] DEFAULT '{}',
    source text DEFAULT '*',
    protocol text DEFAULT '*',
    source_resource text DEFAULT '*',
    variant text DEFAULT '*',
    priority integer DEFAULT 0)
    RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_map_set()', 'set rules');
    PERFORM mls.follow_renames();
    IF octet_length(mls_map_set.field) > 63 THEN
        RAISE EXCEPTION 'the name of field "%" is too long', mls_map_set.field USING
            ERRCODE = 'name_too_long',
            DETAIL = format('It becomes a column of gold, whose name has at most 63 bytes; this one has %s.', octet_length(mls_map_set.field));
    END IF;
    PERFORM mls.check_field_name(mls_map_set.resource, mls_map_set.field);
    BEGIN
        INSERT INTO mls.field_map AS m
               (protocol, source, source_resource, resource, variant, field, kind, arguments, priority)
        VALUES (mls_map_set.protocol, mls_map_set.source, mls_map_set.source_resource, mls_map_set.resource,
                mls_map_set.variant, mls_map_set.field, mls_map_set.kind, mls_map_set.arguments, mls_map_set.priority)
        ON CONFLICT ON CONSTRAINT field_map_pkey
        DO UPDATE SET kind = excluded.kind, arguments = excluded.arguments;
    EXCEPTION WHEN check_violation OR not_null_violation THEN
        RAISE EXCEPTION 'field "%" cannot have a rule of kind "%" with arguments %',
            mls_map_set.field, mls_map_set.kind, coalesce(mls_map_set.arguments::text, 'NULL') USING
            ERRCODE = 'check_violation',
            DETAIL = 'Kinds and arguments: field {field}; lookup {field,lookup} or {field,lookup,other}; list {SQL,lookup} or {SQL,lookup,other}; constant {value}; unit {field,unit,wanted unit}; expression {SQL} and columns that may be missing; none {}; identity {}, for field * only. Only none and identity can be for field *, and no field begins with mls_.';
    END;
    PERFORM mls.check_rule_names(mls_map_set.protocol, mls_map_set.source, mls_map_set.source_resource, mls_map_set.resource, mls_map_set.variant);
    PERFORM mls.rules_changed(mls_map_set.protocol, mls_map_set.source, mls_map_set.resource, mls_map_set.field);
END $$;
COMMENT ON FUNCTION mls_map_set(text, text, text, text[], text, text, text, text, integer)
    IS 'set a mapping rule (see mls.field_map), check it and give gold its column; the next mls_remap() or mls_sync() fills it from silver';

CREATE FUNCTION mls_map_remove(
    resource text,
    field text,
    source text DEFAULT '*',
    protocol text DEFAULT '*',
    source_resource text DEFAULT '*',
    variant text DEFAULT '*',
    priority integer DEFAULT 0)
    RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_map_remove()', 'remove rules');
    PERFORM mls.follow_renames();
    DELETE FROM mls.field_map m
     WHERE m.protocol = mls_map_remove.protocol AND m.source = mls_map_remove.source
       AND m.source_resource = mls_map_remove.source_resource AND m.resource = mls_map_remove.resource
       AND m.variant = mls_map_remove.variant AND m.field = mls_map_remove.field
       AND m.priority = mls_map_remove.priority AND NOT m.shipped;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM mls.field_map m WHERE m.shipped AND m.field = mls_map_remove.field
                      AND m.resource IN ('*', mls_map_remove.resource)
                      AND (mls_map_remove.protocol = '*' OR m.protocol IN ('*', mls_map_remove.protocol, split_part(mls_map_remove.protocol, '/', 1)))) THEN
            RAISE NOTICE 'there is no such rule of your own for field "%", and shipped rules stay', mls_map_remove.field USING
                HINT = format('A rule of kind none takes the place of a shipped one: SELECT mls_map_set(%L, %L, ''none'', source => ''...'').',
                              mls_map_remove.resource, mls_map_remove.field);
        END IF;
        RETURN false;
    END IF;
    PERFORM mls.rules_changed(mls_map_remove.protocol, mls_map_remove.source);
    RETURN true;
END $$;
COMMENT ON FUNCTION mls_map_remove(text, text, text, text, text, text, integer)
    IS 'remove a rule of one''s own, so that a shipped one is in force again; false if there is none. Its column stays in gold';

CREATE FUNCTION mls_map_value(
    lookup text,
    value text,
    result text,
    source text DEFAULT '*',
    protocol text DEFAULT '*')
    RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    used text[];
    meant text;
BEGIN
    PERFORM mls.refuse_standby('mls_map_value()', 'set values');
    PERFORM mls.follow_renames();
    INSERT INTO mls.value_map (protocol, source, lookup, value, result)
    VALUES (mls_map_value.protocol, mls_map_value.source, mls_map_value.lookup,
            lower(btrim(mls_map_value.value)), mls_map_value.result)
    ON CONFLICT ON CONSTRAINT value_map_pkey DO UPDATE SET result = excluded.result;
    PERFORM mls.check_rule_names(mls_map_value.protocol, mls_map_value.source, '*', '*', '*');
    used := ARRAY(SELECT DISTINCT m.arguments[2] FROM mls.field_map m WHERE m.kind IN ('lookup', 'list') ORDER BY 1);
    meant := mls.nearest(mls_map_value.lookup, used);
    IF mls_map_value.lookup <> ALL (used) AND meant IS NOT NULL THEN
        RAISE WARNING 'no rule uses the lookup "%"', mls_map_value.lookup USING HINT = format('Perhaps you meant "%s".', meant);
    END IF;
END $$;
COMMENT ON FUNCTION mls_map_value(text, text, text, text, text)
    IS 'set what a value of a lookup becomes in gold (see mls.value_map)';

CREATE FUNCTION mls_map_setting(
    source text,
    name text,
    value text,
    protocol text DEFAULT '*')
    RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_map_setting()', 'set this');
    PERFORM mls.follow_renames();
    IF EXISTS (SELECT FROM mls.field_map m
                WHERE m.kind = 'unit' AND m.arguments[2] = 'setting.' || mls_map_setting.name
                  AND m.arguments[3] NOT LIKE 'setting.%' AND mls_map_setting.value IS NOT NULL
                  AND mls.convert_unit(1, mls_map_setting.value, m.arguments[3]) IS NULL) THEN
        RAISE EXCEPTION '"%" is no unit for the setting %', mls_map_setting.value, mls_map_setting.name USING
            ERRCODE = 'invalid_parameter_value',
            HINT = 'Areas: m2, sqft, sqyd, ac, ha, km2, mi2. Lengths: m, cm, km, ft, in, yd, mi.';
    END IF;
    PERFORM mls.check_rule_names(mls_map_setting.protocol, mls_map_setting.source, '*', '*', '*');
    INSERT INTO mls.setting_map (protocol, source, name, value)
    VALUES (mls_map_setting.protocol, mls_map_setting.source, mls_map_setting.name, mls_map_setting.value)
    ON CONFLICT ON CONSTRAINT setting_map_pkey DO UPDATE SET value = excluded.value;
    IF NOT EXISTS (SELECT FROM mls.setting_map m WHERE m.shipped AND m.name = mls_map_setting.name)
       AND NOT EXISTS (SELECT FROM mls.field_map m, unnest(m.arguments) a
                        WHERE a ~ ('(^|[^A-Za-z0-9_.])setting\.' || mls_map_setting.name || '($|[^A-Za-z0-9_])'))
       AND NOT EXISTS (SELECT FROM mls.row_map m
                        WHERE concat_ws(' ', m.condition, m.key) ~ ('(^|[^A-Za-z0-9_.])setting\.' || mls_map_setting.name || '($|[^A-Za-z0-9_])')) THEN
        RAISE WARNING 'no rule uses the setting "%"', mls_map_setting.name USING
            HINT = 'It is kept for rules that will. Shipped rules use: '
                || (SELECT string_agg(DISTINCT m.name, ', ' ORDER BY m.name) FROM mls.setting_map m WHERE m.shipped) || '.';
    END IF;
END $$;
COMMENT ON FUNCTION mls_map_setting(text, text, text, text)
    IS 'set a fact about a source that rules use as setting.<name> (see mls.setting_map)';

-- Columns that nothing makes any more.  The view has each column of gold and cannot lose
-- one, so it is made anew, with the privileges and descriptions it had.
CREATE FUNCTION mls.drop_gold_columns(gold regclass, resource text, fields text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reso record;
    kept text;
    grants text[];
    statement text;
BEGIN
    SELECT v.oid, format('%I.%I', n.nspname, v.relname) AS name, v.relowner::regrole AS owner, pg_get_viewdef(v.oid) AS definition,
           obj_description(v.oid, 'pg_class') AS comment, v.relacl
      INTO reso
      FROM pg_depend d
      JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
      JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' AND v.relname = drop_gold_columns.resource
      JOIN pg_namespace n ON n.oid = v.relnamespace
     WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = gold
     ORDER BY v.oid LIMIT 1;
    IF FOUND THEN
        IF regexp_replace(reso.definition, '"[^"]*"', '', 'g') ~* '\m(where|join|group|union|limit|distinct|order|having)\M'
           OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = reso.oid) THEN
            RAISE EXCEPTION 'view % is not the one that was made over %', reso.name, gold USING
                ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'Drop the view, and let mls_subscribe() make it again.';
        END IF;
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
               array_agg(format('COMMENT ON COLUMN %s.%I IS %L', reso.name, a.attname, col_description(reso.oid, a.attnum)))
          INTO kept, grants
          FROM pg_attribute a WHERE a.attrelid = reso.oid AND a.attnum > 0 AND NOT a.attname = ANY (fields);
        grants := grants
            || format('COMMENT ON VIEW %s IS %L', reso.name, reso.comment)
            || ARRAY(SELECT format('GRANT %s ON %s TO %s%s', x.privilege_type, reso.name,
                                   CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END,
                                   CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
                       FROM aclexplode(reso.relacl) x WHERE x.grantee <> reso.owner::oid)
            || ARRAY(SELECT format('GRANT %s (%I) ON %s TO %s%s', x.privilege_type, a.attname, reso.name,
                                   CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END,
                                   CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
                       FROM pg_attribute a, aclexplode(a.attacl) x
                      WHERE a.attrelid = reso.oid AND NOT a.attname = ANY (fields))
            || format('ALTER VIEW %s OWNER TO %s', reso.name, reso.owner);
        EXECUTE format('DROP VIEW %s', reso.name);
    END IF;
    PERFORM mls.as_role((SELECT c.relowner FROM pg_class c WHERE c.oid = gold), format('ALTER TABLE %s %s', gold, (SELECT string_agg(format('DROP COLUMN %I', f), ', ') FROM unnest(fields) f)));
    IF kept IS NOT NULL THEN
        EXECUTE format('CREATE VIEW %s WITH (security_invoker = true) AS SELECT %s FROM %s', reso.name, kept, gold);
        FOREACH statement IN ARRAY grants LOOP
            EXECUTE statement;
        END LOOP;
        PERFORM pg_notify('pgrst', 'reload schema');
    END IF;
END $$;
COMMENT ON FUNCTION mls.drop_gold_columns(regclass, text, text[])
    IS 'part of mls_gold_prune(): drops columns of a gold table and of its RESO view';

CREATE FUNCTION mls.prune_gold(
    wanted text,
    dry_run boolean,
    OUT resource text,
    OUT field text,
    OUT rows bigint,
    OUT dropped boolean)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    target record;
    gold_owner regrole;
    stranger text;
    unused text[];
BEGIN
    PERFORM mls.refuse_standby('mls_gold_prune()', 'prune');
    PERFORM mls.follow_renames();
    FOR target IN
        SELECT t.resource, t.gold, array_agg(s.source) AS sources, array_agg(s.foreign_table) AS tables
          FROM mls.subscription s JOIN pg_foreign_table f ON f.ftrelid = s.foreign_table,
               mls.gold_comparison(s.foreign_table) t
         WHERE wanted IS NULL OR t.resource = wanted
         GROUP BY 1, 2 ORDER BY 1
    LOOP
        gold_owner := (SELECT c.relowner FROM pg_class c WHERE c.oid = target.gold);
        CONTINUE WHEN NOT pg_has_role(gold_owner, 'USAGE');
        -- What another role's rules make is not seen here; only who sees all can say that nothing does.
        stranger := (SELECT r #>> '{}' FROM mls.as_role(gold_owner, format(
            'SELECT to_jsonb(min(g.mls_source)) FROM %s g WHERE g.mls_source <> ALL ($1::text[])', target.gold), target.sources::text) r);
        IF stranger IS NOT NULL AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
            RAISE EXCEPTION 'permission denied to prune %', target.gold USING
                ERRCODE = 'insufficient_privilege',
                DETAIL = format('It has rows of source "%s", whose subscriptions are not to be seen.', stranger);
        END IF;
        resource := target.resource;
        unused := '{}';
        FOR field IN
            SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = target.gold AND a.attnum > 0 AND NOT a.attisdropped
               AND a.attname NOT LIKE 'mls\_%'
               AND NOT EXISTS (SELECT FROM mls.dd_resource d WHERE d.resource = target.resource AND d.key_field = a.attname)
               AND NOT EXISTS (SELECT FROM unnest(target.tables) t (relid), @extschema@.mls_map_explain(t.relid) e
                                WHERE e.resource = target.resource AND e.field = a.attname)
             ORDER BY a.attname
        LOOP
            rows := (SELECT r::bigint FROM mls.as_role(gold_owner, format('SELECT to_jsonb(count(%I)) FROM %s', field, target.gold)) r);
            dropped := rows = 0 AND NOT dry_run;
            IF dropped THEN
                unused := unused || field;
            END IF;
            RETURN NEXT;
        END LOOP;
        IF unused <> '{}' THEN
            PERFORM mls.drop_gold_columns(target.gold, target.resource, unused);
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.prune_gold(text, boolean) IS 'what mls_gold_prune() does';

CREATE FUNCTION mls_gold_prune(
    resource text DEFAULT NULL,
    dry_run boolean DEFAULT false,
    OUT resource text,
    OUT field text,
    OUT rows bigint,
    OUT dropped boolean)
    RETURNS SETOF record
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT * FROM mls.prune_gold($1, $2);
$$;
COMMENT ON FUNCTION mls_gold_prune(text, boolean)
    IS 'drop the columns of gold tables, and of their RESO views, that no rule and no source makes any more and no row has a value in; returns them, and those that still have values';

REVOKE ALL ON FUNCTION mls.check_field_name(text, text), mls.drop_gold_columns(regclass, text, text[]),
    mls.prune_gold(text, boolean), mls_gold_prune(text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION mls_map_explain(regclass), mls_map_check(regclass), mls.prepare_gold(regclass),
    mls.rules_changed(text, text, text, text), mls.check_rule_names(text, text, text, text, text),
    mls_map_set(text, text, text, text[], text, text, text, text, integer),
    mls_map_remove(text, text, text, text, text, text, integer), mls_map_value(text, text, text, text, text),
    mls_map_setting(text, text, text, text) FROM PUBLIC;
