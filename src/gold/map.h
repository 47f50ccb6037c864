/*
 * map.h
 *		What gold is made from, as the files of this room share it.
 *
 * A target is a RESO resource that rules make from a resource of a source.  Its
 * statement reads rows of silver under the name r; joins add other rows of the
 * same source under names of their own, and `setting` what is known about the
 * source as a whole.
 */
#ifndef MLS_GOLD_MAP_H
#define MLS_GOLD_MAP_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "nodes/execnodes.h"

#include "base/base.h"
#include "protocol/protocol.h"

/* Columns of gold that are no fields; fields cannot begin like them. */
#define MLS_GOLD_SOURCE "mls_source"
#define MLS_GOLD_SOURCE_KEY "mls_source_key"
#define MLS_GOLD_ORIGIN "mls_origin"
#define MLS_GOLD_UPDATED_AT "mls_updated_at"

/* What the row of silver and the settings are called in rules. */
#define MLS_MAP_ROW "r"
#define MLS_MAP_SETTING "setting"

/* And the point that was found for its address (place.h). */
#define MLS_MAP_PLACE "geo"

/* A relation whose columns rules may use. */
typedef struct MlsMapRelation
{
	const char *alias;
	const MlsTable *table; /* NULL for settings and places */
	Oid silver;
	TupleDesc desc;
	const char *parent;       /* of joins: alias of the row that names the record */
	const char *parent_field; /* and its field */
	const char *field;        /* the joined relation's field */
	const char *sql;          /* "LEFT JOIN ... ON ..." or "CROSS JOIN ..." */
	bool fans_out;            /* one row may have several partners */
	/* Of a place (place.c): */
	int64 subscription;
	const char *country;
	const char *question; /* SQL of what is asked about the row; NULL: not known yet */
	List *reads;          /* of String: aliases of the relations that it reads */
	bool can_fail;        /* it may raise an error */
} MlsMapRelation;

/* A RESO resource as rules make it, and where its rows and keys come from. */
typedef struct MlsGoldTarget
{
	const char *resource;
	const char *key_field;
	bool unique_key; /* else (source, origin, source key) identifies a row of gold */
	const char *variant;
	const char *origin;    /* what tells its rows from those of other targets */
	const char *condition; /* SQL, or NULL */
	const char *key;       /* SQL, or NULL: the source's key */
	List *key_columns;     /* of char *: silver's columns of the source's key */
	List *relations;       /* of MlsMapRelation *: the row first */
	MlsMapRelation *place; /* the last of them, if records are geocoded; or NULL */
	bool is_only;          /* the resource makes no other */
	bool is_main;          /* local fields of the resource belong here */
} MlsGoldTarget;

/* A column of gold and what it is made from. */
typedef struct MlsGoldField
{
	const char *name;
	const char *value;     /* SQL over the target's relations */
	Oid source_type;       /* of that value */
	Oid type;              /* wanted */
	int position;          /* among the fields of the target */
	const char *lookup;    /* the values are names of this OData enumeration; or NULL */
	bool is_reference;     /* holds a key, so it gets the source's prefix */
	bool is_first;         /* false: another rule makes the same field already */
	List *uses;            /* of String: aliases of the relations the value reads */
	bool can_fail;         /* the value is an expression of a user */
	const char *made_from; /* for messages: `column "x"` */
	const char *comment;
	const char *kind;  /* of the rule */
	const char *given; /* the rule's arguments, as a user reads them */
} MlsGoldField;

/* A rule that could not be followed, for mls_map_check(). */
typedef struct MlsMapFinding
{
	const char *field;
	const char *problem;
} MlsMapFinding;

/*
 * Rules hold for any protocol, for one, or for a platform of one ("rets/crea"); $1 is
 * the longest of these names.  The longer a name, the nearer the rule.
 */
#define MLS_MAP_OF_PROTOCOL "protocol IN ('*', pg_catalog.split_part($1, '/', 1), $1)"
#define MLS_MAP_NEAREST_PROTOCOL "pg_catalog.length(protocol) DESC"

/* And for a resource, or for a class of one ("Property:RES"); $3 is the longer name. */
#define MLS_MAP_OF_RESOURCE "source_resource IN ($3, pg_catalog.split_part($3, ':', 1))"

/* ---- target.c ---- */

/* "rets/crea" */
extern char *mls_map_protocol(const MlsTable *table);

/* The targets that rules make from a table's resource (List of MlsGoldTarget *); first the one
 * that has the source's own keys and all of its records, if there is one. */
extern List *mls_gold_targets(const MlsTable *table, Oid silver_table);

extern const MlsMapRelation *mls_map_relation(const List *relations, const char *alias);
/* Column of silver for a field, or NULL. */
extern const char *mls_map_column(const MlsMapRelation *relation, const char *field);
/* "FROM rows r LEFT JOIN ...": the row and those relations whose aliases are in `used` (of char *). */
extern char *mls_map_from(const List *relations, const char *rows, const List *used);
/* Adds to aliases of joins those they hang on. */
extern List *mls_map_ancestors(const List *relations, List *aliases);

/* The source's key of a row r, as text. */
extern char *mls_gold_source_key(const MlsGoldTarget *target);

/* The gold table of a target, or InvalidOid; `gold` is the one a subscription keeps in mind. */
extern Oid mls_gold_table(const MlsGoldTarget *target, Oid gold);
extern Oid mls_gold_table_in(const MlsGoldTarget *target, Oid schema);

/* ---- expression.c ---- */

/* Aliases an expression uses, of char *; an error if it is not one expression without side sights. */
extern List *
mls_map_expression_uses(const char *expression, const char **missing, const List *relations);
/* The first of arguments, with the columns that the others name read as NULL where they are not there. */
extern const char *
mls_map_without_missing(char *const *arguments, int narguments, const List *relations);
/* Its type over the relations; an error if it is not valid, or not the same at each call. */
extern Oid mls_map_expression_type(const char *expression, const List *relations);

/* The same for expressions of others, `what` in messages ("a feed"), over relations of which
 * alias and desc count, and over what stands behind FROM. */
extern List *mls_expression_uses(const char *expression, const char *what, const char **missing,
								 const List *relations);
extern Oid mls_expression_type(const char *expression, const char *what, const char *from);

/* A condition on the row of the one relation behind FROM, ready to be looked at, in CurrentMemoryContext. */
extern ExprState *
mls_expression_condition(const char *expression, const char *what, const char *from);

/* An error unless a text is one expression, of whatever. */
extern void mls_expression_require_alone(const char *expression, const char *what);

/* ---- mapping.c ---- */

/* The target's fields without the key, of MlsGoldField *; findings (of MlsMapFinding *) may be NULL. */
extern List *mls_gold_fields(const MlsTable *table, const MlsGoldTarget *target, List **findings);

/* One of them by its name, or NULL. */
extern const MlsGoldField *mls_gold_field(const List *fields, const char *name);

/* ---- conversion.c ---- */

/*
 * SQL that gives `value`, an expression of type `from`, as type `to`, and never
 * raises an error: what does not fit is NULL.  NULL if there is no such SQL.
 */
extern char *mls_gold_conversion(const char *value, Oid from, Oid to, const char *timezone);

/* A value of gold as the source's type, where the way there could lose digits; or NULL. */
extern char *mls_gold_conversion_back(const char *value, Oid from, Oid to);

/* May values become NULL on this way, for they are none of the other type? */
extern bool mls_gold_conversion_loses(Oid from, Oid to);

/* The type for a column that keeps the source's type. */
extern Oid mls_gold_own_type(Oid type);

/* ---- gold_tables.c ---- */

/* Rows of a table are looked up by a column: an index on it, unless one has it first. */
extern void mls_map_index(Oid table, const char *column);

#endif /* MLS_GOLD_MAP_H */
