/*
 * launch.c
 *		mls_sync(), mls_purge(), mls_reconcile(): start a worker per source, wait
 *		for all, and report.
 *
 * A failure stays in its subscription.  When only some fail, the call returns a
 * row for each subscription and a WARNING for each failure, so that no success
 * is hidden; when none was a success, it raises the first error.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "feed/feed.h"
#include "geo/geo.h"
#include "mart/mart.h"
#include "publish/publish.h"
#include "quality/quality.h"
#include "run/run.h"
#include "subscription/subscription.h"

/* How often a worker that waits is asked whether it waits for us. */
#define CHECK_INTERVAL_MS 1000

#define MAX_RESULT_COLUMNS 12

PG_FUNCTION_INFO_V1(mls_sync);
PG_FUNCTION_INFO_V1(mls_purge);
PG_FUNCTION_INFO_V1(mls_reconcile);
PG_FUNCTION_INFO_V1(mls_remap_sql);
PG_FUNCTION_INFO_V1(mls_geocode_sql);
PG_FUNCTION_INFO_V1(mls_media_sync);
PG_FUNCTION_INFO_V1(mls_feed_sync);
PG_FUNCTION_INFO_V1(mls_publish_sync);
PG_FUNCTION_INFO_V1(mls_mart_sync);
PG_FUNCTION_INFO_V1(mls_test_sync);

/* A worker, or the share of work for one that has not been started. */
typedef struct Worker
{
	MlsShare share;
	BackgroundWorkerHandle *handle; /* NULL before it is started */
	bool ended;
} Worker;

typedef struct Launch
{
	List *subscriptions; /* of MlsSubscription *, by source */
	List *outcomes;      /* of MlsOutcome *, theirs, as they begin */
	bool named;          /* they were asked for by their resource */
	dsm_segment *segment;
	MlsAssignment *assignment;
	Worker *workers;
	int nworkers;
} Launch;

/* ---- What to work on ---- */

/*
 * Subscriptions asked for, those of a source one after another (List of
 * MlsSubscription *), each with the present name of its server.  One that another
 * feeds has to be asked for by its resource, unless those are wanted as well.
 */
static List *
chosen_subscriptions(FunctionCallInfo fcinfo, MlsProcessKind process)
{
	/* These are of what is here already, wherever its records come from. */
	bool fed = process == MLS_PROCESS_REMAP || process == MLS_PROCESS_GEOCODE ||
			   process == MLS_PROCESS_MEDIA;
	MemoryContext context = CurrentMemoryContext;
	List *found = NIL;
	SPITupleTable *ids;

	SPI_connect();
	if (process == MLS_PROCESS_FEED)
	{
		found = mls_feeds_found(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)),
								context);
		SPI_finish();
		if (found == NIL)
			ereport(NOTICE, errmsg("there is no feed to work on"),
					errhint("mls_feed() says what is written, and where."));
		return found;
	}
	if (process == MLS_PROCESS_MART)
	{
		found = mls_marts_found(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)),
								context);
		SPI_finish();
		if (found == NIL)
			ereport(NOTICE, errmsg("there is no mart to work on"),
					errhint("mls_mart_create() makes one."));
		return found;
	}
	if (process == MLS_PROCESS_TEST)
	{
		found = mls_test_suites_found(
			PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)), context);
		SPI_finish();
		if (found == NIL)
			ereport(NOTICE, errmsg("there is no test suite to run"),
					errhint("mls_test_add() adds a test."));
		return found;
	}
	mls_select(process == MLS_PROCESS_GEOCODE
				   ? "SELECT f.id, f.source FROM mls.find_subscriptions($1, $2) f "
					 "JOIN mls.geocode_rule r ON r.subscription = f.id"
			   : process == MLS_PROCESS_MEDIA
				   ? "SELECT f.id, f.source FROM mls.find_subscriptions($1, $2) f "
					 "JOIN mls.media_rule r ON r.subscription = f.id"
				   : "SELECT id, source FROM mls.find_subscriptions($1, $2)",
			   mls_arg_given(TEXTOID, 0), mls_arg_given(TEXTOID, 1));
	ids = SPI_tuptable;
	for (uint64 i = 0; i < ids->numvals; i++)
	{
		int64 id = mls_cell_int8(ids, i, 1);
		char *source = mls_cell_text(ids, i, 2);
		MemoryContext before = MemoryContextSwitchTo(context);
		MlsSubscription *sub = mls_subscription_by_id(id);
		const char *feeder;

		sub->source = pstrdup(source);
		if (fed || !PG_ARGISNULL(1) || mls_related_feeder(sub, &feeder) == 0)
			found = lappend(found, sub);
		MemoryContextSwitchTo(before);
	}
	SPI_finish();
	if (found == NIL)
		ereport(NOTICE, errmsg("there is no subscription to work on"),
				process == MLS_PROCESS_GEOCODE
					? errhint("mls_geocode_use() says what is geocoded, and by whom.")
				: process == MLS_PROCESS_MEDIA
					? errhint("mls_media_store() says whose files are kept, and where.")
					: errhint("Call mls_subscribe() for a foreign table first."));
	return found;
}

/* Publications are chosen by destination and name. */
static List *
chosen_publications(FunctionCallInfo fcinfo)
{
	MemoryContext context = CurrentMemoryContext;
	List *found = NIL;
	List *seen;
	ListCell *lc;

	SPI_connect();
	seen = mls_publish_chosen(mls_arg_given(TEXTOID, 0), mls_arg_given(TEXTOID, 1));
	MemoryContextSwitchTo(context);
	foreach (lc, seen)
	{
		MlsSubscription *copy = palloc(sizeof(MlsSubscription));

		*copy = *(const MlsSubscription *) lfirst(lc);
		copy->source = pstrdup(copy->source);
		copy->resource = pstrdup(copy->resource);
		copy->cursor_timestamp = NULL;
		found = lappend(found, copy);
	}
	SPI_finish();
	if (found == NIL)
		ereport(NOTICE, errmsg("there is no publication to keep in step"),
				errhint("mls_publish() says what is kept in step where."));
	return found;
}

static MlsSubscription *
subscription_at(const Launch *launch, int i)
{
	return list_nth(launch->subscriptions, i);
}

/* ---- Preparing ---- */

/* What was asked for by its resource may have nothing to do, for others bring its records. */
static void
skip_fed(const MlsSubscription *sub, MlsOutcome *outcome)
{
	const char *why;

	SPI_connect();
	why = mls_related_only(sub);
	if (why != NULL)
		mls_outcome_skip(outcome, why);
	SPI_finish();
}

/* Is there something to do for it? */
static MlsOutcome *
first_outcome(const Launch *launch, const MlsTask *task, const MlsSubscription *sub)
{
	MlsOutcome *outcome = palloc0(sizeof(MlsOutcome));
	const char *why = !task->due                             ? NULL
					  : task->process == MLS_PROCESS_PUBLISH ? mls_publish_not_due(sub)
					  : task->process == MLS_PROCESS_GEOCODE ? mls_geocode_not_due(sub)
															 : mls_backoff_not_due(sub);

	outcome->subscription = sub->id;
	outcome->owner = sub->owner;
	if (why != NULL)
		mls_outcome_skip(outcome, why);
	else if (launch->named && mls_process(task->process)->subject == NULL &&
			 task->process != MLS_PROCESS_REMAP && task->process != MLS_PROCESS_GEOCODE &&
			 task->process != MLS_PROCESS_MEDIA)
		skip_fed(sub, outcome);
	return outcome;
}

/* What choosing needs, for its subtransaction. */
typedef struct Choice
{
	Launch *launch;
	FunctionCallInfo fcinfo;
	const MlsTask *task;
} Choice;

static void
choose_now(void *arg)
{
	const Choice *choice = arg;
	Launch *launch = choice->launch;
	ListCell *lc;

	launch->subscriptions = choice->task->process == MLS_PROCESS_PUBLISH
								? chosen_publications(choice->fcinfo)
								: chosen_subscriptions(choice->fcinfo, choice->task->process);
	foreach (lc, launch->subscriptions)
		launch->outcomes =
			lappend(launch->outcomes, first_outcome(launch, choice->task, lfirst(lc)));
}

/*
 * Chooses what to work on, and what of it has nothing to do.  It is only read, and
 * in a subtransaction that is rolled back, so that this transaction keeps no lock of
 * a control table while it waits: whoever wants to change one of them would wait for
 * us, our workers behind him, and we for them.
 */
static void
choose(Launch *launch, FunctionCallInfo fcinfo, const MlsTask *task)
{
	Choice choice = {launch, fcinfo, task};
	ErrorData *error;

	launch->named = task->process != MLS_PROCESS_FEED && task->process != MLS_PROCESS_MART &&
					task->process != MLS_PROCESS_TEST && !PG_ARGISNULL(1);
	error = mls_subtransaction(choose_now, &choice, NULL, false);
	if (error != NULL)
		ReThrowError(error);
}

/* Writes what the workers need to know into shared memory. */
static void
make_assignment(Launch *launch, const MlsTask *task)
{
	int n = list_length(launch->subscriptions);
	Size size = offsetof(MlsAssignment, outcomes) + n * sizeof(MlsOutcome);

	launch->segment = dsm_create(size, 0);
	launch->assignment = dsm_segment_address(launch->segment);
	memset(launch->assignment, 0, size);
	launch->assignment->database = MyDatabaseId;
	launch->assignment->session_user = GetSessionUserId();
	launch->assignment->role = GetUserId();
	launch->assignment->role_is_superuser = superuser();
	launch->assignment->task = *task;
	launch->assignment->noutcomes = n;
	for (int i = 0; i < n; i++)
		launch->assignment->outcomes[i] = *(const MlsOutcome *) list_nth(launch->outcomes, i);
}

/* One share per source, of those that have something to do. */
static void
make_shares(Launch *launch)
{
	int n = list_length(launch->subscriptions);
	const char *last = NULL;

	launch->workers = palloc0(n * sizeof(Worker));
	for (int i = 0; i < n; i++)
	{
		const char *source = subscription_at(launch, i)->source;

		if (launch->assignment->outcomes[i].state != MLS_OUTCOME_PENDING)
			continue;
		if (last == NULL || strcmp(source, last) != 0)
			launch->workers[launch->nworkers++].share.first = i;
		launch->workers[launch->nworkers - 1].share.count =
			i - launch->workers[launch->nworkers - 1].share.first + 1;
		last = source;
	}
}

/* ---- Working ---- */

static const char *
process_name(const Launch *launch)
{
	return mls_process(launch->assignment->task.process)->name;
}

/* The function that users call for a process. */
static char *
function_name(const MlsTask *task)
{
	bool is_sync = task->process == MLS_PROCESS_MEDIA || mls_process(task->process)->subject;

	return psprintf("mls_%s%s", mls_process(task->process)->name, is_sync ? "_sync" : "");
}

/* Starts a worker; false if the server has no slot for it. */
static bool
start_worker(Launch *launch, Worker *worker)
{
	return mls_worker_start(
		&worker->handle, "mls_sync_worker_main",
		UInt32GetDatum(dsm_segment_handle(launch->segment)), &worker->share, sizeof(worker->share),
		process_name(launch),
		psprintf("source %s", subscription_at(launch, worker->share.first)->source));
}

/* Starts what can be started; returns how many are at work. */
static int
start_workers(Launch *launch)
{
	int working = 0;

	for (int i = 0; i < launch->nworkers; i++)
		working += launch->workers[i].handle != NULL && !launch->workers[i].ended;
	for (int i = 0; i < launch->nworkers && working < mls_max_sync_workers; i++)
	{
		if (launch->workers[i].handle != NULL)
			continue;
		if (start_worker(launch, &launch->workers[i]))
			working++;
		else if (working > 0)
			break; /* one of ours will make room */
		else
			ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					errmsg("could not start a %s worker", process_name(launch)),
					errdetail("All background worker slots are in use."),
					errhint("Increase max_worker_processes, or try again later."));
	}
	return working;
}

/* PG_ENSURE_ERROR_CLEANUP: whatever ends the caller ends its workers. */
static void
stop_workers(int code, Datum arg)
{
	Launch *launch = (Launch *) DatumGetPointer(arg);

	for (int i = 0; i < launch->nworkers; i++)
		if (launch->workers[i].handle != NULL && !launch->workers[i].ended)
			TerminateBackgroundWorker(launch->workers[i].handle);
}

/* Notes which workers have ended; with look_at_locks, checks what the others wait for. */
static void
check_workers(Launch *launch, bool look_at_locks)
{
	for (int i = 0; i < launch->nworkers; i++)
	{
		Worker *worker = &launch->workers[i];
		BgwHandleStatus status;
		pid_t pid;

		if (worker->handle == NULL || worker->ended)
			continue;
		status = GetBackgroundWorkerPid(worker->handle, &pid);
		if (status == BGWH_POSTMASTER_DIED)
			ereport(FATAL, errcode(ERRCODE_ADMIN_SHUTDOWN),
					errmsg("the server ended during a %s", process_name(launch)));
		if (status == BGWH_STOPPED)
			worker->ended = true;
		else if (status == BGWH_STARTED && look_at_locks)
			mls_refuse_own_locks(pid, process_name(launch),
								 function_name(&launch->assignment->task));
	}
}

/* What is left of the workers allowed is for the loads of those sources. */
static void
spare_workers(Launch *launch)
{
	launch->assignment->task.workers = mls_max_sync_workers / Max(launch->nworkers, 1);
}

/* Runs all workers to their end. */
static void
work(Launch *launch)
{
	PG_ENSURE_ERROR_CLEANUP(stop_workers, PointerGetDatum(launch));
	{
		while (start_workers(launch) > 0)
		{
			int events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								   CHECK_INTERVAL_MS, PG_WAIT_EXTENSION);

			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
			check_workers(launch, (events & WL_TIMEOUT) != 0);
		}
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_workers, PointerGetDatum(launch));
}

/* ---- Reporting ---- */

/* A worker that ended without a word leaves its outcomes unfinished. */
static void
fail_unfinished(const Launch *launch, MlsOutcome *outcome)
{
	if (outcome->state != MLS_OUTCOME_PENDING && outcome->state != MLS_OUTCOME_RUNNING)
		return;
	outcome->state = MLS_OUTCOME_FAILED;
	outcome->sqlstate = ERRCODE_INTERNAL_ERROR;
	snprintf(outcome->message, sizeof(outcome->message), "%s worker ended unexpectedly",
			 process_name(launch));
	strlcpy(outcome->hint, "The server log says why.", sizeof(outcome->hint));
}

static void
report_failure(const MlsOutcome *outcome, int level)
{
	ereport(level, errcode(outcome->sqlstate), errmsg_internal("%s", outcome->message),
			outcome->detail[0] ? errdetail_internal("%s", outcome->detail) : 0,
			outcome->hint[0] ? errhint("%s", outcome->hint) : 0,
			outcome->context[0] ? errcontext_msg("%s", outcome->context) : 0);
}

/* All that were tried failed: the first error is raised.  Some failed: a warning for each. */
static void
report_failures(const Launch *launch)
{
	const MlsOutcome *outcomes = launch->assignment->outcomes;
	const MlsOutcome *first = NULL;
	int failed = 0;
	int finished = 0;

	for (int i = 0; i < launch->assignment->noutcomes; i++)
	{
		finished += outcomes[i].state == MLS_OUTCOME_FINISHED;
		if (outcomes[i].state != MLS_OUTCOME_FAILED)
			continue;
		failed++;
		first = first ? first : &outcomes[i];
	}
	for (int i = 0; i < launch->assignment->noutcomes; i++)
		if (outcomes[i].state == MLS_OUTCOME_FAILED && (finished > 0 || &outcomes[i] != first))
			report_failure(&outcomes[i], WARNING);
	if (failed > 0 && finished == 0)
		report_failure(first, ERROR);
}

static Interval *
interval_of(int64 microseconds)
{
	Interval *interval = palloc0(sizeof(Interval));

	interval->time = microseconds;
	return interval;
}

/* The columns each process counts in, between status and requests; returns how many. */
static int
put_counts(MlsProcessKind process, const MlsOutcome *outcome, Datum *values)
{
	const MlsCounters *counters = &outcome->counters;
	int n = 0;

	if (process == MLS_PROCESS_REMAP)
	{
		values[0] = Int64GetDatum(outcome->drift);
		return 1;
	}
	if (process == MLS_PROCESS_PUBLISH)
	{
		values[n++] = Int64GetDatum(counters->updated);
		values[n++] = Int64GetDatum(counters->deleted);
		values[n++] = Int64GetDatum(counters->bad_values);
		return n;
	}
	if (process == MLS_PROCESS_GEOCODE)
	{
		values[n++] = Int64GetDatum(counters->received);
		values[n++] = Int64GetDatum(counters->inserted);
		values[n++] = Int64GetDatum(counters->unchanged);
		values[n++] = Int64GetDatum(counters->deleted);
		return n;
	}
	if (process == MLS_PROCESS_FEED)
	{
		values[n++] = Int64GetDatum(counters->received);
		values[n++] = Int64GetDatum(counters->unchanged);
		values[n++] = Int64GetDatum(counters->bad_values);
		values[n++] = Int64GetDatum(counters->pages);
		return n;
	}
	values[n++] = Int64GetDatum(counters->received);
	if (process == MLS_PROCESS_MART)
	{
		values[n++] = Int64GetDatum(counters->pages);
		values[n++] = Int64GetDatum(counters->updated);
		return n;
	}
	if (process == MLS_PROCESS_TEST)
	{
		values[n++] = Int64GetDatum(counters->inserted);
		values[n++] = Int64GetDatum(counters->updated);
		values[n++] = Int64GetDatum(counters->bad_values);
		return n;
	}
	if (process == MLS_PROCESS_MEDIA)
	{
		values[n++] = Int64GetDatum(counters->inserted);
		values[n++] = Int64GetDatum(counters->deleted);
		values[n++] = Int64GetDatum(counters->bad_values);
		values[n++] = Int64GetDatum(outcome->drift);
		values[n++] = Int64GetDatum(counters->bytes);
		return n;
	}
	if (process != MLS_PROCESS_SYNC)
		values[n++] = Int64GetDatum(outcome->drift);
	if (process == MLS_PROCESS_PURGE)
		values[n++] = Int64GetDatum(counters->deleted);
	else
	{
		values[n++] = Int64GetDatum(counters->inserted);
		values[n++] = Int64GetDatum(counters->updated);
	}
	if (process == MLS_PROCESS_SYNC)
		values[n++] = Int64GetDatum(counters->unchanged);
	return n;
}

static const char *
state_name(const MlsOutcome *outcome)
{
	switch (outcome->state)
	{
		case MLS_OUTCOME_FINISHED:
			return "finished";
		case MLS_OUTCOME_SKIPPED:
			return "skipped";
		default:
			return "failed";
	}
}

static void
return_row(ReturnSetInfo *result, const Launch *launch, int i)
{
	const MlsSubscription *sub = subscription_at(launch, i);
	const MlsOutcome *outcome = &launch->assignment->outcomes[i];
	bool failed = outcome->state == MLS_OUTCOME_FAILED;
	const char *message = failed ? outcome->message : outcome->note;
	Datum values[MAX_RESULT_COLUMNS];
	bool isnull[MAX_RESULT_COLUMNS] = {false};
	int n = 3;

	values[0] = CStringGetTextDatum(sub->source);
	values[1] = CStringGetTextDatum(sub->resource);
	values[2] = CStringGetTextDatum(state_name(outcome));
	n += put_counts(launch->assignment->task.process, outcome, &values[n]);
	/* Marts and tests ask nobody. */
	if (launch->assignment->task.process != MLS_PROCESS_MART &&
		launch->assignment->task.process != MLS_PROCESS_TEST)
		values[n++] = Int64GetDatum(outcome->counters.requests);
	values[n++] = IntervalPGetDatum(interval_of(outcome->duration_us));
	isnull[n] = message[0] == '\0';
	values[n] = isnull[n] ? (Datum) 0 : CStringGetTextDatum(message);
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

/* Does a task for the subscriptions chosen by the first two arguments; a row for each. */
static Datum
run_task(FunctionCallInfo fcinfo, const MlsTask *task)
{
	const char *process = mls_process(task->process)->name;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Launch launch = {NIL};

	mls_refuse_standby(psprintf("%s()", function_name(task)), process);
	InitMaterializedSRF(fcinfo, 0);
	choose(&launch, fcinfo, task);
	if (launch.subscriptions == NIL)
		return (Datum) 0;

	make_assignment(&launch, task);
	make_shares(&launch);
	spare_workers(&launch);
	work(&launch);
	for (int i = 0; i < launch.assignment->noutcomes; i++)
	{
		fail_unfinished(&launch, &launch.assignment->outcomes[i]);
		return_row(result, &launch, i);
	}
	report_failures(&launch);
	dsm_detach(launch.segment);
	return (Datum) 0;
}

static bool
flag_argument(FunctionCallInfo fcinfo, int n)
{
	return !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
}

/* mls_sync(source, resource, full, dry_run, due): who names a source wants it now. */
Datum
mls_sync(PG_FUNCTION_ARGS)
{
	return run_task(fcinfo,
					&(MlsTask){.process = MLS_PROCESS_SYNC,
							   .full = flag_argument(fcinfo, 2),
							   .dry_run = flag_argument(fcinfo, 3),
							   .due = PG_ARGISNULL(4) ? PG_ARGISNULL(0) : PG_GETARG_BOOL(4)});
}

/* mls_purge(source, resource, force, dry_run) */
Datum
mls_purge(PG_FUNCTION_ARGS)
{
	return run_task(fcinfo, &(MlsTask){.process = MLS_PROCESS_PURGE,
									   .force = flag_argument(fcinfo, 2),
									   .dry_run = flag_argument(fcinfo, 3)});
}

/* mls_reconcile(source, resource, dry_run) */
Datum
mls_reconcile(PG_FUNCTION_ARGS)
{
	return run_task(
		fcinfo, &(MlsTask){.process = MLS_PROCESS_RECONCILE, .dry_run = flag_argument(fcinfo, 2)});
}

/* mls_remap(source, resource) */
Datum
mls_remap_sql(PG_FUNCTION_ARGS)
{
	return run_task(fcinfo, &(MlsTask){.process = MLS_PROCESS_REMAP});
}

/* mls_media_sync(source, resource) */
Datum
mls_media_sync(PG_FUNCTION_ARGS)
{
	return run_task(fcinfo, &(MlsTask){.process = MLS_PROCESS_MEDIA});
}

/* mls_feed_sync(name, force) */
Datum
mls_feed_sync(PG_FUNCTION_ARGS)
{
	return run_task(fcinfo,
					&(MlsTask){.process = MLS_PROCESS_FEED, .force = flag_argument(fcinfo, 1)});
}

/* mls_geocode(source, resource, dry_run, due): who names a source wants it now. */
Datum
mls_geocode_sql(PG_FUNCTION_ARGS)
{
	return run_task(fcinfo,
					&(MlsTask){.process = MLS_PROCESS_GEOCODE,
							   .dry_run = flag_argument(fcinfo, 2),
							   .due = PG_ARGISNULL(3) ? PG_ARGISNULL(0) : PG_GETARG_BOOL(3)});
}

/* mls_publish_sync(destination, name, due): who names a destination wants it now. */
Datum
mls_publish_sync(PG_FUNCTION_ARGS)
{
	return run_task(fcinfo,
					&(MlsTask){.process = MLS_PROCESS_PUBLISH,
							   .due = PG_ARGISNULL(2) ? PG_ARGISNULL(0) : PG_GETARG_BOOL(2)});
}

/* mls_mart_sync(name, rebuild) */
Datum
mls_mart_sync(PG_FUNCTION_ARGS)
{
	return run_task(fcinfo,
					&(MlsTask){.process = MLS_PROCESS_MART, .full = flag_argument(fcinfo, 1)});
}

/* mls_test_sync(suite) */
Datum
mls_test_sync(PG_FUNCTION_ARGS)
{
	return run_task(fcinfo, &(MlsTask){.process = MLS_PROCESS_TEST});
}
