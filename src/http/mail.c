/*
 * mail.c
 *		A mail as a request: libcurl speaks SMTP (RFC 5321) with its server.
 *
 * Password and mail go over TLS only, unless the call wants it plain, which the egress
 * rules allow at listed hosts.  A connection is never used twice, so its address is always
 * judged before anything is said.  A recipient whom the server refuses keeps the mail from
 * nobody else; only if it refuses all the mail has failed.
 */
#include "postgres.h"

#include "http/transport.h"

#define SET(option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

/* libcurl's callback for more of the mail. */
static size_t
give(char *buffer, size_t size, size_t count, void *arg)
{
	MlsHttpRequest *request = arg;
	const char *rest = request->call.body + request->mail_sent;
	size_t length = Min(strlen(rest), size * count);

	memcpy(buffer, rest, length);
	request->mail_sent += length;
	return length;
}

bool
mls_mail_apply(MlsHttpRequest *request, CURL *easy)
{
	const MlsHttpMail *mail = request->call.mail;
	const MlsHttpSource *source = request->source;
	ListCell *lc;

	/* The list of headers is free: a mail brings its own. */
	foreach (lc, mail->to)
		if (!mls_header_add(&request->headers, psprintf("<%s>", (char *) lfirst(lc))))
			return false;
	request->mail_sent = 0;
	return SET(CURLOPT_URL, request->call.url) &&
		   SET(CURLOPT_MAIL_FROM, psprintf("<%s>", mail->from)) &&
		   SET(CURLOPT_MAIL_RCPT, request->headers) && SET(CURLOPT_MAIL_RCPT_ALLOWFAILS, 1L) &&
		   SET(CURLOPT_UPLOAD, 1L) && SET(CURLOPT_READFUNCTION, give) &&
		   SET(CURLOPT_READDATA, request) &&
		   SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t) strlen(request->call.body)) &&
		   SET(CURLOPT_USE_SSL, (long) (mail->plain ? CURLUSESSL_NONE : CURLUSESSL_ALL)) &&
		   SET(CURLOPT_FRESH_CONNECT, 1L) && SET(CURLOPT_FORBID_REUSE, 1L) &&
		   (source->username == NULL || mls_auth_set_basic(source, easy));
}
