/*
 * parallel_helper.c
 *		The helpers of a load: started, watched and ended by its leader.
 *
 * The leader can do without them, but an error of one is the run's.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"

#include "compat.h"
#include "jobs/parallel.h"

/* How often the leader shows how far its helpers are, once it waits for them. */
#define PROGRESS_MS 1000

/* After an error the leader waits so long for its helpers to end. */
#define PATIENCE_MS 10000
#define CHECK_MS 20

/* Starts as many helpers as the server has room for: the leader can do without. */
void
mls_helpers_start(MlsLoad *load, MlsAssignment *assignment)
{
	int i;

	for (i = 0; i < assignment->noutcomes; i++)
	{
		MlsHelper *helper = &load->helpers[load->nhelpers];
		MlsShare share = {.first = i, .count = 1};

		if (!mls_worker_start(&helper->handle, "mls_sync_worker_main",
							  UInt32GetDatum(dsm_segment_handle(load->segment)), &share,
							  sizeof(share), "sync helper", load->run->sub->source))
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
void
mls_helpers_check(MlsLoad *load)
{
	int i;

	for (i = 0; i < load->nhelpers; i++)
		if (!load->helpers[i].ended && has_ended(&load->helpers[i]))
			judge(load, load->helpers[i].outcome);
}

static bool
all_have_ended(MlsLoad *load)
{
	bool all = true;
	int i;

	for (i = 0; i < load->nhelpers; i++)
		all &= has_ended(&load->helpers[i]);
	return all;
}

/* Is a helper still at work? */
static bool
somebody_works(const MlsLoad *load)
{
	int i;

	for (i = 0; i < load->nhelpers; i++)
		if (!load->helpers[i].ended)
			return true;
	return false;
}

/* The leader has nothing more to read: shows what the helpers do until they have ended. */
void
mls_helpers_await(MlsLoad *load)
{
	for (mls_helpers_check(load); somebody_works(load); mls_helpers_check(load))
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
void
mls_helpers_stop(int code, Datum arg)
{
	MlsLoad *load = (MlsLoad *) DatumGetPointer(arg);
	int waits = code == 0 ? PATIENCE_MS / CHECK_MS : 0;
	int i;

	pg_atomic_write_u32(&load->crew->stop, 1);
	pg_memory_barrier();
	for (i = 0; i < load->nhelpers; i++)
		if (!load->helpers[i].ended)
			TerminateBackgroundWorker(load->helpers[i].handle);
	while (waits-- > 0 && !all_have_ended(load))
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, CHECK_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
