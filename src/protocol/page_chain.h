/*
 * page_chain.h
 *		What protocols share that ask by addresses and are answered in JSON: pages asked
 *		for one after another, each while the one before is read; queries cut to a length;
 *		totals compared at the end.
 *
 * What a protocol adds is its way: how the first page is asked for, how an answer is
 * read, and where the chain goes on.  Every page lives in a context of its own, which
 * goes when the next page is asked for; what is needed longer lives in the chain's.
 *
 * For the folders below only; nothing above protocol.h needs it.
 */
#ifndef MLS_PROTOCOL_PAGE_CHAIN_H
#define MLS_PROTOCOL_PAGE_CHAIN_H

#include "postgres.h"

#include "utils/hsearch.h"

#include "http/url.h"
#include "protocol/protocol.h"
#include "record/key_set.h"

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

/* A path and its parameters (List of MlsUrlParam *) as EXPLAIN shows them; parts: how many. */
extern char *mls_show_address(const char *path, List *params, int parts);

/* ---- json_answer.c ---- */

/* Raises that an answer is no good; detail is a sentence. */
pg_noreturn extern void
mls_report_page(const MlsTable *table, const char *purpose, const char *detail);

/* An answer as a page of records, which are in a member of that name, or (NULL) it is the only one;
 * anything else is an error, and so is an answer that holds one. */
extern MlsPage *mls_read_page(const MlsTable *table, const char *purpose,
							  const MlsHttpResponse *response, const char *records_name);

/* Does an answer refuse the request itself, rather than who sends it or when? */
extern bool mls_is_refused(const MlsHttpResponse *response);

/* The number of records in a member of an answer; -1 without one.  What is none is an error. */
extern int64 mls_read_total(const MlsTable *table, const char *purpose, const MlsSlice *slice);

/* A JSON text that is an object, as a record; NULL if it is none.  For bodies of errors. */
extern const MlsRecord *mls_error_object(const char *text, int length);

/* The start of a text from outside, for a message: at most so many bytes, characters whole. */
extern char *mls_show_start(const char *text, int length, int most);

/* The words of a source, cut to a few lines of a terminal. */
extern char *mls_error_words(const char *text);

/* ---- total.c ---- */

/* Asks for one record behind so many, and for the total; NULL if that cannot be asked. */
typedef MlsPage *(*MlsAskTotal)(const MlsQuery *query, int64 skipped, int64 *total,
								MlsHttpStats *stats);

/* A count; where the query wants it verified, nothing is behind so many records. */
extern int64 mls_ask_count(const MlsQuery *query, MlsAskTotal ask, MlsHttpStats *stats);

/* Raises that a source did not send what it announced. */
pg_noreturn extern void mls_report_short(const MlsTable *table, int64 announced, int64 received);

/* ---- page_chain.c ---- */

typedef struct MlsChain MlsChain;

typedef struct MlsChainWay
{
	/* Asks for the first page of the part at hand; called in the chain's context. */
	void (*ask_first)(MlsChain *chain);
	/* An answer as a page, what it announces noted; NULL if the part is to be asked for anew. */
	MlsPage *(*read)(MlsChain *chain, const MlsHttpResponse *response);
	/* Asks for the page behind this one, or sets next_link to NULL where there is none. */
	void (*follow)(MlsChain *chain, const MlsHttpResponse *response, const MlsPage *page);
} MlsChainWay;

/* The first member of a protocol's stream. */
struct MlsChain
{
	MlsStream head;
	const MlsChainWay *way;
	MemoryContext context;
	MemoryContext page_context;  /* the page handed out */
	MemoryContext ahead_context; /* the page on its way */
	List *parts;                 /* of MlsPart *: the query, or its pieces */
	int part;                    /* the one being read */
	MlsHttpCall call;            /* the request on its way */
	MlsHttpRequest *request;
	HTAB *met;            /* hashes of what may come once only */
	bool exact;           /* the source applies all conditions of this part */
	MlsKeySet *keys;      /* of the records of this part; NULL: none yet */
	int64 part_records;   /* received in this part */
	int64 part_repeated;  /* of these, had come before and were taken out */
	int64 part_announced; /* announced for this part, or -1 */
	int64 part_largest;   /* records of the largest page before the one at hand */
	int part_pages;
	bool finished;
};

/* A chain of size bytes, zeroed behind its first member, for the parts of a query. */
extern MlsChain *mls_chain_open(Size size, const MlsChainWay *way, const MlsQuery *query,
								List *(*parts)(const MlsQuery *query));

/* Members of MlsProtocol. */
extern void mls_chain_start(MlsStream *stream);
extern MlsPage *mls_chain_next_page(MlsStream *stream);
extern void mls_chain_close(MlsStream *stream);

/* For a way. */
extern const MlsPart *mls_chain_part(const MlsChain *chain);
extern const MlsHttpSource *mls_chain_http(const MlsChain *chain);

/* Sends a request for an address, with the headers of chain->call. */
extern void mls_chain_ask(MlsChain *chain, const char *url);

/* Notes something as met; false if it was before. */
extern bool mls_chain_note(MlsChain *chain, const char *text);

extern void mls_chain_announce(MlsChain *chain, int64 announced);

/* Does the caller need no more than what came? */
extern bool mls_chain_limit_reached(const MlsChain *chain);

/* A page behind which no other is promised, and which is not full: does the total, as announced,
 * prove that it is the last? */
extern bool mls_chain_total_ends(const MlsChain *chain, const MlsPage *page);

/* Raises that the page at hand is no good; detail is a sentence. */
pg_noreturn extern void mls_chain_report_page(const MlsChain *chain, const char *detail);

#endif /* MLS_PROTOCOL_PAGE_CHAIN_H */
