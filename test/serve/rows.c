/*
 * rows.c
 *		Answers addresses with what a database has: the parser and the SQL of mls_serve
 *		without its HTTP, so that thousands of queries take seconds.
 *
 *	rows CONNINFO MODEL [PAGE_ROWS [EXPAND_ROWS]]
 *
 * A line of input is a page size, 0 for none, a tab and an address ("0\tProperty?$top=1").  The
 * answer is a line of JSON: status, and rows, count, next, or code and target of an error.
 * What SQL complains of is shown by its SQLSTATE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "serve/base/bytes.h"
#include "serve/sql/query.h"

#define ROOT "https://example.org/odata/"

static PGconn *connection;
static ServeModel *model;
static ServeLimits limits;

static char *
read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	ServeBytes bytes = {0};
	char piece[65536];
	size_t length;

	if (file == NULL)
	{
		perror(path);
		exit(2);
	}
	while ((length = fread(piece, 1, sizeof(piece), file)) > 0)
		serve_bytes_add(&bytes, piece, length);
	fclose(file);
	return serve_bytes_take(&bytes, &length);
}

/* NULL where the database refused, and then the answer is written. */
static PGresult *
run(const ServeStatement *statement, ServeBytes *out)
{
	PGresult *result = PQexecParams(connection, statement->sql, statement->nparams, NULL,
									statement->params, NULL, NULL, 0);

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	serve_bytes_text(out, "{\"status\":500,\"sqlstate\":");
	serve_bytes_json_text(out, PQresultErrorField(result, PG_DIAG_SQLSTATE));
	serve_bytes_text(out, ",\"message\":");
	serve_bytes_json_text(out, PQresultErrorMessage(result));
	serve_bytes_text(out, ",\"sql\":");
	serve_bytes_json_text(out, statement->sql);
	serve_bytes_text(out, "}");
	PQclear(result);
	return NULL;
}

static void
add_rows(ServeArena *arena, const ServePlan *plan, PGresult *rows, int64_t total, ServeBytes *out)
{
	int count = PQntuples(rows);
	int shown = plan->kind == SERVE_COLLECTION && count > plan->page_rows ? plan->page_rows : count;
	bool quoted = plan->kind == SERVE_COUNT || plan->kind == SERVE_RAW_VALUE;

	serve_bytes_text(out, ",\"rows\":[");
	for (int i = 0; i < shown; i++)
	{
		serve_bytes_text(out, i > 0 ? "," : "");
		if (PQgetisnull(rows, i, 0))
			serve_bytes_text(out, "null");
		else if (quoted)
			serve_bytes_json_text(out, PQgetvalue(rows, i, 0));
		else
			serve_bytes_text(out, PQgetvalue(rows, i, 0));
	}
	serve_bytes_text(out, "]");
	if (total >= 0)
		serve_bytes_format(out, ",\"count\":%lld", (long long) total);
	if (plan->kind == SERVE_COLLECTION && plan->may_continue && count > shown)
	{
		const char **cursor =
			serve_alloc_array(arena, (size_t) plan->ncursor, sizeof(const char *));

		for (int i = 0; i < plan->ncursor; i++)
		{
			if (!PQgetisnull(rows, shown - 1, i + 1))
				cursor[i] = PQgetvalue(rows, shown - 1, i + 1);
		}
		serve_bytes_text(out, ",\"next\":");
		serve_bytes_json_text(out,
							  serve_next_link(arena, plan, cursor, shown, total) + strlen(ROOT));
	}
}

static void
answer_plan(ServeArena *arena, const ServePlan *plan, ServeBytes *out)
{
	PGresult *guard = NULL;
	PGresult *count = NULL;
	PGresult *rows = NULL;
	int status = 200;
	int64_t total = plan->total;

	if (plan->guard.sql && (guard = run(&plan->guard, out)) == NULL)
		return;
	if (plan->count.sql && (count = run(&plan->count, out)) == NULL)
		return;
	if (plan->rows.sql && (rows = run(&plan->rows, out)) == NULL)
		return;
	if (count)
		total = atoll(PQgetvalue(count, 0, 0));
	if (guard && PQntuples(guard) == 0)
		status = 404;
	else if (rows && PQntuples(rows) == 0 && plan->kind != SERVE_COLLECTION)
		status = plan->missing;
	else if ((plan->kind == SERVE_PROPERTY && strcmp(PQgetvalue(rows, 0, 1), "t") == 0) ||
			 (plan->kind == SERVE_RAW_VALUE && PQgetisnull(rows, 0, 0)))
		status = 204;
	serve_bytes_format(out, "{\"status\":%d,\"context\":", status);
	serve_bytes_json_text(out, plan->context);
	if (rows && status == 200)
		add_rows(arena, plan, rows, plan->with_count ? total : -1, out);
	serve_bytes_text(out, "}");
	PQclear(guard);
	PQclear(count);
	PQclear(rows);
}

static void
answer(char *line, ServeBytes *out)
{
	ServeArena *arena = serve_arena_new();
	ServeRequest request = {.root = ROOT, .version = 401, .limits = limits};
	ServeError error;
	ServePlan *plan;
	char *address = strchr(line, '\t');
	char *question;

	request.max_page_size = atoi(line);
	address = address ? address + 1 : line;
	question = strchr(address, '?');
	request.path = address;
	if (question)
	{
		*question = '\0';
		request.query = question + 1;
	}
	plan = serve_plan(arena, model, &request, &error);
	if (plan)
		answer_plan(arena, plan, out);
	else
	{
		serve_bytes_format(out, "{\"status\":%d,\"code\":", error.status);
		serve_bytes_json_text(out, error.code);
		serve_bytes_text(out, ",\"message\":");
		serve_bytes_json_text(out, error.message);
		serve_bytes_text(out, ",\"target\":");
		serve_bytes_json_text(out, error.target ? error.target : "");
		serve_bytes_text(out, "}");
	}
	serve_arena_free(arena);
}

int
main(int argc, char **argv)
{
	ServeArena *arena = serve_arena_new();
	const char *problem;
	char *json;
	char *line = NULL;
	size_t space = 0;
	ssize_t length;

	if (argc < 3)
		return 2;
	connection = PQconnectdb(argv[1]);
	json = read_file(argv[2]);
	model = serve_model_read(arena, json, &problem);
	if (PQstatus(connection) != CONNECTION_OK || model == NULL)
	{
		fprintf(stderr, "%s\n", model ? PQerrorMessage(connection) : problem);
		return 2;
	}
	limits.page_rows = argc > 3 ? atoi(argv[3]) : 0;
	limits.expand_rows = argc > 4 ? atoi(argv[4]) : 0;
	while ((length = getline(&line, &space, stdin)) >= 0)
	{
		ServeBytes out = {0};

		if (length > 0 && line[length - 1] == '\n')
			line[length - 1] = '\0';
		answer(line, &out);
		serve_bytes_text(&out, "\n");
		fwrite(out.data, 1, out.length, stdout);
		fflush(stdout);
		serve_bytes_free(&out);
	}
	free(line);
	free(json);
	PQfinish(connection);
	serve_arena_free(arena);
	return 0;
}
