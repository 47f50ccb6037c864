/*
 * remap.c
 *		Gold anew from silver, when the rules of the mapping have changed.
 *
 * Batch after batch of keys, each in a transaction, without the network.  What
 * the rules were when gold was made is kept with the subscription as a
 * fingerprint; it is written last, so a remapping that was interrupted begins
 * again, and what is right already is not rewritten.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "gold/gold.h"
#include "sync/sync.h"

/* Rows of silver in a transaction. */
#define BATCH_ROWS 1000

/* The relation of a batch's keys. */
#define KEYS "mls_keys"

typedef struct Remapping
{
	MlsRun *run;
	MlsGilder *gilder; /* NULL before the first batch */
	MlsRelay keys;
	const char *columns; /* of the key, in silver */
	Datum *last;         /* NULL before the first batch */
	int64 mapped;
	MemoryContext batch;
} Remapping;

static char *
read_fingerprint(const MlsSubscription *sub)
{
	Oid types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(sub->id)};

	mls_execute("SELECT map_hash FROM mls.subscription WHERE id = $1", 1, types, values, NULL,
				SPI_OK_SELECT);
	return SPI_processed == 1 ? SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)
							  : NULL;
}

static void
write_fingerprint(const MlsSubscription *sub, const char *fingerprint)
{
	Oid types[] = {INT8OID, TEXTOID};
	Datum values[] = {Int64GetDatum(sub->id), CStringGetTextDatum(fingerprint)};

	mls_execute("UPDATE mls.subscription SET map_hash = $2 WHERE id = $1", 2, types, values, NULL,
				SPI_OK_UPDATE);
}

static char *
key_columns(const MlsTable *table)
{
	StringInfoData list;
	ListCell *lc;

	initStringInfo(&list);
	foreach (lc, table->key)
		appendStringInfo(&list, "%s%s", list.len ? ", " : "",
						 quote_identifier(mls_table_column(table, lfirst(lc))->name));
	return list.data;
}

/* ---- Batches ---- */

/* The keys that follow the last one, as the result of the last query. */
static void
find_keys(const Remapping *remapping)
{
	const TupleDesc desc = remapping->keys.desc;
	Oid *types = palloc(desc->natts * sizeof(Oid));
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s FROM %s", remapping->columns,
					 mls_qualified_name(remapping->run->sub->silver));
	for (int i = 0; i < desc->natts; i++)
		types[i] = TupleDescAttr(desc, i)->atttypid;
	if (remapping->last != NULL)
	{
		appendStringInfo(&sql, " WHERE (%s) > (", remapping->columns);
		for (int i = 0; i < desc->natts; i++)
			appendStringInfo(&sql, "%s$%d", i ? ", " : "", i + 1);
		appendStringInfoChar(&sql, ')');
	}
	appendStringInfo(&sql, " ORDER BY %s LIMIT %d", remapping->columns, BATCH_ROWS);
	mls_execute(sql.data, remapping->last ? desc->natts : 0, types, remapping->last, NULL,
				SPI_OK_SELECT);
}

/* Takes the keys found into the relation, and remembers the last. */
static int64
take_keys(Remapping *remapping)
{
	const TupleDesc desc = remapping->keys.desc;
	SPITupleTable *found = SPI_tuptable;
	uint64 n = SPI_processed;
	Datum *values = palloc(desc->natts * sizeof(Datum));
	bool *isnull = palloc(desc->natts * sizeof(bool));
	MemoryContext before;

	mls_relay_open(&remapping->keys);
	for (uint64 i = 0; i < n; i++)
	{
		heap_deform_tuple(found->vals[i], found->tupdesc, values, isnull);
		mls_relay_put(&remapping->keys, values, isnull);
	}
	if (n == 0)
		return 0;
	before = MemoryContextSwitchTo(remapping->run->context);
	remapping->last = palloc(desc->natts * sizeof(Datum));
	for (int i = 0; i < desc->natts; i++)
		remapping->last[i] =
			datumCopy(values[i], TupleDescAttr(desc, i)->attbyval, TupleDescAttr(desc, i)->attlen);
	MemoryContextSwitchTo(before);
	return n;
}

static void
begin_gilder(Remapping *remapping)
{
	MlsRun *run = remapping->run;

	remapping->gilder =
		mls_gilder_begin(run->context, run->table, run->sub, run->id,
						 mls_gold_rows_by_key(run->table, run->sub->silver, KEYS), NULL);
}

/* Empties the fields that the rules in force do not make: upserts leave them alone. */
static void
clear(const Remapping *remapping)
{
	const MlsRun *run = remapping->run;
	ListCell *lc;

	foreach (lc, mls_gold_clearings(run->table, run->sub->silver, run->sub->gold,
									mls_gold_rows_by_key(run->table, run->sub->silver, KEYS)))
		mls_execute(lfirst(lc), 0, NULL, NULL, NULL, SPI_OK_UPDATE);
}

/* One batch; false when there was none any more. */
static bool
remap_batch(Remapping *remapping)
{
	MlsRun *run = remapping->run;
	MlsCounters counters = run->counters;
	MemoryContext before;
	int64 n;

	mls_run_begin_step(run);
	before = MemoryContextSwitchTo(remapping->batch);
	find_keys(remapping);
	n = take_keys(remapping);
	if (n > 0)
	{
		if (remapping->gilder == NULL)
			begin_gilder(remapping);
		mls_gilder_prepare(remapping->gilder);
		mls_gilder_store(remapping->gilder, n, 0);
		clear(remapping);
		remapping->mapped += n;
	}
	MemoryContextSwitchTo(before);
	mls_run_end_step(run, &counters);
	MemoryContextReset(remapping->batch);
	return n == BATCH_ROWS;
}

/* What the rules in force make no more, and the word that gold is as they want it. */
static void
finish(MlsRun *run, const char *fingerprint, bool is_first)
{
	MlsCounters counters = run->counters;

	mls_run_begin_step(run);
	if (!is_first)
		mls_gold_forget_others(run->table, run->sub->silver, run->sub->gold);
	write_fingerprint(run->sub, fingerprint);
	mls_run_end_step(run, &counters);
}

/* Makes gold anew if the rules are not those it was made by; returns how many records that were. */
int64
mls_remap(MlsRun *run)
{
	Remapping remapping = {.run = run, .keys = {.name = KEYS}};
	MlsCounters counters = run->counters;
	char *known;
	char *fingerprint;
	bool is_right;

	if (!OidIsValid(run->sub->gold))
		return 0;
	mls_run_begin_step(run);
	MemoryContextSwitchTo(run->context);
	fingerprint = mls_gold_fingerprint(run->table, run->sub->silver, run->sub->gold);
	MemoryContextSwitchTo(run->context);
	known = read_fingerprint(run->sub);
	MemoryContextSwitchTo(run->context);
	remapping.keys.desc = mls_gold_key_desc(run->table, run->sub->silver);
	remapping.columns = key_columns(run->table);
	is_right = known != NULL && strcmp(known, fingerprint) == 0;
	if (!is_right || run->process == &mls_remap_process)
		mls_gold_index(run->table, run->sub->silver, run->sub->gold);
	mls_run_end_step(run, &counters);
	if (is_right)
		return 0;
	remapping.batch =
		AllocSetContextCreate(run->context, "mls_fdw remapping", ALLOCSET_DEFAULT_SIZES);
	while (remap_batch(&remapping))
		;
	if (remapping.gilder != NULL)
		mls_gilder_end(remapping.gilder);
	MemoryContextDelete(remapping.batch);
	finish(run, fingerprint, known == NULL && remapping.mapped == 0);
	return remapping.mapped;
}

/* The records of the run's own subscription; says how many. */
void
mls_remap_own(MlsRun *run)
{
	run->outcome->drift = mls_remap(run);
	if (run->outcome->drift > 0)
		mls_run_note(run, INT64_FORMAT " records were mapped by rules that had changed",
					 run->outcome->drift);
}

/* All of gold has just been made by the rules in force. */
void
mls_remap_settle(const MlsSubscription *sub, const MlsTable *table)
{
	if (OidIsValid(sub->gold))
		write_fingerprint(sub, mls_gold_fingerprint(table, sub->silver, sub->gold));
}

/* It asks nothing of the source. */
static void
remap_spent(MlsRun *run, MlsCounters *counters)
{
}

static void
remap_end(MlsRun *run)
{
}

const MlsProcess mls_remap_process = {
	.name = "remap",
	.work = mls_remap_own,
	.spent = remap_spent,
	.end = remap_end,
};
