/*
 * reconcile.c
 *		The process reconcile: what is missing or different here is fetched.
 *
 * Keys and timestamps of all records are listed and compared with bronze; where
 * the instants differ, in whichever direction, the record is asked for by its
 * key and the source's version wins, even over a newer one here.  Nothing is
 * ever removed: that is purge's business.
 *
 * A record whose page was committed is alike when the next run compares, so an
 * interrupted run costs no record twice; a list that was interrupted goes on.
 */
#include "postgres.h"

#include "base/base.h"
#include "jobs/jobs.h"
#include "read/key_snapshot.h"
#include "write/write.h"

/* Marks the records that are missing or differ; returns how many. */
static int64
find_drift(MlsKeySnapshot *snapshot)
{
	return mls_snapshot_execute(
		snapshot, SPI_OK_UPDATE,
		psprintf("UPDATE %s l SET wanted = true WHERE NOT l.outside AND NOT EXISTS "
				 "(SELECT FROM %s b WHERE b.key = l.key AND b.deleted_at IS NULL AND "
				 "b.modified_at IS NOT DISTINCT FROM l.modified_at)",
				 snapshot->table, snapshot->bronze));
}

/* How many of the marked records are here in some other version that fits a condition. */
static int64
count_here(MlsKeySnapshot *snapshot, const char *condition)
{
	return mls_snapshot_execute(
		snapshot, SPI_OK_SELECT,
		psprintf("SELECT pg_catalog.count(*) FROM %s l JOIN %s b ON b.key = l.key "
				 "WHERE l.wanted AND b.deleted_at IS NULL AND %s",
				 snapshot->table, snapshot->bronze, condition));
}

/* Records what the comparison found. */
static void
note_drift(MlsKeySnapshot *snapshot, int64 drift)
{
	int64 newer;
	int64 other;

	if (drift == 0 && !snapshot->run->task->dry_run)
		return;
	newer = count_here(snapshot, "b.modified_at > l.modified_at");
	other = count_here(snapshot, "(b.modified_at > l.modified_at) IS NOT TRUE");
	mls_run_note(
		snapshot->run,
		"%smissing here: " INT64_FORMAT ", older here: " INT64_FORMAT ", newer here: " INT64_FORMAT,
		snapshot->run->task->dry_run ? "dry run: " : "", drift - newer - other, other, newer);
}

/* One page of records in one transaction. */
static void
store_page(MlsKeySnapshot *snapshot, MlsBatch *batch)
{
	MlsRun *run = snapshot->run;
	MlsCounters counters = run->counters;

	mls_related_records_read(run->children, batch);
	mls_run_begin_step(run);
	mls_related_leave_out(run->bounds, batch);
	mls_quarantine_store(run, batch, &counters);
	mls_related_records_store(run->children);
	mls_snapshot_settle(snapshot, batch);
	counters.received = run->counters.received; /* what it counts is keys */
	counters.pages++;
	mls_run_end_step(run, &counters);
}

static void
fetch_drift(MlsKeySnapshot *snapshot)
{
	MlsBatch *batch;
	int64 vanished;

	mls_run_enter(snapshot->run, "fetching");
	mls_writer_trust(snapshot->run->writer);
	while ((batch = mls_key_fetch_next(snapshot, false)) != NULL)
		store_page(snapshot, batch);
	mls_related_records_note(snapshot->run->children);
	vanished = mls_snapshot_wanted(snapshot);
	if (vanished > 0)
		mls_run_note(snapshot->run, "%s not at the source any more when asked for",
					 mls_counted(vanished, "record was", "records were"));
}

static void
reconcile_work(MlsRun *run)
{
	MlsKeySnapshot *snapshot = mls_snapshot_read(run, true, false);
	int64 drift;

	mls_snapshot_require_complete(snapshot);
	drift = find_drift(snapshot);
	run->outcome->drift = drift;
	if (snapshot->outside > 0)
		mls_run_note(run, "%s to records that are not here",
					 mls_counted(snapshot->outside, "belongs", "belong"));
	note_drift(snapshot, drift);
	if (drift > 0 && !run->task->dry_run)
		fetch_drift(snapshot);
}

/* What others had removed is here again: what is believed to be here is put right. */
static const char *
reconcile_complete(MlsRun *run)
{
	if (run->outcome->drift > 0 && !run->task->dry_run)
		mls_count_local(run->sub->id, run->sub->silver);
	return mls_snapshot_complete(run);
}

static void
reconcile_spent(MlsRun *run, MlsCounters *counters)
{
	if (run->state != NULL)
		mls_snapshot_spent(run->state, counters);
	mls_related_records_spent(run->children, counters);
}

static void
reconcile_end(MlsRun *run)
{
	if (run->state != NULL)
		mls_snapshot_end(run->state);
}

const MlsProcess mls_reconcile_process = {
	.name = "reconcile",
	.patient = true,
	.prepare = mls_related_records_begin,
	.work = reconcile_work,
	.complete = reconcile_complete,
	.spent = reconcile_spent,
	.end = reconcile_end,
};
