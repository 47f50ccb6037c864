/*
 * table.c
 *		gold.<resource>: made when the first source brings the resource, widened
 *		when a further one brings more fields.  Columns are never taken away here.
 *
 * The columns that are no fields come first, so that a table which has grown
 * reads like a new one.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "base/base.h"
#include "gold/gold.h"
#include "gold/map.h"
#include "gold/schemas.h"
#include "gold/statement.h"
#include "options/options.h"
#include "step/sql.h"

PG_FUNCTION_INFO_V1(mls_gold_table_sql);

/* As long as a row fits into a page, it is not worth compressing its values one by one. */
#define GOLD_STORAGE "toast_tuple_target = 8160"

/* ---- Pages and commands ---- */

/* The two locks between pages. */
#define MEMBERS_LOCK 0 /* shared by pages; exclusive for who changes what pages rely on */
#define KEYS_LOCK 1    /* of a page whose keys others could have */

void
mls_gold_lock_keys(void)
{
	mls_lock(MLS_LOCK_PAGES, KEYS_LOCK, ExclusiveLock);
}

void
mls_gold_lock_members(void)
{
	mls_lock(MLS_LOCK_PAGES, MEMBERS_LOCK, ShareLock);
}

void
mls_gold_unlock_members(void)
{
	mls_lock_release(MLS_LOCK_PAGES, MEMBERS_LOCK, ShareLock, false);
}

/* Who has written a page in this transaction would wait for those who wait for its keys. */
void
mls_gold_pause_pages(void)
{
	mls_lock(MLS_LOCK_PAGES, KEYS_LOCK, ExclusiveLock);
	mls_lock(MLS_LOCK_PAGES, MEMBERS_LOCK, ExclusiveLock);
}

/* A command that changes tables which pages of any source read and write. */
void
mls_gold_execute(const char *sql)
{
	mls_gold_pause_pages();
	mls_sql(SPI_OK_UTILITY, sql);
}

bool
mls_gold_is_guarded(Oid table)
{
	return check_enable_rls(table, InvalidOid, true) == RLS_ENABLED;
}

static void
create_table(const MlsGoldTarget *target, const char *qualified)
{
	StringInfoData sql;
	const char *key = quote_identifier(target->key_field);

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (", qualified);
	if (target->unique_key)
		appendStringInfo(&sql, "%s pg_catalog.text PRIMARY KEY, ", key);
	appendStringInfoString(&sql, MLS_GOLD_SOURCE
						   " pg_catalog.text NOT NULL, " MLS_GOLD_ORIGIN
						   " pg_catalog.text NOT NULL, " MLS_GOLD_SOURCE_KEY
						   " pg_catalog.text NOT NULL, " MLS_GOLD_UPDATED_AT
						   " pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now()");
	if (!target->unique_key)
		appendStringInfoString(&sql, ", PRIMARY KEY (" MLS_GOLD_SOURCE ", " MLS_GOLD_ORIGIN
									 ", " MLS_GOLD_SOURCE_KEY ")");
	appendStringInfoString(&sql, ") WITH (" GOLD_STORAGE ")");
	mls_gold_execute(sql.data);
	if (target->unique_key)
		mls_gold_execute(psprintf("CREATE INDEX ON %s (" MLS_GOLD_SOURCE ")", qualified));
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
					quote_literal_cstr(resource), quote_literal_cstr(table->source->http.name)));
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
	mls_gold_execute(psprintf("ALTER TABLE %s%s", mls_qualified_name(gold), sql.data));
	foreach (lc, added)
		comment_column(gold, ((MlsGoldField *) lfirst(lc))->name,
					   ((MlsGoldField *) lfirst(lc))->comment);
}

Oid
mls_gold_table_in(const MlsGoldTarget *target, Oid schema)
{
	return get_relname_relid(mls_snake_case(target->resource), schema);
}

/* mls.gold_table(resource) */
Datum
mls_gold_table_sql(PG_FUNCTION_ARGS)
{
	Oid gold =
		mls_find_relation(mls_schema_gold(), mls_snake_case(text_to_cstring(PG_GETARG_TEXT_PP(0))));

	if (!OidIsValid(gold))
		PG_RETURN_NULL();
	PG_RETURN_OID(gold);
}

Oid
mls_gold_table(const MlsGoldTarget *target, Oid gold)
{
	if (target->is_only || !OidIsValid(gold))
		return gold;
	return mls_gold_table_in(target, get_rel_namespace(gold));
}

/* Rows of gold are found by the source's key where they have other keys than it. */
static void
index_source_key(const MlsTable *table, const MlsGoldTarget *target, Oid gold)
{
	const Statement *statement = mls_statement_begin(table, target, gold);

	if (statement == NULL || statement->plain || !target->unique_key)
		return;
	mls_select("SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a "
			   "ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
			   "WHERE i.indrelid = $1::pg_catalog.regclass AND a.attname = $2",
			   mls_arg_text(mls_qualified_name(gold)), mls_arg_text(MLS_GOLD_SOURCE_KEY));
	if (SPI_processed == 0)
		mls_gold_execute(
			psprintf("CREATE INDEX ON %s (" MLS_GOLD_SOURCE_KEY ")", mls_qualified_name(gold)));
}

/* One target's table and view; says so if its rules cannot be followed. */
static Oid
prepare_target(const MlsTable *table, const MlsGoldTarget *target, Oid schema)
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
		create_table(target, quote_qualified_identifier(mls_schema_gold(),
														mls_snake_case(target->resource)));
		gold = mls_gold_table_in(target, schema);
		comment_table(target, gold);
	}
	widen_table(table, target, gold, false);
	index_source_key(table, target, gold);
	mls_gold_index_table(target, gold);
	mls_gold_view(target, gold);
	return gold;
}

Oid
mls_gold_prepare(const MlsTable *table, Oid silver_table)
{
	MemoryContext context = CurrentMemoryContext;
	List *targets = mls_gold_targets(table, silver_table);
	Oid first = InvalidOid;
	ListCell *lc;

	foreach (lc, targets)
	{
		Oid gold = prepare_target(table, lfirst(lc), mls_schema_ensure(mls_schema_gold()));

		if (!OidIsValid(first))
			first = gold;
		CommandCounterIncrement();
	}
	mls_gold_prepare_joins(targets);
	MemoryContextSwitchTo(context);
	return first;
}

bool
mls_gold_is_whole(const MlsTable *table, Oid silver_table, Oid gold)
{
	MemoryContext context = CurrentMemoryContext;
	bool is_whole = get_rel_name(gold) != NULL;
	ListCell *lc;

	if (is_whole)
		foreach (lc, mls_gold_targets(table, silver_table))
			is_whole &= OidIsValid(mls_gold_table(lfirst(lc), gold));
	MemoryContextSwitchTo(context);
	return is_whole;
}

List *
mls_gold_tables(const MlsTable *table, Oid silver_table, Oid gold)
{
	MemoryContext context = CurrentMemoryContext;
	List *tables = NIL;
	ListCell *lc;

	if (!OidIsValid(gold) || get_rel_name(gold) == NULL)
		return NIL;
	foreach (lc, mls_gold_targets(table, silver_table))
	{
		Oid own = mls_gold_table(lfirst(lc), gold);

		MemoryContextSwitchTo(context);
		if (OidIsValid(own))
			tables = list_append_unique_oid(tables, own);
	}
	MemoryContextSwitchTo(context);
	return tables;
}

/* A target's own gold table, with what is missing of its columns. */
static void
complete_target(const MlsTable *table, const MlsGoldTarget *target, Oid gold)
{
	if (!OidIsValid(gold))
		return;
	widen_table(table, target, gold, true);
	mls_gold_index_table(target, gold);
	mls_gold_view_complete(target, gold);
}

void
mls_gold_complete(const MlsTable *table, Oid silver_table, Oid gold_table)
{
	MemoryContext context = CurrentMemoryContext;
	ListCell *lc;

	foreach (lc, mls_gold_targets(table, silver_table))
		complete_target(table, lfirst(lc), mls_gold_table(lfirst(lc), gold_table));
	MemoryContextSwitchTo(context);
}

Oid
mls_gold_view_oid(const MlsTable *table, Oid silver_table, Oid gold_table)
{
	MemoryContext context = CurrentMemoryContext;
	List *targets = mls_gold_targets(table, silver_table);
	Oid view = InvalidOid;
	ListCell *lc;

	foreach (lc, targets)
		if (mls_gold_table(lfirst(lc), gold_table) == gold_table)
			view = mls_gold_find_view(lfirst(lc), gold_table);
	MemoryContextSwitchTo(context);
	return view;
}
