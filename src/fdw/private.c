/*
 * private.c
 *		A plan's own part as node lists, and back.
 *
 * Plans are copied, cached and written out, so what travels in them is made of
 * nodes only: lists of integers, strings and constants.  Columns are attribute
 * numbers, resolved against the table when the plan is read.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"

#include "fdw/fdw.h"

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
	PLAN_REASONS
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
	foreach (lc, condition->args)
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

List *
mls_plan_to_list(const MlsPlan *plan, const List *exprs, List **used)
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
	foreach (lc, (List *) list_nth(list, PLAN_REASONS))
		plan->reasons = lappend(plan->reasons, strVal(lfirst(lc)));
	return plan;
}
