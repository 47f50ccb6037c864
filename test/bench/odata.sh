#!/usr/bin/env bash
# What mls.odata() costs beside row_to_json(): rows of 200 columns, as a wide Property has
# them, in one run on a private PostgreSQL.  Prints milliseconds for 1,000 rows and the ratio.
#
#   bash test/bench/odata.sh [ROUNDS]       MLS_ROWS=20000 rows in the table
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/test/packages.sh"
rounds=${1:-9}
work=$(mktemp -d /tmp/mls_fdw_odata.XXXXXX)
chmod 755 "$work"
finish() {
	[ ! -f "$work/data/postmaster.pid" ] || as_user "$bin/pg_ctl" -D "$work/data" -m immediate -s stop 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
mkdir "$work/data"
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work"
bin=$(bash "$top/test/tmp_install.sh" "$work/install")
cd /
as_user "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/data/log" -s -w \
	-o "-c listen_addresses= -c unix_socket_directories=$work/data -c fsync=off -c jit=off -c shared_buffers=512MB" start
as_user "$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$work/data" -U postgres -v rows="${MLS_ROWS:-20000}" -v rounds="$rounds" postgres <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION mls_fdw;
-- 45 of 100 values are NULL; types as they are in gold.  Rows stand in the table whole: what
-- fetching values from elsewhere takes is the same for all.
SELECT format('CREATE TABLE wide WITH (toast_tuple_target = 8160) AS SELECT %s FROM generate_series(1, %s) n', string_agg(format(
	CASE WHEN c = 1 THEN '''LK'' || n AS "ListingKey"'
	     ELSE 'CASE WHEN (n * 7 + %1$s * 13) %% 100 >= 45 THEN ' || CASE
	          WHEN c % 10 < 4 THEN '''Some text of column %1$s in row '' || n'
	          WHEN c % 10 = 4 THEN 'ARRAY[''First value'', ''Second "value"'', ''v'' || n]'
	          WHEN c % 10 = 5 THEN '(n * 1.25 + %1$s)::numeric(14,2)'
	          WHEN c % 10 = 6 THEN 'n %% 2 = 0'
	          WHEN c % 10 = 7 THEN '(n + %1$s)::bigint'
	          WHEN c % 10 = 8 THEN 'timestamptz ''2024-01-01Z'' + n * interval ''61.001 seconds'''
	          ELSE 'date ''2020-01-01'' + n %% 1000' END || ' END AS "FieldWithSomeName%1$s"' END, c), ', '), :rows)
  FROM generate_series(1, 200) c \gexec
VACUUM ANALYZE wide;
CREATE FUNCTION took(statement text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz := clock_timestamp();
BEGIN
	EXECUTE statement;
	RETURN extract(epoch FROM clock_timestamp() - began) * 1000;
END $$;
CREATE TEMP TABLE t AS
SELECT r, took('SELECT sum(octet_length(row_to_json(w)::text)) FROM wide w') AS json, took('SELECT sum(octet_length(mls.odata(w))) FROM wide w') AS odata,
       took('SELECT sum(octet_length(w::text)) FROM wide w') AS record
  FROM generate_series(1, :rounds) r;
-- The least of each: what else runs on the machine only adds.
SELECT format('1,000 rows of 200 columns, best of %s: row_to_json %s ms, mls.odata %s ms, the record as text %s ms; mls.odata : row_to_json = %s', count(*),
	round((min(json) * 1000 / :rows)::numeric, 1), round((min(odata) * 1000 / :rows)::numeric, 1), round((min(record) * 1000 / :rows)::numeric, 1),
	round((min(odata) / min(json))::numeric, 2)) FROM t;
SQL
