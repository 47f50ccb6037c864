/*
 * arrays.c
 *		Lists of values and collections as conditions: IN, = ANY, @>, <@, &&.
 */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "fdw/condition.h"

/* The elements of an array, nulls included. */
List *
mls_array_values(Datum array, Oid array_type)
{
	Oid element = get_element_type(array_type);
	List *values = NIL;
	int16 length;
	bool by_value;
	char align;
	Datum *datums;
	bool *nulls;
	int count;

	get_typlenbyvalalign(element, &length, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(array), element, length, by_value, align, &datums, &nulls,
					  &count);
	for (int i = 0; i < count; i++)
	{
		MlsValue *value = palloc0(sizeof(MlsValue));

		value->type = element;
		value->datum = datums[i];
		value->isnull = nulls[i];
		value->param = -1;
		values = lappend(values, value);
	}
	return values;
}

/*
 * A condition over the elements of an array; an array not known yet is one value,
 * and so is one without elements, since only its value decides what that means.
 */
static MlsCondition *
over_array(MlsTranslation *work, MlsConditionKind kind, const MlsColumn *column, Node *operand)
{
	MlsValue *value = mls_condition_value(work, operand);
	List *values = NIL;
	MlsCondition *condition;

	if (value == NULL)
		return NULL;
	if (value->param < 0 && !value->isnull)
		values = mls_array_values(value->datum, value->type);
	if (value->param < 0 && values == NIL)
		value = mls_condition_expression(work, operand);
	condition = mls_condition_leaf(kind, column, value);
	if (values)
		condition->values = values;
	return condition;
}

static MlsCondition *
negated_if(bool negate, MlsCondition *condition)
{
	MlsCondition *outer;

	if (condition == NULL || !negate)
		return condition;
	outer = mls_condition_leaf(MLS_NOT, NULL, NULL);
	outer->args = list_make1(condition);
	return outer;
}

/* value = ANY (column), value <> ALL (column) */
static MlsCondition *
member_condition(MlsTranslation *work, const MlsColumn *column, MlsOperator op, Node *operand)
{
	MlsValue *value;

	if (column->type != TEXTARRAYOID || exprType(operand) != TEXTOID)
		return mls_obstacle(work, "comparison between types");
	value = mls_condition_value(work, operand);
	if (value == NULL)
		return NULL;
	return negated_if(op == MLS_NE, mls_condition_leaf(MLS_ANY_OF, column, value));
}

MlsCondition *
mls_condition_in(MlsTranslation *work, ScalarArrayOpExpr *expr)
{
	Node *left = linitial(expr->args);
	Node *right = lsecond(expr->args);
	const MlsColumn *column = mls_condition_column(work->rel, left);
	const MlsColumn *collection = mls_condition_column(work->rel, right);
	Oid element = get_base_element_type(exprType(right));
	MlsOperator op;

	if ((column == NULL) == (collection == NULL))
		return mls_obstacle(work, "no comparison of a plain column with a value");
	if (!mls_operator(expr->opno, column ? column->type : element, &op) ||
		op != (expr->useOr ? MLS_EQ : MLS_NE))
		return mls_obstacle(work, "no operator a source has");
	if (!mls_equality_is_plain(expr->inputcollid))
		return mls_obstacle(work, "nondeterministic collation");
	if (collection)
		return member_condition(work, collection, op, left);
	if (mls_is_rounded(column))
		return mls_obstacle(work, "values rounded by the column's type");
	if (!mls_same_kind(column, element))
		return mls_obstacle(work, "comparison between types");
	return negated_if(op == MLS_NE, over_array(work, MLS_IN, column, right));
}

/* column @> array, array <@ column, and && either way */
MlsCondition *
mls_condition_array(MlsTranslation *work, OpExpr *expr)
{
	const MlsColumn *left = mls_condition_column(work->rel, linitial(expr->args));
	const MlsColumn *column = left ? left : mls_condition_column(work->rel, lsecond(expr->args));
	Node *operand = left ? lsecond(expr->args) : linitial(expr->args);
	bool overlap = expr->opno == OID_ARRAY_OVERLAP_OP;

	if (column == NULL)
		return mls_obstacle(work, "no comparison of a plain column with a value");
	if (!overlap && (expr->opno == OID_ARRAY_CONTAINS_OP) != (left != NULL))
		return mls_obstacle(work, "being contained in a list");
	if (column->type != TEXTARRAYOID || exprType(operand) != TEXTARRAYOID)
		return mls_obstacle(work, "comparison between types");
	if (!mls_equality_is_plain(expr->inputcollid))
		return mls_obstacle(work, "nondeterministic collation");
	return over_array(work, overlap ? MLS_ANY_OF : MLS_ALL_OF, column, operand);
}
