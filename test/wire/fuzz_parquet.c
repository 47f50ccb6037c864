/*
 * fuzz_parquet.c
 *		A fuzz target: what the program that reads Parquet sends, which nobody believes.
 *
 * The input is all that it writes.  In pieces of a byte it gives the same rows as at once.
 */
#include "postgres.h"

#include <unistd.h>

#include "utils/guc.h"

#include "base/child.h"
#include "base/folder.h"
#include "protocol/dataset/dataset_types.h"

#include "fuzz.h"

struct MlsChild
{
	int unused;
};

static const uint8 *output;
static Size output_length;
static Size output_piece;

MlsChild *
mls_child_start(const char *program, const char *const *arguments, int input, int file)
{
	return palloc0(sizeof(MlsChild));
}

Size
mls_child_read(MlsChild *child, char *buf, Size room)
{
	Size length = Min(Min(room, output_piece), output_length);

	memcpy(buf, output, length);
	output += length;
	output_length -= length;
	return length;
}

char *
mls_child_end(MlsChild *child)
{
	return "ended with status 0";
}

int
mls_folder_take(int fd)
{
	return fd;
}

void
mls_folder_drop(int fd)
{
	close(fd);
}

/* The one setting of the folder: the library is there. */
void
DefineCustomStringVariable(const char *name, const char *short_desc, const char *long_desc,
						   char **value, const char *boot, GucContext context, int flags,
						   GucStringCheckHook check, GucStringAssignHook assign,
						   GucShowHook show)
{
	*value = "/libduckdb.so";
}

static Size
read_marks(DatasetBytes *bytes, int64 at, char *buf, Size room)
{
	memcpy(buf, "PAR1", Min(room, 4));
	return Min(room, 4);
}

typedef struct Input
{
	const uint8 *bytes;
	Size length;
} Input;

static void
read_rows(const Input *input, Size piece, StringInfo out)
{
	DatasetServer server = {.delimiter = "auto", .quote = "\""};
	DatasetFile file = {.name = "x", .is_parquet = true};
	DatasetBytes bytes = {.name = "file \"x\"", .read = read_marks, .length = 100, .most = 1 << 20};
	MlsFileLedger aside = {.context = CurrentMemoryContext};
	DatasetTypes *types = mls_dataset_types(&server);
	DatasetFacts facts = {0};
	DatasetRows *rows;
	MlsPage *page;

	output = input->bytes;
	output_length = input->length;
	output_piece = piece;
	rows = mls_dataset_rows(&bytes, &server, &file, &facts);
	mls_dataset_rows_declare(rows, types);
	mls_dataset_rows_reject_to(rows, &aside);
	while ((page = mls_dataset_page(rows, 3, bytes.name)) != NULL)
	{
		fuzz_check_page(page);
		mls_dataset_types_see(types, page);
		for (int i = 0; i < page->nrecords; i++)
			appendBinaryStringInfo(out, page->records[i].json, page->records[i].length);
	}
	(void) mls_dataset_types_fields(types);
	(void) mls_dataset_rows_reading(rows);
}

static void
run(void *arg)
{
	const Input *input = arg;
	StringInfoData rows;
	StringInfoData same;

	initStringInfo(&rows);
	initStringInfo(&same);
	read_rows(input, input->length, &rows);
	read_rows(input, 1, &same);
	require(rows.len == same.len && memcmp(rows.data, same.data, rows.len) == 0);
}

void
fuzz_parquet(const uint8 *bytes, Size length)
{
	Input input = {.bytes = bytes, .length = length};

	mls_dataset_define_settings();
	(void) fuzz_run(run, &input);
}
