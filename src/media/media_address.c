/*
 * media_address.c
 *		Fresh addresses of files, from the source.
 *
 * Addresses end, within minutes at some sources.  The one that came with the record is tried
 * first, for it costs nothing; when its host takes it no more, the source is asked once, for
 * all such files of a batch by one request: for the records of the media, or, where the source
 * has no list of these, for the records that bring them.  Sources that have objects are asked
 * for these instead (media_objects.c).
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "media/media_parts.h"
#include "read/read.h"
#include "subscription/subscription.h"

typedef struct Question
{
	MlsMediaRun *media;
	const MlsMediaParent *parent; /* NULL: the media themselves */
	List *items;
} Question;

/* Which resources bring the records of media; in the transaction before the work. */
void
mls_media_find_parents(MlsMediaRun *media)
{
	MlsSubscription *sub = media->run->sub;
	List *siblings = mls_related_siblings(sub);
	const char *expansions;
	ListCell *lc;

	if (mls_related_feeder(sub, &expansions) == 0)
		return;
	foreach (lc, mls_related_links_to(sub, siblings))
	{
		const MlsLink *link = lfirst(lc);
		ListCell *each;

		if (link->expansion == NULL)
			continue;
		foreach (each, siblings)
		{
			const MlsSubscription *sibling = lfirst(each);
			MlsMediaParent *parent;

			if (strcmp(sibling->resource, link->resource) != 0)
				continue;
			parent = palloc0(sizeof(MlsMediaParent));
			parent->table = mls_table_get(sibling->foreign_table, sub->owner, true);
			parent->expansion = link->expansion->name;
			media->parents = lappend(media->parents, parent);
		}
	}
}

/* ---- Fields ---- */

/* A field of media by its name at the source or in the standard; or what may be a path to one. */
static const char *
field_of(const MlsTable *table, const char *name)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		const MlsColumn *column = &table->columns[i];

		if (column->field != NULL &&
			(strcmp(column->field, name) == 0 ||
			 (column->standard_name != NULL && strcmp(column->standard_name, name) == 0)))
			return column->field;
	}
	return name;
}

/* SQL of what a path leads to in a record b of bronze; empty is nothing. */
static char *
value_sql(const char *path)
{
	return psprintf("nullif(b.record #>> pg_catalog.string_to_array(%s, '/'), '')",
					quote_literal_cstr(path));
}

void
mls_media_find_fields(MlsMediaRun *media)
{
	const MlsTable *table = media->run->table;
	const MlsProtocol *protocol = table->source->protocol;
	const char *stamp = table->source->platform.media_timestamp;

	if (protocol->media_sizes != NULL && protocol->media_sizes[table->source->platform.media_size])
		media->addresses =
			list_make1((void *) protocol->media_sizes[table->source->platform.media_size]);
	for (const char *const *name = protocol->media_addresses; *name; name++)
		media->addresses = lappend(media->addresses, (void *) field_of(table, *name));
	media->stamps =
		psprintf("coalesce(%s, %s, %s)",
				 value_sql(field_of(table, stamp ? stamp : "MediaModificationTimestamp")),
				 value_sql(field_of(table, "ModificationTimestamp")),
				 value_sql(table->timestamp ? table->timestamp : "ModificationTimestamp"));
}

char *
mls_media_address_sql(const MlsMediaRun *media)
{
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	foreach (lc, media->addresses)
		appendStringInfo(&sql, "%s%s", sql.len ? ", " : "coalesce(", value_sql(lfirst(lc)));
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* ---- What the source says ---- */

static MlsMediaItem *
item_of(const List *items, const char *key)
{
	ListCell *lc;

	foreach (lc, items)
	{
		MlsMediaItem *item = lfirst(lc);

		if (strcmp(item->key, key) == 0)
			return item;
	}
	return NULL;
}

/* A record of a medium: its address, if it is one of those asked for. */
static void
take_record(const Question *question, const MlsRecord *record)
{
	const MlsTable *table = question->media->run->table;
	const MlsSlice *key = mls_record_field(record, linitial(table->key));
	MlsMediaItem *item;
	MemoryContext before;
	ListCell *lc;

	if (key == NULL || key->kind == MLS_NULL)
		return;
	item = item_of(question->items, mls_slice_text(key));
	if (item == NULL)
		return;
	before = MemoryContextSwitchTo(item->batch);
	foreach (lc, question->media->addresses)
	{
		MlsSlice address;

		if (!mls_record_path(record, lfirst(lc), &address) || address.kind == MLS_NULL)
			continue;
		item->address = mls_slice_text(&address);
		break;
	}
	MemoryContextSwitchTo(before);
}

/* Records of media inside those that bring them. */
static void
take_inner(const Question *question, const MlsPage *page)
{
	MlsNested *nested = mls_nested_begin();

	for (int i = 0; i < page->nrecords; i++)
	{
		const MlsSlice *array = mls_record_field(&page->records[i], question->parent->expansion);
		int count;

		if (array != NULL && array->kind == MLS_ARRAY)
			(void) mls_nested_add_array(nested, array, i, &count);
	}
	mls_nested_read(nested, "media inside other records");
	for (int i = 0; i < nested->nrecords; i++)
		take_record(question, &nested->records[i]);
}

/* ---- Asking ---- */

/* The key by which an item is asked for: its own, or that of the record which brings it. */
static const char *
asked_key(const Question *question, const MlsMediaItem *item)
{
	const char *resource;
	int length;

	if (question->parent == NULL)
		return item->key;
	resource = question->parent->table->resource;
	length = strlen(resource);
	if (item->parent == NULL || strncmp(item->parent, resource, length) != 0 ||
		item->parent[length] != '/')
		return NULL;
	return item->parent + length + 1;
}

static MlsQuery *
query_for(const Question *question, const MlsTable *table)
{
	char **keys = palloc(list_length(question->items) * sizeof(char *));
	MlsQuery *query;
	int n = 0;
	ListCell *lc;

	foreach (lc, question->items)
	{
		const char *key = asked_key(question, lfirst(lc));
		bool known = key == NULL;

		for (int i = 0; i < n && !known; i++)
			known = strcmp(keys[i], key) == 0;
		if (!known)
			keys[n++] = pstrdup(key);
	}
	if (n == 0)
		return NULL;
	query = mls_cursor_by_values(table, linitial(table->key), keys, n);
	query->verify_count = false;
	query->may_lack = true;
	query->limit = n;
	if (question->parent == NULL)
		query->fields = lcons(linitial(table->key), list_copy(question->media->addresses));
	return query;
}

static void
ask(Question *question)
{
	const MlsTable *table =
		question->parent ? question->parent->table : question->media->run->table;
	const MlsProtocol *protocol = table->source->protocol;
	MlsQuery *query = query_for(question, table);
	MlsStream *stream;
	MlsPage *page;

	if (query == NULL)
		return;
	stream = protocol->open(query);
	protocol->start(stream);
	while ((page = protocol->next_page(stream)) != NULL)
	{
		if (question->parent != NULL)
			take_inner(question, page);
		else
			for (int i = 0; i < page->nrecords; i++)
				take_record(question, &page->records[i]);
	}
	mls_stats_add(&question->media->stats, &stream->stats);
	protocol->close(stream);
}

/* A source that does not answer now is no fault of one file; all wait for the next attempt. */
static void
ask_safely(Question *question)
{
	MemoryContext before = CurrentMemoryContext;

	PG_TRY();
	{
		ask(question);
	}
	PG_CATCH();
	{
		(void) mls_error_catch(before);
		question->media->exhausted |= mls_http_failure()->is_quota;
		mls_http_forget_failure();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
}

void
mls_media_refresh(MlsMediaRun *media, List *items)
{
	MemoryContext before = MemoryContextSwitchTo(media->batch);
	Question question = {.media = media};
	ListCell *lc;

	foreach (lc, items)
	{
		MlsMediaItem *item = lfirst(lc);

		if (item->result != MLS_MEDIA_EXPIRED)
			continue;
		question.items = lappend(question.items, item);
		item->address = NULL;
	}
	if (question.items != NIL && media->parents == NIL)
		ask_safely(&question);
	else if (question.items != NIL)
		foreach (lc, media->parents)
		{
			question.parent = lfirst(lc);
			ask_safely(&question);
		}
	foreach (lc, question.items)
	{
		MlsMediaItem *item = lfirst(lc);

		item->fresh = true;
		item->redirects = 0;
		item->result = media->exhausted        ? MLS_MEDIA_LATER
					   : item->address != NULL ? MLS_MEDIA_PENDING
											   : MLS_MEDIA_FAILED;
	}
	MemoryContextSwitchTo(before);
}
