/*
 * site_jobs.c
 *		What takes long: a thread and a connection each, with the rights of who began it.
 *
 * A job goes on when its user logs out or closes the browser, as it would have gone on in psql;
 * all of his sessions see it.  What it said at its end is kept for a while.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "serve/base/moment.h"
#include "serve/site/site_room.h"

#define MAX_JOBS 64 /* with those that have ended */
#define MAX_RUNNING 16
#define MAX_OF_ROLE 6

typedef struct Job
{
	int64_t number;
	char *role;
	char *password;
	char *schema;
	const ServeSiteQuestion *question;
	char *values[SERVE_SITE_PARAMS];
	int64_t began;
	int64_t ended; /* 0: it runs */
	int status;
	ServeBytes answer;
	PGcancel *cancel;
	bool cancelled;
	pthread_t thread;
} Job;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Job *jobs[MAX_JOBS]; /* oldest first */
static int njobs;
static int running;
static int64_t numbers;
static bool stopping;

static void
free_job(Job *job)
{
	free(job->role);
	free(job->password);
	free(job->schema);
	for (int i = 0; i < SERVE_SITE_PARAMS; i++)
		free(job->values[i]);
	serve_bytes_free(&job->answer);
	free(job);
}

static void
forget_password(Job *job)
{
	OPENSSL_cleanse(job->password, strlen(job->password));
}

static void *
run_job(void *memory)
{
	Job *job = memory;
	PGconn *pg = NULL;
	char problem[256];
	ServeBytes answer = {0};
	int status = 503;
	bool cancelled;

	if (serve_site_connect(job->role, job->password, &pg, problem, sizeof(problem)) !=
		SERVE_SITE_LOGGED_IN)
		serve_site_error(&answer, problem, NULL);
	else
	{
		pthread_mutex_lock(&lock);
		job->cancel = PQgetCancel(pg);
		cancelled = job->cancelled || stopping;
		pthread_mutex_unlock(&lock);
		if (cancelled)
			serve_site_error(&answer, "It was cancelled before it began.", NULL);
		else
			status = serve_site_ask_on(pg, job->schema, job->question,
									   (const char *const *) job->values, false, &answer);
	}
	pthread_mutex_lock(&lock);
	PQfreeCancel(job->cancel);
	job->cancel = NULL;
	job->answer = answer;
	job->status = status;
	job->ended = serve_calendar_ms();
	forget_password(job);
	running--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	PQfinish(pg);
	return NULL;
}

/* Under the lock: room for one more, by forgetting the oldest that has ended. */
static void
make_room(void)
{
	int i = 0;

	if (njobs < MAX_JOBS)
		return;
	while (!jobs[i]->ended)
		i++;
	free_job(jobs[i]);
	memmove(&jobs[i], &jobs[i + 1], sizeof(jobs[0]) * (size_t) (njobs - i - 1));
	njobs--;
}

/* Under the lock: why no further job may run; NULL if one may. */
static const char *
too_many(const char *role)
{
	int own = 0;

	for (int i = 0; i < njobs; i++)
		own += !jobs[i]->ended && strcmp(jobs[i]->role, role) == 0;
	if (stopping || running >= MAX_RUNNING)
		return "The site runs as many jobs as it may.";
	return own >= MAX_OF_ROLE ? "You run as many jobs as one role may at a time." : NULL;
}

int64_t
serve_site_job_begin(const ServeSiteSession *session, const ServeSiteQuestion *question,
					 const char *const *values, const char **problem)
{
	Job *job = serve_allocate(sizeof(Job));
	int64_t number = 0;

	job->role = serve_copy_text(session->role);
	job->password = serve_copy_text(session->password);
	job->schema = session->schema ? serve_copy_text(session->schema) : NULL;
	job->question = question;
	for (int i = 0; i < question->nparams; i++)
		job->values[i] = values[i] ? serve_copy_text(values[i]) : NULL;
	job->began = serve_calendar_ms();
	pthread_mutex_lock(&lock);
	*problem = too_many(job->role);
	if (!*problem)
	{
		make_room();
		if (pthread_create(&job->thread, NULL, run_job, job) == 0)
		{
			pthread_detach(job->thread);
			running++;
			jobs[njobs++] = job;
			number = job->number = ++numbers;
		}
		else
			*problem = "No thread could be had.";
	}
	pthread_mutex_unlock(&lock);
	if (number == 0)
	{
		forget_password(job);
		free_job(job);
	}
	return number;
}

static void
describe_job(const Job *job, ServeBytes *out)
{
	serve_bytes_format(out, "{\"job\":%lld,\"name\":", (long long) job->number);
	serve_bytes_json_text(out, job->question->name);
	serve_bytes_text(out, ",\"arguments\":{");
	for (int i = 0; i < job->question->nparams; i++)
	{
		if (i > 0)
			serve_bytes_text(out, ",");
		serve_bytes_json_text(out, job->question->params[i].name);
		serve_bytes_text(out, ":");
		if (job->values[i])
			serve_bytes_json_text(out, job->values[i]);
		else
			serve_bytes_text(out, "null");
	}
	serve_bytes_format(out, "},\"began\":%lld,\"ended\":", (long long) job->began);
	if (job->ended)
	{
		serve_bytes_format(out, "%lld,\"good\":%s,\"answer\":", (long long) job->ended,
						   job->status == 200 ? "true" : "false");
		serve_bytes_add(out, job->answer.data, job->answer.length);
		serve_bytes_text(out, "}");
	}
	else
		serve_bytes_text(out, "null}");
}

void
serve_site_jobs_list(const char *role, ServeBytes *out)
{
	bool any = false;

	serve_bytes_text(out, "[");
	pthread_mutex_lock(&lock);
	for (int i = njobs - 1; i >= 0; i--)
	{
		if (strcmp(jobs[i]->role, role) != 0)
			continue;
		if (any)
			serve_bytes_text(out, ",");
		any = true;
		describe_job(jobs[i], out);
	}
	pthread_mutex_unlock(&lock);
	serve_bytes_text(out, "]");
}

static void
cancel_job(Job *job)
{
	char unused[256];

	job->cancelled = true;
	if (job->cancel)
		PQcancel(job->cancel, unused, sizeof(unused));
}

bool
serve_site_job_cancel(const char *role, int64_t number)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < njobs; i++)
		if (jobs[i]->number == number && strcmp(jobs[i]->role, role) == 0 && !jobs[i]->ended)
		{
			found = true;
			cancel_job(jobs[i]);
		}
	pthread_mutex_unlock(&lock);
	return found;
}

void
serve_site_jobs_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	for (int i = 0; i < njobs; i++)
		if (!jobs[i]->ended)
			cancel_job(jobs[i]);
	while (running > 0)
		pthread_cond_wait(&changed, &lock);
	while (njobs > 0)
		free_job(jobs[--njobs]);
	pthread_mutex_unlock(&lock);
}
