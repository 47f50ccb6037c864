/*
 * fuzz_json.c
 *		A fuzz target: the reader of JSON pages, and what steps through JSON that it
 *		has accepted.
 *
 * The first byte of an input chooses where the records stand, the rest is the body.
 * The reader and the stepping are two ways to the same slices, so they must agree.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"

#include "compat.h"
#include "record/slice.h"

#include "fuzz.h"

typedef struct Input
{
	const uint8 *bytes;
	Size length;
} Input;

/* Text of any slice: characters only, and no NUL among them. */
static void
check_text(const MlsSlice *slice)
{
	char *text = mls_slice_text(slice);
	int64 number;

	require((text == NULL) == (slice->kind == MLS_NULL));
	(void) mls_slice_int64(slice, &number);
	if (text == NULL)
		return;
	require(pg_encoding_verifymbstr(PG_UTF8, text, strlen(text)) == strlen(text));
	if (slice->kind == MLS_STRING && !slice->escaped)
		require(strlen(text) == slice->value_length - 2);
}

static void
check_value(const MlsSlice *slice, int depth)
{
	const char *end = slice->value + slice->value_length;
	const char *position = NULL;
	const char *s = slice->value + 1;
	MlsSlice inner;

	check_text(slice);
	if (depth > 200)
		return;
	if (slice->kind == MLS_ARRAY)
		while (mls_array_next(slice, &position, &inner))
		{
			require(position < end);
			check_value(&inner, depth + 1);
		}
	if (slice->kind == MLS_OBJECT)
		while ((s = mls_object_next(s, &inner)) != NULL)
		{
			require(s < end);
			check_value(&inner, depth + 1);
		}
}

/* The members of a record, found by stepping through it. */
static void
check_members(const MlsRecord *record)
{
	MlsSlice *members = palloc0((record->nslices + 1) * sizeof(MlsSlice));

	mls_json_members(record->json, record->length, members, record->nslices + 1);
	require(members[record->nslices].value == NULL);
	for (int i = 0; i < record->nslices; i++)
	{
		const MlsSlice *slice = &record->slices[i];

		require(members[i].value == slice->value &&
				members[i].value_length == slice->value_length && members[i].kind == slice->kind &&
				members[i].escaped == slice->escaped);
		check_value(slice, 0);
	}
}

/* Fields by name, by path, and by what is like them. */
static void
check_names(const MlsRecord *record)
{
	for (int i = 0; i < record->nslices && i < 20; i++)
	{
		char *name = pnstrdup(record->slices[i].name, record->slices[i].name_length);
		const MlsSlice *found = mls_record_field(record, name);
		MlsSlice slice;

		/* The last of a name counts; a name with a NUL in it is none. */
		require(found == NULL || found >= &record->slices[i]);
		(void) mls_record_path(record, name, &slice);
		(void) mls_record_path(record, psprintf("%s/%s", name, name), &slice);
		(void) mls_record_similar(record, name);
	}
}

/* Records of one shape have the same names. */
static void
check_shapes(const MlsPage *page)
{
	for (int i = 1; i < page->nrecords; i++)
	{
		const MlsRecord *one = &page->records[i - 1];
		const MlsRecord *other = &page->records[i];

		if (one->shape != other->shape)
			continue;
		require(one->nslices == other->nslices);
		for (int j = 0; j < one->nslices; j++)
			require(one->slices[j].name_length == other->slices[j].name_length &&
					memcmp(one->slices[j].name, other->slices[j].name,
						   one->slices[j].name_length) == 0);
	}
}

/* Records inside records are records, too. */
static void
check_nested(const MlsPage *page)
{
	MlsNested *nested = mls_nested_begin();

	for (int i = 0; i < page->nrecords; i++)
		for (int j = 0; j < page->records[i].nslices; j++)
		{
			const MlsSlice *slice = &page->records[i].slices[j];
			int count;

			if (slice->kind == MLS_ARRAY)
				(void) mls_nested_add_array(nested, slice, i, &count);
		}
	mls_nested_read(nested, "nested records");
	for (int i = 0; i < nested->nrecords; i++)
		check_members(&nested->records[i]);
}

/* What was read, by whichever way, is JSON to the server's parser. */
static void
check_syntax(char *body, Size length)
{
	JsonSemAction nothing = {0};

	require(pg_parse_json(mls_json_lexer(body, length, PG_UTF8), &nothing) == JSON_SUCCESS);
}

static void
run(void *arg)
{
	const Input *input = arg;
	const char *name = input->bytes[0] == 'd' ? NULL : input->bytes[0] == 'q' ? "data" : "value";
	char *body = fuzz_body(input->bytes + 1, input->length - 1);
	Size length = input->length - 1;
	MlsPage *page;
	ListCell *lc;

	if (input->bytes[0] == 'w')
		(void) mls_page_decode(&body, &length, "windows-1252");
	if (input->bytes[0] == 'u')
		(void) mls_page_decode(&body, &length, "utf-16");
	page = mls_page_read(body, length, name, "the page");
	fuzz_check_page(page);
	/* A body that had to be copied is not at hand. */
	if (page->replaced == 0 && page->bytes == length && strncmp(body, "\xEF\xBB\xBF", 3) != 0)
		check_syntax(body, length);
	check_shapes(page);
	for (int i = 0; i < page->nrecords; i++)
	{
		check_members(&page->records[i]);
		check_names(&page->records[i]);
		(void) mls_has_replacements(page->records[i].json, page->records[i].length);
	}
	foreach (lc, page->values)
		check_value(lfirst(lc), 0);
	check_nested(page);
}

void
fuzz_json(const uint8 *bytes, Size length)
{
	Input input = {.bytes = bytes, .length = length};

	if (length > 0)
		(void) fuzz_run(run, &input);
}
