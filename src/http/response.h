/*
 * response.h
 *		An answer, as the protocols read it: its status, headers and body.  body.c
 *		reads it, wherever the body is.
 */
#ifndef MLS_HTTP_RESPONSE_H
#define MLS_HTTP_RESPONSE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

typedef struct MlsHttpSpool MlsHttpSpool;

typedef struct MlsHttpResponse
{
	int status;
	const char *url;          /* the one asked, for resolving links */
	const char *content_type; /* lower case, without parameters; "" if none */
	char *body;               /* NUL-terminated, at least 16 spare bytes of NUL after it */
	Size length;
	MlsHttpSpool *spool; /* NULL: body is all of it; else its first piece, the whole is in a file */
	char *validator;     /* header that asks next time whether it has changed; or NULL */
	List *headers;       /* of char *, "name: value", name in lower case */
} MlsHttpResponse;

/* A body is read in pieces of at most so many bytes. */
#define MLS_HTTP_PIECE (64 * 1024)

/* How far a body was read; a new one, {response}, reads from its beginning. */
typedef struct MlsHttpPieces
{
	const MlsHttpResponse *response;
	int64 at;
} MlsHttpPieces;

/* The next piece of a body, wherever that is; false at its end.  It stays until the next call. */
extern bool mls_http_piece(MlsHttpPieces *pieces, const char **bytes, Size *length);

/* Bytes of a body in all. */
extern int64 mls_http_length(const MlsHttpResponse *response);

/* The last bytes of a body, terminated; valid as a piece is. */
extern const char *mls_http_tail(const MlsHttpResponse *response, int length);

/*
 * A body that is made here, piece by piece, in a temporary file: it is read and uploaded as
 * that of an answer is.  It belongs to CurrentMemoryContext, also through transactions.
 */
extern MlsHttpResponse *mls_http_body_begin(void);
extern void mls_http_body_add(MlsHttpResponse *body, const char *bytes, Size length);

/* The character set that the Content-Type header names, or NULL. */
extern const char *mls_http_charset(const MlsHttpResponse *response);

/* Value of a response header (lower-case name), or NULL; or 0 where it is no date. */
extern const char *mls_http_header(const MlsHttpResponse *response, const char *name);
extern TimestampTz mls_http_date(const MlsHttpResponse *response, const char *name);

#endif /* MLS_HTTP_RESPONSE_H */
