/*
 * mapping.h
 *		What the steps of one mapping know, from rules to columns of gold.
 *
 * For map.c and rule_value.c.
 */
#ifndef MLS_GOLD_MAPPING_H
#define MLS_GOLD_MAPPING_H

#include "postgres.h"

#include "gold/map.h"
#include "options/options.h"

/* A field of the Data Dictionary. */
typedef struct MlsMapEntry
{
	const char *field;
	Oid type; /* InvalidOid: an expansion, of the source's own type */
	const char *lookup;
	bool is_reference;
	const char *comment;
} MlsMapEntry;

/* A row of mls.field_map. */
typedef struct MlsMapRule
{
	const char *field;
	const char *kind;
	char **arguments;
	int narguments;
	bool shipped;
} MlsMapRule;

/* A value that is to become a field. */
typedef struct MlsMapValue
{
	const char *sql;
	Oid type;
	const MlsColumn *column; /* it is the value of this column; or NULL */
	int position;
	const char *made_from;
	List *uses; /* of String */
	bool can_fail;
	bool
		is_typed; /* an expression whose columns are all there: its type is what its author means */
} MlsMapValue;

/* What the steps of one call know. */
typedef struct MlsMapping
{
	const MlsTable *table;
	const MlsGoldTarget *target;
	const MlsMapRelation *row;
	List *entries;  /* of MlsMapEntry * */
	List *fields;   /* of MlsGoldField *, the result */
	List *none;     /* of String: fields that rules keep out */
	List *findings; /* of MlsMapFinding * */
	bool *used;     /* by attribute of silver: a rule of its own takes it */
	const MlsMapRule *rule;
} MlsMapping;

/* Notes that the rule at hand cannot be followed; what shipped rules do not find is no news. */
extern void mls_mapping_find(MlsMapping *mapping, const char *problem);

/* The column of the table that the i-th of silver is, or NULL. */
extern const MlsColumn *mls_mapping_column(const MlsMapping *mapping, int i);

/* The value of the i-th column of silver, which is that column of the foreign table, or NULL. */
extern MlsMapValue mls_mapping_own_value(const MlsMapping *mapping, int i, const MlsColumn *column);

/* What a rule makes; false, with a finding, if it cannot be followed. */
extern bool mls_mapping_rule_value(MlsMapping *mapping, const MlsMapRule *rule, MlsMapValue *value);

/* Is a value without columns NULL?  Asked of rules of the user only. */
extern bool mls_mapping_is_nothing(const MlsMapping *mapping, const char *value);

#endif /* MLS_GOLD_MAPPING_H */
