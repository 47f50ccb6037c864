/*
 * search.h
 *		What the files of a search share.
 *
 * search.c is the stream of pages, parts.c the queries it is made of, ask.c what
 * one request says.
 */
#ifndef MLS_RETS_SEARCH_H
#define MLS_RETS_SEARCH_H

#include "postgres.h"

#include "utils/hsearch.h"

#include "protocol/rets/talk.h"

/* One query of a stream, which ends when all its records have come. */
typedef struct RetsPart
{
	const char *query;
	const MlsQuery *asked; /* what it asks for; NULL: keys */
	List *keys;            /* of char *: asked for by these; or NIL */
	bool is_rest;          /* what a list of keys has shown to be missing */
	bool halved;           /* of a list that did not come whole: its records may have come before */
} RetsPart;

typedef struct RetsStream
{
	MlsStream head;
	MemoryContext context;
	MemoryContext page_context;   /* of the page handed out */
	MemoryContext ahead_context;  /* of the request on its way */
	MemoryContext answer_context; /* of the answer that is handed out; NULL: none is */
	const char *conditions;       /* as DMQL2, all of them */
	Dmql dmql;                    /* how they were written */
	const char *select;           /* or NULL: all fields */
	List *parts;                  /* of RetsPart *, those still to be read */
	List *fields;                 /* of char *: those asked for */
	RetsCall call;
	MlsHttpRequest *request;
	bool no_offset;  /* the source refuses it */
	int64 offset;    /* of the request, from 1 */
	int64 limit;     /* of the request, or -1 */
	int64 most;      /* that may be asked for at once, since the source refused more; or 0 */
	int64 announced; /* for this part, or -1 */
	int64 rows;      /* of this part, repeated ones too */
	int64 distinct;  /* of this part, different ones */
	bool doubtful;   /* pages of this part did not fit together */
	bool stuck;      /* this part has more, which does not come */
	int pass;        /* of this part: it is read again where nothing else proves its end */
	bool begun;      /* this part was asked for */
	bool done;
	RetsDecoder *decoder;  /* or NULL */
	HTAB *seen;            /* hashes of keys */
	RetsPages *answer;     /* the one at hand */
	RetsOutcome outcome;   /* its */
	int64 fresh;           /* records of it that had not come before */
	MlsXmlRepairs repairs; /* of all answers */
} RetsStream;

static inline const MlsTable *
mls_rets_table_of(const RetsStream *stream)
{
	return stream->head.query->table;
}

static inline const MlsPlatform *
mls_rets_platform_of(const RetsStream *stream)
{
	return &mls_rets_table_of(stream)->source->platform;
}

/* ---- ask.c ---- */

/* The key field's name, or NULL. */
extern const char *mls_rets_key_field(const MlsTable *table);

extern List *
mls_rets_search_arguments(const MlsTable *table, const char *query, const char *select, bool count);

/* The fields to select, the key among them; NULL for all. */
extern const char *mls_rets_select(const MlsQuery *query);

/* Records to ask for at once, or -1 for all. */
extern int64 mls_rets_choose_limit(const RetsStream *stream);

/* Reads an answer to its end; its pages are to have about so many records. */
extern RetsOutcome
mls_rets_read_search(const MlsTable *table, const MlsHttpResponse *response, const char *purpose,
					 int64 size, List *fields, RetsDecoder *decoder, RetsPages **answer);

/* The fields that a query asks for (List of char *), by name where it asks for all. */
extern List *mls_rets_asked_fields(const MlsQuery *query);

/* Opens a stream without a look at the network, as far as lookups are known. */
extern MlsStream *mls_rets_open_stream(const MlsQuery *query);

/* Does an answer say that more records exist than it holds? */
extern bool mls_rets_says_more(const RetsAnswer *answer, const RetsOutcome *outcome);

/* ---- parts.c ---- */

/* Gives a stream its queries: one, or several where a list of keys is too long for one. */
extern void mls_rets_plan_parts(RetsStream *stream);

/* Writes the parts that are left anew, since the source has refused how they were written. */
extern void mls_rets_plan_anew(RetsStream *stream);

/*
 * Lists all keys that meet the part's query and plans parts for those not seen.  False if
 * the query was refused: the parts are planned anew then.
 */
extern bool mls_rets_list_rest(RetsStream *stream, const RetsPart *part);

/* After a query that was not understood: false if the source refuses none of its forms. */
extern bool mls_rets_writes_otherwise(RetsStream *stream);

/*
 * A part that asks for values of the key becomes two, since its answer was not whole and
 * pages are no proof; false if it cannot.
 */
extern bool mls_rets_halve_list(RetsStream *stream);

/*
 * A part that asks for values of the key asks again for those that have not come: a source
 * may send fewer and not say so.  False if there are none, or none has come.
 */
extern bool mls_rets_ask_rest(RetsStream *stream);

/* A part that was too much at once becomes two; false if it cannot. */
extern bool mls_rets_halve(RetsStream *stream);

/*
 * Leaves in a part of keys those that have not come: a source may send fewer than asked
 * for and not say so.  False if there are none.
 */
extern bool mls_rets_keep_missing(RetsStream *stream);

/* Did a record with this key come already?  With note, it has from now on. */
extern bool mls_rets_was_seen(RetsStream *stream, const char *key, bool note);

/* Raises that fewer records came than there are; announced is -1 where that is not known. */
pg_noreturn extern void
mls_rets_report_end(const RetsStream *stream, int64 announced, int64 received);

#endif /* MLS_RETS_SEARCH_H */
