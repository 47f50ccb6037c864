/*
 * convert.c
 *		Field slices as values of SQL types.
 *
 * One function per kind of type, found once per column.  None goes through an
 * input function where that costs (they need a terminated copy of the text) or
 * raises errors.  A value that does not fit is reported by a reason, never by an
 * error: one bad value must not stop a page.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "compat.h"
#include "record/slice.h"

/* Longest number read; a decimal of a listing has a dozen digits, a hostile one a megabyte. */
#define MAX_NUMBER_LENGTH 1000

/* So many digits fit into 64 bits, whatever they are. */
#define SHORT_DIGITS 18

/* Largest exponent: the result has at most as many digits. */
#define MAX_EXPONENT 1000

/* jsonb keeps a length in 28 bits. */
#define MAX_JSONB_LENGTH 0x0FFFFFFF

static bool
equals(const char *text, int length, const char *word)
{
	return length == strlen(word) && pg_strncasecmp(text, word, length) == 0;
}

/* ---- text ---- */

/* Text of a slice as a varlena value; escapes are decoded straight into it. */
static text *
slice_varlena(const MlsSlice *slice)
{
	bool is_string = slice->kind == MLS_STRING;
	const char *raw = slice->value + is_string;
	int length = slice->value_length - 2 * is_string;
	text *result = palloc(VARHDRSZ + length);

	if (is_string && slice->escaped)
		length = mls_json_decode(raw, length, VARDATA(result));
	else
		memcpy(VARDATA(result), raw, length);
	SET_VARSIZE(result, VARHDRSZ + length);
	return result;
}

static const char *
convert_text(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	*value = PointerGetDatum(slice_varlena(slice));
	return NULL;
}

/* varchar(n) and char(n): what is longer, trailing blanks aside, does not fit. */
static const char *
convert_limited(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	text *content = slice_varlena(slice);
	int limit = target->typmod - VARHDRSZ;
	int length = VARSIZE(content) - VARHDRSZ;
	int chars;

	*value = PointerGetDatum(content);
	if (target->typmod < (int32) VARHDRSZ)
		return NULL;
	chars = pg_mbstrlen_with_len(VARDATA(content), length);
	while (chars > limit && VARDATA(content)[length - 1] == ' ')
	{
		length--;
		chars--;
	}
	if (chars > limit)
		return "is too long";
	SET_VARSIZE(content, VARHDRSZ + length);
	if (target->type == BPCHAROID && chars < limit)
	{
		content = repalloc(content, VARHDRSZ + length + limit - chars);
		memset(VARDATA(content) + length, ' ', limit - chars);
		SET_VARSIZE(content, VARHDRSZ + length + limit - chars);
		*value = PointerGetDatum(content);
	}
	return NULL;
}

/* ---- numbers ---- */

/* Is this a decimal number whose value cannot be excessive? */
static const char *
check_number(const char *text, int length)
{
	const char *s = text;
	const char *end = text + length;
	bool any = false;
	int exponent = 0;

	if (length > MAX_NUMBER_LENGTH)
		return "has too many digits";
	if (s < end && (*s == '-' || *s == '+'))
		s++;
	for (; s < end && *s >= '0' && *s <= '9'; s++)
		any = true;
	if (s < end && *s == '.')
		for (s++; s < end && *s >= '0' && *s <= '9'; s++)
			any = true;
	if (any && s < end && (*s == 'e' || *s == 'E'))
	{
		s++;
		if (s < end && (*s == '-' || *s == '+'))
			s++;
		any = s < end;
		for (; s < end && *s >= '0' && *s <= '9'; s++)
			exponent = Min(exponent * 10 + (*s - '0'), MAX_EXPONENT + 1);
	}
	if (!any || s != end)
		return "is not a number";
	return exponent > MAX_EXPONENT ? "is out of range" : NULL;
}

/* Content of a number, or of a string that should hold one, terminated. */
static const char *
number_text(const MlsSlice *slice, char *buf, Size size, char **text)
{
	int length;
	const char *content;

	if (slice->kind != MLS_NUMBER && slice->kind != MLS_STRING)
		return "is not a number";
	content = mls_slice_content(slice, &length);
	*text = length < size ? buf : palloc(length + 1);
	memcpy(*text, content, length);
	(*text)[length] = '\0';
	return check_number(content, length);
}

/*
 * Applies numeric(p,s) as the type does (rounding to the scale), but says so when
 * the number has too many digits before the point.
 */
static const char *
limit_numeric(const MlsTarget *target, Datum *value)
{
	int scale = (((target->typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	Datum rounded;

	rounded = DirectFunctionCall2(numeric_round, *value, Int32GetDatum(scale));
	if (DatumGetBool(DirectFunctionCall2(numeric_ge, DirectFunctionCall1(numeric_abs, rounded),
										 target->limit)))
		return "is out of range";
	*value = DirectFunctionCall2(numeric, rounded, Int32GetDatum(target->typmod));
	return NULL;
}

/* A number without exponent that 64 bits hold, as nearly all are; false if it is none. */
static bool
short_numeric(const MlsSlice *slice, Datum *value)
{
	int length;
	const char *s = mls_slice_content(slice, &length);
	const char *end = s + length;
	bool negative = length > 0 && *s == '-';
	bool point = false;
	int digits = 0;
	int scale = 0;
	int64 number = 0;

	if (length > SHORT_DIGITS + 2)
		return false;
	for (s += negative; s < end; s++)
	{
		if (*s == '.' && !point)
		{
			point = true;
			continue;
		}
		if (*s < '0' || *s > '9' || ++digits > SHORT_DIGITS)
			return false;
		number = number * 10 + (*s - '0');
		scale += point;
	}
	if (digits > 0)
		*value = NumericGetDatum(int64_div_fast_to_numeric(negative ? -number : number, scale));
	return digits > 0;
}

/* The same of any number; why it is none. */
static const char *
long_numeric(const MlsSlice *slice, Datum *value)
{
	char buf[64];
	char *text;
	const char *reason = number_text(slice, buf, sizeof(buf), &text);

	if (reason)
		return reason;
	*value = DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
								 Int32GetDatum(-1));
	return NULL;
}

static const char *
convert_numeric(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	bool is_number = slice->kind == MLS_NUMBER || slice->kind == MLS_STRING;
	const char *reason =
		is_number && short_numeric(slice, value) ? NULL : long_numeric(slice, value);

	if (reason)
		return reason;
	return target->typmod < (int32) VARHDRSZ ? NULL : limit_numeric(target, value);
}

static const char *
convert_integer(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	const char *content;
	const char *reason;
	int64 number;
	int length;

	if (slice->kind != MLS_NUMBER && slice->kind != MLS_STRING)
		return "is not a number";
	content = mls_slice_content(slice, &length);
	reason = mls_parse_int64(content, length, &number);
	if (reason)
		return reason;
	if (target->type == INT8OID)
		*value = Int64GetDatum(number);
	else if (target->type == INT4OID && number == (int32) number)
		*value = Int32GetDatum((int32) number);
	else if (target->type == INT2OID && number == (int16) number)
		*value = Int16GetDatum((int16) number);
	else
		return "is out of range";
	return NULL;
}

/*
 * OData spells infinity INF, in a string; PostgreSQL's spelling is taken as well.
 * NaN is no value here: PostgreSQL has it above all numbers, a source below none
 * and above none, so that neither could answer for the other.
 */
static bool
special_float(const MlsSlice *slice, double *number)
{
	const char *content;
	int length;
	bool negative;

	if (slice->kind != MLS_STRING)
		return false;
	content = mls_slice_content(slice, &length);
	negative = length > 0 && *content == '-';
	content += negative;
	length -= negative;
	*number = negative ? -INFINITY : INFINITY;
	return equals(content, length, "INF") || equals(content, length, "Infinity");
}

static const char *
convert_float(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	char buf[64];
	char *text;
	const char *reason;
	double number;

	if (!special_float(slice, &number))
	{
		reason = number_text(slice, buf, sizeof(buf), &text);
		if (reason)
			return reason;
		/* Each width is read by itself: rounding twice can differ in the last bit. */
		number = target->type == FLOAT4OID ? strtof(text, NULL) : strtod(text, NULL);
		if (isinf(number))
			return "is out of range";
	}
	*value = target->type == FLOAT4OID ? Float4GetDatum((float4) number) : Float8GetDatum(number);
	return NULL;
}

static const char *
convert_boolean(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	static const char *const yes[] = {"true", "1", "y", "yes", "t"};
	static const char *const no[] = {"false", "0", "n", "no", "f"};
	const char *content;
	int length;

	if (slice->kind == MLS_BOOLEAN)
	{
		*value = BoolGetDatum(*slice->value == 't');
		return NULL;
	}
	content = mls_slice_content(slice, &length);
	for (int i = 0; i < lengthof(yes); i++)
		if (equals(content, length, yes[i]) || equals(content, length, no[i]))
		{
			*value = BoolGetDatum(equals(content, length, yes[i]));
			return NULL;
		}
	return "is not a boolean";
}

/* ---- dates and times ---- */

/* Fraction digits a time or timestamp column keeps. */
static int
kept_digits(const MlsTarget *target)
{
	return target->typmod >= 0 ? Min(target->typmod, 6) : 6;
}

static const char *
convert_date(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	DateADT date;
	int length;
	const char *content = mls_slice_content(slice, &length);

	if (slice->kind != MLS_STRING || !mls_parse_date(content, length, &date))
		return "is not a date";
	*value = DateADTGetDatum(date);
	return NULL;
}

/*
 * timestamp keeps the wall clock as the source wrote it, offset or not;
 * timestamptz is the instant.
 */
static const char *
convert_timestamp(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	Timestamp timestamp;
	int length;
	const char *content = mls_slice_content(slice, &length);

	if (slice->kind != MLS_STRING ||
		!mls_parse_timestamp(content, length, target->zone, target->type == TIMESTAMPOID,
							 kept_digits(target), &timestamp))
		return "is not a date-time";
	*value = TimestampGetDatum(timestamp);
	return NULL;
}

static const char *
convert_time(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	TimeADT time;
	int length;
	const char *content = mls_slice_content(slice, &length);

	if (slice->kind != MLS_STRING || !mls_parse_time(content, length, kept_digits(target), &time))
		return "is not a time of day";
	*value = TimeADTGetDatum(time);
	return NULL;
}

/* ---- others ---- */

static const char *
convert_uuid(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	pg_uuid_t *uuid = palloc0(sizeof(pg_uuid_t));
	int ndigits = 0;
	int length;
	const char *content = mls_slice_content(slice, &length);

	if (slice->kind != MLS_STRING)
		return "is not a uuid";
	if (length > 2 && content[0] == '{' && content[length - 1] == '}')
	{
		content++;
		length -= 2;
	}
	for (int i = 0; i < length; i++)
	{
		char c = content[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
					: c >= 'a' && c <= 'f' ? c - 'a' + 10
					: c >= 'A' && c <= 'F' ? c - 'A' + 10
										   : -1;

		if (c == '-' && i > 0)
			continue;
		if (digit < 0 || ndigits == 2 * UUID_LEN)
			return "is not a uuid";
		uuid->data[ndigits / 2] |= digit << (ndigits % 2 ? 0 : 4);
		ndigits++;
	}
	if (ndigits != 2 * UUID_LEN)
		return "is not a uuid";
	*value = UUIDPGetDatum(uuid);
	return NULL;
}

static const char *
convert_json(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	*value = PointerGetDatum(cstring_to_text_with_len(slice->value, slice->value_length));
	return NULL;
}

/*
 * jsonb has limits that JSON has not (lengths, numbers), and its constructor
 * reports them as errors.  It holds nothing but memory, so they can be caught
 * here; what is no fault of the data goes on.
 */
static const char *
convert_jsonb(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	MemoryContext context = CurrentMemoryContext;
	char *volatile text = NULL;
	volatile bool failed = false;

	if (slice->value_length > MAX_JSONB_LENGTH)
		return "is too large for jsonb";
	PG_TRY();
	{
		text = pnstrdup(slice->value, slice->value_length);
		*value = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
			ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			PG_RE_THROW();
		FlushErrorState();
		FreeErrorData(error);
		failed = true;
	}
	PG_END_TRY();
	pfree(text);
	return failed ? "does not fit into jsonb" : NULL;
}

/* Bytes as PostgreSQL writes them: \xdeadbeef. */
static const char *
convert_bytes(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	int length;
	const char *content = mls_slice_content(slice, &length);
	bytea *bytes;

	if (slice->kind != MLS_STRING || length < 2 || length % 2 != 0 || content[0] != '\\' ||
		content[1] != 'x' || strspn(content + 2, "0123456789abcdefABCDEF") < length - 2)
		return "is not bytes in hexadecimal digits, as \\x00ff";
	bytes = palloc(VARHDRSZ + (length - 2) / 2);
	SET_VARSIZE(bytes, VARHDRSZ + hex_decode(content + 2, length - 2, VARDATA(bytes)));
	*value = PointerGetDatum(bytes);
	return NULL;
}

/* ---- collections, and lists in one string, as arrays ---- */

typedef struct Elements
{
	Datum *values;
	bool *nulls;
	int count;
	int room;
} Elements;

static void
add_element(Elements *elements, Datum value, bool isnull)
{
	if (elements->count == elements->room)
	{
		elements->room = Max(16, elements->room * 2);
		elements->values = elements->values
							   ? repalloc(elements->values, elements->room * sizeof(Datum))
							   : palloc(elements->room * sizeof(Datum));
		elements->nulls =
			elements->nulls ? repalloc(elements->nulls, elements->room) : palloc(elements->room);
	}
	elements->values[elements->count] = value;
	elements->nulls[elements->count++] = isnull;
}

/*
 * An item in quotes, which may hold commas; quotes in it are doubled.  Returns where
 * it ends, or NULL if it is none: quotes that begin an item may be part of it.
 */
static const char *
split_quoted(const char *s, const char *end, Elements *elements)
{
	char *item = palloc(end - s);
	int length = 0;

	for (s++; s < end; s++)
	{
		if (*s == '"' && (s + 1 == end || s[1] != '"'))
			break;
		s += *s == '"';
		item[length++] = *s;
	}
	if (s == end)
		return NULL;
	for (s++; s < end && *s == ' ';)
		s++;
	if (s < end && *s != ',')
		return NULL;
	if (length > 0)
		add_element(elements, PointerGetDatum(cstring_to_text_with_len(item, length)), false);
	return s;
}

/* A list in one string ("Pool,Spa"), as multiple values travel where there are no collections. */
static void
split_list(const MlsSlice *slice, Elements *elements)
{
	int length;
	const char *s = mls_slice_content(slice, &length);
	const char *end = s + length;

	while (s < end)
	{
		const char *comma = memchr(s, ',', end - s);
		const char *next = comma ? comma : end;
		const char *last = next;
		const char *quoted_end = NULL;

		while (s < last && *s == ' ')
			s++;
		if (s < last && *s == '"')
			quoted_end = split_quoted(s, end, elements);
		if (quoted_end)
		{
			s = quoted_end + 1;
			continue;
		}
		while (last > s && last[-1] == ' ')
			last--;
		if (last > s)
			add_element(elements, PointerGetDatum(cstring_to_text_with_len(s, last - s)), false);
		s = next + 1;
	}
}

/*
 * A list of strings without escapes and nulls, which nearly all lists are, is
 * written as text[] without a value per element.  NULL if there is anything else.
 */
static ArrayType *
plain_text_array(const MlsSlice *slice)
{
	const char *s = slice->value + 1;
	const char *end = slice->value + slice->value_length - 1;
	/* An element of n bytes has n + 3 of JSON with quotes and comma, at most n + 7 here. */
	ArrayType *array = palloc(ARR_OVERHEAD_NONULLS(1) + 3 * slice->value_length);
	char *out = (char *) array + ARR_OVERHEAD_NONULLS(1);
	int count = 0;

	for (; s < end; s++)
	{
		const char *start = s + 1;
		int length;

		if (*s != '"')
		{
			if (*s == ',' || *s == ' ' || *s == '\n' || *s == '\r' || *s == '\t')
				continue;
			pfree(array);
			return NULL;
		}
		s = memchr(start, '"', end - start);
		length = s - start;
		SET_VARSIZE(out, VARHDRSZ + length);
		memcpy(out + VARHDRSZ, start, length);
		/* Padding is compared with the rest, so it has to be zero. */
		memset(out + VARHDRSZ + length, 0, INTALIGN(length) - length);
		out += VARHDRSZ + INTALIGN(length);
		count++;
	}
	SET_VARSIZE(array, out - (char *) array);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = TEXTOID;
	ARR_DIMS(array)[0] = count;
	ARR_LBOUND(array)[0] = 1;
	return count > 0 ? array : construct_empty_array(TEXTOID);
}

static const char *
convert_array(const MlsTarget *target, const MlsSlice *slice, Datum *value)
{
	const MlsTarget *of = target->element;
	Elements elements = {0};
	const char *position = NULL;
	MlsSlice element;

	if (slice->kind == MLS_ARRAY && of->type == TEXTOID && !slice->escaped)
	{
		ArrayType *array = plain_text_array(slice);

		*value = PointerGetDatum(array);
		if (array)
			return NULL;
	}
	if (slice->kind == MLS_STRING && of->type == TEXTOID)
		split_list(slice, &elements);
	else if (slice->kind != MLS_ARRAY)
		return "is not a list";
	else
		while (mls_array_next(slice, &position, &element))
		{
			bool isnull = element.kind == MLS_NULL;
			Datum item = (Datum) 0;
			const char *reason = isnull ? NULL : of->convert(of, &element, &item);

			if (reason)
				return reason;
			add_element(&elements, item, isnull);
		}
	if (elements.count == 0)
		*value = PointerGetDatum(construct_empty_array(of->type));
	else
	{
		int lower = 1;

		*value = PointerGetDatum(construct_md_array(elements.values, elements.nulls, 1,
													&elements.count, &lower, of->type, of->length,
													of->by_value, of->align));
	}
	return NULL;
}

/* ---- which for what ---- */

static const struct
{
	Oid type;
	MlsConvert convert;
} converters[] = {
	{TEXTOID, convert_text},
	{VARCHAROID, convert_limited},
	{BPCHAROID, convert_limited},
	{NUMERICOID, convert_numeric},
	{INT2OID, convert_integer},
	{INT4OID, convert_integer},
	{INT8OID, convert_integer},
	{FLOAT4OID, convert_float},
	{FLOAT8OID, convert_float},
	{BOOLOID, convert_boolean},
	{DATEOID, convert_date},
	{TIMESTAMPOID, convert_timestamp},
	{TIMESTAMPTZOID, convert_timestamp},
	{TIMEOID, convert_time},
	{UUIDOID, convert_uuid},
	{BYTEAOID, convert_bytes},
	{JSONOID, convert_json},
	{JSONBOID, convert_jsonb},
};

const char *
mls_target_types(void)
{
	return "text, varchar, char, numeric, smallint, integer, bigint, real, double precision, "
		   "boolean, date, timestamp, timestamptz, time, uuid, bytea, json, jsonb";
}

/* 10 ^ (precision - scale) of a numeric type modifier. */
static Datum
numeric_limit(int32 typmod)
{
	int precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	int scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;

	return DirectFunctionCall3(numeric_in, CStringGetDatum(psprintf("1e%d", precision - scale)),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

bool
mls_target_init(MlsTarget *target, Oid type, int32 typmod, pg_tz *zone)
{
	Oid element = get_element_type(type);

	memset(target, 0, sizeof(MlsTarget));
	target->type = type;
	target->typmod = typmod;
	target->zone = zone;
	if (OidIsValid(element))
	{
		target->convert = convert_array;
		target->element = palloc(sizeof(MlsTarget));
		if (OidIsValid(get_element_type(element)) ||
			!mls_target_init(target->element, element, typmod, zone))
			return false;
		get_typlenbyvalalign(element, &target->element->length, &target->element->by_value,
							 &target->element->align);
		return true;
	}
	for (int i = 0; i < lengthof(converters); i++)
		if (converters[i].type == type)
			target->convert = converters[i].convert;
	if (type == NUMERICOID && typmod >= (int32) VARHDRSZ)
		target->limit = numeric_limit(typmod);
	return target->convert != NULL;
}
