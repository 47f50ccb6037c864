/*
 * undo_purge.c
 *		mls_undo(): brings back what a purge removed, children included.
 *
 * A tombstone of bronze names the run that set it, and the record is still
 * there, so this needs no network.  What has come back by itself since then has
 * no tombstone any more and is left alone.  One transaction, in the rights of the
 * subscription's owner, as mls_rebuild().
 */
#include "postgres.h"

#include "utils/lsyscache.h"

#include "base/base.h"
#include "subscription/subscription.h"
#include "write/write.h"

PG_FUNCTION_INFO_V1(mls_undo);

/* The subscription of a purge. */
static MlsSubscription *
purged_subscription(int64 purge)
{
	MlsSubscription *sub;
	char *process;

	mls_select("SELECT subscription, process FROM mls.run WHERE id = $1", mls_arg_int8(purge));
	if (SPI_processed == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("there is no run " INT64_FORMAT, purge),
				errhint("The view mls_history lists all runs."));
	process = mls_text_at(0, 2);
	if (strcmp(process, "purge") != 0)
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("run " INT64_FORMAT " is no purge", purge),
				errdetail("It is a %s. Only a purge can be undone.", process));
	sub = mls_subscription_by_id(mls_int8_at(0, 1));
	if (sub == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("the subscription of run " INT64_FORMAT " does not exist any more", purge));
	return sub;
}

/* Takes tombstones away. */
static int64
take_tombstones(const MlsSubscription *sub, int64 purge, int64 run)
{
	mls_sql(SPI_OK_UPDATE,
			psprintf("UPDATE %s SET deleted_at = NULL, run_id = $2 "
					 "WHERE run_id = $1 AND deleted_at IS NOT NULL",
					 mls_qualified_name(sub->bronze)),
			mls_arg_int8(purge), mls_arg_int8(run));
	return SPI_processed;
}

/* Brings back what a purge removed from one subscription; returns how many records. */
static int64
restore(MlsSubscription *sub, int64 purge, int64 run)
{
	MlsCounters counters = {0};
	MlsTable *table;
	MlsWriter *writer;

	if (get_rel_name(sub->bronze) == NULL || get_rel_name(sub->foreign_table) == NULL)
		return 0;
	mls_subscription_require_lock(sub);
	table = mls_table_get(sub->foreign_table, sub->owner, false);
	mls_gold_restore(sub, table);
	writer = mls_writer_begin(table, sub, run);
	mls_bronze_convert(writer, table, sub,
					   psprintf("run_id = " INT64_FORMAT " AND deleted_at IS NOT NULL", purge),
					   &counters);
	mls_writer_end(writer);
	return take_tombstones(sub, purge, run);
}

/* Brings back the children that a purge removed along. */
static int64
restore_children(const MlsSubscription *sub, int64 purge, int64 run)
{
	int64 restored = 0;
	ListCell *lc;

	foreach (lc, mls_related_siblings(sub))
	{
		mls_owner_require_tables(lfirst(lc));
		restored += restore(lfirst(lc), purge, run);
	}
	return restored;
}

/* mls_undo(run): how many records came back, children not counted */
Datum
mls_undo(PG_FUNCTION_ARGS)
{
	int64 purge = PG_GETARG_INT64(0);
	MlsCounters counters = {0};
	MlsSubscription *sub;
	MlsRights before;
	StringInfoData note;
	int64 children;
	int64 run;

	mls_refuse_standby("mls_undo()", "undo");
	SPI_connect();
	sub = purged_subscription(purge);
	mls_owner_enter(&before, sub, "undo a purge of");
	mls_subscription_require_lock(sub);
	run = mls_run_start(sub, "undo");
	counters.inserted = restore(sub, purge, run);
	children = restore_children(sub, purge, run);
	initStringInfo(&note);
	appendStringInfo(&note, "took back run " INT64_FORMAT, purge);
	if (children > 0)
		appendStringInfo(&note, ", with %s to its own",
						 mls_counted(children, "record that belonged", "records that belonged"));
	mls_run_progress(run, &counters);
	mls_run_finish(run, "finished", NULL, note.data, sub->cursor_timestamp);
	mls_rights_leave(&before);
	SPI_finish();
	PG_RETURN_INT64(counters.inserted);
}
