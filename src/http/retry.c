/*
 * retry.c
 *		Which failures are worth another attempt, and when.
 *
 * Everything asked here can be asked twice: reading, and logging in.
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "utils/timestamp.h"

#include "http/transport.h"

#define SECOND_US INT64CONST(1000000)

/* A passing failure is often over at once; a source that is busy wants more air. */
#define FIRST_DELAY_US (250 * 1000)
#define FIRST_BUSY_DELAY_US SECOND_US
#define LONGEST_DELAY_US (60 * SECOND_US)

/* Another process holds the quota for microseconds. */
#define HELD_US 1000

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

static const char *
header(MlsHttpRequest *request, const char *name)
{
	struct curl_header *found;

	if (curl_easy_header(request->transfer.easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
		return NULL;
	return found->value;
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
	const char *now_text = header(request, "Date");
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
	int64 left = seconds(header(request, "Hour-Quota-ResetTime"));
	const char *value = header(request, "Hour-Quota-ResetTime");
	double number = value ? strtod(value, NULL) : 0;

	if (number > 1e11)
		return Max((int64) ceil(number / 1000) - (int64) time(NULL), 0);
	return left < 0 ? -1 : (left + 999) / 1000;
}

/* How long the source asks to be left alone, in microseconds; -1 if it does not say. */
static int64
asked_delay(MlsHttpRequest *request, int status)
{
	const char *value = header(request, "Retry-After");
	int64 delay = seconds(value);

	if (delay < 0)
		delay = seconds_until(request, value);
	if (delay < 0)
		delay = seconds(header(request, "X-Rate-Limit-Retry-After-Seconds"));
	if (delay < 0 && status == 429)
		delay = seconds_until_reset(request);
	return delay < 0 ? -1 : delay * SECOND_US;
}

/* Requests of other processes would only be refused as well, and some sources punish them. */
static void
hold_back(MlsHttpRequest *request, int64 delay_us)
{
	while (!mls_pace_hold(request->source, delay_us))
		mls_request_wait(mls_clock_us() + HELD_US);
}

/* A failure that stays: the caller's, if it wants to read what the source says of it. */
static RetryVerdict
failure(const MlsHttpRequest *request, int status)
{
	return request->call.failures && status >= 500 ? RETRY_DELIVER : RETRY_FAIL;
}

static RetryVerdict
judge_status(MlsHttpRequest *request, int status, bool may_retry, int64 *delay_us)
{
	int64 asked = asked_delay(request, status);

	*delay_us = backoff(request->attempts, is_busy(status) ? FIRST_BUSY_DELAY_US : FIRST_DELAY_US);
	if (asked >= 0 || status == 429)
		hold_back(request, asked >= 0 ? asked : *delay_us);
	if (asked > PACE_LONGEST_HOLD_US)
		mls_report_retry_after(request, status, asked);
	if (!may_retry)
		return failure(request, status);
	if (asked >= 0)
		*delay_us = asked + backoff(1, FIRST_DELAY_US);
	return RETRY_AGAIN;
}

RetryVerdict
mls_retry_judge(MlsHttpRequest *request, int status, int64 *delay_us)
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
	if (status == 401 || status >= 500 || (status >= 300 && status < 400))
		return failure(request, status);
	return RETRY_DELIVER;
}
