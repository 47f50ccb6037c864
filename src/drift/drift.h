/*
 * drift.h
 *		Changes of the remote schema, as the files that deal with them share it.
 *
 * drift.c		   at the start of a sync: is a comparison due, and what follows from it
 * remote_schema.c what is known of a remote resource, compared with what it is now
 * alter_tables.c   tables that follow: columns added and widened
 * settings_check.c what the source says of its settings
 * schema_check.c  mls_schema_check() and mls_schema_accept()
 *
 * All functions here want a transaction with SPI connected, unless they say
 * otherwise.
 */
#ifndef MLS_DRIFT_H
#define MLS_DRIFT_H

#include "postgres.h"

#include "step/step.h"

/* One thing that is not as it was. */
typedef struct MlsDifference
{
	char *change; /* field_added, key_changed, ... */
	char *name;   /* of the field or lookup, or the resource */
	char *message;
} MlsDifference;

/* What was noted of earlier comparisons. */
typedef struct MlsKnown
{
	TimestampTz checked_at; /* 0: never */
	TimestampTz failed_at;  /* 0: not since */
	bool is_pending;        /* tables have not followed yet */
} MlsKnown;

/* At the start of a run, outside transactions: has the remote schema changed? */
extern void mls_drift_check(MlsRun *run);

/* The same: what does the source say of its settings? (settings_check.c) */
extern void mls_source_settings_check(MlsRun *run);

/* ---- remote_schema.c ---- */

extern MlsKnown mls_known_read(int64 subscription);
extern void mls_known_fail(int64 subscription);

/* Is a resource not declared because the login may not see it?  Such a one is not gone. */
extern bool mls_remote_hidden(const MlsRemoteSchema *schema, const char *name);

/* Lets SQL see a declaration until SPI is finished; NULL for a resource that is gone. */
extern void mls_remote_open(const MlsRemoteResource *resource);
extern List *mls_remote_compare(const MlsSubscription *sub, const MlsRemoteResource *resource);
extern void mls_remote_learn(const MlsSubscription *sub, const MlsRemoteResource *resource);

/* Keeps differences as issues; run 0: of none. */
extern void mls_remote_record(const MlsSubscription *sub, int64 run, List *differences);
/* Fields whose values can be read in several ways are issues as long as they are so. */
extern void
mls_remote_record_open(const MlsSubscription *sub, int64 run, const MlsRemoteResource *resource);

/* ---- alter_tables.c ---- */

/* Lets the tables follow what is pending; returns how many columns were added. */
extern int mls_alter_tables(const MlsSubscription *sub, int64 run);

#endif /* MLS_DRIFT_H */
