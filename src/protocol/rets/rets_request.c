/*
 * rets_request.c
 *		One search: its arguments, and its answer as pages of records, however long.
 *
 * An answer can only be judged at its end: rows may be followed by an error, or by
 * nothing where an end tag should be.  So no record leaves here before all of the
 * answer has been read and found whole.  Usually its records fit into a page and
 * are kept while it is judged.  Those of a longer one are let go; it is read a
 * second time, from the file where the transport has put it, and its pages are
 * handed out on the way.  Reading twice is cheap beside sending it.
 *
 * What a reply code asks for is the caller's affair.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "protocol/rets/rets.h"
#include "protocol/rets/rets_reader.h"

/* ---- arguments ---- */

const char *
mls_rets_key_field(const MlsTable *table)
{
	return table->key ? linitial(table->key) : NULL;
}

List *
mls_rets_search_arguments(const MlsTable *table, const char *query, const char *select, int count)
{
	static const char *const formats[] = {"COMPACT", "COMPACT-DECODED", "STANDARD-XML"};
	const MlsPlatform *platform = &table->source->platform;
	const char *colon = strchr(table->resource, ':');
	int length = colon ? colon - table->resource : strlen(table->resource);
	List *arguments = NIL;

	mls_rets_argument(&arguments, "SearchType", pnstrdup(table->resource, length));
	mls_rets_argument(&arguments, "Class", colon ? colon + 1 : table->resource);
	mls_rets_argument(&arguments, "Query", query);
	mls_rets_argument(&arguments, "QueryType", "DMQL2");
	mls_rets_argument(&arguments, "Count", psprintf("%d", count));
	mls_rets_argument(&arguments, "Format", formats[platform->format]);
	mls_rets_argument(&arguments, "StandardNames", platform->standard_names ? "1" : "0");
	if (select)
		mls_rets_argument(&arguments, "Select", select);
	return arguments;
}

/*
 * Records inside records of STANDARD-XML: the option expand names the elements, as paths
 * ("Photo/PropertyPhoto").  They come with each record, asked for or not.  That they are
 * named makes them arrays also where one came, and feeds the tables that are subscribed for
 * them.  List of char *.
 */
static List *
expanded_names(const MlsTable *table)
{
	List *names = NIL;
	char *rest = pstrdup(table->expand ? table->expand : "");
	char *name;

	while ((name = strsep(&rest, ",")) != NULL)
	{
		name += strspn(name, " ");
		name[strcspn(name, " ")] = '\0';
		if (*name)
			names = lappend(names, name);
	}
	return names;
}

List *
mls_rets_expansions(const MlsTable *table)
{
	List *expansions = NIL;
	ListCell *lc;

	if (table->source->platform.format != MLS_FORMAT_XML)
		return NIL;
	foreach (lc, expanded_names(table))
	{
		MlsExpansion *expansion = palloc0(sizeof(MlsExpansion));

		expansion->name = lfirst(lc);
		expansion->limit = -1;
		expansion->told = true;
		expansions = lappend(expansions, expansion);
	}
	return expansions;
}

/* For the reader: an element is known by its name and that of the one it stands in. */
static const char *const *
repeated_names(const MlsTable *table)
{
	List *names = expanded_names(table);
	const char **repeated = palloc0((list_length(names) + 1) * sizeof(char *));
	ListCell *lc;

	foreach (lc, names)
	{
		const char *name = lfirst(lc);
		const char *last = strrchr(name, '/');

		while (last && last > name && last[-1] != '/')
			last--;
		repeated[foreach_current_index(lc)] = last ? last : name;
	}
	return repeated;
}

/* ---- an answer as pages ---- */

/* Short records may be more than a page's number: small pages cost more than they save. */
#define LEAST_BYTES (1024 * 1024)

struct RetsPages
{
	RetsReaderOptions options;
	MlsHttpPieces pieces;
	int size;
	int64 most_bytes;
	RetsReader *judge;  /* has read all of it */
	RetsReader *reader; /* of the records: the same where they fit into a page */
	int64 given;        /* records handed out */
};

/* Are the records that a reader holds more than so many, or more than memory should hold? */
static bool
exceeds(const RetsPages *pages, const MlsPageBuilder *records, int size)
{
	return records->total > pages->most_bytes ||
		   (records->nrecords > size && records->total > LEAST_BYTES);
}

/* Feeds the next piece; at the end of the answer the reader is told, and false returned. */
static bool
read_piece(RetsPages *pages, RetsReader *reader)
{
	const char *bytes;
	Size length;

	CHECK_FOR_INTERRUPTS();
	if (!mls_http_piece(&pages->pieces, &bytes, &length))
	{
		mls_rets_finish(reader);
		return false;
	}
	mls_rets_feed(reader, bytes, length);
	return true;
}

RetsOutcome
mls_rets_read_search(const MlsTable *table, const MlsHttpResponse *response, const char *purpose,
					 int64 size, List *fields, RetsDecoder *decoder, RetsPages **answer)
{
	RetsReaderOptions options = {.format = table->source->platform.format == MLS_FORMAT_XML
											   ? RETS_STANDARD_XML
											   : RETS_COMPACT,
								 .purpose = purpose,
								 .source = table->source->http.name,
								 .charset = mls_http_charset(response),
								 .fields = fields,
								 .repeated = repeated_names(table)};
	RetsPages *pages = palloc0(sizeof(RetsPages));
	MemoryContext dropped;
	bool is_long = false;
	bool has_more = true;

	if (decoder)
	{
		mls_rets_decoder_reset(decoder);
		options.decode = mls_rets_decode;
		options.decode_arg = decoder;
	}
	*answer = pages;
	pages->options = options;
	pages->size = (int) Min(size, INT_MAX / 2);
	pages->most_bytes = table->source->http.max_page_bytes;
	pages->pieces.response = response;
	pages->judge = pages->reader = mls_rets_reader(&options);
	dropped =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw dropped page", ALLOCSET_SMALL_SIZES);
	while (has_more)
	{
		MemoryContext old;

		has_more = read_piece(pages, pages->judge);
		is_long = is_long || exceeds(pages, &pages->judge->records, pages->size);
		if (!is_long)
			continue;
		old = MemoryContextSwitchTo(dropped);
		(void) mls_rets_page(pages->judge, 1);
		MemoryContextSwitchTo(old);
		MemoryContextReset(dropped);
	}
	MemoryContextDelete(dropped);
	/* Too many to be kept: they are read a second time. */
	if (is_long)
	{
		pages->pieces.at = 0;
		pages->reader = mls_rets_reader(&options);
	}
	return mls_rets_outcome(mls_rets_answer(pages->judge), false);
}

const RetsAnswer *
mls_rets_pages_answer(const RetsPages *pages)
{
	return mls_rets_answer(pages->judge);
}

MlsPage *
mls_rets_pages_next(RetsPages *pages)
{
	int64 from = pages->reader == pages->judge ? 0 : pages->pieces.at;
	MlsPage *page;

	while (!exceeds(pages, &pages->reader->records, pages->size - 1))
		if (!read_piece(pages, pages->reader))
			break;
	page = mls_rets_page(pages->reader, 1);
	if (page == NULL)
		return NULL;
	page->bytes = pages->pieces.at - from;
	pages->given += page->nrecords;
	return page;
}

bool
mls_rets_pages_ended(const RetsPages *pages)
{
	return pages->given >= mls_rets_pages_answer(pages)->records;
}
