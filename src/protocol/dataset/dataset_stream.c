/*
 * dataset_stream.c
 *		Pages: the files of a resource, one after another.
 *
 * With a ledger (a sync) a file is passed over whose bytes are here already, and one that
 * may still be written waits; each of the others is read twice: first all of its structure,
 * so that of a file which turns out to be broken nothing is stored, then its rows.  One that
 * cannot be read is noted, and the others go on.  Without a ledger it is an error.
 *
 * A file of which a part is here is read from its beginning, since only so it is known to be
 * the same, and that it is whole; but its first rows are passed over.  That costs the reading
 * of cells alone, a small part of what it takes to store them, and does for all kinds of files.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "base/name_list.h"
#include "protocol/dataset/dataset_reader.h"

/* Fields in a message. */
#define MOST_NAMED 5

typedef struct DatasetStream
{
	MlsStream head;
	MemoryContext context;      /* of the stream */
	MemoryContext file_context; /* of the file at hand */
	MemoryContext page;
	bool is_listed;
	List *files;
	int next;                /* of them */
	const DatasetFile *file; /* being read; NULL: none */
	DatasetBytes *bytes;
	DatasetRows *rows;
	int64 passed;             /* of its first rows so many are here */
	const char *first_sha256; /* by which its rows are known where each file counts once */
	int64 proven;             /* rows that it was found to have */
	const char *lacking;      /* columns that its header lacks; or NULL */
	MlsFileEntry entry;
} DatasetStream;

MlsStream *
mls_dataset_stream_open(const MlsQuery *query)
{
	DatasetStream *stream = palloc0(sizeof(DatasetStream));

	stream->head.protocol = query->table->source->protocol;
	stream->head.query = query;
	stream->head.announced = -1;
	stream->context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw dataset", ALLOCSET_DEFAULT_SIZES);
	stream->file_context =
		AllocSetContextCreate(stream->context, "mls_fdw file", ALLOCSET_DEFAULT_SIZES);
	stream->page = AllocSetContextCreate(stream->context, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	return &stream->head;
}

void
mls_dataset_stream_start(MlsStream *stream)
{
}

void
mls_dataset_stream_close(MlsStream *stream)
{
	MemoryContextDelete(((DatasetStream *) stream)->context);
}

/* ---- which files ---- */

static const char *
value_text(const MlsValue *value)
{
	if (value->text)
		return value->text;
	return value->type == TEXTOID && !value->isnull ? TextDatumGetCString(value->datum) : NULL;
}

/* Can a file have rows that meet a condition?  All are checked where they are wanted. */
static bool
may_have(const DatasetFile *file, const MlsCondition *condition)
{
	ListCell *lc;

	if ((condition->kind != MLS_IN &&
		 !(condition->kind == MLS_COMPARE && condition->op == MLS_EQ)) ||
		condition->column == NULL || strcmp(condition->column->field, DATASET_FILE) != 0)
		return true;
	foreach (lc, condition->values)
	{
		const char *text = value_text(lfirst(lc));

		if (text == NULL || strcmp(text, file->name) == 0)
			return true;
	}
	return false;
}

static bool
is_wanted(const MlsQuery *query, const DatasetFile *file)
{
	ListCell *lc;

	foreach (lc, query->conditions)
		if (!may_have(file, lfirst(lc)))
			return false;
	return true;
}

/* May a file still be written?  A clock that goes wrong must not make it wait for ever. */
static bool
is_fresh(const DatasetStream *stream, const DatasetFile *file)
{
	const DatasetServer *server = stream->head.query->table->source->own;
	int64 age = GetCurrentTimestamp() - file->modified;
	int64 settle = server->settle_s * USECS_PER_SEC;

	return !file->is_whole && settle > 0 && age < settle && age > -settle;
}

/* Is it what it was, as far as size, time and its host tell? */
static bool
is_version(const DatasetFile *file, const MlsFileEntry *known)
{
	return known->bytes == file->bytes && known->modified == file->modified &&
		   known->changed == file->changed &&
		   strcmp(known->validator ? known->validator : "",
				  file->validator ? file->validator : "") == 0;
}

/* Is all of it here? */
static bool
is_as_known(const DatasetFile *file, const MlsFileEntry *known)
{
	return known && known->state == MLS_FILE_SYNCED && is_version(file, known);
}

static bool
is_there(List *files, const MlsFileEntry *entry)
{
	ListCell *lc;

	foreach (lc, files)
		if (strcmp(((DatasetFile *) lfirst(lc))->name, entry->name) == 0)
			return true;
	return false;
}

/* Was there something of a file here, so that it may be gone? */
static bool
was_read(const MlsFileEntry *known)
{
	return known && known->state != MLS_FILE_GONE && known->sha256;
}

/* Is it only to be read, and not another than it was? */
static bool
is_to_be_read(const DatasetFile *file, const MlsFileEntry *known)
{
	return (known->state == MLS_FILE_NOT_SYNCED || known->state == MLS_FILE_SYNCING) &&
		   is_version(file, known);
}

/* The first of the files whose rows may stand below others of their key, or be missing. */
static int
first_out_of_order(const DatasetStream *stream, const MlsFileLedger *ledger, List *files)
{
	int first = list_length(files);
	ListCell *lc;

	foreach (lc, ledger->known)
		if (was_read(lfirst(lc)) && !is_there(files, lfirst(lc)))
			return 0;
	foreach (lc, files)
	{
		const DatasetFile *file = lfirst(lc);
		const MlsFileEntry *known = mls_ledger_find(ledger, file->name);

		if (is_as_known(file, known) || is_fresh(stream, file))
			continue;
		if (was_read(known) && !is_to_be_read(file, known))
			return 0;
		first = Min(first, foreach_current_index(lc) + 1);
	}
	return first;
}

/*
 * Of rows with one key the last counts, in the order of the files.  So what a file had, and has
 * no more, may stand in another, and a file that is read now must not stand above those behind
 * it: these are read again.
 */
static void
keep_order(const DatasetStream *stream, MlsFileLedger *ledger, List *files)
{
	for (int i = first_out_of_order(stream, ledger, files); i < list_length(files); i++)
	{
		const MlsFileEntry *known =
			mls_ledger_find(ledger, ((DatasetFile *) list_nth(files, i))->name);
		MlsFileEntry entry;

		if (known == NULL || known->state == MLS_FILE_GONE ||
			(known->state != MLS_FILE_SYNCED && known->taken_rows == 0))
			continue;
		entry = *known;
		entry.state = MLS_FILE_NOT_SYNCED;
		entry.taken_rows = 0;
		mls_ledger_note(ledger, &entry);
	}
}

/*
 * What a ledger knows and the place has no more.  Its bytes are known again only if all of
 * them are here.
 */
static void
note_gone(MlsFileLedger *ledger, List *files)
{
	List *gone = NIL;
	ListCell *lc;

	foreach (lc, ledger->known)
	{
		MlsFileEntry *entry = lfirst(lc);

		if (entry->state != MLS_FILE_GONE && !is_there(files, entry))
			gone = lappend(gone, entry);
	}
	foreach (lc, gone)
	{
		MlsFileEntry entry = *(MlsFileEntry *) lfirst(lc);

		if (entry.state != MLS_FILE_SYNCED)
			entry.sha256 = NULL;
		entry.state = MLS_FILE_GONE;
		entry.error = NULL;
		mls_ledger_note(ledger, &entry);
	}
}

/* Files of other resources: there may be no table that reads them. */
static void
note_others(MlsFileLedger *ledger, List *all, const char *resource)
{
	ListCell *lc;

	ledger->is_listed = true;
	ledger->others = NIL;
	foreach (lc, all)
	{
		const DatasetFile *file = lfirst(lc);

		if (strcmp(file->resource, resource) != 0)
			mls_ledger_other(ledger, file->name, file->resource);
	}
}

/* What is dated in the future is said to be, since its date does not decide which is the newest. */
static void
note_ahead(DatasetStream *stream, List *files)
{
	const MlsTable *table = stream->head.query->table;
	ListCell *lc;

	foreach (lc, files)
	{
		const DatasetFile *file = lfirst(lc);
		const char *at = timestamptz_to_str(file->modified);

		if (!mls_dataset_is_ahead(table->source->own, file))
			continue;
		stream->head.remarks = lappend(
			stream->head.remarks,
			psprintf("file \"%s\" is dated in the future, %s, and counts from when it came here",
					 file->name, at));
		if (table->files)
			mls_ledger_reject(
				table->files, file->name, 0, at, strlen(at),
				"is when it was written, which is in the future; it counts from when it came here");
	}
}

/*
 * In mode append rows are known by the hash of their file, else by its name: a table whose key is
 * of the one kind has none of the other.
 */
static void
require_mode(const MlsTable *table)
{
	const DatasetServer *server = table->source->own;
	bool by_hash = mls_table_is_key(table, DATASET_SHA256);
	bool by_file = mls_table_is_key(table, DATASET_FILE);

	if ((by_hash || by_file) && by_hash != (server->mode == DATASET_APPEND))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("foreign table %s is not one for the mode of source \"%s\"", table->name,
						table->source->name),
				 errdetail("Its rows are known by %s, as they are %s mode append.",
						   mls_names_joined(table->key, ", "), by_hash ? "in" : "outside"),
				 errhint("Set the server option mode as it was; or begin anew: call "
						 "mls_unsubscribe(%s, drop_data => true), drop the foreign table, and have "
						 "IMPORT FOREIGN SCHEMA make it for the new mode.",
						 quote_literal_cstr(table->name))));
}

static void
list_files(DatasetStream *stream)
{
	const MlsTable *table = stream->head.query->table;
	const DatasetServer *server = table->source->own;
	MemoryContext before = MemoryContextSwitchTo(stream->context);
	List *all =
		mls_dataset_list(table->source, table->resource, table->files, NULL, &stream->head.stats);
	List *files = mls_dataset_files_of(table->source, all, table->resource);
	ListCell *lc;

	if (table->files || stream->head.query->keys_only)
		require_mode(table);
	foreach (lc, files)
		if (is_wanted(stream->head.query, lfirst(lc)))
			stream->files = lappend(stream->files, lfirst(lc));
	if (table->files && server->mode == DATASET_MIRROR && !mls_table_is_key(table, DATASET_FILE))
		keep_order(stream, table->files, files);
	if (table->files)
	{
		table->files->waiting = 0;
		note_gone(table->files, files);
		note_others(table->files, all, table->resource);
	}
	if (server->mode == DATASET_REPLACE)
		note_ahead(stream, files);
	stream->is_listed = true;
	MemoryContextSwitchTo(before);
}

/* ---- a file ---- */

static void
note(DatasetStream *stream, MlsFileState state)
{
	MlsFileLedger *ledger = stream->head.query->table->files;

	if (ledger == NULL)
		return;
	stream->entry.state = state;
	if (stream->rows)
	{
		stream->entry.rows = mls_dataset_rows_count(stream->rows);
		stream->entry.rejected = mls_dataset_rows_rejected(stream->rows);
	}
	if (stream->rows && (state == MLS_FILE_SYNCING || state == MLS_FILE_SYNCED))
	{
		stream->entry.taken_rows = stream->entry.rows;
		stream->entry.taken_bytes = stream->entry.bytes;
		stream->entry.taken_sha256 = stream->entry.sha256;
		stream->entry.first_sha256 = stream->first_sha256;
	}
	mls_ledger_note(ledger, &stream->entry);
}

static void
end_file(DatasetStream *stream)
{
	stream->file = NULL;
	stream->rows = NULL;
	stream->bytes = NULL;
	stream->passed = 0;
	stream->lacking = NULL;
	MemoryContextReset(stream->file_context);
}

/* Is it known to be here, by its size and time?  Or may it still be written, so that it waits? */
static bool
is_passed_over(DatasetStream *stream, const MlsFileLedger *ledger)
{
	const DatasetFile *file = stream->file;
	const MlsFileEntry *known = mls_ledger_find(ledger, file->name);

	if (is_as_known(file, known))
		return true;
	if (is_fresh(stream, file))
	{
		note(stream, MLS_FILE_PENDING);
		stream->head.query->table->files->waiting++;
		return true;
	}
	return false;
}

/* Are the same bytes here, under this name, or where each file counts once under any? */
static bool
is_here(DatasetStream *stream, const MlsFileLedger *ledger)
{
	const DatasetServer *server = stream->head.query->table->source->own;
	const MlsFileEntry *same = mls_ledger_find_bytes(ledger, stream->entry.sha256);

	if (same == NULL ||
		(server->mode != DATASET_APPEND &&
		 (strcmp(same->name, stream->entry.name) != 0 || same->state != MLS_FILE_SYNCED)))
		return false;
	stream->entry.rows = same->rows;
	stream->entry.rejected = same->rejected;
	/* Its rows are the other's. */
	if (strcmp(same->name, stream->entry.name) != 0)
	{
		stream->entry.taken_rows = 0;
		stream->entry.taken_bytes = stream->entry.bytes;
		stream->entry.taken_sha256 = stream->entry.sha256;
		stream->entry.first_sha256 = same->first_sha256;
	}
	stream->entry.reading = strcmp(same->name, stream->entry.name) == 0
								? same->reading
								: psprintf("the same bytes as \"%s\"", same->name);
	return true;
}

/* Does a header have a field?  What has no header has all of them. */
static bool
has_field(const DatasetRows *rows, const char *field)
{
	int count;
	const char **names = mls_dataset_rows_names(rows, &count);

	for (int i = 0; names && i < count; i++)
		if (strcmp(names[i], field) == 0)
			return true;
	return names == NULL || mls_dataset_is_own(field);
}

/* Without a field of the key no row could be kept. */
static void
require_key(const DatasetStream *stream, const DatasetRows *rows)
{
	ListCell *lc;

	foreach (lc, stream->head.query->table->key)
		if (!has_field(rows, lfirst(lc)))
			mls_dataset_fail(
				stream->bytes,
				psprintf("Its header lacks the field \"%s\" of the key.", (char *) lfirst(lc)),
				NULL);
}

/* The fields of the table that a header lacks, in words; NULL: none. */
static char *
lacking_fields(const MlsTable *table, const DatasetRows *rows)
{
	StringInfoData out;
	int count = 0;

	initStringInfo(&out);
	for (int i = 0; i < table->ncolumns; i++)
	{
		const char *field = table->columns[i].field;

		if (field == NULL || strcmp(field, "*") == 0 || has_field(rows, field))
			continue;
		if (count++ < MOST_NAMED)
			appendStringInfo(&out, "%s\"%s\"", out.len ? ", " : "", field);
	}
	if (count > MOST_NAMED)
		appendStringInfoString(&out, ", ...");
	return count > 0 ? out.data : NULL;
}

/* Reads all rows, and keeps none: an error says what is wrong with the file. */
static void
prove(DatasetStream *stream, const DatasetFacts *facts)
{
	const MlsTable *table = stream->head.query->table;
	MlsFileLedger aside = {.context = CurrentMemoryContext};
	DatasetRows *rows = mls_dataset_rows(stream->bytes, table->source->own, stream->file, facts);
	char *lacking;

	mls_dataset_rows_reject_to(rows, &aside);
	while (mls_dataset_rows_next(rows))
		;
	mls_dataset_require_unchanged(stream->bytes);
	require_key(stream, rows);
	stream->proven = mls_dataset_rows_count(rows);
	lacking = lacking_fields(table, rows);
	if (lacking)
		stream->lacking = MemoryContextStrdup(stream->file_context, lacking);
}

static void
prove_in_passing(DatasetStream *stream, const DatasetFacts *facts)
{
	MemoryContext work =
		AllocSetContextCreate(stream->file_context, "mls_fdw proof", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(work);

	prove(stream, facts);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(work);
}

/* What is known of the file at hand, unless it was gone: then it is another. */
static const MlsFileEntry *
known_file(const DatasetStream *stream, const MlsFileLedger *ledger)
{
	const MlsFileEntry *known = mls_ledger_find(ledger, stream->file->name);

	return known && known->state != MLS_FILE_GONE ? known : NULL;
}

static bool
is_taken(const MlsFileEntry *known, const char *sha256)
{
	return known->taken_sha256 && strcmp(known->taken_sha256, sha256) == 0;
}

/* Is a file that was taken another now?  Of one with the bytes of another nothing was taken. */
static bool
is_other(const MlsFileEntry *known, const char *sha256)
{
	return known->first_sha256 ||
		   (known->was_whole && known->sha256 && strcmp(known->sha256, sha256) != 0);
}

/* Has another file the rows of this one, so that lines behind them could be of either? */
static bool
is_shared(const MlsFileLedger *ledger, const MlsFileEntry *known)
{
	ListCell *lc;

	foreach (lc, ledger->known)
	{
		const MlsFileEntry *other = lfirst(lc);

		if (strcmp(other->name, known->name) != 0 && other->first_sha256 &&
			strcmp(other->first_sha256, known->first_sha256) == 0 &&
			(other->state != MLS_FILE_GONE || other->taken_bytes > known->taken_bytes))
			return true;
	}
	return false;
}

/* Is what was taken of a file its beginning now, with lines behind it? */
static bool
has_grown(const DatasetStream *stream, const MlsFileEntry *known, const DatasetFacts *facts)
{
	bool is_plain = !stream->file->is_book && !stream->file->is_parquet && !facts->is_gzip &&
					(facts->encoding == DATASET_UTF8 || facts->encoding == DATASET_WINDOWS_1252);

	return is_plain && known->first_sha256 && known->taken_sha256 &&
		   !is_shared(stream->head.query->table->files, known) &&
		   known->taken_bytes < stream->bytes->length &&
		   mls_dataset_begins_with(stream->bytes, known->taken_bytes, known->taken_sha256);
}

/*
 * Is a part of the file at hand here, behind which it is read on?  Returns what is known of
 * it, if anything is.  Where each file counts once,
 * one that has grown has its rows under the hash that it had at first, whatever it has now; and
 * one that has changed otherwise would bring again what it had.
 */
static const MlsFileEntry *
find_taken(DatasetStream *stream, const MlsFileEntry *known, DatasetFacts *facts)
{
	const MlsTable *table = stream->head.query->table;
	bool once = ((const DatasetServer *) table->source->own)->mode == DATASET_APPEND;

	/* It may have had another name. */
	if (known == NULL && once)
		known = mls_ledger_find_taken(table->files, facts->sha256);
	if (known && (is_taken(known, facts->sha256) || (once && has_grown(stream, known, facts))))
	{
		stream->passed = known->taken_rows;
		stream->first_sha256 = pstrdup(known->first_sha256);
		strlcpy(facts->sha256, known->first_sha256, sizeof(facts->sha256));
	}
	else if (known && once && is_other(known, facts->sha256))
	{
		/* It is known by what was taken. */
		stream->entry.sha256 = NULL;
		mls_dataset_fail(stream->bytes,
						 "It was changed after its rows were taken, and each file is taken once.",
						 "What lines are added to a file are taken; put other new rows into a file "
						 "with a name of its own.");
	}
	return known;
}

/* How a file is read, without what was remarkable in it. */
static int
way_length(const char *reading)
{
	return strcspn(reading, ";");
}

/* Goes behind the rows of the file at hand that are here. */
static void
pass_over(DatasetStream *stream, const MlsFileEntry *known)
{
	char *reading;

	for (int64 i = 0; i < stream->passed; i++)
		if (!mls_dataset_rows_next(stream->rows))
			mls_dataset_fail(stream->bytes, "It has fewer rows than were taken of it.", NULL);
	if (stream->passed == 0)
		return;
	reading = mls_dataset_rows_reading(stream->rows);
	if (known->reading == NULL || way_length(known->reading) != way_length(reading) ||
		strncmp(known->reading, reading, way_length(reading)) != 0)
		mls_dataset_fail(stream->bytes,
						 psprintf("What is here of it was read otherwise: %s.",
								  known->reading ? known->reading : ""),
						 NULL);
}

/* An error if it may not be taken, for it has too much; -1 rows: as far as is known unread. */
static void
require_room(const DatasetStream *stream, MlsFileLedger *ledger, int64 rows)
{
	const char *why = ledger->refusal ? ledger->refusal(ledger, stream->file->bytes, rows) : NULL;

	if (why)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("file \"%s\" of source \"%s\" is not taken", stream->file->name,
							   stream->head.query->table->source->name),
						errdetail_internal("%s", why),
						errhint("Superusers set these limits with mls_tenant().")));
}

/* Begins the file at hand; false if nothing of it is to be read. */
static bool
begin_file(DatasetStream *stream)
{
	const MlsTable *table = stream->head.query->table;
	const DatasetServer *server = table->source->own;
	const MlsFileEntry *known = table->files ? known_file(stream, table->files) : NULL;
	DatasetFacts *facts;

	stream->entry = (MlsFileEntry){.name = stream->file->name,
								   .bytes = stream->file->bytes,
								   .modified = stream->file->modified,
								   .validator = stream->file->validator,
								   .changed = stream->file->changed};
	if (known)
	{
		stream->entry.taken_rows = known->taken_rows;
		stream->entry.taken_bytes = known->taken_bytes;
		stream->entry.taken_sha256 = known->taken_sha256;
		stream->entry.first_sha256 = known->first_sha256;
	}
	if (table->files && is_passed_over(stream, table->files))
	{
		table->files->passed_over = true;
		return false;
	}
	/* Of half a file it would be said that the rest is gone. */
	if (stream->head.query->keys_only && is_fresh(stream, stream->file))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("file \"%s\" of source \"%s\" may still be written",
							   stream->file->name, table->source->name),
						errdetail("It was written less than %d s ago (server option settle).",
								  server->settle_s)));
	if (table->files)
		require_room(stream, table->files, -1);
	facts = palloc0(sizeof(DatasetFacts));
	stream->bytes = mls_dataset_open(table->source, stream->file, &stream->head.stats);
	mls_dataset_examine(stream->bytes, stream->file, server->encoding,
						table->files || server->mode == DATASET_APPEND, facts);
	stream->entry.sha256 = stream->first_sha256 = pstrdup(facts->sha256);
	if (table->files && is_here(stream, table->files))
	{
		note(stream, MLS_FILE_SYNCED);
		table->files->passed_over = true;
		return false;
	}
	if (table->files)
	{
		known = find_taken(stream, known, facts);
		prove_in_passing(stream, facts);
		require_room(stream, table->files, stream->proven);
		if (stream->lacking)
			mls_ledger_reject(table->files, stream->file->name, 0, stream->lacking,
							  strlen(stream->lacking), "is what its header lacks");
	}
	stream->rows = mls_dataset_rows_of(stream->bytes, server, stream->file, facts,
									   &(DatasetWanted){.columns = stream->head.query->fields});
	if (table->files)
	{
		mls_dataset_rows_reject_to(stream->rows, table->files);
		pass_over(stream, known);
		table->files->passed_over |= stream->passed > 0;
	}
	return true;
}

/* Reads a page of the file at hand; NULL at its end, and if it has none. */
static MlsPage *
read_file(DatasetStream *stream)
{
	const MlsQuery *query = stream->head.query;
	int size = query->page_size > 0 ? query->page_size : query->table->source->platform.page_size;
	MemoryContext before;
	MlsPage *page;

	if (query->table->files == NULL && !query->keys_only)
		size = Min(size, DATASET_PASSING_ROWS);
	MemoryContextSwitchTo(stream->file_context);
	if (stream->rows == NULL && !begin_file(stream))
	{
		end_file(stream);
		return NULL;
	}
	before = MemoryContextSwitchTo(stream->page);
	page = mls_dataset_page(stream->rows, size, stream->bytes->name);
	MemoryContextSwitchTo(before);
	mls_dataset_require_unchanged(stream->bytes);
	/* A purge would take all that the file has for gone. */
	if (query->keys_only)
		require_key(stream, stream->rows);
	stream->entry.reading = mls_dataset_rows_reading(stream->rows);
	if (stream->lacking)
		stream->entry.reading =
			psprintf("%s; its header lacks %s", stream->entry.reading, stream->lacking);
	note(stream, page ? MLS_FILE_SYNCING : MLS_FILE_SYNCED);
	if (page == NULL)
		end_file(stream);
	return page;
}

/* The same, where a file that cannot be read is noted. */
static MlsPage *
try_file(DatasetStream *stream)
{
	MemoryContext before = CurrentMemoryContext;
	MlsPage *volatile page = NULL;

	PG_TRY();
	{
		page = read_file(stream);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(stream->context);
		error = CopyErrorData();
		if (!mls_dataset_is_files_fault(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		stream->entry.error =
			error->detail ? psprintf("%s: %s", error->message, error->detail) : error->message;
		stream->entry.advice = error->hint;
		note(stream, MLS_FILE_FAILED);
		end_file(stream);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
	return page;
}

MlsPage *
mls_dataset_stream_next(MlsStream *head)
{
	DatasetStream *stream = (DatasetStream *) head;
	MemoryContext before = CurrentMemoryContext;
	MlsPage *page = NULL;

	MemoryContextReset(stream->page);
	if (!stream->is_listed)
		list_files(stream);
	while (page == NULL)
	{
		if (stream->file == NULL && stream->next == list_length(stream->files))
			break;
		if (stream->file == NULL)
			stream->file = list_nth(stream->files, stream->next++);
		page = head->query->table->files ? try_file(stream) : read_file(stream);
		MemoryContextSwitchTo(before);
	}
	if (page == NULL)
		return NULL;
	head->pages++;
	head->records += page->nrecords;
	head->stats.body_bytes += page->bytes;
	return page;
}
