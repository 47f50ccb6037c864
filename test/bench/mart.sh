#!/usr/bin/env bash
# A mart of very many listings: full build beside one hand-written query for the same figures, and
# refreshes after few changes: see README.md.
#
#   bash test/bench/mart.sh [LISTINGS]             # default 300000
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/packages.sh
n=${1:-300000}
repeats=${MLS_REPEATS:-3}
work=$(mktemp -d /tmp/mls_fdw_bench.XXXXXX)
chmod 755 "$work"
finish() {
	[ -f "$work/data/postmaster.pid" ] && as_user "$bin/pg_ctl" -D "$work/data" -m immediate -s stop >/dev/null
	[ -n "${MLS_KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"
}
trap finish EXIT
bin=$(bash test/tmp_install.sh "$work/install")
mkdir "$work/data"
[ "$(id -u)" -eq 0 ] && chown postgres "$work" "$work/data"
as_user "$bin/initdb" -D "$work/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
cat >>"$work/data/postgresql.conf" <<-END_OF_SETTINGS
	listen_addresses = ''
	unix_socket_directories = '$work/data'
	max_wal_size = 8GB
	shared_buffers = 512MB
	work_mem = 64MB
	maintenance_work_mem = 128MB
	autovacuum = off
	jit = off
	max_parallel_workers_per_gather = 0
END_OF_SETTINGS
[ -n "${MLS_EXPLAIN:-}" ] && cat >>"$work/data/postgresql.conf" <<-END_OF_SETTINGS
	shared_preload_libraries = 'auto_explain'
	auto_explain.log_min_duration = '${MLS_EXPLAIN}'
	auto_explain.log_nested_statements = on
	auto_explain.log_analyze = on
	auto_explain.log_timing = off
END_OF_SETTINGS
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/data/log" -s -w start
sql() { as_user "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$work/data" -U postgres -d postgres "$@"; }
seconds() { # seconds COMMAND...
	local from
	from=$(date +%s.%N)
	"$@" >/dev/null
	echo "$(date +%s.%N) - $from" | bc
}
# Processor time of the server's processes that have ended: sessions and background workers.
ended() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); print ($14 + $15) / hz }' "/proc/$(head -1 "$work/data/postmaster.pid")/stat"; }
processor() { # processor COMMAND...: its seconds of processor, and those that passed
	local before passed
	before=$(ended)
	passed=$(seconds "$@")
	# The server hears of the end of a session a moment later than its client.
	for _ in $(seq 100); do
		[ "$(pgrep -cP "$(head -1 "$work/data/postmaster.pid")" -f 'postgres.*(\[local\]|mls_fdw mart)')" -eq 0 ] && break
		read -rt 0.05 <> <(:) || true
	done
	echo "$(echo "$(ended) - $before" | bc) $passed"
}
best() { sort -g | head -1; }

# 100 cities by three kinds of property, of all sources together and of the one that there is: 600
# groups over 66 months.
sql <<-END_OF_SQL
	CREATE EXTENSION mls_fdw;
	CREATE SERVER east FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://east.invalid/', timezone 'America/Chicago');
	CREATE SCHEMA gold;
	CREATE TABLE gold.property ("ListingKey" text PRIMARY KEY, mls_source text NOT NULL DEFAULT 'east', mls_origin text NOT NULL DEFAULT 'Property', mls_source_key text NOT NULL DEFAULT '', mls_updated_at timestamptz NOT NULL DEFAULT now(),
		"StandardStatus" text, "PropertyType" text DEFAULT 'Residential', "PropertySubType" text DEFAULT 'Single Family Residence', "Country" text DEFAULT 'US', "StateOrProvince" text DEFAULT 'TX', "City" text, "ParcelNumber" text,
		"OnMarketDate" date, "PurchaseContractDate" date, "CloseDate" date, "OffMarketDate" date, "StatusChangeTimestamp" timestamptz, "PriceChangeTimestamp" timestamptz, "ListPrice" numeric, "OriginalListPrice" numeric, "ClosePrice" numeric,
		"ConcessionsAmount" numeric, "LivingArea" numeric, "DaysOnMarket" bigint, "CumulativeDaysOnMarket" bigint, "ListAgentKey" text, "BuyerAgentKey" text, "ListOfficeKey" text, "BuyerOfficeKey" text);
	SELECT setseed(0.5);
	INSERT INTO gold.property ("ListingKey", "StandardStatus", "City", "ParcelNumber", "OnMarketDate", "PurchaseContractDate", "CloseDate", "OffMarketDate", "StatusChangeTimestamp", "PriceChangeTimestamp", "ListPrice", "OriginalListPrice", "ClosePrice",
		"ConcessionsAmount", "LivingArea", "DaysOnMarket", "CumulativeDaysOnMarket", "ListAgentKey", "BuyerAgentKey", "ListOfficeKey", "BuyerOfficeKey")
	SELECT 'L' || lpad(i::text, 8, '0'), s.status, 'City ' || i % 100, 'P' || lpad((i % ($n * 9 / 10))::text, 9, '0'), d.listed, CASE WHEN s.status IN ('Closed', 'Pending') THEN d.contract END,
	       CASE WHEN s.status = 'Closed' THEN d.contract + 10 + (i % 30)::integer END, CASE WHEN s.status IN ('Expired', 'Withdrawn') THEN least(d.listed + 90, current_date) END,
	       CASE WHEN s.status <> 'Active' THEN d.contract + interval '12 hours' END, CASE WHEN i % 4 = 0 THEN d.listed + interval '20 days' END, p, p * CASE WHEN i % 4 = 0 THEN 1.05 ELSE 1 END, round(p * (0.94 + 0.08 * r)::numeric, 0), CASE WHEN i % 5 = 0 THEN 2000 END, 900 + i % 2500,
	       d.contract - d.listed, d.contract - d.listed + i % 50, 'A' || i % 3000, 'A' || i % 2900, 'O' || i % 300, 'O' || i % 290
	  FROM generate_series(1, $n) i
	 CROSS JOIN LATERAL (SELECT random() AS r, round((200000 + random() * 600000)::numeric, -2) AS p, (date_trunc('month', current_date) - interval '65 months')::date + floor(random() * 1970 + 0 * i)::integer AS listed, (10 + random() * 80 + 0 * i)::integer AS days) x
	 CROSS JOIN LATERAL (SELECT x.listed, x.listed + x.days AS contract) d
	 CROSS JOIN LATERAL (SELECT CASE WHEN r < 0.72 AND d.contract + 40 < current_date THEN 'Closed' WHEN r < 0.78 AND d.contract < current_date THEN 'Pending' WHEN r < 0.78 THEN 'Active' WHEN r < 0.88 THEN 'Expired'
	                                 WHEN d.listed > current_date - 120 THEN 'Active' ELSE 'Withdrawn' END AS status) s;
	VACUUM ANALYZE gold.property;
	SELECT mls_mart_create('mart', levels => '{city}', coverage => '{"east": "2015-01-01"}') \g /dev/null
END_OF_SQL

full=$(for _ in $(seq "$repeats"); do
	sql -c "SELECT mls_mart_drop('mart')" -c "SELECT mls_mart_create('mart', levels => '{city}', coverage => '{\"east\": \"2015-01-01\"}')" >/dev/null
	processor sql -c "SELECT * FROM mls_mart_sync('mart')"
done | best)
hand=$(for _ in $(seq "$repeats"); do processor sql -f test/bench/mart.sql; done | best)
again=$(seconds sql -c "SELECT * FROM mls_mart_sync('mart', rebuild => true)")
groups=$(sql -c 'SELECT count(*) FROM (SELECT DISTINCT location_id, type_id, source_id FROM mart.agg_market_month) g')
differ=$(sql -c "SELECT count(*) FROM (
	SELECT initcap(l.name), t.level, a.source_id, a.month, a.new_listings, a.new_pending, a.closed_sales, a.volume, a.inventory_eom, a.median_sale_price, a.dom_median, a.sale_to_list_pct
	  FROM mart.agg_market_month a JOIN mart.dim_location l USING (location_id) JOIN mart.dim_property_type t USING (type_id)
	EXCEPT SELECT city, kind, source_id, month, new_listings, new_pending, closed_sales, volume, inventory_eom, median_sale_price, dom_median, sale_to_list_pct FROM by_hand) d")
# A change of one listing is in six groups: its kinds of property, of all sources and of its own.
change() { sql -c "UPDATE gold.property SET \"ClosePrice\" = \"ClosePrice\" + 1000 WHERE \"ListingKey\" IN (SELECT \"ListingKey\" FROM gold.property WHERE \"StandardStatus\" = 'Closed' ORDER BY md5(\"ListingKey\" || clock_timestamp()::text) LIMIT $1)"; }
refresh() { # refresh LISTINGS: seconds of the statements, without starting a process, best of three
	for _ in $(seq "$repeats"); do
		change "$1"
		sql -c "SELECT extract(epoch FROM duration) FROM mls_mart_sync('mart')"
	done | best
}
few=$(refresh 1)
of_few=$(sql -c "SELECT pages FROM mls_history WHERE process = 'mart' ORDER BY run DESC LIMIT 1")
page=$(refresh 1000)
nothing=$(sql -c "SELECT extract(epoch FROM duration) FROM mls_mart_sync('mart')")
# What a page costs who writes it, with a mart and without.
write() { seconds sql -c "UPDATE gold.property SET \"ListPrice\" = \"ListPrice\" + 1 WHERE \"ListingKey\" BETWEEN 'L00001000' AND 'L00001999'"; }
with=$(for _ in $(seq "$repeats"); do write; done | best)
sql -c "SELECT mls_mart_drop('mart')" >/dev/null
without=$(for _ in $(seq "$repeats"); do write; done | best)
awk -v n="$n" -v groups="$groups" -v full="$full" -v hand="$hand" -v again="$again" -v differ="$differ" -v few="$few" -v of_few="$of_few" -v page="$page" -v nothing="$nothing" -v with="$with" -v without="$without" 'BEGIN {
	printf "%d listings, %d groups over 66 months; %d rows differ from those of the hand-written query\n", n, groups, differ
	split(full, f)
	split(hand, h)
	printf "full build            %7.2f s of processor, %7.2f s\n", f[1], f[2]
	printf "hand-written query    %7.2f s of processor, %7.2f s: the build takes %.2f of its processor time, %.2f of its time (goal 1.2)\n", h[1], h[2], f[1] / h[1], f[2] / h[2]
	printf "built again, the same %7.2f s\n", again
	printf "one listing           %7.2f s, %d groups (goal 0.5 s)\n", few, of_few
	printf "1,000 listings        %7.2f s\n", page
	printf "nothing               %7.2f s\n", nothing
	printf "a page of 1,000 changes costs its writer %.3f s with a mart, %.3f s without (goal: the same)\n", with, without }'
