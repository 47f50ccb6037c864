/*
 * worker.c
 *		The background process of mls_sync() and its like: connects as its caller and runs the
 *		subscriptions of one source in turn.
 *
 * A function cannot commit, and a page must be committed with its cursor; hence
 * a process of its own.  It is started dynamically, so nothing has to be
 * preloaded.  What became of the runs goes back through shared memory.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/dsm.h"
#include "tcop/tcopprot.h"

#include "alert/alert.h"
#include "consumer/consumer.h"
#include "jobs/parallel.h"
#include "monitor/monitor.h"
#include "run/run.h"

/* The outcomes this process answers for. */
static MlsOutcome *my_outcomes;
static int my_count;

static emit_log_hook_type previous_log_hook;

/*
 * A FATAL error (no such role, termination) passes no PG_CATCH; this is where
 * its words can be had for the caller.
 */
static void
keep_fatal(ErrorData *error)
{
	if (error->elevel >= FATAL)
	{
		for (int i = 0; i < my_count; i++)
			if (my_outcomes[i].state <= MLS_OUTCOME_RUNNING)
				mls_outcome_fail(&my_outcomes[i], error);
	}
	if (previous_log_hook)
		previous_log_hook(error);
}

static bool
changes_records(MlsProcessKind process)
{
	return process == MLS_PROCESS_SYNC || process == MLS_PROCESS_PURGE ||
		   process == MLS_PROCESS_RECONCILE;
}

void
mls_sync_worker_main(Datum arg)
{
	dsm_segment *segment;
	MlsAssignment *assignment;
	MlsShare share;
	MlsTask task;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();

	segment = dsm_attach(DatumGetUInt32(arg));
	if (segment == NULL)
		return; /* the caller has gone, and with it the reason to run */
	assignment = dsm_segment_address(segment);
	memcpy(&share, MyBgworkerEntry->bgw_extra, sizeof(share));
	my_outcomes = &assignment->outcomes[share.first];
	my_count = share.count;
	previous_log_hook = emit_log_hook;
	emit_log_hook = keep_fatal;

	mls_worker_connect(assignment);
	task = assignment->task;
	if (mls_process(task.process)->helps)
		task.crew = mls_load_crew(assignment);
	for (int i = 0; i < my_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (my_outcomes[i].state != MLS_OUTCOME_PENDING)
			continue;
		mls_run_conduct(&task, &my_outcomes[i]);
		if (mls_process(task.process)->helps)
			break;
		if (mls_process(task.process)->subject == NULL)
			mls_webhook_deliver(my_outcomes[i].subscription);
		mls_backoff_spare(my_outcomes, my_count, &my_outcomes[i]);
	}
	emit_log_hook = previous_log_hook;
	if (!mls_process(task.process)->helps)
	{
		if (changes_records(task.process))
			mls_follow(assignment, my_outcomes[0].subscription);
		mls_push_deliver(MLS_PUSH_SECONDS);
		mls_alert_deliver(MLS_ALERT_SECONDS);
	}
	my_count = 0;
	dsm_detach(segment);
}
