/*
 * media_put.c
 *		Files that came, put into the store that they are for.
 *
 * A directory has a file written as soon as it came: while its bytes are at hand, before the
 * next file's drive them out of the processor's caches, and so that they can be forgotten.  It
 * gets its name with the others of its batch.  Should one of them not be taken, the batch is
 * fetched again, and from then on files are put when all of a batch are here, and one by one if
 * they have to be: then each is told by itself whether it was taken.
 *
 * A bucket gets its files when the batch is here, without those that it has already: each costs.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "media/media_parts.h"
#include "step/transaction.h"

/* When a store takes none of so many files, one by one, or has no room for so many after each other, it is not the files. */
#define MOST_REFUSED 3

/* ---- A batch ---- */

static MlsStorePut *
start_put(MlsMediaRun *media, const MlsMediaItem *item)
{
	MlsStoreFile *file = palloc0(sizeof(MlsStoreFile));

	file->name = item->name;
	file->content_type = item->file.type;
	file->length = item->bytes;
	memcpy(file->sha256, item->digest, sizeof(file->sha256));
	file->response = item->response;
	return mls_store_put_start(media->store, file);
}

/* Puts files, several at a time; they are kept when this returns. */
static void
put_all(MlsMediaRun *media, const List *items)
{
	List *under_way = NIL;
	ListCell *lc;

	foreach (lc, items)
	{
		under_way = lappend(under_way, start_put(media, lfirst(lc)));
		if (list_length(under_way) < media->rule.transfers)
			continue;
		mls_store_put_finish(linitial(under_way));
		under_way = list_delete_first(under_way);
	}
	foreach (lc, under_way)
		mls_store_put_finish(lfirst(lc));
	mls_store_keep(media->store);
}

/* The error, if the store does not take the files; nothing of them is left under way then. */
static ErrorData *
try_to_put(MlsMediaRun *media, const List *items)
{
	MemoryContext puts =
		AllocSetContextCreate(media->batch, "mls_fdw puts", ALLOCSET_DEFAULT_SIZES);
	ErrorData *volatile error = NULL;

	PG_TRY();
	{
		MemoryContextSwitchTo(puts);
		put_all(media, items);
	}
	PG_CATCH();
	{
		error = mls_error_catch(media->run->context);
		mls_http_forget_failure();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(media->batch);
	MemoryContextDelete(puts);
	return error;
}

/* Why the store did not take a file; addresses of services are no secrets, but of no use here. */
static const char *
refusal_words(const ErrorData *error)
{
	if (error->detail == NULL || strstr(error->detail, "://") != NULL)
		return psprintf("the store did not take it: %s", error->message);
	return psprintf("the store did not take it: %s: %s", error->message, error->detail);
}

/*
 * One file that a store never takes holds up no others: each is put by itself, and those that are
 * not taken are tried again later.  If none of the first is, or its disk has become full, it is
 * the store; then nothing more is put there and the run ends with the error, but those have
 * failed, so that the next run begins with others.
 */
static void
put_one_by_one(MlsMediaRun *media, const List *items)
{
	ErrorData *last = NULL;
	int taken = 0;
	int refused = 0;
	int without_room = 0; /* since one was taken */
	bool by_store = false;
	ListCell *lc;

	foreach (lc, items)
	{
		MlsMediaItem *item = lfirst(lc);
		ErrorData *error;

		CHECK_FOR_INTERRUPTS();
		if (by_store)
		{
			item->result = MLS_MEDIA_LATER;
			continue;
		}
		error = try_to_put(media, list_make1(item));
		if (error == NULL)
		{
			taken++;
			without_room = 0;
			continue;
		}
		refused++;
		without_room += error->sqlerrcode == ERRCODE_DISK_FULL;
		by_store = (taken == 0 && refused >= MOST_REFUSED) || without_room >= MOST_REFUSED;
		item->by_store = true;
		item->result = MLS_MEDIA_FAILED;
		item->error = MemoryContextStrdup(item->batch, refusal_words(error));
		if (last != NULL)
			FreeErrorData(last);
		last = error;
	}
	if (by_store || taken == 0)
		media->place->error = last;
	else if (last != NULL)
		FreeErrorData(last);
}

/* Puts what came and is not there. */
static void
put_whole_batch(MlsMediaRun *media, List *items)
{
	MemoryContext before = MemoryContextSwitchTo(media->batch);
	List *files = NIL;
	ErrorData *error;
	ListCell *lc;

	mls_transaction_begin(media->run->sub->owner);
	mls_media_look_up(media, items);
	mls_transaction_commit();
	MemoryContextSwitchTo(media->batch);
	foreach (lc, items)
	{
		MlsMediaItem *item = lfirst(lc);

		if (item->result == MLS_MEDIA_GOT && !item->stored)
			files = lappend(files, item);
	}
	if (files != NIL && (error = try_to_put(media, files)) != NULL)
	{
		FreeErrorData(error);
		put_one_by_one(media, files);
	}
	MemoryContextSwitchTo(before);
}

/* ---- At once ---- */

/* A batch begins. */
void
mls_media_begin_puts(MlsMediaRun *media)
{
	HASHCTL control = {.keysize = MLS_SHA256_BYTES, .entrysize = MLS_SHA256_BYTES};

	media->puts = NULL;
	if (!mls_store_takes_at_once(media->store) || media->place->careful)
		return;
	media->puts = control.hcxt =
		AllocSetContextCreate(media->batch, "mls_fdw puts", ALLOCSET_DEFAULT_SIZES);
	media->digests = hash_create("mls_fdw files", MLS_MEDIA_LARGEST_BATCH, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* In a PG_CATCH block. */
static void
give_up_puts(MlsMediaRun *media)
{
	MemoryContextSwitchTo(media->batch);
	if (mls_error_is_cancel(geterrcode()))
		PG_RE_THROW();
	FlushErrorState();
	media->place->careful = true;
	/* Those of the batch are wanted as before. */
	media->place->order = PG_INT32_MIN;
}

/* A picture that many media have is put once for a batch. */
static bool
is_new(MlsMediaRun *media, const MlsMediaItem *item)
{
	bool found;

	(void) hash_search(media->digests, item->digest, HASH_ENTER, &found);
	return !found;
}

void
mls_media_put_at_once(MlsMediaRun *media, MlsMediaItem *item)
{
	MemoryContext before = CurrentMemoryContext;

	if (item->result != MLS_MEDIA_GOT || media->puts == NULL || media->place->careful)
		return;
	PG_TRY();
	{
		MemoryContextSwitchTo(media->puts);
		if (is_new(media, item))
			mls_store_put_finish(start_put(media, item));
		mls_media_forget_work(item);
	}
	PG_CATCH();
	{
		give_up_puts(media);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
}

/* Those that were put have their names, or the batch is wanted as before. */
static void
name_all(MlsMediaRun *media, List *items)
{
	MemoryContext before = MemoryContextSwitchTo(media->batch);
	ListCell *lc;

	PG_TRY();
	{
		if (!media->place->careful)
			mls_store_keep(media->store);
	}
	PG_CATCH();
	{
		give_up_puts(media);
	}
	PG_END_TRY();
	MemoryContextDelete(media->puts);
	media->puts = NULL;
	foreach (lc, items)
		if (media->place->careful && ((MlsMediaItem *) lfirst(lc))->result == MLS_MEDIA_GOT)
			((MlsMediaItem *) lfirst(lc))->result = MLS_MEDIA_LATER;
	MemoryContextSwitchTo(before);
}

void
mls_media_put(MlsMediaRun *media, List *items)
{
	if (media->puts != NULL)
		name_all(media, items);
	else
		put_whole_batch(media, items);
}
