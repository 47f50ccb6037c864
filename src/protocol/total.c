/*
 * total.c
 *		What this process has found out about the totals that sources announce.
 *
 * A total that is smaller than what came is wrong, and what is wrong once is not asked
 * for again.  A total that is met exactly proves the end only if it is known to reach
 * beyond a page: some sources count the records of the page, or no further than a
 * limit.  Such a count is never smaller than one that was proven before, by asking for
 * what is behind the last record; so a smaller one can be believed.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "base/base.h"
#include "protocol/page_chain.h"

/* No source cuts its pages to less than this. */
#define LEAST_PAGE 10

/* So much can have come and gone while a long chain was read. */
#define CHURN 0.01

typedef struct TotalKey
{
	Oid server_id;
	char resource[NAMEDATALEN];
} TotalKey;

typedef struct Total
{
	TotalKey key;
	int64 proven; /* the largest that was right, or -1 */
	bool refuted;
	int64 announced; /* refuted: what was said, and what came */
	int64 received;
} Total;

static HTAB *totals = NULL;

/* What is known of a table's totals; NULL if that is nothing and must not be made. */
static Total *
find_total(const MlsTable *table, bool make)
{
	TotalKey key = {.server_id = table->source->server_id};
	Total *total;
	bool found;

	if (totals == NULL)
	{
		HASHCTL control = {.keysize = sizeof(TotalKey), .entrysize = sizeof(Total)};

		totals = hash_create("mls_fdw totals", 32, &control, HASH_ELEM | HASH_BLOBS);
	}
	strlcpy(key.resource, table->resource, NAMEDATALEN);
	total = hash_search(totals, &key, make ? HASH_ENTER : HASH_FIND, &found);
	if (total && !found)
	{
		total->proven = -1;
		total->refuted = false;
	}
	return total;
}

void
mls_total_prove(const MlsTable *table, int64 announced)
{
	Total *total = find_total(table, true);

	total->proven = Max(total->proven, announced);
}

int64
mls_total_proven(const MlsTable *table)
{
	const Total *total = find_total(table, false);

	return total && !total->refuted ? total->proven : -1;
}

/* Is a total smaller than one that was right? */
static bool
is_believed(const MlsTable *table, int64 announced)
{
	return announced < mls_total_proven(table);
}

bool
mls_total_ends(const MlsTable *table, int64 announced, int64 records, int64 largest)
{
	return records < LEAST_PAGE || records < largest || is_believed(table, announced);
}

void
mls_total_refute(const MlsTable *table, int64 announced, int64 received)
{
	Total *total = find_total(table, true);

	total->refuted = true;
	total->announced = announced;
	total->received = received;
}

bool
mls_total_is_refuted(const MlsTable *table)
{
	const Total *total = find_total(table, false);

	return total && total->refuted;
}

bool
mls_total_contradicts(int64 before, int64 now, int64 received)
{
	return now < received && (now < 0 || now == before || received - now > now * CHURN);
}

char *
mls_total_objection(const MlsTable *table)
{
	const Total *total = find_total(table, false);

	if (total == NULL || !total->refuted)
		return NULL;
	return psprintf("the source counts %s and has at least " INT64_FORMAT
					", so its count is not used",
					mls_counted(total->announced, "record", "records"), total->received);
}

/* ---- totals that are asked for ---- */

/*
 * Is there a record behind as many as the source counts?  One that sends the same again
 * does not know how to skip, and then nobody can say.
 */
static bool
has_more(const MlsQuery *query, MlsAskTotal ask, const MlsPage *first, int64 total,
		 MlsHttpStats *stats)
{
	const MlsPage *page;
	int64 again;

	if (first->nrecords > total)
		return true;
	page = total > 0 ? ask(query, total, &again, stats) : NULL;
	return page && page->nrecords > 0 && first->nrecords > 0 &&
		   (page->records[0].length != first->records[0].length ||
			memcmp(page->records[0].json, first->records[0].json, first->records[0].length) != 0);
}

int64
mls_ask_count(const MlsQuery *query, MlsAskTotal ask, MlsHttpStats *stats)
{
	int64 total = -1;
	int64 again = -1;
	const MlsPage *first = ask(query, 0, &total, stats);

	if (first == NULL || total < 0 || !query->verify_count || is_believed(query->table, total))
		return total;
	if (!has_more(query, ask, first, total, stats))
	{
		mls_total_prove(query->table, total);
		return total;
	}
	/* Something may have come meanwhile. */
	first = ask(query, 0, &again, stats);
	if (first && again > total && !has_more(query, ask, first, again, stats))
		return again;
	mls_total_refute(query->table, total, total + 1);
	return -1;
}

void
mls_report_short(const MlsTable *table, int64 announced, int64 received)
{
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
					errmsg("source \"%s\" ended the pages of resource \"%s\" too early",
						   table->source->name, table->resource),
					errdetail("It announced %s and sent " INT64_FORMAT ".",
							  mls_counted(announced, "record", "records"), received),
					errhint("Try again. If the source's count is only an estimate, set the server "
							"option push_count to false.")));
}
