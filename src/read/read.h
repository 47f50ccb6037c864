/*
 * read.h
 *		What is asked of a source, and what comes.
 *
 *	batch.h			  a page as keys, times and records
 *	cursor.c		  from where on a run asks, and in which order
 *	page_reader.c	  which page comes next, and when the last one is proven
 *	timestamps.c	  what changed by other timestamps than the cursor's
 */
#ifndef MLS_READ_H
#define MLS_READ_H

#include "postgres.h"

#include "read/batch.h"
#include "step/step.h"

/* ---- What a run asks for (cursor.c) ---- */

extern const char *mls_bound_cursor(const MlsSubscription *sub);
extern char *mls_bound_start(const MlsTable *table, const MlsSubscription *sub);
extern List *mls_bound_from(const MlsTable *table, const char *timestamp);
extern List *mls_bound_after(const MlsTable *table, const char *timestamp, const char *key);
extern List *mls_bound_within(const MlsTable *table, const char *from, const char *to);
extern List *mls_bound_untimed(const MlsTable *table);
extern MlsCondition *mls_bound_any(List *conditions);
extern List *mls_bound_order(const MlsTable *table);
extern int mls_bound_page_size(const MlsTable *table);

extern MlsQuery *mls_keys_query(const MlsTable *table, const char *field, char **values, int n);

/* ---- Pages (page_reader.c) ---- */

typedef struct MlsFetch MlsFetch;

extern void mls_fetch_note_unknown(MlsFetch *fetch, const MlsSubscription *sub, int64 run);
extern bool mls_fetch_by_links(const MlsTable *table);
extern MlsFetch *
mls_fetch_begin(const MlsTable *table, const MlsSubscription *sub, List *conditions, List *others);
extern TimestampTz mls_fetch_began(const MlsFetch *fetch);
extern int64 mls_fetch_expect(const MlsTable *table, const MlsSubscription *sub, List *others,
							  MlsHttpStats *stats);
extern MlsBatch *mls_fetch_next(MlsFetch *fetch);
extern MlsPosition mls_fetch_position(const MlsFetch *fetch);
extern MlsPosition mls_fetch_newest(const MlsFetch *fetch);
extern void mls_fetch_remark(MlsFetch *fetch, const char *note);
extern const char *mls_fetch_note(const MlsFetch *fetch);
extern int64 mls_fetch_expected(const MlsFetch *fetch);
extern int64 mls_fetch_total(const MlsFetch *fetch);
extern void mls_fetch_spent(const MlsFetch *fetch, MlsCounters *counters);
extern void mls_fetch_end(MlsFetch *fetch);
extern bool mls_fetch_is_not_the_links_fault(int sqlstate);
extern void mls_stats_add(MlsHttpStats *sum, const MlsHttpStats *stats);

/* ---- Further timestamps (timestamps.c) ---- */

typedef struct MlsTimestamps MlsTimestamps;

/* Writes a page that came by another timestamp than the cursor's. */
typedef void (*MlsStorePage)(MlsRun *run, MlsBatch *batch);

extern void mls_timestamps_begin(MlsRun *run);
extern void mls_timestamps_see(MlsTimestamps *timestamps, const MlsBatch *batch);
extern List *mls_timestamps_together(MlsTimestamps *timestamps);
extern void mls_timestamps_read(MlsTimestamps *timestamps, MlsStorePage store);
extern void mls_timestamps_complete(MlsTimestamps *timestamps, TimestampTz began);
extern void mls_timestamps_spent(const MlsTimestamps *timestamps, MlsCounters *counters);
extern void mls_timestamps_end(MlsTimestamps *timestamps);

#endif /* MLS_READ_H */
