#!/usr/bin/env bash
# Fuzzes what mls_serve reads: addresses, from seeds/, and what strangers send to be believed,
# from seeds_token/; each for so many seconds.
#
#   fuzz.sh DIR [SECONDS]     DIR is where "make fuzz" has put the programs
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1" && pwd)
seconds=${2:-60}
work=$(mktemp -d /tmp/mls_serve_fuzz.XXXXXX)
trap 'rm -rf "$work"' EXIT
failed=0

fuzz() { # fuzz TARGET WHAT OPTION... SEEDS
	local target=$1 what=$2 status=0
	shift 2
	mkdir -p "$work/$target/found"
	cd "$work/$target"
	"$programs/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1500 \
		-print_final_stats=1 "${@:1:$#-1}" found "${@: -1}" >log 2>&1 || status=$?
	if [ "$status" -eq 0 ]; then
		echo "fuzz: $what, $(sed -n 's/^stat::number_of_executed_units: *//p' log) inputs in $seconds s, none failed"
		return
	fi
	failed=1
	echo "fuzz: $what failed"
	grep -avE '^#[0-9]+' log | tail -n 60
	for file in crash-* timeout-* oom-* leak-*; do
		[ -f "$file" ] && { echo "$file, in base64:"; base64 <"$file"; }
	done
}

fuzz fuzz_odata addresses -dict="$here/odata.dict" "$here/seeds"
fuzz fuzz_token 'tokens and what is sent for them' "$here/seeds_token"
exit "$failed"
