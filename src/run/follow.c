/*
 * follow.c
 *		Runs that follow others, and for which nobody waits: the files of media and data tests, after
 *		a sync that has brought something; a sync, after files were sent for a dataset.
 *
 * A worker that has done its runs looks whether media of its source are due, and starts a process
 * of its own for them, for which nobody waits: neither the worker, nor who called the sync.  The
 * run is one as mls_media_sync() has it, with the same lock, history and progress.
 *
 * That it is due is nowhere noted, but follows from what is in the tables, so nothing is lost
 * where no process can be started, or one is killed: the next sync of the source finds the same.
 * At most a quarter of the server's background workers are taken; the others are for syncs.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "alert/alert.h"
#include "consumer/consumer.h"
#include "monitor/monitor.h"
#include "run/run.h"
#include "step/transaction.h"

/* Syncs that end while a run is at work make it run again, so often at most. */
#define MOST_RUNS 10

/* A run that began so many runs later than another may have begun before that ended. */
#define NEIGHBOURS 1000

PG_FUNCTION_INFO_V1(mls_begin_sync);

/* How long a sync waits for another run to end, and how often it looks. */
#define PATIENCE_MS (600 * 1000L)
#define LOOK_MS 200L

/* What the process is told. */
typedef struct FollowOrder
{
	Oid database;
	Oid session_user;
	Oid role;
	bool role_is_superuser;
	int64 subscription; /* or test suite */
	MlsProcessKind process;
} FollowOrder;

/*
 * Is a run due on media $1?  If anything of their source has changed since the last one began;
 * unless we are `again` in a row also if files wait whose time has come, or there was none yet.
 * After runs that failed later and later, as for syncs.
 */
static bool
media_are_due(int64 subscription, bool again)
{
	mls_select("SELECT r.after_sync AND NOT r.paused "
			   "AND (l.id IS NULL OR f.failures = 0 "
			   "OR coalesce(l.finished_at, l.started_at) + least($3 * "
			   "pg_catalog.pow(2, least(f.failures - 1, 30)), $4) "
			   "* pg_catalog.make_interval(secs => 1) <= pg_catalog.now()) "
			   "AND (EXISTS (SELECT FROM mls.run c JOIN mls.subscription o "
			   "ON o.id = c.subscription AND o.source = s.source "
			   "WHERE c.process <> 'media' AND c.id > coalesce(l.id, 0) - $5 "
			   "AND c.inserted + c.updated + c.deleted > 0 AND c.finished_at > l.started_at) "
			   "OR NOT $2 AND (l.id IS NULL OR EXISTS (SELECT FROM mls.media m "
			   "WHERE m.subscription = $1 AND m.state = 'wanted') "
			   "OR EXISTS (SELECT FROM mls.media m WHERE m.subscription = $1 "
			   "AND m.state = 'failed' AND m.next_attempt_at <= pg_catalog.now()))) "
			   "FROM mls.media_rule r JOIN mls.subscription s ON s.id = r.subscription "
			   "LEFT JOIN LATERAL (SELECT l.id, l.started_at, l.finished_at FROM mls.run l "
			   "WHERE l.subscription = r.subscription AND l.process = 'media' "
			   "ORDER BY l.id DESC LIMIT 1) l ON true "
			   "CROSS JOIN LATERAL (SELECT pg_catalog.count(*) AS failures FROM mls.run f "
			   "WHERE f.subscription = r.subscription AND f.process = 'media' "
			   "AND (f.status IN ('failed', 'crashed') OR f.status = 'running' AND f.id = l.id) "
			   "AND f.id > coalesce((SELECT pg_catalog.max(b.id) "
			   "FROM mls.run b WHERE b.subscription = r.subscription AND b.process = 'media' "
			   "AND b.status = 'finished'), 0)) f WHERE r.subscription = $1",
			   mls_arg_int8(subscription), mls_arg_bool(again), mls_arg_int4(mls_retry_delay_s),
			   mls_arg_int4(mls_retry_delay_max_s), mls_arg_int4(NEIGHBOURS));
	return SPI_processed > 0 && mls_bool_at(0, 1);
}

/* Is suite $1 due?  If a run has changed a table that it tests since it ran last, or none has yet. */
static bool
suite_is_due(int64 suite)
{
	mls_select("SELECT EXISTS (SELECT FROM mls.data_test t JOIN mls.subscription s "
			   "ON t.relation IN (s.bronze, s.silver, s.gold) OR t.other IN (s.silver, s.gold) "
			   "JOIN mls.run c ON c.subscription = s.id "
			   "WHERE t.suite = q.id AND c.process <> 'media' AND (l.id IS NULL "
			   "OR c.id > l.id - $2 AND c.inserted + c.updated + c.deleted > 0 "
			   "AND c.finished_at > l.started_at)) FROM mls.test_suite q "
			   "LEFT JOIN LATERAL (SELECT l.id, l.started_at FROM mls.run l "
			   "WHERE l.subscription IS NULL AND l.process = 'test' AND l.subject = q.name "
			   "ORDER BY l.id DESC LIMIT 1) l ON true WHERE q.id = $1 AND q.after = 'sync'",
			   mls_arg_int8(suite), mls_arg_int4(NEIGHBOURS));
	return SPI_processed > 0 && mls_bool_at(0, 1);
}

static bool
is_due(MlsProcessKind process, int64 subject, bool again)
{
	return process == MLS_PROCESS_MEDIA ? media_are_due(subject, again) : suite_is_due(subject);
}

/* ---- Who starts it ---- */

static bool
start_worker(const FollowOrder *order)
{
	BackgroundWorkerHandle *handle;

	return mls_worker_start(&handle, "mls_follow_worker_main", (Datum) 0, order, sizeof(*order),
							mls_process(order->process)->name,
							psprintf("%s " INT64_FORMAT,
									 order->process == MLS_PROCESS_TEST ? "suite" : "subscription",
									 order->subscription));
}

static void
start(const MlsAssignment *assignment, MlsProcessKind process, int64 subject)
{
	FollowOrder order = {.database = assignment->database,
						 .session_user = assignment->session_user,
						 .role = assignment->role,
						 .role_is_superuser = assignment->role_is_superuser,
						 .subscription = subject,
						 .process = process};

	/* No slot is no fault: the next sync tries again. */
	(void) start_worker(&order);
}

/* Starts those of a process that are due; a query finds them by the subscription worked on. */
static void
follow_with(const MlsAssignment *assignment, MlsProcessKind process, const char *query,
			int64 subscription)
{
	SPITupleTable *found;

	mls_select(query, mls_arg_int8(subscription));
	found = SPI_tuptable;
	for (uint64 i = 0; i < found->numvals; i++)
		if (is_due(process, mls_cell_int8(found, i, 1), false))
			start(assignment, process, mls_cell_int8(found, i, 1));
}

void
mls_follow(const MlsAssignment *assignment, int64 subscription)
{
	if (assignment->task.dry_run)
		return;
	mls_transaction_begin(GetUserId());
	/* Media of the source that a worker has worked on, whose files are kept. */
	follow_with(assignment, MLS_PROCESS_MEDIA,
				"SELECT r.subscription FROM mls.media_rule r JOIN mls.subscription m "
				"ON m.id = r.subscription JOIN mls.subscription s ON s.source = m.source "
				"WHERE s.id = $1 AND r.after_sync AND NOT r.paused ORDER BY 1",
				subscription);
	/* Suites with tests of its tables that the worker may run. */
	follow_with(assignment, MLS_PROCESS_TEST,
				"SELECT DISTINCT q.id FROM mls.test_suite q JOIN mls.data_test t ON t.suite = q.id "
				"JOIN mls.subscription m ON t.relation IN (m.bronze, m.silver, m.gold) "
				"OR t.other IN (m.silver, m.gold) JOIN mls.subscription s ON s.source = m.source "
				"WHERE s.id = $1 AND q.after = 'sync' "
				"AND pg_catalog.pg_has_role(q.owner, 'USAGE') ORDER BY 1",
				subscription);
	mls_transaction_commit();
}

/* ---- The process ---- */

/* One of a few; they end with the process.  -1: others have them all. */
static int
take_seat(void)
{
	int seats = Max(max_worker_processes / 4, 1);
	int seat = -1;

	mls_transaction_begin(GetUserId());
	for (int i = 0; i < seats && seat < 0; i++)
		if (mls_lock_try(MLS_LOCK_FOLLOW, i, ExclusiveLock, true))
			seat = i;
	mls_transaction_commit();
	return seat;
}

static bool
still_due(const FollowOrder *order)
{
	bool due;

	mls_transaction_begin(GetUserId());
	due = is_due(order->process, order->subscription, true);
	mls_transaction_commit();
	return due;
}

static void
follow_sync(const MlsAssignment *assignment, const FollowOrder *order)
{
	for (int i = 0; i < MOST_RUNS; i++)
	{
		MlsOutcome outcome = {.subscription = order->subscription};

		CHECK_FOR_INTERRUPTS();
		mls_run_conduct(&assignment->task, &outcome);
		if (outcome.state != MLS_OUTCOME_FINISHED || !still_due(order))
			break;
	}
}

/* ---- A sync of what was sent ---- */

static bool
try_lock(MlsLockClass class, int64 id)
{
	bool taken;

	mls_transaction_begin(GetUserId());
	taken = class == MLS_LOCK_SUBSCRIPTION ? mls_subscription_lock(id, true)
										   : mls_lock_try(class, id, ExclusiveLock, true);
	mls_transaction_commit();
	return taken;
}

/* Waits until no run is at work on it; false after a while. */
static bool
wait_for_end(int64 subscription)
{
	for (int64 tries = PATIENCE_MS / LOOK_MS; !try_lock(MLS_LOCK_SUBSCRIPTION, subscription);
		 tries--)
	{
		if (tries == 0)
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	mls_subscription_unlock(subscription);
	return true;
}

/*
 * Whoever waits sees the files that are sent until his run begins, so one who waits is enough: who
 * finds another waiting has nothing to do.  A run that is at work may have listed the files before.
 */
static void
sync_wanted(const MlsAssignment *assignment, const FollowOrder *order)
{
	MlsOutcome outcome;

	do
	{
		bool is_free;

		if (!try_lock(MLS_LOCK_WANTED, order->subscription))
			return;
		is_free = wait_for_end(order->subscription);
		mls_lock_release(MLS_LOCK_WANTED, order->subscription, ExclusiveLock, true);
		if (!is_free)
			return;
		outcome = (MlsOutcome){.subscription = order->subscription};
		mls_run_conduct(&assignment->task, &outcome);
	} while (outcome.state == MLS_OUTCOME_FAILED && outcome.sqlstate == ERRCODE_OBJECT_IN_USE);
	mls_webhook_deliver(order->subscription);
	mls_follow(assignment, order->subscription);
}

/* Another dataset for which files were sent when there was no seat. */
static bool
find_waiting(FollowOrder *order)
{
	bool found;

	mls_transaction_begin(GetUserId());
	mls_sql_control(SPI_OK_SELECT, "SELECT w.subscription, w.owner FROM mls.waiting_dataset($1) w",
					mls_arg_int8(order->subscription));
	found = SPI_processed > 0;
	if (found)
	{
		order->subscription = mls_int8_at(0, 1);
		order->role = mls_oid_at(0, 2);
		order->role_is_superuser = superuser_arg(order->role);
	}
	mls_transaction_commit();
	return found;
}

/* mls.begin_sync(subscription): true if a process was started. */
Datum
mls_begin_sync(PG_FUNCTION_ARGS)
{
	FollowOrder order = {.database = MyDatabaseId,
						 .session_user = GetSessionUserId(),
						 .subscription = PG_GETARG_INT64(0),
						 .process = MLS_PROCESS_SYNC};
	MlsSubscription *sub;

	mls_refuse_standby("mls.begin_sync()", "sync");
	SPI_connect();
	sub = mls_subscription_by_id(order.subscription);
	if (sub == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such subscription"));
	mls_owner_require_caller(sub, "sync");
	order.role = sub->owner;
	order.role_is_superuser = superuser_arg(sub->owner);
	SPI_finish();
	PG_RETURN_BOOL(start_worker(&order));
}

/* ---- The process itself ---- */

void
mls_follow_worker_main(Datum arg)
{
	FollowOrder order;
	int seat;
	MlsAssignment *assignment;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();

	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
	assignment = MemoryContextAllocZero(TopMemoryContext, offsetof(MlsAssignment, outcomes));
	assignment->database = order.database;
	assignment->session_user = order.session_user;
	assignment->role = order.role;
	assignment->role_is_superuser = order.role_is_superuser;
	assignment->task.process = order.process;
	assignment->task.woken = order.process == MLS_PROCESS_SYNC;
	mls_worker_connect(assignment);
	seat = take_seat();
	if (seat < 0)
		return;
	if (order.process == MLS_PROCESS_SYNC)
		sync_wanted(assignment, &order);
	else
		follow_sync(assignment, &order);
	mls_lock_release(MLS_LOCK_FOLLOW, seat, ExclusiveLock, true);
	if (order.process == MLS_PROCESS_TEST)
		order.subscription = 0;
	order.process = MLS_PROCESS_SYNC;
	if (find_waiting(&order))
		(void) start_worker(&order);
	if (assignment->task.process == MLS_PROCESS_SYNC)
	{
		mls_push_deliver(MLS_PUSH_SECONDS);
		mls_alert_deliver(MLS_ALERT_SECONDS);
	}
}
