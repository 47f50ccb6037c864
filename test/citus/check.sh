#!/usr/bin/env bash
# Gold on several machines (make check-citus): builds the extension and Citus into a private
# copy of PostgreSQL, and plays the files beside this one on clusters of two nodes.
#
#   CITUS_SOURCE=DIR     sources of Citus (12.1 for PostgreSQL 15), configured and built if they
#                        are not yet, in a copy; or a directory that was installed into (DESTDIR)
#   MLS_TESTS='nodes'    plays the files whose names hold one of the words
#   MLS_KEEP=1           keeps the temporary directory
#   MLS_LONG=1           plays long rounds of the model
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/test/packages.sh"
source=${CITUS_SOURCE:?names the directory with the sources of Citus (docs/internals.md)}
source=$(cd "$source" && pwd)
install_packages liblz4-dev libzstd-dev libkrb5-dev flex

work=$(mktemp -d /tmp/mls_fdw_citus.XXXXXX)
chmod 755 "$work"
finish() {
	trap - EXIT
	[ -n "${MLS_KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

say 'building'
export MLS_CFLAGS="-Werror ${MLS_CFLAGS:-}"
bin=$(bash "$top/test/tmp_install.sh" "$work/install")
if [ -f "$source/configure" ]; then
	cp -a "$source" "$work/citus"
	cd "$work/citus"
	[ -f Makefile.global ] || ./configure --without-libcurl PG_CONFIG="${PG_CONFIG:-pg_config}" >"$work/citus.log" 2>&1
	make -s -j"$(nproc)" extension install-extension with_llvm=no DESTDIR="$work/install" >>"$work/citus.log" 2>&1 ||
		{ tail -n 20 "$work/citus.log" && exit 1; }
else
	cp -a "$source/." "$work/install/"
fi
pgxs=$(dirname "$("$bin/pg_config" --pgxs)")/..
mkdir "$work/tree" "$work/out" "$work/out/ports" "$work/tools"
cp -a "$top/test" "$top/docs" "$work/tree/"
[ "$(id -u)" -eq 0 ] && chown -R postgres "$work/tree" "$work/out"
ln -s "$work/tree/test/initdb.sh" "$work/tools/initdb"
export PATH="$bin:$PATH" LC_ALL=C.UTF-8 TZ=UTC
cd "$work/out"
as_user "$bin/initdb" -U postgres -D "$work/out/cluster" -A trust -N -E UTF8 --locale=C.UTF-8 >/dev/null
status=0
for file in $(cd "$work/tree" && ls ${MLS_CITUS_FILES:-test/citus/*.pl}); do
	name=$(basename "$file" .pl)
	wanted=
	for word in ${MLS_TESTS:-$name}; do [[ $name == *$word* ]] && wanted=1; done
	[ -n "$wanted" ] || continue
	mkdir "$work/out/$name"
	[ "$(id -u)" -ne 0 ] || chown postgres "$work/out/$name"
	(cd "$work/out/$name" && as_user env TESTDIR="$work/out/$name" TESTDATADIR="$work/out/$name/data" TESTLOGDIR="$work/out/$name/log" \
		PG_TEST_PORT_DIR="$work/out/ports" PG_REGRESS="$pgxs/test/regress/pg_regress" INITDB_TEMPLATE="$work/out/cluster" \
		MLS_TREE="$work/tree" MLS_BIN="$bin" MLS_CLUSTER="$work/out/cluster" PATH="$work/tools:$PATH" \
		MLS_LISTINGS="${MLS_LISTINGS:-}" MLS_REPEATS="${MLS_REPEATS:-}" MLS_FACE="${MLS_FACE:-}" MLS_LONG="${MLS_LONG:-}" MLS_TELL="${MLS_TELL:-}" MLS_SEED="${MLS_SEED:-}" MLS_ROUNDS="${MLS_ROUNDS:-}" PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-120}" \
		prove -v -I "$work/tree/test/perl" -I "$work/tree/test/citus" -I "$pgxs/test/perl" "$work/tree/$file") || status=1
done
exit $status
