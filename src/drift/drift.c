/*
 * drift.c
 *		At the start of a sync: has the remote schema changed, and what then?
 *
 * The metadata of a source is fetched when the last comparison is older than the
 * server option schema_check_interval, once for all subscriptions of a process.
 * What was found is kept as issues, and by the option schema_policy the tables
 * follow (alter_tables.c), or stay, or the run ends with an error.
 *
 * Metadata that cannot be fetched is no reason not to sync: records are what
 * matters.  It is an issue, and tried again some time later.
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "drift/drift.h"
#include "protocol/ledger.h"
#include "step/issue.h"
#include "subscription/subscription.h"

/* After metadata could not be read; an interval that is shorter holds. */
#define RETRY_FAILED_S 3600

/* Who reads the tables waits no longer for us than this, and we not for them. */
#define LOCK_TIMEOUT "200ms"
#define LOCK_ATTEMPTS 3
#define LOCK_PAUSE_MS 300

/* So many differences are named in an error or a note. */
#define MAX_NAMED 10

/* The metadata this process has read last, or why it could not. */
static struct
{
	Oid server;
	Oid mapping;
	MemoryContext context;
	MlsRemoteSchema *schema;
	ErrorData *error;
} described;

/* ---- Is a comparison due? ---- */

static bool
is_older(TimestampTz at, int64 seconds)
{
	return GetCurrentTimestamp() - at >= seconds * USECS_PER_SEC;
}

static bool
is_due(const MlsKnown *known, const MlsSource *source)
{
	int interval = source->schema_check_s;

	if (known->failed_at != 0 && !is_older(known->failed_at, Min(interval, RETRY_FAILED_S)))
		return false;
	return known->checked_at == 0 || is_older(known->checked_at, interval);
}

/* The foreign table, and what is known of its resource; NULL if it was dropped. */
static MlsTable *
look(MlsRun *run, MlsKnown *known)
{
	MlsTable *table = NULL;

	mls_transaction_begin(run->sub->owner);
	MemoryContextSwitchTo(run->context);
	if (get_rel_relkind(run->sub->foreign_table) != '\0')
	{
		table = mls_table_get(run->sub->foreign_table, run->sub->owner, true);
		*known = mls_known_read(run->sub->id);
	}
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	return table;
}

/* ---- Fetching ---- */

/* Errors that are meant for the run: cancel, credentials, quota, memory. */
static bool
ends_run(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_OPERATOR_INTERVENTION ||
		   category == ERRCODE_INSUFFICIENT_RESOURCES ||
		   category == ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
}

/* The metadata came, but cannot be read. */
static bool
is_malformed(int sqlstate)
{
	return sqlstate == ERRCODE_FDW_REPLY_HANDLE || sqlstate == ERRCODE_FDW_SCHEMA_NOT_FOUND ||
		   sqlstate == ERRCODE_FDW_INVALID_DATA_TYPE_DESCRIPTORS;
}

/*
 * Reading metadata looks at types, and so needs a transaction; without a
 * snapshot it holds nothing back while the network is waited for.
 */
static void
describe(MlsRun *run, const MlsSource *source)
{
	MemoryContext before = CurrentMemoryContext;
	MlsSource patient = *source;

	/* Records are waiting. */
	patient.http.retries = Min(source->http.retries, 1);
	PG_TRY();
	{
		StartTransactionCommand();
		MemoryContextSwitchTo(described.context);
		described.schema = source->protocol->describe(&patient, &run->schema_spent);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		if (ends_run(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(described.context);
		described.error = CopyErrorData();
		FlushErrorState();
		mls_http_forget_failure();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
}

/* Makes `described` hold what the source says of itself, asked for once in a process. */
static void
require_description(MlsRun *run, const MlsSource *source)
{
	if (described.context != NULL && described.server == source->server_id &&
		described.mapping == source->http.mapping_id &&
		(described.schema != NULL || described.error != NULL))
		return;
	if (described.context != NULL)
		MemoryContextDelete(described.context);
	described.schema = NULL;
	described.error = NULL;
	described.server = source->server_id;
	described.mapping = source->http.mapping_id;
	described.context =
		AllocSetContextCreate(TopMemoryContext, "mls_fdw metadata", ALLOCSET_DEFAULT_SIZES);
	/* What is read for it is what the sync that follows wants. */
	if (mls_kept_files == NULL)
		mls_keep_files(described.context);
	describe(run, source);
}

/* ---- Comparing ---- */

static void
add_remark(MlsRun *run, const char *remark)
{
	MemoryContext before = MemoryContextSwitchTo(run->context);

	run->remark = run->remark ? psprintf("%s; %s", run->remark, remark) : pstrdup(remark);
	MemoryContextSwitchTo(before);
}

/* In a transaction of its own. */
static void
keep_issue(MlsRun *run, const char *reason, bool failed)
{
	mls_transaction_begin(run->sub->owner);
	mls_issue_open(run->sub->id, run->id, failed ? MLS_ISSUE_UNCHECKED : MLS_ISSUE_FOLLOWING, NULL,
				   NULL, NULL, reason);
	if (failed)
		mls_known_fail(run->sub->id);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

static void
note_unchecked(MlsRun *run, const char *reason)
{
	keep_issue(run, reason, true);
	add_remark(run, reason);
	ereport(WARNING,
			errmsg("could not check the schema of resource \"%s\" of source \"%s\"",
				   run->sub->resource, run->sub->source),
			errdetail_internal("%s", reason));
}

/* The metadata could not be read. */
static void
note_failure(MlsRun *run, const MlsSource *source)
{
	const ErrorData *error = described.error;
	char *reason = psprintf("the remote schema was not checked: %s%s%s", error->message,
							error->detail ? ". " : "", error->detail ? error->detail : "");

	if (source->schema_policy == MLS_SCHEMA_STOP && is_malformed(error->sqlerrcode))
		ReThrowError(described.error);
	note_unchecked(run, reason);
}

/* Differences one after another, cut. */
static char *
list_differences(List *differences)
{
	int rest = list_length(differences) - MAX_NAMED;
	StringInfoData list;
	ListCell *lc;

	initStringInfo(&list);
	foreach (lc, differences)
	{
		if (foreach_current_index(lc) == MAX_NAMED)
			break;
		appendStringInfo(&list, "%s%s", list.len ? "; " : "",
						 ((MlsDifference *) lfirst(lc))->message);
	}
	if (rest > 0)
		appendStringInfo(&list, "; and %d more", rest);
	return list.data;
}

pg_noreturn static void
stop(const MlsRun *run, List *differences)
{
	ereport(ERROR, errcode(ERRCODE_FDW_INCONSISTENT_DESCRIPTOR_INFORMATION),
			errmsg("the schema of resource \"%s\" of source \"%s\" has changed", run->sub->resource,
				   run->sub->source),
			errdetail_internal("%s", list_differences(differences)),
			errhint("Accept it with mls_schema_accept(%s, %s), which adds columns for new fields.",
					quote_literal_cstr(run->sub->source), quote_literal_cstr(run->sub->resource)));
}

/*
 * The worker's settings favour ways through indexes, of which a declaration has
 * none.  And a nested loop over tens of thousands of values on both sides takes
 * minutes; how many there are, no estimate tells when the plan is made.
 */
static void
prefer_set_joins(void)
{
	static const char *const settings[][2] = {{"enable_seqscan", "on"},
											  {"enable_hashjoin", "on"},
											  {"enable_mergejoin", "on"},
											  {"enable_nestloop", "off"}};

	for (int i = 0; i < lengthof(settings); i++)
		set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
						  GUC_ACTION_SAVE, true, 0, false);
}

/* Compares with what is known and, unless the run is to stop, learns it.  Differences found. */
static List *
compare(MlsRun *run, const MlsSource *source)
{
	const MlsRemoteResource *resource = mls_schema_resource(described.schema, run->sub->resource);
	List *differences;

	mls_transaction_begin(run->sub->owner);
	prefer_set_joins();
	MemoryContextSwitchTo(run->context);
	mls_remote_open(resource);
	differences = mls_remote_compare(run->sub, resource);
	mls_remote_record(run->sub, run->id, differences);
	mls_remote_record_open(run->sub, run->id, resource);
	if (differences == NIL || source->schema_policy != MLS_SCHEMA_STOP)
		mls_remote_learn(run->sub, resource);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	return differences;
}

/* True if something was found that the tables could follow. */
static bool
check(MlsRun *run, const MlsSource *source)
{
	List *differences;

	require_description(run, source);
	if (described.schema == NULL)
	{
		note_failure(run, source);
		return false;
	}
	if (mls_remote_hidden(described.schema, run->sub->resource))
	{
		const char *why = mls_schema_left_out(described.schema, run->sub->resource);

		note_unchecked(
			run,
			psprintf("the remote schema was not checked: %s",
					 why ? psprintf("the metadata cannot be read for this resource, since %s", why)
						 : "this login may not see its metadata"));
		return false;
	}
	differences = compare(run, source);
	if (differences == NIL)
		return false;
	if (source->schema_policy == MLS_SCHEMA_STOP)
		stop(run, differences);
	add_remark(run, list_differences(differences));
	return true;
}

/* ---- Following ---- */

/* One attempt; NULL, or why the tables could not follow. */
static ErrorData *
try_to_follow(MlsRun *run)
{
	ErrorData *volatile error = NULL;

	PG_TRY();
	{
		int added;

		mls_transaction_begin(run->sub->owner);
		set_config_option("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
						  true, 0, false);
		added = mls_alter_tables(run->sub, run->id);
		mls_issue_solve(run->sub->id, MLS_ISSUE_FOLLOWING, NIL, NULL);
		mls_transaction_commit();
		run->sub->fills |= added > 0;
		if (added > 0)
			add_remark(run, mls_counted(added, "column was added", "columns were added"));
	}
	PG_CATCH();
	{
		if (ends_run(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(run->context);
		error = CopyErrorData();
		FlushErrorState();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(run->context);
	return error;
}

static bool
is_busy(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		   error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;
}

static void
pause_ms(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Lets the tables follow; what cannot be done now is left to the next run. */
static void
follow(MlsRun *run)
{
	ErrorData *error = try_to_follow(run);
	char *reason;

	for (int i = 1; error != NULL && is_busy(error) && i < LOCK_ATTEMPTS; i++)
	{
		pause_ms(LOCK_PAUSE_MS);
		error = try_to_follow(run);
	}
	if (error == NULL)
		return;
	reason = psprintf("the tables do not follow the remote schema yet: %s", error->message);
	keep_issue(run, reason, false);
	add_remark(run, reason);
}

/* ---- Keys of another type ---- */

/* Are literals of both types written alike, and in one order? */
static bool
is_alike(Oid a, Oid b)
{
	char categories[2];
	bool preferred;

	get_type_category_preferred(getBaseType(a), &categories[0], &preferred);
	get_type_category_preferred(getBaseType(b), &categories[1], &preferred);
	return categories[0] == categories[1];
}

/*
 * A field whose type has changed keeps its column, and what does not fit becomes null.
 * Not so a key: conditions on it would be refused, records could not be stored, and
 * those that are here would be taken for gone.  So nothing is done before the column has
 * followed, which is for its owner to decide: views and programs know it.
 */
static void
require_key_types(const MlsRun *run, const MlsTable *table)
{
	mls_transaction_begin(run->sub->owner);
	mls_select("SELECT field, former_type, coalesce(type, pg_type::text), pg_type::oid "
			   "FROM mls.remote_field WHERE subscription = $1 AND former_type IS NOT NULL "
			   "AND removed_at IS NULL ORDER BY field",
			   mls_arg_int8(run->sub->id));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		const char *field = mls_text_at(i, 1);
		const MlsColumn *column = mls_table_column(table, field);
		Oid type = mls_oid_at(i, 4);

		if (column && mls_table_is_key(table, field) && !is_alike(column->type, type))
			ereport(ERROR, errcode(ERRCODE_FDW_INCONSISTENT_DESCRIPTOR_INFORMATION),
					errmsg("the key of resource \"%s\" of source \"%s\" has changed its type",
						   run->sub->resource, run->sub->source),
					errdetail(
						"Field \"%s\" was of type %s and is of type %s now; column %s of foreign "
						"table %s is of type %s. Nothing was read or removed.",
						field, mls_text_at(i, 2), mls_text_at(i, 3), quote_identifier(column->name),
						table->name, format_type_be(column->type)),
					errhint("%s", mls_key_cure(run->sub, table, column, type)));
	}
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

/* At the start of a run, outside transactions. */
void
mls_drift_check(MlsRun *run)
{
	const MlsSource *source;
	const MlsTable *table;
	MlsKnown known = {0};

	if (run->task->process == MLS_PROCESS_REMAP)
		return;
	table = look(run, &known);
	if (table == NULL || table->source->schema_policy == MLS_SCHEMA_IGNORE)
		return;
	source = table->source;
	if (run->task->process == MLS_PROCESS_SYNC && !run->task->dry_run)
	{
		if (is_due(&known, source))
			known.is_pending |= check(run, source);
	}
	else
		known.is_pending = false;
	require_key_types(run, table);
	if (known.is_pending && source->schema_policy == MLS_SCHEMA_EVOLVE)
		follow(run);
}
