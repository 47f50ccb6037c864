/*
 * answers.c
 *		A source without a network: what it answers is at hand.
 *
 * The answers stand one behind another, parted by a line "\x1e".  An answer may begin
 * with a line that says its status and its content type; JSON with 200 it is otherwise:
 *
 *		HTTP 404 application/json; charset=utf-16
 *
 * What is asked for when all have been given is not found.
 */
#include "postgres.h"

#include "http/http.h"

#include "answers.h"

#define SEPARATOR '\x1e'

/* As the transport promises, behind every body. */
#define SPARE_BYTES 16

static const char *at;
static const char *end;
static int given;

struct MlsHttpRequest
{
	const char *url;
};

void
wire_answers(const char *bytes, Size length)
{
	at = bytes;
	end = bytes + length;
	given = 0;
}

int
wire_answers_given(void)
{
	return given;
}

/* "HTTP 404 application/json; charset=utf-16": fills the answer; returns what is behind it. */
static const char *
read_head(MlsHttpResponse *response, const char *from, const char *to)
{
	const char *line_end = memchr(from, '\n', to - from);
	char *line;
	char *type;

	if (to - from < 5 || memcmp(from, "HTTP ", 5) != 0 || line_end == NULL)
		return from;
	line = pnstrdup(from + 5, line_end - from - 5);
	/* As the transport makes them. */
	for (char *c = line; *c; c++)
		if ((unsigned char) *c < ' ' || (unsigned char) *c >= 0x7f)
			*c = '?';
	response->status = strtol(line, &type, 10) % 500;
	type += strspn(type, " ");
	response->headers = lappend(NIL, psprintf("content-type: %s", type));
	response->content_type = pnstrdup(type, strcspn(type, ";"));
	return line_end + 1;
}

static MlsHttpResponse *
next_answer(const char *url)
{
	MlsHttpResponse *response = palloc0(sizeof(MlsHttpResponse));
	const char *to = at < end ? memchr(at, SEPARATOR, end - at) : NULL;
	const char *from = at;

	to = to ? to : end;
	response->url = url;
	response->status = at < end ? 200 : 404;
	response->content_type = "application/json";
	from = read_head(response, from, to);
	response->length = to - from;
	response->body = palloc0(response->length + SPARE_BYTES);
	memcpy(response->body, from, response->length);
	at = to < end ? to + 1 : end;
	given++;
	return response;
}

/* ---- what the readers call ---- */

MlsHttpResponse *
mls_http_fetch(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats)
{
	return next_answer(call->url);
}

MlsHttpRequest *
mls_http_start(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats)
{
	MlsHttpRequest *request = palloc(sizeof(MlsHttpRequest));

	request->url = call->url;
	return request;
}

MlsHttpResponse *
mls_http_finish(MlsHttpRequest *request)
{
	return next_answer(request->url);
}

void
mls_http_abandon(MlsHttpRequest *request)
{
}

void
mls_http_report_status(const MlsHttpSource *source, const MlsHttpCall *call,
					   const MlsHttpResponse *response, const char *text)
{
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
					errmsg("source \"%s\" answered %d to %s", source->name, response->status,
						   call->purpose),
					text ? errdetail("%s", text) : 0));
}

const char *
mls_http_charset(const MlsHttpResponse *response)
{
	const char *type = response->headers ? linitial(response->headers) : "";
	const char *charset = strstr(type, "charset=");

	return charset ? charset + strlen("charset=") : NULL;
}

TimestampTz
mls_http_date(const MlsHttpResponse *response, const char *name)
{
	return 0;
}

const char *
mls_http_header(const MlsHttpResponse *response, const char *name)
{
	return NULL;
}

char *
mls_http_clean(const MlsHttpSource *source, const char *text)
{
	return pstrdup(text);
}
