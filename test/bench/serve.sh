#!/usr/bin/env bash
# mls_serve beside PostgREST and beside plain SQL, in one run: see README.md.
# MLS_BENCH names another program for the same server and database.
#
#   bash test/bench/serve.sh [LISTINGS]       POSTGREST=/path/of/the/program where it is not in PATH
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/packages.sh
install_packages wrk
work=$(mktemp -d /tmp/mls_fdw_bench.XXXXXX)
chmod 755 "$work"
finish() {
	[ -f "$work/data/postmaster.pid" ] && as_user "$bin/pg_ctl" -D "$work/data" -m immediate -s stop >/dev/null
	rm -rf "$work"
}
trap finish EXIT
bin=$(bash test/tmp_install.sh "$work/install")
[ -x "$bin/mls_serve" ] || { echo 'mls_serve is not built here' >&2; exit 1; }
mkdir "$work/data" "$work/server"
cp test/server/* "$work/server/" 2>/dev/null || true
cp "${MLS_BENCH:-test/bench/serve.py}" "$work/serve.py"
cp test/bench/serve.lua "$work/"
postgrest=${POSTGREST:-$(command -v postgrest || true)}
if [ -n "$postgrest" ]; then
	cp "$postgrest" "$work/postgrest"
	chmod 755 "$work/postgrest"
fi
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work/data" "$work/server"
as_user "$bin/initdb" -D "$work/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
cat >>"$work/data/postgresql.conf" <<-END_OF_SETTINGS
	listen_addresses = ''
	unix_socket_directories = '$work/data'
	shared_buffers = 512MB
	fsync = off
	max_wal_size = 4GB
	mls_fdw.allowed_hosts = '127.0.0.1'
END_OF_SETTINGS
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/server/log" -s -w start
cd "$work/server"
as_user env PATH="$bin:$PATH" PYTHONUNBUFFERED=1 ${MLS_ONLY:+MLS_ONLY="$MLS_ONLY"} ${MLS_REPEATS:+MLS_REPEATS="$MLS_REPEATS"} ${MLS_SECONDS:+MLS_SECONDS="$MLS_SECONDS"} \
	python3 -B "$work/serve.py" "$work" "${1:-20000}"
