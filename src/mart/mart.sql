-- Marts: market statistics from gold, as ordinary tables in a schema of the user's.
--
-- What a table is of and what each of its columns means stands in mart.tsv, and becomes its
-- comments.  Tables are filled beside (mls_new_...) and then compared with the live ones: what is
-- equal stays as it is, so nobody is locked out and computed_at says when a figure changed.  The
-- same statements fill all of a table, or only the groups in which something has changed.

-- ---- Columns ----

-- Columns of a table of a mart, those that its owner has added included.
CREATE FUNCTION mls.mart_columns(mart mls.mart, relation text, OUT place bigint, OUT name text, OUT part text) RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT c.place::bigint, c.name, c.part FROM mls.mart_column c WHERE c.relation = mart_columns.relation
UNION ALL
SELECT 1000 + o.id, o.name, 'value' FROM mls.mart_own o WHERE o.mart = mart_columns.mart.id AND o.relation = mart_columns.relation AND o.name <> ''
UNION ALL
SELECT coalesce(array_position(o.key, a.attname::text), 1000 + a.attnum), a.attname, CASE WHEN a.attname::text = ANY (o.key) THEN 'key' ELSE 'value' END
  FROM mls.mart_own o JOIN pg_attribute a ON a.attrelid = to_regclass(format('%I.%I', mart_columns.mart.name, mart_columns.relation)) AND a.attnum > 0 AND NOT a.attisdropped
 WHERE o.mart = mart_columns.mart.id AND o.relation = mart_columns.relation AND o.name = ''
$$;
COMMENT ON FUNCTION mls.mart_columns(mls.mart, text) IS 'part of mls_mart_sync(): columns of a table of a mart in their order, and which are its key';

-- ---- What listings say ----

-- SQL rather than a function of its values: those would be called for each listing.
CREATE FUNCTION mls.mart_status(expression text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT format('CASE lower(translate(%s, %L, %L)) ', expression, ' _', '')
       || (SELECT string_agg(format('WHEN %L THEN %L', lower(replace(s, ' ', '')), s), ' ') FROM unnest('{Active,Active Under Contract,Pending,Closed,Hold,Withdrawn,Canceled,Expired,Coming Soon}'::text[]) s)
       || format(' WHEN %L THEN %L END', 'cancelled', 'Canceled')
$$;
COMMENT ON FUNCTION mls.mart_status(text) IS 'part of mls_mart_sync(): an expression of a StandardStatus as marts write it, in SQL; NULL for those that never count';

-- A column of a table of gold as SQL, or NULL if it is not there or not for the role.
CREATE FUNCTION mls.mart_field(gold regclass, field text, type text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT coalesce((SELECT CASE WHEN t.typcategory = 'A' AND mart_field.type = 'text' THEN format('array_to_string(p.%I, '', '')', field) ELSE format('p.%I::%s', field, mart_field.type) END
                   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                  WHERE a.attrelid = gold AND a.attname = field AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(gold, a.attnum, 'SELECT')),
                format('NULL::%s', type))
$$;
COMMENT ON FUNCTION mls.mart_field(regclass, text, text) IS 'part of mls_mart_sync(): a field of gold, in SQL, as a type; NULL if there is none to be read';

-- Listings as statements want them: all, or in part those whose keys $1 is (an array).
CREATE FUNCTION mls.mart_listings(mart mls.mart, part boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    gold regclass := mls.gold_table('Property');
    fields text;
    dates text;
    futures text;
BEGIN
    -- What is no number (NaN, infinity) would stay in sums for ever; what is beyond all years has no day in a zone.
    SELECT string_agg(format(CASE WHEN f.name IN ('property_type', 'property_sub_type') THEN 'nullif(btrim(%1$s), '''')' WHEN f.type = 'numeric' THEN 'CASE WHEN %1$s BETWEEN -1e15 AND 1e15 THEN %1$s END'
                                  WHEN f.type = 'timestamptz' THEN 'CASE WHEN %1$s BETWEEN ''1900-01-01'' AND ''9999-12-31'' THEN %1$s END' ELSE '%1$s' END || ' AS %2$s', mls.mart_field(gold, f.field, f.type), f.name), ', ') INTO fields
      FROM (VALUES ('ListingKey', 'text', 'listing_key'), ('mls_source', 'text', 'source'), ('StandardStatus', 'text', 'standard_status'),
            ('PropertyType', 'text', 'property_type'), ('PropertySubType', 'text', 'property_sub_type'), ('StructureType', 'text', 'structure_type'),
            ('X_Currency', 'text', 'own_currency'), ('LeaseAmountFrequency', 'text', 'frequency'),
            ('Country', 'text', 'country_name'), ('StateOrProvince', 'text', 'state_name'), ('CountyOrParish', 'text', 'county_name'), ('City', 'text', 'city_name'),
            ('PostalCode', 'text', 'postal_name'), ('MLSAreaMajor', 'text', 'area_name'),
            ('ParcelNumber', 'text', 'parcel'), ('UnparsedAddress', 'text', 'address'), ('StreetNumber', 'text', 'street_number'), ('StreetName', 'text', 'street'), ('UnitNumber', 'text', 'unit'),
            ('OnMarketDate', 'date', 'on_market_d'), ('OnMarketTimestamp', 'timestamptz', 'on_market_t'), ('ListingContractDate', 'date', 'listed_d'),
            ('OriginalEntryTimestamp', 'timestamptz', 'entered_t'), ('PurchaseContractDate', 'date', 'purchase_d'), ('PendingTimestamp', 'timestamptz', 'pending_t'),
            ('ContingentDate', 'date', 'contingent_d'), ('CloseDate', 'date', 'closed_d'), ('OffMarketDate', 'date', 'off_d'), ('OffMarketTimestamp', 'timestamptz', 'off_t'),
            ('CancellationDate', 'date', 'canceled_d'), ('WithdrawnDate', 'date', 'withdrawn_d'), ('ExpirationDate', 'date', 'expired_d'),
            ('StatusChangeTimestamp', 'timestamptz', 'changed_t'), ('BackOnMarketDate', 'date', 'back_d'), ('PriceChangeTimestamp', 'timestamptz', 'price_t'),
            ('ListPrice', 'numeric', 'list_price'), ('OriginalListPrice', 'numeric', 'original_list_price'), ('PreviousListPrice', 'numeric', 'previous_list_price'),
            ('ClosePrice', 'numeric', 'close_price'), ('ConcessionsAmount', 'numeric', 'concessions_amount'),
            ('LivingArea', 'numeric', 'living_area'), ('LivingAreaUnits', 'text', 'living_area_units'),
            ('DaysOnMarket', 'bigint', 'dom_source'), ('CumulativeDaysOnMarket', 'bigint', 'cdom_source'),
            ('ListAgentKey', 'text', 'list_agent_key'), ('CoListAgentKey', 'text', 'co_list_agent_key'), ('BuyerAgentKey', 'text', 'buyer_agent_key'), ('CoBuyerAgentKey', 'text', 'co_buyer_agent_key'),
            ('ListOfficeKey', 'text', 'list_office_key'), ('CoListOfficeKey', 'text', 'co_list_office_key'), ('BuyerOfficeKey', 'text', 'buyer_office_key'),
            ('CoBuyerOfficeKey', 'text', 'co_buyer_office_key')) f (field, type, name);
    -- Days in the zone of the source; what lies in the future, or cannot be, is not known.  The
    -- epoch is what software makes of a date that it has not got.
    SELECT string_agg(format('CASE WHEN %1$s BETWEEN ''1950-01-01'' AND %3$L::date AND %1$s NOT IN (''1969-12-31'', ''1970-01-01'') THEN %1$s END AS %2$s', d.day, d.name, mart.as_of), ', '),
           string_agg(CASE WHEN d.name <> 'expired' THEN format('CASE WHEN %1$s > %2$L::date THEN %1$s END', d.day, mart.as_of)
                           ELSE format('CASE WHEN %1$s > %2$L::date AND k.status = ''Expired'' THEN %1$s END', d.day, mart.as_of) END, ', ')
      INTO dates, futures
      FROM (SELECT v.name, CASE WHEN v.field ~ '_t$' THEN format('(r.%s AT TIME ZONE s.timezone)::date', v.field) ELSE 'r.' || v.field END AS day
              FROM (VALUES ('on_market', 'on_market_d'), ('on_market_at', 'on_market_t'), ('listed', 'listed_d'), ('entered', 'entered_t'), ('purchase', 'purchase_d'),
                    ('pending', 'pending_t'), ('contingent', 'contingent_d'), ('closed', 'closed_d'), ('off_market', 'off_d'), ('off_at', 'off_t'), ('canceled', 'canceled_d'),
                    ('withdrawn', 'withdrawn_d'), ('expired', 'expired_d'), ('changed', 'changed_t'), ('back', 'back_d'), ('price_changed', 'price_t')) v (name, field)) d;
    fields := fields || coalesce((SELECT string_agg(format(', (%s)::%s AS %I', o.expression || E'\n', o.type, 'own ' || o.name), '' ORDER BY o.id) FROM mls.mart_own o WHERE o.mart = mart_listings.mart.id AND o.relation = 'fct_listing' AND o.name <> ''), '');
    RETURN format($q$
SELECT r.*, s.source_id, s.timezone, k.*, d.*, e.*
  FROM (SELECT %s FROM %s p CROSS JOIN LATERAL (SELECT p.*) r%s) r
  JOIN %I.dim_source s ON s.name = r.source
 CROSS JOIN LATERAL (SELECT %s AS status,
       CASE WHEN r.property_type IS NULL THEN 'unknown' WHEN r.property_type ~* 'lease$' THEN 'lease' ELSE 'sale' END AS transaction,
       CASE WHEN upper(btrim(r.own_currency)) ~ '^[A-Z]{3}$' THEN upper(btrim(r.own_currency)) ELSE %L END AS currency OFFSET 0) k
 CROSS JOIN LATERAL (SELECT CASE WHEN k.transaction <> 'lease' THEN 1::numeric
            ELSE CASE lower(translate(coalesce(r.frequency, 'monthly'), ' -_', '')) WHEN 'monthly' THEN 1 WHEN 'weekly' THEN 52 / 12.0 WHEN 'biweekly' THEN 26 / 12.0
                      WHEN 'semimonthly' THEN 2 WHEN 'bimonthly' THEN 1 / 2.0 WHEN 'quarterly' THEN 1 / 3.0 WHEN 'semiannually' THEN 1 / 6.0 WHEN 'annually' THEN 1 / 12.0 END END AS times,
       least(%s) AS next_date, %s OFFSET 0) d
 CROSS JOIN LATERAL (SELECT coalesce(d.on_market, d.on_market_at, d.listed, d.entered) AS first_date,
       coalesce(d.purchase, d.pending, d.contingent) AS contract,
       CASE k.status WHEN 'Canceled' THEN d.canceled WHEN 'Withdrawn' THEN d.withdrawn WHEN 'Expired' THEN d.expired END AS off_exact,
       coalesce(CASE k.status WHEN 'Canceled' THEN d.canceled WHEN 'Withdrawn' THEN d.withdrawn WHEN 'Expired' THEN d.expired END,
                d.off_market, d.canceled, d.withdrawn, d.off_at, d.changed) AS off) e
 WHERE k.status IS NOT NULL
$q$, fields, gold, CASE WHEN part THEN ' WHERE p."ListingKey" = ANY ($1::text[])' ELSE '' END, mart.name, mls.mart_status('r.standard_status'), mart.currency, futures, dates);
END $f$;
COMMENT ON FUNCTION mls.mart_listings(mls.mart, boolean) IS 'part of mls_mart_sync(): a query for the listings that count, with the days by which they do';

-- What HistoryTransactional says of listings, where it is kept.
CREATE FUNCTION mls.mart_history(part boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    history regclass := mls.gold_table('HistoryTransactional');
    needed CONSTANT text[] := '{HistoryTransactionalKey,ResourceName,ResourceRecordKey,FieldName,PreviousValue,NewValue,ModificationTimestamp}';
BEGIN
    IF history IS NULL OR (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = history AND a.attname = ANY (needed) AND has_column_privilege(history, a.attnum, 'SELECT')) < cardinality(needed) THEN
        RETURN 'SELECT NULL::text AS listing_key, NULL::text AS key, NULL::text AS field, NULL::text AS old, NULL::text AS new, NULL::timestamptz AS at WHERE false';
    END IF;
    PERFORM mls.require_trusted(history);
    RETURN format('SELECT h."ResourceRecordKey" AS listing_key, h."HistoryTransactionalKey" AS key, h."FieldName" AS field, h."PreviousValue" AS old, h."NewValue" AS new, h."ModificationTimestamp" AS at '
                  'FROM %s h WHERE h."ResourceName" = ''Property'' AND h."ModificationTimestamp" BETWEEN ''1900-01-01'' AND ''9999-12-31'' AND h."FieldName" IN (''StandardStatus'', ''ListPrice'') AND h."PreviousValue" IS NOT NULL AND h."NewValue" IS NOT NULL '
                  '%s', history, CASE WHEN part THEN 'AND h."ResourceRecordKey" = ANY ($1::text[])' ELSE '' END);
END $f$;
COMMENT ON FUNCTION mls.mart_history(boolean) IS 'part of mls_mart_sync(): a query for changes of status and price of listings, all or in part';

-- It has no events of its own, and comes before or after its listing.
CREATE FUNCTION mls.mart_history_hash(part boolean) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT format('SELECT h.listing_key, bit_xor(hashtextextended(concat_ws(E''\n'', h.key, h.field, h.old, h.new, extract(epoch FROM h.at)), 0)) AS hash FROM (%s) h GROUP BY h.listing_key', mls.mart_history(part)) $$;
COMMENT ON FUNCTION mls.mart_history_hash(boolean) IS 'part of mls_mart_sync(): a query for a hash of the same, by listings';

-- The facts of listings, in one statement, so that gold is read once: changes in their order, the
-- spells between them, and listings with what these say of them.  HistoryTransactional, where it is
-- kept, says what happened since; the dates of a listing say what was before, or all.  A change is of
-- the day that its field says, if that is before the day on which it was written; of the listing's
-- spells none begins before the one in front of it.  All windows are of one order, the C collation's.
CREATE FUNCTION mls.mart_facts(mart mls.mart, part boolean, beside text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
BEGIN
    RETURN format($q$
-- Of all that mart_listings() says, what is needed here: it is kept in memory or in a file.
WITH l AS MATERIALIZED (
    SELECT x.listing_key, x.source, x.source_id, x.timezone, x.property_type, x.property_sub_type, x.structure_type, x.own_currency, x.currency, x.transaction, x.times, x.status, x.country_name, x.state_name, x.county_name, x.city_name, x.postal_name, x.area_name,
           x.parcel, x.address, x.street_number, x.street, x.unit, x.listed, x.entered, x.pending, x.contingent, x.closed, x.withdrawn, x.changed, x.back, x.price_changed, x.next_date, x.first_date, x.contract, x.off_exact, x.off, x.price_t,
           x.list_price, x.original_list_price, x.previous_list_price, x.close_price, x.concessions_amount, x.living_area, x.living_area_units, x.dom_source, x.cdom_source,
           x.list_agent_key, x.co_list_agent_key, x.buyer_agent_key, x.co_buyer_agent_key, x.list_office_key, x.co_list_office_key, x.buyer_office_key, x.co_buyer_office_key%12$s
      FROM (%1$s) x),
sites AS MATERIALIZED (
    SELECT s.*, t.type_id, coalesce(p1.location_id, 0) AS country_id, coalesce(p2.location_id, 0) AS state_id, coalesce(p3.location_id, 0) AS county_id, coalesce(p4.location_id, 0) AS city_id, coalesce(p5.location_id, 0) AS postal_id, coalesce(p6.location_id, 0) AS area_id
      FROM %5$I.mls_new_sites s
      JOIN %5$I.dim_property_type t ON concat(t.transaction, E'\n', t.property_type, E'\n', t.property_sub_type) = concat(s.transaction, E'\n', s.property_type, E'\n', CASE WHEN s.property_type <> '' THEN s.property_sub_type END)
           AND t.level = CASE WHEN s.property_type = '' THEN 'all' WHEN s.property_sub_type = '' THEN 'type' ELSE 'subtype' END
      LEFT JOIN %5$I.dim_location p1 ON p1.level = 'country' AND p1.country = s.country
      LEFT JOIN %5$I.dim_location p2 ON p2.level = 'state' AND concat(p2.country, E'\n', p2.state) = concat(s.country, E'\n', s.state)
      LEFT JOIN %5$I.dim_location p3 ON p3.level = 'county' AND concat(p3.country, E'\n', p3.state, E'\n', p3.county) = concat(s.country, E'\n', s.state, E'\n', s.county)
      LEFT JOIN %5$I.dim_location p4 ON p4.level = 'city' AND concat(p4.country, E'\n', p4.state, E'\n', p4.city) = concat(s.country, E'\n', s.state, E'\n', s.city)
      LEFT JOIN %5$I.dim_location p5 ON p5.level = 'postal' AND concat(p5.country, E'\n', p5.postal_code) = concat(s.country, E'\n', s.postal)
      LEFT JOIN %5$I.dim_location p6 ON p6.level = 'area' AND concat(p6.area, E'\n', p6.area_source) = concat(s.area, E'\n', s.source)),
told AS MATERIALIZED (SELECT h.listing_key, h.key, h.field, h.at, (h.at AT TIME ZONE l.timezone)::date AS date, h.old, h.new
    FROM (%2$s) h JOIN l ON l.listing_key = h.listing_key WHERE (h.at AT TIME ZONE l.timezone)::date BETWEEN '1950-01-01' AND @day@),
steps AS MATERIALIZED (SELECT t.*, row_number() OVER w AS n, lag(t.date) OVER w AS last_date, count(*) OVER (PARTITION BY t.listing_key) AS steps
    FROM (SELECT m.*, m.new IN ('Active Under Contract', 'Pending') AND m.old NOT IN ('Active Under Contract', 'Pending') AS is_contract
            FROM (SELECT h.listing_key, h.key, h.at, h.date, %3$s AS old, %4$s AS new FROM told h WHERE h.field = 'StandardStatus') m
           WHERE m.old IS NOT NULL AND m.new IS NOT NULL AND m.old <> m.new) t
  WINDOW w AS (PARTITION BY t.listing_key ORDER BY t.at, t.key)),
-- What is known of the time before the first of them; without any that is all.
before AS (SELECT l.*, coalesce(s.old, l.status) AS base, s.date AS upto FROM l LEFT JOIN steps s ON s.listing_key = l.listing_key AND s.n = 1),
points (listing_key, ord, at, date, status, origin) AS (
    SELECT v.listing_key, v.ord, NULL::timestamptz, v.date, v.status, 'field'
      FROM (
    SELECT b.listing_key, unnest('{1,2,3,4,4,5,6,7,8}'::integer[]) AS ord, unnest(ARRAY[
        CASE WHEN b.base = 'Coming Soon' THEN coalesce(b.listed, b.entered, b.changed, b.upto) END,
        CASE WHEN b.base <> 'Coming Soon' THEN b.first_date END,
        -- An offer with conditions first, then without.
        CASE WHEN b.base IN ('Pending', 'Closed') AND b.contingent < b.pending AND b.contingent = c.contract THEN c.contract END,
        CASE WHEN b.base IN ('Pending', 'Closed', 'Hold', 'Withdrawn', 'Canceled', 'Expired')
             THEN CASE WHEN b.base IN ('Pending', 'Closed') AND b.contingent < b.pending AND b.contingent = c.contract THEN b.pending
                       WHEN b.base = 'Pending' THEN coalesce(c.contract, b.changed, b.first_date)
                       WHEN b.base = 'Closed' OR c.contract >= b.first_date AND c.contract <= c.off THEN c.contract END
             WHEN b.base = 'Active' AND x.back IS NOT NULL THEN c.contract END,
        CASE WHEN b.base = 'Active Under Contract' THEN coalesce(c.contract, b.changed, b.first_date) END,
        CASE WHEN b.base = 'Active' THEN x.back END,
        CASE WHEN b.base = 'Closed' THEN coalesce(c.closed, c.off, c.contract, b.first_date) END,
        -- Withdrawn first, canceled or expired later.
        CASE WHEN b.base IN ('Canceled', 'Expired') AND b.withdrawn < c.off AND b.withdrawn >= b.first_date THEN b.withdrawn END,
        CASE WHEN b.base IN ('Hold', 'Withdrawn', 'Canceled', 'Expired') THEN coalesce(c.off, c.contract, b.first_date) END]) AS date, unnest(ARRAY['Coming Soon', 'Active', 'Active Under Contract', 'Pending', 'Active Under Contract', 'Active', 'Closed', 'Withdrawn', b.base]) AS status
      FROM before b
     CROSS JOIN LATERAL (SELECT CASE WHEN b.upto IS NULL OR b.contract <= b.upto THEN b.contract END AS contract,
                                CASE WHEN b.upto IS NULL OR b.off <= b.upto THEN b.off ELSE b.upto END AS off,
                                CASE WHEN b.upto IS NULL OR b.closed <= b.upto THEN b.closed END AS closed) c
     -- The contract of a listing that is active again; before the first step that field is of a later one.
     CROSS JOIN LATERAL (SELECT CASE WHEN b.upto IS NULL AND c.contract >= b.first_date
                                     THEN CASE WHEN b.back >= c.contract THEN b.back WHEN b.changed >= c.contract THEN b.changed END END AS back) x
     ) v WHERE v.date IS NOT NULL
    UNION ALL
    SELECT s.listing_key, 100 + s.n, s.at,
           -- A field that is older than the step before tells of another time.
           CASE WHEN s.n = s.steps AND s.new = 'Closed' THEN least(s.date, l.closed)
                WHEN s.is_contract AND l.contract >= coalesce(s.last_date, l.contract) THEN least(s.date, l.contract)
                WHEN s.n = s.steps AND s.new = l.status AND l.off_exact >= coalesce(s.last_date, l.off_exact) THEN least(s.date, l.off_exact)
                ELSE s.date END, s.new, 'history'
      FROM steps s JOIN l USING (listing_key)
    UNION ALL
    SELECT l.listing_key, 1000000, NULL, coalesce(CASE l.status WHEN 'Closed' THEN l.closed WHEN 'Pending' THEN l.contract WHEN 'Active Under Contract' THEN l.contract ELSE l.off_exact END, l.changed, s.date), l.status, 'field'
      FROM l JOIN steps s ON s.listing_key = l.listing_key AND s.n = s.steps AND s.new <> l.status),
ordered AS (SELECT p.*, max(p.date) OVER w AS day, lag(p.status) OVER w AS old FROM points p WINDOW w AS (PARTITION BY p.listing_key COLLATE "C" ORDER BY p.ord)),
turned AS (
    SELECT o.*, max(o.date) OVER w AS from_date, lead(o.date) OVER w AS next_date, row_number() OVER w AS seq, o.status IN ('Active Under Contract', 'Pending') AND coalesce(o.old, '') NOT IN ('Active Under Contract', 'Pending') AS is_contract
      FROM ordered o WHERE o.status IS DISTINCT FROM o.old WINDOW w AS (PARTITION BY o.listing_key COLLATE "C" ORDER BY o.ord)),
statuses AS MATERIALIZED (
    SELECT t.*, sum(CASE WHEN t.status = 'Active' THEN t.to_date - t.from_date END) OVER (PARTITION BY t.listing_key COLLATE "C" ORDER BY t.ord) AS for_sale
      FROM (SELECT t.*, CASE WHEN t.next_date IS NOT NULL THEN greatest(t.from_date, t.next_date) END AS to_date FROM turned t) t),
spans AS (
    -- The last contract is the one with the largest seq, in front of its day.
    SELECT min(s.listing_key) AS listing_key, date '1900-01-01' + mod(max(s.seq * 1000000 + (s.date - date '1900-01-01')) FILTER (WHERE s.is_contract), 1000000)::integer AS contract_date,
           max(s.at) FILTER (WHERE s.status = 'Closed' AND s.origin = 'history') AS reported,
           -- For sale up to the last contract, else to the end of the last spell on the market.
           CASE WHEN bool_or(s.status = 'Active') THEN CASE WHEN bool_or(s.is_contract) THEN coalesce(max(s.for_sale) FILTER (WHERE s.is_contract), 0)
                     WHEN bool_or(s.to_date IS NULL AND s.status IN ('Closed', 'Hold', 'Withdrawn', 'Canceled', 'Expired')) THEN max(s.for_sale) END END::integer AS dom
      FROM statuses s GROUP BY s.listing_key COLLATE "C"),
prices AS (
    SELECT t.listing_key, t.at, t.date, t.old::numeric * l.times AS old, t.new::numeric * l.times AS new, 'history' AS origin
      FROM told t JOIN l USING (listing_key)
     WHERE t.field = 'ListPrice' AND t.old ~ '^\d{1,15}(\.\d{1,10})?$' AND t.new ~ '^\d{1,15}(\.\d{1,10})?$'
    UNION ALL
    SELECT l.listing_key, l.price_t, l.price_changed, coalesce(l.previous_list_price, l.original_list_price) * l.times, l.list_price * l.times, 'field'
      FROM l WHERE l.price_changed IS NOT NULL AND NOT EXISTS (SELECT FROM told t WHERE t.listing_key = l.listing_key AND t.field = 'ListPrice')),
changes AS (
    SELECT s.listing_key, s.day, 1 AS sort, s.ord, s.at, s.date,
           CASE WHEN s.old IS NULL THEN 'new' WHEN s.status = 'Active' AND s.old <> 'Coming Soon' THEN 'back_on_market'
                WHEN s.status IN ('Hold', 'Withdrawn', 'Canceled', 'Expired') THEN 'off' ELSE 'status' END AS kind,
           s.old AS old_status, s.status AS new_status, NULL::numeric AS old_price, NULL::numeric AS new_price, s.origin
      FROM statuses s
    UNION ALL
    SELECT p.listing_key, p.date, 2, 0, p.at, p.date, 'price', NULL, NULL, p.old, p.new, p.origin
      FROM prices p WHERE p.old > 0 AND p.new > 0 AND p.old <> p.new),
events AS (
    INSERT INTO %5$I.%6$I (listing_key, seq, at, date, kind, old_status, new_status, old_price, new_price, origin)
    SELECT c.listing_key, row_number() OVER (PARTITION BY c.listing_key COLLATE "C" ORDER BY c.day, c.sort, c.ord, c.at), c.at, c.date, c.kind, c.old_status, c.new_status, c.old_price, c.new_price, c.origin
      FROM changes c),
spells AS (
    INSERT INTO %5$I.%7$I (listing_key, seq, status, from_date, to_date) SELECT s.listing_key, s.seq, s.status, s.from_date, s.to_date FROM statuses s)
INSERT INTO %5$I.%10$I (%11$s)
SELECT l.listing_key, l.source_id, g.type_id, l.transaction, l.structure_type, l.currency, l.status,
       g.country_id, g.state_id, g.county_id, g.city_id, g.postal_id, g.area_id,
       a.property_key, CASE WHEN l.status <> 'Coming Soon' THEN l.first_date END, d.contract_date, CASE WHEN l.status = 'Closed' THEN l.closed END,
       CASE WHEN l.status = 'Closed' THEN coalesce((d.reported AT TIME ZONE l.timezone)::date, l.changed) END,
       CASE WHEN l.status IN ('Hold', 'Withdrawn', 'Canceled', 'Expired') THEN l.off END,
       round(l.list_price * l.times, 2), round(l.original_list_price * l.times, 2), round(l.close_price * l.times, 2), round(l.concessions_amount, 2),
       CASE WHEN l.living_area > 0 THEN mls.convert_unit(l.living_area, coalesce(l.living_area_units, 'sqft'), 'sqft') END,
       d.dom, l.dom_source, d.dom, l.cdom_source,
       l.list_agent_key, l.co_list_agent_key, l.buyer_agent_key, l.co_buyer_agent_key, l.list_office_key, l.co_list_office_key, l.buyer_office_key, l.co_buyer_office_key,
       l.next_date,
       CASE WHEN l.status = 'Closed' AND l.closed IS NULL THEN 'it is closed, without a CloseDate that can be used'
            WHEN l.first_date IS NULL AND l.status <> 'Coming Soon' THEN 'no field says when it came on the market'
            WHEN l.status IN ('Pending', 'Active Under Contract') AND l.contract IS NULL AND l.changed IS NULL THEN 'no field says when it went under contract'
            WHEN l.times IS NULL THEN 'its rent is paid by no period of months'
            WHEN upper(btrim(l.own_currency)) <> '' AND upper(btrim(l.own_currency)) <> l.currency THEN 'its X_Currency is no code of three letters: that of the mart is taken' END, h.hash, NULL%9$s
  FROM l
  JOIN sites g ON g.city_name = coalesce(l.city_name, '') AND g.postal_name = coalesce(l.postal_name, '') AND g.state_name = coalesce(l.state_name, '') AND g.county_name = coalesce(l.county_name, '') AND g.area_name = coalesce(l.area_name, '')
       AND g.country_name = coalesce(l.country_name, '') AND g.source = l.source AND g.transaction = l.transaction AND g.property_type = coalesce(l.property_type, '') AND g.property_sub_type = coalesce(l.property_sub_type, '')
 -- Cleaned once: these are the dearest expressions of all.
 CROSS JOIN LATERAL (SELECT lower(regexp_replace(l.parcel, '[^[:alnum:]]', '', 'g')) AS parcel, lower(regexp_replace(l.unit, '[^[:alnum:]]', '', 'g')) AS unit OFFSET 0) n
 CROSS JOIN LATERAL (SELECT l.transaction || ':' || CASE
           WHEN length(n.parcel) >= 5 AND n.parcel ~ '[1-9[:alpha:]]' THEN concat_ws('/', 'parcel', g.country, g.state, g.county, n.parcel, n.unit)
           WHEN l.address ~ '[0-9]' OR l.street_number ~ '[0-9]' AND l.street IS NOT NULL
                THEN concat_ws('/', 'address', g.country, g.state, g.city, g.postal,
                               lower(regexp_replace(coalesce(CASE WHEN l.street_number ~ '[0-9]' THEN l.street_number || ' ' || l.street END, l.address), '[^[:alnum:]]+', ' ', 'g')), n.unit) END AS property_key) a
  LEFT JOIN spans d ON d.listing_key = l.listing_key
  LEFT JOIN (%8$s) h ON h.listing_key = l.listing_key
$q$, mls.mart_listings(mart, part), mls.mart_history(part), mls.mart_status('h.old'), mls.mart_status('h.new'), mart.name, beside || 'fct_listing_event', beside || 'fct_spell', mls.mart_history_hash(part),
    coalesce((SELECT string_agg(format(', l.%I', 'own ' || o.name), '' ORDER BY o.id) FROM mls.mart_own o WHERE o.mart = mart_facts.mart.id AND o.relation = 'fct_listing' AND o.name <> ''), ''), beside || 'fct_listing',
    (SELECT string_agg(quote_ident(c.name), ', ' ORDER BY c.place) FROM mls.mart_columns(mart, 'fct_listing') c),
    coalesce((SELECT string_agg(format(', x.%I', 'own ' || o.name), '' ORDER BY o.id) FROM mls.mart_own o WHERE o.mart = mart_facts.mart.id AND o.relation = 'fct_listing' AND o.name <> ''), ''));
END $f$;
COMMENT ON FUNCTION mls.mart_facts(mls.mart, boolean, text) IS 'part of mls_mart_sync(): a statement that fills fct_listing_event, fct_spell and fct_listing, all or for some listings, or tables whose names begin otherwise';

-- The days on which listings were for sale: in Active up to the last contract, else to the end of
-- the last spell on the market.
CREATE FUNCTION mls.mart_active(spells text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
SELECT format($q$
SELECT s.listing_key, s.from_date, greatest(least(coalesce(s.to_date, n.day), n.day), s.from_date) AS to_date
  FROM %1$s s
  JOIN (SELECT s.listing_key, coalesce(max(s.from_date) FILTER (WHERE s.status IN ('Active Under Contract', 'Pending') AND coalesce(s.old, '') NOT IN ('Active Under Contract', 'Pending')),
                                       max(s.from_date) FILTER (WHERE s.to_date IS NULL AND s.status IN ('Closed', 'Hold', 'Withdrawn', 'Canceled', 'Expired'))) AS day
          FROM (SELECT s.*, lag(s.status) OVER (PARTITION BY s.listing_key COLLATE "C" ORDER BY s.seq) AS old FROM %1$s s) s GROUP BY s.listing_key) n USING (listing_key)
 WHERE s.status = 'Active' AND n.day IS NOT NULL
$q$, spells)
$f$;
COMMENT ON FUNCTION mls.mart_active(text) IS 'part of mls_mart_sync(): a query for the days on which listings of some spells were for sale, [from_date, to_date)';

-- What members, offices, showings and open houses are filled with.
CREATE FUNCTION mls.mart_records(mart mls.mart, relation text, part boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    gold regclass;
    -- Part of a format.
    own CONSTANT text := coalesce((SELECT string_agg(replace(format(', (%s)::%s', o.expression || E'\n', o.type), '%', '%%'), '' ORDER BY o.id) FROM mls.mart_own o WHERE o.mart = mart_records.mart.id AND o.relation = mart_records.relation AND o.name <> ''), '');
BEGIN
    CASE relation
    WHEN 'fct_showing' THEN
        gold := mls.gold_table('ShowingAppointment');
        RETURN format('SELECT p."ShowingAppointmentKey", %s, coalesce(%s, (%s AT TIME ZONE s.timezone)::date), %s, %s, s.source_id FROM %s p JOIN %I.dim_source s ON s.name = p.mls_source' || CASE WHEN part THEN ' WHERE p."ShowingAppointmentKey" = ANY ($1::text[])' ELSE '' END,
            mls.mart_field(gold, 'ListingKey', 'text'), mls.mart_field(gold, 'ShowingAppointmentDate', 'date'), mls.mart_field(gold, 'ShowingAppointmentStartTime', 'timestamptz'),
            mls.mart_field(gold, 'ShowingAppointmentStatus', 'text'), mls.mart_field(gold, 'ShowingAgentKey', 'text'), gold, mart.name);
    WHEN 'fct_open_house' THEN
        gold := mls.gold_table('OpenHouse');
        RETURN format('SELECT p."OpenHouseKey", %s, coalesce(%s, (%s AT TIME ZONE s.timezone)::date), %s, %s, s.source_id FROM %s p JOIN %I.dim_source s ON s.name = p.mls_source' || CASE WHEN part THEN ' WHERE p."OpenHouseKey" = ANY ($1::text[])' ELSE '' END,
            mls.mart_field(gold, 'ListingKey', 'text'), mls.mart_field(gold, 'OpenHouseDate', 'date'), mls.mart_field(gold, 'OpenHouseStartTime', 'timestamptz'),
            mls.mart_field(gold, 'OpenHouseStatus', 'text'), mls.mart_field(gold, 'ShowingAgentKey', 'text'), gold, mart.name);
    WHEN 'dim_member' THEN
        gold := mls.gold_table('Member');
        RETURN format('SELECT p."MemberKey", %s, %s, %s, %s, p.mls_source' || own || ' FROM %s p CROSS JOIN LATERAL (SELECT p.*) r' || CASE WHEN part THEN ' WHERE p."MemberKey" = ANY ($1::text[])' ELSE '' END, mls.mart_field(gold, 'MemberFullName', 'text'), mls.mart_field(gold, 'MemberMlsId', 'text'),
            mls.mart_field(gold, 'MemberStatus', 'text'), mls.mart_field(gold, 'OfficeKey', 'text'), gold);
    WHEN 'dim_office' THEN
        gold := mls.gold_table('Office');
        RETURN format('SELECT p."OfficeKey", %s, %s, %s, p.mls_source' || own || ' FROM %s p CROSS JOIN LATERAL (SELECT p.*) r' || CASE WHEN part THEN ' WHERE p."OfficeKey" = ANY ($1::text[])' ELSE '' END, mls.mart_field(gold, 'OfficeName', 'text'), mls.mart_field(gold, 'OfficeMlsId', 'text'),
            mls.mart_field(gold, 'OfficeStatus', 'text'), gold);
    END CASE;
END $f$;
COMMENT ON FUNCTION mls.mart_records(mls.mart, text, boolean) IS 'part of mls_mart_sync(): a query for members, offices, showings or open houses';

-- ---- Aggregates ----
--
-- What is counted is added up in three steps: of listings that are alike (cells), of groups
-- (agg_market_sum), and then the measures are made of the sums of a group's months.  Sums are
-- kept: when listings change, what they were counted as is taken off, and what they are counted
-- as now is added.  Medians cannot be kept so: they are computed anew of the months of groups in
-- which a listing has changed, and stay as they are elsewhere.

-- The groups that a row is counted in, as SQL: its places of the levels wanted, its kinds of
-- property, its source and all, its currency.  r is the alias of the row.  What is asked of a
-- single source is not asked twice: then all sources together are that one.
CREATE FUNCTION mls.mart_groups(mart mls.mart, r text, single boolean DEFAULT false) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT replace(format('JOIN %I.dim_property_type kind ON kind.type_id = @.type_id CROSS JOIN LATERAL unnest(ARRAY[%s]) place (location_id) '
              'CROSS JOIN LATERAL unnest(kind.type_ids) sort (type_id) CROSS JOIN LATERAL (VALUES %s(@.source_id)) origin (source_id)',
              mart.name, (SELECT string_agg(CASE l WHEN 'all' THEN '1' ELSE '@.' || l || '_id' END, ', ') FROM unnest(mart.levels) l), CASE WHEN single THEN '' ELSE '(0), ' END), '@', r)
$$;
COMMENT ON FUNCTION mls.mart_groups(mls.mart, text, boolean) IS 'part of mls_mart_sync(): joins that lead from a listing to the groups in which it counts, in SQL';

-- Whether there is one source only.
CREATE FUNCTION mls.mart_single(mart mls.mart) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    EXECUTE format('SELECT count(*) FROM (SELECT FROM %I.dim_source d WHERE d.source_id > 0 LIMIT 2) d', mart.name) INTO n;
    RETURN n = 1;
END $$;
COMMENT ON FUNCTION mls.mart_single(mls.mart) IS 'part of mls_mart_sync(): whether a mart has listings of one source only';

-- Closed listings, with what of them is counted as a price; in part, of some days.
CREATE FUNCTION mls.mart_closed(listings text, days text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
SELECT format($q$
SELECT f.*, CASE WHEN f.is_priced AND f.list_price > 0 THEN 100 * f.close_price / f.list_price END AS of_list,
       CASE WHEN f.is_priced AND f.original_list_price > 0 THEN 100 * f.close_price / f.original_list_price END AS of_original,
       CASE WHEN f.is_priced THEN f.close_price END AS price,
       CASE WHEN f.is_priced THEN f.close_price - coalesce(f.concessions_amount, 0) END AS net,
       CASE WHEN f.is_priced AND f.living_area_sqft > 0 THEN f.close_price / f.living_area_sqft END AS price_sqft
  FROM (SELECT f.*, date_trunc('month', f.close_date::timestamp)::date AS month,
               CASE WHEN f.transaction = 'lease' THEN f.close_price > 0 ELSE f.close_price > 0 AND f.close_price >= @min_price@ END IS TRUE AS is_priced
          FROM %s f WHERE f.close_date IS NOT NULL AND %s) f
$q$, listings, days)
$f$;
COMMENT ON FUNCTION mls.mart_closed(text, text) IS 'part of mls_mart_sync(): a query for closed listings with what is counted of them';

-- What is counted, of listings that are alike: those whose keys $1 is, or all.  Of some it is
-- also said in which months their medians are.  Rows are counted where they are found, and only
-- their numbers are put together: kinds of what has happened, 0 being all of it, and how often.
CREATE FUNCTION mls.mart_cells(mart mls.mart, part boolean, sign integer) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
SELECT replace(replace(replace(replace(replace(replace(replace($q$
WITH l AS @materialized@ (SELECT f.* FROM @mart@.fct_listing f WHERE @mine@),
spells AS MATERIALIZED (
    SELECT s.listing_key, s.seq, s.status, s.from_date, s.to_date, @alike@
      FROM @mart@.fct_spell s JOIN l f USING (listing_key) WHERE s.status IN ('Active', 'Active Under Contract', 'Coming Soon')),
-- Of a listing once a month.
happened AS (
    SELECT DISTINCT CASE WHEN f.kind = 'price' THEN 4 WHEN f.new_status = 'Active' THEN 5 ELSE 2 END AS kind, f.listing_key, date_trunc('month', f.date::timestamp)::date AS month
      FROM @mart@.fct_listing_event f
     WHERE @mine@ AND (f.kind = 'price' AND f.new_price < f.old_price
        OR f.new_status IN ('Active Under Contract', 'Pending') AND coalesce(f.old_status, '') NOT IN ('Active Under Contract', 'Pending')
        OR f.new_status = 'Active' AND f.old_status IN ('Active Under Contract', 'Pending'))),
counted (source_id, type_id, country_id, state_id, county_id, city_id, postal_id, area_id, currency, month, kinds, n, price) AS (
    SELECT @alike@, date_trunc('month', f.list_date::timestamp)::date, '{0,1}'::integer[], ARRAY[count(*), count(*)], NULL::numeric
      FROM l f WHERE f.list_date IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    UNION ALL
    SELECT @alike@, h.month, '{0,2,4,5}', ARRAY[count(*), count(*) FILTER (WHERE h.kind = 2), count(*) FILTER (WHERE h.kind = 4), count(*) FILTER (WHERE h.kind = 5)], NULL
      FROM happened h JOIN l f USING (listing_key) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    UNION ALL
    SELECT @alike@, date_trunc('month', f.contract_date::timestamp)::date, '{0,3,20}',
           ARRAY[count(*) FILTER (WHERE f.status IN ('Active Under Contract', 'Pending', 'Closed')), count(*) FILTER (WHERE f.status IN ('Active Under Contract', 'Pending', 'Closed')), count(*)], NULL
      FROM l f WHERE f.contract_date IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    UNION ALL
    SELECT @alike@, date_trunc('month', f.off_date::timestamp)::date, '{0,6,7,8}', ARRAY[count(*), count(*) FILTER (WHERE f.status = 'Expired'), count(*) FILTER (WHERE f.status = 'Canceled'), count(*) FILTER (WHERE f.status = 'Withdrawn')], NULL
      FROM l f WHERE f.off_date IS NOT NULL AND f.status IN ('Expired', 'Canceled', 'Withdrawn') GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    UNION ALL
    SELECT @alike@, f.month, '{0,9,10,12,13,14,19}',
           ARRAY[count(*), count(*), count(*) FILTER (WHERE f.is_priced), count(*) FILTER (WHERE NOT f.is_priced AND (f.close_price IS NOT NULL OR f.problem ~ 'rent')),
                 count(*) FILTER (WHERE f.of_list NOT BETWEEN @low@ AND @high@ OR f.of_original NOT BETWEEN @low@ AND @high@),
                 count(*) FILTER (WHERE date_trunc('month', f.close_reported::timestamp) > f.month), count(*) FILTER (WHERE f.double_of IS NOT NULL)], sum(f.price)
      FROM (@closed@ OFFSET 0) f GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    UNION ALL
    SELECT @alike@, date_trunc('month', f.from_date::timestamp)::date, '{0,15,16,17}', ARRAY[count(*), count(*) FILTER (WHERE f.status = 'Active'), count(*) FILTER (WHERE f.status = 'Active Under Contract'), count(*) FILTER (WHERE f.status = 'Coming Soon')], NULL
      FROM spells f GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    UNION ALL
    SELECT @alike@, date_trunc('month', f.to_date::timestamp)::date, '{0,15,16,17}', ARRAY[count(*), -count(*) FILTER (WHERE f.status = 'Active'), -count(*) FILTER (WHERE f.status = 'Active Under Contract'), -count(*) FILTER (WHERE f.status = 'Coming Soon')], NULL
      FROM spells f WHERE f.to_date IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    UNION ALL
    -- Became Active in a month at whose beginning it was not.
    SELECT @alike@, f.month, '{0,18}', ARRAY[count(*), count(*)], NULL
      FROM (SELECT s.*, date_trunc('month', s.from_date::timestamp)::date AS month, lag(s.from_date) OVER w AS last_from, lag(s.to_date) OVER w AS last_to
              FROM spells s WHERE s.status = 'Active' WINDOW w AS (PARTITION BY s.listing_key COLLATE "C" ORDER BY s.seq)) f
     WHERE f.last_from IS NULL OR f.last_from < f.month AND f.last_to < f.month GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10@markers@)
SELECT f.source_id, f.type_id, f.country_id, f.state_id, f.county_id, f.city_id, f.postal_id, f.area_id, f.currency, f.month, @sign@ * coalesce(sum(v.n) FILTER (WHERE v.kind = 0), 0), @sums@,
       @sign@ * coalesce(sum(f.price) FILTER (WHERE v.kind = 10), 0), sum(v.n) FILTER (WHERE v.kind = 20), sum(v.n) FILTER (WHERE v.kind = 21)
  FROM counted f CROSS JOIN LATERAL unnest(f.kinds, f.n) v (kind, n)
 GROUP BY f.source_id, f.type_id, f.country_id, f.state_id, f.county_id, f.city_id, f.postal_id, f.area_id, f.currency, f.month
$q$, '@markers@', CASE WHEN part THEN $q$
    UNION ALL
    SELECT @alike@, m.month::date, '{21}', ARRAY[count(*)], NULL
      FROM spells f CROSS JOIN LATERAL generate_series(date_trunc('month', f.from_date::timestamp), date_trunc('month', coalesce(f.to_date::timestamp - interval '1 month', @day@::timestamp)), interval '1 month') m (month)
     WHERE f.status = 'Active' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10$q$ ELSE '' END),
   '@alike@', 'f.source_id, f.type_id, f.country_id, f.state_id, f.county_id, f.city_id, f.postal_id, f.area_id, f.currency'),
   '@closed@', mls.mart_closed('l', 'true')), '@mine@', CASE WHEN part THEN 'f.listing_key = ANY ($1::text[])' ELSE 'true' END), '@materialized@', CASE WHEN part THEN 'MATERIALIZED' ELSE 'NOT MATERIALIZED' END),
   '@sums@', (SELECT string_agg(format('@sign@ * coalesce(sum(v.n) FILTER (WHERE v.kind = %s), 0)', k), ', ') FROM generate_series(1, 19) k WHERE k <> 11)), '@sign@', sign::text)
$f$;
COMMENT ON FUNCTION mls.mart_cells(mls.mart, boolean, integer) IS 'part of mls_mart_sync(): a query for what is counted of listings that are alike, all or some, to be added (1) or taken off (-1)';

CREATE FUNCTION mls.mart_sums(mart mls.mart) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
SELECT format('SELECT f.month, place.location_id, sort.type_id, origin.source_id, f.currency, %s FROM @mart@.mls_new_cells f %s WHERE place.location_id > 0 GROUP BY 1, 2, 3, 4, 5',
              (SELECT string_agg(format('sum(f.%I)', c.name), ', ' ORDER BY c.place) FROM mls.mart_column c WHERE c.relation = 'agg_market_sum' AND c.part = 'required'), mls.mart_groups(mart, 'f'))
$f$;
COMMENT ON FUNCTION mls.mart_sums(mls.mart) IS 'part of mls_mart_sync(): a query for agg_market_sum, or for what is to be added to it';

-- Medians and means of groups by months, of all or of those that mls_new_touched has.
CREATE FUNCTION mls.mart_measure(mart mls.mart, measure text, part boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    single boolean := mls.mart_single(mart);
    kind integer := CASE measure WHEN 'prices' THEN 9 WHEN 'contracts' THEN 20 WHEN 'cuts' THEN 4 ELSE 21 END;
    wanted text := 'place.location_id > 0' || CASE WHEN part THEN format(
        ' AND (place.location_id, sort.type_id, origin.source_id, f.currency, f.month) IN (SELECT t.location_id, t.type_id, t.source_id, t.currency, t.month FROM %I.mls_new_touched t WHERE t.kind = %s)', mart.name, kind) ELSE '' END;
    -- Months as ranges, which indexes serve.
    days text := 'true';
    places integer[];
    rows text;
    figures text;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    IF part THEN
        EXECUTE format('SELECT coalesce(string_agg(format(''@from@ < %%L AND @to@ >= %%L'', upper(r), lower(r)), '' OR ''), ''false'') FROM unnest((SELECT range_agg(daterange(t.month, (t.month + interval ''1 month'')::date)) FROM %I.mls_new_touched t WHERE t.kind = %s)) r', mart.name, kind) INTO days;
        EXECUTE format('SELECT coalesce(array_agg(DISTINCT t.location_id), ''{}'') FROM %I.mls_new_touched t WHERE t.kind = %s', mart.name, kind) INTO places;
    END IF;
    CASE measure
    WHEN 'prices' THEN
        rows := mls.mart_closed('@mart@.fct_listing', '(' || replace(replace(days, '@from@', 'f.close_date'), '@to@', 'f.close_date') || ')');
        figures := 'percentile_cont(0.5) WITHIN GROUP (ORDER BY f.price), avg(f.price), percentile_cont(0.5) WITHIN GROUP (ORDER BY f.net), avg(f.net), percentile_cont(0.5) WITHIN GROUP (ORDER BY f.price_sqft), '
                   'avg(f.of_list) FILTER (WHERE f.of_list BETWEEN @low@ AND @high@), avg(f.of_original) FILTER (WHERE f.of_original BETWEEN @low@ AND @high@), '
                   'percentile_cont(0.5) WITHIN GROUP (ORDER BY f.dom), avg(f.dom), percentile_cont(0.5) WITHIN GROUP (ORDER BY f.dom_source), avg(f.dom_source), '
                   'percentile_cont(0.5) WITHIN GROUP (ORDER BY f.cdom), percentile_cont(0.5) WITHIN GROUP (ORDER BY f.cdom_source)';
    WHEN 'contracts' THEN
        rows := 'SELECT f.*, date_trunc(''month'', f.contract_date::timestamp)::date AS month FROM @mart@.fct_listing f WHERE f.contract_date IS NOT NULL AND (' || replace(replace(days, '@from@', 'f.contract_date'), '@to@', 'f.contract_date') || ')';
        figures := 'percentile_cont(0.5) WITHIN GROUP (ORDER BY f.dom), avg(f.dom)';
    WHEN 'cuts' THEN
        rows := 'SELECT f.*, date_trunc(''month'', e.date::timestamp)::date AS month, 100 * (e.old_price - e.new_price) / e.old_price AS cut FROM @mart@.fct_listing_event e JOIN @mart@.fct_listing f USING (listing_key) '
                'WHERE e.kind = ''price'' AND e.new_price < e.old_price AND (' || replace(replace(days, '@from@', 'e.date'), '@to@', 'e.date') || ')';
        figures := 'percentile_cont(0.5) WITHIN GROUP (ORDER BY f.cut)';
    ELSE
        rows := 'SELECT f.*, m.month::date AS month, least((m.month + interval ''1 month'' - interval ''1 day'')::date, @day@) - f.list_date AS age FROM @mart@.fct_spell s JOIN @mart@.fct_listing f USING (listing_key) '
                'CROSS JOIN LATERAL generate_series(date_trunc(''month'', s.from_date::timestamp), date_trunc(''month'', coalesce(s.to_date::timestamp - interval ''1 month'', @day@::timestamp)), interval ''1 month'') m (month) '
                'WHERE s.status = ''Active'' AND (' || replace(replace(days, '@from@', 's.from_date'), '@to@', 'coalesce(s.to_date, @day@)') || ')';
        figures := 'percentile_cont(0.5) WITHIN GROUP (ORDER BY f.age)';
    END CASE;
    IF part THEN
        -- These first: the planner takes what is touched for less than it is.
        rows := format('WITH x AS MATERIALIZED (SELECT y.* FROM (%s) y WHERE %s) SELECT x.* FROM x', rows,
                       CASE WHEN 1 = ANY (places) THEN 'true' ELSE coalesce((SELECT string_agg(format('y.%s_id = ANY (%L::integer[])', l, places), ' OR ') FROM unnest(mart.levels) l WHERE l <> 'all'), 'false') END);
    ELSIF measure = 'prices' THEN
        -- Divisions of a listing are made once, before its groups.
        rows := rows || ' OFFSET 0';
    END IF;
    rows := format('SELECT place.location_id, sort.type_id, origin.source_id, f.currency, f.month, %s FROM (%s) f %s WHERE %s GROUP BY 1, 2, 3, 5, 4', figures, rows, mls.mart_groups(mart, 'f', single), wanted);
    IF single THEN
        RETURN format('WITH q (%1$s) AS MATERIALIZED (%2$s) SELECT q.location_id, q.type_id, o.source_id, q.currency, q.month%3$s FROM q CROSS JOIN LATERAL (VALUES (0), (q.source_id)) o (source_id)',
                      'location_id, type_id, source_id, currency, month, ' || (SELECT string_agg(m.name, ', ' ORDER BY m.place) FROM mls.mart_measures(measure) m), rows,
                      (SELECT string_agg(', q.' || m.name, '' ORDER BY m.place) FROM mls.mart_measures(measure) m));
    END IF;
    RETURN rows;
END $f$;
COMMENT ON FUNCTION mls.mart_measure(mls.mart, text, boolean) IS 'part of mls_mart_sync(): a query for prices, contracts, cuts or ages of groups by months, of all or of those that are touched';

-- The figures of a measure: their names, types, and the columns of agg_market_month that keep them.
CREATE FUNCTION mls.mart_measures(measure text, OUT place bigint, OUT name text, OUT type text, OUT kept text) RETURNS SETOF record
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT m.place, m.name, CASE WHEN m.name ~ 'median' THEN 'float8' ELSE 'numeric' END, m.kept
  FROM (VALUES ('prices', '{price_median,price_avg,net_median,net_avg,sqft_median,of_list,of_original,dom_median,dom_avg,dom_source_median,dom_source_avg,cdom_median,cdom_source_median}'::text[],
                '{median_sale_price,avg_sale_price,median_sale_price_net,avg_sale_price_net,median_price_sqft,sale_to_list_pct,sale_to_original_pct,dom_median,dom_avg,dom_source_median,dom_source_avg,cdom_median,cdom_source_median}'::text[]),
               ('contracts', '{dom_median,dom_avg}', '{dom_median_pending,dom_avg_pending}'), ('cuts', '{cut_median}', '{median_cut_pct}'), ('ages', '{age_median}', '{age_of_inventory}')) v (measure, names, kept),
       unnest(v.names, v.kept) WITH ORDINALITY m (name, kept, place)
 WHERE v.measure = mart_measures.measure
$$;
COMMENT ON FUNCTION mls.mart_measures(text) IS 'part of mls_mart_sync(): figures of a measure of mls.mart_measure(), and where they are kept';

-- Measures of groups by months, from their sums: of all, or of the groups of mls_new_dirty.
CREATE FUNCTION mls.mart_market(mart mls.mart, part boolean) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
SELECT replace(replace($q$
WITH sums AS (SELECT s.* FROM @sums@ s@wanted@),
coverage AS (
    SELECT s.location_id, s.type_id, o.source_id, s.currency, min(s.first) AS first, count(*)::integer AS sources, bool_and(d.has_closed) AS has_closed, bool_and(d.has_off) AS has_off,
           bool_and(d.has_contracts) AS has_contracts, bool_and(d.has_history) AS has_history, CASE WHEN bool_and(d.has_closed) THEN max(d.sales_from) END AS sales_from, max(d.market_from) AS market_from
      FROM (SELECT s.location_id, s.type_id, s.source_id, s.currency, min(s.month) AS first FROM @sums@ s WHERE s.source_id > 0 GROUP BY 1, 2, 3, 4) s JOIN @mart@.dim_source d USING (source_id)
     CROSS JOIN LATERAL (VALUES (0), (s.source_id)) o (source_id) GROUP BY 1, 2, 3, 4),
spine AS (
    SELECT s.*, m.month::date AS month FROM coverage s CROSS JOIN LATERAL generate_series(s.first::timestamp, date_trunc('month', @day@::timestamp), interval '1 month') m (month)@wanted@),
months AS (
    SELECT k.*, p.location_id AS place, p.type_id AS sort, p.source_id AS origin, p.currency AS money, p.month AS of,
           p.sources, p.has_closed, p.has_off, p.has_contracts, p.has_history, p.market_from, p.month < date_trunc('month', @day@)::date AS is_complete,
           p.month >= p.sales_from IS TRUE AS knows_sales, (p.has_contracts AND p.month >= p.sales_from) IS TRUE AS knows_contracts, p.month - interval '11 months' >= p.sales_from IS TRUE AS knows_year, p.month >= p.market_from IS TRUE AS knows_market,
           sum(k.active_change::integer) OVER w AS active, sum(k.auc_change::integer) OVER w AS auc, sum(k.coming_soon_change::integer) OVER w AS soon,
           sum(k.contracted::integer) OVER year AS year_pending, sum(k.closed::integer) OVER year AS year_closed
      FROM spine p LEFT JOIN sums k USING (location_id, type_id, source_id, currency, month)
    WINDOW w AS (PARTITION BY p.location_id, p.type_id, p.source_id, p.currency ORDER BY p.month),
           year AS (PARTITION BY p.location_id, p.type_id, p.source_id, p.currency ORDER BY p.month ROWS 11 PRECEDING)),
figures AS (
    SELECT m.*, coalesce(m.active, 0) AS inventory, coalesce(lag(m.active) OVER (PARTITION BY m.place, m.sort, m.origin, m.money ORDER BY m.of), 0) AS inventory_before FROM months m)
SELECT m.of, m.place, m.sort, m.origin, m.money,
       CASE WHEN m.knows_market AND m.has_closed AND m.has_off THEN coalesce(m.listed, 0) END,
       CASE WHEN m.knows_contracts THEN coalesce(m.contracted, 0) END, CASE WHEN m.knows_contracts THEN coalesce(m.contracted_net, 0) END,
       CASE WHEN m.knows_sales THEN coalesce(m.closed, 0) END, CASE WHEN m.knows_sales THEN coalesce(m.closed_with_price, 0) END, CASE WHEN m.knows_sales THEN round(coalesce(m.volume, 0), 2) END,
       CASE WHEN m.knows_market AND m.has_off THEN coalesce(m.expired, 0) END, CASE WHEN m.knows_market AND m.has_off THEN coalesce(m.canceled, 0) END, CASE WHEN m.knows_market AND m.has_off THEN coalesce(m.withdrawn, 0) END,
       CASE WHEN m.knows_market THEN m.inventory END, CASE WHEN m.knows_market THEN m.inventory + coalesce(m.auc, 0) END, CASE WHEN m.knows_market THEN m.inventory + coalesce(m.soon, 0) END,
       CASE WHEN m.knows_market AND m.has_closed AND m.has_off THEN m.inventory_before + coalesce(m.became_active, 0) END,
       CASE WHEN m.is_complete AND m.knows_market AND m.knows_year AND m.knows_contracts THEN round(m.inventory / nullif(m.year_pending / 12.0, 0), 2) END,
       CASE WHEN m.is_complete AND m.knows_market AND m.knows_sales THEN round(m.inventory / nullif(m.closed::numeric, 0), 2) END,
       CASE WHEN m.is_complete AND m.knows_market AND m.knows_year THEN round(m.inventory / nullif(m.year_closed / 12.0, 0), 2) END,
       CASE WHEN m.is_complete AND m.knows_market AND m.knows_sales THEN round(100 * coalesce(m.closed, 0)::numeric / nullif(m.inventory_before, 0), 2) END,
       round(p.price_median::numeric, 2), round(p.price_avg, 2), round(p.net_median::numeric, 2), round(p.net_avg, 2), round(p.sqft_median::numeric, 2), round(p.of_list, 2), round(p.of_original, 2),
       round(p.dom_median::numeric, 2), round(p.dom_avg, 2), round(c.dom_median::numeric, 2), round(c.dom_avg, 2), round(p.dom_source_median::numeric, 2), round(p.dom_source_avg, 2),
       round(p.cdom_median::numeric, 2), round(p.cdom_source_median::numeric, 2),
       CASE WHEN m.knows_market THEN coalesce(m.price_cuts, 0) END, CASE WHEN m.knows_market THEN round(100 * coalesce(m.price_cuts, 0)::numeric / nullif(m.inventory, 0), 2) END,
       CASE WHEN m.knows_market THEN round(u.cut_median::numeric, 2) END, CASE WHEN m.knows_market THEN round(a.age_median::numeric, 2) END,
       CASE WHEN m.knows_contracts THEN coalesce(m.fell_through, 0) END,
       CASE WHEN m.knows_sales THEN coalesce(m.price_outliers, 0) END, CASE WHEN m.knows_sales THEN coalesce(m.ratio_outliers, 0) END, CASE WHEN m.knows_sales THEN coalesce(m.late_closings, 0) END,
       CASE WHEN m.knows_sales THEN CASE m.origin WHEN 0 THEN coalesce(m.doubled_sales, 0) ELSE 0 END END, m.sources, m.has_closed, m.has_history, m.market_from, coalesce(m.closed, 0) < @thin@, m.is_complete, now()
  FROM figures m
  LEFT JOIN @mart@.mls_new_prices p ON m.knows_sales AND (p.location_id, p.type_id, p.source_id, p.currency, p.month) = (m.place, m.sort, m.origin, m.money, m.of)
  LEFT JOIN @mart@.mls_new_contracts c ON m.knows_contracts AND (c.location_id, c.type_id, c.source_id, c.currency, c.month) = (m.place, m.sort, m.origin, m.money, m.of)
  LEFT JOIN @mart@.mls_new_cuts u ON (u.location_id, u.type_id, u.source_id, u.currency, u.month) = (m.place, m.sort, m.origin, m.money, m.of)
  LEFT JOIN @mart@.mls_new_ages a ON (a.location_id, a.type_id, a.source_id, a.currency, a.month) = (m.place, m.sort, m.origin, m.money, m.of)
$q$, '@sums@', CASE WHEN part THEN '@mart@.mls_new_sums' ELSE '@mart@.agg_market_sum' END),
     '@wanted@', CASE WHEN part THEN ' WHERE (s.location_id, s.type_id, s.source_id, s.currency) IN (SELECT d.location_id, d.type_id, d.source_id, d.currency FROM @mart@.mls_new_dirty d)' ELSE '' END)
$f$;
COMMENT ON FUNCTION mls.mart_market(mls.mart, boolean) IS 'part of mls_mart_sync(): a query for agg_market_month, or for some groups of it';

-- Sides of closed listings, all or those of the months and keys of mls_new_sides.  Of a co-agent of
-- the same key nothing is shared.
CREATE FUNCTION mls.mart_sides(mart mls.mart, who text, part boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    days text := '';
    wanted text := '';
BEGIN
    IF part THEN
        PERFORM mls.mart_owner_only(mart);
        EXECUTE format('SELECT format('' AND (%%s)'', coalesce(string_agg(format(''f.close_date >= %%L AND f.close_date < %%L'', lower(r), upper(r)), '' OR ''), ''false'')) FROM unnest((SELECT range_agg(daterange(d.month, (d.month + interval ''1 month'')::date)) FROM %I.mls_new_sides d WHERE d.who = $1)) r', mart.name)
           INTO days USING who;
        wanted := format(' AND (v.month, v.key) IN (SELECT d.month, d.key FROM %I.mls_new_sides d WHERE d.who = %L)', mart.name, who);
    END IF;
    RETURN replace(replace(replace(replace($q$
WITH f AS MATERIALIZED (
    SELECT date_trunc('month', f.close_date::timestamp)::date AS month, f.transaction, f.currency, CASE WHEN f.transaction = 'lease' OR f.close_price >= @min_price@ THEN f.close_price END AS price,
           f.list_@who@_key AS list, f.buyer_@who@_key AS buyer, CASE WHEN f.co_list_@who@_key <> f.list_@who@_key THEN f.co_list_@who@_key END AS co_list, CASE WHEN f.co_buyer_@who@_key <> f.buyer_@who@_key THEN f.co_buyer_@who@_key END AS co_buyer
      FROM @mart@.fct_listing f WHERE f.close_date IS NOT NULL AND (f.list_@who@_key IS NOT NULL OR f.buyer_@who@_key IS NOT NULL)@days@),
sides (month, key, role, transaction, currency, share, price) AS (
    SELECT f.month, f.list, 'list', f.transaction, f.currency, CASE WHEN f.co_list IS NULL THEN 1.0 ELSE @main@ END, f.price FROM f WHERE f.list IS NOT NULL
    UNION ALL SELECT f.month, f.co_list, 'list', f.transaction, f.currency, @other@, f.price FROM f WHERE f.co_list IS NOT NULL
    UNION ALL SELECT f.month, f.buyer, 'buyer', f.transaction, f.currency, CASE WHEN f.co_buyer IS NULL THEN 1.0 ELSE @main@ END, f.price FROM f WHERE f.buyer IS NOT NULL
    UNION ALL SELECT f.month, f.co_buyer, 'buyer', f.transaction, f.currency, @other@, f.price FROM f WHERE f.co_buyer IS NOT NULL)
SELECT v.month, v.key, v.role, v.transaction, v.currency, sum(v.share), round(sum(v.share * v.price), 2), now()
  FROM sides v
 WHERE v.share > 0$q$ || wanted || $q$
 GROUP BY 1, 2, 3, 4, 5
$q$, '@days@', days), '@who@', who), '@main@', CASE mart.co_agents WHEN 'half' THEN '0.5' ELSE '1.0' END), '@other@', CASE mart.co_agents WHEN 'half' THEN '0.5' WHEN 'full' THEN '1.0' ELSE '0.0' END);
END $f$;
COMMENT ON FUNCTION mls.mart_sides(mls.mart, text, boolean) IS 'part of mls_mart_sync(): a query for agg_office_month or agg_member_month, or for some rows of it';

-- What is counted by days, of listings whose keys $1 is, or of all (of the transactions and
-- currencies of mls_new_whole, if there are some that are computed as a whole).
CREATE FUNCTION mls.mart_day_cells(mart mls.mart, part boolean, sign integer, whole boolean DEFAULT false) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
SELECT replace(replace(replace($q$
WITH l AS (SELECT f.listing_key, f.source_id, f.transaction, f.currency, f.list_date, f.close_date, CASE WHEN f.close_price > 0 AND (f.transaction = 'lease' OR f.close_price >= @min_price@) THEN f.close_price END AS price FROM @mart@.fct_listing f WHERE @mine@),
counted (transaction, source_id, currency, date, facts, k1, k2, k3, k4, k5) AS (
    SELECT f.transaction, f.source_id, f.currency, f.list_date, count(*), count(*), 0, 0, 0::numeric, 0 FROM l f WHERE f.list_date IS NOT NULL GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT l.transaction, l.source_id, l.currency, c.date, count(*), 0, count(*), 0, 0, 0
      FROM (SELECT DISTINCT f.listing_key, f.date FROM @mart@.fct_listing_event f
             WHERE f.new_status IN ('Active Under Contract', 'Pending') AND coalesce(f.old_status, '') NOT IN ('Active Under Contract', 'Pending') AND @mine@) c JOIN l USING (listing_key) GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT f.transaction, f.source_id, f.currency, f.close_date, count(*), 0, 0, count(*), coalesce(sum(f.price), 0), 0 FROM l f WHERE f.close_date IS NOT NULL GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT s.transaction, s.source_id, s.currency, v.date, sum(s.n), 0, 0, 0, 0, sum(s.n * v.sign)
      FROM (SELECT l.transaction, l.source_id, l.currency, f.from_date, f.to_date, count(*) AS n FROM @mart@.fct_spell f JOIN l USING (listing_key) WHERE f.status = 'Active' AND @mine@ GROUP BY 1, 2, 3, 4, 5) s
     CROSS JOIN LATERAL (VALUES (s.from_date, 1), (s.to_date, -1)) v (date, sign) WHERE v.date IS NOT NULL GROUP BY 1, 2, 3, 4)
SELECT t.type_id, o.source_id, c.currency, c.date, @sign@ * sum(c.facts), @sign@ * sum(c.k1), @sign@ * sum(c.k2), @sign@ * sum(c.k3), @sign@ * sum(c.k4), @sign@ * sum(c.k5)
  FROM counted c JOIN @mart@.dim_property_type t ON t.level = 'all' AND t.transaction = c.transaction@whole@ CROSS JOIN LATERAL (VALUES (0), (c.source_id)) o (source_id) GROUP BY 1, 2, 3, 4
$q$, '@mine@', CASE WHEN part THEN 'f.listing_key = ANY ($1::text[])' ELSE 'true' END), '@whole@', CASE WHEN whole THEN ' JOIN @mart@.mls_new_whole w ON (w.type_id, w.currency) = (t.type_id, c.currency)' ELSE '' END), '@sign@', sign::text)
$f$;
COMMENT ON FUNCTION mls.mart_day_cells(mls.mart, boolean, integer, boolean) IS 'part of mls_mart_sync(): a query for what is counted of listings by days, all or some, to be added (1) or taken off (-1)';

CREATE FUNCTION mls.mart_days(mart mls.mart) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT $q$
WITH sums AS MATERIALIZED (
    SELECT d.type_id, d.source_id, d.currency, d.date, sum(d.k1) AS k1, sum(d.k2) AS k2, sum(d.k3) AS k3, sum(d.k4) AS k4, sum(d.k5) AS k5 FROM @mart@.mls_new_days d GROUP BY 1, 2, 3, 4),
coverage AS (
    SELECT g.type_id, o.source_id, g.currency, bool_and(s.has_off) AS has_off, bool_and(s.has_contracts) AS has_contracts, CASE WHEN bool_and(s.has_closed) THEN max(s.sales_from) END AS sales_from, max(s.market_from) AS market_from
      FROM (SELECT DISTINCT c.type_id, c.source_id, c.currency FROM sums c WHERE c.source_id > 0) g JOIN @mart@.dim_source s USING (source_id)
     CROSS JOIN LATERAL (VALUES (0), (g.source_id)) o (source_id) GROUP BY 1, 2, 3),
days AS (
    SELECT s.type_id, s.source_id, s.currency, d.date::date AS date FROM (SELECT s.type_id, s.source_id, s.currency, min(s.date) AS first FROM sums s GROUP BY 1, 2, 3) s
     CROSS JOIN LATERAL generate_series(s.first::timestamp, @day@::timestamp, interval '1 day') d (date))
SELECT d.date, d.type_id, d.source_id, d.currency, CASE WHEN d.date >= v.market_from AND v.sales_from IS NOT NULL AND v.has_off THEN coalesce(s.k1, 0) END,
       CASE WHEN v.has_contracts AND d.date >= v.sales_from THEN coalesce(s.k2, 0) END, CASE WHEN d.date >= v.sales_from THEN coalesce(s.k3, 0) END, CASE WHEN d.date >= v.sales_from THEN round(coalesce(s.k4, 0), 2) END,
       CASE WHEN d.date >= v.market_from THEN coalesce(sum(s.k5) OVER (PARTITION BY d.type_id, d.source_id, d.currency ORDER BY d.date), 0) END, now()
  FROM days d JOIN coverage v USING (type_id, source_id, currency) LEFT JOIN sums s USING (date, type_id, source_id, currency)
$q$
$$;
COMMENT ON FUNCTION mls.mart_days(mls.mart) IS 'part of mls_mart_sync(): a query for agg_day, of what mls_new_days has';

-- What sources give by months, of listings whose keys $1 is, or of all.
CREATE FUNCTION mls.mart_source_cells(mart mls.mart, part boolean, sign integer) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
SELECT replace(replace($q$
SELECT date_trunc('month', v.date::timestamp)::date, f.source_id, @sign@ * count(*), @sign@ * sum(v.closed), @sign@ * sum(v.contract), @sign@ * sum(v.off), 0
  FROM @mart@.fct_listing f CROSS JOIN LATERAL (VALUES (f.close_date, 1, (f.contract_date IS NOT NULL)::integer, 0), (f.off_date, 0, 0, 1)) v (date, closed, contract, off)
 WHERE v.date IS NOT NULL AND @mine@ GROUP BY 1, 2
UNION ALL
SELECT date_trunc('month', f.date::timestamp)::date, g.source_id, @sign@ * count(*), 0, 0, 0, @sign@ * count(*)
  FROM @mart@.fct_listing_event f JOIN @mart@.fct_listing g USING (listing_key) WHERE f.origin = 'history' AND @mine@ GROUP BY 1, 2
$q$, '@mine@', CASE WHEN part THEN 'f.listing_key = ANY ($1::text[])' ELSE 'true' END), '@sign@', sign::text)
$f$;
COMMENT ON FUNCTION mls.mart_source_cells(mls.mart, boolean, integer) IS 'part of mls_mart_sync(): a query for what sources give by months, of all listings or some, to be added (1) or taken off (-1)';

-- The constants of a mart in a query.
CREATE FUNCTION mls.mart_text(mart mls.mart, query text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT replace(replace(replace(replace(replace(replace(query, '@day@', quote_nullable(mart.as_of) || '::date'), '@mart@', quote_ident(mart.name)), '@min_price@', mart.min_price::text), '@low@', mart.ratio_low::text), '@high@', mart.ratio_high::text), '@thin@', mart.thin::text)
$$;
COMMENT ON FUNCTION mls.mart_text(mls.mart, text) IS 'part of mls_mart_sync(): a query with the settings of a mart';

-- What a table is filled with.
CREATE FUNCTION mls.mart_query(mart mls.mart, relation text, part boolean DEFAULT false) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT mls.mart_text(mart, CASE relation WHEN 'agg_market_month' THEN mls.mart_market(mart, part) WHEN 'agg_market_sum' THEN mls.mart_sums(mart)
                                         WHEN 'agg_office_month' THEN mls.mart_sides(mart, 'office', part) WHEN 'agg_member_month' THEN mls.mart_sides(mart, 'agent', part) WHEN 'agg_day' THEN mls.mart_days(mart)
                                         WHEN 'agg_source_month' THEN 'SELECT c.month, c.source_id, sum(c.facts), sum(c.closed), sum(c.closed_with_contract), sum(c.left_market), sum(c.told) FROM @mart@.mls_new_source c GROUP BY 1, 2'
                                         ELSE coalesce((SELECT format('SELECT %s FROM (%s) q%s', (SELECT string_agg('q.' || quote_ident(c.name), ', ' ORDER BY c.place) FROM mls.mart_columns(mart_query.mart, mart_query.relation) c), o.expression || E'\n',
                                                                         CASE WHEN part THEN ' WHERE q.listing_key = ANY ($1::text[])' ELSE '' END) FROM mls.mart_own o WHERE o.mart = mart_query.mart.id AND o.relation = mart_query.relation AND o.name = ''),
                                                       mls.mart_records(mart, relation, part)) END)
$$;
COMMENT ON FUNCTION mls.mart_query(mls.mart, text, boolean) IS 'part of mls_mart_sync(): the query that a table is filled with, for all listings or, in part, for those whose keys its parameter holds or for groups in which something has changed';

-- ---- Filling ----

-- In the rights of the owner, from here on; tables of another role would run its code.
CREATE FUNCTION mls.mart_owner_only(mart mls.mart) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF mart.owner IS DISTINCT FROM current_user::regrole THEN
        PERFORM mls.refuse('42501', format('mart "%s" is filled as its owner only', mart.name), 'mls_mart_sync() does that.');
    END IF;
END $$;
COMMENT ON FUNCTION mls.mart_owner_only(mls.mart) IS 'part of mls_mart_sync(): an error unless the current role owns a mart';

CREATE FUNCTION mls.mart_tables(mart mls.mart) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    made record;
    there regclass;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    IF NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = mart.name) THEN
        EXECUTE format('CREATE SCHEMA %I', mart.name);
        EXECUTE format('COMMENT ON SCHEMA %I IS %L', mart.name, 'market statistics, filled by mls_mart_sync()');
    END IF;
    FOR made IN
        SELECT r.relation, r.grain, r.constraint_sql, string_agg(format('%I %s', c.name, c.type) || CASE WHEN c.part IN ('key', 'required') THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY c.place) AS columns,
               string_agg(quote_ident(c.name), ', ' ORDER BY c.name IN ('month', 'date'), c.place) FILTER (WHERE c.part = 'key') AS key,
               string_agg(format('COMMENT ON COLUMN %I.%I.%I IS %L', mart.name, r.relation, c.name, c.definition), ';') AS comments
          FROM mls.mart_relation r JOIN mls.mart_column c USING (relation) GROUP BY r.relation, r.grain, r.constraint_sql, r.place ORDER BY r.place
    LOOP
        there := to_regclass(format('%I.%I', mart.name, made.relation));
        IF there IS NOT NULL THEN
            IF (SELECT c.relowner <> current_user::regrole::oid OR c.relkind <> 'r' FROM pg_class c WHERE c.oid = there) THEN
                PERFORM mls.refuse('42P07', format('relation %s exists and is not a table of role "%s"', there, current_user), 'A mart has a schema of its own.');
            -- Whoever has a table of this name has made it for himself: filling would empty it.
            ELSIF mart.position IS NULL AND obj_description(there, 'pg_class') IS DISTINCT FROM made.grain
                  OR EXISTS (SELECT FROM mls.mart_column c WHERE c.relation = made.relation
                                AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = there AND a.attname = c.name AND a.atttypid = c.type::regtype AND NOT a.attisdropped)) THEN
                PERFORM mls.refuse('42P07', format('table %s exists and is none of a mart', there), 'A mart has a schema of its own.');
            END IF;
            CONTINUE;
        END IF;
        EXECUTE format('CREATE TABLE %I.%I (%s%s%s)', mart.name, made.relation, made.columns,
                       -- The largest get theirs when there are rows.
                       CASE WHEN made.relation IN ('fct_listing_event', 'fct_spell', 'fct_listing') THEN '' ELSE format(', PRIMARY KEY (%s)', made.key) END, coalesce(', ' || made.constraint_sql, ''));
        EXECUTE format('COMMENT ON TABLE %I.%I IS %L', mart.name, made.relation, made.grain);
        EXECUTE made.comments;
        CASE made.relation
        WHEN 'dim_date' THEN
            EXECUTE format('INSERT INTO %I.dim_date SELECT d::date, extract(year FROM d), extract(quarter FROM d), extract(month FROM d), extract(isoyear FROM d), extract(week FROM d), '
                           'date_trunc(''month'', d)::date, extract(month FROM d + interval ''1 day'') <> extract(month FROM d) '
                           'FROM generate_series(timestamp ''1990-01-01'', ''2050-12-31'', interval ''1 day'') d', mart.name);
        WHEN 'dim_source' THEN
            EXECUTE format('INSERT INTO %I.dim_source (source_id, timezone) VALUES (0, %L)', mart.name, mart.timezone);
        WHEN 'dim_location' THEN
            EXECUTE format('INSERT INTO %I.dim_location (location_id, level, name) VALUES (0, ''unknown'', ''unknown''), (1, ''all'', ''everywhere'')', mart.name);
        ELSE
        END CASE;
    END LOOP;
    FOR made IN SELECT o.* FROM mls.mart_own o WHERE o.mart = mart_tables.mart.id ORDER BY o.id LOOP
        there := to_regclass(format('%I.%I', mart.name, made.relation));
        IF made.name = '' AND there IS NULL THEN
            PERFORM mls.mart_execute(mart, format('CREATE TABLE %I.%I AS SELECT * FROM (%s) q WITH NO DATA', mart.name, made.relation, made.expression || E'\n'), NULL);
            EXECUTE format('ALTER TABLE %1$I.%2$I ADD PRIMARY KEY (%3$s); COMMENT ON TABLE %1$I.%2$I IS %4$L', mart.name, made.relation, (SELECT string_agg(quote_ident(k), ', ') FROM unnest(made.key) k), made.definition);
        ELSIF made.name = '' AND (SELECT c.relowner <> current_user::regrole::oid OR c.relkind <> 'r' FROM pg_class c WHERE c.oid = there) THEN
            PERFORM mls.refuse('42P07', format('relation %s exists and is not a table of role "%s"', there, current_user), 'A mart has a schema of its own.');
        ELSIF made.name <> '' AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = there AND a.attname = made.name AND NOT a.attisdropped) THEN
            EXECUTE format('ALTER TABLE %1$I.%2$I ADD COLUMN %3$I %4$s; COMMENT ON COLUMN %1$I.%2$I.%3$I IS %5$L', mart.name, made.relation, made.name, made.type, made.definition);
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.mart_tables(mls.mart) IS 'part of mls_mart_sync(): makes the tables of a mart that are not there';

-- Keys and indexes of facts, once there are rows: to fill them by rows would take twice as long.
CREATE FUNCTION mls.mart_indexes(mart mls.mart) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    keys text;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    keys := (SELECT string_agg(format('ALTER TABLE %I.%I ADD PRIMARY KEY (%s)', mart.name, c.relation, (SELECT string_agg(quote_ident(k.name), ', ' ORDER BY k.place) FROM mls.mart_column k WHERE k.relation = c.relation AND k.part = 'key')), ';')
               FROM (VALUES ('fct_listing_event'), ('fct_spell'), ('fct_listing')) c (relation)
              WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = to_regclass(format('%I.%I', mart.name, c.relation)) AND i.indisprimary));
    IF keys IS NOT NULL THEN
        EXECUTE keys;
    END IF;
    EXECUTE format('CREATE INDEX IF NOT EXISTS fct_listing_close_date_idx ON %1$I.fct_listing (close_date); CREATE INDEX IF NOT EXISTS fct_listing_contract_date_idx ON %1$I.fct_listing (contract_date); '
                   'CREATE INDEX IF NOT EXISTS fct_listing_property_key_idx ON %1$I.fct_listing (property_key); CREATE INDEX IF NOT EXISTS fct_listing_listing_key_idx ON %1$I.fct_listing (listing_key) WHERE history IS NOT NULL; '
                   'CREATE INDEX IF NOT EXISTS fct_listing_event_date_idx ON %1$I.fct_listing_event (date) WHERE kind = ''price''', mart.name);
END $$;
COMMENT ON FUNCTION mls.mart_indexes(mls.mart) IS 'part of mls_mart_sync(): makes the keys and indexes of facts that are not there';

-- Policies of gold, and triggers, may leave settings behind; they end with the statement.
CREATE FUNCTION mls.mart_execute(mart mls.mart, statement text, keys text[]) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT count(*) FROM (SELECT mls.as_role(mart.owner, statement, coalesce(keys, '{}')::text)) a $$;
COMMENT ON FUNCTION mls.mart_execute(mls.mart, text, text[]) IS 'part of mls_mart_sync(): runs a statement as the owner of a mart; its parameter is an array of keys, as text';

-- Sources, places and kinds of property that have come; numbers once given stay.
CREATE FUNCTION mls.mart_dimensions(mart mls.mart, keys text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    gold regclass := mls.gold_table('Property');
BEGIN
    PERFORM mls.mart_owner_only(mart);
    PERFORM mls.mart_execute(mart, format($q$
INSERT INTO %1$I.dim_source AS d (source_id, name, timezone)
SELECT m.last + row_number() OVER (ORDER BY s.name), s.name, s.zone
  FROM (SELECT max(d.source_id) AS last FROM %1$I.dim_source d) m,
       (SELECT p.mls_source AS name, coalesce((SELECT o.option_value FROM pg_foreign_server f, pg_options_to_table(f.srvoptions) o WHERE f.srvname = p.mls_source AND o.option_name = 'timezone'), %3$L) AS zone
          FROM %2$s p%4$s GROUP BY p.mls_source) s
 WHERE NOT EXISTS (SELECT FROM %1$I.dim_source d WHERE d.name = s.name AND d.timezone = s.zone)
ON CONFLICT (name) DO UPDATE SET timezone = excluded.timezone
$q$, mart.name, gold, mart.timezone, CASE WHEN keys IS NOT NULL THEN ' WHERE p."ListingKey" = ANY ($1::text[])' ELSE '' END), keys);
    -- Of listings that are written alike in all of this one row, which is put in order once.
    EXECUTE format('CREATE UNLOGGED TABLE %I.mls_new_sites (country_name text, state_name text, county_name text, city_name text, postal_name text, area_name text, source text, transaction text, property_type text, property_sub_type text, '
                   'country text, state text, county text, city text, postal text, area text)', mart.name);
    PERFORM mls.mart_execute(mart, format($q$
INSERT INTO %1$I.mls_new_sites
SELECT l.*, nullif(lower(regexp_replace(btrim(l.country_name), '\s+', ' ', 'g')), ''), nullif(lower(regexp_replace(btrim(l.state_name), '\s+', ' ', 'g')), ''), nullif(lower(regexp_replace(btrim(l.county_name), '\s+', ' ', 'g')), ''),
       nullif(lower(regexp_replace(btrim(l.city_name), '\s+', ' ', 'g')), ''), nullif(lower(regexp_replace(regexp_replace(btrim(l.postal_name), '\s+', ' ', 'g'), '^(\d{5})-?\d{4}$', '\1')), ''), nullif(lower(regexp_replace(btrim(l.area_name), '\s+', ' ', 'g')), '')
  FROM (SELECT DISTINCT coalesce(l.country_name, '') AS country_name, coalesce(l.state_name, '') AS state_name, coalesce(l.county_name, '') AS county_name, coalesce(l.city_name, '') AS city_name, coalesce(l.postal_name, '') AS postal_name, coalesce(l.area_name, '') AS area_name,
               l.source, l.transaction, coalesce(l.property_type, '') AS property_type, coalesce(l.property_sub_type, '') AS property_sub_type FROM (%2$s) l) l
$q$, mart.name, mls.mart_listings(mart, keys IS NOT NULL)), keys);
    EXECUTE format('ANALYZE %I.mls_new_sites', mart.name);
    EXECUTE format($q$
INSERT INTO %1$I.dim_property_type (type_id, level, transaction, property_type, property_sub_type, type_ids)
SELECT m.last + row_number() OVER (ORDER BY t.transaction, t.property_type NULLS FIRST, t.property_sub_type NULLS FIRST), t.level, t.transaction, t.property_type, t.property_sub_type, '{}'
  FROM (SELECT coalesce(max(d.type_id), 0) AS last FROM %1$I.dim_property_type d) m,
       (SELECT DISTINCT v.level, l.transaction, v.property_type, v.property_sub_type
          FROM (SELECT DISTINCT s.transaction, nullif(s.property_type, '') AS property_type, nullif(s.property_sub_type, '') AS property_sub_type FROM %1$I.mls_new_sites s) l
         CROSS JOIN LATERAL (VALUES ('all', NULL, NULL), ('type', l.property_type, NULL), ('subtype', l.property_type, l.property_sub_type)) v (level, property_type, property_sub_type)
         WHERE v.level = 'all' OR v.property_type IS NOT NULL AND (v.level = 'type' OR v.property_sub_type IS NOT NULL)) t
 WHERE NOT EXISTS (SELECT FROM %1$I.dim_property_type d WHERE (d.level, d.transaction, coalesce(d.property_type, ''), coalesce(d.property_sub_type, ''))
                                                            = (t.level, t.transaction, coalesce(t.property_type, ''), coalesce(t.property_sub_type, '')))
$q$, mart.name);
    EXECUTE format($q$
UPDATE %1$I.dim_property_type t
   SET type_ids = ARRAY(SELECT a.type_id FROM %1$I.dim_property_type a WHERE a.transaction = t.transaction
                           AND (a.level = 'all' OR a.property_type = t.property_type AND (a.level = 'type' OR a.property_sub_type = t.property_sub_type)) ORDER BY a.type_id)
 WHERE t.type_ids = '{}'
$q$, mart.name);
    EXECUTE format($q$
INSERT INTO %1$I.dim_location (location_id, level, name, country, state, county, city, postal_code, area, area_source)
SELECT m.last + row_number() OVER (ORDER BY p.rank, p.country, p.state, p.county, p.city, p.postal, p.area, p.source), p.level, p.name, p.country, p.state, p.county, p.city, p.postal, p.area, p.source
  FROM (SELECT max(d.location_id) AS last FROM %1$I.dim_location d) m,
       (SELECT v.rank, v.level, v.country, v.state, v.county, v.city, v.postal, v.area, v.source, min(btrim(v.name)) AS name
          FROM (SELECT DISTINCT l.country, l.state, l.county, l.city, l.postal, l.area, l.source, l.country_name, l.state_name, l.county_name, l.city_name, l.area_name FROM %1$I.mls_new_sites l) l
         CROSS JOIN LATERAL (VALUES (1, 'country', l.country_name, l.country, NULL, NULL, NULL, NULL, NULL, NULL), (2, 'state', l.state_name, l.country, l.state, NULL, NULL, NULL, NULL, NULL),
             (3, 'county', l.county_name, l.country, l.state, l.county, NULL, NULL, NULL, NULL), (4, 'city', l.city_name, l.country, l.state, NULL, l.city, NULL, NULL, NULL),
             (5, 'postal', upper(l.postal), l.country, NULL, NULL, NULL, l.postal, NULL, NULL), (6, 'area', l.area_name, NULL, NULL, NULL, NULL, NULL, l.area, CASE WHEN l.area IS NOT NULL THEN l.source END))
             v (rank, level, name, country, state, county, city, postal, area, source)
         WHERE CASE v.level WHEN 'country' THEN v.country WHEN 'state' THEN v.state WHEN 'county' THEN v.county WHEN 'city' THEN v.city WHEN 'postal' THEN v.postal ELSE v.area END IS NOT NULL
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9) p
ON CONFLICT (level, country, state, county, city, postal_code, area, area_source) DO NOTHING
$q$, mart.name);
    EXECUTE format($q$
UPDATE %1$I.dim_location p
   SET parent_id = coalesce((SELECT q.location_id FROM %1$I.dim_location q WHERE p.level IN ('county', 'city') AND q.level = 'state' AND q.state = p.state AND q.country IS NOT DISTINCT FROM p.country),
                            (SELECT q.location_id FROM %1$I.dim_location q WHERE p.level IN ('state', 'county', 'city', 'postal') AND q.level = 'country' AND q.country = p.country), 1)
 WHERE p.parent_id IS NULL AND p.location_id > 1
$q$, mart.name);
END $f$;
COMMENT ON FUNCTION mls.mart_dimensions(mls.mart, text[]) IS 'part of mls_mart_sync(): gives numbers to sources, places and kinds of property that have come';

-- What is in mls_new_... takes the place of what was there: all, or in part that of the records
-- whose keys are said, or of the groups that are computed anew.  Rows that are equal stay.
CREATE FUNCTION mls.mart_merge(mart mls.mart, relation text, keys text[], part boolean) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    beside CONSTANT text := 'mls_new_' || relation;
    key text[];
    all_columns text;
    assign text;
    figures text[];
    scope text := 'true';
    is_filled boolean;
    n bigint;
    changed bigint;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', mart.name, relation) INTO is_filled;
    IF NOT is_filled THEN
        SELECT string_agg(quote_ident(c.name), ', ') INTO all_columns FROM mls.mart_columns(mart, relation) c;
        EXECUTE format('INSERT INTO %1$I.%2$I (%4$s) SELECT %4$s FROM %1$I.%3$I', mart.name, relation, beside, all_columns);
        GET DIAGNOSTICS n = ROW_COUNT;
        RETURN n;
    END IF;
    SELECT array_agg(quote_ident(c.name) ORDER BY c.place) FILTER (WHERE c.part = 'key'), string_agg(quote_ident(c.name), ', ' ORDER BY c.place),
           string_agg(format('%1$I = excluded.%1$I', c.name), ', ') FILTER (WHERE c.part <> 'key'),
           array_agg(quote_ident(c.name) ORDER BY c.place) FILTER (WHERE c.part IN ('required', 'value'))
      INTO key, all_columns, assign, figures
      FROM mls.mart_columns(mart, relation) c;
    IF keys IS NOT NULL THEN
        scope := format('t.%s = ANY ($1)', key[1]);
    ELSIF part THEN
        scope := format(CASE WHEN relation = 'agg_market_month' THEN '(t.location_id, t.type_id, t.source_id, t.currency) IN (SELECT d.location_id, d.type_id, d.source_id, d.currency FROM %I.mls_new_dirty d)'
                             WHEN relation = 'agg_day' THEN '(t.type_id, t.currency) IN (SELECT d.type_id, d.currency FROM %I.mls_new_whole d)'
                             ELSE '(t.month, t.%3$I) IN (SELECT d.month, d.key FROM %1$I.mls_new_sides d WHERE d.who = %2$L)' END,
                        mart.name, CASE relation WHEN 'agg_office_month' THEN 'office' ELSE 'agent' END, key[2]);
    ELSE
        -- How few rows differ is unknown to the planner.
        PERFORM set_config('enable_nestloop', 'off', true);
    END IF;
    EXECUTE format('DELETE FROM %1$I.%2$I t WHERE %3$s AND NOT EXISTS (SELECT FROM %1$I.%4$I n WHERE (%5$s) = (%6$s))', mart.name, relation, scope, beside,
                   (SELECT string_agg('n.' || k, ', ') FROM unnest(key) k), (SELECT string_agg('t.' || k, ', ') FROM unnest(key) k)) USING keys;
    GET DIAGNOSTICS changed = ROW_COUNT;
    EXECUTE format('INSERT INTO %1$I.%2$I AS t (%3$s) SELECT %4$s FROM %1$I.%5$I n LEFT JOIN %1$I.%2$I o ON (%6$s) = (%7$s) WHERE o.%8$s IS NULL%9$s ON CONFLICT (%10$s) %11$s',
                   mart.name, relation, all_columns, (SELECT string_agg('n.' || quote_ident(c.name), ', ' ORDER BY c.place) FROM mls.mart_columns(mart, relation) c), beside,
                   (SELECT string_agg('n.' || k, ', ') FROM unnest(key) k), (SELECT string_agg('o.' || k, ', ') FROM unnest(key) k), key[1],
                   coalesce((SELECT format(' OR (%s) IS DISTINCT FROM (%s)', string_agg('n.' || f, ', '), string_agg('o.' || f, ', ')) FROM unnest(figures) f HAVING count(*) > 0), ''), array_to_string(key, ', '),
                   CASE WHEN figures IS NULL THEN 'DO NOTHING' ELSE 'DO UPDATE SET ' || assign END);
    GET DIAGNOSTICS n = ROW_COUNT;
    PERFORM set_config('enable_nestloop', 'on', true);
    RETURN changed + n;
END $$;
COMMENT ON FUNCTION mls.mart_merge(mls.mart, text, text[], boolean) IS 'part of mls_mart_sync(): puts the new rows of a table in the place of the old ones, all of them or those of some records or groups; returns how many differ';

-- What is in mls_new_... is added to sums that are kept; where nothing is counted any more no row stays.
CREATE FUNCTION mls.mart_add(mart mls.mart, relation text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    key text;
    all_columns text;
    assign text;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    SELECT string_agg(quote_ident(c.name), ', ' ORDER BY c.place) FILTER (WHERE c.part = 'key'), string_agg(quote_ident(c.name), ', ' ORDER BY c.place),
           string_agg(format('%1$I = t.%1$I + excluded.%1$I', c.name), ', ') FILTER (WHERE c.part = 'required')
      INTO key, all_columns, assign
      FROM mls.mart_column c WHERE c.relation = mart_add.relation;
    EXECUTE format('INSERT INTO %1$I.%2$I AS t (%3$s) SELECT %3$s FROM %1$I.%4$I ON CONFLICT (%5$s) DO UPDATE SET %6$s', mart.name, relation, all_columns, 'mls_new_' || relation, key, assign);
    EXECUTE format('DELETE FROM %1$I.%2$I t USING %1$I.%3$I n WHERE t.facts = 0 AND (%4$s) = (%5$s)', mart.name, relation, 'mls_new_' || relation,
                   (SELECT string_agg('t.' || k, ', ') FROM unnest(string_to_array(key, ', ')) k), (SELECT string_agg('n.' || k, ', ') FROM unnest(string_to_array(key, ', ')) k));
END $$;
COMMENT ON FUNCTION mls.mart_add(mls.mart, text) IS 'part of mls_mart_sync(): adds new sums to those of a table';

-- What plans of ours look at: the keys.
CREATE FUNCTION mls.mart_analyze(mart mls.mart, relation text, beside text DEFAULT '') RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.mart_owner_only(mart);
    EXECUTE format('ANALYZE %I.%I (%s)', mart.name, beside || relation,
                   (SELECT string_agg(quote_ident(c.name), ', ') FROM mls.mart_columns(mart, relation) c
                     WHERE (c.part = 'key' OR c.name IN ('property_key', 'source_id', 'type_id', 'country_id', 'state_id', 'county_id', 'city_id', 'postal_id', 'area_id', 'status', 'kind', 'date', 'from_date', 'close_date', 'contract_date'))));
END $$;
COMMENT ON FUNCTION mls.mart_analyze(mls.mart, text, text) IS 'part of mls_mart_sync(): tells the planner of keys of a table, or of what is computed beside it';

-- A statement that fills tables, of all (NULL) or of some keys.
CREATE FUNCTION mls.mart_fill_by(mart mls.mart, statement text, keys text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    -- How many rows parts of these queries have is unknown to the planner, who takes them for few, and groups for many.
    PERFORM set_config(s, CASE WHEN keys IS NULL THEN 'off' ELSE 'on' END, true) FROM unnest('{enable_nestloop,enable_mergejoin,enable_sort}'::text[]) s;
    PERFORM mls.mart_execute(mart, statement, keys);
    PERFORM set_config(s, 'on', true) FROM unnest('{enable_nestloop,enable_mergejoin,enable_sort}'::text[]) s;
END $$;
COMMENT ON FUNCTION mls.mart_fill_by(mls.mart, text, text[]) IS 'part of mls_mart_sync(): runs a statement that fills tables of a mart, planned for all listings or for some keys';

-- Beside: a table to be filled and compared.
CREATE FUNCTION mls.mart_beside(mart mls.mart, relation text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
BEGIN
    PERFORM mls.mart_owner_only(mart);
    EXECUTE format('CREATE UNLOGGED TABLE IF NOT EXISTS %1$I.%2$I (LIKE %1$I.%3$I)', mart.name, 'mls_new_' || relation, relation);
END $$;
COMMENT ON FUNCTION mls.mart_beside(mls.mart, text) IS 'part of mls_mart_sync(): makes the table in which is computed what another should have';

CREATE FUNCTION mls.mart_compute(mart mls.mart, relation text, keys text[], part boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.mart_beside(mart, relation);
    PERFORM mls.mart_fill_by(mart, format('INSERT INTO %I.%I (%s) %s', mart.name, 'mls_new_' || relation, (SELECT string_agg(quote_ident(c.name), ', ' ORDER BY c.place) FROM mls.mart_columns(mart, relation) c),
                                          mls.mart_query(mart, relation, part OR keys IS NOT NULL)), keys);
    PERFORM mls.mart_analyze(mart, relation, 'mls_new_');
END $$;
COMMENT ON FUNCTION mls.mart_compute(mls.mart, text, text[], boolean) IS 'part of mls_mart_sync(): computes what a table should have, of all or of some records or groups, beside it';

-- What runs work with, beside the tables.
CREATE FUNCTION mls.mart_workspace(mart mls.mart) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    needed record;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    FOR needed IN
        SELECT v.name, v.columns
          FROM (VALUES ('cells', 'source_id integer, type_id integer, country_id integer, state_id integer, county_id integer, city_id integer, postal_id integer, area_id integer, currency text, month date, '
                                 || (SELECT string_agg(format('%I %s', c.name, c.type), ', ' ORDER BY c.name = 'volume', c.place) FROM mls.mart_column c WHERE c.relation = 'agg_market_sum' AND c.part = 'required')
                                 || ', contracts bigint, active_months bigint'),
                       ('days', 'type_id integer, source_id integer, currency text, date date, facts bigint, k1 bigint, k2 bigint, k3 bigint, k4 numeric, k5 bigint'),
                       ('source', 'month date, source_id integer, facts bigint, closed bigint, closed_with_contract bigint, left_market bigint, told bigint'),
                       ('sides', 'who text, month date, key text, PRIMARY KEY (who, month, key)'),
                       ('dirty', 'location_id integer, type_id integer, source_id integer, currency text, PRIMARY KEY (location_id, type_id, source_id, currency)'),
                       ('touched', 'location_id integer, type_id integer, source_id integer, currency text, kind integer, month date, PRIMARY KEY (location_id, type_id, source_id, currency, kind, month)'),
                       ('before', 'location_id integer, type_id integer, currency text, source_id integer, first date'),
                       ('whole', 'type_id integer, currency text, PRIMARY KEY (type_id, currency)')) v (name, columns)
        UNION ALL
        SELECT m.measure, 'location_id integer, type_id integer, source_id integer, currency text, month date, ' || (SELECT string_agg(f.name || ' ' || f.type, ', ' ORDER BY f.place) FROM mls.mart_measures(m.measure) f)
          FROM unnest('{prices,contracts,cuts,ages}'::text[]) m (measure)
    LOOP
        EXECUTE format('CREATE UNLOGGED TABLE %I.%I (%s)', mart.name, 'mls_new_' || needed.name, needed.columns);
    END LOOP;
    EXECUTE format('CREATE UNLOGGED TABLE %1$I.mls_new_sums (LIKE %1$I.agg_market_sum); CREATE UNLOGGED TABLE %1$I.mls_new_kept (LIKE %1$I.agg_market_month)', mart.name);
END $$;
COMMENT ON FUNCTION mls.mart_workspace(mls.mart) IS 'part of mls_mart_sync(): makes the tables that a run works with';

-- Notes what listings are counted as: all (NULL), or some, to be added (1) or taken off (-1).
CREATE FUNCTION mls.mart_note(mart mls.mart, keys text[], sign integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    part CONSTANT boolean := keys IS NOT NULL;
    noted record;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    -- Groups are far fewer than rows, which the planner does not know: they are hashed, not sorted.
    PERFORM set_config('enable_nestloop', CASE WHEN part THEN 'on' ELSE 'off' END, true), set_config('enable_sort', CASE WHEN part THEN 'on' ELSE 'off' END, true);
    FOR noted IN SELECT * FROM (VALUES ('cells', mls.mart_cells(mart, part, sign)), ('days', mls.mart_day_cells(mart, part, sign)), ('source', mls.mart_source_cells(mart, part, sign))) v (name, query) LOOP
        EXECUTE format('INSERT INTO %I.%I %s', mart.name, 'mls_new_' || noted.name, mls.mart_text(mart, noted.query)) USING keys;
        EXECUTE format('ANALYZE %I.%I', mart.name, 'mls_new_' || noted.name);
    END LOOP;
    PERFORM set_config('enable_nestloop', 'on', true), set_config('enable_sort', 'on', true);
    IF part THEN
        EXECUTE format($q$
INSERT INTO %1$I.mls_new_sides
SELECT DISTINCT v.who, date_trunc('month', f.close_date::timestamp)::date, v.key
  FROM %1$I.fct_listing f
 CROSS JOIN LATERAL (VALUES ('office', f.list_office_key), ('office', f.co_list_office_key), ('office', f.buyer_office_key), ('office', f.co_buyer_office_key),
                            ('agent', f.list_agent_key), ('agent', f.co_list_agent_key), ('agent', f.buyer_agent_key), ('agent', f.co_buyer_agent_key)) v (who, key)
 WHERE f.close_date IS NOT NULL AND v.key IS NOT NULL AND f.listing_key = ANY ($1)
ON CONFLICT DO NOTHING
$q$, mart.name) USING keys;
    END IF;
END $f$;
COMMENT ON FUNCTION mls.mart_note(mls.mart, text[], integer) IS 'part of mls_mart_sync(): notes what listings are counted as, all or some';

-- In which months of which groups a listing has changed: from what is noted.
CREATE FUNCTION mls.mart_touch(mart mls.mart) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $f$
BEGIN
    PERFORM mls.mart_owner_only(mart);
    EXECUTE mls.mart_text(mart, format($q$
INSERT INTO @mart@.mls_new_touched
SELECT DISTINCT place.location_id, sort.type_id, origin.source_id, f.currency, v.kind, f.month
  FROM @mart@.mls_new_cells f %s CROSS JOIN LATERAL (VALUES (9, f.closed <> 0), (20, f.contracts > 0), (4, f.price_cuts <> 0), (21, f.active_months > 0)) v (kind, is_so)
 WHERE place.location_id > 0 AND v.is_so
$q$, mls.mart_groups(mart, 'f')));
    -- Of a group whose sources are others than before more or less is known, in all its months.
    EXECUTE mls.mart_text(mart, $q$
WITH now AS (SELECT s.location_id, s.type_id, s.currency, s.source_id, min(s.month) AS first FROM @mart@.mls_new_sums s WHERE s.source_id > 0 GROUP BY 1, 2, 3, 4),
changed AS (
    SELECT g.location_id, g.type_id, g.currency, min(least(b.first, n.first)) AS first
      FROM @mart@.mls_new_before b FULL JOIN now n USING (location_id, type_id, currency, source_id) CROSS JOIN LATERAL (SELECT location_id, type_id, currency) g
     GROUP BY 1, 2, 3 HAVING bool_or((b.first IS NULL) <> (n.first IS NULL)) AND count(*) > 1)
INSERT INTO @mart@.mls_new_touched
SELECT c.location_id, c.type_id, 0, c.currency, k.kind, m.month::date
  FROM changed c CROSS JOIN unnest('{4,9,20,21}'::integer[]) k (kind) CROSS JOIN LATERAL generate_series(c.first::timestamp, date_trunc('month', @day@::timestamp), interval '1 month') m (month)
ON CONFLICT DO NOTHING
$q$);
    EXECUTE format('ANALYZE %I.mls_new_touched', mart.name);
END $f$;
COMMENT ON FUNCTION mls.mart_touch(mls.mart) IS 'part of mls_mart_sync(): finds the months of groups in which a listing has changed';

-- agg_market_month: its sums, its medians, and what is made of both.  Returns groups and changed rows.
CREATE FUNCTION mls.mart_fill_market(mart mls.mart, part boolean, OUT groups bigint, OUT figures bigint)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    measure text;
    is_most boolean;
    same CONSTANT text := '(s.location_id, s.type_id, s.source_id, s.currency) = (d.location_id, d.type_id, d.source_id, d.currency)';
    same_place CONSTANT text := '(s.location_id, s.type_id, s.currency) = (d.location_id, d.type_id, d.currency)';
    places CONSTANT text := 'SELECT DISTINCT n.location_id, n.type_id, n.currency FROM %I.mls_new_dirty n';
BEGIN
    PERFORM mls.mart_owner_only(mart);
    PERFORM mls.mart_compute(mart, 'agg_market_sum', NULL, part);
    IF part THEN
        EXECUTE format('INSERT INTO %1$I.mls_new_dirty SELECT DISTINCT n.location_id, n.type_id, n.source_id, n.currency FROM %1$I.mls_new_agg_market_sum n', mart.name);
        GET DIAGNOSTICS groups = ROW_COUNT;
        EXECUTE format('ANALYZE %1$I.mls_new_dirty; INSERT INTO %1$I.mls_new_before SELECT s.location_id, s.type_id, s.currency, s.source_id, min(s.month) FROM (%2$s) d JOIN %1$I.agg_market_sum s ON %3$s WHERE s.source_id > 0 GROUP BY 1, 2, 3, 4',
                       mart.name, format(places, mart.name), same_place);
        PERFORM mls.mart_add(mart, 'agg_market_sum');
        EXECUTE format('INSERT INTO %1$I.mls_new_sums SELECT s.* FROM (%2$s) d JOIN %1$I.agg_market_sum s ON %3$s; ANALYZE %1$I.mls_new_sums; '
                       'INSERT INTO %1$I.mls_new_kept SELECT s.* FROM %1$I.mls_new_dirty d JOIN %1$I.agg_market_month s ON %4$s; ANALYZE %1$I.mls_new_kept', mart.name, format(places, mart.name), same_place, same);
        PERFORM mls.mart_touch(mart);
        -- Where most months of most groups have changed nothing is won by telling them apart.
        EXECUTE format('SELECT count(*) > 0.2 * (SELECT c.reltuples FROM pg_class c WHERE c.oid = ''%1$I.agg_market_month''::regclass) FROM %1$I.mls_new_touched t WHERE t.kind = 21', mart.name) INTO is_most;
        part := NOT is_most;
    ELSE
        PERFORM mls.mart_merge(mart, 'agg_market_sum', NULL, false);
        PERFORM mls.mart_analyze(mart, 'agg_market_sum');
    END IF;
    FOREACH measure IN ARRAY '{prices,contracts,cuts,ages}'::text[] LOOP
        PERFORM set_config('enable_nestloop', CASE WHEN part THEN 'on' ELSE 'off' END, true);
        EXECUTE format('INSERT INTO %I.%I %s', mart.name, 'mls_new_' || measure, mls.mart_text(mart, mls.mart_measure(mart, measure, part)));
        IF part THEN
            EXECUTE format('INSERT INTO %1$I.%2$I SELECT d.location_id, d.type_id, d.source_id, d.currency, d.month, %3$s FROM %1$I.mls_new_kept d WHERE NOT EXISTS (SELECT FROM %1$I.mls_new_touched s WHERE %4$s AND s.month = d.month AND s.kind = %5$s)',
                           mart.name, 'mls_new_' || measure, (SELECT string_agg('d.' || m.kept, ', ' ORDER BY m.place) FROM mls.mart_measures(measure) m), same,
                           CASE measure WHEN 'prices' THEN 9 WHEN 'contracts' THEN 20 WHEN 'cuts' THEN 4 ELSE 21 END);
        END IF;
        EXECUTE format('ANALYZE %I.%I', mart.name, 'mls_new_' || measure);
    END LOOP;
    PERFORM set_config('enable_nestloop', 'on', true);
    PERFORM mls.mart_compute(mart, 'agg_market_month', NULL, part);
    figures := mls.mart_merge(mart, 'agg_market_month', NULL, part);
    IF NOT part THEN
        PERFORM mls.mart_analyze(mart, 'agg_market_month');
        EXECUTE format('SELECT count(*) FROM (SELECT DISTINCT a.location_id, a.type_id, a.source_id, a.currency FROM %I.agg_market_month a) a', mart.name) INTO groups;
    END IF;
END $f$;
COMMENT ON FUNCTION mls.mart_fill_market(mls.mart, boolean) IS 'part of mls_mart_sync(): fills agg_market_month from what is noted';

-- agg_day: what has changed is added; transactions and currencies whose first day may be another
-- are computed as a whole.  Returns how many rows differ.
CREATE FUNCTION mls.mart_fill_days(mart mls.mart, part boolean) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    n bigint := 0;
    changed bigint := 0;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    IF part THEN
        EXECUTE format($q$
INSERT INTO %1$I.mls_new_whole
SELECT DISTINCT d.type_id, d.currency
  FROM (SELECT d.type_id, d.source_id, d.currency, min(d.date) AS date FROM %1$I.mls_new_days d GROUP BY 1, 2, 3) d
 WHERE d.date <= coalesce((SELECT min(a.date) FROM %1$I.agg_day a WHERE (a.type_id, a.source_id, a.currency) = (d.type_id, d.source_id, d.currency)), 'infinity')
$q$, mart.name);
        GET DIAGNOSTICS n = ROW_COUNT;
        EXECUTE format($q$
WITH d AS MATERIALIZED (
    SELECT d.type_id, d.source_id, d.currency, d.date, sum(d.k1) AS k1, sum(d.k2) AS k2, sum(d.k3) AS k3, sum(d.k4) AS k4, sum(d.k5) AS k5
      FROM %1$I.mls_new_days d WHERE NOT EXISTS (SELECT FROM %1$I.mls_new_whole w WHERE (w.type_id, w.currency) = (d.type_id, d.currency))
     GROUP BY 1, 2, 3, 4 HAVING (sum(d.k1), sum(d.k2), sum(d.k3), sum(d.k4), sum(d.k5)) <> (0, 0, 0, 0, 0)),
x AS MATERIALIZED (
    SELECT g.type_id, g.source_id, g.currency, m.date::date AS date, coalesce(d.k1, 0) AS k1, coalesce(d.k2, 0) AS k2, coalesce(d.k3, 0) AS k3, coalesce(d.k4, 0) AS k4,
           coalesce(sum(d.k5) OVER (PARTITION BY g.type_id, g.source_id, g.currency ORDER BY m.date), 0) AS k5
      FROM (SELECT d.type_id, d.source_id, d.currency, min(d.date) AS first FROM d GROUP BY 1, 2, 3) g
     CROSS JOIN LATERAL generate_series(g.first::timestamp, $1::timestamp, interval '1 day') m (date)
      LEFT JOIN d ON (d.type_id, d.source_id, d.currency, d.date) = (g.type_id, g.source_id, g.currency, m.date::date))
UPDATE %1$I.agg_day a SET new_listings = a.new_listings + x.k1, new_pending = a.new_pending + x.k2, closed_sales = a.closed_sales + x.k3, volume = a.volume + x.k4, inventory = a.inventory + x.k5, computed_at = now()
  FROM x WHERE (a.type_id, a.source_id, a.currency, a.date) = (x.type_id, x.source_id, x.currency, x.date)
   AND (a.new_listings, a.new_pending, a.closed_sales, a.volume, a.inventory) IS DISTINCT FROM (a.new_listings + x.k1, a.new_pending + x.k2, a.closed_sales + x.k3, a.volume + x.k4, a.inventory + x.k5)
$q$, mart.name) USING mart.as_of;
        GET DIAGNOSTICS changed = ROW_COUNT;
        IF n = 0 THEN
            RETURN changed;
        END IF;
        EXECUTE format('TRUNCATE %1$I.mls_new_days; INSERT INTO %1$I.mls_new_days %2$s', mart.name, mls.mart_text(mart, mls.mart_day_cells(mart, false, 1, true)));
    END IF;
    PERFORM mls.mart_compute(mart, 'agg_day', NULL, part);
    RETURN changed + mls.mart_merge(mart, 'agg_day', NULL, part);
END $f$;
COMMENT ON FUNCTION mls.mart_fill_days(mls.mart, boolean) IS 'part of mls_mart_sync(): fills agg_day from what is noted; returns how many rows changed';

-- What sources give, as far as their listings say it: a feed of what is on the market only knows
-- nothing of sales, and the first month of one that begins with some day is not whole.  A few
-- listings (one, or one in a hundred) long before the others were typed wrongly, or are what is
-- left of a time that is not there: they are no beginning.  Returns whether something has changed.
CREATE FUNCTION mls.mart_coverage(mart mls.mart) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    n bigint;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    EXECUTE format($q$
WITH told AS (SELECT c.key AS name, date_trunc('month', c.value::date)::date AS since FROM jsonb_each_text($1) c),
months AS (
    SELECT a.source_id, v.kind, a.month, v.n FROM %1$I.agg_source_month a CROSS JOIN LATERAL (VALUES ('closed', a.closed), ('off', a.left_market)) v (kind, n) WHERE v.n > 0),
begun AS (
    SELECT m.source_id, m.kind, (coalesce(max(m.next) FILTER (WHERE m.next > m.month + interval '2 years' AND m.so_far <= greatest(1, m.total / 100)), min(m.month)) + interval '1 month')::date AS date
      FROM (SELECT m.*, lead(m.month) OVER w AS next, sum(m.n) OVER w AS so_far, sum(m.n) OVER (PARTITION BY m.source_id, m.kind) AS total
              FROM months m WINDOW w AS (PARTITION BY m.source_id, m.kind ORDER BY m.month)) m GROUP BY 1, 2),
seen AS (
    SELECT s.source_id, t.since, coalesce(a.closed, 0) > 0 AS has_closed, coalesce(a.off, 0) > 0 AS has_off,
           -- What is closed was under contract: a source of which no field says when tells nothing of contracts.
           coalesce(a.closed, 0) = 0 OR a.contracts > 0 AS has_contracts,
           (SELECT b.date FROM begun b WHERE b.source_id = s.source_id AND b.kind = 'closed') AS closed_from, (SELECT b.date FROM begun b WHERE b.source_id = s.source_id AND b.kind = 'off') AS off_from,
           coalesce(a.told, 0) > 0 AS has_history
      FROM %1$I.dim_source s LEFT JOIN told t ON t.name = s.name
      LEFT JOIN (SELECT a.source_id, sum(a.closed) AS closed, sum(a.closed_with_contract) AS contracts, sum(a.left_market) AS off, sum(a.told) AS told FROM %1$I.agg_source_month a GROUP BY 1) a ON a.source_id = s.source_id
     WHERE s.source_id > 0),
whole AS (
    SELECT s.source_id, s.has_closed OR s.since IS NOT NULL AS has_closed, s.has_off OR s.since IS NOT NULL AS has_off, s.has_contracts, s.has_history, coalesce(s.since, s.closed_from) AS sales_from,
           coalesce(s.since, CASE WHEN s.has_closed AND s.has_off THEN greatest(s.closed_from, s.off_from) END, date_trunc('month', $2)::date) AS market_from
      FROM seen s)
UPDATE %1$I.dim_source d SET has_closed = w.has_closed, has_off = w.has_off, has_contracts = w.has_contracts, has_history = w.has_history, sales_from = w.sales_from, market_from = w.market_from
  FROM whole w WHERE w.source_id = d.source_id
   AND (d.has_closed, d.has_off, d.has_contracts, d.has_history, d.sales_from, d.market_from) IS DISTINCT FROM (w.has_closed, w.has_off, w.has_contracts, w.has_history, w.sales_from, w.market_from)
$q$, mart.name) USING mart.coverage, mart.as_of;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n > 0;
END $f$;
COMMENT ON FUNCTION mls.mart_coverage(mls.mart) IS 'part of mls_mart_sync(): notes what each source gives, and since when; returns whether that has changed';

-- Days on market of a property that is listed again before it was sold.  On a day on which it is
-- listed twice it is on the market once; what came after the listing's own end is not of its past.
-- A sale that two sources tell of is that of the first.
CREATE FUNCTION mls.mart_relistings(mart mls.mart, properties text[]) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    changed text[];
    keys text[];
BEGIN
    PERFORM mls.mart_owner_only(mart);
    IF properties IS NOT NULL THEN
        -- Keys as such lead to spells by their index; a query for them would read all spells.
        EXECUTE format('SELECT coalesce(array_agg(f.listing_key), ''{}'') FROM %I.fct_listing f WHERE f.property_key = ANY ($1)', mart.name) INTO keys USING properties;
    END IF;
    EXECUTE format($q$
WITH several AS (SELECT f.property_key FROM %1$I.fct_listing f WHERE f.property_key IS NOT NULL AND ($1 IS NULL OR f.property_key = ANY ($1)) GROUP BY 1 HAVING count(*) > 1),
own AS MATERIALIZED (
    SELECT f.listing_key, f.property_key, f.source_id, f.list_date, f.close_date, f.off_date, f.dom, f.cdom
      FROM %1$I.fct_listing f JOIN several USING (property_key) WHERE $1 IS NULL OR f.property_key = ANY ($1)),
spells AS MATERIALIZED (SELECT s.* FROM %1$I.fct_spell s JOIN own USING (listing_key) WHERE $3 IS NULL OR s.listing_key = ANY ($3)),
l AS (
    SELECT f.listing_key, f.property_key, f.list_date, f.dom,
           lag(f.listing_key) OVER w IS NULL OR lag(f.close_date) OVER w IS NOT NULL OR f.list_date - coalesce(lag(coalesce(f.off_date, s.from_date)) OVER w, f.list_date) > $2 AS is_first
      FROM own f
      -- The one that lasts.
      LEFT JOIN spells s ON s.listing_key = f.listing_key AND s.to_date IS NULL AND s.status NOT IN ('Active', 'Active Under Contract', 'Coming Soon')
     WHERE f.list_date IS NOT NULL
    WINDOW w AS (PARTITION BY f.property_key COLLATE "C" ORDER BY f.list_date, f.listing_key COLLATE "C")),
active AS (
    SELECT a.listing_key, range_agg(daterange(a.from_date, a.to_date)) AS days, max(a.to_date) AS until
      FROM (%2$s) a GROUP BY a.listing_key),
chains AS (SELECT l.*, count(*) FILTER (WHERE l.is_first) OVER (PARTITION BY l.property_key COLLATE "C" ORDER BY l.list_date, l.listing_key COLLATE "C") AS chain FROM l),
united AS (
    SELECT c.listing_key, c.dom, range_agg(a.days) OVER (PARTITION BY c.property_key COLLATE "C", c.chain ORDER BY c.list_date, c.listing_key COLLATE "C") * datemultirange(daterange(NULL, a.until)) AS days
      FROM chains c LEFT JOIN active a USING (listing_key)),
summed AS (
    SELECT u.listing_key, CASE WHEN u.dom IS NOT NULL THEN (SELECT coalesce(sum(upper(d) - lower(d)), 0) FROM unnest(u.days) d) END AS cdom FROM united u),
sales AS (
    SELECT f.listing_key, f.source_id, first_value(f.listing_key) OVER w AS first, first_value(f.source_id) OVER w AS first_source
      FROM own f WHERE f.close_date IS NOT NULL
    WINDOW w AS (PARTITION BY f.property_key COLLATE "C", f.close_date ORDER BY f.source_id, f.listing_key COLLATE "C")),
known AS (
    SELECT f.listing_key, CASE WHEN s.listing_key IS NULL THEN f.cdom ELSE s.cdom END AS cdom, CASE WHEN d.first_source <> d.source_id THEN d.first END AS double_of
      FROM own f LEFT JOIN summed s USING (listing_key) LEFT JOIN sales d USING (listing_key)
    UNION ALL
    -- A property that has one listing, or one that is left.
    SELECT f.listing_key, f.dom, NULL FROM %1$I.fct_listing f
     WHERE f.property_key IS NOT NULL AND ($1 IS NULL OR f.property_key = ANY ($1)) AND (f.cdom IS DISTINCT FROM f.dom OR f.double_of IS NOT NULL)
       AND NOT EXISTS (SELECT FROM several s WHERE s.property_key = f.property_key)),
told AS (UPDATE %1$I.fct_listing f SET cdom = k.cdom, double_of = k.double_of FROM known k
          WHERE k.listing_key = f.listing_key AND (f.cdom, f.double_of) IS DISTINCT FROM (k.cdom, k.double_of) RETURNING f.listing_key)
SELECT array_agg(t.listing_key) FROM told t
$q$, mart.name, mls.mart_active('spells')) INTO changed USING properties, mart.relist_days, keys;
    RETURN coalesce(changed, '{}');
END $f$;
COMMENT ON FUNCTION mls.mart_relistings(mls.mart, text[]) IS 'part of mls_mart_sync(): sums days on market over listings of one property and finds sales that two sources tell of, for some properties or all; returns the listings for which that has changed';

-- What data tests look at that run within a run: listings that may have changed, besides the groups
-- of mls_new_dirty.
CREATE FUNCTION mls.mart_look(mart mls.mart, keys text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.mart_owner_only(mart);
    EXECUTE format('CREATE UNLOGGED TABLE %1$I.mls_new_looked (listing_key text PRIMARY KEY); INSERT INTO %1$I.mls_new_looked SELECT DISTINCT k FROM unnest(%2$L::text[]) k WHERE k IS NOT NULL', mart.name, keys);
END $$;
COMMENT ON FUNCTION mls.mart_look(mls.mart, text[]) IS 'part of mls_mart_sync(): notes for data tests which listings were computed';

-- What is left for data tests goes with them.
CREATE FUNCTION mls.mart_clear(mart bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    known mls.mart;
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.id = mart_clear.mart;
    PERFORM mls.mart_owner_only(known);
    EXECUTE format('DROP TABLE IF EXISTS %1$I.mls_new_looked, %1$I.mls_new_dirty', known.name);
END $$;
COMMENT ON FUNCTION mls.mart_clear(bigint) IS 'part of mls_mart_sync(): drops what was left for data tests';

-- What a data test looks at that runs within a run of a mart, as SQL: where only some listings were
-- computed, and all others have passed, these and their groups; else NULL, all.  It must be one that
-- looks at each row by itself, or at those of one listing, and at nothing besides that may shrink.
CREATE FUNCTION mls.mart_test_rows(mart text, test mls.data_test) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE c.relname WHEN 'agg_market_month' THEN CASE WHEN to_regclass(format('%I.mls_new_dirty', mart)) IS NULL THEN format('(SELECT * FROM %s WHERE false)', test.relation)
                                                        ELSE format('(SELECT a.* FROM %I.mls_new_dirty d JOIN %s a USING (location_id, type_id, source_id, currency))', mart, test.relation) END
                      ELSE format('(SELECT f.* FROM %I.mls_new_looked k JOIN %s f USING (listing_key))', mart, test.relation) END
  FROM pg_class c
 WHERE mart IS NOT NULL AND c.oid = test.relation AND c.relnamespace = to_regnamespace(quote_ident(mart)) AND c.relname IN ('agg_market_month', 'fct_listing', 'fct_listing_event', 'fct_spell')
   AND test.baseline = 0 AND to_regclass(format('%I.mls_new_looked', mart)) IS NOT NULL
   AND (test.kind IN ('not_null', 'accepted_values', 'range', 'regex', 'expression')
        OR test.kind = 'not_decreasing' AND c.relname <> 'agg_market_month' AND test.arguments -> 'partition_by' ? 'listing_key'
        OR test.kind = 'relationships' AND test.other IN (SELECT o.oid FROM pg_class o WHERE o.relnamespace = c.relnamespace AND o.relname IN ('dim_date', 'dim_source', 'dim_location', 'dim_property_type', 'fct_listing')))
   AND concat_ws(' ', test.filter, test.arguments ->> 'expression') !~* '\mselect\M'
$$;
COMMENT ON FUNCTION mls.mart_test_rows(text, mls.data_test) IS 'part of mls_mart_sync(): which rows a data test looks at within a run, as SQL; NULL for all';

-- Fills a mart: keys of listings that may have changed, or NULL for all.  What these were counted
-- as is taken off, and what they are counted as now is added.
CREATE FUNCTION mls.mart_fill(mart bigint, day date, keys text[], OUT listings bigint, OUT groups bigint, OUT figures bigint)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = on
    SET enable_nestloop = on
    SET enable_hashjoin = on
    SET enable_mergejoin = on
    SET enable_sort = on
    SET plan_cache_mode = force_custom_plan
    SET jit = off
    AS $f$
DECLARE
    known mls.mart;
    relation text;
    facts CONSTANT text[] := '{fct_listing_event,fct_spell,fct_listing}';
    properties text[];
    mine text[];
    everything boolean := keys IS NULL;
    is_empty boolean;
    beside text := 'mls_new_';
    leftover text;
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.id = mart;
    PERFORM mls.mart_owner_only(known);
    known.as_of := day;
    PERFORM mls.require_trusted(mls.gold_table('Property'));
    PERFORM mls.mart_tables(known);
    listings := 0;
    groups := 0;
    figures := 0;
    IF keys = '{}' THEN
        PERFORM mls.mart_look(known, keys);
        RETURN;
    END IF;
    IF everything THEN
        -- As indexes are made: once, and of all rows.
        PERFORM set_config('work_mem', greatest(pg_size_bytes(current_setting('work_mem')), pg_size_bytes(current_setting('maintenance_work_mem'))) / 1024 || 'kB', true);
        -- What is new has nothing to be compared with.
        EXECUTE format('SELECT NOT EXISTS (SELECT FROM %1$I.fct_listing) AND NOT EXISTS (SELECT FROM %1$I.fct_listing_event) AND NOT EXISTS (SELECT FROM %1$I.fct_spell)', known.name) INTO is_empty;
        beside := CASE WHEN is_empty THEN '' ELSE beside END;
    END IF;
    PERFORM mls.mart_workspace(known);
    PERFORM mls.mart_dimensions(known, keys);
    PERFORM mls.mart_beside(known, f) FROM unnest(facts) f WHERE beside <> '';
    PERFORM mls.mart_fill_by(known, mls.mart_text(known, mls.mart_facts(known, NOT everything, beside)), keys);
    PERFORM mls.mart_analyze(known, f, beside) FROM unnest(facts) f;
    EXECUTE format('SELECT count(*) FROM %I.%I', known.name, beside || 'fct_listing') INTO listings;
    IF NOT everything THEN
        -- Listings of the same property may count otherwise, too.
        EXECUTE format('SELECT coalesce(array_agg(DISTINCT f.property_key), ''{}'') FROM (SELECT f.property_key FROM %1$I.fct_listing f WHERE f.listing_key = ANY ($1) UNION ALL SELECT f.property_key FROM %1$I.mls_new_fct_listing f) f '
                       'WHERE f.property_key IS NOT NULL', known.name) INTO properties USING keys;
        EXECUTE format('SELECT array_agg(k.key) FROM (SELECT unnest($1) AS key UNION SELECT f.listing_key FROM %I.fct_listing f WHERE f.property_key = ANY ($2)) k', known.name) INTO mine USING keys, properties;
        PERFORM mls.mart_note(known, mine, -1);
    END IF;
    FOREACH relation IN ARRAY facts LOOP
        CONTINUE WHEN beside = '';
        PERFORM mls.mart_merge(known, relation, keys, false);
        IF everything THEN
            PERFORM mls.mart_analyze(known, relation);
        END IF;
    END LOOP;
    PERFORM mls.mart_relistings(known, properties);
    PERFORM mls.mart_indexes(known);
    PERFORM mls.mart_note(known, mine, 1);
    PERFORM mls.mart_compute(known, 'agg_source_month', NULL, NOT everything);
    IF everything THEN
        PERFORM mls.mart_merge(known, 'agg_source_month', NULL, false);
    ELSE
        PERFORM mls.mart_add(known, 'agg_source_month');
    END IF;
    -- What a source gives says of all its groups what is known.
    IF mls.mart_coverage(known) AND NOT everything THEN
        everything := true;
        EXECUTE format('TRUNCATE %1$I.mls_new_cells, %1$I.mls_new_days', known.name);
        PERFORM mls.mart_note(known, NULL, 1);
    END IF;
    SELECT f.groups, f.figures INTO groups, figures FROM mls.mart_fill_market(known, NOT everything) f;
    FOREACH relation IN ARRAY '{agg_office_month,agg_member_month}'::text[] LOOP
        PERFORM mls.mart_compute(known, relation, NULL, NOT everything);
        figures := figures + mls.mart_merge(known, relation, NULL, NOT everything);
    END LOOP;
    figures := figures + mls.mart_fill_days(known, NOT everything);
    IF everything THEN
        PERFORM mls.mart_analyze(known, a) FROM unnest('{agg_office_month,agg_member_month,agg_day,agg_source_month}'::text[]) a;
    END IF;
    IF NOT everything THEN
        PERFORM mls.mart_look(known, mine);
    END IF;
    FOR leftover IN SELECT r.relation FROM mls.mart_relation r WHERE to_regclass(format('%I.%I', known.name, 'mls_new_' || r.relation)) IS NOT NULL
                    UNION ALL SELECT unnest('{sites,cells,days,source,sides,dirty,touched,before,whole,prices,contracts,cuts,ages,sums,kept}'::text[])
    LOOP
        CONTINUE WHEN leftover = 'dirty' AND NOT everything;
        EXECUTE format('DROP TABLE %I.%I', known.name, 'mls_new_' || leftover);
    END LOOP;
END $f$;
COMMENT ON FUNCTION mls.mart_fill(bigint, date, text[]) IS 'part of mls_mart_sync(): computes a mart for a day, all of it or what some listings are counted in; returns listings, groups and figures that changed';

-- A table of records, or one that the owner has added, with nothing else of the mart.
CREATE FUNCTION mls.mart_replace(mart mls.mart, relation text, keys text[]) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM mls.mart_compute(mart, relation, keys, false);
    n := mls.mart_merge(mart, relation, keys, false);
    EXECUTE format('DROP TABLE %I.%I', mart.name, 'mls_new_' || relation);
    RETURN n;
END $$;
COMMENT ON FUNCTION mls.mart_replace(mls.mart, text, text[]) IS 'part of mls_mart_sync(): computes a table beside and puts what differs in its place, all or what is of some keys; returns how many rows differ';

-- What of a resource is copied as it is: by which query and policies, or NULL if it is not there
-- or not for the role.
CREATE FUNCTION mls.mart_record_definition(mart bigint, relation text, resource text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    known mls.mart;
    gold regclass := mls.gold_table(resource);
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.id = mart;
    PERFORM mls.mart_owner_only(known);
    IF gold IS NULL OR NOT has_table_privilege(gold, 'SELECT') THEN
        RETURN NULL;
    END IF;
    RETURN md5(concat_ws(E'\n', gold::oid, mls.mart_query(known, relation), mls.mart_policies(ARRAY[resource]), (SELECT string_agg(concat_ws(' ', f.srvname, o.option_value), ',' ORDER BY f.srvname) FROM pg_foreign_server f, pg_options_to_table(f.srvoptions) o WHERE o.option_name = 'timezone')));
END $$;
COMMENT ON FUNCTION mls.mart_record_definition(bigint, text, text) IS 'part of mls_mart_sync(): a hash of what members, offices, showings and open houses are copied by; NULL if they are not there or may not be read';

-- Copies records of a resource: those whose keys are said, or all (NULL).
CREATE FUNCTION mls.mart_fill_records(mart bigint, relation text, resource text, keys text[]) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET enable_nestloop = on
    SET enable_mergejoin = on
    SET plan_cache_mode = force_custom_plan
    SET jit = off
    AS $$
DECLARE
    known mls.mart;
    gold regclass := mls.gold_table(resource);
    n bigint;
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.id = mart;
    PERFORM mls.mart_owner_only(known);
    IF keys = '{}' THEN
        RETURN 0;
    END IF;
    -- What he may read no more he keeps no copy of.
    IF gold IS NULL OR NOT has_table_privilege(gold, 'SELECT') THEN
        EXECUTE format('DELETE FROM %I.%I', known.name, relation);
        GET DIAGNOSTICS n = ROW_COUNT;
        RETURN n;
    END IF;
    PERFORM mls.require_trusted(gold);
    RETURN mls.mart_replace(known, relation, keys);
END $$;
COMMENT ON FUNCTION mls.mart_fill_records(bigint, text, text, text[]) IS 'part of mls_mart_sync(): copies members, offices, showings or open houses, all or those of some keys; returns how many differ';

-- Tables that the owner has added: those by listings for the keys that are said, others whole.
CREATE FUNCTION mls.mart_fill_own(mart bigint, day date, keys text[]) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET enable_nestloop = on
    SET enable_mergejoin = on
    SET plan_cache_mode = force_custom_plan
    SET jit = off
    AS $$
DECLARE
    known mls.mart;
    own record;
    n bigint := 0;
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.id = mart;
    PERFORM mls.mart_owner_only(known);
    known.as_of := day;
    FOR own IN SELECT o.relation, o.key FROM mls.mart_own o WHERE o.mart = mart_fill_own.mart AND o.name = '' ORDER BY o.id LOOP
        n := n + mls.mart_replace(known, own.relation, CASE WHEN own.key[1] = 'listing_key' THEN keys END);
    END LOOP;
    RETURN n;
END $$;
COMMENT ON FUNCTION mls.mart_fill_own(bigint, date, text[]) IS 'part of mls_mart_sync(): fills the tables that the owner of a mart has added; returns how many rows differ';

-- Which rows the current role is shown by policies, as far as these say it themselves.
CREATE FUNCTION mls.mart_policies(resources text[]) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT string_agg(concat_ws(' ', c.oid, (SELECT string_agg(concat_ws(' ', p.polpermissive, pg_get_expr(p.polqual, p.polrelid)), ',' ORDER BY p.polname)
                                           FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd IN ('r', '*') AND EXISTS (SELECT FROM unnest(p.polroles) o (role) WHERE o.role = 0 OR pg_has_role(o.role, 'USAGE')))), E'\n' ORDER BY c.oid)
  FROM unnest(resources) r (resource) JOIN pg_class c ON c.oid = mls.gold_table(r.resource) WHERE row_security_active(c.oid)
$$;
COMMENT ON FUNCTION mls.mart_policies(text[]) IS 'part of mls_mart_sync(): policies that hold for the current role at tables of gold';

-- What a mart is made of: when it changes, all is computed anew.
CREATE FUNCTION mls.mart_definition(mart mls.mart) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT md5(concat_ws(E'\n', mls.mart_text(mart, mls.mart_facts(mart, false, '')), mls.mart_text(mart, mls.mart_cells(mart, false, 1)), mls.mart_sums(mart), mls.mart_query(mart, 'agg_market_month'), mls.mart_sides(mart, 'agent', false), mls.mart_text(mart, mls.mart_day_cells(mart, false, 1)), mls.mart_query(mart, 'agg_day'), mart.coverage, mart.relist_days, (SELECT string_agg(concat_ws(' ', o.relation, o.name, o.type, o.expression, o.key), E'\n' ORDER BY o.id) FROM mls.mart_own o WHERE o.mart = mart.id AND (o.name = '' OR o.relation = 'fct_listing')), mls.mart_policies('{Property,HistoryTransactional}'),
                     (SELECT string_agg(concat_ws(' ', f.srvname, o.option_value), ',' ORDER BY f.srvname) FROM pg_foreign_server f, pg_options_to_table(f.srvoptions) o WHERE o.option_name = 'timezone')))
$$;
COMMENT ON FUNCTION mls.mart_definition(mls.mart) IS 'part of mls_mart_sync(): a hash of what a mart is computed by';

-- Whether all that changes in a table of gold gets an event.
CREATE FUNCTION mls.mart_notes(gold regclass) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT count(*) = 4 FROM pg_trigger t
 WHERE t.tgrelid = gold AND t.tgname IN ('mls_events_insert', 'mls_events_update', 'mls_events_delete', 'mls_events_truncate') AND t.tgenabled IN ('O', 'A')
$$;
COMMENT ON FUNCTION mls.mart_notes(regclass) IS 'part of mls_mart_sync(): whether events of the records of a table are noted';

-- Whether it has to be computed as a whole, and why.  With a new day inventory and ages change
-- though no listing does, and what was of the future comes.
CREATE FUNCTION mls.mart_plan(mart bigint, upto bigint, OUT since bigint, OUT day date, OUT why text, OUT definition text)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    known mls.mart;
    gold regclass := mls.gold_table('Property');
    as_of date;
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.id = mart;
    PERFORM mls.mart_owner_only(known);
    IF gold IS NULL THEN
        PERFORM mls.refuse('42P01', 'there is no gold table of resource "Property"', 'It is made when a source is subscribed and synced.');
    ELSIF NOT has_column_privilege(gold, 'ListingKey', 'SELECT') OR NOT has_column_privilege(gold, 'mls_source', 'SELECT') THEN
        PERFORM mls.refuse('42501', format('permission denied for table %s', gold));
    END IF;
    -- Today where it is latest: what is of the future somewhere else is so for some hours.
    IF known.position IS NOT NULL AND to_regclass(format('%I.dim_source', known.name)) IS NOT NULL THEN
        EXECUTE format('SELECT max((now() AT TIME ZONE coalesce((SELECT o.option_value FROM pg_foreign_server f, pg_options_to_table(f.srvoptions) o WHERE f.srvname = d.name AND o.option_name = ''timezone''), %L))::date) FROM %I.dim_source d', known.timezone, known.name) INTO day;
    ELSE
        SELECT (d #>> '{}')::date INTO day FROM mls.as_role(known.owner, format('SELECT to_jsonb(max((now() AT TIME ZONE coalesce((SELECT o.option_value FROM pg_foreign_server f, pg_options_to_table(f.srvoptions) o WHERE f.srvname = s.name AND o.option_name = ''timezone''), %L))::date)) '
                       'FROM (SELECT DISTINCT p.mls_source AS name FROM %s p UNION ALL SELECT NULL) s', known.timezone, gold)) d;
    END IF;
    -- The day is no part of it.
    since := coalesce(known.position, 0);
    as_of := known.as_of;
    known.as_of := NULL;
    definition := mls.mart_definition(known);
    why := CASE WHEN known.position IS NULL THEN 'it is new'
                WHEN known.definition IS DISTINCT FROM mart_plan.definition THEN 'what it is computed by has changed'
                WHEN known.position > upto THEN 'the log of changes begins anew'
                WHEN NOT mls.mart_notes(gold) THEN 'nobody notes changes of listings'
                WHEN as_of IS DISTINCT FROM day THEN 'another day has begun' END;
END $$;
COMMENT ON FUNCTION mls.mart_plan(bigint, bigint) IS 'part of mls_mart_sync(): from which event on a mart is computed, for which day; why all of it is, or NULL';

-- Listings of which something else is told than when they were computed.
CREATE FUNCTION mls.mart_retold(mart bigint) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    known mls.mart;
    keys text[];
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.id = mart;
    PERFORM mls.mart_owner_only(known);
    SELECT array_agg(k #>> '{}') INTO keys
      FROM mls.as_role(known.owner, format($q$
WITH h AS MATERIALIZED (%2$s)
SELECT to_jsonb(f.listing_key) FROM h JOIN %1$I.fct_listing f USING (listing_key) WHERE f.history IS DISTINCT FROM h.hash
UNION ALL
-- Few have any, or none: an index knows them.
SELECT to_jsonb(f.listing_key) FROM %1$I.fct_listing f WHERE f.history IS NOT NULL AND NOT EXISTS (SELECT FROM h WHERE h.listing_key = f.listing_key)
$q$, known.name, mls.mart_history_hash(false))) k;
    RETURN coalesce(keys, '{}');
END $f$;
COMMENT ON FUNCTION mls.mart_retold(bigint) IS 'part of mls_mart_sync(): keys of listings whose HistoryTransactional has changed since they were computed';

-- ---- What users call ----

CREATE FUNCTION mls.note_mart(caller regrole, name text, settings jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.mart;
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.name = note_mart.name FOR UPDATE;
    IF known.id IS NOT NULL AND NOT pg_has_role(caller, known.owner, 'USAGE') OR known.id IS NULL AND settings IS NULL THEN
        PERFORM mls.refuse('42704', format('there is no mart "%s" of yours', name), 'mls_marts lists them.');
    END IF;
    IF settings IS NULL THEN
        DELETE FROM mls.mart m WHERE m.id = known.id;
        DELETE FROM mls.run r WHERE r.subscription IS NULL AND r.process = 'mart' AND r.subject = note_mart.name;
        RETURN known.id;
    END IF;
    INSERT INTO mls.mart AS m (name, owner, currency, timezone, levels, coverage, thin, min_price, ratio_low, ratio_high, relist_days, co_agents)
    SELECT note_mart.name, caller, s.currency, s.timezone, s.levels, s.coverage, s.thin, s.min_price, s.ratio_low, s.ratio_high, s.relist_days, s.co_agents
      FROM jsonb_to_record(settings) s (currency text, timezone text, levels text[], coverage jsonb, thin integer, min_price numeric, ratio_low numeric, ratio_high numeric, relist_days integer, co_agents text)
    ON CONFLICT ON CONSTRAINT mart_name_key DO UPDATE
       SET currency = excluded.currency, timezone = excluded.timezone, levels = excluded.levels, coverage = excluded.coverage, thin = excluded.thin, min_price = excluded.min_price,
           ratio_low = excluded.ratio_low, ratio_high = excluded.ratio_high, relist_days = excluded.relist_days, co_agents = excluded.co_agents
    RETURNING m.id INTO known.id;
    RETURN known.id;
END $$;
COMMENT ON FUNCTION mls.note_mart(regrole, text, jsonb) IS 'adds a mart of a caller, changes its settings or forgets it';
CREATE FUNCTION mls.note_mart(name text, settings jsonb) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_mart(text, jsonb) IS 'part of mls_mart_create() and mls_mart_drop(): the same for who calls it';

CREATE FUNCTION mls_mart_create(
    name text DEFAULT 'mart',
    currency text DEFAULT 'USD',
    timezone text DEFAULT 'UTC',
    levels text[] DEFAULT '{all,country,state,county,city,postal,area}',
    coverage jsonb DEFAULT '{}',
    thin integer DEFAULT 5,
    min_price numeric DEFAULT 1000,
    ratio_low numeric DEFAULT 50,
    ratio_high numeric DEFAULT 150,
    relist_days integer DEFAULT 90,
    co_agents text DEFAULT 'half') RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_variable
DECLARE
    gold regclass := mls.gold_table('Property');
    made mls.mart;
    bad text;
BEGIN
    PERFORM mls.refuse_standby('mls_mart_create()', 'make a mart');
    IF name IS NULL OR name !~ '^[a-z][a-z0-9_]{0,52}$' OR name ~ '^(pg_|mls$|gold$|silver$|bronze$|reso$|public$)' THEN
        PERFORM mls.refuse('42602', format('"%s" is no name of a mart', name), 'It becomes the name of a schema: small letters, digits and _, 53 at most.');
    ELSIF currency IS NULL OR currency !~ '^[A-Z]{3}$' THEN
        PERFORM mls.refuse('22023', format('"%s" is no currency', currency), 'Write it as ISO 4217 has it: USD.');
    ELSIF timezone IS NULL OR NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = timezone) THEN
        PERFORM mls.refuse('22023', format('"%s" is no time zone', timezone), 'The view pg_timezone_names lists the time zones.');
    ELSIF coalesce(cardinality(levels), 0) = 0 OR NOT levels <@ '{all,country,state,county,city,postal,area}' THEN
        PERFORM mls.refuse('22023', format('there is no level %s', (SELECT string_agg('"' || l || '"', ', ') FROM unnest(levels) l WHERE l <> ALL ('{all,country,state,county,city,postal,area}'))), 'Levels: all, country, state, county, city, postal, area.');
    ELSIF jsonb_typeof(coverage) IS DISTINCT FROM 'object' OR EXISTS (SELECT FROM jsonb_each_text(coverage) c WHERE c.value IS NULL OR c.value !~ '^\d{4}-(0[1-9]|1[0-2])-01$') THEN
        PERFORM mls.refuse('22023', 'coverage is no object of sources and months', 'For example: coverage => ''{"east": "2022-01-01"}'', the first day of the first month that it has wholly.');
    ELSIF thin IS NULL OR thin < 0 OR min_price IS NULL OR NOT min_price BETWEEN 0 AND 1e12 OR relist_days IS NULL OR NOT relist_days BETWEEN 0 AND 3650 OR ratio_low IS NULL OR ratio_high IS NULL
          OR NOT (ratio_low >= 0 AND ratio_high > ratio_low AND ratio_high <= 100000) THEN
        PERFORM mls.refuse('22023', 'a limit is out of bounds', 'thin and min_price are 0 or more, ratio_low is below ratio_high, relist_days at most 3,650.');
    ELSIF co_agents IS NULL OR co_agents <> ALL ('{none,half,full}') THEN
        PERFORM mls.refuse('22023', format('"%s" is no share of co-agents', co_agents), 'Shares: none, half, full.');
    ELSIF gold IS NULL THEN
        PERFORM mls.refuse('42P01', 'there is no gold table of resource "Property"', 'It is made when a source is subscribed and synced.');
    ELSIF NOT has_table_privilege(gold, 'SELECT') AND NOT has_column_privilege(gold, 'ListingKey', 'SELECT') THEN
        PERFORM mls.refuse('42501', format('permission denied for table %s', gold));
    END IF;
    bad := (SELECT f FROM unnest('{ListingKey,StandardStatus,PropertyType}'::text[]) f
             WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = gold AND a.attname = f AND NOT a.attisdropped AND has_column_privilege(gold, a.attnum, 'SELECT')) LIMIT 1);
    IF bad IS NOT NULL THEN
        PERFORM mls.refuse('42703', format('%s has no column "%s" that could be read', gold, bad), detail => 'Without it no listing can be counted.');
    END IF;
    PERFORM mls.require_trusted(gold);
    IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = name AND NOT pg_has_role(n.nspowner, 'USAGE')) THEN
        PERFORM mls.refuse('42501', format('schema "%s" is another role''s', name), 'Choose another name.');
    END IF;
    made.id := mls.note_mart(name, jsonb_build_object('currency', currency, 'timezone', timezone, 'levels', levels, 'coverage', coverage, 'thin', thin, 'min_price', min_price,
                                                      'ratio_low', ratio_low, 'ratio_high', ratio_high, 'relist_days', relist_days, 'co_agents', co_agents));
    SELECT * INTO made FROM mls.mart m WHERE m.id = made.id;
    PERFORM a FROM mls.as_role(made.owner, format('SELECT mls.mart_make(%s)', made.id)) a;
    IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = gold AND t.tgname = 'mls_events_insert') THEN
        IF pg_has_role((SELECT c.relowner FROM pg_class c WHERE c.oid = gold), 'USAGE') THEN
            PERFORM @extschema@.mls_serve_events('{Property}');
        ELSE
            RAISE NOTICE 'changes of % are not noted, so each run computes all', gold USING HINT = 'Its owner has them noted: SELECT mls_serve_events(''{Property}'').';
        END IF;
    END IF;
    RETURN made.id;
END $$;
COMMENT ON FUNCTION mls_mart_create(text, text, text, text[], jsonb, integer, numeric, numeric, numeric, integer, text)
    IS 'make a mart, market statistics of gold in a schema of its name, or change its settings: currency and zone where sources say none; levels of places; coverage says from which month on a source is whole, where its listings do not tell; thin, min_price, ratio_low and ratio_high (percent) say which figures mean something; relist_days when a property that comes back goes on counting; co_agents their share of a side (none, half, full). mls_mart_sync() fills it';

CREATE FUNCTION mls.mart_make(mart bigint) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    known mls.mart;
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.id = mart;
    PERFORM mls.mart_tables(known);
    RETURN '{}';
END $$;
COMMENT ON FUNCTION mls.mart_make(bigint) IS 'part of mls_mart_create(): the same as the owner of the mart';

CREATE FUNCTION mls.lock_mart(mart bigint) RETURNS void
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_lock_mart_sql';
COMMENT ON FUNCTION mls.lock_mart(bigint) IS 'part of mls_mart_drop(): waits until no run of a mart is at work, and holds off others until the transaction ends';

CREATE FUNCTION mls_mart_drop(name text, drop_tables boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    owner regrole := (SELECT m.owner FROM mls.mart m WHERE m.name = mls_mart_drop.name);
    own jsonb;
    relation text;
BEGIN
    PERFORM mls.refuse_standby('mls_mart_drop()', 'drop a mart');
    -- A run writes both the tables and, at its end, the row of the mart.
    PERFORM mls.lock_mart(m.id) FROM mls.mart m WHERE m.name = mls_mart_drop.name AND pg_has_role(m.owner, 'USAGE');
    own := (SELECT jsonb_agg(jsonb_build_object('relation', o.relation, 'grain', o.definition, 'place', 1000 + o.id)) FROM mls.mart_own o JOIN mls.mart m ON m.id = o.mart WHERE m.name = mls_mart_drop.name AND o.name = '');
    PERFORM mls.note_mart(name, NULL);
    IF drop_tables THEN
        FOR relation IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                          JOIN (SELECT r.relation, r.grain, r.place FROM mls.mart_relation r UNION ALL SELECT o.* FROM jsonb_to_recordset(own) o (relation text, grain text, place integer)) r ON r.relation = c.relname
                         WHERE n.nspname = name AND c.relkind = 'r' AND c.relowner = owner AND obj_description(c.oid, 'pg_class') = r.grain ORDER BY r.place DESC
        LOOP
            PERFORM a FROM mls.as_role(owner, format('DROP TABLE %s', relation)) a;
        END LOOP;
    END IF;
END $$;
COMMENT ON FUNCTION mls_mart_drop(text, boolean) IS 'forget a mart, and drop its tables, which are known by their comments, when no run of it is at work; the schema stays';

CREATE FUNCTION mls.mart_expression(expression text, gold regclass) RETURNS regtype
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_mart_expression_sql';
COMMENT ON FUNCTION mls.mart_expression(text, regclass) IS 'part of mls_mart_column(): the type of an expression over a row r of gold; an error unless it is one expression, that gives the same at each call';

CREATE FUNCTION mls.mart_one_query(query text) RETURNS void
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_mart_query_sql';
COMMENT ON FUNCTION mls.mart_one_query(text) IS 'part of mls_mart_table(): an error unless a text is one query, that only reads';

CREATE FUNCTION mls.note_mart_own(caller regrole, mart text, relation text, name text, settings jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.mart;
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.name = note_mart_own.mart FOR UPDATE;
    IF known.id IS NULL OR NOT pg_has_role(caller, known.owner, 'USAGE') THEN
        PERFORM mls.refuse('42704', format('there is no mart "%s" of yours', mart), 'mls_marts lists them.');
    END IF;
    IF settings IS NULL THEN
        DELETE FROM mls.mart_own o WHERE o.mart = known.id AND o.relation = note_mart_own.relation AND o.name = note_mart_own.name;
        IF NOT FOUND THEN
            PERFORM mls.refuse('42704', format('nothing of that name was added to mart "%s"', mart), 'mls.mart_own lists what was.');
        END IF;
        RETURN known.id;
    END IF;
    INSERT INTO mls.mart_own (mart, relation, name, type, expression, key, definition)
    SELECT known.id, note_mart_own.relation, note_mart_own.name, s.type, s.expression, s.key, s.definition FROM jsonb_to_record(settings) s (type text, expression text, key text[], definition text);
    RETURN known.id;
END $$;
COMMENT ON FUNCTION mls.note_mart_own(regrole, text, text, text, jsonb) IS 'adds a column or table to a mart of a caller, or forgets it';
CREATE FUNCTION mls.note_mart_own(mart text, relation text, name text, settings jsonb) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_mart_own(text, text, text, jsonb) IS 'part of mls_mart_column(), mls_mart_table() and mls_mart_remove(): the same for who calls it';

-- The mart of a name that a caller may change, when no run of it is at work.
CREATE FUNCTION mls.mart_to_change(name text) RETURNS mls.mart
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    known mls.mart;
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.name = mart_to_change.name AND pg_has_role(m.owner, 'USAGE');
    IF known.id IS NULL THEN
        PERFORM mls.refuse('42704', format('there is no mart "%s" of yours', name), 'mls_marts lists them.');
    END IF;
    PERFORM mls.lock_mart(known.id);
    RETURN known;
END $$;
COMMENT ON FUNCTION mls.mart_to_change(text) IS 'part of mls_mart_column(), mls_mart_table() and mls_mart_remove(): a mart of a caller, once no run of it is at work';

CREATE FUNCTION mls_mart_column(mart text, relation text, name text, expression text, definition text, type text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    known mls.mart;
    gold regclass := mls.gold_table(CASE relation WHEN 'fct_listing' THEN 'Property' WHEN 'dim_member' THEN 'Member' WHEN 'dim_office' THEN 'Office' END);
    made text;
BEGIN
    PERFORM mls.refuse_standby('mls_mart_column()', 'add a column');
    known := mls.mart_to_change(mart);
    IF relation IS NULL OR relation <> ALL ('{fct_listing,dim_member,dim_office}') THEN
        PERFORM mls.refuse('22023', format('"%s" takes no columns', relation), 'fct_listing, dim_member and dim_office do; mls_mart_table() adds a table.');
    ELSIF name IS NULL OR name !~ '^[a-z][a-z0-9_]{0,58}$' THEN
        PERFORM mls.refuse('42602', format('"%s" is no name of a column', name), 'Small letters, digits and _.');
    ELSIF EXISTS (SELECT FROM mls.mart_columns(known, mls_mart_column.relation) c WHERE c.name = mls_mart_column.name) THEN
        PERFORM mls.refuse('42701', format('%s has a column "%s" already', relation, name), 'mls_mart_remove() takes away what was added.');
    ELSIF definition IS NULL OR btrim(definition) = '' THEN
        PERFORM mls.refuse('22023', 'a column says what it means', 'It becomes the comment of the column.');
    ELSIF gold IS NULL THEN
        PERFORM mls.refuse('42P01', format('there is no gold table for %s', relation));
    END IF;
    made := (mls.as_role(known.owner, 'SELECT to_jsonb(mls.mart_expression($1, $2::oid::regclass)::text)', expression, gold::oid::text)) #>> '{}';
    IF type IS NOT NULL THEN
        made := type::regtype::text;
        PERFORM a FROM mls.as_role(known.owner, format('SELECT to_jsonb(count(*)) FROM (SELECT (%s)::%s FROM %s r LIMIT 0) r', expression || E'\n', made, gold)) a;
    END IF;
    PERFORM mls.note_mart_own(mart, relation, name, jsonb_build_object('type', made, 'expression', expression, 'definition', definition));
    PERFORM a FROM mls.as_role(known.owner, format('SELECT mls.mart_make(%s)', known.id)) a;
END $$;
COMMENT ON FUNCTION mls_mart_column(text, text, text, text, text, text) IS 'add a column to fct_listing, dim_member or dim_office of a mart: an expression over r, the row of gold, with what it means; the next run fills it';

CREATE FUNCTION mls_mart_table(mart text, name text, query text, key text[], definition text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    known mls.mart;
BEGIN
    PERFORM mls.refuse_standby('mls_mart_table()', 'add a table');
    known := mls.mart_to_change(mart);
    IF name IS NULL OR name !~ '^[a-z][a-z0-9_]{0,52}$' OR name ~ '^mls_' THEN
        PERFORM mls.refuse('42602', format('"%s" is no name of a table', name), 'Small letters, digits and _, 53 at most, and not mls_.');
    ELSIF to_regclass(format('%I.%I', mart, name)) IS NOT NULL OR EXISTS (SELECT FROM mls.mart_relation r WHERE r.relation = name) THEN
        PERFORM mls.refuse('42P07', format('relation %I.%I exists', mart, name), 'mls_mart_remove() takes away what was added.');
    ELSIF coalesce(cardinality(key), 0) = 0 OR array_position(key, NULL) IS NOT NULL THEN
        PERFORM mls.refuse('22023', 'a table has a key', 'Name the columns by which its rows are one.');
    ELSIF definition IS NULL OR btrim(definition) = '' THEN
        PERFORM mls.refuse('22023', 'a table says what its rows are', 'It becomes the comment of the table.');
    ELSIF query IS NULL THEN
        PERFORM mls.refuse('22023', 'a table of a mart is made of one query');
    END IF;
    PERFORM mls.mart_one_query(query);
    -- Who may not read what it reads is told now.
    PERFORM a FROM mls.as_role(known.owner, format('SELECT to_jsonb(count(*)) FROM (SELECT FROM (%s) q LIMIT 0) q', query || E'\n')) a;
    PERFORM mls.note_mart_own(mart, name, '', jsonb_build_object('expression', query, 'key', key, 'definition', definition));
    PERFORM a FROM mls.as_role(known.owner, format('SELECT mls.mart_make(%s)', known.id)) a;
END $$;
COMMENT ON FUNCTION mls_mart_table(text, text, text, text[], text) IS 'add a table to a mart, a fact or an aggregate: a query, the key of its rows, and what they are; each run that changes something fills it, and of one whose key begins with listing_key only listings that have changed';

CREATE FUNCTION mls_mart_remove(mart text, relation text, name text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    known mls.mart;
BEGIN
    PERFORM mls.refuse_standby('mls_mart_remove()', 'remove what was added');
    known := mls.mart_to_change(mart);
    PERFORM mls.note_mart_own(mart, relation, coalesce(name, ''), NULL);
    PERFORM a FROM mls.as_role(known.owner, CASE WHEN name IS NULL THEN format('DROP TABLE IF EXISTS %I.%I', mart, relation) ELSE format('ALTER TABLE IF EXISTS %I.%I DROP COLUMN IF EXISTS %I', mart, relation, name) END) a;
END $$;
COMMENT ON FUNCTION mls_mart_remove(text, text, text) IS 'take away a column or, without a name, a table that was added to a mart';

CREATE FUNCTION mls.note_mart_held(caller regrole, name text, reason text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE mls.mart m SET held = reason WHERE m.name = note_mart_held.name AND pg_has_role(caller, m.owner, 'USAGE');
    IF NOT FOUND THEN
        PERFORM mls.refuse('42704', format('there is no mart "%s" of yours', name), 'mls_marts lists them.');
    END IF;
END $$;
COMMENT ON FUNCTION mls.note_mart_held(regrole, text, text) IS 'holds a mart of a caller, or lets go of it';
CREATE FUNCTION mls.note_mart_held(name text, reason text) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_mart_held(text, text) IS 'part of mls_mart_hold(): the same for who calls it';

CREATE FUNCTION mls_mart_hold(name text, reason text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_mart_hold()', 'hold a mart');
    PERFORM mls.note_mart_held(name, nullif(btrim(reason), ''));
END $$;
COMMENT ON FUNCTION mls_mart_hold(text, text) IS 'have runs of a mart leave it as it is, for a reason that is shown; NULL lets go of it';

CREATE FUNCTION mls_mart_sync(
    name text DEFAULT NULL, rebuild boolean DEFAULT false,
    OUT owner text, OUT mart text, OUT status text, OUT listings bigint, OUT groups bigint, OUT figures bigint,
    OUT duration interval, OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_mart_sync(text, boolean)
    IS 'fill marts, all or the one named, in background workers: listings looked at, groups computed anew, rows of aggregates that changed; rebuild computes all of it';

REVOKE ALL ON FUNCTION mls.mart_status(text), mls.mart_field(regclass, text, text), mls.mart_listings(mls.mart, boolean), mls.mart_history(boolean), mls.mart_history_hash(boolean), mls.mart_facts(mls.mart, boolean, text), mls.mart_active(text), mls.mart_records(mls.mart, text, boolean), mls.mart_fill_by(mls.mart, text, text[]), mls.mart_beside(mls.mart, text),
    mls.mart_groups(mls.mart, text, boolean), mls.mart_single(mls.mart), mls.mart_closed(text, text), mls.mart_cells(mls.mart, boolean, integer), mls.mart_sums(mls.mart), mls.mart_measure(mls.mart, text, boolean), mls.mart_measures(text), mls.mart_market(mls.mart, boolean),
    mls.mart_sides(mls.mart, text, boolean), mls.mart_day_cells(mls.mart, boolean, integer, boolean), mls.mart_days(mls.mart), mls.mart_source_cells(mls.mart, boolean, integer), mls.mart_text(mls.mart, text), mls.mart_add(mls.mart, text), mls.mart_workspace(mls.mart), mls.mart_note(mls.mart, text[], integer),
    mls.mart_touch(mls.mart), mls.mart_replace(mls.mart, text, text[]), mls.mart_fill_market(mls.mart, boolean), mls.mart_fill_days(mls.mart, boolean), mls.mart_record_definition(bigint, text, text), mls.mart_fill_records(bigint, text, text, text[]), mls.mart_notes(regclass), mls.mart_analyze(mls.mart, text, text), mls.mart_query(mls.mart, text, boolean), mls.mart_indexes(mls.mart), mls.mart_look(mls.mart, text[]), mls.mart_clear(bigint), mls.mart_test_rows(text, mls.data_test), mls.mart_tables(mls.mart),
    mls.mart_owner_only(mls.mart), mls.mart_execute(mls.mart, text, text[]), mls.mart_dimensions(mls.mart, text[]), mls.mart_merge(mls.mart, text, text[], boolean), mls.mart_compute(mls.mart, text, text[], boolean), mls.mart_coverage(mls.mart),
    mls.mart_relistings(mls.mart, text[]), mls.mart_fill(bigint, date, text[]), mls.mart_policies(text[]), mls.mart_definition(mls.mart), mls.mart_plan(bigint, bigint), mls.mart_retold(bigint), mls.mart_make(bigint),
    mls.note_mart(regrole, text, jsonb), mls.note_mart(text, jsonb),
    mls_mart_create(text, text, text, text[], jsonb, integer, numeric, numeric, numeric, integer, text), mls.lock_mart(bigint), mls_mart_drop(text, boolean),
    mls.note_mart_held(regrole, text, text), mls.note_mart_held(text, text), mls_mart_hold(text, text), mls.mart_columns(mls.mart, text), mls.mart_fill_own(bigint, date, text[]), mls.mart_expression(text, regclass), mls.mart_one_query(text), mls.mart_to_change(text),
    mls.note_mart_own(regrole, text, text, text, jsonb), mls.note_mart_own(text, text, text, jsonb), mls_mart_column(text, text, text, text, text, text), mls_mart_table(text, text, text, text[], text), mls_mart_remove(text, text, text), mls_mart_sync(text, boolean) FROM PUBLIC;
