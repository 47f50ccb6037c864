/*
 * asking.h
 *		What protocols share that ask by addresses: queries cut to a length, totals
 *		compared at the end, answers shown.
 *
 * For the folders below only; nothing above protocol.h needs it.
 */
#ifndef MLS_PROTOCOL_ASKING_H
#define MLS_PROTOCOL_ASKING_H

#include "postgres.h"

#include "http/url.h"
#include "protocol/protocol.h"

/* ---- split.c ---- */

/* A query, or a piece of one whose address would be too long. */
typedef struct MlsPart
{
	const MlsQuery *query;
	const char *field; /* of the list that was cut */
	List *own;         /* of char *: records with another value belong elsewhere; or NIL */
} MlsPart;

/* The address of a query, in CurrentMemoryContext. */
typedef char *(*MlsAddress)(const MlsQuery *query);

/* The parts of a query (List of MlsPart *). */
extern List *mls_split_query(const MlsQuery *query, MlsAddress address);

/* Takes records out of a page that belong to another part. */
extern void mls_part_keep_own(const MlsPart *part, MlsPage *page);

/* ---- asking.c ---- */

/* A path and its parameters (List of MlsUrlParam *) as EXPLAIN shows them; parts: how many. */
extern char *mls_show_address(const char *path, List *params, int parts);

/* Raises that an answer is no good; detail is a sentence. */
pg_noreturn extern void
mls_report_page(const MlsTable *table, const char *purpose, const char *detail);

/* An answer as a page of records, which are in a member of that name, or (NULL) it is the only one;
 * anything else is an error, and so is an answer that holds one. */
extern MlsPage *mls_read_page(const MlsTable *table, const char *purpose,
							  const MlsHttpResponse *response, const char *records_name);

/* Does an answer refuse the request itself, rather than who sends it or when? */
extern bool mls_is_refused(const MlsHttpResponse *response);

/* Asks for one record behind so many, and for the total; NULL if that cannot be asked. */
typedef MlsPage *(*MlsAskTotal)(const MlsQuery *query, int64 skipped, int64 *total,
								MlsHttpStats *stats);

/* A count; where the query wants it verified, nothing is behind so many records. */
extern int64 mls_ask_count(const MlsQuery *query, MlsAskTotal ask, MlsHttpStats *stats);

/* Raises that a source did not send what it announced. */
pg_noreturn extern void mls_report_short(const MlsTable *table, int64 announced, int64 received);

/* The number of records in a member of an answer; -1 without one.  What is none is an error. */
extern int64 mls_read_total(const MlsTable *table, const char *purpose, const MlsSlice *slice);

/* A JSON text that is an object, as a record; NULL if it is none.  For bodies of errors. */
extern const MlsRecord *mls_error_object(const char *text, int length);

/* The words of a source, cut to a few lines of a terminal. */
extern char *mls_error_words(const char *text);

#endif /* MLS_PROTOCOL_ASKING_H */
