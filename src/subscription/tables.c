/*
 * tables.c
 *		The bronze and silver tables of a subscription.
 *
 * They are ordinary tables of the role that subscribes, made when missing.  A
 * table that is there already (from an earlier subscription, or restored from a
 * dump) is used if its shape fits; silver gets the columns it lacks.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include "gold/gold.h"
#include "gold/partition.h"
#include "subscription/subscription.h"

/* Records shrink to 2-3 kB with lz4: that fits into the page, so it need not be moved out of it. */
#define BRONZE_TOAST_TARGET 4080

/* Silver's values are short: a row of 200 columns stays in one piece. */
#define SILVER_TOAST_TARGET 8160

/* lz4 makes writing bronze four times as fast as the default, but a server may lack it. */
#ifdef USE_LZ4
#define RECORD_COMPRESSION "COMPRESSION lz4 "
#else
#define RECORD_COMPRESSION ""
#endif

typedef struct ColumnShape
{
	const char *name;
	Oid type;
} ColumnShape;

static const ColumnShape bronze_columns[] = {
	{"key", TEXTOID},
	{"modified_at", TIMESTAMPTZOID},
	{"modified", TEXTOID},
	{"record", JSONOID},
	{"fetched_at", TIMESTAMPTZOID},
	{"run_id", INT8OID},
	{"deleted_at", TIMESTAMPTZOID},
};

/*
 * The name for a table of a layer: <source>_<resource> in snake_case, cut to the length of
 * a name, with a number where that is the table of another copy.  What is found there and
 * is no other's is in *relid.
 */
static char *
table_name(const MlsTable *table, Oid namespace, Oid *relid)
{
	const char *source = mls_snake_case(table->source->name);
	const char *resource = mls_snake_case(table->resource);
	char *name = makeObjectName(source, resource, NULL);

	for (int number = 2;; number++)
	{
		*relid = get_relname_relid(name, namespace);
		if (!OidIsValid(*relid) || !mls_identity_is_foreign(*relid, table))
			return name;
		name = makeObjectName(source, resource, psprintf("%d", number));
	}
}

static void
report_shape(Relation rel, const char *detail)
{
	ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
			errmsg("table %s exists and has an unsuitable shape",
				   mls_qualified_name(RelationGetRelid(rel))),
			errdetail("%s", detail), errhint("Rename or drop that table, then subscribe again."));
}

static void
require_column(Relation rel, const char *name, Oid type)
{
	AttrNumber attnum = get_attnum(RelationGetRelid(rel), name);

	if (attnum == InvalidAttrNumber)
		report_shape(rel, psprintf("It has no column \"%s\".", name));
	if (TupleDescAttr(RelationGetDescr(rel), attnum - 1)->atttypid != type)
		report_shape(rel,
					 psprintf("Its column \"%s\" is not of type %s.", name, format_type_be(type)));
}

/* The primary key must consist of exactly these columns. */
static void
require_key(Relation rel, List *names)
{
	Bitmapset *have = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	Bitmapset *want = NULL;
	ListCell *lc;

	foreach (lc, names)
		want = bms_add_member(want, get_attnum(RelationGetRelid(rel), lfirst(lc)) -
										FirstLowInvalidHeapAttributeNumber);
	if (!bms_equal(have, want))
		report_shape(rel, "Its primary key is not the key of the resource.");
}

static void
require_plain(Relation rel)
{
	char kind = rel->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		report_shape(rel, "It is not a table.");
}

/* Partitions that were asked for must be there; others may be. */
static void
check_partitions(Oid relid, int modulus)
{
	Relation rel;

	if (modulus == 0 || mls_partition_is_filled(relid, modulus))
		return;
	rel = relation_open(relid, AccessShareLock);
	report_shape(rel, psprintf("It has no %d partitions by hash.", modulus));
}

static char *
qualified(Oid namespace, const char *name)
{
	return quote_qualified_identifier(get_namespace_name(namespace), name);
}

/* ---- Bronze ---- */

static void
check_bronze(Oid relid)
{
	Relation rel = relation_open(relid, AccessShareLock);

	require_plain(rel);
	for (int i = 0; i < lengthof(bronze_columns); i++)
		require_column(rel, bronze_columns[i].name, bronze_columns[i].type);
	require_key(rel, list_make1("key"));
	relation_close(rel, AccessShareLock);
}

static Oid
create_bronze(const char *name, Oid namespace, const MlsTable *table, int modulus)
{
	const char *storage = psprintf("toast_tuple_target = %d", BRONZE_TOAST_TARGET);
	Oid made;

	mls_sql(SPI_OK_UTILITY,
			psprintf("CREATE TABLE %s ("
					 "key text COLLATE \"C\" PRIMARY KEY, "
					 "modified_at timestamptz, "
					 "modified text, "
					 "record json " RECORD_COMPRESSION "NOT NULL, "
					 "fetched_at timestamptz NOT NULL, "
					 "run_id bigint NOT NULL, "
					 "deleted_at timestamptz, "
					 "parent text COLLATE \"C\") %s",
					 qualified(namespace, name), mls_partition_clause(modulus, "key", storage)));
	made = get_relname_relid(name, namespace);
	mls_partition_fill(made, modulus, storage);
	mls_sql(SPI_OK_UTILITY, psprintf("COMMENT ON TABLE %s IS %s", qualified(namespace, name),
									 quote_literal_cstr(mls_identity_comment(table))));
	return made;
}

/* The bronze table of a foreign table, made when missing; the one it has, if it has one. */
Oid
mls_bronze_prepare(const MlsTable *table, Oid bronze, int modulus)
{
	Oid namespace = mls_schema_ensure(mls_schema_bronze());
	Oid relid = bronze;
	char *name = NULL;

	if (!OidIsValid(bronze) || get_rel_name(bronze) == NULL)
		name = table_name(table, namespace, &relid);
	if (OidIsValid(relid))
	{
		mls_require_own(relid, GetUserId(), "mls_fdw.bronze_schema");
		check_bronze(relid);
		check_partitions(relid, modulus);
		return relid;
	}
	return create_bronze(name, namespace, table, modulus);
}

/* Told by what it is of: the name of an index may be another's. */
static bool
has_parent_index(Oid bronze)
{
	mls_select("SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a "
			   "ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
			   "WHERE i.indrelid = $1 AND a.attname = 'parent'",
			   mls_arg_oid(bronze));
	return SPI_processed > 0;
}

/*
 * Lets bronze find records by what they belong to.  Records that were there
 * before, from a time when nobody kept it, are told whose they are by silver.
 */
void
mls_bronze_prepare_parents(const MlsSubscription *sub, const MlsTable *table)
{
	const MlsColumn *key = mls_table_column(table, "ResourceRecordKey");
	const MlsColumn *kind = mls_table_column(table, "ResourceName");
	const char *bronze = mls_qualified_name(sub->bronze);

	if (has_parent_index(sub->bronze))
		return;
	if (get_attnum(sub->bronze, "parent") == InvalidAttrNumber)
		mls_sql(SPI_OK_UTILITY,
				psprintf("ALTER TABLE %s ADD COLUMN parent text COLLATE \"C\"", bronze));
	if (key != NULL && kind != NULL && list_length(table->key) == 1)
		mls_sql(SPI_OK_UPDATE,
				psprintf("UPDATE %s b SET parent = s.%s::pg_catalog.text || '/' || "
						 "s.%s::pg_catalog.text FROM %s s WHERE s.%s::pg_catalog.text = b.key AND "
						 "b.deleted_at IS NULL AND b.parent IS NULL",
						 bronze, quote_identifier(kind->name), quote_identifier(key->name),
						 mls_qualified_name(sub->silver),
						 quote_identifier(mls_table_column(table, linitial(table->key))->name)));
	mls_sql(SPI_OK_UTILITY, psprintf("CREATE INDEX ON %s (parent)", bronze));
}

/* ---- Silver ---- */

/* "name type [COLLATE c]" as the foreign table has it. */
static char *
column_definition(const MlsColumn *column)
{
	char *type = format_type_extended(column->type, column->typmod,
									  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);

	if (!OidIsValid(column->collation) || column->collation == get_typcollation(column->type))
		return psprintf("%s %s", quote_identifier(column->name), type);
	return psprintf("%s %s COLLATE %s", quote_identifier(column->name), type,
					generate_collation_name(column->collation));
}

/* Names of the key columns (List of char *). */
static List *
key_columns(const MlsTable *table)
{
	List *names = NIL;
	ListCell *lc;

	foreach (lc, table->key)
		names = lappend(names, (char *) mls_table_column(table, lfirst(lc))->name);
	return names;
}

static Oid
create_silver(const char *name, Oid namespace, const MlsTable *table, int modulus)
{
	const char *storage = psprintf("toast_tuple_target = %d", SILVER_TOAST_TARGET);
	StringInfoData sql;
	StringInfoData key;
	Oid made;
	ListCell *lc;

	initStringInfo(&sql);
	initStringInfo(&key);
	appendStringInfo(&sql, "CREATE TABLE %s (", qualified(namespace, name));
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field != NULL)
			appendStringInfo(&sql, "%s, ", column_definition(&table->columns[i]));
	foreach (lc, key_columns(table))
		appendStringInfo(&key, "%s%s", foreach_current_index(lc) ? ", " : "",
						 quote_identifier(lfirst(lc)));
	appendStringInfo(&sql, "PRIMARY KEY (%s)) %s", key.data,
					 mls_partition_clause(modulus, key.data, storage));
	mls_sql(SPI_OK_UTILITY, sql.data);
	made = get_relname_relid(name, namespace);
	mls_partition_fill(made, modulus, storage);
	mls_sql(SPI_OK_UTILITY, psprintf("COMMENT ON TABLE %s IS %s", qualified(namespace, name),
									 quote_literal_cstr(mls_identity_silver_comment(table))));
	return made;
}

/* Columns that are there must have the foreign table's types; returns those that are not. */
static List *
check_silver(Oid relid, const MlsTable *table)
{
	Relation rel = relation_open(relid, AccessShareLock);
	List *missing = NIL;

	require_plain(rel);
	for (int i = 0; i < table->ncolumns; i++)
	{
		const MlsColumn *column = &table->columns[i];

		if (column->field == NULL)
			continue;
		if (get_attnum(relid, column->name) == InvalidAttrNumber)
			missing = lappend(missing, (void *) column);
		else
			require_column(rel, column->name, column->type);
	}
	require_key(rel, key_columns(table));
	relation_close(rel, AccessShareLock);
	return missing;
}

static void
add_columns(const char *name, List *columns)
{
	ListCell *lc;

	if (columns != NIL)
		mls_gold_pause_pages();
	foreach (lc, columns)
	{
		const MlsColumn *column = lfirst(lc);

		mls_sql(SPI_OK_UTILITY,
				psprintf("ALTER TABLE %s ADD COLUMN %s", name, column_definition(column)));
	}
	if (columns != NIL)
		ereport(
			NOTICE,
			errmsg_plural("%d column was added to table %s", "%d columns were added to table %s",
						  list_length(columns), list_length(columns), name),
			errhint("The next mls_sync() fills them from the records in bronze; mls_rebuild() does "
					"so at once."));
}

/* The column in which silver has the field of one that it lacks, if the table has no such column any more. */
static char *
former_name(Oid silver, const MlsTable *table, const MlsColumn *column)
{
	mls_select("SELECT pg_catalog.split_part(c, E'\t', 1) FROM mls.subscription s, "
			   "pg_catalog.unnest(s.columns) c WHERE s.silver::pg_catalog.oid = $1 "
			   "AND pg_catalog.split_part(c, E'\t', 2) = $2",
			   mls_arg_oid(silver), mls_arg_text(column->field));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *name = mls_text_at(i, 1);
		AttrNumber attnum = get_attnum(silver, name);

		if (attnum != InvalidAttrNumber && get_atttype(silver, attnum) == column->type &&
			mls_table_column_named(table, name) == NULL)
			return name;
	}
	return NULL;
}

static void
rename_column(Oid silver, const char *before, const char *after)
{
	mls_gold_pause_pages();
	mls_sql(SPI_OK_UTILITY,
			psprintf("ALTER TABLE %s RENAME COLUMN %s TO %s", mls_qualified_name(silver),
					 quote_identifier(before), quote_identifier(after)));
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET columns = ARRAY(SELECT CASE "
					"pg_catalog.split_part(c, E'\t', 1) WHEN $2 THEN "
					"$3 || pg_catalog.substr(c, pg_catalog.strpos(c, E'\t')) ELSE c END "
					"FROM pg_catalog.unnest(columns) c) WHERE silver::pg_catalog.oid = $1",
					mls_arg_oid(silver), mls_arg_text(before), mls_arg_text(after));
	CommandCounterIncrement();
}

/* Renames the columns of silver whose columns of the foreign table were renamed. */
void
mls_silver_follow(Oid silver, const MlsTable *table)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field != NULL &&
			get_attnum(silver, table->columns[i].name) == InvalidAttrNumber)
		{
			const char *before = former_name(silver, table, &table->columns[i]);

			if (before != NULL)
				rename_column(silver, before, table->columns[i].name);
		}
}

/*
 * Adds the columns silver lacks; returns how many.  Types are not compared: silver
 * may have been given better ones.
 */
int
mls_silver_complete(Oid silver, const MlsTable *table)
{
	List *missing = NIL;

	mls_silver_follow(silver, table);
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field != NULL &&
			get_attnum(silver, table->columns[i].name) == InvalidAttrNumber)
			missing = lappend(missing, &table->columns[i]);
	add_columns(mls_qualified_name(silver), missing);
	return list_length(missing);
}

/* The silver table of a foreign table, made when missing, completed when it lacks columns; likewise. */
Oid
mls_silver_prepare(const MlsTable *table, Oid silver, int modulus)
{
	Oid namespace = mls_schema_ensure(mls_schema_silver());
	Oid relid = silver;
	char *name = NULL;

	if (!OidIsValid(silver) || get_rel_name(silver) == NULL)
		name = table_name(table, namespace, &relid);
	if (OidIsValid(relid))
	{
		mls_require_own(relid, GetUserId(), "mls_fdw.silver_schema");
		mls_silver_follow(relid, table);
		add_columns(mls_qualified_name(relid), check_silver(relid, table));
		check_partitions(relid, modulus);
		return relid;
	}
	return create_silver(name, namespace, table, modulus);
}
