/*
 * token.h
 *		Who asks: tokens that we sign, the consumers they name, and how often each may ask.
 *
 * A token says who a consumer is, no more.  His role and claims are those that the database
 * gives him now, so what is taken from him is gone with the next request.
 *
 * key_file.c		   the file of keys
 * signing_keys.c	   keys, what they sign, and their public halves
 * jwt.c			   tokens, signed and checked
 * token_scope.c		   what of his resources a token is for
 * consumers.c		   consumers as mls.serve_consumers() lists them; tokens that are revoked
 * consumer_limits.c   requests a second, a day, at once
 * slowdown.c		   those who guess secrets wait
 * oauth_request.c	   what is sent to the token endpoint
 */
#ifndef SERVE_TOKEN_H
#define SERVE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/base/arena.h"
#include "serve/base/bytes.h"

/* ---- Keys and tokens ---- */

/*
 * Reads keys: secrets (HS256) and private RSA keys (RS256); the first signs, all verify.
 * False, and what is wrong, if the file is not right: the keys before stay.
 */
extern bool serve_keys_read(const char *path, char *problem, size_t space);
extern bool serve_keys_present(void);
/* Public halves of RSA keys as a JSON Web Key Set; whether there are any. */
extern bool serve_keys_public(ServeBytes *out);

typedef struct ServeToken
{
	const char *client_id;
	const char *jti;
	const char *role;
	const char *scope; /* NULL: it says none */
	int64_t version;   /* not_before of its consumer when it was made */
	int64_t issued;    /* seconds since 1970 */
	int64_t expires;
} ServeToken;

/* What a token of a consumer holds besides iss, aud and times; claims is an object's JSON. */
typedef struct ServeTokenContent
{
	const char *client_id;
	const char *consumer;
	const char *role;
	const char *claims;
	const char *scope;
	int64_t version;
} ServeTokenContent;

extern char *serve_token_issue(ServeArena *arena, const ServeTokenContent *content, int64_t now);

/* False, with a reason that may be told, of a token that is not ours or not of now. */
extern bool serve_token_check(ServeArena *arena, const char *text, size_t length, int64_t now,
							  ServeToken *token, const char **reason);

/* ---- Scopes ---- */

/*
 * A scope is words with blanks between: names of resources, or "api" for all of them.  NULL is
 * "api".
 */
#define SERVE_SCOPE_ALL "api"

extern bool serve_scope_covers(const char *scope, const char *resource);
/*
 * What is granted to who asks for a scope; without one it is all that is allowed.  NULL: a word
 * of it is neither "api" nor a resource that he may read.
 */
extern const char *
serve_scope_grant(ServeArena *arena, const char *requested, const char *allowed,
				  bool (*is_known)(const void *context, const char *resource), const void *context);
/* What is in both. */
extern const char *serve_scope_narrow(ServeArena *arena, const char *wanted, const char *allowed);

/* ---- Consumers ---- */

typedef struct ServeRates
{
	double per_second; /* 0: no limit */
	double burst;
	int64_t per_day;
	int concurrency;
	int page_rows; /* at most; 0: as all */
} ServeRates;

typedef struct ServeConsumer
{
	const char *client_id;
	const char *name;
	const char *role;
	const char *claims; /* an object's JSON, without what we say ourselves */
	const char *scope;  /* what he may ask for at most; NULL: all that his role reads */
	ServeRates rates;
	int64_t not_before; /* microseconds since 1970; tokens of an earlier one are revoked */
	bool active;
} ServeConsumer;

typedef struct ServeConsumerList ServeConsumerList;

extern ServeConsumerList *serve_consumers_begin(void);
extern void serve_consumers_add(ServeConsumerList *list, const char *client_id, const char *name,
								const char *role, const char *claims, const char *limits,
								int64_t not_before, bool active);
/* From now on these are the consumers. */
extern void serve_consumers_publish(ServeConsumerList *list);
extern bool serve_consumer_find(ServeArena *arena, const char *client_id, ServeConsumer *consumer);
/* Changes whenever consumers are published: what was verified before is to be verified again. */
extern uint64_t serve_consumers_generation(void);
extern ServeRates serve_rates_read(const char *limits);
/* Both of malloc: claims as a consumer has them, and the scope among them, which may be NULL. */
extern char *serve_claims_clean(const char *claims);
extern char *serve_claims_scope(const char *claims);

/* The text for request.jwt.claims; scope is that of the request. */
extern char *serve_claims_text(ServeArena *arena, const ServeConsumer *consumer,
							   const ServeToken *token, const char *scope);

extern void serve_revoke(const char *jti, int64_t until);
extern bool serve_is_revoked(const char *jti);

/* Client ids and secrets that the database has said yes to a moment ago. */
extern bool serve_login_known(const char *client_id, const char *secret);
extern void serve_login_remember(const char *client_id, const char *secret);

/* ---- How often ---- */

/* 0, and the request counts as running; else the seconds to wait. */
extern int serve_limit_enter(const char *who, const ServeRates *rates);
extern void serve_limit_leave(const char *who);

/* Seconds to wait before a further attempt, 0: none; and what came of one. */
extern int serve_slowdown(const char *address, const char *client_id);
extern void serve_slowdown_result(const char *address, const char *client_id, bool good);

/* ---- The token endpoint ---- */

typedef struct ServeOAuthForm
{
	const char *grant_type;
	const char *scope;
	const char *token;
	const char *client_id;
	const char *client_secret;
	/* The same as it came, where decoding changed it. */
	const char *raw_client_id;
	const char *raw_client_secret;
	bool basic;        /* the header was used */
	int status;        /* 0: well formed */
	const char *error; /* "invalid_request" */
	const char *description;
} ServeOAuthForm;

extern void serve_oauth_read(ServeArena *arena, const char *content_type, const char *authorization,
							 const char *body, size_t length, ServeOAuthForm *form);
/* Client id and secret of a header "Basic ..."; false if there are none. */
extern bool serve_basic_read(ServeArena *arena, const char *authorization, ServeOAuthForm *form);

#endif /* SERVE_TOKEN_H */
