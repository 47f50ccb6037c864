/*
 * insertion.h
 *		Rows that are new to a table, put there without a statement.
 *
 *	insertion.c  many rows at a time, where nothing but its indexes stands around a table
 */
#ifndef MLS_INSERTION_H
#define MLS_INSERTION_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/spi.h"
#include "executor/tuptable.h"

typedef struct MlsInsertion MlsInsertion;

/*
 * Begins to put rows of a form into a table; NULL where only SQL can.  `absent`, by column of
 * the form, says which have no values; NULL: all have.  A row whose key is there already is an
 * error of class 23, as is one that lacks a value it must have.  Ends in the (sub)transaction
 * in which it began; after an error nothing has to be done.
 */
extern MlsInsertion *mls_insertion_begin(Oid table, TupleDesc form, const bool *absent);

/* The row is copied; the slot has it, in the form of the table, until the next one. */
extern TupleTableSlot *
mls_insertion_put(MlsInsertion *insertion, const Datum *values, const bool *isnull);

/* Is the form that of the table, so that slots fit where rows do? */
extern bool mls_insertion_keeps_form(const MlsInsertion *insertion);

/* Puts what a query gives; its columns have the names of the table's.  False where only SQL can. */
extern bool mls_insertion_query(Oid table, SPIPlanPtr query);

/* Now the rows are in the table, for statements to see. */
extern void mls_insertion_end(MlsInsertion *insertion);

#endif /* MLS_INSERTION_H */
