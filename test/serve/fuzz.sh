#!/usr/bin/env bash
# Fuzzes what mls_serve reads of addresses, from seeds/.
#
#   fuzz.sh FUZZ_ODATA [SECONDS]     FUZZ_ODATA is the program built by "make fuzz"
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fuzz=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
seconds=${2:-60}
work=$(mktemp -d /tmp/mls_serve_fuzz.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/found"
cd "$work"
status=0
"$fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1500 -dict="$here/odata.dict" \
	-print_final_stats=1 found "$here/seeds" >log 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
	echo "fuzz: addresses failed"
	grep -avE '^#[0-9]+' log | tail -n 60
	for file in crash-* timeout-* oom-* leak-*; do
		[ -f "$file" ] && { echo "$file, in base64:"; base64 <"$file"; }
	done
	exit 1
fi
echo "fuzz: addresses, $(sed -n 's/^stat::number_of_executed_units: *//p' log) inputs in $seconds s, none failed"
