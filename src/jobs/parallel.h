/*
 * parallel.h
 *		A load that several processes share.
 *
 * parallel_load.c	  the leader and its helpers read; helpers are started, watched and ended
 * parallel_range.c	  the ranges a load falls into, and their rows in mls.range
 */
#ifndef MLS_PARALLEL_H
#define MLS_PARALLEL_H

#include "postgres.h"

#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"

#include "read/read.h"

/* Most parts of a load, and so most processes that can share it; one more is for records without timestamp. */
#define MLS_MOST_PARTS 16
#define MLS_MOST_RANGES (MLS_MOST_PARTS + 1)

/* A row of mls.range. */
typedef struct MlsRange
{
	int number;
	char *from;         /* NULL: no bound */
	char *to;           /* NULL: no bound */
	bool untimed;       /* records without timestamp instead */
	TimestampTz since;  /* when the load began, by the source's clock */
	int64 expected;     /* records, as the source counted them */
	int64 received;     /* in earlier runs */
	MlsPosition resume; /* where its reading goes on */
	MlsPosition newest; /* of one that is done */
	bool done;
} MlsRange;

/* What the processes of a load share, in shared memory. */
typedef struct MlsCrew
{
	int64 run;             /* in mls.run */
	pg_atomic_uint32 stop; /* set when the leader ends */
	pg_atomic_uint32 next; /* the next entry of `ranges` nobody works on */
	int nranges;
	int ranges[MLS_MOST_RANGES]; /* numbers of those to read */
} MlsCrew;

typedef struct MlsHelper
{
	BackgroundWorkerHandle *handle;
	const MlsOutcome *outcome;
	bool ended;
} MlsHelper;

typedef struct MlsLoad
{
	MlsRun *run;
	List *ranges; /* of MlsRange * */
	MlsCrew *crew;
	dsm_segment *segment; /* NULL where nobody helps */
	MlsHelper helpers[MLS_MOST_PARTS];
	int nhelpers;
	MlsHttpStats spent; /* by dividing and by ranges read here */
	MlsOutcome *failed; /* of the helper whose error is the run's */
} MlsLoad;

/* parallel_load.c */
extern bool mls_load(MlsRun *run, MlsStorePage store);
extern bool mls_load_grown(MlsRun *run, MlsStorePage store);
extern void mls_load_help(MlsRun *run, MlsStorePage store);
extern MlsCrew *mls_load_crew(MlsAssignment *assignment);
extern int64 mls_load_run(const MlsCrew *crew);
extern MlsPosition mls_load_newest(const MlsRun *run);
extern void mls_load_add(const MlsLoad *load, MlsCounters *counters);
extern int64 mls_load_total(const MlsLoad *load);
extern void mls_load_spent(const MlsLoad *load, MlsCounters *counters);
extern void mls_load_blame(const MlsLoad *load, MlsOutcome *outcome);
extern void mls_load_end(MlsLoad *load);

/* parallel_range.c: rows of mls.range, in the caller's transaction */
extern void mls_range_reach(const MlsSubscription *sub, const MlsRange *range,
							const MlsPosition *position, int64 records);
extern List *mls_range_list(const MlsSubscription *sub);
extern void mls_range_add(const MlsSubscription *sub, const MlsRange *range);
extern void
mls_range_complete(const MlsSubscription *sub, const MlsRange *range, const MlsPosition *newest);

/* parallel_range.c: the ranges a load falls into (List of MlsRange *); NIL if it is better not shared */
extern List *mls_divide(const MlsTable *table, int parts, MlsHttpStats *spent);

#endif /* MLS_PARALLEL_H */
