/*
 * related_records.c
 *		Records that came inside those of a page, or belong to them: into their
 *		own subscription, in the page's transaction.
 *
 * A page is handled in two moments: read, where the network may be used, and
 * store, in the transaction of the page.  Collections of a parent that bronze has
 * in a newer version are left alone, as the parent itself is.
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
#include "utils/memutils.h"

#include "base/base.h"
#include "gold/gold_write.h"
#include "subscription/subscription.h"
#include "write/write.h"

/* What one link brought with a page. */
typedef struct Collection
{
	const MlsLink *link;
	const MlsBatch *parents;
	const MlsTable *parent_table;
	bool *known;          /* by parent: all of its children are here */
	const char **name;    /* by parent: what bronze calls it; NULL for one that takes no part */
	const char **problem; /* by parent: why its children are not known, or NULL */
	MlsNested *nested;
	MlsBatch *batch;
	MlsHttpStats *spent;
} Collection;

struct MlsRelatedRecords
{
	MlsRun *run;
	List *links;           /* of MlsLink * */
	List *children;        /* of MlsChild *: those linked have a writer */
	MemoryContext context; /* of the page at hand */
	MlsBatch *page;
	List *collections; /* of Collection *: parents before children of children */
	bool had_problems; /* collections that could not be used have been noted */
	MlsHttpStats spent;
};

/* ---- What one link brings ---- */

/* Parents whose children are asked for at a time. */
#define CHUNK_PARENTS 200

/* ---- Reading more of a collection ---- */

/* The parent in a brood that a record names as its own, or -1. */
static int
owner_of(const Collection *collection, const MlsRecord *record)
{
	const MlsLink *link = collection->link;
	const MlsSlice *key = mls_record_field(record, link->key_field);
	const MlsSlice *kind = link->kind_field ? mls_record_field(record, link->kind_field) : NULL;
	const MlsItem *item;

	if (key == NULL || key->kind == MLS_NULL)
		return -1;
	if (kind != NULL && kind->kind != MLS_NULL && strcmp(mls_slice_text(kind), link->resource) != 0)
		return -1;
	item = mls_batch_find(collection->parents, mls_slice_text(key));
	return item == NULL ? -1 : item - collection->parents->items;
}

/* Adds all records of a query: to an owner, or (-1) to the one each names. */
static void
add_all(Collection *collection, MlsQuery *query, int owner)
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
				int whose = owner < 0 ? owner_of(collection, record) : owner;

				if (whose >= 0)
					mls_nested_add(collection->nested, record->json, record->length, whose);
			}
		if (stream->dropped != NIL)
			ereport(ERROR, errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
					errmsg("source \"%s\" refused to filter resource \"%s\" by field \"%s\"",
						   query->table->source->name, query->table->resource,
						   collection->link->key_field));
	}
	PG_FINALLY();
	{
		mls_stats_add(collection->spent, &stream->stats);
		protocol->close(stream);
	}
	PG_END_TRY();
}

/* Follows the link of a cut collection. */
static void
add_rest(Collection *collection, int owner, const char *link)
{
	MlsQuery *query = palloc0(sizeof(MlsQuery));

	query->table = collection->link->child->table;
	query->limit = -1;
	query->resume_link = link;
	add_all(collection, query, owner);
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
ask_for(Collection *collection, List *owners)
{
	const MlsTable *table = asked_table(collection->link);
	const MlsPlatform *platform = &table->source->platform;
	int size = platform->in_allowed || platform->or_allowed ? CHUNK_PARENTS : 1;
	char **keys = palloc(size * sizeof(char *));
	int n = 0;
	ListCell *lc;

	foreach (lc, owners)
	{
		keys[n++] = collection->parents->items[lfirst_int(lc)].key;
		if (n < size && lnext(owners, lc) != NULL)
			continue;
		add_all(collection, mls_cursor_by_values(table, collection->link->key_field, keys, n), -1);
		n = 0;
	}
}

/* ---- Taking collections ---- */

/* Could an array of so many records have been cut where the source says nothing about it? */
static bool
may_be_cut(const Collection *collection, int count)
{
	const MlsExpansion *expansion = collection->link->expansion;
	int most = collection->parent_table->source->platform.expand_limit;

	return most > 0 && count >= most && (expansion->limit < 0 || count < expansion->limit);
}

static bool
can_be_asked(const Collection *collection)
{
	const MlsLink *link = collection->link;

	return link->key_field != NULL && mls_table_column(link->child->table, link->key_field) != NULL;
}

/* Takes a collection as its parent has it; parents that must be asked for go to *asked. */
static void
take_array(Collection *collection, int owner, const MlsSlice *array, List **asked)
{
	const MlsRecord *record = collection->parents->items[owner].record;
	const MlsProtocol *protocol = collection->parent_table->source->protocol;
	char *link = protocol->rest_link ? protocol->rest_link(collection->parent_table, record,
														   collection->link->expansion->name)
									 : NULL;
	int count;

	if (!mls_nested_add_array(collection->nested, array, owner, &count))
	{
		collection->problem[owner] = "the collection holds something else than records";
		return;
	}
	collection->known[owner] = true;
	if (link != NULL)
		add_rest(collection, owner, link);
	else if (may_be_cut(collection, count) && can_be_asked(collection))
		*asked = lappend_int(*asked, owner);
	else if (may_be_cut(collection, count))
	{
		collection->known[owner] = false;
		collection->problem[owner] =
			"the source may have cut the collection, and there is no key to "
			"ask for its rest by";
	}
}

static void
take_collection(Collection *collection, int owner, List **asked)
{
	const MlsItem *item = &collection->parents->items[owner];
	const MlsExpansion *expansion = collection->link->expansion;
	MlsSlice slice;

	if (!mls_record_path(item->record, expansion->name, &slice) || slice.kind == MLS_NULL)
		collection->known[owner] = expansion->told;
	else if (slice.kind == MLS_ARRAY)
		take_array(collection, owner, &slice, asked);
	else if (slice.kind == MLS_OBJECT)
		mls_nested_add(collection->nested, slice.value, slice.value_length, owner);
	else
		collection->problem[owner] = "the collection is no list of records";
}

/* Makes a batch of what was collected, each record with what it lacks to say whose it is. */
static void
finish_collection(Collection *collection)
{
	const MlsLink *link = collection->link;
	MlsNested *nested = collection->nested;

	mls_nested_read(nested, psprintf("the records of resource \"%s\" inside a page",
									 link->child->table->resource));
	for (int i = 0; i < nested->nrecords; i++)
	{
		int owner = nested->owners[i];

		if (link->key_field && collection->known[owner])
			mls_record_supply(&nested->records[i], link->key_field,
							  collection->parents->items[owner].key);
		if (link->kind_field && collection->known[owner])
			mls_record_supply(&nested->records[i], link->kind_field, link->resource);
	}
	collection->batch = mls_batch_read(link->child->table, nested->records, nested->nrecords);
	for (int i = 0; i < nested->nrecords; i++)
		if (collection->known[nested->owners[i]])
			collection->batch->items[i].parent = collection->name[nested->owners[i]];
}

static Collection *
new_collection(const MlsLink *link, const MlsTable *parent_table, const MlsBatch *parents,
			   MlsHttpStats *spent)
{
	Collection *collection = palloc0(sizeof(Collection));
	int n = Max(parents->nitems, 1);

	collection->link = link;
	collection->parent_table = parent_table;
	collection->parents = parents;
	collection->spent = spent;
	collection->known = palloc0(n * sizeof(bool));
	collection->name = palloc0(n * sizeof(char *));
	collection->problem = palloc0(n * sizeof(char *));
	collection->nested = mls_nested_begin();
	for (int i = 0; i < parents->nitems; i++)
		if (parents->items[i].key != NULL && !parents->items[i].superseded)
			collection->name[i] = psprintf("%s/%s", link->resource, parents->items[i].key);
	return collection;
}

/*
 * Collects what a link brings with some parents, and then what is inside that, and
 * adds it to a list, parents before children of children.  fresh: by parent, whether
 * children that do not come inside are asked for; NULL where all come inside.  Uses
 * the network; what it costs is added to spent.
 */
static List *
collect(List *collections, const MlsLink *link, const MlsTable *parent_table,
		const MlsBatch *parents, const bool *fresh, MlsHttpStats *spent)
{
	Collection *collection = new_collection(link, parent_table, parents, spent);
	List *asked = NIL;
	ListCell *lc;

	check_stack_depth();
	for (int i = 0; i < parents->nitems; i++)
	{
		if (collection->name[i] == NULL)
			continue;
		if (parents->items[i].gone)
			collection->known[i] = true;
		else if (link->expansion != NULL)
			take_collection(collection, i, &asked);
		else if (fresh[i])
		{
			collection->known[i] = true;
			asked = lappend_int(asked, i);
		}
	}
	if (asked != NIL)
		ask_for(collection, asked);
	finish_collection(collection);
	collections = lappend(collections, collection);
	foreach (lc, link->links)
		collections =
			collect(collections, lfirst(lc), link->child->table, collection->batch, NULL, spent);
	return collections;
}

/* ---- Beginning ---- */

/* The run as if it were the child's own. */
static MlsRun
run_of(const MlsRun *run, const MlsChild *child)
{
	MlsRun own = *run;

	own.sub = child->sub;
	own.table = child->table;
	own.writer = child->writer;
	own.children = NULL;
	return own;
}

/*
 * What runs of its own do for other subscriptions is done for a child by the syncs
 * of the one that is named as its feeder: columns, rules for cleaning and the
 * mapping are followed.
 */
static bool
is_kept_up(const MlsRun *run, const MlsChild *child)
{
	const char *expansion;

	return run->task->process == MLS_PROCESS_SYNC &&
		   mls_related_feeder(child->sub, &expansion) == run->sub->id;
}

static void
prepare_child(MlsRun *run, MlsChild *child)
{
	if (child->writer != NULL)
		return;
	child->shared = mls_subscription_share(child->sub->id, true);
	if (!child->shared)
		mls_subscription_report_busy(child->sub);
	mls_precedence_follow(child->sub, child->table);
	mls_gold_restore(child->sub, child->table);
	mls_bronze_prepare_parents(child->sub, child->table);
	mls_missing_rows_begin(run, child->sub, child->table, run->sub);
	child->kept_up = is_kept_up(run, child);
	if (child->kept_up)
	{
		MlsRun own = run_of(run, child);

		mls_scope_follow(&own, run->sub);
		run->note = own.note;
	}
	child->writer = mls_writer_begin(child->table, child->sub, run->id);
	mls_writer_trust(child->writer);
	mls_writer_keep_parents(child->writer);
}

static void
prepare_links(MlsRun *run, List *links)
{
	ListCell *lc;

	foreach (lc, links)
	{
		MlsLink *link = lfirst(lc);

		prepare_child(run, link->child);
		prepare_links(run, link->links);
	}
}

/*
 * Finds the children of a run's subscription and takes their locks, as one that
 * writes into their tables; in a transaction.  run->children stays NULL where
 * there are none.
 */
void
mls_related_records_begin(MlsRun *run)
{
	MemoryContext before = MemoryContextSwitchTo(run->context);
	MlsRelatedRecords *children = palloc0(sizeof(MlsRelatedRecords));

	children->run = run;
	children->links =
		mls_related_links(run->table, mls_related_siblings(run->sub), &children->children);
	if (children->links != NIL)
	{
		children->context =
			AllocSetContextCreate(run->context, "mls_fdw children", ALLOCSET_DEFAULT_SIZES);
		run->children = children;
		prepare_links(run, children->links);
	}
	MemoryContextSwitchTo(before);
}

/* Outside transactions: fills and maps the children anew whose columns or rules have changed. */
void
mls_related_records_follow(MlsRelatedRecords *children)
{
	ListCell *lc;

	foreach (lc, children ? children->children : NIL)
	{
		const MlsChild *child = lfirst(lc);
		MlsRun own = run_of(children->run, child);
		int64 mapped;

		if (!child->kept_up)
			continue;
		mls_scope_fill(&own);
		mapped = mls_remap(&own);
		children->run->counters = own.counters;
		if (mapped > 0)
			mls_run_note(children->run, "%s: %s mapped anew, since gold or its rules had changed",
						 child->table->resource, mls_counted(mapped, "record was", "records were"));
	}
}

/* ---- Reading ---- */

/* Which records of a page are not in bronze as they are?  Only their children are asked for. */
static bool *
find_fresh(const MlsRelatedRecords *children, const MlsBatch *batch)
{
	const MlsSubscription *sub = children->run->sub;
	bool *fresh = palloc(Max(batch->nitems, 1) * sizeof(bool));
	List *keys = NIL;
	List *records = NIL;

	for (uint64 i = 0; i < batch->nitems; i++)
	{
		const MlsItem *item = &batch->items[i];

		fresh[i] = true;
		if (item->key == NULL || item->superseded)
			continue;
		keys = lappend(keys, item->key);
		records = lappend(records, pnstrdup(item->record->json, item->record->length));
	}
	mls_transaction_begin(sub->owner);
	mls_select(psprintf("SELECT b.key FROM ROWS FROM (pg_catalog.unnest($1), "
						"pg_catalog.unnest($2)) AS p(key, record) JOIN %s b ON b.key = p.key "
						"WHERE b.deleted_at IS NULL AND b.record::pg_catalog.text = p.record",
						mls_qualified_name(sub->bronze)),
			   mls_arg_list(keys), mls_arg_list(records));
	for (uint64 i = 0; i < SPI_processed; i++)
		fresh[mls_batch_find(batch, mls_text_at(i, 1)) - batch->items] = false;
	mls_transaction_commit();
	return fresh;
}

/*
 * Collects the children of a page and completes what was cut; the batch must stay
 * until they are stored.  Uses the network, so no transaction may be open.
 */
void
mls_related_records_read(MlsRelatedRecords *children, MlsBatch *batch)
{
	MemoryContext before;
	bool *fresh = NULL;
	ListCell *lc;

	if (children == NULL)
		return;
	MemoryContextReset(children->context);
	before = MemoryContextSwitchTo(children->context);
	children->page = batch;
	children->collections = NIL;
	foreach (lc, children->links)
	{
		const MlsLink *link = lfirst(lc);

		if (link->expansion == NULL && fresh == NULL)
		{
			fresh = find_fresh(children, batch);
			MemoryContextSwitchTo(children->context);
		}
		children->collections = collect(children->collections, link, children->run->table, batch,
										fresh, &children->spent);
	}
	MemoryContextSwitchTo(before);
}

/* ---- Storing ---- */

/* Passes over the records of the page that bronze has in a newer version. */
static void
pass_over_stale(MlsRelatedRecords *children)
{
	MlsBatch *page = children->page;
	List *keys = NIL;

	for (uint64 i = 0; i < page->nitems; i++)
		if (page->items[i].key != NULL && !page->items[i].superseded && page->items[i].has_instant)
			keys = lappend(keys, page->items[i].key);
	mls_select(psprintf("SELECT key, modified_at FROM %s WHERE key = ANY ($1)",
						mls_qualified_name(children->run->sub->bronze)),
			   mls_arg_list(keys));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsItem *item = mls_batch_find(page, mls_text_at(i, 1));
		bool isnull;
		Datum at = mls_cell(SPI_tuptable, i, 2, &isnull);

		if (!isnull && DatumGetTimestampTz(at) > item->instant.at)
			item->superseded = true;
	}
}

/* What belongs to a parent that is passed over is passed over. */
static void
follow_parents(Collection *collection)
{
	for (int i = 0; i < collection->parents->nitems; i++)
		if (collection->parents->items[i].superseded)
		{
			collection->known[i] = false;
			collection->problem[i] = NULL;
		}
	for (int i = 0; i < collection->nested->nrecords; i++)
		if (collection->parents->items[collection->nested->owners[i]].superseded)
			collection->batch->items[i].superseded = true;
}

/* Notes the collections that could not be used, and ends what was noted of those that can. */
static void
note_problems(const MlsRelatedRecords *children, const Collection *collection)
{
	const MlsRun *run = children->run;
	List *fine = NIL;

	if (collection->link->expansion == NULL)
		return;
	for (int i = 0; i < collection->parents->nitems; i++)
	{
		const MlsItem *item = &collection->parents->items[i];

		if (collection->problem[i] != NULL)
			mls_issue_open(run->sub->id, run->id, MLS_ISSUE_CHILDREN, item->key,
						   collection->link->expansion->name, NULL, collection->problem[i]);
		else if (collection->name[i] != NULL && !item->superseded)
			fine = lappend(fine, item->key);
	}
	if (fine != NIL && children->had_problems)
		mls_issue_solve(run->sub->id, MLS_ISSUE_CHILDREN, fine, collection->link->expansion->name);
}

static void remove_children(MlsRelatedRecords *children, List *links, const List *keys);

/* Takes out the records that the last query found, with what belongs to them. */
static void
remove_found(MlsRelatedRecords *children, const MlsLink *link)
{
	MlsChild *child = link->child;
	List *keys = mls_cell_texts(SPI_tuptable, 2);

	child->counters.deleted +=
		mls_bronze_remove_found(children->run->id, child->sub, child->table, child->writer);
	if (keys != NIL)
		remove_children(children, link->links, keys);
}

/* Takes out all that belongs to some records. */
static void
remove_children(MlsRelatedRecords *children, List *links, const List *keys)
{
	ListCell *lc;
	ListCell *key;

	foreach (lc, links)
	{
		const MlsLink *link = lfirst(lc);
		List *names = NIL;

		foreach (key, keys)
			names = lappend(names, psprintf("%s/%s", link->resource, (char *) lfirst(key)));
		mls_select(psprintf("SELECT b.record, b.key, b.parent FROM %s b "
							"WHERE b.parent = ANY ($1) AND b.deleted_at IS NULL",
							mls_qualified_name(link->child->sub->bronze)),
				   mls_arg_list(names));
		remove_found(children, link);
	}
}

/* Takes out what belongs to the parents of a brood and did not come. */
static void
remove_missing(MlsRelatedRecords *children, const Collection *collection)
{
	const MlsBatch *batch = collection->batch;
	List *parents = NIL;
	List *keys = NIL;

	for (int i = 0; i < collection->parents->nitems; i++)
		if (collection->known[i])
			parents = lappend(parents, unconstify(char *, collection->name[i]));
	for (int i = 0; i < batch->nitems; i++)
		if (batch->items[i].key != NULL)
			keys = lappend(keys, batch->items[i].key);
	if (parents == NIL)
		return;
	mls_select(psprintf("SELECT b.record, b.key, b.parent FROM %s b "
						"WHERE b.parent = ANY ($1) AND b.deleted_at IS NULL AND b.key <> ALL ($2)",
						mls_qualified_name(collection->link->child->sub->bronze)),
			   mls_arg_list(parents), mls_arg_list(keys));
	remove_found(children, collection->link);
}

/* As the run of the child itself would. */
static void
store_batch(MlsRelatedRecords *children, MlsChild *child, const MlsBatch *batch)
{
	MlsRun run = run_of(children->run, child);

	mls_quarantine_store(&run, batch, &child->counters);
}

/* Is a collection noted as one that cannot be used? */
static bool
has_problems(const MlsRelatedRecords *children)
{
	mls_select("SELECT FROM mls.issue WHERE subscription = $1 AND solved_at IS NULL "
			   "AND kind = '" MLS_ISSUE_CHILDREN "' LIMIT 1",
			   mls_arg_int8(children->run->sub->id));
	return SPI_processed > 0;
}

/* Writes what was read; in the transaction of the page, after the page itself. */
void
mls_related_records_store(MlsRelatedRecords *children)
{
	ListCell *lc;

	if (children == NULL)
		return;
	pass_over_stale(children);
	children->had_problems = has_problems(children);
	foreach (lc, children->collections)
	{
		Collection *collection = lfirst(lc);
		MlsChild *child = collection->link->child;

		follow_parents(collection);
		store_batch(children, child, collection->batch);
		remove_missing(children, collection);
		mls_writer_settle(child->writer);
		note_problems(children, collection);
	}
}

/* Takes out what belongs to some records of the run's subscription, which go themselves. */
void
mls_related_records_remove(MlsRelatedRecords *children, const List *keys)
{
	if (children != NULL)
		remove_children(children, children->links, keys);
}

/* ---- Ending ---- */

/* Adds requests and bytes so far. */
void
mls_related_records_spent(const MlsRelatedRecords *children, MlsCounters *counters)
{
	if (children == NULL)
		return;
	counters->requests += children->spent.requests;
	counters->bytes += children->spent.body_bytes;
}

/* Says what became of the children. */
void
mls_related_records_note(const MlsRelatedRecords *children)
{
	ListCell *lc;

	foreach (lc, children ? children->children : NIL)
	{
		const MlsChild *child = lfirst(lc);
		const MlsCounters *counters = &child->counters;

		if (counters->inserted + counters->updated + counters->deleted > 0)
			mls_run_note(
				children->run,
				"%s: " INT64_FORMAT " new, " INT64_FORMAT " changed, " INT64_FORMAT " removed",
				child->table->resource, counters->inserted, counters->updated, counters->deleted);
	}
}

void
mls_related_records_end(MlsRelatedRecords *children)
{
	ListCell *lc;

	foreach (lc, children ? children->children : NIL)
	{
		MlsChild *child = lfirst(lc);

		if (child->writer != NULL)
			mls_writer_end(child->writer);
		if (child->shared)
			mls_subscription_unshare(child->sub->id);
	}
}
