/*
 * bronze.c
 *		Records of bronze read again, as if they had just been received: for
 *		whoever needs silver and gold to follow bronze without the network.
 *
 * Runs in the caller's transaction, with SPI connected.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "subscription/subscription.h"
#include "write/write.h"

#define BATCH_RECORDS 1000

/* What to select of bronze (as b) for mls_bronze_batch(). */
const char *
mls_bronze_columns(const MlsSubscription *sub)
{
	return get_attnum(sub->bronze, "parent") == InvalidAttrNumber ? "b.record, b.key"
																  : "b.record, b.key, b.parent";
}

static const MlsRecord *
record_of(const SPITupleTable *found, int row)
{
	char *json = mls_cell_text(found, row, 1);
	Size length = strlen(json);
	char *body = palloc0(length + 16);
	MlsPage *page;

	memcpy(body, json, length);
	page = mls_page_read(body, length, NULL, "a record of bronze");
	if (page->nrecords != 1)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a record of bronze is no object"));
	return page->records;
}

/*
 * The records of a result, which are its first column, as a page in CurrentMemoryContext.
 * Its third column, where it has one, says what they belong to; they are given what they
 * lack for it (parents as in mls_related_parents).
 */
MlsBatch *
mls_bronze_batch(const MlsTable *table, const SPITupleTable *found, List *parents)
{
	int n = found->numvals;
	MlsRecord *records = palloc(n * sizeof(MlsRecord));

	for (int i = 0; i < n; i++)
	{
		records[i] = *record_of(found, i);
		if (found->tupdesc->natts >= 3)
			mls_related_supply(parents, mls_cell_text(found, i, 3), &records[i]);
	}
	return mls_batch_read(table, records, n);
}

/* ---- fields that do not come ---- */

static bool
has_name(const MlsSlice *slice, const char *name, const char *suffix)
{
	int length = strlen(name);
	int more = strlen(suffix);

	return slice->name_length == length + more && memcmp(slice->name, name, length) == 0 &&
		   memcmp(slice->name + length, suffix, more) == 0;
}

/* Is a member one of the fields that are kept, or what such a field means? */
static bool
is_kept(const MlsSlice *slice, List *fields)
{
	ListCell *lc;

	foreach (lc, fields)
		if (has_name(slice, lfirst(lc), "") || has_name(slice, lfirst(lc), "@decoded"))
			return true;
	return false;
}

static const MlsSlice *
same_member(const MlsRecord *record, const MlsSlice *slice)
{
	for (int i = 0; i < record->nslices; i++)
		if (record->slices[i].name_length == slice->name_length &&
			memcmp(record->slices[i].name, slice->name, slice->name_length) == 0)
			return &record->slices[i];
	return NULL;
}

static void
append_member(StringInfo json, const MlsSlice *slice)
{
	appendStringInfo(json, "%s\"%.*s\":%.*s", json->len > 1 ? "," : "", slice->name_length,
					 slice->name, slice->value_length, slice->value);
}

/* A record with the old one's values of some fields, its members in the old one's order. */
static const MlsRecord *
with_kept(const MlsRecord *record, const MlsRecord *old, List *fields)
{
	StringInfoData json;
	char *body;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < old->nslices; i++)
	{
		const MlsSlice *slice = is_kept(&old->slices[i], fields)
									? &old->slices[i]
									: same_member(record, &old->slices[i]);

		if (slice)
			append_member(&json, slice);
	}
	for (int i = 0; i < record->nslices; i++)
		if (same_member(old, &record->slices[i]) == NULL)
			append_member(&json, &record->slices[i]);
	appendStringInfoChar(&json, '}');
	body = palloc0(json.len + 16);
	memcpy(body, json.data, json.len);
	return mls_page_read(body, json.len, NULL, "a record of bronze")->records;
}

/*
 * What the source has left out of its records is not null: they are given what bronze has
 * of it.  In an open transaction.
 */
void
mls_bronze_keep(const MlsSubscription *sub, int64 run, const MlsBatch *batch)
{
	SPITupleTable *found;
	ListCell *lc;

	foreach (lc, batch->missing)
		mls_issue_open(sub->id, run, MLS_ISSUE_MISSING, NULL, lfirst(lc), NULL,
					   "the source leaves it out of its records; what is stored stays");
	mls_select(psprintf("SELECT b.record, b.key FROM %s b WHERE b.key = ANY ($1) AND "
						"b.deleted_at IS NULL",
						mls_qualified_name(sub->bronze)),
			   mls_arg_list(mls_batch_keys(batch)));
	found = SPI_tuptable;
	for (uint64 i = 0; i < found->numvals; i++)
	{
		MlsItem *item = mls_batch_find(batch, mls_cell_text(found, i, 2));

		CHECK_FOR_INTERRUPTS();
		if (item)
			item->record = with_kept(item->record, record_of(found, i), batch->missing);
	}
}

/* Writes the records of bronze that fit a condition into silver and gold, batch after batch, each in a context of its own. */
void
mls_bronze_convert(MlsWriter *writer, const MlsTable *table, const MlsSubscription *sub,
				   const char *condition, MlsCounters *counters)
{
	List *parents = mls_related_parents(sub, table);
	char *query = psprintf("SELECT %s FROM %s b WHERE %s", mls_bronze_columns(sub),
						   mls_qualified_name(sub->bronze), condition);
	/* With a snapshot of now: the caller's is from before it had the subscription's lock. */
	Portal portal = SPI_cursor_open_with_args(NULL, query, 0, NULL, NULL, NULL, false, 0);

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, BATCH_RECORDS);
		if (SPI_processed == 0)
			break;
		{
			SPITupleTable *fetched = SPI_tuptable;
			MlsBatch *batch;
			MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mls_fdw batch",
														  ALLOCSET_DEFAULT_SIZES);
			MemoryContext before = MemoryContextSwitchTo(context);

			batch = mls_bronze_batch(table, fetched, parents);
			SPI_connect();
			mls_writer_convert(writer, batch, counters);
			SPI_finish();
			MemoryContextSwitchTo(before);
			MemoryContextDelete(context);
			SPI_freetuptable(fetched);
		}
	}
	SPI_cursor_close(portal);
	mls_writer_settle(writer);
}

/* ---- Removing ---- */

/* Tombstones for the records of a result; in bronze they stay.  Returns how many were set. */
static int64
bury(int64 run, const MlsSubscription *sub, const SPITupleTable *found)
{
	mls_sql(SPI_OK_UPDATE,
			psprintf("UPDATE %s SET deleted_at = pg_catalog.now(), run_id = $2 "
					 "WHERE key = ANY ($1) AND deleted_at IS NULL",
					 mls_qualified_name(sub->bronze)),
			mls_arg_list(mls_cell_texts(found, 2)), mls_arg_int8(run));
	return SPI_processed;
}

/*
 * Takes the records that the last query found (mls_bronze_columns) out of a
 * subscription's tables.  Returns how many there were.
 */
int64
mls_bronze_remove_found(int64 run, const MlsSubscription *sub, const MlsTable *table,
						MlsWriter *writer)
{
	MlsCounters ignored = {0};
	SPITupleTable *found;
	List *parents = NIL;
	MlsBatch *batch;
	int64 removed;

	if (SPI_processed == 0)
		return 0;
	found = SPI_tuptable;
	/* What they lack to say whose they are can be a part of their key. */
	if (found->tupdesc->natts >= 3)
		parents = mls_related_parents(sub, table);
	batch = mls_bronze_batch(table, found, parents);
	for (int i = 0; i < batch->nitems; i++)
		batch->items[i].gone = true;
	removed = bury(run, sub, found);
	SPI_connect();
	mls_writer_convert(writer, batch, &ignored);
	mls_writer_settle(writer);
	SPI_finish();
	return removed;
}
