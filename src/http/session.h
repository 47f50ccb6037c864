/*
 * session.h
 *		What a source that wants to be logged in to is sent with each request:
 *		cookies, the answer to its challenge, the proof of the user agent.
 */
#ifndef MLS_SESSION_H
#define MLS_SESSION_H

#include "postgres.h"

#include "http/transport.h"

/* What a source has asked for in a 401. */
typedef struct MlsChallenge
{
	bool digest;
	bool basic;
	char *realm;
	char *nonce;
	char *opaque;
	char *algorithm; /* as sent, or NULL */
	bool known;      /* the algorithm is one of ours */
	bool sha256;
	bool session;    /* -sess */
	const char *qop; /* "auth", "auth-int"; NULL: the oldest form */
	uint32 uses;     /* of the nonce */
} MlsChallenge;

/* One request as a digest sees it. */
typedef struct MlsDigestCall
{
	const char *username;
	const char *password;
	const char *method;
	const char *uri;    /* path and query as sent */
	const char *body;   /* or NULL */
	const char *cnonce; /* NULL: a random one */
} MlsDigestCall;

/* digest.c */

/* Reads one WWW-Authenticate header and keeps the best that was offered so far. */
extern void mls_challenge_read(MlsChallenge *best, const char *header);

/* Value of the Authorization header, in CurrentMemoryContext; counts a use of the nonce. */
extern char *mls_digest_header(MlsChallenge *challenge, const MlsDigestCall *call);

/* MD5 of pieces joined by colons, in hexadecimal digits. */
extern char *mls_digest_md5(const char *const *pieces, int count);

/* session.c */

/* Puts cookies and credentials of the session on a request; false when out of memory. */
extern bool mls_session_apply(MlsHttpRequest *request);

/* Takes cookies and a challenge from the answer that has come; true if it holds a challenge. */
extern bool mls_session_note(MlsHttpRequest *request);

#endif /* MLS_SESSION_H */
