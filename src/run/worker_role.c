/*
 * worker_role.c
 *		As whom a background process works, and with which settings.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/guc.h"

#include "run/run.h"

/* Room for a page of some thousand records, which is kept while a run works. */
#define KEPT_BYTES (32 * 1024 * 1024)

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
 * Pages come and go, and each is as large as the one before.  By itself the C library gives
 * the memory of each back, and takes it again, cleared, page by page of the system.
 */
static void
keep_memory(void)
{
#ifdef M_TRIM_THRESHOLD
	(void) mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	(void) mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
#endif
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
	set_option("jit", "off");
	if (mls_process(assignment->task.process)->subject)
		return; /* its queries are of users' views, read whole */
	set_option("enable_seqscan", "off");
	set_option("enable_hashjoin", "off");
	set_option("enable_mergejoin", "off");
}

void
mls_worker_connect(const MlsAssignment *assignment)
{
	BackgroundWorkerInitializeConnectionByOid(assignment->database, assignment->session_user, 0);
	before_shmem_exit(leave_word, (Datum) 0);
	keep_memory();
	settle(assignment);
	if (assignment->role != assignment->session_user)
		SetCurrentRoleId(assignment->role, assignment->role_is_superuser);
}
