/*
 * talk.h
 *		Talking to a RETS source: what the files share that send requests.
 *
 * platforms.c  rows of constants      login.c     sessions, and every transaction; errors.c
 * dmql.c       conditions as DMQL2    forms.c     which of them a source takes
 * search.c     pages of records
 * parts.c      queries of a search    ask.c       their arguments, counting
 * fetch.c      metadata from a source  objects.c   files of records
 * expand.c     records inside records  lookup.c    what codes mean
 * errors.c     errors in words
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
	const MlsTable *table; /* of a search */
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

/* Logs in, unless that was done; the session is the one that every later transaction uses. */
extern void mls_rets_log_in(const MlsSource *source, MlsHttpStats *stats);

extern void mls_rets_argument(List **arguments, const char *name, const char *value);

/* ---- errors.c ---- */

/* What of a search a message shows: its table, the source's options in it, and the query. */
extern void mls_rets_show_call(const RetsCall *call, MlsHttpCall *http);

/* Raises an outcome that is an error. */
pg_noreturn extern void
mls_rets_report(const MlsSource *source, const RetsCall *call, const RetsOutcome *outcome);

/* ---- dmql.c ---- */

/* Conditions that are being written: which forms are, and which must not be. */
typedef struct Dmql
{
	const MlsTable *table;
	uint32 avoid; /* forms (forms.c) that the source refuses */
	uint32 used;  /* forms that occur, or would if they might */
	bool inexact; /* a condition had to be left out */
} Dmql;

extern MlsFit mls_rets_fit(const MlsTable *table, const MlsCondition *condition);

/* A query's conditions as DMQL2. */
extern char *mls_rets_query(const MlsQuery *query, Dmql *dmql);

/* Appends what is true for some values of the key field. */
extern void mls_rets_key_list(StringInfo buf, Dmql *dmql, List *keys);

/* Can a key stand in one query with others? */
extern bool mls_rets_key_lists(const Dmql *dmql, const char *key);

/* Can a list be sent as one query? */
extern bool mls_rets_value_lists(const Dmql *dmql, const MlsCondition *list);

/* ---- forms.c ---- */

/* Ways to write conditions that some sources refuse. */
#define RETS_FORM_OR 0x01          /* ((K=1)|(K=2)) */
#define RETS_FORM_LIST 0x02        /* (K=1,2) */
#define RETS_FORM_QUOTED_LIST 0x04 /* (K="A-1","B-2") */
#define RETS_FORM_QUOTED 0x08      /* (K="A-1") */
#define RETS_FORM_MATCH 0x10       /* (F=AB*) */
#define RETS_FORM_NEGATIVE 0x20    /* (N=-1+) */
#define RETS_FORM_NUMBER_LIST 0x40 /* (N=1,2) of numbers or dates */
#define RETS_FORM_LOOKUP 0x80      /* (F=|A,B): may be refused for its values */

/* What this process knows a source to refuse. */
extern uint32 mls_rets_refused(const MlsSource *source);

/*
 * A query with some forms was refused: asks with each of them alone, unless that was done,
 * and remembers the answers.  True if one is refused.
 */
extern bool mls_rets_learn_forms(const MlsTable *table, uint32 used, MlsHttpStats *stats);

/* Does an outcome say that a query could not be understood? */
extern bool mls_rets_is_syntax(const RetsOutcome *outcome);

/* MlsProtocol.try_conditions */
extern char *mls_rets_try_conditions(const MlsTable *table, bool *ok, MlsHttpStats *stats);

/* The values of a resource's lookups, in CurrentMemoryContext. */
extern RetsMetadata *
mls_rets_fetch_lookups(const MlsTable *table, const char *resource, MlsHttpStats *stats);

/* ---- lookup.c ---- */

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

/* ---- expand.c ---- */

extern List *mls_rets_expansions(const MlsTable *table);

/* The elements that the option expand names, for the reader of answers; ends with NULL. */
extern const char *const *mls_rets_repeated(const MlsTable *table);

/* ---- search.c, ask.c ---- */

extern MlsStream *mls_rets_open(const MlsQuery *query);
extern void mls_rets_start(MlsStream *stream);
extern MlsPage *mls_rets_next_page(MlsStream *stream);
extern void mls_rets_close(MlsStream *stream);
extern int64 mls_rets_count(const MlsQuery *query, MlsHttpStats *stats);
extern char *mls_rets_show(const MlsQuery *query);

/* ---- fetch.c ---- */

extern MlsRemoteSchema *mls_rets_describe(const MlsSource *source, MlsHttpStats *stats);

/* ---- ddf.c ---- */

/* Does a source send nested records, as CREA does? */
extern bool mls_rets_is_ddf(const MlsSource *source);

/* The resources of such a source. */
extern MlsRemoteSchema *mls_rets_ddf_schema(void);

/* ---- objects.c ---- */

extern void mls_rets_fetch_objects(const MlsObjectQuery *query, MlsObjectTake take, void *arg,
								   MlsHttpStats *stats);

#endif /* MLS_RETS_TALK_H */
