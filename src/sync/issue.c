/*
 * issue.c
 *		What did not fit, on its way into mls.issue: values that became NULL, and
 *		records that could not be kept.
 *
 * Collected during a batch in a relation of its own and written with it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "sync/sync.h"

/* How much of a key, of a value and of a reason an issue keeps; all of them stand in an index. */
#define ISSUE_LENGTH 200
#define REASON_LENGTH 300

struct MlsIssues
{
	const MlsSubscription *sub;
	int64 run;
	MlsRelay relay;
	SPIPlanPtr store; /* NULL before the first */
	int64 rejected;
	char first_rejected[REASON_LENGTH + 1];
};

static TupleDesc
issue_desc(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(4);

	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "field", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 3, "value", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 4, "reason", TEXTOID, -1, 0);
	return desc;
}

/* For a run of a subscription; lives in CurrentMemoryContext. */
MlsIssues *
mls_issues_begin(const MlsSubscription *sub, int64 run)
{
	MlsIssues *issues = palloc0(sizeof(MlsIssues));

	issues->sub = sub;
	issues->run = run;
	issues->relay = (MlsRelay){.name = "mls_issues", .desc = issue_desc()};
	return issues;
}

/* Begins a batch. */
void
mls_issues_open(MlsIssues *issues)
{
	mls_relay_open(&issues->relay);
}

static Datum
clipped_text(const char *text, int length, int limit)
{
	return PointerGetDatum(cstring_to_text_with_len(text, pg_mbcliplen(text, length, limit)));
}

/* key, field and value may be NULL; length is the value's. */
void
mls_issues_put(MlsIssues *issues, const char *key, const char *field, const char *value, int length,
			   const char *reason)
{
	Datum values[4] = {0};
	bool isnull[4] = {key == NULL, field == NULL, value == NULL, false};

	if (key != NULL)
		values[0] = clipped_text(key, strlen(key), ISSUE_LENGTH);
	if (field != NULL)
		values[1] = CStringGetTextDatum(field);
	if (value != NULL)
		values[2] = clipped_text(value, length, ISSUE_LENGTH);
	values[3] = clipped_text(reason, strlen(reason), REASON_LENGTH);
	mls_relay_put(&issues->relay, values, isnull);
}

/* A record that cannot be kept: likewise, and counted. */
void
mls_issues_reject(MlsIssues *issues, const char *key, const char *field, const MlsRecord *record,
				  const char *reason)
{
	mls_issues_put(issues, key, field, record->json, record->length, reason);
	if (issues->rejected++ == 0)
		strlcpy(issues->first_rejected, reason,
				pg_mbcliplen(reason, strlen(reason), REASON_LENGTH) + 1);
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

/* Writes what the batch has brought; returns how many. */
int64
mls_issues_store(MlsIssues *issues)
{
	if (issues->relay.rows == 0)
		return 0;
	if (issues->store == NULL)
		issues->store = mls_plan_prepare(psprintf(
			"INSERT INTO mls.issue AS i (subscription, run_id, key, field, value, reason) "
			"SELECT DISTINCT ON (key, field, reason) " INT64_FORMAT ", " INT64_FORMAT
			", key, field, value, reason FROM mls_issues "
			"ON CONFLICT (subscription, key, field, reason) DO UPDATE SET "
			"run_id = excluded.run_id, value = excluded.value, last_seen = pg_catalog.now(), "
			"times = i.times + 1",
			issues->sub->id, issues->run));
	mls_plan_run(issues->store, SPI_OK_INSERT);
	return issues->relay.rows;
}

void
mls_issues_end(MlsIssues *issues)
{
	mls_plan_free(issues->store);
}
