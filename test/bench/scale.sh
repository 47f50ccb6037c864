#!/usr/bin/env bash
# What a listing costs when there are many, and what partitions cost and save: see README.md.
export MLS_BENCH=scale.py
exec bash "$(dirname "$0")/gold.sh" "${1:-50000}"
