-- How gold is made from silver: the mapping rules, and the functions that the
-- statements made from them call.

CREATE TABLE mls.field_map (
    protocol        text NOT NULL DEFAULT '*',
    source          text NOT NULL DEFAULT '*',
    source_resource text NOT NULL DEFAULT '*',
    resource        text NOT NULL,
    field           text NOT NULL,
    kind            text NOT NULL DEFAULT 'field',
    arguments       text[] NOT NULL DEFAULT '{}',
    priority        integer NOT NULL DEFAULT 0,
    shipped         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (protocol, source, source_resource, resource, field, priority, shipped),
    CONSTRAINT field_map_kind CHECK (
        CASE kind
            WHEN 'identity' THEN field = '*' AND arguments = '{}'
            WHEN 'field' THEN field <> '*' AND pg_catalog.cardinality(arguments) = 1
                              AND arguments[1] IS NOT NULL
            ELSE false
        END),
    CONSTRAINT field_map_field CHECK (field <> '' AND field NOT LIKE 'mls\_%')
);
COMMENT ON TABLE mls.field_map IS 'mapping rules: how the fields of RESO resources are made from the fields of sources; after a change call mls_subscribe() and mls_rebuild() for the tables it concerns';
COMMENT ON COLUMN mls.field_map.protocol IS 'protocol whose sources the rule is for; * any';
COMMENT ON COLUMN mls.field_map.source IS 'foreign server the rule is for; * any';
COMMENT ON COLUMN mls.field_map.source_resource IS 'resource at the source that the rule reads; * the one named like the RESO resource';
COMMENT ON COLUMN mls.field_map.resource IS 'RESO resource that the rule makes; * each';
COMMENT ON COLUMN mls.field_map.field IS 'RESO field that the rule makes; * each that no other rule makes';
COMMENT ON COLUMN mls.field_map.kind IS 'identity: each field under its own name, fields outside the Data Dictionary as X_<name>; field: the value of one field of the source';
COMMENT ON COLUMN mls.field_map.arguments IS 'of kind field: the field of the source';
COMMENT ON COLUMN mls.field_map.priority IS 'of several rules for one field that of the highest priority whose field the source has; rules for a source come before rules for a protocol';
COMMENT ON COLUMN mls.field_map.shipped IS 'whether the row came with the extension; such rows are not dumped, and give way to others';

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
