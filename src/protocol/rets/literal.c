/*
 * literal.c
 *		Values as DMQL2 writes them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "protocol/rets/dmql.h"

/* A declared type that does not follow from the column's says what the source compares. */
static bool
agrees(const MlsColumn *column, DmqlType type)
{
	static const char *const numbers[] = {"Tiny", "Small", "Int", "Long", "Decimal", "Number"};

	if (column->remote_type == NULL)
		return true;
	if (type == DMQL_INTEGER || type == DMQL_DECIMAL)
		for (int i = 0; i < lengthof(numbers); i++)
			if (pg_strcasecmp(column->remote_type, numbers[i]) == 0)
				return true;
	return type == DMQL_TEXT && pg_strcasecmp(column->remote_type, "Character") == 0;
}

DmqlType
mls_dmql_type(const MlsTable *table, const MlsColumn *column)
{
	bool coded = table->source->platform.format == MLS_FORMAT_COMPACT;
	DmqlType type = DMQL_OTHER;

	if (column->field == NULL || strcmp(column->field, "*") == 0 || strchr(column->field + 1, '@'))
		return DMQL_OTHER;
	switch (column->type)
	{
		case TEXTOID:
		case VARCHAROID:
			/* Where answers are decoded, a column does not hold what can be asked for. */
			if (column->is_enum)
				return coded ? DMQL_LOOKUP : DMQL_OTHER;
			type = DMQL_TEXT;
			break;
		case TEXTARRAYOID:
			return coded && column->is_flags ? DMQL_LOOKUPS : DMQL_OTHER;
		case BOOLOID:
			type = DMQL_BOOLEAN;
			break;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			type = DMQL_INTEGER;
			break;
		case NUMERICOID:
			type = DMQL_DECIMAL;
			break;
		case DATEOID:
			type = DMQL_DATE;
			break;
		case TIMESTAMPTZOID:
			type = DMQL_TIMESTAMP;
			break;
		case TIMEOID:
			type = DMQL_TIME;
			break;
		default:
			break;
	}
	return agrees(column, type) ? type : DMQL_OTHER;
}

/* ---- words ---- */

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
is_word(const char *text)
{
	const char *c = text;

	while (is_word_char(*c))
		c++;
	return c > text && *c == '\0';
}

/* A text as a word or a literal; false for what neither can hold. */
bool
mls_dmql_append_text(StringInfo buf, const char *text)
{
	if (*text == '\0')
		return false;
	if (is_word(text))
	{
		appendStringInfoString(buf, text);
		return true;
	}
	appendStringInfoChar(buf, '"');
	for (const char *c = text; *c; c++)
	{
		if ((unsigned char) *c < ' ')
			return false;
		if (*c == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, *c);
	}
	appendStringInfoChar(buf, '"');
	return true;
}

/* A text within a pattern. */
void
mls_dmql_append_pattern(StringInfo buf, const char *text)
{
	while (*text)
	{
		appendStringInfoChar(buf, is_word_char(*text) ? *text : '?');
		text += pg_mblen(text);
	}
}

/* The codes of a value of a lookup, or the value where that is what the column holds. */
static bool
append_codes(StringInfo buf, const MlsTable *table, const MlsColumn *column, const MlsValue *value)
{
	const char *text = mls_value_text(value);
	ListCell *lc;

	if (!mls_rets_decodes(table, column))
		return mls_dmql_append_text(buf, text);
	foreach (lc, mls_rets_codes(table, column, text))
	{
		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(buf, ',');
		if (!mls_dmql_append_text(buf, lfirst(lc)))
			return false;
	}
	return true;
}

/* ---- ranges ---- */

static bool
append_day(StringInfo buf, const MlsValue *value)
{
	if (!OidIsValid(value->type))
	{
		appendStringInfoString(buf, value->text);
		return true;
	}
	return value->type == DATEOID && mls_append_date(buf, DatumGetDateADT(value->datum));
}

/*
 * Sources show less than they store, cut off: what is shown as T lies in
 * [T, T + unit), so a range ends one unit later.
 */
bool
mls_dmql_append_instants(StringInfo buf, const MlsTable *table, const MlsValue *value,
						 MlsOperator op)
{
	int64 unit = mls_instant_unit(table);
	int64 us = DatumGetInt64(value->datum);
	int64 low;

	if (value->type != TIMESTAMPTZOID && value->type != TIMEOID)
		return false;
	if (value->type == TIMESTAMPTZOID && TIMESTAMP_NOT_FINITE(us))
		return false;
	low = mls_instant_floor(us, unit);
	if (op == MLS_GE || op == MLS_GT || op == MLS_EQ)
	{
		if (!mls_append_instant(buf, value->type, low))
			return false;
		if (op != MLS_EQ)
			appendStringInfoString(buf, table->source->platform.timestamp_alone ? "" : "+");
		else
			appendStringInfoChar(buf, '-');
	}
	if (op == MLS_LE || op == MLS_LT || op == MLS_EQ)
	{
		if (!mls_append_instant(buf, value->type, op == MLS_LT && low == us ? low : low + unit))
			return false;
		if (op != MLS_EQ)
			appendStringInfoChar(buf, '-');
	}
	return true;
}

bool
mls_dmql_append_value(StringInfo buf, const MlsTable *table, const MlsColumn *column,
					  const MlsValue *value)
{
	switch (mls_dmql_type(table, column))
	{
		case DMQL_TEXT:
			return mls_dmql_append_text(buf, mls_value_text(value));
		case DMQL_LOOKUP:
		case DMQL_LOOKUPS:
			return append_codes(buf, table, column, value);
		case DMQL_BOOLEAN:
			if (!OidIsValid(value->type))
				return false;
			appendStringInfoChar(buf, DatumGetBool(value->datum) ? '1' : '0');
			return true;
		case DMQL_INTEGER:
		case DMQL_DECIMAL:
			return mls_append_number(buf, value);
		case DMQL_DATE:
			return append_day(buf, value);
		default:
			return false;
	}
}
