#!/bin/bash
# All pages of the operators' site under axe-core.  Needs npm and a registry, and Debian's chromium
# and chromium-driver; a part of make check-peers, not of make check.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm install --silent --no-audit --no-fund --save-exact axe-core@4.11.0 >npm.log 2>&1) || { cat "$work/npm.log" >&2; exit 1; }
bash "$here/../site/with_site.sh" perl "$here/../site/axe.pl" "$work/node_modules/axe-core/axe.min.js"
