/*
 * unpack.c
 *		Bodies as they were before the source compressed them.
 *
 * libcurl could do this while it receives, with zlib.  libdeflate needs a third
 * of the time, which is a quarter of a whole scan's, and has to have all of a
 * body for it; a gzip body ends with its unpacked size, so that the memory is
 * taken once.  gzip is the one encoding asked for: every source has it.
 */
#include "postgres.h"

#include <libdeflate.h>

#include "http/transport.h"

/* The shortest gzip member: header of 10 bytes, empty block of 2, check and size of 4 each. */
#define MIN_MEMBER 20

/* No gzip body unpacks to more than this many times its length. */
#define MAX_COMPRESSION 1032

/* Where the size at the end is not that of all the body, this much is tried first. */
#define USUAL_COMPRESSION 4

/* A body being unpacked. */
typedef struct Unpacking
{
	struct libdeflate_decompressor *tool;
	const char *in;
	Size in_length;
	char *out;
	Size out_length;
	Size capacity;
	Size limit;
} Unpacking;

typedef enum UnpackResult
{
	UNPACKED,
	UNPACK_NO_ROOM,
	UNPACK_CORRUPT
} UnpackResult;

/* The process's own; it holds tables for one body at a time. */
static struct libdeflate_decompressor *
get_tool(void)
{
	static struct libdeflate_decompressor *tool = NULL;

	if (tool == NULL)
		tool = libdeflate_alloc_decompressor();
	return tool;
}

/* The size at the end of a gzip body: of its last member, modulo 2^32. */
static Size
stated_size(const char *body, Size length)
{
	const unsigned char *end = (const unsigned char *) body + length;

	return end[-4] | (Size) end[-3] << 8 | (Size) end[-2] << 16 | (Size) end[-1] << 24;
}

/* All members of a body; a second one is rare, but the standard allows it. */
static UnpackResult
unpack_members(Unpacking *work)
{
	const char *in = work->in;
	const char *end = in + work->in_length;

	work->out_length = 0;
	while (in < end)
	{
		size_t used = 0;
		size_t made = 0;

		switch (libdeflate_gzip_decompress_ex(work->tool, in, end - in,
											  work->out + work->out_length,
											  work->capacity - work->out_length, &used, &made))
		{
			case LIBDEFLATE_SUCCESS:
				break;
			case LIBDEFLATE_INSUFFICIENT_SPACE:
				return UNPACK_NO_ROOM;
			default:
				return UNPACK_CORRUPT;
		}
		in += used;
		work->out_length += made;
	}
	return UNPACKED;
}

/* Unpacks into memory of the context, with more of it until it is enough; the result is CURLE_... */
static CURLcode
unpack_into(Unpacking *work, MemoryContext context)
{
	for (;;)
	{
		UnpackResult result;

		work->out = MemoryContextAllocExtended(context, work->capacity + MLS_SPARE_BYTES,
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
		if (work->out == NULL)
			return CURLE_OUT_OF_MEMORY;
		result = unpack_members(work);
		if (result == UNPACKED)
			return CURLE_OK;
		pfree(work->out);
		if (result == UNPACK_CORRUPT)
			return CURLE_BAD_CONTENT_ENCODING;
		if (work->capacity >= work->limit)
			return CURLE_FILESIZE_EXCEEDED;
		work->capacity =
			Min(work->limit, Max(work->capacity * 2, work->in_length * USUAL_COMPRESSION));
	}
}

static CURLcode
unpack_gzip(MlsHttpRequest *request)
{
	Unpacking work = {.tool = get_tool(),
					  .in = request->body,
					  .in_length = request->length,
					  .limit = request->call.spool ? MLS_SPOOL_FROM
												   : (Size) request->source->max_page_bytes};
	CURLcode result;

	if (work.tool == NULL)
		return CURLE_OUT_OF_MEMORY;
	if (work.in_length < MIN_MEMBER)
		return CURLE_BAD_CONTENT_ENCODING;
	/* A body that was cut ends with anything: the size has to be a possible one. */
	work.capacity = Min(stated_size(work.in, work.in_length), work.in_length * MAX_COMPRESSION);
	work.capacity = Min(work.capacity, work.limit);
	result = unpack_into(&work, request->context);
	if (result != CURLE_OK)
		return result;
	pfree(request->body);
	request->body = work.out;
	request->length = work.out_length;
	request->capacity = work.capacity;
	return CURLE_OK;
}

/* For the error's detail; libcurl's own words fit the other results. */
static void
explain(MlsHttpRequest *request, const char *why)
{
	if (request->transfer.result == CURLE_BAD_CONTENT_ENCODING)
		strlcpy(request->error, why, sizeof(request->error));
}

static const char *
content_encoding(MlsHttpRequest *request)
{
	struct curl_header *encoding;

	if (curl_easy_header(request->transfer.easy, "Content-Encoding", 0, CURLH_HEADER, -1,
						 &encoding) != CURLHE_OK)
		return "identity";
	return encoding->value;
}

static bool
is_said_to_be_gzip(MlsHttpRequest *request)
{
	const char *encoding = content_encoding(request);

	return pg_strcasecmp(encoding, "gzip") == 0 || pg_strcasecmp(encoding, "x-gzip") == 0;
}

/* Some servers say so of plain bodies, too: the first bytes of gzip are always the same. */
bool
mls_request_is_gzip(MlsHttpRequest *request)
{
	return is_said_to_be_gzip(request) &&
		   (request->length < 2 || memcmp(request->body, "\x1f\x8b", 2) == 0);
}

/* A body that unpacks to more than memory is to hold goes to a file instead. */
static void
unpack(MlsHttpRequest *request)
{
	request->transfer.result = unpack_gzip(request);
	if (request->call.spool && request->transfer.result == CURLE_FILESIZE_EXCEEDED)
	{
		request->transfer.result = CURLE_OK;
		mls_spool_end(request);
	}
}

void
mls_request_unpack(MlsHttpRequest *request)
{
	if (request->spooled && request->transfer.result == CURLE_OK)
		mls_spool_end(request);
	else if (request->transfer.result == CURLE_OK && request->length > 0 &&
			 mls_request_is_gzip(request))
		unpack(request);
	explain(request, "The gzip form of the answer is damaged or cut short");
	if (request->transfer.result == CURLE_OK && (request->length > 0 || request->spooled) &&
		!is_said_to_be_gzip(request) && pg_strcasecmp(content_encoding(request), "identity") != 0)
	{
		request->transfer.result = CURLE_BAD_CONTENT_ENCODING;
		explain(request, "The answer is compressed in a way that was not asked for");
	}
}
