/*
 * batch.c
 *		A page as the engine needs it: each record with its key and its
 *		instant, in the order received, and one of each key.
 *
 * Lives in CurrentMemoryContext and points into the page.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "read/batch.h"

typedef struct KeyEntry
{
	const char *key; /* hash key */
	MlsItem *item;
} KeyEntry;

static uint32
key_hash(const void *key, Size size)
{
	const char *text = *(const char *const *) key;

	return string_hash(text, strlen(text) + 1);
}

static int
key_match(const void *a, const void *b, Size size)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static HTAB *
key_table(int size)
{
	HASHCTL control = {.keysize = sizeof(char *),
					   .entrysize = sizeof(KeyEntry),
					   .hash = key_hash,
					   .match = key_match,
					   .hcxt = CurrentMemoryContext};

	return hash_create("mls_fdw keys", Max(size, 16), &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

static char *
field_text(const MlsRecord *record, const char *field)
{
	const MlsSlice *slice = mls_record_field(record, field);

	return slice == NULL ? NULL : mls_slice_text(slice);
}

/* Part of a key: a list or an object is none. */
static char *
key_text(const MlsRecord *record, const char *field)
{
	const MlsSlice *slice = mls_record_field(record, field);

	if (slice == NULL || slice->kind == MLS_ARRAY || slice->kind == MLS_OBJECT)
		return NULL;
	return mls_slice_text(slice);
}

/* Appends one part of a composite key, its own separators escaped. */
static void
append_key_part(StringInfo key, const char *part)
{
	if (key->len > 0)
		appendStringInfoChar(key, '|');
	for (; *part; part++)
	{
		if (*part == '|' || *part == '\\')
			appendStringInfoChar(key, '\\');
		appendStringInfoChar(key, *part);
	}
}

/* The key of a record as text; the parts of a composite one joined by "|". NULL if it lacks a part. */
static char *
record_key(const MlsTable *table, const MlsRecord *record)
{
	StringInfoData key;
	ListCell *lc;

	if (list_length(table->key) == 1)
	{
		char *only = key_text(record, linitial(table->key));

		return only != NULL && only[0] == '\0' ? NULL : only;
	}

	initStringInfo(&key);
	foreach (lc, table->key)
	{
		char *part = key_text(record, lfirst(lc));

		if (part == NULL)
			return NULL;
		append_key_part(&key, part);
	}
	return key.data;
}

static void
read_item(const MlsTable *table, const MlsRecord *record, MlsItem *item)
{
	const char *flag = table->source->platform.deletion_flag;

	item->record = record;
	item->key = record_key(table, record);
	item->timestamp = table->timestamp ? field_text(record, table->timestamp) : NULL;
	item->has_instant = item->timestamp != NULL &&
						mls_instant_read(item->timestamp, table->source->timezone, &item->instant);
	if (flag != NULL)
	{
		char *shown = field_text(record, flag);

		item->gone = shown != NULL && strcmp(shown, "false") == 0;
	}
}

/* Is a, met later in the page, the one to keep? */
static bool
replaces(const MlsItem *a, const MlsItem *b)
{
	return !a->has_instant || !b->has_instant || mls_instant_compare(&a->instant, &b->instant) >= 0;
}

/* Enters an item under its key; of two with one key the newer stays, else the later. */
static void
enter_item(HTAB *by_key, MlsItem *item)
{
	const char *key = item->key;
	bool found;
	KeyEntry *entry = hash_search(by_key, &key, HASH_ENTER, &found);

	if (found && !replaces(item, entry->item))
	{
		item->superseded = true;
		return;
	}
	if (found)
		entry->item->superseded = true;
	entry->item = item;
}

MlsBatch *
mls_batch_read(const MlsTable *table, const MlsRecord *records, int nrecords)
{
	MlsBatch *batch = palloc(sizeof(MlsBatch));
	int i;

	batch->items = palloc0(Max(nrecords, 1) * sizeof(MlsItem));
	batch->nitems = nrecords;
	batch->replaced = 0;
	batch->missing = NIL;
	batch->by_key = key_table(nrecords);
	for (i = 0; i < nrecords; i++)
	{
		MlsItem *item = &batch->items[i];

		read_item(table, &records[i], item);
		if (item->key != NULL)
			enter_item(batch->by_key, item);
	}
	return batch;
}

/* The item that stands for a key of the batch, or NULL. */
MlsItem *
mls_batch_find(const MlsBatch *batch, const char *key)
{
	KeyEntry *entry = hash_search(batch->by_key, &key, HASH_FIND, NULL);

	return entry ? entry->item : NULL;
}

/* The newest item stamped before an instant, or NULL. */
const MlsItem *
mls_batch_newest(const MlsBatch *batch, TimestampTz before)
{
	const MlsItem *newest = NULL;
	int i;

	for (i = 0; i < batch->nitems; i++)
	{
		const MlsItem *item = &batch->items[i];

		if (item->has_instant && item->instant.at < before &&
			(newest == NULL || mls_instant_compare(&item->instant, &newest->instant) >= 0))
			newest = item;
	}
	return newest;
}

/* Do the timestamps never fall, from the one before the batch (or NULL) on? */
bool
mls_batch_in_order(const MlsBatch *batch, const char *before, const char *timezone)
{
	MlsInstant last;
	bool known = before != NULL && mls_instant_read(before, timezone, &last);
	int i;

	for (i = 0; i < batch->nitems; i++)
	{
		const MlsItem *item = &batch->items[i];

		if (!item->has_instant)
			continue;
		if (known && mls_instant_compare(&item->instant, &last) < 0)
			return false;
		last = item->instant;
		known = true;
	}
	return true;
}
