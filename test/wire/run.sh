#!/usr/bin/env bash
# Reads the answers in cases/ and compares what the readers make of them with
# cases/*.out, each in one piece, byte by byte, and in pieces that fit nothing.
#
#   run.sh WIRE [--accept]     --accept writes the .out files anew, for review
#
# Prints one line per difference, then how many answers were read as expected.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
wire=$1
accept=${2:-}
passed=0
failed=0

expect() { # expect NAME GOT WANTED_FILE
	if diff -u "$3" - <<<"$2" >/tmp/mls_fdw_wire_diff.$$; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not as expected: $1"
		cat /tmp/mls_fdw_wire_diff.$$
	fi
}

read_case() { # read_case FILE PIECE
	case $1 in
	*.compact) "$wire" answer compact "$2" <"$1" ;;
	*.standard) "$wire" answer xml "$2" <"$1" ;;
	*.metadata) "$wire" metadata -v <"$1" ;;
	*.schema) "$wire" metadata -v -s <"$1" ;;
	*.objects) tail -n +2 "$1" | "$wire" objects "$(head -n 1 "$1")" ;;
	*.codes) "$wire" codes <"$1" ;;
	esac
}

for file in "$here"/cases/*; do
	[[ $file == *.out ]] && continue
	[ "$accept" = --accept ] && read_case "$file" 1000000 >"$file.out"
	expect "$(basename "$file")" "$(read_case "$file" 1000000)" "$file.out"
	[[ $file == *.compact || $file == *.standard ]] || continue
	expect "$(basename "$file") byte by byte" "$(read_case "$file" 1)" "$file.out"
	expect "$(basename "$file") by sevens" "$(read_case "$file" 7)" "$file.out"
done
rm -f /tmp/mls_fdw_wire_diff.$$
echo "answers: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
