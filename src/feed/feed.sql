-- Feeds: documents for portals, made from a view, kept in a store.
--
-- A format is rows: what stands around the listings, and an element a row, with the SQL
-- expression that makes it.  Whoever makes a format or puts an element into it has his
-- expressions run as the owners of feeds; so a feed takes a format of its owner's own, of a role
-- that he is a member of, or one that came with the extension.

-- ---- Formats ----

CREATE TABLE mls.feed_format (
    format       text PRIMARY KEY CHECK (format ~ '^[a-z][a-z0-9_]{0,62}$'),
    owner        regrole,
    kind         text NOT NULL CHECK (kind IN ('xml', 'json', 'sitemap')),
    opening      text NOT NULL,
    item         text NOT NULL CHECK (item ~ '^[A-Za-z_][A-Za-z0-9_.-]*$'),
    closing      text NOT NULL,
    content_type text NOT NULL DEFAULT 'application/xml' CHECK (content_type ~ '^[a-z]+/[a-z0-9.+-]+(; ?charset=utf-8)?$'),
    id_path      text,
    max_listings bigint CHECK (max_listings > 0),
    max_photos   integer CHECK (max_photos BETWEEN 1 AND 1000),
    falls_back   boolean NOT NULL DEFAULT true,
    settings     jsonb NOT NULL DEFAULT '{}',
    allowed      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(allowed) = 'object'),
    comment      text,
    shipped      boolean NOT NULL DEFAULT false,
    CHECK (shipped = (owner IS NULL))
);
COMMENT ON TABLE mls.feed_format IS 'formats of feeds; mls_feed_format() adds one';
COMMENT ON COLUMN mls.feed_format.format IS 'its name';
COMMENT ON COLUMN mls.feed_format.owner IS 'role that made it; NULL: it came with the extension';
COMMENT ON COLUMN mls.feed_format.kind IS 'xml: one document; json: one document, an object a listing; sitemap: documents of 50,000 listings or 50 MB, and one that lists them';
COMMENT ON COLUMN mls.feed_format.opening IS 'what stands before the listings; {now} is the time at which the feed has changed';
COMMENT ON COLUMN mls.feed_format.item IS 'the element that is a listing';
COMMENT ON COLUMN mls.feed_format.closing IS 'what stands behind them';
COMMENT ON COLUMN mls.feed_format.content_type IS 'as which it is stored';
COMMENT ON COLUMN mls.feed_format.id_path IS 'the element by which the portal knows a listing: no two may have the same';
COMMENT ON COLUMN mls.feed_format.max_listings IS 'listings that the portal takes at most; NULL any number';
COMMENT ON COLUMN mls.feed_format.max_photos IS 'photos of a listing that it takes at most; NULL any number';
COMMENT ON COLUMN mls.feed_format.falls_back IS 'whether a text that is missing in a language is that of another one, unless a feed says otherwise';
COMMENT ON COLUMN mls.feed_format.settings IS '{name: value}: settings that its expressions use, with what holds unless a feed sets them';
COMMENT ON COLUMN mls.feed_format.allowed IS '{name: [value, ...]}: settings that have one of a few values, in any case';
COMMENT ON COLUMN mls.feed_format.comment IS 'what it is for';
COMMENT ON COLUMN mls.feed_format.shipped IS 'whether it came with the extension; such rows are not dumped';

CREATE TABLE mls.feed_element (
    format        text NOT NULL REFERENCES mls.feed_format ON DELETE CASCADE,
    feed          bigint NOT NULL DEFAULT 0,
    path          text NOT NULL CHECK (path ~ '^(\*|![a-z_]+|@?([A-Za-z_][A-Za-z0-9_.:-]*|\{lang\})\*?(/@?([A-Za-z_][A-Za-z0-9_.:-]*|\{lang\})\*?){0,7})$'),
    place         integer NOT NULL,
    expression    text,
    form          text NOT NULL DEFAULT 'text' CHECK (form IN ('text', 'line', 'html')),
    max_length    integer CHECK (max_length > 0),
    value_map     jsonb CHECK (jsonb_typeof(value_map) = 'object'),
    missing       text NOT NULL DEFAULT 'element' CHECK (missing IN ('element', 'listing', 'default')),
    default_value text,
    shipped       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (format, feed, path, shipped),
    CHECK (missing <> 'default' OR default_value IS NOT NULL)
);
COMMENT ON TABLE mls.feed_element IS 'elements of formats; mls_feed_element() sets one. Rows of users come before those that came with the extension, those for a feed before those for all';
COMMENT ON COLUMN mls.feed_element.format IS 'the format';
COMMENT ON COLUMN mls.feed_element.feed IS 'the feed it is for; 0 all of the format';
COMMENT ON COLUMN mls.feed_element.path IS 'where it stands in a listing: names of elements, /@name an attribute; name* is repeated for each member of an array, {lang} for each language; !name: no element, its value is why a listing is left out; * of json: all fields of the row';
COMMENT ON COLUMN mls.feed_element.place IS 'elements are written in this order';
COMMENT ON COLUMN mls.feed_element.expression IS 'SQL over r (the row), listing, photo, text and setting, or over feed and setting; NULL: it is not written';
COMMENT ON COLUMN mls.feed_element.form IS 'text; line: blanks and line breaks become one blank; html: line breaks become <br/>, in CDATA. Tags of HTML in the value go in any case';
COMMENT ON COLUMN mls.feed_element.max_length IS 'characters after which it is cut; NULL any number';
COMMENT ON COLUMN mls.feed_element.value_map IS '{value: what is written}, values in lower case; * for others, which are missing without it';
COMMENT ON COLUMN mls.feed_element.missing IS 'what a missing value means: element (it is not written), listing (that is left out) or default';
COMMENT ON COLUMN mls.feed_element.default_value IS 'what is written then';
COMMENT ON COLUMN mls.feed_element.shipped IS 'whether it came with the extension; such rows are not dumped';

-- ---- Feeds ----

CREATE TABLE mls.feed (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$'),
    owner        regrole NOT NULL,
    format       text NOT NULL REFERENCES mls.feed_format,
    relation     regclass NOT NULL,
    key          text NOT NULL,
    store        text NOT NULL,
    path         text NOT NULL,
    languages    text[] NOT NULL CHECK (cardinality(languages) BETWEEN 1 AND 20),
    texts        jsonb NOT NULL,
    settings     jsonb NOT NULL,
    falls_back   boolean,
    media        regclass,
    newest_by    text,
    max_listings bigint CHECK (max_listings > 0),
    max_photos   integer CHECK (max_photos BETWEEN 0 AND 1000),
    min_share    float8 NOT NULL CHECK (min_share BETWEEN 0 AND 1),
    last_id      bigint NOT NULL DEFAULT 0,
    written      bigint,
    skipped      bigint,
    stripped     bigint,
    content_hash text,
    documents    text[] NOT NULL DEFAULT '{}',
    lengths      bigint[] NOT NULL DEFAULT '{}',
    written_at   timestamptz,
    checked_at   timestamptz,
    failures     integer NOT NULL DEFAULT 0,
    refused      boolean NOT NULL DEFAULT false,
    problem      text,
    UNIQUE (store, path)
);
COMMENT ON TABLE mls.feed IS 'feeds: what is written where, and how it went; mls_feed() adds one';
COMMENT ON COLUMN mls.feed.id IS 'number of the feed';
COMMENT ON COLUMN mls.feed.name IS 'its name';
COMMENT ON COLUMN mls.feed.owner IS 'role that made it; it is written in its rights';
COMMENT ON COLUMN mls.feed.format IS 'the format';
COMMENT ON COLUMN mls.feed.relation IS 'the view whose rows are the listings';
COMMENT ON COLUMN mls.feed.key IS 'its column that tells them apart';
COMMENT ON COLUMN mls.feed.store IS 'foreign server of protocol file where it is kept';
COMMENT ON COLUMN mls.feed.path IS 'its name there';
COMMENT ON COLUMN mls.feed.languages IS 'languages of its texts, the most important first';
COMMENT ON COLUMN mls.feed.texts IS '{text: {language: column}}: where texts stand';
COMMENT ON COLUMN mls.feed.settings IS '{name: value}: settings of the format';
COMMENT ON COLUMN mls.feed.falls_back IS 'whether a text that is missing in a language is that of another one; NULL as the format says';
COMMENT ON COLUMN mls.feed.media IS 'table or view of its photos; NULL none';
COMMENT ON COLUMN mls.feed.newest_by IS 'column by which listings are chosen where there are too many: the largest values; NULL the last keys';
COMMENT ON COLUMN mls.feed.max_listings IS 'listings at most; NULL as the format says';
COMMENT ON COLUMN mls.feed.max_photos IS 'photos of a listing at most; NULL as the format says';
COMMENT ON COLUMN mls.feed.min_share IS 'a feed with fewer listings than this share of the one before is not written';
COMMENT ON COLUMN mls.feed.last_id IS 'the last number that a listing got';
COMMENT ON COLUMN mls.feed.written IS 'listings in it; NULL before it was written';
COMMENT ON COLUMN mls.feed.skipped IS 'listings that were left out; mls_feed_report() says why';
COMMENT ON COLUMN mls.feed.stripped IS 'characters that XML does not allow, which were left out';
COMMENT ON COLUMN mls.feed.content_hash IS 'SHA-256 of what it says';
COMMENT ON COLUMN mls.feed.documents IS 'names of its documents in the store';
COMMENT ON COLUMN mls.feed.lengths IS 'and their lengths in bytes';
COMMENT ON COLUMN mls.feed.written_at IS 'when it was written last';
COMMENT ON COLUMN mls.feed.checked_at IS 'when it was found to be up to date, or was written';
COMMENT ON COLUMN mls.feed.failures IS 'runs that failed since then';
COMMENT ON COLUMN mls.feed.refused IS 'whether the last one was refused since too many listings are missing';
COMMENT ON COLUMN mls.feed.problem IS 'why the last run failed; NULL if it did not';

-- By number and by key once: a portal takes a second listing of one number for a change.
CREATE TABLE mls.feed_listing (
    feed       bigint NOT NULL REFERENCES mls.feed ON DELETE CASCADE,
    key        text COLLATE "C" NOT NULL,
    id         bigint CHECK (id > 0),
    hash       text,
    changed_at timestamptz,
    state      text NOT NULL CHECK (state IN ('written', 'skipped', 'gone')),
    reason     text,
    PRIMARY KEY (feed, key),
    UNIQUE (id, feed), -- in this order: to find keys by it is never taken for cheap
    CHECK (state <> 'written' OR id IS NOT NULL)
);
COMMENT ON TABLE mls.feed_listing IS 'listings of feeds, also those that have gone: a number is never given twice';
COMMENT ON COLUMN mls.feed_listing.feed IS 'the feed';
COMMENT ON COLUMN mls.feed_listing.key IS 'key of the listing';
COMMENT ON COLUMN mls.feed_listing.id IS 'the number by which the portal knows it; NULL before it was written once';
COMMENT ON COLUMN mls.feed_listing.hash IS 'fingerprint of what it says';
COMMENT ON COLUMN mls.feed_listing.changed_at IS 'when that changed last';
COMMENT ON COLUMN mls.feed_listing.state IS 'written, skipped (left out) or gone (not in the view any more)';
COMMENT ON COLUMN mls.feed_listing.reason IS 'why it was left out';

ALTER TABLE mls.feed_element ADD CONSTRAINT feed_element_expression
    CHECK (expression IS NOT NULL OR NOT shipped);
ALTER TABLE mls.feed ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.feed_listing ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.feed FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY monitor ON mls.feed FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
CREATE POLICY owner ON mls.feed_listing FOR SELECT USING (EXISTS (SELECT FROM mls.feed f WHERE f.id = feed_listing.feed));
ALTER TABLE mls.feed_format ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.feed_element ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.feed_format FOR SELECT USING (shipped OR pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY owner ON mls.feed_element FOR SELECT
    USING (shipped OR EXISTS (SELECT FROM mls.feed f WHERE f.id = feed_element.feed)
           OR feed = 0 AND EXISTS (SELECT FROM mls.feed_format t WHERE t.format = feed_element.format));
GRANT SELECT ON mls.feed TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.feed_format', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('mls.feed_element', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('mls.feed', '');
SELECT pg_catalog.pg_extension_config_dump('mls.feed_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.feed_listing', '');

CREATE VIEW mls_feed_status WITH (security_invoker = true) AS
SELECT f.name, f.format, f.store, f.path,
       CASE WHEN f.refused THEN 'refused' WHEN f.failures > 0 THEN 'failed' WHEN f.checked_at IS NULL THEN 'new' ELSE 'written' END AS state,
       f.written, f.skipped, f.stripped,
       (SELECT pg_catalog.sum(l)::bigint FROM pg_catalog.unnest(f.lengths) l) AS bytes,
       pg_catalog.cardinality(f.documents) AS documents,
       f.written_at, f.checked_at, f.failures, f.problem, f.owner
  FROM mls.feed f;
COMMENT ON VIEW mls_feed_status IS 'feeds, and how they are doing';
COMMENT ON COLUMN mls_feed_status.name IS 'name of the feed';
COMMENT ON COLUMN mls_feed_status.format IS 'its format';
COMMENT ON COLUMN mls_feed_status.store IS 'the store it is kept in';
COMMENT ON COLUMN mls_feed_status.path IS 'its name there';
COMMENT ON COLUMN mls_feed_status.state IS 'new, written, failed, or refused (too many listings are missing; the old one stays)';
COMMENT ON COLUMN mls_feed_status.written IS 'listings in it';
COMMENT ON COLUMN mls_feed_status.skipped IS 'listings left out';
COMMENT ON COLUMN mls_feed_status.stripped IS 'characters left out that XML does not allow';
COMMENT ON COLUMN mls_feed_status.bytes IS 'its length';
COMMENT ON COLUMN mls_feed_status.documents IS 'documents it consists of';
COMMENT ON COLUMN mls_feed_status.written_at IS 'when it was written last';
COMMENT ON COLUMN mls_feed_status.checked_at IS 'when it was found to be up to date, or was written';
COMMENT ON COLUMN mls_feed_status.failures IS 'runs that failed since then';
COMMENT ON COLUMN mls_feed_status.problem IS 'why the last one failed';
COMMENT ON COLUMN mls_feed_status.owner IS 'role that made it';
GRANT SELECT ON mls_feed_status TO pg_monitor;

-- ---- What expressions call ----

CREATE FUNCTION mls.feed_value(value text, map jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT CASE WHEN value IS NULL THEN NULL WHEN map ? lower(btrim(value)) THEN map ->> lower(btrim(value)) ELSE map ->> '*' END $$;
COMMENT ON FUNCTION mls.feed_value(text, jsonb) IS 'what a value map makes of a value';

CREATE FUNCTION mls.feed_value(given text[], map jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT array_agg(mapped ORDER BY n)
            FROM (SELECT mls.feed_value(v, map) AS mapped, min(n) AS n FROM unnest(given) WITH ORDINALITY AS g (v, n) GROUP BY 1) m
           WHERE mapped IS NOT NULL $$;
COMMENT ON FUNCTION mls.feed_value(text[], jsonb) IS 'the same for each of an array, each result once';

CREATE FUNCTION mls.feed_escaped(part text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN part ~ '^[A-Za-z0-9._~-]*$' THEN part
            ELSE (SELECT string_agg(CASE WHEN c ~ '[A-Za-z0-9._~-]' THEN c
                                         ELSE regexp_replace(upper(encode(convert_to(c, 'UTF8'), 'hex')), '(..)', '%\1', 'g') END, '' ORDER BY n)
                    FROM regexp_split_to_table(part, '') WITH ORDINALITY AS s (c, n)) END
$$;
COMMENT ON FUNCTION mls.feed_escaped(text) IS 'a text as a part of an address';

CREATE FUNCTION mls.feed_area(value numeric, unit text, or_unit text, wanted text) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT CASE WHEN value > 0 THEN mls.convert_unit(value, coalesce(unit, or_unit), wanted) END $$;
COMMENT ON FUNCTION mls.feed_area(numeric, text, text, text) IS 'an area in the unit wanted, if it is known and has one';

CREATE FUNCTION mls.feed_is_rent(property_type text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT coalesce(property_type IN ('Residential Lease', 'Commercial Lease'), false) $$;
COMMENT ON FUNCTION mls.feed_is_rent(text) IS 'whether a listing of that PropertyType is to let';

-- A rent of a quarter is one of three months; those of a season and of once fit no period.
CREATE FUNCTION mls.feed_rent(amount numeric, frequency text, wanted text) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN amount > 0 AND p.period = wanted THEN trim_scale(round(amount / p.times, 2)) END
  FROM (VALUES ('Daily', 'day', 1), ('Weekly', 'week', 1), ('Bi-Weekly', 'week', 2), ('Monthly', 'month', 1), ('Semi-Monthly', 'month', 0.5),
               ('Bi-Monthly', 'month', 2), ('Quarterly', 'month', 3), ('Semi-Annually', 'month', 6), ('Annually', 'year', 1))
       AS p (frequency, period, times)
 WHERE p.frequency = coalesce(feed_rent.frequency, 'Monthly')
$$;
COMMENT ON FUNCTION mls.feed_rent(numeric, text, text) IS 'a rent, paid as LeaseAmountFrequency says (NULL: each month), for a day, week, month or year; NULL if it is paid by another period';

-- ---- What users call ----

CREATE FUNCTION mls.feed_check(feed bigint) RETURNS void
    AS 'MODULE_PATHNAME', 'mls_feed_check_sql' LANGUAGE C VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.feed_check(bigint) IS 'part of mls_feed(): an error unless a feed can be made as its rows say, in the rights of its owner';

CREATE FUNCTION mls.own_feed(caller regrole, name text) RETURNS mls.feed
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found mls.feed;
BEGIN
    SELECT * INTO found FROM mls.feed f WHERE f.name = own_feed.name;
    IF found.id IS NULL OR NOT pg_has_role(caller, found.owner, 'USAGE') THEN
        PERFORM mls.refuse('42704', format('there is no feed "%s" of yours', name), 'mls_feed_status lists them.');
    END IF;
    RETURN found;
END $$;
COMMENT ON FUNCTION mls.own_feed(regrole, text) IS 'a feed that a caller may change; an error if there is none';

-- Whether two feeds would write one document is decided by one at a time.
CREATE FUNCTION mls.lock_feeds() RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$ LOCK TABLE mls.feed IN SHARE ROW EXCLUSIVE MODE $$;
COMMENT ON FUNCTION mls.lock_feeds() IS 'waits until no other transaction adds or alters feeds, and holds off others until this one ends';

-- A sitemap also writes, and deletes, documents that are numbered.
CREATE FUNCTION mls.require_place(feed text, store text, path text, kind text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    -- "feeds/map-2.xml": a document of the sitemap "feeds/map.xml"
    numbered CONSTANT text := '-[1-9][0-9]*(\.[^./]*)?$';
BEGIN
    IF EXISTS (SELECT FROM (SELECT f.path AS main, d.path, t.kind
                              FROM mls.feed f JOIN mls.feed_format t ON t.format = f.format, unnest(f.documents || f.path) d (path)
                             WHERE f.store = require_place.store AND f.name <> require_place.feed) o
                WHERE o.path = require_place.path
                   OR require_place.kind = 'sitemap' AND o.path ~ numbered AND regexp_replace(o.path, numbered, '\1') = require_place.path
                   OR o.kind = 'sitemap' AND require_place.path ~ numbered AND regexp_replace(require_place.path, numbered, '\1') = o.main) THEN
        PERFORM mls.refuse('42710', format('another feed is written to "%s" of store "%s"', path, store),
            'A sitemap is written to numbered documents as well: "map.xml" also to "map-1.xml".');
    END IF;
END $$;
COMMENT ON FUNCTION mls.require_place(text, text, text, text) IS 'an error if another feed writes what one of a kind would write to a path of a store';

-- What nobody reads is a mistake; what its format does not have leaves out all listings.
CREATE FUNCTION mls.require_settings(format mls.feed_format, given jsonb, feed bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    -- The first three are read by what writes feeds, whatever the format.
    known CONSTANT text[] := ARRAY(
        SELECT unnest('{url,photos,documents_url}'::text[]) UNION SELECT jsonb_object_keys(format.settings)
        UNION SELECT m[1] FROM mls.feed_element e, regexp_matches(e.expression, '\msetting\.([a-z][a-z0-9_]*)', 'g') m
               WHERE e.format = (require_settings.format).format AND e.feed IN (0, require_settings.feed) ORDER BY 1);
    bad record;
BEGIN
    SELECT s.key, s.value INTO bad FROM jsonb_each_text(given) s WHERE s.key <> ALL (known) ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        PERFORM mls.refuse('22023', format('format "%s" has no setting "%s"', format.format, bad.key), 'It has: ' || array_to_string(known, ', ') || '.');
    END IF;
    SELECT s.key, s.value, ARRAY(SELECT jsonb_array_elements_text(a.value)) AS allowed INTO bad
      FROM jsonb_each_text(given) s JOIN jsonb_each(format.allowed) a USING (key)
     WHERE NOT EXISTS (SELECT FROM jsonb_array_elements_text(a.value) v WHERE lower(v) = lower(s.value)) ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        PERFORM mls.refuse('22023', format('setting "%s" of format "%s" cannot be "%s"', bad.key, format.format, left(bad.value, 100)),
                           'It is: ' || array_to_string(bad.allowed, ', ') || '.');
    END IF;
END $$;
COMMENT ON FUNCTION mls.require_settings(mls.feed_format, jsonb, bigint) IS 'an error if a feed of a format has settings that are not known, or values that they cannot have';

CREATE FUNCTION mls.note_feed(caller regrole, name text, settings jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    before mls.feed;
    row mls.feed;
    fresh jsonb := settings;
    format mls.feed_format;
    trusted oid[];
BEGIN
    PERFORM mls.lock_feeds();
    SELECT * INTO before FROM mls.feed f WHERE f.name = note_feed.name FOR UPDATE;
    IF before.id IS NOT NULL OR settings IS NULL THEN
        before := mls.own_feed(caller, name);
    END IF;
    IF settings IS NULL THEN
        DELETE FROM mls.feed f WHERE f.id = before.id;
        DELETE FROM mls.feed_element e WHERE e.feed = before.id;
        DELETE FROM mls.run r WHERE r.subscription IS NULL AND r.process = 'feed' AND r.subject = note_feed.name;
        RETURN before.id;
    END IF;
    SELECT * INTO format FROM mls.feed_format t WHERE t.format = note_feed.settings ->> 'format';
    -- Whose formats the owner of the feed may have run in his rights: the rule of mls_feed_read().
    trusted := ARRAY(WITH RECURSIVE m (role) AS (SELECT coalesce(before.owner, caller)::oid UNION SELECT a.roleid FROM pg_auth_members a JOIN m ON a.member = m.role)
                     SELECT m.role FROM m UNION SELECT r.oid FROM pg_roles r WHERE r.rolsuper);
    IF format.format IS NULL OR NOT (format.shipped OR format.owner::oid = ANY (trusted)) THEN
        PERFORM mls.refuse('42704', format('there is no format "%s"', settings ->> 'format'),
            'Formats: ' || (SELECT string_agg(t.format, ', ' ORDER BY t.format) FROM mls.feed_format t WHERE t.shipped OR t.owner::oid = ANY (trusted)) || '.');
    END IF;
    PERFORM mls.require_settings(format, settings -> 'settings', before.id);
    PERFORM mls.require_place(name, settings ->> 'store', settings ->> 'path', format.kind);
    IF before.id IS NULL THEN
        INSERT INTO mls.feed (name, owner, format, relation, key, store, path, languages, texts, settings, min_share)
        VALUES (name, caller, settings ->> 'format', (settings ->> 'relation')::oid, settings ->> 'key', settings ->> 'store', settings ->> 'path', '{en}', '{}', '{}', 0.5)
        RETURNING * INTO before;
    ELSIF before.store <> settings ->> 'store' OR before.path <> settings ->> 'path' OR before.format <> settings ->> 'format' THEN
        -- What stands there now is no measure for it any more.
        fresh := fresh || '{"written": null, "content_hash": null, "documents": [], "lengths": []}';
    END IF;
    row := jsonb_populate_record(before, fresh);
    UPDATE mls.feed f
       SET format = row.format, relation = row.relation, key = row.key, store = row.store, path = row.path, languages = row.languages,
           texts = row.texts, settings = row.settings, falls_back = row.falls_back, media = row.media, newest_by = row.newest_by,
           max_listings = row.max_listings, max_photos = row.max_photos, min_share = row.min_share, written = row.written,
           content_hash = row.content_hash, documents = row.documents, lengths = row.lengths
     WHERE f.id = before.id;
    RETURN before.id;
END $$;
COMMENT ON FUNCTION mls.note_feed(regrole, text, jsonb) IS 'adds or alters a feed of a caller, or (NULL) removes it; returns its number';
CREATE FUNCTION mls.note_feed(name text, settings jsonb) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_feed(text, jsonb) IS 'part of mls_feed() and mls_unfeed(): the same for who calls it';

CREATE FUNCTION mls_feed(
    name text, format text, view regclass, store text, path text,
    languages text[] DEFAULT '{en}', texts jsonb DEFAULT '{}', settings jsonb DEFAULT '{}', falls_back boolean DEFAULT NULL,
    key text DEFAULT 'ListingKey', media regclass DEFAULT NULL, newest_by text DEFAULT NULL,
    max_listings bigint DEFAULT NULL, max_photos integer DEFAULT NULL, min_share float8 DEFAULT 0.5) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_variable
DECLARE
    id bigint;
BEGIN
    PERFORM mls.refuse_standby('mls_feed()', 'add feeds');
    IF num_nulls(name, format, view, store, path, languages, texts, settings, key, min_share) > 0 THEN
        PERFORM mls.refuse('22023', 'a feed has a name, a format, a view, a store and a path');
    ELSIF name !~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$' THEN
        PERFORM mls.refuse('22023', format('"%s" is no name for a feed', left(name, 100)), 'It is up to 63 letters, digits, "-" and "_".');
    ELSIF NOT cardinality(languages) BETWEEN 1 AND 20 OR EXISTS (SELECT FROM unnest(languages) l WHERE (l ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$') IS NOT TRUE)
          OR cardinality(languages) <> (SELECT count(DISTINCT l) FROM unnest(languages) l) THEN
        PERFORM mls.refuse('22023', 'a feed has 1 to 20 different languages', 'They are written as {en,ru}, the most important first.');
    ELSIF jsonb_typeof(texts) <> 'object' OR EXISTS (SELECT FROM jsonb_each(texts) t WHERE jsonb_typeof(t.value) <> 'object' OR t.key !~ '^[a-z][a-z0-9_]*$')
          OR EXISTS (SELECT FROM jsonb_each(texts) t, jsonb_each(t.value) c WHERE jsonb_typeof(c.value) <> 'string' OR c.key <> ALL (languages)) THEN
        PERFORM mls.refuse('22023', 'texts are columns by text and language of the feed', 'Write them as {"description": {"en": "PublicRemarks", "ru": "X_PublicRemarksRu"}}.');
    ELSIF jsonb_typeof(settings) <> 'object' OR EXISTS (SELECT FROM jsonb_each(settings) s WHERE jsonb_typeof(s.value) NOT IN ('string', 'number', 'boolean') OR s.key !~ '^[a-z][a-z0-9_]*$') THEN
        PERFORM mls.refuse('22023', 'settings are values by name', 'Write them as {"currency": "EUR", "url": "https://www.example.com/{key}"}.');
    ELSIF min_share NOT BETWEEN 0 AND 1 OR max_listings < 1 OR max_photos NOT BETWEEN 0 AND 1000 THEN
        PERFORM mls.refuse('22023', 'min_share is 0 to 1, max_listings at least 1, max_photos 0 to 1,000');
    END IF;
    id := mls.note_feed(name, jsonb_build_object('format', format, 'relation', view::oid, 'key', key, 'store', store, 'path', path, 'languages', languages,
        'texts', texts, 'settings', settings, 'falls_back', falls_back, 'newest_by', newest_by, 'max_listings', max_listings,
        'media', coalesce(media, CASE WHEN has_table_privilege(mls.gold_table('Media'), 'SELECT') THEN mls.gold_table('Media') END)::oid,
        'max_photos', max_photos, 'min_share', min_share));
    PERFORM mls.feed_check(id);
END $$;
COMMENT ON FUNCTION mls_feed(text, text, regclass, text, text, text[], jsonb, jsonb, boolean, text, regclass, text, bigint, integer, float8)
    IS 'have listings of a view written in a format into a document of a store, by mls_feed_sync(); or change how: numbers of listings stay. texts names columns by text and language, settings what the format wants to know, media the photos (NULL: those of gold), newest_by the column by which listings are chosen where there are more than max_listings; with less than min_share of the listings that were written last it is not written';

CREATE FUNCTION mls_unfeed(name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_unfeed()', 'remove feeds');
    PERFORM mls.note_feed(coalesce(name, ''), NULL);
END $$;
COMMENT ON FUNCTION mls_unfeed(text) IS 'forget a feed, and the numbers of its listings; its documents stay in their store';

CREATE FUNCTION mls.note_feed_element(caller regrole, format text, path text, expression text, feed text, place integer, settings jsonb) RETURNS bigint[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.feed_format;
    feed_id bigint := 0;
BEGIN
    SELECT * INTO known FROM mls.feed_format t WHERE t.format = note_feed_element.format;
    IF known.format IS NULL THEN
        PERFORM mls.refuse('42704', format('there is no format "%s"', format));
    END IF;
    IF feed IS NOT NULL THEN
        feed_id := (mls.own_feed(caller, feed)).id;
    ELSIF NOT (CASE WHEN known.shipped THEN (SELECT rolsuper FROM pg_roles r WHERE r.oid = caller) ELSE pg_has_role(caller, known.owner, 'USAGE') END) THEN
        PERFORM mls.refuse('42501', format('permission denied for format "%s"', format), 'Say for which feed of yours the element is: feed => ''...''.',
                           'What a format has is written in the rights of the owners of feeds.');
    END IF;
    IF settings IS NULL THEN
        DELETE FROM mls.feed_element e WHERE e.format = note_feed_element.format AND e.feed = feed_id AND e.path = note_feed_element.path AND NOT e.shipped;
    ELSE
        INSERT INTO mls.feed_element (format, feed, path, place, expression, form, max_length, value_map, missing, default_value)
        VALUES (format, feed_id, path,
                coalesce(place, (SELECT e.place FROM mls.feed_element e WHERE e.format = note_feed_element.format AND e.path = note_feed_element.path ORDER BY e.feed LIMIT 1),
                         (SELECT max(e.place) + 1 FROM mls.feed_element e WHERE e.format = note_feed_element.format), 1),
                expression, coalesce(settings ->> 'form', 'text'), (settings ->> 'max_length')::integer, nullif(settings -> 'value_map', 'null'),
                coalesce(settings ->> 'missing', CASE WHEN settings ->> 'default_value' IS NULL THEN 'element' ELSE 'default' END), settings ->> 'default_value')
        ON CONFLICT ON CONSTRAINT feed_element_pkey DO UPDATE
            SET place = excluded.place, expression = excluded.expression, form = excluded.form, max_length = excluded.max_length,
                value_map = excluded.value_map, missing = excluded.missing, default_value = excluded.default_value;
    END IF;
    RETURN ARRAY(SELECT f.id FROM mls.feed f WHERE f.format = note_feed_element.format AND feed_id IN (0, f.id) ORDER BY f.id);
END $$;
COMMENT ON FUNCTION mls.note_feed_element(regrole, text, text, text, text, integer, jsonb) IS 'sets an element of a format for a caller, or (NULL) forgets what was set; returns the feeds that have it';
CREATE FUNCTION mls.note_feed_element(format text, path text, expression text, feed text, place integer, settings jsonb) RETURNS bigint[]
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_feed_element(text, text, text, text, integer, jsonb) IS 'part of mls_feed_element(): the same for who calls it';

CREATE FUNCTION mls_feed_element(
    format text, path text, expression text, feed text DEFAULT NULL, place integer DEFAULT NULL, form text DEFAULT 'text',
    max_length integer DEFAULT NULL, value_map jsonb DEFAULT NULL, missing text DEFAULT NULL, default_value text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    made bigint[];
BEGIN
    PERFORM mls.refuse_standby('mls_feed_element()', 'set elements');
    IF (path ~ '^(\*|![a-z_]+|@?([A-Za-z_][A-Za-z0-9_.:-]*|\{lang\})\*?(/@?([A-Za-z_][A-Za-z0-9_.:-]*|\{lang\})\*?){0,7})$') IS NOT TRUE OR path ~ '@.*/' OR path ~ '\*.*\*' OR path ~ '@[^/]*\*' THEN
        PERFORM mls.refuse('22023', format('"%s" is no path of an element', left(path, 200)),
            'Write names of elements, as location/latitude, images/image*/url (for each of an array), desc/{lang}, images/image*/@id (an attribute), or !name for a reason to leave a listing out.');
    ELSIF form <> ALL ('{text,line,html}') OR missing <> ALL ('{element,listing,default}') OR max_length < 1 OR jsonb_typeof(value_map) <> 'object' THEN
        PERFORM mls.refuse('22023', 'form is text, line or html; missing element, listing or default; max_length at least 1; value_map an object');
    ELSIF missing = 'default' AND default_value IS NULL THEN
        PERFORM mls.refuse('22023', 'an element that is missing by default has a default_value');
    END IF;
    made := mls.note_feed_element(format, path, expression, feed, place,
        jsonb_build_object('form', form, 'max_length', max_length, 'value_map', value_map, 'missing', missing, 'default_value', default_value));
    -- The caller sees feeds of others if he may watch them: those he has no rights to try.
    PERFORM mls.feed_check(f.id) FROM mls.feed f WHERE f.id = ANY (made) AND pg_has_role(f.owner, 'USAGE');
END $$;
COMMENT ON FUNCTION mls_feed_element(text, text, text, text, integer, text, integer, jsonb, text, text)
    IS 'set an element of a format (see mls.feed_element): of your own, or for one of your feeds; a NULL expression has it not written';

CREATE FUNCTION mls_feed_element_remove(format text, path text, feed text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_feed_element_remove()', 'remove elements');
    PERFORM mls.note_feed_element(format, path, NULL, feed, NULL, NULL);
END $$;
COMMENT ON FUNCTION mls_feed_element_remove(text, text, text) IS 'forget what mls_feed_element() has set; what came with the extension holds again';

CREATE FUNCTION mls.note_feed_format(caller regrole, format text, settings jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.feed_format;
    base mls.feed_format;
    trusted oid[];
BEGIN
    PERFORM mls.lock_feeds();
    SELECT * INTO known FROM mls.feed_format t WHERE t.format = note_feed_format.format;
    IF known.shipped OR NOT pg_has_role(caller, known.owner, 'USAGE') THEN
        PERFORM mls.refuse('42710', format('format "%s" exists already', format), 'Choose another name; mls_feed_element() sets elements of a feed of yours.');
    END IF;
    INSERT INTO mls.feed_format AS t (format, owner, kind, opening, item, closing, content_type, id_path, max_listings, max_photos, falls_back, settings, comment)
    VALUES (format, caller, settings ->> 'kind', settings ->> 'opening', settings ->> 'item', settings ->> 'closing', settings ->> 'content_type', settings ->> 'id_path',
            (settings ->> 'max_listings')::bigint, (settings ->> 'max_photos')::integer, (settings ->> 'falls_back')::boolean, settings -> 'settings', settings ->> 'comment')
    ON CONFLICT ON CONSTRAINT feed_format_pkey DO UPDATE
        SET kind = excluded.kind, opening = excluded.opening, item = excluded.item, closing = excluded.closing, content_type = excluded.content_type,
            id_path = excluded.id_path, max_listings = excluded.max_listings, max_photos = excluded.max_photos, falls_back = excluded.falls_back,
            settings = excluded.settings, comment = excluded.comment;
    IF known.kind <> settings ->> 'kind' THEN
        PERFORM mls.require_place(f.name, f.store, f.path, note_feed_format.settings ->> 'kind') FROM mls.feed f WHERE f.format = note_feed_format.format;
    END IF;
    IF settings ? 'like' THEN
        -- They become his own: so they are taken only of whom he trusts, as in note_feed().
        trusted := ARRAY(WITH RECURSIVE m (role) AS (SELECT caller::oid UNION SELECT a.roleid FROM pg_auth_members a JOIN m ON a.member = m.role)
                         SELECT m.role FROM m UNION SELECT r.oid FROM pg_roles r WHERE r.rolsuper);
        SELECT * INTO base FROM mls.feed_format t WHERE t.format = note_feed_format.settings ->> 'like';
        IF base.format IS NULL OR NOT (base.shipped OR base.owner::oid = ANY (trusted)) THEN
            PERFORM mls.refuse('42704', format('there is no format "%s"', settings ->> 'like'));
        END IF;
        INSERT INTO mls.feed_element (format, path, place, expression, form, max_length, value_map, missing, default_value)
        SELECT note_feed_format.format, e.path, e.place, e.expression, e.form, e.max_length, e.value_map, e.missing, e.default_value
          FROM mls.feed_element e
         WHERE e.format = base.format AND e.feed = 0 AND e.shipped = base.shipped
        ON CONFLICT DO NOTHING;
    END IF;
END $$;
COMMENT ON FUNCTION mls.note_feed_format(regrole, text, jsonb) IS 'adds or alters a format of a caller';
CREATE FUNCTION mls.note_feed_format(format text, settings jsonb) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_feed_format(text, jsonb) IS 'part of mls_feed_format(): the same for who calls it';

CREATE FUNCTION mls_feed_format(
    format text, opening text, item text, closing text, kind text DEFAULT 'xml', "like" text DEFAULT NULL, content_type text DEFAULT 'application/xml', id_path text DEFAULT NULL,
    max_listings bigint DEFAULT NULL, max_photos integer DEFAULT NULL, falls_back boolean DEFAULT true, settings jsonb DEFAULT '{}', comment text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_feed_format()', 'add formats');
    IF num_nulls(format, opening, item, closing, kind, content_type, falls_back, settings) > 0 OR jsonb_typeof(settings) <> 'object' THEN
        PERFORM mls.refuse('22023', 'a format has a name, a kind, an opening, an item and a closing', 'Settings are an object of values by name.');
    END IF;
    PERFORM mls.note_feed_format(format, jsonb_strip_nulls(jsonb_build_object('kind', kind, 'opening', opening, 'item', item, 'closing', closing, 'content_type', content_type,
        'id_path', id_path, 'max_listings', max_listings, 'max_photos', max_photos, 'falls_back', falls_back, 'comment', comment, 'like', "like"))
        || jsonb_build_object('settings', settings));
END $$;
COMMENT ON FUNCTION mls_feed_format(text, text, text, text, text, text, text, text, bigint, integer, boolean, jsonb, text)
    IS 'add a format of your own, or alter it: what stands before, around and behind the listings (see mls.feed_format); like takes over the elements of another one';

CREATE FUNCTION mls.note_feed_ids(caller regrole, name text, keys text[], ids bigint[]) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    feed mls.feed := mls.own_feed(caller, name);
    n bigint;
BEGIN
    IF cardinality(keys) <> cardinality(ids) OR EXISTS (SELECT FROM unnest(keys, ids) g (k, i) WHERE k IS NULL OR (i > 0) IS NOT TRUE) THEN
        PERFORM mls.refuse('22023', 'each key has a number above 0');
    END IF;
    IF EXISTS (SELECT FROM unnest(ids) i GROUP BY i HAVING count(*) > 1) OR EXISTS (SELECT FROM unnest(keys) k GROUP BY k HAVING count(*) > 1)
       OR EXISTS (SELECT FROM mls.feed_listing l WHERE l.feed = feed.id AND l.id = ANY (ids) AND l.key <> ALL (keys)) THEN
        PERFORM mls.refuse('23505', 'a number is one listing''s, and a listing has one number');
    END IF;
    UPDATE mls.feed_listing l SET id = NULL, state = CASE l.state WHEN 'written' THEN 'gone' ELSE l.state END WHERE l.feed = feed.id AND l.key = ANY (keys);
    INSERT INTO mls.feed_listing AS l (feed, key, id, state) SELECT feed.id, k, i, 'gone' FROM unnest(keys, ids) g (k, i)
    ON CONFLICT ON CONSTRAINT feed_listing_pkey DO UPDATE SET id = excluded.id;
    GET DIAGNOSTICS n = ROW_COUNT;
    UPDATE mls.feed f SET last_id = greatest(f.last_id, (SELECT max(i) FROM unnest(ids) i)) WHERE f.id = feed.id;
    RETURN n;
END $$;
COMMENT ON FUNCTION mls.note_feed_ids(regrole, text, text[], bigint[]) IS 'gives listings of a feed of a caller the numbers that a portal knows them by';
CREATE FUNCTION mls.note_feed_ids(name text, keys text[], ids bigint[]) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_feed_ids(text, text[], bigint[]) IS 'part of mls_feed_ids(): the same for who calls it';

CREATE FUNCTION mls_feed_ids(name text, keys text[], ids bigint[]) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_feed_ids()', 'set numbers');
    RETURN mls.note_feed_ids(name, coalesce(keys, '{}'), coalesce(ids, '{}'));
END $$;
COMMENT ON FUNCTION mls_feed_ids(text, text[], bigint[]) IS 'give listings of a feed the numbers by which a portal knows them already, before the first feed; new ones go on behind the highest';

CREATE FUNCTION mls_feed_sync(
    name text DEFAULT NULL, force boolean DEFAULT false,
    OUT store text, OUT feed text, OUT status text, OUT written bigint, OUT unchanged bigint, OUT skipped bigint, OUT documents bigint,
    OUT requests bigint, OUT duration interval, OUT message text)
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_feed_sync(text, boolean)
    IS 'write feeds, all or the one named, in background workers: listings written, those of them that are as before, left out, and documents that were written (0: nothing has changed); force writes it though many listings are missing';

CREATE FUNCTION mls_feed_report(name text, OUT key text, OUT id bigint, OUT state text, OUT reason text, OUT changed_at timestamptz)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT l.key, l.id, l.state, l.reason, l.changed_at FROM mls.feed_listing l JOIN mls.feed f ON f.id = l.feed
 WHERE f.name = mls_feed_report.name AND l.state <> 'gone' ORDER BY l.key COLLATE "C"
$$;
COMMENT ON FUNCTION mls_feed_report(text) IS 'listings of a feed as they were when it was made last: key, number, written or skipped and why';

CREATE FUNCTION mls_feed_preview(name text, most integer DEFAULT 3, OUT key text, OUT reason text, OUT listing text)
    RETURNS SETOF record
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_feed_preview(text, integer) IS 'how the first listings of a feed would be written, or why they are left out; nothing is written';

-- ---- Parts of a run ----

-- What a feed is made of.  It is read in the rights of who runs it; only its owner's are wanted.
CREATE FUNCTION mls.feed_elements(feed bigint, OUT path text, OUT expression text, OUT form text, OUT max_length integer, OUT value_map jsonb, OUT missing text, OUT default_value text)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT w.path, w.expression, w.form, w.max_length, w.value_map, w.missing, w.default_value
  FROM (SELECT DISTINCT ON (e.path) e.* FROM mls.feed_element e JOIN mls.feed f ON f.id = feed_elements.feed
         WHERE e.format = f.format AND e.feed IN (0, f.id) ORDER BY e.path, e.feed DESC, e.shipped) w
 WHERE w.expression IS NOT NULL ORDER BY w.place, w.path COLLATE "C"
$$;
COMMENT ON FUNCTION mls.feed_elements(bigint) IS 'elements of a feed in their order';

-- The next listings in the order of keys: what is not among them has gone.  Rows that stay as
-- they are are not written.  NULL for upto: to the end.
CREATE FUNCTION mls.feed_note(feed bigint, after text, upto text, keys text[], hashes text[], reasons text[], OUT n bigint, OUT id bigint, OUT changed_at timestamptz, OUT same boolean)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    -- A feed is written in one transaction: what was planned while its table was empty is wrong soon.
    SET plan_cache_mode = force_custom_plan
    AS $$
#variable_conflict use_column
BEGIN
    -- Each alone is a range of the index.
    IF upto IS NULL THEN
        UPDATE mls.feed_listing l SET state = 'gone', reason = NULL
         WHERE l.feed = feed_note.feed AND l.key > after AND l.state <> 'gone' AND NOT EXISTS (SELECT FROM unnest(keys) k WHERE k = l.key);
    ELSE
        UPDATE mls.feed_listing l SET state = 'gone', reason = NULL
         WHERE l.feed = feed_note.feed AND l.key > after AND l.key <= upto AND l.state <> 'gone' AND NOT EXISTS (SELECT FROM unnest(keys) k WHERE k = l.key);
    END IF;
    RETURN QUERY
    WITH last AS (SELECT f.last_id FROM mls.feed f WHERE f.id = feed_note.feed),
    given AS MATERIALIZED (
        SELECT g.n, g.key, g.hash, g.reason, l.id, l.changed_at, l.key IS NOT NULL AS known, l.state = 'written' AND l.hash = g.hash AS same,
               count(*) FILTER (WHERE g.reason IS NULL AND l.id IS NULL) OVER (ORDER BY g.n) AS fresh
          FROM unnest(keys, hashes, reasons) WITH ORDINALITY AS g (key, hash, reason, n)
          -- One at a time, by the index: statistics of a table that is being filled say nothing.
          LEFT JOIN LATERAL (SELECT * FROM mls.feed_listing l WHERE l.feed = feed_note.feed AND l.key = g.key COLLATE "C" OFFSET 0) l ON true),
    wanted AS MATERIALIZED (
        SELECT g.n, g.key, g.known, g.reason, coalesce(g.same AND g.reason IS NULL, false) AS same,
               CASE WHEN g.reason IS NULL THEN coalesce(g.id, (SELECT last_id FROM last) + g.fresh) ELSE g.id END AS id,
               CASE WHEN g.reason IS NULL THEN 'written' ELSE 'skipped' END AS state,
               CASE WHEN g.reason IS NULL THEN g.hash END AS hash, g.changed_at
          FROM given g),
    written AS (
        INSERT INTO mls.feed_listing AS l (feed, key, id, hash, changed_at, state, reason)
        SELECT feed_note.feed, w.key, w.id, w.hash, CASE WHEN w.hash IS NOT NULL THEN date_trunc('second', now()) END, w.state, w.reason
          FROM wanted w WHERE NOT w.same
        ON CONFLICT ON CONSTRAINT feed_listing_pkey DO UPDATE
            SET id = excluded.id, hash = coalesce(excluded.hash, l.hash), state = excluded.state, reason = excluded.reason,
                changed_at = CASE WHEN excluded.hash IS NULL OR l.hash = excluded.hash THEN l.changed_at ELSE excluded.changed_at END
            WHERE (l.id, l.state, l.reason, l.hash) IS DISTINCT FROM (excluded.id, excluded.state, excluded.reason, coalesce(excluded.hash, l.hash))
        RETURNING l.key, l.changed_at),
    counted AS (
        UPDATE mls.feed f SET last_id = f.last_id + (SELECT max(g.fresh) FROM given g)
         WHERE f.id = feed_note.feed AND (SELECT max(g.fresh) FROM given g) > 0 RETURNING 1)
    SELECT w.n, w.id, coalesce(t.changed_at, w.changed_at), w.same
      FROM wanted w LEFT JOIN written t ON t.key = w.key COLLATE "C" ORDER BY w.n;
END $$;
COMMENT ON FUNCTION mls.feed_note(bigint, text, text, text[], text[], text[]) IS 'part of mls_feed_sync(): notes the next listings of a feed; returns their numbers and when they changed, and whether they are as before';

REVOKE ALL ON FUNCTION mls.feed_value(text, jsonb), mls.feed_value(text[], jsonb), mls.feed_escaped(text), mls.feed_area(numeric, text, text, text), mls.feed_is_rent(text),
    mls.feed_rent(numeric, text, text), mls.feed_check(bigint), mls.own_feed(regrole, text), mls.lock_feeds(), mls.require_place(text, text, text, text), mls.require_settings(mls.feed_format, jsonb, bigint), mls.note_feed(regrole, text, jsonb), mls.note_feed(text, jsonb),
    mls_feed(text, text, regclass, text, text, text[], jsonb, jsonb, boolean, text, regclass, text, bigint, integer, float8), mls_unfeed(text),
    mls.note_feed_element(regrole, text, text, text, text, integer, jsonb), mls.note_feed_element(text, text, text, text, integer, jsonb),
    mls_feed_element(text, text, text, text, integer, text, integer, jsonb, text, text), mls_feed_element_remove(text, text, text),
    mls.note_feed_format(regrole, text, jsonb), mls.note_feed_format(text, jsonb),
    mls_feed_format(text, text, text, text, text, text, text, text, bigint, integer, boolean, jsonb, text),
    mls.note_feed_ids(regrole, text, text[], bigint[]), mls.note_feed_ids(text, text[], bigint[]), mls_feed_ids(text, text[], bigint[]),
    mls_feed_sync(text, boolean), mls_feed_report(text), mls_feed_preview(text, integer), mls.feed_elements(bigint),
    mls.feed_note(bigint, text, text, text[], text[], text[]) FROM PUBLIC;
