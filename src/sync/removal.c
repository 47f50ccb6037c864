/*
 * removal.c
 *		Records out of silver and gold, and tombstones into bronze, with the
 *		records that belong to them.
 *
 * Children are those of other subscriptions of the same source and owner whose
 * records say whose they are: ResourceName is the resource and ResourceRecordKey
 * the key, as the Data Dictionary has it for Media and the like.  They go in the
 * transaction of their parents, unless another process works on them just then:
 * then their own purge has to find them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "sync/sync.h"

/* A subscription from which records go. */
typedef struct Target
{
	const MlsSubscription *sub;
	const MlsTable *table;
	MlsWriter *writer;
	const char *find; /* query for the records of keys $1; $2 is the resource */
	bool is_child;
	bool busy; /* at least once */
	int64 removed;
} Target;

/* ---- Who is affected ---- */

static Target *
own_target(MlsRun *run)
{
	Target *target = palloc0(sizeof(Target));

	target->sub = run->sub;
	target->table = run->table;
	target->writer = run->writer;
	target->find = psprintf("SELECT %s FROM %s b WHERE b.key = ANY ($1) AND "
							"b.deleted_at IS NULL AND $2 IS NOT NULL",
							mls_bronze_columns(run->sub), mls_qualified_name(run->sub->bronze));
	return target;
}

static bool
is_text(const MlsColumn *column)
{
	return column != NULL && (column->type == TEXTOID || column->type == VARCHAROID);
}

/* The name of silver's column for a field. */
static const char *
silver_column(const MlsTable *table, const char *field)
{
	return quote_identifier(mls_table_column(table, field)->name);
}

/* A subscription as a child of the run's; NULL if its records do not say whose they are. */
static Target *
child_target(MlsRun *run, MlsSubscription *sub)
{
	MlsTable *table;
	Target *target;

	if (get_rel_name(sub->foreign_table) == NULL || get_rel_name(sub->bronze) == NULL ||
		get_rel_name(sub->silver) == NULL)
		return NULL;
	table = mls_table_get(sub->foreign_table, sub->owner, false);
	if (list_length(table->key) != 1 || !is_text(mls_table_column(table, "ResourceName")) ||
		mls_table_column(table, "ResourceRecordKey") == NULL)
		return NULL;
	target = palloc0(sizeof(Target));
	target->is_child = true;
	target->sub = sub;
	target->table = table;
	target->writer = mls_writer_begin(table, sub, run->id);
	target->find =
		psprintf("SELECT b.record, b.key FROM %s s JOIN %s b "
				 "ON b.key = s.%s::pg_catalog.text "
				 "WHERE s.%s::pg_catalog.text = ANY ($1) AND s.%s = $2 AND "
				 "b.deleted_at IS NULL",
				 mls_qualified_name(sub->silver), mls_qualified_name(sub->bronze),
				 silver_column(table, linitial(table->key)),
				 silver_column(table, "ResourceRecordKey"), silver_column(table, "ResourceName"));
	return target;
}

/* From what records will go: the run's subscription and its children (List of Target *). */
List *
mls_removal_begin(MlsRun *run)
{
	MlsCounters counters = run->counters;
	List *targets;
	ListCell *lc;

	mls_run_begin_step(run);
	MemoryContextSwitchTo(run->context);
	targets = list_make1(own_target(run));
	if (list_length(run->table->key) == 1)
	{
		mls_children_begin(run);
		foreach (lc, mls_family_siblings(run->sub))
		{
			MlsSubscription *sub = lfirst(lc);
			Target *child =
				mls_children_has(run->children, sub->id) ? NULL : child_target(run, sub);

			if (child != NULL)
				targets = lappend(targets, child);
		}
	}
	mls_run_end_step(run, &counters);
	return targets;
}

/* ---- Removing ---- */

/* Tombstones for the records of a result; in bronze they stay.  Returns how many were set. */
static int64
bury(int64 run, const MlsSubscription *sub, const SPITupleTable *found, int n)
{
	Oid types[] = {TEXTARRAYOID, INT8OID};
	char **keys = palloc(Max(n, 1) * sizeof(char *));
	Datum values[2];
	int i;

	for (i = 0; i < n; i++)
		keys[i] = SPI_getvalue(found->vals[i], found->tupdesc, 2);
	values[0] = mls_key_array(keys, n);
	values[1] = Int64GetDatum(run);
	mls_execute(psprintf("UPDATE %s SET deleted_at = pg_catalog.now(), run_id = $2 "
						 "WHERE key = ANY ($1) AND deleted_at IS NULL",
						 mls_qualified_name(sub->bronze)),
				2, types, values, NULL, SPI_OK_UPDATE);
	return SPI_processed;
}

/* The records that the last query found, with what they lack to say whose they are: it can be a part of their key. */
static MlsBatch *
found_records(const MlsSubscription *sub, const MlsTable *table)
{
	SPITupleTable *found = SPI_tuptable;
	uint64 n = SPI_processed;
	List *parents = found->tupdesc->natts >= 3 ? mls_family_parents(sub, table) : NIL;

	SPI_tuptable = found;
	SPI_processed = n;
	return mls_bronze_batch(table, parents);
}

/*
 * Takes the records that the last query found (mls_bronze_columns) out of a
 * subscription's tables.  Returns how many there were.
 */
int64
mls_removal_found(int64 run, const MlsSubscription *sub, const MlsTable *table, MlsWriter *writer)
{
	MlsCounters ignored = {0};
	SPITupleTable *found;
	MlsBatch *batch;
	int64 removed;
	int i;

	if (SPI_processed == 0)
		return 0;
	found = SPI_tuptable;
	batch = found_records(sub, table);
	for (i = 0; i < batch->nitems; i++)
		batch->items[i].gone = true;
	removed = bury(run, sub, found, batch->nitems);
	SPI_connect();
	mls_writer_convert(writer, batch, &ignored);
	mls_writer_settle(writer);
	SPI_finish();
	return removed;
}

/* Takes the records of some keys out of one subscription's tables. */
static void
remove_from(const MlsRun *run, Target *target, Datum keys)
{
	Oid types[] = {TEXTARRAYOID, TEXTOID};
	Datum values[] = {keys, CStringGetTextDatum(run->sub->resource)};

	if (target->is_child && !mls_subscription_share(target->sub->id, false))
	{
		target->busy = true;
		return;
	}
	mls_execute(target->find, 2, types, values, NULL, SPI_OK_SELECT);
	target->removed += mls_removal_found(run->id, target->sub, target->table, target->writer);
}

/* Removes the records of some keys, and their children, in one transaction. */
void
mls_removal_step(MlsRun *run, List *targets, char **keys, int n)
{
	MlsCounters counters = run->counters;
	Datum array;
	ListCell *lc;

	mls_run_begin_step(run);
	array = mls_key_array(keys, n);
	mls_children_remove(run->children, keys, n);
	foreach (lc, targets)
	{
		Target *target = lfirst(lc);
		int64 before = target->removed;

		remove_from(run, target, array);
		if (!target->is_child)
			counters.deleted += target->removed - before;
	}
	mls_run_end_step(run, &counters);
}

/* Says what became of the children. */
void
mls_removal_end(MlsRun *run, List *targets)
{
	ListCell *lc;

	mls_children_note(run->children);
	foreach (lc, targets)
	{
		const Target *target = lfirst(lc);

		if (!target->is_child)
			continue;
		if (target->removed > 0)
			mls_run_note(run, "with " INT64_FORMAT " records of %s that belonged to them",
						 target->removed, target->sub->resource);
		if (target->busy)
			mls_run_note(run,
						 "records of %s were left to their own purge, for another process "
						 "worked on them",
						 target->sub->resource);
		mls_writer_end(target->writer);
	}
}
