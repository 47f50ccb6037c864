/*
 * key_walk.h
 *		Batch after batch of silver's keys, in their order (key_walk.c).
 */
#ifndef MLS_KEY_WALK_H
#define MLS_KEY_WALK_H

#include "postgres.h"

#include "step/step.h"

/* Keys of a batch, and rows of silver that are written together. */
#define MLS_KEY_WALK_ROWS 1000

typedef struct MlsKeyWalk
{
	MlsTransition keys;  /* those of the batch, while it is open */
	const char *silver;  /* as SQL has it */
	const char *columns; /* of the key there */
	Datum *last;         /* NULL before the first batch */
	MemoryContext context;
} MlsKeyWalk;

/* Begins at the first key of a run's records; the relation of keys gets that name.  It is
 * allocated in the run's context. */
extern void mls_key_walk_begin(MlsKeyWalk *walk, const MlsRun *run, const char *name);

/* Opens the relation with the keys that follow; how many: fewer than MLS_KEY_WALK_ROWS only at the end. */
extern int64 mls_key_walk_next(MlsKeyWalk *walk);

#endif /* MLS_KEY_WALK_H */
