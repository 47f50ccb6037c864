#!/usr/bin/env bash
# Gold of a whole Qobrix tenant after changes of rules: see README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
MLS_PROPERTIES=${1:-14066} MLS_TESTS=054_remap exec bash test/check.sh
