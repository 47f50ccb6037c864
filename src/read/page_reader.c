/*
 * page_reader.c
 *		Which page comes next, and when the last one is proven.
 *
 * Two ways, by what the platform can do:
 *
 *	- Keyset: pages are requests of their own, ordered by (timestamp, key), each
 *	  for what comes after the last record seen.  A record that changes while we
 *	  read moves to the end of this order, so it is met again and never missed.
 *	- Linked: one request, whose next links are followed to a proven end.
 *
 * Keyset reading rests on assumptions about the source: that it orders as asked,
 * compares timestamps with all their digits, and has no record without one.
 * Each is checked; when one fails, the run starts over on the linked way, which
 * costs requests but no rows, since records already here rewrite nothing.
 *
 * The last request of a keyset is the one that nothing follows: a total says so only
 * where it can be believed (protocol/total.c), and never of a full page.
 *
 * The position after a page says where an interrupted run may go on.  On the
 * linked way without a promised order only the link says that, and the cursor
 * moves when the chain has ended.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "read/read.h"
#include "record/key_set.h"
#include "step/issue.h"
#include "subscription/subscription.h"

/* Of a value in a message. */
#define MAX_SHOWN_VALUE 100

/* A stream with what it points to; the context owns all. */
typedef struct Reading
{
	MemoryContext context;
	MlsQuery *query;
	MlsStream *stream;
} Reading;

struct MlsReader
{
	const MlsTable *table;
	const MlsSubscription *sub;
	MemoryContext context;
	MemoryContext batch_context; /* of the batch handed out */
	bool keyset;
	bool ordered;         /* linked: pages come by timestamp */
	bool resumed_link;    /* linked: the chain began in an earlier run */
	List *conditions;     /* of MlsCondition *: for every request */
	List *others;         /* of MlsCondition *: by links: one of them does in place of the start */
	char *start;          /* lower bound of this run's timestamps, or NULL */
	List *counted;        /* conditions of the first request, to count again */
	Reading *now;         /* being read */
	Reading *ahead;       /* keyset: already asked for */
	int64 expected;       /* announced by the first request, or -1 */
	int64 largest;        /* records of the largest request before the one at hand */
	TimestampTz began;    /* when the chain began, by the source's clock; 0: not known yet */
	int64 received;       /* in this attempt */
	MlsKeySet *met;       /* by links: the keys that came; NULL: none yet */
	int attempt;          /* how often the run started over */
	int64 different;      /* of those received, by their keys */
	int64 fresh;          /* of these, those that no attempt before had */
	char *last_timestamp; /* of the last record of the last page; NULL before it */
	char *last_key;
	char *newest_timestamp;
	char *newest_key;
	char *note;
	bool refuted;       /* the note says that the source counts wrongly */
	int64 replaced;     /* what was no character in the pages so far */
	MlsHttpStats spent; /* by streams already closed */
};

/* ---- Newest ---- */

/* Keeps a (timestamp, key) if it is the newest met. */
static void
consider_newest(MlsReader *reader, const char *timestamp, const char *key)
{
	const char *timezone = reader->table->source->timezone;
	MlsExactTime instant;
	MlsExactTime newest;

	if (timestamp == NULL || !mls_exact_time_read(timestamp, timezone, &instant))
		return;
	if (reader->newest_timestamp != NULL &&
		mls_exact_time_read(reader->newest_timestamp, timezone, &newest) &&
		mls_exact_time_compare(&instant, &newest) < 0)
		return;
	reader->newest_timestamp = MemoryContextStrdup(reader->context, timestamp);
	reader->newest_key = key == NULL ? NULL : MemoryContextStrdup(reader->context, key);
}

/*
 * Remembers the newest record of a page.  One stamped in the future does not
 * count: a cursor that follows it would not see what changes until then.
 */
static void
note_newest(MlsReader *reader, const MlsBatch *batch)
{
	const MlsItem *newest = mls_batch_newest(batch, GetCurrentTimestamp() + USECS_PER_DAY);

	if (newest != NULL)
		consider_newest(reader, newest->timestamp, newest->key);
}

/* ---- Streams ---- */

/* Conditions of this request with those of every request. */
static List *
also(const MlsReader *reader, List *conditions)
{
	return list_concat_copy(reader->conditions, conditions);
}

/* From the start, or what else changed. */
static List *
conditions_from_start(const MlsReader *reader)
{
	List *from = mls_cursor_from(reader->table, reader->start);

	if (from != NIL && reader->others != NIL)
		from = list_make1(mls_cursor_any(list_concat(from, reader->others)));
	return also(reader, from);
}

/* After the last record seen, or from the start. */
static List *
conditions_now(const MlsReader *reader)
{
	if (reader->last_timestamp != NULL)
		return also(reader,
					mls_cursor_after(reader->table, reader->last_timestamp, reader->last_key));
	return conditions_from_start(reader);
}

/* Opens a stream in a context of its own and lets its first request go. */
static Reading *
open_reading(MlsReader *reader, bool verify)
{
	MemoryContext context =
		AllocSetContextCreate(reader->context, "mls_fdw reading", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	Reading *reading = palloc0(sizeof(Reading));
	MlsQuery *query = palloc0(sizeof(MlsQuery));

	query->table = reader->table;
	query->fields = mls_asked_fields(reader->table);
	query->limit = -1;
	query->verify_count = verify;
	query->keeps = reader->table->source->schema_policy != MLS_SCHEMA_STOP;
	if (reader->keyset)
	{
		query->conditions = conditions_now(reader);
		query->order = mls_cursor_order(reader->table);
		query->stepwise = true;
		query->limit = mls_cursor_page_size(reader->table);
	}
	else
	{
		query->conditions = conditions_from_start(reader);
		query->whole_set = reader->table->source->platform.replication_path != NULL;
		query->resume_link = reader->resumed_link ? reader->sub->resume_link : NULL;
	}
	reading->context = context;
	reading->query = query;
	reading->stream = reader->table->source->protocol->open(query);
	reading->stream->protocol->start(reading->stream);
	MemoryContextSwitchTo(before);
	return reading;
}

/* Of what a stream has spent, a run counts requests and bytes. */
void
mls_stats_add(MlsHttpStats *sum, const MlsHttpStats *stats)
{
	sum->requests += stats->requests;
	sum->body_bytes += stats->body_bytes;
}

static void
close_reading(MlsReader *reader, Reading **reading)
{
	if (*reading == NULL)
		return;
	mls_stats_add(&reader->spent, &(*reading)->stream->stats);
	(*reading)->stream->protocol->close((*reading)->stream);
	MemoryContextDelete((*reading)->context);
	*reading = NULL;
}

/* ---- Beginning ---- */

/* Takes up an interrupted run where its last page left it. */
static void
resume(MlsReader *reader)
{
	const MlsSubscription *sub = reader->sub;

	consider_newest(reader, sub->resume_timestamp, sub->resume_key);
	if (sub->resume_timestamp != NULL || sub->resume_link != NULL)
		reader->began = sub->resume_since;
	if (sub->resume_link != NULL)
	{
		reader->keyset = false;
		reader->ordered = false;
		reader->resumed_link = true;
	}
	else if (reader->keyset && sub->resume_timestamp != NULL && sub->resume_key != NULL)
	{
		reader->last_timestamp = sub->resume_timestamp;
		reader->last_key = sub->resume_key;
	}
	else if (reader->ordered && sub->resume_timestamp != NULL)
		reader->start = sub->resume_timestamp;
}

/* Each page is asked for by the last record of the one before. */
static bool
by_keyset(const MlsTable *table)
{
	const MlsPlatform *platform = &table->source->platform;

	return table->timestamp != NULL && platform->ordering == MLS_ORDER_ANY &&
		   platform->or_allowed && list_length(table->key) == 1;
}

static bool
by_timestamp(const MlsTable *table)
{
	return table->timestamp != NULL && table->source->platform.ordering == MLS_ORDER_TIMESTAMP;
}

/*
 * Can what is new be read by something else than its timestamp?  Where pages come by
 * key, links are as safe as keysets are while records change.
 */
bool
mls_reader_by_links(const MlsTable *table)
{
	bool by_key = table->source->platform.paging == MLS_PAGING_KEYS;

	return !by_timestamp(table) && (by_key || !by_keyset(table));
}

/* Decides by which way and from where to read. */
static MlsReader *
plan_fetch(const MlsTable *table, const MlsSubscription *sub, List *conditions, List *others)
{
	MlsReader *reader = palloc0(sizeof(MlsReader));

	reader->table = table;
	reader->sub = sub;
	reader->conditions = conditions;
	reader->others = others;
	reader->context = CurrentMemoryContext;
	reader->batch_context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw batch", ALLOCSET_DEFAULT_SIZES);
	reader->expected = -1;
	reader->keyset = by_keyset(table) && others == NIL;
	reader->ordered = by_timestamp(table);
	reader->start = mls_cursor_start(table, sub);
	if (sub->count_proven >= 0)
		mls_total_prove(table, sub->count_proven);
	consider_newest(reader, mls_cursor_of(sub), sub->cursor_key);
	resume(reader);
	reader->counted = conditions_now(reader);
	return reader;
}

/*
 * Begins to read what is new, as far as it fits some conditions; with it what fits
 * one of the others, which only what is read by links can have.  The first request
 * is sent, but not waited for.  Lives in CurrentMemoryContext.
 */
MlsReader *
mls_reader_begin(const MlsTable *table, const MlsSubscription *sub, List *conditions, List *others)
{
	MlsReader *reader = plan_fetch(table, sub, conditions, others);

	reader->now = open_reading(reader, !reader->resumed_link);
	return reader;
}

/* How many records a run would read, by the source's own count: one request. */
int64
mls_reader_expect(const MlsTable *table, const MlsSubscription *sub, List *others,
				  MlsHttpStats *stats)
{
	MlsReader *reader = plan_fetch(table, sub, NIL, others);
	MlsQuery query = {.table = table, .conditions = reader->counted, .limit = -1};
	int64 total = table->source->protocol->count(&query, stats);

	return reader->resumed_link ? Max(total - sub->resume_received, 0) : total;
}

/* Adds to what is remarkable about the reading. */
void
mls_reader_remark(MlsReader *reader, const char *note)
{
	MemoryContext before = MemoryContextSwitchTo(reader->context);

	reader->note = reader->note == NULL ? pstrdup(note) : psprintf("%s; %s", reader->note, note);
	MemoryContextSwitchTo(before);
}

/* Starts over on the linked way; nothing that was written has to be taken back. */
static void
start_over(MlsReader *reader, const char *why)
{
	MemoryContext before = MemoryContextSwitchTo(reader->context);

	close_reading(reader, &reader->ahead);
	close_reading(reader, &reader->now);
	mls_reader_remark(reader, why);
	reader->keyset = false;
	reader->ordered = by_timestamp(reader->table);
	reader->resumed_link = false;
	reader->expected = -1;
	reader->received = reader->largest = 0;
	reader->different = reader->fresh = 0;
	reader->attempt++;
	reader->last_timestamp = NULL;
	reader->last_key = NULL;
	reader->start = mls_cursor_start(reader->table, reader->sub);
	reader->now = open_reading(reader, true);
	MemoryContextSwitchTo(before);
}

/* ---- What has come ---- */

/* How often links are followed in search of what did not come. */
#define MOST_ATTEMPTS 4

/*
 * Counts the records of a page by their keys.  One that comes again stands for no
 * other; a source whose pages overlap sends as many as it has, and not all of them.
 * Where there are too many to remember, the rest counts as different.  Pages of a
 * keyset begin behind each other, so nothing is remembered for them.
 */
static void
count_different(MlsReader *reader, const MlsBatch *batch)
{
	if (reader->keyset)
	{
		reader->different += batch->nitems;
		return;
	}
	if (reader->met == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(reader->context);

		reader->met = mls_key_set_make(maintenance_work_mem);
		MemoryContextSwitchTo(old);
	}
	for (int i = 0; i < batch->nitems; i++)
	{
		const char *key = batch->items[i].key;
		MlsKeyMet met = MLS_KEY_NEW;

		if (key != NULL)
			met = mls_key_set_add(reader->met, key, strlen(key), reader->attempt);
		if (met == MLS_KEY_NEW)
			reader->fresh++;
		if (met != MLS_KEY_AGAIN)
			reader->different++;
	}
}

/* ---- Judging a page ---- */

/* NULL, or why keyset reading cannot go on after a page. */
static const char *
keyset_problem(const MlsReader *reader, const MlsBatch *batch)
{
	const MlsItem *last = &batch->items[batch->nitems - 1];

	if (!mls_batch_in_order(batch, reader->last_timestamp, reader->table->source->timezone))
		return "the source did not keep the order asked for, so its links were followed";
	if (!last->has_instant || last->key == NULL)
		return "a page ended with a record without timestamp or key, so links were followed";
	if (reader->last_timestamp != NULL && strcmp(last->timestamp, reader->last_timestamp) == 0 &&
		strcmp(last->key, reader->last_key) == 0)
		return "the source sent the same page again, so its links were followed";
	return NULL;
}

/* What can have come again or anew while a run read on. */
#define CHURN_SHARE 0.01
#define CHURN_RECORDS 10

/* Has more come than the source announced?  Then records came meanwhile, or it counts wrongly. */
static void
judge_expected(MlsReader *reader)
{
	MlsQuery query = {.table = reader->table, .conditions = reader->counted, .limit = -1};
	int64 excess = reader->different - reader->expected;
	char *objection;

	if (reader->refuted)
		return;
	if (reader->expected >= 0 &&
		excess > Max(CHURN_RECORDS, (int64) (reader->expected * CHURN_SHARE)) &&
		!mls_total_is_refuted(reader->table))
	{
		int64 now = reader->table->source->protocol->count(&query, &reader->spent);

		if (mls_total_contradicts(reader->expected, now, reader->different))
			mls_total_refute(reader->table, reader->expected, reader->different);
		else
			reader->expected = Max(now, reader->different);
	}
	objection = mls_total_objection(reader->table);
	if (objection == NULL)
		return;
	reader->refuted = true;
	reader->expected = -1;
	mls_reader_remark(reader, objection);
}

/* Takes a page into account; false if the run has to start over because of it. */
static bool
take_in(MlsReader *reader, const MlsBatch *batch)
{
	const MlsItem *last = &batch->items[batch->nitems - 1];

	if (reader->keyset)
	{
		const char *problem = keyset_problem(reader, batch);

		if (problem != NULL)
		{
			start_over(reader, problem);
			return false;
		}
	}
	else if (reader->ordered &&
			 !mls_batch_in_order(batch, reader->last_timestamp, reader->table->source->timezone))
	{
		reader->ordered = false;
		mls_reader_remark(reader,
						  "the source did not keep its order, so an interrupted run starts over");
	}
	if (reader->received == 0 && !reader->resumed_link)
		reader->expected = reader->now->stream->announced;
	reader->received += batch->nitems;
	count_different(reader, batch);
	judge_expected(reader);
	note_newest(reader, batch);
	if (last->has_instant)
	{
		reader->last_timestamp = MemoryContextStrdup(reader->context, last->timestamp);
		reader->last_key = last->key ? MemoryContextStrdup(reader->context, last->key) : NULL;
	}
	return true;
}

/* ---- The keyset way ---- */

/* Does the source's total prove that nothing follows what came of the request at hand? */
static bool
is_all(const MlsReader *reader)
{
	const MlsStream *stream = reader->now->stream;

	return stream->announced >= 0 && stream->announced <= stream->records &&
		   stream->records < reader->now->query->limit &&
		   mls_total_ends(reader->table, stream->announced, stream->records, reader->largest);
}

/*
 * After a page: when it filled its request, what follows it is asked for at
 * once, with a total when this should be the last request.
 */
static void
look_ahead(MlsReader *reader)
{
	const MlsQuery *query = reader->now->query;

	if (reader->now->stream->records >= query->limit)
		reader->ahead = open_reading(
			reader, reader->expected < 0 || reader->expected - reader->different <= query->limit);
}

/* At the end of a stream: opens the next one; false if it was the last. */
static bool
goes_on(MlsReader *reader)
{
	const MlsStream *stream = reader->now->stream;

	if (stream->records == 0 || is_all(reader))
		return false;
	reader->largest = Max(reader->largest, stream->records);
	close_reading(reader, &reader->now);
	reader->now = open_reading(reader, true);
	return true;
}

/*
 * At the end: has as much come as was announced?  Records may have been removed
 * meanwhile, so a difference is judged by a second count.
 */
static bool
is_everything(MlsReader *reader)
{
	MlsQuery query = {.table = reader->table, .conditions = reader->counted, .limit = -1};

	if (reader->expected >= 0 && reader->different == reader->expected)
		mls_total_prove(reader->table, reader->expected);
	return reader->expected < 0 || reader->different >= reader->expected ||
		   reader->different >= reader->table->source->protocol->count(&query, &reader->spent);
}

/* ---- The linked way ---- */

/*
 * Errors that say nothing about the link of an interrupted run.  A failed
 * connection is not one of them: a link may lead to a host that is no more.
 */
bool
mls_reader_is_not_the_links_fault(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_OPERATOR_INTERVENTION ||
		   category == ERRCODE_INSUFFICIENT_RESOURCES ||
		   category == ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
}

/* The first page of an interrupted chain; NULL if its link is no good any more. */
static MlsPage *
read_resumed(MlsReader *reader, bool *expired)
{
	MemoryContext context = CurrentMemoryContext;
	MlsPage *volatile page = NULL;

	PG_TRY();
	{
		page = reader->now->stream->protocol->next_page(reader->now->stream);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (mls_reader_is_not_the_links_fault(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
		*expired = true;
	}
	PG_END_TRY();
	return page;
}

/*
 * At the end of a chain that an earlier run began: the protocol has seen only a
 * part of it, so the total of both is compared here.  A link that has gone stale
 * may well answer, with an empty page.
 */
static bool
is_whole_chain(MlsReader *reader)
{
	MlsQuery query = {
		.table = reader->table, .conditions = conditions_from_start(reader), .limit = -1};

	if (reader->received == 0)
		return false;
	if (!reader->table->source->protocol->countable(reader->table))
		return true;
	query.verify_count = true;
	return reader->sub->resume_received + reader->different >=
		   reader->table->source->protocol->count(&query, &reader->spent);
}

/*
 * At the end of a chain that gave as many records as were announced, some of them
 * more than once: do others lack for it?  Then its links are followed again, as long
 * as that brings new ones; what a chain never brings the source does not have.
 */
static bool
brought_all(MlsReader *reader)
{
	MlsQuery query = {.table = reader->table, .conditions = reader->counted, .limit = -1};
	int64 total;

	if (reader->expected < 0 || reader->different >= reader->expected ||
		reader->different == reader->received)
		return true;
	total = reader->table->source->protocol->count(&query, &reader->spent);
	if (total < 0 || Max(reader->different, mls_key_set_size(reader->met)) >= total)
		return true;
	if (reader->attempt > 0 && reader->fresh == 0)
	{
		mls_reader_remark(
			reader, psprintf("the source counts %s and lists " INT64_FORMAT ", some of them twice",
							 mls_counted(total, "record", "records"), reader->different));
		return true;
	}
	if (reader->attempt + 1 >= MOST_ATTEMPTS)
		ereport(ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
				errmsg("the pages of resource \"%s\" of source \"%s\" overlap",
					   reader->sub->resource, reader->sub->source),
				errdetail("The source counts %s; " INT64_FORMAT
						  " different ones came in %d attempts, each time with some of them twice "
						  "and others not at all.",
						  mls_counted(total, "record", "records"), mls_key_set_size(reader->met),
						  reader->attempt + 1),
				errhint("What came is stored, and the next sync asks for all again. Ask the source "
						"for an order that pages can rely on."));
	return false;
}

/* ---- What a run calls ---- */

/*
 * The first page behind a record; NULL if the source refuses to be asked for it.  A key can
 * hold what a source does not understand in a condition, though it sends it.
 */
static MlsPage *
read_behind(MlsReader *reader, bool *refused)
{
	MemoryContext context = CurrentMemoryContext;
	MlsPage *volatile page = NULL;

	mls_http_forget_failure();
	PG_TRY();
	{
		page = reader->now->stream->protocol->next_page(reader->now->stream);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (!mls_http_failure()->is_refusal)
			PG_RE_THROW();
		FlushErrorState();
		*refused = true;
	}
	PG_END_TRY();
	return page;
}

/* Reads the next page of the current stream; NULL at its end. */
static MlsPage *
read_page(MlsReader *reader)
{
	MlsStream *stream = reader->now->stream;
	bool expired = false;
	MlsPage *page;

	if (reader->keyset && reader->last_timestamp != NULL && stream->pages == 0)
	{
		page = read_behind(reader, &expired);
		if (!expired)
			return page;
		start_over(reader, "the source refused to list what comes behind a record, "
						   "so its links were followed");
		return reader->now->stream->protocol->next_page(reader->now->stream);
	}
	if (!reader->resumed_link || stream->pages > 0)
		return stream->protocol->next_page(stream);

	page = read_resumed(reader, &expired);
	if (!expired)
		return page;
	start_over(reader, "the link of the interrupted run was not valid any more, "
					   "so the run began again");
	return reader->now->stream->protocol->next_page(reader->now->stream);
}

/* At the end of a stream: what it has tolerated. */
static void
take_remarks(MlsReader *reader)
{
	ListCell *lc;

	foreach (lc, reader->now->stream->remarks)
		mls_reader_remark(reader, lfirst(lc));
	reader->now->stream->remarks = NIL;
}

/* At the end of a stream: is there more to read? */
static bool
more_to_read(MlsReader *reader)
{
	if (!reader->keyset)
	{
		if (reader->resumed_link ? is_whole_chain(reader) : brought_all(reader))
			return false;
		start_over(reader, reader->resumed_link
							   ? "the links of the interrupted run did not lead to all records, "
								 "so the run began again"
							   : "some records came twice and others not at all, "
								 "so the links were followed again");
		return true;
	}
	if (goes_on(reader))
		return true;
	if (is_everything(reader))
		return false;
	start_over(reader, "fewer records came by order than were announced, so links were followed");
	return true;
}

/*
 * At the end of a load of everything that an earlier run began, and this one went on with
 * behind a timestamp.  Its total is that of the rest, and what an order by timestamp
 * places elsewhere, as a record without one, belongs to neither part.  So is all stored that
 * the source has?  If not, or if nobody knows (stored < 0: nobody here), the links are followed
 * from the start: true.
 */
bool
mls_reader_goes_over(MlsReader *reader, int64 stored)
{
	const MlsTable *table = reader->table;
	MlsQuery query = {
		.table = table, .conditions = reader->conditions, .limit = -1, .verify_count = true};
	MemoryContext before = MemoryContextSwitchTo(reader->context);
	bool is_whole = reader->attempt > 0 || reader->sub->resume_link != NULL;

	if (!is_whole && stored >= 0 && table->source->protocol->countable(table) &&
		!mls_total_is_refuted(table))
	{
		int64 total = table->source->protocol->count(&query, &reader->spent);

		is_whole = total >= 0 && stored >= total;
	}
	if (!is_whole)
		start_over(reader, "the load was interrupted and what it went on with did not make it "
						   "whole, so links were followed from the start");
	MemoryContextSwitchTo(before);
	return !is_whole;
}

/*
 * The next page with records, or NULL at the proven end.  The batch is valid
 * until the next call.  Uses the network, so no transaction may be open.
 */
MlsBatch *
mls_reader_next(MlsReader *reader)
{
	MemoryContext before = MemoryContextSwitchTo(reader->batch_context);
	MlsBatch *batch = NULL;

	if (reader->ahead != NULL)
	{
		reader->largest = Max(reader->largest, reader->now->stream->records);
		close_reading(reader, &reader->now);
		reader->now = reader->ahead;
		reader->ahead = NULL;
	}
	for (;;)
	{
		MlsPage *page;

		MemoryContextReset(reader->batch_context);
		page = read_page(reader);
		if (page == NULL)
			take_remarks(reader);
		if (page == NULL && more_to_read(reader))
			continue;
		if (page == NULL)
			break;
		if (reader->began == 0)
			reader->began =
				reader->now->stream->date ? reader->now->stream->date : GetCurrentTimestamp();
		batch = mls_batch_read(reader->table, page->records, page->nrecords);
		batch->replaced = page->replaced;
		reader->replaced += page->replaced;
		batch->missing = reader->now->stream->missing;
		if (batch->nitems > 0 && take_in(reader, batch))
		{
			if (reader->keyset)
				look_ahead(reader);
			break;
		}
	}
	MemoryContextSwitchTo(before);
	return batch;
}

void
mls_reader_end(MlsReader *reader)
{
	close_reading(reader, &reader->ahead);
	close_reading(reader, &reader->now);
}

/* ---- How far it has come ---- */

/* Records the source announced for this run, or -1. */
int64
mls_reader_expected(const MlsReader *reader)
{
	return reader->expected;
}

/* Records the source has in all, if the run asked for all of them; or -1. */
int64
mls_reader_total(const MlsReader *reader)
{
	return reader->counted == NIL ? reader->expected : -1;
}

/* Lists the values that came and no lookup has, in the transaction of the page. */
void
mls_reader_note_unknown(MlsReader *reader, const MlsSubscription *sub, int64 run)
{
	MlsStream *stream = reader->now->stream;
	ListCell *lc;

	foreach (lc, stream->unknown)
	{
		const MlsUnknownValue *unknown = lfirst(lc);

		mls_issue_open(
			sub->id, run, MLS_ISSUE_LOOKUP, NULL, unknown->field, unknown->value,
			psprintf("value \"%s\" is not in its lookup; it is kept as received",
					 pnstrdup(unknown->value, pg_mbcliplen(unknown->value, strlen(unknown->value),
														   MAX_SHOWN_VALUE))));
	}
	stream->unknown = NIL;
}

/* Where an interrupted run may go on after the last page handed out. */
MlsPosition
mls_reader_position(const MlsReader *reader)
{
	MlsPosition position = {.since = reader->began};

	if (reader->keyset)
	{
		position.timestamp = reader->last_timestamp;
		position.key = reader->last_key;
	}
	else if (reader->now->stream->next_link == NULL)
		; /* the end is not proven yet: if it is not, the run starts over */
	else if (reader->ordered)
		position.timestamp = reader->last_timestamp;
	else
	{
		position.timestamp = reader->newest_timestamp;
		position.key = reader->newest_key;
		position.link = reader->now->stream->next_link;
		position.received = reader->different;
		if (reader->resumed_link)
			position.received += reader->sub->resume_received;
	}
	return position;
}

/*
 * The cursor of a run that has ended: the newest record met, but not later than
 * when its reading began.  What changed since then may have changed behind us, so
 * the next run has to look again from there on.  No timestamp: the cursor stays.
 */
MlsPosition
mls_reader_newest(const MlsReader *reader)
{
	const MlsSource *source = reader->table->source;
	const char *cursor = mls_cursor_of(reader->sub);
	MlsPosition newest = {.timestamp = reader->newest_timestamp, .key = reader->newest_key};
	MlsExactTime at;

	if (newest.timestamp == NULL || reader->began == 0 ||
		!mls_exact_time_read(newest.timestamp, source->timezone, &at) || at.at <= reader->began)
		return newest;
	newest.timestamp = newest.key = NULL;
	if (cursor == NULL ||
		(mls_exact_time_read(cursor, source->timezone, &at) && at.at < reader->began))
		newest.timestamp = mls_exact_time_text(reader->began, source->platform.timestamp_digits);
	return newest;
}

/* When the reading began, by the source's clock; 0 before its first answer. */
TimestampTz
mls_reader_began(const MlsReader *reader)
{
	return reader->began;
}

/* What was remarkable, or NULL. */
const char *
mls_reader_note(const MlsReader *reader)
{
	MemoryContext before;
	char *note = reader->note;

	if (reader->replaced == 0)
		return note;
	before = MemoryContextSwitchTo(reader->context);
	note = psprintf("%s%s%s something that is no character was replaced; see mls.issue",
					note ? note : "", note ? "; " : "",
					mls_counted(reader->replaced, "time", "times"));
	MemoryContextSwitchTo(before);
	return note;
}

/* Records whose key came before, as far as keys are remembered. */
int64
mls_reader_repeated(const MlsReader *reader)
{
	return reader->received - reader->different;
}

/* Requests and bytes so far. */
void
mls_reader_spent(const MlsReader *reader, MlsCounters *counters)
{
	MlsHttpStats sum = reader->spent;

	if (reader->now)
		mls_stats_add(&sum, &reader->now->stream->stats);
	if (reader->ahead)
		mls_stats_add(&sum, &reader->ahead->stream->stats);
	counters->requests = sum.requests;
	counters->bytes = sum.body_bytes;
}
