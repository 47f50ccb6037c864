/*
 * forget.c
 *		Rows of gold as a whole: those of a source or of one of its resources.
 *
 * They are found in all gold tables of a schema, not by the rules, which may have
 * changed since the rows were made.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "gold/gold.h"
#include "gold/map.h"

/* The gold tables beside one, itself included, as far as the role fills them, by qualified name (List of char *). */
static List *
gold_tables(Oid gold)
{
	const char *arguments[] = {psprintf("%u", get_rel_namespace(gold))};
	List *tables = NIL;

	mls_map_query("SELECT c.oid::pg_catalog.regclass::pg_catalog.oid FROM pg_catalog.pg_class c "
				  "WHERE c.relnamespace = $1::pg_catalog.oid AND c.relkind IN ('r', 'p') AND "
				  "pg_catalog.has_table_privilege(c.oid, 'DELETE') AND "
				  "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a "
				  "WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname IN "
				  "('" MLS_GOLD_SOURCE "', '" MLS_GOLD_ORIGIN "', '" MLS_GOLD_SOURCE_KEY "')) = 3 "
				  "ORDER BY c.oid",
				  1, arguments);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		Datum oid = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		tables = lappend(tables, mls_gold_qualified_name(DatumGetObjectId(oid)));
	}
	return tables;
}

/* Runs a command, with the table's name for %s, on each gold table. */
static void
execute_on_each(Oid gold, const char *before, const char *after)
{
	MemoryContext context = CurrentMemoryContext;
	ListCell *lc;

	if (OidIsValid(gold) && get_rel_name(gold) != NULL)
		foreach (lc, gold_tables(gold))
			mls_gold_execute(psprintf("%s %s %s", before, (char *) lfirst(lc), after));
	MemoryContextSwitchTo(context);
}

void
mls_gold_forget(const char *source, const char *resource, Oid gold)
{
	const char *name = quote_literal_cstr(resource);

	execute_on_each(gold, "DELETE FROM",
					psprintf("WHERE " MLS_GOLD_SOURCE " = %s AND (" MLS_GOLD_ORIGIN " = %s OR "
							 "pg_catalog.starts_with(" MLS_GOLD_ORIGIN ", %s || '/'))",
							 quote_literal_cstr(source), name, name));
}

void
mls_gold_rename(const char *source, const char *new_name, Oid gold)
{
	execute_on_each(gold, "UPDATE",
					psprintf("SET " MLS_GOLD_SOURCE " = %s WHERE " MLS_GOLD_SOURCE " = %s",
							 quote_literal_cstr(new_name), quote_literal_cstr(source)));
}

void
mls_gold_forget_others(const MlsTable *table, Oid silver_table, Oid gold)
{
	const char *source = quote_literal_cstr(table->source->http.name);
	const char *name = quote_literal_cstr(table->resource);
	StringInfoData kept;
	ListCell *lc;

	initStringInfo(&kept);
	foreach (lc, mls_gold_targets(table, silver_table))
	{
		const MlsGoldTarget *target = lfirst(lc);

		appendStringInfo(&kept, " AND (tableoid, " MLS_GOLD_ORIGIN ") IS DISTINCT FROM (%u, %s)",
						 mls_gold_table(target, gold), quote_literal_cstr(target->origin));
	}
	execute_on_each(gold, "DELETE FROM",
					psprintf("WHERE " MLS_GOLD_SOURCE " = %s AND (" MLS_GOLD_ORIGIN " = %s OR "
							 "pg_catalog.starts_with(" MLS_GOLD_ORIGIN ", %s || '/'))%s",
							 source, name, name, kept.data));
}
