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
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "read/key_snapshot.h"
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
create_table(const MlsListing *listing)
{
	mls_execute(psprintf("CREATE UNLOGGED TABLE %s (key text COLLATE \"C\" PRIMARY KEY, "
						 "modified_at timestamptz, wanted boolean NOT NULL DEFAULT false, "
						 "outside boolean NOT NULL DEFAULT false)",
						 listing->table),
				0, NULL, NULL, NULL, SPI_OK_UTILITY);
	mls_execute(psprintf("CREATE INDEX ON %s (key) WHERE wanted", listing->table), 0, NULL, NULL,
				NULL, SPI_OK_UTILITY);
	mls_execute(psprintf("COMMENT ON TABLE %s IS 'keys listed by a run of mls_fdw; goes with it'",
						 listing->table),
				0, NULL, NULL, NULL, SPI_OK_UTILITY);
}

static bool
has_table(const MlsSubscription *sub)
{
	Oid relid = get_relname_relid(mls_listing_name(sub), get_rel_namespace(sub->bronze));

	return OidIsValid(relid) && get_attnum(relid, "outside") != InvalidAttrNumber;
}

/* ---- Where an interrupted list goes on ---- */

/* Notes that a process lists until there is no link any more.  In the open transaction. */
static void
note_position(const MlsListing *listing, const char *link)
{
	const MlsRun *run = listing->run;
	Oid types[] = {INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, INT8OID, INT8OID, INT8OID};
	char nulls[] = "        ";
	Datum values[8];

	values[0] = Int64GetDatum(run->sub->id);
	values[1] = CStringGetTextDatum(run->process->name);
	values[2] = CStringGetTextDatum(run->sub->scope_hash);
	values[3] = TimestampTzGetDatum(listing->started);
	values[4] = link ? CStringGetTextDatum(link) : (Datum) 0;
	nulls[4] = link ? ' ' : 'n';
	values[5] = Int64GetDatum(listing->listed);
	values[6] = Int64GetDatum(listing->flagged);
	values[7] = Int64GetDatum(listing->before);
	mls_execute_control("UPDATE mls.subscription SET listing_process = $2, listing_scope = $3, "
						"listing_began = $4, listing_link = $5, listing_listed = $6, "
						"listing_flagged = $7, listing_announced = $8 WHERE id = $1",
						8, types, values, nulls, SPI_OK_UPDATE);
}

static int64
number_at(int column)
{
	bool isnull;

	return DatumGetInt64(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull));
}

/* Are the keys still there? */
static bool
has_keys(const MlsListing *listing)
{
	int64 listed = listing->listed;

	mls_execute(psprintf("SELECT pg_catalog.count(*) FROM %s", listing->table), 0, NULL, NULL, NULL,
				SPI_OK_SELECT);
	return number_at(1) == listed;
}

/* The position an interrupted run has left: fills the listing and returns its link; NULL if there is none. */
static char *
take_position(MlsListing *listing)
{
	const MlsRun *run = listing->run;
	MemoryContext before;
	Oid types[] = {INT8OID, TEXTOID, TEXTOID};
	Datum values[] = {Int64GetDatum(run->sub->id), CStringGetTextDatum(run->process->name),
					  CStringGetTextDatum(run->sub->scope_hash)};
	char *link;
	bool isnull;

	mls_execute("SELECT listing_link, listing_began, listing_listed, listing_flagged, "
				"listing_announced FROM mls.subscription WHERE id = $1 AND "
				"listing_process = $2 AND listing_scope = $3 AND listing_link IS NOT NULL AND "
				"listing_began > pg_catalog.now() - interval '" LONGEST_PAUSE "'",
				3, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed == 0)
		return NULL;
	before = MemoryContextSwitchTo(listing->context);
	link = pstrdup(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	MemoryContextSwitchTo(before);
	listing->started = DatumGetTimestampTz(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	listing->listed = number_at(3);
	listing->flagged = number_at(4);
	listing->before = number_at(5);
	return link;
}

/*
 * Goes on with an interrupted list, if there is one: returns the link to go on
 * at.  Else the listing is as before, and NULL is returned.  In the open
 * transaction, with the listing's table named.
 */
static char *
begin_again(MlsListing *listing, bool has_table)
{
	MlsListing fresh = *listing;
	char *link = take_position(listing);

	if (link != NULL && has_table && has_keys(listing))
	{
		note_position(listing, NULL);
		return link;
	}
	*listing = fresh;
	return NULL;
}

/* Makes the table, or takes over what an interrupted run has left: then returns the link to go on at. */
static char *
begin_table(MlsListing *listing)
{
	const MlsSubscription *sub = listing->run->sub;
	MemoryContext context = listing->run->context;
	MlsCounters counters = listing->run->counters;
	char *link;

	mls_run_begin_step(listing->run);
	listing->table = MemoryContextStrdup(
		context, quote_qualified_identifier(get_namespace_name(get_rel_namespace(sub->bronze)),
											mls_listing_name(sub)));
	listing->bronze = MemoryContextStrdup(context, mls_qualified_name(sub->bronze));
	listing->silver = MemoryContextStrdup(context, mls_qualified_name(sub->silver));
	link = begin_again(listing, has_table(sub));
	if (link == NULL)
	{
		mls_listing_drop(sub);
		create_table(listing);
	}
	mls_run_end_step(listing->run, &counters);
	return link;
}

/* What was listed is of no use: the list begins anew. */
static void
empty_table(MlsListing *listing)
{
	listing->listed = listing->flagged = listing->keyless = 0;
	listing->before = -1;
	listing->started = GetCurrentTimestamp();
	listing->run->counters.received = 0;
	mls_listing_execute(listing, psprintf("DELETE FROM %s", listing->table));
}

/* Runs a statement on the table in a step of its own; returns how many rows it was for. */
int64
mls_listing_execute(MlsListing *listing, const char *sql)
{
	MlsCounters counters = listing->run->counters;
	Oid types[] = {TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(listing->started)};
	int64 rows;
	int code;

	mls_run_begin_step(listing->run);
	code = SPI_execute_with_args(sql, 1, types, values, NULL, false, 0);
	if (code < 0)
		elog(ERROR, "unexpected result %s of: %s", SPI_result_code_string(code), sql);
	rows = SPI_processed;
	if (code == SPI_OK_SELECT)
	{
		bool isnull;

		rows =
			DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	mls_run_end_step(listing->run, &counters);
	return rows;
}

/* ---- Streams ---- */

/* Opens a stream and lets its first request go. */
void
mls_listing_open(MlsListing *listing, MlsQuery *query)
{
	MemoryContext before = MemoryContextSwitchTo(listing->context);

	listing->stream = query->table->source->protocol->open(query);
	listing->stream->protocol->start(listing->stream);
	MemoryContextSwitchTo(before);
}

void
mls_listing_close(MlsListing *listing)
{
	MlsStream *stream = listing->stream;

	if (stream == NULL)
		return;
	mls_stats_add(&listing->spent, &stream->stats);
	listing->unproven |= stream->unproven;
	listing->stream = NULL;
	stream->protocol->close(stream);
	MemoryContextReset(listing->context);
}

/* Requests and bytes so far. */
void
mls_listing_spent(const MlsListing *listing, MlsCounters *counters)
{
	MlsHttpStats sum = listing->spent;

	if (listing->stream != NULL)
		mls_stats_add(&sum, &listing->stream->stats);
	counters->requests = sum.requests;
	counters->bytes = sum.body_bytes;
}

/* The last step of a run that listed: what was listed is what the source has. */
const char *
mls_listing_complete(MlsRun *run)
{
	const MlsListing *listing = run->state;

	if (!listing->unproven)
	{
		mls_count_note_remote(run->sub->id, listing->listed - listing->outside);
		if (!run->task->dry_run)
			mls_issue_all_listed(run->sub, listing->table, listing->keyless > 0);
	}
	return run->sub->cursor_timestamp;
}

/* Has each record a key to be known by, but for as many as may change while keys are listed? */
static void
require_keys(const MlsListing *listing)
{
	const MlsSubscription *sub = listing->run->sub;
	int64 records = listing->listed + listing->flagged + listing->keyless;

	if (listing->keyless <= records * CHURN)
		return;
	ereport(ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
			errmsg("the list of keys of resource \"%s\" of source \"%s\" is not complete",
				   sub->resource, sub->source),
			errdetail(INT64_FORMAT " of %s that the source lists %s no key.", listing->keyless,
					  mls_counted(records, "record", "records"),
					  listing->keyless == 1 ? "has" : "have"),
			errhint("Nothing was changed. Try again; if it stays, see whether the option key of "
					"foreign table %s names the fields the source fills.",
					listing->run->table->name));
}

/*
 * Has as much been listed as the source counts?  Otherwise nothing can be said of
 * what is not in the list: neither that it is gone, nor that nothing is missing here.
 */
void
mls_listing_require_complete(const MlsListing *listing)
{
	const MlsSubscription *sub = listing->run->sub;
	int64 listed = listing->listed + listing->flagged;
	int64 low = Min(listing->before, listing->after);
	int64 high = Max(listing->before, listing->after);
	int64 churn;

	require_keys(listing);
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
					  mls_counted(listing->before, "record", "records"), listing->after),
			errhint("Nothing was changed. Try again; if the source's count is only an estimate, "
					"set the server option push_count to false."));
}

/* Only an interruption can be gone on from: what a wrong chain has brought is not to be trusted. */
static bool
is_resumable(const MlsListing *listing)
{
	MlsErrorClass class = listing->run->outcome->error_class;

	return listing->resumable && class != MLS_ERROR_PROTOCOL && class != MLS_ERROR_DATA;
}

/* Gives back the stream, and drops the table unless the next run can go on with it; what fails here is a word in the log, since the run is over. */
void
mls_listing_end(MlsListing *listing)
{
	MemoryContext context = CurrentMemoryContext;

	mls_listing_close(listing);
	if (is_resumable(listing))
		return;
	PG_TRY();
	{
		mls_transaction_begin(listing->run->sub->owner);
		mls_listing_drop(listing->run->sub);
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

/* Each once: a source may refuse to be asked for a field twice. */
static List *
add_field(List *fields, const char *name)
{
	ListCell *lc;

	foreach (lc, fields)
		if (strcmp(lfirst(lc), name) == 0)
			return fields;
	return lappend(fields, pstrdup(name));
}

static MlsQuery *
listing_query(const MlsListing *listing, bool timestamps)
{
	const MlsTable *table = listing->run->table;
	const MlsPlatform *platform = &table->source->platform;
	MlsQuery *query = MemoryContextAllocZero(listing->context, sizeof(MlsQuery));
	ListCell *lc;

	query->table = table;
	query->fields = list_copy(table->key);
	if (timestamps && table->timestamp)
		query->fields = lappend(query->fields, pstrdup(table->timestamp));
	if (platform->deletion_flag != NULL)
		query->fields = lappend(query->fields, pstrdup(platform->deletion_flag));
	foreach (lc, listing->run->bounds)
	{
		const MlsFedBound *bound = lfirst(lc);

		query->fields = add_field(query->fields, bound->key_field);
		if (bound->kind_field != NULL)
			query->fields = add_field(query->fields, bound->kind_field);
	}
	query->limit = -1;
	query->page_size = LISTING_PAGE;
	query->keys_only = true;
	query->verify_count = true;
	query->may_lack = listing->may_lack;
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
	int i;

	for (i = 0; i < n; i++)
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

/* Writes some keys; those listed before are not counted again. */
static void
insert_keys(MlsListing *listing, const MlsItem **items, const bool *outside, int n)
{
	Oid types[] = {TEXTARRAYOID, get_array_type(TIMESTAMPTZOID), get_array_type(BOOLOID)};
	char **keys = palloc(n * sizeof(char *));
	Datum values[3];
	int i;

	for (i = 0; i < n; i++)
		keys[i] = items[i]->key;
	values[0] = mls_key_array(keys, n);
	values[1] = instant_array(items, n);
	values[2] = boolean_array(outside, n);
	mls_execute(psprintf("INSERT INTO %s (key, modified_at, outside) "
						 "SELECT u.key, u.at, u.outside FROM ROWS FROM (pg_catalog.unnest($1), "
						 "pg_catalog.unnest($2), pg_catalog.unnest($3)) AS u(key, at, outside) "
						 "ON CONFLICT (key) DO NOTHING",
						 listing->table),
				3, types, values, NULL, SPI_OK_INSERT);
	listing->listed += SPI_processed;
}

/* What the source has announced is compared only where its counts are exact. */
static void
take_announced(MlsListing *listing)
{
	if (listing->before < 0 && listing->run->table->source->platform.count_exact)
		listing->before = listing->stream->announced;
}

/* One page of keys in one transaction. */
static void
store_keys(MlsListing *listing, const MlsBatch *batch)
{
	MlsCounters counters = listing->run->counters;
	const MlsItem **items;
	const bool *outside;
	bool *flags;
	int n = 0;
	int i;

	mls_run_begin_step(listing->run);
	outside = mls_fed_outside(listing->run->bounds, batch);
	items = palloc(Min(batch->nitems, INSERT_KEYS) * sizeof(MlsItem *));
	flags = palloc(Min(batch->nitems, INSERT_KEYS) * sizeof(bool));
	for (i = 0; i < batch->nitems; i++)
	{
		const MlsItem *item = &batch->items[i];

		if (item->gone)
			listing->flagged++;
		else if (item->key == NULL)
			listing->keyless++;
		else if (!item->superseded)
		{
			flags[n] = outside != NULL && outside[i];
			items[n++] = item;
		}
		if (n == INSERT_KEYS)
		{
			insert_keys(listing, items, flags, n);
			n = 0;
		}
	}
	if (n > 0)
		insert_keys(listing, items, flags, n);
	take_announced(listing);
	/* A run that goes on would not know of records without a key: it begins anew. */
	listing->resumable = listing->stream->next_link != NULL && listing->keyless == 0;
	note_position(listing, listing->resumable ? listing->stream->next_link : NULL);
	counters.received += batch->nitems;
	counters.pages++;
	counters.expected = Max(listing->stream->announced, Max(listing->before, 0));
	mls_run_end_step(listing->run, &counters);
}

/* The pages from one on, which may be NULL, to the end. */
static void
read_pages(MlsListing *listing, MlsPage *page)
{
	const MlsTable *table = listing->run->table;
	MemoryContext before = MemoryContextSwitchTo(listing->batch_context);

	for (; page != NULL; page = listing->stream->protocol->next_page(listing->stream))
	{
		store_keys(listing, mls_batch_read(table, page->records, page->nrecords));
		MemoryContextReset(listing->batch_context);
		MemoryContextSwitchTo(listing->batch_context);
	}
	MemoryContextSwitchTo(before);
	listing->resumable = false;
}

static MlsPage *
first_page(MlsListing *listing)
{
	MemoryContext before = MemoryContextSwitchTo(listing->batch_context);
	MlsPage *page = listing->stream->protocol->next_page(listing->stream);

	MemoryContextSwitchTo(before);
	return page;
}

/* The first page behind an old link; false if the link is no good any more. */
static bool
follow_link(MlsListing *listing, MlsPage **page)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool good = true;

	PG_TRY();
	{
		*page = first_page(listing);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (mls_fetch_is_not_the_links_fault(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
		good = false;
	}
	PG_END_TRY();
	return good && *page != NULL;
}

/* How many records the source counts now; -1 if it cannot say exactly. */
static int64
count_remote(MlsListing *listing)
{
	const MlsTable *table = listing->run->table;
	MlsQuery count = {.table = table, .limit = -1};

	if (!table->source->protocol->countable(table))
		return -1;
	return table->source->protocol->count(&count, &listing->spent);
}

/* Has a list that was taken up again as many keys as the source has records, or had when it began? */
static bool
is_whole(MlsListing *listing)
{
	int64 listed = listing->listed + listing->flagged;

	listing->after = count_remote(listing);
	if (listing->after < 0)
		return listed >= listing->before;
	return Max(listed, listing->after) - Min(listed, listing->after) <= listing->after * CHURN;
}

/*
 * Goes on with an interrupted list.  False if that leads to nothing, or if too
 * much has come and gone meanwhile.
 */
static bool
read_rest(MlsListing *listing, MlsQuery *query, const char *link)
{
	int64 listed = listing->listed;
	MlsPage *page = NULL;
	bool good;

	listing->run->counters.received = listed + listing->flagged;
	query->resume_link = link;
	query->verify_count = false; /* the source announces the whole */
	mls_listing_open(listing, query);
	good = follow_link(listing, &page);
	if (good)
		read_pages(listing, page);
	mls_listing_close(listing);
	if (!good || !is_whole(listing))
		return false;
	mls_run_note(listing->run, "went on with an interrupted list of %s",
				 mls_counted(listed, "key", "keys"));
	listing->before = listing->after;
	return true;
}

static void
read_all(MlsListing *listing, MlsQuery *query)
{
	mls_listing_open(listing, query);
	read_pages(listing, first_page(listing));
	take_announced(listing);
	mls_listing_close(listing);
}

/*
 * Lists all keys of the source, with their timestamps if asked for.  Where its count is
 * no proof, the list of who may lack some can end before the source's does.  The result
 * lives as long as the run, and is its state.
 */
MlsListing *
mls_listing_read(MlsRun *run, bool timestamps, bool may_lack)
{
	MlsListing *listing = palloc0(sizeof(MlsListing));
	char *objection;
	char *link;

	listing->run = run;
	listing->started = GetCurrentTimestamp();
	listing->before = listing->after = -1;
	listing->may_lack = may_lack && !run->table->source->platform.count_exact;
	listing->context =
		AllocSetContextCreate(run->context, "mls_fdw listing", ALLOCSET_DEFAULT_SIZES);
	listing->batch_context =
		AllocSetContextCreate(run->context, "mls_fdw batch", ALLOCSET_DEFAULT_SIZES);
	run->state = listing;
	link = begin_table(listing);
	if (link == NULL || !read_rest(listing, listing_query(listing, timestamps), link))
	{
		if (link != NULL)
			empty_table(listing);
		read_all(listing, listing_query(listing, timestamps));
		listing->after = count_remote(listing);
	}
	objection = mls_total_objection(run->table);
	if (objection != NULL)
	{
		listing->before = listing->after = -1;
		mls_run_note(run, "%s", objection);
	}
	if (run->bounds != NIL)
		listing->outside = mls_listing_execute(
			listing, psprintf("SELECT pg_catalog.count(*) FROM %s WHERE outside", listing->table));
	return listing;
}
