#!/usr/bin/env bash
# From a file of CSV to typed rows, beside COPY into a table of texts and casts in SQL: see README.md.
#   bash test/bench/datasets.sh [ROWS [REPEATS]]
set -euo pipefail
n=${1:-200000}
repeats=${2:-${MLS_REPEATS:-3}}
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/test/packages.sh"
work=$(mktemp -d /tmp/mls_datasets.XXXXXX)
chmod 755 "$work"
cleanup() {
	[ ! -f "$work/db/data/postmaster.pid" ] || as_user "$bin/pg_ctl" -s -D "$work/db/data" -m immediate stop || true
	rm -rf "$work"
}
trap cleanup EXIT
# MLS_BIN: a server that has the extension already.
bin=${MLS_BIN:-$(bash "$top/test/tmp_install.sh" "$work/install")}
mkdir "$work/db" "$work/files" "$work/small"
[ "$(id -u)" -ne 0 ] || chown postgres "$work/db" "$work/files" "$work/small"
as_user "$bin/initdb" -U postgres -D "$work/db/data" -A trust -N -E UTF8 --locale=C.UTF-8 >/dev/null
as_user "$bin/pg_ctl" -w -s -D "$work/db/data" -l "$work/db/log" \
	-o "-c listen_addresses='' -k $work/db -c mls_fdw.file_directories=$work -c max_wal_size=4GB -c shared_buffers=256MB" start
sql() { as_user "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$work/db" -U postgres -d postgres -c "$1"; }
sql 'CREATE EXTENSION mls_fdw'
postmaster=$(head -n 1 "$work/db/data/postmaster.pid")

# Twenty columns, as a list of listings has them.
rows() { # rows COUNT
	awk -v n="$1" 'BEGIN {
		print "Code,Zip,Street,City,State,Status,Agent,Phone,Beds,Baths,Area,Year,Price,Fee,Latitude,Longitude,Listed,Changed,Pool,Remarks"
		split("Austin Boston Chicago Dallas", city); split("Active Pending Closed", status)
		for (i = 1; i <= n; i++)
			printf "L%08d,%05d,\"%d Main St, Unit %d\",%s,TX,%s,Agent %d,512-555-%04d,%d,%d,%d,%d,%d.50,%d.25,%.6f,%.6f,2024-%02d-%02d,2025-%02d-%02d %02d:%02d:%02d+00,%s,\"A house with a \"\"view\"\", number %d\"\n",
				i, i % 99999, i % 9999, i % 97, city[i % 4 + 1], status[i % 3 + 1], i % 500, i % 10000, i % 6, i % 4, 900 + i % 3000, 1950 + i % 75,
				100000 + i % 900000, i % 500, 30 + i / 1e6, -97 - i / 1e6, i % 12 + 1, i % 28 + 1, i % 12 + 1, i % 28 + 1, i % 24, i % 60, i % 59, i % 2 ? "true" : "false", i
	}'
}
rows "$n" >"$work/files/listings.csv"
rows 10000 >"$work/small/small.csv"
touch -d '1 hour ago' "$work/files/listings.csv" "$work/small/small.csv"
texts='code text, zip text, street text, city text, state text, status text, agent text, phone text, beds text, baths text, area text, year text, price text, fee text, latitude text, longitude text, listed text, changed text, pool text, remarks text'
casts='code, zip, street, city, state, status, agent, phone, beds::bigint, baths::bigint, area::bigint, year::bigint, price::numeric, fee::numeric, latitude::numeric, longitude::numeric, listed::date, changed::timestamptz, pool::boolean, remarks'

# Processor time of the server's processes that have ended.
processor() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*[)] /, ""); print ($14 + $15) / hz }' "/proc/$postmaster/stat"; }

# Seconds of a statement, those of the processor in a file; a checkpoint before it, so that none falls into it.
seconds() {
	local started before
	sql CHECKPOINT
	sleep 0.2
	before=$(processor)
	started=$EPOCHREALTIME
	sql "$1" >"$work/out"
	awk -v a="$EPOCHREALTIME" -v b="$started" 'BEGIN { printf "%.2f", a - b }'
	sleep 0.2
	awk -v a="$(processor)" -v b="$before" 'BEGIN { printf "%.2f", a - b }' >"$work/processor"
}
best() { sort -n | head -n 1; }
figure() { # figure NAME VALUE GOAL GOOD DETAIL
	printf '%-44s %10s   goal %-8s %s   %s\n' "$1" "$2" "$3" "$([ "$4" = 1 ] && echo 'reached' || echo 'MISSED ')" "$5"
}
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { print (a >= b) }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

sql "CREATE SERVER office FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$work/files', schema_check_interval '1 day');
	CREATE SCHEMA office; IMPORT FOREIGN SCHEMA files FROM SERVER office INTO office"
for _ in $(seq "$repeats"); do
	sql 'DROP TABLE IF EXISTS raw, typed, live'
	a=$(seconds "CREATE TABLE raw ($texts); COPY raw FROM '$work/files/listings.csv' (FORMAT csv, HEADER); CREATE TABLE typed AS SELECT $casts FROM raw")
	cpu=$(cat "$work/processor")
	key=$(seconds 'ALTER TABLE typed ADD PRIMARY KEY (code)')
	awk -v a="$cpu" -v b="$(cat "$work/processor")" 'BEGIN { printf "%.2f\n", a + b }' >>"$work/keyed_processor"
	echo "$a" >>"$work/copy"
	awk -v a="$a" -v b="$key" 'BEGIN { printf "%.2f\n", a + b }' >>"$work/keyed"
	seconds 'CREATE TABLE live AS SELECT * FROM office.listings' >>"$work/live"
	echo >>"$work/live"
	sql "SELECT mls_unsubscribe('office.listings') WHERE EXISTS (SELECT FROM mls.subscription); DROP TABLE IF EXISTS bronze.office_listings, silver.office_listings" 2>/dev/null
	sql "SELECT mls_subscribe('office.listings')" >/dev/null
	(
		most=0
		while [ ! -f "$work/done" ]; do
			for status in $(grep -lsa 'mls_fdw sync' /proc/[0-9]*/cmdline | sed 's:cmdline$:status:'); do
				now=$(awk -v postmaster="$postmaster" '/^PPid/ { ours = $2 == postmaster } /^RssAnon/ && ours { print $2 }' "$status" 2>/dev/null || true)
				[ "${now:-0}" -le "$most" ] || most=$now
			done
			sleep 0.05
		done
		echo $((most / 1024)) >"$work/memory"
	) &
	watcher=$!
	seconds "SELECT status || ' ' || inserted FROM mls_sync('office')" >>"$work/sync"
	echo >>"$work/sync"
	cat "$work/processor" >>"$work/sync_processor"
	echo >>"$work/sync_processor"
	touch "$work/done"
	wait $watcher
	rm "$work/done"
	grep -qx "finished $n" "$work/out" || { echo "the sync said: $(cat "$work/out")" >&2; exit 1; }
done
[ "$(sql 'SELECT count(*) FROM (TABLE typed EXCEPT SELECT code, zip, street, city, state, status, agent, phone, beds, baths, area, year, price, fee, latitude, longitude, listed, changed, pool, remarks FROM silver.office_listings) AS differ')" = 0 ] ||
	{ echo 'silver is another than the casts' >&2; exit 1; }
copy=$(best <"$work/copy")
keyed=$(best <"$work/keyed")
live=$(grep . "$work/live" | best)
sync=$(grep . "$work/sync" | best)
small=$(seconds "CREATE SERVER small FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$work/small'); CREATE SCHEMA small;
	IMPORT FOREIGN SCHEMA files FROM SERVER small INTO small; SELECT count(*) FROM small.small")
echo "$n rows of 20 columns, $(du -m "$work/files/listings.csv" | cut -f1) MB; best of $repeats, in turn"
r=$(ratio "$copy" "$live")
figure 'CSV to a typed table, to COPY and casts' "$r" '>= 2' "$(at_least "$r" 2)" "$live s for $copy s"
r=$(ratio "$keyed" "$sync")
figure 'sync to bronze and silver, to the same with a key' "$r" '>= 2' "$(at_least "$r" 2)" "$sync s for $keyed s"
sync=$(grep . "$work/sync_processor" | best)
keyed=$(best <"$work/keyed_processor")
r=$(ratio "$keyed" "$sync")
figure 'the same by processor time' "$r" '>= 2' "$(at_least "$r" 2)" "$sync s for $keyed s"
figure 'worker of the sync, private memory' "$(cat "$work/memory") MB" '<= 96' "$(at_least 96 "$(cat "$work/memory")")" "$n rows: a page, and the keys met"
figure 'a file of 10,000 rows, from nothing to a query' "$small s" '<= 2' "$(at_least 2 "$small")" 'server, import, count'
