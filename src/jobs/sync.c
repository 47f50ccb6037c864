/*
 * sync.c
 *		The process sync: what is new at the source, page after page.
 *
 * A page is written with the position it leads to, so whatever happens the
 * cursor stands where the last committed page left it.  A load of everything may
 * be shared by several processes: see parallel_load.c.
 *
 * A dry run costs one request, for the source's count; everything else is computed.
 * How many bytes a record takes is known from earlier runs, or from bronze: where
 * there are neither, it is not known, and nothing is said.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "base/base.h"
#include "gold/gold_write.h"
#include "jobs/jobs.h"
#include "jobs/parallel.h"
#include "read/key_snapshot.h"
#include "step/source_file.h"
#include "write/write.h"

/* Children first: with them the scope changes. */
static void
sync_prepare(MlsRun *run)
{
	mls_related_records_begin(run);
	mls_scope_prepare(run);
	mls_timestamps_begin(run);
}

/* One page with its counters, and its position if it has one, in one transaction. */
static void
store(MlsRun *run, MlsBatch *batch, const MlsPosition *position)
{
	MlsCounters counters = run->counters;

	mls_related_records_read(run->children, batch);
	mls_run_begin_step(run);
	mls_related_leave_out(run->bounds, batch);
	mls_quarantine_store(run, batch, &counters);
	mls_related_records_store(run->children);
	mls_reader_note_unknown(run->state, run->sub, run->id);
	mls_timestamps_see(run->timestamps, batch);
	mls_files_store(run);
	counters.pages++;
	if (run->range == NULL)
		counters.expected = Max(mls_reader_expected(run->state), 0);
	if (position != NULL && run->range != NULL)
		mls_range_reach(run->sub, run->range, position, batch->nitems);
	else if (position != NULL)
		mls_subscription_reach(run->sub, position);
	mls_run_end_step(run, &counters);
}

static void
store_page(MlsRun *run, MlsBatch *batch)
{
	MlsPosition position = mls_reader_position(run->state);

	store(run, batch, &position);
}

/* While something is read, remarks are the reading's. */
static void
remark(MlsRun *run, const char *note)
{
	if (run->state != NULL)
		mls_reader_remark(run->state, note);
	else
		mls_run_note(run, "%s", note);
}

static void
note_unread(MlsRun *run)
{
	const char *words = mls_files_note_unread(run);

	if (words)
		remark(run, words);
}

/* Files of which no page has come, and what became of the last one. */
static void
store_files(MlsRun *run)
{
	MlsCounters counters = run->counters;

	if (mls_files_have_news(run))
	{
		mls_run_begin_step(run);
		mls_files_store(run);
		mls_run_end_step(run, &counters);
	}
	if (run->table->files && run->table->files->passed_over)
		run->reads_all = false;
	/* Of other sources that is a record which has changed meanwhile. */
	if (run->table->files && mls_reader_repeated(run->state) > 0)
		mls_reader_remark(run->state, mls_counted(mls_reader_repeated(run->state),
												  "row has the key of another, and the last counts",
												  "rows have keys of others, and the last counts"));
	if (run->table->files && run->table->files->waiting > 0)
		mls_reader_remark(
			run->state,
			psprintf("%s for a later sync, for the option settle wants files that "
					 "were not written just now",
					 mls_counted(run->table->files->waiting, "file waits", "files wait")));
	note_unread(run);
	mls_files_require(run);
}

/* What was left out of all layers: the run ends well, and who looks at it has to see that. */
static void
note_rejected(MlsRun *run)
{
	int64 rejected = mls_issues_rejected(mls_writer_issues(run->writer));

	if (rejected > 0)
		remark(run,
			   psprintf("%s (%s); mls.issue has each",
						mls_counted(rejected, "record was not stored", "records were not stored"),
						mls_issues_first_rejected(mls_writer_issues(run->writer))));
}

/* A page that came by another timestamp: the cursor does not stand in it. */
static void
store_other_page(MlsRun *run, MlsBatch *batch)
{
	store(run, batch, NULL);
}

/* Gold that was emptied under the pages. */
static void
map_replaced(MlsRun *run)
{
	int64 mapped = -1;

	while (mls_missing_rows_gold_replaced(run))
	{
		mapped = mls_remap(run);
		mls_related_records_follow(run->children);
	}
	if (mapped >= 0)
		remark(run, psprintf("gold was emptied or rewritten meanwhile: %s mapped again",
							 mls_counted(mapped, "record was", "records were")));
}

/* Was a load of everything interrupted, which this run goes on with behind a timestamp? */
static bool
goes_on_with_load(const MlsRun *run)
{
	/* What flags its removed records counts them, too, and gives each a timestamp. */
	return mls_cursor_of(run->sub) == NULL && run->sub->resume_timestamp != NULL &&
		   run->bounds == NIL && run->table->source->platform.deletion_flag == NULL;
}

/*
 * Of records that were here before everything is read again, those without a timestamp
 * may have been passed over, whatever their number says.
 */
static bool
may_pass_over_untimed(const MlsRun *run)
{
	if (!run->sub->reading_all)
		return false;
	mls_select(psprintf("SELECT EXISTS (SELECT FROM %s WHERE modified_at IS NULL "
						"AND deleted_at IS NULL)",
						mls_qualified_name(run->sub->bronze)));
	return mls_bool_at(0, 1);
}

/* Does such a load lack records after all?  Then they are read now. */
static bool
goes_over(MlsRun *run)
{
	int64 stored;

	mls_transaction_begin(run->sub->owner);
	stored = may_pass_over_untimed(run) ? -1 : mls_count_stored(run->sub->id);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	return mls_reader_goes_over(run->state, stored);
}

static void
read_all(MlsRun *run)
{
	bool was_interrupted = goes_on_with_load(run);
	MlsBatch *batch;

	run->reads_all = mls_cursor_of(run->sub) == NULL && run->sub->resume_timestamp == NULL &&
					 run->sub->resume_link == NULL;
	if (run->reads_all)
		mls_missing_rows_count(run);
	mls_scope_fill(run);
	mls_remap_own(run);
	mls_related_records_follow(run->children);
	mls_files_begin(run);
	/* Files are read one after another, by who keeps account of them. */
	if (run->table->files == NULL && mls_load(run, store_page))
	{
		map_replaced(run);
		return;
	}
	run->state =
		mls_reader_begin(run->table, run->sub, NIL, mls_timestamps_together(run->timestamps));
	if (run->note != NULL)
		mls_reader_remark(run->state, run->note);
	do
	{
		while ((batch = mls_reader_next(run->state)) != NULL)
		{
			if (run->counters.pages == 0 && run->table->files == NULL &&
				mls_load_grown(run, store_page))
			{
				map_replaced(run);
				return;
			}
			store_page(run, batch);
		}
	} while (was_interrupted && goes_over(run));
	store_files(run);
	mls_timestamps_read(run->timestamps, store_other_page);
	map_replaced(run);
}

static void
sync_work(MlsRun *run)
{
	read_all(run);
	note_rejected(run);
}

static const char *
sync_complete(MlsRun *run)
{
	bool shared = run->state == NULL;
	MlsPosition cursor = shared ? mls_load_newest(run) : mls_reader_newest(run->state);
	int64 total = shared ? mls_load_total(run->load) : mls_reader_total(run->state);

	mls_related_records_note(run->children);
	if (run->reads_all)
		mls_issue_all_read(run->sub, run->id);
	if (run->counters.received > 0)
		mls_issue_fields_came(run->sub, run->id);
	if (!shared)
		mls_timestamps_complete(run->timestamps, mls_reader_began(run->state));
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
		mls_reader_spent(run->state, counters);
	mls_load_spent(run->load, counters);
	mls_timestamps_spent(run->timestamps, counters);
	mls_related_records_spent(run->children, counters);
	if (run->state != NULL && run->range == NULL)
		run->note = mls_reader_note(run->state);
}

static void
sync_end(MlsRun *run)
{
	if (run->state != NULL)
		mls_reader_end(run->state);
	mls_timestamps_end(run->timestamps);
}

static void
ranges_work(MlsRun *run)
{
	mls_load_help(run, store_page);
	mls_related_records_note(run->children);
}

/* ---- What a sync would do ---- */

/* Records of bronze that are looked at for their size. */
#define SAMPLE_RECORDS 200

/* A number that a query finds; -1 for NULL. */
static double
number_found(const char *sql, int64 subscription)
{
	bool isnull;
	Datum value;

	mls_select(sql, mls_arg_int8(subscription));
	value = mls_cell(SPI_tuptable, 0, 1, &isnull);
	return isnull ? -1 : DatumGetFloat8(value);
}

/* What a record weighs on its way here, after decompression; -1 if nobody knows. */
static double
bytes_per_record(const MlsSubscription *sub)
{
	double bytes =
		number_found("SELECT (sum(bytes) / sum(received))::pg_catalog.float8 FROM "
					 "(SELECT bytes, received FROM mls.run WHERE subscription = $1 "
					 "AND process = 'sync' AND received > 0 ORDER BY id DESC LIMIT 10) r",
					 sub->id);

	if (bytes >= 0)
		return bytes;
	return number_found(psprintf("SELECT avg(octet_length(record::text))::pg_catalog.float8 FROM "
								 "(SELECT record FROM %s WHERE $1 > 0 LIMIT %d) r",
								 mls_qualified_name(sub->bronze), SAMPLE_RECORDS),
						sub->id);
}

static char *
pretty_size(double bytes)
{
	return text_to_cstring(
		DatumGetTextPP(DirectFunctionCall1(pg_size_pretty, Int64GetDatum((int64) bytes))));
}

static void
note_expected(MlsRun *run, int64 records, double bytes)
{
	int64 size = mls_cursor_page_size(run->table);
	int64 pages = (records + size - 1) / size;

	mls_run_note(run, "dry run: %s expected, in %s, with about %s, %s",
				 mls_counted(records, "record", "records"), mls_counted(pages, "page", "pages"),
				 mls_counted(Max(pages, 1), "request", "requests"),
				 bytes < 0 ? "of unknown size"
						   : psprintf("about %s", pretty_size(bytes * records)));
}

/* Process sync, dry. */
static void
sync_dry_run(MlsRun *run)
{
	const MlsTable *table = run->table;
	MlsHttpStats spent = {0};
	double bytes;

	mls_transaction_begin(run->sub->owner);
	if (mls_scope_preview(run))
		mls_run_note(run, "everything would be read again");
	bytes = bytes_per_record(run->sub);
	mls_timestamps_begin(run);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	if (!table->source->protocol->countable(table))
	{
		mls_run_note(run, "dry run: the source does not count, so nothing is known in advance");
		return;
	}
	run->counters.received =
		mls_reader_expect(table, run->sub, mls_timestamps_together(run->timestamps), &spent);
	run->counters.requests = spent.requests;
	note_expected(run, run->counters.received, bytes);
}

const MlsProcess mls_sync_process = {
	.name = "sync",
	.prepare = sync_prepare,
	.dry_run = sync_dry_run,
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
	.prepare = mls_related_records_begin,
	.work = ranges_work,
	.spent = sync_spent,
	.end = sync_end,
};
