/*
 * gold.h
 *		Gold tables and RESO views, and the statements that fill them.
 *
 * target.c		 which RESO resources rules make from a source's resource
 * join.c		 the relations that rules may use
 * expression.c	 SQL expressions of rules
 * map.c		 rules and dictionary -> what each column of gold is made from
 * conversion.c	 the SQL that turns a value into a type of gold
 * table.c		 gold.<resource>
 * index.c		 its indexes
 * view.c		 reso."<Resource>"
 * statement.c	 upsert, delete, conflicts
 * mend.c		 rows for which a rule raises an error
 * attempt.c	 work that may raise one
 * forget.c	 rows of a source as a whole
 * dependant.c	 whose rows look at a resource that changes
 * explain.c	 mls_map_explain() and mls_map_check()
 * unit.c		 mls.convert_unit()
 * lookup.c		 mls.display_value()	convert.c  mls.try_*()
 * schemas.c	 settings that name the schemas of all layers
 *
 * All functions here want SPI connected and run as the caller's role; lists and
 * structures they return last until SPI_finish().  The statements name operators
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

#include "protocol/protocol.h"

/*
 * Makes gold and the RESO views ready for what a source supplies: creates them,
 * or adds columns.  InvalidOid if no rule makes a resource of the Data Dictionary
 * from this one; the first if there are several.  Idempotent.
 */
extern Oid mls_gold_prepare(const MlsTable *table, Oid silver_table);

/* Adds columns to gold and to its view, where they are, for what silver has got. */
extern void mls_gold_complete(const MlsTable *table, Oid silver_table, Oid gold_table);

/* Makes the indexes that gold lacks for joins, as the dictionary knows them (mls_fdw.index_gold). */
extern void mls_gold_index(const MlsTable *table, Oid silver_table, Oid gold);
extern void mls_gold_define_settings(void);

/* The RESO view over gold, or InvalidOid. */
extern Oid mls_gold_view_oid(const MlsTable *table, Oid silver_table, Oid gold_table);

/* A fingerprint of the rules a table's gold is made by; "" if none makes any. */
extern char *mls_gold_fingerprint(const MlsTable *table, Oid silver_table, Oid gold);

/* What one RESO resource needs of a page. */
typedef struct MlsGoldStatements
{
	Oid table;
	/* One command that brings the rows of a relation into gold and takes out what
	 * they made before.  Rows that are the same are not rewritten; a row whose key
	 * another source has is left alone.  SPI_processed counts the rows written. */
	const char *upsert;
	/* (key text, source text) of the rows that upsert leaves to another source. */
	const char *conflicts;
	/* Takes out what the keys of a relation made. */
	const char *remove;
	bool plain;    /* each row of the relation is a row of gold */
	bool can_fail; /* rules of users take part, so a value may raise an error */
} MlsGoldStatements;

/*
 * The statements for the rows of `rows` and the keys of `gone`: SQL that stands
 * in FROM, with silver's columns, in `gone` at least those of the key.  List of
 * MlsGoldStatements *, empty if there is no gold.
 */
extern List *mls_gold_statements(const MlsTable *table, Oid silver_table, Oid gold,
								 const char *rows, const char *gone);

/*
 * Does work in a subtransaction; false if a value raised an error there (class
 * 22), whose text is then in *message.  Other errors pass.
 */
extern bool mls_attempt(void (*work)(void *arg), void *arg, char **message);

/*
 * The upsert of the i-th of them for a row that raises an error: the fields whose
 * values do are left NULL; their names are in *failed (List of String).  NULL if
 * it is the condition or the key that raises it.
 */
extern char *mls_gold_mended_upsert(const MlsTable *table, Oid silver_table, Oid gold,
									const char *rows, int i, List **failed);

/*
 * A subscription whose gold looks at this one's silver.  When rows here change,
 * `before` (unless NULL) is asked before silver does and `after` afterwards; both
 * give the keys of its rows, which belong into the relation `affected`.  Then its
 * statements are run; they read their rows through that relation.
 */
typedef struct MlsGoldDependant
{
	int64 subscription;
	const MlsTable *table;
	Oid silver;
	Oid gold;
	TupleDesc key;
	const char *affected;
	const char *before;
	const char *after;
	const char *rows; /* what their statements read */
	List *statements; /* of MlsGoldStatements * */
} MlsGoldDependant;

/* The dependants of a table, of MlsGoldDependant *; `changed` and `gone` as above. */
extern List *
mls_gold_dependants(const MlsTable *table, Oid silver_table, const char *changed, const char *gone);

/* The columns of a table's key, as silver has them, and its rows by a relation of keys, as SQL for FROM. */
extern TupleDesc mls_gold_key_desc(const MlsTable *table, Oid silver_table);
extern char *mls_gold_rows_by_key(const MlsTable *table, Oid silver_table, const char *keys);

/* Prepares the gold of those who look at a table that is new. */
extern void mls_gold_prepare_dependants(const MlsTable *table, Oid silver_table);

/* Does the gold of a table look at others?  Then pages of its source are written one at a time. */
extern bool mls_gold_looks_around(const MlsTable *table, Oid silver_table, Oid gold);

/* Gives the rows of a source its new name, in all gold tables beside one. */
extern void mls_gold_rename(const char *source, const char *new_name, Oid gold);

/* Commands that empty the fields which no rule makes any more, for rows given as SQL for FROM (List of char *). */
extern List *
mls_gold_clearings(const MlsTable *table, Oid silver_table, Oid gold, const char *rows);

/* Deletes the rows that rules which are not in force any more made from a table. */
extern void mls_gold_forget_others(const MlsTable *table, Oid silver_table, Oid gold);

/* Deletes all rows that a source's resource made. */
extern void mls_gold_forget(const char *source, const char *resource, Oid gold);

#endif /* MLS_GOLD_H */
