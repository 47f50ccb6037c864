/*
 * dmql.h
 *		Values as DMQL2 writes them; for dmql.c, which makes conditions of them.
 */
#ifndef MLS_PROTOCOL_RETS_DMQL_H
#define MLS_PROTOCOL_RETS_DMQL_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "protocol/condition.h"
#include "protocol/rets/talk.h"

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
