/*
 * plan.c
 *		Sizes, paths and plans of foreign tables.  No network.
 *
 * The unit of cost is the request, not the record: with the default of 500 units
 * (option request_cost) a request weighs as much as 50,000 local rows, so that the
 * planner fetches once and hashes, and looks up record by record only for a few.
 *
 * All clauses stay with the local plan as well.  What is sent only narrows the
 * pages; a limit alone must be exact, since a row the local check removes would
 * be missed.
 */
#include "postgres.h"

#include <math.h>

#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "compat.h"
#include "fdw/condition.h"
#include "options/options.h"

/*
 * How large a table is that was never analyzed nobody knows.  What has to be guessed
 * is how many requests reading all of it takes, so the guess is one of pages.  It is
 * low enough that also a join of two such tables stays below the cost at which JIT
 * sets in: to compile takes longer than most queries of a source take, and does
 * nothing for one that waits for its answers.
 */
#define DEFAULT_PAGES 40
#define DEFAULT_MOST_ROWS 20000
#define COST_PER_RECORD 0.1

/* Records: about what travels in the time a request takes anyway. */
#define SMALLEST_PAGE 100

/* ---- sizes and costs ---- */

void
mls_scan_cost(const MlsRel *rel, double records, Cost *startup, Cost *total)
{
	const MlsSource *source = rel->table->source;
	double pages = ceil(records / Max(source->platform.page_size, 1));

	*startup = source->request_cost;
	*total = *startup + Max(pages, 1) * source->request_cost + records * COST_PER_RECORD;
}

static MlsClause *
clause_of(MlsRel *rel, PlannerInfo *root, Expr *clause)
{
	MlsClause *result;
	ListCell *lc;

	foreach (lc, rel->clauses)
		if (((MlsClause *) lfirst(lc))->clause == clause)
			return lfirst(lc);
	result = mls_clause(rel, root, clause);
	rel->clauses = lappend(rel->clauses, result);
	return result;
}

/* The most records a condition on the key lets through, or -1 if it is none. */
static double
key_records(const MlsTable *table, const MlsCondition *condition)
{
	if (condition == NULL || condition->column == NULL || list_length(table->key) != 1 ||
		strcmp(condition->column->field, linitial(table->key)) != 0)
		return -1;
	if (condition->kind == MLS_COMPARE && condition->op == MLS_EQ)
		return 1;
	if (condition->kind == MLS_IN && ((MlsValue *) linitial(condition->values))->param < 0)
		return list_length(condition->values);
	return -1;
}

/*
 * Records a request brings: those the sent clauses let through.  A list of
 * clauses is one of RestrictInfos here.
 */
static double
estimate_records(PlannerInfo *root, RelOptInfo *baserel, List *restrictions)
{
	MlsRel *rel = baserel->fdw_private;
	List *sent = NIL;
	double limit = baserel->tuples;
	ListCell *lc;

	foreach (lc, restrictions)
	{
		RestrictInfo *restriction = lfirst(lc);
		MlsClause *clause = clause_of(rel, root, restriction->clause);
		double keys = key_records(rel->table, clause->condition);

		if (clause->condition)
			sent = lappend(sent, restriction);
		if (keys >= 0)
			limit = Min(limit, keys);
	}
	return clamp_row_est(
		Min(limit, baserel->tuples *
					   clauselist_selectivity(root, sent, baserel->relid, JOIN_INNER, NULL)));
}

static double
default_rows(const MlsSource *source)
{
	return Min(DEFAULT_PAGES * (double) Max(source->platform.page_size, 1), DEFAULT_MOST_ROWS);
}

void
mlsGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	MlsRel *rel = palloc0(sizeof(MlsRel));
	ListCell *lc;

	rel->table = mls_table_get(foreigntableid, mls_planner_user(root, baserel), false);
	rel->varno = baserel->relid;
	rel->exact = true;
	baserel->fdw_private = rel;
	foreach (lc, baserel->baserestrictinfo)
	{
		RestrictInfo *restriction = lfirst(lc);

		if (clause_of(rel, root, restriction->clause)->fit != MLS_FIT_EXACT)
			rel->exact = false;
	}
	/* What ANALYZE found is newer than what somebody has written down. */
	if (baserel->tuples < 0)
		baserel->tuples =
			rel->table->rows >= 0 ? rel->table->rows : default_rows(rel->table->source);
	set_baserel_size_estimates(root, baserel);
	baserel->rows = Min(baserel->rows, estimate_records(root, baserel, baserel->baserestrictinfo));
}

/* ---- order and limit ---- */

/* The column of a path key, if it is a plain one of ours that the source sorts as we do; or NULL. */
static const MlsColumn *
sort_column(const MlsRel *rel, const PathKey *key)
{
	bool descending = mls_pathkey_is_descending(key);
	ListCell *lc;

	if (key->pk_eclass->ec_has_volatile)
		return NULL;
	foreach (lc, key->pk_eclass->ec_members)
	{
		EquivalenceMember *member = lfirst(lc);
		const MlsColumn *column = mls_condition_column(rel, (Node *) member->em_expr);

		if (column == NULL ||
			key->pk_opfamily !=
				lookup_type_cache(column->type, TYPECACHE_BTREE_OPFAMILY)->btree_opf)
			continue;
		/* OData has nulls first in ascending order and last in descending. */
		if (!mls_never_null(rel->table, column) && key->pk_nulls_first == descending)
			continue;
		if (rel->table->source->protocol->sortable(rel->table, column) &&
			!mls_is_distrusted(rel->table->relid, column->attnum))
			return column;
	}
	return NULL;
}

/*
 * The query's order, as far as the source can give it, as attribute numbers,
 * negative for descending.  An instant can only come last: sources keep more of
 * it than a microsecond, or than they show, and would order by that what is
 * equal here.  So it is with other values that are rounded here.
 */
static List *
remote_order(PlannerInfo *root, const MlsRel *rel)
{
	List *order = NIL;
	ListCell *lc;

	foreach (lc, root->query_pathkeys)
	{
		const PathKey *key = lfirst(lc);
		const MlsColumn *column = sort_column(rel, key);

		if (column == NULL)
			break;
		order =
			lappend_int(order, mls_pathkey_is_descending(key) ? -column->attnum : column->attnum);
		if (column->type == TIMESTAMPTZOID || column->type == TIMEOID || mls_is_rounded(column))
			break;
	}
	return order;
}

/*
 * How many rows the query needs of this table: limit_tuples is the planner's own
 * word, and unset where grouping, DISTINCT, windows or set-returning functions
 * stand between.  It takes no notice of joins, row locks and WITH TIES.
 */
static int
rows_needed(PlannerInfo *root, RelOptInfo *baserel)
{
	if (root->limit_tuples <= 0 || root->limit_tuples > INT_MAX / 2 ||
		baserel->reloptkind != RELOPT_BASEREL ||
		bms_membership(root->all_baserels) != BMS_SINGLETON || root->parse->rowMarks != NIL ||
		root->parse->limitOption == LIMIT_OPTION_WITH_TIES)
		return -1;
	return (int) root->limit_tuples;
}

/*
 * The page size to ask for when so many rows are needed and the local check will
 * remove some of the records.  All pages of a chain have the first one's size, so
 * a page that is small in vain costs many requests: it is never very small.
 */
static int
page_size_hint(const MlsRel *rel, const RelOptInfo *baserel, double records, int needed)
{
	double size = 2.0 * needed * records / Max(baserel->rows, 1);

	size = Max(size, SMALLEST_PAGE);
	return size < rel->table->source->platform.page_size ? (int) size : 0;
}

/* A path's own part: exact limit, page size hint, order. */
static List *
path_private(int limit, int hint, List *order)
{
	return list_make3(makeInteger(limit), makeInteger(hint), order);
}

/* ---- paths ---- */

/*
 * With the whole order from the source, or none to keep, a limit can go along;
 * with the first part of it, the planner sorts the rest group by group, and
 * needs a few more rows than the limit says.
 */
static void
add_scan_path(PlannerInfo *root, RelOptInfo *baserel, List *order)
{
	MlsRel *rel = baserel->fdw_private;
	List *keys = list_truncate(list_copy(root->query_pathkeys), list_length(order));
	bool sorted = list_length(keys) == list_length(root->query_pathkeys);
	int needed = sorted || order ? rows_needed(root, baserel) : -1;
	int limit = sorted && rel->exact ? needed : -1;
	double records = estimate_records(root, baserel, baserel->baserestrictinfo);
	int hint = needed > 0 && limit < 0 ? page_size_hint(rel, baserel, records, needed) : 0;
	Cost startup;
	Cost total;

	mls_scan_cost(rel, records, &startup, &total);
	add_path(baserel,
			 (Path *) mls_scan_path(root, baserel, baserel->rows, startup, total, keys,
									baserel->lateral_relids, path_private(limit, hint, order)));
}

/* Can a join clause be sent, once the other side's values are known? */
static bool
is_sendable_join(PlannerInfo *root, RelOptInfo *baserel, RestrictInfo *restriction)
{
	if (!join_clause_is_movable_to(restriction, baserel))
		return false;
	return clause_of(baserel->fdw_private, root, restriction->clause)->condition != NULL;
}

/* Adds the parameterisation a join clause gives to a list of them. */
static List *
add_parameterization(PlannerInfo *root, RelOptInfo *baserel, RestrictInfo *restriction, List *infos)
{
	Relids outer;

	if (!is_sendable_join(root, baserel, restriction))
		return infos;
	outer = bms_union(restriction->clause_relids, baserel->lateral_relids);
	outer = bms_del_member(outer, baserel->relid);
	if (bms_is_empty(outer))
		return infos;
	return list_append_unique_ptr(infos, get_baserel_parampathinfo(root, baserel, outer));
}

static bool
is_member_column(PlannerInfo *root, RelOptInfo *baserel, EquivalenceClass *class,
				 EquivalenceMember *member, void *arg)
{
	const MlsColumn *column = mls_condition_column(baserel->fdw_private, (Node *) member->em_expr);

	return column && column->attnum == *(AttrNumber *) arg;
}

/* The parameterisations that equalities with other tables give, column by column. */
static List *
add_equivalences(PlannerInfo *root, RelOptInfo *baserel, List *infos)
{
	for (AttrNumber attnum = Max(baserel->min_attr, 1); attnum <= baserel->max_attr; attnum++)
	{
		List *clauses;
		ListCell *lc;

		if (bms_is_empty(baserel->attr_needed[attnum - baserel->min_attr]))
			continue;
		clauses = generate_implied_equalities_for_column(root, baserel, is_member_column, &attnum,
														 baserel->lateral_referencers);
		foreach (lc, clauses)
			infos = add_parameterization(root, baserel, lfirst(lc), infos);
	}
	return infos;
}

static void
add_lookup_paths(PlannerInfo *root, RelOptInfo *baserel)
{
	MlsRel *rel = baserel->fdw_private;
	List *infos = NIL;
	ListCell *lc;

	foreach (lc, baserel->joininfo)
		infos = add_parameterization(root, baserel, lfirst(lc), infos);
	if (baserel->has_eclass_joins)
		infos = add_equivalences(root, baserel, infos);
	foreach (lc, infos)
	{
		ParamPathInfo *info = lfirst(lc);
		List *restrictions = list_concat_copy(info->ppi_clauses, baserel->baserestrictinfo);
		double records = estimate_records(root, baserel, restrictions);
		Cost startup;
		Cost total;

		mls_scan_cost(rel, records, &startup, &total);
		add_path(baserel,
				 (Path *) mls_scan_path(root, baserel, Min(info->ppi_rows, records), startup, total,
										NIL, info->ppi_req_outer, path_private(-1, 0, NIL)));
	}
}

void
mlsGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	List *order = remote_order(root, baserel->fdw_private);

	add_scan_path(root, baserel, NIL);
	if (order)
		add_scan_path(root, baserel, order);
	add_lookup_paths(root, baserel);
}

/* ---- the plan ---- */

/* Columns used above the scan or by its clauses (List of int). */
static List *
wanted_columns(const MlsRel *rel, RelOptInfo *baserel, List *clauses)
{
	Bitmapset *used = NULL;
	List *columns = NIL;
	bool whole_row;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &used);
	pull_varattnos((Node *) clauses, baserel->relid, &used);
	whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
	for (int i = 0; i < rel->table->ncolumns; i++)
		if (rel->table->columns[i].field &&
			(whole_row || bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, used)))
			columns = lappend_int(columns, i + 1);
	return columns;
}

/* Sorts clauses into what is sent and why the others are not. */
static void
sort_clauses(PlannerInfo *root, MlsRel *rel, List *clauses, MlsPlan *plan)
{
	ListCell *lc;

	foreach (lc, clauses)
	{
		MlsClause *clause = clause_of(rel, root, lfirst(lc));
		const char *reason = clause->reason ? clause->reason : "";

		if (clause->condition)
			plan->conditions = lappend(plan->conditions, clause->condition);
		if (clause->condition && *reason)
			reason = psprintf("in part: %s", reason);
		plan->reasons = lappend(plan->reasons, (char *) reason);
	}
}

ForeignScan *
mlsGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid,
				  ForeignPath *best_path, List *tlist, List *scan_clauses, Plan *outer_plan)
{
	MlsRel *rel = baserel->fdw_private;
	MlsPlan plan = {0};
	List *private;
	List *exprs;

	if (IS_UPPER_REL(baserel))
		return mls_count_plan(root, baserel, best_path, tlist);
	scan_clauses = extract_actual_clauses(scan_clauses, false);
	plan.relid = foreigntableid;
	plan.columns = wanted_columns(rel, baserel, scan_clauses);
	plan.limit = intVal(linitial(best_path->fdw_private));
	plan.page_size = intVal(lsecond(best_path->fdw_private));
	plan.order = lthird(best_path->fdw_private);
	sort_clauses(root, rel, scan_clauses, &plan);
	private = mls_plan_to_list(&plan, rel->exprs, &exprs);
	return make_foreignscan(tlist, scan_clauses, baserel->relid, exprs, private, NIL, NIL,
							outer_plan);
}
