-- What is served of an audience, for programs that serve: its resources, fields and
-- navigations as one document, its rows as OData JSON, the claims of who asks.
--
-- The program that serves (mls_serve) is a login that may become the roles of audiences
-- and has nothing else.  All that it knows comes from the functions here and in
-- consumer.sql; what a role may read is read off the catalogue, never kept twice.

CREATE FUNCTION mls.odata("row" record, ieee754 boolean DEFAULT false, VARIADIC fragments text[] DEFAULT '{}') RETURNS text
    AS 'MODULE_PATHNAME', 'mls_odata_sql' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mls.odata(record, boolean, text[])
    IS 'a row as an OData JSON object; fragments are pairs of a name and JSON, put behind its fields as they are, and left out where that is empty';

CREATE FUNCTION mls.claim(name text) RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE jsonb_typeof(c.value)
            WHEN 'array' THEN ARRAY(SELECT e FROM jsonb_array_elements_text(c.value) e WHERE e IS NOT NULL)
            WHEN 'string' THEN ARRAY[c.value #>> '{}']
            WHEN 'number' THEN ARRAY[c.value #>> '{}']
            WHEN 'boolean' THEN ARRAY[c.value #>> '{}']
            ELSE '{}' END
  FROM (SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb -> claim.name) c (value)
$$;
COMMENT ON FUNCTION mls.claim(text)
    IS 'what the claims of the request (setting request.jwt.claims) say under a name; without it an empty array, so that a condition on it lets nothing pass';

-- Odd as it looks, whole rows may be written by everybody: who has a row has seen it.
GRANT EXECUTE ON FUNCTION mls.odata(record, boolean, text[]), mls.claim(text) TO PUBLIC;

-- ---- How records lead to others ----

CREATE TABLE mls.dd_navigation (
    resource      text NOT NULL REFERENCES mls.dd_resource,
    name          text NOT NULL,
    target        text NOT NULL REFERENCES mls.dd_resource,
    many          boolean NOT NULL,
    own_fields    text[] NOT NULL,
    target_fields text[] NOT NULL,
    kind_field    text,
    kind_value    text,
    shipped       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (resource, name, shipped),
    CHECK (cardinality(own_fields) > 0 AND cardinality(own_fields) = cardinality(target_fields)),
    CHECK ((kind_field IS NULL) = (kind_value IS NULL))
);
COMMENT ON TABLE mls.dd_navigation IS 'how records lead to others, as those who are served may ask for: the expansions of the dictionary and your own, which come first';
COMMENT ON COLUMN mls.dd_navigation.resource IS 'resource that has it';
COMMENT ON COLUMN mls.dd_navigation.name IS 'its name, as $expand names it';
COMMENT ON COLUMN mls.dd_navigation.target IS 'resource it leads to';
COMMENT ON COLUMN mls.dd_navigation.many IS 'whether to many records';
COMMENT ON COLUMN mls.dd_navigation.own_fields IS 'fields of the resource that join';
COMMENT ON COLUMN mls.dd_navigation.target_fields IS 'those of the target that they are equal to';
COMMENT ON COLUMN mls.dd_navigation.kind_field IS 'field of the target that says to what its records belong, or NULL';
COMMENT ON COLUMN mls.dd_navigation.kind_value IS 'what it says of those of this resource';
COMMENT ON COLUMN mls.dd_navigation.shipped IS 'whether the row came with the extension; such rows are not dumped, and give way to others';
REVOKE ALL ON mls.dd_navigation FROM PUBLIC;
GRANT SELECT ON mls.dd_navigation TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mls.dd_navigation', 'WHERE NOT shipped');

-- Where the dictionary does not say what joins, its names do.
INSERT INTO mls.dd_navigation (resource, name, target, many, own_fields, target_fields, kind_field, kind_value, shipped)
SELECT n.resource, n.field, n.target_resource, n.is_collection, ARRAY[n.own], ARRAY[n.their],
       CASE WHEN n.belongs THEN 'ResourceName' END, CASE WHEN n.belongs THEN n.resource END, true
  FROM (SELECT f.resource, f.field, f.target_resource, f.is_collection, b.belongs,
               CASE WHEN b.belongs THEN r.key_field
                    WHEN f.is_collection THEN f.references_field
                    WHEN f.target_resource = 'OUID' THEN f.field || 'ID'
                    ELSE coalesce(f.link_field, (SELECT o.field FROM mls.dd_field o
                            WHERE o.resource = f.resource AND NOT o.is_expansion AND o.field IN (f.field || 'Key', t.key_field)
                            ORDER BY o.field = t.key_field LIMIT 1)) END AS own,
               CASE WHEN b.belongs THEN 'ResourceRecordKey'
                    WHEN f.is_collection THEN f.references_field
                    WHEN f.target_resource = 'OUID' THEN 'OrganizationUniqueId'
                    ELSE coalesce(f.references_field, t.key_field) END AS their
          FROM mls.dd_field f
          JOIN mls.dd_resource r USING (resource)
          JOIN mls.dd_resource t ON t.resource = f.target_resource
         CROSS JOIN LATERAL (SELECT f.is_collection AND (SELECT count(*) FROM mls.dd_field o WHERE o.resource = f.target_resource AND NOT o.is_expansion
                                                          AND o.field IN ('ResourceRecordKey', 'ResourceName')) = 2 AS belongs) b
         WHERE f.is_expansion) n
  JOIN mls.dd_field o ON o.resource = n.resource AND o.field = n.own AND NOT o.is_expansion
  JOIN mls.dd_field d ON d.resource = n.target_resource AND d.field = n.their AND NOT d.is_expansion;

CREATE FUNCTION mls_navigation_set(
    resource text,
    name text,
    target text,
    many boolean,
    own_fields text[],
    target_fields text[],
    kind_field text DEFAULT NULL,
    kind_value text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_navigation_set()', 'set this');
    IF name !~ '^[A-Za-z_][A-Za-z0-9_]{0,127}$' THEN
        PERFORM mls.refuse('42602', format('"%s" is no name of a navigation', name), 'It has letters, digits and _, and no digit first.');
    END IF;
    INSERT INTO mls.dd_navigation AS n (resource, name, target, many, own_fields, target_fields, kind_field, kind_value)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT ON CONSTRAINT dd_navigation_pkey DO UPDATE SET (target, many, own_fields, target_fields, kind_field, kind_value) =
        (excluded.target, excluded.many, excluded.own_fields, excluded.target_fields, excluded.kind_field, excluded.kind_value);
    NOTIFY mls_serve, 'model';
END $$;
COMMENT ON FUNCTION mls_navigation_set(text, text, text, boolean, text[], text[], text, text)
    IS 'let records of a resource lead to others under a name, for those who are served: fields of the one that equal fields of the other';

CREATE FUNCTION mls_navigation_remove(resource text, name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_navigation_remove()', 'set this');
    DELETE FROM mls.dd_navigation n WHERE n.resource = $1 AND n.name = $2 AND NOT n.shipped;
    IF NOT FOUND THEN
        PERFORM mls.refuse('42704', format('resource "%s" has no navigation "%s" of your own', $1, $2));
    END IF;
    NOTIFY mls_serve, 'model';
END $$;
COMMENT ON FUNCTION mls_navigation_remove(text, text) IS 'take a navigation of one''s own back; that of the dictionary, if there is one, holds again';

-- ---- What an audience sees ----

-- Each reader has its own rows of mls.audience, and those of roles that it can become.
CREATE VIEW mls.served_audience WITH (security_barrier = true) AS
SELECT v.audience, v.resource, v.view, v.gold, v.set_at,
       EXISTS (SELECT FROM mls.protection p WHERE p.audience = v.audience AND p.resource = v.resource) AS licensed
  FROM mls.audience v
 WHERE pg_catalog.pg_has_role(v.audience, 'MEMBER');
COMMENT ON VIEW mls.served_audience IS 'audiences that the reader is or can become';
COMMENT ON COLUMN mls.served_audience.audience IS 'the role';
COMMENT ON COLUMN mls.served_audience.resource IS 'RESO resource';
COMMENT ON COLUMN mls.served_audience.view IS 'its view';
COMMENT ON COLUMN mls.served_audience.gold IS 'the table of gold beneath';
COMMENT ON COLUMN mls.served_audience.set_at IS 'when it was set';
COMMENT ON COLUMN mls.served_audience.licensed IS 'whether mls_protect() has shown it';
GRANT SELECT ON mls.served_audience TO PUBLIC;

-- Columns of a relation that a role may read, as fields of a resource.
CREATE FUNCTION mls.served_fields(role regrole, resource text, view regclass, gold regclass,
    OUT name text, OUT type text, OUT sql text, OUT nullable boolean, OUT collection boolean, OUT max_length integer,
    OUT "precision" integer, OUT scale integer, OUT lookup text, OUT description text, OUT place integer)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT v.attname, e.type, format_type(b.type, NULL), NOT (r.key_field = v.attname OR b.many OR coalesce(g.attnotnull, false)), b.many,
       CASE WHEN e.type = 'Edm.String' AND coalesce(g.atttypmod, v.atttypmod) > 4 THEN coalesce(g.atttypmod, v.atttypmod) - 4 END,
       CASE WHEN m.mod >= 4 THEN (m.mod - 4) >> 16 & 65535 WHEN e.type = 'Edm.DateTimeOffset' THEN 6 END,
       CASE WHEN m.mod >= 4 THEN ((m.mod - 4 & 2047) # 1024) - 1024 END,
       d.lookup_name, col_description(served_fields.view, v.attnum), v.attnum
  FROM pg_class c
  JOIN pg_attribute v ON v.attrelid = c.oid AND v.attnum > 0 AND NOT v.attisdropped
  JOIN pg_type t ON t.oid = v.atttypid
  LEFT JOIN pg_attribute g ON g.attrelid = served_fields.gold AND g.attname = v.attname AND NOT g.attisdropped
  LEFT JOIN mls.dd_resource r ON r.resource = served_fields.resource
  LEFT JOIN mls.dd_field d ON d.resource = served_fields.resource AND d.field = v.attname AND NOT d.is_expansion
 CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END AS type) o
  JOIN pg_type a ON a.oid = o.type
 CROSS JOIN LATERAL (SELECT a.oid AS type, a.typsubscript = 'array_subscript_handler'::regproc AS many) b
  -- Types that are not here are not served.
  JOIN (VALUES ('text'::regtype, 'Edm.String'), ('varchar', 'Edm.String'), ('bpchar', 'Edm.String'), ('bool', 'Edm.Boolean'), ('numeric', 'Edm.Decimal'),
               ('int2', 'Edm.Int16'), ('int4', 'Edm.Int32'), ('int8', 'Edm.Int64'), ('float4', 'Edm.Single'), ('float8', 'Edm.Double'),
               ('date', 'Edm.Date'), ('timestamptz', 'Edm.DateTimeOffset'), ('timestamp', 'Edm.DateTimeOffset'), ('time', 'Edm.TimeOfDay'),
               ('uuid', 'Edm.Guid'), ('bytea', 'Edm.Binary')) e (sql_type, type)
    ON e.sql_type = CASE WHEN b.many THEN a.typelem ELSE a.oid END
 CROSS JOIN LATERAL (SELECT CASE WHEN e.type = 'Edm.Decimal' THEN coalesce(g.atttypmod, v.atttypmod) END) m (mod)
 WHERE c.oid = served_fields.view
   AND has_column_privilege(served_fields.role, c.oid, v.attnum, 'SELECT')
   -- A view of its reader's rights shows no more than the table beneath.
   AND (g.attnum IS NULL OR NOT coalesce(c.reloptions::text ~ 'security_invoker=(true|on|1|yes)', false)
        OR has_column_privilege(served_fields.role, g.attrelid, g.attnum, 'SELECT'))
$$;
COMMENT ON FUNCTION mls.served_fields(regrole, text, regclass, regclass) IS 'fields of a view that a role may read, with their OData types';

CREATE FUNCTION mls.served_resources(role regrole, OUT resource text, OUT view regclass, OUT gold regclass, OUT key_field text)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT v.resource, v.view, v.gold, d.key_field
  FROM mls.served_audience v JOIN mls.dd_resource d USING (resource)
 WHERE v.audience = served_resources.role AND d.unique_key AND EXISTS (SELECT FROM pg_class c WHERE c.oid = v.view)
   AND has_schema_privilege(served_resources.role, (SELECT c.relnamespace FROM pg_class c WHERE c.oid = v.view), 'USAGE')
UNION ALL
-- What is the same for all audiences, each seeing its own; a view of the audience comes first.
SELECT o.resource, o.view, NULL, d.key_field
  FROM (VALUES ('Lookup', to_regclass('mls."Lookup"'), true), ('Field', to_regclass('mls."Field"'), true),
               ('EntityEvent', to_regclass('mls."EntityEvent"'), EXISTS (SELECT FROM mls.served_audience v WHERE v.audience = served_resources.role AND v.licensed))) o (resource, view, there)
  JOIN mls.dd_resource d USING (resource)
 WHERE o.there AND has_schema_privilege(served_resources.role, 'mls', 'USAGE') AND has_table_privilege(served_resources.role, o.view, 'SELECT')
   AND EXISTS (SELECT FROM mls.served_audience v WHERE v.audience = served_resources.role)
   AND NOT EXISTS (SELECT FROM mls.served_audience v WHERE v.audience = served_resources.role AND v.resource = o.resource)
$$;
COMMENT ON FUNCTION mls.served_resources(regrole) IS 'resources that are served to an audience, each with its view';

CREATE FUNCTION mls.serve_roles() RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT r.rolname::text FROM pg_roles r
 WHERE (EXISTS (SELECT FROM mls.served_audience v WHERE v.audience = r.oid) OR EXISTS (SELECT FROM mls.served_dataset d WHERE d.audience = r.oid)) AND pg_has_role(r.oid, 'MEMBER') ORDER BY 1
$$;
COMMENT ON FUNCTION mls.serve_roles() IS 'audiences that the caller can become';

CREATE FUNCTION mls.serve_model(role text) RETURNS json
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    AS $$
DECLARE
    reader oid := (SELECT r.oid FROM pg_roles r WHERE r.rolname = role);
    model json;
BEGIN
    IF pg_has_role(reader, 'MEMBER') IS NOT TRUE
       OR NOT EXISTS (SELECT FROM mls.served_audience v WHERE v.audience = reader) AND NOT EXISTS (SELECT FROM mls.served_dataset d WHERE d.audience = reader) THEN
        RAISE EXCEPTION 'role "%" is no audience that you can become', role USING ERRCODE = 'insufficient_privilege';
    END IF;
    WITH resources AS MATERIALIZED (
        SELECT s.* FROM mls.served_resources(reader) s
    ), fields AS MATERIALIZED (
        SELECT r.resource, f.* FROM resources r, mls.served_fields(reader, r.resource, r.view, r.gold) f
    ), navigations AS (
        SELECT DISTINCT ON (n.resource, n.name) n.*
          FROM mls.dd_navigation n JOIN resources o ON o.resource = n.resource JOIN resources t ON t.resource = n.target
         WHERE NOT EXISTS (SELECT FROM unnest(n.own_fields) x WHERE NOT EXISTS (SELECT FROM fields f WHERE f.resource = n.resource AND f.name = x AND NOT f.collection))
           AND NOT EXISTS (SELECT FROM unnest(n.target_fields) x WHERE NOT EXISTS (SELECT FROM fields f WHERE f.resource = n.target AND f.name = x AND NOT f.collection))
           AND (n.kind_field IS NULL OR n.resource = 'Property' OR EXISTS (SELECT FROM fields f WHERE f.resource = n.target AND f.name = n.kind_field))
           AND NOT EXISTS (SELECT FROM fields f WHERE f.resource = n.resource AND f.name = n.name)
         ORDER BY n.resource, n.name, n.shipped
    )
    SELECT json_agg(json_build_object(
               'name', r.resource,
               'schema', (SELECT c.relnamespace::regnamespace::name FROM pg_class c WHERE c.oid = r.view),
               'view', (SELECT c.relname FROM pg_class c WHERE c.oid = r.view),
               'key', json_build_array(r.key_field),
               'fields', (SELECT json_agg(json_build_object('name', f.name, 'type', f.type, 'sql', f.sql, 'nullable', f.nullable, 'collection', f.collection,
                              'max_length', f.max_length, 'precision', f."precision", 'scale', f.scale, 'lookup', f.lookup, 'description', f.description) ORDER BY f.place)
                            FROM fields f WHERE f.resource = r.resource),
               'navigations', (SELECT coalesce(json_agg(json_build_object('name', n.name, 'target', n.target, 'many', n.many,
                                   'on', (SELECT json_agg(json_build_array(o, t)) FROM unnest(n.own_fields, n.target_fields) u (o, t)),
                                   'where', CASE WHEN EXISTS (SELECT FROM fields f WHERE f.resource = n.target AND f.name = n.kind_field)
                                                 THEN json_build_array(json_build_array(n.kind_field, n.kind_value)) ELSE '[]' END) ORDER BY n.name), '[]')
                                 FROM navigations n WHERE n.resource = r.resource)) ORDER BY r.resource COLLATE "C")
      INTO model
      FROM resources r
     WHERE EXISTS (SELECT FROM fields f WHERE f.resource = r.resource AND f.name = r.key_field);
    RETURN json_build_object('version', md5(coalesce(model::text, '')), 'resources', coalesce(model, '[]'));
END $$;
COMMENT ON FUNCTION mls.serve_model(text)
    IS 'what an audience may read, as JSON: resources with their views, fields and navigations; version changes whenever it does';

-- ---- Fields, as records ----

CREATE FUNCTION mls.serve_fields(OUT "FieldKey" text, OUT "ResourceName" text, OUT "FieldName" text, OUT "ModificationTimestamp" timestamptz)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    AS $$
SELECT r.resource || '.' || f.name, r.resource, f.name,
       coalesce((SELECT max(v.set_at) FROM mls.served_audience v WHERE v.audience = current_user::regrole AND v.resource = r.resource), '2024-04-01Z')
  FROM mls.served_resources(current_user::regrole) r, mls.served_fields(current_user::regrole, r.resource, r.view, r.gold) f
$$;
COMMENT ON FUNCTION mls.serve_fields() IS 'fields that the audience who asks may read';

CREATE VIEW mls."Field" AS SELECT * FROM mls.serve_fields();
COMMENT ON VIEW mls."Field" IS 'RESO resource Field: what the audience who asks may read';
COMMENT ON COLUMN mls."Field"."FieldKey" IS 'resource and field';
COMMENT ON COLUMN mls."Field"."ResourceName" IS 'the resource';
COMMENT ON COLUMN mls."Field"."FieldName" IS 'the field';
COMMENT ON COLUMN mls."Field"."ModificationTimestamp" IS 'when the audience was shown the resource';

-- ---- Lookups, as records ----

CREATE FUNCTION mls.used_values(view regclass, fields text[], stamp text, OUT field text, OUT value text, OUT first timestamptz)
    RETURNS SETOF record
    LANGUAGE c STABLE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_used_values_sql';
COMMENT ON FUNCTION mls.used_values(regclass, text[], text)
    IS 'different values of texts and of lists of texts in the rows of a view that the caller sees, each with the least of a timestamp beside it';

CREATE FUNCTION mls.brings_news(stamp timestamptz, VARIADIC fields "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'mls_brings_news_sql' LANGUAGE C VOLATILE LEAKPROOF COST 1;
COMMENT ON FUNCTION mls.brings_news(timestamptz, "any")
    IS 'part of mls.used_values(): whether a row has a value that it has not found yet; true outside';

-- Values that occur in what the reader sees, so that no other's are told, and those of the
-- dictionary for fields that he reads.  Read off the data: it is right in each transaction.
CREATE FUNCTION mls.serve_lookups(OUT "LookupKey" text, OUT "LookupName" text, OUT "LookupValue" text, OUT "StandardLookupValue" text, OUT "LegacyODataValue" text,
    OUT "ModificationTimestamp" timestamptz)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    AS $$
WITH fields AS MATERIALIZED (
    SELECT r.resource, r.view, f.name, f.lookup, f.type = 'Edm.String' AND f.lookup IS NOT NULL AS lists, f.name = 'ModificationTimestamp' AND f.sql = 'timestamp with time zone' AS stamps
      FROM mls.served_resources(current_user::regrole) r, mls.served_fields(current_user::regrole, r.resource, r.view, r.gold) f
     WHERE r.resource NOT IN ('Lookup', 'Field', 'EntityEvent')
), used AS (
    SELECT f.lookup, u.value, min(u.first) AS first
      FROM (SELECT v.resource, v.view, array_agg(v.name) FILTER (WHERE v.lists) AS names, max(v.name) FILTER (WHERE v.stamps) AS stamp FROM fields v
             -- History grows without end, and its changes are those of the dictionary.
             WHERE v.resource <> 'HistoryTransactional' GROUP BY 1, 2) r
     CROSS JOIN LATERAL mls.used_values(r.view, r.names, r.stamp) u
      JOIN fields f ON f.resource = r.resource AND f.name = u.field
     WHERE r.names IS NOT NULL AND u.value <> ''
     GROUP BY 1, 2
)
SELECT md5(coalesce(d.lookup_name, u.lookup) || chr(31) || coalesce(d.value, u.value)), coalesce(d.lookup_name, u.lookup), coalesce(d.value, u.value),
       d.value, d.legacy_odata_value, CASE WHEN d.value IS NULL THEN u.first ELSE '2024-04-01Z' END
  FROM (SELECT l.* FROM mls.dd_lookup l WHERE l.lookup_name IN (SELECT f.lookup FROM fields f WHERE f.lists)) d
  FULL JOIN used u ON u.lookup = d.lookup_name AND u.value = d.value
$$;
COMMENT ON FUNCTION mls.serve_lookups() IS 'values of lookups for the audience who asks: those of the dictionary, and what occurs in the records that it sees';

CREATE VIEW mls."Lookup" AS SELECT * FROM mls.serve_lookups();
COMMENT ON VIEW mls."Lookup" IS 'RESO resource Lookup, for the audience who asks';
COMMENT ON COLUMN mls."Lookup"."LookupKey" IS 'the same for a name and value for ever';
COMMENT ON COLUMN mls."Lookup"."LookupName" IS 'name of the lookup, as $metadata gives it to fields';
COMMENT ON COLUMN mls."Lookup"."LookupValue" IS 'value that occurs in data, or may';
COMMENT ON COLUMN mls."Lookup"."StandardLookupValue" IS 'the same if the Data Dictionary has it, else NULL';
COMMENT ON COLUMN mls."Lookup"."LegacyODataValue" IS 'its name where the lookup is an OData enumeration';
COMMENT ON COLUMN mls."Lookup"."ModificationTimestamp" IS 'of a local value the least timestamp of a record that has it; of others when the dictionary was ratified';

REVOKE ALL ON FUNCTION mls_navigation_set(text, text, text, boolean, text[], text[], text, text), mls_navigation_remove(text, text), mls.serve_roles(), mls.serve_model(text) FROM PUBLIC;
-- These read the catalogue in the rights of who asks.
GRANT EXECUTE ON FUNCTION mls.served_fields(regrole, text, regclass, regclass), mls.served_resources(regrole), mls.serve_fields(), mls.used_values(regclass, text[], text), mls.brings_news(timestamptz, "any"), mls.serve_lookups() TO PUBLIC;
GRANT SELECT ON mls."Field", mls."Lookup" TO PUBLIC;
