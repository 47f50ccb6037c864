/*
 * gold_write.h
 *		Rows into gold, and out of it.
 */
#ifndef MLS_GOLD_WRITE_H
#define MLS_GOLD_WRITE_H

#include "postgres.h"

#include "gold/gold.h"
#include "step/step.h"

typedef struct MlsGoldWriter MlsGoldWriter;

extern MlsGoldWriter *
mls_gold_writer_begin(MemoryContext context, const MlsTable *table, const MlsSubscription *sub,
					  int64 run, const char *rows, const char *gone);
extern void mls_gold_writer_prepare(MlsGoldWriter *gold_writer);
extern bool mls_gold_writer_reads(const MlsGoldWriter *gold_writer);
extern void
mls_gold_writer_store(MlsGoldWriter *gold_writer, int64 changed, int64 gone, bool all_new);
extern void mls_gold_writer_end(MlsGoldWriter *gold_writer);

/* Rows of gold that a subscription leaves as a whole, and who has their keys then. */
typedef struct MlsRelease MlsRelease;

extern List *mls_release_drop(const MlsSubscription *sub, const MlsTable *table, List *parts);
extern MlsRelease *mls_release_begin(const MlsSubscription *sub, const MlsTable *table, int64 run,
									 List *parts, bool delete);
extern void mls_release_end(MlsRelease *release);

/* ---- Gold anew from silver, when rules have changed (remap.c) ---- */

extern const MlsProcess mls_remap_process;

extern int64 mls_remap(MlsRun *run);
extern void mls_remap_own(MlsRun *run);
extern void mls_remap_force(Oid owner);
extern void mls_remap_settle(const MlsSubscription *sub, const MlsTable *table);

#endif /* MLS_GOLD_WRITE_H */
