-- Who says where an address is: how geocoders are asked, and what their answers mean.
--
-- A geocoder that is used is a foreign server of the protocol geocoder; how the service behind
-- it speaks is a row here.  Paths are those of SQL/JSON, so that a service of another kind
-- is another row and no code.

CREATE TABLE mls.geocoder (
    name         text NOT NULL,
    path         text NOT NULL DEFAULT '',
    parameters   jsonb NOT NULL CHECK (pg_catalog.jsonb_typeof(parameters) = 'object'),
    results      jsonpath NOT NULL,
    latitude     jsonpath NOT NULL,
    longitude    jsonpath NOT NULL,
    quality      jsonb NOT NULL CHECK (pg_catalog.jsonb_typeof(quality) = 'array'),
    house_number jsonpath,
    postal_code  jsonpath,
    city         jsonpath,
    state        jsonpath,
    country      jsonpath,
    none_status  integer[] NOT NULL DEFAULT '{}',
    quota_status integer[] NOT NULL DEFAULT '{402}',
    quota        jsonpath,
    denied       jsonpath,
    failed       jsonpath,
    message      jsonpath,
    keep_days    integer CHECK (keep_days >= 0),
    attribution  text,
    terms        text,
    shipped      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (name, shipped)
);
COMMENT ON TABLE mls.geocoder IS 'how geocoding services are asked and answer; a row of your own comes before a shipped one of its name';
COMMENT ON COLUMN mls.geocoder.name IS 'name of the service: the option provider or platform of a server';
COMMENT ON COLUMN mls.geocoder.path IS 'what is appended to the url of the server';
COMMENT ON COLUMN mls.geocoder.parameters IS '{name: value} of the address; in values {number}, {street}, {city}, {state}, {postal_code}, {country} and {address} (all in one line) stand for what is asked, and a parameter all of whose are empty is left out';
COMMENT ON COLUMN mls.geocoder.results IS 'path of the candidates in the answer; the other paths are within a candidate';
COMMENT ON COLUMN mls.geocoder.latitude IS 'path of the latitude';
COMMENT ON COLUMN mls.geocoder.longitude IS 'path of the longitude';
COMMENT ON COLUMN mls.geocoder.quality IS '[{"if": path, "rank": n}]: the first whose path finds something says how exact a candidate is: 1 rooftop, 2 interpolated, 3 street, 4 postal code, 5 city, 6 larger';
COMMENT ON COLUMN mls.geocoder.house_number IS 'path of the house number; or of an address that begins with it';
COMMENT ON COLUMN mls.geocoder.postal_code IS 'path of the postal code';
COMMENT ON COLUMN mls.geocoder.city IS 'path of names of the city; several are allowed';
COMMENT ON COLUMN mls.geocoder.state IS 'path of names or codes of the state';
COMMENT ON COLUMN mls.geocoder.country IS 'path of the country''s code of two letters';
COMMENT ON COLUMN mls.geocoder.none_status IS 'HTTP statuses that mean: no such address';
COMMENT ON COLUMN mls.geocoder.quota_status IS 'HTTP statuses, besides 429, that mean: the quota is spent';
COMMENT ON COLUMN mls.geocoder.quota IS 'path that finds something in an answer with status 200 that means: the quota is spent';
COMMENT ON COLUMN mls.geocoder.denied IS 'the same for: the key is not accepted';
COMMENT ON COLUMN mls.geocoder.failed IS 'the same for any other failure';
COMMENT ON COLUMN mls.geocoder.message IS 'path of the service''s own words about these';
COMMENT ON COLUMN mls.geocoder.keep_days IS 'days its terms let answers be kept; NULL for ever, 0 not at all';
COMMENT ON COLUMN mls.geocoder.attribution IS 'what has to stand beside its points where they are shown';
COMMENT ON COLUMN mls.geocoder.terms IS 'what else its terms ask of who uses it';
COMMENT ON COLUMN mls.geocoder.shipped IS 'whether the row came with the extension; such rows are not dumped';
REVOKE ALL ON mls.geocoder FROM PUBLIC;
GRANT SELECT ON mls.geocoder TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.geocoder', 'WHERE NOT shipped');

-- ---- What was answered ----

CREATE TABLE mls.geocode_cache (
    owner      regrole NOT NULL,
    geocoder   text NOT NULL,
    question   text NOT NULL,
    verdict    text NOT NULL CHECK (verdict IN ('found', 'refused', 'none')),
    rank       smallint,
    latitude   numeric,
    longitude  numeric,
    reason     text,
    asked_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    expires_at timestamptz,
    PRIMARY KEY (owner, geocoder, question)
);
CREATE INDEX ON mls.geocode_cache (owner, geocoder, latitude, longitude) WHERE latitude IS NOT NULL;
CREATE INDEX ON mls.geocode_cache (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE mls.geocode_cache IS 'answers of geocoders, so that nothing is asked twice; deleted when their time is over';
COMMENT ON COLUMN mls.geocode_cache.owner IS 'role whose subscriptions asked';
COMMENT ON COLUMN mls.geocode_cache.geocoder IS 'server, or function, that was asked';
COMMENT ON COLUMN mls.geocode_cache.question IS 'fingerprint of the address in a normal form';
COMMENT ON COLUMN mls.geocode_cache.verdict IS 'found, refused (there was an answer, but checks speak against it), or none';
COMMENT ON COLUMN mls.geocode_cache.rank IS 'how exact it is: 1 rooftop, 2 interpolated, 3 street, 4 postal code, 5 city, 6 larger';
COMMENT ON COLUMN mls.geocode_cache.latitude IS 'degrees north';
COMMENT ON COLUMN mls.geocode_cache.longitude IS 'degrees east';
COMMENT ON COLUMN mls.geocode_cache.reason IS 'why it was refused';
COMMENT ON COLUMN mls.geocode_cache.asked_at IS 'when it was asked';
COMMENT ON COLUMN mls.geocode_cache.expires_at IS 'when it is deleted: by the terms of the service; what was not found after 30 days; NULL never';
ALTER TABLE mls.geocode_cache ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.geocode_cache FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY monitor ON mls.geocode_cache FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
REVOKE ALL ON mls.geocode_cache FROM PUBLIC;
GRANT SELECT ON mls.geocode_cache TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.geocode_cache', '');

-- ---- Asking ----

CREATE FUNCTION mls.geocode_parameters(provider text, question text, OUT path text, OUT name text, OUT value text)
    RETURNS SETOF record
    LANGUAGE sql STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH part AS (SELECT string_to_array(question, E'\t') AS p),
word (mark, value) AS (
  SELECT w.* FROM part, LATERAL (VALUES ('{number}', p[1]), ('{street}', p[2]), ('{city}', p[3]), ('{state}', p[4]), ('{postal_code}', p[5]), ('{country}', p[6]),
    ('{address}', concat_ws(', ', p[1] || ' ' || p[2], nullif(p[3], ''), nullif(btrim(p[4] || ' ' || p[5]), ''), nullif(p[6], '')))) w),
coder AS (SELECT * FROM mls.geocoder g WHERE g.name = provider ORDER BY g.shipped LIMIT 1)
SELECT c.path, e.key, r.text
  FROM coder c
  LEFT JOIN LATERAL jsonb_each_text(c.parameters) e ON true
  -- Marks are replaced one after another; what stands for one holds no brackets, so it is none itself.
  LEFT JOIN LATERAL (
    SELECT replace(replace(replace(replace(replace(replace(replace(e.value,
           '{number}', p[1]), '{street}', p[2]), '{city}', p[3]), '{state}', p[4]), '{postal_code}', p[5]), '{country}', p[6]),
           '{address}', (SELECT w.value FROM word w WHERE w.mark = '{address}')) AS text FROM part) r ON true
 WHERE e.value IS NULL OR e.value !~ '[{]' OR EXISTS (SELECT FROM word w WHERE strpos(e.value, w.mark) > 0 AND w.value <> '')
$$;
COMMENT ON FUNCTION mls.geocode_parameters(text, text)
    IS 'path and parameters of the address at which a service is asked a question; no row for a service that is not known';

-- ---- What an answer means ----

CREATE FUNCTION mls.geocode_words(texts text[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT coalesce(array_agg(btrim(lower(regexp_replace(t, '[\x01-\x22$%(-,.:-?\x5b-\x60\x7b-\x7f]+', ' ', 'g')))), '{}') FROM unnest(texts) t WHERE t IS NOT NULL $$;
COMMENT ON FUNCTION mls.geocode_words(text[]) IS 'texts of an answer in the form that questions have';

CREATE FUNCTION mls.geocode_texts(candidate jsonb, path jsonpath) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT mls.geocode_words(ARRAY(SELECT v #>> '{}' FROM jsonb_path_query(candidate, path, '{}', true) v LIMIT 10)) $$;
COMMENT ON FUNCTION mls.geocode_texts(jsonb, jsonpath) IS 'what a path finds in a candidate, in that form';

-- Why a candidate is not believed; NULL if it is.  Scores of services lie; these do not.
CREATE FUNCTION mls.geocode_objection(
    latitude numeric, longitude numeric, asked text[], numbers text[], postal_codes text[], cities text[], states text[], countries text[], box numeric[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE
  WHEN latitude IS NULL OR longitude IS NULL THEN 'it has no point'
  WHEN abs(latitude) > 90 OR abs(longitude) > 180 THEN 'its point is none on the earth'
  WHEN abs(latitude) < 0.001 AND abs(longitude) < 0.001 THEN 'its point is that of zeros'
  WHEN f.out_of_box AND f.turned_in_box THEN 'latitude and longitude have changed places'
  WHEN f.out_of_box THEN 'its point is far from the other listings of the postal code'
  WHEN asked[6] <> '' AND cardinality(countries) > 0 AND NOT asked[6] = ANY (countries) THEN 'it is in another country'
  WHEN length(asked[4]) = 2 AND f.state_codes <> '{}' AND NOT asked[4] = ANY (f.state_codes) THEN 'it is in another state'
  WHEN f.house <> '' AND f.house <> split_part(asked[1], ' ', 1) THEN 'it is another house'
  WHEN f.same_city OR f.in_box THEN NULL
  -- Other countries have that code as well.
  WHEN f.same_code AND asked[6] <> '' AND cardinality(countries) = 0 AND NOT asked[4] = ANY (f.state_codes) THEN 'it does not say in which country it is'
  WHEN f.same_code THEN NULL
  WHEN cardinality(postal_codes) = 0 AND cardinality(cities) = 0 THEN 'it does not say in which place it is'
  ELSE 'it is in another place'
  END
  FROM (SELECT
    split_part(numbers[1], ' ', 1) AS house,
    ARRAY(SELECT right(s, 2) FROM unnest(states) s WHERE length(s) = 2 OR s ~ '^[a-z]{2}-[a-z]{2}$') AS state_codes,
    coalesce(asked[5] <> '' AND EXISTS (SELECT FROM unnest(postal_codes) c
              WHERE replace(c, ' ', '') = replace(asked[5], ' ', '') OR left(c, CASE asked[6] WHEN 'us' THEN 5 ELSE 3 END) = left(asked[5], CASE asked[6] WHEN 'us' THEN 5 ELSE 3 END)), false) AS same_code,
    asked[3] <> '' AND asked[3] = ANY (cities) AS same_city,
    coalesce(latitude BETWEEN box[1] AND box[3] AND longitude BETWEEN box[2] AND box[4], false) AS in_box,
    coalesce(NOT (latitude BETWEEN box[1] AND box[3] AND longitude BETWEEN box[2] AND box[4]), false) AS out_of_box,
    coalesce(longitude BETWEEN box[1] AND box[3] AND latitude BETWEEN box[2] AND box[4], false) AS turned_in_box) f
$$;
COMMENT ON FUNCTION mls.geocode_objection(numeric, numeric, text[], text[], text[], text[], text[], text[], numeric[])
    IS 'why a candidate is not where the question is; NULL if nothing speaks against it. box: south, west, north, east of listings with the postal code, or NULL';

CREATE FUNCTION mls.geocode_read(
    provider text, status integer, body text, question text, box numeric[],
    OUT verdict text, OUT rank integer, OUT latitude numeric, OUT longitude numeric, OUT reason text)
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    coder mls.geocoder;
    answer jsonb;
    candidate jsonb;
    asked text[] := string_to_array(question, E'\t');
    numbers text[];
    objection text;
    this integer;
    lat numeric;
    lon numeric;
BEGIN
    SELECT g.* INTO coder FROM mls.geocoder g WHERE g.name = provider ORDER BY g.shipped LIMIT 1;
    IF status = ANY (coder.none_status) THEN
        verdict := 'none';
        RETURN;
    END IF;
    BEGIN
        answer := body::jsonb;
    EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
        answer := NULL;
    END;
    reason := left(jsonb_path_query_first(answer, coder.message, '{}', true) #>> '{}', 200);
    IF status = ANY (coder.quota_status) OR coalesce(jsonb_path_exists(answer, coder.quota, '{}', true), false) THEN
        verdict := 'quota';
    ELSIF coalesce(jsonb_path_exists(answer, coder.denied, '{}', true), false) THEN
        verdict := 'denied';
    ELSIF status IN (400, 422) THEN
        verdict := 'refused';
        reason := concat_ws(': ', format('it answered %s', status), reason);
    ELSIF answer IS NULL OR status <> 200 OR coalesce(jsonb_path_exists(answer, coder.failed, '{}', true), false) THEN
        verdict := 'failed';
        reason := CASE WHEN answer IS NULL THEN 'it is no JSON' ELSE concat_ws(': ', format('status %s', status), reason) END;
    END IF;
    IF verdict IS NOT NULL THEN
        RETURN;
    END IF;
    verdict := 'none';
    reason := NULL;
    FOR candidate IN SELECT c FROM jsonb_path_query(answer, coder.results, '{}', true) c LIMIT 10 LOOP
        lat := round(mls.try_numeric(jsonb_path_query_first(candidate, coder.latitude, '{}', true) #>> '{}'), 7);
        lon := round(mls.try_numeric(jsonb_path_query_first(candidate, coder.longitude, '{}', true) #>> '{}'), 7);
        numbers := mls.geocode_texts(candidate, coder.house_number);
        objection := mls.geocode_objection(lat, lon, asked, numbers,
            mls.geocode_texts(candidate, coder.postal_code), mls.geocode_texts(candidate, coder.city),
            mls.geocode_texts(candidate, coder.state), mls.geocode_texts(candidate, coder.country), box);
        IF objection IS NOT NULL THEN
            IF verdict = 'none' THEN
                verdict := 'refused';
                reason := objection;
            END IF;
            CONTINUE;
        END IF;
        this := coalesce((SELECT (q.rule ->> 'rank')::integer FROM jsonb_array_elements(coder.quality) WITH ORDINALITY q (rule, n)
                           WHERE jsonb_path_exists(candidate, (q.rule ->> 'if')::jsonpath, '{}', true) ORDER BY q.n LIMIT 1), 6);
        -- An answer without a number is a street, whatever it says of itself.
        IF cardinality(numbers) = 0 THEN
            this := greatest(this, 3);
        END IF;
        IF verdict <> 'found' OR this < rank THEN
            verdict := 'found';
            rank := this;
            latitude := lat;
            longitude := lon;
            reason := NULL;
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.geocode_read(text, integer, text, text, numeric[])
    IS 'what the answer of a service means. verdict: found, with the best candidate that nothing speaks against; refused, with the reason; none; quota, denied or failed, with the service''s words';

CREATE FUNCTION mls.geocode_quality(rank integer) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT ('{rooftop,interpolated,street,"postal code",city,larger}'::text[])[rank] $$;
COMMENT ON FUNCTION mls.geocode_quality(integer) IS 'the name of a rank: rooftop, interpolated, street, postal code, city or larger';

REVOKE ALL ON FUNCTION mls.geocode_parameters(text, text), mls.geocode_words(text[]), mls.geocode_texts(jsonb, jsonpath),
    mls.geocode_objection(numeric, numeric, text[], text[], text[], text[], text[], text[], numeric[]),
    mls.geocode_read(text, integer, text, text, numeric[]), mls.geocode_quality(integer) FROM PUBLIC;
