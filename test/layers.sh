#!/usr/bin/env bash
# Checks that includes go one way: each room may include only the rooms named here,
# and the foreign libraries stay in theirs.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0
declare -A may=(
	[http]='http'
	[xml]='xml'
	[record]='record'
	[protocol]='protocol record xml http'
	[options]='options protocol record http'
	[gold]='gold options protocol record http'
	[fdw]='fdw options protocol record xml http'
	[sync]='sync gold options protocol record http'
)
while read -r file target; do
	room=${file#src/}
	room=${room%%/*}
	[ -d "src/$target" ] || continue
	[[ " ${may[$room]:-} " == *" $target "* ]] && continue
	echo "$file: room \"$room\" must not include \"$target\""
	status=1
done < <(grep -rE '^#include "[a-z_]+/' src/*/ --include='*.[ch]' | sed -E 's/:#include "/ /; s/( [a-z_]+)\/.*/\1/')
only() { # only PATTERN ROOM WHAT
	local found
	found=$(grep -rlE "$1" src --include='*.[ch]' | grep -v "^src/$2" || true)
	[ -z "$found" ] && return
	echo "$3 outside src/$2: $found"
	status=1
}
only '#include <curl/' http/ 'libcurl'
only '#include <libdeflate' http/ 'libdeflate'
only '#include <zlib' http/ 'zlib'
only '#include <libxml/' xml/ 'libxml2'
only 'PG_VERSION_NUM' compat.h 'version tests'
# A number before a plural is right for all numbers but one: src/counted.h and mls.counted() choose.
# Limits ("more than %d records") are never one.
things='records|rows|keys|pages|requests|values|columns|fields|resources|findings|characters|bytes|parts|rules|issues|times|processes|sources|listings|children'
found=$({
	grep -rnE "(INT64_FORMAT ?\"|%(d|u|lld|zu|\\.0f|g))( new| different| further)? ($things)\\b" src --include='*.[ch]'
	grep -rnE "%s( new| different)? ($things)\\b" src --include='*.sql'
} | grep -vE '(more than|at most|up to|1 to) %|larger than " |further findings"|columns were added to table %s"|elog\(' || true)
if [ -n "$found" ]; then
	echo "\"1 records\": say it with mls_counted() or mls.counted():"
	echo "$found"
	status=1
fi
exit $status
