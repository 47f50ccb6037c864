/*
 * settings_check.c
 *		At the start of a sync: what the source says of its settings, such as the
 *		units of its areas.
 *
 * It is asked when its last answer is as old as the server option whole_interval
 * allows, when everything is read again, and when its address has changed: once
 * in a process, by subscriptions that fill gold.  What it says is a setting of
 * the mapping, weaker than the user's own; so gold is made anew where it changes.
 *
 * A source that does not say it, or cannot be asked, is synced all the same.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/lsyscache.h"

#include "drift/drift.h"
#include "http/url.h"

/* After a failure; an interval that is shorter holds. */
#define RETRY_FAILED_S 3600

/* The server this process has asked last. */
static Oid asked;

/* What the run is to ask, if it is: the source; else NULL. */
static const MlsSource *
source_of(MlsRun *run)
{
	MlsSource *source = NULL;

	mls_transaction_begin(run->sub->owner);
	MemoryContextSwitchTo(run->context);
	if (OidIsValid(run->sub->gold) && get_rel_relkind(run->sub->foreign_table) != '\0')
		source = mls_table_get(run->sub->foreign_table, run->sub->owner, true)->source;
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	return source && source->protocol->tell ? source : NULL;
}

static bool
is_due(const MlsRun *run, const MlsSource *source)
{
	bool due;

	if (asked == source->server_id)
		return false;
	if (run->task->full)
		return true;
	mls_transaction_begin(run->sub->owner);
	mls_select("SELECT FROM mls.told WHERE source = $1 AND address = $2 AND "
			   "(asked_at > pg_catalog.now() - pg_catalog.make_interval(secs => $3) OR "
			   "failed_at > pg_catalog.now() - pg_catalog.make_interval(secs => $4))",
			   mls_arg_text(source->name), mls_arg_text(mls_url_display(source->http.url)),
			   mls_arg_int4(source->whole_s), mls_arg_int4(Min(source->whole_s, RETRY_FAILED_S)));
	due = SPI_processed == 0;
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	return due;
}

/* Errors that are meant for the run: cancel, quota, memory. */
static bool
ends_run(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_OPERATOR_INTERVENTION || category == ERRCODE_INSUFFICIENT_RESOURCES;
}

/* What the source says; NULL, with the error, if it could not be asked. */
static MlsTold *
ask(MlsRun *run, const MlsSource *source, ErrorData **error)
{
	MlsTold *volatile told = NULL;
	MlsSource patient = *source;

	/* Records are waiting. */
	patient.http.retries = Min(source->http.retries, 1);
	PG_TRY();
	{
		StartTransactionCommand();
		MemoryContextSwitchTo(run->context);
		told = source->protocol->tell(&patient, &run->schema_spent);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		if (ends_run(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(run->context);
		*error = CopyErrorData();
		FlushErrorState();
		mls_http_forget_failure();
		AbortOutOfAnyTransaction();
		told = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(run->context);
	return told;
}

/* Keeps the answer.  Without one what was known stays, if the address is the same. */
static void
keep(MlsRun *run, const MlsSource *source, const char *settings, const char *problem, bool failed)
{
	mls_transaction_begin(run->sub->owner);
	mls_sql_control(
		SPI_OK_INSERT,
		"INSERT INTO mls.told AS t (source, address, asked_at, failed_at, problem, settings) "
		"VALUES ($1, $2, CASE WHEN NOT $5 THEN pg_catalog.clock_timestamp() END, "
		"CASE WHEN $5 THEN pg_catalog.clock_timestamp() END, $4, "
		"coalesce($3, '{}')::pg_catalog.jsonb) "
		"ON CONFLICT (source) DO UPDATE SET address = excluded.address, "
		"asked_at = CASE WHEN NOT $5 THEN excluded.asked_at "
		"WHEN t.address = excluded.address THEN t.asked_at END, "
		"failed_at = excluded.failed_at, problem = excluded.problem, "
		"settings = CASE WHEN $3 IS NULL AND t.address = excluded.address "
		"THEN t.settings ELSE excluded.settings END",
		mls_arg_text(source->name), mls_arg_text(mls_url_display(source->http.url)),
		mls_arg_text(settings), mls_arg_text(problem), mls_arg_bool(failed));
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

/* The units in force may not be the source's. */
static void
warn(const MlsRun *run, const char *problem)
{
	ereport(WARNING, errmsg("could not learn all settings of source \"%s\"", run->sub->source),
			errdetail_internal("%s", problem),
			errhint("See the item units of mls_check(%s); mls_map_setting() sets what is missing.",
					quote_literal_cstr(run->sub->source)));
}

/* At the start of a run, outside transactions. */
void
mls_source_settings_check(MlsRun *run)
{
	const MlsSource *source;
	ErrorData *error = NULL;
	MlsTold *told;
	char *problem;

	if (run->task->process != MLS_PROCESS_SYNC || run->task->dry_run)
		return;
	source = source_of(run);
	if (source == NULL || !is_due(run, source))
		return;
	asked = source->server_id;
	told = ask(run, source, &error);
	problem = told ? mls_told_problem(told) : error->message;
	keep(run, source, told ? mls_told_json(told) : NULL, problem, told == NULL);
	if (problem != NULL && (told == NULL || told->refusal == NULL))
		warn(run, problem);
}
