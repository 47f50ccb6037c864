-- Files of records: which go where, what is known of each, and the process that fetches them.
--
-- mls.media is queue and truth in one: a row for each medium that gold shows, with what became
-- of its file.  It has no address: those end, and some are secrets.  The one to ask is read
-- from bronze in the moment it is needed.

CREATE TABLE mls.media_rule (
    subscription   bigint PRIMARY KEY REFERENCES mls.subscription ON DELETE CASCADE,
    store          text NOT NULL,
    resources      text[],
    categories     text[],
    max_file_bytes bigint NOT NULL DEFAULT 52428800 CHECK (max_file_bytes BETWEEN 1024 AND 5368709120),
    max_files      integer CHECK (max_files > 0),
    max_run_files  bigint CHECK (max_run_files > 0),
    max_run_bytes  bigint CHECK (max_run_bytes > 0),
    quota_share    float8 NOT NULL DEFAULT 0.5 CHECK (quota_share > 0 AND quota_share <= 1),
    transfers      integer NOT NULL DEFAULT 8 CHECK (transfers BETWEEN 1 AND 32),
    grace          interval NOT NULL DEFAULT '7 days' CHECK (grace >= '0'),
    paused         boolean NOT NULL DEFAULT false,
    after_sync     boolean NOT NULL DEFAULT true,
    public_url     text
);
COMMENT ON TABLE mls.media_rule IS 'which files of a source go where; mls_media_store() writes it';
COMMENT ON COLUMN mls.media_rule.subscription IS 'the subscription whose records are the media';
COMMENT ON COLUMN mls.media_rule.store IS 'foreign server of protocol file that keeps the files';
COMMENT ON COLUMN mls.media_rule.resources IS 'resources whose media are fetched (ResourceName); NULL all';
COMMENT ON COLUMN mls.media_rule.categories IS 'categories that are fetched (MediaCategory); NULL all';
COMMENT ON COLUMN mls.media_rule.max_file_bytes IS 'a larger file is refused; bytes';
COMMENT ON COLUMN mls.media_rule.max_files IS 'files of one record at most, the first by their order; NULL all';
COMMENT ON COLUMN mls.media_rule.max_run_files IS 'files that a run fetches at most; NULL no limit';
COMMENT ON COLUMN mls.media_rule.max_run_bytes IS 'bytes after which a run begins no further batch; NULL no limit';
COMMENT ON COLUMN mls.media_rule.quota_share IS 'share of the source''s own limits up to which files are fetched, where it counts them with its other requests';
COMMENT ON COLUMN mls.media_rule.transfers IS 'files fetched at the same time';
COMMENT ON COLUMN mls.media_rule.grace IS 'how long a file stays that no record has any more';
COMMENT ON COLUMN mls.media_rule.paused IS 'whether nothing is fetched for now';
COMMENT ON COLUMN mls.media_rule.after_sync IS 'whether a run begins when a sync of the source has brought something';
COMMENT ON COLUMN mls.media_rule.public_url IS 'option public_url of the store by which gold was made last';

CREATE TABLE mls.media_place (
    subscription bigint NOT NULL REFERENCES mls.media_rule ON DELETE CASCADE,
    store        text NOT NULL,
    place        integer NOT NULL,
    resources    text[],
    categories   text[],
    public_url   text,
    PRIMARY KEY (subscription, store)
);
COMMENT ON TABLE mls.media_place IS 'which files of a source go to other stores than that of mls.media_rule; mls_media_store_also() writes it';
COMMENT ON COLUMN mls.media_place.subscription IS 'the subscription whose records are the media';
COMMENT ON COLUMN mls.media_place.store IS 'foreign server of protocol file that keeps these files';
COMMENT ON COLUMN mls.media_place.place IS 'of several that fit a medium the first has it, and that of mls.media_rule comes last';
COMMENT ON COLUMN mls.media_place.resources IS 'resources whose media these are (ResourceName); NULL all';
COMMENT ON COLUMN mls.media_place.categories IS 'their categories (MediaCategory); NULL all';
COMMENT ON COLUMN mls.media_place.public_url IS 'option public_url of the store by which gold was made last';

CREATE TABLE mls.media (
    subscription    bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    key             text COLLATE "C" NOT NULL,
    record_resource text,
    record_key      text,
    category        text,
    "order"         integer NOT NULL DEFAULT 0,
    record_at       timestamptz NOT NULL DEFAULT '-infinity',
    stamp           text,
    number          integer NOT NULL DEFAULT 0,
    state           text NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'here', 'failed', 'refused', 'gone')),
    target          text,
    store           text,
    sha256          text COLLATE "C",
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    error           text,
    fetched_at      timestamptz,
    gone_at         timestamptz,
    validator       text,
    place           text,
    PRIMARY KEY (subscription, key)
);
CREATE INDEX media_queue ON mls.media (subscription, target, "order", record_at DESC, key) WHERE state = 'wanted';
CREATE INDEX media_record ON mls.media (subscription, target, coalesce(record_key, '')) WHERE state = 'wanted';
CREATE INDEX media_retry ON mls.media (subscription, next_attempt_at) WHERE state = 'failed';
CREATE INDEX media_hash ON mls.media (store, sha256, subscription, key) WHERE sha256 IS NOT NULL;
COMMENT ON TABLE mls.media IS 'each medium that gold shows, and what became of its file: the queue of mls_media_sync()';
COMMENT ON COLUMN mls.media.subscription IS 'the subscription whose record it is';
COMMENT ON COLUMN mls.media.key IS 'its key at the source';
COMMENT ON COLUMN mls.media.record_resource IS 'resource of the record it belongs to (ResourceName)';
COMMENT ON COLUMN mls.media.record_key IS 'key of that record, as gold has it';
COMMENT ON COLUMN mls.media.category IS 'its category (MediaCategory)';
COMMENT ON COLUMN mls.media."order" IS 'its place among the media of its record; first ones are fetched first';
COMMENT ON COLUMN mls.media.record_at IS 'when its record was modified: newer ones are fetched first';
COMMENT ON COLUMN mls.media.stamp IS 'what says that its bytes are other ones: MediaModificationTimestamp, else ModificationTimestamp';
COMMENT ON COLUMN mls.media.number IS 'its number among the files of its record, by which RETS is asked for it: MediaObjectID, else Order';
COMMENT ON COLUMN mls.media.state IS 'wanted, here, failed (tried again at next_attempt_at), refused (not before it changes), gone (gold does not show it any more)';
COMMENT ON COLUMN mls.media.target IS 'store that its file belongs in';
COMMENT ON COLUMN mls.media.store IS 'store that has the file which is served now';
COMMENT ON COLUMN mls.media.sha256 IS 'SHA-256 of that file; NULL before it was here';
COMMENT ON COLUMN mls.media.attempts IS 'how often it was tried in vain since it was wanted';
COMMENT ON COLUMN mls.media.next_attempt_at IS 'when a file that failed is tried again';
COMMENT ON COLUMN mls.media.error IS 'why it failed or was refused';
COMMENT ON COLUMN mls.media.fetched_at IS 'when the file came';
COMMENT ON COLUMN mls.media.validator IS 'what its host calls the file that it has: a header If-None-Match or If-Modified-Since';
COMMENT ON COLUMN mls.media.place IS 'hash of the address that it came from, for a tag without its parameters: another one is not asked whether it has changed';
COMMENT ON COLUMN mls.media.gone_at IS 'when gold was found without it';

CREATE TABLE mls.media_file (
    store              text NOT NULL,
    sha256             text COLLATE "C" NOT NULL,
    name               text NOT NULL,
    type               text NOT NULL,
    bytes              bigint NOT NULL,
    width              integer,
    height             integer,
    cut                boolean NOT NULL DEFAULT false,
    stored_at          timestamptz NOT NULL DEFAULT now(),
    unreferenced_since timestamptz,
    removing           boolean NOT NULL DEFAULT false,
    missing            boolean NOT NULL DEFAULT false,
    PRIMARY KEY (sha256, store)
);
CREATE INDEX media_file_unreferenced ON mls.media_file (store, unreferenced_since) WHERE unreferenced_since IS NOT NULL;
COMMENT ON TABLE mls.media_file IS 'files that stores keep for media; the same file of several media is there once';
COMMENT ON COLUMN mls.media_file.store IS 'foreign server of protocol file';
COMMENT ON COLUMN mls.media_file.sha256 IS 'SHA-256 of its bytes, in hexadecimal';
COMMENT ON COLUMN mls.media_file.name IS 'its name below the address of the store';
COMMENT ON COLUMN mls.media_file.type IS 'its type, by its bytes: image/jpeg';
COMMENT ON COLUMN mls.media_file.bytes IS 'its length';
COMMENT ON COLUMN mls.media_file.width IS 'width of a picture in pixels, by its header; NULL if that does not say';
COMMENT ON COLUMN mls.media_file.height IS 'height likewise';
COMMENT ON COLUMN mls.media_file.cut IS 'whether it lacks the mark that ends files of its type';
COMMENT ON COLUMN mls.media_file.stored_at IS 'when it was stored';
COMMENT ON COLUMN mls.media_file.unreferenced_since IS 'since when no medium has it; NULL if one has';
COMMENT ON COLUMN mls.media_file.missing IS 'whether mls_media_verify() found it missing or damaged: it is fetched again';
COMMENT ON COLUMN mls.media_file.removing IS 'whether it is being removed from the store, or was when that was interrupted';

-- How many there are, kept by triggers: who looks after the health of a copy asks each minute.
CREATE TABLE mls.media_tally (
    subscription bigint NOT NULL,
    state        text NOT NULL,
    media        bigint NOT NULL,
    last_fetched timestamptz,
    PRIMARY KEY (subscription, state)
);
COMMENT ON TABLE mls.media_tally IS 'how many rows of mls.media are in which state; triggers keep it';
COMMENT ON COLUMN mls.media_tally.subscription IS 'the subscription whose media they are';
COMMENT ON COLUMN mls.media_tally.state IS 'their state';
COMMENT ON COLUMN mls.media_tally.media IS 'how many';
COMMENT ON COLUMN mls.media_tally.last_fetched IS 'when a file of theirs came last';

CREATE TABLE mls.media_file_tally (
    store   text PRIMARY KEY,
    files   bigint NOT NULL,
    missing bigint NOT NULL,
    bytes   numeric NOT NULL
);
COMMENT ON TABLE mls.media_file_tally IS 'how many files stores keep for media; triggers keep it';
COMMENT ON COLUMN mls.media_file_tally.store IS 'foreign server of protocol file';
COMMENT ON COLUMN mls.media_file_tally.files IS 'files that are there';
COMMENT ON COLUMN mls.media_file_tally.missing IS 'files that were found missing or damaged though a medium has them: they are to be fetched again';
COMMENT ON COLUMN mls.media_file_tally.bytes IS 'bytes of the former';

CREATE FUNCTION mls.tally_media() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO mls.media_tally AS t
        SELECT n.subscription, n.state, count(*), max(n.fetched_at) FROM added n GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (subscription, state) DO UPDATE SET media = t.media + excluded.media, last_fetched = greatest(t.last_fetched, excluded.last_fetched);
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO mls.media_tally AS t
        SELECT c.subscription, c.state, sum(c.n), max(c.fetched_at)
          FROM (SELECT subscription, state, 1 AS n, fetched_at FROM added UNION ALL SELECT subscription, state, -1, NULL FROM taken) c
         GROUP BY 1, 2 HAVING sum(c.n) <> 0 OR c.state = 'here' ORDER BY 1, 2
        ON CONFLICT (subscription, state) DO UPDATE SET media = t.media + excluded.media, last_fetched = greatest(t.last_fetched, excluded.last_fetched);
    ELSE
        UPDATE mls.media_tally t SET media = t.media - o.n
          FROM (SELECT subscription, state, count(*) AS n FROM taken GROUP BY 1, 2) o
         WHERE t.subscription = o.subscription AND t.state = o.state;
        DELETE FROM mls.media_tally t WHERE t.media = 0 AND t.subscription IN (SELECT subscription FROM taken)
           AND NOT EXISTS (SELECT FROM mls.media_rule r WHERE r.subscription = t.subscription);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION mls.tally_media() IS 'trigger of mls.media: keeps mls.media_tally';
CREATE TRIGGER tally_insert AFTER INSERT ON mls.media REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION mls.tally_media();
CREATE TRIGGER tally_update AFTER UPDATE ON mls.media REFERENCING OLD TABLE AS taken NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION mls.tally_media();
CREATE TRIGGER tally_delete AFTER DELETE ON mls.media REFERENCING OLD TABLE AS taken FOR EACH STATEMENT EXECUTE FUNCTION mls.tally_media();

CREATE FUNCTION mls.tally_media_files() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO mls.media_file_tally AS t
        SELECT n.store, count(*) FILTER (WHERE NOT n.missing), count(*) FILTER (WHERE n.missing AND n.unreferenced_since IS NULL), coalesce(sum(n.bytes) FILTER (WHERE NOT n.missing), 0)
          FROM added n GROUP BY 1 ORDER BY 1
        ON CONFLICT (store) DO UPDATE SET files = t.files + excluded.files, missing = t.missing + excluded.missing, bytes = t.bytes + excluded.bytes;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO mls.media_file_tally AS t
        SELECT c.store, coalesce(sum(c.n) FILTER (WHERE NOT c.missing), 0), coalesce(sum(c.n) FILTER (WHERE c.lost), 0),
               coalesce(sum(c.n * c.bytes) FILTER (WHERE NOT c.missing), 0)
          FROM (SELECT store, missing, missing AND unreferenced_since IS NULL AS lost, bytes, 1 AS n FROM added
                UNION ALL SELECT store, missing, missing AND unreferenced_since IS NULL, bytes, -1 FROM taken) c
         GROUP BY 1 HAVING sum(c.n) FILTER (WHERE c.lost) <> 0 OR sum(c.n) FILTER (WHERE c.missing) <> 0 OR sum(c.n * c.bytes) FILTER (WHERE NOT c.missing) <> 0 ORDER BY 1
        ON CONFLICT (store) DO UPDATE SET files = t.files + excluded.files, missing = t.missing + excluded.missing, bytes = t.bytes + excluded.bytes;
    ELSE
        UPDATE mls.media_file_tally t SET files = t.files - o.files, missing = t.missing - o.missing, bytes = t.bytes - o.bytes
          FROM (SELECT store, count(*) FILTER (WHERE NOT missing) AS files, count(*) FILTER (WHERE missing AND unreferenced_since IS NULL) AS missing,
                       coalesce(sum(bytes) FILTER (WHERE NOT missing), 0) AS bytes FROM taken GROUP BY 1) o
         WHERE t.store = o.store;
        DELETE FROM mls.media_file_tally t WHERE t.files = 0 AND t.missing = 0;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION mls.tally_media_files() IS 'trigger of mls.media_file: keeps mls.media_file_tally';
CREATE TRIGGER tally_insert AFTER INSERT ON mls.media_file REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION mls.tally_media_files();
CREATE TRIGGER tally_update AFTER UPDATE ON mls.media_file REFERENCING OLD TABLE AS taken NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION mls.tally_media_files();
CREATE TRIGGER tally_delete AFTER DELETE ON mls.media_file REFERENCING OLD TABLE AS taken FOR EACH STATEMENT EXECUTE FUNCTION mls.tally_media_files();

ALTER TABLE mls.media_rule ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.media_place ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.media ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.media_file ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.media_tally ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.media_file_tally ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.media_rule FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
CREATE POLICY owner ON mls.media_place FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
CREATE POLICY owner ON mls.media FOR SELECT
    USING (subscription IN (SELECT s.id FROM mls.subscription s));
-- Who may use a store may know what it holds.
CREATE POLICY owner ON mls.media_file FOR SELECT
    USING (store IN (SELECT f.srvname::text FROM pg_catalog.pg_foreign_server f WHERE pg_catalog.has_server_privilege(f.oid, 'USAGE')));
CREATE POLICY monitor ON mls.media_file FOR SELECT
    USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
CREATE POLICY owner ON mls.media_tally FOR SELECT
    USING (subscription IN (SELECT s.id FROM mls.subscription s));
CREATE POLICY owner ON mls.media_file_tally FOR SELECT
    USING (store IN (SELECT f.srvname::text FROM pg_catalog.pg_foreign_server f WHERE pg_catalog.has_server_privilege(f.oid, 'USAGE')));
CREATE POLICY monitor ON mls.media_file_tally FOR SELECT
    USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
GRANT SELECT ON mls.media_rule, mls.media_place, mls.media, mls.media_file, mls.media_tally, mls.media_file_tally TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.media_rule', '');
SELECT pg_catalog.pg_extension_config_dump('mls.media_place', '');
SELECT pg_catalog.pg_extension_config_dump('mls.media', '');
SELECT pg_catalog.pg_extension_config_dump('mls.media_file', '');

-- ---- Which files go where ----

CREATE FUNCTION mls.require_store(owner regrole, store text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    server oid;
    shown text;
BEGIN
    SELECT f.oid, (SELECT o.option_value FROM pg_options_to_table(f.srvoptions) o WHERE o.option_name = 'protocol')
      INTO server, shown
      FROM pg_foreign_server f JOIN pg_foreign_data_wrapper w ON w.oid = f.srvfdw AND w.fdwname = 'mls_fdw'
     WHERE f.srvname = store;
    IF server IS NULL THEN
        PERFORM mls.refuse('42704', format('there is no store "%s"', store),
                           'A store is a foreign server of protocol file: CREATE SERVER ... FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol ''file'', url ...).');
    ELSIF shown <> 'file' THEN
        PERFORM mls.refuse('42809', format('server "%s" is no store', store), 'A store is a foreign server of protocol file.',
                           format('It is a source of protocol %s.', shown));
    ELSIF NOT has_server_privilege(owner, server, 'USAGE') THEN
        PERFORM mls.refuse('42501', format('permission denied for store "%s"', store),
                           format('GRANT USAGE ON FOREIGN SERVER %I TO %s;', store, owner),
                           'Files are stored in the rights of the subscription''s owner.');
    END IF;
END $$;
COMMENT ON FUNCTION mls.require_store(regrole, text) IS 'an error that helps unless there is such a store and a role may use it';

CREATE FUNCTION mls.note_media_rule(caller regrole, subscription bigint, store text, settings jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    owner regrole;
BEGIN
    SELECT s.owner INTO owner FROM mls.subscription s WHERE s.id = note_media_rule.subscription AND pg_has_role(caller, s.owner, 'USAGE');
    IF owner IS NULL THEN
        PERFORM mls.refuse('42501', 'permission denied to set what becomes of the media of this source',
                           NULL, 'Only a role with the privileges of the subscription''s owner may.');
    END IF;
    IF settings IS NULL THEN
        DELETE FROM mls.media_rule r WHERE r.subscription = note_media_rule.subscription;
        DELETE FROM mls.media m WHERE m.subscription = note_media_rule.subscription;
        -- Gold may show addresses of files: it is made anew.
        UPDATE mls.subscription s SET map_hash = NULL WHERE s.id = note_media_rule.subscription AND s.map_hash IS NOT NULL;
        RETURN;
    END IF;
    PERFORM mls.require_store(owner, store);
    DELETE FROM mls.media_place p WHERE p.subscription = note_media_rule.subscription AND p.store = note_media_rule.store;
    BEGIN
        INSERT INTO mls.media_rule AS r (subscription, store, resources, categories, max_file_bytes, max_files,
                                         max_run_files, max_run_bytes, quota_share, transfers, grace, paused, after_sync)
        SELECT note_media_rule.subscription, note_media_rule.store, j.resources, j.categories, j.max_file_bytes, j.max_files,
               j.max_run_files, j.max_run_bytes, j.quota_share, j.transfers, j.grace, false, j.after_sync
          FROM jsonb_to_record(settings) AS j (resources text[], categories text[], max_file_bytes bigint, max_files integer,
               max_run_files bigint, max_run_bytes bigint, quota_share float8, transfers integer, grace interval, after_sync boolean)
        ON CONFLICT ON CONSTRAINT media_rule_pkey DO UPDATE
           SET store = excluded.store, resources = excluded.resources, categories = excluded.categories,
               max_file_bytes = excluded.max_file_bytes, max_files = excluded.max_files, max_run_files = excluded.max_run_files,
               max_run_bytes = excluded.max_run_bytes, quota_share = excluded.quota_share, transfers = excluded.transfers,
               grace = excluded.grace, paused = false, after_sync = excluded.after_sync;
    EXCEPTION WHEN check_violation OR not_null_violation THEN
        PERFORM mls.refuse('22023', 'a limit of mls_media_store() is out of range',
                           'max_file_bytes is 1,024 to 5,368,709,120, quota_share more than 0 and at most 1, transfers 1 to 32, grace not negative, and the others are more than 0 or NULL.');
    END;
    -- What was too large or too many by the old rule may be right by the new one.
    UPDATE mls.media m SET state = 'wanted', attempts = 0, next_attempt_at = NULL, error = NULL
     WHERE m.subscription = note_media_rule.subscription AND m.state IN ('refused', 'failed');
END $$;
COMMENT ON FUNCTION mls.note_media_rule(regrole, bigint, text, jsonb) IS 'writes what a caller says of the media of a subscription; NULL for settings: nothing is stored any more';
CREATE FUNCTION mls.note_media_rule(subscription bigint, store text, settings jsonb) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_media_rule(bigint, text, jsonb) IS 'part of mls_media_store(): the same for who calls it';

CREATE FUNCTION mls.note_media_place(caller regrole, subscription bigint, store text, resources text[], categories text[], keep boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    owner regrole;
BEGIN
    SELECT s.owner INTO owner FROM mls.subscription s JOIN mls.media_rule r ON r.subscription = s.id
     WHERE s.id = note_media_place.subscription AND pg_has_role(caller, s.owner, 'USAGE') FOR UPDATE OF r;
    IF owner IS NULL THEN
        PERFORM mls.refuse('55000', 'no files of this source are kept yet, or they are not yours', 'Call mls_media_store() first, as a role with the privileges of the subscription''s owner.');
    END IF;
    IF NOT keep THEN
        DELETE FROM mls.media_place p WHERE p.subscription = note_media_place.subscription AND p.store = note_media_place.store;
        IF NOT FOUND THEN
            PERFORM mls.refuse('42704', format('no files of this source go to store "%s" besides', store));
        END IF;
        RETURN;
    END IF;
    PERFORM mls.require_store(owner, store);
    IF EXISTS (SELECT FROM mls.media_rule r WHERE r.subscription = note_media_place.subscription AND r.store = note_media_place.store) THEN
        PERFORM mls.refuse('42710', format('store "%s" has the files of this source already', store), 'mls_media_store() says which.');
    END IF;
    INSERT INTO mls.media_place AS p (subscription, store, place, resources, categories)
    SELECT note_media_place.subscription, note_media_place.store, coalesce(max(o.place), 0) + 1, note_media_place.resources, note_media_place.categories
      FROM mls.media_place o WHERE o.subscription = note_media_place.subscription
    ON CONFLICT ON CONSTRAINT media_place_pkey DO UPDATE SET resources = excluded.resources, categories = excluded.categories;
END $$;
COMMENT ON FUNCTION mls.note_media_place(regrole, bigint, text, text[], text[], boolean) IS 'writes for a caller which media of a subscription go to another store; not keep: none do any more';
CREATE FUNCTION mls.note_media_place(subscription bigint, store text, resources text[], categories text[], keep boolean) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_media_place(bigint, text, text[], text[], boolean) IS 'part of mls_media_store_also(): the same for who calls it';

CREATE FUNCTION mls.pause_media(caller regrole, subscription bigint, pause boolean) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
UPDATE mls.media_rule r SET paused = pause
 WHERE r.subscription = pause_media.subscription
   AND EXISTS (SELECT FROM mls.subscription s WHERE s.id = r.subscription AND pg_has_role(caller, s.owner, 'USAGE')) $$;
COMMENT ON FUNCTION mls.pause_media(regrole, bigint, boolean) IS 'pauses for a caller what fetches files of a subscription';
CREATE FUNCTION mls.pause_media(subscription bigint, pause boolean) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.pause_media(bigint, boolean) IS 'part of mls_media_pause(): the same for who calls it';

CREATE FUNCTION mls.find_media(source text) RETURNS bigint
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found bigint;
BEGIN
    -- media of Qobrix, Photo of CREA's Data Distribution Facility, classes of RETS
    SELECT f.id INTO found FROM mls.find_subscriptions(find_media.source) f
     WHERE lower(split_part(f.resource, ':', 1)) = 'media' OR f.resource = 'Photo'
     ORDER BY f.resource <> 'Media', f.resource COLLATE "C", f.id LIMIT 1;
    IF found IS NULL THEN
        PERFORM mls.refuse('42704', format('resource "Media" of source "%s" is not subscribed', source),
                           'Subscribe a foreign table of resource Media (Qobrix: media, CREA: Photo): files are fetched for its records.');
    END IF;
    RETURN found;
END $$;
COMMENT ON FUNCTION mls.find_media(text) IS 'the subscription of a source whose records are media; an error that helps if there is none';

CREATE FUNCTION mls_media_store(
    source text,
    store text,
    resources text[] DEFAULT NULL,
    categories text[] DEFAULT NULL,
    max_file_bytes bigint DEFAULT 52428800,
    max_files integer DEFAULT NULL,
    max_run_files bigint DEFAULT NULL,
    max_run_bytes bigint DEFAULT NULL,
    quota_share float8 DEFAULT 0.5,
    transfers integer DEFAULT 8,
    grace interval DEFAULT '7 days',
    after_sync boolean DEFAULT true)
    RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_media_store()', 'set this');
    PERFORM mls.follow_renames();
    PERFORM mls.note_media_rule(mls.find_media(mls_media_store.source), mls_media_store.store, jsonb_build_object(
        'resources', to_jsonb(resources), 'categories', to_jsonb(categories), 'max_file_bytes', max_file_bytes, 'max_files', max_files,
        'max_run_files', max_run_files, 'max_run_bytes', max_run_bytes, 'quota_share', quota_share, 'transfers', transfers, 'grace', grace,
        'after_sync', coalesce(after_sync, true)));
END $$;
COMMENT ON FUNCTION mls_media_store(text, text, text[], text[], bigint, integer, bigint, bigint, float8, integer, interval, boolean)
    IS 'keep the files of a source''s media in a store (a foreign server of protocol file): of which resources and categories (NULL all), the largest file in bytes, files of a record, files and bytes of a run, the share of the source''s limits, transfers at a time, how long what no record has any more is kept, and whether each sync that has brought something is followed by a run; a second call replaces the first';

CREATE FUNCTION mls_media_store_also(source text, store text, resources text[] DEFAULT NULL, categories text[] DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_media_store_also()', 'set this');
    PERFORM mls.follow_renames();
    PERFORM mls.note_media_place(mls.find_media(mls_media_store_also.source), mls_media_store_also.store, resources, categories, true);
END $$;
COMMENT ON FUNCTION mls_media_store_also(text, text, text[], text[])
    IS 'keep the files of some media of a source in another store than mls_media_store() has said: of which resources and categories (NULL all); of several that fit the one named first has them. Limits, quota and grace are those of mls_media_store()';

CREATE FUNCTION mls_media_store_remove(source text, store text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_media_store_remove()', 'set this');
    PERFORM mls.follow_renames();
    IF store IS NULL THEN
        PERFORM mls.note_media_rule(mls.find_media(mls_media_store_remove.source), NULL, NULL);
    ELSE
        PERFORM mls.note_media_place(mls.find_media(mls_media_store_remove.source), mls_media_store_remove.store, NULL, NULL, false);
    END IF;
END $$;
COMMENT ON FUNCTION mls_media_store_remove(text, text)
    IS 'with a store: files of a source that mls_media_store_also() has sent there go where mls_media_store() says again; else keep no files of a source any more, and forget which it had; those that no other source has go with mls_media_verify(store, repair => true), after the time of grace';

CREATE FUNCTION mls_media_pause(source text, pause boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_media_pause()', 'set this');
    PERFORM mls.follow_renames();
    PERFORM mls.pause_media(mls.find_media(mls_media_pause.source), coalesce(pause, true));
END $$;
COMMENT ON FUNCTION mls_media_pause(text, boolean) IS 'fetch no files of a source until it is called with false; a run that is at work ends with its batch';

CREATE FUNCTION mls_media_sync(
    source text DEFAULT NULL,
    resource text DEFAULT NULL,
    OUT source text,
    OUT resource text,
    OUT status text,
    OUT fetched bigint,
    OUT stored bigint,
    OUT removed bigint,
    OUT failed bigint,
    OUT waiting bigint,
    OUT bytes bigint,
    OUT requests bigint,
    OUT duration interval,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_media_sync(text, text)
    IS 'bring the files of sources with a store up to date, in background workers: fetches what is wanted, first photos first, and removes what no record has any more; returns files fetched, files that were new to the store, removed from it, failed or refused, and still waiting, and the bytes received';

-- ---- Is the store what it should be? ----

-- Whoever may use a store may write and remove its files anyway; this keeps its rows in step.
CREATE FUNCTION mls.media_files(caller regrole, store text, action text, names text[]) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    found text[] := '{}';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_foreign_server f WHERE f.srvname = media_files.store AND has_server_privilege(caller, f.oid, 'USAGE')) THEN
        PERFORM mls.refuse('42501', format('permission denied for store "%s"', store));
    END IF;
    CASE action
    WHEN 'damaged' THEN
        UPDATE mls.media_file f SET missing = true WHERE f.store = media_files.store AND f.sha256 = ANY (names);
        UPDATE mls.media m SET state = 'wanted', attempts = 0, next_attempt_at = NULL
         WHERE m.store = media_files.store AND m.sha256 = ANY (names) AND m.state = 'here';
    WHEN 'unreferenced' THEN
        UPDATE mls.media_file f SET unreferenced_since = now()
         WHERE f.store = media_files.store AND f.unreferenced_since IS NULL
           AND NOT EXISTS (SELECT FROM mls.media m WHERE m.store = f.store AND m.sha256 = f.sha256 AND m.state <> 'gone');
        WITH taken AS (
            UPDATE mls.media_file f SET removing = true
             WHERE f.store = media_files.store
               AND f.unreferenced_since <= now() - coalesce((SELECT max(r.grace) FROM mls.media_rule r
                    WHERE r.store = f.store OR EXISTS (SELECT FROM mls.media_place p WHERE p.subscription = r.subscription AND p.store = f.store)), interval '7 days')
               AND NOT EXISTS (SELECT FROM mls.media m WHERE m.store = f.store AND m.sha256 = f.sha256 AND m.state <> 'gone')
            RETURNING f.name)
        SELECT coalesce(array_agg(t.name), '{}') INTO found FROM taken t;
    WHEN 'removed' THEN
        DELETE FROM mls.media_file f WHERE f.store = media_files.store AND f.name = ANY (names) AND f.removing;
    END CASE;
    RETURN found;
END $$;
COMMENT ON FUNCTION mls.media_files(regrole, text, text, text[])
    IS 'part of mls_media_verify(): files of a store that a caller may use are damaged (by SHA-256), unreferenced (which are to go; their names are returned) or removed (by name)';
CREATE FUNCTION mls.media_files(store text, action text, names text[]) RETURNS text[]
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.media_files(text, text, text[]) IS 'part of mls_media_verify(): the same for who calls it';

CREATE FUNCTION mls_media_verify(
    name text,
    samples integer DEFAULT 100,
    repair boolean DEFAULT false,
    OUT finding text,
    OUT file text,
    OUT message text,
    OUT repaired boolean,
    OUT store text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_media_verify(text, integer, boolean)
    IS 'compares a store, or those of a source, with what is known of it: files that are missing, orphaned, damaged or of a wrong type; so many files, chosen by chance, are read whole; with repair the first run afterwards fetches again what is missing or damaged, and what nobody has goes';

-- Part of mls_verify(): as far as rows tell, without a look into the store.
CREATE FUNCTION mls.media_findings(
    source text, OUT severity text, OUT subject text, OUT count bigint, OUT message text)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH m AS (SELECT m.*, f.sha256 IS NOT NULL AND NOT f.missing AS stored
             FROM mls.media m
             JOIN mls.subscription s ON s.id = m.subscription AND s.source = media_findings.source
             LEFT JOIN mls.media_file f ON f.store = m.store AND f.sha256 = m.sha256)
SELECT 'error', NULL, count(*), mls.counted(count(*), 'medium is', 'media are') || ' said to be here, but no store has the file; mls_media_sync() fetches it'
  FROM m WHERE state = 'here' AND NOT stored HAVING count(*) > 0
 UNION ALL
SELECT 'warning', NULL, count(*), mls.counted(count(*), 'file', 'files') || ' could not be fetched, and is tried again: ' || min(error)
  FROM m WHERE state = 'failed' HAVING count(*) > 0
 UNION ALL
SELECT 'info', NULL, count(*), mls.counted(count(*), 'file is', 'files are') || ' refused: ' || min(error)
  FROM m WHERE state = 'refused' HAVING count(*) > 0
 UNION ALL
SELECT 'info', NULL, count(*), mls.counted(count(*), 'file is', 'files are') || ' still to be fetched'
  FROM m WHERE state = 'wanted' HAVING count(*) > 0
 UNION ALL
-- A picture that many records have is what a source shows where it has none.
SELECT 'info', m.sha256, count(DISTINCT m.record_key), 'one and the same picture stands at so many records'
  FROM m WHERE state = 'here' GROUP BY m.sha256 HAVING count(DISTINCT m.record_key) >= 20 $$;
COMMENT ON FUNCTION mls.media_findings(text) IS 'part of mls_verify(): what the rows of mls.media tell of a source';

-- ---- What gold may show of it ----

CREATE FUNCTION mls.media_file(
    source text, key text,
    OUT url text, OUT type text, OUT bytes bigint, OUT width integer, OUT height integer, OUT sha256 text)
    LANGUAGE sql STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT rtrim(o.option_value, '/') || '/' || f.name, f.type, f.bytes, f.width, f.height, f.sha256
  FROM mls.subscription s
  JOIN mls.media m ON m.subscription = s.id AND m.key = media_file.key
  JOIN mls.media_file f ON f.store = m.store AND f.sha256 = m.sha256 AND NOT f.removing
  LEFT JOIN pg_foreign_server v ON v.srvname = f.store
  LEFT JOIN pg_options_to_table(v.srvoptions) o ON o.option_name = 'public_url'
 WHERE s.source = media_file.source $$;
COMMENT ON FUNCTION mls.media_file(text, text)
    IS 'the file that is kept of a medium, by its key at the source: address (NULL if the store has no public_url), type, bytes, width and height in pixels, SHA-256; for mapping rules: gold of a medium is made anew when its file comes or changes';

CREATE FUNCTION mls.media_file_url(source text, key text, served text DEFAULT NULL) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN served IS NULL THEN f.url ELSE rtrim(served, '/') || '/media/' || f.sha256 END FROM mls.media_file(source, key) f $$;
COMMENT ON FUNCTION mls.media_file_url(text, text, text)
    IS 'where the file that is kept of a medium can be read, for mapping rules: below the public_url of its store or, where the public URL of mls_serve is given, from that; NULL before it is here';

-- Such addresses end, so they are made when somebody asks, and stand nowhere.
CREATE FUNCTION mls_media_link(source text, key text, valid interval DEFAULT '1 hour') RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    file record;
BEGIN
    SELECT f.store, f.name, o.option_value AS public_url INTO file
      FROM mls.subscription s
      JOIN mls.media m ON m.subscription = s.id AND m.key = mls_media_link.key
      JOIN mls.media_file f ON f.store = m.store AND f.sha256 = m.sha256 AND NOT f.removing
      LEFT JOIN pg_foreign_server v ON v.srvname = f.store
      LEFT JOIN pg_options_to_table(v.srvoptions) o ON o.option_name = 'public_url'
     WHERE s.source = mls_media_link.source;
    IF file.name IS NULL OR file.public_url IS NOT NULL THEN
        RETURN rtrim(file.public_url, '/') || '/' || file.name;
    END IF;
    RETURN @extschema@.mls_store_link(file.store, file.name, valid);
END $$;
COMMENT ON FUNCTION mls_media_link(text, text, interval)
    IS 'an address at which whoever has it can read the file that is kept of a medium, by its key at the source: below the public_url of its store, else a signed link of a bucket that holds so long, up to 7 days; NULL if the file is not here, or in a directory without public_url; no network';

CREATE VIEW mls_media WITH (security_invoker = true) AS
SELECT s.source, m.key, m.record_resource, m.record_key, m.category, m."order", m.state, m.attempts, m.next_attempt_at, m.error,
       f.store, f.name, f.type, f.bytes, f.width, f.height, f.cut, f.sha256, m.fetched_at
  FROM mls.media m
  JOIN mls.subscription s ON s.id = m.subscription
  LEFT JOIN mls.media_file f ON f.store = m.store AND f.sha256 = m.sha256;
COMMENT ON VIEW mls_media IS 'media of sources whose files are kept, and their files';
COMMENT ON COLUMN mls_media.source IS 'name of the foreign server';
COMMENT ON COLUMN mls_media.key IS 'key of the medium at the source';
COMMENT ON COLUMN mls_media.record_resource IS 'resource of the record it belongs to';
COMMENT ON COLUMN mls_media.record_key IS 'key of that record, as gold has it';
COMMENT ON COLUMN mls_media.category IS 'its category';
COMMENT ON COLUMN mls_media."order" IS 'its place among the media of its record';
COMMENT ON COLUMN mls_media.state IS 'wanted, here, failed (tried again), refused (not before it changes) or gone';
COMMENT ON COLUMN mls_media.attempts IS 'how often it was tried in vain';
COMMENT ON COLUMN mls_media.next_attempt_at IS 'when it is tried again';
COMMENT ON COLUMN mls_media.error IS 'why it failed or was refused';
COMMENT ON COLUMN mls_media.store IS 'the store that has its file';
COMMENT ON COLUMN mls_media.name IS 'name of the file there';
COMMENT ON COLUMN mls_media.type IS 'type of the file, by its bytes';
COMMENT ON COLUMN mls_media.bytes IS 'length of the file';
COMMENT ON COLUMN mls_media.width IS 'width of a picture in pixels';
COMMENT ON COLUMN mls_media.height IS 'height of a picture in pixels';
COMMENT ON COLUMN mls_media.cut IS 'whether the file lacks the mark that ends files of its type';
COMMENT ON COLUMN mls_media.sha256 IS 'SHA-256 of the file';
COMMENT ON COLUMN mls_media.fetched_at IS 'when it came';
GRANT SELECT ON mls_media TO pg_monitor;

CREATE VIEW mls.media_count WITH (security_invoker = true) AS
SELECT s.source, r.paused, s.subscribed_at AS since, c.*
  FROM mls.media_rule r
  JOIN mls.subscription s ON s.id = r.subscription
 CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.sum(t.missing), 0)::bigint AS missing, coalesce(pg_catalog.sum(t.bytes), 0)::bigint AS bytes
                       FROM mls.media_file_tally t
                      WHERE t.store = r.store OR t.store IN (SELECT p.store FROM mls.media_place p WHERE p.subscription = r.subscription)) f
 CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.sum(t.media) FILTER (WHERE t.state <> 'gone'), 0)::bigint AS all_media,
                            coalesce(pg_catalog.sum(t.media) FILTER (WHERE t.state = 'here'), 0)::bigint AS here,
                            coalesce(pg_catalog.sum(t.media) FILTER (WHERE t.state = 'wanted'), 0)::bigint AS wanted,
                            coalesce(pg_catalog.sum(t.media) FILTER (WHERE t.state = 'failed'), 0)::bigint AS failed,
                            coalesce(pg_catalog.sum(t.media) FILTER (WHERE t.state = 'refused'), 0)::bigint AS refused,
                            f.missing AS lost,
                            f.bytes,
                            pg_catalog.max(t.last_fetched) AS last_fetched
                       FROM mls.media_tally t WHERE t.subscription = r.subscription) c;
COMMENT ON VIEW mls.media_count IS 'sources whose files are kept: how many media are in which state';
COMMENT ON COLUMN mls.media_count.source IS 'name of the foreign server';
COMMENT ON COLUMN mls.media_count.paused IS 'whether nothing is fetched for now';
COMMENT ON COLUMN mls.media_count.since IS 'when its media were subscribed';
COMMENT ON COLUMN mls.media_count.all_media IS 'media that gold shows';
COMMENT ON COLUMN mls.media_count.here IS 'those whose file is here';
COMMENT ON COLUMN mls.media_count.wanted IS 'those whose file is to be fetched';
COMMENT ON COLUMN mls.media_count.failed IS 'those that are tried again';
COMMENT ON COLUMN mls.media_count.refused IS 'those that are not, before they change';
COMMENT ON COLUMN mls.media_count.lost IS 'files of its stores that were found missing or damaged';
COMMENT ON COLUMN mls.media_count.bytes IS 'bytes of the files of its stores, each once';
COMMENT ON COLUMN mls.media_count.last_fetched IS 'when a file came last';
GRANT SELECT ON mls.media_count TO pg_monitor;

REVOKE ALL ON FUNCTION mls.tally_media(), mls.tally_media_files(), mls.note_media_rule(regrole, bigint, text, jsonb), mls.note_media_rule(bigint, text, jsonb),
    mls.pause_media(regrole, bigint, boolean), mls.pause_media(bigint, boolean), mls.find_media(text),
    mls_media_store(text, text, text[], text[], bigint, integer, bigint, bigint, float8, integer, interval, boolean),
    mls.media_files(regrole, text, text, text[]), mls.media_files(text, text, text[]), mls_media_verify(text, integer, boolean),
    mls.media_findings(text), mls_media_store_remove(text, text), mls.require_store(regrole, text), mls.note_media_place(regrole, bigint, text, text[], text[], boolean),
    mls.note_media_place(bigint, text, text[], text[], boolean), mls_media_store_also(text, text, text[], text[]), mls_media_pause(text, boolean), mls_media_sync(text, text), mls.media_file(text, text), mls.media_file_url(text, text, text), mls_media_link(text, text, interval) FROM PUBLIC;
