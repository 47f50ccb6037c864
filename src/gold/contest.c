/*
 * contest.c
 *		Whose row gold has where several subscriptions make one of the same key, and
 *		what belongs to it.
 *
 * A claim is a row that rules make of a record in silver.  Of all claims to a key
 * gold has the first in this order, which is total and follows from what is stored:
 *
 *	- the higher priority of the source;
 *	- the account that was subscribed first (its standing);
 *	- within an account, where equal keys mean one listing, the newer record;
 *	- the older subscription, the first of its rules, the first of its records.
 *
 * Nobody remembers who has lost.  Whenever a claim comes, changes or goes, its
 * keys are decided anew, from silver of all who could have them: by its primary
 * key where the key in gold is the source's own with something before or behind
 * it, else by looking through the table.
 *
 * What belongs to a record stands in gold only beside the record of its own
 * source.  Where that source has none of the kind, others of its account may give
 * it; where the belongings' source has no such parents at all, any may.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"

#include "gold/gold.h"
#include "gold/map.h"
#include "gold/source_node.h"
#include "gold/statement.h"
#include "options/options.h"

/* A subscription that fills a table of gold. */
typedef struct Maker
{
	int64 id;
	Oid foreign_table;
	Oid silver;
	Oid gold;
	const char *source;
	const char *priority;
	const char *standing;
	const char *prefix;
	const char *resource; /* at the source */
} Maker;

/* One of its statements: it claims the keys of its rows. */
typedef struct Claimant
{
	const Maker *maker;
	Statement *statement;
	int number;
	const char *head; /* what all its keys begin and end with */
	const char *tail;
	bool is_derived; /* the key is head, the source's own and tail */
	List *barriers;  /* of Barrier *: what keeps it where it belongs */
} Claimant;

/* Rows of a kind stand beside records of some sources only. */
typedef struct Barrier
{
	const char *kind;       /* SQL: is the row of that kind? */
	Oid table;              /* gold of what it belongs to */
	const char *key;        /* that table's key, */
	const char *value;      /* as the row has it */
	const char *companions; /* the sources, as a list of literals */
} Barrier;

/* The field by which rows of a resource name what they belong to. */
typedef struct Bond
{
	const char *child;
	const char *parent;
	const char *parent_key;
	const char *field;
} Bond;

/* ---- Who fills a table ---- */

/* Do rules for its protocol and source make a resource from a maker's, besides the first? */
static bool
also_makes(const Maker *maker, const MlsSource *source, const char *resource)
{
	mls_select("SELECT FROM mls.row_map WHERE " MLS_MAP_OF_PROTOCOL
			   " AND source IN ('*', $2) AND " MLS_MAP_OF_RESOURCE " AND resource = $4 LIMIT 1",
			   mls_arg_text(psprintf("%s/%s", source->protocol->name, source->platform_name)),
			   mls_arg_text(maker->source), mls_arg_text(maker->resource), mls_arg_text(resource));
	return SPI_processed > 0;
}

/* The subscriptions of a role whose rules make a resource, oldest first (List of Maker *). */
static List *
makers_of(Oid owner, const char *resource, Oid gold)
{
	List *found = NIL;
	List *makers = NIL;
	ListCell *lc;

	mls_select("SELECT s.id, s.foreign_table::pg_catalog.oid, s.silver::pg_catalog.oid, "
			   "s.gold::pg_catalog.oid, s.priority, s.standing, s.resource "
			   "FROM mls.subscription s WHERE s.owner::pg_catalog.oid = $1 AND "
			   "s.gold IS NOT NULL AND (s.gold::pg_catalog.oid = $2 OR EXISTS "
			   "(SELECT FROM mls.row_map m WHERE m.resource = $3 AND m.source_resource IN "
			   "(s.resource, pg_catalog.split_part(s.resource, ':', 1)))) ORDER BY s.id",
			   mls_arg_oid(owner), mls_arg_oid(gold), mls_arg_text(resource));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Maker *maker = palloc0(sizeof(Maker));

		maker->id = mls_int8_at(i, 1);
		maker->foreign_table = mls_oid_at(i, 2);
		maker->silver = mls_oid_at(i, 3);
		maker->gold = mls_oid_at(i, 4);
		maker->priority = mls_text_at(i, 5);
		maker->standing = mls_text_at(i, 6);
		maker->resource = mls_text_at(i, 7);
		found = lappend(found, maker);
	}
	foreach (lc, found)
	{
		Maker *maker = lfirst(lc);
		const MlsSource *source;

		if (get_rel_relkind(maker->foreign_table) != RELKIND_FOREIGN_TABLE ||
			get_rel_name(maker->silver) == NULL || get_rel_name(maker->gold) == NULL)
			continue;
		source = mls_source_get(GetForeignTable(maker->foreign_table)->serverid, owner, false);
		maker->source = source->name;
		if (mls_source_is_elsewhere(source->name))
			continue;
		maker->prefix = source->key_prefix ? source->key_prefix : "";
		if (maker->gold == gold || also_makes(maker, source, resource))
			makers = lappend(makers, maker);
	}
	return makers;
}

static bool
begins_alike(const char *a, const char *b)
{
	return strncmp(a, b, Min(strlen(a), strlen(b))) == 0;
}

static bool
ends_alike(const char *a, const char *b)
{
	size_t length = Min(strlen(a), strlen(b));

	return strcmp(a + strlen(a) - length, b + strlen(b) - length) == 0;
}

/* The first that is of a source; NULL if none is. */
static const Maker *
maker_of(const List *makers, const char *source)
{
	ListCell *lc;

	foreach (lc, makers)
		if (strcmp(((Maker *) lfirst(lc))->source, source) == 0)
			return lfirst(lc);
	return NULL;
}

static bool
has_source(const List *makers, const char *source)
{
	return maker_of(makers, source) != NULL;
}

/* Could a source other than the maker's have keys like its own? */
static bool
has_stranger(const List *makers, const Maker *maker)
{
	ListCell *lc;

	foreach (lc, makers)
	{
		const Maker *other = lfirst(lc);

		if (strcmp(other->source, maker->source) != 0 && begins_alike(other->prefix, maker->prefix))
			return true;
	}
	return false;
}

/* ---- Keys ---- */

static const char *
skip_blanks(const char *text)
{
	while (*text == ' ' || *text == '\t' || *text == '\n')
		text++;
	return text;
}

/* Reads a literal without quotes inside; NULL if there is none. */
static const char *
read_literal(const char *text, char **literal)
{
	const char *end = *text == '\'' ? strchr(text + 1, '\'') : NULL;

	if (end == NULL || end[1] == '\'')
		return NULL;
	*literal = pnstrdup(text + 1, end - text - 1);
	return end + 1;
}

static const char *
read_word(const char *text, const char *word)
{
	return text && strncmp(text, word, strlen(word)) == 0 ? text + strlen(word) : NULL;
}

/* Reads 'literal' || r.key or r.key || 'literal': keys that the source's own lead to, and back. */
static void
read_key(Claimant *claimant)
{
	const MlsGoldTarget *target = claimant->statement->target;
	const char *key = target->key ? skip_blanks(target->key) : NULL;
	char *column = psprintf(MLS_MAP_ROW ".%s", quote_identifier(linitial(target->key_columns)));
	char *literal = NULL;
	const char *at;

	claimant->head = claimant->maker->prefix;
	claimant->tail = "";
	claimant->is_derived = list_length(target->key_columns) == 1 && key == NULL;
	if (list_length(target->key_columns) != 1 || key == NULL)
		return;
	if (*key == '\'')
	{
		at = read_literal(key, &literal);
		at = at ? read_word(skip_blanks(at), "||") : NULL;
		if (at == NULL)
			return;
		claimant->head = psprintf("%s%s", claimant->head, literal);
		at = read_word(skip_blanks(at), column);
	}
	else
	{
		at = read_word(key, column);
		at = at ? read_word(skip_blanks(at), "||") : NULL;
		at = at ? read_literal(skip_blanks(at), &literal) : NULL;
		if (at != NULL && *skip_blanks(at) == '\0')
			claimant->tail = literal;
	}
	claimant->is_derived = at != NULL && *skip_blanks(at) == '\0';
}

/*
 * Could two claim one key?  What one subscription makes is told apart by
 * its rules, and so are keys that rules of one source put together.
 */
static bool
can_meet(const Claimant *a, const Claimant *b)
{
	if (a->maker->id == b->maker->id)
		return false;
	if (strcmp(a->maker->source, b->maker->source) == 0 && !(a->is_derived && b->is_derived))
		return false;
	return begins_alike(a->head, b->head) &&
		   (!a->is_derived || !b->is_derived || ends_alike(a->tail, b->tail));
}

/*
 * Rows of silver, as SQL for FROM, of which a column has what follows from a key in
 * a relation; all of silver where that does not lead back to a value of the column.
 */
static char *
rows_by(Oid silver, const char *column, const char *relation, const char *key, const char *head,
		const char *tail)
{
	const char *table = mls_qualified_name(silver);
	Oid type = getBaseType(get_atttype(silver, get_attnum(silver, column)));
	char *value = psprintf("pg_catalog.substr(k.%s, %d)", key, pg_mbstrlen(head) + 1);
	StringInfoData condition;

	initStringInfo(&condition);
	if (head[0] != '\0')
		appendStringInfo(&condition, " AND pg_catalog.starts_with(k.%s, %s)", key,
						 quote_literal_cstr(head));
	if (tail[0] != '\0')
	{
		appendStringInfo(&condition, " AND pg_catalog.right(k.%s, %d) = %s", key, pg_mbstrlen(tail),
						 quote_literal_cstr(tail));
		value = psprintf("pg_catalog.left(%s, %d)", value, -pg_mbstrlen(tail));
	}
	if (type != TEXTOID && type != VARCHAROID)
		value = mls_gold_conversion(value, TEXTOID, type, "UTC");
	if (value == NULL)
		return pstrdup(table);
	return psprintf("(SELECT b.* FROM %s b WHERE b.%s IN (SELECT %s FROM %s k WHERE true%s))",
					table, quote_identifier(column), value, relation, condition.data);
}

/* ---- What belongs together ---- */

/*
 * By which fields rows of a resource belong to those of another, as the dictionary
 * has it: of one child, or of one parent (List of Bond *).
 */
static List *
bonds(const char *child, const char *parent)
{
	List *found = NIL;

	mls_select(
		"SELECT x.child, x.parent, r.key_field, x.field FROM ("
		"SELECT d.target_resource AS child, d.resource AS parent, f.field FROM mls.dd_field d "
		"JOIN mls.dd_field f ON f.resource = d.target_resource AND f.field = 'ResourceRecordKey' "
		"WHERE d.is_expansion AND d.is_collection UNION "
		"SELECT f.resource, 'Property', f.field FROM mls.dd_field f "
		"WHERE f.field = 'ListingKey' AND f.target_resource = 'Property') x "
		"JOIN mls.dd_resource r ON r.resource = x.parent AND r.unique_key "
		"JOIN mls.dd_resource c ON c.resource = x.child AND c.unique_key "
		"WHERE x.child <> x.parent AND $1 IN ('', x.child) AND $2 IN ('', x.parent) "
		"ORDER BY x.child, x.parent, x.field",
		mls_arg_text(child ? child : ""), mls_arg_text(parent ? parent : ""));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Bond *bond = palloc(sizeof(Bond));

		bond->child = mls_text_at(i, 1);
		bond->parent = mls_text_at(i, 2);
		bond->parent_key = mls_text_at(i, 3);
		bond->field = mls_text_at(i, 4);
		found = lappend(found, bond);
	}
	return found;
}

static Oid
gold_of(const char *resource, Oid beside)
{
	return get_relname_relid(mls_snake_case(resource), get_rel_namespace(beside));
}

/* Says of a row whether it belongs to a resource; NULL if rules leave that open.  Who says nothing means listings. */
static char *
is_of_kind(const Statement *statement, const Bond *bond)
{
	const MlsGoldField *name = mls_gold_field(statement->fields, "ResourceName");

	if (strcmp(bond->field, "ResourceRecordKey") != 0)
		return "true";
	if (name == NULL)
		return strcmp(bond->parent, "Property") == 0 ? "true" : NULL;
	return psprintf("coalesce(nullif((%s)::pg_catalog.text, ''), 'Property') = %s",
					mls_statement_value(statement, name), quote_literal_cstr(bond->parent));
}

/*
 * The sources beside whose records rows of a maker may stand, as a list of literals:
 * its own, and those that have no such rows themselves, if they are of its account
 * or it has no records for them.
 */
static char *
companions(const Maker *maker, const List *parents, const List *makers)
{
	StringInfoData list;
	ListCell *lc;

	initStringInfo(&list);
	appendStringInfoString(&list, quote_literal_cstr(maker->source));
	foreach (lc, parents)
	{
		const Maker *parent = lfirst(lc);

		if (!has_source(makers, parent->source) &&
			(strcmp(parent->standing, maker->standing) == 0 || !has_source(parents, maker->source)))
			appendStringInfo(&list, ", %s", quote_literal_cstr(parent->source));
	}
	return list.data;
}

/* What keeps rows away from records of other sources; NIL where none can come (List of Barrier *). */
static List *
barriers_of(Oid owner, const Claimant *claimant, const List *makers)
{
	const Statement *statement = claimant->statement;
	List *barriers = NIL;
	ListCell *lc;

	foreach (lc, bonds(statement->target->resource, NULL))
	{
		const Bond *bond = lfirst(lc);
		const MlsGoldField *field = mls_gold_field(statement->fields, bond->field);
		Oid table = gold_of(bond->parent, statement->gold);
		char *kind = is_of_kind(statement, bond);
		Barrier *barrier;
		List *parents;

		if (field == NULL || kind == NULL || !OidIsValid(table) ||
			get_attnum(table, bond->parent_key) == InvalidAttrNumber)
			continue;
		parents = makers_of(owner, bond->parent, table);
		if (!has_stranger(parents, claimant->maker))
			continue;
		barrier = palloc(sizeof(Barrier));
		barrier->kind = kind;
		barrier->table = table;
		barrier->key = bond->parent_key;
		barrier->value = mls_statement_value(statement, field);
		barrier->companions = companions(claimant->maker, parents, makers);
		barriers = lappend(barriers, barrier);
	}
	return barriers;
}

/* The same as conditions on rows of SQL for FROM. */
static char *
barrier_conditions(const Claimant *claimant, const char *from)
{
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	foreach (lc, claimant->barriers)
	{
		const Barrier *barrier = lfirst(lc);
		const char *key = quote_identifier(barrier->key);
		const char *table = mls_qualified_name(barrier->table);

		if (mls_shards_of(barrier->table) != NULL)
			table = mls_shards_rows(
				barrier->table, list_make2(unconstify(char *, barrier->key), MLS_GOLD_SOURCE),
				psprintf("g.%s = ANY ($1)", key),
				psprintf("SELECT (%s)::pg_catalog.text FROM %s", barrier->value, from));
		appendStringInfo(&sql,
						 " AND NOT (%s AND EXISTS (SELECT FROM %s p WHERE p.%s = (%s)::"
						 "pg_catalog.text AND p." MLS_GOLD_SOURCE " NOT IN (%s)))",
						 barrier->kind, table, key, barrier->value, barrier->companions);
	}
	return sql.data;
}

/* ---- Claimants ---- */

/* All statements that fill a table with keys that several can have (List of Claimant *). */
static List *
claimants_of(Oid owner, const char *resource, Oid gold, const List *makers)
{
	List *claimants = NIL;
	ListCell *lc;
	ListCell *each;

	foreach (lc, makers)
	{
		const Maker *maker = lfirst(lc);
		const MlsTable *table = mls_table_get(maker->foreign_table, owner, false);
		List *statements = mls_statement_list(table, maker->silver, maker->gold);

		foreach (each, statements)
		{
			Claimant *claimant = palloc0(sizeof(Claimant));

			claimant->maker = maker;
			claimant->statement = lfirst(each);
			claimant->number = foreach_current_index(each);
			if (claimant->statement->gold != gold || !claimant->statement->target->unique_key)
				continue;
			read_key(claimant);
			claimant->barriers = barriers_of(owner, claimant, makers);
			claimants = lappend(claimants, claimant);
		}
	}
	return claimants;
}

/* When the record of a row r was modified, by the source. */
static char *
modified(const Claimant *claimant)
{
	const MlsTable *table = claimant->statement->table;
	const MlsColumn *column = table->timestamp ? mls_table_column(table, table->timestamp) : NULL;
	const char *timezone = table->source->timezone ? table->source->timezone : "UTC";
	AttrNumber attnum =
		column ? get_attnum(claimant->maker->silver, column->name) : InvalidAttrNumber;
	char *value = NULL;

	if (attnum != InvalidAttrNumber)
		value = mls_gold_conversion(psprintf(MLS_MAP_ROW ".%s", quote_identifier(column->name)),
									getBaseType(get_atttype(claimant->maker->silver, attnum)),
									TIMESTAMPTZOID, timezone);
	return value ? value : "NULL::pg_catalog.timestamptz";
}

/* What one statement claims of the keys in a relation: (key, claimant, source_key, modified, priority, standing). */
static char *
claimed(const Claimant *claimant, int place, const char *keys)
{
	const Statement *statement = claimant->statement;
	const MlsGoldTarget *target = statement->target;
	const char *rows = claimant->is_derived
						   ? rows_by(claimant->maker->silver, linitial(target->key_columns), keys,
									 "key", claimant->head, claimant->tail)
						   : mls_qualified_name(claimant->maker->silver);
	char *condition = target->condition ? psprintf("(%s\n)", target->condition) : "true";
	char *from = mls_statement_from(statement, rows);

	return psprintf("SELECT v.key, %d, v.source_key, v.modified, %s, %s::pg_catalog.int8 FROM "
					"(SELECT %s AS key, %s AS source_key, %s AS modified FROM %s WHERE %s%s "
					"OFFSET 0) v WHERE (v.key IN (SELECT k.key FROM %s k)) IS TRUE",
					place, claimant->maker->priority, claimant->maker->standing,
					mls_statement_key(statement), mls_gold_source_key(target), modified(claimant),
					from, condition, barrier_conditions(claimant, from), keys);
}

/* The sources that take part, as a list of literals. */
static char *
sources_of(const List *claimants)
{
	StringInfoData list;
	ListCell *lc;

	initStringInfo(&list);
	foreach (lc, claimants)
		appendStringInfo(&list, "%s%s", list.len ? ", " : "",
						 quote_literal_cstr(((Claimant *) lfirst(lc))->maker->source));
	return list.data;
}

/*
 * The claims to each key of a relation with their rank, one row without a claimant for
 * each key: (key, claimant, source_key, rank, unplanned).
 */
static char *
ranked(const char *keys, const List *claimants)
{
	StringInfoData all;
	ListCell *lc;

	initStringInfo(&all);
	appendStringInfo(&all,
					 "SELECT DISTINCT k.key, NULL::pg_catalog.int4 AS claimant, "
					 "NULL::pg_catalog.text AS source_key, "
					 "NULL::pg_catalog.timestamptz AS modified, 0 AS priority, "
					 "0::pg_catalog.int8 AS standing FROM %s k",
					 keys);
	foreach (lc, claimants)
		appendStringInfo(&all, " UNION ALL %s",
						 claimed(lfirst(lc), foreach_current_index(lc), keys));
	return psprintf(
		"SELECT c.key, c.claimant, c.source_key, pg_catalog.row_number() OVER w AS rank, "
		"c.priority = pg_catalog.first_value(c.priority) OVER w AND "
		"c.standing <> pg_catalog.first_value(c.standing) OVER w AS unplanned FROM (%s) c "
		"WINDOW w AS (PARTITION BY c.key COLLATE \"C\" ORDER BY c.claimant IS NULL, "
		"c.priority DESC, c.standing, c.modified DESC NULLS LAST, c.claimant, "
		"c.source_key COLLATE \"C\")",
		all.data);
}

/*
 * The claims to each key of a relation in their order, one row without a claimant
 * for a key that nobody claims any more, beside the row that gold has:
 *
 *	key, claimant, source_key, unplanned, source, origin, its source_key, foreign
 *
 * unplanned: lost to another account without a priority that would say so.
 * foreign: the row is of a subscription of another role, and not ours to take.
 */
static char *
decision(const MlsGoldContest *contest, const List *claimants)
{
	const Claimant *first = linitial(claimants);
	const char *key = quote_identifier(first->statement->target->key_field);
	const char *columns = MLS_GOLD_SOURCE ", g." MLS_GOLD_ORIGIN ", g." MLS_GOLD_SOURCE_KEY;
	const char *present;

	if (mls_shards_of(contest->table) == NULL)
		present = psprintf(
			"LEFT JOIN LATERAL (SELECT g.%s FROM %s g WHERE g.%s = c.key OFFSET 0) g ON true",
			columns, mls_qualified_name(contest->table), key);
	else
		present = psprintf(
			"LEFT JOIN (SELECT g.%s AS key, g.%s FROM %s g) g ON g.key = c.key", key, columns,
			mls_shards_rows(contest->table,
							list_make4(unconstify(char *, first->statement->target->key_field),
									   MLS_GOLD_SOURCE, MLS_GOLD_ORIGIN, MLS_GOLD_SOURCE_KEY),
							psprintf("g.%s = ANY ($1)", key),
							psprintf("SELECT k.key FROM %s k", contest->keys)));
	return psprintf(
		"SELECT c.key, c.claimant, c.source_key, c.unplanned, g." MLS_GOLD_SOURCE
		", g." MLS_GOLD_ORIGIN ", g." MLS_GOLD_SOURCE_KEY ", CASE WHEN g." MLS_GOLD_SOURCE
		" IS NULL OR g." MLS_GOLD_SOURCE " IN (%s) THEN false ELSE "
		"mls.is_replicated(g." MLS_GOLD_SOURCE ", g." MLS_GOLD_ORIGIN ") END FROM (%s) c %s "
		"WHERE c.claimant IS NOT NULL OR c.rank = 1 ORDER BY c.key COLLATE \"C\", c.rank",
		sources_of(claimants), ranked(contest->keys, claimants), present);
}

static MlsGoldClaimant *
make_claimant(const MlsGoldContest *contest, const Claimant *claimant, int place)
{
	MlsGoldClaimant *made = palloc0(sizeof(MlsGoldClaimant));
	const MlsGoldTarget *target = claimant->statement->target;
	const char *won = psprintf("(SELECT o.key, o.source_key FROM %s o WHERE o.claimant = %d)",
							   contest->won, place);

	made->subscription = claimant->maker->id;
	made->table = claimant->statement->table;
	made->silver = claimant->maker->silver;
	made->gold = claimant->maker->gold;
	made->number = claimant->number;
	made->source = claimant->statement->table->source->name;
	made->origin = target->origin;
	made->won = won;
	made->can_fail = claimant->statement->can_fail;
	if (list_length(target->key_columns) == 1)
		made->rows = rows_by(claimant->maker->silver, linitial(target->key_columns), won,
							 "source_key", "", "");
	else
		made->rows =
			psprintf("(SELECT r.* FROM %s r WHERE (%s IN (SELECT k.source_key FROM %s "
					 "k)) IS TRUE)",
					 mls_qualified_name(claimant->maker->silver), mls_gold_source_key(target), won);
	return made;
}

/* ---- Belongings ---- */

/* The column of silver that a field is, or NULL. */
static const char *
column_behind(const Claimant *claimant, const MlsGoldField *field)
{
	TupleDesc desc = ((MlsMapRelation *) linitial(claimant->statement->target->relations))->desc;

	for (int i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);

		if (!TupleDescAttr(desc, i)->attisdropped &&
			strcmp(field->value, psprintf(MLS_MAP_ROW ".%s", quote_identifier(name))) == 0)
			return name;
	}
	return NULL;
}

/* The keys of a claimant's rows that name one of the moved keys as their parent's. */
static char *
keys_of_belongings(const Claimant *claimant, const MlsGoldField *field, const char *moved)
{
	const char *column = column_behind(claimant, field);
	const char *prefix = field->is_reference ? claimant->maker->prefix : "";
	const char *rows = column ? rows_by(claimant->maker->silver, column, moved, "key", prefix, "")
							  : mls_qualified_name(claimant->maker->silver);

	return psprintf("SELECT v.key FROM (SELECT %s AS key, (%s)::pg_catalog.text AS parent FROM %s "
					"OFFSET 0) v WHERE v.key IS NOT NULL AND "
					"(v.parent IN (SELECT m.key FROM %s m)) IS TRUE",
					mls_statement_key(claimant->statement),
					mls_statement_value(claimant->statement, field),
					mls_statement_from(claimant->statement, rows), moved);
}

/* What belongs to rows of the contest's resource and could stand beside others' (List of MlsGoldBelongings *). */
static List *
belongings(Oid owner, const char *resource, const MlsGoldContest *contest, bool always)
{
	List *found = NIL;
	ListCell *lc;
	ListCell *each;

	foreach (lc, bonds(NULL, resource))
	{
		const Bond *bond = lfirst(lc);
		Oid table = gold_of(bond->child, contest->table);
		MlsGoldBelongings *belonging = palloc0(sizeof(MlsGoldBelongings));
		bool is_kept = always;
		List *makers;

		if (!OidIsValid(table) || (makers = makers_of(owner, bond->child, table)) == NIL)
			continue;
		belonging->resource = bond->child;
		belonging->table = table;
		foreach (each, claimants_of(owner, bond->child, table, makers))
		{
			const Claimant *claimant = lfirst(each);
			const MlsGoldField *field = mls_gold_field(claimant->statement->fields, bond->field);
			char *keys;

			is_kept |= claimant->barriers != NIL;
			if (field == NULL)
				continue;
			keys = keys_of_belongings(claimant, field, contest->moved);
			belonging->find =
				belonging->find ? psprintf("%s UNION ALL %s", belonging->find, keys) : keys;
		}
		if (is_kept && belonging->find != NULL)
			found = lappend(found, belonging);
	}
	return found;
}

/* Do sources of which one could have the other's keys make what rows of a resource belong to? */
static bool
has_rival_parents(Oid owner, const char *resource, Oid gold, const List *makers)
{
	ListCell *lc;
	ListCell *each;

	foreach (lc, bonds(resource, NULL))
	{
		const Bond *bond = lfirst(lc);
		Oid table = gold_of(bond->parent, gold);
		List *parents = OidIsValid(table) ? makers_of(owner, bond->parent, table) : NIL;

		foreach (each, makers)
		{
			if (has_stranger(parents, lfirst(each)))
				return true;
		}
	}
	return false;
}

/* Do others make what could stand beside rows of a resource? */
static bool
has_strange_belongings(Oid owner, const char *resource, Oid gold, const List *makers)
{
	ListCell *lc;
	ListCell *each;

	foreach (lc, bonds(NULL, resource))
	{
		const Bond *bond = lfirst(lc);
		Oid table = gold_of(bond->child, gold);
		List *children = OidIsValid(table) ? makers_of(owner, bond->child, table) : NIL;

		foreach (each, makers)
			if (has_stranger(children, lfirst(each)))
				return true;
	}
	return false;
}

/* Subscriptions whose rows may stand elsewhere now that one of the role's comes or goes, as an array's text. */
char *
mls_gold_unsettled(Oid owner, const MlsTable *table, Oid silver_table, Oid gold)
{
	StringInfoData ids;
	ListCell *lc;
	ListCell *bond;
	ListCell *each;

	initStringInfo(&ids);
	foreach (lc, mls_gold_targets(table, silver_table))
	{
		const MlsGoldTarget *target = lfirst(lc);
		Oid own = mls_gold_table(target, gold);

		if (!OidIsValid(own))
			continue;
		foreach (each,
				 bonds(target->resource, NULL) ? makers_of(owner, target->resource, own) : NIL)
		{
			const Maker *maker = lfirst(each);

			if (strcmp(maker->source, table->source->name) != 0)
				appendStringInfo(&ids, "%s" INT64_FORMAT, ids.len ? "," : "", maker->id);
		}
		foreach (bond, bonds(NULL, target->resource))
		{
			const char *child = ((Bond *) lfirst(bond))->child;
			Oid other = gold_of(child, own);

			foreach (each, OidIsValid(other) ? makers_of(owner, child, other) : NIL)
			{
				const Maker *maker = lfirst(each);

				if (strcmp(maker->source, table->source->name) == 0)
					appendStringInfo(&ids, "%s" INT64_FORMAT, ids.len ? "," : "", maker->id);
			}
		}
	}
	return psprintf("{%s}", ids.data);
}

/* Indexes for the columns by which rows of a resource are found that belong to others. */
static void
index_bonds(Oid owner, const char *resource, Oid gold)
{
	ListCell *lc;
	ListCell *each;

	foreach (lc, claimants_of(owner, resource, gold, makers_of(owner, resource, gold)))
	{
		const Claimant *claimant = lfirst(lc);

		foreach (each, bonds(resource, NULL))
		{
			const MlsGoldField *field =
				mls_gold_field(claimant->statement->fields, ((Bond *) lfirst(each))->field);
			const char *column = field ? column_behind(claimant, field) : NULL;

			if (column != NULL)
				mls_map_index(claimant->maker->silver, column);
		}
	}
}

void
mls_gold_prepare_contests(Oid owner, const MlsTable *table, Oid silver_table, Oid gold)
{
	ListCell *lc;
	ListCell *each;

	foreach (lc, mls_gold_targets(table, silver_table))
	{
		const MlsGoldTarget *target = lfirst(lc);
		Oid own = mls_gold_table(target, gold);
		List *makers;

		if (!OidIsValid(own))
			continue;
		makers = makers_of(owner, target->resource, own);
		if (has_rival_parents(owner, target->resource, own, makers))
			index_bonds(owner, target->resource, own);
		foreach (each, makers)
			if (has_stranger(makers, lfirst(each)))
				break;
		if (each == NULL)
			continue;
		foreach (each, bonds(NULL, target->resource))
		{
			const Bond *bond = lfirst(each);
			Oid child = gold_of(bond->child, own);

			if (OidIsValid(child))
				index_bonds(owner, bond->child, child);
		}
	}
}

bool
mls_gold_source_has_rivals(Oid owner, const MlsTable *table)
{
	const char *prefix = table->source->key_prefix ? table->source->key_prefix : "";
	List *tables = NIL;
	bool has_rivals = false;
	ListCell *lc;

	mls_select("SELECT DISTINCT ON (s.source) s.foreign_table::pg_catalog.oid "
			   "FROM mls.subscription s WHERE s.owner::pg_catalog.oid = $1 AND "
			   "s.source <> $2 AND s.gold IS NOT NULL ORDER BY s.source, s.id",
			   mls_arg_oid(owner), mls_arg_text(table->source->name));
	for (uint64 i = 0; i < SPI_processed; i++)
		tables = lappend_oid(tables, mls_oid_at(i, 1));
	foreach (lc, tables)
	{
		const MlsSource *other;

		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_FOREIGN_TABLE)
			continue;
		other = mls_source_get(GetForeignTable(lfirst_oid(lc))->serverid, owner, false);
		if (strcmp(other->name, table->source->name) != 0)
			has_rivals |= begins_alike(other->key_prefix ? other->key_prefix : "", prefix);
	}
	return has_rivals;
}

char *
mls_gold_rivals(Oid owner, const MlsTable *table, Oid silver_table, Oid gold, bool unplanned)
{
	const char *prefix = table->source->key_prefix ? table->source->key_prefix : "";
	StringInfoData text;
	ListCell *lc;
	ListCell *each;

	initStringInfo(&text);
	foreach (lc, mls_gold_targets(table, silver_table))
	{
		const MlsGoldTarget *target = lfirst(lc);
		Oid own = mls_gold_table(target, gold);
		List *names = NIL;
		List *makers;
		const Maker *self;

		if (!OidIsValid(own) || !target->unique_key)
			continue;
		makers = makers_of(owner, target->resource, own);
		self = maker_of(makers, table->source->name);
		foreach (each, makers)
		{
			const Maker *maker = lfirst(each);
			String *name = makeString(pstrdup(maker->source));

			if (strcmp(maker->source, table->source->name) == 0 ||
				!begins_alike(maker->prefix, prefix) || list_member(names, name))
				continue;
			if (unplanned && self != NULL &&
				(strcmp(maker->standing, self->standing) == 0 ||
				 strcmp(maker->priority, self->priority) != 0))
				continue;
			appendStringInfo(&text, "%s\"%s\"",
							 names      ? ", "
							 : text.len ? psprintf("; %s of ", target->resource)
										: psprintf("%s of ", target->resource),
							 maker->source);
			names = lappend(names, name);
		}
	}
	return text.len > 0 ? text.data : NULL;
}

/* ---- The contest ---- */

/* Is there another subscription whose keys may begin as a subscription's do? */
static bool
has_neighbour(const List *makers, int64 subscription)
{
	const Maker *own = NULL;
	ListCell *lc;

	foreach (lc, makers)
		if (((Maker *) lfirst(lc))->id == subscription)
			own = lfirst(lc);
	foreach (lc, makers)
	{
		const Maker *other = lfirst(lc);

		if (own != NULL && other != own && begins_alike(own->prefix, other->prefix))
			return true;
	}
	return false;
}

/* Does a subscription take part in one with others, or have rows that can be kept away? */
static bool
is_contested(const List *claimants, int64 subscription)
{
	ListCell *lc;
	ListCell *each;

	foreach (lc, claimants)
	{
		const Claimant *claimant = lfirst(lc);

		if (claimant->maker->id != subscription)
			continue;
		if (claimant->barriers != NIL)
			return true;
		foreach (each, claimants)
			if (can_meet(claimant, lfirst(each)))
				return true;
	}
	return false;
}

MlsGoldContest *
mls_gold_contest(Oid owner, const char *resource, Oid gold, int64 subscription, bool always)
{
	MlsGoldContest *contest = NULL;
	List *makers = makers_of(owner, resource, gold);
	List *claimants = NIL;
	ListCell *lc;

	/* Rules are read only where there may be somebody to contest with. */
	if (always || has_neighbour(makers, subscription) ||
		has_rival_parents(owner, resource, gold, makers) ||
		has_strange_belongings(owner, resource, gold, makers))
		claimants = claimants_of(owner, resource, gold, makers);
	if (claimants != NIL)
	{
		contest = palloc0(sizeof(MlsGoldContest));
		contest->table = gold;
		contest->key =
			quote_identifier(((Claimant *) linitial(claimants))->statement->target->key_field);
		contest->keys = psprintf("mls_contested_%u", gold);
		contest->won = psprintf("mls_won_%u", gold);
		contest->moved = psprintf("mls_moved_%u", gold);
		contest->decide = decision(contest, claimants);
		foreach (lc, claimants)
		{
			MlsGoldClaimant *each = make_claimant(contest, lfirst(lc), foreach_current_index(lc));

			contest->claimants = lappend(contest->claimants, each);
			contest->can_fail |= each->can_fail;
		}
		contest->belongings = belongings(owner, resource, contest, always);
		if (!always && !is_contested(claimants, subscription) && contest->belongings == NIL)
			contest = NULL;
	}
	return contest;
}

char *
mls_statement_won(Oid owner, int64 subscription, const Statement *statement, int number,
				  const char *keys)
{
	const char *resource = statement->target->resource;
	List *claimants =
		claimants_of(owner, resource, statement->gold, makers_of(owner, resource, statement->gold));
	ListCell *lc;

	foreach (lc, is_contested(claimants, subscription) ? claimants : NIL)
	{
		const Claimant *claimant = lfirst(lc);

		if (claimant->maker->id == subscription && claimant->number == number)
			return psprintf("(SELECT c.key, c.source_key FROM (%s) c "
							"WHERE c.rank = 1 AND c.claimant = %d)",
							ranked(keys, claimants), foreach_current_index(lc));
	}
	return NULL;
}
