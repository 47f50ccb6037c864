/*
 * talk.h
 *		Talking to a RETS source: what the files share that send requests.
 *
 * platforms.c  rows of constants      login.c     sessions, and every transaction
 * dmql.c       conditions as DMQL2    search.c    pages of records, counting
 * fetch.c      metadata from a source  objects.c   files of records
 * expand.c     records inside records
 */
#ifndef MLS_RETS_TALK_H
#define MLS_RETS_TALK_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "protocol/rets/rets.h"

/* platforms.c */
extern const MlsPlatform *mls_rets_platform(const char *name);
extern const char *const mls_rets_platform_names[];

/* ---- login.c ---- */

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
} RetsCall;

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
mls_rets_report(const MlsSource *source, const char *purpose, const RetsOutcome *outcome);

/* The charset a Content-Type header names, or NULL. */
extern const char *mls_rets_charset(const MlsHttpResponse *response);

extern void mls_rets_argument(List **arguments, const char *name, const char *value);

/* ---- dmql.c ---- */

extern MlsFit mls_rets_fit(const MlsTable *table, const MlsCondition *condition);

/* A query's conditions as DMQL2; false in *exact when one had to be left out. */
extern char *mls_rets_query(const MlsQuery *query, bool *exact);

/* Appends "(field=value,value)" for values of the key field. */
extern void mls_rets_key_list(StringInfo buf, const MlsTable *table, List *keys);

/* ---- expand.c ---- */

extern List *mls_rets_expansions(const MlsTable *table);

/* The elements that the option expand names, for the reader of answers; ends with NULL. */
extern const char *const *mls_rets_repeated(const MlsTable *table);

/* ---- search.c ---- */

extern MlsStream *mls_rets_open(const MlsQuery *query);
extern void mls_rets_start(MlsStream *stream);
extern MlsPage *mls_rets_next_page(MlsStream *stream);
extern void mls_rets_close(MlsStream *stream);
extern int64 mls_rets_count(const MlsQuery *query, MlsHttpStats *stats);
extern char *mls_rets_show(const MlsQuery *query);

/* ---- fetch.c ---- */

extern MlsRemoteSchema *mls_rets_describe(const MlsSource *source, MlsHttpStats *stats);

/* ---- objects.c ---- */

extern void mls_rets_fetch_objects(const MlsObjectQuery *query, MlsObjectTake take, void *arg,
								   MlsHttpStats *stats);

#endif /* MLS_RETS_TALK_H */
