/*
 * lookup.c
 *		Values of lookups, for each value: mls.display_value(), the standard value
 *		behind the name of an OData enumeration, and mls.map_list(), a list that is
 *		written as a text.
 *
 * The first runs for every enumeration of every record, so the dictionary's pairs are
 * read once per session, as one sorted array; a call remembers the range of its
 * lookup and searches in it.  The dictionary changes with the extension only.
 *
 * The values of some lists hold the very comma that separates them.  So at each
 * place the longest piece that the lookup knows is taken, and a piece up to the
 * next comma where it knows none.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/formatting.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "base/name_list.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(mls_display_value);
PG_FUNCTION_INFO_V1(mls_display_values);
PG_FUNCTION_INFO_V1(mls_map_list);

/* ---- One value ---- */

typedef struct Pair
{
	text *lookup;
	text *name;
	text *value;
} Pair;

/* The part of the pairs that belongs to one lookup; kept from call to call. */
typedef struct Range
{
	text *lookup;
	const Pair *pairs;
	int npairs;
} Range;

static Pair *all_pairs;
static int all_npairs;

/* By bytes, shorter first: any order does that the array and the search share. */
static int
compare_texts(const text *a, const text *b)
{
	Size length = VARSIZE_ANY_EXHDR(a);

	if (length != VARSIZE_ANY_EXHDR(b))
		return length < VARSIZE_ANY_EXHDR(b) ? -1 : 1;
	return memcmp(VARDATA_ANY(a), VARDATA_ANY(b), length);
}

static int
compare_pairs(const void *a, const void *b)
{
	const Pair *one = a;
	const Pair *other = b;
	int order = compare_texts(one->lookup, other->lookup);

	return order != 0 ? order : compare_texts(one->name, other->name);
}

static text *
text_column(uint64 row, int column)
{
	bool isnull;
	Datum value = mls_cell(SPI_tuptable, row, column, &isnull);

	return DatumGetTextPCopy(value);
}

/* Reads the pairs that differ.  The context is kept only when it is complete. */
static void
load_pairs(void)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw lookups", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before;
	Pair *pairs;
	int npairs;

	SPI_connect();
	mls_select_stable("SELECT lookup_name, legacy_odata_value, value FROM mls.dd_lookup "
					  "WHERE legacy_odata_value OPERATOR(pg_catalog.<>) value");
	npairs = SPI_processed;
	before = MemoryContextSwitchTo(context);
	pairs = palloc(Max(npairs, 1) * sizeof(Pair));
	for (int i = 0; i < npairs; i++)
	{
		pairs[i].lookup = text_column(i, 1);
		pairs[i].name = text_column(i, 2);
		pairs[i].value = text_column(i, 3);
	}
	MemoryContextSwitchTo(before);
	SPI_finish();
	qsort(pairs, npairs, sizeof(Pair), compare_pairs);
	MemoryContextSetParent(context, TopMemoryContext);
	all_pairs = pairs;
	all_npairs = npairs;
}

static void
find_range(Range *range, const text *lookup)
{
	int first = 0;
	int last;

	while (first < all_npairs && compare_texts(all_pairs[first].lookup, lookup) != 0)
		first++;
	last = first;
	while (last < all_npairs && compare_texts(all_pairs[last].lookup, lookup) == 0)
		last++;
	range->pairs = all_pairs + first;
	range->npairs = last - first;
}

/* The range of a lookup, which is mostly the same in all calls of one place in a query. */
static const Range *
get_range(FunctionCallInfo fcinfo)
{
	text *lookup = PG_GETARG_TEXT_PP(0);
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	Range *range = fcinfo->flinfo->fn_extra;

	if (range == NULL)
		range = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(context, sizeof(Range));
	else if (compare_texts(range->lookup, lookup) == 0)
		return range;
	else
		pfree(range->lookup);
	range->lookup = MemoryContextAlloc(context, VARSIZE_ANY(lookup));
	memcpy(range->lookup, lookup, VARSIZE_ANY(lookup));
	if (all_pairs == NULL)
		load_pairs();
	find_range(range, lookup);
	return range;
}

static text *
find_value(const Range *range, text *name)
{
	int low = 0;
	int high = range->npairs;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = compare_texts(name, range->pairs[middle].name);

		if (order == 0)
			return range->pairs[middle].value;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return name;
}

Datum
mls_display_value(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(find_value(get_range(fcinfo), PG_GETARG_TEXT_PP(1)));
}

Datum
mls_display_values(PG_FUNCTION_ARGS)
{
	const Range *range = get_range(fcinfo);
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(1);
	Datum *elements;
	bool *nulls;
	int nelements;

	if (range->npairs == 0)
		PG_RETURN_ARRAYTYPE_P(array);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &nelements);
	for (int i = 0; i < nelements; i++)
		if (!nulls[i])
			elements[i] = PointerGetDatum(find_value(range, DatumGetTextPP(elements[i])));
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elements, nulls, ARR_NDIM(array), ARR_DIMS(array),
											 ARR_LBOUND(array), TEXTOID, -1, false, TYPALIGN_INT));
}

/* ---- A list of values ---- */

/* No known value holds more commas than this. */
#define MAX_COMMAS 4

/* What stands between the results of a value that becomes several. */
#define RESULT_SEPARATOR '|'

typedef struct Listing
{
	Jsonb *known;
	const char *other; /* or NULL */
	ArrayBuildState *results;
	List *seen; /* of char * */
} Listing;

static void
trim(const char **s, const char **end)
{
	while (*s < *end && isspace((unsigned char) **s))
		(*s)++;
	while (*end > *s && isspace((unsigned char) (*end)[-1]))
		(*end)--;
}

/* Adds a value once. */
static void
add_result(Listing *listing, const char *s, const char *end)
{
	char *result;

	trim(&s, &end);
	if (s == end)
		return;
	result = pnstrdup(s, end - s);
	if (mls_is_listed(listing->seen, result))
		return;
	listing->seen = lappend(listing->seen, result);
	listing->results = accumArrayResult(listing->results, CStringGetTextDatum(result), false,
										TEXTOID, CurrentMemoryContext);
}

static void
add_results(Listing *listing, const char *s, const char *end)
{
	while (s < end)
	{
		const char *stop = memchr(s, RESULT_SEPARATOR, end - s);

		add_result(listing, s, stop ? stop : end);
		s = stop ? stop + 1 : end;
	}
}

/* Adds what the lookup says of a piece; false if it does not know it. */
static bool
look_up(Listing *listing, const char *s, const char *end)
{
	JsonbValue *found;
	char *key;

	trim(&s, &end);
	key = str_tolower(s, end - s, DEFAULT_COLLATION_OID);
	found = getKeyJsonValueFromContainer(&listing->known->root, key, strlen(key), NULL);
	if (found == NULL)
		return false;
	if (found->type == jbvString)
		add_results(listing, found->val.string.val, found->val.string.val + found->val.string.len);
	return true;
}

/* The same without an addition in brackets. */
static bool
look_up_plain(Listing *listing, const char *s, const char *end)
{
	const char *bracket;

	if (look_up(listing, s, end))
		return true;
	for (bracket = s; bracket + 1 < end; bracket++)
		if (bracket[0] == ' ' && bracket[1] == '(')
			return look_up(listing, s, bracket);
	return false;
}

/* Takes one value off a list; returns where the next begins. */
static const char *
take_value(Listing *listing, const char *s, const char *end)
{
	const char *stops[MAX_COMMAS + 1];
	int nstops = 0;

	for (const char *c = s; nstops < lengthof(stops); c = stops[nstops - 1] + 1)
	{
		const char *comma = c < end ? memchr(c, ',', end - c) : NULL;

		stops[nstops++] = comma ? comma : end;
		if (comma == NULL)
			break;
	}
	for (int i = nstops - 1; i >= 0; i--)
		if (look_up_plain(listing, s, stops[i]))
			return stops[i];
	if (listing->other && strcmp(listing->other, "*") == 0)
		add_result(listing, s, stops[0]);
	else if (listing->other)
		add_results(listing, listing->other, listing->other + strlen(listing->other));
	return stops[0];
}

/* mls.map_list(value, known, other) */
Datum
mls_map_list(PG_FUNCTION_ARGS)
{
	Listing listing = {0};
	text *value;
	const char *s;
	const char *end;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(0);
	listing.known = PG_GETARG_JSONB_P(1);
	listing.other = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (!JB_ROOT_IS_OBJECT(listing.known))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("values of a lookup must be a JSON object"));
	s = VARDATA_ANY(value);
	end = s + VARSIZE_ANY_EXHDR(value);
	while (s < end)
	{
		const char *begin = s;
		const char *stop = end;

		trim(&begin, &stop);
		if (begin == stop)
			break;
		s = take_value(&listing, begin, end);
		s += s < end;
	}
	if (listing.results == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(makeArrayResult(listing.results, CurrentMemoryContext));
}
