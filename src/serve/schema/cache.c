/*
 * cache.c
 *		Entries of roles, counted by their users.
 */
#include "serve/schema/cache.h"

#include <stdlib.h>
#include <string.h>

#include "serve/base/bytes.h"

struct ServeReload
{
	int n;
	int room;
	int changed;
	ServeRole **roles;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ServeReload *current;

static void
release_locked(ServeRole *role)
{
	if (--role->references > 0)
		return;
	if (role->documents)
		role->free_documents(role->documents);
	pthread_mutex_destroy(&role->lock);
	serve_arena_free(role->arena);
	free(role->name);
	free(role);
}

static ServeRole *
find_locked(const char *name)
{
	for (int i = 0; current && i < current->n; i++)
		if (strcmp(current->roles[i]->name, name) == 0)
			return current->roles[i];
	return NULL;
}

ServeRole *
serve_role_acquire(const char *name)
{
	ServeRole *role;

	pthread_mutex_lock(&lock);
	role = find_locked(name);
	if (role)
		role->references++;
	pthread_mutex_unlock(&lock);
	return role;
}

void
serve_role_release(ServeRole *role)
{
	if (!role)
		return;
	pthread_mutex_lock(&lock);
	release_locked(role);
	pthread_mutex_unlock(&lock);
}

bool
serve_cache_loaded(void)
{
	bool loaded;

	pthread_mutex_lock(&lock);
	loaded = current != NULL;
	pthread_mutex_unlock(&lock);
	return loaded;
}

ServeReload *
serve_reload_begin(void)
{
	return serve_allocate(sizeof(ServeReload));
}

static void
add_role(ServeReload *reload, ServeRole *role)
{
	if (reload->n == reload->room)
	{
		reload->room = reload->room ? reload->room * 2 : 8;
		reload->roles = realloc(reload->roles, sizeof(ServeRole *) * (size_t) reload->room);
		if (!reload->roles)
			abort();
	}
	reload->roles[reload->n++] = role;
}

bool
serve_reload_add(ServeReload *reload, const char *name, const char *json, const char **problem)
{
	ServeArena *arena = serve_arena_new();
	const ServeModel *model = serve_model_read(arena, json, problem);
	ServeRole *before = serve_role_acquire(name);
	ServeRole *role;

	if (before && (!model || strcmp(before->model->version, model->version) == 0))
	{
		serve_arena_free(arena);
		add_role(reload, before);
		return model != NULL;
	}
	serve_role_release(before);
	if (!model)
	{
		serve_arena_free(arena);
		return false;
	}
	role = serve_allocate(sizeof(ServeRole));
	role->name = serve_copy_text(name);
	role->arena = arena;
	role->model = model;
	role->references = 1;
	pthread_mutex_init(&role->lock, NULL);
	add_role(reload, role);
	reload->changed++;
	return true;
}

/* Lets go of the entries that a reload holds. */
static void
release_all_locked(ServeReload *reload)
{
	for (int i = 0; i < reload->n; i++)
		release_locked(reload->roles[i]);
	free(reload->roles);
	free(reload);
}

int
serve_reload_publish(ServeReload *reload)
{
	ServeReload *before;
	int changed = reload->changed;

	pthread_mutex_lock(&lock);
	before = current;
	current = reload;
	if (before)
	{
		if (before->n != reload->n)
			changed++;
		release_all_locked(before);
	}
	pthread_mutex_unlock(&lock);
	return changed;
}

void
serve_reload_abandon(ServeReload *reload)
{
	pthread_mutex_lock(&lock);
	release_all_locked(reload);
	pthread_mutex_unlock(&lock);
}
