#!/usr/bin/env bash
# Indexes of gold, what they cost a load and what a page of listings with media gains: see README.md.
# MLS_BENCH names another program for the same server and database.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/packages.sh
install_packages
work=$(mktemp -d /tmp/mls_fdw_bench.XXXXXX)
chmod 755 "$work"
finish() {
	[ -f "$work/data/postmaster.pid" ] && as_user "$bin/pg_ctl" -D "$work/data" -m fast stop >/dev/null
	rm -rf "$work"
}
trap finish EXIT
bin=$(bash test/tmp_install.sh "$work/install")
mkdir "$work/data" "$work/socket" "$work/server"
cp test/server/* "$work/server/" 2>/dev/null || true
cp test/bench/gold.py test/bench/contest.py test/bench/scale.py "$work/"
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work/data" "$work/socket" "$work/server"
export LC_ALL=C.UTF-8 TZ=UTC
as_user "$bin/initdb" -D "$work/data" -A trust -U postgres --no-sync >/dev/null
cat >>"$work/data/postgresql.conf" <<-END
	listen_addresses = ''
	unix_socket_directories = '$work/socket'
	shared_buffers = 256MB
	max_worker_processes = 16
	mls_fdw.allowed_hosts = '127.0.0.1'
END
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/server/log" -w start >/dev/null
as_user python3 -B "$work/${MLS_BENCH:-gold.py}" "$bin/psql" "$work/socket" "$work/server/mlsd.py" "${1:-20000}"
