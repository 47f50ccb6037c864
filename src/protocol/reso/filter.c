/*
 * filter.c
 *		Conditions as $filter, and how faithfully.
 *
 * What is assumed of every server: numbers, dates and instants compare as in
 * SQL; `eq` on strings finds at least the rows SQL finds (it may ignore case and
 * trailing blanks); comparisons with null are not true.  A server that breaks
 * these loses rows.  What is not assumed, unless the platform's row or an option
 * says so: null tests, `ne`, `not`, any order of strings.
 *
 * What cannot be written is left out, which only lets more rows through: the
 * caller rechecks.  Under NOT that would be wrong, so there the whole condition
 * is left out.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "protocol/condition.h"
#include "protocol/reso/reso.h"

static bool
render(StringInfo buf, const MlsQuery *query, const MlsCondition *condition, bool *exact);

/* ---- fit ---- */

/* A constant that has no literal cannot be sent; a parameter is judged when its value is known. */
static bool
values_have_literals(const MlsTable *table, const MlsCondition *condition)
{
	StringInfoData scratch;
	ResoType type = mls_reso_type(condition->column);
	ListCell *lc;

	initStringInfo(&scratch);
	foreach (lc, condition->values)
	{
		const MlsValue *value = lfirst(lc);

		if (value->param >= 0 || !OidIsValid(value->type) || value->isnull)
			continue;
		if (!mls_reso_fits(condition->column, value))
		{
			if (condition->kind == MLS_COMPARE
					? !mls_reso_between(&scratch, condition->column, condition->op, value)
					: !mls_reso_between(&scratch, condition->column, MLS_EQ, value))
				return false;
			continue;
		}
		if (type == RESO_TIMESTAMP || type == RESO_TIME
				? !mls_reso_instant(&scratch, table, condition->column, condition->op, value)
				: !mls_reso_literal(&scratch, table, condition->column, value))
			return false;
	}
	return true;
}

/* Can the column hold each of the values?  What it cannot is asked for by its neighbours. */
static bool
all_fit(const MlsCondition *condition)
{
	ListCell *lc;

	foreach (lc, condition->values)
		if (!mls_reso_fits(condition->column, lfirst(lc)))
			return false;
	return true;
}

static MlsFit
text_fit(const MlsTable *table, const MlsCondition *condition)
{
	const MlsPlatform *platform = &table->source->platform;

	if (condition->op == MLS_EQ)
		return platform->text_exact ? MLS_FIT_EXACT : MLS_FIT_SUPERSET;
	if (condition->op == MLS_NE && platform->not_equal && platform->text_exact)
		return MLS_FIT_EXACT;
	return MLS_FIT_NO;
}

static MlsFit
compare_fit(const MlsTable *table, const MlsCondition *condition)
{
	const MlsPlatform *platform = &table->source->platform;

	switch (mls_reso_type(condition->column))
	{
		case RESO_STRING:
			return text_fit(table, condition);
		case RESO_ENUM:
			return condition->op == MLS_EQ ? MLS_FIT_SUPERSET : MLS_FIT_NO;
		case RESO_BOOLEAN:
		case RESO_GUID:
			return condition->op == MLS_EQ ? MLS_FIT_EXACT : MLS_FIT_NO;
		case RESO_INTEGER:
		case RESO_DECIMAL:
			if (!all_fit(condition))
				return condition->op == MLS_NE ? MLS_FIT_NO : MLS_FIT_SUPERSET;
			/* FALLTHROUGH */
		case RESO_DATE:
			return condition->op != MLS_NE || platform->not_equal ? MLS_FIT_EXACT : MLS_FIT_NO;
		case RESO_DOUBLE:
			/* Binary and decimal spellings differ in the last digit: no equality. */
			return condition->op == MLS_EQ || condition->op == MLS_NE ? MLS_FIT_NO
																	  : MLS_FIT_SUPERSET;
		case RESO_TIMESTAMP:
		case RESO_TIME:
			if (condition->op == MLS_NE)
				return MLS_FIT_NO;
			return mls_reso_instant_exact(table, condition->op, linitial(condition->values))
					   ? MLS_FIT_EXACT
					   : MLS_FIT_SUPERSET;
		default:
			return MLS_FIT_NO;
	}
}

static MlsFit
collection_fit(const MlsTable *table, const MlsCondition *condition)
{
	const MlsPlatform *platform = &table->source->platform;
	ResoType type = mls_reso_type(condition->column);

	if (type == RESO_FLAGS)
		return MLS_FIT_SUPERSET;
	if (type != RESO_STRINGS || !platform->any_allowed)
		return MLS_FIT_NO;
	return platform->text_exact ? MLS_FIT_EXACT : MLS_FIT_SUPERSET;
}

static MlsFit
leaf_fit(const MlsTable *table, const MlsCondition *condition)
{
	const MlsPlatform *platform = &table->source->platform;
	ResoType type = mls_reso_type(condition->column);

	if (type == RESO_OTHER || mls_reso_refused(table, RESO_USE_FILTER, condition->column->field) ||
		!values_have_literals(table, condition))
		return MLS_FIT_NO;
	switch (condition->kind)
	{
		case MLS_COMPARE:
		case MLS_IN:
			return compare_fit(table, condition);
		case MLS_IS_NULL:
		case MLS_IS_NOT_NULL:
			if (!platform->null_tests || type == RESO_STRINGS || type == RESO_FLAGS)
				return MLS_FIT_NO;
			/* NaN is null here, and a value there. */
			if (type == RESO_DOUBLE)
				return condition->kind == MLS_IS_NULL ? MLS_FIT_NO : MLS_FIT_SUPERSET;
			return MLS_FIT_EXACT;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			return platform->text_match && type == RESO_STRING ? MLS_FIT_SUPERSET : MLS_FIT_NO;
		case MLS_ANY_OF:
		case MLS_ALL_OF:
			return collection_fit(table, condition);
		default:
			return MLS_FIT_NO;
	}
}

MlsFit
mls_reso_fit(const MlsTable *table, const MlsCondition *condition)
{
	if (mls_reso_form_refused(table, condition))
		return MLS_FIT_NO;
	return mls_fit_tree(table, condition, leaf_fit);
}

/* ---- rendering ---- */

static bool
render_compare(StringInfo buf, const MlsTable *table, const MlsColumn *column, MlsOperator op,
			   const MlsValue *value)
{
	static const char *const words[] = {"eq", "ne", "lt", "le", "gt", "ge"};
	ResoType type = mls_reso_type(column);

	if (value->isnull)
		return false;
	if (type == RESO_TIMESTAMP || type == RESO_TIME)
		return mls_reso_instant(buf, table, column, op, value);
	if (!mls_reso_fits(column, value))
		return mls_reso_between(buf, column, op, value);
	appendStringInfo(buf, "%s %s ", column->field, words[op]);
	if (!mls_reso_literal(buf, table, column, value))
		return false;
	/* A null differs from everything in OData, from nothing in SQL. */
	if (op == MLS_NE)
		appendStringInfo(buf, " and %s ne null", column->field);
	return true;
}

static bool
render_match(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	const char *function = condition->kind == MLS_STARTS ? "startswith"
						   : condition->kind == MLS_ENDS ? "endswith"
														 : "contains";
	const MlsValue *value = linitial(condition->values);

	if (value->isnull)
		return false;
	appendStringInfo(buf, "%s(%s,", function, condition->column->field);
	if (!mls_reso_literal(buf, table, condition->column, value))
		return false;
	appendStringInfoChar(buf, ')');
	return true;
}

/* One value of a collection or of a flags enumeration. */
static bool
render_member(StringInfo buf, const MlsTable *table, const MlsColumn *column, const MlsValue *value)
{
	bool flags = mls_reso_type(column) == RESO_FLAGS;
	bool done;

	if (flags)
		appendStringInfo(buf, "%s has ", column->field);
	else
		appendStringInfo(buf, "%s/any(x:x eq ", column->field);
	done = mls_reso_literal(buf, table, column, value);
	if (!flags)
		appendStringInfoChar(buf, ')');
	return done;
}

/*
 * Alternatives or requirements over the values of a leaf.  A value that cannot
 * be written spoils "any of"; from "all of" it is left out.
 */
static bool
render_values(StringInfo buf, const MlsQuery *query, const MlsCondition *condition, bool *exact)
{
	const MlsTable *table = query->table;
	bool all = condition->kind == MLS_ALL_OF;
	int written = 0;
	StringInfoData text;
	ListCell *lc;

	initStringInfo(&text);
	foreach (lc, condition->values)
	{
		const MlsValue *value = lfirst(lc);
		StringInfoData one;
		bool done;

		if (value->isnull)
			continue;
		initStringInfo(&one);
		done = condition->kind == MLS_IN
				   ? render_compare(&one, table, condition->column, MLS_EQ, value)
				   : render_member(&one, table, condition->column, value);
		if (!done && !all)
			return false;
		if (!done)
		{
			*exact = false;
			continue;
		}
		/* An instant's equality is a range of two comparisons. */
		appendStringInfo(&text, "%s%s", written++ == 0 ? "" : all ? " and " : " or ", one.data);
	}
	if (written == 0)
		return false;
	appendStringInfo(buf, written > 1 && !all ? "(%s)" : "%s", text.data);
	return true;
}

/* key in ('a','b') where the platform knows it; instants and what lies between values have no such form. */
static bool
render_in(StringInfo buf, const MlsQuery *query, const MlsCondition *condition, bool *exact)
{
	const MlsPlatform *platform = &query->table->source->platform;
	ResoType type = mls_reso_type(condition->column);
	int written = 0;
	ListCell *lc;

	if (!platform->in_allowed || type == RESO_TIMESTAMP || type == RESO_TIME || !all_fit(condition))
	{
		if (!platform->or_allowed && list_length(condition->values) > 1)
			return false;
		if (platform->max_or > 0 && list_length(condition->values) > platform->max_or)
			return false;
		return render_values(buf, query, condition, exact);
	}
	appendStringInfo(buf, "%s in (", condition->column->field);
	foreach (lc, condition->values)
	{
		const MlsValue *value = lfirst(lc);

		if (value->isnull)
			continue;
		if (written++ > 0)
			appendStringInfoChar(buf, ',');
		if (!mls_reso_literal(buf, query->table, condition->column, value))
			return false;
	}
	appendStringInfoChar(buf, ')');
	return written > 0;
}

/*
 * The keyset condition of the engine: after (timestamp, key), in the source's
 * own spelling of both.
 */
static bool
render_after(StringInfo buf, const MlsQuery *query, const MlsCondition *condition)
{
	const MlsTable *table = query->table;
	const MlsValue *instant = linitial(condition->values);
	const MlsValue *key = lsecond(condition->values);
	const char *key_field = linitial(table->key);
	const MlsColumn *key_column = NULL;

	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field && strcmp(table->columns[i].field, key_field) == 0)
			key_column = &table->columns[i];
	if (key_column == NULL)
		return false;
	appendStringInfo(buf, "(%s gt %s or (%s eq %s and %s gt ", table->timestamp, instant->text,
					 table->timestamp, instant->text, key_field);
	if (!mls_reso_literal(buf, table, key_column, key))
		return false;
	appendStringInfoString(buf, "))");
	return true;
}

/* Arms of AND or OR, each in parentheses where it needs them. */
static bool
render_arms(StringInfo buf, const MlsQuery *query, const MlsCondition *condition, bool *exact)
{
	bool is_or = condition->kind == MLS_OR;
	int written = 0;
	StringInfoData text;
	ListCell *lc;

	if (is_or && !query->table->source->platform.or_allowed)
		return false;
	initStringInfo(&text);
	foreach (lc, condition->args)
	{
		const MlsCondition *arm = lfirst(lc);
		StringInfoData one;

		initStringInfo(&one);
		if (!render(&one, query, arm, exact))
		{
			if (is_or)
				return false;
			*exact = false;
			continue;
		}
		appendStringInfo(&text, "%s%s", written++ == 0 ? "" : is_or ? " or " : " and ", one.data);
	}
	if (written == 0)
		return false;
	appendStringInfo(buf, written > 1 && is_or ? "(%s)" : "%s", text.data);
	return true;
}

static bool
render_not(StringInfo buf, const MlsQuery *query, const MlsCondition *condition, bool *exact)
{
	bool inner_exact = true;

	appendStringInfoString(buf, "not (");
	if (!render(buf, query, linitial(condition->args), &inner_exact) || !inner_exact)
		return false;
	appendStringInfoChar(buf, ')');
	return true;
}

/* Appends a condition; false (and rubbish in buf) if it cannot be written. */
static bool
render(StringInfo buf, const MlsQuery *query, const MlsCondition *condition, bool *exact)
{
	const MlsTable *table = query->table;

	check_stack_depth();
	if (condition->column && mls_reso_refused(table, RESO_USE_FILTER, condition->column->field))
		return false;
	switch (condition->kind)
	{
		case MLS_AND:
		case MLS_OR:
			return render_arms(buf, query, condition, exact);
		case MLS_NOT:
			return render_not(buf, query, condition, exact);
		case MLS_COMPARE:
			return render_compare(buf, table, condition->column, condition->op,
								  linitial(condition->values));
		case MLS_IN:
			return render_in(buf, query, condition, exact);
		case MLS_IS_NULL:
			appendStringInfo(buf, "%s eq null", condition->column->field);
			return true;
		case MLS_IS_NOT_NULL:
			appendStringInfo(buf, "%s ne null", condition->column->field);
			return true;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			return render_match(buf, table, condition);
		case MLS_ANY_OF:
		case MLS_ALL_OF:
			return render_values(buf, query, condition, exact);
		case MLS_AFTER:
			return render_after(buf, query, condition);
	}
	return false;
}

/* Adds a conjunct; the user's own is put in parentheses, since nobody knows what it holds. */
static void
add_conjunct(StringInfo buf, const char *text, bool parentheses)
{
	if (buf->len > 0)
		appendStringInfoString(buf, " and ");
	appendStringInfo(buf, parentheses ? "(%s)" : "%s", text);
}

void
mls_reso_filter(StringInfo buf, const MlsQuery *query, bool *exact)
{
	const MlsPlatform *platform = &query->table->source->platform;
	ListCell *lc;

	if (platform->required_filter)
		add_conjunct(buf, platform->required_filter, false);
	if (query->table->filter)
		add_conjunct(buf, query->table->filter,
					 platform->parentheses_allowed && query->conditions != NIL);
	foreach (lc, query->conditions)
	{
		StringInfoData one;

		initStringInfo(&one);
		if (!(query->rechecked && mls_reso_form_refused(query->table, lfirst(lc))) &&
			render(&one, query, lfirst(lc), exact))
			add_conjunct(buf, one.data, false);
		else
			*exact = false;
	}
}
