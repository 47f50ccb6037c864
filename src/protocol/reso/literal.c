/*
 * literal.c
 *		SQL values as OData literals.
 *
 * A value OData has no literal for (NaN, infinity, a year outside 0001-9999, an
 * enumeration member that is no identifier) is reported as such; the caller then
 * leaves the condition to the local recheck.
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

void
mls_reso_quote(StringInfo buf, const char *text)
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
	mls_reso_quote(buf, text);
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

bool
mls_reso_fits(const MlsColumn *column, const MlsValue *value)
{
	Neighbours neighbours;

	return !find_neighbours(column, value, &neighbours) || neighbours.fits;
}

/*
 * A value with more digits than the source declares is no value of its column: it lies
 * between two of them.  These bounds are true for all that the comparison is true for,
 * whatever the source holds, and for nothing else if it holds what it declares.
 */
bool
mls_reso_between(StringInfo buf, const MlsColumn *column, MlsOperator op, const MlsValue *value)
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

bool
mls_reso_literal(StringInfo buf, const MlsTable *table, const MlsColumn *column,
				 const MlsValue *value)
{
	Neighbours neighbours;

	if (value->param >= 0)
	{
		appendStringInfo(buf, "$%d", value->param + 1);
		return true;
	}
	switch (mls_reso_type(column))
	{
		case RESO_STRING:
			mls_reso_quote(buf, mls_value_text(value));
			return true;
		case RESO_ENUM:
		case RESO_STRINGS:
		case RESO_FLAGS:
			if (column->is_enum || column->is_flags)
				return append_enum(buf, table, column, mls_value_text(value));
			mls_reso_quote(buf, mls_value_text(value));
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
bool
mls_reso_instant(StringInfo buf, const MlsTable *table, const MlsColumn *column, MlsOperator op,
				 const MlsValue *value)
{
	static const char *const words[] = {"eq", "ne", "lt", "le", "gt", "ge"};
	const char *field = column->field;
	int64 unit = unit_of(table, value->type);
	int64 us;
	int64 low;

	if (value->param >= 0 || !OidIsValid(value->type))
	{
		appendStringInfo(buf, "%s %s ", field, words[op]);
		if (value->param >= 0)
			appendStringInfo(buf, "$%d", value->param + 1);
		else
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

bool
mls_reso_instant_exact(const MlsTable *table, MlsOperator op, const MlsValue *value)
{
	int64 us;

	if (value->param >= 0 || !OidIsValid(value->type) || !instant_us(value, &us))
		return false;
	return (op == MLS_GE || op == MLS_LT) &&
		   mls_instant_floor(us, unit_of(table, value->type)) == us;
}
