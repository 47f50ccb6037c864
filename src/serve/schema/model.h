/*
 * model.h
 *		What a role may read: resources, their fields and navigations.
 *
 * The extension's mls.serve_model() writes a model as JSON; serve_model_read() reads it.
 * A model is never changed after that, so threads may share it.  All of it lives in the
 * arena it was read into.
 *
 * What is not an OData identifier cannot be asked for in an address, so it is left out, and
 * so is a navigation whose fields or target the role does not read.
 */
#ifndef SERVE_MODEL_H
#define SERVE_MODEL_H

#include "serve/base/arena.h"

/* Types of values.  Those of whole numbers stand together, narrow before wide. */
typedef enum ServeType
{
	SERVE_UNTYPED, /* of a field: shown, but in no expression */
	SERVE_NULL,    /* of the literal */
	SERVE_BOOLEAN,
	SERVE_SBYTE,
	SERVE_BYTE,
	SERVE_INT16,
	SERVE_INT32,
	SERVE_INT64,
	SERVE_DECIMAL,
	SERVE_SINGLE,
	SERVE_DOUBLE,
	SERVE_STRING,
	SERVE_DATE,
	SERVE_DATETIME, /* Edm.DateTimeOffset */
	SERVE_TIME,     /* Edm.TimeOfDay */
	SERVE_DURATION,
	SERVE_GUID,
	SERVE_BINARY,
	SERVE_POINT,   /* Edm.GeographyPoint */
	SERVE_POLYGON, /* of a literal */
	SERVE_ENTITY   /* a record; no field has it */
} ServeType;

typedef struct ServeField
{
	const char *name;
	ServeType type;
	const char *edm; /* as in the model, without Collection(): "Edm.String" */
	const char *sql; /* "numeric", "text[]" */
	bool collection;
	bool nullable;
	bool key;
	int max_length; /* these are -1 where they are not known */
	int precision;
	int scale;
	const char *lookup;      /* NULL: none */
	const char *description; /* NULL: none */
} ServeField;

typedef struct ServeResource ServeResource;

typedef struct ServeNavigation
{
	const char *name;
	const ServeResource *target;
	bool many;
	/* Records belong together where local[i] = foreign[i], and where[i] of the target is a value. */
	int npairs;
	const ServeField **local;
	const ServeField **foreign;
	int nwhere;
	const ServeField **where;
	const char **value;
} ServeNavigation;

struct ServeResource
{
	const char *name;   /* of the entity set, and of its type */
	const char *schema; /* where the relation is */
	const char *view;
	const char *description; /* NULL: none */
	int nkeys;               /* 1 or more */
	const ServeField **keys;
	int nfields;
	ServeField *fields;
	int nnavigations;
	ServeNavigation *navigations;
	/* Places of fields, ordered by name: for serve_field(). */
	const ServeField **by_name;
};

typedef struct ServeModel
{
	const char *version;
	int nresources;
	ServeResource *resources;
	int left_out; /* fields and navigations that no address could name */
} ServeModel;

/* NULL, and what is wrong in *problem, when the text is no model. */
extern ServeModel *serve_model_read(ServeArena *arena, const char *json, const char **problem);

/* By exact name; NULL if there is none. */
extern const ServeResource *serve_resource(const ServeModel *model, const char *name);
extern const ServeField *serve_field(const ServeResource *resource, const char *name);
extern const ServeNavigation *serve_navigation(const ServeResource *resource, const char *name);

/* "Edm.String" and the like; NULL of SERVE_NULL, SERVE_ENTITY and SERVE_UNTYPED. */
extern const char *serve_type_name(ServeType type);
/* SERVE_UNTYPED of a name that is none of ours. */
extern ServeType serve_type_named(const char *name);
extern bool serve_is_integer(ServeType type);
extern bool serve_is_number(ServeType type);

#endif /* SERVE_MODEL_H */
