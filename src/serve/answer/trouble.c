/*
 * trouble.c
 *		Errors: OData's error object, and what the database's mean.
 *
 * Nothing of a message of PostgreSQL gets out: it may hold values, and names of tables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/answer/parts.h"
#include "serve/base/serve_log.h"

void
serve_fail_odata(ServeCall *call, int status, const char *code, const char *message,
				 const char *target)
{
	ServeBytes body = {0};

	serve_bytes_text(&body, "{\"error\":{\"code\":");
	serve_bytes_json_text(&body, code);
	serve_bytes_text(&body, ",\"message\":");
	serve_bytes_json_text(&body, message);
	if (target)
	{
		serve_bytes_text(&body, ",\"target\":");
		serve_bytes_json_text(&body, target);
	}
	serve_bytes_text(&body, "}}");
	if (!call->reply.shared)
		free(call->reply.body);
	call->reply.shared = call->reply.gzip = call->reply.tagged = false;
	serve_reply_body(call, status, "application/json", &body);
}

void
serve_fail_later(ServeCall *call, int seconds, const char *code, const char *message)
{
	serve_fail_odata(call, 503, code, message, NULL);
	serve_reply_header(call, "Retry-After", serve_printf(call->arena, "%d", seconds));
}

/* What a value did wrong, told without the value. */
static const char *
value_message(const char *sqlstate)
{
	if (strcmp(sqlstate, "22012") == 0)
		return "division by zero";
	if (strcmp(sqlstate, "22003") == 0)
		return "a number is out of range";
	if (strcmp(sqlstate, "22007") == 0 || strcmp(sqlstate, "22008") == 0)
		return "a date or time is out of range";
	if (strcmp(sqlstate, "2201B") == 0)
		return "a regular expression is not valid";
	return "a value does not fit where it stands";
}

/*
 * What of the request it was.  Literals were looked at before, so texts that are no values are
 * those of a page's token; so is what does not fit where nothing is computed.
 */
static const char *
value_target(const ServePlan *plan, const char *sqlstate)
{
	static const char division[] = "22012";

	if (plan && plan->continued &&
		(strcmp(sqlstate, "22P02") == 0 || strcmp(sqlstate, "22007") == 0 ||
		 (strcmp(sqlstate, division) != 0 && strcmp(plan->suspect, "$filter") != 0)))
		return "$skiptoken";
	return plan ? plan->suspect : NULL;
}

bool
serve_trouble_is_stale(const ServeTrouble *trouble)
{
	/* What a statement names is not there, is of another type, or may not be read. */
	static const char *const states[] = {"42P01", "42703", "42883", "3F000",
										 "42804", "0A000", "42501", NULL};

	for (int i = 0; trouble->kind == SERVE_SQL_ERROR && states[i]; i++)
		if (strcmp(trouble->sqlstate, states[i]) == 0)
			return true;
	return false;
}

void
serve_fail_trouble(ServeCall *call, const ServeTrouble *trouble)
{
	const char *state = trouble->sqlstate;
	bool is_class = trouble->kind == SERVE_SQL_ERROR;

	if (trouble->kind == SERVE_LOST)
		serve_fail_later(call, 2, "DatabaseUnavailable", "the database is not to be reached");
	else if (trouble->kind == SERVE_TOO_LATE || (is_class && strcmp(state, "57014") == 0))
		serve_fail_later(call, 10, "QueryTimeout", "the request took longer than it may");
	else if (strncmp(state, "22", 2) == 0 && trouble->question >= 0)
		serve_fail_odata(call, 400, "InvalidValue", value_message(state),
						 value_target(call->plan, state));
	else if (strncmp(state, "54", 2) == 0)
		serve_fail_odata(call, 413, "QueryTooComplex", "the request is too complex", NULL);
	else if (strcmp(state, "42501") == 0)
		serve_fail_odata(call, 403, "Forbidden", "this may not be read", NULL);
	else if (strncmp(state, "53", 2) == 0 || strncmp(state, "40", 2) == 0 ||
			 strcmp(state, "55P03") == 0)
		serve_fail_later(call, 2, "DatabaseBusy", "the database is busy");
	else if (serve_trouble_is_stale(trouble))
	{
		serve_log(SERVE_LOG_WARNING, "a statement does not fit what is there: SQLSTATE %s", state);
		serve_fail_later(call, 1, "ModelChanged", "what is served has changed: ask again");
	}
	else
	{
		serve_log(SERVE_LOG_ERROR, "SQLSTATE %s answering %s", state,
				  call->plan ? call->plan->shape : "a login");
		serve_fail_odata(call, 500, "InternalError", "the request could not be answered", NULL);
	}
}
