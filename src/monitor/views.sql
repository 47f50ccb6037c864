-- What became of it: for people, dashboards and monitors.

CREATE FUNCTION mls_quota(
    source text, OUT "window" text, OUT used bigint, OUT allowed float8, OUT share float8)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT ROWS 5
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_quota(text)
    IS 'limits of a source: what is spent of each in its window that ends now, and the share; no network';
REVOKE ALL ON FUNCTION mls_quota(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls_quota(text) TO pg_monitor;

-- A process that works on a subscription holds its advisory lock.
CREATE VIEW mls.working WITH (security_invoker = true) AS
SELECT s.id AS subscription,
       l.pid
  FROM mls.subscription s
  JOIN pg_catalog.pg_locks l
    ON l.locktype = 'advisory' AND l.granted AND l.mode = 'ExclusiveLock'
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                      WHERE d.datname = pg_catalog.current_database())
   AND l.objsubid = 19788
   AND l.classid::bigint = s.id >> 32
   AND l.objid::bigint = s.id & 4294967295;
COMMENT ON VIEW mls.working IS 'subscriptions a process is working on';
COMMENT ON COLUMN mls.working.subscription IS 'number of the subscription';
COMMENT ON COLUMN mls.working.pid IS 'the process';

-- The processes geocode and media run beside these, each under a lock of its own.
CREATE VIEW mls.working_beside WITH (security_invoker = true) AS
SELECT s.id AS subscription,
       l.pid
  FROM mls.subscription s
  JOIN pg_catalog.pg_locks l
    ON l.locktype = 'advisory' AND l.granted AND l.mode = 'ExclusiveLock'
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                      WHERE d.datname = pg_catalog.current_database())
   AND l.objsubid IN (19793, 19794)
   AND l.classid::bigint = s.id >> 32
   AND l.objid::bigint = s.id & 4294967295;
COMMENT ON VIEW mls.working_beside IS 'subscriptions that are being geocoded, or whose files are being fetched';
COMMENT ON COLUMN mls.working_beside.subscription IS 'number of the subscription';
COMMENT ON COLUMN mls.working_beside.pid IS 'the process';

-- A run gives its lock back after its end is committed.  So the locks are looked at first and
-- the rows then, by a snapshot of their own: in one snapshot a run that ends meanwhile would
-- seem to be at work without a process.  A standby does not see the locks of the primary.
CREATE FUNCTION mls.lost_runs() RETURNS SETOF bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    silent bigint[];
BEGIN
    IF pg_is_in_recovery() THEN
        RETURN;
    END IF;
    silent := ARRAY(SELECT r.id FROM mls.run r
                     WHERE r.status = 'running'
                       AND CASE WHEN r.subscription IS NULL
                                THEN r.pid NOT IN (SELECT l.pid FROM pg_locks l
                                                    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid IN (19797, 19798, 19799, 19820))
                                ELSE (r.subscription, r.pid) NOT IN (SELECT w.subscription, w.pid FROM mls.working w
                                                                      UNION ALL SELECT w.subscription, w.pid FROM mls.working_beside w) END);
    RETURN QUERY SELECT r.id FROM mls.run r WHERE r.id = ANY (silent) AND r.status = 'running';
END $$;
COMMENT ON FUNCTION mls.lost_runs() IS 'runs that began and did not end, and whose process is no more: the next run of their subscription notes that they crashed';
REVOKE ALL ON FUNCTION mls.lost_runs() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls.lost_runs() TO pg_monitor;

CREATE FUNCTION mls.refresh_within(source text) RETURNS interval
    AS 'MODULE_PATHNAME', 'mls_refresh_within' LANGUAGE C STABLE STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.refresh_within(text) IS 'how old the last success of a source may be by its licence; NULL if there is no such rule';
REVOKE ALL ON FUNCTION mls.refresh_within(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls.refresh_within(text) TO pg_monitor;

CREATE FUNCTION mls.with_rows(parent oid, OUT relation oid) RETURNS SETOF oid
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT parent WHERE NOT EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = parent)
 UNION ALL
SELECT t.relid FROM pg_partition_tree(parent::regclass) t WHERE t.isleaf AND t.relid <> parent;
$$;
COMMENT ON FUNCTION mls.with_rows(oid) IS 'the tables in which the rows of a table are: itself, or its partitions';
REVOKE ALL ON FUNCTION mls.with_rows(oid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls.with_rows(oid) TO pg_monitor;

CREATE VIEW mls_status_detail WITH (security_invoker = true) AS
SELECT s.source,
       s.resource,
       s.foreign_table,
       CASE WHEN working.pid IS NOT NULL OR last.status = 'running' THEN 'syncing'
            WHEN last.status = 'finished' THEN 'synced'
            WHEN last.status IS NOT NULL THEN 'failed'
            WHEN job.schedule IS NOT NULL THEN 'pending'
            ELSE 'not_synced'
       END AS state,
       s.local_rows AS rows,
       s.remote_rows,
       s.remote_counted_at AS counted_at,
       bronze.rows AS bronze_rows,
       coalesce(fed.cursor_at, s.cursor_at) AS newest,
       pg_catalog.now() - coalesce(fed.cursor_at, s.cursor_at) AS lag,
       last.started_at AS last_run,
       success.finished_at AS last_success,
       job.schedule,
       job.next_run,
       quota.share AS quota_used,
       last.message || coalesce(': ' || last.detail, '') AS last_error,
       coalesce(last.detail, last.message) AS cause,
       coalesce(fed.error_class, s.error_class) AS error_class,
       coalesce(fed.failures, s.failures) AS failures,
       coalesce(fed.next_attempt_at, s.next_attempt_at) AS next_attempt_at,
       (SELECT pg_catalog.count(*) FROM mls.issue i
         WHERE i.subscription = s.id AND i.solved_at IS NULL) AS issues,
       feeder.expansion AS fed_by,
       coalesce(success.finished_at, s.subscribed_at) + mls.refresh_within(s.source) AS refresh_by,
       last.note
  FROM mls.subscription s
  CROSS JOIN LATERAL mls.feeder(s.id) feeder
  LEFT JOIN mls.subscription fed ON fed.id = feeder.subscription
 CROSS JOIN LATERAL (
       SELECT pg_catalog.sum(coalesce(nullif(pg_catalog.pg_stat_get_live_tuples(c.oid), 0), greatest(c.reltuples, 0)::bigint))::bigint AS rows
         FROM mls.with_rows(s.bronze) w JOIN pg_catalog.pg_class c ON c.oid = w.relation) bronze
  LEFT JOIN mls.working working ON working.subscription = coalesce(fed.id, s.id)
  LEFT JOIN LATERAL (SELECT CASE WHEN lost.ended THEN 'crashed' ELSE r.status END AS status, r.started_at,
                            CASE WHEN lost.ended THEN 'the process or the server ended during the run' ELSE r.message END AS message,
                            r.detail, r.note
                       FROM mls.run r
                      CROSS JOIN LATERAL (SELECT r.status = 'running' AND r.id IN (SELECT mls.lost_runs())) AS lost (ended)
                      WHERE r.subscription = coalesce(fed.id, s.id) AND r.process = 'sync'
                      ORDER BY r.id DESC LIMIT 1) last ON true
  LEFT JOIN LATERAL (SELECT r.finished_at
                       FROM mls.run r
                      WHERE r.subscription = coalesce(fed.id, s.id) AND r.process = 'sync'
                        AND r.status = 'finished'
                      ORDER BY r.id DESC LIMIT 1) success ON true
  LEFT JOIN LATERAL (SELECT j.schedule, j.scheduled_at,
                            mls.cron_next(j.schedule, pg_catalog.now()) AS next_run
                       FROM mls.schedule j
                      WHERE j.source = s.source AND j.process = 'sync'
                        AND pg_catalog.pg_has_role(j.role, s.owner, 'USAGE')
                      ORDER BY next_run LIMIT 1) job ON true
  LEFT JOIN LATERAL (SELECT pg_catalog.max(q.share) AS share
                       FROM pg_catalog.pg_foreign_server f,
                            LATERAL mls_quota(f.srvname) q
                      WHERE f.srvname = s.source AND q."window" <> 'second' AND q."window" NOT LIKE 'media%') quota ON true;
COMMENT ON VIEW mls_status_detail IS 'each subscription: how close the copy is, and what happened last; all there is to know, in wide rows';
COMMENT ON COLUMN mls_status_detail.source IS 'name of the foreign server';
COMMENT ON COLUMN mls_status_detail.resource IS 'resource at the source';
COMMENT ON COLUMN mls_status_detail.foreign_table IS 'the foreign table that is replicated';
COMMENT ON COLUMN mls_status_detail.state IS 'not_synced (no run yet), pending (no run yet, but scheduled), syncing, synced or failed';
COMMENT ON COLUMN mls_status_detail.rows IS 'rows in silver, counted as they are written; purges and mls_count() correct what others changed there';
COMMENT ON COLUMN mls_status_detail.remote_rows IS 'records the source had when it was counted last: by the first load, a purge, a reconcile or mls_count()';
COMMENT ON COLUMN mls_status_detail.counted_at IS 'when that was';
COMMENT ON COLUMN mls_status_detail.bronze_rows IS 'rows in bronze, those of removed records included, as the statistics of the server estimate them';
COMMENT ON COLUMN mls_status_detail.newest IS 'modification timestamp up to which the copy is complete';
COMMENT ON COLUMN mls_status_detail.lag IS 'how long ago that was';
COMMENT ON COLUMN mls_status_detail.last_run IS 'when the last sync began';
COMMENT ON COLUMN mls_status_detail.last_success IS 'when the last successful sync ended';
COMMENT ON COLUMN mls_status_detail.schedule IS 'when pg_cron syncs it, as a cron expression; see mls_schedule()';
COMMENT ON COLUMN mls_status_detail.next_run IS 'when that is next; NULL if the expression has other than five fields';
COMMENT ON COLUMN mls_status_detail.quota_used IS 'share of the source''s quota per minute, hour or day that is spent, the largest of them; 1 is all';
COMMENT ON COLUMN mls_status_detail.last_error IS 'why the last sync failed, if it did: what it could not do, and the cause';
COMMENT ON COLUMN mls_status_detail.cause IS 'the cause alone, if one is known';
COMMENT ON COLUMN mls_status_detail.error_class IS 'what it failed of: credentials, quota, network, protocol, data or ours';
COMMENT ON COLUMN mls_status_detail.failures IS 'syncs that failed since the last one that ended well';
COMMENT ON COLUMN mls_status_detail.next_attempt_at IS 'when it is tried again; who names the source, or changes its configuration, has it tried at once';
COMMENT ON COLUMN mls_status_detail.fed_by IS 'where its records come from, if other subscriptions bring them (Property.Media, Member.Media); state, runs and newest are then those of the first';
COMMENT ON COLUMN mls_status_detail.issues IS 'open issues: values and records that did not fit, and what has changed at the source; see mls.issue';
COMMENT ON COLUMN mls_status_detail.note IS 'what was remarkable about the last sync: records that were not stored, files that no table reads, files that wait';
COMMENT ON COLUMN mls_status_detail.refresh_by IS 'when the next sync must have ended well, by the server option refresh_within; NULL without it';

-- An interval to be read: nobody wants the seconds of a day.
CREATE FUNCTION mls.rounded(duration interval) RETURNS interval
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT date_trunc(CASE WHEN greatest(duration, -duration) < '1 hour' THEN 'second'
                       WHEN greatest(duration, -duration) < '1 day' THEN 'minute'
                       ELSE 'hour' END, duration);
$$;
COMMENT ON FUNCTION mls.rounded(interval) IS 'an interval without the digits that nobody reads';

-- A text in one line, cut where a table on a screen has to end.
CREATE FUNCTION mls.shortened(words text, length integer) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN char_length(line) > length THEN left(line, length - 3) || '...' ELSE line END
  FROM (SELECT regexp_replace(words, '\s+', ' ', 'g') AS line) l;
$$;
COMMENT ON FUNCTION mls.shortened(text, integer) IS 'a text in one line, cut to a length';
REVOKE ALL ON FUNCTION mls.rounded(interval), mls.shortened(text, integer) FROM PUBLIC;

CREATE VIEW mls_status WITH (security_invoker = true) AS
SELECT t.source,
       t.resource,
       t.state,
       t.rows,
       t.remote_rows AS remote,
       mls.rounded(pg_catalog.now() - t.last_success) AS asked_ago,
       mls.rounded(t.next_run - pg_catalog.now()) AS next_in,
       mls.shortened(t.cause, 40) AS error
  FROM mls_status_detail t
 ORDER BY t.source, t.resource;
COMMENT ON VIEW mls_status IS 'each subscription at a glance, in 120 columns; mls_status_detail has all';
COMMENT ON COLUMN mls_status.source IS 'name of the foreign server';
COMMENT ON COLUMN mls_status.resource IS 'resource at the source';
COMMENT ON COLUMN mls_status.state IS 'not_synced (no run yet), pending (no run yet, but scheduled), syncing, synced or failed';
COMMENT ON COLUMN mls_status.rows IS 'rows in silver';
COMMENT ON COLUMN mls_status.remote IS 'records the source had when it was counted last';
COMMENT ON COLUMN mls_status.asked_ago IS 'how long ago the last successful sync ended';
COMMENT ON COLUMN mls_status.next_in IS 'how soon pg_cron syncs it next';
COMMENT ON COLUMN mls_status.error IS 'cause of the failure of the last sync, if it failed, cut to fit; last_error of mls_status_detail has all of it';

CREATE VIEW mls_progress WITH (security_invoker = true) AS
SELECT r.id AS run,
       coalesce(s.source, p.destination) AS source,
       coalesce(s.resource, p.name, r.subject) AS resource,
       r.process,
       r.pid,
       CASE WHEN r.phase IS NOT NULL THEN r.phase
            WHEN r.pages = 0 AND r.process <> 'geocode' THEN 'starting'
            WHEN r.process IN ('purge', 'reconcile') THEN 'listing'
            WHEN r.process = 'geocode' THEN 'asking'
            ELSE 'receiving'
       END AS phase,
       CASE a.wait_event_type WHEN 'Extension' THEN 'source' WHEN 'Lock' THEN 'lock' END AS waiting_for,
       t.duration,
       r.pages,
       r.received,
       nullif(r.expected, 0) AS expected,
       r.bytes,
       r.requests,
       r.received / t.seconds AS records_per_second,
       CASE WHEN r.phase IS NULL AND r.received > 0 AND r.expected > 0
            THEN r.started_at + t.duration * (greatest(r.expected, r.received)::float8 / r.received)
       END AS estimated_end
  FROM mls.run r
  LEFT JOIN mls.subscription s ON s.id = r.subscription
  LEFT JOIN mls.publication p ON p.id = r.publication
  LEFT JOIN (SELECT * FROM mls.working UNION ALL SELECT * FROM mls.working_beside) w
    ON w.subscription = r.subscription AND w.pid = r.pid
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = r.pid
 CROSS JOIN LATERAL (SELECT pg_catalog.clock_timestamp() - r.started_at AS duration,
                            greatest(extract(epoch FROM pg_catalog.clock_timestamp() - r.started_at),
                                     0.001) AS seconds) t
 WHERE r.status = 'running'
   AND CASE WHEN r.subscription IS NULL THEN a.backend_start = r.backend_start ELSE w.pid IS NOT NULL END;
COMMENT ON VIEW mls_progress IS 'runs that are at work, with what they have committed so far';
COMMENT ON COLUMN mls_progress.run IS 'number of the run';
COMMENT ON COLUMN mls_progress.source IS 'name of the foreign server, source or destination; NULL for a feed, a mart or a test suite';
COMMENT ON COLUMN mls_progress.resource IS 'resource at the source, or table at the destination, or name of a feed, a mart or a test suite';
COMMENT ON COLUMN mls_progress.process IS 'which process';
COMMENT ON COLUMN mls_progress.pid IS 'the server process; pg_cancel_backend() ends the run';
COMMENT ON COLUMN mls_progress.phase IS 'starting; receiving (sync); listing keys, then confirming and removing (purge) or fetching (reconcile); comparing, fetching and removing (media); writing, checking and publishing (feed); computing (mart); testing (test); loading and following (publish)';
COMMENT ON COLUMN mls_progress.waiting_for IS 'source or lock; NULL while it works';
COMMENT ON COLUMN mls_progress.duration IS 'how long it has been running';
COMMENT ON COLUMN mls_progress.pages IS 'pages committed';
COMMENT ON COLUMN mls_progress.received IS 'records received; of a purge or a reconcile, keys listed';
COMMENT ON COLUMN mls_progress.expected IS 'how many the source announced for this run; NULL if it did not';
COMMENT ON COLUMN mls_progress.bytes IS 'bytes received after decompression';
COMMENT ON COLUMN mls_progress.requests IS 'requests sent';
COMMENT ON COLUMN mls_progress.records_per_second IS 'records received per second since it started';
COMMENT ON COLUMN mls_progress.estimated_end IS 'when all that was announced will be received at this rate; of a purge or a reconcile, when all keys are listed';

CREATE VIEW mls_history WITH (security_invoker = true) AS
SELECT r.id AS run,
       coalesce(s.source, p.destination) AS source,
       coalesce(s.resource, p.name, r.subject) AS resource,
       r.process,
       CASE WHEN lost.ended THEN 'crashed' ELSE r.status END AS status,
       r.started_at,
       coalesce(r.finished_at, pg_catalog.clock_timestamp()) - r.started_at AS duration,
       r.received,
       r.inserted,
       r.updated,
       r.unchanged,
       r.deleted,
       r.bad_values,
       r.pages,
       r.requests,
       r.bytes,
       r.note,
       r.error_class,
       CASE WHEN lost.ended THEN 'the process or the server ended during the run' ELSE r.message END AS message,
       r.detail,
       r.hint
  FROM mls.run r
  LEFT JOIN mls.subscription s ON s.id = r.subscription
  LEFT JOIN mls.publication p ON p.id = r.publication
 CROSS JOIN LATERAL (SELECT r.status = 'running' AND r.id IN (SELECT mls.lost_runs())) AS lost (ended)
 WHERE s.id IS NOT NULL OR r.subscription IS NULL;
COMMENT ON VIEW mls_history IS 'all runs, with the names of what they worked on';
COMMENT ON COLUMN mls_history.run IS 'number of the run';
COMMENT ON COLUMN mls_history.source IS 'name of the foreign server, source or destination; NULL for a feed, a mart or a test suite';
COMMENT ON COLUMN mls_history.resource IS 'resource at the source, or table at the destination, or name of a feed, a mart or a test suite';
COMMENT ON COLUMN mls_history.process IS 'sync, purge, reconcile, remap, geocode, media, feed, publish, mart, test, rebuild or undo';
COMMENT ON COLUMN mls_history.status IS 'running, finished, failed (with an error), cancelled (by a user) or crashed (the process or the server ended)';
COMMENT ON COLUMN mls_history.started_at IS 'when it began';
COMMENT ON COLUMN mls_history.duration IS 'how long it took, or has taken so far';
COMMENT ON COLUMN mls_history.received IS 'records received';
COMMENT ON COLUMN mls_history.inserted IS 'records that were new';
COMMENT ON COLUMN mls_history.updated IS 'records that had changed';
COMMENT ON COLUMN mls_history.unchanged IS 'records already here, or here in a newer version';
COMMENT ON COLUMN mls_history.deleted IS 'records the source has marked as removed';
COMMENT ON COLUMN mls_history.bad_values IS 'values and records that did not fit; see mls.issue';
COMMENT ON COLUMN mls_history.pages IS 'pages committed';
COMMENT ON COLUMN mls_history.requests IS 'requests sent, retries and logins included';
COMMENT ON COLUMN mls_history.bytes IS 'bytes received after decompression';
COMMENT ON COLUMN mls_history.note IS 'what was remarkable, such as an order the source did not keep';
COMMENT ON COLUMN mls_history.error_class IS 'what it failed of: credentials, quota, network, protocol, data or ours';
COMMENT ON COLUMN mls_history.message IS 'message of the error that ended it';
COMMENT ON COLUMN mls_history.detail IS 'detail of that error';
COMMENT ON COLUMN mls_history.hint IS 'hint of that error';

-- ---- Schedules ----

-- What is kept in step elsewhere, with the last run of each.
CREATE VIEW mls.outlet WITH (security_invoker = true) AS
SELECT 'publish' AS process, p.destination AS source, p.owner, p.next_attempt_at, r.id AS run, r.started_at, r.finished_at, r.status
  FROM mls.publication p
  LEFT JOIN LATERAL (SELECT r.id, r.started_at, r.finished_at, r.status FROM mls.run r WHERE r.publication = p.id ORDER BY r.id DESC LIMIT 1) r ON true
UNION ALL
SELECT 'feed', f.name, f.owner, NULL, r.id, r.started_at, r.finished_at, r.status
  FROM mls.feed f
  LEFT JOIN LATERAL (SELECT r.id, r.started_at, r.finished_at, r.status FROM mls.run r
                      WHERE r.subscription IS NULL AND r.publication IS NULL AND r.process = 'feed' AND r.subject = f.name ORDER BY r.id DESC LIMIT 1) r ON true
UNION ALL
SELECT 'mart', m.name, m.owner, NULL, r.id, r.started_at, r.finished_at, r.status
  FROM mls.mart m
  LEFT JOIN LATERAL (SELECT r.id, r.started_at, r.finished_at, r.status FROM mls.run r
                      WHERE r.subscription IS NULL AND r.publication IS NULL AND r.process = 'mart' AND r.subject = m.name ORDER BY r.id DESC LIMIT 1) r ON true
UNION ALL
SELECT 'test', s.name, s.owner, NULL, r.id, r.started_at, r.finished_at, r.status
  FROM mls.test_suite s
  LEFT JOIN LATERAL (SELECT r.id, r.started_at, r.finished_at, r.status FROM mls.run r
                      WHERE r.subscription IS NULL AND r.publication IS NULL AND r.process = 'test' AND r.subject = s.name ORDER BY r.id DESC LIMIT 1) r ON true;
COMMENT ON VIEW mls.outlet IS 'publications, feeds, marts and test suites, as schedules see them';
COMMENT ON COLUMN mls.outlet.process IS 'publish, feed, mart or test';
COMMENT ON COLUMN mls.outlet.source IS 'the destination, or the name of the feed, the mart or the suite';
COMMENT ON COLUMN mls.outlet.owner IS 'role whose it is';
COMMENT ON COLUMN mls.outlet.next_attempt_at IS 'until when it is left alone after failures';
COMMENT ON COLUMN mls.outlet.run IS 'its last run';
COMMENT ON COLUMN mls.outlet.started_at IS 'when that began';
COMMENT ON COLUMN mls.outlet.finished_at IS 'when it ended';
COMMENT ON COLUMN mls.outlet.status IS 'what became of it';

CREATE VIEW mls_schedules WITH (security_invoker = true) AS
SELECT j.source,
       j.process,
       j.schedule,
       mls.cron_next(j.schedule, pg_catalog.now()) AS next_run,
       last.started_at AS last_run,
       last.status AS last_status,
       j.role
  FROM mls.schedule j
  LEFT JOIN LATERAL (SELECT l.started_at, l.status
                       FROM (SELECT r.id, r.started_at, r.status
                               FROM mls.subscription s
                              CROSS JOIN LATERAL (SELECT r.id, r.started_at, r.status
                                                    FROM mls.run r
                                                   WHERE r.subscription = s.id AND r.process = j.process
                                                   ORDER BY r.id DESC LIMIT 1) r
                              WHERE s.source = j.source AND pg_catalog.pg_has_role(j.role, s.owner, 'USAGE')
                              UNION ALL
                             SELECT o.run, o.started_at, o.status FROM mls.outlet o
                              WHERE o.process = j.process AND o.source = j.source AND o.run IS NOT NULL AND pg_catalog.pg_has_role(j.role, o.owner, 'USAGE')) l
                      ORDER BY l.id DESC LIMIT 1) last ON true
 ORDER BY j.source, pg_catalog.array_position('{sync,purge,reconcile,geocode,media,publish,feed,mart,test}'::text[], j.process), j.role::text;
COMMENT ON VIEW mls_schedules IS 'what pg_cron runs of all sources, destinations, feeds, marts and test suites, when it is due next, and how it ended last';
COMMENT ON COLUMN mls_schedules.source IS 'name of the foreign server, source or destination, or of a feed, a mart or a test suite';
COMMENT ON COLUMN mls_schedules.process IS 'sync, purge, reconcile, geocode, media, publish, feed, mart or test';
COMMENT ON COLUMN mls_schedules.schedule IS 'expression as pg_cron understands it';
COMMENT ON COLUMN mls_schedules.next_run IS 'when it is due next; NULL if the expression has other than five fields';
COMMENT ON COLUMN mls_schedules.last_run IS 'when the last run of that process on one of its subscriptions or publications, or of the feed, mart or suite, began, by whomever';
COMMENT ON COLUMN mls_schedules.last_status IS 'what became of that run';
COMMENT ON COLUMN mls_schedules.role IS 'role that scheduled it; the job works on what it has privileges for';

CREATE FUNCTION mls.rests_until(subscription bigint) RETURNS timestamptz
    LANGUAGE c STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_rests_until';
COMMENT ON FUNCTION mls.rests_until(bigint)
    IS 'until when syncs that name no source leave a subscription alone because it was read whole (whole_interval); NULL if they do not';
REVOKE ALL ON FUNCTION mls.rests_until(bigint) FROM PUBLIC;

-- When a process should have followed the last run, but did not: seen from here, without a
-- word from pg_cron, which may be dead.  What others bring has no runs of its own.  What ran
-- later excuses it, for a process waits for another or makes room for it, and so does what
-- lets a sync leave it alone.  Resources of a source are worked on in turn: as long as another
-- one is, and until it has ended, its turn has not come.
-- Publications of a destination are worked on together.
CREATE VIEW mls.due WITH (security_invoker = true) AS
SELECT s.id AS subscription,
       s.source || '.' || s.resource AS name,
       j.process,
       j.schedule,
       d.due_at,
       coalesce(greatest(d.due_at, turn.ended_at), d.due_at) AS waits_since,
       mls.cron_next(j.schedule, greatest(l.since, pg_catalog.pg_postmaster_start_time())) AS due_since_start
  FROM mls.subscription s
 CROSS JOIN LATERAL mls.feeder(s.id) feeder
  JOIN mls.schedule j ON j.source = s.source AND pg_catalog.pg_has_role(j.role, s.owner, 'USAGE')
 CROSS JOIN LATERAL (
       SELECT greatest(j.scheduled_at, s.subscribed_at,
                       CASE WHEN j.process = 'sync' THEN greatest(s.next_attempt_at, mls.rests_until(s.id)) END,
                       (SELECT r.started_at FROM mls.run r
                         WHERE r.subscription = s.id AND r.process = j.process ORDER BY r.id DESC LIMIT 1),
                       (SELECT r.finished_at FROM mls.run r
                         WHERE r.subscription = s.id
                           AND (r.process = j.process OR j.process NOT IN ('geocode', 'media') AND r.process NOT IN ('geocode', 'media'))
                         ORDER BY r.id DESC LIMIT 1)) AS since) l
 CROSS JOIN LATERAL (SELECT mls.cron_next(j.schedule, l.since) AS due_at) d
  LEFT JOIN LATERAL (
       SELECT pg_catalog.max(CASE WHEN last.status = 'running' THEN pg_catalog.now() ELSE last.finished_at END) AS ended_at
         FROM mls.subscription o
        CROSS JOIN LATERAL (SELECT r.status, r.started_at, r.finished_at, r.pid
                              FROM mls.run r
                             WHERE r.subscription = o.id AND r.process = j.process
                             ORDER BY r.id DESC LIMIT 1) last
        WHERE o.source = s.source AND o.id <> s.id AND last.started_at >= d.due_at
          AND (last.status <> 'running'
               OR EXISTS (SELECT FROM mls.working w WHERE w.subscription = o.id AND w.pid = last.pid))) turn
    ON d.due_at < pg_catalog.now()
 WHERE CASE j.process WHEN 'media' THEN EXISTS (SELECT FROM mls.media_rule m WHERE m.subscription = s.id)
            ELSE feeder.subscription IS NULL
                 AND (j.process <> 'geocode' OR EXISTS (SELECT FROM mls.geocode_rule g WHERE g.subscription = s.id)) END
   AND j.process NOT IN ('publish', 'feed', 'mart', 'test')
UNION ALL
SELECT NULL, j.source, j.process, j.schedule, d.due_at, d.due_at,
       mls.cron_next(j.schedule, greatest(l.since, pg_catalog.pg_postmaster_start_time()))
  FROM mls.schedule j
 CROSS JOIN LATERAL (
       SELECT greatest(j.scheduled_at, pg_catalog.max(o.started_at), pg_catalog.max(o.finished_at), pg_catalog.min(coalesce(o.next_attempt_at, '-infinity')),
                       CASE WHEN pg_catalog.bool_or(EXISTS (SELECT FROM mls_progress w WHERE w.run = o.run)) THEN pg_catalog.now() END) AS since
         FROM mls.outlet o
        WHERE o.process = j.process AND o.source = j.source AND pg_catalog.pg_has_role(j.role, o.owner, 'USAGE')
       HAVING pg_catalog.count(*) > 0) l
 CROSS JOIN LATERAL (SELECT mls.cron_next(j.schedule, l.since) AS due_at) d;
COMMENT ON VIEW mls.due IS 'when each scheduled process should have followed the last run';
COMMENT ON COLUMN mls.due.subscription IS 'number of the subscription, if it is one';
COMMENT ON COLUMN mls.due.name IS 'source and resource, or destination, or feed, or mart, or test suite';
COMMENT ON COLUMN mls.due.process IS 'the process';
COMMENT ON COLUMN mls.due.schedule IS 'its schedule';
COMMENT ON COLUMN mls.due.due_at IS 'when it was due next';
COMMENT ON COLUMN mls.due.waits_since IS 'since when nothing keeps it from beginning: other resources of the source may have had their turn first';
COMMENT ON COLUMN mls.due.due_since_start IS 'when it was due next since the server was started';

GRANT EXECUTE ON FUNCTION mls.rests_until(bigint) TO pg_monitor;
GRANT SELECT ON mls.outlet, mls.due, mls_schedules TO pg_monitor;
GRANT EXECUTE ON FUNCTION mls.rounded(interval), mls.shortened(text, integer), mls.counted(bigint, text, text) TO pg_monitor;
GRANT SELECT ON mls.working, mls.working_beside, mls_status, mls_status_detail, mls_progress, mls_history TO pg_monitor;
