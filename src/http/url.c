/*
 * url.c
 *		Addresses: taken apart, put together, and shown without their secrets.  No
 *		network.
 *
 * Taking apart is libcurl's, so that what is checked here is what libcurl will
 * connect to.  One parser handle serves the whole life of the process: no error
 * can leak one.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "http/transport.h"

/* Messages show no more of an address than this. */
#define DISPLAY_LENGTH 1000

/* Parameters whose values are not shown, in lower case. */
static const char *const secret_params[] = {"access_token",
											"api-key",
											"api_key",
											"apikey",
											"auth",
											"authorization",
											"client_id",
											"password",
											"secret",
											"client_secret",
											"refresh_token",
											"sig",
											"token",
											"signature",
											"x-amz-credential",
											"x-amz-signature",
											"x-amz-security-token",
											"x-goog-signature"};

/* ---- libcurl's parser ---- */

static CURLU *
parser(void)
{
	static CURLU *handle = NULL;

	if (handle == NULL)
		handle = curl_url();
	if (handle == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	curl_url_set(handle, CURLUPART_URL, NULL, 0);
	return handle;
}

/* One part of the address in the parser, palloc'd; NULL if it has none. */
static char *
part(CURLU *handle, CURLUPart which, unsigned flags)
{
	char *theirs = NULL;
	char *ours = NULL;
	CURLUcode code = curl_url_get(handle, which, &theirs, flags);

	if (theirs)
	{
		Size size = strlen(theirs) + 1;

		ours = MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_NO_OOM);
		if (ours)
			memcpy(ours, theirs, size);
		curl_free(theirs);
	}
	if (code == CURLUE_OUT_OF_MEMORY || (code == CURLUE_OK && ours == NULL))
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return ours;
}

static char *
lower(char *text)
{
	for (char *c = text; *c; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return text;
}

/* libcurl decodes what is escaped in a host's name, and so makes any byte of it. */
static bool
is_host(const char *host)
{
	for (const unsigned char *c = (const unsigned char *) host; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f || strchr("\"<>\\^`{|}", *c))
			return false;
	return *host != '\0';
}

/*
 * Is the host in the parser the one that will be connected to?  An escaped number ("%34") is only
 * taken for an IPv4 address when the address that was put together of it is taken apart again.
 */
static bool
is_stable_host(CURLU *handle, const char *host)
{
	char *whole = part(handle, CURLUPART_URL, 0);
	char *again;

	if (whole == NULL || curl_url_set(handle, CURLUPART_URL, whole, 0) != CURLUE_OK)
		return false;
	again = part(handle, CURLUPART_HOST, 0);
	return again && strcmp(again, host) == 0;
}

bool
mls_url_split(const char *text, MlsUrl *url)
{
	CURLU *handle = parser();
	char *port;

	memset(url, 0, sizeof(*url));
	if (curl_url_set(handle, CURLUPART_URL, text, 0) != CURLUE_OK)
		return false;
	url->scheme = lower(part(handle, CURLUPART_SCHEME, 0));
	url->host = part(handle, CURLUPART_HOST, 0);
	port = part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	if (url->host == NULL || !is_host(url->host) || port == NULL)
		return false;
	if (strchr(text, '%') && !is_stable_host(handle, url->host))
		return false;
	lower(url->host);
	if (url->host[0] == '[')
	{
		url->host++;
		url->host[strcspn(url->host, "]")] = '\0';
	}
	url->port = atoi(port);
	url->path = part(handle, CURLUPART_PATH, 0);
	/* What cannot be there is not asked for: each question costs as much as all else of a part. */
	if (strchr(text, '?'))
		url->query = part(handle, CURLUPART_QUERY, 0);
	url->has_user = strchr(text, '@') &&
					(part(handle, CURLUPART_USER, 0) || part(handle, CURLUPART_PASSWORD, 0));
	return true;
}

bool
mls_url_same_origin(const MlsUrl *a, const MlsUrl *b)
{
	return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0 && a->port == b->port;
}

/* ---- building ---- */

/* Appends text, escaping all but letters, digits and the characters given. */
static void
escape_into(StringInfo buf, const char *text, const char *kept)
{
	for (const unsigned char *c = (const unsigned char *) text; *c; c++)
	{
		if ((*c < 0x80 && isalnum(*c)) || strchr(kept, *c))
			appendStringInfoChar(buf, *c);
		else
			appendStringInfo(buf, "%%%02X", *c);
	}
}

#define UNRESERVED "-._~"

char *
mls_url_escape(const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	escape_into(&buf, text, UNRESERVED);
	return buf.data;
}

/* The parameters as a query, after one the base has; NULL if there are none. */
static char *
join_query(const char *base_query, List *params)
{
	StringInfoData buf;
	ListCell *lc;

	if (base_query == NULL && params == NIL)
		return NULL;
	initStringInfo(&buf);
	appendStringInfoString(&buf, base_query ? base_query : "");
	foreach (lc, params)
	{
		const MlsUrlParam *param = lfirst(lc);

		if (buf.len > 0)
			appendStringInfoChar(&buf, '&');
		escape_into(&buf, param->name, UNRESERVED "$@");
		appendStringInfoChar(&buf, '=');
		escape_into(&buf, param->value, UNRESERVED "$'(),:*/@;");
	}
	return buf.data;
}

static char *
join_path(const char *base_path, const char *path)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, base_path);
	while (buf.len > 0 && buf.data[buf.len - 1] == '/')
		buf.data[--buf.len] = '\0';
	appendStringInfoChar(&buf, '/');
	escape_into(&buf, *path == '/' ? path + 1 : path, UNRESERVED "$'(),:*/@;=");
	return buf.data;
}

char *
mls_url_build(const char *base, const char *path, List *params)
{
	MlsUrl url;
	CURLU *handle;
	const char *new_path;
	const char *query;
	bool failed;

	if (!mls_url_split(base, &url))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE), errmsg("malformed address"),
						errdetail("%s", mls_url_problem(base))));
	new_path = *path ? join_path(url.path, path) : url.path;
	query = join_query(url.query, params);
	handle = parser();
	failed = curl_url_set(handle, CURLUPART_URL, base, 0) != CURLUE_OK ||
			 curl_url_set(handle, CURLUPART_PATH, new_path, 0) != CURLUE_OK ||
			 curl_url_set(handle, CURLUPART_QUERY, query, 0) != CURLUE_OK ||
			 curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK;
	if (failed)
		ereport(ERROR, (errcode(ERRCODE_FDW_ERROR),
						errmsg("could not build the address of \"%s\"", path)));
	return part(handle, CURLUPART_URL, 0);
}

char *
mls_url_form(List *params)
{
	StringInfoData buf;
	ListCell *lc;

	initStringInfo(&buf);
	foreach (lc, params)
	{
		const MlsUrlParam *param = lfirst(lc);

		appendStringInfo(&buf, "%s%s=%s", buf.len ? "&" : "", param->name,
						 mls_url_escape(param->value));
	}
	return buf.data;
}

char *
mls_url_join(const char *base, const char *link)
{
	CURLU *handle = parser();

	/* One that is whole has no use for a base. */
	if (curl_url_set(handle, CURLUPART_URL, link, 0) != CURLUE_OK &&
		(curl_url_set(handle, CURLUPART_URL, base, 0) != CURLUE_OK ||
		 curl_url_set(handle, CURLUPART_URL, link, 0) != CURLUE_OK))
		return NULL;
	if (curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK)
		return NULL;
	return part(handle, CURLUPART_URL, 0);
}

char *
mls_url_with_origin(const char *url, const MlsUrl *origin)
{
	CURLU *handle = parser();

	if (curl_url_set(handle, CURLUPART_URL, url, 0) != CURLUE_OK ||
		curl_url_set(handle, CURLUPART_SCHEME, origin->scheme, 0) != CURLUE_OK ||
		curl_url_set(handle, CURLUPART_PORT,
					 origin->port == 443 ? NULL : psprintf("%d", origin->port), 0) != CURLUE_OK)
		return NULL;
	return part(handle, CURLUPART_URL, 0);
}

/* ---- showing ---- */

static bool
is_secret(const char *name, int length)
{
	for (int i = 0; i < lengthof(secret_params); i++)
		if (strlen(secret_params[i]) == length &&
			pg_strncasecmp(secret_params[i], name, length) == 0)
			return true;
	return false;
}

/* Appends a query with the values of secret parameters masked. */
static void
mask_query(StringInfo buf, const char *query)
{
	for (const char *at = query; *at;)
	{
		int name = strcspn(at, "=&");
		int whole = strcspn(at, "&");

		if (is_secret(at, name))
			appendStringInfo(buf, "%.*s=***", name, at);
		else
			appendBinaryStringInfo(buf, at, whole);
		at += whole;
		if (*at)
			appendStringInfoChar(buf, *at++);
	}
}

static char *
shorten(StringInfo buf)
{
	if (buf->len > DISPLAY_LENGTH)
	{
		buf->len = DISPLAY_LENGTH;
		buf->data[buf->len] = '\0';
		appendStringInfoString(buf, "...");
	}
	return buf->data;
}

char *
mls_url_display(const char *text)
{
	MlsUrl url;
	StringInfoData buf;
	bool is_https;

	/* A source that is not asked over HTTP has none. */
	if (text == NULL)
		return pstrdup("");
	if (!mls_url_split(text, &url))
		return pstrdup("(malformed address)");
	is_https = strcmp(url.scheme, "https") == 0;
	initStringInfo(&buf);
	appendStringInfo(&buf, strchr(url.host, ':') ? "%s://[%s]" : "%s://%s", url.scheme, url.host);
	if (url.port != (is_https ? 443 : 80))
		appendStringInfo(&buf, ":%d", url.port);
	appendStringInfoString(&buf, url.path);
	if (url.query)
	{
		appendStringInfoChar(&buf, '?');
		mask_query(&buf, url.query);
	}
	return shorten(&buf);
}

char *
mls_url_relative(const MlsHttpSource *source, const char *text)
{
	MlsUrl root;
	MlsUrl url;
	StringInfoData buf;
	int length;

	if (!mls_url_split(text, &url) || !mls_url_split(source->url, &root) ||
		!mls_url_same_origin(&root, &url))
		return mls_url_display(text);
	length = strlen(root.path);
	while (length > 0 && root.path[length - 1] == '/')
		length--;
	initStringInfo(&buf);
	if (strncmp(url.path, root.path, length) == 0 && url.path[length] == '/')
		appendStringInfoString(&buf, url.path + length + 1);
	else
		appendStringInfoString(&buf, url.path);
	if (url.query)
	{
		appendStringInfoChar(&buf, '?');
		mask_query(&buf, url.query);
	}
	return buf.data;
}

char *
mls_url_readable(const MlsHttpSource *source, const char *text)
{
	char *url = mls_url_relative(source, text);
	char *to = url;

	for (const char *from = url; *from; from++)
	{
		char digits[3] = {from[0] == '%' ? from[1] : '\0', '\0', '\0'};
		char *end;
		long byte;

		if (digits[0])
			digits[1] = from[2];
		byte = strtol(digits, &end, 16);
		if (end == digits + 2 && byte >= ' ' && byte <= '~')
		{
			*to++ = byte;
			from += 2;
		}
		else
			*to++ = *from;
	}
	*to = '\0';
	return url;
}

char *
mls_url_host(const char *text)
{
	MlsUrl url;

	return mls_url_split(text, &url) ? url.host : NULL;
}

bool
mls_url_same_host(const char *a, const char *b)
{
	const char *one = mls_url_host(a);
	const char *other = mls_url_host(b);

	return one && other && strcmp(one, other) == 0;
}

bool
mls_url_is_own(const MlsHttpSource *source, const char *text)
{
	MlsUrl url;

	return mls_url_split(text, &url) && mls_url_split_is_own(source, text, &url);
}

bool
mls_url_split_is_own(const MlsHttpSource *source, const char *text, const MlsUrl *url)
{
	MlsUrl root;

	/* Of a host that is nobody's the address is all that there is of a source. */
	if (source->url && strcmp(source->url, text) == 0)
		return true;
	return mls_url_split(source->url, &root) && mls_url_same_origin(&root, url);
}

const char *
mls_url_problem(const char *text)
{
	MlsUrl url;

	for (const char *c = text; *c; c++)
		if ((unsigned char) *c <= 0x20 || (unsigned char) *c >= 0x7f)
			return "It holds a blank or a character that must be escaped.";
	if (!mls_url_split(text, &url))
		return "It is not an absolute address such as https://host/path.";
	if (strcmp(url.scheme, "https") != 0 && strcmp(url.scheme, "http") != 0)
		return "Its scheme is neither https nor http.";
	if (url.has_user)
		return "It holds a user name or password; these belong in the user mapping.";
	if (strchr(text, '#'))
		return "It holds a fragment (\"#\").";
	return NULL;
}
