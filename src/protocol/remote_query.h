/*
 * remote_query.h
 *		What is asked for, in words that are no protocol's: the planner fills it from SQL,
 *		a run from its cursor, and each protocol renders it.
 */
#ifndef MLS_PROTOCOL_REMOTE_QUERY_H
#define MLS_PROTOCOL_REMOTE_QUERY_H

#include "postgres.h"

#include "protocol/foreign_table.h"

typedef enum MlsConditionKind
{
	MLS_AND,     /* args */
	MLS_OR,      /* args */
	MLS_NOT,     /* args: one */
	MLS_COMPARE, /* column op value */
	MLS_IN,      /* column = any of values */
	MLS_IS_NULL,
	MLS_IS_NOT_NULL,
	MLS_STARTS, /* column LIKE 'value%' */
	MLS_ENDS,
	MLS_CONTAINS,
	MLS_ANY_OF, /* collection column holds at least one of values */
	MLS_ALL_OF, /* collection column holds all of values */
	MLS_AFTER   /* keyset: (timestamp, key) after the two values; of the cursor only */
} MlsConditionKind;

typedef enum MlsOperator
{
	MLS_EQ,
	MLS_NE,
	MLS_LT,
	MLS_LE,
	MLS_GT,
	MLS_GE
} MlsOperator;

/*
 * A constant in a condition: its SQL value, or remote text that is handed on
 * unread (cursors keep all the digits the source sent).  The planner's tree
 * holds an index of a run-time expression instead, resolved before open().
 */
typedef struct MlsValue
{
	Oid type; /* InvalidOid: `text` is a literal body in the source's own spelling */
	Datum datum;
	bool isnull;
	int param; /* >= 0: index of the expression that gives it; else -1 */
	const char *text;
} MlsValue;

/* How well a condition can be sent: the rows it returns are ... */
typedef enum MlsFit
{
	MLS_FIT_NO,       /* it cannot be sent */
	MLS_FIT_SUPERSET, /* ... at least those of SQL */
	MLS_FIT_EXACT     /* ... exactly those of SQL */
} MlsFit;

typedef struct MlsCondition
{
	MlsConditionKind kind;
	MlsOperator op;
	const MlsColumn *column;
	List *args;   /* of MlsCondition * */
	List *values; /* of MlsValue * */
	MlsFit fit;   /* found by mls_condition_fit */
	bool widened; /* the planner's: wider than the SQL it stands for, so never exact */
	bool pattern; /* the planner's: the value is a LIKE pattern, made a match before open() */
} MlsCondition;

/* How well a condition can be sent, and each of its arms; arms of AND may be left out. */
extern MlsFit mls_condition_fit(const MlsTable *table, MlsCondition *condition);

typedef struct MlsOrder
{
	const char *field;
	bool descending;
} MlsOrder;

typedef struct MlsQuery
{
	const MlsTable *table;
	List *fields;      /* of char *: to select; NIL = all */
	List *conditions;  /* of MlsCondition *, ANDed */
	bool rechecked;    /* the caller applies them to what comes: they may be given up */
	List *order;       /* of MlsOrder *; NIL: any */
	int64 limit;       /* exact row limit to send, or -1 */
	int page_size;     /* hint; 0: the platform's */
	bool verify_count; /* prove at the end that nothing is missing; of a count, that it is one */
	bool keys_only;    /* fields are key and timestamp: larger pages allowed */
	bool whole_set;    /* use the platform's replication path where it has one */
	bool stepwise;     /* the caller asks for what comes behind the last record itself */
	bool may_lack;     /* the caller asks for what does not come: an unproven end is noted */
	bool keeps;        /* it keeps what it has of fields that do not come: they are noted */
	bool different;    /* each record once: one that came before is taken out */
	const char *resume_link; /* continue a chain here, or NULL */
} MlsQuery;

/* Related records that a table asks for inside its own. */
typedef struct MlsExpansion
{
	const char *name;   /* of the field that holds them */
	const char *filter; /* only those that fit, in the protocol's syntax; or NULL */
	int64 limit;        /* at most so many of each record, or -1 */
	List *expansions;   /* of MlsExpansion *: inside them */
	bool told;          /* a record without it has none of them */
} MlsExpansion;

#endif /* MLS_PROTOCOL_REMOTE_QUERY_H */
