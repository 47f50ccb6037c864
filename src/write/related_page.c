/*
 * related_page.c
 *		What came inside the records of a page, or belongs to them, is collected.
 *
 * What a source says of a collection decides what is done:
 *
 *	- an array: these are the children, all of them.  Those that bronze has for the
 *	  same parent and the array has not are gone;
 *	- an empty array: there are none (any more);
 *	- null, or nothing: not known, and nothing is touched; unless the protocol says
 *	  that a record without it has none (told);
 *	- an array that was cut: its rest is fetched, by the link the source gives or,
 *	  where it cuts without a word, by asking for the children of that parent;
 *	- an object: one record, which belongs to nobody in particular.  It is stored,
 *	  and nothing is removed for it.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "read/read.h"
#include "write/related_page.h"

/* Parents whose children are asked for at a time. */
#define CHUNK_PARENTS 200

/* ---- Reading more of a collection ---- */

/* The parent in a brood that a record names as its own, or -1. */
static int
owner_of(const MlsBrood *brood, const MlsRecord *record)
{
	const MlsLink *link = brood->link;
	const MlsSlice *key = mls_record_field(record, link->key_field);
	const MlsSlice *kind = link->kind_field ? mls_record_field(record, link->kind_field) : NULL;
	const MlsItem *item;

	if (key == NULL || key->kind == MLS_NULL)
		return -1;
	if (kind != NULL && kind->kind != MLS_NULL && strcmp(mls_slice_text(kind), link->resource) != 0)
		return -1;
	item = mls_batch_find(brood->parents, mls_slice_text(key));
	return item == NULL ? -1 : item - brood->parents->items;
}

/* Adds all records of a query: to an owner, or (-1) to the one each names. */
static void
add_all(MlsBrood *brood, MlsQuery *query, int owner)
{
	const MlsProtocol *protocol = query->table->source->protocol;
	MlsStream *stream = protocol->open(query);
	MlsPage *page;

	PG_TRY();
	{
		while ((page = protocol->next_page(stream)) != NULL)
			for (int i = 0; i < page->nrecords; i++)
			{
				const MlsRecord *record = &page->records[i];
				int whose = owner < 0 ? owner_of(brood, record) : owner;

				if (whose >= 0)
					mls_nested_add(brood->nested, record->json, record->length, whose);
			}
		if (stream->dropped != NIL)
			ereport(ERROR, errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
					errmsg("source \"%s\" refused to filter resource \"%s\" by field \"%s\"",
						   query->table->source->http.name, query->table->resource,
						   brood->link->key_field));
	}
	PG_FINALLY();
	{
		mls_stats_add(brood->spent, &stream->stats);
		protocol->close(stream);
	}
	PG_END_TRY();
}

/* Follows the link of a cut collection. */
static void
add_rest(MlsBrood *brood, int owner, const char *link)
{
	MlsQuery *query = palloc0(sizeof(MlsQuery));

	query->table = brood->link->child->table;
	query->limit = -1;
	query->resume_link = link;
	add_all(brood, query, owner);
}

/* The child's table, asked for what the expansion would have brought. */
static const MlsTable *
asked_table(const MlsLink *link)
{
	MlsTable *table = palloc(sizeof(MlsTable));

	*table = *link->child->table;
	if (link->expansion && link->expansion->filter)
		table->filter = link->expansion->filter;
	return table;
}

/* Asks for all children of some parents by the keys of these (List of int: their places). */
static void
ask_for(MlsBrood *brood, List *owners)
{
	const MlsTable *table = asked_table(brood->link);
	const MlsPlatform *platform = &table->source->platform;
	int size = platform->in_allowed || platform->or_allowed ? CHUNK_PARENTS : 1;
	char **keys = palloc(size * sizeof(char *));
	int n = 0;
	ListCell *lc;

	foreach (lc, owners)
	{
		keys[n++] = brood->parents->items[lfirst_int(lc)].key;
		if (n < size && lnext(owners, lc) != NULL)
			continue;
		add_all(brood, mls_keys_query(table, brood->link->key_field, keys, n), -1);
		n = 0;
	}
}

/* ---- Taking collections ---- */

/* Could an array of so many records have been cut where the source says nothing about it? */
static bool
may_be_cut(const MlsBrood *brood, int count)
{
	const MlsExpansion *expansion = brood->link->expansion;
	int most = brood->parent_table->source->platform.expand_limit;

	return most > 0 && count >= most && (expansion->limit < 0 || count < expansion->limit);
}

static bool
can_be_asked(const MlsBrood *brood)
{
	const MlsLink *link = brood->link;

	return link->key_field != NULL && mls_table_column(link->child->table, link->key_field) != NULL;
}

/* Takes a collection as its parent has it; parents that must be asked for go to *asked. */
static void
take_array(MlsBrood *brood, int owner, const MlsSlice *array, List **asked)
{
	const MlsRecord *record = brood->parents->items[owner].record;
	const MlsProtocol *protocol = brood->parent_table->source->protocol;
	char *link = protocol->rest_link ? protocol->rest_link(brood->parent_table, record,
														   brood->link->expansion->name)
									 : NULL;
	int count;

	if (!mls_nested_add_array(brood->nested, array, owner, &count))
	{
		brood->problem[owner] = "the collection holds something else than records";
		return;
	}
	brood->known[owner] = true;
	if (link != NULL)
		add_rest(brood, owner, link);
	else if (may_be_cut(brood, count) && can_be_asked(brood))
		*asked = lappend_int(*asked, owner);
	else if (may_be_cut(brood, count))
	{
		brood->known[owner] = false;
		brood->problem[owner] = "the source may have cut the collection, and there is no key to "
								"ask for its rest by";
	}
}

static void
take_collection(MlsBrood *brood, int owner, List **asked)
{
	const MlsItem *item = &brood->parents->items[owner];
	const MlsExpansion *expansion = brood->link->expansion;
	MlsSlice slice;

	if (!mls_record_path(item->record, expansion->name, &slice) || slice.kind == MLS_NULL)
		brood->known[owner] = expansion->told;
	else if (slice.kind == MLS_ARRAY)
		take_array(brood, owner, &slice, asked);
	else if (slice.kind == MLS_OBJECT)
		mls_nested_add(brood->nested, slice.value, slice.value_length, owner);
	else
		brood->problem[owner] = "the collection is no list of records";
}

/* Makes a batch of what was collected, each record with what it lacks to say whose it is. */
static void
finish_brood(MlsBrood *brood)
{
	const MlsLink *link = brood->link;
	MlsNested *nested = brood->nested;
	int i;

	mls_nested_read(nested, psprintf("the records of resource \"%s\" inside a page",
									 link->child->table->resource));
	for (i = 0; i < nested->nrecords; i++)
	{
		int owner = nested->owners[i];

		if (link->key_field && brood->known[owner])
			mls_record_supply(&nested->records[i], link->key_field,
							  brood->parents->items[owner].key);
		if (link->kind_field && brood->known[owner])
			mls_record_supply(&nested->records[i], link->kind_field, link->resource);
	}
	brood->batch = mls_batch_read(link->child->table, nested->records, nested->nrecords);
	for (i = 0; i < nested->nrecords; i++)
		if (brood->known[nested->owners[i]])
			brood->batch->items[i].parent = brood->name[nested->owners[i]];
}

static MlsBrood *
new_brood(const MlsLink *link, const MlsTable *parent_table, const MlsBatch *parents,
		  MlsHttpStats *spent)
{
	MlsBrood *brood = palloc0(sizeof(MlsBrood));
	int n = Max(parents->nitems, 1);
	int i;

	brood->link = link;
	brood->parent_table = parent_table;
	brood->parents = parents;
	brood->spent = spent;
	brood->known = palloc0(n * sizeof(bool));
	brood->name = palloc0(n * sizeof(char *));
	brood->problem = palloc0(n * sizeof(char *));
	brood->nested = mls_nested_begin();
	for (i = 0; i < parents->nitems; i++)
		if (parents->items[i].key != NULL && !parents->items[i].superseded)
			brood->name[i] = psprintf("%s/%s", link->resource, parents->items[i].key);
	return brood;
}

List *
mls_brood_collect(List *broods, const MlsLink *link, const MlsTable *parent_table,
				  const MlsBatch *parents, const bool *fresh, MlsHttpStats *spent)
{
	MlsBrood *brood = new_brood(link, parent_table, parents, spent);
	List *asked = NIL;
	ListCell *lc;
	int i;

	check_stack_depth();
	for (i = 0; i < parents->nitems; i++)
	{
		if (brood->name[i] == NULL)
			continue;
		if (parents->items[i].gone)
			brood->known[i] = true;
		else if (link->expansion != NULL)
			take_collection(brood, i, &asked);
		else if (fresh[i])
		{
			brood->known[i] = true;
			asked = lappend_int(asked, i);
		}
	}
	if (asked != NIL)
		ask_for(brood, asked);
	finish_brood(brood);
	broods = lappend(broods, brood);
	foreach (lc, link->links)
		broods =
			mls_brood_collect(broods, lfirst(lc), link->child->table, brood->batch, NULL, spent);
	return broods;
}
