/*
 * subscribe.c
 *		mls_subscribe() and mls_unsubscribe(): what is replicated.
 *
 * Neither uses the network.  Both run in the caller's transaction, in the rights of
 * the role that owns the foreign table.
 */
#include "postgres.h"

#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "gold/gold_write.h"
#include "gold/partition.h"
#include "subscription/subscription.h"

PG_FUNCTION_INFO_V1(mls_subscribe);
PG_FUNCTION_INFO_V1(mls_unsubscribe);

/* ---- What a foreign table needs ---- */

static void
require_owner(Oid relid)
{
	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
}

/*
 * What to type where a column for a field is missing.  Silver may still have it,
 * then it gets its old name and type; hints that end in another error help nobody,
 * so the command is whole.
 */
char *
mls_missing_column_hint(const MlsTable *table, const char *field)
{
	MemoryContext context = CurrentMemoryContext;
	const char *name = mls_snake_case(field);
	const char *type =
		table->timestamp && strcmp(table->timestamp, field) == 0 ? "timestamptz" : "text";
	MemoryContext before;

	SPI_connect();
	mls_select(
		"SELECT pg_catalog.split_part(c, E'\\t', 1), pg_catalog.split_part(c, E'\\t', 3) "
		"FROM mls.subscription s, pg_catalog.unnest(s.columns) c "
		"WHERE s.foreign_table::pg_catalog.oid = $1 AND pg_catalog.split_part(c, E'\\t', 2) = $2",
		mls_arg_oid(table->relid), mls_arg_text(field));
	before = MemoryContextSwitchTo(context);
	if (SPI_processed > 0)
	{
		name = pstrdup(mls_text_at(0, 1));
		type = pstrdup(mls_text_at(0, 2));
	}
	MemoryContextSwitchTo(before);
	SPI_finish();
	return psprintf("ALTER FOREIGN TABLE %s ADD COLUMN %s %s OPTIONS (field %s);", table->name,
					quote_identifier(name), type, quote_literal_cstr(field));
}

/* What to type where the source's keys are not of a key column's type any more, but of that one. */
char *
mls_key_cure(const MlsSubscription *sub, const MlsTable *table, const MlsColumn *column, Oid type)
{
	const char *name = quote_identifier(column->name);
	const char *to = format_type_be(type);
	char type_category;
	bool preferred;
	bool is_text;

	get_type_category_preferred(type, &type_category, &preferred);
	is_text = type_category == TYPCATEGORY_STRING;
	return psprintf(
		"Change the column in both tables, then read everything again: "
		"ALTER FOREIGN TABLE %s ALTER COLUMN %s TYPE %s; ALTER TABLE %s ALTER COLUMN %s TYPE %s%s; "
		"SELECT * FROM mls_sync(%s, %s, full => true);%s",
		table->name, name, to, mls_qualified_name(sub->silver), name, to,
		is_text ? "" : psprintf(" USING %s::%s", name, to), quote_literal_cstr(sub->source),
		quote_literal_cstr(sub->resource),
		is_text
			? ""
			: psprintf(" Where old keys are none of that type, start over instead: SELECT "
					   "mls_unsubscribe(%s, drop_data => true), then import and subscribe again.",
					   quote_literal_cstr(table->name)));
}

void
mls_require_key_columns(const MlsTable *table)
{
	ListCell *lc;

	if (table->key == NIL)
		ereport(ERROR, errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				errmsg("foreign table %s has no key", table->name),
				errhint("Name the key field: ALTER FOREIGN TABLE %s OPTIONS (ADD key "
						"'ListingKey').",
						table->name));
	foreach (lc, table->key)
		if (mls_table_column(table, lfirst(lc)) == NULL)
			ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("foreign table %s has no column for key field \"%s\"", table->name,
						   (char *) lfirst(lc)),
					errhint("%s", mls_missing_column_hint(table, lfirst(lc))));
}

static char *
seconds_text(int seconds)
{
	Interval interval = {.time = seconds * USECS_PER_SEC};

	return DatumGetCString(DirectFunctionCall1(
		interval_out, DirectFunctionCall1(interval_justify_hours, IntervalPGetDatum(&interval))));
}

/* What keeps a table without timestamp from being read again and again. */
static const char *
pause_between(const MlsSource *source)
{
	if (source->whole_s == 0)
		return "";
	return psprintf(" Syncs that name no source, and scheduled ones, then leave it alone for %s "
					"(server option whole_interval).",
					seconds_text(source->whole_s));
}

/* Names in the option select that are no fields of columns are most likely slips. */
static void
warn_of_selection(const MlsTable *table)
{
	const char **fields = palloc0((table->ncolumns + 1) * sizeof(char *));
	int n = 0;
	ListCell *lc;

	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field != NULL)
			fields[n++] = table->columns[i].field;
	foreach (lc, table->select)
	{
		const char *nearest = mls_nearest_name(lfirst(lc), fields);

		if (strcmp(lfirst(lc), "*") != 0 && mls_table_column(table, lfirst(lc)) == NULL)
			ereport(
				WARNING,
				errmsg("option \"select\" of foreign table %s names \"%s\", for which there is no "
					   "column",
					   table->name, (char *) lfirst(lc)),
				nearest ? errhint("Perhaps you meant \"%s\".", nearest)
						: errhint("It stands in bronze only, if the source has such a field."));
	}
}

static bool
has_instants(const MlsTable *table)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field != NULL &&
			(table->columns[i].type == TIMESTAMPTZOID || table->columns[i].type == TIMESTAMPOID))
			return true;
	return false;
}

static void
require_timestamp_column(const MlsTable *table)
{
	/* What is new is told by the files. */
	if (table->timestamp == NULL && table->source->protocol->keeps_files)
		return;
	if (table->timestamp == NULL)
	{
		ereport(
			NOTICE, errmsg("foreign table %s has no modification timestamp", table->name),
			errdetail("A sync of it reads all of it.%s", pause_between(table->source)),
			has_instants(table)
				? errhint("If one of its date-time fields is when a record changed last, name it: "
						  "ALTER FOREIGN TABLE %s OPTIONS (ADD timestamp '...').",
						  table->name)
				: 0);
		return;
	}
	if (mls_table_column(table, table->timestamp) == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("foreign table %s has no column for timestamp field \"%s\"", table->name,
					   table->timestamp),
				errhint("%s", mls_missing_column_hint(table, table->timestamp)));
}

/* ---- mls_subscribe ---- */

/* NULL if there is none. */
static MlsArg
gold_arg(Oid gold)
{
	return OidIsValid(gold) ? mls_arg_oid(gold) : mls_arg_null(OIDOID);
}

static void
insert_subscription(const MlsTable *table, Oid bronze, Oid silver, Oid gold, const char *partition)
{
	mls_sql_control(SPI_OK_INSERT,
					"INSERT INTO mls.subscription "
					"(foreign_table, source, resource, owner, bronze, silver, gold, scope_hash, "
					"key_prefix, identity, partition) VALUES ($1::regclass, $2, $3, $4::regrole, "
					"$5::regclass, $6::regclass, $7::regclass, $8, $9, $10, $11)",
					mls_arg_oid(table->relid), mls_arg_text(table->source->name),
					mls_arg_text(table->resource), mls_arg_oid(GetUserId()), mls_arg_oid(bronze),
					mls_arg_oid(silver), gold_arg(gold),
					mls_arg_text(mls_subscription_scope(table)),
					mls_arg_text(table->source->key_prefix ? table->source->key_prefix : ""),
					mls_arg_text(mls_identity_of_table(bronze, table)), mls_arg_text(partition));
}

/* For when its tables are made anew. */
static void
keep_partition(MlsSubscription *sub, const char *partition)
{
	mls_sql_control(SPI_OK_UPDATE, "UPDATE mls.subscription SET partition = $2 WHERE id = $1",
					mls_arg_int8(sub->id), mls_arg_text(partition));
	sub->partition = partition ? pstrdup(partition) : NULL;
}

/*
 * The subscription of a foreign table that was dropped and made again: its copy is
 * the new one's, which goes on where the old one ended.  NULL if there is none.
 */
static MlsSubscription *
take_over(const MlsTable *table)
{
	MlsSubscription *sub;

	mls_select("SELECT id FROM mls.subscription WHERE source = $1 AND resource = $2 "
			   "AND pg_catalog.pg_has_role(owner, 'USAGE')",
			   mls_arg_text(table->source->name), mls_arg_text(table->resource));
	if (SPI_processed == 0)
		return NULL;
	sub = mls_subscription_by_id(mls_int8_at(0, 1));
	if (get_rel_relkind(sub->foreign_table) == RELKIND_FOREIGN_TABLE)
		return NULL;
	mls_subscription_require_lock(sub);
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET foreign_table = $2::regclass WHERE id = $1",
					mls_arg_int8(sub->id), mls_arg_oid(table->relid));
	ereport(NOTICE, errmsg("foreign table %s takes the place of one that was dropped", table->name),
			errdetail("Its copy stays and goes on where it was."));
	return mls_subscription_by_table(table->relid);
}

/* A resource of a source is replicated once: rows of gold bear the names of both. */
static void
refuse_second(const MlsTable *table)
{
	mls_select("SELECT foreign_table FROM mls.subscription WHERE source = $1 AND resource = $2",
			   mls_arg_text(table->source->name), mls_arg_text(table->resource));
	if (SPI_processed > 0)
		ereport(
			ERROR, errcode(ERRCODE_DUPLICATE_OBJECT),
			errmsg("resource \"%s\" of source \"%s\" is already subscribed", table->resource,
				   table->source->name),
			errdetail("Its foreign table is %s.", mls_text_at(0, 1)),
			errhint("To replicate by this table instead, call mls_unsubscribe() for the other "
					"first. To replicate a second part of a resource, create a second server."));
}

/* A gold table that was made anew has no triggers; one that stays without the subscription needs none. */
static void
place_triggers(int64 id, Oid gold, bool remove)
{
	mls_select("SELECT mls.place_triggers($2::regclass, $1, $3) FROM mls.subscription "
			   "WHERE id = $1 AND track_changes",
			   mls_arg_int8(id), mls_arg_oid(gold), mls_arg_bool(!remove));
}

/*
 * Takes over tables that were made anew.  Without the old bronze table the copy
 * is empty, so it is read from the start.  Another silver table has nothing of what
 * bronze knows, and no page brings that: records that are in bronze as they come are
 * not converted again.
 */
static void
refresh_subscription(MlsSubscription *sub, Oid bronze, Oid silver, Oid gold)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET bronze = $2::regclass, silver = $3::regclass, "
					"gold = $4::regclass WHERE id = $1",
					mls_arg_int8(sub->id), mls_arg_oid(bronze), mls_arg_oid(silver),
					gold_arg(gold));
	if (OidIsValid(gold) && sub->gold != gold)
		place_triggers(sub->id, gold, false);
	if (sub->silver != silver)
	{
		mls_count_local(sub->id, silver);
		mls_subscription_fill_all(sub);
	}
	if (sub->bronze != bronze)
		mls_subscription_restart(sub, sub->scope_hash);
	sub->bronze = bronze;
	sub->silver = silver;
	sub->gold = gold;
}

/*
 * Makes gold anew if a table of it was dropped, and has all that may have had rows
 * there map them.  Any run does it; so does who subscribes once more.
 */
bool
mls_gold_restore(MlsSubscription *sub, const MlsTable *table)
{
	MlsPartition partition;
	Oid gold;

	if (!OidIsValid(sub->gold) || get_rel_name(sub->silver) == NULL ||
		mls_gold_is_whole(table, sub->silver, sub->gold))
		return false;
	mls_gold_pause_pages();
	partition = mls_partition_read(sub->partition);
	gold = mls_gold_prepare(table, sub->silver, &partition);
	CommandCounterIncrement();
	refresh_subscription(sub, sub->bronze, sub->silver, gold);
	mls_remap_force(sub->owner);
	return true;
}

/* Says which other sources gold may show in place of this one. */
static void
tell_rivals(const MlsTable *table, const MlsSubscription *sub)
{
	char *rivals = NULL;

	if (OidIsValid(sub->gold))
		rivals = mls_gold_rivals(sub->owner, table, sub->silver, sub->gold, false);
	if (rivals != NULL)
		ereport(NOTICE, errmsg("gold has %s already", rivals),
				errdetail("No key_prefix keeps their keys apart from those of \"%s\". Of records "
						  "with one key gold shows one: that of the source with the higher "
						  "priority, else of the account that was subscribed first, and within an "
						  "account the newer one.",
						  table->source->name),
				errhint("To have all records in gold, set the option key_prefix of server %s.",
						quote_identifier(table->source->name)));
}

/*
 * Makes the tables and the subscription, or brings the tables of one up to date.  Without
 * a word about partitions they stay as they were asked for.
 */
static MlsSubscription *
subscribe(const MlsTable *table, const char *partition_by)
{
	MlsPartition partition;
	MlsSubscription *sub = mls_subscription_by_table(table->relid);
	bool is_new = sub == NULL;
	Oid bronze;
	Oid silver;
	Oid gold;

	if (sub == NULL)
		sub = take_over(table);
	if (sub == NULL)
	{
		refuse_second(table);
		mls_gold_pause_pages();
	}
	else
	{
		if (strcmp(sub->resource, table->resource) != 0)
			mls_identity_require(sub, table);
	}
	if (partition_by == NULL && sub != NULL)
		partition_by = sub->partition;
	partition = mls_partition_read(partition_by);
	bronze = mls_bronze_prepare(table, sub ? sub->bronze : InvalidOid, partition.modulus);
	silver = mls_silver_prepare(table, sub ? sub->silver : InvalidOid, partition.modulus);
	/* Gold is restored with the silver there is now: both may have been dropped. */
	if (sub != NULL)
	{
		CommandCounterIncrement();
		refresh_subscription(sub, bronze, silver, sub->gold);
		keep_partition(sub, partition_by);
		mls_gold_restore(sub, table);
	}
	gold = mls_gold_prepare(table, silver, &partition);
	CommandCounterIncrement();
	if (sub != NULL)
	{
		if (!is_new)
			ereport(NOTICE, errmsg("foreign table %s is already subscribed", table->name));
		refresh_subscription(sub, bronze, silver, gold);
		/* Without its timestamp it is read whole from now on: whoever subscribes again has been told so. */
		if (table->timestamp == NULL && sub->cursor_timestamp != NULL)
			mls_subscription_restart(sub, sub->scope_hash);
		return sub;
	}
	insert_subscription(table, bronze, silver, gold, partition_by);
	mls_gold_prepare_dependants(table, silver);
	sub = mls_subscription_by_table(table->relid);
	mls_precedence_follow(sub, table);
	mls_precedence_unsettle(sub, table);
	if (OidIsValid(gold))
		mls_gold_prepare_contests(sub->owner, table, silver, gold);
	tell_rivals(table, sub);
	mls_count_local(sub->id, silver);
	return sub;
}

/*
 * Whoever calls, a subscription is of the role that owns the foreign table: that role
 * says what its columns are.  Returns the table with that role's user mapping.
 */
static MlsTable *
enter_owner(MlsRights *before, const MlsTable *table)
{
	const MlsSubscription *sub = mls_subscription_by_table(table->relid);

	if (sub != NULL)
		mls_owner_enter(before, sub, "subscribe");
	else
		mls_rights_enter(before, mls_relation_owner(table->relid));
	return mls_table_get(table->relid, GetUserId(), false);
}

/* mls_subscribe(foreign_table, partition): id, bronze, silver, gold */
Datum
mls_subscribe(PG_FUNCTION_ARGS)
{
	Oid relid;
	char *partition = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	MlsTable *table;
	MlsSubscription *sub;
	MlsRights before;
	TupleDesc desc;
	Datum values[4];
	bool isnull[4] = {false};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	relid = PG_GETARG_OID(0);
	mls_refuse_standby("mls_subscribe()", "subscribe");
	/* It outlives what SPI allocates. */
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	LockRelationOid(relid, AccessShareLock);
	table = mls_table_get(relid, GetUserId(), false);
	require_owner(relid);
	SPI_connect();
	mls_identity_follow_renames();
	table = enter_owner(&before, table);
	mls_rights_require_server(GetUserId(), table->source->server_id, table->source->name);
	mls_require_key_columns(table);
	require_timestamp_column(table);
	warn_of_selection(table);
	sub = subscribe(table, partition);
	mls_related_tell_missing(table, sub);
	values[0] = Int64GetDatum(sub->id);
	values[1] = ObjectIdGetDatum(sub->bronze);
	values[2] = ObjectIdGetDatum(sub->silver);
	values[3] = ObjectIdGetDatum(sub->gold);
	isnull[3] = !OidIsValid(sub->gold);
	mls_rights_leave(&before);
	SPI_finish();
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, isnull));
}

/* ---- mls_unsubscribe ---- */

static void
drop_table(Oid relid)
{
	if (get_rel_name(relid) != NULL)
		mls_sql(SPI_OK_UTILITY, psprintf("DROP TABLE %s", mls_qualified_name(relid)));
}

static void
delete_subscription(const MlsSubscription *sub)
{
	mls_sql_control(SPI_OK_DELETE, "DELETE FROM mls.subscription WHERE id = $1",
					mls_arg_int8(sub->id));
}

/*
 * The role that a subscription is of may have been dropped, with its tables or after these
 * were given to another.  Who has tables of it now has the subscription, so that it can be
 * ended; where none is left, who ends it: no code of others stands around what is not there.
 */
static void
inherit(MlsSubscription *sub)
{
	Oid tables[] = {sub->foreign_table, sub->silver, sub->bronze, sub->gold};
	Oid heir = InvalidOid;

	if (mls_role_exists(sub->owner))
		return;
	mls_owner_require_caller(sub, "unsubscribe");
	for (int i = 0; i < lengthof(tables) && !OidIsValid(heir); i++)
		heir = mls_relation_owner(tables[i]);
	sub->owner = OidIsValid(heir) ? heir : GetUserId();
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET owner = $2::pg_catalog.regrole WHERE id = $1",
					mls_arg_int8(sub->id), mls_arg_oid(sub->owner));
	CommandCounterIncrement();
}

/* mls_unsubscribe(foreign_table, drop_data) */
Datum
mls_unsubscribe(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	MlsSubscription *sub;
	MlsTable *table = NULL;
	List *parts;
	MlsRelease *release;
	MlsRights before;

	mls_refuse_standby("mls_unsubscribe()", "unsubscribe");
	SPI_connect();
	mls_identity_follow_renames();
	sub = mls_subscription_by_table(relid);
	if (sub == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("foreign table %s is not subscribed",
					   get_rel_name(relid) ? mls_qualified_name(relid) : psprintf("%u", relid)));
	inherit(sub);
	mls_owner_enter(&before, sub, "unsubscribe");
	mls_subscription_require_lock(sub);
	mls_gold_pause_pages();
	mls_snapshot_drop(sub);
	if (get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE)
		table = mls_table_get(relid, sub->owner, false);
	/* Gold is shared: only this subscription's rows go, and others may have records for their keys. */
	parts = mls_gold_parts(sub->source, sub->resource, sub->gold);
	if (PG_GETARG_BOOL(1) && table != NULL)
		parts = mls_release_drop(sub, table, parts);
	release = mls_release_begin(sub, table, 0, parts, PG_GETARG_BOOL(1));
	if (table != NULL)
		mls_precedence_unsettle(sub, table);
	if (OidIsValid(sub->gold) && get_rel_name(sub->gold) != NULL)
		place_triggers(sub->id, sub->gold, true);
	delete_subscription(sub);
	mls_release_end(release);
	if (PG_GETARG_BOOL(1))
	{
		drop_table(sub->silver);
		drop_table(sub->bronze);
	}
	mls_rights_leave(&before);
	SPI_finish();
	PG_RETURN_VOID();
}
