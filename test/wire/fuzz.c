/*
 * fuzz.c
 *		A fuzz target for the readers of RETS answers (libFuzzer).
 *
 * The first byte of an input chooses the reader and the size of the pieces, the
 * rest is the answer.  What a reader accepts must hold together: slices within
 * their record, JSON whose braces close, counts that agree.
 */
#include "postgres.h"

#include "protocol/rets/rets.h"

#include "shim.h"

typedef struct Input
{
	const uint8 *bytes;
	size_t length;
} Input;

static const char *const repeated[] = {"a", "Rooms/Room", NULL};

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* A record is one JSON object: strings closed, brackets in pairs. */
static void
check_json(const char *json, int length)
{
	char open[512];
	int depth = 0;
	bool in_string = false;

	for (int i = 0; i < length; i++)
	{
		char c = json[i];

		require((unsigned char) c >= ' ');
		if (in_string)
		{
			i += c == '\\';
			in_string = c != '"';
			continue;
		}
		in_string = c == '"';
		if (c == '{' || c == '[')
		{
			require(depth < sizeof(open));
			open[depth++] = c == '{' ? '}' : ']';
		}
		if (c == '}' || c == ']')
			require(depth > 0 && open[--depth] == c);
	}
	require(!in_string && depth == 0 && length >= 2 && json[0] == '{');
}

static void
check_page(const MlsPage *page)
{
	for (int i = 0; page && i < page->nrecords; i++)
	{
		const MlsRecord *record = &page->records[i];
		const char *end = record->json + record->length;

		check_json(record->json, record->length);
		for (int j = 0; j < record->nslices; j++)
		{
			const MlsSlice *slice = &record->slices[j];

			require(slice->name > record->json && slice->name + slice->name_length < end);
			require(slice->value > record->json && slice->value + slice->value_length < end);
		}
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

static void
run_answer(Input *input, int choice)
{
	int64 bad_rows = 0;
	RetsReaderOptions options = {.format = choice & 1 ? RETS_STANDARD_XML : RETS_COMPACT,
								 .purpose = "x",
								 .source = "y",
								 .repeated = repeated,
								 .restricted = "***",
								 .decode = choice & 2 ? decode : NULL,
								 .bad_row = choice & 4 ? bad_row : NULL,
								 .bad_row_arg = &bad_rows};
	RetsReader *reader = mls_rets_reader(&options);
	size_t piece = choice & 8 ? 13 : input->length;
	int64 records = 0;
	MlsPage *page;

	for (size_t at = 0; at < input->length; at += piece)
	{
		size_t length = Min(piece, input->length - at);
		char *copy = memcpy(palloc(length), input->bytes + at, length);

		mls_rets_feed(reader, copy, length);
		pfree(copy);
		page = mls_rets_page(reader, 1);
		check_page(page);
		records += page ? page->nrecords : 0;
	}
	mls_rets_finish(reader);
	page = mls_rets_page(reader, 1);
	check_page(page);
	records += page ? page->nrecords : 0;
	require(records == mls_rets_answer(reader)->records);
	(void) mls_rets_outcome(mls_rets_answer(reader), false);
	(void) mls_rets_pairs(mls_rets_answer(reader)->body);
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
		(void) strlen(object->content_id);
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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	Input input = {bytes, length};

	if (length > 0)
		wire_run(run, &input);
	if (wire_allocated() != 0)
		abort();
	return 0;
}
