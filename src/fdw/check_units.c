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

#include "base/base.h"
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
	const char *platform = check->source->platform_name;
	MemoryContext context = CurrentMemoryContext;
	char *detail;

	SPI_connect();
	mls_select_stable("SELECT ok, detail FROM mls.check_units($1, $2, $3::pg_catalog.jsonb)",
					  mls_arg_text(psprintf("%s/%s", check->source->protocol->name,
											platform ? platform : "generic")),
					  mls_arg_text(check->server_name), mls_arg_text(settings));
	check->ok = mls_bool_at(0, 1);
	detail = mls_text_at(0, 2);
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
