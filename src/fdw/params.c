/*
 * params.c
 *		A plan's conditions with the values of this execution: the remote query.
 *
 * SQL's third truth value ends here.  A comparison with a null value is never
 * true, and under NOT never false either, so as a restriction it is a constant:
 * rows cannot match, and where that decides the whole conjunction no request is
 * made.  What turns out to have no remote form (a pattern without literal text,
 * a date out of range) is left out, since every clause is checked again here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/name_list.h"
#include "fdw/fdw.h"

/* What a condition has become. */
typedef enum Outcome
{
	BOUND_FALSE,
	BOUND_TRUE,
	BOUND_UNSENDABLE,
	BOUND_CONDITION
} Outcome;

static Outcome bind_condition(const MlsCondition *condition, const MlsValue *values, bool negated,
							  MlsCondition **bound);

/* The outcome of what is not true for any row: under NOT, what is not false for any. */
static Outcome
never(bool negated)
{
	return negated ? BOUND_TRUE : BOUND_FALSE;
}

/* ---- values ---- */

/*
 * Dates and instants meet by the session's time zone: a value of one kind is made
 * the other, the column's.  False if it has no counterpart.
 */
static bool
convert_value(const MlsColumn *column, MlsValue *value)
{
	int overflow = 0;

	if (value->isnull || value->type == column->type)
		return true;
	if (column->type == TIMESTAMPTZOID && value->type == DATEOID)
		value->datum = TimestampTzGetDatum(
			date2timestamptz_opt_overflow(DatumGetDateADT(value->datum), &overflow));
	else if (column->type == TIMESTAMPTZOID && value->type == TIMESTAMPOID)
		value->datum = TimestampTzGetDatum(
			timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value->datum), &overflow));
	else if (column->type == DATEOID && value->type == TIMESTAMPTZOID)
		value->datum = DirectFunctionCall1(timestamptz_date, value->datum);
	else if (column->type == DATEOID && value->type == TIMESTAMPOID)
		value->datum = DirectFunctionCall1(timestamp_date, value->datum);
	else
		return true;
	value->type = column->type;
	return overflow == 0;
}

/* A copy with its value, if that is known by now. */
static MlsValue *
known_value(const MlsValue *value, const MlsValue *values)
{
	MlsValue *copy = palloc(sizeof(MlsValue));

	*copy = *value;
	if (value->param >= 0 && values)
		*copy = values[value->param];
	return copy;
}

/* The values of a list that are not null; an array stands for its elements.  False if the array
 * itself is null. */
static bool
known_values(const MlsCondition *condition, const MlsValue *values, List **known, bool *has_null)
{
	ListCell *lc;

	*known = NIL;
	*has_null = false;
	foreach (lc, condition->values)
	{
		MlsValue *value = known_value(lfirst(lc), values);
		bool is_array = value->param < 0 && OidIsValid(get_element_type(value->type));
		List *elements = list_make1(value);
		ListCell *element;

		if (is_array && value->isnull)
			return false;
		if (is_array)
			elements = mls_array_values(value->datum, value->type);
		foreach (element, elements)
		{
			if (((MlsValue *) lfirst(element))->isnull)
				*has_null = true;
			else
				*known = lappend(*known, lfirst(element));
		}
	}
	return true;
}

/* ---- leaves ---- */

static Outcome
bind_list(const MlsCondition *condition, const MlsValue *values, bool negated, MlsCondition *copy)
{
	bool has_null;

	if (!known_values(condition, values, &copy->values, &has_null))
		return never(negated);
	/* "x in (1, null)" is true or unknown, hence its opposite is never true. */
	if (condition->kind == MLS_IN && has_null && negated)
		return BOUND_TRUE;
	if (condition->kind == MLS_ALL_OF && has_null)
		return BOUND_FALSE;
	if (copy->values == NIL)
		return condition->kind != MLS_ALL_OF ? BOUND_FALSE
			   : negated                     ? BOUND_TRUE
											 : BOUND_UNSENDABLE;
	return BOUND_CONDITION;
}

static Outcome
bind_single(const MlsCondition *condition, const MlsValue *values, bool negated, MlsCondition *copy)
{
	MlsValue *value = known_value(linitial(condition->values), values);

	copy->values = list_make1(value);
	if (value->param >= 0)
		return BOUND_CONDITION;
	if (value->isnull)
		return never(negated);
	if (condition->pattern && !mls_like_resolve(copy))
		return BOUND_UNSENDABLE;
	return convert_value(condition->column, value) ? BOUND_CONDITION : BOUND_UNSENDABLE;
}

/* ---- trees ---- */

static Outcome
bind_not(const MlsCondition *condition, const MlsValue *values, bool negated, MlsCondition *copy)
{
	MlsCondition *inner;
	Outcome outcome = bind_condition(linitial(condition->args), values, !negated, &inner);

	copy->args = list_make1(inner);
	return outcome == BOUND_TRUE ? BOUND_FALSE : outcome == BOUND_FALSE ? BOUND_TRUE : outcome;
}

static Outcome
bind_arms(const MlsCondition *condition, const MlsValue *values, bool negated, MlsCondition *copy)
{
	bool is_and = condition->kind == MLS_AND;
	Outcome neutral = is_and ? BOUND_TRUE : BOUND_FALSE;
	bool unsendable = false;
	ListCell *lc;

	copy->args = NIL;
	foreach (lc, condition->args)
	{
		MlsCondition *arm;
		Outcome outcome = bind_condition(lfirst(lc), values, negated, &arm);

		if (outcome == BOUND_CONDITION)
		{
			copy->args = lappend(copy->args, arm);
			copy->widened |= arm->widened;
		}
		else if (outcome == BOUND_UNSENDABLE)
			unsendable = true;
		else if (outcome != neutral)
			return outcome;
	}
	/* An arm may be missing from a conjunction, unless that is to be negated. */
	if (unsendable && (!is_and || negated || copy->args == NIL))
		return BOUND_UNSENDABLE;
	copy->widened |= unsendable;
	return copy->args ? BOUND_CONDITION : neutral;
}

static Outcome
bind_condition(const MlsCondition *condition, const MlsValue *values, bool negated,
			   MlsCondition **bound)
{
	MlsCondition *copy = palloc(sizeof(MlsCondition));

	check_stack_depth();
	*copy = *condition;
	*bound = copy;
	switch (condition->kind)
	{
		case MLS_AND:
		case MLS_OR:
			return bind_arms(condition, values, negated, copy);
		case MLS_NOT:
			return bind_not(condition, values, negated, copy);
		case MLS_IS_NULL:
		case MLS_IS_NOT_NULL:
			return BOUND_CONDITION;
		case MLS_IN:
		case MLS_ANY_OF:
		case MLS_ALL_OF:
			return bind_list(condition, values, negated, copy);
		default:
			return bind_single(condition, values, negated, copy);
	}
}

/* ---- the query ---- */

/* Are all columns wanted that the source feeds? */
static bool
is_everything(const MlsPlan *plan, const MlsTable *table)
{
	int fed = 0;

	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field)
			fed++;
	return list_length(plan->columns) == fed;
}

/*
 * The fields of the columns wanted.  NIL for all of them: where a column holds
 * the whole record, and where all would have to be named, which with hundreds of
 * fields makes an address longer than many servers take.
 */
static List *
fields_of(const MlsPlan *plan, const MlsTable *table)
{
	List *fields = NIL;
	ListCell *lc;

	if (is_everything(plan, table))
		return NIL;
	foreach (lc, plan->columns)
	{
		const char *field = table->columns[lfirst_int(lc) - 1].field;

		if (strcmp(field, "*") == 0)
			return NIL;
		fields = mls_list_once(fields, field);
	}
	/* By their keys the records of pages that overlap are told from each other. */
	foreach (lc, table->key)
		fields = mls_list_once(fields, lfirst(lc));
	return fields;
}

static bool
are_keys_only(const List *fields, const MlsTable *table)
{
	ListCell *lc;

	foreach (lc, fields)
	{
		const char *field = lfirst(lc);

		if (!mls_is_listed(table->key, field) &&
			(table->timestamp == NULL || strcmp(field, table->timestamp) != 0))
			return false;
	}
	return fields != NIL;
}

static List *
order_of(const MlsPlan *plan, const MlsTable *table)
{
	List *order = NIL;
	ListCell *lc;

	foreach (lc, plan->order)
	{
		MlsOrder *item = palloc(sizeof(MlsOrder));
		int attnum = lfirst_int(lc);

		item->field = table->columns[abs(attnum) - 1].field;
		item->descending = attnum < 0;
		order = lappend(order, item);
	}
	return order;
}

MlsQuery *
mls_plan_query(const MlsPlan *plan, const MlsTable *table, const MlsValue *values)
{
	MlsQuery *query = palloc0(sizeof(MlsQuery));
	bool whole = true;
	ListCell *lc;

	query->table = table;
	query->rechecked = true;
	foreach (lc, plan->conditions)
	{
		MlsCondition *bound;

		switch (bind_condition(lfirst(lc), values, false, &bound))
		{
			case BOUND_FALSE:
				return NULL;
			case BOUND_TRUE:
				break;
			case BOUND_UNSENDABLE:
				whole = false;
				break;
			case BOUND_CONDITION:
				query->conditions = lappend(query->conditions, bound);
				whole = whole && !bound->widened;
				break;
		}
	}
	query->fields = fields_of(plan, table);
	query->order = order_of(plan, table);
	query->limit = whole ? plan->limit : -1;
	query->page_size = plan->page_size;
	query->verify_count = query->limit < 0;
	query->different = true;
	query->keys_only = are_keys_only(query->fields, table);
	return query;
}
