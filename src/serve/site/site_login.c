/*
 * site_login.c
 *		Connections as a role that has said its password.
 *
 * They go where those of the program go, by the same settings but for the role and what proves
 * it.  A server may ask for no password at all (trust, peer): then everybody could be anybody
 * from where this program stands, so such a connection is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/base/serve_log.h"
#include "serve/base/settings.h"
#include "serve/site/site_room.h"

#define MAX_WORDS 64

/* Nothing depends on search_path: what is asked names its schema. */
#define OPTIONS                                                                                    \
	"-c search_path=pg_catalog,pg_temp -c timezone=UTC -c datestyle=ISO -c jit=off "               \
	"-c idle_in_transaction_session_timeout=60000 -c extra_float_digits=1 "                        \
	"-c client_min_messages=notice"

/* What does not hold for another role: who we are, and what proves it. */
static const char *const own[] = {"user",    "password",         "passfile",
								  "options", "application_name", "sslcert",
								  "sslkey",  "sslpassword",      NULL};

static const char *keywords[MAX_WORDS];
static const char *values[MAX_WORDS];
static int nwords;
/* Where those values are. */
static PQconninfoOption *said;
static PQconninfoOption *defaults;

static bool
is_own(const char *keyword)
{
	for (int i = 0; own[i]; i++)
		if (strcmp(own[i], keyword) == 0)
			return true;
	return false;
}

static void
add_word(const char *keyword, const char *value)
{
	keywords[nwords] = keyword;
	values[nwords++] = value;
}

/* What the environment and a service say is read once, here: the name of the database above all,
 * which would be that of the role if nobody says it. */
bool
serve_site_login_start(char *problem, size_t space)
{
	char *message = NULL;
	const char *conninfo = serve_settings.conninfo ? serve_settings.conninfo : "";
	const char *database = NULL;
	const char *user = NULL;
	bool service = false;

	said = PQconninfoParse(conninfo, &message);
	defaults = PQconndefaults();
	if (!said || !defaults)
	{
		snprintf(problem, space, "%s", message ? message : "the settings of libpq cannot be read");
		PQfreemem(message);
		PQconninfoFree(said);
		PQconninfoFree(defaults);
		return false;
	}
	/* Both lists have the same words in the same order. */
	for (int i = 0; said[i].keyword; i++)
	{
		const char *value = said[i].val && said[i].val[0] ? said[i].val : defaults[i].val;

		if (strcmp(said[i].keyword, "dbname") == 0)
			database = value;
		else if (strcmp(said[i].keyword, "user") == 0)
			user = value;
		else if (strcmp(said[i].keyword, "service") == 0 && value && value[0])
		{
			service = true;
			add_word("service", value);
		}
		else if (!is_own(said[i].keyword) && value && value[0] && nwords < MAX_WORDS - 12)
			add_word(said[i].keyword, value);
	}
	if (database && database[0])
		add_word("dbname", database);
	else if (!service)
		add_word("dbname", user);
	/* A file of passwords, or a certificate, would be ours. */
	add_word("passfile", "/dev/null");
	add_word("sslcert", "/dev/null/none");
	add_word("sslkey", "/dev/null/none");
	add_word("gssencmode", "disable");
	add_word("application_name", "mls_serve site");
	add_word("connect_timeout", "5");
	add_word("client_encoding", "UTF8");
	add_word("options", OPTIONS);
	return true;
}

static void
no_notices(void *unused, const PGresult *result)
{
}

ServeSiteLogin
serve_site_connect(const char *role, const char *password, PGconn **pg, char *problem, size_t space)
{
	const char *words[MAX_WORDS];
	const char *says[MAX_WORDS];
	int n = 0;
	ServeSiteLogin outcome = SERVE_SITE_NO_DATABASE;

	for (; n < nwords; n++)
	{
		words[n] = keywords[n];
		says[n] = values[n];
	}
	words[n] = "user";
	says[n++] = role;
	words[n] = "password";
	says[n++] = password;
	words[n] = NULL;
	says[n] = NULL;
	*pg = PQconnectdbParams(words, says, 0);
	PQsetNoticeReceiver(*pg, no_notices, NULL);
	if (PQstatus(*pg) == CONNECTION_OK)
	{
		if (PQconnectionUsedPassword(*pg))
			return SERVE_SITE_LOGGED_IN;
		outcome = SERVE_SITE_UNASKED;
		snprintf(problem, space,
				 "The database asks this role for no password here, so a password proves nothing: "
				 "have pg_hba.conf ask for it (scram-sha-256).");
	}
	else
	{
		const char *message = PQerrorMessage(*pg);

		/* libpq tells no SQLSTATE of a connection that fails.  In another language than this all
		 * that follows a password counts as a wrong one. */
		if (strstr(message, "too many"))
			snprintf(problem, space, "The database takes no more connections.");
		else if (PQconnectionUsedPassword(*pg) && strstr(message, "permission denied for database"))
		{
			outcome = SERVE_SITE_FORBIDDEN;
			snprintf(problem, space, "This role may not connect to the database.");
		}
		else if (PQconnectionUsedPassword(*pg) || PQconnectionNeedsPassword(*pg) ||
				 strstr(message, "authentication") || strstr(message, "pg_hba.conf") ||
				 strstr(message, "does not exist"))
		{
			outcome = SERVE_SITE_REFUSED;
			snprintf(problem, space, "Role or password is wrong.");
		}
		else
			snprintf(problem, space, "The database cannot be reached.");
		if (outcome == SERVE_SITE_NO_DATABASE)
			serve_log(SERVE_LOG_WARNING, "site: %.*s", (int) strcspn(message, "\n"), message);
	}
	PQfinish(*pg);
	*pg = NULL;
	return outcome;
}

char *
serve_site_schema(PGconn *pg)
{
	PGresult *result = PQexec(
		pg, "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e "
			"JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'mls_fdw'");
	char *schema = NULL;

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
		schema = serve_copy_text(PQgetvalue(result, 0, 0));
	PQclear(result);
	return schema;
}
