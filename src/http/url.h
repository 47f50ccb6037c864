/*
 * url.h
 *		Addresses.  All of them are built here; nothing is concatenated elsewhere.
 */
#ifndef MLS_HTTP_URL_H
#define MLS_HTTP_URL_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "http/source.h"

/* One `name=value` of a query string; both are escaped by mls_url_build. */
typedef struct MlsUrlParam
{
	const char *name;
	const char *value;
} MlsUrlParam;

/* base + "/" + path ("Property", or "" for the root) + the parameters (List of MlsUrlParam *).
 * Keeps $ ' ( ) , : * / @ ; readable where the standard allows; a space is %20, a plus %2B. */
extern char *mls_url_build(const char *base, const char *path, List *params);

/*
 * The same as S3 wants to have it signed: the path (from the origin on, not escaped) and the
 * parameters, in their order, with everything escaped but letters, digits, -._~ and the
 * slashes of the path.
 */
extern char *mls_url_canonical(const char *origin, const char *path, List *params);

/*
 * A canonical address with parameters by which it can be read (GET) without credentials,
 * for so long, at a source of MLS_AUTH_SIGNATURE.  No network.
 */
extern char *
mls_url_signed(const MlsHttpSource *source, const char *origin, const char *path, int seconds);

/* Parameters as a form body: everything but letters, digits and -._~ is escaped. */
extern char *mls_url_form(List *params);

/* Resolves a link from a response against the address it came from and checks that it stays on
 * the source's own origin (scheme, host, port) or an allowed host; an error otherwise. */
extern char *mls_url_resolve(const MlsHttpSource *source, const char *base, const char *link);

/* A link from a source's records against the source's root, which need not be the link's host;
 * NULL if that makes no address of http without a user's name.  Whether it may be asked is judged when it is. */
extern char *mls_url_absolute(const MlsHttpSource *source, const char *link);

/* Did a source of https give a link in plain http to itself, which was mended? */
extern bool mls_url_mended(Oid server_id);

/* Address with the values of secret-bearing query parameters masked, host kept: for messages. */
extern char *mls_url_display(const char *url);

/* Path and query of an address relative to the source's root: for EXPLAIN. */
extern char *mls_url_relative(const MlsHttpSource *source, const char *url);

/* The same with escaped characters as they were written: for messages. */
extern char *mls_url_readable(const MlsHttpSource *source, const char *url);

/* Is this a usable absolute http(s) address?  No network. Returns NULL, or what is wrong (for errdetail). */
extern const char *mls_url_problem(const char *url);

/* Hosts as mls_fdw.allowed_hosts lists them: host, host:port or *.suffix, separated by commas.
 * What is wrong with such a list (for errdetail), or NULL; and does it name the host of an address? */
extern const char *mls_hosts_problem(const char *list);
extern bool mls_hosts_name(const char *list, const char *url);

/* The host of an address, palloc'd; NULL if it is malformed. */
extern char *mls_url_host(const char *url);

/* Are two addresses on one host? */
extern bool mls_url_same_host(const char *a, const char *b);

/* Is an address on the source's own origin: scheme, host and port? */
extern bool mls_url_is_own(const MlsHttpSource *source, const char *url);

#endif /* MLS_HTTP_URL_H */
