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
 * A value OData has no literal for (NaN, infinity, a year outside 0001-9999, an
 * enumeration member that is no identifier) cannot be written; its condition is
 * left to the local recheck.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "protocol/condition.h"
#include "protocol/reso/reso.h"

static const char *const operators[] = {"eq", "ne", "lt", "le", "gt", "ge"};

/* ---- what a column is ---- */

static const struct
{
	Oid pg_type;
	const char *edm_type;
	ResoType type;
} types[] = {
	{TEXTOID, "Edm.String", RESO_STRING},
	{VARCHAROID, "Edm.String", RESO_STRING},
	{BOOLOID, "Edm.Boolean", RESO_BOOLEAN},
	{INT2OID, "Edm.Int16", RESO_INTEGER},
	{INT4OID, "Edm.Int32", RESO_INTEGER},
	{INT8OID, "Edm.Int64", RESO_INTEGER},
	{NUMERICOID, "Edm.Decimal", RESO_DECIMAL},
	{FLOAT4OID, "Edm.Single", RESO_DOUBLE},
	{FLOAT8OID, "Edm.Double", RESO_DOUBLE},
	{DATEOID, "Edm.Date", RESO_DATE},
	{TIMESTAMPTZOID, "Edm.DateTimeOffset", RESO_TIMESTAMP},
	{TIMEOID, "Edm.TimeOfDay", RESO_TIME},
	{TEXTARRAYOID, "Collection(Edm.String)", RESO_STRINGS},
};

/* Is a remote type one of OData's whole numbers? */
static bool
is_integer_type(const char *remote_type)
{
	static const char *const names[] = {"Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Byte",
										"Edm.SByte"};

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(remote_type, names[i]) == 0)
			return true;
	return false;
}

/* Edm.Decimal, or Edm.Decimal(precision,scale). */
static bool
is_decimal_type(const char *remote_type)
{
	return strncmp(remote_type, "Edm.Decimal", 11) == 0 &&
		   (remote_type[11] == '\0' || remote_type[11] == '(');
}

/*
 * A declared remote type must agree with the column's: a numeric column over a
 * remote string would compare as text there and as numbers here.
 */
static ResoType
declared_type(const MlsColumn *column, ResoType natural, const char *natural_name)
{
	const char *remote = column->remote_type;

	if (remote == NULL || strcmp(remote, natural_name) == 0)
		return natural;
	if (natural == RESO_INTEGER || natural == RESO_DECIMAL)
	{
		if (is_integer_type(remote) || is_decimal_type(remote))
			return natural;
		if (strcmp(remote, "Edm.Double") == 0 || strcmp(remote, "Edm.Single") == 0)
			return RESO_DOUBLE;
	}
	if (natural == RESO_DOUBLE && (is_integer_type(remote) || strncmp(remote, "Edm.D", 5) == 0 ||
								   strcmp(remote, "Edm.Single") == 0))
		return strncmp(remote, "Edm.Date", 8) == 0 ? RESO_OTHER : RESO_DOUBLE;
	if (natural == RESO_STRINGS && strncmp(remote, "Collection(", 11) == 0 &&
		strncmp(remote, "Collection(Edm.", 15) != 0)
		return RESO_STRINGS;
	return RESO_OTHER;
}

ResoType
mls_reso_type(const MlsColumn *column)
{
	if (column->field == NULL || strcmp(column->field, "*") == 0)
		return RESO_OTHER;
	if (column->is_enum && (column->type == TEXTOID || column->type == VARCHAROID))
		return RESO_ENUM;
	if (column->type == TEXTARRAYOID && column->is_flags)
		return column->remote_type && strncmp(column->remote_type, "Collection(", 11) != 0
				   ? RESO_FLAGS
				   : RESO_STRINGS;
	if (column->type == UUIDOID)
		return column->remote_type && strcmp(column->remote_type, "Edm.Guid") == 0 ? RESO_GUID
																				   : RESO_OTHER;
	for (int i = 0; i < lengthof(types); i++)
		if (types[i].pg_type == column->type)
			return declared_type(column, types[i].type, types[i].edm_type);
	return RESO_OTHER;
}

/* ---- literals ---- */

static void
append_quoted(StringInfo buf, const char *text)
{
	appendStringInfoChar(buf, '\'');
	for (const char *c = text; *c; c++)
	{
		if (*c == '\'')
			appendStringInfoChar(buf, '\'');
		appendStringInfoChar(buf, *c);
	}
	appendStringInfoChar(buf, '\'');
}

/* Enumeration members are OData identifiers; anything else is no member. */
static bool
is_identifier(const char *text)
{
	if (*text == '\0')
		return false;
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char) *c) && *c != '_' && !IS_HIGHBIT_SET(*c))
			return false;
	return true;
}

/* 'Member' or Namespace.Type'Member', as the platform wants it. */
static bool
append_enum(StringInfo buf, const MlsTable *table, const MlsColumn *column, const char *text)
{
	const char *type = column->remote_type;

	if (table->source->platform.enum_qualified && type != NULL)
	{
		int length = strlen(type);

		if (!is_identifier(text))
			return false;
		if (strncmp(type, "Collection(", 11) == 0)
		{
			type += 11;
			length -= 12;
		}
		appendBinaryStringInfo(buf, type, length);
	}
	append_quoted(buf, text);
	return true;
}

/* Numbers without NaN and infinity, which JSON cannot carry either. */
static bool
append_number(StringInfo buf, const MlsValue *value)
{
	char *text = mls_value_text(value);

	if (strpbrk(text, "NIni") != NULL)
		return false;
	appendStringInfoString(buf, text);
	return true;
}

/* ---- decimals ---- */

/* What a column's remote type says of its digits; false if nothing. */
static bool
declared_digits(const MlsColumn *column, int *precision, int *scale)
{
	return column->remote_type &&
		   sscanf(column->remote_type, "Edm.Decimal(%d,%d)", precision, scale) == 2;
}

static Numeric
power_of_ten(int exponent)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in,
											   CStringGetDatum(psprintf("1e%d", exponent)),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static bool
is_less(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(a), NumericGetDatum(b)));
}

static Numeric
sum(Numeric a, Numeric b)
{
	return DatumGetNumeric(
		DirectFunctionCall2(numeric_add, NumericGetDatum(a), NumericGetDatum(b)));
}

static Numeric
negative(Numeric a)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_uminus, NumericGetDatum(a)));
}

/* As a literal, without zeros that mean nothing. */
static char *
digits_text(Numeric number)
{
	char *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));

	if (strchr(text, '.') != NULL)
	{
		int length = strlen(text);

		while (text[length - 1] == '0')
			length--;
		if (text[length - 1] == '.')
			length--;
		text[length] = '\0';
	}
	return text;
}

/* A value between two neighbours that its column can hold; equal ones if it can hold the value itself. */
typedef struct Neighbours
{
	char *low; /* NULL: beyond all that can be written */
	char *high;
	bool fits;
} Neighbours;

static char *
bounded_text(Numeric number, Numeric bound)
{
	bool inside = is_less(number, bound) && is_less(negative(bound), number);

	return inside ? digits_text(number) : NULL;
}

static Neighbours
neighbours_of(const MlsValue *value, int precision, int scale)
{
	Numeric number =
		DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(mls_value_text(value)),
											ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	Numeric bound = power_of_ten(precision - scale);
	Numeric unit = power_of_ten(-scale);
	Numeric low = DatumGetNumeric(
		DirectFunctionCall2(numeric_trunc, NumericGetDatum(number), Int32GetDatum(scale)));
	Neighbours result = {0};
	Numeric high;

	if (is_less(number, low))
		low = sum(low, negative(unit));
	high = is_less(low, number) ? sum(low, unit) : low;
	result.low = bounded_text(low, bound);
	result.high = bounded_text(high, bound);
	result.fits = low == high && result.low != NULL;
	return result;
}

/* Is it a number of a decimal column whose digits are declared?  Then it lies between these. */
static bool
find_neighbours(const MlsColumn *column, const MlsValue *value, Neighbours *neighbours)
{
	int precision;
	int scale;

	if (value->param >= 0 || value->isnull || !OidIsValid(value->type) ||
		!declared_digits(column, &precision, &scale) ||
		strpbrk(mls_value_text(value), "NIni") != NULL)
		return false;
	*neighbours = neighbours_of(value, precision, scale);
	return true;
}

/* Has a value no more digits than the metadata declares for its column, as far as they are declared? */
static bool
fits(const MlsColumn *column, const MlsValue *value)
{
	Neighbours neighbours;

	return !find_neighbours(column, value, &neighbours) || neighbours.fits;
}

/*
 * A value with more digits than the source declares is no value of its column: it lies
 * between two of them.  These bounds are true for all that the comparison is true for,
 * whatever the source holds, and for nothing else if it holds what it declares.
 */
static bool
write_between(StringInfo buf, const MlsColumn *column, MlsOperator op, const MlsValue *value)
{
	Neighbours neighbours;
	bool above = op == MLS_EQ || op == MLS_GT || op == MLS_GE;
	bool below = op == MLS_EQ || op == MLS_LT || op == MLS_LE;

	if (!find_neighbours(column, value, &neighbours))
		return false;
	if (op == MLS_NE)
	{
		appendStringInfo(buf, "%s ne null", column->field);
		return true;
	}
	if ((above && neighbours.low == NULL) || (below && neighbours.high == NULL))
		return false;
	if (above)
		appendStringInfo(buf, "%s gt %s", column->field, neighbours.low);
	if (above && below)
		appendStringInfoString(buf, " and ");
	if (below)
		appendStringInfo(buf, "%s lt %s", column->field, neighbours.high);
	return true;
}

/* Appends a value as a literal for a column; false if OData has none for it. */
static bool
append_literal(StringInfo buf, const MlsTable *table, const MlsColumn *column,
			   const MlsValue *value)
{
	Neighbours neighbours;

	if (mls_append_param(buf, value))
		return true;
	switch (mls_reso_type(column))
	{
		case RESO_STRING:
			append_quoted(buf, mls_value_text(value));
			return true;
		case RESO_ENUM:
		case RESO_STRINGS:
		case RESO_FLAGS:
			if (column->is_enum || column->is_flags)
				return append_enum(buf, table, column, mls_value_text(value));
			append_quoted(buf, mls_value_text(value));
			return true;
		default:
			break;
	}
	if (!OidIsValid(value->type))
	{
		appendStringInfoString(buf, value->text);
		return true;
	}
	switch (mls_reso_type(column))
	{
		case RESO_BOOLEAN:
			appendStringInfoString(buf, DatumGetBool(value->datum) ? "true" : "false");
			return true;
		case RESO_INTEGER:
		case RESO_DECIMAL:
			if (find_neighbours(column, value, &neighbours))
			{
				if (neighbours.fits)
					appendStringInfoString(buf, neighbours.low);
				return neighbours.fits;
			}
			return append_number(buf, value);
		case RESO_DOUBLE:
			return append_number(buf, value);
		case RESO_DATE:
			return value->type == DATEOID && mls_append_date(buf, DatumGetDateADT(value->datum));
		case RESO_GUID:
			appendStringInfoString(buf, mls_value_text(value));
			return true;
		default:
			return false;
	}
}

/* An instant as microseconds; false for infinity. */
static bool
instant_us(const MlsValue *value, int64 *us)
{
	*us = DatumGetInt64(value->datum);
	return value->type == TIMEOID || !TIMESTAMP_NOT_FINITE(*us);
}

/*
 * Appends an instant.  Some servers compare the text of timestamps, and there
 * "...10Z" comes after "...10.000Z": so the fraction has always as many digits as
 * the source shows, also when it is zero.  A sync writes its bounds likewise.
 */
static bool
append_instant(StringInfo buf, const MlsTable *table, Oid type, int64 us)
{
	int digits = table->source->platform.timestamp_digits;
	const char *point;
	int start = buf->len;

	if (!mls_append_instant(buf, type, us))
		return false;
	if (type == TIMEOID || digits == 0)
		return true;
	buf->data[--buf->len] = '\0';
	point = strchr(buf->data + start, '.');
	if (point == NULL)
		appendStringInfoChar(buf, '.');
	for (int shown = point ? strlen(point + 1) : 0; shown < digits; shown++)
		appendStringInfoChar(buf, '0');
	appendStringInfoChar(buf, 'Z');
	return true;
}

/*
 * Times of day are asked for in whole seconds, for most are declared without a
 * fraction, and a literal that has one is refused then.
 */
static int64
unit_of(const MlsTable *table, Oid type)
{
	return type == TIMEOID ? USECS_PER_SEC : mls_instant_unit(table);
}

/*
 * Sources show less than they store, cut off, not rounded, and so do we.  What
 * is shown as T lies in [T, T + unit): hence "<= X" is sent as "lt X + unit", and
 * "= X" as a range.
 */
static bool
write_instant(StringInfo buf, const MlsTable *table, const MlsColumn *column, MlsOperator op,
			  const MlsValue *value)
{
	const char *field = column->field;
	int64 unit = unit_of(table, value->type);
	int64 us;
	int64 low;

	if (value->param >= 0 || !OidIsValid(value->type))
	{
		appendStringInfo(buf, "%s %s ", field, operators[op]);
		if (!mls_append_param(buf, value))
			appendStringInfoString(buf, value->text);
		return true;
	}
	if (op == MLS_NE || !instant_us(value, &us))
		return false;
	low = mls_instant_floor(us, unit);
	/* The last instants of a day and of time have no next one to compare with. */
	if (value->type == TIMEOID && low + unit >= USECS_PER_DAY)
		return false;
	if (op == MLS_EQ || op == MLS_GE || op == MLS_GT)
	{
		appendStringInfo(buf, "%s %s ", field, op == MLS_GT ? "gt" : "ge");
		if (!append_instant(buf, table, value->type, low))
			return false;
	}
	if (op == MLS_EQ)
		appendStringInfoString(buf, " and ");
	if (op == MLS_EQ || op == MLS_LT || op == MLS_LE)
	{
		appendStringInfo(buf, "%s lt ", field);
		if (!append_instant(buf, table, value->type, op == MLS_LT && low == us ? low : low + unit))
			return false;
	}
	return true;
}

/* Is an instant's range condition as exact at the source as it is here? */
static bool
is_exact_instant(const MlsTable *table, MlsOperator op, const MlsValue *value)
{
	int64 us;

	if (value->param >= 0 || !OidIsValid(value->type) || !instant_us(value, &us))
		return false;
	return (op == MLS_GE || op == MLS_LT) &&
		   mls_instant_floor(us, unit_of(table, value->type)) == us;
}

/* ---- how well a comparison stands for SQL's ---- */

/* Can the column hold each of the values?  What it cannot is asked for by its neighbours. */
static bool
all_fit(const MlsCondition *condition)
{
	ListCell *lc;

	foreach (lc, condition->values)
		if (!fits(condition->column, lfirst(lc)))
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
			return is_exact_instant(table, condition->op, linitial(condition->values))
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
null_fit(const MlsTable *table, const MlsCondition *condition)
{
	ResoType type = mls_reso_type(condition->column);

	if (!table->source->platform.null_tests || type == RESO_STRINGS || type == RESO_FLAGS ||
		type == RESO_OTHER)
		return MLS_FIT_NO;
	/* NaN is null here, and a value there. */
	if (type == RESO_DOUBLE)
		return condition->kind == MLS_IS_NULL ? MLS_FIT_NO : MLS_FIT_SUPERSET;
	return MLS_FIT_EXACT;
}

/* ---- single conditions ---- */

static bool
write_compare(StringInfo buf, const MlsTable *table, const MlsColumn *column, MlsOperator op,
			  const MlsValue *value)
{
	ResoType type = mls_reso_type(column);

	if (value->isnull)
		return false;
	if (type == RESO_TIMESTAMP || type == RESO_TIME)
		return write_instant(buf, table, column, op, value);
	if (!fits(column, value))
		return write_between(buf, column, op, value);
	appendStringInfo(buf, "%s %s ", column->field, operators[op]);
	if (!append_literal(buf, table, column, value))
		return false;
	/* A null differs from everything in OData, from nothing in SQL. */
	if (op == MLS_NE)
		appendStringInfo(buf, " and %s ne null", column->field);
	return true;
}

static bool
write_match(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	const char *function = condition->kind == MLS_STARTS ? "startswith"
						   : condition->kind == MLS_ENDS ? "endswith"
														 : "contains";
	const MlsValue *value = linitial(condition->values);

	if (value->isnull)
		return false;
	appendStringInfo(buf, "%s(%s,", function, condition->column->field);
	if (!append_literal(buf, table, condition->column, value))
		return false;
	appendStringInfoChar(buf, ')');
	return true;
}

/* One value of a collection or of a flags enumeration. */
static bool
write_member(StringInfo buf, const MlsTable *table, const MlsColumn *column, const MlsValue *value)
{
	bool flags = mls_reso_type(column) == RESO_FLAGS;
	bool done;

	if (flags)
		appendStringInfo(buf, "%s has ", column->field);
	else
		appendStringInfo(buf, "%s/any(x:x eq ", column->field);
	done = append_literal(buf, table, column, value);
	if (!flags)
		appendStringInfoChar(buf, ')');
	return done;
}

/* The values of a leaf may stand in a list: key in ('a','b'). */
static bool
is_listed(const MlsTable *table, const MlsCondition *condition)
{
	ResoType type = mls_reso_type(condition->column);

	/* Instants and what lies between values have no such form. */
	return condition->kind == MLS_IN && table->source->platform.in_allowed &&
		   type != RESO_TIMESTAMP && type != RESO_TIME && all_fit(condition);
}

/* Has a list more alternatives than a condition may have? */
static bool
is_too_wide(const MlsConditionWriter *writer, const MlsCondition *condition)
{
	const MlsPlatform *platform = &writer->table->source->platform;
	int width = list_length(condition->values);

	if (condition->kind != MLS_IN || width <= 1)
		return false;
	return !platform->or_allowed ||
		   (!writer->alone && platform->max_or > 0 && width > platform->max_or);
}

/* Alternatives or requirements over the values of a leaf; each of them has to be written. */
static bool
write_values(const MlsConditionWriter *writer, StringInfo buf, const MlsCondition *condition)
{
	const MlsTable *table = writer->table;
	bool listed = is_listed(table, condition);
	bool all = condition->kind == MLS_ALL_OF;
	int written = 0;
	StringInfoData text;
	ListCell *lc;

	if (!listed && is_too_wide(writer, condition))
		return false;
	initStringInfo(&text);
	foreach (lc, condition->values)
	{
		const MlsValue *value = lfirst(lc);

		if (value->isnull)
			continue;
		if (written++ > 0)
			appendStringInfoString(&text, listed ? "," : all ? " and " : " or ");
		/* An instant's equality is a range of two comparisons. */
		if (listed ? !append_literal(&text, table, condition->column, value)
			: condition->kind == MLS_IN
				? !write_compare(&text, table, condition->column, MLS_EQ, value)
				: !write_member(&text, table, condition->column, value))
			return false;
	}
	if (listed)
		appendStringInfo(buf, "%s in ", condition->column->field);
	appendStringInfo(buf, listed || (written > 1 && !all) ? "(%s)" : "%s", text.data);
	return written > 0;
}

/*
 * The keyset condition of the cursor: after (timestamp, key), in the source's
 * own spelling of both.
 */
static bool
write_after(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	const MlsValue *instant = linitial(condition->values);
	const MlsValue *key = lsecond(condition->values);
	const char *key_field = linitial(table->key);
	const MlsColumn *key_column = mls_table_column(table, key_field);

	if (key_column == NULL)
		return false;
	appendStringInfo(buf, "(%s gt %s or (%s eq %s and %s gt ", table->timestamp, instant->text,
					 table->timestamp, instant->text, key_field);
	if (!append_literal(buf, table, key_column, key))
		return false;
	appendStringInfoString(buf, "))");
	return true;
}

static MlsFit
write_leaf(MlsConditionWriter *writer, StringInfo buf, const MlsCondition *leaf)
{
	const MlsTable *table = writer->table;
	const MlsPlatform *platform = &table->source->platform;
	const MlsColumn *column = leaf->column;
	MlsFit fit = MLS_FIT_NO;
	bool written = true;

	if (column && mls_reso_refused(table, RESO_USE_FILTER, column->field))
		return MLS_FIT_NO;
	switch (leaf->kind)
	{
		case MLS_COMPARE:
			written = write_compare(buf, table, column, leaf->op, linitial(leaf->values));
			fit = compare_fit(table, leaf);
			break;
		case MLS_IN:
			written = write_values(writer, buf, leaf);
			fit = compare_fit(table, leaf);
			break;
		case MLS_IS_NULL:
		case MLS_IS_NOT_NULL:
			appendStringInfo(buf, "%s %s null", column->field,
							 leaf->kind == MLS_IS_NULL ? "eq" : "ne");
			fit = null_fit(table, leaf);
			break;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			written = write_match(buf, table, leaf);
			if (platform->text_match && mls_reso_type(column) == RESO_STRING)
				fit = MLS_FIT_SUPERSET;
			break;
		case MLS_ANY_OF:
		case MLS_ALL_OF:
			written = write_values(writer, buf, leaf);
			fit = collection_fit(table, leaf);
			break;
		case MLS_AFTER:
			written = write_after(buf, table, leaf);
			break;
		default:
			return MLS_FIT_NO;
	}
	if (!written)
		return MLS_FIT_NO;
	return writer->demanded ? Max(fit, MLS_FIT_SUPERSET) : fit;
}

/* ---- the whole ---- */

static bool
is_refused(MlsConditionWriter *writer, const MlsCondition *condition)
{
	return !writer->demanded && mls_reso_form_refused(writer->table, condition);
}

MlsConditionWriter
mls_reso_writer(const MlsTable *table)
{
	const MlsPlatform *platform = &table->source->platform;
	MlsConditionWriter writer = {.table = table,
								 .conjunction = {"", " and ", ""},
								 .leaf = write_leaf,
								 .refuses = is_refused};

	if (platform->or_allowed)
		writer.disjunction = (MlsWord){"(", " or ", ")"};
	if (platform->negation)
		writer.negation = (MlsWord){.open = "not (", .close = ")"};
	return writer;
}

void
mls_reso_filter(StringInfo buf, const MlsQuery *query, bool *exact)
{
	const MlsPlatform *platform = &query->table->source->platform;
	MlsConditionWriter writer = mls_reso_writer(query->table);
	List *texts;
	ListCell *lc;

	writer.demanded = !query->rechecked;
	texts = mls_conditions_write(&writer, query->conditions);
	/* The user's own is put in parentheses, since nobody knows what it holds. */
	if (query->table->filter)
		texts = lcons(platform->parentheses_allowed && query->conditions != NIL
						  ? psprintf("(%s)", query->table->filter)
						  : unconstify(char *, query->table->filter),
					  texts);
	if (platform->required_filter)
		texts = lcons(unconstify(char *, platform->required_filter), texts);
	foreach (lc, texts)
		appendStringInfo(buf, "%s%s", buf->len > 0 ? " and " : "", (char *) lfirst(lc));
	if (writer.left_out)
		*exact = false;
}
