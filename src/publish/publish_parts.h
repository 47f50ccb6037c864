/*
 * publish_parts.h
 *		What the files of the room tell each other; nobody else includes it.
 */
#ifndef MLS_PUBLISH_PARTS_H
#define MLS_PUBLISH_PARTS_H

#include "postgres.h"

#include "publish/publish.h"
#include "publish/target.h"

/* ---- A publication (publication.c); in a transaction as its owner ---- */

/* With its columns, as they are written at a kind of destination; in CurrentMemoryContext. */
extern MlsPublication *mls_publication_read(int64 id, const MlsSource **source);

/* An error if this database is a copy of the one that publishes it. */
extern void mls_publication_require_home(const MlsPublication *publication);

/*
 * Rows of its view with these keys, or (a batch and one more) behind a key (NULL: from the first):
 * List of char **.
 */
extern List *mls_publication_rows(const MlsPublication *publication, List *keys);
extern List *mls_publication_rows_after(const MlsPublication *publication, const char *after);

/* Those of some keys that have rows (List of char *). */
extern List *mls_publication_keys(const MlsPublication *publication, List *keys);

/* So many whose keys are in a range, in the order of bytes: behind one ("" for the first), up to another (NULL: all). */
extern List *mls_publication_rows_between(const MlsPublication *publication, const char *after,
										  const char *upto, int most);

/* How many rows of its view there are. */
extern int64 mls_publication_count(const MlsPublication *publication);

/* What a row is at the destination, in short. */
extern char *mls_publish_hash(const MlsPublication *publication, char **row);

extern const char *mls_publish_key(const MlsPublication *publication, char **row);

/* For list_sort(): the order of bytes, as keys of destinations have it. */
extern int mls_publish_compare_texts(const ListCell *a, const ListCell *b);

/* ---- Events (publish_event.c); likewise ---- */

/* The last event there is. */
extern int64 mls_publish_last_event(void);

/* Keys that changed behind a position, at most about a batch; in *upto how far that reaches. */
extern List *mls_publish_changed(const MlsPublication *publication, int64 since, int64 *upto);

/* A resource whose events nobody notes (any more), or NULL. */
extern char *mls_publish_unnoted(const MlsPublication *publication);

#endif /* MLS_PUBLISH_PARTS_H */
