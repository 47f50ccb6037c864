/*
 * total.h
 *		What this process has found out about the totals that sources announce.
 */
#ifndef MLS_PROTOCOL_TOTAL_H
#define MLS_PROTOCOL_TOTAL_H

#include "postgres.h"

#include "protocol/foreign_table.h"

/* A total was right: nothing is behind as many records. */
extern void mls_total_prove(const MlsTable *table, int64 announced);

/* The largest one that was, or -1. */
extern int64 mls_total_proven(const MlsTable *table);

/*
 * All that was announced has come, the last page with so many records: is that the end?
 * largest is the number of records of the largest page before it.
 */
extern bool mls_total_ends(const MlsTable *table, int64 announced, int64 records, int64 largest);

/* More came than a total said: it is not used any more in this process. */
extern void mls_total_refute(const MlsTable *table, int64 announced, int64 received);
extern bool mls_total_is_refuted(const MlsTable *table);

/* Is a total wrong that was announced before, is another now (-1: not known), and beyond which came
 * more?  Else records have come and gone meanwhile. */
extern bool mls_total_contradicts(int64 before, int64 now, int64 received);

/* Why the totals of a table are not used, as a part of a sentence; or NULL. */
extern char *mls_total_objection(const MlsTable *table);

#endif /* MLS_PROTOCOL_TOTAL_H */
