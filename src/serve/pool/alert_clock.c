/*
 * alert_clock.c
 *		A connection that has rules of alerts looked at every so many seconds, so that somebody
 *		is told where pg_cron is what does not work.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "serve/base/serve_log.h"
#include "serve/base/settings.h"
#include "serve/pool/connection.h"

/* What telling receivers may take; the process of the server ends by itself before. */
#define TELL_SECONDS "20"
#define TURN_TIMEOUT_MS 60000

static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool stopping;
static bool started;

/* The same trouble is said once, until it is over. */
static void
look(ServeConnection *connection, bool *troubled)
{
	ServeTurn turn = {.timeout_ms = TURN_TIMEOUT_MS,
					  .writes = true,
					  .nquestions = 1,
					  .questions = {{.sql = "SELECT mls.alert_now(" TELL_SECONDS ")"}}};
	ServeTrouble trouble = {0};
	ServeResult *result;
	char problem[512] = "";
	bool good = serve_connection_works(connection) ||
				serve_connection_open(connection, problem, sizeof(problem));

	if (good && serve_turn(connection, &turn, &result, &trouble))
		serve_result_free(result);
	else
		good = false;
	if (!good && !*troubled)
		serve_log(SERVE_LOG_WARNING, "rules of alerts are not looked at: %s",
				  problem[0]            ? problem
				  : trouble.sqlstate[0] ? trouble.sqlstate
										: "the connection was lost");
	*troubled = !good;
}

static void *
run_clock(void *unused)
{
	ServeConnection *connection = serve_connection_new("mls_serve alerts");
	bool troubled = false;

	pthread_mutex_lock(&lock);
	while (!stopping)
	{
		struct timespec until;

		pthread_mutex_unlock(&lock);
		look(connection, &troubled);
		pthread_mutex_lock(&lock);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += serve_settings.alert_seconds;
		while (!stopping && pthread_cond_timedwait(&changed, &lock, &until) == 0)
			;
	}
	pthread_mutex_unlock(&lock);
	serve_connection_free(connection);
	return NULL;
}

void
serve_alert_clock_start(void)
{
	if (serve_settings.alert_seconds == 0)
		return;
	started = true;
	if (pthread_create(&thread, NULL, run_clock, NULL) != 0)
		abort();
}

void
serve_alert_clock_stop(void)
{
	if (!started)
		return;
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
}
