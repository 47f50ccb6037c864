/*
 * pool.c
 *		Threads of the database, and the queue before them.
 *
 * Each thread has its connection and makes a new one when that is lost, after a while that
 * doubles.  As long as none works, jobs are refused at once instead of waiting.
 *
 * Nobody has more than half of the threads, whoever has fewer running comes first, and in a
 * queue that is full whoever has fewer places gets one of those who have most: one who asks for
 * much, or for what takes long, keeps neither threads nor places from others.
 */
#include "serve/pool/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve/base/bytes.h"
#include "serve/base/counters.h"
#include "serve/base/moment.h"
#include "serve/base/serve_log.h"
#include "serve/base/settings.h"
#include "serve/pool/connection.h"

#define QUEUE_PER_THREAD 4
#define FIRST_BACKOFF_MS 100
#define LAST_BACKOFF_MS 8000

typedef struct Worker
{
	pthread_t thread;
	ServeConnection *connection;
	uint64_t who; /* whose job it runs; 0: none */
	bool connected;
	uint64_t renewed;
	uint64_t checked;
} Worker;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static Worker *workers;
static int nworkers;
static int nconnected;
static ServeJob *first;
static ServeJob *last;
static int nqueued;
static bool stopping;
static uint64_t wakes;
static uint64_t renewals;
static uint64_t checks;

/* Waits for a change, at most so long. */
static void
wait_for_change(int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000)
	{
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&changed, &lock, &until);
}

static void
set_connected(Worker *worker, bool connected)
{
	if (worker->connected == connected)
		return;
	worker->connected = connected;
	nconnected += connected ? 1 : -1;
	serve_count(connected, connected ? 1 : -1);
	pthread_cond_broadcast(&changed);
}

/* Tries until the connection works or the pool stops; with the lock held, and not meanwhile. */
static void
connect_worker(Worker *worker)
{
	int64_t backoff = FIRST_BACKOFF_MS;
	bool told = false;

	while (!stopping)
	{
		char problem[512];
		uint64_t seen = wakes;
		bool good;
		int64_t until;

		pthread_mutex_unlock(&lock);
		good = serve_connection_open(worker->connection, problem, sizeof(problem));
		pthread_mutex_lock(&lock);
		worker->renewed = renewals;
		if (good)
		{
			set_connected(worker, true);
			return;
		}
		serve_count(reconnects, 1);
		if (!told)
			serve_log(SERVE_LOG_WARNING, "no connection to the database: %s", problem);
		told = true;
		until = serve_now_ms() + backoff;
		while (!stopping && wakes == seen && serve_now_ms() < until)
			wait_for_change(until - serve_now_ms());
		backoff = backoff * 2 > LAST_BACKOFF_MS ? LAST_BACKOFF_MS : backoff * 2;
	}
}

/* A number for who asks: the job may be gone while its thread still tidies up behind it. */
static uint64_t
number_of(const char *who)
{
	uint64_t hash = 14695981039346656037u;

	for (const char *c = who; *c; c++)
		hash = (hash ^ (unsigned char) *c) * 1099511628211u;
	return hash ? hash : 1;
}

static int
running_of(uint64_t who)
{
	int n = 0;

	for (int i = 0; i < nworkers; i++)
		if (workers[i].who == who)
			n++;
	return n;
}

static ServeJob *
take_out(ServeJob *before, ServeJob *job)
{
	if (before)
		before->next = job->next;
	else
		first = job->next;
	if (last == job)
		last = before;
	job->next = NULL;
	nqueued--;
	serve_count(queued, -1);
	return job;
}

static int
queued_of(uint64_t who)
{
	int n = 0;

	for (ServeJob *job = first; job; job = job->next)
		if (job->number == who)
			n++;
	return n;
}

/* The oldest job of whoever has the fewest running, and not too many. */
static ServeJob *
next_job(void)
{
	int fewest = nworkers > 1 ? nworkers / 2 : 1;
	ServeJob *found = NULL;
	ServeJob *before_found = NULL;

	for (ServeJob *job = first, *before = NULL; job && fewest > 0; before = job, job = job->next)
	{
		int running = running_of(job->number);

		if (running >= fewest)
			continue;
		fewest = running;
		found = job;
		before_found = before;
	}
	return found ? take_out(before_found, found) : NULL;
}

static void
work_on(Worker *worker, ServeJob *job)
{
	bool works;
	bool renew = worker->renewed != renewals;

	worker->who = job->number;
	worker->renewed = renewals;
	pthread_mutex_unlock(&lock);
	if (renew)
		serve_connection_renew(worker->connection);
	works = serve_connection_works(worker->connection);
	if (!works)
	{
		char problem[512];

		/* The server was started anew while nobody asked: one attempt, and not more. */
		works = serve_connection_open(worker->connection, problem, sizeof(problem));
	}
	job->started = serve_now_ms();
	job->run(job, works ? worker->connection : NULL);
	works = works && serve_connection_works(worker->connection);
	pthread_mutex_lock(&lock);
	worker->who = 0;
	if (!works)
		set_connected(worker, false);
	pthread_cond_broadcast(&changed);
}

/* Whether the connection of one who has nothing to do still works. */
static void
check_worker(Worker *worker)
{
	bool works;

	worker->checked = checks;
	pthread_mutex_unlock(&lock);
	works = serve_connection_works(worker->connection);
	pthread_mutex_lock(&lock);
	if (!works)
		set_connected(worker, false);
}

static void *
run_worker(void *argument)
{
	Worker *worker = argument;

	pthread_mutex_lock(&lock);
	while (!stopping || first)
	{
		ServeJob *job;

		if (!worker->connected)
			connect_worker(worker);
		if (!worker->connected)
			break;
		job = next_job();
		if (job)
			work_on(worker, job);
		else if (stopping)
			break;
		else if (worker->checked != checks)
			check_worker(worker);
		else
			pthread_cond_wait(&changed, &lock);
	}
	set_connected(worker, false);
	pthread_mutex_unlock(&lock);
	return NULL;
}

void
serve_pool_start(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attributes);
	pthread_condattr_destroy(&attributes);
	nworkers = serve_settings.threads;
	workers = serve_allocate(sizeof(Worker) * (size_t) nworkers);
	for (int i = 0; i < nworkers; i++)
	{
		workers[i].connection = serve_connection_new("mls_serve");
		if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]) != 0)
			abort();
	}
}

/* Out of a full queue: the newest job of whoever has most there, and two more than he who comes. */
static ServeJob *
take_from_most(const ServeJob *comer)
{
	int most = queued_of(comer->number) + 1;
	ServeJob *found = NULL;
	ServeJob *before_found = NULL;

	for (ServeJob *job = first, *before = NULL; job; before = job, job = job->next)
	{
		int queued = queued_of(job->number);

		if (queued < most || (queued == most && !found))
			continue;
		most = queued;
		found = job;
		before_found = before;
	}
	return found ? take_out(before_found, found) : NULL;
}

static void
tell_hopeless(ServeJob *job)
{
	while (job)
	{
		ServeJob *next = job->next;

		job->started = serve_now_ms();
		job->run(job, NULL);
		job = next;
	}
}

ServeSubmit
serve_pool_submit(ServeJob *job)
{
	ServeSubmit outcome = SERVE_SUBMITTED;
	ServeJob *displaced = NULL;

	job->next = NULL;
	job->submitted = serve_now_ms();
	job->number = number_of(job->who);
	pthread_mutex_lock(&lock);
	if (nconnected == 0 || stopping)
		outcome = SERVE_NO_DATABASE;
	else if (nqueued >= QUEUE_PER_THREAD * nworkers && !(displaced = take_from_most(job)))
		outcome = SERVE_QUEUE_FULL;
	else
	{
		if (last)
			last->next = job;
		else
			first = job;
		last = job;
		nqueued++;
		serve_count(queued, 1);
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
	if (displaced)
	{
		serve_count(refused_busy, 1);
		tell_hopeless(displaced);
	}
	return outcome;
}

bool
serve_pool_works(void)
{
	bool works;

	pthread_mutex_lock(&lock);
	works = nconnected > 0;
	pthread_mutex_unlock(&lock);
	return works;
}

/* Takes out of the queue what need not wait any more: all of it, or what is late. */
static ServeJob *
take_hopeless(bool all)
{
	ServeJob *found = NULL;
	int64_t now = serve_now_ms();

	for (ServeJob *job = first, *before = NULL, *next; job; job = next)
	{
		next = job->next;
		if (all || job->deadline <= now)
		{
			take_out(before, job);
			job->next = found;
			found = job;
		}
		else
			before = job;
	}
	return found;
}

void
serve_pool_tick(void)
{
	ServeJob *hopeless;

	pthread_mutex_lock(&lock);
	hopeless = take_hopeless(nconnected == 0);
	pthread_mutex_unlock(&lock);
	tell_hopeless(hopeless);
}

void
serve_pool_wake(void)
{
	pthread_mutex_lock(&lock);
	wakes++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void
serve_pool_check(void)
{
	pthread_mutex_lock(&lock);
	checks++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void
serve_pool_renew(void)
{
	pthread_mutex_lock(&lock);
	renewals++;
	pthread_mutex_unlock(&lock);
}

void
serve_pool_stop(void)
{
	ServeJob *left;

	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < nworkers; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_mutex_lock(&lock);
	left = take_hopeless(true);
	pthread_mutex_unlock(&lock);
	tell_hopeless(left);
	for (int i = 0; i < nworkers; i++)
		serve_connection_free(workers[i].connection);
	free(workers);
	workers = NULL;
	nworkers = 0;
}
