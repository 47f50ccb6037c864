/*
 * removal.c
 *		Records out of silver and gold, and tombstones into bronze, with the
 *		records that belong to them.
 *
 * What belongs to a record is what came with it: its expansions, and what is asked
 * for by its key (children.c).  These go in its transaction.  Records that are
 * merely about it, as ResourceName and ResourceRecordKey may say (media with a list
 * of their own, the history of a listing), stay as long as their own list has them:
 * the source may keep them, and their own purge asks it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "sync/sync.h"

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

/* Finds what is fed by the records that will go; a purge does nothing else for them. */
void
mls_removal_begin(MlsRun *run)
{
	MlsCounters counters = run->counters;

	mls_run_begin_step(run);
	mls_children_begin(run);
	mls_run_end_step(run, &counters);
}

/* Removes the records of some keys, and their children, in one transaction. */
void
mls_removal_step(MlsRun *run, char **keys, int n)
{
	const MlsSubscription *sub = run->sub;
	MlsCounters counters = run->counters;
	Oid types[] = {TEXTARRAYOID};
	Datum values[1];

	mls_run_begin_step(run);
	values[0] = mls_key_array(keys, n);
	mls_children_remove(run->children, keys, n);
	mls_execute(psprintf("SELECT %s FROM %s b WHERE b.key = ANY ($1) AND b.deleted_at IS NULL",
						 mls_bronze_columns(sub), mls_qualified_name(sub->bronze)),
				1, types, values, NULL, SPI_OK_SELECT);
	counters.deleted += mls_removal_found(run->id, sub, run->table, run->writer);
	mls_run_end_step(run, &counters);
}
