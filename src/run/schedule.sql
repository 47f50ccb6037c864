-- Scheduling through pg_cron, and pruning of what runs leave behind.
--
-- pg_cron lives in one database of a cluster and may not be there at all, so
-- nothing here depends on it: its tables and functions are named in dynamic
-- statements only, after a look at whether they are really pg_cron's.

-- ---- What was asked for ----

-- pg_cron shows a role its own jobs only, and nothing at all once it was dropped.
-- What should run is therefore noted here: it is what mls_status shows, and what
-- mls_health() measures reality by.
CREATE TABLE mls.schedule (
    source       text NOT NULL,
    process      text NOT NULL CHECK (process IN ('sync', 'purge', 'reconcile', 'geocode', 'media', 'publish', 'feed', 'mart', 'test')),
    role         regrole NOT NULL DEFAULT current_user::regrole,
    schedule     text NOT NULL,
    scheduled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, process, role)
);
COMMENT ON TABLE mls.schedule IS 'what mls_schedule() has pg_cron run, and when';
COMMENT ON COLUMN mls.schedule.source IS 'name of the foreign server, source or destination, or of a feed, a mart or a test suite';
COMMENT ON COLUMN mls.schedule.process IS 'sync, purge, reconcile, geocode, media, publish, feed, mart or test';
COMMENT ON COLUMN mls.schedule.role IS 'role that scheduled it; the job works on the subscriptions it has privileges for';
COMMENT ON COLUMN mls.schedule.schedule IS 'expression as pg_cron understands it';
COMMENT ON COLUMN mls.schedule.scheduled_at IS 'since when';

ALTER TABLE mls.schedule ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.schedule FOR SELECT
    USING (pg_catalog.pg_has_role(role, 'USAGE'));
CREATE POLICY monitor ON mls.schedule FOR SELECT
    USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
GRANT SELECT ON mls.schedule TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.schedule', '');

-- ---- pg_cron, seen from here ----

CREATE FUNCTION mls.cron_database() RETURNS text
    AS 'MODULE_PATHNAME', 'mls_cron_database' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION mls.cron_database() IS 'database pg_cron lives in; NULL if the server has not loaded it';

CREATE FUNCTION mls.cron_timezone() RETURNS text
    AS 'MODULE_PATHNAME', 'mls_cron_timezone' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION mls.cron_timezone() IS 'time zone of pg_cron''s schedules';

-- Whoever may create schemas could make a table cron.job; only the extension's own is believed.
CREATE FUNCTION mls.has_cron() RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT EXISTS (SELECT FROM pg_extension e
                 JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
                                 AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
                 JOIN pg_class c ON c.oid = d.objid
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE e.extname = 'pg_cron' AND n.nspname = 'cron' AND c.relname = 'job');
$$;
COMMENT ON FUNCTION mls.has_cron() IS 'whether the extension pg_cron is in this database';

-- ---- When a schedule is due ----

CREATE FUNCTION mls.cron_field(field text, low integer, high integer, names text[] DEFAULT '{}')
    RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    part text;
    m text[];
    first integer;
    last integer;
    found integer[] := '{}';
BEGIN
    FOREACH part IN ARRAY string_to_array(lower(field), ',') LOOP
        m := regexp_match(part, '^(?:(\*)|(\d{1,2}|[a-z]{3})(?:-(\d{1,2}|[a-z]{3}))?)(?:/(\d{1,2}))?$');
        IF m IS NULL OR (m[4] IS NOT NULL AND (m[4]::integer = 0 OR (m[1] IS NULL AND m[3] IS NULL))) THEN
            RETURN NULL;
        END IF;
        first := CASE WHEN m[1] = '*' THEN low WHEN m[2] ~ '^\d' THEN m[2]::integer
                      ELSE array_position(names, m[2]) - 1 + low END;
        last := CASE WHEN m[1] = '*' THEN high WHEN m[3] IS NULL THEN first
                     WHEN m[3] ~ '^\d' THEN m[3]::integer
                     ELSE array_position(names, m[3]) - 1 + low END;
        IF (first >= low AND last >= first AND last <= high) IS NOT TRUE THEN
            RETURN NULL;
        END IF;
        found := found || ARRAY(SELECT generate_series(first, last, coalesce(m[4]::integer, 1)));
    END LOOP;
    RETURN found;
END $$;
COMMENT ON FUNCTION mls.cron_field(text, integer, integer, text[])
    IS 'values that a field of a cron expression stands for, or NULL if it is none';

CREATE FUNCTION mls.cron_next(schedule text, since timestamptz, timezone text DEFAULT NULL)
    RETURNS timestamptz
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    zone text := coalesce(timezone, mls.cron_timezone());
    fields text[] := regexp_split_to_array(
        CASE lower(btrim(schedule))
            WHEN '@hourly' THEN '0 * * * *'
            WHEN '@daily' THEN '0 0 * * *'
            WHEN '@midnight' THEN '0 0 * * *'
            WHEN '@weekly' THEN '0 0 * * 0'
            WHEN '@monthly' THEN '0 0 1 * *'
            WHEN '@yearly' THEN '0 0 1 1 *'
            WHEN '@annually' THEN '0 0 1 1 *'
            ELSE btrim(schedule)
        END, '\s+');
    minutes integer[] := mls.cron_field(fields[1], 0, 59);
    hours integer[] := mls.cron_field(fields[2], 0, 23);
    days integer[] := mls.cron_field(fields[3], 1, 31);
    months integer[] := mls.cron_field(fields[4], 1, 12,
        '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
    weekdays integer[] := mls.cron_field(fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
    -- As cron has it: either day field, unless one of them begins with a star.
    narrow boolean := fields[3] LIKE '*%' OR fields[5] LIKE '*%';
    start timestamp := date_trunc('minute', since AT TIME ZONE zone) + interval '1 minute';
    day date := start::date;
    at timestamp;
    on_day boolean;
    on_weekday boolean;
BEGIN
    IF btrim(schedule) ~ '^\d{1,2} seconds?$' THEN
        RETURN since + btrim(schedule)::interval;
    END IF;
    IF cardinality(fields) <> 5 OR minutes IS NULL OR hours IS NULL OR days IS NULL
       OR months IS NULL OR weekdays IS NULL THEN
        RETURN NULL;
    END IF;
    -- The rarest date, 29 February, comes again within eight years.
    FOR i IN 0 .. 8 * 366 LOOP
        on_day := extract(day FROM day) = ANY (days);
        on_weekday := extract(dow FROM day) = ANY (weekdays)
                      OR (extract(dow FROM day) = 0 AND 7 = ANY (weekdays));
        IF extract(month FROM day) = ANY (months)
           AND (CASE WHEN narrow THEN on_day AND on_weekday ELSE on_day OR on_weekday END) THEN
            SELECT min(t) INTO at
              FROM unnest(hours) h, unnest(minutes) m,
                   LATERAL (SELECT day + make_time(h, m, 0)) AS made (t)
             WHERE t >= start;
            IF at IS NOT NULL THEN
                RETURN at AT TIME ZONE zone;
            END IF;
        END IF;
        day := day + 1;
    END LOOP;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION mls.cron_next(text, timestamptz, text)
    IS 'when a schedule is due next after an instant, in pg_cron''s time zone; NULL if it is not of five fields or never due';

-- ---- Cadences ----

CREATE TABLE mls.cadence (
    environment text NOT NULL CHECK (environment <> ''),
    process     text NOT NULL CHECK (process IN ('sync', 'purge', 'reconcile', 'geocode', 'media', 'publish', 'feed', 'mart', 'test')),
    schedule    text NOT NULL,
    shipped     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (environment, process, shipped)
);
COMMENT ON TABLE mls.cadence IS 'how often processes run in an environment: what preset of mls_schedule() asks for; your own rows come before shipped ones';
COMMENT ON COLUMN mls.cadence.environment IS 'name of the preset: dev, staging, prod, or one of your own';
COMMENT ON COLUMN mls.cadence.process IS 'the process';
COMMENT ON COLUMN mls.cadence.schedule IS 'expression as pg_cron understands it; empty: not at all';
COMMENT ON COLUMN mls.cadence.shipped IS 'whether the row came with the extension; such rows are not dumped, and give way to others';
REVOKE ALL ON mls.cadence FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mls.cadence', 'WHERE NOT shipped');

INSERT INTO mls.cadence (environment, process, schedule, shipped) VALUES
  ('dev', 'sync', '0 * * * *', true), ('dev', 'purge', '30 3 * * *', true), ('dev', 'reconcile', '0 4 * * 0', true), ('dev', 'geocode', '', true), ('dev', 'media', '', true), ('dev', 'publish', '', true), ('dev', 'feed', '', true),
  ('dev', 'mart', '10 * * * *', true), ('dev', 'test', '50 * * * *', true),
  ('staging', 'sync', '*/30 * * * *', true), ('staging', 'purge', '30 3 * * *', true), ('staging', 'reconcile', '0 4 * * 0', true), ('staging', 'geocode', '20 * * * *', true), ('staging', 'media', '5 1-5 * * *', true),
  ('staging', 'publish', '*/30 * * * *', true), ('staging', 'feed', '0 5 * * *', true), ('staging', 'mart', '10,40 * * * *', true), ('staging', 'test', '50 * * * *', true),
  ('prod', 'sync', '*/15 * * * *', true), ('prod', 'purge', '30 3 * * *', true), ('prod', 'reconcile', '0 4 * * 0', true), ('prod', 'geocode', '20 * * * *', true), ('prod', 'media', '5 1-5 * * *', true),
  ('prod', 'publish', '*/5 * * * *', true), ('prod', 'feed', '0 5 * * *', true), ('prod', 'mart', '*/15 * * * *', true), ('prod', 'test', '50 * * * *', true);

-- What a preset has for a process that the subject of a schedule has; given times come first.
CREATE FUNCTION mls.cadence_of(preset text, subject text, process text, given text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT coalesce(given, (SELECT c.schedule FROM mls.cadence c
                         WHERE c.environment = preset AND c.process = cadence_of.process
                           AND CASE cadence_of.process WHEN 'publish' THEN EXISTS (SELECT FROM mls.publication p WHERE p.destination = subject) WHEN 'feed' THEN EXISTS (SELECT FROM mls.feed f WHERE f.name = subject)
                                    WHEN 'test' THEN EXISTS (SELECT FROM mls.test_suite t WHERE t.name = subject)
                                    WHEN 'mart' THEN EXISTS (SELECT FROM mls.mart m WHERE m.name = subject)
                                    WHEN 'geocode' THEN EXISTS (SELECT FROM mls.geocode_rule r JOIN mls.subscription s ON s.id = r.subscription WHERE s.source = subject)
                                    WHEN 'media' THEN EXISTS (SELECT FROM mls.media_rule r JOIN mls.subscription s ON s.id = r.subscription WHERE s.source = subject)
                                    ELSE EXISTS (SELECT FROM mls.subscription s WHERE s.source = subject) END
                         ORDER BY c.shipped LIMIT 1))
$$;
COMMENT ON FUNCTION mls.cadence_of(text, text, text, text) IS 'part of mls_schedule(): the time that was given, else that of a preset';
REVOKE ALL ON FUNCTION mls.cadence_of(text, text, text, text) FROM PUBLIC;

-- ---- Refusals ----

-- A source by its name, in any case: of those that also[] names, else of the servers.
CREATE FUNCTION mls.find_source(wanted text, also text[] DEFAULT '{}') RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    servers text[] := ARRAY(SELECT s.srvname::text FROM pg_foreign_server s ORDER BY s.srvname);
    found text := coalesce(mls.find_name(wanted, also, 'source'), mls.find_name(wanted, servers, 'source'));
BEGIN
    IF found IS NULL THEN
        PERFORM mls.refuse('42704', format('source "%s" does not exist', wanted),
            coalesce('Perhaps you meant "' || mls.nearest(wanted, also || servers) || '".',
                     'A source is a foreign server' || coalesce(', such as ' || servers[1], ': see CREATE SERVER') || '.'));
    END IF;
    RETURN found;
END $$;
COMMENT ON FUNCTION mls.find_source(text, text[]) IS 'the name of a source as it is written; an error that helps if there is none';

CREATE FUNCTION mls.require_source(source text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found text := mls.find_source(source);
BEGIN
    IF NOT EXISTS (SELECT FROM mls.subscription s WHERE s.source = found) THEN
        PERFORM mls.refuse('55000', format('source "%s" has no subscription', found),
                           'Call mls_subscribe() for its foreign tables first.');
    END IF;
    RETURN found;
END $$;
COMMENT ON FUNCTION mls.require_source(text) IS 'the name of a source as it is written; an error unless it exists and is replicated';

-- What is scheduled: processes of a source, of a destination, of a feed, of a mart, of a test suite; or, to be looked at, any.
CREATE FUNCTION mls.require_subject(name text, is_source boolean, is_destination boolean, is_feed boolean, is_mart boolean, is_suite boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    known record;
    found text := name;
    others text[] := '{}';
BEGIN
    FOR known IN
        SELECT k.*
          FROM (VALUES (is_destination, ARRAY(SELECT DISTINCT p.destination FROM mls.publication p ORDER BY 1), 'destination', 'nothing is published at destination "%s"', 'mls_publish() says what is kept in step where.'),
                       (is_feed, ARRAY(SELECT f.name FROM mls.feed f ORDER BY 1), 'feed', 'there is no feed "%s"', 'mls_feed() says what is written, and where.'),
                       (is_mart, ARRAY(SELECT o.source FROM mls.outlet o WHERE o.process = 'mart' ORDER BY 1), 'mart', 'there is no mart "%s"', 'mls_mart_create() makes one.'),
                       (is_suite, ARRAY(SELECT t.name FROM mls.test_suite t ORDER BY 1), 'test suite', 'there is no test suite "%s"', 'mls_test_add() adds a test.')) k (wanted, names, kind, missing, hint)
    LOOP
        others := others || known.names;
        CONTINUE WHEN NOT known.wanted;
        found := mls.find_name(name, known.names, known.kind);
        IF found IS NULL THEN
            PERFORM mls.refuse('42704', format(known.missing, name), coalesce('Perhaps you meant "' || mls.nearest(name, known.names) || '".', known.hint));
        END IF;
    END LOOP;
    IF is_source THEN
        found := mls.require_source(name);
    ELSIF NOT (is_destination OR is_feed OR is_mart OR is_suite) AND name = ANY (others) IS NOT TRUE THEN
        found := mls.require_source(name);
    END IF;
    RETURN found;
END $$;
COMMENT ON FUNCTION mls.require_subject(text, boolean, boolean, boolean, boolean, boolean) IS 'the name of a source, destination, feed, mart or test suite as it is written; an error unless it is what it has to be';

-- commands: what to run in the database that has pg_cron, when that is another.
CREATE FUNCTION mls.require_cron(commands text[]) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    home text := mls.cron_database();
BEGIN
    IF home IS NULL THEN
        PERFORM mls.refuse('55000', 'pg_cron is not loaded',
            detail => CASE WHEN EXISTS (SELECT FROM pg_available_extensions e WHERE e.name = 'pg_cron')
                          THEN 'It is installed, but not among the shared_preload_libraries.'
                          ELSE format('It is not installed: on Debian it is the package postgresql-%s-cron.',
                                      current_setting('server_version_num')::integer / 10000) END,
            hint => format(E'Set shared_preload_libraries = ''pg_cron'' (after what stands there) and '
                          'cron.database_name = %L in postgresql.conf, restart the server, and run:\n'
                          'CREATE EXTENSION pg_cron;', current_database()));
    ELSIF home <> current_database() THEN
        PERFORM mls.refuse('55000', format('pg_cron lives in database "%s"', home),
            format(E'Connect to database "%s" and run:\n%s', home, array_to_string(commands, E'\n')),
            'A schedule can be made in that database only, which is not reachable from here.');
    ELSIF NOT mls.has_cron() THEN
        PERFORM mls.refuse('55000', 'extension pg_cron is not in this database',
            format(E'Run:\nCREATE EXTENSION pg_cron;\nGRANT USAGE ON SCHEMA cron TO %I;', current_user));
    ELSIF NOT has_schema_privilege('cron', 'USAGE') THEN
        PERFORM mls.refuse('42501', 'permission denied to schedule',
            format('As a superuser run: GRANT USAGE ON SCHEMA cron TO %I;', current_user));
    END IF;
END $$;
COMMENT ON FUNCTION mls.require_cron(text[])
    IS 'raises an error that says what to do unless pg_cron can be used from here';

-- ---- What a user calls ----

-- Jobs the caller may remove: its own, all for a superuser.
CREATE FUNCTION mls.remove_jobs(names text[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    removed integer;
BEGIN
    EXECUTE 'SELECT count(cron.unschedule(j.jobid)) FROM cron.job j '
            'WHERE j.database = current_database() AND j.jobname::text = ANY ($1)'
       INTO removed USING names;
    RETURN removed;
END $$;
COMMENT ON FUNCTION mls.remove_jobs(text[]) IS 'removes jobs of this database by name; returns how many';

-- A time written in words as the expression that was probably meant, or NULL.
CREATE FUNCTION mls.cron_meant(words text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    m text[];
BEGIN
    m := regexp_match(lower(words), '^\s*(?:every\s+)?(\d+)?\s*(m|min|minutes?|h|hours?|d|days?|w|weeks?)\s*$');
    IF m IS NOT NULL AND coalesce(m[1]::integer, 1) BETWEEN 1 AND 59 THEN
        RETURN CASE left(m[2], 1)
            WHEN 'm' THEN '*/' || coalesce(m[1], '1') || ' * * * *'
            WHEN 'h' THEN '0 */' || coalesce(m[1], '1') || ' * * *'
            WHEN 'd' THEN '30 3 * * *'
            ELSE '0 4 * * 0' END;
    END IF;
    m := regexp_match(lower(words), '^\s*(?:at\s+|daily\s+at\s+|daily\s+)?(\d{1,2}):(\d{2})\s*$');
    IF m IS NOT NULL THEN
        RETURN m[2]::integer || ' ' || m[1]::integer || ' * * *';
    END IF;
    RETURN CASE lower(btrim(words)) WHEN 'hourly' THEN '0 * * * *' WHEN 'daily' THEN '30 3 * * *'
                                    WHEN 'nightly' THEN '30 3 * * *' WHEN 'weekly' THEN '0 4 * * 0' END;
END $$;
COMMENT ON FUNCTION mls.cron_meant(text) IS 'the cron expression that was probably meant by a time in words; NULL if it cannot be guessed';

-- pg_cron decides what is a schedule; we say what it does not.
CREATE FUNCTION mls.add_job(name text, schedule text, command text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    EXECUTE 'SELECT cron.schedule($1, $2, $3)' USING name, schedule, command;
EXCEPTION WHEN internal_error OR invalid_parameter_value THEN
    IF sqlerrm !~* 'schedule' THEN
        RAISE;
    END IF;
    PERFORM mls.refuse('22023', format('"%s" is no schedule for pg_cron', add_job.schedule),
        coalesce('Perhaps you meant ''' || mls.cron_meant(add_job.schedule) || '''.',
                 'For example: ''*/15 * * * *'' each quarter of an hour, ''30 3 * * *'' at 03:30, ''0 4 * * 0'' on Sundays at 04:00.'),
        'It is five fields: minute, hour, day, month and weekday.');
END $$;
COMMENT ON FUNCTION mls.add_job(text, text, text) IS 'makes a job that runs as the caller';

-- As with cron's jobs: a role replaces those of roles whose privileges it has, by one of its own.
CREATE FUNCTION mls.note_schedule(caller regrole, source text, process text, schedule text) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
DELETE FROM mls.schedule s
 WHERE s.source = $2 AND s.process = coalesce($3, s.process) AND pg_has_role(caller, s.role, 'USAGE');
INSERT INTO mls.schedule (source, process, role, schedule) SELECT $2, $3, caller, $4 WHERE $4 IS NOT NULL;
$$;
COMMENT ON FUNCTION mls.note_schedule(regrole, text, text, text) IS 'notes when a process of a source is scheduled by a caller; NULL not at all, and no process all';
CREATE FUNCTION mls.note_schedule(source text, process text, schedule text) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_schedule(text, text, text) IS 'part of mls_schedule() and mls_unschedule(): the same for who calls it';

-- Old runs are forgotten by a job that each role with a schedule has, and no other.
CREATE FUNCTION mls.settle_pruning() RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    wanted boolean := EXISTS (SELECT FROM mls.schedule s WHERE s.role = current_user::regrole);
    there boolean;
BEGIN
    EXECUTE 'SELECT EXISTS (SELECT FROM cron.job j WHERE j.database = current_database() '
            'AND j.jobname::text = ''mls prune'' AND j.username = current_user)' INTO there;
    IF wanted AND NOT there THEN
        PERFORM mls.add_job('mls prune', '17 3 * * *', 'SELECT * FROM @extschema@.mls_prune()');
    ELSIF there AND NOT wanted THEN
        PERFORM mls.remove_jobs(ARRAY['mls prune']);
    END IF;
END $$;
COMMENT ON FUNCTION mls.settle_pruning() IS 'sees to it that a role with a schedule has a job that prunes, and no other role has';

-- What pg_cron is to run for a process of a source.
CREATE FUNCTION mls.job_command(source text, process text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT format('SELECT * FROM %s.mls_%s(%L%s)', '@extschema@', CASE WHEN process IN ('media', 'publish', 'feed', 'mart', 'test') THEN process || '_sync' ELSE process END, source,
              CASE WHEN process IN ('sync', 'geocode', 'publish') THEN ', due => true' END)
$$;
COMMENT ON FUNCTION mls.job_command(text, text) IS 'the statement of the job of a process of a source';

-- The jobs that arguments of mls_schedule() ask for, by process; a job without a schedule is to be removed.
CREATE FUNCTION mls.asked_jobs(source text, schedules jsonb, OUT name text, OUT process text, OUT schedule text, OUT command text)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT format('mls %s %s', source, p.process), p.process, nullif(btrim(schedules ->> p.process), ''), mls.job_command(source, p.process)
  FROM unnest('{sync,purge,reconcile,geocode,media,publish,feed,mart,test}'::text[]) WITH ORDINALITY AS p (process, place)
 WHERE schedules ->> p.process IS NOT NULL
 ORDER BY p.place;
$$;
COMMENT ON FUNCTION mls.asked_jobs(text, jsonb) IS 'jobs that a call of mls_schedule() asks for';

CREATE FUNCTION mls_schedule(
    source text,
    sync text DEFAULT NULL,
    purge text DEFAULT NULL,
    reconcile text DEFAULT NULL,
    geocode text DEFAULT NULL,
    media text DEFAULT NULL,
    publish text DEFAULT NULL,
    feed text DEFAULT NULL,
    mart text DEFAULT NULL,
    test text DEFAULT NULL,
    preset text DEFAULT NULL,
    OUT process text,
    OUT schedule text,
    OUT next_run timestamptz)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    schedules jsonb := jsonb_build_object('sync', sync, 'purge', purge, 'reconcile', reconcile, 'geocode', geocode, 'media', media, 'publish', publish, 'feed', feed, 'mart', mart, 'test', test);
    asked record;
BEGIN
    PERFORM mls.refuse_standby('mls_schedule()', 'schedule');
    PERFORM mls.follow_renames();
    mls_schedule.source := mls.require_subject(mls_schedule.source, num_nonnulls(sync, purge, reconcile, geocode, media) > 0, publish IS NOT NULL, feed IS NOT NULL, mart IS NOT NULL, test IS NOT NULL);
    IF preset IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM mls.cadence c WHERE c.environment = preset) THEN
            PERFORM mls.refuse('22023', format('there is no preset "%s"', preset), format('Presets: %s.', (SELECT string_agg(DISTINCT c.environment, ', ') FROM mls.cadence c)));
        END IF;
        schedules := (SELECT jsonb_object_agg(s.key, mls.cadence_of(preset, mls_schedule.source, s.key, s.value)) FROM jsonb_each_text(schedules) s);
    END IF;
    IF jsonb_strip_nulls(schedules) = '{}' THEN
        RAISE NOTICE 'nothing is scheduled by this call' USING
            HINT = format('Name a time for a process: mls_schedule(%L, sync => ''*/15 * * * *'').', mls_schedule.source);
    END IF;
    PERFORM mls.require_cron(ARRAY(
        SELECT CASE WHEN a.schedule IS NULL THEN format('SELECT cron.unschedule(%L);', a.name)
                    ELSE format('SELECT cron.schedule_in_database(%L, %L, %L, %L);',
                                a.name, a.schedule, a.command, current_database()) END
          FROM mls.asked_jobs(mls_schedule.source, schedules) a));
    FOR asked IN SELECT * FROM mls.asked_jobs(mls_schedule.source, schedules) LOOP
        PERFORM mls.remove_jobs(ARRAY[asked.name]);
        IF asked.schedule IS NOT NULL THEN
            PERFORM mls.add_job(asked.name, asked.schedule, asked.command);
        END IF;
        PERFORM mls.note_schedule(mls_schedule.source, asked.process, asked.schedule);
    END LOOP;
    PERFORM mls.settle_pruning();
    RETURN QUERY
        SELECT s.process, s.schedule, mls.cron_next(s.schedule, now())
          FROM mls.schedule s
         WHERE s.source = mls_schedule.source
         ORDER BY array_position('{sync,purge,reconcile,geocode,media,publish,feed,mart,test}', s.process);
END $$;
COMMENT ON FUNCTION mls_schedule(text, text, text, text, text, text, text, text, text, text, text)
    IS 'run the processes of a source by pg_cron, or publish to a destination, write a feed, fill a mart or run a test suite: a cron expression each, NULL to leave it as it is, an empty text to remove it; preset takes the others from mls.cadence: dev, staging or prod; returns the schedule of the source';

CREATE FUNCTION mls_unschedule(source text) RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    names text[];
    removed integer;
BEGIN
    PERFORM mls.refuse_standby('mls_unschedule()', 'unschedule');
    PERFORM mls.follow_renames();
    mls_unschedule.source := mls.find_source(source, ARRAY(SELECT s.source FROM mls.schedule s));
    names := ARRAY(SELECT format('mls %s %s', source, p) FROM unnest('{sync,purge,reconcile,geocode,media,publish,feed,mart,test}'::text[]) p);
    PERFORM mls.require_cron(ARRAY(SELECT format('SELECT cron.unschedule(%L);', n) FROM unnest(names) n));
    removed := mls.remove_jobs(names);
    PERFORM mls.note_schedule(mls_unschedule.source, NULL, NULL);
    PERFORM mls.settle_pruning();
    IF removed = 0 THEN
        RAISE NOTICE 'nothing of source "%" was scheduled', mls_unschedule.source USING
            HINT = coalesce('Scheduled: ' || (SELECT string_agg(format('%s of "%s"', s.process, s.source), ', '
                                                                ORDER BY s.source, s.process) FROM mls.schedule s) || '.',
                            'Nothing is scheduled at all.');
    END IF;
    RETURN removed;
END $$;
COMMENT ON FUNCTION mls_unschedule(text)
    IS 'remove the jobs of a source from pg_cron; returns how many there were';

-- ---- Pruning ----

CREATE FUNCTION mls.kept_since(setting text) RETURNS timestamptz
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    -- Any function in C loads the library, and with it the settings.
    PERFORM mls.try_bigint('0');
    RETURN now() - nullif(current_setting('mls_fdw.' || setting)::interval, interval '0');
END $$;
COMMENT ON FUNCTION mls.kept_since(text) IS 'the instant a retention setting reaches back to; NULL if it keeps for ever';

-- A run stays as long as something is known by it: the last of each process, and
-- the last that succeeded.
CREATE FUNCTION mls.forget(caller regrole, what text, since timestamptz) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    own bigint[] := ARRAY(SELECT s.id FROM mls.subscription s WHERE pg_has_role(caller, s.owner, 'USAGE'));
    removed bigint := 0;
    more bigint;
BEGIN
    IF what = 'runs' THEN
        DELETE FROM mls.run r
         WHERE r.subscription = ANY (own) AND r.started_at < since AND r.status <> 'running'
           AND EXISTS (SELECT FROM mls.run l
                        WHERE l.subscription = r.subscription AND l.process = r.process AND l.id > r.id)
           AND (r.status <> 'finished'
                OR EXISTS (SELECT FROM mls.run l
                            WHERE l.subscription = r.subscription AND l.process = r.process AND l.id > r.id
                              AND l.status = 'finished'));
        GET DIAGNOSTICS removed = ROW_COUNT;
        DELETE FROM mls.run r
         WHERE r.subscription IS NULL AND pg_has_role(caller, r.owner, 'USAGE') AND r.started_at < since AND r.status <> 'running'
           AND EXISTS (SELECT FROM mls.run l
                        WHERE l.subscription IS NULL AND l.subject = r.subject AND l.publication IS NOT DISTINCT FROM r.publication AND l.process = r.process AND l.id > r.id
                          AND (r.status <> 'finished' OR l.status = 'finished'));
        GET DIAGNOSTICS more = ROW_COUNT;
        removed := removed + more;
    ELSIF what = 'changes' THEN
        DELETE FROM mls.change c WHERE pg_has_role(caller, c.owner, 'USAGE') AND c.at < since;
        GET DIAGNOSTICS removed = ROW_COUNT;
    ELSIF what = 'issues' THEN
        DELETE FROM mls.issue i WHERE i.subscription = ANY (own) AND i.solved_at < since;
        GET DIAGNOSTICS removed = ROW_COUNT;
    ELSIF what = 'answers' THEN
        DELETE FROM mls.geocode_cache c WHERE pg_has_role(caller, c.owner, 'USAGE') AND c.expires_at <= since;
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END $$;
COMMENT ON FUNCTION mls.forget(regrole, text, timestamptz)
    IS 'deletes runs, changes or solved issues of before an instant, or answers of geocoders that expired before it, of subscriptions whose owner''s privileges a caller has; returns how many';
CREATE FUNCTION mls.forget(what text, since timestamptz) RETURNS bigint
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.forget(text, timestamptz) IS 'part of mls_prune(): the same for who calls it';

CREATE FUNCTION mls_prune(OUT what text, OUT removed bigint)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    runs_since timestamptz := mls.kept_since('run_retention');
    changes_since timestamptz := mls.kept_since('change_retention');
    issues_since timestamptz := mls.kept_since('issue_retention');
    history_since timestamptz := mls.kept_since('history_retention');
    history regclass;
    owner regrole;
BEGIN
    PERFORM mls.refuse_standby('mls_prune()', 'prune');
    what := 'runs';
    removed := mls.forget(what, runs_since);
    RETURN NEXT;
    what := 'changes';
    removed := mls.forget(what, changes_since);
    RETURN NEXT;
    what := 'issues';
    removed := mls.forget(what, issues_since);
    RETURN NEXT;
    -- What sources have brought of it is theirs.
    what := 'history';
    removed := 0;
    history := mls.gold_table('HistoryTransactional');
    owner := (SELECT c.relowner FROM pg_class c WHERE c.oid = history);
    IF history_since IS NOT NULL AND pg_has_role(owner, 'USAGE') THEN
        removed := (SELECT n::bigint FROM mls.as_role(owner, format(
            'WITH old AS (DELETE FROM %s WHERE mls_origin = ''mls_serve_history'' AND "ModificationTimestamp" < $1::pg_catalog.timestamptz RETURNING 1) '
            'SELECT pg_catalog.to_jsonb(pg_catalog.count(*)) FROM old', history), history_since::text) n);
    END IF;
    RETURN NEXT;
    what := 'answers';
    removed := mls.forget(what, now());
    RETURN NEXT;
    what := 'details of jobs';
    removed := 0;
    -- pg_cron lets a role see and delete its own.  A job that was rescheduled has another number.
    IF mls.has_cron() THEN
        IF has_schema_privilege('cron', 'USAGE') THEN
            EXECUTE 'DELETE FROM cron.job_run_details d WHERE d.database = current_database() '
                    'AND d.command LIKE $1 AND coalesce(d.end_time, d.start_time) < $2'
              USING 'SELECT * FROM @extschema@.mls\_%', runs_since;
            GET DIAGNOSTICS removed = ROW_COUNT;
        END IF;
    END IF;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION mls_prune()
    IS 'forget answers of geocoders whose time is over, and runs, changes, solved issues and history that are older than mls_fdw.run_retention, change_retention, issue_retention and history_retention; mls_schedule() has it run daily';

REVOKE ALL ON FUNCTION mls_schedule(text, text, text, text, text, text, text, text, text, text, text), mls_unschedule(text), mls_prune(), mls.note_schedule(regrole, text, text, text), mls.note_schedule(text, text, text),
    mls.forget(regrole, text, timestamptz), mls.forget(text, timestamptz),
    mls.cron_database(), mls.cron_timezone(), mls.has_cron(), mls.cron_field(text, integer, integer, text[]),
    mls.cron_next(text, timestamptz, text), mls.find_source(text, text[]), mls.require_source(text), mls.require_cron(text[]),
    mls.cron_meant(text), mls.remove_jobs(text[]), mls.add_job(text, text, text), mls.settle_pruning(),
    mls.job_command(text, text), mls.asked_jobs(text, jsonb), mls.require_subject(text, boolean, boolean, boolean, boolean, boolean), mls.kept_since(text) FROM PUBLIC;
-- A role sees its own jobs only, a superuser all; of others nothing can be told.
CREATE FUNCTION mls.lost_jobs() RETURNS SETOF text
    LANGUAGE plpgsql STABLE ROWS 1
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    names constant text := 'SELECT format(''mls %s %s'', s.source, s.process) FROM mls.schedule s ';
BEGIN
    IF NOT mls.has_cron() THEN
        RETURN QUERY EXECUTE names;
    ELSIF has_schema_privilege('cron', 'USAGE') THEN
        RETURN QUERY EXECUTE names ||
            'WHERE (s.role = current_user::regrole OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) '
            'AND NOT EXISTS (SELECT FROM cron.job j WHERE j.active AND j.database = current_database() '
            'AND j.username::text = pg_get_userbyid(s.role) '
            'AND j.jobname::text = format(''mls %s %s'', s.source, s.process))';
    END IF;
END $$;
COMMENT ON FUNCTION mls.lost_jobs() IS 'jobs that mls_schedule() made and pg_cron does not have any more, or switched off';
REVOKE ALL ON FUNCTION mls.lost_jobs() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION mls.cron_timezone(), mls.cron_field(text, integer, integer, text[]),
    mls.cron_next(text, timestamptz, text), mls.has_cron(), mls.lost_jobs() TO pg_monitor;
