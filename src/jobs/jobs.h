/*
 * jobs.h
 *		The jobs: what is special about their runs.
 *
 * A job is a process without its conductor: an MlsProcess (step/step.h), whose members
 * run/run.c calls in the order of a run.  Its work is step after step, with the network
 * between them.  (Remap is gold's, gold/remap.c.)
 *
 *	sync.c			page after page, cursor; what a dry run of it says
 *	purge.c			what is gone at the source; undo_purge.c takes it back
 *	reconcile.c		what differs from the source
 *	rebuild.c		silver and gold from bronze; no run, a function in one transaction
 *	forget_file.c	what a file of a dataset has brought is taken away; likewise
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
