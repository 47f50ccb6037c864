#!/usr/bin/env bash
# Listings of 200 columns published to MariaDB, beside LOAD DATA of the same rows into a table
# of the same form there: see README.md.
#
#   bash test/bench/publish.sh [LISTINGS]          # default 50000
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/packages.sh
install_packages mariadb-server
n=${1:-50000}
work=$(mktemp -d /tmp/mls_fdw_bench.XXXXXX)
chmod 755 "$work"
finish() {
	[ -f "$work/maria.pid" ] && kill "$(cat "$work/maria.pid")" 2>/dev/null || true
	[ -f "$work/data/postmaster.pid" ] && as_user "$bin/pg_ctl" -D "$work/data" -m immediate -s stop >/dev/null
	[ -n "${MLS_KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"
}
trap finish EXIT
bin=$(bash test/tmp_install.sh "$work/install")
mkdir "$work/data" "$work/maria"
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work"/{data,maria} && chown postgres "$work"
as_user "$bin/initdb" -D "$work/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
cat >>"$work/data/postgresql.conf" <<-END_OF_SETTINGS
	listen_addresses = ''
	unix_socket_directories = '$work/data'
	max_wal_size = 4GB
	mls_fdw.allowed_hosts = '127.0.0.1'
END_OF_SETTINGS
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/data/log" -s -w start
as_user mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db --datadir="$work/maria/data" >/dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as_user /usr/sbin/mariadbd --no-defaults --datadir="$work/maria/data" --socket="$work/maria/s" --port="$port" --bind-address=127.0.0.1 \
	--pid-file="$work/maria.pid" --innodb-buffer-pool-size=512M --innodb-log-file-size=512M --skip-name-resolve --local-infile=1 --log-error="$work/maria/log" >/dev/null 2>&1 &
maria() { mariadb --no-defaults --socket="$work/maria/s" -uroot --local-infile=1 -N -B "$@"; }
for _ in $(seq 300); do maria -e 'SELECT 1' >/dev/null 2>&1 && break || sleep 0.1; done
maria -e "CREATE DATABASE shop; CREATE USER mls@'127.0.0.1' IDENTIFIED BY 'bench'; GRANT ALL ON shop.* TO mls@'127.0.0.1'"
sql() { as_user "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$work/data" -U postgres -d postgres "$@"; }
seconds() { # seconds COMMAND...
	local from
	from=$(date +%s.%N)
	"$@" >/dev/null
	echo "$(date +%s.%N) - $from" | bc
}

# 120 texts, 40 numbers, 20 integers, 10 timestamps, 9 dates; 7 kB a row, a third NULL; stored as mls_subscribe() has gold stored.
sql <<-END_OF_SQL
	CREATE EXTENSION mls_fdw;
	CREATE SCHEMA gold;
	SELECT format('CREATE TABLE gold.property ("ListingKey" text PRIMARY KEY, %s, mls_source text, mls_origin text, mls_source_key text, mls_updated_at timestamptz) WITH (toast_tuple_target = 8160)',
	       string_agg(format('c%s %s', i, CASE WHEN i < 120 THEN 'text' WHEN i < 160 THEN 'numeric(14,2)' WHEN i < 180 THEN 'integer' WHEN i < 190 THEN 'timestamptz' ELSE 'date' END), ', ' ORDER BY i))
	  FROM generate_series(1, 199) i \gexec
	SELECT format('CREATE VIEW listing AS SELECT "ListingKey", %s FROM gold.property', string_agg('c' || i, ', ' ORDER BY i)) FROM generate_series(1, 199) i \gexec
	SELECT format('INSERT INTO gold.property SELECT %s, %s, %s, NULL, NULL, NULL FROM generate_series(1, $n) n', quote_literal('K') || ' || n',
	       string_agg(CASE WHEN i % 3 = 0 THEN 'NULL' WHEN i < 120 THEN format('repeat(md5((n * %s)::text), %s)', i, 1 + i % 4) WHEN i < 160 THEN format('n * %s / 7.0', i)
	                       WHEN i < 180 THEN format('n %% %s', i) WHEN i < 190 THEN format('''2026-01-01''::timestamptz + n * interval ''%s seconds''', i) ELSE format('''2026-01-01''::date + n %% %s', i) END, ', ' ORDER BY i), quote_literal('bench'))
	  FROM generate_series(1, 199) i \gexec
	VACUUM ANALYZE gold.property;
	CREATE SERVER shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'mysql', url 'mysql://127.0.0.1:$port/shop', tls 'none');
	CREATE USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (username 'mls', password 'bench');
	SELECT mls_publish('listing', 'shop') \g /dev/null
END_OF_SQL

load=$(seconds sql -c "SELECT * FROM mls_publish_sync('shop')")
[ "$(maria shop -e 'SELECT count(*) FROM listing')" = "$n" ] || { echo 'not all rows are there' >&2; exit 1; }
maria shop -e 'CREATE TABLE plain LIKE listing'
sql -c '\timing off' -c "SET timezone = 'UTC'" -c "COPY (SELECT * FROM listing) TO STDOUT" | sed 's/+00\b//g' >"$work/rows"
infile=$(seconds maria shop -e "SET time_zone = '+00:00', sql_mode = '', innodb_strict_mode = OFF; LOAD DATA LOCAL INFILE '$work/rows' INTO TABLE plain CHARACTER SET utf8mb4")
[ "$(maria shop -e 'SELECT count(*) FROM plain')" = "$n" ] || { echo 'LOAD DATA has not loaded all rows' >&2; exit 1; }
sql -c 'UPDATE gold.property SET c120 = 1, c121 = 2 WHERE abs(hashtext("ListingKey")) % 20 = 0'
changed=$(sql -c "SELECT count(*) FROM gold.property WHERE c120 = 1 AND c121 = 2")
follow=$(seconds sql -c "SELECT * FROM mls_publish_sync('shop')")
sent=$(sql -c "SELECT updated FROM mls_history WHERE process = 'publish' ORDER BY run DESC LIMIT 1")
verify=$(seconds sql -c "SELECT * FROM mls_publish_verify('shop', 'listing')")
wrong=$(sql -c "SELECT sum(records) FROM mls_publish_verify('shop', 'listing') WHERE finding <> 'same'")
awk -v n="$n" -v first="$load" -v infile="$infile" -v changed="$changed" -v sent="$sent" -v follow="$follow" -v verify="$verify" -v wrong="$wrong" -v bytes="$(stat -c %s "$work/rows")" 'BEGIN {
	printf "%d listings of 200 columns, %.0f MB as text\n", n, bytes / 1e6
	printf "first load      %6.1f s, %6.0f a second\n", first, n / first
	printf "LOAD DATA       %6.1f s, %6.0f a second, of a file that is there: the load has %.2f of its speed\n", infile, n / infile, infile / first
	printf "5 %% changed     %6.1f s: %d of %d sent\n", follow, sent, changed
	printf "verify          %6.1f s: %d rows differ\n", verify, wrong }'
