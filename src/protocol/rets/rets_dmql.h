/*
 * rets_dmql.h
 *		DMQL2: conditions, the forms they are written in, and values.
 */
#ifndef MLS_PROTOCOL_RETS_DMQL_H
#define MLS_PROTOCOL_RETS_DMQL_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "protocol/condition.h"
#include "protocol/rets/rets.h"

/* ---- rets_dmql.c ---- */

/* What a column is to DMQL. */
typedef enum DmqlType
{
	DMQL_OTHER, /* cannot be compared remotely */
	DMQL_TEXT,
	DMQL_LOOKUP,
	DMQL_LOOKUPS,
	DMQL_BOOLEAN,
	DMQL_INTEGER,
	DMQL_DECIMAL,
	DMQL_DATE,
	DMQL_TIMESTAMP,
	DMQL_TIME
} DmqlType;

extern DmqlType mls_dmql_type(const MlsTable *table, const MlsColumn *column);

/* Conditions that are being written: which forms are, and which must not be. */
typedef struct Dmql
{
	const MlsTable *table;
	uint32 avoid; /* forms (below) that the source refuses */
	bool bare;    /* without conditions: the source has refused them, whatever their form */
	uint32 used;  /* forms that occur, or would if they might */
	bool inexact; /* a condition had to be left out */
} Dmql;

/* A query's conditions as DMQL2. */
extern char *mls_rets_query(const MlsQuery *query, Dmql *dmql);

/* Appends what is true for some values of the key field. */
extern void mls_rets_key_list(StringInfo buf, Dmql *dmql, List *keys);

/* Can a key stand in one query with others? */
extern bool mls_rets_key_lists(const Dmql *dmql, const char *key);

/* Can a list be sent as one query? */
extern bool mls_rets_value_lists(const Dmql *dmql, const MlsCondition *list);

/* ---- rets_dialect.c ---- */

/* Ways to write conditions that some sources refuse. */
#define RETS_FORM_OR 0x01          /* ((K=1)|(K=2)) */
#define RETS_FORM_LIST 0x02        /* (K=1,2) */
#define RETS_FORM_QUOTED_LIST 0x04 /* (K="A-1","B-2") */
#define RETS_FORM_QUOTED 0x08      /* (K="A-1") */
#define RETS_FORM_MATCH 0x10       /* (F=AB*) */
#define RETS_FORM_NEGATIVE 0x20    /* (N=-1+) */
#define RETS_FORM_NUMBER_LIST 0x40 /* (N=1,2) of numbers or dates */
#define RETS_FORM_LOOKUP 0x80      /* (F=|A,B): may be refused for its values */

/* What this process knows a source to refuse. */
extern uint32 mls_rets_refused(const MlsSource *source);

/*
 * A query with some forms was refused: asks with each of them alone, unless that was done,
 * and remembers the answers.  True if one is refused.
 */
extern bool mls_rets_learn_forms(const MlsTable *table, uint32 used, MlsHttpStats *stats);

#endif /* MLS_PROTOCOL_RETS_DMQL_H */
