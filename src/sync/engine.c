/*
 * engine.c
 *		One run of a subscription: lock, run row, page after page, outcome.
 *
 * A run has three kinds of moments, each with its transaction: the beginning
 * (who, what, and a committed row in mls.run), each page (records, cursor and
 * counters together), and the end.  Between them there is none, and there the
 * network is used.  Whatever happens, the cursor stands where the last committed
 * page left it.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "sync/sync.h"

typedef struct Run
{
	MemoryContext context; /* everything of the run */
	MlsOutcome *outcome;
	MlsSubscription *sub;
	MlsTable *table;
	MlsFetch *fetch;
	MlsWriter *writer;
	int64 id; /* in mls.run; 0 before it is there */
	MlsCounters counters;
	bool locked;
} Run;

/* The run of this process, for the case that the process ends in it. */
static Run *current_run = NULL;

/* ---- Beginning ---- */

/* Reads the subscription as the calling role and takes its lock. */
static void
claim(Run *run)
{
	int64 id = run->outcome->subscription;

	mls_transaction_begin(GetUserId());
	MemoryContextSwitchTo(run->context);
	run->sub = mls_subscription_by_id(id);
	if (run->sub == NULL)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the subscription is not visible to the sync worker"),
				errhint("Commit the transaction that subscribed the table, then call mls_sync()."));
	if (!has_privs_of_role(GetUserId(), run->sub->owner))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied to sync resource \"%s\" of source \"%s\"",
					   run->sub->resource, run->sub->source),
				errdetail("Only a role with the privileges of the subscription's owner may."));
	run->locked = mls_subscription_lock(id, true);
	if (!run->locked)
		mls_subscription_report_busy(run->sub);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

/* Writes the run row; the subscription is read again now that nobody else moves its cursor. */
static void
enter_run(Run *run)
{
	mls_transaction_begin(run->sub->owner);
	MemoryContextSwitchTo(run->context);
	run->sub = mls_subscription_by_id(run->sub->id);
	if (run->sub == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("the subscription was removed before it was synced"));
	run->id = mls_run_start(run->sub, "sync");
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

static void
require_table(Oid relid, const char *layer, const MlsSubscription *sub)
{
	if (get_rel_name(relid) == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the %s table of resource \"%s\" of source \"%s\" was dropped", layer,
					   sub->resource, sub->source),
				errhint("Call mls_subscribe() for its foreign table to make it anew; "
						"mls_rebuild() fills silver and gold from bronze."));
}

/* Locks the foreign table for the transaction and makes sure that all tables are still there. */
static void
require_tables(const MlsSubscription *sub)
{
	Relation foreign_table = try_relation_open(sub->foreign_table, AccessShareLock);

	if (foreign_table == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the foreign table of resource \"%s\" of source \"%s\" was dropped",
					   sub->resource, sub->source),
				errhint("Remove the subscription with mls_unsubscribe(%u).", sub->foreign_table));
	relation_close(foreign_table, NoLock);
	require_table(sub->bronze, "bronze", sub);
	require_table(sub->silver, "silver", sub);
	if (OidIsValid(sub->gold))
		require_table(sub->gold, "gold", sub);
}

/* What to read, and how to write it: catalogue data, copied for use outside transactions. */
static void
prepare(Run *run)
{
	char *scope;

	mls_transaction_begin(run->sub->owner);
	MemoryContextSwitchTo(run->context);
	require_tables(run->sub);
	run->table = mls_table_get(run->sub->foreign_table, run->sub->owner, true);
	if (run->table->timestamp == NULL ||
		mls_table_column(run->table, run->table->timestamp) == NULL)
		ereport(ERROR, errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				errmsg("foreign table %s has no timestamp column any more", run->table->name));
	if (strcmp(run->sub->source, run->table->source->http.name) != 0)
		mls_subscription_rename(run->sub, run->table->source->http.name);
	scope = mls_subscription_scope(run->table);
	if (strcmp(scope, run->sub->scope_hash) != 0)
		mls_subscription_restart(run->sub, scope);
	run->writer = mls_writer_begin(run->table, run->sub, run->id);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

/* ---- Pages ---- */

static void
report_activity(const Run *run)
{
	char *line =
		psprintf("mls sync %s %s: page " INT64_FORMAT ", " INT64_FORMAT " records",
				 run->sub->source, run->sub->resource, run->counters.pages, run->counters.received);

	pgstat_report_activity(STATE_RUNNING, line);
	pfree(line);
}

/* One page, with its position and its counters, in one transaction. */
static void
store_page(Run *run, const MlsBatch *batch)
{
	MlsCounters counters = run->counters;
	MlsPosition position = mls_fetch_position(run->fetch);

	mls_transaction_begin(run->sub->owner);
	require_tables(run->sub);
	mls_writer_store(run->writer, batch, &counters);
	counters.pages++;
	mls_fetch_spent(run->fetch, &counters);
	mls_subscription_reach(run->sub, &position);
	mls_run_progress(run->id, &counters);
	mls_transaction_commit();

	MemoryContextSwitchTo(run->context);
	run->counters = counters;
	run->outcome->counters = counters;
	report_activity(run);
}

static void
read_pages(Run *run)
{
	MlsBatch *batch;

	report_activity(run);
	run->fetch = mls_fetch_begin(run->table, run->sub);
	while ((batch = mls_fetch_next(run->fetch)) != NULL)
	{
		store_page(run, batch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}

/* ---- Ending ---- */

static void
complete(Run *run)
{
	MlsPosition cursor = mls_fetch_newest(run->fetch);

	mls_transaction_begin(run->sub->owner);
	require_tables(run->sub);
	mls_fetch_spent(run->fetch, &run->counters);
	mls_subscription_complete(run->sub, &cursor, run->table->source->timezone);
	mls_run_progress(run->id, &run->counters);
	mls_run_finish(run->id, "finished", NULL, mls_fetch_note(run->fetch), cursor.timestamp);
	mls_transaction_commit();

	MemoryContextSwitchTo(run->context);
	run->outcome->counters = run->counters;
	run->outcome->state = MLS_OUTCOME_FINISHED;
}

/* In an open transaction. */
static void
write_failure(Run *run)
{
	bool cancelled = run->outcome->sqlstate == ERRCODE_QUERY_CANCELED ||
					 run->outcome->sqlstate == ERRCODE_ADMIN_SHUTDOWN;

	if (run->fetch)
		mls_fetch_spent(run->fetch, &run->counters);
	mls_run_progress(run->id, &run->counters);
	mls_run_finish(run->id, cancelled ? "cancelled" : "failed", run->outcome,
				   run->fetch ? mls_fetch_note(run->fetch) : NULL, run->sub->cursor_timestamp);
}

/* Writes a failed run's row; when even that fails, the server log has to do. */
static void
note_failure(Run *run)
{
	if (run->id == 0)
		return;
	PG_TRY();
	{
		mls_transaction_begin(run->sub->owner);
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
	run->outcome->counters = run->counters;
}

/*
 * The process ends in the middle of a run (it was terminated): says so in the
 * run's row, as far as that needs no waiting.  Nothing can interrupt a process
 * that is on its way out.
 */
void
mls_engine_interrupted(void)
{
	Run *run = current_run;
	Oid runs;

	current_run = NULL;
	if (run == NULL || run->id == 0)
		return;

	AbortOutOfAnyTransaction();
	mls_transaction_begin(run->sub->owner);
	runs = get_relname_relid("run", get_namespace_oid("mls", true));
	if (OidIsValid(runs) && ConditionalLockRelationOid(runs, RowExclusiveLock))
		write_failure(run);
	mls_transaction_commit();
}

static void
run_context_callback(void *arg)
{
	const Run *run = arg;

	if (run->sub != NULL)
		errcontext("sync of resource \"%s\" of source \"%s\", after page " INT64_FORMAT,
				   run->sub->resource, run->sub->source, run->counters.pages);
}

static void
run_steps(Run *run)
{
	ErrorContextCallback callback = {
		.callback = run_context_callback, .arg = run, .previous = error_context_stack};

	error_context_stack = &callback;
	claim(run);
	enter_run(run);
	prepare(run);
	read_pages(run);
	complete(run);
	error_context_stack = callback.previous;
}

/* The error at hand becomes the outcome of the run. */
static void
take_error(Run *run)
{
	ErrorData *error;

	MemoryContextSwitchTo(run->context);
	error = CopyErrorData();
	FlushErrorState();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(run->context);
	mls_outcome_fail(run->outcome, error);
	note_failure(run);
	MemoryContextSwitchTo(run->context);
}

/* Syncs a subscription; raises no error, but tells it in the outcome. */
void
mls_engine_run(MlsOutcome *outcome)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "mls_fdw run", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	TimestampTz started = GetCurrentTimestamp();
	Run *run = palloc0(sizeof(Run));

	run->context = context;
	run->outcome = outcome;
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
	if (run->fetch)
		mls_fetch_end(run->fetch);
	if (run->writer)
		mls_writer_end(run->writer);
	if (run->locked)
		mls_subscription_unlock(outcome->subscription);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
	pgstat_report_activity(STATE_IDLE, NULL);
}
