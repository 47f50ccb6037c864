/*
 * webhook.c
 *		Posting what has happened to the webhook of a source.
 *
 * Events wait in mls.webhook, where a trigger puts them in the transaction they
 * are about; so none is lost, and none is told that did not happen.  After a run
 * its worker posts what is due, oldest first, outside transactions and with
 * little patience: whoever waits for the run waits for a few seconds at most, and
 * no failure here is a failure of the run.  An event is taken from the queue when
 * the receiver has answered; after a crash in between it is posted again, under
 * the same number.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "monitor/monitor.h"
#include "step/delivery.h"
#include "step/issue.h"
#include "step/transaction.h"

/* What a receiver gets: time for one delivery, and what may come in answer. */
#define CONNECT_TIMEOUT_MS 2000
#define DEADLINE_MS 5000
#define ANSWER_BYTES (64 * 1024)

/* After so long a worker has other things to do. */
#define BUDGET_MS 10000

/* What waits longer, or is more than so many behind, is given up. */
#define RETENTION "interval '3 days'"
#define MOST_WAITING "1000"

typedef struct Hook
{
	const MlsSubscription *sub;
	const MlsSource *source;
	MlsHttpSource http; /* the receiver, as a source of its own without quota and login */
	MemoryContext context;
	int64 id; /* of the delivery at hand */
	char *body;
	char *signature; /* header with that of the body, or NULL */
	char *error;     /* why it failed, or NULL */
	int status;      /* of the answer, or 0 */
} Hook;

/* ---- The queue ---- */

/* For all of the source that is the same role's: another has a secret of its own. */
static void
execute_for_source(const Hook *hook, const char *sql, int expected)
{
	mls_sql_control(expected, sql, mls_arg_text(hook->sub->source), mls_arg_oid(hook->sub->owner));
}

/* Gives up what is too old or too much; an issue says so. */
static void
prune(const Hook *hook)
{
	SPITupleTable *lost;

	execute_for_source(
		hook,
		"WITH waiting AS (SELECT w.id, row_number() OVER (ORDER BY w.id DESC) AS place "
		"FROM mls.webhook w JOIN mls.subscription s ON s.id = w.subscription "
		"WHERE s.source = $1 AND s.owner::oid = $2), "
		"gone AS (DELETE FROM mls.webhook w USING waiting p WHERE p.id = w.id "
		"AND (p.place > " MOST_WAITING " OR w.created_at < now() - " RETENTION ") "
		"RETURNING w.subscription) "
		"SELECT DISTINCT subscription FROM gone",
		SPI_OK_SELECT);
	lost = SPI_tuptable;
	for (uint64 i = 0; i < lost->numvals; i++)
		mls_issue_open(mls_cell_int8(lost, i, 1), 0, MLS_ISSUE_WEBHOOK, NULL, NULL, NULL,
					   "the webhook did not take all events");
}

/*
 * Takes the oldest event if it is due.  It comes due again some time later,
 * unless it is delivered until then: so another worker leaves it alone, and a
 * crash does not lose it.
 */
static bool
take(Hook *hook)
{
	execute_for_source(
		hook,
		"UPDATE mls.webhook SET attempts = attempts + 1, next_attempt_at = "
		"now() + least(interval '1 minute' * 2 ^ least(attempts, 6), interval '1 hour') "
		"WHERE next_attempt_at <= now() AND id = "
		"(SELECT w.id FROM mls.webhook w JOIN mls.subscription s ON s.id = w.subscription "
		"WHERE s.source = $1 AND s.owner::oid = $2 ORDER BY w.id LIMIT 1 FOR UPDATE OF w) "
		"RETURNING id, body",
		SPI_OK_UPDATE_RETURNING);
	if (SPI_processed == 0)
		return false;
	hook->id = mls_int8_at(0, 1);
	hook->body = mls_text_at(0, 2);
	hook->signature = hook->source->webhook_secret
						  ? mls_delivery_signature(hook->source->webhook_secret, hook->body)
						  : NULL;
	return true;
}

static bool
is_taken(const Hook *hook)
{
	return hook->error == NULL && hook->status >= 200 && hook->status < 300;
}

/* Deletes what was delivered, and notes why something was not. */
static void
settle(const Hook *hook)
{
	if (is_taken(hook))
	{
		mls_sql_control(SPI_OK_DELETE, "DELETE FROM mls.webhook WHERE id = $1",
						mls_arg_int8(hook->id));
		execute_for_source(hook,
						   "UPDATE mls.issue i SET solved_at = now() FROM mls.subscription s "
						   "WHERE s.id = i.subscription AND s.source = $1 AND s.owner::oid = $2 "
						   "AND i.solved_at IS NULL "
						   "AND i.kind = '" MLS_ISSUE_WEBHOOK "'",
						   SPI_OK_UPDATE);
		return;
	}
	mls_sql_control(
		SPI_OK_UPDATE, "UPDATE mls.webhook SET last_error = $2 WHERE id = $1",
		mls_arg_int8(hook->id),
		mls_arg_text(hook->error ? hook->error
								 : psprintf("the receiver answered with status %d", hook->status)));
}

/* ---- The request ---- */

static void
describe_receiver(Hook *hook)
{
	const MlsHttpSource *http = &hook->source->http;

	hook->http = (MlsHttpSource){.name = psprintf("webhook of %s", http->name),
								 .quota = "webhook",
								 .url = hook->source->webhook,
								 .auth = MLS_AUTH_NONE,
								 .user_agent = http->user_agent,
								 .ca_file = http->ca_file,
								 .proxy = http->proxy,
								 .connect_timeout_ms = CONNECT_TIMEOUT_MS,
								 .timeout_ms = DEADLINE_MS,
								 .deadline_ms = DEADLINE_MS,
								 .max_page_bytes = ANSWER_BYTES};
}

static void
post(Hook *hook)
{
	MlsHttpStats stats = {0};
	MlsHttpCall call = {.method = "POST",
						.url = hook->source->webhook,
						.body = hook->body,
						.purpose = "the answer to a delivery",
						.answers = true};

	call.headers = list_make2("Content-Type: application/json",
							  psprintf("X-Mls-Delivery: " INT64_FORMAT, hook->id));
	if (hook->signature != NULL)
		call.headers = lappend(call.headers, hook->signature);
	hook->status = mls_http_fetch(&hook->http, &call, &stats)->status;
}

/* A failure is kept; the next attempt may do better. */
static void
try_to_post(Hook *hook)
{
	hook->error = NULL;
	hook->status = 0;
	PG_TRY();
	{
		post(hook);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(hook->context);
		error = CopyErrorData();
		FlushErrorState();
		hook->error = psprintf("%s%s%s", error->message, error->detail ? ". " : "",
							   error->detail ? error->detail : "");
	}
	PG_END_TRY();
	MemoryContextSwitchTo(hook->context);
}

/* ---- After a run ---- */

/* The subscription, if the role of this process may work on it; else NULL. */
static const MlsSubscription *
own_subscription(const Hook *hook, int64 id)
{
	const MlsSubscription *sub;

	mls_transaction_begin(GetUserId());
	MemoryContextSwitchTo(hook->context);
	sub = mls_subscription_by_id(id);
	if (sub != NULL && !has_privs_of_role(GetUserId(), sub->owner))
		sub = NULL;
	mls_transaction_commit();
	MemoryContextSwitchTo(hook->context);
	return sub;
}

/* Reads where the events go; false if there is no webhook. */
static bool
look(Hook *hook, int64 subscription)
{
	bool found = false;

	hook->sub = own_subscription(hook, subscription);
	if (hook->sub == NULL)
		return false;
	mls_transaction_begin(hook->sub->owner);
	MemoryContextSwitchTo(hook->context);
	if (get_rel_relkind(hook->sub->foreign_table) == RELKIND_FOREIGN_TABLE)
	{
		hook->source = mls_table_get(hook->sub->foreign_table, hook->sub->owner, false)->source;
		found = hook->source->webhook != NULL;
	}
	if (found)
		prune(hook);
	else
		mls_issue_solve(hook->sub->id, MLS_ISSUE_WEBHOOK, NIL, NULL);
	mls_transaction_commit();
	MemoryContextSwitchTo(hook->context);
	return found;
}

/* Posts the oldest event; false if there is none due, or it was not taken. */
static bool
deliver_next(Hook *hook)
{
	bool found;

	mls_transaction_begin(hook->sub->owner);
	MemoryContextSwitchTo(hook->context);
	found = take(hook);
	mls_transaction_commit();
	MemoryContextSwitchTo(hook->context);
	if (!found)
		return false;

	try_to_post(hook);
	mls_transaction_begin(hook->sub->owner);
	settle(hook);
	mls_transaction_commit();
	MemoryContextSwitchTo(hook->context);
	return is_taken(hook);
}

static void
deliver_all(Hook *hook, int64 subscription)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), BUDGET_MS);

	if (!look(hook, subscription))
		return;
	describe_receiver(hook);
	while (GetCurrentTimestamp() < until && deliver_next(hook))
		CHECK_FOR_INTERRUPTS();
}

/*
 * Delivers the events of a subscription's source.  Outside transactions; raises
 * no error.
 */
void
mls_webhook_deliver(int64 subscription)
{
	MemoryContext before = CurrentMemoryContext;
	Hook hook = {NULL};

	hook.context =
		AllocSetContextCreate(TopMemoryContext, "mls_fdw webhook", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(hook.context);
	PG_TRY();
	{
		deliver_all(&hook, subscription);
	}
	PG_CATCH();
	{
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
	MemoryContextDelete(hook.context);
}
