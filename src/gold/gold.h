/*
 * gold.h
 *		Gold tables and RESO views, and the statements that fill them.
 *
 * map.c		 rules and dictionary -> what each column of gold is made from
 * conversion.c	 the SQL that turns a column of silver into a type of gold
 * table.c		 gold.<resource>
 * view.c		 reso."<Resource>"
 * statement.c	 upsert, delete, conflicts
 * lookup.c		 mls.display_value()	convert.c  mls.try_*()
 * schemas.c	 settings that name the schemas of all layers
 *
 * All functions here want SPI connected, run as the caller's role and leave
 * their results in the context that was current.  The statements name operators
 * without a schema, so they must be prepared with pg_catalog first in the search
 * path, as it is unless someone lists it elsewhere.
 */
#ifndef MLS_GOLD_H
#define MLS_GOLD_H

#include "postgres.h"

#include "protocol/protocol.h"

/*
 * Makes gold and the RESO view ready for what a source supplies: creates them,
 * or adds columns.  InvalidOid if no rule makes a resource of the Data
 * Dictionary from this one.  Idempotent.
 */
extern Oid mls_gold_prepare(const MlsTable *table, Oid silver_table);

/* Adds columns to gold and to its view, where they are, for what silver has got. */
extern void mls_gold_complete(const MlsTable *table, Oid silver_table, Oid gold_table);

/* The RESO view over gold, or InvalidOid. */
extern Oid mls_gold_view_oid(const MlsTable *table, Oid gold_table);

/*
 * One INSERT ... ON CONFLICT statement that brings the rows of rows_relation (an
 * unqualified name; silver's columns) into gold.  Rows that are the same are not
 * rewritten; a row whose key another source has is left alone.  SPI_processed
 * counts the rows written.
 */
extern char *mls_gold_upsert_sql(const MlsTable *table, Oid silver_table, Oid gold_table,
								 const char *rows_relation);

/*
 * A query over the same rows for those that the upsert leaves to another source:
 * (key text, source text).  Worth asking when the upsert wrote fewer rows than
 * it was given.
 */
extern char *mls_gold_conflict_sql(const MlsTable *table, Oid silver_table, Oid gold_table,
								   const char *rows_relation);

/*
 * A DELETE of this source's rows for the keys in keys_relation: a relation with
 * silver's columns of which the key's are filled.
 */
extern char *mls_gold_delete_sql(const MlsTable *table, Oid gold_table, const char *keys_relation);

/* An UPDATE that gives the rows of a source its new name. */
extern char *mls_gold_rename_sql(const char *source, const char *new_name, Oid gold_table);

/* A DELETE of all rows of a source. */
extern char *mls_gold_forget_sql(const char *source, Oid gold_table);

#endif /* MLS_GOLD_H */
