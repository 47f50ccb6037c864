/*
 * rets_records.c
 *		The page that is being filled with records, in either format.
 *
 * A record's JSON and its slices are written once, where they stay: memory comes
 * in chunks that are never moved, since the slices point into it.  The page has a
 * context of its own, which is handed over with it.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "protocol/rets/rets_reader.h"

/* A chunk of JSON holds some hundred records of a usual size. */
#define CHUNK_BYTES (512 * 1024)

#define CHUNK_SLICES 16384

#define FIRST_RECORDS 256

void
mls_rets_fail(const RetsReader *reader, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
					errmsg("could not read %s from source \"%s\"", reader->options.purpose,
						   reader->options.source),
					errdetail("%s", detail)));
}

static void
begin_page(RetsRecords *records)
{
	records->context =
		AllocSetContextCreate(records->parent, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	records->max_records = FIRST_RECORDS;
	records->records =
		MemoryContextAlloc(records->context, records->max_records * sizeof(MlsRecord));
	records->nrecords = 0;
	records->slices = NULL;
	records->nslices = 0;
	records->nbytes = 0;
	records->total = 0;
}

char *
mls_rets_record_begin(RetsRecords *records, Size length, int nslices)
{
	MlsRecord *record;

	if (records->context == NULL)
		begin_page(records);
	if (records->nrecords == records->max_records)
	{
		records->max_records *= 2;
		records->records =
			repalloc_huge(records->records, records->max_records * sizeof(MlsRecord));
	}
	if (length > records->nbytes)
	{
		records->nbytes = Max(length, CHUNK_BYTES);
		records->bytes = MemoryContextAllocHuge(records->context, records->nbytes);
	}
	if (nslices > records->nslices || records->slices == NULL)
	{
		records->nslices = Max(nslices, CHUNK_SLICES);
		records->slices =
			MemoryContextAllocHuge(records->context, records->nslices * sizeof(MlsSlice));
	}
	record = &records->records[records->nrecords];
	record->json = records->bytes;
	record->slices = records->slices;
	return records->bytes;
}

void
mls_rets_record_end(RetsRecords *records, const char *end, int nslices, uint64 shape)
{
	MlsRecord *record = &records->records[records->nrecords++];

	record->length = end - record->json;
	record->nslices = nslices;
	record->shape = shape;
	records->bytes += record->length;
	records->nbytes -= record->length;
	records->slices += nslices;
	records->nslices -= nslices;
	records->total += record->length;
}

MlsPage *
mls_rets_records_take(RetsRecords *records)
{
	MlsPage *page = MemoryContextAllocZero(records->context, sizeof(MlsPage));

	page->records = records->records;
	page->nrecords = records->nrecords;
	page->bytes = records->total;
	MemoryContextSetParent(records->context, CurrentMemoryContext);
	records->context = NULL;
	records->nrecords = 0;
	return page;
}

/* What a byte becomes in a JSON string: 0 itself, else the letter after a backslash. */
static const char escapes[256] = {
	['"'] = '"', ['\\'] = '\\', ['\t'] = 't', ['\n'] = 'n', ['\r'] = 'r',
};

char *
mls_rets_put_json(char *out, const char *text, int length, bool *escaped)
{
	const char *end = text + length;
	const char *s = text;

	*out++ = '"';
	while (s < end && escapes[(unsigned char) *s] == 0)
		s++;
	memcpy(out, text, s - text);
	out += s - text;
	*escaped = s < end;
	for (; s < end; s++)
	{
		char letter = escapes[(unsigned char) *s];

		if (letter)
			*out++ = '\\';
		*out++ = letter ? letter : *s;
	}
	*out++ = '"';
	return out;
}
