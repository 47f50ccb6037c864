/*
 * answer.h
 *		From a request to its answer.
 *
 * http hands over a call as it came.  serve_answer_begin() does what needs no database; if
 * that is not all, the call is a job of the pool, and serve_answer_run() does the rest on one
 * of its threads, and tells http by done().
 *
 * dispatch.c			which way a call goes
 * caller.c				who asks: tokens, Basic, how often
 * negotiate.c			which form the answer has
 * records.c			rows of the database as OData's JSON
 * media_file.c			a file of media, to who sees its record
 * datasets.c			files of datasets, in and out
 * byte_range.c			which of its bytes
 * trouble.c			errors, OData's and the database's
 * documents.c			service document and $metadata, kept with a role
 * metadata_xml.c		CSDL as XML
 * metadata_json.c		CSDL as JSON
 * oauth_answer.c		the token endpoint
 * seal.c				headers that all have: ETag, compression, CORS
 * audit_row.c			what is written down of it
 */
#ifndef SERVE_ANSWER_H
#define SERVE_ANSWER_H

#include "serve/base/arena.h"
#include "serve/base/bytes.h"
#include "serve/pool/pool.h"
#include "serve/schema/cache.h"
#include "serve/sql/query.h"
#include "serve/token/token.h"

enum
{
	SERVE_MAX_TARGET = 64 * 1024, /* of an address, and of all headers */
	SERVE_MAX_BODY = 64 * 1024,
	SERVE_MAX_HEADERS = 24
};

/* What we read of the headers of a request; NULL: it is not there. */
typedef struct ServeHeaders
{
	const char *accept;
	const char *accept_encoding;
	const char *authorization;
	const char *content_type;
	const char *if_none_match;
	const char *if_range;
	const char *origin;
	const char *prefer;
	const char *range;
	const char *odata_version;
	const char *odata_max_version;
	const char *request_method; /* Access-Control-Request-Method */
} ServeHeaders;

typedef enum ServeMetadataLevel
{
	SERVE_LEVEL_NONE,
	SERVE_LEVEL_MINIMAL,
	SERVE_LEVEL_FULL
} ServeMetadataLevel;

typedef struct ServeForm
{
	bool xml; /* of $metadata */
	bool json;
	bool text; /* fits $count and $value */
	bool ieee754;
	ServeMetadataLevel level;
} ServeForm;

typedef struct ServeReply
{
	int status;
	const char *content_type; /* NULL: no body */
	char *body;               /* of malloc, unless shared */
	size_t length;
	bool from_file; /* it is `length` bytes of an open file, from `offset` on */
	int file;
	int64_t offset;
	const char *cache; /* Cache-Control; NULL: as answers have it */
	bool shared;       /* it belongs to the documents of the call's role */
	bool gzip;         /* it is compressed */
	bool tagged;       /* it may be asked for again with If-None-Match */
	bool no_store;
	int rows;
	int nheaders;
	struct
	{
		const char *name;
		const char *value;
	} headers[SERVE_MAX_HEADERS];
} ServeReply;

typedef struct ServeCall
{
	ServeJob job; /* first: a job of ours is a call */
	ServeArena *arena;

	/* As it came. */
	const char *method;
	const char *target; /* raw: path and query */
	const char *address;
	ServeHeaders headers;
	ServeBytes body;
	size_t body_length; /* as it came; more than the limit is not kept */
	size_t body_limit;

	/* What we know by now. */
	const char *path; /* below the root, raw, with its first slash */
	const char *query;
	int version; /* 400 or 401 */
	ServeForm form;
	bool login_needed; /* credentials are to be asked of the database */
	bool oauth;
	const char *media; /* hash of the file that is asked for; NULL: it is none */
	struct ServeDatasetCall
		*dataset;            /* what of datasets is asked for; NULL: it is not about these */
	int64_t upload_reserved; /* bytes of the room that all bodies share */
	ServeOAuthForm credentials;
	ServeToken token;
	bool with_token;
	ServeConsumer consumer;
	const char *scope; /* of the token and the consumer; NULL: all that the role reads */
	const char *who;   /* whose limits hold; NULL: none counted yet */
	ServeRole *role;
	const ServePlan *plan;
	int64_t began;
	ServeReply reply;

	/* Of http. */
	void (*done)(struct ServeCall *call);
	void *connection;
	int state;
} ServeCall;

extern ServeCall *serve_call_new(const char *target);
extern void serve_call_free(ServeCall *call);

/* The headers are there: how long its body may be; -1: the reply says that it may have none. */
extern int64_t serve_answer_head(ServeCall *call);
/* Room for a body beyond SERVE_MAX_BODY, until the call is freed; false: there is none now. */
extern bool serve_upload_reserve(ServeCall *call, int64_t bytes);
/* True: the reply is there.  False: submit the job. */
extern bool serve_answer_begin(ServeCall *call);
/* The pool does not take it. */
extern void serve_answer_refused(ServeCall *call, ServeSubmit why);
/* A fault of HTTP itself, known before anything else is: 400, 413, 414, 431; 503: no room. */
extern void serve_answer_fault(ServeCall *call, int status);
/* Where it ends: who asked may ask again; a row of the audit is noted. */
extern void serve_answer_end(ServeCall *call);

#endif /* SERVE_ANSWER_H */
