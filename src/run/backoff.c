/*
 * backoff.c
 *		After a failure: what kind it was, when the next attempt is due, and whom
 *		it concerns.
 *
 * A sync that fails again and again is tried later and later, up to a longest
 * delay, never not at all.  It is tried at once when somebody names the source,
 * and when its server, user mapping or foreign table has been changed.  A refused
 * login and a used-up quota are the source's: what else is to be read there under
 * the same user mapping waits as well, so that nobody hammers at a closed door.
 *
 * Statements run in the caller's transaction, with SPI connected.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_table.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "run/run.h"

PG_FUNCTION_INFO_V1(mls_rests_until);

/* More doublings than that pass any longest delay. */
#define MOST_DOUBLINGS 30

/* Would the source answer the same for its other resources?  A 403 is about one of them. */
static bool
concerns_source(const MlsOutcome *outcome)
{
	return outcome->error_class == MLS_ERROR_QUOTA ||
		   ERRCODE_TO_CATEGORY(outcome->sqlstate) == ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
}

/* ---- What an attempt depends on ---- */

static uint64
add_columns(uint64 hash, Oid foreign_table)
{
	AttrNumber attnum;

	for (attnum = 1;; attnum++)
	{
		HeapTuple tuple =
			SearchSysCache2(ATTNUM, ObjectIdGetDatum(foreign_table), Int16GetDatum(attnum));

		if (!HeapTupleIsValid(tuple))
			return hash;
		hash = mls_add_catalog_row(hash, tuple);
	}
}

/* Fingerprint of server, user mapping and foreign table. */
static char *
configuration(Oid foreign_table, Oid owner)
{
	HeapTuple tuple = SearchSysCache1(FOREIGNTABLEREL, ObjectIdGetDatum(foreign_table));
	Oid server;
	uint64 hash;

	if (!HeapTupleIsValid(tuple))
		return pstrdup("");
	server = ((Form_pg_foreign_table) GETSTRUCT(tuple))->ftserver;
	hash = mls_add_catalog_row(0, tuple);
	hash = hash_combine64(hash, mls_source_fingerprint(server, owner));
	hash = add_columns(hash, foreign_table);
	return psprintf("%016llx", (unsigned long long) hash);
}

/* ---- When the next attempt is due ---- */

/* After the first failure: as the kind of source is. */
static int
first_delay_s(Oid foreign_table)
{
	const MlsProtocol *protocol;
	char *name;

	mls_sql_control(SPI_OK_SELECT, "SELECT mls.server_option($1, 'protocol')",
					mls_arg_oid(foreign_table));
	name = mls_text_at(0, 1);
	protocol = name ? mls_protocol_find(name) : NULL;
	return protocol && protocol->keeps_files ? mls_file_retry_delay_s : mls_retry_delay_s;
}

/* Doubled with each failure; spread, so that many sources do not come back together. */
static int64
delay_after(int first_s, int failures)
{
	double delay = ldexp(first_s, Min(failures - 1, MOST_DOUBLINGS));

	delay = Min(delay, Max(mls_retry_delay_max_s, first_s));
	return (int64) (delay * (0.9 + pg_prng_double(&pg_global_prng_state) / 10) * USECS_PER_SEC);
}

static void
postpone(int64 id, Oid foreign_table, Oid owner, int failures, const MlsOutcome *outcome)
{
	TimestampTz at = outcome->retry_at;

	if (at == 0)
		at = GetCurrentTimestamp() + delay_after(first_delay_s(foreign_table), failures);
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET failures = $2, next_attempt_at = $3, "
					"error_class = $4, attempted_with = $5 WHERE id = $1",
					mls_arg_int8(id), mls_arg_int4(failures), mls_arg_time(at),
					mls_arg_text(mls_error_class_name(outcome->error_class)),
					mls_arg_text(configuration(foreign_table, owner)));
}

/* Postpones what else is read from the source with the same user mapping. */
static void
postpone_others(const MlsSubscription *sub, const MlsOutcome *outcome)
{
	SPITupleTable *others;

	mls_sql_control(SPI_OK_SELECT,
					"SELECT id, foreign_table::pg_catalog.oid FROM mls.subscription "
					"WHERE id <> $1 AND source = $2 AND owner::pg_catalog.oid = $3 ORDER BY id "
					"FOR UPDATE SKIP LOCKED",
					mls_arg_int8(sub->id), mls_arg_text(sub->source), mls_arg_oid(sub->owner));
	others = SPI_tuptable;
	for (uint64 i = 0; i < others->numvals; i++)
		postpone(mls_cell_int8(others, i, 1), mls_cell_oid(others, i, 2), sub->owner,
				 sub->failures + 1, outcome);
}

/* After a sync that failed. */
void
mls_backoff_failed(const MlsSubscription *sub, const MlsOutcome *outcome)
{
	postpone(sub->id, sub->foreign_table, sub->owner, sub->failures + 1, outcome);
	if (concerns_source(outcome))
		postpone_others(sub, outcome);
}

static char *
instant_text(TimestampTz at)
{
	return DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(at)));
}

/* When the last sync of a subscription has ended well; 0 if none has. */
static TimestampTz
last_success(const MlsSubscription *sub)
{
	TimestampTz at;

	SPI_connect();
	mls_select("SELECT pg_catalog.max(finished_at) FROM mls.run WHERE subscription = $1 "
			   "AND process = 'sync' AND status = 'finished' AND pages > 0",
			   mls_arg_int8(sub->id));
	at = mls_time_at(0, 1);
	SPI_finish();
	return at;
}

/* Without timestamps a sync reads everything, but not every few minutes: when next; 0 at any time. */
static TimestampTz
rests_until(const MlsSubscription *sub)
{
	const MlsTable *table;
	TimestampTz read;

	if (get_rel_relkind(sub->foreign_table) != RELKIND_FOREIGN_TABLE)
		return 0;
	table = mls_table_get(sub->foreign_table, sub->owner, false);
	/* Where files are known, only new ones are read. */
	if (table->timestamp != NULL || table->source->whole_s == 0 ||
		table->source->protocol->keeps_files)
		return 0;
	read = last_success(sub);
	return read == 0 ? 0 : read + table->source->whole_s * USECS_PER_SEC;
}

/* mls.rests_until(subscription) */
Datum
mls_rests_until(PG_FUNCTION_ARGS)
{
	MlsSubscription *sub;
	TimestampTz until = 0;

	SPI_connect();
	sub = mls_subscription_by_id(PG_GETARG_INT64(0));
	if (sub != NULL)
		until = rests_until(sub);
	SPI_finish();
	if (until == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(until);
}

/* NULL: it is due. */
static char *
was_read_lately(const MlsSubscription *sub)
{
	TimestampTz until = rests_until(sub);

	return until > GetCurrentTimestamp()
			   ? psprintf("read whole, and again from %s on", instant_text(until))
			   : NULL;
}

/* NULL if a sync of the subscription is due, else why not. */
char *
mls_backoff_not_due(const MlsSubscription *sub)
{
	if (sub->next_attempt_at == 0)
		return was_read_lately(sub);
	if (sub->next_attempt_at <= GetCurrentTimestamp() || sub->attempted_with == NULL ||
		strcmp(sub->attempted_with, configuration(sub->foreign_table, sub->owner)) != 0)
		return NULL;
	return psprintf(ngettext("next attempt at %s, after %d failure (%s)",
							 "next attempt at %s, after %d failures (%s)", sub->failures),
					instant_text(sub->next_attempt_at), sub->failures, sub->error_class);
}

/* After a failure in a run of several: those it concerns as well are not tried. */
void
mls_backoff_spare(MlsOutcome *outcomes, int count, const MlsOutcome *failed)
{
	if (failed->state != MLS_OUTCOME_FAILED || !concerns_source(failed))
		return;
	for (int i = 0; i < count; i++)
		if (outcomes[i].state == MLS_OUTCOME_PENDING && outcomes[i].owner == failed->owner)
			mls_outcome_skip(&outcomes[i], psprintf("not tried: %s", failed->message));
}
