-- Who sees what of gold: an audience is a role with a schema of its own, in which
-- views name the fields it may see, and nothing else.
--
-- All of it is PostgreSQL's own: grants on columns of gold, policies on its rows,
-- views that belong to their readers' rights.  So it holds in SQL, in PostgREST and
-- in whatever else reads as that role, and a field that gold gets later is seen by
-- nobody until somebody names it.

CREATE TABLE mls.dd_private (
    resource text NOT NULL REFERENCES mls.dd_resource,
    fields   text NOT NULL,
    PRIMARY KEY (resource, fields)
);
COMMENT ON TABLE mls.dd_private IS 'fields of the dictionary that mls_audience() shows only when they are named';
COMMENT ON COLUMN mls.dd_private.resource IS 'the resource';
COMMENT ON COLUMN mls.dd_private.fields IS 'regular expression for whole names of fields';
REVOKE ALL ON mls.dd_private FROM PUBLIC;
GRANT SELECT ON mls.dd_private TO PUBLIC;

-- Remarks and access for agents alone, sellers and occupants, what agents are paid,
-- how to reach an agent past the office, where he lives, how he logs in.
INSERT INTO mls.dd_private (resource, fields) VALUES
  ('Property', 'Private.*Remarks|AccessCode|LockBox.*|Showing.*'),
  ('Property', 'Owner(Name|Phone)|Occupant.*|ParkManager.*|TenantPays'),
  ('Property', '.*(Compensation|CompensationType|CompensationComments)|DualOrVariableRateCommissionYN|Concessions.*|LeaseRenewalCompensation'),
  ('Property', '(Co)?(List|Buyer)Agent(.*Phone|.*PhoneExt|Email|Fax|Pager|VoiceMail|VoiceMailExt|StateLicense)'),
  ('Property', 'Listing(Agreement|Terms)|BuyerFinancing|(CapRate|.*Expense|.*Income|NetOperatingIncome.*|GrossScheduledIncome)'),
  ('Member', 'Member(Address.*|CarrierRoute|City|Country|CountyOrParish|PostalCode.*|StateOrProvince|VotingPrecinct)'),
  ('Member', 'Member(.*Phone|.*PhoneExt|OtherPhoneType|PhoneTTYTDD|Email|Fax|Pager|VoiceMail|VoiceMailExt|Mail.*|Preferred.*)'),
  ('Member', 'Member(LoginId|Password|Mls(AccessYN|SecurityClass)|AssociationComments|AlternateId|BillingPreference|CommitteeCount|TransferDate|NationalAssociation.*|StateLicense.*|IsAssistantTo)|LastLoginTimestamp|UniqueLicenseeIdentifier'),
  ('Office', 'OfficeMail.*|OfficeAssociationComments|OfficeAlternateId|OfficeCorporateLicense|OfficePreferredMedia|BillingOfficeKey|NumberOfNonMemberSalespersons|OtherPhone'),
  ('Teams', 'Team(Address.*|CarrierRoute|City|Country|CountyOrParish|PostalCode.*|StateOrProvince|.*Phone|.*PhoneExt|Email|Fax|VoiceMail|VoiceMailExt|LeadLoginId|LeadStateLicense.*|ImpersonationLevel)'),
  ('TeamMembers', 'MemberLoginId|TeamMemberStateLicense|TeamImpersonationLevel'),
  ('OpenHouse', 'OpenHouseAttendedBy'),
  ('PropertyUnitTypes', 'UnitType(ActualRent|ProForma|TotalRent)'),
  ('Media', 'ChangedBy.*');

-- Resources that are about people, keys and habits, or show what others hide.
INSERT INTO mls.dd_private (resource, fields)
SELECT resource, '.*' FROM mls.dd_resource
 WHERE resource IN ('Caravan', 'CaravanStop', 'ContactListingNotes', 'ContactListings', 'Contacts', 'HistoryTransactional',
                    'InternetTracking', 'InternetTrackingSummary', 'LockOrBox', 'MemberStateLicense', 'OfficeCorporateLicense',
                    'OtherPhone', 'Prospecting', 'Queue', 'Rules', 'SavedSearch', 'Showing', 'ShowingAppointment',
                    'ShowingAvailability', 'ShowingRequest', 'TransactionManagement');

-- What a record belongs to: it is to be seen when that is.  A member does not belong to his office.
CREATE VIEW mls.dd_parent AS
SELECT f.resource, f.field, f.target_resource AS parent, f.references_field AS parent_field
  FROM mls.dd_field f
 WHERE NOT f.is_expansion
   AND (f.field = f.references_field AND f.target_resource NOT IN ('Field', 'Association')
        AND f.resource NOT IN ('Property', 'Member', 'Office', 'Teams', 'OUID')
        OR f.target_resource = '*' AND f.field = 'ResourceRecordKey');
COMMENT ON VIEW mls.dd_parent IS 'which field of a resource says what its records belong to';
COMMENT ON COLUMN mls.dd_parent.resource IS 'the resource';
COMMENT ON COLUMN mls.dd_parent.field IS 'its field';
COMMENT ON COLUMN mls.dd_parent.parent IS 'resource whose key it holds; * when ResourceName says it';
COMMENT ON COLUMN mls.dd_parent.parent_field IS 'that key';
REVOKE ALL ON mls.dd_parent FROM PUBLIC;
GRANT SELECT ON mls.dd_parent TO PUBLIC;

CREATE TABLE mls.audience (
    audience regrole NOT NULL,
    resource text NOT NULL REFERENCES mls.dd_resource,
    view     regclass NOT NULL,
    gold     regclass NOT NULL,
    set_by   regrole NOT NULL DEFAULT current_user::regrole,
    set_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    asked    jsonb,
    PRIMARY KEY (audience, resource)
);
COMMENT ON TABLE mls.audience IS 'what mls_audience() has set: which role sees which resource through which view';
COMMENT ON COLUMN mls.audience.audience IS 'the role';
COMMENT ON COLUMN mls.audience.resource IS 'RESO resource';
COMMENT ON COLUMN mls.audience.view IS 'its view; the fields are the columns of it';
COMMENT ON COLUMN mls.audience.gold IS 'the table of gold beneath; its policies mls_rows_... and mls_parent_... say which rows';
COMMENT ON COLUMN mls.audience.set_by IS 'who set it';
COMMENT ON COLUMN mls.audience.set_at IS 'when';
COMMENT ON COLUMN mls.audience.asked IS 'what it was asked for with: fields, condition, schema, and masked of mls_protect()';
ALTER TABLE mls.audience ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON mls.audience FOR SELECT USING (true);
SELECT pg_catalog.pg_extension_config_dump('mls.audience', '');

-- What an audience may read of gold itself: what is masked it may not.
CREATE VIEW mls.readable_field WITH (security_barrier = true) AS
SELECT r.rolname::text AS audience, v.resource, a.attname::text AS field
  FROM mls.audience v
  JOIN pg_catalog.pg_roles r ON r.oid = v.audience
  JOIN pg_catalog.pg_attribute a ON a.attrelid = v.gold AND a.attnum > 0 AND NOT a.attisdropped
 WHERE pg_catalog.pg_has_role(v.audience, 'MEMBER') AND pg_catalog.has_column_privilege(v.audience, v.gold, a.attnum, 'SELECT');
COMMENT ON VIEW mls.readable_field IS 'fields that audiences read without a mask, of those that the reader is or can become';
COMMENT ON COLUMN mls.readable_field.audience IS 'name of the role';
COMMENT ON COLUMN mls.readable_field.resource IS 'RESO resource';
COMMENT ON COLUMN mls.readable_field.field IS 'the field';
REVOKE ALL ON mls.readable_field FROM PUBLIC;
GRANT SELECT ON mls.readable_field TO PUBLIC;

CREATE FUNCTION mls.gold_table(resource text) RETURNS regclass
    AS 'MODULE_PATHNAME', 'mls_gold_table_sql' LANGUAGE C STABLE STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.gold_table(text) IS 'the table of gold of a RESO resource, where the settings say; NULL if there is none';

-- The condition under which a record of an audience's resource may be seen because of
-- what it belongs to, as SQL; NULL when it belongs to nothing.
CREATE FUNCTION mls.parent_condition(audience regrole, resource text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    gold regclass := mls.gold_table(resource);
    link record;
    one record;
    ways text[];
    conditions text[] := '{}';
    belongs boolean := false;
BEGIN
    FOR link IN
        SELECT p.field, p.parent, p.parent_field,
               EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = gold AND a.attname = 'ResourceName' AND NOT a.attisdropped) AS named
          FROM mls.dd_parent p JOIN pg_attribute a ON a.attrelid = gold AND a.attname = p.field AND NOT a.attisdropped
         WHERE p.resource = parent_condition.resource ORDER BY p.field
    LOOP
        belongs := true;
        ways := '{}';
        FOR one IN
            SELECT v.resource, v.gold, d.key_field
              FROM mls.audience v JOIN mls.dd_resource d USING (resource)
             WHERE v.audience = parent_condition.audience AND d.unique_key AND v.resource <> parent_condition.resource
               AND CASE link.parent WHEN '*' THEN parent_condition.resource = 'HistoryTransactional'
                                                  OR v.resource <> 'HistoryTransactional' AND NOT EXISTS (SELECT FROM mls.dd_parent p WHERE p.resource = v.resource AND p.parent = '*')
                                    ELSE v.resource = link.parent END
             ORDER BY v.resource
        LOOP
            ways := ways || format('%sEXISTS (SELECT FROM %s parent WHERE parent.%I = %s.%I)',
                CASE WHEN link.parent <> '*' OR NOT link.named AND one.resource = 'Property' THEN ''
                     WHEN NOT link.named THEN 'false AND '
                     WHEN one.resource = 'Property' THEN format('coalesce("ResourceName", ''Property'') = %L AND ', one.resource)
                     ELSE format('"ResourceName" = %L AND ', one.resource) END,
                one.gold, one.key_field, gold, link.field);
        END LOOP;
        IF ways <> '{}' THEN
            conditions := conditions || format('(%s)', array_to_string(ways, ' OR '));
        END IF;
    END LOOP;
    RETURN CASE WHEN NOT belongs THEN NULL WHEN conditions = '{}' THEN 'false'
                ELSE array_to_string(conditions, ' AND ') END;
END $$;
COMMENT ON FUNCTION mls.parent_condition(regrole, text)
    IS 'condition under which a record may be seen because of what it belongs to; NULL if it belongs to nothing, false if the audience sees nothing it could belong to';

CREATE FUNCTION mls.follow_parents(audience regrole, resource text) RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    gold regclass := mls.gold_table(resource);
    policy text := 'mls_parent_' || (SELECT rolname FROM pg_roles WHERE oid = audience);
    condition text := mls.parent_condition(audience, resource);
BEGIN
    EXECUTE format('DROP POLICY IF EXISTS %I ON %s', policy, gold);
    IF condition IS NOT NULL THEN
        EXECUTE format('CREATE POLICY %I ON %s AS RESTRICTIVE FOR SELECT TO %s USING (%s)', policy, gold, audience, condition);
    END IF;
    RETURN condition;
END $$;
COMMENT ON FUNCTION mls.follow_parents(regrole, text)
    IS 'makes the policy by which records of an audience''s resource follow what they belong to; returns its condition';

-- Where row security is on, who replicates into a table goes on.
CREATE FUNCTION mls.admit_replicators(gold regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    found text;
BEGIN
    EXECUTE format('DROP POLICY IF EXISTS mls_replication ON %s', gold);
    SELECT string_agg(DISTINCT grantee::regrole::text, ', ') INTO found
      FROM pg_class c, aclexplode(c.relacl) WHERE c.oid = gold AND privilege_type = 'INSERT' AND grantee NOT IN (0, c.relowner);
    IF found IS NOT NULL THEN
        EXECUTE format('CREATE POLICY mls_replication ON %s TO %s USING (true) WITH CHECK (true)', gold, found);
    END IF;
END $$;
COMMENT ON FUNCTION mls.admit_replicators(regclass) IS 'makes the policy by which roles that may insert into a table of gold pass its row security';

-- Gold is one table of several sources.  That a role may replicate into it is a decision of
-- its owner, for that role may then write what it likes there.
CREATE FUNCTION mls_share_gold(role regrole, share boolean DEFAULT true) RETURNS SETOF regclass
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    gold regclass;
BEGIN
    PERFORM mls.refuse_standby('mls_share_gold()', 'share');
    FOR gold IN
        SELECT g.gold FROM mls.gold_relation g JOIN pg_class c ON c.oid = g.gold
         WHERE pg_has_role(c.relowner, 'USAGE') AND c.relowner <> role::oid ORDER BY g.gold::text
    LOOP
        EXECUTE format(CASE WHEN share THEN 'GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s'
                            ELSE 'REVOKE SELECT, INSERT, UPDATE, DELETE ON %s FROM %s' END, gold, role);
        IF (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = gold) THEN
            PERFORM mls.admit_replicators(gold);
        END IF;
        RETURN NEXT gold;
    END LOOP;
    IF NOT FOUND THEN
        RAISE NOTICE 'there is no table of gold that is yours to share';
    END IF;
END $$;
COMMENT ON FUNCTION mls_share_gold(regrole, boolean)
    IS 'let a role replicate into the caller''s tables of gold, or no longer: it may then read, change and delete all rows there; returns the tables';

-- Who sees what of a table is said by its owner, and taken back by him or by who said it.
CREATE FUNCTION mls.note_audience(caller regrole, audience regrole, resource text, view regclass, gold regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    gold_owner oid := (SELECT c.relowner FROM pg_class c WHERE c.oid = note_audience.gold);
BEGIN
    IF note_audience.view IS NOT NULL AND pg_has_role(note_audience.caller, gold_owner, 'USAGE') IS NOT TRUE THEN
        RAISE EXCEPTION 'must be owner of table %', note_audience.gold USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM mls.audience v
     WHERE v.audience = note_audience.audience AND v.resource = note_audience.resource
       AND (pg_has_role(note_audience.caller, v.set_by, 'USAGE') OR pg_has_role(note_audience.caller, gold_owner, 'USAGE'));
    IF note_audience.view IS NOT NULL THEN
        INSERT INTO mls.audience (audience, resource, view, gold, set_by)
        VALUES (note_audience.audience, note_audience.resource, note_audience.view, note_audience.gold, note_audience.caller);
        -- Functions that say what it sees, and operators that find it by an index, are there.
        IF NOT has_schema_privilege(note_audience.audience, 'mls', 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA mls TO %s', note_audience.audience);
        END IF;
    ELSIF NOT FOUND THEN
        RAISE EXCEPTION 'must be owner of table %', note_audience.gold USING ERRCODE = 'insufficient_privilege';
    END IF;
    NOTIFY mls_serve, 'model';
END $$;
COMMENT ON FUNCTION mls.note_audience(regrole, regrole, text, regclass, regclass) IS 'notes what a caller shows to whom through which view; no view: nothing any more';
CREATE FUNCTION mls.note_audience(audience regrole, resource text, view regclass, gold regclass) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_audience(regrole, text, regclass, regclass) IS 'part of mls_audience() and mls_audience_remove(): the same for who calls it';

-- Of view and policies it could not be told again.
CREATE FUNCTION mls.note_asked(caller regrole, audience regrole, resource text, asked jsonb, view regclass) RETURNS regclass
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
UPDATE mls.audience v SET asked = $4 WHERE v.audience = $2 AND v.resource = $3 AND pg_has_role(caller, v.set_by, 'USAGE');
SELECT $5;
$$;
COMMENT ON FUNCTION mls.note_asked(regrole, regrole, text, jsonb, regclass) IS 'notes what a caller has asked for when he showed a resource to an audience; returns the view';
CREATE FUNCTION mls.note_asked(audience regrole, resource text, asked jsonb, view regclass) RETURNS regclass
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_asked(regrole, text, jsonb, regclass) IS 'part of mls_audience() and mls_protect(): the same for who calls it';

-- With a mask the values of some fields are shown of some rows only.  A role that may read a
-- column of gold reads it in all rows that it sees, so these are granted to a role of which
-- nobody is a member, and the view is that one's.  It is a member of the audience, so that all
-- policies for the audience, yours too, hold for what the view reads: as policies of a table,
-- not as conditions of a view, behind which there would be no order by an index.
CREATE FUNCTION mls.make_shown(audience regrole, gold regclass) RETURNS name
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    shown name := (SELECT r.rolname FROM pg_roles r WHERE r.oid = audience) || '_shown';
    known record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = shown) THEN
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN INHERIT', shown);
        EXCEPTION WHEN insufficient_privilege THEN
            PERFORM mls.refuse('42501', format('there is no role "%s", and you cannot make it', shown),
                               format('Have it made: CREATE ROLE %I NOLOGIN IN ROLE %s ROLE %s.', shown, audience, current_user::regrole),
                               'A view of it shows values that the audience cannot read by itself.');
        END;
    END IF;
    SELECT * INTO known FROM pg_roles r WHERE r.rolname = shown;
    IF known.rolsuper OR known.rolbypassrls OR known.rolcanlogin OR NOT known.rolinherit
       OR pg_has_role(known.oid, (SELECT c.relowner FROM pg_class c WHERE c.oid = gold), 'MEMBER') OR pg_has_role(audience, known.oid, 'MEMBER') THEN
        PERFORM mls.refuse('0LP01', format('role "%s" cannot show values to an audience', shown),
                           detail => 'It can log in, sees everything, or the audience is a member of it.');
    END IF;
    IF NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = audience AND m.member = known.oid) THEN
        EXECUTE format('GRANT %s TO %I', audience, shown);
    END IF;
    IF NOT pg_has_role(known.oid, 'USAGE') THEN
        EXECUTE format('GRANT %I TO %s', shown, current_user::regrole);
    END IF;
    RETURN shown;
END $$;
COMMENT ON FUNCTION mls.make_shown(regrole, regclass) IS 'part of mls_protect(): the role, made if need be, whose views show an audience values of some rows only';

CREATE FUNCTION mls.set_audience(
    audience regrole,
    resource text,
    fields text[],
    condition text,
    schema name,
    plain boolean DEFAULT false,
    mask text DEFAULT NULL,
    masked text[] DEFAULT '{}')
    RETURNS regclass
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
#variable_conflict use_column
DECLARE
    gold regclass := mls.gold_table(set_audience.resource);
    role_name name := (SELECT rolname FROM pg_roles WHERE oid = set_audience.audience);
    place name := coalesce(set_audience.schema, role_name);
    own_key text;
    wanted text[];
    found text;
    target text;
    granted text[];
    masked_fields text[];
    shown name;
    known mls.audience;
    view oid;
    one record;
BEGIN
    PERFORM mls.refuse_standby('mls_audience()', 'set who sees what');

    -- ---- What is asked for ----

    SELECT d.key_field INTO own_key FROM mls.dd_resource d WHERE d.resource = set_audience.resource;
    IF gold IS NULL OR own_key IS NULL THEN
        RAISE EXCEPTION 'there is no gold table of resource "%"', set_audience.resource USING
            ERRCODE = 'undefined_table',
            HINT = coalesce('The dictionary calls it "' || (SELECT d.resource FROM mls.dd_resource d
                                WHERE lower(d.resource) = lower(set_audience.resource) AND d.resource <> set_audience.resource) || '".',
                'mls_subscribe() makes it, when a source has the resource.');
    END IF;
    IF (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE oid = set_audience.audience)
       OR pg_has_role(set_audience.audience::oid, (SELECT relowner FROM pg_class WHERE oid = gold), 'MEMBER') THEN
        RAISE EXCEPTION 'role "%" cannot be an audience', role_name USING
            ERRCODE = 'invalid_grant_operation',
            DETAIL = format('It is a superuser, bypasses row security, or owns %s: it sees everything.', gold);
    END IF;
    IF octet_length(role_name) > 50 THEN
        RAISE EXCEPTION 'the name of role "%" is too long for an audience', role_name USING
            ERRCODE = 'name_too_long', DETAIL = 'Policies are named after it; it can have 50 bytes at most.';
    END IF;
    SELECT string_agg(format('"%s"%s', f, ' (gold has "' || a.attname || '")'), ', ') INTO found
      FROM unnest(set_audience.fields) f
      LEFT JOIN pg_attribute a ON a.attrelid = gold AND a.attnum > 0 AND NOT a.attisdropped AND lower(a.attname) = lower(f) AND a.attname <> f
     WHERE NOT EXISTS (SELECT FROM pg_attribute b WHERE b.attrelid = gold AND b.attnum > 0 AND NOT b.attisdropped AND b.attname = f
                                                    AND b.attname NOT LIKE 'mls\_%');
    IF found IS NOT NULL THEN
        RAISE EXCEPTION '% has no such field: %', gold, found USING
            ERRCODE = 'undefined_column', HINT = 'Fields have the names of the view in the schema reso, in this case too.';
    END IF;
    SELECT array_agg(a.attname::text ORDER BY coalesce(array_position(set_audience.fields, a.attname::text), a.attnum)) INTO wanted
      FROM pg_attribute a
     WHERE a.attrelid = gold AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> own_key
       AND CASE WHEN set_audience.fields IS NOT NULL THEN a.attname = ANY (set_audience.fields)
                ELSE EXISTS (SELECT FROM mls.dd_field f WHERE f.resource = set_audience.resource AND f.field = a.attname)
                     AND NOT EXISTS (SELECT FROM mls.dd_private p WHERE p.resource = set_audience.resource
                                                                    AND a.attname ~ ('^(' || p.fields || ')$')) END;
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'no field of resource "%" is shown without being named', set_audience.resource USING
            ERRCODE = 'invalid_parameter_value',
            HINT = 'Name those that may be seen, as the argument fields. mls.dd_private lists what is private.';
    END IF;
    IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = gold AND a.attname = own_key AND NOT a.attisdropped) THEN
        wanted := own_key || wanted;
    END IF;

    masked_fields := ARRAY(SELECT f FROM unnest(wanted) f WHERE set_audience.mask IS NOT NULL AND f = ANY (set_audience.masked) AND f <> own_key);
    granted := ARRAY(SELECT f FROM unnest(wanted) f WHERE f <> ALL (masked_fields));

    -- ---- The view ----

    IF to_regnamespace(quote_ident(place)) IS NULL THEN
        EXECUTE format('CREATE SCHEMA %I', place);
    END IF;
    target := format('%I.%I', place, set_audience.resource);
    SELECT * INTO known FROM mls.audience v WHERE v.audience = set_audience.audience AND v.resource = set_audience.resource;
    view := to_regclass(target);
    IF view IS NOT NULL AND view IS DISTINCT FROM known.view THEN
        RAISE EXCEPTION 'relation % exists and is not of this audience', target USING
            ERRCODE = 'duplicate_table', HINT = 'Give each audience a schema of its own, as the argument schema.';
    END IF;
    IF known.view IS NOT NULL AND EXISTS (SELECT FROM pg_class WHERE oid = known.view)
       AND (view IS DISTINCT FROM known.view OR (masked_fields = '{}') <> (SELECT coalesce(c.reloptions @> '{security_invoker=true}', false) FROM pg_class c WHERE c.oid = known.view)
            OR (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
             WHERE a.attrelid = known.view AND a.attnum > 0 AND NOT a.attisdropped) IS DISTINCT FROM wanted) THEN
        EXECUTE format('DROP VIEW %s', known.view);
        view := NULL;
    END IF;
    IF masked_fields <> '{}' THEN
        shown := mls.make_shown(set_audience.audience, gold);
        EXECUTE format('REVOKE SELECT ON %s FROM %I', gold, shown);
        EXECUTE format('GRANT SELECT (%s) ON %s TO %I', (SELECT string_agg(quote_ident(f), ', ') FROM unnest(masked_fields) f), gold, shown);
        EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_invoker = false) AS SELECT %s FROM %s g', target,
            (SELECT string_agg(CASE WHEN f = ANY (masked_fields) THEN format('CASE WHEN %s THEN g.%I END AS %I', set_audience.mask, f, f)
                                    ELSE format('g.%I', f) END, ', ' ORDER BY n) FROM unnest(wanted) WITH ORDINALITY u (f, n)), gold);
    ELSIF view IS NULL THEN
        EXECUTE format('CREATE VIEW %s WITH (security_invoker = true) AS SELECT %s FROM %s', target,
            (SELECT string_agg(quote_ident(f), ', ' ORDER BY n) FROM unnest(wanted) WITH ORDINALITY u (f, n)), gold);
    END IF;
    IF view IS NULL THEN
        view := to_regclass(target);
        EXECUTE format('COMMENT ON VIEW %s IS %L', target, format('RESO resource %s, as %s sees it', set_audience.resource, role_name));
        FOR one IN SELECT a.attname, col_description(gold, a.attnum) AS comment FROM pg_attribute a
                    WHERE a.attrelid = gold AND a.attname = ANY (wanted) LOOP
            EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', target, one.attname, one.comment);
        END LOOP;
    END IF;

    -- ---- What it may read ----

    IF shown IS NOT NULL THEN
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', place, shown);
        EXECUTE format('ALTER VIEW %s OWNER TO %I', target, shown);
        EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM %I', place, shown);
    ELSIF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role_name || '_shown') THEN
        EXECUTE format('REVOKE SELECT ON %s FROM %I', gold, role_name || '_shown');
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I, %s TO %s', place, (SELECT c.relnamespace::regnamespace FROM pg_class c WHERE c.oid = gold), set_audience.audience);
    EXECUTE format('GRANT SELECT ON %s TO %s', target, set_audience.audience);
    EXECUTE format('REVOKE SELECT ON %s FROM %s', gold, set_audience.audience);
    EXECUTE format('GRANT SELECT (%s) ON %s TO %s', (SELECT string_agg(quote_ident(f), ', ') FROM unnest(granted) f), gold, set_audience.audience);
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO found
      FROM pg_attribute a
     WHERE a.attrelid = gold AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (granted)
       AND has_column_privilege(set_audience.audience, gold, a.attnum, 'SELECT');
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'role "%" can read more of % than this audience is shown', role_name, gold USING
            ERRCODE = 'invalid_grant_operation',
            DETAIL = format('It has SELECT on: %s.', left(found, 500)),
            HINT = format('Revoke SELECT on %s from PUBLIC and from the roles that "%s" is a member of.', gold, role_name);
    END IF;

    -- ---- Which rows ----

    IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = gold) THEN
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', gold);
        SELECT string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, ', ') INTO found
          FROM pg_class c, aclexplode(c.relacl)
         WHERE c.oid = gold AND privilege_type = 'SELECT' AND grantee <> c.relowner
           AND NOT EXISTS (SELECT FROM aclexplode(c.relacl) w WHERE w.grantee = aclexplode.grantee AND w.privilege_type = 'INSERT')
           AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = gold AND (aclexplode.grantee = ANY (p.polroles) OR 0 = ANY (p.polroles)));
        IF found IS NOT NULL THEN
            RAISE WARNING 'row security of % is on now; roles without a policy see no row of it', gold USING
                DETAIL = format('They are: %s.', found);
        END IF;
    END IF;
    PERFORM mls.admit_replicators(gold);
    -- A seller who wants his listing nowhere, and files that are not for everybody, unless the
    -- condition speaks of them.
    SELECT CASE a.attname WHEN 'Permission' THEN $c$NOT coalesce("Permission" && '{Private,Agent Only,Firm Only,Office Only}'::text[], false)$c$
                          ELSE '"InternetEntireListingDisplayYN" IS DISTINCT FROM false' END INTO found
      FROM pg_attribute a
     WHERE a.attrelid = gold AND NOT a.attisdropped AND NOT set_audience.plain
       AND (set_audience.resource = 'Media' AND a.attname = 'Permission' AND a.atttypid = 'text[]'::regtype
            OR set_audience.resource = 'Property' AND a.attname = 'InternetEntireListingDisplayYN' AND a.atttypid = 'boolean'::regtype)
       AND position(quote_ident(a.attname) IN coalesce(set_audience.condition, '')) = 0;
    -- Old values are of fields that it may read as they are now.
    IF set_audience.resource = 'HistoryTransactional' THEN
        found := CASE WHEN (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = gold AND NOT a.attisdropped AND a.attname IN ('ResourceName', 'FieldName')) = 2
                      THEN format('("ResourceName", "FieldName") IN (SELECT f.resource, f.field FROM mls.readable_field f WHERE f.audience = %L)', role_name)
                      ELSE 'false' END;
    END IF;
    EXECUTE format('DROP POLICY IF EXISTS %I ON %s', 'mls_rows_' || role_name, gold);
    EXECUTE format('CREATE POLICY %I ON %s FOR SELECT TO %s USING (%s)', 'mls_rows_' || role_name, gold, set_audience.audience,
        coalesce('(' || set_audience.condition || ') AND (' || found || ')', set_audience.condition, found, 'true'));

    -- ---- What belongs to it ----

    PERFORM mls.note_audience(set_audience.audience, set_audience.resource, view, gold);
    IF mls.follow_parents(set_audience.audience, set_audience.resource) = 'false' THEN
        RAISE EXCEPTION 'role "%" sees nothing that a record of "%" could belong to', role_name, set_audience.resource USING
            ERRCODE = 'object_not_in_prerequisite_state',
            HINT = format('Call mls_audience() for %s first.', (SELECT string_agg(DISTINCT CASE parent WHEN '*' THEN 'Property' ELSE parent END, ' or ')
                     FROM mls.dd_parent p WHERE p.resource = set_audience.resource));
    END IF;
    PERFORM mls.follow_parents(set_audience.audience, v.resource)
       FROM mls.audience v
      WHERE v.audience = set_audience.audience
        AND EXISTS (SELECT FROM mls.dd_parent p WHERE p.resource = v.resource AND p.parent IN ('*', set_audience.resource));
    NOTIFY pgrst, 'reload schema';
    RETURN view;
END $$;
COMMENT ON FUNCTION mls.set_audience(regrole, text, text[], text, name, boolean, text, text[])
    IS 'part of mls_audience() and mls_protect(): plain is without what they add to the condition; values of masked fields are shown where the mask, a condition on g, holds';

CREATE FUNCTION mls_audience(
    audience regrole,
    resource text,
    fields text[] DEFAULT NULL,
    condition text DEFAULT NULL,
    schema name DEFAULT NULL)
    RETURNS regclass
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT mls.note_asked(audience, resource, jsonb_build_object('fields', fields, 'condition', condition, 'schema', schema), mls.set_audience(audience, resource, fields, condition, schema)) $$;
COMMENT ON FUNCTION mls_audience(regrole, text, text[], text, name)
    IS 'show a role the named fields of a resource (without names: those of the dictionary that are not private) through a view of its own, of the rows that fulfil the condition and belong to what it sees; returns the view';

CREATE FUNCTION mls_audience_remove(audience regrole, resource text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.audience;
    role_name name := (SELECT rolname FROM pg_roles WHERE oid = mls_audience_remove.audience);
BEGIN
    PERFORM mls.refuse_standby('mls_audience_remove()', 'set who sees what');
    SELECT * INTO known FROM mls.audience v WHERE v.audience = mls_audience_remove.audience AND v.resource = mls_audience_remove.resource;
    IF known.view IS NULL THEN
        RAISE EXCEPTION 'role "%" is shown no resource "%"', role_name, mls_audience_remove.resource USING
            ERRCODE = 'undefined_object', HINT = 'mls.audience lists what is shown to whom.';
    END IF;
    PERFORM mls.note_audience(known.audience, known.resource, NULL, known.gold);
    IF EXISTS (SELECT FROM pg_class WHERE oid = known.view) THEN
        EXECUTE format('DROP VIEW %s', known.view);
    END IF;
    IF EXISTS (SELECT FROM pg_class WHERE oid = known.gold) THEN
        EXECUTE format('REVOKE SELECT ON %s FROM %s', known.gold, known.audience);
        IF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role_name || '_shown') THEN
            EXECUTE format('REVOKE SELECT ON %s FROM %I', known.gold, role_name || '_shown');
        END IF;
        EXECUTE format('DROP POLICY IF EXISTS %I ON %s', 'mls_rows_' || role_name, known.gold);
        EXECUTE format('DROP POLICY IF EXISTS %I ON %s', 'mls_parent_' || role_name, known.gold);
    END IF;
    PERFORM mls.follow_parents(v.audience, v.resource)
       FROM mls.audience v
      WHERE v.audience = known.audience
        AND EXISTS (SELECT FROM mls.dd_parent p WHERE p.resource = v.resource AND p.parent IN ('*', known.resource));
    NOTIFY pgrst, 'reload schema';
END $$;
COMMENT ON FUNCTION mls_audience_remove(regrole, text)
    IS 'take a resource back from a role: its view, its rights on gold and its policies';

REVOKE ALL ON FUNCTION mls.make_shown(regrole, regclass), mls_share_gold(regrole, boolean), mls.admit_replicators(regclass), mls.note_audience(regrole, regrole, text, regclass, regclass), mls.note_audience(regrole, text, regclass, regclass), mls.note_asked(regrole, regrole, text, jsonb, regclass), mls.note_asked(regrole, text, jsonb, regclass), mls.gold_table(text), mls.parent_condition(regrole, text), mls.follow_parents(regrole, text),
    mls.set_audience(regrole, text, text[], text, name, boolean, text, text[]), mls_audience(regrole, text, text[], text, name), mls_audience_remove(regrole, text) FROM PUBLIC;
