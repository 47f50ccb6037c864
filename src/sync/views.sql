-- What became of it: for people, dashboards and monitors.

CREATE VIEW mls_status WITH (security_invoker = true) AS
SELECT s.source,
       s.resource,
       s.foreign_table,
       CASE WHEN syncing.pid IS NOT NULL THEN 'syncing'
            WHEN last.status IS NULL THEN 'not_synced'
            WHEN last.status = 'finished' THEN 'synced'
            ELSE 'failed'
       END AS state,
       coalesce(nullif(pg_catalog.pg_stat_get_live_tuples(s.silver), 0),
                greatest(c.reltuples, 0)::bigint) AS rows,
       s.cursor_at AS newest,
       pg_catalog.now() - s.cursor_at AS lag,
       last.started_at AS last_run,
       success.finished_at AS last_success,
       CASE WHEN syncing.pid IS NULL AND last.status = 'running'
            THEN 'the process or the server ended during the run'
            ELSE last.message
       END AS last_error,
       (SELECT pg_catalog.count(*) FROM mls.issue i WHERE i.subscription = s.id) AS issues
  FROM mls.subscription s
  LEFT JOIN pg_catalog.pg_class c ON c.oid = s.silver
  LEFT JOIN pg_catalog.pg_locks syncing
    ON syncing.locktype = 'advisory' AND syncing.granted
   AND syncing.database = (SELECT d.oid FROM pg_catalog.pg_database d
                            WHERE d.datname = pg_catalog.current_database())
   AND syncing.objsubid = 19788
   AND syncing.classid::bigint = s.id >> 32
   AND syncing.objid::bigint = s.id & 4294967295
  LEFT JOIN LATERAL (SELECT r.status, r.started_at, r.message
                       FROM mls.run r
                      WHERE r.subscription = s.id AND r.process = 'sync'
                      ORDER BY r.id DESC LIMIT 1) last ON true
  LEFT JOIN LATERAL (SELECT r.finished_at
                       FROM mls.run r
                      WHERE r.subscription = s.id AND r.process = 'sync'
                        AND r.status = 'finished'
                      ORDER BY r.id DESC LIMIT 1) success ON true;
COMMENT ON VIEW mls_status IS 'each subscription: how close the copy is, and what happened last';
COMMENT ON COLUMN mls_status.source IS 'name of the foreign server';
COMMENT ON COLUMN mls_status.resource IS 'resource at the source';
COMMENT ON COLUMN mls_status.foreign_table IS 'the foreign table that is replicated';
COMMENT ON COLUMN mls_status.state IS 'not_synced, syncing, synced or failed';
COMMENT ON COLUMN mls_status.rows IS 'rows in silver, as the statistics of the server estimate them';
COMMENT ON COLUMN mls_status.newest IS 'modification timestamp up to which the copy is complete';
COMMENT ON COLUMN mls_status.lag IS 'how long ago that was';
COMMENT ON COLUMN mls_status.last_run IS 'when the last sync began';
COMMENT ON COLUMN mls_status.last_success IS 'when the last successful sync ended';
COMMENT ON COLUMN mls_status.last_error IS 'why the last sync failed, if it did';
COMMENT ON COLUMN mls_status.issues IS 'values and records that did not fit; see mls.issue';

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
       r.message,
       r.detail,
       r.hint
  FROM mls.run r JOIN mls.subscription s ON s.id = r.subscription;
COMMENT ON VIEW mls_history IS 'all runs, with the names of what they worked on';
COMMENT ON COLUMN mls_history.run IS 'number of the run';
COMMENT ON COLUMN mls_history.source IS 'name of the foreign server';
COMMENT ON COLUMN mls_history.resource IS 'resource at the source';
COMMENT ON COLUMN mls_history.process IS 'sync or rebuild';
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
COMMENT ON COLUMN mls_history.message IS 'message of the error that ended it';
COMMENT ON COLUMN mls_history.detail IS 'detail of that error';
COMMENT ON COLUMN mls_history.hint IS 'hint of that error';

GRANT SELECT ON mls_status, mls_history TO pg_monitor;
