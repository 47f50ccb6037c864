/*
 * statement.h
 *		A target with what its statements are written from, as the files that write
 *		them share it.
 */
#ifndef MLS_GOLD_STATEMENT_H
#define MLS_GOLD_STATEMENT_H

#include "postgres.h"

#include "gold/map.h"

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
	bool careful; /* rows that are there already stay as they are */
} Statement;

extern Statement *mls_statement_begin(const MlsTable *table, const MlsGoldTarget *target, Oid gold);
extern List *mls_statement_list(const MlsTable *table, Oid silver_table, Oid gold);
extern char *mls_statement_comparison(const Statement *statement, const char *rows,
									  int64 subscription, Oid owner);
extern char *mls_statement_upsert(const Statement *statement, const char *rows);

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

/* The source's key of a row r, as text. */
extern char *mls_gold_source_key(const MlsGoldTarget *target);

#endif /* MLS_GOLD_STATEMENT_H */
