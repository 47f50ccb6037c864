/*
 * dataset.c
 *		Files as a protocol: its options, and its table of functions.
 *
 * Nothing is sent anywhere: conditions, order and counts are PostgreSQL's own.  A condition on
 * the name of the file is the exception, which saves opening the others.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"

#include "protocol/condition.h"
#include "protocol/dataset/dataset_place.h"
#include "protocol/file/file.h"

#define SERVER ForeignServerRelationId
#define OWN(member) .own = true, .offset = offsetof(DatasetServer, member)

static const char *const platform_names[] = {"generic", NULL};

/* Keys are asked for many at a time, since each question reads files. */
static const MlsPlatform generic = {.name = "generic",
									.page_size = 5000,
									.key_page_size = 5000,
									.expand_page_size = 5000,
									.ordering = MLS_ORDER_NONE,
									.or_allowed = true,
									.in_allowed = true,
									.parentheses_allowed = true,
									.count_exact = true};

/* In the order of DatasetMode, DatasetEncoding, DatasetChoice. */
static const char *const mode_names[] = {"mirror", "replace", "upsert", "append", NULL};
static const char *const encoding_names[] = {"auto",     "utf-8",        "utf-16le",
											 "utf-16be", "windows-1252", NULL};
static const char *const header_names[] = {"auto", "true", "false", NULL};
static const char *const decimal_names[] = {"auto", "point", "comma", NULL};
static const char *const dates_names[] = {"auto", "dmy", "mdy", NULL};

/* clang-format off */
static const MlsOption options[] = {
	{"files", SERVER, MLS_OPTION_LIST, OWN(files),
	 .help = "Datasets: which files are read, as patterns with * and ?; resource=pattern makes one resource of all that fit, and #sheet behind the pattern of a workbook names the sheet. Default all, each a resource of its own name. Below an address of https: their names."},
	{"mode", SERVER, MLS_OPTION_CHOICE, OWN(mode), .choices = mode_names, .default_value = "mirror",
	 .help = "Datasets: whether a resource is what its files hold now (mirror), what the newest holds (replace), what they have ever held, by key (upsert), or the rows of each file, once (append)."},
	{"key", SERVER, MLS_OPTION_LIST, OWN(key),
	 .help = "Datasets: fields that identify a row; default the file and the line it stands in."},
	{"delimiter", SERVER, MLS_OPTION_TEXT, OWN(delimiter), .default_value = "auto",
	 .help = "Datasets: the character between cells, or tab; auto: found in each file."},
	{"quote", SERVER, MLS_OPTION_TEXT, OWN(quote), .default_value = "\"",
	 .help = "Datasets: the character around cells, or none."},
	{"header", SERVER, MLS_OPTION_CHOICE, OWN(header), .choices = header_names, .default_value = "auto",
	 .help = "Datasets: whether the first record names the columns; auto: found in each file."},
	{"encoding", SERVER, MLS_OPTION_CHOICE, OWN(encoding), .choices = encoding_names, .default_value = "auto",
	 .help = "Datasets: character set of files without a mark; auto: UTF-8 where all of a file is, else Windows-1252."},
	{"decimal", SERVER, MLS_OPTION_CHOICE, OWN(decimal), .choices = decimal_names, .default_value = "auto",
	 .help = "Datasets: what stands before the fraction of numbers where they leave it open, as 1,234 does."},
	{"dates", SERVER, MLS_OPTION_CHOICE, OWN(dates), .choices = dates_names, .default_value = "auto",
	 .help = "Datasets: order of day and month where dates leave it open, as 03/04/2024 does."},
	{"nulls", SERVER, MLS_OPTION_LIST, OWN(nulls),
	 .help = "Datasets: cells that stand for no value, such as N/A."},
	{"ids_as_text", SERVER, MLS_OPTION_BOOL, OWN(ids_as_text), .default_value = "true",
	 .help = "Datasets: whether numbers are text in columns whose names say identity, such as zip and license_no."},
	{"path", SERVER, MLS_OPTION_TEXT, OWN(path),
	 .help = "Datasets: the member of a JSON document that holds the list of rows; default a usual name, or the first that holds one."},
	{"sheet", SERVER, MLS_OPTION_TEXT, OWN(sheet),
	 .help = "Datasets: the sheet of a workbook that is read, by its name or number; default the first that is not hidden."},
	{"settle", SERVER, MLS_OPTION_DURATION, OWN(settle_s), .max = 86400, .default_value = "30 s",
	 .help = "Datasets: a file that was written within this time waits for the next sync."},
	{NULL},
};
/* clang-format on */

static const MlsPlatform *
find_platform(const char *name)
{
	return strcmp(name, generic.name) == 0 ? &generic : NULL;
}

/* ---- what is asked ---- */

/* A file is left out by its name; what comes of the others is checked as always. */
static MlsFit
write_leaf(MlsConditionWriter *writer, StringInfo buf, const MlsCondition *leaf)
{
	bool is_equal = leaf->kind == MLS_IN || (leaf->kind == MLS_COMPARE && leaf->op == MLS_EQ);

	if (!is_equal || leaf->column == NULL || strcmp(leaf->column->field, DATASET_FILE) != 0)
		return MLS_FIT_NO;
	appendStringInfoString(buf, "files by name");
	return MLS_FIT_SUPERSET;
}

static MlsConditionWriter
writer(const MlsTable *table)
{
	return (MlsConditionWriter){.table = table, .leaf = write_leaf};
}

static bool
sortable(const MlsTable *table, const MlsColumn *column)
{
	return false;
}

static bool
countable(const MlsTable *table)
{
	return false;
}

static int64
count(const MlsQuery *query, MlsHttpStats *stats)
{
	return -1;
}

static char *
show(const MlsQuery *query)
{
	const MlsTable *table = query->table;

	return psprintf("files of \"%s\" in %s", table->resource, mls_dataset_shown_url(table->source));
}

static void
append_list(StringInfo out, const List *list)
{
	ListCell *lc;

	foreach (lc, list)
		appendStringInfo(out, "%s\t", (char *) lfirst(lc));
	appendStringInfoChar(out, '\n');
}

/* What decides the types of columns is not among it: the text of a row is the same. */
static char *
scope(const MlsTable *table)
{
	const DatasetServer *server = table->source->own;
	StringInfoData out;

	initStringInfo(&out);
	append_list(&out, server->files);
	append_list(&out, server->nulls);
	appendStringInfo(&out, "%d %d %d\n%s\n%s\n%s", server->mode, server->header, server->encoding,
					 server->delimiter, server->quote, server->path ? server->path : "");
	if (server->sheet)
		appendStringInfo(&out, "\n%s", server->sheet);
	return out.data;
}

static bool
keeps_gone(const MlsTable *table)
{
	int mode = ((const DatasetServer *) table->source->own)->mode;

	return mode == DATASET_APPEND || mode == DATASET_UPSERT;
}

extern const MlsProtocol mls_dataset_protocol;

const MlsProtocol mls_dataset_protocol = {
	.name = "dataset",
	.is_local = true,
	.keeps_files = true,
	.empty_is_null = true,
	.platform = find_platform,
	.platform_names = platform_names,
	.url_problem = mls_dataset_url_problem,
	.is_signed = mls_file_is_signed,
	.upload_problem = mls_dataset_upload_problem,
	.options = options,
	.own_size = sizeof(DatasetServer),
	.writer = writer,
	.sortable = sortable,
	.countable = countable,
	.show = show,
	.open = mls_dataset_stream_open,
	.start = mls_dataset_stream_start,
	.next_page = mls_dataset_stream_next,
	.close = mls_dataset_stream_close,
	.count = count,
	.scope = scope,
	.keeps_gone = keeps_gone,
	.look = mls_dataset_look,
	.is_remote = mls_dataset_is_remote,
	.describe = mls_dataset_describe,
};
