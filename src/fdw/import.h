/*
 * import.h
 *		What the files of IMPORT FOREIGN SCHEMA share.
 */
#ifndef MLS_IMPORT_H
#define MLS_IMPORT_H

#include "postgres.h"

/* Stands for the whole record among field names. */
#define MLS_WHOLE_RECORD "*"

/*
 * SQL names for remote names: unique, at most 63 bytes, and the same whatever
 * order the remote names come in.  of_columns: avoids names of system columns.
 */
extern char **
mls_import_names(const char *const *remote, int count, bool preserve, bool of_columns);

#endif /* MLS_IMPORT_H */
