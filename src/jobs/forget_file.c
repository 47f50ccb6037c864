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

#include "miscadmin.h"

#include "base/base.h"
#include "step/source_file.h"
#include "subscription/subscription.h"
#include "write/write.h"

PG_FUNCTION_INFO_V1(mls_forget_file_sql);

/* Rows that are taken out at a time. */
#define BATCH_ROWS 2000

/* The field that says which file a row came from, as the protocol of datasets names it. */
#define FILE_FIELD "_file"

/* Takes some of its rows; how many. */
static int64
remove_some(const MlsSubscription *sub, const MlsTable *table, MlsWriter *writer, const char *name,
			int64 run)
{
	const char *bronze = mls_qualified_name(sub->bronze);
	int64 removed;

	mls_sql_run(psprintf("SELECT %s FROM %s b WHERE b.record OPERATOR(pg_catalog.->>) $1 = $2 "
						 "AND b.deleted_at IS NULL LIMIT $3",
						 mls_bronze_columns(sub), bronze),
				false, SPI_OK_SELECT,
				MLS_ARGS(mls_arg_text(FILE_FIELD), mls_arg_text(name), mls_arg_int4(BATCH_ROWS)));
	removed = mls_bronze_remove_found(run, sub, table, writer);
	mls_sql(SPI_OK_DELETE,
			psprintf("DELETE FROM %s WHERE run_id = $1 AND deleted_at IS NOT NULL", bronze),
			mls_arg_int8(run));
	return removed;
}

/* Tombstones of earlier purges are traces as well. */
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
	int64 removed;

	mls_gold_restore(sub, table);
	writer = mls_writer_begin(table, sub, run);
	do
	{
		CHECK_FOR_INTERRUPTS();
		removed = remove_some(sub, table, writer, name, run);
		counters.deleted += removed;
	} while (removed > 0);
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
