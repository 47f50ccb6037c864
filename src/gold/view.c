/*
 * view.c
 *		reso."<Resource>": the fields of gold under their RESO names, and nothing
 *		else.
 *
 * The view belongs to its readers' rights (security_invoker), so grants and row
 * security of gold hold behind it.  Its columns keep their order; new ones are
 * appended; it is not touched when there are none.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "commands/comment.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "gold/map.h"
#include "gold/schemas.h"

static List *
column_names(Oid relid)
{
	Relation rel = table_open(relid, AccessShareLock);
	TupleDesc desc = RelationGetDescr(rel);
	List *names = NIL;

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			names = lappend(names, makeString(pstrdup(NameStr(TupleDescAttr(desc, i)->attname))));
	table_close(rel, AccessShareLock);
	return names;
}

static bool
is_field(const char *column)
{
	return strcmp(column, MLS_GOLD_SOURCE) != 0 && strcmp(column, MLS_GOLD_SOURCE_KEY) != 0 &&
		   strcmp(column, MLS_GOLD_ORIGIN) != 0 && strcmp(column, MLS_GOLD_UPDATED_AT) != 0;
}

/* The view's columns as they are, and behind them what gold has besides. */
static List *
wanted_columns(List *present, Oid gold)
{
	List *wanted = list_copy(present);
	ListCell *lc;

	foreach (lc, column_names(gold))
		if (is_field(strVal(lfirst(lc))) && !list_member(present, lfirst(lc)))
			wanted = lappend(wanted, lfirst(lc));
	return wanted;
}

static char *
name_list(List *names)
{
	StringInfoData list;
	ListCell *lc;

	initStringInfo(&list);
	foreach (lc, names)
		appendStringInfo(&list, "%s%s", list.len ? ", " : "", quote_identifier(strVal(lfirst(lc))));
	return list.data;
}

/* Descriptions of gold's columns are the view's: servers such as PostgREST show them. */
static void
copy_comments(Oid view, Oid gold, List *names)
{
	ListCell *lc;

	/* Gold's may have been set in this very command. */
	CommandCounterIncrement();
	foreach (lc, names)
	{
		const char *name = strVal(lfirst(lc));

		CreateComments(view, RelationRelationId, get_attnum(view, name),
					   GetComment(gold, RelationRelationId, get_attnum(gold, name)));
	}
}

/* Servers such as PostgREST keep what they know of the schema until they are told. */
static void
tell_servers(void)
{
	Async_Notify("pgrst", "reload schema");
}

/* Makes the view, or appends to it what gold has besides. */
static void
make_view(const MlsGoldTarget *target, Oid gold_table, const char *schema, Oid view)
{
	List *present = OidIsValid(view) ? column_names(view) : NIL;
	List *wanted = wanted_columns(present, gold_table);

	if (OidIsValid(view) && list_length(wanted) == list_length(present))
		return;
	mls_gold_execute(
		psprintf("CREATE OR REPLACE VIEW %s WITH (security_invoker = true) AS SELECT %s FROM %s",
				 quote_qualified_identifier(schema, target->resource), name_list(wanted),
				 mls_qualified_name(gold_table)));
	if (!OidIsValid(view))
	{
		view = mls_find_relation(schema, target->resource);
		CreateComments(view, RelationRelationId, 0, psprintf("RESO resource %s", target->resource));
	}
	copy_comments(view, gold_table, list_difference(wanted, present));
	tell_servers();
}

void
mls_gold_view(const MlsGoldTarget *target, Oid gold_table)
{
	Oid schema = mls_schema_ensure(mls_schema_reso());

	make_view(target, gold_table, mls_schema_reso(), get_relname_relid(target->resource, schema));
}

/*
 * A view of the resource's name over gold, in whatever schema it was made, that is
 * not of an audience; or InvalidOid.
 */
Oid
mls_gold_find_view(const MlsGoldTarget *target, Oid gold_table)
{
	mls_select_stable(
		"SELECT c.oid FROM pg_catalog.pg_depend d "
		"JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid "
		"JOIN pg_catalog.pg_class c ON c.oid = r.ev_class "
		"WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass "
		"AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
		"AND d.refobjid = $1 AND c.relkind = 'v' AND c.relname = $2 "
		"AND NOT EXISTS (SELECT FROM mls.audience a WHERE a.view = c.oid) ORDER BY c.oid LIMIT 1",
		mls_arg_oid(gold_table), mls_arg_text(target->resource));
	return SPI_processed > 0 ? mls_oid_at(0, 1) : InvalidOid;
}

/* Appends to the view that is there. */
void
mls_gold_view_complete(const MlsGoldTarget *target, Oid gold_table)
{
	Oid view = mls_gold_find_view(target, gold_table);

	if (OidIsValid(view))
		make_view(target, gold_table, get_namespace_name(get_rel_namespace(view)), view);
}
