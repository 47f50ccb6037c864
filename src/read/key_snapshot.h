/*
 * key_snapshot.h
 *		All keys of a source, and records by their keys.
 *
 * A snapshot is the list of all keys that a source has, in a table beside bronze; it has
 * nothing of PostgreSQL's snapshots.  Keys in it that are wanted are asked for by name.
 *
 *	key_snapshot.c	  all keys of a source, in a table; records asked for by their keys
 *	related_bounds.c  what lives on the records of others, within those that are here
 */
#ifndef MLS_KEY_SNAPSHOT_H
#define MLS_KEY_SNAPSHOT_H

#include "postgres.h"

#include "read/read.h"

/*
 * The keys a source has, in a table of their own, and among them those wanted:
 * what purge takes for gone, what reconcile wants to have.
 */
typedef struct MlsKeySnapshot
{
	MlsRun *run;
	Oid relid;          /* of its table */
	const char *table;  /* its name, qualified and quoted */
	const char *bronze; /* the same of the tables to compare with */
	const char *silver;
	TimestampTz started; /* what was fetched later is not judged by it */
	int64 listed;        /* different keys */
	int64 flagged;       /* of records that are there, but flagged as removed */
	int64 keyless;       /* records without a key: which they are nobody knows */
	int64 before;        /* the source's count at the beginning and at the end; or -1 */
	int64 after;
	int64 outside;         /* of them, of parents that are not here: see mls_related_bounds() */
	bool repeats;          /* a key came that was listed before, so each has to be looked for */
	bool may_lack;         /* keys may be missing: each that is, is asked for by name */
	bool unproven;         /* and some may be, by what the source says */
	bool resumable;        /* the next run can go on where the pages written end */
	MemoryContext context; /* of the stream that is open */
	MemoryContext batch_context;
	MlsStream *stream;  /* or NULL */
	char *last_key;     /* of the wanted keys asked for last */
	List *asked;        /* of char *: the keys that the stream asks for */
	List *pending;      /* of such lists: asked for next, since they were refused together */
	int64 refused;      /* keys that the source refuses to be asked for */
	bool is_taken;      /* it has taken others */
	MlsHttpStats spent; /* by streams already closed */
} MlsKeySnapshot;

extern MlsKeySnapshot *mls_snapshot_read(MlsRun *run, bool timestamps, bool may_lack);
extern void mls_snapshot_require_complete(const MlsKeySnapshot *snapshot);
extern void mls_snapshot_end(MlsKeySnapshot *snapshot);
extern const char *mls_snapshot_complete(MlsRun *run);
extern int64 mls_snapshot_execute(MlsKeySnapshot *snapshot, int expected, const char *sql);
extern List *mls_snapshot_next(MlsKeySnapshot *snapshot, int size);
extern int64 mls_snapshot_wanted(MlsKeySnapshot *snapshot);
extern void mls_snapshot_settle(MlsKeySnapshot *snapshot, const MlsBatch *batch);
extern void mls_snapshot_spent(const MlsKeySnapshot *snapshot, MlsCounters *counters);

/* The next page of wanted records; NULL when all were asked for. */
extern MlsBatch *mls_key_fetch_next(MlsKeySnapshot *snapshot, bool keys_only);

/* ---- Within the records of others (related_bounds.c) ---- */

/* Of which parents' records of one resource a fed subscription has the children. */
typedef struct MlsRelatedBound
{
	const char *resource;   /* of the parents */
	const char *key_field;  /* of the child, with the key of its parent */
	const char *kind_field; /* with its parent's resource; or NULL */
	Oid silver;             /* of the parents */
	const char *key_column; /* there */
} MlsRelatedBound;

extern List *mls_related_bounds(const MlsSubscription *sub, const MlsTable *table);
extern bool *mls_related_outside(List *bounds, const MlsBatch *batch);
extern void mls_related_leave_out(List *bounds, MlsBatch *batch);
extern int64 mls_related_count(const MlsSubscription *sub, const MlsTable *table, List *bounds,
							   MlsQuery *all, MlsHttpStats *stats);

#endif /* MLS_KEY_SNAPSHOT_H */
