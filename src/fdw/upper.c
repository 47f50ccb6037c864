/*
 * upper.c
 *		count(*) without fetching the records.
 *
 * Only the plain count of one foreign table, with every restriction sent and
 * exact.  Should a value known only at execution turn out to have no remote form,
 * the scan counts by itself; for that the plan keeps the clauses and the columns
 * they need, in the slot behind the count.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "utils/fmgroids.h"

#include "compat.h"
#include "fdw/fdw.h"

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

ForeignScan *
mls_count_plan(PlannerInfo *root, RelOptInfo *output_rel, ForeignPath *best_path, List *tlist)
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
	private = mls_plan_to_list(&plan, rel->exprs, &exprs);
	scan = make_foreignscan(tlist, NIL, 0, exprs, private, scan_tlist, clauses, NULL);
	return scan;
}
