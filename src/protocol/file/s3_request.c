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

#include "protocol/file/s3.h"

char *
mls_s3_key(const MlsBucket *bucket, const char *name)
{
	return psprintf("%s%s", bucket->place.prefix, name);
}

char *
mls_s3_path(const MlsBucket *bucket, const char *name)
{
	bool is_host = strcmp(bucket->path, "/") == 0;

	if (name == NULL)
		return pstrdup(bucket->path);
	return psprintf("%s/%s", is_host ? "" : bucket->path, mls_s3_key(bucket, name));
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
mls_s3_start(MlsBucket *bucket, const S3Call *call)
{
	MlsHttpCall http = {
		.method = call->method,
		.url = mls_url_canonical(bucket->http.url, mls_s3_path(bucket, call->name), call->params),
		.headers = call->headers,
		.body = call->body,
		.upload = call->upload,
		.purpose = call->purpose,
		.spool = call->spool,
		.statuses = true};

	/* libcurl would otherwise call it a form. */
	if (call->body && *call->body == '\0')
		http.headers = lappend(list_copy(call->headers), "Content-Type: application/octet-stream");
	return mls_http_start(&bucket->http, &http, bucket->stats);
}

MlsHttpResponse *
mls_s3_fetch(MlsBucket *bucket, const S3Call *call)
{
	return mls_http_finish(mls_s3_start(bucket, call));
}

MlsXmlNode *
mls_s3_document(const MlsBucket *bucket, const char *task, const MlsHttpResponse *response,
				const char *root)
{
	MlsXmlNode *node;

	if (response->status < 200 || response->status >= 300 || mls_s3_is_error(response))
		mls_s3_report(bucket, task, response);
	/* A page that somebody else has put in the place of an answer. */
	if (response->length == 0 || strstr(response->body, root) == NULL)
		mls_s3_report_stranger(bucket, task, response);
	node = mls_xml_parse(response->body, response->length, psprintf("answer of %s", bucket->owner));
	if (strcmp(node->name, root) != 0)
		mls_s3_report_stranger(bucket, task, response);
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
