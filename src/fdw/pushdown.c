/*
 * pushdown.c
 *		SQL expressions as conditions on fields: what of a clause is sent, and why
 *		the rest is not.
 *
 * This room knows PostgreSQL and nothing of any protocol.  Whatever it does not
 * recognise is an obstacle, never a guess; operators are known by their identity
 * or their place in an operator family, never by name.  A conjunction may lose
 * arms here, and is marked as wider than its SQL then; nothing else may.  What is
 * recognised the protocol judges, single condition by single condition.
 *
 * An operator counts if it has its place in the default btree family of the
 * column's type: what it means is then beyond doubt.  The families of integers and
 * of dates and times hold operators over two types; those over a date and an
 * instant depend on the session's time zone, so their value is converted when the
 * scan starts (params.c).
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "fdw/fdw.h"

/* Work on one clause. */
typedef struct Translation
{
	PlannerInfo *root;
	MlsRel *rel;
	const char *reason; /* the first obstacle met, or NULL */
} Translation;

static MlsCondition *condition_of(Translation *work, Node *node);

/* ---- columns that have had bad values ---- */

/*
 * A value that does not fit its column is null here and something else at the source,
 * so that the source's order and limits over that column are not ours.  Who relied on
 * them when the first one came fails; later plans of this process do not rely on them.
 */
typedef struct ColumnKey
{
	Oid relid;
	int attnum;
} ColumnKey;

static HTAB *distrusted = NULL;

void
mls_distrust(Oid relid, int attnum)
{
	ColumnKey key = {relid, attnum};

	if (distrusted == NULL)
	{
		HASHCTL control = {.keysize = sizeof(ColumnKey), .entrysize = sizeof(ColumnKey)};

		distrusted = hash_create("mls_fdw columns", 32, &control, HASH_ELEM | HASH_BLOBS);
	}
	hash_search(distrusted, &key, HASH_ENTER, NULL);
}

bool
mls_is_distrusted(Oid relid, int attnum)
{
	ColumnKey key = {relid, attnum};

	return distrusted && hash_search(distrusted, &key, HASH_FIND, NULL) != NULL;
}

/* Notes an obstacle; the first one is what a reader is told.  Returns NULL. */
static MlsCondition *
obstacle(Translation *work, const char *reason)
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

static MlsCondition *
make_leaf(const Translation *work, MlsConditionKind kind, const MlsColumn *column, MlsValue *value)
{
	MlsCondition *condition = palloc0(sizeof(MlsCondition));

	condition->kind = kind;
	condition->column = column;
	condition->widened = mls_is_distrusted(work->rel->table->relid, column->attnum);
	if (value)
		condition->values = list_make1(value);
	return condition;
}

static MlsCondition *
make_tree(MlsConditionKind kind, List *args)
{
	MlsCondition *condition = palloc0(sizeof(MlsCondition));

	condition->kind = kind;
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
 * Always an expression, also where it is a constant: its value is converted when it is
 * known.  Stable functions such as now() are welcome: their value is taken when
 * the scan starts, and is the same that the local check uses.
 */
static MlsValue *
expression_value(Translation *work, Node *node)
{
	MlsValue *value;

	if (bms_is_member(work->rel->varno, pull_varnos(work->root, node)))
	{
		obstacle(work, "no comparison of a plain column with a value");
		return NULL;
	}
	if (contain_subplans(node))
	{
		obstacle(work, "subquery");
		return NULL;
	}
	if (contain_volatile_functions(node))
	{
		obstacle(work, "volatile");
		return NULL;
	}
	value = palloc0(sizeof(MlsValue));
	value->type = exprType(node);
	value->param = expression_index(work->rel, node);
	return value;
}

/* A constant, or an expression that is evaluated when the scan starts; NULL if it is neither. */
static MlsValue *
value_of(Translation *work, Node *node)
{
	MlsValue *value;
	Const *constant = (Const *) node;

	if (!IsA(node, Const))
		return expression_value(work, node);
	value = palloc0(sizeof(MlsValue));
	value->type = constant->consttype;
	value->datum = constant->constvalue;
	value->isnull = constant->constisnull;
	value->param = -1;
	return value;
}

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

/* ---- patterns ---- */

/*
 * LIKE patterns are prefix, suffix or infix matches.  Of "a_bc%d" the source can be told
 * one literal piece; the longest selects best.  A backslash makes the next character
 * literal.
 */
typedef struct Piece
{
	StringInfoData text;
	bool at_start; /* nothing before it */
	bool at_end;   /* nothing after it */
} Piece;

static void
keep_longer(Piece *best, Piece *piece)
{
	if (piece->text.len > best->text.len)
		*best = *piece;
	initStringInfo(&piece->text);
	piece->at_start = false;
}

/* The longest literal piece of a pattern; false if it ends within an escape. */
static bool
longest_piece(const char *pattern, Piece *best)
{
	Piece piece = {.at_start = true};

	initStringInfo(&piece.text);
	*best = piece;
	for (const char *c = pattern; *c;)
	{
		int length;

		if (*c == '%' || *c == '_')
		{
			piece.at_end = false;
			keep_longer(best, &piece);
			c++;
			continue;
		}
		if (*c == '\\' && *++c == '\0')
			return false;
		length = pg_mblen(c);
		appendBinaryStringInfo(&piece.text, c, length);
		c += length;
	}
	piece.at_end = true;
	keep_longer(best, &piece);
	return true;
}

bool
mls_like_resolve(MlsCondition *condition)
{
	MlsValue *value = linitial(condition->values);
	MlsValue *literal;
	Piece best;

	if (value->isnull || !longest_piece(TextDatumGetCString(value->datum), &best) ||
		best.text.len == 0)
		return false;
	literal = palloc0(sizeof(MlsValue));
	literal->type = TEXTOID;
	literal->datum = CStringGetTextDatum(best.text.data);
	literal->param = -1;
	condition->values = list_make1(literal);
	condition->pattern = false;
	if (best.at_start && best.at_end)
	{
		/* No wildcard at all: an equality. */
		condition->kind = MLS_COMPARE;
		condition->op = MLS_EQ;
		condition->widened = false;
	}
	else
		condition->kind = best.at_start ? MLS_STARTS : best.at_end ? MLS_ENDS : MLS_CONTAINS;
	return true;
}

/* ---- comparisons ---- */

static bool
family_operator(Oid opno, Oid family, MlsOperator *op)
{
	static const MlsOperator operators[] = {[BTLessStrategyNumber] = MLS_LT,
											[BTLessEqualStrategyNumber] = MLS_LE,
											[BTEqualStrategyNumber] = MLS_EQ,
											[BTGreaterEqualStrategyNumber] = MLS_GE,
											[BTGreaterStrategyNumber] = MLS_GT};
	int strategy = get_op_opfamily_strategy(opno, family);

	if (strategy < BTLessStrategyNumber || strategy > BTGreaterStrategyNumber)
		return false;
	*op = operators[strategy];
	return true;
}

/* Is an operator over a column's type one of btree's comparisons, or the opposite of equality? */
static bool
comparison(Oid opno, Oid type, MlsOperator *op)
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

/* Can a column be compared with values of a type as they are? */
static bool
same_kind(const MlsColumn *column, Oid type)
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

/* Do equal strings have equal bytes? */
static bool
equality_is_plain(Oid collation)
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
like_condition(Translation *work, const MlsColumn *column, OpExpr *expr)
{
	MlsValue *value;
	MlsCondition *condition;
	bool distrusted;

	if (!is_text(column->type) || !equality_is_plain(expr->inputcollid))
		return obstacle(work, "pattern on a column that is no plain text");
	value = value_of(work, lsecond(expr->args));
	if (value == NULL)
		return NULL;
	condition = make_leaf(work, MLS_CONTAINS, column, value);
	distrusted = condition->widened;
	condition->pattern = true;
	condition->widened = true;
	if (value->param < 0 && !mls_like_resolve(condition))
		return obstacle(work, "pattern without literal text");
	condition->widened |= distrusted;
	return condition;
}

static const char *
text_obstacle(MlsOperator op, Oid collation)
{
	if (op != MLS_EQ && op != MLS_NE)
		return "text ordering";
	return equality_is_plain(collation) ? NULL : "nondeterministic collation";
}

static MlsCondition *
compare(Translation *work, const MlsColumn *column, MlsOperator op, Oid collation, Node *operand)
{
	Oid type = exprType(operand);
	const char *reason = is_text(column->type) ? text_obstacle(op, collation) : NULL;
	bool converted = is_converted(column, type);
	MlsCondition *condition;
	MlsValue *value;

	if (reason)
		return obstacle(work, reason);
	if (mls_is_rounded(column))
		return obstacle(work, "values rounded by the column's type");
	if (!converted && !same_kind(column, type))
		return obstacle(work, column->type == FLOAT4OID ? "single precision"
														: "comparison between types");
	value = converted ? expression_value(work, operand) : value_of(work, operand);
	if (value == NULL)
		return NULL;
	condition = make_leaf(work, MLS_COMPARE, column, value);
	condition->op = op;
	if (converted && op == MLS_NE)
		return obstacle(work, "comparison between types");
	if (converted && column->type == DATEOID)
		widen_to_days(condition);
	return condition;
}

static MlsCondition *
compare_condition(Translation *work, OpExpr *expr)
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
		return obstacle(work, contain_volatile_functions((Node *) expr)
								  ? "volatile"
								  : "no comparison of a plain column with a value");
	if (!comparison(opno, column->type, &op))
		return obstacle(work, "no operator a source has");
	return compare(work, column, op, expr->inputcollid, operand);
}

/* ---- lists of values and collections: IN, = ANY, @>, <@, && ---- */

/*
 * A condition over the elements of an array; an array not known yet is one value, and
 * so is one without elements that are not null, since only its value decides what that
 * means.
 */
static MlsCondition *
over_array(Translation *work, MlsConditionKind kind, const MlsColumn *column, Node *operand)
{
	MlsValue *value = value_of(work, operand);
	List *values = NIL;
	bool any = false;
	ListCell *lc;
	MlsCondition *condition;

	if (value == NULL)
		return NULL;
	if (value->param < 0 && !value->isnull)
		values = mls_array_values(value->datum, value->type);
	foreach (lc, values)
		any = any || !((MlsValue *) lfirst(lc))->isnull;
	if (!any)
		values = NIL;
	if (value->param < 0 && values == NIL)
		value = expression_value(work, operand);
	condition = make_leaf(work, kind, column, value);
	if (values)
		condition->values = values;
	return condition;
}

static MlsCondition *
negated_if(bool negate, MlsCondition *condition)
{
	return condition && negate ? make_tree(MLS_NOT, list_make1(condition)) : condition;
}

/* value = ANY (column), value <> ALL (column) */
static MlsCondition *
member_condition(Translation *work, const MlsColumn *column, MlsOperator op, Node *operand)
{
	MlsValue *value;

	if (column->type != TEXTARRAYOID || exprType(operand) != TEXTOID)
		return obstacle(work, "comparison between types");
	value = value_of(work, operand);
	if (value == NULL)
		return NULL;
	return negated_if(op == MLS_NE, make_leaf(work, MLS_ANY_OF, column, value));
}

static MlsCondition *
in_condition(Translation *work, ScalarArrayOpExpr *expr)
{
	Node *left = linitial(expr->args);
	Node *right = lsecond(expr->args);
	const MlsColumn *column = mls_condition_column(work->rel, left);
	const MlsColumn *collection = mls_condition_column(work->rel, right);
	Oid element = get_base_element_type(exprType(right));
	MlsOperator op;

	if ((column == NULL) == (collection == NULL))
		return obstacle(work, "no comparison of a plain column with a value");
	if (!comparison(expr->opno, column ? column->type : element, &op) ||
		op != (expr->useOr ? MLS_EQ : MLS_NE))
		return obstacle(work, "no operator a source has");
	if (!equality_is_plain(expr->inputcollid))
		return obstacle(work, "nondeterministic collation");
	if (collection)
		return member_condition(work, collection, op, left);
	if (mls_is_rounded(column))
		return obstacle(work, "values rounded by the column's type");
	if (!same_kind(column, element))
		return obstacle(work, "comparison between types");
	return negated_if(op == MLS_NE, over_array(work, MLS_IN, column, right));
}

/* column @> array, array <@ column, and && either way */
static MlsCondition *
array_condition(Translation *work, OpExpr *expr)
{
	const MlsColumn *left = mls_condition_column(work->rel, linitial(expr->args));
	const MlsColumn *column = left ? left : mls_condition_column(work->rel, lsecond(expr->args));
	Node *operand = left ? lsecond(expr->args) : linitial(expr->args);
	bool overlap = expr->opno == OID_ARRAY_OVERLAP_OP;

	if (column == NULL)
		return obstacle(work, "no comparison of a plain column with a value");
	if (!overlap && (expr->opno == OID_ARRAY_CONTAINS_OP) != (left != NULL))
		return obstacle(work, "being contained in a list");
	if (column->type != TEXTARRAYOID || exprType(operand) != TEXTARRAYOID)
		return obstacle(work, "comparison between types");
	if (!equality_is_plain(expr->inputcollid))
		return obstacle(work, "nondeterministic collation");
	return over_array(work, overlap ? MLS_ANY_OF : MLS_ALL_OF, column, operand);
}

/* ---- simple shapes ---- */

static MlsCondition *
flag_condition(const Translation *work, const MlsColumn *column, bool flag)
{
	MlsValue *value = palloc0(sizeof(MlsValue));

	value->type = BOOLOID;
	value->datum = BoolGetDatum(flag);
	value->param = -1;
	return make_leaf(work, MLS_COMPARE, column, value);
}

/* Of a column that has had bad values more is null here than at the source. */
static MlsCondition *
null_leaf(Translation *work, const MlsColumn *column, bool is_null)
{
	MlsCondition *condition =
		make_leaf(work, is_null ? MLS_IS_NULL : MLS_IS_NOT_NULL, column, NULL);

	return is_null && condition->widened ? obstacle(work, "the source cannot compare this field so")
										 : condition;
}

static MlsCondition *
null_condition(Translation *work, NullTest *test)
{
	const MlsColumn *column = mls_condition_column(work->rel, (Node *) test->arg);

	if (column == NULL || test->argisrow)
		return obstacle(work, "null test of something else than a column");
	return null_leaf(work, column, test->nulltesttype == IS_NULL);
}

static MlsCondition *
flag_test(Translation *work, BooleanTest *test)
{
	const MlsColumn *column = mls_condition_column(work->rel, (Node *) test->arg);
	bool is_true = test->booltesttype == IS_TRUE || test->booltesttype == IS_NOT_FALSE;
	MlsCondition *unknown;

	/* As a restriction, "x IS TRUE" is x. */
	if (column == NULL && test->booltesttype == IS_TRUE)
		return condition_of(work, (Node *) test->arg);
	if (column == NULL)
		return obstacle(work, "truth test of something else than a column");
	switch (test->booltesttype)
	{
		case IS_TRUE:
		case IS_FALSE:
			return flag_condition(work, column, is_true);
		case IS_NOT_TRUE:
		case IS_NOT_FALSE:
			unknown = null_leaf(work, column, true);
			return unknown ? make_tree(MLS_OR,
									   list_make2(flag_condition(work, column, is_true), unknown))
						   : NULL;
		case IS_UNKNOWN:
		case IS_NOT_UNKNOWN:
			return null_leaf(work, column, test->booltesttype == IS_UNKNOWN);
	}
	return NULL;
}

static MlsCondition *
negation(Translation *work, Node *node)
{
	const MlsColumn *column = mls_condition_column(work->rel, node);
	MlsCondition *inner;

	if (column)
		return flag_condition(work, column, false);
	inner = condition_of(work, node);
	return inner ? make_tree(MLS_NOT, list_make1(inner)) : NULL;
}

/* Conjunctions and disjunctions; the former may lose arms. */
static MlsCondition *
junction(Translation *work, MlsConditionKind kind, List *args)
{
	List *arms = NIL;
	ListCell *lc;
	MlsCondition *result;

	foreach (lc, args)
	{
		MlsCondition *arm = condition_of(work, lfirst(lc));

		if (arm)
			arms = lappend(arms, arm);
		else if (kind == MLS_OR)
			return NULL;
	}
	if (arms == NIL)
		return NULL;
	result = make_tree(kind, arms);
	result->widened = list_length(arms) < list_length(args);
	return result;
}

static MlsCondition *
operation(Translation *work, OpExpr *expr)
{
	if (list_length(expr->args) != 2)
		return obstacle(work, "no operator a source has");
	switch (expr->opno)
	{
		case OID_ARRAY_OVERLAP_OP:
		case OID_ARRAY_CONTAINS_OP:
		case OID_ARRAY_CONTAINED_OP:
			return array_condition(work, expr);
		default:
			return compare_condition(work, expr);
	}
}

/* The condition an expression stands for, or one that more rows meet; NULL if there is none. */
static MlsCondition *
condition_of(Translation *work, Node *node)
{
	const MlsColumn *column;

	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Var:
			column = mls_condition_column(work->rel, node);
			return column ? flag_condition(work, column, true) : obstacle(work, "no field");
		case T_BoolExpr:
			if (((BoolExpr *) node)->boolop == NOT_EXPR)
				return negation(work, linitial(((BoolExpr *) node)->args));
			if (((BoolExpr *) node)->boolop == OR_EXPR)
				return junction(work, MLS_OR, ((BoolExpr *) node)->args);
			return junction(work, MLS_AND, ((BoolExpr *) node)->args);
		case T_OpExpr:
			return operation(work, (OpExpr *) node);
		case T_ScalarArrayOpExpr:
			return in_condition(work, (ScalarArrayOpExpr *) node);
		case T_NullTest:
			return null_condition(work, (NullTest *) node);
		case T_BooleanTest:
			return flag_test(work, (BooleanTest *) node);
		default:
			return obstacle(work, contain_volatile_functions(node)
									  ? "volatile"
									  : "no comparison of a plain column with a value");
	}
}

/* ---- clauses ---- */

/* The first refusal in a condition that was judged, in words; NULL if all of it is sent. */
static const char *
refusal(const MlsTable *table, const MlsCondition *condition)
{
	const MlsPlatform *platform = &table->source->platform;
	const char *reason = NULL;
	ListCell *lc;

	foreach (lc, condition->args)
		if ((reason = refusal(table, lfirst(lc))) != NULL)
			return reason;
	if (condition->fit != MLS_FIT_NO)
		return NULL;
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
	Translation work = {.root = root, .rel = rel};
	MlsClause *result = palloc0(sizeof(MlsClause));
	MlsCondition *condition;

	result->clause = clause;
	if (is_declared(rel, clause))
	{
		result->fit = MLS_FIT_EXACT;
		return result;
	}
	result->fit = MLS_FIT_NO;
	condition = condition_of(&work, (Node *) clause);
	if (condition)
	{
		result->fit = mls_condition_fit(rel->table, condition);
		if (work.reason == NULL)
			work.reason = refusal(rel->table, condition);
	}
	if (result->fit != MLS_FIT_NO)
		result->condition = condition;
	result->reason = work.reason;
	return result;
}
