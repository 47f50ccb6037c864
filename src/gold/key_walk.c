/*
 * key_walk.c
 *		Batch after batch of silver's keys, in their order: for who makes gold anew of what is
 *		here already.
 *
 * Each batch is read in a transaction of its own, behind the last key of the one before, so
 * that rows that come and go meanwhile do no harm.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "gold/gold.h"
#include "gold/key_walk.h"

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

void
mls_key_walk_begin(MlsKeyWalk *walk, const MlsRun *run, const char *name)
{
	MemoryContext before = MemoryContextSwitchTo(run->context);

	walk->context = run->context;
	walk->keys.name = name;
	walk->keys.desc = mls_gold_key_desc(run->table, run->sub->silver);
	walk->silver = mls_qualified_name(run->sub->silver);
	walk->columns = key_columns(run->table);
	MemoryContextSwitchTo(before);
}

/* As the result of the last query. */
static void
find_keys(const MlsKeyWalk *walk)
{
	const TupleDesc desc = walk->keys.desc;
	MlsArg *args = palloc(desc->natts * sizeof(MlsArg));
	int nargs = walk->last ? desc->natts : 0;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s FROM %s", walk->columns, walk->silver);
	if (nargs > 0)
		appendStringInfo(&sql, " WHERE (%s) > (", walk->columns);
	for (int i = 0; i < nargs; i++)
	{
		appendStringInfo(&sql, "%s$%d", i ? ", " : "", i + 1);
		args[i] = mls_arg(TupleDescAttr(desc, i)->atttypid, walk->last[i]);
	}
	if (nargs > 0)
		appendStringInfoChar(&sql, ')');
	appendStringInfo(&sql, " ORDER BY %s LIMIT %d", walk->columns, MLS_KEY_WALK_ROWS);
	mls_sql_run(sql.data, false, SPI_OK_SELECT, args, nargs);
}

/* What is remembered outlives the transaction. */
static void
remember(MlsKeyWalk *walk, const Datum *values)
{
	const TupleDesc desc = walk->keys.desc;
	MemoryContext before = MemoryContextSwitchTo(walk->context);

	walk->last = palloc(desc->natts * sizeof(Datum));
	for (int i = 0; i < desc->natts; i++)
		walk->last[i] =
			datumCopy(values[i], TupleDescAttr(desc, i)->attbyval, TupleDescAttr(desc, i)->attlen);
	MemoryContextSwitchTo(before);
}

int64
mls_key_walk_next(MlsKeyWalk *walk)
{
	const TupleDesc desc = walk->keys.desc;
	Datum *values = palloc(desc->natts * sizeof(Datum));
	bool *isnull = palloc(desc->natts * sizeof(bool));
	SPITupleTable *found;
	uint64 n;

	find_keys(walk);
	found = SPI_tuptable;
	n = SPI_processed;
	mls_transition_open(&walk->keys);
	for (uint64 i = 0; i < n; i++)
	{
		heap_deform_tuple(found->vals[i], found->tupdesc, values, isnull);
		mls_transition_put(&walk->keys, values, isnull);
	}
	if (n > 0)
		remember(walk, values);
	return n;
}
