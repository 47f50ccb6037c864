/*
 * parallel_range.c
 *		Rows of mls.range: the parts of a load that several processes share.
 *
 * Statements run in the caller's transaction, with SPI connected.
 *
 * How a load is divided: the oldest and the newest timestamp are asked for, and
 * between them instants are tried until the source counts about as many records before
 * one as it should have.  Records without timestamp are in no range of timestamps; they get one of
 * their own, and if the source cannot ask for them, nothing is divided: a record
 * that no range has would be lost.
 */
#include "postgres.h"

#include "jobs/parallel.h"

static MlsRange *
read_row(uint64 row)
{
	MlsRange *range = palloc0(sizeof(MlsRange));

	range->number = mls_int8_at(row, 1);
	range->from = mls_text_at(row, 2);
	range->to = mls_text_at(row, 3);
	range->untimed = mls_bool_at(row, 4);
	range->since = mls_time_at(row, 5);
	range->expected = mls_int8_at(row, 6);
	range->received = mls_int8_at(row, 7);
	range->resume.timestamp = mls_text_at(row, 8);
	range->resume.key = mls_text_at(row, 9);
	range->resume.link = mls_text_at(row, 10);
	range->resume.received = mls_int8_at(row, 11);
	range->resume.since = mls_time_at(row, 12);
	range->newest.timestamp = mls_text_at(row, 13);
	range->newest.key = mls_text_at(row, 14);
	range->done = mls_bool_at(row, 15);
	return range;
}

/* All ranges of a subscription, in CurrentMemoryContext (List of MlsRange *). */
List *
mls_range_list(const MlsSubscription *sub)
{
	List *ranges = NIL;

	mls_select("SELECT number::bigint, lower_bound, upper_bound, untimed, since, expected, "
			   "received, resume_timestamp, resume_key, resume_link, resume_received, "
			   "resume_since, newest_timestamp, newest_key, done "
			   "FROM mls.range WHERE subscription = $1 ORDER BY number",
			   mls_arg_int8(sub->id));
	for (uint64 i = 0; i < SPI_processed; i++)
		ranges = lappend(ranges, read_row(i));
	return ranges;
}

void
mls_range_add(const MlsSubscription *sub, const MlsRange *range)
{
	mls_sql_control(
		SPI_OK_INSERT,
		"INSERT INTO mls.range (subscription, number, lower_bound, upper_bound, untimed, "
		"since, expected) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		mls_arg_int8(sub->id), mls_arg_int4(range->number), mls_arg_text(range->from),
		mls_arg_text(range->to), mls_arg_bool(range->untimed),
		mls_arg(TIMESTAMPTZOID, TimestampTzGetDatum(range->since)), mls_arg_int8(range->expected));
}

static void
expect_one_row(void)
{
	if (SPI_processed != 1)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("a part of the load was removed while it was read"));
}

/* Records where an interrupted reading of a range would go on, after so many more records. */
void
mls_range_reach(const MlsSubscription *sub, const MlsRange *range, const MlsPosition *position,
				int64 records)
{
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.range SET resume_timestamp = $3, resume_key = $4, resume_link = $5, "
		"resume_received = $6, resume_since = $7, received = received + $8 "
		"WHERE subscription = $1 AND number = $2",
		mls_arg_int8(sub->id), mls_arg_int4(range->number), mls_arg_text(position->timestamp),
		mls_arg_text(position->key), mls_arg_text(position->link), mls_arg_int8(position->received),
		mls_arg_time(position->since), mls_arg_int8(records));
	expect_one_row();
}

/* Records that all of a range is here. */
void
mls_range_complete(const MlsSubscription *sub, const MlsRange *range, const MlsPosition *newest)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.range SET done = true, newest_timestamp = $3, newest_key = $4 "
					"WHERE subscription = $1 AND number = $2",
					mls_arg_int8(sub->id), mls_arg_int4(range->number),
					mls_arg_text(newest->timestamp), mls_arg_text(newest->key));
	expect_one_row();
}

/* ---- Dividing a source ---- */

/* A part has at least so many pages; fewer are not worth the counting. */
#define LEAST_PAGES 10

/* Instants tried for one bound, and the share of a part by which it may miss. */
#define MOST_TRIES 8
#define TOLERANCE 8

/* Attempts to count all, those with and those without timestamp while records come and go. */
#define MOST_COUNTS 3

/* So many records were modified before an instant. */
typedef struct Mark
{
	TimestampTz at;
	int64 below;
} Mark;

typedef struct Division
{
	const MlsTable *table;
	MlsHttpStats *spent;
	int64 total;
	TimestampTz since; /* the source's clock at its first answer */
	Mark *marks;       /* by time; the first and the last bracket all */
	int nmarks;
} Division;

/* ---- Asking ---- */

static int64
count(Division *division, List *conditions)
{
	MlsQuery query = {.table = division->table, .conditions = conditions, .limit = -1};

	return division->table->source->protocol->count(&query, division->spent);
}

/* The timestamp of the first or the last record by timestamp; false if that has none. */
static bool
find_end(Division *division, bool last, TimestampTz *at)
{
	const MlsTable *table = division->table;
	MlsQuery query = {.table = table, .limit = 1, .verify_count = true};
	MlsOrder order = {.field = table->timestamp, .descending = last};
	const MlsProtocol *protocol = table->source->protocol;
	volatile bool found = false;
	MlsStream *stream;

	query.fields = list_make2(linitial(table->key), unconstify(char *, table->timestamp));
	query.order = list_make1(&order);
	stream = protocol->open(&query);
	PG_TRY();
	{
		MlsPage *page = protocol->next_page(stream);

		if (page != NULL && page->nrecords > 0)
		{
			const MlsItem *item = &mls_batch_read(table, page->records, 1)->items[0];

			found = item->has_instant;
			*at = item->instant.at;
		}
		division->total = stream->announced;
		if (division->since == 0)
			division->since = stream->date ? stream->date : GetCurrentTimestamp();
	}
	PG_FINALLY();
	{
		mls_stats_add(division->spent, &stream->stats);
		protocol->close(stream);
	}
	PG_END_TRY();
	return found;
}

/* ---- Bounds ---- */

static char *
spell(const Division *division, TimestampTz at)
{
	return mls_exact_time_text(at, division->table->source->platform.timestamp_digits);
}

/* Cuts off the digits that the source's timestamps do not have. */
static TimestampTz
rounded(const Division *division, TimestampTz at)
{
	int digits = division->table->source->platform.timestamp_digits;
	int64 unit = 1;

	for (; digits < 6; digits++)
		unit *= 10;
	return at >= 0 ? at - at % unit : at - (unit + at % unit) % unit;
}

/* Counts what comes before an instant, and enters it in its place. */
static Mark
try_mark(Division *division, int place, TimestampTz at)
{
	Mark mark = {
		.at = at,
		.below = count(division, mls_cursor_within(division->table, NULL, spell(division, at)))};

	memmove(&division->marks[place + 1], &division->marks[place],
			(division->nmarks - place) * sizeof(Mark));
	division->marks[place] = mark;
	division->nmarks++;
	return mark;
}

/* The place of the first mark with at least so many records below it. */
static int
place_of(const Division *division, int64 target)
{
	int i;

	for (i = 1; i < division->nmarks - 1; i++)
		if (division->marks[i].below >= target)
			break;
	return i;
}

/* An instant between two marks: in turn where it should be if time were even, and the middle. */
static TimestampTz
between(const Mark *low, const Mark *high, int64 target, bool even)
{
	double share = 0.5;

	if (even && high->below > low->below)
		share = (double) (target - low->below) / (high->below - low->below);
	share = Min(Max(share, 0.02), 0.98);
	return low->at + (int64) ((high->at - low->at) * share);
}

/* How many records a mark is away from so many. */
static int64
distance(const Mark *mark, int64 target)
{
	return mark->below > target ? mark->below - target : target - mark->below;
}

/* Looks for the instant before which so many records come, as near as `slack`. */
static void
seek(Division *division, int64 target, int64 slack)
{
	for (int tries = 0; tries < MOST_TRIES; tries++)
	{
		int place = place_of(division, target);
		const Mark *low = &division->marks[place - 1];
		const Mark *high = &division->marks[place];
		TimestampTz at = rounded(division, between(low, high, target, tries % 2 == 0));

		if (distance(low, target) <= slack || distance(high, target) <= slack)
			return;
		if (at <= low->at || at >= high->at)
			return;
		(void) try_mark(division, place, at);
	}
}

/* The mark nearest to so many records. */
static const Mark *
nearest(const Division *division, int64 target)
{
	const Mark *best = &division->marks[0];

	for (int i = 1; i < division->nmarks; i++)
		if (distance(&division->marks[i], target) < distance(best, target))
			best = &division->marks[i];
	return best;
}

/* ---- Ranges ---- */

static MlsRange *
add_range(const Division *division, List **ranges, const Mark *from, const Mark *to)
{
	MlsRange *range = palloc0(sizeof(MlsRange));

	range->number = list_length(*ranges) + 1;
	range->since = division->since;
	range->from = from ? spell(division, from->at) : NULL;
	range->to = to ? spell(division, to->at) : NULL;
	range->expected = (to ? to->below : division->total) - (from ? from->below : 0);
	*ranges = lappend(*ranges, range);
	return range;
}

/* Ranges between the marks nearest to equal shares; less than two are none. */
static List *
timed_ranges(Division *division, int parts)
{
	List *ranges = NIL;
	const Mark *last = NULL;

	for (int i = 1; i < parts; i++)
		seek(division, division->total * i / parts, division->total / parts / TOLERANCE);
	for (int i = 1; i < parts; i++)
	{
		const Mark *mark = nearest(division, division->total * i / parts);

		if (mark->below <= (last ? last->below : 0) || mark->below >= division->total)
			continue;
		add_range(division, &ranges, last, mark);
		last = mark;
	}
	if (last == NULL)
		return NIL;
	add_range(division, &ranges, last, NULL);
	return ranges;
}

/*
 * Adds a range for the records without timestamp, if there are any.  False if the
 * counts do not add up: what no range has must not be left out.
 */
static bool
add_untimed(Division *division, List **ranges)
{
	const MlsTable *table = division->table;
	const char *bound = ((const MlsRange *) linitial(*ranges))->to;

	for (int tries = 0; tries < MOST_COUNTS; tries++)
	{
		int64 timed = count(division, mls_cursor_within(table, NULL, bound)) +
					  count(division, mls_cursor_within(table, bound, NULL));
		int64 total = count(division, NIL);
		int64 untimed = count(division, mls_cursor_untimed(table));

		if (untimed < 0 || timed + untimed != total)
			continue;
		if (untimed > 0)
		{
			MlsRange *range = add_range(division, ranges, NULL, NULL);

			range->untimed = true;
			range->expected = untimed;
		}
		return true;
	}
	return false;
}

/* Is a total all that the source has?  A count that is cut off would make one range of nearly all. */
static bool
is_right(Division *division, int64 total)
{
	MlsQuery query = {.table = division->table, .limit = -1, .verify_count = true};

	return division->table->source->protocol->count(&query, division->spent) >= total;
}

List *
mls_divide(const MlsTable *table, int parts, MlsHttpStats *spent)
{
	Division division = {.table = table, .spent = spent};
	TimestampTz first = 0; /* 2000: older than the marks need to be */
	TimestampTz last;
	List *ranges;

	parts = Min(parts, MLS_MOST_PARTS);
	if (!find_end(&division, true, &last) ||
		division.total < (int64) parts * LEAST_PAGES * mls_cursor_page_size(table) ||
		!is_right(&division, division.total))
		return NIL;
	(void) find_end(&division, false, &first);
	if (first >= last)
		return NIL;
	division.marks = palloc((2 + parts * MOST_TRIES) * sizeof(Mark));
	division.marks[0] = (Mark){first, 0};
	division.marks[1] = (Mark){last, division.total};
	division.nmarks = 2;
	ranges = timed_ranges(&division, parts);
	return ranges != NIL && add_untimed(&division, &ranges) ? ranges : NIL;
}
