/*
 * check_units.c
 *		The step of mls_check for what a source says of all its records: are the
 *		units that the mapping takes for granted those of the source?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "fdw/check.h"

/* Settings are for who may use the schema mls. */
static bool
may_compare(void)
{
	return DatumGetBool(DirectFunctionCall2(has_schema_privilege_name, CStringGetTextDatum("mls"),
											CStringGetTextDatum("USAGE")));
}

static char *
compare(MlsCheck *check, const char *settings)
{
	Oid types[] = {TEXTOID, TEXTOID, TEXTOID};
	const char *platform = check->source->platform_name;
	Datum values[] = {CStringGetTextDatum(psprintf("%s/%s", check->source->protocol->name,
												   platform ? platform : "generic")),
					  CStringGetTextDatum(check->server_name),
					  settings ? CStringGetTextDatum(settings) : (Datum) 0};
	MemoryContext context = CurrentMemoryContext;
	bool isnull;
	char *detail;

	SPI_connect();
	if (SPI_execute_with_args("SELECT ok, detail FROM mls.check_units($1, $2, "
							  "$3::pg_catalog.jsonb)",
							  3, types, values, settings ? NULL : "  n", true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not compare settings");
	check->ok =
		DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	detail = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	detail = MemoryContextStrdup(context, detail ? detail : "");
	SPI_finish();
	return detail;
}

static char *
check_units(MlsCheck *check, const MlsTable *table)
{
	MlsTold *told = check->source->protocol->tell(check->source, &check->stats);
	char *settings = mls_told_json(told);
	char *problem = mls_told_problem(told);
	char *detail = may_compare() ? compare(check, settings)
								 : psprintf("The source says %s.", settings ? settings : "nothing");

	if (problem == NULL)
		return detail;
	check->ok = check->ok && told->refusal != NULL;
	return psprintf("Not all is known: %s. %s", problem, detail);
}

void
mls_check_units(MlsCheck *check)
{
	if (check->source->protocol->tell != NULL)
		mls_check_step(check, "units", check_units, NULL);
}
