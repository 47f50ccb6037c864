/*
 * parallel_load.c
 *		A load of everything, shared by several processes.
 *
 * The leader is the process of the run: it holds the lock of the subscription,
 * divides the source into ranges (parallel_range.c), starts helpers, and reads ranges
 * itself.  Whoever is free takes the next range.  A range is read as a run reads
 * everything (page_reader.c), with its bounds as conditions and its position in its own
 * row, so an interrupted load goes on in each range where that was.
 *
 * A record that changes meanwhile gets a timestamp after the load began.  It may
 * move from a range that is still to be read into one that has been read; so the
 * cursor is set when all ranges are done, and not later than the load's beginning:
 * the next run meets the record there.
 *
 * A helper works for its leader only.  It shares a lock that keeps other runs
 * away until it has ended, and it begins nothing once the leader has ended.
 */
#include "postgres.h"

#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "compat.h"
#include "jobs/parallel.h"

/* ---- Helpers ---- */

/* How often the leader shows how far its helpers are, once it waits for them. */
#define PROGRESS_MS 1000

/* After an error the leader waits so long for its helpers to end. */
#define PATIENCE_MS 10000
#define CHECK_MS 20

/* Starts as many helpers as the server has room for: the leader can do without. */
static void
start_helpers(MlsLoad *load, MlsAssignment *assignment)
{
	for (int i = 0; i < assignment->noutcomes; i++)
	{
		MlsHelper *helper = &load->helpers[load->nhelpers];
		MlsShare share = {.first = i, .count = 1};

		if (!mls_worker_start(&helper->handle, "mls_sync_worker_main",
							  UInt32GetDatum(dsm_segment_handle(load->segment)), &share,
							  sizeof(share), "sync helper",
							  psprintf("source %s", load->run->sub->source)))
			return;
		helper->outcome = &assignment->outcomes[i];
		load->nhelpers++;
	}
}

/* A helper that has not done its part ends the run, with its own error. */
static void
judge(MlsLoad *load, const MlsOutcome *outcome)
{
	if (outcome->state == MLS_OUTCOME_FINISHED)
	{
		if (outcome->note[0] != '\0')
			mls_run_note(load->run, "%s", outcome->note);
		return;
	}
	if (outcome->state != MLS_OUTCOME_FAILED)
		ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("a process that helped with the load ended unexpectedly"),
				errhint("The server log says why."));
	load->failed = MemoryContextAlloc(load->run->context, sizeof(MlsOutcome));
	*load->failed = *outcome;
	outcome = load->failed;
	ereport(ERROR, errcode(outcome->sqlstate), errmsg_internal("%s", outcome->message),
			outcome->detail[0] ? errdetail_internal("%s", outcome->detail) : 0,
			outcome->hint[0] ? errhint("%s", outcome->hint) : 0);
}

static bool
has_ended(MlsHelper *helper)
{
	pid_t pid;

	if (!helper->ended)
	{
		BgwHandleStatus status = GetBackgroundWorkerPid(helper->handle, &pid);

		helper->ended = status == BGWH_STOPPED || status == BGWH_POSTMASTER_DIED;
	}
	return helper->ended;
}

/* Judges the helpers that have ended since. */
static void
check_helpers(MlsLoad *load)
{
	for (int i = 0; i < load->nhelpers; i++)
		if (!load->helpers[i].ended && has_ended(&load->helpers[i]))
			judge(load, load->helpers[i].outcome);
}

static bool
all_have_ended(MlsLoad *load)
{
	bool all = true;

	for (int i = 0; i < load->nhelpers; i++)
		all &= has_ended(&load->helpers[i]);
	return all;
}

/* Is a helper still at work? */
static bool
somebody_works(const MlsLoad *load)
{
	for (int i = 0; i < load->nhelpers; i++)
		if (!load->helpers[i].ended)
			return true;
	return false;
}

/* The leader has nothing more to read: shows what the helpers do until they have ended. */
static void
await_helpers(MlsLoad *load)
{
	for (check_helpers(load); somebody_works(load); check_helpers(load))
	{
		MlsCounters counters = load->run->counters;
		int events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							   PROGRESS_MS, PG_WAIT_EXTENSION);

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (events & WL_TIMEOUT)
		{
			mls_run_begin_step(load->run);
			mls_run_end_step(load->run, &counters);
		}
	}
}

/*
 * PG_ENSURE_ERROR_CLEANUP: whatever ends the leader ends its helpers.  After an
 * error it waits for them, so that the next run need not; on its way out it cannot.
 */
static void
stop_helpers(int code, Datum arg)
{
	MlsLoad *load = (MlsLoad *) DatumGetPointer(arg);
	int waits = code == 0 ? PATIENCE_MS / CHECK_MS : 0;

	pg_atomic_write_u32(&load->crew->stop, 1);
	pg_memory_barrier();
	for (int i = 0; i < load->nhelpers; i++)
		if (!load->helpers[i].ended)
			TerminateBackgroundWorker(load->helpers[i].handle);
	while (waits-- > 0 && !all_have_ended(load))
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, CHECK_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/* ---- Beginning ---- */

/* Where nobody says how many processes: each has at least so many records to read. */
#define RECORDS_OF_PROCESS 10000

/* How many processes the load of so many records is for; what the server option says comes first. */
static int
processes(const MlsRun *run, int64 records)
{
	int wanted = run->table->source->workers;

	if (wanted == 0)
		wanted = (int) Min(sysconf(_SC_NPROCESSORS_ONLN), records / RECORDS_OF_PROCESS);
	return Max(Min(Min(wanted, run->task->workers), MLS_MOST_PARTS), 1);
}

/* Is this the beginning of a load that can be shared? */
static bool
can_be_shared(const MlsRun *run)
{
	const MlsSubscription *sub = run->sub;
	const MlsTable *table = run->table;
	const MlsPlatform *platform = &table->source->platform;

	return table->timestamp != NULL && mls_cursor_of(sub) == NULL &&
		   sub->resume_timestamp == NULL && sub->resume_link == NULL &&
		   platform->ordering == MLS_ORDER_ANY && platform->or_allowed &&
		   table->source->protocol->countable(table) && list_length(table->key) == 1 &&
		   table->timestamps == NIL;
}

static List *
read_ranges(const MlsRun *run)
{
	List *ranges;

	mls_transaction_begin(run->sub->owner);
	MemoryContextSwitchTo(run->context);
	ranges = mls_range_list(run->sub);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	return ranges;
}

static void
write_ranges(MlsRun *run, List *ranges)
{
	MlsCounters counters = run->counters;
	ListCell *lc;

	mls_run_begin_step(run);
	foreach (lc, ranges)
		mls_range_add(run->sub, lfirst(lc));
	mls_run_end_step(run, &counters);
}

static MlsLoad *
new_load(MlsRun *run)
{
	MlsLoad *load = MemoryContextAllocZero(run->context, sizeof(MlsLoad));

	load->run = run;
	run->load = load;
	return load;
}

/*
 * Nobody has asked for it, so what the source refuses here is no fault of the run: it may
 * never be asked for otherwise.
 */
static List *
divide_if_possible(MlsRun *run, int parts)
{
	MemoryContext before = CurrentMemoryContext;
	List *volatile ranges = NIL;

	PG_TRY();
	{
		ranges = mls_divide(run->table, parts, &run->load->spent);
	}
	PG_CATCH();
	{
		ErrorData *error = mls_error_catch(before);

		mls_http_forget_failure();
		mls_reader_remark(run->state, psprintf("the load could not be shared: %s", error->message));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
	return ranges;
}

/* Divides a load of so many records among processes; false: it is not shared. */
static bool
divide(MlsRun *run, int64 records)
{
	int parts = processes(run, records);
	MlsLoad *load;

	if (parts <= 1 || !can_be_shared(run))
		return false;
	load = new_load(run);
	if (run->table->source->workers == 0)
		load->ranges = divide_if_possible(run, parts);
	else
		load->ranges = mls_divide(run->table, parts, &load->spent);
	if (load->ranges == NIL)
		return false;
	write_ranges(run, load->ranges);
	return true;
}

/* Finds the ranges of an interrupted load. */
static bool
find_ranges(MlsRun *run)
{
	List *ranges = read_ranges(run);

	if (ranges == NIL)
		return false;
	new_load(run)->ranges = ranges;
	return true;
}

/* ---- Reading a range ---- */

static List *
range_conditions(const MlsTable *table, const MlsRange *range)
{
	return range->untimed ? mls_cursor_untimed(table)
						  : mls_cursor_within(table, range->from, range->to);
}

/* The subscription as if the range were all of it. */
static MlsSubscription *
range_subscription(const MlsRun *run, const MlsRange *range)
{
	MlsSubscription *sub = palloc(sizeof(MlsSubscription));

	*sub = *run->sub;
	sub->reading_all = true;
	sub->resume_timestamp = unconstify(char *, range->resume.timestamp);
	sub->resume_key = unconstify(char *, range->resume.key);
	sub->resume_link = unconstify(char *, range->resume.link);
	sub->resume_received = range->resume.received;
	sub->resume_since = range->resume.since;
	return sub;
}

/* The table of a range; records without timestamp have no order. */
static const MlsTable *
range_table(const MlsTable *table, const MlsRange *range)
{
	MlsTable *copy;
	MlsSource *source;

	if (!range->untimed)
		return table;
	copy = palloc(sizeof(MlsTable));
	source = palloc(sizeof(MlsSource));
	*copy = *table;
	*source = *table->source;
	source->platform.ordering = MLS_ORDER_NONE;
	copy->source = source;
	return copy;
}

/* Adds what the reading of a range has spent to what is spent, and ends it. */
static void
end_reading(MlsRun *run)
{
	MlsCounters spent = {0};
	const char *note = mls_reader_note(run->state);

	mls_reader_spent(run->state, &spent);
	run->load->spent.requests += spent.requests;
	run->load->spent.body_bytes += spent.bytes;
	if (note != NULL)
		mls_run_note(run, "%s", note);
	mls_reader_end(run->state);
	run->state = NULL;
	run->range = NULL;
}

static void
complete_range(MlsRun *run)
{
	MlsCounters counters = run->counters;
	MlsPosition newest = mls_reader_newest(run->state);

	mls_run_begin_step(run);
	mls_range_complete(run->sub, run->range, &newest);
	mls_run_end_step(run, &counters);
}

static void
read_range(MlsRun *run, const MlsRange *range, MlsStorePage store)
{
	MemoryContext context =
		AllocSetContextCreate(run->context, "mls_fdw range", ALLOCSET_DEFAULT_SIZES);
	MlsBatch *batch;

	MemoryContextSwitchTo(context);
	run->range = range;
	run->state = mls_reader_begin(range_table(run->table, range), range_subscription(run, range),
								  range_conditions(run->table, range), NIL);
	while ((batch = mls_reader_next(run->state)) != NULL)
	{
		store(run, batch);
		check_helpers(run->load);
	}
	complete_range(run);
	end_reading(run);
	MemoryContextSwitchTo(run->context);
	MemoryContextDelete(context);
}

static const MlsRange *
range_numbered(const MlsLoad *load, int number)
{
	ListCell *lc;

	foreach (lc, load->ranges)
		if (((const MlsRange *) lfirst(lc))->number == number)
			return lfirst(lc);
	ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
			errmsg("a part of the load was removed while it was read"));
}

/* Reads ranges until none is left that nobody works on. */
static void
read_next_ranges(MlsLoad *load, MlsStorePage store)
{
	MlsCrew *crew = load->crew;
	uint32 next;

	while (pg_atomic_read_u32(&crew->stop) == 0 &&
		   (next = pg_atomic_fetch_add_u32(&crew->next, 1)) < crew->nranges)
		read_range(load->run, range_numbered(load, crew->ranges[next]), store);
}

/* ---- What helpers are told ---- */

/* Says which ranges are to be read. */
static void
instruct(MlsLoad *load)
{
	MlsCrew *crew = load->crew;
	ListCell *lc;

	memset(crew, 0, sizeof(MlsCrew));
	pg_atomic_init_u32(&crew->stop, 0);
	pg_atomic_init_u32(&crew->next, 0);
	crew->run = load->run->id;
	foreach (lc, load->ranges)
	{
		const MlsRange *range = lfirst(lc);

		if (!range->done && crew->nranges < MLS_MOST_RANGES)
			crew->ranges[crew->nranges++] = range->number;
	}
}

/* Writes what helpers need to know into shared memory. */
static MlsAssignment *
make_assignment(MlsLoad *load, int helpers)
{
	Size outcomes = offsetof(MlsAssignment, outcomes) + helpers * sizeof(MlsOutcome);
	MlsAssignment *assignment;

	load->segment = dsm_create(MAXALIGN(outcomes) + sizeof(MlsCrew), 0);
	assignment = dsm_segment_address(load->segment);
	memset(assignment, 0, outcomes);
	assignment->database = MyDatabaseId;
	assignment->session_user = GetSessionUserId();
	assignment->role = GetUserId();
	assignment->role_is_superuser = superuser_arg(GetUserId());
	assignment->task = *load->run->task;
	assignment->task.process = MLS_PROCESS_RANGES;
	assignment->noutcomes = helpers;
	for (int i = 0; i < helpers; i++)
	{
		assignment->outcomes[i].subscription = load->run->sub->id;
		assignment->outcomes[i].owner = load->run->sub->owner;
	}
	return assignment;
}

/* What the processes of a load share; it follows what a worker is told. */
MlsCrew *
mls_load_crew(MlsAssignment *assignment)
{
	Size outcomes = offsetof(MlsAssignment, outcomes) + assignment->noutcomes * sizeof(MlsOutcome);

	return (MlsCrew *) ((char *) assignment + MAXALIGN(outcomes));
}

/* The run a helper works for, or 0 if that has ended. */
int64
mls_load_run(const MlsCrew *crew)
{
	pg_memory_barrier();
	return pg_atomic_read_u32(unconstify(pg_atomic_uint32 *, &crew->stop)) ? 0 : crew->run;
}

/* ---- What the process sync calls ---- */

static int
undone(const MlsLoad *load)
{
	int n = 0;
	ListCell *lc;

	foreach (lc, load->ranges)
		n += !((const MlsRange *) lfirst(lc))->done;
	return n;
}

/* Records that are still to be read, as far as the source has counted them. */
static int64
still_expected(const MlsLoad *load)
{
	int64 records = 0;
	ListCell *lc;

	foreach (lc, load->ranges)
	{
		const MlsRange *range = lfirst(lc);

		if (!range->done)
			records += Max(range->expected - range->received, 0);
	}
	return records;
}

/* Reads the ranges of a load, together with helpers. */
static void
read_ranges_together(MlsRun *run, MlsStorePage store)
{
	MlsLoad *load = run->load;
	int64 records = still_expected(load);
	int helpers = Min(processes(run, records), undone(load)) - 1;

	run->counters.expected = records;
	if (helpers <= 0)
	{
		load->crew = palloc(sizeof(MlsCrew));
		instruct(load);
		read_next_ranges(load, store);
		return;
	}
	load->crew = mls_load_crew(make_assignment(load, helpers));
	instruct(load);
	PG_ENSURE_ERROR_CLEANUP(stop_helpers, PointerGetDatum(load));
	{
		start_helpers(load, dsm_segment_address(load->segment));
		read_next_ranges(load, store);
		await_helpers(load);
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_helpers, PointerGetDatum(load));
	mls_run_note(run, "the load was shared by %s",
				 mls_counted(load->nhelpers + 1, "process", "processes"));
}

/*
 * Reads everything together with helpers where the server option asks for them, or goes
 * on with that; false if the run has to begin by itself.
 */
bool
mls_load(MlsRun *run, MlsStorePage store)
{
	if (!find_ranges(run) && (run->table->source->workers == 0 || !divide(run, 0)))
		return false;
	read_ranges_together(run, store);
	return true;
}

/*
 * The first page of a load is here, and with it how much is to come: if that is worth it, it
 * is read by several processes after all, from its beginning, and the page is not needed.
 */
bool
mls_load_grown(MlsRun *run, MlsStorePage store)
{
	if (!run->reads_all || run->table->source->workers != 0 ||
		!divide(run, mls_reader_expected(run->state)))
		return false;
	end_reading(run);
	read_ranges_together(run, store);
	return true;
}

/* The work of a helper. */
void
mls_load_help(MlsRun *run, MlsStorePage store)
{
	MlsLoad *load = new_load(run);

	load->crew = run->task->crew;
	load->ranges = read_ranges(run);
	read_next_ranges(load, store);
}

/*
 * In the transaction that ends the load: its cursor, which is the newest record
 * met, but not later than when the load began.  No timestamp: there is none.
 */
MlsPosition
mls_load_newest(const MlsRun *run)
{
	const MlsSource *source = run->table->source;
	MlsPosition newest = {0};
	MlsExactTime last;
	TimestampTz since = 0;
	ListCell *lc;

	foreach (lc, mls_range_list(run->sub))
	{
		const MlsRange *range = lfirst(lc);
		MlsExactTime at;

		if (!range->done)
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("a part of the load was not read to its end"));
		since = range->since;
		if (range->newest.timestamp == NULL ||
			!mls_exact_time_read(range->newest.timestamp, source->timezone, &at) ||
			(newest.timestamp != NULL && mls_exact_time_compare(&at, &last) <= 0))
			continue;
		newest = range->newest;
		last = at;
	}
	if (newest.timestamp == NULL || last.at <= since)
		return newest;
	newest.timestamp = mls_exact_time_text(since, source->platform.timestamp_digits);
	newest.key = NULL;
	return newest;
}

/* Adds what the helpers have done to what the leader has done. */
void
mls_load_add(const MlsLoad *load, MlsCounters *counters)
{
	for (int i = 0; load != NULL && i < load->nhelpers; i++)
	{
		const MlsCounters *more = &load->helpers[i].outcome->counters;

		counters->requests += more->requests;
		counters->pages += more->pages;
		counters->received += more->received;
		counters->inserted += more->inserted;
		counters->updated += more->updated;
		counters->unchanged += more->unchanged;
		counters->deleted += more->deleted;
		counters->bad_values += more->bad_values;
		counters->bytes += more->bytes;
	}
}

/* Adds requests and bytes of this process, but for the range that is being read. */
void
mls_load_spent(const MlsLoad *load, MlsCounters *counters)
{
	if (load == NULL)
		return;
	counters->requests += load->spent.requests;
	counters->bytes += load->spent.body_bytes;
}

/* Records the source had when the load began. */
int64
mls_load_total(const MlsLoad *load)
{
	int64 total = 0;
	ListCell *lc;

	foreach (lc, load->ranges)
		total += ((const MlsRange *) lfirst(lc))->expected;
	return total;
}

/* The error of a run that is a helper's is of the helper's kind. */
void
mls_load_blame(const MlsLoad *load, MlsOutcome *outcome)
{
	if (load == NULL || load->failed == NULL)
		return;
	outcome->error_class = load->failed->error_class;
	outcome->retry_at = load->failed->retry_at;
}

/* Gives back what the helpers were told by. */
void
mls_load_end(MlsLoad *load)
{
	if (load == NULL || load->segment == NULL)
		return;
	load->nhelpers = 0;
	dsm_detach(load->segment);
	load->segment = NULL;
}
