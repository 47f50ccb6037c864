/*
 * fed.c
 *		Subscriptions whose source has no list of their records: they live on those
 *		of others.  Whoever subscribes one is told what it needs, and one that is
 *		synced by name, where others feed it, has nothing to do.
 *
 * Which records come with which is family.c's; no network.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "sync/sync.h"

/* The resources that hold the records of a table, if nothing else lists them (List of char *). */
static List *
holders(const MlsTable *table)
{
	const MlsProtocol *protocol = table->source->protocol;

	return protocol->holders && table->parent == NIL ? protocol->holders(table) : NIL;
}

/* The role's own foreign tables of those resources (List of MlsTable *). */
static List *
tables_of(const MlsTable *table, List *resources)
{
	Oid types[] = {TEXTOID, TEXTARRAYOID, OIDOID};
	char **names = palloc(list_length(resources) * sizeof(char *));
	Datum values[3];
	SPITupleTable *found;
	List *tables = NIL;
	ListCell *lc;

	foreach (lc, resources)
		names[foreach_current_index(lc)] = lfirst(lc);
	values[0] = CStringGetTextDatum(table->source->http.name);
	values[1] = mls_key_array(names, list_length(resources));
	values[2] = ObjectIdGetDatum(GetUserId());
	mls_execute("SELECT t.ftrelid FROM pg_catalog.pg_foreign_table t "
				"JOIN pg_catalog.pg_foreign_server s ON s.oid = t.ftserver "
				"JOIN pg_catalog.pg_class c ON c.oid = t.ftrelid, "
				"pg_catalog.pg_options_to_table(t.ftoptions) o "
				"WHERE s.srvname = $1 AND o.option_name = 'resource' "
				"AND o.option_value = ANY ($2) AND c.relowner = $3 "
				"ORDER BY pg_catalog.array_position($2, o.option_value), t.ftrelid",
				3, types, values, NULL, SPI_OK_SELECT);
	found = SPI_tuptable;
	for (uint64 i = 0; i < found->numvals; i++)
	{
		bool isnull;
		Oid relid = DatumGetObjectId(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull));

		tables = lappend(tables, mls_table_get(relid, GetUserId(), false));
	}
	return tables;
}

static bool
expands(const MlsTable *holder, const char *resource)
{
	ListCell *lc;

	foreach (lc, holder->source->protocol->expansions(holder))
		if (strcmp(((MlsExpansion *) lfirst(lc))->name, resource) == 0)
			return true;
	return false;
}

/* "a, b and c" would need a grammar; "a, b, c" does not. */
static char *
names_of(List *tables)
{
	StringInfoData names;
	ListCell *lc;

	initStringInfo(&names);
	foreach (lc, tables)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 ((MlsTable *) lfirst(lc))->name);
	return names.data;
}

/* How a table is made to bring the records of another. */
static char *
expand_command(const MlsTable *holder, const char *resource)
{
	const char *value =
		holder->expand ? psprintf("%s,%s", holder->expand, resource) : pstrdup(resource);

	return psprintf("ALTER FOREIGN TABLE %s OPTIONS (%s expand %s)", holder->name,
					holder->expand ? "SET" : "ADD", quote_literal_cstr(value));
}

static char *
option_hint(const MlsTable *table, List *tables)
{
	if (tables == NIL)
		return psprintf(
			"Import those they belong to, with OPTIONS (expand %s), and subscribe them.",
			quote_literal_cstr(table->resource));
	return psprintf("Name \"%s\" in the option expand of those of %s whose records you want them "
					"of, as in %s; and subscribe these.",
					table->resource, names_of(tables),
					expand_command(linitial(tables), table->resource));
}

/* Says at its subscription what a table needs that nobody feeds yet. */
void
mls_fed_tell(const MlsTable *table, const MlsSubscription *sub)
{
	List *resources = holders(table);
	const char *expansion;
	List *expanding = NIL;
	List *tables;
	ListCell *lc;

	if (resources == NIL || mls_family_feeder(sub, &expansion) != 0)
		return;
	tables = tables_of(table, resources);
	foreach (lc, tables)
		if (expands(lfirst(lc), table->resource))
			expanding = lappend(expanding, lfirst(lc));
	if (expanding != NIL)
		ereport(NOTICE,
				errmsg("records of foreign table %s come with those of %s", table->name,
					   names_of(expanding)),
				errhint("Subscribe these as well."));
	else
		ereport(WARNING, errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				errmsg("no records will come for foreign table %s", table->name),
				errdetail("The source has no list of them; they come with the records they "
						  "belong to, and no foreign table asks for them."),
				errhint("%s", option_hint(table, tables)));
}

/* NULL, or why a subscription is not worked on by itself: all it can have comes with others. */
const char *
mls_fed_only(const MlsSubscription *sub)
{
	const char *expansion;
	MlsTable *table;

	if (mls_family_feeder(sub, &expansion) == 0)
		return NULL;
	table = mls_table_get(sub->foreign_table, sub->owner, false);
	if (holders(table) == NIL)
		return NULL;
	return psprintf("its records come with those they belong to (%s)", expansion);
}
