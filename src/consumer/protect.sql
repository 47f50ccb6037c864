-- Licences: who may show what to whom, as boards and sellers say it, on top of mls_audience().
--
-- Sellers say it in fields: InternetEntireListingDisplayYN, InternetAddressDisplayYN; offices
-- in IDXOfficeParticipationYN; files in Permission.  Which sources and offices a consumer has
-- its claims say, and who claims none sees nothing.

CREATE TABLE mls.dd_masked (
    resource text NOT NULL REFERENCES mls.dd_resource,
    fields   text NOT NULL,
    PRIMARY KEY (resource, fields)
);
COMMENT ON TABLE mls.dd_masked IS 'fields of the dictionary that tell where a listing is: mls_protect() hides them where its seller wants no address shown';
COMMENT ON COLUMN mls.dd_masked.resource IS 'the resource';
COMMENT ON COLUMN mls.dd_masked.fields IS 'regular expression for whole names of fields';
REVOKE ALL ON mls.dd_masked FROM PUBLIC;
GRANT SELECT ON mls.dd_masked TO PUBLIC;
INSERT INTO mls.dd_masked (resource, fields) VALUES
  ('Property', 'UnparsedAddress|Street.*|UnitNumber|PostalCodePlus4|CarrierRoute|CrossStreet|BuildingName'),
  ('Property', 'ParcelNumber|AdditionalParcels.*|Tax(Block|BookNumber|LegalDescription|Lot|MapNumber|ParcelLetter|Tract)|Township|PublicSurvey.*|FIPS.*'),
  ('Property', 'Latitude|Longitude|Coordinates|MapCoordinate.*|MapURL|Directions|VirtualTourURL.*|UniversalPropertyId');

-- Fields that say of which office a record is.
CREATE TABLE mls.dd_office_field (
    resource text NOT NULL REFERENCES mls.dd_resource,
    field    text NOT NULL,
    PRIMARY KEY (resource, field)
);
COMMENT ON TABLE mls.dd_office_field IS 'fields of the dictionary that say of which office a record is';
COMMENT ON COLUMN mls.dd_office_field.resource IS 'the resource';
COMMENT ON COLUMN mls.dd_office_field.field IS 'field that holds the key of an office';
REVOKE ALL ON mls.dd_office_field FROM PUBLIC;
GRANT SELECT ON mls.dd_office_field TO PUBLIC;
INSERT INTO mls.dd_office_field (resource, field) VALUES
  ('Property', 'ListOfficeKey'), ('Property', 'CoListOfficeKey'), ('Member', 'OfficeKey'), ('Office', 'OfficeKey');

CREATE TABLE mls.protection (
    audience   regrole NOT NULL,
    resource   text NOT NULL,
    licence    text NOT NULL CHECK (licence IN ('idx', 'vow', 'broker', 'office')),
    sources    text[],
    opt_in     boolean NOT NULL DEFAULT false,
    masked     text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (audience, resource),
    FOREIGN KEY (audience, resource) REFERENCES mls.audience ON DELETE CASCADE
);
COMMENT ON TABLE mls.protection IS 'by which licence mls_protect() has shown a resource to an audience';
COMMENT ON COLUMN mls.protection.audience IS 'the role';
COMMENT ON COLUMN mls.protection.resource IS 'the resource';
COMMENT ON COLUMN mls.protection.licence IS 'idx, vow, broker or office';
COMMENT ON COLUMN mls.protection.sources IS 'sources whose records it sees; NULL: those that the claim "sources" names';
COMMENT ON COLUMN mls.protection.opt_in IS 'whether what a seller does not state counts as no';
COMMENT ON COLUMN mls.protection.masked IS 'fields that are shown only where the seller lets the address be shown';
ALTER TABLE mls.protection ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON mls.protection FOR SELECT USING (true);
SELECT pg_catalog.pg_extension_config_dump('mls.protection', '');

CREATE FUNCTION mls.note_protection(caller regrole, audience regrole, resource text, licence text, sources text[], opt_in boolean, masked text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM mls.audience v WHERE v.audience = $2 AND v.resource = $3 AND pg_has_role(caller, v.set_by, 'USAGE')) THEN
        PERFORM mls.refuse('42501', format('permission denied to say how role "%s" sees resource "%s"', audience::text, resource));
    END IF;
    INSERT INTO mls.protection VALUES ($2, $3, $4, $5, $6, $7)
    ON CONFLICT ON CONSTRAINT protection_pkey DO UPDATE
       SET (licence, sources, opt_in, masked) = (excluded.licence, excluded.sources, excluded.opt_in, excluded.masked);
END $$;
COMMENT ON FUNCTION mls.note_protection(regrole, regrole, text, text, text[], boolean, text[]) IS 'notes for a caller by which licence he shows a resource to an audience';
CREATE FUNCTION mls.note_protection(audience regrole, resource text, licence text, sources text[], opt_in boolean, masked text[]) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_protection(regrole, text, text, text[], boolean, text[]) IS 'part of mls_protect(): the same for who calls it';

-- Listings of offices that do not take part are found by a view of their keys, in its owner's
-- rights: whether they are hidden must not depend on what the reader sees of offices.
CREATE FUNCTION mls.office_condition(gold regclass, place name, audience regrole, opt_in boolean) RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    offices regclass := mls.gold_table('Office');
    name text := format('%I.%I', place, CASE WHEN opt_in THEN 'mls_offices_in' ELSE 'mls_offices_out' END);
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = gold AND a.attname = 'ListOfficeKey' AND NOT a.attisdropped)
       OR offices IS NULL OR NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = offices AND a.attname = 'IDXOfficeParticipationYN' AND a.atttypid = 'boolean'::regtype AND NOT a.attisdropped) THEN
        RETURN CASE WHEN opt_in THEN 'false' ELSE 'true' END;
    END IF;
    IF to_regnamespace(quote_ident(place)) IS NULL THEN
        EXECUTE format('CREATE SCHEMA %I', place);
    END IF;
    EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_barrier = true) AS SELECT o."OfficeKey" FROM %s o WHERE o."IDXOfficeParticipationYN" IS %s',
                   name, offices, CASE WHEN opt_in THEN 'TRUE' ELSE 'FALSE' END);
    EXECUTE format('COMMENT ON VIEW %s IS %L', name, CASE WHEN opt_in THEN 'offices that take part in IDX' ELSE 'offices that take no part in IDX' END);
    EXECUTE format('GRANT SELECT ON %s TO %s', name, audience);
    RETURN format('%sEXISTS (SELECT FROM %s o WHERE o."OfficeKey" = %s."ListOfficeKey")', CASE WHEN opt_in THEN '' ELSE 'NOT ' END, name, gold);
END $$;
COMMENT ON FUNCTION mls.office_condition(regclass, name, regrole, boolean) IS 'part of mls_protect(): the condition that the office of a listing takes part in IDX';

CREATE FUNCTION mls_protect(
    audience regrole,
    licence text,
    resource text,
    fields text[] DEFAULT NULL,
    sources text[] DEFAULT NULL,
    condition text DEFAULT NULL,
    opt_in boolean DEFAULT false,
    masked text[] DEFAULT '{}',
    schema name DEFAULT NULL)
    RETURNS regclass
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    gold regclass := mls.gold_table(mls_protect.resource);
    place name := coalesce(mls_protect.schema, (SELECT rolname FROM pg_roles WHERE oid = mls_protect.audience));
    columns text[];
    belongs boolean;
    conditions text[];
    mask text;
    hidden text[] := '{}';
    view regclass;
BEGIN
    PERFORM mls.refuse_standby('mls_protect()', 'set who sees what');
    IF mls_protect.licence IS NULL OR mls_protect.licence <> ALL ('{idx,vow,broker,office}') THEN
        PERFORM mls.refuse('22023', format('there is no licence "%s"', mls_protect.licence), 'Licences are idx, vow, broker and office.');
    END IF;
    columns := ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = gold AND a.attnum > 0 AND NOT a.attisdropped);
    belongs := EXISTS (SELECT FROM mls.dd_parent p WHERE p.resource = mls_protect.resource AND p.field = ANY (columns));

    -- ---- Which rows ----

    conditions := ARRAY[CASE WHEN mls_protect.sources IS NULL THEN $c$mls_source = ANY ((SELECT mls.claim('sources'))::text[])$c$
                             ELSE format('mls_source = ANY (%L::text[])', mls_protect.sources) END];
    IF mls_protect.licence = 'office' THEN
        mask := (SELECT string_agg(format($c$%I = ANY ((SELECT mls.claim('offices'))::text[])$c$, d.field), ' OR ' ORDER BY d.field)
                   FROM mls.dd_office_field d WHERE d.resource = mls_protect.resource AND d.field = ANY (columns));
        IF mask IS NULL AND NOT belongs AND gold IS NOT NULL THEN
            PERFORM mls.refuse('55000', format('records of resource "%s" say of no office that they are its own', mls_protect.resource), 'Show them by another licence.');
        END IF;
        -- What a listing was to the office before is not the business of the one that has it now.
        IF mls_protect.resource = 'HistoryTransactional' AND 'mls_offices' = ANY (columns) THEN
            conditions := conditions || '(mls_offices IS NULL OR mls_offices && (SELECT mls.claim(''offices'')))'::text;
        END IF;
        conditions := conditions || ('(' || mask || ')');
        mask := NULL;
    END IF;
    IF mls_protect.resource = 'Property' AND mls_protect.licence IN ('idx', 'vow') THEN
        conditions := conditions || CASE WHEN 'InternetEntireListingDisplayYN' = ANY (columns)
                                         THEN '"InternetEntireListingDisplayYN" IS ' || CASE WHEN mls_protect.opt_in THEN 'TRUE' ELSE 'DISTINCT FROM false' END
                                         WHEN mls_protect.opt_in THEN 'false' END;
        IF mls_protect.licence = 'idx' THEN
            conditions := conditions || mls.office_condition(gold, place, mls_protect.audience, mls_protect.opt_in);
        END IF;
        mask := CASE WHEN 'InternetAddressDisplayYN' = ANY (columns)
                     THEN 'g."InternetAddressDisplayYN" IS ' || CASE WHEN mls_protect.opt_in THEN 'TRUE' ELSE 'DISTINCT FROM false' END
                     WHEN mls_protect.opt_in THEN 'false' END;
    ELSIF mls_protect.resource = 'Media' AND 'Permission' = ANY (columns) THEN
        -- What is for nobody stays so whatever else it is said to be for.
        conditions := conditions || format('NOT coalesce("Permission" && %L::text[], false) AND coalesce(nullif("Permission", ''{}'') && %L::text[], %L)',
            CASE mls_protect.licence WHEN 'office' THEN '{Private}' WHEN 'broker' THEN '{Private,Office Only,Firm Only}' ELSE '{Private,Office Only,Firm Only,Agent Only}' END::text[],
            CASE mls_protect.licence WHEN 'idx' THEN '{Public,IDX}' WHEN 'vow' THEN '{Public,IDX,VOW}' WHEN 'broker' THEN '{Public,IDX,VOW,Agent Only}'
                                     ELSE '{Public,IDX,VOW,Agent Only,Office Only,Firm Only}' END::text[], NOT mls_protect.opt_in);
    END IF;
    conditions := conditions || ('(' || mls_protect.condition || ')');

    -- ---- Which fields, and the view ----

    IF mask IS NOT NULL THEN
        hidden := ARRAY(SELECT c FROM unnest(columns) c
                         WHERE c = ANY (mls_protect.masked)
                            OR EXISTS (SELECT FROM mls.dd_masked m WHERE m.resource = mls_protect.resource AND c ~ ('^(' || m.fields || ')$')));
    END IF;
    view := mls.set_audience(mls_protect.audience, mls_protect.resource, mls_protect.fields, array_to_string(conditions, ' AND '), mls_protect.schema, true, mask, hidden);
    PERFORM mls.note_protection(mls_protect.audience, mls_protect.resource, mls_protect.licence, mls_protect.sources, mls_protect.opt_in, hidden);
    RETURN mls.note_asked(mls_protect.audience, mls_protect.resource, jsonb_build_object('fields', mls_protect.fields, 'condition', mls_protect.condition, 'schema', mls_protect.schema, 'masked', mls_protect.masked), view);
END $$;
COMMENT ON FUNCTION mls_protect(regrole, text, text, text[], text[], text, boolean, text[], name)
    IS 'show a role a resource by a licence: idx, vow (the public, as sellers and offices let it), broker (all of its sources) or office (what is its own). Sources and offices are those of the claims, unless named; opt_in takes what is not stated for a no; masked fields go with the address. Returns the view';

REVOKE ALL ON FUNCTION mls_protect(regrole, text, text, text[], text[], text, boolean, text[], name), mls.office_condition(regclass, name, regrole, boolean),
    mls.note_protection(regrole, regrole, text, text, text[], boolean, text[]), mls.note_protection(regrole, text, text, text[], boolean, text[]) FROM PUBLIC;
