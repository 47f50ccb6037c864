/*
 * media_sync.c
 *		The process media: the files of media that gold shows, in their store.
 *
 * First mls.media is brought in line with bronze and gold; then what is wanted is fetched,
 * batch after batch, first photos of all listings before second ones; then what nobody has any
 * more goes, when its time of grace is over.
 *
 * A batch is claimed, fetched and put without a transaction, and settled in one: first the
 * files, then their rows.  Whatever ends the process leaves files that are in no row, and rows
 * that are wanted as before.
 *
 * It works beside syncs, with a lock of its own: a backlog of files makes nobody wait.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"

#include "gold/gold_write.h"
#include "gold/map.h"
#include "http/url.h"
#include "media/media_parts.h"
#include "read/read.h"

/* When no file of so many could be had for the network, it is not the files. */
#define TELLING 8

/* So long a batch should take: so much of the work a crash or a cancel may lose. */
#define USUAL_BATCH_MS 500

/* Of MLS_LOCK_STORE: by which a store is known. */
int64
mls_media_store_lock(const char *server)
{
	return hash_bytes((const unsigned char *) server, strlen(server));
}

static int64
store_lock(const MlsMediaRun *media)
{
	return mls_media_store_lock(media->rule.store);
}

/* ---- Before the work ---- */

static void
require_address(const MlsTable *table)
{
	if (table->source->protocol->media_addresses == NULL)
		ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("files of sources of protocol %s are not fetched",
					   table->source->protocol->name),
				errdetail("Their media have no addresses in their records."));
	if (list_length(table->key) > 2)
		ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("files are fetched for media with a key of one field or two"),
				errdetail("Foreign table %s has a key of more.", table->name));
}

/*
 * Where rules make other keys than the source's, gold is read by the latter, which wants an
 * index; its owner has one made.
 */
static void
look_at_gold(MlsMediaRun *media)
{
	const MlsRun *run = media->run;

	media->plain = run->table->source->protocol->media_login == false;
	if (!media->plain && object_ownercheck(RelationRelationId, run->sub->gold, GetUserId()))
		mls_map_index(run->sub->gold, MLS_GOLD_SOURCE_KEY);
}

/* Qobrix: where files are whose addresses name no host, if they are not at the source. */
static void
read_base(MlsMediaRun *media)
{
	const MlsTable *table = media->run->table;

	mls_select("SELECT pg_catalog.rtrim(value, '/') FROM mls.setting_of($1, $2) "
			   "WHERE name = 'media_url' AND value <> ''",
			   mls_arg_text(mls_map_protocol(table)), mls_arg_text(table->source->name));
	if (SPI_processed > 0)
		media->base = MemoryContextStrdup(media->run->context, mls_text_at(0, 1));
}

/* In a PG_CATCH block: what is wrong with a store ends its part of the run, not that of others. */
static void
give_up_place(MlsMediaRun *media, MlsMediaPlace *place)
{
	place->error = mls_error_catch(media->run->context);
	mls_http_forget_failure();
}

typedef struct Opening
{
	MlsMediaRun *media;
	MlsMediaPlace *place;
} Opening;

static void
open_store(void *arg)
{
	const Opening *opening = arg;

	opening->place->store =
		mls_store_open_named(opening->place->name, opening->media->run->sub->owner);
}

static bool
is_no_cancel(int sqlstate)
{
	return !mls_error_is_cancel(sqlstate);
}

/* All stores of the source; those of others first, as the rule's own has what these leave. */
static void
open_stores(MlsMediaRun *media)
{
	MlsRun *run = media->run;
	List *names;
	ListCell *lc;

	names = mls_media_other_stores(run->sub->id);
	MemoryContextSwitchTo(run->context);
	names = lappend(names, media->rule.store);
	foreach (lc, names)
	{
		MlsMediaPlace *place = palloc0(sizeof(MlsMediaPlace));
		Opening opening = {media, place};

		place->name = pstrdup(lfirst(lc));
		place->order = PG_INT32_MIN;
		media->places = lappend(media->places, place);
		/* Its server may have been dropped, or be another's now: that is no fault of the others. */
		place->error = mls_subtransaction(open_store, &opening, is_no_cancel, true);
	}
}

/* From now on files are put there, and removed. */
static void
turn_to(MlsMediaRun *media, MlsMediaPlace *place)
{
	media->place = place;
	media->rule.store = place->name;
	media->store = place->store;
}

static void
prepare(MlsRun *run)
{
	MlsMediaRun *media = palloc0(sizeof(MlsMediaRun));

	media->run = run;
	require_address(run->table);
	if (!OidIsValid(run->sub->gold))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("source \"%s\" makes no media in gold", run->sub->source),
				errdetail("Files are fetched for what gold shows."));
	media->rule = mls_media_rule(run->sub->id);
	MemoryContextSwitchTo(run->context);
	media->rule.store = pstrdup(media->rule.store);
	open_stores(media);
	MemoryContextSwitchTo(run->context);
	media->host = mls_url_host(run->table->source->http.url);
	mls_media_find_fields(media);
	mls_media_find_parents(media);
	read_base(media);
	look_at_gold(media);
	MemoryContextSwitchTo(run->context);
	mls_media_follow_store(media);
	MemoryContextSwitchTo(run->context);
	media->keys.name = "mls_keys";
	media->keys.desc = mls_gold_key_desc(run->table, run->sub->silver);
	media->batch = AllocSetContextCreate(run->context, "mls_fdw media", ALLOCSET_DEFAULT_SIZES);
	media->batch_files = MLS_MEDIA_BATCH;
	run->state = media;
}

/* ---- What is wanted ---- */

static void
find_wanted(MlsMediaRun *media)
{
	MlsRun *run = media->run;
	MlsCounters counters = run->counters;
	char *after = NULL;

	do
	{
		char *last;

		mls_run_begin_step(run);
		last = mls_media_find_wanted(media, after);
		after = last ? MemoryContextStrdup(run->context, last) : NULL;
		if (after == NULL)
		{
			mls_media_limit_records(media);
			counters.expected = mls_media_waiting(media);
		}
		mls_run_end_step(run, &counters);
	} while (after != NULL);
}

/* ---- Files ---- */

/* The files that were claimed: fetched, and where an address has expired once more by a fresh one. */
static void
fetch_items(MlsMediaRun *media, List *items)
{
	mls_media_begin_puts(media);
	mls_media_fetch(media, items);
	if (media->run->table->source->protocol->objects != NULL)
		mls_media_ask_objects(media, items);
	else
		mls_media_refresh(media, items);
	mls_media_fetch(media, items);

	mls_media_put(media, items);
}

/*
 * If the way to all of many files failed, more of them will not do better.  Those of other stores
 * may come from other hosts.
 */
static void
require_some(MlsMediaRun *media, const List *items)
{
	const MlsMediaItem *first = linitial(items);
	ListCell *lc;

	if (list_length(items) < TELLING)
		return;
	foreach (lc, items)
		if (!((const MlsMediaItem *) lfirst(lc))->by_network)
			return;
	PG_TRY();
	{
		ereport(ERROR, errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				errmsg("no file of source \"%s\" could be fetched", media->run->sub->source),
				errdetail("Of the first: %s", first->error),
				errhint("Each is tried again later; if the host is right, see that this server "
						"reaches it."));
	}
	PG_CATCH();
	{
		give_up_place(media, media->place);
	}
	PG_END_TRY();
}

/* How many more a run may fetch. */
static int
allowance(const MlsMediaRun *media)
{
	const MlsCounters *counters = &media->run->counters;
	int64 most = media->batch_files;

	if (media->rule.max_run_files > 0)
		most = Min(most, media->rule.max_run_files - counters->received);
	if (media->rule.max_run_bytes > 0 && media->stats.body_bytes >= media->rule.max_run_bytes)
		most = 0;
	return Max(most, 0);
}

/* From here to release_store() nobody removes files from the store. */
static List *
claim(MlsMediaRun *media, int most)
{
	MlsRun *run = media->run;
	List *items;

	mls_run_begin_step(run);
	mls_lock_session(MLS_LOCK_STORE, store_lock(media), ShareLock);
	media->holds = ShareLock;
	items = mls_media_claim(media, most);
	mls_run_leave_step(run);
	return items;
}

static void
release_store(MlsMediaRun *media)
{
	if (media->holds != NoLock)
		mls_lock_release(MLS_LOCK_STORE, store_lock(media), media->holds, true);
	media->holds = NoLock;
}

/*
 * Many small files at a time cost less each; where they are large or slow to come, the work that
 * a crash or a cancel would lose is kept small, and so is what waits in memory to be put.
 */
static void
fit_batch(MlsMediaRun *media, const List *items, TimestampTz began)
{
	long ms = Max(TimestampDifferenceMilliseconds(began, GetCurrentTimestamp()), 1);
	int64 files = (int64) list_length(items) * USUAL_BATCH_MS / ms;
	int64 bytes = 0;
	ListCell *lc;

	foreach (lc, items)
		bytes += ((const MlsMediaItem *) lfirst(lc))->bytes;
	if (!mls_store_takes_at_once(media->store) && bytes > 0)
		files = Min(files, (int64) list_length(items) * (MLS_MEDIA_BATCH_BYTES / 2) / bytes);
	files = Min(files, media->batch_files * 2);
	media->batch_files = Max(MLS_MEDIA_BATCH, Min(files, MLS_MEDIA_LARGEST_BATCH));
}

/* One batch; false when there is no reason for another. */
static bool
fetch_some(MlsMediaRun *media)
{
	MlsRun *run = media->run;
	TimestampTz began = GetCurrentTimestamp();
	MlsCounters counters;
	int most = allowance(media);
	List *items;

	if (most == 0)
	{
		media->why = "the limits of a run are reached";
		return false;
	}
	items = claim(media, most);
	if (items != NIL)
	{
		fetch_items(media, items);
		counters = run->counters;
		mls_run_begin_step(run);
		mls_media_settle(media, items, &counters);
		counters.pages++;
		mls_run_end_step(run, &counters);
	}
	release_store(media);
	if (items == NIL)
		return false;
	if (media->place->error == NULL)
		require_some(media, items);
	if (media->place->error != NULL)
	{
		MemoryContextReset(media->batch);
		return false;
	}
	fit_batch(media, items, began);
	MemoryContextReset(media->batch);
	if (media->exhausted)
		media->why = "the quota of the source, or the share of it that files may take, is spent";
	return !media->exhausted;
}

/* ---- Whose a store is ---- */

/*
 * May files be put and removed there?  A run begins with the room that others have left filled,
 * where files are written; uploads to a bucket that never ended can wait for its end.
 */
static bool
claim_store(MlsMediaRun *media, bool begins)
{
	PG_TRY();
	{
		MemoryContextSwitchTo(media->batch);
		mls_store_claim(media->store);
		if (begins && mls_store_takes_at_once(media->store))
			(void) mls_store_sweep(media->store);
	}
	PG_CATCH();
	{
		give_up_place(media, media->place);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(media->run->context);
	MemoryContextReset(media->batch);
	return media->place->error == NULL;
}

/* ---- What goes ---- */

/* Names of files to be removed; from here to release_store() nobody puts one. */
static List *
take_unreferenced(MlsMediaRun *media)
{
	MlsRun *run = media->run;
	MlsCounters counters = run->counters;
	List *names = NIL;
	List *found;
	ListCell *lc;

	mls_run_begin_step(run);
	if (mls_lock_try(MLS_LOCK_STORE, store_lock(media), ExclusiveLock, true))
	{
		media->holds = ExclusiveLock;
		found = mls_media_take_unreferenced(media);
		MemoryContextSwitchTo(media->batch);
		foreach (lc, found)
			names = lappend(names, pstrdup(lfirst(lc)));
	}
	mls_run_end_step(run, &counters);
	return names;
}

/* Removes files whose time is over; false when there are none, or somebody is at work in the store. */
static bool
remove_some(MlsMediaRun *media)
{
	MlsRun *run = media->run;
	List *names = take_unreferenced(media);
	MlsCounters counters = run->counters;

	if (names != NIL)
	{
		mls_store_delete(media->store, names);
		mls_run_begin_step(run);
		mls_media_forget_files(media, names);
		counters.deleted += list_length(names);
		mls_run_end_step(run, &counters);
	}
	release_store(media);
	MemoryContextReset(media->batch);
	return names != NIL;
}

static void
mark_unreferenced(MlsMediaRun *media)
{
	MlsRun *run = media->run;
	MlsCounters counters = run->counters;
	char *after = NULL;

	do
	{
		char *last;

		mls_run_begin_step(run);
		last = mls_media_mark_unreferenced(media, after);
		after = last ? MemoryContextStrdup(media->batch, last) : NULL;
		mls_run_end_step(run, &counters);
	} while (after != NULL);
	MemoryContextReset(media->batch);
}

static void
remove_files(MlsMediaRun *media)
{
	MlsRun *run = media->run;
	MlsCounters counters = run->counters;
	bool more = true;
	ListCell *lc;

	while (more)
	{
		mls_run_begin_step(run);
		more = mls_media_forget_gone(media);
		mls_run_end_step(run, &counters);
	}
	foreach (lc, media->places)
	{
		if (((MlsMediaPlace *) lfirst(lc))->error != NULL)
			continue;
		turn_to(media, lfirst(lc));
		mark_unreferenced(media);
		/* Another database may have them, or may have taken the place meanwhile. */
		if (!claim_store(media, false))
			continue;
		while (!mls_store_is_shared(media->store) && remove_some(media))
			;
		if (!mls_store_takes_at_once(media->store))
			(void) mls_store_sweep(media->store);
	}
}

/* ---- The process ---- */

/*
 * Files come and go by the batch.  Memory that went back to the system after each would have to
 * be zeroed by it for the next; a batch is bounded, and this process ends with its run.
 */
static void
keep_memory(void)
{
#if defined(M_TRIM_THRESHOLD) && defined(M_MMAP_THRESHOLD)
	(void) mallopt(M_MMAP_THRESHOLD, MLS_MEDIA_BATCH_BYTES / 16);
	(void) mallopt(M_TRIM_THRESHOLD, MLS_MEDIA_BATCH_BYTES / 2);
#endif
}

/*
 * A batch for each store in turn: neither does one that takes nothing hold up the others, nor does
 * the first one have all of what a run may fetch.
 */
static void
fetch_all(MlsMediaRun *media)
{
	bool more = true;

	while (more && media->why == NULL)
	{
		ListCell *lc;

		more = false;
		foreach (lc, media->places)
		{
			MlsMediaPlace *place = lfirst(lc);

			if (place->done || place->error != NULL || media->why != NULL)
				continue;
			turn_to(media, place);
			place->done = !fetch_some(media);
			more |= !place->done;
		}
	}
}

/* The run fails with what the first of the stores has said that takes nothing. */
static void
report_stores(const MlsMediaRun *media)
{
	ListCell *lc;

	foreach (lc, media->places)
		if (((const MlsMediaPlace *) lfirst(lc))->error != NULL)
			ReThrowError(((const MlsMediaPlace *) lfirst(lc))->error);
}

static void
media_work(MlsRun *run)
{
	MlsMediaRun *media = run->state;
	ListCell *lc;

	if (media->rule.paused)
	{
		mls_run_note(run, "paused: mls_media_pause('%s', false) lets it go on", run->sub->source);
		return;
	}
	keep_memory();
	mls_run_enter(run, "comparing");
	find_wanted(media);
	mls_run_enter(run, "fetching");
	foreach (lc, media->places)
	{
		if (((MlsMediaPlace *) lfirst(lc))->error != NULL)
			continue;
		turn_to(media, lfirst(lc));
		(void) claim_store(media, true);
	}
	fetch_all(media);
	mls_run_enter(run, "removing");
	remove_files(media);
	report_stores(media);
}

static const char *
media_complete(MlsRun *run)
{
	MlsMediaRun *media = run->state;

	run->outcome->drift = mls_media_waiting(media);
	if (media->why != NULL && run->outcome->drift > 0)
		mls_run_note(run, "%s: %s", mls_counted(run->outcome->drift, "file waits", "files wait"),
					 media->why);
	return run->sub->cursor_timestamp;
}

static void
media_spent(MlsRun *run, MlsCounters *counters)
{
	const MlsMediaRun *media = run->state;

	if (media == NULL)
		return;
	counters->requests += media->stats.requests;
	counters->bytes += media->stats.body_bytes;
}

static void
media_end(MlsRun *run)
{
	MlsMediaRun *media = run->state;

	if (media == NULL)
		return;
	release_store(media);
	mls_media_forget_plans(media);
	if (media->gold_writer != NULL)
		mls_gold_writer_end(media->gold_writer);
}

const MlsProcess mls_media_process = {
	.name = "media",
	.beside = MLS_LOCK_MEDIA,
	.prepare = prepare,
	.work = media_work,
	.complete = media_complete,
	.spent = media_spent,
	.end = media_end,
};
