/*
 * farewell.c
 *		The last request of a process: sent while it exits, and waited for only a
 *		moment.
 *
 * At that time nothing may throw and nobody is there to be told, so the transfer
 * is libcurl's own and blocking, with a limit; what becomes of it is not looked
 * at.  The quota is not asked either: without a logout the source would refuse
 * the next session, which costs more.
 */
#include "postgres.h"

#include "http/transport.h"

void
mls_http_farewell(const MlsHttpSource *source, const MlsHttpCall *call, int limit_ms)
{
	MlsHttpStats stats = {0};
	MlsHttpRequest *request = palloc0(sizeof(MlsHttpRequest));
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		return;
	request->context = CurrentMemoryContext;
	request->source = source;
	request->call = *call;
	request->stats = &stats;
	request->same_origin = true;
	request->transfer.easy = easy;
	mls_egress_check(request);
	if (mls_request_prepare(request) &&
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) limit_ms) == CURLE_OK)
		mls_transfer_alone(easy);
	curl_easy_cleanup(easy);
	curl_slist_free_all(request->headers);
}
