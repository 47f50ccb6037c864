/*
 * clean_rules.c
 *		The rules of mls.clean_map for a subscription: what is done with the strings
 *		of its records on their way into silver.
 *
 * When the rules change, silver is filled again from bronze (scope_change.c).
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "write/arrival_rules.h"
#include "write/write.h"

/* The rules that hold, one per field, the strongest: (field, steps); field * for all that have none. */
static void
query_rules(const MlsTable *table)
{
	mls_select("SELECT DISTINCT ON (field) field, "
			   "('trim' = ANY (steps))::int4 * 1 + ('empty' = ANY (steps))::int4 * 2 + "
			   "('lower' = ANY (steps))::int4 * 4 + ('number' = ANY (steps))::int4 * 8 "
			   "FROM mls.clean_map WHERE protocol IN ('*', $1) AND source IN ('*', $2) AND "
			   "source_resource IN ('*', $3) ORDER BY field, source <> '*' DESC, "
			   "source_resource <> '*' DESC, protocol <> '*' DESC, shipped",
			   mls_arg_text(table->source->protocol->name), mls_arg_text(table->source->name),
			   mls_arg_text(table->resource));
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
			char *field = mls_text_at(row, 1);

			if (strcmp(field, fields[i]) == 0)
			{
				steps = mls_int4_at(row, 2);
				break;
			}
			if (strcmp(field, "*") == 0)
				steps = mls_int4_at(row, 2);
		}
		if (steps != 0)
			mls_row_map_clean(map, i + 1, steps);
	}
}

/* A fingerprint of the rules that hold, those for whole records included; "" if there are none. */
static char *
fingerprint(const MlsTable *table)
{
	StringInfoData rules;

	query_rules(table);
	initStringInfo(&rules);
	for (uint64 row = 0; row < SPI_processed; row++)
		if (mls_int4_at(row, 2) != 0)
			appendStringInfo(&rules, "%s\t%d\n", mls_text_at(row, 1), mls_int4_at(row, 2));
	mls_arrival_describe(table, &rules);
	if (rules.len == 0)
		return pstrdup("");
	return psprintf("%016llx", (unsigned long long) hash_bytes_extended(
								   (unsigned char *) rules.data, rules.len, 0));
}

/* Takes note of the rules in force; true if they are not those that silver was filled by. */
bool
mls_cleaning_settle(const MlsSubscription *sub, const MlsTable *table)
{
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.subscription SET clean_hash = $2 WHERE id = $1 AND clean_hash <> $2",
		mls_arg_int8(sub->id), mls_arg_text(fingerprint(table)));
	return SPI_processed > 0;
}
