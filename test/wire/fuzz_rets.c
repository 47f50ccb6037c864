/*
 * fuzz_rets.c
 *		A fuzz target: the readers of RETS answers.
 *
 * The first byte of an input chooses the reader, the rest is the answer.  What a
 * reader accepts must hold together: slices within their record, JSON whose braces
 * close, counts that agree.  And an answer must read the same whole and in pieces of
 * any size, down to its error.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"

#include "protocol/rets/rets.h"

#include "fuzz.h"

typedef struct Input
{
	const uint8 *bytes;
	size_t length;
	uint32 pieces; /* where their sizes come from; 0: the answer is one piece */

	/* what was read */
	int64 records;
	int64 bad_rows;
	uint64 hash; /* of the records' JSON */
	int code;
	int64 count;
	bool maxrows;
} Input;

static const char *const repeated[] = {"a", "Rooms/Room", NULL};

static void
check_page(Input *input, const MlsPage *page)
{
	input->records += page ? page->nrecords : 0;
	fuzz_check_page(page);
	for (int i = 0; page && i < page->nrecords; i++)
	{
		const MlsRecord *record = &page->records[i];
		const char *end = record->json + record->length;

		input->hash =
			hash_bytes_extended((const unsigned char *) record->json, record->length, input->hash);
		for (int j = 0; j < record->nslices; j++)
			require(record->slices[j].name > record->json &&
					record->slices[j].name + record->slices[j].name_length < end);
	}
}

static const char *
decode(void *arg, const RetsAnswer *answer, int column, const char *value, int length)
{
	return column % 3 == 1 ? "decoded \"value\"" : NULL;
}

static void
bad_row(void *arg, const RetsBadRow *row)
{
	++*(int64 *) arg;
}

/* The size of the next piece: mostly a few bytes, sometimes many. */
static size_t
piece_size(Input *input)
{
	if (input->pieces == 0)
		return input->length;
	input->pieces = input->pieces * 1664525 + 1013904223;
	return 1 + (input->pieces >> 16) % ((input->pieces >> 30) == 0 ? 700 : 17);
}

static void
run_answer(Input *input, int choice)
{
	RetsReaderOptions options = {.format = choice & 1 ? RETS_STANDARD_XML : RETS_COMPACT,
								 .purpose = "x",
								 .source = "y",
								 .repeated = repeated,
								 .restricted = "***",
								 .decode = choice & 2 ? decode : NULL,
								 .bad_row = choice & 4 ? bad_row : NULL,
								 .bad_row_arg = &input->bad_rows};
	RetsReader *reader = mls_rets_reader(&options);
	const RetsAnswer *answer = mls_rets_answer(reader);
	size_t length;

	for (size_t at = 0; at < input->length; at += length)
	{
		size_t wanted = piece_size(input);
		char *copy;

		length = Min(wanted, input->length - at);
		copy = memcpy(palloc(length), input->bytes + at, length);
		mls_rets_feed(reader, copy, length);
		pfree(copy);
		check_page(input, mls_rets_page(reader, 1));
	}
	mls_rets_finish(reader);
	check_page(input, mls_rets_page(reader, 1));
	require(input->records == answer->records);
	input->code = mls_rets_outcome(answer, false).code;
	input->count = answer->count;
	input->maxrows = answer->maxrows;
	(void) mls_rets_pairs(answer->body);
}

static void
run_metadata(Input *input)
{
	RetsMetadata *metadata = mls_rets_metadata();
	ListCell *lc;

	mls_rets_metadata_add(metadata, (const char *) input->bytes, input->length, NULL, "x", "y");
	foreach (lc, metadata->segments)
	{
		const RetsSegment *segment = lfirst(lc);
		ListCell *cell;

		foreach (cell, segment->rows)
			(void) strlen(mls_rets_metadata_value(segment, lfirst(cell), "SystemName"));
	}
}

/* What becomes a column of text. */
static void
check_text(const char *text)
{
	require(text == NULL || pg_encoding_verifymbstr(PG_UTF8, text, strlen(text)) == strlen(text));
}

static void
run_objects(Input *input)
{
	const char *body = (const char *) input->bytes;
	const char *line_end = memchr(body, '\n', input->length);
	int head = line_end ? line_end - body : 0;
	List *objects = mls_rets_split_objects(pnstrdup(body, head), NIL, body + head,
										   input->length - head, "x", "y");
	ListCell *lc;

	foreach (lc, objects)
	{
		const RetsObject *object = lfirst(lc);

		require(object->bytes >= body && object->bytes + object->length <= body + input->length);
		check_text(object->content_id);
		check_text(object->object_id);
		check_text(object->content_type);
		check_text(object->description);
		check_text(object->location);
	}
}

static void
run(void *arg)
{
	Input *input = arg;
	int choice = input->bytes[0];

	input->bytes++;
	input->length--;
	if (choice < 'a')
		run_answer(input, choice);
	else if (choice < 'n')
		run_metadata(input);
	else
		run_objects(input);
}

/* An answer once more, in pieces. */
static void
run_in_pieces(const uint8 *bytes, size_t length, const Input *whole, bool failed)
{
	Input input = {.bytes = bytes, .length = length};

	input.pieces = hash_bytes(bytes, (int) length) | 1;
	require(fuzz_run(run, &input) == failed);
	require(failed || (input.records == whole->records && input.hash == whole->hash &&
					   input.bad_rows == whole->bad_rows && input.code == whole->code &&
					   input.count == whole->count && input.maxrows == whole->maxrows));
}

void
fuzz_rets(const uint8 *bytes, Size length)
{
	Input input = {.bytes = bytes, .length = length};
	bool failed = length > 0 && fuzz_run(run, &input);

	if (length > 0 && bytes[0] < 'a')
		run_in_pieces(bytes, length, &input, failed);
}
