#!/usr/bin/env bash
# Fuzzes the readers of RETS answers, starting from cases/.
#
#   fuzz.sh FUZZ [SECONDS]     FUZZ is the target built by "make fuzz"
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fuzz=$1
seconds=${2:-60}
corpus=$(mktemp -d /tmp/mls_fdw_fuzz.XXXXXX)
trap 'rm -rf "$corpus"' EXIT
mkdir "$corpus/seeds" "$corpus/found"
for file in "$here"/cases/*; do
	# The first byte chooses the reader.
	case $file in
	*.compact) letters="0 8 >" ;;
	*.standard) letters="1 9" ;;
	*.metadata) letters="m" ;;
	*.objects) letters="o" ;;
	*) continue ;;
	esac
	for letter in $letters; do
		{ printf '%s' "$letter"; cat "$file"; } >"$corpus/seeds/$(printf '%d' "'$letter")_$(basename "$file")"
	done
done
cd "$corpus"
status=0
"$fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1500 -dict="$here/rets.dict" \
	-print_final_stats=1 "$corpus/found" "$corpus/seeds" >"$corpus/log" 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
	grep -vE '^#[0-9]+' "$corpus/log" | tail -n 60
	for file in "$corpus"/crash-* "$corpus"/timeout-* "$corpus"/oom-* "$corpus"/leak-*; do
		[ -f "$file" ] && { echo "$(basename "$file"), in base64:"; base64 <"$file"; }
	done
	exit 1
fi
echo "fuzz: $(sed -n 's/^stat::number_of_executed_units: *//p' "$corpus/log") inputs in $seconds s, none failed"
