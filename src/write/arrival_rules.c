/*
 * arrival_rules.c
 *		The rules of mls.arrival_map for a subscription: what has to be true of its records.
 *
 * A rule is a condition over the row of silver, as constraints are; one that is false is an
 * issue, or keeps the record in bronze.  It is read as mapping rules are: one expression, without
 * subqueries and volatile functions.  Its state lives as long as a batch, in whose transaction the
 * functions that it calls are looked up.
 *
 * When the rules change, silver is filled again from bronze, as for clean_rules.c.
 */
#include "postgres.h"

#include "executor/executor.h"

#include "gold/map.h"
#include "write/arrival_rules.h"

#define ARRIVAL_RULE "a rule of arrival"

typedef struct Rule
{
	const char *name;
	const char *condition;
	bool quarantines;
	ExprState *state;
} Rule;

struct MlsArrivalRules
{
	List *rules;  /* of Rule * */
	List *missed; /* of char *: why others are not looked at, until that was said */
	Oid silver;
	ExprContext *context; /* of the batch at hand, or NULL */
	TupleTableSlot *slot;
};

/* The rules that hold, one per name, the strongest: (name, condition, quarantines, is for this resource). */
static void
query_rules(const MlsTable *table)
{
	mls_select("SELECT q.name, q.condition, q.action = 'quarantine', q.source_resource <> '*' FROM "
			   "(SELECT DISTINCT ON (name) * FROM mls.arrival_map "
			   "WHERE protocol IN ('*', $1) AND source IN ('*', $2) AND "
			   "source_resource IN ('*', $3) ORDER BY name, source <> '*' DESC, "
			   "source_resource <> '*' DESC, protocol <> '*' DESC, shipped) q "
			   "WHERE q.action <> 'off' ORDER BY q.name",
			   mls_arg_text(table->source->protocol->name), mls_arg_text(table->source->name),
			   mls_arg_text(table->resource));
}

/* What a fingerprint of rules is made of. */
void
mls_arrival_describe(const MlsTable *table, StringInfo text)
{
	query_rules(table);
	for (uint64 row = 0; row < SPI_processed; row++)
		appendStringInfo(text, "%s\t%s\t%d\n", mls_text_at(row, 1), mls_text_at(row, 2),
						 mls_bool_at(row, 3));
}

/* The column of a rule that is not there, or NULL. */
static const char *
missing_column(const Rule *rule, TupleDesc silver)
{
	MlsMapRelation row = {.alias = MLS_MAP_ROW, .desc = silver};
	const char *missing;

	(void) mls_expression_uses(rule->condition, ARRIVAL_RULE, &missing, list_make1(&row));
	return missing;
}

/* Makes rules ready for rows; what it makes goes with the current context. */
static void
prepare(const MlsArrivalRules *arrival)
{
	char *from = psprintf("%s " MLS_MAP_ROW, mls_qualified_name(arrival->silver));
	ListCell *lc;

	foreach (lc, arrival->rules)
	{
		Rule *rule = lfirst(lc);

		rule->state = mls_expression_condition(rule->condition, ARRIVAL_RULE, from);
	}
}

MlsArrivalRules *
mls_arrival_begin(const MlsTable *table, Oid silver, TupleDesc desc)
{
	MlsArrivalRules *arrival;
	SPITupleTable *found;

	query_rules(table);
	found = SPI_tuptable;
	if (found->numvals == 0)
		return NULL;
	arrival = palloc0(sizeof(MlsArrivalRules));
	arrival->silver = silver;
	for (uint64 row = 0; row < found->numvals; row++)
	{
		Rule *rule = palloc0(sizeof(Rule));
		const char *missing;

		rule->name = mls_cell_text(found, row, 1);
		rule->condition = mls_cell_text(found, row, 2);
		rule->quarantines = mls_cell_bool(found, row, 3);
		missing = missing_column(rule, desc);
		if (missing == NULL)
			arrival->rules = lappend(arrival->rules, rule);
		else if (mls_cell_bool(found, row, 4))
			arrival->missed = lappend(
				arrival->missed, psprintf("rule \"%s\" is not looked at: there is no column %s",
										  rule->name, missing));
	}
	/* One that cannot be used is no fault of a record. */
	prepare(arrival);
	return arrival;
}

/* Before the records of a batch. */
void
mls_arrival_open(MlsArrivalRules *arrival, TupleDesc desc, MlsIssues *issues)
{
	ListCell *lc;

	if (arrival == NULL)
		return;
	foreach (lc, arrival->missed)
		mls_issues_put(issues, NULL, NULL, NULL, 0, lfirst(lc));
	arrival->missed = NIL;
	arrival->context = CreateStandaloneExprContext();
	arrival->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	arrival->context->ecxt_scantuple = arrival->slot;
	prepare(arrival);
}

void
mls_arrival_close(MlsArrivalRules *arrival)
{
	if (arrival == NULL)
		return;
	ExecDropSingleTupleTableSlot(arrival->slot);
	FreeExprContext(arrival->context, true);
}

/* Looks at a row; false if its record stays in bronze.  What is wrong with it is an issue. */
bool
mls_arrival_admits(MlsArrivalRules *arrival, const char *key, const MlsRecord *record,
				   const Datum *values, const bool *isnull, MlsIssues *issues)
{
	bool admitted = true;
	ListCell *lc;

	if (arrival == NULL)
		return true;
	ExecClearTuple(arrival->slot);
	memcpy(arrival->slot->tts_values, values,
		   arrival->slot->tts_tupleDescriptor->natts * sizeof(Datum));
	memcpy(arrival->slot->tts_isnull, isnull,
		   arrival->slot->tts_tupleDescriptor->natts * sizeof(bool));
	ExecStoreVirtualTuple(arrival->slot);
	foreach (lc, arrival->rules)
	{
		const Rule *rule = lfirst(lc);

		ResetExprContext(arrival->context);
		if (ExecCheck(rule->state, arrival->context))
			continue;
		if (rule->quarantines && admitted)
			mls_issues_quarantine(
				issues, key, record,
				psprintf("rule \"%s\" does not hold, so the record is in bronze only", rule->name));
		else
			mls_issues_put(issues, key, NULL, NULL, 0,
						   psprintf("rule \"%s\" does not hold", rule->name));
		admitted &= !rule->quarantines;
	}
	return admitted;
}
