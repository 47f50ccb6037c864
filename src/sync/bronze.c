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
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "sync/sync.h"

#define BATCH_RECORDS 1000

/* What to select of bronze (as b) for mls_bronze_batch(). */
const char *
mls_bronze_columns(const MlsSubscription *sub)
{
	return get_attnum(sub->bronze, "parent") == InvalidAttrNumber ? "b.record, b.key"
																  : "b.record, b.key, b.parent";
}

/*
 * The records of the query that ran last, which are its first column, as a page
 * in CurrentMemoryContext.  Its third column, where it has one, says what they
 * belong to; they are given what they lack for it (parents as in
 * mls_family_parents).
 */
MlsBatch *
mls_bronze_batch(const MlsTable *table, List *parents)
{
	int n = SPI_processed;
	bool has_parent = SPI_tuptable->tupdesc->natts >= 3;
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
		if (has_parent)
			mls_family_supply(parents,
							  SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 3),
							  &records[i]);
	}
	return mls_batch_read(table, records, n);
}

/* Writes the records of bronze that fit a condition into silver and gold, batch after batch, each in a context of its own. */
void
mls_bronze_convert(MlsWriter *writer, const MlsTable *table, const MlsSubscription *sub,
				   const char *condition, MlsCounters *counters)
{
	List *parents = mls_family_parents(sub, table);
	char *query = psprintf("SELECT %s FROM %s b WHERE %s", mls_bronze_columns(sub),
						   mls_qualified_name(sub->bronze), condition);
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

			batch = mls_bronze_batch(table, parents);
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
