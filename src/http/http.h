/*
 * http.h
 *		The transport: requests to a source, and nothing about what they mean.
 *
 * This room is the only one that knows libcurl.  What it promises:
 *
 *	- Every wait is interruptible: latch and sockets are waited for together,
 *	  so a cancel, statement_timeout or termination ends it at once, with the
 *	  server's own SQLSTATE.
 *	- A request belongs to the memory context that was current when it was
 *	  started; whatever ends that context (end of query, ereport) ends the
 *	  transfer and frees what libcurl holds.
 *	- Quota is kept: a request is sent only when the source's rates allow it,
 *	  counted over all backends, and what one of them was told by a 429
 *	  holds all of them back.
 *	- Credentials go to the source's own origin (and its token endpoint) only,
 *	  and never into a message.
 *	- Network failures, 429 and 5xx are retried with growing, jittered delays
 *	  (Retry-After is obeyed), a 401 once after a new login or with the answer to
 *	  its challenge.
 *
 * A reader meets its files in this order: source.h (where and how to connect), url.c
 * (addresses) and egress.c (which of them may be asked), client.c (one request, its
 * attempts and its answer, response.h), multi.c (waiting for libcurl), body.c, rate_limit.c, auth.c
 * and http_session.c (who asks), signature.c (proving it in each request), mail.c (another protocol),
 * http_errors.c.  What they tell each other is in
 * transport.h.
 */
#ifndef MLS_HTTP_H
#define MLS_HTTP_H

#include "postgres.h"

#include "compat.h"

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "base/digest.h"
#include "http/response.h"
#include "http/source.h"

/* What was spent on a source by this process (or one scan); all counters only grow. */
typedef struct MlsHttpStats
{
	int64 requests; /* sent, retries and logins included */
	int64 retries;
	int64 wire_bytes; /* received, before decompression */
	int64 body_bytes; /* received, after decompression */
	int64 wait_us;    /* time waiting for the network */
	int64 quota_us;   /* time waiting for the quota */
} MlsHttpStats;

/* A mail.  Its call's url is smtp://host or smtps://host, its body all of it, headers too. */
typedef struct MlsHttpMail
{
	const char *from; /* an address, as the next */
	List *to;         /* of char * */
	bool plain;       /* without TLS, which only listed hosts may be asked */
} MlsHttpMail;

/* Bytes to be sent.  They, or the answer, must stay until the request is finished. */
typedef struct MlsHttpUpload
{
	const char *bytes;               /* or NULL: they are a part of */
	const MlsHttpResponse *response; /* the body of this answer, which may be in a file, */
	int64 at;                        /* from here */
	int64 length;
	uint8 sha256[MLS_SHA256_BYTES]; /* of them, for a source whose requests are signed */
} MlsHttpUpload;

typedef struct MlsHttpCall
{
	const char *method;          /* "GET", "HEAD", "POST", "PUT", "DELETE" */
	const char *url;             /* absolute */
	List *headers;               /* of char *, "Name: value"; never credentials */
	const char *body;            /* a text, or NULL */
	const MlsHttpUpload *upload; /* in its place, for PUT; or NULL */
	const MlsHttpMail *mail;     /* it is a mail, which stays as long as the request; or NULL */
	const char *purpose;         /* for messages: "page 15 of resource \"Property\"" */
	const char *table;           /* the foreign table it is for, or NULL */
	const char *filter; /* what of it the user wrote himself: that table's option filter, or NULL */
	const char *expand; /* likewise the option expand */
	const char *shown;  /* what of it a user should read where the URL does not say it, or NULL */
	const char *root;   /* what the option url must be, if it is wrong where nothing is; or NULL */
	bool spool;         /* a long body goes to a temporary file: read it by mls_http_piece */
	bool failures;      /* the last answer with a status of 500 or more is returned, too */
	bool
		statuses; /* the last answer is returned, whatever its status: redirects and refusals, too */
	bool answers; /* the first answer is returned, whatever its status; nobody else is held back */
} MlsHttpCall;

typedef struct MlsHttpRequest MlsHttpRequest;
struct sockaddr;

/* Starts a request; it belongs to CurrentMemoryContext.  Sends without waiting where it can. */
extern MlsHttpRequest *
mls_http_start(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats);

/* Lets running transfers proceed without waiting; cheap, call it between records. */
extern void mls_http_pump(void);

/*
 * Waits for the answer and returns it, allocated in the request's context.
 * Retries inside.  Any status below 500, and 501, except 401 (after one new login; a source that
 * keeps sessions says by it that one is lost, so there it is returned) and
 * 429 (after the retries) is returned for the protocol to judge; the others (unless
 * the call has `failures`), and network failures, are errors.
 */
extern MlsHttpResponse *mls_http_finish(MlsHttpRequest *request);

/* Ends a request that is not wanted any more; safe at any time. */
extern void mls_http_abandon(MlsHttpRequest *request);

/* start + finish */
extern MlsHttpResponse *
mls_http_fetch(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats);

/*
 * For who connects by a library of its own: is a host listed in mls_fdw.allowed_hosts, and is an
 * address (of IPv4 or IPv6) a public one?  What is neither is not asked.
 */
extern bool mls_egress_is_listed(const char *host, int port);
extern bool mls_egress_is_public(const struct sockaddr *address);

/* Text from outside as a message may show it: cut, printable, without the source's secrets. */
extern char *mls_http_clean(const MlsHttpSource *source, const char *text);

/* Raises the error for an unwelcome status; detail is the protocol's reading of the body, or NULL. */
pg_noreturn extern void mls_http_report_status(const MlsHttpSource *source, const MlsHttpCall *call,
											   const MlsHttpResponse *response, const char *detail);

/* " The request was: ...", for the detail of an error. */
extern char *mls_http_request_words(const MlsHttpSource *source, const MlsHttpCall *call);

/* Which options of its foreign table are in a request that was refused; NULL if none. */
extern char *mls_http_options_hint(const MlsHttpCall *call);

/* A body short and plain enough to be quoted where nobody has read it; or NULL. */
extern const char *mls_http_quotable(const MlsHttpResponse *response);

/* Forgets the cached token of a mapping (after ALTER USER MAPPING, on 401). */
extern void mls_http_forget_token(Oid mapping_id);

/* Forgets cookies and nonce of a source's session: the next request begins another. */
extern void mls_http_forget_session(const MlsHttpSource *source);

/* Tells one session of a source from another that has taken its place. */
extern uint64 mls_http_session_number(const MlsHttpSource *source);

/*
 * The last request of a session, in the moment of the process's or transaction's end:
 * waited for at most so long, its answer is not looked at.  It counts in the quota, and
 * is not sent where that has no room for it.  The address must have been asked before.
 */
extern void
mls_http_last_request(const MlsHttpSource *source, const MlsHttpCall *call, int limit_ms);

/*
 * A place among the sessions a source allows at a time (max_sessions), for this process:
 * waits for one, and errors when none becomes free.  It lasts until it is left or the
 * process ends, through errors too.
 */
#define MLS_NO_SESSION_SLOT (-1)
extern int mls_http_take_session(const MlsHttpSource *source, MlsHttpStats *stats);
extern void mls_http_leave_session(int slot);

/* What was spent on a source lately, by all processes of this database. */
typedef struct MlsHttpQuota
{
	int64 second;
	int64 minute;
	int64 hour;
	int64 day;
	int64 bytes_hour;
	TimestampTz free_at; /* the next request may be sent then */
} MlsHttpQuota;

/* False if nothing was counted, because the source has no limits or was not asked yet. */
extern bool mls_http_quota(const MlsHttpSource *source, MlsHttpQuota *out);

/* What is known of the request that failed last. */
typedef struct MlsHttpFailure
{
	int status;           /* the answer's; 0: none, or its body was what failed */
	bool is_quota;        /* nothing is wrong but the quota */
	bool is_refusal;      /* it answered that it does not take what it was asked */
	TimestampTz retry_at; /* the source may be asked again then; 0: not known */
} MlsHttpFailure;

/* All zero unless the error at hand is of a request: the next one to be started clears it. */
extern const MlsHttpFailure *mls_http_failure(void);

/* The answer, which is reported next, refuses what was asked; for protocols that say so in their own way. */
extern void mls_http_note_refusal(void);

/* The answer, which is reported next, says that the quota is spent; likewise. */
extern void mls_http_note_quota(void);

/* Does a status refuse what was asked?  For what it has not implemented OData has 501. */
static inline bool
mls_http_is_refusal(int status)
{
	return status == 400 || status == 422 || status == 501;
}

/* For who has caught a request's error and goes on. */
extern void mls_http_forget_failure(void);

/* GUCs of this room (mls_fdw.allowed_hosts): call from _PG_init. */
extern void mls_http_define_settings(void);

#endif /* MLS_HTTP_H */
