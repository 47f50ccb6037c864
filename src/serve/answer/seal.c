/*
 * seal.c
 *		What all answers have: version, tag, compression, who may keep them, CORS.
 */
#include <libdeflate.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "serve/answer/parts.h"
#include "serve/base/encoding.h"
#include "serve/base/settings.h"

#define LEAST_TO_COMPRESS 1024

void
serve_reply_header(ServeCall *call, const char *name, const char *value)
{
	ServeReply *reply = &call->reply;

	if (reply->nheaders == SERVE_MAX_HEADERS)
		return;
	reply->headers[reply->nheaders].name = name;
	reply->headers[reply->nheaders].value = value;
	reply->nheaders++;
}

void
serve_reply_clear(ServeCall *call)
{
	if (!call->reply.shared)
		free(call->reply.body);
	if (call->reply.from_file)
		close(call->reply.file);
	memset(&call->reply, 0, sizeof(call->reply));
}

void
serve_reply_body(ServeCall *call, int status, const char *content_type, ServeBytes *body)
{
	call->reply.status = status;
	call->reply.content_type = content_type;
	call->reply.body = serve_bytes_take(body, &call->reply.length);
}

const char *
serve_etag(ServeArena *arena, const char *data, size_t length)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int hash_length = 0;
	ServeBytes tag = {0};
	const char *copy;

	if (EVP_Digest(data, length, hash, &hash_length, EVP_sha256(), NULL) != 1 || hash_length < 15)
		return NULL;
	serve_bytes_text(&tag, "W/\"");
	serve_base64url(&tag, hash, 15);
	serve_bytes_text(&tag, "\"");
	copy = serve_copy(arena, tag.data);
	serve_bytes_free(&tag);
	return copy;
}

/* The opaque part of a tag, in quotes. */
static const char *
opaque(const char *tag)
{
	return strncmp(tag, "W/", 2) == 0 ? tag + 2 : tag;
}

/* Whether a client has it already: tags are compared weakly. */
bool
serve_tag_is_known(const char *if_none_match, const char *tag)
{
	size_t length = strlen(opaque(tag));

	if (!if_none_match)
		return false;
	for (const char *at = if_none_match; *at;)
	{
		at += strspn(at, " \t,");
		if (*at == '*')
			return true;
		if (strncmp(at, "W/", 2) == 0)
			at += 2;
		if (strncmp(at, opaque(tag), length) == 0 &&
			(at[length] == '\0' || strchr(" \t,", at[length])))
			return true;
		at += strcspn(at, ",");
	}
	return false;
}

static pthread_key_t compressor_key;
static pthread_once_t compressor_once = PTHREAD_ONCE_INIT;

static void
free_compressor(void *compressor)
{
	libdeflate_free_compressor(compressor);
}

static void
make_compressor_key(void)
{
	if (pthread_key_create(&compressor_key, free_compressor) != 0)
		abort();
}

/* One a thread: making it costs more than a small page. */
static struct libdeflate_compressor *
own_compressor(void)
{
	struct libdeflate_compressor *compressor;

	pthread_once(&compressor_once, make_compressor_key);
	compressor = pthread_getspecific(compressor_key);
	if (!compressor)
	{
		compressor = libdeflate_alloc_compressor(1);
		pthread_setspecific(compressor_key, compressor);
	}
	return compressor;
}

char *
serve_gzip(const char *data, size_t length, size_t *compressed)
{
	struct libdeflate_compressor *compressor;
	char *out;

	if (length < LEAST_TO_COMPRESS)
		return NULL;
	compressor = own_compressor();
	if (!compressor)
		return NULL;
	out = malloc(length);
	if (!out)
		return NULL;
	*compressed = libdeflate_gzip_compress(compressor, data, length, out, length - 1);
	if (*compressed == 0)
	{
		free(out);
		return NULL;
	}
	return out;
}

bool
serve_takes_gzip(const ServeCall *call)
{
	const char *at = call->headers.accept_encoding;
	bool all = false;

	while (at && *at)
	{
		size_t length;
		size_t whole;
		const char *q;
		bool wanted;

		at += strspn(at, " \t,");
		whole = strcspn(at, ",");
		length = strcspn(at, " \t,;");
		q = memmem(at, whole, "q=", 2);
		wanted = !q || strtod(q + 2, NULL) > 0;
		if ((length == 4 && strncasecmp(at, "gzip", 4) == 0) ||
			(length == 6 && strncasecmp(at, "x-gzip", 6) == 0))
			return wanted;
		if (length == 1 && *at == '*')
			all = wanted;
		at += whole;
	}
	return all;
}

/* Whether an origin stands in the list of those that may read answers. */
static bool
origin_allowed(const char *origin)
{
	size_t length = strlen(origin);

	for (const char *at = serve_settings.origins; at && *at;)
	{
		size_t one;

		at += strspn(at, " ,");
		one = strcspn(at, " ,");
		if ((one == 1 && *at == '*') || (one == length && strncmp(at, origin, length) == 0))
			return true;
		at += one;
	}
	return false;
}

static void
add_cors(ServeCall *call)
{
	const char *origin = call->headers.origin;

	if (!origin || !origin_allowed(origin))
		return;
	serve_reply_header(call, "Access-Control-Allow-Origin", origin);
	serve_reply_header(call, "Access-Control-Expose-Headers",
					   "ETag, OData-Version, Preference-Applied, Retry-After, WWW-Authenticate");
	if (strcmp(call->method, "OPTIONS") != 0 || !call->headers.request_method)
		return;
	serve_reply_header(call, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS, POST, DELETE");
	serve_reply_header(call, "Access-Control-Allow-Headers",
					   "Accept, Authorization, Content-Type, If-None-Match, OData-MaxVersion, "
					   "OData-Version, Prefer");
	serve_reply_header(call, "Access-Control-Max-Age", "600");
}

void
serve_seal(ServeCall *call)
{
	ServeReply *reply = &call->reply;
	const char *tag = NULL;

	if (reply->tagged && reply->status == 200 && !reply->shared)
	{
		tag = serve_etag(call->arena, reply->body, reply->length);
		if (tag)
			serve_reply_header(call, "ETag", tag);
	}
	for (int i = 0; !tag && i < reply->nheaders; i++)
		if (strcmp(reply->headers[i].name, "ETag") == 0)
			tag = reply->headers[i].value;
	if (tag && reply->status == 200 && serve_tag_is_known(call->headers.if_none_match, tag))
	{
		if (!reply->shared)
			free(reply->body);
		reply->body = NULL;
		reply->length = 0;
		reply->shared = false;
		reply->gzip = false;
		reply->content_type = NULL;
		reply->status = 304;
	}
	else if (reply->body && !reply->shared && !reply->gzip && serve_takes_gzip(call))
	{
		size_t length;
		char *compressed = serve_gzip(reply->body, reply->length, &length);

		if (compressed)
		{
			free(reply->body);
			reply->body = compressed;
			reply->length = length;
			reply->gzip = true;
		}
	}
	if (reply->gzip)
		serve_reply_header(call, "Content-Encoding", "gzip");
	if (reply->content_type)
		serve_reply_header(call, "Content-Type", reply->content_type);
	if (!call->oauth && !call->media && !call->dataset)
		serve_reply_header(call, "OData-Version", call->version == 400 ? "4.0" : "4.01");
	serve_reply_header(call, "Cache-Control",
					   reply->cache                                   ? reply->cache
					   : reply->no_store || call->oauth               ? "no-store"
					   : reply->status == 200 || reply->status == 304 ? "private, no-cache"
																	  : "private, no-store");
	serve_reply_header(call, "Vary",
					   serve_settings.origins ? "Accept, Accept-Encoding, Authorization, Origin"
											  : "Accept, Accept-Encoding, Authorization");
	serve_reply_header(call, "X-Content-Type-Options", "nosniff");
	add_cors(call);
}
