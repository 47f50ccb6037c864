-- Of which source a copy is, and what goes by the name of a source.

CREATE FUNCTION mls_source_accept(source text) RETURNS integer
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION mls_source_accept(text)
    IS 'say that a source is still the one its copy is of, at a new address or under a new login; returns how many subscriptions it has';

CREATE FUNCTION mls.source_differs(subscription bigint) RETURNS text
    LANGUAGE c STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_source_differs';
COMMENT ON FUNCTION mls.source_differs(bigint)
    IS 'in what the source is not the one that the copy is of; NULL if it is';

CREATE FUNCTION mls.follow_renames() RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_follow_renames';
COMMENT ON FUNCTION mls.follow_renames()
    IS 'gives subscriptions whose server was renamed its name, with their rows of gold and with what is kept by the name of the source';

-- What it tells is asked again.
CREATE FUNCTION mls.note_rename(caller regrole, before text, after text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM mls.subscription s WHERE s.source = before AND pg_has_role(caller, s.owner, 'USAGE')) THEN
        RAISE EXCEPTION 'permission denied to rename source "%"', before USING ERRCODE = 'insufficient_privilege';
    END IF;
    BEGIN
        UPDATE mls.schedule s SET source = after WHERE s.source = before AND pg_has_role(caller, s.role, 'USAGE');
    EXCEPTION WHEN unique_violation THEN
        NULL;
    END;
    UPDATE mls.verification v SET source = after WHERE v.source = before AND pg_has_role(caller, v.verified_by, 'USAGE');
    BEGIN
        UPDATE mls.upload u SET server = after WHERE u.server = before AND pg_has_role(caller, u.owner, 'USAGE');
    EXCEPTION WHEN unique_violation THEN
        NULL;
    END;
    DELETE FROM mls.told t WHERE t.source = before;
END $$;
COMMENT ON FUNCTION mls.note_rename(regrole, text, text) IS 'gives schedules, verifications and uploaded files of a caller the new name of a source, and forgets what it told';
CREATE FUNCTION mls.note_rename(before text, after text) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_rename(text, text) IS 'part of mls.rename_source(): the same for who calls it';

-- As far as the role may: rules are the extension owner's, and mls_verify() tells of those that
-- are left for a name that no server has.  What the new name has already stays.
CREATE FUNCTION mls.rename_source(before text, after text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    facts text;
BEGIN
    IF NOT EXISTS (SELECT FROM mls.subscription s
                     JOIN pg_foreign_table t ON t.ftrelid = s.foreign_table
                     JOIN pg_foreign_server f ON f.oid = t.ftserver
                    WHERE s.source = before AND f.srvname = ltrim(after, E'\x01')) THEN
        RAISE EXCEPTION 'no server "%" is called "%" now', before, after USING ERRCODE = 'undefined_object';
    END IF;
    IF mls.has_cron() AND (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
        EXECUTE 'UPDATE cron.job j SET jobname = format(''mls %s %s'', $2, s.process), command = mls.job_command($2, s.process) '
                'FROM mls.schedule s WHERE s.source = $1 AND j.database = current_database() '
                'AND j.jobname = format(''mls %s %s'', $1, s.process) AND j.username = pg_get_userbyid(s.role)'
          USING before, after;
    END IF;
    FOREACH facts IN ARRAY '{field_map,row_map,join_map,value_map,setting_map,clean_map,arrival_map}'::text[] LOOP
        CONTINUE WHEN NOT has_table_privilege(format('mls.%I', facts), 'UPDATE');
        BEGIN
            EXECUTE format('UPDATE mls.%I SET source = $2 WHERE source = $1', facts) USING before, after;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END LOOP;
    PERFORM mls.note_rename(before, after);
END $$;
COMMENT ON FUNCTION mls.rename_source(text, text)
    IS 'part of mls.follow_renames(): rules, schedules and verifications of a source get its new name';

REVOKE ALL ON FUNCTION mls_source_accept(text), mls.source_differs(bigint), mls.follow_renames(),
    mls.rename_source(text, text), mls.note_rename(regrole, text, text), mls.note_rename(text, text) FROM PUBLIC;
