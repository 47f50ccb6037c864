/*
 * source_file.c
 *		Rows of mls.file.
 *
 * A file is passed over by a sync when its row says that all of it is here, and read on behind
 * the rows that are.  So whatever takes rows away, and a reading of everything, has to say so
 * (mls_files_forget).  A file that is gone keeps its hash only if all of it is here.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "step/source_file.h"
#include "step/issue.h"

/* In the order of MlsFileState. */
static const char *const states[] = {"not_synced", "pending", "syncing",
									 "synced",     "failed",  "gone"};

static MlsFileState
state_named(const char *name)
{
	for (int i = 0; i < lengthof(states); i++)
		if (strcmp(states[i], name) == 0)
			return i;
	return MLS_FILE_NOT_SYNCED;
}

typedef struct RunLedger
{
	MlsFileLedger head;
	const MlsRun *run;
} RunLedger;

/* By the limits of the tenants that the owner is or belongs to; outside transactions. */
static const char *
refusal(MlsFileLedger *ledger, int64 bytes, int64 rows)
{
	const MlsRun *run = ((RunLedger *) ledger)->run;
	MemoryContext before = CurrentMemoryContext;
	char *why;

	mls_transaction_begin(run->sub->owner);
	mls_sql_control(SPI_OK_SELECT, "SELECT mls.take_file($1::pg_catalog.regrole, $2, $3)",
					mls_arg_oid(run->sub->owner), mls_arg_int8(bytes),
					rows < 0 ? mls_arg_null(INT8OID) : mls_arg_int8(rows));
	why = mls_text_at(0, 1);
	if (why)
		why = MemoryContextStrdup(before, why);
	mls_transaction_commit();
	MemoryContextSwitchTo(before);
	return why;
}

/* What is known from earlier runs. */
static List *
read_known(const MlsRun *run)
{
	List *known = NIL;

	mls_select("SELECT f.name, f.state, f.bytes, f.modified_at, f.sha256, f.rows, f.rejected, "
			   "f.reading, f.synced_at IS NOT NULL, f.changed_at, f.taken_rows, f.taken_bytes, "
			   "f.taken_sha256, f.first_sha256, f.validator FROM mls.file f "
			   "WHERE f.subscription = $1 ORDER BY f.name",
			   mls_arg_int8(run->sub->id));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsFileEntry *entry = palloc0(sizeof(MlsFileEntry));

		entry->name = mls_text_at(i, 1);
		entry->state = state_named(mls_text_at(i, 2));
		entry->bytes = mls_int8_at(i, 3);
		entry->modified = mls_time_at(i, 4);
		entry->sha256 = mls_text_at(i, 5);
		entry->rows = mls_int8_at(i, 6);
		entry->rejected = mls_int8_at(i, 7);
		entry->reading = mls_text_at(i, 8);
		entry->was_whole = mls_bool_at(i, 9);
		entry->changed = mls_time_at(i, 10);
		entry->taken_rows = mls_int8_at(i, 11);
		entry->taken_bytes = mls_int8_at(i, 12);
		entry->taken_sha256 = mls_text_at(i, 13);
		entry->first_sha256 = mls_text_at(i, 14);
		entry->validator = mls_text_at(i, 15);
		known = lappend(known, entry);
	}
	return known;
}

void
mls_files_begin(MlsRun *run)
{
	RunLedger *ledger;

	if (!run->table->source->protocol->keeps_files)
		return;
	ledger = MemoryContextAllocZero(run->context, sizeof(RunLedger));
	ledger->head.context = run->context;
	ledger->head.refusal = refusal;
	ledger->run = run;
	mls_transaction_begin(run->sub->owner);
	MemoryContextSwitchTo(run->context);
	ledger->head.known = read_known(run);
	mls_sql_run_control("SELECT mls.drop_broken_uploads()", SPI_OK_SELECT, NULL, 0);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	run->table->files = &ledger->head;
}

bool
mls_files_have_news(const MlsRun *run)
{
	const MlsFileLedger *ledger = run->table->files;

	return ledger && (ledger->news != NIL || ledger->rejects != NIL);
}

static void
store_entry(const MlsRun *run, const MlsFileEntry *entry)
{
	mls_sql_control(
		SPI_OK_INSERT,
		"INSERT INTO mls.file AS f (subscription, name, state, bytes, modified_at, sha256, rows, "
		"rejected, reading, error, failures, run_id, changed_at, taken_rows, taken_bytes, "
		"taken_sha256, first_sha256, validator, synced_at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, ($3 = 'failed')::pg_catalog.int4, $11, "
		"$12, $13, $14, $15, $16, $17, "
		"CASE WHEN $3 = 'synced' THEN pg_catalog.clock_timestamp() END) "
		"ON CONFLICT (subscription, name) DO UPDATE SET state = excluded.state, "
		"bytes = excluded.bytes, modified_at = excluded.modified_at, "
		"changed_at = excluded.changed_at, taken_rows = excluded.taken_rows, "
		"taken_bytes = excluded.taken_bytes, taken_sha256 = excluded.taken_sha256, "
		"first_sha256 = excluded.first_sha256, validator = excluded.validator, "
		"sha256 = CASE WHEN $3 = 'gone' THEN $6 ELSE coalesce($6, f.sha256) END, "
		"rows = excluded.rows, "
		"rejected = excluded.rejected, reading = coalesce(excluded.reading, f.reading), "
		"error = excluded.error, run_id = excluded.run_id, "
		"failures = CASE excluded.state WHEN 'failed' THEN f.failures + 1 WHEN 'synced' THEN 0 "
		"ELSE f.failures END, synced_at = coalesce(excluded.synced_at, f.synced_at)",
		mls_arg_int8(run->sub->id), mls_arg_text(entry->name), mls_arg_text(states[entry->state]),
		mls_arg_int8(entry->bytes), mls_arg_time(entry->modified), mls_arg_text(entry->sha256),
		mls_arg_int8(entry->rows), mls_arg_int8(entry->rejected), mls_arg_text(entry->reading),
		mls_arg_text(entry->error), mls_arg_int8(run->id), mls_arg_time(entry->changed),
		mls_arg_int8(entry->taken_rows), mls_arg_int8(entry->taken_bytes),
		mls_arg_text(entry->taken_sha256), mls_arg_text(entry->first_sha256),
		mls_arg_text(entry->validator));
}

static void
store_reject(const MlsRun *run, const MlsFileReject *reject)
{
	char *key = psprintf("%s|" INT64_FORMAT, reject->name, reject->line);

	mls_issue_open(run->sub->id, run->id, MLS_ISSUE_FILE, key, NULL, reject->text, reject->reason);
}

/* What was wrong with the lines of a file is so no more: it is read from its beginning. */
static void
solve_rejects(const MlsRun *run, const char *name)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.issue SET solved_at = pg_catalog.now() WHERE subscription = $1 "
					"AND kind = '" MLS_ISSUE_FILE "' AND solved_at IS NULL "
					"AND pg_catalog.starts_with(key, $2 || '|') AND run_id IS DISTINCT FROM $3",
					mls_arg_int8(run->sub->id), mls_arg_text(name), mls_arg_int8(run->id));
}

void
mls_files_store(MlsRun *run)
{
	MlsFileLedger *ledger = run->table->files;
	ListCell *lc;

	if (!mls_files_have_news(run))
		return;
	foreach (lc, ledger->rejects)
		store_reject(run, lfirst(lc));
	foreach (lc, ledger->news)
	{
		const MlsFileEntry *entry = lfirst(lc);

		store_entry(run, entry);
		if (entry->state == MLS_FILE_SYNCED || entry->state == MLS_FILE_GONE)
			solve_rejects(run, entry->name);
	}
	ledger->rejects = NIL;
	ledger->news = NIL;
}

char *
mls_files_note_unread(const MlsRun *run)
{
	const MlsFileLedger *ledger = run->table->files;
	MemoryContext before = CurrentMemoryContext;
	List *names = NIL;
	List *resources = NIL;
	char *words;
	ListCell *lc;

	if (ledger == NULL || !ledger->is_listed)
		return NULL;
	foreach (lc, ledger->others)
	{
		const MlsSourceFile *file = lfirst(lc);

		names = lappend(names, unconstify(char *, file->name));
		resources = lappend(resources, unconstify(char *, file->resource));
	}
	mls_transaction_begin(run->sub->owner);
	mls_sql_control(SPI_OK_SELECT, "SELECT mls.note_unread($1, $2, $3)", mls_arg_int8(run->sub->id),
					mls_arg_list(names), mls_arg_list(resources));
	words = mls_text_at(0, 1);
	if (words)
		words = MemoryContextStrdup(before, words);
	mls_transaction_commit();
	MemoryContextSwitchTo(before);
	return words;
}

void
mls_files_require(const MlsRun *run)
{
	const MlsFileLedger *ledger = run->table->files;

	if (ledger == NULL || ledger->failed == 0)
		return;
	ereport(ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
			errmsg("%s of resource \"%s\" of source \"%s\" could not be read",
				   mls_counted(ledger->failed, "file", "files"), run->sub->resource,
				   run->sub->source),
			errdetail_internal("%s", ledger->failure),
			errhint("%s%sWhat the other files hold is here; the table mls.file says what became of "
					"each.",
					ledger->advice ? ledger->advice : "", ledger->advice ? " " : ""));
}

void
mls_files_forget(int64 subscription)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.file SET "
					"state = CASE WHEN state IN ('synced', 'syncing') THEN 'not_synced' ELSE state "
					"END, sha256 = CASE state WHEN 'gone' THEN NULL ELSE sha256 END, "
					"taken_rows = 0 WHERE subscription = $1 "
					"AND (state IN ('synced', 'syncing', 'gone') OR taken_rows > 0)",
					mls_arg_int8(subscription));
}
