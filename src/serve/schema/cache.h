/*
 * cache.h
 *		What each role may read, as it was last heard from the database.
 *
 * Who answers a request acquires the role's entry and releases it when he has answered; a
 * reload puts new entries beside, so requests in flight end with what they began with.  An
 * entry whose version has not changed is kept, with the documents made of it.
 */
#ifndef SERVE_CACHE_H
#define SERVE_CACHE_H

#include <pthread.h>

#include "serve/schema/model.h"

typedef struct ServeRole
{
	char *name;
	ServeArena *arena;
	const ServeModel *model;
	int references; /* under the cache's lock */
	/* What is made of the model once and kept with it; whoever fills it says how it goes. */
	pthread_mutex_t lock;
	void *documents;
	void (*free_documents)(void *documents);
} ServeRole;

typedef struct ServeReload ServeReload;

extern ServeReload *serve_reload_begin(void);
/* False, and what is wrong, when the text is no model: an entry that was there before stays. */
extern bool
serve_reload_add(ServeReload *reload, const char *role, const char *json, const char **problem);
/* How many models are new or changed. */
extern int serve_reload_publish(ServeReload *reload);
extern void serve_reload_abandon(ServeReload *reload);

/* NULL if the role is not served. */
extern ServeRole *serve_role_acquire(const char *name);
extern void serve_role_release(ServeRole *role);

/* Whether anything was ever loaded. */
extern bool serve_cache_loaded(void);

#endif /* SERVE_CACHE_H */
