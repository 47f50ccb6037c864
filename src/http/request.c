/*
 * request.c
 *		One request: sending it, receiving its answer, and freeing it.
 *
 * A request lives in the memory context it was started in and is freed with it:
 * the context's callback is registered before anything else can fail.  Nothing
 * that libcurl calls back here may throw; what went wrong there is noted in the
 * request and reported when libcurl has returned.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "counted.h"
#include "http/session.h"
#include "http/transport.h"

/* The body's first allocation when its length is not announced. */
#define FIRST_CAPACITY (64 * 1024)

/* Beyond this a body grows by need, whatever length is announced. */
#define MAX_FIRST_CAPACITY (64 * 1024 * 1024)

/* libcurl's buffer: fewer, larger reads than with its default of 16 kB. */
#define RECEIVE_BUFFER (256 * 1024)

/* Whole headers, and addresses: far beyond what servers send, and below what libcurl can take. */
#define MAX_HEADER_BYTES (256 * 1024)
#define MAX_URL_BYTES (256 * 1024)

/* An answer's end is not waited for longer than this at once, so that the quota can be settled. */
#define SETTLE_US 1000

static dlist_head live_requests = DLIST_STATIC_INIT(live_requests);

/* ---- what libcurl tells about an answer; may not throw ---- */

static bool
body_capacity(MlsHttpRequest *request, Size needed, Size *capacity)
{
	Size limit = (Size) (request->call.spool ? request->source->max_answer_bytes
											 : request->source->max_page_bytes);
	Size first = request->call.spool ? MLS_SPOOL_FROM : MAX_FIRST_CAPACITY;
	Size wanted = Max(request->capacity * 2, FIRST_CAPACITY);
	curl_off_t announced = -1;

	if (needed > limit)
		return false;
	if (request->body == NULL)
	{
		curl_easy_getinfo(request->transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
		wanted = Max(Min(announced, (curl_off_t) first), FIRST_CAPACITY);
	}
	*capacity = Max(needed, Min(wanted, limit));
	return true;
}

static size_t
receive_body(char *data, size_t size, size_t count, void *arg)
{
	MlsHttpRequest *request = arg;
	Size length = size * count;
	Size needed = request->length + length;

	if (needed > request->capacity)
	{
		Size capacity;
		char *body;

		if (!body_capacity(request, needed, &capacity))
		{
			request->too_large = true;
			return CURL_WRITEFUNC_ERROR;
		}
		body = MemoryContextAllocExtended(request->context, capacity + MLS_SPARE_BYTES,
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
		if (body == NULL)
		{
			request->out_of_memory = true;
			return CURL_WRITEFUNC_ERROR;
		}
		if (request->body)
		{
			memcpy(body, request->body, request->length);
			pfree(request->body);
		}
		request->body = body;
		request->capacity = capacity;
	}
	memcpy(request->body + request->length, data, length);
	request->length = needed;
	return length;
}

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

/* ---- long bodies ---- */

/* Once a body is long, so much of it is moved at once. */
#define SPOOL_STEP (256 * 1024)

/* Moves long bodies out of memory; all of them, since waiting for one lets the others proceed. */
static void
spool_bodies(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &live_requests)
	{
		MlsHttpRequest *request = dlist_container(MlsHttpRequest, node, iter.cur);
		Size least = request->spooled ? SPOOL_STEP : MLS_SPOOL_FROM;

		if (request->state == REQUEST_SENT && request->call.spool && request->length >= least)
			mls_spool_take(request);
	}
}

void
mls_request_wait(int64 until)
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
	(void) mls_pace_settle(&request->ticket, request->progress_bytes);
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
	mls_spool_close(request->spool);
}

void
mls_http_abandon(MlsHttpRequest *request)
{
	close_request(request);
}

/* ---- sending ---- */

/* A list that failed to grow is kept, so that it can be freed. */
static bool
add_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);

	if (longer == NULL)
		return false;
	*headers = longer;
	return true;
}

#define SET(option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool
set_call(MlsHttpRequest *request, CURL *easy)
{
	const MlsHttpCall *call = &request->call;
	bool ok = SET(CURLOPT_URL, call->url);
	ListCell *lc;

	if (call->body)
		ok = ok && SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen(call->body)) &&
			 SET(CURLOPT_COPYPOSTFIELDS, call->body);
	if (strcmp(call->method, "GET") != 0 || call->body)
		ok = ok && SET(CURLOPT_CUSTOMREQUEST, call->method);
	foreach (lc, call->headers)
		ok = ok && add_header(&request->headers, lfirst(lc));
	/* Nobody asks before a large body whether it is welcome: it costs a round trip. */
	ok = ok && add_header(&request->headers, "Expect:");
	if (request->same_origin)
		ok = ok && mls_auth_apply(request->source, easy, &request->headers);
	if (request->same_origin && request->source->sessions)
		ok = ok && mls_session_apply(request);
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

static bool
set_reception(MlsHttpRequest *request, CURL *easy)
{
	/* Asked for here, unpacked in unpack.c. */
	return SET(CURLOPT_ACCEPT_ENCODING, "gzip") && SET(CURLOPT_HTTP_CONTENT_DECODING, 0L) &&
		   SET(CURLOPT_BUFFERSIZE, (long) RECEIVE_BUFFER) &&
		   SET(CURLOPT_MAXFILESIZE_LARGE,
			   (curl_off_t) (request->call.spool ? request->source->max_answer_bytes
												 : request->source->max_page_bytes)) &&
		   SET(CURLOPT_ERRORBUFFER, request->error) && SET(CURLOPT_WRITEFUNCTION, receive_body) &&
		   SET(CURLOPT_WRITEDATA, request) && SET(CURLOPT_HEADERFUNCTION, receive_header) &&
		   SET(CURLOPT_HEADERDATA, request) && SET(CURLOPT_XFERINFOFUNCTION, note_progress) &&
		   SET(CURLOPT_XFERINFODATA, request) && SET(CURLOPT_NOPROGRESS, 0L);
}

bool
mls_request_prepare(MlsHttpRequest *request)
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
	if (easy == NULL || !mls_request_prepare(request))
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
	if (mls_pace_take(request->source, &request->ticket, &request->wait))
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
	request->call.purpose = pstrdup(call->purpose);
	request->call.table = copy_text(call->table);
	request->call.filter = copy_text(call->filter);
	request->call.expand = copy_text(call->expand);
	request->call.root = copy_text(call->root);
	request->call.shown = copy_text(call->shown);
	request->call.spool = call->spool;
	request->call.failures = call->failures;
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

/* Credentials go to the source's own origin only, also where a link elsewhere is allowed. */
static bool
is_own_origin(const MlsHttpSource *source, const char *address)
{
	MlsUrl root;
	MlsUrl url;

	return mls_url_split(source->url, &root) && mls_url_split(address, &url) &&
		   mls_url_same_origin(&root, &url);
}

static MlsHttpRequest *
start(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats, bool is_login)
{
	MlsHttpRequest *request = palloc0(sizeof(MlsHttpRequest));

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
	request->same_origin = is_own_origin(source, call->url);
	mls_egress_check(request);
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

MlsHttpRequest *
mls_request_start_login(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats)
{
	return start(source, call, stats, true);
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
			(void) mls_pace_settle(&request->ticket, -1);
	}
	mls_multi_poll();
	spool_bodies();
}

/* ---- finishing ---- */

/* Waits until the request is sent: for a login, a delay between attempts, the quota. */
static void
wait_sent(MlsHttpRequest *request)
{
	while (request->state == REQUEST_UNSENT)
	{
		int64 from = mls_clock_us();

		if (request->same_origin && !mls_auth_ready(request->source))
			mls_auth_login(request->source, request->stats);
		try_send(request);
		if (request->wait.is_long)
			mls_report_quota(request->source, &request->wait);
		if (request->state == REQUEST_UNSENT)
		{
			int64 *counter =
				request->wait.wait_us ? &request->stats->pace_us : &request->stats->wait_us;

			mls_request_wait(request->not_before);
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
	if (request->pace_from < from)
	{
		request->pace_from = now;
		request->pace_bytes = bytes;
	}
	end = request->pace_from + (int64) request->source->timeout_ms * 1000;
	if (now >= end)
	{
		request->dripping = bytes - request->pace_bytes < least;
		request->pace_from = now;
		request->pace_bytes = bytes;
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
		if (request->ticket.answered_at != 0 && !mls_pace_settle(&request->ticket, -1))
			until = Min(until, now + SETTLE_US);
		mls_request_wait(until);
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
	request->stats->body_bytes +=
		request->spooled ? mls_spool_length(request->spool) : request->length;
	while (!mls_pace_settle(&request->ticket, received + header_bytes))
		mls_request_wait(mls_clock_us() + SETTLE_US);
}

/* Makes the request ready for another attempt. */
static void
rewind_request(MlsHttpRequest *request, int64 delay_us)
{
	end_attempt(request);
	request->state = REQUEST_UNSENT;
	request->not_before = mls_clock_us() + delay_us;
	request->length = 0;
	mls_spool_restart(request->spool);
	request->spooled = false;
	request->too_large = request->out_of_memory = request->connected = request->stalled = false;
	request->header_too_large = request->dripping = false;
	request->progress_bytes = request->header_bytes = request->pace_from = request->pace_bytes = 0;
	memset(&request->wait, 0, sizeof(request->wait));
	request->error[0] = '\0';
}

/* One attempt; true when its answer is for the caller. */
static bool
attempt(MlsHttpRequest *request)
{
	long status = 0;
	int64 delay_us = 0;

	wait_sent(request);
	wait_answered(request);
	mls_request_unpack(request);
	account(request);
	curl_easy_getinfo(request->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (request->same_origin && request->source->sessions)
		request->challenged = mls_session_note(request);
	switch (mls_retry_judge(request, (int) status, &delay_us))
	{
		case RETRY_DELIVER:
			return true;
		case RETRY_FAIL:
			mls_report_failure(request);
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
	response = mls_request_response(request);
	close_request(request);
	MemoryContextSwitchTo(old);
	return response;
}

MlsHttpResponse *
mls_http_fetch(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats)
{
	return mls_http_finish(mls_http_start(source, call, stats));
}
