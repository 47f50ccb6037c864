/*
 * dataset_parquet.c
 *		Parquet: read by a program of its own (src/parquet), whose rows come as lines of JSON.
 *
 * The program gets the file as an open descriptor, so that it reads the very file that was opened
 * here; what is no file of this machine becomes a temporary one of PostgreSQL first.  The program
 * is not trusted: what it sends is bounded and read like the text of any file of a stranger.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "base/child.h"
#include "base/folder.h"
#include "protocol/dataset/dataset_parquet.h"

#define PROGRAM "mls_parquet"

/* A frame has a letter and a length. */
#define HEAD 5

#define PIECE (64 * 1024)

/* Names of columns and their types, and a piece of rows: the program sends no longer frame. */
#define MOST_FRAME (128 * 1024 * 1024)

/* A row is "{}" and the end of its line at least. */
#define LEAST_ROW 3

static char *duckdb_library = NULL;

struct DatasetParquet
{
	DatasetText head;
	DatasetBytes *bytes;
	MlsChild *child;
	int64 rows; /* that the file says it has */
	bool is_part;
	int ncolumns;
	const char **names;
	Oid *types;
	int64 total; /* bytes of rows that have come */
	bool is_ended;
	Size left; /* of the frame at hand */
	char piece[PIECE];
};

/* ---- the setting ---- */

static bool
check_library(char **value, void **extra, GucSource source)
{
	if (**value == '\0' || is_absolute_path(*value))
		return true;
	GUC_check_errdetail("\"%s\" is not an absolute path.", *value);
	return false;
}

void
mls_dataset_define_settings(void)
{
	DefineCustomStringVariable(
		"mls_fdw.duckdb_library", "The library of DuckDB, with which Parquet files are read.",
		"The absolute path of libduckdb.so. It is loaded by a program of its "
		"own, never by the server. Empty: Parquet is not read.",
		&duckdb_library, "", PGC_SUSET, 0, check_library, NULL, NULL);
}

/* ---- the file, as a descriptor ---- */

typedef struct Copy
{
	MemoryContextCallback callback;
	File file;
	int fd; /* of its own, which stays open whatever else is opened */
} Copy;

/* Of the memory context.  Never throws. */
static void
close_copy(void *arg)
{
	const Copy *copy = arg;

	mls_folder_drop(copy->fd);
	FileClose(copy->file);
}

static void
copy_file(DatasetBytes *bytes, File file)
{
	char *piece = palloc(PIECE);
	Size length;

	for (int64 at = 0; (length = bytes->read(bytes, at, piece, PIECE)) > 0; at += length)
		if (FileWrite(file, piece, length, at, PG_WAIT_EXTENSION) != (int) length)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not write temporary file: %m")));
	pfree(piece);
}

/* A descriptor of the file, which lasts as long as CurrentMemoryContext. */
static int
descriptor_of(DatasetBytes *bytes)
{
	Copy *copy;

	if (bytes->fd >= 0)
		return bytes->fd;
	copy = palloc0(sizeof(Copy));
	copy->fd = -1;
	copy->file = OpenTemporaryFile(true);
	copy->callback.func = close_copy;
	copy->callback.arg = copy;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &copy->callback);
	copy_file(bytes, copy->file);
	copy->fd = mls_folder_take(fcntl(FileGetRawDesc(copy->file), F_DUPFD_CLOEXEC, 0));
	if (copy->fd < 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open temporary file: %m")));
	return copy->fd;
}

/* It begins and ends with its mark: what lacks the latter is half a file. */
static void
require_marks(DatasetBytes *bytes)
{
	static const char mark[] = {'P', 'A', 'R', '1'};
	char found[sizeof(mark)];

	if (bytes->length < 3 * sizeof(mark) ||
		bytes->read(bytes, 0, found, sizeof(mark)) != sizeof(mark) ||
		memcmp(found, mark, sizeof(mark)) != 0)
		mls_dataset_fail(bytes, "It is no Parquet, which begins with \"PAR1\".", NULL);
	if (bytes->read(bytes, bytes->length - sizeof(mark), found, sizeof(mark)) != sizeof(mark) ||
		memcmp(found, mark, sizeof(mark)) != 0)
		mls_dataset_fail(bytes, "It is cut: Parquet ends with \"PAR1\".", NULL);
}

/* ---- frames ---- */

static void
read_exactly(DatasetParquet *parquet, char *buf, Size length)
{
	while (length > 0)
	{
		Size n = mls_child_read(parquet->child, buf, length);

		if (n == 0)
			mls_dataset_fail(
				parquet->bytes,
				psprintf("The program that reads Parquet %s.", mls_child_end(parquet->child)),
				"The file may be damaged, or need more memory than one may.");
		buf += n;
		length -= n;
	}
}

/* Reads the head of the next frame. */
static char
next_frame(DatasetParquet *parquet)
{
	unsigned char head[HEAD];

	read_exactly(parquet, (char *) head, HEAD);
	parquet->left = (Size) head[1] << 24 | (Size) head[2] << 16 | (Size) head[3] << 8 | head[4];
	if (parquet->left > MOST_FRAME)
		mls_dataset_fail(parquet->bytes,
						 "The program that reads Parquet does not keep to its rules.", NULL);
	return head[0];
}

/* All of the frame at hand, terminated. */
static char *
rest_of_frame(DatasetParquet *parquet)
{
	char *text = palloc(parquet->left + 1);

	read_exactly(parquet, text, parquet->left);
	text[parquet->left] = '\0';
	return text;
}

pg_noreturn static void
fail_as_told(DatasetParquet *parquet)
{
	char *problem = rest_of_frame(parquet);

	if (pg_encoding_verifymbstr(PG_UTF8, problem, strlen(problem)) != strlen(problem))
		for (char *s = problem; *s; s++)
			if (IS_HIGHBIT_SET(*s))
				*s = '?';
	mls_dataset_fail(parquet->bytes, problem,
					 strstr(problem, "library")
						 ? "A superuser sets mls_fdw.duckdb_library to the path of libduckdb.so."
						 : NULL);
}

static Oid
type_named(const char *name)
{
	static const struct
	{
		const char *name;
		Oid type;
	} types[] = {{"boolean", BOOLOID},
				 {"smallint", INT2OID},
				 {"integer", INT4OID},
				 {"bigint", INT8OID},
				 {"numeric", NUMERICOID},
				 {"real", FLOAT4OID},
				 {"double precision", FLOAT8OID},
				 {"date", DATEOID},
				 {"time", TIMEOID},
				 {"timestamp", TIMESTAMPOID},
				 {"timestamptz", TIMESTAMPTZOID},
				 {"uuid", UUIDOID},
				 {"bytea", BYTEAOID},
				 {"jsonb", JSONBOID}};

	for (int i = 0; i < lengthof(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	return TEXTOID;
}

#define OWN_SUFFIX "_2"

/* A name as it is among the rows: one of ours has another. */
static char *
column_name(const char *name)
{
	return mls_dataset_gives_way(name) ? psprintf("%s" OWN_SUFFIX, name) : pstrdup(name);
}

/* The name in the file of one among the rows. */
static char *
name_in_file(const char *name)
{
	int length = strlen(name) - strlen(OWN_SUFFIX);
	char *plain = length > 0 ? pnstrdup(name, length) : NULL;

	return plain && strcmp(name + length, OWN_SUFFIX) == 0 && mls_dataset_gives_way(plain)
			   ? plain
			   : unconstify(char *, name);
}

static void
read_schema(DatasetParquet *parquet)
{
	char kind = next_frame(parquet);
	char *at;
	char *end;
	int room = 0;

	if (kind == 'E')
		fail_as_told(parquet);
	at = rest_of_frame(parquet);
	end = at + parquet->left;
	if (kind != 'S' || pg_encoding_verifymbstr(PG_UTF8, at, strlen(at)) != strlen(at))
		mls_dataset_fail(parquet->bytes,
						 "The program that reads Parquet does not keep to its rules.", NULL);
	parquet->rows = strtoll(at, NULL, 10);
	for (at += strlen(at) + 1; at < end && parquet->ncolumns < DATASET_MOST_CELLS;)
	{
		const char *type = at + strlen(at) + 1;

		if (pg_encoding_verifymbstr(PG_UTF8, at, strlen(at)) != strlen(at))
			mls_dataset_fail(parquet->bytes, "A column of it has a name that is no text.", NULL);
		if (type >= end)
			break;
		if (parquet->ncolumns == room)
		{
			room = Max(64, room * 2);
			parquet->names = parquet->names ? repalloc(parquet->names, room * sizeof(char *))
											: palloc(room * sizeof(char *));
			parquet->types = parquet->types ? repalloc(parquet->types, room * sizeof(Oid))
											: palloc(room * sizeof(Oid));
		}
		parquet->names[parquet->ncolumns] = column_name(at);
		parquet->types[parquet->ncolumns++] = type_named(type);
		at += strlen(at) + 1;
		at += strlen(at) + 1;
	}
}

/* The text of the rows. */
static bool
next_piece(DatasetText *text, const char **piece, Size *length)
{
	DatasetParquet *parquet = (DatasetParquet *) text;

	while (parquet->left == 0 && !parquet->is_ended)
	{
		char kind = next_frame(parquet);

		if (kind == 'E')
			fail_as_told(parquet);
		if (kind == 'Z')
		{
			int64 rows = strtoll(rest_of_frame(parquet), NULL, 10);

			parquet->left = 0;
			parquet->is_ended = true;
			if (!parquet->is_part && rows != parquet->rows)
				mls_dataset_fail(parquet->bytes,
								 psprintf("It says that it has %s, and has " INT64_FORMAT ".",
										  mls_counted(parquet->rows, "row", "rows"), rows),
								 NULL);
			(void) mls_child_end(parquet->child);
		}
		else if (kind != 'D')
			mls_dataset_fail(parquet->bytes,
							 "The program that reads Parquet does not keep to its rules.", NULL);
	}
	*piece = parquet->piece;
	*length = Min(parquet->left, PIECE);
	if (*length == 0)
		return false;
	*length = mls_child_read(parquet->child, parquet->piece, *length);
	if (*length == 0)
		read_exactly(parquet, parquet->piece, 1);
	parquet->left -= *length;
	parquet->total += *length;
	if (parquet->total > parquet->bytes->most)
		mls_dataset_fail(parquet->bytes,
						 psprintf("Its rows are longer than %s.",
								  mls_counted(parquet->bytes->most, "byte", "bytes")),
						 "The server option max_answer_bytes sets that limit.");
	return true;
}

/* ---- beginning ---- */

/* Names of columns for the program, in memory that is a file. */
static int
names_file(List *columns)
{
	int fd = mls_folder_take(memfd_create("mls_fdw columns", MFD_CLOEXEC));
	StringInfoData names;
	ListCell *lc;

	initStringInfo(&names);
	foreach (lc, columns)
	{
		char *name = name_in_file(lfirst(lc));

		appendBinaryStringInfo(&names, name, strlen(name) + 1);
	}
	if (fd < 0 || write(fd, names.data, names.len) != names.len || lseek(fd, 0, SEEK_SET) != 0)
	{
		int error = errno;

		mls_folder_drop(fd);
		errno = error;
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not write names of columns: %m")));
	}
	return fd;
}

static MlsChild *
start_program(DatasetBytes *bytes, const DatasetWanted *part)
{
	int file = descriptor_of(bytes);
	int names = names_file(part->columns);
	MlsChild *volatile child = NULL;

	PG_TRY();
	{
		const char *arguments[] = {duckdb_library, part->columns ? "some" : "all",
								   psprintf(INT64_FORMAT, part->rows), NULL};

		child = mls_child_start(PROGRAM, arguments, names, file);
	}
	PG_FINALLY();
	{
		mls_folder_drop(names);
	}
	PG_END_TRY();
	return child;
}

DatasetParquet *
mls_dataset_parquet(DatasetBytes *bytes, const DatasetWanted *part)
{
	DatasetParquet *parquet;

	if (duckdb_library == NULL || *duckdb_library == '\0')
		mls_dataset_fail(bytes, "Parquet is read with DuckDB, and no library of it is named.",
						 "A superuser sets mls_fdw.duckdb_library to the path of libduckdb.so.");
	require_marks(bytes);
	parquet = palloc0(sizeof(DatasetParquet));
	parquet->head.next = next_piece;
	parquet->bytes = bytes;
	parquet->is_part = part->rows > 0;
	parquet->child = start_program(bytes, part);
	read_schema(parquet);
	parquet->left = 0;
	if (parquet->rows < 0 || (!parquet->is_part && parquet->rows > bytes->most / LEAST_ROW))
		mls_dataset_fail(bytes,
						 psprintf("It says that it has %s, which are longer than %s.",
								  mls_counted(parquet->rows, "row", "rows"),
								  mls_counted(bytes->most, "byte", "bytes")),
						 "The server option max_answer_bytes sets that limit.");
	return parquet;
}

DatasetText *
mls_dataset_parquet_text(DatasetParquet *parquet)
{
	return &parquet->head;
}

const char **
mls_dataset_parquet_columns(const DatasetParquet *parquet, int *count, const Oid **types)
{
	*count = parquet->ncolumns;
	*types = parquet->types;
	return parquet->names;
}

int64
mls_dataset_parquet_rows(const DatasetParquet *parquet)
{
	return parquet->rows;
}
