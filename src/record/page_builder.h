/*
 * page_builder.h
 *		A page that is being filled with records, by those that know their fields one by one:
 *		what they write needs no parser.
 */
#ifndef MLS_PAGE_BUILDER_H
#define MLS_PAGE_BUILDER_H

#include "postgres.h"

#include "record/record.h"

/* Records that are whole and not yet given out. */
typedef struct MlsPageBuilder
{
	MemoryContext parent;
	MemoryContext context; /* the page's; NULL while there are none */
	MlsRecord *records;
	int nrecords;
	int max_records;
	MlsSlice *slices; /* free slices of the current chunk */
	int nslices;
	char *bytes; /* free bytes of the current chunk */
	Size nbytes;
	int64 total; /* bytes of JSON in the page */
} MlsPageBuilder;

/* Begins a record: room for so many bytes and slices, until mls_page_end_record. */
extern char *mls_page_begin_record(MlsPageBuilder *page, Size length, int nslices);

/* The record ends at `end`; it has used so many slices. */
extern void mls_page_end_record(MlsPageBuilder *page, const char *end, int nslices, uint64 shape);

/* A byte of text becomes no more in a JSON string. */
#define MLS_JSON_GROWTH 6

/* Writes a text as a JSON string with its quotes; needs MLS_JSON_GROWTH * length + 2 bytes.
 * Returns its end; is there a backslash in it? */
extern char *mls_page_put_string(char *out, const char *text, int length, bool *escaped);

/* The page, handed to CurrentMemoryContext; there is a record. */
extern MlsPage *mls_page_take(MlsPageBuilder *page);

#endif /* MLS_PAGE_BUILDER_H */
