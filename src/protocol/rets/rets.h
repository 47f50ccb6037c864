/*
 * rets.h
 *		RETS as a protocol: sessions, searches, metadata and objects of a source.
 *
 * A transaction of RETS is one request within a session; its answer is judged by its reply
 * code.  A search is made of queries in DMQL2 and comes as pages.  In the order in which a
 * reader meets them:
 *
 * rets.c               platforms, table of functions
 * rets_options.c       options that only its servers have
 * rets_search.c        pages of records      rets_request.c       one query and its answer
 * rets_dmql.c          conditions as DMQL2
 * rets_dialect.c       which forms of it a source takes
 * rets_session.c       login, every transaction, errors
 * rets_answer.c        the envelope          rets_reply.c         reply codes
 * rets_compact.c       COLUMNS and DATA      rets_standard_xml.c  nested records
 * rets_describe.c      metadata, asked for   rets_metadata.c      its documents
 * rets_schema.c        as resources          rets_lookup.c        what codes mean
 * rets_objects.c       files of records
 *
 * What reads answers needs no server and no network: rets_answer.h and rets_metadata.h.
 */
#ifndef MLS_RETS_H
#define MLS_RETS_H

#include "postgres.h"

#include "http/url.h"
#include "protocol/condition.h"
#include "protocol/rets/rets_answer.h"
#include "protocol/rets/rets_metadata.h"

extern const MlsProtocol mls_rets_protocol;
extern const MlsOption mls_rets_options[];

/* ---- rets_session.c ---- */

typedef enum RetsTransaction
{
	RETS_SEARCH,
	RETS_GET_METADATA,
	RETS_GET_OBJECT,
	RETS_LOGOUT,
	RETS_ACTION
} RetsTransaction;

#define RETS_TRANSACTIONS (RETS_ACTION + 1)

typedef struct RetsCall
{
	RetsTransaction transaction;
	List *arguments;    /* of MlsUrlParam * */
	const char *accept; /* or NULL */
	const char *purpose;
	const MlsTable *table; /* of a search */
} RetsCall;

extern void mls_rets_argument(List **arguments, const char *name, const char *value);

/* Reads an answer; what it returns decides whether the call is repeated. */
typedef RetsOutcome (*RetsRead)(void *arg, const MlsHttpResponse *response);

/* Sends a request if the session is open, without waiting; NULL if it is not. */
extern MlsHttpRequest *
mls_rets_send(const MlsSource *source, const RetsCall *call, MlsHttpStats *stats);

/*
 * A transaction: logs in where that is needed, sends (unless `sent` is on its way
 * already), and has the answer read.  A lost session is opened once more, a source
 * that is busy is asked again; what then is still an error is returned.
 */
extern RetsOutcome
mls_rets_talk(const MlsSource *source, const RetsCall *call, MlsHttpRequest *sent, RetsRead read,
			  void *arg, MlsHttpStats *stats);

/* Raises an outcome that is an error. */
pg_noreturn extern void
mls_rets_report(const MlsSource *source, const RetsCall *call, const RetsOutcome *outcome);

/* Logs in, unless that was done; the session is the one that every later transaction uses. */
extern void mls_rets_log_in(const MlsSource *source, MlsHttpStats *stats);

/* ---- rets_lookup.c ---- */

/* Does a column hold what the values mean, and not the values? */
extern bool mls_rets_decodes(const MlsTable *table, const MlsColumn *column);

/* Asks for the lookups that a query's columns need, unless they are known. */
extern void mls_rets_learn_lookups(const MlsQuery *query, MlsHttpStats *stats);

/* The codes that are shown as a text (List of char *), as far as is known; never empty. */
extern List *mls_rets_codes(const MlsTable *table, const MlsColumn *column, const char *text);

/* Decodes the answers to one stream, in its context; NULL if nothing is decoded. */
typedef struct RetsDecoder RetsDecoder;
extern RetsDecoder *mls_rets_decoder(MlsStream *stream);

/* Another answer follows. */
extern void mls_rets_decoder_reset(RetsDecoder *decoder);

/* RetsReaderOptions.decode; arg is a decoder. */
extern const char *
mls_rets_decode(void *arg, const RetsAnswer *answer, int place, const char *value, int length);

/* ---- rets_request.c ---- */

/* The key field's name, or NULL. */
extern const char *mls_rets_key_field(const MlsTable *table);

/* select: the fields, or NULL for all; count: 1 with the records, 2 instead of them, 0 not. */
extern List *
mls_rets_search_arguments(const MlsTable *table, const char *query, const char *select, int count);

/* An answer that was read to its end, as pages. */
typedef struct RetsPages RetsPages;

/*
 * Reads an answer to its end, in CurrentMemoryContext, where the response must stay; its
 * pages are to have about so many records.  What is no whole answer is an error; the outcome
 * is the caller's to judge.
 */
extern RetsOutcome
mls_rets_read_search(const MlsTable *table, const MlsHttpResponse *response, const char *purpose,
					 int64 size, List *fields, RetsDecoder *decoder, RetsPages **pages);

/* What is known of the answer: everything. */
extern const RetsAnswer *mls_rets_pages_answer(const RetsPages *pages);

/* The next page, of CurrentMemoryContext: all records, or about as many as asked for and hardly
 * more than the source's max_page_bytes.  NULL at the end. */
extern MlsPage *mls_rets_pages_next(RetsPages *pages);

/* Have all records been handed out? */
extern bool mls_rets_pages_ended(const RetsPages *pages);

/* ---- members of mls_rets_protocol ---- */

extern MlsStream *mls_rets_open(const MlsQuery *query);
extern void mls_rets_start(MlsStream *stream);
extern MlsPage *mls_rets_next_page(MlsStream *stream);
extern void mls_rets_close(MlsStream *stream);
extern int64 mls_rets_count(const MlsQuery *query, MlsHttpStats *stats);
extern char *mls_rets_show(const MlsQuery *query);
extern MlsConditionWriter mls_rets_writer(const MlsTable *table);
extern List *mls_rets_expansions(const MlsTable *table);
extern char *mls_rets_try_conditions(const MlsTable *table, bool *ok, MlsHttpStats *stats);
extern MlsRemoteSchema *mls_rets_describe(const MlsSource *source, MlsHttpStats *stats);
extern void mls_rets_fetch_objects(const MlsObjectQuery *query, MlsObjectTake take, void *arg,
								   MlsHttpStats *stats);

/* ---- rets_describe.c ---- */

/* The values of a resource's lookups, in CurrentMemoryContext. */
extern RetsMetadata *
mls_rets_fetch_lookups(const MlsTable *table, const char *resource, MlsHttpStats *stats);

#endif /* MLS_RETS_H */
