-- Records, found by what people have at hand, and as they stand here; without the network.

CREATE FUNCTION mls.find_in(sub mls.subscription, wanted text) RETURNS SETOF jsonb
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    words constant text := '%' || replace(replace(replace(wanted, '\', '\\'), '%', '\%'), '_', '\_') || '%';
    layer record;
BEGIN
    IF sub.gold IS NULL THEN
        RETURN QUERY SELECT r FROM mls.as_owner(sub.id, format(
            'SELECT jsonb_build_object(''key'', t.key, ''field'', ''key'') FROM %s t WHERE t.key = $1 AND t.deleted_at IS NULL', sub.bronze), wanted) r;
        RETURN;
    END IF;
    -- Names and numbers are compared whole, an address by any part of it.
    SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attnum) AS names,
           string_agg(format('WHEN t.%I = $1 THEN %L', a.attname, a.attname), ' ' ORDER BY a.attname = 'mls_source_key' DESC, a.attnum) AS which,
           coalesce((SELECT format('t.%I', l.name) FROM unnest('{UnparsedAddress,MemberFullName,OfficeName,MediaURL,ListingId}'::text[]) WITH ORDINALITY AS l (name, n)
                       JOIN pg_attribute b ON b.attrelid = sub.gold::oid AND b.attname = l.name AND NOT b.attisdropped ORDER BY l.n LIMIT 1), 'NULL::text') AS label,
           EXISTS (SELECT FROM pg_attribute b WHERE b.attrelid = sub.gold::oid AND b.attname = 'UnparsedAddress' AND NOT b.attisdropped) AS has_address
      INTO layer
      FROM pg_attribute a
     WHERE a.attrelid = sub.gold::oid AND a.attnum > 0 AND NOT a.attisdropped
       AND a.atttypid = 'text'::regtype AND (a.attname ~ '(Key|Id|Number)$' OR a.attname = 'mls_source_key');
    RETURN QUERY SELECT r FROM mls.as_owner(sub.id, format(
        'SELECT jsonb_build_object(''key'', t.mls_source_key, ''field'', CASE %s ELSE ''UnparsedAddress'' END, ''label'', %s) FROM %s t '
        'WHERE t.mls_source = $2 AND (t.mls_origin = $3 OR starts_with(t.mls_origin, $3 || ''/'')) AND ($1 IN (%s)%s) ORDER BY t.mls_source_key LIMIT 50',
        layer.which, layer.label, sub.gold, layer.names, CASE WHEN layer.has_address THEN ' OR t."UnparsedAddress" ILIKE $4' ELSE '' END),
        wanted, sub.source, sub.resource, words) r;
END $$;
COMMENT ON FUNCTION mls.find_in(mls.subscription, text) IS 'part of mls_find(): records of one subscription';

CREATE FUNCTION mls_find(
    wanted text, source text DEFAULT NULL, resource text DEFAULT NULL,
    OUT source text, OUT resource text, OUT key text, OUT field text, OUT label text)
    RETURNS SETOF record
    LANGUAGE sql STABLE ROWS 20
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT s.source, s.resource, r->>'key', r->>'field', r->>'label'
  FROM mls.find_subscriptions(mls_find.source, mls_find.resource) f
  JOIN mls.subscription s ON s.id = f.id
 CROSS JOIN LATERAL mls.find_in(s, btrim(mls_find.wanted)) r
 WHERE btrim(mls_find.wanted) <> '' AND pg_has_role(s.owner, 'USAGE')
 ORDER BY r->>'field' = 'UnparsedAddress', s.id, r->>'key';
$$;
COMMENT ON FUNCTION mls_find(text, text, text)
    IS 'records that have a value as a key or number, or a text in their address: with their keys at the source, the field that has it, and what a reader knows them by; at most 50 of each subscription; no network';

CREATE FUNCTION mls_layers(
    source text, resource text, key text DEFAULT NULL,
    OUT record_key text, OUT field text, OUT bronze text, OUT silver text, OUT gold text)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 200
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    sub mls.subscription;
    wanted text := mls_layers.key;
    condition text;
    bronze_row jsonb;
    silver_row jsonb;
    gold_row jsonb;
BEGIN
    SELECT s.* INTO sub FROM mls.find_subscriptions(mls_layers.source, mls_layers.resource) f
      JOIN mls.subscription s USING (id);
    IF wanted IS NULL THEN
        wanted := (SELECT r #>> '{}' FROM mls.as_owner(sub.id, format(
            'SELECT to_jsonb(key) FROM %s WHERE deleted_at IS NULL ORDER BY modified_at DESC NULLS LAST, key LIMIT 1', sub.bronze)) r);
        IF wanted IS NULL THEN
            RETURN;
        END IF;
    END IF;
    condition := mls.key_condition(sub.foreign_table, wanted);
    bronze_row := (SELECT r FROM mls.as_owner(sub.id, format('SELECT record::jsonb FROM %s WHERE key = $1 AND deleted_at IS NULL', sub.bronze), wanted) r);
    silver_row := (SELECT r FROM mls.as_owner(sub.id, format('SELECT to_jsonb(t.*) FROM %s t WHERE %s LIMIT 1', sub.silver, condition)) r);
    IF sub.gold IS NOT NULL THEN
        gold_row := (SELECT r FROM mls.as_owner(sub.id, format('SELECT to_jsonb(t.*) FROM %s t WHERE mls_source = $1 AND mls_source_key = $2 LIMIT 1', sub.gold),
                                                sub.source, wanted) r);
    END IF;
    RETURN QUERY
        SELECT wanted, coalesce(f.field, g.key), bronze_row->>f.field, silver_row->>f.name, g.value
          FROM mls.table_fields(sub.foreign_table) WITH ORDINALITY AS f (name, field, type, n)
          FULL JOIN (SELECT e.key, e.value FROM jsonb_each_text(gold_row) e WHERE e.key NOT LIKE 'mls\_%') g
            ON g.key = CASE WHEN gold_row ? f.field THEN f.field ELSE 'X_' || f.field END
         WHERE coalesce(bronze_row, silver_row, gold_row) IS NOT NULL
         ORDER BY f.n, 2;
END $$;
COMMENT ON FUNCTION mls_layers(text, text, text)
    IS 'one record by its key, or the one modified last: each field in bronze, silver and gold; none if nothing here has it; no network';
REVOKE ALL ON FUNCTION mls.find_in(mls.subscription, text), mls_find(text, text, text), mls_layers(text, text, text) FROM PUBLIC;
