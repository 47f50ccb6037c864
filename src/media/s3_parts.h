/*
 * s3_parts.h
 *		A bucket of S3 as a store (store_s3.c), and files of it that are too large for one
 *		request (s3_parts.c).
 */
#ifndef MLS_S3_PARTS_H
#define MLS_S3_PARTS_H

#include "postgres.h"

#include "media/store_parts.h"
#include "protocol/file/s3.h"

typedef struct S3Store
{
	MlsStore head;
	MlsBucket bucket;
} S3Store;

/* From this length on a file is written in parts. */
#define MLS_S3_PARTS_FROM (INT64CONST(100) * 1024 * 1024)

extern void mls_s3_put_parts(S3Store *store, const MlsStoreFile *file);

/* Ends uploads in parts that began before a time and have not ended; how many. */
extern int64 mls_s3_sweep(S3Store *store, TimestampTz before);

#endif /* MLS_S3_PARTS_H */
