#!/usr/bin/env bash
# The demonstration (make demo): builds, starts a private PostgreSQL and the test
# server on free ports, and walks through live queries, replication and serving.
# All keep running afterwards, for you to play with:
#
#   bash test/demo.sh          start and show (an earlier one is stopped first)
#   bash test/demo.sh stop     stop them and remove everything
#
# demo.sql calls it, too, to play what happens outside: control, restore, kill and serve.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/packages.sh"
work=${MLS_DEMO_WORK:-/tmp/mls_fdw_demo}
# The user "postgres" may not be able to stand where we are.
cd /

# POST to the control face of the test server.
control() { # control NAME JSON
	MLS_URL=$MLS_DEMO_URL/_control/$1 MLS_BODY=$2 python3 -c '
import os, urllib.request as web
print(web.urlopen(web.Request(os.environ["MLS_URL"], data=os.environ["MLS_BODY"].encode())).read().decode())'
}

# Brings back the records whose keys an answer of "control delete" names.
restore() { # restore FILE
	control restore "$(python3 -c '
import json, sys
keys = json.load(open(sys.argv[1]))["keys"]
print(json.dumps({"resource": "Property", "keys": keys}))' "$1")" >/dev/null
}

ask() { "$(cat "$work/bin")/psql" -X -A -t -q -h "$work" -p "$(cat "$work/port")" -U postgres -d postgres -c "$1"; }
pg() { as_user "$(cat "$work/bin")/pg_ctl" -D "$work/data" -l "$work/postgres.log" -s -w "$@"; }

# Ends PostgreSQL in the middle of a sync, as a power failure does, and starts it again.
kill_and_start() {
	ask 'SELECT * FROM mls_sync()' >/dev/null 2>&1 &
	until [ "$(ask 'SELECT count(*) FROM bronze.demo_property')" -gt 0 ]; do :; done
	pg -m immediate stop
	wait || true
	pg start
	echo '-- ... killed after some pages, and started again'
}

# Shows a command as one would type it, runs it, and shows the answer: a record a line, what is
# long cut short.
typed() { # typed COMMAND
	echo "\$ $1"
	eval "$1" | sed -E 's/("access_token":"[^"]{24})[^"]*/\1.../; s/(nextLink":"[^"?]*\?)[^"]*(skiptoken=.{12})[^"]*/\1...\2.../; s/,("@odata.nextLink"|"value"|\{"ListingKey")/,\n  \1/g; s/("rows":.)("sql":)/\n  \1\n  \2/'
	echo
}

login() { # login FILE: the id and the secret that psql wrote there
	IFS='| ' read -r ID SECRET <"$work/$1"
}

bearer() { echo "Authorization: Bearer $(curl -sS -u "$ID:$SECRET" -d grant_type=client_credentials "$API/oauth/token" | sed 's/.*"access_token":"\([^"]*\).*/\1/')"; }

# Starts mls_serve, and asks it as two consumers.
serve() {
	local program
	program=$(cat "$work/bin")/mls_serve
	(umask 077 && echo "demo $(openssl rand -hex 32)" >"$work/keys")
	export MLS_SERVE_DATABASE="host=$work port=$(cat "$work/port") user=api dbname=postgres"
	: >"$work/serve.log" # is read before the program has begun
	"$program" --listen 127.0.0.1:0 --jwt-secret-file "$work/keys" </dev/null >/dev/null 2>"$work/serve.log" &
	echo $! >"$work/serve.pid"
	until API=$(sed -n 's|.*listening on .* as \(.*\)/$|\1|p' "$work/serve.log") && [ -n "$API" ]; do
		kill -0 "$(cat "$work/serve.pid")"
		read -rt 0.1 <> <(:) || true
	done
	curl() { command curl -sS "$@"; }
	mls_serve() { "$program" "$@"; }
	login all
	ALL=$(bearer)
	login one
	typed 'curl -u $ID:$SECRET -d grant_type=client_credentials $API/oauth/token'
	ONE=$(bearer)
	QUERY='$filter=Media/$count%20gt%200&$select=ListingKey&$expand=Media($select=Order;$top=2)'
	echo "\$ QUERY='$QUERY'"
	typed 'curl -H "$ONE" -H "Prefer: maxpagesize=2" "$API/Property?$QUERY&\$count=true"'
	NEXT=$(curl -H "$ONE" -H 'Prefer: maxpagesize=2' "$API/Property?$QUERY" | sed 's/.*"@odata.nextLink":"\([^"]*\).*/\1/')
	typed 'curl -g -H "$ONE" "$NEXT" | grep -om2 LK........'
	typed 'for who in "$ONE" "$ALL"; do curl -H "$who" $API/Property/\$count; echo; done'
	typed "mls_serve --role idx --sql 'Property/\$count?\$filter=ListPrice lt 300000' | grep -o 'SELECT.*)'"
}

stop() {
	[ -d "$work" ] || return 0
	[ -f "$work/bin" ] && [ -f "$work/data/postmaster.pid" ] && pg -m fast stop || true
	for one in server serve; do
		[ -f "$work/$one.pid" ] && kill "$(cat "$work/$one.pid")" 2>/dev/null || true
	done
	rm -rf "$work"
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

case ${1:-} in
stop) stop && exit 0 ;;
kill) kill_and_start && exit 0 ;;
control | restore | serve) "$@" && exit 0 ;;
esac

say 'looking for what is missing (Debian packages)'
install_packages
stop
mkdir -p "$work/tree" "$work/data"
chmod 755 "$work"
trap 'echo "the demonstration failed; its logs were:" >&2; tail -n 20 "$work"/*.log >&2 || true; stop' ERR

say 'building (about a minute on two cores)'
bin=$(bash "$top/test/tmp_install.sh" "$work/install")
echo "$bin" >"$work/bin"
cp -a "$top/test" "$work/tree/"
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work/data" "$work/tree" && chown postgres "$work"

say 'starting the test server and a private PostgreSQL'
as_user bash -c "exec python3 -B '$work/tree/test/server/mlsd.py' --listings 500 \
	>'$work/server.out' 2>'$work/server.log' & echo \$! >'$work/server.pid'"
until grep -q listening "$work/server.out" 2>/dev/null; do
	kill -0 "$(cat "$work/server.pid")"
	read -rt 0.1 <> <(:) || true
done
mls_port=$(sed -n 's/^listening on //p' "$work/server.out")
port=$(free_port)
echo "$port" >"$work/port"

as_user "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$work/initdb.log"
cat >>"$work/data/postgresql.conf" <<CONF
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = '$work'
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.host = '$work'
mls_fdw.allowed_hosts = '127.0.0.1'
mls_fdw.file_directories = '$work/data'
CONF
as_user mkdir "$work/data/photos"
pg start
export PGHOST=$work PGPORT=$port PGUSER=postgres PGDATABASE=postgres PGOPTIONS='-c client_min_messages=warning'
export MLS_DEMO_PHOTOS=file://$work/data/photos MLS_DEMO=$top/test/demo.sh MLS_DEMO_WORK=$work MLS_DEMO_URL=http://127.0.0.1:$mls_port
ask 'CREATE EXTENSION pg_cron'
say 'the tour'
"$bin/psql" -X -v url="$MLS_DEMO_URL" -f "$top/test/demo.sql" 2>&1 |
	sed -u -e 's/^psql:[^ ]* //' -e '/^$/d' -e '/^HINT:/d' -e 's/^== /\n== /' | fold -s -w 100

cat <<END

[$SECONDS s] All of it goes on running; the Web API is at $(sed -n 's|.* as ||p' "$work/serve.log")
Connect:  $bin/psql -h $work -p $port -U postgres postgres
Stop:     bash test/demo.sh stop
END
