/*
 * progress.c
 *		How far a reading has come: the newest record, where it may go on, what it
 *		cost, and what was remarkable.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "counted.h"
#include "sync/drift.h"
#include "sync/fetch.h"

/* Of a value in a message. */
#define MAX_SHOWN_VALUE 100

/* ---- Newest ---- */

/* Keeps a (timestamp, key) if it is the newest met. */
void
mls_fetch_consider_newest(MlsFetch *fetch, const char *timestamp, const char *key)
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
void
mls_fetch_note_newest(MlsFetch *fetch, const MlsBatch *batch)
{
	const MlsItem *newest = mls_batch_newest(batch, GetCurrentTimestamp() + USECS_PER_DAY);

	if (newest != NULL)
		mls_fetch_consider_newest(fetch, newest->timestamp, newest->key);
}

/* ---- What the engine asks for ---- */

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
