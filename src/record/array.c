/*
 * array.c
 *		Collections, and lists in one string, as arrays.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "record/slice.h"

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

const char *
mls_convert_array(const MlsTarget *target, const MlsSlice *slice, Datum *value)
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
