/*
 * target.c
 *		Which RESO resources rules make from a resource of a source.
 *
 * mls.row_map says it.  A resource without a row there makes the one of its own
 * name, or the one that rules of mls.field_map make from it, a row for a row.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "gold/map.h"
#include "options/options.h"

char *
mls_map_protocol(const MlsTable *table)
{
	return psprintf("%s/%s", table->source->protocol->name, table->source->platform_name);
}

/* Columns of the source's key, in key order. */
static List *
key_columns(const MlsTable *table)
{
	List *columns = NIL;
	ListCell *lc;

	foreach (lc, table->key)
	{
		const MlsColumn *column = mls_table_column(table, lfirst(lc));

		if (column == NULL)
			ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("foreign table %s has no column for key field \"%s\"", table->name,
						   (char *) lfirst(lc)));
		columns = lappend(columns, pstrdup(column->name));
	}
	return columns;
}

/*
 * Fields outside the dictionary describe the record itself: of several resources
 * made from it they go to the one of its name, or to the first, and not to files and
 * people that it has as well.
 */
static void
find_main(const MlsTable *table, List *targets)
{
	const char *colon = strchr(table->resource, ':');
	const char *own = colon ? pnstrdup(table->resource, colon - table->resource) : table->resource;
	const char *main = NULL;
	ListCell *lc;

	foreach (lc, targets)
		if (main == NULL || strcmp(((MlsGoldTarget *) lfirst(lc))->resource, own) == 0)
			main = ((MlsGoldTarget *) lfirst(lc))->resource;
	foreach (lc, targets)
	{
		MlsGoldTarget *target = lfirst(lc);

		target->is_main = strcmp(target->resource, main) == 0;
	}
}

/* Rows of (resource, key_field, unique_key, variant, condition, key). */
static List *
read_targets(const MlsTable *table)
{
	List *targets = NIL;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsGoldTarget *target = palloc0(sizeof(MlsGoldTarget));

		target->resource = mls_text_at(i, 1);
		target->key_field = mls_text_at(i, 2);
		target->unique_key = mls_bool_at(i, 3);
		target->variant = mls_text_at(i, 4);
		target->condition = mls_text_at(i, 5);
		target->key = mls_text_at(i, 6);
		target->origin = target->variant[0] == '\0'
							 ? table->resource
							 : psprintf("%s/%s", table->resource, target->variant);
		target->is_only = SPI_processed == 1;
		targets = lappend(targets, target);
	}
	return targets;
}

List *
mls_gold_targets(const MlsTable *table, Oid silver_table)
{
	List *targets;
	List *relations;
	ListCell *lc;

	if (table->key == NIL)
		return NIL;
	mls_select("SELECT m.resource, d.key_field, d.unique_key, m.variant, m.condition, m.key "
			   "FROM (SELECT DISTINCT ON (resource, variant) * FROM mls.row_map "
			   "WHERE " MLS_MAP_OF_PROTOCOL " AND source IN ('*', $2) AND " MLS_MAP_OF_RESOURCE " "
			   "ORDER BY resource, variant, source_resource = $3 DESC, source <> '*' "
			   "DESC, " MLS_MAP_NEAREST_PROTOCOL ", shipped) m "
			   "JOIN mls.dd_resource d USING (resource) ORDER BY m.key IS NOT NULL, "
			   "m.condition IS NOT NULL, m.resource, m.variant",
			   mls_arg_text(mls_map_protocol(table)), mls_arg_text(table->source->http.name),
			   mls_arg_text(table->resource));
	if (SPI_processed == 0)
		mls_select("SELECT d.resource, d.key_field, d.unique_key, '', NULL, NULL "
				   "FROM mls.field_map m JOIN mls.dd_resource d "
				   "ON m.resource IN ('*', d.resource) AND "
				   "CASE source_resource WHEN '*' "
				   "THEN d.resource = pg_catalog.split_part($3, ':', 1) "
				   "ELSE " MLS_MAP_OF_RESOURCE " END "
				   "WHERE " MLS_MAP_OF_PROTOCOL " AND m.source IN ('*', $2) "
				   "ORDER BY m.source <> '*' DESC, m.source_resource <> '*' DESC, "
				   "m.priority DESC, m.shipped, d.resource LIMIT 1",
				   mls_arg_text(mls_map_protocol(table)), mls_arg_text(table->source->http.name),
				   mls_arg_text(table->resource));
	targets = read_targets(table);
	if (targets == NIL)
		return NIL;
	find_main(table, targets);
	relations = mls_map_relations(table, silver_table);
	foreach (lc, targets)
	{
		MlsGoldTarget *target = lfirst(lc);

		target->relations = relations;
		target->key_columns = key_columns(table);
	}
	return targets;
}
