/*
 * rebuild.c
 *		mls_rebuild(): silver and gold of a subscription from bronze, without the
 *		network, by the conversion a sync uses.
 *
 * For when columns were added, a type was changed, or silver was damaged.  One
 * transaction: readers see the old rows until all new ones are there.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "gold/gold.h"
#include "sync/sync.h"

#define BATCH_RECORDS 1000

PG_FUNCTION_INFO_V1(mls_rebuild);

/* The records the cursor has fetched, as a page. */
static MlsBatch *
fetched_batch(const MlsTable *table)
{
	int n = SPI_processed;
	MlsRecord *records = palloc(n * sizeof(MlsRecord));
	int i;

	for (i = 0; i < n; i++)
	{
		char *json = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		Size length = strlen(json);
		char *body = palloc0(length + 16);
		MlsPage *page;

		memcpy(body, json, length);
		page = mls_page_read(body, length, NULL, "a record of bronze");
		if (page->nrecords != 1)
			ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("a record of bronze is no object"));
		records[i] = page->records[0];
	}
	return mls_batch_read(table, records, n);
}

/* Converts all of bronze, batch after batch, each in a context of its own. */
static void
convert_all(MlsWriter *writer, const MlsTable *table, const MlsSubscription *sub,
			MlsCounters *counters)
{
	char *query =
		psprintf("SELECT record FROM %s WHERE deleted_at IS NULL", mls_qualified_name(sub->bronze));
	Portal portal = SPI_cursor_parse_open(NULL, query, &(SPIParseOpenOptions){.read_only = true});

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, BATCH_RECORDS);
		if (SPI_processed == 0)
			break;
		{
			SPITupleTable *fetched = SPI_tuptable;
			MlsBatch *batch;
			MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mls_fdw batch",
														  ALLOCSET_DEFAULT_SIZES);
			MemoryContext before = MemoryContextSwitchTo(context);

			batch = fetched_batch(table);
			SPI_connect();
			mls_writer_convert(writer, batch, counters);
			SPI_finish();
			MemoryContextSwitchTo(before);
			MemoryContextDelete(context);
			SPI_freetuptable(fetched);
		}
	}
	SPI_cursor_close(portal);
}

/* Empties silver and the source's part of gold. */
static void
clear(const MlsSubscription *sub)
{
	mls_execute(psprintf("DELETE FROM %s", mls_qualified_name(sub->silver)), 0, NULL, NULL, NULL,
				SPI_OK_DELETE);
	if (OidIsValid(sub->gold))
		mls_execute(mls_gold_forget_sql(sub->source, sub->gold), 0, NULL, NULL, NULL,
					SPI_OK_DELETE);
}

/* mls_rebuild(foreign_table): how many records were converted */
Datum
mls_rebuild(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	MlsTable *table = mls_table_get(relid, GetUserId(), false);
	MlsCounters counters = {0};
	MlsSubscription *sub;
	MlsWriter *writer;
	int64 run;

	PreventCommandIfReadOnly("mls_rebuild()");
	SPI_connect();
	sub = mls_subscription_by_table(relid);
	if (sub == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("foreign table %s is not subscribed", table->name));
	if (!mls_subscription_lock(sub->id, false))
		mls_subscription_report_busy(sub);
	run = mls_run_start(sub, "rebuild");
	clear(sub);
	writer = mls_writer_begin(table, sub, run);
	convert_all(writer, table, sub, &counters);
	mls_writer_end(writer);
	mls_run_progress(run, &counters);
	mls_run_finish(run, "finished", NULL, NULL, sub->cursor_timestamp);
	SPI_finish();
	PG_RETURN_INT64(counters.received);
}
