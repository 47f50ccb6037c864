-- Maps: distances for everybody, and an index for those who have PostGIS.

CREATE FUNCTION mls_distance(latitude numeric, longitude numeric, other_latitude numeric, other_longitude numeric) RETURNS float8
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT 2 * 6371008.8 * asin(least(1, sqrt(sin(radians((other_latitude - latitude)::float8) / 2) ^ 2
       + cos(radians(latitude::float8)) * cos(radians(other_latitude::float8)) * sin(radians((other_longitude - longitude)::float8) / 2) ^ 2)))
$$;
COMMENT ON FUNCTION mls_distance(numeric, numeric, numeric, numeric)
    IS 'metres between two points in degrees, on a sphere, as geo.distance of mls_serve has them; NULL if one is not known';

CREATE FUNCTION mls_geography_index(gold regclass DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    relation regclass := coalesce(gold, mls.gold_table('Property'));
    home text := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis');
    place text;
    name text;
BEGIN
    PERFORM mls.refuse_standby('mls_geography_index()', 'make an index');
    IF home IS NULL THEN
        PERFORM mls.refuse('55000', 'extension postgis is not in this database',
            format('On Debian it is the package postgresql-%s-postgis-3; then CREATE EXTENSION postgis. mls_distance() does without it.', current_setting('server_version_num')::integer / 10000));
    ELSIF relation IS NULL OR (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = relation AND a.attname IN ('Latitude', 'Longitude') AND NOT a.attisdropped) <> 2 THEN
        PERFORM mls.refuse('42703', coalesce(format('table %s has no columns "Latitude" and "Longitude"', relation), 'there is no table of gold for Property'),
                           'They come when a source has them, or by a rule: see docs/geocoding.md.');
    END IF;
    place := format('((%1$I.st_setsrid(%1$I.st_makepoint("Longitude"::double precision, "Latitude"::double precision), 4326)::%1$I.geography))', home);
    name := left((SELECT c.relname FROM pg_class c WHERE c.oid = relation), 50) || '_geography';
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s USING gist (%s) WHERE "Latitude" BETWEEN -90 AND 90 AND "Longitude" BETWEEN -180 AND 180', name, relation, place);
    RETURN name;
END $$;
COMMENT ON FUNCTION mls_geography_index(regclass)
    IS 'makes an index on the points of gold (Property by default) as geography, for searches with PostGIS; for the owner of the table, and idempotent. Returns its name';
REVOKE ALL ON FUNCTION mls_geography_index(regclass) FROM PUBLIC;
