/*
 * conversion.c
 *		The SQL that turns a column of silver into a type of gold.
 *
 * Feeds declare types of their own: a number as text, a date as date-time.  Each
 * pair of types that can be bridged stands in one table; its SQL cannot fail,
 * whatever the value.  Pairs that are not in it are not bridged.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "gold/map.h"

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
