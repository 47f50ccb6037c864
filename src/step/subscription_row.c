/*
 * subscription_row.c
 *		Rows of mls.subscription, the lock of a subscription, and the counts of its records.
 *
 * Statements run in the caller's transaction, with SPI connected.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "step/subscription_row.h"
#include "step/transaction.h"

#define SUBSCRIPTION_COLUMNS                                                                       \
	"id, foreign_table::oid, owner::oid, bronze::oid, silver::oid, gold::oid, source, resource, "  \
	"cursor_timestamp, cursor_key, resume_timestamp, resume_key, resume_link, "                    \
	"resume_received, scope_hash, resume_since, reading_all, failures, next_attempt_at, "          \
	"error_class, attempted_with, fill_after IS NOT NULL, count_proven, identity"

static Oid
oid_at(int column)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

static char *
text_at(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

/* 0 for NULL. */
static TimestampTz
timestamp_at(int column)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

/* The row found last, or NULL, in the context that was current before SPI. */
static MlsSubscription *
read_row(MemoryContext context)
{
	MlsSubscription *sub;
	MemoryContext before;
	bool isnull;

	if (SPI_processed == 0)
		return NULL;

	before = MemoryContextSwitchTo(context);
	sub = palloc0(sizeof(MlsSubscription));
	sub->id =
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	sub->foreign_table = oid_at(2);
	sub->owner = oid_at(3);
	sub->bronze = oid_at(4);
	sub->silver = oid_at(5);
	sub->gold = oid_at(6);
	sub->source = text_at(7);
	sub->resource = text_at(8);
	sub->cursor_timestamp = text_at(9);
	sub->cursor_key = text_at(10);
	sub->resume_timestamp = text_at(11);
	sub->resume_key = text_at(12);
	sub->resume_link = text_at(13);
	sub->resume_received =
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 14, &isnull));
	sub->scope_hash = text_at(15);
	sub->resume_since = timestamp_at(16);
	sub->reading_all =
		DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 17, &isnull));
	sub->failures =
		DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 18, &isnull));
	sub->next_attempt_at = timestamp_at(19);
	sub->error_class = text_at(20);
	sub->attempted_with = text_at(21);
	sub->fills =
		DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 22, &isnull));
	sub->count_proven =
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 23, &isnull));
	sub->identity = text_at(24);
	MemoryContextSwitchTo(before);
	return sub;
}

/* By number, allocated in CurrentMemoryContext; NULL if there is none to be seen. */
MlsSubscription *
mls_subscription_by_id(int64 id)
{
	MemoryContext context = CurrentMemoryContext;
	Oid types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(id)};

	mls_execute("SELECT " SUBSCRIPTION_COLUMNS " FROM mls.subscription WHERE id = $1", 1, types,
				values, NULL, SPI_OK_SELECT);
	return read_row(context);
}

/* By foreign table, likewise. */
MlsSubscription *
mls_subscription_by_table(Oid foreign_table)
{
	MemoryContext context = CurrentMemoryContext;
	Oid types[] = {OIDOID};
	Datum values[] = {ObjectIdGetDatum(foreign_table)};

	mls_execute("SELECT " SUBSCRIPTION_COLUMNS
				" FROM mls.subscription WHERE foreign_table::pg_catalog.oid = $1",
				1, types, values, NULL, SPI_OK_SELECT);
	return read_row(context);
}

static Datum
text_or_null(const char *text, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

static void
expect_one_row(void)
{
	if (SPI_processed != 1)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("the subscription was removed while it was synced"));
}

/* Forgets the parts of a shared load: it has ended, or everything is to be read anew. */
void
mls_range_forget(const MlsSubscription *sub)
{
	Oid types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(sub->id)};

	mls_execute_control("DELETE FROM mls.range WHERE subscription = $1", 1, types, values, NULL,
						SPI_OK_DELETE);
}

/* Records where an interrupted run would go on. */
void
mls_subscription_reach(const MlsSubscription *sub, const MlsPosition *position)
{
	Oid types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID};
	char nulls[] = "      ";
	Datum values[6];

	values[0] = Int64GetDatum(sub->id);
	values[1] = text_or_null(position->timestamp, &nulls[1]);
	values[2] = text_or_null(position->key, &nulls[2]);
	values[3] = text_or_null(position->link, &nulls[3]);
	values[4] = Int64GetDatum(position->received);
	values[5] = TimestampTzGetDatum(position->since);
	nulls[5] = position->since == 0 ? 'n' : ' ';
	mls_execute_control("UPDATE mls.subscription SET resume_timestamp = $2, resume_key = $3, "
						"resume_link = $4, resume_received = $5, resume_since = $6 WHERE id = $1",
						6, types, values, nulls, SPI_OK_UPDATE);
	expect_one_row();
}

/* Records that the copy is complete up to the cursor, and a success; without a cursor the old one stays. */
void
mls_subscription_complete(const MlsSubscription *sub, const MlsPosition *cursor,
						  const char *timezone)
{
	Oid types[] = {INT8OID, TEXTOID, TIMESTAMPTZOID, TEXTOID};
	char nulls[] = "    ";
	Datum values[4];
	TimestampTz at;

	values[0] = Int64GetDatum(sub->id);
	values[1] = text_or_null(cursor->timestamp, &nulls[1]);
	nulls[2] = nulls[1];
	values[2] = (Datum) 0;
	if (cursor->timestamp != NULL &&
		mls_parse_timestamptz(cursor->timestamp, strlen(cursor->timestamp), timezone, &at))
		values[2] = TimestampTzGetDatum(at);
	values[3] = text_or_null(cursor->key, &nulls[3]);
	mls_execute_control(
		"UPDATE mls.subscription SET cursor_timestamp = coalesce($2, cursor_timestamp), "
		"cursor_at = coalesce($3, cursor_at), "
		"cursor_key = CASE WHEN $2 IS NULL THEN cursor_key ELSE $4 END, "
		"resume_timestamp = NULL, resume_key = NULL, resume_link = NULL, "
		"resume_received = 0, resume_since = NULL, reading_all = false, failures = 0, "
		"next_attempt_at = NULL, error_class = NULL, attempted_with = NULL WHERE id = $1",
		4, types, values, nulls, SPI_OK_UPDATE);
	expect_one_row();
	mls_range_forget(sub);
}

/* Forgets where an interrupted run would go on, in memory only. */
void
mls_subscription_forget_position(MlsSubscription *sub)
{
	sub->resume_timestamp = sub->resume_key = sub->resume_link = NULL;
	sub->resume_received = 0;
	sub->resume_since = 0;
}

/* Forgets the cursor, so that everything is read again, and keeps the scope that asks for it. */
void
mls_subscription_restart(MlsSubscription *sub, const char *scope_hash)
{
	Oid types[] = {INT8OID, TEXTOID};
	Datum values[] = {Int64GetDatum(sub->id), CStringGetTextDatum(scope_hash)};

	mls_execute_control("UPDATE mls.subscription SET cursor_timestamp = NULL, cursor_at = NULL, "
						"cursor_key = NULL, resume_timestamp = NULL, resume_key = NULL, "
						"resume_link = NULL, resume_received = 0, resume_since = NULL, "
						"scope_hash = $2 WHERE id = $1",
						2, types, values, NULL, SPI_OK_UPDATE);
	expect_one_row();
	mls_range_forget(sub);
	sub->cursor_timestamp = sub->cursor_key = NULL;
	mls_subscription_forget_position(sub);
}

/*
 * Lets the next reading begin at the start of the source, whatever the cursor.
 * The cursor stays until then: the copy is no less complete.
 */
void
mls_subscription_read_all(MlsSubscription *sub)
{
	Oid types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(sub->id)};

	mls_execute_control(
		"UPDATE mls.subscription SET reading_all = true, resume_timestamp = NULL, "
		"resume_key = NULL, resume_link = NULL, resume_received = 0, resume_since = NULL "
		"WHERE id = $1",
		1, types, values, NULL, SPI_OK_UPDATE);
	expect_one_row();
	mls_range_forget(sub);
	mls_subscription_forget_position(sub);
	sub->reading_all = true;
}

/* Takes a lock; gives it back and says false if a process still works for a run that has ended. */
static bool
lock_without_helpers(int64 id, LOCKMODE mode, bool session)
{
	if (!mls_lock_try(MLS_LOCK_SUBSCRIPTION, id, mode, session))
		return false;
	if (!mls_lock_try(MLS_LOCK_HELP, id, ExclusiveLock, true))
	{
		mls_lock_release(MLS_LOCK_SUBSCRIPTION, id, mode, session);
		return false;
	}
	mls_lock_release(MLS_LOCK_HELP, id, ExclusiveLock, true);
	return true;
}

/*
 * Takes the lock of a subscription, for this process or (not session) for the
 * transaction; false if another has it.
 */
bool
mls_subscription_lock(int64 id, bool session)
{
	return lock_without_helpers(id, ExclusiveLock, session);
}

void
mls_subscription_unlock(int64 id)
{
	mls_lock_release(MLS_LOCK_SUBSCRIPTION, id, ExclusiveLock, true);
}

/*
 * The same for a process that writes into the tables of a subscription while it
 * works on another: any number of these, but none beside one that works on it.
 */
bool
mls_subscription_share(int64 id, bool session)
{
	return lock_without_helpers(id, ShareLock, session);
}

void
mls_subscription_unshare(int64 id)
{
	mls_lock_release(MLS_LOCK_SUBSCRIPTION, id, ShareLock, true);
}

/* For a process that works for the run which has the lock: keeps the next run away until it has ended. */
bool
mls_subscription_help(int64 id)
{
	return mls_lock_try(MLS_LOCK_HELP, id, ShareLock, true);
}

void
mls_subscription_unhelp(int64 id)
{
	mls_lock_release(MLS_LOCK_HELP, id, ShareLock, true);
}

void
mls_subscription_report_busy(const MlsSubscription *sub)
{
	ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE),
			errmsg("resource \"%s\" of source \"%s\" is being synced by another process",
				   sub->resource, sub->source),
			errhint("Wait for it to finish; the view mls_status shows it as \"syncing\"."));
}

/* ---- Keys that are listed ---- */

/* The name of the table of keys that a run lists; it stands beside bronze. */
char *
mls_snapshot_table_name(const MlsSubscription *sub)
{
	return psprintf("mls_listing_" INT64_FORMAT, sub->id);
}

static char *
listing_path(const MlsSubscription *sub)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(sub->bronze)),
									  mls_snapshot_table_name(sub));
}

/* Drops the listing of a subscription, if there is one.  Needs SPI. */
void
mls_snapshot_drop(const MlsSubscription *sub)
{
	Oid namespace = get_rel_namespace(sub->bronze);

	if (OidIsValid(namespace) &&
		OidIsValid(get_relname_relid(mls_snapshot_table_name(sub), namespace)))
		mls_execute(psprintf("DROP TABLE %s", listing_path(sub)), 0, NULL, NULL, NULL,
					SPI_OK_UTILITY);
}

/* ---- How many records are here ---- */

/* The source has so many records now. */
void
mls_count_note_remote(int64 subscription, int64 rows)
{
	Oid types[] = {INT8OID, INT8OID};
	Datum values[] = {Int64GetDatum(subscription), Int64GetDatum(rows)};

	mls_execute_control("UPDATE mls.subscription SET remote_rows = $2, remote_counted_at = "
						"pg_catalog.now() WHERE id = $1",
						2, types, values, NULL, SPI_OK_UPDATE);
}

/* Keeps for later runs which counts of the source can be believed. */
void
mls_count_note_proven(const MlsSubscription *sub, const MlsTable *table)
{
	Oid types[] = {INT8OID, INT8OID};
	Datum values[] = {Int64GetDatum(sub->id), Int64GetDatum(mls_total_proven(table))};

	if (mls_total_proven(table) != sub->count_proven)
		mls_execute_control("UPDATE mls.subscription SET count_proven = $2 WHERE id = $1", 2, types,
							values, NULL, SPI_OK_UPDATE);
}

/* So many rows have come to silver, or have gone from it. */
void
mls_count_add_local(int64 subscription, int64 rows)
{
	Oid types[] = {INT8OID, INT8OID};
	Datum values[] = {Int64GetDatum(subscription), Int64GetDatum(rows)};

	mls_execute_control("UPDATE mls.subscription SET local_rows = local_rows + $2 WHERE id = $1", 2,
						types, values, NULL, SPI_OK_UPDATE);
}

/* How many rows of silver have been written. */
int64
mls_count_stored(int64 subscription)
{
	Oid types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(subscription)};
	bool isnull;

	mls_execute("SELECT local_rows FROM mls.subscription WHERE id = $1", 1, types, values, NULL,
				SPI_OK_SELECT);
	if (SPI_processed != 1)
		return 0;
	return DatumGetInt64(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Counts the rows of silver one by one, and notes how many.  The caller holds the lock of the subscription. */
int64
mls_count_local(int64 subscription, Oid silver)
{
	Oid types[] = {INT8OID, INT8OID};
	Datum values[] = {Int64GetDatum(subscription), (Datum) 0};
	bool isnull;

	mls_execute(psprintf("SELECT pg_catalog.count(*) FROM %s", mls_qualified_name(silver)), 0, NULL,
				NULL, NULL, SPI_OK_SELECT);
	values[1] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	mls_execute_control("UPDATE mls.subscription SET local_rows = $2 WHERE id = $1", 2, types,
						values, NULL, SPI_OK_UPDATE);
	return DatumGetInt64(values[1]);
}
