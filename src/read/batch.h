/*
 * batch.h
 *		A page as keys, times and records; duplicates resolved.
 */
#ifndef MLS_BATCH_H
#define MLS_BATCH_H

#include "postgres.h"

#include "utils/hsearch.h"

#include "options/options.h"

/* ---- Times (batch.c) ---- */

/* An instant with the digits that timestamptz has no room for. */
typedef struct MlsExactTime
{
	TimestampTz at;   /* truncated to microseconds */
	const char *rest; /* the digits after the sixth, in the text it was read from */
	int rest_length;  /* without trailing zeros */
} MlsExactTime;

extern bool mls_exact_time_read(const char *text, const char *timezone, MlsExactTime *instant);
extern int mls_exact_time_compare(const MlsExactTime *a, const MlsExactTime *b);
extern char *mls_exact_time_text(TimestampTz at, int digits);

/* ---- Batches (batch.c) ---- */

typedef struct MlsItem
{
	const MlsRecord *record;
	char *key;            /* NULL: the record has none */
	char *timestamp;      /* as received, or NULL */
	MlsExactTime instant; /* if timestamp is an instant */
	bool has_instant;
	bool gone;          /* flagged as removed by the source */
	bool superseded;    /* another item of the batch has the same key */
	const char *parent; /* "Property/" and a key: what it belongs to; or NULL */
} MlsItem;

typedef struct MlsBatch
{
	MlsItem *items;
	int nitems;
	HTAB *by_key;  /* key -> item */
	int replaced;  /* what was no character in the page, if the caller says so */
	List *missing; /* of char *: fields that the source was asked for and left out */
} MlsBatch;

extern MlsBatch *mls_batch_read(const MlsTable *table, const MlsRecord *records, int nrecords);
extern MlsItem *mls_batch_find(const MlsBatch *batch, const char *key);
extern List *mls_batch_keys(const MlsBatch *batch);
extern const MlsItem *mls_batch_newest(const MlsBatch *batch, TimestampTz before);
extern bool mls_batch_in_order(const MlsBatch *batch, const char *before, const char *timezone);

#endif /* MLS_BATCH_H */
