-- Is it well?  For monitors: a row per check, numbers for Prometheus, and one
-- record through all layers.  Everything is computed when asked, from tables and
-- locks, so that it tells the truth when nothing runs any more.

-- ---- Facts ----

CREATE VIEW mls.fact WITH (security_invoker = true) AS
SELECT s.id,
       s.source || '.' || s.resource AS name,
       s.foreign_table, s.bronze, s.silver,
       s.subscribed_at,
       t.state, t.last_run, t.last_success, t.schedule, t.quota_used, t.source, t.refresh_by,
       coalesce(t.last_success, s.subscribed_at) AS complete_at,
       rest.until AS rests_until,
       mls.cron_next(t.schedule, greatest(coalesce(t.last_run, s.subscribed_at), rest.until)) AS run_due_at,
       mls.cron_next(t.schedule, greatest(coalesce(t.last_success, s.subscribed_at), rest.until)) AS success_due_at
  FROM mls.subscription s
  JOIN mls_status_detail t ON t.foreign_table = s.foreign_table
 CROSS JOIN LATERAL mls.feeder(s.id) feeder
 CROSS JOIN LATERAL mls.rests_until(coalesce(feeder.subscription, s.id)) AS rest (until);
COMMENT ON VIEW mls.fact IS 'what mls_health() judges of each subscription';
COMMENT ON COLUMN mls.fact.id IS 'number of the subscription';
COMMENT ON COLUMN mls.fact.name IS 'source and resource';
COMMENT ON COLUMN mls.fact.foreign_table IS 'its foreign table';
COMMENT ON COLUMN mls.fact.bronze IS 'its table of bronze';
COMMENT ON COLUMN mls.fact.silver IS 'its table of silver';
COMMENT ON COLUMN mls.fact.subscribed_at IS 'when it was subscribed';
COMMENT ON COLUMN mls.fact.state IS 'as in mls_status_detail';
COMMENT ON COLUMN mls.fact.last_run IS 'as in mls_status_detail';
COMMENT ON COLUMN mls.fact.last_success IS 'as in mls_status_detail';
COMMENT ON COLUMN mls.fact.schedule IS 'as in mls_status_detail';
COMMENT ON COLUMN mls.fact.quota_used IS 'as in mls_status_detail';
COMMENT ON COLUMN mls.fact.source IS 'name of the foreign server';
COMMENT ON COLUMN mls.fact.refresh_by IS 'as in mls_status_detail';
COMMENT ON COLUMN mls.fact.complete_at IS 'when the last success was, or the subscription';
COMMENT ON COLUMN mls.fact.rests_until IS 'until when it need not be read again, for it is read whole';
COMMENT ON COLUMN mls.fact.run_due_at IS 'when its schedule has it synced next after the last sync; NULL without a schedule';
COMMENT ON COLUMN mls.fact.success_due_at IS 'the same after the last success';

-- Processes whose last runs failed: how many in a row, and why the last.
CREATE VIEW mls.failing WITH (security_invoker = true) AS
SELECT r.subscription,
       r.process,
       pg_catalog.count(*) AS times,
       (pg_catalog.array_agg(pg_catalog.concat_ws('. ', r.message, nullif(pg_catalog.concat_ws(' ', r.detail, r.hint), ''))
                             ORDER BY r.id DESC))[1] AS message
  FROM mls.run r
 WHERE r.status IN ('failed', 'crashed')
   AND r.id > coalesce((SELECT pg_catalog.max(g.id) FROM mls.run g
                         WHERE g.subscription = r.subscription AND g.process = r.process
                           AND g.status = 'finished'), 0)
 GROUP BY r.subscription, r.process;
COMMENT ON VIEW mls.failing IS 'processes that failed since their last success';
COMMENT ON COLUMN mls.failing.subscription IS 'number of the subscription';
COMMENT ON COLUMN mls.failing.process IS 'the process';
COMMENT ON COLUMN mls.failing.times IS 'runs that failed since';
COMMENT ON COLUMN mls.failing.message IS 'error of the last of them, with its detail and hint: the numbers of a refusal, and the call that passes it';

-- Only tables of roles whose subscriptions the caller sees can be told from leftovers.
CREATE VIEW mls.leftover WITH (security_invoker = true) AS
SELECT c.oid::regclass AS relation
  FROM pg_catalog.pg_class c
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND NOT a.attisdropped
           AND a.attname IN ('key', 'modified_at', 'modified', 'record', 'fetched_at', 'run_id',
                             'deleted_at')) = 7
   AND c.relnamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(coalesce(
           nullif(pg_catalog.current_setting('mls_fdw.bronze_schema', true), ''), 'bronze')))
   AND (pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE'))
   AND NOT EXISTS (SELECT FROM mls.subscription s WHERE s.bronze = c.oid);
COMMENT ON VIEW mls.leftover IS 'tables of bronze that belong to no subscription any more';
COMMENT ON COLUMN mls.leftover.relation IS 'the table';

GRANT SELECT ON mls.fact, mls.failing, mls.leftover TO pg_monitor;

-- Large tables are not counted for this: silver has still to be filled from bronze, which has more;
-- gold was dropped; or a table was emptied since the last run looked at its files.  TRUNCATE gives a table another file and says that it has no pages.
CREATE FUNCTION mls.has_lost_rows(subscription bigint) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT s.fill_after IS NOT NULL AND s.fill_fields = '{*}'
          AND s.local_rows < (SELECT sum(greatest(pg_stat_get_live_tuples(c.oid), c.reltuples)) FROM mls.with_rows(s.bronze) w JOIN pg_class c ON c.oid = w.relation)
       OR s.gold IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = s.gold)
       OR s.local_rows > 0
          AND EXISTS (SELECT FROM regexp_split_to_table(s.files, '[ /]') f
                        JOIN pg_class c ON c.oid = split_part(f, ':', 1)::oid
                       WHERE c.relkind = 'r' AND c.relpages = 0 AND c.relfilenode <> split_part(f, ':', 2)::oid)
  FROM mls.subscription s WHERE s.id = subscription;
$$;
COMMENT ON FUNCTION mls.has_lost_rows(bigint) IS 'whether rows are missing in the tables of a subscription, as far as can be told without counting them';
REVOKE ALL ON FUNCTION mls.has_lost_rows(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls.has_lost_rows(bigint) TO pg_monitor;

-- ---- mls_health ----

CREATE FUNCTION mls_health(
    max_age interval DEFAULT '1 day',
    max_lag interval DEFAULT '6 hours',
    grace interval DEFAULT '15 minutes',
    max_failures integer DEFAULT 3,
    max_duration interval DEFAULT '1 day',
    max_issues bigint DEFAULT 100,
    max_quota float8 DEFAULT 0.9,
    OUT item text,
    OUT level text,
    OUT message text)
    RETURNS SETOF record
    LANGUAGE sql STABLE ROWS 16
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH fact AS MATERIALIZED (SELECT * FROM mls.fact)
SELECT 'subscriptions', CASE WHEN count(*) > 0 THEN 'ok' ELSE 'warning' END,
       CASE WHEN count(*) > 0 THEN format('%s of %s replicated', mls.counted(count(*), 'resource', 'resources'),
                                          mls.counted(count(DISTINCT source), 'source', 'sources')
                                          || CASE count(*) WHEN 1 THEN ' is' ELSE ' are' END)
            ELSE 'nothing is replicated' END
  FROM fact
UNION ALL
SELECT 'runs', CASE WHEN late IS NULL THEN 'ok' ELSE 'critical' END,
       coalesce(format('no sync has begun within %s of the last one, or of when it was due: ', max_age) || late,
                format('every sync began within %s of the one before, or of when it was due', max_age))
  FROM (SELECT string_agg(name, ', ' ORDER BY name) AS late FROM fact
         WHERE greatest(coalesce(last_run, subscribed_at), rests_until, run_due_at) < now() - max_age
           AND state <> 'syncing') f
UNION ALL
SELECT 'schedule',
       CASE WHEN late IS NOT NULL THEN 'critical' WHEN missed IS NOT NULL THEN 'warning' ELSE 'ok' END,
       CASE WHEN late IS NOT NULL OR missed IS NOT NULL
            THEN concat_ws('; ', 'scheduled runs did not begin, pg_cron may not be working: ' || late,
                           format('scheduled runs did not begin before the server was started at %s, for it was down or '
                                  'pg_cron was not working, and come when they are due again: ',
                                  date_trunc('second', pg_postmaster_start_time())) || missed)
            WHEN n > 0 THEN mls.counted(n, 'process is scheduled, and is not late', 'processes are scheduled, and none is late')
            ELSE 'nothing is scheduled by mls_schedule()' END
  FROM (SELECT string_agg(format('%s of %s (due %s)', d.process, d.name, d.due_at), ', ' ORDER BY d.name, d.process)
                   FILTER (WHERE d.is_late AND d.due_since_start < now() - grace) AS late,
               string_agg(format('%s of %s (due %s, next %s)', d.process, d.name, d.due_at, d.due_since_start),
                          ', ' ORDER BY d.name, d.process)
                   FILTER (WHERE d.is_late AND (d.due_since_start < now() - grace) IS NOT TRUE) AS missed,
               count(d.process) AS n
          FROM (SELECT d.*, d.waits_since < now() - grace AS is_late FROM mls.due d) d
         WHERE NOT EXISTS (SELECT FROM fact f WHERE f.id = d.subscription AND f.state = 'syncing')) f
UNION ALL
SELECT 'jobs', CASE WHEN lost IS NULL THEN 'ok' ELSE 'critical' END,
       coalesce('pg_cron does not have these jobs any more, or has them switched off: ' || lost
                || '; call mls_schedule() again', 'no job is missing')
  FROM (SELECT string_agg(j, ', ' ORDER BY j) AS lost FROM mls.lost_jobs() j) f
UNION ALL
SELECT 'orphans', CASE WHEN lost IS NULL THEN 'ok' ELSE 'warning' END,
       coalesce('scheduled, but not subscribed, published, written, filled or tested: ' || lost || '; call mls_unschedule()',
                'nothing is scheduled without a subscription, a publication, a feed, a mart or a test suite')
  FROM (SELECT string_agg(DISTINCT j.source, ', ') AS lost FROM mls.schedule j
         WHERE CASE WHEN j.process IN ('publish', 'feed', 'mart', 'test') THEN NOT EXISTS (SELECT FROM mls.outlet o WHERE o.process = j.process AND o.source = j.source)
                    ELSE NOT EXISTS (SELECT FROM mls.subscription s WHERE s.source = j.source) END) f
UNION ALL
SELECT 'failures', CASE WHEN n IS NULL THEN 'ok' WHEN n >= max_failures THEN 'critical' ELSE 'warning' END,
       coalesce(bad, 'every last run succeeded')
  FROM (SELECT max(g.times) AS n,
               string_agg(format('%s %s failed %s: %s', f.name, g.process, mls.counted(g.times, 'time', 'times'),
                                 left(g.message, 600)), '; ' ORDER BY g.times DESC, f.name) AS bad
          FROM mls.failing g JOIN fact f ON f.id = g.subscription WHERE g.process <> 'geocode') f
UNION ALL
SELECT 'lag', CASE WHEN late IS NULL THEN 'ok' ELSE 'warning' END,
       coalesce(format('not complete for %s since the last success, or since a sync was due: ', max_lag) || late,
                format('every copy was complete within %s of the last success, or of when a sync was due', max_lag))
  FROM (SELECT string_agg(format('%s (%s)', name, complete_at), ', ' ORDER BY complete_at) AS late
          FROM fact WHERE greatest(complete_at, rests_until, success_due_at) < now() - max_lag) f
UNION ALL
SELECT 'refresh',
       CASE WHEN late IS NOT NULL THEN 'critical' WHEN near IS NOT NULL THEN 'warning' ELSE 'ok' END,
       coalesce('not asked for what is new as often as its licence wants (option refresh_within): ' || late,
                'the time that the licence allows (option refresh_within) is nearly over: ' || near,
                CASE WHEN n > 0 THEN 'every source was asked as often as its licence wants'
                     ELSE 'no source has the option refresh_within' END)
  FROM (SELECT string_agg(format('%s (%s ago)', name, mls.rounded(now() - complete_at)), ', ' ORDER BY refresh_by)
                   FILTER (WHERE refresh_by < now()) AS late,
               string_agg(format('%s (until %s)', name, date_trunc('second', refresh_by)), ', ' ORDER BY refresh_by)
                   FILTER (WHERE now() > complete_at + 0.8 * (refresh_by - complete_at)) AS near,
               count(refresh_by) AS n
          FROM fact) f
UNION ALL
SELECT 'stuck', CASE WHEN bad IS NULL THEN 'ok' ELSE 'warning' END,
       coalesce(bad, 'no run is stuck')
  FROM (SELECT string_agg(format(CASE WHEN lost.ended
                                      THEN 'run %s of %s has no process any more; its next run puts that right'
                                      ELSE 'run %s of %s is at work since %s' END,
                                 r.id, coalesce(f.name, p.destination || ' ' || p.name, r.subject), r.started_at), '; ' ORDER BY r.id) AS bad
          FROM mls.run r LEFT JOIN mls.publication p ON p.id = r.publication
          LEFT JOIN fact f ON f.id = r.subscription
         CROSS JOIN LATERAL (SELECT r.id IN (SELECT mls.lost_runs())) AS lost (ended)
         WHERE r.status = 'running' AND (r.subscription IS NULL OR f.id IS NOT NULL) AND (lost.ended OR r.started_at < now() - max_duration)) f
UNION ALL
-- Copies are as good as ever when a geocoder is down.
SELECT 'geocoding', CASE WHEN bad IS NULL AND late = 0 THEN 'ok' ELSE 'warning' END,
       coalesce(concat_ws('; ', bad, CASE WHEN late > 0 THEN mls.counted(late, 'point is', 'points are')
                || ' kept for longer than the terms of the geocoder allow: call mls_geocode()' END), '')
       || CASE WHEN bad IS NULL AND late = 0 THEN mls.counted(n, 'resource is', 'resources are') || ' geocoded' ELSE '' END
  FROM (SELECT count(*) AS n,
               string_agg(format('%s was not geocoded, %s in a row: %s', f.name, mls.counted(r.failures, 'time', 'times'), r.error), '; ' ORDER BY f.name) FILTER (WHERE r.failures > 0) AS bad,
               (SELECT count(*) FROM mls.geocode g WHERE g.expires_at < now() - grace) AS late
          FROM mls.geocode_rule r JOIN fact f ON f.id = r.subscription) g
 WHERE n > 0
UNION ALL
SELECT 'issues', CASE WHEN count(*) > max_issues THEN 'warning' ELSE 'ok' END,
       mls.counted(count(*), 'issue is', 'issues are') || ' open and new since yesterday; mls.issue lists all'
  FROM mls.issue i WHERE i.first_seen > now() - interval '1 day' AND i.solved_at IS NULL
UNION ALL
SELECT 'conflicts', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0
            THEN mls.counted(count(*), 'record has', 'records have')
                 || ' a key that gold has from another source: set the option key_prefix of one of them'
            ELSE 'no two sources share a key' END
  FROM mls.issue i WHERE i.kind = 'conflict' AND i.solved_at IS NULL
UNION ALL
SELECT 'quota', CASE WHEN max(share) >= 1 THEN 'critical' WHEN max(share) >= max_quota THEN 'warning'
                     ELSE 'ok' END,
       coalesce(string_agg(format('source %s has spent %s %% of its quota', source, round(share * 100)),
                           ', ' ORDER BY share DESC) FILTER (WHERE share >= max_quota),
                'no quota is nearly spent')
  FROM (SELECT source, max(quota_used)::numeric AS share FROM fact GROUP BY source) f
UNION ALL
-- A file of a new name comes with no sync, and a tenant without room cannot upload.
SELECT 'files', CASE WHEN unread IS NULL AND full_up IS NULL THEN 'ok' ELSE 'warning' END,
       coalesce(nullif(concat_ws('; ', unread, 'nearly all of what it may keep in uploads (limit stored_bytes) is used up by: ' || full_up), ''),
                'tables read the files of all ' || mls.counted(n, 'source that consists of some', 'sources that consist of some'))
  FROM (SELECT (SELECT count(DISTINCT s.source) FROM mls.file x JOIN mls.subscription s ON s.id = x.subscription) AS n,
               (SELECT string_agg(format('no table reads file "%s": IMPORT FOREIGN SCHEMA files LIMIT TO (%I) FROM SERVER %I INTO ...', u.name, u.resource, u.source), '; ' ORDER BY u.source, u.name)
                  FROM (SELECT * FROM mls.unread ORDER BY source, name LIMIT 10) u) AS unread,
               (SELECT string_agg(format('%s (%s of %s)', t.role, pg_size_pretty(mls.stored(t.role)), pg_size_pretty(t.stored_bytes)), ', ' ORDER BY t.role::text)
                  FROM mls.tenant t WHERE t.stored_bytes IS NOT NULL AND mls.stored(t.role) >= max_quota * t.stored_bytes) AS full_up) f
 WHERE n > 0 OR full_up IS NOT NULL
UNION ALL
SELECT 'media', CASE WHEN lost > 0 THEN 'critical' WHEN late IS NOT NULL OR bad IS NOT NULL THEN 'warning' ELSE 'ok' END,
       CASE WHEN lost > 0 OR late IS NOT NULL OR bad IS NOT NULL
            THEN concat_ws('; ', CASE WHEN lost > 0 THEN mls.counted(lost, 'file', 'files') || ' are missing in their store: the next mls_media_sync() fetches them' END,
                           format('files wait, but none was fetched within %s: ', max_age) || late, 'a tenth of the files or more fails: ' || bad)
            WHEN files > 0 THEN mls.counted(files, 'file of media is', 'files of media are') || ' kept'
            ELSE 'no source has its files kept' END
  FROM (SELECT (SELECT coalesce(sum(t.missing), 0)::bigint FROM mls.media_file_tally t
                WHERE t.store IN (SELECT r.store FROM mls.media_rule r UNION ALL SELECT p.store FROM mls.media_place p)) AS lost, sum(m.here)::bigint AS files,
               string_agg(m.source, ', ' ORDER BY m.source) FILTER (WHERE m.wanted > 0 AND NOT m.paused AND coalesce(m.last_fetched, m.since) < now() - max_age) AS late,
               string_agg(format('%s (%s of %s)', m.source, m.failed, m.all_media), ', ' ORDER BY m.source)
                   FILTER (WHERE m.failed * 10 >= m.all_media AND m.failed >= 10) AS bad
          FROM mls.media_count m) f
UNION ALL
-- A feed that is not written leaves the portal with the old one; a refused one waits for a word.
SELECT 'feeds', CASE WHEN bool_or(f.refused) THEN 'critical' WHEN bool_or(f.failures > 0 OR f.is_old OR f.is_empty) THEN 'warning' ELSE 'ok' END,
       coalesce(nullif(concat_ws('; ',
                    string_agg(format('%s was not written, %s in a row: %s', f.name, mls.counted(f.failures, 'time', 'times'), left(f.problem, 700)), '; ' ORDER BY f.refused DESC, f.name) FILTER (WHERE f.failures > 0),
                    format('nobody has looked for %s whether it is up to date: ', max_age)
                    || string_agg(f.name, ', ' ORDER BY f.name) FILTER (WHERE f.failures = 0 AND f.is_old) || ' (mls_feed_sync() writes it)',
                    'all listings are left out of ' || string_agg(f.name, ', ' ORDER BY f.name) FILTER (WHERE f.failures = 0 AND f.is_empty) || ' (mls_feed_report() says why)'), ''),
                mls.counted(count(*), 'feed is', 'feeds are') || ' written')
  FROM (SELECT f.*, f.written = 0 AND f.skipped > 0 AS is_empty, greatest(f.checked_at, (SELECT min(mls.cron_next(j.schedule, f.checked_at)) FROM mls.schedule j
                                             WHERE j.process = 'feed' AND j.source = f.name AND f.checked_at IS NOT NULL)) < now() - max_age AS is_old
          FROM mls.feed f) f
 HAVING count(*) > 0
UNION ALL
-- With each day inventory and ages change, whether or not a listing does.
SELECT 'marts', CASE WHEN bool_or(m.failures > 0 OR m.is_old OR m.held IS NOT NULL) THEN 'warning' ELSE 'ok' END,
       coalesce(nullif(concat_ws('; ',
                    string_agg(format('%s was not filled, %s in a row: %s', m.name, mls.counted(m.failures, 'time', 'times'), left(m.problem, 700)), '; ' ORDER BY m.name) FILTER (WHERE m.failures > 0),
                    string_agg(format('%s is held: %s', m.name, left(m.held, 700)), '; ' ORDER BY m.name) FILTER (WHERE m.held IS NOT NULL),
                    format('nobody has filled for %s: ', max_age) || string_agg(m.name, ', ' ORDER BY m.name) FILTER (WHERE m.failures = 0 AND m.held IS NULL AND m.is_old) || ' (mls_mart_sync() does)'), ''),
                mls.counted(count(*), 'mart is', 'marts are') || ' filled')
  FROM (SELECT m.*, greatest(m.refreshed_at, (SELECT min(mls.cron_next(j.schedule, m.refreshed_at)) FROM mls.schedule j
                                               WHERE j.process = 'mart' AND j.source = m.name AND m.refreshed_at IS NOT NULL)) < now() - max_age AS is_old
          FROM mls.mart m) m
 HAVING count(*) > 0
UNION ALL
SELECT 'tests', CASE WHEN bool_or(t.is_bad) THEN 'critical' WHEN bool_or(t.is_warned OR t.problem IS NOT NULL) THEN 'warning' ELSE 'ok' END,
       coalesce(nullif(concat_ws('; ',
                    'data tests failed: ' || string_agg(t.said, ', ' ORDER BY t.name) FILTER (WHERE t.is_bad),
                    'data tests warn: ' || string_agg(t.said, ', ' ORDER BY t.name) FILTER (WHERE t.is_warned),
                    string_agg(DISTINCT format('suite %s was not run: %s', t.suite, left(t.problem, 300)), '; ') FILTER (WHERE t.problem IS NOT NULL)), ''),
                mls.counted(count(*), 'data test has', 'data tests have') || ' found nothing')
  FROM (SELECT s.name AS suite, s.problem, s.name || '.' || t.name AS name, r.status IN ('failed', 'broken') AND t.severity = 'error' AS is_bad,
               r.status = 'warned' OR r.status = 'broken' AND t.severity = 'warn' AS is_warned,
               format('%s.%s (%s)', s.name, t.name, coalesce(mls.counted(r.failures, 'fault', 'faults'), left(r.message, 200))) AS said
          FROM mls.data_test t JOIN mls.test_suite s ON s.id = t.suite
          LEFT JOIN LATERAL (SELECT r.* FROM mls.test_result r WHERE r.test = t.id ORDER BY r.run DESC LIMIT 1) r ON true) t
 HAVING count(*) > 0
UNION ALL
SELECT 'tables', CASE WHEN missing IS NOT NULL THEN 'critical' WHEN lost IS NOT NULL THEN 'warning' ELSE 'ok' END,
       CASE WHEN missing IS NULL AND lost IS NULL THEN 'every subscription has its tables, with their rows'
            ELSE concat_ws('; ', 'tables were dropped of: ' || missing,
                           'rows are missing until the next sync, which makes them again, of: ' || lost) END
  FROM (SELECT string_agg(f.name, ', ' ORDER BY f.name) FILTER (WHERE f.dropped) AS missing,
               string_agg(f.name, ', ' ORDER BY f.name) FILTER (WHERE NOT f.dropped AND f.state <> 'syncing' AND mls.has_lost_rows(f.id)) AS lost
          FROM (SELECT f.*, (SELECT count(*) FROM pg_class c WHERE c.oid IN (f.foreign_table, f.bronze, f.silver)) < 3 AS dropped
                  FROM fact f) f) f
UNION ALL
SELECT 'leftovers', CASE WHEN tables IS NULL THEN 'ok' ELSE 'warning' END,
       coalesce('tables of no subscription: ' || tables, 'no table is left over')
  FROM (SELECT string_agg(relation::text, ', ' ORDER BY relation::text) AS tables FROM mls.leftover) f
UNION ALL
SELECT 'publications',
       CASE WHEN count(*) = 0 THEN 'ok' WHEN bool_or(p.level = 'critical') THEN 'critical' ELSE 'warning' END,
       coalesce(string_agg(p.message, '; ' ORDER BY p.level, p.message), 'nothing stops a subscriber of gold')
  FROM mls.publication_fault p
UNION ALL
SELECT 'destinations',
       CASE WHEN late IS NULL AND bad IS NULL AND dead = 0 THEN 'ok' WHEN lost THEN 'critical' ELSE 'warning' END,
       CASE WHEN late IS NULL AND bad IS NULL AND dead = 0
            THEN CASE n WHEN 0 THEN 'nothing is published' ELSE mls.counted(n, 'publication is', 'publications are') || ' in step' END
            ELSE concat_ws('; ', bad, format('changes wait for longer than %s: ', max_lag) || late || ' (mls_publish_sync() sends them)',
                           CASE WHEN dead > 0 THEN mls.counted(dead, 'record is', 'records are') || ' refused: mls_dead_letters says why' END) END
  FROM (SELECT count(*) AS n, coalesce(bool_or(p.rebuild), false) AS lost, (SELECT count(*) FROM mls.dead_letter d) AS dead,
               string_agg(format('"%s" at "%s"', p.name, p.destination), ', ' ORDER BY p.destination, p.name)
                   FILTER (WHERE p.error IS NULL AND NOT p.paused AND mls.oldest_unsent(p.id) < now() - max_lag) AS late,
               string_agg(CASE WHEN p.rebuild THEN format('"%s" at "%s" has to be loaded anew: SELECT mls_publish_resend(%L, %L, 0)', p.name, p.destination, p.destination, p.name)
                               ELSE format('"%s" at "%s" failed %s: %s', p.name, p.destination, mls.counted(p.failures, 'time', 'times'), left(p.error, 300)) END,
                          '; ' ORDER BY p.destination, p.name) FILTER (WHERE p.error IS NOT NULL AND NOT p.paused) AS bad
          FROM mls.publication p) f
UNION ALL
SELECT 'alerts', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warning' END,
       coalesce(string_agg(p.message, '; ' ORDER BY p.message), 'nothing keeps receivers of alerts from being told')
  FROM mls.alert_fault p
UNION ALL
SELECT 'version', CASE WHEN e.extversion = a.default_version THEN 'ok' ELSE 'warning' END,
       CASE WHEN e.extversion = a.default_version THEN format('mls_fdw %s', e.extversion)
            ELSE format('mls_fdw %s is installed and %s available: ALTER EXTENSION mls_fdw UPDATE',
                        e.extversion, a.default_version) END
  FROM pg_extension e LEFT JOIN pg_available_extensions a ON a.name = e.extname
 WHERE e.extname = 'mls_fdw';
$$;
COMMENT ON FUNCTION mls_health(interval, interval, interval, integer, interval, bigint, float8)
    IS 'a row per check with its level (ok, warning, critical) and a sentence; arguments are the thresholds';

-- ---- mls_compare ----

CREATE FUNCTION mls.key_fields(foreign_table regclass) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT ARRAY(SELECT btrim(f) FROM unnest(string_to_array(o.option_value, ',')) WITH ORDINALITY AS u (f, n)
              ORDER BY n)
  FROM pg_foreign_table t, pg_options_to_table(t.ftoptions) o
 WHERE t.ftrelid = foreign_table AND o.option_name = 'key';
$$;
COMMENT ON FUNCTION mls.key_fields(regclass) IS 'fields of the key of a foreign table, in order';

CREATE FUNCTION mls.table_fields(foreign_table regclass, OUT name text, OUT field text, OUT type regtype)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT a.attname::text, coalesce(o.option_value, a.attname::text), a.atttypid::regtype
  FROM pg_attribute a
  LEFT JOIN LATERAL (SELECT x.option_value FROM pg_options_to_table(a.attfdwoptions) x
                      WHERE x.option_name = 'field') o ON true
 WHERE a.attrelid = foreign_table AND a.attnum > 0 AND NOT a.attisdropped
   AND o.option_value IS DISTINCT FROM '*'
 ORDER BY a.attnum;
$$;
COMMENT ON FUNCTION mls.table_fields(regclass) IS 'columns of a foreign table with their fields';

-- Conditions that find a record by its key.  The parts of a composite key stand
-- in the key as text joined by bars, in which their own bars are escaped.
CREATE FUNCTION mls.key_condition(foreign_table regclass, key text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT string_agg(format('t.%I = %L::%s', c.name,
                         CASE WHEN cardinality(k.fields) = 1 THEN key
                              ELSE regexp_replace(p.part, '\\(.)', '\1', 'g') END,
                         c.type), ' AND ' ORDER BY f.n)
  FROM (SELECT mls.key_fields(foreign_table) AS fields) k,
       unnest(k.fields) WITH ORDINALITY AS f (field, n)
  JOIN mls.table_fields(foreign_table) c ON c.field = f.field
  LEFT JOIN (SELECT m[1] AS part, row_number() OVER () AS n
               FROM regexp_matches('|' || key, '\|((?:[^|\\]|\\.)*)', 'g') m) p ON p.n = f.n;
$$;
COMMENT ON FUNCTION mls.key_condition(regclass, text) IS 'condition on a table t for the record of a key';

-- A record is asked for by the source's key.  People have others at hand: gold's key with its
-- prefix, a listing number, the key in another case.  Records that have the value in a field
-- that is named like a key or a number are told, with their keys.
CREATE FUNCTION mls.meant_keys(sub mls.subscription, wanted text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found text;
    layer record;
BEGIN
    found := (SELECT r #>> '{}' FROM mls.as_owner(sub.id, format(
        'SELECT to_jsonb(string_agg(format(''mls_compare(%%L, %%L, %%L)'', $2, $3, t.key), '' or '')) FROM '
        '(SELECT key FROM %s WHERE lower(key) = lower(btrim($1)) AND deleted_at IS NULL LIMIT 3) t', sub.bronze),
        wanted, sub.source, sub.resource) r);
    FOR layer IN
        SELECT format('SELECT to_jsonb(string_agg(format(''mls_compare(%%L, %%L, %%L), which has it in %%s'', $2, $3, t.key, t.field), '' or '')) '
                      'FROM (SELECT t.mls_source_key AS key, CASE %s END AS field FROM %s t '
                      'WHERE t.mls_source = $2 AND $1 IN (%s) LIMIT 3) t',
                      string_agg(format('WHEN t.%I = $1 THEN %L', a.attname, a.attname), ' ' ORDER BY a.attnum), sub.gold,
                      string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attnum)) AS query
          FROM pg_attribute a
         WHERE found IS NULL AND a.attrelid = sub.gold::oid AND a.attnum > 0 AND NOT a.attisdropped
           AND a.atttypid = 'text'::regtype AND a.attname ~ '(Key|Id|Number)$'
        HAVING count(*) > 0
    LOOP
        found := (SELECT r #>> '{}' FROM mls.as_owner(sub.id, layer.query, wanted, sub.source, sub.resource) r);
    END LOOP;
    RETURN found;
END $$;
COMMENT ON FUNCTION mls.meant_keys(mls.subscription, text) IS 'records that were probably meant by a value that is no key';
REVOKE ALL ON FUNCTION mls.meant_keys(mls.subscription, text) FROM PUBLIC;

CREATE FUNCTION mls_compare(
    source text, resource text, key text,
    OUT field text, OUT differs boolean,
    OUT remote text, OUT bronze text, OUT silver text, OUT gold text)
    RETURNS SETOF record
    LANGUAGE plpgsql ROWS 200
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    sub mls.subscription;
    condition text;
    remote_row jsonb;
    bronze_row jsonb;
    silver_row jsonb;
    gold_row jsonb;
    meant text;
    asked text[];
    cleaned jsonb;
BEGIN
    SELECT s.* INTO sub FROM mls.find_subscriptions(mls_compare.source, mls_compare.resource) f
      JOIN mls.subscription s USING (id);
    condition := mls.key_condition(sub.foreign_table, key);
    asked := mls.asked_fields(sub.foreign_table);
    cleaned := mls.cleaned_fields(sub);
    remote_row := (SELECT r FROM mls.as_owner(sub.id, format('SELECT to_jsonb(t.*) FROM %s t WHERE %s LIMIT 1', sub.foreign_table, condition)) r);
    bronze_row := (SELECT r FROM mls.as_owner(sub.id, format(
        'SELECT record::jsonb FROM %s WHERE key = $1 AND deleted_at IS NULL', sub.bronze), key) r);
    silver_row := (SELECT r FROM mls.as_owner(sub.id, format('SELECT to_jsonb(t.*) FROM %s t WHERE %s LIMIT 1', sub.silver, condition)) r);
    IF sub.gold IS NOT NULL THEN
        gold_row := (SELECT r FROM mls.as_owner(sub.id, format(
            'SELECT to_jsonb(t.*) FROM %s t WHERE mls_source = $1 AND mls_source_key = $2 LIMIT 1', sub.gold), sub.source, key) r);
    END IF;
    IF coalesce(remote_row, bronze_row, silver_row, gold_row) IS NULL THEN
        meant := mls.meant_keys(sub, key);
        PERFORM mls.refuse('P0002', format('no record of resource "%s" of source "%s" has the key "%s"',
                                           sub.resource, sub.source, left(key, 100)),
            CASE WHEN meant IS NULL THEN format('It is asked for by the field %s, as the source spells it.',
                                                array_to_string(mls.key_fields(sub.foreign_table), ', '))
                 ELSE 'Perhaps you meant ' || meant || '.' END,
            'Neither the source nor a table here has it.');
    END IF;
    RETURN QUERY
        SELECT coalesce(f.field, g.key), (remote_row->f.name) IS DISTINCT FROM (silver_row->f.name) AND f.name IS NOT NULL
                                             AND (asked IS NULL OR f.field = ANY (asked))
                                             AND NOT (mls.is_cleaned(cleaned, f.field) AND mls.same_but_cleaned(remote_row->f.name, silver_row->f.name)),
               remote_row->>f.name, bronze_row->>f.field, silver_row->>f.name, g.value
          FROM mls.table_fields(sub.foreign_table) WITH ORDINALITY AS f (name, field, type, n)
          FULL JOIN (SELECT e.key, e.value FROM jsonb_each_text(gold_row) e
                      WHERE e.key NOT LIKE 'mls\_%') g
            ON g.key = CASE WHEN gold_row ? f.field THEN f.field ELSE 'X_' || f.field END
         ORDER BY f.n, 1;
END $$;
COMMENT ON FUNCTION mls_compare(text, text, text)
    IS 'one record by its key: each field at the source (asked now), in bronze, in silver and in gold, and whether the copy differs from the source, but for what cleaning has done to it';
REVOKE ALL ON FUNCTION mls_compare(text, text, text), mls.key_fields(regclass), mls.table_fields(regclass),
    mls.key_condition(regclass, text) FROM PUBLIC;

-- ---- mls_metrics ----

CREATE FUNCTION mls.label(value text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT '"' || replace(replace(replace(value, '\', '\\'), '"', '\"'), E'\n', '\n') || '"';
$$;
COMMENT ON FUNCTION mls.label(text) IS 'a label value as Prometheus wants it quoted';

CREATE VIEW mls.metric WITH (security_invoker = true) AS
SELECT m.name, m.type, m.help, m.labels, m.value
  FROM (SELECT 'source=' || mls.label(t.source) || ',resource=' || mls.label(t.resource) AS labels, t.*
          FROM mls_status_detail t) t,
       LATERAL (VALUES
           ('mls_rows', 'gauge', 'Rows in silver.', t.labels, t.rows::float8),
           ('mls_remote_rows', 'gauge', 'Records the source had when it was counted last.', t.labels,
            t.remote_rows::float8),
           ('mls_bronze_rows', 'gauge', 'Rows in bronze, estimated.', t.labels, t.bronze_rows::float8),
           ('mls_issues', 'gauge', 'Open issues: what did not fit or has changed at the source.', t.labels, t.issues::float8),
           ('mls_syncing', 'gauge', 'Whether a process is at work (1) or not (0).', t.labels,
            CASE WHEN t.state = 'syncing' THEN 1 ELSE 0 END),
           ('mls_failed', 'gauge', 'Whether the last sync failed (1) or not (0).', t.labels,
            CASE WHEN t.state = 'failed' THEN 1 ELSE 0 END),
           ('mls_newest_timestamp_seconds', 'gauge', 'Modification timestamp up to which the copy is complete.',
            t.labels, extract(epoch FROM t.newest)::float8),
           ('mls_last_run_timestamp_seconds', 'gauge', 'When the last sync began.', t.labels,
            extract(epoch FROM t.last_run)::float8),
           ('mls_last_success_timestamp_seconds', 'gauge', 'When the last successful sync ended.', t.labels,
            extract(epoch FROM t.last_success)::float8),
           ('mls_refresh_by_timestamp_seconds', 'gauge', 'When the next sync must have ended well, by the option refresh_within.',
            t.labels, extract(epoch FROM t.refresh_by)::float8),
           ('mls_next_run_timestamp_seconds', 'gauge', 'When pg_cron syncs next.', t.labels,
            extract(epoch FROM t.next_run)::float8)) AS m (name, type, help, labels, value)
 UNION ALL
SELECT m.name, m.type, m.help, m.labels, m.value
  FROM (SELECT 'source=' || mls.label(s.source) || ',resource=' || mls.label(s.resource)
               || ',process=' || mls.label(c.process) AS labels, c.*
          FROM mls.counter c JOIN mls.subscription s ON s.id = c.subscription) c,
       LATERAL (VALUES
           ('mls_runs_finished_total', 'counter', 'Runs that succeeded.', c.labels, c.finished::float8),
           ('mls_runs_failed_total', 'counter', 'Runs that failed, were cancelled or crashed.', c.labels, c.failed),
           ('mls_requests_total', 'counter', 'Requests sent by runs.', c.labels, c.requests),
           ('mls_records_received_total', 'counter', 'Records received by runs.', c.labels, c.received),
           ('mls_records_inserted_total', 'counter', 'Records that were new.', c.labels, c.inserted),
           ('mls_records_updated_total', 'counter', 'Records that had changed.', c.labels, c.updated),
           ('mls_records_deleted_total', 'counter', 'Records that were removed.', c.labels, c.deleted),
           ('mls_bad_values_total', 'counter', 'Values and records that did not fit.', c.labels, c.bad_values),
           ('mls_received_bytes_total', 'counter', 'Bytes received by runs, after decompression.', c.labels, c.bytes))
           AS m (name, type, help, labels, value)
 UNION ALL
SELECT m.name, m.type, m.help, m.labels, m.value
  FROM (SELECT DISTINCT s.source FROM mls.subscription s) s
  JOIN pg_catalog.pg_foreign_server f ON f.srvname = s.source,
       LATERAL mls_quota(s.source) q,
       LATERAL (VALUES
           ('mls_quota_used', 'gauge', 'What is spent of a limit in its window.', q.used::float8),
           ('mls_quota_limit', 'gauge', 'What the source allows in the window.', q.allowed))
           AS v (name, type, help, value),
       LATERAL (SELECT v.name, v.type, v.help,
                       'source=' || mls.label(s.source) || ',window=' || mls.label(q."window") AS labels,
                       v.value) m
 UNION ALL
SELECT v.name, 'gauge', v.help, 'source=' || mls.label(m.source) || coalesce(',state=' || mls.label(v.state), ''), v.value
  FROM mls.media_count m,
       LATERAL (VALUES
           ('mls_media', 'Media of gold, by what became of their files.', 'here', m.here::float8),
           ('mls_media', 'Media of gold, by what became of their files.', 'wanted', m.wanted),
           ('mls_media', 'Media of gold, by what became of their files.', 'failed', m.failed),
           ('mls_media', 'Media of gold, by what became of their files.', 'refused', m.refused),
           ('mls_media_stored_bytes', 'Bytes of the files in the store of a source''s media.', NULL, m.bytes)) AS v (name, help, state, value)
 UNION ALL
SELECT v.name, 'gauge', v.help, 'destination=' || mls.label(p.destination) || ',name=' || mls.label(p.name), v.value
  FROM mls.publication p,
       LATERAL (VALUES
           ('mls_publication_lag_seconds', 'How long ago the first change was that a destination does not have; 0 if it has all.',
            coalesce(extract(epoch FROM pg_catalog.now() - mls.oldest_unsent(p.id))::float8, 0)),
           ('mls_publication_in_step', 'Whether a destination is kept in step (1), or is paused, failing or not loaded (0).',
            CASE WHEN p.paused OR p.error IS NOT NULL OR p.loading THEN 0 ELSE 1 END),
           ('mls_publication_refused', 'Records that a destination does not take.', (SELECT pg_catalog.count(*) FROM mls.dead_letter d WHERE d.publication = p.id)),
           ('mls_publication_failures', 'Runs that failed since the last success.', p.failures),
           ('mls_publication_last_success_timestamp_seconds', 'When the last run ended well.', extract(epoch FROM p.succeeded_at)::float8)) AS v (name, help, value)
 UNION ALL
SELECT v.name, 'gauge', v.help, 'feed=' || mls.label(f.name), v.value
  FROM mls.feed f,
       LATERAL (VALUES
           ('mls_feed_listings', 'Listings in a feed.', f.written::float8),
           ('mls_feed_skipped', 'Listings left out of a feed.', f.skipped),
           ('mls_feed_failures', 'Runs that failed since it was written.', f.failures),
           ('mls_feed_refused', 'Whether it was not written since too many listings are missing (1) or not (0).', CASE WHEN f.refused THEN 1 ELSE 0 END),
           ('mls_feed_checked_timestamp_seconds', 'When it was found to be up to date, or was written.', extract(epoch FROM f.checked_at)::float8),
           ('mls_feed_written_timestamp_seconds', 'When it was written last.', extract(epoch FROM f.written_at)::float8)) AS v (name, help, value)
 UNION ALL
SELECT v.name, 'gauge', v.help, 'mart=' || mls.label(m.name), v.value
  FROM mls.mart m,
       LATERAL (VALUES
           ('mls_mart_listings', 'Listings that count in a mart.', m.listings::float8),
           ('mls_mart_lag_seconds', 'How long ago the first change of a listing was that is not in the figures; 0 if all are.',
            coalesce(extract(epoch FROM pg_catalog.now() - mls.oldest_uncounted(m.id))::float8, 0)),
           ('mls_mart_failures', 'Runs that failed since it was filled.', m.failures),
           ('mls_mart_held', 'Whether runs leave it as it is (1) or not (0).', CASE WHEN m.held IS NULL THEN 0 ELSE 1 END),
           ('mls_mart_filled_timestamp_seconds', 'When a run ended well last.', extract(epoch FROM m.refreshed_at)::float8),
           ('mls_mart_built_timestamp_seconds', 'When all of it was computed last.', extract(epoch FROM m.built_at)::float8)) AS v (name, help, value)
 UNION ALL
SELECT v.name, 'gauge', v.help, 'suite=' || mls.label(t.suite) || ',test=' || mls.label(t.test), v.value
  FROM mls_tests t,
       LATERAL (VALUES
           ('mls_test_failures', 'Faults that a data test has found.', t.failures::float8),
           ('mls_test_failed', 'Whether a data test failed or is broken (1) or not (0).', CASE WHEN t.status IN ('failed', 'broken') THEN 1 WHEN t.status <> 'new' THEN 0 END),
           ('mls_test_timestamp_seconds', 'When a data test ran last.', extract(epoch FROM t.at)::float8)) AS v (name, help, value);
COMMENT ON VIEW mls.metric IS 'the numbers of mls_metrics(), one a row';
COMMENT ON COLUMN mls.metric.name IS 'name';
COMMENT ON COLUMN mls.metric.type IS 'gauge or counter';
COMMENT ON COLUMN mls.metric.help IS 'what it counts';
COMMENT ON COLUMN mls.metric.labels IS 'source, resource, process, window, state, destination, name, feed, mart, suite or test';
COMMENT ON COLUMN mls.metric.value IS 'the number; NULL if there is none yet';
GRANT SELECT ON mls.metric TO pg_monitor;

CREATE FUNCTION mls_metrics() RETURNS SETOF text
    LANGUAGE sql STABLE ROWS 100
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH metric AS MATERIALIZED (SELECT * FROM mls.metric WHERE value IS NOT NULL)
SELECT line
  FROM (SELECT DISTINCT name, 0 AS place, '' AS labels, format('# HELP %s %s', name, help) AS line FROM metric
         UNION ALL
        SELECT DISTINCT name, 1, '', format('# TYPE %s %s', name, type) FROM metric
         UNION ALL
        SELECT name, 2, labels, format('%s{%s} %s', name, labels, value) FROM metric) l
 ORDER BY name COLLATE "C", place, labels COLLATE "C";
$$;
COMMENT ON FUNCTION mls_metrics() IS 'numbers of all subscriptions as Prometheus reads them, a line a row';

REVOKE ALL ON FUNCTION mls_metrics(), mls.label(text),
    mls_health(interval, interval, interval, integer, interval, bigint, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls_metrics(), mls.label(text),
    mls_health(interval, interval, interval, integer, interval, bigint, float8) TO pg_monitor;
