#!/usr/bin/env bash
# A full load of a Qobrix tenant beside the requests an older pipeline makes for it: see README.md.
export MLS_BENCH=qobrix.py MLS_SERVER_OPTIONS="--qobrix ${1:-public}"
exec bash "$(dirname "$0")/run.sh" 1
