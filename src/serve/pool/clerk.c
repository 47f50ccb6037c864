/*
 * clerk.c
 *		A connection that writes the audit: a row per request, many rows at a time, never in
 *		the transaction of a request.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve/base/bytes.h"
#include "serve/base/counters.h"
#include "serve/base/serve_log.h"
#include "serve/pool/connection.h"

#define MAX_WAITING 20000
#define MAX_AT_ONCE 500
#define AUDIT_TIMEOUT_MS 30000

static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char *waiting[MAX_WAITING];
static int first;
static int nwaiting;
static bool stopping;
static bool started;

void
serve_clerk_note(char *row)
{
	pthread_mutex_lock(&lock);
	if (nwaiting == MAX_WAITING || !started)
	{
		serve_count(audit_lost, 1);
		free(row);
	}
	else
	{
		waiting[(first + nwaiting) % MAX_WAITING] = row;
		nwaiting++;
		if (nwaiting == MAX_AT_ONCE)
			pthread_cond_signal(&changed);
	}
	pthread_mutex_unlock(&lock);
}

/* Takes the oldest rows as a JSON array. */
static int
take_rows(ServeBytes *out)
{
	int n = nwaiting < MAX_AT_ONCE ? nwaiting : MAX_AT_ONCE;

	serve_bytes_text(out, "[");
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			serve_bytes_text(out, ",");
		serve_bytes_text(out, waiting[(first + i) % MAX_WAITING]);
	}
	serve_bytes_text(out, "]");
	return n;
}

static void
drop_rows(int n)
{
	for (int i = 0; i < n; i++)
	{
		free(waiting[first]);
		first = (first + 1) % MAX_WAITING;
		nwaiting--;
	}
}

/* False when it should be tried again. */
static bool
write_rows(ServeConnection *connection, const char *rows, int n)
{
	const char *params[] = {rows};
	ServeTurn turn = {
		.timeout_ms = AUDIT_TIMEOUT_MS,
		.writes = true,
		.nquestions = 1,
		.questions = {{.sql = "SELECT mls.serve_audit($1)", .nparams = 1, .params = params}}};
	ServeTrouble trouble;
	ServeResult *result;
	char problem[512];

	if (!serve_connection_works(connection) &&
		!serve_connection_open(connection, problem, sizeof(problem)))
		return false;
	if (serve_turn(connection, &turn, &result, &trouble))
		serve_result_free(result);
	else if (trouble.kind != SERVE_SQL_ERROR || strncmp(trouble.sqlstate, "25006", 5) == 0)
		return false;
	else
	{
		serve_log(SERVE_LOG_WARNING, "rows of the audit are lost: SQLSTATE %s", trouble.sqlstate);
		serve_count(audit_lost, n);
	}
	return true;
}

static void *
run_clerk(void *unused)
{
	ServeConnection *connection = serve_connection_new("mls_serve audit");
	int attempts_at_end = 0;

	pthread_mutex_lock(&lock);
	while (!stopping || (nwaiting > 0 && attempts_at_end < 2))
	{
		ServeBytes rows = {0};
		int n;
		bool good;
		struct timespec until;

		if (!stopping && nwaiting < MAX_AT_ONCE)
		{
			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_sec++;
			pthread_cond_timedwait(&changed, &lock, &until);
		}
		if (nwaiting == 0)
			continue;
		n = take_rows(&rows);
		pthread_mutex_unlock(&lock);
		good = write_rows(connection, rows.data, n);
		serve_bytes_free(&rows);
		pthread_mutex_lock(&lock);
		if (good)
			drop_rows(n);
		else if (stopping)
			attempts_at_end++;
		else
		{
			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_sec++;
			pthread_cond_timedwait(&changed, &lock, &until);
		}
	}
	serve_count(audit_lost, nwaiting);
	drop_rows(nwaiting);
	pthread_mutex_unlock(&lock);
	serve_connection_free(connection);
	return NULL;
}

void
serve_clerk_start(void)
{
	started = true;
	if (pthread_create(&thread, NULL, run_clerk, NULL) != 0)
		abort();
}

void
serve_clerk_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
}
