#!/usr/bin/env bash
# The one test command (make check): installs what is missing, builds, and runs all
# tests against a private PostgreSQL and the test server.  Nothing outside a
# temporary directory is touched.  The parts (pg_regress, each TAP file, the unit
# tests of the test server, the readers without a server, fuzzing, the demo) run side by side,
# each with clusters, ports and directories of its own.
#
#   MLS_TESTS='030 regress'   runs only the parts whose name holds one of the words
#                             (make check TESTS='030 regress')
#   MLS_JOBS=3                parts at a time; one more than the machine has cores by default
#   MLS_LONG=1                plays long rounds (make check-long)
#   MLS_ASSERT=1              insists on a server with assertions (make check-assert)
#   MLS_KEEP=1                keeps the temporary directory
#   MLS_DUCKDB_LIBRARY=FILE   reads Parquet with it (make check-parquet)
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/packages.sh"
say 'looking for what is missing (Debian packages)'
install_packages mariadb-server python3-aiosmtpd nginx apache2-bin openssl chromium chromium-driver

# A server built with assertions is no package (docs/internals.md has the recipe).
if [ -n "${MLS_ASSERT:-}" ] &&
	! grep -qs 'define USE_ASSERT_CHECKING 1' "$("${PG_CONFIG:-pg_config}" --includedir-server)/pg_config.h"; then
	echo "${PG_CONFIG:-pg_config} belongs to a server without assertions: set PG_CONFIG (docs/internals.md)" >&2
	exit 2
fi

work=$(mktemp -d /tmp/mls_fdw_check.XXXXXX)
chmod 755 "$work"
finish() {
	# A part that still runs when the command is interrupted ends with it.
	trap - EXIT
	local job
	for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done
	wait
	[ -n "${MLS_KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

wanted() {
	local word
	[ -z "${MLS_TESTS:-}" ] && return 0
	for word in $MLS_TESTS; do [[ $1 == *$word* ]] && return 0; done
	return 1
}

export MLS_CFLAGS="-Werror ${MLS_CFLAGS:-}"
say 'building (about a minute on two cores)'
# What was compiled for a server without assertions is of no use for one with them.
source=$top
if [ -n "${MLS_ASSERT:-}" ]; then
	source=$work/source
	copy_project "$top" "$source"
fi
bin=$(bash "$source/test/tmp_install.sh" "$work/install")
pgxs=$(dirname "$("$bin/pg_config" --pgxs)")/..
# The tests run from a copy: the tree may be unreadable for the user "postgres".
mkdir "$work/tree"
cp -a "$top/sql" "$top/expected" "$top/test" "$top/docs" "$top/README.md" "$top/CHANGELOG.md" "$top/META.json" "$top/mls_fdw.control" "$work/tree/" 2>/dev/null || true
cp -a "$top/releases" "$work/tree/" 2>/dev/null || true
wanted 196_protocol && make -s -C "$source/test/protocol" PG_CONFIG="$bin/pg_config" out="$work/tree/test/protocol"
wanted 201_serve_odata && { make -s -j2 -C "$top/test/serve" out="$work/tree/test/serve" rows ||
	echo 'test/serve could not be built: 201_serve_odata is left out' >&2; }
if [ -n "${MLS_DUCKDB_LIBRARY:-}" ]; then
	cp "$MLS_DUCKDB_LIBRARY" "$work/tree/libduckdb.so"
	chmod 755 "$work/tree/libduckdb.so"
	export MLS_DUCKDB_LIBRARY=$work/tree/libduckdb.so
fi
mkdir "$work/out" "$work/out/ports" "$work/parts"
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work/tree" "$work/out"
cd "$work/out"
export PATH="$bin:$PATH" LC_ALL=C.UTF-8 TZ=UTC
mkdir "$work/tools"
ln -s "$work/tree/test/initdb.sh" "$work/tools/initdb"
as_user "$bin/initdb" -U postgres -D "$work/out/cluster" -A trust -N -E UTF8 --locale=C.UTF-8 >/dev/null
export INITDB_TEMPLATE=$work/out/cluster
# Most tests begin with the extension: to copy a cluster that has it is quicker than to make it.
as_user cp -RPp "$work/out/cluster" "$work/out/cluster_with_mls"
as_user "$bin/pg_ctl" -w -s -D "$work/out/cluster_with_mls" -l "$work/out/cluster.log" -o "-F -c listen_addresses='' -k $work/out" start
as_user "$bin/psql" -Xq -h "$work/out" -U postgres -d postgres -c 'CREATE EXTENSION mls_fdw'
as_user "$bin/pg_ctl" -w -s -D "$work/out/cluster_with_mls" stop

# Each run_* function below is a part.  It prints what a reader of the whole should
# see, and calls count once or more.
passed=0
failed=0
count() { # count PASSED FAILED
	passed=$((passed + $1))
	failed=$((failed + $2))
}
own_directory() { # of a part, writable for who runs PostgreSQL
	mkdir -p "$work/out/$1"
	[ "$(id -u)" -ne 0 ] || chown postgres "$work/out/$1"
}

run_regress() {
	local tests=() file out="$work/out/regress" log="$work/parts/regress.raw"
	own_directory regress
	for file in "$top"/sql/*.sql; do tests+=("$(basename "$file" .sql)"); done
	# From 16 on pg_regress would copy the template, and ask it as who runs the tests.
	(cd "$out" && as_user env -u INITDB_TEMPLATE "$pgxs/test/regress/pg_regress" --bindir="$bin" --inputdir="$work/tree" \
		--outputdir="$out" --temp-instance="$out/instance" \
		--temp-config="$work/tree/test/regress.conf" --load-extension=mls_fdw \
		"${tests[@]}") >"$log" 2>&1 || true
	grep -E '(ok|FAILED)( |$)' "$log" | grep -E '^(test |ok |not ok )' || cat "$log"
	count "$(grep -cE '^(test .*\.\.\. ok|ok [0-9])' "$log" || true)" \
		"$(grep -cE '^(test .*FAILED|not ok )' "$log" || true)"
	[ -s "$out/regression.diffs" ] && cat "$out/regression.diffs"
	grep -qE 'tests? passed' "$log" || { [ "$failed" -gt 0 ] || count 0 1; }
}

run_tap() { # run_tap NAME
	local name=$1 out="$work/out/$1" log="$work/parts/$1.raw" status=0 file
	own_directory "$name"
	(cd "$out" && as_user env TESTDIR="$out" TESTDATADIR="$out/data" TESTLOGDIR="$out/log" \
		PG_TEST_PORT_DIR="$work/out/ports" PG_REGRESS="$pgxs/test/regress/pg_regress" \
		MLS_TREE="$work/tree" MLS_BIN="$bin" MLS_CLUSTER="$work/out/cluster" PATH="$work/tools:$PATH" PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-120}" \
		prove -v -I "$work/tree/test/perl" -I "$pgxs/test/perl" "$work/tree/test/t/$name.pl") \
		>"$log" 2>&1 || status=$?
	grep -E '^(not ok|#   |# measured|1\.\.0 # SKIP|  (Failed|Non-zero|Parse|No plan))' "$log" || true
	count "$(grep -cE '^ok ' "$log" || true)" "$(grep -cE '^not ok ' "$log" || true)"
	[ "$status" -eq 0 ] && return 0
	[ "$failed" -gt 0 ] || count 0 1
	# A failed file's own log says why.
	for file in "$out"/log/regress_log_* "$out"/tmp_check/log/regress_log_* "$log"; do
		[ -f "$file" ] || continue
		echo "---- $(basename "$file")"
		grep -A 12 'not ok' "$file" | head -n 200 || true
		echo "---- its end"
		tail -n 15 "$file"
	done
	return 0
}

run_unit() {
	local log="$work/parts/unit.raw" status=0
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
	make -s -j2 -C "$top/test/wire" out="$work" PG_CONFIG="$bin/pg_config" wire
	bash "$top/test/wire/run.sh" "$work/wire" >"$work/parts/wire.raw" || true
	cat "$work/parts/wire.raw"
	count "$(sed -n 's/^answers: \([0-9]*\) passed.*/\1/p' "$work/parts/wire.raw" | grep . || echo 0)" \
		"$(sed -n 's/^answers: .* \([0-9]*\) failed$/\1/p' "$work/parts/wire.raw" | grep . || echo 1)"
}

# The same, with answers that nobody would think of; needs clang with libFuzzer.
run_fuzz() {
	if ! make -s -j2 -C "$top/test/wire" out="$work" PG_CONFIG="$bin/pg_config" fuzz 2>"$work/parts/fuzz.raw"; then
		echo "fuzz: not run, the targets could not be built:"
		tail -n 5 "$work/parts/fuzz.raw"
		[ -z "${MLS_FUZZ_REQUIRED:-}" ] || count 0 1
		return 0
	fi
	if bash "$top/test/wire/fuzz.sh" "$work/fuzz" "${MLS_FUZZ_SECONDS:-9}"; then count 1 0; else count 0 1; fi
	# What mls_serve reads; left out where its libraries are not there.
	if ! make -s -j2 -C "$top/test/serve" out="$work/serve" fuzz 2>"$work/parts/fuzz_serve.raw"; then
		echo "fuzz: addresses of mls_serve not run, the target could not be built:"
		tail -n 5 "$work/parts/fuzz_serve.raw"
		[ -z "${MLS_FUZZ_REQUIRED:-}" ] || count 0 1
		return 0
	fi
	if bash "$top/test/serve/fuzz.sh" "$work/serve" "${MLS_FUZZ_SECONDS:-9}"; then count 1 0; else count 0 1; fi
}

# The demonstration, as somebody types it on a machine that has set nothing.
run_demo() {
	local log="$work/parts/demo.raw" status=0
	env -i MLS_DEMO_WORK="$work/demo" PG_CONFIG="${PG_CONFIG:-pg_config}" "$(command -v make)" --no-print-directory -C "$top" demo >"$log" 2>&1 || status=$?
	env -i MLS_DEMO_WORK="$work/demo" "$(command -v bash)" "$top/test/demo.sh" stop || status=1
	check_demo() { # check_demo WHAT TEST...
		if "${@:2}"; then count 1 0; else
			count 0 1
			echo "not ok - $1"
			cat "$log"
		fi
	}
	check_demo 'the demonstration ends well' [ "$status" -eq 0 ]
	check_demo 'its only error is the refused purge' [ "$(grep -c ERROR: "$log")" -eq 1 ]
	check_demo 'it has at most 120 lines' [ "$(wc -l <"$log")" -le 120 ]
	check_demo 'it has at most 100 columns' [ "$(awk '!/^Connect/ && length > 100' "$log" | wc -l)" -eq 0 ]
	check_demo 'a page of the Web API has a next one' [ "$(grep -cE '^LK[0-9]{8}$' "$log")" -eq 2 ]
	check_demo 'one consumer sees less than the other' [ "$(grep -A2 '^\$ for who' "$log" | grep -cE '^[1-9][0-9]+$')" -eq 2 ]
	check_demo 'statements are shown' [ "$(grep -c 'OPERATOR(mls.<)' "$log")" -eq 1 ]
	check_demo 'all three sources are in gold' [ "$(grep -cE '^ (crm|demo|oldmls) +\| +[0-9]+ \|' "$log")" -eq 3 ]
}

# One part, in a process group of its own; what it printed and counted stays in files.
run_part() { # run_part NAME
	local started=$SECONDS
	case $1 in
	unit | wire | fuzz | regress | demo) "run_$1" ;;
	*) run_tap "$1" ;;
	esac >"$work/parts/$1.log" 2>&1
	echo "$passed $failed $((SECONDS - started))" >"$work/parts/$1.count"
}

# The parts that take minutes begin first, so that none of them is left at the end.
long_first='099_model 049_replication 037_keys 051_qobrix_gold 089_rets_long 042_crash fuzz'
parts=()
add_part() {
	local part
	wanted "$1" || return 0
	for part in ${parts[@]+"${parts[@]}"}; do [ "$part" = "$1" ] && return 0; done
	parts+=("$1")
}
for part in $long_first; do
	[ "$part" = fuzz ] || [ -f "$top/test/t/$part.pl" ] && add_part "$part"
done
for part in demo regress wire unit; do add_part "$part"; done
for file in "$top"/test/t/*.pl; do add_part "$(basename "$file" .pl)"; done

show_part() { # what a part that has ended printed, and its line
	local p f s
	reported[$1]=1
	cat "$work/parts/$1.log"
	if [ -f "$work/parts/$1.count" ]; then read -r p f s <"$work/parts/$1.count"; else p=0 f=1 s=0; fi
	echo "$1: $p passed, $f failed, $s s"
	all_passed=$((all_passed + p))
	all_failed=$((all_failed + f))
}
declare -A reported=()
all_passed=0
all_failed=0
jobs=${MLS_JOBS:-$(($(nproc) + 1))}
say "testing on $("$bin/postgres" -V): ${#parts[@]} parts, $jobs at a time (all take about 30 minutes on two cores)"
running=0
set -m
for part in ${parts[@]+"${parts[@]}"}; do
	if [ "$running" -ge "$jobs" ]; then
		wait -n || true
		running=$((running - 1))
		for done_part in "$work"/parts/*.count; do
			done_part=$(basename "$done_part" .count)
			[ -n "${reported[$done_part]:-}" ] || show_part "$done_part"
		done
	fi
	run_part "$part" &
	running=$((running + 1))
done
wait
set +m
for part in ${parts[@]+"${parts[@]}"}; do
	[ -n "${reported[$part]:-}" ] || show_part "$part"
done
echo "$((SECONDS / 60)) minutes, $jobs parts at a time"
echo "$all_passed passed, $all_failed failed"
[ "$all_failed" -eq 0 ] && [ "$all_passed" -gt 0 ]
