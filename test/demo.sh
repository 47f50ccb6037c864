#!/usr/bin/env bash
# The demonstration (make demo): builds, starts a private PostgreSQL and the test
# server on free ports, and walks through live queries, replication and serving.
# Both keep running afterwards, for you to play with:
#
#   bash test/demo.sh          start and show (an earlier one is stopped first)
#   bash test/demo.sh stop     stop both and remove everything
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/packages.sh"
work=${MLS_DEMO_DIR:-/tmp/mls_fdw_demo}
# The user "postgres" may not be able to stand where we are.
cd /

stop() {
	[ -d "$work" ] || return 0
	[ -f "$work/bin" ] && [ -f "$work/data/postmaster.pid" ] &&
		as_user "$(cat "$work/bin")/pg_ctl" -D "$work/data" -m fast -s stop || true
	[ -f "$work/server.pid" ] && kill "$(cat "$work/server.pid")" 2>/dev/null || true
	rm -rf "$work"
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

stop
if [ "${1:-}" = stop ]; then exit 0; fi
install_packages
mkdir -p "$work/tree" "$work/data"
chmod 755 "$work"
trap 'echo "the demonstration failed; its logs were:" >&2; tail -n 20 "$work"/*.log >&2 || true; stop' ERR

bin=$(bash "$top/test/tmp_install.sh" "$work/install")
echo "$bin" >"$work/bin"
cp -a "$top/test" "$work/tree/"
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work/data" "$work/tree" && chown postgres "$work"

as_user bash -c "exec python3 -B '$work/tree/test/server/mlsd.py' --listings 500 \
	>'$work/server.out' 2>'$work/server.log' & echo \$! >'$work/server.pid'"
until grep -q listening "$work/server.out" 2>/dev/null; do
	kill -0 "$(cat "$work/server.pid")"
	read -rt 0.1 <> <(:) || true
done
mls_port=$(sed -n 's/^listening on //p' "$work/server.out")
port=$(free_port)

as_user "$bin/initdb" -D "$work/data" -U postgres -A trust --no-sync >"$work/initdb.log"
cat >>"$work/data/postgresql.conf" <<CONF
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = '$work'
mls_fdw.allowed_hosts = '127.0.0.1'
CONF
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/postgres.log" -s -w start
export PGHOST=$work PGPORT=$port PGUSER=postgres PGDATABASE=postgres PGOPTIONS='-c client_min_messages=warning'
"$bin/psql" -X -q -v ON_ERROR_STOP=1 -v url="http://127.0.0.1:$mls_port" \
	-f "$top/test/demo.sql"

cat <<END

Connect:  $bin/psql -h $work -p $port -U postgres postgres
Stop:     bash test/demo.sh stop
END
