/*
 * pages.c
 *		An answer as pages of records, however long it is.
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

#include "miscadmin.h"
#include "utils/memutils.h"

#include "protocol/rets/reader.h"

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
exceeds(const RetsPages *pages, const RetsRecords *records, int size)
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

/* Reads all of the answer; true if its records were too many to be kept. */
static bool
judge(RetsPages *pages)
{
	MemoryContext dropped =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw dropped page", ALLOCSET_SMALL_SIZES);
	bool is_long = false;
	bool has_more = true;

	while (has_more)
	{
		MemoryContext old;

		has_more = read_piece(pages, pages->judge);
		is_long = is_long || exceeds(pages, &pages->judge->records, pages->size);
		old = MemoryContextSwitchTo(dropped);
		if (is_long)
			(void) mls_rets_page(pages->judge, 1);
		MemoryContextSwitchTo(old);
		MemoryContextReset(dropped);
	}
	MemoryContextDelete(dropped);
	return is_long;
}

RetsPages *
mls_rets_pages(const RetsReaderOptions *options, const MlsHttpResponse *response, int size,
			   int64 most_bytes)
{
	RetsPages *pages = palloc0(sizeof(RetsPages));

	pages->options = *options;
	pages->size = size;
	pages->most_bytes = most_bytes;
	pages->pieces.response = response;
	pages->judge = pages->reader = mls_rets_reader(options);
	if (judge(pages))
	{
		pages->pieces.at = 0;
		pages->reader = mls_rets_reader(options);
	}
	return pages;
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
