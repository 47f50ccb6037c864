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
 * contest.c	 who has a key that several have
 * mend.c		 rows for which a rule raises an error
 * attempt.c	 work that may raise one
 * forget.c	 rows of a source as a whole
 * dependant.c	 whose rows look at a resource that changes
 * explain.c	 mls_map_explain() and mls_map_check()
 * unit.c		 mls.convert_unit()
 * lookup.c		 mls.display_value()	convert.c  mls.try_*()
 * kept.c		 columns of silver that the foreign table does not have any more
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

/* The RESO view over gold, or InvalidOid. */
extern Oid mls_gold_view_oid(const MlsTable *table, Oid silver_table, Oid gold_table);

/* The table with the columns that silver keeps of it, though it has them no more. */
extern const MlsTable *mls_gold_kept(const MlsTable *table, Oid silver);

/* What a subscription remembers of a column: its name, field, type and options, separated by tabs. */
extern char *mls_gold_column_memo(const MlsColumn *column, const char *type);

/* A fingerprint of the rules a table's gold is made by; "" if none makes any. */
extern char *mls_gold_fingerprint(const MlsTable *table, Oid silver_table, Oid gold);

/* What one RESO resource needs of a page. */
typedef struct MlsGoldStatements
{
	Oid table;
	const char *resource;
	bool unique_key; /* else nobody else can have the same key */
	/* One command that brings the rows of a relation into gold and takes out what
	 * they made before.  Rows that are the same are not rewritten; a row whose key
	 * another source has is left alone.  SPI_processed counts the rows written. */
	const char *upsert;
	/* The same, but whatever has the key of a row stays as it is, seen or not. */
	const char *careful_insert;
	/* (key text, source text) of the rows that upsert leaves to another source. */
	const char *conflicts;
	/* The same of all rows whose key somebody has, they themselves included. */
	const char *present;
	/* Takes out rows with these keys whose source nobody replicates any more. */
	const char *yield;
	/* Takes out what the keys of a relation made. */
	const char *remove;
	/* (key text): what the rows and keys have, and had, in gold; NULL without unique keys. */
	const char *keys;
	const char *source_keys; /* (key text): those at the source, of `gone` */
	bool plain;              /* each row of the relation is a row of gold */
	bool can_fail;           /* rules of users take part, so a value may raise an error */
} MlsGoldStatements;

/*
 * The statements for the rows of `rows` and the keys of `gone`: SQL that stands
 * in FROM, with silver's columns, in `gone` at least those of the key.  With `won`,
 * SQL of (key, source_key), upsert takes only what is there.  List of
 * MlsGoldStatements *, empty if there is no gold.
 */
extern List *mls_gold_statements(const MlsTable *table, Oid silver_table, Oid gold,
								 const char *rows, const char *gone, const char *won);

/*
 * Does work in a subtransaction; false if a value raised an error there (class
 * 22), whose text is then in *message.  Other errors pass.
 */
extern bool mls_attempt(void (*work)(void *arg), void *arg, char **message);

/* The same; also false, with *is_refused, where privileges or row security refuse the work. */
extern bool
mls_attempt_guarded(void (*work)(void *arg), void *arg, char **message, bool *is_refused);

/* Does row security hide rows of a table from the current role? */
extern bool mls_gold_is_guarded(Oid table);

/*
 * The upsert of the i-th of them for a row that raises an error: the fields whose
 * values do are left NULL; their names are in *failed (List of String).  NULL if
 * it is the condition or the key that raises it.
 */
extern char *mls_gold_mended_upsert(const MlsTable *table, Oid silver_table, Oid gold,
									const char *rows, int i, const char *won, List **failed);

/*
 * A subscription that makes rows of a table of gold for whose keys there is a
 * contest: the one of its statements that does, and its part in it.
 */
typedef struct MlsGoldClaimant
{
	int64 subscription;
	const MlsTable *table;
	Oid silver;
	Oid gold;
	int number; /* of the statement, among the subscription's */
	const char *source;
	const char *origin;
	const char *rows; /* silver's rows that have won */
	const char *won;
	bool can_fail;
} MlsGoldClaimant;

/* Rows of another resource that belong to rows of the contest's. */
typedef struct MlsGoldBelongings
{
	const char *resource;
	Oid table;
	const char *find; /* (key text): those of what is in `moved` */
} MlsGoldBelongings;

/*
 * Who has a key: the first in precedence of those that make a row of it.  Keys to
 * be decided stand in the relation `keys` (key text).  `decide` gives, for each of
 * them, those who claim it in their order, and what gold has, see contest.c.  The
 * winners belong into `won` (key text, claimant integer, source_key text), the keys
 * that have changed hands into `moved` (key text).
 */
typedef struct MlsGoldContest
{
	Oid table;
	const char *keys;
	const char *won;
	const char *moved;
	const char *decide;
	List *claimants;  /* of MlsGoldClaimant * */
	List *belongings; /* of MlsGoldBelongings * */
	bool can_fail;
} MlsGoldContest;

/*
 * The contest for the keys of a table of gold; NULL if nobody but the subscription
 * can have its keys (0 is none: NULL if nobody makes the table).
 */
extern MlsGoldContest *
mls_gold_contest(Oid owner, const char *resource, Oid gold, int64 subscription, bool always);

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
	const char *resource;  /* NULL: the dictionary has none of the table's name */
	const char *key_field; /* NULL: keys are not unique */
} MlsGoldPart;

/* All rows that a source's resource made; and those that rules which are not in force any more made (List of MlsGoldPart *). */
extern List *mls_gold_parts(const char *source, const char *resource, Oid gold);
extern List *mls_gold_other_parts(const MlsTable *table, Oid silver_table, Oid gold);

/* What rules in force made of records that are not in silver any more, or make another key now; a rule may raise an error. */
extern List *mls_gold_left_parts(const MlsTable *table, Oid silver_table, Oid gold);

#endif /* MLS_GOLD_H */
