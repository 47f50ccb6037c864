/*
 * partition.c
 *		Partitions of the tables: of a source in gold, and by hash of the key.
 *
 * PostgreSQL wants the columns that partitions are told by in each unique index, and
 * gold's key is unique over all sources.  So partitions are told by the key and nothing
 * else: what a source has there begins with its key_prefix, and keys that begin alike are
 * a range, in the order of the collation "C".  A row that goes from one source to another
 * keeps its key and so its partition; statements find a row's partition by its key; and
 * what no partition is for stands in the default one.
 *
 * A partition of gold that has rows of one source's resource only is dropped as a file when
 * they are to go.  Where somebody is told of each row that goes (triggers, publications), it
 * is not.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "gold/gold.h"
#include "gold/partition.h"
#include "gold/statement.h"
#include "step/subscription_row.h"

/* More would cost each page more than they save anybody: a page touches all of them. */
#define LARGEST_MODULUS 256

/* ---- What is asked for ---- */

static void
report_value(const char *text)
{
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid value for partition: \"%s\"", text),
			errhint("It is \"source\", \"hash N\" with N from 2 to %d, or both, as in \"source, "
					"hash 8\".",
					LARGEST_MODULUS));
}

/* The number behind "hash", or 0. */
static int
read_modulus(const char *word)
{
	char *end;
	long modulus;

	if (pg_strncasecmp(word, "hash", 4) != 0 || !isspace((unsigned char) word[4]))
		return 0;
	word += 4 + strspn(word + 4, " \t");
	if (!isdigit((unsigned char) *word))
		return 0;
	modulus = strtol(word, &end, 10);
	return *end == '\0' && modulus >= 2 && modulus <= LARGEST_MODULUS ? modulus : 0;
}

static char *
trimmed(char *word)
{
	char *end;

	word += strspn(word, " \t\n\r");
	end = word + strlen(word);
	while (end > word && isspace((unsigned char) end[-1]))
		*--end = '\0';
	return word;
}

MlsPartition
mls_partition_read(const char *text)
{
	MlsPartition partition = {0};
	char *rest = text ? pstrdup(text) : NULL;

	while (rest != NULL)
	{
		const char *word = trimmed(strsep(&rest, ","));
		int modulus = read_modulus(word);

		if (pg_strcasecmp(word, "source") == 0 && !partition.by_source)
			partition.by_source = true;
		else if (modulus > 0 && partition.modulus == 0)
			partition.modulus = modulus;
		else
			report_value(text);
	}
	return partition;
}

MlsPartition
mls_partition_of(Oid foreign_table)
{
	const MlsSubscription *sub = mls_subscription_by_table(foreign_table);

	return mls_partition_read(sub ? sub->partition : NULL);
}

/* ---- By hash ---- */

char *
mls_partition_clause(int modulus, const char *columns, const char *storage)
{
	return modulus > 0 ? psprintf("PARTITION BY HASH (%s)", columns)
					   : psprintf("WITH (%s)", storage);
}

/* A name for a partition beside its table. */
static char *
partition_name(Oid table, const char *of, const char *label)
{
	Oid namespace = get_rel_namespace(table);
	char *name = ChooseRelationName(get_rel_name(table), of, label, namespace, false);

	return quote_qualified_identifier(get_namespace_name(namespace), name);
}

void
mls_partition_fill(Oid table, int modulus, const char *storage)
{
	for (int i = 0; i < modulus; i++)
	{
		mls_sql(SPI_OK_UTILITY,
				psprintf("CREATE TABLE %s PARTITION OF %s FOR VALUES WITH (MODULUS %d, REMAINDER "
						 "%d) WITH (%s)",
						 partition_name(table, NULL, psprintf("p%d", i)), mls_qualified_name(table),
						 modulus, i, storage));
		CommandCounterIncrement();
	}
}

bool
mls_partition_is_filled(Oid table, int modulus)
{
	mls_select("SELECT FROM pg_catalog.pg_partitioned_table p JOIN pg_catalog.pg_inherits i "
			   "ON i.inhparent = p.partrelid WHERE p.partrelid = $1 AND p.partstrat = 'h'",
			   mls_arg_oid(table));
	return SPI_processed == modulus;
}

/* ---- Of a source ---- */

void
mls_partition_begin(Oid gold, const MlsPartition *partition)
{
	if (get_rel_relkind(gold) != RELKIND_PARTITIONED_TABLE)
		return;
	if (partition->by_source)
		mls_sql(SPI_OK_UTILITY, psprintf("CREATE TABLE %s PARTITION OF %s DEFAULT WITH (%s)",
										 partition_name(gold, NULL, "default"),
										 mls_qualified_name(gold), MLS_GOLD_STORAGE));
	else
		mls_partition_fill(gold, partition->modulus, MLS_GOLD_STORAGE);
	CommandCounterIncrement();
}

/* Is a table in partitions by ranges of one column? */
static bool
is_by_range(Oid gold, const char *key)
{
	mls_select("SELECT FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid = $1 AND "
			   "p.partstrat = 'r' AND p.partnatts = 1 AND p.partattrs[0] = $2",
			   mls_arg_oid(gold), mls_arg(INT2OID, Int16GetDatum(get_attnum(gold, key))));
	return SPI_processed > 0;
}

static void
require_by_range(Oid gold, const char *key)
{
	if (is_by_range(gold, key))
		return;
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("gold table %s has no partitions of sources", mls_qualified_name(gold)),
			errdetail("A table has partitions from its beginning or not at all."),
			errhint("To have it made anew: DROP TABLE %s CASCADE, which takes views, grants and "
					"policies along; then subscribe again. The next sync of each source fills it "
					"from silver.",
					mls_qualified_name(gold)));
}

static void
require_owner(Oid gold)
{
	if (object_ownercheck(RelationRelationId, gold, GetUserId()))
		return;
	ereport(
		ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		errmsg("must be owner of gold table %s to make a partition of it",
			   mls_qualified_name(gold)),
		errdetail("It belongs to role \"%s\".", GetUserNameFromId(mls_relation_owner(gold), true)),
		errhint("Subscribe without \"source\": the rows then stand in its default partition."));
}

/* The first text behind all that begin with a prefix that can_bound(). */
static char *
behind(const char *prefix)
{
	char *bound = pstrdup(prefix);

	bound[strlen(bound) - 1]++;
	return bound;
}

/* The next letter must be one, too, in any encoding. */
static bool
can_bound(const char *prefix)
{
	size_t length = prefix ? strlen(prefix) : 0;

	return length > 0 && prefix[length - 1] >= ' ' && prefix[length - 1] < '~';
}

static void
require_prefix(const MlsSource *source)
{
	if (can_bound(source->key_prefix))
		return;
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("source \"%s\" has no key_prefix by which its partition could be told",
				   source->name),
			errdetail("Partitions of gold are told by how keys begin; the last character of a "
					  "prefix must be one of ASCII."),
			errhint("ALTER SERVER %s OPTIONS (%s key_prefix '%s-');",
					quote_identifier(source->name), source->key_prefix ? "SET" : "ADD",
					mls_snake_case(source->name)));
}

/* "FOR VALUES ..." for a command. */
static char *
bounds_of(const MlsSource *source)
{
	return psprintf("FOR VALUES FROM (%s) TO (%s)", quote_literal_cstr(source->key_prefix),
					quote_literal_cstr(behind(source->key_prefix)));
}

/* The partition with some bounds, as the catalogue has them; or InvalidOid. */
static Oid
partition_with(Oid gold, const char *bounds)
{
	mls_select("SELECT c.oid FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c "
			   "ON c.oid = i.inhrelid WHERE i.inhparent = $1 AND "
			   "pg_catalog.pg_get_expr(c.relpartbound, c.oid) = $2",
			   mls_arg_oid(gold), mls_arg_text(bounds));
	return SPI_processed > 0 ? mls_oid_at(0, 1) : InvalidOid;
}

/* A literal as the catalogue shows it: with a backslash as it is, and no E before it. */
static char *
shown_literal(const char *text)
{
	StringInfoData literal;

	initStringInfo(&literal);
	appendStringInfoChar(&literal, '\'');
	for (; *text; text++)
	{
		if (SQL_STR_DOUBLE(*text, !standard_conforming_strings))
			appendStringInfoChar(&literal, *text);
		appendStringInfoChar(&literal, *text);
	}
	appendStringInfoChar(&literal, '\'');
	return literal.data;
}

/* The partition of a source; or InvalidOid. */
static Oid
partition_of_source(Oid gold, const MlsSource *source)
{
	return partition_with(gold, psprintf("FOR VALUES FROM (%s) TO (%s)",
										 shown_literal(source->key_prefix),
										 shown_literal(behind(source->key_prefix))));
}

/* The columns that rows are written with, as a list. */
static char *
column_list(Oid gold)
{
	mls_select("SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' "
			   "ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1 AND "
			   "a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''",
			   mls_arg_oid(gold));
	return mls_text_at(0, 1);
}

/*
 * What has to be told of each row that goes, may know of rows what is not seen here, or would
 * not let a partition go: triggers, rules, foreign keys, publications, row security that holds
 * for the owner too, views of a partition.
 */
static bool
is_watched(Oid gold, Oid partition)
{
	mls_select(
		"WITH t AS (SELECT $1 AS oid UNION SELECT p.relid FROM "
		"pg_catalog.pg_partition_tree($2::pg_catalog.regclass) p) SELECT FROM t WHERE "
		"EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = t.oid AND "
		"NOT g.tgisinternal) OR "
		"EXISTS (SELECT FROM pg_catalog.pg_constraint f WHERE f.confrelid = t.oid) OR "
		"EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE t.oid <> $1 AND d.refobjid = t.oid "
		"AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND "
		"d.deptype = 'n') OR "
		"EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.oid AND "
		"(c.relhasrules OR c.relrowsecurity AND (c.oid <> $1 OR c.relforcerowsecurity))) OR "
		"EXISTS (SELECT FROM pg_catalog.pg_publication b, LATERAL "
		"pg_catalog.pg_get_publication_tables(b.pubname) r WHERE r.relid = t.oid)",
		mls_arg_oid(gold), mls_arg_oid(partition));
	return SPI_processed > 0;
}

/* Rows with keys of a range, from the default partition into a table that becomes the range's. */
static void
move_rows(Oid gold, Oid from, const char *key, const MlsSource *source, const char *to)
{
	const char *columns = column_list(gold);

	mls_sql(SPI_OK_INSERT,
			psprintf("WITH moved AS (DELETE FROM %s WHERE %s COLLATE \"C\" >= %s AND %s COLLATE "
					 "\"C\" < %s RETURNING %s) INSERT INTO %s (%s) SELECT %s FROM moved",
					 mls_qualified_name(from), quote_identifier(key),
					 quote_literal_cstr(source->key_prefix), quote_identifier(key),
					 quote_literal_cstr(behind(source->key_prefix)), columns, to, columns,
					 columns));
}

/* Rows that wait in a table, into a partition; who is told of rows has been told that they went. */
static void
bring_rows(Oid gold, const char *waiting, const char *partition)
{
	const char *columns = column_list(gold);

	mls_sql(SPI_OK_INSERT, psprintf("INSERT INTO %s (%s) SELECT %s FROM %s", partition, columns,
									columns, waiting));
	mls_sql(SPI_OK_UTILITY, psprintf("DROP TABLE %s", waiting));
}

/* A member of gold's owner has made a partition: it is, with its own ones, of who has gold. */
static void
give_to_owner(Oid gold, Oid partition)
{
	Oid owner = mls_relation_owner(gold);
	ListCell *lc;

	if (owner == GetUserId())
		return;
	foreach (lc, find_all_inheritors(partition, NoLock, NULL))
		mls_sql(SPI_OK_UTILITY,
				psprintf("ALTER TABLE %s OWNER TO %s", mls_qualified_name(lfirst_oid(lc)),
						 quote_identifier(GetUserNameFromId(owner, false))));
}

/* Is a source to have a partition of gold, and has none?  An error if it cannot have one. */
bool
mls_partition_lacks_source(Oid gold, const char *key, const MlsSource *source,
						   const MlsPartition *partition)
{
	if (!partition->by_source)
		return false;
	require_prefix(source);
	require_by_range(gold, key);
	if (OidIsValid(partition_of_source(gold, source)))
		return false;
	require_owner(gold);
	return true;
}

/*
 * It is made beside the table and joined when it is whole: PARTITION OF would lock all
 * readers of the table out from the beginning, and refuses where rows of it stand in the
 * default partition.  That one is locked, and read to see that none is left in it.
 * Where somebody is told of rows, they come only then: of what comes into a table that is
 * no partition yet nobody is told.
 */
void
mls_partition_add_source(Oid gold, const char *key, const MlsSource *source, int modulus)
{
	const char *table = mls_qualified_name(gold);
	Oid namespace = get_rel_namespace(gold);
	const char *name = ChooseRelationName(get_rel_name(gold), mls_snake_case(source->name), "rows",
										  namespace, false);
	const char *own = quote_qualified_identifier(get_namespace_name(namespace), name);
	Oid from = partition_with(gold, "DEFAULT");
	const char *waiting = NULL;

	mls_sql(SPI_OK_UTILITY,
			psprintf("CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING "
					 "GENERATED INCLUDING STORAGE INCLUDING COMPRESSION) %s",
					 own, table,
					 mls_partition_clause(modulus, quote_identifier(key), MLS_GOLD_STORAGE)));
	mls_partition_fill(get_relname_relid(name, namespace), modulus, MLS_GOLD_STORAGE);
	if (OidIsValid(from) && is_watched(gold, from))
	{
		waiting = partition_name(gold, mls_snake_case(source->name), "waiting");
		mls_sql(SPI_OK_UTILITY,
				psprintf("CREATE UNLOGGED TABLE %s (LIKE %s INCLUDING GENERATED)", waiting, table));
	}
	if (OidIsValid(from))
		move_rows(gold, from, key, source, waiting ? waiting : own);
	mls_sql(SPI_OK_UTILITY,
			psprintf("ALTER TABLE %s ATTACH PARTITION %s %s", table, own, bounds_of(source)));
	if (waiting != NULL)
		bring_rows(gold, waiting, own);
	mls_sql(SPI_OK_UTILITY,
			psprintf("COMMENT ON TABLE %s IS %s", own,
					 quote_literal_cstr(psprintf("rows of source %s", source->name))));
	give_to_owner(gold, get_relname_relid(name, namespace));
	CommandCounterIncrement();
}

/* ---- Gone at once ---- */

/* Are all rows of a partition made from a resource of a source?  Each that differs is one step in the index. */
static bool
has_only(Oid partition, const char *source, const char *resource)
{
	const char *rows = mls_qualified_name(partition);

	mls_select(psprintf("WITH RECURSIVE o AS ((SELECT p." MLS_GOLD_SOURCE ", p." MLS_GOLD_ORIGIN
						" FROM %s p ORDER BY 1, 2 LIMIT 1) UNION ALL SELECT n.* FROM o CROSS JOIN "
						"LATERAL (SELECT p." MLS_GOLD_SOURCE ", p." MLS_GOLD_ORIGIN
						" FROM %s p WHERE (p." MLS_GOLD_SOURCE ", p." MLS_GOLD_ORIGIN
						") > (o." MLS_GOLD_SOURCE ", o." MLS_GOLD_ORIGIN
						") ORDER BY 1, 2 LIMIT 1) n) SELECT FROM o WHERE o." MLS_GOLD_SOURCE
						" <> $1 OR NOT (o." MLS_GOLD_ORIGIN
						" = $2 OR pg_catalog.starts_with(o." MLS_GOLD_ORIGIN ", $2 || '/'))",
						rows, rows),
			   mls_arg_text(source), mls_arg_text(resource));
	return SPI_processed == 0;
}

Oid
mls_partition_to_drop(Oid gold, const MlsSource *source, const char *resource)
{
	Oid partition = InvalidOid;

	if (get_rel_relkind(gold) == RELKIND_PARTITIONED_TABLE && can_bound(source->key_prefix))
		partition = partition_of_source(gold, source);
	if (!OidIsValid(partition) || !object_ownercheck(RelationRelationId, partition, GetUserId()) ||
		is_watched(gold, partition))
		return InvalidOid;
	/* As DROP TABLE locks them; what others are writing is committed then, and seen. */
	LockRelationOid(gold, AccessExclusiveLock);
	LockRelationOid(partition, AccessExclusiveLock);
	return has_only(partition, source->name, resource) ? partition : InvalidOid;
}
