/*
 * control_rows.c
 *		mls.f(arguments) as the rows of mls.f(caller, arguments).
 *
 * What mls_as_control_sql() does for functions with one result (src/step): the sister
 * with a caller runs as the owner of the control tables, and judges what the caller may
 * see.  It is granted to nobody.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "consumer/consumer.h"

PG_FUNCTION_INFO_V1(mls_control_rows_sql);

static char *
call_of(Oid function, Oid *types, int nargs)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT * FROM mls.%s($1", quote_identifier(get_func_name(function)));
	for (int i = 1; i < nargs; i++)
		appendStringInfo(&sql, ", $%d", i + 1);
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

Datum
mls_control_rows_sql(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid types[FUNC_MAX_ARGS] = {REGROLEOID};
	Datum values[FUNC_MAX_ARGS];
	char nulls[FUNC_MAX_ARGS];
	Oid *own_types;
	int nargs;
	MlsRights before;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	(void) get_func_signature(fcinfo->flinfo->fn_oid, &own_types, &nargs);
	if (nargs + 1 > FUNC_MAX_ARGS)
		elog(ERROR, "too many arguments");
	values[0] = ObjectIdGetDatum(GetUserId());
	nulls[0] = ' ';
	for (int i = 0; i < nargs; i++)
	{
		types[i + 1] = own_types[i];
		values[i + 1] = fcinfo->args[i].value;
		nulls[i + 1] = fcinfo->args[i].isnull ? 'n' : ' ';
	}
	SPI_connect();
	mls_rights_enter_control(&before);
	if (SPI_execute_with_args(call_of(fcinfo->flinfo->fn_oid, types, nargs + 1), nargs + 1, types,
							  values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read control tables");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	mls_rights_leave(&before);
	SPI_finish();
	return (Datum) 0;
}
