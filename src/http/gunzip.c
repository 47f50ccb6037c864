/*
 * gunzip.c
 *		Unpacking gzip piece by piece, in bounded memory.
 *
 * zlib, which can stop anywhere; what is in memory as a whole goes faster with libdeflate
 * (body.c).
 */
#include "postgres.h"

#include <zlib.h>

#include "http/gunzip.h"

struct MlsGunzip
{
	z_stream zlib;
	bool is_ready;
	bool is_begun; /* of a member, not all has come */
};

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

static MlsGunzip *
begin(MemoryContext context, int window)
{
	MlsGunzip *gunzip = MemoryContextAllocZero(context, sizeof(MlsGunzip));

	gunzip->zlib.zalloc = take_memory;
	gunzip->zlib.zfree = give_memory;
	gunzip->zlib.opaque = context;
	gunzip->is_ready = inflateInit2(&gunzip->zlib, window) == Z_OK;
	return gunzip;
}

/* 15 is the largest window; 16 stands for gzip, the minus for neither header nor trailer. */
MlsGunzip *
mls_gunzip_begin(MemoryContext context)
{
	return begin(context, 15 + 16);
}

MlsGunzip *
mls_inflate_begin(MemoryContext context)
{
	return begin(context, -15);
}

uint32
mls_gunzip_checksum(uint32 before, const char *bytes, Size length)
{
	return crc32_z(before, (const Bytef *) bytes, length);
}

void
mls_gunzip_feed(MlsGunzip *gunzip, const char *bytes, Size length)
{
	gunzip->zlib.next_in = (Bytef *) bytes;
	gunzip->zlib.avail_in = (uInt) length;
}

MlsGunzipResult
mls_gunzip_take(MlsGunzip *gunzip, char *out, Size room, Size *length)
{
	z_stream *zlib = &gunzip->zlib;

	*length = 0;
	if (!gunzip->is_ready)
		return MLS_GUNZIP_NO_MEMORY;
	zlib->next_out = (Bytef *) out;
	zlib->avail_out = (uInt) room;
	while (zlib->avail_out > 0 && (gunzip->is_begun || zlib->avail_in > 0))
	{
		int result;

		/* A second member is rare, but the standard allows it. */
		if (!gunzip->is_begun && inflateReset(zlib) != Z_OK)
			return MLS_GUNZIP_INVALID;
		gunzip->is_begun = true;
		result = inflate(zlib, Z_NO_FLUSH);
		if (result == Z_MEM_ERROR)
			return MLS_GUNZIP_NO_MEMORY;
		if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
			return MLS_GUNZIP_INVALID;
		gunzip->is_begun = result != Z_STREAM_END;
		/* Room was left, so all of the input has been read. */
		if (gunzip->is_begun && zlib->avail_out > 0)
			break;
	}
	*length = room - zlib->avail_out;
	return MLS_GUNZIP_OK;
}

bool
mls_gunzip_is_whole(const MlsGunzip *gunzip)
{
	return !gunzip->is_begun;
}

void
mls_gunzip_forget(MlsGunzip *gunzip)
{
	gunzip->is_begun = false;
	gunzip->zlib.avail_in = 0;
}
