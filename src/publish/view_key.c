/*
 * view_key.c
 *		Is a column of a view the key of a table below it, as it is?
 *
 * Events tell keys of gold, and rows of the view are looked up by them: what has been made of a
 * key, or is another's, would never be found.  Columns are followed through views, subqueries,
 * joins and unions, by what the parser has made of them.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteSupport.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "publish/publish_parts.h"

PG_FUNCTION_INFO_V1(mls_shows_key_sql);

/* A query, and those that it stands in. */
typedef struct Level
{
	Query *query;
	struct Level *above;
} Level;

/* What a column is to be. */
typedef struct Wanted
{
	Oid table;
	AttrNumber column;
} Wanted;

static bool shows(const Level *level, AttrNumber column, const Wanted *wanted);
static bool is_key(const Level *level, Node *expression, const Wanted *wanted);

static bool
relation_shows(Oid relid, AttrNumber column, const Wanted *wanted)
{
	Relation relation;
	bool found = false;

	if (relid == wanted->table)
		return column == wanted->column;
	relation = relation_open(relid, AccessShareLock);
	if (relation->rd_rel->relkind == RELKIND_VIEW)
	{
		Level level = {get_view_query(relation), NULL};

		found = shows(&level, column, wanted);
	}
	relation_close(relation, NoLock);
	return found;
}

static bool
cte_shows(const Level *level, const RangeTblEntry *entry, AttrNumber column, const Wanted *wanted)
{
	ListCell *lc;

	for (Index up = 0; up < entry->ctelevelsup && level != NULL; up++)
		level = level->above;
	foreach (lc, level != NULL ? level->query->cteList : NIL)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, entry->ctename) == 0 && !cte->cterecursive &&
			IsA(cte->ctequery, Query))
		{
			Level below = {castNode(Query, cte->ctequery), unconstify(Level *, level)};

			return shows(&below, column, wanted);
		}
	}
	return false;
}

static bool
entry_shows(const Level *level, RangeTblEntry *entry, AttrNumber column, const Wanted *wanted)
{
	Level below;

	/* The whole row, or one of the system's columns. */
	if (column <= 0)
		return false;
	switch (entry->rtekind)
	{
		case RTE_RELATION:
			return relation_shows(entry->relid, column, wanted);
		case RTE_SUBQUERY:
			below = (Level){entry->subquery, unconstify(Level *, level)};
			return shows(&below, column, wanted);
		case RTE_JOIN:
			return is_key(level, list_nth(entry->joinaliasvars, column - 1), wanted);
		case RTE_CTE:
			return cte_shows(level, entry, column, wanted);
		default:
			return mls_is_group_entry(entry) &&
				   is_key(level, list_nth(mls_group_expressions(entry), column - 1), wanted);
	}
}

/* Is an expression of a query the key, or one of several that are? */
static bool
is_key(const Level *level, Node *expression, const Wanted *wanted)
{
	ListCell *lc;

	for (;;)
	{
		if (expression != NULL && IsA(expression, RelabelType))
			expression = (Node *) castNode(RelabelType, expression)->arg;
		else if (expression != NULL && IsA(expression, CollateExpr))
			expression = (Node *) castNode(CollateExpr, expression)->arg;
		else
			break;
	}
	if (expression == NULL)
		return false;
	if (IsA(expression, CoalesceExpr))
	{
		foreach (lc, castNode(CoalesceExpr, expression)->args)
			if (!is_key(level, lfirst(lc), wanted))
				return false;
		return true;
	}
	if (!IsA(expression, Var))
		return false;
	for (Index up = 0; up < castNode(Var, expression)->varlevelsup && level != NULL; up++)
		level = level->above;
	return level != NULL &&
		   entry_shows(level, rt_fetch(castNode(Var, expression)->varno, level->query->rtable),
					   castNode(Var, expression)->varattno, wanted);
}

/* Each member of a union is to have it; of what EXCEPT takes away nothing is shown. */
static bool
members_show(const Level *level, Node *member, AttrNumber column, const Wanted *wanted)
{
	if (IsA(member, SetOperationStmt))
	{
		const SetOperationStmt *both = castNode(SetOperationStmt, member);

		return members_show(level, both->larg, column, wanted) &&
			   (both->op == SETOP_EXCEPT || members_show(level, both->rarg, column, wanted));
	}
	return entry_shows(level,
					   rt_fetch(castNode(RangeTblRef, member)->rtindex, level->query->rtable),
					   column, wanted);
}

static bool
shows(const Level *level, AttrNumber column, const Wanted *wanted)
{
	ListCell *lc;

	check_stack_depth();
	if (level->query->setOperations != NULL)
		return members_show(level, level->query->setOperations, column, wanted);
	foreach (lc, level->query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk && entry->resno == column)
			return is_key(level, (Node *) entry->expr, wanted);
	}
	return false;
}

/* mls.shows_key(view, key, gold, field) */
Datum
mls_shows_key_sql(PG_FUNCTION_ARGS)
{
	Oid view = PG_GETARG_OID(0);
	Wanted wanted = {.table = PG_GETARG_OID(2)};
	AttrNumber column = get_attnum(view, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	wanted.column = get_attnum(wanted.table, text_to_cstring(PG_GETARG_TEXT_PP(3)));
	PG_RETURN_BOOL(column > 0 && wanted.column > 0 && relation_shows(view, column, &wanted));
}
