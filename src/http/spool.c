/*
 * spool.c
 *		Bodies that are too long for memory: in a temporary file, unpacked.
 *
 * A RETS source that ignores Limit sends a whole table as one answer.  Its reader
 * could be given the bytes as they come, with the transfer held back meanwhile.
 * That is not done: a session has room for one request, so that a second cursor
 * would wait for the first for ever; the source would see its connection stand
 * still for as long as somebody looks at a row; and an answer that breaks in the
 * middle could not be asked for again, since some of its rows would be out
 * already.  With a file the session is free at once, the transport's retries hold
 * for long bodies as for short ones, and whoever reads can read twice: first to
 * judge the whole, then to hand it out.
 *
 * libcurl's callbacks may not throw and writing a file does (temp_file_limit), so
 * they collect and mls_spool_take moves what they have to the file after each
 * wait.  Nothing arrives between waits: what is not asked for stays in the
 * network.  gzip is unpacked on the way, with zlib, which unlike libdeflate needs
 * no more than a piece of it.
 */
#include "postgres.h"

#include <zlib.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "http/transport.h"

/* Written to the file at once. */
#define WRITE_BYTES (256 * 1024)

struct MlsHttpSpool
{
	MemoryContextCallback callback;
	MemoryContext context;
	File file;      /* -1: closed */
	int64 length;   /* of the body, as far as it is in the file */
	bool is_gzip;   /* it arrives compressed */
	bool is_begun;  /* of a member, not all has come */
	z_stream *zlib; /* NULL: none yet */
	char *unpacked; /* WRITE_BYTES */
	char piece[MLS_HTTP_PIECE + MLS_SPARE_BYTES];
};

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

void
mls_spool_close(MlsHttpSpool *spool)
{
	if (spool)
		close_file(spool);
}

/* The file is ended by the memory context, not with a query: a cursor may outlive its transaction. */
static MlsHttpSpool *
make_spool(MlsHttpRequest *request)
{
	MlsHttpSpool *spool =
		MemoryContextAllocExtended(request->context, sizeof(MlsHttpSpool), MCXT_ALLOC_ZERO);

	spool->context = request->context;
	spool->file = -1;
	spool->callback.func = close_file;
	spool->callback.arg = spool;
	MemoryContextRegisterResetCallback(request->context, &spool->callback);
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
					errdetail("It holds an answer that is too long for memory.")));
}

static void
write_file(MlsHttpSpool *spool, char *bytes, Size length)
{
	while (length > 0)
	{
		int part = (int) Min(length, WRITE_BYTES);

		errno = 0;
		if (FileWrite(spool->file, bytes, part, spool->length, PG_WAIT_EXTENSION) != part)
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
	memset(spool->piece + wanted, 0, MLS_SPARE_BYTES);
	return wanted;
}

/* ---- unpacking ---- */

static void *
take_memory(void *context, unsigned int n, unsigned int size)
{
	return MemoryContextAllocExtended(context, (Size) n * size, MCXT_ALLOC_NO_OOM);
}

static void
give_memory(void *context, void *memory)
{
	pfree(memory);
}

static bool
begin_unpacking(MlsHttpSpool *spool)
{
	if (spool->zlib)
		return true;
	spool->unpacked = MemoryContextAlloc(spool->context, WRITE_BYTES);
	spool->zlib = MemoryContextAllocZero(spool->context, sizeof(z_stream));
	spool->zlib->zalloc = take_memory;
	spool->zlib->zfree = give_memory;
	spool->zlib->opaque = spool->context;
	/* 15 is the largest window, 16 stands for gzip. */
	return inflateInit2(spool->zlib, 15 + 16) == Z_OK;
}

/* What a part of a compressed body unpacks to goes to the file. */
static CURLcode
unpack_part(MlsHttpSpool *spool, char *bytes, Size length, int64 limit)
{
	z_stream *zlib = spool->zlib;

	zlib->next_in = (Bytef *) bytes;
	zlib->avail_in = (uInt) length;
	for (;;)
	{
		int result;

		CHECK_FOR_INTERRUPTS();
		zlib->next_out = (Bytef *) spool->unpacked;
		zlib->avail_out = WRITE_BYTES;
		if (!spool->is_begun && zlib->avail_in == 0)
			return CURLE_OK;
		/* A second member is rare, but the standard allows it. */
		if (!spool->is_begun && inflateReset(zlib) != Z_OK)
			return CURLE_BAD_CONTENT_ENCODING;
		spool->is_begun = true;
		result = inflate(zlib, Z_NO_FLUSH);
		if (result == Z_MEM_ERROR)
			return CURLE_OUT_OF_MEMORY;
		if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
			return CURLE_BAD_CONTENT_ENCODING;
		spool->is_begun = result != Z_STREAM_END;
		if (spool->length + WRITE_BYTES - zlib->avail_out > limit)
			return CURLE_FILESIZE_EXCEEDED;
		write_file(spool, spool->unpacked, WRITE_BYTES - zlib->avail_out);
		/* Room was left, so all of the part has been read. */
		if (spool->is_begun && zlib->avail_out > 0)
			return CURLE_OK;
	}
}

/* ---- receiving ---- */

/* An attempt begins: nothing of an earlier one counts. */
void
mls_spool_restart(MlsHttpSpool *spool)
{
	if (spool == NULL)
		return;
	spool->length = 0;
	spool->is_begun = false;
}

static void
fail(MlsHttpRequest *request, CURLcode result)
{
	mls_multi_end(&request->transfer, result);
	request->transfer.result = result;
}

/* Moves what has come to the file; what is wrong with it is the transfer's result. */
void
mls_spool_take(MlsHttpRequest *request)
{
	int64 limit = request->source->max_answer_bytes;
	MlsHttpSpool *spool = request->spool;
	CURLcode result = CURLE_OK;

	if (spool == NULL)
		spool = request->spool = make_spool(request);
	if (!request->spooled)
	{
		spool->is_gzip = mls_request_is_gzip(request);
		if (spool->is_gzip && !begin_unpacking(spool))
			result = CURLE_OUT_OF_MEMORY;
		request->spooled = true;
	}
	if (result != CURLE_OK)
		;
	else if (spool->is_gzip)
		result = unpack_part(spool, request->body, request->length, limit);
	else if (spool->length + request->length > limit)
		result = CURLE_FILESIZE_EXCEEDED;
	else
		write_file(spool, request->body, request->length);
	request->length = 0;
	if (result != CURLE_OK)
		fail(request, result);
}

/* The transfer has ended well: so must what it has brought. */
void
mls_spool_end(MlsHttpRequest *request)
{
	mls_spool_take(request);
	if (request->transfer.result == CURLE_OK && request->spool->is_begun)
		request->transfer.result = CURLE_BAD_CONTENT_ENCODING;
}

int64
mls_spool_length(const MlsHttpSpool *spool)
{
	return spool->length;
}

/* ---- reading ---- */

bool
mls_http_piece(MlsHttpPieces *pieces, const char **bytes, Size *length)
{
	const MlsHttpResponse *response = pieces->response;
	int64 total = response->spool ? response->spool->length : response->length;

	if (pieces->at >= total)
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
	int64 total = response->spool ? response->spool->length : response->length;
	int64 at = total - Min(total, Min(length, MLS_HTTP_PIECE));

	if (response->spool == NULL)
		return response->body + at;
	(void) read_file(response->spool, at);
	return response->spool->piece;
}

/* The first piece, as the body of a response whose whole is in the file. */
char *
mls_spool_head(MlsHttpSpool *spool, Size *length)
{
	char *head = palloc(MLS_HTTP_PIECE + MLS_SPARE_BYTES);

	*length = read_file(spool, 0);
	memcpy(head, spool->piece, *length + MLS_SPARE_BYTES);
	return head;
}
