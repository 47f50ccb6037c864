/*
 * dmql.c
 *		Conditions as DMQL2, and how faithfully.
 *
 * What is assumed of every source: numbers and dates compare as in SQL, ranges
 * include their ends, a text finds at least the records that have it (a source
 * may ignore case), a lookup's code finds those that hold it, and a condition on
 * an empty field is not true.  Not assumed, unless an option says so: .EMPTY. and
 * negation.
 *
 * There is no "less than": what lies at the end of a range is asked for and
 * rechecked by the caller.  Texts beyond letters and digits go as literals; in
 * patterns, which cannot hold literals, "?" stands for each such character.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "protocol/rets/dmql.h"

static bool render(StringInfo buf, const MlsTable *table, const MlsCondition *condition);

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

static MlsFit
leaf_fit(const MlsTable *table, const MlsCondition *condition)
{
	const MlsPlatform *platform = &table->source->platform;
	DmqlType type = mls_dmql_type(table, condition->column);
	StringInfoData scratch;

	if (type == DMQL_OTHER || !is_searchable(table, condition->column))
		return MLS_FIT_NO;
	initStringInfo(&scratch);
	if (!render(&scratch, table, condition))
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

MlsFit
mls_rets_fit(const MlsTable *table, const MlsCondition *condition)
{
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
render_compare(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
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
	else if (is_instant(type) && !OidIsValid(value->type))
		appendStringInfo(buf, "%s%s", value->text, range);
	else if (is_instant(type))
	{
		if (!mls_dmql_append_instants(buf, table, value, condition->op))
			return false;
	}
	else
	{
		if (!mls_dmql_append_value(buf, table, column, value))
			return false;
		appendStringInfoString(buf, range);
	}
	appendStringInfoChar(buf, ')');
	return true;
}

/* One of a list of values, or all of them. */
static bool
render_values(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	DmqlType type = mls_dmql_type(table, condition->column);
	bool all = condition->kind == MLS_ALL_OF;
	int written = 0;
	ListCell *lc;

	appendStringInfo(buf, "(%s=%s", query_name(condition->column->field),
					 all                                           ? "+"
					 : type == DMQL_LOOKUP || type == DMQL_LOOKUPS ? "|"
																   : "");
	foreach (lc, condition->values)
	{
		const MlsValue *value = lfirst(lc);

		if (value->isnull)
			continue;
		if (written++ > 0)
			appendStringInfoChar(buf, ',');
		if (append_param(buf, value))
			continue;
		if (is_instant(type) ? !mls_dmql_append_instants(buf, table, value, MLS_EQ)
							 : !mls_dmql_append_value(buf, table, condition->column, value))
			return false;
	}
	appendStringInfoChar(buf, ')');
	return written > 0;
}

static bool
render_match(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	const MlsValue *value = linitial(condition->values);
	int from;

	if (value->isnull)
		return false;
	/* There is no form for "ends with"; what contains the text is more. */
	appendStringInfo(buf, "(%s=%s", query_name(condition->column->field),
					 condition->kind == MLS_STARTS ? "" : "*");
	from = buf->len;
	if (!append_param(buf, value))
		mls_dmql_append_pattern(buf, mls_value_text(value));
	/* Question marks alone say little and are not understood everywhere. */
	if (strspn(buf->data + from, "?") == buf->len - from)
		return false;
	appendStringInfoString(buf, "*)");
	return true;
}

static bool
render_arms(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	bool is_or = condition->kind == MLS_OR;
	int written = 0;
	ListCell *lc;

	appendStringInfoChar(buf, '(');
	foreach (lc, condition->args)
	{
		StringInfoData one;

		initStringInfo(&one);
		if (!render(&one, table, lfirst(lc)))
			return false;
		appendStringInfo(buf, "%s%s", written++ == 0 ? "" : is_or ? "|" : ",", one.data);
	}
	appendStringInfoChar(buf, ')');
	return written > 0;
}

/* Appends a condition; false (and rubbish in buf) if it cannot be written. */
static bool
render(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	check_stack_depth();
	switch (condition->kind)
	{
		case MLS_AND:
		case MLS_OR:
			return render_arms(buf, table, condition);
		case MLS_NOT:
			appendStringInfoChar(buf, '~');
			return render(buf, table, linitial(condition->args));
		case MLS_COMPARE:
			return render_compare(buf, table, condition);
		case MLS_IN:
		case MLS_ANY_OF:
		case MLS_ALL_OF:
			return render_values(buf, table, condition);
		case MLS_IS_NULL:
			appendStringInfo(buf, "(%s=.EMPTY.)", query_name(condition->column->field));
			return true;
		case MLS_IS_NOT_NULL:
			appendStringInfo(buf, "~(%s=.EMPTY.)", condition->column->field);
			return true;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			return render_match(buf, table, condition);
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

void
mls_rets_key_list(StringInfo buf, const MlsTable *table, List *keys)
{
	bool number = is_number(table, linitial(table->key));
	ListCell *lc;

	appendStringInfo(buf, "(%s=", query_name(linitial(table->key)));
	foreach (lc, keys)
	{
		const char *key = lfirst(lc);

		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(buf, ',');
		if (number && *key && strspn(key, "-0123456789.") == strlen(key))
			appendStringInfoString(buf, key);
		else if (!mls_dmql_append_text(buf, key))
			ereport(ERROR, (errcode(ERRCODE_FDW_ERROR),
							errmsg("a key of resource \"%s\" cannot be asked for", table->resource),
							errdetail("It is empty or holds a control character.")));
	}
	appendStringInfoChar(buf, ')');
}

/*
 * A condition that all records meet, unless the source has one of its own.  A range of
 * keys alone would lose those that begin with something odd, without a trace: counts
 * are made by the same condition.  What either range finds is asked for.
 */
static const char *
all_query(const MlsTable *table)
{
	const MlsPlatform *platform = &table->source->platform;

	if (platform->all_query)
		return platform->all_query;
	if (table->timestamp == NULL)
		return "({key}=0+)";
	if (table->key == NIL)
		return "({timestamp}=1900-01-01T00:00:00+)";
	return platform->or_allowed ? "(({timestamp}=1900-01-01T00:00:00+)|({key}=0+))" : "({key}=0+)";
}

/* Sources refuse a query without any condition. */
static void
append_all(StringInfo buf, const MlsTable *table)
{
	const char *at = all_query(table);

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
mls_rets_query(const MlsQuery *query, bool *exact)
{
	StringInfoData buf;
	ListCell *lc;

	initStringInfo(&buf);
	if (query->table->filter)
		appendStringInfo(&buf, query->conditions ? "(%s)" : "%s", query->table->filter);
	foreach (lc, query->conditions)
	{
		StringInfoData one;

		initStringInfo(&one);
		if (render(&one, query->table, lfirst(lc)))
			appendStringInfo(&buf, "%s%s", buf.len ? "," : "", one.data);
		else
			*exact = false;
	}
	if (buf.len == 0)
		append_all(&buf, query->table);
	return buf.data;
}
