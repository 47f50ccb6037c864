#!/usr/bin/env bash
# Does a record cost more where there are more of them?  See README.md.
#   bash test/bench/sizes.sh [SMALL [LARGE]]
set -euo pipefail
here=$(dirname "$0")
small=${1:-50000}
large=${2:-300000}
export MLS_BENCH=size.py
a=$(bash "$here/run.sh" "$small" | tail -n 1)
b=$(bash "$here/run.sh" "$large" | tail -n 1)
awk -v a="$a" -v b="$b" -v small="$small" -v large="$large" 'BEGIN {
	printf "%-44s %10.2f   goal %-8s %-7s   %s us of processor a listing with %d, %s us with %d\n",
		"cost of a listing, many to few", b / a, "<= 1.1", b / a <= 1.1 ? "reached" : "MISSED", a, small, b, large }'
