#!/usr/bin/env bash
# Feeds of many listings: seconds and memory of the first and of an unchanged run, beside COPY of the same view.
#   bash test/bench/feeds.sh [LISTINGS]
set -euo pipefail
n=${1:-100000}
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/test/packages.sh"
work=$(mktemp -d /tmp/mls_feeds.XXXXXX)
chmod 755 "$work"
cleanup() {
	[ ! -f "$work/db/data/postmaster.pid" ] || as_user "$bin/pg_ctl" -s -D "$work/db/data" -m immediate stop || true
	rm -rf "$work"
}
trap cleanup EXIT
# MLS_BIN: a server that has the extension already.
bin=${MLS_BIN:-$(bash "$top/test/tmp_install.sh" "$work/install")}
mkdir "$work/db" "$work/feeds"
[ "$(id -u)" -ne 0 ] || chown postgres "$work/db" "$work/feeds"
as_user "$bin/initdb" -U postgres -D "$work/db/data" -A trust -N -E UTF8 --locale=C.UTF-8 >/dev/null
as_user "$bin/pg_ctl" -w -s -D "$work/db/data" -l "$work/db/log" \
	-o "-c listen_addresses='' -k $work/db -c mls_fdw.file_directories=$work/feeds -c max_wal_size=4GB" start
sql() { as_user "$bin/psql" -XAtq -h "$work/db" -U postgres -d postgres -c "$1"; }
sql 'CREATE EXTENSION mls_fdw'
sql "CREATE SERVER portals FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$work/feeds', public_url 'https://feeds.example.com')"
sql "CREATE TABLE listing AS SELECT 'k' || i AS \"ListingKey\", 'A-' || i AS \"ListingId\", 'Active' AS \"StandardStatus\", 'Residential' AS \"PropertyType\", 'Apartment' AS \"PropertySubType\",
	100000 + i AS \"ListPrice\", 'Limassol' AS \"City\", 'LM' AS \"StateOrProvince\", 'CY' AS \"Country\", 34.6 + i / 1e7 AS \"Latitude\", 33.0 + i / 1e7 AS \"Longitude\", 3 AS \"BedroomsTotal\",
	120 AS \"LivingArea\", 'Square Meters' AS \"LivingAreaUnits\", repeat(md5(i::text) || ' & ', 40) AS \"PublicRemarks\", now() AS \"ModificationTimestamp\" FROM generate_series(1, $n) i;
	CREATE TABLE media AS SELECT 'm' || i || '-' || p AS \"MediaKey\", 'k' || i AS \"ResourceRecordKey\", 'https://cdn.example.com/' || i || '/' || p || '.jpg' AS \"MediaURL\", p AS \"Order\" FROM generate_series(1, $n) i, generate_series(1, 10) p;
	CREATE INDEX ON media (\"ResourceRecordKey\"); ANALYZE listing; ANALYZE media"
# Seconds and the most memory of its own that the worker had, in MB.
measure() {
	local started most=0 now pid
	started=$EPOCHREALTIME
	sql "$2" >"$work/out" &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		for status in $(grep -lsa 'mls_fdw feed' /proc/[0-9]*/cmdline | sed 's:cmdline$:status:'); do
			now=$(awk '/^RssAnon/ { print $2 }' "$status" 2>/dev/null || true)
			[ "${now:-0}" -le "$most" ] || most=$now
		done
		sleep 0.05
	done
	wait $pid
	printf '%-28s %8.1f s %6d MB   %s\n' "$1" "$(awk -v a="$EPOCHREALTIME" -v b="$started" 'BEGIN { print a - b }')" $((most / 1024)) "$(cat "$work/out")"
}
measure 'COPY of the view, as a measure' "COPY (SELECT l.*, (SELECT array_agg(m.\"MediaURL\" ORDER BY m.\"Order\") FROM media m WHERE m.\"ResourceRecordKey\" = l.\"ListingKey\") FROM listing l ORDER BY 1) TO '$work/feeds/copy.txt'"
for format in kyero trovit reso sitemap; do
	sql "SELECT mls_feed('$format', '$format', 'listing', 'portals', '$format.xml', settings => '{\"url\": \"https://www.example.com/{key}\"}', media => 'media')" >/dev/null
	measure "$format" "SELECT written, skipped, documents FROM mls_feed_sync('$format')"
	measure "$format, unchanged" "SELECT written, unchanged, documents FROM mls_feed_sync('$format')"
done
sql "UPDATE listing SET \"ListPrice\" = \"ListPrice\" + 1 WHERE \"ListingKey\" LIKE '%7'"
measure 'kyero, a tenth changed' "SELECT written, unchanged, documents FROM mls_feed_sync('kyero')"
sql 'SELECT name, bytes / 1000000 AS mb FROM mls_feed_status ORDER BY name'
