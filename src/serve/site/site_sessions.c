/*
 * site_sessions.c
 *		Who is logged in: a few, each with a connection as his role.
 *
 * Of the cookie only a hash is kept, which finds a session without telling by its time how much
 * of a guess was right.  A session ends when nobody has used it for a while, at an age, by its
 * user, and with the program; a role has a few at a time, of which a new one ends the one that
 * was left alone longest.
 */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "serve/base/encoding.h"
#include "serve/base/moment.h"
#include "serve/base/settings.h"
#include "serve/site/site_room.h"

#define MAX_SESSIONS 64
#define MAX_OF_ROLE 8
#define MAX_STREAMS 6

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ServeSiteSession *sessions[MAX_SESSIONS];

static void
random_text(char *text, size_t space)
{
	unsigned char bytes[32];
	ServeBytes encoded = {0};

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		abort();
	serve_base64url(&encoded, bytes, sizeof(bytes));
	memset(text, 0, space);
	memcpy(text, encoded.data, encoded.length);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(encoded.data, encoded.length);
	serve_bytes_free(&encoded);
}

static void
mark_of(const char *cookie, unsigned char mark[32])
{
	SHA256((const unsigned char *) cookie, strlen(cookie), mark);
}

static void
free_session(ServeSiteSession *session)
{
	PQfinish(session->pg);
	OPENSSL_cleanse(session->password, strlen(session->password));
	OPENSSL_cleanse(session->csrf, sizeof(session->csrf));
	free(session->password);
	free(session->role);
	free(session->schema);
	pthread_mutex_destroy(&session->busy);
	free(session);
}

/* Under the lock: out of the list; the memory, if nobody holds it. */
static ServeSiteSession *
take_out(int place)
{
	ServeSiteSession *session = sessions[place];

	sessions[place] = NULL;
	session->ended = true;
	return session->users == 0 ? session : NULL;
}

static bool
is_over(const ServeSiteSession *session, int64_t now)
{
	return now - session->used > (int64_t) serve_settings.site_idle_seconds * 1000 ||
		   now - session->began > (int64_t) serve_settings.site_session_seconds * 1000;
}

/* A free place, made by ending the role's oldest if it has too many; -1: none. */
static int
place_for(const char *role, ServeSiteSession **to_free)
{
	int free_place = -1;
	int oldest = -1;
	int n = 0;

	for (int i = 0; i < MAX_SESSIONS; i++)
	{
		if (!sessions[i])
			free_place = i;
		else if (strcmp(sessions[i]->role, role) == 0)
		{
			n++;
			if (oldest < 0 || sessions[i]->used < sessions[oldest]->used)
				oldest = i;
		}
	}
	if (n >= MAX_OF_ROLE)
	{
		*to_free = take_out(oldest);
		return oldest;
	}
	return free_place;
}

ServeSiteSession *
serve_site_session_begin(const char *role, const char *password, PGconn *pg, char cookie[64])
{
	ServeSiteSession *to_free = NULL;
	ServeSiteSession *session = serve_allocate(sizeof(ServeSiteSession));
	int place;

	random_text(cookie, 64);
	random_text(session->csrf, sizeof(session->csrf));
	mark_of(cookie, session->mark);
	session->role = serve_copy_text(role);
	session->password = serve_copy_text(password);
	session->schema = serve_site_schema(pg);
	session->began = session->used = session->connected = serve_now_ms();
	session->users = 1;
	session->pg = pg;
	pthread_mutex_init(&session->busy, NULL);
	pthread_mutex_lock(&lock);
	place = place_for(role, &to_free);
	if (place >= 0)
		sessions[place] = session;
	pthread_mutex_unlock(&lock);
	if (to_free)
		free_session(to_free);
	if (place >= 0)
		return session;
	free_session(session);
	return NULL;
}

ServeSiteSession *
serve_site_session_find(const char *cookie, bool use)
{
	ServeSiteSession *found = NULL;
	ServeSiteSession *to_free = NULL;
	unsigned char mark[32];
	int64_t now = serve_now_ms();

	mark_of(cookie, mark);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < MAX_SESSIONS; i++)
	{
		if (!sessions[i] || CRYPTO_memcmp(sessions[i]->mark, mark, sizeof(mark)) != 0)
			continue;
		if (is_over(sessions[i], now))
			to_free = take_out(i);
		else
		{
			found = sessions[i];
			found->users++;
			if (use)
				found->used = now;
		}
		break;
	}
	pthread_mutex_unlock(&lock);
	if (to_free)
		free_session(to_free);
	return found;
}

void
serve_site_session_release(ServeSiteSession *session)
{
	bool last;

	pthread_mutex_lock(&lock);
	last = --session->users == 0 && session->ended;
	pthread_mutex_unlock(&lock);
	if (last)
		free_session(session);
}

void
serve_site_session_end(ServeSiteSession *session)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < MAX_SESSIONS; i++)
		if (sessions[i] == session)
			(void) take_out(i);
	pthread_mutex_unlock(&lock);
}

bool
serve_site_session_lives(ServeSiteSession *session)
{
	bool lives;

	pthread_mutex_lock(&lock);
	lives = !session->ended && !is_over(session, serve_now_ms());
	pthread_mutex_unlock(&lock);
	return lives;
}

bool
serve_site_session_stream(ServeSiteSession *session, int change)
{
	bool good;

	pthread_mutex_lock(&lock);
	good = session->streams + change <= MAX_STREAMS;
	if (good)
		session->streams += change;
	pthread_mutex_unlock(&lock);
	return good;
}

/* Ends those of which a condition holds. */
static void
end_some(bool all)
{
	ServeSiteSession *to_free[MAX_SESSIONS];
	int n = 0;
	int64_t now = serve_now_ms();

	pthread_mutex_lock(&lock);
	for (int i = 0; i < MAX_SESSIONS; i++)
		if (sessions[i] && (all || is_over(sessions[i], now)))
		{
			to_free[n] = take_out(i);
			if (to_free[n])
				n++;
		}
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < n; i++)
		free_session(to_free[i]);
}

void
serve_site_sessions_tick(void)
{
	end_some(false);
}

void
serve_site_sessions_stop(void)
{
	end_some(true);
}

int
serve_site_sessions_count(void)
{
	int n = 0;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < MAX_SESSIONS; i++)
		if (sessions[i])
			n++;
	pthread_mutex_unlock(&lock);
	return n;
}
