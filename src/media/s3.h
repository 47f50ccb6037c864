/*
 * s3.h
 *		What the files about S3 tell each other: requests, answers, and what is wrong.
 *
 *	s3_request.c	a request to a bucket or an object of it
 *	s3_error.c		what a service says when it refuses, in plain words
 *	s3_parts.c		files that are too large for one request
 *	store_s3.c		a bucket as a store
 */
#ifndef MLS_MEDIA_S3_H
#define MLS_MEDIA_S3_H

#include "postgres.h"

#include "http/url.h"
#include "media/store_parts.h"
#include "xml/xml.h"

typedef struct S3Store
{
	MlsStore head;
	MlsHttpSource http; /* the service at this bucket's address */
	char *path;         /* of the bucket in it: "/" or "/bucket" */
} S3Store;

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

/* ---- s3_request.c ---- */

extern MlsHttpRequest *mls_s3_start(S3Store *store, const S3Call *call);
extern MlsHttpResponse *mls_s3_fetch(S3Store *store, const S3Call *call);

/* A parameter of a request, in front of more of them. */
extern List *mls_s3_param(const char *name, const char *value, List *more);

/* A key of the bucket: the prefix with a name. */
extern char *mls_s3_key(const S3Store *store, const char *name);

/* Where an object is, in an address, unescaped. */
extern char *mls_s3_path(const S3Store *store, const char *name);

/* ---- s3_error.c ---- */

/* The code of an error in an answer ("NoSuchKey"); "" if it holds none. */
extern char *mls_s3_code(const MlsHttpResponse *response);

/* Does an answer of status 200 hold an error all the same? */
extern bool mls_s3_is_error(const MlsHttpResponse *response);

/* Raises it; task is what was to be done: "write", "read", "list", "delete". */
pg_noreturn extern void
mls_s3_report(const S3Store *store, const char *task, const MlsHttpResponse *response);

/* The same for one code and message that came within a longer answer. */
pg_noreturn extern void
mls_s3_report_code(const S3Store *store, const char *task, const char *code, const char *message);

/* The answer is not one that S3 gives. */
pg_noreturn extern void
mls_s3_report_stranger(const S3Store *store, const char *task, const MlsHttpResponse *response);

/* ---- s3_parts.c ---- */

/* From this length on a file is written in parts. */
#define MLS_S3_PARTS_FROM (INT64CONST(100) * 1024 * 1024)

extern void mls_s3_put_parts(S3Store *store, const MlsStoreFile *file);

/* Ends uploads in parts that began before a time and have not ended; how many. */
extern int64 mls_s3_sweep(S3Store *store, TimestampTz before);

/* ---- for answers in XML ---- */

/* An answer's document, in CurrentMemoryContext; its root must have that name. */
extern MlsXmlNode *mls_s3_document(const S3Store *store, const char *task,
								   const MlsHttpResponse *response, const char *root);

/* Text of a child, or "". */
extern const char *mls_s3_text(const MlsXmlNode *node, const char *child);

/* "2026-01-30T12:00:00.000Z", or 0. */
extern TimestampTz mls_s3_time(const char *text);

/* A text within XML. */
extern char *mls_s3_xml_escape(const char *text);

#endif /* MLS_MEDIA_S3_H */
