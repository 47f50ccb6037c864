-- The Data Dictionary: complete, consistent, and open to every reader.
SET timezone = 'UTC';
SET datestyle = 'ISO';

SELECT (SELECT count(*) FROM mls.dd_resource) AS resources,
       (SELECT count(*) FROM mls.dd_field) AS fields,
       (SELECT count(*) FROM mls.dd_lookup) AS "values",
       (SELECT count(DISTINCT lookup_name) FROM mls.dd_lookup) AS lookups;

SELECT type, is_collection, count(*) FROM mls.dd_field WHERE NOT is_expansion GROUP BY 1, 2 ORDER BY 1, 2;
SELECT resource, count(*) AS fields, count(lookup_name) AS lookup_fields,
       count(*) FILTER (WHERE is_expansion) AS expansions
  FROM mls.dd_field WHERE resource IN ('Property', 'Member', 'Office', 'Media', 'OpenHouse') GROUP BY 1 ORDER BY 1;

-- Single facts.
SELECT field, type, max_length, precision, scale, is_collection, lookup_name, target_resource, references_field
  FROM mls.dd_field WHERE resource = 'Property'
   AND field IN ('ListPrice', 'BedroomsTotal', 'StandardStatus', 'Appliances', 'ListAgentKey', 'ListingKey', 'CloseDate')
 ORDER BY field;
SELECT field, type, is_collection, target_resource, link_field, references_field
  FROM mls.dd_field WHERE resource = 'Property' AND field IN ('ListAgent', 'Media', 'Rooms', 'OpenHouses') ORDER BY field;
SELECT value, legacy_odata_value FROM mls.dd_lookup WHERE lookup_name = 'StandardStatus' ORDER BY value;

-- Every resource has its key field; keys that do not identify a record are known.
SELECT r.resource FROM mls.dd_resource r
  LEFT JOIN mls.dd_field f ON f.resource = r.resource AND f.field = r.key_field WHERE f.field IS NULL;
SELECT resource, key_field FROM mls.dd_resource WHERE NOT unique_key ORDER BY 1;

-- Values without a lookup field, and lookup fields without values (the local ones).
SELECT DISTINCT lookup_name FROM mls.dd_lookup EXCEPT SELECT lookup_name FROM mls.dd_field;
SELECT count(DISTINCT lookup_name) FROM mls.dd_field f
 WHERE NOT EXISTS (SELECT FROM mls.dd_lookup l WHERE l.lookup_name = f.lookup_name);

-- Expansions and references lead to resources and fields that exist, but for one slip of the dictionary.
SELECT resource, field, target_resource FROM mls.dd_field
 WHERE target_resource NOT IN (SELECT resource FROM mls.dd_resource) AND target_resource <> '*';
SELECT f.resource, f.field, f.references_field FROM mls.dd_field f
  LEFT JOIN mls.dd_field t ON t.resource = f.target_resource AND t.field = f.references_field
 WHERE t.field IS NULL AND f.references_field NOT LIKE '%,%';

-- Keys of other systems are no references.
SELECT count(*) FROM mls.dd_field WHERE NOT is_expansion AND target_resource IS NOT NULL
   AND (field LIKE '%OriginatingSystem%' OR field LIKE '%SourceSystem%');

-- Names of enumerations become standard values; what is no such name stays as it is.
SELECT mls.display_value('StandardStatus', 'ActiveUnderContract'),
       mls.display_value('StandardStatus', 'Active'),
       mls.display_value('NoSuchLookup', 'ActiveUnderContract'),
       mls.display_value('StandardStatus', NULL);
SELECT mls.display_values('AccessibilityFeatures', '{AccessibleDoors,NULL,Other,"Ceiling Track"}'),
       mls.display_values('AccessibilityFeatures', '{}');

-- Text as other types: a value or NULL, never an error.
SELECT v, mls.try_numeric(v), mls.try_bigint(v), mls.try_boolean(v), mls.try_date(v), mls.try_timestamptz(v, 'America/Chicago')
  FROM unnest(ARRAY['12', ' 12.0 ', '2.5', '1e3', '9223372036854775808', '1,000', '', 'NaN', 'Y', '2024-02-29', '2024-02-30',
                    '2024-02-29T10:00:00', '2024-02-29T10:00:00.1234567Z', '10/31/2024', '"', repeat('9', 2000)]) WITH ORDINALITY AS t(v, n)
 WHERE length(v) < 100 OR mls.try_numeric(v) IS NOT NULL ORDER BY n;

-- Facts are read-only; shipped rules too, for all but the owner.
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA mls TO regress_reader;
SET ROLE regress_reader;
SELECT count(*) FROM mls.dd_field WHERE resource = 'Lookup';
DELETE FROM mls.dd_lookup;
UPDATE mls.dd_field SET type = 'Edm.String';
INSERT INTO mls.field_map (resource, field, arguments) VALUES ('Property', 'City', '{Town}');
RESET ROLE;

-- Rules that cannot be followed are refused.
INSERT INTO mls.field_map (resource, field, kind) VALUES ('Property', 'City', 'identity');
INSERT INTO mls.field_map (resource, field) VALUES ('Property', 'City');
INSERT INTO mls.field_map (resource, field, arguments) VALUES ('Property', 'mls_source', '{Town}');
INSERT INTO mls.field_map (resource, field, kind) VALUES ('Property', 'City', 'guess');

-- Everything explains itself.
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relnamespace = 'mls'::regnamespace AND (c.relname LIKE 'dd\_%' OR c.relname = 'field_map') AND c.relkind = 'r'
   AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL);
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
