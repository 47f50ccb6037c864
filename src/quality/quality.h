/*
 * quality.h
 *		Data tests: what has to be true of tables, and the configuration in words.
 *
 *	data_test.sql	 tests as rows, and their queries
 *	shipped_tests.tsv	tests that come along
 *	data_test.c		 a test as it is run; the process that runs a suite
 *	export.sql		 the whole configuration as SQL
 *	dbt.sql			 gold and marts as sources of dbt
 *
 * The process test runs suites.  The tests of a mart run within its own runs, before these commit,
 * so that figures that are wrong are not shown: mls_mart_tests().
 */
#ifndef MLS_QUALITY_H
#define MLS_QUALITY_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "step/step.h"

/* What a test has found. */
typedef struct MlsTestResult
{
	int64 test;
	const char *name;   /* with its suite: gold.prices */
	const char *status; /* passed, warned, failed or broken */
	bool holds_back;    /* what was computed is not to be shown */
	int64 failures;     /* -1: not known */
	char *measure;      /* or NULL */
	char *keys;         /* jsonb, or NULL */
	char *query;
	char *message; /* why it is broken, or NULL; it has no values of rows */
	char *words;   /* the error that has, for the owner; or NULL */
	int64 duration_us;
} MlsTestResult;

extern const MlsProcess mls_test_process;

/* The suite of a name, or all, of those the current role may run, in `context` (List of
 * MlsSubscription *, as processes have it); an error if there is none of that name.  Needs SPI. */
extern List *mls_test_suites_found(const char *name, MemoryContext context);

/*
 * Runs the tests of a mart's tables that its owner has for its runs, in the open transaction, which
 * sees what was computed (List of MlsTestResult *, in the context of the run).
 */
extern List *mls_mart_tests(const MlsRun *run, const char *mart);

/* Writes what was found by a run, in an open transaction; of rows that are here, or were taken back. */
extern void mls_test_results_store(const MlsRun *run, const List *results, bool is_here);

#endif /* MLS_QUALITY_H */
