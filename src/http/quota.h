/*
 * quota.h
 *		What is remembered of a source's quota, and the file that keeps it.
 */
#ifndef MLS_QUOTA_H
#define MLS_QUOTA_H

#include "postgres.h"

#include "port/pg_crc32c.h"
#include "utils/timestamp.h"

#include "http/http.h"

/* Where the files are, in the data directory; those of seat.c are cleared away together with these. */
#define QUOTA_DIRECTORY "mls_fdw"
#define SEAT_ENDING ".seat"

/* Requests remembered singly, for the limit per second. */
#define QUOTA_SLOTS 128

/* A window is cut into 60 buckets; one more is counted, because the oldest is only partly over. */
#define QUOTA_BUCKETS 61

typedef struct QuotaSlot
{
	TimestampTz at;   /* sent; once settled, answered */
	uint32 serial;    /* of the ticket that holds it */
	uint32 in_flight; /* not settled yet */
} QuotaSlot;

typedef struct QuotaWindow
{
	int64 newest; /* number of the newest bucket */
	int64 spent[QUOTA_BUCKETS];
} QuotaWindow;

typedef enum QuotaKind
{
	QUOTA_MINUTE,
	QUOTA_HOUR,
	QUOTA_DAY,
	QUOTA_BYTES, /* of an hour */
	QUOTA_KINDS
} QuotaKind;

typedef struct Quota
{
	uint32 magic;
	uint32 version;
	Oid database_id;
	char name[MLS_QUOTA_NAME]; /* of the quota: whose file it is */
	pg_crc32c crc;             /* of what follows */
	uint32 serial;             /* of the last ticket */
	TimestampTz updated_at;
	TimestampTz hold_until; /* the source has asked to be left alone; 0 or past: it has not */
	int64 typical_bytes;    /* moving average of answers */
	QuotaSlot slots[QUOTA_SLOTS];
	QuotaWindow windows[QUOTA_KINDS];
} Quota;

typedef enum QuotaRead
{
	QUOTA_GOOD,
	QUOTA_NEW,     /* nothing was spent yet: all zero */
	QUOTA_DAMAGED, /* not what this extension wrote: contents undefined */
	QUOTA_BUSY     /* locked by another process: try again; nothing was read */
} QuotaRead;

/* Locks and reads a source's file, creating it where needed; errors when that fails. */
extern QuotaRead mls_quota_lock(const char *name, Quota *quota);

/* The same for a file this process has locked before; NULL-like QUOTA_NEW if it is gone. No errors. */
extern QuotaRead mls_quota_relock(const char *name, Quota *quota);

/* Writes (unless quota is NULL) and unlocks; false if it could not be written. No errors. */
extern bool mls_quota_unlock(const char *name, Quota *quota);

/* Reads without a lock and without creating anything; false if there is nothing. */
extern bool mls_quota_peek(const char *name, Quota *quota);

#endif /* MLS_QUOTA_H */
