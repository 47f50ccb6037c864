/*
 * page_chain.c
 *		Pages that are asked for one after another, each while the one before is read.
 *
 * The end of a part is believed only when it is proven: the total announced at its
 * start must have arrived, or still be gone when asked again.  A total beyond which
 * more arrives is wrong, and proves nothing.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "protocol/page_chain.h"

MlsChain *
mls_chain_open(Size size, const MlsChainWay *way, const MlsQuery *query,
			   List *(*parts)(const MlsQuery *query))
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw stream", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	MlsChain *chain = palloc0(size);
	HASHCTL control = {.keysize = sizeof(uint64), .entrysize = sizeof(uint64), .hcxt = context};

	chain->head.protocol = query->table->source->protocol;
	chain->head.query = query;
	chain->head.announced = -1;
	chain->way = way;
	chain->context = context;
	chain->parts = parts(query);
	chain->part_announced = -1;
	chain->met = hash_create("mls_fdw met", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	MemoryContextSwitchTo(old);
	return chain;
}

const MlsPart *
mls_chain_part(const MlsChain *chain)
{
	return list_nth(chain->parts, chain->part);
}

const MlsHttpSource *
mls_chain_http(const MlsChain *chain)
{
	return &chain->head.query->table->source->http;
}

/* ---- asking ---- */

void
mls_chain_ask(MlsChain *chain, const char *url)
{
	MemoryContext old;

	chain->ahead_context =
		AllocSetContextCreate(chain->context, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(chain->ahead_context);
	chain->call.method = "GET";
	chain->call.url = pstrdup(url);
	chain->call.purpose = psprintf("page " INT64_FORMAT " of resource \"%s\"",
								   chain->head.pages + 1, chain->head.query->table->resource);
	chain->call.table = chain->head.query->table->name;
	chain->call.filter = chain->head.query->table->filter;
	chain->call.expand = chain->head.query->table->expand;
	chain->request = mls_http_start(mls_chain_http(chain), &chain->call, &chain->head.stats);
	MemoryContextSwitchTo(old);
}

static void
ask_first(MlsChain *chain)
{
	MemoryContext old = MemoryContextSwitchTo(chain->context);

	chain->way->ask_first(chain);
	MemoryContextSwitchTo(old);
}

void
mls_chain_start(MlsStream *stream)
{
	MlsChain *chain = (MlsChain *) stream;

	if (chain->request == NULL && !chain->finished)
		ask_first(chain);
}

void
mls_chain_close(MlsStream *stream)
{
	MlsChain *chain = (MlsChain *) stream;

	if (chain->request)
		mls_http_abandon(chain->request);
	MemoryContextDelete(chain->context);
}

/* ---- reading ---- */

/* How many different records of this part came. */
static int64
different(const MlsChain *chain)
{
	return chain->part_records - chain->part_repeated;
}

/* The key of a record as one text; NULL where a part of it lacks. */
static char *
key_of(const MlsTable *table, const MlsRecord *record, int *length)
{
	StringInfoData key;
	ListCell *lc;

	initStringInfo(&key);
	foreach (lc, table->key)
	{
		const MlsSlice *slice = mls_record_field(record, lfirst(lc));

		if (slice == NULL || slice->kind == MLS_NULL)
			return NULL;
		appendBinaryStringInfo(&key, slice->value, slice->value_length);
		appendStringInfoChar(&key, '\0');
	}
	*length = key.len;
	return key.len > 0 ? key.data : NULL;
}

/*
 * Notes which records of a page came before in this part; NULL if repeats are welcome.  A
 * source that finds its records in another order for each page sends as many as it counts,
 * some twice and others not at all: only different ones prove anything.
 */
static bool *
find_repeated(MlsChain *chain, const MlsPage *page)
{
	const MlsTable *table = chain->head.query->table;
	bool *repeated;

	if (!chain->head.query->different || table->key == NIL || page->nrecords == 0)
		return NULL;
	if (chain->keys == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(chain->context);

		chain->keys = mls_key_set_make(work_mem);
		MemoryContextSwitchTo(old);
	}
	repeated = palloc0(page->nrecords * sizeof(bool));
	for (int i = 0; i < page->nrecords; i++)
	{
		int length = 0;
		char *key = key_of(table, &page->records[i], &length);

		if (key == NULL)
			continue;
		repeated[i] = mls_key_set_add(chain->keys, key, length, 0) != MLS_KEY_NEW;
		chain->part_repeated += repeated[i];
		pfree(key);
	}
	return repeated;
}

/* Takes out of a page what came before. */
static void
keep_different(MlsPage *page, const bool *repeated)
{
	int kept = 0;

	for (int i = 0; i < page->nrecords; i++)
		if (!repeated[i])
			page->records[kept++] = page->records[i];
	page->nrecords = kept;
}

bool
mls_chain_note(MlsChain *chain, const char *text)
{
	uint64 hash = hash_bytes_extended((const unsigned char *) text, strlen(text), 0);
	bool found;

	hash_search(chain->met, &hash, HASH_ENTER, &found);
	return !found;
}

void
mls_chain_announce(MlsChain *chain, int64 announced)
{
	const MlsTable *table = chain->head.query->table;

	if (!table->source->protocol->countable(table))
		return;
	chain->part_announced = announced;
	chain->head.announced = Max(chain->head.announced, 0) + announced;
}

bool
mls_chain_total_ends(const MlsChain *chain, const MlsPage *page)
{
	return chain->part_announced >= 0 && chain->part_records >= chain->part_announced &&
		   mls_total_ends(chain->head.query->table, chain->part_announced, page->nrecords,
						  chain->part_largest);
}

/* The total of the part at hand as it is now; -1 if that cannot be asked. */
static int64
count_again(MlsChain *chain)
{
	MlsQuery query = *mls_chain_part(chain)->query;

	query.verify_count = false;
	return chain->exact ? chain->head.protocol->count(&query, &chain->head.stats) : -1;
}

/* More has come than was announced: the total has grown since, or it is wrong. */
static void
judge_total(MlsChain *chain)
{
	int64 announced = chain->part_announced;
	int64 now;

	if (announced < 0 || different(chain) <= announced)
		return;
	now = chain->part_pages == 0 ? announced : count_again(chain);
	if (mls_total_contradicts(announced, now, different(chain)))
	{
		mls_total_refute(chain->head.query->table, announced, different(chain));
		chain->part_announced = chain->head.announced = -1;
		return;
	}
	chain->part_announced = Max(now, different(chain));
	chain->head.announced += chain->part_announced - announced;
}

bool
mls_chain_limit_reached(const MlsChain *chain)
{
	const MlsQuery *query = mls_chain_part(chain)->query;

	return query->limit >= 0 && chain->exact && different(chain) >= query->limit;
}

void
mls_chain_report_page(const MlsChain *chain, const char *detail)
{
	mls_report_page(chain->head.query->table, chain->call.purpose, detail);
}

static void
forget_page(MlsChain *chain)
{
	if (chain->page_context)
		MemoryContextDelete(chain->page_context);
	chain->page_context = NULL;
}

/* The page on its way, read; the one after it is asked for.  NULL if the part begins anew. */
static MlsPage *
read_page(MlsChain *chain)
{
	MemoryContext old = MemoryContextSwitchTo(chain->ahead_context);
	MlsHttpResponse *response = mls_http_finish(chain->request);
	MlsPage *page;
	bool *repeated;

	chain->request = NULL;
	chain->page_context = chain->ahead_context;
	chain->ahead_context = NULL;
	page = chain->way->read(chain, response);
	if (page)
	{
		if (chain->head.date == 0)
			chain->head.date = mls_http_date(response, "date");
		chain->head.pages++;
		chain->head.records += page->nrecords;
		chain->part_records += page->nrecords;
		chain->head.next_link = NULL;
		repeated = find_repeated(chain, page);
		judge_total(chain);
		chain->way->follow(chain, response, page);
		chain->part_largest = Max(chain->part_largest, page->nrecords);
		chain->part_pages++;
		if (repeated)
			keep_different(page, repeated);
		mls_part_keep_own(mls_chain_part(chain), page);
	}
	MemoryContextSwitchTo(old);
	return page;
}

/* Some records came twice, and nothing proves that others do not lack for it. */
pg_noreturn static void
report_overlap(const MlsChain *chain)
{
	const MlsTable *table = chain->head.query->table;

	ereport(ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
			errmsg("the pages of resource \"%s\" of source \"%s\" overlap", table->resource,
				   table->source->name),
			errdetail("Of the %s that it sent, " INT64_FORMAT " had come before on another page.",
					  mls_counted(chain->part_records, "record", "records"), chain->part_repeated),
			errhint("Try again. If the source lists its records in no fixed order, use mls_sync(), "
					"which asks again for what did not come, and query what it has stored."));
}

/* At the end of a part: what was announced must have come, as far as it was wanted. */
static void
check_total(MlsChain *chain)
{
	const MlsQuery *query = mls_chain_part(chain)->query;
	int64 announced = chain->part_announced;
	int64 now;

	if (mls_chain_limit_reached(chain) || query->resume_link || query->stepwise)
		return;
	if (announced >= 0 && different(chain) >= announced)
	{
		mls_total_prove(query->table, announced);
		return;
	}
	if (announced < 0 && chain->part_repeated == 0)
		return;
	/* Records can vanish while a long chain is read. */
	now = announced < 0 ? -1 : count_again(chain);
	if (now >= 0 && different(chain) >= now)
		return;
	if (chain->part_repeated > 0)
		report_overlap(chain);
	mls_report_short(query->table, announced, chain->part_records);
}

/* Goes on to the next part of a split query; false at the end of the last. */
static bool
next_part(MlsChain *chain)
{
	check_total(chain);
	if (chain->part + 1 >= list_length(chain->parts))
	{
		chain->finished = true;
		return false;
	}
	chain->part++;
	chain->part_records = 0;
	chain->part_repeated = 0;
	if (chain->keys)
		mls_key_set_free(chain->keys);
	chain->keys = NULL;
	chain->part_announced = -1;
	chain->part_largest = 0;
	chain->part_pages = 0;
	return true;
}

MlsPage *
mls_chain_next_page(MlsStream *stream)
{
	MlsChain *chain = (MlsChain *) stream;

	forget_page(chain);
	while (!chain->finished)
	{
		MlsPage *page;

		CHECK_FOR_INTERRUPTS();
		if (chain->request == NULL)
		{
			/* Nothing on its way: the very start, the end of a part, or a part to begin anew. */
			if (chain->part_pages > 0 && !next_part(chain))
				break;
			ask_first(chain);
		}
		page = read_page(chain);
		if (page && page->nrecords > 0)
			return page;
		forget_page(chain);
	}
	return NULL;
}
