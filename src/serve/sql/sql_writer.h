/*
 * sql_writer.h
 *		A statement while it is written: its text, and parameters for all values.
 *
 * Texts hold names of the model, quoted, and words of ours.  What comes of a request is
 * never among them: serve_sql_value() is the one way for it to get in.
 */
#ifndef SERVE_SQL_WRITER_H
#define SERVE_SQL_WRITER_H

#include "serve/odata/odata.h"

/* What an expression is in SQL; casts of parameters name it. */
typedef enum ServeSqlType
{
	SERVE_SQL_NUMBER, /* of a literal: as what it is compared with */
	SERVE_SQL_INTEGER,
	SERVE_SQL_NUMERIC,
	SERVE_SQL_FLOAT4,
	SERVE_SQL_FLOAT8,
	SERVE_SQL_TEXT,
	SERVE_SQL_BOOLEAN,
	SERVE_SQL_DATE,
	SERVE_SQL_TIMESTAMP,
	SERVE_SQL_TIME,
	SERVE_SQL_INTERVAL,
	SERVE_SQL_UUID,
	SERVE_SQL_BYTES
} ServeSqlType;

typedef struct ServeSql
{
	ServeReader *reader;
	ServeText text;
	int nparams;
	int space;
	const char **params;
	int aliases;
	const char *now; /* for now() */
	bool ieee754;
	bool ne_null_sql;
	int expand_rows;
	const char *root;
} ServeSql;

extern void serve_sql_init(ServeSql *sql, ServeReader *reader);
extern void serve_sql_add(ServeSql *sql, const char *text);
extern void
serve_sql_printf(ServeSql *sql, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A name of the model, quoted. */
extern void serve_sql_name(ServeSql *sql, const char *name);
extern void serve_sql_column(ServeSql *sql, const char *alias, const char *name);
/* "schema"."view" AS alias */
extern void serve_sql_source(ServeSql *sql, const ServeResource *resource, const char *alias);
/* A new alias of a table. */
extern const char *serve_sql_alias(ServeSql *sql);
/* $n::type */
extern void serve_sql_value(ServeSql *sql, const char *text, const char *type);
/* The same of a literal. */
extern void serve_sql_literal(ServeSql *sql, const ServeNode *literal, ServeSqlType type);

extern ServeSqlType serve_sql_field_type(const ServeField *field);
extern const char *serve_sql_type_name(ServeSqlType type);
/*
 * An operator that compares, with blanks around it.  Those of numeric are the extension's own:
 * behind row security they find an index, which PostgreSQL's do not.
 */
extern const char *serve_sql_operator(ServeSqlType type, ServeOperator op);
/* A field's column as that type. */
extern void serve_sql_field(ServeSql *sql, const char *alias, const ServeField *field);
/* What makes records belong together, of child and parent. */
extern void serve_sql_join(ServeSql *sql, const ServeNavigation *navigation, const char *child,
						   const char *parent);
/* The constants that a navigation has besides. */
extern void
serve_sql_join_values(ServeSql *sql, const ServeNavigation *navigation, const char *child);

/* ---- Expressions (sql_expr.c) ---- */

/* True exactly where the expression is, whatever it is else. */
extern void serve_sql_true(ServeSql *sql, const ServeNode *node);
/* The value of an expression; NULL where it is null. */
extern void serve_sql_expression(ServeSql *sql, const ServeNode *node);
extern ServeSqlType serve_sql_type_of(const ServeNode *node);

#endif /* SERVE_SQL_WRITER_H */
