/*
 * target_http.h
 *		Destinations that are asked over HTTP: requests, and what their answers say.
 */
#ifndef MLS_PUBLISH_TARGET_HTTP_H
#define MLS_PUBLISH_TARGET_HTTP_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "http/url.h"
#include "publish/target.h"
#include "record/record.h"

typedef struct HttpTarget
{
	MlsTarget head;
	MlsHttpSource http; /* the source, as this kind of destination logs in */
	MlsHttpSource once; /* the same, without further attempts */
	MlsHttpStats stats;
} HttpTarget;

/* How an option api_key travels. */
typedef struct HttpKey
{
	const char *header; /* NULL: as a bearer token */
	const char *format; /* of its value; NULL: as it is */
} HttpKey;

typedef struct HttpAsk
{
	const char *method;
	const char *path; /* below the option url, not escaped */
	List *params;     /* of MlsUrlParam * */
	List *headers;    /* of char *, besides the body's type */
	const char *type; /* of the body */
	const char *body; /* in the encoding of the database; or NULL */
	const char *what; /* for messages: "write", "make an index" */
	bool is_write;    /* no second attempt by itself where the first may still be under way */
	bool spool;       /* the answer may be long */
} HttpAsk;

/* The beginning of each kind's open: `size` bytes, zero but for HttpTarget at their head. */
extern void *mls_target_http_begin(const MlsTargetKind *kind, const MlsSource *source, Size size,
								   const HttpKey *key);

/* An answer of any status, in CurrentMemoryContext; one that says it is busy only after patience. */
extern MlsHttpResponse *mls_target_http_ask(HttpTarget *target, const HttpAsk *ask);

/* The same, which must be a success; or may say that what was asked for is not there: NULL. */
extern MlsHttpResponse *mls_target_http_get(HttpTarget *target, const HttpAsk *ask);
extern MlsHttpResponse *mls_target_http_try(HttpTarget *target, const HttpAsk *ask);

/* The object that stands at a path, or NULL. */
extern const MlsRecord *
mls_target_http_find(HttpTarget *target, const char *path, const char *what);

static inline bool
mls_target_http_is_good(const MlsHttpResponse *response)
{
	return response->status >= 200 && response->status < 300;
}

/* Raises the error for an answer that is none of the expected ones. */
pg_noreturn extern void mls_target_http_refuse(const HttpTarget *target, const HttpAsk *ask,
											   const MlsHttpResponse *response);

/* The JSON object that an answer, or a text within one, is; errors if it is none. */
extern const MlsRecord *mls_target_http_object(const HttpTarget *target, const HttpAsk *ask,
											   const MlsHttpResponse *response);
extern const MlsRecord *
mls_target_http_parse(const HttpTarget *target, const HttpAsk *ask, const char *text, int length);

/* An array of objects as a page of records: all of an answer, or a member of the object that it is. */
extern const MlsPage *mls_target_http_array(const HttpTarget *target, const HttpAsk *ask,
											const MlsHttpResponse *response, const char *member);

/* Parts of such objects: NULL, 0 and an empty one where they are not. */
extern char *mls_json_text(const MlsRecord *object, const char *name);
extern int64 mls_json_number(const MlsRecord *object, const char *name, int64 otherwise);
extern const MlsSlice *mls_json_part(const MlsRecord *object, const char *name, MlsKind kind);

/* What an error object or text says, short, printable, without secrets; in the database's encoding. */
extern char *mls_target_http_words(const HttpTarget *target, const char *text, int length);

/* A position as members of an object; and read from one again (false: it has none). */
extern void mls_target_append_position(StringInfo json, const MlsTargetPosition *position);
extern bool mls_target_read_position(const MlsRecord *object, MlsTargetPosition *position);

/* Adds a parameter of an address in front of more. */
extern List *mls_target_http_param(const char *name, const char *value, List *more);

/* Sleeps before attempt n (from 1), longer each time; cancels end it. */
extern void mls_target_http_pause(int attempt);

#endif /* MLS_PUBLISH_TARGET_HTTP_H */
