-- What is geocoded, and the process that does it.

CREATE FUNCTION mls.note_geocode_rule(caller regrole, subscription bigint, geocoders text[], accept integer, country text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    before mls.geocode_rule;
    coarse bigint := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM mls.subscription s WHERE s.id = note_geocode_rule.subscription AND pg_has_role(caller, s.owner, 'USAGE')) THEN
        PERFORM mls.refuse('42501', 'permission denied for this subscription');
    END IF;
    SELECT * INTO before FROM mls.geocode_rule r WHERE r.subscription = note_geocode_rule.subscription FOR UPDATE;
    IF geocoders IS NULL THEN
        DELETE FROM mls.geocode_rule r WHERE r.subscription = note_geocode_rule.subscription;
        DELETE FROM mls.geocode g WHERE g.subscription = note_geocode_rule.subscription;
    ELSE
        INSERT INTO mls.geocode_rule AS r (subscription, geocoders, accept, country)
        VALUES (note_geocode_rule.subscription, note_geocode_rule.geocoders, note_geocode_rule.accept, note_geocode_rule.country)
        ON CONFLICT ON CONSTRAINT geocode_rule_pkey DO UPDATE
           SET geocoders = excluded.geocoders, accept = excluded.accept, country = excluded.country, since = now(), failures = 0, next_attempt_at = NULL, error = NULL;
        -- What is too coarse now goes; should it be taken again, its answer is still known.
        DELETE FROM mls.geocode g WHERE g.subscription = note_geocode_rule.subscription
           AND g.quality <> ALL (ARRAY(SELECT mls.geocode_quality(n) FROM generate_series(1, note_geocode_rule.accept) n));
        GET DIAGNOSTICS coarse = ROW_COUNT;
    END IF;
    -- Who asks makes no difference to gold; whether points are looked at, and of which country, does.
    IF before.subscription IS NULL OR geocoders IS NULL OR coarse > 0 OR before.country IS DISTINCT FROM note_geocode_rule.country THEN
        UPDATE mls.subscription s SET map_hash = NULL WHERE s.id = note_geocode_rule.subscription AND s.map_hash IS NOT NULL;
    END IF;
END $$;
COMMENT ON FUNCTION mls.note_geocode_rule(regrole, bigint, text[], integer, text) IS 'notes how a subscription is geocoded, for a caller who has its owner''s privileges; geocoders NULL: not at all, and its points go';
CREATE FUNCTION mls.note_geocode_rule(subscription bigint, geocoders text[], accept integer, country text) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_geocode_rule(bigint, text[], integer, text) IS 'part of mls_geocode_use() and mls_geocode_stop(): the same for who calls it';

-- What a geocoder is, by its name in a rule: a server, or a function.
CREATE VIEW mls.geocoder_server WITH (security_invoker = true) AS
SELECT s.srvname::text AS name,
       s.oid AS server,
       coalesce(pg_catalog.max(o.option_value) FILTER (WHERE o.option_name = 'provider'),
                pg_catalog.max(o.option_value) FILTER (WHERE o.option_name = 'platform'), 'generic') AS provider,
       nullif(pg_catalog.max(o.option_value) FILTER (WHERE o.option_name = 'keep_days'), '-1')::integer AS keep_days
  FROM pg_catalog.pg_foreign_server s
  JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
  JOIN pg_catalog.pg_proc p ON p.oid = w.fdwvalidator AND p.prosrc = 'mls_fdw_validator'
 CROSS JOIN LATERAL pg_catalog.pg_options_to_table(s.srvoptions) o
 GROUP BY s.oid, s.srvname
HAVING pg_catalog.max(o.option_value) FILTER (WHERE o.option_name = 'protocol') = 'geocoder';
COMMENT ON VIEW mls.geocoder_server IS 'servers of the protocol geocoder';
COMMENT ON COLUMN mls.geocoder_server.name IS 'name of the server';
COMMENT ON COLUMN mls.geocoder_server.server IS 'its OID';
COMMENT ON COLUMN mls.geocoder_server.provider IS 'row of mls.geocoder that says how it is asked';
COMMENT ON COLUMN mls.geocoder_server.keep_days IS 'its option keep_days; NULL: as mls.geocoder says';

CREATE FUNCTION mls.check_geocoder(geocoder text, role regrole) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found mls.geocoder_server;
    coder mls.geocoder;
    called regprocedure;
BEGIN
    IF strpos(geocoder, '(') > 0 THEN
        called := to_regprocedure(geocoder);
        IF called IS NULL OR NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = called AND p.prorettype = 'jsonb'::regtype AND NOT p.proretset AND p.prokind = 'f'
                                           AND p.pronargs = 1 AND p.proargtypes[0] = 'jsonb'::regtype) OR geocoder !~ '^[^(]+\.[^(]+\(' THEN
            PERFORM mls.refuse('42883', format('there is no function "%s" that geocodes', geocoder),
                               'Name it with its schema, as public.find_address(jsonb): it takes an address and gives a point, both as jsonb.');
        ELSIF NOT has_function_privilege(role, called, 'EXECUTE') THEN
            PERFORM mls.refuse('42501', format('role "%s" may not call function %s', role, called));
        END IF;
        RETURN;
    END IF;
    SELECT * INTO found FROM mls.geocoder_server s WHERE s.name = geocoder;
    IF found.name IS NULL THEN
        PERFORM mls.refuse('42704', format('there is no geocoder "%s"', geocoder),
            coalesce('Perhaps you meant "' || mls.nearest(geocoder, ARRAY(SELECT s.name FROM mls.geocoder_server s ORDER BY 1)) || '".',
                     'A geocoder is a server: CREATE SERVER ... FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol ''geocoder'', platform ''nominatim'', url ''...'').'));
    ELSIF NOT has_server_privilege(role, found.server, 'USAGE') THEN
        PERFORM mls.refuse('42501', format('role "%s" may not use server "%s"', role, geocoder));
    END IF;
    SELECT g.* INTO coder FROM mls.geocoder g WHERE g.name = found.provider ORDER BY g.shipped LIMIT 1;
    IF coder.name IS NULL OR coder.name = 'function' THEN
        PERFORM mls.refuse('22023', format('it is not known how geocoder "%s" is asked', geocoder),
            format('Set the option platform or provider of the server to one of these: %s.',
                   (SELECT string_agg(DISTINCT g.name, ', ' ORDER BY g.name) FROM mls.geocoder g WHERE g.name <> 'function')));
    ELSIF coalesce(found.keep_days, CASE coder.keep_days WHEN 0 THEN -1 END) = -1 THEN
        PERFORM mls.refuse('55000', format('answers of geocoder "%s" may not be kept', geocoder),
            'If your contract says otherwise, set the option keep_days of the server.', 'Gold would have to forget them at once.');
    END IF;
END $$;
COMMENT ON FUNCTION mls.check_geocoder(text, regrole) IS 'part of mls_geocode_use(): an error that helps unless a role can use a geocoder';

CREATE FUNCTION mls_geocode_use(
    source text,
    geocoders text[],
    resource text DEFAULT 'Property',
    accept text DEFAULT 'interpolated',
    country text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found record;
    named text;
    taken integer := array_position('{rooftop,interpolated,street,"postal code",city,larger}'::text[], lower(accept));
    place text := upper(country);
BEGIN
    PERFORM mls.refuse_standby('mls_geocode_use()', 'set what is geocoded');
    SELECT s.id, s.owner, s.foreign_table, s.gold INTO found FROM mls.find_subscriptions(source, resource) f JOIN mls.subscription s ON s.id = f.id;
    IF coalesce(cardinality(geocoders), 0) = 0 OR array_position(geocoders, NULL) IS NOT NULL THEN
        PERFORM mls.refuse('22023', 'geocoders are a list of names', 'Such as ''{osm}'', or ''{own,paid}'': the second is asked where the first finds nothing.');
    ELSIF taken IS NULL THEN
        PERFORM mls.refuse('22023', format('"%s" is no quality of a point', accept), 'It is rooftop, interpolated, street, postal code, city or larger.');
    ELSIF place !~ '^[A-Z]{2}$' THEN
        PERFORM mls.refuse('22023', format('"%s" is no code of a country', country), 'It has two letters, such as US.');
    END IF;
    FOREACH named IN ARRAY geocoders LOOP
        PERFORM mls.check_geocoder(named, found.owner);
    END LOOP;
    PERFORM mls.note_geocode_rule(found.id, geocoders, taken, place);
    IF mls.prepare_gold(found.foreign_table) IS NULL
       OR NOT EXISTS (SELECT FROM @extschema@.mls_map_explain(found.foreign_table) e WHERE e.field = 'X_GeoLatitude') THEN
        PERFORM mls.refuse('22023', format('resource "%s" of source "%s" is not geocoded', resource, source),
                           detail => 'Gold makes no Property of its records, or no point of it.');
    END IF;
END $$;
COMMENT ON FUNCTION mls_geocode_use(text, text[], text, text, text)
    IS 'have records without coordinates geocoded: by servers of the protocol geocoder, or functions as schema.name(jsonb), each asked only where those before found nothing as exact as accept; country is that of records that name none. mls_geocode() does it';

CREATE FUNCTION mls_geocode_stop(source text, resource text DEFAULT 'Property') RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found record;
BEGIN
    PERFORM mls.refuse_standby('mls_geocode_stop()', 'set what is geocoded');
    SELECT f.id INTO found FROM mls.find_subscriptions(source, resource) f JOIN mls.geocode_rule r ON r.subscription = f.id;
    IF found.id IS NULL THEN
        PERFORM mls.refuse('42704', format('resource "%s" of source "%s" is not geocoded', resource, source));
    END IF;
    PERFORM mls.note_geocode_rule(found.id, NULL, NULL, NULL);
END $$;
COMMENT ON FUNCTION mls_geocode_stop(text, text)
    IS 'end geocoding of a resource; its points go from gold with the next sync or mls_remap(), answers stay for as long as they may';

CREATE FUNCTION mls.geocode_not_due(subscription bigint) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE
  WHEN r.next_attempt_at > now() THEN format('next attempt at %s, after %s (%s)', r.next_attempt_at, mls.counted(r.failures, 'failure', 'failures'), r.error)
  WHEN last.started_at > greatest(r.since, now() - interval '1 day')
       AND NOT EXISTS (SELECT FROM mls.run o WHERE o.subscription = $1 AND o.process <> 'geocode' AND coalesce(o.finished_at, now()) >= last.started_at
                          AND (o.process NOT IN ('sync', 'purge') OR o.inserted + o.updated + o.deleted > 0))
       AND NOT EXISTS (SELECT FROM mls.geocode g WHERE g.subscription = $1 AND g.expires_at <= now())
    THEN 'nothing has changed since the last run'
  END
  FROM mls.geocode_rule r
  LEFT JOIN LATERAL (SELECT l.started_at FROM mls.run l WHERE l.subscription = $1 AND l.process = 'geocode' AND l.status = 'finished' ORDER BY l.id DESC LIMIT 1) last ON true
 WHERE r.subscription = $1
$$;
COMMENT ON FUNCTION mls.geocode_not_due(bigint) IS 'why a subscription need not be geocoded now; NULL if it should be';

CREATE FUNCTION mls_geocode(
    source text DEFAULT NULL,
    resource text DEFAULT NULL,
    dry_run boolean DEFAULT false,
    due boolean DEFAULT NULL,
    OUT source text,
    OUT resource text,
    OUT status text,
    OUT looked_for bigint,
    OUT found bigint,
    OUT not_found bigint,
    OUT removed bigint,
    OUT requests bigint,
    OUT duration interval,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_geocode_sql';
COMMENT ON FUNCTION mls_geocode(text, text, boolean, boolean)
    IS 'find points for records without coordinates, where mls_geocode_use() says by whom, in background workers; dry_run says how many requests it would take, due leaves alone what has nothing new or whose next attempt lies ahead (by default when no source is named)';

-- ---- Who is asked, and what is owed to him ----

CREATE VIEW mls_geocoders WITH (security_invoker = true) AS
SELECT s.name AS geocoder,
       s.provider,
       coalesce(s.keep_days, g.keep_days) AS keep_days,
       (SELECT pg_catalog.count(*) FROM mls.geocode p WHERE p.source = s.name) AS points,
       (SELECT pg_catalog.min(p.expires_at) FROM mls.geocode p WHERE p.source = s.name) AS next_expiry,
       g.attribution,
       g.terms
  FROM mls.geocoder_server s
  LEFT JOIN LATERAL (SELECT * FROM mls.geocoder c WHERE c.name = s.provider ORDER BY c.shipped LIMIT 1) g ON true
UNION ALL
SELECT f.name, 'function', NULL, pg_catalog.count(p.source), pg_catalog.min(p.expires_at), NULL, NULL
  FROM (SELECT DISTINCT n.name FROM mls.geocode_rule r CROSS JOIN LATERAL pg_catalog.unnest(r.geocoders) n (name) WHERE pg_catalog.strpos(n.name, '(') > 0) f
  LEFT JOIN mls.geocode p ON p.source = f.name
 GROUP BY f.name;
COMMENT ON VIEW mls_geocoders IS 'who finds points, how many of them are kept and for how long, and what has to stand beside them: X_GeoSource of gold is the column geocoder';
COMMENT ON COLUMN mls_geocoders.geocoder IS 'name of the server, or of the function';
COMMENT ON COLUMN mls_geocoders.provider IS 'row of mls.geocoder that says how it is asked';
COMMENT ON COLUMN mls_geocoders.keep_days IS 'days its answers may be kept; NULL or 0 for ever';
COMMENT ON COLUMN mls_geocoders.points IS 'points in use that it found, as far as the reader may see them';
COMMENT ON COLUMN mls_geocoders.next_expiry IS 'when the next of them has to be forgotten';
COMMENT ON COLUMN mls_geocoders.attribution IS 'what has to stand beside its points where they are shown';
COMMENT ON COLUMN mls_geocoders.terms IS 'what else its terms ask of who uses it';

REVOKE ALL ON FUNCTION mls.note_geocode_rule(regrole, bigint, text[], integer, text), mls.note_geocode_rule(bigint, text[], integer, text),
    mls.check_geocoder(text, regrole), mls_geocode_use(text, text[], text, text, text), mls_geocode_stop(text, text),
    mls.geocode_not_due(bigint), mls_geocode(text, text, boolean, boolean) FROM PUBLIC;
GRANT SELECT ON mls.geocoder_server, mls_geocoders TO pg_monitor;
