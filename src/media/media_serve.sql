-- Files of media for the program that serves: where they are, and which records of gold show
-- them, so that it can ask whether who wants a file sees one of these.

-- Keys in gold of the media of a subscription, read as its owner.  Where rules make keys of their
-- own, gold has an index by those of the source.
CREATE FUNCTION mls.media_gold_keys(subscription bigint, keys text[]) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    of mls.subscription;
    named boolean;
    found text[];
BEGIN
    SELECT * INTO of FROM mls.subscription s WHERE s.id = media_gold_keys.subscription;
    IF of.gold IS NULL OR NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = of.gold) THEN
        RETURN '{}';
    END IF;
    SELECT coalesce(max(o.option_value) = 'reso', false) INTO named
      FROM pg_foreign_server v, pg_options_to_table(v.srvoptions) o WHERE v.srvname = of.source AND o.option_name = 'protocol';
    SELECT array_agg(r #>> '{}') INTO found FROM mls.as_role(of.owner, format(
        'SELECT pg_catalog.to_jsonb(g."MediaKey") FROM %s g WHERE (g.mls_source || '''') = $1 AND g.mls_source_key = ANY ($2::pg_catalog.text[])%s',
        of.gold, CASE WHEN named THEN ' AND g."MediaKey" = ANY (ARRAY(SELECT $3 || k FROM pg_catalog.unnest($2::pg_catalog.text[]) k))' ELSE '' END),
        VARIADIC CASE WHEN named THEN ARRAY[of.source, keys::text, coalesce(of.key_prefix, '')] ELSE ARRAY[of.source, keys::text] END) r;
    RETURN coalesce(found, '{}');
END $$;
COMMENT ON FUNCTION mls.media_gold_keys(bigint, text[]) IS 'part of mls.serve_file(): keys in gold of media, by their keys at the source';

-- A file that several stores have is taken from a directory, if one of them is.  Records that show
-- it come some at a time: a picture that says that there is none can stand at very many.
CREATE FUNCTION mls.serve_file(caller regrole, sha256 text, after text[] DEFAULT '{}',
    OUT keys text[], OUT directory text, OUT link text, OUT name text, OUT type text, OUT bytes bigint, OUT more text[])
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    most CONSTANT integer := 1000;
    file record;
    one record;
    page text[];
    n integer;
BEGIN
    FOR file IN
        SELECT f.store, f.name, f.type, f.bytes, u.option_value AS url, p.option_value AS public_url
          FROM mls.media_file f
          JOIN pg_foreign_server v ON v.srvname = f.store
          JOIN pg_foreign_data_wrapper w ON w.oid = v.srvfdw AND w.fdwname = 'mls_fdw'
          JOIN pg_options_to_table(v.srvoptions) u ON u.option_name = 'url'
          LEFT JOIN pg_options_to_table(v.srvoptions) p ON p.option_name = 'public_url'
         WHERE f.sha256 = serve_file.sha256 AND NOT f.removing AND NOT f.missing AND (after = '{}' OR f.store = after[1])
         ORDER BY u.option_value NOT LIKE 'file:%', f.store
    LOOP
        keys := '{}';
        link := NULL;
        more := NULL;
        n := 0;
        directory := CASE WHEN file.url LIKE 'file:///%' THEN rtrim(substr(file.url, 8), '/') END;
        -- Of sources whose media are shown to audiences of the caller, and of nobody else's.
        FOR one IN
            SELECT s.id, s.owner
              FROM mls.subscription s
             WHERE (after = '{}' OR s.id >= after[2]::bigint)
               AND EXISTS (SELECT FROM mls.audience v WHERE v.resource = 'Media' AND v.gold = s.gold AND pg_has_role(caller, v.audience, 'MEMBER'))
             ORDER BY s.id
        LOOP
            page := ARRAY(SELECT m.key FROM mls.media m
                           WHERE m.store = file.store AND m.sha256 = serve_file.sha256 AND m.subscription = one.id AND m.state <> 'gone'
                             AND m.key > CASE WHEN after <> '{}' AND one.id = after[2]::bigint THEN after[3] ELSE '' END COLLATE "C"
                           ORDER BY m.key LIMIT most - n);
            CONTINUE WHEN page = '{}';
            n := n + cardinality(page);
            keys := keys || mls.media_gold_keys(one.id, page);
            IF directory IS NULL AND link IS NULL THEN
                link := rtrim(file.public_url, '/') || '/' || file.name;
                BEGIN
                    IF link IS NULL THEN
                        SELECT r #>> '{}' INTO link FROM mls.as_role(one.owner,
                            'SELECT pg_catalog.to_jsonb(@extschema@.mls_store_link($1, $2, ''10 minutes''))', file.store, file.name) r;
                    END IF;
                EXCEPTION WHEN OTHERS THEN
                    -- Without its keys there is no way to the file: another source may have some.
                    NULL;
                END;
            END IF;
            IF n >= most THEN
                more := ARRAY[file.store, one.id::text, page[cardinality(page)]];
                EXIT;
            END IF;
        END LOOP;
        name := file.name;
        type := file.type;
        bytes := file.bytes;
        IF n > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.serve_file(regrole, text, text[])
    IS 'stores that have a file of media which audiences of the caller may see: up to 1,000 of the records of gold that show it and, if there are more, how to ask for those (after), the directory or an address that holds for ten minutes, its name there, type and length';
CREATE FUNCTION mls.serve_file(sha256 text, after text[] DEFAULT '{}',
    OUT keys text[], OUT directory text, OUT link text, OUT name text, OUT type text, OUT bytes bigint, OUT more text[])
    RETURNS SETOF record
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_control_rows_sql';
COMMENT ON FUNCTION mls.serve_file(text, text[]) IS 'the same, for the program that serves: whoever asks for the file must see one of the records';

REVOKE ALL ON FUNCTION mls.media_gold_keys(bigint, text[]), mls.serve_file(regrole, text, text[]), mls.serve_file(text, text[]) FROM PUBLIC;
