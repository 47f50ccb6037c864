/*
 * owner.c
 *		Work in the rights of a subscription's owner.
 *
 * Whoever calls a function that touches the tables of a subscription needs the
 * privileges of its owner, and the tables have to be what the subscription says.
 * mls.as_owner() and mls.as_role() are the same for functions in SQL: a query as
 * text, run as that role, whose rows come back as jsonb, which is nobody's code.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "step/subscription_row.h"

PG_FUNCTION_INFO_V1(mls_as_owner_sql);
PG_FUNCTION_INFO_V1(mls_as_role_sql);
PG_FUNCTION_INFO_V1(mls_as_role_with_sql);
PG_FUNCTION_INFO_V1(mls_as_control_sql);

/* The relations that a subscription names are what they should be, as far as they are there. */
void
mls_owner_require_tables(const MlsSubscription *sub)
{
	mls_rights_require_table(sub->owner, sub->foreign_table, MLS_LAYER_FOREIGN);
	mls_rights_require_table(sub->owner, sub->bronze, MLS_LAYER_BRONZE);
	mls_rights_require_table(sub->owner, sub->silver, MLS_LAYER_SILVER);
	if (OidIsValid(sub->gold))
		mls_rights_require_table(sub->owner, sub->gold, MLS_LAYER_GOLD);
	mls_require_trust(sub->gold, sub->owner);
}

void
mls_owner_require_caller(const MlsSubscription *sub, const char *verb)
{
	if (has_privs_of_role(GetUserId(), sub->owner))
		return;
	ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			errmsg("permission denied to %s resource \"%s\" of source \"%s\"", verb, sub->resource,
				   sub->source),
			errdetail("Only a role with the privileges of the subscription's owner may."));
}

/* From now on SQL runs as the owner of a subscription, if the caller may have that. */
void
mls_owner_enter(MlsRights *before, const MlsSubscription *sub, const char *verb)
{
	mls_owner_require_caller(sub, verb);
	mls_rights_enter(before, sub->owner);
	mls_owner_require_tables(sub);
}

/* ---- The same for SQL ---- */

/*
 * Runs a query with arguments of type text, in front of them bytes, if there are any; rows of jsonb
 * are the result, if it has any.
 */
static void
run_query(FunctionCallInfo fcinfo, const char *query, bytea *bytes, ArrayType *arguments)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid types[FUNC_MAX_ARGS];
	char nulls[FUNC_MAX_ARGS];
	Datum values[FUNC_MAX_ARGS];
	Datum *texts;
	bool *isnull;
	int ntexts;
	int n = 0;

	deconstruct_array_builtin(arguments, TEXTOID, &texts, &isnull, &ntexts);
	if (ntexts + 1 > FUNC_MAX_ARGS)
		elog(ERROR, "too many arguments");
	if (bytes)
	{
		types[n] = BYTEAOID;
		values[n] = PointerGetDatum(bytes);
		nulls[n++] = ' ';
	}
	for (int i = 0; i < ntexts; i++)
	{
		types[n] = TEXTOID;
		values[n] = texts[i];
		nulls[n++] = isnull[i] ? 'n' : ' ';
	}
	if (SPI_execute_with_args(query, n, types, values, nulls, false, 0) < 0)
		elog(ERROR, "could not execute: %s", query);
	if (SPI_tuptable == NULL)
		return;
	if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) != JSONBOID)
		elog(ERROR, "no jsonb comes from: %s", query);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool null;
		Datum value;

		CHECK_FOR_INTERRUPTS();
		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null);

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &null);
	}
}

/* mls.as_owner(subscription, query, arguments) */
Datum
mls_as_owner_sql(PG_FUNCTION_ARGS)
{
	MlsSubscription *sub;
	MlsRights before;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	SPI_connect();
	sub = mls_subscription_by_id(PG_GETARG_INT64(0));
	if (sub == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such subscription"));
	mls_owner_enter(&before, sub, "look at");
	run_query(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(1)), NULL, PG_GETARG_ARRAYTYPE_P(2));
	mls_rights_leave(&before);
	SPI_finish();
	return (Datum) 0;
}

static void
run_as_role(FunctionCallInfo fcinfo, bytea *bytes, ArrayType *arguments)
{
	Oid role = PG_GETARG_OID(0);
	MlsRights before;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (!has_privs_of_role(GetUserId(), role))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied to act as role \"%s\"", GetUserNameFromId(role, true)));
	SPI_connect();
	mls_rights_enter(&before, role);
	run_query(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(1)), bytes, arguments);
	mls_rights_leave(&before);
	SPI_finish();
}

/* mls.as_role(role, query, arguments) */
Datum
mls_as_role_sql(PG_FUNCTION_ARGS)
{
	run_as_role(fcinfo, NULL, PG_GETARG_ARRAYTYPE_P(2));
	return (Datum) 0;
}

/* mls.as_role_with(role, query, bytes, arguments) */
Datum
mls_as_role_with_sql(PG_FUNCTION_ARGS)
{
	run_as_role(fcinfo, PG_GETARG_BYTEA_PP(2), PG_GETARG_ARRAYTYPE_P(3));
	return (Datum) 0;
}

/*
 * Functions in SQL that write control tables: mls.f(arguments) calls the function
 * mls.f(caller regrole, arguments) as the owner of those tables.  That one is granted to
 * nobody; it judges what the caller may.
 */
Datum
mls_as_control_sql(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	Oid types[FUNC_MAX_ARGS] = {REGROLEOID};
	char *name = get_func_name(fcinfo->flinfo->fn_oid);
	Oid *own_types;
	int nargs;
	FmgrInfo function;
	MlsRights before;
	Datum result;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &own_types, &nargs);
	if (nargs + 1 > FUNC_MAX_ARGS)
		elog(ERROR, "too many arguments");
	memcpy(&types[1], own_types, nargs * sizeof(Oid));
	fmgr_info(
		LookupFuncName(list_make2(makeString("mls"), makeString(name)), nargs + 1, types, false),
		&function);
	InitFunctionCallInfoData(*call, &function, nargs + 1, fcinfo->fncollation, NULL, NULL);
	call->args[0].value = ObjectIdGetDatum(GetUserId());
	call->args[0].isnull = false;
	memcpy(&call->args[1], fcinfo->args, nargs * sizeof(NullableDatum));
	mls_rights_enter_control(&before);
	result = FunctionCallInvoke(call);
	mls_rights_leave(&before);
	if (call->isnull)
		PG_RETURN_NULL();
	return result;
}
