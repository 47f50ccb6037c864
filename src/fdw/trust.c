/*
 * trust.c
 *		Columns in which this process has met values that do not fit.
 *
 * Such a value is null here and something else at the source, so that the
 * source's order and limits over that column are not ours.  Who relied on them
 * when the first one came fails; later plans do not rely on them.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "fdw/fdw.h"

typedef struct ColumnKey
{
	Oid relid;
	int attnum;
} ColumnKey;

static HTAB *distrusted = NULL;

void
mls_distrust(Oid relid, int attnum)
{
	ColumnKey key = {relid, attnum};

	if (distrusted == NULL)
	{
		HASHCTL control = {.keysize = sizeof(ColumnKey), .entrysize = sizeof(ColumnKey)};

		distrusted = hash_create("mls_fdw columns", 32, &control, HASH_ELEM | HASH_BLOBS);
	}
	hash_search(distrusted, &key, HASH_ENTER, NULL);
}

bool
mls_is_distrusted(Oid relid, int attnum)
{
	ColumnKey key = {relid, attnum};

	return distrusted && hash_search(distrusted, &key, HASH_FIND, NULL) != NULL;
}
