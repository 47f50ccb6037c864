/*
 * run.c
 *		One run of a process on a subscription: lock, run row, step after step,
 *		outcome.
 *
 * A run has three kinds of moments, each with its transaction: the beginning
 * (who, what, and a committed row in mls.run), each step (a page, say, with its
 * position and its counters), and the end.  Between them there is none, and
 * there the network is used.  What the steps are is the process's business:
 * sync.c, purge.c, reconcile.c.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "drift/drift.h"
#include "feed/feed.h"
#include "geo/geo.h"
#include "gold/gold_write.h"
#include "jobs/jobs.h"
#include "jobs/parallel.h"
#include "mart/mart.h"
#include "media/media.h"
#include "publish/publish.h"
#include "quality/quality.h"
#include "read/key_snapshot.h"
#include "run/run.h"
#include "subscription/subscription.h"
#include "write/write.h"

/* The processes, in the order of MlsProcessKind. */
static const MlsProcess *const processes[] = {
	&mls_sync_process,    &mls_purge_process,   &mls_reconcile_process, &mls_remap_process,
	&mls_ranges_process,  &mls_geocode_process, &mls_media_process,     &mls_feed_process,
	&mls_publish_process, &mls_mart_process,    &mls_test_process};

/* How long a patient process waits for another run to end, and how often it looks. */
#define PATIENCE_MS (3600 * 1000L)
#define RETRY_MS 1000L

/* The run of this worker, for the case that it is ended in it. */
static MlsRun *current_run = NULL;

const MlsProcess *
mls_process(MlsProcessKind kind)
{
	return processes[kind];
}

/* Somebody else may have taken rows out of the tables meanwhile. */
static void
begun(MlsRun *run)
{
	if (!run->process->beside)
		mls_missing_rows_check(run, false);
}

/* What is written once for each transaction of a run. */
static void
settle(MlsRun *run)
{
	if (run->writer)
		mls_writer_settle(run->writer);
}

static void
add_helpers(const MlsRun *run, MlsCounters *counters)
{
	mls_load_add(run->load, counters);
}

static const MlsStepHooks hooks = {.begun = begun, .settle = settle, .add_helpers = add_helpers};

/* ---- Beginning ---- */

/* What a run works on, as it is now; NULL if it is not there, or not visible to the current role. */
static MlsSubscription *
read_subject(const MlsRun *run)
{
	int64 id = run->outcome->subscription;

	return run->process->subject ? run->process->subject(id) : mls_subscription_by_id(id);
}

/* The same in words. */
static char *
subject_words(const MlsRun *run)
{
	return run->process->subject
			   ? psprintf("\"%s\"", run->sub->resource)
			   : psprintf("resource \"%s\" of source \"%s\"", run->sub->resource, run->sub->source);
}

/* Reads the subscription as the calling role and takes its lock, unless another process has it. */
static void
try_to_lock(MlsRun *run, bool last_try)
{
	int64 id = run->outcome->subscription;

	mls_transaction_begin(GetUserId());
	MemoryContextSwitchTo(run->context);
	run->sub = read_subject(run);
	if (run->sub == NULL && run->process->subject)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("what a %s was asked for is not visible to its worker", run->process->name),
				errhint("Commit the transaction that made it first."));
	if (run->sub == NULL)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the subscription is not visible to the %s worker", run->process->name),
				errhint("Commit the transaction that subscribed the table, then call mls_%s().",
						run->process->name));
	mls_owner_require_caller(run->sub, run->process->name);
	run->clerk = mls_role_exists(run->sub->owner) ? run->sub->owner : GetUserId();
	run->locked = run->process->beside ? mls_lock_try(run->process->beside, id, ExclusiveLock, true)
									   : mls_subscription_lock(id, true);
	if (!run->locked && last_try && run->process->beside)
		ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE),
				errmsg("another %s of %s is at work", run->process->name, subject_words(run)),
				run->task->process == MLS_PROCESS_MEDIA
					? errhint("It may have begun after a sync; mls_progress shows how far it is.")
					: 0);
	if (!run->locked && last_try)
		mls_subscription_report_busy(run->sub);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

/*
 * A sync that meets another run has nothing to add to it and ends.  A purge or a
 * reconcile would be missing, for a day if it was scheduled at the minute of a
 * sync; so it waits, outside transactions.
 */
static void
wait_for_lock(MlsRun *run)
{
	int64 tries = run->process->patient ? PATIENCE_MS / RETRY_MS : 0;

	for (;;)
	{
		try_to_lock(run, tries-- == 0);
		if (run->locked)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, RETRY_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Writes the run row; the subscription is read again now that nobody else moves its cursor. */
static void
enter_run(MlsRun *run)
{
	mls_transaction_begin(run->clerk);
	MemoryContextSwitchTo(run->context);
	run->sub = read_subject(run);
	if (run->sub == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				run->process->subject
					? errmsg("the %s was removed before it ran", run->process->name)
					: errmsg("the subscription was removed before it was synced"));
	run->id = run->process->start ? run->process->start(run->sub, run->process->name)
								  : mls_run_start(run->sub, run->process->name);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

/* What to read, and how to write it: catalogue data, copied for use outside transactions. */
static void
read_table(MlsRun *run)
{
	mls_run_require_tables(run->sub);
	run->table = mls_table_get(run->sub->foreign_table, run->sub->owner, true);
	mls_require_key_columns(run->table);
	/* Who never had a timestamp is read whole; who has lost it would be so by mistake. */
	if (run->table->timestamp == NULL ? run->sub->cursor_timestamp != NULL
									  : mls_table_column(run->table, run->table->timestamp) == NULL)
		ereport(
			ERROR, errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
			errmsg("foreign table %s has no timestamp column any more", run->table->name),
			run->table->timestamp
				? errhint("%s", mls_missing_column_hint(run->table, run->table->timestamp))
				: errhint("Name its field: ALTER FOREIGN TABLE %s OPTIONS (ADD timestamp '...'); "
						  "or call mls_subscribe() to have all of it read by each sync.",
						  run->table->name));
}

/* Says that records may be missing in gold since others have their keys, unless that was planned. */
static void
note_rivals(MlsRun *run)
{
	char *rivals = NULL;

	if (run->task->process == MLS_PROCESS_SYNC && OidIsValid(run->sub->gold))
		rivals =
			mls_gold_rivals(run->sub->owner, run->table, run->sub->silver, run->sub->gold, true);
	MemoryContextSwitchTo(run->context);
	if (rivals != NULL)
		mls_run_note(run, "gold has %s as well, and no key_prefix keeps their keys apart", rivals);
}

/* What runs beside others changes no record, and leaves the tables as these want them. */
static void
prepare_beside(MlsRun *run)
{
	mls_transaction_begin(run->sub->owner);
	MemoryContextSwitchTo(run->context);
	if (!run->process->subject)
		read_table(run);
	if (run->process->prepare)
		run->process->prepare(run);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

static void
prepare(MlsRun *run)
{
	mls_transaction_begin(run->sub->owner);
	MemoryContextSwitchTo(run->context);
	read_table(run);
	mls_silver_follow(run->sub->silver, run->table);
	run->bounds = mls_related_bounds(run->sub, run->table);
	mls_precedence_follow(run->sub, run->table);
	mls_gold_restore(run->sub, run->table);
	note_rivals(run);
	mls_missing_rows_begin(run, run->sub, run->table, run->sub);
	if (run->process->prepare)
		run->process->prepare(run);
	run->writer = mls_writer_begin(run->table, run->sub, run->id);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

/* Before anything is asked: the name of the server now, and whether it is still the same source. */
static void
identify(MlsRun *run)
{
	mls_transaction_begin(run->sub->owner);
	MemoryContextSwitchTo(run->context);
	mls_identity_follow_renames();
	run->sub = mls_subscription_by_id(run->sub->id);
	if (run->task->process != MLS_PROCESS_REMAP && !run->process->beside &&
		get_rel_relkind(run->sub->foreign_table) == RELKIND_FOREIGN_TABLE)
	{
		const MlsTable *table = mls_table_get(run->sub->foreign_table, run->sub->owner, false);

		mls_rights_require_server(run->sub->owner, table->source->server_id, table->source->name);
		mls_identity_check(run->sub, table);
	}
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

/* ---- Ending ---- */

/* All that was remarkable, or NULL. */
static const char *
whole_note(const MlsRun *run)
{
	if (run->remark == NULL || run->note == NULL)
		return run->remark ? run->remark : run->note;
	return psprintf("%s; %s", run->remark, run->note);
}

static void
finish_outcome(MlsRun *run)
{
	const char *note = whole_note(run);

	if (note != NULL)
		strlcpy(run->outcome->note, note,
				pg_mbcliplen(note, strlen(note), sizeof(run->outcome->note) - 1) + 1);
	run->outcome->state = MLS_OUTCOME_FINISHED;
}

static void
complete(MlsRun *run)
{
	const char *cursor = run->sub->cursor_timestamp;

	mls_transaction_begin(run->sub->owner);
	if (run->process->subject == NULL)
		mls_run_require_tables(run->sub);
	if (!run->process->beside)
		mls_missing_rows_check(run, run->reads_all);
	mls_run_count_spent(run, &run->counters);
	if (run->process->complete)
		cursor = run->process->complete(run);
	mls_run_note_progress(run, &run->counters);
	mls_run_finish(run->id, "finished", NULL, whole_note(run), cursor);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	finish_outcome(run);
}

/* In an open transaction.  Without an error the process ends for another reason: the server has. */
static void
write_failure(MlsRun *run)
{
	bool cancelled = mls_error_is_cancel(run->outcome->sqlstate);

	mls_run_count_spent(run, &run->counters);
	mls_run_note_progress(run, &run->counters);
	if (run->outcome->state != MLS_OUTCOME_FAILED)
	{
		mls_run_crashed(run->id);
		return;
	}
	mls_run_finish(run->id, cancelled ? "cancelled" : "failed", run->outcome, whole_note(run),
				   run->sub->cursor_timestamp);
	/* Whose next attempt is planned already fails no sooner for having been looked at in between. */
	if (!cancelled && run->process->backs_off && !(run->task->woken && run->sub->failures > 0))
		mls_backoff_failed(run->sub, run->outcome);
	if (!cancelled && run->process->failed)
		run->process->failed(run);
}

/* Writes a failed run's row; when even that fails, the server log has to do. */
static void
note_failure(MlsRun *run)
{
	if (run->id == 0 || run->process->helps)
		return;
	PG_TRY();
	{
		mls_transaction_begin(run->clerk);
		write_failure(run);
		mls_transaction_commit();
	}
	PG_CATCH();
	{
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
}

/*
 * The process ends in the middle of a run (it was terminated): says so in the
 * run's row, as far as that needs no waiting.  Nothing can interrupt a process
 * that is on its way out.
 */
void
mls_run_interrupted(void)
{
	MlsRun *run = current_run;
	Oid runs;

	current_run = NULL;
	if (run == NULL || run->id == 0 || run->process->helps)
		return;

	AbortOutOfAnyTransaction();
	mls_transaction_begin(run->clerk);
	runs = mls_find_relation("mls", "run");
	if (OidIsValid(runs) && ConditionalLockRelationOid(runs, RowExclusiveLock))
		write_failure(run);
	mls_transaction_commit();
}

static void
run_context_callback(void *arg)
{
	const MlsRun *run = arg;

	if (run->sub == NULL)
		return;
	if (run->counters.pages > 0)
		errcontext("%s of %s, after page " INT64_FORMAT, run->process->name, subject_words(run),
				   run->counters.pages);
	else
		errcontext("%s of %s", run->process->name, subject_words(run));
}

/* What a run would do, without leaving a trace. */
static void
forecast(MlsRun *run)
{
	mls_transaction_begin(run->sub->owner);
	MemoryContextSwitchTo(run->context);
	read_table(run);
	if (!run->process->beside)
		mls_identity_require(run->sub, run->table);
	else if (run->process->prepare)
		run->process->prepare(run);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	run->process->dry_run(run);
	run->outcome->counters = run->counters;
	finish_outcome(run);
}

/*
 * A helper joins the run of its leader.  Its lock comes first: should the leader
 * have ended by then, its own lock may be another's already.
 */
static void
help(MlsRun *run)
{
	int64 id = run->outcome->subscription;

	mls_transaction_begin(GetUserId());
	MemoryContextSwitchTo(run->context);
	run->locked = mls_subscription_help(id);
	run->sub = mls_subscription_by_id(id);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	run->id = mls_load_run(run->task->crew);
	if (!run->locked || run->sub == NULL || run->id == 0)
		ereport(ERROR, errcode(ERRCODE_QUERY_CANCELED),
				errmsg("the run that was to be helped has ended"));
	prepare(run);
	mls_run_report_activity(run);
	run->process->work(run);
	finish_outcome(run);
}

static void
do_run(MlsRun *run)
{
	enter_run(run);
	if (!run->process->subject)
		identify(run);
	if (run->process->beside)
		prepare_beside(run);
	else
	{
		mls_drift_check(run);
		mls_source_settings_check(run);
		prepare(run);
	}
	mls_run_report_activity(run);
	run->process->work(run);
	complete(run);
}

static void
run_steps(MlsRun *run)
{
	ErrorContextCallback callback = {
		.callback = run_context_callback, .arg = run, .previous = error_context_stack};

	error_context_stack = &callback;
	if (run->process->helps)
		help(run);
	else
	{
		wait_for_lock(run);
		if (run->task->dry_run && run->process->dry_run)
			forecast(run);
		else
			do_run(run);
	}
	error_context_stack = callback.previous;
}

/* The error at hand becomes the outcome of the run. */
static void
take_error(MlsRun *run)
{
	ErrorData *error;

	MemoryContextSwitchTo(run->context);
	error = CopyErrorData();
	FlushErrorState();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(run->context);
	mls_outcome_fail(run->outcome, error);
	mls_load_blame(run->load, run->outcome);
	note_failure(run);
	MemoryContextSwitchTo(run->context);
}

/* Runs a process on a subscription; raises no error, but tells it in the outcome. */
void
mls_run_conduct(const MlsTask *task, MlsOutcome *outcome)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "mls_fdw run", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	TimestampTz started = GetCurrentTimestamp();
	MlsRun *run = palloc0(sizeof(MlsRun));

	run->context = context;
	run->process = mls_process(task->process);
	run->task = task;
	run->outcome = outcome;
	run->hooks = &hooks;
	outcome->state = MLS_OUTCOME_RUNNING;
	current_run = run;
	PG_TRY();
	{
		run_steps(run);
	}
	PG_CATCH();
	{
		take_error(run);
	}
	PG_END_TRY();
	current_run = NULL;

	outcome->duration_us = GetCurrentTimestamp() - started;
	if (run->process->end)
		run->process->end(run);
	mls_related_records_end(run->children);
	if (run->writer)
		mls_writer_end(run->writer);
	mls_load_end(run->load);
	if (run->locked && run->process->helps)
		mls_subscription_unhelp(outcome->subscription);
	else if (run->locked && run->process->beside)
		mls_lock_release(run->process->beside, outcome->subscription, ExclusiveLock, true);
	else if (run->locked)
		mls_subscription_unlock(outcome->subscription);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
	pgstat_report_activity(STATE_IDLE, NULL);
}
