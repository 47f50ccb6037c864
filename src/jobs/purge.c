/*
 * purge.c
 *		The process purge: what is gone at the source goes here.
 *
 * All keys of the source are listed and compared with bronze as a set.  A
 * missing key proves little by itself, so before anything is removed
 *
 *	- the listing has come to its end, and agrees with the source's own counts;
 *	- it is not empty while there are records here;
 *	- the loss stays within purge_limit;
 *	- each key that is missing has been asked for by name, and was not there.
 *
 * Only force goes past the second and the third.  Records fetched after the
 * listing began are not judged by it.  Removed means: a tombstone in bronze with
 * the number of the run, which mls_undo() takes back, and no row in silver and
 * gold.
 *
 * What belongs to a record is what came with it: its expansions, and what is asked
 * for by its key (related_records.c).  These go in its transaction.  Records that are
 * merely about it, as ResourceName and ResourceRecordKey may say (media with a list
 * of their own, the history of a listing), stay as long as their own list has them:
 * the source may keep them, and their own purge asks it.
 */
#include "postgres.h"

#include "base/base.h"
#include "jobs/jobs.h"
#include "read/key_snapshot.h"
#include "step/source_file.h"
#include "write/write.h"

/* Records removed in one transaction. */
#define BATCH_KEYS 250

/* ---- Guards ---- */

static char *
forced_call(const MlsSubscription *sub)
{
	return psprintf("mls_purge(%s, %s, force => true)", quote_literal_cstr(sub->source),
					quote_literal_cstr(sub->resource));
}

static void
require_some(const MlsKeySnapshot *snapshot, int64 rows)
{
	const MlsRun *run = snapshot->run;

	if (snapshot->listed > 0 || rows == 0 || run->task->force)
		return;
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("source \"%s\" lists no record of resource \"%s\"", run->sub->source,
				   run->sub->resource),
			errdetail("%s here.", mls_counted(rows, "record is", "records are")),
			errhint("Nothing was removed. If the resource is empty now, call %s.",
					forced_call(run->sub)));
}

/* "10 % or 100", as purge_limit says it. */
static char *
limit_text(const MlsLimit *limit)
{
	if (limit->share < 0)
		return psprintf("%.0f", limit->number);
	if (limit->number < 0)
		return psprintf("%g %%", limit->share);
	return psprintf("%g %% or %.0f", limit->share, limit->number);
}

static void
require_limit(MlsRun *run, int64 lost, int64 rows)
{
	const MlsLimit *limit = &run->table->source->purge_limit;
	int64 allowed = mls_limit_larger(limit, rows);

	if (lost <= allowed || run->task->force)
		return;
	if (run->task->dry_run)
	{
		mls_run_note(run, "purge_limit would refuse it, for it allows " INT64_FORMAT, allowed);
		return;
	}
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("purge of resource \"%s\" of source \"%s\" would remove too many records",
				   run->sub->resource, run->sub->source),
			errdetail(INT64_FORMAT " of %s (%.1f %%) %s missing at the source; the server option "
								   "purge_limit (%s) allows " INT64_FORMAT ".",
					  lost, mls_counted(rows, "record", "records"), 100.0 * lost / Max(rows, 1),
					  lost == 1 ? "is" : "are", limit_text(limit), allowed),
			errhint("Nothing was removed. If the source has really lost them, call %s; to allow "
					"more at all times, set purge_limit.",
					forced_call(run->sub)));
}

/* ---- Comparing ---- */

/* Counts, and puts right what the subscription believes. */
static int64
rows_here(MlsKeySnapshot *snapshot)
{
	MlsCounters counters = snapshot->run->counters;
	int64 rows;

	mls_run_begin_step(snapshot->run);
	rows = mls_count_local(snapshot->run->sub->id, snapshot->run->sub->silver);
	mls_run_end_step(snapshot->run, &counters);
	return rows;
}

/*
 * Enters the keys of bronze that the listing lacks as wanted ones; returns how
 * many.  The keys are compared in the index alone; only what is missing is looked
 * up in the table.
 */
static int64
find_lost(MlsKeySnapshot *snapshot)
{
	return mls_snapshot_execute(snapshot, SPI_OK_INSERT,
								psprintf("INSERT INTO %s (key, wanted) SELECT b.key, true FROM "
										 "(SELECT o.key FROM %s o WHERE NOT EXISTS "
										 "(SELECT FROM %s l WHERE l.key = o.key) OFFSET 0) m "
										 "JOIN %s b ON b.key = m.key "
										 "WHERE b.deleted_at IS NULL AND b.fetched_at < $1",
										 snapshot->table, snapshot->bronze, snapshot->table,
										 snapshot->bronze));
}

/* Asks for each missing key by name; what comes is not lost. */
static int64
confirm(MlsKeySnapshot *snapshot, int64 lost)
{
	MlsRun *run = snapshot->run;
	MlsBatch *batch;
	int64 confirmed;

	if (lost == 0)
		return 0;
	mls_run_enter(run, "confirming");
	while ((batch = mls_key_fetch_next(snapshot, true)) != NULL)
	{
		MlsCounters counters = run->counters;

		mls_run_begin_step(run);
		mls_snapshot_settle(snapshot, batch);
		counters.pages++;
		mls_run_end_step(run, &counters);
	}
	confirmed = mls_snapshot_wanted(snapshot);
	if (confirmed + snapshot->refused < lost)
		mls_run_note(run, "%s",
					 mls_counted(lost - confirmed - snapshot->refused,
								 "record that the list of keys lacked is at the source and stays",
								 "records that the list of keys lacked are at the source and "
								 "stay"));
	return confirmed;
}

/* ---- Removing ---- */

/* Finds what is fed by the records that will go; a purge does nothing else for them. */
static void
begin_removal(MlsRun *run)
{
	MlsCounters counters = run->counters;

	mls_run_begin_step(run);
	mls_related_records_begin(run);
	mls_run_end_step(run, &counters);
}

/* Removes the records of some keys, and their children, in one transaction. */
static void
remove_step(MlsRun *run, const List *keys)
{
	const MlsSubscription *sub = run->sub;
	MlsCounters counters = run->counters;

	mls_run_begin_step(run);
	mls_related_records_remove(run->children, keys);
	mls_files_forget(sub->id);
	mls_select(psprintf("SELECT %s FROM %s b WHERE b.key = ANY ($1) AND b.deleted_at IS NULL",
						mls_bronze_columns(sub), mls_qualified_name(sub->bronze)),
			   mls_arg_list(keys));
	counters.deleted += mls_bronze_remove_found(run->id, sub, run->table, run->writer);
	mls_run_end_step(run, &counters);
}

static void
remove_lost(MlsKeySnapshot *snapshot)
{
	MlsRun *run = snapshot->run;
	List *keys;

	begin_removal(run);
	mls_run_enter(run, "removing");
	snapshot->last_key = NULL;
	while ((keys = mls_snapshot_next(snapshot, BATCH_KEYS)) != NIL)
		remove_step(run, keys);
	mls_related_records_note(run->children);
}

/* Whoever reads that a purge has failed wants to know first what it took away. */
static void
removed_context_callback(void *arg)
{
	const MlsRun *run = arg;

	if (run->counters.deleted == 0)
		errcontext("nothing was removed");
	else
		errcontext("%s had been removed", mls_counted(run->counters.deleted, "record", "records"));
}

static void
compare_and_remove(MlsRun *run)
{
	MlsKeySnapshot *snapshot = mls_snapshot_read(run, false, true);
	int64 rows = rows_here(snapshot);
	int64 lost;

	mls_snapshot_require_complete(snapshot);
	require_some(snapshot, rows);
	lost = find_lost(snapshot);
	/* What a list that may be short lacks says little before it was asked for by name. */
	if (!snapshot->unproven)
		require_limit(run, lost, rows);
	lost = confirm(snapshot, lost);
	if (snapshot->unproven)
		require_limit(run, lost, rows);
	run->outcome->drift = lost;
	if (run->task->dry_run)
		mls_run_note(run, "dry run: " INT64_FORMAT " of %s would be removed", lost,
					 mls_counted(rows, "record", "records"));
	else if (lost > 0)
		remove_lost(snapshot);
}

/* Is this a copy of what was ever there, of which nothing is removed? */
static bool
keeps_all(const MlsRun *run)
{
	const MlsProtocol *protocol = run->table->source->protocol;

	return protocol->keeps_gone && protocol->keeps_gone(run->table);
}

static void
purge_work(MlsRun *run)
{
	ErrorContextCallback callback = {
		.callback = removed_context_callback, .arg = run, .previous = error_context_stack};

	if (keeps_all(run))
	{
		mls_run_note(run, "records stay here that the source has no more, as its option mode says");
		return;
	}
	error_context_stack = &callback;
	compare_and_remove(run);
	error_context_stack = callback.previous;
}

static const char *
purge_complete(MlsRun *run)
{
	return run->state ? mls_snapshot_complete(run) : run->sub->cursor_timestamp;
}

static void
purge_spent(MlsRun *run, MlsCounters *counters)
{
	if (run->state != NULL)
		mls_snapshot_spent(run->state, counters);
}

static void
purge_end(MlsRun *run)
{
	if (run->state != NULL)
		mls_snapshot_end(run->state);
}

const MlsProcess mls_purge_process = {
	.name = "purge",
	.patient = true,
	.work = purge_work,
	.complete = purge_complete,
	.spent = purge_spent,
	.end = purge_end,
};
