#!/usr/bin/env bash
# Reads a folder of recorded RETS answers, each as the folder's tables index.csv and
# parts.csv say: for developers who have such a folder, no part of make check.
#
#   MLS_RETS_ANSWERS=/path/to/answers bash test/check_answers.sh
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
folder=${MLS_RETS_ANSWERS:-${1:-}}
if [ ! -f "$folder/index.csv" ]; then
	echo "no recorded answers: set MLS_RETS_ANSWERS to a folder with index.csv and parts.csv" >&2
	exit 2
fi
out=$(mktemp -d /tmp/mls_fdw_wire.XXXXXX)
trap 'rm -rf "$out"' EXIT
make -s -C "$top/test/wire" out="$out" wire
python3 -B "$top/test/wire/answers.py" "$out/wire" "$folder"
