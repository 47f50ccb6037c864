/*
 * target_http.c
 *		Destinations that are asked over HTTP: requests, and what their answers say.
 *
 * The room http connects, waits and judges addresses.  Its further attempts are for questions
 * only: a write that has had no answer may still be under way there, and what comes later must
 * not overtake it; the run ends, and the next one, after a while, sends the same again.  (A
 * connection that was kept and is found closed is another matter: libcurl takes a new one.)
 * A destination that answers that it is busy has taken nothing, and is asked again here.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/json.h"

#include "http/http.h"
#include "protocol/page_chain.h"
#include "publish/target_http.h"

/* Before the second attempt, and the longest: a queue that is full is empty again in seconds. */
#define FIRST_PAUSE_MS 200
#define LONGEST_PAUSE_MS 10000

/* ---- Opening ---- */

/* The key in a header of this kind's own; the bare key is masked in messages, too. */
static void
apply_key(MlsHttpSource *http, const HttpKey *key)
{
	if (http->auth != MLS_AUTH_HEADER || http->header_value == NULL ||
		strcmp(http->header_name, "X-Api-Key") != 0)
		return;
	http->token = http->header_value;
	if (key->header == NULL)
		http->auth = MLS_AUTH_BEARER;
	else
		http->header_name = key->header;
	if (key->format != NULL)
		http->header_value = psprintf("%s %s", key->format, http->token);
}

void *
mls_target_http_begin(const MlsTargetKind *kind, const MlsSource *source, Size size,
					  const HttpKey *key)
{
	HttpTarget *target = palloc0(size);
	const char *problem = mls_url_problem(source->http.url);

	if (problem != NULL)
		ereport(ERROR, errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				errmsg("server \"%s\" has no valid url", source->name), errdetail("%s", problem));
	target->head.kind = kind;
	target->head.source = source;
	target->http = source->http;
	apply_key(&target->http, key);
	target->once = target->http;
	target->once.retries = 0;
	return target;
}

/* ---- Asking ---- */

void
mls_target_http_pause(int attempt)
{
	long ms = Min(FIRST_PAUSE_MS << Min(attempt - 1, 10), LONGEST_PAUSE_MS);

	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

List *
mls_target_http_param(const char *name, const char *value, List *more)
{
	MlsUrlParam *param = palloc(sizeof(MlsUrlParam));

	param->name = name;
	param->value = value;
	return lcons(param, more);
}

static char *
in_utf8(const char *text)
{
	return text ? pg_server_to_any(text, strlen(text), PG_UTF8) : NULL;
}

static List *
headers_of(const HttpAsk *ask)
{
	return ask->body ? lappend(list_copy(ask->headers), psprintf("Content-Type: %s", ask->type))
					 : ask->headers;
}

/* Nothing of the request was done, and will be later. */
static bool
is_busy(const MlsHttpResponse *response)
{
	return response->status == 429 || response->status == 503;
}

MlsHttpResponse *
mls_target_http_ask(HttpTarget *target, const HttpAsk *ask)
{
	MlsHttpCall call = {.method = ask->method,
						.url = mls_url_build(target->http.url, in_utf8(ask->path), ask->params),
						.headers = headers_of(ask),
						.body = in_utf8(ask->body),
						.purpose = "an answer",
						.spool = ask->spool,
						.statuses = true};
	const MlsHttpSource *http = ask->is_write ? &target->once : &target->http;
	MlsHttpResponse *response;

	for (int attempt = 1;; attempt++)
	{
		response = mls_http_fetch(http, &call, &target->stats);
		if (!ask->is_write || !is_busy(response) || attempt > target->http.retries)
			break;
		mls_target_http_pause(attempt);
	}
	target->head.statements = target->stats.requests;
	target->head.bytes += ask->body ? strlen(ask->body) : 0;
	return response;
}

MlsHttpResponse *
mls_target_http_get(HttpTarget *target, const HttpAsk *ask)
{
	MlsHttpResponse *response = mls_target_http_ask(target, ask);

	if (!mls_target_http_is_good(response))
		mls_target_http_refuse(target, ask, response);
	return response;
}

MlsHttpResponse *
mls_target_http_try(HttpTarget *target, const HttpAsk *ask)
{
	MlsHttpResponse *response = mls_target_http_ask(target, ask);

	if (!mls_target_http_is_good(response) && response->status != 404)
		mls_target_http_refuse(target, ask, response);
	return response->status == 404 ? NULL : response;
}

const MlsRecord *
mls_target_http_find(HttpTarget *target, const char *path, const char *what)
{
	HttpAsk ask = {.method = "GET", .path = path, .what = what};
	MlsHttpResponse *response = mls_target_http_try(target, &ask);

	return response ? mls_target_http_object(target, &ask, response) : NULL;
}

/* ---- Answers ---- */

const MlsSlice *
mls_json_part(const MlsRecord *object, const char *name, MlsKind kind)
{
	const MlsSlice *slice = object ? mls_record_field(object, name) : NULL;

	return slice && slice->kind == kind ? slice : NULL;
}

char *
mls_json_text(const MlsRecord *object, const char *name)
{
	const MlsSlice *slice = object ? mls_record_field(object, name) : NULL;
	char *text = slice ? mls_slice_text(slice) : NULL;

	return text ? pg_any_to_server(text, strlen(text), PG_UTF8) : NULL;
}

int64
mls_json_number(const MlsRecord *object, const char *name, int64 otherwise)
{
	const MlsSlice *slice = object ? mls_record_field(object, name) : NULL;
	int64 number;

	return slice && mls_slice_int64(slice, &number) ? number : otherwise;
}

pg_noreturn static void
report_stranger(const HttpTarget *target, const HttpAsk *ask, const char *text, int length)
{
	ereport(ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
			errmsg("could not %s at destination \"%s\"", ask->what, target->head.source->name),
			errdetail("The answer is not one of its kind: %s",
					  mls_target_http_words(target, text, length)),
			errhint("Check the option url of the server."));
}

const MlsRecord *
mls_target_http_parse(const HttpTarget *target, const HttpAsk *ask, const char *text, int length)
{
	const MlsRecord *object = mls_error_object(text, length);

	if (object == NULL)
		report_stranger(target, ask, text, length);
	return object;
}

const MlsRecord *
mls_target_http_object(const HttpTarget *target, const HttpAsk *ask,
					   const MlsHttpResponse *response)
{
	return mls_target_http_parse(target, ask, response->body, response->length);
}

const MlsPage *
mls_target_http_array(const HttpTarget *target, const HttpAsk *ask, const MlsHttpResponse *response,
					  const char *member)
{
	static const char *const head = "{\"value\":";
	int length = response->length + strlen(head) + 1;
	char *text;

	if (member != NULL)
	{
		/* Errors unless it is an object at all, in words of ours. */
		const MlsRecord *object = mls_target_http_object(target, ask, response);

		if (mls_json_part(object, member, MLS_ARRAY) == NULL)
			report_stranger(target, ask, response->body, response->length);
		return mls_page_read(response->body, response->length, member, "an answer");
	}
	text = palloc0(length + 16);
	snprintf(text, length + 1, "%s%s}", head, response->body);
	if (response->body[0] != '[' || mls_error_object(text, length) == NULL)
		report_stranger(target, ask, response->body, response->length);
	return mls_page_read(text, length, "value", "an answer");
}

void
mls_target_append_position(StringInfo json, const MlsTargetPosition *position)
{
	appendStringInfo(json,
					 "\"position\":" INT64_FORMAT ",\"loading\":%d,\"token\":", position->position,
					 position->loading ? 1 : 0);
	escape_json(json, position->token);
	if (position->known > 0)
		appendStringInfo(json, ",\"known\":" INT64_FORMAT, position->known);
	if (position->load_after == NULL)
		return;
	appendStringInfoString(json, ",\"load_after\":");
	escape_json(json, position->load_after);
}

bool
mls_target_read_position(const MlsRecord *object, MlsTargetPosition *position)
{
	position->token = mls_json_text(object, "token");
	position->position = mls_json_number(object, "position", 0);
	position->loading = mls_json_number(object, "loading", 0) != 0;
	position->load_after = mls_json_text(object, "load_after");
	position->known = mls_json_number(object, "known", 0);
	return position->token != NULL;
}

/* The member of an error that says most, wherever the kinds of destinations have it. */
static char *
said(const MlsRecord *object, int depth)
{
	static const char *const names[] = {"reason", "msg", "message", "error"};

	for (int i = 0; i < lengthof(names); i++)
	{
		const MlsSlice *slice = mls_record_field(object, names[i]);

		if (slice && slice->kind == MLS_STRING)
			return mls_slice_text(slice);
		if (slice && slice->kind == MLS_OBJECT && depth > 0)
		{
			const MlsRecord *inner = mls_error_object(slice->value, slice->value_length);
			char *found = inner ? said(inner, depth - 1) : NULL;

			if (found != NULL)
				return found;
		}
	}
	return NULL;
}

char *
mls_target_http_words(const HttpTarget *target, const char *text, int length)
{
	const MlsRecord *object = length > 0 && text[0] == '{' ? mls_error_object(text, length) : NULL;
	char *words = object ? said(object, 2) : NULL;
	char *cause = NULL;

	/* Elasticsearch says in general what is wrong, and what in particular one level below. */
	if (object && mls_json_part(object, "caused_by", MLS_OBJECT))
	{
		const MlsSlice *below = mls_json_part(object, "caused_by", MLS_OBJECT);

		cause = mls_target_http_words(target, below->value, below->value_length);
	}
	if (words == NULL)
		words = pnstrdup(text, pg_encoding_mbcliplen(PG_UTF8, text, length, 200));
	words = mls_http_clean(&target->http, words);
	words = pg_any_to_server(words, strlen(words), PG_UTF8);
	return cause ? psprintf("%s: %s", words, cause) : words;
}

void
mls_target_http_refuse(const HttpTarget *target, const HttpAsk *ask,
					   const MlsHttpResponse *response)
{
	bool is_login = response->status == 401 || response->status == 403;
	int code = response->status == 401   ? ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION
			   : response->status == 403 ? ERRCODE_INSUFFICIENT_PRIVILEGE
			   : response->status == 404 ? ERRCODE_UNDEFINED_TABLE
			   : response->status >= 500 || response->status == 429
				   ? ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION
				   : ERRCODE_FDW_ERROR;

	ereport(ERROR, errcode(code),
			errmsg("could not %s at destination \"%s\"", ask->what, target->head.source->name),
			errdetail("It answers with status %d: %s", response->status,
					  mls_target_http_words(target, response->body, response->length)),
			is_login ? errhint("Check the options of the user mapping, and what it may do there.")
					 : 0);
}
