/*
 * plan.c
 *		Sizes, paths and plans of foreign tables, and of counts of them.  No network.
 *
 * The unit of cost is the request, not the record: with the default of 500 units
 * (option request_cost) a request weighs as much as 50,000 local rows, so that the
 * planner fetches once and hashes, and looks up record by record only for a few.
 *
 * All clauses stay with the local plan as well.  What is sent only narrows the
 * pages; a limit alone must be exact, since a row the local check removes would
 * be missed.
 *
 * count(*) without the records: only the plain count of one foreign table, with every
 * restriction sent and exact.  Should a value known only at execution turn out to have
 * no remote form, the scan counts by itself; for that the plan keeps the clauses and
 * the columns they need, in the slot behind the count.
 */
#include "postgres.h"

#include <math.h>

#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/value.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "compat.h"
#include "fdw/fdw.h"
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

static void
scan_cost(const MlsRel *rel, double records, Cost *startup, Cost *total)
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
remote_order(PlannerInfo *root, MlsRel *rel)
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
		/* The source has nulls at the other end. */
		if (key->pk_nulls_first == mls_pathkey_is_descending(key))
			rel->no_nulls = list_append_unique_int(rel->no_nulls, column->attnum);
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

	scan_cost(rel, records, &startup, &total);
	add_path(baserel,
			 (Path *) mls_scan_path(root, baserel, baserel->rows, startup, total, keys,
									baserel->lateral_relids, path_private(limit, hint, order)));
}

/* Adds the parameterisation a join clause gives to a list of them, if it can be sent once the other
 * side's values are known. */
static List *
add_parameterization(PlannerInfo *root, RelOptInfo *baserel, RestrictInfo *restriction, List *infos)
{
	Relids outer;

	if (!join_clause_is_movable_to(restriction, baserel) ||
		clause_of(baserel->fdw_private, root, restriction->clause)->condition == NULL)
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

		scan_cost(rel, records, &startup, &total);
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

/* ---- a plan's own part as node lists, and back ---- */

/*
 * Plans are copied, cached and written out, so what travels in them is made of
 * nodes only: lists of integers, strings and constants.  Columns are attribute
 * numbers, resolved against the table when the plan is read.
 */

/* Places in the list. */
enum
{
	PLAN_RELID,
	PLAN_COUNT,
	PLAN_CONDITIONS,
	PLAN_COLUMNS,
	PLAN_ORDER,
	PLAN_LIMIT,
	PLAN_PAGE_SIZE,
	PLAN_REASONS,
	PLAN_NO_NULLS
};

/* Places in a condition's list. */
enum
{
	CONDITION_KIND,
	CONDITION_OPERATOR,
	CONDITION_COLUMN,
	CONDITION_PATTERN,
	CONDITION_ARGS,
	CONDITION_VALUES
};

/* Expressions are renumbered on the way: a plan carries those it uses. */
typedef struct Writer
{
	const List *exprs; /* all */
	List *used;        /* in the plan's numbering */
} Writer;

static int
used_index(Writer *writer, int param)
{
	void *expr = list_nth(writer->exprs, param);
	ListCell *lc;

	foreach (lc, writer->used)
		if (lfirst(lc) == expr)
			return foreach_current_index(lc);
	writer->used = lappend(writer->used, expr);
	return list_length(writer->used) - 1;
}

/* A constant is a Const, an expression the list of its number and its type. */
static Node *
value_to_node(Writer *writer, const MlsValue *value)
{
	int16 length;
	bool by_value;

	if (value->param >= 0)
		return (Node *) list_make2_int(used_index(writer, value->param), (int) value->type);
	get_typlenbyval(value->type, &length, &by_value);
	return (Node *) makeConst(value->type, -1, InvalidOid, length, value->datum, value->isnull,
							  by_value);
}

static List *
condition_to_list(Writer *writer, const MlsCondition *condition)
{
	List *args = NIL;
	List *values = NIL;
	ListCell *lc;

	check_stack_depth();
	/* Arms of AND that cannot be sent stay here. */
	foreach (lc, condition->args)
		if (((MlsCondition *) lfirst(lc))->fit != MLS_FIT_NO)
			args = lappend(args, condition_to_list(writer, lfirst(lc)));
	foreach (lc, condition->values)
		values = lappend(values, value_to_node(writer, lfirst(lc)));
	return lappend(
		lappend(list_make4(makeInteger(condition->kind), makeInteger(condition->op),
						   makeInteger(condition->column ? condition->column->attnum : 0),
						   makeInteger(condition->pattern)),
				args),
		values);
}

static List *
plan_to_list(const MlsPlan *plan, const List *exprs, List **used)
{
	Writer writer = {.exprs = exprs};
	List *conditions = NIL;
	List *reasons = NIL;
	List *list;
	ListCell *lc;

	foreach (lc, plan->conditions)
		conditions = lappend(conditions, condition_to_list(&writer, lfirst(lc)));
	foreach (lc, plan->reasons)
		reasons = lappend(reasons, makeString(lfirst(lc)));
	list = list_make5(makeInteger((int) plan->relid), makeInteger(plan->count), conditions,
					  plan->columns, plan->order);
	list = lappend(list, makeInteger(plan->limit));
	list = lappend(list, makeInteger(plan->page_size));
	list = lappend(list, reasons);
	list = lappend(list, plan->no_nulls);
	*used = writer.used;
	return list;
}

static MlsValue *
value_from_node(Node *node)
{
	MlsValue *value = palloc0(sizeof(MlsValue));

	if (IsA(node, Const))
	{
		Const *constant = (Const *) node;

		value->type = constant->consttype;
		value->datum = constant->constvalue;
		value->isnull = constant->constisnull;
		value->param = -1;
		return value;
	}
	value->param = linitial_int((List *) node);
	value->type = (Oid) lsecond_int((List *) node);
	return value;
}

static MlsCondition *
condition_from_list(const List *list, const MlsTable *table)
{
	MlsCondition *condition = palloc0(sizeof(MlsCondition));
	int attnum = intVal(list_nth(list, CONDITION_COLUMN));
	ListCell *lc;

	condition->kind = intVal(list_nth(list, CONDITION_KIND));
	condition->op = intVal(list_nth(list, CONDITION_OPERATOR));
	condition->column = attnum > 0 ? &table->columns[attnum - 1] : NULL;
	condition->pattern = intVal(list_nth(list, CONDITION_PATTERN)) != 0;
	foreach (lc, (List *) list_nth(list, CONDITION_ARGS))
		condition->args = lappend(condition->args, condition_from_list(lfirst(lc), table));
	foreach (lc, (List *) list_nth(list, CONDITION_VALUES))
		condition->values = lappend(condition->values, value_from_node(lfirst(lc)));
	return condition;
}

Oid
mls_plan_relid(const List *list)
{
	return (Oid) intVal(list_nth(list, PLAN_RELID));
}

MlsPlan *
mls_plan_from_list(const List *list, const MlsTable *table)
{
	MlsPlan *plan = palloc0(sizeof(MlsPlan));
	ListCell *lc;

	plan->relid = mls_plan_relid(list);
	plan->count = intVal(list_nth(list, PLAN_COUNT)) != 0;
	foreach (lc, (List *) list_nth(list, PLAN_CONDITIONS))
		plan->conditions = lappend(plan->conditions, condition_from_list(lfirst(lc), table));
	plan->columns = list_nth(list, PLAN_COLUMNS);
	plan->order = list_nth(list, PLAN_ORDER);
	plan->limit = intVal(list_nth(list, PLAN_LIMIT));
	plan->page_size = intVal(list_nth(list, PLAN_PAGE_SIZE));
	plan->no_nulls = list_nth(list, PLAN_NO_NULLS);
	foreach (lc, (List *) list_nth(list, PLAN_REASONS))
		plan->reasons = lappend(plan->reasons, strVal(lfirst(lc)));
	return plan;
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

/* ---- counts ---- */

static bool
is_plain_count(const Aggref *aggref)
{
	return aggref->aggfnoid == F_COUNT_ && aggref->aggstar && aggref->aggfilter == NULL &&
		   aggref->aggdistinct == NIL && aggref->aggorder == NIL &&
		   aggref->aggsplit == AGGSPLIT_SIMPLE;
}

/* The count(*) of a target that needs nothing else of the table; NULL if it does. */
static Aggref *
only_count(const PathTarget *target)
{
	List *parts =
		pull_var_clause((Node *) target->exprs, PVC_INCLUDE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
													PVC_INCLUDE_PLACEHOLDERS);
	Aggref *count = NULL;
	ListCell *lc;

	foreach (lc, parts)
	{
		if (!IsA(lfirst(lc), Aggref) || !is_plain_count(lfirst(lc)))
			return NULL;
		count = lfirst(lc);
	}
	return count;
}

static bool
is_countable(PlannerInfo *root, const RelOptInfo *input_rel)
{
	const Query *parse = root->parse;
	const MlsRel *rel = input_rel->fdw_private;

	return input_rel->reloptkind == RELOPT_BASEREL && rel != NULL && rel->exact && parse->hasAggs &&
		   parse->groupClause == NIL && parse->groupingSets == NIL && !root->hasHavingQual &&
		   parse->havingQual == NULL && !parse->hasTargetSRFs && rel->table->key != NIL &&
		   rel->table->source->protocol->countable(rel->table);
}

void
mlsGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel,
						RelOptInfo *output_rel, void *extra)
{
	double cost;

	if (stage != UPPERREL_GROUP_AGG || output_rel->fdw_private != NULL ||
		!is_countable(root, input_rel) || only_count(output_rel->reltarget) == NULL)
		return;
	output_rel->fdw_private = input_rel;
	cost = ((MlsRel *) input_rel->fdw_private)->table->source->request_cost;
	add_path(output_rel,
			 (Path *) mls_upper_path(root, output_rel, output_rel->reltarget, 1, cost, cost, NIL));
}

/* The base table's clauses, and with them the plan's conditions. */
static List *
base_clauses(const RelOptInfo *base, MlsPlan *plan)
{
	const MlsRel *rel = base->fdw_private;
	List *clauses = NIL;
	ListCell *lc;

	foreach (lc, base->baserestrictinfo)
		clauses = lappend(clauses, ((RestrictInfo *) lfirst(lc))->clause);
	foreach (lc, rel->clauses)
	{
		MlsClause *clause = lfirst(lc);

		if (clause->condition && list_member_ptr(clauses, clause->clause))
			plan->conditions = lappend(plan->conditions, clause->condition);
	}
	return clauses;
}

static ForeignScan *
count_plan(PlannerInfo *root, RelOptInfo *output_rel, ForeignPath *best_path, List *tlist)
{
	RelOptInfo *base = output_rel->fdw_private;
	MlsRel *rel = base->fdw_private;
	MlsPlan plan = {.count = true, .limit = 1, .relid = rel->table->relid};
	List *clauses = base_clauses(base, &plan);
	List *scan_tlist = add_to_flat_tlist(NIL, list_make1(only_count(best_path->path.pathtarget)));
	List *vars = pull_var_clause((Node *) clauses, PVC_RECURSE_PLACEHOLDERS);
	ForeignScan *scan;
	List *private;
	List *exprs;
	ListCell *lc;

	scan_tlist = add_to_flat_tlist(scan_tlist, vars);
	foreach (lc, scan_tlist)
	{
		TargetEntry *entry = lfirst(lc);

		if (IsA(entry->expr, Var))
			plan.columns = lappend_int(plan.columns, ((Var *) entry->expr)->varattno);
	}
	private = plan_to_list(&plan, rel->exprs, &exprs);
	scan = make_foreignscan(tlist, NIL, 0, exprs, private, scan_tlist, clauses, NULL);
	return scan;
}

/* ---- plans ---- */

ForeignScan *
mlsGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid,
				  ForeignPath *best_path, List *tlist, List *scan_clauses, Plan *outer_plan)
{
	MlsRel *rel = baserel->fdw_private;
	MlsPlan plan = {0};
	List *private;
	List *exprs;

	if (IS_UPPER_REL(baserel))
		return count_plan(root, baserel, best_path, tlist);
	scan_clauses = extract_actual_clauses(scan_clauses, false);
	plan.relid = foreigntableid;
	plan.columns = wanted_columns(rel, baserel, scan_clauses);
	plan.limit = intVal(linitial(best_path->fdw_private));
	plan.page_size = intVal(lsecond(best_path->fdw_private));
	plan.order = lthird(best_path->fdw_private);
	plan.no_nulls = plan.order ? rel->no_nulls : NIL;
	sort_clauses(root, rel, scan_clauses, &plan);
	private = plan_to_list(&plan, rel->exprs, &exprs);
	return make_foreignscan(tlist, scan_clauses, baserel->relid, exprs, private, NIL, NIL,
							outer_plan);
}
