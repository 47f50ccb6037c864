/*
 * qobrix_stream.c
 *		Pages of a Qobrix resource.
 *
 * By key, each page is asked for by what comes behind the last key of the one
 * before; the address of the next page is the link by which an interrupted
 * reading goes on.  By number, records that move could be passed over, so ids are
 * remembered, and one that comes twice is an error.
 *
 * The end is believed when a page says that none follows, the total it gives is no
 * more than what it holds, and it is short.  A full page, or one that says nothing, is
 * the last only if its total can be believed; else what is behind it is asked for, and
 * a source may refuse that.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "protocol/qobrix/qobrix.h"

/* What a page tells of the whole; -1 where it does not. */
typedef struct Pagination
{
	int64 count;
	int64 limit;
	bool says_next; /* has_next is what it says */
	bool has_next;
} Pagination;

typedef struct QobrixStream
{
	MlsChain chain;
	bool by_key;
	QobrixRequest shape;   /* of the page asked for last */
	Pagination pagination; /* of the page at hand */
	char *after;           /* the last key read, or NULL */
	int page;              /* the number of the page on its way, from 1 */
	bool doubtful;         /* it is asked for only to prove that there is none */
} QobrixStream;

/* ---- asking ---- */

/* Asks for the page that comes now, or for a link. */
static void
ask(MlsChain *chain, const char *link)
{
	QobrixStream *stream = (QobrixStream *) chain;
	const MlsQuery *query = mls_chain_part(chain)->query;
	const MlsHttpSource *http = mls_chain_http(chain);

	stream->shape = *mls_qobrix_request(query, stream->after, stream->page);
	chain->exact = stream->shape.exact;
	mls_chain_ask(chain, link ? mls_url_resolve(http, http->url, link)
							  : mls_qobrix_url(query, &stream->shape));
}

static void
ask_first(MlsChain *chain)
{
	QobrixStream *stream = (QobrixStream *) chain;
	const MlsQuery *query = mls_chain_part(chain)->query;

	stream->page = 1;
	stream->after = NULL;
	stream->doubtful = false;
	stream->by_key = mls_qobrix_by_key(query);
	chain->call.headers = list_make1("Accept: application/json");
	ask(chain, query->resume_link);
}

/* ---- answers ---- */

char *
mls_qobrix_error_text(const MlsHttpResponse *response)
{
	const MlsRecord *record;
	const MlsSlice *errors;

	if (response->length == 0 || strstr(response->content_type, "json") == NULL)
		return NULL;
	record = mls_error_object(response->body, response->length);
	errors = record ? mls_record_field(record, "errors") : NULL;
	return errors && errors->kind != MLS_NULL ? mls_error_words(mls_slice_text(errors)) : NULL;
}

/* An answer as a page of records, or as the only one. */
static MlsPage *
parse(const MlsTable *table, const MlsHttpCall *call, const MlsHttpResponse *response, bool bare)
{
	if (bare && response->status == 404)
		return palloc0(sizeof(MlsPage));
	if (response->status != 200)
		mls_http_report_status(&table->source->http, call, response,
							   mls_qobrix_error_text(response));
	return mls_read_page(table, call->purpose, response, bare ? NULL : "data");
}

/* What is known of the answer's envelope must be what it should be; what is not known does no harm. */
static Pagination
pagination_of(const MlsTable *table, const char *purpose, const MlsPage *page)
{
	Pagination result = {.count = -1, .limit = -1};
	const MlsSlice *slice = mls_page_value(page, "pagination");
	const MlsRecord *record;
	const MlsSlice *next;

	if (slice == NULL || slice->kind == MLS_NULL)
		return result;
	if (slice->kind != MLS_OBJECT)
		mls_report_page(table, purpose, "Its member \"pagination\" is no object.");
	record = mls_error_object(slice->value, slice->value_length);
	result.count = mls_read_total(table, purpose, mls_record_field(record, "count"));
	result.limit = mls_read_total(table, purpose, mls_record_field(record, "limit"));
	next = mls_record_field(record, "has_next_page");
	if (next && next->kind != MLS_BOOLEAN && next->kind != MLS_NULL)
		mls_report_page(table, purpose,
						psprintf("Its member \"has_next_page\" is neither true nor false: %s.",
								 mls_show_start(next->value, next->value_length, 60)));
	result.says_next = next && next->kind == MLS_BOOLEAN;
	result.has_next = result.says_next && *next->value == 't';
	return result;
}

/* ---- reading ---- */

static char *
key_of(const MlsChain *chain, const MlsRecord *record)
{
	const List *key = chain->head.query->table->key;
	const MlsSlice *slice = key ? mls_record_field(record, linitial(key)) : NULL;

	return slice && slice->kind != MLS_NULL ? mls_slice_text(slice) : NULL;
}

/*
 * By number: a key that was met before has been moved, and may have moved others.  But
 * behind its last page a source may give that page again.
 */
static void
note_met(MlsChain *chain, MlsPage *page, bool doubtful)
{
	for (int i = 0; i < page->nrecords; i++)
	{
		char *key = key_of(chain, &page->records[i]);

		if (i == 0 && doubtful && key && !mls_chain_note(chain, key))
		{
			page->nrecords = 0;
			return;
		}
		if (i == 0 && doubtful)
			continue;

		if (key && !mls_chain_note(chain, key))
			ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
							errmsg("records of resource \"%s\" moved while source \"%s\" was read",
								   chain->head.query->table->resource, mls_chain_http(chain)->name),
							errdetail("A record came twice."), errhint("Try again.")));
	}
}

static MlsPage *
read_page(MlsChain *chain, const MlsHttpResponse *response)
{
	QobrixStream *stream = (QobrixStream *) chain;
	MlsPage *page;

	if (stream->doubtful && mls_is_refused(response))
		return palloc0(sizeof(MlsPage));
	page = parse(chain->head.query->table, &chain->call, response, stream->shape.bare);
	stream->pagination = pagination_of(chain->head.query->table, chain->call.purpose, page);
	if (chain->part_pages == 0 && stream->pagination.count >= 0)
		mls_chain_announce(chain, stream->pagination.count);
	if (!stream->by_key && stream->shape.paged)
		note_met(chain, page, stream->doubtful);
	return page;
}

/* A source that does not go on behind the last key would be read for ever. */
static void
note_last(QobrixStream *stream, const MlsPage *page)
{
	MlsChain *chain = &stream->chain;
	char *first = key_of(chain, &page->records[0]);
	char *key = key_of(chain, &page->records[page->nrecords - 1]);

	if (key == NULL)
		mls_chain_report_page(chain,
							  "Its last record has no key, behind which the next page begins.");
	if (stream->after)
	{
		if (strcmp(key, stream->after) == 0 || (first && strcmp(first, stream->after) <= 0))
			mls_chain_report_page(
				chain, psprintf("It was asked for what comes behind key \"%s\" and "
								"begins before it. Set the server option paging to "
								"offset.",
								mls_show_start(stream->after, strlen(stream->after), 64)));
		pfree(stream->after);
	}
	stream->after = MemoryContextStrdup(chain->context, key);
}

/* Does a page say that others follow? */
static bool
says_more(const QobrixStream *stream, const MlsPage *page)
{
	const MlsTable *table = stream->chain.head.query->table;
	int64 before = stream->by_key ? 0 : stream->chain.part_records - page->nrecords;

	return stream->pagination.has_next ||
		   (stream->pagination.count > before + page->nrecords && !mls_total_is_refuted(table));
}

/* Is this the last page?  All that it says must agree. */
static bool
is_last(const QobrixStream *stream, const MlsPage *page)
{
	const Pagination *pagination = &stream->pagination;
	int64 limit = pagination->limit > 0 ? pagination->limit : stream->shape.limit;
	bool is_full = page->nrecords >= limit;

	if (!stream->shape.paged || page->nrecords == 0)
		return true;
	if (says_more(stream, page))
		return false;
	/* By key a full page costs one request more, to be sure. */
	if (is_full && stream->by_key)
		return false;
	if (!is_full && (pagination->says_next || mls_chain_part(&stream->chain)->query->stepwise))
		return true;
	return mls_chain_total_ends(&stream->chain, page);
}

static void
follow(MlsChain *chain, const MlsHttpResponse *response, const MlsPage *page)
{
	QobrixStream *stream = (QobrixStream *) chain;

	if (mls_chain_limit_reached(chain) || is_last(stream, page))
		return;
	stream->doubtful = !says_more(stream, page);
	if (stream->by_key)
		note_last(stream, page);
	else
		stream->page++;
	ask(chain, NULL);
	if (stream->by_key)
		chain->head.next_link = chain->call.url;
}

static const MlsChainWay qobrix_way = {.ask_first = ask_first, .read = read_page, .follow = follow};

MlsStream *
mls_qobrix_open(const MlsQuery *query)
{
	return &mls_chain_open(sizeof(QobrixStream), &qobrix_way, query, mls_qobrix_parts)->head;
}

/* ---- counting ---- */

/* One record behind so many, with the total; NULL if that cannot be asked. */
static MlsPage *
ask_total(const MlsQuery *query, int64 skipped, int64 *total, MlsHttpStats *stats)
{
	const MlsTable *table = query->table;
	QobrixRequest *request = mls_qobrix_count_request(query);
	MlsHttpCall call = {.method = "GET", .headers = list_make1("Accept: application/json")};
	MlsUrlParam number = {"page", psprintf(INT64_FORMAT, skipped + 1)};
	MlsHttpResponse *response;
	MlsPage *page;

	if (skipped > 0)
		request->params = lappend(request->params, &number);
	call.url = mls_qobrix_url(query, request);
	call.purpose = psprintf("the count of resource \"%s\"", table->resource);
	call.table = table->name;
	call.filter = table->filter;
	response = mls_http_fetch(&table->source->http, &call, stats);
	if (skipped > 0 && mls_is_refused(response))
		return NULL;
	page = parse(table, &call, response, false);
	*total = pagination_of(table, call.purpose, page).count;
	return page;
}

int64
mls_qobrix_count(const MlsQuery *query, MlsHttpStats *stats)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw count", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const MlsTable *table = query->table;
	int64 total = -1;

	if (strcmp(table->resource, QOBRIX_MEDIA) != 0)
	{
		if (!mls_qobrix_count_request(query)->exact)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("cannot count resource \"%s\" at source \"%s\"", table->resource,
								   table->source->http.name),
							errdetail("A condition of the query cannot be sent.")));
		total = mls_ask_count(query, ask_total, stats);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return total;
}
