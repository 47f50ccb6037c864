#!/usr/bin/env bash
# The one test command (make check): installs what is missing, builds, and runs all
# tests against a private PostgreSQL and the test server.  Nothing outside a
# temporary directory is touched.
#
#   MLS_TESTS='030 regress'   runs only the parts whose name holds one of the words
#   MLS_KEEP=1                keeps the temporary directory
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/packages.sh"
install_packages

work=$(mktemp -d /tmp/mls_fdw_check.XXXXXX)
chmod 755 "$work"
finish() {
	[ -n "${MLS_KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"
}
trap finish EXIT

passed=0
failed=0
wanted() {
	local word
	[ -z "${MLS_TESTS:-}" ] && return 0
	for word in $MLS_TESTS; do [[ $1 == *$word* ]] && return 0; done
	return 1
}
count() { # count PASSED FAILED
	passed=$((passed + $1))
	failed=$((failed + $2))
}

bin=$(bash "$top/test/tmp_install.sh" "$work/install")
pgxs=$(dirname "$("$bin/pg_config" --pgxs)")/..
# The tests run from a copy: the tree may be unreadable for the user "postgres".
mkdir "$work/tree"
cp -a "$top/sql" "$top/expected" "$top/test" "$top/docs" "$top/README.md" "$top/CHANGELOG.md" "$work/tree/" 2>/dev/null || true
cp -a "$top/releases" "$work/tree/" 2>/dev/null || true
mkdir "$work/out"
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work/tree" "$work/out"
cd "$work/out"
export PATH="$bin:$PATH" LC_ALL=C.UTF-8 TZ=UTC

run_regress() {
	local tests=() file
	for file in "$top"/sql/*.sql; do tests+=("$(basename "$file" .sql)"); done
	as_user "$pgxs/test/regress/pg_regress" --bindir="$bin" --inputdir="$work/tree" \
		--outputdir="$work/out" --temp-instance="$work/out/instance" \
		--temp-config="$work/tree/test/regress.conf" --load-extension=mls_fdw \
		"${tests[@]}" >"$work/regress.log" 2>&1 || true
	grep -E '(ok|FAILED)( |$)' "$work/regress.log" | grep -E '^(test |ok |not ok )' || cat "$work/regress.log"
	count "$(grep -cE '^(test .*\.\.\. ok|ok [0-9])' "$work/regress.log" || true)" \
		"$(grep -cE '^(test .*FAILED|not ok )' "$work/regress.log" || true)"
	[ -s "$work/out/regression.diffs" ] && cat "$work/out/regression.diffs"
	grep -qE 'tests? passed' "$work/regress.log" || { [ "$failed" -gt 0 ] || count 0 1; }
}

run_tap() { # run_tap FILE...
	local status=0
	mkdir -p "$work/out/tap"
	[ "$(id -u)" -eq 0 ] && chown postgres "$work/out/tap"
	as_user env TESTDIR="$work/out/tap" TESTDATADIR="$work/out/tap/data" \
		TESTLOGDIR="$work/out/tap/log" PG_REGRESS="$pgxs/test/regress/pg_regress" \
		MLS_TREE="$work/tree" MLS_BIN="$bin" PG_TEST_TIMEOUT_DEFAULT=60 \
		prove -v -I "$work/tree/test/perl" -I "$pgxs/test/perl" "$@" \
		>"$work/tap.log" 2>&1 || status=$?
	grep -E '^(not ok|#   |# measured|.*\.pl \.\. |Files=|Result|  (Failed|Non-zero|Parse|No plan))|^.*\.pl ' "$work/tap.log" || true
	count "$(grep -cE '^ok ' "$work/tap.log" || true)" "$(grep -cE '^not ok ' "$work/tap.log" || true)"
	if [ "$status" -ne 0 ]; then
		grep -qE '^not ok ' "$work/tap.log" || count 0 1
		# A failed file's own log says why.
		sed -n 's/^.*\/\([^/]*\)\.pl *(Wstat.*/\1/p' "$work/tap.log" | sort -u |
			while read -r name; do
				echo "---- $name"
				for log in "$work"/out/tap/*/"regress_log_$name" "$work"/out/tap/tmp_check/log/"regress_log_$name"; do
					[ -f "$log" ] || continue
					grep -A 12 'not ok' "$log" | head -n 200 || true
					echo "---- its end"
					tail -n 15 "$log"
				done
			done
	fi
	return 0
}

run_unit() {
	local log="$work/unit.log" status=0
	(cd "$top" && python3 -B -m unittest discover -s test/server) >"$log" 2>&1 || status=$?
	local total
	total=$(sed -n 's/^Ran \([0-9]*\) test.*/\1/p' "$log")
	if [ "$status" -eq 0 ]; then count "${total:-0}" 0; else
		cat "$log"
		count 0 1
	fi
	echo "test server: ${total:-0} unit tests"
}

# The readers of RETS answers without a server, under the sanitizers.
run_wire() {
	make -s -C "$top/test/wire" out="$work" PG_CONFIG="$bin/pg_config" wire
	bash "$top/test/wire/run.sh" "$work/wire" >"$work/wire.log" || true
	cat "$work/wire.log"
	count "$(sed -n 's/^answers: \([0-9]*\) passed.*/\1/p' "$work/wire.log" | grep . || echo 0)" \
		"$(sed -n 's/^answers: .* \([0-9]*\) failed$/\1/p' "$work/wire.log" | grep . || echo 1)"
}

# The same, with answers that nobody would think of; needs clang with libFuzzer.
run_fuzz() {
	if ! make -s -C "$top/test/wire" out="$work" PG_CONFIG="$bin/pg_config" fuzz 2>"$work/fuzz.log"; then
		echo "fuzz: not run, the target could not be built:"
		tail -n 5 "$work/fuzz.log"
		[ -z "${MLS_FUZZ_REQUIRED:-}" ] || count 0 1
		return 0
	fi
	if bash "$top/test/wire/fuzz.sh" "$work/fuzz" "${MLS_FUZZ_SECONDS:-60}"; then count 1 0; else count 0 1; fi
}

if wanted unit; then run_unit; fi
if wanted wire; then run_wire; fi
if wanted fuzz; then run_fuzz; fi
if wanted regress && ls "$top"/sql/*.sql >/dev/null 2>&1; then run_regress; fi
files=()
for file in "$work"/tree/test/t/*.pl; do
	[ -f "$file" ] && wanted "$(basename "$file")" && files+=("$file")
done
[ ${#files[@]} -gt 0 ] && run_tap "${files[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
