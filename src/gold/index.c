/*
 * index.c
 *		Indexes of gold for the joins everybody makes: from a record to what it
 *		belongs to (Media.ResourceRecordKey, OpenHouse.ListingKey), to its members
 *		and offices; and for what has changed since (ModificationTimestamp).
 *
 * Which field holds whose key stands in the dictionary.  Keys that are mostly
 * missing (CoBuyerAgentKey) cost little, since rows without one are left out.  An
 * index that is there already, ours or another, is enough; others stay.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "gold/gold.h"
#include "gold/map.h"

static bool index_gold = true;

void
mls_gold_define_settings(void)
{
	DefineCustomBoolVariable("mls_fdw.index_gold",
							 "Whether gold gets indexes for joins and modification timestamps.",
							 "Indexes that exist stay when this is changed.", &index_gold, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

/*
 * Columns that want an index, and whether it holds rows without a value.  Nobody
 * asks what somebody changed last.  An index serves if it is sorted by the column
 * first and leaves out no row that has a value.
 */
static const char *const missing_indexes =
	"SELECT a.attname, f.target_resource IS NULL "
	"FROM pg_catalog.pg_attribute a JOIN mls.dd_field f ON f.field = a.attname "
	"WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped "
	"AND f.resource = $2 AND NOT f.is_expansion "
	"AND a.atttypid IN ('pg_catalog.text'::pg_catalog.regtype, "
	"'pg_catalog.timestamptz'::pg_catalog.regtype) "
	"AND (f.target_resource IS NOT NULL AND f.field <> 'ChangedByMemberKey' "
	"OR f.field = 'ModificationTimestamp') "
	"AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i "
	"JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
	"JOIN pg_catalog.pg_am m ON m.oid = c.relam "
	"WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid "
	"AND m.amname = 'btree' AND (i.indpred IS NULL OR pg_catalog.pg_get_expr(i.indpred, "
	"i.indrelid) "
	"= pg_catalog.format('(%I IS NOT NULL)', a.attname))) ORDER BY a.attnum";

/* The table's owner makes them, whoever else brings records to it. */
void
mls_gold_index_table(const MlsGoldTarget *target, Oid gold)
{
	List *commands = NIL;
	ListCell *lc;

	if (!index_gold || !object_ownercheck(RelationRelationId, gold, GetUserId()))
		return;
	mls_select(missing_indexes, mls_arg_oid(gold), mls_arg_text(target->resource));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		const char *column = quote_identifier(mls_text_at(i, 1));

		commands = lappend(
			commands, psprintf("CREATE INDEX ON %s (%s)%s", mls_qualified_name(gold), column,
							   mls_bool_at(i, 2) ? "" : psprintf(" WHERE %s IS NOT NULL", column)));
	}
	foreach (lc, commands)
		mls_gold_execute(lfirst(lc));
}

void
mls_gold_index(const MlsTable *table, Oid silver_table, Oid gold)
{
	MemoryContext context = CurrentMemoryContext;
	ListCell *lc;

	foreach (lc, mls_gold_targets(table, silver_table))
	{
		Oid relid = mls_gold_table(lfirst(lc), gold);

		if (OidIsValid(relid) && get_rel_name(relid) != NULL)
			mls_gold_index_table(lfirst(lc), relid);
	}
	MemoryContextSwitchTo(context);
}
