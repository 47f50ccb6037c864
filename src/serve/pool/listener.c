/*
 * listener.c
 *		A connection that hears of changes, and reads anew what they concern.
 *
 * A burst of notices is one reading; what comes while we read is read again afterwards.  A
 * standby takes no LISTEN: there everything is read again every few seconds, which costs
 * little where nothing has changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/base/moment.h"
#include "serve/base/serve_log.h"
#include "serve/base/settings.h"
#include "serve/pool/connection.h"
#include "serve/token/token.h"

#define TICK_MS 200
#define BURST_MS 100
#define STANDBY_MS 5000
#define RETRY_MS 2000
#define LAST_BACKOFF_MS 5000

typedef enum Need
{
	NOTHING,
	CONSUMERS,
	EVERYTHING
} Need;

static pthread_t thread;
static int wake_pipe[2];
static _Atomic bool stopping;
static _Atomic bool hung_up; /* SIGHUP came */

/* Readings of everything that were asked for, and up to which they have been done. */
static pthread_mutex_t refresh_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t refreshed = PTHREAD_COND_INITIALIZER;
static uint64_t refreshes_asked;
static uint64_t refreshes_done;

static void
need_at_least(Need *need, Need wanted)
{
	if (*need < wanted)
		*need = wanted;
}

static void
read_notices(PGconn *pg, Need *need)
{
	PGnotify *notice;

	while ((notice = PQnotifies(pg)) != NULL)
	{
		if (strcmp(notice->relname, "mls_serve") == 0 &&
			(strcmp(notice->extra, "consumers") == 0 || strcmp(notice->extra, "revoked") == 0))
			need_at_least(need, CONSUMERS);
		else if (strcmp(notice->extra, "reload config") != 0)
			need_at_least(need, EVERYTHING);
		PQfreemem(notice);
	}
}

/* Waits until something comes; false when the connection is lost. */
static bool
wait_for_news(PGconn *pg, int ms)
{
	struct pollfd wait[2] = {{.fd = PQsocket(pg), .events = POLLIN},
							 {.fd = wake_pipe[0], .events = POLLIN}};
	char unused[64];

	if (poll(wait, 2, ms) < 0 && errno != EINTR)
		return false;
	if (wait[1].revents & POLLIN)
		while (read(wake_pipe[0], unused, sizeof(unused)) > 0)
			;
	if (wait[0].revents && !PQconsumeInput(pg))
		return false;
	return PQstatus(pg) == CONNECTION_OK;
}

static void
read_keys(void)
{
	char problem[512];

	if (serve_settings.secret_file &&
		!serve_keys_read(serve_settings.secret_file, problem, sizeof(problem)))
		serve_log(SERVE_LOG_WARNING, "keys stay as they were: %s", problem);
}

static uint64_t
refreshes_wanted(void)
{
	uint64_t asked;

	pthread_mutex_lock(&refresh_lock);
	asked = refreshes_asked;
	pthread_mutex_unlock(&refresh_lock);
	return asked;
}

static void
refresh_is_done(uint64_t asked)
{
	pthread_mutex_lock(&refresh_lock);
	refreshes_done = asked;
	pthread_cond_broadcast(&refreshed);
	pthread_mutex_unlock(&refresh_lock);
}

static bool
load(Need need)
{
	ServeConnection *connection = serve_connection_new("mls_serve cache");
	char problem[512];
	bool good = serve_connection_open(connection, problem, sizeof(problem)) &&
				serve_load(connection, need == CONSUMERS);

	serve_connection_free(connection);
	return good;
}

/* As long as the connection lasts. */
static void
listen_on(PGconn *pg, bool standby)
{
	Need need = EVERYTHING;
	int64_t due = serve_now_ms();
	int64_t polled = due;

	while (!stopping)
	{
		int64_t now = serve_now_ms();
		Need before = need;

		read_notices(pg, &need);
		if (hung_up)
		{
			hung_up = false;
			read_keys();
			need_at_least(&need, EVERYTHING);
		}
		if (refreshes_wanted() > refreshes_done)
		{
			need_at_least(&need, EVERYTHING);
			before = need;
			due = now;
		}
		if (standby && now - polled > STANDBY_MS)
		{
			polled = now;
			need_at_least(&need, EVERYTHING);
		}
		if (before == NOTHING && need != NOTHING)
			due = now + BURST_MS;
		if (need != NOTHING && now >= due)
		{
			Need now_needed = need;
			uint64_t asked = refreshes_wanted();
			bool good;

			need = NOTHING;
			good = load(now_needed);
			if (now_needed == EVERYTHING)
				refresh_is_done(asked);
			if (!good)
			{
				need = EVERYTHING;
				due = serve_now_ms() + RETRY_MS;
			}
		}
		serve_pool_tick();
		if (!wait_for_news(pg, need != NOTHING ? BURST_MS / 2 : TICK_MS))
			return;
	}
}

static bool
command(PGconn *pg, const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	bool good = PQresultStatus(result) == PGRES_COMMAND_OK;

	PQclear(result);
	return good;
}

static void *
run_listener(void *unused)
{
	int64_t backoff = 100;
	char problem[512];

	while (!stopping)
	{
		PGconn *pg = serve_connect("mls_serve listener", problem, sizeof(problem));
		struct pollfd wait = {.fd = wake_pipe[0], .events = POLLIN};

		if (pg)
		{
			bool listens = command(pg, "LISTEN mls_serve") && command(pg, "LISTEN pgrst");

			if (!listens)
				serve_log(SERVE_LOG_NOTE, "the server takes no LISTEN (a standby?): reading every "
										  "few seconds instead");
			backoff = 100;
			serve_pool_wake();
			listen_on(pg, !listens);
			PQfinish(pg);
			if (!stopping)
				serve_pool_check();
			continue;
		}
		serve_pool_check();
		serve_pool_tick();
		poll(&wait, 1, (int) backoff);
		backoff = backoff * 2 > LAST_BACKOFF_MS ? LAST_BACKOFF_MS : backoff * 2;
	}
	return NULL;
}

void
serve_listener_start(void)
{
	if (pipe2(wake_pipe, O_NONBLOCK | O_CLOEXEC) != 0 ||
		pthread_create(&thread, NULL, run_listener, NULL) != 0)
		abort();
}

static void
wake(void)
{
	int saved = errno;

	if (write(wake_pipe[1], "", 1) < 0)
		errno = saved;
	errno = saved;
}

void
serve_listener_reload(void)
{
	hung_up = true;
	wake();
}

bool
serve_refresh(int ms)
{
	struct timespec until;
	uint64_t mine;
	bool done;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	pthread_mutex_lock(&refresh_lock);
	mine = ++refreshes_asked;
	wake();
	while (refreshes_done < mine)
		if (pthread_cond_timedwait(&refreshed, &refresh_lock, &until) == ETIMEDOUT)
			break;
	done = refreshes_done >= mine;
	pthread_mutex_unlock(&refresh_lock);
	return done;
}

void
serve_listener_stop(void)
{
	stopping = true;
	wake();
	pthread_join(thread, NULL);
}
