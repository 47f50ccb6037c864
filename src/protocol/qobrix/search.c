/*
 * search.c
 *		Conditions as search expressions, and how faithfully.
 *
 * What is assumed of a tenant: numbers, dates and instants compare as in SQL; `==`
 * on texts finds at least the rows SQL finds (it may ignore case); a comparison
 * with null is not true, but for tests whether something is null.  Not assumed,
 * unless an option says so: `!=`, `not`, conditions on lists of codes.
 *
 * Texts are written with backslashes before quotes, as in the language that the
 * expressions are taken from.  Times have whole seconds and no zone.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "protocol/condition.h"
#include "protocol/qobrix/qobrix.h"

/* What a column is to the language. */
typedef enum SearchType
{
	SEARCH_OTHER, /* cannot be compared remotely */
	SEARCH_TEXT,
	SEARCH_BOOLEAN,
	SEARCH_NUMBER,
	SEARCH_DATE,
	SEARCH_INSTANT,
	SEARCH_CODES
} SearchType;

/* The farthest that clocks are from UTC, west and east. */
#define WEST_US (12 * USECS_PER_HOUR)
#define EAST_US (14 * USECS_PER_HOUR)

static bool
render(StringInfo buf, const MlsTable *table, const MlsCondition *condition, bool *exact);

/* A type of the user's own says that the source holds something else than the column. */
static SearchType
type_of(const MlsColumn *column)
{
	if (column->field == NULL || strpbrk(column->field, "*/") != NULL ||
		column->remote_type != NULL)
		return SEARCH_OTHER;
	switch (column->type)
	{
		case TEXTOID:
		case VARCHAROID:
			return SEARCH_TEXT;
		case BOOLOID:
			return SEARCH_BOOLEAN;
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
			return SEARCH_NUMBER;
		case DATEOID:
			return SEARCH_DATE;
		case TIMESTAMPTZOID:
			return SEARCH_INSTANT;
		case TEXTARRAYOID:
			return SEARCH_CODES;
		default:
			return SEARCH_OTHER;
	}
}

/* Values whose order is the same here and there. */
bool
mls_qobrix_sortable(const MlsTable *table, const MlsColumn *column)
{
	SearchType type = type_of(column);

	return table->source->platform.ordering == MLS_ORDER_ANY &&
		   (type == SEARCH_NUMBER || type == SEARCH_DATE || type == SEARCH_INSTANT);
}

/* ---- values ---- */

void
mls_qobrix_quote(StringInfo buf, const char *text)
{
	appendStringInfoChar(buf, '\'');
	for (const char *c = text; *c; c++)
	{
		if (*c == '\'' || *c == '\\')
			appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, *c);
	}
	appendStringInfoChar(buf, '\'');
}

/* Are times of the source in UTC? */
static bool
is_utc(const MlsTable *table)
{
	const char *zone = table->source->timezone;

	return zone == NULL || pg_strcasecmp(zone, "UTC") == 0 || pg_strcasecmp(zone, "GMT") == 0 ||
		   pg_strcasecmp(zone, "Etc/UTC") == 0;
}

/* 'YYYY-MM-DDThh:mm:ss' without a zone. */
static bool
append_seconds(StringInfo buf, int64 us)
{
	appendStringInfoChar(buf, '\'');
	if (!mls_append_instant(buf, TIMESTAMPTZOID, mls_instant_floor(us, USECS_PER_SEC)))
		return false;
	buf->data[buf->len - 1] = '\'';
	return true;
}

/*
 * The instant of a value; false if it has none that can be compared.  Where the
 * source's clocks are elsewhere, a lower bound is moved so far back, an upper one
 * so far on, that it holds wherever they are.
 */
static bool
instant_of(const MlsTable *table, const MlsValue *value, MlsOperator op, int64 *us)
{
	TimestampTz at;

	if (!OidIsValid(value->type))
	{
		if (!mls_parse_timestamptz(value->text, strlen(value->text), table->source->timezone, &at))
			return false;
	}
	else if (value->type == TIMESTAMPTZOID)
		at = DatumGetTimestampTz(value->datum);
	else
		return false;
	if (TIMESTAMP_NOT_FINITE(at))
		return false;
	if (!is_utc(table))
	{
		if (op == MLS_EQ)
			return false;
		at += op == MLS_GE || op == MLS_GT ? -WEST_US : EAST_US;
	}
	*us = at;
	return true;
}

/* What is shown as T lies in [T, T + 1 s): "<= X" is sent as "< the next second". */
static bool
render_instant(StringInfo buf, const MlsTable *table, const char *field, MlsOperator op,
			   const MlsValue *value)
{
	int64 us;
	int64 low;

	if (op == MLS_NE || !instant_of(table, value, op, &us))
		return false;
	low = mls_instant_floor(us, USECS_PER_SEC);
	if (op == MLS_EQ || op == MLS_GE || op == MLS_GT)
	{
		appendStringInfo(buf, "%s >= ", field);
		if (!append_seconds(buf, low))
			return false;
	}
	if (op == MLS_EQ)
		appendStringInfoString(buf, " and ");
	if (op == MLS_EQ || op == MLS_LT || op == MLS_LE)
	{
		appendStringInfo(buf, "%s < ", field);
		if (!append_seconds(buf, op == MLS_LT && low == us ? low : low + USECS_PER_SEC))
			return false;
	}
	return true;
}

/* Appends a value as a literal; false if the language has none for it. */
static bool
append_value(StringInfo buf, const MlsColumn *column, const MlsValue *value)
{
	switch (type_of(column))
	{
		case SEARCH_TEXT:
		case SEARCH_CODES:
			mls_qobrix_quote(buf, mls_value_text(value));
			return true;
		case SEARCH_NUMBER:
			return mls_append_number(buf, value);
		case SEARCH_BOOLEAN:
			if (value->type != BOOLOID)
				return false;
			appendStringInfoString(buf, DatumGetBool(value->datum) ? "true" : "false");
			return true;
		case SEARCH_DATE:
			if (value->type != DATEOID)
				return false;
			appendStringInfoChar(buf, '\'');
			if (!mls_append_date(buf, DatumGetDateADT(value->datum)))
				return false;
			appendStringInfoChar(buf, '\'');
			return true;
		default:
			return false;
	}
}

/* ---- fit ---- */

static MlsFit
compare_fit(const MlsTable *table, const MlsCondition *condition, SearchType type)
{
	const MlsPlatform *platform = &table->source->platform;
	MlsOperator op = condition->op;

	switch (type)
	{
		case SEARCH_TEXT:
			if (op == MLS_NE && platform->not_equal && platform->text_exact)
				return MLS_FIT_EXACT;
			if (op != MLS_EQ)
				return MLS_FIT_NO;
			return platform->text_exact ? MLS_FIT_EXACT : MLS_FIT_SUPERSET;
		case SEARCH_BOOLEAN:
			return op == MLS_EQ ? MLS_FIT_SUPERSET : MLS_FIT_NO;
		case SEARCH_NUMBER:
		case SEARCH_DATE:
			return op != MLS_NE || platform->not_equal ? MLS_FIT_EXACT : MLS_FIT_NO;
		case SEARCH_INSTANT:
			return op == MLS_NE ? MLS_FIT_NO : MLS_FIT_SUPERSET;
		default:
			return MLS_FIT_NO;
	}
}

static MlsFit
leaf_fit(const MlsTable *table, const MlsCondition *condition)
{
	const MlsPlatform *platform = &table->source->platform;
	SearchType type = type_of(condition->column);
	bool exact;
	StringInfoData scratch;

	initStringInfo(&scratch);
	if (type == SEARCH_OTHER || !render(&scratch, table, condition, &exact))
		return MLS_FIT_NO;
	switch (condition->kind)
	{
		case MLS_COMPARE:
		case MLS_IN:
			return compare_fit(table, condition, type);
		case MLS_IS_NULL:
		case MLS_IS_NOT_NULL:
			return platform->null_tests && type != SEARCH_CODES ? MLS_FIT_EXACT : MLS_FIT_NO;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			return platform->text_match && type == SEARCH_TEXT ? MLS_FIT_SUPERSET : MLS_FIT_NO;
		case MLS_ANY_OF:
		case MLS_ALL_OF:
			return platform->any_allowed && type == SEARCH_CODES ? MLS_FIT_SUPERSET : MLS_FIT_NO;
		default:
			return MLS_FIT_NO;
	}
}

/* Files are asked for by their id or by the record they belong to, and by nothing else. */
static MlsFit
media_fit(const MlsTable *table, const MlsCondition *condition)
{
	const char *field;

	if (condition->kind != MLS_COMPARE || condition->op != MLS_EQ ||
		type_of(condition->column) != SEARCH_TEXT)
		return MLS_FIT_NO;
	field = condition->column->field;
	return strcmp(field, "id") == 0 || strncmp(field, "related_", 8) == 0 ? MLS_FIT_SUPERSET
																		  : MLS_FIT_NO;
}

MlsFit
mls_qobrix_fit(const MlsTable *table, const MlsCondition *condition)
{
	if (strcmp(table->resource, QOBRIX_MEDIA) == 0)
		return media_fit(table, condition);
	return mls_fit_tree(table, condition, leaf_fit);
}

/* ---- rendering ---- */

static bool
render_compare(StringInfo buf, const MlsTable *table, const MlsColumn *column, MlsOperator op,
			   const MlsValue *value)
{
	static const char *const words[] = {"==", "!=", "<", "<=", ">", ">="};

	if (value->isnull)
		return false;
	if (value->param >= 0)
	{
		appendStringInfo(buf, "%s %s $%d", column->field, words[op], value->param + 1);
		return true;
	}
	if (type_of(column) == SEARCH_INSTANT)
		return render_instant(buf, table, column->field, op, value);
	appendStringInfo(buf, "%s %s ", column->field, words[op]);
	return append_value(buf, column, value);
}

/* Alternatives or requirements, a comparison each. */
static bool
render_each(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	const char *word = condition->kind == MLS_ALL_OF ? " and " : " or ";
	int written = 0;
	ListCell *lc;

	appendStringInfoChar(buf, '(');
	foreach (lc, condition->values)
	{
		const MlsValue *value = lfirst(lc);

		if (value->isnull)
			continue;
		appendStringInfo(buf, "%s(", written++ > 0 ? word : "");
		if (!render_compare(buf, table, condition->column, MLS_EQ, value))
			return false;
		appendStringInfoChar(buf, ')');
	}
	appendStringInfoChar(buf, ')');
	return written > 0;
}

static bool
render_in(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	int written = 0;
	ListCell *lc;

	if (type_of(condition->column) == SEARCH_INSTANT || !table->source->platform.in_allowed)
		return render_each(buf, table, condition);
	appendStringInfo(buf, "%s in [", condition->column->field);
	foreach (lc, condition->values)
	{
		const MlsValue *value = lfirst(lc);

		if (value->isnull)
			continue;
		appendStringInfoString(buf, written++ > 0 ? ", " : "");
		if (value->param >= 0)
			appendStringInfo(buf, "$%d", value->param + 1);
		else if (!append_value(buf, condition->column, value))
			return false;
	}
	appendStringInfoChar(buf, ']');
	return written > 0;
}

static bool
render_match(StringInfo buf, const MlsCondition *condition)
{
	const char *word = condition->kind == MLS_STARTS ? "starts with"
					   : condition->kind == MLS_ENDS ? "ends with"
													 : "contains";
	const MlsValue *value = linitial(condition->values);

	if (value->isnull)
		return false;
	appendStringInfo(buf, "%s %s ", condition->column->field, word);
	if (value->param >= 0)
		appendStringInfo(buf, "$%d", value->param + 1);
	else
		mls_qobrix_quote(buf, mls_value_text(value));
	return true;
}

static bool
render_arms(StringInfo buf, const MlsTable *table, const MlsCondition *condition, bool *exact)
{
	bool is_or = condition->kind == MLS_OR;
	int written = 0;
	ListCell *lc;

	appendStringInfoChar(buf, '(');
	foreach (lc, condition->args)
	{
		StringInfoData one;

		initStringInfo(&one);
		if (!render(&one, table, lfirst(lc), exact))
		{
			/* More rows come without it, which is right between `and`s only. */
			if (is_or)
				return false;
			*exact = false;
			continue;
		}
		appendStringInfo(buf, "%s(%s)", written++ == 0 ? "" : is_or ? " or " : " and ", one.data);
	}
	appendStringInfoChar(buf, ')');
	return written > 0;
}

/* The engine's: after (timestamp, key), in the source's own spelling of both. */
static bool
render_after(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	const MlsValue *instant = linitial(condition->values);
	const MlsValue *key = lsecond(condition->values);
	const char *field = table->timestamp;
	StringInfoData at;

	initStringInfo(&at);
	mls_qobrix_quote(&at, instant->text);
	appendStringInfo(buf, "%s > %s or (%s == %s and %s > ", field, at.data, field, at.data,
					 (char *) linitial(table->key));
	mls_qobrix_quote(buf, key->text);
	appendStringInfoChar(buf, ')');
	return true;
}

static bool
render_not(StringInfo buf, const MlsTable *table, const MlsCondition *inner)
{
	bool exact = true;

	appendStringInfoString(buf, "not (");
	if (!render(buf, table, inner, &exact) || !exact)
		return false;
	appendStringInfoChar(buf, ')');
	return true;
}

/* Appends a condition; false (and rubbish in buf) if it cannot be written. */
static bool
render(StringInfo buf, const MlsTable *table, const MlsCondition *condition, bool *exact)
{
	check_stack_depth();
	switch (condition->kind)
	{
		case MLS_AND:
		case MLS_OR:
			return render_arms(buf, table, condition, exact);
		case MLS_NOT:
			return render_not(buf, table, linitial(condition->args));
		case MLS_COMPARE:
			return render_compare(buf, table, condition->column, condition->op,
								  linitial(condition->values));
		case MLS_IN:
			return render_in(buf, table, condition);
		case MLS_ANY_OF:
		case MLS_ALL_OF:
			return render_each(buf, table, condition);
		case MLS_IS_NULL:
			appendStringInfo(buf, "%s == null", condition->column->field);
			return true;
		case MLS_IS_NOT_NULL:
			appendStringInfo(buf, "%s != null", condition->column->field);
			return true;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			return render_match(buf, condition);
		case MLS_AFTER:
			return render_after(buf, table, condition);
	}
	return false;
}

char *
mls_qobrix_search(const MlsQuery *query, bool *exact)
{
	StringInfoData buf;
	int written = 0;
	ListCell *lc;

	initStringInfo(&buf);
	if (query->table->filter)
	{
		appendStringInfo(&buf, "(%s)", query->table->filter);
		written++;
	}
	foreach (lc, query->conditions)
	{
		StringInfoData one;

		initStringInfo(&one);
		if (render(&one, query->table, lfirst(lc), exact))
			appendStringInfo(&buf, "%s(%s)", written++ > 0 ? " and " : "", one.data);
		else
			*exact = false;
	}
	return written > 0 ? buf.data : NULL;
}
