/*
 * response.c
 *		The answer to a request, as the protocols see it.
 */
#include "postgres.h"

#include "http/transport.h"

/* "name: value", the name in lower case. */
static char *
header_line(const struct curl_header *header)
{
	char *line = psprintf("%s: %s", header->name, header->value);

	for (char *c = line; *c && *c != ':'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
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

const char *
mls_http_header(const MlsHttpResponse *response, const char *name)
{
	int length = strlen(name);
	ListCell *lc;

	foreach (lc, response->headers)
	{
		const char *line = lfirst(lc);

		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 2;
	}
	return NULL;
}

const char *
mls_http_charset(const MlsHttpResponse *response)
{
	const char *header = mls_http_header(response, "content-type");

	for (const char *c = header ? strchr(header, ';') : NULL; c; c = strchr(c, ';'))
	{
		c += 1 + strspn(c + 1, " \t");
		if (pg_strncasecmp(c, "charset=", 8) != 0)
			continue;
		c += 8 + strspn(c + 8, "\" ");
		return pnstrdup(c, strcspn(c, "\"; \t"));
	}
	return NULL;
}

/* "Application/JSON; charset=utf-8" -> "application/json" */
static char *
media_type(const char *value)
{
	char *type;

	if (value == NULL)
		return pstrdup("");
	type = pnstrdup(value, strcspn(value, "; \t"));
	for (char *c = type; *c; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return type;
}

static TimestampTz
header_date(const char *value)
{
	time_t date = value ? curl_getdate(value, NULL) : -1;

	return date == -1 ? 0 : time_t_to_timestamptz((pg_time_t) date);
}

static void
take_body(MlsHttpRequest *request, MlsHttpResponse *response)
{
	if (request->spooled)
	{
		response->spool = request->spool;
		response->body = mls_spool_head(response->spool, &response->length);
		request->spool = NULL;
		request->spooled = false;
		if (request->body)
			pfree(request->body);
		return;
	}
	response->length = request->length;
	response->body = request->body ? request->body : palloc(MLS_SPARE_BYTES);
	memset(response->body + response->length, 0, MLS_SPARE_BYTES);
}

MlsHttpResponse *
mls_request_response(MlsHttpRequest *request)
{
	MlsHttpResponse *response = palloc0(sizeof(MlsHttpResponse));
	long status = 0;

	curl_easy_getinfo(request->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	response->status = (int) status;
	response->url = request->call.url;
	response->headers = read_headers(request->transfer.easy);
	response->content_type = media_type(mls_http_header(response, "content-type"));
	response->date = header_date(mls_http_header(response, "date"));
	take_body(request, response);
	request->body = NULL;
	request->capacity = 0;
	request->length = 0;
	return response;
}
