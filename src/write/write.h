/*
 * write.h
 *		A batch into bronze, silver and gold, in the open transaction.
 *
 *	writer.c		   a batch into bronze and silver
 *	quarantine.c	   a batch without the records that cannot be stored
 *	clean_rules.c	   strings as rules want them, on their way into silver
 *	bronze.c		   records of bronze, read again, or taken out of silver and gold
 *	scope_change.c	   when what is asked for or kept has changed
 *	missing_rows.c	   rows that somebody else has taken out of the tables
 *	related_records.c  records that came inside a page, or belong to it
 */
#ifndef MLS_WRITE_H
#define MLS_WRITE_H

#include "postgres.h"

#include "read/read.h"
#include "step/issue.h"

typedef struct MlsWriter MlsWriter;

extern MlsWriter *mls_writer_begin(const MlsTable *table, const MlsSubscription *sub, int64 run);
extern void mls_writer_trust(MlsWriter *writer);
extern void mls_writer_keep_parents(MlsWriter *writer);
extern void mls_writer_store(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters);
extern void mls_writer_convert(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters);
extern void mls_writer_settle(MlsWriter *writer);
extern MlsIssues *mls_writer_issues(MlsWriter *writer);
extern void mls_writer_end(MlsWriter *writer);

/* ---- Writing all of a page but the records that cannot be stored (quarantine.c) ---- */

extern void mls_reject_store(MlsRun *run, const MlsBatch *batch, MlsCounters *counters);
extern void mls_reject_convert(MlsRun *run, const MlsBatch *batch, MlsCounters *counters);

/* What a limit allows of so many rows, where one of its parts or both must be kept. */
extern int64 mls_limit_smaller(const MlsLimit *limit, int64 rows);
extern int64 mls_limit_larger(const MlsLimit *limit, int64 rows);

/* ---- Rules for strings (clean_rules.c) ---- */

extern void
mls_cleaning_apply(const MlsTable *table, MlsRowMap *map, const char *const *fields, int natts);
extern bool mls_cleaning_settle(const MlsSubscription *sub, const MlsTable *table);

/* ---- Bronze, read again (bronze.c) ---- */

extern const char *mls_bronze_columns(const MlsSubscription *sub);
extern MlsBatch *mls_bronze_batch(const MlsTable *table, List *parents);
extern void mls_bronze_keep(const MlsSubscription *sub, int64 run, const MlsBatch *batch);
extern void mls_bronze_convert(MlsWriter *writer, const MlsTable *table, const MlsSubscription *sub,
							   const char *condition, MlsCounters *counters);

extern int64
mls_removal_found(int64 run, const MlsSubscription *sub, const MlsTable *table, MlsWriter *writer);

/* ---- Changes of what is asked for and kept (scope_change.c) ---- */

extern void mls_scope_prepare(MlsRun *run);
extern void mls_scope_follow(MlsRun *run, MlsSubscription *reader);
extern void mls_scope_fill(MlsRun *run);
extern void mls_scope_settle(const MlsSubscription *sub, const MlsTable *table);
extern bool mls_scope_preview(MlsRun *run);
extern void mls_scope_fill_all(MlsSubscription *sub);
extern void mls_scope_adopt(const MlsSubscription *sub, const MlsTable *table, Datum fields);

/* ---- Rows that somebody else has taken out of the tables (missing_rows.c) ---- */

extern void mls_missing_rows_begin(MlsRun *run, MlsSubscription *sub, const MlsTable *table,
								   MlsSubscription *reader);
extern void mls_missing_rows_check(MlsRun *run, bool count);
extern bool mls_missing_rows_gold_replaced(const MlsRun *run);

/* ---- Related records of a page (related_records.c) ---- */

typedef struct MlsChildren MlsChildren;

extern void mls_children_begin(MlsRun *run);
extern bool mls_children_has(const MlsChildren *children, int64 subscription);
extern void mls_children_follow(MlsChildren *children);
extern void mls_children_read(MlsChildren *children, MlsBatch *batch);
extern void mls_children_store(MlsChildren *children);
extern void mls_children_remove(MlsChildren *children, char **keys, int n);
extern void mls_children_spent(const MlsChildren *children, MlsCounters *counters);
extern void mls_children_note(const MlsChildren *children);
extern void mls_children_end(MlsChildren *children);

#endif /* MLS_WRITE_H */
