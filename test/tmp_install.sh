#!/usr/bin/env bash
# Builds the extension and installs it into a private copy of PostgreSQL, so that
# no existing installation or cluster is touched.  PostgreSQL finds its share
# directory relative to the server program, so a copy of both trees is enough.
#
#   test/tmp_install.sh DIR      prints the bin directory of the copy
#
# PG_CONFIG chooses the PostgreSQL to copy; MAKEFLAGS and MLS_CFLAGS are passed on.
set -euo pipefail
dir=$1
top=$(cd "$(dirname "$0")/.." && pwd)
pg_config=${PG_CONFIG:-pg_config}
bindir=$($pg_config --bindir)
[ -x "$bindir/pg_config" ] && pg_config=$bindir/pg_config

if [ ! -x "$dir$bindir/postgres" ]; then
	for part in "$bindir" "$($pg_config --pkglibdir)" "$($pg_config --sharedir)" \
		"$($pg_config --includedir-server)" "$($pg_config --pkgincludedir)"; do
		mkdir -p "$dir$part"
		cp -a "$part/." "$dir$part/"
	done
fi
make -s -j"$(nproc)" -C "$top" with_llvm=no PG_CONFIG="$dir$bindir/pg_config" ${MLS_CFLAGS:+MLS_CFLAGS="$MLS_CFLAGS"} all install >&2
echo "$dir$bindir"
