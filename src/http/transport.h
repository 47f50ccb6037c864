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
#include "http/url.h"

/*
 * CURLOPT_QUICK_EXIT came with 7.87; without it a cancel during a hanging name
 * lookup would wait for the resolver's thread.  curl_easy_nextheader is older.
 */
#if LIBCURL_VERSION_NUM < 0x075700
#error "mls_fdw needs libcurl 7.87 or newer"
#endif

/* Its name was mended with 8.2. */
#if LIBCURL_VERSION_NUM < 0x080200
#define CURLOPT_MAIL_RCPT_ALLOWFAILS CURLOPT_MAIL_RCPT_ALLLOWFAILS
#endif

/* Where quotas are kept and sessions counted, in the data directory. */
#define MLS_LIMIT_DIRECTORY "mls_fdw"
#define MLS_SESSION_ENDING ".session"

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

/* The value of a header of the answer, which lasts as long as the transfer; or NULL. */
extern const char *mls_transfer_header(CURL *easy, const char *name);

/* Adds a line to a list of headers; false when out of memory: the list stays, to be freed. */
extern bool mls_header_add(struct curl_slist **headers, const char *line);

/* The same for a line that nobody is to find in memory later: it is freed. */
extern bool mls_header_add_secret(struct curl_slist **headers, char *line);

/* ---- rate_limit.c ---- */

/* A request that has been counted; kept to say later when it arrived and what it weighed. */
typedef struct MlsRateTicket
{
	char quota[MLS_QUOTA_NAME]; /* empty: nothing to settle */
	int slot;                   /* place in the per-second ring, or -1 */
	uint32 serial;
	TimestampTz sent_at;     /* where it is counted */
	TimestampTz answered_at; /* first byte of the answer, or 0 */
	bool moved;              /* counted at answered_at now */
	int64 reserved_bytes;
} MlsRateTicket;

/* Why a request cannot be sent now. */
typedef struct MlsRateWait
{
	int64 wait_us; /* ask again then */
	bool is_long;  /* longer than it is sensible to wait */
	bool is_held;  /* the source has asked for it; else limit and the words say for what */
	int64 limit;
	const char *one; /* "request" */
	const char *many;
	const char *period; /* "hour" */
} MlsRateWait;

/* Counts a request; false: not now, and *wait says why. Never waits. */
extern bool mls_rate_take(const MlsHttpSource *source, MlsRateTicket *ticket, MlsRateWait *wait);

/*
 * Notes the answer's first byte (answered_at is set by the caller) and, with
 * wire_bytes >= 0, its end.  False: the quota is locked just now, ask again.
 * Never waits, never errors.
 */
extern bool mls_rate_settle(MlsRateTicket *ticket, int64 wire_bytes);

/* A source that wants to be left alone for longer gets an error to be seen, not a silent wait. */
#define MLS_LONGEST_HOLD_US (120 * INT64CONST(1000000))

/*
 * The source has asked to be left alone for some time: from now on no process
 * sends it a request.  False: the quota is locked just now, ask again.
 */
extern bool mls_rate_hold(const MlsHttpSource *source, int64 delay_us);

/* The longest time a source is left alone, whatever it asks: its word may be nonsense. */
extern int64 mls_rate_clip(int64 delay_us);

/* ---- client.c ---- */

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
	MlsRateWait wait; /* what the quota said last */

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
	int64 speed_from;  /* since when the speed is measured, */
	int64 speed_bytes; /* and what had come by then */
	int64 sent;        /* of the upload */
	bool peer_listed;  /* the peer is an allowed host: any address will do */
	char refused[64];  /* address that egress.c refused, or "" */
	MlsRateTicket ticket;
	Size mail_sent; /* so much of a mail was sent */
};

/* ---- body.c ---- */

/* libcurl's callback for more of a body. */
extern size_t mls_body_receive(char *data, size_t size, size_t count, void *request);

/* libcurl's callbacks for more of an upload, and for another place in it. */
extern size_t mls_body_send(char *data, size_t size, size_t count, void *request);
extern int mls_body_seek(void *request, curl_off_t offset, int origin);

/* Moves a long body to its file; what is wrong with it is the transfer's result. */
extern void mls_body_spool(MlsHttpRequest *request);

/* The transfer has ended: its body as it was before it was compressed, likewise. */
extern void mls_body_end(MlsHttpRequest *request);

/* So much of it has come, unpacked. */
extern int64 mls_body_length(const MlsHttpRequest *request);

extern void mls_body_restart(MlsHttpRequest *request);
extern void mls_body_close(MlsHttpRequest *request);

/* Gives the body to a response; it is moved, not copied. */
extern void mls_body_take(MlsHttpRequest *request, MlsHttpResponse *response);

/* A name from a header, as a message may show it: names have no other characters than these. */
extern char *mls_http_shown_name(const char *name, int length);

/* ---- http_errors.c ---- */

/* The response is that of an attempt which has one. */
pg_noreturn extern void
mls_report_failure(MlsHttpRequest *request, const MlsHttpResponse *response);
pg_noreturn extern void mls_report_quota(const MlsHttpSource *source, const MlsRateWait *wait);
pg_noreturn extern void mls_report_no_session_slot(const MlsHttpSource *source);
pg_noreturn extern void mls_report_retry_after(MlsHttpRequest *request, int status, int64 delay_us);

/* ---- auth.c ---- */

/* Errors unless the source has credentials of its kind, fit for a header. */
extern void mls_auth_check(const MlsHttpSource *source);

/* Is a token to be got before the first request? */
extern bool mls_auth_needs_token(const MlsHttpSource *source);

/* Can the credentials be sent now?  False: a token is to be got first. */
extern bool mls_auth_ready(const MlsHttpSource *source);

/* The request for a token, and the source as the token endpoint's own; both in CurrentMemoryContext. */
extern void
mls_auth_prepare_login(const MlsHttpSource *source, MlsHttpSource *endpoint, MlsHttpCall *call);

/* Keeps the token that an answer holds. */
extern void mls_auth_take_token(const MlsHttpSource *source, const MlsHttpResponse *response);

/* The address with the key that travels in it, if one does. */
extern char *mls_auth_address(const MlsHttpSource *source, const char *url);

/* Puts the credentials on a transfer; false when out of memory. */
extern bool mls_auth_apply(const MlsHttpSource *source, CURL *easy, struct curl_slist **headers);
extern bool mls_auth_set_basic(const MlsHttpSource *source, CURL *easy);

/* The credentials were refused; detail is a sentence. */
pg_noreturn extern void mls_auth_report_rejected(const MlsHttpSource *source, const char *detail);

/* What may be wrong with where the token was asked for. */
extern char *mls_auth_token_hint(const MlsHttpSource *source);

/* ---- mail.c ---- */

/* Puts a call's mail on a transfer; false when out of memory. */
extern bool mls_mail_apply(MlsHttpRequest *request, CURL *easy);

/* ---- http_session.c ---- */

/* Puts cookies and credentials of the session on a request; false when out of memory. */
extern bool mls_session_apply(MlsHttpRequest *request);

/* Takes cookies and a challenge from the answer that has come; true if it holds a challenge. */
extern bool mls_session_note(MlsHttpRequest *request);

/* ---- signature.c ---- */

/* Signs a request (AWS Signature Version 4) of a canonical address; false when out of memory. */
extern bool mls_signature_apply(MlsHttpRequest *request);

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

/* mls_url_is_own() of an address that has been taken apart. */
extern bool mls_url_split_is_own(const MlsHttpSource *source, const char *text, const MlsUrl *url);

/* A link against the address it came from, without a fragment; NULL if it is malformed. */
extern char *mls_url_join(const char *base, const char *link);

/* An address with scheme and port of another; NULL if that cannot be. */
extern char *mls_url_with_origin(const char *url, const MlsUrl *origin);

/* One value for a form body or a query: everything unreserved kept, the rest escaped. */
extern char *mls_url_escape(const char *text);

/* ---- egress.c ---- */

/* Errors unless the address asked for may be asked at all; sets peer_listed.  Gives its parts. */
extern void mls_egress_check(MlsHttpRequest *request, MlsUrl *url);

/* Installs the checks by address. */
extern bool mls_egress_apply(MlsHttpRequest *request);

#endif /* MLS_TRANSPORT_H */
