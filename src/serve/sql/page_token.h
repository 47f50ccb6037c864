/*
 * page_token.h
 *		$skiptoken: where a page ended, of which request.
 *
 * A token names no table, field or role, and gives no right: what it holds are values to go
 * on from, which are parameters, and the rights of the request that brings it hold.  So it
 * is not signed; a checksum tells what was mangled on its way.
 */
#ifndef SERVE_PAGE_TOKEN_H
#define SERVE_PAGE_TOKEN_H

#include "serve/odata/odata.h"

typedef struct ServePageToken
{
	uint64_t request;  /* hash of what was asked */
	int64_t left;      /* rows of $top; -1: no $top */
	int64_t total;     /* -1: not counted */
	int64_t page_rows; /* of a page */
	int64_t now;       /* microseconds since 1970 */
	int ncursor;
	const char *const *cursor; /* NULL is SQL's */
} ServePageToken;

/* FNV-1a, of texts one after the other; the first one begins with this. */
#define SERVE_HASH_START UINT64_C(14695981039346656037)
extern uint64_t serve_hash(uint64_t hash, const char *text);

extern const char *serve_write_token(ServeArena *arena, const ServePageToken *token);
/* Ends the reading: 400 of what is no token of this request, 410 of another version's. */
extern void serve_read_token(ServeReader *reader, const char *text, uint64_t request, int ncursor,
							 ServePageToken *token);

#endif /* SERVE_PAGE_TOKEN_H */
