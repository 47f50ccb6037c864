/*
 * statement.c
 *		The statements that bring rows of silver into gold and take them out.
 *
 * They are built from the mapping once per run and prepared by who writes gold; rows
 * arrive as a relation of silver's shape.  Every name is quoted, every value a
 * quoted literal; expressions of rules were parsed and checked before.
 *
 * Mostly a row of silver is a row of gold.  Where rules make none, several or
 * other keys of it, the statement also takes out what the rows made before and
 * do not make any more.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/typcache.h"

#include "gold/gold.h"
#include "gold/map.h"
#include "gold/statement.h"

/* ---- Expressions over a row r ---- */

bool
mls_statement_is_apart(const Statement *statement)
{
	const MlsShards *shards = statement->shards;

	return shards != NULL && shards->column != NULL && statement->target->unique_key &&
		   strcmp(shards->column, statement->target->key_field) != 0;
}

static char *
with_prefix(const Statement *statement, const char *key)
{
	const char *prefix = statement->table->source->key_prefix;

	if (prefix == NULL || prefix[0] == '\0')
		return pstrdup(key);
	return psprintf("%s || nullif(%s, '')", quote_literal_cstr(prefix), key);
}

/* The key in gold of a row r. */
char *
mls_statement_key(const Statement *statement)
{
	const MlsGoldTarget *target = statement->target;

	if (target->key != NULL)
		return with_prefix(statement, psprintf("(%s\n)::pg_catalog.text", target->key));
	return with_prefix(statement, mls_gold_source_key(target));
}

/* Standard values for the names of an enumeration. */
static char *
with_values(const MlsGoldField *field, const char *value, Oid type)
{
	return psprintf("mls.display_value%s(%s, %s)", type == TEXTARRAYOID ? "s" : "",
					quote_literal_cstr(field->lookup), value);
}

/*
 * A field's value of a row r, as its column has it.  Values are translated as a
 * list if source or gold has one, as one otherwise.
 */
char *
mls_statement_value(const Statement *statement, const MlsGoldField *field)
{
	const char *timezone = statement->table->source->timezone;
	Oid type = get_atttype(statement->gold, get_attnum(statement->gold, field->name));
	Oid from = field->source_type;
	char *value = pstrdup(field->value);
	bool is_list = from == TEXTARRAYOID || type == TEXTARRAYOID;

	if (list_member(statement->failing, makeString(pstrdup(field->name))))
		return psprintf("NULL::%s", format_type_be_qualified(type));
	if (timezone == NULL)
		timezone = "UTC";
	if (field->lookup != NULL && (type == TEXTOID || type == TEXTARRAYOID))
	{
		Oid between = is_list ? TEXTARRAYOID : TEXTOID;

		value = mls_gold_conversion(value, from, between, timezone);
		value = with_values(field, value, between);
		from = between;
	}
	value = mls_gold_conversion(value, from, type, timezone);
	if (field->is_reference && type == TEXTOID)
		value = with_prefix(statement, value);
	/* What belongs to nothing stands somewhere, too. */
	if (mls_statement_is_apart(statement) && strcmp(field->name, statement->shards->column) == 0)
		value = psprintf("coalesce(%s, '')", value);
	return value;
}

/* ---- Parts ---- */

static const char *
quoted_source(const Statement *statement)
{
	return quote_literal_cstr(statement->table->source->name);
}

static const char *
quoted_origin(const Statement *statement)
{
	return quote_literal_cstr(statement->target->origin);
}

/* Is a row g of gold one of this target?  For those that are looked for as a whole. */
static char *
any_own_row(const Statement *statement)
{
	return psprintf("g." MLS_GOLD_SOURCE " = %s AND g." MLS_GOLD_ORIGIN " = %s",
					quoted_source(statement), quoted_origin(statement));
}

/*
 * The same for rows that are found by a key.  As long as gold is small, the index
 * on the source looks as good as one on the key, and plans live longer than that;
 * so it is not offered.
 */
static char *
own_row(const Statement *statement)
{
	return psprintf("(g." MLS_GOLD_SOURCE " || '') = %s AND g." MLS_GOLD_ORIGIN " = %s",
					quoted_source(statement), quoted_origin(statement));
}

/* Finds the row g of gold that belongs to a row r of a plain target. */
static char *
same_row(const Statement *statement)
{
	const MlsGoldTarget *target = statement->target;

	if (target->unique_key && statement->plain)
		return psprintf("g.%s = %s", quote_identifier(target->key_field),
						mls_statement_key(statement));
	return psprintf("g." MLS_GOLD_SOURCE_KEY " = %s", mls_gold_source_key(target));
}

/* Does its ctid tell a row of gold from all others? */
static bool
has_places(const Statement *statement)
{
	return statement->shards == NULL &&
		   get_rel_relkind(statement->gold) != RELKIND_PARTITIONED_TABLE;
}

/* The column by which a row of gold is found again where that is not so. */
static const char *
place_column(const Statement *statement)
{
	return statement->target->unique_key ? statement->target->key_field : MLS_GOLD_SOURCE_KEY;
}

static char *
place(const Statement *statement)
{
	if (has_places(statement))
		return pstrdup("g.ctid AS place");
	return psprintf("g.%s AS place", quote_identifier(place_column(statement)));
}

/*
 * Gold, for those of its rows that have in a column what a query finds: the table, or where
 * it is distributed these rows, with what tells rows apart.
 */
static char *
gold_by(const Statement *statement, const char *column, const char *query)
{
	List *columns = list_make3(MLS_GOLD_SOURCE, MLS_GOLD_ORIGIN, MLS_GOLD_SOURCE_KEY);

	if (statement->shards == NULL)
		return mls_qualified_name(statement->gold);
	if (statement->target->unique_key)
		columns = lappend(columns, unconstify(char *, statement->target->key_field));
	if (mls_statement_is_apart(statement))
		columns = lappend(columns, unconstify(char *, statement->shards->column));
	return mls_shards_rows(statement->gold, columns,
						   query ? psprintf("g.%s = ANY ($1)", quote_identifier(column))
								 : any_own_row(statement),
						   query);
}

/*
 * "gold_row": the row g of gold that belongs to each of the rows before it, or
 * nothing; by a column that has what a query finds.  OFFSET keeps the planner from taking
 * them the other way round, all of gold first, which looks good as long as there is little
 * of it.
 */
static char *
found_row(const Statement *statement, const char *columns, const char *condition,
		  const char *column, const char *query)
{
	return psprintf("CROSS JOIN LATERAL (SELECT %s FROM %s g WHERE %s%s) gold_row", columns,
					gold_by(statement, column, query), condition,
					statement->shards ? "" : " OFFSET 0");
}

/* The condition of rows g of gold whose places (see place()) a query finds; they fit a condition, too. */
static char *
at_places(const Statement *statement, const char *places, const char *condition)
{
	if (has_places(statement))
		return psprintf("g.ctid = ANY (ARRAY(%s))", places);
	return psprintf("g.%s = ANY (ARRAY(%s)) AND %s", quote_identifier(place_column(statement)),
					places, condition);
}

/* The statement that takes them out. */
static char *
removal(const Statement *statement, const char *places, const char *condition)
{
	const char *gold = mls_qualified_name(statement->gold);

	if (statement->shards == NULL)
		return psprintf("DELETE FROM %s g WHERE %s", gold, at_places(statement, places, condition));
	return mls_shards_command(psprintf("DELETE FROM %s g WHERE g.%s = ANY ($1) AND %s", gold,
									   quote_identifier(place_column(statement)), condition),
							  places);
}

/* A column in a comparison; types that cannot be compared are compared as text. */
static char *
comparable(const Statement *statement, const char *relation, const char *column)
{
	Oid type = get_atttype(statement->gold, get_attnum(statement->gold, column));
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR);

	return psprintf("%s.%s%s", relation, quote_identifier(column),
					OidIsValid(entry->eq_opr) ? "" : "::pg_catalog.text");
}

/*
 * The fields' columns of a relation, as a list.  The modification timestamp comes
 * first, since rows that differ mostly differ in it, and a comparison ends there.
 */
static char *
compared_columns(const Statement *statement, const char *relation)
{
	StringInfoData first;
	StringInfoData rest;
	ListCell *lc;

	initStringInfo(&first);
	initStringInfo(&rest);
	foreach (lc, statement->fields)
	{
		const MlsGoldField *field = lfirst(lc);
		char *column = comparable(statement, relation, field->name);

		if (field->type == TIMESTAMPTZOID)
			appendStringInfo(&first, ", %s", column);
		else
			appendStringInfo(&rest, ", %s", column);
	}
	return psprintf("%s.%s%s%s", relation, MLS_GOLD_SOURCE_KEY, first.data, rest.data);
}

/* The fields that gold has a column of a fitting type for. */
static List *
stored_fields(const Statement *statement)
{
	List *stored = NIL;
	ListCell *lc;

	foreach (lc, mls_gold_fields(statement->table, statement->target, NULL))
	{
		const MlsGoldField *field = lfirst(lc);
		AttrNumber attnum = get_attnum(statement->gold, field->name);

		if (field->is_first && attnum != InvalidAttrNumber &&
			mls_gold_conversion("", field->source_type, get_atttype(statement->gold, attnum),
								"UTC") != NULL)
			stored = lappend(stored, lfirst(lc));
	}
	return stored;
}

/* ---- What a statement looks at ---- */

/* Aliases that an expression uses; *valid becomes false if it cannot be computed. */
static List *
uses_of(const Statement *statement, const char *expression, bool *valid)
{
	const char *missing = NULL;
	List *uses = NIL;

	if (expression != NULL)
		uses = mls_map_expression_uses(expression, &missing, statement->target->relations);
	if (missing != NULL)
		*valid = false;
	return uses;
}

/* The aliases of relations that the target's condition, key and fields use; NULL-safe. */
static List *
used_relations(const Statement *statement, bool *valid)
{
	List *uses = uses_of(statement, statement->target->condition, valid);
	ListCell *lc;

	uses = list_concat_unique(uses, uses_of(statement, statement->target->key, valid));
	foreach (lc, statement->fields)
	{
		const MlsGoldField *field = lfirst(lc);

		uses = list_concat_unique(uses, field->uses);
	}
	return mls_map_ancestors(statement->target->relations, uses);
}

static bool
fans_out(const Statement *statement)
{
	ListCell *lc;

	foreach (lc, statement->uses)
		if (mls_map_relation(statement->target->relations, strVal(lfirst(lc)))->fans_out)
			return true;
	return false;
}

/* The column by which rows are spread, where no rule makes it. */
static MlsGoldField *
no_parent(const char *column)
{
	MlsGoldField *field = palloc0(sizeof(MlsGoldField));

	field->name = column;
	field->value = "''::pg_catalog.text";
	field->source_type = field->type = TEXTOID;
	field->is_first = true;
	return field;
}

/* What is needed to write a target's statements; NULL if it cannot be made now. */
Statement *
mls_statement_begin(const MlsTable *table, const MlsGoldTarget *target, Oid gold)
{
	Statement *statement = palloc0(sizeof(Statement));
	bool valid = true;
	ListCell *lc;

	statement->table = table;
	statement->target = target;
	statement->gold = mls_gold_table(target, gold);
	if (!OidIsValid(statement->gold) || get_rel_name(statement->gold) == NULL)
		return NULL;
	statement->shards = mls_shards_of(statement->gold);
	statement->fields = stored_fields(statement);
	if (mls_statement_is_apart(statement) &&
		mls_gold_field(statement->fields, statement->shards->column) == NULL)
		statement->fields = lappend(statement->fields, no_parent(statement->shards->column));
	statement->uses = used_relations(statement, &valid);
	if (!valid)
		return NULL;
	statement->plain = target->condition == NULL && target->key == NULL && !fans_out(statement);
	statement->can_fail = target->condition != NULL || target->key != NULL;
	foreach (lc, statement->fields)
		statement->can_fail |= ((MlsGoldField *) lfirst(lc))->can_fail;
	return statement;
}

/* ---- Statements ---- */

/* The lists of a statement: columns, their values for a row, and their changes. */
typedef struct Lists
{
	StringInfoData columns;
	StringInfoData values;
	StringInfoData changes;
} Lists;

static void
list_fields(const Statement *statement, Lists *lists)
{
	ListCell *lc;

	initStringInfo(&lists->columns);
	initStringInfo(&lists->values);
	initStringInfo(&lists->changes);
	foreach (lc, statement->fields)
	{
		const MlsGoldField *field = lfirst(lc);
		const char *name = quote_identifier(field->name);

		appendStringInfo(&lists->columns, ", %s", name);
		appendStringInfo(&lists->values, ", %s", mls_statement_value(statement, field));
		/* Rows of another machine are others: what they belong to is part of their identity. */
		if (!mls_statement_is_apart(statement) ||
			strcmp(field->name, statement->shards->column) != 0)
			appendStringInfo(&lists->changes, ", %s = excluded.%s", name, name);
	}
	if (statement->target->unique_key)
		appendStringInfo(&lists->changes,
						 ", " MLS_GOLD_SOURCE_KEY " = excluded." MLS_GOLD_SOURCE_KEY);
}

/* Columns that identify a row of gold for ON CONFLICT. */
static const char *
identity(const Statement *statement)
{
	if (mls_statement_is_apart(statement))
		return psprintf("%s, %s", quote_identifier(statement->shards->column),
						quote_identifier(statement->target->key_field));
	if (statement->target->unique_key)
		return quote_identifier(statement->target->key_field);
	return MLS_GOLD_SOURCE ", " MLS_GOLD_ORIGIN ", " MLS_GOLD_SOURCE_KEY;
}

/* What is done with a row that is there already. */
static char *
on_conflict(const Statement *statement, const Lists *lists)
{
	if (statement->careful)
		return psprintf(" ON CONFLICT (%s) DO NOTHING", identity(statement));
	return psprintf(" ON CONFLICT (%s) DO UPDATE SET " MLS_GOLD_UPDATED_AT
					" = excluded." MLS_GOLD_UPDATED_AT "%s WHERE g." MLS_GOLD_SOURCE
					" = excluded." MLS_GOLD_SOURCE " AND g." MLS_GOLD_ORIGIN
					" = excluded." MLS_GOLD_ORIGIN " AND (%s) IS DISTINCT FROM (%s)",
					identity(statement), lists->changes.data, compared_columns(statement, "g"),
					compared_columns(statement, "excluded"));
}

char *
mls_statement_from(const Statement *statement, const char *rows)
{
	return mls_map_from(statement->target->relations, rows, statement->uses);
}

/* The columns that are written, as the selects for it give them (List of char *). */
static List *
written_columns(const Statement *statement)
{
	const MlsGoldTarget *target = statement->target;
	List *columns = target->unique_key ? list_make1(unconstify(char *, target->key_field)) : NIL;
	ListCell *lc;

	columns = lappend(columns, MLS_GOLD_SOURCE);
	columns = lappend(columns, MLS_GOLD_ORIGIN);
	columns = lappend(columns, MLS_GOLD_SOURCE_KEY);
	columns = lappend(columns, MLS_GOLD_UPDATED_AT);
	foreach (lc, statement->fields)
		columns = lappend(columns, unconstify(char *, ((MlsGoldField *) lfirst(lc))->name));
	return columns;
}

static char *
name_list(const List *columns, const char *relation)
{
	StringInfoData list;
	ListCell *lc;

	initStringInfo(&list);
	foreach (lc, columns)
		appendStringInfo(&list, "%s%s%s", list.len ? ", " : "", relation,
						 quote_identifier(lfirst(lc)));
	return list.data;
}

/* "WITH v AS (...)": what a select gives, for who reads it twice. */
static char *
with_rows(const Statement *statement, const char *select)
{
	return psprintf("WITH v (%s) AS MATERIALIZED (%s)", name_list(written_columns(statement), ""),
					select);
}

/* "... g WHERE": the rows of gold that have keys of v. */
static char *
rows_of_keys(const Statement *statement)
{
	const char *key = quote_identifier(statement->target->key_field);

	return psprintf(
		"%s g WHERE g.%s = v.%s",
		gold_by(statement, statement->target->key_field, psprintf("SELECT v.%s FROM v", key)), key,
		key);
}

/*
 * Brings what a select gives into distributed gold.  Keys that others have elsewhere meet
 * nobody there, so they are left out before.
 */
static char *
shards_upsert(const Statement *statement, const Lists *lists, const char *select)
{
	List *columns = written_columns(statement);
	const char *gold = mls_qualified_name(statement->gold);
	const char *row = mls_shards_row(statement->gold, "v", columns);
	char *command =
		psprintf("INSERT INTO %s AS g (%s) SELECT %s FROM pg_catalog.unnest($1) u%s", gold,
				 name_list(columns, ""), name_list(columns, "u."), on_conflict(statement, lists));

	if (!mls_statement_is_apart(statement))
		return mls_shards_command(
			command, psprintf("SELECT %s FROM (%s) v (%s)", row, select, name_list(columns, "")));
	return mls_shards_command(
		command,
		psprintf("%s SELECT %s FROM v WHERE NOT EXISTS (SELECT FROM %s AND NOT (%s))",
				 with_rows(statement, select), row, rows_of_keys(statement), own_row(statement)));
}

static char *
plain_select(const Statement *statement, const Lists *lists, const char *rows)
{
	const MlsGoldTarget *target = statement->target;
	const char *key_value =
		target->unique_key ? psprintf("%s, ", mls_statement_key(statement)) : "";

	return psprintf("SELECT %s%s, %s, %s, pg_catalog.now()%s FROM %s", key_value,
					quoted_source(statement), quoted_origin(statement), mls_gold_source_key(target),
					lists->values.data, mls_statement_from(statement, rows));
}

/* The rows of a plain target as gold has them, for who knows that they are new. */
static char *
plain_rows(const Statement *statement, const char *rows)
{
	const MlsGoldTarget *target = statement->target;
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT %s AS " MLS_GOLD_SOURCE ", %s AS " MLS_GOLD_ORIGIN
					 ", %s AS " MLS_GOLD_SOURCE_KEY ", pg_catalog.now() AS " MLS_GOLD_UPDATED_AT,
					 quoted_source(statement), quoted_origin(statement),
					 mls_gold_source_key(target));
	if (target->unique_key)
		appendStringInfo(&sql, ", %s AS %s", mls_statement_key(statement),
						 quote_identifier(target->key_field));
	foreach (lc, statement->fields)
	{
		const MlsGoldField *field = lfirst(lc);

		appendStringInfo(&sql, ", %s AS %s", mls_statement_value(statement, field),
						 quote_identifier(field->name));
	}
	appendStringInfo(&sql, " FROM %s", mls_statement_from(statement, rows));
	return sql.data;
}

/*
 * What decides between rows of gold that one row of silver makes under one key,
 * since joins found several partners: the keys of these, as further columns.
 */
static char *
partner_keys(const Statement *statement, StringInfo order)
{
	StringInfoData columns;
	int n = 0;
	ListCell *lc;
	ListCell *each;

	initStringInfo(&columns);
	foreach (lc, statement->uses)
	{
		const MlsMapRelation *relation =
			mls_map_relation(statement->target->relations, strVal(lfirst(lc)));

		if (!relation->fans_out)
			continue;
		foreach (each, relation->table->key)
		{
			appendStringInfo(
				&columns, ", %s.%s::pg_catalog.text AS mls_partner_%d", relation->alias,
				quote_identifier(mls_table_column(relation->table, lfirst(each))->name), ++n);
			appendStringInfo(order, ", mls_partner_%d COLLATE \"C\"", n);
		}
	}
	return columns.data;
}

/* A column of gold as the source's type, where a conversion could have lost something; or NULL. */
static char *
taken_back(const Statement *statement, const MlsGoldField *field)
{
	const char *name = quote_identifier(field->name);
	Oid type = get_atttype(statement->gold, get_attnum(statement->gold, field->name));

	if (list_member(statement->failing, makeString(pstrdup(field->name))))
		return NULL;
	return mls_gold_conversion_back(psprintf("g.%s", name), field->source_type, type);
}

/*
 * The rows of gold that rows of silver make: (mls_key, mls_source_key, fields), one
 * for each key; or one for each key and record, for somebody else decides between
 * records.  With the source's own values (mls_raw_N, N the field's place) where gold
 * is to be compared with them.
 */
static char *
made_rows(const Statement *statement, const char *rows, bool raw)
{
	const char *condition = statement->target->condition;
	StringInfoData values;
	StringInfoData order;
	char *partners;
	ListCell *lc;

	initStringInfo(&values);
	initStringInfo(&order);
	foreach (lc, statement->fields)
	{
		const MlsGoldField *field = lfirst(lc);

		appendStringInfo(&values, ", %s AS %s", mls_statement_value(statement, field),
						 quote_identifier(field->name));
		if (raw && taken_back(statement, field))
			appendStringInfo(&values, ", %s AS mls_raw_%d", field->value,
							 foreach_current_index(lc));
	}
	partners = partner_keys(statement, &order);
	return psprintf("SELECT DISTINCT ON (mls_key%s) * FROM (SELECT %s AS mls_key, "
					"%s COLLATE \"C\" AS " MLS_GOLD_SOURCE_KEY
					"%s%s FROM %s%s) v WHERE mls_key IS NOT NULL "
					"ORDER BY mls_key, " MLS_GOLD_SOURCE_KEY "%s",
					statement->won ? ", " MLS_GOLD_SOURCE_KEY : "", mls_statement_key(statement),
					mls_gold_source_key(statement->target), values.data, partners,
					mls_statement_from(statement, rows),
					condition ? psprintf(" WHERE (%s\n)", condition) : "", order.data);
}

/* What was made of rows, or those of it only that a contest was won with. */
static char *
made_select(const Statement *statement, const Lists *lists, const char *rows)
{
	const char *won = statement->won
						  ? psprintf(" WHERE ((n.mls_key, n." MLS_GOLD_SOURCE_KEY
									 ") IN (SELECT w.key, w.source_key FROM %s w)) IS TRUE",
									 statement->won)
						  : "";

	return psprintf("SELECT %s%s, %s, n." MLS_GOLD_SOURCE_KEY ", pg_catalog.now()%s FROM (%s) n%s",
					statement->target->unique_key ? "n.mls_key, " : "", quoted_source(statement),
					quoted_origin(statement), lists->columns.data,
					made_rows(statement, rows, false), won);
}

/* The row of gold that a row r made before. */
static char *
row_before(const Statement *statement, const char *rows)
{
	const char *source_key = mls_gold_source_key(statement->target);

	return found_row(
		statement,
		psprintf("%s, g.%s AS key", place(statement), quote_identifier(place_column(statement))),
		psprintf("g." MLS_GOLD_SOURCE_KEY " = %s AND %s", source_key, own_row(statement)),
		MLS_GOLD_SOURCE_KEY, psprintf("SELECT %s FROM %s r", source_key, rows));
}

static char *
general_upsert(const Statement *statement, const Lists *lists, const char *rows)
{
	const MlsGoldTarget *target = statement->target;
	const char *gold = mls_qualified_name(statement->gold);
	const char *key =
		target->unique_key ? quote_identifier(target->key_field) : MLS_GOLD_SOURCE_KEY;
	const char *key_column = target->unique_key ? psprintf("%s, ", key) : "";
	const char *made_before = row_before(statement, rows);

	return psprintf(
		"WITH n AS MATERIALIZED (%s), d AS (DELETE FROM %s g WHERE %s) "
		"INSERT INTO %s AS g (%s" MLS_GOLD_SOURCE ", " MLS_GOLD_ORIGIN ", " MLS_GOLD_SOURCE_KEY
		", " MLS_GOLD_UPDATED_AT "%s) SELECT %s%s, %s, n." MLS_GOLD_SOURCE_KEY
		", pg_catalog.now()%s FROM n%s",
		made_rows(statement, rows, false), gold,
		at_places(statement,
				  psprintf("SELECT gold_row.place FROM %s r %s WHERE NOT gold_row.key IN "
						   "(SELECT n.mls_key FROM n)",
						   rows, made_before),
				  own_row(statement)),
		gold, key_column, lists->columns.data, target->unique_key ? "n.mls_key, " : "",
		quoted_source(statement), quoted_origin(statement), lists->columns.data,
		on_conflict(statement, lists));
}

/* The select of what is written. */
static char *
select_sql(const Statement *statement, const Lists *lists, const char *rows)
{
	return statement->plain && statement->won == NULL ? plain_select(statement, lists, rows)
													  : made_select(statement, lists, rows);
}

static char *
upsert_sql(const Statement *statement, const char *rows)
{
	Lists lists;

	list_fields(statement, &lists);
	if (statement->shards != NULL)
		return shards_upsert(statement, &lists, select_sql(statement, &lists, rows));
	if (!statement->plain && statement->won == NULL)
		return general_upsert(statement, &lists, rows);
	return psprintf("INSERT INTO %s AS g (%s) %s%s", mls_qualified_name(statement->gold),
					name_list(written_columns(statement), ""), select_sql(statement, &lists, rows),
					on_conflict(statement, &lists));
}

/*
 * What goes before the upsert of distributed gold (List of char *): rows that records made
 * and make no more, and rows that belong to something else now and so stand elsewhere.
 */
static List *
before_upsert(const Statement *statement, const char *rows)
{
	List *commands = NIL;
	Lists lists;

	if (statement->shards == NULL)
		return NIL;
	if (!statement->plain && statement->won == NULL)
		commands = lappend(
			commands,
			removal(statement,
					psprintf("SELECT gold_row.place FROM %s r %s WHERE NOT gold_row.key "
							 "IN (SELECT n.%s FROM (%s) n)",
							 rows, row_before(statement, rows),
							 statement->target->unique_key ? "mls_key" : MLS_GOLD_SOURCE_KEY,
							 made_rows(statement, rows, false)),
					own_row(statement)));
	if (mls_statement_is_apart(statement))
	{
		const char *column = quote_identifier(statement->shards->column);

		list_fields(statement, &lists);
		commands = lappend(
			commands,
			removal(
				statement,
				psprintf("%s SELECT g.%s FROM v CROSS JOIN LATERAL (SELECT g.* FROM %s AND %s) g "
						 "WHERE g.%s <> v.%s",
						 with_rows(statement, select_sql(statement, &lists, rows)),
						 quote_identifier(statement->target->key_field), rows_of_keys(statement),
						 own_row(statement), column, column),
				own_row(statement)));
	}
	return commands;
}

/* Takes out rows of sources that nobody replicates any more, for rows with their keys have come. */
static char *
yielding(const Statement *statement, const char *rows)
{
	const char *made = statement->plain ? mls_statement_key(statement) : "n.mls_key";
	const char *from = statement->plain ? psprintf("%s r", rows)
										: psprintf("(%s) n", made_rows(statement, rows, false));
	const char *others = psprintf("NOT (%s)", own_row(statement));
	const char *left =
		found_row(statement, place(statement),
				  psprintf("g.%s = %s AND %s AND NOT mls.is_replicated(g." MLS_GOLD_SOURCE
						   ", g." MLS_GOLD_ORIGIN ")",
						   quote_identifier(statement->target->key_field), made, others),
				  statement->target->key_field, psprintf("SELECT %s FROM %s", made, from));

	return removal(statement, psprintf("SELECT gold_row.place FROM %s %s", from, left), others);
}

/* Rows whose key in gold is taken by another source or target; with all, or by their own. */
static char *
conflicts(const Statement *statement, const char *rows, bool all)
{
	const char *made = statement->plain ? mls_statement_key(statement) : "n.mls_key";
	const char *from;
	const char *taken;

	if (!statement->target->unique_key)
		return NULL;
	from = statement->plain ? psprintf("%s r", rows)
							: psprintf("(%s) n", made_rows(statement, rows, false));
	taken =
		found_row(statement, "g." MLS_GOLD_SOURCE " AS source",
				  psprintf("g.%s = %s AND NOT (%s)", quote_identifier(statement->target->key_field),
						   made, all ? "false" : own_row(statement)),
				  statement->target->key_field, psprintf("SELECT %s FROM %s", made, from));
	return psprintf("SELECT %s AS key, gold_row.source FROM %s %s",
					statement->plain ? mls_gold_source_key(statement->target)
									 : "n." MLS_GOLD_SOURCE_KEY,
					from, taken);
}

/* Rows that are to be in gold, of which the role sees none with their key. */
static char *
unseen(const Statement *statement, const char *rows)
{
	const char *due = statement->won
						  ? psprintf(" AND ((n.mls_key, n." MLS_GOLD_SOURCE_KEY
									 ") IN (SELECT w.key, w.source_key FROM %s w)) IS TRUE",
									 statement->won)
						  : "";
	const char *made;

	if (!statement->target->unique_key)
		return NULL;
	made = made_rows(statement, rows, false);
	return psprintf("SELECT n." MLS_GOLD_SOURCE_KEY " AS key FROM (%s) n WHERE NOT EXISTS "
					"(SELECT FROM %s g WHERE g.%s = n.mls_key)%s",
					made,
					gold_by(statement, statement->target->key_field,
							psprintf("SELECT n.mls_key FROM (%s) n", made)),
					quote_identifier(statement->target->key_field), due);
}

/*
 * " OR ...": does a value of gold say another thing than the source's?  Compared
 * with what a conversion makes today, one that loses digits would prove itself.
 */
static char *
other_values(const Statement *statement)
{
	StringInfoData buf;
	ListCell *lc;

	initStringInfo(&buf);
	foreach (lc, statement->fields)
	{
		char *back = taken_back(statement, lfirst(lc));

		if (back)
			appendStringInfo(&buf, " OR %s IS DISTINCT FROM n.mls_raw_%d", back,
							 foreach_current_index(lc));
	}
	return buf.data;
}

/*
 * Says of a row n whether somebody else may have its key: a subscription of another
 * role; where row security hides that, an issue has it.
 */
static char *
is_yielded(const Statement *statement, int64 subscription, Oid owner)
{
	char *is_noted = "";
	const char *gold;

	if (!statement->target->unique_key)
		return "false";
	if (mls_gold_is_guarded(statement->gold))
		is_noted = psprintf("EXISTS (SELECT FROM mls.issue i WHERE i.subscription = " INT64_FORMAT
							" AND i.kind = 'conflict' AND i.solved_at IS NULL AND i.key = "
							"pg_catalog.left(n." MLS_GOLD_SOURCE_KEY ", 200)) OR ",
							subscription);
	gold = statement->shards
			   ? mls_shards_rows(statement->gold,
								 list_make3(MLS_GOLD_SOURCE, MLS_GOLD_ORIGIN,
											unconstify(char *, statement->target->key_field)),
								 psprintf("NOT (%s)", own_row(statement)), NULL)
			   : mls_qualified_name(statement->gold);
	return psprintf("(%sEXISTS (SELECT FROM %s f WHERE f.%s = n.mls_key AND "
					"mls.is_replicated(f." MLS_GOLD_SOURCE ", f." MLS_GOLD_ORIGIN
					") AND NOT EXISTS "
					"(SELECT FROM mls.subscription s WHERE s.source = f." MLS_GOLD_SOURCE
					" AND s.owner::pg_catalog.oid = %u)))",
					is_noted, gold, quote_identifier(statement->target->key_field), owner);
}

/*
 * One row of (missing, different, superfluous, keys): how gold compares with what
 * the rules make of all of silver, with up to five of the keys that do not agree.
 * Of keys that others have, too, only those are due that are won.
 */
char *
mls_statement_comparison(const Statement *statement, const char *rows, int64 subscription,
						 Oid owner)
{
	const char *own = statement->shards
						  ? mls_shards_rows(statement->gold, written_columns(statement),
											any_own_row(statement), NULL)
						  : psprintf("(SELECT * FROM %s g WHERE %s)",
									 mls_qualified_name(statement->gold), any_own_row(statement));
	const char *key = quote_identifier(place_column(statement));
	const char *made = statement->target->unique_key ? "n.mls_key" : "n." MLS_GOLD_SOURCE_KEY;
	const char *due = statement->won
						  ? psprintf(" WHERE ((m.mls_key, m." MLS_GOLD_SOURCE_KEY
									 ") IN (SELECT w.key, w.source_key FROM %s w)) IS TRUE",
									 statement->won)
						  : "";

	return psprintf(
		"WITH m AS MATERIALIZED (%s), " MLS_MADE_KEYS " AS MATERIALIZED "
		"(SELECT DISTINCT m.mls_key AS key FROM m), n AS MATERIALIZED (SELECT * FROM m%s), "
		"c AS (SELECT coalesce(%s, g.%s) AS key, "
		"CASE WHEN g.%s IS NULL THEN CASE WHEN NOT %s THEN 1 END WHEN %s IS NULL THEN 3 "
		"WHEN (%s) IS DISTINCT FROM (%s)%s THEN 2 END AS kind "
		"FROM n FULL JOIN %s g ON g.%s = %s) "
		"SELECT pg_catalog.count(*) FILTER (WHERE kind = 1), "
		"pg_catalog.count(*) FILTER (WHERE kind = 2), "
		"pg_catalog.count(*) FILTER (WHERE kind = 3), "
		"(pg_catalog.array_agg(key ORDER BY key) FILTER (WHERE kind IS NOT NULL))[1:5] FROM c",
		made_rows(statement, rows, true), due, made, key, key,
		is_yielded(statement, subscription, owner), made, compared_columns(statement, "g"),
		compared_columns(statement, "n"), other_values(statement), own, key, made);
}

/*
 * The keys in gold of rows of silver and of keys that are gone, as (key): those of
 * before and those of now.  Where a key follows from the source's own the two are
 * one; where not, gold has an index on the source's.
 */
static char *
changed_keys(const Statement *statement, const char *rows, const char *gone)
{
	const MlsGoldTarget *target = statement->target;
	const char *key = mls_statement_key(statement);
	const char *source_key = mls_gold_source_key(target);
	char *now;
	char *before;

	if (target->key == NULL)
	{
		now = psprintf("SELECT %s AS key FROM %s r", key, rows);
		before = psprintf("SELECT %s FROM %s r", key, gone);
	}
	else
	{
		now = psprintf("SELECT %s AS key FROM %s", key, mls_statement_from(statement, rows));
		before = psprintf("SELECT gold_row.key FROM (SELECT %s AS source_key FROM %s r UNION ALL "
						  "SELECT %s FROM %s r) x %s",
						  source_key, rows, source_key, gone,
						  found_row(statement,
									psprintf("g.%s AS key", quote_identifier(target->key_field)),
									psprintf("g." MLS_GOLD_SOURCE_KEY " = x.source_key AND %s",
											 own_row(statement)),
									MLS_GOLD_SOURCE_KEY,
									psprintf("SELECT %s FROM %s r UNION ALL SELECT %s FROM %s r",
											 source_key, rows, source_key, gone)));
	}
	return psprintf("SELECT k.key FROM (%s UNION ALL %s) k WHERE k.key IS NOT NULL", now, before);
}

/* Takes out what the keys of a relation made. */
static char *
removal_of(const Statement *statement, const char *gone)
{
	bool by_key = statement->target->unique_key && statement->plain;
	const char *key =
		by_key ? mls_statement_key(statement) : mls_gold_source_key(statement->target);

	return removal(
		statement,
		psprintf("SELECT gold_row.place FROM %s r %s", gone,
				 found_row(statement, place(statement),
						   psprintf("%s AND %s", same_row(statement), own_row(statement)),
						   by_key ? statement->target->key_field : MLS_GOLD_SOURCE_KEY,
						   psprintf("SELECT %s FROM %s r", key, gone))),
		own_row(statement));
}

static MlsGoldStatements *
write_statements(const Statement *statement, const char *rows, const char *gone)
{
	MlsGoldStatements *statements = palloc0(sizeof(MlsGoldStatements));
	Statement careful = *statement;

	statements->table = statement->gold;
	statements->resource = statement->target->resource;
	statements->unique_key = statement->target->unique_key;
	statements->upsert = upsert_sql(statement, rows);
	if (statement->plain && statement->won == NULL)
		statements->made = plain_rows(statement, rows);
	careful.careful = true;
	statements->careful_insert = upsert_sql(&careful, rows);
	statements->conflicts = conflicts(statement, rows, false);
	statements->present = conflicts(statement, rows, true);
	statements->unseen = unseen(statement, rows);
	if (statement->target->unique_key)
	{
		statements->keys = changed_keys(statement, rows, gone);
		statements->yield = yielding(statement, rows);
		statements->source_keys =
			psprintf("SELECT %s AS key FROM %s r", mls_gold_source_key(statement->target), gone);
	}
	statements->before = before_upsert(statement, rows);
	statements->remove = removal_of(statement, gone);
	statements->is_distributed = statement->shards != NULL;
	statements->is_apart = mls_statement_is_apart(statement);
	statements->plain = statement->plain;
	statements->can_fail = statement->can_fail;
	return statements;
}

/* The targets that can be made, as statements (List of Statement *). */
List *
mls_statement_list(const MlsTable *table, Oid silver_table, Oid gold)
{
	List *list = NIL;
	ListCell *lc;

	foreach (lc, mls_gold_targets(table, silver_table))
	{
		Statement *statement = mls_statement_begin(table, lfirst(lc), gold);

		if (statement != NULL)
			list = lappend(list, statement);
	}
	return list;
}

List *
mls_gold_statements(const MlsTable *table, Oid silver_table, Oid gold, const char *rows,
					const char *gone, const char *won)
{
	List *list = NIL;
	ListCell *lc;

	foreach (lc, mls_statement_list(table, silver_table, gold))
	{
		Statement *statement = lfirst(lc);

		statement->won = won;
		list = lappend(list, write_statements(statement, rows, gone));
	}
	return list;
}

/* ---- What rules do not make any more ---- */

/* Rows of gold that rules in force have made, of records that make no such row any more. */
static MlsGoldPart *
left_part(const Statement *statement, const char *rows)
{
	const MlsGoldTarget *target = statement->target;
	MlsGoldPart *part = palloc0(sizeof(MlsGoldPart));
	const char *made =
		target->unique_key ? mls_statement_key(statement) : mls_gold_source_key(target);
	const char *place;
	const char *left;

	part->table = statement->gold;
	part->resource = target->resource;
	part->key_field = target->unique_key ? target->key_field : NULL;
	place = quote_identifier(place_column(statement));
	part->condition = psprintf(MLS_GOLD_SOURCE " = %s AND " MLS_GOLD_ORIGIN " = %s",
							   quoted_source(statement), quoted_origin(statement));
	left = psprintf("NOT EXISTS (SELECT FROM (SELECT %s AS key FROM %s%s OFFSET 0) v WHERE "
					"v.key = %s)",
					made, mls_statement_from(statement, rows),
					target->condition ? psprintf(" WHERE (%s\n)", target->condition) : "", place);
	if (statement->shards == NULL)
		part->condition = psprintf("%s AND %s", part->condition, left);
	else
	{
		part->place = place;
		part->places =
			psprintf("SELECT %s FROM %s g WHERE %s", place, gold_by(statement, NULL, NULL), left);
	}
	return part;
}

List *
mls_gold_left_parts(const MlsTable *table, Oid silver_table, Oid gold)
{
	List *list = NIL;
	ListCell *lc;

	foreach (lc, mls_statement_list(table, silver_table, gold))
		list = lappend(list, left_part(lfirst(lc), mls_qualified_name(silver_table)));
	return list;
}

/* Gold's columns for fields that no rule makes, as quoted names (List of char *). */
static List *
unmade_columns(const Statement *statement)
{
	const MlsGoldTarget *target = statement->target;
	List *columns = NIL;

	mls_select("SELECT a.attname FROM pg_catalog.pg_attribute a "
			   "WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped "
			   "AND a.attname <> $3 AND (pg_catalog.starts_with(a.attname::text, 'X_') OR "
			   "EXISTS (SELECT FROM mls.dd_field d WHERE d.resource = $2 AND "
			   "d.field = a.attname)) ORDER BY a.attnum",
			   mls_arg_oid(statement->gold), mls_arg_text(target->resource),
			   mls_arg_text(target->unique_key ? target->key_field : ""));
	for (uint64 i = 0; i < SPI_processed; i++)
		if (mls_gold_field(statement->fields, mls_text_at(i, 1)) == NULL)
			columns = lappend(columns, pstrdup(quote_identifier(mls_text_at(i, 1))));
	return columns;
}

/* Takes the values that rules made once and make no more out of the gold of some rows; or NULL. */
static char *
clearing(const Statement *statement, const char *rows)
{
	StringInfoData set;
	StringInfoData filled;
	const char *source_key;
	ListCell *lc;

	initStringInfo(&set);
	initStringInfo(&filled);
	foreach (lc, unmade_columns(statement))
	{
		appendStringInfo(&set, ", %s = NULL", (char *) lfirst(lc));
		appendStringInfo(&filled, "%sg.%s IS NOT NULL", filled.len ? " OR " : "",
						 (char *) lfirst(lc));
	}
	if (filled.len == 0)
		return NULL;
	source_key = mls_gold_source_key(statement->target);
	if (statement->shards != NULL)
		return mls_shards_command(psprintf("UPDATE %s g SET " MLS_GOLD_UPDATED_AT
										   " = pg_catalog.now()%s WHERE "
										   "g." MLS_GOLD_SOURCE_KEY " = ANY ($1) AND %s AND (%s)",
										   mls_qualified_name(statement->gold), set.data,
										   own_row(statement), filled.data),
								  psprintf("SELECT %s FROM %s r", source_key, rows));
	return psprintf(
		"UPDATE %s g SET " MLS_GOLD_UPDATED_AT " = pg_catalog.now()%s WHERE %s",
		mls_qualified_name(statement->gold), set.data,
		at_places(statement,
				  psprintf("SELECT gold_row.place FROM %s r %s", rows,
						   found_row(statement, place(statement),
									 psprintf("g." MLS_GOLD_SOURCE_KEY " = %s AND %s AND (%s)",
											  source_key, own_row(statement), filled.data),
									 NULL, NULL)),
				  own_row(statement)));
}

List *
mls_gold_clearings(const MlsTable *table, Oid silver_table, Oid gold, const char *rows)
{
	List *list = NIL;
	ListCell *lc;

	foreach (lc, mls_statement_list(table, silver_table, gold))
	{
		char *sql = clearing(lfirst(lc), rows);

		if (sql != NULL)
			list = lappend(list, sql);
	}
	return list;
}

char *
mls_gold_fingerprint(const MlsTable *table, Oid silver_table, Oid gold)
{
	uint64 hash = 0;
	ListCell *lc;

	foreach (lc, mls_statement_list(table, silver_table, gold))
	{
		Statement *statement = lfirst(lc);
		const char *sql;

		/* Rules are what they are, wherever gold stands. */
		statement->shards = NULL;
		sql = upsert_sql(statement, "rows");
		hash = hash_combine64(
			hash, DatumGetUInt64(hash_any_extended((const unsigned char *) sql, strlen(sql), 0)));
	}
	return hash == 0 ? pstrdup("") : psprintf(UINT64_FORMAT, hash);
}

/* ---- Rules that raise an error ---- */

bool
mls_gold_is_guarded(Oid table)
{
	return check_enable_rls(table, InvalidOid, true) == RLS_ENABLED;
}

/* What a rule does wrong. */
static bool
is_of_values(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_DATA_EXCEPTION;
}

/* Or, where it was asked for, what row security refuses. */
static bool
is_of_values_or_rights(int code)
{
	return is_of_values(code) || code == ERRCODE_INSUFFICIENT_PRIVILEGE;
}

bool
mls_attempt(void (*work)(void *arg), void *arg, char **message)
{
	ErrorData *error = mls_subtransaction(work, arg, is_of_values, true);

	if (error != NULL)
		*message = error->message;
	return error == NULL;
}

bool
mls_attempt_guarded(void (*work)(void *arg), void *arg, char **message, bool *is_refused)
{
	ErrorData *error = mls_subtransaction(work, arg, is_of_values_or_rights, true);

	*is_refused = error != NULL && error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE;
	if (error != NULL)
		*message = error->message;
	return error == NULL;
}

static void
run_query(void *sql)
{
	mls_select_stable(sql);
}

/* Does a query run without an error of the kinds that values cause? */
static bool
succeeds(char *sql)
{
	char *message;

	return mls_attempt(run_query, sql, &message);
}

/* An address that raises an error is none: what is made from the point there is left out. */
static void
drop_place(Statement *statement, const char *rows, List **failed)
{
	const MlsMapRelation *place = statement->target->place;
	Node *alias = (Node *) makeString(MLS_MAP_PLACE);
	ListCell *lc;

	if (place == NULL || !place->can_fail || !list_member(statement->uses, alias) ||
		succeeds(psprintf("SELECT " MLS_MAP_PLACE ".question FROM %s",
						  mls_statement_from(statement, rows))))
		return;
	foreach (lc, statement->fields)
	{
		const MlsGoldField *field = lfirst(lc);

		if (list_member(field->uses, alias))
			*failed = lappend(*failed, makeString(pstrdup(field->name)));
	}
	statement->uses = list_delete(statement->uses, alias);
}

/*
 * Each field's value is computed alone in a subtransaction.  That is slow, and
 * meant for the one row in a thousand.
 */
List *
mls_gold_mended_upsert(const MlsTable *table, Oid silver_table, Oid gold, const char *rows, int i,
					   const char *won, List **failed)
{
	Statement *statement = list_nth(mls_statement_list(table, silver_table, gold), i);
	const MlsGoldTarget *target = statement->target;
	const char *from;
	ListCell *lc;

	statement->won = won;
	*failed = NIL;
	drop_place(statement, rows, failed);
	from = mls_statement_from(statement, rows);
	if ((target->condition &&
		 !succeeds(psprintf("SELECT (%s\n)::pg_catalog.bool FROM %s", target->condition, from))) ||
		(target->key && !succeeds(psprintf("SELECT (%s\n) FROM %s", target->key, from))))
		return NIL;
	foreach (lc, statement->fields)
	{
		const MlsGoldField *field = lfirst(lc);

		if (field->can_fail && !list_member(*failed, makeString(pstrdup(field->name))) &&
			!succeeds(psprintf("SELECT %s FROM %s", field->value, from)))
			*failed = lappend(*failed, makeString(pstrdup(field->name)));
	}
	statement->failing = *failed;
	return lappend(before_upsert(statement, rows), upsert_sql(statement, rows));
}
