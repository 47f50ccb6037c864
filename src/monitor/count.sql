-- How many records there are, asked now.

CREATE FUNCTION mls.count_remote(subscription bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'mls_count_remote' LANGUAGE C STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.count_remote(bigint)
    IS 'asks the source of a subscription how many records it has; NULL if it cannot say';

CREATE FUNCTION mls.count_local(subscription bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'mls_count_local_rows' LANGUAGE C STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.count_local(bigint)
    IS 'counts the rows of silver of a subscription, and notes the number unless a process is writing there';

CREATE FUNCTION mls.note_remote_rows(caller regrole, subscription bigint, rows bigint) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
UPDATE mls.subscription s SET remote_rows = rows, remote_counted_at = now()
 WHERE s.id = subscription AND pg_has_role(caller, s.owner, 'USAGE');
$$;
COMMENT ON FUNCTION mls.note_remote_rows(regrole, bigint, bigint) IS 'notes how many records a source has, for a caller who has the owner''s privileges';
CREATE FUNCTION mls.note_remote_rows(subscription bigint, rows bigint) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_remote_rows(bigint, bigint) IS 'part of mls_count(): the same for who calls it';

-- The sources are asked first and the numbers noted at the end, so that no run waits
-- for a row of mls.subscription as long as a source takes to answer.
CREATE FUNCTION mls.count_all(
    wanted_source text, wanted_resource text,
    OUT source text, OUT resource text, OUT remote_rows bigint, OUT rows bigint,
    OUT difference bigint, OUT message text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    subs mls.subscription[] := ARRAY(
        SELECT s FROM mls.find_subscriptions(wanted_source, wanted_resource) f
          JOIN mls.subscription s USING (id) ORDER BY s.source COLLATE "C", s.id);
    counts bigint[] := '{}';
    messages text[] := '{}';
    sub mls.subscription;
    n integer := 0;
    kept bigint;
BEGIN
    FOREACH sub IN ARRAY subs LOOP
        BEGIN
            remote_rows := mls.count_remote(sub.id);
            message := CASE WHEN remote_rows IS NULL THEN 'the source does not count, or counts wrongly' END;
        EXCEPTION WHEN OTHERS THEN
            remote_rows := NULL;
            message := sqlerrm;
        END;
        counts := counts || remote_rows;
        messages := messages || message;
    END LOOP;
    FOREACH sub IN ARRAY subs LOOP
        n := n + 1;
        source := sub.source;
        resource := sub.resource;
        remote_rows := counts[n];
        message := messages[n];
        BEGIN
            rows := mls.count_local(sub.id);
        EXCEPTION WHEN insufficient_privilege OR undefined_table OR undefined_object THEN
            rows := NULL;
            message := coalesce(message, sqlerrm);
        END;
        kept := (SELECT count(DISTINCT i.key) FROM mls.issue i WHERE i.subscription = sub.id AND i.kind = 'quarantine' AND i.solved_at IS NULL);
        IF kept > 0 THEN
            message := concat_ws('; ', message, mls.counted(kept, 'record is', 'records are') || ' in quarantine');
        END IF;
        difference := remote_rows - rows;
        IF remote_rows IS NOT NULL AND NOT current_setting('transaction_read_only')::boolean THEN
            PERFORM mls.note_remote_rows(sub.id, counts[n]);
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.count_all(text, text) IS 'what mls_count() does';

CREATE FUNCTION mls_count(
    source text DEFAULT NULL,
    resource text DEFAULT NULL,
    OUT source text,
    OUT resource text,
    OUT remote_rows bigint,
    OUT rows bigint,
    OUT difference bigint,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT * FROM mls.count_all($1, $2);
$$;
COMMENT ON FUNCTION mls_count(text, text)
    IS 'asks sources how many records they have, a request per resource, and counts silver; message says why a source did not answer';

CREATE FUNCTION mls.asked_fields(foreign_table regclass) RETURNS text[]
    AS 'MODULE_PATHNAME', 'mls_asked_fields_sql' LANGUAGE C STABLE STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.asked_fields(regclass) IS 'fields that syncs of a foreign table ask for (option select), in its order; NULL for all';

REVOKE ALL ON FUNCTION mls.note_remote_rows(regrole, bigint, bigint), mls.note_remote_rows(bigint, bigint), mls.asked_fields(regclass), mls_count(text, text), mls.count_all(text, text), mls.count_remote(bigint),
    mls.count_local(bigint) FROM PUBLIC;
