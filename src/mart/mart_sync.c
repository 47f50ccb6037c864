/*
 * mart_sync.c
 *		The process mart: figures of listings that have changed, or all of them.
 *
 * One step does all: events up to the last one are read, the figures that they touch are computed
 * beside and put in the place of the old ones, and the position moves.  Whoever reads meanwhile
 * has the figures of before; a process that dies leaves them.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "mart/mart.h"
#include "quality/quality.h"

PG_FUNCTION_INFO_V1(mls_lock_mart_sql);

/* When a larger share of the listings has changed, most groups have, and computing all is as fast. */
#define MOST_CHANGED 0.04

typedef struct MartRun
{
	int64 since; /* position of the mart */
	int64 upto;
	char *day;
	char *definition;
	char *why;   /* all is computed; or NULL */
	char *held;  /* nothing is; or NULL */
	List *found; /* by data tests (of MlsTestResult *) that kept it back */
} MartRun;

/* ---- What runs work on ---- */

#define SUBJECT_COLUMNS "m.id, m.name, m.owner::pg_catalog.oid"

static MlsSubscription *
read_subject(int64 id)
{
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT " SUBJECT_COLUMNS " FROM mls.mart m WHERE m.id = $1", mls_arg_int8(id));
	mls_rights_leave(&before);
	return SPI_processed == 0 ? NULL : linitial(mls_subjects_found(CurrentMemoryContext));
}

List *
mls_marts_found(const char *name, MemoryContext context)
{
	mls_select("SELECT " SUBJECT_COLUMNS " FROM mls.mart m "
			   "WHERE pg_catalog.pg_has_role(m.owner, 'USAGE') AND m.name = coalesce($1, m.name) "
			   "ORDER BY m.owner, m.id",
			   mls_arg_text(name));
	if (SPI_processed == 0 && name != NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("there is no mart \"%s\" of yours", name), errhint("mls_marts lists them."));
	return mls_subjects_found(context);
}

/* mls.lock_mart(mart) */
Datum
mls_lock_mart_sql(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(0);

	SPI_connect();
	mls_select("SELECT m.id FROM mls.mart m WHERE m.id = $1 AND "
			   "pg_catalog.pg_has_role(m.owner, 'USAGE')",
			   mls_arg_int8(id));
	if (SPI_processed == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such mart of yours"),
				errhint("mls_marts lists them."));
	SPI_finish();
	mls_lock(MLS_LOCK_MART, id, ExclusiveLock);
	PG_RETURN_VOID();
}

static void
mart_prepare(MlsRun *run)
{
	run->state = palloc0(sizeof(MartRun));
}

/* ---- Filling ---- */

/* Up to where there are events, and whether they say all that has changed. */
static void
plan(MlsRun *run)
{
	MartRun *work = run->state;
	MemoryContext before;

	mls_sql_run_control("SELECT mls.last_event(current_user::pg_catalog.regrole)", SPI_OK_SELECT,
						NULL, 0);
	work->upto = mls_int8_at(0, 1);
	mls_select("SELECT p.since, p.day::pg_catalog.text, p.why, p.definition "
			   "FROM mls.mart_plan($1, $2) p",
			   mls_arg_int8(run->sub->id), mls_arg_int8(work->upto));
	before = MemoryContextSwitchTo(run->context);
	work->since = mls_int8_at(0, 1);
	work->day = mls_text_at(0, 2);
	work->why = run->task->full ? "it was asked for" : mls_text_at(0, 3);
	work->definition = mls_text_at(0, 4);
	MemoryContextSwitchTo(before);
}

/* How many keys are worth looking at one by one. */
static int64
most_keys(const MlsRun *run)
{
	mls_select("SELECT coalesce(m.listings, 0) FROM mls.mart m WHERE m.id = $1",
			   mls_arg_int8(run->sub->id));
	return Max(mls_int8_at(0, 1) * MOST_CHANGED, 100);
}

/* Whether all changes of a resource are noted as events. */
static bool
is_noted(const char *resource)
{
	mls_select("SELECT coalesce(mls.mart_notes(mls.gold_table($1)), false)",
			   mls_arg_text(resource));
	return mls_bool_at(0, 1);
}

/* Keys of a resource that changed (an array), or NULL when they are too many. */
static MlsArg
changed_keys(const MlsRun *run, const char *resource)
{
	const MartRun *work = run->state;
	MlsArg keys = mls_arg_null(TEXTARRAYOID);
	int64 most = most_keys(run);

	mls_sql_control(SPI_OK_SELECT,
					"SELECT pg_catalog.count(*), coalesce(pg_catalog.array_agg(e.key), '{}') FROM "
					"(SELECT e.key FROM mls.entity_event e WHERE e.resource = $4 "
					"AND e.sequence > $1 AND e.sequence <= $2 LIMIT $3) e",
					mls_arg_int8(work->since), mls_arg_int8(work->upto), mls_arg_int8(most + 1),
					mls_arg_text(resource));
	if (mls_int8_at(0, 1) <= most)
		keys.value = mls_cell(SPI_tuptable, 0, 2, &keys.isnull);
	return keys;
}

/* Keys of listings of which HistoryTransactional says something else than before. */
static MlsArg
retold_listings(const MlsRun *run)
{
	const MartRun *work = run->state;
	MlsArg keys = mls_arg_null(TEXTARRAYOID);

	if (is_noted("HistoryTransactional"))
		mls_sql_control(
			SPI_OK_SELECT,
			"SELECT coalesce(pg_catalog.array_agg(DISTINCT pg_catalog.substr(p, 10)), '{}') "
			"FROM mls.entity_event e, pg_catalog.unnest(e.parents) p "
			"WHERE e.resource = 'HistoryTransactional' AND e.sequence > $1 AND e.sequence <= $2 "
			"AND pg_catalog.starts_with(p, 'Property/')",
			mls_arg_int8(work->since), mls_arg_int8(work->upto));
	else
		mls_select("SELECT mls.mart_retold($1)", mls_arg_int8(run->sub->id));
	keys.value = mls_cell(SPI_tuptable, 0, 1, &keys.isnull);
	return keys;
}

/* Keys of listings that have changed or whose history has (an array), or NULL when all is to be
 * computed. */
static MlsArg
changed_listings(MlsRun *run)
{
	MartRun *work = run->state;
	MlsArg keys = mls_arg_null(TEXTARRAYOID);

	if (work->why != NULL)
		return keys;
	keys = changed_keys(run, "Property");
	if (!keys.isnull)
	{
		int64 most = most_keys(run);

		mls_select("SELECT CASE WHEN pg_catalog.cardinality(k.keys) <= $3 THEN k.keys END FROM "
				   "(SELECT ARRAY(SELECT pg_catalog.unnest($1) UNION SELECT pg_catalog.unnest($2)) "
				   "AS keys) k",
				   keys, retold_listings(run), mls_arg_int8(most));
		keys.value = mls_cell(SPI_tuptable, 0, 1, &keys.isnull);
	}
	if (keys.isnull)
		work->why = "much has changed";
	return keys;
}

/* Members and the like, which are copied as they are; returns how many differ. */
static int64
fill_records(MlsRun *run)
{
	static const char *const records[][2] = {{"dim_member", "Member"},
											 {"dim_office", "Office"},
											 {"fct_showing", "ShowingAppointment"},
											 {"fct_open_house", "OpenHouse"}};
	const MartRun *work = run->state;
	MlsArg id = mls_arg_int8(run->sub->id);
	int64 changed = 0;

	for (size_t i = 0; i < lengthof(records); i++)
	{
		MlsArg relation = mls_arg_text(records[i][0]);
		MlsArg resource = mls_arg_text(records[i][1]);
		MlsArg keys = mls_arg_null(TEXTARRAYOID);
		MlsArg definition;
		bool same;

		mls_select("SELECT mls.mart_record_definition($1, $2, $3)", id, relation, resource);
		definition = mls_arg_text(mls_text_at(0, 1));
		mls_select("SELECT m.records ->> $2 = $3 FROM mls.mart m WHERE m.id = $1", id, relation,
				   definition);
		same = !definition.isnull && mls_bool_at(0, 1);
		if (same && work->why == NULL && is_noted(records[i][1]))
			keys = changed_keys(run, records[i][1]);
		mls_select("SELECT mls.mart_fill_records($1, $2, $3, $4)", id, relation, resource, keys);
		changed += mls_int8_at(0, 1);
		if (!same)
			mls_sql_control(
				SPI_OK_UPDATE,
				"UPDATE mls.mart SET records = pg_catalog.jsonb_set(records, ARRAY[$2], "
				"coalesce(pg_catalog.to_jsonb($3), 'null')) WHERE id = $1",
				id, relation, definition);
	}
	return changed;
}

static void
note_filled(const MlsRun *run)
{
	const MartRun *work = run->state;

	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.mart SET position = $2, as_of = $3::date, definition = $4, "
					"refreshed_at = pg_catalog.now(), built_at = CASE WHEN $5 THEN "
					"pg_catalog.now() ELSE built_at END, failures = 0, problem = NULL "
					"WHERE id = $1",
					mls_arg_int8(run->sub->id), mls_arg_int8(work->upto), mls_arg_text(work->day),
					mls_arg_text(work->definition), mls_arg_bool(work->why != NULL));
}

/* How many listings it has, for the next plan. */
static void
note_listings(const MlsRun *run)
{
	mls_select(psprintf("SELECT pg_catalog.count(*) FROM %s.fct_listing",
						quote_identifier(run->sub->resource)));
	mls_sql_control(SPI_OK_UPDATE, "UPDATE mls.mart SET listings = $2 WHERE id = $1",
					mls_arg_int8(run->sub->id), mls_arg_int8(mls_int8_at(0, 1)));
}

/* What data tests say of what was computed: an error if it is not to be shown. */
static void
test(MlsRun *run)
{
	MartRun *work = run->state;
	List *results = mls_mart_tests(run, run->sub->resource);
	ListCell *lc;

	foreach (lc, results)
	{
		const MlsTestResult *result = lfirst(lc);

		if (!result->holds_back)
			continue;
		work->found = results;
		ereport(ERROR, errcode(ERRCODE_CHECK_VIOLATION),
				errmsg("mart \"%s\" stays as it was: data test %s %s", run->sub->resource,
					   result->name, result->message ? "is broken" : "failed"),
				result->message
					? errdetail("%s", result->message)
					: errdetail("It found %s.", mls_counted(result->failures, "fault", "faults")),
				errhint("mls_tests has what each test has found, mls_test_failures rows at "
						"fault."));
	}
	mls_test_results_store(run, results, true);
	mls_select("SELECT mls.mart_clear($1)", mls_arg_int8(run->sub->id));
}

/* Why it is to be left as it is, in the run's context; NULL if it is not. */
static char *
held(MlsRun *run)
{
	MemoryContext before;
	char *reason;

	mls_select("SELECT m.held FROM mls.mart m WHERE m.id = $1", mls_arg_int8(run->sub->id));
	before = MemoryContextSwitchTo(run->context);
	reason = mls_text_at(0, 1);
	MemoryContextSwitchTo(before);
	return reason;
}

static void
mart_work(MlsRun *run)
{
	MartRun *work = run->state;
	MlsCounters counters = run->counters;
	MlsArg keys;

	mls_run_enter(run, "computing");
	mls_run_begin_step(run);
	work->held = held(run);
	if (work->held != NULL)
	{
		mls_run_end_step(run, &counters);
		return;
	}
	plan(run);
	keys = changed_listings(run);
	mls_select("SELECT f.listings, f.groups, f.figures FROM mls.mart_fill($1, $2::date, $3) f",
			   mls_arg_int8(run->sub->id), mls_arg_text(work->day), keys);
	counters.received = mls_int8_at(0, 1);
	counters.pages = mls_int8_at(0, 2);
	counters.updated = mls_int8_at(0, 3);
	/* What its owner has added may be made of all of that. */
	if (fill_records(run) > 0 || keys.isnull || counters.received > 0 || counters.pages > 0)
		mls_select("SELECT mls.mart_fill_own($1, $2::date, $3)", mls_arg_int8(run->sub->id),
				   mls_arg_text(work->day), keys);
	test(run);
	note_listings(run);
	note_filled(run);
	mls_run_end_step(run, &counters);
}

static const char *
mart_complete(MlsRun *run)
{
	const MartRun *work = run->state;

	if (work->held != NULL)
		mls_run_note(run, "it is held: %s", work->held);
	else if (work->why != NULL)
		mls_run_note(run, "all was computed: %s", work->why);
	return NULL;
}

static void
mart_failed(MlsRun *run)
{
	const MartRun *work = run->state;

	/* They went with what was computed. */
	if (work != NULL)
		mls_test_results_store(run, work->found, false);
	mls_sql_control(
		SPI_OK_UPDATE, "UPDATE mls.mart SET failures = failures + 1, problem = $2 WHERE id = $1",
		mls_arg_int8(run->sub->id),
		mls_arg_text(psprintf("%s%s%s", run->outcome->message, run->outcome->detail[0] ? ". " : "",
							  run->outcome->detail)));
}

const MlsProcess mls_mart_process = {
	.name = "mart",
	.beside = MLS_LOCK_MART,
	.subject = read_subject,
	.prepare = mart_prepare,
	.work = mart_work,
	.complete = mart_complete,
	.failed = mart_failed,
};
