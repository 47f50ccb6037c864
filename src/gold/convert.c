/*
 * convert.c
 *		Text as other types, without errors: what is no value is NULL; and binary
 *		fractions as the decimals they were written as.
 *
 * A feed that declares a number as text may say anything in it.  A text is read
 * as a record's string would be for a column of the type, so it does not matter
 * to gold how the feed declared the field.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "compat.h"
#include "record/slice.h"

PG_FUNCTION_INFO_V1(mls_exact_numeric);
PG_FUNCTION_INFO_V1(mls_exact_numeric_real);
PG_FUNCTION_INFO_V1(mls_try_numeric);
PG_FUNCTION_INFO_V1(mls_try_bigint);
PG_FUNCTION_INFO_V1(mls_try_boolean);
PG_FUNCTION_INFO_V1(mls_try_date);
PG_FUNCTION_INFO_V1(mls_try_timestamptz);

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

/*
 * The shortest decimal that reads back as the same number: what the source wrote,
 * as a rule.  PostgreSQL's cast keeps 15 digits of the 17 that can be needed.
 */
static Datum
numeric_of(char *digits)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

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
