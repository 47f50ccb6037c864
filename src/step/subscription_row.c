/*
 * subscription_row.c
 *		Rows of mls.subscription, the lock of a subscription, and the counts of its records.
 *
 * Statements run in the caller's transaction, with SPI connected.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "step/source_file.h"
#include "step/subscription_row.h"
#include "step/transaction.h"

#define SUBSCRIPTION_COLUMNS                                                                       \
	"id, foreign_table::oid, owner::oid, bronze::oid, silver::oid, gold::oid, source, resource, "  \
	"cursor_timestamp, cursor_key, resume_timestamp, resume_key, resume_link, "                    \
	"resume_received, scope_hash, resume_since, reading_all, failures, next_attempt_at, "          \
	"error_class, attempted_with, fill_after IS NOT NULL, count_proven, identity, partition"

/* The row found last, or NULL. */
static MlsSubscription *
read_row(void)
{
	MlsSubscription *sub;

	if (SPI_processed == 0)
		return NULL;

	sub = palloc0(sizeof(MlsSubscription));
	sub->id = mls_int8_at(0, 1);
	sub->foreign_table = mls_oid_at(0, 2);
	sub->owner = mls_oid_at(0, 3);
	sub->bronze = mls_oid_at(0, 4);
	sub->silver = mls_oid_at(0, 5);
	sub->gold = mls_oid_at(0, 6);
	sub->source = mls_text_at(0, 7);
	sub->resource = mls_text_at(0, 8);
	sub->cursor_timestamp = mls_text_at(0, 9);
	sub->cursor_key = mls_text_at(0, 10);
	sub->resume_timestamp = mls_text_at(0, 11);
	sub->resume_key = mls_text_at(0, 12);
	sub->resume_link = mls_text_at(0, 13);
	sub->resume_received = mls_int8_at(0, 14);
	sub->scope_hash = mls_text_at(0, 15);
	sub->resume_since = mls_time_at(0, 16);
	sub->reading_all = mls_bool_at(0, 17);
	sub->failures = mls_int4_at(0, 18);
	sub->next_attempt_at = mls_time_at(0, 19);
	sub->error_class = mls_text_at(0, 20);
	sub->attempted_with = mls_text_at(0, 21);
	sub->fills = mls_bool_at(0, 22);
	sub->count_proven = mls_int8_at(0, 23);
	sub->identity = mls_text_at(0, 24);
	sub->partition = mls_text_at(0, 25);
	return sub;
}

List *
mls_subjects_found(MemoryContext context)
{
	MemoryContext before = MemoryContextSwitchTo(context);
	List *found = NIL;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsSubscription *sub = palloc0(sizeof(MlsSubscription));

		sub->id = mls_int8_at(i, 1);
		sub->resource = mls_text_at(i, 2);
		sub->owner = mls_oid_at(i, 3);
		sub->source = GetUserNameFromId(sub->owner, false);
		found = lappend(found, sub);
	}
	MemoryContextSwitchTo(before);
	return found;
}

/* By number, allocated in CurrentMemoryContext; NULL if there is none to be seen. */
MlsSubscription *
mls_subscription_by_id(int64 id)
{
	mls_select("SELECT " SUBSCRIPTION_COLUMNS " FROM mls.subscription WHERE id = $1",
			   mls_arg_int8(id));
	return read_row();
}

/* By foreign table, likewise. */
MlsSubscription *
mls_subscription_by_table(Oid foreign_table)
{
	mls_select("SELECT " SUBSCRIPTION_COLUMNS
			   " FROM mls.subscription WHERE foreign_table::pg_catalog.oid = $1",
			   mls_arg_oid(foreign_table));
	return read_row();
}

/* Those whose ids the last query has found (List of MlsSubscription *), likewise. */
List *
mls_subscriptions_found(void)
{
	const SPITupleTable *ids = SPI_tuptable;
	List *found = NIL;

	for (uint64 i = 0; i < ids->numvals; i++)
	{
		MlsSubscription *sub = mls_subscription_by_id(mls_cell_int8(ids, i, 1));

		if (sub != NULL)
			found = lappend(found, sub);
	}
	return found;
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
	mls_sql_control(SPI_OK_DELETE, "DELETE FROM mls.range WHERE subscription = $1",
					mls_arg_int8(sub->id));
}

/* Records where an interrupted run would go on. */
void
mls_subscription_reach(const MlsSubscription *sub, const MlsPosition *position)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET resume_timestamp = $2, resume_key = $3, "
					"resume_link = $4, resume_received = $5, resume_since = $6 WHERE id = $1",
					mls_arg_int8(sub->id), mls_arg_text(position->timestamp),
					mls_arg_text(position->key), mls_arg_text(position->link),
					mls_arg_int8(position->received), mls_arg_time(position->since));
	expect_one_row();
}

/* Records that the copy is complete up to the cursor, and a success; without a cursor the old one stays. */
void
mls_subscription_complete(const MlsSubscription *sub, const MlsPosition *cursor,
						  const char *timezone)
{
	TimestampTz at = 0;

	if (cursor->timestamp != NULL)
		(void) mls_parse_timestamptz(cursor->timestamp, strlen(cursor->timestamp), timezone, &at);
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.subscription SET cursor_timestamp = coalesce($2, cursor_timestamp), "
		"cursor_at = coalesce($3, cursor_at), "
		"cursor_key = CASE WHEN $2 IS NULL THEN cursor_key ELSE $4 END, "
		"resume_timestamp = NULL, resume_key = NULL, resume_link = NULL, "
		"resume_received = 0, resume_since = NULL, reading_all = false, failures = 0, "
		"next_attempt_at = NULL, error_class = NULL, attempted_with = NULL WHERE id = $1",
		mls_arg_int8(sub->id), mls_arg_text(cursor->timestamp),
		cursor->timestamp ? mls_arg(TIMESTAMPTZOID, TimestampTzGetDatum(at))
						  : mls_arg_null(TIMESTAMPTZOID),
		mls_arg_text(cursor->key));
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
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET cursor_timestamp = NULL, cursor_at = NULL, "
					"cursor_key = NULL, resume_timestamp = NULL, resume_key = NULL, "
					"resume_link = NULL, resume_received = 0, resume_since = NULL, "
					"scope_hash = $2 WHERE id = $1",
					mls_arg_int8(sub->id), mls_arg_text(scope_hash));
	expect_one_row();
	mls_files_forget(sub->id);
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
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.subscription SET reading_all = true, resume_timestamp = NULL, "
		"resume_key = NULL, resume_link = NULL, resume_received = 0, resume_since = NULL "
		"WHERE id = $1",
		mls_arg_int8(sub->id));
	expect_one_row();
	mls_files_forget(sub->id);
	mls_range_forget(sub);
	mls_subscription_forget_position(sub);
	sub->reading_all = true;
}

/* Silver lacks rows, or has wrong ones: the next sync converts every record of bronze once more. */
void
mls_subscription_fill_all(MlsSubscription *sub)
{
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.subscription SET fill_after = '', fill_fields = '{*}' WHERE id = $1",
		mls_arg_int8(sub->id));
	sub->fills = true;
}

/* Gold is not as the rules want it: the next sync makes it anew. */
void
mls_subscription_map_again(int64 id)
{
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.subscription SET map_hash = NULL WHERE id = $1 AND map_hash IS NOT NULL",
		mls_arg_int8(id));
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

/* The same for the transaction, or an error. */
void
mls_subscription_require_lock(const MlsSubscription *sub)
{
	if (!mls_subscription_lock(sub->id, false))
		mls_subscription_report_busy(sub);
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
		mls_sql(SPI_OK_UTILITY, psprintf("DROP TABLE %s", listing_path(sub)));
}

/* ---- How many records are here ---- */

/* The source has so many records now. */
void
mls_count_note_remote(int64 subscription, int64 rows)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET remote_rows = $2, remote_counted_at = "
					"pg_catalog.now() WHERE id = $1",
					mls_arg_int8(subscription), mls_arg_int8(rows));
}

/* Keeps for later runs which counts of the source can be believed. */
void
mls_count_note_proven(const MlsSubscription *sub, const MlsTable *table)
{
	if (mls_total_proven(table) != sub->count_proven)
		mls_sql_control(SPI_OK_UPDATE,
						"UPDATE mls.subscription SET count_proven = $2 WHERE id = $1",
						mls_arg_int8(sub->id), mls_arg_int8(mls_total_proven(table)));
}

/* So many rows have come to silver, or have gone from it. */
void
mls_count_add_local(int64 subscription, int64 rows)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET local_rows = local_rows + $2 WHERE id = $1",
					mls_arg_int8(subscription), mls_arg_int8(rows));
}

/* How many rows of silver have been written. */
int64
mls_count_stored(int64 subscription)
{
	mls_select("SELECT local_rows FROM mls.subscription WHERE id = $1", mls_arg_int8(subscription));
	return SPI_processed == 1 ? mls_cell_int8(SPI_tuptable, 0, 1) : 0;
}

/* Counts the rows of silver one by one, and notes how many.  The caller holds the lock of the subscription. */
int64
mls_count_local(int64 subscription, Oid silver)
{
	int64 rows;

	mls_select(psprintf("SELECT pg_catalog.count(*) FROM %s", mls_qualified_name(silver)));
	rows = mls_int8_at(0, 1);
	mls_sql_control(SPI_OK_UPDATE, "UPDATE mls.subscription SET local_rows = $2 WHERE id = $1",
					mls_arg_int8(subscription), mls_arg_int8(rows));
	return rows;
}
