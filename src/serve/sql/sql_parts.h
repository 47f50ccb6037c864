/*
 * sql_parts.h
 *		Parts of expressions: what they are in SQL, and what is at the end of their paths.
 */
#ifndef SERVE_SQL_PARTS_H
#define SERVE_SQL_PARTS_H

#include "serve/sql/sql_writer.h"

static inline bool
serve_is_null(const ServeNode *node)
{
	return node->kind == SERVE_LITERAL && node->nullable;
}

static inline bool
serve_is_literal(const ServeNode *node)
{
	return node->kind == SERVE_LITERAL && !node->nullable;
}

/* ---- Types (sql_types.c) ---- */

extern ServeSqlType serve_sql_literal_type(ServeType type);
/* Of an operator or function. */
extern ServeSqlType serve_sql_computed_type(const ServeNode *node);
extern ServeSqlType serve_sql_call_type(const ServeNode *node);
/* In which two are compared. */
extern ServeSqlType serve_sql_common_type(const ServeNode *left, const ServeNode *right);

/* ---- Paths (sql_path.c) ---- */

/* FROM and WHERE of the tables between a path's variable and its end; the alias of the last. */
extern const char *serve_sql_steps(ServeSql *sql, const ServeNode *path);
/* A field of the record at the end; NULL where there is none. */
extern void serve_sql_path(ServeSql *sql, const ServeNode *node, const ServeField *field);
/* A list at the end: a null one is empty. */
extern void serve_sql_collection(ServeSql *sql, const ServeNode *node);

/* geo.distance, geo.intersects; and, with AND behind it, the box that a distance lies in. */
extern void serve_sql_distance(ServeSql *sql, const ServeNode *node);
extern void serve_sql_box(ServeSql *sql, const ServeNode *distance, double metres);
extern void serve_sql_intersects(ServeSql *sql, const ServeNode *node, bool with_box);

#endif /* SERVE_SQL_PARTS_H */
