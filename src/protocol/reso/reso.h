/*
 * reso.h
 *		The RESO Web API (OData 4) as a protocol: what its files share.
 *
 * What a source refuses is learned, for the life of the process.  In the order in which a
 * reader meets them:
 *
 * reso.c       its platforms, and the protocol's table
 * filter.c     conditions as $filter           query.c   a query as an address
 * refusal.c    what a source refused
 * reso_stream.c pages                          metadata.c $metadata as resources
 * edm.c        the named parts of $metadata
 */
#ifndef MLS_RESO_H
#define MLS_RESO_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "protocol/condition.h"
#include "protocol/page_chain.h"

extern const MlsProtocol mls_reso_protocol;

/* filter.c */

/* What a column is to OData; decides which literals and operators it takes. */
typedef enum ResoType
{
	RESO_OTHER, /* cannot be compared remotely */
	RESO_STRING,
	RESO_ENUM,
	RESO_BOOLEAN,
	RESO_INTEGER,
	RESO_DECIMAL,
	RESO_DOUBLE,
	RESO_DATE,
	RESO_TIMESTAMP,
	RESO_TIME,
	RESO_GUID,
	RESO_STRINGS, /* collection of strings or enumeration members */
	RESO_FLAGS    /* an enumeration with IsFlags, an array to us */
} ResoType;

extern ResoType mls_reso_type(const MlsColumn *column);

extern MlsConditionWriter mls_reso_writer(const MlsTable *table);

/* Appends the conjunction of conditions; false in *exact when one had to be left out. */
extern void mls_reso_filter(StringInfo buf, const MlsQuery *query, bool *exact);

/* query.c */

/* Address parameters of a query (List of MlsUrlParam *), page hints included. */
typedef struct ResoRequest
{
	const char *path;
	List *params;  /* of MlsUrlParam * */
	List *headers; /* of char * */
	int64 top;     /* asked for by $top, or 0: the limit, or the size of a page */
	bool exact;    /* no condition was left out */
} ResoRequest;

extern ResoRequest *mls_reso_request(const MlsQuery *query);
extern ResoRequest *mls_reso_count_request(const MlsQuery *query);
extern char *mls_reso_show(const MlsQuery *query);
extern char *mls_reso_url(const MlsQuery *query, const ResoRequest *request);

/* The parts of a query (List of MlsPart *). */
extern List *mls_reso_parts(const MlsQuery *query);

/* Is an address too long for the source? */
extern bool mls_reso_is_too_long(const MlsQuery *query, const ResoRequest *request);

extern List *mls_reso_expansions(const MlsTable *table);
extern char *
mls_reso_rest_link(const MlsTable *table, const MlsRecord *record, const char *expansion);

/* refusal.c */

/* What a source may refuse to do with a field that its metadata declares. */
typedef enum ResoUse
{
	RESO_USE_FILTER,
	RESO_USE_ORDER,
	RESO_USE_SELECT,
	RESO_USE_FORM /* in a condition of some form: mls_reso_refuse_form() */
} ResoUse;

/* Remembers a refusal in this process. */
extern void mls_reso_refuse(const MlsTable *table, ResoUse use, const char *field);
extern bool mls_reso_refused(const MlsTable *table, ResoUse use, const char *field);

/* Fields a query uses so and an error message names, not yet known as refused (List of char *). */
extern List *mls_reso_named_fields(const MlsQuery *query, ResoUse use, const char *message);

/*
 * A source refused the conditions of a query, and did not say which.  The unusual
 * ones are remembered by their form, whatever the values; if there are none, all.
 */
extern void mls_reso_refuse_forms(const MlsQuery *query);
extern bool mls_reso_form_refused(const MlsTable *table, const MlsCondition *condition);

/* reso_stream.c */

/* The message of an OData error body, cut to a readable length; NULL if there is none. */
extern char *mls_reso_error_text(const MlsHttpResponse *response);
extern MlsStream *mls_reso_open(const MlsQuery *query);
extern int64 mls_reso_count(const MlsQuery *query, MlsHttpStats *stats);

/* metadata.c */

/* Fetches and reads the metadata of a source. */
extern MlsRemoteSchema *mls_reso_describe(const MlsSource *source, MlsHttpStats *stats);

/*
 * Reads a document, allocating in CurrentMemoryContext.  What can be read all
 * the same becomes a finding; what cannot is one error.  subject says in messages
 * what the document is ("metadata of source \"trestle\"").
 */
extern MlsRemoteSchema *mls_reso_read_metadata(const char *text, Size length, const char *subject);

#endif /* MLS_RESO_H */
