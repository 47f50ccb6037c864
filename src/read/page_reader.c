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
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "read/read.h"
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

struct MlsFetch
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
consider_newest(MlsFetch *fetch, const char *timestamp, const char *key)
{
	const char *timezone = fetch->table->source->timezone;
	MlsInstant instant;
	MlsInstant newest;

	if (timestamp == NULL || !mls_instant_read(timestamp, timezone, &instant))
		return;
	if (fetch->newest_timestamp != NULL &&
		mls_instant_read(fetch->newest_timestamp, timezone, &newest) &&
		mls_instant_compare(&instant, &newest) < 0)
		return;
	fetch->newest_timestamp = MemoryContextStrdup(fetch->context, timestamp);
	fetch->newest_key = key == NULL ? NULL : MemoryContextStrdup(fetch->context, key);
}

/*
 * Remembers the newest record of a page.  One stamped in the future does not
 * count: a cursor that follows it would not see what changes until then.
 */
static void
note_newest(MlsFetch *fetch, const MlsBatch *batch)
{
	const MlsItem *newest = mls_batch_newest(batch, GetCurrentTimestamp() + USECS_PER_DAY);

	if (newest != NULL)
		consider_newest(fetch, newest->timestamp, newest->key);
}

/* ---- Streams ---- */

/* Conditions of this request with those of every request. */
static List *
also(const MlsFetch *fetch, List *conditions)
{
	return list_concat_copy(fetch->conditions, conditions);
}

/* From the start, or what else changed. */
static List *
conditions_from_start(const MlsFetch *fetch)
{
	List *from = mls_bound_from(fetch->table, fetch->start);

	if (from != NIL && fetch->others != NIL)
		from = list_make1(mls_bound_any(list_concat(from, fetch->others)));
	return also(fetch, from);
}

/* After the last record seen, or from the start. */
static List *
conditions_now(const MlsFetch *fetch)
{
	if (fetch->last_timestamp != NULL)
		return also(fetch, mls_bound_after(fetch->table, fetch->last_timestamp, fetch->last_key));
	return conditions_from_start(fetch);
}

/* Opens a stream in a context of its own and lets its first request go. */
static Reading *
open_reading(MlsFetch *fetch, bool verify)
{
	MemoryContext context =
		AllocSetContextCreate(fetch->context, "mls_fdw reading", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	Reading *reading = palloc0(sizeof(Reading));
	MlsQuery *query = palloc0(sizeof(MlsQuery));

	query->table = fetch->table;
	query->fields = mls_asked_fields(fetch->table);
	query->limit = -1;
	query->verify_count = verify;
	query->keeps = fetch->table->source->schema_policy != MLS_SCHEMA_STOP;
	if (fetch->keyset)
	{
		query->conditions = conditions_now(fetch);
		query->order = mls_bound_order(fetch->table);
		query->stepwise = true;
		query->limit = mls_bound_page_size(fetch->table);
	}
	else
	{
		query->conditions = conditions_from_start(fetch);
		query->whole_set = fetch->table->source->platform.replication_path != NULL;
		query->resume_link = fetch->resumed_link ? fetch->sub->resume_link : NULL;
	}
	reading->context = context;
	reading->query = query;
	reading->stream = fetch->table->source->protocol->open(query);
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
close_reading(MlsFetch *fetch, Reading **reading)
{
	if (*reading == NULL)
		return;
	mls_stats_add(&fetch->spent, &(*reading)->stream->stats);
	(*reading)->stream->protocol->close((*reading)->stream);
	MemoryContextDelete((*reading)->context);
	*reading = NULL;
}

/* ---- Beginning ---- */

/* Takes up an interrupted run where its last page left it. */
static void
resume(MlsFetch *fetch)
{
	const MlsSubscription *sub = fetch->sub;

	consider_newest(fetch, sub->resume_timestamp, sub->resume_key);
	if (sub->resume_timestamp != NULL || sub->resume_link != NULL)
		fetch->began = sub->resume_since;
	if (sub->resume_link != NULL)
	{
		fetch->keyset = false;
		fetch->ordered = false;
		fetch->resumed_link = true;
	}
	else if (fetch->keyset && sub->resume_timestamp != NULL && sub->resume_key != NULL)
	{
		fetch->last_timestamp = sub->resume_timestamp;
		fetch->last_key = sub->resume_key;
	}
	else if (fetch->ordered && sub->resume_timestamp != NULL)
		fetch->start = sub->resume_timestamp;
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
mls_fetch_by_links(const MlsTable *table)
{
	bool by_key = table->source->platform.paging == MLS_PAGING_KEYS;

	return !by_timestamp(table) && (by_key || !by_keyset(table));
}

/* Decides by which way and from where to read. */
static MlsFetch *
plan_fetch(const MlsTable *table, const MlsSubscription *sub, List *conditions, List *others)
{
	MlsFetch *fetch = palloc0(sizeof(MlsFetch));

	fetch->table = table;
	fetch->sub = sub;
	fetch->conditions = conditions;
	fetch->others = others;
	fetch->context = CurrentMemoryContext;
	fetch->batch_context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw batch", ALLOCSET_DEFAULT_SIZES);
	fetch->expected = -1;
	fetch->keyset = by_keyset(table) && others == NIL;
	fetch->ordered = by_timestamp(table);
	fetch->start = mls_bound_start(table, sub);
	if (sub->count_proven >= 0)
		mls_total_prove(table, sub->count_proven);
	consider_newest(fetch, mls_bound_cursor(sub), sub->cursor_key);
	resume(fetch);
	fetch->counted = conditions_now(fetch);
	return fetch;
}

/*
 * Begins to read what is new, as far as it fits some conditions; with it what fits
 * one of the others, which only what is read by links can have.  The first request
 * is sent, but not waited for.  Lives in CurrentMemoryContext.
 */
MlsFetch *
mls_fetch_begin(const MlsTable *table, const MlsSubscription *sub, List *conditions, List *others)
{
	MlsFetch *fetch = plan_fetch(table, sub, conditions, others);

	fetch->now = open_reading(fetch, !fetch->resumed_link);
	return fetch;
}

/* How many records a run would read, by the source's own count: one request. */
int64
mls_fetch_expect(const MlsTable *table, const MlsSubscription *sub, List *others,
				 MlsHttpStats *stats)
{
	MlsFetch *fetch = plan_fetch(table, sub, NIL, others);
	MlsQuery query = {.table = table, .conditions = fetch->counted, .limit = -1};
	int64 total = table->source->protocol->count(&query, stats);

	return fetch->resumed_link ? Max(total - sub->resume_received, 0) : total;
}

/* Adds to what is remarkable about the reading. */
void
mls_fetch_remark(MlsFetch *fetch, const char *note)
{
	MemoryContext before = MemoryContextSwitchTo(fetch->context);

	fetch->note = fetch->note == NULL ? pstrdup(note) : psprintf("%s; %s", fetch->note, note);
	MemoryContextSwitchTo(before);
}

/* Starts over on the linked way; nothing that was written has to be taken back. */
static void
start_over(MlsFetch *fetch, const char *why)
{
	MemoryContext before = MemoryContextSwitchTo(fetch->context);

	close_reading(fetch, &fetch->ahead);
	close_reading(fetch, &fetch->now);
	mls_fetch_remark(fetch, why);
	fetch->keyset = false;
	fetch->ordered = by_timestamp(fetch->table);
	fetch->resumed_link = false;
	fetch->expected = -1;
	fetch->received = fetch->largest = 0;
	fetch->last_timestamp = NULL;
	fetch->last_key = NULL;
	fetch->start = mls_bound_start(fetch->table, fetch->sub);
	fetch->now = open_reading(fetch, true);
	MemoryContextSwitchTo(before);
}

/* ---- Judging a page ---- */

/* NULL, or why keyset reading cannot go on after a page. */
static const char *
keyset_problem(const MlsFetch *fetch, const MlsBatch *batch)
{
	const MlsItem *last = &batch->items[batch->nitems - 1];

	if (!mls_batch_in_order(batch, fetch->last_timestamp, fetch->table->source->timezone))
		return "the source did not keep the order asked for, so its links were followed";
	if (!last->has_instant || last->key == NULL)
		return "a page ended with a record without timestamp or key, so links were followed";
	if (fetch->last_timestamp != NULL && strcmp(last->timestamp, fetch->last_timestamp) == 0 &&
		strcmp(last->key, fetch->last_key) == 0)
		return "the source sent the same page again, so its links were followed";
	return NULL;
}

/* What can have come again or anew while a run read on. */
#define CHURN_SHARE 0.01
#define CHURN_RECORDS 10

/* Has more come than the source announced?  Then records came meanwhile, or it counts wrongly. */
static void
judge_expected(MlsFetch *fetch)
{
	MlsQuery query = {.table = fetch->table, .conditions = fetch->counted, .limit = -1};
	int64 excess = fetch->received - fetch->expected;
	char *objection;

	if (fetch->refuted)
		return;
	if (fetch->expected >= 0 &&
		excess > Max(CHURN_RECORDS, (int64) (fetch->expected * CHURN_SHARE)) &&
		!mls_total_is_refuted(fetch->table))
	{
		int64 now = fetch->table->source->protocol->count(&query, &fetch->spent);

		if (mls_total_contradicts(fetch->expected, now, fetch->received))
			mls_total_refute(fetch->table, fetch->expected, fetch->received);
		else
			fetch->expected = Max(now, fetch->received);
	}
	objection = mls_total_objection(fetch->table);
	if (objection == NULL)
		return;
	fetch->refuted = true;
	fetch->expected = -1;
	mls_fetch_remark(fetch, objection);
}

/* Takes a page into account; false if the run has to start over because of it. */
static bool
take_in(MlsFetch *fetch, const MlsBatch *batch)
{
	const MlsItem *last = &batch->items[batch->nitems - 1];

	if (fetch->keyset)
	{
		const char *problem = keyset_problem(fetch, batch);

		if (problem != NULL)
		{
			start_over(fetch, problem);
			return false;
		}
	}
	else if (fetch->ordered &&
			 !mls_batch_in_order(batch, fetch->last_timestamp, fetch->table->source->timezone))
	{
		fetch->ordered = false;
		mls_fetch_remark(fetch,
						 "the source did not keep its order, so an interrupted run starts over");
	}
	if (fetch->received == 0 && !fetch->resumed_link)
		fetch->expected = fetch->now->stream->announced;
	fetch->received += batch->nitems;
	judge_expected(fetch);
	note_newest(fetch, batch);
	if (last->has_instant)
	{
		fetch->last_timestamp = MemoryContextStrdup(fetch->context, last->timestamp);
		fetch->last_key = last->key ? MemoryContextStrdup(fetch->context, last->key) : NULL;
	}
	return true;
}

/* ---- The keyset way ---- */

/* Does the source's total prove that nothing follows what came of the request at hand? */
static bool
is_all(const MlsFetch *fetch)
{
	const MlsStream *stream = fetch->now->stream;

	return stream->announced >= 0 && stream->announced <= stream->records &&
		   stream->records < fetch->now->query->limit &&
		   mls_total_ends(fetch->table, stream->announced, stream->records, fetch->largest);
}

/*
 * After a page: when it filled its request, what follows it is asked for at
 * once, with a total when this should be the last request.
 */
static void
look_ahead(MlsFetch *fetch)
{
	const MlsQuery *query = fetch->now->query;

	if (fetch->now->stream->records >= query->limit)
		fetch->ahead = open_reading(fetch, fetch->expected < 0 ||
											   fetch->expected - fetch->received <= query->limit);
}

/* At the end of a stream: opens the next one; false if it was the last. */
static bool
goes_on(MlsFetch *fetch)
{
	const MlsStream *stream = fetch->now->stream;

	if (stream->records == 0 || is_all(fetch))
		return false;
	fetch->largest = Max(fetch->largest, stream->records);
	close_reading(fetch, &fetch->now);
	fetch->now = open_reading(fetch, true);
	return true;
}

/*
 * At the end: has as much come as was announced?  Records may have been removed
 * meanwhile, so a difference is judged by a second count.
 */
static bool
is_everything(MlsFetch *fetch)
{
	MlsQuery query = {.table = fetch->table, .conditions = fetch->counted, .limit = -1};

	if (fetch->expected >= 0 && fetch->received == fetch->expected)
		mls_total_prove(fetch->table, fetch->expected);
	return fetch->expected < 0 || fetch->received >= fetch->expected ||
		   fetch->received >= fetch->table->source->protocol->count(&query, &fetch->spent);
}

/* ---- The linked way ---- */

/*
 * Errors that say nothing about the link of an interrupted run.  A failed
 * connection is not one of them: a link may lead to a host that is no more.
 */
bool
mls_fetch_is_not_the_links_fault(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_OPERATOR_INTERVENTION ||
		   category == ERRCODE_INSUFFICIENT_RESOURCES ||
		   category == ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
}

/* The first page of an interrupted chain; NULL if its link is no good any more. */
static MlsPage *
read_resumed(MlsFetch *fetch, bool *expired)
{
	MemoryContext context = CurrentMemoryContext;
	MlsPage *volatile page = NULL;

	PG_TRY();
	{
		page = fetch->now->stream->protocol->next_page(fetch->now->stream);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (mls_fetch_is_not_the_links_fault(geterrcode()))
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
is_whole_chain(MlsFetch *fetch)
{
	MlsQuery query = {
		.table = fetch->table, .conditions = conditions_from_start(fetch), .limit = -1};

	if (!fetch->resumed_link)
		return true;
	if (fetch->received == 0)
		return false;
	if (!fetch->table->source->protocol->countable(fetch->table))
		return true;
	query.verify_count = true;
	return fetch->sub->resume_received + fetch->received >=
		   fetch->table->source->protocol->count(&query, &fetch->spent);
}

/* ---- What the engine calls ---- */

/* Reads the next page of the current stream; NULL at its end. */
static MlsPage *
read_page(MlsFetch *fetch)
{
	MlsStream *stream = fetch->now->stream;
	bool expired = false;
	MlsPage *page;

	if (!fetch->resumed_link || stream->pages > 0)
		return stream->protocol->next_page(stream);

	page = read_resumed(fetch, &expired);
	if (!expired)
		return page;
	start_over(fetch, "the link of the interrupted run was not valid any more, "
					  "so the run began again");
	return fetch->now->stream->protocol->next_page(fetch->now->stream);
}

/* At the end of a stream: what it has tolerated. */
static void
take_remarks(MlsFetch *fetch)
{
	ListCell *lc;

	foreach (lc, fetch->now->stream->remarks)
		mls_fetch_remark(fetch, lfirst(lc));
	fetch->now->stream->remarks = NIL;
}

/* At the end of a stream: is there more to read? */
static bool
more_to_read(MlsFetch *fetch)
{
	if (!fetch->keyset)
	{
		if (is_whole_chain(fetch))
			return false;
		start_over(fetch, "the links of the interrupted run did not lead to all records, "
						  "so the run began again");
		return true;
	}
	if (goes_on(fetch))
		return true;
	if (is_everything(fetch))
		return false;
	start_over(fetch, "fewer records came by order than were announced, so links were followed");
	return true;
}

/*
 * The next page with records, or NULL at the proven end.  The batch is valid
 * until the next call.  Uses the network, so no transaction may be open.
 */
MlsBatch *
mls_fetch_next(MlsFetch *fetch)
{
	MemoryContext before = MemoryContextSwitchTo(fetch->batch_context);
	MlsBatch *batch = NULL;

	if (fetch->ahead != NULL)
	{
		fetch->largest = Max(fetch->largest, fetch->now->stream->records);
		close_reading(fetch, &fetch->now);
		fetch->now = fetch->ahead;
		fetch->ahead = NULL;
	}
	for (;;)
	{
		MlsPage *page;

		MemoryContextReset(fetch->batch_context);
		page = read_page(fetch);
		if (page == NULL)
			take_remarks(fetch);
		if (page == NULL && more_to_read(fetch))
			continue;
		if (page == NULL)
			break;
		if (fetch->began == 0)
			fetch->began =
				fetch->now->stream->date ? fetch->now->stream->date : GetCurrentTimestamp();
		batch = mls_batch_read(fetch->table, page->records, page->nrecords);
		batch->replaced = page->replaced;
		fetch->replaced += page->replaced;
		batch->missing = fetch->now->stream->missing;
		if (batch->nitems > 0 && take_in(fetch, batch))
		{
			if (fetch->keyset)
				look_ahead(fetch);
			break;
		}
	}
	MemoryContextSwitchTo(before);
	return batch;
}

void
mls_fetch_end(MlsFetch *fetch)
{
	close_reading(fetch, &fetch->ahead);
	close_reading(fetch, &fetch->now);
}

/* ---- How far it has come ---- */

/* Records the source announced for this run, or -1. */
int64
mls_fetch_expected(const MlsFetch *fetch)
{
	return fetch->expected;
}

/* Records the source has in all, if the run asked for all of them; or -1. */
int64
mls_fetch_total(const MlsFetch *fetch)
{
	return fetch->counted == NIL ? fetch->expected : -1;
}

/* Lists the values that came and no lookup has, in the transaction of the page. */
void
mls_fetch_note_unknown(MlsFetch *fetch, const MlsSubscription *sub, int64 run)
{
	MlsStream *stream = fetch->now->stream;
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
mls_fetch_position(const MlsFetch *fetch)
{
	MlsPosition position = {.since = fetch->began};

	if (fetch->keyset)
	{
		position.timestamp = fetch->last_timestamp;
		position.key = fetch->last_key;
	}
	else if (fetch->now->stream->next_link == NULL)
		; /* the end is not proven yet: if it is not, the run starts over */
	else if (fetch->ordered)
		position.timestamp = fetch->last_timestamp;
	else
	{
		position.timestamp = fetch->newest_timestamp;
		position.key = fetch->newest_key;
		position.link = fetch->now->stream->next_link;
		position.received = fetch->received;
		if (fetch->resumed_link)
			position.received += fetch->sub->resume_received;
	}
	return position;
}

/*
 * The cursor of a run that has ended: the newest record met, but not later than
 * when its reading began.  What changed since then may have changed behind us, so
 * the next run has to look again from there on.  No timestamp: the cursor stays.
 */
MlsPosition
mls_fetch_newest(const MlsFetch *fetch)
{
	const MlsSource *source = fetch->table->source;
	const char *cursor = mls_bound_cursor(fetch->sub);
	MlsPosition newest = {.timestamp = fetch->newest_timestamp, .key = fetch->newest_key};
	MlsInstant at;

	if (newest.timestamp == NULL || fetch->began == 0 ||
		!mls_instant_read(newest.timestamp, source->timezone, &at) || at.at <= fetch->began)
		return newest;
	newest.timestamp = newest.key = NULL;
	if (cursor == NULL || (mls_instant_read(cursor, source->timezone, &at) && at.at < fetch->began))
		newest.timestamp = mls_instant_text(fetch->began, source->platform.timestamp_digits);
	return newest;
}

/* When the reading began, by the source's clock; 0 before its first answer. */
TimestampTz
mls_fetch_began(const MlsFetch *fetch)
{
	return fetch->began;
}

/* What was remarkable, or NULL. */
const char *
mls_fetch_note(const MlsFetch *fetch)
{
	MemoryContext before;
	char *note = fetch->note;

	if (fetch->replaced == 0)
		return note;
	before = MemoryContextSwitchTo(fetch->context);
	note =
		psprintf("%s%s%s something that is no character was replaced; see mls.issue",
				 note ? note : "", note ? "; " : "", mls_counted(fetch->replaced, "time", "times"));
	MemoryContextSwitchTo(before);
	return note;
}

/* Requests and bytes so far. */
void
mls_fetch_spent(const MlsFetch *fetch, MlsCounters *counters)
{
	MlsHttpStats sum = fetch->spent;

	if (fetch->now)
		mls_stats_add(&sum, &fetch->now->stream->stats);
	if (fetch->ahead)
		mls_stats_add(&sum, &fetch->ahead->stream->stats);
	counters->requests = sum.requests;
	counters->bytes = sum.body_bytes;
}
