#!/usr/bin/env bash
# Prints a document with its tables of options replaced by what mls_options() says.
# Each table stands between a line "<!-- options: OBJECT -->" and "<!-- end -->".
#
#   test/options_doc.sh docs/options.md >new    asks the database psql connects to
set -euo pipefail

options_of() {
	psql -XAtq -v object="$1" <<'SQL'
SELECT '| name | type | default | allowed | meaning |' UNION ALL SELECT '|---|---|---|---|---|';
SELECT format('| `%s` | %s | %s | %s | %s |', name, type,
              CASE WHEN required THEN '(required)'
                   ELSE coalesce('`' || default_value || '`', '') END,
              coalesce(allowed, ''), help)
  FROM mls_options() WITH ORDINALITY AS o(object, name, type, default_value, allowed, required, secret, help, n)
 WHERE object = :'object' ORDER BY n;
SQL
}

inside=
while IFS= read -r line; do
	case $line in
	'<!-- options: '*' -->')
		printf '%s\n' "$line"
		object=${line#<!-- options: }
		options_of "${object% -->}"
		inside=1
		;;
	'<!-- end -->') inside= ;;
	esac
	[ -n "$inside" ] || printf '%s\n' "$line"
done <"$1"
