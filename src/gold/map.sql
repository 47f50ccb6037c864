-- How gold is made from silver: the mapping rules, and the functions that the
-- statements made from them call.

-- Which rows: the resources that a source's resource makes, and when.  A resource
-- without a row here makes the RESO resource of its own name, a row for a row.
CREATE TABLE mls.row_map (
    protocol        text NOT NULL DEFAULT '*',
    source          text NOT NULL DEFAULT '*',
    source_resource text NOT NULL,
    resource        text NOT NULL REFERENCES mls.dd_resource,
    variant         text NOT NULL DEFAULT '',
    condition       text,
    key             text,
    shipped         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (protocol, source, source_resource, resource, variant, shipped),
    CONSTRAINT row_map_variant CHECK (variant <> '*')
);
COMMENT ON TABLE mls.row_map IS 'mapping rules: which rows of RESO resources are made from a row of a source''s resource';
COMMENT ON COLUMN mls.row_map.protocol IS 'protocol whose sources the rule is for; * any';
COMMENT ON COLUMN mls.row_map.source IS 'foreign server the rule is for; * any';
COMMENT ON COLUMN mls.row_map.source_resource IS 'resource at the source';
COMMENT ON COLUMN mls.row_map.resource IS 'RESO resource that is made from it';
COMMENT ON COLUMN mls.row_map.variant IS 'tells several rows apart that one row makes; rules of mls.field_map can be for one variant';
COMMENT ON COLUMN mls.row_map.condition IS 'boolean SQL expression over the row r, its joins and setting: which rows take part; NULL all';
COMMENT ON COLUMN mls.row_map.key IS 'SQL expression for the key, before the source''s key_prefix is put to it; NULL the key at the source';
COMMENT ON COLUMN mls.row_map.shipped IS 'whether the row came with the extension; such rows are not dumped, and give way to others';

-- What a rule may look at besides the row itself.
CREATE TABLE mls.join_map (
    protocol        text NOT NULL DEFAULT '*',
    source          text NOT NULL DEFAULT '*',
    source_resource text NOT NULL,
    alias           text NOT NULL,
    source_field    text NOT NULL,
    joined_resource text NOT NULL,
    joined_field    text NOT NULL,
    shipped         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (protocol, source, source_resource, alias, shipped),
    CONSTRAINT join_map_alias CHECK (alias ~ '^[a-z][a-z0-9_]*$' AND alias NOT IN ('r', 'setting', 'geo'))
);
COMMENT ON TABLE mls.join_map IS 'mapping rules: silver tables of the same source that the rules of a resource may use';
COMMENT ON COLUMN mls.join_map.protocol IS 'protocol whose sources the rule is for; * any';
COMMENT ON COLUMN mls.join_map.source IS 'foreign server the rule is for; * any';
COMMENT ON COLUMN mls.join_map.source_resource IS 'resource whose rules may use the join';
COMMENT ON COLUMN mls.join_map.alias IS 'name of the joined row in expressions';
COMMENT ON COLUMN mls.join_map.source_field IS 'field of the resource that names the joined record; or alias.field, of a record joined before in alphabetical order of aliases';
COMMENT ON COLUMN mls.join_map.joined_resource IS 'the other resource of the same source';
COMMENT ON COLUMN mls.join_map.joined_field IS 'its field that is equal to source_field: its key, or another field, by which a row may have several partners';
COMMENT ON COLUMN mls.join_map.shipped IS 'whether the row came with the extension; such rows are not dumped, and give way to others';

CREATE TABLE mls.field_map (
    protocol        text NOT NULL DEFAULT '*',
    source          text NOT NULL DEFAULT '*',
    source_resource text NOT NULL DEFAULT '*',
    resource        text NOT NULL,
    variant         text NOT NULL DEFAULT '*',
    field           text NOT NULL,
    kind            text NOT NULL DEFAULT 'field',
    arguments       text[] NOT NULL DEFAULT '{}',
    priority        integer NOT NULL DEFAULT 0,
    shipped         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (protocol, source, source_resource, resource, variant, field, priority, shipped),
    CONSTRAINT field_map_kind CHECK (
        pg_catalog.array_position(arguments, NULL) IS NULL AND
        CASE kind
            WHEN 'identity' THEN field = '*' AND arguments = '{}'
            WHEN 'field' THEN field <> '*' AND pg_catalog.cardinality(arguments) = 1
            WHEN 'lookup' THEN field <> '*' AND pg_catalog.cardinality(arguments) IN (2, 3)
            WHEN 'list' THEN field <> '*' AND pg_catalog.cardinality(arguments) IN (2, 3)
            WHEN 'constant' THEN field <> '*' AND pg_catalog.cardinality(arguments) = 1
            WHEN 'unit' THEN field <> '*' AND pg_catalog.cardinality(arguments) = 3
            WHEN 'expression' THEN field <> '*' AND pg_catalog.cardinality(arguments) >= 1
            WHEN 'none' THEN arguments = '{}'
            ELSE false
        END),
    CONSTRAINT field_map_field CHECK (field <> '' AND field NOT LIKE 'mls\_%' AND pg_catalog.octet_length(field) < 64)
);
COMMENT ON TABLE mls.field_map IS 'mapping rules: how the fields of RESO resources are made from the fields of sources; mls_map_set() and mls_map_remove() change them';
COMMENT ON COLUMN mls.field_map.protocol IS 'protocol whose sources the rule is for; * any';
COMMENT ON COLUMN mls.field_map.source IS 'foreign server the rule is for; * any';
COMMENT ON COLUMN mls.field_map.source_resource IS 'resource at the source that the rule reads; * the one named like the RESO resource, or each that mls.row_map makes it from';
COMMENT ON COLUMN mls.field_map.resource IS 'RESO resource that the rule makes; * each';
COMMENT ON COLUMN mls.field_map.variant IS 'variant of mls.row_map the rule is for; * each';
COMMENT ON COLUMN mls.field_map.field IS 'RESO field that the rule makes; * each that no other rule makes';
COMMENT ON COLUMN mls.field_map.kind IS 'identity: each field under its own name, fields outside the Data Dictionary as X_<name>; field: the value of one field; lookup: its value by mls.value_map; constant: one value for all; unit: a number in another unit; expression: SQL; none: nothing, though weaker rules would make it; for field * nothing that no rule names';
COMMENT ON COLUMN mls.field_map.arguments IS 'field: the field, or alias.field; lookup: field (or the first of a|b that has a value there), lookup of mls.value_map, and what stands for other values (* themselves, missing: nothing); constant: the value; unit: field, its unit (or setting.<name>), the unit wanted; expression: SQL over r, the row of silver, joined rows and setting; further arguments name columns (r.column, alias.column) that the source may lack: they are NULL of type text then';
COMMENT ON COLUMN mls.field_map.priority IS 'of several rules for one field that of the highest priority whose field the source has; rules for a source come before rules for a protocol';
COMMENT ON COLUMN mls.field_map.shipped IS 'whether the row came with the extension; such rows are not dumped, and give way to others';

CREATE TABLE mls.value_map (
    protocol text NOT NULL DEFAULT '*',
    source   text NOT NULL DEFAULT '*',
    lookup   text NOT NULL,
    value    text NOT NULL,
    result   text,
    shipped  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (protocol, source, lookup, value, shipped),
    CONSTRAINT value_map_value CHECK (value = pg_catalog.lower(value))
);
COMMENT ON TABLE mls.value_map IS 'mapping rules: what the values of a source''s lookups are called in the Data Dictionary';
COMMENT ON COLUMN mls.value_map.protocol IS 'protocol whose sources the rule is for; * any';
COMMENT ON COLUMN mls.value_map.source IS 'foreign server the rule is for; * any';
COMMENT ON COLUMN mls.value_map.lookup IS 'name by which rules of kind lookup refer to it';
COMMENT ON COLUMN mls.value_map.value IS 'value at the source, in lower case; case and blanks around it do not matter';
COMMENT ON COLUMN mls.value_map.result IS 'value in gold; NULL for none';
COMMENT ON COLUMN mls.value_map.shipped IS 'whether the row came with the extension; such rows are not dumped, and give way to others';

CREATE TABLE mls.setting_map (
    protocol text NOT NULL DEFAULT '*',
    source   text NOT NULL DEFAULT '*',
    name     text NOT NULL,
    value    text,
    comment  text,
    shipped  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (protocol, source, name, shipped),
    CONSTRAINT setting_map_name CHECK (name ~ '^[a-z][a-z0-9_]*$')
);
COMMENT ON TABLE mls.setting_map IS 'mapping rules: facts about a source that its records do not say, such as units and currency; in expressions setting.<name>';
COMMENT ON COLUMN mls.setting_map.protocol IS 'protocol whose sources it is for; * any';
COMMENT ON COLUMN mls.setting_map.source IS 'foreign server it is for; * any';
COMMENT ON COLUMN mls.setting_map.name IS 'name of the setting';
COMMENT ON COLUMN mls.setting_map.value IS 'its value';
COMMENT ON COLUMN mls.setting_map.comment IS 'what it is good for';
COMMENT ON COLUMN mls.setting_map.shipped IS 'whether the row came with the extension; such rows are not dumped, and give way to others';

REVOKE ALL ON mls.row_map, mls.join_map, mls.value_map, mls.setting_map FROM PUBLIC;
GRANT SELECT ON mls.row_map, mls.join_map, mls.value_map, mls.setting_map TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mls.row_map', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('mls.join_map', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('mls.value_map', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('mls.setting_map', 'WHERE NOT shipped');

REVOKE ALL ON mls.field_map FROM PUBLIC;
GRANT SELECT ON mls.field_map TO PUBLIC;

-- A RESO source has RESO names already.  Four expansions are called differently
-- by older and newer texts of the dictionary; servers and certification use the
-- older name, so gold does.
INSERT INTO mls.field_map (protocol, resource, field, kind, arguments, priority, shipped) VALUES
  ('reso', '*', '*', 'identity', '{}', 0, true),
  ('reso', 'Property', 'OpenHouse', 'field', '{OpenHouse}', 1, true),
  ('reso', 'Property', 'OpenHouse', 'field', '{OpenHouses}', 0, true),
  ('reso', 'Property', 'GreenBuildingVerification', 'field', '{GreenBuildingVerification}', 1, true),
  ('reso', 'Property', 'GreenBuildingVerification', 'field', '{GreenBuildingVerifications}', 0, true),
  ('reso', 'Contacts', 'ContactsOtherPhone', 'field', '{ContactsOtherPhone}', 1, true),
  ('reso', 'Contacts', 'ContactsOtherPhone', 'field', '{ContactsOtherPhones}', 0, true),
  ('reso', 'Member', 'MemberOtherPhone', 'field', '{MemberOtherPhone}', 1, true),
  ('reso', 'Member', 'MemberOtherPhone', 'field', '{MemberOtherPhones}', 0, true);

-- A RETS source says what its fields are in the standard.  Its agents are Members.
INSERT INTO mls.field_map (protocol, resource, field, kind, arguments, shipped) VALUES
  ('rets', '*', '*', 'identity', '{}', true);
INSERT INTO mls.row_map (protocol, source_resource, resource, shipped) VALUES
  ('rets', 'Agent', 'Member', true),
  ('rets', 'ActiveAgent', 'Member', true);

SELECT pg_catalog.pg_extension_config_dump('mls.field_map', 'WHERE NOT shipped');

CREATE FUNCTION mls.display_value(lookup text, value text) RETURNS text
    AS 'MODULE_PATHNAME', 'mls_display_value' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls.display_value(text, text) IS 'standard value of a lookup for the name it has in an OData enumeration; other values unchanged';

CREATE FUNCTION mls.display_values(lookup text, "values" text[]) RETURNS text[]
    AS 'MODULE_PATHNAME', 'mls_display_values' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls.display_values(text, text[]) IS 'the same for each value of a list';

CREATE FUNCTION mls.try_numeric(value text) RETURNS numeric
    AS 'MODULE_PATHNAME', 'mls_try_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls.try_numeric(text) IS 'a decimal number, or NULL if the text is none';

CREATE FUNCTION mls.try_bigint(value text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'mls_try_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls.try_bigint(text) IS 'a whole number, or NULL if the text is none';

CREATE FUNCTION mls.try_boolean(value text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mls_try_boolean' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls.try_boolean(text) IS 'true, false, yes, no, y, n, t, f, 1 or 0, or NULL if the text is none of them';

CREATE FUNCTION mls.try_date(value text) RETURNS date
    AS 'MODULE_PATHNAME', 'mls_try_date' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls.try_date(text) IS 'the date an ISO 8601 date or date-time begins with, or NULL';

CREATE FUNCTION mls.try_timestamptz(value text, timezone text) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'mls_try_timestamptz' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls.try_timestamptz(text, text) IS 'an ISO 8601 date-time, read in the time zone given if it has no offset, or NULL';

CREATE FUNCTION mls.exact_numeric(value double precision) RETURNS numeric
    AS 'MODULE_PATHNAME', 'mls_exact_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls.exact_numeric(double precision) IS 'the shortest decimal number that reads back as the same value; a cast keeps 15 digits only';

CREATE FUNCTION mls.exact_numeric(value real) RETURNS numeric
    AS 'MODULE_PATHNAME', 'mls_exact_numeric_real' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls.exact_numeric(real) IS 'the same for four bytes, where a cast keeps 6 digits';

CREATE FUNCTION mls.convert_unit(value numeric, from_unit text, to_unit text) RETURNS numeric
    AS 'MODULE_PATHNAME', 'mls_convert_unit' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls.convert_unit(numeric, text, text) IS 'an area or a length in another unit, rounded to 4 digits; units are named as in the lookups AreaUnits and LinearUnits or abbreviated (m2, sqft, ac, ha, m, ft, km, mi); NULL for units it does not know and for an area as a length';

CREATE FUNCTION mls.map_list(value text, known jsonb, other text) RETURNS text[]
    AS 'MODULE_PATHNAME', 'mls_map_list' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mls.map_list(text, jsonb, text) IS 'values separated by commas, each as the lookup has it; the longest value the lookup knows comes first, so values may hold commas. Case and additions in brackets do not count. other stands for unknown values: * the value itself, NULL nothing';
