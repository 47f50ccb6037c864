#!/usr/bin/env bash
# Loads gold into four shards on two nodes of Citus, and into local tables, and reads both by key: see README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
MLS_LISTINGS=${1:-20000} MLS_CITUS_FILES=test/bench/citus.pl exec bash test/citus/check.sh
