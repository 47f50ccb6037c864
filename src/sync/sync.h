/*
 * sync.h
 *		Replication: what the files of this room share, and the two entries the
 *		module needs.
 *
 * The way of a run, and the file of each step:
 *
 *	launch.c	   mls_sync(), mls_purge(): starts workers, waits, returns one row per subscription
 *	worker.c	   the background process: connects, runs its subscriptions in turn
 *	engine.c	   one run: lock, run row, step after step, outcome
 *	sync.c		   the process sync: page after page, cursor
 *	purge.c		   the process purge: what is gone at the source
 *	scope.c		   when what is asked for or kept has changed
 *	bound.c		   from where on a run asks, and in which order
 *	forecast.c	   what a sync would do
 *	fetch.c		   which page comes next, and when the last one is proven
 *	batch.c		   a page as keys, instants and records; duplicates resolved
 *	writer.c	   a batch into bronze and silver, in the open transaction
 *	cleaning.c	   strings as rules want them, on their way into silver
 *	gilder.c	   from there into gold
 *	precedence.c   whose record gold has, where several sources have one
 *	remap.c		   gold anew from silver, when rules have changed
 *	reject.c	   a batch without the records that cannot be stored
 *	issue.c		   what did not fit, into mls.issue, until it is solved
 *	limit.c		   limits that are a share and a number
 *	relay.c		   relations filled by C
 *	count.c		   how many records there are here and at the source
 *	missing_rows.c rows that somebody else has taken out of the tables
 *	session.c	   transactions as the owner of the subscription
 *	owner.c		   what functions do in his rights
 *	run.c		   rows of mls.run
 *	subscription.c rows of mls.subscription, and the lock of a subscription
 *	identity.c	   of which source a copy is; servers that were renamed
 *	subscribe.c	   mls_subscribe() and mls_unsubscribe(); layers.c makes the tables
 *	reconcile.c	   the process reconcile: what differs from the source
 *	listing.c	   all keys of a source, in a table
 *	relisting.c	   where an interrupted list goes on
 *	removal.c	   records out of silver and gold, with their children
 *	keys.c		   records asked for by their keys
 *	fed.c		   what lives on the records of others, within those that are here
 *	family.c	   which subscriptions take their records out of others'
 *	children.c	   records that came inside a page, or belong to it
 *	timestamps.c   what changed by other timestamps than the cursor's
 *	bronze.c	   records of bronze, read again
 *	undo.c		   mls_undo(): what a purge removed
 *	load.c		   a load that several processes share; divide.c finds its ranges,
 *				   range.c keeps them: see load.h
 *	rebuild.c	   mls_rebuild(): silver and gold from bronze
 *	policy.c	   after a failure: its kind, and when the next attempt is due
 *	instant.c	   timestamps with all their digits
 *	drift.c		   changes of the remote schema; see drift.h
 *	webhook.c	   events of runs posted to a webhook
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
#include "options/rights.h"

/* ---- Settings ---- */

extern int mls_max_sync_workers;
extern int mls_retry_delay_s;
extern int mls_retry_delay_max_s;
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
	char *identity;              /* of the source, identity.c's; or NULL */
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
/* An error that ends in what to type unless a foreign table has its key, with columns. */
extern void mls_require_key_columns(const MlsTable *table);
/* The command that gives a foreign table a column for a field again; allocated in CurrentMemoryContext. */
extern char *mls_missing_column_hint(const MlsTable *table, const char *field);
extern MlsSubscription *mls_subscription_by_table(Oid foreign_table);
extern void mls_subscription_reach(const MlsSubscription *sub, const MlsPosition *position);
extern void mls_subscription_complete(const MlsSubscription *sub, const MlsPosition *cursor,
									  const char *timezone);
extern void mls_subscription_rename(MlsSubscription *sub, const char *source);
extern void mls_subscription_restart(MlsSubscription *sub, const char *scope_hash);
extern void mls_subscription_forget_position(MlsSubscription *sub);
extern void mls_subscription_read_all(MlsSubscription *sub);
extern char *mls_subscription_scope(const MlsTable *table);
extern bool mls_subscription_lock(int64 id, bool session);
extern void mls_subscription_unlock(int64 id);
extern bool mls_subscription_help(int64 id);
extern void mls_subscription_unhelp(int64 id);
extern bool mls_subscription_share(int64 id, bool session);
extern void mls_subscription_unshare(int64 id);
pg_noreturn extern void mls_subscription_report_busy(const MlsSubscription *sub);

/* ---- Of which source a copy is (identity.c) ---- */

extern char *mls_identity(const MlsTable *table);
extern void mls_identity_require(MlsSubscription *sub, const MlsTable *table);
extern void mls_identity_check(MlsSubscription *sub, const MlsTable *table);
extern char *mls_identity_comment(const MlsTable *table);
extern char *mls_identity_silver_comment(const MlsTable *table);
extern bool mls_identity_is_foreign(Oid relid, const MlsTable *table);
extern char *mls_identity_of_table(Oid bronze, const MlsTable *table);
extern void mls_identity_follow_renames(void);

/* ---- Transactions as a role (session.c) ---- */

extern void mls_transaction_begin(Oid owner);
extern void mls_transaction_commit(void);
extern void
mls_execute(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls, int expected);
extern void mls_execute_control(const char *sql, int nargs, Oid *types, Datum *values,
								const char *nulls, int expected);
extern SPIPlanPtr mls_plan_prepare(const char *sql);
extern void mls_plan_run(SPIPlanPtr plan, int expected);
extern void mls_plan_run_control(SPIPlanPtr plan, int expected);
extern void mls_plan_free(SPIPlanPtr plan);
extern char *mls_qualified_name(Oid relid);

/* ---- In the owner's rights (owner.c) ---- */

extern void mls_owner_require_tables(const MlsSubscription *sub);
extern void mls_owner_require_caller(const MlsSubscription *sub, const char *verb);
extern void mls_owner_enter(MlsRights *before, const MlsSubscription *sub, const char *verb);

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
	int64 expected; /* records announced for the run, or 0 */
} MlsCounters;

typedef enum MlsOutcomeState
{
	MLS_OUTCOME_PENDING,
	MLS_OUTCOME_RUNNING,
	MLS_OUTCOME_FINISHED,
	MLS_OUTCOME_FAILED,
	MLS_OUTCOME_SKIPPED /* not tried; note says why */
} MlsOutcomeState;

/* What an error is of: says who can do something about it. */
typedef enum MlsErrorClass
{
	MLS_ERROR_NONE,
	MLS_ERROR_CREDENTIALS,
	MLS_ERROR_QUOTA,
	MLS_ERROR_NETWORK,  /* the way to the source, or the source is not well */
	MLS_ERROR_PROTOCOL, /* the source has answered, but with something else than asked for */
	MLS_ERROR_DATA,
	MLS_ERROR_OURS /* configuration, privileges, this server */
} MlsErrorClass;

/* What became of a subscription's run; lives in shared memory, so it has no pointers. */
typedef struct MlsOutcome
{
	int64 subscription;
	Oid owner;
	MlsOutcomeState state;
	MlsCounters counters;
	int64
		drift; /* records missing there (purge), missing or different here (reconcile), mapped (remap) */
	int64 duration_us;
	char note[1024]; /* of a run that finished or was not tried: what its caller should know */
	int sqlstate;
	MlsErrorClass error_class;
	TimestampTz retry_at; /* the source may be asked again then; 0: not known */
	char message[1024];
	char detail[2048];
	char hint[1024];
	char context[1024];
} MlsOutcome;

extern int64 mls_run_start(const MlsSubscription *sub, const char *process);
extern void mls_run_progress(int64 run, const MlsCounters *counters);
extern void mls_run_phase(int64 run, const char *phase);
extern void mls_run_finish(int64 run, const char *status, const MlsOutcome *outcome,
						   const char *note, const char *cursor);
extern void mls_outcome_fail(MlsOutcome *outcome, const ErrorData *error);
extern void mls_outcome_skip(MlsOutcome *outcome, const char *why);

/* ---- After a failure (policy.c) ---- */

extern MlsErrorClass mls_error_class(int sqlstate, const MlsHttpFailure *failure);
extern const char *mls_error_class_name(MlsErrorClass class);
extern bool mls_error_is_cancel(int sqlstate);
extern void mls_policy_failed(const MlsSubscription *sub, const MlsOutcome *outcome);
extern char *mls_policy_not_due(const MlsSubscription *sub);
extern void mls_policy_spare(MlsOutcome *outcomes, int count, const MlsOutcome *failed);

/* ---- Counts (count.c) ---- */

extern void mls_count_note_proven(const MlsSubscription *sub, const MlsTable *table);
extern void mls_count_note_remote(int64 subscription, int64 rows);
extern void mls_count_add_local(int64 subscription, int64 rows);
extern int64 mls_count_local(int64 subscription, Oid silver);

/* ---- Batches (batch.c) ---- */

typedef struct MlsItem
{
	const MlsRecord *record;
	char *key;          /* NULL: the record has none */
	char *timestamp;    /* as received, or NULL */
	MlsInstant instant; /* if timestamp is an instant */
	bool has_instant;
	bool gone;          /* flagged as removed by the source */
	bool superseded;    /* another item of the batch has the same key */
	const char *parent; /* "Property/" and a key: what it belongs to; or NULL */
} MlsItem;

typedef struct MlsBatch
{
	MlsItem *items;
	int nitems;
	HTAB *by_key;  /* key -> item */
	int replaced;  /* what was no character in the page, if the caller says so */
	List *missing; /* of char *: fields that the source was asked for and left out */
} MlsBatch;

extern MlsBatch *mls_batch_read(const MlsTable *table, const MlsRecord *records, int nrecords);
extern MlsItem *mls_batch_find(const MlsBatch *batch, const char *key);
extern const MlsItem *mls_batch_newest(const MlsBatch *batch, TimestampTz before);
extern bool mls_batch_in_order(const MlsBatch *batch, const char *before, const char *timezone);

/* ---- What a run asks for (bound.c) ---- */

extern const char *mls_bound_cursor(const MlsSubscription *sub);
extern char *mls_bound_start(const MlsTable *table, const MlsSubscription *sub);
extern List *mls_bound_from(const MlsTable *table, const char *timestamp);
extern List *mls_bound_after(const MlsTable *table, const char *timestamp, const char *key);
extern List *mls_bound_within(const MlsTable *table, const char *from, const char *to);
extern List *mls_bound_untimed(const MlsTable *table);
extern MlsCondition *mls_bound_any(List *conditions);
extern List *mls_bound_order(const MlsTable *table);
extern int mls_bound_page_size(const MlsTable *table);

/* ---- Pages (fetch.c) ---- */

typedef struct MlsFetch MlsFetch;

extern void mls_fetch_note_unknown(MlsFetch *fetch, const MlsSubscription *sub, int64 run);
extern bool mls_fetch_by_links(const MlsTable *table);
extern MlsFetch *
mls_fetch_begin(const MlsTable *table, const MlsSubscription *sub, List *conditions, List *others);
extern TimestampTz mls_fetch_began(const MlsFetch *fetch);
extern int64 mls_fetch_expect(const MlsTable *table, const MlsSubscription *sub, List *others,
							  MlsHttpStats *stats);
extern MlsBatch *mls_fetch_next(MlsFetch *fetch);
extern MlsPosition mls_fetch_position(const MlsFetch *fetch);
extern MlsPosition mls_fetch_newest(const MlsFetch *fetch);
extern void mls_fetch_remark(MlsFetch *fetch, const char *note);
extern const char *mls_fetch_note(const MlsFetch *fetch);
extern int64 mls_fetch_expected(const MlsFetch *fetch);
extern int64 mls_fetch_total(const MlsFetch *fetch);
extern void mls_fetch_spent(const MlsFetch *fetch, MlsCounters *counters);
extern void mls_fetch_end(MlsFetch *fetch);
extern bool mls_fetch_is_not_the_links_fault(int sqlstate);
extern void mls_stats_add(MlsHttpStats *sum, const MlsHttpStats *stats);

/* ---- All keys of a source (listing.c), and records by key (keys.c) ---- */

typedef struct MlsRun MlsRun;

/*
 * The keys a source has, in a table of their own, and among them those wanted:
 * what purge takes for gone, what reconcile wants to have.
 */
typedef struct MlsListing
{
	MlsRun *run;
	const char *table;  /* its name, qualified and quoted */
	const char *bronze; /* the same of the tables to compare with */
	const char *silver;
	TimestampTz started; /* what was fetched later is not judged by it */
	int64 listed;        /* different keys */
	int64 flagged;       /* of records that are there, but flagged as removed */
	int64 keyless;       /* records without a key: which they are nobody knows */
	int64 before;        /* the source's count at the beginning and at the end; or -1 */
	int64 after;
	int64 outside;         /* of them, of parents that are not here: see mls_fed_bounds() */
	bool may_lack;         /* keys may be missing: each that is, is asked for by name */
	bool unproven;         /* and some may be, by what the source says */
	bool resumable;        /* the next run can go on where the pages written end */
	MemoryContext context; /* of the stream that is open */
	MemoryContext batch_context;
	MlsStream *stream;  /* or NULL */
	char *last_key;     /* of the wanted keys asked for last */
	MlsHttpStats spent; /* by streams already closed */
} MlsListing;

extern MlsListing *mls_listing_read(MlsRun *run, bool timestamps, bool may_lack);
extern void mls_listing_open(MlsListing *listing, MlsQuery *query);
extern void mls_listing_close(MlsListing *listing);
extern void mls_listing_require_complete(const MlsListing *listing);
extern void mls_listing_end(MlsListing *listing);
extern const char *mls_listing_complete(MlsRun *run);
extern int64 mls_listing_execute(MlsListing *listing, const char *sql);
extern char **mls_listing_next(MlsListing *listing, int size, int *n);
extern int64 mls_listing_wanted(MlsListing *listing);
extern void mls_listing_settle(MlsListing *listing, const MlsBatch *batch);
extern void mls_listing_spent(const MlsListing *listing, MlsCounters *counters);
extern void mls_listing_drop(const MlsSubscription *sub);
extern Datum mls_key_array(char **keys, int n);

/* Asks for the records in which a field has one of some values. */
extern MlsQuery *mls_keys_query(const MlsTable *table, const char *field, char **values, int n);

/* Where an interrupted list goes on (relisting.c). */
extern void mls_relisting_reach(const MlsListing *listing, const char *link);
extern char *mls_relisting_begin(MlsListing *listing, bool has_table);

/* The next page of wanted records; NULL when all were asked for. */
extern MlsBatch *mls_keys_next(MlsListing *listing, bool keys_only);

/* ---- Relations filled by C (relay.c) ---- */

typedef struct MlsRelay
{
	const char *name; /* as SQL knows it */
	TupleDesc desc;
	Tuplestorestate *store;
	int64 rows;
} MlsRelay;

extern void mls_relay_open(MlsRelay *relay);
extern void mls_relay_close(MlsRelay *relay);
extern void mls_relay_put(MlsRelay *relay, Datum *values, bool *isnull);

/* ---- What did not fit (issue.c) ---- */

/* What an issue is about, and so what ends it. */
#define MLS_ISSUE_VALUE "value"
#define MLS_ISSUE_RECORD "record"
#define MLS_ISSUE_GOLD "gold"
#define MLS_ISSUE_CONFLICT "conflict"
#define MLS_ISSUE_CHILDREN "children"
#define MLS_ISSUE_LOOKUP "lookup"
#define MLS_ISSUE_MISSING "missing"
#define MLS_ISSUE_SCHEMA "schema"
#define MLS_ISSUE_COLUMNS "columns"
#define MLS_ISSUE_FOLLOWING "following"
#define MLS_ISSUE_UNCHECKED "unchecked"
#define MLS_ISSUE_WEBHOOK "webhook"

/* What has become of a record that came. */
typedef enum MlsSettled
{
	MLS_SETTLED_SAME, /* it is here, as it was or as it is now */
	MLS_SETTLED_STORED,
	MLS_SETTLED_GONE
} MlsSettled;

typedef struct MlsIssues MlsIssues;

extern MlsIssues *mls_issues_begin(const MlsSubscription *sub, int64 run);
extern void mls_issues_open(MlsIssues *issues);
extern void mls_issues_put(MlsIssues *issues, const char *key, const char *field, const char *value,
						   int length, const char *reason);
extern void mls_issues_reject(MlsIssues *issues, const char *key, const char *field,
							  const MlsRecord *record, const char *reason);
extern int64 mls_issues_rejected(const MlsIssues *issues);
extern void mls_issues_take_back(MlsIssues *issues, int64 rejected);
extern const char *mls_issues_first_rejected(const MlsIssues *issues);
extern void mls_issues_settle(MlsIssues *issues, char *key, MlsSettled how);
extern int64 mls_issues_store(MlsIssues *issues);
extern void mls_issues_end(MlsIssues *issues);
extern void mls_issue_open(int64 subscription, int64 run, const char *kind, const char *key,
						   const char *field, const char *value, const char *reason);
extern void mls_issue_solve(int64 subscription, const char *kind, List *keys, const char *field);
extern void mls_issue_solve_found(const char *query, int nargs, Oid *types, Datum *values);
extern void mls_issue_all_read(const MlsSubscription *sub, int64 run);
extern void mls_issue_fields_came(const MlsSubscription *sub, int64 run);
extern void mls_issue_all_listed(const MlsSubscription *sub, const char *listing, bool keyless);

/* ---- How many of so many (limit.c) ---- */

extern int64 mls_limit_smaller(const MlsLimit *limit, int64 rows);
extern int64 mls_limit_larger(const MlsLimit *limit, int64 rows);

/* ---- Writing (writer.c) ---- */

typedef struct MlsWriter MlsWriter;

extern MlsWriter *mls_writer_begin(const MlsTable *table, const MlsSubscription *sub, int64 run);
extern void mls_writer_trust(MlsWriter *writer);
extern void mls_writer_keep_parents(MlsWriter *writer);
extern void mls_writer_store(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters);
extern void mls_writer_convert(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters);
extern void mls_writer_settle(MlsWriter *writer);
extern MlsIssues *mls_writer_issues(MlsWriter *writer);
extern void mls_writer_end(MlsWriter *writer);

/* Writing all of a page but the records that cannot be stored (reject.c). */
extern void mls_reject_store(MlsRun *run, const MlsBatch *batch, MlsCounters *counters);
extern void mls_reject_convert(MlsRun *run, const MlsBatch *batch, MlsCounters *counters);

/* ---- Cleaning (cleaning.c) ---- */

extern void
mls_cleaning_apply(const MlsTable *table, MlsRowMap *map, const char *const *fields, int natts);
extern bool mls_cleaning_settle(const MlsSubscription *sub, const MlsTable *table);

/* ---- Changes of what is asked for and kept (scope.c) ---- */

extern List *mls_asked_fields(const MlsTable *table);
extern void mls_scope_prepare(MlsRun *run);
extern void mls_scope_follow(MlsRun *run, MlsSubscription *reader);
extern void mls_scope_fill(MlsRun *run);
extern void mls_scope_settle(const MlsSubscription *sub, const MlsTable *table);
extern bool mls_scope_preview(MlsRun *run);
extern void mls_scope_fill_all(MlsSubscription *sub);
extern void mls_scope_adopt(const MlsSubscription *sub, const MlsTable *table, Datum fields);

/* ---- What a sync would do (forecast.c) ---- */

extern void mls_forecast(MlsRun *run);

/* ---- Families (family.c) ---- */

/* A subscription whose records come inside others', or are asked for by their keys. */
typedef struct MlsChild
{
	MlsSubscription *sub;
	MlsTable *table;
	MlsWriter *writer; /* NULL where nothing links to it */
	MlsCounters counters;
	bool shared;  /* its lock is held */
	bool kept_up; /* its columns and rules are followed here */
} MlsChild;

/* How records of one resource bring those of another. */
typedef struct MlsLink
{
	const MlsExpansion *expansion; /* NULL: they are asked for */
	const char *resource;          /* whose records bring them */
	MlsChild *child;
	const char *key_field;  /* of the child, with the key of the parent; or NULL */
	const char *kind_field; /* of the child, with the parent's resource; or NULL */
	List *links;            /* of MlsLink *: inside the child's records */
} MlsLink;

/* How a child knows its parents of one resource, for records that do not say it themselves. */
typedef struct MlsParentFields
{
	const char *resource;
	const char *key_field;
	const char *kind_field;
} MlsParentFields;

extern char *mls_family_scope(const MlsSubscription *sub, const MlsTable *table);
extern List *mls_family_siblings(const MlsSubscription *sub);
extern List *mls_family_links(const MlsTable *table, List *siblings, List **children);
extern List *mls_family_parents(const MlsSubscription *sub, const MlsTable *table);
extern void mls_family_supply(List *parents, const char *parent, MlsRecord *record);
extern List *mls_family_links_to(const MlsSubscription *sub, List *siblings);
extern int64 mls_family_feeder(const MlsSubscription *sub, const char **expansions);

/* ---- Records that live on those of others (fed.c) ---- */

/* Of which parents' records of one resource a fed subscription has the children. */
typedef struct MlsFedBound
{
	const char *resource;   /* of the parents */
	const char *key_field;  /* of the child, with the key of its parent */
	const char *kind_field; /* with its parent's resource; or NULL */
	Oid silver;             /* of the parents */
	const char *key_column; /* there */
} MlsFedBound;

extern List *mls_fed_bounds(const MlsSubscription *sub, const MlsTable *table);
extern bool *mls_fed_outside(List *bounds, const MlsBatch *batch);
extern void mls_fed_leave_out(List *bounds, MlsBatch *batch);
extern int64 mls_fed_count(const MlsSubscription *sub, const MlsTable *table, List *bounds,
						   MlsQuery *all, MlsHttpStats *stats);
extern void mls_fed_tell(const MlsTable *table, const MlsSubscription *sub);
extern const char *mls_fed_only(const MlsSubscription *sub);

/* ---- Children of a page (children.c) ---- */

typedef struct MlsChildren MlsChildren;

extern void mls_children_begin(MlsRun *run);
extern bool mls_children_has(const MlsChildren *children, int64 subscription);
extern void mls_children_follow(MlsChildren *children);
extern void mls_children_read(MlsChildren *children, MlsBatch *batch);
extern void mls_children_store(MlsChildren *children);
extern void mls_children_remove(MlsChildren *children, char **keys, int n);
extern void mls_children_spent(const MlsChildren *children, MlsCounters *counters);
extern void mls_children_note(const MlsChildren *children);
extern void mls_children_end(MlsChildren *children);

/* ---- Further timestamps (timestamps.c) ---- */

typedef struct MlsTimestamps MlsTimestamps;

/* Writes a page that came by another timestamp than the cursor's. */
typedef void (*MlsStorePage)(MlsRun *run, MlsBatch *batch);

extern void mls_timestamps_begin(MlsRun *run);
extern void mls_timestamps_see(MlsTimestamps *timestamps, const MlsBatch *batch);
extern List *mls_timestamps_together(MlsTimestamps *timestamps);
extern void mls_timestamps_read(MlsTimestamps *timestamps, MlsStorePage store);
extern void mls_timestamps_complete(MlsTimestamps *timestamps, TimestampTz began);
extern void mls_timestamps_spent(const MlsTimestamps *timestamps, MlsCounters *counters);
extern void mls_timestamps_end(MlsTimestamps *timestamps);

/* ---- A load that several processes share (load.c, range.c) ---- */

typedef struct MlsLoad MlsLoad;
typedef struct MlsRange MlsRange;
typedef struct MlsCrew MlsCrew;
typedef struct MlsAssignment MlsAssignment;

extern bool mls_load(MlsRun *run, MlsStorePage store);
extern void mls_load_help(MlsRun *run, MlsStorePage store);
extern MlsCrew *mls_load_crew(MlsAssignment *assignment);
extern int64 mls_load_run(const MlsCrew *crew);
extern MlsPosition mls_load_newest(const MlsRun *run);
extern void mls_load_add(const MlsLoad *load, MlsCounters *counters);
extern int64 mls_load_total(const MlsLoad *load);
extern void mls_load_spent(const MlsLoad *load, MlsCounters *counters);
extern void mls_load_blame(const MlsLoad *load, MlsOutcome *outcome);
extern void mls_load_end(MlsLoad *load);
extern void mls_range_reach(const MlsSubscription *sub, const MlsRange *range,
							const MlsPosition *position, int64 records);
extern void mls_range_forget(const MlsSubscription *sub);

/* ---- Gold (gilder.c) ---- */

typedef struct MlsGilder MlsGilder;

extern MlsGilder *
mls_gilder_begin(MemoryContext context, const MlsTable *table, const MlsSubscription *sub,
				 int64 run, const char *rows, const char *gone);
extern void mls_gilder_prepare(MlsGilder *gilder);
extern void mls_gilder_store(MlsGilder *gilder, int64 changed, int64 gone);
extern void mls_gilder_end(MlsGilder *gilder);
extern bool mls_gold_restore(MlsSubscription *sub, const MlsTable *table); /* subscribe.c */

/* Rows of gold that a subscription leaves as a whole, and who has their keys then. */
typedef struct MlsRelease MlsRelease;

extern MlsRelease *mls_release_begin(const MlsSubscription *sub, const MlsTable *table, int64 run,
									 List *parts, bool delete);
extern void mls_release_end(MlsRelease *release);

/* ---- Between subscriptions that make the same keys (precedence.c) ---- */

extern bool mls_precedence_follow(const MlsSubscription *sub, const MlsTable *table);
extern void mls_precedence_unsettle(const MlsSubscription *sub, const MlsTable *table);

/* ---- Taking records out (removal.c) ---- */

extern void mls_removal_begin(MlsRun *run);
extern void mls_removal_step(MlsRun *run, char **keys, int n);
extern int64
mls_removal_found(int64 run, const MlsSubscription *sub, const MlsTable *table, MlsWriter *writer);

/* ---- Bronze, read again (bronze.c) ---- */

extern const char *mls_bronze_columns(const MlsSubscription *sub);
extern MlsBatch *mls_bronze_batch(const MlsTable *table, List *parents);
extern void mls_bronze_keep(const MlsSubscription *sub, int64 run, const MlsBatch *batch);
extern void mls_bronze_convert(MlsWriter *writer, const MlsTable *table, const MlsSubscription *sub,
							   const char *condition, MlsCounters *counters);

/* ---- Tables (layers.c) ---- */

extern Oid mls_bronze_prepare(const MlsTable *table, Oid bronze);
extern Oid mls_silver_prepare(const MlsTable *table, Oid silver);
extern void mls_silver_follow(Oid silver, const MlsTable *table);
extern int mls_silver_complete(Oid silver, const MlsTable *table);
extern void mls_bronze_prepare_parents(const MlsSubscription *sub, const MlsTable *table);

/* ---- The engine and its process ---- */

/* What a worker is to do with its subscriptions. */
typedef enum MlsProcessKind
{
	MLS_PROCESS_SYNC,
	MLS_PROCESS_PURGE,
	MLS_PROCESS_RECONCILE,
	MLS_PROCESS_REMAP,
	MLS_PROCESS_RANGES /* of a load: a helper's */
} MlsProcessKind;

typedef struct MlsTask
{
	MlsProcessKind process;
	bool full;     /* sync: whatever the cursor */
	bool due;      /* sync: only what is due */
	bool force;    /* purge: whatever the loss */
	bool dry_run;  /* say what would be done */
	int workers;   /* processes that may work on one subscription */
	MlsCrew *crew; /* ranges: who shares the load */
} MlsTask;

typedef struct MlsProcess MlsProcess;

/* One run, as the engine keeps it and the processes use it. */
struct MlsRun
{
	MemoryContext context; /* everything of the run */
	const MlsProcess *process;
	const MlsTask *task;
	MlsOutcome *outcome;
	MlsSubscription *sub;
	MlsTable *table;
	MlsWriter *writer;
	MlsChildren *children; /* or NULL */
	List *bounds;          /* of MlsFedBound *, if it is fed by parents of which not all are here */
	MlsTimestamps *timestamps; /* or NULL */
	MlsLoad *load;             /* shared with others; or NULL */
	const MlsRange *range;     /* of it, being read; or NULL */
	void *state;               /* the process's own; NULL before its work begins */
	const char *note;          /* what was remarkable, or NULL */
	const char *remark;        /* the same of the remote schema */
	MlsHttpStats schema_spent;
	List *keepings; /* missing_rows.c's: one for each subscription that is written */
	bool reads_all; /* sync: from the first record to the last */
	int64 id;       /* in mls.run; 0 before it is there */
	MlsCounters counters;
	bool locked;
};

/* A process: what is special about its runs.  Members may be NULL except name, work, spent, end. */
struct MlsProcess
{
	const char *name;
	bool helps;                           /* works for a run of another process */
	bool patient;                         /* waits for another run to end */
	void (*prepare)(MlsRun *run);         /* in the transaction before the work */
	void (*work)(MlsRun *run);            /* outside transactions */
	void (*forecast)(MlsRun *run);        /* for dry_run, in place of all others; or NULL */
	const char *(*complete)(MlsRun *run); /* in the last one; returns the cursor */
	void (*failed)(const MlsSubscription *sub, const MlsOutcome *outcome); /* in that of an error */
	void (*spent)(MlsRun *run, MlsCounters *counters); /* requests and bytes so far */
	void (*end)(MlsRun *run);                          /* gives back what is no memory */
};

extern const MlsProcess mls_sync_process;      /* sync.c */
extern const MlsProcess mls_purge_process;     /* purge.c */
extern const MlsProcess mls_reconcile_process; /* reconcile.c */
extern const MlsProcess mls_remap_process;     /* remap.c */
extern const MlsProcess mls_ranges_process;    /* sync.c */

/* Makes gold anew from silver if the rules have changed (remap.c). */
extern int64 mls_remap(MlsRun *run);
extern void mls_remap_own(MlsRun *run);
extern void mls_remap_force(Oid owner);
extern void mls_remap_settle(const MlsSubscription *sub, const MlsTable *table);

extern const MlsProcess *mls_process(MlsProcessKind kind);
extern void mls_engine_run(const MlsTask *task, MlsOutcome *outcome);
extern void mls_run_begin_step(MlsRun *run);
extern void mls_run_end_step(MlsRun *run, MlsCounters *counters);
extern void mls_run_enter(MlsRun *run, const char *phase);
extern void mls_run_note(MlsRun *run, const char *format, ...) pg_attribute_printf(2, 3);

/* After a run, outside transactions: tells the webhook what has happened (webhook.c). */
extern void mls_webhook_deliver(int64 subscription);

/* Rows that somebody else has taken out of the tables (missing_rows.c). */
extern void mls_missing_rows_begin(MlsRun *run, MlsSubscription *sub, const MlsTable *table,
								   MlsSubscription *reader);
extern void mls_missing_rows_check(MlsRun *run, bool count);
extern int64 mls_missing_rows_map(MlsRun *run);

/* At the start of a run, outside transactions: has the remote schema changed? (drift.c) */
extern void mls_drift_check(MlsRun *run);

/* What to type where the source's keys are not of a key column's type any more, but of that one. */
extern char *
mls_key_cure(const MlsSubscription *sub, const MlsTable *table, const MlsColumn *column, Oid type);

/* The same: what does the source say of its settings? (told.c) */
extern void mls_told_check(MlsRun *run);

/* Called when the process ends while a run is open: leaves a word in its row. */
extern void mls_engine_interrupted(void);

/* What a worker is told; followed by its outcomes.  In shared memory. */
struct MlsAssignment
{
	Oid database;
	Oid session_user;
	Oid role;
	bool role_is_superuser;
	MlsTask task;
	int noutcomes;
	MlsOutcome outcomes[FLEXIBLE_ARRAY_MEMBER];
};

/* Which of the outcomes are a worker's own; travels in bgw_extra. */
typedef struct MlsShare
{
	int first;
	int count;
} MlsShare;

/* An error on a standby and in a read-only transaction (launch.c). */
extern void mls_refuse_standby(const char *function, const char *verb);

extern PGDLLEXPORT void mls_sync_worker_main(Datum arg);

#endif /* MLS_SYNC_H */
