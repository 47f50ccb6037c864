/*
 * dataset_schema.c
 *		Resources and fields: what the files of a place hold, all of them read.
 *
 * A file that cannot be read is a finding, and its resource has the types of the others; a
 * resource of which no file can be read is left out.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/base.h"
#include "base/name_list.h"
#include "protocol/dataset/dataset_types.h"

/* Of a file that says the types of its fields, so many rows are looked at. */
#define SAMPLE_ROWS 100

/* Names of files in a message. */
#define MOST_NAMED 5

typedef struct Described
{
	const MlsSource *source;
	MlsRemoteSchema *schema;
	DatasetTypes *types; /* of the resource at hand */
	MlsHttpStats *stats;
} Described;

/* What reads one file, and what it finds; in a context that goes with it. */
typedef struct Reading
{
	Described *described;
	const DatasetFile *file;
	MemoryContext context; /* of what stays */
	int64 rows;
	char *how;
	char *problem;
} Reading;

static void
read_file(Reading *reading)
{
	const MlsSource *source = reading->described->source;
	const DatasetServer *server = source->own;
	DatasetTypes *types = reading->described->types;
	DatasetBytes *bytes = mls_dataset_open(source, reading->file, reading->described->stats);
	MemoryContext page =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	MlsFileLedger aside = {.context = CurrentMemoryContext};
	/* What says its types itself is looked at for a few values. */
	DatasetWanted part = {.rows = SAMPLE_ROWS};
	DatasetFacts facts;
	DatasetRows *rows;
	const char **names;
	int nnames;
	bool more;

	mls_dataset_examine(bytes, reading->file, server->encoding, server->mode == DATASET_APPEND,
						&facts);
	rows = mls_dataset_rows_of(bytes, server, reading->file, &facts, &part);
	mls_dataset_rows_declare(rows, types);
	/* Lines that are no records are counted here; who reads them makes issues or an error of them. */
	mls_dataset_rows_reject_to(rows, &aside);
	do
	{
		MemoryContext before = MemoryContextSwitchTo(page);
		MlsPage *read = mls_dataset_page(rows, DATASET_PASSING_ROWS, bytes->name);

		more = read != NULL;
		if (more)
			mls_dataset_types_see(types, read);
		if (more)
			reading->described->stats->body_bytes += read->bytes;
		MemoryContextSwitchTo(before);
		MemoryContextReset(page);
	} while (more);
	mls_dataset_require_unchanged(bytes);
	names = mls_dataset_rows_names(rows, &nnames);
	for (int i = 0; i < nnames; i++)
		mls_dataset_types_expect(types, names[i]);
	reading->rows = mls_dataset_rows_told(rows) >= 0 ? mls_dataset_rows_told(rows)
													 : mls_dataset_rows_count(rows);
	reading->how = MemoryContextStrdup(reading->context, mls_dataset_rows_reading(rows));
}

/* An error of a file alone is a finding; all others pass on. */
static void
try_file(Reading *reading)
{
	MemoryContext before = reading->context = CurrentMemoryContext;
	MemoryContext work =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw file", ALLOCSET_DEFAULT_SIZES);

	MemoryContextSwitchTo(work);
	PG_TRY();
	{
		read_file(reading);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(before);
		error = CopyErrorData();
		if (!mls_dataset_is_files_fault(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		reading->problem =
			error->detail ? psprintf("%s: %s", error->message, error->detail) : error->message;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
	MemoryContextDelete(work);
}

/* ---- resources ---- */

static List *
key_of(const DatasetServer *server)
{
	if (server->key)
		return server->key;
	return server->mode == DATASET_APPEND ? list_make2(DATASET_SHA256, DATASET_LINE)
										  : list_make2(DATASET_FILE, DATASET_LINE);
}

static void
add_finding(Described *described, char *finding)
{
	described->schema->findings = lappend(described->schema->findings, finding);
}

static void
leave_out(Described *described, const char *name, const char *why)
{
	MlsLeftOut *left_out = palloc(sizeof(MlsLeftOut));

	left_out->name = name;
	left_out->why = why;
	described->schema->left_out = lappend(described->schema->left_out, left_out);
}

/* Fields of a key that no file has would make a table without keys. */
static const char *
missing_key(const List *fields, const List *key)
{
	ListCell *lc;

	foreach (lc, key)
	{
		bool found = false;
		ListCell *field;

		foreach (field, fields)
			found |= strcmp(((MlsRemoteField *) lfirst(field))->name, lfirst(lc)) == 0;
		if (!found)
			return lfirst(lc);
	}
	return NULL;
}

static void
describe_resource(Described *described, List *files, const char *name)
{
	const DatasetServer *server = described->source->own;
	MlsRemoteResource *resource = palloc0(sizeof(MlsRemoteResource));
	StringInfoData description;
	const char *problem = NULL;
	const char *missing;
	ListCell *lc;

	initStringInfo(&description);
	described->types = mls_dataset_types(server);
	foreach (lc, mls_dataset_files_of(described->source, files, name))
	{
		Reading reading = {.described = described, .file = lfirst(lc)};

		try_file(&reading);
		if (reading.problem)
		{
			problem = reading.problem;
			add_finding(described, reading.problem);
			continue;
		}
		appendStringInfo(&description, "%s%s (%s): %s", description.len ? "; " : "",
						 reading.file->name, mls_counted(reading.rows, "row", "rows"), reading.how);
	}
	if (description.len == 0)
	{
		leave_out(described, name, problem ? problem : "it has no file");
		return;
	}
	if (server->mode == DATASET_APPEND)
		mls_dataset_types_expect(described->types, DATASET_SHA256);
	mls_dataset_types_expect(described->types, DATASET_FILE);
	mls_dataset_types_expect(described->types, DATASET_LINE);
	resource->name = resource->entity_type = name;
	resource->description = description.data;
	resource->fields = mls_dataset_types_fields(described->types);
	resource->key = key_of(server);
	missing = missing_key(resource->fields, resource->key);
	if (missing)
	{
		leave_out(described, name, psprintf("it has no field \"%s\" of the option key", missing));
		add_finding(described, psprintf("resource \"%s\" has no field \"%s\" of the option key",
										name, missing));
		return;
	}
	described->schema->resources = lappend(described->schema->resources, resource);
}

/* Files that nobody reads, in one sentence. */
static void
note_others(Described *described, List *others)
{
	StringInfoData names;
	ListCell *lc;

	if (others == NIL)
		return;
	initStringInfo(&names);
	foreach (lc, others)
	{
		if (foreach_current_index(lc) == MOST_NAMED)
			break;
		appendStringInfo(&names, "%s\"%s\"", names.len ? ", " : "", (char *) lfirst(lc));
	}
	add_finding(described, psprintf("%s of a kind, or of a name, that is not read: %s%s",
									mls_counted(list_length(others), "file is", "files are"),
									names.data, list_length(others) > MOST_NAMED ? ", ..." : ""));
}

MlsRemoteSchema *
mls_dataset_describe(const MlsSource *source, MlsHttpStats *stats)
{
	Described described = {.source = source, .stats = stats};
	List *others = NIL;
	List *names = NIL;
	List *files;
	ListCell *lc;

	described.schema = palloc0(sizeof(MlsRemoteSchema));
	files = mls_dataset_list(source, NULL, NULL, &others, stats);
	foreach (lc, files)
	{
		const char *name = ((DatasetFile *) lfirst(lc))->resource;

		if (!mls_is_listed(names, name))
			names = lappend(names, (char *) name);
	}
	foreach (lc, names)
		describe_resource(&described, files, lfirst(lc));
	foreach (lc, mls_dataset_unfitted(source, files))
		add_finding(&described, psprintf("no file that is read fits \"%s\" of the option files",
										 (char *) lfirst(lc)));
	note_others(&described, others);
	return described.schema;
}
