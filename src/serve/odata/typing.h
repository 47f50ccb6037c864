/*
 * typing.h
 *		What operators and functions take and give: nodes that have been checked.
 *
 * A mistake in types is a 400, known before anything is asked of the database.
 */
#ifndef SERVE_TYPING_H
#define SERVE_TYPING_H

#include "serve/odata/odata.h"

extern ServeNode *serve_node(ServeReader *reader, ServeNodeKind kind, ServeType type, int nargs);
/* The same of an operator, function or lambda, of which a request has so many. */
extern ServeNode *
serve_inner_node(ServeReader *reader, ServeNodeKind kind, ServeType type, int nargs);

extern void serve_require_boolean(ServeReader *reader, const ServeNode *node);
extern ServeNode *
serve_compare(ServeReader *reader, ServeOperator op, ServeNode *left, ServeNode *right);
/* Makes right comparable with left, or ends the reading. */
extern ServeNode *serve_comparable(ServeReader *reader, const ServeNode *left, ServeNode *right);
extern ServeNode *serve_has(ServeReader *reader, ServeNode *left, ServeNode *right);
extern ServeNode *
serve_arithmetic(ServeReader *reader, ServeOperator op, ServeNode *left, ServeNode *right);
extern ServeNode *serve_negate(ServeReader *reader, ServeNode *operand);
/* Ends the reading where there is no function of this name. */
extern void serve_require_function(ServeReader *reader, const char *name);
extern ServeNode *serve_call(ServeReader *reader, const char *name, ServeNode **args, int nargs);
extern ServeNode *serve_cast(ServeReader *reader, ServeNode *operand, const char *type);

#endif /* SERVE_TYPING_H */
