/*
 * dataset_parquet.h
 *		Parquet files as text, an object a line, and their columns.
 */
#ifndef MLS_DATASET_PARQUET_H
#define MLS_DATASET_PARQUET_H

#include "postgres.h"

#include "protocol/dataset/dataset_reader.h"

typedef struct DatasetParquet DatasetParquet;

/* Begins to read an open file; it ends with CurrentMemoryContext. */
extern DatasetParquet *mls_dataset_parquet(DatasetBytes *bytes, const DatasetWanted *part);

/* Its rows, as text. */
extern DatasetText *mls_dataset_parquet_text(DatasetParquet *parquet);

/* Its columns with their types, as the file says them. */
extern const char **
mls_dataset_parquet_columns(const DatasetParquet *parquet, int *count, const Oid **types);

/* How many rows the file says it has. */
extern int64 mls_dataset_parquet_rows(const DatasetParquet *parquet);

#endif /* MLS_DATASET_PARQUET_H */
