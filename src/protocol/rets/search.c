/*
 * search.c
 *		Records of a RETS class, page after page, and how many there are.
 *
 * Offset is not trusted: sources refuse it, ignore it, or sort anew for each
 * request.  Keys that came are remembered, a record that comes again is left out,
 * and at the end as many must have come as were announced.  Where that fails, or
 * the platform says so, all keys are listed in one answer and what is missing is
 * asked for by key.  The memory for it is one number per record.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "protocol/rets/talk.h"

/* One query of a stream, which ends when all its records have come. */
typedef struct Part
{
	const char *query;
	List *keys;   /* of char *: asked for by these; or NIL */
	bool is_rest; /* what a list of keys has shown to be missing */
} Part;

typedef struct RetsStream
{
	MlsStream head;
	MemoryContext context;
	MemoryContext page_context;  /* of the page handed out */
	MemoryContext ahead_context; /* of the request on its way, and of its answer */
	const char *conditions;      /* as DMQL2, all of them */
	bool exact;                  /* none was left out */
	const char *select;          /* or NULL: all fields */
	List *parts;                 /* of Part *, those still to be read */
	RetsCall call;
	MlsHttpRequest *request;
	bool no_offset;  /* the source refuses it */
	int64 offset;    /* of the request, from 1 */
	int64 limit;     /* of the request, or -1 */
	int64 announced; /* for this part, or -1 */
	int64 rows;      /* of this part, repeated ones too */
	int64 distinct;  /* of this part, different ones */
	bool doubtful;   /* pages of this part did not fit together */
	bool begun;      /* this part was asked for */
	bool done;
	RetsDecoder *decoder; /* or NULL */
	HTAB *seen;           /* hashes of keys */
	RetsReader *reader;   /* of the answer that is being read */
} RetsStream;

static const MlsTable *
table_of(const RetsStream *stream)
{
	return stream->head.query->table;
}

static const MlsPlatform *
platform_of(const RetsStream *stream)
{
	return &table_of(stream)->source->platform;
}

/* ---- arguments ---- */

static const char *
key_field(const MlsTable *table)
{
	return table->key ? linitial(table->key) : NULL;
}

static void
add_target(List **arguments, const MlsTable *table)
{
	const char *colon = strchr(table->resource, ':');
	int length = colon ? colon - table->resource : strlen(table->resource);

	mls_rets_argument(arguments, "SearchType", pnstrdup(table->resource, length));
	mls_rets_argument(arguments, "Class", colon ? colon + 1 : table->resource);
}

static List *
search_arguments(const MlsTable *table, const char *query, const char *select, bool count)
{
	static const char *const formats[] = {"COMPACT", "COMPACT-DECODED", "STANDARD-XML"};
	const MlsPlatform *platform = &table->source->platform;
	List *arguments = NIL;

	add_target(&arguments, table);
	mls_rets_argument(&arguments, "Query", query);
	mls_rets_argument(&arguments, "QueryType", "DMQL2");
	mls_rets_argument(&arguments, "Count", count ? "1" : "0");
	mls_rets_argument(&arguments, "Format", formats[platform->format]);
	mls_rets_argument(&arguments, "StandardNames", platform->standard_names ? "1" : "0");
	if (select)
		mls_rets_argument(&arguments, "Select", select);
	return arguments;
}

/* The fields to select, the key among them; NULL for all. */
static const char *
select_list(const MlsQuery *query)
{
	const char *key = key_field(query->table);
	bool has_key = key == NULL;
	StringInfoData buf;
	ListCell *lc;

	if (query->fields == NIL || query->table->source->platform.format == MLS_FORMAT_XML)
		return NULL;
	initStringInfo(&buf);
	foreach (lc, query->fields)
	{
		const char *field = lfirst(lc);

		if (strcmp(field, "*") == 0)
			return NULL;
		has_key = has_key || strcmp(field, key) == 0;
		appendStringInfo(&buf, "%s%s", buf.len ? "," : "", field);
	}
	if (!has_key)
		appendStringInfo(&buf, "%s%s", buf.len ? "," : "", key);
	return buf.data;
}

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
	if (query->limit >= 0 && stream->exact)
		size = Min(size, Max(query->limit, 1));
	return size;
}

/* ---- reading an answer ---- */

static RetsReader *
new_reader(const MlsTable *table, const MlsHttpResponse *response, const char *purpose,
		   RetsDecoder *decoder)
{
	RetsReaderOptions options = {.format = table->source->platform.format == MLS_FORMAT_XML
											   ? RETS_STANDARD_XML
											   : RETS_COMPACT,
								 .purpose = purpose,
								 .source = table->source->http.name,
								 .charset = mls_rets_charset(response),
								 .repeated = mls_rets_repeated(table)};

	if (decoder)
	{
		mls_rets_decoder_reset(decoder);
		options.decode = mls_rets_decode;
		options.decode_arg = decoder;
	}
	return mls_rets_reader(&options);
}

static RetsOutcome
read_answer(const MlsTable *table, const MlsHttpResponse *response, const char *purpose,
			RetsDecoder *decoder, RetsReader **reader)
{
	*reader = new_reader(table, response, purpose, decoder);
	mls_rets_feed(*reader, response->body, response->length);
	mls_rets_finish(*reader);
	return mls_rets_outcome(mls_rets_answer(*reader), false);
}

static RetsOutcome
read_page(void *arg, const MlsHttpResponse *response)
{
	RetsStream *stream = arg;

	if (stream->head.date == 0)
		stream->head.date = response->date;
	return read_answer(table_of(stream), response, stream->call.purpose, stream->decoder,
					   &stream->reader);
}

/* Does an answer say that more records exist than it holds? */
static bool
says_more(const RetsAnswer *answer, const RetsOutcome *outcome)
{
	return answer->maxrows || outcome->class == RETS_REPLY_TRUNCATED;
}

/* ---- opening ---- */

static Part *
add_part(RetsStream *stream, const char *query, List *keys, bool is_rest)
{
	Part *part = palloc0(sizeof(Part));

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
	int batch = platform_of(stream)->key_batch;

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

/* Without a look at the network, as far as lookups are known. */
static MlsStream *
open_stream(const MlsQuery *query)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw stream", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RetsStream *stream = palloc0(sizeof(RetsStream));
	HASHCTL control = {.keysize = sizeof(uint64), .entrysize = sizeof(uint64), .hcxt = context};
	const MlsCondition *list = long_list(query);

	stream->head.protocol = &mls_rets_protocol;
	stream->head.query = query;
	stream->head.announced = -1;
	stream->context = context;
	stream->exact = true;
	stream->decoder = mls_rets_decoder(&stream->head);
	stream->conditions = mls_rets_query(query, &stream->exact);
	stream->select = select_list(query);
	stream->seen =
		hash_create("mls_fdw keys", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (list)
		cut(stream, list);
	else
		add_part(stream, stream->conditions, NIL, false);
	stream->offset = 1;
	stream->announced = -1;
	MemoryContextSwitchTo(old);
	return &stream->head;
}

MlsStream *
mls_rets_open(const MlsQuery *query)
{
	MlsHttpStats stats = {0};
	MlsStream *stream;

	mls_rets_learn_lookups(query, &stats);
	stream = open_stream(query);
	stream->stats = stats;
	return stream;
}

/* ---- asking ---- */

/* Makes the next request ready, in a context that its answer will live in. */
static void
prepare(RetsStream *stream)
{
	const Part *part = linitial(stream->parts);
	MemoryContext old;

	stream->ahead_context =
		AllocSetContextCreate(stream->context, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(stream->ahead_context);
	stream->limit = part->keys ? -1 : choose_limit(stream);
	stream->call.transaction = RETS_SEARCH;
	stream->call.purpose = psprintf("page " INT64_FORMAT " of resource \"%s\"",
									stream->head.pages + 1, table_of(stream)->resource);
	stream->call.arguments =
		search_arguments(table_of(stream), part->query, stream->select, stream->offset == 1);
	mls_rets_argument(&stream->call.arguments, "Limit",
					  stream->limit < 0 ? "NONE" : psprintf(INT64_FORMAT, stream->limit));
	if (!part->keys && !stream->no_offset && (stream->limit >= 0 || stream->offset > 1))
		mls_rets_argument(&stream->call.arguments, "Offset",
						  psprintf(INT64_FORMAT, stream->offset));
	MemoryContextSwitchTo(old);
	stream->begun = true;
}

static void
ask(RetsStream *stream)
{
	MemoryContext old;

	prepare(stream);
	old = MemoryContextSwitchTo(stream->ahead_context);
	stream->request = mls_rets_send(table_of(stream)->source, &stream->call, &stream->head.stats);
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
	const Part *part = linitial(stream->parts);

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

/* ---- keys ---- */

static uint64
key_hash(const char *key)
{
	return hash_bytes_extended((const unsigned char *) key, strlen(key), 0);
}

static bool
was_seen(RetsStream *stream, const char *key, bool note)
{
	uint64 hash = key_hash(key);
	bool found;

	hash_search(stream->seen, &hash, note ? HASH_ENTER : HASH_FIND, &found);
	return found;
}

/* Takes records out of a page that came before. */
static void
keep_new(RetsStream *stream, MlsPage *page)
{
	const char *key = key_field(table_of(stream));
	int kept = 0;

	stream->rows += page->nrecords;
	for (int i = 0; i < page->nrecords; i++)
	{
		const MlsSlice *slice = key ? mls_record_field(&page->records[i], key) : NULL;
		char *text = slice ? mls_slice_text(slice) : NULL;

		if (text && was_seen(stream, text, true))
		{
			stream->doubtful = true;
			continue;
		}
		page->records[kept++] = page->records[i];
	}
	page->nrecords = kept;
	stream->distinct += kept;
}

static RetsOutcome
read_keys(void *arg, const MlsHttpResponse *response)
{
	RetsStream *stream = arg;

	return read_answer(table_of(stream), response, "the list of keys", NULL, &stream->reader);
}

/* What is left of a list of keys as parts of so many. */
static void
plan_batches(RetsStream *stream, const MlsPage *page, int size)
{
	const char *field = key_field(table_of(stream));
	List *keys = NIL;

	for (int i = 0; page && i <= page->nrecords; i++)
	{
		const MlsSlice *slice =
			i < page->nrecords ? mls_record_field(&page->records[i], field) : NULL;
		char *key = slice ? mls_slice_text(slice) : NULL;

		if (key && !was_seen(stream, key, false))
			keys = lappend(keys, key);
		if (keys && (i == page->nrecords || list_length(keys) >= size))
		{
			StringInfoData query;

			initStringInfo(&query);
			mls_rets_key_list(&query, table_of(stream), keys);
			if (!platform_of(stream)->timestamp_alone)
				appendStringInfo(&query, ",%s", stream->conditions);
			add_part(stream, query.data, keys, true);
			keys = NIL;
		}
	}
}

pg_noreturn static void report_end(const RetsStream *stream, int64 announced, int64 received);

static void
report_end(const RetsStream *stream, int64 announced, int64 received)
{
	const MlsTable *table = table_of(stream);

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

/* Lists all keys that meet the part's query and plans requests for those not seen. */
static void
list_rest(RetsStream *stream, const Part *part)
{
	const MlsTable *table = table_of(stream);
	RetsCall call = {.transaction = RETS_SEARCH, .purpose = "the list of keys"};
	MemoryContext old = MemoryContextSwitchTo(stream->context);
	const RetsAnswer *answer;
	RetsOutcome outcome;
	MlsPage *page;
	int64 nkeys;

	call.arguments = search_arguments(table, part->query, key_field(table), true);
	mls_rets_argument(&call.arguments, "Limit", "NONE");
	outcome = mls_rets_talk(table->source, &call, NULL, read_keys, stream, &stream->head.stats);
	if (mls_rets_is_error(outcome.class))
		mls_rets_report(table->source, call.purpose, &outcome);
	answer = mls_rets_answer(stream->reader);
	page = mls_rets_page(stream->reader, 1);
	nkeys = page ? page->nrecords : 0;
	/* Some say that there is more when exactly as many came as they may send. */
	if (answer->count >= 0 && platform_of(stream)->count_exact ? nkeys < answer->count
															   : says_more(answer, &outcome))
		report_end(stream, answer->count, nkeys);
	plan_batches(stream, page, platform_of(stream)->key_batch);
	MemoryContextSwitchTo(old);
}

/* ---- judging ---- */

/* Does the caller need no more than what came? */
static bool
limit_reached(const RetsStream *stream)
{
	const MlsQuery *query = stream->head.query;

	return query->limit >= 0 && stream->exact && stream->head.records >= query->limit;
}

static bool
may_list(const RetsStream *stream)
{
	return key_field(table_of(stream)) && !stream->head.query->keys_only &&
		   platform_of(stream)->paging != MLS_PAGING_OFFSET;
}

/* At the end of a part: have all records come that were announced? */
static bool
is_complete(const RetsStream *stream)
{
	if (!platform_of(stream)->count_exact || stream->announced < 0)
		return !stream->doubtful;
	return stream->distinct >= stream->announced;
}

/* Goes on to the next part; at the end of the last the stream is done. */
static void
end_part(RetsStream *stream)
{
	const Part *part = linitial(stream->parts);

	if (!part->is_rest && !limit_reached(stream) && !is_complete(stream))
	{
		if (may_list(stream))
			list_rest(stream, part);
		else
		{
			int64 now = mls_rets_count(stream->head.query, &stream->head.stats);

			if (now < 0 || stream->head.records < now)
				report_end(stream, stream->announced, stream->distinct);
		}
	}
	stream->parts = list_delete_first(stream->parts);
	stream->done = stream->parts == NIL || limit_reached(stream);
	stream->offset = 1;
	stream->announced = -1;
	stream->rows = stream->distinct = 0;
	stream->doubtful = false;
	stream->begun = false;
}

/* A part that was too much at once becomes two. */
static bool
halve(RetsStream *stream)
{
	Part *part = linitial(stream->parts);
	int count = list_length(part->keys);
	List *rest = NIL;

	if (count < 2)
		return false;
	for (int half = 0; half < 2; half++)
	{
		MemoryContext old = MemoryContextSwitchTo(stream->context);
		Part *piece = palloc0(sizeof(Part));
		StringInfoData query;

		for (int i = half * (count / 2); i < (half ? count : count / 2); i++)
			piece->keys = lappend(piece->keys, list_nth(part->keys, i));
		initStringInfo(&query);
		mls_rets_key_list(&query, table_of(stream), piece->keys);
		if (!platform_of(stream)->timestamp_alone)
			appendStringInfo(&query, ",%s", stream->conditions);
		piece->query = query.data;
		piece->is_rest = true;
		rest = lappend(rest, piece);
		MemoryContextSwitchTo(old);
	}
	stream->parts = list_concat(rest, list_delete_first(stream->parts));
	return true;
}

/* An answer that is an error: true if the stream goes on in another way. */
static bool
goes_on_after(RetsStream *stream, const RetsOutcome *outcome)
{
	const Part *part = linitial(stream->parts);
	bool refused = outcome->class == RETS_REPLY_REQUEST || outcome->class == RETS_REPLY_UNSUPPORTED;

	if (outcome->class == RETS_REPLY_SMALLER)
		return halve(stream);
	if (!refused || stream->no_offset || part->keys || outcome->code == 20200 ||
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

/* After a page: where the rest of the part is, if there is one. */
static void
follow(RetsStream *stream, const RetsAnswer *answer, const RetsOutcome *outcome, int nrows,
	   int nnew)
{
	const Part *part = linitial(stream->parts);
	bool more =
		says_more(answer, outcome) || (nrows > 0 && stream->limit >= 0 && nrows >= stream->limit &&
									   (stream->announced < 0 || stream->rows < stream->announced));

	if (nrows == 0 || limit_reached(stream) || !more)
	{
		end_part(stream);
		return;
	}
	if (part->keys)
	{
		/* Fewer came than asked for: what was seen is not asked for again. */
		if (!halve(stream))
			end_part(stream);
		stream->begun = false;
		return;
	}
	if (stream->no_offset || nnew == 0 ||
		(platform_of(stream)->paging == MLS_PAGING_KEYS && !platform_of(stream)->timestamp_alone))
	{
		stream->doubtful = true;
		stream->announced = Max(stream->announced, stream->distinct + 1);
		end_part(stream);
		return;
	}
	stream->offset += nrows;
	ask(stream);
}

/* ---- pages ---- */

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

static void
note_announced(RetsStream *stream, const RetsAnswer *answer)
{
	const Part *part = linitial(stream->parts);

	if (stream->offset > 1 || answer->count < 0 || part->is_rest)
		return;
	stream->announced = answer->count;
	stream->head.announced = Max(stream->head.announced, 0) + answer->count;
}

/* One answer; NULL if it has brought nothing new. */
static MlsPage *
next_answer(RetsStream *stream)
{
	RetsOutcome outcome;
	const RetsAnswer *answer;
	MemoryContext old;
	MlsPage *page;
	int nrows;

	if (!stream->begun && lists_first(stream))
	{
		list_rest(stream, linitial(stream->parts));
		stream->parts = list_delete_first(stream->parts);
		stream->done = stream->parts == NIL;
		return NULL;
	}
	if (!stream->begun)
		ask(stream);
	outcome = receive(stream);
	if (mls_rets_is_error(outcome.class))
	{
		if (!goes_on_after(stream, &outcome))
			mls_rets_report(table_of(stream)->source, stream->call.purpose, &outcome);
		MemoryContextDelete(stream->ahead_context);
		stream->begun = false;
		return NULL;
	}
	stream->page_context = stream->ahead_context;
	old = MemoryContextSwitchTo(stream->page_context);
	answer = mls_rets_answer(stream->reader);
	if (outcome.class == RETS_REPLY_EMPTY && stream->offset == 1)
		stream->announced = Max(answer->count, 0);
	note_announced(stream, answer);
	page = mls_rets_page(stream->reader, 1);
	nrows = page ? page->nrecords : 0;
	if (page)
	{
		page->bytes = answer->bytes;
		keep_new(stream, page);
		stream->head.records += page->nrecords;
	}
	stream->head.pages++;
	follow(stream, answer, &outcome, nrows, page ? page->nrecords : 0);
	MemoryContextSwitchTo(old);
	return page && page->nrecords > 0 ? page : NULL;
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
		if (stream->done)
			return NULL;
		page = next_answer(stream);
		if (page)
			return page;
	}
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
	RetsReader *reader;
	RetsOutcome outcome = read_answer(work->table, response, work->purpose, NULL, &reader);

	work->count = mls_rets_answer(reader)->count;
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
	bool exact = true;
	const char *conditions = mls_rets_query(query, &exact);
	RetsCall call = {.transaction = RETS_SEARCH};
	RetsOutcome outcome;

	work.purpose = call.purpose = psprintf("the count of resource \"%s\"", table->resource);
	if (!exact)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot count resource \"%s\" at source \"%s\"", table->resource,
							   table->source->http.name),
						errdetail("A condition of the query cannot be sent."),
						errhint("Repeat the query: it is planned without remote counting now.")));
	call.arguments = search_arguments(table, conditions, NULL, false);
	((MlsUrlParam *) list_nth(call.arguments, 4))->value = "2";
	outcome = mls_rets_talk(table->source, &call, NULL, read_count, &work, stats);
	if (mls_rets_is_error(outcome.class))
		mls_rets_report(table->source, call.purpose, &outcome);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return outcome.class == RETS_REPLY_EMPTY ? Max(work.count, 0) : work.count;
}

/* ---- showing ---- */

char *
mls_rets_show(const MlsQuery *query)
{
	RetsStream *stream = (RetsStream *) open_stream(query);
	const char *select = stream->select;
	int64 limit = choose_limit(stream);
	const Part *part = linitial(stream->parts);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s?Query=%s", query->table->resource, part->query);
	if (select)
		appendStringInfo(&buf, "&Select=%s", select);
	if (query->limit >= 0 && stream->exact)
		appendStringInfo(&buf, "&Limit=" INT64_FORMAT, limit);
	if (list_length(stream->parts) > 1)
		appendStringInfo(&buf, " (part 1 of %d)", list_length(stream->parts));
	MemoryContextDelete(stream->context);
	return buf.data;
}
