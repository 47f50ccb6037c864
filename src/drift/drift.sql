-- What is known of the remote schema, so that its changes are seen.
--
-- A row says what the source declared when it was asked last; it stays, with the
-- time of removal, when the source does not declare it any more.

CREATE TABLE mls.remote_resource (
    subscription bigint PRIMARY KEY REFERENCES mls.subscription ON DELETE CASCADE,
    key          text[],
    first_seen   timestamptz,
    checked_at   timestamptz,
    failed_at    timestamptz,
    removed_at   timestamptz
);
COMMENT ON TABLE mls.remote_resource IS 'when the remote schema of a subscription was compared';
COMMENT ON COLUMN mls.remote_resource.subscription IS 'the subscription';
COMMENT ON COLUMN mls.remote_resource.key IS 'key fields the source declares';
COMMENT ON COLUMN mls.remote_resource.first_seen IS 'when it was described first';
COMMENT ON COLUMN mls.remote_resource.checked_at IS 'when it was compared last';
COMMENT ON COLUMN mls.remote_resource.failed_at IS 'when the metadata could not be read, unless it could be since';
COMMENT ON COLUMN mls.remote_resource.removed_at IS 'when the source was found not to declare the resource any more';

CREATE TABLE mls.remote_field (
    subscription bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    field        text NOT NULL,
    type         text,
    pg_type      regtype NOT NULL,
    is_natural   boolean NOT NULL,
    is_enum      boolean NOT NULL,
    is_flags     boolean NOT NULL,
    nullable     boolean NOT NULL,
    max_length   integer,
    lookup       text,
    description  text,
    standard_name text,
    is_coded     boolean NOT NULL DEFAULT false,
    pending      text CHECK (pending IN ('addition', 'change')),
    former_type  text,
    first_seen   timestamptz NOT NULL DEFAULT now(),
    changed_at   timestamptz NOT NULL DEFAULT now(),
    removed_at   timestamptz,
    PRIMARY KEY (subscription, field)
);
COMMENT ON TABLE mls.remote_field IS 'fields a source declares for the resource of a subscription, and those it has declared before';
COMMENT ON COLUMN mls.remote_field.subscription IS 'the subscription';
COMMENT ON COLUMN mls.remote_field.field IS 'name of the field';
COMMENT ON COLUMN mls.remote_field.type IS 'type as the source declares it';
COMMENT ON COLUMN mls.remote_field.pg_type IS 'type of a column for it';
COMMENT ON COLUMN mls.remote_field.is_natural IS 'the declared type follows from that of the column';
COMMENT ON COLUMN mls.remote_field.is_enum IS 'the type is an enumeration';
COMMENT ON COLUMN mls.remote_field.is_flags IS 'its members can be combined';
COMMENT ON COLUMN mls.remote_field.nullable IS 'the source allows it to be null';
COMMENT ON COLUMN mls.remote_field.max_length IS 'longest text, or NULL if none is declared';
COMMENT ON COLUMN mls.remote_field.lookup IS 'name of its lookup, or NULL';
COMMENT ON COLUMN mls.remote_field.description IS 'description by the source, or NULL';
COMMENT ON COLUMN mls.remote_field.standard_name IS 'what the source says it is in the standard, where it has another name; or NULL';
COMMENT ON COLUMN mls.remote_field.is_coded IS 'records hold codes of the lookup';
COMMENT ON COLUMN mls.remote_field.pending IS 'addition or change: what the tables do not follow yet; NULL: nothing';
COMMENT ON COLUMN mls.remote_field.former_type IS 'type it was declared with first, where that has changed; or NULL';
COMMENT ON COLUMN mls.remote_field.first_seen IS 'when it was declared first, or again after a removal';
COMMENT ON COLUMN mls.remote_field.changed_at IS 'when its declaration changed last';
COMMENT ON COLUMN mls.remote_field.removed_at IS 'when it was found not to be declared any more';

CREATE TABLE mls.remote_lookup (
    subscription bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    lookup       text NOT NULL,
    value        text NOT NULL,
    display      text,
    first_seen   timestamptz NOT NULL DEFAULT now(),
    removed_at   timestamptz,
    PRIMARY KEY (subscription, lookup, value)
);
COMMENT ON TABLE mls.remote_lookup IS 'lookup values the metadata of a source declares, and those it has declared before';
COMMENT ON COLUMN mls.remote_lookup.subscription IS 'the subscription with a field of that lookup';
COMMENT ON COLUMN mls.remote_lookup.lookup IS 'name of the lookup';
COMMENT ON COLUMN mls.remote_lookup.value IS 'value as it travels';
COMMENT ON COLUMN mls.remote_lookup.display IS 'its standard name, or NULL';
COMMENT ON COLUMN mls.remote_lookup.first_seen IS 'when it was declared first, or again after a removal';
COMMENT ON COLUMN mls.remote_lookup.removed_at IS 'when it was found not to be declared any more';

ALTER TABLE mls.remote_resource ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.remote_field ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.remote_lookup ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.remote_resource FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
CREATE POLICY owner ON mls.remote_field FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
CREATE POLICY owner ON mls.remote_lookup FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
GRANT SELECT ON mls.remote_resource, mls.remote_field, mls.remote_lookup TO pg_monitor;

SELECT pg_catalog.pg_extension_config_dump('mls.remote_resource', '');
SELECT pg_catalog.pg_extension_config_dump('mls.remote_field', '');
SELECT pg_catalog.pg_extension_config_dump('mls.remote_lookup', '');

CREATE FUNCTION mls_schema_check(
    source text,
    resource text DEFAULT NULL,
    OUT resource text,
    OUT change text,
    OUT name text,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_schema_check(text, text)
    IS 'compare the metadata of a source with what is known of its subscribed resources, now; changes nothing';

CREATE FUNCTION mls_schema_accept(
    source text,
    resource text DEFAULT NULL,
    columns boolean DEFAULT true,
    OUT resource text,
    OUT change text,
    OUT name text,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_schema_accept(text, text, boolean)
    IS 'take the schema of a source as it is now for known, and add the columns for its new fields';

REVOKE ALL ON FUNCTION mls_schema_check(text, text), mls_schema_accept(text, text, boolean)
    FROM PUBLIC;
