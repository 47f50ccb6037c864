/*
 * stream.c
 *		Pages of a RESO Web API resource.
 *
 * A chain of pages is followed by next links, or by $skip where a server cuts
 * pages without giving one.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "protocol/reso/reso.h"

/* An endless chain of empty pages would otherwise never be noticed. */
#define MAX_EMPTY_PAGES 100

typedef struct ResoStream
{
	MlsChain chain;
	ResoRequest *shape; /* how the first page of this part was asked */
	int empty_pages;
	uint64 fingerprint; /* of the page before, to notice one that repeats */
} ResoStream;

/* ---- asking ---- */

/* Renders and sends the first request of the current part. */
static void
ask_first(MlsChain *chain)
{
	ResoStream *stream = (ResoStream *) chain;
	const MlsQuery *query = mls_chain_part(chain)->query;
	const MlsHttpSource *http = mls_chain_http(chain);
	char *url;

	stream->shape = mls_reso_request(query);
	stream->empty_pages = 0;
	chain->exact = stream->shape->exact;
	chain->call.headers = stream->shape->headers;
	url = query->resume_link ? mls_url_resolve(http, http->url, query->resume_link)
							 : mls_reso_url(query, stream->shape);
	mls_chain_note(chain, url);
	mls_chain_ask(chain, url);
}

/* ---- refusals ---- */

/* Remembers which fields of a query's order a message names; true if there are any. */
static bool
forget_order(const MlsQuery *query, const char *message)
{
	List *fields = mls_reso_named_fields(query, RESO_USE_ORDER, message);
	ListCell *lc;

	foreach (lc, fields)
		mls_reso_refuse(query->table, RESO_USE_ORDER, lfirst(lc));
	return fields != NIL;
}

/*
 * A source may refuse to filter or select by a field that its metadata
 * declares.  If the answer names such fields, they are given up and the part is
 * asked for again; the caller rechecks conditions, and a field that cannot be
 * had is null.
 */
static bool
give_up_fields(MlsChain *chain, const MlsHttpResponse *response)
{
	const MlsQuery *query = mls_chain_part(chain)->query;
	ResoUse use = RESO_USE_FILTER;
	char *message;
	List *fields;
	ListCell *lc;

	if (response->status != 400 || chain->part_pages > 0 || query->resume_link)
		return false;
	message = mls_reso_error_text(response);
	if (message == NULL)
		return false;
	fields = mls_reso_named_fields(query, use, message);
	/* The caller relies on the order: this query fails, the next one is planned without it. */
	if (fields == NIL && forget_order(query, message))
		return false;
	if (fields == NIL)
	{
		use = RESO_USE_SELECT;
		fields = mls_reso_named_fields(query, use, message);
	}
	foreach (lc, fields)
	{
		MemoryContext old = MemoryContextSwitchTo(chain->context);

		mls_reso_refuse(query->table, use, lfirst(lc));
		chain->head.dropped = lappend(chain->head.dropped, pstrdup(lfirst(lc)));
		MemoryContextSwitchTo(old);
		if (use == RESO_USE_SELECT)
			ereport(WARNING, (errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
							  errmsg("source \"%s\" does not serve field \"%s\" of resource \"%s\"",
									 mls_chain_http(chain)->name, (char *) lfirst(lc),
									 query->table->resource),
							  errdetail("The column is null in this session.")));
	}
	return fields != NIL;
}

/* ---- reading ---- */

/* The first of two spellings of a page member: with "odata." and, since 4.01, without. */
static const MlsSlice *
control_value(const MlsPage *page, const char *name, const char *short_name)
{
	const MlsSlice *slice = mls_page_value(page, name);

	return slice ? slice : mls_page_value(page, short_name);
}

static void
read_announced(MlsChain *chain, const MlsPage *page)
{
	const MlsSlice *slice = control_value(page, "@odata.count", "@count");
	int64 announced;

	if (chain->part_pages == 0 && slice && mls_slice_int64(slice, &announced))
		mls_chain_announce(chain, announced);
}

/* Fingerprint of a page: its first and last record. */
static uint64
page_fingerprint(const MlsPage *page)
{
	const MlsRecord *first = &page->records[0];
	const MlsRecord *last = &page->records[page->nrecords - 1];

	return DatumGetUInt64(
			   hash_any_extended((const unsigned char *) first->json, first->length, 1)) ^
		   (DatumGetUInt64(hash_any_extended((const unsigned char *) last->json, last->length, 2)) +
			page->nrecords);
}

/* A chain that stands still is an error, not the end of the data. */
static void
check_progress(ResoStream *stream, const MlsPage *page)
{
	if (page->nrecords == 0)
	{
		if (++stream->empty_pages > MAX_EMPTY_PAGES)
			mls_chain_report_page(
				&stream->chain,
				psprintf("%d empty pages came one after another, each with a next link.",
						 MAX_EMPTY_PAGES));
		return;
	}
	stream->empty_pages = 0;
	if (stream->chain.part_pages > 0 && page_fingerprint(page) == stream->fingerprint)
		mls_chain_report_page(&stream->chain, "The source sent the page before a second time.");
	stream->fingerprint = page_fingerprint(page);
}

/* A page; NULL if the source refuses fields of the query, which goes on without them. */
static MlsPage *
read_page(MlsChain *chain, const MlsHttpResponse *response)
{
	MlsPage *page;

	if (response->status != 200)
	{
		if (!give_up_fields(chain, response))
			mls_http_report_status(mls_chain_http(chain), &chain->call, response,
								   mls_reso_error_text(response));
		return NULL;
	}
	page = mls_read_page(chain->head.query->table, chain->call.purpose, response, "value");
	read_announced(chain, page);
	check_progress((ResoStream *) chain, page);
	return page;
}

/* Where the chain goes on: the source's link, a $skip of our own, or NULL at its end. */
static char *
next_address(const MlsChain *chain, const MlsHttpResponse *response, const MlsPage *page)
{
	const ResoRequest *shape = ((const ResoStream *) chain)->shape;
	const MlsQuery *query = mls_chain_part(chain)->query;
	const MlsSlice *link = control_value(page, "@odata.nextLink", "@nextLink");
	ResoRequest skipped = *shape;
	MlsUrlParam skip = {"$skip", NULL};

	if (link && link->kind == MLS_STRING && link->value_length > 2)
		return mls_url_resolve(mls_chain_http(chain), response->url, mls_slice_text(link));
	/* Without $top as page size no link means the end; so does a short page, unless more is due. */
	if (shape->page_size == 0 || page->nrecords == 0 || query->resume_link || query->whole_set)
		return NULL;
	if (page->nrecords < shape->page_size && chain->part_records >= chain->part_announced)
		return NULL;
	skip.value = psprintf(INT64_FORMAT, chain->part_records);
	skipped.params = lappend(list_copy(skipped.params), &skip);
	return mls_reso_url(query, &skipped);
}

static void
follow(MlsChain *chain, const MlsHttpResponse *response, const MlsPage *page)
{
	char *url = mls_chain_limit_reached(chain) ? NULL : next_address(chain, response, page);

	if (url == NULL)
		return;
	if (!mls_chain_note(chain, url))
		mls_chain_report_page(chain, "Its next link leads back to a page that was read before.");
	mls_chain_ask(chain, url);
	chain->head.next_link = chain->call.url;
}

static const MlsChainWay reso_way = {.ask_first = ask_first, .read = read_page, .follow = follow};

MlsStream *
mls_reso_open(const MlsQuery *query)
{
	return &mls_chain_open(sizeof(ResoStream), &mls_reso_protocol, &reso_way, query, mls_reso_parts)
				->head;
}

/* ---- counting ---- */

/* A count's condition may be refused as a scan's may: then the source cannot say. */
static bool
count_is_refused(const MlsQuery *query, const MlsHttpResponse *response)
{
	char *message = response->status == 400 ? mls_reso_error_text(response) : NULL;
	List *fields = message ? mls_reso_named_fields(query, RESO_USE_FILTER, message) : NIL;
	ListCell *lc;

	foreach (lc, fields)
		mls_reso_refuse(query->table, RESO_USE_FILTER, lfirst(lc));
	return fields != NIL;
}

int64
mls_reso_count(const MlsQuery *query, MlsHttpStats *stats)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw count", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const MlsHttpSource *http = &query->table->source->http;
	ResoRequest *request = mls_reso_count_request(query);
	MlsHttpCall call = {.method = "GET", .headers = request->headers};
	MlsHttpResponse *response;
	const MlsSlice *slice;
	int64 total = -1;

	if (!request->exact)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot count resource \"%s\" at source \"%s\"",
							   query->table->resource, http->name),
						errdetail("A condition of the query cannot be sent."),
						errhint("Repeat the query: it is planned without remote counting now.")));
	if (mls_reso_is_too_long(query, request))
	{
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
		return -1;
	}
	call.url = mls_reso_url(query, request);
	call.purpose = psprintf("the count of resource \"%s\"", query->table->resource);
	response = mls_http_fetch(http, &call, stats);
	if (response->status != 200 && !count_is_refused(query, response))
		mls_http_report_status(http, &call, response, mls_reso_error_text(response));
	if (response->status == 200 && strstr(response->content_type, "json") != NULL)
	{
		MlsPage *page = mls_page_read(response->body, response->length, "value", call.purpose);

		slice = control_value(page, "@odata.count", "@count");
		if (slice && !mls_slice_int64(slice, &total))
			total = -1;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return total;
}
