/*
 * rebuild.c
 *		mls_rebuild(): silver and gold of a subscription from bronze, without the
 *		network, by the conversion a sync uses.
 *
 * For when columns were added, a type was changed, or silver was damaged.  One
 * transaction, in the rights of the subscription's owner: readers see the old rows
 * until all new ones are there.
 */
#include "postgres.h"

#include "gold/gold_write.h"
#include "gold/statement.h"
#include "subscription/subscription.h"
#include "write/write.h"

PG_FUNCTION_INFO_V1(mls_rebuild);

/* Empties silver and the source's part of gold; what becomes of the keys there is seen later. */
static MlsRelease *
clear(const MlsSubscription *sub, const MlsTable *table, int64 run)
{
	MlsRelease *release = mls_release_begin(
		sub, table, run, mls_gold_parts(table->source->name, sub->resource, sub->gold), true);

	mls_sql(SPI_OK_DELETE, psprintf("DELETE FROM %s", mls_qualified_name(sub->silver)));
	mls_count_local(sub->id, sub->silver);
	return release;
}

/* Gold that looks at these rows missed what they were before: the next sync makes it anew. */
static void
forget_fingerprints(const MlsTable *table, const MlsSubscription *sub)
{
	ListCell *lc;

	foreach (lc, mls_gold_dependants(table, sub->silver, "mls_changed", "mls_gone"))
		mls_subscription_map_again(((MlsGoldDependant *) lfirst(lc))->subscription);
}

/* mls_rebuild(foreign_table): how many records were converted */
Datum
mls_rebuild(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	MlsTable *table;
	MlsCounters counters = {0};
	MlsSubscription *sub;
	MlsRights before;
	MlsRelease *release;
	MlsWriter *writer;
	int64 run;

	mls_refuse_standby("mls_rebuild()", "rebuild");
	SPI_connect();
	mls_identity_follow_renames();
	sub = mls_subscription_by_table(relid);
	if (sub == NULL)
		ereport(
			ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
			errmsg("foreign table %s is not subscribed", mls_qualified_name(relid)),
			errhint(
				"Subscribe it first: SELECT mls_subscribe(%s); the view mls_status lists what is.",
				quote_literal_cstr(mls_qualified_name(relid))));
	mls_owner_enter(&before, sub, "rebuild");
	table = mls_table_get(relid, sub->owner, false);
	mls_subscription_require_lock(sub);
	mls_silver_follow(sub->silver, table);
	run = mls_run_start(sub, "rebuild");
	mls_precedence_follow(sub, table);
	mls_gold_restore(sub, table);
	release = clear(sub, table, run);
	writer = mls_writer_begin(table, sub, run);
	mls_bronze_convert(writer, table, sub, "deleted_at IS NULL", &counters);
	mls_writer_end(writer);
	mls_release_end(release);
	mls_scope_settle(sub, table);
	mls_remap_settle(sub, table);
	forget_fingerprints(table, sub);
	mls_run_progress(run, &counters);
	mls_run_finish(run, "finished", NULL, NULL, sub->cursor_timestamp);
	mls_rights_leave(&before);
	SPI_finish();
	PG_RETURN_INT64(counters.received);
}
