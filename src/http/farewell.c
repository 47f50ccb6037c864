/*
 * farewell.c
 *		The last request of a session: sent while a process exits or a transaction
 *		ends, and waited for only a moment.
 *
 * At that time nothing may throw and nobody is there to be told, so the transfer
 * is libcurl's own and blocking, with a limit; what becomes of it is not looked
 * at.  It is counted like any request.  Where the quota has no room for it within
 * the limit it is not sent: the source then ends the session by itself, later.
 */
#include "postgres.h"

#include "http/transport.h"

/* Waits for room in the quota, without throwing for a cancel; false if there is none soon. */
static bool
has_room(MlsHttpRequest *request, int64 until)
{
	while (!mls_pace_take(request->source, &request->ticket, &request->wait))
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
	while (!mls_pace_settle(&request->ticket, received) && mls_clock_us() < until)
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
	if (mls_request_prepare(request) &&
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) left_ms) == CURLE_OK)
		mls_transfer_alone(easy);
	settle(request, until);
	curl_easy_cleanup(easy);
	curl_slist_free_all(request->headers);
}

void
mls_http_farewell(const MlsHttpSource *source, const MlsHttpCall *call, int limit_ms)
{
	MlsHttpStats stats = {0};
	int64 until = mls_clock_us() + limit_ms * INT64CONST(1000);
	MlsHttpRequest *request = palloc0(sizeof(MlsHttpRequest));

	request->context = CurrentMemoryContext;
	request->source = source;
	request->call = *call;
	request->stats = &stats;
	request->same_origin = true;
	mls_egress_check(request);
	if (has_room(request, until))
		send_alone(request, until);
}
