/*
 * odata_row.c
 *		mls.odata(): a row as an OData JSON object.
 *
 * row_to_json() looks up how to write each value and escapes each name again, and
 * writes what OData does not know ("infinity", null for an empty collection, offsets
 * of the session's time zone).  Here names are escaped and writers chosen once for a
 * type of row, and kept with the function's call.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "compat.h"
#include "consumer/consumer.h"

PG_FUNCTION_INFO_V1(mls_odata_sql);

struct Column;
typedef void (*Writer)(StringInfo out, Datum value, struct Column *column, bool as_text);

/* How a column is written. */
typedef struct Column
{
	char *name; /* with quotes and colon, and a comma before it; NULL: a dropped one */
	int length;
	Writer write;
	char *null; /* the same with what stands for NULL */
	int null_length;
	FmgrInfo output; /* of types that we do not know */
	/* Elements of an array. */
	Oid element;
	Writer write_element;
	int16 element_length;
	bool element_byval;
	char element_align;
} Column;

/* Kept for the calls of a statement. */
typedef struct Shape
{
	MemoryContext memory;
	TupleDesc desc;
	Column *columns;
	Datum *values;
	bool *isnull;
	int expected; /* bytes of an average object */
} Shape;

/* ---- Values ---- */

void
mls_json_string(StringInfo out, const char *text, int length)
{
	const char *end = text + length;
	const char *from = text;

	appendStringInfoChar(out, '"');
	for (; text < end; text++)
	{
		unsigned char c = *text;

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		appendBinaryStringInfo(out, from, text - from);
		from = text + 1;
		switch (c)
		{
			case '"':
				appendStringInfoString(out, "\\\"");
				break;
			case '\\':
				appendStringInfoString(out, "\\\\");
				break;
			case '\n':
				appendStringInfoString(out, "\\n");
				break;
			case '\r':
				appendStringInfoString(out, "\\r");
				break;
			case '\t':
				appendStringInfoString(out, "\\t");
				break;
			default:
				appendStringInfo(out, "\\u%04x", c);
		}
	}
	appendBinaryStringInfo(out, from, text - from);
	appendStringInfoChar(out, '"');
}

static void
write_text(StringInfo out, Datum value, Column *column, bool as_text)
{
	text *string = DatumGetTextPP(value);

	mls_json_string(out, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
}

static void
write_name(StringInfo out, Datum value, Column *column, bool as_text)
{
	const char *name = NameStr(*DatumGetName(value));

	mls_json_string(out, name, strlen(name));
}

static void
write_bool(StringInfo out, Datum value, Column *column, bool as_text)
{
	appendStringInfoString(out, DatumGetBool(value) ? "true" : "false");
}

static void
write_int2(StringInfo out, Datum value, Column *column, bool as_text)
{
	char digits[12];

	appendBinaryStringInfo(out, digits, pg_ltoa(DatumGetInt16(value), digits));
}

static void
write_int4(StringInfo out, Datum value, Column *column, bool as_text)
{
	char digits[12];

	appendBinaryStringInfo(out, digits, pg_ltoa(DatumGetInt32(value), digits));
}

/* With IEEE754Compatible, numbers that a double may not hold are strings. */
static void
write_number(StringInfo out, const char *number, int length, bool as_text)
{
	if (as_text)
		appendStringInfoChar(out, '"');
	appendBinaryStringInfo(out, number, length);
	if (as_text)
		appendStringInfoChar(out, '"');
}

static void
write_int8(StringInfo out, Datum value, Column *column, bool as_text)
{
	char digits[MAXINT8LEN + 1];
	int length = pg_lltoa(DatumGetInt64(value), digits);

	write_number(out, digits, length, as_text);
}

/* Edm.Decimal has no infinity, and no NaN. */
static void
write_numeric(StringInfo out, Datum value, Column *column, bool as_text)
{
	char *digits = DatumGetCString(DirectFunctionCall1(numeric_out, value));

	if (*digits == 'N' || *digits == 'I' || digits[1] == 'I')
		appendStringInfoString(out, "null");
	else
		write_number(out, digits, strlen(digits), as_text);
	pfree(digits);
}

static void
write_float8(StringInfo out, Datum value, Column *column, bool as_text)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];
	double number = DatumGetFloat8(value);

	if (isnan(number))
		appendStringInfoString(out, "\"NaN\"");
	else if (isinf(number))
		appendStringInfoString(out, number > 0 ? "\"INF\"" : "\"-INF\"");
	else
		appendBinaryStringInfo(out, digits, double_to_shortest_decimal_buf(number, digits));
}

static void
write_float4(StringInfo out, Datum value, Column *column, bool as_text)
{
	char digits[FLOAT_SHORTEST_DECIMAL_LEN];
	float number = DatumGetFloat4(value);

	if (isnan(number))
		appendStringInfoString(out, "\"NaN\"");
	else if (isinf(number))
		appendStringInfoString(out, number > 0 ? "\"INF\"" : "\"-INF\"");
	else
		appendBinaryStringInfo(out, digits, float_to_shortest_decimal_buf(number, digits));
}

/* ---- Dates and times ---- */

static char *
two_digits(char *at, int n)
{
	*at++ = '0' + n / 10 % 10;
	*at++ = '0' + n % 10;
	return at;
}

/* Years before 1 are counted through zero, as ISO 8601 does. */
static char *
put_date(char *at, int year, int month, int day)
{
	if (year >= 0 && year <= 9999)
		at = two_digits(two_digits(at, year / 100), year % 100);
	else
		at += sprintf(at, "%s%04d", year < 0 ? "-" : "", abs(year));
	*at++ = '-';
	at = two_digits(at, month);
	*at++ = '-';
	return two_digits(at, day);
}

/* Without zeros at the end of the fraction. */
static char *
put_time(char *at, int hour, int minute, int second, int micros)
{
	at = two_digits(at, hour);
	*at++ = ':';
	at = two_digits(at, minute);
	*at++ = ':';
	at = two_digits(at, second);
	if (micros == 0)
		return at;
	*at++ = '.';
	for (int unit = 100000; micros > 0; micros %= unit, unit /= 10)
	{
		*at++ = '0' + micros / unit;
		if (unit == 1)
			break;
	}
	return at;
}

static void
write_date(StringInfo out, Datum value, Column *column, bool as_text)
{
	DateADT date = DatumGetDateADT(value);
	char text[32] = "\"";
	char *at = text + 1;
	int year, month, day;

	if (DATE_NOT_FINITE(date))
	{
		appendStringInfoString(out, "null");
		return;
	}
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	at = put_date(at, year, month, day);
	*at++ = '"';
	appendBinaryStringInfo(out, text, at - text);
}

/* Those without a zone are taken for UTC. */
static void
write_timestamp(StringInfo out, Datum value, Column *column, bool as_text)
{
	Timestamp timestamp = DatumGetTimestamp(value);
	char text[48] = "\"";
	char *at = text + 1;
	struct pg_tm tm;
	fsec_t micros;

	if (TIMESTAMP_NOT_FINITE(timestamp) ||
		timestamp2tm(timestamp, NULL, &tm, &micros, NULL, NULL) != 0)
	{
		appendStringInfoString(out, "null");
		return;
	}
	at = put_date(at, tm.tm_year, tm.tm_mon, tm.tm_mday);
	*at++ = 'T';
	at = put_time(at, tm.tm_hour, tm.tm_min, tm.tm_sec, micros);
	*at++ = 'Z';
	*at++ = '"';
	appendBinaryStringInfo(out, text, at - text);
}

static void
write_time(StringInfo out, Datum value, Column *column, bool as_text)
{
	TimeADT time = DatumGetTimeADT(value);
	int64 seconds;
	char text[24] = "\"";
	char *at = text + 1;

	/* The end of a day is none of the times that Edm.TimeOfDay has. */
	if (time >= USECS_PER_DAY)
		time = USECS_PER_DAY - 1;
	seconds = time / USECS_PER_SEC;
	at = put_time(at, seconds / 3600, seconds / 60 % 60, seconds % 60, time % USECS_PER_SEC);
	*at++ = '"';
	appendBinaryStringInfo(out, text, at - text);
}

/* ---- Other types ---- */

static void
write_uuid(StringInfo out, Datum value, Column *column, bool as_text)
{
	char *text = DatumGetCString(DirectFunctionCall1(uuid_out, value));

	mls_json_string(out, text, strlen(text));
	pfree(text);
}

static void
write_json(StringInfo out, Datum value, Column *column, bool as_text)
{
	text *json = DatumGetTextPP(value);

	appendBinaryStringInfo(out, VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json));
}

static void
write_jsonb(StringInfo out, Datum value, Column *column, bool as_text)
{
	Jsonb *json = DatumGetJsonbP(value);

	(void) JsonbToCString(out, &json->root, VARSIZE(json));
}

/* Base64 with the letters of URLs and without padding. */
static void
write_bytea(StringInfo out, Datum value, Column *column, bool as_text)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	bytea *bytes = DatumGetByteaPP(value);
	const unsigned char *at = (const unsigned char *) VARDATA_ANY(bytes);
	int left = VARSIZE_ANY_EXHDR(bytes);

	enlargeStringInfo(out, left / 3 * 4 + 8);
	appendStringInfoChar(out, '"');
	for (; left > 0; at += 3, left -= 3)
	{
		uint32 bits = at[0] << 16 | (left > 1 ? at[1] << 8 : 0) | (left > 2 ? at[2] : 0);

		appendStringInfoChar(out, letters[bits >> 18]);
		appendStringInfoChar(out, letters[bits >> 12 & 63]);
		if (left > 1)
			appendStringInfoChar(out, letters[bits >> 6 & 63]);
		if (left > 2)
			appendStringInfoChar(out, letters[bits & 63]);
	}
	appendStringInfoChar(out, '"');
}

static void
write_other(StringInfo out, Datum value, Column *column, bool as_text)
{
	char *text = OutputFunctionCall(&column->output, value);

	mls_json_string(out, text, strlen(text));
	pfree(text);
}

/* Whatever its dimensions: a collection has one. */
static void
write_array(StringInfo out, Datum value, Column *column, bool as_text)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	Datum *elements;
	bool *isnull;
	int n;

	deconstruct_array(array, column->element, column->element_length, column->element_byval,
					  column->element_align, &elements, &isnull, &n);
	appendStringInfoChar(out, '[');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, ',');
		if (isnull[i])
			appendStringInfoString(out, "null");
		else
			column->write_element(out, elements[i], column, as_text);
	}
	appendStringInfoChar(out, ']');
	pfree(elements);
	pfree(isnull);
}

static Writer
writer_of(Oid type)
{
	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return write_text;
		case NAMEOID:
			return write_name;
		case BOOLOID:
			return write_bool;
		case INT2OID:
			return write_int2;
		case INT4OID:
			return write_int4;
		case INT8OID:
			return write_int8;
		case NUMERICOID:
			return write_numeric;
		case FLOAT4OID:
			return write_float4;
		case FLOAT8OID:
			return write_float8;
		case DATEOID:
			return write_date;
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			return write_timestamp;
		case TIMEOID:
			return write_time;
		case UUIDOID:
			return write_uuid;
		case JSONOID:
			return write_json;
		case JSONBOID:
			return write_jsonb;
		case BYTEAOID:
			return write_bytea;
		default:
			return write_other;
	}
}

static void
prepare_output(Column *column, Oid type, MemoryContext memory)
{
	Oid function;
	bool varlena;

	getTypeOutputInfo(type, &function, &varlena);
	fmgr_info_cxt(function, &column->output, memory);
}

/* How values of a type are written. */
static void
prepare_writer(Column *column, Oid type, Oid element, MemoryContext memory)
{
	if (OidIsValid(element))
	{
		column->write = write_array;
		column->element = element;
		column->write_element = writer_of(getBaseType(element));
		get_typlenbyvalalign(element, &column->element_length, &column->element_byval,
							 &column->element_align);
		if (column->write_element == write_other)
			prepare_output(column, element, memory);
		return;
	}
	column->write = writer_of(type);
	if (column->write == write_other)
		prepare_output(column, type, memory);
}

/* Whatever is no number, list or JSON comes in quotes; texts escaped. */
void
mls_odata_value(StringInfo out, Oid type, Datum value)
{
	Column column = {0};

	type = getBaseType(type);
	prepare_writer(&column, type, get_element_type(type), CurrentMemoryContext);
	column.write(out, value, &column, false);
}

/* ---- Rows ---- */

static void
prepare_column(Column *column, Form_pg_attribute att, bool first, MemoryContext memory)
{
	Oid type = getBaseType(att->atttypid);
	Oid element = get_element_type(type);
	StringInfoData name;

	initStringInfo(&name);
	if (!first)
		appendStringInfoChar(&name, ',');
	mls_json_string(&name, NameStr(att->attname), strlen(NameStr(att->attname)));
	appendStringInfoChar(&name, ':');
	column->name = pnstrdup(name.data, name.len);
	column->length = name.len;
	appendStringInfoString(&name, OidIsValid(element) ? "[]" : "null");
	column->null = name.data;
	column->null_length = name.len;
	prepare_writer(column, type, element, memory);
}

static Shape *
shape_of(FunctionCallInfo fcinfo, HeapTupleHeader row)
{
	Shape *shape = fcinfo->flinfo->fn_extra;
	MemoryContext memory;
	MemoryContext before;
	TupleDesc desc;
	bool first = true;

	if (shape != NULL && shape->desc->tdtypeid == HeapTupleHeaderGetTypeId(row) &&
		shape->desc->tdtypmod == HeapTupleHeaderGetTypMod(row))
		return shape;
	fcinfo->flinfo->fn_extra = NULL;
	if (shape != NULL)
		MemoryContextDelete(shape->memory);
	memory =
		AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "mls.odata() row", ALLOCSET_SMALL_SIZES);
	before = MemoryContextSwitchTo(memory);
	shape = palloc0(sizeof(Shape));
	shape->memory = memory;
	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	shape->desc = CreateTupleDescCopy(desc);
	ReleaseTupleDesc(desc);
	shape->columns = palloc0(shape->desc->natts * sizeof(Column));
	shape->values = palloc(shape->desc->natts * sizeof(Datum));
	shape->isnull = palloc(shape->desc->natts * sizeof(bool));
	shape->expected = 200;
	for (int i = 0; i < shape->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(shape->desc, i);

		if (att->attisdropped)
			continue;
		prepare_column(&shape->columns[i], att, first, memory);
		shape->expected += shape->columns[i].length + 8;
		first = false;
	}
	MemoryContextSwitchTo(before);
	fcinfo->flinfo->fn_extra = shape;
	return shape;
}

static bool
write_row(StringInfo out, Shape *shape, HeapTupleHeader row, bool as_text)
{
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};
	bool any = false;

	heap_deform_tuple(&tuple, shape->desc, shape->values, shape->isnull);
	for (int i = 0; i < shape->desc->natts; i++)
	{
		Column *column = &shape->columns[i];

		if (column->name == NULL)
			continue;
		any = true;
		if (shape->isnull[i])
		{
			appendBinaryStringInfo(out, column->null, column->null_length);
			continue;
		}
		appendBinaryStringInfo(out, column->name, column->length);
		column->write(out, shape->values[i], column, as_text);
	}
	return any;
}

/* Pairs of a name and JSON as it is; those without JSON are left out. */
static void
write_fragments(StringInfo out, ArrayType *fragments, bool any)
{
	Datum *values;
	bool *isnull;
	int n;

	deconstruct_array(fragments, TEXTOID, -1, false, TYPALIGN_INT, &values, &isnull, &n);
	if (n % 2 != 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("fragments of mls.odata() are pairs of a name and JSON"));
	for (int i = 0; i < n; i += 2)
	{
		text *name;
		text *json;

		if (isnull[i] || isnull[i + 1])
			continue;
		name = DatumGetTextPP(values[i]);
		json = DatumGetTextPP(values[i + 1]);
		if (VARSIZE_ANY_EXHDR(json) == 0)
			continue;
		if (any)
			appendStringInfoChar(out, ',');
		any = true;
		mls_json_string(out, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
		appendStringInfoChar(out, ':');
		appendBinaryStringInfo(out, VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json));
	}
}

/* mls.odata(row, ieee754, fragments); NULL of no row. */
Datum
mls_odata_sql(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row;
	Shape *shape;
	StringInfoData out;
	bool any;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	row = PG_GETARG_HEAPTUPLEHEADER(0);
	shape = shape_of(fcinfo, row);
	initStringInfo(&out);
	enlargeStringInfo(&out, shape->expected);
	appendStringInfoSpaces(&out, VARHDRSZ);
	appendStringInfoChar(&out, '{');
	any = write_row(&out, shape, row, !PG_ARGISNULL(1) && PG_GETARG_BOOL(1));
	if (PG_NARGS() > 2 && !PG_ARGISNULL(2))
		write_fragments(&out, PG_GETARG_ARRAYTYPE_P(2), any);
	appendStringInfoChar(&out, '}');
	/* The next one will be about as long. */
	shape->expected = Min(out.len + out.len / 8, 1024 * 1024);
	SET_VARSIZE(out.data, out.len);
	PG_RETURN_TEXT_P((text *) out.data);
}
