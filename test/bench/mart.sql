-- The figures of agg_market_month written by hand for the listings of mart.sh: one statement over
-- gold, events as +1 and -1 and running sums.  It knows that these listings have no history, one
-- currency, no leases, and addresses that are written alike; it makes no facts, and is no mart.
DROP TABLE IF EXISTS by_hand;
CREATE TABLE by_hand AS
WITH l AS MATERIALIZED (
    SELECT p."ListingKey" AS key, lower(p."City") AS place, p."City" AS city, 1 AS source, p."StandardStatus" AS status, p."OnMarketDate" AS listed, CASE WHEN p."PurchaseContractDate" <= current_date THEN p."PurchaseContractDate" END AS contract,
           CASE WHEN p."StandardStatus" = 'Closed' AND p."CloseDate" <= current_date THEN p."CloseDate" END AS closed, CASE WHEN p."StandardStatus" IN ('Expired', 'Withdrawn') AND p."OffMarketDate" <= current_date THEN p."OffMarketDate" END AS off,
           CASE WHEN (p."PriceChangeTimestamp" AT TIME ZONE 'America/Chicago')::date <= current_date THEN (p."PriceChangeTimestamp" AT TIME ZONE 'America/Chicago')::date END AS price_changed, (p."StatusChangeTimestamp" AT TIME ZONE 'America/Chicago')::date AS changed,
           p."ListPrice" AS list_price, p."OriginalListPrice" AS original_price, p."ClosePrice" AS close_price, p."ConcessionsAmount" AS concessions, p."LivingArea" AS area, p."DaysOnMarket" AS dom_source, p."CumulativeDaysOnMarket" AS cdom_source,
           p."ParcelNumber" AS parcel
      FROM gold.property p
     WHERE p."StandardStatus" IN ('Active', 'Active Under Contract', 'Pending', 'Closed', 'Hold', 'Withdrawn', 'Canceled', 'Expired', 'Coming Soon')),
d AS MATERIALIZED (
    SELECT l.*, coalesce(l.contract, l.off) - l.listed AS dom, coalesce(l.contract, l.off) AS left_on,
           CASE WHEN lag(l.closed) OVER w IS NULL AND l.listed - lag(coalesce(l.off, l.contract)) OVER w <= 90 THEN coalesce(l.contract, l.off) - l.listed + coalesce(lag(coalesce(l.contract, l.off) - l.listed) OVER w, 0) ELSE coalesce(l.contract, l.off) - l.listed END AS cdom,
           CASE WHEN l.close_price >= 1000 THEN l.close_price END AS price, 100 * l.close_price / nullif(l.list_price, 0) AS of_list, 100 * l.close_price / nullif(l.original_price, 0) AS of_original
      FROM l WINDOW w AS (PARTITION BY l.parcel ORDER BY l.listed, l.key)),
events (kind, place, source, month, n, price) AS (
    SELECT 1, d.place, d.source, date_trunc('month', d.listed::timestamp)::date, 1, NULL::numeric FROM d
    UNION ALL SELECT 2, d.place, d.source, date_trunc('month', d.contract::timestamp)::date, 1, NULL FROM d WHERE d.contract IS NOT NULL
    UNION ALL SELECT 3, d.place, d.source, date_trunc('month', d.contract::timestamp)::date, 1, NULL FROM d WHERE d.contract IS NOT NULL AND d.status IN ('Active Under Contract', 'Pending', 'Closed')
    UNION ALL SELECT 4, d.place, d.source, date_trunc('month', d.price_changed::timestamp)::date, 1, NULL FROM d WHERE d.price_changed IS NOT NULL AND d.list_price < d.original_price
    UNION ALL SELECT CASE d.status WHEN 'Expired' THEN 6 WHEN 'Canceled' THEN 7 ELSE 8 END, d.place, d.source, date_trunc('month', d.off::timestamp)::date, 1, NULL FROM d WHERE d.off IS NOT NULL
    UNION ALL SELECT v.kind, d.place, d.source, date_trunc('month', d.closed::timestamp)::date, 1, v.price
                FROM d CROSS JOIN LATERAL (VALUES (9, true, NULL::numeric), (10, d.price IS NOT NULL, d.price), (12, d.price IS NULL, NULL), (13, d.of_list NOT BETWEEN 50 AND 150 OR d.of_original NOT BETWEEN 50 AND 150, NULL),
                                                  (14, date_trunc('month', d.changed::timestamp) > date_trunc('month', d.closed::timestamp), NULL)) v (kind, is_so, price)
               WHERE d.closed IS NOT NULL AND v.is_so
    UNION ALL SELECT 15, d.place, d.source, date_trunc('month', v.date::timestamp)::date, v.n, NULL FROM d CROSS JOIN LATERAL (VALUES (d.listed, 1), (d.left_on, -1)) v (date, n) WHERE v.date IS NOT NULL
    UNION ALL SELECT 18, d.place, d.source, date_trunc('month', d.listed::timestamp)::date, 1, NULL FROM d),
cells AS MATERIALIZED (
    SELECT e.place, e.source, e.month, sum(e.n) FILTER (WHERE e.kind = 1) AS k1, sum(e.n) FILTER (WHERE e.kind = 2) AS k2, sum(e.n) FILTER (WHERE e.kind = 3) AS k3, sum(e.n) FILTER (WHERE e.kind = 4) AS k4, sum(e.n) FILTER (WHERE e.kind = 6) AS k6,
           sum(e.n) FILTER (WHERE e.kind = 7) AS k7, sum(e.n) FILTER (WHERE e.kind = 8) AS k8, sum(e.n) FILTER (WHERE e.kind = 9) AS k9, sum(e.n) FILTER (WHERE e.kind = 10) AS k10, sum(e.price) AS volume, sum(e.n) FILTER (WHERE e.kind = 12) AS k12,
           sum(e.n) FILTER (WHERE e.kind = 13) AS k13, sum(e.n) FILTER (WHERE e.kind = 14) AS k14, sum(e.n) FILTER (WHERE e.kind = 15) AS k15, sum(e.n) FILTER (WHERE e.kind = 18) AS k18
      FROM events e GROUP BY 1, 2, 3),
-- Kinds of property and sources, all of them and each.
sums AS (
    SELECT c.place, k.kind, o.source, c.month, sum(c.k1) AS k1, sum(c.k2) AS k2, sum(c.k3) AS k3, sum(c.k4) AS k4, sum(c.k6) AS k6, sum(c.k7) AS k7, sum(c.k8) AS k8, sum(c.k9) AS k9, sum(c.k10) AS k10, sum(c.volume) AS volume,
           sum(c.k12) AS k12, sum(c.k13) AS k13, sum(c.k14) AS k14, sum(c.k15) AS k15, sum(c.k18) AS k18
      FROM cells c CROSS JOIN unnest('{all,type,subtype}'::text[]) k (kind) CROSS JOIN LATERAL (VALUES (0), (c.source)) o (source) GROUP BY 1, 2, 3, 4),
prices AS (
    SELECT d.place, k.kind, o.source, date_trunc('month', d.closed::timestamp)::date AS month, percentile_cont(0.5) WITHIN GROUP (ORDER BY d.price) AS price_median, avg(d.price) AS price_avg,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY d.price - coalesce(d.concessions, 0)) AS net_median, avg(d.price - coalesce(d.concessions, 0)) AS net_avg, percentile_cont(0.5) WITHIN GROUP (ORDER BY d.price / nullif(d.area, 0)) AS sqft_median,
           avg(d.of_list) FILTER (WHERE d.of_list BETWEEN 50 AND 150) AS of_list, avg(d.of_original) FILTER (WHERE d.of_original BETWEEN 50 AND 150) AS of_original,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY d.dom) AS dom_median, avg(d.dom) AS dom_avg, percentile_cont(0.5) WITHIN GROUP (ORDER BY d.dom_source) AS dom_source_median, avg(d.dom_source) AS dom_source_avg,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY d.cdom) AS cdom_median, percentile_cont(0.5) WITHIN GROUP (ORDER BY d.cdom_source) AS cdom_source_median
      FROM d CROSS JOIN unnest('{all,type,subtype}'::text[]) k (kind) CROSS JOIN LATERAL (VALUES (0), (d.source)) o (source) WHERE d.closed IS NOT NULL GROUP BY 1, 2, 3, 4),
contracts AS (
    SELECT d.place, k.kind, o.source, date_trunc('month', d.contract::timestamp)::date AS month, percentile_cont(0.5) WITHIN GROUP (ORDER BY d.dom) AS dom_median, avg(d.dom) AS dom_avg
      FROM d CROSS JOIN unnest('{all,type,subtype}'::text[]) k (kind) CROSS JOIN LATERAL (VALUES (0), (d.source)) o (source) WHERE d.contract IS NOT NULL GROUP BY 1, 2, 3, 4),
cuts AS (
    SELECT d.place, k.kind, o.source, date_trunc('month', d.price_changed::timestamp)::date AS month, percentile_cont(0.5) WITHIN GROUP (ORDER BY 100 * (d.original_price - d.list_price) / d.original_price) AS cut_median
      FROM d CROSS JOIN unnest('{all,type,subtype}'::text[]) k (kind) CROSS JOIN LATERAL (VALUES (0), (d.source)) o (source) WHERE d.price_changed IS NOT NULL AND d.list_price < d.original_price GROUP BY 1, 2, 3, 4),
ages AS (
    SELECT d.place, k.kind, o.source, m.month::date AS month, percentile_cont(0.5) WITHIN GROUP (ORDER BY least((m.month + interval '1 month' - interval '1 day')::date, current_date) - d.listed) AS age_median
      FROM d CROSS JOIN LATERAL generate_series(date_trunc('month', d.listed::timestamp), date_trunc('month', coalesce(d.left_on::timestamp - interval '1 month', current_date::timestamp)), interval '1 month') m (month)
     CROSS JOIN unnest('{all,type,subtype}'::text[]) k (kind) CROSS JOIN LATERAL (VALUES (0), (d.source)) o (source) GROUP BY 1, 2, 3, 4),
months AS (
    SELECT g.place, g.kind, g.source, m.month::date AS month, s.k1, s.k2, s.k3, s.k4, s.k6, s.k7, s.k8, s.k9, s.k10, s.volume, s.k12, s.k13, s.k14, s.k18,
           coalesce(sum(s.k15) OVER w, 0) AS inventory, sum(s.k2) OVER year AS year_pending, sum(s.k9) OVER year AS year_closed, m.month < date_trunc('month', current_date) AS is_complete
      FROM (SELECT s.place, s.kind, s.source, min(s.month) AS first FROM sums s GROUP BY 1, 2, 3) g
     CROSS JOIN LATERAL generate_series(g.first::timestamp, date_trunc('month', current_date::timestamp), interval '1 month') m (month)
      LEFT JOIN sums s ON s.place = g.place AND s.kind = g.kind AND s.source = g.source AND s.month = m.month::date
    WINDOW w AS (PARTITION BY g.place, g.kind, g.source ORDER BY m.month), year AS (PARTITION BY g.place, g.kind, g.source ORDER BY m.month ROWS 11 PRECEDING)),
figures AS (SELECT m.*, coalesce(lag(m.inventory) OVER (PARTITION BY m.place, m.kind, m.source ORDER BY m.month), 0) AS inventory_before FROM months m)
SELECT initcap(m.place) AS city, m.kind, m.source AS source_id, m.month, coalesce(m.k1, 0) AS new_listings, coalesce(m.k2, 0) AS new_pending, coalesce(m.k3, 0) AS new_pending_net, coalesce(m.k9, 0) AS closed_sales, coalesce(m.k10, 0) AS closed_with_price,
       round(coalesce(m.volume, 0), 2) AS volume, coalesce(m.k6, 0) AS expired, coalesce(m.k7, 0) AS canceled, coalesce(m.k8, 0) AS withdrawn, m.inventory AS inventory_eom, m.inventory_before + coalesce(m.k18, 0) AS active_any,
       CASE WHEN m.is_complete THEN round(m.inventory / nullif(m.year_pending / 12, 0), 2) END AS months_supply_12p, CASE WHEN m.is_complete THEN round(m.inventory / nullif(m.k9, 0), 2) END AS months_supply_1c,
       CASE WHEN m.is_complete THEN round(m.inventory / nullif(m.year_closed / 12, 0), 2) END AS months_supply_12c, CASE WHEN m.is_complete THEN round(100 * coalesce(m.k9, 0) / nullif(m.inventory_before, 0), 2) END AS absorption_pct,
       round(p.price_median::numeric, 2) AS median_sale_price, round(p.price_avg, 2) AS avg_sale_price, round(p.net_median::numeric, 2) AS median_sale_price_net, round(p.net_avg, 2) AS avg_sale_price_net, round(p.sqft_median::numeric, 2) AS median_price_sqft,
       round(p.of_list, 2) AS sale_to_list_pct, round(p.of_original, 2) AS sale_to_original_pct, round(p.dom_median::numeric, 2) AS dom_median, round(p.dom_avg, 2) AS dom_avg, round(c.dom_median::numeric, 2) AS dom_median_pending,
       round(c.dom_avg, 2) AS dom_avg_pending, round(p.dom_source_median::numeric, 2) AS dom_source_median, round(p.dom_source_avg, 2) AS dom_source_avg, round(p.cdom_median::numeric, 2) AS cdom_median, round(p.cdom_source_median::numeric, 2) AS cdom_source_median,
       coalesce(m.k4, 0) AS price_cuts, round(100 * coalesce(m.k4, 0) / nullif(m.inventory, 0), 2) AS price_cuts_pct, round(u.cut_median::numeric, 2) AS median_cut_pct, round(a.age_median::numeric, 2) AS age_of_inventory, coalesce(m.k12, 0) AS price_outliers,
       coalesce(m.k13, 0) AS ratio_outliers, coalesce(m.k14, 0) AS late_closings, coalesce(m.k9, 0) < 5 AS is_thin, m.is_complete
  FROM figures m
  LEFT JOIN prices p ON p.place = m.place AND p.kind = m.kind AND p.source = m.source AND p.month = m.month
  LEFT JOIN contracts c ON c.place = m.place AND c.kind = m.kind AND c.source = m.source AND c.month = m.month
  LEFT JOIN cuts u ON u.place = m.place AND u.kind = m.kind AND u.source = m.source AND u.month = m.month
  LEFT JOIN ages a ON a.place = m.place AND a.kind = m.kind AND a.source = m.source AND a.month = m.month;
