/*
 * key_fetch.c
 *		Records asked for by their keys: the wanted ones of a listing, page after
 *		page.
 *
 * Keys go in lists as long as the source takes them; the protocol splits a list
 * that does not fit into an address.  Of a composite key only the first field is
 * asked for, which brings more records than wanted, and never fewer.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "read/key_snapshot.h"

/* Keys taken from the listing at a time. */
#define CHUNK_KEYS 500

/* ---- The wanted keys ---- */

/* How many records are wanted now. */
int64
mls_listing_wanted(MlsListing *listing)
{
	return mls_listing_execute(
		listing, psprintf("SELECT pg_catalog.count(*) FROM %s WHERE wanted", listing->table));
}

/* The records of a batch are wanted no more.  In an open transaction. */
void
mls_listing_settle(MlsListing *listing, const MlsBatch *batch)
{
	Oid types[] = {TEXTARRAYOID};
	char **keys = palloc(batch->nitems * sizeof(char *));
	Datum values[1];
	int n = 0;
	int i;

	for (i = 0; i < batch->nitems; i++)
		if (batch->items[i].key != NULL && !batch->items[i].gone)
			keys[n++] = batch->items[i].key;
	values[0] = mls_key_array(keys, n);
	mls_execute(
		psprintf("UPDATE %s SET wanted = false WHERE wanted AND key = ANY ($1)", listing->table), 1,
		types, values, NULL, SPI_OK_UPDATE);
}

/* The first field of a key as bronze has it. */
static char *
first_part(const MlsTable *table, const char *key)
{
	StringInfoData part;

	if (list_length(table->key) == 1)
		return pstrdup(key);
	initStringInfo(&part);
	for (; *key && *key != '|'; key++)
	{
		if (*key == '\\' && key[1])
			key++;
		appendStringInfoChar(&part, *key);
	}
	return part.data;
}

/* Up to so many of the wanted keys that follow the last ones, in the listing's context; NULL after the last. */
char **
mls_listing_next(MlsListing *listing, int size, int *n)
{
	MlsRun *run = listing->run;
	MlsCounters counters = run->counters;
	Oid types[] = {TEXTOID, INT4OID};
	MemoryContext before;
	Datum values[2];
	char **keys;
	int i;

	Assert(listing->stream == NULL);
	MemoryContextReset(listing->context);
	mls_run_begin_step(run);
	values[0] = CStringGetTextDatum(listing->last_key ? listing->last_key : "");
	values[1] = Int32GetDatum(size);
	mls_execute(psprintf("SELECT key FROM %s WHERE wanted AND key > $1 ORDER BY key LIMIT $2",
						 listing->table),
				2, types, values, NULL, SPI_OK_SELECT);
	*n = SPI_processed;
	before = MemoryContextSwitchTo(listing->context);
	keys = palloc(Max(*n, 1) * sizeof(char *));
	for (i = 0; i < *n; i++)
		keys[i] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
	if (*n > 0)
		listing->last_key = MemoryContextStrdup(run->context, keys[*n - 1]);
	MemoryContextSwitchTo(before);
	mls_run_end_step(run, &counters);
	return *n > 0 ? keys : NULL;
}

/* ---- Asking ---- */

static MlsQuery *
query_for(const MlsTable *table, char **keys, int n, bool keys_only)
{
	const MlsPlatform *platform = &table->source->platform;
	char **parts = palloc(n * sizeof(char *));
	MlsQuery *query;
	int i;

	for (i = 0; i < n; i++)
		parts[i] = first_part(table, keys[i]);
	query = mls_keys_query(table, linitial(table->key), parts, n);
	query->keys_only = keys_only;
	if (keys_only)
		query->fields = list_copy(table->key);
	if (keys_only && platform->deletion_flag != NULL)
		query->fields = lappend(query->fields, pstrdup(platform->deletion_flag));
	return query;
}

/* Asks for the next wanted keys; false if there are none. */
static bool
ask_next(MlsListing *listing, bool keys_only)
{
	const MlsTable *table = listing->run->table;
	const MlsPlatform *platform = &table->source->platform;
	bool lists = platform->in_allowed || platform->or_allowed;
	MemoryContext before;
	MlsQuery *query;
	char **keys;
	int n;

	keys = mls_listing_next(listing, lists ? CHUNK_KEYS : 1, &n);
	if (keys == NULL)
		return false;
	before = MemoryContextSwitchTo(listing->context);
	query = query_for(table, keys, n, keys_only);
	MemoryContextSwitchTo(before);
	mls_listing_open(listing, query);
	return true;
}

/*
 * The next page of wanted records, valid until the next call; NULL when all were
 * asked for.  Uses the network, so no transaction may be open.
 */
MlsBatch *
mls_keys_next(MlsListing *listing, bool keys_only)
{
	const MlsTable *table = listing->run->table;
	MemoryContext before = MemoryContextSwitchTo(listing->batch_context);
	MlsBatch *batch = NULL;

	MemoryContextReset(listing->batch_context);
	while (batch == NULL && (listing->stream != NULL || ask_next(listing, keys_only)))
	{
		MlsStream *stream = listing->stream;
		MlsPage *page;

		MemoryContextSwitchTo(listing->batch_context);
		page = stream->protocol->next_page(stream);
		if (stream->dropped != NIL)
			ereport(ERROR, errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
					errmsg("source \"%s\" refused to filter resource \"%s\" by its key",
						   table->source->http.name, table->resource));
		if (page == NULL)
			mls_listing_close(listing);
		else
		{
			batch = mls_batch_read(table, page->records, page->nrecords);
			batch->replaced = page->replaced;
			batch->missing = stream->missing;
		}
	}
	MemoryContextSwitchTo(before);
	return batch;
}
