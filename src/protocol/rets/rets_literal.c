/*
 * rets_literal.c
 *		Values as DMQL2 writes them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "protocol/rets/rets_dmql.h"

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

bool
mls_dmql_is_word(const char *text)
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
	if (mls_dmql_is_word(text))
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

bool
mls_dmql_append_pattern(StringInfo buf, const char *text, bool beginning)
{
	const char *best = text;
	int length = 0;

	for (const char *c = text; *c;)
	{
		int run = 0;

		while (is_word_char(c[run]))
			run++;
		if (run > length)
		{
			best = c;
			length = run;
		}
		if (beginning)
			break;
		c += run > 0 ? run : pg_mblen(c);
	}
	appendBinaryStringInfo(buf, best, length);
	return length > 0;
}

/* The codes of a value of a lookup, or the value where that is what the column holds. */
static bool
append_codes(StringInfo buf, Dmql *dmql, const MlsColumn *column, const MlsValue *value)
{
	const char *text = mls_value_text(value);
	List *codes = list_make1(unconstify(char *, text));
	ListCell *lc;

	if (!dmql_use(dmql, RETS_FORM_LOOKUP))
		return false;
	if (mls_rets_decodes(dmql->table, column))
		codes = mls_rets_codes(dmql->table, column, text);
	foreach (lc, codes)
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

/* An instant in whole seconds, up or down: not every source reads fractions. */
static bool
append_second(StringInfo buf, Oid type, int64 us, bool up)
{
	return mls_append_instant(buf, type,
							  mls_instant_floor(up ? us + USECS_PER_SEC - 1 : us, USECS_PER_SEC));
}

/* An instant in the source's spelling; digits that a timestamp cannot hold are not rounded away. */
static bool
read_instant(const MlsTable *table, const char *text, MlsOperator op, int64 *us)
{
	const char *dot = strchr(text, '.');

	if (!mls_parse_timestamptz(text, strlen(text), table->source->timezone, us))
		return false;
	if (dot && strspn(dot + 1, "0123456789") > 6)
		*us += op == MLS_LE || op == MLS_LT ? 1 : -1;
	return true;
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
	int64 us;
	int64 low;

	if (!OidIsValid(value->type))
	{
		if (!read_instant(table, value->text, op, &us))
			return false;
	}
	else if (value->type == TIMESTAMPTZOID || value->type == TIMEOID)
		us = DatumGetInt64(value->datum);
	else
		return false;
	if (value->type != TIMEOID && TIMESTAMP_NOT_FINITE(us))
		return false;
	low = mls_instant_floor(us, unit);
	if (op == MLS_GE || op == MLS_GT || op == MLS_EQ)
	{
		if (!append_second(buf, value->type, low, false))
			return false;
		if (op != MLS_EQ)
			appendStringInfoString(buf, table->source->platform.timestamp_alone ? "" : "+");
		else
			appendStringInfoChar(buf, '-');
	}
	if (op == MLS_LE || op == MLS_LT || op == MLS_EQ)
	{
		if (!append_second(buf, value->type, op == MLS_LT && low == us ? low : low + unit, true))
			return false;
		if (op != MLS_EQ)
			appendStringInfoChar(buf, '-');
	}
	return true;
}

static bool
append_number(StringInfo buf, Dmql *dmql, const MlsValue *value)
{
	int from = buf->len;

	return mls_append_number(buf, value) &&
		   (buf->data[from] != '-' || dmql_use(dmql, RETS_FORM_NEGATIVE));
}

bool
mls_dmql_append_value(StringInfo buf, Dmql *dmql, const MlsColumn *column, const MlsValue *value)
{
	char *text;

	switch (mls_dmql_type(dmql->table, column))
	{
		case DMQL_TEXT:
			text = mls_value_text(value);
			return (mls_dmql_is_word(text) || dmql_use(dmql, RETS_FORM_QUOTED)) &&
				   mls_dmql_append_text(buf, text);
		case DMQL_LOOKUP:
		case DMQL_LOOKUPS:
			return append_codes(buf, dmql, column, value);
		case DMQL_BOOLEAN:
			if (!OidIsValid(value->type))
				return false;
			appendStringInfoChar(buf, DatumGetBool(value->datum) ? '1' : '0');
			return true;
		case DMQL_INTEGER:
		case DMQL_DECIMAL:
			return append_number(buf, dmql, value);
		case DMQL_DATE:
			return append_day(buf, value);
		default:
			return false;
	}
}
