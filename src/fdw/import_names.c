/*
 * import_names.c
 *		SQL names for resources and fields.
 *
 * Two remote names can give the same SQL name.  They are settled in the order of
 * the remote names: the first keeps it, the others get a number.  So the names do
 * not change when a source lists its fields in another order.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/hsearch.h"

#include "fdw/import.h"
#include "options/options.h"

typedef struct Taken
{
	char name[NAMEDATALEN];
} Taken;

static int
compare_remote(const void *a, const void *b)
{
	return strcmp(**(const char *const *const *) a, **(const char *const *const *) b);
}

/* Takes a name; false if it is taken. */
static bool
take(HTAB *taken, const char *name)
{
	char key[NAMEDATALEN] = {0};
	bool found;

	strlcpy(key, name, NAMEDATALEN);
	hash_search(taken, key, HASH_ENTER, &found);
	return !found;
}

static char *
clip(const char *name, int length)
{
	return pnstrdup(name, pg_mbcliplen(name, strlen(name), length));
}

static char *
wanted_name(const char *remote, bool preserve)
{
	if (strcmp(remote, MLS_WHOLE_RECORD) == 0)
		return pstrdup(preserve ? "Record" : "record");
	return preserve ? clip(remote, NAMEDATALEN - 1) : mls_snake_case(remote);
}

static char *
take_name(HTAB *taken, const char *remote, bool preserve)
{
	char *wanted = wanted_name(remote, preserve);
	char *name = wanted;

	for (int number = 2; !take(taken, name); number++)
	{
		char *suffix = psprintf("_%d", number);

		name = psprintf("%s%s", clip(wanted, NAMEDATALEN - 1 - strlen(suffix)), suffix);
	}
	return name;
}

char **
mls_import_names(const char *const *remote, int count, bool preserve, bool of_columns)
{
	static const char *const system_columns[] = {"tableoid", "cmax", "xmax",
												 "cmin",     "xmin", "ctid"};
	HASHCTL control = {
		.keysize = NAMEDATALEN, .entrysize = sizeof(Taken), .hcxt = CurrentMemoryContext};
	HTAB *taken =
		hash_create("mls_fdw names", 256, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	const char *const **order = palloc(Max(count, 1) * sizeof(*order));
	char **names = palloc(Max(count, 1) * sizeof(*names));

	if (of_columns)
		for (int i = 0; i < lengthof(system_columns); i++)
			take(taken, system_columns[i]);
	for (int i = 0; i < count; i++)
		order[i] = &remote[i];
	qsort(order, count, sizeof(*order), compare_remote);
	for (int i = 0; i < count; i++)
		names[order[i] - remote] = take_name(taken, *order[i], preserve);
	hash_destroy(taken);
	return names;
}
