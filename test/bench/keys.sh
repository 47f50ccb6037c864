#!/usr/bin/env bash
# Purges and reconciles very many keys, and prints time and memory: see README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
MLS_KEYS=${1:-3000000} MLS_TESTS=037_keys exec bash test/check.sh
