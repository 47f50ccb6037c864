/*
 * foreign_table.h
 *		A source and a foreign table of it, as the protocols see them.
 */
#ifndef MLS_PROTOCOL_FOREIGN_TABLE_H
#define MLS_PROTOCOL_FOREIGN_TABLE_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"

#include "http/source.h"
#include "protocol/platform.h"
#include "record/record.h"

typedef struct MlsProtocol MlsProtocol;

/* How much may be lost: a share in percent, a number, or both; -1 where not given. */
typedef struct MlsLimit
{
	double share;
	double number;
} MlsLimit;

/* What a sync does when the remote schema has changed. */
typedef enum MlsSchemaPolicy
{
	MLS_SCHEMA_EVOLVE, /* the tables follow */
	MLS_SCHEMA_FREEZE, /* it is recorded */
	MLS_SCHEMA_STOP,   /* the run fails until somebody accepts it */
	MLS_SCHEMA_IGNORE  /* nobody looks */
} MlsSchemaPolicy;

/* How a destination is connected to. */
/* What a batch looks like where it is told, not written. */
typedef enum MlsShape
{
	MLS_SHAPE_LINES,       /* NDJSON: a line a record */
	MLS_SHAPE_RESO,        /* RESO Common Format (RCP-25) */
	MLS_SHAPE_ENTITY_EVENT /* which keys have changed (RCP-28) */
} MlsShape;

typedef enum MlsTls
{
	MLS_TLS_VERIFY, /* its certificate and its name in that are checked */
	MLS_TLS_NONE    /* in clear, which only listed hosts may be asked */
} MlsTls;

typedef struct MlsSource
{
	Oid server_id;
	const char *name; /* of the server */
	const MlsProtocol *protocol;
	void *own;            /* the protocol's own, as its option rows fill it; or NULL */
	bool is_closed;       /* its place of files is not for the role that asks */
	MlsHttpSource http;   /* for protocols that ask over HTTP; the others leave it alone */
	MlsPlatform platform; /* a copy, with the server's options applied */
	const char *platform_name;
	const char *endpoint;   /* S3; NULL: Amazon's of the region */
	int path_style;         /* likewise: MlsPathStyle */
	int tls;                /* MlsTls */
	int shape;              /* MlsShape */
	const char *timezone;   /* for date-times without an offset */
	const char *key_prefix; /* put before keys in gold */
	int priority;           /* of records with the same key in gold */
	List *select;           /* of char *: fields that syncs ask for, of any resource; NIL: all */
	double request_cost;    /* planner units per request */
	MlsLimit purge_limit;
	MlsLimit reject_limit;
	MlsSchemaPolicy schema_policy;
	int workers;         /* processes that share a load */
	int schema_check_s;  /* how long a comparison of the schema holds good */
	int whole_s;         /* how long a copy without timestamps does */
	const char *webhook; /* address that is told of runs, or NULL */
	const char *webhook_secret;
} MlsSource;

typedef struct MlsColumn
{
	AttrNumber attnum;
	const char *name;
	Oid type;
	int32 typmod;
	Oid collation;
	bool not_null;
	const char *field; /* remote name; "*" whole record */
	const char
		*remote_type;   /* "Edm.String", "Ns.Enum", "Collection(...)"; NULL: follows from type */
	const char *lookup; /* whose codes the source sends; or NULL */
	const char *standard_name; /* what the source says the field is in the standard; or NULL */
	bool is_enum;
	bool is_flags;
} MlsColumn;

/* A foreign table: what to ask, with its source. */
typedef struct MlsTable
{
	Oid relid;
	const char *name; /* schema-qualified, quoted, for messages */
	MlsSource *source;
	const char *resource;
	const char *filter;     /* protocol syntax, ANDed to every request; or NULL */
	const char *expand;     /* or NULL */
	List *select;           /* of char *: fields that syncs ask for; NIL: those of the source */
	List *key;              /* of char *: key fields */
	const char *timestamp;  /* modification timestamp field, or NULL */
	List *timestamps;       /* of char *: further fields whose change makes a record new */
	List *parent;           /* of char *: where its records come from, "Property.Media"; or NIL */
	const char *parent_key; /* field with the key of the record it belongs to, or NULL */
	double rows;            /* the user's estimate, or -1 */
	struct MlsFileLedger
		*files;         /* a sync keeps account of the files its records come from; or NULL */
	int ncolumns;       /* = natts; entry i has attnum i + 1 */
	MlsColumn *columns; /* field NULL where dropped */
} MlsTable;

/* Is a field a part of a table's key? */
extern bool mls_table_is_key(const MlsTable *table, const char *field);

/* Column of a table by remote field name, or by its own, if it has a field; or NULL. */
extern const MlsColumn *mls_table_column(const MlsTable *table, const char *field);
extern const MlsColumn *mls_table_column_named(const MlsTable *table, const char *name);

/* Tells a map of records, made with these fields, in which way the columns are written. */
extern void
mls_table_written(const MlsTable *table, MlsRowMap *map, const char *const *fields, int natts);

#endif /* MLS_PROTOCOL_FOREIGN_TABLE_H */
