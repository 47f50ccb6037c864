-- Marts: market statistics from gold, as ordinary tables in a schema of the user's.
--
-- What a table is of and what each of its columns means stands in mart.tsv, and becomes its
-- comments.  Tables are filled beside (mls_new_...) and then compared with the live ones: what is
-- equal stays as it is, so nobody is locked out and computed_at says when a figure changed.  The
-- same statements fill all of a table, or only the groups in which something has changed.

CREATE TABLE mls.mart_relation (
    relation       text PRIMARY KEY,
    place          integer NOT NULL,
    grain          text NOT NULL,
    constraint_sql text
);
COMMENT ON TABLE mls.mart_relation IS 'tables of a mart';
COMMENT ON COLUMN mls.mart_relation.relation IS 'its name';
COMMENT ON COLUMN mls.mart_relation.place IS 'in this order they are made';
COMMENT ON COLUMN mls.mart_relation.grain IS 'what a row is';
COMMENT ON COLUMN mls.mart_relation.constraint_sql IS 'a constraint besides its key';

CREATE TABLE mls.mart_column (
    relation   text NOT NULL REFERENCES mls.mart_relation,
    place      integer NOT NULL,
    name       text NOT NULL,
    type       text NOT NULL,
    part       text NOT NULL CHECK (part IN ('key', 'required', 'value', 'computed_at')),
    definition text NOT NULL,
    PRIMARY KEY (relation, name)
);
COMMENT ON TABLE mls.mart_column IS 'columns of the tables of a mart, with their definitions';
COMMENT ON COLUMN mls.mart_column.relation IS 'the table';
COMMENT ON COLUMN mls.mart_column.place IS 'its place there';
COMMENT ON COLUMN mls.mart_column.name IS 'its name';
COMMENT ON COLUMN mls.mart_column.type IS 'its type';
COMMENT ON COLUMN mls.mart_column.part IS 'key; required (never NULL); value; computed_at (no figure)';
COMMENT ON COLUMN mls.mart_column.definition IS 'what it says, by which fields';

CREATE TABLE mls.mart (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9_]{0,52}$'),
    owner        regrole NOT NULL,
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    timezone     text NOT NULL,
    levels       text[] NOT NULL CHECK (cardinality(levels) > 0 AND levels <@ '{all,country,state,county,city,postal,area}'),
    coverage     jsonb NOT NULL CHECK (jsonb_typeof(coverage) = 'object'),
    thin         integer NOT NULL CHECK (thin >= 0),
    min_price    numeric NOT NULL CHECK (min_price >= 0),
    ratio_low    numeric NOT NULL,
    ratio_high   numeric NOT NULL CHECK (ratio_high > ratio_low),
    relist_days  integer NOT NULL CHECK (relist_days >= 0),
    co_agents    text NOT NULL CHECK (co_agents IN ('none', 'half', 'full')),
    position     bigint,
    as_of        date,
    definition   text,
    listings     bigint,
    built_at     timestamptz,
    refreshed_at timestamptz,
    failures     integer NOT NULL DEFAULT 0,
    problem      text
);
COMMENT ON TABLE mls.mart IS 'marts: their settings, and how far they are; mls_mart_create() adds one';
COMMENT ON COLUMN mls.mart.id IS 'number of the mart';
COMMENT ON COLUMN mls.mart.name IS 'its name, which is that of its schema';
COMMENT ON COLUMN mls.mart.owner IS 'role that made it; it is filled in its rights';
COMMENT ON COLUMN mls.mart.currency IS 'currency of listings that do not say it (X_Currency)';
COMMENT ON COLUMN mls.mart.timezone IS 'zone of sources whose server has no option timezone';
COMMENT ON COLUMN mls.mart.levels IS 'levels of places that agg_market_month has';
COMMENT ON COLUMN mls.mart.coverage IS '{source: first day of the first month that it has wholly}; of others it is found out';
COMMENT ON COLUMN mls.mart.thin IS 'with fewer closed sales a group is thin';
COMMENT ON COLUMN mls.mart.min_price IS 'prices of sales below are not counted';
COMMENT ON COLUMN mls.mart.ratio_low IS 'ratios of prices below are not counted, percent';
COMMENT ON COLUMN mls.mart.ratio_high IS 'nor are those above, percent';
COMMENT ON COLUMN mls.mart.relist_days IS 'a property that is listed again within so many days goes on counting its days on market';
COMMENT ON COLUMN mls.mart.co_agents IS 'what a co-agent has of a side: none, half (and the agent the other half) or full';
COMMENT ON COLUMN mls.mart.position IS 'number of the event up to which it is complete; NULL before the first run';
COMMENT ON COLUMN mls.mart.as_of IS 'the day that it was filled for';
COMMENT ON COLUMN mls.mart.definition IS 'hash of its settings and of the columns and policies of gold that it read: when it changes all is computed anew';
COMMENT ON COLUMN mls.mart.listings IS 'rows of fct_listing';
COMMENT ON COLUMN mls.mart.built_at IS 'when all of it was computed last';
COMMENT ON COLUMN mls.mart.refreshed_at IS 'when a run ended well last';
COMMENT ON COLUMN mls.mart.failures IS 'runs that failed since';
COMMENT ON COLUMN mls.mart.problem IS 'why the last run failed; NULL if it did not';
ALTER TABLE mls.mart ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.mart FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY monitor ON mls.mart FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
GRANT SELECT ON mls.mart TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.mart', '');
SELECT pg_catalog.pg_extension_config_dump('mls.mart_id_seq', '');

CREATE VIEW mls_marts WITH (security_invoker = true) AS
SELECT m.name,
       CASE WHEN m.failures > 0 THEN 'failed' WHEN m.position IS NULL THEN 'new' ELSE 'filled' END AS state,
       m.listings, m.position, m.as_of, m.built_at, m.refreshed_at, m.failures, m.problem, m.owner
  FROM mls.mart m;
COMMENT ON VIEW mls_marts IS 'marts, and how they are doing';
COMMENT ON COLUMN mls_marts.name IS 'name of the mart and of its schema';
COMMENT ON COLUMN mls_marts.state IS 'new (no run yet), filled, or failed (the figures are those of the last run that did not)';
COMMENT ON COLUMN mls_marts.listings IS 'listings that count';
COMMENT ON COLUMN mls_marts.position IS 'number of the event up to which it is complete';
COMMENT ON COLUMN mls_marts.as_of IS 'the day that it was filled for';
COMMENT ON COLUMN mls_marts.built_at IS 'when all of it was computed last';
COMMENT ON COLUMN mls_marts.refreshed_at IS 'when a run ended well last';
COMMENT ON COLUMN mls_marts.failures IS 'runs that failed since';
COMMENT ON COLUMN mls_marts.problem IS 'why the last one failed';
COMMENT ON COLUMN mls_marts.owner IS 'role that made it';
GRANT SELECT ON mls_marts TO pg_monitor;

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
    SELECT string_agg(format(CASE WHEN f.name IN ('property_type', 'property_sub_type') THEN 'nullif(btrim(%s), '''')' ELSE '%s' END || ' AS %s', mls.mart_field(gold, f.field, f.type), f.name), ', ') INTO fields
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
    RETURN format($q$
SELECT r.*, s.source_id, s.timezone, k.*, d.*, e.*
  FROM (SELECT %s FROM %s p%s) r
  JOIN %I.dim_source s ON s.name = r.source
 CROSS JOIN LATERAL (SELECT %s AS status,
       CASE WHEN r.property_type IS NULL THEN 'unknown' WHEN r.property_type ~* 'lease$' THEN 'lease' ELSE 'sale' END AS transaction,
       CASE WHEN upper(btrim(r.own_currency)) ~ '^[A-Z]{3}$' THEN upper(btrim(r.own_currency)) ELSE %L END AS currency,
       nullif(lower(regexp_replace(btrim(r.country_name), '\s+', ' ', 'g')), '') AS country, nullif(lower(regexp_replace(btrim(r.state_name), '\s+', ' ', 'g')), '') AS state,
       nullif(lower(regexp_replace(btrim(r.county_name), '\s+', ' ', 'g')), '') AS county, nullif(lower(regexp_replace(btrim(r.city_name), '\s+', ' ', 'g')), '') AS city,
       nullif(lower(regexp_replace(regexp_replace(btrim(r.postal_name), '\s+', ' ', 'g'), '^(\d{5})-?\d{4}$', '\1')), '') AS postal,
       nullif(lower(regexp_replace(btrim(r.area_name), '\s+', ' ', 'g')), '') AS area) k
 CROSS JOIN LATERAL (SELECT CASE WHEN k.transaction <> 'lease' THEN 1::numeric
            ELSE CASE lower(translate(coalesce(r.frequency, 'monthly'), ' -_', '')) WHEN 'monthly' THEN 1 WHEN 'weekly' THEN 52 / 12.0 WHEN 'biweekly' THEN 26 / 12.0
                      WHEN 'semimonthly' THEN 2 WHEN 'bimonthly' THEN 1 / 2.0 WHEN 'quarterly' THEN 1 / 3.0 WHEN 'semiannually' THEN 1 / 6.0 WHEN 'annually' THEN 1 / 12.0 END END AS times,
       least(%s) AS next_date, %s) d
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
                  'FROM %s h WHERE h."ResourceName" = ''Property'' AND h."FieldName" IN (''StandardStatus'', ''ListPrice'') AND h."PreviousValue" IS NOT NULL AND h."NewValue" IS NOT NULL '
                  '%s', history, CASE WHEN part THEN 'AND h."ResourceRecordKey" = ANY ($1::text[])' ELSE '' END);
END $f$;
COMMENT ON FUNCTION mls.mart_history(boolean) IS 'part of mls_mart_sync(): a query for changes of status and price of listings, all or in part';

-- It has no events of its own, and comes before or after its listing.
CREATE FUNCTION mls.mart_history_hash(part boolean) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT format('SELECT h.listing_key, bit_xor(hashtextextended(concat_ws(E''\n'', h.key, h.field, h.old, h.new, extract(epoch FROM h.at)), 0)) AS hash FROM (%s) h GROUP BY h.listing_key', mls.mart_history(part)) $$;
COMMENT ON FUNCTION mls.mart_history_hash(boolean) IS 'part of mls_mart_sync(): a query for a hash of the same, by listings';

-- Changes of listings in their order.  HistoryTransactional, where it is kept, says what happened
-- since; the dates of a listing say what was before, or all.  A change is of the day that its field
-- says, if that is before the day on which it was written; of the listing's spells none begins
-- before the one in front of it.
CREATE FUNCTION mls.mart_events(mart mls.mart, part boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
BEGIN
    RETURN format($q$
WITH l AS MATERIALIZED (%s),
told AS MATERIALIZED (SELECT h.listing_key, h.key, h.field, h.at, (h.at AT TIME ZONE l.timezone)::date AS date, h.old, h.new
    FROM (%s) h JOIN l ON l.listing_key = h.listing_key WHERE (h.at AT TIME ZONE l.timezone)::date BETWEEN '1950-01-01' AND @day@),
steps AS MATERIALIZED (SELECT t.*, row_number() OVER w AS n, lag(t.date) OVER w AS last_date, count(*) OVER (PARTITION BY t.listing_key) AS steps
    FROM (SELECT m.*, m.new IN ('Active Under Contract', 'Pending') AND m.old NOT IN ('Active Under Contract', 'Pending') AS is_contract
            FROM (SELECT h.listing_key, h.key, h.at, h.date, %s AS old, %s AS new FROM told h WHERE h.field = 'StandardStatus') m
           WHERE m.old IS NOT NULL AND m.new IS NOT NULL AND m.old <> m.new) t
  WINDOW w AS (PARTITION BY t.listing_key ORDER BY t.at, t.key)),
-- What is known of the time before the first of them; without any that is all.
before AS (SELECT l.*, coalesce(s.old, l.status) AS base, s.date AS upto FROM l LEFT JOIN steps s ON s.listing_key = l.listing_key AND s.n = 1),
points (listing_key, ord, at, date, status, origin) AS (
    SELECT b.listing_key, v.ord, NULL::timestamptz, v.date, v.status, 'field'
      FROM before b
     CROSS JOIN LATERAL (SELECT CASE WHEN b.upto IS NULL OR b.contract <= b.upto THEN b.contract END AS contract,
                                CASE WHEN b.upto IS NULL OR b.off <= b.upto THEN b.off ELSE b.upto END AS off,
                                CASE WHEN b.upto IS NULL OR b.closed <= b.upto THEN b.closed END AS closed) c
     -- The contract of a listing that is active again; before the first step that field is of a later one.
     CROSS JOIN LATERAL (SELECT CASE WHEN b.upto IS NULL AND c.contract >= b.first_date
                                     THEN CASE WHEN b.back >= c.contract THEN b.back WHEN b.changed >= c.contract THEN b.changed END END AS back) x
     CROSS JOIN LATERAL (VALUES
        (1, CASE WHEN b.base = 'Coming Soon' THEN coalesce(b.listed, b.entered, b.changed, b.upto) END, 'Coming Soon'),
        (2, CASE WHEN b.base <> 'Coming Soon' THEN b.first_date END, 'Active'),
        -- An offer with conditions first, then without.
        (3, CASE WHEN b.base IN ('Pending', 'Closed') AND b.contingent < b.pending AND b.contingent = c.contract THEN c.contract END, 'Active Under Contract'),
        (4, CASE WHEN b.base IN ('Pending', 'Closed', 'Hold', 'Withdrawn', 'Canceled', 'Expired')
                 THEN CASE WHEN b.base IN ('Pending', 'Closed') AND b.contingent < b.pending AND b.contingent = c.contract THEN b.pending
                           WHEN b.base = 'Pending' THEN coalesce(c.contract, b.changed, b.first_date)
                           WHEN b.base = 'Closed' OR c.contract >= b.first_date AND c.contract <= c.off THEN c.contract END
                 WHEN b.base = 'Active' AND x.back IS NOT NULL THEN c.contract END, 'Pending'),
        (4, CASE WHEN b.base = 'Active Under Contract' THEN coalesce(c.contract, b.changed, b.first_date) END, 'Active Under Contract'),
        (5, CASE WHEN b.base = 'Active' THEN x.back END, 'Active'),
        (6, CASE WHEN b.base = 'Closed' THEN coalesce(c.closed, c.off, c.contract, b.first_date) END, 'Closed'),
        -- Withdrawn first, canceled or expired later.
        (7, CASE WHEN b.base IN ('Canceled', 'Expired') AND b.withdrawn < c.off AND b.withdrawn >= b.first_date THEN b.withdrawn END, 'Withdrawn'),
        (8, CASE WHEN b.base IN ('Hold', 'Withdrawn', 'Canceled', 'Expired') THEN coalesce(c.off, c.contract, b.first_date) END, b.base)) v (ord, date, status)
     WHERE v.date IS NOT NULL
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
ordered AS (SELECT p.*, max(p.date) OVER w AS day, lag(p.status) OVER w AS old FROM points p WINDOW w AS (PARTITION BY p.listing_key ORDER BY p.ord)),
prices AS (
    SELECT t.listing_key, t.at, t.date, t.old::numeric * l.times AS old, t.new::numeric * l.times AS new, 'history' AS origin
      FROM told t JOIN l USING (listing_key)
     WHERE t.field = 'ListPrice' AND t.old ~ '^\d{1,15}(\.\d{1,10})?$' AND t.new ~ '^\d{1,15}(\.\d{1,10})?$'
    UNION ALL
    SELECT l.listing_key, l.price_t, l.price_changed, coalesce(l.previous_list_price, l.original_list_price) * l.times, l.list_price * l.times, 'field'
      FROM l WHERE l.price_changed IS NOT NULL AND NOT EXISTS (SELECT FROM told t WHERE t.listing_key = l.listing_key AND t.field = 'ListPrice')),
changes AS (
    SELECT o.listing_key, o.day, 1 AS sort, o.ord, o.at, o.date,
           CASE WHEN o.old IS NULL THEN 'new' WHEN o.status = 'Active' AND o.old <> 'Coming Soon' THEN 'back_on_market'
                WHEN o.status IN ('Hold', 'Withdrawn', 'Canceled', 'Expired') THEN 'off' ELSE 'status' END AS kind,
           o.old AS old_status, o.status AS new_status, NULL::numeric AS old_price, NULL::numeric AS new_price, o.origin
      FROM ordered o WHERE o.status IS DISTINCT FROM o.old
    UNION ALL
    SELECT p.listing_key, p.date, 2, 0, p.at, p.date, 'price', NULL, NULL, p.old, p.new, p.origin
      FROM prices p WHERE p.old > 0 AND p.new > 0 AND p.old <> p.new)
SELECT c.listing_key, row_number() OVER (PARTITION BY c.listing_key ORDER BY c.day, c.sort, c.ord, c.at)::integer, c.at, c.date, c.kind, c.old_status, c.new_status, c.old_price, c.new_price, c.origin
  FROM changes c
$q$, mls.mart_listings(mart, part), mls.mart_history(part), mls.mart_status('h.old'), mls.mart_status('h.new'));
END $f$;
COMMENT ON FUNCTION mls.mart_events(mls.mart, boolean) IS 'part of mls_mart_sync(): a query for fct_listing_event';

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
          FROM (SELECT s.*, lag(s.status) OVER (PARTITION BY s.listing_key ORDER BY s.seq) AS old FROM %1$s s) s GROUP BY s.listing_key) n USING (listing_key)
 WHERE s.status = 'Active' AND n.day IS NOT NULL
$q$, spells)
$f$;
COMMENT ON FUNCTION mls.mart_active(text) IS 'part of mls_mart_sync(): a query for the days on which listings of some spells were for sale, [from_date, to_date)';

-- What a table of facts is filled with, from those filled before it.
CREATE FUNCTION mls.mart_facts(mart mls.mart, relation text, part boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    gold regclass;
BEGIN
    CASE relation
    WHEN 'fct_listing_event' THEN
        RETURN mls.mart_events(mart, part);
    WHEN 'fct_spell' THEN
        RETURN format($q$
SELECT s.listing_key, row_number() OVER (PARTITION BY s.listing_key ORDER BY s.seq)::integer, s.status, s.day, lead(s.day) OVER (PARTITION BY s.listing_key ORDER BY s.seq)
  FROM (SELECT e.listing_key, e.seq, e.new_status AS status, max(e.date) OVER (PARTITION BY e.listing_key ORDER BY e.seq) AS day
          FROM %I.mls_new_fct_listing_event e WHERE e.new_status IS NOT NULL) s
$q$, mart.name);
    WHEN 'fct_listing' THEN
        RETURN format($q$
WITH l AS MATERIALIZED (%1$s),
contracts AS (SELECT e.listing_key, (array_agg(e.date ORDER BY e.seq DESC))[1] AS date
    FROM (SELECT e.*, e.new_status IN ('Active Under Contract', 'Pending') AND coalesce(e.old_status, '') NOT IN ('Active Under Contract', 'Pending') AS is_contract
            FROM %2$I.mls_new_fct_listing_event e) e WHERE e.is_contract GROUP BY e.listing_key),
reported AS (SELECT e.listing_key, max(e.at) AS at FROM %2$I.mls_new_fct_listing_event e WHERE e.new_status = 'Closed' AND e.origin = 'history' GROUP BY e.listing_key),
days AS (SELECT s.listing_key, sum(s.to_date - s.from_date)::integer AS dom FROM (%4$s) s GROUP BY s.listing_key)
SELECT l.listing_key, l.source_id, t.type_id, l.transaction, l.structure_type, l.currency, l.status,
       coalesce(p1.location_id, 0), coalesce(p2.location_id, 0), coalesce(p3.location_id, 0), coalesce(p4.location_id, 0), coalesce(p5.location_id, 0), coalesce(p6.location_id, 0),
       a.property_key, CASE WHEN l.status <> 'Coming Soon' THEN l.first_date END, c.date, CASE WHEN l.status = 'Closed' THEN l.closed END,
       CASE WHEN l.status = 'Closed' THEN coalesce((r.at AT TIME ZONE l.timezone)::date, l.changed) END,
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
            WHEN upper(btrim(l.own_currency)) <> '' AND upper(btrim(l.own_currency)) <> l.currency THEN 'its X_Currency is no code of three letters: that of the mart is taken' END, h.hash, NULL
  FROM l
 CROSS JOIN LATERAL (SELECT l.transaction || ':' || CASE
           WHEN length(regexp_replace(l.parcel, '[^[:alnum:]]', '', 'g')) >= 5 AND l.parcel !~ '^[^1-9[:alpha:]]*$'
                THEN concat_ws('/', 'parcel', l.country, l.state, l.county, lower(regexp_replace(l.parcel, '[^[:alnum:]]', '', 'g')), lower(regexp_replace(l.unit, '[^[:alnum:]]', '', 'g')))
           WHEN l.address ~ '[0-9]' OR l.street_number ~ '[0-9]' AND l.street IS NOT NULL
                THEN concat_ws('/', 'address', l.country, l.state, l.city, l.postal,
                               lower(regexp_replace(coalesce(CASE WHEN l.street_number ~ '[0-9]' THEN l.street_number || ' ' || l.street END, l.address), '[^[:alnum:]]+', ' ', 'g')), lower(regexp_replace(l.unit, '[^[:alnum:]]', '', 'g'))) END AS property_key) a
  JOIN %2$I.dim_property_type t ON concat(t.transaction, E'\n', t.property_type, E'\n', t.property_sub_type) = concat(l.transaction, E'\n', l.property_type, E'\n', l.property_sub_type)
       AND t.level = CASE WHEN l.property_type IS NULL THEN 'all' WHEN l.property_sub_type IS NULL THEN 'type' ELSE 'subtype' END
  LEFT JOIN %2$I.dim_location p1 ON p1.level = 'country' AND p1.country = l.country
  LEFT JOIN %2$I.dim_location p2 ON p2.level = 'state' AND concat(p2.country, E'\n', p2.state) = concat(l.country, E'\n', l.state)
  LEFT JOIN %2$I.dim_location p3 ON p3.level = 'county' AND concat(p3.country, E'\n', p3.state, E'\n', p3.county) = concat(l.country, E'\n', l.state, E'\n', l.county)
  LEFT JOIN %2$I.dim_location p4 ON p4.level = 'city' AND concat(p4.country, E'\n', p4.state, E'\n', p4.city) = concat(l.country, E'\n', l.state, E'\n', l.city)
  LEFT JOIN %2$I.dim_location p5 ON p5.level = 'postal' AND concat(p5.country, E'\n', p5.postal_code) = concat(l.country, E'\n', l.postal)
  LEFT JOIN %2$I.dim_location p6 ON p6.level = 'area' AND concat(p6.area, E'\n', p6.area_source) = concat(l.area, E'\n', l.source)
  LEFT JOIN contracts c ON c.listing_key = l.listing_key
  LEFT JOIN reported r ON r.listing_key = l.listing_key
  LEFT JOIN days d ON d.listing_key = l.listing_key
  LEFT JOIN (%3$s) h ON h.listing_key = l.listing_key
$q$, mls.mart_listings(mart, part), mart.name, mls.mart_history_hash(part), mls.mart_active(format('%I.mls_new_fct_spell', mart.name)));
    WHEN 'fct_showing' THEN
        gold := mls.gold_table('ShowingAppointment');
        RETURN format('SELECT p."ShowingAppointmentKey", %s, coalesce(%s, (%s AT TIME ZONE s.timezone)::date), %s, %s, s.source_id FROM %s p JOIN %I.dim_source s ON s.name = p.mls_source',
            mls.mart_field(gold, 'ListingKey', 'text'), mls.mart_field(gold, 'ShowingAppointmentDate', 'date'), mls.mart_field(gold, 'ShowingAppointmentStartTime', 'timestamptz'),
            mls.mart_field(gold, 'ShowingAppointmentStatus', 'text'), mls.mart_field(gold, 'ShowingAgentKey', 'text'), gold, mart.name);
    WHEN 'fct_open_house' THEN
        gold := mls.gold_table('OpenHouse');
        RETURN format('SELECT p."OpenHouseKey", %s, coalesce(%s, (%s AT TIME ZONE s.timezone)::date), %s, %s, s.source_id FROM %s p JOIN %I.dim_source s ON s.name = p.mls_source',
            mls.mart_field(gold, 'ListingKey', 'text'), mls.mart_field(gold, 'OpenHouseDate', 'date'), mls.mart_field(gold, 'OpenHouseStartTime', 'timestamptz'),
            mls.mart_field(gold, 'OpenHouseStatus', 'text'), mls.mart_field(gold, 'ShowingAgentKey', 'text'), gold, mart.name);
    WHEN 'dim_member' THEN
        gold := mls.gold_table('Member');
        RETURN format('SELECT p."MemberKey", %s, %s, %s, %s, p.mls_source FROM %s p', mls.mart_field(gold, 'MemberFullName', 'text'), mls.mart_field(gold, 'MemberMlsId', 'text'),
            mls.mart_field(gold, 'MemberStatus', 'text'), mls.mart_field(gold, 'OfficeKey', 'text'), gold);
    WHEN 'dim_office' THEN
        gold := mls.gold_table('Office');
        RETURN format('SELECT p."OfficeKey", %s, %s, %s, p.mls_source FROM %s p', mls.mart_field(gold, 'OfficeName', 'text'), mls.mart_field(gold, 'OfficeMlsId', 'text'),
            mls.mart_field(gold, 'OfficeStatus', 'text'), gold);
    END CASE;
END $f$;
COMMENT ON FUNCTION mls.mart_facts(mls.mart, text, boolean) IS 'part of mls_mart_sync(): a query for a table of facts, or for members and offices';

-- ---- Aggregates ----

-- The groups that a row is counted in, as SQL: its places of the levels wanted, its kinds of
-- property, its source and all, its currency.  r is the alias of the row.
CREATE FUNCTION mls.mart_groups(mart mls.mart, r text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT replace(format('JOIN %I.dim_property_type kind ON kind.type_id = @.type_id CROSS JOIN LATERAL unnest(ARRAY[%s]) place (location_id) '
              'CROSS JOIN LATERAL unnest(kind.type_ids) sort (type_id) CROSS JOIN LATERAL (VALUES (0), (@.source_id)) origin (source_id)',
              mart.name, (SELECT string_agg(CASE l WHEN 'all' THEN '1' ELSE '@.' || l || '_id' END, ', ') FROM unnest(mart.levels) l)), '@', r)
$$;
COMMENT ON FUNCTION mls.mart_groups(mls.mart, text) IS 'part of mls_mart_sync(): joins that lead from a listing to the groups in which it counts, in SQL';

-- One row a listing's change that counts, then sums: changes of the number of listings on the
-- market are +1 and -1 on their days, and the number is what has come so far.  In part: only the groups of mls_new_dirty are wanted.
CREATE FUNCTION mls.mart_market(mart mls.mart, part boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $f$
DECLARE
    wanted CONSTANT text := 'place.location_id > 0'
        || CASE WHEN part THEN format(' AND (place.location_id, sort.type_id, origin.source_id, f.currency) IN (SELECT d.location_id, d.type_id, d.source_id, d.currency FROM %I.mls_new_dirty d)', mart.name) ELSE '' END;
BEGIN
    RETURN replace(replace(replace(replace($q$
WITH closed AS NOT MATERIALIZED (
    SELECT f.*, date_trunc('month', f.close_date)::date AS month,
           CASE WHEN f.transaction = 'lease' THEN f.close_price > 0 ELSE f.close_price > 0 AND f.close_price >= @min_price@ END IS TRUE AS is_priced
      FROM @mart@.fct_listing f WHERE f.close_date IS NOT NULL),
ratios AS (
    SELECT f.*, CASE WHEN f.is_priced AND f.list_price > 0 THEN 100 * f.close_price / f.list_price END AS of_list,
           CASE WHEN f.is_priced AND f.original_list_price > 0 THEN 100 * f.close_price / f.original_list_price END AS of_original,
           CASE WHEN f.is_priced THEN f.close_price END AS price,
           CASE WHEN f.is_priced THEN f.close_price - coalesce(f.concessions_amount, 0) END AS net,
           CASE WHEN f.is_priced AND f.living_area_sqft > 0 THEN f.close_price / f.living_area_sqft END AS price_sqft
      FROM closed f),
spells AS (
    SELECT s.listing_key, s.status, s.from_date, s.to_date, date_trunc('month', s.from_date)::date AS month,
           lag(s.from_date) OVER w AS last_from, lag(s.to_date) OVER w AS last_to
      FROM @mart@.fct_spell s WHERE s.status IN ('Active', 'Active Under Contract', 'Coming Soon')
    WINDOW w AS (PARTITION BY s.listing_key, s.status ORDER BY s.seq)),
-- What happened: kind, listing, month, and how much of it.
facts (kind, listing_key, month, n) AS (
    SELECT 1, f.listing_key, date_trunc('month', f.list_date)::date, 1::numeric FROM @mart@.fct_listing f WHERE f.list_date IS NOT NULL
    UNION ALL
    SELECT DISTINCT CASE WHEN e.kind = 'price' THEN 4 WHEN e.new_status = 'Active' THEN 5 ELSE 2 END, e.listing_key, date_trunc('month', e.date)::date, 1::numeric
      FROM @mart@.fct_listing_event e
     WHERE e.kind = 'price' AND e.new_price < e.old_price
        OR e.new_status IN ('Active Under Contract', 'Pending') AND coalesce(e.old_status, '') NOT IN ('Active Under Contract', 'Pending')
        OR e.new_status = 'Active' AND e.old_status IN ('Active Under Contract', 'Pending')
    UNION ALL
    SELECT 3, f.listing_key, date_trunc('month', f.contract_date)::date, 1 FROM @mart@.fct_listing f
     WHERE f.contract_date IS NOT NULL AND f.status IN ('Active Under Contract', 'Pending', 'Closed')
    UNION ALL
    SELECT CASE f.status WHEN 'Expired' THEN 6 WHEN 'Canceled' THEN 7 ELSE 8 END, f.listing_key, date_trunc('month', f.off_date)::date, 1 FROM @mart@.fct_listing f
     WHERE f.off_date IS NOT NULL AND f.status IN ('Expired', 'Canceled', 'Withdrawn')
    UNION ALL
    SELECT v.kind, f.listing_key, f.month, v.n
      FROM ratios f CROSS JOIN LATERAL (VALUES (9, 1::numeric), (10, f.is_priced::integer), (11, f.price),
                 (12, (NOT f.is_priced AND (f.close_price IS NOT NULL OR f.problem ~ 'rent'))::integer),
                 (13, (f.of_list NOT BETWEEN @low@ AND @high@ OR f.of_original NOT BETWEEN @low@ AND @high@)::integer),
                 (14, (date_trunc('month', f.close_reported) > f.month)::integer), (19, (f.double_of IS NOT NULL)::integer)) v (kind, n)
     WHERE v.n <> 0
    UNION ALL
    SELECT CASE s.status WHEN 'Active' THEN 15 WHEN 'Coming Soon' THEN 17 ELSE 16 END, s.listing_key, s.month, 1 FROM spells s
    UNION ALL
    SELECT CASE s.status WHEN 'Active' THEN 15 WHEN 'Coming Soon' THEN 17 ELSE 16 END, s.listing_key, date_trunc('month', s.to_date)::date, -1 FROM spells s WHERE s.to_date IS NOT NULL
    UNION ALL
    -- Became Active in a month at whose beginning it was not.
    SELECT 18, s.listing_key, s.month, 1 FROM spells s
     WHERE s.status = 'Active' AND (s.last_from IS NULL OR s.last_from < s.month AND s.last_to < s.month)),
-- Sums of listings that are alike come first: they are far fewer.
cells AS (
    SELECT f.source_id, f.type_id, @ids@, f.currency, c.month, c.kind, sum(c.n) AS n
      FROM facts c JOIN @mart@.fct_listing f USING (listing_key)
     GROUP BY f.source_id, f.type_id, @ids@, f.currency, c.month, c.kind),
sums AS (
    SELECT place.location_id, sort.type_id, origin.source_id, f.currency, f.month, @sums@
      FROM cells f @groups@ WHERE @wanted@ GROUP BY 1, 2, 3, 4, 5),
prices AS (
    SELECT place.location_id, sort.type_id, origin.source_id, f.currency, f.month,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY f.price) AS price_median, avg(f.price) AS price_avg,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY f.net) AS net_median, avg(f.net) AS net_avg,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY f.price_sqft) AS sqft_median,
           avg(f.of_list) FILTER (WHERE f.of_list BETWEEN @low@ AND @high@) AS of_list,
           avg(f.of_original) FILTER (WHERE f.of_original BETWEEN @low@ AND @high@) AS of_original,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY f.dom) AS dom_median, avg(f.dom) AS dom_avg,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY f.dom_source) AS dom_source_median, avg(f.dom_source) AS dom_source_avg,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY f.cdom) AS cdom_median, percentile_cont(0.5) WITHIN GROUP (ORDER BY f.cdom_source) AS cdom_source_median
      FROM ratios f @groups@ WHERE @wanted@ GROUP BY 1, 2, 3, 4, 5),
contracts AS (
    SELECT place.location_id, sort.type_id, origin.source_id, f.currency, date_trunc('month', f.contract_date)::date AS month,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY f.dom) AS dom_median, avg(f.dom) AS dom_avg
      FROM @mart@.fct_listing f @groups@ WHERE f.contract_date IS NOT NULL AND @wanted@ GROUP BY 1, 2, 3, 4, 5),
cuts AS (
    SELECT place.location_id, sort.type_id, origin.source_id, f.currency, date_trunc('month', e.date)::date AS month,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY 100 * (e.old_price - e.new_price) / e.old_price) AS cut_median
      FROM @mart@.fct_listing_event e JOIN @mart@.fct_listing f USING (listing_key) @groups@
     WHERE e.kind = 'price' AND e.new_price < e.old_price AND @wanted@ GROUP BY 1, 2, 3, 4, 5),
ages AS (
    SELECT place.location_id, sort.type_id, origin.source_id, f.currency, m.month::date AS month,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY least((m.month + interval '1 month' - interval '1 day')::date, @day@) - f.list_date) AS age_median
      FROM @mart@.fct_spell s JOIN @mart@.fct_listing f USING (listing_key)
     CROSS JOIN LATERAL generate_series(date_trunc('month', s.from_date::timestamp), date_trunc('month', coalesce(s.to_date::timestamp - interval '1 month', @day@::timestamp)), interval '1 month') m (month) @groups@
     WHERE s.status = 'Active' AND @wanted@ GROUP BY 1, 2, 3, 4, 5),
coverage AS (
    SELECT place.location_id, sort.type_id, origin.source_id, f.currency, count(DISTINCT s.source_id)::integer AS sources, bool_and(s.has_closed) AS has_closed, bool_and(s.has_off) AS has_off,
           bool_and(s.has_contracts) AS has_contracts, bool_and(s.has_history) AS has_history, CASE WHEN bool_and(s.has_closed) THEN max(s.sales_from) END AS sales_from, max(s.market_from) AS market_from
      FROM (SELECT DISTINCT f.source_id, f.type_id, @ids@, f.currency FROM @mart@.fct_listing f) f JOIN @mart@.dim_source s ON s.source_id = f.source_id @groups@
     WHERE @wanted@ GROUP BY 1, 2, 3, 4),
spine AS (
    SELECT s.location_id, s.type_id, s.source_id, s.currency, m.month::date AS month
      FROM (SELECT s.location_id, s.type_id, s.source_id, s.currency, min(s.month) AS first FROM sums s GROUP BY 1, 2, 3, 4) s
     CROSS JOIN LATERAL generate_series(s.first::timestamp, date_trunc('month', @day@::timestamp), interval '1 month') m (month)),
months AS (
    SELECT k.*, p.location_id AS place, p.type_id AS sort, p.source_id AS origin, p.currency AS money, p.month AS of,
           v.sources, v.has_closed, v.has_off, v.has_contracts, v.has_history, v.market_from, p.month < date_trunc('month', @day@)::date AS is_complete,
           p.month >= v.sales_from IS TRUE AS knows_sales, (v.has_contracts AND p.month >= v.sales_from) IS TRUE AS knows_contracts, p.month - interval '11 months' >= v.sales_from IS TRUE AS knows_year, p.month >= v.market_from IS TRUE AS knows_market,
           sum(k.k15) OVER w AS active, sum(k.k16) OVER w AS auc, sum(k.k17) OVER w AS soon,
           sum(k.k2) OVER year AS year_pending, sum(k.k9) OVER year AS year_closed
      FROM spine p JOIN coverage v USING (location_id, type_id, source_id, currency)
      LEFT JOIN sums k USING (location_id, type_id, source_id, currency, month)
    WINDOW w AS (PARTITION BY p.location_id, p.type_id, p.source_id, p.currency ORDER BY p.month),
           year AS (PARTITION BY p.location_id, p.type_id, p.source_id, p.currency ORDER BY p.month ROWS 11 PRECEDING)),
figures AS (
    SELECT m.*, coalesce(m.active, 0) AS inventory, coalesce(lag(m.active) OVER (PARTITION BY m.place, m.sort, m.origin, m.money ORDER BY m.of), 0) AS inventory_before FROM months m)
SELECT m.of, m.place, m.sort, m.origin, m.money,
       CASE WHEN m.knows_market AND m.has_closed AND m.has_off THEN coalesce(m.k1, 0) END,
       CASE WHEN m.knows_contracts THEN coalesce(m.k2, 0) END, CASE WHEN m.knows_contracts THEN coalesce(m.k3, 0) END,
       CASE WHEN m.knows_sales THEN coalesce(m.k9, 0) END, CASE WHEN m.knows_sales THEN coalesce(m.k10, 0) END, CASE WHEN m.knows_sales THEN round(coalesce(m.k11, 0), 2) END,
       CASE WHEN m.knows_market AND m.has_off THEN coalesce(m.k6, 0) END, CASE WHEN m.knows_market AND m.has_off THEN coalesce(m.k7, 0) END, CASE WHEN m.knows_market AND m.has_off THEN coalesce(m.k8, 0) END,
       CASE WHEN m.knows_market THEN m.inventory END, CASE WHEN m.knows_market THEN m.inventory + coalesce(m.auc, 0) END, CASE WHEN m.knows_market THEN m.inventory + coalesce(m.soon, 0) END,
       CASE WHEN m.knows_market AND m.has_closed AND m.has_off THEN m.inventory_before + coalesce(m.k18, 0) END,
       CASE WHEN m.is_complete AND m.knows_market AND m.knows_year AND m.knows_contracts THEN round(m.inventory / nullif(m.year_pending / 12, 0), 2) END,
       CASE WHEN m.is_complete AND m.knows_market AND m.knows_sales THEN round(m.inventory / nullif(m.k9, 0), 2) END,
       CASE WHEN m.is_complete AND m.knows_market AND m.knows_year THEN round(m.inventory / nullif(m.year_closed / 12, 0), 2) END,
       CASE WHEN m.is_complete AND m.knows_market AND m.knows_sales THEN round(100 * coalesce(m.k9, 0) / nullif(m.inventory_before, 0), 2) END,
       round(p.price_median::numeric, 2), round(p.price_avg, 2), round(p.net_median::numeric, 2), round(p.net_avg, 2), round(p.sqft_median::numeric, 2), round(p.of_list, 2), round(p.of_original, 2),
       round(p.dom_median::numeric, 2), round(p.dom_avg, 2), round(c.dom_median::numeric, 2), round(c.dom_avg, 2), round(p.dom_source_median::numeric, 2), round(p.dom_source_avg, 2),
       round(p.cdom_median::numeric, 2), round(p.cdom_source_median::numeric, 2),
       CASE WHEN m.knows_market THEN coalesce(m.k4, 0) END, CASE WHEN m.knows_market THEN round(100 * coalesce(m.k4, 0) / nullif(m.inventory, 0), 2) END,
       CASE WHEN m.knows_market THEN round(u.cut_median::numeric, 2) END, CASE WHEN m.knows_market THEN round(a.age_median::numeric, 2) END,
       CASE WHEN m.knows_contracts THEN coalesce(m.k5, 0) END,
       CASE WHEN m.knows_sales THEN coalesce(m.k12, 0) END, CASE WHEN m.knows_sales THEN coalesce(m.k13, 0) END, CASE WHEN m.knows_sales THEN coalesce(m.k14, 0) END,
       CASE WHEN m.knows_sales THEN CASE m.origin WHEN 0 THEN coalesce(m.k19, 0) ELSE 0 END END, m.sources, m.has_closed, m.has_history, m.market_from, coalesce(m.k9, 0) < @thin@, m.is_complete, now()
  FROM figures m
  LEFT JOIN prices p ON m.knows_sales AND (p.location_id, p.type_id, p.source_id, p.currency, p.month) = (m.place, m.sort, m.origin, m.money, m.of)
  LEFT JOIN contracts c ON m.knows_contracts AND (c.location_id, c.type_id, c.source_id, c.currency, c.month) = (m.place, m.sort, m.origin, m.money, m.of)
  LEFT JOIN cuts u ON (u.location_id, u.type_id, u.source_id, u.currency, u.month) = (m.place, m.sort, m.origin, m.money, m.of)
  LEFT JOIN ages a ON (a.location_id, a.type_id, a.source_id, a.currency, a.month) = (m.place, m.sort, m.origin, m.money, m.of)
$q$, '@sums@', (SELECT string_agg(format('sum(f.n) FILTER (WHERE f.kind = %s) AS k%s', k, k), ', ') FROM generate_series(1, 19) k)),
     '@wanted@', wanted), '@groups@', mls.mart_groups(mart, 'f')), '@ids@', 'f.country_id, f.state_id, f.county_id, f.city_id, f.postal_id, f.area_id');
END $f$;
COMMENT ON FUNCTION mls.mart_market(mls.mart, boolean) IS 'part of mls_mart_sync(): a query for agg_market_month, or for some groups of it';

-- Sides of closed listings.  Of a co-agent of the same key nothing is shared.
CREATE FUNCTION mls.mart_sides(mart mls.mart, who text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT replace(replace(replace($q$
SELECT date_trunc('month', f.close_date)::date, v.key, v.role, f.transaction, f.currency, sum(v.share), round(sum(v.share * CASE WHEN f.transaction = 'lease' OR f.close_price >= @min_price@ THEN f.close_price END), 2), now()
  FROM @mart@.fct_listing f
 CROSS JOIN LATERAL (SELECT CASE WHEN f.co_list_@who@_key <> f.list_@who@_key THEN f.co_list_@who@_key END AS list, CASE WHEN f.co_buyer_@who@_key <> f.buyer_@who@_key THEN f.co_buyer_@who@_key END AS buyer) co
 CROSS JOIN LATERAL (VALUES ('list', f.list_@who@_key, CASE WHEN co.list IS NULL THEN 1.0 ELSE @main@ END), ('list', co.list, @other@),
                            ('buyer', f.buyer_@who@_key, CASE WHEN co.buyer IS NULL THEN 1.0 ELSE @main@ END), ('buyer', co.buyer, @other@)) v (role, key, share)
 WHERE f.close_date IS NOT NULL AND v.key IS NOT NULL AND v.share > 0
 GROUP BY 1, 2, 3, 4, 5
$q$, '@who@', who), '@main@', CASE mart.co_agents WHEN 'half' THEN '0.5' ELSE '1.0' END), '@other@', CASE mart.co_agents WHEN 'half' THEN '0.5' WHEN 'full' THEN '1.0' ELSE '0.0' END)
$$;
COMMENT ON FUNCTION mls.mart_sides(mls.mart, text) IS 'part of mls_mart_sync(): a query for agg_office_month or agg_member_month';

CREATE FUNCTION mls.mart_days(mart mls.mart) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT replace(replace($q$
WITH facts (kind, listing_key, date, n) AS (
    SELECT 1, f.listing_key, f.list_date, 1::numeric FROM @mart@.fct_listing f WHERE f.list_date IS NOT NULL
    UNION ALL
    SELECT DISTINCT 2, e.listing_key, e.date, 1::numeric FROM @mart@.fct_listing_event e
     WHERE e.new_status IN ('Active Under Contract', 'Pending') AND coalesce(e.old_status, '') NOT IN ('Active Under Contract', 'Pending')
    UNION ALL
    SELECT v.kind, f.listing_key, f.close_date, v.n FROM @mart@.fct_listing f
     CROSS JOIN LATERAL (VALUES (3, 1::numeric), (4, CASE WHEN f.transaction = 'lease' OR f.close_price >= @min_price@ THEN f.close_price END)) v (kind, n) WHERE f.close_date IS NOT NULL AND v.n > 0
    UNION ALL
    SELECT 5, s.listing_key, v.date, v.n FROM @mart@.fct_spell s CROSS JOIN LATERAL (VALUES (s.from_date, 1), (s.to_date, -1)) v (date, n) WHERE s.status = 'Active' AND v.date IS NOT NULL),
sums AS (
    SELECT c.date, t.type_id, s.source_id, f.currency, sum(c.n) FILTER (WHERE c.kind = 1) AS k1, sum(c.n) FILTER (WHERE c.kind = 2) AS k2, sum(c.n) FILTER (WHERE c.kind = 3) AS k3,
           sum(c.n) FILTER (WHERE c.kind = 4) AS k4, sum(c.n) FILTER (WHERE c.kind = 5) AS k5
      FROM facts c JOIN @mart@.fct_listing f USING (listing_key) JOIN @mart@.dim_property_type t ON t.level = 'all' AND t.transaction = f.transaction CROSS JOIN LATERAL (VALUES (0), (f.source_id)) s (source_id)
     GROUP BY 1, 2, 3, 4),
coverage AS (
    SELECT t.type_id, o.source_id, f.currency, bool_and(s.has_off) AS has_off, bool_and(s.has_contracts) AS has_contracts, CASE WHEN bool_and(s.has_closed) THEN max(s.sales_from) END AS sales_from, max(s.market_from) AS market_from
      FROM (SELECT DISTINCT f.source_id, f.transaction, f.currency FROM @mart@.fct_listing f) f JOIN @mart@.dim_source s USING (source_id)
      JOIN @mart@.dim_property_type t ON t.level = 'all' AND t.transaction = f.transaction CROSS JOIN LATERAL (VALUES (0), (f.source_id)) o (source_id) GROUP BY 1, 2, 3),
days AS (
    SELECT s.type_id, s.source_id, s.currency, d.date::date AS date FROM (SELECT s.type_id, s.source_id, s.currency, min(s.date) AS first FROM sums s GROUP BY 1, 2, 3) s
     CROSS JOIN LATERAL generate_series(s.first::timestamp, @day@::timestamp, interval '1 day') d (date))
SELECT d.date, d.type_id, d.source_id, d.currency, CASE WHEN d.date >= v.market_from AND v.sales_from IS NOT NULL AND v.has_off THEN coalesce(s.k1, 0) END,
       CASE WHEN v.has_contracts AND d.date >= v.sales_from THEN coalesce(s.k2, 0) END, CASE WHEN d.date >= v.sales_from THEN coalesce(s.k3, 0) END, CASE WHEN d.date >= v.sales_from THEN round(coalesce(s.k4, 0), 2) END,
       CASE WHEN d.date >= v.market_from THEN coalesce(sum(s.k5) OVER (PARTITION BY d.type_id, d.source_id, d.currency ORDER BY d.date), 0) END, now()
  FROM days d JOIN coverage v USING (type_id, source_id, currency) LEFT JOIN sums s USING (date, type_id, source_id, currency)
$q$, '@mart@', quote_ident(mart.name)), '@min_price@', mart.min_price::text)
$$;
COMMENT ON FUNCTION mls.mart_days(mls.mart) IS 'part of mls_mart_sync(): a query for agg_day';

-- What a table is filled with.
CREATE FUNCTION mls.mart_query(mart mls.mart, relation text, part boolean DEFAULT false) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT replace(replace(replace(replace(replace(replace(q, '@day@', quote_nullable(mart.as_of) || '::date'), '@mart@', quote_ident(mart.name)), '@min_price@', mart.min_price::text), '@low@', mart.ratio_low::text), '@high@', mart.ratio_high::text), '@thin@', mart.thin::text)
  FROM (SELECT CASE relation WHEN 'agg_market_month' THEN mls.mart_market(mart, part) WHEN 'agg_office_month' THEN mls.mart_sides(mart, 'office')
                             WHEN 'agg_member_month' THEN mls.mart_sides(mart, 'agent') WHEN 'agg_day' THEN mls.mart_days(mart) ELSE mls.mart_facts(mart, relation, part) END AS q) q
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
        SELECT r.relation, r.grain, r.constraint_sql, string_agg(format('%I %s', c.name, c.type) || CASE WHEN c.part = 'required' THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY c.place) AS columns,
               string_agg(quote_ident(c.name), ', ' ORDER BY c.place) FILTER (WHERE c.part = 'key') AS key,
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
        EXECUTE format('CREATE TABLE %I.%I (%s, PRIMARY KEY (%s)%s)', mart.name, made.relation, made.columns, made.key, coalesce(', ' || made.constraint_sql, ''));
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
        WHEN 'fct_listing' THEN
            EXECUTE format('CREATE INDEX ON %1$I.fct_listing (close_date); CREATE INDEX ON %1$I.fct_listing (property_key)', mart.name);
        ELSE
        END CASE;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.mart_tables(mls.mart) IS 'part of mls_mart_sync(): makes the tables of a mart that are not there';

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
    listings text;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    PERFORM mls.mart_execute(mart, format($q$
INSERT INTO %1$I.dim_source AS d (source_id, name, timezone)
SELECT m.last + row_number() OVER (ORDER BY s.name), s.name, s.zone
  FROM (SELECT max(d.source_id) AS last FROM %1$I.dim_source d) m,
       (SELECT p.mls_source AS name, coalesce((SELECT o.option_value FROM pg_foreign_server f, pg_options_to_table(f.srvoptions) o WHERE f.srvname = p.mls_source AND o.option_name = 'timezone'), %3$L) AS zone
          FROM %2$s p GROUP BY p.mls_source) s
 WHERE NOT EXISTS (SELECT FROM %1$I.dim_source d WHERE d.name = s.name AND d.timezone = s.zone)
ON CONFLICT (name) DO UPDATE SET timezone = excluded.timezone
$q$, mart.name, gold, mart.timezone), NULL);
    listings := mls.mart_listings(mart, keys IS NOT NULL);
    PERFORM mls.mart_execute(mart, format($q$
INSERT INTO %1$I.dim_property_type (type_id, level, transaction, property_type, property_sub_type, type_ids)
SELECT m.last + row_number() OVER (ORDER BY t.transaction, t.property_type NULLS FIRST, t.property_sub_type NULLS FIRST), t.level, t.transaction, t.property_type, t.property_sub_type, '{}'
  FROM (SELECT coalesce(max(d.type_id), 0) AS last FROM %1$I.dim_property_type d) m,
       (SELECT DISTINCT v.level, l.transaction, v.property_type, v.property_sub_type
          FROM (SELECT DISTINCT l.transaction, l.property_type, l.property_sub_type FROM (%2$s) l) l
         CROSS JOIN LATERAL (VALUES ('all', NULL, NULL), ('type', l.property_type, NULL), ('subtype', l.property_type, l.property_sub_type)) v (level, property_type, property_sub_type)
         WHERE v.level = 'all' OR v.property_type IS NOT NULL AND (v.level = 'type' OR v.property_sub_type IS NOT NULL)) t
 WHERE NOT EXISTS (SELECT FROM %1$I.dim_property_type d WHERE (d.level, d.transaction, coalesce(d.property_type, ''), coalesce(d.property_sub_type, ''))
                                                            = (t.level, t.transaction, coalesce(t.property_type, ''), coalesce(t.property_sub_type, '')))
$q$, mart.name, listings), keys);
    EXECUTE format($q$
UPDATE %1$I.dim_property_type t
   SET type_ids = ARRAY(SELECT a.type_id FROM %1$I.dim_property_type a WHERE a.transaction = t.transaction
                           AND (a.level = 'all' OR a.property_type = t.property_type AND (a.level = 'type' OR a.property_sub_type = t.property_sub_type)) ORDER BY a.type_id)
 WHERE t.type_ids = '{}'
$q$, mart.name);
    PERFORM mls.mart_execute(mart, format($q$
INSERT INTO %1$I.dim_location (location_id, level, name, country, state, county, city, postal_code, area, area_source)
SELECT m.last + row_number() OVER (ORDER BY p.rank, p.country, p.state, p.county, p.city, p.postal, p.area, p.source), p.level, p.name, p.country, p.state, p.county, p.city, p.postal, p.area, p.source
  FROM (SELECT max(d.location_id) AS last FROM %1$I.dim_location d) m,
       (SELECT v.rank, v.level, v.country, v.state, v.county, v.city, v.postal, v.area, v.source, min(btrim(v.name)) AS name
          FROM (SELECT DISTINCT l.country, l.state, l.county, l.city, l.postal, l.area, l.source, l.country_name, l.state_name, l.county_name, l.city_name, l.area_name FROM (%2$s) l) l
         CROSS JOIN LATERAL (VALUES (1, 'country', l.country_name, l.country, NULL, NULL, NULL, NULL, NULL, NULL), (2, 'state', l.state_name, l.country, l.state, NULL, NULL, NULL, NULL, NULL),
             (3, 'county', l.county_name, l.country, l.state, l.county, NULL, NULL, NULL, NULL), (4, 'city', l.city_name, l.country, l.state, NULL, l.city, NULL, NULL, NULL),
             (5, 'postal', upper(l.postal), l.country, NULL, NULL, NULL, l.postal, NULL, NULL), (6, 'area', l.area_name, NULL, NULL, NULL, NULL, NULL, l.area, CASE WHEN l.area IS NOT NULL THEN l.source END))
             v (rank, level, name, country, state, county, city, postal, area, source)
         WHERE CASE v.level WHEN 'country' THEN v.country WHEN 'state' THEN v.state WHEN 'county' THEN v.county WHEN 'city' THEN v.city WHEN 'postal' THEN v.postal ELSE v.area END IS NOT NULL
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9) p
ON CONFLICT (level, country, state, county, city, postal_code, area, area_source) DO NOTHING
$q$, mart.name, listings), keys);
    EXECUTE format($q$
UPDATE %1$I.dim_location p
   SET parent_id = coalesce((SELECT q.location_id FROM %1$I.dim_location q WHERE p.level IN ('county', 'city') AND q.level = 'state' AND q.state = p.state AND q.country IS NOT DISTINCT FROM p.country),
                            (SELECT q.location_id FROM %1$I.dim_location q WHERE p.level IN ('state', 'county', 'city', 'postal') AND q.level = 'country' AND q.country = p.country), 1)
 WHERE p.parent_id IS NULL AND p.location_id > 1
$q$, mart.name);
END $f$;
COMMENT ON FUNCTION mls.mart_dimensions(mls.mart, text[]) IS 'part of mls_mart_sync(): gives numbers to sources, places and kinds of property that have come';

-- What is in mls_new_... takes the place of what was there, in a scope: rows that are equal stay.
CREATE FUNCTION mls.mart_merge(mart mls.mart, relation text, keys text[], dirty boolean) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET enable_nestloop = off
    AS $$
DECLARE
    key text;
    all_columns text;
    assign text;
    old text;
    new text;
    scope text := CASE WHEN keys IS NOT NULL THEN 't.listing_key = ANY ($1)'
                       WHEN dirty THEN format('(t.location_id, t.type_id, t.source_id, t.currency) IN (SELECT d.location_id, d.type_id, d.source_id, d.currency FROM %I.mls_new_dirty d)', mart.name)
                       ELSE 'true' END;
    n bigint;
    changed bigint;
BEGIN
    PERFORM mls.mart_owner_only(mart);
    SELECT string_agg(quote_ident(c.name), ', ' ORDER BY c.place) FILTER (WHERE c.part = 'key'), string_agg(quote_ident(c.name), ', ' ORDER BY c.place),
           string_agg(format('%1$I = excluded.%1$I', c.name), ', ') FILTER (WHERE c.part <> 'key'),
           string_agg('t.' || quote_ident(c.name), ', ' ORDER BY c.place) FILTER (WHERE c.part IN ('required', 'value')),
           string_agg('excluded.' || quote_ident(c.name), ', ' ORDER BY c.place) FILTER (WHERE c.part IN ('required', 'value'))
      INTO key, all_columns, assign, old, new
      FROM mls.mart_column c WHERE c.relation = mart_merge.relation;
    EXECUTE format('DELETE FROM %1$I.%2$I t WHERE %3$s AND NOT EXISTS (SELECT FROM %1$I.%4$I n WHERE (%5$s) = (%6$s))', mart.name, relation, scope, 'mls_new_' || relation,
                   (SELECT string_agg('n.' || k, ', ') FROM unnest(string_to_array(key, ', ')) k), (SELECT string_agg('t.' || k, ', ') FROM unnest(string_to_array(key, ', ')) k)) USING keys;
    GET DIAGNOSTICS changed = ROW_COUNT;
    EXECUTE format('INSERT INTO %1$I.%2$I AS t (%3$s) SELECT %3$s FROM %1$I.%4$I ON CONFLICT (%5$s) DO UPDATE SET %6$s WHERE (%7$s) IS DISTINCT FROM (%8$s)',
                   mart.name, relation, all_columns, 'mls_new_' || relation, key, assign, old, new);
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN changed + n;
END $$;
COMMENT ON FUNCTION mls.mart_merge(mls.mart, text, text[], boolean) IS 'part of mls_mart_sync(): puts the new rows of a table in the place of the old ones, all of them or those of some listings or groups; returns how many differ';

-- Beside: a table to be filled and compared.
CREATE FUNCTION mls.mart_compute(mart mls.mart, relation text, keys text[], dirty boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    -- How many rows parts of these queries have is unknown to the planner, who takes them for few.
    SET enable_nestloop = off
    AS $$
BEGIN
    PERFORM mls.mart_owner_only(mart);
    EXECUTE format('CREATE UNLOGGED TABLE %1$I.%2$I (LIKE %1$I.%3$I)', mart.name, 'mls_new_' || relation, relation);
    PERFORM mls.mart_execute(mart, format('INSERT INTO %I.%I %s', mart.name, 'mls_new_' || relation, mls.mart_query(mart, relation, dirty OR keys IS NOT NULL)), keys);
    EXECUTE format('ANALYZE %I.%I', mart.name, 'mls_new_' || relation);
END $$;
COMMENT ON FUNCTION mls.mart_compute(mls.mart, text, text[], boolean) IS 'part of mls_mart_sync(): computes what a table should have, of all or of some listings or groups, beside it';

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
    SELECT f.source_id, v.kind, date_trunc('month', v.date)::date AS month, count(*) AS n
      FROM %1$I.fct_listing f CROSS JOIN LATERAL (VALUES ('closed', f.close_date), ('off', f.off_date)) v (kind, date) WHERE v.date IS NOT NULL GROUP BY 1, 2, 3),
begun AS (
    SELECT m.source_id, m.kind, (coalesce(max(m.next) FILTER (WHERE m.next > m.month + interval '2 years' AND m.so_far <= greatest(1, m.total / 100)), min(m.month)) + interval '1 month')::date AS date
      FROM (SELECT m.*, lead(m.month) OVER w AS next, sum(m.n) OVER w AS so_far, sum(m.n) OVER (PARTITION BY m.source_id, m.kind) AS total
              FROM months m WINDOW w AS (PARTITION BY m.source_id, m.kind ORDER BY m.month)) m GROUP BY 1, 2),
seen AS (
    SELECT s.source_id, t.since, count(f.close_date) > 0 AS has_closed, count(f.off_date) > 0 AS has_off,
           -- What is closed was under contract: a source of which no field says when tells nothing of contracts.
           count(f.close_date) = 0 OR count(f.contract_date) FILTER (WHERE f.close_date IS NOT NULL) > 0 AS has_contracts,
           (SELECT b.date FROM begun b WHERE b.source_id = s.source_id AND b.kind = 'closed') AS closed_from, (SELECT b.date FROM begun b WHERE b.source_id = s.source_id AND b.kind = 'off') AS off_from,
           EXISTS (SELECT FROM %1$I.fct_listing_event e JOIN %1$I.fct_listing g USING (listing_key) WHERE g.source_id = s.source_id AND e.origin = 'history') AS has_history
      FROM %1$I.dim_source s LEFT JOIN told t ON t.name = s.name LEFT JOIN %1$I.fct_listing f ON f.source_id = s.source_id WHERE s.source_id > 0 GROUP BY s.source_id, t.since),
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
BEGIN
    PERFORM mls.mart_owner_only(mart);
    EXECUTE format($q$
WITH l AS (
    SELECT f.listing_key, f.property_key, f.list_date, f.dom, f.cdom,
           lag(f.listing_key) OVER w IS NULL OR lag(f.close_date) OVER w IS NOT NULL OR f.list_date - coalesce(lag(coalesce(f.off_date, s.left_on)) OVER w, f.list_date) > $2 AS is_first
      FROM %1$I.fct_listing f
      LEFT JOIN LATERAL (SELECT max(s.from_date) AS left_on FROM %1$I.fct_spell s WHERE s.listing_key = f.listing_key AND s.to_date IS NULL AND s.status NOT IN ('Active', 'Active Under Contract', 'Coming Soon')) s ON true
     WHERE f.property_key IS NOT NULL AND f.list_date IS NOT NULL AND ($1 IS NULL OR f.property_key = ANY ($1))
    WINDOW w AS (PARTITION BY f.property_key ORDER BY f.list_date, f.listing_key)),
active AS (
    SELECT a.listing_key, range_agg(daterange(a.from_date, a.to_date)) AS days, max(a.to_date) AS until
      FROM (%2$s) a GROUP BY a.listing_key),
chains AS (SELECT l.*, count(*) FILTER (WHERE l.is_first) OVER (PARTITION BY l.property_key ORDER BY l.list_date, l.listing_key) AS chain FROM l),
united AS (
    SELECT c.listing_key, c.dom, range_agg(a.days) OVER (PARTITION BY c.property_key, c.chain ORDER BY c.list_date, c.listing_key) * datemultirange(daterange(NULL, a.until)) AS days
      FROM chains c LEFT JOIN active a USING (listing_key)),
summed AS (
    SELECT u.listing_key, CASE WHEN u.dom IS NOT NULL THEN (SELECT coalesce(sum(upper(d) - lower(d)), 0) FROM unnest(u.days) d) END AS cdom FROM united u),
sales AS (
    SELECT f.listing_key, f.source_id, first_value(f.listing_key) OVER w AS first, first_value(f.source_id) OVER w AS first_source
      FROM %1$I.fct_listing f WHERE f.property_key IS NOT NULL AND f.close_date IS NOT NULL AND ($1 IS NULL OR f.property_key = ANY ($1))
    WINDOW w AS (PARTITION BY f.property_key, f.close_date ORDER BY f.source_id, f.listing_key)),
known AS (
    SELECT f.listing_key, CASE WHEN s.listing_key IS NULL THEN f.cdom ELSE s.cdom END AS cdom, CASE WHEN d.first_source <> d.source_id THEN d.first END AS double_of
      FROM %1$I.fct_listing f LEFT JOIN summed s USING (listing_key) LEFT JOIN sales d USING (listing_key)
     WHERE f.property_key IS NOT NULL AND ($1 IS NULL OR f.property_key = ANY ($1))),
told AS (UPDATE %1$I.fct_listing f SET cdom = k.cdom, double_of = k.double_of FROM known k
          WHERE k.listing_key = f.listing_key AND (f.cdom, f.double_of) IS DISTINCT FROM (k.cdom, k.double_of) RETURNING f.listing_key)
SELECT array_agg(t.listing_key) FROM told t
$q$, mart.name, mls.mart_active(format('(SELECT s.* FROM %1$I.fct_spell s WHERE $1 IS NULL OR s.listing_key IN (SELECT f.listing_key FROM %1$I.fct_listing f WHERE f.property_key = ANY ($1)))', mart.name))) INTO changed USING properties, mart.relist_days;
    RETURN coalesce(changed, '{}');
END $f$;
COMMENT ON FUNCTION mls.mart_relistings(mls.mart, text[]) IS 'part of mls_mart_sync(): sums days on market over listings of one property and finds sales that two sources tell of, for some properties or all; returns the listings for which that has changed';

-- Fills a mart: keys of listings that may have changed, or NULL for all.  Groups of what they were
-- and of what they are are computed anew.
CREATE FUNCTION mls.mart_fill(mart bigint, day date, keys text[], OUT listings bigint, OUT groups bigint, OUT figures bigint)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = on
    SET enable_hashjoin = on
    SET enable_mergejoin = on
    SET plan_cache_mode = force_custom_plan
    SET jit = off
    AS $f$
DECLARE
    known mls.mart;
    relation text;
    gold regclass;
    properties text[];
    others text[];
    everything boolean := keys IS NULL;
    beside text[] := '{}';
    dirty CONSTANT text := 'INSERT INTO %1$I.mls_new_dirty SELECT DISTINCT place.location_id, sort.type_id, origin.source_id, f.currency FROM %1$I.fct_listing f %2$s '
                           'WHERE place.location_id > 0 AND f.listing_key = ANY ($1) ON CONFLICT DO NOTHING';
BEGIN
    SELECT * INTO known FROM mls.mart m WHERE m.id = mart;
    PERFORM mls.mart_owner_only(known);
    known.as_of := day;
    PERFORM mls.require_trusted(mls.gold_table('Property'));
    PERFORM mls.mart_tables(known);
    listings := 0;
    groups := 0;
    figures := 0;
    <<counted>>
    BEGIN
        EXIT counted WHEN keys = '{}';
        PERFORM mls.mart_dimensions(known, keys);
        IF NOT everything THEN
            EXECUTE format('CREATE UNLOGGED TABLE %1$I.mls_new_dirty (location_id integer, type_id integer, source_id integer, currency text, PRIMARY KEY (location_id, type_id, source_id, currency))', known.name);
            beside := beside || 'mls_new_dirty'::text;
            EXECUTE format('SELECT array_agg(DISTINCT f.property_key) FROM %I.fct_listing f WHERE f.listing_key = ANY ($1) AND f.property_key IS NOT NULL', known.name) INTO properties USING keys;
            EXECUTE format(dirty, known.name, mls.mart_groups(known, 'f')) USING keys;
        END IF;
        FOREACH relation IN ARRAY '{fct_listing_event,fct_spell,fct_listing}'::text[] LOOP
            PERFORM mls.mart_compute(known, relation, keys, false);
            beside := beside || ('mls_new_' || relation);
        END LOOP;
        FOREACH relation IN ARRAY '{fct_listing_event,fct_spell,fct_listing}'::text[] LOOP
            PERFORM mls.mart_merge(known, relation, keys, false);
            IF everything THEN
                EXECUTE format('ANALYZE %I.%I', known.name, relation);
            END IF;
        END LOOP;
        EXECUTE format('SELECT count(*), array_agg(DISTINCT f.property_key) FILTER (WHERE f.property_key IS NOT NULL) FROM %I.mls_new_fct_listing f', known.name) INTO listings, others;
        others := mls.mart_relistings(known, CASE WHEN NOT everything THEN coalesce(properties, '{}') || coalesce(others, '{}') END);
        -- What a source gives says of all its groups what is known.
        everything := mls.mart_coverage(known) OR everything;
        IF NOT everything THEN
            EXECUTE format(dirty, known.name, mls.mart_groups(known, 'f')) USING keys || others;
            EXECUTE format('SELECT count(*) FROM %I.mls_new_dirty', known.name) INTO groups;
        END IF;
        FOREACH relation IN ARRAY '{agg_market_month,agg_office_month,agg_member_month,agg_day}'::text[] LOOP
            PERFORM mls.mart_compute(known, relation, NULL, NOT everything);
            beside := beside || ('mls_new_' || relation);
            figures := figures + mls.mart_merge(known, relation, NULL, NOT everything AND relation = 'agg_market_month');
            IF everything THEN
                EXECUTE format('ANALYZE %I.%I', known.name, relation);
            END IF;
        END LOOP;
        IF everything THEN
            EXECUTE format('SELECT count(DISTINCT (a.location_id, a.type_id, a.source_id, a.currency)) FROM %I.agg_market_month a', known.name) INTO groups;
        END IF;
    END counted;
    FOR relation, gold IN SELECT v.relation, mls.gold_table(v.resource) FROM (VALUES ('dim_member', 'Member'), ('dim_office', 'Office'), ('fct_showing', 'ShowingAppointment'), ('fct_open_house', 'OpenHouse')) v (relation, resource)
    LOOP
        -- What he may read no more he keeps no copy of.
        IF gold IS NULL OR NOT has_table_privilege(gold, 'SELECT') THEN
            EXECUTE format('DELETE FROM %I.%I', known.name, relation);
            CONTINUE;
        END IF;
        PERFORM mls.require_trusted(gold);
        PERFORM mls.mart_compute(known, relation, NULL, false);
        beside := beside || ('mls_new_' || relation);
        PERFORM mls.mart_merge(known, relation, NULL, false);
    END LOOP;
    FOREACH relation IN ARRAY beside LOOP
        EXECUTE format('DROP TABLE %I.%I', known.name, relation);
    END LOOP;
END $f$;
COMMENT ON FUNCTION mls.mart_fill(bigint, date, text[]) IS 'part of mls_mart_sync(): computes a mart for a day, all of it or what some listings are counted in; returns listings, groups and figures that changed';

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
SELECT md5(concat_ws(E'\n', mls.mart_query(mart, 'fct_listing_event'), mls.mart_query(mart, 'fct_listing'), mls.mart_query(mart, 'agg_market_month'), mls.mart_sides(mart, 'agent'), mart.coverage, mart.relist_days, mls.mart_policies('{Property,HistoryTransactional}'),
                     (SELECT string_agg(concat_ws(' ', f.srvname, o.option_value), ',' ORDER BY f.srvname) FROM pg_foreign_server f, pg_options_to_table(f.srvoptions) o WHERE o.option_name = 'timezone')))
$$;
COMMENT ON FUNCTION mls.mart_definition(mls.mart) IS 'part of mls_mart_sync(): a hash of what a mart is computed by';

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
    SELECT (d #>> '{}')::date INTO day FROM mls.as_role(known.owner, format('SELECT to_jsonb(max((now() AT TIME ZONE coalesce((SELECT o.option_value FROM pg_foreign_server f, pg_options_to_table(f.srvoptions) o WHERE f.srvname = s.name AND o.option_name = ''timezone''), %L))::date)) '
                   'FROM (SELECT DISTINCT p.mls_source AS name FROM %s p UNION ALL SELECT NULL) s', known.timezone, gold)) d;
    -- The day is no part of it.
    since := coalesce(known.position, 0);
    as_of := known.as_of;
    known.as_of := NULL;
    definition := mls.mart_definition(known);
    why := CASE WHEN known.position IS NULL THEN 'it is new'
                WHEN known.definition IS DISTINCT FROM mart_plan.definition THEN 'what it is computed by has changed'
                WHEN known.position > upto THEN 'the log of changes begins anew'
                WHEN NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = gold AND t.tgname = 'mls_events_insert') THEN 'nobody notes changes of listings'
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
      FROM mls.as_role(known.owner, format('SELECT to_jsonb(f.listing_key) FROM %I.fct_listing f LEFT JOIN (%s) h USING (listing_key) WHERE f.history IS DISTINCT FROM h.hash', known.name, mls.mart_history_hash(false))) k;
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
    relation text;
BEGIN
    PERFORM mls.refuse_standby('mls_mart_drop()', 'drop a mart');
    -- A run writes both the tables and, at its end, the row of the mart.
    PERFORM mls.lock_mart(m.id) FROM mls.mart m WHERE m.name = mls_mart_drop.name AND pg_has_role(m.owner, 'USAGE');
    PERFORM mls.note_mart(name, NULL);
    IF drop_tables THEN
        FOR relation IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN mls.mart_relation r ON r.relation = c.relname
                         WHERE n.nspname = name AND c.relkind = 'r' AND c.relowner = owner AND obj_description(c.oid, 'pg_class') = r.grain ORDER BY r.place DESC
        LOOP
            PERFORM a FROM mls.as_role(owner, format('DROP TABLE %s', relation)) a;
        END LOOP;
    END IF;
END $$;
COMMENT ON FUNCTION mls_mart_drop(text, boolean) IS 'forget a mart, and drop its tables, which are known by their comments, when no run of it is at work; the schema stays';

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

REVOKE ALL ON FUNCTION mls.mart_status(text), mls.mart_field(regclass, text, text), mls.mart_listings(mls.mart, boolean), mls.mart_history(boolean), mls.mart_history_hash(boolean), mls.mart_events(mls.mart, boolean), mls.mart_active(text), mls.mart_facts(mls.mart, text, boolean),
    mls.mart_groups(mls.mart, text), mls.mart_market(mls.mart, boolean), mls.mart_sides(mls.mart, text), mls.mart_days(mls.mart), mls.mart_query(mls.mart, text, boolean), mls.mart_tables(mls.mart),
    mls.mart_owner_only(mls.mart), mls.mart_execute(mls.mart, text, text[]), mls.mart_dimensions(mls.mart, text[]), mls.mart_merge(mls.mart, text, text[], boolean), mls.mart_compute(mls.mart, text, text[], boolean), mls.mart_coverage(mls.mart),
    mls.mart_relistings(mls.mart, text[]), mls.mart_fill(bigint, date, text[]), mls.mart_policies(text[]), mls.mart_definition(mls.mart), mls.mart_plan(bigint, bigint), mls.mart_retold(bigint), mls.mart_make(bigint),
    mls.note_mart(regrole, text, jsonb), mls.note_mart(text, jsonb),
    mls_mart_create(text, text, text, text[], jsonb, integer, numeric, numeric, numeric, integer, text), mls.lock_mart(bigint), mls_mart_drop(text, boolean), mls_mart_sync(text, boolean) FROM PUBLIC;
