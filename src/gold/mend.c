/*
 * mend.c
 *		What becomes of a row for which an expression of a rule raises an error: the
 *		fields that raise it stay empty.
 *
 * Each field's value is computed alone in a subtransaction.  That is slow, and
 * meant for the one row in a thousand.
 */
#include "postgres.h"

#include "nodes/value.h"

#include "gold/gold.h"
#include "gold/map.h"
#include "gold/statement.h"

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

char *
mls_gold_mended_upsert(const MlsTable *table, Oid silver_table, Oid gold, const char *rows, int i,
					   const char *won, List **failed)
{
	Statement *statement = list_nth(mls_statement_list(table, silver_table, gold), i);
	const MlsGoldTarget *target = statement->target;
	const char *from = mls_statement_from(statement, rows);
	ListCell *lc;

	statement->won = won;
	*failed = NIL;
	if ((target->condition &&
		 !succeeds(psprintf("SELECT (%s\n)::pg_catalog.bool FROM %s", target->condition, from))) ||
		(target->key && !succeeds(psprintf("SELECT (%s\n) FROM %s", target->key, from))))
		return NULL;
	foreach (lc, statement->fields)
	{
		const MlsGoldField *field = lfirst(lc);

		if (field->can_fail && !succeeds(psprintf("SELECT %s FROM %s", field->value, from)))
			*failed = lappend(*failed, makeString(pstrdup(field->name)));
	}
	statement->failing = *failed;
	return mls_statement_upsert(statement, rows);
}
