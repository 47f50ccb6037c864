/*
 * outcome.h
 *		What a worker is told to do, and what became of it: both in shared memory.
 */
#ifndef MLS_OUTCOME_H
#define MLS_OUTCOME_H

#include "postgres.h"

#include "http/http.h"

typedef struct MlsCounters
{
	int64 requests;
	int64 pages;
	int64 received;
	int64 inserted;
	int64 updated;
	int64 unchanged;
	int64 deleted;
	int64 bad_values;
	int64 bytes;
	int64 expected; /* records announced for the run, or 0 */
} MlsCounters;

typedef enum MlsOutcomeState
{
	MLS_OUTCOME_PENDING,
	MLS_OUTCOME_RUNNING,
	MLS_OUTCOME_FINISHED,
	MLS_OUTCOME_FAILED,
	MLS_OUTCOME_SKIPPED /* not tried; note says why */
} MlsOutcomeState;

/* What an error is of: says who can do something about it. */
typedef enum MlsErrorClass
{
	MLS_ERROR_NONE,
	MLS_ERROR_CREDENTIALS,
	MLS_ERROR_QUOTA,
	MLS_ERROR_NETWORK,  /* the way to the source, or the source is not well */
	MLS_ERROR_PROTOCOL, /* the source has answered, but with something else than asked for */
	MLS_ERROR_DATA,
	MLS_ERROR_OURS /* configuration, privileges, this server */
} MlsErrorClass;

/* What became of a subscription's run; lives in shared memory, so it has no pointers. */
typedef struct MlsOutcome
{
	int64 subscription;
	Oid owner;
	MlsOutcomeState state;
	MlsCounters counters;
	int64
		drift; /* records missing there (purge), missing or different here (reconcile), mapped (remap) */
	int64 duration_us;
	char note[1024]; /* of a run that finished or was not tried: what its caller should know */
	int sqlstate;
	MlsErrorClass error_class;
	TimestampTz retry_at; /* the source may be asked again then; 0: not known */
	char message[1024];
	char detail[2048];
	char hint[1024];
	char context[1024];
} MlsOutcome;

/* What a worker is to do with its subscriptions. */
typedef enum MlsProcessKind
{
	MLS_PROCESS_SYNC,
	MLS_PROCESS_PURGE,
	MLS_PROCESS_RECONCILE,
	MLS_PROCESS_REMAP,
	MLS_PROCESS_RANGES, /* of a load: a helper's */
	MLS_PROCESS_GEOCODE,
	MLS_PROCESS_MEDIA,
	MLS_PROCESS_FEED,
	MLS_PROCESS_PUBLISH,
	MLS_PROCESS_MART,
	MLS_PROCESS_TEST
} MlsProcessKind;

typedef struct MlsTask
{
	MlsProcessKind process;
	bool full;            /* sync: whatever the cursor; mart: all of it */
	bool due;             /* sync: only what is due */
	bool woken;           /* sync: since files were sent, whatever is due */
	bool force;           /* purge, feed: whatever the loss */
	bool dry_run;         /* say what would be done */
	int workers;          /* processes that may work on one subscription */
	struct MlsCrew *crew; /* ranges: who shares the load */
} MlsTask;

/* ---- Failures (step.c) ---- */

extern void mls_outcome_fail(MlsOutcome *outcome, const ErrorData *error);
extern void mls_outcome_skip(MlsOutcome *outcome, const char *why);

extern MlsErrorClass mls_error_class(int sqlstate, const MlsHttpFailure *failure);
extern const char *mls_error_class_name(MlsErrorClass class);
extern bool mls_error_is_cancel(int sqlstate);

/*
 * In a PG_CATCH block, for who goes on: the error, in a context that is current then.  What
 * ends the process from outside is thrown on.  What HTTP knows of it is still to be asked, and
 * then to be forgotten (mls_http_forget_failure).
 */
extern ErrorData *mls_error_catch(MemoryContext context);

/* What a worker is told; followed by its outcomes.  In shared memory. */
typedef struct MlsAssignment
{
	Oid database;
	Oid session_user;
	Oid role;
	bool role_is_superuser;
	MlsTask task;
	int noutcomes;
	MlsOutcome outcomes[FLEXIBLE_ARRAY_MEMBER];
} MlsAssignment;

/* Which of the outcomes are a worker's own; travels in bgw_extra. */
typedef struct MlsShare
{
	int first;
	int count;
} MlsShare;

#endif /* MLS_OUTCOME_H */
