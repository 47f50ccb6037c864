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

#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "gold/gold_write.h"
#include "gold/key_walk.h"
#include "gold/source_node.h"
#include "gold/statement.h"

/* The relation of a batch's keys. */
#define KEYS "mls_keys"

typedef struct Remapping
{
	MlsRun *run;
	MlsGoldWriter *gold_writer; /* NULL before the first batch */
	MlsKeyWalk walk;
	int64 mapped;
	MemoryContext batch;
} Remapping;

/* By what gold was made: the fingerprint of the rules, or NULL, and whether keys had the same prefix. */
static char *
read_fingerprint(const MlsSubscription *sub, const char *prefix, bool *same_prefix)
{
	mls_select("SELECT map_hash, key_prefix = $2 FROM mls.subscription WHERE id = $1",
			   mls_arg_int8(sub->id), mls_arg_text(prefix));
	if (SPI_processed != 1)
		return NULL;
	*same_prefix = mls_bool_at(0, 2);
	return mls_text_at(0, 1);
}

static void
write_fingerprint(const MlsSubscription *sub, const char *fingerprint, const char *prefix)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET map_hash = $2, key_prefix = $3 WHERE id = $1",
					mls_arg_int8(sub->id), mls_arg_text(fingerprint), mls_arg_text(prefix));
}

static const char *
prefix_of(const MlsTable *table)
{
	return table->source->key_prefix ? table->source->key_prefix : "";
}

/* The next sync or remap of each of a role's subscriptions makes its gold anew. */
void
mls_remap_force(Oid owner)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET map_hash = NULL "
					"WHERE owner::pg_catalog.oid = $1 AND map_hash IS NOT NULL",
					mls_arg_oid(owner));
}

/* ---- Batches ---- */

static void
begin_writer(Remapping *remapping)
{
	MlsRun *run = remapping->run;

	remapping->gold_writer =
		mls_gold_writer_begin(run->context, run->table, run->sub, run->id,
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
		mls_sql(mls_shards_expected(lfirst(lc), SPI_OK_UPDATE), lfirst(lc));
}

/* One batch, in the open transaction; false when there was none any more. */
static bool
remap_some(Remapping *remapping)
{
	MemoryContext before = MemoryContextSwitchTo(remapping->batch);
	int64 n;

	n = mls_key_walk_next(&remapping->walk);
	if (n > 0)
	{
		if (remapping->gold_writer == NULL)
			begin_writer(remapping);
		mls_gold_writer_prepare(remapping->gold_writer);
		mls_gold_writer_store(remapping->gold_writer, n, 0, false);
		clear(remapping);
		remapping->mapped += n;
	}
	mls_transition_close(&remapping->walk.keys);
	MemoryContextSwitchTo(before);
	MemoryContextReset(remapping->batch);
	return n == MLS_KEY_WALK_ROWS;
}

/* Batch after batch, each in a transaction. */
static void
remap_each(Remapping *remapping)
{
	MlsRun *run = remapping->run;
	bool more = true;

	while (more)
	{
		MlsCounters counters = run->counters;

		mls_run_begin_step(run);
		/* Pages of others must not use what they know of rules that are not in force any more. */
		if (remapping->walk.last == NULL)
			mls_subscription_map_again(run->sub->id);
		more = remap_some(remapping);
		mls_run_end_step(run, &counters);
	}
}

/* All in one transaction, for all keys change: nobody shall see a record twice, or not at all. */
static void
remap_at_once(Remapping *remapping)
{
	MlsRun *run = remapping->run;
	MlsCounters counters = run->counters;
	MemoryContext before;
	MlsRelease *release;

	mls_run_begin_step(run);
	mls_subscription_map_again(run->sub->id);
	before = MemoryContextSwitchTo(run->context);
	release = mls_release_begin(
		run->sub, run->table, run->id,
		mls_gold_parts(run->table->source->name, run->sub->resource, run->sub->gold), true);
	MemoryContextSwitchTo(before);
	while (remap_some(remapping))
		CHECK_FOR_INTERRUPTS();
	mls_release_end(release);
	mls_run_end_step(run, &counters);
}

static void
run_count(void *sql)
{
	mls_select(sql);
}

/*
 * Rows that no record of silver makes: those that were left when the subscription
 * ended, and whose prefix or record has become another before it came back.
 */
static List *
find_left(const MlsRun *run)
{
	MemoryContext context = CurrentMemoryContext;
	List *left = NIL;
	ListCell *lc;

	foreach (lc, mls_gold_left_parts(run->table, run->sub->silver, run->sub->gold))
	{
		const MlsGoldPart *part = lfirst(lc);
		char *message = NULL;

		if (mls_attempt(run_count,
						part->places
							? psprintf("SELECT pg_catalog.count(*) FROM (%s) x", part->places)
							: psprintf("SELECT pg_catalog.count(*) FROM %s WHERE %s",
									   mls_qualified_name(part->table), part->condition),
						&message) &&
			mls_int8_at(0, 1) > 0)
			left = lappend(left, (void *) part);
		MemoryContextSwitchTo(context);
	}
	return left;
}

/* What the rules in force make no more, and the word that gold is as they want it. */
static void
finish(MlsRun *run, const char *fingerprint, bool is_first)
{
	MlsCounters counters = run->counters;
	List *left;

	mls_run_begin_step(run);
	left = find_left(run);
	/* Rows that came with the source from another node stay until the load has had its say: the next run looks again. */
	if (left != NIL && is_first && mls_sources_have_nodes())
	{
		mls_run_end_step(run, &counters);
		return;
	}
	if (left != NIL)
		mls_release_end(mls_release_begin(run->sub, NULL, run->id, left, true));
	if (!is_first)
		mls_release_end(mls_release_begin(
			run->sub, NULL, run->id,
			mls_gold_other_parts(run->table, run->sub->silver, run->sub->gold), true));
	write_fingerprint(run->sub, fingerprint, prefix_of(run->table));
	mls_run_end_step(run, &counters);
}

/* Makes gold anew if the rules are not those it was made by; returns how many records that were. */
int64
mls_remap(MlsRun *run)
{
	Remapping remapping = {.run = run};
	MlsCounters counters = run->counters;
	char *known;
	char *fingerprint;
	bool is_right;
	bool same_prefix = true;

	if (!OidIsValid(run->sub->gold))
		return 0;
	mls_run_begin_step(run);
	MemoryContextSwitchTo(run->context);
	fingerprint = mls_gold_fingerprint(run->table, run->sub->silver, run->sub->gold);
	MemoryContextSwitchTo(run->context);
	known = read_fingerprint(run->sub, prefix_of(run->table), &same_prefix);
	MemoryContextSwitchTo(run->context);
	mls_key_walk_begin(&remapping.walk, run, KEYS);
	is_right = known != NULL && strcmp(known, fingerprint) == 0;
	if (!is_right || run->process == &mls_remap_process)
		mls_gold_index(run->table, run->sub->silver, run->sub->gold);
	mls_run_end_step(run, &counters);
	if (is_right)
		return 0;
	remapping.batch =
		AllocSetContextCreate(run->context, "mls_fdw remapping", ALLOCSET_DEFAULT_SIZES);
	if (same_prefix)
		remap_each(&remapping);
	else
		remap_at_once(&remapping);
	if (remapping.gold_writer != NULL)
		mls_gold_writer_end(remapping.gold_writer);
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
		mls_run_note(run, "%s mapped anew, since gold or its rules had changed",
					 mls_counted(run->outcome->drift, "record was", "records were"));
}

/* All of gold has just been made by the rules in force. */
void
mls_remap_settle(const MlsSubscription *sub, const MlsTable *table)
{
	if (OidIsValid(sub->gold))
		write_fingerprint(sub, mls_gold_fingerprint(table, sub->silver, sub->gold),
						  prefix_of(table));
}

const MlsProcess mls_remap_process = {
	.name = "remap",
	.work = mls_remap_own,
};
