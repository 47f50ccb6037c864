/*
 * shards.c
 *		Statements over gold whose rows stand on several machines.
 *
 * Another engine (Citus) plans whatever names such a table.  It knows nothing of the
 * relations in which a page stands, joins no local table with a distributed one row by row,
 * and finds no row by ctid.  So a statement is one of this machine, in which two functions
 * speak of gold: mls.gold_rows() reads its rows by keys, and mls.gold_write() runs a command
 * with all keys, or rows, as one array.  Those commands name gold and nothing else.
 *
 * What they do belongs to the open transaction: the engine commits all machines or none.
 */
#include "postgres.h"

#include "access/table.h"
#include "commands/extension.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/base.h"
#include "gold/shards.h"

PG_FUNCTION_INFO_V1(mls_gold_from_sql);
PG_FUNCTION_INFO_V1(mls_gold_rows_sql);
PG_FUNCTION_INFO_V1(mls_gold_write_sql);

#define WRITE "SELECT FROM mls.gold_write("

const MlsShards *
mls_shards_of(Oid table)
{
	MlsShards *shards;

	if (!OidIsValid(get_extension_oid("citus", true)))
		return NULL;
	mls_select_stable("SELECT pg_catalog.column_to_column_name(logicalrelid, partkey) "
					  "FROM pg_catalog.pg_dist_partition WHERE logicalrelid = $1",
					  mls_arg_oid(table));
	if (SPI_processed == 0)
		return NULL;
	shards = palloc(sizeof(MlsShards));
	shards->column = mls_text_at(0, 1);
	return shards;
}

char *
mls_shards_epoch(void)
{
	char *epoch;

	if (!OidIsValid(get_extension_oid("citus", true)))
		return pstrdup("");
	mls_select("SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', "
			   "logicalrelid::pg_catalog.oid, partkey), ',' ORDER BY logicalrelid) "
			   "FROM pg_catalog.pg_dist_partition");
	epoch = mls_text_at(0, 1);
	return epoch ? epoch : pstrdup("");
}

/* ---- Statements ---- */

char *
mls_shards_rows(Oid table, const List *columns, const char *condition, const char *query)
{
	StringInfoData names;
	StringInfoData types;
	char *sql;
	ListCell *lc;

	initStringInfo(&names);
	initStringInfo(&types);
	foreach (lc, columns)
	{
		const char *name = quote_identifier(lfirst(lc));
		AttrNumber attnum = get_attnum(table, lfirst(lc));
		Oid type;
		int32 typmod;
		Oid collation;

		get_atttypetypmodcoll(table, attnum, &type, &typmod, &collation);
		appendStringInfo(&names, "%sg.%s", names.len ? ", " : "", name);
		appendStringInfo(&types, "%s%s %s", types.len ? ", " : "", name,
						 format_type_with_typemod(type, typmod));
	}
	sql = psprintf("SELECT %s FROM %s g WHERE %s", names.data, mls_qualified_name(table),
				   condition ? condition : "true");
	return psprintf("(SELECT * FROM mls.gold_rows(%s%s) AS g(%s))", quote_literal_cstr(sql),
					query ? psprintf(", ARRAY(%s)", query) : "", types.data);
}

char *
mls_shards_command(const char *command, const char *query)
{
	return psprintf(WRITE "%s, ARRAY(%s))", quote_literal_cstr(command), query);
}

char *
mls_shards_row(Oid table, const char *relation, const List *columns)
{
	Relation rel = table_open(table, AccessShareLock);
	TupleDesc desc = RelationGetDescr(rel);
	StringInfoData row;

	initStringInfo(&row);
	for (int i = 0; i < desc->natts; i++)
	{
		char *name = NameStr(TupleDescAttr(desc, i)->attname);
		bool given = false;
		ListCell *lc;

		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		foreach (lc, columns)
			given |= strcmp(lfirst(lc), name) == 0;
		appendStringInfo(&row, "%s", row.len ? ", " : "");
		if (given)
			appendStringInfo(&row, "%s.%s", relation, quote_identifier(name));
		else
			appendStringInfoString(&row, "NULL");
	}
	table_close(rel, AccessShareLock);
	return psprintf("ROW(%s)::%s", row.data, mls_qualified_name(table));
}

int
mls_shards_expected(const char *sql, int expected)
{
	return strncmp(sql, WRITE, strlen(WRITE)) == 0 ? SPI_OK_SELECT : expected;
}

/* ---- Functions in them ---- */

/* mls.gold_from(gold, columns): SQL for FROM: the table, or where it is distributed these columns of it */
Datum
mls_gold_from_sql(PG_FUNCTION_ARGS)
{
	Oid gold = PG_GETARG_OID(0);
	char *from;
	Datum *names;
	int n;
	List *columns = NIL;
	MemoryContext context = CurrentMemoryContext;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char *name = TextDatumGetCString(names[i]);

		if (get_attnum(gold, name) == InvalidAttrNumber)
			ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("table %s has no column \"%s\"", mls_qualified_name(gold), name));
		columns = lappend(columns, name);
	}
	SPI_connect();
	from =
		mls_shards_of(gold) ? mls_shards_rows(gold, columns, NULL, NULL) : mls_qualified_name(gold);
	from = MemoryContextStrdup(context, from);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(from));
}

/* Runs a text of the caller's, as the caller, with its second argument as $1 if that is given. */
static int
run_with_array(FunctionCallInfo fcinfo, const ReturnSetInfo *result)
{
	SPIExecuteOptions options = {0};
	ParamListInfo params = NULL;
	int code;

	if (PG_NARGS() > 1 && !PG_ARGISNULL(1))
	{
		params = makeParamList(1);
		params->params[0].value = PG_GETARG_DATUM(1);
		params->params[0].isnull = false;
		params->params[0].ptype = get_fn_expr_argtype(fcinfo->flinfo, 1);
		params->params[0].pflags = PARAM_FLAG_CONST;
	}
	if (result != NULL)
	{
		options.dest = CreateDestReceiver(DestTuplestore);
		SetTuplestoreDestReceiverParams(options.dest, result->setResult,
										result->econtext->ecxt_per_query_memory, false,
										result->setDesc, "the query has other columns");
	}
	options.params = params;
	SPI_connect();
	code = SPI_execute_extended(text_to_cstring(PG_GETARG_TEXT_PP(0)), &options);
	SPI_finish();
	return code;
}

static bool
is_empty(FunctionCallInfo fcinfo)
{
	return PG_NARGS() > 1 && !PG_ARGISNULL(1) && ARR_NDIM(PG_GETARG_ARRAYTYPE_P(1)) == 0;
}

/* mls.gold_rows(query[, keys]): the rows of a query with the keys as $1; none if there are no keys */
Datum
mls_gold_rows_sql(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (!PG_ARGISNULL(0) && !is_empty(fcinfo) && run_with_array(fcinfo, result) != SPI_OK_SELECT)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("it is not a query"));
	return (Datum) 0;
}

/* mls.gold_write(command, given): runs a command with an array as $1, unless that is empty; no rows */
Datum
mls_gold_write_sql(PG_FUNCTION_ARGS)
{
	if (!is_empty(fcinfo))
		run_with_array(fcinfo, NULL);
	((ReturnSetInfo *) fcinfo->resultinfo)->isDone = ExprEndResult;
	PG_RETURN_NULL();
}
