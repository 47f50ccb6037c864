/*
 * signature.c
 *		Requests that are signed as S3 wants it (AWS Signature Version 4).
 *
 * libcurl can sign, too, but in each of its versions otherwise, and wrongly in some: with
 * parameters out of order, with names that begin alike, with headers that are not sent.  A
 * request that brings its own Authorization is left alone by all of them.
 *
 * An address is made canonical where it is built, and sent as it was built: so what is signed
 * is what is sent.  A request is signed at each attempt, since the signature holds the time.
 */
#include "postgres.h"

#include <time.h>

#include "lib/stringinfo.h"

#include "base/digest.h"
#include "http/transport.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SERVICE "s3"

/* "20260130T120000Z"; its first eight are the day. */
#define TIME_LENGTH 16
#define DAY_LENGTH 8

/* ---- addresses ---- */

static void
append_escaped(StringInfo buf, const char *text, const char *kept)
{
	for (const unsigned char *c = (const unsigned char *) text; *c; c++)
	{
		if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			strchr("-._~", *c) || strchr(kept, *c))
			appendStringInfoChar(buf, *c);
		else
			appendStringInfo(buf, "%%%02X", *c);
	}
}

/* A parameter as it stands in an address. */
static char *
escaped_parameter(const MlsUrlParam *param, int *name_length)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_escaped(&buf, param->name, "");
	*name_length = buf.len;
	appendStringInfoChar(&buf, '=');
	append_escaped(&buf, param->value, "");
	return buf.data;
}

/* By name, then by value: "key-type" comes behind "key", though "-" is less than "=". */
static int
compare_parameters(const ListCell *a, const ListCell *b)
{
	int a_length;
	int b_length;
	char *a_text = escaped_parameter(lfirst(a), &a_length);
	char *b_text = escaped_parameter(lfirst(b), &b_length);
	int order = memcmp(a_text, b_text, Min(a_length, b_length));

	if (order == 0)
		order = a_length != b_length ? a_length - b_length
									 : strcmp(a_text + a_length, b_text + b_length);
	pfree(a_text);
	pfree(b_text);
	return order;
}

/* "host", with the port if it is not the scheme's own: as in an address and in the header Host. */
static char *
authority(const MlsUrl *url)
{
	int usual = strcmp(url->scheme, "https") == 0 ? 443 : 80;
	char *host = strchr(url->host, ':') ? psprintf("[%s]", url->host) : pstrdup(url->host);

	return url->port == usual ? host : psprintf("%s:%d", host, url->port);
}

char *
mls_url_canonical(const char *origin, const char *path, List *params)
{
	StringInfoData buf;
	MlsUrl url;
	ListCell *lc;
	int unused;

	if (!mls_url_split(origin, &url))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE), errmsg("malformed address"),
						errdetail("%s", mls_url_problem(origin))));
	initStringInfo(&buf);
	appendStringInfo(&buf, "%s://%s", url.scheme, authority(&url));
	append_escaped(&buf, path, "/");
	params = list_copy(params);
	list_sort(params, compare_parameters);
	foreach (lc, params)
		appendStringInfo(&buf, "%c%s", foreach_current_index(lc) == 0 ? '?' : '&',
						 escaped_parameter(lfirst(lc), &unused));
	return buf.data;
}

/* ---- the signature ---- */

/* Now, in the form in which it is signed. */
static char *
signing_time(void)
{
	char *text = palloc(TIME_LENGTH + 1);
	time_t now = time(NULL);
	struct tm parts;

	if (gmtime_r(&now, &parts) == NULL ||
		strftime(text, TIME_LENGTH + 1, "%Y%m%dT%H%M%SZ", &parts) != TIME_LENGTH)
		elog(ERROR, "could not write the time");
	return text;
}

/* "20260130/us-east-1/s3/aws4_request" */
static char *
signing_scope(const MlsHttpSource *source, const char *when)
{
	return psprintf("%.*s/%s/" SERVICE "/aws4_request", DAY_LENGTH, when, source->region);
}

static void
hmac_text(const uint8 *key, Size length, const char *text, uint8 *out)
{
	mls_hmac_sha256(key, length, text, strlen(text), out);
}

static char *
hashed_text(const char *text)
{
	uint8 digest[MLS_SHA256_BYTES];

	mls_sha256(text, strlen(text), digest);
	return mls_hex(digest, sizeof(digest));
}

/* The signature of a canonical request. */
static char *
signature_of(const MlsHttpSource *source, const char *when, const char *request)
{
	char *signed_text =
		psprintf(ALGORITHM "\n%s\n%s\n%s", when, signing_scope(source, when), hashed_text(request));
	char *secret = psprintf("AWS4%s", source->secret_key);
	char *day = pnstrdup(when, DAY_LENGTH);
	uint8 key[MLS_SHA256_BYTES];
	uint8 digest[MLS_SHA256_BYTES];

	hmac_text((const uint8 *) secret, strlen(secret), day, key);
	explicit_bzero(secret, strlen(secret));
	pfree(secret);
	hmac_text(key, sizeof(key), source->region, digest);
	hmac_text(digest, sizeof(digest), SERVICE, key);
	hmac_text(key, sizeof(key), "aws4_request", digest);
	hmac_text(digest, sizeof(digest), signed_text, key);
	return mls_hex(key, sizeof(key));
}

/* Where an address's path begins. */
static const char *
path_of(const char *url)
{
	const char *host = strstr(url, "://") + 3;

	return host + strcspn(host, "/?");
}

/* "METHOD\npath\nquery\nheaders\n\nnames\nhash" */
static char *
canonical_request(const char *method, const char *url, const char *headers, const char *names,
				  const char *hash)
{
	const char *path = path_of(url);
	int length = strcspn(path, "?");

	return psprintf("%s\n%.*s\n%s\n%s\n%s\n%s", method, length, path,
					path[length] == '?' ? path + length + 1 : "", headers, names, hash);
}

/* ---- signed by headers ---- */

/* Is a line of a header among those that are signed? */
static bool
is_signed(const char *line)
{
	return pg_strncasecmp(line, "x-amz-", 6) == 0 ||
		   pg_strncasecmp(line, "content-type:", 13) == 0 ||
		   pg_strncasecmp(line, "content-md5:", 12) == 0;
}

/* "Name:  value " as "name:value". */
static char *
canonical_header(const char *line)
{
	int name = strcspn(line, ":");
	char *copy = psprintf("%.*s:%s", name, line, line + name + 1 + strspn(line + name + 1, " "));
	char *end = copy + strlen(copy);

	for (int i = 0; i < name; i++)
		copy[i] = pg_ascii_tolower((unsigned char) copy[i]);
	while (end > copy && end[-1] == ' ')
		*--end = '\0';
	return copy;
}

/* By names: a name that another begins with comes first. */
static int
compare_headers(const ListCell *a, const ListCell *b)
{
	const char *a_line = lfirst(a);
	const char *b_line = lfirst(b);
	int a_length = strcspn(a_line, ":");
	int b_length = strcspn(b_line, ":");
	int order = memcmp(a_line, b_line, Min(a_length, b_length));

	return order ? order : a_length - b_length;
}

/* SHA-256 of what a request sends. */
static char *
payload_hash(const MlsHttpCall *call)
{
	return call->upload ? mls_hex(call->upload->sha256, MLS_SHA256_BYTES)
						: hashed_text(call->body ? call->body : "");
}

/* What is signed of the headers, in order (List of char *). */
static List *
signed_headers(const MlsHttpRequest *request, List *added)
{
	List *lines = NIL;
	MlsUrl url;
	ListCell *lc;

	if (!mls_url_split(request->call.url, &url))
		elog(ERROR, "malformed address");
	lines = lappend(lines, psprintf("host:%s", authority(&url)));
	foreach (lc, request->call.headers)
		if (is_signed(lfirst(lc)))
			lines = lappend(lines, canonical_header(lfirst(lc)));
	foreach (lc, added)
		lines = lappend(lines, canonical_header(lfirst(lc)));
	list_sort(lines, compare_headers);
	return lines;
}

/* The header Authorization of a request that has these headers, too. */
static char *
authorization(const MlsHttpRequest *request, List *added, const char *when, const char *hash)
{
	const MlsHttpSource *source = request->source;
	StringInfoData headers;
	StringInfoData names;
	ListCell *lc;

	initStringInfo(&headers);
	initStringInfo(&names);
	foreach (lc, signed_headers(request, added))
	{
		const char *line = lfirst(lc);

		appendStringInfo(&headers, "%s\n", line);
		appendStringInfo(&names, "%s%.*s", names.len ? ";" : "", (int) strcspn(line, ":"), line);
	}
	return psprintf("Authorization: " ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
					source->access_key, signing_scope(source, when), names.data,
					signature_of(source, when,
								 canonical_request(request->call.method, request->call.url,
												   headers.data, names.data, hash)));
}

bool
mls_signature_apply(MlsHttpRequest *request)
{
	const MlsHttpSource *source = request->source;
	char *when = signing_time();
	char *hash = payload_hash(&request->call);
	List *added =
		list_make2(psprintf("x-amz-content-sha256: %s", hash), psprintf("x-amz-date: %s", when));
	char *proof;
	ListCell *lc;

	if (source->session_token)
		added = lappend(added, psprintf("x-amz-security-token: %s", source->session_token));
	proof = authorization(request, added, when, hash);
	foreach (lc, added)
		if (!mls_header_add_secret(&request->headers, lfirst(lc)))
			return false;
	return mls_header_add_secret(&request->headers, proof);
}

/* ---- signed by parameters ---- */

static List *
add_parameter(List *params, const char *name, const char *value)
{
	MlsUrlParam *param = palloc(sizeof(MlsUrlParam));

	param->name = name;
	param->value = value;
	return lappend(params, param);
}

char *
mls_url_signed(const MlsHttpSource *source, const char *origin, const char *path, int seconds)
{
	char *when = signing_time();
	List *params = NIL;
	MlsUrl url;
	char *address;

	if (!mls_url_split(origin, &url))
		elog(ERROR, "malformed address");
	params = add_parameter(params, "X-Amz-Algorithm", ALGORITHM);
	params = add_parameter(params, "X-Amz-Credential",
						   psprintf("%s/%s", source->access_key, signing_scope(source, when)));
	params = add_parameter(params, "X-Amz-Date", when);
	params = add_parameter(params, "X-Amz-Expires", psprintf("%d", seconds));
	params = add_parameter(params, "X-Amz-SignedHeaders", "host");
	if (source->session_token)
		params = add_parameter(params, "X-Amz-Security-Token", source->session_token);
	address = mls_url_canonical(origin, path, params);
	return psprintf(
		"%s&X-Amz-Signature=%s", address,
		signature_of(source, when,
					 canonical_request("GET", address, psprintf("host:%s\n", authority(&url)),
									   "host", "UNSIGNED-PAYLOAD")));
}
