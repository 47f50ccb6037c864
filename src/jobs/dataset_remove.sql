-- Removing files of datasets, and datasets, with all that has come of them.

CREATE FUNCTION mls.forget_file(subscription bigint, name text) RETURNS bigint
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET jit = off
    AS 'MODULE_PATHNAME', 'mls_forget_file_sql';
COMMENT ON FUNCTION mls.forget_file(bigint, text) IS 'part of mls_dataset_remove(): takes the rows that a file has brought out of gold, silver and bronze; returns how many';

CREATE FUNCTION mls.is_file_of(entry text, file text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT entry = file OR (starts_with(entry, file || '#') AND file ~* '\.xls[xm]$') $$;
COMMENT ON FUNCTION mls.is_file_of(text, text) IS 'whether a name of mls.file is that of a file, or of a sheet of it';

CREATE FUNCTION mls_dataset_remove(foreign_table regclass, name text DEFAULT NULL) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    of record;
    removed bigint;
BEGIN
    PERFORM mls.refuse_standby('mls_dataset_remove()', 'remove files');
    SELECT s.id, v.source, s.owner, s.local_rows INTO of FROM mls.subscription s JOIN mls.visible_subscription v ON v.id = s.id
     WHERE s.foreign_table = mls_dataset_remove.foreign_table AND pg_has_role(s.owner, 'USAGE');
    IF of.id IS NULL THEN
        PERFORM mls.refuse('42704', format('foreign table %s is not subscribed by you', foreign_table));
    ELSIF mls.server_option(foreign_table, 'protocol') IS DISTINCT FROM 'dataset' THEN
        PERFORM mls.refuse('42809', format('%s is no foreign table of a dataset', foreign_table));
    ELSIF name IS NOT NULL AND NOT EXISTS (SELECT FROM mls.file f WHERE f.subscription = of.id AND f.name = mls_dataset_remove.name) THEN
        PERFORM mls.refuse('42704', format('the dataset of foreign table %s has no file "%s"', foreign_table, name), 'mls.file lists its files.');
    END IF;
    -- What was uploaded is removed itself; files of other places are their owners'.
    IF mls.server_option(foreign_table, 'url') = 'upload:' THEN
        PERFORM @extschema@.mls_upload_drop(of.source, u.name)
           FROM mls.upload u
          WHERE u.server = of.source
            AND EXISTS (SELECT FROM mls.file f WHERE f.subscription = of.id AND mls.is_file_of(f.name, u.name) AND (mls_dataset_remove.name IS NULL OR f.name = mls_dataset_remove.name))
            -- A dataset that goes leaves others the sheets that they read.
            AND (mls_dataset_remove.name IS NOT NULL
                 OR NOT EXISTS (SELECT FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription
                                 WHERE s.source = of.source AND s.id <> of.id AND f.state <> 'gone' AND mls.is_file_of(f.name, u.name)));
    END IF;
    IF name IS NOT NULL THEN
        RETURN mls.forget_file(of.id, name);
    END IF;
    removed := of.local_rows;
    PERFORM @extschema@.mls_unsubscribe(foreign_table, true);
    PERFORM mls.as_role(of.owner, format('DROP FOREIGN TABLE %s', foreign_table));
    RETURN removed;
END $$;
COMMENT ON FUNCTION mls_dataset_remove(regclass, text)
    IS 'remove a file of a dataset with the rows that it has brought, from gold, silver and bronze; or without a name the whole dataset, with its tables. Files that were uploaded are removed as well. Returns how many rows; nothing of it can be undone';

REVOKE ALL ON FUNCTION mls.is_file_of(text, text), mls.forget_file(bigint, text), mls_dataset_remove(regclass, text) FROM PUBLIC;
