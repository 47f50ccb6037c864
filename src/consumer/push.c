/*
 * push.c
 *		Posting events of records to receivers (RESO RCP-28).
 *
 * In rounds: what is due is taken, one batch for each receiver, and committed as being
 * under way; all are posted at the same time, outside of transactions; what they answered
 * is noted.  So a receiver that keeps silent costs a round its patience once, and is then
 * left alone for longer and longer.  A batch that was taken while this process ended before
 * it could say so is posted again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "consumer/consumer.h"
#include "http/http.h"
#include "step/transaction.h"

PG_FUNCTION_INFO_V1(mls_push_now_sql);

/* What a receiver gets: time for one delivery, and what may come in answer. */
#define CONNECT_TIMEOUT_MS 2000
#define DEADLINE_MS 5000
#define ANSWER_BYTES (64 * 1024)

/* What a process that posts is told. */
typedef struct PushOrder
{
	Oid database;
	Oid session_user;
	Oid role;
	bool role_is_superuser;
	int seconds;
} PushOrder;

typedef struct Delivery
{
	char *consumer;
	char *event_source; /* or NULL */
	char *body;
	int64 since;
	int64 upto;
	MlsHttpSource http;
	MlsHttpStats stats;
	MlsHttpRequest *request; /* NULL once it is over */
	MemoryContext context;
	char *error;         /* why it failed, or NULL */
	int status;          /* of the answer, or 0 */
	int64 retry_after_s; /* or -1 */
} Delivery;

/* ---- What is due ---- */

static Delivery *
delivery_at(uint64 row)
{
	Delivery *delivery = palloc0(sizeof(Delivery));

	delivery->consumer = mls_text_at(row, 1);
	delivery->event_source = mls_text_at(row, 4);
	delivery->since = mls_int8_at(row, 5);
	delivery->upto = mls_int8_at(row, 6);
	delivery->body = mls_text_at(row, 7);
	delivery->retry_after_s = -1;
	delivery->http = (MlsHttpSource){.name = psprintf("receiver of %s", delivery->consumer),
									 .quota = "push",
									 .url = mls_text_at(row, 2),
									 .auth = MLS_AUTH_BEARER,
									 .token = mls_text_at(row, 3),
									 .user_agent = MLS_HTTP_USER_AGENT,
									 .connect_timeout_ms = CONNECT_TIMEOUT_MS,
									 .timeout_ms = DEADLINE_MS,
									 .deadline_ms = DEADLINE_MS,
									 .max_page_bytes = ANSWER_BYTES};
	return delivery;
}

/* Of Delivery *, in a context that is there as long as the round. */
static List *
take(MemoryContext round)
{
	MlsRights before;
	List *taken = NIL;

	mls_transaction_begin(GetUserId());
	mls_rights_enter_control(&before);
	mls_select("SELECT t.* FROM mls.push_take($1::pg_catalog.regrole) t", mls_arg_oid(before.user));
	MemoryContextSwitchTo(round);
	for (uint64 i = 0; i < SPI_processed; i++)
		taken = lappend(taken, delivery_at(i));
	mls_rights_leave(&before);
	mls_transaction_commit();
	MemoryContextSwitchTo(round);
	return taken;
}

/* ---- The requests ---- */

static void
start(void *argument)
{
	Delivery *delivery = argument;
	MlsHttpCall call = {.method = "POST",
						.url = delivery->http.url,
						.body = delivery->body,
						.purpose = "the answer to events",
						.answers = true};

	call.headers = list_make1("Content-Type: application/json");
	if (delivery->event_source != NULL)
		call.headers =
			lappend(call.headers, psprintf("EntityEventSource: %s", delivery->event_source));
	delivery->request = mls_http_start(&delivery->http, &call, &delivery->stats);
}

static void
finish(void *argument)
{
	Delivery *delivery = argument;
	MlsHttpResponse *response = mls_http_finish(delivery->request);
	const char *after = mls_http_header(response, "retry-after");
	char *end;

	delivery->status = response->status;
	if (after == NULL)
		return;
	/* Seconds, as whom we post to is told to say; a date is no more than a wish to be left alone. */
	delivery->retry_after_s = strtol(after, &end, 10);
	if (end == after || *end != '\0' || delivery->retry_after_s < 0)
		delivery->retry_after_s = -1;
}

/* A failure is kept; the next attempt may do better.  What ends the process ends it. */
static void
attempt(Delivery *delivery, void (*work)(void *argument))
{
	MemoryContext before = MemoryContextSwitchTo(delivery->context);

	PG_TRY();
	{
		work(delivery);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(delivery->context);
		error = CopyErrorData();
		FlushErrorState();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(error);
		delivery->error = psprintf("%s%s%s", error->message, error->detail ? ". " : "",
								   error->detail ? error->detail : "");
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
}

static void
settle(const Delivery *delivery)
{
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT mls.push_settle($1::pg_catalog.regrole, $2, $3, $4, $5, $6, $7)",
			   mls_arg_oid(before.user), mls_arg_text(delivery->consumer),
			   mls_arg_int8(delivery->since), mls_arg_int8(delivery->upto),
			   delivery->status ? mls_arg_int4(delivery->status) : mls_arg_null(INT4OID),
			   delivery->retry_after_s >= 0 ? mls_arg_int8(delivery->retry_after_s)
											: mls_arg_null(INT8OID),
			   mls_arg_text(delivery->error));
	mls_rights_leave(&before);
}

/* False: nothing was due. */
static bool
one_round(MemoryContext round)
{
	List *taken = take(round);
	ListCell *lc;

	foreach (lc, taken)
	{
		Delivery *delivery = lfirst(lc);

		delivery->context =
			AllocSetContextCreate(round, "mls_fdw delivery", ALLOCSET_DEFAULT_SIZES);
		attempt(delivery, start);
	}
	foreach (lc, taken)
	{
		Delivery *delivery = lfirst(lc);

		if (delivery->error == NULL)
			attempt(delivery, finish);
		mls_transaction_begin(GetUserId());
		settle(delivery);
		mls_transaction_commit();
		MemoryContextSwitchTo(round);
	}
	return taken != NIL;
}

static void
deliver(int seconds)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), (int64) seconds * 1000);
	MemoryContext before = CurrentMemoryContext;
	MemoryContext round =
		AllocSetContextCreate(TopMemoryContext, "mls_fdw push", ALLOCSET_DEFAULT_SIZES);
	bool more = true;

	while (more && GetCurrentTimestamp() < until)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(round);
		more = one_round(round);
		MemoryContextSwitchTo(before);
		MemoryContextReset(round);
	}
	MemoryContextDelete(round);
}

/* Posts what is due, outside transactions; raises no error. */
void
mls_push_deliver(int seconds)
{
	MemoryContext before = CurrentMemoryContext;

	PG_TRY();
	{
		deliver(seconds);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(before);
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
}

/* ---- A process that does it ---- */

void
mls_push_worker_main(Datum argument)
{
	PushOrder order;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
	BackgroundWorkerInitializeConnectionByOid(order.database, order.session_user, 0);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("application_name", "mls_fdw push", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("statement_timeout", "0", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("jit", "off", PGC_USERSET, PGC_S_OVERRIDE);
	if (order.role != order.session_user)
		SetCurrentRoleId(order.role, order.role_is_superuser);
	mls_push_deliver(order.seconds);
}

/* PG_ENSURE_ERROR_CLEANUP: whatever ends the caller ends it. */
static void
stop_worker(int code, Datum handle)
{
	TerminateBackgroundWorker((BackgroundWorkerHandle *) DatumGetPointer(handle));
}

/* mls.push_now(seconds) */
Datum
mls_push_now_sql(PG_FUNCTION_ARGS)
{
	PushOrder order = {.database = MyDatabaseId,
					   .session_user = GetSessionUserId(),
					   .role = GetUserId(),
					   .role_is_superuser = superuser(),
					   .seconds = PG_GETARG_INT32(0)};
	BackgroundWorkerHandle *handle;

	if (!mls_worker_start(&handle, "mls_push_worker_main", (Datum) 0, &order, sizeof(order), "push",
						  "events"))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("could not start a push worker"),
				errdetail("All background worker slots are in use."),
				errhint("Increase max_worker_processes, or try again later."));
	PG_ENSURE_ERROR_CLEANUP(stop_worker, PointerGetDatum(handle));
	{
		WaitForBackgroundWorkerShutdown(handle);
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_worker, PointerGetDatum(handle));
	PG_RETURN_VOID();
}
