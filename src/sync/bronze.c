/*
 * bronze.c
 *		Records of bronze read again, as if they had just been received: for
 *		whoever needs silver and gold to follow bronze without the network.
 *
 * Runs in the caller's transaction, with SPI connected.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "sync/sync.h"

#define BATCH_RECORDS 1000

/*
 * The records of the query that ran last, which are its first column, as a page
 * in CurrentMemoryContext.
 */
MlsBatch *
mls_bronze_batch(const MlsTable *table)
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

/* Writes the records a query finds into silver and gold, batch after batch, each in a context of its own. */
void
mls_bronze_convert(MlsWriter *writer, const MlsTable *table, const char *query,
				   MlsCounters *counters)
{
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

			batch = mls_bronze_batch(table);
			SPI_connect();
			mls_writer_convert(writer, batch, counters);
			SPI_finish();
			MemoryContextSwitchTo(before);
			MemoryContextDelete(context);
			SPI_freetuptable(fetched);
		}
	}
	SPI_cursor_close(portal);
	mls_writer_settle(writer);
}
