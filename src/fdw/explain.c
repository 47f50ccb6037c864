/*
 * explain.c
 *		What EXPLAIN tells of a scan: what is asked of the source, what is not and
 *		why, and with ANALYZE what it cost.  No network, no secret.
 */
#include "postgres.h"

#include "commands/explain.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include MLS_EXPLAIN_STATE_H
#include MLS_EXPLAIN_FORMAT_H
#include "fdw/fdw.h"

static void
explain_request(MlsScanState *state, ExplainState *es)
{
	/* After a run the values are known; before it $1 stands for the first expression. */
	MlsQuery *query = state->bound ? state->query : mls_plan_query(state->plan, state->table, NULL);

	if (query == NULL)
	{
		ExplainPropertyText("Remote Request", "none, since no row can match", es);
		return;
	}
	if (state->plan->count)
	{
		query->verify_count = true;
		query->fields = list_truncate(list_copy(state->table->key), 1);
	}
	ExplainPropertyText("Remote Request", state->table->source->protocol->show(query), es);
	if (query->limit >= 0 && !state->plan->count)
		ExplainPropertyInteger("Remote Limit", NULL, query->limit, es);
	if (query->page_size > 0)
		ExplainPropertyInteger("Remote Page Size", NULL, query->page_size, es);
}

/* Is there a value in an expression that comes from elsewhere in the plan? */
static bool
has_executor_param(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC)
		return true;
	return expression_tree_walker(node, has_executor_param, context);
}

/*
 * An expression as a reader knows it.  The node's ancestors are not known here,
 * and without them a value of an outer row has no name; the filter tells it.
 */
static char *
expression_text(Node *expr, List *context)
{
	if (IsA(expr, Param) && ((Param *) expr)->paramkind == PARAM_EXTERN)
		return psprintf("parameter %d", ((Param *) expr)->paramid);
	if (has_executor_param(expr, NULL))
		return "[from the plan]";
	return deparse_expression(expr, context, true, false);
}

/* What $1, $2 ... stand for. */
static void
explain_expressions(ForeignScanState *node, List *context, ExplainState *es)
{
	ForeignScan *scan = (ForeignScan *) node->ss.ps.plan;
	List *lines = NIL;
	ListCell *lc;

	foreach (lc, scan->fdw_exprs)
		lines = lappend(lines, psprintf("$%d = %s", foreach_current_index(lc) + 1,
										expression_text(lfirst(lc), context)));
	if (lines)
		ExplainPropertyList("Remote Parameters", lines, es);
}

static void
explain_local(ForeignScanState *node, List *context, ExplainState *es)
{
	MlsScanState *state = node->fdw_state;
	bool prefix = list_length(es->rtable) > 1 || es->verbose;
	List *lines = NIL;
	ListCell *clause;
	ListCell *reason;

	forboth(clause, node->ss.ps.plan->qual, reason, state->plan->reasons)
	{
		const char *text = lfirst(reason);

		if (*text)
			lines = lappend(
				lines, psprintf("%s: %s",
								deparse_expression(lfirst(clause), context, prefix, false), text));
	}
	if (lines)
		ExplainPropertyList("Kept Local", lines, es);
}

static void
explain_run(MlsScanState *state, ExplainState *es)
{
	mls_scan_stop(state);
	ExplainPropertyInteger("Remote Requests", NULL, state->stats.requests, es);
	ExplainPropertyInteger("Remote Pages", NULL, state->pages, es);
	ExplainPropertyInteger("Remote Records", NULL, state->records, es);
	ExplainPropertyInteger("Received", "bytes", state->stats.wire_bytes, es);
	if (es->timing)
	{
		ExplainPropertyFloat("Network Wait", "ms", state->stats.wait_us / 1000.0, 3, es);
		ExplainPropertyFloat("Quota Wait", "ms", state->stats.quota_us / 1000.0, 3, es);
	}
	if (state->given_up)
		ExplainPropertyList("Refused by Source", state->given_up, es);
	if (state->bad_values > 0)
		ExplainPropertyInteger("Unconvertible Values", NULL, state->bad_values, es);
}

void
mlsExplainForeignScan(ForeignScanState *node, struct ExplainState *es)
{
	MlsScanState *state = node->fdw_state;
	List *context = NIL;

	if (state->plan->count)
		ExplainPropertyText("Remote Count", state->table->name, es);
	explain_request(state, es);
	if (es->verbose)
	{
		context = set_deparse_context_plan(es->deparse_cxt, node->ss.ps.plan, NIL);
		explain_expressions(node, context, es);
		explain_local(node, context, es);
	}
	if (es->analyze)
		explain_run(state, es);
}
