/*
 * stream.c
 *		Pages of a RESO Web API resource.
 *
 * A chain of pages is followed by next links, or by $skip where a server cuts
 * pages without giving one.  The end is believed only when it is proven: the
 * total announced at the start must have arrived, or still be gone when asked
 * again.  While a page is being read the next one is already on its way.
 *
 * Every page lives in a context of its own, which goes when the next page is
 * asked for; what is needed longer lives in the stream's.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "protocol/reso/reso.h"

/* An endless chain of empty pages would otherwise never be noticed. */
#define MAX_EMPTY_PAGES 100

typedef struct ResoStream
{
	MlsStream head;
	MemoryContext context;
	MemoryContext page_context;  /* the page handed out */
	MemoryContext ahead_context; /* the page on its way */
	List *parts;                 /* of MlsPart *: the query, or its pieces */
	int part;                    /* the one being read */
	MlsHttpCall call;            /* the request on its way */
	MlsHttpRequest *request;
	ResoRequest *shape;   /* how the first page of this part was asked */
	HTAB *seen;           /* addresses asked for: hashes */
	int64 part_records;   /* received in this part */
	int64 part_announced; /* announced for this part, or -1 */
	int part_pages;
	int empty_pages;
	uint64 fingerprint; /* of the page before, to notice one that repeats */
	bool finished;
} ResoStream;

static const MlsQuery *
part_query(const ResoStream *stream)
{
	return ((MlsPart *) list_nth(stream->parts, stream->part))->query;
}

static const MlsHttpSource *
http_of(const ResoStream *stream)
{
	return &stream->head.query->table->source->http;
}

/* ---- asking ---- */

/* Sends a request for an address; it lives with the page it will bring. */
static void
ask(ResoStream *stream, const char *url)
{
	MemoryContext old;

	stream->ahead_context =
		AllocSetContextCreate(stream->context, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(stream->ahead_context);
	stream->call.method = "GET";
	stream->call.url = pstrdup(url);
	stream->call.headers = stream->shape->headers;
	stream->call.body = NULL;
	stream->call.purpose = psprintf("page " INT64_FORMAT " of resource \"%s\"",
									stream->head.pages + 1, stream->head.query->table->resource);
	stream->request = mls_http_start(http_of(stream), &stream->call, &stream->head.stats);
	MemoryContextSwitchTo(old);
}

/* Notes an address as asked for; false if it was before. */
static bool
note_address(ResoStream *stream, const char *url)
{
	uint64 hash = DatumGetUInt64(hash_any_extended((const unsigned char *) url, strlen(url), 0));
	bool found;

	hash_search(stream->seen, &hash, HASH_ENTER, &found);
	return !found;
}

/* Renders and sends the first request of the current part. */
static void
ask_first(ResoStream *stream)
{
	const MlsQuery *query = part_query(stream);
	MemoryContext old = MemoryContextSwitchTo(stream->context);
	char *url;

	stream->shape = mls_reso_request(query);
	if (query->resume_link)
		url = mls_url_resolve(http_of(stream), http_of(stream)->url, query->resume_link);
	else
		url = mls_reso_url(query, stream->shape);
	MemoryContextSwitchTo(old);
	note_address(stream, url);
	ask(stream, url);
}

MlsStream *
mls_reso_open(const MlsQuery *query)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw stream", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ResoStream *stream = palloc0(sizeof(ResoStream));
	HASHCTL control = {.keysize = sizeof(uint64), .entrysize = sizeof(uint64), .hcxt = context};

	stream->head.protocol = &mls_reso_protocol;
	stream->head.query = query;
	stream->head.announced = -1;
	stream->context = context;
	stream->parts = mls_reso_parts(query);
	stream->part_announced = -1;
	stream->seen =
		hash_create("mls_fdw addresses", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	MemoryContextSwitchTo(old);
	return &stream->head;
}

void
mls_reso_start(MlsStream *head)
{
	ResoStream *stream = (ResoStream *) head;

	if (stream->request == NULL && !stream->finished)
		ask_first(stream);
}

void
mls_reso_close(MlsStream *head)
{
	ResoStream *stream = (ResoStream *) head;

	if (stream->request)
		mls_http_abandon(stream->request);
	MemoryContextDelete(stream->context);
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
give_up_fields(ResoStream *stream, const MlsHttpResponse *response)
{
	const MlsQuery *query = part_query(stream);
	ResoUse use = RESO_USE_FILTER;
	char *message;
	List *fields;
	ListCell *lc;

	if (response->status != 400 || stream->part_pages > 0 || query->resume_link)
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
		MemoryContext old = MemoryContextSwitchTo(stream->context);

		mls_reso_refuse(query->table, use, lfirst(lc));
		stream->head.dropped = lappend(stream->head.dropped, pstrdup(lfirst(lc)));
		MemoryContextSwitchTo(old);
		if (use == RESO_USE_SELECT)
			ereport(WARNING,
					(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
					 errmsg("source \"%s\" does not serve field \"%s\" of resource \"%s\"",
							http_of(stream)->name, (char *) lfirst(lc), query->table->resource),
					 errdetail("The column is null in this session.")));
	}
	return fields != NIL;
}

pg_noreturn static void report_page(const ResoStream *stream, const char *detail);

static void
report_page(const ResoStream *stream, const char *detail)
{
	mls_report_page(stream->head.query->table, stream->call.purpose, detail);
}

/* ---- reading ---- */

/* Waits for the page on its way; asks again after a refusal. */
static MlsHttpResponse *
receive(ResoStream *stream)
{
	for (;;)
	{
		MemoryContext old = MemoryContextSwitchTo(stream->ahead_context);
		MlsHttpResponse *response = mls_http_finish(stream->request);

		stream->request = NULL;
		MemoryContextSwitchTo(old);
		if (response->status == 200)
			return response;
		if (!give_up_fields(stream, response))
			mls_http_report_status(http_of(stream), &stream->call, response,
								   mls_reso_error_text(response));
		MemoryContextDelete(stream->ahead_context);
		ask_first(stream);
	}
}

/* The first of two spellings of a page member: with "odata." and, since 4.01, without. */
static const MlsSlice *
control_value(const MlsPage *page, const char *name, const char *short_name)
{
	const MlsSlice *slice = mls_page_value(page, name);

	return slice ? slice : mls_page_value(page, short_name);
}

static void
read_announced(ResoStream *stream, const MlsPage *page)
{
	const MlsSlice *slice = control_value(page, "@odata.count", "@count");
	int64 announced;

	if (stream->part_pages > 0 || slice == NULL || !mls_slice_int64(slice, &announced))
		return;
	stream->part_announced = announced;
	stream->head.announced = Max(stream->head.announced, 0) + announced;
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
			report_page(stream,
						psprintf("%d empty pages came one after another, each with a next link.",
								 MAX_EMPTY_PAGES));
		return;
	}
	stream->empty_pages = 0;
	if (stream->part_pages > 0 && page_fingerprint(page) == stream->fingerprint)
		report_page(stream, "The source sent the page before a second time.");
	stream->fingerprint = page_fingerprint(page);
}

/* Where the chain goes on: the source's link, a $skip of our own, or NULL at its end. */
static char *
next_address(ResoStream *stream, const MlsHttpResponse *response, const MlsPage *page)
{
	const MlsQuery *query = part_query(stream);
	const MlsSlice *link = control_value(page, "@odata.nextLink", "@nextLink");
	ResoRequest skipped = *stream->shape;
	MlsUrlParam skip = {"$skip", NULL};

	if (link && link->kind == MLS_STRING && link->value_length > 2)
		return mls_url_resolve(http_of(stream), response->url, mls_slice_text(link));
	/* Without $top as page size no link means the end; so does a short page, unless more is due. */
	if (stream->shape->page_size == 0 || page->nrecords == 0 || query->resume_link ||
		query->whole_set)
		return NULL;
	if (page->nrecords < stream->shape->page_size && stream->part_records >= stream->part_announced)
		return NULL;
	skip.value = psprintf(INT64_FORMAT, stream->part_records);
	skipped.params = lappend(list_copy(skipped.params), &skip);
	return mls_reso_url(query, &skipped);
}

/* Does the caller need no more than what came? */
static bool
limit_reached(const ResoStream *stream)
{
	const MlsQuery *query = part_query(stream);

	return query->limit >= 0 && stream->shape->exact && stream->part_records >= query->limit;
}

/* Asks for the next page, so that it downloads while this one is read. */
static void
follow(ResoStream *stream, const MlsHttpResponse *response, const MlsPage *page)
{
	char *url = limit_reached(stream) ? NULL : next_address(stream, response, page);

	stream->head.next_link = NULL;
	if (url == NULL)
		return;
	if (!note_address(stream, url))
		report_page(stream, "Its next link leads back to a page that was read before.");
	stream->head.next_link = MemoryContextStrdup(stream->context, url);
	ask(stream, url);
}

static void
check_total(ResoStream *stream)
{
	if (!limit_reached(stream))
		mls_check_total(part_query(stream), stream->part_announced, stream->part_records,
						&stream->head.stats);
}

/* Goes on to the next part of a split query; false at the end of the last. */
static bool
next_part(ResoStream *stream)
{
	check_total(stream);
	if (stream->part + 1 >= list_length(stream->parts))
	{
		stream->finished = true;
		return false;
	}
	stream->part++;
	stream->part_records = 0;
	stream->part_announced = -1;
	stream->part_pages = 0;
	stream->empty_pages = 0;
	return true;
}

/* The page on its way, read; the one after it is asked for. */
static MlsPage *
read_page(ResoStream *stream)
{
	MlsHttpResponse *response = receive(stream);
	MemoryContext old;
	MlsPage *page;

	stream->page_context = stream->ahead_context;
	stream->ahead_context = NULL;
	old = MemoryContextSwitchTo(stream->page_context);
	page = mls_read_page(stream->head.query->table, stream->call.purpose, response, "value");
	if (stream->head.date == 0)
		stream->head.date = response->date;
	read_announced(stream, page);
	check_progress(stream, page);
	stream->head.pages++;
	stream->head.records += page->nrecords;
	stream->part_records += page->nrecords;
	follow(stream, response, page);
	stream->part_pages++;
	mls_part_keep_own(list_nth(stream->parts, stream->part), page);
	MemoryContextSwitchTo(old);
	return page;
}

MlsPage *
mls_reso_next_page(MlsStream *head)
{
	ResoStream *stream = (ResoStream *) head;

	if (stream->page_context)
		MemoryContextDelete(stream->page_context);
	stream->page_context = NULL;
	while (!stream->finished)
	{
		MlsPage *page;

		CHECK_FOR_INTERRUPTS();
		if (stream->request == NULL)
		{
			/* Nothing on its way: the very start, or the end of a part. */
			if (stream->part_pages > 0 && !next_part(stream))
				break;
			ask_first(stream);
		}
		page = read_page(stream);
		if (page->nrecords > 0)
			return page;
		MemoryContextDelete(stream->page_context);
		stream->page_context = NULL;
	}
	return NULL;
}

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
