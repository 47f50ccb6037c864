/*
 * shards.h
 *		Gold whose rows stand on several machines (shards.c).
 */
#ifndef MLS_GOLD_SHARDS_H
#define MLS_GOLD_SHARDS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* How a table of gold is distributed. */
typedef struct MlsShards
{
	const char *column; /* by whose values rows are spread; NULL: all are on each machine */
} MlsShards;

/* NULL for a table that is a local one; in CurrentMemoryContext. */
extern const MlsShards *mls_shards_of(Oid table);

/* A text that is another one when tables have been distributed, or brought back. */
extern char *mls_shards_epoch(void);

/*
 * SQL for FROM, instead of the table's name: some columns (List of char *) of its rows g for
 * which a condition is true, or of all.  $1 in it stands for what a query finds, as an array
 * of texts; without a query there is none.
 */
extern char *
mls_shards_rows(Oid table, const List *columns, const char *condition, const char *query);

/* A statement that runs a command with what a query finds as $1, an array; not at all if it finds nothing. */
extern char *mls_shards_command(const char *command, const char *query);

/* An expression for a whole row of the table, from columns of a relation (List of char *); the others are NULL. */
extern char *mls_shards_row(Oid table, const char *relation, const List *columns);

/* What such a statement gives, where one over local gold gives `expected`. */
extern int mls_shards_expected(const char *sql, int expected);

#endif /* MLS_GOLD_SHARDS_H */
