/*
 * query.h
 *		From an address to the SQL that answers it.
 *
 * serve_plan() reads path and query as they came, undecoded, against the model of a role.  It
 * gives a plan, or an error as OData has them.  A plan holds SQL whose parameters are all of
 * text format, types to be inferred (PQsendPrepare with no types); values of a request are
 * nowhere but in parameters, so texts of statements repeat and are good names for prepared ones.
 *
 * rows: its first column is one row's JSON object, except of SERVE_RAW_VALUE, where it is
 *   the value, and of SERVE_COUNT, where it is the number.
 *   SERVE_COLLECTION: columns 1..ncursor are what serve_next_link() wants of the last row shown.
 *   SERVE_PROPERTY: the object is {"value":...}, and column 1 is "t" when the value is null (204).
 * guard: if there is one, it gives a row or the answer is 404, whatever the others gave.
 * count: if there is one, it gives the number for @odata.count.  If not, total is it, or -1.
 * More than one statement is meant to see one snapshot.
 *
 * Data may still make a statement fail: class 22 of SQLSTATE (division by zero, numbers out of
 * range, a forged $skiptoken) is a 400.
 *
 * plan_request.c the plan of a request, and what --sql prints
 * sql_select.c	 one level of a statement: rows, their order, what is expanded
 * sql_expr.c	 expressions, with the null rules of OData; sql_types.c and sql_path.c for it
 * page_token.c	 $skiptoken
 */
#ifndef SERVE_QUERY_H
#define SERVE_QUERY_H

#include <stdio.h>

#include "serve/base/arena.h"
#include "serve/odata/odata.h"
#include "serve/schema/model.h"

/* What the service gives at most; 0 takes the default. */
typedef struct ServeLimits
{
	int page_rows;     /* of a page when the client names no size: 100 */
	int max_page_rows; /* 1000 */
	int expand_rows;   /* of one expanded collection, more are a nextLink: 1000 */
	bool
		ne_null_sql; /* "ne" and "not" leave out nulls, as SQL does: for clients that die of nulls */
} ServeLimits;

typedef struct ServeRequest
{
	const char *path;      /* below the service's root, raw: "/Property('a')" */
	const char *query;     /* behind the "?", raw; NULL: none */
	const char *root;      /* the public address of the root, with a "/" at its end */
	int version;           /* of the answer: 400 or 401 */
	int64_t max_page_size; /* of the header Prefer; 0: none */
	bool ieee754;          /* numbers of 64 bits and decimals as strings */
	const char *now;       /* "2026-01-31T00:00:00.000000Z"; NULL: the clock's */
	ServeLimits limits;
	/* Whether a resource may be read with the scope of the request; NULL: all may. */
	bool (*in_scope)(const char *scope, const char *resource);
	const char *scope;
} ServeRequest;

typedef enum ServeKind
{
	SERVE_SERVICE_DOCUMENT,
	SERVE_METADATA,
	SERVE_COLLECTION,
	SERVE_RECORD,
	SERVE_PROPERTY,
	SERVE_RAW_VALUE,
	SERVE_COUNT
} ServeKind;

typedef struct ServeStatement
{
	const char *sql; /* NULL: none */
	int nparams;
	const char *const *params; /* never NULL in it */
} ServeStatement;

typedef struct ServePlan
{
	ServeKind kind;
	const char *format;            /* the value of $format; NULL: not given */
	const ServeResource *resource; /* whose rows these are; NULL of the first two kinds */
	ServeStatement guard;
	ServeStatement count;
	ServeStatement rows;
	int missing;       /* status when rows gives none: 404, or 204 of a navigation to nothing */
	int page_rows;     /* of a collection: rows shown at most */
	bool may_continue; /* it asks for one row more; if that comes, there is a next link */
	int ncursor;
	int64_t total;       /* known already of an earlier page; -1: no */
	bool with_count;     /* @odata.count is asked for: count's result, or total */
	const char *context; /* behind the root: "$metadata#Property(City)" */
	const char
		*suspect;      /* the option (or "path") that the database computes with, for its errors */
	bool continued;    /* a $skiptoken was given: its values are the client's as well */
	const char *shape; /* the request without its values, for logs: "Property?$filter=City eq ?" */
	bool page_size_kept; /* max_page_size of the request was: say Preference-Applied */
	struct ServePaging *paging;
} ServePlan;

/* NULL, and *error, of what cannot be answered. */
extern ServePlan *serve_plan(ServeArena *arena, const ServeModel *model,
							 const ServeRequest *request, ServeError *error);

/*
 * The address of the next page: cursor has the ncursor texts of the last row shown (NULL is
 * SQL's), shown is how many there were, total is -1 where none was counted.
 */
extern const char *serve_next_link(ServeArena *arena, const ServePlan *plan,
								   const char *const *cursor, int shown, int64_t total);

/*
 * What --sql prints: statements and parameters as JSON, or the error; true if there is none.
 * The text is "Property?$filter=...".
 */
extern bool
serve_print_sql(const ServeModel *model, const ServeLimits *limits, const char *text, FILE *out);
/* The same for each line of a file, an answer a line, flushed. */
extern void
serve_print_sql_lines(const ServeModel *model, const ServeLimits *limits, FILE *in, FILE *out);

#endif /* SERVE_QUERY_H */
