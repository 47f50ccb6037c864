/*
 * timestamps.c
 *		What changed by other timestamps than the cursor's (option timestamps).
 *
 * Photos may change without the modification timestamp of their listing.  Where
 * pages come by timestamp, each further field is read after them, in an order of
 * its own, from where it was complete; records that the main pages have brought
 * anyway are left out.  Elsewhere all are asked for together, if the source can be.
 * Fields that are null are not met, which is right: they have not changed.
 *
 * How far a field is complete is learned from all records of a run, whichever way
 * they came, and never lies after the instant the run began to read.  The first
 * load brings everything, so that it reads no further field.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "read/read.h"

/* One further field. */
typedef struct Clock
{
	const char *field;
	char *cursor;  /* complete up to here, or NULL */
	char *reached; /* newest met, or NULL */
} Clock;

struct MlsTimestamps
{
	MlsRun *run;
	List *clocks;  /* of Clock * */
	bool together; /* the main pages bring all */
	MemoryContext context;
	MemoryContext batch_context;
	MlsReader *fetch;  /* of the field being read, or NULL */
	MlsCounters spent; /* by those already read */
};

static void
read_clock(const MlsRun *run, Clock *clock)
{
	char *cursor;
	char *reached;

	mls_select("SELECT timestamps->$2->>'cursor', timestamps->$2->>'reached' "
			   "FROM mls.subscription WHERE id = $1",
			   mls_arg_int8(run->sub->id), mls_arg_text(clock->field));
	cursor = mls_text_at(0, 1);
	reached = mls_text_at(0, 2);
	clock->cursor = cursor ? MemoryContextStrdup(run->context, cursor) : NULL;
	clock->reached = reached ? MemoryContextStrdup(run->context, reached) : NULL;
}

static void
write_clock(const MlsRun *run, const Clock *clock)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET timestamps = timestamps || "
					"pg_catalog.jsonb_build_object($2, pg_catalog.jsonb_build_object("
					"'cursor', $3, 'reached', $4)) WHERE id = $1",
					mls_arg_int8(run->sub->id), mls_arg_text(clock->field),
					mls_arg_text(clock->cursor), mls_arg_text(clock->reached));
}

/* Prepares the further fields of a run, in a transaction; run->timestamps stays NULL without any. */
void
mls_timestamps_begin(MlsRun *run)
{
	MemoryContext before = MemoryContextSwitchTo(run->context);
	MlsTimestamps *timestamps = palloc0(sizeof(MlsTimestamps));
	ListCell *lc;

	timestamps->run = run;
	foreach (lc, run->table->timestamp ? run->table->timestamps : NIL)
	{
		Clock *clock = palloc0(sizeof(Clock));

		clock->field = lfirst(lc);
		if (mls_table_column(run->table, clock->field) == NULL)
			ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("foreign table %s has no column for timestamp field \"%s\"",
						   run->table->name, clock->field),
					errhint("Add a column with the option field '%s', or set the option "
							"timestamps of the foreign table.",
							clock->field));
		read_clock(run, clock);
		timestamps->clocks = lappend(timestamps->clocks, clock);
	}
	if (timestamps->clocks != NIL)
	{
		timestamps->context =
			AllocSetContextCreate(run->context, "mls_fdw timestamps", ALLOCSET_DEFAULT_SIZES);
		timestamps->batch_context =
			AllocSetContextCreate(run->context, "mls_fdw batch", ALLOCSET_DEFAULT_SIZES);
		run->timestamps = timestamps;
	}
	MemoryContextSwitchTo(before);
}

/* ---- Seeing ---- */

/* The newest value of a field in a batch that is later than what was reached; NULL if there is none. */
static char *
newest_in(const MlsTimestamps *timestamps, const Clock *clock, const MlsBatch *batch)
{
	const char *timezone = timestamps->run->table->source->timezone;
	TimestampTz tomorrow = GetCurrentTimestamp() + USECS_PER_DAY;
	char *newest = clock->reached;
	MlsExactTime last;
	bool known = newest != NULL && mls_exact_time_read(newest, timezone, &last);

	for (int i = 0; i < batch->nitems; i++)
	{
		const MlsSlice *slice = mls_record_field(batch->items[i].record, clock->field);
		char *text = slice ? mls_slice_text(slice) : NULL;
		MlsExactTime at;

		if (text == NULL || !mls_exact_time_read(text, timezone, &at) || at.at > tomorrow ||
			(known && mls_exact_time_compare(&at, &last) <= 0))
			continue;
		newest = text;
		last = at;
		known = true;
	}
	return newest == clock->reached ? NULL : newest;
}

/* Notes what a page shows of the further fields, in the page's transaction. */
void
mls_timestamps_see(MlsTimestamps *timestamps, const MlsBatch *batch)
{
	ListCell *lc;

	foreach (lc, timestamps ? timestamps->clocks : NIL)
	{
		Clock *clock = lfirst(lc);
		char *newest = newest_in(timestamps, clock, batch);

		if (newest == NULL)
			continue;
		clock->reached = MemoryContextStrdup(timestamps->run->context, newest);
		write_clock(timestamps->run, clock);
	}
}

/* ---- Reading ---- */

/*
 * What the main pages have not brought: records modified before these began, or
 * without a modification timestamp, as far as the source can be asked for those.
 */
static MlsCondition *
not_brought(const MlsRun *run)
{
	const MlsTable *table = run->table;
	MlsCondition *before =
		linitial(mls_cursor_within(table, NULL, mls_cursor_start(table, run->sub)));
	MlsCondition *either = mls_cursor_any(lcons(before, mls_cursor_untimed(table)));

	return mls_condition_fit(table, either) == MLS_FIT_NO ? before : either;
}

/* The table and the subscription, as if another field were the cursor's. */
static void
view_by(const MlsRun *run, const Clock *clock, MlsTable *table, MlsSubscription *sub)
{
	*table = *run->table;
	table->timestamp = clock->field;
	*sub = *run->sub;
	/* A field that no record has had yet has changed since the cursor, if at all. */
	sub->cursor_timestamp = clock->cursor ? clock->cursor : run->sub->cursor_timestamp;
	sub->cursor_key = NULL;
	sub->resume_timestamp = sub->resume_key = sub->resume_link = NULL;
	sub->resume_received = 0;
	sub->resume_since = 0;
}

/*
 * The further fields as conditions beside the cursor's, for one request that brings
 * all (List of MlsCondition *); NIL where each is read by itself.
 */
List *
mls_timestamps_together(MlsTimestamps *timestamps)
{
	const MlsRun *run = timestamps ? timestamps->run : NULL;
	List *others = NIL;
	List *all;
	ListCell *lc;

	if (run == NULL || !mls_reader_by_links(run->table) || mls_cursor_of(run->sub) == NULL)
		return NIL;
	foreach (lc, timestamps->clocks)
	{
		MlsTable table;
		MlsSubscription sub;

		view_by(run, lfirst(lc), &table, &sub);
		others = list_concat(others, mls_cursor_from(&table, mls_cursor_start(&table, &sub)));
	}
	all = list_concat(mls_cursor_from(run->table, mls_cursor_start(run->table, run->sub)), others);
	timestamps->together = mls_condition_fit(run->table, mls_cursor_any(all)) != MLS_FIT_NO;
	return timestamps->together ? others : NIL;
}

static MlsReader *
begin_fetch(const MlsRun *run, const Clock *clock)
{
	MlsTable *table = palloc(sizeof(MlsTable));
	MlsSubscription *sub = palloc(sizeof(MlsSubscription));

	view_by(run, clock, table, sub);
	return mls_reader_begin(table, sub, list_make1(not_brought(run)), NIL);
}

static void
end_fetch(MlsTimestamps *timestamps)
{
	MlsCounters counters = {0};

	if (timestamps->fetch == NULL)
		return;
	mls_reader_spent(timestamps->fetch, &counters);
	timestamps->spent.requests += counters.requests;
	timestamps->spent.bytes += counters.bytes;
	mls_reader_end(timestamps->fetch);
	timestamps->fetch = NULL;
}

/* Reads the further fields that did not come together; a page is made anew, for its own timestamps are the cursor's. */
void
mls_timestamps_read(MlsTimestamps *timestamps, MlsStorePage store)
{
	MemoryContext before = CurrentMemoryContext;
	ListCell *lc;

	foreach (lc, timestamps ? timestamps->clocks : NIL)
	{
		MlsRun *run = timestamps->run;
		const Clock *clock = lfirst(lc);
		MlsBatch *batch;

		if (timestamps->together || mls_cursor_of(run->sub) == NULL)
			continue;
		MemoryContextReset(timestamps->context);
		MemoryContextSwitchTo(timestamps->context);
		timestamps->fetch = begin_fetch(run, clock);
		while ((batch = mls_reader_next(timestamps->fetch)) != NULL)
		{
			MemoryContextReset(timestamps->batch_context);
			MemoryContextSwitchTo(timestamps->batch_context);
			store(run, mls_batch_read(run->table, batch->items[0].record, batch->nitems));
		}
		end_fetch(timestamps);
	}
	MemoryContextSwitchTo(before);
}

/* ---- Ending ---- */

/* All fields are complete up to the newest met, but not past the beginning of the run. */
void
mls_timestamps_complete(MlsTimestamps *timestamps, TimestampTz began)
{
	ListCell *lc;

	foreach (lc, timestamps ? timestamps->clocks : NIL)
	{
		const MlsSource *source = timestamps->run->table->source;
		Clock *clock = lfirst(lc);
		MlsExactTime at;

		if (clock->reached == NULL || !mls_exact_time_read(clock->reached, source->timezone, &at))
			continue;
		clock->cursor = began != 0 && at.at > began
							? mls_exact_time_text(began, source->platform.timestamp_digits)
							: clock->reached;
		write_clock(timestamps->run, clock);
	}
}

/* Adds requests and bytes so far. */
void
mls_timestamps_spent(const MlsTimestamps *timestamps, MlsCounters *counters)
{
	MlsCounters now = {0};

	if (timestamps == NULL)
		return;
	if (timestamps->fetch != NULL)
		mls_reader_spent(timestamps->fetch, &now);
	counters->requests += timestamps->spent.requests + now.requests;
	counters->bytes += timestamps->spent.bytes + now.bytes;
}

void
mls_timestamps_end(MlsTimestamps *timestamps)
{
	if (timestamps != NULL)
		end_fetch(timestamps);
}
