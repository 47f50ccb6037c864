/*
 * search.c
 *		Records of a RETS class, page after page.
 *
 * Offset is not trusted: sources refuse it, ignore it, or sort anew for each
 * request.  Keys that came are remembered, a record that comes again is left out,
 * and at the end as many must have come as were announced.  Where that fails, or
 * the platform says so, all keys are listed in one answer and what is missing is
 * asked for by key.  The memory for it is one number per record.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "protocol/rets/search.h"

/* Fewer records do not make a query simpler. */
#define CODE_TOO_COMPLEX 20211

/* So many records make a page of an answer that has more. */
static int64
page_size(const RetsStream *stream)
{
	const MlsPlatform *platform = mls_rets_platform_of(stream);
	const RetsPart *part = linitial(stream->parts);

	if (stream->limit >= 0)
		return Max(stream->limit, 1);
	if (stream->head.query->keys_only)
		return platform->key_page_size;
	return Max(platform->page_size, list_length(part->keys));
}

static RetsOutcome
read_page(void *arg, const MlsHttpResponse *response)
{
	RetsStream *stream = arg;
	RetsOutcome outcome;

	if (stream->head.date == 0)
		stream->head.date = response->date;
	outcome =
		mls_rets_read_search(mls_rets_table_of(stream), response, stream->call.purpose,
							 page_size(stream), stream->fields, stream->decoder, &stream->answer);
	mls_xml_repairs_add(&stream->repairs, &mls_rets_pages_answer(stream->answer)->repairs);
	return outcome;
}

/* ---- opening ---- */

MlsStream *
mls_rets_open_stream(const MlsQuery *query)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw stream", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RetsStream *stream = palloc0(sizeof(RetsStream));
	HASHCTL control = {.keysize = sizeof(uint64), .entrysize = sizeof(uint64), .hcxt = context};

	stream->head.protocol = &mls_rets_protocol;
	stream->head.query = query;
	stream->head.announced = -1;
	stream->context = context;
	stream->decoder = mls_rets_decoder(&stream->head);
	stream->conditions = mls_rets_query(query, &stream->dmql);
	stream->select = mls_rets_select(query);
	stream->fields = mls_rets_asked_fields(query);
	stream->seen =
		hash_create("mls_fdw keys", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	mls_rets_plan_parts(stream);
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
	stream = mls_rets_open_stream(query);
	stream->stats = stats;
	return stream;
}

/* ---- asking ---- */

/* Makes the next request ready, in a context that its answer will live in. */
static void
prepare(RetsStream *stream)
{
	const RetsPart *part = linitial(stream->parts);
	MemoryContext old;

	stream->ahead_context =
		AllocSetContextCreate(stream->context, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(stream->ahead_context);
	stream->limit = part->keys ? -1 : mls_rets_choose_limit(stream);
	stream->call.transaction = RETS_SEARCH;
	stream->call.table = mls_rets_table_of(stream);
	stream->call.purpose = psprintf("page " INT64_FORMAT " of resource \"%s\"",
									stream->head.pages + 1, mls_rets_table_of(stream)->resource);
	stream->call.arguments = mls_rets_search_arguments(mls_rets_table_of(stream), part->query,
													   stream->select, stream->offset == 1);
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
	stream->request =
		mls_rets_send(mls_rets_table_of(stream)->source, &stream->call, &stream->head.stats);
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
	const MlsPlatform *platform = mls_rets_platform_of(stream);
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

/* ---- keys ---- */

/* Takes records out of a page that came before. */
static void
keep_new(RetsStream *stream, MlsPage *page)
{
	const char *key = mls_rets_key_field(mls_rets_table_of(stream));
	const RetsPart *part = linitial(stream->parts);
	int kept = 0;

	stream->rows += page->nrecords;
	for (int i = 0; i < page->nrecords; i++)
	{
		const MlsSlice *slice = key ? mls_record_field(&page->records[i], key) : NULL;
		char *text = slice ? mls_slice_text(slice) : NULL;

		bool again = text && mls_rets_was_seen(stream, text, true);

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

/* ---- judging ---- */

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
	return mls_rets_key_field(mls_rets_table_of(stream)) && !stream->head.query->keys_only &&
		   mls_rets_platform_of(stream)->paging != MLS_PAGING_OFFSET;
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
	if (!mls_rets_platform_of(stream)->count_exact || stream->announced < 0)
		return !stream->doubtful;
	return (part->halved ? stream->rows : stream->distinct) >= stream->announced;
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

/* Where no count can prove the end of a list of all records, it is read again until nothing new comes, so often at most. */
#define MOST_PASSES 5

static bool
may_read_again(const RetsStream *stream)
{
	return !mls_rets_platform_of(stream)->count_exact && stream->head.query->conditions == NIL &&
		   !stream->stuck && stream->pass + 1 < MOST_PASSES &&
		   mls_rets_key_field(mls_rets_table_of(stream));
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
	if (mls_rets_platform_of(stream)->count_exact)
		now = mls_rets_count(stream->head.query, &stream->head.stats);
	if (now < 0 || stream->head.records < now)
		mls_rets_report_end(stream, stream->announced, stream->distinct);
}

/* Goes on to the next part; at the end of the last the stream is done. */
static void
end_part(RetsStream *stream)
{
	const RetsPart *part = linitial(stream->parts);

	if (!part->is_rest && !limit_reached(stream) && !is_complete(stream))
	{
		if (!may_list(stream) && mls_rets_halve_list(stream))
		{
			begin_part(stream, 0);
			return;
		}
		if (may_list(stream))
		{
			/* What is planned anew is asked for again. */
			if (!mls_rets_list_rest(stream, part))
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

/*
 * A query was not understood: which of its forms is it?  A lookup's value that the source
 * does not know is refused as if it were bad syntax, so then it goes without those.
 */
bool
mls_rets_writes_otherwise(RetsStream *stream)
{
	const MlsTable *table = mls_rets_table_of(stream);
	uint32 used = stream->dmql.used & ~stream->dmql.avoid;

	if (!mls_rets_learn_forms(table, used, &stream->head.stats))
	{
		if ((used & RETS_FORM_LOOKUP) == 0)
			return false;
		stream->dmql.avoid |= RETS_FORM_LOOKUP;
	}
	mls_rets_plan_anew(stream);
	begin_part(stream, 0);
	return true;
}

/* An answer that is an error: true if the stream goes on in another way. */
static bool
goes_on_after(RetsStream *stream, const RetsOutcome *outcome)
{
	const RetsPart *part = linitial(stream->parts);
	bool refused = outcome->class == RETS_REPLY_REQUEST || outcome->class == RETS_REPLY_UNSUPPORTED;

	if (mls_rets_is_syntax(outcome) && mls_rets_writes_otherwise(stream))
		return true;
	if (outcome->class == RETS_REPLY_SMALLER)
		return part->keys ? mls_rets_halve(stream) : halve_page(stream, outcome);
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
			   (!stream->no_offset && mls_rets_key_field(mls_rets_table_of(stream)));
	if (stream->rows >= stream->announced)
		return false;
	return nrows >= stream->limit || mls_rets_platform_of(stream)->count_exact;
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
	bool more = mls_rets_says_more(answer, outcome) || may_go_on(stream, nrows);

	if (nrows == 0 || limit_reached(stream))
	{
		end_part(stream);
		return;
	}
	if (part->keys)
	{
		if (!(nnew > 0 ? mls_rets_keep_missing(stream) : more && mls_rets_halve(stream)))
			end_part(stream);
		stream->begun = false;
		return;
	}
	if (!more)
	{
		if (!mls_rets_platform_of(stream)->count_exact && nnew > 0 && mls_rets_ask_rest(stream))
			begin_part(stream, 0);
		else
			end_part(stream);
		return;
	}
	/* Whoever asks for keys takes one that does not come for gone: pages alone are no proof. */
	if (!mls_rets_platform_of(stream)->count_exact && mls_rets_halve_list(stream))
	{
		begin_part(stream, 0);
		return;
	}
	if (stream->no_offset || is_in_vain(stream, nnew) ||
		(mls_rets_platform_of(stream)->paging == MLS_PAGING_KEYS &&
		 !mls_rets_platform_of(stream)->timestamp_alone))
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

/* Waits for the answer to the request on its way, or to one that is sent now. */
static RetsOutcome
receive(RetsStream *stream)
{
	MemoryContext old = MemoryContextSwitchTo(stream->ahead_context);
	MlsHttpRequest *request = stream->request;
	RetsOutcome outcome;

	stream->request = NULL;
	outcome = mls_rets_talk(mls_rets_table_of(stream)->source, &stream->call, request, read_page,
							stream, &stream->head.stats);
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

static bool
is_essential(const MlsTable *table, const char *field)
{
	ListCell *lc;

	foreach (lc, table->key)
		if (strcmp(lfirst(lc), field) == 0)
			return true;
	return table->timestamp && strcmp(table->timestamp, field) == 0;
}

/* Fields without a column are not null: nothing is known of them. */
static void
judge_missing(RetsStream *stream, const RetsAnswer *answer)
{
	const MlsTable *table = mls_rets_table_of(stream);
	MemoryContext old = MemoryContextSwitchTo(stream->context);
	ListCell *lc;

	stream->head.missing = NIL;
	foreach (lc, answer->records > 0 ? answer->missing : NIL)
	{
		if (!stream->head.query->keeps || is_essential(table, lfirst(lc)))
			report_missing(table, lfirst(lc));
		stream->head.missing = lappend(stream->head.missing, pstrdup(lfirst(lc)));
	}
	MemoryContextSwitchTo(old);
}

static void
note_announced(RetsStream *stream, const RetsAnswer *answer)
{
	const RetsPart *part = linitial(stream->parts);

	if (stream->offset > 1 || answer->count < 0 || part->is_rest)
		return;
	stream->announced = answer->count;
	stream->head.announced = Max(stream->head.announced, 0) + answer->count;
}

/* Asks and waits; true when an answer with or without records is at hand. */
static bool
next_answer(RetsStream *stream)
{
	const RetsAnswer *answer;

	if (!stream->begun && lists_first(stream))
	{
		if (mls_rets_list_rest(stream, linitial(stream->parts)))
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
			mls_rets_report(mls_rets_table_of(stream)->source, &stream->call, &stream->outcome);
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
	note_announced(stream, answer);
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
