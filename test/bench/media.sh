#!/usr/bin/env bash
# Files of media from a local host into a directory, beside curl that writes the same, in turn: see README.md.
# MLS_FSYNC=off leaves it to the system when what is written is on disk, as curl does.  Each of the
# rounds (MLS_REPEATS, default 3) takes twice the room of all files.
#
#   bash test/bench/media.sh [FILES]          # default 5000
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/packages.sh
install_packages nginx
work=$(mktemp -d /tmp/mls_fdw_bench.XXXXXX)
chmod 755 "$work"
finish() {
	[ -f "$work/nginx.pid" ] && kill "$(cat "$work/nginx.pid")" 2>/dev/null || true
	[ -f "$work/data/postmaster.pid" ] && as_user "$bin/pg_ctl" -D "$work/data" -m immediate -s stop >/dev/null
	[ -n "${MLS_KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"
}
trap finish EXIT
bin=$(bash test/tmp_install.sh "$work/install")
mkdir "$work/data" "$work/server" "$work/photos" "$work/store" "$work/curl"
cp test/server/* "$work/server/" 2>/dev/null || true
cp test/bench/media.py "$work/"
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work"/{data,server,photos,store,curl} && chown postgres "$work"
as_user "$bin/initdb" -D "$work/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
cat >>"$work/data/postgresql.conf" <<-END_OF_SETTINGS
	listen_addresses = ''
	unix_socket_directories = '$work/data'
	max_wal_size = 4GB
	fsync = ${MLS_FSYNC:-on}
	mls_fdw.allowed_hosts = '127.0.0.1'
	mls_fdw.file_directories = '$work/store'
END_OF_SETTINGS
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/server/log" -s -w start
cd "$work"
as_user env PATH="$bin:$PATH" PGHOST="$work/data" PGUSER=postgres PGDATABASE=postgres python3 -B "$work/media.py" "$work" "${1:-5000}" "${MLS_REPEATS:-3}"
