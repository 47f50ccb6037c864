/*
 * compare.c
 *		Comparison operators as conditions.
 *
 * An operator counts if it has its place in the default btree family of the
 * column's type: what it means is then beyond doubt, whatever its name.  The
 * families of integers and of dates and times hold operators over two types;
 * those over a date and an instant depend on the session's time zone, so their
 * value is converted when the scan starts (bind.c).
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "fdw/condition.h"

static bool
family_operator(Oid opno, Oid family, MlsOperator *op)
{
	int strategy = get_op_opfamily_strategy(opno, family);

	switch (strategy)
	{
		case BTLessStrategyNumber:
			*op = MLS_LT;
			return true;
		case BTLessEqualStrategyNumber:
			*op = MLS_LE;
			return true;
		case BTEqualStrategyNumber:
			*op = MLS_EQ;
			return true;
		case BTGreaterEqualStrategyNumber:
			*op = MLS_GE;
			return true;
		case BTGreaterStrategyNumber:
			*op = MLS_GT;
			return true;
		default:
			return false;
	}
}

bool
mls_operator(Oid opno, Oid type, MlsOperator *op)
{
	Oid family = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	Oid opposite;

	if (!OidIsValid(family) || !OidIsValid(opno))
		return false;
	if (family_operator(opno, family, op))
		return true;
	opposite = get_negator(opno);
	if (OidIsValid(opposite) && family_operator(opposite, family, op) && *op == MLS_EQ)
	{
		*op = MLS_NE;
		return true;
	}
	return false;
}

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID;
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static bool
is_instant(Oid type)
{
	return type == TIMESTAMPTZOID || type == TIMESTAMPOID;
}

bool
mls_same_kind(const MlsColumn *column, Oid type)
{
	/* Single precision is rounded on the way in: the source orders other numbers. */
	if (column->type == FLOAT4OID)
		return false;
	return column->type == type || (is_text(column->type) && is_text(type)) ||
		   (is_integer(column->type) && is_integer(type));
}

/*
 * Does the column's type round what the source has, as numeric(12,0) and
 * timestamptz(0) do?  Then the source compares other values than we do.
 */
bool
mls_is_rounded(const MlsColumn *column)
{
	return column->typmod >= 0 && (column->type == NUMERICOID || column->type == TIMESTAMPTZOID ||
								   column->type == TIMEOID);
}

bool
mls_equality_is_plain(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

/* Is the value's type one that is converted to the column's when it is known? */
static bool
is_converted(const MlsColumn *column, Oid type)
{
	return (column->type == DATEOID && is_instant(type)) ||
		   (column->type == TIMESTAMPTZOID && (type == DATEOID || type == TIMESTAMPOID));
}

/*
 * A date is compared with an instant as its midnight; the instant's own day is
 * the bound then, and belongs to either side.
 */
static void
widen_to_days(MlsCondition *condition)
{
	if (condition->op == MLS_LT)
		condition->op = MLS_LE;
	else if (condition->op == MLS_GT)
		condition->op = MLS_GE;
	condition->widened = true;
}

static MlsCondition *
like_condition(MlsTranslation *work, const MlsColumn *column, OpExpr *expr)
{
	MlsValue *value;
	MlsCondition *condition;

	if (!is_text(column->type) || !mls_equality_is_plain(expr->inputcollid))
		return mls_obstacle(work, "pattern on a column that is no plain text");
	value = mls_condition_value(work, lsecond(expr->args));
	if (value == NULL)
		return NULL;
	condition = mls_condition_leaf(MLS_CONTAINS, column, value);
	condition->pattern = true;
	condition->widened = true;
	if (value->param < 0 && !mls_like_resolve(condition))
		return mls_obstacle(work, "pattern without literal text");
	return condition;
}

static const char *
text_obstacle(MlsOperator op, Oid collation)
{
	if (op != MLS_EQ && op != MLS_NE)
		return "text ordering";
	return mls_equality_is_plain(collation) ? NULL : "nondeterministic collation";
}

static MlsCondition *
compare(MlsTranslation *work, const MlsColumn *column, MlsOperator op, Oid collation, Node *operand)
{
	Oid type = exprType(operand);
	const char *obstacle = is_text(column->type) ? text_obstacle(op, collation) : NULL;
	bool converted = is_converted(column, type);
	MlsCondition *condition;
	MlsValue *value;

	if (obstacle)
		return mls_obstacle(work, obstacle);
	if (mls_is_rounded(column))
		return mls_obstacle(work, "values rounded by the column's type");
	if (!converted && !mls_same_kind(column, type))
		return mls_obstacle(work, column->type == FLOAT4OID ? "single precision"
															: "comparison between types");
	value =
		converted ? mls_condition_expression(work, operand) : mls_condition_value(work, operand);
	if (value == NULL)
		return NULL;
	condition = mls_condition_leaf(MLS_COMPARE, column, value);
	condition->op = op;
	if (converted && op == MLS_NE)
		return mls_obstacle(work, "comparison between types");
	if (converted && column->type == DATEOID)
		widen_to_days(condition);
	return condition;
}

MlsCondition *
mls_condition_compare(MlsTranslation *work, OpExpr *expr)
{
	const MlsColumn *column = mls_condition_column(work->rel, linitial(expr->args));
	Node *operand = lsecond(expr->args);
	Oid opno = expr->opno;
	MlsOperator op;

	if (column && opno == OID_TEXT_LIKE_OP)
		return like_condition(work, column, expr);
	if (column == NULL)
	{
		column = mls_condition_column(work->rel, lsecond(expr->args));
		operand = linitial(expr->args);
		opno = get_commutator(opno);
	}
	if (column == NULL)
		return mls_obstacle(work, contain_volatile_functions((Node *) expr)
									  ? "volatile"
									  : "no comparison of a plain column with a value");
	if (!mls_operator(opno, column->type, &op))
		return mls_obstacle(work, "no operator a source has");
	return compare(work, column, op, expr->inputcollid, operand);
}
