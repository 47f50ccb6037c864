#!/usr/bin/env bash
# Holds the $metadata of a running service against the XML schemas of OASIS.  Needs curl, git
# and xmllint, and the network unless a copy of the schemas is named; not a part of make check.
#
#   test/peers/odata_schema.sh URL [CLIENT_ID SECRET]
#   ODATA_SCHEMAS=DIR    a copy of https://github.com/oasis-tcs/odata-csdl-schemas
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
url=${1%/}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
schemas=${ODATA_SCHEMAS:-$work/schemas}
[ -d "$schemas" ] || git clone -q --depth 1 https://github.com/oasis-tcs/odata-csdl-schemas "$schemas"
authorization=()
if [ $# -ge 3 ]; then
	token=$(curl -sS --fail -u "$2:$3" -d grant_type=client_credentials "$url/oauth/token" |
		sed 's/.*"access_token":"\([^"]*\)".*/\1/')
	authorization=(-H "Authorization: Bearer $token")
fi
curl -sS --fail "${authorization[@]}" -H 'Accept: application/xml' -o "$work/metadata.xml" "$url/\$metadata"
xmllint --noout --nonet --schema "$schemas/schemas/edmx.xsd" "$work/metadata.xml"
