/*
 * step.h
 *		A run, as the jobs see it, and the steps it consists of.
 *
 * A run has three kinds of moments, each with its transaction: the beginning (who,
 * what, and a committed row in mls.run), each step (a page, say, with its position
 * and its counters), and the end.  Between them there is none, and there the network
 * is used.  The conductor (run/run.c) begins and ends it; a job does its work step
 * after step.
 *
 *	step.c			   steps, rows of mls.run, kinds of failures
 *	transaction.h	   transactions, SQL, relations filled by C
 *	insertion.h		   new rows without a statement
 *	subscription_row.h its subscription: the row, the locks, the owner (owner.c)
 *	issue.h			   what did not fit
 *	source_file.h	   the files that records come from
 *	delivery.h		   what is sent to receivers, in rounds
 *	outcome.h		   what became of it, and what its worker is told
 */
#ifndef MLS_STEP_H
#define MLS_STEP_H

#include "postgres.h"

#include "step/outcome.h"
#include "step/transaction.h"
#include "step/subscription_row.h"

struct MlsRun;

/* What a step asks of those above it. */
typedef struct MlsStepHooks
{
	void (*begun)(struct MlsRun *run);  /* at its beginning: are the tables as they were left? */
	void (*settle)(struct MlsRun *run); /* what is written once for a transaction */
	void (*add_helpers)(const struct MlsRun *run,
						MlsCounters *counters); /* what others have done for the run */
} MlsStepHooks;

/* One run, as the conductor keeps it and the processes use it. */
typedef struct MlsRun
{
	MemoryContext context; /* everything of the run */
	const struct MlsProcess *process;
	const MlsTask *task;
	MlsOutcome *outcome;
	MlsSubscription *sub;
	Oid clerk; /* who writes what becomes of it: sub's owner, or the caller if that role is gone */
	MlsTable *table;
	const MlsStepHooks *hooks;
	struct MlsWriter *writer;
	struct MlsRelatedRecords *children; /* or NULL */
	List *bounds; /* of MlsRelatedBound *, if it is fed by parents of which not all are here */
	struct MlsTimestamps *timestamps; /* or NULL */
	struct MlsLoad *load;             /* shared with others; or NULL */
	const struct MlsRange *range;     /* of it, being read; or NULL */
	void *state;                      /* the process's own; NULL before its work begins */
	const char *note;                 /* what was remarkable, or NULL */
	const char *remark;               /* the same of the remote schema */
	MlsHttpStats schema_spent;
	List *keepings; /* missing_rows.c's: one for each subscription that is written */
	bool reads_all; /* sync: from the first record to the last */
	int64 id;       /* in mls.run; 0 before it is there */
	MlsCounters counters;
	bool locked;
} MlsRun;

/* A process: what is special about its runs.  Members may be NULL except name, work, spent, end. */
typedef struct MlsProcess
{
	const char *name;
	bool helps;          /* works for a run of another process */
	bool backs_off;      /* after failures it is tried later and later */
	bool patient;        /* waits for another run to end */
	MlsLockClass beside; /* runs beside others, under a lock of its own; or 0 */
	/*
	 * What it works on, by its number, if that is no subscription: one that has nothing but
	 * id, owner, source (by which runs are spread over workers) and resource (its name).
	 * NULL if it is not there, or not visible.
	 */
	MlsSubscription *(*subject)(int64 id);
	/* Begins the run of such, and says its number; or NULL: mls_run_start() does. */
	int64 (*start)(const MlsSubscription *subject, const char *process);
	void (*prepare)(MlsRun *run);         /* in the transaction before the work */
	void (*work)(MlsRun *run);            /* outside transactions */
	void (*dry_run)(MlsRun *run);         /* for dry_run, in place of all others; or NULL */
	const char *(*complete)(MlsRun *run); /* in the last one; returns the cursor */
	void (*failed)(MlsRun *run);          /* in the one that notes its failure */
	void (*spent)(MlsRun *run, MlsCounters *counters); /* requests and bytes so far; or NULL */
	void (*end)(MlsRun *run);                          /* gives back what is no memory; or NULL */
} MlsProcess;

/* ---- Steps (step.c) ---- */

extern void mls_run_begin_step(MlsRun *run);
extern void mls_run_end_step(MlsRun *run, MlsCounters *counters);
extern void mls_run_enter(MlsRun *run, const char *phase);
extern void mls_run_note(MlsRun *run, const char *format, ...) pg_attribute_printf(2, 3);

/* Parts of it, for the conductor: its first and last transaction are no steps. */
extern void mls_run_require_tables(const MlsSubscription *sub);
extern void mls_run_count_spent(MlsRun *run, MlsCounters *counters);
extern void mls_run_note_progress(MlsRun *run, const MlsCounters *counters);
extern void mls_run_report_activity(const MlsRun *run);

/* ---- Rows of mls.run (step.c) ---- */

extern int64 mls_run_start(const MlsSubscription *sub, const char *process);
extern int64 mls_run_start_publication(const MlsSubscription *subject, const char *process);
extern void mls_run_progress(int64 run, const MlsCounters *counters);
extern void mls_run_crashed(int64 run);
extern void mls_run_finish(int64 run, const char *status, const MlsOutcome *outcome,
						   const char *note, const char *cursor);

#endif /* MLS_STEP_H */
