/*
 * s3.h
 *		Buckets of S3: requests, answers, and what is wrong.
 *
 *	s3_bucket.c		where a bucket is; what it holds
 *	s3_request.c	a request to a bucket or an object of it
 *	s3_error.c		what a service says when it refuses, in plain words
 */
#ifndef MLS_PROTOCOL_S3_H
#define MLS_PROTOCOL_S3_H

#include "postgres.h"

#include "http/http.h"
#include "http/url.h"
#include "protocol/file/file.h"
#include "xml/xml.h"

/* A list of objects has so many at most, as have lists of keys to delete. */
#define MLS_S3_MOST_KEYS 1000

typedef struct MlsBucket
{
	const char *owner; /* whose it is, for messages: "store \"photos\"" */
	bool is_written;   /* more rights are needed than to read it */
	MlsFilePlace place;
	MlsHttpSource http; /* the service at this bucket's address */
	char *path;         /* of the bucket in it: "/" or "/bucket" */
	MlsHttpStats *stats;
} MlsBucket;

/* What to ask. */
typedef struct S3Call
{
	const char *method;
	const char *name; /* of a file, or NULL: the bucket itself */
	List *params;     /* of MlsUrlParam * */
	List *headers;    /* of char * */
	const char *body;
	const MlsHttpUpload *upload;
	bool spool;
	const char *purpose; /* "file 3f/3f5a.jpg" */
} S3Call;

/* ---- s3_bucket.c ---- */

/* The bucket that a source is; an error if its options name none. */
extern void mls_s3_bucket(MlsBucket *bucket, const MlsSource *source, const MlsFilePlace *place,
						  const char *owner, MlsHttpStats *stats);

/* An object in a list: valid while it is told. */
typedef struct MlsS3Object
{
	const char *name; /* below the prefix of the bucket */
	int64 length;
	TimestampTz modified;
	const char *tag; /* ETag, "" if there is none */
} MlsS3Object;

/* Takes an object; how many more are wanted. */
typedef int (*MlsS3Take)(void *arg, const MlsS3Object *object);

/*
 * Lists, in the order of keys, objects whose names begin with a prefix and come behind a name;
 * is_flat: those in folders below are left out.
 */
extern void mls_s3_list(MlsBucket *bucket, const char *prefix, const char *after, bool is_flat,
						int most, MlsS3Take take, void *arg);

/* ---- s3_request.c ---- */

extern MlsHttpRequest *mls_s3_start(MlsBucket *bucket, const S3Call *call);
extern MlsHttpResponse *mls_s3_fetch(MlsBucket *bucket, const S3Call *call);

/* A parameter of a request, in front of more of them. */
extern List *mls_s3_param(const char *name, const char *value, List *more);

/* A key of the bucket: the prefix with a name. */
extern char *mls_s3_key(const MlsBucket *bucket, const char *name);

/* Where an object is, in an address, unescaped. */
extern char *mls_s3_path(const MlsBucket *bucket, const char *name);

/* ---- s3_error.c ---- */

/* The code of an error in an answer ("NoSuchKey"); "" if it holds none. */
extern char *mls_s3_code(const MlsHttpResponse *response);

/* Does an answer of status 200 hold an error all the same? */
extern bool mls_s3_is_error(const MlsHttpResponse *response);

/* Raises it; task is what was to be done: "write", "read", "list", "delete". */
pg_noreturn extern void
mls_s3_report(const MlsBucket *bucket, const char *task, const MlsHttpResponse *response);

/* The same for one code and message that came within a longer answer. */
pg_noreturn extern void mls_s3_report_code(const MlsBucket *bucket, const char *task,
										   const char *code, const char *message);

/* The answer is not one that S3 gives. */
pg_noreturn extern void
mls_s3_report_stranger(const MlsBucket *bucket, const char *task, const MlsHttpResponse *response);

/* ---- for answers in XML ---- */

/* An answer's document, in CurrentMemoryContext; its root must have that name. */
extern MlsXmlNode *mls_s3_document(const MlsBucket *bucket, const char *task,
								   const MlsHttpResponse *response, const char *root);

/* Text of a child, or "". */
extern const char *mls_s3_text(const MlsXmlNode *node, const char *child);

/* "2026-01-30T12:00:00.000Z", or 0. */
extern TimestampTz mls_s3_time(const char *text);

/* A text within XML. */
extern char *mls_s3_xml_escape(const char *text);

#endif /* MLS_PROTOCOL_S3_H */
