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

/* Conditions that are being written: which forms are, and which must not be. */
typedef struct Dmql
{
	const MlsTable *table;
	uint32 avoid; /* forms (below) that the source refuses */
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

/* Does an outcome say that a query could not be understood? */
extern bool mls_rets_is_syntax(const RetsOutcome *outcome);

/* ---- rets_literal.c ---- */

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

/* Letters and digits only: needs no quotes anywhere. */
extern bool mls_dmql_is_word(const char *text);

/* May a form be used?  Then it is noted. */
static inline bool
dmql_use(Dmql *dmql, uint32 form)
{
	dmql->used |= form;
	return (dmql->avoid & form) == 0;
}

/* A text as a word or a literal; false for what neither can hold. */
extern bool mls_dmql_append_text(StringInfo buf, const char *text);

/*
 * The part of a text that a pattern can have, letters and digits: those it begins with, or
 * the longest ones in it.  False if there are none.
 */
extern bool mls_dmql_append_pattern(StringInfo buf, const char *text, bool beginning);

/* A range of instants or times; false for a value that cannot be written. */
extern bool mls_dmql_append_instants(StringInfo buf, const MlsTable *table, const MlsValue *value,
									 MlsOperator op);

/* Any other value; false if it cannot be written. */
extern bool
mls_dmql_append_value(StringInfo buf, Dmql *dmql, const MlsColumn *column, const MlsValue *value);

#endif /* MLS_PROTOCOL_RETS_DMQL_H */
