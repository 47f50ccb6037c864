-- Is the copy what it should be?  mls_verify() compares the layers with each other
-- and with the source, and keeps what it found; mls_quality shows how well the
-- fields of gold are filled.

CREATE TABLE mls.verification (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      text NOT NULL,
    verified_by regrole NOT NULL DEFAULT current_user::regrole,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    samples     integer NOT NULL
);
COMMENT ON TABLE mls.verification IS 'when sources were verified';
COMMENT ON COLUMN mls.verification.id IS 'number of the verification';
COMMENT ON COLUMN mls.verification.source IS 'the source';
COMMENT ON COLUMN mls.verification.verified_by IS 'role that called mls_verify()';
COMMENT ON COLUMN mls.verification.started_at IS 'when it began';
COMMENT ON COLUMN mls.verification.finished_at IS 'when it ended';
COMMENT ON COLUMN mls.verification.samples IS 'records of each resource that were compared with the source, at most';

CREATE TABLE mls.finding (
    verification bigint NOT NULL REFERENCES mls.verification ON DELETE CASCADE,
    n            integer NOT NULL,
    severity     text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    resource     text NOT NULL,
    "check"      text NOT NULL,
    subject      text,
    count        bigint,
    message      text NOT NULL,
    PRIMARY KEY (verification, n)
);
COMMENT ON TABLE mls.finding IS 'what verifications found';
COMMENT ON COLUMN mls.finding.verification IS 'the verification';
COMMENT ON COLUMN mls.finding.n IS 'place among its findings';
COMMENT ON COLUMN mls.finding.severity IS 'info, warning, or error: the copy is not what the source and the rules make it';
COMMENT ON COLUMN mls.finding.resource IS 'resource of the source, or of the dictionary for what concerns gold; * for all';
COMMENT ON COLUMN mls.finding."check" IS 'identity, counts, keys, sample, gold, joins, references, quality, lookups, files, units or rules';
COMMENT ON COLUMN mls.finding.subject IS 'field, key, alias of a join or server it is about, or NULL';
COMMENT ON COLUMN mls.finding.count IS 'how many records it concerns, or NULL';
COMMENT ON COLUMN mls.finding.message IS 'what was found';

CREATE TABLE mls.quality (
    verification bigint NOT NULL REFERENCES mls.verification ON DELETE CASCADE,
    resource     text NOT NULL,
    field        text NOT NULL,
    rows         bigint NOT NULL,
    filled       bigint NOT NULL,
    too_long     bigint,
    outside      bigint,
    PRIMARY KEY (verification, resource, field)
);
COMMENT ON TABLE mls.quality IS 'how well the fields of gold were filled at each verification; shown by mls_quality';
COMMENT ON COLUMN mls.quality.verification IS 'the verification';
COMMENT ON COLUMN mls.quality.resource IS 'resource of the dictionary';
COMMENT ON COLUMN mls.quality.field IS 'its field';
COMMENT ON COLUMN mls.quality.rows IS 'rows of the source';
COMMENT ON COLUMN mls.quality.filled IS 'rows in which the field has a value, an empty text or list being none';
COMMENT ON COLUMN mls.quality.too_long IS 'values longer than the dictionary suggests; NULL where it suggests no length';
COMMENT ON COLUMN mls.quality.outside IS 'rows with a value that the field''s lookup does not have; NULL without one';

SELECT pg_catalog.pg_extension_config_dump('mls.verification', '');
SELECT pg_catalog.pg_extension_config_dump('mls.verification_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.finding', '');
SELECT pg_catalog.pg_extension_config_dump('mls.quality', '');

ALTER TABLE mls.verification ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.finding ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.quality ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON mls.verification FOR SELECT USING (pg_catalog.pg_has_role(verified_by, 'USAGE'));
CREATE POLICY own ON mls.finding FOR SELECT USING (EXISTS (SELECT FROM mls.verification v WHERE v.id = verification));
CREATE POLICY own ON mls.quality FOR SELECT USING (EXISTS (SELECT FROM mls.verification v WHERE v.id = verification));

CREATE FUNCTION mls.gold_comparison(
    foreign_table regclass, OUT resource text, OUT variant text, OUT gold regclass, OUT sql text)
    RETURNS SETOF record
    LANGUAGE c STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_gold_comparison';
COMMENT ON FUNCTION mls.gold_comparison(regclass)
    IS 'for each resource that rules make from a table a query that compares gold with what they make now';

-- A verification is of the role that began it, and written as long as it is not ended.
CREATE FUNCTION mls.open_verification(caller regrole, verification bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM mls.verification v
                    WHERE v.id = verification AND v.finished_at IS NULL AND pg_has_role(caller, v.verified_by, 'USAGE')) THEN
        RAISE EXCEPTION 'there is no open verification %', verification USING ERRCODE = 'undefined_object';
    END IF;
    RETURN verification;
END $$;
COMMENT ON FUNCTION mls.open_verification(regrole, bigint) IS 'an error unless a verification is open and of a role whose privileges the caller has';

CREATE FUNCTION mls.begin_verification(caller regrole, source text, samples integer) RETURNS bigint
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
INSERT INTO mls.verification (source, samples, verified_by) VALUES (source, samples, caller) RETURNING id;
$$;
COMMENT ON FUNCTION mls.begin_verification(regrole, text, integer) IS 'notes that a caller verifies a source; returns the number';
CREATE FUNCTION mls.begin_verification(source text, samples integer) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.begin_verification(text, integer) IS 'part of mls_verify(): the same for who calls it';

CREATE FUNCTION mls.end_verification(caller regrole, verification bigint) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
UPDATE mls.verification SET finished_at = clock_timestamp() WHERE id = mls.open_verification($1, $2);
$$;
COMMENT ON FUNCTION mls.end_verification(regrole, bigint) IS 'notes that a verification has ended';
CREATE FUNCTION mls.end_verification(verification bigint) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.end_verification(bigint) IS 'part of mls_verify(): the same for who calls it';

CREATE FUNCTION mls.add_finding(
    caller regrole, verification bigint, severity text, resource text, "check" text, subject text, count bigint, message text)
    RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
INSERT INTO mls.finding
SELECT mls.open_verification(caller, $2), coalesce((SELECT max(f.n) FROM mls.finding f WHERE f.verification = $2), 0) + 1,
       $3, $4, $5, $6, $7, $8;
$$;
COMMENT ON FUNCTION mls.add_finding(regrole, bigint, text, text, text, text, bigint, text) IS 'notes a finding of a verification that a caller has begun';
CREATE FUNCTION mls.add_finding(
    verification bigint, severity text, resource text, "check" text, subject text, count bigint, message text)
    RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.add_finding(bigint, text, text, text, text, bigint, text) IS 'part of mls_verify(): the same for who calls it';

CREATE FUNCTION mls.note_quality(caller regrole, verification bigint, resource text, fields jsonb) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
INSERT INTO mls.quality (verification, resource, field, rows, filled, too_long, outside)
SELECT mls.open_verification($1, $2), $3, q.field, q.rows, q.filled, q.too_long, q.outside
  FROM jsonb_to_recordset(fields) AS q (field text, rows bigint, filled bigint, too_long bigint, outside bigint)
ON CONFLICT DO NOTHING;
$$;
COMMENT ON FUNCTION mls.note_quality(regrole, bigint, text, jsonb) IS 'notes how well fields are filled, for a verification that a caller has begun';
CREATE FUNCTION mls.note_quality(verification bigint, resource text, fields jsonb) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_quality(bigint, text, jsonb) IS 'part of mls_verify(): the same for who calls it';

-- Counts at the source and in the layers, and keys of bronze and silver.
CREATE FUNCTION mls.verify_counts(verification bigint, sub mls.subscription) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    remote bigint;
    bronze bigint;
    silver bigint;
    unstored bigint;
    stray bigint;
    columns text;
    kept bigint;
    -- Long keys are cut there.
    quarantined text[] := ARRAY(SELECT DISTINCT i.key FROM mls.issue i WHERE i.subscription = sub.id AND i.kind = 'quarantine' AND i.solved_at IS NULL);
    is_kept CONSTANT text := '(b.key = ANY ($1::text[]) OR octet_length(b.key) > 196 AND EXISTS (SELECT FROM unnest($1::text[]) k WHERE octet_length(k) > 196 AND starts_with(b.key, k)))';
BEGIN
    BEGIN
        remote := mls.count_remote(sub.id);
    EXCEPTION WHEN OTHERS THEN
        PERFORM mls.add_finding(verification, 'warning', sub.resource, 'counts', NULL, NULL,
                                'the source could not be asked: ' || sqlerrm);
    END;
    SELECT r -> 0, r -> 1 INTO bronze, silver FROM mls.as_owner(sub.id, format(
        'SELECT jsonb_build_array((SELECT count(*) FROM %s WHERE deleted_at IS NULL), (SELECT count(*) FROM %s))',
        sub.bronze, sub.silver)) r;
    PERFORM mls.add_finding(verification, 'info', sub.resource, 'counts', NULL, silver,
        format('source %s, bronze %s, silver %s', coalesce(remote::text, 'not counted'), bronze, silver));
    IF remote <> bronze THEN
        PERFORM mls.add_finding(verification, 'warning', sub.resource, 'counts', NULL, abs(remote - bronze),
            CASE WHEN remote > bronze
                 THEN mls.counted(remote - bronze, 'record of the source is', 'records of the source are')
                      || ' not here: a sync or a reconcile is due'
                 ELSE mls.counted(bronze - remote, 'record here is', 'records here are')
                      || ' not at the source any more: a purge is due' END);
    END IF;
    SELECT string_agg(format('s.%I::text', c.name), ' || ''|'' || ' ORDER BY f.n) INTO columns
      FROM unnest(mls.key_fields(sub.foreign_table)) WITH ORDINALITY AS f (field, n)
      JOIN mls.table_fields(sub.foreign_table) c ON c.field = f.field;
    IF cardinality(mls.key_fields(sub.foreign_table)) > 1 THEN
        kept := least(cardinality(quarantined), greatest(bronze - silver, 0));
        unstored := greatest(bronze - silver - kept, 0);
        stray := greatest(silver - bronze, 0);
    ELSE
        SELECT r -> 0, r -> 1, r -> 2 INTO unstored, stray, kept FROM mls.as_owner(sub.id, format(
            'SELECT jsonb_build_array(count(*) FILTER (WHERE s.key IS NULL AND NOT %4$s), count(*) FILTER (WHERE b.key IS NULL), count(*) FILTER (WHERE s.key IS NULL AND %4$s))
               FROM (SELECT key FROM %1$s WHERE deleted_at IS NULL) b
               FULL JOIN (SELECT %2$s AS key FROM %3$s s) s ON s.key = b.key',
            sub.bronze, columns, sub.silver, is_kept), quarantined::text) r;
    END IF;
    IF kept > 0 THEN
        PERFORM mls.add_finding(verification, 'info', sub.resource, 'keys', NULL, kept,
            mls.counted(kept, 'record of bronze is', 'records of bronze are') || ' in quarantine: a rule of mls.arrival_map does not hold; mls.issue says which');
    END IF;
    IF unstored > 0 THEN
        PERFORM mls.add_finding(verification, 'error', sub.resource, 'keys', NULL, unstored,
            mls.counted(unstored, 'record of bronze is', 'records of bronze are')
            || ' not in silver; mls.issue may say why, mls_rebuild() makes silver anew');
    END IF;
    IF stray > 0 THEN
        PERFORM mls.add_finding(verification, 'error', sub.resource, 'keys', NULL, stray,
            mls.counted(stray, 'row of silver has', 'rows of silver have')
            || ' no record in bronze; mls_rebuild() makes silver anew');
    END IF;
END $$;
COMMENT ON FUNCTION mls.verify_counts(bigint, mls.subscription) IS 'part of mls_verify(): counts and keys';

-- {field: whether its strings are cleaned on their way into silver}; * for those without a rule of their own.
CREATE FUNCTION mls.cleaned_fields(sub mls.subscription) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT jsonb_object_agg(c.field, c.steps <> '{}') FROM (
  SELECT DISTINCT ON (m.field) m.field, m.steps
    FROM mls.clean_map m, pg_foreign_server s, pg_options_to_table(s.srvoptions) o
   WHERE s.srvname = sub.source AND o.option_name = 'protocol' AND m.protocol IN ('*', o.option_value)
     AND m.source IN ('*', sub.source) AND m.source_resource IN ('*', sub.resource)
   ORDER BY m.field, m.source <> '*' DESC, m.source_resource <> '*' DESC, m.protocol <> '*' DESC, m.shipped) c $$;
COMMENT ON FUNCTION mls.cleaned_fields(mls.subscription) IS 'part of mls_verify() and mls_compare(): for which fields a rule of mls.clean_map holds';

CREATE FUNCTION mls.is_cleaned(cleaned jsonb, field text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT coalesce(cleaned -> field, cleaned -> '*', 'false')::boolean $$;
COMMENT ON FUNCTION mls.is_cleaned(jsonb, text) IS 'whether a field is one of mls.cleaned_fields()';

-- Is a value of silver the source's, but for what cleaning may have done to it: blanks, case, a number out of a text?
CREATE FUNCTION mls.same_but_cleaned(remote jsonb, silver jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT coalesce(remote, 'null') = 'null' AND jsonb_typeof(silver) = 'number' OR
       nullif(lower(regexp_replace(remote #>> '{}', E'[[:space:]\u00a0]+', '', 'g')), '') IS NOT DISTINCT FROM
       nullif(lower(regexp_replace(silver #>> '{}', E'[[:space:]\u00a0]+', '', 'g')), '') $$;
COMMENT ON FUNCTION mls.same_but_cleaned(jsonb, jsonb) IS 'part of mls_verify() and mls_compare(): compares a value with the same one after cleaning';

-- Of a record as the source has it and as it is here: how many of the values that both have are alike, and how many not.
CREATE FUNCTION mls.alike(remote jsonb, silver jsonb, OUT same bigint, OUT other bigint)
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT count(*) FILTER (WHERE r.value = s.value), count(*) FILTER (WHERE r.value <> s.value)
  FROM jsonb_each(remote) r JOIN jsonb_each(silver) s USING (key)
 WHERE r.value <> 'null' AND s.value <> 'null' $$;
COMMENT ON FUNCTION mls.alike(jsonb, jsonb) IS 'part of mls_verify(): how far a record of the source is the one that is here';

-- Some records as they are at the source, field by field.  A record that has changed since
-- keeps most of its values; one with more other values than equal ones is another that bears its key.
CREATE FUNCTION mls.verify_sample(verification bigint, sub mls.subscription, samples integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    sampled text;
    remote_row jsonb;
    silver_row jsonb;
    condition text;
    stamp text;
    differing text[];
    compared integer := 0;
    strangers integer := 0;
    alike record;
    keys text[] := ARRAY(SELECT f.name FROM mls.table_fields(sub.foreign_table) f
                          WHERE f.field = ANY (mls.key_fields(sub.foreign_table)));
    cleaned jsonb := mls.cleaned_fields(sub);
    asked text[] := mls.asked_fields(sub.foreign_table);
BEGIN
    SELECT f.name INTO stamp FROM pg_foreign_table t, pg_options_to_table(t.ftoptions) o
      JOIN mls.table_fields(sub.foreign_table) f ON f.field = o.option_value
     WHERE t.ftrelid = sub.foreign_table AND o.option_name = 'timestamp';
    FOR sampled IN SELECT r #>> '{}' FROM mls.as_owner(sub.id, format(
        'SELECT to_jsonb(key) FROM %s WHERE deleted_at IS NULL ORDER BY random() LIMIT %s', sub.bronze, samples)) r
    LOOP
        condition := mls.key_condition(sub.foreign_table, sampled);
        remote_row := (SELECT r FROM mls.as_owner(sub.id, format('SELECT to_jsonb(t.*) FROM %s t WHERE %s LIMIT 1', sub.foreign_table, condition)) r);
        silver_row := (SELECT r FROM mls.as_owner(sub.id, format('SELECT to_jsonb(t.*) FROM %s t WHERE %s LIMIT 1', sub.silver, condition)) r);
        -- Of one that is not in silver the keys tell.
        CONTINUE WHEN silver_row IS NULL;
        compared := compared + 1;
        alike := mls.alike(remote_row - keys, silver_row - keys);
        IF remote_row IS NULL OR alike.other > alike.same THEN
            strangers := strangers + 1;
        END IF;
        IF remote_row IS NULL THEN
            PERFORM mls.add_finding(verification, 'warning', sub.resource, 'sample', sampled, 1,
                                    'the record is not at the source any more: a purge is due');
        ELSIF remote_row -> stamp IS DISTINCT FROM silver_row -> stamp THEN
            PERFORM mls.add_finding(verification, 'info', sub.resource, 'sample', sampled, 1,
                                    'the record has changed since it was read: a sync is due');
        ELSE
            SELECT array_agg(f.field ORDER BY f.field) INTO differing FROM mls.table_fields(sub.foreign_table) f
             WHERE silver_row ? f.name AND (asked IS NULL OR f.field = ANY (asked)) AND remote_row -> f.name IS DISTINCT FROM silver_row -> f.name
               AND NOT (mls.is_cleaned(cleaned, f.field)
                        AND mls.same_but_cleaned(remote_row -> f.name, silver_row -> f.name));
            IF differing IS NOT NULL THEN
                PERFORM mls.add_finding(verification, 'error', sub.resource, 'sample', sampled, cardinality(differing),
                    'the source has other values, at the same timestamp, for ' || array_to_string(differing[1:10], ', '));
            END IF;
        END IF;
    END LOOP;
    IF strangers >= 3 AND strangers > compared / 2 THEN
        PERFORM mls.add_finding(verification, 'error', sub.resource, 'sample', NULL, strangers,
            format('%s of %s are not at the source, or have the key and mostly other values: '
                   'it looks like another source than the one the copy is of', strangers,
                   mls.counted(compared, 'record', 'records')));
    END IF;
    PERFORM mls.add_finding(verification, 'info', sub.resource, 'sample', NULL, compared,
                            mls.counted(compared, 'record was', 'records were') || ' compared with the source');
EXCEPTION WHEN OTHERS THEN
    PERFORM mls.add_finding(verification, 'warning', sub.resource, 'sample', NULL, NULL,
                            'records could not be compared with the source: ' || sqlerrm);
END $$;
COMMENT ON FUNCTION mls.verify_sample(bigint, mls.subscription, integer) IS 'part of mls_verify(): records compared with the source';

-- Gold against what the rules make of silver.
CREATE FUNCTION mls.verify_gold(verification bigint, sub mls.subscription) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    target record;
    missing bigint;
    different bigint;
    superfluous bigint;
    keys text;
BEGIN
    FOR target IN SELECT * FROM mls.gold_comparison(sub.foreign_table) LOOP
        BEGIN
            SELECT r -> 0, r -> 1, r -> 2, (SELECT string_agg(k, ', ') FROM jsonb_array_elements_text(nullif(r -> 3, 'null')) k)
              INTO missing, different, superfluous, keys
              FROM mls.as_owner(sub.id, format('SELECT jsonb_build_array(c.missing, c.different, c.superfluous, c.keys) '
                                               'FROM (%s) c (missing, different, superfluous, keys)', target.sql)) r;
            IF missing + different + superfluous > 0 THEN
                PERFORM mls.add_finding(verification, 'error', target.resource, 'gold', nullif(target.variant, ''),
                    missing + different + superfluous,
                    format('gold is not what the rules make of %s: %s missing, %s, %s left over (%s); '
                           'mls_rebuild() makes them anew',
                           sub.resource, mls.counted(missing, 'row is', 'rows are'), mls.counted(different, 'differs', 'differ'),
                           mls.counted(superfluous, 'is', 'are'), keys));
            END IF;
        EXCEPTION WHEN data_exception THEN
            PERFORM mls.add_finding(verification, 'warning', target.resource, 'gold', nullif(target.variant, ''), NULL,
                'gold could not be compared, for a rule raises an error: ' || sqlerrm);
        WHEN insufficient_privilege THEN
            PERFORM mls.add_finding(verification, 'warning', target.resource, 'gold', nullif(target.variant, ''), NULL,
                'gold could not be compared: ' || sqlerrm);
        END;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.verify_gold(bigint, mls.subscription) IS 'part of mls_verify(): gold against the rules';

-- One pass over a gold table: how well its fields are filled.
CREATE FUNCTION mls.measure_gold(verification bigint, subscription bigint, source text, resource text, gold regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    parts text;
BEGIN
    SELECT string_agg(format('jsonb_build_array(%L::text, count(%s), %s, %s)', a.attname,
               CASE a.atttypid WHEN 'text'::regtype THEN format('nullif(%I, '''')', a.attname)
                               WHEN 'text[]'::regtype THEN format('nullif(%I, ''{}'')', a.attname)
                               ELSE quote_ident(a.attname) END,
               CASE WHEN d.max_length IS NOT NULL AND a.atttypid = 'text'::regtype
                    THEN format('count(*) FILTER (WHERE length(%I) > %s)', a.attname, d.max_length) ELSE 'NULL::bigint' END,
               CASE WHEN l.values IS NULL THEN 'NULL::bigint'
                    WHEN a.atttypid = 'text'::regtype
                    THEN format('count(*) FILTER (WHERE %1$I <> '''' AND NOT %1$I = ANY (%2$L::text[]))', a.attname, l.values)
                    WHEN a.atttypid = 'text[]'::regtype
                    THEN format('count(*) FILTER (WHERE NOT %I <@ %L::text[])', a.attname, l.values)
                    ELSE 'NULL::bigint' END), ', ' ORDER BY a.attnum)
      INTO parts
      FROM pg_attribute a
      LEFT JOIN mls.dd_field d ON d.resource = measure_gold.resource AND d.field = a.attname
      LEFT JOIN LATERAL (SELECT array_agg(v.value ORDER BY v.value) AS values FROM mls.dd_lookup v
                          WHERE v.lookup_name = d.lookup_name) l ON true
     WHERE a.attrelid = gold AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT LIKE 'mls\_%';
    PERFORM mls.note_quality(verification, resource, r)
       FROM mls.as_owner(subscription, format(
                'SELECT jsonb_agg(q) FROM (SELECT v ->> 0 AS field, g.rows, (v ->> 1)::bigint AS filled, (v ->> 2)::bigint AS too_long, (v ->> 3)::bigint AS outside
                   FROM (SELECT count(*) AS rows, ARRAY[%s] AS parts FROM %s WHERE mls_source = $1) g, unnest(g.parts) AS v) q',
                parts, gold), source) r;
END $$;
COMMENT ON FUNCTION mls.measure_gold(bigint, bigint, text, text, regclass) IS 'part of mls_verify(): fills mls.quality for one gold table';

-- References from gold to gold that lead nowhere.
CREATE FUNCTION mls.verify_references(verification bigint, subscription bigint, source text, resource text, gold regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    reference record;
    target regclass;
    broken bigint;
    example text;
BEGIN
    FOR reference IN
        SELECT a.attname AS field, d.resource AS target, d.key_field, f.target_resource = '*' AS named
          FROM pg_attribute a
          JOIN mls.dd_field f ON f.resource = verify_references.resource AND f.field = a.attname
                             AND NOT f.is_expansion AND f.target_resource IS NOT NULL
          JOIN mls.dd_resource d ON d.unique_key AND f.target_resource IN ('*', d.resource)
         WHERE a.attrelid = gold AND NOT a.attisdropped AND a.atttypid = 'text'::regtype
    LOOP
        SELECT c.oid INTO target FROM pg_class c
          JOIN pg_attribute k ON k.attrelid = c.oid AND k.attname = reference.key_field
         WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = gold) AND c.relkind IN ('r', 'p')
           AND EXISTS (SELECT FROM pg_attribute m WHERE m.attrelid = c.oid AND m.attname = 'mls_origin')
           AND obj_description(c.oid, 'pg_class') LIKE 'RESO resource ' || reference.target || ',%';
        CONTINUE WHEN target IS NULL;
        CONTINUE WHEN reference.named AND NOT EXISTS (
            SELECT FROM pg_attribute n WHERE n.attrelid = gold AND n.attname = 'ResourceName' AND NOT n.attisdropped);
        BEGIN
            SELECT r -> 0, r ->> 1 INTO broken, example FROM mls.as_owner(subscription, format(
                'SELECT jsonb_build_array(count(*), min(g.%1$I)) FROM %2$s g WHERE g.mls_source = $1 AND g.%1$I <> '''' AND %3$s
                    AND EXISTS (SELECT FROM %4$s e WHERE e.mls_source = $1)
                    AND NOT EXISTS (SELECT FROM %4$s t WHERE t.%5$I = g.%1$I)',
                reference.field, mls.gold_from(gold, VARIADIC ARRAY['mls_source', reference.field] || CASE WHEN reference.named AND reference.field <> 'ResourceName' THEN '{ResourceName}'::text[] END),
                CASE WHEN reference.named THEN format('g."ResourceName" = %L', reference.target) ELSE 'true' END,
                mls.gold_from(target, 'mls_source', reference.key_field), reference.key_field), source) r;
            IF broken > 0 THEN
                PERFORM mls.add_finding(verification, 'warning', resource, 'references', reference.field, broken,
                    format('%s a record of %s that gold does not have, such as %s',
                           mls.counted(broken, 'row names', 'rows name'), reference.target,
                           left(example, 60)));
            END IF;
        EXCEPTION WHEN insufficient_privilege THEN
            PERFORM mls.add_finding(verification, 'info', resource, 'references', reference.field, NULL,
                format('not checked against records of %s, which another role has in gold: %s', reference.target, sqlerrm));
        END;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.verify_references(bigint, bigint, text, text, regclass) IS 'part of mls_verify(): rows of gold that refer to others that are not there';

-- A source may be replicated by several roles, whose tables and gold are not each other's: what
-- may not be read, or is not there any more, is a finding, and the rest is verified all the same.
CREATE FUNCTION mls.verify_part(verification bigint, part text, sub mls.subscription, samples integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    CASE part
        WHEN 'identity' THEN
            PERFORM mls.add_finding(verification, 'error', sub.resource, 'identity', NULL, NULL,
                        format('the source is not the one the copy is of: %s mls_source_accept() or a new beginning is due', d.differs))
               FROM (SELECT mls.source_differs(sub.id)) d (differs) WHERE d.differs IS NOT NULL;
        WHEN 'counts' THEN PERFORM mls.verify_counts(verification, sub);
        WHEN 'sample' THEN PERFORM mls.verify_sample(verification, sub, samples) WHERE samples > 0;
        WHEN 'gold' THEN PERFORM mls.verify_gold(verification, sub) WHERE sub.gold IS NOT NULL;
        WHEN 'joins' THEN PERFORM mls.verify_joins(verification, sub) WHERE sub.gold IS NOT NULL;
    END CASE;
EXCEPTION WHEN insufficient_privilege OR undefined_table OR undefined_object THEN
    PERFORM mls.add_finding(verification, 'warning', sub.resource, part, NULL, NULL, 'not checked: ' || sqlerrm);
END $$;
COMMENT ON FUNCTION mls.verify_part(bigint, text, mls.subscription, integer) IS 'part of mls_verify(): a check of a subscription, or why it could not be made';

CREATE FUNCTION mls.verify_gold_part(verification bigint, part text, subscription bigint, source text, resource text, gold regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    CASE part
        WHEN 'references' THEN PERFORM mls.verify_references(verification, subscription, source, resource, gold);
        WHEN 'quality' THEN PERFORM mls.measure_gold(verification, subscription, source, resource, gold);
        WHEN 'lookups' THEN PERFORM mls.verify_lookups(verification, subscription, source, resource, gold);
    END CASE;
EXCEPTION WHEN insufficient_privilege OR undefined_table OR undefined_object THEN
    PERFORM mls.add_finding(verification, 'warning', resource, part, NULL, NULL, 'not checked: ' || sqlerrm);
END $$;
COMMENT ON FUNCTION mls.verify_gold_part(bigint, text, bigint, text, text, regclass) IS 'part of mls_verify(): a check of a table of gold, or why it could not be made';

CREATE FUNCTION mls_verify(
    source text,
    samples integer DEFAULT 20,
    OUT severity text,
    OUT resource text,
    OUT "check" text,
    OUT subject text,
    OUT count bigint,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    v bigint;
    sub mls.subscription;
    target record;
    part text;
BEGIN
    PERFORM mls.refuse_standby('mls_verify()', 'verify');
    PERFORM mls.follow_renames();
    SELECT min(s.source) INTO mls_verify.source FROM mls.find_subscriptions(mls_verify.source) f
      JOIN mls.subscription s USING (id);
    v := mls.begin_verification(mls_verify.source, mls_verify.samples);
    FOR sub IN SELECT * FROM mls.subscription s
                WHERE s.source = mls_verify.source AND pg_has_role(s.owner, 'USAGE') ORDER BY s.id
    LOOP
        FOREACH part IN ARRAY '{identity,counts,sample,gold,joins}'::text[] LOOP
            PERFORM mls.verify_part(v, part, sub, mls_verify.samples);
        END LOOP;
    END LOOP;
    FOR target IN SELECT t.resource, t.gold, min(s.id) AS subscription FROM mls.subscription s, mls.gold_comparison(s.foreign_table) t
                   WHERE s.source = mls_verify.source AND pg_has_role(s.owner, 'USAGE') AND s.gold IS NOT NULL
                   GROUP BY t.resource, t.gold ORDER BY t.resource
    LOOP
        FOREACH part IN ARRAY '{references,quality,lookups}'::text[] LOOP
            PERFORM mls.verify_gold_part(v, part, target.subscription, mls_verify.source, target.resource, target.gold);
        END LOOP;
    END LOOP;
    PERFORM mls.add_finding(v, m.severity, 'Media', 'files', m.subject, m.count, m.message) FROM mls.media_findings(mls_verify.source) m;
    PERFORM mls.verify_units(v, mls_verify.source);
    PERFORM mls.verify_rules(v);
    PERFORM mls.end_verification(v);
    RETURN QUERY SELECT f.severity, f.resource, f."check", f.subject, f.count, f.message FROM mls.finding f
                  WHERE f.verification = v ORDER BY f.severity = 'info', f.severity, f.n;
END $$;
COMMENT ON FUNCTION mls_verify(text, integer)
    IS 'proves the copy of a source: counts and keys of the layers, records compared with the source (a request each), gold against the rules, what these look at, references and lookup values, files of media as far as rows tell; returns and keeps what it found, errors first';

CREATE VIEW mls_quality WITH (security_invoker = true) AS
SELECT v.source, q.resource, q.field, q.rows, q.filled,
       round(q.filled::numeric / nullif(q.rows, 0), 4) AS fill_rate,
       round(q.filled::numeric / nullif(q.rows, 0) - p.filled::numeric / nullif(p.rows, 0), 4) AS trend,
       d.field IS NOT NULL AS in_dictionary, q.too_long, q.outside, v.finished_at AS measured_at
  FROM (SELECT DISTINCT ON (source) * FROM mls.verification WHERE finished_at IS NOT NULL
         ORDER BY source, id DESC) v
  JOIN mls.quality q ON q.verification = v.id
  LEFT JOIN mls.dd_field d ON d.resource = q.resource AND d.field = q.field
  LEFT JOIN LATERAL (SELECT o.filled, o.rows FROM mls.quality o JOIN mls.verification w ON w.id = o.verification
                      WHERE w.source = v.source AND w.id < v.id AND o.resource = q.resource AND o.field = q.field
                      ORDER BY w.id DESC LIMIT 1) p ON true
 ORDER BY v.source, q.resource, q.field;
COMMENT ON VIEW mls_quality IS 'how well the fields of gold are filled, and how far they are as the Data Dictionary has them, by the last mls_verify() of each source';
COMMENT ON COLUMN mls_quality.source IS 'name of the server';
COMMENT ON COLUMN mls_quality.resource IS 'resource of the dictionary';
COMMENT ON COLUMN mls_quality.field IS 'field in gold';
COMMENT ON COLUMN mls_quality.rows IS 'rows of the source';
COMMENT ON COLUMN mls_quality.filled IS 'rows with a value';
COMMENT ON COLUMN mls_quality.fill_rate IS 'share of them, 0 to 1';
COMMENT ON COLUMN mls_quality.trend IS 'change of that share since the verification before';
COMMENT ON COLUMN mls_quality.in_dictionary IS 'whether the dictionary has the field';
COMMENT ON COLUMN mls_quality.too_long IS 'values longer than the dictionary suggests; NULL where it suggests no length';
COMMENT ON COLUMN mls_quality.outside IS 'rows with a value that the field''s lookup does not have; NULL without one';
COMMENT ON COLUMN mls_quality.measured_at IS 'when it was measured';

REVOKE ALL ON mls.verification, mls.finding, mls.quality, mls_quality FROM PUBLIC;
REVOKE ALL ON FUNCTION mls.open_verification(regrole, bigint), mls.begin_verification(regrole, text, integer), mls.begin_verification(text, integer),
    mls.end_verification(regrole, bigint), mls.end_verification(bigint), mls.note_quality(regrole, bigint, text, jsonb),
    mls.note_quality(bigint, text, jsonb), mls.add_finding(regrole, bigint, text, text, text, text, bigint, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION mls_verify(text, integer), mls.gold_comparison(regclass),
    mls.add_finding(bigint, text, text, text, text, bigint, text), mls.verify_counts(bigint, mls.subscription),
    mls.alike(jsonb, jsonb), mls.cleaned_fields(mls.subscription), mls.is_cleaned(jsonb, text), mls.same_but_cleaned(jsonb, jsonb),
    mls.verify_sample(bigint, mls.subscription, integer), mls.verify_gold(bigint, mls.subscription),
    mls.measure_gold(bigint, bigint, text, text, regclass), mls.verify_references(bigint, bigint, text, text, regclass),
    mls.verify_part(bigint, text, mls.subscription, integer), mls.verify_gold_part(bigint, text, bigint, text, text, regclass) FROM PUBLIC;
