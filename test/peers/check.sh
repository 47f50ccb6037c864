#!/bin/bash
# Runs RETS clients of other authors against the test server, to prove that it is
# faithful, clients of OData against mls_serve (serve.sh), and stores of files against a service
# of S3 (s3.sh).  Needs node and npm, and a registry; not a part of make check.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
server=
finish()
{
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

command -v npm >/dev/null || { echo "npm is needed: install the packages nodejs and npm" >&2; exit 1; }
cp "$here"/*_client.js "$work"
(cd "$work" && npm install --silent --no-audit --no-fund --save-exact rets-client@5.2.4 rets-ddf-client@1.2.8 >npm.log 2>&1) ||
	{ cat "$work/npm.log" >&2; exit 1; }

python3 -B "$here/../server/mlsd.py" --listings 60 >"$work/server.log" &
server=$!
for _ in $(seq 100); do
	port=$(sed -n 's/^listening on //p' "$work/server.log")
	[ -z "$port" ] || break
	sleep 0.1
done
[ -n "$port" ] || { echo "the test server did not start" >&2; exit 1; }

passed=0
for peer in rets_client ddf_client; do
	for method in GET POST; do
		(cd "$work" && timeout 60 node "$peer.js" "http://127.0.0.1:$port" "$method")
		echo "ok - $peer by $method"
		passed=$((passed + 1))
	done
done
echo "$passed passed, 0 failed"
bash "$here/serve.sh"
bash "$here/site.sh"
bash "$here/s3.sh"
