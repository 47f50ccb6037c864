/*
 * rets_search.c
 *		Records of a RETS class, page after page.
 *
 * A search is mostly one query.  A list of keys that is longer than the source takes is
 * cut into several, its parts.  Offset is not trusted: sources refuse it, ignore it, or sort
 * anew for each request.  Keys that came are remembered, a record that comes again is left
 * out, and at the end as many must have come as were announced.  Where that fails, or the
 * platform says so, all keys are listed in one answer and those not seen are asked for by
 * key, in batches.  The memory for it is one number per record.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "base/name_list.h"
#include "protocol/condition.h"
#include "protocol/rets/rets.h"
#include "protocol/rets/rets_dmql.h"
#include "record/key_set.h"

/* One query of a stream, which ends when all its records have come. */
typedef struct RetsPart
{
	const char *query;
	const MlsQuery *asked; /* what it asks for; NULL: keys */
	List *keys;            /* of char *: asked for by these; or NIL */
	bool is_rest;          /* what a list of keys has shown to be missing */
	bool halved;           /* of a list that did not come whole: its records may have come before */
} RetsPart;

typedef struct RetsStream
{
	MlsStream head;
	MemoryContext context;
	MemoryContext page_context;   /* of the page handed out */
	MemoryContext ahead_context;  /* of the request on its way */
	MemoryContext answer_context; /* of the answer that is handed out; NULL: none is */
	const char *conditions;       /* as DMQL2, all of them */
	Dmql dmql;                    /* how they were written */
	const char *select;           /* or NULL: all fields */
	List *parts;                  /* of RetsPart *, those still to be read */
	List *fields;                 /* of char *: those asked for */
	RetsCall call;
	MlsHttpRequest *request;
	bool no_offset;  /* the source refuses it */
	int64 offset;    /* of the request, from 1 */
	int64 limit;     /* of the request, or -1 */
	int64 most;      /* that may be asked for at once, since the source refused more; or 0 */
	int64 announced; /* for this part, or -1 */
	int64 rows;      /* of this part, repeated ones too */
	int64 distinct;  /* of this part, different ones */
	bool doubtful;   /* pages of this part did not fit together */
	bool stuck;      /* this part has more, which does not come */
	int pass;        /* of this part: it is read again where nothing else proves its end */
	bool begun;      /* this part was asked for */
	bool done;
	RetsDecoder *decoder; /* or NULL */
	MlsKeySet *seen;
	RetsPages *answer;     /* the one at hand */
	RetsOutcome outcome;   /* its */
	int64 fresh;           /* records of it that had not come before */
	MlsXmlRepairs repairs; /* of all answers */
} RetsStream;

static inline const MlsTable *
table_of(const RetsStream *stream)
{
	return stream->head.query->table;
}

static inline const MlsPlatform *
platform_of(const RetsStream *stream)
{
	return &table_of(stream)->source->platform;
}

/* ---- what one request says ---- */

/* The fields to select, the key among them; NULL for all. */
static const char *
select_of(const MlsQuery *query)
{
	const char *key = mls_rets_key_field(query->table);
	List *fields = query->fields;

	if (fields == NIL || query->table->source->platform.format == MLS_FORMAT_XML ||
		mls_is_listed(fields, "*"))
		return NULL;
	if (key != NULL)
		fields = mls_list_once(list_copy(fields), key);
	return mls_names_joined(fields, ",");
}

/* The fields that a query asks for (List of char *), by name where it asks for all. */
static List *
asked_fields(const MlsQuery *query)
{
	const MlsTable *table = query->table;
	const char *key = mls_rets_key_field(table);
	List *fields = NIL;
	ListCell *lc;

	foreach (lc, query->fields)
		if (strcmp(lfirst(lc), "*") != 0)
			fields = lappend(fields, lfirst(lc));
	for (int i = 0; query->fields == NIL && i < table->ncolumns; i++)
	{
		const char *field = table->columns[i].field;

		if (field && strcmp(field, "*") != 0)
			fields = lappend(fields, unconstify(char *, field));
	}
	if (key && query->fields)
		fields = lappend(fields, unconstify(char *, key));
	return fields;
}

/* Records to ask for at once, or -1 for all. */
static int64
choose_limit(const RetsStream *stream)
{
	const MlsQuery *query = stream->head.query;
	const MlsPlatform *platform = platform_of(stream);
	int64 size = query->keys_only ? platform->key_page_size : platform->page_size;

	/* Keys alone are to come without any limit of the source's. */
	if (query->keys_only && query->limit < 0)
		return -1;
	if (query->page_size > 0)
		size = Min(size, query->page_size);
	if (query->limit >= 0 && !stream->dmql.inexact)
		size = Min(size, Max(query->limit, 1));
	if (stream->most > 0)
		size = Min(size, stream->most);
	return size;
}

/* ---- parts: conditions with long lists ---- */

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
	return mls_rets_value_lists(&stream->dmql, list) ? platform_of(stream)->key_batch : 1;
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

/* ---- parts: records by their keys ---- */

/* Did a record with this key come already?  With note, it has from now on. */
static bool
was_seen(RetsStream *stream, const char *key, bool note)
{
	int length = strlen(key);

	return note ? mls_key_set_add(stream->seen, key, length, 0) != MLS_KEY_NEW
				: mls_key_set_has(stream->seen, key, length);
}

/* The query for records of these keys. */
static const char *
keys_query(RetsStream *stream, List *keys)
{
	StringInfoData query;

	initStringInfo(&query);
	mls_rets_key_list(&query, &stream->dmql, keys);
	if (!platform_of(stream)->timestamp_alone)
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
	if (list_length(keys) < platform_of(stream)->key_batch)
		return keys;
	add_keys(stream, keys);
	return NIL;
}

/* Lists that were accepted may be asked for by fields that now have to be left out. */
static void
note_dropped(RetsStream *stream)
{
	ListCell *lc;

	foreach (lc, stream->head.query->conditions)
	{
		MlsCondition *condition = lfirst(lc);

		if (condition->column && mls_condition_fit(table_of(stream), condition) == MLS_FIT_NO)
			stream->head.dropped = lappend(stream->head.dropped, pstrdup(condition->column->field));
	}
}

/* Writes the parts that are left anew, since the source has refused how they were written. */
static void
plan_anew(RetsStream *stream)
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

/* ---- parts that are too large, or did not come whole ---- */

/* The list of several keys that a query asks for, or NULL. */
static MlsCondition *
key_list(const RetsStream *stream, const MlsQuery *query)
{
	const char *key = mls_rets_key_field(table_of(stream));
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

/*
 * A part that asks for values of the key asks again for those that have not come: a source
 * may send fewer and not say so.  False if there are none, or none has come.
 */
static bool
ask_rest(RetsStream *stream)
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
			if (!was_seen(stream, mls_value_text(lfirst(lc)), false))
				rest->values = lappend(rest->values, lfirst(lc));
	}
	is_some = list && rest->values && list_length(rest->values) < list_length(list->values);
	if (is_some)
		plan_list(stream, list, rest, list_length(rest->values));
	MemoryContextSwitchTo(old);
	return is_some;
}

/*
 * A part that asks for values of the key becomes two, since its answer was not whole and
 * pages are no proof; false if it cannot.
 */
static bool
halve_list(RetsStream *stream)
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

/* A part that was too much at once becomes two; false if it cannot. */
static bool
halve_keys(RetsStream *stream)
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
		add_keys(stream, keys);
	}
	stream->parts = list_concat(stream->parts, others);
	MemoryContextSwitchTo(old);
	return true;
}

/*
 * Leaves in a part of keys those that have not come: a source may send fewer than asked
 * for and not say so.  False if there are none.
 */
static bool
keep_missing(RetsStream *stream)
{
	RetsPart *part = linitial(stream->parts);
	MemoryContext old = MemoryContextSwitchTo(stream->context);
	List *missing = NIL;
	ListCell *lc;

	foreach (lc, part->keys)
		if (!was_seen(stream, lfirst(lc), false))
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

/* ---- opening ---- */

/* Opens a stream without a look at the network, as far as lookups are known. */
static RetsStream *
open_stream(const MlsQuery *query)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw stream", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RetsStream *stream = palloc0(sizeof(RetsStream));

	stream->head.protocol = query->table->source->protocol;
	stream->head.query = query;
	stream->head.announced = -1;
	stream->context = context;
	stream->decoder = mls_rets_decoder(&stream->head);
	stream->conditions = mls_rets_query(query, &stream->dmql);
	stream->select = select_of(query);
	stream->fields = asked_fields(query);
	/* Repeats are told by it, and what a cut answer lacks: it has to remember all. */
	stream->seen = mls_key_set_make(INT_MAX);
	plan_parts(stream, query);
	stream->offset = 1;
	stream->announced = -1;
	MemoryContextSwitchTo(old);
	return stream;
}

MlsStream *
mls_rets_open(const MlsQuery *query)
{
	MlsHttpStats stats = {0};
	RetsStream *stream;

	mls_rets_learn_lookups(query, &stats);
	stream = open_stream(query);
	stream->head.stats = stats;
	return &stream->head;
}

/* ---- asking ---- */

/* Sends the next request, in a context that its answer will live in. */
static void
ask(RetsStream *stream)
{
	const MlsTable *table = table_of(stream);
	const RetsPart *part = linitial(stream->parts);
	RetsCall *call = &stream->call;
	MemoryContext old;

	stream->ahead_context =
		AllocSetContextCreate(stream->context, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(stream->ahead_context);
	stream->limit = part->keys ? -1 : choose_limit(stream);
	call->transaction = RETS_SEARCH;
	call->table = table;
	call->purpose = psprintf("page " INT64_FORMAT " of resource \"%s\"", stream->head.pages + 1,
							 table->resource);
	call->arguments =
		mls_rets_search_arguments(table, part->query, stream->select, stream->offset == 1);
	mls_rets_argument(&call->arguments, "Limit",
					  stream->limit < 0 ? "NONE" : psprintf(INT64_FORMAT, stream->limit));
	if (!part->keys && !stream->no_offset && (stream->limit >= 0 || stream->offset > 1))
		mls_rets_argument(&call->arguments, "Offset", psprintf(INT64_FORMAT, stream->offset));
	stream->begun = true;
	stream->request = mls_rets_send(table->source, call, &stream->head.stats);
	MemoryContextSwitchTo(old);
}

/*
 * Where a source gives no pages, all keys come first.  What has changed since a
 * time it may give in pages all the same.
 */
static bool
lists_first(const RetsStream *stream)
{
	const MlsQuery *query = stream->head.query;
	const MlsPlatform *platform = platform_of(stream);
	const RetsPart *part = linitial(stream->parts);

	return platform->paging == MLS_PAGING_KEYS && part->keys == NIL && !query->keys_only &&
		   query->table->key != NIL && (!platform->timestamp_alone || query->conditions == NIL) &&
		   query->limit < 0 && stream->offset == 1;
}

void
mls_rets_start(MlsStream *head)
{
	RetsStream *stream = (RetsStream *) head;

	if (!stream->begun && !stream->done && !lists_first(stream))
		ask(stream);
}

void
mls_rets_close(MlsStream *head)
{
	RetsStream *stream = (RetsStream *) head;

	if (stream->request)
		mls_http_abandon(stream->request);
	MemoryContextDelete(stream->context);
}

/* A part is asked for anew, or the next one for the first time. */
static void
begin_part(RetsStream *stream, int pass)
{
	stream->pass = pass;
	stream->offset = 1;
	stream->announced = -1;
	stream->rows = stream->distinct = 0;
	stream->doubtful = stream->stuck = false;
	stream->begun = false;
}

/* Can the conditions be left out, since the caller applies them to what comes? */
static bool
may_be_bare(const RetsStream *stream)
{
	const MlsQuery *query = stream->head.query;

	return query->rechecked && query->conditions != NIL && !stream->dmql.bare &&
		   list_length(stream->parts) == 1 && stream->head.records == 0;
}

/*
 * A query was not understood: which of its forms is it?  A lookup's value that the source
 * does not know is refused as if it were bad syntax, or as an unknown field, so then it goes
 * without those.  If no form is to blame it is a value, as one with letters that the source
 * does not take: then what the caller checks itself is left out.
 */
static bool
writes_otherwise(RetsStream *stream, bool is_syntax)
{
	const MlsTable *table = table_of(stream);
	uint32 used = stream->dmql.used & ~stream->dmql.avoid;
	MemoryContext old;

	if (!is_syntax || !mls_rets_learn_forms(table, used, &stream->head.stats))
	{
		if ((used & RETS_FORM_LOOKUP) != 0)
			stream->dmql.avoid |= RETS_FORM_LOOKUP;
		else if (is_syntax && may_be_bare(stream))
		{
			stream->dmql.bare = true;
			old = MemoryContextSwitchTo(stream->context);
			stream->head.dropped = lappend(stream->head.dropped, "all conditions");
			MemoryContextSwitchTo(old);
		}
		else
			return false;
	}
	plan_anew(stream);
	begin_part(stream, 0);
	return true;
}

/* Does an answer say that more records exist than it holds? */
static bool
says_more(const RetsAnswer *answer, const RetsOutcome *outcome)
{
	return answer->maxrows || outcome->class == RETS_REPLY_TRUNCATED;
}

/* ---- the list of all keys ---- */

/* Fewer records came than there are; announced is -1 where that is not known. */
pg_noreturn static void
report_end(const RetsStream *stream, int64 announced, int64 received)
{
	const MlsTable *table = table_of(stream);

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

static RetsOutcome
read_keys(void *arg, const MlsHttpResponse *response)
{
	RetsStream *stream = arg;

	return mls_rets_read_search(table_of(stream), response, "the list of keys",
								platform_of(stream)->key_page_size, table_of(stream)->key, NULL,
								&stream->answer);
}

/* Adds the keys of a page that were not seen to the batch. */
static List *
plan_page(RetsStream *stream, const MlsPage *page, List *keys)
{
	MemoryContext old = MemoryContextSwitchTo(stream->context);

	for (int i = 0; i < page->nrecords; i++)
	{
		const MlsSlice *slice =
			mls_record_field(&page->records[i], mls_rets_key_field(table_of(stream)));
		char *key = slice ? mls_slice_text(slice) : NULL;

		if (key == NULL)
			continue;
		if (was_seen(stream, key, false))
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

/*
 * Lists all keys that meet the part's query and plans parts for those not seen.  False if
 * the query was refused: the parts are planned anew then.
 */
static bool
list_rest(RetsStream *stream, const RetsPart *part)
{
	const MlsTable *table = table_of(stream);
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
		if (mls_rets_is_syntax(outcome.code) && writes_otherwise(stream, true))
			return false;
		mls_rets_report(table->source, &call, &outcome);
	}
	answer = mls_rets_pages_answer(stream->answer);
	/* Some say that there is more when exactly as many came as they may send. */
	if (answer->count >= 0 && platform_of(stream)->count_exact ? answer->records < answer->count
															   : says_more(answer, &outcome))
		report_end(stream, answer->count, answer->records);
	plan_batches(stream);
	stream->answer = NULL;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return true;
}

/* ---- counting ---- */

typedef struct Counting
{
	const MlsTable *table;
	const char *purpose;
	int64 count;
} Counting;

static RetsOutcome
read_count(void *arg, const MlsHttpResponse *response)
{
	Counting *work = arg;
	RetsPages *answer;
	RetsOutcome outcome =
		mls_rets_read_search(work->table, response, work->purpose, 1, NIL, NULL, &answer);

	work->count = mls_rets_pages_answer(answer)->count;
	return outcome;
}

int64
mls_rets_count(const MlsQuery *query, MlsHttpStats *stats)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw count", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const MlsTable *table = query->table;
	Counting work = {.table = table};
	RetsCall call = {.transaction = RETS_SEARCH, .table = table};
	RetsOutcome outcome;
	Dmql dmql;

	work.purpose = call.purpose = psprintf("the count of resource \"%s\"", table->resource);
	do
	{
		const char *conditions;

		dmql = (Dmql){0};
		conditions = mls_rets_query(query, &dmql);
		if (dmql.inexact)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot count resource \"%s\" at source \"%s\"", table->resource,
							table->source->http.name),
					 errdetail("A condition of the query cannot be sent."),
					 errhint("Repeat the query: it is planned without remote counting now.")));
		call.arguments = mls_rets_search_arguments(table, conditions, NULL, 2);
		outcome = mls_rets_talk(table->source, &call, NULL, read_count, &work, stats);
	} while (mls_rets_is_syntax(outcome.code) && mls_rets_learn_forms(table, dmql.used, stats));
	if (mls_rets_is_error(outcome.class))
		mls_rets_report(table->source, &call, &outcome);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return outcome.class == RETS_REPLY_EMPTY ? Max(work.count, 0) : work.count;
}

/* ---- judging ---- */

/* Takes records out of a page that came before. */
static void
keep_new(RetsStream *stream, MlsPage *page)
{
	const char *key = mls_rets_key_field(table_of(stream));
	const RetsPart *part = linitial(stream->parts);
	int kept = 0;

	stream->rows += page->nrecords;
	for (int i = 0; i < page->nrecords; i++)
	{
		const MlsSlice *slice = key ? mls_record_field(&page->records[i], key) : NULL;
		char *text = slice ? mls_slice_text(slice) : NULL;

		bool again = text && was_seen(stream, text, true);

		if (text)
			pfree(text);
		if (again)
		{
			stream->doubtful = stream->doubtful || !part->halved;
			continue;
		}
		page->records[kept++] = page->records[i];
	}
	page->nrecords = kept;
	stream->distinct += kept;
}

/* Does the caller need no more than what came? */
static bool
limit_reached(const RetsStream *stream)
{
	const MlsQuery *query = stream->head.query;

	return query->limit >= 0 && !stream->dmql.inexact && stream->head.records >= query->limit;
}

static bool
may_list(const RetsStream *stream)
{
	return mls_rets_key_field(table_of(stream)) && !stream->head.query->keys_only &&
		   platform_of(stream)->paging != MLS_PAGING_OFFSET;
}

/* At the end of a part: have all records come that were announced? */
static bool
is_complete(const RetsStream *stream)
{
	const RetsPart *part = linitial(stream->parts);

	if (stream->stuck)
		return false;
	if (stream->pass > 0)
		return stream->distinct == 0;
	if (!platform_of(stream)->count_exact || stream->announced < 0)
		return !stream->doubtful;
	return (part->halved ? stream->rows : stream->distinct) >= stream->announced;
}

/* Where no count can prove the end of a list of all records, it is read again until nothing new comes, so often at most. */
#define MOST_PASSES 5

static bool
may_read_again(const RetsStream *stream)
{
	return !platform_of(stream)->count_exact && stream->head.query->conditions == NIL &&
		   !stream->stuck && stream->pass + 1 < MOST_PASSES && mls_rets_key_field(table_of(stream));
}

/* Records are missing that cannot be asked for by key: is it so, and does it matter? */
static void
accept_end(RetsStream *stream)
{
	int64 now = -1;

	if (stream->head.query->may_lack)
	{
		stream->head.unproven = true;
		return;
	}
	if (platform_of(stream)->count_exact)
		now = mls_rets_count(stream->head.query, &stream->head.stats);
	if (now < 0 || stream->head.records < now)
		report_end(stream, stream->announced, stream->distinct);
}

/* Goes on to the next part; at the end of the last the stream is done. */
static void
end_part(RetsStream *stream)
{
	const RetsPart *part = linitial(stream->parts);

	if (!part->is_rest && !limit_reached(stream) && !is_complete(stream))
	{
		if (!may_list(stream) && halve_list(stream))
		{
			begin_part(stream, 0);
			return;
		}
		if (may_list(stream))
		{
			/* What is planned anew is asked for again. */
			if (!list_rest(stream, part))
				return;
		}
		else if (may_read_again(stream))
		{
			begin_part(stream, stream->pass + 1);
			return;
		}
		else
			accept_end(stream);
	}
	else if (stream->pass > 0)
		stream->head.unproven = true;
	stream->parts = list_delete_first(stream->parts);
	stream->done = stream->parts == NIL || limit_reached(stream);
	begin_part(stream, 0);
}

/* A field of the query is unknown; for some sources the value of a lookup as well. */
#define CODE_UNKNOWN 20200

/* Fewer records do not make a query simpler. */
#define CODE_TOO_COMPLEX 20211

/* Pages are not made smaller than this to please a source. */
#define LEAST_PAGE 10

/* Pages of half the size from now on, unless that cannot help; false if so. */
static bool
halve_page(RetsStream *stream, const RetsOutcome *outcome)
{
	if (outcome->code == CODE_TOO_COMPLEX || stream->limit <= LEAST_PAGE)
		return false;
	stream->most = Max(stream->limit / 2, LEAST_PAGE);
	return true;
}

/* An answer that is an error: true if the stream goes on in another way. */
static bool
goes_on_after(RetsStream *stream, const RetsOutcome *outcome)
{
	const RetsPart *part = linitial(stream->parts);
	bool refused = outcome->class == RETS_REPLY_REQUEST || outcome->class == RETS_REPLY_UNSUPPORTED;

	if ((mls_rets_is_syntax(outcome->code) || outcome->code == CODE_UNKNOWN) &&
		writes_otherwise(stream, mls_rets_is_syntax(outcome->code)))
		return true;
	if (outcome->class == RETS_REPLY_SMALLER)
		return part->keys ? halve_keys(stream) : halve_page(stream, outcome);
	if (!refused || stream->no_offset || part->keys || outcome->code == CODE_UNKNOWN ||
		outcome->code == 20202 || outcome->code == 20206)
		return false;
	stream->no_offset = true;
	if (stream->offset > 1)
	{
		stream->doubtful = true;
		end_part(stream);
	}
	return true;
}

/*
 * Can there be more rows behind these, though the source says nothing?  It may send fewer
 * than asked for: then its count tells, and without one only the page behind.
 */
static bool
may_go_on(const RetsStream *stream, int64 nrows)
{
	if (stream->limit < 0)
		return false;
	if (stream->announced < 0)
		return nrows >= stream->limit ||
			   (!stream->no_offset && mls_rets_key_field(table_of(stream)));
	if (stream->rows >= stream->announced)
		return false;
	return nrows >= stream->limit || platform_of(stream)->count_exact;
}

/* Does asking for pages by position lead nowhere?  When a part is read again, little is new. */
static bool
is_in_vain(const RetsStream *stream, int64 nnew)
{
	return stream->pass == 0 ? nnew == 0
							 : stream->rows > 2 * (stream->head.records + stream->limit);
}

/* After a page: where the rest of the part is, if there is one. */
static void
follow(RetsStream *stream, const RetsAnswer *answer, const RetsOutcome *outcome, int64 nrows,
	   int64 nnew)
{
	const RetsPart *part = linitial(stream->parts);
	bool more = says_more(answer, outcome) || may_go_on(stream, nrows);

	if (nrows == 0 || limit_reached(stream))
	{
		end_part(stream);
		return;
	}
	if (part->keys)
	{
		if (!(nnew > 0 ? keep_missing(stream) : more && halve_keys(stream)))
			end_part(stream);
		stream->begun = false;
		return;
	}
	if (!more)
	{
		if (!platform_of(stream)->count_exact && nnew > 0 && ask_rest(stream))
			begin_part(stream, 0);
		else
			end_part(stream);
		return;
	}
	/* Whoever asks for keys takes one that does not come for gone: pages alone are no proof. */
	if (!platform_of(stream)->count_exact && halve_list(stream))
	{
		begin_part(stream, 0);
		return;
	}
	if (stream->no_offset || is_in_vain(stream, nnew) ||
		(platform_of(stream)->paging == MLS_PAGING_KEYS && !platform_of(stream)->timestamp_alone))
	{
		stream->doubtful = stream->stuck = true;
		stream->announced = Max(stream->announced, stream->distinct + 1);
		end_part(stream);
		return;
	}
	stream->offset += nrows;
	ask(stream);
}

/* ---- pages ---- */

static RetsOutcome
read_page(void *arg, const MlsHttpResponse *response)
{
	RetsStream *stream = arg;
	const MlsPlatform *platform = platform_of(stream);
	const RetsPart *part = linitial(stream->parts);
	int64 size = Max(platform->page_size, list_length(part->keys));
	RetsOutcome outcome;

	if (stream->head.date == 0)
		stream->head.date = mls_http_date(response, "date");
	/* So many records make a page of an answer that has more. */
	if (stream->limit >= 0)
		size = Max(stream->limit, 1);
	else if (stream->head.query->keys_only)
		size = platform->key_page_size;
	outcome = mls_rets_read_search(table_of(stream), response, stream->call.purpose, size,
								   stream->fields, stream->decoder, &stream->answer);
	mls_xml_repairs_add(&stream->repairs, &mls_rets_pages_answer(stream->answer)->repairs);
	return outcome;
}

/* Waits for the answer to the request on its way, or to one that is sent now. */
static RetsOutcome
receive(RetsStream *stream)
{
	MemoryContext old = MemoryContextSwitchTo(stream->ahead_context);
	MlsHttpRequest *request = stream->request;
	RetsOutcome outcome;

	stream->request = NULL;
	outcome = mls_rets_talk(table_of(stream)->source, &stream->call, request, read_page, stream,
							&stream->head.stats);
	MemoryContextSwitchTo(old);
	return outcome;
}

pg_noreturn static void
report_missing(const MlsTable *table, const char *field)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INCONSISTENT_DESCRIPTOR_INFORMATION),
			 errmsg("source \"%s\" leaves field \"%s\" out of the records of resource \"%s\"",
					table->source->http.name, field, table->resource),
			 errdetail("The field was asked for, and the answer has no column of this name."),
			 errhint("If the source does not have it any more, or not for this login, drop the "
					 "column of foreign table %s.",
					 table->name)));
}

/* Fields without a column are not null: nothing is known of them. */
static void
judge_missing(RetsStream *stream, const RetsAnswer *answer)
{
	const MlsTable *table = table_of(stream);
	MemoryContext old = MemoryContextSwitchTo(stream->context);
	ListCell *lc;

	stream->head.missing = NIL;
	foreach (lc, answer->records > 0 ? answer->missing : NIL)
	{
		if (!stream->head.query->keeps || mls_table_is_key(table, lfirst(lc)) ||
			(table->timestamp && strcmp(table->timestamp, lfirst(lc)) == 0))
			report_missing(table, lfirst(lc));
		stream->head.missing = lappend(stream->head.missing, pstrdup(lfirst(lc)));
	}
	MemoryContextSwitchTo(old);
}

/* Asks and waits; true when an answer with or without records is at hand. */
static bool
next_answer(RetsStream *stream)
{
	const RetsPart *part = linitial(stream->parts);
	const RetsAnswer *answer;

	if (!stream->begun && lists_first(stream))
	{
		if (list_rest(stream, part))
			stream->parts = list_delete_first(stream->parts);
		stream->done = stream->parts == NIL;
		return false;
	}
	if (!stream->begun)
		ask(stream);
	stream->outcome = receive(stream);
	if (mls_rets_is_error(stream->outcome.class))
	{
		if (!goes_on_after(stream, &stream->outcome))
			mls_rets_report(table_of(stream)->source, &stream->call, &stream->outcome);
		MemoryContextDelete(stream->ahead_context);
		stream->begun = false;
		return false;
	}
	stream->answer_context = stream->ahead_context;
	stream->fresh = 0;
	answer = mls_rets_pages_answer(stream->answer);
	judge_missing(stream, answer);
	if (stream->outcome.class == RETS_REPLY_EMPTY && stream->offset == 1)
		stream->announced = Max(answer->count, 0);
	if (stream->offset == 1 && answer->count >= 0 && !part->is_rest)
	{
		stream->announced = answer->count;
		stream->head.announced = Max(stream->head.announced, 0) + answer->count;
	}
	return true;
}

/* The next page of the answer at hand; with its last one, what follows it is asked for. */
static MlsPage *
next_of_answer(RetsStream *stream)
{
	MemoryContext answer_context = stream->answer_context;
	const RetsAnswer *answer = mls_rets_pages_answer(stream->answer);
	MemoryContext old;
	MlsPage *page;

	stream->page_context =
		AllocSetContextCreate(stream->context, "mls_fdw page", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(stream->page_context);
	page = mls_rets_pages_next(stream->answer);
	if (page)
	{
		keep_new(stream, page);
		stream->head.records += page->nrecords;
		stream->fresh += page->nrecords;
	}
	stream->head.pages++;
	if (mls_rets_pages_ended(stream->answer))
	{
		stream->answer_context = NULL;
		follow(stream, answer, &stream->outcome, answer->records, stream->fresh);
		MemoryContextDelete(answer_context);
	}
	MemoryContextSwitchTo(old);
	return page && page->nrecords > 0 ? page : NULL;
}

static void
remark(RetsStream *stream, int64 count, const char *one, const char *many)
{
	MemoryContext old = MemoryContextSwitchTo(stream->context);

	if (count > 0)
		stream->head.remarks = lappend(stream->head.remarks, mls_counted(count, one, many));
	MemoryContextSwitchTo(old);
}

/* At the end: what was wrong with the answers, and no reason to refuse them. */
static void
note_repairs(RetsStream *stream)
{
	const MlsXmlRepairs *repairs = &stream->repairs;

	remark(stream, repairs->trailing, "byte behind the end of an answer was left out",
		   "bytes behind the end of answers were left out");
	remark(stream, repairs->encoding, "byte was no UTF-8 and was taken as Windows-1252",
		   "bytes were no UTF-8 and were taken as Windows-1252");
	remark(stream, repairs->controls, "control character was left out",
		   "control characters were left out");
	memset(&stream->repairs, 0, sizeof(MlsXmlRepairs));
}

MlsPage *
mls_rets_next_page(MlsStream *head)
{
	RetsStream *stream = (RetsStream *) head;

	for (;;)
	{
		MlsPage *page;

		CHECK_FOR_INTERRUPTS();
		if (stream->page_context)
			MemoryContextDelete(stream->page_context);
		stream->page_context = NULL;
		if (stream->answer_context == NULL && stream->done)
		{
			note_repairs(stream);
			return NULL;
		}
		if (stream->answer_context == NULL && !next_answer(stream))
			continue;
		page = next_of_answer(stream);
		if (page)
			return page;
	}
}

/* ---- showing ---- */

char *
mls_rets_show(const MlsQuery *query)
{
	RetsStream *stream = open_stream(query);
	const char *select = stream->select;
	int64 limit = choose_limit(stream);
	const RetsPart *part = linitial(stream->parts);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s?Query=%s", query->table->resource, part->query);
	if (select)
		appendStringInfo(&buf, "&Select=%s", select);
	if (query->limit >= 0 && !stream->dmql.inexact)
		appendStringInfo(&buf, "&Limit=" INT64_FORMAT, limit);
	if (list_length(stream->parts) > 1)
		appendStringInfo(&buf, " (part 1 of %d)", list_length(stream->parts));
	MemoryContextDelete(stream->context);
	return buf.data;
}
