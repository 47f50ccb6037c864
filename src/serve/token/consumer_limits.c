/*
 * consumer_limits.c
 *		How often a consumer may ask: a bucket that fills by so many requests a second, a
 *		count of the day, a count of those that run.
 *
 * All of it is memory of this process: a restart begins the day anew, and two processes
 * allow twice as much.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "serve/base/bytes.h"
#include "serve/base/moment.h"
#include "serve/token/token.h"

typedef struct Bucket
{
	struct Bucket *next;
	double tokens;
	int64_t filled; /* when, in ms */
	int64_t day;
	int64_t today;
	int running;
	char who[];
} Bucket;

#define LISTS 1024
#define MAX_BUCKETS 20000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Bucket *lists[LISTS];
static int nbuckets;

static unsigned
list_of(const char *who)
{
	uint32_t hash = 2166136261u;

	for (; *who; who++)
		hash = (hash ^ (unsigned char) *who) * 16777619u;
	return hash % LISTS;
}

/* Forgets whoever asks nothing now and has asked nothing for a while, or else today. */
static void
forget_idle(int64_t now, int64_t day)
{
	for (int i = 0; i < LISTS; i++)
		for (Bucket **link = &lists[i]; *link;)
		{
			Bucket *one = *link;

			if (one->running > 0 || now - one->filled < 60000 ||
				(one->day == day && one->who[0] != '@'))
			{
				link = &one->next;
				continue;
			}
			*link = one->next;
			free(one);
			nbuckets--;
		}
}

static Bucket *
bucket_of(const char *who, const ServeRates *rates, int64_t now, int64_t day)
{
	Bucket **list = &lists[list_of(who)];
	Bucket *one;

	for (one = *list; one; one = one->next)
		if (strcmp(one->who, who) == 0)
			return one;
	if (!rates)
		return NULL;
	if (nbuckets >= MAX_BUCKETS)
		forget_idle(now, day);
	one = serve_allocate(sizeof(Bucket) + strlen(who) + 1);
	strcpy(one->who, who);
	one->filled = now;
	one->tokens = INFINITY; /* cut to what the bucket holds */
	one->next = *list;
	*list = one;
	nbuckets++;
	return one;
}

int
serve_limit_enter(const char *who, const ServeRates *rates)
{
	int64_t now = serve_now_ms();
	int64_t seconds = serve_calendar_ms() / 1000;
	int64_t day = seconds / 86400;
	int wait = 0;
	Bucket *bucket;

	pthread_mutex_lock(&lock);
	bucket = bucket_of(who, rates, now, day);
	if (bucket->day != day)
	{
		bucket->day = day;
		bucket->today = 0;
	}
	if (rates->per_second > 0)
	{
		double size = rates->burst >= 1 ? rates->burst : fmax(1, rates->per_second);

		bucket->tokens += rates->per_second * (double) (now - bucket->filled) / 1000;
		bucket->tokens = fmin(bucket->tokens, size);
		if (bucket->tokens < 1)
			wait = (int) ceil((1 - bucket->tokens) / rates->per_second);
	}
	bucket->filled = now;
	if (rates->per_day > 0 && bucket->today >= rates->per_day)
		wait = (int) ((day + 1) * 86400 - seconds);
	if (rates->concurrency > 0 && bucket->running >= rates->concurrency && wait == 0)
		wait = 1;
	if (wait == 0)
	{
		bucket->tokens -= rates->per_second > 0 ? 1 : 0;
		bucket->today++;
		bucket->running++;
	}
	pthread_mutex_unlock(&lock);
	return wait;
}

void
serve_limit_leave(const char *who)
{
	Bucket *bucket;

	pthread_mutex_lock(&lock);
	bucket = bucket_of(who, NULL, 0, 0);
	if (bucket && bucket->running > 0)
		bucket->running--;
	pthread_mutex_unlock(&lock);
}
