/*
 * connection.c
 *		One connection: turns, what is prepared on it, and how long a turn may take.
 *
 * Statements are prepared for a role, since PostgreSQL keeps a plan under row security for
 * the role it was made for, and plans anew for each other one.  Of those that are prepared the
 * last hundred are kept: a plan over a view of 200 columns takes a quarter of a megabyte.
 */
#include "serve/pool/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/base/bytes.h"
#include "serve/base/counters.h"
#include "serve/base/moment.h"
#include "serve/base/serve_log.h"
#include "serve/base/settings.h"

#define MAX_PREPARED 100
#define SLACK_MS 1000   /* of a turn, beyond what its statement may take */
#define CANCEL_MS 2000  /* that a cancelled statement has to end */
#define LIFE_MS 3600000 /* of a connection, and up to a tenth more, so that not all end at once */

/*
 * Plans do not depend on values, so that they are made once; to compile them would take longer
 * than they run.  Nothing depends on search_path.
 */
#define OPTIONS                                                                                    \
	"-c plan_cache_mode=force_generic_plan -c jit=off -c search_path=pg_catalog -c timezone=UTC "  \
	"-c idle_in_transaction_session_timeout=60000 -c client_min_messages=error "                   \
	"-c extra_float_digits=1 -c datestyle=ISO"

static const char *const begin_read = "BEGIN READ ONLY";
static const char *const begin_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
static const char *const begin_write = "BEGIN";
static const char *const set_role =
	"SELECT set_config('request.jwt.claims', $1, true), set_config('statement_timeout', $2, true), "
	"set_config('role', $3, true)";
static const char *const set_timeout = "SELECT set_config('statement_timeout', $1, true)";

typedef struct Prepared
{
	uint64_t hash;
	char *role;
	char *sql;
	unsigned number; /* its name is s<number> */
	uint64_t used;
	bool there; /* the server has said so */
} Prepared;

struct ServeConnection
{
	PGconn *pg;
	const char *purpose;
	Prepared prepared[MAX_PREPARED];
	int nprepared;
	unsigned numbers;
	uint64_t turns;
	int64_t until; /* a server's process that lives for long keeps what it once needed */
};

struct ServeResult
{
	PGresult *pg;
};

/* What one command of a pipeline was sent for. */
typedef struct Command
{
	enum
	{
		FRAME,
		PREPARE,
		QUESTION
	} kind;
	int question;
	Prepared *prepared;
} Command;

/* BEGIN, role, COMMIT and the questions: each may be prepared, and may drive out another. */
#define MAX_STATEMENTS (3 + SERVE_TURN_QUESTIONS)
#define MAX_COMMANDS (3 * MAX_STATEMENTS)

typedef struct Pipeline
{
	Command commands[MAX_COMMANDS];
	int n;
	bool failed;                        /* it could not be sent */
	unsigned forgotten[MAX_STATEMENTS]; /* numbers of statements that made room */
	int nforgotten;
} Pipeline;

/* ---- Opening and closing ---- */

/* What the server says unasked, as when it ends. */
static void
note_notice(void *unused, const char *message)
{
	serve_log(SERVE_LOG_DEBUG, "database: %s", message);
}

PGconn *
serve_connect(const char *purpose, char *problem, size_t space)
{
	const char *keywords[] = {"application_name", "connect_timeout",  "keepalives_idle",
							  "keepalives_count", "tcp_user_timeout", "client_encoding",
							  "options",          "dbname",           NULL};
	const char *values[] = {
		purpose, "5", "30", "3", "15000", "UTF8", OPTIONS, serve_settings.conninfo, NULL};
	PGconn *pg = PQconnectdbParams(keywords, values, 1);

	PQsetNoticeProcessor(pg, note_notice, NULL);
	if (PQstatus(pg) == CONNECTION_OK)
		return pg;
	snprintf(problem, space, "%s", PQerrorMessage(pg));
	PQfinish(pg);
	return NULL;
}

ServeConnection *
serve_connection_new(const char *purpose)
{
	ServeConnection *connection = serve_allocate(sizeof(ServeConnection));

	connection->purpose = purpose;
	return connection;
}

static void
forget_prepared(ServeConnection *connection)
{
	for (int i = 0; i < connection->nprepared; i++)
	{
		free(connection->prepared[i].role);
		free(connection->prepared[i].sql);
	}
	connection->nprepared = 0;
}

static void
close_connection(ServeConnection *connection)
{
	if (!connection->pg)
		return;
	PQfinish(connection->pg);
	connection->pg = NULL;
	forget_prepared(connection);
}

bool
serve_connection_open(ServeConnection *connection, char *problem, size_t space)
{
	close_connection(connection);
	connection->pg = serve_connect(connection->purpose, problem, space);
	if (connection->pg && !PQenterPipelineMode(connection->pg))
	{
		snprintf(problem, space, "libpq enters no pipeline");
		close_connection(connection);
	}
	if (!connection->pg)
		return false;
	connection->until =
		serve_now_ms() + LIFE_MS + (int64_t) PQbackendPID(connection->pg) * 7919 % (LIFE_MS / 10);
	return true;
}

bool
serve_connection_works(ServeConnection *connection)
{
	struct pollfd wait;

	if (!connection->pg || PQstatus(connection->pg) != CONNECTION_OK ||
		serve_now_ms() > connection->until)
		return false;
	/* An idle server says nothing, unless it says that it ends. */
	wait.fd = PQsocket(connection->pg);
	wait.events = POLLIN;
	if (poll(&wait, 1, 0) > 0 &&
		(!PQconsumeInput(connection->pg) || PQstatus(connection->pg) != CONNECTION_OK ||
		 (wait.revents & (POLLHUP | POLLERR))))
		return false;
	return true;
}

void
serve_connection_free(ServeConnection *connection)
{
	close_connection(connection);
	free(connection);
}

/* ---- Waiting ---- */

static void
cancel(PGconn *pg)
{
	char unused[256];
	PGcancel *handle = PQgetCancel(pg);

	if (handle)
		PQcancel(handle, unused, sizeof(unused));
	PQfreeCancel(handle);
}

/* The next result.  False when the connection is of no use any more. */
static bool
next_result(PGconn *pg, int64_t *deadline, bool *cancelled, PGresult **result)
{
	while (PQisBusy(pg))
	{
		struct pollfd wait = {.fd = PQsocket(pg), .events = POLLIN};
		int64_t left = *deadline - serve_now_ms();
		int got;

		if (left <= 0)
		{
			if (*cancelled)
				return false;
			*cancelled = true;
			*deadline = serve_now_ms() + CANCEL_MS;
			cancel(pg);
			continue;
		}
		got = poll(&wait, 1, (int) left);
		if (got < 0 && errno != EINTR)
			return false;
		if (got > 0 && !PQconsumeInput(pg))
			return false;
	}
	*result = PQgetResult(pg);
	return true;
}

/* ---- What is prepared ---- */

static uint64_t
hash_of(const char *role, const char *sql)
{
	uint64_t hash = 14695981039346656037u;

	for (const char *c = role; *c; c++)
		hash = (hash ^ (unsigned char) *c) * 1099511628211u;
	hash *= 1099511628211u;
	for (const char *c = sql; *c; c++)
		hash = (hash ^ (unsigned char) *c) * 1099511628211u;
	return hash;
}

/* The place of a statement: where it is, or where it goes. */
static Prepared *
place_for(ServeConnection *connection, Pipeline *pipeline, const char *role, const char *sql)
{
	uint64_t hash = hash_of(role, sql);
	Prepared *place = NULL;

	for (int i = 0; i < connection->nprepared; i++)
	{
		Prepared *one = &connection->prepared[i];

		if (one->hash == hash && strcmp(one->role, role) == 0 && strcmp(one->sql, sql) == 0)
		{
			one->used = connection->turns;
			return one;
		}
		/* What this turn uses stays. */
		if (one->used != connection->turns && (!place || one->used < place->used))
			place = one;
	}
	if (connection->nprepared < MAX_PREPARED)
		place = &connection->prepared[connection->nprepared++];
	else
	{
		if (place->there)
			pipeline->forgotten[pipeline->nforgotten++] = place->number;
		free(place->role);
		free(place->sql);
	}
	place->hash = hash;
	place->role = serve_copy_text(role);
	place->sql = serve_copy_text(sql);
	place->number = ++connection->numbers;
	place->used = connection->turns;
	place->there = false;
	return place;
}

/* ---- Sending ---- */

static Command *
sent(Pipeline *pipeline, int good, int kind, int question)
{
	Command *command = &pipeline->commands[pipeline->n++];

	if (!good)
		pipeline->failed = true;
	command->kind = kind;
	command->question = question;
	command->prepared = NULL;
	return command;
}

/* A statement that is prepared before, if it is not yet. */
static void
send_statement(ServeConnection *connection, Pipeline *pipeline, const char *role,
			   const ServeQuestion *question, int kind, int number)
{
	Prepared *place = place_for(connection, pipeline, role, question->sql);
	char name[16];

	snprintf(name, sizeof(name), "s%u", place->number);
	if (!place->there)
		sent(pipeline, PQsendPrepare(connection->pg, name, question->sql, 0, NULL), PREPARE, number)
			->prepared = place;
	sent(pipeline,
		 PQsendQueryPrepared(connection->pg, name, question->nparams, question->params,
							 question->lengths, question->formats, 0),
		 kind, number);
}

static void
send_frame(ServeConnection *connection, Pipeline *pipeline, const char *sql, int nparams,
		   const char *const *params)
{
	ServeQuestion question = {.sql = sql, .nparams = nparams, .params = params};

	send_statement(connection, pipeline, "", &question, FRAME, -1);
}

static void
send_plain(ServeConnection *connection, Pipeline *pipeline, const char *sql)
{
	sent(pipeline, PQsendQueryParams(connection->pg, sql, 0, NULL, NULL, NULL, NULL, 0), FRAME, -1);
}

static bool
send_turn(ServeConnection *connection, const ServeTurn *turn, Pipeline *pipeline)
{
	char timeout[16];

	connection->turns++;
	snprintf(timeout, sizeof(timeout), "%d", turn->timeout_ms);
	send_frame(connection, pipeline,
			   turn->writes           ? begin_write
			   : turn->nquestions > 1 ? begin_snapshot
									  : begin_read,
			   0, NULL);
	if (turn->role)
		send_frame(connection, pipeline, set_role, 3,
				   (const char *const[]){turn->claims ? turn->claims : "", timeout, turn->role});
	else
		send_frame(connection, pipeline, set_timeout, 1, (const char *const[]){timeout});
	for (int i = 0; i < turn->nquestions; i++)
		send_statement(connection, pipeline, turn->role ? turn->role : "", &turn->questions[i],
					   QUESTION, i);
	send_frame(connection, pipeline, "COMMIT", 0, NULL);
	for (int i = 0; i < pipeline->nforgotten; i++)
	{
		char deallocate[32];

		snprintf(deallocate, sizeof(deallocate), "DEALLOCATE s%u", pipeline->forgotten[i]);
		send_plain(connection, pipeline, deallocate);
	}
	return PQpipelineSync(connection->pg) && !pipeline->failed;
}

/* ---- Reading ---- */

static void
note_error(const PGresult *result, const Command *command, ServeTrouble *trouble)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (trouble->kind != SERVE_NO_TROUBLE)
		return;
	trouble->kind = SERVE_SQL_ERROR;
	trouble->question = command->question;
	snprintf(trouble->sqlstate, sizeof(trouble->sqlstate), "%s", sqlstate ? sqlstate : "");
	/* The message may hold values of data: only for who asks for it. */
	serve_log(SERVE_LOG_DEBUG, "SQLSTATE %s: %s", trouble->sqlstate,
			  PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
				  ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
				  : "");
	/* The server ends, has ended, or begins. */
	if (sqlstate && (strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57P", 3) == 0))
		trouble->kind = SERVE_LOST;
}

/* Reads to the end of the pipeline; false when the connection is lost. */
static bool
read_pipeline(ServeConnection *connection, Pipeline *pipeline, int64_t deadline,
			  ServeResult **results, ServeTrouble *trouble)
{
	bool cancelled = false;

	for (int i = 0; i < pipeline->n; i++)
	{
		Command *command = &pipeline->commands[i];
		PGresult *result;

		if (!next_result(connection->pg, &deadline, &cancelled, &result))
			goto lost;
		for (; result;)
		{
			ExecStatusType status = PQresultStatus(result);

			if (status == PGRES_TUPLES_OK && command->kind == QUESTION)
			{
				results[command->question]->pg = result;
				result = NULL;
			}
			else if (status == PGRES_COMMAND_OK && command->kind == PREPARE)
				command->prepared->there = true;
			else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK &&
					 status != PGRES_PIPELINE_ABORTED)
				note_error(result, command, trouble);
			PQclear(result);
			if (!next_result(connection->pg, &deadline, &cancelled, &result))
				goto lost;
		}
		if (PQstatus(connection->pg) != CONNECTION_OK)
			goto lost;
	}
	for (;;)
	{
		PGresult *result;
		bool synced;

		if (!next_result(connection->pg, &deadline, &cancelled, &result))
			goto lost;
		if (!result && PQstatus(connection->pg) != CONNECTION_OK)
			goto lost;
		if (!result)
			continue;
		synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		PQclear(result);
		if (synced)
			break;
	}
	if (cancelled && trouble->kind == SERVE_SQL_ERROR)
		trouble->kind = SERVE_TOO_LATE;
	return true;
lost:
	trouble->kind = cancelled ? SERVE_TOO_LATE : SERVE_LOST;
	return false;
}

/* After an error the transaction is still open. */
static bool
roll_back(ServeConnection *connection)
{
	Pipeline pipeline = {0};
	ServeTrouble trouble = {0};

	send_plain(connection, &pipeline, "ROLLBACK");
	if (!PQpipelineSync(connection->pg) || pipeline.failed)
		return false;
	return read_pipeline(connection, &pipeline, serve_now_ms() + CANCEL_MS, NULL, &trouble) &&
		   trouble.kind == SERVE_NO_TROUBLE;
}

void
serve_connection_renew(ServeConnection *connection)
{
	Pipeline pipeline = {0};
	ServeTrouble trouble = {0};

	if (!connection->pg || connection->nprepared == 0)
		return;
	send_plain(connection, &pipeline, "DEALLOCATE ALL");
	if (!PQpipelineSync(connection->pg) || pipeline.failed ||
		!read_pipeline(connection, &pipeline, serve_now_ms() + CANCEL_MS, NULL, &trouble))
		close_connection(connection);
	forget_prepared(connection);
}

bool
serve_turn(ServeConnection *connection, const ServeTurn *turn, ServeResult **results,
		   ServeTrouble *trouble)
{
	Pipeline pipeline = {0};
	int64_t began = serve_now_ms();
	bool good = false;

	memset(trouble, 0, sizeof(*trouble));
	for (int i = 0; i < turn->nquestions; i++)
		results[i] = serve_allocate(sizeof(ServeResult));
	if (!connection->pg || !send_turn(connection, turn, &pipeline))
		trouble->kind = SERVE_LOST;
	else if (read_pipeline(connection, &pipeline, began + turn->timeout_ms + SLACK_MS, results,
						   trouble))
	{
		good = PQtransactionStatus(connection->pg) == PQTRANS_IDLE;
		if (!good)
			good = roll_back(connection);
		if (trouble->kind == SERVE_LOST)
			good = false;
	}
	serve_count(database_ms, serve_now_ms() - began);
	if (!good)
	{
		if (trouble->kind == SERVE_NO_TROUBLE)
			trouble->kind = SERVE_LOST;
		close_connection(connection);
	}
	if (trouble->kind == SERVE_NO_TROUBLE)
		for (int i = 0; i < turn->nquestions; i++)
			if (!results[i]->pg)
				trouble->kind = SERVE_SQL_ERROR;
	if (trouble->kind == SERVE_NO_TROUBLE)
		return true;
	for (int i = 0; i < turn->nquestions; i++)
	{
		serve_result_free(results[i]);
		results[i] = NULL;
	}
	return false;
}

/* ---- Results ---- */

int
serve_result_rows(const ServeResult *result)
{
	return PQntuples(result->pg);
}

const char *
serve_result_text(const ServeResult *result, int row, int column, size_t *length)
{
	if (row >= PQntuples(result->pg) || column >= PQnfields(result->pg) ||
		PQgetisnull(result->pg, row, column))
		return NULL;
	if (length)
		*length = (size_t) PQgetlength(result->pg, row, column);
	return PQgetvalue(result->pg, row, column);
}

void
serve_result_free(ServeResult *result)
{
	if (!result)
		return;
	PQclear(result->pg);
	free(result);
}
