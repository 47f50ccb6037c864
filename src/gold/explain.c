/*
 * explain.c
 *		mls_map_explain() and mls_map_check(): the mapping of a foreign table, as the
 *		statements would follow it; mls.prepare_gold(), after rules changed; and
 *		mls.gold_comparison(), by which mls_verify() proves gold.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "gold/gold.h"
#include "gold/map.h"
#include "gold/partition.h"
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

			if (field->is_first)
				mls_return_row(result, mls_arg_text(target->resource),
							   mls_arg_text(target->variant), mls_arg_text(field->name),
							   mls_arg_text(field->kind), mls_arg_text(field->given),
							   mls_arg_text(format_type_be(field->type)),
							   mls_arg_text(field->value));
		}
	}
	leave_subject(&subject);
	return (Datum) 0;
}

static void
put_finding(ReturnSetInfo *result, const MlsGoldTarget *target, const char *field,
			const char *problem)
{
	mls_return_row(result, mls_arg_text(target->resource), mls_arg_text(target->variant),
				   mls_arg_text(field), mls_arg_text(problem));
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

		if (expressions[i] == NULL)
			continue;
		mls_map_expression_uses(expressions[i], &missing, target->relations);
		if (missing != NULL)
			put_finding(result, target, names[i],
						psprintf("there is no column %s, so no rows are made", missing));
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

			put_finding(result, target, finding->field, finding->problem);
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
	MlsPartition partition;
	Oid gold;

	SPI_connect();
	subject = enter_subject(PG_GETARG_OID(0));
	partition = mls_partition_of(PG_GETARG_OID(0));
	gold = mls_gold_prepare(subject.table, subject.silver, &partition);
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

		if (statement->target->unique_key)
			statement->won = mls_statement_won(subject.owner, subject.subscription, statement,
											   foreach_current_index(lc), MLS_MADE_KEYS);
		mls_return_row(
			result, mls_arg_text(statement->target->resource),
			mls_arg_text(statement->target->variant), mls_arg_oid(statement->gold),
			mls_arg_text(mls_statement_comparison(statement, mls_qualified_name(subject.silver),
												  subject.subscription, subject.owner)));
	}
	leave_subject(&subject);
	return (Datum) 0;
}
