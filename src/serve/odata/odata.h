/*
 * odata.h
 *		An address as OData has it, read into trees of known types.
 *
 * No database and no HTTP here.  What is wrong ends the reading at once: serve_fail() jumps
 * to where the reader was set up, with an error that names the option.  All that is made
 * lives in the reader's arena.
 *
 * address.c		 path and query: taken apart first, decoded then, once
 * lexer.c			 tokens of an expression
 * literal.c		 values: numbers, dates, timestamps, what they are in SQL's words
 * filter_parser.c	 expressions: a recursive descent, which types as it reads
 * typing.c			 what operators and functions take and give
 * system_options.c	 $select, $expand, $orderby and the small ones
 */
#ifndef SERVE_ODATA_H
#define SERVE_ODATA_H

#include <setjmp.h>

#include "serve/base/arena.h"
#include "serve/schema/model.h"

/* Beyond these a request is too complex: 413. */
#define SERVE_MAX_TEXT (64 * 1024)
#define SERVE_MAX_DEPTH 100
#define SERVE_MAX_NODES 200 /* operators, functions and lambdas of a request */
#define SERVE_MAX_MEMBERS 1000
#define SERVE_MAX_EXPANDS 50
#define SERVE_MAX_EXPAND_DEPTH 6
#define SERVE_MAX_ORDERS 20
#define SERVE_MAX_POINTS 1000 /* of a polygon */

/* An answer other than 2xx, in the parts that OData's error object has. */
typedef struct ServeError
{
	int status;          /* 0: no error */
	const char *code;    /* "UnknownField" */
	const char *message; /* holds no value of the data */
	const char *target;  /* "$filter"; NULL: none */
} ServeError;

/* A name and its value, decoded. */
typedef struct ServePair
{
	const char *name;
	const char *value;
} ServePair;

typedef struct ServeReader
{
	ServeArena *arena;
	const ServeModel *model;
	ServeError *error;
	jmp_buf end; /* where serve_fail() goes */
	const char *target;
	/* Parameter aliases: "@p". */
	int naliases;
	ServePair *aliases;
	int depth;
	int nodes;
	int expands;
	int expand_depth;
	/* Which resources may be read, of those that the role reads; NULL: all. */
	bool (*in_scope)(const char *scope, const char *resource);
	const char *scope;
} ServeReader;

/* ---- Trees ---- */

/* What a field is of: the rows asked for, or a variable of any() and all(). */
typedef struct ServeVariable
{
	const char *name;              /* NULL: of the rows asked for */
	const ServeResource *resource; /* NULL: a plain value */
	ServeType type;
	const struct ServeNode *collection; /* of a plain value: what it comes from */
	const char *alias;                  /* for who writes SQL */
} ServeVariable;

typedef enum ServeNodeKind
{
	SERVE_LITERAL,
	SERVE_FIELD,      /* path; a collection too */
	SERVE_RECORDS,    /* path that ends at a navigation to many */
	SERVE_ONE_RECORD, /* path that ends at a record: compared with null, or continued */
	SERVE_VALUE_OF,   /* a variable that is a plain value */
	SERVE_COUNT_OF,   /* of a collection: args[0], of which args[1] holds, if there is one */
	SERVE_AND,
	SERVE_OR,
	SERVE_NOT,
	SERVE_COMPARE,
	SERVE_IN, /* args[0] in args[1..] */
	SERVE_HAS,
	SERVE_ARITHMETIC,
	SERVE_NEGATE,
	SERVE_CALL,
	SERVE_ANY, /* of args[0]; args[1], if there is one, holds for variable */
	SERVE_ALL
} ServeNodeKind;

typedef enum ServeOperator
{
	SERVE_EQ,
	SERVE_NE,
	SERVE_GT,
	SERVE_GE,
	SERVE_LT,
	SERVE_LE,
	SERVE_ADD,
	SERVE_SUB,
	SERVE_MUL,
	SERVE_DIV,
	SERVE_DIVBY,
	SERVE_MOD
} ServeOperator;

typedef enum ServeFunction
{
	SERVE_CONTAINS,
	SERVE_STARTSWITH,
	SERVE_ENDSWITH,
	SERVE_TOLOWER,
	SERVE_TOUPPER,
	SERVE_TRIM,
	SERVE_LENGTH,
	SERVE_INDEXOF,
	SERVE_SUBSTRING,
	SERVE_CONCAT,
	SERVE_YEAR,
	SERVE_MONTH,
	SERVE_DAY,
	SERVE_HOUR,
	SERVE_MINUTE,
	SERVE_SECOND,
	SERVE_FRACTIONALSECONDS,
	SERVE_TOTALOFFSETMINUTES,
	SERVE_DATE_OF,
	SERVE_TIME_OF,
	SERVE_NOW,
	SERVE_MINDATETIME,
	SERVE_MAXDATETIME,
	SERVE_ROUND,
	SERVE_FLOOR,
	SERVE_CEILING,
	SERVE_CAST,
	SERVE_GEO_DISTANCE,
	SERVE_GEO_INTERSECTS
} ServeFunction;

typedef struct ServeLiteral
{
	const char *text; /* as PostgreSQL reads it, UTF-8 without NUL; NULL of null and booleans */
	bool truth;       /* of a boolean */
	bool whole;       /* of a number: it has 64 bits and no fraction */
	bool nan;
	const char *enum_type; /* of Ns.Type'A': "Ns.Type" */
	int64_t
		integer; /* of a whole number; of a date the days, of a timestamp the microseconds since 1970 */
	bool between;     /* of a timestamp: it is later than that, by less than a microsecond */
	double longitude; /* of a point */
	double latitude;
	/* Of a polygon: its rings, the first one around the others, and the box that it lies in. */
	int nrings;
	const char **rings;
	double west;
	double south;
	double east;
	double north;
} ServeLiteral;

typedef struct ServeNode
{
	ServeNodeKind kind;
	ServeType type;
	bool collection;
	bool nullable;
	ServeOperator op;
	ServeFunction function;
	int nargs;
	struct ServeNode **args;
	ServeLiteral literal;
	/* A path: from a variable over navigations to a field. */
	ServeVariable *variable; /* of any() and all(): the one they bind */
	int nsteps;
	const ServeNavigation **steps;
	const ServeField *field;
} ServeNode;

/* ---- Addresses ---- */

typedef struct ServeSegment
{
	const char *name; /* "Property", "$count" */
	const char *key;  /* what stands in the parentheses; NULL: there are none */
} ServeSegment;

typedef struct ServeAddress
{
	int nsegments;
	ServeSegment *segments;
	int noptions;
	ServePair *options; /* of the query; system options have their "$" and lower case */
} ServeAddress;

typedef struct ServeOrder
{
	ServeNode *expression;
	bool descending;
} ServeOrder;

typedef struct ServeExpand ServeExpand;

/* The system options of a collection, at the top or in $expand. */
typedef struct ServeOptions
{
	ServeVariable *rows;
	ServeNode *filter; /* NULL: none */
	int norders;
	ServeOrder *orders;
	bool select_all;
	bool selected; /* $select was there */
	int nfields;
	const ServeField **fields;
	int nexpands;
	ServeExpand *expands;
	int64_t top; /* -1: not given */
	int64_t skip;
	bool count;
	const char *format;
	const char *skiptoken;
	/* As they were, for links. */
	int npairs;
	ServePair *pairs;
} ServeOptions;

struct ServeExpand
{
	const ServeNavigation *navigation;
	bool only_count; /* Media/$count */
	ServeOptions options;
};

/* ---- Reading ---- */

/* Ends the reading.  A target of NULL is the option being read. */
extern void serve_fail(ServeReader *reader, int status, const char *code, const char *target,
					   const char *format, ...) __attribute__((noreturn, format(printf, 5, 6)));

extern ServeAddress *serve_read_address(ServeReader *reader, const char *path, const char *query);
/* The literals of a key predicate, in the order of the resource's keys. */
extern ServeNode **
serve_read_key(ServeReader *reader, const ServeResource *resource, const char *key);
/* What is given besides the options allowed ("$filter $select") is a 400. */
extern void
serve_read_options(ServeReader *reader, const ServeResource *resource, const ServePair *pairs,
				   int npairs, const char *allowed, ServeOptions *options);
extern ServeNode *serve_read_filter(ServeReader *reader, ServeVariable *rows, const char *text);
extern ServeNode *serve_read_expression(ServeReader *reader, ServeVariable *rows, const char *text);

/* Percent-encoded, so that it can stand in a query; what must not be encoded there is not. */
extern const char *serve_encode(ServeArena *arena, const char *text);
/* The same for a segment of a path: a slash in it is data. */
extern const char *serve_encode_segment(ServeArena *arena, const char *text);
/* An expression without its values: "City eq ?". */
extern const char *serve_shape(ServeArena *arena, const char *text);

#endif /* SERVE_ODATA_H */
