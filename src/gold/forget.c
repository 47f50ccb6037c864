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
#include "options/options.h"

/* The gold tables beside one, itself included, as far as the role fills them (List of Oid). */
static List *
gold_tables(Oid gold)
{
	List *tables = NIL;

	mls_select("SELECT c.oid::pg_catalog.regclass::pg_catalog.oid FROM pg_catalog.pg_class c "
			   "WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p') AND "
			   "pg_catalog.has_table_privilege(c.oid, 'DELETE') AND "
			   "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a "
			   "WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname IN "
			   "('" MLS_GOLD_SOURCE "', '" MLS_GOLD_ORIGIN "', '" MLS_GOLD_SOURCE_KEY "')) = 3 "
			   "ORDER BY c.oid",
			   mls_arg_oid(get_rel_namespace(gold)));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Oid oid = mls_oid_at(i, 1);

		tables = lappend_oid(tables, DatumGetObjectId(oid));
	}
	return tables;
}

/* Names the resource a table of gold holds, and its key if that is unique; no resource for a table that is not ours. */
static void
read_resource(MlsGoldPart *part)
{
	const char *name = get_rel_name(part->table);

	mls_select("SELECT resource, key_field, unique_key FROM mls.dd_resource");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		const char *resource = mls_text_at(i, 1);

		if (strcmp(mls_snake_case(resource), name) != 0)
			continue;
		part->resource = resource;
		part->key_field = mls_bool_at(i, 3) ? mls_text_at(i, 2) : NULL;
	}
}

/* The rows that fit a condition, in each gold table (List of MlsGoldPart *). */
static List *
parts(Oid gold, const char *condition)
{
	List *found = NIL;
	ListCell *lc;

	if (!OidIsValid(gold) || get_rel_name(gold) == NULL)
		return NIL;
	foreach (lc, gold_tables(gold))
	{
		MlsGoldPart *part = palloc0(sizeof(MlsGoldPart));

		part->table = lfirst_oid(lc);
		part->condition = condition;
		read_resource(part);
		found = lappend(found, part);
	}
	return found;
}

static char *
made_from(const char *source, const char *resource)
{
	const char *name = quote_literal_cstr(resource);

	return psprintf(MLS_GOLD_SOURCE " = %s AND (" MLS_GOLD_ORIGIN " = %s OR "
									"pg_catalog.starts_with(" MLS_GOLD_ORIGIN ", %s || '/'))",
					quote_literal_cstr(source), name, name);
}

List *
mls_gold_parts(const char *source, const char *resource, Oid gold)
{
	return parts(gold, made_from(source, resource));
}

List *
mls_gold_other_parts(const MlsTable *table, Oid silver_table, Oid gold)
{
	StringInfoData kept;
	ListCell *lc;

	initStringInfo(&kept);
	foreach (lc, mls_gold_targets(table, silver_table))
	{
		const MlsGoldTarget *target = lfirst(lc);

		appendStringInfo(&kept, " AND (tableoid, " MLS_GOLD_ORIGIN ") IS DISTINCT FROM (%u, %s)",
						 mls_gold_table(target, gold), quote_literal_cstr(target->origin));
	}
	return parts(gold,
				 psprintf("%s%s", made_from(table->source->http.name, table->resource), kept.data));
}

void
mls_gold_rename(const char *source, const char *resource, const char *new_name, Oid gold)
{
	const char *made = made_from(source, resource);
	ListCell *lc;

	if (!OidIsValid(gold) || get_rel_name(gold) == NULL)
		return;
	mls_gold_pause_pages();
	foreach (lc, gold_tables(gold))
		mls_sql(SPI_OK_UPDATE,
				psprintf("UPDATE %s SET " MLS_GOLD_SOURCE " = %s WHERE %s",
						 mls_qualified_name(lfirst_oid(lc)), quote_literal_cstr(new_name), made));
}
