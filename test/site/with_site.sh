#!/usr/bin/env bash
# Runs a command against a site of its own with the demonstration's sources: with_site.sh COMMAND...
# It is given the site's URL, a role and its password as further arguments.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/test/packages.sh"
work=$(mktemp -d /tmp/mls_site.XXXXXX)
chmod 755 "$work"
mls=
serve=
finish() {
	[ -z "$serve" ] || kill "$serve" 2>/dev/null || true
	[ ! -f "$work/data/postmaster.pid" ] || (cd / && as_user "$bin/pg_ctl" -D "$work/data" -m immediate -s stop) || true
	[ -z "$mls" ] || kill "$mls" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
said() { # said FILE WORDS: what stands behind them, once it is there
	until grep -q "$2" "$1" 2>/dev/null; do read -rt 0.1 <> <(:) || true; done
	sed -n "s/^.*$2//p" "$1" | head -n 1
}

install_packages chromium chromium-driver
bin=$(bash "$top/test/tmp_install.sh" "$work/install")
python3 -B "$top/test/server/mlsd.py" --listings 400 >"$work/mls.log" 2>"$work/mls.err" &
mls=$!
url="http://127.0.0.1:$(said "$work/mls.log" 'listening on ')"
mkdir "$work/data" "$work/socket"
[ "$(id -u)" -ne 0 ] || chown postgres "$work/data" "$work/socket"
cd /
as_user "$bin/initdb" -D "$work/data" -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 >/dev/null
printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$work/socket'" "mls_fdw.allowed_hosts = '127.0.0.1'" 'fsync = off' \
	"shared_preload_libraries = 'pg_cron'" "cron.database_name = 'postgres'" "cron.host = '$work/socket'" 'max_worker_processes = 16' >>"$work/data/postgresql.conf"
sed -i '1i local all operator,viewer scram-sha-256' "$work/data/pg_hba.conf"
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/data/log" -s -w start
psql=("$bin/psql" -h "$work/socket" -U postgres postgres)
"${psql[@]}" -XAtqc 'CREATE EXTENSION pg_cron'
bash "$here/demo.sh" "$url" "${psql[@]}"
"$bin/mls_serve" --site 127.0.0.1:0 --database "host=$work/socket dbname=postgres" 2>"$work/serve.log" &
serve=$!
"$@" "http://$(said "$work/serve.log" 'site on ')/" operator operator-password
