/*
 * fit.c
 *		What of a condition is sent, and as what.
 *
 * The protocol judges single conditions; here they are combined.  A conjunction
 * may lose arms, which lets more rows through; a disjunction needs every arm;
 * only what is exact may stand under NOT, where more would become less.  The
 * protocol has the last word on the combination itself (some have no `or`).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "fdw/condition.h"

/* A platform's refusal in words. */
static const char *
refusal(const MlsTable *table, const MlsCondition *condition)
{
	const MlsPlatform *platform = &table->source->platform;

	switch (condition->kind)
	{
		case MLS_OR:
			return platform->or_allowed ? "or over this" : "or is not pushed on this platform";
		case MLS_NOT:
			return platform->negation ? "not over this" : "not is not pushed on this platform";
		case MLS_IS_NULL:
		case MLS_IS_NOT_NULL:
			if (!platform->null_tests)
				return "null tests are not pushed on this platform";
			break;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			if (!platform->text_match)
				return "patterns are not pushed on this platform";
			break;
		case MLS_COMPARE:
			if (condition->op == MLS_NE)
				return "<> is not pushed on this platform";
			break;
		default:
			break;
	}
	return "the source cannot compare this field so";
}

static MlsCondition *
refused(MlsTranslation *work, const MlsCondition *condition, MlsFit *fit)
{
	*fit = MLS_FIT_NO;
	return mls_obstacle(work, refusal(work->rel->table, condition));
}

/* The protocol's word, less where values of the column turned out not to fit it. */
static MlsFit
trusted_fit(const MlsTable *table, const MlsCondition *condition)
{
	MlsFit fit = table->source->protocol->fit(table, condition);

	if (condition->column == NULL || !mls_is_distrusted(table->relid, condition->column->attnum))
		return fit;
	return condition->kind == MLS_IS_NULL ? MLS_FIT_NO : Min(fit, MLS_FIT_SUPERSET);
}

/* What is left of a condition when it is sent; NULL if nothing is. */
static MlsCondition *
prune(MlsTranslation *work, const MlsCondition *condition, MlsFit *fit)
{
	const MlsTable *table = work->rel->table;
	MlsCondition *result = palloc(sizeof(MlsCondition));
	ListCell *lc;

	check_stack_depth();
	*result = *condition;
	result->args = NIL;
	*fit = MLS_FIT_EXACT;
	foreach (lc, condition->args)
	{
		MlsFit arm_fit;
		MlsCondition *arm = prune(work, lfirst(lc), &arm_fit);

		if (arm)
			result->args = lappend(result->args, arm);
		if (arm == NULL && condition->kind != MLS_AND)
			return NULL;
		if (arm_fit != MLS_FIT_EXACT && condition->kind == MLS_NOT)
			return refused(work, condition, fit);
		*fit = Min(*fit, Max(arm_fit, MLS_FIT_SUPERSET));
	}
	if (condition->kind == MLS_AND && result->args == NIL)
		return NULL;
	*fit = Min(*fit, trusted_fit(table, result));
	if (*fit == MLS_FIT_NO)
		return refused(work, condition, fit);
	if (condition->widened)
		*fit = MLS_FIT_SUPERSET;
	return result;
}

/*
 * Columns without nulls: by declaration, and the modification timestamp by what
 * it is.  No source leaves it out, and replication stands on it as well.
 */
bool
mls_never_null(const MlsTable *table, const MlsColumn *column)
{
	return column->not_null || (table->timestamp && strcmp(column->field, table->timestamp) == 0);
}

/* Is a clause true by the table's own declaration?  (PostgreSQL 17 removes such tests itself.) */
static bool
is_declared(const MlsRel *rel, const Expr *clause)
{
	const MlsColumn *column;

	if (!IsA(clause, NullTest) || ((NullTest *) clause)->nulltesttype != IS_NOT_NULL)
		return false;
	column = mls_condition_column(rel, (Node *) ((NullTest *) clause)->arg);
	return column && mls_never_null(rel->table, column);
}

/* Translates a clause and finds what of it the source can do. */
MlsClause *
mls_clause(MlsRel *rel, PlannerInfo *root, Expr *clause)
{
	MlsTranslation work = {.root = root, .rel = rel};
	MlsClause *result = palloc0(sizeof(MlsClause));
	MlsCondition *condition;

	result->clause = clause;
	if (is_declared(rel, clause))
	{
		result->fit = MLS_FIT_EXACT;
		return result;
	}
	condition = mls_condition(&work, (Node *) clause);
	if (condition)
		result->condition = prune(&work, condition, &result->fit);
	if (result->condition == NULL)
		result->fit = MLS_FIT_NO;
	result->reason = work.reason;
	return result;
}
