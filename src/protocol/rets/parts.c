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

#include "base/base.h"
#include "protocol/condition.h"
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

/* So many values of a list go into one query. */
static int
batch_of(const RetsStream *stream, const MlsCondition *list)
{
	return mls_rets_value_lists(&stream->dmql, list) ? mls_rets_platform_of(stream)->key_batch : 1;
}

/* A list of values that is longer than the source takes, or NULL. */
static const MlsCondition *
long_list(const RetsStream *stream, const MlsQuery *query)
{
	ListCell *lc;

	foreach (lc, query->conditions)
	{
		const MlsCondition *condition = lfirst(lc);

		if (condition->kind == MLS_IN &&
			list_length(condition->values) > batch_of(stream, condition))
			return condition;
	}
	return NULL;
}

static void
plan_query(RetsStream *stream, const MlsQuery *query)
{
	RetsPart *part = add_part(stream, mls_rets_query(query, &stream->dmql), NIL, false);

	part->asked = query;
}

/* Cuts a long list of values into parts, each a query of its own. */
static void
cut(RetsStream *stream, const MlsQuery *query, const MlsCondition *list, int batch)
{
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
		plan_query(stream, copy);
	}
}

static void
plan_parts(RetsStream *stream, const MlsQuery *query)
{
	const MlsCondition *list = long_list(stream, query);

	if (list)
		cut(stream, query, list, batch_of(stream, list));
	else
		plan_query(stream, query);
}

void
mls_rets_plan_parts(RetsStream *stream)
{
	plan_parts(stream, stream->head.query);
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
								mls_rets_platform_of(stream)->key_page_size,
								mls_rets_table_of(stream)->key, NULL, &stream->answer);
}

/* The query for records of these keys. */
static const char *
keys_query(RetsStream *stream, List *keys)
{
	StringInfoData query;

	initStringInfo(&query);
	mls_rets_key_list(&query, &stream->dmql, keys);
	if (!mls_rets_platform_of(stream)->timestamp_alone)
		appendStringInfo(&query, ",%s", stream->conditions);
	return query.data;
}

static void
add_keys(RetsStream *stream, List *keys)
{
	if (keys)
		add_part(stream, keys_query(stream, keys), keys, true);
}

/* Adds a key to the batch; a full one becomes a part, and a key that suffers no others. */
static List *
plan_key(RetsStream *stream, List *keys, char *key)
{
	if (!mls_rets_key_lists(&stream->dmql, key))
		add_keys(stream, list_make1(key));
	else
		keys = lappend(keys, key);
	if (list_length(keys) < mls_rets_platform_of(stream)->key_batch)
		return keys;
	add_keys(stream, keys);
	return NIL;
}

/* Adds the keys of a page that were not seen to the batch. */
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
			keys = plan_key(stream, keys, key);
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
	add_keys(stream, keys);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Lists that were accepted may be asked for by fields that now have to be left out. */
static void
note_dropped(RetsStream *stream)
{
	ListCell *lc;

	foreach (lc, stream->head.query->conditions)
	{
		const MlsCondition *condition = lfirst(lc);

		if (condition->column && mls_rets_fit(mls_rets_table_of(stream), condition) == MLS_FIT_NO)
			stream->head.dropped = lappend(stream->head.dropped, pstrdup(condition->column->field));
	}
}

void
mls_rets_plan_anew(RetsStream *stream)
{
	MemoryContext old = MemoryContextSwitchTo(stream->context);
	List *parts = stream->parts;
	ListCell *lc;
	ListCell *cell;

	stream->parts = NIL;
	stream->conditions = mls_rets_query(stream->head.query, &stream->dmql);
	note_dropped(stream);
	foreach (lc, parts)
	{
		const RetsPart *part = lfirst(lc);
		List *keys = NIL;

		if (part->asked)
			plan_parts(stream, part->asked);
		foreach (cell, part->keys)
			keys = plan_key(stream, keys, lfirst(cell));
		add_keys(stream, keys);
	}
	MemoryContextSwitchTo(old);
}

void
mls_rets_report_end(const RetsStream *stream, int64 announced, int64 received)
{
	const MlsTable *table = mls_rets_table_of(stream);

	ereport(ERROR,
			(errcode(ERRCODE_FDW_REPLY_HANDLE),
			 errmsg("source \"%s\" ended the pages of resource \"%s\" too early",
					table->source->http.name, table->resource),
			 announced >= 0 ? errdetail("It announced %s and sent " INT64_FORMAT ".",
										mls_counted(announced, "record", "records"), received)
							: errdetail("It holds more records than it lists."),
			 table->source->platform.count_exact
				 ? errhint("Try again. If the source's count is only an estimate, set the "
						   "server option push_count to false.")
				 : errhint("Try again. The source must give pages by position, or the whole "
						   "list of keys when only the key is asked for.")));
}

bool
mls_rets_list_rest(RetsStream *stream, const RetsPart *part)
{
	const MlsTable *table = mls_rets_table_of(stream);
	RetsCall call = {.transaction = RETS_SEARCH, .purpose = "the list of keys", .table = table};
	MemoryContext context =
		AllocSetContextCreate(stream->context, "mls_fdw list of keys", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const RetsAnswer *answer;
	RetsOutcome outcome;

	call.arguments = mls_rets_search_arguments(table, part->query, mls_rets_key_field(table), true);
	mls_rets_argument(&call.arguments, "Limit", "NONE");
	outcome = mls_rets_talk(table->source, &call, NULL, read_keys, stream, &stream->head.stats);
	if (mls_rets_is_error(outcome.class))
	{
		MemoryContextSwitchTo(old);
		if (mls_rets_is_syntax(&outcome) && mls_rets_writes_otherwise(stream))
			return false;
		mls_rets_report(table->source, &call, &outcome);
	}
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
	return true;
}

/* ---- parts that are too large ---- */

/* The list of several keys that a query asks for, or NULL. */
static MlsCondition *
key_list(const RetsStream *stream, const MlsQuery *query)
{
	const char *key = mls_rets_key_field(mls_rets_table_of(stream));
	ListCell *lc;

	foreach (lc, query ? query->conditions : NIL)
	{
		MlsCondition *condition = lfirst(lc);

		if (key && condition->kind == MLS_IN && list_length(condition->values) > 1 &&
			strcmp(condition->column->field, key) == 0)
			return condition;
	}
	return NULL;
}

/* Puts parts for a list of keys, so many in each, in the place of the first part. */
static void
plan_list(RetsStream *stream, const MlsCondition *list, const MlsCondition *wanted, int batch)
{
	const RetsPart *part = linitial(stream->parts);
	List *others = list_delete_first(stream->parts);
	MlsQuery *query = palloc(sizeof(MlsQuery));
	ListCell *lc;

	*query = *part->asked;
	query->conditions = NIL;
	foreach (lc, part->asked->conditions)
		query->conditions =
			lappend(query->conditions, lfirst(lc) == list ? (void *) wanted : lfirst(lc));
	stream->parts = NIL;
	cut(stream, query, wanted, batch);
	foreach (lc, stream->parts)
		((RetsPart *) lfirst(lc))->halved = true;
	stream->parts = list_concat(stream->parts, others);
}

bool
mls_rets_ask_rest(RetsStream *stream)
{
	const RetsPart *part = linitial(stream->parts);
	const MlsCondition *list = key_list(stream, part->asked);
	MemoryContext old = MemoryContextSwitchTo(stream->context);
	MlsCondition *rest = palloc(sizeof(MlsCondition));
	bool is_some;
	ListCell *lc;

	if (list)
	{
		*rest = *list;
		rest->values = NIL;
		foreach (lc, list->values)
			if (!mls_rets_was_seen(stream, mls_value_text(lfirst(lc)), false))
				rest->values = lappend(rest->values, lfirst(lc));
	}
	is_some = list && rest->values && list_length(rest->values) < list_length(list->values);
	if (is_some)
		plan_list(stream, list, rest, list_length(rest->values));
	MemoryContextSwitchTo(old);
	return is_some;
}

bool
mls_rets_halve_list(RetsStream *stream)
{
	const RetsPart *part = linitial(stream->parts);
	const MlsCondition *list = key_list(stream, part->asked);
	MemoryContext old;

	if (list == NULL)
		return false;
	old = MemoryContextSwitchTo(stream->context);
	plan_list(stream, list, list, (list_length(list->values) + 1) / 2);
	MemoryContextSwitchTo(old);
	return true;
}

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
