/*
 * subscription_row.h
 *		What is known of a subscription: its row in mls.subscription, its locks, and
 *		who may work on it.
 */
#ifndef MLS_SUBSCRIPTION_ROW_H
#define MLS_SUBSCRIPTION_ROW_H

#include "postgres.h"

#include "options/options.h"
#include "base/base.h"

typedef struct MlsSubscription
{
	int64 id;
	Oid foreign_table; /* InvalidOid: something else that runs work on (MlsProcess.subject) */
	Oid owner;
	Oid bronze;
	Oid silver;
	Oid gold; /* or InvalidOid */
	char *source;
	char *resource;
	char *cursor_timestamp; /* these are NULL where there is none */
	char *cursor_key;
	char *resume_timestamp;
	char *resume_key;
	char *resume_link;
	int64 resume_received;
	TimestampTz resume_since; /* 0 where there is none */
	char *scope_hash;
	char *identity;              /* of the source, identity.c's; or NULL */
	char *partition;             /* how its tables are partitioned, as it was asked for; or NULL */
	bool reading_all;            /* everything is being read again */
	bool fills;                  /* there are columns to fill from bronze */
	int failures;                /* since the last success */
	TimestampTz next_attempt_at; /* 0 for any time */
	char *error_class;
	char *attempted_with;
	int64 count_proven; /* the largest count of the source that was proven, or -1 */
} MlsSubscription;

/* Where a run stands after a page; NULL members are stored as NULL. */
typedef struct MlsPosition
{
	const char *timestamp;
	const char *key;
	const char *link;
	int64 received;    /* with a link: records of the chain so far */
	TimestampTz since; /* when the chain began, by the source's clock */
} MlsPosition;

extern MlsSubscription *mls_subscription_by_id(int64 id);
extern MlsSubscription *mls_subscription_by_table(Oid foreign_table);
extern List *mls_subscriptions_found(void);

/* What processes work on besides, of rows (number, name, owner) of the last statement, in `context`
 * (List of MlsSubscription *). */
extern List *mls_subjects_found(MemoryContext context);

extern void mls_subscription_reach(const MlsSubscription *sub, const MlsPosition *position);
extern void mls_subscription_complete(const MlsSubscription *sub, const MlsPosition *cursor,
									  const char *timezone);
extern void mls_subscription_restart(MlsSubscription *sub, const char *scope_hash);
extern void mls_subscription_forget_position(MlsSubscription *sub);
extern void mls_subscription_read_all(MlsSubscription *sub);
extern void mls_subscription_fill_all(MlsSubscription *sub);
extern void mls_subscription_map_again(int64 id);
extern void mls_range_forget(const MlsSubscription *sub);

/* The table of keys that a run lists, which stands beside bronze: its name, and its end. */
extern char *mls_snapshot_table_name(const MlsSubscription *sub);
extern void mls_snapshot_drop(const MlsSubscription *sub);

/* ---- Locks ---- */

extern bool mls_subscription_lock(int64 id, bool session);
extern void mls_subscription_require_lock(const MlsSubscription *sub);
extern void mls_subscription_unlock(int64 id);
extern bool mls_subscription_help(int64 id);
extern void mls_subscription_unhelp(int64 id);
extern bool mls_subscription_share(int64 id, bool session);
extern void mls_subscription_unshare(int64 id);
pg_noreturn extern void mls_subscription_report_busy(const MlsSubscription *sub);

/* ---- Counts ---- */

extern void mls_count_note_proven(const MlsSubscription *sub, const MlsTable *table);
extern void mls_count_note_remote(int64 subscription, int64 rows);
extern void mls_count_add_local(int64 subscription, int64 rows);
extern int64 mls_count_stored(int64 subscription);
extern int64 mls_count_local(int64 subscription, Oid silver);

/* ---- In the owner's rights (owner.c) ---- */

extern void mls_owner_require_tables(const MlsSubscription *sub);
extern void mls_owner_require_caller(const MlsSubscription *sub, const char *verb);
extern void mls_owner_enter(MlsRights *before, const MlsSubscription *sub, const char *verb);

#endif /* MLS_SUBSCRIPTION_ROW_H */
