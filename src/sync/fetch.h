/*
 * fetch.h
 *		What fetch.c, which reads, and progress.c, which tells how far that has come,
 *		know of a reading.
 */
#ifndef MLS_FETCH_H
#define MLS_FETCH_H

#include "postgres.h"

#include "sync/sync.h"

/* A stream with what it points to; the context owns all. */
typedef struct Reading
{
	MemoryContext context;
	MlsQuery *query;
	MlsStream *stream;
} Reading;

struct MlsFetch
{
	const MlsTable *table;
	const MlsSubscription *sub;
	MemoryContext context;
	MemoryContext batch_context; /* of the batch handed out */
	bool keyset;
	bool ordered;         /* linked: pages come by timestamp */
	bool resumed_link;    /* linked: the chain began in an earlier run */
	List *conditions;     /* of MlsCondition *: for every request */
	List *others;         /* of MlsCondition *: by links: one of them does in place of the start */
	char *start;          /* lower bound of this run's timestamps, or NULL */
	List *counted;        /* conditions of the first request, to count again */
	Reading *now;         /* being read */
	Reading *ahead;       /* keyset: already asked for */
	int64 expected;       /* announced by the first request, or -1 */
	int64 largest;        /* records of the largest request before the one at hand */
	TimestampTz began;    /* when the chain began, by the source's clock; 0: not known yet */
	int64 received;       /* in this attempt */
	char *last_timestamp; /* of the last record of the last page; NULL before it */
	char *last_key;
	char *newest_timestamp;
	char *newest_key;
	char *note;
	bool refuted;       /* the note says that the source counts wrongly */
	int64 replaced;     /* what was no character in the pages so far */
	MlsHttpStats spent; /* by streams already closed */
};

/* Keeps a (timestamp, key) if it is the newest met. */
extern void mls_fetch_consider_newest(MlsFetch *fetch, const char *timestamp, const char *key);

/* Remembers the newest record of a page. */
extern void mls_fetch_note_newest(MlsFetch *fetch, const MlsBatch *batch);

#endif /* MLS_FETCH_H */
