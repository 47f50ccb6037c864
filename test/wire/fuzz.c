/*
 * fuzz.c
 *		Fuzzing the readers (libFuzzer): one program, whose target the environment
 *		names (MLS_FUZZ=json).
 *
 * What a target's own checks do not say: the sanitizers see what is read or written
 * where nothing is, and that all memory is given back; and no input may lead to an
 * error that is none for users ("invalid memory alloc request size").
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "record/slice.h"

#include "fuzz.h"
#include "shim.h"

#define SPARE_BYTES 16

static const struct
{
	const char *name;
	void (*run)(const uint8 *bytes, Size length);
} targets[] = {
	{"rets", fuzz_rets}, {"json", fuzz_json}, {"edmx", fuzz_edmx},
	{"url", fuzz_url},   {"reso", fuzz_reso}, {"qobrix", fuzz_qobrix},
	{"files", fuzz_files},
	{"parquet", fuzz_parquet},
};

static int target = -1;

void
require(bool condition)
{
	if (!condition)
		abort();
}

bool
fuzz_run(void (*function)(void *arg), void *input)
{
	const char *error = wire_run(function, input);
	int length = error ? strlen(error) : 0;

	require(wire_allocated() == 0);
	if (error && (wire_code() == ERRCODE_INTERNAL_ERROR || wire_code() == ERRCODE_OUT_OF_MEMORY ||
				  pg_encoding_verifymbstr(PG_UTF8, error, length) != length))
	{
		fprintf(stderr, "no error for users (%08x): %s\n", wire_code(), error);
		abort();
	}
	return error != NULL;
}

char *
fuzz_body(const uint8 *bytes, Size length)
{
	char *body = palloc0(length + SPARE_BYTES);

	memcpy(body, bytes, length);
	return body;
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

		require((unsigned char) c >= ' ' || (!in_string && strchr("\t\r\n", c) && c));
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
	require(pg_encoding_verifymbstr(PG_UTF8, json, length) == length);
}

void
fuzz_check_page(const MlsPage *page)
{
	for (int i = 0; page && i < page->nrecords; i++)
	{
		const MlsRecord *record = &page->records[i];
		const char *end = record->json + record->length;

		check_json(record->json, record->length);
		for (int j = 0; j < record->nslices; j++)
		{
			const MlsSlice *slice = &record->slices[j];

			require(slice->value > record->json && slice->value + slice->value_length < end);
			require(pg_encoding_verifymbstr(PG_UTF8, slice->name, slice->name_length) ==
					slice->name_length);
		}
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("MLS_FUZZ");

	for (int i = 0; i < lengthof(targets); i++)
		if (name && strcmp(targets[i].name, name) == 0)
			target = i;
	if (target < 0)
	{
		fprintf(stderr, "MLS_FUZZ names no target\n");
		exit(2);
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	targets[target].run(bytes, length);
	return 0;
}
