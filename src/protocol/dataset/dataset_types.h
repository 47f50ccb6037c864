/*
 * dataset_types.h
 *		The types of columns: from all their values, or as a file says them.
 */
#ifndef MLS_DATASET_TYPES_H
#define MLS_DATASET_TYPES_H

#include "postgres.h"

#include "protocol/dataset/dataset.h"

typedef struct DatasetTypes DatasetTypes;

extern DatasetTypes *mls_dataset_types(const DatasetServer *server);

/* There is a field of this name, whether a row has it or not. */
extern void mls_dataset_types_expect(DatasetTypes *types, const char *name);

/* A file says of its fields which types they have: its values, which are seen next, show nothing. */
extern void mls_dataset_types_declare(DatasetTypes *types, const char *name, Oid type);

/* Another file is seen next. */
extern void mls_dataset_types_begin_file(DatasetTypes *types);

/* The same for all fields of a file, if its kind says them. */
extern void mls_dataset_rows_declare(const DatasetRows *rows, DatasetTypes *types);

/* Looks at the values of a page. */
extern void mls_dataset_types_see(DatasetTypes *types, const MlsPage *page);

/* Fields in the order in which they were met (List of MlsRemoteField *). */
extern List *mls_dataset_types_fields(DatasetTypes *types);

#endif /* MLS_DATASET_TYPES_H */
