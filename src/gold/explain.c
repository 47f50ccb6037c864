/*
 * explain.c
 *		mls_map_explain() and mls_map_check(): the mapping of a foreign table, as the
 *		statements would follow it; mls.prepare_gold(), after rules changed; and
 *		mls.gold_comparison(), by which mls_verify() proves gold.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "gold/gold.h"
#include "gold/map.h"
#include "gold/statement.h"
#include "options/options.h"
#include "base/base.h"

PG_FUNCTION_INFO_V1(mls_map_explain);
PG_FUNCTION_INFO_V1(mls_map_check);
PG_FUNCTION_INFO_V1(mls_prepare_gold);
PG_FUNCTION_INFO_V1(mls_gold_comparison);

/* A foreign table that is replicated, and its tables. */
typedef struct Subject
{
	int64 subscription;
	Oid owner;
	MlsRights before;
	const MlsTable *table;
	Oid silver;
	Oid gold;
} Subject;

/*
 * Needs SPI connected.  Expressions of rules are looked at over the columns of silver,
 * whose types may bring code of their own: so from now on, until leave_subject(), the
 * owner of the subscription is at work.
 */
static Subject
enter_subject(Oid relid)
{
	Subject subject = {.table = mls_table_get(relid, GetUserId(), false)};

	mls_select("SELECT silver::oid, gold::oid, owner::oid, id FROM mls.subscription "
			   "WHERE foreign_table = $1",
			   mls_arg_oid(relid));
	if (SPI_processed == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("foreign table %s is not subscribed", subject.table->name),
				errhint("Call mls_subscribe() first: the rules need its silver table."));
	subject.silver = mls_oid_at(0, 1);
	subject.gold = mls_oid_at(0, 2);
	subject.owner = mls_oid_at(0, 3);
	subject.subscription = mls_int8_at(0, 4);
	if (!has_privs_of_role(GetUserId(), subject.owner))
		ereport(
			ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			errmsg("permission denied for the mapping of foreign table %s", subject.table->name),
			errdetail("Only a role with the privileges of the subscription's owner may."));
	if (get_rel_name(subject.silver) == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the silver table of foreign table %s was dropped", subject.table->name),
				errhint("Call mls_subscribe() to make it anew."));
	subject.table = mls_table_get(relid, subject.owner, false);
	mls_rights_enter(&subject.before, subject.owner);
	mls_rights_require_table(subject.owner, relid, MLS_LAYER_FOREIGN);
	mls_rights_require_table(subject.owner, subject.silver, MLS_LAYER_SILVER);
	if (OidIsValid(subject.gold))
		mls_rights_require_table(subject.owner, subject.gold, MLS_LAYER_GOLD);
	return subject;
}

static void
leave_subject(const Subject *subject)
{
	mls_rights_leave(&subject->before);
	SPI_finish();
}

static void
put_text(ReturnSetInfo *result, int n, const char *const *texts)
{
	Datum values[8];
	bool isnull[8];

	Assert(n <= lengthof(values));
	for (int i = 0; i < n; i++)
	{
		isnull[i] = texts[i] == NULL;
		values[i] = texts[i] ? CStringGetTextDatum(texts[i]) : (Datum) 0;
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

static const char *
type_name(Oid type)
{
	return format_type_be(type);
}

/* mls_map_explain(foreign_table): resource, variant, field, kind, rule, type, expression */
Datum
mls_map_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Subject subject;
	ListCell *lc;
	ListCell *field_cell;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	subject = enter_subject(PG_GETARG_OID(0));
	foreach (lc, mls_gold_targets(subject.table, subject.silver))
	{
		const MlsGoldTarget *target = lfirst(lc);

		foreach (field_cell, mls_gold_fields(subject.table, target, NULL))
		{
			const MlsGoldField *field = lfirst(field_cell);
			const char *texts[] = {target->resource, target->variant, field->name,
								   field->kind,      field->given,    type_name(field->type),
								   field->value};

			if (field->is_first)
				put_text(result, lengthof(texts), texts);
		}
	}
	leave_subject(&subject);
	return (Datum) 0;
}

/* Condition and key of a target, as far as they can be computed. */
static void
check_target(ReturnSetInfo *result, const MlsGoldTarget *target)
{
	const char *expressions[] = {target->condition, target->key};
	const char *names[] = {"(condition)", "(key)"};

	for (int i = 0; i < lengthof(expressions); i++)
	{
		const char *missing = NULL;
		const char *texts[] = {target->resource, target->variant, names[i], NULL};

		if (expressions[i] == NULL)
			continue;
		mls_map_expression_uses(expressions[i], &missing, target->relations);
		if (missing != NULL)
		{
			texts[3] = psprintf("there is no column %s, so no rows are made", missing);
			put_text(result, lengthof(texts), texts);
		}
		else if (mls_map_expression_type(expressions[i], target->relations) != BOOLOID && i == 0)
			ereport(
				ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("the condition for rows of resource %s is no boolean", target->resource));
	}
}

/* mls_map_check(foreign_table): resource, variant, field, problem */
Datum
mls_map_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Subject subject;
	ListCell *lc;
	ListCell *finding_cell;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	subject = enter_subject(PG_GETARG_OID(0));
	foreach (lc, mls_gold_targets(subject.table, subject.silver))
	{
		const MlsGoldTarget *target = lfirst(lc);
		List *findings = NIL;

		check_target(result, target);
		mls_gold_fields(subject.table, target, &findings);
		foreach (finding_cell, findings)
		{
			const MlsMapFinding *finding = lfirst(finding_cell);
			const char *texts[] = {target->resource, target->variant, finding->field,
								   finding->problem};

			put_text(result, lengthof(texts), texts);
		}
	}
	leave_subject(&subject);
	return (Datum) 0;
}

/* mls.prepare_gold(foreign_table): columns and views for the rules as they are; the gold table */
Datum
mls_prepare_gold(PG_FUNCTION_ARGS)
{
	Subject subject;
	Oid gold;

	SPI_connect();
	subject = enter_subject(PG_GETARG_OID(0));
	gold = mls_gold_prepare(subject.table, subject.silver);
	leave_subject(&subject);
	if (!OidIsValid(gold))
		PG_RETURN_NULL();
	PG_RETURN_OID(gold);
}

/*
 * mls.gold_comparison(foreign_table): resource, variant, gold, sql.  The SQL compares
 * gold with what the rules make; the caller runs it, for a rule may raise an error.
 */
Datum
mls_gold_comparison(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Subject subject;
	ListCell *lc;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	subject = enter_subject(PG_GETARG_OID(0));
	foreach (lc, mls_statement_list(subject.table, subject.silver, subject.gold))
	{
		Statement *statement = lfirst(lc);
		Datum values[4] = {CStringGetTextDatum(statement->target->resource),
						   CStringGetTextDatum(statement->target->variant),
						   ObjectIdGetDatum(statement->gold)};
		bool isnull[4] = {false};

		if (statement->target->unique_key)
			statement->won = mls_statement_won(subject.owner, subject.subscription, statement,
											   foreach_current_index(lc), MLS_MADE_KEYS);
		values[3] = CStringGetTextDatum(mls_statement_comparison(
			statement, mls_qualified_name(subject.silver), subject.subscription, subject.owner));
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
	leave_subject(&subject);
	return (Datum) 0;
}
