/*
 * expression.c
 *		SQL expressions of rules: what they use, and whether they may be used.
 *
 * An expression stands in statements that run for each page, as the owner of a
 * subscription.  So it must be one expression over the relations it is given:
 * no subquery, no aggregate, nothing volatile.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"

#include "gold/map.h"

#define MAPPING_RULE "a mapping rule"

/* What walking over an expression finds. */
typedef struct Uses
{
	const char *what;
	const List *relations;
	List *aliases;       /* of String */
	const char *missing; /* a column that is not there, or NULL */
} Uses;

pg_noreturn static void
refuse(const char *expression, const char *what, const char *detail)
{
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("\"%s\" is no expression for %s", expression, what), errdetail("%s", detail));
}

/* Positions in errors count in the text that is read, not in the query that runs. */
static void
locate(void *arg)
{
	int position = geterrposition();

	if (position <= 0)
		return;
	errposition(0);
	internalerrposition(position);
	internalerrquery(arg);
}

static void
begin_reading(ErrorContextCallback *callback, const char *text)
{
	callback->callback = locate;
	callback->arg = unconstify(char *, text);
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

/* The one result column of "SELECT expression", and nothing else. */
static Node *
parse(const char *expression, const char *what)
{
	ErrorContextCallback callback;
	List *statements;
	SelectStmt *select;
	SelectStmt plain;
	ResTarget *target;

	begin_reading(&callback, expression);
	statements = raw_parser(expression, RAW_PARSE_PLPGSQL_EXPR);
	error_context_stack = callback.previous;
	select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	if (!IsA(select, SelectStmt) || select->op != SETOP_NONE ||
		list_length(select->targetList) != 1)
		refuse(expression, what, "It must be one expression.");
	memset(&plain, 0, sizeof(plain));
	plain.type = T_SelectStmt;
	plain.targetList = select->targetList;
	if (!equal(&plain, select))
		refuse(expression, what, "It must be an expression alone, without clauses of a query.");
	target = linitial_node(ResTarget, select->targetList);
	if (target->name != NULL || target->indirection != NIL)
		refuse(expression, what, "The expression can have no name.");
	return target->val;
}

static bool
has_column(const MlsMapRelation *relation, const char *name)
{
	for (int i = 0; i < relation->desc->natts; i++)
		if (!TupleDescAttr(relation->desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(relation->desc, i)->attname), name) == 0)
			return true;
	return false;
}

/* A column must be named with its relation, so that what is added elsewhere cannot change its meaning. */
static void
use_column(Uses *uses, const ColumnRef *ref)
{
	const char *alias;
	const char *column;
	const MlsMapRelation *relation;

	if (list_length(ref->fields) != 2 || !IsA(lsecond(ref->fields), String))
		ereport(ERROR, errcode(ERRCODE_AMBIGUOUS_COLUMN),
				errmsg("column \"%s\" stands without its row in an expression of %s",
					   NameListToString(ref->fields), uses->what),
				errhint("Write r.<column> for the row, <alias>.<column> for a joined one, "
						"setting.<name> for a setting."));
	alias = strVal(linitial(ref->fields));
	column = strVal(lsecond(ref->fields));
	relation = mls_map_relation(uses->relations, alias);
	if (relation == NULL || !has_column(relation, column))
	{
		if (uses->missing == NULL)
			uses->missing = psprintf("%s.%s", alias, column);
		return;
	}
	uses->aliases = list_append_unique(uses->aliases, makeString(pstrdup(alias)));
}

static bool
walk(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		use_column(context, (ColumnRef *) node);
		return false;
	}
	if (IsA(node, SubLink) || IsA(node, ParamRef))
		ereport(
			ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s cannot use subqueries or parameters", ((Uses *) context)->what),
			strcmp(((Uses *) context)->what, MAPPING_RULE) == 0
				? errhint("Other resources of the source are reached by rows of mls.join_map.")
				: errhint("Have a view look into other tables, or in a mart a table of your own "
						  "(mls_mart_table)."));
	return raw_expression_tree_walker(node, walk, context);
}

void
mls_expression_require_alone(const char *expression, const char *what)
{
	(void) parse(expression, what);
}

List *
mls_expression_uses(const char *expression, const char *what, const char **missing,
					const List *relations)
{
	Uses uses = {.what = what, .relations = relations};

	walk(parse(expression, what), &uses);
	*missing = uses.missing;
	return uses.aliases;
}

List *
mls_map_expression_uses(const char *expression, const char **missing, const List *relations)
{
	return mls_expression_uses(expression, MAPPING_RULE, missing, relations);
}

/* The value of an expression over what stands behind FROM: of one row, and the same at each call. */
static Node *
analyze(const char *expression, const char *what, const char *from)
{
	ErrorContextCallback callback;
	char *sql = psprintf("SELECT (%s\n) FROM %s", expression, from);
	Query *query;
	Node *value;

	begin_reading(&callback, sql);
	query =
		parse_analyze_fixedparams(linitial_node(RawStmt, pg_parse_query(sql)), sql, NULL, 0, NULL);
	error_context_stack = callback.previous;
	if (query->hasAggs || query->hasWindowFuncs || query->hasTargetSRFs)
		refuse(expression, what, "It makes one value of one row: no aggregates, windows or sets.");
	value = (Node *) linitial_node(TargetEntry, query->targetList)->expr;
	if (contain_volatile_functions(value))
		refuse(expression, what,
			   "It calls a volatile function, so it would not give the same value again.");
	return value;
}

Oid
mls_expression_type(const char *expression, const char *what, const char *from)
{
	Oid type = getBaseType(exprType(analyze(expression, what, from)));

	return type == UNKNOWNOID ? TEXTOID : type;
}

ExprState *
mls_expression_condition(const char *expression, const char *what, const char *from)
{
	Node *value = analyze(expression, what, from);

	if (exprType(value) != BOOLOID)
		refuse(expression, what, "It is no condition: its value is neither true nor false.");
	return ExecInitExpr(expression_planner((Expr *) value), NULL);
}

Oid
mls_map_expression_type(const char *expression, const List *relations)
{
	const MlsMapRelation *row = linitial(relations);
	const char *missing;
	List *uses = mls_map_expression_uses(expression, &missing, relations);

	if (missing != NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("there is no column %s for a mapping rule", missing));
	return mls_expression_type(expression, MAPPING_RULE,
							   mls_map_from(relations, mls_qualified_name(row->silver), uses));
}

/* ---- Columns a source may lack ---- */

static bool
is_word(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '.';
}

/* Every place where `name` stands as a word of its own becomes NULL. */
static char *
read_as_null(const char *expression, const char *name)
{
	size_t length = strlen(name);
	StringInfoData sql;

	initStringInfo(&sql);
	for (const char *c = expression; *c != '\0';)
		if (strncmp(c, name, length) == 0 && !is_word(c[length]) &&
			(c == expression || !is_word(c[-1])))
		{
			appendStringInfoString(&sql, "NULL::pg_catalog.text");
			c += length;
		}
		else
			appendStringInfoChar(&sql, *c++);
	return sql.data;
}

const char *
mls_map_without_missing(char *const *arguments, int narguments, const List *relations)
{
	const char *expression = arguments[0];

	for (int i = 1; i < narguments; i++)
	{
		const char *dot = strchr(arguments[i], '.');
		const MlsMapRelation *relation = NULL;

		if (dot == NULL)
			continue;
		relation = mls_map_relation(relations, pnstrdup(arguments[i], dot - arguments[i]));
		if (relation == NULL || !has_column(relation, dot + 1))
			expression = read_as_null(expression, arguments[i]);
	}
	return expression;
}
