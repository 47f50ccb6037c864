-- What the rules for records of CREA's Data Distribution Facility call: see ddf_map.tsv.

CREATE FUNCTION mls.ddf_text(value jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT nullif(btrim(CASE jsonb_typeof(value) WHEN 'object' THEN value ->> '#text' WHEN 'string' THEN value #>> '{}' END), '') $$;
COMMENT ON FUNCTION mls.ddf_text(jsonb) IS 'the text of an element of a DDF record, with attributes or without, or NULL';

CREATE FUNCTION mls.ddf_texts("values" jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT string_agg(mls.ddf_text(v), ', ' ORDER BY n) FROM jsonb_array_elements("values") WITH ORDINALITY e (v, n) $$;
COMMENT ON FUNCTION mls.ddf_texts(jsonb) IS 'the texts of elements of a DDF record, joined by commas, or NULL';

CREATE FUNCTION mls.ddf_amount(value text) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT mls.try_numeric(translate(value, ', $', '')) $$;
COMMENT ON FUNCTION mls.ddf_amount(text) IS 'a number of a DDF record, whatever separates its thousands, or NULL';

CREATE FUNCTION mls.ddf_total("values" jsonb) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT sum(mls.ddf_amount(mls.ddf_text(v))) FROM jsonb_array_elements("values") v $$;
COMMENT ON FUNCTION mls.ddf_total(jsonb) IS 'the sum of the numbers in elements of a DDF record, or NULL if none holds one';

CREATE FUNCTION mls.ddf_least("values" jsonb) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT min(mls.try_bigint(mls.ddf_text(v))) FROM jsonb_array_elements("values") v $$;
COMMENT ON FUNCTION mls.ddf_least(jsonb) IS 'the least of the numbers in elements of a DDF record, or NULL';

CREATE FUNCTION mls.ddf_measure(value text) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT mls.try_numeric((regexp_match(regexp_replace(value, '(\d),(\d{3})', '\1\2', 'g'), '^\s*(\d+(?:\.\d+)?)'))[1]) $$;
COMMENT ON FUNCTION mls.ddf_measure(text) IS 'the number a DDF measure begins with, such as 1850 of "1,850 sqft", or NULL';

CREATE FUNCTION mls.ddf_unit(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN value ~* 'sq\.?\s*f|square f|ft2|ft²' THEN 'Square Feet'
            WHEN value ~* 'sq\.?\s*m|square m|m2|m²' THEN 'Square Meters'
            WHEN value ~* '(^|[^a-z])ac(res?)?\M' THEN 'Acres'
            WHEN value ~* '(^|[^a-z])(ha|hectares?)\M' THEN 'Hectares'
            WHEN value ~* '(^|[^a-z])(ft|feet|foot)\M' THEN 'Feet'
            WHEN value ~* '(^|[^a-z])(m|met(er|re)s?)\M' THEN 'Meters' END
$$;
COMMENT ON FUNCTION mls.ddf_unit(text) IS 'the unit of a DDF measure, as the dictionary calls it (and Hectares), or NULL';

CREATE FUNCTION mls.ddf_size(size text, words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT s FROM (VALUES (1, size), (2, words)) v (n, s)
 WHERE btrim(s) <> '' AND s ~ '^\s*[\d.,]+\s*[^\d]*2?$' AND s !~* '\sx\s' AND mls.ddf_unit(s) NOT IN ('Feet', 'Meters') ORDER BY n LIMIT 1
$$;
COMMENT ON FUNCTION mls.ddf_size(text, text) IS 'the area of a DDF lot, one number and its unit, from SizeTotal or else SizeTotalText; NULL for classes and dimensions';

CREATE FUNCTION mls.ddf_year(value text) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT y::bigint FROM (SELECT (regexp_match(value, '(?:^|\D)(\d{4})(?:\D|$)'))[1] AS y) s
 WHERE y::integer BETWEEN 1600 AND extract(year FROM now()) + 6
$$;
COMMENT ON FUNCTION mls.ddf_year(text) IS 'the first number of four digits that can be a year, or NULL';

CREATE FUNCTION mls.ddf_date(value text) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT mls.try_date(regexp_replace(btrim(value), '^(\d\d)/(\d\d)/(\d{4}).*$', '\3-\2-\1')) $$;
COMMENT ON FUNCTION mls.ddf_date(text) IS 'a day as DDF writes it, ISO or dd/mm/yyyy, or NULL';

CREATE FUNCTION mls.ddf_time(value text, timezone text) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN m IS NULL THEN mls.try_timestamptz(value, timezone)
            ELSE mls.try_timestamptz(format('%s-%s-%sT%s:%s', m[3], m[2], m[1],
                lpad((m[4]::integer % 12 + CASE WHEN upper(m[6]) = 'PM' THEN 12 ELSE 0 END)::text, 2, '0'), m[5]), timezone) END
  FROM (SELECT coalesce(regexp_match(value, '^\s*(\d\d)/(\d\d)/(\d{4})\s+(\d\d?):(\d\d:\d\d)\s+([AP]M)\s*$', 'i'),
               (SELECT ARRAY[d[3], d[2], d[1], d[4], d[5], d[6]]
                  FROM regexp_match(value, '^\s*(\d{4})-(\d\d)-(\d\d)\s+(\d\d?):(\d\d:\d\d)\s+([AP]M)\s*$', 'i') d)) AS m) s
$$;
COMMENT ON FUNCTION mls.ddf_time(text, text) IS 'an instant as DDF writes it: RFC 1123, or day and time of twelve hours in a time zone; or NULL';

CREATE FUNCTION mls.ddf_newest(photos jsonb, timezone text) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT max(coalesce(mls.ddf_time(p ->> 'PhotoLastUpdated', timezone), mls.ddf_time(p ->> 'LastUpdated', timezone)))
  FROM jsonb_array_elements(photos) p
$$;
COMMENT ON FUNCTION mls.ddf_newest(jsonb, text) IS 'when the last of the photos in a DDF record changed, or NULL';

CREATE FUNCTION mls.ddf_postal_code(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT nullif(regexp_replace(upper(btrim(value)), '^([A-Z]\d[A-Z])\s*(\d[A-Z]\d)$', '\1 \2'), '') $$;
COMMENT ON FUNCTION mls.ddf_postal_code(text) IS 'a postal code, a Canadian one with its blank';

CREATE FUNCTION mls.ddf_utilities("values" jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
SELECT array_agg(DISTINCT (u ->> 'Type') || CASE WHEN lower(u ->> 'Description') IN ('not available', 'none') THEN ' Not Available'
                                                 WHEN u ->> 'Description' ILIKE 'connected%' THEN ' Connected' ELSE ' Available' END)
  FROM jsonb_array_elements("values") u WHERE u ->> 'Type' <> ''
$$;
COMMENT ON FUNCTION mls.ddf_utilities(jsonb) IS 'the utilities of a DDF record as the dictionary has them: their kind, and whether it is there';
