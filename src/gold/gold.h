/*
 * gold.h
 *		Gold tables and RESO views, and the rules that fill them.
 *
 * In the order of the work; a file calls those above it only:
 *
 * conversion.c	 a value as a type of gold; mls.try_*(), mls.convert_unit()
 * lookup.c		 mls.display_value(), mls.map_list()
 * question.c	 mls.geocode_question()
 * place.c		 the row geo: the point that was found for an address (place.h)
 * target.c		 which RESO resources rules make, and the relations they may use
 * expression.c	 SQL expressions of rules
 * mapping.c	 rules and dictionary -> what each column of gold is made from
 * shards.c		 gold that stands on several machines: by what statements reach it (shards.h)
 * statement.c	 upsert, delete, conflicts; rows for which a rule raises an error
 * partition.c	 partitions of a source or by hash, made and dropped (partition.h)
 * gold_tables.c gold.<resource>, its indexes, reso."<Resource>", the schemas
 * source_node.c on which machine a source lives, where there are several (source_node.h)
 * dependant.c	 whose rows look at a resource that changes
 * contest.c	 who has a key that several have
 * gold_write.c rows of a page into gold, and out of it (gold_write.h)
 * key_walk.c	 batch after batch of silver's keys (key_walk.h)
 * remap.c		 gold anew from silver, when rules have changed
 * place_rows.c what would be asked about records without coordinates
 * explain.c	 mls_map_explain() and mls_map_check()
 *
 * This header is for those who have gold made ready and kept; statement.h for who
 * writes it, map.h for the files above.
 *
 * All functions here want SPI connected and run as the caller's role; lists and
 * structures they return are in CurrentMemoryContext.  The statements name operators
 * without a schema, so they must be prepared with pg_catalog first in the search
 * path, as it is unless someone lists it elsewhere.
 *
 * `gold` is the gold table that a subscription keeps in mind: the only one its
 * resource makes, or one that shows in which schema they are.
 */
#ifndef MLS_GOLD_H
#define MLS_GOLD_H

#include "postgres.h"

#include "access/tupdesc.h"

#include "gold/partition.h"
#include "protocol/protocol.h"

/*
 * Makes gold and the RESO views ready for what a source supplies: creates them,
 * or adds columns.  InvalidOid if no rule makes a resource of the Data Dictionary
 * from this one; the first if there are several.  Idempotent.
 */
extern Oid mls_gold_prepare(const MlsTable *table, Oid silver_table, const MlsPartition *partition);

/* The tables of gold that a resource's rules fill (List of Oid). */
extern List *mls_gold_tables(const MlsTable *table, Oid silver_table, Oid gold);

/* Are all tables of gold there that its rules fill?  One may have been dropped. */
extern bool mls_gold_is_whole(const MlsTable *table, Oid silver_table, Oid gold);

/* Adds columns to gold and to its view, where they are, for what silver has got. */
extern void mls_gold_complete(const MlsTable *table, Oid silver_table, Oid gold_table);

/*
 * Locks to the end of the transaction.  Pages of which others could have the keys hold
 * the keys' lock, one at a time; all pages share that of the members, the subscriptions
 * and tables as they are.  Who changes those pauses all pages.  The keys' lock comes first,
 * so a page that has to ask for it later gives back the other.
 */
extern void mls_gold_lock_keys(void);
extern void mls_gold_lock_members(void);
extern void mls_gold_unlock_members(void);
extern void mls_gold_pause_pages(void);

/* Makes the indexes that gold lacks for joins, as the dictionary knows them (mls_fdw.index_gold). */
extern void mls_gold_index(const MlsTable *table, Oid silver_table, Oid gold);
extern void mls_gold_define_settings(void);

/* The schemas of the layers: their names are settings. */
extern const char *mls_schema_bronze(void);
extern const char *mls_schema_silver(void);

/*
 * Makes a schema if it is missing, as the current role, with SPI connected.  A
 * role without CREATE on the database may use one that exists.  Returns its OID.
 */
extern Oid mls_schema_ensure(const char *name);

/* The RESO view over gold, or InvalidOid. */
extern Oid mls_gold_view_oid(const MlsTable *table, Oid silver_table, Oid gold_table);

/* The table with the columns that silver keeps of it, though it has them no more. */
extern const MlsTable *mls_gold_kept(const MlsTable *table, Oid silver);

/* What a subscription remembers of a column: its name, field, type and options, separated by tabs. */
extern char *mls_gold_column_memo(const MlsColumn *column, const char *type);

/* A fingerprint of the rules a table's gold is made by; "" if none makes any. */
extern char *mls_gold_fingerprint(const MlsTable *table, Oid silver_table, Oid gold);

/*
 * What a subscription makes that other sources of the role make too, with keys it
 * could have: `Property of "east"`; or NULL.  Unplanned are those of other accounts
 * without another priority.
 */
extern char *
mls_gold_rivals(Oid owner, const MlsTable *table, Oid silver_table, Oid gold, bool unplanned);

/* Subscriptions whose rows may stand beside others' now that one comes or goes, as the text of an array. */
extern char *mls_gold_unsettled(Oid owner, const MlsTable *table, Oid silver_table, Oid gold);

/* Is there another source of the role that fills gold and could have keys of this one's? */
extern bool mls_gold_source_has_rivals(Oid owner, const MlsTable *table);

/* Columns by which belongings are found get indexes, in silver of all that take part. */
extern void mls_gold_prepare_contests(Oid owner, const MlsTable *table, Oid silver_table, Oid gold);

/* The columns of a table's key, as silver has them, and its rows by a relation of keys, as SQL for FROM. */
extern TupleDesc mls_gold_key_desc(const MlsTable *table, Oid silver_table);
extern char *mls_gold_rows_by_key(const MlsTable *table, Oid silver_table, const char *keys);

/*
 * SQL of (the key's columns, mls_key text, mls_question text) for those records of `rows`, SQL
 * for FROM with silver's columns, that the table of gold shows as this source's: what is to be
 * asked about where they are, NULL for nothing.  NULL if the resource is not geocoded.
 */
extern char *mls_gold_place_rows(const MlsTable *table, Oid silver_table, Oid gold,
								 const char *rows, Oid *gold_table);

/* SQL of (the key's columns, its text) for the records of points with the keys $1 (text[]); NULL likewise. */
extern char *mls_gold_rows_of_points(const MlsTable *table, Oid silver_table, Oid gold);

/* Prepares the gold of those who look at a table that is new. */
extern void mls_gold_prepare_dependants(const MlsTable *table, Oid silver_table);

/* Does the gold of a table look at others?  Then pages of its source are written one at a time. */
extern bool mls_gold_looks_around(const MlsTable *table, Oid silver_table, Oid gold);

/* Gives the rows that a source's resource made the source's new name, in all gold tables beside one. */
extern void
mls_gold_rename(const char *source, const char *resource, const char *new_name, Oid gold);

/* Commands that empty the fields which no rule makes any more, for rows given as SQL for FROM (List of char *). */
extern List *
mls_gold_clearings(const MlsTable *table, Oid silver_table, Oid gold, const char *rows);

/* Rows of one table of gold as a whole. */
typedef struct MlsGoldPart
{
	Oid table;
	const char *condition; /* SQL that they fit */
	const char
		*places; /* of distributed gold: a query for the keys of those that are meant; else NULL */
	const char *place;     /* and the column of those keys */
	const char *resource;  /* NULL: the dictionary has none of the table's name */
	const char *key_field; /* NULL: keys are not unique */
} MlsGoldPart;

/* All rows that a source's resource made; and those that rules which are not in force any more made (List of MlsGoldPart *). */
extern List *mls_gold_parts(const char *source, const char *resource, Oid gold);
extern List *mls_gold_other_parts(const MlsTable *table, Oid silver_table, Oid gold);

/* What rules in force made of records that are not in silver any more, or make another key now; a rule may raise an error. */
extern List *mls_gold_left_parts(const MlsTable *table, Oid silver_table, Oid gold);

#endif /* MLS_GOLD_H */
