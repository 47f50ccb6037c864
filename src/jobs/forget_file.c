/*
 * forget_file.c
 *		mls.forget_file(): takes what a file of a dataset has brought out of gold, silver and
 *		bronze, and the file out of mls.file.
 *
 * That is for a file that somebody has removed, and wants no trace of: nothing is left that
 * mls_undo() could bring back.  Rows of its keys that other files have are read anew by the next
 * sync.  One transaction, in the rights of the subscription's owner, as mls_rebuild().
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "step/source_file.h"
#include "subscription/subscription.h"
#include "write/write.h"

PG_FUNCTION_INFO_V1(mls_forget_file_sql);

/* Rows that are taken out at a time. */
#define BATCH_ROWS 2000

/* The field that says which file a row came from, as the protocol of datasets names it. */
#define FILE_FIELD "_file"

/* Takes out the rows that it has brought, batch after batch; how many. */
static int64
remove_rows(const MlsSubscription *sub, const MlsTable *table, MlsWriter *writer, const char *name,
			int64 run)
{
	char *query = psprintf("SELECT %s FROM %s b WHERE b.record OPERATOR(pg_catalog.->>) $1 = $2 "
						   "AND b.deleted_at IS NULL",
						   mls_bronze_columns(sub), mls_qualified_name(sub->bronze));
	Oid types[] = {TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(FILE_FIELD), CStringGetTextDatum(name)};
	Portal portal = SPI_cursor_open_with_args(NULL, query, 2, types, values, NULL, false, 0);
	MemoryContext batch =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw batch", ALLOCSET_DEFAULT_SIZES);
	int64 removed = 0;

	for (;;)
	{
		MemoryContext before;
		SPITupleTable *fetched;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, BATCH_ROWS);
		if (SPI_processed == 0)
			break;
		fetched = SPI_tuptable;
		before = MemoryContextSwitchTo(batch);
		removed += mls_bronze_remove_found(run, sub, table, writer);
		MemoryContextSwitchTo(before);
		MemoryContextReset(batch);
		SPI_freetuptable(fetched);
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(batch);
	return removed;
}

/* Its tombstones, those of earlier purges as well: they are traces. */
static void
remove_tombstones(const MlsSubscription *sub, const char *name)
{
	mls_sql(SPI_OK_DELETE,
			psprintf("DELETE FROM %s b WHERE b.record OPERATOR(pg_catalog.->>) $1 = $2 "
					 "AND b.deleted_at IS NOT NULL",
					 mls_qualified_name(sub->bronze)),
			mls_arg_text(FILE_FIELD), mls_arg_text(name));
}

static void
forget_entry(const MlsSubscription *sub, const char *name)
{
	mls_sql_control(SPI_OK_DELETE,
					"DELETE FROM mls.issue WHERE subscription = $1 "
					"AND (pg_catalog.starts_with(key, $2 || '|') OR key = $2)",
					mls_arg_int8(sub->id), mls_arg_text(name));
	mls_sql_control(SPI_OK_DELETE, "DELETE FROM mls.file WHERE subscription = $1 AND name = $2",
					mls_arg_int8(sub->id), mls_arg_text(name));
}

static int64
forget(MlsSubscription *sub, const char *name)
{
	MlsTable *table = mls_table_get(sub->foreign_table, sub->owner, false);
	int64 run = mls_run_start(sub, "forget");
	MlsCounters counters = {0};
	MlsWriter *writer;

	mls_gold_restore(sub, table);
	writer = mls_writer_begin(table, sub, run);
	counters.deleted = remove_rows(sub, table, writer, name, run);
	mls_writer_end(writer);
	remove_tombstones(sub, name);
	forget_entry(sub, name);
	/* What it covered by its keys is in other files, and not here. */
	if (!mls_table_is_key(table, FILE_FIELD))
		mls_files_forget(sub->id);
	mls_run_progress(run, &counters);
	mls_run_finish(run, "finished", NULL, psprintf("forgot file \"%s\"", name),
				   sub->cursor_timestamp);
	mls_count_local(sub->id, sub->silver);
	return counters.deleted;
}

/* mls.forget_file(subscription, name): how many rows were removed */
Datum
mls_forget_file_sql(PG_FUNCTION_ARGS)
{
	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	MlsSubscription *sub;
	MlsRights before;
	int64 removed;

	mls_refuse_standby("mls.forget_file()", "remove files");
	SPI_connect();
	sub = mls_subscription_by_id(PG_GETARG_INT64(0));
	if (sub == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such subscription"));
	mls_owner_enter(&before, sub, "remove files of");
	mls_subscription_require_lock(sub);
	removed = forget(sub, name);
	mls_rights_leave(&before);
	SPI_finish();
	PG_RETURN_INT64(removed);
}
