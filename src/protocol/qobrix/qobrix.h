/*
 * qobrix.h
 *		The Qobrix CRM API (version 2) as a protocol: what its files share.
 *
 * A tenant is one customer's system, with a schema of its own.  Pages go by key where they
 * can, else by number.
 *
 * qobrix.c  its platforms, and the protocol's table   qobrix_query.c  a query as an address
 * schema.c  fields of resources, units and currency   qobrix_stream.c pages
 */
#ifndef MLS_QOBRIX_H
#define MLS_QOBRIX_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "protocol/condition.h"
#include "protocol/page_chain.h"

extern const MlsProtocol mls_qobrix_protocol;

/* Most records of a page. */
#define QOBRIX_MOST 100

/* The remote type of a record's companions, which come with `expand` and cannot be searched. */
#define QOBRIX_EMBEDDED "embedded"

/* The remote type of fields that are made as they are sent: they cannot be searched, either. */
#define QOBRIX_VIRTUAL "virtual"

/* The collection of files inside a record, and the resource of them all. */
#define QOBRIX_MEDIA "media"

/* qobrix_query.c */
extern MlsConditionWriter mls_qobrix_writer(const MlsTable *table);
extern bool mls_qobrix_sortable(const MlsTable *table, const MlsColumn *column);

/* A query as an address. */
typedef struct QobrixRequest
{
	const char *path;
	List *params; /* of MlsUrlParam * */
	int limit;    /* records of a page */
	bool exact;   /* no condition was left out */
	bool paged;   /* the answer is a page of many */
	bool bare;    /* the answer is one record, or 404 */
} QobrixRequest;

/* after: the key behind which the page begins, or NULL; page: its number, from 1. */
extern QobrixRequest *mls_qobrix_request(const MlsQuery *query, const char *after, int page);
extern QobrixRequest *mls_qobrix_count_request(const MlsQuery *query);
extern char *mls_qobrix_url(const MlsQuery *query, const QobrixRequest *request);
extern List *mls_qobrix_parts(const MlsQuery *query);
extern char *mls_qobrix_show(const MlsQuery *query);

/* Are pages read one behind the other by key?  Else by their numbers. */
extern bool mls_qobrix_by_key(const MlsQuery *query);

/* What the option expand asks for beside embedded records (List of MlsExpansion *). */
extern List *mls_qobrix_expansions(const MlsTable *table);

/* qobrix_stream.c */
extern MlsStream *mls_qobrix_open(const MlsQuery *query);
extern int64 mls_qobrix_count(const MlsQuery *query, MlsHttpStats *stats);

/* The words of an error body, or NULL. */
extern char *mls_qobrix_error_text(const MlsHttpResponse *response);

/* schema.c */
/* The resources whose records hold those of a table that has no list of its own (List of char *). */
extern List *mls_qobrix_holders(const MlsTable *table);
extern MlsRemoteSchema *mls_qobrix_describe(const MlsSource *source, MlsHttpStats *stats);

/* Units and currency. */
extern MlsTold *mls_qobrix_tell(const MlsSource *source, MlsHttpStats *stats);

#endif /* MLS_QOBRIX_H */
