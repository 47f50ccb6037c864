/*
 * mart.h
 *		Marts: market statistics from gold, as tables in a schema of the user's.
 *
 * What is computed stands in SQL: mart.sql has the statements, mart.tsv the tables and what each
 * of their columns means.  The process (mart_sync.c) follows the events of records from a position
 * of its own, which moves in the transaction that writes the figures.
 */
#ifndef MLS_MART_H
#define MLS_MART_H

#include "postgres.h"

#include "step/step.h"

extern const MlsProcess mls_mart_process;

/* The mart of a name, or all, of those the current role may run, in `context` (List of
 * MlsSubscription *, as processes have it); an error if there is none of that name.  Needs SPI. */
extern List *mls_marts_found(const char *name, MemoryContext context);

#endif /* MLS_MART_H */
