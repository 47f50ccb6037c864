#!/usr/bin/env bash
# Stores in S3 held against others: Amazon's own client (botocore) at the test server, which
# proves that it asks what Amazon asks; and the extension and that client at OpenStack Swift, a
# service that is not ours: as a store, and as one that keeps the photos of a source.  Both come
# from Debian and are unpacked into a temporary directory, nothing is installed; the extension
# runs in a cluster of its own.  Needs Debian 12 and the network, and about two minutes; a part
# of make check-peers, not of make check.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
chmod 755 "$work"
jobs=()
bin=
as_user() { if [ "$(id -u)" -eq 0 ]; then (cd "$work" && runuser -u postgres -- "$@"); else "$@"; fi; }
finish() {
	for job in "${jobs[@]}"; do kill "$job" 2>/dev/null || true; done
	[ ! -f "$work/data/postmaster.pid" ] || as_user "$bin/pg_ctl" -D "$work/data" -m immediate -s stop || true
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
mkdir "$work/packages" "$work/root" "$work/swift" "$work/data" "$work/socket"
(cd "$work/packages" && apt-get -qq download python3-botocore python3-dateutil python3-jmespath python3-urllib3 python3-six \
	python3-swift python3-eventlet python3-greenlet python3-pastedeploy python3-pastedeploy-tpl python3-netifaces python3-pyeclib \
	liberasurecode1 python3-xattr python3-lxml python3-requests python3-dnspython 2>/dev/null)
for package in "$work"/packages/*.deb; do dpkg -x "$package" "$work/root"; done
export PYTHONPATH=$work/root/usr/lib/python3/dist-packages PYTHONWARNINGS=ignore PYTHONDONTWRITEBYTECODE=1
libraries=$work/root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)

python3 "$here/../server/mlsd.py" --listings 60 --fields small >"$work/mlsd.log" &
jobs+=($!)
until grep -q 'listening on' "$work/mlsd.log"; do
	kill -0 "${jobs[0]}" || exit 1
	sleep 0.1
done
source=http://127.0.0.1:$(sed -n 's/^listening on //p' "$work/mlsd.log")
python3 "$here/s3_botocore.py" "$source" AKIATESTKEYVALUE 's3cr3t/Key+Value=for-tests' photos

port=$((20000 + RANDOM % 20000))
LD_LIBRARY_PATH=$libraries python3 "$here/s3_swift.py" "$work/swift" $port >"$work/swift.log" 2>&1 &
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
endpoint=http://127.0.0.1:$port
python3 "$here/s3_botocore.py" "$endpoint" test:tester testing photos make

bin=$(bash "$top/test/tmp_install.sh" "$work/install")
[ "$(id -u)" -ne 0 ] || chown postgres "$work/data" "$work/socket"
as_user "$bin/initdb" -D "$work/data" -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 >/dev/null
printf "%s\n" "listen_addresses = ''" "unix_socket_directories = '$work/socket'" "mls_fdw.allowed_hosts = '127.0.0.1'" "fsync = off" >>"$work/data/postgresql.conf"
as_user "$bin/pg_ctl" -D "$work/data" -l "$work/data/log" -s -w start
# Errors are shown where they are expected; each script ends with the last of its lines.
session() { PGOPTIONS='-c client_min_messages=warning' "$bin/psql" -XAtq -h "$work/socket" -U postgres -v VERBOSITY=terse -v "source=$source/odata" -v "endpoint=$endpoint" postgres "$@" 2>&1 | sed 's/^psql:[^ ]* //'; }
session -c 'CREATE EXTENSION mls_fdw'
session <"$here/s3.sql" >"$work/found"
diff "$here/s3.out" "$work/found"
echo 'ok - a store in Swift'
export MLS_PEERS=$here MLS_SOURCE=$source MLS_ENDPOINT=$endpoint
session <"$here/s3_media.sql" >"$work/found"
diff "$here/s3_media.out" "$work/found"
echo 'ok - photos of a source in Swift'
