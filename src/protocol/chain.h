/*
 * chain.h
 *		Pages that are asked for one after another, each while the one before is read.
 *
 * What a protocol adds is its way: how the first page is asked for, how an answer
 * is read, and where the chain goes on.  For the folders below only.
 *
 * Every page lives in a context of its own, which goes when the next page is
 * asked for; what is needed longer lives in the chain's.
 */
#ifndef MLS_PROTOCOL_CHAIN_H
#define MLS_PROTOCOL_CHAIN_H

#include "postgres.h"

#include "utils/hsearch.h"

#include "protocol/asking.h"

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
	int64 part_records;   /* received in this part */
	int64 part_announced; /* announced for this part, or -1 */
	int64 part_largest;   /* records of the largest page before the one at hand */
	int part_pages;
	bool finished;
};

/* A chain of size bytes, zeroed behind its first member, for the parts of a query. */
extern MlsChain *mls_chain_open(Size size, const MlsProtocol *protocol, const MlsChainWay *way,
								const MlsQuery *query, List *(*parts)(const MlsQuery *query));

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

#endif /* MLS_PROTOCOL_CHAIN_H */
