/*
 * s3_request.c
 *		Requests to a bucket of S3, or an object of it, and their answers.
 *
 * The last answer comes back whatever its status, after those that pass (a service that is
 * busy, an error of its own, a network that fails) have been repeated: what a service means
 * by its refusals is read in s3_error.c.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "media/s3.h"

char *
mls_s3_key(const S3Store *store, const char *name)
{
	return psprintf("%s%s", store->head.place.prefix, name);
}

char *
mls_s3_path(const S3Store *store, const char *name)
{
	bool is_host = strcmp(store->path, "/") == 0;

	if (name == NULL)
		return pstrdup(store->path);
	return psprintf("%s/%s", is_host ? "" : store->path, mls_s3_key(store, name));
}

List *
mls_s3_param(const char *name, const char *value, List *more)
{
	MlsUrlParam *param = palloc(sizeof(MlsUrlParam));

	param->name = name;
	param->value = value;
	return lcons(param, more);
}

MlsHttpRequest *
mls_s3_start(S3Store *store, const S3Call *call)
{
	MlsHttpCall http = {
		.method = call->method,
		.url = mls_url_canonical(store->http.url, mls_s3_path(store, call->name), call->params),
		.headers = call->headers,
		.body = call->body,
		.upload = call->upload,
		.purpose = call->purpose,
		.spool = call->spool,
		.statuses = true};

	/* libcurl would otherwise call it a form. */
	if (call->body && *call->body == '\0')
		http.headers = lappend(list_copy(call->headers), "Content-Type: application/octet-stream");
	return mls_http_start(&store->http, &http, &store->head.stats);
}

MlsHttpResponse *
mls_s3_fetch(S3Store *store, const S3Call *call)
{
	return mls_http_finish(mls_s3_start(store, call));
}

MlsXmlNode *
mls_s3_document(const S3Store *store, const char *task, const MlsHttpResponse *response,
				const char *root)
{
	MlsXmlNode *node;

	if (response->status < 200 || response->status >= 300 || mls_s3_is_error(response))
		mls_s3_report(store, task, response);
	/* A page that somebody else has put in the place of an answer. */
	if (response->length == 0 || strstr(response->body, root) == NULL)
		mls_s3_report_stranger(store, task, response);
	node = mls_xml_parse(response->body, response->length,
						 psprintf("answer of store \"%s\"", store->head.source->name));
	if (strcmp(node->name, root) != 0)
		mls_s3_report_stranger(store, task, response);
	return node;
}

const char *
mls_s3_text(const MlsXmlNode *node, const char *child)
{
	MlsXmlNode *found = mls_xml_child(node, child);

	return found ? found->text : "";
}

TimestampTz
mls_s3_time(const char *text)
{
	TimestampTz at;

	return mls_parse_timestamptz(text, strlen(text), "UTC", &at) ? at : 0;
}

char *
mls_s3_xml_escape(const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (; *text; text++)
		switch (*text)
		{
			case '&':
				appendStringInfoString(&buf, "&amp;");
				break;
			case '<':
				appendStringInfoString(&buf, "&lt;");
				break;
			case '>':
				appendStringInfoString(&buf, "&gt;");
				break;
			case '"':
				appendStringInfoString(&buf, "&quot;");
				break;
			default:
				appendStringInfoChar(&buf, *text);
		}
	return buf.data;
}
