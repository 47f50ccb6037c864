/*
 * transport.h
 *		What the files of this room tell each other; nobody else includes it.
 */
#ifndef MLS_TRANSPORT_H
#define MLS_TRANSPORT_H

#include "postgres.h"

#include "compat.h"

#include <curl/curl.h>
#include <netdb.h>
#include <sys/socket.h>

#include "lib/ilist.h"
#include "utils/palloc.h"

#include "http/http.h"
#include "http/pace.h"

/*
 * CURLOPT_QUICK_EXIT came with 7.87; without it a cancel during a hanging name
 * lookup would wait for the resolver's thread.  curl_easy_nextheader is older.
 */
#if LIBCURL_VERSION_NUM < 0x075700
#error "mls_fdw needs libcurl 7.87 or newer"
#endif

/* ---- multi.c ---- */

/* One transfer as the multi handle sees it; the address of it is CURLOPT_PRIVATE. */
typedef struct MlsTransfer
{
	CURL *easy;
	bool running;    /* in the multi handle */
	CURLcode result; /* when it has ended */
} MlsTransfer;

extern int64 mls_clock_us(void);
extern void mls_multi_start(MlsTransfer *transfer);
extern void mls_multi_end(MlsTransfer *transfer, CURLcode result);
extern void mls_multi_free(MlsTransfer *transfer);
extern void mls_multi_poll(void);

/* A transfer of its own, blocking. Never throws. */
extern void mls_transfer_alone(CURL *easy);
extern void mls_multi_wait(int64 until);

/* ---- request.c ---- */

typedef enum RequestState
{
	REQUEST_UNSENT, /* waits for a token, a delay or the quota */
	REQUEST_SENT,   /* with libcurl, perhaps already answered */
	REQUEST_CLOSED  /* owns nothing any more */
} RequestState;

struct MlsHttpRequest
{
	MemoryContextCallback callback;
	MemoryContext context;
	dlist_node node; /* in the list of unsent and sent requests */
	RequestState state;
	const MlsHttpSource *source;
	MlsHttpCall call; /* a copy */
	MlsHttpStats *stats;
	bool is_login;     /* for a token: its refusal is judged by auth.c */
	bool same_origin;  /* the source's own: credentials may go along */
	bool challenged;   /* the last answer held a challenge */
	bool logged_again; /* a 401 was answered with a new login */
	int attempts;
	int64 not_before; /* mls_clock_us at which it may be sent */
	MlsPaceWait wait; /* what the quota said last */

	/* one attempt */
	MlsTransfer transfer;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	char *body;
	Size length;
	Size capacity;
	MlsHttpSpool *spool; /* where a long body goes, or NULL */
	bool spooled;        /* this attempt's body does */
	bool too_large;
	bool out_of_memory;
	bool connected;
	bool stalled;
	bool dripping;
	bool header_too_large;
	int64 sent_at; /* mls_clock_us, as the next two */
	int64 ended_at;
	int64 progress_at; /* the last byte */
	curl_off_t progress_bytes;
	int64 header_bytes;
	int64 pace_from;  /* since when the speed is measured, */
	int64 pace_bytes; /* and what had come by then */
	bool peer_listed; /* the peer is an allowed host: any address will do */
	char refused[64]; /* address that egress.c refused, or "" */
	MlsPaceTicket ticket;
};

/* mls_http_start for a login. */
extern MlsHttpRequest *
mls_request_start_login(const MlsHttpSource *source, const MlsHttpCall *call, MlsHttpStats *stats);

/* Sets up the transfer of a request; false when out of memory. */
extern bool mls_request_prepare(MlsHttpRequest *request);

/* A parser may look ahead so far without asking where the body ends: 16 and the terminator. */
#define MLS_SPARE_BYTES 17

/* mls_multi_wait, after which no long body is left in memory. */
extern void mls_request_wait(int64 until);

/* ---- spool.c ---- */

/* A body that may go to a file does so from this length on, unpacked or not. */
#define MLS_SPOOL_FROM (4 * 1024 * 1024)

extern void mls_spool_take(MlsHttpRequest *request);
extern void mls_spool_end(MlsHttpRequest *request);
extern void mls_spool_restart(MlsHttpSpool *spool);
extern void mls_spool_close(MlsHttpSpool *spool);
extern int64 mls_spool_length(const MlsHttpSpool *spool);
extern char *mls_spool_head(MlsHttpSpool *spool, Size *length);

/* ---- unpack.c ---- */

/* Does the body arrive as gzip? */
extern bool mls_request_is_gzip(MlsHttpRequest *request);

/* Replaces a compressed body by what it holds; what is wrong with it is the transfer's result. */
extern void mls_request_unpack(MlsHttpRequest *request);

/* ---- response.c ---- */

/* The answer to the last attempt, in CurrentMemoryContext; the body is moved, not copied. */
extern MlsHttpResponse *mls_request_response(MlsHttpRequest *request);

/* ---- retry.c ---- */

typedef enum RetryVerdict
{
	RETRY_DELIVER, /* the answer is for the caller */
	RETRY_AGAIN,   /* after *delay_us */
	RETRY_LOGIN,   /* after a new login */
	RETRY_FAIL
} RetryVerdict;

extern RetryVerdict mls_retry_judge(MlsHttpRequest *request, int status, int64 *delay_us);

/* ---- report.c ---- */

pg_noreturn extern void mls_report_failure(MlsHttpRequest *request);
pg_noreturn extern void mls_report_quota(const MlsHttpSource *source, const MlsPaceWait *wait);
pg_noreturn extern void mls_report_seats(const MlsHttpSource *source);
pg_noreturn extern void mls_report_retry_after(MlsHttpRequest *request, int status, int64 delay_us);

/* The credentials were refused, or cannot be sent; detail is a sentence. */
extern char *mls_report_token_hint(const MlsHttpSource *source);
pg_noreturn extern void mls_report_credentials(const MlsHttpSource *source, const char *detail);
pg_noreturn extern void mls_report_no_credentials(const MlsHttpSource *source, const char *detail);

/* ---- auth.c ---- */

/* Errors unless the source has credentials of its kind, fit for a header. */
extern void mls_auth_check(const MlsHttpSource *source);

/* A copy of text with the source's secrets masked, should the other side repeat one. */
extern char *mls_auth_mask(const MlsHttpSource *source, const char *text);

/* Can the credentials be sent now?  False: mls_auth_login first. */

/* Is a token to be got before the first request? */
extern bool mls_auth_needs_token(const MlsHttpSource *source);
extern bool mls_auth_ready(const MlsHttpSource *source);
extern void mls_auth_login(const MlsHttpSource *source, MlsHttpStats *stats);

/* Puts the credentials on a transfer; false when out of memory. */
extern bool mls_auth_apply(const MlsHttpSource *source, CURL *easy, struct curl_slist **headers);

/* ---- egress.c ---- */

/* Is host:port named in mls_fdw.allowed_hosts? */
extern bool mls_egress_listed(const char *host, int port);

/* Errors unless the address asked for may be asked at all; sets peer_listed. */
extern void mls_egress_check(MlsHttpRequest *request);

/* Installs the checks by address. */
extern bool mls_egress_apply(MlsHttpRequest *request);

/* ---- settings.c ---- */

extern char *mls_allowed_hosts;

/* ---- url.c ---- */

typedef struct MlsUrl
{
	char *scheme;
	char *host; /* lower case, IPv6 without brackets */
	int port;
	char *path;
	char *query; /* or NULL */
	bool has_user;
} MlsUrl;

/* Parts of an absolute address, palloc'd; false if it is malformed. */
extern bool mls_url_split(const char *text, MlsUrl *url);
extern bool mls_url_same_origin(const MlsUrl *a, const MlsUrl *b);

/* One value for a form body or a query: everything unreserved kept, the rest escaped. */
extern char *mls_url_escape(const char *text);

#endif /* MLS_TRANSPORT_H */
