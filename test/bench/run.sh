#!/usr/bin/env bash
# Benchmarks: see README.md.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/test/packages.sh"
install_packages curl
listings=${1:-50000}
# The user "postgres" may not be able to stand where we are.
cd /
work=$(mktemp -d /tmp/mls_fdw_bench.XXXXXX)
chmod 755 "$work"
finish() {
	[ -f "$work/bin" ] && as_user "$(cat "$work/bin")/pg_ctl" -D "$work/data" -m fast -s stop 2>/dev/null || true
	[ -n "${server_pid:-}" ] && kill "$server_pid" 2>/dev/null || true
	[ -n "${MLS_KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"
}
trap finish EXIT

bin=$(bash "$top/test/tmp_install.sh" "$work/install")
echo "$bin" >"$work/bin"
mkdir "$work/data" "$work/tree"
cp -a "$top/test" "$work/tree/"
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work/data" "$work/tree" && chown postgres "$work"
python3 -B "$work/tree/test/server/mlsd.py" --listings "$listings" --no-auth --page-size 1000 ${MLS_SERVER_OPTIONS:-} \
	>"$work/server.out" 2>"$work/server.log" &
server_pid=$!
until grep -q listening "$work/server.out"; do
	kill -0 "$server_pid"
	read -rt 0.1 <> <(:) || true
done
mls_port=$(sed -n 's/^listening on //p' "$work/server.out")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as_user "$bin/initdb" -D "$work/data" -U postgres -A trust --no-sync >"$work/initdb.log"
cat >>"$work/data/postgresql.conf" <<CONF
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = '$work'
mls_fdw.allowed_hosts = '127.0.0.1'
shared_buffers = 1GB
max_wal_size = 8GB
checkpoint_timeout = 30min
default_toast_compression = lz4
jit = off
CONF
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/postgres.log" -s -w start
export PGHOST=$work PGPORT=$port PGUSER=postgres PGDATABASE=postgres PATH="$bin:$PATH"
python3 -B "$top/test/bench/${MLS_BENCH:-bench.py}" "http://127.0.0.1:$mls_port" "$work/data"
