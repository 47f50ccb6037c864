/*
 * alert.c
 *		Looking at rules, and sending what waits for receivers of alerts.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "alert/alert.h"
#include "base/base.h"
#include "step/delivery.h"

PG_FUNCTION_INFO_V1(mls_alert_now_sql);

typedef struct Notice
{
	MlsDelivery delivery;
	MlsHttpMail mail;
	int64 id;
	char *receiver;
} Notice;

static void
look(bool everyone)
{
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT mls.alert_look($1::pg_catalog.regrole, $2)", mls_arg_oid(before.user),
			   mls_arg_bool(everyone));
	mls_rights_leave(&before);
}

/* What blanks separate; NIL of NULL. */
static List *
addresses(char *text)
{
	List *list = NIL;
	char *rest = text;

	for (char *one; text != NULL && (one = strtok_r(rest, " ", &rest)) != NULL;)
		list = lappend(list, one);
	return list;
}

static Notice *
notice_at(uint64 row)
{
	Notice *notice = palloc0(sizeof(Notice));
	MlsDelivery *delivery = &notice->delivery;
	const char *secret = mls_text_at(row, 5);
	List *recipients = addresses(mls_text_at(row, 9));

	notice->id = mls_int8_at(row, 1);
	notice->receiver = mls_text_at(row, 2);
	mls_delivery_init(delivery, psprintf("receiver %s", notice->receiver), "alerts",
					  mls_text_at(row, 3));
	delivery->body = mls_text_at(row, 4);
	delivery->purpose = "the answer to a notice";
	delivery->http.ca_file = mls_text_at(row, 11);
	if (recipients != NIL)
	{
		delivery->http.username = mls_text_at(row, 6);
		delivery->http.password = mls_text_at(row, 7);
		notice->mail = (MlsHttpMail){
			.from = mls_text_at(row, 8), .to = recipients, .plain = mls_bool_at(row, 10)};
		delivery->mail = &notice->mail;
		return notice;
	}
	delivery->headers = list_make2("Content-Type: application/json",
								   psprintf("X-Mls-Delivery: " INT64_FORMAT, notice->id));
	if (secret != NULL)
		delivery->headers =
			lappend(delivery->headers, mls_delivery_signature(secret, delivery->body));
	return notice;
}

static List *
take(bool everyone)
{
	MemoryContext round = CurrentMemoryContext;
	MlsRights before;
	List *taken = NIL;

	mls_rights_enter_control(&before);
	mls_select("SELECT t.* FROM mls.alert_take($1::pg_catalog.regrole, $2) t",
			   mls_arg_oid(before.user), mls_arg_bool(everyone));
	MemoryContextSwitchTo(round);
	for (uint64 i = 0; i < SPI_processed; i++)
		taken = lappend(taken, notice_at(i));
	mls_rights_leave(&before);
	return taken;
}

static void
settle(const MlsDelivery *delivery)
{
	const Notice *notice = (const Notice *) delivery;
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT mls.alert_settle($1::pg_catalog.regrole, $2, $3, $4, $5, $6)",
			   mls_arg_oid(before.user), mls_arg_text(notice->receiver), mls_arg_int8(notice->id),
			   delivery->status ? mls_arg_int4(delivery->status) : mls_arg_null(INT4OID),
			   delivery->retry_after_s >= 0 ? mls_arg_int8(delivery->retry_after_s)
											: mls_arg_null(INT8OID),
			   mls_arg_text(delivery->error));
	mls_rights_leave(&before);
}

static const MlsDeliveryKind alert_kind = {.name = "alert",
										   .of = "alerts",
										   .worker = "mls_alert_worker_main",
										   .begin = look,
										   .take = take,
										   .settle = settle};

void
mls_alert_deliver(int seconds)
{
	mls_deliver(&alert_kind, false, seconds);
}

void
mls_alert_worker_main(Datum argument)
{
	mls_delivery_worker(&alert_kind);
}

/* mls.alert_now(seconds) */
Datum
mls_alert_now_sql(PG_FUNCTION_ARGS)
{
	mls_deliver_by_worker(&alert_kind, PG_GETARG_INT32(0));
	PG_RETURN_VOID();
}
