# A mart is a process like others: scheduled, watched, counted, told of, held; what a run has not
# finished it has not begun, and nothing that is pruned is missing to it.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'pg_cron is not installed' unless -e `pg_config --sharedir` =~ s/\s+\z//r . '/extension/pg_cron.control';

# Jobs are made and never run.
my $node = empty_node('mart_process', shared_preload_libraries => "'pg_cron'", 'cron.database_name' => "'postgres'", 'cron.host' => "'/nonexistent'", restart_after_crash => 'on');
$node->start;

sub sql
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub fill
{
	my ($more, $columns) = @_;
	return sql('SELECT ' . ($columns || 'status, listings, message') . ' FROM mls_mart_sync(' . ($more || '') . ')');
}

sub health
{
	my ($item, $more) = @_;
	return sql('SELECT level || \': \' || message FROM mls_health(' . ($more || '') . ") WHERE item = '$item'");
}

sql(q{
	CREATE EXTENSION pg_cron;
	CREATE EXTENSION mls_fdw;
	CREATE SERVER east FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://east.example.com/', timezone 'America/New_York');
	CREATE ROLE analyst LOGIN;
	CREATE ROLE watcher LOGIN;
	GRANT pg_monitor TO watcher;
	SELECT mls_grant('analyst');
	GRANT CREATE ON DATABASE postgres TO analyst;
	GRANT USAGE ON SCHEMA cron TO analyst;
	CREATE TABLE gold.property ("ListingKey" text PRIMARY KEY, mls_source text NOT NULL DEFAULT 'east', mls_origin text NOT NULL DEFAULT 'Property', mls_source_key text NOT NULL DEFAULT '',
		mls_updated_at timestamptz NOT NULL DEFAULT now(), "StandardStatus" text DEFAULT 'Active', "PropertyType" text DEFAULT 'Residential', "City" text DEFAULT 'Austin', "OnMarketDate" date DEFAULT '2025-01-15',
		"PurchaseContractDate" date, "CloseDate" date, "ClosePrice" numeric, "ListPrice" numeric DEFAULT 100000);
	INSERT INTO gold.property ("ListingKey") SELECT 'L' || i FROM generate_series(1, 300) i;
	GRANT SELECT ON gold.property TO analyst;
	SELECT mls_serve_events('{Property}');
	SET ROLE analyst;
	SELECT mls_mart_create('mart', levels => '{all,city}', coverage => '{"east": "2024-01-01"}')});

# ---- Scheduled ----

like(sql_error($node, q{SELECT mls_schedule('marts', mart => '*/15 * * * *')}), qr/42704.*there is no mart "marts".*Perhaps you meant "mart"/s, 'a mart that is none is not scheduled');
like(sql_error($node, q{SELECT mls_schedule('mart', sync => '*/15 * * * *')}), qr/42704.*source "mart" does not exist/s, 'nor is a mart synced');
is(sql(q{SET ROLE analyst; SELECT process, schedule FROM mls_schedule('mart', mart => '*/15 * * * *')}), 'mart|*/15 * * * *', 'it is scheduled');
is(sql(q{SELECT jobname, username, command FROM cron.job WHERE jobname LIKE 'mls mart%'}), q{mls mart mart|analyst|SELECT * FROM public.mls_mart_sync('mart')}, 'as a job of who said so');
is(sql(q{SELECT source, process, next_run > now(), last_run, last_status FROM mls_schedules}), 'mart|mart|t||', 'which is listed, and has not run');
is(fill(q{'mart'}), 'finished|300|all was computed: it is new', 'it is filled');
is(sql(q{SET ROLE watcher; SELECT source, process, last_run IS NOT NULL, last_status, role FROM mls_schedules}), 'mart|mart|t|finished|analyst', 'what became of it is seen by who watches');
like(health('schedule'), qr/^ok: 1 process is scheduled/, 'it is not late');
sql(q{UPDATE mls.schedule SET schedule = '* * * * *', scheduled_at = scheduled_at - interval '3 days'; UPDATE mls.run SET started_at = started_at - interval '2 days', finished_at = finished_at - interval '2 days'});
like(health('schedule', q{grace => '-2 minutes'}), qr/mart of mart \(due /, 'a run that did not begin is missed');
sql(q{UPDATE mls.schedule SET schedule = '*/15 * * * *'; DELETE FROM cron.job WHERE jobname = 'mls mart mart'});
like(health('jobs'), qr/^critical: .*mls mart mart/, 'and a job that is gone');
is(sql(q{SET ROLE analyst; SELECT count(*) FROM mls_schedule('mart', mart => '*/15 * * * *')}), 1, 'until it is made again');

# ---- Seen ----

is(sql(q{SET ROLE watcher; SELECT name, state, listings, lag IS NULL, owner FROM mls_marts}), 'mart|filled|300|t|analyst', 'how it is doing');
sql(q{UPDATE gold.property SET "StandardStatus" = 'Pending', "PurchaseContractDate" = '2025-02-01' WHERE "ListingKey" IN ('L1', 'L2')});
is(sql(q{SET ROLE watcher; SELECT lag >= '0' FROM mls_marts}), 't', 'it is behind');
is(sql(q{SET ROLE watcher; SELECT count(*) FROM mls_metrics() m WHERE m IN ('mls_mart_listings{mart="mart"} 300', 'mls_mart_failures{mart="mart"} 0', 'mls_mart_held{mart="mart"} 0')}), 3, 'its numbers');
is(sql(q{SET ROLE watcher; SELECT split_part(m, ' ', 2)::float8 > 0 FROM mls_metrics() m WHERE m LIKE 'mls\_mart\_lag\_seconds_mart=%'}), 't', 'and how far it is behind');
is(health('marts'), 'ok: 1 mart is filled', 'it is well');
sql(q{UPDATE mls.mart SET refreshed_at = now() - interval '3 days'});
like(health('marts'), qr/^warning: nobody has filled for 1 day: mart/, 'until nobody fills it');
sql(q{UPDATE mls.schedule SET schedule = '0 0 ' || to_char(now(), 'DD MM') || ' *'});
is(health('marts'), 'ok: 1 mart is filled', 'unless it is not to be filled before');
sql(q{UPDATE mls.schedule SET schedule = '*/15 * * * *'});
sql(q{SELECT mls_alert_receiver('desk', 'slack', 'https://127.0.0.1:1/'), mls_alert_rule('all', 'desk', 'health', 'warning')});
like(sql(q{SELECT string_agg(message, E'\n') FROM mls_alert()}), qr/nobody has filled for 1 day: mart/, 'which alerts tell');
sql(q{SELECT mls_alert_rule_remove('all'), mls_alert_receiver_remove('desk')});

# ---- Held ----

like(sql_error($node, q{SET ROLE watcher; SELECT mls_mart_hold('mart', 'no')}), qr/42501/, 'a mart is not held by who only watches');
my $figures = q{SELECT string_agg(concat_ws(' ', month, inventory_eom, new_pending), ', ' ORDER BY month, location_id, type_id, source_id) FROM mart.agg_market_month};
my $before = sql($figures);
sql(q{SET ROLE analyst; SELECT mls_mart_hold('mart', 'closings are being mended')});
is(fill(q{'mart'}), 'finished|0|it is held: closings are being mended', 'a run of one that is held');
is(sql($figures), $before, 'leaves the figures');
is(sql(q{SELECT state, held FROM mls_marts}), 'held|closings are being mended', 'as is seen');
is(health('marts'), 'warning: mart is held: closings are being mended', 'and not forgotten');
sql(q{SET ROLE analyst; SELECT mls_mart_hold('mart', NULL)});
is(fill(q{'mart'}), 'finished|2|', 'what came meanwhile comes then');
isnt(sql($figures), $before, 'into the figures');

# ---- What is pruned ----

sql(q{UPDATE gold.property SET "StandardStatus" = 'Closed', "CloseDate" = '2025-03-03', "ClosePrice" = 90000 WHERE "ListingKey" IN ('L1', 'L2', 'L3'); DELETE FROM gold.property WHERE "ListingKey" = 'L4';
	UPDATE mls.entity_event SET at = at - interval '1 year'});
is(sql(q{SET mls_fdw.change_retention = '1min'; SET mls_fdw.run_retention = '1min'; SELECT count(*) > 0 FROM mls_prune()}), 't', 'everything is pruned that is old');
is(fill(q{'mart'}), 'finished|3|', 'a mart that was away for a year has missed nothing');
is(sql(q{SELECT count(*) FILTER (WHERE close_date = '2025-03-03'), count(*) FROM mart.fct_listing}), '3|299', 'neither sales nor what is gone');
sql(q{SELECT mls_serve_events('{Property}', track => false); UPDATE gold.property SET "City" = 'Waco' WHERE "ListingKey" = 'L5'; DELETE FROM gold.property WHERE "ListingKey" = 'L6'; SELECT mls_serve_events('{Property}')});
is(fill(q{'mart'}), 'finished|298|all was computed: much has changed', 'a gap in which nobody noted anything is closed by all');
is(sql(q{SELECT string_agg(l.city, '') FROM mart.fct_listing f JOIN mart.dim_location l ON l.location_id = f.city_id WHERE listing_key IN ('L5', 'L6')}), 'waco', 'and right');
sql(q{ALTER TABLE gold.property DISABLE TRIGGER mls_events_update; UPDATE gold.property SET "City" = 'Dallas' WHERE "ListingKey" = 'L5'});
is(fill(q{'mart'}), 'finished|298|all was computed: nobody notes changes of listings', 'a trigger that is switched off is none');
is(sql(q{SELECT l.city FROM mart.fct_listing f JOIN mart.dim_location l ON l.location_id = f.city_id WHERE listing_key = 'L5'}), 'dallas', 'so nothing is missed');
sql(q{ALTER TABLE gold.property ENABLE TRIGGER mls_events_update});
is(fill(q{'mart'}), 'finished|0|', 'and nothing computed twice');

# ---- A run that dies between facts and figures ----

sql(q{UPDATE gold.property SET "City" = 'Waco' WHERE "ListingKey" IN ('L7', 'L8')});
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; LOCK TABLE mart.agg_market_month IN SHARE MODE');
my $call = start_psql($node, q{SELECT status FROM mls_mart_sync('mart')});
ok($node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'mls_fdw mart' AND wait_event_type = 'Lock')}), 'facts are there, figures wait');
is(sql(q{SET ROLE watcher; SELECT source, resource, process, phase, waiting_for FROM mls_progress}), '|mart|mart|computing|lock', 'as is seen');
my $worker = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'mls_fdw mart'});
kill 9, $worker;
end_psql($call);
eval { $session->quit };
ok($node->poll_query_until('postgres', 'SELECT true'), 'its process is killed, and the server comes back');
is(sql(q{SELECT count(*) FROM mart.fct_listing f JOIN mart.dim_location l ON l.location_id = f.city_id WHERE listing_key IN ('L7', 'L8') AND l.city = 'austin'}), 2, 'facts are those of the figures');
is(fill(q{'mart'}), 'finished|2|', 'the next run does it');
is(sql(q{SELECT count(*) FROM mart.fct_listing f JOIN mart.dim_location l ON l.location_id = f.city_id WHERE listing_key IN ('L7', 'L8') AND l.city = 'waco'}), 2, 'all of it');
is(sql(q{SELECT sum(inventory_eom) FROM mart.agg_market_month a JOIN mart.dim_location l USING (location_id) JOIN mart.dim_property_type t USING (type_id)
	WHERE l.city = 'waco' AND t.level = 'all' AND a.source_id = 0 AND month = '2025-02-01'}), 2, 'figures, too');
is(sql(q{SELECT string_agg(status, ' ' ORDER BY run) FROM (SELECT run, status FROM mls_history WHERE process = 'mart' ORDER BY run DESC LIMIT 2) h}), 'crashed finished', 'and the history knows');

# ---- What it costs others ----

my $triggers = sql(q{SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'gold.property'::regclass AND NOT tgisinternal});
sql(q{SET ROLE analyst; SELECT mls_mart_create('second', levels => '{all}')});
is(sql(q{SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'gold.property'::regclass AND NOT tgisinternal}), $triggers, 'who writes gold does nothing more for a second mart');
is($triggers, 'mls_events_delete mls_events_insert mls_events_truncate mls_events_update', 'than to note what has changed');

# ---- Gone ----

sql(q{SET ROLE analyst; SELECT mls_mart_drop('second'), mls_mart_drop('mart')});
like(health('orphans'), qr/^warning: .*: mart; call mls_unschedule/, 'a mart that is gone is still scheduled');
is(sql(q{SET ROLE analyst; SELECT mls_unschedule('mart')}), 1, 'until it is not');
like(health('orphans'), qr/^ok/, 'then all is well');

done_testing();
