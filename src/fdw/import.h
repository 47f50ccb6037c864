/*
 * import.h
 *		What IMPORT FOREIGN SCHEMA makes of remote resources: names and timestamps.
 */
#ifndef MLS_IMPORT_H
#define MLS_IMPORT_H

#include "postgres.h"

#include "protocol/protocol.h"

/* Stands for the whole record among field names. */
#define MLS_WHOLE_RECORD "*"

/*
 * SQL names for remote names: unique, at most 63 bytes, and the same whatever
 * order the remote names come in.  of_columns: avoids names of system columns.
 */
extern char **
mls_import_names(const char *const *remote, int count, bool preserve, bool of_columns);

/* The field of a resource that holds its modification timestamp, or NULL. */
extern const char *mls_import_timestamp(const MlsSource *source, const MlsRemoteResource *resource);

#endif /* MLS_IMPORT_H */
