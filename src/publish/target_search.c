/*
 * target_search.c
 *		Search engines as destinations: what is the same for all of them.
 *
 * The index that a publication writes is called <name>-<its token>-<number>; an alias of the
 * name stands for it.  A load makes another index and turns the alias when that is whole, so
 * who searches never sees half of a load.  Where an engine has no aliases the index has the
 * name itself, and a load overwrites it and then removes what should not be there.
 *
 * The document with the position says which index is written.  It is read before each batch:
 * somebody else who writes as well is noticed, and whatever was half written before is written
 * again by the next run.
 */
#include "postgres.h"

#include <time.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "http/http.h"
#include "publish/search.h"

/* Documents of a request; its bytes are limited as well. */
#define MOST_OPS 1000

/* So much of a token tells indexes of one publication from those of another. */
#define TOKEN_DIGITS 8

#define PROBE "mls_check_probe"

typedef struct State
{
	MlsTargetPosition at;
	const char *index;
	bool made; /* where there are no aliases: whether a publication has made the index */
} State;

MlsTarget *
mls_search_open(const MlsTargetKind *kind, const SearchEngine *engine, const MlsSource *source)
{
	Search *search = mls_target_http_begin(kind, source, sizeof(Search), &engine->key);

	search->engine = engine;
	search->in_place = engine->serve == NULL;
	search->snapshot =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw snapshot", ALLOCSET_DEFAULT_SIZES);
	return &search->http.head;
}

static void
begin(Search *search, const char *name)
{
	if (!search->begun && search->engine->begin != NULL)
		search->engine->begin(search, name);
	search->begun = true;
}

/* ---- The position ---- */

static bool
read_state(Search *search, const MlsPublication *publication, State *state)
{
	const SearchEngine *engine = search->engine;
	char *text = engine->get(search, SEARCH_POSITIONS, mls_search_id(engine, publication->name));
	HttpAsk ask = {.what = "read the position"};
	const MlsRecord *record;

	memset(state, 0, sizeof(*state));
	if (text == NULL)
		return false;
	record = mls_target_http_parse(&search->http, &ask, text, strlen(text));
	state->index = mls_json_text(record, "index");
	state->made = mls_json_number(record, "made", 0) != 0;
	return mls_target_read_position(record, &state->at) && state->index != NULL;
}

static void
write_state(Search *search, const MlsPublication *publication, const State *state)
{
	const SearchEngine *engine = search->engine;
	char *id = mls_search_id(engine, publication->name);
	StringInfoData text;
	StringInfoData document;

	initStringInfo(&text);
	appendStringInfoString(&text, "{\"index\":");
	escape_json(&text, state->index);
	appendStringInfo(&text, ",\"made\":%d,", state->made ? 1 : 0);
	mls_target_append_position(&text, &state->at);
	appendStringInfoChar(&text, '}');
	initStringInfo(&document);
	appendStringInfoChar(&document, '{');
	if (engine->id_field != NULL)
	{
		escape_json(&document, engine->id_field);
		appendStringInfoChar(&document, ':');
		escape_json(&document, id);
		appendStringInfoChar(&document, ',');
	}
	escape_json(&document, engine->state_field);
	appendStringInfoChar(&document, ':');
	escape_json(&document, text.data);
	appendStringInfoChar(&document, '}');
	engine->put(search, SEARCH_POSITIONS, id, document.data);
}

static bool
is_same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

bool
mls_search_position(MlsTarget *head, const MlsPublication *publication, MlsTargetPosition *out)
{
	State state;
	bool is_there = read_state((Search *) head, publication, &state);

	*out = state.at;
	return is_there;
}

/* ---- Indexes ---- */

/* How names of all indexes of a publication begin. */
static char *
prefix_of(const MlsPublication *publication)
{
	return psprintf("%s-%.*s-", publication->name, TOKEN_DIGITS, publication->token);
}

/* Does a name look like that of an index of any publication of this name? */
static bool
is_of_some(const MlsPublication *publication, const char *index)
{
	int length = strlen(publication->name);
	const char *at = index + length;

	if (strncmp(index, publication->name, length) != 0 || *at++ != '-' ||
		strspn(at, "0123456789abcdef") != TOKEN_DIGITS)
		return false;
	at += TOKEN_DIGITS;
	return at[0] == '-' && at[1] != '\0' && at[1 + strspn(at + 1, "0123456789")] == '\0';
}

static void
drop_others(Search *search, const MlsPublication *publication, const char *kept,
			const char *kept_too)
{
	ListCell *lc;

	foreach (lc, search->engine->list(search, prefix_of(publication)))
		if (!is_same_text(lfirst(lc), kept) && !is_same_text(lfirst(lc), kept_too) &&
			is_of_some(publication, lfirst(lc)))
			search->engine->drop(search, lfirst(lc));
}

/* What a name stands for there is ours, or nobody's, or given to us. */
static void
require_name(const Search *search, const MlsPublication *publication, const char *served)
{
	const char *prefix = prefix_of(publication);

	if (served == NULL || publication->take_over || strncmp(served, prefix, strlen(prefix)) == 0)
		return;
	ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE),
			errmsg("\"%s\" at destination \"%s\" is not ours", publication->name,
				   search->http.head.source->name),
			strcmp(served, publication->name) == 0
				? errdetail("There is an index of that name.")
				: errdetail("The name stands for index \"%s\".", served),
			errhint("Choose another name; or, if what is there may be replaced, publish with "
					"take_over => true."));
}

static void
require_names(const Search *search, const MlsPublication *publication)
{
	const SearchEngine *engine = search->engine;
	const char *problem = engine->name_problem(publication->name);
	ListCell *lc;

	if (problem != NULL)
		ereport(ERROR, errcode(ERRCODE_INVALID_NAME),
				errmsg("\"%s\" cannot be the name of an index at destination \"%s\"",
					   publication->name, search->http.head.source->name),
				errdetail("%s", problem),
				errhint("Publish under another name: mls_publish(..., name => '...')."));
	foreach (lc, publication->columns)
	{
		const char *name = ((const MlsPublishColumn *) lfirst(lc))->there;

		problem = engine->field_problem ? engine->field_problem(name) : NULL;
		if (engine->id_field != NULL && strcmp(name, engine->id_field) == 0)
			problem = "It has the ids of documents.";
		if (problem != NULL)
			ereport(ERROR, errcode(ERRCODE_INVALID_NAME),
					errmsg("\"%s\" cannot be the name of a field at destination \"%s\"", name,
						   search->http.head.source->name),
					errdetail("%s", problem),
					errhint("Give the column another name: mls_publish(..., fields => ...)."));
	}
}

bool
mls_search_prepare(MlsTarget *head, const MlsPublication *publication)
{
	Search *search = (Search *) head;
	const SearchEngine *engine = search->engine;
	State state;
	const char *served;

	require_names(search, publication);
	begin(search, publication->name);
	if (!engine->exists(search, SEARCH_POSITIONS))
		engine->make(search, NULL, SEARCH_POSITIONS);
	if (!read_state(search, publication, &state) || !engine->exists(search, state.index))
		return true;
	if (search->in_place || state.at.loading || strcmp(state.at.token, publication->token) != 0)
		return false;
	/* An alias that somebody has removed, or a run that died before it came to that. */
	served = engine->served(search, publication->name);
	require_name(search, publication, served);
	if (!is_same_text(served, state.index))
		engine->serve(search, publication->name, served, state.index);
	return false;
}

/*
 * The index of the name itself.  It is written down whose it is before it is made: a run that dies
 * between the two would find somebody else's.
 */
static void
begin_in_place(Search *search, const MlsPublication *publication, State *state)
{
	const SearchEngine *engine = search->engine;
	bool is_there = engine->exists(search, publication->name);

	/* Of whom nothing is written down that is somebody else's, whatever is in it. */
	if (state->index == NULL && is_there)
		require_name(search, publication, publication->name);
	state->made = !is_there || state->made;
	state->index = publication->name;
	write_state(search, publication, state);
	engine->make(search, publication, state->index);
}

/* The index that a load fills; what earlier ones have left unfinished goes. */
static char *
index_to_load(Search *search, const MlsPublication *publication)
{
	const SearchEngine *engine = search->engine;
	int64 number = (int64) time(NULL);
	const char *served;
	char *index;

	served = engine->served(search, publication->name);
	require_name(search, publication, served);
	drop_others(search, publication, served, NULL);
	do
		index = psprintf("%s" INT64_FORMAT, prefix_of(publication), number++);
	while (engine->exists(search, index));
	engine->make(search, publication, index);
	return index;
}

/* The name stands for it from now on. */
static void
turn_to(Search *search, const MlsPublication *publication, const char *index)
{
	const SearchEngine *engine = search->engine;
	const char *served;

	if (search->in_place)
		return;
	served = engine->served(search, publication->name);
	require_name(search, publication, served);
	if (is_same_text(served, index))
		return;
	engine->serve(search, publication->name, served, index);
	/* That of a publication before this one, which has given the name. */
	if (served != NULL && is_of_some(publication, served))
		engine->drop(search, served);
}

/* ---- Writing ---- */

void
mls_search_report_busy(const Search *search, const char *detail)
{
	ereport(ERROR, errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
			errmsg("destination \"%s\" is too busy to write", search->http.head.source->name),
			errdetail("%s", detail));
}

/* Sends all until each is taken or refused. */
static void
send_some(Search *search, const char *index, const SearchOps *all)
{
	SearchOps ops = *all;

	for (int attempt = 1;; attempt++)
	{
		int left = 0;
		SearchOp **again;

		CHECK_FOR_INTERRUPTS();
		if (!search->engine->send(search, index, &ops))
		{
			SearchOps half = ops;

			/* Who of them is not told: he is found by halving. */
			if (ops.n == 1)
			{
				ops.ops[0]->outcome = SEARCH_REFUSED;
				ops.ops[0]->reason = ops.reason;
				return;
			}
			half.n = ops.n / 2;
			send_some(search, index, &half);
			half.ops = ops.ops + half.n;
			half.n = ops.n - half.n;
			send_some(search, index, &half);
			return;
		}
		again = palloc(ops.n * sizeof(SearchOp *));
		for (int i = 0; i < ops.n; i++)
			if (ops.ops[i]->outcome == SEARCH_AGAIN)
				again[left++] = ops.ops[i];
		if (left == 0)
			return;
		if (attempt > search->http.http.retries)
			mls_search_report_busy(
				search, psprintf("It says of a document: %s",
								 again[0]->reason ? again[0]->reason : "try again later"));
		mls_target_http_pause(attempt);
		ops.ops = again;
		ops.n = left;
	}
}

/* In requests that are not too long. */
static void
send_all(Search *search, const char *index, SearchOp **ops, int n, int64 known)
{
	int from = 0;

	while (from < n)
	{
		SearchOps some = {.ops = ops + from, .known = known};
		int64 bytes = 0;

		do
		{
			const SearchOp *op = ops[from + some.n++];

			bytes += strlen(op->document ? op->document : "") + strlen(op->id) + 100;
		} while (from + some.n < n && some.n < MOST_OPS && bytes < search->engine->most_bytes);
		send_some(search, index, &some);
		from += some.n;
	}
}

static SearchOp *
make_op(const Search *search, const char *key, const char *document)
{
	SearchOp *op = palloc0(sizeof(SearchOp));

	op->key = key;
	op->id = mls_search_id(search->engine, key);
	op->document = document;
	return op;
}

/* Those that are refused are noted; false if there are some. */
static bool
send_batch(Search *search, const MlsPublication *publication, const char *index,
		   const MlsTargetBatch *batch)
{
	int n = list_length(batch->gone) + list_length(batch->rows);
	SearchOp **ops = palloc(n * sizeof(SearchOp *));
	int gone = 0;
	ListCell *lc;

	foreach (lc, batch->gone)
		ops[gone++] = make_op(search, lfirst(lc), NULL);
	n = gone;
	foreach (lc, batch->rows)
	{
		char **row = lfirst(lc);

		ops[n++] = make_op(search, row[publication->key_column],
						   mls_search_document(search->engine, publication, row));
	}
	send_all(search, index, ops, gone, batch->known);
	send_all(search, index, ops + gone, n - gone, batch->known);
	search->http.head.refused = NIL;
	for (int i = 0; i < n; i++)
		if (ops[i]->outcome == SEARCH_REFUSED)
		{
			MlsTargetRefusal *refusal = palloc(sizeof(MlsTargetRefusal));

			refusal->key = ops[i]->key;
			refusal->reason = search->http.head.refusal =
				ops[i]->reason ? ops[i]->reason : pstrdup("no reason is told");
			search->http.head.refused = lappend(search->http.head.refused, refusal);
		}
	return search->http.head.refused == NIL;
}

/*
 * Documents make an index that somebody has dropped meanwhile: with types that it guesses, and with
 * nothing of before.  It goes, so that the next run makes another and loads it.
 */
static void
require_made(Search *search, const MlsPublication *publication, const char *index)
{
	const SearchEngine *engine = search->engine;

	if (engine->is_made == NULL || engine->is_made(search, index))
		return;
	engine->drop(search, index);
	ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
			errmsg("index \"%s\" of publication \"%s\" at destination \"%s\" was dropped "
				   "during the run",
				   index, publication->name, search->http.head.source->name),
			errhint("The next run fills another."));
}

/* Does a load begin by this? */
static bool
is_beginning(const MlsTargetBatch *batch)
{
	return batch->move != NULL && batch->move->loading && batch->move->load_after == NULL &&
		   batch->rows == NIL;
}

/*
 * Versions are written down before the first document has them: events that a restored backup does
 * not know any more would be older than those that are there, and change nothing.
 */
static void
note_versions(Search *search, const MlsPublication *publication, State *state, int64 known)
{
	if (!search->engine->has_versions || known <= state->at.known)
		return;
	state->at.known = known;
	write_state(search, publication, state);
}

bool
mls_search_write(MlsTarget *head, const MlsPublication *publication, const MlsTargetBatch *batch)
{
	Search *search = (Search *) head;
	State state;
	bool is_there = read_state(search, publication, &state);
	bool is_whole = batch->move != NULL && !batch->move->loading && batch->from->loading;
	bool is_taken;
	int64 known;

	mls_target_require_position(head, publication, is_there, &state.at, batch->from);
	if (is_beginning(batch))
	{
		state.at = *batch->move;
		if (search->in_place)
			begin_in_place(search, publication, &state);
		else
			state.index = index_to_load(search, publication);
	}
	else if (batch->rows != NIL || batch->gone != NIL)
		note_versions(search, publication, &state, batch->known);
	known = state.at.known;
	is_taken = send_batch(search, publication, state.index, batch);
	if (batch->rows != NIL)
		require_made(search, publication, state.index);
	if (!is_taken)
		return false;
	if (is_whole)
		turn_to(search, publication, state.index);
	if (batch->move != NULL)
	{
		state.at = *batch->move;
		state.at.known = known;
		write_state(search, publication, &state);
	}
	if (is_whole && !search->in_place)
		drop_others(search, publication, state.index, NULL);
	return true;
}

/* ---- What is there ---- */

List *
mls_search_rows_there(MlsTarget *head, const MlsPublication *publication, const char *after,
					  int most, bool hashed)
{
	Search *search = (Search *) head;
	State state;

	begin(search, publication->name);
	if (*after == '\0' &&
		(!read_state(search, publication, &state) || !search->engine->exists(search, state.index)))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("there is no index \"%s\" at destination \"%s\"", publication->name,
					   head->source->name),
				errhint("mls_publish_sync() makes what lacks there."));
	return mls_search_rows(search, publication, *after == '\0' ? state.index : NULL, after, most,
						   hashed);
}

void
mls_search_forget(MlsTarget *head, const MlsPublication *publication, bool drop)
{
	Search *search = (Search *) head;
	const SearchEngine *engine = search->engine;
	SearchOp op = {.key = publication->name, .id = mls_search_id(engine, publication->name)};
	SearchOp *ops[] = {&op};
	SearchOps all = {.ops = ops, .n = 1};
	State state;

	begin(search, publication->name);
	if (!engine->exists(search, SEARCH_POSITIONS))
		return;
	if (!read_state(search, publication, &state))
		memset(&state, 0, sizeof(state));
	if (drop)
	{
		mls_target_require_own(publication, state.at.token);
		if (search->in_place && !state.made)
			ereport(WARNING,
					errmsg("index \"%s\" at destination \"%s\" stays: it was there before",
						   publication->name, head->source->name),
					errhint("Delete it there, if nobody else needs it."));
		else if (search->in_place)
			engine->drop(search, state.index);
		else
		{
			const char *served = engine->served(search, publication->name);

			if (served != NULL && is_same_text(served, state.index))
				engine->unserve(search, publication->name);
			drop_others(search, publication, NULL, NULL);
		}
	}
	if (state.at.token != NULL && strcmp(state.at.token, publication->token) == 0)
		send_some(search, SEARCH_POSITIONS, &all);
}

/* ---- mls_check ---- */

char *
mls_search_about(MlsTarget *head)
{
	Search *search = (Search *) head;

	return search->engine->about(search);
}

void
mls_search_probe(MlsTarget *head)
{
	Search *search = (Search *) head;
	const SearchEngine *engine = search->engine;

	begin(search, PROBE);
	if (engine->exists(search, PROBE))
		engine->drop(search, PROBE);
	engine->make(search, NULL, PROBE);
	engine->put(search, PROBE, "a",
				engine->id_field
					? psprintf("{\"%s\":\"a\",\"%s\":\"a\"}", engine->id_field, engine->state_field)
					: psprintf("{\"%s\":\"a\"}", engine->state_field));
	if (engine->get(search, PROBE, "a") == NULL)
		ereport(ERROR, errcode(ERRCODE_FDW_ERROR),
				errmsg("destination \"%s\" does not keep what is written", head->source->name));
	engine->drop(search, PROBE);
}
