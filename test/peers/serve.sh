#!/bin/bash
# Runs clients of other authors, and a replication client that believes nothing, against
# mls_serve over a cluster of its own.  Needs node and npm, and a registry; a part of make
# check-peers, not of make check.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
chmod 755 "$work"
mls=
serve=
bin=
as_user() { if [ "$(id -u)" -eq 0 ]; then (cd "$work" && runuser -u postgres -- "$@"); else "$@"; fi; }
finish()
{
	[ -z "$serve" ] || kill "$serve" 2>/dev/null || true
	[ ! -f "$work/data/postmaster.pid" ] || as_user "$bin/pg_ctl" -D "$work/data" -m immediate -s stop || true
	[ -z "$mls" ] || kill "$mls" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

# What FILE says behind WORDS, once it says it.
said()
{
	local found
	for _ in $(seq 600); do
		found=$(sed -n "s/^.*$2//p" "$1" | head -n 1)
		[ -z "$found" ] || { echo "$found"; return; }
		sleep 0.1
	done
	cat "$1" >&2
	return 1
}

# Packages into DIRECTORY, beside our files.
packages()
{
	mkdir -p "$work/$1"
	cp "$here"/serve_* "$work/$1"
	(cd "$work/$1" && npm install --silent --no-audit --no-fund --save-exact "${@:2}" >npm.log 2>&1) || { cat "$work/$1/npm.log" >&2; exit 1; }
}

packages clients odata-query@8.1.0 odata@2.0.1 @odata/client@2.21.10
packages grids @syncfusion/ej2-data@34.2.8 devextreme@26.1.5 jsdom@26.1.0
packages guide typescript@5.9.3 @types/node@20.19.0 @types/react@19.1.0 react@19.1.0 react-dom@19.1.0 jsdom@26.1.0
packages typed @odata2ts/odata2ts@0.34.0 @odata2ts/odata-service@0.18.1 @odata2ts/http-client-fetch@0.6.2 typescript@5.9.3

bin=$(bash "$top/test/tmp_install.sh" "$work/install")
program=$bin/mls_serve
[ -x "$program" ] || program=$top/mls_serve
python3 -B "$top/test/server/mlsd.py" --listings 400 >"$work/mls.log" &
mls=$!
url="http://127.0.0.1:$(said "$work/mls.log" 'listening on ')/odata"
mkdir "$work/data" "$work/socket"
[ "$(id -u)" -ne 0 ] || chown postgres "$work/data" "$work/socket"
as_user "$bin/initdb" -D "$work/data" -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 >/dev/null
printf "%s\n" "listen_addresses = ''" "unix_socket_directories = '$work/socket'" "mls_fdw.allowed_hosts = '127.0.0.1'" "fsync = off" >>"$work/data/postgresql.conf"
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/data/log" -s -w start
as_user "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -v url="$url" -h "$work/socket" -U postgres postgres <"$here/serve_setup.sql" >"$work/setup.log"
printf 'k1 %s\n' "$(openssl rand -hex 32)" >"$work/keys"
chmod 600 "$work/keys"
"$program" --listen 127.0.0.1:0 --database "host=$work/socket user=authenticator dbname=postgres" --jwt-secret-file "$work/keys" 2>"$work/serve.log" &
serve=$!
root=$(said "$work/serve.log" 'listening on [^ ]* as ')
root=${root%/}

sed -n 's/^consumer|//p' "$work/setup.log" | tr '|' ' ' >"$work/consumers"
[ "$(wc -l <"$work/consumers")" -eq 2 ]
passed=0
while read -r client_id secret; do
	python3 -B "$here/replicate.py" "$root" "$client_id" "$secret"
	echo "ok - replicate"
	passed=$((passed + 1))
done <"$work/consumers"
read -r client_id secret <"$work/consumers"
(cd "$work/clients" && timeout 120 node serve_clients.js "$root" "$client_id" "$secret")
(cd "$work/grids" && timeout 120 node serve_grids.js "$root" "$client_id" "$secret")
# What the guide for clients shows is right in its types, and runs.
(
	cd "$work/guide"
	shown() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/d;p}" "$top/docs/serve/clients.md"; }
	shown ts >records.mts
	shown tsx >listings.tsx
	npx --no-install tsc --strict --target es2022 --module nodenext --jsx react-jsx --skipLibCheck --types node --outDir out records.mts listings.tsx
	export RESO_URL=$root RESO_ID=$client_id RESO_SECRET=$secret
	timeout 120 node out/records.mjs >records
	[ "$(wc -l <records)" -gt 9 ] || { echo "not ok - there are too few records:"; cat records; exit 1; }
	echo "ok - the TypeScript of the guide: $(wc -l <records) records"
	timeout 120 node serve_guide.js "$root" "$client_id" "$secret"
)
# ODATA_SCHEMAS is a copy of OASIS's schemas, where the network does not reach them.
if [ -n "${ODATA_SCHEMAS:-}" ] || timeout 30 git ls-remote -q https://github.com/oasis-tcs/odata-csdl-schemas >/dev/null 2>&1; then
	bash "$here/odata_schema.sh" "$root" "$client_id" "$secret" >"$work/schema.log" 2>&1 || { cat "$work/schema.log"; exit 1; }
	echo 'ok - $metadata by the XML schemas of OASIS'
	passed=$((passed + 1))
else
	echo 'not run - $metadata by the XML schemas of OASIS: they cannot be had, set ODATA_SCHEMAS'
fi
token=$(curl -sS "$root/oauth/token" -d grant_type=client_credentials -d "client_id=$client_id" --data-urlencode "client_secret=$secret" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -sSf -H "Authorization: Bearer $token" -o "$work/typed/metadata.xml" "$root/\$metadata"
(
	cd "$work/typed"
	echo '{"compilerOptions":{"target":"es2020","module":"commonjs","moduleResolution":"node","strict":true,"esModuleInterop":true,"skipLibCheck":true,"outDir":"out"},"files":["serve_typed.ts"]}' >tsconfig.json
	npx --no-install odata2ts -s metadata.xml -o build -m service -e ts >generated.log || { cat generated.log >&2; exit 1; }
	npx --no-install tsc -p .
	timeout 120 node out/serve_typed.js "$root" "$client_id" "$secret"
)
echo "$((passed + 8)) passed, 0 failed"
