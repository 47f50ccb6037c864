/*
 * row_json.h
 *		Rows of a view as JSON: what is sent as documents, records and lines.
 */
#ifndef MLS_PUBLISH_ROW_JSON_H
#define MLS_PUBLISH_ROW_JSON_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "publish/target.h"

/* SQL of a column's value as JSON; of the key as the text that it is. */
extern char *mls_row_json_value(const MlsPublishColumn *column);

/* The members of a row, in an object that has been opened.  What is NULL is none. */
extern void mls_row_json_append(StringInfo json, const MlsPublication *publication, char **row);

/* The body of a batch in a shape, or NULL: there is nothing to tell; and its Content-Type. */
extern char *
mls_row_json_batch(MlsShape shape, const MlsPublication *publication, const MlsTargetBatch *batch);
extern const char *mls_row_json_type(MlsShape shape);

/* What kinds of destinations that are told batches have in common. */
extern void mls_row_json_describe(MlsPublishColumn *column);
extern const char *mls_row_json_key_problem(const char *key);
extern const char *mls_row_json_load_lacks(const MlsSource *source);
extern List *mls_row_json_rows(MlsTarget *target, const MlsPublication *publication,
							   const char *after, int most, bool hashed);

#endif /* MLS_PUBLISH_ROW_JSON_H */
