/*
 * sync.c
 *		The process sync: what is new at the source, page after page.
 *
 * A page is written with the position it leads to, so whatever happens the
 * cursor stands where the last committed page left it.  A load of everything may
 * be shared by several processes: see parallel_load.c.
 */
#include "postgres.h"

#include "base/base.h"
#include "gold/gold_write.h"
#include "jobs/jobs.h"
#include "jobs/parallel.h"
#include "read/key_snapshot.h"
#include "write/write.h"

/* Children first: with them the scope changes. */
static void
sync_prepare(MlsRun *run)
{
	mls_children_begin(run);
	mls_scope_prepare(run);
	mls_timestamps_begin(run);
}

/* One page with its counters, and its position if it has one, in one transaction. */
static void
store(MlsRun *run, MlsBatch *batch, const MlsPosition *position)
{
	MlsCounters counters = run->counters;

	mls_children_read(run->children, batch);
	mls_run_begin_step(run);
	mls_fed_leave_out(run->bounds, batch);
	mls_reject_store(run, batch, &counters);
	mls_children_store(run->children);
	mls_fetch_note_unknown(run->state, run->sub, run->id);
	mls_timestamps_see(run->timestamps, batch);
	counters.pages++;
	if (run->range == NULL)
		counters.expected = Max(mls_fetch_expected(run->state), 0);
	if (position != NULL && run->range != NULL)
		mls_range_reach(run->sub, run->range, position, batch->nitems);
	else if (position != NULL)
		mls_subscription_reach(run->sub, position);
	mls_run_end_step(run, &counters);
}

static void
store_page(MlsRun *run, MlsBatch *batch)
{
	MlsPosition position = mls_fetch_position(run->state);

	store(run, batch, &position);
}

/* A page that came by another timestamp: the cursor does not stand in it. */
static void
store_other_page(MlsRun *run, MlsBatch *batch)
{
	store(run, batch, NULL);
}

/* Gold that was emptied under the pages; while something is read, remarks are the reading's. */
static void
map_replaced(MlsRun *run)
{
	int64 mapped = -1;
	const char *note;

	while (mls_missing_rows_gold_replaced(run))
	{
		mapped = mls_remap(run);
		mls_children_follow(run->children);
	}
	if (mapped < 0)
		return;
	note = psprintf("gold was emptied or rewritten meanwhile: %s mapped again",
					mls_counted(mapped, "record was", "records were"));
	if (run->state != NULL)
		mls_fetch_remark(run->state, note);
	else
		mls_run_note(run, "%s", note);
}

static void
sync_work(MlsRun *run)
{
	MlsBatch *batch;

	mls_scope_fill(run);
	mls_remap_own(run);
	mls_children_follow(run->children);
	run->reads_all = mls_bound_cursor(run->sub) == NULL && run->sub->resume_timestamp == NULL &&
					 run->sub->resume_link == NULL;
	if (mls_load(run, store_page))
	{
		map_replaced(run);
		return;
	}
	run->state =
		mls_fetch_begin(run->table, run->sub, NIL, mls_timestamps_together(run->timestamps));
	if (run->note != NULL)
		mls_fetch_remark(run->state, run->note);
	while ((batch = mls_fetch_next(run->state)) != NULL)
		store_page(run, batch);
	mls_timestamps_read(run->timestamps, store_other_page);
	map_replaced(run);
}

static const char *
sync_complete(MlsRun *run)
{
	bool shared = run->state == NULL;
	MlsPosition cursor = shared ? mls_load_newest(run) : mls_fetch_newest(run->state);
	int64 total = shared ? mls_load_total(run->load) : mls_fetch_total(run->state);

	mls_children_note(run->children);
	if (run->reads_all)
		mls_issue_all_read(run->sub, run->id);
	if (run->counters.received > 0)
		mls_issue_fields_came(run->sub, run->id);
	if (!shared)
		mls_timestamps_complete(run->timestamps, mls_fetch_began(run->state));
	mls_subscription_complete(run->sub, &cursor, run->table->source->timezone);
	mls_count_note_proven(run->sub, run->table);
	/* What flags its removed records counts them, too. */
	if (total >= 0 && !mls_total_is_refuted(run->table) &&
		run->table->source->platform.deletion_flag == NULL && run->bounds == NIL)
		mls_count_note_remote(run->sub->id, total);
	return cursor.timestamp;
}

/* Requests and bytes so far, and what the reading found remarkable. */
static void
sync_spent(MlsRun *run, MlsCounters *counters)
{
	if (run->state != NULL)
		mls_fetch_spent(run->state, counters);
	mls_load_spent(run->load, counters);
	mls_timestamps_spent(run->timestamps, counters);
	mls_children_spent(run->children, counters);
	if (run->state != NULL && run->range == NULL)
		run->note = mls_fetch_note(run->state);
}

static void
sync_end(MlsRun *run)
{
	if (run->state != NULL)
		mls_fetch_end(run->state);
	mls_timestamps_end(run->timestamps);
}

static void
ranges_work(MlsRun *run)
{
	mls_load_help(run, store_page);
	mls_children_note(run->children);
}

const MlsProcess mls_sync_process = {
	.name = "sync",
	.prepare = sync_prepare,
	.forecast = mls_forecast,
	.work = sync_work,
	.complete = sync_complete,
	.backs_off = true,
	.spent = sync_spent,
	.end = sync_end,
};

/* The part of a helper in a load that is shared. */
const MlsProcess mls_ranges_process = {
	.name = "sync",
	.helps = true,
	.prepare = mls_children_begin,
	.work = ranges_work,
	.spent = sync_spent,
	.end = sync_end,
};
