-- What became of it: for people, dashboards and monitors.

CREATE FUNCTION mls_quota(
    source text, OUT "window" text, OUT used bigint, OUT allowed float8, OUT share float8)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT ROWS 5;
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

CREATE VIEW mls_status WITH (security_invoker = true) AS
SELECT s.source,
       s.resource,
       s.foreign_table,
       CASE WHEN working.pid IS NOT NULL THEN 'syncing'
            WHEN last.status = 'finished' THEN 'synced'
            WHEN last.status IS NOT NULL THEN 'failed'
            WHEN job.schedule IS NOT NULL THEN 'pending'
            ELSE 'not_synced'
       END AS state,
       s.local_rows AS rows,
       s.remote_rows,
       s.remote_counted_at AS counted_at,
       coalesce(nullif(pg_catalog.pg_stat_get_live_tuples(s.bronze), 0),
                greatest(bronze.reltuples, 0)::bigint) AS bronze_rows,
       coalesce(fed.cursor_at, s.cursor_at) AS newest,
       pg_catalog.now() - coalesce(fed.cursor_at, s.cursor_at) AS lag,
       last.started_at AS last_run,
       success.finished_at AS last_success,
       job.schedule,
       job.next_run,
       quota.share AS quota_used,
       CASE WHEN working.pid IS NULL AND last.status = 'running'
            THEN 'the process or the server ended during the run'
            ELSE last.message
       END AS last_error,
       coalesce(fed.error_class, s.error_class) AS error_class,
       coalesce(fed.failures, s.failures) AS failures,
       coalesce(fed.next_attempt_at, s.next_attempt_at) AS next_attempt_at,
       (SELECT pg_catalog.count(*) FROM mls.issue i WHERE i.subscription = s.id) AS issues,
       feeder.expansion AS fed_by
  FROM mls.subscription s
  CROSS JOIN LATERAL mls.feeder(s.id) feeder
  LEFT JOIN mls.subscription fed ON fed.id = feeder.subscription
  LEFT JOIN pg_catalog.pg_class bronze ON bronze.oid = s.bronze
  LEFT JOIN mls.working working ON working.subscription = coalesce(fed.id, s.id)
  LEFT JOIN LATERAL (SELECT r.status, r.started_at, r.message
                       FROM mls.run r
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
                      WHERE f.srvname = s.source AND q."window" <> 'second') quota ON true;
COMMENT ON VIEW mls_status IS 'each subscription: how close the copy is, and what happened last';
COMMENT ON COLUMN mls_status.source IS 'name of the foreign server';
COMMENT ON COLUMN mls_status.resource IS 'resource at the source';
COMMENT ON COLUMN mls_status.foreign_table IS 'the foreign table that is replicated';
COMMENT ON COLUMN mls_status.state IS 'not_synced (no run yet), pending (no run yet, but scheduled), syncing, synced or failed';
COMMENT ON COLUMN mls_status.rows IS 'rows in silver, counted as they are written; purges and mls_count() correct what others changed there';
COMMENT ON COLUMN mls_status.remote_rows IS 'records the source had when it was counted last: by the first load, a purge, a reconcile or mls_count()';
COMMENT ON COLUMN mls_status.counted_at IS 'when that was';
COMMENT ON COLUMN mls_status.bronze_rows IS 'rows in bronze, those of removed records included, as the statistics of the server estimate them';
COMMENT ON COLUMN mls_status.newest IS 'modification timestamp up to which the copy is complete';
COMMENT ON COLUMN mls_status.lag IS 'how long ago that was';
COMMENT ON COLUMN mls_status.last_run IS 'when the last sync began';
COMMENT ON COLUMN mls_status.last_success IS 'when the last successful sync ended';
COMMENT ON COLUMN mls_status.schedule IS 'when pg_cron syncs it, as a cron expression; see mls_schedule()';
COMMENT ON COLUMN mls_status.next_run IS 'when that is next; NULL if the expression has other than five fields';
COMMENT ON COLUMN mls_status.quota_used IS 'share of the source''s quota per minute, hour or day that is spent, the largest of them; 1 is all';
COMMENT ON COLUMN mls_status.last_error IS 'why the last sync failed, if it did';
COMMENT ON COLUMN mls_status.error_class IS 'what it failed of: credentials, quota, network, protocol, data or ours';
COMMENT ON COLUMN mls_status.failures IS 'syncs that failed since the last one that ended well';
COMMENT ON COLUMN mls_status.next_attempt_at IS 'when it is tried again; who names the source, or changes its configuration, has it tried at once';
COMMENT ON COLUMN mls_status.fed_by IS 'where its records come from, if other subscriptions bring them (Property.Media, Member.Media); state, runs and newest are then those of the first';
COMMENT ON COLUMN mls_status.issues IS 'values and records that did not fit; see mls.issue';

CREATE VIEW mls_progress WITH (security_invoker = true) AS
SELECT r.id AS run,
       s.source,
       s.resource,
       r.process,
       r.pid,
       CASE WHEN r.phase IS NOT NULL THEN r.phase
            WHEN r.pages = 0 THEN 'starting'
            WHEN r.process IN ('purge', 'reconcile') THEN 'listing'
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
  JOIN mls.subscription s ON s.id = r.subscription
  JOIN mls.working w ON w.subscription = r.subscription AND w.pid = r.pid
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = r.pid
 CROSS JOIN LATERAL (SELECT pg_catalog.clock_timestamp() - r.started_at AS duration,
                            greatest(extract(epoch FROM pg_catalog.clock_timestamp() - r.started_at),
                                     0.001) AS seconds) t
 WHERE r.status = 'running';
COMMENT ON VIEW mls_progress IS 'runs that are at work, with what they have committed so far';
COMMENT ON COLUMN mls_progress.run IS 'number of the run';
COMMENT ON COLUMN mls_progress.source IS 'name of the foreign server';
COMMENT ON COLUMN mls_progress.resource IS 'resource at the source';
COMMENT ON COLUMN mls_progress.process IS 'which process';
COMMENT ON COLUMN mls_progress.pid IS 'the server process; pg_cancel_backend() ends the run';
COMMENT ON COLUMN mls_progress.phase IS 'starting; receiving (sync); listing keys, then confirming and removing (purge) or fetching (reconcile)';
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
       s.source,
       s.resource,
       r.process,
       r.status,
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
       r.message,
       r.detail,
       r.hint
  FROM mls.run r JOIN mls.subscription s ON s.id = r.subscription;
COMMENT ON VIEW mls_history IS 'all runs, with the names of what they worked on';
COMMENT ON COLUMN mls_history.run IS 'number of the run';
COMMENT ON COLUMN mls_history.source IS 'name of the foreign server';
COMMENT ON COLUMN mls_history.resource IS 'resource at the source';
COMMENT ON COLUMN mls_history.process IS 'sync, purge, reconcile, rebuild or undo';
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

GRANT SELECT ON mls.working, mls_status, mls_progress, mls_history TO pg_monitor;
