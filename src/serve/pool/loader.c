/*
 * loader.c
 *		Models of roles and the list of consumers, from the extension's functions.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/base/counters.h"
#include "serve/base/serve_log.h"
#include "serve/pool/connection.h"
#include "serve/schema/cache.h"
#include "serve/token/token.h"

#define LOAD_TIMEOUT_MS 60000

/* One question, asked as who we connect as; NULL with the reason in the log. */
static ServeResult *
ask(ServeConnection *connection, const char *sql, const char *parameter, const char *what)
{
	const char *params[] = {parameter};
	ServeTurn turn = {.timeout_ms = LOAD_TIMEOUT_MS,
					  .nquestions = 1,
					  .questions = {{.sql = sql, .nparams = parameter ? 1 : 0, .params = params}}};
	ServeTrouble trouble;
	ServeResult *result;

	if (serve_turn(connection, &turn, &result, &trouble))
		return result;
	serve_log(SERVE_LOG_WARNING, "cannot read %s: %s%s", what,
			  trouble.kind == SERVE_SQL_ERROR ? "SQLSTATE " : "the connection is lost",
			  trouble.kind == SERVE_SQL_ERROR ? trouble.sqlstate : "");
	return NULL;
}

/* *strange: somebody has a role that we have no model of, as one that we may serve only now. */
static bool
load_consumers(ServeConnection *connection, bool *strange)
{
	ServeResult *found =
		ask(connection,
			"SELECT client_id, consumer, role::text, claims::text, limits::text, "
			"coalesce(extract(epoch FROM not_before) * 1000000, 0)::bigint::text, active "
			"FROM mls.serve_consumers()",
			NULL, "consumers");
	ServeConsumerList *list;

	if (!found)
		return false;
	list = serve_consumers_begin();
	for (int row = 0; row < serve_result_rows(found); row++)
	{
		const char *cells[7];
		ServeRole *role;

		for (int i = 0; i < 7; i++)
			cells[i] = serve_result_text(found, row, i, NULL);
		if (!cells[0] || !cells[1] || !cells[2])
			continue;
		role = serve_role_acquire(cells[2]);
		if (!role)
			*strange = true;
		serve_role_release(role);
		serve_consumers_add(list, cells[0], cells[1], cells[2], cells[3], cells[4], atoll(cells[5]),
							cells[6] && cells[6][0] == 't');
	}
	serve_result_free(found);
	serve_consumers_publish(list);
	return true;
}

/* Tokens that were revoked one by one. */
static bool
load_revoked(ServeConnection *connection)
{
	ServeResult *found = ask(connection,
							 "SELECT jti, ceil(extract(epoch FROM until))::bigint::text "
							 "FROM mls.serve_revoked()",
							 NULL, "revoked tokens");

	if (!found)
		return false;
	for (int row = 0; row < serve_result_rows(found); row++)
		if (serve_result_text(found, row, 0, NULL) && serve_result_text(found, row, 1, NULL))
			serve_revoke(serve_result_text(found, row, 0, NULL),
						 atoll(serve_result_text(found, row, 1, NULL)));
	serve_result_free(found);
	return true;
}

static bool
load_models(ServeConnection *connection)
{
	ServeResult *roles =
		ask(connection, "SELECT r::text FROM mls.serve_roles() r", NULL, "audiences");
	ServeReload *reload;
	bool good = true;
	int changed;

	if (!roles)
		return false;
	reload = serve_reload_begin();
	for (int row = 0; row < serve_result_rows(roles); row++)
	{
		const char *role = serve_result_text(roles, row, 0, NULL);
		ServeResult *model = ask(connection, "SELECT mls.serve_model($1)::text", role, "a model");
		const char *json = model ? serve_result_text(model, 0, 0, NULL) : NULL;
		const char *problem = "there is none";

		if (!serve_reload_add(reload, role, json ? json : "", &problem))
		{
			serve_log(SERVE_LOG_WARNING, "the model of role \"%s\" cannot be used: %s", role,
					  problem);
			good = false;
		}
		serve_result_free(model);
	}
	if (serve_result_rows(roles) == 0)
		serve_log(SERVE_LOG_WARNING, "there is no audience that could be served");
	serve_result_free(roles);
	changed = serve_reload_publish(reload);
	if (changed > 0)
		serve_pool_renew();
	serve_log(SERVE_LOG_NOTE, "audiences: %d new or changed", changed);
	return good;
}

bool
serve_load(ServeConnection *connection, bool only_consumers)
{
	bool strange = false;
	bool good = load_consumers(connection, &strange) && load_revoked(connection);

	if ((!only_consumers || strange) && !load_models(connection))
		good = false;
	if (good)
		serve_count(reloads, 1);
	else
		serve_count(failed_reloads, 1);
	return good;
}
