/*
 * rets_dmql.c
 *		Conditions as DMQL2, and how faithfully.
 *
 * What is assumed of every source: numbers and dates compare as in SQL, ranges
 * include their ends, a text finds at least the records that have it (a source
 * may ignore case), a lookup's code finds those that hold it, and a condition on
 * an empty field is not true.  Not assumed, unless an option says so: .EMPTY. and
 * negation.
 *
 * There is no "less than": what lies at the end of a range is asked for and
 * rechecked by the caller.  Texts beyond letters and digits go as literals; a
 * pattern, which cannot hold literals, has the letters and digits before the first
 * of other characters, or the longest run of them.  Instants go in whole seconds.
 *
 * DMQL2 has more forms than sources understand.  Those used here are what all of them
 * take by their documents: several values are equalities joined by OR, and not a list,
 * unless an option says so.  What a source refuses all the same is learned (rets_dialect.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "protocol/rets/rets_dmql.h"

static bool render(StringInfo buf, Dmql *dmql, const MlsCondition *condition);

/* An attribute of a nested record ("@ID") is asked for by its bare name. */
static const char *
query_name(const char *field)
{
	return *field == '@' ? field + 1 : field;
}

/* ---- fit ---- */

static bool
is_instant(DmqlType type)
{
	return type == DMQL_TIMESTAMP || type == DMQL_TIME;
}

static MlsFit
compare_fit(const MlsTable *table, const MlsCondition *condition, DmqlType type)
{
	const MlsPlatform *platform = &table->source->platform;
	MlsOperator op = condition->op;

	if (op == MLS_NE)
		return MLS_FIT_NO;
	if (platform->timestamp_alone && is_instant(type) && op != MLS_GE && op != MLS_GT)
		return MLS_FIT_NO;
	switch (type)
	{
		case DMQL_TEXT:
		case DMQL_LOOKUP:
			if (op != MLS_EQ)
				return MLS_FIT_NO;
			/* Which codes are meant is known when the query runs. */
			if (mls_rets_decodes(table, condition->column))
				return MLS_FIT_SUPERSET;
			return platform->text_exact ? MLS_FIT_EXACT : MLS_FIT_SUPERSET;
		case DMQL_BOOLEAN:
			return op == MLS_EQ ? MLS_FIT_EXACT : MLS_FIT_NO;
		case DMQL_INTEGER:
		case DMQL_DECIMAL:
		case DMQL_DATE:
			/* The ends of a range belong to it. */
			return op == MLS_LT || op == MLS_GT ? MLS_FIT_SUPERSET : MLS_FIT_EXACT;
		case DMQL_TIMESTAMP:
		case DMQL_TIME:
			return MLS_FIT_SUPERSET;
		default:
			return MLS_FIT_NO;
	}
}

/* CREA's three queries: everything else is a syntax error there. */
static bool
is_searchable(const MlsTable *table, const MlsColumn *column)
{
	if (!table->source->platform.timestamp_alone)
		return true;
	return (table->key && strcmp(column->field, linitial(table->key)) == 0) ||
		   (table->timestamp && strcmp(column->field, table->timestamp) == 0);
}

static bool
can_render(const MlsTable *table, const MlsCondition *condition)
{
	Dmql dmql = {.table = table, .avoid = mls_rets_refused(table->source)};
	StringInfoData scratch;

	initStringInfo(&scratch);
	return render(&scratch, &dmql, condition);
}

static MlsFit
leaf_fit(const MlsTable *table, const MlsCondition *condition)
{
	const MlsPlatform *platform = &table->source->platform;
	DmqlType type = mls_dmql_type(table, condition->column);

	if (type == DMQL_OTHER || !is_searchable(table, condition->column) ||
		!can_render(table, condition))
		return MLS_FIT_NO;
	switch (condition->kind)
	{
		case MLS_COMPARE:
		case MLS_IN:
			return compare_fit(table, condition, type);
		case MLS_IS_NULL:
		case MLS_IS_NOT_NULL:
			return platform->null_tests ? MLS_FIT_EXACT : MLS_FIT_NO;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			return platform->text_match && type == DMQL_TEXT ? MLS_FIT_SUPERSET : MLS_FIT_NO;
		case MLS_ALL_OF:
			/* Of several codes with one meaning not all are asked for. */
			if (mls_rets_decodes(table, condition->column))
				return MLS_FIT_NO;
			return platform->any_allowed && type == DMQL_LOOKUPS ? MLS_FIT_SUPERSET : MLS_FIT_NO;
		case MLS_ANY_OF:
			return platform->any_allowed && type == DMQL_LOOKUPS ? MLS_FIT_SUPERSET : MLS_FIT_NO;
		default:
			return MLS_FIT_NO;
	}
}

/* A list of values can be sent as several queries, if it is not a part of something else. */
MlsFit
mls_rets_fit(const MlsTable *table, const MlsCondition *condition)
{
	Dmql dmql = {.table = table, .avoid = mls_rets_refused(table->source)};
	MlsCondition one = *condition;

	if (condition->kind == MLS_IN && !mls_rets_value_lists(&dmql, condition))
	{
		one.kind = MLS_COMPARE;
		one.values = list_make1(linitial(condition->values));
		return leaf_fit(table, &one);
	}
	if (dmql.avoid != 0 && !can_render(table, condition))
		return MLS_FIT_NO;
	return mls_fit_tree(table, condition, leaf_fit);
}

/* ---- rendering ---- */

/* What stands for a value that is known only later. */
static bool
append_param(StringInfo buf, const MlsValue *value)
{
	if (value->param < 0)
		return false;
	appendStringInfo(buf, "$%d", value->param + 1);
	return true;
}

static bool
render_compare(StringInfo buf, Dmql *dmql, const MlsCondition *condition)
{
	const MlsTable *table = dmql->table;
	const MlsColumn *column = condition->column;
	const MlsValue *value = linitial(condition->values);
	DmqlType type = mls_dmql_type(table, column);
	const char *range = condition->op == MLS_GE || condition->op == MLS_GT   ? "+"
						: condition->op == MLS_LE || condition->op == MLS_LT ? "-"
																			 : "";

	if (value->isnull || condition->op == MLS_NE)
		return false;
	if (is_instant(type) && table->source->platform.timestamp_alone)
		range = "";
	appendStringInfo(buf, "(%s=%s", query_name(column->field), type == DMQL_LOOKUP ? "|" : "");
	if (append_param(buf, value))
		appendStringInfoString(buf, range);
	else if (is_instant(type))
	{
		if (!mls_dmql_append_instants(buf, table, value, condition->op))
			return false;
	}
	else
	{
		if (!mls_dmql_append_value(buf, dmql, column, value))
			return false;
		appendStringInfoString(buf, range);
	}
	appendStringInfoChar(buf, ')');
	return true;
}

/* ---- several values ---- */

/* How one of several values is asked for. */
typedef enum ListForm
{
	LIST_COMMAS,
	LIST_OR,
	LIST_NONE /* one value in a query */
} ListForm;

static ListForm
list_form(Dmql *dmql, uint32 kinds)
{
	const MlsPlatform *platform = &dmql->table->source->platform;
	uint32 commas = RETS_FORM_LIST | kinds;
	/* Where OR was refused, and not excluded, lists are worth a try. */
	bool tried = platform->or_allowed && (dmql->avoid & RETS_FORM_OR) != 0;

	if ((platform->in_allowed || tried) && dmql_use(dmql, commas))
		return LIST_COMMAS;
	return platform->or_allowed && dmql_use(dmql, RETS_FORM_OR) ? LIST_OR : LIST_NONE;
}

/* What a list with a value is, apart from being one. */
static uint32
list_kind(const Dmql *dmql, const MlsColumn *column, const MlsValue *value)
{
	switch (mls_dmql_type(dmql->table, column))
	{
		case DMQL_TEXT:
			if (value->isnull || value->param >= 0 || mls_dmql_is_word(mls_value_text(value)))
				return 0;
			return RETS_FORM_QUOTED_LIST;
		case DMQL_INTEGER:
		case DMQL_DECIMAL:
		case DMQL_DATE:
			return RETS_FORM_NUMBER_LIST;
		default:
			return 0;
	}
}

static ListForm
form_of(Dmql *dmql, const MlsCondition *list)
{
	uint32 kinds = 0;
	ListCell *lc;

	foreach (lc, list->values)
		kinds |= list_kind(dmql, list->column, lfirst(lc));
	return list_form(dmql, kinds);
}

static bool
is_lookup(const MlsTable *table, const MlsColumn *column)
{
	DmqlType type = mls_dmql_type(table, column);

	return type == DMQL_LOOKUP || type == DMQL_LOOKUPS;
}

bool
mls_rets_value_lists(const Dmql *dmql, const MlsCondition *list)
{
	Dmql scratch = *dmql;

	return is_lookup(dmql->table, list->column) || list_length(list->values) < 2 ||
		   form_of(&scratch, list) != LIST_NONE;
}

static bool
append_one(StringInfo buf, Dmql *dmql, const MlsColumn *column, const MlsValue *value)
{
	if (append_param(buf, value))
		return true;
	return is_instant(mls_dmql_type(dmql->table, column))
			   ? mls_dmql_append_instants(buf, dmql->table, value, MLS_EQ)
			   : mls_dmql_append_value(buf, dmql, column, value);
}

/* One of a list of values, or all of them. */
static bool
render_values(StringInfo buf, Dmql *dmql, const MlsCondition *condition)
{
	const char *name = query_name(condition->column->field);
	bool lookup = is_lookup(dmql->table, condition->column);
	ListForm form = LIST_COMMAS;
	List *values = NIL;
	ListCell *lc;

	foreach (lc, condition->values)
		if (!((MlsValue *) lfirst(lc))->isnull)
			values = lappend(values, lfirst(lc));
	if (!lookup && list_length(values) > 1)
		form = form_of(dmql, condition);
	if (values == NIL || form == LIST_NONE)
		return false;
	appendStringInfo(buf, form == LIST_OR ? "((%s=" : "(%s=", name);
	if (lookup)
		appendStringInfoChar(buf, condition->kind == MLS_ALL_OF ? '+' : '|');
	foreach (lc, values)
	{
		if (foreach_current_index(lc) > 0 && form == LIST_OR)
			appendStringInfo(buf, ")|(%s=", name);
		else if (foreach_current_index(lc) > 0)
			appendStringInfoChar(buf, ',');
		if (!append_one(buf, dmql, condition->column, lfirst(lc)))
			return false;
	}
	appendStringInfoString(buf, form == LIST_OR ? "))" : ")");
	return true;
}

static bool
render_match(StringInfo buf, Dmql *dmql, const MlsCondition *condition)
{
	const MlsValue *value = linitial(condition->values);
	bool starts = condition->kind == MLS_STARTS;

	if (value->isnull || !dmql_use(dmql, RETS_FORM_MATCH))
		return false;
	/* There is no form for "ends with"; what contains the text is more. */
	appendStringInfo(buf, "(%s=%s", query_name(condition->column->field), starts ? "" : "*");
	if (!append_param(buf, value) && !mls_dmql_append_pattern(buf, mls_value_text(value), starts))
		return false;
	appendStringInfoString(buf, "*)");
	return true;
}

static bool
render_arms(StringInfo buf, Dmql *dmql, const MlsCondition *condition)
{
	bool is_or = condition->kind == MLS_OR;
	int written = 0;
	ListCell *lc;

	if (is_or && list_length(condition->args) > 1 && !dmql_use(dmql, RETS_FORM_OR))
		return false;
	appendStringInfoChar(buf, '(');
	foreach (lc, condition->args)
	{
		StringInfoData one;

		initStringInfo(&one);
		if (!render(&one, dmql, lfirst(lc)))
			return false;
		appendStringInfo(buf, "%s%s", written++ == 0 ? "" : is_or ? "|" : ",", one.data);
	}
	appendStringInfoChar(buf, ')');
	return written > 0;
}

/* Appends a condition; false (and rubbish in buf) if it cannot be written. */
static bool
render(StringInfo buf, Dmql *dmql, const MlsCondition *condition)
{
	check_stack_depth();
	switch (condition->kind)
	{
		case MLS_AND:
		case MLS_OR:
			return render_arms(buf, dmql, condition);
		case MLS_NOT:
			appendStringInfoChar(buf, '~');
			return render(buf, dmql, linitial(condition->args));
		case MLS_COMPARE:
			return render_compare(buf, dmql, condition);
		case MLS_IN:
		case MLS_ANY_OF:
		case MLS_ALL_OF:
			return render_values(buf, dmql, condition);
		case MLS_IS_NULL:
			appendStringInfo(buf, "(%s=.EMPTY.)", query_name(condition->column->field));
			return true;
		case MLS_IS_NOT_NULL:
			appendStringInfo(buf, "~(%s=.EMPTY.)", condition->column->field);
			return true;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			return render_match(buf, dmql, condition);
		case MLS_AFTER:
			return false;
	}
	return false;
}

/* Is a field's column a number?  Then a value with a sign is none of the texts to be quoted. */
static bool
is_number(const MlsTable *table, const char *field)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field && strcmp(table->columns[i].field, field) == 0)
		{
			DmqlType type = mls_dmql_type(table, &table->columns[i]);

			return type == DMQL_INTEGER || type == DMQL_DECIMAL;
		}
	return false;
}

/* Needs a key no quotes? */
static bool
is_bare_key(const Dmql *dmql, const char *key)
{
	if (mls_dmql_is_word(key))
		return true;
	return is_number(dmql->table, linitial(dmql->table->key)) && *key &&
		   strspn(key, "-0123456789.") == strlen(key);
}

static uint32
key_list_kind(const Dmql *dmql, const char *key)
{
	if (!is_bare_key(dmql, key))
		return RETS_FORM_QUOTED_LIST;
	return is_number(dmql->table, linitial(dmql->table->key)) ? RETS_FORM_NUMBER_LIST : 0;
}

bool
mls_rets_key_lists(const Dmql *dmql, const char *key)
{
	Dmql scratch = *dmql;

	return list_form(&scratch, key_list_kind(dmql, key)) != LIST_NONE;
}

void
mls_rets_key_list(StringInfo buf, Dmql *dmql, List *keys)
{
	const MlsTable *table = dmql->table;
	const char *name = query_name(linitial(table->key));
	uint32 kinds = 0;
	bool by_or;
	ListCell *lc;

	foreach (lc, keys)
		kinds |= key_list_kind(dmql, lfirst(lc));
	by_or = list_length(keys) > 1 && list_form(dmql, kinds) == LIST_OR;
	appendStringInfo(buf, by_or ? "((%s=" : "(%s=", name);
	foreach (lc, keys)
	{
		const char *key = lfirst(lc);

		if (foreach_current_index(lc) > 0 && by_or)
			appendStringInfo(buf, ")|(%s=", name);
		else if (foreach_current_index(lc) > 0)
			appendStringInfoChar(buf, ',');
		if (is_bare_key(dmql, key))
			appendStringInfoString(buf, key);
		else if (!mls_dmql_append_text(buf, key))
			ereport(ERROR, (errcode(ERRCODE_FDW_ERROR),
							errmsg("a key of resource \"%s\" cannot be asked for", table->resource),
							errdetail("It is empty or holds a control character.")));
	}
	appendStringInfoString(buf, by_or ? "))" : ")");
}

/*
 * A condition that all records meet, unless the source has one of its own.  A range of
 * keys alone would lose those that begin with something odd, without a trace: counts
 * are made by the same condition.  What either range finds is asked for.
 */
static const char *
all_query(Dmql *dmql)
{
	const MlsTable *table = dmql->table;
	const MlsPlatform *platform = &table->source->platform;

	if (platform->all_query)
		return platform->all_query;
	if (table->timestamp == NULL)
		return "({key}=0+)";
	if (table->key == NIL)
		return "({timestamp}=1900-01-01T00:00:00+)";
	return platform->or_allowed && dmql_use(dmql, RETS_FORM_OR)
			   ? "(({timestamp}=1900-01-01T00:00:00+)|({key}=0+))"
			   : "({key}=0+)";
}

/* Sources refuse a query without any condition. */
static void
append_all(StringInfo buf, Dmql *dmql)
{
	const MlsTable *table = dmql->table;
	const char *at = all_query(dmql);

	while (*at)
	{
		bool is_key = strncmp(at, "{key}", 5) == 0;
		bool is_timestamp = strncmp(at, "{timestamp}", 11) == 0;
		const char *field = is_key && table->key ? linitial(table->key)
							: is_timestamp       ? table->timestamp
												 : NULL;

		if (!is_key && !is_timestamp)
		{
			appendStringInfoChar(buf, *at++);
			continue;
		}
		if (field == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
					 errmsg("all records of resource \"%s\" cannot be asked for", table->resource),
					 errdetail("The foreign table names no %s.", is_key ? "key" : "timestamp"),
					 errhint("Set its option, or the option all_query of the server.")));
		appendStringInfoString(buf, query_name(field));
		at += is_key ? 5 : 11;
	}
}

char *
mls_rets_query(const MlsQuery *query, Dmql *dmql)
{
	StringInfoData buf;
	ListCell *lc;

	dmql->table = query->table;
	dmql->avoid |= mls_rets_refused(query->table->source);
	initStringInfo(&buf);
	if (query->table->filter)
		appendStringInfo(&buf, query->conditions ? "(%s)" : "%s", query->table->filter);
	foreach (lc, query->conditions)
	{
		StringInfoData one;

		initStringInfo(&one);
		if (render(&one, dmql, lfirst(lc)))
			appendStringInfo(&buf, "%s%s", buf.len ? "," : "", one.data);
		else
			dmql->inexact = true;
	}
	if (buf.len == 0)
		append_all(&buf, dmql);
	return buf.data;
}
