-- Where records are: the points that were found for their addresses, for rules that use
-- the row geo.  Who finds them, and by asking whom, is the room geo's business.

CREATE TABLE mls.geocode_rule (
    subscription    bigint PRIMARY KEY REFERENCES mls.subscription ON DELETE CASCADE,
    geocoders       text[] NOT NULL CHECK (pg_catalog.cardinality(geocoders) > 0),
    accept          smallint NOT NULL DEFAULT 2 CHECK (accept BETWEEN 1 AND 6),
    country         text CHECK (country ~ '^[A-Z]{2}$'),
    since           timestamptz NOT NULL DEFAULT pg_catalog.now(),
    failures        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    error           text
);
COMMENT ON TABLE mls.geocode_rule IS 'which subscriptions are geocoded, and by whom; see mls_geocode_use()';
COMMENT ON COLUMN mls.geocode_rule.subscription IS 'whose records';
COMMENT ON COLUMN mls.geocode_rule.geocoders IS 'who is asked, in order: servers of the protocol geocoder, and functions as schema.name(jsonb); each only if those before gave nothing that is accepted';
COMMENT ON COLUMN mls.geocode_rule.accept IS 'the coarsest answer that is taken: 1 rooftop, 2 interpolated, 3 street, 4 postal code, 5 city, 6 larger';
COMMENT ON COLUMN mls.geocode_rule.country IS 'country of records that name none, two letters; NULL for none';
COMMENT ON COLUMN mls.geocode_rule.since IS 'since when';
COMMENT ON COLUMN mls.geocode_rule.failures IS 'runs that failed since the last that ended well';
COMMENT ON COLUMN mls.geocode_rule.next_attempt_at IS 'runs that name no source leave it alone before then; NULL for any time';
COMMENT ON COLUMN mls.geocode_rule.error IS 'why the last run failed; NULL if it did not';

CREATE TABLE mls.geocode (
    subscription bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    key          text NOT NULL,
    owner        regrole NOT NULL,
    question     text NOT NULL,
    latitude     numeric NOT NULL,
    longitude    numeric NOT NULL,
    quality      text NOT NULL,
    source       text NOT NULL,
    geocoded_at  timestamptz NOT NULL,
    expires_at   timestamptz,
    PRIMARY KEY (subscription, key)
);
CREATE INDEX ON mls.geocode (subscription, expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE mls.geocode IS 'points that were found for records without coordinates; rules of gold see them as the row geo, as long as the address is the one that was asked for';
COMMENT ON COLUMN mls.geocode.subscription IS 'whose record';
COMMENT ON COLUMN mls.geocode.key IS 'its key at the source';
COMMENT ON COLUMN mls.geocode.owner IS 'owner of the subscription';
COMMENT ON COLUMN mls.geocode.question IS 'fingerprint of what was asked: of the address in a normal form';
COMMENT ON COLUMN mls.geocode.latitude IS 'degrees north, WGS 84';
COMMENT ON COLUMN mls.geocode.longitude IS 'degrees east, WGS 84';
COMMENT ON COLUMN mls.geocode.quality IS 'how exact it is: rooftop, interpolated, street, postal code, city or larger';
COMMENT ON COLUMN mls.geocode.source IS 'the geocoder that found it';
COMMENT ON COLUMN mls.geocode.geocoded_at IS 'when it answered';
COMMENT ON COLUMN mls.geocode.expires_at IS 'until when its terms let it be kept; NULL for ever';

ALTER TABLE mls.geocode_rule ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.geocode ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.geocode_rule FOR SELECT USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
CREATE POLICY owner ON mls.geocode FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY monitor ON mls.geocode FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
REVOKE ALL ON mls.geocode_rule, mls.geocode FROM PUBLIC;
GRANT SELECT ON mls.geocode_rule, mls.geocode TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.geocode_rule', '');
SELECT pg_catalog.pg_extension_config_dump('mls.geocode', '');

-- What is asked about a record, and whether it may be: gold's statements call it for each row.
CREATE FUNCTION mls.geocode_question(
    number text, direction_before text, street text, suffix text, direction_after text, address text,
    city text, state text, postal_code text, country text,
    address_shown text, listing_shown text, withheld text, latitude text, longitude text, default_country text) RETURNS text
    AS 'MODULE_PATHNAME', 'mls_geocode_question' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mls.geocode_question(text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text)
    IS 'the address of a record in a normal form: number, street, city, state, postal code and country, separated by tabs; NULL if there is nothing to ask, because it has coordinates, must not be shown, is withheld, or is none';

INSERT INTO mls.field_map (protocol, resource, field, kind, arguments, shipped) VALUES
  ('*', 'Property', 'X_GeoLatitude', 'field', '{geo.latitude}', true),
  ('*', 'Property', 'X_GeoLongitude', 'field', '{geo.longitude}', true),
  ('*', 'Property', 'X_GeoQuality', 'field', '{geo.quality}', true),
  ('*', 'Property', 'X_GeoSource', 'field', '{geo.source}', true),
  ('*', 'Property', 'X_GeocodedAt', 'field', '{geo.geocoded_at}', true);
