#!/usr/bin/env bash
# Fuzzes the readers, each for so many seconds: RETS answers starting from cases/, metadata
# from test/edmx and seeds/, files from test/files, the others from seeds/.
#
#   fuzz.sh FUZZ [SECONDS [TARGET...]]     FUZZ is the program built by "make fuzz"
#
# MLS_FUZZ_FILES_SECONDS is the time of the target files, which has the most to read, if it is
# to be another.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fuzz=$1
share=${2:-60}
targets=("${@:3}")
[ "${#targets[@]}" -gt 0 ] || targets=(rets json edmx url reso qobrix files parquet)
work=$(mktemp -d /tmp/mls_fdw_fuzz.XXXXXX)
trap 'rm -rf "$work"' EXIT

rets_seeds() { # rets_seeds DIRECTORY: the first byte chooses the reader
	local file letter letters
	for file in "$here"/cases/*; do
		case $file in
		*.compact) letters="0 8 >" ;;
		*.standard) letters="1 9" ;;
		*.metadata) letters="m" ;;
		*.objects) letters="o" ;;
		*) continue ;;
		esac
		for letter in $letters; do
			{ printf '%s' "$letter"; cat "$file"; } >"$1/$(printf '%d' "'$letter")_$(basename "$file")"
		done
	done
}

file_seeds() { # file_seeds DIRECTORY: the first byte says how it is read, by bits
	local file letter
	for file in "$here"/../files/* "$here"/seeds/files/*; do
		case $file in
		*.out | *.options) continue ;;
		*.xlsx) letter=$'\xc8' ;; # 128 64 8
		*.ndjson* | *.jsonl*) letter=l ;; # 64 32 8 4
		*.json*) letter=D ;;             # 64 4
		*) letter=H ;;                   # 64 8
		esac
		{ printf '%s' "$letter"; cat "$file"; } >"$1/$(basename "$file")"
	done
}

run_target() { # run_target TARGET
	local dict="$here/$1.dict" status=0 file seconds=$share
	[ "$1" != files ] || seconds=${MLS_FUZZ_FILES_SECONDS:-$share}
	mkdir -p "$work/$1/seeds" "$work/$1/found"
	case $1 in
	rets) rets_seeds "$work/$1/seeds" ;;
	files) file_seeds "$work/$1/seeds" ;;
	edmx) cp "$here"/../edmx/*.xml "$here"/seeds/edmx/* "$work/$1/seeds" ;;
	*) cp "$here/seeds/$1"/* "$work/$1/seeds" ;;
	esac
	cd "$work/$1"
	MLS_FUZZ=$1 "$fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1500 \
		$([ -f "$dict" ] && echo "-dict=$dict") -print_final_stats=1 found seeds >log 2>&1 || status=$?
	if [ "$status" -ne 0 ]; then
		echo "fuzz: $1 failed"
		grep -avE '^#[0-9]+' log | tail -n 60
		for file in crash-* timeout-* oom-* leak-*; do
			[ -f "$file" ] && { echo "$file, in base64:"; base64 <"$file"; }
		done
		return 1
	fi
	echo "fuzz: $1, $(sed -n 's/^stat::number_of_executed_units: *//p' log) inputs in $seconds s, none failed"
}

failed=0
for target in "${targets[@]}"; do run_target "$target" || failed=1; done
exit "$failed"
