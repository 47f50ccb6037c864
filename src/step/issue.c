/*
 * issue.c
 *		What did not fit, on its way into mls.issue, and out of it again.
 *
 * An issue is open until what it says is no longer so.  Whoever opens one of a kind
 * solves it as well:
 *
 *	value, record	 the record is stored without it, or is gone (here); a list of all
 *					 keys, or a reading of all records, has not met it (here)
 *	gold, conflict	 gold of the record is made without it (gold_write.c)
 *	children		 the collection of the parent can be used (related_records.c)
 *	lookup			 the source declares the value, or all was read without it
 *	missing			 a sync's records have the field again (here)
 *	schema, columns	 a later comparison finds nothing, and the tables have followed
 *	following		 the tables have followed (drift.c)
 *	open			 a later comparison finds it decided (remote_schema.c)
 *	unchecked		 the metadata could be read (drift.c)
 *	webhook			 the receiver takes events again (webhook.c)
 *	file			 the file was read again, and has no such line (source_file.c)
 *
 * With a record all that is said of it is solved.  What is met again is open again.
 *
 * Issues of a batch are collected in a relation of its own and written with it.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "step/issue.h"
#include "step/transaction.h"

/* How much of a key, of a value and of a reason an issue keeps; all of them stand in an index. */
#define ISSUE_LENGTH 200
#define REASON_LENGTH 300

struct MlsIssues
{
	const MlsSubscription *sub;
	int64 run;
	MlsTransition relay;
	SPIPlanPtr store; /* NULL before the first */
	SPIPlanPtr any_open;
	SPIPlanPtr solve;
	MemoryContext context;
	List *settled[MLS_SETTLED_GONE + 1]; /* of char *: keys of the batch's records */
	int64 rejected;
	char first_rejected[REASON_LENGTH + 1];
};

static TupleDesc
issue_desc(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(5);

	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "field", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 3, "value", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 4, "reason", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 5, "kind", TEXTOID, -1, 0);
	return desc;
}

/* For a run of a subscription; lives in CurrentMemoryContext. */
MlsIssues *
mls_issues_begin(const MlsSubscription *sub, int64 run)
{
	MlsIssues *issues = palloc0(sizeof(MlsIssues));

	issues->sub = sub;
	issues->run = run;
	issues->context = CurrentMemoryContext;
	issues->relay = (MlsTransition){.name = "mls_issues", .desc = issue_desc()};
	return issues;
}

/* Begins a batch. */
void
mls_issues_open(MlsIssues *issues)
{
	mls_transition_open(&issues->relay);
	for (int i = 0; i <= MLS_SETTLED_GONE; i++)
	{
		list_free(issues->settled[i]);
		issues->settled[i] = NIL;
	}
}

/* NULL is NULL. */
static MlsArg
clipped(const char *text, int length, int limit)
{
	return text ? mls_arg(TEXTOID, PointerGetDatum(cstring_to_text_with_len(
									   text, pg_mbcliplen(text, length, limit))))
				: mls_arg_null(TEXTOID);
}

static MlsArg
clipped_whole(const char *text)
{
	return clipped(text, text ? strlen(text) : 0, ISSUE_LENGTH);
}

static void
put(MlsIssues *issues, const char *kind, const char *key, const char *field, const char *value,
	int length, const char *reason)
{
	mls_transition_add(&issues->relay, clipped_whole(key), mls_arg_text(field),
					   clipped(value, length, ISSUE_LENGTH),
					   clipped(reason, strlen(reason), REASON_LENGTH), mls_arg_text(kind));
}

/* A value that became NULL; key, field and value may be NULL; length is the value's. */
void
mls_issues_put(MlsIssues *issues, const char *key, const char *field, const char *value, int length,
			   const char *reason)
{
	put(issues, MLS_ISSUE_VALUE, key, field, value, length, reason);
}

/* What has become of a record of the batch.  The key must stay until the issues are stored. */
void
mls_issues_settle(MlsIssues *issues, char *key, MlsSettled how)
{
	MemoryContext before = MemoryContextSwitchTo(issues->context);

	issues->settled[how] = lappend(issues->settled[how], key);
	MemoryContextSwitchTo(before);
}

static void
reject(MlsIssues *issues, const char *kind, const char *key, const char *field,
	   const MlsRecord *record, const char *reason)
{
	put(issues, kind, key, field, record->json, record->length, reason);
	if (issues->rejected++ == 0)
		strlcpy(issues->first_rejected, reason,
				pg_mbcliplen(reason, strlen(reason), REASON_LENGTH) + 1);
}

/* A record that cannot be kept: likewise, and counted. */
void
mls_issues_reject(MlsIssues *issues, const char *key, const char *field, const MlsRecord *record,
				  const char *reason)
{
	reject(issues, MLS_ISSUE_RECORD, key, field, record, reason);
}

/* One that a rule keeps in bronze: that it comes again as it was does not end it. */
void
mls_issues_quarantine(MlsIssues *issues, const char *key, const MlsRecord *record,
					  const char *reason)
{
	reject(issues, MLS_ISSUE_QUARANTINE, key, NULL, record, reason);
}

/* Records rejected since the start. */
int64
mls_issues_rejected(const MlsIssues *issues)
{
	return issues->rejected;
}

/* What was written is taken back: so many had been rejected before. */
void
mls_issues_take_back(MlsIssues *issues, int64 rejected)
{
	issues->rejected = rejected;
}

/* Why the first record was rejected. */
const char *
mls_issues_first_rejected(const MlsIssues *issues)
{
	return issues->first_rejected;
}

/* As an issue has them. */
static MlsArg
key_array(List *keys)
{
	List *clipped = NIL;
	ListCell *lc;

	foreach (lc, keys)
		clipped = lappend(clipped, pnstrdup(lfirst(lc), pg_mbcliplen(lfirst(lc), strlen(lfirst(lc)),
																	 ISSUE_LENGTH)));
	return mls_arg_list(clipped);
}

/* Is anything open that concerns the records of the subscription?  Hardly ever. */
static bool
has_open(MlsIssues *issues)
{
	if (issues->any_open == NULL)
		issues->any_open = mls_plan_prepare(
			psprintf("SELECT EXISTS (SELECT FROM mls.issue WHERE subscription = " INT64_FORMAT
					 " AND solved_at IS NULL AND key IS NOT NULL)",
					 issues->sub->id));
	mls_plan_run(issues->any_open, SPI_OK_SELECT);
	return mls_bool_at(0, 1);
}

/*
 * What is not met in this transaction is no longer so.  Of a record that bronze has
 * as it came, that it was not stored (which names no field); of one that was stored
 * now, or that a rule keeps in bronze, whatever else was wrong with it; of one that is gone, all that is said of it.
 */
static void
solve_settled(MlsIssues *issues)
{
	static const char *const ends[] = {
		[MLS_SETTLED_SAME] = "i.kind = '" MLS_ISSUE_RECORD "' AND i.field IS NULL",
		[MLS_SETTLED_STORED] =
			"i.kind IN ('" MLS_ISSUE_VALUE "', '" MLS_ISSUE_RECORD "', '" MLS_ISSUE_QUARANTINE "')",
		[MLS_SETTLED_GONE] = "true"};

	for (int i = 0; i <= MLS_SETTLED_GONE; i++)
	{
		if (issues->settled[i] == NIL)
			continue;
		if (!has_open(issues))
			return;
		mls_sql_control(SPI_OK_UPDATE,
						psprintf("UPDATE mls.issue i SET solved_at = pg_catalog.now() "
								 "FROM pg_catalog.unnest($1) AS u(key) WHERE i.key = u.key "
								 "AND i.subscription = " INT64_FORMAT " AND i.solved_at IS NULL "
								 "AND i.last_seen < pg_catalog.now() AND %s",
								 issues->sub->id, ends[i]),
						key_array(issues->settled[i]));
	}
}

/* What becomes of an issue that is there already. */
#define MET_AGAIN                                                                                  \
	"ON CONFLICT (subscription, key, field, reason) DO UPDATE SET "                                \
	"run_id = excluded.run_id, kind = excluded.kind, value = excluded.value, "                     \
	"first_seen = CASE WHEN i.solved_at IS NULL THEN i.first_seen ELSE excluded.first_seen END, "  \
	"last_seen = pg_catalog.now(), times = i.times + 1, solved_at = NULL"

/* Writes what the batch has brought, and ends what it has mended; returns how many were brought. */
int64
mls_issues_store(MlsIssues *issues)
{
	if (issues->relay.rows > 0)
	{
		if (issues->store == NULL)
			issues->store = mls_plan_prepare(psprintf(
				"INSERT INTO mls.issue AS i (subscription, run_id, kind, key, field, "
				"value, reason) SELECT DISTINCT ON (key, field, reason) " INT64_FORMAT
				", " INT64_FORMAT ", kind, key, field, value, reason FROM mls_issues " MET_AGAIN,
				issues->sub->id, issues->run));
		mls_plan_run_control(issues->store, SPI_OK_INSERT);
	}
	solve_settled(issues);
	return issues->relay.rows;
}

void
mls_issues_end(MlsIssues *issues)
{
	mls_plan_free(issues->store);
	mls_plan_free(issues->any_open);
}

/* ---- Single ones ---- */

/* Opens an issue, in the open transaction; run may be 0, key, field and value NULL. */
void
mls_issue_open(int64 subscription, int64 run, const char *kind, const char *key, const char *field,
			   const char *value, const char *reason)
{
	mls_sql_control(SPI_OK_INSERT,
					"INSERT INTO mls.issue AS i (subscription, run_id, kind, key, field, value, "
					"reason) VALUES ($1, $2, $3, $4, $5, $6, $7) " MET_AGAIN,
					mls_arg_int8(subscription), run ? mls_arg_int8(run) : mls_arg_null(INT8OID),
					mls_arg_text(kind), clipped_whole(key), mls_arg_text(field),
					clipped_whole(value), mls_arg_text(reason));
}

/*
 * Solves the issues of a kind that this transaction has not met: of some keys (List
 * of char *; NIL for any), and of a field (NULL for any).
 */
void
mls_issue_solve(int64 subscription, const char *kind, List *keys, const char *field)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.issue SET solved_at = pg_catalog.now() WHERE subscription = $1 "
					"AND kind = $2 AND solved_at IS NULL AND last_seen < pg_catalog.now() "
					"AND ($3 IS NULL OR key = ANY ($3)) AND ($4 IS NULL OR field = $4)",
					mls_arg_int8(subscription), mls_arg_text(kind),
					keys ? key_array(keys) : mls_arg_null(TEXTARRAYOID), mls_arg_text(field));
}

/*
 * Ends the issues i that a query over tables of a user finds, "FROM mls.issue i ...":
 * they are found as that user, and ended as who may write.
 */
void
mls_issue_solve_found(const char *query, const MlsArg *args, int nargs)
{
	Datum ids;
	bool none;

	mls_sql_run(psprintf("SELECT pg_catalog.array_agg(i.id) %s", query), false, SPI_OK_SELECT, args,
				nargs);
	ids = mls_cell(SPI_tuptable, 0, 1, &none);
	if (!none)
		mls_sql_control(SPI_OK_UPDATE,
						"UPDATE mls.issue SET solved_at = pg_catalog.now() "
						"WHERE id = ANY ($1)",
						mls_arg(INT8ARRAYOID, ids));
}

/*
 * A run has read all records: what was not met again, of records that are not here,
 * is no longer so; nor are values that no lookup had.
 */
void
mls_issue_all_read(const MlsSubscription *sub, int64 run)
{
	mls_issue_solve_found(
		psprintf("FROM mls.issue i "
				 "WHERE i.subscription = $1 AND i.solved_at IS NULL "
				 "AND i.kind IN ('" MLS_ISSUE_RECORD "', '" MLS_ISSUE_LOOKUP "') "
				 "AND i.last_seen < (SELECT r.started_at FROM mls.run r WHERE r.id = $2) "
				 "AND NOT EXISTS (SELECT FROM %s b WHERE b.key = i.key "
				 "AND b.deleted_at IS NULL)",
				 mls_qualified_name(sub->bronze)),
		MLS_ARGS(mls_arg_int8(sub->id), mls_arg_int8(run)));
}

/* Records came in a run: fields that none of its pages lacked are there again. */
void
mls_issue_fields_came(const MlsSubscription *sub, int64 run)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.issue i SET solved_at = pg_catalog.now() "
					"WHERE i.subscription = $1 AND i.solved_at IS NULL "
					"AND i.kind = '" MLS_ISSUE_MISSING "' "
					"AND i.last_seen < (SELECT r.started_at FROM mls.run r WHERE r.id = $2)",
					mls_arg_int8(sub->id), mls_arg_int8(run));
}

/* Longer keys may be cut: they cannot be compared. */
#define WHOLE_KEY "196"

/* All keys were listed, none without a key: records that neither the source nor bronze has cannot be kept no more. */
void
mls_issue_all_listed(const MlsSubscription *sub, const char *listing, bool keyless)
{
	mls_issue_solve_found(psprintf("FROM mls.issue i "
								   "WHERE i.subscription = $1 AND i.solved_at IS NULL "
								   "AND i.kind = '" MLS_ISSUE_RECORD "' "
								   "AND CASE WHEN i.key IS NULL THEN %s "
								   "WHEN pg_catalog.octet_length(i.key) < " WHOLE_KEY
								   " THEN NOT EXISTS (SELECT FROM %s l WHERE l.key = i.key) "
								   "AND NOT EXISTS (SELECT FROM %s b WHERE b.key = i.key "
								   "AND b.deleted_at IS NULL) ELSE false END",
								   keyless ? "false" : "true", listing,
								   mls_qualified_name(sub->bronze)),
						  MLS_ARGS(mls_arg_int8(sub->id)));
}
