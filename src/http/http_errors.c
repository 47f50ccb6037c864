/*
 * http_errors.c
 *		What went wrong with a request, in words: SQLSTATE, message, detail, hint.
 *
 * What the other side said goes through mls_http_clean(): cut, made printable, and
 * without our secrets, should it repeat one.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "base/base.h"
#include "http/transport.h"

/* Facts of the error raised last, for those who have to judge it. */
static MlsHttpFailure failure;

void
mls_http_forget_failure(void)
{
	memset(&failure, 0, sizeof(failure));
}

void
mls_http_note_refusal(void)
{
	failure.is_refusal = true;
}

void
mls_http_note_quota(void)
{
	failure.is_quota = true;
}

const MlsHttpFailure *
mls_http_failure(void)
{
	return &failure;
}

/* ---- how long which phase took ---- */

/* One phase of an attempt: libcurl's name for its end (since the start), and ours. */
typedef struct Phase
{
	CURLINFO end;
	const char *name;
} Phase;

static const Phase phases[] = {
	{CURLINFO_NAMELOOKUP_TIME_T, "name lookup"},
	{CURLINFO_CONNECT_TIME_T, "connection"},
	{CURLINFO_APPCONNECT_TIME_T, "TLS"},
	{CURLINFO_STARTTRANSFER_TIME_T, "waiting for the answer"},
};

/* " Name lookup 12 ms, connection 48 ms, waiting for the answer 29940 ms." */
static const char *
phase_times(MlsHttpRequest *request)
{
	int64 total = request->ended_at - request->sent_at;
	curl_off_t before = 0;
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < lengthof(phases); i++)
	{
		curl_off_t end = 0;
		bool is_wait = phases[i].end == CURLINFO_STARTTRANSFER_TIME_T;

		curl_easy_getinfo(request->transfer.easy, phases[i].end, &end);
		if (is_wait && end == 0 && request->connected)
			end = total;
		/* A kept connection has no phases before the wait. */
		if (end <= before && end < 1)
			continue;
		if (end > before)
			appendStringInfo(&buf, "%s%s " INT64_FORMAT " ms", buf.len ? ", " : "", phases[i].name,
							 (int64) (end - before) / 1000);
		before = Max(before, end);
	}
	if (total - before > 1000)
		appendStringInfo(&buf, "%s%s " INT64_FORMAT " ms", buf.len ? ", " : "",
						 request->ticket.answered_at || request->length ? "receiving"
						 : request->connected                           ? "waiting"
																		: "trying",
						 (total - (int64) before) / 1000);
	if (request->attempts > 1)
		appendStringInfo(&buf, "%slast of %d attempts", buf.len ? "; " : "", request->attempts);
	if (buf.len == 0)
		return "";
	buf.data[0] = pg_toupper((unsigned char) buf.data[0]);
	return psprintf(" %s.", buf.data);
}

/* ---- quota ---- */

/* "in 45 s", "in 12 min", "in 3 h" */
static char *
in_time(int64 wait_us)
{
	int64 s = (wait_us + 999999) / 1000000;

	if (s < 120)
		return psprintf(INT64_FORMAT " s", s);
	if (s < 120 * 60)
		return psprintf(INT64_FORMAT " min", (s + 59) / 60);
	return psprintf(INT64_FORMAT " h", (s + 3599) / 3600);
}

void
mls_report_quota(const MlsHttpSource *source, const MlsRateWait *wait)
{
	TimestampTz free_at = GetCurrentTimestamp() + wait->wait_us;

	failure = (MlsHttpFailure){.is_quota = true, .retry_at = free_at};
	if (wait->is_held)
		ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
						errmsg("source \"%s\" wants no requests for some time", source->name),
						errdetail("It has asked to come back in %s (%s).", in_time(wait->wait_us),
								  timestamptz_to_str(free_at))));
	ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					errmsg("quota of source \"%s\" is used up", source->name),
					errdetail("It allows %s per %s. The next request is possible in %s (%s).",
							  mls_counted(wait->limit, wait->one, wait->many), wait->period,
							  in_time(wait->wait_us), timestamptz_to_str(free_at))));
}

void
mls_report_no_session_slot(const MlsHttpSource *source)
{
	failure = (MlsHttpFailure){.is_quota = true};
	ereport(ERROR,
			(errcode(ERRCODE_TOO_MANY_CONNECTIONS),
			 errmsg("all sessions of source \"%s\" are in use", source->name),
			 errdetail("It allows %d at a time, and none became free within %d ms.",
					   source->max_sessions, source->timeout_ms),
			 errhint("A transaction or sync that uses one keeps it until its end. If the source "
					 "allows more, raise the option max_sessions of the server.")));
}

void
mls_report_retry_after(MlsHttpRequest *request, int status, int64 delay_us)
{
	failure = (MlsHttpFailure){.status = status,
							   .is_quota = true,
							   .retry_at = GetCurrentTimestamp() + mls_rate_clip(delay_us)};
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("source \"%s\" wants no requests for some time", request->source->name),
			 errdetail("It answered %d to the request for %s and asks to come back in %s (%s).",
					   status, request->call.purpose, in_time(delay_us),
					   timestamptz_to_str(GetCurrentTimestamp() + delay_us))));
}

/* ---- statuses ---- */

/* So much of a request is shown: a list of keys tells nothing more behind it. */
#define LONGEST_REQUEST 500

typedef struct StatusWord
{
	int status;
	int sqlstate;
	const char *word;
} StatusWord;

static const StatusWord status_words[] = {
	{400, ERRCODE_FDW_ERROR, "Bad Request"},
	{401, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, "Unauthorized"},
	{403, ERRCODE_INSUFFICIENT_PRIVILEGE, "Forbidden"},
	{404, ERRCODE_FDW_TABLE_NOT_FOUND, "Not Found"},
	{408, ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "Request Timeout"},
	{410, ERRCODE_FDW_ERROR, "Gone"},
	{413, ERRCODE_PROGRAM_LIMIT_EXCEEDED, "Content Too Large"},
	{414, ERRCODE_PROGRAM_LIMIT_EXCEEDED, "URI Too Long"},
	{429, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, "Too Many Requests"},
	{500, ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "Internal Server Error"},
	{501, ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "Not Implemented"},
	{502, ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "Bad Gateway"},
	{503, ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "Service Unavailable"},
	{504, ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "Gateway Timeout"},
};

static const StatusWord *
status_word(int status)
{
	for (int i = 0; i < lengthof(status_words); i++)
		if (status_words[i].status == status)
			return &status_words[i];
	return NULL;
}

static int
status_sqlstate(int status)
{
	const StatusWord *word = status_word(status);

	if (word)
		return word->sqlstate;
	return status >= 500 ? ERRCODE_FDW_UNABLE_TO_CREATE_REPLY : ERRCODE_FDW_ERROR;
}

/* "The source answered 404 (Not Found): no such resource" */
static char *
status_detail(const MlsHttpSource *source, int status, const char *said)
{
	const StatusWord *word = status_word(status);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "The source answered %d", status);
	if (word)
		appendStringInfo(&buf, " (%s)", word->word);
	if (said && *said)
		appendStringInfo(&buf, ": %s", mls_http_clean(source, said));
	else
		appendStringInfoChar(&buf, '.');
	return buf.data;
}

char *
mls_http_request_words(const MlsHttpSource *source, const MlsHttpCall *call)
{
	char *request = call->shown ? pstrdup(call->shown) : mls_url_readable(source, call->url);
	int length = strlen(request);

	return psprintf(" The request was: %.*s%s", pg_mbcliplen(request, length, LONGEST_REQUEST),
					mls_http_clean(source, request), length > LONGEST_REQUEST ? " ..." : "");
}

char *
mls_http_options_hint(const MlsHttpCall *call)
{
	if (call->filter && call->expand)
		return psprintf("Part of it are the options filter and expand of foreign table %s: %s; %s",
						call->table, call->filter, call->expand);
	if (call->filter || call->expand)
		return psprintf("Part of it is the option %s of foreign table %s: %s",
						call->filter ? "filter" : "expand", call->table,
						call->filter ? call->filter : call->expand);
	return NULL;
}

/* Did the source perhaps not understand what it was asked?  Some fail at what the user wrote. */
static bool
is_misunderstood(const MlsHttpCall *call, int status)
{
	return mls_http_is_refusal(status) || (status == 500 && (call->filter || call->expand));
}

/* What to do about a status; NULL if it does not tell. */
static char *
status_hint(const MlsHttpSource *source, const MlsHttpCall *call, int status)
{
	const char *path = strstr(source->url, "://");

	if (is_misunderstood(call, status))
		return mls_http_options_hint(call);
	if (status == 404 && !call->root && call->table)
		return psprintf("Check the option url of the server, \"%s\", and the option resource of "
						"foreign table %s; mls_check() tells which of them is wrong.",
						mls_url_display(source->url), call->table);
	if (status != 404 || !call->root)
		return NULL;
	path = path ? strchr(path + 3, '/') : NULL;
	return path == NULL || path[1] == '\0'
			   ? psprintf("Check the option url of the server: it must be %s, which usually has a "
						  "path, such as /odata; \"%s\" has no path.",
						  call->root, mls_url_display(source->url))
			   : psprintf("Check the option url of the server: it must be %s, and is \"%s\".",
						  call->root, mls_url_display(source->url));
}

/* Where a redirect points to; its query may hold anything and is left out. */
static char *
redirect_target(const MlsHttpResponse *response)
{
	const char *location = mls_http_header(response, "location");
	char *target = pstrdup(location ? location : "");

	target[strcspn(target, "?#")] = '\0';
	return strchr(target, '@') ? pstrdup("") : target;
}

void
mls_http_report_status(const MlsHttpSource *source, const MlsHttpCall *call,
					   const MlsHttpResponse *response, const char *detail)
{
	int status = response->status;
	const char *hint = status_hint(source, call, status);

	failure = (MlsHttpFailure){
		.status = status, .is_quota = status == 429, .is_refusal = mls_http_is_refusal(status)};
	if (status == 401)
		mls_auth_report_rejected(source, status_detail(source, status, detail));
	if (status >= 300 && status < 400)
		ereport(ERROR, (errcode(ERRCODE_FDW_ERROR),
						errmsg("source \"%s\" answered with a redirect", source->name),
						errdetail("The request for %s was sent on to \"%s\" (status %d); redirects "
								  "are not followed.",
								  call->purpose, mls_http_clean(source, redirect_target(response)),
								  status),
						errhint("Check the option url of the server.")));
	ereport(ERROR,
			(errcode(status_sqlstate(status)),
			 errmsg("could not fetch %s from source \"%s\"", call->purpose, source->name),
			 errdetail("%s%s", status_detail(source, status, detail),
					   is_misunderstood(call, status) ? mls_http_request_words(source, call) : ""),
			 hint ? errhint("%s", hint) : 0));
}

const char *
mls_http_quotable(const MlsHttpResponse *response)
{
	bool is_plain = strstr(response->content_type, "json") != NULL ||
					strcmp(response->content_type, "text/plain") == 0;

	return is_plain ? response->body : NULL;
}

/* ---- failures without an answer ---- */

static void
report_refused(MlsHttpRequest *request)
{
	const MlsHttpSource *source = request->source;

	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("source \"%s\" may not be asked at its address", source->name),
					errdetail("The address %s is not public.", request->refused),
					errhint("A superuser can add the host to the setting mls_fdw.allowed_hosts.")));
}

static void
report_too_large(MlsHttpRequest *request)
{
	failure.status = 200;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("answer of source \"%s\" is too large", request->source->name),
			 errdetail("The answer for %s is larger than " INT64_FORMAT " bytes when unpacked.",
					   request->call.purpose,
					   request->call.spool ? request->source->max_answer_bytes
										   : request->source->max_page_bytes),
			 errhint("Ask for smaller pages (option page_size of the server), or raise the option "
					 "%s.",
					 request->call.spool ? "max_answer_bytes" : "max_page_bytes")));
}

/* Up to 8.6 libcurl runs "out of memory" where a line of a header is longer than its buffer may grow. */
static bool
is_header_too_large(const MlsHttpRequest *request)
{
	CURLcode result = request->transfer.result;

#if LIBCURL_VERSION_NUM >= 0x080600
	if (result == CURLE_TOO_LARGE)
		return true;
#endif
	return request->header_too_large ||
		   (request->ticket.answered_at != 0 && request->length == 0 && !request->out_of_memory &&
			(result == CURLE_OUT_OF_MEMORY || strstr(request->error, "response headers")));
}

static void
report_header(MlsHttpRequest *request)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("answer of source \"%s\" is too large", request->source->name),
			 errdetail("The header of the answer for %s, or a line of it, is larger than any "
					   "server of this kind sends.",
					   request->call.purpose)));
}

static void
report_timeout(MlsHttpRequest *request)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
		 errmsg("timed out after " INT64_FORMAT " s waiting for source \"%s\"",
				(request->ended_at - request->sent_at + 500000) / 1000000, request->source->name),
		 errdetail("The request was for %s.%s", request->call.purpose, phase_times(request)),
		 request->dripping
			 ? errhint("Bytes came, but fewer than the option min_bytes_per_second of the server "
					   "asks for.")
			 : 0));
}

static bool
is_connecting(CURLcode result)
{
	switch (result)
	{
		case CURLE_COULDNT_RESOLVE_PROXY:
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_CONNECT:
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
			return true;
		default:
			return false;
	}
}

/* What OpenSSL says of a certificate (X509_V_ERR_...); its header is not needed for that. */
enum
{
	VERIFY_NOT_YET_VALID = 9,
	VERIFY_EXPIRED = 10,
	VERIFY_SELF_SIGNED = 18,
	VERIFY_SELF_SIGNED_IN_CHAIN = 19,
	VERIFY_ISSUER_UNKNOWN = 20,
	VERIFY_FIRST_UNKNOWN = 21,
	VERIFY_REVOKED = 23
};

/* What can be done about a certificate that is not trusted; NULL if nobody knows. */
static const char *
certificate_hint(MlsHttpRequest *request)
{
	const MlsHttpSource *source = request->source;
	long reason = 0;
	MlsUrl url;

	curl_easy_getinfo(request->transfer.easy, CURLINFO_SSL_VERIFYRESULT, &reason);
	switch (reason)
	{
		case VERIFY_EXPIRED:
			return psprintf("Its operator has to renew it, unless the clock of this machine is "
							"wrong: it says %s.",
							timestamptz_to_str(GetCurrentTimestamp()));
		case VERIFY_NOT_YET_VALID:
			return psprintf("Check the clock of this machine: it says %s.",
							timestamptz_to_str(GetCurrentTimestamp()));
		case VERIFY_SELF_SIGNED:
		case VERIFY_SELF_SIGNED_IN_CHAIN:
		case VERIFY_ISSUER_UNKNOWN:
		case VERIFY_FIRST_UNKNOWN:
			return source->ca_file
					   ? "The file of the server option ca_file does not hold the authority that "
						 "signed the certificate; it is used instead of the system's."
					   : "If the source has an authority of its own, the server option ca_file can "
						 "name a file with its certificate. If the server leaves out an "
						 "intermediate certificate, its operator has to add it.";
		case VERIFY_REVOKED:
			return "Its operator has to replace it.";
		default:
			/* The name is compared by libcurl, which does not say so by a number. */
			return strstr(request->error, "subject name") && strstr(request->error, "match") &&
						   mls_url_split(request->call.url, &url)
					   ? psprintf(
							 "The certificate is for another name than \"%s\". Use the name it "
							 "is for in the server option url (or token_url).",
							 url.host)
					   : NULL;
	}
}

/* What can be done when no connection came about; NULL if nobody knows. */
static const char *
connection_hint(MlsHttpRequest *request)
{
	switch (request->transfer.result)
	{
		case CURLE_PEER_FAILED_VERIFICATION:
			return certificate_hint(request);
		case CURLE_SSL_CACERT_BADFILE:
			return request->source->ca_file
					   ? "Check the server option ca_file: certificates in PEM format are "
						 "expected."
					   : "The server has no list of authorities: on Debian it is the "
						 "package ca-certificates.";
		case CURLE_SSL_CONNECT_ERROR:
			return strstr(request->error, "wrong version number")
					   ? "What answers there does not speak TLS: check scheme and port in the "
						 "server option url."
					   : NULL;
		default:
			if (request->is_login && request->source->token_url)
				return mls_auth_token_hint(request->source);
			return "Check the option url of the server.";
	}
}

static void
report_network(MlsHttpRequest *request)
{
	const MlsHttpSource *source = request->source;
	CURLcode result = request->transfer.result;
	const char *said = request->error[0] ? request->error : curl_easy_strerror(result);
	const char *words = mls_http_clean(source, said);
	int length = strlen(words);
	char *detail = psprintf("%s%s%s", words, length > 0 && words[length - 1] == '.' ? "" : ".",
							phase_times(request));
	const char *hint = connection_hint(request);

	if (is_connecting(result))
		ereport(ERROR, (errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
						errmsg("could not connect to source \"%s\"", source->name),
						errdetail("%s", detail), hint ? errhint("%s", hint) : 0));
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
			 errmsg("could not receive %s from source \"%s\"", request->call.purpose, source->name),
			 errdetail("%s", detail)));
}

void
mls_report_failure(MlsHttpRequest *request, const MlsHttpResponse *response)
{
	CURLcode result = request->transfer.result;

	if (request->refused[0])
		report_refused(request);
	if (request->too_large || result == CURLE_FILESIZE_EXCEEDED)
		report_too_large(request);
	if (is_header_too_large(request))
		report_header(request);
	if (request->out_of_memory || result == CURLE_OUT_OF_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Failed while receiving %s.", request->call.purpose)));
	if (result == CURLE_OPERATION_TIMEDOUT)
		report_timeout(request);
	if (response)
		mls_http_report_status(request->source, &request->call, response,
							   mls_http_quotable(response));
	report_network(request);
	pg_unreachable();
}
