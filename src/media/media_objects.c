/*
 * media_objects.c
 *		Files that a source hands out itself, by the records they belong to.
 *
 * RETS: where a medium has no address, or one that its host takes no more, the source is asked
 * for objects of the record, those of all that are wanted by one request.  Its answer holds
 * files, errors in their places, or addresses, which are followed as any other.
 *
 * What comes is held in memory until the batch is settled.  So a batch that has become large
 * asks no further; what it leaves out is wanted as before.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "media/media_parts.h"

/* A batch that holds so much asks for no more. */
#define MOST_HELD (INT64CONST(64) * 1024 * 1024)

#define DEFAULT_RESOURCE "Property"

typedef struct Asking
{
	MlsMediaRun *media;
	const MlsSource *source;
	List *items; /* of MlsMediaItem *: those of one record that are asked for */
} Asking;

/* ---- What comes ---- */

/* A single answer need not say which file it is; object 0 is told by its real number, too. */
static MlsMediaItem *
item_of(const Asking *asking, const char *object_id)
{
	MlsMediaItem *only =
		list_length(asking->items) == 1 ? (MlsMediaItem *) linitial(asking->items) : NULL;
	ListCell *lc;

	if (only != NULL && (*object_id == '\0' || only->number == 0))
		return only;
	foreach (lc, asking->items)
	{
		MlsMediaItem *item = lfirst(lc);

		if (*object_id && strspn(object_id, "0123456789") == strlen(object_id) &&
			strtol(object_id, NULL, 10) == item->number)
			return item;
	}
	return NULL;
}

/* The words of a source; addresses are kept nowhere. */
static const char *
failure_words(const Asking *asking, const char *failure)
{
	if (strstr(failure, "://") != NULL)
		return "the source answers with an error in its place";
	return mls_http_clean(&asking->source->http, failure);
}

static MlsHttpResponse *
held_body(const MlsObject *object)
{
	MlsHttpResponse *response = palloc0(sizeof(MlsHttpResponse));

	response->status = 200;
	response->url = response->content_type = "";
	response->body = MemoryContextAllocHuge(CurrentMemoryContext, object->length + 16);
	memcpy(response->body, object->bytes, object->length);
	memset(response->body + object->length, 0, 16);
	response->length = object->length;
	return response;
}

static void
take_object(void *arg, const MlsObject *object)
{
	const Asking *asking = arg;
	MlsMediaItem *item = item_of(asking, object->object_id);
	MemoryContext before;

	/* Others were not asked for; of two for one the first counts. */
	if (item == NULL || item->result != MLS_MEDIA_EXPIRED)
		return;
	before = MemoryContextSwitchTo(mls_media_work_on(item));
	if (object->failure != NULL)
		mls_media_end_item(item, MLS_MEDIA_FAILED, failure_words(asking, object->failure));
	else if (object->location != NULL)
	{
		item->address = MemoryContextStrdup(item->batch, object->location);
		item->result = MLS_MEDIA_PENDING;
	}
	else if (object->length > asking->media->rule.max_file_bytes)
		mls_media_end_item(item, MLS_MEDIA_REFUSED, "it is larger than max_file_bytes allows");
	else if (object->length == 0)
		mls_media_end_item(item, MLS_MEDIA_FAILED, "the answer is empty");
	else
	{
		item->response = held_body(object);
		asking->media->held += object->length;
		mls_media_judge_body(asking->media, item);
	}
	MemoryContextSwitchTo(before);
	mls_media_put_at_once(asking->media, item);
}

/* ---- Asking ---- */

static void
fetch(Asking *asking)
{
	const MlsMediaItem *first = linitial(asking->items);
	MlsObjectQuery query = {
		.source = asking->source,
		.resource = first->record_resource ? first->record_resource : DEFAULT_RESOURCE,
		.key = first->record_key,
		.type = asking->source->platform.object_type,
		.failures = true,
	};
	ListCell *lc;

	foreach (lc, asking->items)
		query.numbers =
			list_append_unique_int(query.numbers, ((MlsMediaItem *) lfirst(lc))->number);
	asking->source->protocol->objects(&query, take_object, asking, &asking->media->stats);
	foreach (lc, asking->items)
	{
		MlsMediaItem *item = lfirst(lc);

		if (item->result == MLS_MEDIA_EXPIRED)
			mls_media_end_item(item, MLS_MEDIA_FAILED, "the source has no such file");
	}
}

/* Those of a list that nothing has become of yet. */
static List *
still_expired(const List *items)
{
	List *found = NIL;
	ListCell *lc;

	foreach (lc, items)
		if (((MlsMediaItem *) lfirst(lc))->result == MLS_MEDIA_EXPIRED)
			found = lappend(found, lfirst(lc));
	return found;
}

/* An answer with all of them is too large: half of them at a time. */
static bool
halve(List *items, List **first, List **second)
{
	int half = list_length(items) / 2;

	*first = list_truncate(list_copy(items), half);
	*second = list_copy_tail(items, half);
	return half > 0;
}

static void
fetch_safely(MlsMediaRun *media, const MlsSource *source, List *items)
{
	MemoryContext before = CurrentMemoryContext;
	Asking asking = {.media = media, .source = source, .items = items};
	volatile bool too_large = false;
	List *first;
	List *second;

	PG_TRY();
	{
		fetch(&asking);
	}
	PG_CATCH();
	{
		List *left = still_expired(items);

		too_large = geterrcode() == ERRCODE_PROGRAM_LIMIT_EXCEEDED && list_length(left) > 1;
		if (left == NIL && mls_error_is_cancel(geterrcode()))
			PG_RE_THROW();
		if (too_large || left == NIL)
		{
			MemoryContextSwitchTo(before);
			FlushErrorState();
			mls_http_forget_failure();
		}
		else
			mls_media_blame(left);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
	if (too_large && halve(still_expired(items), &first, &second))
	{
		fetch_safely(media, source, first);
		fetch_safely(media, source, second);
	}
}

static bool
same_record(const MlsMediaItem *a, const MlsMediaItem *b)
{
	return strcmp(a->record_key, b->record_key) == 0 &&
		   strcmp(a->record_resource ? a->record_resource : DEFAULT_RESOURCE,
				  b->record_resource ? b->record_resource : DEFAULT_RESOURCE) == 0;
}

static List *
of_record(const List *items, const MlsMediaItem *one)
{
	List *found = NIL;
	ListCell *lc;

	foreach (lc, items)
		if (same_record(lfirst(lc), one))
			found = lappend(found, lfirst(lc));
	return found;
}

/* Is there a reason to ask for no more in this batch?  The others are none the worse for it. */
static bool
is_enough(const MlsMediaRun *media, const MlsMediaItem *last)
{
	return media->exhausted || media->held >= MOST_HELD || last->by_network;
}

static void
end_all(List *items, const MlsMediaItem *last)
{
	ListCell *lc;

	foreach (lc, items)
	{
		MlsMediaItem *item = lfirst(lc);

		/* Where the source does not answer, none of them is asked again at once. */
		item->by_network = last != NULL && last->by_network;
		mls_media_end_item(item, item->by_network ? MLS_MEDIA_FAILED : MLS_MEDIA_LATER,
						   item->by_network ? last->error : "");
	}
}

void
mls_media_ask_objects(MlsMediaRun *media, List *items)
{
	MemoryContext before = MemoryContextSwitchTo(media->batch);
	MlsSource *source = palloc(sizeof(MlsSource));
	const MlsMediaItem *last = NULL;
	List *left;
	ListCell *lc;

	*source = *media->run->table->source;
	mls_source_media_own(source, media->rule.quota_share, &source->http);
	media->held = 0;
	foreach (lc, items)
	{
		MlsMediaItem *item = lfirst(lc);

		if (item->result != MLS_MEDIA_EXPIRED)
			continue;
		item->fresh = true;
		item->redirects = 0;
		if (item->record_key == NULL || *item->record_key == '\0')
			mls_media_end_item(item, MLS_MEDIA_FAILED,
							   "it has no address, and no record whose file it is");
	}
	while ((left = still_expired(items)) != NIL && !(last != NULL && is_enough(media, last)))
	{
		last = linitial(left);
		fetch_safely(media, source, of_record(left, last));
		media->exhausted |= last->result == MLS_MEDIA_LATER;
	}
	end_all(left, last);
	MemoryContextSwitchTo(before);
}
