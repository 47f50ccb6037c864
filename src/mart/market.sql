-- Figures of a mart for the operators' site: asked by name, shown to who may read them.

-- A row of a mart's tables as jsonb, for who may act as its owner or read its tables.  The owner's
-- code runs as the owner; of a reader's own nothing but plain tables is read.
CREATE FUNCTION mls.market_rows(mart text, what text, VARIADIC arguments text[] DEFAULT '{}') RETURNS SETOF jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    known mls.mart;
    query text;
    checked text;
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.name = market_rows.mart;
    IF known.id IS NULL THEN
        RAISE EXCEPTION 'there is no mart "%"', mart USING ERRCODE = 'undefined_object', HINT = 'mls_marts lists them.';
    END IF;
    query := format(CASE what
        WHEN 'choice' THEN $q$
SELECT to_jsonb(c) FROM (
    SELECT l.level, t.transaction, a.currency FROM (SELECT a.location_id, a.type_id, a.currency, count(*) AS n FROM %1$I.agg_market_month a GROUP BY 1, 2, 3) a
      JOIN %1$I.dim_location l USING (location_id) JOIN %1$I.dim_property_type t USING (type_id)
     -- What most is told of comes first.
     GROUP BY 1, 2, 3 ORDER BY sum(a.n) DESC, 2, 3, 1) c
 WHERE $1 IS NULL
$q$
        WHEN 'sources' THEN 'SELECT to_jsonb(s) FROM (SELECT s.source_id, s.name FROM %1$I.dim_source s ORDER BY s.source_id) s WHERE $1 IS NULL'
        -- Of many places those with most sales of late, each with all its kinds of property together and by type.
        WHEN 'figures' THEN $q$
WITH wanted AS (
    SELECT a.location_id, l.name, row_number() OVER (ORDER BY sum(coalesce(a.closed_sales, 0) + coalesce(a.inventory_eom, 0)) DESC, l.name, a.location_id) AS n
      FROM %1$I.agg_market_month a JOIN %1$I.dim_location l USING (location_id) JOIN %1$I.dim_property_type t USING (type_id)
     WHERE l.level = $1 AND t.level = 'all' AND t.transaction = $2 AND a.currency = $3 AND a.source_id = $4::integer
       AND a.month > (SELECT max(b.month) FROM %1$I.agg_market_month b) - make_interval(months => 12)
     GROUP BY a.location_id, l.name),
-- Where several have one name, what they are in tells them apart.
named AS (
    SELECT w.location_id, w.n, CASE WHEN count(*) OVER (PARTITION BY lower(w.name)) > 1 THEN concat_ws(', ', w.name, p.name, q.name) ELSE w.name END AS name
      FROM wanted w JOIN %1$I.dim_location l USING (location_id)
      LEFT JOIN %1$I.dim_location p ON p.location_id = l.parent_id AND p.level <> 'all'
      LEFT JOIN %1$I.dim_location q ON q.location_id = p.parent_id AND q.level <> 'all')
SELECT to_jsonb(f) FROM (
    SELECT a.month, a.location_id, a.type_id, CASE $1 WHEN 'all' THEN 'Everywhere' ELSE w.name END AS place, coalesce(t.property_type, 'All') AS kind, a.inventory_eom, a.new_listings, a.new_pending, a.closed_sales,
           a.median_sale_price, a.months_supply_12p, a.dom_median, a.sale_to_list_pct, a.is_thin, a.is_complete
      FROM named w JOIN %1$I.agg_market_month a USING (location_id) JOIN %1$I.dim_property_type t USING (type_id)
     WHERE w.n <= 12 AND t.level IN ('all', 'type') AND t.transaction = $2 AND a.currency = $3 AND a.source_id = $4::integer
       AND a.month > (SELECT max(b.month) FROM %1$I.agg_market_month b) - make_interval(months => $5::integer)
     ORDER BY w.n, t.level, t.property_type, a.month) f
$q$ END, known.name);
    IF what <> 'figures' THEN
        arguments := ARRAY[NULL]::text[];
    END IF;
    IF pg_has_role(known.owner, 'USAGE') THEN
        RETURN QUERY SELECT a FROM mls.as_role(known.owner, query, VARIADIC arguments) a;
        RETURN;
    END IF;
    FOREACH checked IN ARRAY '{agg_market_month,dim_location,dim_property_type,dim_source}'::text[] LOOP
        -- Nobody puts another in its place until it is read.
        EXECUTE format('LOCK TABLE %I.%I IN ACCESS SHARE MODE', known.name, checked);
        IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass(format('%I.%I', known.name, checked)) AND c.relkind = 'r' AND NOT c.relrowsecurity AND NOT c.relhassubclass)
           OR EXISTS (SELECT FROM mls.mart_column c WHERE c.relation = checked
                         AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(format('%I.%I', known.name, checked)) AND a.attname = c.name AND a.atttypid = c.type::regtype)) THEN
            RAISE EXCEPTION 'table %.% is not what it was made as', quote_ident(known.name), quote_ident(checked) USING ERRCODE = 'insufficient_privilege';
        END IF;
    END LOOP;
    RETURN QUERY EXECUTE query USING arguments[1], arguments[2], arguments[3], arguments[4], arguments[5];
END $f$;
COMMENT ON FUNCTION mls.market_rows(text, text, text[]) IS 'rows for the page Market of the operators'' site: figures (of a level of places, a transaction, a currency, a source and some months), or what can be chosen (choice, sources)';
REVOKE ALL ON FUNCTION mls.market_rows(text, text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls.market_rows(text, text, text[]) TO pg_monitor;
