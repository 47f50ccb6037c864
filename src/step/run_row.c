/*
 * run_row.c
 *		Rows of mls.run: begun before the work, updated with each page, ended
 *		with an outcome.
 *
 * Statements run in the caller's transaction, with SPI connected.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "step/step.h"

/*
 * Starts a run and returns its number.  The caller holds the lock of the
 * subscription, so a run that still counts as running belongs to a process that
 * is no more.
 */
int64
mls_run_start(const MlsSubscription *sub, const char *process)
{
	Oid types[] = {INT8OID, TEXTOID, INT4OID, TIMESTAMPTZOID};
	Datum values[] = {Int64GetDatum(sub->id), CStringGetTextDatum(process),
					  Int32GetDatum(MyProcPid), TimestampTzGetDatum(MyStartTimestamp)};
	bool isnull;

	mls_execute_control("UPDATE mls.run SET status = 'crashed', finished_at = clock_timestamp(), "
						"message = 'the process or the server ended during the run' "
						"WHERE subscription = $1 AND status = 'running'",
						1, types, values, NULL, SPI_OK_UPDATE);
	mls_execute_control(
		"INSERT INTO mls.run (subscription, process, pid, backend_start, cursor_before) "
		"SELECT id, $2, $3, $4, cursor_timestamp FROM mls.subscription WHERE id = $1 "
		"RETURNING id",
		4, types, values, NULL, SPI_OK_INSERT_RETURNING);
	if (SPI_processed != 1)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("the subscription was removed before it was synced"));
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

void
mls_run_progress(int64 run, const MlsCounters *counters)
{
	Oid types[11];
	Datum values[11];
	int i;

	for (i = 0; i < lengthof(types); i++)
		types[i] = INT8OID;
	values[0] = Int64GetDatum(run);
	values[1] = Int64GetDatum(counters->requests);
	values[2] = Int64GetDatum(counters->pages);
	values[3] = Int64GetDatum(counters->received);
	values[4] = Int64GetDatum(counters->inserted);
	values[5] = Int64GetDatum(counters->updated);
	values[6] = Int64GetDatum(counters->unchanged);
	values[7] = Int64GetDatum(counters->deleted);
	values[8] = Int64GetDatum(counters->bad_values);
	values[9] = Int64GetDatum(counters->bytes);
	values[10] = Int64GetDatum(counters->expected);
	mls_execute_control(
		"UPDATE mls.run SET requests = $2, pages = $3, received = $4, inserted = $5, "
		"updated = $6, unchanged = $7, deleted = $8, bad_values = $9, bytes = $10, "
		"expected = $11 WHERE id = $1",
		11, types, values, NULL, SPI_OK_UPDATE);
}

/* Says what a run does from now on. */
void
mls_run_phase(int64 run, const char *phase)
{
	Oid types[] = {INT8OID, TEXTOID};
	Datum values[] = {Int64GetDatum(run), CStringGetTextDatum(phase)};

	mls_execute_control("UPDATE mls.run SET phase = $2 WHERE id = $1", 2, types, values, NULL,
						SPI_OK_UPDATE);
}

static Datum
text_unless_empty(const char *text, char *null)
{
	bool empty = text == NULL || text[0] == '\0';

	*null = empty ? 'n' : ' ';
	return empty ? (Datum) 0 : CStringGetTextDatum(text);
}

/* Ends a run; outcome gives its error, NULL for none. */
void
mls_run_finish(int64 run, const char *status, const MlsOutcome *outcome, const char *note,
			   const char *cursor)
{
	Oid types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	char nulls[] = "         ";
	Datum values[9];

	values[0] = Int64GetDatum(run);
	values[1] = CStringGetTextDatum(status);
	values[2] = text_unless_empty(outcome ? unpack_sql_state(outcome->sqlstate) : NULL, &nulls[2]);
	values[3] = text_unless_empty(outcome ? outcome->message : NULL, &nulls[3]);
	values[4] = text_unless_empty(outcome ? outcome->detail : NULL, &nulls[4]);
	values[5] = text_unless_empty(outcome ? outcome->hint : NULL, &nulls[5]);
	values[6] = text_unless_empty(note, &nulls[6]);
	values[7] = text_unless_empty(cursor, &nulls[7]);
	values[8] =
		text_unless_empty(outcome ? mls_error_class_name(outcome->error_class) : NULL, &nulls[8]);
	mls_execute_control(
		"UPDATE mls.run SET status = $2, finished_at = clock_timestamp(), sqlstate = $3, "
		"message = $4, detail = $5, hint = $6, note = $7, cursor_after = $8, "
		"error_class = $9 WHERE id = $1",
		9, types, values, nulls, SPI_OK_UPDATE);
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
