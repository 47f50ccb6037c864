/*
 * statement.h
 *		The statements that write gold, for who runs them; and, for the files of this
 *		room, what they are written from.
 */
#ifndef MLS_GOLD_STATEMENT_H
#define MLS_GOLD_STATEMENT_H

#include "postgres.h"

#include "gold/gold.h"
#include "gold/map.h"
#include "gold/shards.h"

/* ---- What is run for a page (statement.c) ---- */

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
	/* Of distributed gold, where no command does both: commands that go before it and take
	 * out what the rows made before (List of char *). */
	List *before;
	/* The same, but whatever has the key of a row stays as it is, seen or not. */
	const char *careful_insert;
	/* The rows that these would bring, with the names of gold's columns; NULL unless plain. */
	const char *made;
	/* (key text, source text) of the rows that upsert leaves to another source. */
	const char *conflicts;
	/* The same of all rows whose key somebody has, they themselves included. */
	const char *present;
	/* (key text) of the rows whose key somebody has whom row security hides: after upsert, which
	 * passes over them, or fails, by the version of PostgreSQL. */
	const char *unseen;
	/* Takes out rows with these keys whose source nobody replicates any more. */
	const char *yield;
	/* Takes out what the keys of a relation made. */
	const char *remove;
	/* (key text): what the rows and keys have, and had, in gold; NULL without unique keys. */
	const char *keys;
	const char *source_keys; /* (key text): those at the source, of `gone` */
	bool plain;              /* each row of the relation is a row of gold */
	bool can_fail;           /* rules of users take part, so a value may raise an error */
	bool is_distributed;     /* SPI_processed says nothing (shards.h) */
	bool is_apart;           /* the key's index is not what keeps it unique (shards.h) */
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
 * The upsert of the i-th of them, and what goes before it, for a row that raises an error
 * (List of char *): the fields whose values do are left NULL; their names are in *failed
 * (List of String).  NIL if it is the condition or the key that raises it.
 */
extern List *mls_gold_mended_upsert(const MlsTable *table, Oid silver_table, Oid gold,
									const char *rows, int i, const char *won, List **failed);

/* ---- Keys that several make (contest.c) ---- */

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
	const char *key; /* of the table, quoted */
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

/* ---- Rows that look at others (dependant.c) ---- */

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

/* ---- For the files of this room ---- */

/* A target with what its statements are written from. */
typedef struct Statement
{
	const MlsTable *table;
	const MlsGoldTarget *target;
	Oid gold;
	List *fields;    /* of MlsGoldField *: those that gold has a column for */
	List *uses;      /* of String: aliases of the relations it reads */
	List *failing;   /* of String: fields to leave NULL */
	const char *won; /* or NULL; SQL for FROM of (key, source_key): only these are written */
	bool plain;      /* a row of silver is a row of gold, under its own key */
	bool can_fail;
	bool careful;            /* rows that are there already stay as they are */
	const MlsShards *shards; /* NULL: gold is a local table */
} Statement;

/* Are rows of one key spread by another column?  No index finds two of them then. */
extern bool mls_statement_is_apart(const Statement *statement);

extern Statement *mls_statement_begin(const MlsTable *table, const MlsGoldTarget *target, Oid gold);
extern List *mls_statement_list(const MlsTable *table, Oid silver_table, Oid gold);
extern char *mls_statement_comparison(const Statement *statement, const char *rows,
									  int64 subscription, Oid owner);

/*
 * SQL for FROM of the (key, source_key) that a statement of a subscription, the number-th
 * of its table, may have of the keys in a relation; NULL if nobody else can have them.
 */
extern char *mls_statement_won(Oid owner, int64 subscription, const Statement *statement,
							   int number, const char *keys);

/* What the comparison calls the relation with the keys of all its rows. */
#define MLS_MADE_KEYS "mls_made_keys"

/* Expressions over a row r and its joins: the key in gold, and a field as its column has it. */
extern char *mls_statement_key(const Statement *statement);
extern char *mls_statement_value(const Statement *statement, const MlsGoldField *field);

/* "rows r LEFT JOIN ..." */
extern char *mls_statement_from(const Statement *statement, const char *rows);

#endif /* MLS_GOLD_STATEMENT_H */
