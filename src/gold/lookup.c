/*
 * lookup.c
 *		Standard values for the names of OData enumerations.
 *
 * Called for every enumeration of every record, so the dictionary's pairs are
 * read once per session, as one sorted array; a call remembers the range of its
 * lookup and searches in it.  The dictionary changes with the extension only.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(mls_display_value);
PG_FUNCTION_INFO_V1(mls_display_values);

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
