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
#include "gold/gold.h"
#include "gold/shards.h"

PG_FUNCTION_INFO_V1(mls_claim_sources);
PG_FUNCTION_INFO_V1(mls_gold_from_sql);
PG_FUNCTION_INFO_V1(mls_gold_rows_sql);
PG_FUNCTION_INFO_V1(mls_gold_write_sql);
PG_FUNCTION_INFO_V1(mls_lives_elsewhere);
PG_FUNCTION_INFO_V1(mls_note_source_node);

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

bool
mls_sources_have_nodes(void)
{
	return OidIsValid(get_extension_oid("citus", true)) &&
		   OidIsValid(mls_find_relation("mls", "source_node"));
}

char *
mls_shards_epoch(void)
{
	StringInfoData epoch;

	initStringInfo(&epoch);
	if (!OidIsValid(get_extension_oid("citus", true)))
		return epoch.data;
	mls_select("SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', "
			   "logicalrelid::pg_catalog.oid, partkey), ',' ORDER BY logicalrelid) "
			   "FROM pg_catalog.pg_dist_partition");
	appendStringInfo(&epoch, "%s;", mls_text_at(0, 1));
	if (mls_sources_have_nodes())
	{
		mls_select("SELECT source, node FROM mls.source_node ORDER BY source COLLATE \"C\"");
		for (uint64 i = 0; i < SPI_processed; i++)
			appendStringInfo(&epoch, " %d %s", mls_int4_at(i, 2), mls_text_at(i, 1));
	}
	return epoch.data;
}

/* ---- On which node a source lives ----
 *
 * Bronze and silver of a source stand on the node that syncs it, and so does what its runs
 * know.  mls.source_node says which one that is; it stands on every node, and its key lets
 * one of two have a source that both begin with.  Each page asks, in the transaction in
 * which it writes gold; a source is moved by the node that it leaves, while no page of it is
 * written.
 */

static int
this_node(void)
{
	mls_select("SELECT groupid FROM pg_catalog.pg_dist_local_group");
	return mls_int4_at(0, 1);
}

/* -1: it has none yet. */
static int
node_of(const char *source)
{
	mls_select("SELECT node FROM mls.source_node WHERE source = $1", mls_arg_text(source));
	return SPI_processed > 0 ? mls_int4_at(0, 1) : -1;
}

bool
mls_source_is_elsewhere(const char *source)
{
	int node = mls_sources_have_nodes() ? node_of(source) : -1;

	return node >= 0 && node != this_node();
}

static void
claim(const char *source, int node)
{
	mls_sql_control(SPI_OK_INSERT,
					"INSERT INTO mls.source_node (source, node) VALUES ($1, $2) "
					"ON CONFLICT (source) DO NOTHING",
					mls_arg_text(source), mls_arg_int4(node));
}

void
mls_source_require_here(const char *source)
{
	int here;
	int node;

	if (!mls_sources_have_nodes())
		return;
	here = this_node();
	node = node_of(source);
	if (node < 0)
	{
		claim(source, here);
		node = node_of(source);
	}
	if (node != here)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("source \"%s\" lives on node %d", source, node),
				errdetail("This is node %d. One node syncs a source, the one that has its bronze "
						  "and silver.",
						  here),
				errhint("Sync it there; or move it, there: SELECT mls_move_source(%s, %d).",
						quote_literal_cstr(source), here));
}

/* mls.lives_elsewhere(source): is it another node that syncs it? */
Datum
mls_lives_elsewhere(PG_FUNCTION_ARGS)
{
	bool elsewhere;

	SPI_connect();
	elsewhere = mls_source_is_elsewhere(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SPI_finish();
	PG_RETURN_BOOL(elsewhere);
}

/* mls.claim_sources(): the table of nodes, if there is none; and in it what is synced here */
Datum
mls_claim_sources(PG_FUNCTION_ARGS)
{
	List *sources;
	ListCell *lc;

	if (!OidIsValid(get_extension_oid("citus", true)))
		PG_RETURN_VOID();
	SPI_connect();
	if (!OidIsValid(mls_find_relation("mls", "source_node")))
	{
		mls_sql_control(SPI_OK_UTILITY,
						"CREATE TABLE mls.source_node (source pg_catalog.text PRIMARY KEY, "
						"node pg_catalog.int4 NOT NULL)");
		mls_sql_control(SPI_OK_UTILITY, "COMMENT ON TABLE mls.source_node IS "
										"'on which node of Citus each source is synced'");
		mls_sql_control(SPI_OK_UTILITY, "GRANT SELECT ON mls.source_node TO PUBLIC");
		mls_sql_control(SPI_OK_SELECT,
						"SELECT pg_catalog.create_reference_table('mls.source_node')");
		CommandCounterIncrement();
	}
	mls_select("SELECT DISTINCT source FROM mls.subscription WHERE gold IS NOT NULL AND "
			   "pg_catalog.pg_has_role(owner, 'USAGE')");
	sources = mls_cell_texts(SPI_tuptable, 1);
	foreach (lc, sources)
		claim(lfirst(lc), this_node());
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * mls.note_source_node(source, node): from now on another one syncs it.  Only who may sync it
 * here says so, and where it lives on another node, who owns the control tables.
 */
Datum
mls_note_source_node(PG_FUNCTION_ARGS)
{
	char *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool permitted;

	SPI_connect();
	mls_select("SELECT CASE WHEN mls.lives_elsewhere($1) OR pg_catalog.count(s.id) = 0 THEN "
			   "pg_catalog.pg_has_role((SELECT relowner FROM pg_catalog.pg_class WHERE oid = "
			   "'mls.subscription'::pg_catalog.regclass), 'USAGE') ELSE "
			   "pg_catalog.bool_and(pg_catalog.pg_has_role(s.owner, 'USAGE')) END "
			   "FROM mls.subscription s WHERE s.source = $1",
			   mls_arg_text(source));
	permitted = mls_bool_at(0, 1);
	if (!permitted)
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied to move source \"%s\"", source));
	mls_gold_pause_pages();
	mls_sql_control(SPI_OK_UPDATE, "UPDATE mls.source_node SET node = $2 WHERE source = $1",
					mls_arg_text(source), mls_arg_int4(PG_GETARG_INT32(1)));
	SPI_finish();
	PG_RETURN_VOID();
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
	if (!is_empty(fcinfo) && run_with_array(fcinfo, result) != SPI_OK_SELECT)
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
