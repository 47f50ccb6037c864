/*
 * dependant.c
 *		Whose gold looks at a resource: which rows have to be made anew when rows of
 *		the resource change.
 *
 * A row that is joined by its key is named by the key, whatever became of it.
 * One that is joined by another field may have had another value there before,
 * so it is asked for twice.
 */
#include "postgres.h"

#include "nodes/value.h"
#include "utils/lsyscache.h"

#include "gold/gold.h"
#include "gold/map.h"
#include "gold/partition.h"
#include "gold/statement.h"
#include "options/options.h"

/* A subscription that may depend on another. */
typedef struct Candidate
{
	int64 subscription;
	Oid foreign_table;
	Oid silver;
	Oid gold;
	Oid owner;
} Candidate;

/* Subscriptions of the source, and owner, that have a join rule for the resource (List of Candidate *). */
static List *
read_candidates(const MlsTable *table, Oid silver_table)
{
	List *candidates = NIL;

	mls_select("SELECT s.foreign_table::oid, s.silver::oid, s.gold::oid, s.owner::oid, s.id "
			   "FROM mls.subscription s WHERE s.source = $1 AND s.gold IS NOT NULL AND "
			   "s.owner::oid = (SELECT relowner FROM pg_catalog.pg_class WHERE oid = $4) "
			   "AND EXISTS (SELECT FROM mls.join_map j WHERE "
			   "j.protocol IN ('*', pg_catalog.split_part($3, '/', 1), $3) AND "
			   "j.source IN ('*', $1) AND "
			   "j.source_resource IN (s.resource, pg_catalog.split_part(s.resource, ':', 1)) AND "
			   "j.joined_resource = $2) ORDER BY s.id",
			   mls_arg_text(table->source->name), mls_arg_text(table->resource),
			   mls_arg_text(mls_map_protocol(table)), mls_arg_oid(silver_table));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Candidate *candidate = palloc(sizeof(Candidate));

		candidate->foreign_table = mls_oid_at(i, 1);
		candidate->silver = mls_oid_at(i, 2);
		candidate->gold = mls_oid_at(i, 3);
		candidate->owner = mls_oid_at(i, 4);
		candidate->subscription = mls_int8_at(i, 5);
		candidates = lappend(candidates, candidate);
	}
	return candidates;
}

/* A table of a candidate whose relations are all there; NULL if something was dropped. */
static const MlsTable *
candidate_table(const Candidate *candidate)
{
	if (get_rel_name(candidate->foreign_table) == NULL || get_rel_name(candidate->silver) == NULL ||
		get_rel_name(candidate->gold) == NULL)
		return NULL;
	return mls_table_get(candidate->foreign_table, candidate->owner, false);
}

/* ---- Queries for keys ---- */

/* "r.a, r.b" of the key's columns; another relation's name instead of r may be given. */
static char *
key_list(const MlsTable *table, const char *relation)
{
	StringInfoData list;
	ListCell *lc;

	initStringInfo(&list);
	foreach (lc, table->key)
		appendStringInfo(&list, "%s%s.%s", list.len ? ", " : "", relation,
						 quote_identifier(mls_table_column(table, lfirst(lc))->name));
	return list.data;
}

static Oid
column_type(const MlsMapRelation *relation, const char *column)
{
	return getBaseType(get_atttype(relation->silver, get_attnum(relation->silver, column)));
}

/* The values by which changed rows are joined: as the page has them, or as silver has them now. */
static char *
joined_values(const MlsMapRelation *joined, const char *cast, const char *changed, const char *gone)
{
	const char *column = quote_identifier(mls_map_column(joined, joined->field));
	const char *keys;

	if (!joined->fans_out)
		return psprintf("SELECT c.%s%s FROM %s c UNION ALL SELECT c.%s%s FROM %s c", column, cast,
						changed, column, cast, gone);
	keys = key_list(joined->table, "c");
	return psprintf("SELECT o.%s%s FROM %s o WHERE (%s) IN (SELECT %s FROM %s c UNION ALL "
					"SELECT %s FROM %s c)",
					column, cast, mls_qualified_name(joined->silver), key_list(joined->table, "o"),
					keys, changed, keys, gone);
}

/* Keys of the rows r that are joined with changed rows under one alias. */
static char *
affected_rows(const List *relations, const MlsMapRelation *joined, const char *changed,
			  const char *gone)
{
	const MlsMapRelation *row = linitial(relations);
	const MlsMapRelation *parent = mls_map_relation(relations, joined->parent);
	const char *column = mls_map_column(parent, joined->parent_field);
	const char *other = mls_map_column(joined, joined->field);
	const char *cast =
		column_type(parent, column) == column_type(joined, other) ? "" : "::pg_catalog.text";

	return psprintf("SELECT %s FROM %s WHERE %s.%s%s IN (%s)", key_list(row->table, MLS_MAP_ROW),
					mls_map_from(relations, mls_qualified_name(row->silver),
								 list_make1(makeString(pstrdup(parent->alias)))),
					parent->alias, quote_identifier(column), cast,
					joined_values(joined, cast, changed, gone));
}

static const char *
add_union(const char *query, const char *more)
{
	return query == NULL ? more : psprintf("%s UNION %s", query, more);
}

/* The queries for rows that use a table under any alias; false if none does. */
static bool
find_affected(MlsGoldDependant *dependant, const List *statements, Oid silver_table,
			  const char *changed, const char *gone)
{
	const List *relations = ((Statement *) linitial(statements))->target->relations;
	List *uses = NIL;
	ListCell *lc;

	foreach (lc, statements)
		uses = list_concat_unique(uses, ((Statement *) lfirst(lc))->uses);
	foreach (lc, uses)
	{
		const MlsMapRelation *joined = mls_map_relation(relations, strVal(lfirst(lc)));
		const char *query;

		if (joined->parent == NULL || joined->silver != silver_table)
			continue;
		query = affected_rows(relations, joined, changed, gone);
		dependant->after = add_union(dependant->after, query);
		if (joined->fans_out)
			dependant->before = add_union(dependant->before, query);
	}
	return dependant->after != NULL;
}

/* ---- Dependants ---- */

TupleDesc
mls_gold_key_desc(const MlsTable *table, Oid silver_table)
{
	TupleDesc desc = CreateTemplateTupleDesc(list_length(table->key));
	AttrNumber n = 0;
	ListCell *lc;

	foreach (lc, table->key)
	{
		const char *column = mls_table_column(table, lfirst(lc))->name;
		AttrNumber attnum = get_attnum(silver_table, column);
		Oid type;
		int32 typmod;
		Oid collation;

		get_atttypetypmodcoll(silver_table, attnum, &type, &typmod, &collation);
		TupleDescInitEntry(desc, ++n, column, type, typmod, 0);
		TupleDescInitEntryCollation(desc, n, collation);
	}
	return desc;
}

char *
mls_gold_rows_by_key(const MlsTable *table, Oid silver_table, const char *keys)
{
	return psprintf("(SELECT b.* FROM %s b WHERE (%s) IN (SELECT %s FROM %s k))",
					mls_qualified_name(silver_table), key_list(table, "b"), key_list(table, "k"),
					keys);
}

List *
mls_gold_dependants(const MlsTable *table, Oid silver_table, const char *changed, const char *gone)
{
	List *dependants = NIL;
	ListCell *lc;

	foreach (lc, read_candidates(table, silver_table))
	{
		const Candidate *candidate = lfirst(lc);
		const MlsTable *other = candidate_table(candidate);
		MlsGoldDependant *dependant = palloc0(sizeof(MlsGoldDependant));
		List *statements;

		if (other == NULL)
			continue;
		statements = mls_statement_list(other, candidate->silver, candidate->gold);
		dependant->subscription = candidate->subscription;
		dependant->table = other;
		dependant->silver = candidate->silver;
		dependant->gold = candidate->gold;
		dependant->key = mls_gold_key_desc(other, candidate->silver);
		dependant->affected = psprintf("mls_affected_%d", list_length(dependants) + 1);
		dependant->rows = mls_gold_rows_by_key(other, candidate->silver, dependant->affected);
		if (statements == NIL || !find_affected(dependant, statements, silver_table, changed, gone))
			continue;
		dependant->statements = mls_gold_statements(other, candidate->silver, candidate->gold,
													dependant->rows, dependant->affected, NULL);
		dependants = lappend(dependants, dependant);
	}
	return dependants;
}

bool
mls_gold_looks_around(const MlsTable *table, Oid silver_table, Oid gold)
{
	ListCell *lc;
	ListCell *use;

	foreach (lc, mls_statement_list(table, silver_table, gold))
	{
		const Statement *statement = lfirst(lc);

		foreach (use, statement->uses)
			if (mls_map_relation(statement->target->relations, strVal(lfirst(use)))->parent)
				return true;
	}
	return false;
}

/* ---- Preparing ---- */

/* Fields that could not be made before may be possible now. */
void
mls_gold_prepare_dependants(const MlsTable *table, Oid silver_table)
{
	ListCell *lc;

	foreach (lc, read_candidates(table, silver_table))
	{
		const Candidate *candidate = lfirst(lc);
		const MlsTable *other = candidate_table(candidate);

		if (other != NULL)
		{
			MlsPartition partition = mls_partition_of(other->relid);

			mls_gold_prepare(other, candidate->silver, &partition);
		}
	}
}
