/*
 * related_bounds.c
 *		Subscriptions that live on the records of others.
 *
 * Of some the source has no list.  Whoever subscribes one is told what it needs, and
 * one that is synced by name, where others feed it, has nothing to do.
 *
 * Others could be read by themselves as well.  Where not all of their parents are
 * here, for these have a filter, the source has more of them than belong here: so
 * whatever lists, counts or reads them does it within the parents that are here.
 *
 * Which records come with which is related_links.c's.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/lsyscache.h"

#include "read/key_snapshot.h"
#include "subscription/subscription.h"

/* ---- Within the parents that are here ---- */

/* Chains of parents are no longer than that; it ends where resources feed each other. */
#define MAX_GENERATIONS 4

/* Requests that a count may take; what needs more is for a reconcile. */
#define MAX_COUNT_REQUESTS 100

/* Parents whose children are counted in one request. */
#define COUNT_PARENTS 50

static const MlsSubscription *
sibling_of(List *siblings, const char *resource)
{
	ListCell *lc;

	foreach (lc, siblings)
		if (strcmp(((MlsSubscription *) lfirst(lc))->resource, resource) == 0)
			return lfirst(lc);
	return NULL;
}

static List *bounds_of(const MlsSubscription *sub, const MlsTable *table, int generation);

/* Has a subscription less than all records of its resource? */
static bool
is_part(const MlsSubscription *sub, const MlsTable *table, int generation)
{
	return table->filter != NULL ||
		   (generation < MAX_GENERATIONS && bounds_of(sub, table, generation + 1) != NIL);
}

static List *
bounds_of(const MlsSubscription *sub, const MlsTable *table, int generation)
{
	List *siblings = mls_related_siblings(sub);
	List *bounds = NIL;
	bool narrow = false;
	ListCell *lc;

	foreach (lc, mls_related_links_to(sub, siblings))
	{
		const MlsLink *link = lfirst(lc);
		const MlsSubscription *parent = sibling_of(siblings, link->resource);
		MlsRelatedBound *bound;
		MlsTable *parents;

		/* What does not say whose it is cannot be judged by it. */
		if (parent == NULL || link->key_field == NULL ||
			mls_table_column(table, link->key_field) == NULL ||
			get_rel_name(parent->silver) == NULL)
			return NIL;
		parents = mls_table_get(parent->foreign_table, parent->owner, false);
		bound = palloc0(sizeof(MlsRelatedBound));
		bound->resource = link->resource;
		bound->key_field = link->key_field;
		bound->kind_field = link->kind_field;
		bound->silver = parent->silver;
		bound->key_column = mls_table_column(parents, linitial(parents->key))->name;
		bounds = lappend(bounds, bound);
		narrow |= is_part(parent, parents, generation);
	}
	return narrow ? bounds : NIL;
}

/*
 * The parents of a fed subscription, if there are fewer here than at the source
 * (List of MlsRelatedBound *, in CurrentMemoryContext); NIL if it is not fed, or not so.
 */
List *
mls_related_bounds(const MlsSubscription *sub, const MlsTable *table)
{
	return bounds_of(sub, table, 0);
}

static char *
text_of(const MlsRecord *record, const char *field)
{
	const MlsSlice *slice = mls_record_field(record, field);

	if (slice == NULL || slice->kind == MLS_NULL || slice->kind == MLS_ARRAY ||
		slice->kind == MLS_OBJECT)
		return NULL;
	return mls_slice_text(slice);
}

/* The keys of the parents that a bound is about, by item; NULL where it is about none. */
static Datum
parent_keys(const MlsRelatedBound *bound, const MlsBatch *batch)
{
	Datum *keys = palloc0(Max(batch->nitems, 1) * sizeof(Datum));
	bool *nulls = palloc(Max(batch->nitems, 1) * sizeof(bool));
	int dims[] = {batch->nitems};
	int lower[] = {1};

	for (int i = 0; i < batch->nitems; i++)
	{
		const MlsRecord *record = batch->items[i].record;
		char *kind = bound->kind_field ? text_of(record, bound->kind_field) : NULL;
		char *key = text_of(record, bound->key_field);

		nulls[i] = key == NULL || (bound->kind_field != NULL &&
								   (kind == NULL || strcmp(kind, bound->resource) != 0));
		if (!nulls[i])
			keys[i] = CStringGetTextDatum(key);
	}
	return PointerGetDatum(
		construct_md_array(keys, nulls, 1, dims, lower, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Which items belong to parents of which none is here; NULL if none does.  In an open transaction. */
bool *
mls_related_outside(List *bounds, const MlsBatch *batch)
{
	bool *outside;
	bool *concerned;
	ListCell *lc;

	if (bounds == NIL || batch->nitems == 0)
		return NULL;
	outside = palloc0(batch->nitems * sizeof(bool));
	concerned = palloc0(batch->nitems * sizeof(bool));
	foreach (lc, bounds)
	{
		const MlsRelatedBound *bound = lfirst(lc);

		mls_select(psprintf("SELECT u.n::pg_catalog.int4, EXISTS (SELECT FROM %s p "
							"WHERE p.%s::pg_catalog.text = u.key) FROM pg_catalog.unnest($1) "
							"WITH ORDINALITY AS u (key, n) WHERE u.key IS NOT NULL",
							mls_qualified_name(bound->silver), quote_identifier(bound->key_column)),
				   mls_arg(TEXTARRAYOID, parent_keys(bound, batch)));
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			int n = mls_int4_at(i, 1);
			bool here = mls_bool_at(i, 2);

			outside[n - 1] = !here && (!concerned[n - 1] || outside[n - 1]);
			concerned[n - 1] = true;
		}
	}
	return outside;
}

/* Takes these items out of a batch: their parents will bring them when they come. */
void
mls_related_leave_out(List *bounds, MlsBatch *batch)
{
	bool *outside = mls_related_outside(bounds, batch);

	for (int i = 0; outside != NULL && i < batch->nitems; i++)
		batch->items[i].superseded |= outside[i];
}

/* ---- Counting them ---- */

static MlsCondition *
is_of_kind(const MlsTable *table, const MlsRelatedBound *bound)
{
	char *kind = pstrdup(bound->resource);

	return linitial(mls_cursor_by_values(table, bound->kind_field, &kind, 1)->conditions);
}

/* The count of a query with further conditions; -1 if the source cannot do it. */
static int64
count_with(const MlsTable *table, const MlsQuery *all, List *conditions, MlsHttpStats *stats)
{
	MlsQuery query = *all;
	ListCell *lc;

	foreach (lc, conditions)
		if (mls_condition_fit(table, lfirst(lc)) == MLS_FIT_NO)
			return -1;
	query.conditions = list_concat_copy(all->conditions, conditions);
	return table->source->protocol->count(&query, stats);
}

/* All keys of parents, in the current context. */
static char **
keys_of_parents(const MlsRelatedBound *bound, int *n)
{
	char **keys;

	mls_select(psprintf("SELECT p.%s::pg_catalog.text FROM %s p ORDER BY 1 LIMIT %d",
						quote_identifier(bound->key_column), mls_qualified_name(bound->silver),
						MAX_COUNT_REQUESTS * COUNT_PARENTS + 1));
	*n = SPI_processed;
	keys = palloc(Max(*n, 1) * sizeof(char *));
	for (int i = 0; i < *n; i++)
		keys[i] = mls_text_at(i, 1);
	return keys;
}

static void
refuse_count(const MlsSubscription *sub, const MlsRelatedBound *bound)
{
	ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			errmsg("resource \"%s\" has to be counted within the records of resource \"%s\" that "
				   "are here, which are too many",
				   sub->resource, bound->resource),
			errhint("mls_reconcile(%s, %s, dry_run => true) compares it key by key.",
					quote_literal_cstr(sub->source), quote_literal_cstr(sub->resource)));
}

/* How many records belong to some parents; a list that is too long for a request is halved. */
static int64
count_of_some(const MlsTable *table, const MlsRelatedBound *bound, char **keys, int n,
			  const MlsQuery *all, MlsHttpStats *stats)
{
	List *conditions = mls_cursor_by_values(table, bound->key_field, keys, n)->conditions;
	int64 first;
	int64 second;

	if (bound->kind_field != NULL)
		conditions = lappend(conditions, is_of_kind(table, bound));
	first = count_with(table, all, conditions, stats);
	if (first >= 0 || n <= 1)
		return first;
	first = count_of_some(table, bound, keys, n / 2, all, stats);
	second = first < 0 ? -1 : count_of_some(table, bound, keys + n / 2, n - n / 2, all, stats);
	return second < 0 ? -1 : first + second;
}

/* How many records belong to the parents of a bound that are here; -1 if the source cannot say. */
static int64
count_of_parents(const MlsSubscription *sub, const MlsTable *table, const MlsRelatedBound *bound,
				 const MlsQuery *all, MlsHttpStats *stats)
{
	bool lists = table->source->platform.in_allowed || table->source->platform.or_allowed;
	int size = lists ? COUNT_PARENTS : 1;
	int64 sum = 0;
	char **keys;
	int n;

	keys = keys_of_parents(bound, &n);
	if (n > MAX_COUNT_REQUESTS * size)
		refuse_count(sub, bound);
	for (int i = 0; i < n; i += size)
	{
		int64 count = count_of_some(table, bound, keys + i, Min(size, n - i), all, stats);

		if (count < 0)
			return -1;
		sum += count;
	}
	return sum;
}

/*
 * How many records a fed subscription would have: those of the parents that are
 * here, and those of resources that do not feed it.  -1 if the source cannot say.
 */
int64
mls_related_count(const MlsSubscription *sub, const MlsTable *table, List *bounds, MlsQuery *all,
				  MlsHttpStats *stats)
{
	int64 total = table->source->protocol->count(all, stats);
	int64 sum = 0;
	bool kinds = true;
	ListCell *lc;

	/* Who does not count all counts no part. */
	if (total < 0)
		return -1;

	foreach (lc, bounds)
	{
		const MlsRelatedBound *bound = lfirst(lc);
		int64 here = count_of_parents(sub, table, bound, all, stats);
		int64 there = 0;

		if (bound->kind_field != NULL)
			there = count_with(table, all, list_make1(is_of_kind(table, bound)), stats);
		kinds &= bound->kind_field != NULL;
		if (here < 0 || there < 0)
			return -1;
		sum += here - there;
	}
	return kinds ? total + sum : sum;
}
