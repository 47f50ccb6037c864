/*
 * target_receiver.c
 *		Receivers of HTTP as destinations: each batch is posted, and taken when it says so.
 *
 * A receiver answers 2xx when it has stored what it was sent.  It keeps no position for us, so
 * that stands here, and moves after the answer: a batch whose answer was lost is sent again.
 */
#include "postgres.h"

#include "http/http.h"
#include "publish/row_json.h"
#include "publish/target_http.h"
#include "step/delivery.h"

static MlsTarget *
open_receiver(const MlsSource *source)
{
	static const HttpKey key = {.header = "X-Api-Key"};
	HttpTarget *target =
		mls_target_http_begin(&mls_receiver_target, source, sizeof(HttpTarget), &key);

	return &target->head;
}

/* There is nothing to make. */
static bool
prepare(MlsTarget *target, const MlsPublication *publication)
{
	return false;
}

static bool
position(MlsTarget *target, const MlsPublication *publication, MlsTargetPosition *out)
{
	if (publication->reached < 0)
		return false;
	*out = (MlsTargetPosition){.token = publication->token,
							   .position = publication->reached,
							   .loading = publication->was_loading,
							   .load_after = publication->loaded_to};
	return true;
}

static List *
headers_of(const HttpTarget *target, const MlsPublication *publication, const MlsTargetBatch *batch,
		   const char *body)
{
	const char *secret = target->head.source->webhook_secret;
	int64 to = batch->move ? batch->move->position : batch->from->position;
	char *name = mls_url_form(mls_target_http_param("", publication->name, NIL));
	List *headers = list_make2(psprintf("Mls-Publication: %s", name + 1),
							   psprintf("Mls-Position: " INT64_FORMAT, to));

	return secret ? lappend(headers, mls_delivery_signature(secret, body)) : headers;
}

/* Records that it does not take, or too many of them, are told by these. */
static bool
is_of_data(int status)
{
	return status == 400 || status == 413 || status == 422;
}

static bool
write_batch(MlsTarget *head, const MlsPublication *publication, const MlsTargetBatch *batch)
{
	HttpTarget *target = (HttpTarget *) head;
	char *body = mls_row_json_batch(head->source->shape, publication, batch);
	HttpAsk ask = {.method = "POST",
				   .path = "",
				   .type = mls_row_json_type(head->source->shape),
				   .body = body,
				   .what = "deliver",
				   .is_write = true};
	MlsHttpResponse *response;

	if (body == NULL)
		return true;
	ask.headers = headers_of(target, publication, batch, body);
	response = mls_target_http_ask(target, &ask);
	if (mls_target_http_is_good(response))
		return true;
	if (!is_of_data(response->status) || (batch->rows == NIL && batch->gone == NIL))
		mls_target_http_refuse(target, &ask, response);
	head->refusal = psprintf("%d: %s", response->status,
							 mls_target_http_words(target, response->body, response->length));
	return false;
}

static void
forget(MlsTarget *target, const MlsPublication *publication, bool drop)
{
	/* It is told nothing any more. */
}

static char *
about(MlsTarget *head)
{
	HttpTarget *target = (HttpTarget *) head;
	HttpAsk ask = {.method = "HEAD", .path = "", .what = "connect"};
	MlsHttpResponse *response = mls_target_http_ask(target, &ask);

	/* Not everybody who can be posted to can be asked for something. */
	if (response->status == 401 || response->status == 403 || response->status >= 500)
		mls_target_http_refuse(target, &ask, response);
	return psprintf("It answers with status %d.", response->status);
}

const MlsTargetKind mls_receiver_target = {
	.protocol = "receiver",
	.describe = mls_row_json_describe,
	.key_problem = mls_row_json_key_problem,
	.open = open_receiver,
	.prepare = prepare,
	.position = position,
	.write = write_batch,
	.rows = mls_row_json_rows,
	.load_lacks = mls_row_json_load_lacks,
	.forget = forget,
	.about = about,
};
