/*
 * push.c
 *		Posting events of records to receivers (RESO RCP-28), in rounds (step/delivery.h).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/base.h"
#include "consumer/consumer.h"
#include "step/delivery.h"

PG_FUNCTION_INFO_V1(mls_push_now_sql);

typedef struct Push
{
	MlsDelivery delivery;
	char *consumer;
	int64 since;
	int64 upto;
} Push;

static Push *
push_at(uint64 row)
{
	Push *push = palloc0(sizeof(Push));
	const char *event_source = mls_text_at(row, 4);

	push->consumer = mls_text_at(row, 1);
	push->since = mls_int8_at(row, 5);
	push->upto = mls_int8_at(row, 6);
	mls_delivery_init(&push->delivery, psprintf("receiver of %s", push->consumer), "push",
					  mls_text_at(row, 2));
	push->delivery.http.auth = MLS_AUTH_BEARER;
	push->delivery.http.token = mls_text_at(row, 3);
	push->delivery.body = mls_text_at(row, 7);
	push->delivery.purpose = "the answer to events";
	push->delivery.headers = list_make1("Content-Type: application/json");
	if (event_source != NULL)
		push->delivery.headers =
			lappend(push->delivery.headers, psprintf("EntityEventSource: %s", event_source));
	return push;
}

/* Events of other roles' consumers are none of the caller's business. */
static List *
take(bool everyone)
{
	MemoryContext round = CurrentMemoryContext;
	MlsRights before;
	List *taken = NIL;

	mls_rights_enter_control(&before);
	mls_select("SELECT t.* FROM mls.push_take($1::pg_catalog.regrole) t", mls_arg_oid(before.user));
	MemoryContextSwitchTo(round);
	for (uint64 i = 0; i < SPI_processed; i++)
		taken = lappend(taken, push_at(i));
	mls_rights_leave(&before);
	return taken;
}

static void
settle(const MlsDelivery *delivery)
{
	const Push *push = (const Push *) delivery;
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT mls.push_settle($1::pg_catalog.regrole, $2, $3, $4, $5, $6, $7)",
			   mls_arg_oid(before.user), mls_arg_text(push->consumer), mls_arg_int8(push->since),
			   mls_arg_int8(push->upto),
			   delivery->status ? mls_arg_int4(delivery->status) : mls_arg_null(INT4OID),
			   delivery->retry_after_s >= 0 ? mls_arg_int8(delivery->retry_after_s)
											: mls_arg_null(INT8OID),
			   mls_arg_text(delivery->error));
	mls_rights_leave(&before);
}

static const MlsDeliveryKind push_kind = {.name = "push",
										  .of = "events",
										  .worker = "mls_push_worker_main",
										  .take = take,
										  .settle = settle};

void
mls_push_deliver(int seconds)
{
	mls_deliver(&push_kind, false, seconds);
}

void
mls_push_worker_main(Datum argument)
{
	mls_delivery_worker(&push_kind);
}

/* mls.push_now(seconds) */
Datum
mls_push_now_sql(PG_FUNCTION_ARGS)
{
	mls_deliver_by_worker(&push_kind, PG_GETARG_INT32(0));
	PG_RETURN_VOID();
}
