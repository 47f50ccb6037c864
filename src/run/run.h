/*
 * run.h
 *		The conductor: who is to run, when, and in which order.
 *
 * A process is what is done (sync, purge, ...), a run one execution of it on a
 * subscription; a worker is a background process with the runs of one source.  In the
 * order of a call:
 *
 *	launch.c	mls_sync() and its like: starts workers, waits, returns one row per subscription
 *	worker.c	the background process: connects, runs its subscriptions in turn
 *	worker_role.c	as whom it works
 *	run.c		one run: lock, run row, step after step, outcome; the hooks of steps
 *	follow.c	what is due after others: files of media and data tests, after a sync
 *	make_dataset.c	what a dataset needs, made in a transaction of its own
 *	backoff.c	after a failure: when the next attempt is due
 *	schedule.c	the settings of replication; where pg_cron lives
 */
#ifndef MLS_RUN_H
#define MLS_RUN_H

#include "postgres.h"

#include "step/step.h"

extern int mls_max_sync_workers;
extern int mls_retry_delay_s;
extern int mls_file_retry_delay_s;
extern int mls_retry_delay_max_s;
extern void mls_sync_define_settings(void);

extern const MlsProcess *mls_process(MlsProcessKind kind);
extern void mls_run_conduct(const MlsTask *task, MlsOutcome *outcome);

/* Called when the process ends while a run is open: leaves a word in its row. */
extern void mls_run_interrupted(void);

/* ---- After a failure (backoff.c) ---- */

extern void mls_backoff_failed(const MlsSubscription *sub, const MlsOutcome *outcome);
extern char *mls_backoff_not_due(const MlsSubscription *sub);
extern void mls_backoff_spare(MlsOutcome *outcomes, int count, const MlsOutcome *failed);

/* ---- The process (worker_role.c, worker.c) ---- */

/* At its end it posts events to receivers, and notices of alerts, for so long; who called waits. */
#define MLS_PUSH_SECONDS 10
#define MLS_ALERT_SECONDS 10

/* Connects as who is assigned, with the settings of all workers; once. */
extern void mls_worker_connect(const MlsAssignment *assignment);

extern PGDLLEXPORT void mls_sync_worker_main(Datum arg);

/* ---- After a sync (follow.c) ---- */

/* Starts what is due on the source of a subscription now, and does not wait for it. */
extern void mls_follow(const MlsAssignment *assignment, int64 subscription);

extern PGDLLEXPORT void mls_follow_worker_main(Datum arg);

/* ---- Datasets (make_dataset.c) ---- */

extern PGDLLEXPORT void mls_dataset_worker_main(Datum arg);

#endif /* MLS_RUN_H */
