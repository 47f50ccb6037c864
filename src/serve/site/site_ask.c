/*
 * site_ask.c
 *		One question on a connection, answered in JSON.
 *
 * What only asks is READ ONLY and may take as long as a request may.  What goes wrong is told
 * as PostgreSQL tells it: whoever is logged in would see the same in psql.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/base/moment.h"
#include "serve/base/settings.h"
#include "serve/site/site_room.h"

/* A connection is opened anew after so long, so that a role or password that is gone is not
 * believed for longer. */
#define LIFE_MS 900000
#define MAX_NOTICES 20

typedef struct Notices
{
	ServeBytes json;
	int n;
} Notices;

void
serve_site_error(ServeBytes *out, const char *message, const char *hint)
{
	serve_bytes_text(out, "{\"error\":{\"message\":");
	serve_bytes_json_text(out, message);
	if (hint)
	{
		serve_bytes_text(out, ",\"hint\":");
		serve_bytes_json_text(out, hint);
	}
	serve_bytes_text(out, "}}");
}

static void
add_field(ServeBytes *out, const PGresult *result, const char *name, int field)
{
	const char *value = PQresultErrorField(result, field);

	if (!value)
		return;
	serve_bytes_format(out, "%s\"%s\":", out->data[out->length - 1] == '{' ? "" : ",", name);
	serve_bytes_json_text(out, value);
}

static void
describe(ServeBytes *out, const PGresult *result)
{
	serve_bytes_text(out, "{");
	add_field(out, result, "level", PG_DIAG_SEVERITY_NONLOCALIZED);
	add_field(out, result, "sqlstate", PG_DIAG_SQLSTATE);
	add_field(out, result, "message", PG_DIAG_MESSAGE_PRIMARY);
	add_field(out, result, "detail", PG_DIAG_MESSAGE_DETAIL);
	add_field(out, result, "hint", PG_DIAG_MESSAGE_HINT);
	serve_bytes_text(out, "}");
}

static void
note(void *memory, const PGresult *result)
{
	Notices *notices = memory;

	if (notices->n++ >= MAX_NOTICES)
		return;
	if (notices->json.length > 0)
		serve_bytes_text(&notices->json, ",");
	describe(&notices->json, result);
}

static void
forget_notice(void *unused, const PGresult *result)
{
}

/* What HTTP says to an error of SQL. */
static int
status_of(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (!sqlstate || strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57", 2) == 0 ||
		strncmp(sqlstate, "53", 2) == 0)
		return 503;
	if (strcmp(sqlstate, "42501") == 0 || strcmp(sqlstate, "25006") == 0)
		return 403;
	return strcmp(sqlstate, "P0002") == 0 || strcmp(sqlstate, "42704") == 0 ? 404 : 400;
}

/* The question as it is asked: rows as one array, names with the schema they are in. */
static char *
text_of(const ServeSiteQuestion *question, const char *schema, bool plain)
{
	ServeBytes sql = {0};
	size_t unused;
	const char *at = question->sql;

	if (!plain)
		serve_bytes_text(&sql, "SELECT coalesce(json_agg(q), '[]'::json)::text FROM (\n");
	for (const char *mark; (mark = strstr(at, "@.")); at = mark + 1)
	{
		serve_bytes_add(&sql, at, (size_t) (mark - at));
		serve_bytes_text(&sql, schema);
	}
	serve_bytes_text(&sql, at);
	if (!plain)
		serve_bytes_text(&sql, ") q");
	return serve_bytes_take(&sql, &unused);
}

static bool
frame(PGconn *pg, const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	bool good =
		PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;

	PQclear(result);
	return good;
}

int
serve_site_ask_on(PGconn *pg, const char *schema, const ServeSiteQuestion *question,
				  const char *const *values, bool plain, ServeBytes *out)
{
	char timeout[64];
	Notices notices = {0};
	PGresult *result;
	char *sql;
	int status = 200;

	if (!schema)
	{
		serve_site_error(out, "The extension mls_fdw is not in this database.",
						 "CREATE EXTENSION mls_fdw;");
		return 404;
	}
	snprintf(timeout, sizeof(timeout), "SET statement_timeout = %d",
			 question->kind == SERVE_SITE_LONG ? 0 : serve_settings.timeout_ms);
	if (!frame(pg, timeout) ||
		(question->kind == SERVE_SITE_QUESTION && !frame(pg, "BEGIN READ ONLY")))
	{
		serve_site_error(out, "The database does not answer.", NULL);
		return 503;
	}
	sql = text_of(question, schema, plain);
	PQsetNoticeReceiver(pg, note, &notices);
	result = PQexecParams(pg, sql, question->nparams, NULL, values, NULL, NULL, 0);
	PQsetNoticeReceiver(pg, forget_notice, NULL);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		status = status_of(result);
		serve_bytes_text(out, "{\"error\":");
		describe(out, result);
	}
	else if (plain)
		serve_bytes_text(out, PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	else
	{
		serve_bytes_text(out, "{\"rows\":");
		serve_bytes_add(out, PQgetvalue(result, 0, 0), (size_t) PQgetlength(result, 0, 0));
	}
	if (!plain || status != 200)
	{
		if (notices.n > 0)
		{
			serve_bytes_text(out, ",\"notices\":[");
			serve_bytes_add(out, notices.json.data, notices.json.length);
			serve_bytes_text(out, "]");
		}
		serve_bytes_text(out, "}");
	}
	PQclear(result);
	free(sql);
	serve_bytes_free(&notices.json);
	if (question->kind == SERVE_SITE_QUESTION)
		(void) frame(pg, "ROLLBACK");
	return status;
}

/* The session's connection, opened anew where it has to be; 0, or the status of the answer. */
static int
connect_again(ServeSiteSession *session, ServeBytes *out)
{
	char problem[256];
	ServeSiteLogin outcome;

	if (session->pg && PQstatus(session->pg) == CONNECTION_OK &&
		serve_now_ms() - session->connected < LIFE_MS)
	{
		if (!session->schema)
			session->schema = serve_site_schema(session->pg);
		return 0;
	}
	PQfinish(session->pg);
	outcome = serve_site_connect(session->role, session->password, &session->pg, problem,
								 sizeof(problem));
	if (outcome == SERVE_SITE_LOGGED_IN)
	{
		free(session->schema);
		session->schema = serve_site_schema(session->pg);
		session->connected = serve_now_ms();
		return 0;
	}
	serve_site_error(out, problem, NULL);
	if (outcome == SERVE_SITE_NO_DATABASE)
		return 503;
	serve_site_session_end(session);
	return 401;
}

int
serve_site_ask(ServeSiteSession *session, const ServeSiteQuestion *question,
			   const char *const *values, ServeBytes *out)
{
	int status;

	pthread_mutex_lock(&session->busy);
	status = connect_again(session, out);
	if (status == 0)
	{
		status = serve_site_ask_on(session->pg, session->schema, question, values, false, out);
		/* A server that was started anew has closed it: nothing was asked yet, or only asked. */
		if (PQstatus(session->pg) != CONNECTION_OK && question->kind == SERVE_SITE_QUESTION)
		{
			serve_bytes_free(out);
			status = connect_again(session, out);
			if (status == 0)
				status =
					serve_site_ask_on(session->pg, session->schema, question, values, false, out);
		}
	}
	pthread_mutex_unlock(&session->busy);
	return status;
}
