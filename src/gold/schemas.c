/*
 * schemas.c
 *		Settings that name the schemas of the layers.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/base.h"
#include "gold/schemas.h"

static char *bronze_schema;
static char *silver_schema;
static char *gold_schema;
static char *reso_schema;

/* Refuses what cannot be the name of a schema. */
static bool
check_schema(char **value, void **extra, GucSource source)
{
	if ((*value)[0] != '\0' && strlen(*value) < NAMEDATALEN)
		return true;
	GUC_check_errdetail("A schema's name has 1 to %d bytes.", NAMEDATALEN - 1);
	return false;
}

static void
define(const char *name, const char *description, char **place, const char *value)
{
	DefineCustomStringVariable(name, description,
							   "Tables that exist stay where they are when this is changed.", place,
							   value, PGC_USERSET, 0, check_schema, NULL, NULL);
}

void
mls_schemas_define_settings(void)
{
	define("mls_fdw.bronze_schema", "Schema in which mls_subscribe() makes bronze tables.",
		   &bronze_schema, "bronze");
	define("mls_fdw.silver_schema", "Schema in which mls_subscribe() makes silver tables.",
		   &silver_schema, "silver");
	define("mls_fdw.gold_schema", "Schema in which mls_subscribe() makes gold tables.",
		   &gold_schema, "gold");
	define("mls_fdw.reso_schema", "Schema in which mls_subscribe() makes RESO views.", &reso_schema,
		   "reso");
}

const char *
mls_schema_bronze(void)
{
	return bronze_schema;
}

const char *
mls_schema_silver(void)
{
	return silver_schema;
}

const char *
mls_schema_gold(void)
{
	return gold_schema;
}

const char *
mls_schema_reso(void)
{
	return reso_schema;
}

/* CREATE SCHEMA IF NOT EXISTS would ask for CREATE on the database in either case. */
Oid
mls_schema_ensure(const char *name)
{
	Oid schema = get_namespace_oid(name, true);

	if (OidIsValid(schema))
		return schema;
	mls_sql(SPI_OK_UTILITY, psprintf("CREATE SCHEMA %s", quote_identifier(name)));
	CommandCounterIncrement();
	return get_namespace_oid(name, false);
}
