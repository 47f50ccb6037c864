/*
 * process.c
 *		Background workers, and advisory locks between processes.
 *
 * Locks are advisory ones, since a lock on a relation that is held by a session would
 * outlive a process that is terminated between transactions; these are released in
 * every case.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"

#include "base/base.h"

/* The worker tells this process when it starts and ends. */
bool
mls_worker_start(BackgroundWorkerHandle **handle, const char *function, Datum argument,
				 const void *extra, Size extra_size, const char *type, const char *of_what)
{
	BackgroundWorker request = {0};

	Assert(extra_size <= BGW_EXTRALEN);
	request.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	request.bgw_start_time = BgWorkerStart_RecoveryFinished;
	request.bgw_restart_time = BGW_NEVER_RESTART;
	request.bgw_main_arg = argument;
	request.bgw_notify_pid = MyProcPid;
	strlcpy(request.bgw_library_name, "mls_fdw", sizeof(request.bgw_library_name));
	strlcpy(request.bgw_function_name, function, sizeof(request.bgw_function_name));
	snprintf(request.bgw_name, BGW_MAXLEN, "mls_fdw %s of %s", type, of_what);
	snprintf(request.bgw_type, BGW_MAXLEN, "mls_fdw %s", type);
	memcpy(request.bgw_extra, extra, extra_size);
	return RegisterDynamicBackgroundWorker(&request, handle);
}

/* Who keeps a process waiting: holders of what it wants, and who asked before it. */
static List *
blockers_of(int pid)
{
	ArrayType *array =
		DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(pid)));
	int n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const int32 *pids = (const int32 *) ARR_DATA_PTR(array);
	List *blockers = NIL;

	for (int i = 0; i < n; i++)
		blockers = lappend_int(blockers, pids[i]);
	return blockers;
}

void
mls_refuse_own_locks(pid_t worker, const char *what, const char *function)
{
	List *waiting = list_make1_int(worker);

	/* The list grows while it is walked; each process stands in it once. */
	for (int i = 0; i < list_length(waiting); i++)
	{
		List *blockers = blockers_of(list_nth_int(waiting, i));

		if (list_member_int(blockers, MyProcPid))
			ereport(ERROR, errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					errmsg("the %s waits for a lock that this transaction holds", what),
					i > 0 ? errdetail("Process %d waits for it as well, and the %s after that.",
									  list_nth_int(waiting, i), what)
						  : 0,
					errhint("Call %s() in a transaction of its own.", function));
		waiting = list_concat_unique_int(waiting, blockers);
	}
}

/* Background workers are shared by all databases, and so are the seats of those that follow. */
static LOCKTAG
lock_tag(MlsLockClass class, int64 id)
{
	Oid database = class == MLS_LOCK_FOLLOW ? InvalidOid : MyDatabaseId;
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, database, (uint32) (id >> 32), (uint32) id, class);
	return tag;
}

void
mls_lock(MlsLockClass class, int64 id, LOCKMODE mode)
{
	LOCKTAG tag = lock_tag(class, id);

	(void) LockAcquire(&tag, mode, false, false);
}

bool
mls_lock_try(MlsLockClass class, int64 id, LOCKMODE mode, bool session)
{
	LOCKTAG tag = lock_tag(class, id);

	return LockAcquire(&tag, mode, session, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
mls_lock_session(MlsLockClass class, int64 id, LOCKMODE mode)
{
	LOCKTAG tag = lock_tag(class, id);

	(void) LockAcquire(&tag, mode, true, false);
}

void
mls_lock_release(MlsLockClass class, int64 id, LOCKMODE mode, bool session)
{
	LOCKTAG tag = lock_tag(class, id);

	LockRelease(&tag, mode, session);
}
