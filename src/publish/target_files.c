/*
 * target_files.c
 *		Stores of files as destinations: each batch is a file, of a number that rises.
 *
 * <name>/000000000042.ndjson is written once, whole, and never again: who reads files in the
 * order of their names has all changes in their order.  How far it is stands in a document
 * beside them, which is replaced when the file is there.  A run that ends between the two leaves
 * a file whose records come again in the next one, as they are then.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"

#include "media/store.h"
#include "protocol/page_chain.h"
#include "publish/row_json.h"
#include "publish/target_http.h"

/* Files that are listed, and removed, together. */
#define MOST_NAMES 1000

typedef struct Files
{
	MlsTarget head;
	MlsStore *store;
} Files;

typedef struct State
{
	MlsTargetPosition at;
	int64 number; /* of the last file */
} State;

static MlsTarget *
open_files(const MlsSource *source)
{
	Files *files = palloc0(sizeof(Files));

	files->head.kind = &mls_file_target;
	files->head.source = source;
	files->store = mls_store_of(unconstify(MlsSource *, source));
	return &files->head;
}

/* ---- Names ---- */

static char *
position_name(const MlsPublication *publication)
{
	return psprintf("%s/position.json", publication->name);
}

static char *
file_name(const Files *files, const MlsPublication *publication, int64 number)
{
	return psprintf("%s/%012lld.%s", publication->name, (long long) number,
					files->head.source->shape == MLS_SHAPE_LINES ? "ndjson" : "json");
}

/* The number of a file of ours, of whatever shape; 0: it is none. */
static int64
number_of(const MlsPublication *publication, const char *name)
{
	const char *at = name + strlen(publication->name) + 1;
	int digits = strspn(at, "0123456789");

	if (digits < 12 || digits > 18 ||
		(strcmp(at + digits, ".ndjson") != 0 && strcmp(at + digits, ".json") != 0))
		return 0;
	return strtoll(at, NULL, 10);
}

static bool
prepare(MlsTarget *head, const MlsPublication *publication)
{
	if (!mls_store_is_document(position_name(publication)))
		ereport(ERROR, errcode(ERRCODE_INVALID_NAME),
				errmsg("\"%s\" cannot be the name of a folder in store \"%s\"", publication->name,
					   head->source->name),
				errdetail("It is of letters, digits, \"-\" and \"_\", begins with a letter or a "
						  "digit, and is not of two hexadecimal digits."),
				errhint("Publish under another name: mls_publish(..., name => '...')."));
	return false;
}

/* ---- Reading and writing ---- */

static void
count(Files *files, int64 bytes)
{
	files->head.statements = mls_store_stats(files->store)->requests;
	files->head.bytes += bytes;
}

static void
write_document(Files *files, const char *name, const char *type, const char *text)
{
	char *there = pg_server_to_any(text, strlen(text), PG_UTF8);
	MlsStoreFile file = {
		.name = name, .content_type = type, .length = strlen(there), .bytes = there};

	mls_sha256(there, file.length, file.sha256);
	mls_store_publish(files->store, &file);
	count(files, file.length);
}

static bool
read_state(Files *files, const MlsPublication *publication, State *state)
{
	MlsStoreGet *get = mls_store_get(files->store, position_name(publication));
	const MlsRecord *record;
	StringInfoData text;
	const char *bytes;
	Size length;

	memset(state, 0, sizeof(*state));
	if (get == NULL)
		return false;
	initStringInfo(&text);
	while (mls_store_get_piece(get, &bytes, &length))
		appendBinaryStringInfo(&text, bytes, length);
	mls_store_get_end(get);
	count(files, 0);
	record = mls_error_object(text.data, text.len);
	if (record == NULL || !mls_target_read_position(record, &state->at))
		ereport(ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
				errmsg("file \"%s\" in store \"%s\" is not ours", position_name(publication),
					   files->head.source->name),
				errhint("Choose another name, or remove the file."));
	state->number = mls_json_number(record, "number", 0);
	return true;
}

static void
write_state(Files *files, const MlsPublication *publication, const State *state)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"number\":" INT64_FORMAT ",", state->number);
	mls_target_append_position(&json, &state->at);
	appendStringInfoString(&json, "}\n");
	write_document(files, position_name(publication), "application/json", json.data);
}

/* Names of the next files of ours (List of char *) behind a name; that is NULL behind the last. */
static List *
next_files(Files *files, const MlsPublication *publication, const char **after)
{
	List *names = NIL;
	List *entries = mls_store_list_documents(files->store, publication->name, *after, MOST_NAMES);
	ListCell *lc;

	foreach (lc, entries)
	{
		MlsStoreEntry *entry = lfirst(lc);

		if (number_of(publication, entry->name) > 0)
			names = lappend(names, entry->name);
		*after = entry->name;
	}
	if (list_length(entries) < MOST_NAMES)
		*after = NULL;
	return names;
}

/*
 * The highest number that is there: files of a publication that has ended, or whose position was
 * lost.  What is told now is to stand behind them.
 */
static int64
last_number(Files *files, const MlsPublication *publication)
{
	const char *after = "";
	int64 last = 0;

	while (after != NULL)
	{
		ListCell *lc;

		foreach (lc, next_files(files, publication, &after))
			last = Max(last, number_of(publication, lfirst(lc)));
	}
	return last;
}

static bool
position(MlsTarget *head, const MlsPublication *publication, MlsTargetPosition *out)
{
	State state;
	bool is_there = read_state((Files *) head, publication, &state);

	*out = state.at;
	return is_there;
}

static bool
write_batch(MlsTarget *head, const MlsPublication *publication, const MlsTargetBatch *batch)
{
	Files *files = (Files *) head;
	char *body = mls_row_json_batch(head->source->shape, publication, batch);
	State state;
	bool is_there = read_state(files, publication, &state);

	mls_target_require_position(head, publication, is_there, &state.at, batch->from);
	if (!is_there)
		state.number = last_number(files, publication);
	if (body != NULL)
	{
		/* One that a run has left behind stays as it is. */
		do
			state.number++;
		while (mls_store_head(files->store, file_name(files, publication, state.number)) >= 0);
		write_document(files, file_name(files, publication, state.number),
					   mls_row_json_type(head->source->shape), body);
	}
	if (batch->move != NULL)
		state.at = *batch->move;
	write_state(files, publication, &state);
	return true;
}

/* ---- The end ---- */

/* Those that are there, whatever the document with the position says. */
static void
remove_files(Files *files, const MlsPublication *publication)
{
	const char *after = "";

	while (after != NULL)
		mls_store_delete(files->store, next_files(files, publication, &after));
}

static void
forget(MlsTarget *head, const MlsPublication *publication, bool drop)
{
	Files *files = (Files *) head;
	State state;

	if (!read_state(files, publication, &state))
		return;
	if (drop)
	{
		mls_target_require_own(publication, state.at.token);
		remove_files(files, publication);
	}
	if (strcmp(state.at.token, publication->token) == 0)
		mls_store_delete(files->store, list_make1(position_name(publication)));
}

const MlsTargetKind mls_file_target = {
	.protocol = "file",
	.describe = mls_row_json_describe,
	.key_problem = mls_row_json_key_problem,
	.open = open_files,
	.prepare = prepare,
	.position = position,
	.write = write_batch,
	.rows = mls_row_json_rows,
	.load_lacks = mls_row_json_load_lacks,
	.forget = forget,
};
