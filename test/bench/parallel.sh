#!/usr/bin/env bash
# A first load by 1, 2 and 4 processes from a source that takes its time: see README.md.
export MLS_BENCH=parallel.py
exec bash "$(dirname "$0")/run.sh" "${1:-40000}"
