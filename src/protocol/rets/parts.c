/*
 * parts.c
 *		The queries that a search is made of.
 *
 * Mostly that is one.  A list of keys that is longer than the source takes is cut
 * into several, and what pages by position have left out, or where there are none,
 * is asked for by keys: all of them are listed, and those not seen come in batches.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "protocol/rets/search.h"

/* ---- conditions with long lists ---- */

static RetsPart *
add_part(RetsStream *stream, const char *query, List *keys, bool is_rest)
{
	RetsPart *part = palloc0(sizeof(RetsPart));

	part->query = query;
	part->keys = keys;
	part->is_rest = is_rest;
	stream->parts = lappend(stream->parts, part);
	return part;
}

/* A list of keys that is longer than the source takes, or NULL. */
static const MlsCondition *
long_list(const MlsQuery *query)
{
	ListCell *lc;

	foreach (lc, query->conditions)
	{
		const MlsCondition *condition = lfirst(lc);

		if (condition->kind == MLS_IN &&
			list_length(condition->values) > query->table->source->platform.key_batch)
			return condition;
	}
	return NULL;
}

/* Cuts a long list of values into parts, each a query of its own. */
static void
cut(RetsStream *stream, const MlsCondition *list)
{
	const MlsQuery *query = stream->head.query;
	int batch = mls_rets_platform_of(stream)->key_batch;

	for (int from = 0; from < list_length(list->values); from += batch)
	{
		MlsCondition *piece = palloc(sizeof(MlsCondition));
		MlsQuery *copy = palloc(sizeof(MlsQuery));
		ListCell *lc;

		*piece = *list;
		piece->values = NIL;
		for (int i = from; i < Min(from + batch, list_length(list->values)); i++)
			piece->values = lappend(piece->values, list_nth(list->values, i));
		*copy = *query;
		copy->conditions = NIL;
		foreach (lc, query->conditions)
			copy->conditions =
				lappend(copy->conditions, lfirst(lc) == list ? (void *) piece : lfirst(lc));
		add_part(stream, mls_rets_query(copy, &stream->exact), NIL, false);
	}
}

void
mls_rets_plan_parts(RetsStream *stream)
{
	const MlsCondition *list = long_list(stream->head.query);

	if (list)
		cut(stream, list);
	else
		add_part(stream, stream->conditions, NIL, false);
}

/* ---- keys ---- */

static uint64
key_hash(const char *key)
{
	return hash_bytes_extended((const unsigned char *) key, strlen(key), 0);
}

bool
mls_rets_was_seen(RetsStream *stream, const char *key, bool note)
{
	uint64 hash = key_hash(key);
	bool found;

	hash_search(stream->seen, &hash, note ? HASH_ENTER : HASH_FIND, &found);
	return found;
}

static RetsOutcome
read_keys(void *arg, const MlsHttpResponse *response)
{
	RetsStream *stream = arg;

	return mls_rets_read_search(mls_rets_table_of(stream), response, "the list of keys",
								mls_rets_platform_of(stream)->key_page_size, NULL, &stream->answer);
}

/* The query for records of these keys. */
static const char *
keys_query(const RetsStream *stream, List *keys)
{
	StringInfoData query;

	initStringInfo(&query);
	mls_rets_key_list(&query, mls_rets_table_of(stream), keys);
	if (!mls_rets_platform_of(stream)->timestamp_alone)
		appendStringInfo(&query, ",%s", stream->conditions);
	return query.data;
}

/* Adds the keys of a page that were not seen to the batch; a full one becomes a part. */
static List *
plan_page(RetsStream *stream, const MlsPage *page, List *keys)
{
	MemoryContext old = MemoryContextSwitchTo(stream->context);

	for (int i = 0; i < page->nrecords; i++)
	{
		const MlsSlice *slice =
			mls_record_field(&page->records[i], mls_rets_key_field(mls_rets_table_of(stream)));
		char *key = slice ? mls_slice_text(slice) : NULL;

		if (key == NULL)
			continue;
		if (mls_rets_was_seen(stream, key, false))
			pfree(key);
		else
			keys = lappend(keys, key);
		if (list_length(keys) < mls_rets_platform_of(stream)->key_batch)
			continue;
		add_part(stream, keys_query(stream, keys), keys, true);
		keys = NIL;
	}
	MemoryContextSwitchTo(old);
	return keys;
}

/* What is left of a list of keys as parts of so many. */
static void
plan_batches(RetsStream *stream)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw page of keys", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	List *keys = NIL;
	MlsPage *page;

	while ((page = mls_rets_pages_next(stream->answer)) != NULL)
	{
		keys = plan_page(stream, page, keys);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(stream->context);
	if (keys)
		add_part(stream, keys_query(stream, keys), keys, true);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
mls_rets_report_end(const RetsStream *stream, int64 announced, int64 received)
{
	const MlsTable *table = mls_rets_table_of(stream);

	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
					errmsg("source \"%s\" ended the pages of resource \"%s\" too early",
						   table->source->http.name, table->resource),
					announced >= 0 ? errdetail("It announced " INT64_FORMAT
											   " records and sent " INT64_FORMAT ".",
											   announced, received)
								   : errdetail("It holds more records than it lists."),
					errhint("Try again. If the source's count is only an estimate, set the server "
							"option push_count to false.")));
}

void
mls_rets_list_rest(RetsStream *stream, const RetsPart *part)
{
	const MlsTable *table = mls_rets_table_of(stream);
	RetsCall call = {.transaction = RETS_SEARCH, .purpose = "the list of keys"};
	MemoryContext context =
		AllocSetContextCreate(stream->context, "mls_fdw list of keys", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const RetsAnswer *answer;
	RetsOutcome outcome;

	call.arguments = mls_rets_search_arguments(table, part->query, mls_rets_key_field(table), true);
	mls_rets_argument(&call.arguments, "Limit", "NONE");
	outcome = mls_rets_talk(table->source, &call, NULL, read_keys, stream, &stream->head.stats);
	if (mls_rets_is_error(outcome.class))
		mls_rets_report(table->source, call.purpose, &outcome);
	answer = mls_rets_pages_answer(stream->answer);
	/* Some say that there is more when exactly as many came as they may send. */
	if (answer->count >= 0 && mls_rets_platform_of(stream)->count_exact
			? answer->records < answer->count
			: mls_rets_says_more(answer, &outcome))
		mls_rets_report_end(stream, answer->count, answer->records);
	plan_batches(stream);
	stream->answer = NULL;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* ---- parts that are too large ---- */

bool
mls_rets_halve(RetsStream *stream)
{
	RetsPart *part = linitial(stream->parts);
	int count = list_length(part->keys);
	List *others;
	MemoryContext old;

	if (count < 2)
		return false;
	old = MemoryContextSwitchTo(stream->context);
	others = list_delete_first(stream->parts);
	stream->parts = NIL;
	for (int half = 0; half < 2; half++)
	{
		List *keys = NIL;

		for (int i = half * (count / 2); i < (half ? count : count / 2); i++)
			keys = lappend(keys, list_nth(part->keys, i));
		add_part(stream, keys_query(stream, keys), keys, true);
	}
	stream->parts = list_concat(stream->parts, others);
	MemoryContextSwitchTo(old);
	return true;
}

bool
mls_rets_keep_missing(RetsStream *stream)
{
	RetsPart *part = linitial(stream->parts);
	MemoryContext old = MemoryContextSwitchTo(stream->context);
	List *missing = NIL;
	ListCell *lc;

	foreach (lc, part->keys)
		if (!mls_rets_was_seen(stream, lfirst(lc), false))
			missing = lappend(missing, lfirst(lc));
	if (missing && list_length(missing) < list_length(part->keys))
	{
		part->keys = missing;
		part->query = keys_query(stream, missing);
	}
	else
		missing = NIL;
	MemoryContextSwitchTo(old);
	return missing != NIL;
}
