/*
 * gunzip.h
 *		Unpacking gzip piece by piece, in bounded memory.
 */
#ifndef MLS_GUNZIP_H
#define MLS_GUNZIP_H

#include "postgres.h"

typedef struct MlsGunzip MlsGunzip;

typedef enum MlsGunzipResult
{
	MLS_GUNZIP_OK,      /* all of the input was taken, or the output is full */
	MLS_GUNZIP_INVALID, /* it is no gzip */
	MLS_GUNZIP_NO_MEMORY
} MlsGunzipResult;

/* Lives in a memory context, and takes its memory there. */
extern MlsGunzip *mls_gunzip_begin(MemoryContext context);

/* The same for what is compressed as gzip is, and has neither its header nor its trailer. */
extern MlsGunzip *mls_inflate_begin(MemoryContext context);

/* The checksum that gzip and archives have, of what was unpacked before (0: nothing) and these bytes. */
extern uint32 mls_gunzip_checksum(uint32 before, const char *bytes, Size length);

/* What comes now, until all of it was taken. */
extern void mls_gunzip_feed(MlsGunzip *gunzip, const char *bytes, Size length);

/*
 * Unpacks into `out`, of `room` bytes; how much it was goes to *length.  Less than that means
 * that more has to be fed.  Does not throw.
 */
extern MlsGunzipResult mls_gunzip_take(MlsGunzip *gunzip, char *out, Size room, Size *length);

/* Has all come that began?  Members may follow each other; the trailer of each is checked. */
extern bool mls_gunzip_is_whole(const MlsGunzip *gunzip);

/* What comes now begins anew. */
extern void mls_gunzip_forget(MlsGunzip *gunzip);

#endif /* MLS_GUNZIP_H */
