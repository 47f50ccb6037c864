/*
 * condition.h
 *		How conditions are written, and values that are spelled alike everywhere.
 *
 * Trees of conditions are written here, with a protocol's words for and, or and not;
 * the protocol writes single conditions and says how well each stands for its SQL.
 * So a condition is judged by being written: there is one set of rules, not two.
 *
 * For the folders below only; of this nothing above protocol.h needs more than
 * mls_condition_fit.
 */
#ifndef MLS_PROTOCOL_CONDITION_H
#define MLS_PROTOCOL_CONDITION_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/date.h"

#include "protocol/protocol.h"

/* A word between the arms of a condition, with what stands around two or more of them. */
typedef struct MlsWord
{
	const char *open; /* NULL: the source has no such word */
	const char *between;
	const char *close;
} MlsWord;

/* Conditions on a table while they are written. */
struct MlsConditionWriter
{
	const MlsTable *table;
	MlsWord conjunction;
	MlsWord disjunction;
	MlsWord negation;

	/* Appends a condition without arms.  MLS_FIT_NO (and rubbish in buf): it cannot be sent. */
	MlsFit (*leaf)(MlsConditionWriter *writer, StringInfo buf, const MlsCondition *leaf);

	/* Does the source refuse a condition that could be written?  NULL: it does not. */
	bool (*refuses)(MlsConditionWriter *writer, const MlsCondition *condition);

	void *arg;     /* the protocol's own */
	bool demanded; /* nobody checks them again: written whatever is assumed of the source */
	bool alone;    /* a list of values may be cut into several queries */
	bool left_out; /* a condition could not be written, and more records come for it */
};

/* The texts of the conditions of a query (List of char *), but for those left out. */
extern List *mls_conditions_write(MlsConditionWriter *writer, List *conditions);

/* Appends what stands for a value that is known only later; false if it is known. */
extern bool mls_append_param(StringInfo buf, const MlsValue *value);

/* A value as its output function writes it, or the source's own spelling. */
extern char *mls_value_text(const MlsValue *value);

/* Appends a number as digits; false for NaN and infinity. */
extern bool mls_append_number(StringInfo buf, const MlsValue *value);

/* Appends "2026-11-21"; false for what four digits of a year cannot say. */
extern bool mls_append_date(StringInfo buf, DateADT date);

/*
 * Appends a timestamptz in UTC ("2026-11-21T08:30:00.5Z") or a time of day, the
 * fraction only where there is one; false for infinity, 24:00 and odd years.
 */
extern bool mls_append_instant(StringInfo buf, Oid type, int64 us);

/* Microseconds per unit of what the source shows: 1,000 for three digits. */
extern int64 mls_instant_unit(const MlsTable *table);

/* The last full unit before or at an instant. */
extern int64 mls_instant_floor(int64 us, int64 unit);

#endif /* MLS_PROTOCOL_CONDITION_H */
