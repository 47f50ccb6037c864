#!/usr/bin/env bash
# Runs the tests of Parquet with the library of DuckDB, which Debian does not have: a package of npm
# has it, and is fetched each time.
#
#   MLS_DUCKDB_LIBRARY=FILE   that library, in place of the package
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
package=@duckdb/node-bindings-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
if [ -z "${MLS_DUCKDB_LIBRARY:-}" ]; then
	work=$(mktemp -d /tmp/mls_fdw_duckdb.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	(cd "$work" && npm pack --silent "$package" && tar xzf ./*.tgz) >/dev/null
	export MLS_DUCKDB_LIBRARY=$work/package/libduckdb.so
fi
MLS_TESTS='267_parquet' bash "$top/test/check.sh"
