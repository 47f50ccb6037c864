/*
 * list.c
 *		mls.map_list(): a list of values that is written as a text, by a lookup.
 *
 * The values of some sources hold the very comma that separates them.  So at each
 * place the longest piece that the lookup knows is taken, and a piece up to the
 * next comma where it knows none.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(mls_map_list);

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
	ListCell *lc;
	char *result;

	trim(&s, &end);
	if (s == end)
		return;
	result = pnstrdup(s, end - s);
	foreach (lc, listing->seen)
		if (strcmp(lfirst(lc), result) == 0)
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
