/*
 * view_key.c
 *		Is a column of a view the key of a table below it, as it is?
 *
 * Events tell keys of gold, and rows of the view are looked up by them: what has been made of a
 * key, or is another's, would never be found.  Columns are followed through views, subqueries,
 * joins and unions, by what the parser has made of them.
 *
 * On the way it is looked whether a row depends on other records of that table than its own, of
 * whose changes it would never hear.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteSupport.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "publish/publish_parts.h"

PG_FUNCTION_INFO_V1(mls_shows_key_sql);
PG_FUNCTION_INFO_V1(mls_depends_on_others_sql);

/* Of each query it is looked at what it reads itself. */
#define READS (QTW_EXAMINE_RTES_BEFORE | QTW_IGNORE_CTE_SUBQUERIES | QTW_IGNORE_JOINALIASES)

/* A query, and those that it stands in. */
typedef struct Level
{
	Query *query;
	struct Level *above;
	Bitmapset *on_way; /* entries of its range table by which the key comes */
} Level;

/* What a column is to be. */
typedef struct Wanted
{
	Oid table;
	AttrNumber column;
	const char *others; /* found: by what rows depend on other records, in words; or NULL */
} Wanted;

/* Whether a part of a query reads a table. */
typedef struct Reading
{
	Level *level; /* that it stands in */
	Oid table;
} Reading;

static bool shows(Level *level, AttrNumber column, Wanted *wanted);
static bool is_key(Level *level, Node *expression, Wanted *wanted);

static bool
relation_shows(Oid relid, AttrNumber column, Wanted *wanted)
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

/* What an entry names, and it as a query below the one that has it; NULL: it is none. */
static const CommonTableExpr *
find_cte(Level *level, const RangeTblEntry *entry, Level *below)
{
	ListCell *lc;

	for (Index up = 0; up < entry->ctelevelsup && level != NULL; up++)
		level = level->above;
	foreach (lc, level != NULL ? level->query->cteList : NIL)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, entry->ctename) != 0 || !IsA(cte->ctequery, Query))
			continue;
		*below = (Level){castNode(Query, cte->ctequery), level};
		return cte;
	}
	return NULL;
}

static bool
cte_shows(Level *level, const RangeTblEntry *entry, AttrNumber column, Wanted *wanted)
{
	Level below;
	const CommonTableExpr *cte = find_cte(level, entry, &below);

	return cte != NULL && !cte->cterecursive && shows(&below, column, wanted);
}

static bool
entry_shows(Level *level, RangeTblEntry *entry, AttrNumber column, Wanted *wanted)
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
			below = (Level){entry->subquery, level};
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

static bool
member_shows(Level *level, int index, AttrNumber column, Wanted *wanted)
{
	if (!entry_shows(level, rt_fetch(index, level->query->rtable), column, wanted))
		return false;
	level->on_way = bms_add_member(level->on_way, index);
	return true;
}

/* Is an expression of a query the key, or one of several that are? */
static bool
is_key(Level *level, Node *expression, Wanted *wanted)
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
	return level != NULL && member_shows(level, castNode(Var, expression)->varno,
										 castNode(Var, expression)->varattno, wanted);
}

/* Each member of a union is to have it; of what EXCEPT takes away nothing is shown. */
static bool
members_show(Level *level, Node *member, AttrNumber column, Wanted *wanted)
{
	if (IsA(member, SetOperationStmt))
	{
		const SetOperationStmt *both = castNode(SetOperationStmt, member);

		bool left = members_show(level, both->larg, column, wanted);
		bool right = members_show(level, both->rarg, column, wanted);

		return left && (right || both->op == SETOP_EXCEPT);
	}
	return member_shows(level, castNode(RangeTblRef, member)->rtindex, column, wanted);
}

/* ---- Other records ---- */

static bool reads(Node *node, void *context);

static bool
query_reads(Level *level, Oid table)
{
	Reading reading = {level, table};

	check_stack_depth();
	return query_tree_walker(level->query, reads, &reading, READS);
}

/* What stands in FROM; subqueries are walked through by themselves. */
static bool
entry_reads(const Reading *reading, const RangeTblEntry *entry)
{
	Relation relation;
	Level below;
	bool found = false;

	if (entry->rtekind == RTE_CTE && !entry->self_reference)
		return find_cte(reading->level, entry, &below) != NULL &&
			   query_reads(&below, reading->table);
	/* Rules of views name the view itself, too, of which they read nothing. */
	if (entry->rtekind != RTE_RELATION || !entry->inFromCl)
		return false;
	if (entry->relid == reading->table)
		return true;
	relation = relation_open(entry->relid, AccessShareLock);
	if (relation->rd_rel->relkind == RELKIND_VIEW)
	{
		below = (Level){get_view_query(relation)};
		found = query_reads(&below, reading->table);
	}
	relation_close(relation, NoLock);
	return found;
}

static bool
reads(Node *node, void *context)
{
	Reading *reading = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Level below = {castNode(Query, node), reading->level};

		return query_reads(&below, reading->table);
	}
	if (IsA(node, RangeTblEntry))
		return entry_reads(reading, castNode(RangeTblEntry, node));
	return expression_tree_walker(node, reads, context);
}

/* Besides where the key comes from. */
static bool
reads_again(Level *level, Oid table)
{
	Reading reading = {level, table};

	for (int i = 1; i <= list_length(level->query->rtable); i++)
		if (!bms_is_member(i, level->on_way) &&
			range_table_entry_walker(rt_fetch(i, level->query->rtable), reads, &reading, READS))
			return true;
	return query_tree_walker(level->query, reads, &reading, READS | QTW_IGNORE_RANGE_TABLE);
}

/* Is the key among what rows are put together by? */
static bool
has_key(Level *level, const List *clauses, const Wanted *wanted)
{
	ListCell *lc;

	foreach (lc, clauses)
	{
		Wanted same = {wanted->table, wanted->column};

		if (is_key(level, get_sortgroupclause_expr(lfirst(lc), level->query->targetList), &same))
			return true;
	}
	return false;
}

/* By what rows of a query that shows the key depend on other records than their own; or NULL. */
static const char *
others_of(Level *level, const Wanted *wanted)
{
	const Query *query = level->query;
	ListCell *lc;

	if (query->limitCount != NULL || query->limitOffset != NULL)
		return "LIMIT or OFFSET";
	if (query->hasDistinctOn && !has_key(level, query->distinctClause, wanted))
		return "DISTINCT ON";
	foreach (lc, query->hasWindowFuncs ? query->windowClause : NIL)
		if (!has_key(level, lfirst_node(WindowClause, lc)->partitionClause, wanted))
			return "a window function";
	return reads_again(level, wanted->table) ? "a second look at its table" : NULL;
}

/* ---- A column ---- */

static bool
target_shows(Level *level, AttrNumber column, Wanted *wanted)
{
	ListCell *lc;

	foreach (lc, level->query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk && entry->resno == column)
			return is_key(level, (Node *) entry->expr, wanted);
	}
	return false;
}

static bool
shows(Level *level, AttrNumber column, Wanted *wanted)
{
	Node *members = level->query->setOperations;

	check_stack_depth();
	if (!(members ? members_show(level, members, column, wanted)
				  : target_shows(level, column, wanted)))
		return false;
	if (wanted->others == NULL)
		wanted->others = others_of(level, wanted);
	return true;
}

/* Arguments: view, key, gold, field. */
static bool
view_shows(FunctionCallInfo fcinfo, Wanted *wanted)
{
	Oid view = PG_GETARG_OID(0);
	AttrNumber column = get_attnum(view, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	*wanted = (Wanted){.table = PG_GETARG_OID(2)};
	wanted->column = get_attnum(wanted->table, text_to_cstring(PG_GETARG_TEXT_PP(3)));
	return column > 0 && wanted->column > 0 && relation_shows(view, column, wanted);
}

/* mls.shows_key(view, key, gold, field) */
Datum
mls_shows_key_sql(PG_FUNCTION_ARGS)
{
	Wanted wanted;

	PG_RETURN_BOOL(view_shows(fcinfo, &wanted));
}

/* mls.depends_on_others(view, key, gold, field) */
Datum
mls_depends_on_others_sql(PG_FUNCTION_ARGS)
{
	Wanted wanted;

	if (!view_shows(fcinfo, &wanted) || wanted.others == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(wanted.others));
}
