/*
 * protocol.h
 *		What a protocol is: the few functions behind which OData, DMQL and the
 *		like are hidden, and the neutral words in which they are asked.
 *
 * Nothing above this header knows a protocol's syntax; nothing below it knows
 * tuples.  A protocol is one constant MlsProtocol in a folder of its own.
 */
#ifndef MLS_PROTOCOL_H
#define MLS_PROTOCOL_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"

#include "http/http.h"
#include "record/record.h"

typedef struct MlsProtocol MlsProtocol;
typedef struct MlsStream MlsStream;
typedef struct MlsWriter MlsWriter;

/* ---- What differs between platforms: rows of constants, overridable by server options ---- */

typedef enum MlsOrdering
{
	MLS_ORDER_ANY,       /* $orderby on plain columns, key included */
	MLS_ORDER_TIMESTAMP, /* no $orderby; always by modification time */
	MLS_ORDER_NONE       /* no order promised */
} MlsOrdering;

/* How records are written, where a source can do it in several ways. */
typedef enum MlsFormat
{
	MLS_FORMAT_COMPACT,         /* rows with codes */
	MLS_FORMAT_COMPACT_DECODED, /* rows with what the codes mean */
	MLS_FORMAT_XML              /* nested elements */
} MlsFormat;

/* What columns of lookups hold, where a source sends codes. */
typedef enum MlsLookups
{
	MLS_LOOKUPS_DECODED, /* what the codes mean */
	MLS_LOOKUPS_CODED    /* the codes */
} MlsLookups;

/* How the rest of an answer is had that was too long. */
typedef enum MlsPaging
{
	MLS_PAGING_PROBE,  /* by position, checked; by keys where that fails */
	MLS_PAGING_OFFSET, /* by position only */
	MLS_PAGING_KEYS    /* by keys: behind the last one, or all listed first and then asked for */
} MlsPaging;

typedef struct MlsPlatform
{
	const char *name;
	const char *token_url; /* default, or NULL */
	MlsTokenStyle token_style;
	const char *scope;

	/* paging */
	int page_size;                /* records asked for per page in scans and syncs */
	int key_page_size;            /* when only key and timestamp are selected */
	int expand_page_size;         /* with $expand */
	bool prefer;                  /* page size by Prefer: odata.maxpagesize, else by $top */
	const char *replication_path; /* appended to the resource for whole-set reads, or NULL */
	MlsOrdering ordering;

	/* filter language */
	bool or_allowed;
	bool in_allowed;
	bool parentheses_allowed;
	int max_or;          /* at most so many `or` per request; 0 no limit */
	int url_length;      /* longest address */
	bool enum_qualified; /* enumeration literals as Namespace.Type'Value' */
	bool any_allowed;    /* collections by any(); else has for flags only */

	/* what is faithful enough to push (design, section 6) */
	bool null_tests;
	bool not_equal;
	bool negation;
	bool text_exact;      /* string eq and contains compare byte for byte */
	bool text_match;      /* contains, startswith, endswith exist */
	int timestamp_digits; /* fraction digits the server shows and accepts */
	bool count_exact;     /* $count counts exactly */

	/* replication */
	const char *timestamp;       /* usual name of the modification timestamp */
	const char *required_filter; /* e.g. MLS Grid's OriginatingSystemName, %s by option; or NULL */
	const char *deletion_flag;   /* boolean field that is false on removed records, or NULL */
	int overlap_s;               /* how far back a sync starts */

	/* sources with sessions */
	const char *version;   /* of the protocol, as announced */
	bool standard_names;   /* ask by standard names */
	MlsFormat format;      /* of records */
	MlsLookups lookups;    /* what their columns hold */
	MlsPaging paging;      /* how the rest of a long answer is had */
	const char *all_query; /* met by all records, {key} and {timestamp} are fields; or NULL */
	int key_batch;         /* keys per request */
	bool timestamp_alone;  /* a timestamp stands for "from then on", without more */
	int object_limit;      /* most files of one answer */
	int expand_limit;      /* most records in an expanded collection; 0 none known */

	MlsRates rates;
} MlsPlatform;

/* ---- A source, as the protocols see it ---- */

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

typedef struct MlsSource
{
	MlsHttpSource http;
	const MlsProtocol *protocol;
	MlsPlatform platform; /* a copy, with the server's options applied */
	const char *platform_name;
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
	int ncolumns;           /* = natts; entry i has attnum i + 1 */
	MlsColumn *columns;     /* field NULL where dropped */
} MlsTable;

/* Is a field a part of a table's key? */
extern bool mls_table_is_key(const MlsTable *table, const char *field);

/* Column of a table by remote field name, or NULL. */
extern const MlsColumn *mls_table_column(const MlsTable *table, const char *field);

/* ---- The remote query ---- */

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
	MLS_AFTER   /* keyset: (timestamp, key) after the two values; the engine's own */
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
 * A constant in a condition: its SQL value, or remote text the engine hands on
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

/* A value that the source's lookup does not have; it is kept as received. */
typedef struct MlsUnknownValue
{
	const char *field;
	const char *value;
} MlsUnknownValue;

/* Common head of a protocol's stream. */
struct MlsStream
{
	const MlsProtocol *protocol;
	const MlsQuery *query;
	MlsHttpStats stats;
	int64 pages;
	int64 records;
	int64 announced;       /* total the source announced, or -1 */
	TimestampTz date;      /* the source's clock at its first answer, or 0 */
	const char *next_link; /* after a page: where the chain goes on; NULL at its end */
	List *dropped;         /* of char *: conditions given up after the source refused them */
	List *unknown;         /* of MlsUnknownValue *, some hundred at most */
	List *missing;         /* of char *: fields asked for that no answer of the last page has */
	List *remarks;         /* of char *: what was tolerated; complete when the stream has ended */
	bool unproven;         /* it ended, and more may be there */
};

/* ---- Remote metadata ---- */

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

/* Why a resource is left out; NULL: it is not. */
extern const char *mls_schema_left_out(const MlsRemoteSchema *schema, const char *resource);

/* Is a resource one of those that the login may not see, or that are left out? */
extern bool mls_schema_is_denied(const MlsRemoteSchema *schema, const char *resource);

/* Is a field part of a resource's key? */
extern bool mls_resource_is_key(const MlsRemoteResource *resource, const char *field);

/* ---- What a source says of all its records ---- */

/* A fact that no record tells, such as the unit of areas, in the words of the mapping. */
typedef struct MlsSetting
{
	const char *name;
	const char *value;
} MlsSetting;

typedef struct MlsTold
{
	const char *refusal; /* why the source does not say; NULL: it does */
	List *settings;      /* of MlsSetting * */
	List *findings;      /* of char *: what it says in words that are not known */
} MlsTold;

extern void mls_told_add(MlsTold *told, const char *name, const char *value);

/* The settings as a JSON object; NULL if the source does not say. */
extern char *mls_told_json(const MlsTold *told);

/* Why something is not known, in words; or NULL. */
extern char *mls_told_problem(const MlsTold *told);

/* ---- Totals that sources announce (total.c) ---- */

/* A total was right: nothing is behind as many records. */
extern void mls_total_prove(const MlsTable *table, int64 announced);

/* The largest one that was, or -1. */
extern int64 mls_total_proven(const MlsTable *table);

/* Is a total smaller than one that was right? */
extern bool mls_total_is_believed(const MlsTable *table, int64 announced);

/*
 * All that was announced has come, the last page with so many records: is that the end?
 * largest is the number of records of the largest page before it.
 */
extern bool mls_total_ends(const MlsTable *table, int64 announced, int64 records, int64 largest);

/* More came than a total said: it is not used any more in this process. */
extern void mls_total_refute(const MlsTable *table, int64 announced, int64 received);
extern bool mls_total_is_refuted(const MlsTable *table);

/* Is a total wrong that was announced before, is another now (-1: not known), and beyond which came
 * more?  Else records have come and gone meanwhile. */
extern bool mls_total_contradicts(int64 before, int64 now, int64 received);

/* Why the totals of a table are not used, as a part of a sentence; or NULL. */
extern char *mls_total_objection(const MlsTable *table);

/* ---- Files of records ---- */

/* What to fetch: the files of one record. */
typedef struct MlsObjectQuery
{
	const MlsSource *source;
	const char *resource;
	const char *key;
	const char *type;   /* "Photo" */
	const char *object; /* number of one file, or "*" for all */
	bool location;      /* their addresses, not their bytes */
} MlsObjectQuery;

typedef struct MlsObject
{
	const char *content_id;
	const char *object_id;
	const char *content_type;
	const char *description; /* or NULL */
	const char *location;    /* or NULL */
	bool preferred;
	const char *bytes; /* or NULL */
	Size length;
} MlsObject;

/* Takes a file; what it points to is gone afterwards. */
typedef void (*MlsObjectTake)(void *arg, const MlsObject *object);

/* ---- The protocol ---- */

struct MlsProtocol
{
	const char *name;
	bool sessions;     /* sources keep sessions: login, cookies, logout */
	bool token_logins; /* user name and password are exchanged for a token */

	/* Platform row by name, or NULL; names in *list for hints (NULL-terminated). */
	const MlsPlatform *(*platform)(const char *name);
	const char *const *platform_names;

	/* How conditions on a table are written (condition.h).  Pure; may look at what this process
	 * has learned about the source, never at the network. */
	MlsWriter (*writer)(const MlsTable *table);
	bool (*sortable)(const MlsTable *table, const MlsColumn *column);
	/* Does the source count, and has not been found to count wrongly? */
	bool (*countable)(const MlsTable *table);

	/* The first request as a user may read it: "Property?$filter=...". No network. */
	char *(*show)(const MlsQuery *query);

	/* A stream of pages, in CurrentMemoryContext; start sends the first request without waiting. */
	MlsStream *(*open)(const MlsQuery *query);
	void (*start)(MlsStream *stream);
	/* The next page, or NULL at a proven end.  Frees the page before. A failed page is an error. */
	MlsPage *(*next_page)(MlsStream *stream);
	void (*close)(MlsStream *stream);

	/* Number of records that match; -1 if the source cannot say, or was found to say it wrongly. */
	int64 (*count)(const MlsQuery *query, MlsHttpStats *stats);

	/* What the option expand asks for (List of MlsExpansion *), and where the rest of a collection
	 * is that the source has cut: a link for resume_link, or NULL.  No network.  Members are NULL
	 * where nothing can be expanded. */
	List *(*expansions)(const MlsTable *table);
	char *(*rest_link)(const MlsTable *table, const MlsRecord *record, const char *expansion);

	/* The resources (List of char *) with whose records those of a table come, if the source has
	 * no list of them; NIL if it has.  NULL: it always has.  No network. */
	List *(*holders)(const MlsTable *table);

	/* The files of a record, one by one.  NULL where the protocol has none. */
	void (*objects)(const MlsObjectQuery *query, MlsObjectTake take, void *arg,
					MlsHttpStats *stats);

	/* Settings of the source, by one request.  NULL where the protocol has none. */
	MlsTold *(*tell)(const MlsSource *source, MlsHttpStats *stats);

	/* Begins the session that later requests use, where a source keeps one.  NULL: it keeps none. */
	void (*log_in)(const MlsSource *source, MlsHttpStats *stats);

	/* How the source takes the forms of conditions, by a few requests for no records, in words;
	 * *ok is false if an option should be set.  NULL where there is nothing to try. */
	char *(*try_conditions)(const MlsTable *table, bool *ok, MlsHttpStats *stats);

	/* All resources with their fields. */
	MlsRemoteSchema *(*describe)(const MlsSource *source, MlsHttpStats *stats);
	/* The same from a document at hand; subject says in messages what it is. */
	MlsRemoteSchema *(*read_metadata)(const char *text, Size length, const char *subject);
};

extern const MlsProtocol mls_reso_protocol;
extern const MlsProtocol mls_rets_protocol;
extern const MlsProtocol mls_qobrix_protocol;

/* Names of all protocols, ended by NULL. */
extern const char *const mls_protocol_names[];

/* Protocol by the server option `protocol`, or NULL. */
extern const MlsProtocol *mls_protocol_find(const char *name);

#endif /* MLS_PROTOCOL_H */
