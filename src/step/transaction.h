/*
 * transaction.h
 *		Transactions as a role, and what SQL inside them works with.
 *
 *	transaction.c  transactions, plans; relations filled by C, read by SQL
 */
#ifndef MLS_TRANSACTION_H
#define MLS_TRANSACTION_H

#include "postgres.h"

#include "base/base.h"

extern void mls_transaction_begin(Oid owner);
extern void mls_transaction_commit(void);
extern SPIPlanPtr mls_plan_prepare(const char *sql);
extern void mls_plan_run(SPIPlanPtr plan, int expected);
extern void mls_plan_run_control(SPIPlanPtr plan, int expected);
extern void mls_plan_free(SPIPlanPtr plan);

/* An error on a standby and in a read-only transaction. */
extern void mls_refuse_standby(const char *function, const char *verb);

/* ---- Relations that C fills and SQL reads ---- */

typedef struct MlsTransition
{
	const char *name; /* as SQL knows it */
	TupleDesc desc;
	Tuplestorestate *store;
	int64 rows;
	int told_rows; /* how many the planner is told that there are; 0: as many as a page has */
} MlsTransition;

extern void mls_transition_open(MlsTransition *relay);
extern void mls_transition_close(MlsTransition *relay);
extern void mls_transition_put(MlsTransition *relay, Datum *values, bool *isnull);
extern void mls_transition_put_slot(MlsTransition *relay, TupleTableSlot *slot);

/* A row of it from MlsArg's. */
#define mls_transition_add(relay, ...)                                                             \
	do                                                                                             \
	{                                                                                              \
		mls_put_row((relay)->store, (relay)->desc, MLS_ARGS(__VA_ARGS__));                         \
		(relay)->rows++;                                                                           \
	} while (0)

#endif /* MLS_TRANSACTION_H */
