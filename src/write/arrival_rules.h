/*
 * arrival_rules.h
 *		What has to be true of records: rules that the writer asks about each that is new or differs.
 */
#ifndef MLS_ARRIVAL_RULES_H
#define MLS_ARRIVAL_RULES_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "lib/stringinfo.h"

#include "read/read.h"
#include "step/issue.h"

typedef struct MlsArrivalRules MlsArrivalRules;

/* Those that hold for a table, in CurrentMemoryContext; NULL if there are none. */
extern MlsArrivalRules *mls_arrival_begin(const MlsTable *table, Oid silver, TupleDesc desc);
extern void mls_arrival_open(MlsArrivalRules *arrival, TupleDesc desc, MlsIssues *issues);
extern bool mls_arrival_admits(MlsArrivalRules *arrival, const char *key, const MlsRecord *record,
							   const Datum *values, const bool *isnull, MlsIssues *issues);
extern void mls_arrival_close(MlsArrivalRules *arrival);
extern void mls_arrival_describe(const MlsTable *table, StringInfo text);

#endif /* MLS_ARRIVAL_RULES_H */
