/*
 * delivery.c
 *		Rounds of deliveries, and the process that makes them for who waits in a transaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "step/delivery.h"
#include "step/outcome.h"
#include "step/transaction.h"

/* What a receiver gets: time for one delivery, and what may come in answer. */
#define CONNECT_TIMEOUT_MS 2000
#define DEADLINE_MS 5000
#define ANSWER_BYTES (64 * 1024)

/* Who waits for the process looks so often whether that waits for him. */
#define CHECK_INTERVAL_MS 1000

/* What the process is told. */
typedef struct DeliveryOrder
{
	Oid database;
	Oid session_user;
	Oid role;
	bool role_is_superuser;
	int seconds;
} DeliveryOrder;

void
mls_delivery_init(MlsDelivery *delivery, const char *name, const char *quota, const char *url)
{
	delivery->retry_after_s = -1;
	delivery->http = (MlsHttpSource){.name = name,
									 .quota = quota,
									 .url = url,
									 .auth = MLS_AUTH_NONE,
									 .user_agent = MLS_HTTP_USER_AGENT,
									 .connect_timeout_ms = CONNECT_TIMEOUT_MS,
									 .timeout_ms = DEADLINE_MS,
									 .deadline_ms = DEADLINE_MS,
									 .max_page_bytes = ANSWER_BYTES};
}

char *
mls_delivery_signature(const char *secret, const char *body)
{
	uint8 digest[MLS_SHA256_BYTES];

	mls_hmac_sha256(secret, strlen(secret), body, strlen(body), digest);
	return psprintf("X-Mls-Signature: sha256=%s", mls_hex(digest, sizeof(digest)));
}

/* ---- The requests ---- */

static void
start(void *argument)
{
	MlsDelivery *delivery = argument;
	MlsHttpCall call = {.method = "POST",
						.url = delivery->http.url,
						.headers = delivery->headers,
						.body = delivery->body,
						.mail = delivery->mail,
						.purpose = delivery->purpose,
						.answers = true};

	delivery->request = mls_http_start(&delivery->http, &call, &delivery->stats);
}

static void
finish(void *argument)
{
	MlsDelivery *delivery = argument;
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
attempt(MlsDelivery *delivery, void (*work)(void *argument))
{
	MemoryContext before = MemoryContextSwitchTo(delivery->context);

	PG_TRY();
	{
		work(delivery);
	}
	PG_CATCH();
	{
		ErrorData *error = mls_error_catch(delivery->context);

		delivery->error = psprintf("%s%s%s", error->message, error->detail ? ". " : "",
								   error->detail ? error->detail : "");
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
}

/* ---- Rounds ---- */

/* What is due, in a context that is there as long as the round. */
static List *
take(const MlsDeliveryKind *kind, bool everyone, MemoryContext round)
{
	List *taken;
	MemoryContext of_transaction;

	mls_transaction_begin(GetUserId());
	of_transaction = MemoryContextSwitchTo(round);
	taken = kind->take(everyone);
	MemoryContextSwitchTo(of_transaction);
	mls_transaction_commit();
	MemoryContextSwitchTo(round);
	return taken;
}

/* False: nothing was due. */
static bool
one_round(const MlsDeliveryKind *kind, bool everyone, MemoryContext round)
{
	List *taken = take(kind, everyone, round);
	ListCell *lc;

	foreach (lc, taken)
	{
		MlsDelivery *delivery = lfirst(lc);

		delivery->context =
			AllocSetContextCreate(round, "mls_fdw delivery", ALLOCSET_DEFAULT_SIZES);
		attempt(delivery, start);
	}
	foreach (lc, taken)
	{
		MlsDelivery *delivery = lfirst(lc);

		if (delivery->error == NULL)
			attempt(delivery, finish);
		mls_transaction_begin(GetUserId());
		kind->settle(delivery);
		mls_transaction_commit();
		MemoryContextSwitchTo(round);
	}
	return taken != NIL;
}

static void
deliver(const MlsDeliveryKind *kind, bool everyone, int seconds, MemoryContext round)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), (int64) seconds * 1000);
	MemoryContext before = CurrentMemoryContext;
	bool more = true;

	if (kind->begin)
	{
		mls_transaction_begin(GetUserId());
		kind->begin(everyone);
		mls_transaction_commit();
	}
	while (more && GetCurrentTimestamp() < until)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(round);
		more = one_round(kind, everyone, round);
		MemoryContextSwitchTo(before);
		MemoryContextReset(round);
	}
}

void
mls_deliver(const MlsDeliveryKind *kind, bool everyone, int seconds)
{
	MemoryContext before = CurrentMemoryContext;
	/* Requests that are under way end with it, whatever ends the round. */
	MemoryContext round =
		AllocSetContextCreate(TopMemoryContext, "mls_fdw deliveries", ALLOCSET_DEFAULT_SIZES);

	PG_TRY();
	{
		deliver(kind, everyone, seconds, round);
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
	MemoryContextDelete(round);
}

/* ---- The process ---- */

static void
set_option(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_USERSET, PGC_S_OVERRIDE);
}

/* What the caller's role has set for itself (ALTER ROLE ... SET) is not to decide over the business of others. */
static void
settle(const MlsDeliveryKind *kind)
{
	set_option("search_path", "pg_catalog, pg_temp");
	set_option("application_name", psprintf("mls_fdw %s", kind->name));
	set_option("statement_timeout", "0");
	set_option("lock_timeout", "0");
	set_option("idle_in_transaction_session_timeout", "0");
	set_option("default_transaction_read_only", "off");
	set_option("default_transaction_isolation", "read committed");
	set_option("row_security", "on");
	set_option("standard_conforming_strings", "on");
	set_option("array_nulls", "on");
	set_option("transform_null_equals", "off");
	set_option("jit", "off");
}

void
mls_delivery_worker(const MlsDeliveryKind *kind)
{
	DeliveryOrder order;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
	BackgroundWorkerInitializeConnectionByOid(order.database, order.session_user, 0);
	settle(kind);
	if (order.role != order.session_user)
		SetCurrentRoleId(order.role, order.role_is_superuser);
	mls_deliver(kind, true, order.seconds);
}

/* PG_ENSURE_ERROR_CLEANUP: whatever ends the caller ends it. */
static void
stop_worker(int code, Datum handle)
{
	TerminateBackgroundWorker((BackgroundWorkerHandle *) DatumGetPointer(handle));
}

/* Not WaitForBackgroundWorkerShutdown(): the worker may wait for the caller. */
static void
wait_for_worker(const MlsDeliveryKind *kind, BackgroundWorkerHandle *handle)
{
	for (;;)
	{
		pid_t pid;
		BgwHandleStatus status = GetBackgroundWorkerPid(handle, &pid);
		int events;

		if (status == BGWH_POSTMASTER_DIED)
			ereport(FATAL, errcode(ERRCODE_ADMIN_SHUTDOWN),
					errmsg("the server ended during a delivery of %s", kind->of));
		if (status == BGWH_STOPPED)
			return;
		events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						   CHECK_INTERVAL_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if ((events & WL_TIMEOUT) != 0 && status == BGWH_STARTED)
			mls_refuse_own_locks(pid, kind->name, psprintf("mls_%s", kind->name));
	}
}

void
mls_deliver_by_worker(const MlsDeliveryKind *kind, int seconds)
{
	DeliveryOrder order = {.database = MyDatabaseId,
						   .session_user = GetSessionUserId(),
						   .role = GetUserId(),
						   .role_is_superuser = superuser(),
						   .seconds = seconds};
	BackgroundWorkerHandle *handle;

	if (!mls_worker_start(&handle, kind->worker, (Datum) 0, &order, sizeof(order), kind->name,
						  kind->of))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("could not start a worker for %s", kind->of),
				errdetail("All background worker slots are in use."),
				errhint("Increase max_worker_processes, or try again later."));
	PG_ENSURE_ERROR_CLEANUP(stop_worker, PointerGetDatum(handle));
	{
		wait_for_worker(kind, handle);
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_worker, PointerGetDatum(handle));
}
