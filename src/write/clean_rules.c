/*
 * clean_rules.c
 *		The rules of mls.clean_map for a subscription: what is done with the strings
 *		of its records on their way into silver.
 *
 * When the rules change, silver is filled again from bronze (scope_change.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"

#include "write/write.h"

/* The rules that hold, one per field, the strongest: (field, steps); field * for all that have none. */
static void
query_rules(const MlsTable *table)
{
	Oid types[] = {TEXTOID, TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(table->source->protocol->name),
					  CStringGetTextDatum(table->source->http.name),
					  CStringGetTextDatum(table->resource)};

	mls_execute("SELECT DISTINCT ON (field) field, "
				"('trim' = ANY (steps))::int4 * 1 + ('empty' = ANY (steps))::int4 * 2 + "
				"('lower' = ANY (steps))::int4 * 4 + ('number' = ANY (steps))::int4 * 8 "
				"FROM mls.clean_map WHERE protocol IN ('*', $1) AND source IN ('*', $2) AND "
				"source_resource IN ('*', $3) ORDER BY field, source <> '*' DESC, "
				"source_resource <> '*' DESC, protocol <> '*' DESC, shipped",
				3, types, values, NULL, SPI_OK_SELECT);
}

static int
steps_at(uint64 row)
{
	bool isnull;

	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &isnull));
}

/* Has the map of a subscription's records clean them; fields by attribute, as it was made with. */
void
mls_cleaning_apply(const MlsTable *table, MlsRowMap *map, const char *const *fields, int natts)
{
	query_rules(table);
	for (int i = 0; i < natts; i++)
	{
		int steps = 0;

		if (fields[i] == NULL || strcmp(fields[i], "*") == 0)
			continue;
		for (uint64 row = 0; row < SPI_processed; row++)
		{
			char *field = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1);

			if (strcmp(field, fields[i]) == 0)
			{
				steps = steps_at(row);
				break;
			}
			if (strcmp(field, "*") == 0)
				steps = steps_at(row);
		}
		if (steps != 0)
			mls_row_map_clean(map, i + 1, steps);
	}
}

/* A fingerprint of the rules that hold; "" if there are none. */
static char *
fingerprint(const MlsTable *table)
{
	StringInfoData rules;

	query_rules(table);
	initStringInfo(&rules);
	for (uint64 row = 0; row < SPI_processed; row++)
		if (steps_at(row) != 0)
			appendStringInfo(&rules, "%s\t%d\n",
							 SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1),
							 steps_at(row));
	if (rules.len == 0)
		return pstrdup("");
	return psprintf("%016llx", (unsigned long long) hash_bytes_extended(
								   (unsigned char *) rules.data, rules.len, 0));
}

/* Takes note of the rules in force; true if they are not those that silver was filled by. */
bool
mls_cleaning_settle(const MlsSubscription *sub, const MlsTable *table)
{
	Oid types[] = {INT8OID, TEXTOID};
	Datum values[] = {Int64GetDatum(sub->id), CStringGetTextDatum(fingerprint(table))};

	mls_execute_control(
		"UPDATE mls.subscription SET clean_hash = $2 WHERE id = $1 AND clean_hash <> $2", 2, types,
		values, NULL, SPI_OK_UPDATE);
	return SPI_processed > 0;
}
