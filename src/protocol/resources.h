/*
 * resources.h
 *		The resources and fields of a source, as its metadata tells them.
 */
#ifndef MLS_PROTOCOL_RESOURCES_H
#define MLS_PROTOCOL_RESOURCES_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct MlsRemoteField
{
	const char *name;
	const char *type; /* as declared, aliases resolved; NULL if the document gives none */
	Oid pg_type;
	bool natural; /* the declared type follows from pg_type */
	bool nullable;
	bool is_collection;
	bool is_enum;
	bool is_flags;
	int max_length;            /* or -1 */
	const char *lookup;        /* lookup name, or NULL */
	const char *standard_name; /* where it is another than the name; or NULL */
	const char *description;   /* or NULL */
	bool is_coded;             /* records hold codes of the lookup */
	List *members;             /* enumerations: of MlsLookupValue * */
	bool is_open;  /* its values can be read in several ways; the description says which */
	List *samples; /* of char *: a few of its values, where they were looked at */
} MlsRemoteField;

typedef struct MlsLookupValue
{
	const char *value;   /* as it travels; may repeat with another display */
	const char *display; /* standard name, or NULL */
} MlsLookupValue;

typedef struct MlsNavigation
{
	const char *name;
	const char *target; /* entity type, local name */
	const char *field;  /* that it comes in, where that has another name; or NULL */
	bool is_collection;
} MlsNavigation;

typedef struct MlsRemoteResource
{
	const char *name; /* as it stands in the address */
	const char *entity_type;
	const char *description;
	const char
		*timestamp;   /* field of the modification timestamp, if the metadata says so; or NULL */
	List *timestamps; /* of char *: further fields whose change makes a record new */
	const char *parent_key; /* field with the key of the record it belongs to, or NULL */
	const char *parent;     /* in whose records its own come, "Property.Media"; NULL: in none */
	List *expand;           /* of char *: what its records hold for others, without a column */
	List *key;              /* of char * */
	List *fields;           /* of MlsRemoteField * */
	List *navigations;      /* of MlsNavigation * */
} MlsRemoteResource;

/* What the metadata names, but not in a way that it could be read. */
typedef struct MlsLeftOut
{
	const char *name;
	const char *why; /* a sentence without its full stop */
} MlsLeftOut;

typedef struct MlsRemoteSchema
{
	List *resources; /* of MlsRemoteResource * */
	List *findings;  /* of char *: what the document had wrong and how it was read */
	List *left_out;  /* of MlsLeftOut *; their findings are among the others */

	/* Of char *: names of what exists, but this login may not see ("Property:2"; "Property": all
	 * that begins with "Property:").  It is neither here nor gone. */
	List *denied;
} MlsRemoteSchema;

/* One of them by its name, or NULL. */
extern const MlsRemoteResource *
mls_schema_resource(const MlsRemoteSchema *schema, const char *name);
extern const MlsRemoteField *
mls_resource_field(const MlsRemoteResource *resource, const char *name);

/* Why a resource is left out; NULL: it is not. */
extern const char *mls_schema_left_out(const MlsRemoteSchema *schema, const char *resource);

/* Is a resource one of those that the login may not see, or that are left out? */
extern bool mls_schema_is_denied(const MlsRemoteSchema *schema, const char *resource);

/* Is a field part of a resource's key? */
extern bool mls_resource_is_key(const MlsRemoteResource *resource, const char *field);

#endif /* MLS_PROTOCOL_RESOURCES_H */
