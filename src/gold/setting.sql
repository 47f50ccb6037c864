-- Settings: your own come first, then what the source says of itself, then those shipped.

CREATE TABLE mls.told (
    source    text PRIMARY KEY,
    address   text NOT NULL,
    asked_at  timestamptz,
    failed_at timestamptz,
    problem   text,
    settings  jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE mls.told IS 'settings that sources tell of themselves, such as units and currency; asked for by syncs';
COMMENT ON COLUMN mls.told.source IS 'foreign server';
COMMENT ON COLUMN mls.told.address IS 'its address when it was asked; another is asked anew';
COMMENT ON COLUMN mls.told.asked_at IS 'when it answered last, be it that it does not tell';
COMMENT ON COLUMN mls.told.failed_at IS 'when it could not be asked, unless it could be since';
COMMENT ON COLUMN mls.told.problem IS 'why it did not tell, or what of its answer is not known; or NULL';
COMMENT ON COLUMN mls.told.settings IS '{name: value} in the words of mls.setting_map';

ALTER TABLE mls.told ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON mls.told FOR SELECT USING (true);
REVOKE ALL ON mls.told FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mls.told', '');

CREATE FUNCTION mls.setting_of(protocol text, source text, OUT name text, OUT value text, OUT origin text)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT DISTINCT ON (s.name) s.name, s.value, s.origin
  FROM (SELECT m.name, m.value, CASE WHEN m.shipped THEN 'shipped' ELSE 'own' END AS origin,
               CASE WHEN m.shipped THEN 3 ELSE 1 END AS rank, m.source <> '*' AS is_for_source, length(m.protocol) AS nearness
          FROM mls.setting_map m
         WHERE m.protocol IN ('*', split_part($1, '/', 1), $1) AND m.source IN ('*', $2)
         UNION ALL
        SELECT e.key, e.value, 'told', 2, true, 0
          FROM mls.told t, jsonb_each_text(t.settings) e WHERE t.source = $2) s
 ORDER BY s.name, s.rank, s.is_for_source DESC, s.nearness DESC
$$;
COMMENT ON FUNCTION mls.setting_of(text, text)
    IS 'settings in force for a source; the protocol is protocol/platform. origin: own (mls_map_setting), told (by the source) or shipped';

CREATE FUNCTION mls.same_setting(a text, b text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT coalesce(mls.convert_unit(1, a, b) = 1, upper(btrim(a)) = upper(btrim(b)), false)
$$;
COMMENT ON FUNCTION mls.same_setting(text, text) IS 'whether two values of a setting mean the same: units by any of their names, others whatever the case';

CREATE FUNCTION mls.check_units(protocol text, source text, told jsonb, OUT ok boolean, OUT detail text)
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH f AS (
  SELECT s.name, s.value, s.origin, told ->> s.name AS remote,
         told ? s.name AND NOT mls.same_setting(told ->> s.name, s.value) AS differs
    FROM mls.setting_of(protocol, source) s
   WHERE s.name LIKE '%\_unit' OR s.name = 'currency' OR told ? s.name),
asked AS (SELECT EXISTS (SELECT FROM mls.told t WHERE t.source = check_units.source AND t.asked_at IS NOT NULL) AS before)
SELECT NOT coalesce(bool_or(differs AND (origin = 'own' OR before) OR NOT coalesce(told ? name, false) AND origin = 'shipped'), false),
       concat_ws(' ',
         'In force: ' || string_agg(format('%s %s (%s)', name, coalesce(value, 'not set'),
             CASE origin WHEN 'own' THEN 'set here' WHEN 'told' THEN 'told by the source' ELSE 'assumed' END), ', ' ORDER BY name) || '.',
         string_agg(format('The source says %s %s, but %s is set here: mls_map_setting(%L, %L, %L) takes it over.',
             name, remote, coalesce(value, 'nothing'), source, name, remote), ' ' ORDER BY name) FILTER (WHERE differs AND origin = 'own'),
         'The source says ' || string_agg(name || ' ' || remote, ', ' ORDER BY name) FILTER (WHERE differs AND origin <> 'own')
             || '; the next sync that asks takes it over.',
         'The source does not say ' || string_agg(name, ', ' ORDER BY name)
             FILTER (WHERE origin = 'shipped' AND NOT coalesce(told ? name, false)) || '; set it with mls_map_setting().')
  FROM f, asked
$$;
COMMENT ON FUNCTION mls.check_units(text, text, jsonb)
    IS 'part of mls_check(): units and currency that the source tells now, {name: value} or NULL, against the settings in force';

CREATE FUNCTION mls.verify_units(verification bigint, source text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.add_finding(verification, 'warning', '*', 'units', e.key, NULL,
                format('the source says %s, but %s is set here; mls_map_setting(%L, %L, %L) takes over what the source says',
                       e.value, coalesce(s.value, 'nothing'), t.source, e.key, e.value))
       FROM mls.told t
      CROSS JOIN LATERAL jsonb_each_text(t.settings) e
       JOIN pg_foreign_server f ON f.srvname = t.source
      CROSS JOIN LATERAL mls.setting_of(
               (SELECT coalesce(max(o.option_value) FILTER (WHERE o.option_name = 'protocol'), 'reso') || '/'
                    || coalesce(max(o.option_value) FILTER (WHERE o.option_name = 'platform'), 'generic')
                  FROM pg_options_to_table(f.srvoptions) o), t.source) s
      WHERE t.source = verify_units.source AND s.name = e.key AND s.origin = 'own' AND NOT mls.same_setting(s.value, e.value);
END $$;
COMMENT ON FUNCTION mls.verify_units(bigint, text) IS 'part of mls_verify(): settings of your own that are not what the source says';

REVOKE ALL ON FUNCTION mls.setting_of(text, text), mls.same_setting(text, text),
    mls.check_units(text, text, jsonb), mls.verify_units(bigint, text) FROM PUBLIC;
