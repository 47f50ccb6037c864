/*
 * sql_select.h
 *		Whole statements: the rows of a level, what is expanded beneath them, counts.
 */
#ifndef SERVE_SQL_SELECT_H
#define SERVE_SQL_SELECT_H

#include "serve/sql/sql_writer.h"

/* An expression that rows are ordered by; the last ones are the key's. */
typedef struct ServeOrderKey
{
	ServeNode *expression;
	bool descending;
} ServeOrderKey;

typedef struct ServeKeys
{
	int count;
	ServeOrderKey *keys;
} ServeKeys;

/* A step of a path: a resource, reached over a navigation, one record of it or all. */
typedef struct ServeStep
{
	const ServeResource *resource;
	const ServeNavigation *over; /* NULL of the first */
	ServeNode **key;             /* NULL: all */
} ServeStep;

typedef struct ServeLevel
{
	const ServeResource *resource;
	const ServeOptions *options;
	ServeKeys keys;
	/* Where the rows are: a path, or records of a parent that stands beside. */
	const ServeStep *steps;
	int nsteps;
	const ServeNavigation *over;
	const char *parent;
	/* How many; with one more than are shown it is known whether there are others. */
	int64_t limit;
	int64_t skip;
	/* Only what comes behind these texts, one of each key; NULL: from the start. */
	const char *const *cursor;
} ServeLevel;

/* What rows are ordered by: $orderby, and the key so that no two are equal. */
extern ServeKeys serve_order_keys(ServeReader *reader, const ServeOptions *options);

/* The fields that are answered: those of $select, or all. */
extern int
serve_shown_fields(ServeReader *reader, const ServeOptions *options, const ServeField ***fields);

/* JSON of each row, and the texts of its keys if there is a cursor to be made. */
extern void serve_sql_rows(ServeSql *sql, const ServeLevel *level, bool with_cursor);
extern void serve_sql_count(ServeSql *sql, const ServeLevel *level);
/* A row if the path leads to one. */
extern void serve_sql_exists(ServeSql *sql, const ServeStep *steps, int nsteps);
/* One field of one record: as {"value":...} and whether it is null; as a plain text; how many it has. */
extern void
serve_sql_property(ServeSql *sql, const ServeStep *steps, int nsteps, const ServeField *field);
extern void
serve_sql_raw_value(ServeSql *sql, const ServeStep *steps, int nsteps, const ServeField *field);
extern void
serve_sql_cardinality(ServeSql *sql, const ServeStep *steps, int nsteps, const ServeField *field);

#endif /* SERVE_SQL_SELECT_H */
