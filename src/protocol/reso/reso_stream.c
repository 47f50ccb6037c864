/*
 * reso_stream.c
 *		Pages of a RESO Web API resource.
 *
 * A chain of pages is followed by next links, or by $skip where a server cuts
 * pages without giving one.
 *
 * A page without a link may be the last or not.  One that $top has filled is never taken
 * to be the last, and a short one only if links were given before, if totals are not to
 * be relied on, or if the total says so and can be believed; else what is behind it is
 * asked for.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "protocol/reso/reso.h"

/* An endless chain of empty pages would otherwise never be noticed. */
#define MAX_EMPTY_PAGES 100

typedef struct ResoStream
{
	MlsChain chain;
	ResoRequest *shape; /* how the first page of this part was asked */
	bool bare;          /* asked for without conditions, for the source refused one of them */
	bool order_refused; /* what it refused was the order */
	int empty_pages;
	bool links;         /* a page of this part came with a link, so that the last one has none */
	bool doubtful;      /* the page on its way is asked for only to prove that there is none */
	int64 asked_from;   /* records of this part before the last request of our own */
	uint64 fingerprint; /* of the page before, to notice one that repeats */
} ResoStream;

/* ---- errors: OData bodies as text for errdetail ---- */

static const char *
member_text(const MlsRecord *record, const char *name)
{
	const MlsSlice *slice = record ? mls_record_field(record, name) : NULL;

	return slice && slice->kind == MLS_STRING ? mls_slice_text(slice) : NULL;
}

char *
mls_reso_error_text(const MlsHttpResponse *response)
{
	const MlsRecord *record;
	const MlsSlice *error;
	const char *message;
	const char *code;

	if (response->length == 0 || strstr(response->content_type, "json") == NULL)
		return NULL;
	record = mls_error_object(response->body, response->length);
	error = record ? mls_record_field(record, "error") : NULL;
	if (error && error->kind == MLS_OBJECT)
		record = mls_error_object(error->value, error->value_length);
	message = member_text(record, "message");
	code = member_text(record, "code");
	if (message == NULL)
		return NULL;
	message = mls_error_words(message);
	if (code == NULL || *code == '\0')
		return pstrdup(message);
	return psprintf("%s (%s)", message, mls_show_start(code, strlen(code), 64));
}

/* ---- asking ---- */

/* A query for all records, of which the caller takes those that meet its conditions. */
static const MlsQuery *
without_conditions(const MlsQuery *query)
{
	MlsQuery *bare = palloc(sizeof(MlsQuery));

	*bare = *query;
	bare->conditions = NIL;
	bare->limit = -1;
	return bare;
}

/* Renders and sends the first request of the current part. */
static void
ask_first(MlsChain *chain)
{
	ResoStream *stream = (ResoStream *) chain;
	const MlsQuery *query = mls_chain_part(chain)->query;
	const MlsHttpSource *http = mls_chain_http(chain);
	char *url;

	if (stream->bare)
		query = without_conditions(query);
	stream->shape = mls_reso_request(query);
	stream->empty_pages = 0;
	stream->links = stream->doubtful = false;
	stream->asked_from = 0;
	chain->exact = stream->shape->exact && !stream->bare;
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

/* The name under which records have a field that may not be selected, or NULL. */
static char *
similar_field(MlsChain *chain, const char *field)
{
	const MlsQuery *query = mls_chain_part(chain)->query;
	MlsUrlParam top = {"$top", "1"};
	MlsHttpCall call = {.method = "GET", .headers = ((ResoStream *) chain)->shape->headers};
	MlsHttpResponse *response;
	MlsPage *page;

	call.url = mls_url_build(mls_chain_http(chain)->url, query->table->resource, list_make1(&top));
	call.purpose = psprintf("a record of resource \"%s\"", query->table->resource);
	response = mls_http_fetch(mls_chain_http(chain), &call, &chain->head.stats);
	if (response->status != 200 || strstr(response->content_type, "json") == NULL)
		return NULL;
	page = mls_read_page(query->table, call.purpose, response, "value");
	return page->nrecords > 0 ? mls_record_similar(&page->records[0], field) : NULL;
}

/* Says that a field cannot be had; without its key no record can. */
static void
report_unselectable(MlsChain *chain, const char *field)
{
	const MlsTable *table = chain->head.query->table;
	const MlsColumn *column = mls_table_column(table, field);
	char *similar = similar_field(chain, field);
	bool is_key = mls_table_is_key(table, field);

	ereport(is_key ? ERROR : WARNING,
			(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
			 errmsg("source \"%s\" does not serve field \"%s\" of resource \"%s\"",
					mls_chain_http(chain)->name, field, table->resource),
			 similar  ? errdetail("Its records have \"%s\".", similar)
			 : is_key ? errdetail("It is the key.")
					  : errdetail("The column is null in this session."),
			 similar && column
				 ? errhint("ALTER FOREIGN TABLE %s ALTER COLUMN %s OPTIONS (%s field %s);",
						   table->name, quote_identifier(column->name),
						   strcmp(column->name, field) == 0 ? "ADD" : "SET",
						   quote_literal_cstr(similar))
				 : 0));
}

/* Does a run ask for the records with these values?  All others are of no use to it. */
static bool
asks_for_values(const MlsQuery *query)
{
	ListCell *lc;

	foreach (lc, query->rechecked ? NIL : query->conditions)
		if (((const MlsCondition *) lfirst(lc))->kind == MLS_IN)
			return true;
	return false;
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

	if (!mls_http_is_refusal(response->status) || chain->part_pages > 0 || query->resume_link)
		return false;
	message = mls_reso_error_text(response);
	if (message == NULL)
		return false;
	fields = asks_for_values(query) ? NIL : mls_reso_named_fields(query, use, message);
	/* The caller relies on the order: this query fails, the next one is planned without it. */
	if (fields == NIL && forget_order(query, message))
	{
		((ResoStream *) chain)->order_refused = true;
		return false;
	}
	if (fields == NIL)
	{
		use = RESO_USE_SELECT;
		fields = mls_reso_named_fields(query, use, message);
	}
	foreach (lc, fields)
	{
		MemoryContext old = MemoryContextSwitchTo(chain->context);

		mls_reso_refuse(query->table, use, lfirst(lc));
		if (use == RESO_USE_FILTER)
			chain->head.dropped = lappend(chain->head.dropped, pstrdup(lfirst(lc)));
		MemoryContextSwitchTo(old);
		if (use == RESO_USE_SELECT)
			report_unselectable(chain, lfirst(lc));
	}
	return fields != NIL;
}

/*
 * A refusal that names no field may be about any condition: those that the caller
 * applies itself are left out once.  If that is answered, it was one of them, which
 * is remembered.  A query in parts would bring all records in each of them.
 */
static bool
give_up_conditions(MlsChain *chain, const MlsHttpResponse *response)
{
	ResoStream *stream = (ResoStream *) chain;
	const MlsQuery *query = mls_chain_part(chain)->query;

	stream->bare = mls_http_is_refusal(response->status) && chain->part_pages == 0 &&
				   !query->resume_link && !stream->bare && !stream->order_refused &&
				   query->rechecked && query->conditions != NIL && list_length(chain->parts) == 1;
	return stream->bare;
}

static void
learn_refusal(MlsChain *chain)
{
	MemoryContext old = MemoryContextSwitchTo(chain->context);

	mls_reso_refuse_forms(mls_chain_part(chain)->query);
	chain->head.dropped = lappend(chain->head.dropped, "all conditions");
	MemoryContextSwitchTo(old);
}

/* ---- reading ---- */

/* What the standard calls @odata.nextLink may leave out "odata." since 4.01; version 3 had no "@",
 * and some sources have neither. */
static const char *const prefixes[] = {"@odata.", "@", "odata.", ""};

/* A member of an answer by its plain name; NULL if there is none, or a null. */
static const MlsSlice *
control_value(const MlsPage *page, const char *name)
{
	for (int i = 0; i < lengthof(prefixes); i++)
	{
		const MlsSlice *slice = mls_page_value(page, psprintf("%s%s", prefixes[i], name));

		if (slice && slice->kind != MLS_NULL)
			return slice;
	}
	return NULL;
}

static void
read_announced(MlsChain *chain, const MlsPage *page)
{
	int64 announced =
		mls_read_total(chain->head.query->table, chain->call.purpose, control_value(page, "count"));

	if (chain->part_pages == 0 && announced >= 0)
		mls_chain_announce(chain, announced);
}

/* Where the page says that the next one is; NULL if it says nothing. */
static const char *
read_link(const MlsChain *chain, const MlsPage *page)
{
	const MlsSlice *link = control_value(page, "nextLink");

	if (link && link->kind != MLS_STRING)
		mls_chain_report_page(chain, psprintf("Its member \"%s\" is no address: %s.",
											  mls_show_start(link->name, link->name_length, 60),
											  mls_show_start(link->value, link->value_length, 60)));
	return link && link->value_length > 2 ? mls_slice_text(link) : NULL;
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

/* A source that gives neither links nor a total, and does not obey $skip, can prove nothing. */
static void
note_unproven(const MlsChain *chain)
{
	const MlsTable *table = chain->head.query->table;

	if (chain->part_announced >= 0)
		return;
	ereport(
		WARNING,
		(errcode(ERRCODE_FDW_REPLY_HANDLE),
		 errmsg("source \"%s\" does not prove that it sent all records of resource \"%s\"",
				table->source->http.name, table->resource),
		 errdetail("After %s it gives neither a next link nor a total, and does not obey $skip.",
				   mls_counted(chain->part_records, "record", "records"))));
}

/* A chain that stands still is an error, not the end of the data. */
static void
check_progress(ResoStream *stream, MlsPage *page)
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
	if (stream->doubtful && page_fingerprint(page) == stream->fingerprint)
	{
		note_unproven(&stream->chain);
		page->nrecords = 0;
		return;
	}
	if (stream->chain.part_pages > 0 && page_fingerprint(page) == stream->fingerprint)
		mls_chain_report_page(&stream->chain, "The source sent the page before a second time.");
	stream->fingerprint = page_fingerprint(page);
}

/* A page; NULL if the source refuses fields of the query, which goes on without them. */
static MlsPage *
read_page(MlsChain *chain, const MlsHttpResponse *response)
{
	MlsPage *page;

	if (((ResoStream *) chain)->doubtful && mls_is_refused(response))
	{
		note_unproven(chain);
		return palloc0(sizeof(MlsPage));
	}
	if (response->status != 200)
	{
		if (!give_up_fields(chain, response) && !give_up_conditions(chain, response))
			mls_http_report_status(mls_chain_http(chain), &chain->call, response,
								   mls_reso_error_text(response));
		return NULL;
	}
	page = mls_read_page(chain->head.query->table, chain->call.purpose, response, "value");
	if (((ResoStream *) chain)->bare && chain->part_pages == 0)
		learn_refusal(chain);
	read_announced(chain, page);
	check_progress((ResoStream *) chain, page);
	return page;
}

/* Has a page filled what the last request of our own asked for? */
static bool
is_full(const ResoStream *stream)
{
	return stream->shape->top > 0 &&
		   stream->chain.part_records - stream->asked_from >= stream->shape->top;
}

/* Can there be records behind a page that has no link? */
static bool
may_go_on(const ResoStream *stream, const MlsPage *page)
{
	const MlsChain *chain = &stream->chain;
	const MlsQuery *query = mls_chain_part(chain)->query;

	if (page->nrecords == 0 || query->resume_link || query->whole_set || query->stepwise)
		return false;
	if (is_full(stream))
		return true;
	/* Where pages have links, a lost one is told by the total. */
	if (stream->links)
		return chain->part_records < chain->part_announced && stream->shape->top > 0;
	if (chain->part_records < chain->part_announced)
		return true;
	if (!query->table->source->platform.count_exact)
		return false;
	return !mls_chain_total_ends(chain, page);
}

/* The address of what comes behind the records that came, by a $skip of our own. */
static char *
skipping_address(ResoStream *stream)
{
	const MlsChain *chain = &stream->chain;
	ResoRequest skipped = *stream->shape;
	MlsUrlParam skip = {"$skip", psprintf(INT64_FORMAT, chain->part_records)};

	stream->doubtful =
		!stream->links && !is_full(stream) && chain->part_records >= chain->part_announced;
	stream->asked_from = chain->part_records;
	skipped.params = lappend(list_copy(skipped.params), &skip);
	return mls_reso_url(mls_chain_part(chain)->query, &skipped);
}

/* Where the chain goes on: the source's link, a $skip of our own, or NULL at its end. */
static char *
next_address(ResoStream *stream, const MlsHttpResponse *response, const MlsPage *page)
{
	const MlsChain *chain = &stream->chain;
	const char *link = read_link(chain, page);

	if (link)
	{
		stream->links = true;
		stream->doubtful = false;
		return mls_url_resolve(mls_chain_http(chain), response->url, link);
	}
	return may_go_on(stream, page) ? skipping_address(stream) : NULL;
}

static void
follow(MlsChain *chain, const MlsHttpResponse *response, const MlsPage *page)
{
	char *url = NULL;

	if (!mls_chain_limit_reached(chain))
		url = next_address((ResoStream *) chain, response, page);
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
	return &mls_chain_open(sizeof(ResoStream), &reso_way, query, mls_reso_parts)->head;
}

/* ---- counting ---- */

/* A count's condition may be refused as a scan's may: then the source cannot say. */
static bool
count_is_refused(const MlsQuery *query, const MlsHttpResponse *response)
{
	bool refused = mls_http_is_refusal(response->status);
	char *message = refused ? mls_reso_error_text(response) : NULL;
	List *fields = message ? mls_reso_named_fields(query, RESO_USE_FILTER, message) : NIL;
	ListCell *lc;

	foreach (lc, fields)
		mls_reso_refuse(query->table, RESO_USE_FILTER, lfirst(lc));
	/* If it names none, the caller counts what it reads, and learns by that. */
	return fields != NIL || (refused && query->rechecked && query->conditions != NIL);
}

/* One record behind so many, with the total; NULL if that cannot be asked. */
static MlsPage *
ask_total(const MlsQuery *query, int64 skipped, int64 *total, MlsHttpStats *stats)
{
	const MlsHttpSource *http = &query->table->source->http;
	ResoRequest *request = mls_reso_count_request(query);
	MlsHttpCall call = {.method = "GET", .headers = request->headers};
	MlsUrlParam skip = {"$skip", psprintf(INT64_FORMAT, skipped)};
	MlsHttpResponse *response;
	MlsPage *page;

	if (skipped > 0)
		request->params = lappend(request->params, &skip);
	if (mls_reso_is_too_long(query, request))
		return NULL;
	call.url = mls_reso_url(query, request);
	call.purpose = psprintf("the count of resource \"%s\"", query->table->resource);
	call.table = query->table->name;
	call.filter = query->table->filter;
	response = mls_http_fetch(http, &call, stats);
	if (skipped > 0 && mls_is_refused(response))
		return NULL;
	if (response->status != 200 && !count_is_refused(query, response))
		mls_http_report_status(http, &call, response, mls_reso_error_text(response));
	if (response->status != 200 || strstr(response->content_type, "json") == NULL)
		return NULL;
	page = mls_read_page(query->table, call.purpose, response, "value");
	*total = mls_read_total(query->table, call.purpose, control_value(page, "count"));
	return page;
}

int64
mls_reso_count(const MlsQuery *query, MlsHttpStats *stats)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw count", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64 total;

	if (!mls_reso_count_request(query)->exact)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot count resource \"%s\" at source \"%s\"",
							   query->table->resource, query->table->source->http.name),
						errdetail("A condition of the query cannot be sent."),
						errhint("Repeat the query: it is planned without remote counting now.")));
	total = mls_ask_count(query, ask_total, stats);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return total;
}
