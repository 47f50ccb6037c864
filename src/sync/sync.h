/*
 * sync.h
 *		Replication: what the files of this room share, and the two entries the
 *		module needs.
 *
 * The way of a run, and the file of each step:
 *
 *	launch.c	   mls_sync(): starts workers, waits, returns one row per subscription
 *	worker.c	   the background process: connects, runs its subscriptions in turn
 *	engine.c	   one run: lock, run row, page after page, cursor, outcome
 *	fetch.c		   which page comes next, and when the last one is proven
 *	batch.c		   a page as keys, instants and records; duplicates resolved
 *	writer.c	   a batch into bronze, silver and gold, in the open transaction
 *	relay.c		   relations filled by C
 *	session.c	   transactions as the owner of the subscription
 *	run.c		   rows of mls.run
 *	subscription.c rows of mls.subscription, and the lock of a subscription
 *	subscribe.c	   mls_subscribe() and mls_unsubscribe(); layers.c makes the tables
 *	rebuild.c	   mls_rebuild(): silver and gold from bronze
 *	instant.c	   timestamps with all their digits
 *
 * The one rule behind it: the network is used outside transactions, and a page
 * is written with its cursor in one transaction.
 */
#ifndef MLS_SYNC_H
#define MLS_SYNC_H

#include "postgres.h"

#include "compat.h"

#include "executor/spi.h"
#include "utils/hsearch.h"
#include "utils/tuplestore.h"

#include "options/options.h"

/* ---- Settings ---- */

extern int mls_max_sync_workers;
extern void mls_sync_define_settings(void);

/* ---- Instants (instant.c) ---- */

/* An instant with the digits that timestamptz has no room for. */
typedef struct MlsInstant
{
	TimestampTz at;   /* truncated to microseconds */
	const char *rest; /* the digits after the sixth, in the text it was read from */
	int rest_length;  /* without trailing zeros */
} MlsInstant;

extern bool mls_instant_read(const char *text, const char *timezone, MlsInstant *instant);
extern int mls_instant_compare(const MlsInstant *a, const MlsInstant *b);
extern char *mls_instant_text(TimestampTz at, int digits);

/* ---- Subscriptions (subscription.c) ---- */

typedef struct MlsSubscription
{
	int64 id;
	Oid foreign_table;
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
extern void mls_subscription_reach(const MlsSubscription *sub, const MlsPosition *position);
extern void mls_subscription_complete(const MlsSubscription *sub, const MlsPosition *cursor,
									  const char *timezone);
extern void mls_subscription_rename(MlsSubscription *sub, const char *source);
extern void mls_subscription_restart(MlsSubscription *sub, const char *scope_hash);
extern char *mls_subscription_scope(const MlsTable *table);
extern bool mls_subscription_lock(int64 id, bool session);
extern void mls_subscription_unlock(int64 id);
pg_noreturn extern void mls_subscription_report_busy(const MlsSubscription *sub);

/* ---- Transactions as a role (session.c) ---- */

extern void mls_transaction_begin(Oid owner);
extern void mls_transaction_commit(void);
extern void
mls_execute(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls, int expected);
extern char *mls_qualified_name(Oid relid);

/* ---- Runs (run.c) ---- */

typedef struct MlsCounters
{
	int64 requests;
	int64 pages;
	int64 received;
	int64 inserted;
	int64 updated;
	int64 unchanged;
	int64 deleted;
	int64 bad_values;
	int64 bytes;
} MlsCounters;

typedef enum MlsOutcomeState
{
	MLS_OUTCOME_PENDING,
	MLS_OUTCOME_RUNNING,
	MLS_OUTCOME_FINISHED,
	MLS_OUTCOME_FAILED
} MlsOutcomeState;

/* What became of a subscription's run; lives in shared memory, so it has no pointers. */
typedef struct MlsOutcome
{
	int64 subscription;
	MlsOutcomeState state;
	MlsCounters counters;
	int64 duration_us;
	int sqlstate;
	char message[1024];
	char detail[2048];
	char hint[1024];
	char context[1024];
} MlsOutcome;

extern int64 mls_run_start(const MlsSubscription *sub, const char *process);
extern void mls_run_progress(int64 run, const MlsCounters *counters);
extern void mls_run_finish(int64 run, const char *status, const MlsOutcome *outcome,
						   const char *note, const char *cursor);
extern void mls_outcome_fail(MlsOutcome *outcome, const ErrorData *error);

/* ---- Batches (batch.c) ---- */

typedef struct MlsItem
{
	const MlsRecord *record;
	char *key;          /* NULL: the record has none */
	char *timestamp;    /* as received, or NULL */
	MlsInstant instant; /* if timestamp is an instant */
	bool has_instant;
	bool gone;       /* flagged as removed by the source */
	bool superseded; /* another item of the batch has the same key */
} MlsItem;

typedef struct MlsBatch
{
	MlsItem *items;
	int nitems;
	HTAB *by_key; /* key -> item */
} MlsBatch;

extern MlsBatch *mls_batch_read(const MlsTable *table, const MlsRecord *records, int nrecords);
extern MlsItem *mls_batch_find(const MlsBatch *batch, const char *key);
extern const MlsItem *mls_batch_newest(const MlsBatch *batch, TimestampTz before);
extern bool mls_batch_in_order(const MlsBatch *batch, const char *before, const char *timezone);

/* ---- Pages (fetch.c) ---- */

typedef struct MlsFetch MlsFetch;

extern MlsFetch *mls_fetch_begin(const MlsTable *table, const MlsSubscription *sub);
extern MlsBatch *mls_fetch_next(MlsFetch *fetch);
extern MlsPosition mls_fetch_position(const MlsFetch *fetch);
extern MlsPosition mls_fetch_newest(const MlsFetch *fetch);
extern const char *mls_fetch_note(const MlsFetch *fetch);
extern void mls_fetch_spent(const MlsFetch *fetch, MlsCounters *counters);
extern void mls_fetch_end(MlsFetch *fetch);

/* ---- Relations filled by C (relay.c) ---- */

typedef struct MlsRelay
{
	const char *name; /* as SQL knows it */
	TupleDesc desc;
	Tuplestorestate *store;
	int64 rows;
} MlsRelay;

extern void mls_relay_open(MlsRelay *relay);
extern void mls_relay_put(MlsRelay *relay, Datum *values, bool *isnull);

/* ---- Writing (writer.c) ---- */

typedef struct MlsWriter MlsWriter;

extern MlsWriter *mls_writer_begin(const MlsTable *table, const MlsSubscription *sub, int64 run);
extern void mls_writer_store(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters);
extern void mls_writer_convert(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters);
extern void mls_writer_end(MlsWriter *writer);

/* ---- Tables (layers.c) ---- */

extern Oid mls_bronze_prepare(const MlsTable *table);
extern Oid mls_silver_prepare(const MlsTable *table);

/* ---- The engine and its process ---- */

extern void mls_engine_run(MlsOutcome *outcome);

/* Called when the process ends while a run is open: leaves a word in its row. */
extern void mls_engine_interrupted(void);

/* What a worker is told; followed by its outcomes.  In shared memory. */
typedef struct MlsAssignment
{
	Oid database;
	Oid session_user;
	Oid role;
	bool role_is_superuser;
	int noutcomes;
	MlsOutcome outcomes[FLEXIBLE_ARRAY_MEMBER];
} MlsAssignment;

/* Which of the outcomes are a worker's own; travels in bgw_extra. */
typedef struct MlsShare
{
	int first;
	int count;
} MlsShare;

extern PGDLLEXPORT void mls_sync_worker_main(Datum arg);

#endif /* MLS_SYNC_H */
