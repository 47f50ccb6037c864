/*
 * startup.c
 *		Whether the role we connect as may be trusted with requests of strangers: policies and
 *		grants hold for it only if it has no rights of its own.
 */
#include <stdio.h>
#include <string.h>

#include "serve/base/bytes.h"
#include "serve/base/settings.h"
#include "serve/pool/connection.h"

/* Each row is a reason not to run. */
static const char *const reasons =
	"SELECT format('role \"%s\" is a superuser', rolname) FROM pg_roles"
	" WHERE rolname = current_user AND rolsuper"
	" UNION ALL SELECT format('role \"%s\" bypasses row security', rolname) FROM pg_roles"
	" WHERE rolname = current_user AND rolbypassrls"
	" UNION ALL SELECT format('role \"%s\" may make roles', rolname) FROM pg_roles"
	" WHERE rolname = current_user AND rolcreaterole"
	" UNION ALL SELECT format('role \"%s\" may become the owner of %s', current_user,"
	"   string_agg(c.oid::regclass::text, ', ' ORDER BY c.relname)) FROM pg_class c"
	"   JOIN pg_namespace n ON n.oid = c.relnamespace"
	" WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname IN ('bronze', 'silver', 'gold', 'mls')"
	"   AND pg_has_role(current_user, c.relowner, 'MEMBER') HAVING count(*) > 0"
	" UNION ALL SELECT format('role \"%s\" inherits the rights of \"%s\": ALTER ROLE %I NOINHERIT,"
	" or GRANT it WITH INHERIT FALSE', current_user, r.rolname, current_user)"
	" FROM pg_roles r WHERE r.rolname <> current_user"
	"   AND pg_has_role(current_user, r.oid, 'USAGE') AND r.rolname <> 'pg_database_owner'"
	" UNION ALL SELECT 'database \"' || current_database() || '\" has no extension mls_fdw that"
	" serves: mls.serve_roles() is not there' WHERE to_regprocedure('mls.serve_roles()') IS NULL"
	" LIMIT 1";

/* Once that is settled: what is served to all alike, whoever asks. */
static const char *const open_tables =
	"SELECT format('table %s has no row security: if that is meant, say --open-tables',"
	" v.gold) FROM mls.served_audience v JOIN pg_class c ON c.oid = v.gold"
	" WHERE NOT c.relrowsecurity LIMIT 1";

bool
serve_startup_check(char *problem, size_t space)
{
	PGconn *pg = serve_connect("mls_serve start", problem, space);
	PGresult *result;
	bool good = false;

	if (!pg)
		return false;
	result = PQexec(pg, reasons);
	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 0 &&
		!serve_settings.open_tables)
	{
		PQclear(result);
		result = PQexec(pg, open_tables);
	}
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		snprintf(problem, space, "%s", PQresultErrorMessage(result));
	else if (PQntuples(result) > 0)
		snprintf(problem, space, "%s", PQgetvalue(result, 0, 0));
	else
		good = true;
	PQclear(result);
	PQfinish(pg);
	return good;
}

char *
serve_fetch_model(const char *role, char *problem, size_t space)
{
	PGconn *pg = serve_connect("mls_serve model", problem, space);
	const char *params[] = {role};
	PGresult *result;
	char *json = NULL;

	if (!pg)
		return NULL;
	result = PQexecParams(pg, "SELECT mls.serve_model($1)", 1, NULL, params, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		snprintf(problem, space, "%s", PQresultErrorMessage(result));
	else if (PQntuples(result) == 0 || PQgetisnull(result, 0, 0))
		snprintf(problem, space, "role \"%s\" is not served", role);
	else
		json = serve_copy_text(PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(pg);
	return json;
}
