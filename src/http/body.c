/*
 * body.c
 *		The body of an answer: received, unpacked, in memory or in a file, and read
 *		(with its headers).
 *
 * gzip is the one encoding asked for: every source has it.  A body in memory is
 * unpacked when all of it is there.  libcurl could do it while it receives, with
 * zlib; libdeflate needs a third of the time, which is a quarter of a whole scan's,
 * and has to have all of a body for it.  A gzip body ends with its unpacked size, so
 * that the memory is taken once.
 *
 * A RETS source that ignores Limit sends a whole table as one answer.  Its reader
 * could be given the bytes as they come, with the transfer held back meanwhile.
 * That is not done: a session has room for one request, so that a second cursor
 * would wait for the first for ever; the source would see its connection stand
 * still for as long as somebody looks at a row; and an answer that breaks in the
 * middle could not be asked for again, since some of its rows would be out
 * already.  With a file the session is free at once, the transport's retries hold
 * for long bodies as for short ones, and whoever reads can read twice: first to
 * judge the whole, then to hand it out.  Such a body is unpacked on its way to the
 * file, with zlib, which needs no more than a piece of it.
 *
 * libcurl's callbacks may not throw and writing a file does (temp_file_limit), so
 * they collect, and mls_body_spool moves what they have to the file after each
 * wait.  Nothing arrives between waits: what is not asked for stays in the network.
 */
#include "postgres.h"

#include <libdeflate.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "http/gunzip.h"
#include "http/transport.h"

/* The body's first allocation when its length is not announced. */
#define FIRST_CAPACITY (64 * 1024)

/* Beyond this a body grows by need, whatever length is announced. */
#define MAX_FIRST_CAPACITY (64 * 1024 * 1024)

/* A parser may look ahead so far without asking where the body ends: 16 and the terminator. */
#define SPARE_BYTES 17

/* A body that may go to a file does so from this length on, unpacked or not; then so much at once. */
#define SPOOL_FROM (4 * 1024 * 1024)
#define SPOOL_STEP (256 * 1024)

/* Written to the file at once. */
#define WRITE_BYTES (256 * 1024)

/* The shortest gzip member: header of 10 bytes, empty block of 2, check and size of 4 each. */
#define MIN_MEMBER 20

/* No gzip body unpacks to more than this many times its length. */
#define MAX_COMPRESSION 1032

/* Where the size at the end is not that of all the body, this much is tried first. */
#define USUAL_COMPRESSION 4

struct MlsHttpSpool
{
	MemoryContextCallback callback;
	MemoryContext context;
	File file;         /* -1: closed */
	int64 length;      /* of the body, as far as it is in the file */
	bool is_gzip;      /* it arrives compressed */
	MlsGunzip *gunzip; /* NULL: none yet */
	char *unpacked;    /* WRITE_BYTES */
	char piece[MLS_HTTP_PIECE + SPARE_BYTES];
};

/* ---- receiving ---- */

static bool
body_capacity(MlsHttpRequest *request, Size needed, Size *capacity)
{
	Size limit = (Size) (request->call.spool ? request->source->max_answer_bytes
											 : request->source->max_page_bytes);
	Size first = request->call.spool ? SPOOL_FROM : MAX_FIRST_CAPACITY;
	Size wanted = Max(request->capacity * 2, FIRST_CAPACITY);
	curl_off_t announced = -1;

	if (needed > limit)
		return false;
	if (request->body == NULL)
	{
		curl_easy_getinfo(request->transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
		wanted = Max(Min(announced, (curl_off_t) first), FIRST_CAPACITY);
	}
	*capacity = Max(needed, Min(wanted, limit));
	return true;
}

/* libcurl's callback: more has come.  May not throw. */
size_t
mls_body_receive(char *data, size_t size, size_t count, void *arg)
{
	MlsHttpRequest *request = arg;
	Size length = size * count;
	Size needed = request->length + length;

	if (needed > request->capacity)
	{
		Size capacity;
		char *body;

		if (!body_capacity(request, needed, &capacity))
		{
			request->too_large = true;
			return CURL_WRITEFUNC_ERROR;
		}
		body = MemoryContextAllocExtended(request->context, capacity + SPARE_BYTES,
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
		if (body == NULL)
		{
			request->out_of_memory = true;
			return CURL_WRITEFUNC_ERROR;
		}
		if (request->body)
		{
			memcpy(body, request->body, request->length);
			pfree(request->body);
		}
		request->body = body;
		request->capacity = capacity;
	}
	memcpy(request->body + request->length, data, length);
	request->length = needed;
	return length;
}

/* ---- the file ---- */

/* Also a callback of the memory context. Never throws. */
static void
close_file(void *arg)
{
	MlsHttpSpool *spool = arg;

	if (spool->file >= 0)
		FileClose(spool->file);
	spool->file = -1;
}

/* The file is ended by the memory context, not with a query: a cursor may outlive its transaction. */
static MlsHttpSpool *
make_spool(MemoryContext context)
{
	MlsHttpSpool *spool =
		MemoryContextAllocExtended(context, sizeof(MlsHttpSpool), MCXT_ALLOC_ZERO);

	spool->context = context;
	spool->file = -1;
	spool->callback.func = close_file;
	spool->callback.arg = spool;
	MemoryContextRegisterResetCallback(context, &spool->callback);
	spool->file = OpenTemporaryFile(true);
	return spool;
}

pg_noreturn static void report_file(bool writing);

static void
report_file(bool writing)
{
	/* A short write says nothing of its own. */
	if (errno == 0)
		errno = writing ? ENOSPC : EIO;
	ereport(ERROR, (errcode_for_file_access(),
					writing ? errmsg("could not write to temporary file: %m")
							: errmsg("could not read from temporary file: %m"),
					errdetail("It holds what is too long for memory.")));
}

static void
write_file(MlsHttpSpool *spool, const char *bytes, Size length)
{
	while (length > 0)
	{
		int part = (int) Min(length, WRITE_BYTES);

		errno = 0;
		if (FileWrite(spool->file, unconstify(char *, bytes), part, spool->length,
					  PG_WAIT_EXTENSION) != part)
			report_file(true);
		spool->length += part;
		bytes += part;
		length -= part;
	}
}

static Size
read_file(MlsHttpSpool *spool, int64 at)
{
	Size wanted = (Size) Min(spool->length - at, MLS_HTTP_PIECE);

	errno = 0;
	if (FileRead(spool->file, spool->piece, (int) wanted, at, PG_WAIT_EXTENSION) != (int) wanted)
		report_file(false);
	memset(spool->piece + wanted, 0, SPARE_BYTES);
	return wanted;
}

/* ---- bodies of ours ---- */

MlsHttpResponse *
mls_http_body_begin(void)
{
	MlsHttpResponse *body = palloc0(sizeof(MlsHttpResponse));

	body->url = body->content_type = "";
	body->body = palloc0(SPARE_BYTES);
	body->spool = make_spool(CurrentMemoryContext);
	return body;
}

void
mls_http_body_add(MlsHttpResponse *body, const char *bytes, Size length)
{
	write_file(body->spool, bytes, length);
	body->length = body->spool->length;
}

/* ---- sending; callbacks of libcurl, which may not throw: a file of ours is read without that ---- */

size_t
mls_body_send(char *data, size_t size, size_t count, void *arg)
{
	MlsHttpRequest *request = arg;
	const MlsHttpUpload *upload = request->call.upload;
	const MlsHttpResponse *response = upload->response;
	Size wanted = (Size) Min((int64) (size * count), upload->length - request->sent);
	int64 at = upload->at + request->sent;

	if (wanted == 0)
		return 0;
	if (upload->bytes)
		memcpy(data, upload->bytes + at, wanted);
	else if (response->spool == NULL)
		memcpy(data, response->body + at, wanted);
	else if (FileRead(response->spool->file, data, (int) wanted, at, PG_WAIT_EXTENSION) !=
			 (int) wanted)
		return CURL_READFUNC_ABORT;
	request->sent += wanted;
	return wanted;
}

/* A connection that was kept, and had died, is replaced: all is sent once more. */
int
mls_body_seek(void *arg, curl_off_t offset, int origin)
{
	MlsHttpRequest *request = arg;

	if (origin != SEEK_SET || offset < 0 || offset > request->call.upload->length)
		return CURL_SEEKFUNC_FAIL;
	request->sent = offset;
	return CURL_SEEKFUNC_OK;
}

/* ---- unpacking on the way to the file ---- */

static void
begin_unpacking(MlsHttpSpool *spool)
{
	if (spool->gunzip)
		return;
	spool->unpacked = MemoryContextAlloc(spool->context, WRITE_BYTES);
	spool->gunzip = mls_gunzip_begin(spool->context);
}

/* What a part of a compressed body unpacks to goes to the file. */
static CURLcode
unpack_part(MlsHttpSpool *spool, char *bytes, Size length, int64 limit)
{
	Size unpacked;

	mls_gunzip_feed(spool->gunzip, bytes, length);
	do
	{
		CHECK_FOR_INTERRUPTS();
		switch (mls_gunzip_take(spool->gunzip, spool->unpacked, WRITE_BYTES, &unpacked))
		{
			case MLS_GUNZIP_NO_MEMORY:
				return CURLE_OUT_OF_MEMORY;
			case MLS_GUNZIP_INVALID:
				return CURLE_BAD_CONTENT_ENCODING;
			case MLS_GUNZIP_OK:
				break;
		}
		if (spool->length + (int64) unpacked > limit)
			return CURLE_FILESIZE_EXCEEDED;
		write_file(spool, spool->unpacked, unpacked);
	} while (unpacked == WRITE_BYTES);
	return CURLE_OK;
}

/* ---- unpacking what is in memory ---- */

/* All members of a body; a second one is rare, but the standard allows it. */
static enum libdeflate_result
unpack_members(struct libdeflate_decompressor *tool, const char *in, Size in_length, char *out,
			   Size capacity, Size *out_length)
{
	const char *end = in + in_length;

	*out_length = 0;
	while (in < end)
	{
		size_t used = 0;
		size_t made = 0;
		enum libdeflate_result result = libdeflate_gzip_decompress_ex(
			tool, in, end - in, out + *out_length, capacity - *out_length, &used, &made);

		if (result != LIBDEFLATE_SUCCESS)
			return result;
		in += used;
		*out_length += made;
	}
	return LIBDEFLATE_SUCCESS;
}

/* Replaces a compressed body by what it holds, with more memory for it until that is enough. */
static CURLcode
unpack_whole(MlsHttpRequest *request, Size limit)
{
	/* The process's own; it holds tables for one body at a time. */
	static struct libdeflate_decompressor *tool = NULL;
	const unsigned char *end = (const unsigned char *) request->body + request->length;
	Size capacity;

	if (tool == NULL)
		tool = libdeflate_alloc_decompressor();
	if (tool == NULL)
		return CURLE_OUT_OF_MEMORY;
	if (request->length < MIN_MEMBER)
		return CURLE_BAD_CONTENT_ENCODING;
	/*
	 * It ends with the size of its last member, modulo 2^32.  One that was cut ends with
	 * anything: the size has to be a possible one.
	 */
	capacity = end[-4] | (Size) end[-3] << 8 | (Size) end[-2] << 16 | (Size) end[-1] << 24;
	capacity = Min(Min(capacity, request->length * MAX_COMPRESSION), limit);
	for (;;)
	{
		Size length;
		char *out = MemoryContextAllocExtended(request->context, capacity + SPARE_BYTES,
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);

		if (out == NULL)
			return CURLE_OUT_OF_MEMORY;
		switch (unpack_members(tool, request->body, request->length, out, capacity, &length))
		{
			case LIBDEFLATE_SUCCESS:
				pfree(request->body);
				request->body = out;
				request->length = length;
				request->capacity = capacity;
				return CURLE_OK;
			case LIBDEFLATE_INSUFFICIENT_SPACE:
				pfree(out);
				if (capacity >= limit)
					return CURLE_FILESIZE_EXCEEDED;
				capacity = Min(limit, Max(capacity * 2, request->length * USUAL_COMPRESSION));
				break;
			default:
				pfree(out);
				return CURLE_BAD_CONTENT_ENCODING;
		}
	}
}

/* ---- what becomes of a body ---- */

static const char *
content_encoding(MlsHttpRequest *request)
{
	const char *encoding = mls_transfer_header(request->transfer.easy, "Content-Encoding");

	return encoding ? encoding : "identity";
}

static bool
is_said_to_be_gzip(MlsHttpRequest *request)
{
	const char *encoding = content_encoding(request);

	return pg_strcasecmp(encoding, "gzip") == 0 || pg_strcasecmp(encoding, "x-gzip") == 0;
}

/* Some servers say so of plain bodies, too: the first bytes of gzip are always the same. */
static bool
is_gzip(MlsHttpRequest *request)
{
	return is_said_to_be_gzip(request) &&
		   (request->length < 2 || memcmp(request->body, "\x1f\x8b", 2) == 0);
}

/* Moves what has come to the file; what is wrong with it is the transfer's result. */
static void
spool(MlsHttpRequest *request)
{
	int64 limit = request->source->max_answer_bytes;
	MlsHttpSpool *spool = request->spool;
	CURLcode result;

	if (spool == NULL)
		spool = request->spool = make_spool(request->context);
	if (!request->spooled)
	{
		spool->is_gzip = is_gzip(request);
		if (spool->is_gzip)
			begin_unpacking(spool);
		request->spooled = true;
	}
	if (spool->is_gzip)
		result = unpack_part(spool, request->body, request->length, limit);
	else if (spool->length + request->length > limit)
		result = CURLE_FILESIZE_EXCEEDED;
	else
	{
		write_file(spool, request->body, request->length);
		result = CURLE_OK;
	}
	request->length = 0;
	if (result != CURLE_OK)
	{
		mls_multi_end(&request->transfer, result);
		request->transfer.result = result;
	}
}

void
mls_body_spool(MlsHttpRequest *request)
{
	if (request->call.spool && request->length >= (request->spooled ? SPOOL_STEP : SPOOL_FROM))
		spool(request);
}

/* The transfer has ended well: so must what it has brought. */
static void
end_spool(MlsHttpRequest *request)
{
	spool(request);
	if (request->transfer.result == CURLE_OK && request->spool->gunzip &&
		!mls_gunzip_is_whole(request->spool->gunzip))
		request->transfer.result = CURLE_BAD_CONTENT_ENCODING;
}

void
mls_body_end(MlsHttpRequest *request)
{
	CURLcode *result = &request->transfer.result;

	if (request->spooled && *result == CURLE_OK)
		end_spool(request);
	else if (*result == CURLE_OK && request->length > 0 && is_gzip(request))
	{
		*result = unpack_whole(
			request, request->call.spool ? SPOOL_FROM : (Size) request->source->max_page_bytes);
		/* What unpacks to more than memory is to hold goes to a file instead. */
		if (request->call.spool && *result == CURLE_FILESIZE_EXCEEDED)
		{
			*result = CURLE_OK;
			end_spool(request);
		}
	}
	/* For the error's detail; libcurl's own words fit the other results. */
	if (*result == CURLE_BAD_CONTENT_ENCODING)
		strlcpy(request->error, "The gzip form of the answer is damaged or cut short",
				sizeof(request->error));
	else if (*result == CURLE_OK && (request->length > 0 || request->spooled) &&
			 !is_said_to_be_gzip(request) &&
			 pg_strcasecmp(content_encoding(request), "identity") != 0)
	{
		*result = CURLE_BAD_CONTENT_ENCODING;
		strlcpy(request->error, "The answer is compressed in a way that was not asked for",
				sizeof(request->error));
	}
}

int64
mls_body_length(const MlsHttpRequest *request)
{
	return request->spooled ? request->spool->length : (int64) request->length;
}

/* An attempt begins: nothing of an earlier one counts. */
void
mls_body_restart(MlsHttpRequest *request)
{
	request->length = 0;
	request->spooled = false;
	if (request->spool)
	{
		request->spool->length = 0;
		if (request->spool->gunzip)
			mls_gunzip_forget(request->spool->gunzip);
	}
}

void
mls_body_close(MlsHttpRequest *request)
{
	if (request->spool)
		close_file(request->spool);
}

void
mls_body_take(MlsHttpRequest *request, MlsHttpResponse *response)
{
	if (request->spooled)
	{
		/* The first piece, as the body; the whole is in the file. */
		response->spool = request->spool;
		response->body = palloc(sizeof(response->spool->piece));
		response->length = read_file(response->spool, 0);
		memcpy(response->body, response->spool->piece, response->length + SPARE_BYTES);
		request->spool = NULL;
		request->spooled = false;
		if (request->body)
			pfree(request->body);
	}
	else
	{
		response->length = request->length;
		response->body = request->body ? request->body : palloc(SPARE_BYTES);
		memset(response->body + response->length, 0, SPARE_BYTES);
	}
	request->body = NULL;
	request->capacity = 0;
	request->length = 0;
}

/* ---- reading ---- */

int64
mls_http_length(const MlsHttpResponse *response)
{
	return response->spool ? response->spool->length : (int64) response->length;
}

bool
mls_http_piece(MlsHttpPieces *pieces, const char **bytes, Size *length)
{
	const MlsHttpResponse *response = pieces->response;

	if (pieces->at >= mls_http_length(response))
		return false;
	if (response->spool)
	{
		*length = read_file(response->spool, pieces->at);
		*bytes = response->spool->piece;
	}
	else
	{
		*length = Min(response->length - (Size) pieces->at, MLS_HTTP_PIECE);
		*bytes = response->body + pieces->at;
	}
	pieces->at += *length;
	return true;
}

const char *
mls_http_tail(const MlsHttpResponse *response, int length)
{
	int64 total = mls_http_length(response);
	int64 at = total - Min(total, Min(length, MLS_HTTP_PIECE));

	if (response->spool == NULL)
		return response->body + at;
	(void) read_file(response->spool, at);
	return response->spool->piece;
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

TimestampTz
mls_http_date(const MlsHttpResponse *response, const char *name)
{
	const char *value = mls_http_header(response, name);
	time_t date = value ? curl_getdate(value, NULL) : -1;

	return date == -1 ? 0 : time_t_to_timestamptz((pg_time_t) date);
}

char *
mls_http_shown_name(const char *name, int length)
{
	char *copy = pnstrdup(name, length);

	for (char *c = copy; *c; c++)
		if ((unsigned char) *c <= 0x20 || (unsigned char) *c >= 0x7f)
			*c = '?';
	return copy;
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
		return mls_http_shown_name(c, strcspn(c, "\"; \t"));
	}
	return NULL;
}
