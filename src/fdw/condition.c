/*
 * condition.c
 *		SQL expressions as conditions on fields: the walk, and the simple shapes.
 *
 * This room knows PostgreSQL and nothing of any protocol.  Whatever it does not
 * recognise is an obstacle, never a guess; operators are known by their identity
 * or their place in an operator family, never by name.  A conjunction may lose
 * arms here, and is marked as wider than its SQL then; nothing else may.
 *
 * compare.c has the comparison operators, like.c the patterns, arrays.c lists
 * and collections.
 */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"

#include "fdw/condition.h"

MlsCondition *
mls_obstacle(MlsTranslation *work, const char *reason)
{
	if (work->reason == NULL)
		work->reason = reason;
	return NULL;
}

const MlsColumn *
mls_condition_column(const MlsRel *rel, Node *node)
{
	const MlsColumn *column;
	Var *var;

	if (IsA(node, RelabelType) && (((RelabelType *) node)->resulttype == TEXTOID ||
								   ((RelabelType *) node)->resulttype == TEXTARRAYOID))
		node = (Node *) ((RelabelType *) node)->arg;
	if (!IsA(node, Var))
		return NULL;
	var = (Var *) node;
	if (var->varno != rel->varno || var->varlevelsup != 0 || var->varattno <= 0 ||
		var->varattno > rel->table->ncolumns)
		return NULL;
	column = &rel->table->columns[var->varattno - 1];
	return column->field ? column : NULL;
}

MlsCondition *
mls_condition_leaf(MlsConditionKind kind, const MlsColumn *column, MlsValue *value)
{
	MlsCondition *condition = palloc0(sizeof(MlsCondition));

	condition->kind = kind;
	condition->column = column;
	if (value)
		condition->values = list_make1(value);
	return condition;
}

static MlsCondition *
make_tree(MlsConditionKind kind, List *args)
{
	MlsCondition *condition = mls_condition_leaf(kind, NULL, NULL);

	condition->args = args;
	return condition;
}

/* ---- values ---- */

static int
expression_index(MlsRel *rel, Node *node)
{
	ListCell *lc;

	foreach (lc, rel->exprs)
		if (equal(lfirst(lc), node))
			return foreach_current_index(lc);
	rel->exprs = lappend(rel->exprs, node);
	return list_length(rel->exprs) - 1;
}

/*
 * Stable functions such as now() are welcome: their value is taken here, when
 * the scan starts, and is the same that the local check uses.
 */
MlsValue *
mls_condition_expression(MlsTranslation *work, Node *node)
{
	MlsValue *value;

	if (bms_is_member(work->rel->varno, pull_varnos(work->root, node)))
	{
		mls_obstacle(work, "no comparison of a plain column with a value");
		return NULL;
	}
	if (contain_subplans(node))
	{
		mls_obstacle(work, "subquery");
		return NULL;
	}
	if (contain_volatile_functions(node))
	{
		mls_obstacle(work, "volatile");
		return NULL;
	}
	value = palloc0(sizeof(MlsValue));
	value->type = exprType(node);
	value->param = expression_index(work->rel, node);
	return value;
}

MlsValue *
mls_condition_value(MlsTranslation *work, Node *node)
{
	MlsValue *value;
	Const *constant = (Const *) node;

	if (!IsA(node, Const))
		return mls_condition_expression(work, node);
	value = palloc0(sizeof(MlsValue));
	value->type = constant->consttype;
	value->datum = constant->constvalue;
	value->isnull = constant->constisnull;
	value->param = -1;
	return value;
}

/* ---- simple shapes ---- */

static MlsCondition *
flag_condition(const MlsColumn *column, bool flag)
{
	MlsValue *value = palloc0(sizeof(MlsValue));

	value->type = BOOLOID;
	value->datum = BoolGetDatum(flag);
	value->param = -1;
	return mls_condition_leaf(MLS_COMPARE, column, value);
}

static MlsCondition *
null_condition(MlsTranslation *work, NullTest *test)
{
	const MlsColumn *column = mls_condition_column(work->rel, (Node *) test->arg);

	if (column == NULL || test->argisrow)
		return mls_obstacle(work, "null test of something else than a column");
	return mls_condition_leaf(test->nulltesttype == IS_NULL ? MLS_IS_NULL : MLS_IS_NOT_NULL, column,
							  NULL);
}

static MlsCondition *
flag_test(MlsTranslation *work, BooleanTest *test)
{
	const MlsColumn *column = mls_condition_column(work->rel, (Node *) test->arg);
	bool is_true = test->booltesttype == IS_TRUE || test->booltesttype == IS_NOT_FALSE;

	/* As a restriction, "x IS TRUE" is x. */
	if (column == NULL && test->booltesttype == IS_TRUE)
		return mls_condition(work, (Node *) test->arg);
	if (column == NULL)
		return mls_obstacle(work, "truth test of something else than a column");
	switch (test->booltesttype)
	{
		case IS_TRUE:
		case IS_FALSE:
			return flag_condition(column, is_true);
		case IS_NOT_TRUE:
		case IS_NOT_FALSE:
			return make_tree(MLS_OR, list_make2(flag_condition(column, is_true),
												mls_condition_leaf(MLS_IS_NULL, column, NULL)));
		case IS_UNKNOWN:
			return mls_condition_leaf(MLS_IS_NULL, column, NULL);
		case IS_NOT_UNKNOWN:
			return mls_condition_leaf(MLS_IS_NOT_NULL, column, NULL);
	}
	return NULL;
}

static MlsCondition *
negation(MlsTranslation *work, Node *node)
{
	const MlsColumn *column = mls_condition_column(work->rel, node);
	MlsCondition *inner;

	if (column)
		return flag_condition(column, false);
	inner = mls_condition(work, node);
	return inner ? make_tree(MLS_NOT, list_make1(inner)) : NULL;
}

static MlsCondition *
conjunction(MlsTranslation *work, List *args)
{
	List *arms = NIL;
	ListCell *lc;
	MlsCondition *result;

	foreach (lc, args)
	{
		MlsCondition *arm = mls_condition(work, lfirst(lc));

		if (arm)
			arms = lappend(arms, arm);
	}
	if (arms == NIL)
		return NULL;
	result = make_tree(MLS_AND, arms);
	result->widened = list_length(arms) < list_length(args);
	return result;
}

static MlsCondition *
disjunction(MlsTranslation *work, List *args)
{
	List *arms = NIL;
	ListCell *lc;

	foreach (lc, args)
	{
		MlsCondition *arm = mls_condition(work, lfirst(lc));

		if (arm == NULL)
			return NULL;
		arms = lappend(arms, arm);
	}
	return make_tree(MLS_OR, arms);
}

static MlsCondition *
operation(MlsTranslation *work, OpExpr *expr)
{
	if (list_length(expr->args) != 2)
		return mls_obstacle(work, "no operator a source has");
	switch (expr->opno)
	{
		case OID_ARRAY_OVERLAP_OP:
		case OID_ARRAY_CONTAINS_OP:
		case OID_ARRAY_CONTAINED_OP:
			return mls_condition_array(work, expr);
		default:
			return mls_condition_compare(work, expr);
	}
}

MlsCondition *
mls_condition(MlsTranslation *work, Node *node)
{
	const MlsColumn *column;

	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Var:
			column = mls_condition_column(work->rel, node);
			return column ? flag_condition(column, true) : mls_obstacle(work, "no field");
		case T_BoolExpr:
			if (((BoolExpr *) node)->boolop == NOT_EXPR)
				return negation(work, linitial(((BoolExpr *) node)->args));
			if (((BoolExpr *) node)->boolop == OR_EXPR)
				return disjunction(work, ((BoolExpr *) node)->args);
			return conjunction(work, ((BoolExpr *) node)->args);
		case T_OpExpr:
			return operation(work, (OpExpr *) node);
		case T_ScalarArrayOpExpr:
			return mls_condition_in(work, (ScalarArrayOpExpr *) node);
		case T_NullTest:
			return null_condition(work, (NullTest *) node);
		case T_BooleanTest:
			return flag_test(work, (BooleanTest *) node);
		default:
			return mls_obstacle(work, contain_volatile_functions(node)
										  ? "volatile"
										  : "no comparison of a plain column with a value");
	}
}
