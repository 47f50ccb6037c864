/*
 * jobs.h
 *		The jobs: what is special about their runs.
 *
 *	sync.c			page after page, cursor; dry_run.c says what it would do
 *	purge.c			what is gone at the source; undo_purge.c takes it back
 *	reconcile.c		what differs from the source
 *	rebuild.c		silver and gold from bronze
 *	parallel_load.c a load that several processes share: see parallel.h
 */
#ifndef MLS_JOBS_H
#define MLS_JOBS_H

#include "postgres.h"

#include "step/step.h"

extern const MlsProcess mls_sync_process;
extern const MlsProcess mls_ranges_process; /* sync.c: a helper's */
extern const MlsProcess mls_purge_process;
extern const MlsProcess mls_reconcile_process;

#endif /* MLS_JOBS_H */
