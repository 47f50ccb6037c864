-- Tenants: roles whose datasets and stores are kept apart, each with the places that it may use
-- and with limits.  Only the owner of the extension writes here: superusers.

CREATE TABLE mls.tenant (
    role          regrole PRIMARY KEY,
    places        text[] NOT NULL DEFAULT '{}',
    file_bytes    bigint CHECK (file_bytes > 0),
    file_rows     bigint CHECK (file_rows > 0),
    files_per_day bigint CHECK (files_per_day > 0),
    bytes_per_day bigint CHECK (bytes_per_day > 0),
    rows_per_day  bigint CHECK (rows_per_day > 0),
    stored_bytes  bigint CHECK (stored_bytes > 0),
    changed_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE mls.tenant IS 'roles that are kept apart: which places of files each may use, and how much it may take; mls_tenant() writes it';
COMMENT ON COLUMN mls.tenant.role IS 'the role; what holds for it holds for its members as well';
COMMENT ON COLUMN mls.tenant.places IS 'directories and prefixes below which its datasets and stores may be, as file:///srv/north and s3://bucket/north; nobody else may use them';
COMMENT ON COLUMN mls.tenant.file_bytes IS 'length of a file, at most; NULL for no limit';
COMMENT ON COLUMN mls.tenant.file_rows IS 'rows of a file, at most; NULL for no limit';
COMMENT ON COLUMN mls.tenant.files_per_day IS 'files that are taken in a day (of UTC), at most; NULL for no limit';
COMMENT ON COLUMN mls.tenant.bytes_per_day IS 'their length together, at most; NULL for no limit';
COMMENT ON COLUMN mls.tenant.rows_per_day IS 'their rows together, at most; NULL for no limit';
COMMENT ON COLUMN mls.tenant.stored_bytes IS 'length of all files that it has uploaded and not dropped, at most; NULL for no limit';
COMMENT ON COLUMN mls.tenant.changed_at IS 'since when this holds';

CREATE TABLE mls.tenant_day (
    role  regrole NOT NULL REFERENCES mls.tenant ON DELETE CASCADE,
    day   date NOT NULL,
    files bigint NOT NULL,
    bytes bigint NOT NULL,
    rows  bigint NOT NULL,
    PRIMARY KEY (role, day)
);
COMMENT ON TABLE mls.tenant_day IS 'what tenants have taken, by days of UTC; a month of it is kept';
COMMENT ON COLUMN mls.tenant_day.role IS 'the tenant';
COMMENT ON COLUMN mls.tenant_day.day IS 'the day';
COMMENT ON COLUMN mls.tenant_day.files IS 'files that were taken, as often as they were';
COMMENT ON COLUMN mls.tenant_day.bytes IS 'their length';
COMMENT ON COLUMN mls.tenant_day.rows IS 'their rows';

ALTER TABLE mls.tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.tenant_day ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON mls.tenant FOR SELECT USING (pg_catalog.pg_has_role(role, 'USAGE'));
CREATE POLICY own ON mls.tenant_day FOR SELECT USING (pg_catalog.pg_has_role(role, 'USAGE'));
CREATE POLICY monitor ON mls.tenant FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
CREATE POLICY monitor ON mls.tenant_day FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
GRANT SELECT ON mls.tenant, mls.tenant_day TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.tenant', '');
SELECT pg_catalog.pg_extension_config_dump('mls.tenant_day', '');

CREATE FUNCTION mls.today() RETURNS date
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT (now() AT TIME ZONE 'UTC')::date $$;
COMMENT ON FUNCTION mls.today() IS 'the day by which limits of tenants are counted: that of UTC';

-- Whoever has the privileges of a tenant stores for it.
CREATE FUNCTION mls.stored_bytes(role regrole, but bigint[] DEFAULT '{}') RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT coalesce(sum(u.bytes), 0)::bigint
  FROM mls.upload u JOIN pg_roles r ON r.oid = u.owner::oid AND NOT r.rolsuper
 WHERE pg_has_role(r.oid, role::oid, 'USAGE') AND u.id <> ALL (but)
$$;
COMMENT ON FUNCTION mls.stored_bytes(regrole, bigint[]) IS 'length of the files that a tenant has uploaded, parts of those that are not whole included, but for some';
CREATE FUNCTION mls.stored(caller regrole, role regrole) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT mls.stored_bytes(role) WHERE pg_has_role(caller::oid, role::oid, 'USAGE') OR pg_has_role(caller::oid, 'pg_monitor', 'USAGE')
$$;
COMMENT ON FUNCTION mls.stored(regrole, regrole) IS 'the same, for a caller who may see the tenant; NULL for others';
CREATE FUNCTION mls.stored(role regrole) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.stored(regrole) IS 'the same, for who calls it';
REVOKE ALL ON FUNCTION mls.stored_bytes(regrole, bigint[]), mls.stored(regrole, regrole), mls.stored(regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls.stored(regrole) TO pg_monitor;

CREATE VIEW mls_tenants WITH (security_invoker = true) AS
SELECT t.role, t.places, t.file_bytes, t.file_rows, t.files_per_day, t.bytes_per_day, t.rows_per_day, t.stored_bytes,
       coalesce(d.files, 0) AS files_today, coalesce(d.bytes, 0) AS bytes_today, coalesce(d.rows, 0) AS rows_today,
       mls.stored(t.role) AS bytes_stored
  FROM mls.tenant t LEFT JOIN mls.tenant_day d ON d.role = t.role AND d.day = (pg_catalog.now() AT TIME ZONE 'UTC')::pg_catalog.date;
COMMENT ON VIEW mls_tenants IS 'tenants, what they may take, and what they have taken today';
COMMENT ON COLUMN mls_tenants.role IS 'the role';
COMMENT ON COLUMN mls_tenants.places IS 'directories and prefixes below which its datasets and stores may be';
COMMENT ON COLUMN mls_tenants.file_bytes IS 'length of a file, at most; NULL for no limit';
COMMENT ON COLUMN mls_tenants.file_rows IS 'rows of a file, at most';
COMMENT ON COLUMN mls_tenants.files_per_day IS 'files that are taken in a day, at most';
COMMENT ON COLUMN mls_tenants.bytes_per_day IS 'their length together, at most';
COMMENT ON COLUMN mls_tenants.rows_per_day IS 'their rows together, at most';
COMMENT ON COLUMN mls_tenants.stored_bytes IS 'length of all files that it has uploaded and not dropped, at most';
COMMENT ON COLUMN mls_tenants.files_today IS 'files that were taken today';
COMMENT ON COLUMN mls_tenants.bytes_today IS 'their length';
COMMENT ON COLUMN mls_tenants.rows_today IS 'their rows';
COMMENT ON COLUMN mls_tenants.bytes_stored IS 'length of the files that it has uploaded, parts of those that are not whole included';
GRANT SELECT ON mls_tenants TO pg_monitor;

-- ---- What superusers set ----

CREATE FUNCTION mls.place_of(url text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_place_of_sql';
COMMENT ON FUNCTION mls.place_of(text) IS 'the address of a directory or of a prefix of a bucket in the one form in which places are compared';

CREATE FUNCTION mls_tenant(role regrole, places text[], file_bytes bigint DEFAULT NULL, file_rows bigint DEFAULT NULL,
    files_per_day bigint DEFAULT NULL, bytes_per_day bigint DEFAULT NULL, rows_per_day bigint DEFAULT NULL, stored_bytes bigint DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    wanted text[] := ARRAY(SELECT DISTINCT mls.place_of(p) FROM unnest(places) p WHERE p IS NOT NULL ORDER BY 1);
    taken record;
BEGIN
    PERFORM mls.refuse_standby('mls_tenant()', 'set this');
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = mls_tenant.role::oid AND NOT r.rolsuper) THEN
        PERFORM mls.refuse('22023', 'a tenant is a role that is no superuser');
    END IF;
    IF least(file_bytes, file_rows, files_per_day, bytes_per_day, rows_per_day, stored_bytes) <= 0 THEN
        PERFORM mls.refuse('22023', 'limits of a tenant are above zero', 'NULL is no limit.');
    END IF;
    LOCK TABLE mls.tenant IN SHARE ROW EXCLUSIVE MODE;
    SELECT t.role, w.place, p.place AS theirs INTO taken
      FROM mls.tenant t, unnest(t.places) p (place), unnest(wanted) w (place)
     WHERE t.role <> mls_tenant.role AND (starts_with(w.place || '/', p.place || '/') OR starts_with(p.place || '/', w.place || '/'))
     LIMIT 1;
    IF FOUND THEN
        PERFORM mls.refuse('42710', format('place "%s" is of tenant "%s" already', taken.place, taken.role), NULL, format('It has "%s".', taken.theirs));
    END IF;
    INSERT INTO mls.tenant AS t (role, places, file_bytes, file_rows, files_per_day, bytes_per_day, rows_per_day, stored_bytes)
    VALUES (mls_tenant.role, wanted, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (role) DO UPDATE SET (places, file_bytes, file_rows, files_per_day, bytes_per_day, rows_per_day, stored_bytes, changed_at) =
        (excluded.places, excluded.file_bytes, excluded.file_rows, excluded.files_per_day, excluded.bytes_per_day, excluded.rows_per_day, excluded.stored_bytes, now());
END $$;
COMMENT ON FUNCTION mls_tenant(regrole, text[], bigint, bigint, bigint, bigint, bigint, bigint)
    IS 'keep the datasets and stores of a role apart: below these places and nowhere else, which are closed to all others, with limits of what it may take and keep as uploads (NULL: none); all of it is set anew. For the owner of the extension';

CREATE FUNCTION mls_tenant_remove(role regrole) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_tenant_remove()', 'set this');
    DELETE FROM mls.tenant t WHERE t.role = mls_tenant_remove.role;
    IF NOT FOUND THEN
        PERFORM mls.refuse('42704', format('role "%s" is no tenant', role));
    END IF;
END $$;
COMMENT ON FUNCTION mls_tenant_remove(regrole) IS 'a role is no tenant any more: its places are closed to nobody, and it has no limits. For the owner of the extension';

-- ---- Where files are taken ----

-- That a superuser has all privileges does not make him a tenant.
CREATE FUNCTION mls.tenants_of(caller regrole) RETURNS SETOF mls.tenant
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT t.* FROM mls.tenant t
 WHERE pg_has_role(caller::oid, t.role::oid, 'USAGE') AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = caller::oid AND NOT r.rolsuper)
 ORDER BY t.role::oid
$$;
COMMENT ON FUNCTION mls.tenants_of(regrole) IS 'the tenants whose places and limits hold for a role: itself, and roles it has the privileges of';

-- Without rows: whether it may be opened at all.
CREATE FUNCTION mls.take_file(caller regrole, bytes bigint, rows bigint) RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    t mls.tenant;
    used mls.tenant_day;
    why text;
BEGIN
    FOR t IN SELECT x.* FROM mls.tenant x WHERE x.role IN (SELECT o.role FROM mls.tenants_of(caller) o) ORDER BY x.role::oid FOR UPDATE LOOP
        SELECT * INTO used FROM mls.tenant_day d WHERE d.role = t.role AND d.day = mls.today();
        why := CASE
            WHEN bytes > t.file_bytes THEN format('It has %s, and a file of tenant "%s" may have %s (limit file_bytes).', mls.counted(bytes, 'byte', 'bytes'), t.role, t.file_bytes)
            WHEN rows > t.file_rows THEN format('It has %s, and a file of tenant "%s" may have %s (limit file_rows).', mls.counted(rows, 'row', 'rows'), t.role, t.file_rows)
            WHEN coalesce(used.files, 0) + 1 > t.files_per_day THEN format('Tenant "%s" may take %s a day (limit files_per_day), and has.', t.role, mls.counted(t.files_per_day, 'file', 'files'))
            WHEN coalesce(used.bytes, 0) + bytes > t.bytes_per_day THEN format('With its %s tenant "%s" would have taken %s today, and may take %s (limit bytes_per_day).', mls.counted(bytes, 'byte', 'bytes'), t.role, coalesce(used.bytes, 0) + bytes, t.bytes_per_day)
            WHEN coalesce(used.rows, 0) + rows > t.rows_per_day THEN format('With its %s tenant "%s" would have taken %s today, and may take %s (limit rows_per_day).', mls.counted(rows, 'row', 'rows'), t.role, coalesce(used.rows, 0) + rows, t.rows_per_day)
        END;
        EXIT WHEN why IS NOT NULL;
    END LOOP;
    IF why IS NULL AND rows IS NOT NULL THEN
        INSERT INTO mls.tenant_day AS d (role, day, files, bytes, rows) SELECT o.role, mls.today(), 1, take_file.bytes, take_file.rows FROM mls.tenants_of(caller) o
        ON CONFLICT (role, day) DO UPDATE SET files = d.files + 1, bytes = d.bytes + excluded.bytes, rows = d.rows + excluded.rows;
        DELETE FROM mls.tenant_day d WHERE d.role IN (SELECT o.role FROM mls.tenants_of(caller) o) AND d.day < mls.today() - 31;
    END IF;
    RETURN why;
END $$;
COMMENT ON FUNCTION mls.take_file(regrole, bigint, bigint)
    IS 'whether a role may take a file of so many bytes and rows: NULL, and it is counted, or which limit keeps it from that; without rows nothing is counted';

-- What a file replaces counts no more: it goes when the new one is whole.
CREATE FUNCTION mls.store_file(owner regrole, server oid, name text, bytes bigint) RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    t mls.tenant;
    others bigint;
BEGIN
    FOR t IN SELECT x.* FROM mls.tenant x WHERE x.stored_bytes IS NOT NULL AND x.role IN (SELECT o.role FROM mls.tenants_of(owner) o) ORDER BY x.role::oid FOR UPDATE LOOP
        others := mls.stored_bytes(t.role, ARRAY(SELECT a.id FROM mls.uploads_at(server) a WHERE a.name = store_file.name));
        IF others + bytes > t.stored_bytes THEN
            RETURN format('With its %s tenant "%s" would keep %s in its uploads, and may keep %s (limit stored_bytes).',
                          mls.counted(bytes, 'byte', 'bytes'), t.role, others + bytes, t.stored_bytes);
        END IF;
        -- A lock alone would let a transaction go on that does not see what others have stored since it began.
        UPDATE mls.tenant x SET changed_at = x.changed_at WHERE x.role = t.role;
    END LOOP;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION mls.store_file(regrole, oid, text, bigint)
    IS 'whether a file of so many bytes may be kept for a server of that owner, in place of those of its name: NULL, or which limit keeps it from that';

REVOKE ALL ON FUNCTION mls.store_file(regrole, oid, text, bigint), mls.today(), mls.place_of(text), mls_tenant(regrole, text[], bigint, bigint, bigint, bigint, bigint, bigint), mls_tenant_remove(regrole),
    mls.tenants_of(regrole), mls.take_file(regrole, bigint, bigint) FROM PUBLIC;
