/*
 * related_links.c
 *		Which subscriptions take their records out of others', told by the options
 *		of their foreign tables; no network.
 *
 * A child is another subscription of the same source and owner.  Its option
 * parent names where its records come from: "Property.Media" for what stands in
 * the field Media of each Property, "Property" for what has to be asked for by
 * the key of each.  Without the option it is a child of those whose expansion
 * bears the name of its resource, provided that its records have a field for the
 * key of what they belong to: so Media follows Property, and an Office that is
 * expanded in a Member is no child of it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "base/name_list.h"
#include "subscription/subscription.h"

PG_FUNCTION_INFO_V1(mls_feeder);

/* ---- Fields of a child ---- */

/* The field of a child with the key of its parent; NULL if it has none. */
static const char *
key_field(const MlsTable *child, const char *parent_key)
{
	if (child->parent_key != NULL)
		return child->parent_key;
	if (mls_table_column(child, "ResourceRecordKey") != NULL)
		return "ResourceRecordKey";
	if (mls_table_column(child, parent_key) != NULL && !mls_is_listed(child->key, parent_key))
		return parent_key;
	return NULL;
}

/* The field of a child with the resource of its parent; NULL if it has none. */
static const char *
kind_field(const MlsTable *child)
{
	if (child->parent_key == NULL && mls_table_column(child, "ResourceName") != NULL)
		return "ResourceName";
	return NULL;
}

/* ---- Siblings ---- */

/* The other subscriptions of source and owner, in the current context (List of MlsSubscription *). */
List *
mls_related_siblings(const MlsSubscription *sub)
{
	mls_select("SELECT o.id FROM mls.subscription s JOIN mls.subscription o "
			   "ON o.source = s.source AND o.owner = s.owner AND o.id <> s.id WHERE s.id = $1 "
			   "ORDER BY o.id",
			   mls_arg_int8(sub->id));
	return mls_subscriptions_found();
}

/* The siblings as children without writers; those whose tables are gone are left out (List of MlsChild *). */
static List *
candidates(List *siblings)
{
	List *found = NIL;
	ListCell *lc;

	foreach (lc, siblings)
	{
		MlsSubscription *sub = lfirst(lc);
		MlsChild *child;

		if (get_rel_name(sub->foreign_table) == NULL || get_rel_name(sub->bronze) == NULL ||
			get_rel_name(sub->silver) == NULL)
			continue;
		child = palloc0(sizeof(MlsChild));
		child->sub = sub;
		child->table = mls_table_get(sub->foreign_table, sub->owner, false);
		found = lappend(found, child);
	}
	return found;
}

/* ---- Links ---- */

static bool
is_fed_by(const MlsChild *child, const char *resource, const MlsExpansion *expansion,
		  const char *field)
{
	const MlsTable *table = child->table;

	if (table->parent != NIL)
		return mls_is_listed(table->parent, psprintf("%s.%s", resource, expansion->name));
	return field != NULL && strcmp(table->resource, expansion->name) == 0;
}

static MlsLink *
make_link(const char *resource, const MlsExpansion *expansion, MlsChild *child, const char *field)
{
	MlsLink *link = palloc0(sizeof(MlsLink));

	link->expansion = expansion;
	link->resource = resource;
	link->child = child;
	link->key_field = field;
	link->kind_field = kind_field(child->table);
	return link;
}

/* The links by which records of a table, in which other records are expanded, bring those of children. */
static List *
expanded_links(const MlsTable *table, List *expansions, List *children)
{
	List *links = NIL;
	ListCell *lc;
	ListCell *each;

	if (list_length(table->key) != 1)
		return NIL;
	foreach (lc, expansions)
	{
		const MlsExpansion *expansion = lfirst(lc);

		foreach (each, children)
		{
			MlsChild *child = lfirst(each);
			const char *field = key_field(child->table, linitial(table->key));
			MlsLink *link;

			if (!is_fed_by(child, table->resource, expansion, field))
				continue;
			link = make_link(table->resource, expansion, child, field);
			link->links = expanded_links(child->table, expansion->expansions, children);
			links = lappend(links, link);
		}
	}
	return links;
}

/* The links to children that are asked for by the key of each record. */
static List *
asked_links(const MlsTable *table, List *children)
{
	List *links = NIL;
	ListCell *lc;

	if (list_length(table->key) != 1)
		return NIL;
	foreach (lc, children)
	{
		MlsChild *child = lfirst(lc);
		const char *field = key_field(child->table, linitial(table->key));

		if (mls_is_listed(child->table->parent, table->resource) && field != NULL &&
			mls_table_column(child->table, field) != NULL)
			links = lappend(links, make_link(table->resource, NULL, child, field));
	}
	return links;
}

/* All links of a table; the siblings that may be meant go to *children, where links point (List of MlsLink *). */
List *
mls_related_links(const MlsTable *table, List *siblings, List **children)
{
	const MlsProtocol *protocol = table->source->protocol;
	List *expansions = protocol->expansions ? protocol->expansions(table) : NIL;

	*children = candidates(siblings);
	return list_concat(expanded_links(table, expansions, *children), asked_links(table, *children));
}

static void
add_children(StringInfo scope, List *links)
{
	ListCell *lc;

	foreach (lc, links)
	{
		const MlsLink *link = lfirst(lc);

		appendStringInfo(scope, " " INT64_FORMAT, link->child->sub->id);
		add_children(scope, link->links);
	}
}

/* Fingerprint of what a foreign table asks for, with its children: one that is new must be given what is here. */
char *
mls_related_scope(const MlsSubscription *sub, const MlsTable *table)
{
	StringInfoData scope;
	List *children;

	initStringInfo(&scope);
	appendStringInfoString(&scope, mls_subscription_scope(table));
	add_children(&scope, mls_related_links(table, mls_related_siblings(sub), &children));
	return scope.data;
}

/* ---- What a record belongs to ---- */

/* How records of a subscription would know parents of each resource (List of MlsParentFields *). */
List *
mls_related_parents(const MlsSubscription *sub, const MlsTable *table)
{
	List *parents = NIL;
	ListCell *lc;

	foreach (lc, candidates(mls_related_siblings(sub)))
	{
		const MlsTable *parent = ((MlsChild *) lfirst(lc))->table;
		MlsParentFields *fields = palloc0(sizeof(MlsParentFields));

		if (list_length(parent->key) != 1)
			continue;
		fields->resource = parent->resource;
		fields->key_field = key_field(table, linitial(parent->key));
		fields->kind_field = kind_field(table);
		parents = lappend(parents, fields);
	}
	return parents;
}

/* Gives a record what it lacks to say what it belongs to ("Property/" and a key; or NULL). */
void
mls_related_supply(List *parents, const char *parent, MlsRecord *record)
{
	const char *slash = parent ? strchr(parent, '/') : NULL;
	ListCell *lc;

	if (slash == NULL)
		return;
	foreach (lc, parents)
	{
		const MlsParentFields *fields = lfirst(lc);
		int length = strlen(fields->resource);

		if (slash - parent != length || memcmp(parent, fields->resource, length) != 0)
			continue;
		if (fields->key_field)
			mls_record_supply(record, fields->key_field, slash + 1);
		if (fields->kind_field)
			mls_record_supply(record, fields->kind_field, fields->resource);
	}
}

/* ---- Who feeds a subscription ---- */

/* Could a foreign table be a parent, or be told its parents?  Spares the reading of its columns. */
static bool
has_option(Oid foreign_table, const char *name)
{
	ListCell *lc;

	if (get_rel_relkind(foreign_table) != RELKIND_FOREIGN_TABLE)
		return false;
	foreach (lc, GetForeignTable(foreign_table)->options)
		if (strcmp(lfirst_node(DefElem, lc)->defname, name) == 0)
			return true;
	return false;
}

/* The links by which records of one subscription, with those inside them, bring those of others. */
static List *
links_of(const MlsSubscription *parent, const MlsSubscription *sub, List *siblings)
{
	List *others = lappend(list_delete_ptr(list_copy(siblings), (void *) parent), (void *) sub);
	List *children = NIL;

	return mls_related_links(mls_table_get(parent->foreign_table, parent->owner, false), others,
							 &children);
}

/* Could it feed a subscription, which is told its parents or not? */
static bool
may_feed(const MlsSubscription *parent, bool told)
{
	return get_rel_relkind(parent->foreign_table) == RELKIND_FOREIGN_TABLE &&
		   (told || has_option(parent->foreign_table, "expand"));
}

static List *
add_links_to(List *found, List *links, int64 id)
{
	ListCell *lc;

	foreach (lc, links)
	{
		MlsLink *link = lfirst(lc);

		if (link->child->sub->id == id)
			found = lappend(found, link);
		found = add_links_to(found, link->links, id);
	}
	return found;
}

/* All links that bring a subscription's records (List of MlsLink *). */
List *
mls_related_links_to(const MlsSubscription *sub, List *siblings)
{
	bool told = has_option(sub->foreign_table, "parent");
	List *found = NIL;
	ListCell *lc;

	foreach (lc, siblings)
		if (may_feed(lfirst(lc), told))
			found = add_links_to(found, links_of(lfirst(lc), sub, siblings), sub->id);
	return found;
}

/*
 * Relatives: a subscription with those above it.  Who is fed takes no part in syncs
 * of all, so only who is not brings the records of others.  Where they feed each
 * other in a circle, the oldest of it is synced by itself.
 */
typedef struct Relative
{
	const MlsSubscription *sub;
	List *parents; /* of Relative * */
	List *names;   /* of char *: as what each of them brings its records */
	bool is_root;
	bool is_fed;
} Relative;

static Relative *
add_relative(List **relatives, const MlsSubscription *sub)
{
	Relative *relative;
	ListCell *lc;

	foreach (lc, *relatives)
		if (((Relative *) lfirst(lc))->sub->id == sub->id)
			return lfirst(lc);
	relative = palloc0(sizeof(Relative));
	relative->sub = sub;
	*relatives = lappend(*relatives, relative);
	return relative;
}

/* Finds who could feed a relative, out of all subscriptions of the source and owner. */
static void
find_parents(List **relatives, Relative *relative, List *all)
{
	bool told = has_option(relative->sub->foreign_table, "parent");
	List *siblings = list_delete_ptr(list_copy(all), (void *) relative->sub);
	ListCell *lc;

	foreach (lc, siblings)
	{
		const MlsSubscription *parent = lfirst(lc);
		List *links = may_feed(parent, told) ? links_of(parent, relative->sub, siblings) : NIL;
		const MlsLink *link;

		links = add_links_to(NIL, links, relative->sub->id);
		if (links == NIL)
			continue;
		link = linitial(links);
		relative->parents = lappend(relative->parents, add_relative(relatives, parent));
		relative->names =
			lappend(relative->names, link->expansion
										 ? psprintf("%s.%s", link->resource, link->expansion->name)
										 : pstrdup(link->resource));
	}
}

/* The oldest of a relative and of those above it that are not settled yet. */
static const Relative *
oldest_above(const Relative *relative, List *passed)
{
	const Relative *oldest = relative;
	ListCell *lc;

	check_stack_depth();
	passed = lappend(list_copy(passed), (void *) relative);
	foreach (lc, relative->parents)
	{
		const Relative *parent = lfirst(lc);

		if (parent->is_fed || list_member_ptr(passed, parent))
			continue;
		parent = oldest_above(parent, passed);
		if (parent->sub->id < oldest->sub->id)
			oldest = parent;
	}
	return oldest;
}

/* Settles those of whom it is clear now whether they are fed; false if it is of none. */
static bool
settle_relatives(List *relatives, bool in_circles)
{
	bool any = false;
	ListCell *lc;
	ListCell *each;

	foreach (lc, relatives)
	{
		Relative *relative = lfirst(lc);
		bool waits = in_circles && oldest_above(relative, NIL) != relative;

		if (relative->is_root || relative->is_fed)
			continue;
		foreach (each, relative->parents)
		{
			const Relative *parent = lfirst(each);

			relative->is_fed |= parent->is_root;
			waits |= !in_circles && !parent->is_fed;
		}
		relative->is_root = !relative->is_fed && !waits;
		any |= relative->is_fed || relative->is_root;
	}
	return any;
}

/*
 * The first subscription whose syncs bring a subscription's records, and as what
 * it and the others do ("Property.Media, Member.Media"); 0 if it has to be synced
 * by itself.
 */
int64
mls_related_feeder(const MlsSubscription *sub, const char **expansions)
{
	List *all = lappend(mls_related_siblings(sub), (void *) sub);
	List *relatives = NIL;
	const Relative *self = add_relative(&relatives, sub);
	List *names = NIL;
	int64 first = 0;
	ListCell *lc;

	for (int i = 0; i < list_length(relatives); i++)
		find_parents(&relatives, list_nth(relatives, i), all);
	while (settle_relatives(relatives, false) || settle_relatives(relatives, true))
		;
	foreach (lc, self->is_fed ? self->parents : NIL)
	{
		const Relative *parent = lfirst(lc);

		if (!parent->is_root)
			continue;
		first = first ? Min(first, parent->sub->id) : parent->sub->id;
		names = mls_list_once(names, list_nth(self->names, foreach_current_index(lc)));
	}
	*expansions = first ? mls_names_joined(names, ", ") : NULL;
	return first;
}

/* mls.feeder(subscription): subscription, expansion; NULLs if it is synced by itself */
Datum
mls_feeder(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Datum values[2] = {0};
	bool isnull[2] = {true, true};
	const char *expansion;
	MlsSubscription *sub;
	TupleDesc desc;
	int64 feeder = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	SPI_connect();
	sub = mls_subscription_by_id(PG_GETARG_INT64(0));
	if (sub != NULL)
		feeder = mls_related_feeder(sub, &expansion);
	if (feeder != 0)
	{
		MemoryContext before = MemoryContextSwitchTo(context);

		values[0] = Int64GetDatum(feeder);
		values[1] = CStringGetTextDatum(expansion);
		isnull[0] = isnull[1] = false;
		MemoryContextSwitchTo(before);
	}
	SPI_finish();
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, isnull));
}

/* ---- What nobody lists ---- */

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
	SPITupleTable *found;
	List *tables = NIL;

	mls_select("SELECT t.ftrelid FROM pg_catalog.pg_foreign_table t "
			   "JOIN pg_catalog.pg_foreign_server s ON s.oid = t.ftserver "
			   "JOIN pg_catalog.pg_class c ON c.oid = t.ftrelid, "
			   "pg_catalog.pg_options_to_table(t.ftoptions) o "
			   "WHERE s.srvname = $1 AND o.option_name = 'resource' "
			   "AND o.option_value = ANY ($2) AND c.relowner = $3 "
			   "ORDER BY pg_catalog.array_position($2, o.option_value), t.ftrelid",
			   mls_arg_text(table->source->name), mls_arg_list(resources),
			   mls_arg_oid(GetUserId()));
	found = SPI_tuptable;
	for (uint64 i = 0; i < found->numvals; i++)
		tables = lappend(tables, mls_table_get(mls_cell_oid(found, i, 1), GetUserId(), false));
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
mls_related_tell_missing(const MlsTable *table, const MlsSubscription *sub)
{
	List *resources = holders(table);
	const char *expansion;
	List *expanding = NIL;
	List *tables;
	ListCell *lc;

	if (resources == NIL || mls_related_feeder(sub, &expansion) != 0)
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
mls_related_only(const MlsSubscription *sub)
{
	const char *expansion;
	MlsTable *table;

	if (mls_related_feeder(sub, &expansion) == 0)
		return NULL;
	table = mls_table_get(sub->foreign_table, sub->owner, false);
	if (holders(table) == NIL)
		return NULL;
	return psprintf("its records come with those they belong to (%s)", expansion);
}
