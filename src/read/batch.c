/*
 * batch.c
 *		A page as a run needs it: each record with its key and its
 *		instant, in the order received, and one of each key.
 *
 * Lives in CurrentMemoryContext and points into the page.
 *
 * Sources send up to seven digits (and more) of a second's fraction, and
 * timestamptz keeps six.  A cursor rounded up skips records, so the text stays
 * the cursor and comparisons look at the digits beyond the sixth as well.
 */
#include "postgres.h"

#include <ctype.h>

#include "common/hashfn.h"
#include "utils/datetime.h"
#include "utils/hsearch.h"

#include "read/batch.h"

/* ---- Times with all their digits ---- */

/* False if text is no date-time.  The instant points into text. */
bool
mls_exact_time_read(const char *text, const char *timezone, MlsExactTime *instant)
{
	const char *digit;
	const char *end;

	if (!mls_parse_timestamptz(text, strlen(text), timezone, &instant->at))
		return false;

	instant->rest = "";
	instant->rest_length = 0;
	digit = strchr(text, '.');
	if (digit == NULL)
		return true;

	for (end = ++digit; isdigit((unsigned char) *end); end++)
		;
	while (end > digit && end[-1] == '0')
		end--;
	if (end - digit > 6)
	{
		instant->rest = digit + 6;
		instant->rest_length = end - digit - 6;
	}
	return true;
}

/* As strcmp: digits after the point compare like text. */
int
mls_exact_time_compare(const MlsExactTime *a, const MlsExactTime *b)
{
	int order;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	order = memcmp(a->rest, b->rest, Min(a->rest_length, b->rest_length));
	return order != 0 ? order : a->rest_length - b->rest_length;
}

/* ISO 8601 in UTC with at most so many digits of a second's fraction, rounded down. */
char *
mls_exact_time_text(TimestampTz at, int digits)
{
	struct pg_tm tm;
	fsec_t fraction;
	StringInfoData text;

	if (timestamp2tm(at, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("timestamp out of range"));

	initStringInfo(&text);
	appendStringInfo(&text, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year, tm.tm_mon, tm.tm_mday,
					 tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (digits > 0)
	{
		char all[8];

		snprintf(all, sizeof(all), "%06d", (int) fraction);
		appendStringInfo(&text, ".%.*s", Min(digits, 6), all);
	}
	appendStringInfoChar(&text, 'Z');
	return text.data;
}

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
	item->has_instant =
		item->timestamp != NULL &&
		mls_exact_time_read(item->timestamp, table->source->timezone, &item->instant);
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
	return !a->has_instant || !b->has_instant ||
		   mls_exact_time_compare(&a->instant, &b->instant) >= 0;
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

	batch->items = palloc0(Max(nrecords, 1) * sizeof(MlsItem));
	batch->nitems = nrecords;
	batch->replaced = 0;
	batch->missing = NIL;
	batch->by_key = key_table(nrecords);
	for (int i = 0; i < nrecords; i++)
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

/* The keys of the records that are there (List of char *). */
List *
mls_batch_keys(const MlsBatch *batch)
{
	List *keys = NIL;

	for (int i = 0; i < batch->nitems; i++)
		if (batch->items[i].key != NULL && !batch->items[i].gone)
			keys = lappend(keys, batch->items[i].key);
	return keys;
}

/* The newest item stamped before an instant, or NULL. */
const MlsItem *
mls_batch_newest(const MlsBatch *batch, TimestampTz before)
{
	const MlsItem *newest = NULL;

	for (int i = 0; i < batch->nitems; i++)
	{
		const MlsItem *item = &batch->items[i];

		if (item->has_instant && item->instant.at < before &&
			(newest == NULL || mls_exact_time_compare(&item->instant, &newest->instant) >= 0))
			newest = item;
	}
	return newest;
}

/* Do the timestamps never fall, from the one before the batch (or NULL) on? */
bool
mls_batch_in_order(const MlsBatch *batch, const char *before, const char *timezone)
{
	MlsExactTime last;
	bool known = before != NULL && mls_exact_time_read(before, timezone, &last);

	for (int i = 0; i < batch->nitems; i++)
	{
		const MlsItem *item = &batch->items[i];

		if (!item->has_instant)
			continue;
		if (known && mls_exact_time_compare(&item->instant, &last) < 0)
			return false;
		last = item->instant;
		known = true;
	}
	return true;
}
