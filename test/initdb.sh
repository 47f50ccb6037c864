#!/usr/bin/env bash
# Stands before initdb on the PATH of the TAP tests.  The cluster that PostgreSQL's test
# framework asks for is copied from one that is made once, which takes a tenth of the
# time; whatever else is asked for, initdb does itself.  (From 16 on the framework does
# so on its own, where INITDB_TEMPLATE names the one to copy.)  Its superuser is "postgres",
# whoever runs it.
#
#   MLS_CLUSTER     the cluster to copy
#   MLS_BIN         where initdb is
set -euo pipefail
if [ $# -eq 5 ] && [ "$1 $3 $4 $5" = '-D -A trust -N' ]; then
	cp -RPp "$MLS_CLUSTER" "$2"
else
	exec "$MLS_BIN/initdb" -U postgres "$@"
fi
