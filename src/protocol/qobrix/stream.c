/*
 * stream.c
 *		Pages of a Qobrix resource.
 *
 * By key, each page is asked for by what comes behind the last key of the one
 * before; the address of the next page is the link by which an interrupted
 * reading goes on.  By number, records that move could be passed over, so ids are
 * remembered, and one that comes twice is an error.
 *
 * The end is believed when a page says that none follows, the total it gives is no
 * more than what it holds, and it is short; by number, where some sources refuse
 * what lies behind the end, a full page that says the other two is enough.  While a page is read the next one is
 * already on its way.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "protocol/qobrix/qobrix.h"

/* What a page tells of the whole; -1 where it does not. */
typedef struct Pagination
{
	int64 count;
	int64 limit;
	bool has_next;
} Pagination;

typedef struct QobrixStream
{
	MlsStream head;
	MemoryContext context;
	MemoryContext page_context;  /* the page handed out */
	MemoryContext ahead_context; /* the page on its way */
	List *parts;                 /* of MlsPart * */
	int part;
	bool by_key;
	MlsHttpCall call;
	MlsHttpRequest *request;
	bool asked;
	QobrixRequest shape; /* of the page asked for last */
	char *after;         /* the last key read, or NULL */
	int page;            /* the number of the page on its way, from 1 */
	HTAB *met;           /* by number: hashes of keys */
	int64 part_records;
	int64 part_announced; /* or -1 */
	bool finished;
} QobrixStream;

static const MlsPart *
part_of(const QobrixStream *stream)
{
	return list_nth(stream->parts, stream->part);
}

static const MlsHttpSource *
http_of(const QobrixStream *stream)
{
	return &stream->head.query->table->source->http;
}

/* ---- asking ---- */

/* Asks for the page that comes now, or for a link; the request lives with the page it will bring. */
static void
ask(QobrixStream *stream, const char *link)
{
	MemoryContext old;

	stream->ahead_context =
		AllocSetContextCreate(stream->context, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(stream->ahead_context);
	stream->shape = *mls_qobrix_request(part_of(stream)->query, stream->after, stream->page);
	stream->asked = true;
	stream->call.method = "GET";
	stream->call.url = link ? mls_url_resolve(http_of(stream), http_of(stream)->url, link)
							: mls_qobrix_url(part_of(stream)->query, &stream->shape);
	stream->call.headers = list_make1("Accept: application/json");
	stream->call.purpose = psprintf("page " INT64_FORMAT " of resource \"%s\"",
									stream->head.pages + 1, stream->head.query->table->resource);
	stream->request = mls_http_start(http_of(stream), &stream->call, &stream->head.stats);
	MemoryContextSwitchTo(old);
}

static void
ask_first(QobrixStream *stream)
{
	const MlsQuery *query = part_of(stream)->query;

	stream->page = 1;
	stream->after = NULL;
	stream->part_records = 0;
	stream->part_announced = -1;
	stream->by_key = mls_qobrix_by_key(query);
	ask(stream, query->resume_link);
}

MlsStream *
mls_qobrix_open(const MlsQuery *query)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw stream", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	QobrixStream *stream = palloc0(sizeof(QobrixStream));
	HASHCTL control = {.keysize = sizeof(uint64), .entrysize = sizeof(uint64), .hcxt = context};

	stream->head.protocol = &mls_qobrix_protocol;
	stream->head.query = query;
	stream->head.announced = -1;
	stream->context = context;
	stream->parts = mls_qobrix_parts(query);
	stream->met =
		hash_create("mls_fdw keys met", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	MemoryContextSwitchTo(old);
	return &stream->head;
}

void
mls_qobrix_start(MlsStream *head)
{
	QobrixStream *stream = (QobrixStream *) head;

	if (stream->request == NULL && !stream->finished)
		ask_first(stream);
}

void
mls_qobrix_close(MlsStream *head)
{
	QobrixStream *stream = (QobrixStream *) head;

	if (stream->request)
		mls_http_abandon(stream->request);
	MemoryContextDelete(stream->context);
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

static int64
number_of(const MlsRecord *record, const char *name)
{
	const MlsSlice *slice = mls_record_field(record, name);
	int64 value;

	return slice && mls_slice_int64(slice, &value) && value >= 0 ? value : -1;
}

static Pagination
pagination_of(const MlsPage *page)
{
	Pagination result = {.count = -1, .limit = -1};
	const MlsSlice *slice = mls_page_value(page, "pagination");
	const MlsRecord *record;
	const MlsSlice *next;

	if (slice == NULL || slice->kind != MLS_OBJECT)
		return result;
	record = mls_error_object(slice->value, slice->value_length);
	result.count = number_of(record, "count");
	result.limit = number_of(record, "limit");
	next = mls_record_field(record, "has_next_page");
	result.has_next = next && next->kind == MLS_BOOLEAN && *next->value == 't';
	return result;
}

/* ---- reading ---- */

static char *
key_of(const QobrixStream *stream, const MlsRecord *record)
{
	const List *key = stream->head.query->table->key;
	const MlsSlice *slice = key ? mls_record_field(record, linitial(key)) : NULL;

	return slice && slice->kind != MLS_NULL ? mls_slice_text(slice) : NULL;
}

/* By number: a key that was met before has been moved, and may have moved others. */
static void
note_met(QobrixStream *stream, const MlsPage *page)
{
	for (int i = 0; i < page->nrecords; i++)
	{
		char *key = key_of(stream, &page->records[i]);
		uint64 hash;
		bool found;

		if (key == NULL)
			continue;
		hash = hash_bytes_extended((const unsigned char *) key, strlen(key), 0);
		hash_search(stream->met, &hash, HASH_ENTER, &found);
		if (found)
			ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
							errmsg("records of resource \"%s\" moved while source \"%s\" was read",
								   stream->head.query->table->resource, http_of(stream)->name),
							errdetail("A record came twice."), errhint("Try again.")));
	}
}

/* A source that does not go on behind the last key would be read for ever. */
static void
note_last(QobrixStream *stream, const MlsPage *page)
{
	char *key = page->nrecords > 0 ? key_of(stream, &page->records[page->nrecords - 1]) : NULL;

	if (page->nrecords == 0)
		return;
	if (key == NULL)
		mls_report_page(stream->head.query->table, stream->call.purpose,
						"Its last record has no key, behind which the next page begins.");
	if (stream->after)
	{
		char *first = key_of(stream, &page->records[0]);

		if (strcmp(key, stream->after) == 0 || (first && strcmp(first, stream->after) <= 0))
			mls_report_page(stream->head.query->table, stream->call.purpose,
							psprintf("It was asked for what comes behind key \"%.64s\" and begins "
									 "before it. Set the server option paging to offset.",
									 stream->after));
	}
	if (stream->after)
		pfree(stream->after);
	stream->after = MemoryContextStrdup(stream->context, key);
}

static bool
limit_reached(const QobrixStream *stream)
{
	const MlsQuery *query = part_of(stream)->query;

	return query->limit >= 0 && stream->shape.exact && stream->part_records >= query->limit;
}

/* Is this the last page?  All that it says must agree. */
static bool
is_last(const QobrixStream *stream, const MlsPage *page, const Pagination *pagination)
{
	int64 limit = pagination->limit > 0 ? pagination->limit : stream->shape.limit;
	int64 before = stream->by_key ? 0 : stream->part_records - page->nrecords;

	if (!stream->shape.paged || page->nrecords == 0)
		return true;
	if (pagination->has_next || pagination->count > before + page->nrecords)
		return false;
	/* By key a full page costs one request more, to be sure; by number there may be none to ask. */
	return page->nrecords < limit || (!stream->by_key && pagination->count >= 0);
}

/* Asks for the next page, so that it downloads while this one is read. */
static void
follow(QobrixStream *stream, const MlsPage *page, const Pagination *pagination)
{
	stream->head.next_link = NULL;
	if (limit_reached(stream) || is_last(stream, page, pagination))
		return;
	if (stream->by_key)
		note_last(stream, page);
	else
		stream->page++;
	ask(stream, NULL);
	if (stream->by_key)
		stream->head.next_link = stream->call.url;
}

static void
read_announced(QobrixStream *stream, const Pagination *pagination)
{
	if (stream->part_records > 0 || pagination->count < 0)
		return;
	stream->part_announced = pagination->count;
	stream->head.announced = Max(stream->head.announced, 0) + pagination->count;
}

/* The page on its way, read; the one after it is asked for. */
static MlsPage *
read_page(QobrixStream *stream)
{
	MemoryContext old = MemoryContextSwitchTo(stream->ahead_context);
	MlsHttpResponse *response = mls_http_finish(stream->request);
	Pagination pagination;
	MlsPage *page;

	stream->request = NULL;
	stream->page_context = stream->ahead_context;
	stream->ahead_context = NULL;
	page = parse(stream->head.query->table, &stream->call, response, stream->shape.bare);
	pagination = pagination_of(page);
	if (stream->head.date == 0)
		stream->head.date = response->date;
	read_announced(stream, &pagination);
	stream->head.pages++;
	stream->head.records += page->nrecords;
	stream->part_records += page->nrecords;
	if (!stream->by_key && stream->shape.paged)
		note_met(stream, page);
	follow(stream, page, &pagination);
	mls_part_keep_own(part_of(stream), page);
	MemoryContextSwitchTo(old);
	return page;
}

/* Goes on to the next part of a split query; false at the end of the last. */
static bool
next_part(QobrixStream *stream)
{
	if (!limit_reached(stream))
		mls_check_total(part_of(stream)->query, stream->part_announced, stream->part_records,
						&stream->head.stats);
	if (stream->part + 1 >= list_length(stream->parts))
	{
		stream->finished = true;
		return false;
	}
	stream->part++;
	return true;
}

MlsPage *
mls_qobrix_next_page(MlsStream *head)
{
	QobrixStream *stream = (QobrixStream *) head;

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
			if (stream->asked && !next_part(stream))
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

int64
mls_qobrix_count(const MlsQuery *query, MlsHttpStats *stats)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw count", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const MlsHttpSource *http = &query->table->source->http;
	QobrixRequest *request = mls_qobrix_count_request(query);
	MlsHttpCall call = {.method = "GET"};
	Pagination pagination;

	if (strcmp(query->table->resource, QOBRIX_MEDIA) == 0)
		return -1;
	if (!request->exact)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot count resource \"%s\" at source \"%s\"",
							   query->table->resource, http->name),
						errdetail("A condition of the query cannot be sent.")));
	call.url = mls_qobrix_url(query, request);
	call.headers = list_make1("Accept: application/json");
	call.purpose = psprintf("the count of resource \"%s\"", query->table->resource);
	pagination =
		pagination_of(parse(query->table, &call, mls_http_fetch(http, &call, stats), false));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return pagination.count;
}
