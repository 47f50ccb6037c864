/*
 * partition.h
 *		Tables in partitions: what mls_subscribe() is asked for, and how it is made.
 */
#ifndef MLS_GOLD_PARTITION_H
#define MLS_GOLD_PARTITION_H

#include "postgres.h"

#include "protocol/protocol.h"

/* As long as a row of gold fits into a page, it is not worth compressing its values one by one. */
#define MLS_GOLD_STORAGE "toast_tuple_target = 8160"

typedef struct MlsPartition
{
	bool by_source; /* rows of gold stand in a partition of their source */
	int modulus;    /* tables that are made have so many partitions by hash of the key; 0: none */
} MlsPartition;

/* What a text asks for, as mls_subscribe() takes it (NULL: nothing); what a subscription was made with. */
extern MlsPartition mls_partition_read(const char *text);
extern MlsPartition mls_partition_of(Oid foreign_table);

/* What follows the columns in CREATE TABLE: partitions by hash, or storage. */
extern char *mls_partition_clause(int modulus, const char *columns, const char *storage);

/* The partitions by hash of a table that was just made so; and whether one has exactly these. */
extern void mls_partition_fill(Oid table, int modulus, const char *storage);
extern bool mls_partition_is_filled(Oid table, int modulus);

/* The first partitions of a table of gold that was just made. */
extern void mls_partition_begin(Oid gold, const MlsPartition *partition);

/*
 * Is a source to have a partition of a table of gold, and has none?  An error if it cannot have
 * one.  Then it gets it, with its rows that stand elsewhere; pages are paused.
 */
extern bool mls_partition_lacks_source(Oid gold, const char *key, const MlsSource *source,
									   const MlsPartition *partition);
extern void
mls_partition_add_source(Oid gold, const char *key, const MlsSource *source, int modulus);

/*
 * The partition of gold that has rows of a source's resource only, and can go with them at
 * once: nobody has to be told of each.  Locked; InvalidOid if there is none.
 */
extern Oid mls_partition_to_drop(Oid gold, const MlsSource *source, const char *resource);

#endif /* MLS_GOLD_PARTITION_H */
