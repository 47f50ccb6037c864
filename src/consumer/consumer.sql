-- Consumers: who may ask the program that serves, as which audience, with which claims.
--
-- A consumer is no role of the database, so that there may be thousands; it reads as the
-- role of an audience, whose policies look at its claims.  What it logs in with is kept
-- as PostgreSQL keeps passwords.

CREATE TABLE mls.consumer (
    consumer   text PRIMARY KEY,
    client_id  text NOT NULL UNIQUE,
    audience   regrole NOT NULL,
    claims     jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(claims) = 'object'),
    limits     jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(limits) = 'object'),
    not_before timestamptz,
    active     boolean NOT NULL DEFAULT true,
    owner      regrole NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE mls.consumer IS 'who may ask the program that serves; see mls_consumer_add()';
COMMENT ON COLUMN mls.consumer.consumer IS 'name of the consumer';
COMMENT ON COLUMN mls.consumer.client_id IS 'what it calls itself when it asks for a token';
COMMENT ON COLUMN mls.consumer.audience IS 'role that it reads as';
COMMENT ON COLUMN mls.consumer.claims IS 'what policies read with mls.claim(), such as {"sources": ["east"], "offices": ["O1"]}; scope, a text such as "Property Media", is what of its audience it may ask for';
COMMENT ON COLUMN mls.consumer.limits IS 'how much it may ask: per_second, burst, per_day, concurrency, page_size';
COMMENT ON COLUMN mls.consumer.not_before IS 'tokens given out before are void; NULL for none';
COMMENT ON COLUMN mls.consumer.active IS 'whether it is served at all';
COMMENT ON COLUMN mls.consumer.owner IS 'role that added it; whoever has its privileges may change it';
COMMENT ON COLUMN mls.consumer.added_at IS 'when it was added';
COMMENT ON COLUMN mls.consumer.changed_at IS 'when it was changed last';

CREATE TABLE mls.consumer_secret (
    consumer   text NOT NULL REFERENCES mls.consumer ON DELETE CASCADE,
    verifier   text NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    expires_at timestamptz,
    PRIMARY KEY (consumer, verifier)
);
COMMENT ON TABLE mls.consumer_secret IS 'what is kept of secrets of consumers, two each at most; nobody but the owner of this table reads it';
COMMENT ON COLUMN mls.consumer_secret.consumer IS 'the consumer';
COMMENT ON COLUMN mls.consumer_secret.verifier IS 'SCRAM-SHA-256, as in pg_authid';
COMMENT ON COLUMN mls.consumer_secret.made_at IS 'when it was made';
COMMENT ON COLUMN mls.consumer_secret.expires_at IS 'until when it holds; NULL for no end';

CREATE TABLE mls.serve_revocation (
    jti   text PRIMARY KEY,
    until timestamptz NOT NULL
);
COMMENT ON TABLE mls.serve_revocation IS 'tokens that are void before their time';
COMMENT ON COLUMN mls.serve_revocation.jti IS 'name of the token';
COMMENT ON COLUMN mls.serve_revocation.until IS 'when it ends anyway, and this row may go';

CREATE TABLE mls.serve_log (
    at          timestamptz NOT NULL,
    consumer    text,
    client_id   text,
    role        text,
    method      text,
    resource    text,
    query       text,
    status      integer,
    rows        bigint,
    bytes       bigint,
    queue_ms    double precision,
    database_ms double precision,
    address     text
);
CREATE INDEX ON mls.serve_log USING brin (at);
COMMENT ON TABLE mls.serve_log IS 'what was asked of the program that serves, by whom; mls_serve_prune() forgets';
COMMENT ON COLUMN mls.serve_log.at IS 'when';
COMMENT ON COLUMN mls.serve_log.consumer IS 'who asked; NULL for nobody known';
COMMENT ON COLUMN mls.serve_log.client_id IS 'what he called himself';
COMMENT ON COLUMN mls.serve_log.role IS 'role that he read as';
COMMENT ON COLUMN mls.serve_log.method IS 'method of the request';
COMMENT ON COLUMN mls.serve_log.resource IS 'what it was about';
COMMENT ON COLUMN mls.serve_log.query IS 'its options, with ? for values';
COMMENT ON COLUMN mls.serve_log.status IS 'status of the answer';
COMMENT ON COLUMN mls.serve_log.rows IS 'records in it';
COMMENT ON COLUMN mls.serve_log.bytes IS 'its length';
COMMENT ON COLUMN mls.serve_log.queue_ms IS 'milliseconds it waited for a connection';
COMMENT ON COLUMN mls.serve_log.database_ms IS 'milliseconds the database took';
COMMENT ON COLUMN mls.serve_log.address IS 'where it came from';

ALTER TABLE mls.consumer ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.consumer_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.serve_revocation ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.serve_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.consumer FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY owner ON mls.serve_log FOR SELECT USING (EXISTS (SELECT FROM mls.consumer c WHERE c.consumer = serve_log.consumer));
CREATE POLICY monitor ON mls.serve_log FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
GRANT SELECT ON mls.serve_log TO pg_monitor;
-- For the policies that look whose a consumer is: those who watch see none here.
GRANT SELECT (consumer) ON mls.consumer TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.consumer', '');
SELECT pg_catalog.pg_extension_config_dump('mls.consumer_secret', '');
SELECT pg_catalog.pg_extension_config_dump('mls.serve_revocation', '');
SELECT pg_catalog.pg_extension_config_dump('mls.serve_log', '');

-- ---- Secrets ----

CREATE FUNCTION mls.random_text(letters integer) RETURNS text
    AS 'MODULE_PATHNAME', 'mls_random_text_sql' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION mls.random_text(integer) IS 'a text that nobody guesses, of letters, digits, - and _';

CREATE FUNCTION mls.secret_verifier(secret text) RETURNS text
    AS 'MODULE_PATHNAME', 'mls_secret_verifier_sql' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION mls.secret_verifier(text) IS 'what is kept of a secret';

CREATE FUNCTION mls.secret_matches(verifier text, secret text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mls_secret_matches_sql' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION mls.secret_matches(text, text) IS 'whether a secret is that of a verifier; without one false, after the same work';

-- ---- Consumers ----

CREATE FUNCTION mls.note_consumer(caller regrole, action text, consumer text, settings jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.consumer;
    wanted regrole := (settings ->> 'audience')::regrole;
    found text;
BEGIN
    SELECT * INTO known FROM mls.consumer c WHERE c.consumer = note_consumer.consumer FOR UPDATE;
    IF action = 'add' AND known.consumer IS NOT NULL THEN
        PERFORM mls.refuse('42710', format('there is a consumer "%s" already', consumer));
    ELSIF action <> 'add' AND (known.consumer IS NULL OR NOT pg_has_role(caller, known.owner, 'USAGE')) THEN
        PERFORM mls.refuse('42704', format('there is no consumer "%s" of yours', consumer), 'mls.consumer lists them.');
    END IF;
    -- Who is let in as an audience is said by all who have said what it sees.
    IF wanted IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM mls.audiences() v WHERE v.audience = wanted) THEN
            PERFORM mls.refuse('42704', format('role "%s" is no audience', wanted::text), 'Call mls_audience(), mls_protect() or mls_serve_dataset() for it first.');
        END IF;
        SELECT string_agg(DISTINCT v.set_by::text, ', ') INTO found FROM mls.audiences() v
         WHERE v.audience = wanted AND NOT pg_has_role(caller, v.set_by, 'USAGE');
        IF found IS NOT NULL THEN
            PERFORM mls.refuse('42501', format('permission denied to let a consumer read as role "%s"', wanted::text),
                               detail => format('What it sees was said by: %s.', found));
        END IF;
    END IF;
    IF jsonb_typeof(settings -> 'claims') <> 'object' OR jsonb_typeof(settings -> 'limits') <> 'object' THEN
        PERFORM mls.refuse('22023', 'claims and limits of a consumer are JSON objects');
    END IF;
    SELECT string_agg(k, ', ') INTO found FROM jsonb_object_keys(coalesce(settings -> 'claims', '{}')) k
     WHERE k IN ('iss', 'sub', 'aud', 'iat', 'nbf', 'exp', 'jti', 'role', 'client_id');
    IF found IS NOT NULL THEN
        PERFORM mls.refuse('22023', format('claims that are not yours to set: %s', found), 'Tokens have these of themselves.');
    END IF;
    IF settings -> 'claims' ? 'scope' AND (jsonb_typeof(settings #> '{claims,scope}') <> 'string'
                                           OR settings #>> '{claims,scope}' !~ '^[^[:space:][:cntrl:]]+( [^[:space:][:cntrl:]]+)*$') THEN
        PERFORM mls.refuse('22023', 'the scope of a consumer is a text with names of resources, such as "Property Media"', 'All that the audience reads is "api", or no scope.');
    END IF;
    SELECT string_agg(e.key, ', ') INTO found FROM jsonb_each(coalesce(settings -> 'limits', '{}')) e
     WHERE e.key NOT IN ('per_second', 'burst', 'per_day', 'concurrency', 'page_size') OR jsonb_typeof(e.value) <> 'number'
        OR CASE WHEN jsonb_typeof(e.value) = 'number' THEN (e.value #>> '{}')::numeric <= 0 END;
    IF found IS NOT NULL THEN
        PERFORM mls.refuse('22023', format('limits that are not known, or not above zero: %s', found), 'Known are per_second, burst, per_day, concurrency and page_size.');
    END IF;
    CASE action
    WHEN 'add' THEN
        INSERT INTO mls.consumer (consumer, client_id, audience, claims, limits, owner)
        VALUES (consumer, settings ->> 'client_id', wanted, settings -> 'claims', settings -> 'limits', caller);
        INSERT INTO mls.consumer_secret (consumer, verifier) VALUES (consumer, settings ->> 'verifier');
    WHEN 'alter' THEN
        -- What tokens say of audience and claims must not outlive them.
        UPDATE mls.consumer c
           SET audience = coalesce(wanted, c.audience), claims = coalesce(settings -> 'claims', c.claims), limits = coalesce(settings -> 'limits', c.limits),
               active = coalesce((settings -> 'active')::boolean, c.active), changed_at = now(),
               not_before = CASE WHEN wanted <> c.audience OR settings -> 'claims' <> c.claims OR (settings -> 'active')::boolean <> c.active
                                 THEN clock_timestamp() ELSE c.not_before END
         WHERE c.consumer = note_consumer.consumer;
    WHEN 'rotate' THEN
        -- Two hold at a time: the new one, and the newest of the others for a while.
        DELETE FROM mls.consumer_secret s WHERE s.consumer = note_consumer.consumer
           AND (s.expires_at <= clock_timestamp() OR (settings ->> 'keep')::interval <= '0'
                OR s.verifier <> (SELECT n.verifier FROM mls.consumer_secret n WHERE n.consumer = note_consumer.consumer ORDER BY n.made_at DESC LIMIT 1));
        UPDATE mls.consumer_secret s SET expires_at = least(s.expires_at, clock_timestamp() + (settings ->> 'keep')::interval)
         WHERE s.consumer = note_consumer.consumer;
        INSERT INTO mls.consumer_secret (consumer, verifier) VALUES (consumer, settings ->> 'verifier');
        UPDATE mls.consumer c SET changed_at = now() WHERE c.consumer = note_consumer.consumer;
    WHEN 'revoke' THEN
        UPDATE mls.consumer c SET not_before = clock_timestamp(), changed_at = now() WHERE c.consumer = note_consumer.consumer;
    WHEN 'remove' THEN
        DELETE FROM mls.consumer c WHERE c.consumer = note_consumer.consumer;
    END CASE;
    NOTIFY mls_serve, 'consumers';
END $$;
COMMENT ON FUNCTION mls.note_consumer(regrole, text, text, jsonb) IS 'adds, alters, rotates, revokes or removes a consumer for a caller who may';
CREATE FUNCTION mls.note_consumer(action text, consumer text, settings jsonb) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_consumer(text, text, jsonb) IS 'part of mls_consumer_...(): the same for who calls it';

CREATE FUNCTION mls_consumer_add(name text, audience regrole, claims jsonb DEFAULT '{}', limits jsonb DEFAULT '{}', OUT client_id text, OUT secret text)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_consumer_add()', 'add consumers');
    IF coalesce(btrim(name), '') = '' OR length(name) > 100 OR name ~ '[[:cntrl:]]' OR audience IS NULL THEN
        PERFORM mls.refuse('22023', 'a consumer has a name of 1 to 100 characters, and an audience');
    END IF;
    client_id := mls.random_text(22);
    secret := mls.random_text(43);
    PERFORM mls.note_consumer('add', name, jsonb_build_object('client_id', client_id, 'audience', audience, 'claims', coalesce(claims, '{}'),
                              'limits', coalesce(limits, '{}'), 'verifier', mls.secret_verifier(secret)));
END $$;
COMMENT ON FUNCTION mls_consumer_add(text, regrole, jsonb, jsonb)
    IS 'let somebody ask the program that serves, as an audience and with claims for its policies; returns what he logs in with, of which the secret is shown this once';

CREATE FUNCTION mls_consumer_alter(name text, audience regrole DEFAULT NULL, claims jsonb DEFAULT NULL, limits jsonb DEFAULT NULL, active boolean DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_consumer_alter()', 'alter consumers');
    PERFORM mls.note_consumer('alter', name, jsonb_strip_nulls(jsonb_build_object('audience', audience, 'active', active)) ||
        CASE WHEN claims IS NULL THEN '{}' ELSE jsonb_build_object('claims', claims) END || CASE WHEN limits IS NULL THEN '{}' ELSE jsonb_build_object('limits', limits) END);
END $$;
COMMENT ON FUNCTION mls_consumer_alter(text, regrole, jsonb, jsonb, boolean)
    IS 'change a consumer''s audience, claims, limits, or whether it is served; what is NULL stays. Its tokens are void when audience or claims change';

CREATE FUNCTION mls_consumer_rotate(name text, keep interval DEFAULT '7 days', OUT client_id text, OUT secret text)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_consumer_rotate()', 'rotate secrets');
    secret := mls.random_text(43);
    PERFORM mls.note_consumer('rotate', name, jsonb_build_object('verifier', mls.secret_verifier(secret), 'keep', coalesce(keep, '0')));
    client_id := (SELECT c.client_id FROM mls.consumer c WHERE c.consumer = name);
END $$;
COMMENT ON FUNCTION mls_consumer_rotate(text, interval) IS 'give a consumer a new secret, shown this once; the one before holds for a while yet';

CREATE FUNCTION mls_consumer_revoke(name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_consumer_revoke()', 'revoke tokens');
    PERFORM mls.note_consumer('revoke', name, '{}');
END $$;
COMMENT ON FUNCTION mls_consumer_revoke(text) IS 'make void all tokens that a consumer has; with its secret it gets new ones';

CREATE FUNCTION mls_consumer_remove(name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_consumer_remove()', 'remove consumers');
    PERFORM mls.note_consumer('remove', name, '{}');
END $$;
COMMENT ON FUNCTION mls_consumer_remove(text) IS 'take a consumer away, with its secrets';

-- ---- For the program that serves ----

CREATE FUNCTION mls.serve_login(caller regrole, client_id text, secret text,
    OUT consumer text, OUT role text, OUT claims json, OUT limits json, OUT not_before timestamptz)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.consumer;
    verifiers text[];
    first boolean;
    second boolean;
BEGIN
    SELECT * INTO known FROM mls.consumer c
     WHERE c.client_id = serve_login.client_id AND c.active AND pg_has_role(caller, c.audience, 'MEMBER')
       AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = c.audience);
    verifiers := ARRAY(SELECT s.verifier FROM mls.consumer_secret s
                        WHERE s.consumer = known.consumer AND (s.expires_at > clock_timestamp()) IS NOT FALSE ORDER BY s.made_at DESC);
    -- Both, whichever there are: how long it takes says nothing.
    first := mls.secret_matches(verifiers[1], secret);
    second := mls.secret_matches(verifiers[2], secret);
    IF first OR second THEN
        RETURN QUERY SELECT known.consumer, (SELECT r.rolname::text FROM pg_roles r WHERE r.oid = known.audience), known.claims::json, known.limits::json, known.not_before;
    END IF;
END $$;
COMMENT ON FUNCTION mls.serve_login(regrole, text, text) IS 'the consumer that has a secret, if the caller can become its audience';
CREATE FUNCTION mls.serve_login(client_id text, secret text, OUT consumer text, OUT role text, OUT claims json, OUT limits json, OUT not_before timestamptz)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_control_rows_sql';
COMMENT ON FUNCTION mls.serve_login(text, text) IS 'the consumer that has a secret; no row if there is none, after the same work';

CREATE FUNCTION mls.serve_consumers(caller regrole,
    OUT client_id text, OUT consumer text, OUT role text, OUT claims json, OUT limits json, OUT not_before timestamptz, OUT active boolean)
    RETURNS SETOF record
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT c.client_id, c.consumer, r.rolname::text, c.claims::json, c.limits::json, c.not_before, c.active
  FROM mls.consumer c JOIN pg_roles r ON r.oid = c.audience
 WHERE pg_has_role(caller, c.audience, 'MEMBER') ORDER BY c.consumer COLLATE "C"
$$;
COMMENT ON FUNCTION mls.serve_consumers(regrole) IS 'consumers of the audiences that the caller can become';
CREATE FUNCTION mls.serve_consumers(OUT client_id text, OUT consumer text, OUT role text, OUT claims json, OUT limits json, OUT not_before timestamptz, OUT active boolean)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_control_rows_sql';
COMMENT ON FUNCTION mls.serve_consumers() IS 'the same for who calls it; a notification on mls_serve says that they changed';

CREATE FUNCTION mls.serve_revoke(caller regrole, jti text, until timestamptz) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    DELETE FROM mls.serve_revocation r WHERE r.until < now();
    -- No token is valid for longer than days, and none has a long name.
    IF length(jti) <= 200 AND until > now() THEN
        INSERT INTO mls.serve_revocation (jti, until) VALUES ($2, least($3, now() + interval '7 days')) ON CONFLICT DO NOTHING;
        NOTIFY mls_serve, 'revoked';
    END IF;
END $$;
COMMENT ON FUNCTION mls.serve_revoke(regrole, text, timestamptz) IS 'makes one token void until it ends anyway';
CREATE FUNCTION mls.serve_revoke(jti text, until timestamptz) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.serve_revoke(text, timestamptz) IS 'the same, for the program that serves';

CREATE FUNCTION mls.serve_revoked(caller regrole, OUT jti text, OUT until timestamptz) RETURNS SETOF record
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT r.jti, r.until FROM mls.serve_revocation r WHERE r.until > now() $$;
COMMENT ON FUNCTION mls.serve_revoked(regrole) IS 'tokens that are void before their time';
CREATE FUNCTION mls.serve_revoked(OUT jti text, OUT until timestamptz) RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_control_rows_sql';
COMMENT ON FUNCTION mls.serve_revoked() IS 'the same, for the program that serves';

CREATE FUNCTION mls.serve_audit(caller regrole, rows json) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    n bigint;
BEGIN
    INSERT INTO mls.serve_log
    SELECT coalesce(r.at, now()), left(r.consumer, 200), left(r.client_id, 200), left(r.role, 63), left(r.method, 20), left(r.resource, 200), left(r.query, 4000),
           r.status, r.rows, r.bytes, r.queue_ms, r.database_ms, left(r.address, 100)
      FROM json_populate_recordset(NULL::mls.serve_log, rows) r;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
COMMENT ON FUNCTION mls.serve_audit(regrole, json) IS 'writes mls.serve_log, rows as an array of objects; returns how many';
CREATE FUNCTION mls.serve_audit(rows json) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.serve_audit(json) IS 'the same, for the program that serves';

CREATE FUNCTION mls_serve_prune(keep interval DEFAULT '90 days') RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM mls.refuse_standby('mls_serve_prune()', 'forget');
    DELETE FROM mls.serve_log l WHERE l.at < now() - keep;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
COMMENT ON FUNCTION mls_serve_prune(interval) IS 'forget what was asked of the program that serves longer ago than this; returns how much. For the owner of the extension';

CREATE FUNCTION mls_serve_grant(role regrole, audiences regrole[] DEFAULT NULL) RETURNS SETOF regrole
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    login record;
    one regrole;
    found text;
BEGIN
    PERFORM mls.refuse_standby('mls_serve_grant()', 'grant');
    SELECT * INTO login FROM pg_roles r WHERE r.oid = role;
    IF login.oid IS NULL OR login.rolsuper OR login.rolbypassrls OR login.rolcreaterole OR login.rolcreatedb OR login.rolreplication OR login.rolinherit THEN
        PERFORM mls.refuse('0LP01', format('role "%s" cannot serve audiences', login.rolname),
            format('Make one for this alone: CREATE ROLE %I LOGIN NOINHERIT.', coalesce(nullif(login.rolname, 'postgres'), 'authenticator')),
            'It would serve with more rights than those of audiences: a role that serves has NOINHERIT, and neither SUPERUSER, BYPASSRLS, CREATEROLE, CREATEDB nor REPLICATION.');
    END IF;
    audiences := coalesce(audiences, ARRAY(SELECT DISTINCT v.audience::oid FROM mls.audiences() v)::regrole[]);
    SELECT string_agg(a::text, ', ') INTO found FROM unnest(audiences) a WHERE NOT EXISTS (SELECT FROM mls.audiences() v WHERE v.audience = a);
    IF found IS NOT NULL THEN
        PERFORM mls.refuse('42704', format('no audiences: %s', found), 'Call mls_audience(), mls_protect() or mls_serve_dataset() for them first.');
    END IF;
    SELECT string_agg(m.roleid::regrole::text, ', ') INTO found FROM pg_auth_members m
     WHERE m.member = role AND NOT EXISTS (SELECT FROM mls.audiences() v WHERE v.audience = m.roleid);
    IF found IS NOT NULL THEN
        PERFORM mls.refuse('0LP01', format('role "%s" cannot serve audiences', login.rolname),
            'Make one for this alone.', format('It is a member of roles that are none: %s.', found));
    END IF;
    SELECT string_agg(DISTINCT v.gold::text, ', ') INTO found FROM mls.audience v
     WHERE has_any_column_privilege(role, v.gold, 'SELECT, INSERT, UPDATE') OR has_table_privilege(role, v.gold, 'DELETE, TRUNCATE');
    IF found IS NOT NULL THEN
        PERFORM mls.refuse('0LP01', format('role "%s" cannot serve audiences', login.rolname),
            format('Revoke them from "%s" and from PUBLIC.', login.rolname), format('It has rights of its own on: %s.', found));
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA mls TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION mls.serve_roles(), mls.serve_model(text), mls.serve_login(text, text), mls.serve_consumers(), '
                   'mls.serve_revoke(text, timestamptz), mls.serve_revoked(), mls.serve_audit(json), mls.serve_file(text, text[]), mls.alert_now(integer), '
                   'mls.serve_datasets(text, jsonb, text, text), mls.serve_dataset_files(text, jsonb, text, text, text, text, integer), '
                   'mls.serve_dataset_put(text, jsonb, text, text, text, bytea, bigint, boolean, bigint, bigint), mls.serve_dataset_sync(text, jsonb, text, text), mls.serve_dataset_delete(text, jsonb, text, text, text) TO %s', role);
    FOREACH one IN ARRAY audiences LOOP
        IF NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = one AND m.member = role) THEN
            EXECUTE format('GRANT %s TO %s', one, role);
        END IF;
        RETURN NEXT one;
    END LOOP;
    NOTIFY mls_serve, 'consumers';
END $$;
COMMENT ON FUNCTION mls_serve_grant(regrole, regrole[])
    IS 'let a login serve audiences (all, if none is named), with what that needs and no more; refuses roles that have rights of their own';

REVOKE ALL ON FUNCTION mls.random_text(integer), mls.secret_verifier(text), mls.secret_matches(text, text), mls.note_consumer(regrole, text, text, jsonb), mls.note_consumer(text, text, jsonb),
    mls_consumer_add(text, regrole, jsonb, jsonb), mls_consumer_alter(text, regrole, jsonb, jsonb, boolean), mls_consumer_rotate(text, interval), mls_consumer_revoke(text),
    mls_consumer_remove(text), mls.serve_login(regrole, text, text), mls.serve_login(text, text), mls.serve_consumers(regrole), mls.serve_consumers(),
    mls.serve_revoke(regrole, text, timestamptz), mls.serve_revoke(text, timestamptz), mls.serve_revoked(regrole), mls.serve_revoked(),
    mls.serve_audit(regrole, json), mls.serve_audit(json), mls_serve_prune(interval), mls_serve_grant(regrole, regrole[]) FROM PUBLIC;
