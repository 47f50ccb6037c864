/*
 * client.c
 *		One request: sending it, judging and repeating its attempts, receiving its
 *		answer, and freeing it.
 *
 * A request lives in the memory context it was started in and is freed with it:
 * the context's callback is registered before anything else can fail.  Nothing
 * that libcurl calls back here may throw; what went wrong there is noted in the
 * request and reported when libcurl has returned.
 *
 * Everything asked here can be asked twice: reading, logging in, and writing what was
 * written already.
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "http/transport.h"

#define SECOND_US INT64CONST(1000000)

/* libcurl's buffer: fewer, larger reads than with its default of 16 kB. */
#define RECEIVE_BUFFER (256 * 1024)

/* Whole headers, and addresses: far beyond what servers send, and below what libcurl can take. */
#define MAX_HEADER_BYTES (256 * 1024)
#define MAX_URL_BYTES (256 * 1024)

/* An answer's end is not waited for longer than this at once, so that the quota can be settled. */
#define SETTLE_US 1000

/* A passing failure is often over at once; a source that is busy wants more air. */
#define FIRST_DELAY_US (250 * 1000)
#define FIRST_BUSY_DELAY_US SECOND_US
#define LONGEST_DELAY_US (60 * SECOND_US)

/* Another process holds the quota for microseconds. */
#define HELD_US 1000

static dlist_head live_requests = DLIST_STATIC_INIT(live_requests);

/* ---- what libcurl tells about an answer; may not throw ---- */

static size_t
receive_header(char *data, size_t size, size_t count, void *arg)
{
	MlsHttpRequest *request = arg;

	if (request->ticket.answered_at == 0)
		request->ticket.answered_at = GetCurrentTimestamp();
	request->progress_at = mls_clock_us();
	request->header_bytes += size * count;
	if (request->header_bytes > MAX_HEADER_BYTES)
	{
		request->header_too_large = true;
		return 0;
	}
	return size * count;
}

/* Bytes of the header and the request count as well as the body's. */
static int
note_progress(void *arg, curl_off_t total, curl_off_t received, curl_off_t out_total,
			  curl_off_t sent)
{
	MlsHttpRequest *request = arg;

	if (received + sent != request->progress_bytes)
	{
		request->progress_bytes = received + sent;
		request->progress_at = mls_clock_us();
	}
	return 0;
}

/* Moves long bodies out of memory; all of them, since waiting for one lets the others proceed. */
static void
spool_bodies(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &live_requests)
	{
		MlsHttpRequest *request = dlist_container(MlsHttpRequest, node, iter.cur);

		if (request->state == REQUEST_SENT)
			mls_body_spool(request);
	}
}

/* mls_multi_wait, after which no long body is left in memory. */
static void
wait_until(int64 until)
{
	mls_multi_wait(until);
	spool_bodies();
}

/* ---- freeing ---- */

/* Frees what one attempt holds; the body is left. Never throws. */
static void
end_attempt(MlsHttpRequest *request)
{
	mls_multi_free(&request->transfer);
	curl_slist_free_all(request->headers);
	request->headers = NULL;
	/* Where the quota is locked just now, its lease on the request ends by itself. */
	(void) mls_rate_settle(&request->ticket, request->progress_bytes);
	request->ticket.quota[0] = '\0';
}

static void
close_request(void *arg)
{
	MlsHttpRequest *request = arg;

	if (request->state == REQUEST_CLOSED)
		return;
	request->state = REQUEST_CLOSED;
	dlist_delete(&request->node);
	end_attempt(request);
	mls_body_close(request);
}

void
mls_http_abandon(MlsHttpRequest *request)
{
	close_request(request);
}

/* ---- sending ---- */

#define SET(option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool
set_call(MlsHttpRequest *request, CURL *easy)
{
	const MlsHttpCall *call = &request->call;
	char *url =
		request->same_origin ? mls_auth_address(request->source, call->url) : pstrdup(call->url);
	bool ok = SET(CURLOPT_URL, url); /* libcurl copies it */
	ListCell *lc;

	pfree(url);
	if (call->mail)
		return mls_mail_apply(request, easy);
	if (call->upload)
		ok = ok && SET(CURLOPT_UPLOAD, 1L) &&
			 SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t) call->upload->length) &&
			 SET(CURLOPT_READFUNCTION, mls_body_send) && SET(CURLOPT_READDATA, request) &&
			 SET(CURLOPT_SEEKFUNCTION, mls_body_seek) && SET(CURLOPT_SEEKDATA, request);
	if (strcmp(call->method, "HEAD") == 0)
		ok = ok && SET(CURLOPT_NOBODY, 1L);
	if (call->body)
		ok = ok && SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen(call->body)) &&
			 SET(CURLOPT_COPYPOSTFIELDS, call->body);
	if (strcmp(call->method, "GET") != 0 || call->body)
		ok = ok && SET(CURLOPT_CUSTOMREQUEST, call->method);
	foreach (lc, call->headers)
		ok = ok && mls_header_add(&request->headers, lfirst(lc));
	/* Nobody asks before a large body whether it is welcome: it costs a round trip. */
	ok = ok && mls_header_add(&request->headers, "Expect:");
	if (request->same_origin)
		ok = ok && mls_auth_apply(request->source, easy, &request->headers);
	if (request->same_origin && request->source->sessions)
		ok = ok && mls_session_apply(request);
	/* The address is signed as it stands. */
	if (request->same_origin && request->source->auth == MLS_AUTH_SIGNATURE)
		ok = ok && SET(CURLOPT_PATH_AS_IS, 1L) && mls_signature_apply(request);
	return ok && SET(CURLOPT_HTTPHEADER, request->headers);
}

static bool
set_connection(const MlsHttpSource *source, CURL *easy)
{
	/* An empty proxy means none; without it libcurl would ask the environment. */
	return SET(CURLOPT_PROXY, source->proxy ? source->proxy : "") && SET(CURLOPT_NOPROXY, "") &&
		   SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED) &&
		   SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_QUICK_EXIT, 1L) &&
		   SET(CURLOPT_TCP_KEEPALIVE, 1L) &&
		   SET(CURLOPT_CONNECTTIMEOUT_MS, (long) source->connect_timeout_ms) &&
		   SET(CURLOPT_TIMEOUT_MS, (long) source->deadline_ms) &&
		   SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS) &&
		   SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2) &&
		   (source->ca_file == NULL || SET(CURLOPT_CAINFO, source->ca_file)) &&
		   SET(CURLOPT_USERAGENT, source->user_agent ? source->user_agent : MLS_HTTP_USER_AGENT);
}

/* The longest body; of a file that is not to come but its header nothing else is long. */
static curl_off_t
longest_body(const MlsHttpRequest *request)
{
	if (strcmp(request->call.method, "HEAD") == 0)
		return 0;
	return (curl_off_t) (request->call.spool ? request->source->max_answer_bytes
											 : request->source->max_page_bytes);
}

static bool
set_reception(MlsHttpRequest *request, CURL *easy)
{
	/* Asked for here, unpacked in body.c.  Files of a store come as they are kept. */
	bool is_file = request->source->auth == MLS_AUTH_SIGNATURE;

	return SET(CURLOPT_ACCEPT_ENCODING, is_file ? NULL : "gzip") &&
		   SET(CURLOPT_HTTP_CONTENT_DECODING, 0L) &&
		   SET(CURLOPT_BUFFERSIZE, (long) RECEIVE_BUFFER) &&
		   SET(CURLOPT_MAXFILESIZE_LARGE, longest_body(request)) &&
		   SET(CURLOPT_ERRORBUFFER, request->error) &&
		   SET(CURLOPT_WRITEFUNCTION, mls_body_receive) && SET(CURLOPT_WRITEDATA, request) &&
		   SET(CURLOPT_HEADERFUNCTION, receive_header) && SET(CURLOPT_HEADERDATA, request) &&
		   SET(CURLOPT_XFERINFOFUNCTION, note_progress) && SET(CURLOPT_XFERINFODATA, request) &&
		   SET(CURLOPT_NOPROGRESS, 0L);
}

/* Sets up the transfer of a request; false when out of memory. */
static bool
prepare(MlsHttpRequest *request)
{
	CURL *easy = request->transfer.easy;

	return set_call(request, easy) && set_connection(request->source, easy) &&
		   set_reception(request, easy) && mls_egress_apply(request);
}

/* Hands the request to libcurl; its quota is taken already. */
static void
send_now(MlsHttpRequest *request)
{
	CURL *easy = curl_easy_init();

	request->transfer.easy = easy;
	if (easy == NULL || !prepare(request))
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("The HTTP library could not prepare a request.")));
	request->state = REQUEST_SENT;
	request->attempts++;
	request->stats->requests++;
	request->sent_at = mls_clock_us();
	request->progress_at = request->sent_at;
	mls_multi_start(&request->transfer);
}

/*
 * Sends the request if that is possible without waiting; else not_before says
 * when to try again, and request->wait whether it is for the quota.
 */
static void
try_send(MlsHttpRequest *request)
{
	int64 now = mls_clock_us();

	if (request->not_before > now || (request->same_origin && !mls_auth_ready(request->source)))
		return;
	if (mls_rate_take(request->source, &request->ticket, &request->wait))
		send_now(request);
	else
		request->not_before = now + request->wait.wait_us;
}

static char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

static void
copy_call(MlsHttpRequest *request, const MlsHttpCall *call)
{
	ListCell *lc;

	request->call.method = pstrdup(call->method);
	request->call.url = pstrdup(call->url);
	request->call.body = copy_text(call->body);
	request->call.mail = call->mail;
	request->call.purpose = pstrdup(call->purpose);
	request->call.table = copy_text(call->table);
	request->call.filter = copy_text(call->filter);
	request->call.expand = copy_text(call->expand);
	request->call.root = copy_text(call->root);
	request->call.shown = copy_text(call->shown);
	request->call.spool = call->spool;
	request->call.failures = call->failures;
	request->call.statuses = call->statuses;
	if (call->upload)
	{
		MlsHttpUpload *upload = palloc(sizeof(MlsHttpUpload));

		*upload = *call->upload;
		request->call.upload = upload;
	}
	request->call.answers = call->answers;
	foreach (lc, call->headers)
	{
		const char *line = lfirst(lc);

		if (strpbrk(line, "\r\n"))
			ereport(ERROR, (errcode(ERRCODE_FDW_ERROR),
							errmsg("header of a request to source \"%s\" holds a line break",
								   request->source->name)));
		request->call.headers = lappend(request->call.headers, pstrdup(line));
	}
}

static MlsHttpRequest *
start(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats, bool is_login)
{
	MlsHttpRequest *request = palloc0(sizeof(MlsHttpRequest));
	MlsUrl url;

	request->context = CurrentMemoryContext;
	request->callback.func = close_request;
	request->callback.arg = request;
	dlist_push_tail(&live_requests, &request->node);
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &request->callback);
	request->source = source;
	request->stats = stats;
	request->is_login = is_login;
	mls_http_forget_failure();
	if (strlen(call->url) > MAX_URL_BYTES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("an address of source \"%s\" is too long", source->name),
						errdetail("The address of %s has %s; %d are the most.", call->purpose,
								  mls_counted(strlen(call->url), "byte", "bytes"), MAX_URL_BYTES)));
	copy_call(request, call);
	mls_egress_check(request, &url);
	/* Credentials go there only, also where a link elsewhere is allowed. */
	request->same_origin = mls_url_split_is_own(source, request->call.url, &url);
	if (request->same_origin)
		mls_auth_check(source);
	try_send(request);
	return request;
}

MlsHttpRequest *
mls_http_start(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats)
{
	return start(source, call, stats, false);
}

void
mls_http_pump(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &live_requests)
	{
		MlsHttpRequest *request = dlist_container(MlsHttpRequest, node, iter.cur);

		if (request->state == REQUEST_UNSENT)
			try_send(request);
		else
			(void) mls_rate_settle(&request->ticket, -1);
	}
	mls_multi_poll();
	spool_bodies();
}

/* ---- finishing ---- */

/* Gets a token, with whatever that takes freed at once. */
static void
log_in(const MlsHttpSource *source, MlsHttpStats *stats)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw login", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	MlsHttpSource *endpoint = palloc(sizeof(MlsHttpSource));
	MlsHttpCall call;

	mls_auth_prepare_login(source, endpoint, &call);
	mls_auth_take_token(source, mls_http_finish(start(endpoint, &call, stats, true)));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Waits until the request is sent: for a login, a delay between attempts, the quota. */
static void
wait_sent(MlsHttpRequest *request)
{
	while (request->state == REQUEST_UNSENT)
	{
		int64 from = mls_clock_us();

		if (request->same_origin && !mls_auth_ready(request->source))
			log_in(request->source, request->stats);
		try_send(request);
		if (request->wait.is_long)
			mls_report_quota(request->source, &request->wait);
		if (request->state == REQUEST_UNSENT)
		{
			int64 *counter =
				request->wait.wait_us ? &request->stats->quota_us : &request->stats->wait_us;

			wait_until(request->not_before);
			*counter += mls_clock_us() - from;
		}
	}
}

/*
 * Does an answer drip?  It is looked at after each timeout_ms since it began, and
 * since somebody waits for it: what is not read meanwhile cannot come.  *until is
 * brought forward to the next look.
 */
static bool
drips(MlsHttpRequest *request, int64 from, int64 now, int64 *until)
{
	int64 least = request->source->min_bytes_per_second * request->source->timeout_ms / 1000;
	int64 bytes = request->header_bytes + request->progress_bytes;
	int64 end;

	if (least == 0 || request->header_bytes == 0)
		return false;
	if (request->speed_from < from)
	{
		request->speed_from = now;
		request->speed_bytes = bytes;
	}
	end = request->speed_from + (int64) request->source->timeout_ms * 1000;
	if (now >= end)
	{
		request->dripping = bytes - request->speed_bytes < least;
		request->speed_from = now;
		request->speed_bytes = bytes;
		end = now + (int64) request->source->timeout_ms * 1000;
	}
	*until = Min(*until, end);
	return request->dripping;
}

/* Waits for the end of the attempt; a source that keeps silent or drips for too long ends it. */
static void
wait_answered(MlsHttpRequest *request)
{
	int64 from = mls_clock_us();
	int64 patience = (int64) request->source->timeout_ms * 1000;

	while (request->transfer.running)
	{
		/* While nobody was waiting, what came in was not looked at: silence counts from here. */
		int64 silent_since = Max(request->progress_at, from);
		int64 now = mls_clock_us();
		bool is_limited = patience > 0 && request->connected;
		int64 until = is_limited ? silent_since + patience : now + 60 * INT64CONST(1000000);

		if (is_limited && (now >= until || drips(request, from, now, &until)))
		{
			request->stalled = true;
			mls_multi_end(&request->transfer, CURLE_OPERATION_TIMEDOUT);
			break;
		}
		if (request->ticket.answered_at != 0 && !mls_rate_settle(&request->ticket, -1))
			until = Min(until, now + SETTLE_US);
		wait_until(until);
	}
	request->ended_at = mls_clock_us();
	request->stats->wait_us += request->ended_at - from;
}

/* Counts what the attempt has cost. */
static void
account(MlsHttpRequest *request)
{
	curl_off_t received = 0;
	long header_bytes = 0;

	curl_easy_getinfo(request->transfer.easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
	curl_easy_getinfo(request->transfer.easy, CURLINFO_HEADER_SIZE, &header_bytes);
	request->stats->wire_bytes += received + header_bytes;
	request->stats->body_bytes += mls_body_length(request);
	while (!mls_rate_settle(&request->ticket, received + header_bytes))
		wait_until(mls_clock_us() + SETTLE_US);
}

/* Makes the request ready for another attempt. */
static void
rewind_request(MlsHttpRequest *request, int64 delay_us)
{
	end_attempt(request);
	request->state = REQUEST_UNSENT;
	request->not_before = mls_clock_us() + delay_us;
	mls_body_restart(request);
	request->too_large = request->out_of_memory = request->connected = request->stalled = false;
	request->header_too_large = request->dripping = false;
	request->sent = 0;
	request->progress_bytes = request->header_bytes = request->speed_from = request->speed_bytes =
		0;
	memset(&request->wait, 0, sizeof(request->wait));
	request->error[0] = '\0';
}

/* ---- which failures are worth another attempt, and when ---- */

typedef enum RetryVerdict
{
	RETRY_DELIVER, /* the answer is for the caller */
	RETRY_AGAIN,   /* after *delay_us */
	RETRY_LOGIN,   /* after a new login */
	RETRY_FAIL
} RetryVerdict;

/* Another attempt may meet a better network. */
static bool
is_passing(CURLcode result)
{
	switch (result)
	{
		case CURLE_COULDNT_RESOLVE_PROXY:
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_CONNECT:
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_OPERATION_TIMEDOUT:
		case CURLE_SEND_ERROR:
		case CURLE_RECV_ERROR:
		case CURLE_GOT_NOTHING:
		case CURLE_PARTIAL_FILE:
		case CURLE_BAD_CONTENT_ENCODING:
		case CURLE_HTTP2:
		case CURLE_HTTP2_STREAM:
			return true;
		default:
			return false;
	}
}

static bool
is_busy(int status)
{
	return status == 429 || status == 503;
}

static bool
is_passing_status(int status)
{
	return status == 429 || (status >= 500 && status != 501 && status != 505);
}

/* Doubled with each attempt; spread, so that many processes do not come back together. */
static int64
backoff(int attempts, int64 first_us)
{
	double delay = Min(ldexp((double) first_us, Min(attempts - 1, 30)), (double) LONGEST_DELAY_US);

	return (int64) (delay * (0.5 + pg_prng_double(&pg_global_prng_state) / 2));
}

/* A number of seconds, or -1. */
static int64
seconds(const char *value)
{
	char *end;
	double number;

	if (value == NULL)
		return -1;
	number = strtod(value, &end);
	if (end == value || *end != '\0' || !(number >= 0 && number < 1e9))
		return -1;
	return (int64) ceil(number);
}

/* Seconds until a date, by the source's own clock where it tells it. */
static int64
seconds_until(MlsHttpRequest *request, const char *value)
{
	time_t date = value ? curl_getdate(value, NULL) : -1;
	const char *now_text = mls_transfer_header(request->transfer.easy, "Date");
	time_t now = now_text ? curl_getdate(now_text, NULL) : -1;

	if (date == -1)
		return -1;
	if (now == -1)
		now = time(NULL);
	return Max((int64) date - (int64) now, 0);
}

/* Trestle's end of the quota's hour, in milliseconds: a point in time, or a distance. */
static int64
seconds_until_reset(MlsHttpRequest *request)
{
	int64 left = seconds(mls_transfer_header(request->transfer.easy, "Hour-Quota-ResetTime"));
	const char *value = mls_transfer_header(request->transfer.easy, "Hour-Quota-ResetTime");
	double number = value ? strtod(value, NULL) : 0;

	if (number > 1e11)
		return Max((int64) ceil(number / 1000) - (int64) time(NULL), 0);
	return left < 0 ? -1 : (left + 999) / 1000;
}

/* How long the source asks to be left alone, in microseconds; -1 if it does not say. */
static int64
asked_delay(MlsHttpRequest *request, int status)
{
	const char *value = mls_transfer_header(request->transfer.easy, "Retry-After");
	int64 delay = seconds(value);

	if (delay < 0)
		delay = seconds_until(request, value);
	if (delay < 0)
		delay = seconds(
			mls_transfer_header(request->transfer.easy, "X-Rate-Limit-Retry-After-Seconds"));
	if (delay < 0 && status == 429)
		delay = seconds_until_reset(request);
	return delay < 0 ? -1 : delay * SECOND_US;
}

/* Requests of other processes would only be refused as well, and some sources punish them. */
static void
hold_back(MlsHttpRequest *request, int64 delay_us)
{
	while (!mls_rate_hold(request->source, delay_us))
		wait_until(mls_clock_us() + HELD_US);
}

/* A failure that stays: the caller's, if it wants to read what the source says of it. */
static RetryVerdict
failure(const MlsHttpRequest *request, int status)
{
	return request->call.statuses || (request->call.failures && status >= 500) ? RETRY_DELIVER
																			   : RETRY_FAIL;
}

static RetryVerdict
judge_status(MlsHttpRequest *request, int status, bool may_retry, int64 *delay_us)
{
	int64 asked = asked_delay(request, status);

	*delay_us = backoff(request->attempts, is_busy(status) ? FIRST_BUSY_DELAY_US : FIRST_DELAY_US);
	if (asked >= 0 || status == 429)
		hold_back(request, asked >= 0 ? asked : *delay_us);
	if (asked > MLS_LONGEST_HOLD_US)
		mls_report_retry_after(request, status, asked);
	if (!may_retry)
		return failure(request, status);
	if (asked >= 0)
		*delay_us = asked + backoff(1, FIRST_DELAY_US);
	return RETRY_AGAIN;
}

static RetryVerdict
judge(MlsHttpRequest *request, int status, int64 *delay_us)
{
	const MlsHttpSource *source = request->source;
	/* A new login is an attempt of its own. */
	bool may_retry = request->attempts <= source->retries + (request->logged_again ? 1 : 0);
	CURLcode result = request->transfer.result;

	if (result != CURLE_OK)
	{
		if (!may_retry || !is_passing(result) || request->refused[0])
			return RETRY_FAIL;
		*delay_us = backoff(request->attempts, FIRST_DELAY_US);
		return RETRY_AGAIN;
	}
	if (request->call.answers && !request->is_login)
		return RETRY_DELIVER;
	if (is_passing_status(status))
		return judge_status(request, status, may_retry, delay_us);
	if (request->is_login)
		return status >= 500 ? RETRY_FAIL : RETRY_DELIVER;
	if (status == 401 && source->sessions && request->same_origin)
		return source->auth == MLS_AUTH_CHALLENGE && request->challenged && !request->logged_again
				   ? RETRY_LOGIN
				   : RETRY_DELIVER;
	if (status == 401 && mls_auth_needs_token(source) && request->same_origin &&
		!request->logged_again)
		return RETRY_LOGIN;
	if (status == 401 || (status >= 500 && status != 501) || (status >= 300 && status < 400))
		return failure(request, status);
	return RETRY_DELIVER;
}

/* ---- the answer ---- */

/* "name: value", the name in lower case. */
static char *
header_line(const struct curl_header *header)
{
	Size name = strlen(header->name);
	Size value = strlen(header->value);
	char *line = palloc(name + value + 3);

	for (Size i = 0; i < name; i++)
		line[i] = pg_ascii_tolower((unsigned char) header->name[i]);
	memcpy(line + name, ": ", 2);
	memcpy(line + name + 2, header->value, value + 1);
	return line;
}

static List *
read_headers(CURL *easy)
{
	List *headers = NIL;
	struct curl_header *header = NULL;

	while ((header = curl_easy_nextheader(easy, CURLH_HEADER, -1, header)) != NULL)
		headers = lappend(headers, header_line(header));
	return headers;
}

/* "Application/JSON; charset=utf-8" -> "application/json" */
static char *
media_type(const char *value)
{
	char *type;

	if (value == NULL)
		return pstrdup("");
	type = mls_http_shown_name(value, strcspn(value, "; \t"));
	for (char *c = type; *c; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return type;
}

/* A validator that is longer is of no use; nor may it end a line of a request. */
#define LONGEST_VALIDATOR 200

static bool
is_validator(const char *value)
{
	if (value == NULL || *value == '\0' || strlen(value) > LONGEST_VALIDATOR)
		return false;
	for (const char *c = value; *c; c++)
		if ((unsigned char) *c < 0x20 || (unsigned char) *c >= 0x7f)
			return false;
	return true;
}

static char *
validator_of(const MlsHttpResponse *response)
{
	const char *tag = mls_http_header(response, "etag");
	const char *date = mls_http_header(response, "last-modified");

	if (is_validator(tag))
		return psprintf("If-None-Match: %s", tag);
	return is_validator(date) ? psprintf("If-Modified-Since: %s", date) : NULL;
}

/* The answer to the last attempt, in CurrentMemoryContext; the body is moved, not copied. */
static MlsHttpResponse *
read_response(MlsHttpRequest *request)
{
	MlsHttpResponse *response = palloc0(sizeof(MlsHttpResponse));
	long status = 0;

	curl_easy_getinfo(request->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	response->status = (int) status;
	response->url = request->call.url;
	response->headers = read_headers(request->transfer.easy);
	response->content_type = media_type(mls_http_header(response, "content-type"));
	response->validator = validator_of(response);
	mls_body_take(request, response);
	return response;
}

/* ---- all of a request ---- */

/* One attempt; true when its answer is for the caller. */
static bool
attempt(MlsHttpRequest *request)
{
	long status = 0;
	int64 delay_us = 0;

	wait_sent(request);
	wait_answered(request);
	mls_body_end(request);
	account(request);
	curl_easy_getinfo(request->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (request->same_origin && request->source->sessions)
		request->challenged = mls_session_note(request);
	switch (judge(request, (int) status, &delay_us))
	{
		case RETRY_DELIVER:
			return true;
		case RETRY_FAIL:
			mls_report_failure(
				request, request->transfer.result == CURLE_OK ? read_response(request) : NULL);
		case RETRY_LOGIN:
			mls_http_forget_token(request->source->mapping_id);
			request->logged_again = true;
			break;
		case RETRY_AGAIN:
			request->stats->retries++;
			break;
	}
	rewind_request(request, delay_us);
	return false;
}

MlsHttpResponse *
mls_http_finish(MlsHttpRequest *request)
{
	MemoryContext old = MemoryContextSwitchTo(request->context);
	MlsHttpResponse *response;

	Assert(request->state != REQUEST_CLOSED);
	while (!attempt(request))
		CHECK_FOR_INTERRUPTS();
	response = read_response(request);
	close_request(request);
	MemoryContextSwitchTo(old);
	return response;
}

MlsHttpResponse *
mls_http_fetch(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats)
{
	return mls_http_finish(mls_http_start(source, call, stats));
}

/*
 * ---- the last request of a session ----
 *
 * It is sent while a process exits or a transaction ends, and waited for only a
 * moment.  At that time nothing may throw and nobody is there to be told, so the
 * transfer is libcurl's own and blocking, with a limit; what becomes of it is not
 * looked at.  It is counted like any request.  Where the quota has no room for it
 * within the limit it is not sent: the source then ends the session by itself, later.
 */

/* Waits for room in the quota, without throwing for a cancel; false if there is none soon. */
static bool
has_room(MlsHttpRequest *request, int64 until)
{
	while (!mls_rate_take(request->source, &request->ticket, &request->wait))
	{
		if (mls_clock_us() + request->wait.wait_us > until)
			return false;
		pg_usleep(request->wait.wait_us);
	}
	return true;
}

/* Counts what it has cost; another process holds the file for microseconds only. */
static void
settle(MlsHttpRequest *request, int64 until)
{
	curl_off_t received = 0;

	curl_easy_getinfo(request->transfer.easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
	while (!mls_rate_settle(&request->ticket, received) && mls_clock_us() < until)
		pg_usleep(1000);
}

/* The transfer itself; the request has been counted. */
static void
send_alone(MlsHttpRequest *request, int64 until)
{
	int64 left_ms = Max((until - mls_clock_us()) / 1000, 1);
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		return;
	request->transfer.easy = easy;
	if (prepare(request) && curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) left_ms) == CURLE_OK)
		mls_transfer_alone(easy);
	settle(request, until);
	curl_easy_cleanup(easy);
	curl_slist_free_all(request->headers);
}

void
mls_http_last_request(const MlsHttpSource *source, const MlsHttpCall *call, int limit_ms)
{
	MlsHttpStats stats = {0};
	int64 until = mls_clock_us() + limit_ms * INT64CONST(1000);
	MlsHttpRequest *request = palloc0(sizeof(MlsHttpRequest));
	MlsUrl url;

	request->context = CurrentMemoryContext;
	request->source = source;
	request->call = *call;
	request->stats = &stats;
	request->same_origin = true;
	mls_egress_check(request, &url);
	if (has_room(request, until))
		send_alone(request, until);
}
