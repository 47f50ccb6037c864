/*
 * related_records.c
 *		Records that came inside those of a page, or belong to them: into their
 *		own subscription, in the page's transaction.
 *
 * A page is handled in two moments: read, where the network may be used, and
 * store, in the transaction of the page.  Collections of a parent that bronze has
 * in a newer version are left alone, as the parent itself is.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "gold/gold_write.h"
#include "write/related_page.h"
#include "write/write.h"

struct MlsChildren
{
	MlsRun *run;
	List *links;           /* of MlsLink * */
	List *children;        /* of MlsChild *: those linked have a writer */
	MemoryContext context; /* of the page at hand */
	MlsBatch *page;
	List *broods;      /* of MlsBrood *: parents before children of children */
	bool had_problems; /* collections that could not be used have been noted */
	MlsHttpStats spent;
};

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
		   mls_family_feeder(child->sub, &expansion) == run->sub->id;
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
mls_children_begin(MlsRun *run)
{
	MemoryContext before = MemoryContextSwitchTo(run->context);
	MlsChildren *children = palloc0(sizeof(MlsChildren));

	children->run = run;
	children->links =
		mls_family_links(run->table, mls_family_siblings(run->sub), &children->children);
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
mls_children_follow(MlsChildren *children)
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
			mls_run_note(children->run, "%s: %s mapped by rules that had changed",
						 child->table->resource, mls_counted(mapped, "record was", "records were"));
	}
}

/* Does a subscription get records here? */
bool
mls_children_has(const MlsChildren *children, int64 subscription)
{
	ListCell *lc;

	foreach (lc, children ? children->children : NIL)
	{
		const MlsChild *child = lfirst(lc);

		if (child->sub->id == subscription && child->writer != NULL)
			return true;
	}
	return false;
}

/* ---- Reading ---- */

/* Which records of a page are not in bronze as they are?  Only their children are asked for. */
static bool *
find_fresh(const MlsChildren *children, const MlsBatch *batch)
{
	const MlsSubscription *sub = children->run->sub;
	Oid types[] = {TEXTARRAYOID, TEXTARRAYOID};
	bool *fresh = palloc(Max(batch->nitems, 1) * sizeof(bool));
	char **keys = palloc(Max(batch->nitems, 1) * sizeof(char *));
	char **records = palloc(Max(batch->nitems, 1) * sizeof(char *));
	Datum values[2];
	int n = 0;
	uint64 i;

	for (i = 0; i < batch->nitems; i++)
	{
		const MlsItem *item = &batch->items[i];

		fresh[i] = true;
		if (item->key == NULL || item->superseded)
			continue;
		keys[n] = item->key;
		records[n++] = pnstrdup(item->record->json, item->record->length);
	}
	values[0] = mls_key_array(keys, n);
	values[1] = mls_key_array(records, n);
	mls_transaction_begin(sub->owner);
	mls_execute(psprintf("SELECT b.key FROM ROWS FROM (pg_catalog.unnest($1), "
						 "pg_catalog.unnest($2)) AS p(key, record) JOIN %s b ON b.key = p.key "
						 "WHERE b.deleted_at IS NULL AND b.record::pg_catalog.text = p.record",
						 mls_qualified_name(sub->bronze)),
				2, types, values, NULL, SPI_OK_SELECT);
	for (i = 0; i < SPI_processed; i++)
		fresh[mls_batch_find(batch, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1)) -
			  batch->items] = false;
	mls_transaction_commit();
	return fresh;
}

/*
 * Collects the children of a page and completes what was cut; the batch must stay
 * until they are stored.  Uses the network, so no transaction may be open.
 */
void
mls_children_read(MlsChildren *children, MlsBatch *batch)
{
	MemoryContext before;
	bool *fresh = NULL;
	ListCell *lc;

	if (children == NULL)
		return;
	MemoryContextReset(children->context);
	before = MemoryContextSwitchTo(children->context);
	children->page = batch;
	children->broods = NIL;
	foreach (lc, children->links)
	{
		const MlsLink *link = lfirst(lc);

		if (link->expansion == NULL && fresh == NULL)
		{
			fresh = find_fresh(children, batch);
			MemoryContextSwitchTo(children->context);
		}
		children->broods = mls_brood_collect(children->broods, link, children->run->table, batch,
											 fresh, &children->spent);
	}
	MemoryContextSwitchTo(before);
}

/* ---- Storing ---- */

/* Passes over the records of the page that bronze has in a newer version. */
static void
pass_over_stale(MlsChildren *children)
{
	MlsBatch *page = children->page;
	Oid types[] = {TEXTARRAYOID};
	char **keys = palloc(Max(page->nitems, 1) * sizeof(char *));
	Datum values[1];
	int n = 0;
	uint64 i;

	for (i = 0; i < page->nitems; i++)
		if (page->items[i].key != NULL && !page->items[i].superseded && page->items[i].has_instant)
			keys[n++] = page->items[i].key;
	values[0] = mls_key_array(keys, n);
	mls_execute(psprintf("SELECT key, modified_at FROM %s WHERE key = ANY ($1)",
						 mls_qualified_name(children->run->sub->bronze)),
				1, types, values, NULL, SPI_OK_SELECT);
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		MlsItem *item = mls_batch_find(page, SPI_getvalue(row, SPI_tuptable->tupdesc, 1));
		bool isnull;
		Datum at = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull);

		if (!isnull && DatumGetTimestampTz(at) > item->instant.at)
			item->superseded = true;
	}
}

/* What belongs to a parent that is passed over is passed over. */
static void
follow_parents(MlsBrood *brood)
{
	int i;

	for (i = 0; i < brood->parents->nitems; i++)
		if (brood->parents->items[i].superseded)
		{
			brood->known[i] = false;
			brood->problem[i] = NULL;
		}
	for (i = 0; i < brood->nested->nrecords; i++)
		if (brood->parents->items[brood->nested->owners[i]].superseded)
			brood->batch->items[i].superseded = true;
}

/* Notes the collections that could not be used, and ends what was noted of those that can. */
static void
note_problems(const MlsChildren *children, const MlsBrood *brood)
{
	const MlsRun *run = children->run;
	List *fine = NIL;
	int i;

	if (brood->link->expansion == NULL)
		return;
	for (i = 0; i < brood->parents->nitems; i++)
	{
		const MlsItem *item = &brood->parents->items[i];

		if (brood->problem[i] != NULL)
			mls_issue_open(run->sub->id, run->id, MLS_ISSUE_CHILDREN, item->key,
						   brood->link->expansion->name, NULL, brood->problem[i]);
		else if (brood->name[i] != NULL && !item->superseded)
			fine = lappend(fine, item->key);
	}
	if (fine != NIL && children->had_problems)
		mls_issue_solve(run->sub->id, MLS_ISSUE_CHILDREN, fine, brood->link->expansion->name);
}

static void remove_children(MlsChildren *children, List *links, char **keys, int n);

/* Takes out the records that the last query found, with what belongs to them. */
static void
remove_found(MlsChildren *children, const MlsLink *link)
{
	SPITupleTable *found = SPI_tuptable;
	MlsChild *child = link->child;
	int n = SPI_processed;
	char **keys = palloc(Max(n, 1) * sizeof(char *));
	int i;

	for (i = 0; i < n; i++)
		keys[i] = SPI_getvalue(found->vals[i], found->tupdesc, 2);
	child->counters.deleted +=
		mls_removal_found(children->run->id, child->sub, child->table, child->writer);
	if (n > 0)
		remove_children(children, link->links, keys, n);
}

/* Takes out all that belongs to some records. */
static void
remove_children(MlsChildren *children, List *links, char **keys, int n)
{
	Oid types[] = {TEXTARRAYOID};
	ListCell *lc;

	foreach (lc, links)
	{
		const MlsLink *link = lfirst(lc);
		char **names = palloc(n * sizeof(char *));
		Datum values[1];
		int i;

		for (i = 0; i < n; i++)
			names[i] = psprintf("%s/%s", link->resource, keys[i]);
		values[0] = mls_key_array(names, n);
		mls_execute(psprintf("SELECT b.record, b.key, b.parent FROM %s b "
							 "WHERE b.parent = ANY ($1) AND b.deleted_at IS NULL",
							 mls_qualified_name(link->child->sub->bronze)),
					1, types, values, NULL, SPI_OK_SELECT);
		remove_found(children, link);
	}
}

/* Takes out what belongs to the parents of a brood and did not come. */
static void
remove_missing(MlsChildren *children, const MlsBrood *brood)
{
	const MlsBatch *batch = brood->batch;
	Oid types[] = {TEXTARRAYOID, TEXTARRAYOID};
	char **parents = palloc(Max(brood->parents->nitems, 1) * sizeof(char *));
	char **keys = palloc(Max(batch->nitems, 1) * sizeof(char *));
	int nparents = 0;
	int nkeys = 0;
	Datum values[2];
	int i;

	for (i = 0; i < brood->parents->nitems; i++)
		if (brood->known[i])
			parents[nparents++] = unconstify(char *, brood->name[i]);
	for (i = 0; i < batch->nitems; i++)
		if (batch->items[i].key != NULL)
			keys[nkeys++] = batch->items[i].key;
	if (nparents == 0)
		return;
	values[0] = mls_key_array(parents, nparents);
	values[1] = mls_key_array(keys, nkeys);
	mls_execute(psprintf("SELECT b.record, b.key, b.parent FROM %s b "
						 "WHERE b.parent = ANY ($1) AND b.deleted_at IS NULL AND b.key <> ALL ($2)",
						 mls_qualified_name(brood->link->child->sub->bronze)),
				2, types, values, NULL, SPI_OK_SELECT);
	remove_found(children, brood->link);
}

/* As the run of the child itself would. */
static void
store_batch(MlsChildren *children, MlsChild *child, const MlsBatch *batch)
{
	MlsRun run = run_of(children->run, child);

	mls_reject_store(&run, batch, &child->counters);
}

/* Is a collection noted as one that cannot be used? */
static bool
has_problems(const MlsChildren *children)
{
	Oid types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(children->run->sub->id)};

	mls_execute("SELECT FROM mls.issue WHERE subscription = $1 AND solved_at IS NULL "
				"AND kind = '" MLS_ISSUE_CHILDREN "' LIMIT 1",
				1, types, values, NULL, SPI_OK_SELECT);
	return SPI_processed > 0;
}

/* Writes what was read; in the transaction of the page, after the page itself. */
void
mls_children_store(MlsChildren *children)
{
	ListCell *lc;

	if (children == NULL)
		return;
	pass_over_stale(children);
	children->had_problems = has_problems(children);
	foreach (lc, children->broods)
	{
		MlsBrood *brood = lfirst(lc);
		MlsChild *child = brood->link->child;

		follow_parents(brood);
		store_batch(children, child, brood->batch);
		remove_missing(children, brood);
		mls_writer_settle(child->writer);
		note_problems(children, brood);
	}
}

/* Takes out what belongs to some records of the run's subscription, which go themselves. */
void
mls_children_remove(MlsChildren *children, char **keys, int n)
{
	if (children != NULL)
		remove_children(children, children->links, keys, n);
}

/* ---- Ending ---- */

/* Adds requests and bytes so far. */
void
mls_children_spent(const MlsChildren *children, MlsCounters *counters)
{
	if (children == NULL)
		return;
	counters->requests += children->spent.requests;
	counters->bytes += children->spent.body_bytes;
}

/* Says what became of the children. */
void
mls_children_note(const MlsChildren *children)
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
mls_children_end(MlsChildren *children)
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
