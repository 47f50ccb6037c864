/*
 * step.c
 *		The steps of a run: a transaction each, with its counters and what was
 *		remarkable.
 */
#include "postgres.h"

#include "access/relation.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "step/step.h"

/* Names of processes that work beside others, with a lock of their own, as a list of SQL. */
#define MLS_PROCESSES_BESIDE "('geocode', 'media')"

static void
require_table(Oid relid, const char *layer, const MlsSubscription *sub)
{
	if (get_rel_name(relid) == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the %s table of resource \"%s\" of source \"%s\" was dropped", layer,
					   sub->resource, sub->source),
				errhint("Call mls_subscribe() for its foreign table to make it anew; "
						"mls_rebuild() fills silver and gold from bronze. A gold table is made "
						"and filled anew by the next run of any process."));
}

/* Locks the foreign table for the transaction and makes sure that all tables are still there. */
void
mls_run_require_tables(const MlsSubscription *sub)
{
	Relation foreign_table;

	if (!OidIsValid(sub->foreign_table))
		return;
	foreign_table = try_relation_open(sub->foreign_table, AccessShareLock);
	if (foreign_table == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the foreign table of resource \"%s\" of source \"%s\" was dropped",
					   sub->resource, sub->source),
				errhint("Make it again and call mls_subscribe() for it, which goes on with what is "
						"here; or end the subscription: SELECT mls_unsubscribe(%u);",
						sub->foreign_table));
	relation_close(foreign_table, NoLock);
	require_table(sub->bronze, "bronze", sub);
	require_table(sub->silver, "silver", sub);
	mls_owner_require_tables(sub);
}

void
mls_run_report_activity(const MlsRun *run)
{
	char *line =
		psprintf("mls %s %s %s: page " INT64_FORMAT ", " INT64_FORMAT " %s", run->process->name,
				 run->sub->source, run->sub->resource, run->counters.pages, run->counters.received,
				 run->counters.received == 1 ? "record" : "records");

	pgstat_report_activity(STATE_RUNNING, line);
	pfree(line);
}

/* Begins the transaction of a step; all tables are there. */
void
mls_run_begin_step(MlsRun *run)
{
	mls_transaction_begin(run->sub->owner);
	if (run->process->subject != NULL)
		return;
	mls_run_require_tables(run->sub);
	if (OidIsValid(run->sub->gold))
		require_table(run->sub->gold, "gold", run->sub);
	run->hooks->begun(run);
}

/* Requests and bytes so far: those of the process, and those of the schema check. */
void
mls_run_count_spent(MlsRun *run, MlsCounters *counters)
{
	counters->requests = 0;
	counters->bytes = 0;
	if (run->process->spent)
		run->process->spent(run, counters);
	counters->requests += run->schema_spent.requests;
	counters->bytes += run->schema_spent.body_bytes;
}

/* Writes the counters of a run with those of its helpers; a helper has no run of its own. */
void
mls_run_note_progress(MlsRun *run, const MlsCounters *counters)
{
	MlsCounters all = *counters;

	run->hooks->add_helpers(run, &all);
	if (!run->process->helps)
		mls_run_progress(run->id, &all);
	run->outcome->counters = all;
}

/* Commits it with its counters, which count for the run only then. */
void
mls_run_end_step(MlsRun *run, MlsCounters *counters)
{
	mls_run_count_spent(run, counters);
	run->hooks->settle(run);
	mls_run_note_progress(run, counters);
	mls_transaction_commit();

	MemoryContextSwitchTo(run->context);
	run->counters = *counters;
	mls_run_report_activity(run);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

void
mls_run_leave_step(MlsRun *run)
{
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	CHECK_FOR_INTERRUPTS();
}

/* Says what a run does from now on. */
static void
set_phase(int64 run, const char *phase)
{
	mls_sql_control(SPI_OK_UPDATE, "UPDATE mls.run SET phase = $2 WHERE id = $1", mls_arg_int8(run),
					mls_arg_text(phase));
}

/* Says what a run does from now on, in a step of its own. */
void
mls_run_enter(MlsRun *run, const char *phase)
{
	MlsCounters counters = run->counters;

	mls_run_begin_step(run);
	set_phase(run->id, phase);
	mls_run_end_step(run, &counters);
}

/* Adds to what is remarkable about a run; format and arguments as in printf. */
void
mls_run_note(MlsRun *run, const char *format, ...)
{
	MemoryContext before = MemoryContextSwitchTo(run->context);
	StringInfoData note;
	va_list args;

	initStringInfo(&note);
	if (run->note != NULL)
		appendStringInfo(&note, "%s; ", run->note);
	for (;;)
	{
		int needed;

		va_start(args, format);
		needed = appendStringInfoVA(&note, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&note, needed);
	}
	run->note = note.data;
	MemoryContextSwitchTo(before);
}

/* ---- Rows of mls.run: begun before the work, updated with each page, ended with an outcome ---- */

/* What becomes of runs that did not come to say how they ended. */
#define MARK_CRASHED                                                                               \
	"UPDATE mls.run SET status = 'crashed', finished_at = clock_timestamp(), "                     \
	"message = 'the process or the server ended during the run' "

/* The same of something that is no subscription; the caller holds its lock. */
static int64
start_apart(const MlsSubscription *sub, const char *process)
{
	mls_sql_control(SPI_OK_UPDATE,
					MARK_CRASHED
					"WHERE subscription IS NULL AND process = $1 AND subject = $2 AND status = "
					"'running'",
					mls_arg_text(process), mls_arg_text(sub->resource));
	mls_sql_control(SPI_OK_INSERT_RETURNING,
					"INSERT INTO mls.run (subject, owner, process, pid, backend_start) "
					"VALUES ($1, $2::pg_catalog.regrole, $3, $4, $5) RETURNING id",
					mls_arg_text(sub->resource), mls_arg_oid(sub->owner), mls_arg_text(process),
					mls_arg_int4(MyProcPid), mls_arg_time(MyStartTimestamp));
	return mls_int8_at(0, 1);
}

/*
 * Starts a run and returns its number.  The caller holds the lock of the
 * subscription, or that of the one process that runs beside others, so a run that still
 * counts as running under it belongs to a process that is no more.
 */
int64
mls_run_start(const MlsSubscription *sub, const char *process)
{
	if (!OidIsValid(sub->foreign_table))
		return start_apart(sub, process);
	mls_sql_control(SPI_OK_UPDATE,
					MARK_CRASHED "WHERE subscription = $1 AND status = 'running' "
								 "AND CASE WHEN $2 IN " MLS_PROCESSES_BESIDE
								 " THEN process = $2 ELSE process NOT IN " MLS_PROCESSES_BESIDE
								 " END",
					mls_arg_int8(sub->id), mls_arg_text(process));
	mls_sql_control(
		SPI_OK_INSERT_RETURNING,
		"INSERT INTO mls.run (subscription, process, pid, backend_start, cursor_before) "
		"SELECT id, $2, $3, $4, cursor_timestamp FROM mls.subscription WHERE id = $1 "
		"RETURNING id",
		mls_arg_int8(sub->id), mls_arg_text(process), mls_arg_int4(MyProcPid),
		mls_arg_time(MyStartTimestamp));
	if (SPI_processed != 1)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("the subscription was removed before it was synced"));
	return mls_int8_at(0, 1);
}

/* The same for a publication, which has one process. */
int64
mls_run_start_publication(const MlsSubscription *subject, const char *process)
{
	mls_sql_control(SPI_OK_UPDATE, MARK_CRASHED "WHERE publication = $1 AND status = 'running'",
					mls_arg_int8(subject->id));
	mls_sql_control(
		SPI_OK_INSERT_RETURNING,
		"INSERT INTO mls.run (publication, subject, owner, process, pid, backend_start, "
		"cursor_before) VALUES ($1, $2, $3::pg_catalog.regrole, $4, $5, $6, $7) "
		"RETURNING id",
		mls_arg_int8(subject->id), mls_arg_text(subject->resource), mls_arg_oid(subject->owner),
		mls_arg_text(process), mls_arg_int4(MyProcPid), mls_arg_time(MyStartTimestamp),
		mls_arg_text(subject->cursor_timestamp));
	return mls_int8_at(0, 1);
}

void
mls_run_progress(int64 run, const MlsCounters *counters)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.run SET requests = $2, pages = $3, received = $4, inserted = $5, "
					"updated = $6, unchanged = $7, deleted = $8, bad_values = $9, bytes = $10, "
					"expected = $11 WHERE id = $1",
					mls_arg_int8(run), mls_arg_int8(counters->requests),
					mls_arg_int8(counters->pages), mls_arg_int8(counters->received),
					mls_arg_int8(counters->inserted), mls_arg_int8(counters->updated),
					mls_arg_int8(counters->unchanged), mls_arg_int8(counters->deleted),
					mls_arg_int8(counters->bad_values), mls_arg_int8(counters->bytes),
					mls_arg_int8(counters->expected));
}

/* Ends a run whose process ends in it, without an error. */
void
mls_run_crashed(int64 run)
{
	mls_sql_control(SPI_OK_UPDATE, MARK_CRASHED "WHERE id = $1", mls_arg_int8(run));
}

static MlsArg
text_unless_empty(const char *text)
{
	return mls_arg_text(text == NULL || text[0] == '\0' ? NULL : text);
}

/* Ends a run; outcome gives its error, NULL for none. */
void
mls_run_finish(int64 run, const char *status, const MlsOutcome *outcome, const char *note,
			   const char *cursor)
{
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.run SET status = $2, finished_at = clock_timestamp(), sqlstate = $3, "
		"message = $4, detail = $5, hint = $6, note = $7, cursor_after = $8, "
		"error_class = $9 WHERE id = $1",
		mls_arg_int8(run), mls_arg_text(status),
		text_unless_empty(outcome ? unpack_sql_state(outcome->sqlstate) : NULL),
		text_unless_empty(outcome ? outcome->message : NULL),
		text_unless_empty(outcome ? outcome->detail : NULL),
		text_unless_empty(outcome ? outcome->hint : NULL), text_unless_empty(note),
		text_unless_empty(cursor),
		text_unless_empty(outcome ? mls_error_class_name(outcome->error_class) : NULL));
}

static void
copy_text(char *target, Size size, const char *text)
{
	int length = 0;

	if (text != NULL)
	{
		length = pg_mbcliplen(text, strlen(text), size - 1);
		memcpy(target, text, length);
	}
	target[length] = '\0';
}

/* Keeps an error, each part cut to the room there is. */
void
mls_outcome_fail(MlsOutcome *outcome, const ErrorData *error)
{
	outcome->sqlstate = error->sqlerrcode;
	if (!mls_error_is_cancel(error->sqlerrcode))
		outcome->error_class = mls_error_class(error->sqlerrcode, mls_http_failure());
	outcome->retry_at = mls_http_failure()->retry_at;
	copy_text(outcome->message, sizeof(outcome->message), error->message);
	copy_text(outcome->detail, sizeof(outcome->detail), error->detail);
	copy_text(outcome->hint, sizeof(outcome->hint), error->hint);
	copy_text(outcome->context, sizeof(outcome->context), error->context);
	outcome->state = MLS_OUTCOME_FAILED;
}

/* A subscription that is not tried. */
void
mls_outcome_skip(MlsOutcome *outcome, const char *why)
{
	copy_text(outcome->note, sizeof(outcome->note), why);
	outcome->state = MLS_OUTCOME_SKIPPED;
}

/* ---- Kinds of failures ---- */

static const char *const class_names[] = {
	[MLS_ERROR_NONE] = NULL,           [MLS_ERROR_CREDENTIALS] = "credentials",
	[MLS_ERROR_QUOTA] = "quota",       [MLS_ERROR_NETWORK] = "network",
	[MLS_ERROR_PROTOCOL] = "protocol", [MLS_ERROR_DATA] = "data",
	[MLS_ERROR_OURS] = "ours",
};

/* NULL where there is no error. */
const char *
mls_error_class_name(MlsErrorClass class)
{
	return class_names[class];
}

/* Errors that data can cause, be it the source's or a constraint here that does not let it in. */
static bool
is_of_data(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION ||
		   category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		   category == ERRCODE_PROGRAM_LIMIT_EXCEEDED || category == ERRCODE_PLPGSQL_ERROR ||
		   category == ERRCODE_WITH_CHECK_OPTION_VIOLATION;
}

/* The wrapper's own SQLSTATEs: what another try may mend, what the source has said, what is set here. */
static MlsErrorClass
class_of_wrapper(int sqlstate)
{
	switch (sqlstate)
	{
		case ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION:
		case ERRCODE_FDW_UNABLE_TO_CREATE_REPLY:
			return MLS_ERROR_NETWORK;
		case ERRCODE_FDW_OPTION_NAME_NOT_FOUND:
		case ERRCODE_FDW_INVALID_OPTION_NAME:
		case ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE:
			return MLS_ERROR_OURS;
		default:
			return MLS_ERROR_PROTOCOL;
	}
}

/* The kind of an error, from its SQLSTATE and, where it was a request's, from what came back. */
MlsErrorClass
mls_error_class(int sqlstate, const MlsHttpFailure *failure)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	if (failure->is_quota)
		return MLS_ERROR_QUOTA;
	if (category == ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION || failure->status == 403)
		return MLS_ERROR_CREDENTIALS;
	if (category == ERRCODE_FDW_ERROR)
		return class_of_wrapper(sqlstate);
	if (failure->status != 0)
		return MLS_ERROR_PROTOCOL;
	if (is_of_data(sqlstate))
		return MLS_ERROR_DATA;
	return MLS_ERROR_OURS;
}

/* Ended from outside, which says nothing about the subscription? */
bool
mls_error_is_cancel(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_OPERATOR_INTERVENTION;
}

ErrorData *
mls_error_catch(MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (mls_error_is_cancel(error->sqlerrcode))
		PG_RE_THROW();
	FlushErrorState();
	return error;
}
