/*
 * spi.c
 *		Statements with typed arguments, what they give, and work that may fail.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/base.h"

/* ---- Statements ---- */

/*
 * Leaves out of an error where it was met inside of us: the statement, and the
 * functions in mls.  A user's own trigger stays.  An error that shows a fault of
 * ours keeps everything.
 */
static void
hide_inside(ErrorData *error, const char *sql)
{
	char *line = error->context;
	char *statement = line ? strstr(line, psprintf("SQL statement \"%s\"", sql)) : NULL;
	char *kept = line;

	if (line == NULL || ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTERNAL_ERROR ||
		error->sqlerrcode == ERRCODE_SYNTAX_ERROR)
		return;
	if (statement != NULL)
		*statement = '\0';
	while (*line != '\0')
	{
		int length = strcspn(line, "\n");

		length += line[length] == '\n';
		if (strncmp(line, "PL/pgSQL function mls.", 22) != 0)
		{
			memmove(kept, line, length);
			kept += length;
		}
		line += length;
	}
	*kept = '\0';
	if (kept > error->context && kept[-1] == '\n')
		kept[-1] = '\0';
	if (error->context[0] == '\0')
		error->context = NULL;
}

/*
 * Raises the error at hand again, for the caller of a statement.  The context was
 * cut while the statement ran, so what it holds is inside; raising adds what is
 * around.
 */
static void
raise_from_statement(MemoryContext context, const char *sql)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	hide_inside(error, sql);
	ThrowErrorData(error);
}

MlsArg
mls_arg_list(const List *texts)
{
	int n = list_length(texts);
	Datum *values = palloc(Max(n, 1) * sizeof(Datum));
	ListCell *lc;

	foreach (lc, texts)
		values[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	return mls_arg(TEXTARRAYOID,
				   PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT)));
}

/* A statement that is run once, or (kept) is planned once, for all arguments. */
static int
execute(const char *sql, SPIPlanPtr *kept, bool stable, Oid *types, Datum *values,
		const char *nulls, int nargs)
{
	if (kept == NULL)
		return SPI_execute_with_args(sql, nargs, types, values, nulls, stable, 0);
	if (*kept == NULL)
	{
		SPIPlanPtr plan = SPI_prepare_cursor(sql, nargs, types, CURSOR_OPT_GENERIC_PLAN);

		if (plan == NULL)
			elog(ERROR, "could not prepare: %s", sql);
		SPI_keepplan(plan);
		*kept = plan;
	}
	return SPI_execute_plan(*kept, values, nulls, stable, 0);
}

/*
 * Runs one statement.  SPI leaves its own memory context behind; the caller's is put
 * back.
 */
static void
run(const char *sql, SPIPlanPtr *kept, bool stable, int expected, const MlsArg *args, int nargs)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorContextCallback *around = error_context_stack;
	Oid *types = palloc(Max(nargs, 1) * sizeof(Oid));
	Datum *values = palloc(Max(nargs, 1) * sizeof(Datum));
	char *nulls = palloc(nargs + 1);
	volatile int code = 0;

	for (int i = 0; i < nargs; i++)
	{
		types[i] = args[i].type;
		values[i] = args[i].value;
		nulls[i] = args[i].isnull ? 'n' : ' ';
	}
	error_context_stack = NULL;
	PG_TRY();
	{
		code = execute(sql, kept, stable, types, values, nulls, nargs);
	}
	PG_CATCH();
	{
		error_context_stack = around;
		raise_from_statement(context, sql);
	}
	PG_END_TRY();
	error_context_stack = around;
	MemoryContextSwitchTo(context);
	pfree(types);
	pfree(values);
	pfree(nulls);
	if (code != expected)
		elog(ERROR, "unexpected result %s of: %s", SPI_result_code_string(code), sql);
}

void
mls_sql_run(const char *sql, bool stable, int expected, const MlsArg *args, int nargs)
{
	run(sql, NULL, stable, expected, args, nargs);
}

void
mls_sql_keep(SPIPlanPtr *kept, const char *sql, int expected, const MlsArg *args, int nargs)
{
	run(sql, kept, false, expected, args, nargs);
}

void
mls_sql_run_control(const char *sql, int expected, const MlsArg *args, int nargs)
{
	mls_sql_keep_control(NULL, sql, expected, args, nargs);
}

void
mls_sql_keep_control(SPIPlanPtr *kept, const char *sql, int expected, const MlsArg *args, int nargs)
{
	MlsRights before;

	mls_rights_enter_control(&before);
	run(sql, kept, false, expected, args, nargs);
	mls_rights_leave(&before);
}

/* ---- Results ---- */

Datum
mls_cell(const SPITupleTable *table, uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(table->vals[row], table->tupdesc, column, isnull);
}

char *
mls_cell_text(const SPITupleTable *table, uint64 row, int column)
{
	return SPI_getvalue(table->vals[row], table->tupdesc, column);
}

List *
mls_cell_texts(const SPITupleTable *table, int column)
{
	List *texts = NIL;

	for (uint64 i = 0; i < table->numvals; i++)
		texts = lappend(texts, mls_cell_text(table, i, column));
	return texts;
}

bool
mls_cell_bool(const SPITupleTable *table, uint64 row, int column)
{
	bool isnull;

	return DatumGetBool(mls_cell(table, row, column, &isnull)) && !isnull;
}

int64
mls_cell_int8(const SPITupleTable *table, uint64 row, int column)
{
	bool isnull;
	Datum value = mls_cell(table, row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

int32
mls_cell_int4(const SPITupleTable *table, uint64 row, int column)
{
	bool isnull;
	Datum value = mls_cell(table, row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

Oid
mls_cell_oid(const SPITupleTable *table, uint64 row, int column)
{
	bool isnull;
	Datum value = mls_cell(table, row, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

TimestampTz
mls_cell_time(const SPITupleTable *table, uint64 row, int column)
{
	bool isnull;
	Datum value = mls_cell(table, row, column, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

void
mls_put_row(Tuplestorestate *store, TupleDesc desc, const MlsArg *values, int n)
{
	Datum data[FUNC_MAX_ARGS];
	bool isnull[FUNC_MAX_ARGS];

	Assert(n == desc->natts && n <= FUNC_MAX_ARGS);
	for (int i = 0; i < n; i++)
	{
		data[i] = values[i].value;
		isnull[i] = values[i].isnull;
	}
	tuplestore_putvalues(store, desc, data, isnull);
}

/* ---- Work that may fail ---- */

ErrorData *
mls_subtransaction(void (*work)(void *arg), void *arg, bool (*catches)(int sqlstate), bool keeps)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
		if (keeps)
			ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	/* Also before an error goes on: what aborts a transaction stops at a subtransaction within. */
	if (error != NULL || !keeps)
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && catches != NULL && !catches(error->sqlerrcode))
		ReThrowError(error);
	return error;
}
