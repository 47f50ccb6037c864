/*
 * follow.c
 *		Runs that follow others: the files of media and the data tests of tables, after a sync that
 *		has brought something.
 *
 * A worker that has done its runs looks whether media of its source are due, or tests of its
 * tables, and starts a process of its own for each, for which nobody waits: neither the worker,
 * nor who called the sync.  The run is one as mls_media_sync() or mls_test_sync() has it, with the
 * same lock, history and progress.
 *
 * That it is due is nowhere noted, but follows from what is in the tables, so nothing is lost
 * where no process can be started, or one is killed: the next sync of the source finds the same.
 * At most a quarter of the server's background workers are taken; the others are for syncs.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#include "run/run.h"
#include "step/transaction.h"

/* Syncs that end while a run is at work make it run again, so often at most. */
#define MOST_RUNS 10

/* A run that began so many runs later than another may have begun before that ended. */
#define NEIGHBOURS 1000

/* What the process is told. */
typedef struct FollowOrder
{
	Oid database;
	Oid session_user;
	Oid role;
	bool role_is_superuser;
	MlsProcessKind process;
	int64 subject;
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

static void
start(const MlsAssignment *assignment, MlsProcessKind process, int64 subject)
{
	FollowOrder order = {.database = assignment->database,
						 .session_user = assignment->session_user,
						 .role = assignment->role,
						 .role_is_superuser = assignment->role_is_superuser,
						 .process = process,
						 .subject = subject};
	BackgroundWorkerHandle *handle;

	/* No slot is no fault: the next sync tries again. */
	(void) mls_worker_start(&handle, "mls_follow_worker_main", (Datum) 0, &order, sizeof(order),
							mls_process(process)->name,
							psprintf("%s " INT64_FORMAT,
									 process == MLS_PROCESS_MEDIA ? "subscription" : "suite",
									 subject));
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

/* One of a few; they end with the process.  False: others have them all. */
static bool
take_seat(void)
{
	int seats = Max(max_worker_processes / 4, 1);
	bool taken = false;

	mls_transaction_begin(GetUserId());
	for (int i = 0; i < seats && !taken; i++)
		taken = mls_lock_try(MLS_LOCK_FOLLOW, i, ExclusiveLock, true);
	mls_transaction_commit();
	return taken;
}

static bool
still_due(const FollowOrder *order)
{
	bool due;

	mls_transaction_begin(GetUserId());
	due = is_due(order->process, order->subject, true);
	mls_transaction_commit();
	return due;
}

void
mls_follow_worker_main(Datum arg)
{
	FollowOrder order;
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
	mls_worker_connect(assignment);
	if (!take_seat())
		return;
	for (int i = 0; i < MOST_RUNS; i++)
	{
		MlsOutcome outcome = {.subscription = order.subject};

		CHECK_FOR_INTERRUPTS();
		mls_run_conduct(&assignment->task, &outcome);
		if (outcome.state != MLS_OUTCOME_FINISHED || !still_due(&order))
			break;
	}
}
