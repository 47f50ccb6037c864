/*
 * place_rows.c
 *		What would be asked about records that gold shows: for who finds points.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "gold/gold.h"
#include "gold/statement.h"

/* The statement whose target is geocoded; NULL if there is none. */
static Statement *
placed_statement(const MlsTable *table, Oid silver_table, Oid gold)
{
	ListCell *lc;

	foreach (lc, mls_statement_list(table, silver_table, gold))
	{
		Statement *statement = lfirst(lc);

		if (statement->target->place != NULL)
			return statement;
	}
	return NULL;
}

char *
mls_gold_place_rows(const MlsTable *table, Oid silver_table, Oid gold, const char *rows,
					Oid *gold_table)
{
	Statement *statement = placed_statement(table, silver_table, gold);
	const MlsGoldTarget *target;
	const char *from;
	const char *shown;
	List *uses;
	StringInfoData sql;
	ListCell *lc;

	if (statement == NULL)
		return NULL;
	target = statement->target;
	*gold_table = statement->gold;
	uses = list_copy(target->place->reads);
	/* A key that rules make may read joins as well. */
	if (target->key != NULL)
	{
		const char *missing = NULL;

		uses = list_concat_unique(
			uses, mls_map_expression_uses(target->key, &missing, target->relations));
	}
	from = mls_map_from(target->relations, rows, uses);
	shown = mls_qualified_name(statement->gold);
	if (statement->shards != NULL)
		shown = mls_shards_rows(
			statement->gold,
			list_make3(unconstify(char *, target->key_field), MLS_GOLD_SOURCE, MLS_GOLD_ORIGIN),
			psprintf("g.%s = ANY ($1)", quote_identifier(target->key_field)),
			psprintf("SELECT %s FROM %s", mls_statement_key(statement), from));
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	foreach (lc, target->key_columns)
		appendStringInfo(&sql, MLS_MAP_ROW ".%s, ", quote_identifier(lfirst(lc)));
	appendStringInfo(&sql,
					 "%s AS mls_key, %s AS mls_question FROM %s JOIN %s g ON g.%s = %s "
					 "WHERE g." MLS_GOLD_SOURCE " = %s AND g." MLS_GOLD_ORIGIN " = %s",
					 mls_gold_source_key(target), target->place->question, from, shown,
					 quote_identifier(target->key_field), mls_statement_key(statement),
					 quote_literal_cstr(table->source->name), quote_literal_cstr(target->origin));
	return sql.data;
}

char *
mls_gold_rows_of_points(const MlsTable *table, Oid silver_table, Oid gold)
{
	Statement *statement = placed_statement(table, silver_table, gold);
	const MlsGoldTarget *target;
	const char *key;
	const char *column;
	StringInfoData sql;
	ListCell *lc;

	if (statement == NULL)
		return NULL;
	target = statement->target;
	key = mls_gold_source_key(target);
	column = linitial(target->key_columns);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	foreach (lc, target->key_columns)
		appendStringInfo(&sql, "r.%s, ", quote_identifier(lfirst(lc)));
	appendStringInfo(&sql, "%s FROM %s r WHERE ", key, mls_qualified_name(silver_table));
	if (list_length(target->key_columns) == 1)
		appendStringInfo(
			&sql, "r.%s = ANY ($1::%s[])", quote_identifier(column),
			format_type_be_qualified(get_atttype(silver_table, get_attnum(silver_table, column))));
	else
		appendStringInfo(&sql, "%s = ANY ($1)", key);
	return sql.data;
}
