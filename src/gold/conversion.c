/*
 * conversion.c
 *		The SQL that turns a column of silver into a type of gold, and the functions
 *		that this SQL and the rules' call for each value: mls.try_*(),
 *		mls.exact_numeric(), mls.convert_unit().
 *
 * Feeds declare types of their own: a number as text, a date as date-time.  Each
 * pair of types that can be bridged stands in one table; its SQL cannot fail,
 * whatever the value.  Pairs that are not in it are not bridged.
 *
 * A feed that declares a number as text may say anything in it.  A text is read
 * as a record's string would be for a column of the type, so it does not matter
 * to gold how the feed declared the field; what is no value is NULL.
 */
#include "postgres.h"

#include <ctype.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "compat.h"
#include "gold/map.h"
#include "record/slice.h"

PG_FUNCTION_INFO_V1(mls_exact_numeric);
PG_FUNCTION_INFO_V1(mls_exact_numeric_real);
PG_FUNCTION_INFO_V1(mls_try_numeric);
PG_FUNCTION_INFO_V1(mls_try_bigint);
PG_FUNCTION_INFO_V1(mls_try_boolean);
PG_FUNCTION_INFO_V1(mls_try_date);
PG_FUNCTION_INFO_V1(mls_try_timestamptz);
PG_FUNCTION_INFO_V1(mls_convert_unit);

/* ---- SQL of a conversion ---- */

/* In the SQL %1$s is the value and %2$s the source's time zone, quoted. */
static const struct
{
	Oid from;
	Oid to;
	const char *sql;
	const char *back; /* from gold's value %s to the source's: lossless if sql is; or NULL */
} conversions[] = {
	{INT2OID, INT8OID, "%1$s::pg_catalog.int8"},
	{INT4OID, INT8OID, "%1$s::pg_catalog.int8"},
	{NUMERICOID, INT8OID, "mls.try_bigint(%1$s::pg_catalog.text)"},
	{FLOAT4OID, INT8OID, "mls.try_bigint(mls.exact_numeric(%1$s)::pg_catalog.text)"},
	{FLOAT8OID, INT8OID, "mls.try_bigint(mls.exact_numeric(%1$s)::pg_catalog.text)"},
	{TEXTOID, INT8OID, "mls.try_bigint(%1$s)"},

	{INT2OID, NUMERICOID, "%1$s::pg_catalog.numeric"},
	{INT4OID, NUMERICOID, "%1$s::pg_catalog.numeric"},
	{INT8OID, NUMERICOID, "%1$s::pg_catalog.numeric"},
	/* The cast keeps 6 and 15 digits. */
	{FLOAT4OID, NUMERICOID, "mls.exact_numeric(%1$s)", "%s::pg_catalog.float4"},
	{FLOAT8OID, NUMERICOID, "mls.exact_numeric(%1$s)", "%s::pg_catalog.float8"},
	{TEXTOID, NUMERICOID, "mls.try_numeric(%1$s)"},

	{INT2OID, BOOLOID, "mls.try_boolean(%1$s::pg_catalog.text)"},
	{INT4OID, BOOLOID, "mls.try_boolean(%1$s::pg_catalog.text)"},
	{INT8OID, BOOLOID, "mls.try_boolean(%1$s::pg_catalog.text)"},
	{TEXTOID, BOOLOID, "mls.try_boolean(%1$s)"},

	{TIMESTAMPTZOID, DATEOID, "pg_catalog.timezone(%2$s, %1$s)::pg_catalog.date"},
	{TEXTOID, DATEOID, "mls.try_date(%1$s)"},
	{DATEOID, TIMESTAMPTZOID,
	 "mls.try_timestamptz(pg_catalog.jsonb_extract_path_text(pg_catalog.to_jsonb(%1$s), VARIADIC "
	 "'{}'), %2$s)"},
	{TEXTOID, TIMESTAMPTZOID, "mls.try_timestamptz(%1$s, %2$s)"},

	{INT2OID, TEXTOID, "%1$s::pg_catalog.text"},
	{INT4OID, TEXTOID, "%1$s::pg_catalog.text"},
	{INT8OID, TEXTOID, "%1$s::pg_catalog.text"},
	{NUMERICOID, TEXTOID, "%1$s::pg_catalog.text"},
	/* The output function obeys extra_float_digits. */
	{FLOAT4OID, TEXTOID, "mls.exact_numeric(%1$s)::pg_catalog.text"},
	{FLOAT8OID, TEXTOID, "mls.exact_numeric(%1$s)::pg_catalog.text"},
	{BOOLOID, TEXTOID, "%1$s::pg_catalog.text"},
	{UUIDOID, TEXTOID, "%1$s::pg_catalog.text"},
	{TIMEOID, TEXTOID, "%1$s::pg_catalog.text"},
	/* ISO 8601 whatever DateStyle and TimeZone are. */
	{DATEOID, TEXTOID,
	 "pg_catalog.jsonb_extract_path_text(pg_catalog.to_jsonb(%1$s), VARIADIC '{}')"},
	{TIMESTAMPTZOID, TEXTOID,
	 "pg_catalog.jsonb_extract_path_text(pg_catalog.to_jsonb(pg_catalog.timezone('UTC', %1$s)), "
	 "VARIADIC '{}') || 'Z'"},
	{TEXTARRAYOID, TEXTOID, "pg_catalog.array_to_string(%1$s, ',')"},

	{TEXTOID, TEXTARRAYOID,
	 "pg_catalog.regexp_split_to_array(nullif(pg_catalog.btrim(%1$s), ''), "
	 "'[[:space:]]*,[[:space:]]*')"},
};

/* Types that are the same in all that matters here. */
static Oid
plain_type(Oid type)
{
	switch (type)
	{
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
			return TEXTOID;
		case VARCHARARRAYOID:
			return TEXTARRAYOID;
		default:
			return type;
	}
}

char *
mls_gold_conversion(const char *value, Oid from, Oid to, const char *timezone)
{
	from = plain_type(from);
	if (from == to)
		return pstrdup(value);
	for (int i = 0; i < lengthof(conversions); i++)
		if (conversions[i].from == from && conversions[i].to == to)
			return psprintf(conversions[i].sql, value, quote_literal_cstr(timezone));
	return NULL;
}

char *
mls_gold_conversion_back(const char *value, Oid from, Oid to)
{
	from = plain_type(from);
	for (int i = 0; i < lengthof(conversions); i++)
		if (conversions[i].from == from && conversions[i].to == to && conversions[i].back)
			return psprintf(conversions[i].back, value);
	return NULL;
}

bool
mls_gold_conversion_loses(Oid from, Oid to)
{
	switch (plain_type(from))
	{
		case TEXTOID:
			return to != TEXTOID && to != TEXTARRAYOID;
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
			return to == INT8OID;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return to == BOOLOID;
		default:
			return false;
	}
}

/* Whole numbers are widened, so that a further source with wider ones finds room. */
Oid
mls_gold_own_type(Oid type)
{
	type = plain_type(type);
	return type == INT2OID || type == INT4OID ? INT8OID : type;
}

/* ---- Text as other types, and exact decimals ---- */

/* The text without blanks around it, as a slice: between quotes, as JSON has it. */
static MlsSlice
text_slice(const text *value)
{
	const char *start = VARDATA_ANY(value);
	const char *end = start + VARSIZE_ANY_EXHDR(value);
	MlsSlice slice = {.kind = MLS_STRING};

	while (start < end && isspace((unsigned char) *start))
		start++;
	while (end > start && isspace((unsigned char) end[-1]))
		end--;
	slice.value = psprintf("\"%.*s\"", (int) (end - start), start);
	slice.value_length = end - start + 2;
	return slice;
}

/* Calls of one place in a query differ in the text only, so the target is kept. */
static Datum
try_convert(FunctionCallInfo fcinfo, Oid type, pg_tz *zone)
{
	MlsTarget *target = fcinfo->flinfo->fn_extra;
	MlsSlice slice = text_slice(PG_GETARG_TEXT_PP(0));
	Datum value;

	if (target == NULL)
	{
		target = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(MlsTarget));
		mls_target_init(target, type, -1, NULL);
		fcinfo->flinfo->fn_extra = target;
	}
	target->zone = zone;
	if (target->convert(target, &slice, &value) != NULL)
		PG_RETURN_NULL();
	return value;
}

Datum
mls_try_numeric(PG_FUNCTION_ARGS)
{
	return try_convert(fcinfo, NUMERICOID, NULL);
}

Datum
mls_try_bigint(PG_FUNCTION_ARGS)
{
	return try_convert(fcinfo, INT8OID, NULL);
}

Datum
mls_try_boolean(PG_FUNCTION_ARGS)
{
	return try_convert(fcinfo, BOOLOID, NULL);
}

Datum
mls_try_date(PG_FUNCTION_ARGS)
{
	return try_convert(fcinfo, DATEOID, NULL);
}

Datum
mls_try_timestamptz(PG_FUNCTION_ARGS)
{
	return try_convert(fcinfo, TIMESTAMPTZOID, pg_tzset(text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

static Datum
numeric_of(const char *digits)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

/*
 * The shortest decimal that reads back as the same number: what the source wrote,
 * as a rule.  PostgreSQL's cast keeps 15 digits of the 17 that can be needed.
 */
Datum
mls_exact_numeric(PG_FUNCTION_ARGS)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(PG_GETARG_FLOAT8(0), digits);
	PG_RETURN_DATUM(numeric_of(digits));
}

Datum
mls_exact_numeric_real(PG_FUNCTION_ARGS)
{
	char digits[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(PG_GETARG_FLOAT4(0), digits);
	PG_RETURN_DATUM(numeric_of(digits));
}

/* ---- Units ---- */

/* Digits kept of a converted value. */
#define DIGITS 4

typedef struct Unit
{
	const char *name;   /* lower case, without blanks */
	char dimension;     /* length or area */
	const char *factor; /* in metres or square metres */
} Unit;

static const Unit units[] = {
	{"m2", 'a', "1"},
	{"sqm", 'a', "1"},
	{"m²", 'a', "1"},
	{"squaremeters", 'a', "1"},
	{"squaremetres", 'a', "1"},
	{"ft2", 'a', "0.09290304"},
	{"sqft", 'a', "0.09290304"},
	{"squarefeet", 'a', "0.09290304"},
	{"yd2", 'a', "0.83612736"},
	{"sqyd", 'a', "0.83612736"},
	{"squareyards", 'a', "0.83612736"},
	{"ac", 'a', "4046.8564224"},
	{"acre", 'a', "4046.8564224"},
	{"acres", 'a', "4046.8564224"},
	{"ha", 'a', "10000"},
	{"hectare", 'a', "10000"},
	{"hectares", 'a', "10000"},
	{"km2", 'a', "1000000"},
	{"squarekilometers", 'a', "1000000"},
	{"mi2", 'a', "2589988.110336"},
	{"squaremiles", 'a', "2589988.110336"},
	{"m", 'l', "1"},
	{"meter", 'l', "1"},
	{"meters", 'l', "1"},
	{"metres", 'l', "1"},
	{"cm", 'l', "0.01"},
	{"ft", 'l', "0.3048"},
	{"feet", 'l', "0.3048"},
	{"foot", 'l', "0.3048"},
	{"in", 'l', "0.0254"},
	{"yd", 'l', "0.9144"},
	{"yards", 'l', "0.9144"},
	{"km", 'l', "1000"},
	{"kilometers", 'l', "1000"},
	{"mi", 'l', "1609.344"},
	{"mile", 'l', "1609.344"},
	{"miles", 'l', "1609.344"},
};

/* A unit by its name, whatever its case, blanks and dots. */
static const Unit *
find_unit(const text *name)
{
	char plain[32];
	size_t length = 0;

	for (int i = 0; i < VARSIZE_ANY_EXHDR(name); i++)
	{
		char c = VARDATA_ANY(name)[i];

		if (c == ' ' || c == '_' || c == '.')
			continue;
		if (length == sizeof(plain) - 1)
			return NULL;
		plain[length++] = pg_ascii_tolower(c);
	}
	plain[length] = '\0';
	for (int i = 0; i < lengthof(units); i++)
		if (strcmp(units[i].name, plain) == 0)
			return &units[i];
	return NULL;
}

/* mls.convert_unit(value, from_unit, to_unit) */
Datum
mls_convert_unit(PG_FUNCTION_ARGS)
{
	const Unit *from = find_unit(PG_GETARG_TEXT_PP(1));
	const Unit *to = find_unit(PG_GETARG_TEXT_PP(2));
	Datum value = PG_GETARG_DATUM(0);

	if (from == NULL || to == NULL || from->dimension != to->dimension)
		PG_RETURN_NULL();
	if (from != to)
	{
		value = DirectFunctionCall2(numeric_mul, value, numeric_of(from->factor));
		value = DirectFunctionCall2(numeric_div, value, numeric_of(to->factor));
		value = DirectFunctionCall2(numeric_round, value, Int32GetDatum(DIGITS));
	}
	PG_RETURN_DATUM(value);
}
