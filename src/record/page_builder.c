/*
 * page_builder.c
 *		A page that is being filled with records whose fields are known one by one.
 *
 * A record's JSON and its slices are written once, where they stay: memory comes
 * in chunks that are never moved, since the slices point into it.  The page has a
 * context of its own, which is handed over with it.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "record/page_builder.h"
#include "record/slice.h"

/* A chunk of JSON holds some hundred records of a usual size. */
#define CHUNK_BYTES (512 * 1024)

#define CHUNK_SLICES 16384

#define FIRST_RECORDS 256

static void
begin_page(MlsPageBuilder *page)
{
	page->context = AllocSetContextCreate(page->parent, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	page->max_records = FIRST_RECORDS;
	page->records = MemoryContextAlloc(page->context, page->max_records * sizeof(MlsRecord));
	page->nrecords = 0;
	page->slices = NULL;
	page->nslices = 0;
	page->nbytes = 0;
	page->total = 0;
}

char *
mls_page_begin_record(MlsPageBuilder *page, Size length, int nslices)
{
	MlsRecord *record;

	if (page->context == NULL)
		begin_page(page);
	if (page->nrecords == page->max_records)
	{
		page->max_records *= 2;
		page->records = repalloc_huge(page->records, page->max_records * sizeof(MlsRecord));
	}
	if (length > page->nbytes)
	{
		page->nbytes = Max(length, CHUNK_BYTES);
		page->bytes = MemoryContextAllocHuge(page->context, page->nbytes);
	}
	if (nslices > page->nslices || page->slices == NULL)
	{
		page->nslices = Max(nslices, CHUNK_SLICES);
		page->slices = MemoryContextAllocHuge(page->context, page->nslices * sizeof(MlsSlice));
	}
	record = &page->records[page->nrecords];
	record->json = page->bytes;
	record->slices = page->slices;
	return page->bytes;
}

void
mls_page_end_record(MlsPageBuilder *page, const char *end, int nslices, uint64 shape)
{
	MlsRecord *record = &page->records[page->nrecords++];

	record->length = end - record->json;
	record->nslices = nslices;
	record->shape = shape;
	page->bytes += record->length;
	page->nbytes -= record->length;
	page->slices += nslices;
	page->nslices -= nslices;
	page->total += record->length;
}

MlsPage *
mls_page_take(MlsPageBuilder *page)
{
	MlsPage *taken = MemoryContextAllocZero(page->context, sizeof(MlsPage));

	taken->records = page->records;
	taken->nrecords = page->nrecords;
	taken->bytes = page->total;
	MemoryContextSetParent(page->context, CurrentMemoryContext);
	page->context = NULL;
	page->nrecords = 0;
	return taken;
}

/* What a byte becomes in a JSON string: 0 itself, u its number, else the letter after a backslash. */
static const char escapes[256] = {
	'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         't',           'n', 'u',
	'u', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u', 'u',
	'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

static char *
put_escape(char *out, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	char letter = escapes[byte];

	*out++ = '\\';
	*out++ = letter;
	if (letter == 'u')
	{
		*out++ = '0';
		*out++ = '0';
		*out++ = digits[byte >> 4];
		*out++ = digits[byte & 0xF];
	}
	return out;
}

char *
mls_page_put_string(char *out, const char *text, int length, bool *escaped)
{
	const char *end = text + length;
	const char *s = text;

	*escaped = false;
	*out++ = '"';
	for (;;)
	{
		uint64 bytes;

		for (; end - s >= sizeof(bytes); s += sizeof(bytes), out += sizeof(bytes))
		{
			memcpy(&bytes, s, sizeof(bytes));
			if (mls_json_special(bytes))
				break;
			memcpy(out, &bytes, sizeof(bytes));
		}
		while (s < end && escapes[(unsigned char) *s] == 0)
			*out++ = *s++;
		if (s == end)
			break;
		*escaped = true;
		out = put_escape(out, *s++);
	}
	*out++ = '"';
	return out;
}
