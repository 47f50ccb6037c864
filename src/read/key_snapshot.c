/*
 * key_snapshot.c
 *		All keys of a source, in a table, to be compared with bronze as a set.
 *
 * The table is unlogged, stands beside bronze, belongs to the subscription's
 * owner and lives as long as the run; a run that is interrupted while it lists
 * leaves it to the next one.  (A temporary table would need privileges that a
 * security-restricted operation has not.)  Pages are written as they come, so memory
 * holds one of them, whatever the number of keys.
 *
 * The position is written with each page, and taken away before it is used: a
 * link that leads nowhere fails one run, and the next begins anew.  The keys
 * themselves stand in an unlogged table, which a crash of the server empties;
 * their number tells.
 *
 * What a listing may be used for is judged here only as far as the source's own
 * chain goes: that every page came, up to the announced end.
 *
 * Records are asked for by their keys.  These go in lists as long as the source takes
 * them; the protocol splits a list that does not fit into an address.  Of a composite
 * key only the first field is asked for, which brings more records than wanted, and
 * never fewer.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "base/name_list.h"
#include "read/key_snapshot.h"
#include "step/insertion.h"
#include "step/issue.h"

/* Some sources serve 300,000 keys a page; memory is for fewer. */
#define LISTING_PAGE 50000

/* Records that come and go while keys are listed: the listing may be off by this share. */
#define CHURN 0.001

/* Keys written by one statement. */
#define INSERT_KEYS 10000

/* Keys listed longer ago are listed again. */
#define LONGEST_PAUSE "1 day"

/* ---- The table ---- */

static void
create_table(const MlsKeySnapshot *snapshot)
{
	mls_sql(SPI_OK_UTILITY,
			psprintf("CREATE UNLOGGED TABLE %s (key text COLLATE \"C\" PRIMARY KEY, "
					 "modified_at timestamptz, wanted boolean NOT NULL DEFAULT false, "
					 "outside boolean NOT NULL DEFAULT false)",
					 snapshot->table));
	mls_sql(SPI_OK_UTILITY, psprintf("CREATE INDEX ON %s (key) WHERE wanted", snapshot->table));
	mls_sql(SPI_OK_UTILITY,
			psprintf("COMMENT ON TABLE %s IS 'keys listed by a run of mls_fdw; goes with it'",
					 snapshot->table));
}

static bool
has_table(const MlsSubscription *sub)
{
	Oid relid = get_relname_relid(mls_snapshot_table_name(sub), get_rel_namespace(sub->bronze));

	return OidIsValid(relid) && get_attnum(relid, "outside") != InvalidAttrNumber;
}

/* ---- Where an interrupted list goes on ---- */

/* Notes that a process lists until there is no link any more.  In the open transaction. */
static void
note_position(const MlsKeySnapshot *snapshot, const char *link)
{
	const MlsRun *run = snapshot->run;

	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET listing_process = $2, listing_scope = $3, "
					"listing_began = $4, listing_link = $5, listing_listed = $6, "
					"listing_flagged = $7, listing_announced = $8 WHERE id = $1",
					mls_arg_int8(run->sub->id), mls_arg_text(run->process->name),
					mls_arg_text(run->sub->scope_hash), mls_arg_time(snapshot->started),
					mls_arg_text(link), mls_arg_int8(snapshot->listed),
					mls_arg_int8(snapshot->flagged), mls_arg_int8(snapshot->before));
}

/* Are the keys still there? */
static bool
has_keys(const MlsKeySnapshot *snapshot)
{
	int64 listed = snapshot->listed;

	mls_select(psprintf("SELECT pg_catalog.count(*) FROM %s", snapshot->table));
	return mls_int8_at(0, 1) == listed;
}

/* The position an interrupted run has left: fills the listing and returns its link; NULL if there is none. */
static char *
take_position(MlsKeySnapshot *snapshot)
{
	const MlsRun *run = snapshot->run;
	MemoryContext before;
	char *link;

	mls_select("SELECT listing_link, listing_began, listing_listed, listing_flagged, "
			   "listing_announced FROM mls.subscription WHERE id = $1 AND "
			   "listing_process = $2 AND listing_scope = $3 AND listing_link IS NOT NULL AND "
			   "listing_began > pg_catalog.now() - interval '" LONGEST_PAUSE "'",
			   mls_arg_int8(run->sub->id), mls_arg_text(run->process->name),
			   mls_arg_text(run->sub->scope_hash));
	if (SPI_processed == 0)
		return NULL;
	before = MemoryContextSwitchTo(snapshot->context);
	link = pstrdup(mls_text_at(0, 1));
	MemoryContextSwitchTo(before);
	snapshot->started = mls_time_at(0, 2);
	snapshot->listed = mls_int8_at(0, 3);
	snapshot->flagged = mls_int8_at(0, 4);
	snapshot->before = mls_int8_at(0, 5);
	return link;
}

/*
 * Goes on with an interrupted list, if there is one: returns the link to go on
 * at.  Else the listing is as before, and NULL is returned.  In the open
 * transaction, with the listing's table named.
 */
static char *
begin_again(MlsKeySnapshot *snapshot, bool has_table)
{
	MlsKeySnapshot fresh = *snapshot;
	char *link = take_position(snapshot);

	if (link != NULL && has_table && has_keys(snapshot))
	{
		note_position(snapshot, NULL);
		return link;
	}
	*snapshot = fresh;
	return NULL;
}

/* Makes the table, or takes over what an interrupted run has left: then returns the link to go on at. */
static char *
begin_table(MlsKeySnapshot *snapshot)
{
	const MlsSubscription *sub = snapshot->run->sub;
	MemoryContext context = snapshot->run->context;
	MlsCounters counters = snapshot->run->counters;
	char *link;

	mls_run_begin_step(snapshot->run);
	snapshot->table = MemoryContextStrdup(
		context, quote_qualified_identifier(get_namespace_name(get_rel_namespace(sub->bronze)),
											mls_snapshot_table_name(sub)));
	snapshot->bronze = MemoryContextStrdup(context, mls_qualified_name(sub->bronze));
	snapshot->silver = MemoryContextStrdup(context, mls_qualified_name(sub->silver));
	link = begin_again(snapshot, has_table(sub));
	if (link == NULL)
	{
		mls_snapshot_drop(sub);
		create_table(snapshot);
	}
	snapshot->relid =
		get_relname_relid(mls_snapshot_table_name(sub), get_rel_namespace(sub->bronze));
	mls_run_end_step(snapshot->run, &counters);
	return link;
}

/* What was listed is of no use: the list begins anew. */
static void
empty_table(MlsKeySnapshot *snapshot)
{
	snapshot->listed = snapshot->flagged = snapshot->keyless = 0;
	snapshot->before = -1;
	snapshot->started = GetCurrentTimestamp();
	snapshot->run->counters.received = 0;
	mls_snapshot_execute(snapshot, SPI_OK_DELETE, psprintf("DELETE FROM %s", snapshot->table));
}

/*
 * Workers avoid merges, for what is small when plans are made.  Here both sides are as large
 * as they will be, and stand in their indexes in order.
 */
static void
allow_merges(void)
{
	(void) set_config_option("enable_mergejoin", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* Runs a statement on the table in a step of its own; returns how many rows it was for. */
int64
mls_snapshot_execute(MlsKeySnapshot *snapshot, int expected, const char *sql)
{
	MlsCounters counters = snapshot->run->counters;
	int64 rows;

	mls_run_begin_step(snapshot->run);
	allow_merges();
	mls_sql(expected, sql, mls_arg_time(snapshot->started));
	rows = expected == SPI_OK_SELECT ? mls_int8_at(0, 1) : SPI_processed;
	mls_run_end_step(snapshot->run, &counters);
	return rows;
}

/* ---- Streams ---- */

/* Opens a stream and lets its first request go. */
static void
open_stream(MlsKeySnapshot *snapshot, MlsQuery *query)
{
	MemoryContext before = MemoryContextSwitchTo(snapshot->context);

	snapshot->stream = query->table->source->protocol->open(query);
	snapshot->stream->protocol->start(snapshot->stream);
	MemoryContextSwitchTo(before);
}

static void
close_stream(MlsKeySnapshot *snapshot)
{
	MlsStream *stream = snapshot->stream;

	if (stream == NULL)
		return;
	mls_stats_add(&snapshot->spent, &stream->stats);
	snapshot->unproven |= stream->unproven;
	snapshot->stream = NULL;
	stream->protocol->close(stream);
	MemoryContextReset(snapshot->context);
}

/* Requests and bytes so far. */
void
mls_snapshot_spent(const MlsKeySnapshot *snapshot, MlsCounters *counters)
{
	MlsHttpStats sum = snapshot->spent;

	if (snapshot->stream != NULL)
		mls_stats_add(&sum, &snapshot->stream->stats);
	counters->requests = sum.requests;
	counters->bytes = sum.body_bytes;
}

/* The last step of a run that listed: what was listed is what the source has. */
const char *
mls_snapshot_complete(MlsRun *run)
{
	const MlsKeySnapshot *snapshot = run->state;

	if (!snapshot->unproven)
	{
		mls_count_note_remote(run->sub->id, snapshot->listed - snapshot->outside);
		if (!run->task->dry_run)
			mls_issue_all_listed(run->sub, snapshot->table, snapshot->keyless > 0);
	}
	return run->sub->cursor_timestamp;
}

/* Has each record a key to be known by, but for as many as may change while keys are listed? */
static void
require_keys(const MlsKeySnapshot *snapshot)
{
	const MlsSubscription *sub = snapshot->run->sub;
	int64 records = snapshot->listed + snapshot->flagged + snapshot->keyless;

	if (snapshot->keyless <= records * CHURN)
		return;
	ereport(ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
			errmsg("the list of keys of resource \"%s\" of source \"%s\" is not complete",
				   sub->resource, sub->source),
			errdetail(INT64_FORMAT " of %s that the source lists %s no key.", snapshot->keyless,
					  mls_counted(records, "record", "records"),
					  snapshot->keyless == 1 ? "has" : "have"),
			errhint("Nothing was changed. Try again; if it stays, see whether the option key of "
					"foreign table %s names the fields the source fills.",
					snapshot->run->table->name));
}

/*
 * Has as much been listed as the source counts?  Otherwise nothing can be said of
 * what is not in the list: neither that it is gone, nor that nothing is missing here.
 */
void
mls_snapshot_require_complete(const MlsKeySnapshot *snapshot)
{
	const MlsSubscription *sub = snapshot->run->sub;
	int64 listed = snapshot->listed + snapshot->flagged;
	int64 low = Min(snapshot->before, snapshot->after);
	int64 high = Max(snapshot->before, snapshot->after);
	int64 churn;

	require_keys(snapshot);
	if (low < 0)
		low = high; /* one of the counts failed */
	if (high < 0)
		return; /* the source does not count */
	churn = (int64) (high * CHURN);
	if (listed >= low - churn && listed <= high + churn)
		return;
	ereport(ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
			errmsg("the list of keys of resource \"%s\" of source \"%s\" is not complete",
				   sub->resource, sub->source),
			errdetail("The source lists %s, and counts %s before and " INT64_FORMAT " after.",
					  mls_counted(listed, "key", "different keys"),
					  mls_counted(snapshot->before, "record", "records"), snapshot->after),
			errhint("Nothing was changed. Try again; if the source's count is only an estimate, "
					"set the server option push_count to false."));
}

/* Only an interruption can be gone on from: what a wrong chain has brought is not to be trusted. */
static bool
is_resumable(const MlsKeySnapshot *snapshot)
{
	MlsErrorClass class = snapshot->run->outcome->error_class;

	return snapshot->resumable && class != MLS_ERROR_PROTOCOL && class != MLS_ERROR_DATA;
}

/* Gives back the stream, and drops the table unless the next run can go on with it; what fails here is a word in the log, since the run is over. */
void
mls_snapshot_end(MlsKeySnapshot *snapshot)
{
	MemoryContext context = CurrentMemoryContext;

	close_stream(snapshot);
	if (is_resumable(snapshot))
		return;
	PG_TRY();
	{
		mls_transaction_begin(snapshot->run->sub->owner);
		mls_snapshot_drop(snapshot->run->sub);
		mls_transaction_commit();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
}

/* ---- Listing ---- */

static MlsQuery *
listing_query(const MlsKeySnapshot *snapshot, bool timestamps)
{
	const MlsTable *table = snapshot->run->table;
	const MlsPlatform *platform = &table->source->platform;
	MlsQuery *query = MemoryContextAllocZero(snapshot->context, sizeof(MlsQuery));
	ListCell *lc;

	query->table = table;
	query->fields = list_copy(table->key);
	if (timestamps && table->timestamp)
		query->fields = lappend(query->fields, pstrdup(table->timestamp));
	if (platform->deletion_flag != NULL)
		query->fields = lappend(query->fields, pstrdup(platform->deletion_flag));
	foreach (lc, snapshot->run->bounds)
	{
		const MlsRelatedBound *bound = lfirst(lc);

		/* Each once: a source may refuse to be asked for a field twice. */
		query->fields = mls_list_once(query->fields, bound->key_field);
		if (bound->kind_field != NULL)
			query->fields = mls_list_once(query->fields, bound->kind_field);
	}
	query->limit = -1;
	query->page_size = LISTING_PAGE;
	query->keys_only = true;
	query->verify_count = true;
	query->may_lack = snapshot->may_lack;
	query->whole_set = platform->replication_path != NULL;
	return query;
}

static Datum
instant_array(const MlsItem **items, int n)
{
	Datum *values = palloc(Max(n, 1) * sizeof(Datum));
	bool *nulls = palloc(Max(n, 1) * sizeof(bool));
	int dims[] = {n};
	int bounds[] = {1};

	for (int i = 0; i < n; i++)
	{
		values[i] = TimestampTzGetDatum(items[i]->instant.at);
		nulls[i] = !items[i]->has_instant;
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, dims, bounds, TIMESTAMPTZOID, 8,
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
boolean_array(const bool *values, int n)
{
	Datum *elements = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = BoolGetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, n, BOOLOID, 1, true, TYPALIGN_CHAR));
}

/* Keys on their way into the table. */
typedef struct Listed
{
	MlsKeySnapshot *snapshot;
	const MlsItem **items;
	const bool *outside;
	int n;
	bool added;
} Listed;

static TupleDesc
key_desc(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(4);

	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "modified_at", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(desc, 3, "wanted", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, 4, "outside", BOOLOID, -1, 0);
	return desc;
}

static void
add_keys(void *arg)
{
	Listed *listed = arg;
	MlsInsertion *insertion = mls_insertion_begin(listed->snapshot->relid, key_desc(), NULL);

	if (insertion == NULL)
		return;
	for (int i = 0; i < listed->n; i++)
	{
		const MlsItem *item = listed->items[i];
		Datum values[] = {CStringGetTextDatum(item->key), TimestampTzGetDatum(item->instant.at),
						  BoolGetDatum(false), BoolGetDatum(listed->outside[i])};
		const bool isnull[] = {false, !item->has_instant, false, false};

		(void) mls_insertion_put(insertion, values, isnull);
		pfree(DatumGetPointer(values[0]));
	}
	mls_insertion_end(insertion);
	listed->added = true;
}

static bool
is_there(int sqlstate)
{
	return sqlstate == ERRCODE_UNIQUE_VIOLATION;
}

/* Writes keys that were not listed before, as is usual; false if one was, and nothing is written. */
static bool
add_new_keys(MlsKeySnapshot *snapshot, const MlsItem **items, const bool *outside, int n)
{
	Listed listed = {snapshot, items, outside, n, false};

	if (!snapshot->repeats)
		snapshot->repeats =
			mls_subtransaction(add_keys, &listed, is_there, true) != NULL || !listed.added;
	if (snapshot->repeats)
		return false;
	snapshot->listed += n;
	return true;
}

/* Writes some keys; those listed before are not counted again. */
static void
insert_keys(MlsKeySnapshot *snapshot, const MlsItem **items, const bool *outside, int n)
{
	List *keys = NIL;

	if (add_new_keys(snapshot, items, outside, n))
		return;
	for (int i = 0; i < n; i++)
		keys = lappend(keys, items[i]->key);
	mls_sql(SPI_OK_INSERT,
			psprintf("INSERT INTO %s (key, modified_at, outside) "
					 "SELECT u.key, u.at, u.outside FROM ROWS FROM (pg_catalog.unnest($1), "
					 "pg_catalog.unnest($2), pg_catalog.unnest($3)) AS u(key, at, outside) "
					 "ON CONFLICT (key) DO NOTHING",
					 snapshot->table),
			mls_arg_list(keys), mls_arg(get_array_type(TIMESTAMPTZOID), instant_array(items, n)),
			mls_arg(get_array_type(BOOLOID), boolean_array(outside, n)));
	snapshot->listed += SPI_processed;
}

/* What the source has announced is compared only where its counts are exact. */
static void
take_announced(MlsKeySnapshot *snapshot)
{
	if (snapshot->before < 0 && snapshot->run->table->source->platform.count_exact)
		snapshot->before = snapshot->stream->announced;
}

/* One page of keys in one transaction. */
static void
store_keys(MlsKeySnapshot *snapshot, const MlsBatch *batch)
{
	MlsCounters counters = snapshot->run->counters;
	const MlsItem **items;
	const bool *outside;
	bool *flags;
	int n = 0;

	mls_run_begin_step(snapshot->run);
	outside = mls_related_outside(snapshot->run->bounds, batch);
	items = palloc(Min(batch->nitems, INSERT_KEYS) * sizeof(MlsItem *));
	flags = palloc(Min(batch->nitems, INSERT_KEYS) * sizeof(bool));
	for (int i = 0; i < batch->nitems; i++)
	{
		const MlsItem *item = &batch->items[i];

		if (item->gone)
			snapshot->flagged++;
		else if (item->key == NULL)
			snapshot->keyless++;
		else if (!item->superseded)
		{
			flags[n] = outside != NULL && outside[i];
			items[n++] = item;
		}
		if (n == INSERT_KEYS)
		{
			insert_keys(snapshot, items, flags, n);
			n = 0;
		}
	}
	if (n > 0)
		insert_keys(snapshot, items, flags, n);
	take_announced(snapshot);
	/* A run that goes on would not know of records without a key: it begins anew. */
	snapshot->resumable = snapshot->stream->next_link != NULL && snapshot->keyless == 0;
	note_position(snapshot, snapshot->resumable ? snapshot->stream->next_link : NULL);
	counters.received += batch->nitems;
	counters.pages++;
	counters.expected = Max(snapshot->stream->announced, Max(snapshot->before, 0));
	mls_run_end_step(snapshot->run, &counters);
}

/* The pages from one on, which may be NULL, to the end. */
static void
read_pages(MlsKeySnapshot *snapshot, MlsPage *page)
{
	const MlsTable *table = snapshot->run->table;
	MemoryContext before = MemoryContextSwitchTo(snapshot->batch_context);

	for (; page != NULL; page = snapshot->stream->protocol->next_page(snapshot->stream))
	{
		store_keys(snapshot, mls_batch_read(table, page->records, page->nrecords));
		MemoryContextReset(snapshot->batch_context);
		MemoryContextSwitchTo(snapshot->batch_context);
	}
	MemoryContextSwitchTo(before);
	snapshot->resumable = false;
}

static MlsPage *
first_page(MlsKeySnapshot *snapshot)
{
	MemoryContext before = MemoryContextSwitchTo(snapshot->batch_context);
	MlsPage *page = snapshot->stream->protocol->next_page(snapshot->stream);

	MemoryContextSwitchTo(before);
	return page;
}

/* The first page behind an old link; false if the link is no good any more. */
static bool
follow_link(MlsKeySnapshot *snapshot, MlsPage **page)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool good = true;

	PG_TRY();
	{
		*page = first_page(snapshot);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (mls_reader_is_not_the_links_fault(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
		good = false;
	}
	PG_END_TRY();
	return good && *page != NULL;
}

/* How many records the source counts now; -1 if it cannot say exactly. */
static int64
count_remote(MlsKeySnapshot *snapshot)
{
	const MlsTable *table = snapshot->run->table;
	MlsQuery count = {.table = table, .limit = -1};

	if (!table->source->protocol->countable(table))
		return -1;
	return table->source->protocol->count(&count, &snapshot->spent);
}

/* Has a list that was taken up again as many keys as the source has records, or had when it began? */
static bool
is_whole(MlsKeySnapshot *snapshot)
{
	int64 listed = snapshot->listed + snapshot->flagged;

	snapshot->after = count_remote(snapshot);
	if (snapshot->after < 0)
		return listed >= snapshot->before;
	return Max(listed, snapshot->after) - Min(listed, snapshot->after) <= snapshot->after * CHURN;
}

/*
 * Goes on with an interrupted list.  False if that leads to nothing, or if too
 * much has come and gone meanwhile.
 */
static bool
read_rest(MlsKeySnapshot *snapshot, MlsQuery *query, const char *link)
{
	int64 listed = snapshot->listed;
	MlsPage *page = NULL;
	bool good;

	snapshot->run->counters.received = listed + snapshot->flagged;
	query->resume_link = link;
	query->verify_count = false; /* the source announces the whole */
	open_stream(snapshot, query);
	good = follow_link(snapshot, &page);
	if (good)
		read_pages(snapshot, page);
	close_stream(snapshot);
	if (!good || !is_whole(snapshot))
		return false;
	mls_run_note(snapshot->run, "went on with an interrupted list of %s",
				 mls_counted(listed, "key", "keys"));
	snapshot->before = snapshot->after;
	return true;
}

static void
read_all(MlsKeySnapshot *snapshot, MlsQuery *query)
{
	open_stream(snapshot, query);
	read_pages(snapshot, first_page(snapshot));
	take_announced(snapshot);
	close_stream(snapshot);
}

/*
 * Lists all keys of the source, with their timestamps if asked for.  Where its count is
 * no proof, the list of who may lack some can end before the source's does.  The result
 * lives as long as the run, and is its state.
 */
MlsKeySnapshot *
mls_snapshot_read(MlsRun *run, bool timestamps, bool may_lack)
{
	MlsKeySnapshot *snapshot = palloc0(sizeof(MlsKeySnapshot));
	char *objection;
	char *link;

	snapshot->run = run;
	snapshot->started = GetCurrentTimestamp();
	snapshot->before = snapshot->after = -1;
	snapshot->may_lack = may_lack && !run->table->source->platform.count_exact;
	snapshot->context =
		AllocSetContextCreate(run->context, "mls_fdw listing", ALLOCSET_DEFAULT_SIZES);
	snapshot->batch_context =
		AllocSetContextCreate(run->context, "mls_fdw batch", ALLOCSET_DEFAULT_SIZES);
	run->state = snapshot;
	link = begin_table(snapshot);
	if (link == NULL || !read_rest(snapshot, listing_query(snapshot, timestamps), link))
	{
		if (link != NULL)
			empty_table(snapshot);
		read_all(snapshot, listing_query(snapshot, timestamps));
		snapshot->after = count_remote(snapshot);
	}
	objection = mls_total_objection(run->table);
	if (objection != NULL)
	{
		snapshot->before = snapshot->after = -1;
		mls_run_note(run, "%s", objection);
	}
	if (run->bounds != NIL)
		snapshot->outside = mls_snapshot_execute(
			snapshot, SPI_OK_SELECT,
			psprintf("SELECT pg_catalog.count(*) FROM %s WHERE outside", snapshot->table));
	return snapshot;
}

/* ---- Records asked for by their keys ---- */

/* Keys taken from the listing at a time. */
#define CHUNK_KEYS 500

/* ---- The wanted keys ---- */

/* How many records are wanted now. */
int64
mls_snapshot_wanted(MlsKeySnapshot *snapshot)
{
	return mls_snapshot_execute(
		snapshot, SPI_OK_SELECT,
		psprintf("SELECT pg_catalog.count(*) FROM %s WHERE wanted", snapshot->table));
}

/* The records of a batch are wanted no more.  In an open transaction. */
void
mls_snapshot_settle(MlsKeySnapshot *snapshot, const MlsBatch *batch)
{
	mls_sql(
		SPI_OK_UPDATE,
		psprintf("UPDATE %s SET wanted = false WHERE wanted AND key = ANY ($1)", snapshot->table),
		mls_arg_list(mls_batch_keys(batch)));
}

/* The first field of a key as bronze has it. */
static char *
first_part(const MlsTable *table, const char *key)
{
	StringInfoData part;

	if (list_length(table->key) == 1)
		return pstrdup(key);
	initStringInfo(&part);
	for (; *key && *key != '|'; key++)
	{
		if (*key == '\\' && key[1])
			key++;
		appendStringInfoChar(&part, *key);
	}
	return part.data;
}

/* Up to so many of the wanted keys that follow the last ones, in the listing's context (List of char *); NIL after the last. */
List *
mls_snapshot_next(MlsKeySnapshot *snapshot, int size)
{
	MlsRun *run = snapshot->run;
	MlsCounters counters = run->counters;
	MemoryContext before;
	List *keys;

	Assert(snapshot->stream == NULL);
	MemoryContextReset(snapshot->context);
	mls_run_begin_step(run);
	mls_select(psprintf("SELECT key FROM %s WHERE wanted AND key > $1 ORDER BY key LIMIT $2",
						snapshot->table),
			   mls_arg_text(snapshot->last_key ? snapshot->last_key : ""), mls_arg_int4(size));
	before = MemoryContextSwitchTo(snapshot->context);
	keys = mls_cell_texts(SPI_tuptable, 1);
	if (keys != NIL)
		snapshot->last_key = MemoryContextStrdup(run->context, llast(keys));
	MemoryContextSwitchTo(before);
	mls_run_end_step(run, &counters);
	return keys;
}

/* ---- Asking ---- */

static MlsQuery *
query_for(const MlsTable *table, const List *keys, bool keys_only)
{
	const MlsPlatform *platform = &table->source->platform;
	char **parts = palloc(list_length(keys) * sizeof(char *));
	MlsQuery *query;
	ListCell *lc;

	foreach (lc, keys)
		parts[foreach_current_index(lc)] = first_part(table, lfirst(lc));
	query = mls_cursor_by_values(table, linitial(table->key), parts, list_length(keys));
	query->keys_only = keys_only;
	if (keys_only)
		query->fields = list_copy(table->key);
	if (keys_only && platform->deletion_flag != NULL)
		query->fields = lappend(query->fields, pstrdup(platform->deletion_flag));
	return query;
}

/* All records: files are not asked for keys, and are read once for however many. */
static MlsQuery *
query_for_all(const MlsTable *table, bool keys_only)
{
	MlsQuery *query = palloc0(sizeof(MlsQuery));

	query->table = table;
	query->limit = -1;
	query->keys_only = keys_only;
	return query;
}

/* Where nothing but refusals came, so many are enough. */
#define MOST_REFUSED 16

/* Asks for the next wanted keys; false if there are none. */
static bool
ask_next(MlsKeySnapshot *snapshot, bool keys_only)
{
	const MlsTable *table = snapshot->run->table;
	const MlsPlatform *platform = &table->source->platform;
	bool lists = platform->in_allowed || platform->or_allowed;
	MemoryContext before;
	MlsQuery *query;

	if (table->source->protocol->keeps_files)
		snapshot->asked = snapshot->asked == NIL ? mls_snapshot_next(snapshot, 1) : NIL;
	else if (snapshot->pending != NIL)
	{
		snapshot->asked = linitial(snapshot->pending);
		snapshot->pending = list_delete_first(snapshot->pending);
	}
	else
		snapshot->asked = mls_snapshot_next(snapshot, lists ? CHUNK_KEYS : 1);
	if (snapshot->asked == NIL)
		return false;
	before = MemoryContextSwitchTo(snapshot->context);
	query = table->source->protocol->keeps_files ? query_for_all(table, keys_only)
												 : query_for(table, snapshot->asked, keys_only);
	MemoryContextSwitchTo(before);
	open_stream(snapshot, query);
	return true;
}

/* A key that the source sends and refuses to be asked for: it is wanted no more, and counted. */
static void
settle_refused(MlsKeySnapshot *snapshot, const char *key)
{
	MlsCounters counters = snapshot->run->counters;

	mls_run_begin_step(snapshot->run);
	mls_sql(SPI_OK_UPDATE, psprintf("UPDATE %s SET wanted = false WHERE key = $1", snapshot->table),
			mls_arg_text(key));
	mls_run_end_step(snapshot->run, &counters);
	snapshot->refused++;
}

/*
 * Keys were refused together.  One of them may hold what the source does not understand in a
 * condition, though it sends it: so each half is asked for by itself.  False if it is not
 * about single keys.
 */
static bool
ask_halves(MlsKeySnapshot *snapshot)
{
	MemoryContext before = MemoryContextSwitchTo(snapshot->run->context);
	int n = list_length(snapshot->asked);
	List *halves[2] = {NIL, NIL};
	ListCell *lc;

	/* They go with the stream that asked for them. */
	foreach (lc, snapshot->asked)
		halves[foreach_current_index(lc) >= n / 2] =
			lappend(halves[foreach_current_index(lc) >= n / 2], pstrdup(lfirst(lc)));
	close_stream(snapshot);
	if (n > 1)
		snapshot->pending = list_concat(list_make2(halves[0], halves[1]), snapshot->pending);
	MemoryContextSwitchTo(before);
	if (n == 1)
		settle_refused(snapshot, linitial(halves[1]));
	return snapshot->is_taken || snapshot->refused < MOST_REFUSED;
}

/* The next page of the stream; NULL at its end, or if what was asked is refused. */
static MlsPage *
read_asked(MlsKeySnapshot *snapshot, bool *refused)
{
	MlsStream *stream = snapshot->stream;
	MemoryContext context = CurrentMemoryContext;
	MlsPage *volatile page = NULL;

	mls_http_forget_failure();
	PG_TRY();
	{
		page = stream->protocol->next_page(stream);
		*refused = stream->dropped != NIL;
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
	return *refused ? NULL : page;
}

/*
 * The next page of wanted records, valid until the next call; NULL when all were
 * asked for.  Uses the network, so no transaction may be open.
 */
MlsBatch *
mls_key_fetch_next(MlsKeySnapshot *snapshot, bool keys_only)
{
	const MlsTable *table = snapshot->run->table;
	MemoryContext before = MemoryContextSwitchTo(snapshot->batch_context);
	MlsBatch *batch = NULL;

	MemoryContextReset(snapshot->batch_context);
	while (batch == NULL && (snapshot->stream != NULL || ask_next(snapshot, keys_only)))
	{
		bool refused = false;
		MlsPage *page;

		MemoryContextSwitchTo(snapshot->batch_context);
		page = read_asked(snapshot, &refused);
		if (refused && !ask_halves(snapshot))
			ereport(ERROR, errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
					errmsg("source \"%s\" refused to filter resource \"%s\" by its key",
						   table->source->name, table->resource));
		if (refused)
			continue;
		snapshot->is_taken = true;
		if (page == NULL)
			close_stream(snapshot);
		else
		{
			batch = mls_batch_read(table, page->records, page->nrecords);
			batch->replaced = page->replaced;
			batch->missing = snapshot->stream->missing;
		}
	}
	if (batch == NULL && snapshot->refused > 0)
		mls_run_note(snapshot->run, "%s",
					 mls_counted(snapshot->refused,
								 "record stays as it is, for the source refuses to be asked for it "
								 "by its key",
								 "records stay as they are, for the source refuses to be asked for "
								 "them by their keys"));
	MemoryContextSwitchTo(before);
	return batch;
}
