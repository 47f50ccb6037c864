#!/usr/bin/env bash
# Stores in S3 held against others: Amazon's own client (botocore) at the test server, which
# proves that it asks what Amazon asks; and the extension and that client at OpenStack Swift, a
# service that is not ours.  Both come from Debian and are unpacked into a temporary directory,
# nothing is installed.  Needs Debian 12, the network, about a minute, and a database:
#
#   psql -c 'CREATE EXTENSION mls_fdw'; PGHOST=... PGDATABASE=... bash test/peers/s3.sh
#
# psql connects to it as a superuser; mls_fdw.allowed_hosts must list 127.0.0.1.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
jobs=()
finish() {
	for job in "${jobs[@]}"; do kill "$job" 2>/dev/null || true; done
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
mkdir "$work/packages" "$work/root" "$work/swift"
(cd "$work/packages" && apt-get -qq download python3-botocore python3-dateutil python3-jmespath python3-urllib3 python3-six \
	python3-swift python3-eventlet python3-greenlet python3-pastedeploy python3-pastedeploy-tpl python3-netifaces python3-pyeclib \
	liberasurecode1 python3-xattr python3-lxml python3-requests python3-dnspython 2>/dev/null)
for package in "$work"/packages/*.deb; do dpkg -x "$package" "$work/root"; done
export PYTHONPATH=$work/root/usr/lib/python3/dist-packages PYTHONWARNINGS=ignore PYTHONDONTWRITEBYTECODE=1
export LD_LIBRARY_PATH=$work/root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)

python3 "$here/../server/mlsd.py" --listings 1 >"$work/mlsd.log" &
jobs+=($!)
until grep -q 'listening on' "$work/mlsd.log"; do
	kill -0 "${jobs[0]}" || exit 1
	sleep 0.1
done
python3 "$here/s3_botocore.py" "http://127.0.0.1:$(sed -n 's/^listening on //p' "$work/mlsd.log")" AKIATESTKEYVALUE 's3cr3t/Key+Value=for-tests' photos

port=$((20000 + RANDOM % 20000))
python3 "$here/s3_swift.py" "$work/swift" $port >"$work/swift.log" 2>&1 &
jobs+=($!)
answers() {
	local number
	for number in 0 1 2 3; do (: >"/dev/tcp/127.0.0.1/$((port + number))") 2>/dev/null || return 1; done
}
for _ in $(seq 300); do
	answers && break
	kill -0 "${jobs[1]}" || { cat "$work/swift.log" >&2; exit 1; }
	sleep 0.2
done
python3 "$here/s3_botocore.py" "http://127.0.0.1:$port" test:tester testing photos make

psql -XAtq -v ON_ERROR_STOP=1 -v "endpoint=http://127.0.0.1:$port" <"$here/s3.sql" >"$work/found"
diff "$here/s3.out" "$work/found"
echo 'ok - a store in Swift'
