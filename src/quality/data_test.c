/*
 * data_test.c
 *		A data test as it is run, and the process test, which runs the tests of a suite.
 *
 * The query of a test is made in SQL (data_test.sql).  It runs as the owner of the suite, in a
 * security-restricted operation also if that is who has called, and in a subtransaction that may
 * only read and is rolled back: what functions in it write or set does not stay.  What cannot be
 * run is broken, which is a result like others; only what ends the process from outside ends the
 * run.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "utils/timeout.h"

#include "base/base.h"
#include "gold/map.h"
#include "quality/quality.h"

PG_FUNCTION_INFO_V1(mls_require_sql_sql);

/* ---- Words of users that become part of a query ---- */

static void
require_query(const char *query, const char *what)
{
	List *statements = raw_parser(query, RAW_PARSE_DEFAULT);
	RawStmt *only = list_length(statements) == 1 ? linitial_node(RawStmt, statements) : NULL;

	/* A length says that something follows: a semicolon. */
	if (only == NULL || !IsA(only->stmt, SelectStmt) || only->stmt_len != 0 ||
		((SelectStmt *) only->stmt)->intoClause != NULL)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"%s\" is no query for %s", query, what),
				errdetail("It must be one SELECT, without a semicolon."));
}

/* mls.require_sql(piece, is_query, what) */
Datum
mls_require_sql_sql(PG_FUNCTION_ARGS)
{
	char *piece = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *what = text_to_cstring(PG_GETARG_TEXT_PP(2));

	if (PG_GETARG_BOOL(1))
		require_query(piece, what);
	else
		mls_expression_require_alone(piece, what);
	PG_RETURN_VOID();
}

/* ---- One test ---- */

typedef struct Trial
{
	MlsTestResult *result;
	const char *mart;      /* in whose run it is run, which says what to look at; or NULL */
	MemoryContext context; /* of the result */
	bool is_error;         /* its severity */
	int64 warn_if;
	int64 error_if;
	bool is_running; /* its query: an error may have values of rows in its words */
} Trial;

static char *
judged(const Trial *trial, const char *level, int64 failures)
{
	bool is_error = level ? strcmp(level, "failed") == 0 : failures >= trial->error_if;
	bool is_warning = level ? strcmp(level, "warned") == 0 : failures >= trial->warn_if;

	return is_error && trial->is_error ? "failed" : is_error || is_warning ? "warned" : "passed";
}

static void
run_query(void *arg)
{
	Trial *trial = arg;
	MlsTestResult *result = trial->result;
	char *level;
	Oid user;
	int security;

	/* All three last until the subtransaction is rolled back. */
	XactReadOnly = true;
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(user, security | SECURITY_RESTRICTED_OPERATION);
	SPI_connect();
	mls_select("SELECT mls.data_test_query(t, mls.mart_test_rows($2, t)), "
			   "mls.require_trusted(coalesce(t.relation, t.other)), "
			   "mls.require_trusted(coalesce(t.other, t.relation)) "
			   "FROM mls.data_test t WHERE t.id = $1",
			   mls_arg_int8(result->test), mls_arg_text(trial->mart));
	if (SPI_processed == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the test was removed"));
	result->query = MemoryContextStrdup(trial->context, mls_text_at(0, 1));
	trial->is_running = true;
	mls_sql_run(result->query, false, SPI_OK_SELECT, NULL, 0);
	if (SPI_processed != 1)
		elog(ERROR, "a data test has no result");
	level = mls_text_at(0, 4);
	result->failures = mls_int8_at(0, 1);
	if (mls_text_at(0, 2) != NULL)
		result->keys = MemoryContextStrdup(trial->context, mls_text_at(0, 2));
	if (mls_text_at(0, 3) != NULL)
		result->measure = MemoryContextStrdup(trial->context, mls_text_at(0, 3));
	result->status = judged(trial, level, result->failures);
	SPI_finish();
}

/* What of a running query says nothing but what it may not do, or that it was ended. */
static bool
tells_no_values(int sqlstate)
{
	return sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE ||
		   sqlstate == ERRCODE_READ_ONLY_SQL_TRANSACTION ||
		   ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_OPERATOR_INTERVENTION;
}

/* Monitors are shown results, and no values of rows: "invalid input syntax" would be one. */
static void
note_broken(const Trial *trial, const ErrorData *error)
{
	MlsTestResult *result = trial->result;
	MemoryContext before = MemoryContextSwitchTo(trial->context);

	result->status = "broken";
	result->failures = -1;
	result->measure = result->keys = NULL;
	result->message = psprintf("%s%s%s", error->message, error->detail ? ": " : "",
							   error->detail ? error->detail : "");
	if (trial->is_running && !tells_no_values(error->sqlerrcode))
	{
		result->words = result->message;
		result->message =
			psprintf("it raised an error of SQLSTATE %s", unpack_sql_state(error->sqlerrcode));
	}
	MemoryContextSwitchTo(before);
}

/* Runs a test, of row `row` of the tests that were read, in the open transaction; in the run of a mart, or NULL. */
static MlsTestResult *
run_test(const SPITupleTable *tests, uint64 row, const char *mart, MemoryContext context)
{
	MemoryContext before = MemoryContextSwitchTo(context);
	MlsTestResult *result = palloc0(sizeof(MlsTestResult));
	Trial trial = {.result = result, .mart = mart, .context = context};
	int timeout_s = mls_cell_int4(tests, row, 6);
	TimestampTz started = GetCurrentTimestamp();
	ErrorData *error = NULL;

	result->test = mls_cell_int8(tests, row, 1);
	result->name = mls_cell_text(tests, row, 2);
	MemoryContextSwitchTo(before);
	trial.is_error = mls_cell_bool(tests, row, 3);
	trial.warn_if = mls_cell_int8(tests, row, 4);
	trial.error_if = mls_cell_int8(tests, row, 5);

	enable_timeout_after(STATEMENT_TIMEOUT, timeout_s * 1000);
	PG_TRY();
	{
		error = mls_subtransaction(run_query, &trial, NULL, false);
	}
	PG_FINALLY();
	{
		disable_timeout(STATEMENT_TIMEOUT, false);
	}
	PG_END_TRY();
	result->duration_us = GetCurrentTimestamp() - started;
	/* Only the time tells a timeout from somebody who cancels. */
	if (error != NULL && mls_error_is_cancel(error->sqlerrcode) &&
		result->duration_us < timeout_s * USECS_PER_SEC)
		ReThrowError(error);
	if (error != NULL)
		note_broken(&trial, error);
	result->holds_back = trial.is_error && mls_cell_bool(tests, row, 7) &&
						 (strcmp(result->status, "failed") == 0 || error != NULL);
	return result;
}

#define TEST_COLUMNS                                                                               \
	"t.id, s.name || '.' || t.name, t.severity = 'error', t.warn_if, t.error_if, t.timeout_s, "    \
	"t.on_failure = 'keep last good' "

/* ---- Results ---- */

static void
store(const MlsRun *run, const MlsTestResult *result, bool is_here)
{
	MlsArg keys = mls_arg_text(result->keys);

	mls_sql_control(SPI_OK_INSERT,
					"INSERT INTO mls.test_result (test, run, status, failures, measure, duration, "
					"message, query) SELECT t.id, $2, $3, nullif($4, -1), $5::numeric, $6 * "
					"interval '1 microsecond', $7, $8 FROM mls.data_test t WHERE t.id = $1 "
					"FOR KEY SHARE",
					mls_arg_int8(result->test), mls_arg_int8(run->id), mls_arg_text(result->status),
					mls_arg_int8(result->failures), mls_arg_text(result->measure),
					mls_arg_int8(result->duration_us), mls_arg_text(result->message),
					mls_arg_text(result->query));
	mls_sql_control(SPI_OK_DELETE, "DELETE FROM mls.test_sample WHERE test = $1",
					mls_arg_int8(result->test));
	if (result->keys != NULL || result->words != NULL)
		mls_sql_control(SPI_OK_INSERT,
						"INSERT INTO mls.test_sample (test, keys, message) SELECT t.id, "
						"coalesce($2::jsonb, '[]'), $3 FROM mls.data_test t WHERE t.id = $1 "
						"FOR KEY SHARE",
						mls_arg_int8(result->test), keys, mls_arg_text(result->words));
	if (is_here)
		mls_sql_control(SPI_OK_UPDATE,
						"UPDATE mls.data_test t SET baseline = n.baseline FROM (SELECT u.id, "
						"CASE WHEN u.kind <> 'row_count' THEN CASE WHEN $4 = 0 THEN 0 END "
						"WHEN $3 THEN $2::numeric ELSE u.baseline END AS baseline "
						"FROM mls.data_test u WHERE u.id = $1) n "
						"WHERE t.id = n.id AND t.baseline IS DISTINCT FROM n.baseline",
						mls_arg_int8(result->test), mls_arg_text(result->measure),
						mls_arg_bool(strcmp(result->status, "passed") == 0),
						mls_arg_int8(result->failures));
}

void
mls_test_results_store(const MlsRun *run, const List *results, bool is_here)
{
	ListCell *lc;

	foreach (lc, results)
		store(run, lfirst(lc), is_here);
}

/* ---- Within the run of a mart ---- */

List *
mls_mart_tests(const MlsRun *run, const char *mart)
{
	List *results = NIL;
	SPITupleTable *tests;

	mls_select("SELECT " TEST_COLUMNS "FROM mls.data_test t JOIN mls.test_suite s "
			   "ON s.id = t.suite JOIN pg_catalog.pg_class c ON c.oid = t.relation "
			   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
			   "WHERE n.nspname = $1 AND s.owner = current_user::pg_catalog.regrole "
			   "AND (s.after = 'mart' OR t.on_failure = 'keep last good') ORDER BY t.id",
			   mls_arg_text(mart));
	tests = SPI_tuptable;
	for (uint64 row = 0; row < tests->numvals; row++)
	{
		MlsTestResult *result = run_test(tests, row, mart, run->context);
		MemoryContext before = MemoryContextSwitchTo(run->context);

		results = lappend(results, result);
		MemoryContextSwitchTo(before);
	}
	return results;
}

/* ---- What runs work on ---- */

#define SUBJECT_COLUMNS "s.id, s.name, s.owner::pg_catalog.oid"

static MlsSubscription *
read_subject(int64 id)
{
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT " SUBJECT_COLUMNS " FROM mls.test_suite s WHERE s.id = $1",
			   mls_arg_int8(id));
	mls_rights_leave(&before);
	return SPI_processed == 0 ? NULL : linitial(mls_subjects_found(CurrentMemoryContext));
}

List *
mls_test_suites_found(const char *name, MemoryContext context)
{
	mls_select("SELECT " SUBJECT_COLUMNS " FROM mls.test_suite s "
			   "WHERE pg_catalog.pg_has_role(s.owner, 'USAGE') AND s.name = coalesce($1, s.name) "
			   "ORDER BY s.owner, s.id",
			   mls_arg_text(name));
	if (SPI_processed == 0 && name != NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("there is no test suite \"%s\" of yours", name),
				errhint("mls_tests lists what is tested."));
	return mls_subjects_found(context);
}

/* ---- The process ---- */

static void
count(MlsRun *run, const MlsTestResult *result, MlsCounters *counters)
{
	counters->received++;
	if (strcmp(result->status, "passed") == 0)
		counters->inserted++;
	else if (strcmp(result->status, "warned") == 0)
		counters->updated++;
	else
	{
		counters->bad_values++;
		mls_run_note(run, "%s %s", result->name, result->status);
	}
}

/* The test after another, by their numbers, in a step of its own; false: that was the last. */
static bool
next_test(MlsRun *run, int64 *last)
{
	MlsCounters counters = run->counters;
	SPITupleTable *tests;
	bool found;

	mls_run_begin_step(run);
	mls_select("SELECT " TEST_COLUMNS "FROM mls.data_test t JOIN mls.test_suite s "
			   "ON s.id = t.suite WHERE t.suite = $1 AND t.id > $2 ORDER BY t.id LIMIT 1",
			   mls_arg_int8(run->sub->id), mls_arg_int8(*last));
	tests = SPI_tuptable;
	found = SPI_processed > 0;
	if (found)
	{
		MlsTestResult *result = run_test(tests, 0, NULL, CurrentMemoryContext);

		*last = result->test;
		store(run, result, true);
		count(run, result, &counters);
	}
	mls_run_end_step(run, &counters);
	return found;
}

static void
test_work(MlsRun *run)
{
	int64 last = 0;

	mls_run_enter(run, "testing");
	while (next_test(run, &last))
		;
}

static const char *
test_complete(MlsRun *run)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.test_suite SET failures = 0, problem = NULL WHERE id = $1",
					mls_arg_int8(run->sub->id));
	return NULL;
}

static void
test_failed(MlsRun *run)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.test_suite SET failures = failures + 1, problem = $2 "
					"WHERE id = $1",
					mls_arg_int8(run->sub->id), mls_arg_text(run->outcome->message));
}

const MlsProcess mls_test_process = {
	.name = "test",
	.patient = true,
	.beside = MLS_LOCK_TEST,
	.subject = read_subject,
	.work = test_work,
	.complete = test_complete,
	.failed = test_failed,
};
