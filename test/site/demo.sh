#!/usr/bin/env bash
# Sources for looking at the site, in a database that has nothing yet: demo.sh URL PSQL...
# (the test server, and how psql reaches the database as a superuser).
set -euo pipefail
url=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
control() { curl -sS --fail -o /dev/null "$url/_control/$1" -d "$2"; }
ask() { "${sql[@]}" -X -q -v ON_ERROR_STOP=1 "$@" >/dev/null; }
sql=("$@")

ask -v url="$url" -f "$here/demo.sql"
# A day at the source: prices and touches; then a value that does not fit, and new fields.
control clock "{\"now\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"}"
control update '{"resource": "Property", "keys": ["LK00000007", "LK00000009", "LK00000005"], "fields": {"ListPrice": 777000}}'
control update '{"resource": "Property", "keys": ["LK00000003"], "fields": {"UnparsedAddress": "12 Harbour Street"}}'
control touch '{"resource": "Media", "count": 12}'
control touch '{"resource": "Member", "count": 2}'
control touch '{"resource": "OpenHouse", "count": 3}'
ask -c "SELECT count(*) FROM mls_sync('riverbend')" -c "SELECT count(*) FROM mls_verify('riverbend', samples => 5)"
control option '{"schema": {"add": [{"resource": "Property", "field": "SolarPanelsYN", "type": "Edm.Boolean"}, {"resource": "Property", "field": "BrokerNotes", "type": "Edm.String"}]}}'
control touch '{"resource": "Property", "count": 3}'
control fault '{"kind": "bad_value", "resource": "Property", "field": "BedroomsTotal", "value": "three or four", "record": 0, "times": 1}'
ask -f "$here/demo_more.sql"
