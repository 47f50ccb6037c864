/*
 * statement.c
 *		The statements that bring rows of silver into gold and take them out.
 *
 * They are built from the mapping once per run and prepared by the engine; rows
 * arrive as a relation of silver's shape.  Every name is quoted, every value a
 * quoted literal.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "gold/gold.h"
#include "gold/map.h"

/* What the parts of one statement know. */
typedef struct Statement
{
	const MlsTable *table;
	const MlsGoldResource *resource;
	Oid gold;
	List *fields; /* of MlsGoldField *: those that gold has a column for */
} Statement;

/* ---- Expressions over a row r ---- */

/*
 * The source's key as text.  Parts of a composite key are joined by "|", its own
 * bars escaped, so that different keys stay different.
 */
static char *
source_key(const Statement *statement)
{
	const List *columns = statement->resource->key_columns;
	StringInfoData sql;
	ListCell *lc;

	if (list_length(columns) == 1)
		return psprintf("r.%s::pg_catalog.text", quote_identifier(linitial(columns)));
	initStringInfo(&sql);
	foreach (lc, columns)
		appendStringInfo(&sql,
						 "%spg_catalog.regexp_replace(r.%s::pg_catalog.text, E'[|\\\\\\\\]', "
						 "E'\\\\\\\\\\\\&', 'g')",
						 sql.len ? " || '|' || " : "", quote_identifier(lfirst(lc)));
	return sql.data;
}

static char *
with_prefix(const Statement *statement, const char *key)
{
	const char *prefix = statement->table->source->key_prefix;

	if (prefix == NULL || prefix[0] == '\0')
		return pstrdup(key);
	return psprintf("%s || nullif(%s, '')", quote_literal_cstr(prefix), key);
}

/* Standard values for the names of an enumeration. */
static char *
with_values(const MlsGoldField *field, const char *value, Oid type)
{
	return psprintf("mls.display_value%s(%s, %s)", type == TEXTARRAYOID ? "s" : "",
					quote_literal_cstr(field->lookup), value);
}

/* Values are translated as a list if source or gold has one, as one otherwise. */
static char *
field_value(const Statement *statement, const MlsGoldField *field)
{
	const char *timezone = statement->table->source->timezone;
	Oid type = get_atttype(statement->gold, get_attnum(statement->gold, field->name));
	Oid from = field->source_type;
	char *value = psprintf("r.%s", quote_identifier(field->column));
	bool is_list = from == TEXTARRAYOID || type == TEXTARRAYOID;

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
	return field->is_reference && type == TEXTOID ? with_prefix(statement, value) : value;
}

/* ---- Parts ---- */

static const char *
quoted_source(const Statement *statement)
{
	return quote_literal_cstr(statement->table->source->http.name);
}

/* Columns that identify a row of gold, and their values for a row r. */
static void
identity(const Statement *statement, const char **columns, const char **values)
{
	if (statement->resource->unique_key)
	{
		*columns = quote_identifier(statement->resource->key_field);
		*values = with_prefix(statement, source_key(statement));
	}
	else
	{
		*columns = MLS_GOLD_SOURCE ", " MLS_GOLD_SOURCE_KEY;
		*values = psprintf("%s, %s", quoted_source(statement), source_key(statement));
	}
}

/* Finds the row g of gold that belongs to a row r. */
static char *
same_row(const Statement *statement)
{
	if (statement->resource->unique_key)
		return psprintf("g.%s = %s", quote_identifier(statement->resource->key_field),
						with_prefix(statement, source_key(statement)));
	return psprintf("g." MLS_GOLD_SOURCE " = %s AND g." MLS_GOLD_SOURCE_KEY " = %s",
					quoted_source(statement), source_key(statement));
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

static Statement *
begin(const MlsTable *table, Oid gold)
{
	Statement *statement = palloc0(sizeof(Statement));

	statement->table = table;
	statement->gold = gold;
	statement->resource = mls_gold_resource(table);
	if (statement->resource == NULL)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("no rule of mls.field_map makes a RESO resource from foreign table %s",
					   table->name));
	return statement;
}

/* The fields that gold has a column of a fitting type for. */
static List *
stored_fields(const Statement *statement, Oid silver)
{
	List *stored = NIL;
	ListCell *lc;

	foreach (lc, mls_gold_fields(statement->table, statement->resource, silver))
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

/* SPI leaves its own context behind; results belong to the caller's. */
static char *
finish(MemoryContext context, char *sql)
{
	MemoryContextSwitchTo(context);
	return pstrdup(sql);
}

/* ---- Statements ---- */

char *
mls_gold_upsert_sql(const MlsTable *table, Oid silver_table, Oid gold_table,
					const char *rows_relation)
{
	MemoryContext context = CurrentMemoryContext;
	Statement *statement = begin(table, gold_table);
	StringInfoData columns;
	StringInfoData values;
	StringInfoData changes;
	const char *key;
	const char *key_values;
	ListCell *lc;

	statement->fields = stored_fields(statement, silver_table);
	initStringInfo(&columns);
	initStringInfo(&values);
	initStringInfo(&changes);
	foreach (lc, statement->fields)
	{
		const MlsGoldField *field = lfirst(lc);
		const char *name = quote_identifier(field->name);

		appendStringInfo(&columns, ", %s", name);
		appendStringInfo(&values, ", %s", field_value(statement, field));
		appendStringInfo(&changes, ", %s = excluded.%s", name, name);
	}
	if (statement->resource->unique_key)
	{
		appendStringInfo(&columns, ", %s, %s", MLS_GOLD_SOURCE, MLS_GOLD_SOURCE_KEY);
		appendStringInfo(&values, ", %s, %s", quoted_source(statement), source_key(statement));
		appendStringInfo(&changes, ", %s = excluded.%s", MLS_GOLD_SOURCE_KEY, MLS_GOLD_SOURCE_KEY);
	}
	identity(statement, &key, &key_values);
	return finish(context, psprintf("INSERT INTO %s AS g (%s, " MLS_GOLD_UPDATED_AT "%s) "
									"SELECT %s, pg_catalog.now()%s FROM %s r "
									"ON CONFLICT (%s) DO UPDATE SET " MLS_GOLD_UPDATED_AT
									" = excluded." MLS_GOLD_UPDATED_AT "%s "
									"WHERE g." MLS_GOLD_SOURCE " = excluded." MLS_GOLD_SOURCE
									" AND (%s) IS DISTINCT FROM (%s)",
									mls_gold_qualified_name(gold_table), key, columns.data,
									key_values, values.data, quote_identifier(rows_relation), key,
									changes.data, compared_columns(statement, "g"),
									compared_columns(statement, "excluded")));
}

char *
mls_gold_conflict_sql(const MlsTable *table, Oid silver_table, Oid gold_table,
					  const char *rows_relation)
{
	MemoryContext context = CurrentMemoryContext;
	Statement *statement = begin(table, gold_table);

	return finish(context,
				  psprintf("SELECT %s AS key, g." MLS_GOLD_SOURCE " AS source FROM %s r JOIN %s g "
						   "ON %s WHERE g." MLS_GOLD_SOURCE " <> %s",
						   source_key(statement), quote_identifier(rows_relation),
						   mls_gold_qualified_name(gold_table), same_row(statement),
						   quoted_source(statement)));
}

char *
mls_gold_delete_sql(const MlsTable *table, Oid gold_table, const char *keys_relation)
{
	MemoryContext context = CurrentMemoryContext;
	Statement *statement = begin(table, gold_table);

	return finish(context,
				  psprintf("DELETE FROM %s g USING %s r WHERE %s AND "
						   "g." MLS_GOLD_SOURCE " = %s",
						   mls_gold_qualified_name(gold_table), quote_identifier(keys_relation),
						   same_row(statement), quoted_source(statement)));
}

char *
mls_gold_forget_sql(const char *source, Oid gold_table)
{
	return psprintf("DELETE FROM %s WHERE " MLS_GOLD_SOURCE " = %s",
					mls_gold_qualified_name(gold_table), quote_literal_cstr(source));
}

char *
mls_gold_rename_sql(const char *source, const char *new_name, Oid gold_table)
{
	return psprintf("UPDATE %s SET " MLS_GOLD_SOURCE " = %s WHERE " MLS_GOLD_SOURCE " = %s",
					mls_gold_qualified_name(gold_table), quote_literal_cstr(new_name),
					quote_literal_cstr(source));
}
