/*
 * mart_own.c
 *		What users add to a mart: whether it is one expression, or one query.
 *
 * Both run as the owner of the mart, inside statements of ours.  So each has to be whole by
 * itself: nothing of it may end the statement around it.
 */
#include "postgres.h"

#include "access/table.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/base.h"
#include "gold/map.h"
#include "mart/mart.h"

PG_FUNCTION_INFO_V1(mls_mart_expression_sql);
PG_FUNCTION_INFO_V1(mls_mart_query_sql);

#define WHAT "a mart"

/* mls.mart_expression(expression, gold): its type, over a row r of gold. */
Datum
mls_mart_expression_sql(PG_FUNCTION_ARGS)
{
	char *expression = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid gold = PG_GETARG_OID(1);
	Relation relation = table_open(gold, AccessShareLock);
	MlsMapRelation *row = palloc0(sizeof(MlsMapRelation));
	const char *missing;
	Oid type;

	row->alias = "r";
	row->desc = CreateTupleDescCopy(RelationGetDescr(relation));
	table_close(relation, NoLock);
	(void) mls_expression_uses(expression, WHAT, &missing, list_make1(row));
	if (missing != NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("there is no column %s for a mart", missing),
				errhint("r is the row of %s.", mls_qualified_name(gold)));
	type = mls_expression_type(expression, WHAT, psprintf("%s r", mls_qualified_name(gold)));
	PG_RETURN_OID(type);
}

/* mls.mart_one_query(query): an error unless it is one query, that only reads. */
Datum
mls_mart_query_sql(PG_FUNCTION_ARGS)
{
	char *query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	List *statements = raw_parser(query, RAW_PARSE_DEFAULT);
	SelectStmt *select = NULL;

	if (list_length(statements) == 1)
		select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	if (select == NULL || !IsA(select, SelectStmt) || select->intoClause != NULL ||
		select->lockingClause != NIL)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a table of a mart is made of one query"),
				errdetail("It is a SELECT alone, without INTO and without FOR UPDATE."));
	PG_RETURN_VOID();
}
