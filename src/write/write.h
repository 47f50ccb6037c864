/*
 * write.h
 *		A batch into bronze, silver and gold, in the open transaction.
 *
 * A writer belongs to one subscription and lives as long as the run.  A batch is stored
 * (all layers) or converted (silver and gold, for it is in bronze).  Children are records
 * that came inside a page's or belong to them; they have a writer of their own.
 *
 *	quarantine.c	   a batch without the records that cannot be stored: what a job calls
 *	writer.c		   a batch into bronze and silver, and on to gold
 *	clean_rules.c	   strings as rules want them, on their way into silver
 *	arrival_rules.c	   what has to be true of records (arrival_rules.h)
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
extern bool mls_writer_take_care(MlsWriter *writer);
extern void mls_writer_settle(MlsWriter *writer);
extern MlsIssues *mls_writer_issues(MlsWriter *writer);
extern void mls_writer_end(MlsWriter *writer);

/* ---- Writing all of a page but the records that cannot be stored (quarantine.c) ---- */

extern void mls_quarantine_store(MlsRun *run, const MlsBatch *batch, MlsCounters *counters);
extern void mls_quarantine_convert(MlsRun *run, const MlsBatch *batch, MlsCounters *counters);

extern int64 mls_limit_larger(const MlsLimit *limit, int64 rows);

/* ---- Rules for strings (clean_rules.c) ---- */

extern void
mls_cleaning_apply(const MlsTable *table, MlsRowMap *map, const char *const *fields, int natts);
extern bool mls_cleaning_settle(const MlsSubscription *sub, const MlsTable *table);

/* ---- Bronze, read again (bronze.c) ---- */

extern const char *mls_bronze_columns(const MlsSubscription *sub);
extern MlsBatch *mls_bronze_batch(const MlsTable *table, const SPITupleTable *found, List *parents);
extern void mls_bronze_keep(const MlsSubscription *sub, int64 run, const MlsBatch *batch);
extern void mls_bronze_convert(MlsWriter *writer, const MlsTable *table, const MlsSubscription *sub,
							   const char *condition, MlsCounters *counters);

extern int64 mls_bronze_remove_found(int64 run, const MlsSubscription *sub, const MlsTable *table,
									 MlsWriter *writer);

/* ---- Changes of what is asked for and kept (scope_change.c) ---- */

extern void mls_scope_prepare(MlsRun *run);
extern void mls_scope_follow(MlsRun *run, MlsSubscription *reader);
extern void mls_scope_fill(MlsRun *run);
extern void mls_scope_settle(const MlsSubscription *sub, const MlsTable *table);
extern bool mls_scope_preview(MlsRun *run);
extern void mls_scope_adopt(const MlsSubscription *sub, const MlsTable *table, const List *fields);

/* ---- Rows that somebody else has taken out of the tables (missing_rows.c) ---- */

extern void mls_missing_rows_begin(MlsRun *run, MlsSubscription *sub, const MlsTable *table,
								   MlsSubscription *reader);
extern void mls_missing_rows_count(MlsRun *run);
extern void mls_missing_rows_check(MlsRun *run, bool count);
extern bool mls_missing_rows_gold_replaced(const MlsRun *run);

/* ---- Related records of a page (related_records.c) ---- */

typedef struct MlsRelatedRecords MlsRelatedRecords;

extern void mls_related_records_begin(MlsRun *run);
extern void mls_related_records_follow(MlsRelatedRecords *children);
extern void mls_related_records_read(MlsRelatedRecords *children, MlsBatch *batch);
extern void mls_related_records_store(MlsRelatedRecords *children);
extern void mls_related_records_remove(MlsRelatedRecords *children, const List *keys);
extern void mls_related_records_spent(const MlsRelatedRecords *children, MlsCounters *counters);
extern void mls_related_records_note(const MlsRelatedRecords *children);
extern void mls_related_records_end(MlsRelatedRecords *children);

#endif /* MLS_WRITE_H */
