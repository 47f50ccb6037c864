#!/usr/bin/env bash
# How fast RETS answers are read: see README.md.
#
#   bash test/bench/parse.sh [ROWS]     # default 100000
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mktemp -d /tmp/mls_fdw_parse.XXXXXX)
trap 'rm -rf "$out"' EXIT
make -s -C "$top/test/wire" out="$out" "$out/parse"
"$out/parse" "${1:-100000}"
