/*
 * read.h
 *		What is asked of a source, and what comes.
 *
 * A reader gives the pages of one subscription one after another, each as a batch.  It
 * goes by keyset (each page asked for by what follows the last record) or by links (one
 * query, whose pages lead to the next).  A position is where a run may go on after a
 * page; the cursor is the position before which everything is here.
 *
 *	cursor.c		  from where on a run asks, and in which order
 *	page_reader.c	  which page comes next, and when the last one is proven
 *	batch.c			  a page as keys, times and records (batch.h)
 *	timestamps.c	  what changed by other timestamps than the cursor's
 *	key_snapshot.c	  all keys of a source; related_bounds.c (both key_snapshot.h)
 */
#ifndef MLS_READ_H
#define MLS_READ_H

#include "postgres.h"

#include "read/batch.h"
#include "step/step.h"

/* ---- What a run asks for (cursor.c) ---- */

extern const char *mls_cursor_of(const MlsSubscription *sub);
extern char *mls_cursor_start(const MlsTable *table, const MlsSubscription *sub);
extern List *mls_cursor_from(const MlsTable *table, const char *timestamp);
extern List *mls_cursor_after(const MlsTable *table, const char *timestamp, const char *key);
extern List *mls_cursor_within(const MlsTable *table, const char *from, const char *to);
extern List *mls_cursor_untimed(const MlsTable *table);
extern MlsCondition *mls_cursor_any(List *conditions);
extern List *mls_cursor_order(const MlsTable *table);
extern int mls_cursor_page_size(const MlsTable *table);

extern MlsQuery *
mls_cursor_by_values(const MlsTable *table, const char *field, char **values, int n);

/* ---- Pages (page_reader.c) ---- */

typedef struct MlsReader MlsReader;

extern void mls_reader_note_unknown(MlsReader *reader, const MlsSubscription *sub, int64 run);
extern bool mls_reader_by_links(const MlsTable *table);
extern MlsReader *
mls_reader_begin(const MlsTable *table, const MlsSubscription *sub, List *conditions, List *others);
extern TimestampTz mls_reader_began(const MlsReader *reader);
extern int64 mls_reader_expect(const MlsTable *table, const MlsSubscription *sub, List *others,
							   MlsHttpStats *stats);
extern MlsBatch *mls_reader_next(MlsReader *reader);
extern bool mls_reader_goes_over(MlsReader *reader, int64 stored);
extern MlsPosition mls_reader_position(const MlsReader *reader);
extern MlsPosition mls_reader_newest(const MlsReader *reader);
extern int64 mls_reader_repeated(const MlsReader *reader);
extern void mls_reader_remark(MlsReader *reader, const char *note);
extern const char *mls_reader_note(const MlsReader *reader);
extern int64 mls_reader_expected(const MlsReader *reader);
extern int64 mls_reader_total(const MlsReader *reader);
extern void mls_reader_spent(const MlsReader *reader, MlsCounters *counters);
extern void mls_reader_end(MlsReader *reader);
extern bool mls_reader_is_not_the_links_fault(int sqlstate);
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
