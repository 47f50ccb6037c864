/*
 * file.h
 *		Places of files: directories of this machine and buckets of S3, as foreign servers.
 *
 * A server of this protocol says where files are; it has no records and no foreign tables.
 */
#ifndef MLS_PROTOCOL_FILE_H
#define MLS_PROTOCOL_FILE_H

#include "postgres.h"

#include "protocol/protocol.h"

typedef enum MlsPathStyle
{
	MLS_PATH_STYLE_AUTO, /* by path where an endpoint is named */
	MLS_PATH_STYLE_TRUE, /* https://endpoint/bucket/name */
	MLS_PATH_STYLE_FALSE /* https://bucket.endpoint/name */
} MlsPathStyle;

/* The option url, taken apart. */
typedef struct MlsFilePlace
{
	const char *directory; /* absolute, without a slash at its end; NULL: a bucket */
	const char *bucket;
	const char *prefix; /* before names, with a slash at its end, or "" */
} MlsFilePlace;

/* What servers of this protocol have of their own: MlsSource.own. */
typedef struct MlsFileServer
{
	const char *public_url;
	bool shared; /* by several databases: nothing is removed */
} MlsFileServer;

extern const MlsProtocol mls_file_protocol;
extern const MlsOption mls_file_options[];

/* Takes an address of a place apart; NULL, or what is wrong with it (for errdetail). */
extern const char *mls_file_place(const char *url, MlsFilePlace *place);

/* Is it the address of a bucket, of which requests are signed? */
extern bool mls_file_is_signed(const char *url);

/* An error if the place of a source is closed to the role that asks. */
extern void mls_file_require_open(const MlsSource *source);

#endif /* MLS_PROTOCOL_FILE_H */
