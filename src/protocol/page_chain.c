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

	if (announced < 0 || chain->part_records <= announced)
		return;
	now = chain->part_pages == 0 ? announced : count_again(chain);
	if (mls_total_contradicts(announced, now, chain->part_records))
	{
		mls_total_refute(chain->head.query->table, announced, chain->part_records);
		chain->part_announced = chain->head.announced = -1;
		return;
	}
	chain->part_announced = Max(now, chain->part_records);
	chain->head.announced += chain->part_announced - announced;
}

bool
mls_chain_limit_reached(const MlsChain *chain)
{
	const MlsQuery *query = mls_chain_part(chain)->query;

	return query->limit >= 0 && chain->exact && chain->part_records >= query->limit;
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

	chain->request = NULL;
	chain->page_context = chain->ahead_context;
	chain->ahead_context = NULL;
	page = chain->way->read(chain, response);
	if (page)
	{
		if (chain->head.date == 0)
			chain->head.date = response->date;
		chain->head.pages++;
		chain->head.records += page->nrecords;
		chain->part_records += page->nrecords;
		chain->head.next_link = NULL;
		judge_total(chain);
		chain->way->follow(chain, response, page);
		chain->part_largest = Max(chain->part_largest, page->nrecords);
		chain->part_pages++;
		mls_part_keep_own(mls_chain_part(chain), page);
	}
	MemoryContextSwitchTo(old);
	return page;
}

/* At the end of a part: what was announced must have come, as far as it was wanted. */
static void
check_total(MlsChain *chain)
{
	const MlsQuery *query = mls_chain_part(chain)->query;
	int64 announced = chain->part_announced;
	int64 now;

	if (mls_chain_limit_reached(chain) || query->resume_link || query->stepwise || announced < 0)
		return;
	if (chain->part_records >= announced)
	{
		mls_total_prove(query->table, announced);
		return;
	}
	/* Records can vanish while a long chain is read. */
	now = count_again(chain);
	if (now < 0 || chain->part_records < now)
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
