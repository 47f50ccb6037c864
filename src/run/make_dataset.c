/*
 * make_dataset.c
 *		What mls_dataset() does: makes what a dataset needs in a process, and so in a transaction,
 *		of its own, and syncs it there.
 *
 * Syncs see only what is committed, and a function cannot commit.  What is made is made by
 * mls.make_dataset(), as the caller; its error is the caller's.  Files that were fetched for that
 * are not fetched again by the sync.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#include "alert/alert.h"
#include "base/base.h"
#include "consumer/consumer.h"
#include "monitor/monitor.h"
#include "protocol/ledger.h"
#include "run/run.h"
#include "step/transaction.h"

PG_FUNCTION_INFO_V1(mls_make_dataset_sql);

/* How often a worker that waits is asked whether it waits for us. */
#define CHECK_INTERVAL_MS 1000

static const char *const what = "dataset worker";

/* What is to be made stands behind the one outcome, as text of JSON. */
static char *
order_of(MlsAssignment *assignment)
{
	return (char *) &assignment->outcomes[1];
}

/* ---- the process ---- */

static MlsOutcome *my_outcome;
static emit_log_hook_type previous_log_hook;

/* What is worth knowing of files that are not read is told to the caller, not to the log. */
static void
keep_notices(ErrorData *error)
{
	if ((error->elevel == NOTICE || error->elevel == WARNING) && error->message)
	{
		char *note = my_outcome->note;

		if (strlen(note) + strlen(error->message) + 2 <= sizeof(my_outcome->note))
		{
			if (note[0])
				strlcat(note, "\n", sizeof(my_outcome->note));
			strlcat(note, error->message, sizeof(my_outcome->note));
		}
		if (error->elevel == NOTICE)
			error->output_to_server = false;
	}
	if (previous_log_hook)
		previous_log_hook(error);
}

/* What was made (List of int64 *): subscriptions. */
static List *
make(const char *order)
{
	int level = log_min_messages;
	MemoryContext context = CurrentMemoryContext;
	List *made = NIL;

	/* Without it nobody would be told of notices, and so they would not be made. */
	log_min_messages = Min(level, NOTICE);
	mls_transaction_begin(GetUserId());
	mls_select("SELECT s FROM mls.make_dataset($1::pg_catalog.jsonb) s", mls_arg_text(order));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		int64 *subscription = MemoryContextAlloc(context, sizeof(int64));
		MemoryContext before = MemoryContextSwitchTo(context);

		*subscription = mls_int8_at(i, 1);
		made = lappend(made, subscription);
		MemoryContextSwitchTo(before);
	}
	mls_transaction_commit();
	MemoryContextSwitchTo(context);
	log_min_messages = level;
	return made;
}

/* The first sync, in the process that has just read the files; what becomes of it is in mls.run. */
static void
sync_first(const MlsAssignment *assignment, List *made)
{
	ListCell *lc;

	foreach (lc, made)
	{
		MlsOutcome *outcome = palloc0(sizeof(MlsOutcome));

		CHECK_FOR_INTERRUPTS();
		outcome->subscription = *(const int64 *) lfirst(lc);
		mls_run_conduct(&assignment->task, outcome);
		mls_webhook_deliver(outcome->subscription);
	}
	if (made == NIL)
		return;
	mls_follow(assignment, *(const int64 *) linitial(made));
	mls_push_deliver(MLS_PUSH_SECONDS);
	mls_alert_deliver(MLS_ALERT_SECONDS);
}

void
mls_dataset_worker_main(Datum arg)
{
	MlsAssignment *assignment;
	MlsOutcome *outcome;
	dsm_segment *segment;
	List *volatile made = NIL;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	segment = dsm_attach(DatumGetUInt32(arg));
	if (segment == NULL)
		return; /* the caller has gone, and with it the reason to run */
	assignment = dsm_segment_address(segment);
	outcome = &assignment->outcomes[0];
	mls_worker_connect(assignment);
	my_outcome = outcome;
	previous_log_hook = emit_log_hook;
	emit_log_hook = keep_notices;
	mls_keep_files(
		AllocSetContextCreate(TopMemoryContext, "mls_fdw files", ALLOCSET_DEFAULT_SIZES));
	PG_TRY();
	{
		made = make(order_of(assignment));
		outcome->state = MLS_OUTCOME_FINISHED;
	}
	PG_CATCH();
	{
		mls_outcome_fail(outcome, mls_error_catch(TopMemoryContext));
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	emit_log_hook = previous_log_hook;
	sync_first(assignment, made);
	dsm_detach(segment);
}

/* ---- the caller ---- */

static dsm_segment *
assign(const char *order)
{
	Size size = offsetof(MlsAssignment, outcomes) + sizeof(MlsOutcome) + strlen(order) + 1;
	dsm_segment *segment = dsm_create(size, 0);
	MlsAssignment *assignment = dsm_segment_address(segment);

	memset(assignment, 0, size);
	assignment->database = MyDatabaseId;
	assignment->session_user = GetSessionUserId();
	assignment->role = GetUserId();
	assignment->role_is_superuser = superuser();
	assignment->task.process = MLS_PROCESS_SYNC;
	assignment->noutcomes = 1;
	strcpy(order_of(assignment), order);
	return segment;
}

/* PG_ENSURE_ERROR_CLEANUP: whatever ends the caller ends its worker. */
static void
stop(int code, Datum arg)
{
	TerminateBackgroundWorker((BackgroundWorkerHandle *) DatumGetPointer(arg));
}

static void
wait_for(BackgroundWorkerHandle *handle)
{
	BgwHandleStatus status;
	pid_t pid;

	PG_ENSURE_ERROR_CLEANUP(stop, PointerGetDatum(handle));
	{
		while ((status = GetBackgroundWorkerPid(handle, &pid)) != BGWH_STOPPED)
		{
			int events;

			if (status == BGWH_POSTMASTER_DIED)
				ereport(FATAL, errcode(ERRCODE_ADMIN_SHUTDOWN),
						errmsg("the server ended while a dataset was made"));
			events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							   CHECK_INTERVAL_MS, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
			if ((events & WL_TIMEOUT) && GetBackgroundWorkerPid(handle, &pid) == BGWH_STARTED)
				mls_refuse_own_locks(pid, what, "mls_dataset");
		}
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop, PointerGetDatum(handle));
}

/* A notice a line. */
static void
tell(const char *notes)
{
	while (*notes)
	{
		int length = strcspn(notes, "\n");

		ereport(NOTICE, errmsg_internal("%.*s", length, notes));
		notes += length + (notes[length] != '\0');
	}
}

/* mls.make_dataset_apart(order) */
Datum
mls_make_dataset_sql(PG_FUNCTION_ARGS)
{
	char *order = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ErrorContextCallback *context = error_context_stack;
	dsm_segment *segment = assign(order);
	const MlsOutcome *outcome = ((MlsAssignment *) dsm_segment_address(segment))->outcomes;
	BackgroundWorkerHandle *handle;

	/* Who calls mls_dataset() has not written what stands in it. */
	error_context_stack = NULL;
	if (!mls_worker_start(&handle, "mls_dataset_worker_main",
						  UInt32GetDatum(dsm_segment_handle(segment)), NULL, 0, "dataset",
						  "its caller"))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("could not start a %s", what),
				errdetail("All background worker slots are in use."),
				errhint("Increase max_worker_processes, or try again later."));
	wait_for(handle);
	if (outcome->state == MLS_OUTCOME_FAILED)
		ereport(ERROR, errcode(outcome->sqlstate), errmsg_internal("%s", outcome->message),
				outcome->detail[0] ? errdetail_internal("%s", outcome->detail) : 0,
				outcome->hint[0] ? errhint("%s", outcome->hint) : 0);
	if (outcome->state != MLS_OUTCOME_FINISHED)
		ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("%s ended unexpectedly", what),
				errhint("The server log says why."));
	tell(outcome->note);
	error_context_stack = context;
	dsm_detach(segment);
	PG_RETURN_VOID();
}
