/*
 * gold_tables.c
 *		gold.<resource>, its indexes, and reso."<Resource>" above it.
 *
 * A table is made when the first source brings the resource (partition.c, if it is to have
 * partitions), and widened when a further one brings more fields.  Columns are never taken away here.  Those that are no fields
 * come first, so that a table which has grown reads like a new one.
 *
 * Indexes are for the joins everybody makes: from a record to what it belongs to
 * (Media.ResourceRecordKey, OpenHouse.ListingKey), to its members and offices; and for
 * what has changed since (ModificationTimestamp).  Which field holds whose key stands in
 * the dictionary.  Keys that are mostly missing (CoBuyerAgentKey) cost little, since rows
 * without one are left out.  An index that is there already, ours or another, is enough;
 * others stay.
 *
 * The view has the fields of gold under their RESO names, and nothing else.  It belongs to
 * its readers' rights (security_invoker), so grants and row security of gold hold behind
 * it.  Its columns keep their order; new ones are appended; it is not touched when there
 * are none.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/async.h"
#include "commands/comment.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "compat.h"
#include "gold/gold.h"
#include "gold/map.h"
#include "gold/partition.h"
#include "gold/statement.h"
#include "options/options.h"

PG_FUNCTION_INFO_V1(mls_gold_table_sql);

/* ---- Schemas ---- */

static char *bronze_schema;
static char *silver_schema;
static char *gold_schema;
static char *reso_schema;

/* Refuses what cannot be the name of a schema. */
static bool
check_schema(char **value, void **extra, GucSource source)
{
	if ((*value)[0] != '\0' && strlen(*value) < NAMEDATALEN)
		return true;
	GUC_check_errdetail("A schema's name has 1 to %d bytes.", NAMEDATALEN - 1);
	return false;
}

static void
define(const char *name, const char *description, char **place, const char *value)
{
	DefineCustomStringVariable(name, description,
							   "Tables that exist stay where they are when this is changed.", place,
							   value, PGC_USERSET, 0, check_schema, NULL, NULL);
}

const char *
mls_schema_bronze(void)
{
	return bronze_schema;
}

const char *
mls_schema_silver(void)
{
	return silver_schema;
}

/* CREATE SCHEMA IF NOT EXISTS would ask for CREATE on the database in either case. */
Oid
mls_schema_ensure(const char *name)
{
	Oid schema = get_namespace_oid(name, true);

	if (OidIsValid(schema))
		return schema;
	mls_sql(SPI_OK_UTILITY, psprintf("CREATE SCHEMA %s", quote_identifier(name)));
	CommandCounterIncrement();
	return get_namespace_oid(name, false);
}

/* ---- Commands ---- */

/* A command that changes tables which pages of any source read and write. */
static void
alter(const char *sql)
{
	mls_gold_pause_pages();
	mls_sql(SPI_OK_UTILITY, sql);
}

/* ---- Indexes ---- */

static bool index_gold = true;

void
mls_gold_define_settings(void)
{
	define("mls_fdw.bronze_schema", "Schema in which mls_subscribe() makes bronze tables.",
		   &bronze_schema, "bronze");
	define("mls_fdw.silver_schema", "Schema in which mls_subscribe() makes silver tables.",
		   &silver_schema, "silver");
	define("mls_fdw.gold_schema", "Schema in which mls_subscribe() makes gold tables.",
		   &gold_schema, "gold");
	define("mls_fdw.reso_schema", "Schema in which mls_subscribe() makes RESO views.", &reso_schema,
		   "reso");
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
static void
index_table(const MlsGoldTarget *target, Oid gold)
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
		alter(lfirst(lc));
}

void
mls_gold_index(const MlsTable *table, Oid silver_table, Oid gold)
{
	ListCell *lc;

	foreach (lc, mls_gold_targets(table, silver_table))
	{
		Oid relid = mls_gold_table(lfirst(lc), gold);

		if (OidIsValid(relid) && get_rel_name(relid) != NULL)
			index_table(lfirst(lc), relid);
	}
}

/* Rows are looked up by a column: an index on it, unless one has it first. */
void
mls_map_index(Oid table, const char *column)
{
	mls_select("SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a "
			   "ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
			   "WHERE i.indrelid = $1 AND a.attname = $2",
			   mls_arg_oid(table), mls_arg_text(column));
	if (SPI_processed == 0)
		alter(psprintf("CREATE INDEX ON %s (%s)", mls_qualified_name(table),
					   quote_identifier(column)));
}

static void
index_field(const MlsMapRelation *relation, const char *field)
{
	mls_map_index(relation->silver, mls_map_column(relation, field));
}

static void
index_joins(const List *targets)
{
	const List *relations;
	ListCell *lc;

	if (targets == NIL)
		return;
	relations = ((MlsGoldTarget *) linitial(targets))->relations;
	foreach (lc, relations)
	{
		const MlsMapRelation *joined = lfirst(lc);

		if (joined->parent == NULL || joined->table == NULL)
			continue;
		index_field(mls_map_relation(relations, joined->parent), joined->parent_field);
		index_field(joined, joined->field);
	}
}

/* ---- Views ---- */

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
	return strncmp(column, "mls_", 4) != 0;
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
	alter(psprintf("CREATE OR REPLACE VIEW %s WITH (security_invoker = true) AS SELECT %s FROM %s",
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

static void
prepare_view(const MlsGoldTarget *target, Oid gold_table)
{
	Oid schema = mls_schema_ensure(reso_schema);

	make_view(target, gold_table, reso_schema, get_relname_relid(target->resource, schema));
}

/*
 * A view of the resource's name over gold, in whatever schema it was made, that is
 * not of an audience; or InvalidOid.
 */
static Oid
find_view(const MlsGoldTarget *target, Oid gold_table)
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
static void
complete_view(const MlsGoldTarget *target, Oid gold_table)
{
	Oid view = find_view(target, gold_table);

	if (OidIsValid(view))
		make_view(target, gold_table, get_namespace_name(get_rel_namespace(view)), view);
}

/* ---- Tables ---- */

static void
create_table(const MlsGoldTarget *target, const char *qualified, const MlsPartition *partition)
{
	StringInfoData sql;
	const char *key = quote_identifier(target->key_field);
	bool has_partitions = target->unique_key && (partition->by_source || partition->modulus > 0);

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (", qualified);
	/* Keys that begin alike stand together in one order only. */
	if (target->unique_key)
		appendStringInfo(&sql, "%s pg_catalog.text %sPRIMARY KEY, ", key,
						 partition->by_source ? "COLLATE \"C\" " : "");
	appendStringInfoString(&sql, MLS_GOLD_SOURCE
						   " pg_catalog.text NOT NULL, " MLS_GOLD_ORIGIN
						   " pg_catalog.text NOT NULL, " MLS_GOLD_SOURCE_KEY
						   " pg_catalog.text NOT NULL, " MLS_GOLD_UPDATED_AT
						   " pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now()");
	if (!target->unique_key)
		appendStringInfoString(&sql, ", PRIMARY KEY (" MLS_GOLD_SOURCE ", " MLS_GOLD_ORIGIN
									 ", " MLS_GOLD_SOURCE_KEY ")");
	appendStringInfo(&sql, ") %s",
					 has_partitions ? psprintf("PARTITION BY %s (%s)",
											   partition->by_source ? "RANGE" : "HASH", key)
									: "WITH (" MLS_GOLD_STORAGE ")");
	alter(sql.data);
	/* Whose the rows of a partition are is asked of the index. */
	if (target->unique_key)
		alter(psprintf("CREATE INDEX ON %s (" MLS_GOLD_SOURCE "%s)", qualified,
					   partition->by_source ? ", " MLS_GOLD_ORIGIN : ""));
}

static void
comment_column(Oid relid, const char *column, const char *comment)
{
	CreateComments(relid, RelationRelationId, get_attnum(relid, column), comment);
}

static void
comment_table(const MlsGoldTarget *target, Oid gold)
{
	CreateComments(gold, RelationRelationId, 0,
				   psprintf("RESO resource %s, of all sources", target->resource));
	comment_column(gold, MLS_GOLD_SOURCE, "source of the record");
	comment_column(gold, MLS_GOLD_ORIGIN,
				   "resource at the source it is made from, and the variant of the rule");
	comment_column(gold, MLS_GOLD_SOURCE_KEY, "key of the record at its source");
	comment_column(gold, MLS_GOLD_UPDATED_AT, "when the row was written last");
	if (target->unique_key)
		comment_column(gold, target->key_field, "key: the source's key_prefix and its key");
}

/* A table that stands in the way must be one of ours. */
static void
check_table(const MlsGoldTarget *target, Oid gold)
{
	if (get_attnum(gold, MLS_GOLD_SOURCE) != InvalidAttrNumber &&
		get_attnum(gold, MLS_GOLD_ORIGIN) != InvalidAttrNumber &&
		get_attnum(gold, MLS_GOLD_SOURCE_KEY) != InvalidAttrNumber &&
		get_attnum(gold, MLS_GOLD_UPDATED_AT) != InvalidAttrNumber &&
		(!target->unique_key || get_attnum(gold, target->key_field) != InvalidAttrNumber))
		return;
	ereport(ERROR, errcode(ERRCODE_DUPLICATE_TABLE),
			errmsg("relation %s exists and is not a gold table", mls_qualified_name(gold)),
			errhint("Rename it, or choose another schema with the setting mls_fdw.gold_schema."));
}

/* Better now than in the first sync. */
static void
require_privileges(Oid gold)
{
	AclMode needed = ACL_SELECT | ACL_INSERT | ACL_UPDATE | ACL_DELETE;

	if (pg_class_aclmask(gold, GetUserId(), needed, ACLMASK_ALL) == needed)
		return;
	ereport(
		ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		errmsg("permission denied for gold table %s", mls_qualified_name(gold)),
		errdetail("It belongs to role \"%s\"; sharing needs SELECT, INSERT, UPDATE and DELETE.",
				  GetUserNameFromId(mls_relation_owner(gold), true)),
		errhint("Its owner shares it: SELECT mls_share_gold(%s). To add columns a role must own "
				"it, by itself or as a member.",
				quote_literal_cstr(GetUserNameFromId(GetUserId(), true))));
}

static void
add_column(StringInfo sql, const MlsGoldField *field)
{
	appendStringInfo(sql, "%s ADD COLUMN %s %s", sql->len ? "," : "", quote_identifier(field->name),
					 format_type_be_qualified(field->type));
}

static void
report_left_out(const MlsTable *table, const MlsGoldField *field, const char *reason)
{
	ereport(NOTICE,
			errmsg("%s of foreign table %s is left out of gold", field->made_from, table->name),
			errdetail("Field \"%s\" %s.", field->name, reason));
}

/* How many columns a table has for PostgreSQL, which counts those that were dropped. */
static int
column_count(Oid relid)
{
	Relation rel = table_open(relid, AccessShareLock);
	int count = RelationGetNumberOfAttributes(rel);

	table_close(rel, AccessShareLock);
	return count;
}

/* Is there room for so many more columns?  If not it is an error, or in a sync, which goes on, a warning. */
static bool
has_room(const MlsTable *table, Oid gold, const char *resource, int added, bool in_sync)
{
	int present = column_count(gold);

	if (present + added <= MaxHeapAttributeNumber)
		return true;
	ereport(in_sync ? WARNING : ERROR, errcode(ERRCODE_TOO_MANY_COLUMNS),
			errmsg("gold table %s has no room for the fields of foreign table %s",
				   mls_qualified_name(gold), table->name),
			errdetail("It has %s, those dropped included, %d would be added, and a table "
					  "has at most %d.",
					  mls_counted(present, "column", "columns"), added, MaxHeapAttributeNumber),
			errhint("Keep out the fields that no rule names: SELECT mls_map_set(%s, '*', 'none', "
					"source => %s). Then give those you want a rule each.",
					quote_literal_cstr(resource), quote_literal_cstr(table->source->name)));
	return false;
}

/* Adds the columns that are missing, in one command; says which fields find no place. */
static void
widen_table(const MlsTable *table, const MlsGoldTarget *target, Oid gold, bool in_sync)
{
	List *fields = mls_gold_fields(table, target, NULL);
	StringInfoData sql;
	List *added = NIL;
	ListCell *lc;

	initStringInfo(&sql);
	foreach (lc, fields)
	{
		const MlsGoldField *field = lfirst(lc);
		AttrNumber attnum = get_attnum(gold, field->name);

		if (!field->is_first)
			report_left_out(table, field, "is made from something else already");
		else if (attnum == InvalidAttrNumber)
		{
			add_column(&sql, field);
			added = lappend(added, lfirst(lc));
		}
		else if (mls_gold_conversion("", field->source_type, get_atttype(gold, attnum), "UTC") ==
				 NULL)
			report_left_out(
				table, field,
				psprintf("has type %s there", format_type_be(get_atttype(gold, attnum))));
	}
	if (added == NIL || !has_room(table, gold, target->resource, list_length(added), in_sync))
		return;
	alter(psprintf("ALTER TABLE %s%s", mls_qualified_name(gold), sql.data));
	foreach (lc, added)
		comment_column(gold, ((MlsGoldField *) lfirst(lc))->name,
					   ((MlsGoldField *) lfirst(lc))->comment);
}

/* mls.gold_table(resource) */
Datum
mls_gold_table_sql(PG_FUNCTION_ARGS)
{
	Oid gold =
		mls_find_relation(gold_schema, mls_snake_case(text_to_cstring(PG_GETARG_TEXT_PP(0))));

	if (!OidIsValid(gold))
		PG_RETURN_NULL();
	PG_RETURN_OID(gold);
}

/* Rows of gold are found by the source's key where they have other keys than it. */
static void
index_source_key(const MlsTable *table, const MlsGoldTarget *target, Oid gold)
{
	const Statement *statement = mls_statement_begin(table, target, gold);

	if (statement != NULL && !statement->plain && target->unique_key)
		mls_map_index(gold, MLS_GOLD_SOURCE_KEY);
}

/* One target's table and view; says so if its rules cannot be followed. */
static Oid
prepare_target(const MlsTable *table, const MlsGoldTarget *target, Oid schema,
			   const MlsPartition *partition)
{
	Oid gold = mls_gold_table_in(target, schema);

	if (OidIsValid(gold))
	{
		check_table(target, gold);
		require_privileges(gold);
		mls_require_trust(gold, GetUserId());
	}
	else
	{
		create_table(target,
					 quote_qualified_identifier(gold_schema, mls_snake_case(target->resource)),
					 partition);
		gold = mls_gold_table_in(target, schema);
		mls_partition_begin(gold, partition);
		comment_table(target, gold);
	}
	if (target->unique_key &&
		mls_partition_lacks_source(gold, target->key_field, table->source, partition))
	{
		mls_gold_pause_pages();
		/* Meanwhile another session may have made it: for another resource of the source, say. */
		if (mls_partition_lacks_source(gold, target->key_field, table->source, partition))
			mls_partition_add_source(gold, target->key_field, table->source, partition->modulus);
	}
	widen_table(table, target, gold, false);
	index_source_key(table, target, gold);
	index_table(target, gold);
	prepare_view(target, gold);
	return gold;
}

Oid
mls_gold_prepare(const MlsTable *table, Oid silver_table, const MlsPartition *partition)
{
	List *targets = mls_gold_targets(table, silver_table);
	Oid first = InvalidOid;
	ListCell *lc;

	foreach (lc, targets)
	{
		Oid gold = prepare_target(table, lfirst(lc), mls_schema_ensure(gold_schema), partition);

		if (!OidIsValid(first))
			first = gold;
		CommandCounterIncrement();
	}
	index_joins(targets);
	return first;
}

bool
mls_gold_is_whole(const MlsTable *table, Oid silver_table, Oid gold)
{
	bool is_whole = get_rel_name(gold) != NULL;
	ListCell *lc;

	if (is_whole)
		foreach (lc, mls_gold_targets(table, silver_table))
			is_whole &= OidIsValid(mls_gold_table(lfirst(lc), gold));
	return is_whole;
}

List *
mls_gold_tables(const MlsTable *table, Oid silver_table, Oid gold)
{
	List *tables = NIL;
	ListCell *lc;

	if (!OidIsValid(gold) || get_rel_name(gold) == NULL)
		return NIL;
	foreach (lc, mls_gold_targets(table, silver_table))
	{
		Oid own = mls_gold_table(lfirst(lc), gold);

		if (OidIsValid(own))
			tables = list_append_unique_oid(tables, own);
	}
	return tables;
}

/* A target's own gold table, with what is missing of its columns. */
static void
complete_target(const MlsTable *table, const MlsGoldTarget *target, Oid gold)
{
	if (!OidIsValid(gold))
		return;
	widen_table(table, target, gold, true);
	index_table(target, gold);
	complete_view(target, gold);
}

void
mls_gold_complete(const MlsTable *table, Oid silver_table, Oid gold_table)
{
	ListCell *lc;

	foreach (lc, mls_gold_targets(table, silver_table))
		complete_target(table, lfirst(lc), mls_gold_table(lfirst(lc), gold_table));
}

Oid
mls_gold_view_oid(const MlsTable *table, Oid silver_table, Oid gold_table)
{
	List *targets = mls_gold_targets(table, silver_table);
	Oid view = InvalidOid;
	ListCell *lc;

	foreach (lc, targets)
		if (mls_gold_table(lfirst(lc), gold_table) == gold_table)
			view = find_view(lfirst(lc), gold_table);
	return view;
}

/* ---- Rows of a source as a whole ----
 *
 * They are found in all gold tables of a schema, not by the rules, which may have
 * changed since the rows were made.
 */

/* The gold tables beside one, itself included, as far as the role fills them (List of Oid). */
static List *
gold_tables(Oid gold)
{
	List *tables = NIL;

	mls_select("SELECT c.oid::pg_catalog.regclass::pg_catalog.oid FROM pg_catalog.pg_class c "
			   "WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND "
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
	List *targets = mls_gold_targets(table, silver_table);
	List *found = parts(gold, made_from(table->source->name, table->resource));
	ListCell *lc;
	ListCell *each;

	foreach (lc, found)
	{
		MlsGoldPart *part = lfirst(lc);

		foreach (each, targets)
		{
			const MlsGoldTarget *target = lfirst(each);

			if (mls_gold_table(target, gold) == part->table)
				part->condition = psprintf("%s AND " MLS_GOLD_ORIGIN " IS DISTINCT FROM %s",
										   part->condition, quote_literal_cstr(target->origin));
		}
	}
	return found;
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
