/*
 * slowdown.c
 *		Who guesses secrets waits: an address, and an address with a client id.  Never a
 *		client id alone, or anybody could lock a consumer out.
 *
 * A table of fixed size; two that fall into one place share it, which delays one of them.
 */
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#include "serve/base/moment.h"
#include "serve/token/token.h"

#define PLACES 8192
#define FREE_OF_PAIR 5     /* attempts that cost nothing */
#define FREE_OF_ADDRESS 20 /* behind one address there can be many */
#define LONGEST 300        /* seconds */
#define FORGIVE_MS 600000  /* after so long without an attempt all is forgotten */

typedef struct Place
{
	int failures;
	int64_t last;
} Place;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Place places[PLACES];
static uint64_t seed;

static Place *
place_of(const char *address, const char *client_id)
{
	uint64_t hash;
	Place *place;

	if (seed == 0 && RAND_bytes((unsigned char *) &seed, sizeof(seed)) != 1)
		seed = 1;
	hash = seed ^ 14695981039346656037u;
	for (const char *c = address; *c; c++)
		hash = (hash ^ (unsigned char) *c) * 1099511628211u;
	hash = (hash ^ (client_id ? 0x100 : 0x200)) * 1099511628211u;
	for (const char *c = client_id ? client_id : ""; *c; c++)
		hash = (hash ^ (unsigned char) *c) * 1099511628211u;
	place = &places[(hash >> 20) % PLACES];
	if (place->failures > 0 && serve_now_ms() - place->last > FORGIVE_MS)
		place->failures = 0;
	return place;
}

static int
wait_of(const Place *place, int free_attempts)
{
	int over = place->failures - free_attempts;
	int64_t seconds;
	int64_t left;

	if (over < 0)
		return 0;
	seconds = over > 8 ? LONGEST : 1 << over;
	if (seconds > LONGEST)
		seconds = LONGEST;
	left = place->last + seconds * 1000 - serve_now_ms();
	return left > 0 ? (int) ((left + 999) / 1000) : 0;
}

int
serve_slowdown(const char *address, const char *client_id)
{
	int of_address;
	int of_pair;

	pthread_mutex_lock(&lock);
	of_address = wait_of(place_of(address, NULL), FREE_OF_ADDRESS);
	of_pair = wait_of(place_of(address, client_id), FREE_OF_PAIR);
	pthread_mutex_unlock(&lock);
	return of_address > of_pair ? of_address : of_pair;
}

void
serve_slowdown_result(const char *address, const char *client_id, bool good)
{
	Place *both[2];

	pthread_mutex_lock(&lock);
	both[0] = place_of(address, client_id);
	both[1] = place_of(address, NULL);
	if (good)
		both[0]->failures = 0;
	else
		for (int i = 0; i < 2; i++)
		{
			if (both[i]->failures < 1000)
				both[i]->failures++;
			both[i]->last = serve_now_ms();
		}
	pthread_mutex_unlock(&lock);
}
