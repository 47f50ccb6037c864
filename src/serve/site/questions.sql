-- What pages of the site may ask, and do.  site_questions.c says how this is read.
-- Names of the extension's schema begin with "@."; what else is not of pg_catalog names its own.

-- question status
SELECT t.source, t.resource, t.foreign_table::text AS foreign_table, t.state, t.rows, t.remote_rows, t.counted_at, t.bronze_rows,
       t.newest, extract(epoch FROM t.lag)::bigint AS lag, t.last_run, t.last_success, t.refresh_by, t.schedule, t.next_run,
       t.quota_used, t.last_error, t.cause, t.error_class, t.failures, t.next_attempt_at, t.issues, t.fed_by
  FROM @.mls_status_detail t
 ORDER BY t.source, t.resource

-- question health
SELECT h.item, h.level, h.message FROM @.mls_health() h

-- question alerts
SELECT a.rule, a.watch, a.subject, a.level, a.state, a.began_at, a.told_at, a.receiver
  FROM @.mls_alerts a WHERE a.state <> 'ended' ORDER BY a.began_at DESC, a.alert DESC LIMIT 50

-- question days
SELECT h.source, h.resource, (h.started_at AT TIME ZONE 'UTC')::date AS day,
       sum(h.inserted + h.updated + h.deleted)::bigint AS changes, count(*) AS runs,
       count(*) FILTER (WHERE h.status IN ('failed', 'crashed')) AS failed
  FROM @.mls_history h
 WHERE h.started_at > now() - interval '14 days'
 GROUP BY 1, 2, 3
 ORDER BY 1, 2, 3

-- question setup
SELECT current_database() AS database, current_user AS role, mls.cron_timezone() AS cron_timezone, mls.has_cron() AS has_cron,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       (SELECT coalesce(json_agg(json_build_object('name', s.srvname,
                   'own', has_server_privilege(s.oid, 'USAGE'),
                   'subscribed', EXISTS (SELECT FROM mls.subscription b WHERE b.source = s.srvname AND pg_has_role(b.owner, 'USAGE')),
                   'mapped', EXISTS (SELECT FROM pg_user_mappings m WHERE m.srvid = s.oid AND (m.umuser = 0 OR pg_has_role(m.umuser, 'USAGE'))),
                   'table', (SELECT min(t.ftrelid::regclass::text) FROM pg_foreign_table t JOIN pg_class c ON c.oid = t.ftrelid
                              WHERE t.ftserver = s.oid AND pg_has_role(c.relowner, 'USAGE'))) ORDER BY s.srvname), '[]'::json)
          -- Sources alone: others keep files, find points or are written to.
          FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw AND w.fdwname = 'mls_fdw'
         WHERE coalesce((SELECT o.option_value FROM pg_options_to_table(s.srvoptions) o WHERE o.option_name = 'protocol'), 'reso') IN ('reso', 'rets', 'qobrix', 'dataset')) AS servers,
       (SELECT count(*) FROM mls.subscription) AS subscriptions,
       (SELECT count(*) FROM mls.schedule) AS schedules

-- question rights
SELECT f.action, s.source, f.may AND s.own AND (f.action <> 'schedule' OR c.cron) AS allowed,
       CASE WHEN NOT f.may THEN format('Role "%s" may not call %s(). A superuser lets it: SELECT mls_grant(%L);', current_user, f.name, current_user)
            WHEN NOT s.own THEN format(CASE s.kind WHEN 'source' THEN '"%s" is replicated by role "%s", whose rights "%s" does not have.'
                                                   ELSE '"%s" is of role "%s", whose rights "%s" does not have.' END, s.source, s.owner, current_user)
            WHEN f.action = 'schedule' AND NOT c.cron THEN format('Schedules need pg_cron in this database, and USAGE on its schema: GRANT USAGE ON SCHEMA cron TO %I;', current_user)
       END AS reason
  FROM (SELECT w.action, w.name, EXISTS (SELECT FROM pg_proc p WHERE p.proname = w.name AND has_function_privilege(p.oid, 'EXECUTE')
                                            AND p.pronamespace = (SELECT e.extnamespace FROM pg_extension e WHERE e.extname = 'mls_fdw')) AS may
          FROM (VALUES ('sync', 'mls_sync'), ('purge', 'mls_purge'), ('reconcile', 'mls_reconcile'), ('undo', 'mls_undo'), ('schedule', 'mls_schedule'),
                       ('accept', 'mls_schema_accept'), ('drift', 'mls_schema_check'), ('check', 'mls_check'), ('count', 'mls_count'),
                       ('verify', 'mls_verify'), ('compare', 'mls_compare'), ('find', 'mls_find'), ('publish', 'mls_publish_sync'), ('feed', 'mls_feed_sync'), ('upload', 'mls_upload'), ('remove', 'mls_dataset_remove'), ('mart', 'mls_mart_sync'), ('test', 'mls_test_sync')) AS w (action, name)) f
 JOIN (SELECT s.source, 'source' AS kind, bool_or(pg_has_role(s.owner, 'USAGE')) AS own, min(pg_get_userbyid(s.owner)) AS owner
         FROM mls.subscription s GROUP BY s.source
        UNION ALL
       SELECT o.source, o.process, bool_or(pg_has_role(o.owner, 'USAGE')), min(pg_get_userbyid(o.owner)) FROM mls.outlet o GROUP BY 1, 2) s
   ON s.kind = 'source' AND f.action NOT IN ('publish', 'feed', 'mart', 'test') OR f.action IN ('schedule', s.kind)
 CROSS JOIN (SELECT mls.has_cron() AND coalesce(has_schema_privilege(to_regnamespace('cron')::oid, 'USAGE'), false) AS cron) c
 ORDER BY 1, 2

-- question progress
SELECT p.run, p.source, p.resource, p.process, p.phase, p.waiting_for, extract(epoch FROM p.duration)::bigint AS seconds,
       p.pages, p.received, p.expected, p.bytes, p.requests, round(p.records_per_second::numeric, 1) AS rate, p.estimated_end
  FROM @.mls_progress p
 ORDER BY p.run

-- question options (source text)
SELECT o.option_name AS name, o.option_value AS value, k.help, 'server' AS object
  FROM pg_foreign_server s, pg_options_to_table(s.srvoptions) o
  LEFT JOIN @.mls_options() k ON k.object = 'server' AND k.name = o.option_name
 WHERE s.srvname = $1::text AND k.secret IS NOT TRUE
UNION ALL
SELECT o.option_name, CASE WHEN k.secret IS FALSE THEN o.option_value END, k.help, format('login of %s', m.usename)
  FROM pg_user_mappings m, pg_options_to_table(m.umoptions) o
  LEFT JOIN @.mls_options() k ON k.object = 'user mapping' AND k.name = o.option_name
 WHERE m.srvname = $1::text
 ORDER BY 4 DESC, 1

-- question quota (source text)
SELECT q."window", q.used, q.allowed, q.share FROM @.mls_quota($1::text) q

-- question drifted (source text)
SELECT s.resource, i.field, i.reason, i.first_seen, i.last_seen
  FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription
 WHERE s.source = $1::text AND i.kind IN ('schema', 'columns') AND i.solved_at IS NULL
 ORDER BY i.first_seen DESC, s.resource, i.field
 LIMIT 200

-- question drifts
SELECT s.source, string_agg(d.words, '; ' ORDER BY d.n) || CASE WHEN max(d.of_all) > 5 THEN '; and more' ELSE '' END AS words
  FROM (SELECT t.source, format('%s: %s', t.resource, i.reason) AS words, row_number() OVER (PARTITION BY t.source ORDER BY i.id) AS n, count(*) OVER (PARTITION BY t.source) AS of_all
          FROM mls.issue i JOIN mls.subscription t ON t.id = i.subscription
         WHERE i.kind = 'schema' AND i.solved_at IS NULL) d
  JOIN (SELECT DISTINCT u.source FROM mls.subscription u) s ON s.source = d.source
 WHERE d.n <= 5
 GROUP BY s.source
 ORDER BY s.source

-- question runs (source text?, resource text?, process text?, status text?, before number?)
SELECT h.run, h.source, h.resource, h.process, h.status, h.started_at, extract(epoch FROM h.duration)::float8 AS seconds,
       h.received, h.inserted, h.updated, h.unchanged, h.deleted, h.bad_values, h.requests, h.error_class, h.message
  FROM @.mls_history h
 WHERE (nullif($1::text, '') IS NULL OR h.source = $1::text)
   AND (nullif($2::text, '') IS NULL OR h.resource = $2::text)
   AND (nullif($3::text, '') IS NULL OR h.process = $3::text)
   AND (nullif($4::text, '') IS NULL OR h.status = $4::text)
   AND ($5::bigint IS NULL OR h.run < $5::bigint)
 ORDER BY h.run DESC
 LIMIT 60

-- question run (run number)
SELECT h.run, h.source, h.resource, h.process, h.status, h.started_at, extract(epoch FROM h.duration)::float8 AS seconds,
       h.received, h.inserted, h.updated, h.unchanged, h.deleted, h.bad_values, h.pages, h.requests, h.bytes, h.note,
       h.error_class, h.message, h.detail, h.hint
  FROM @.mls_history h
 WHERE h.run = $1::bigint

-- question schedules
SELECT j.source, j.process, j.schedule, j.next_run, j.last_run, j.last_status, j.role::text AS role,
       (SELECT avg(extract(epoch FROM l.duration))::float8
          FROM (SELECT h.duration FROM @.mls_history h WHERE coalesce(h.source, h.resource) = j.source AND h.process = j.process AND h.status = 'finished'
                 ORDER BY h.run DESC LIMIT 20) l) AS typical
  FROM @.mls_schedules j

-- question outlets
SELECT DISTINCT o.process, o.source FROM mls.outlet o ORDER BY 1 DESC, 2

-- question publications
SELECT p.destination, p.name, p.view::text AS view, p.state, extract(epoch FROM p.lag)::bigint AS lag, p.refused, p.succeeded_at, p.failures, p.next_attempt_at, p.error
  FROM @.mls_publications p
 ORDER BY 1, 2

-- question feeds
SELECT f.name, f.format, f.store, f.path, f.state, f.written, f.skipped, f.written_at, f.checked_at, f.failures, f.problem
  FROM @.mls_feed_status f
 ORDER BY 1

-- question marts
SELECT m.name, m.state, m.listings, extract(epoch FROM m.lag)::bigint AS lag, m.as_of, m.built_at, m.refreshed_at, m.failures, coalesce(m.held, m.problem) AS problem
  FROM @.mls_marts m
 ORDER BY 1

-- question market_choice (mart text)
SELECT c.level, c.transaction, c.currency FROM mls.market_rows($1::text, 'choice') r, jsonb_to_record(r) AS c (level text, transaction text, currency text)

-- question market_sources (mart text)
SELECT s.source_id, s.name FROM mls.market_rows($1::text, 'sources') r, jsonb_to_record(r) AS s (source_id integer, name text)

-- question market (mart text, level text, transaction text, currency text, source number, months number)
SELECT r.* FROM mls.market_rows($1::text, 'figures', $2::text, $3::text, $4::text, $5::integer::text, least(greatest($6::integer, 1), 120)::text) f,
       jsonb_to_record(f) AS r (month date, location_id integer, type_id integer, place text, kind text, inventory_eom bigint, new_listings bigint, new_pending bigint, closed_sales bigint,
                                median_sale_price numeric, months_supply_12p numeric, dom_median numeric, sale_to_list_pct numeric, is_thin boolean, is_complete boolean)

-- question market_definitions
SELECT c.name, c.definition FROM mls.mart_column c WHERE c.relation = 'agg_market_month' ORDER BY c.place

-- question band
WITH RECURSIVE due (source, process, schedule, at, n) AS (
    SELECT j.source, j.process, j.schedule, mls.cron_next(j.schedule, now()), 1 FROM mls.schedule j
     UNION ALL
    SELECT d.source, d.process, d.schedule, mls.cron_next(d.schedule, d.at), d.n + 1
      FROM due d WHERE d.at < now() + interval '1 day' AND d.n < 290)
SELECT d.source, d.process, array_agg(extract(epoch FROM d.at - now())::bigint ORDER BY d.at) AS seconds, bool_or(d.n = 290) AS all_day
  FROM due d WHERE d.at < now() + interval '1 day'
 GROUP BY d.source, d.process
 ORDER BY 1, 2

-- question find (text text, source text?)
SELECT f.source, f.resource, f.key, f.field, f.label FROM @.mls_find($1::text, nullif($2::text, '')) f LIMIT 100

-- question layers (source text, resource text, key text?)
SELECT l.record_key AS key, l.field, l.bronze, l.silver, l.gold FROM @.mls_layers($1::text, $2::text, nullif($3::text, '')) l

-- question changes (source text, resource text, key text)
SELECT c.position, c.at, c.run, c.kind, c.fields
  FROM mls.change c
 WHERE c.source = $1::text AND c.resource = $2::text AND c.key = $3::text
 ORDER BY c.position DESC
 LIMIT 50

-- question quality (source text?)
SELECT q.source, q.resource, q.field, q.rows, q.filled, q.fill_rate, q.trend, q.in_dictionary, q.too_long, q.outside, q.measured_at
  FROM @.mls_quality q
 WHERE q.filled > 0 AND (nullif($1::text, '') IS NULL OR q.source = $1::text)
 LIMIT 2000

-- question tests
SELECT t.suite, t.test, t.kind, t.relation::text, t.columns, t.severity, t.on_failure, t.status, t.failures, t.at, extract(epoch FROM t.duration)::float8 AS seconds, t.message,
       EXISTS (SELECT FROM @.mls_test_failures f WHERE f.suite = t.suite AND f.test = t.test) AS has_rows
  FROM @.mls_tests t
 ORDER BY array_position('{failed,broken,warned,new,passed}'::text[], t.status), 1, 2
 LIMIT 1000

-- question test_rows (suite text, test text)
SELECT f.key FROM @.mls_test_failures f WHERE f.suite = $1::text AND f.test = $2::text

-- question findings (source text?)
SELECT v.source, f.severity, f.resource, f."check", f.subject, f.count, f.message, v.finished_at
  FROM (SELECT DISTINCT ON (w.source) w.* FROM mls.verification w WHERE w.finished_at IS NOT NULL ORDER BY w.source, w.id DESC) v
  JOIN mls.finding f ON f.verification = v.id
 WHERE nullif($1::text, '') IS NULL OR v.source = $1::text
 ORDER BY v.source, array_position('{error,warning,info}'::text[], f.severity), f.n
 LIMIT 300

-- question issues (source text?)
SELECT s.source, s.resource, i.kind, i.field, i.reason, count(*) AS records, sum(i.times)::bigint AS times, min(i.first_seen) AS first_seen, max(i.last_seen) AS last_seen,
       (array_agg(i.key ORDER BY i.id))[1] AS key, (array_agg(i.value ORDER BY i.id))[1] AS value
  FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription
 WHERE i.solved_at IS NULL AND (nullif($1::text, '') IS NULL OR s.source = $1::text)
 GROUP BY s.source, s.resource, i.kind, i.field, i.reason
 ORDER BY count(*) DESC, s.source, s.resource
 LIMIT 200

-- question mapping (source text, resource text)
SELECT m.resource, m.variant, m.field, m.kind, m.rule, m.type, m.value
  FROM mls.subscription s, LATERAL @.mls_map_explain(s.foreign_table) m
 WHERE s.source = $1::text AND s.resource = $2::text
   AND EXISTS (SELECT FROM pg_class c WHERE c.oid = s.foreign_table)

-- question problems (source text, resource text)
SELECT m.resource, m.variant, m.field, m.problem
  FROM mls.subscription s, LATERAL @.mls_map_check(s.foreign_table) m
 WHERE s.source = $1::text AND s.resource = $2::text
   AND EXISTS (SELECT FROM pg_class c WHERE c.oid = s.foreign_table)

-- question consumers
SELECT c.consumer, c.client_id, c.audience::text AS audience, c.claims, c.limits, c.active, c.added_at, c.changed_at
  FROM mls.consumer c
 ORDER BY c.consumer

-- question usage
SELECT l.consumer, count(*) AS requests, count(*) FILTER (WHERE l.status >= 400) AS refused, count(*) FILTER (WHERE l.status = 429) AS limited,
       sum(l.rows)::bigint AS rows, sum(l.bytes)::bigint AS bytes, round(avg(l.database_ms)::numeric, 1) AS database_ms, max(l.at) AS last_use,
       (SELECT array_agg(coalesce(n.n, 0) ORDER BY h.hour)
          FROM generate_series(0, 23) AS h (hour)
          LEFT JOIN (SELECT 23 - floor(extract(epoch FROM now() - k.at) / 3600)::integer AS hour, count(*) AS n
                       FROM mls.serve_log k WHERE k.at > now() - interval '1 day' AND k.consumer IS NOT DISTINCT FROM l.consumer GROUP BY 1) n ON n.hour = h.hour) AS hours
  FROM mls.serve_log l
 WHERE l.at > now() - interval '1 day'
 GROUP BY l.consumer
 ORDER BY 2 DESC
 LIMIT 200

-- question datasets
SELECT d.source, d.resource, d.foreign_table::text AS foreign_table, d.state, d.files, d.failed, d.bytes, d.rows, d.rejected, d.local_rows, d.issues, d.synced_at, d.error,
       d.next_attempt_at, mls.server_option(d.foreign_table, 'url') AS url, mls.server_option(d.foreign_table, 'url') = 'upload:' AS uploads
  FROM mls.dataset_state d
 ORDER BY 1, 2

-- question files (source text, resource text)
SELECT f.name, f.state, f.bytes, f.rows, f.rejected, f.reading, f.error, CASE f.state WHEN 'failed' THEN s.next_attempt_at END AS next_attempt_at, f.synced_at
  FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription
 WHERE s.source = $1::text AND s.resource = $2::text
 ORDER BY f.state = 'gone', f.state <> 'failed', f.name COLLATE "C"
 LIMIT 1000

-- question metrics
SELECT string_agg(m.line, E'\n') FROM @.mls_metrics() AS m (line)

-- question uptime
SELECT json_build_object(
           'level', CASE WHEN bool_or(h.level = 'critical') THEN 'critical' WHEN bool_or(h.level = 'warning') THEN 'warning' ELSE 'ok' END,
           'at', now(),
           'findings', coalesce(json_agg(json_build_object('item', h.item, 'level', h.level, 'message', h.message)) FILTER (WHERE h.level <> 'ok'), '[]'::json),
           'sources', (SELECT coalesce(json_agg(json_build_object('source', t.source, 'resource', t.resource, 'state', t.state, 'rows', t.rows, 'remote', t.remote,
                                                                  'asked_seconds_ago', extract(epoch FROM t.asked_ago)::bigint, 'error', t.error)), '[]'::json)
                         FROM @.mls_status t))::jsonb::text
  FROM @.mls_health() h

-- long sync (source text?, resource text?, full boolean?, dry_run boolean?)
SELECT r.source, r.resource, r.status, r.received, r.inserted, r.updated, r.unchanged, r.requests, extract(epoch FROM r.duration)::float8 AS seconds, r.message
  FROM @.mls_sync($1::text, $2::text, coalesce($3::boolean, false), coalesce($4::boolean, false)) r

-- long purge (source text, resource text?, force boolean?, dry_run boolean?)
SELECT r.source, r.resource, r.status, r.listed, r.missing, r.deleted, r.requests, extract(epoch FROM r.duration)::float8 AS seconds, r.message
  FROM @.mls_purge($1::text, $2::text, coalesce($3::boolean, false), coalesce($4::boolean, false)) r

-- long reconcile (source text, resource text?, dry_run boolean?)
SELECT r.source, r.resource, r.status, r.listed, r.different, r.inserted, r.updated, r.requests, extract(epoch FROM r.duration)::float8 AS seconds, r.message
  FROM @.mls_reconcile($1::text, $2::text, coalesce($3::boolean, false)) r

-- long undo (run number)
SELECT @.mls_undo($1::bigint) AS restored

-- long count (source text, resource text?)
SELECT r.source, r.resource, r.remote_rows, r.rows, r.difference, r.message FROM @.mls_count($1::text, $2::text) r

-- long verify (source text, samples number?)
SELECT r.severity, r.resource, r."check", r.subject, r.count, r.message FROM @.mls_verify($1::text, coalesce($2::bigint, 20)::integer) r

-- long check (source text)
SELECT r.item, r.ok, r.detail FROM @.mls_check($1::text) r

-- long drift (source text, resource text?)
SELECT r.resource, r.change, r.name, r.message FROM @.mls_schema_check($1::text, $2::text) r

-- long accept (source text, resource text?)
SELECT r.resource, r.change, r.name, r.message FROM @.mls_schema_accept($1::text, $2::text) r

-- long compare (source text, resource text, key text)
SELECT r.field, r.differs, r.remote, r.bronze, r.silver, r.gold FROM @.mls_compare($1::text, $2::text, $3::text) r

-- long publish (source text)
SELECT r.destination, r.name, r.status, r.written, r.deleted, r.refused, r.statements, extract(epoch FROM r.duration)::float8 AS seconds, r.message
  FROM @.mls_publish_sync($1::text) r

-- long feed (source text)
SELECT r.feed, r.status, r.written, r.unchanged, r.skipped, r.documents, extract(epoch FROM r.duration)::float8 AS seconds, r.message
  FROM @.mls_feed_sync($1::text) r

-- long test (source text)
SELECT r.suite, r.status, r.tests, r.passed, r.warned, r.failed, extract(epoch FROM r.duration)::float8 AS seconds, r.message
  FROM @.mls_test_sync($1::text) r

-- long remove (source text, resource text, name text?)
SELECT @.mls_dataset_remove(s.foreign_table, nullif($3::text, '')) AS removed FROM mls.subscription s WHERE s.source = $1::text AND s.resource = $2::text

-- change upload (source text, name text, at number, more boolean, bytes text, begun number?)
SELECT u.total, u.number FROM @.mls_upload($1::text, $2::text, decode($5::text, 'base64'), $3::bigint, $4::boolean, coalesce($6::bigint, 0)) u

-- long mart (source text, rebuild boolean?)
SELECT r.mart, r.status, r.listings, r.groups, r.figures, extract(epoch FROM r.duration)::float8 AS seconds, r.message
  FROM @.mls_mart_sync($1::text, coalesce($2::boolean, false)) r

-- change schedule (source text, sync text?, purge text?, reconcile text?, geocode text?, media text?, publish text?, feed text?, mart text?, test text?)
SELECT r.process, r.schedule, r.next_run FROM @.mls_schedule($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::text) r
