/*
 * fuzz_files.c
 *		A fuzz target: files of datasets, from their bytes to the types of their columns.
 *
 * The first byte of an input chooses how it is read, the rest is the file.  Read in pieces of
 * a byte it is the same as read at once; and what a column was found to be, each of its values
 * becomes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "protocol/dataset/dataset_types.h"

#include "fuzz.h"

/* Hashes are not the subject here. */
struct MlsDigest
{
	int unused;
};

MlsDigest *
mls_digest_begin(void)
{
	return palloc0(sizeof(MlsDigest));
}

void
mls_digest_add(MlsDigest *digest, const void *bytes, Size length)
{
}

void
mls_digest_end(MlsDigest *digest, uint8 *out)
{
	memset(out, 0, MLS_SHA256_BYTES);
	pfree(digest);
}

char *
mls_hex(const uint8 *bytes, int length)
{
	char *hex = palloc(2 * length + 1);

	memset(hex, '0', 2 * length);
	hex[2 * length] = '\0';
	return hex;
}

/* Bytes at hand as those of a file. */
typedef struct Memory
{
	DatasetBytes head;
	const uint8 *bytes;
	Size length;
	Size piece; /* at most so many at a time */
} Memory;

static Size
read_memory(DatasetBytes *head, int64 at, char *buf, Size room)
{
	const Memory *memory = (Memory *) head;
	Size length = at < memory->length ? memory->length - at : 0;

	length = Min(Min(length, room), memory->piece);
	memcpy(buf, memory->bytes + at, length);
	return length;
}

typedef struct Input
{
	const uint8 *bytes;
	Size length;
	Size piece;
	StringInfo rows; /* what comes; NULL: types are looked at instead */
} Input;

static DatasetServer
server_of(uint8 way)
{
	DatasetServer server = {.delimiter = "auto", .quote = "\"", .ids_as_text = way & 8};

	if (way & 1)
		server.quote = "none";
	if (way & 2)
		server.header = DATASET_SECOND;
	if (way & 16)
		server.dates = server.decimal = DATASET_FIRST;
	return server;
}

/* A value of a column that was found to be something is that. */
static void
check_value(const MlsRemoteField *field, const MlsSlice *slice)
{
	char *text = mls_slice_text(slice);
	char plain[64 + MLS_WRITTEN_ROOM];
	int shows = 0;
	int length;

	if (text == NULL || strspn(text, " ") == strlen(text) || slice->kind != MLS_STRING)
		return;
	length = strlen(text);
	(void) mls_written_ways(text, length, &shows);
	if (field->pg_type == NUMERICOID || field->pg_type == INT8OID || field->pg_type == DATEOID ||
		field->pg_type == TIMESTAMPTZOID)
		require(length <= 64);
	if (field->type && !(shows & MLS_SHOWS_ZERO_DATE))
		require(mls_written_plain(text, length, mls_written_named(field->type), plain) > 0);
	if (field->pg_type == INT8OID)
		require(strspn(text, "-0123456789") == length);
}

static void
check_types(const MlsPage *page, List *fields)
{
	ListCell *lc;

	foreach (lc, fields)
		for (int i = 0; i < page->nrecords; i++)
		{
			const MlsRemoteField *field = lfirst(lc);
			const MlsSlice *slice = mls_record_field(&page->records[i], field->name);

			if (slice)
				check_value(field, slice);
		}
}

static void
append_records(StringInfo out, const MlsPage *page)
{
	for (int i = 0; i < page->nrecords; i++)
	{
		appendBinaryStringInfo(out, page->records[i].json, page->records[i].length);
		appendStringInfoChar(out, '\n');
	}
}

/* What a page says of its records is what a parser finds in them. */
static void
check_slices(const MlsPage *page)
{
	for (int i = 0; i < page->nrecords; i++)
	{
		const MlsRecord *record = &page->records[i];
		const MlsRecord *same;
		char *json = fuzz_body((const uint8 *) record->json, record->length);

		same = mls_page_read(json, record->length, NULL, "a record")->records;
		require(same->nslices == record->nslices);
		for (int j = 0; j < same->nslices; j++)
		{
			const MlsSlice *one = &record->slices[j];
			const MlsSlice *other = &same->slices[j];

			require(one->kind == other->kind && one->escaped == other->escaped);
			require(one->name_length == other->name_length &&
					memcmp(one->name, other->name, one->name_length) == 0);
			require(one->value_length == other->value_length &&
					memcmp(one->value, other->value, one->value_length) == 0);
		}
	}
}

static void
read_rows(void *arg)
{
	Input *input = arg;
	uint8 way = input->bytes[0];
	DatasetServer server = server_of(way);
	DatasetFile file = {
		.name = "x", .is_json = way & 4, .is_lines = way & 32, .is_book = way & 128};
	Memory memory = {.head = {.name = "file \"x\"",
							  .read = read_memory,
							  .length = input->length - 1,
							  .most = 1 << 24},
					 .bytes = input->bytes + 1,
					 .length = input->length - 1,
					 .piece = input->piece};
	MlsFileLedger aside = {.context = CurrentMemoryContext};
	DatasetFacts facts;
	DatasetRows *rows;
	MlsPage *page;

	mls_dataset_examine(&memory.head, &file, DATASET_ANY_ENCODING, true, &facts);
	rows = mls_dataset_rows(&memory.head, &server, &file, &facts);
	mls_dataset_rows_reject_to(rows, &aside);
	while (input->rows && (page = mls_dataset_page(rows, 3, memory.head.name)) != NULL)
		append_records(input->rows, page);
	if (input->rows == NULL && (page = mls_dataset_page(rows, 1000, memory.head.name)) != NULL)
	{
		DatasetTypes *types = mls_dataset_types(&server);

		fuzz_check_page(page);
		check_slices(page);
		mls_dataset_types_see(types, page);
		check_types(page, mls_dataset_types_fields(types));
	}
	(void) mls_dataset_rows_reading(rows);
}

/* Both ways, and their rows are the same. */
static void
run(void *arg)
{
	Input whole = *(Input *) arg;
	Input bytewise = *(Input *) arg;
	StringInfoData rows;
	StringInfoData same;

	initStringInfo(&rows);
	initStringInfo(&same);
	whole.rows = &rows;
	bytewise.rows = &same;
	bytewise.piece = 1;
	read_rows(&whole);
	read_rows(&bytewise);
	require(rows.len == same.len && memcmp(rows.data, same.data, rows.len) == 0);
	read_rows(arg);
}

void
fuzz_files(const uint8 *bytes, Size length)
{
	Input input = {.bytes = bytes, .length = length, .piece = length};

	if (length > 0)
		(void) fuzz_run(run, &input);
}
