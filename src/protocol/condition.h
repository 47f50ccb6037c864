/*
 * condition.h
 *		What the query languages of all protocols share: how well a tree of
 *		conditions can be sent, and values that are spelled alike everywhere.
 *
 * For the folders below only; nothing above protocol.h needs it.
 */
#ifndef MLS_PROTOCOL_CONDITION_H
#define MLS_PROTOCOL_CONDITION_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/date.h"

#include "protocol/protocol.h"

/* How well a condition without arms can be sent. */
typedef MlsFit (*MlsLeafFit)(const MlsTable *table, const MlsCondition *leaf);

/* The fit of a whole tree: arms of AND may be left out, others may not. */
extern MlsFit
mls_fit_tree(const MlsTable *table, const MlsCondition *condition, MlsLeafFit leaf_fit);

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
