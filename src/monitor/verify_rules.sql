-- What mls_verify() says about rules: resources they look at that are not
-- subscribed, values they make that a lookup does not have, and those that are for
-- servers that are gone.

CREATE FUNCTION mls.verify_joins(verification bigint, sub mls.subscription) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH named AS (
  SELECT ARRAY['*', o.protocol, o.protocol || '/' || o.platform] AS protocols,
         ARRAY[sub.resource, split_part(sub.resource, ':', 1)] AS resources
    FROM (SELECT max(v.option_value) FILTER (WHERE v.option_name = 'protocol') AS protocol,
                 coalesce(max(v.option_value) FILTER (WHERE v.option_name = 'platform'), 'generic') AS platform
            FROM pg_foreign_server f, pg_options_to_table(f.srvoptions) v WHERE f.srvname = sub.source) o),
wanted AS (
  SELECT DISTINCT ON (j.alias) j.alias, j.source_field, j.joined_resource
    FROM mls.join_map j, named n
   WHERE j.protocol = ANY (n.protocols) AND j.source IN ('*', sub.source) AND j.source_resource = ANY (n.resources)
   ORDER BY j.alias, j.source_resource = sub.resource DESC, j.source <> '*' DESC, length(j.protocol) DESC, j.shipped),
missing AS (
  SELECT w.alias, w.joined_resource, '(^|[^a-z0-9_.])' || w.alias || '\.' AS pattern
    FROM wanted w
   WHERE NOT EXISTS (SELECT FROM mls.subscription o
                      WHERE o.source = sub.source AND o.owner = sub.owner AND o.resource = w.joined_resource)
     AND (strpos(w.source_field, '.') > 0
          OR EXISTS (SELECT FROM mls.table_fields(sub.foreign_table) f WHERE f.field = w.source_field))),
made AS (
  SELECT r.resource, r.variant, concat_ws(' ', r.condition, r.key) AS text
    FROM mls.row_map r, named n
   WHERE r.protocol = ANY (n.protocols) AND r.source IN ('*', sub.source) AND r.source_resource = ANY (n.resources)),
rules AS (
  SELECT m.resource, m.field, array_to_string(m.arguments, ' ') AS text
    FROM mls.field_map m, named n
   WHERE m.protocol = ANY (n.protocols) AND m.source IN ('*', sub.source) AND m.kind <> 'none'
     AND (m.source_resource = ANY (n.resources)
          OR m.source_resource = '*' AND (m.resource = ANY (n.resources) OR m.resource IN (SELECT d.resource FROM made d)))
     AND (NOT m.shipped OR NOT EXISTS (
          SELECT FROM mls.field_map o
           WHERE NOT o.shipped AND o.field = m.field AND o.resource IN ('*', m.resource) AND o.source IN ('*', sub.source)
             AND o.protocol = ANY (n.protocols)))),
concerned AS (
  SELECT x.joined_resource, x.alias, u.resource, u.field FROM missing x JOIN rules u ON u.text ~ x.pattern
   UNION
  SELECT x.joined_resource, x.alias, d.resource, 'the rows' || coalesce(' of variant ' || nullif(d.variant, ''), '')
    FROM missing x JOIN made d ON d.text ~ x.pattern)
SELECT mls.add_finding($1, 'warning', c.resource, 'joins', c.alias, c.fields,
           format('resource "%s" is not subscribed; what looks there (as %s) stays empty or is made without it: %s',
                  c.joined_resource, c.alias, c.list))
  FROM (SELECT c.resource, c.alias, c.joined_resource, count(*) AS fields,
               string_agg(c.field, ', ' ORDER BY c.field) AS list
          FROM concerned c GROUP BY 1, 2, 3 ORDER BY 1, 2) c;
$$;
COMMENT ON FUNCTION mls.verify_joins(bigint, mls.subscription) IS 'part of mls_verify(): resources that rules look at and that are not subscribed';

CREATE FUNCTION mls.verify_lookups(verification bigint, subscription bigint, source text, resource text, gold regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    measured record;
    example text;
BEGIN
    FOR measured IN
        SELECT q.field, q.outside, d.lookup_name, a.atttypid = 'text[]'::regtype AS is_list
          FROM mls.quality q
          JOIN mls.dd_field d ON d.resource = q.resource AND d.field = q.field
          JOIN pg_attribute a ON a.attrelid = gold AND a.attname = q.field
         WHERE q.verification = verify_lookups.verification AND q.resource = verify_lookups.resource AND q.outside > 0
         ORDER BY q.field
    LOOP
        example := (SELECT r #>> '{}' FROM mls.as_owner(subscription, format(
            'SELECT to_jsonb(min(v.value)) FROM %s g, unnest(%s) v (value)
              WHERE g.mls_source = $1 AND v.value <> ''''
                AND NOT EXISTS (SELECT FROM mls.dd_lookup l WHERE l.lookup_name = $2 AND l.value = v.value)',
            gold, format(CASE WHEN measured.is_list THEN 'g.%I' ELSE 'ARRAY[g.%I]' END, measured.field)),
            source, measured.lookup_name) r);
        PERFORM mls.add_finding(verification, 'warning', resource, 'lookups', measured.field, measured.outside,
            format('%s that the lookup %s does not, such as "%s"',
                   mls.counted(measured.outside, 'row has a value', 'rows have values'),
                   measured.lookup_name, left(example, 60)));
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.verify_lookups(bigint, bigint, text, text, regclass) IS 'part of mls_verify(): values of gold that their lookup does not have';

-- Rules do not go with their server: it may come back, from a dump or under another URL.
CREATE FUNCTION mls.verify_rules(verification bigint) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT mls.add_finding($1, 'info', '*', 'rules', u.source, u.rules,
           format('%s for the server "%s", which does not exist; %s', mls.counted(u.rules, 'rule is', 'rules are'),
                  u.source, u.commands))
  FROM (SELECT r.source, sum(r.rules)::bigint AS rules,
               string_agg(format('DELETE FROM mls.%s WHERE source = %L', r.name, r.source), '; ' ORDER BY r.name) AS commands
          FROM (SELECT 'field_map' AS name, source, count(*) AS rules FROM mls.field_map GROUP BY source
                 UNION ALL SELECT 'row_map', source, count(*) FROM mls.row_map GROUP BY source
                 UNION ALL SELECT 'join_map', source, count(*) FROM mls.join_map GROUP BY source
                 UNION ALL SELECT 'value_map', source, count(*) FROM mls.value_map GROUP BY source
                 UNION ALL SELECT 'setting_map', source, count(*) FROM mls.setting_map GROUP BY source
                 UNION ALL SELECT 'clean_map', source, count(*) FROM mls.clean_map GROUP BY source
                 UNION ALL SELECT 'arrival_map', source, count(*) FROM mls.arrival_map GROUP BY source) r
         WHERE r.source <> '*' AND NOT EXISTS (SELECT FROM pg_foreign_server f WHERE f.srvname = r.source)
         GROUP BY r.source ORDER BY r.source) u;
$$;
COMMENT ON FUNCTION mls.verify_rules(bigint) IS 'part of mls_verify(): rules for servers that do not exist';

REVOKE ALL ON FUNCTION mls.verify_joins(bigint, mls.subscription), mls.verify_lookups(bigint, bigint, text, text, regclass),
    mls.verify_rules(bigint) FROM PUBLIC;
