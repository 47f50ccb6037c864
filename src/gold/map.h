/*
 * map.h
 *		What gold is made from, as the files of this room share it.
 */
#ifndef MLS_GOLD_MAP_H
#define MLS_GOLD_MAP_H

#include "postgres.h"

#include "protocol/protocol.h"

/* Columns of gold that are no fields; fields cannot begin like them. */
#define MLS_GOLD_SOURCE "mls_source"
#define MLS_GOLD_SOURCE_KEY "mls_source_key"
#define MLS_GOLD_UPDATED_AT "mls_updated_at"

/* A resource of the Data Dictionary, and where its key comes from. */
typedef struct MlsGoldResource
{
	const char *name;
	const char *key_field;
	bool unique_key;   /* else (source, source key) identifies a row of gold */
	List *key_columns; /* of char *: silver's columns of the source's key */
} MlsGoldResource;

/* A column of gold and the column of silver it is made from. */
typedef struct MlsGoldField
{
	const char *name;
	const char *column;
	AttrNumber attnum; /* of that column */
	Oid source_type;   /* of that column */
	Oid type;
	const char *lookup; /* the values are names of this OData enumeration; or NULL */
	bool is_reference;  /* holds a key, so it gets the source's prefix */
	bool is_first;      /* false: another column makes the same field already */
	const char *comment;
} MlsGoldField;

/* map.c */

/* The resource that rules make from a table's, or NULL. */
extern MlsGoldResource *mls_gold_resource(const MlsTable *table);

/* Its fields without the key, of MlsGoldField *, in the order of silver. */
extern List *
mls_gold_fields(const MlsTable *table, const MlsGoldResource *resource, Oid silver_table);

/* conversion.c */

/*
 * SQL that gives `value`, an expression of type `from`, as type `to`, and never
 * raises an error: what does not fit is NULL.  NULL if there is no such SQL.
 */
extern char *mls_gold_conversion(const char *value, Oid from, Oid to, const char *timezone);

/* The type for a column that keeps the source's type. */
extern Oid mls_gold_own_type(Oid type);

/* view.c */
extern void mls_gold_view(const MlsGoldResource *resource, Oid gold_table);
extern Oid mls_gold_find_view(const MlsGoldResource *resource, Oid gold_table);
extern void mls_gold_view_complete(const MlsGoldResource *resource, Oid gold_table);

/* table.c */
extern char *mls_gold_qualified_name(Oid relid);
extern void mls_gold_execute(const char *sql);

#endif /* MLS_GOLD_MAP_H */
