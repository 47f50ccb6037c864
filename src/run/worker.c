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
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#include "alert/alert.h"
#include "consumer/consumer.h"
#include "jobs/parallel.h"
#include "monitor/monitor.h"
#include "run/run.h"

/* At its end it posts events to receivers for so long; the caller waits. */
#define PUSH_SECONDS 10
#define ALERT_SECONDS 10

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

static void
leave_word(int code, Datum arg)
{
	mls_run_interrupted();
}

static void
set_option(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_USERSET, PGC_S_OVERRIDE);
}

/*
 * Plans of a run are made while its tables are small and used when they are
 * large: only ways through an index stay good.  With other ways merely
 * disfavoured costs look absurd, so JIT has to be off.  The caller's cancel, not
 * a timeout of its own, ends this process.
 */
static void
settle(const MlsAssignment *assignment)
{
	char name[NAMEDATALEN];

	snprintf(name, sizeof(name), "mls_fdw %s", mls_process(assignment->task.process)->name);
	set_option("search_path", "pg_catalog, pg_temp");
	set_option("application_name", name);
	set_option("statement_timeout", "0");
	set_option("lock_timeout", "0");
	set_option("idle_in_transaction_session_timeout", "0");
	set_option("default_transaction_read_only", "off");
	set_option("default_transaction_isolation", "read committed");
	set_option("row_security", "on");
	set_option("enable_seqscan", "off");
	set_option("enable_hashjoin", "off");
	set_option("enable_mergejoin", "off");
	set_option("jit", "off");
}

static void
connect_as_caller(const MlsAssignment *assignment)
{
	BackgroundWorkerInitializeConnectionByOid(assignment->database, assignment->session_user, 0);
	before_shmem_exit(leave_word, (Datum) 0);
	settle(assignment);
	if (assignment->role != assignment->session_user)
		SetCurrentRoleId(assignment->role, assignment->role_is_superuser);
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

	connect_as_caller(assignment);
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
		mls_push_deliver(PUSH_SECONDS);
		mls_alert_deliver(ALERT_SECONDS);
	}
	my_count = 0;
	dsm_detach(segment);
}
