/*
 * feed_batch.c
 *		Listings a batch at a time: their values, fingerprints and numbers.
 *
 * All are read by one statement, so they are of one instant.  A fingerprint is of the values,
 * not of the number and the time of the last change, which is what it is for.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "base/digest.h"
#include "feed/feed_parts.h"
#include "step/transaction.h"

/* A listing has some 5 kB. */
#define BATCH 200

struct MlsFeedReader
{
	const MlsFeed *feed;
	Portal portal;
	char *last; /* key of the listing before */
	int64 keyless;
	MlsTransition numbers;
};

/* The relation of numbers, which is filled anew for each batch; it lasts as long as the reader. */
static void
open_numbers(MlsTransition *numbers)
{
	numbers->name = "mls_numbers";
	numbers->desc = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(numbers->desc, 1, "n", INT8OID, -1, 0);
	TupleDescInitEntry(numbers->desc, 2, "id", INT8OID, -1, 0);
	TupleDescInitEntry(numbers->desc, 3, "changed_at", TIMESTAMPTZOID, -1, 0);
	mls_transition_open(numbers);
}

MlsFeedReader *
mls_feed_open(const MlsFeed *feed)
{
	MlsFeedReader *reader = palloc0(sizeof(MlsFeedReader));
	MemoryContext before = CurrentMemoryContext;

	reader->feed = feed;
	reader->portal = SPI_cursor_open_with_args(NULL, feed->query, 0, NULL, NULL, NULL, true,
											   CURSOR_OPT_NO_SCROLL);
	MemoryContextSwitchTo(before);
	open_numbers(&reader->numbers);
	return reader;
}

int64
mls_feed_keyless(const MlsFeedReader *reader)
{
	return reader->keyless;
}

/* ---- Values ---- */

static List *
members(const MlsFeedElement *element, Datum array)
{
	List *texts = NIL;
	Datum *values;
	bool *nulls;
	bool says_something = false;
	int n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  &n);
	for (int i = 0; i < n; i++)
	{
		char *value = nulls[i] ? NULL : mls_feed_text(element, TextDatumGetCString(values[i]));

		texts = lappend(texts, value);
		says_something |= value != NULL;
	}
	return says_something ? texts : NIL;
}

static void *
value_at(const MlsFeed *feed, const MlsFeedElement *element, const SPITupleTable *table, uint64 row)
{
	bool isnull;
	Datum value = mls_cell(table, row, element->column, &isnull);
	char *string;

	if (isnull)
		return NULL;
	if (element->is_array && feed->kind != MLS_FEED_JSON)
		return members(element, value);
	string = TextDatumGetCString(value);
	if (feed->kind == MLS_FEED_JSON && !element->is_reason)
		return strcmp(string, "null") == 0 ? NULL : string;
	return mls_feed_text(element, string);
}

/* "location/latitude is missing", unless the element has a value in some language. */
static const char *
missing_value(const MlsFeed *feed, const MlsFeedElement *wanted, void **values)
{
	ListCell *lc;

	foreach (lc, feed->elements)
		if (((const MlsFeedElement *) lfirst(lc))->group == wanted->group &&
			values[foreach_current_index(lc)] != NULL)
			return NULL;
	return psprintf("%s is missing", wanted->path);
}

static const char *
reason_of(const MlsFeed *feed, void **values)
{
	ListCell *lc;

	foreach (lc, feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);

		if (element->is_reason && values[foreach_current_index(lc)] != NULL)
			return values[foreach_current_index(lc)];
	}
	foreach (lc, feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);
		const char *reason;

		if (!element->is_required || element->is_numbered || element->is_reason)
			continue;
		reason = missing_value(feed, element, values);
		if (reason != NULL)
			return reason;
	}
	return NULL;
}

static void
digest_text(MlsDigest *digest, const char *text)
{
	mls_digest_add(digest, text ? "+" : "-", 1);
	if (text)
		mls_digest_add(digest, text, strlen(text) + 1);
}

static void
take_fingerprint(const MlsFeed *feed, MlsFeedListing *listing)
{
	MlsDigest *digest = mls_digest_begin();
	uint8 hash[MLS_SHA256_BYTES];
	ListCell *lc;
	ListCell *member;

	digest_text(digest, feed->signature);
	foreach (lc, feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);
		void *value = listing->values[foreach_current_index(lc)];

		if (element->is_numbered || element->is_reason)
			continue;
		if (!element->is_array || feed->kind == MLS_FEED_JSON)
			digest_text(digest, value);
		else
			foreach (member, (List *) value)
				digest_text(digest, lfirst(member));
		mls_digest_add(digest, "\n", 1);
	}
	mls_digest_end(digest, hash);
	strlcpy(listing->hash, mls_hex(hash, 16), sizeof(listing->hash));
}

static MlsFeedListing *
read_listing(const MlsFeed *feed, const SPITupleTable *table, uint64 row)
{
	MlsFeedListing *listing = palloc0(sizeof(MlsFeedListing));
	ListCell *lc;

	listing->key = mls_cell_text(table, row, 1);
	listing->values = palloc0(list_length(feed->elements) * sizeof(void *));
	foreach (lc, feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);
		int i = foreach_current_index(lc);

		if (!element->is_numbered)
			listing->values[i] = value_at(feed, element, table, row);
	}
	listing->reason = mls_cell_bool(table, row, 2)
						  ? "it may not be shown on the internet (InternetEntireListingDisplayYN)"
						  : reason_of(feed, listing->values);
	if (listing->reason == NULL)
		take_fingerprint(feed, listing);
	return listing;
}

/* The order is that of bytes: a key that comes twice comes at once. */
static void
note_key(MlsFeedReader *reader, const char *key)
{
	const MlsFeed *feed = reader->feed;

	if (reader->last != NULL && strcmp(reader->last, key) == 0)
		ereport(ERROR, errcode(ERRCODE_CARDINALITY_VIOLATION),
				errmsg("%s has several rows with the key \"%s\"",
					   mls_qualified_name(feed->relation), key),
				errdetail("Of a listing a feed has one."),
				errhint("Have the view give a row for each listing, or name its key: key => "
						"'...'."));
	if (reader->last != NULL)
		pfree(reader->last);
	reader->last = MemoryContextStrdup(GetMemoryChunkContext(reader), key);
}

List *
mls_feed_next(MlsFeedReader *reader)
{
	MemoryContext before = CurrentMemoryContext;
	List *listings = NIL;

	while (listings == NIL)
	{
		SPITupleTable *table;
		uint64 rows;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(reader->portal, true, BATCH);
		MemoryContextSwitchTo(before);
		table = SPI_tuptable;
		rows = SPI_processed;
		if (rows == 0)
		{
			SPI_freetuptable(table);
			return NIL;
		}
		for (uint64 i = 0; i < rows; i++)
		{
			bool keyless;

			(void) mls_cell(table, i, 1, &keyless);
			if (keyless)
			{
				reader->keyless++;
				continue;
			}
			listings = lappend(listings, read_listing(reader->feed, table, i));
			note_key(reader, ((MlsFeedListing *) llast(listings))->key);
		}
		SPI_freetuptable(table);
	}
	return listings;
}

/* ---- Numbers ---- */

/* The values that are made of them, for listings that are not left out. */
static void
fill_numbered(const MlsFeed *feed, List *listings)
{
	uint64 row = 0;
	ListCell *lc;
	ListCell *element_lc;

	if (feed->numbers == NULL)
		return;
	mls_select(feed->numbers, mls_arg_null(INT8OID));
	if (SPI_processed != (uint64) list_length(listings))
		elog(ERROR, "numbers of listings were lost");
	foreach (lc, listings)
	{
		MlsFeedListing *listing = lfirst(lc);

		foreach (element_lc, feed->elements)
		{
			const MlsFeedElement *element = lfirst(element_lc);

			if (!element->is_numbered)
				continue;
			listing->values[foreach_current_index(element_lc)] =
				value_at(feed, element, SPI_tuptable, row);
		}
		row++;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Statements that give (n, id, changed_at, same) for the listings. */
static void
number(MlsFeedReader *reader, List *listings, const char *sql, const MlsArg *args, int nargs)
{
	const MlsFeed *feed = reader->feed;
	MlsTransition *numbers = &reader->numbers;
	MlsRights before;
	ListCell *lc;
	uint64 row = 0;

	mls_rights_enter_control(&before);
	mls_sql_run(sql, false, SPI_OK_SELECT, args, nargs);
	mls_rights_leave(&before);
	if (SPI_processed != (uint64) list_length(listings))
		elog(ERROR, "feed \"%s\" lost numbers of listings", feed->name);
	if (listings == NIL)
		return;
	tuplestore_clear(numbers->store);
	foreach (lc, listings)
	{
		MlsFeedListing *listing = lfirst(lc);
		bool no_id;
		Datum id = mls_cell(SPI_tuptable, row, 2, &no_id);

		listing->is_same = mls_bool_at(row, 4);
		mls_transition_add(numbers, mls_arg_int8((int64) row + 1),
						   no_id ? mls_arg_null(INT8OID) : mls_arg(INT8OID, id),
						   mls_arg_time(mls_time_at(row, 3)));
		row++;
	}
	SPI_freetuptable(SPI_tuptable);
	fill_numbered(feed, listings);
}

/* An array of texts in which some are NULL. */
static MlsArg
texts_or_null(List *listings, const char *(*text)(const MlsFeedListing *listing))
{
	int n = list_length(listings);
	Datum *values = palloc0(Max(n, 1) * sizeof(Datum));
	bool *nulls = palloc0(Max(n, 1) * sizeof(bool));
	int dims[1] = {n};
	int bounds[1] = {1};
	ListCell *lc;

	if (n == 0)
		return mls_arg_list(NIL);
	foreach (lc, listings)
	{
		const char *value = text(lfirst(lc));
		int i = foreach_current_index(lc);

		nulls[i] = value == NULL;
		if (value != NULL)
			values[i] = CStringGetTextDatum(value);
	}
	return mls_arg(TEXTARRAYOID,
				   PointerGetDatum(construct_md_array(values, nulls, 1, dims, bounds, TEXTOID, -1,
													  false, TYPALIGN_INT)));
}

static const char *
key_of(const MlsFeedListing *listing)
{
	return listing->key;
}

static const char *
hash_of(const MlsFeedListing *listing)
{
	return listing->reason ? NULL : listing->hash;
}

static const char *
why_not(const MlsFeedListing *listing)
{
	return listing->reason;
}

void
mls_feed_number(MlsFeedReader *reader, List *listings, const char *after)
{
	const MlsFeed *feed = reader->feed;
	const char *upto = listings == NIL ? NULL : ((const MlsFeedListing *) llast(listings))->key;
	const MlsArg args[] = {mls_arg_int8(feed->id),
						   mls_arg_text(after),
						   mls_arg_text(upto),
						   texts_or_null(listings, key_of),
						   texts_or_null(listings, hash_of),
						   texts_or_null(listings, why_not)};

	number(reader, listings,
		   "SELECT n, id, changed_at, same FROM mls.feed_note($1, $2, $3, $4, $5, $6)", args,
		   lengthof(args));
}

void
mls_feed_number_preview(MlsFeedReader *reader, List *listings)
{
	const MlsFeed *feed = reader->feed;
	const MlsArg args[] = {mls_arg_int8(feed->id), texts_or_null(listings, key_of)};

	number(reader, listings,
		   "SELECT k.n, coalesce(l.id, 0), coalesce(l.changed_at, pg_catalog.now()), false "
		   "FROM pg_catalog.unnest($2) WITH ORDINALITY k (key, n) LEFT JOIN mls.feed_listing l "
		   "ON l.feed = $1 AND l.key = k.key COLLATE \"C\" ORDER BY k.n",
		   args, lengthof(args));
}
