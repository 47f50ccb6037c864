/*
 * sql_writer.c
 *		The pieces of a statement: names, values, tables, what joins them.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/odata/lexer.h"
#include "serve/sql/sql_writer.h"

/* A statement longer than this is of a request that no client needs. */
#define MAX_SQL (1024 * 1024)

void
serve_sql_init(ServeSql *sql, ServeReader *reader)
{
	*sql = (ServeSql){.reader = reader, .space = 8};
	serve_text_init(&sql->text, reader->arena);
	sql->params = serve_alloc_array(reader->arena, (size_t) sql->space, sizeof(const char *));
}

static void
check_length(ServeSql *sql)
{
	if (sql->text.length > MAX_SQL)
		serve_fail(sql->reader, 413, "QueryTooComplex", NULL, "the query is too complex");
}

void
serve_sql_add(ServeSql *sql, const char *text)
{
	serve_text_add(&sql->text, text);
	check_length(sql);
}

void
serve_sql_printf(ServeSql *sql, const char *format, ...)
{
	char buffer[256];
	va_list args;

	va_start(args, format);
	vsnprintf(buffer, sizeof(buffer), format, args);
	va_end(args);
	serve_sql_add(sql, buffer);
}

void
serve_sql_name(ServeSql *sql, const char *name)
{
	serve_text_add_char(&sql->text, '"');
	for (; *name; name++)
	{
		if (*name == '"')
			serve_text_add_char(&sql->text, '"');
		serve_text_add_char(&sql->text, *name);
	}
	serve_text_add_char(&sql->text, '"');
}

void
serve_sql_column(ServeSql *sql, const char *alias, const char *name)
{
	serve_sql_add(sql, alias);
	serve_sql_add(sql, ".");
	serve_sql_name(sql, name);
}

void
serve_sql_source(ServeSql *sql, const ServeResource *resource, const char *alias)
{
	if (sql->reader->in_scope && !sql->reader->in_scope(sql->reader->scope, resource->name))
		serve_fail(sql->reader, 403, "InsufficientScope", resource->name,
				   "\"%s\" is not in the scope of what you ask with", resource->name);
	serve_sql_name(sql, resource->schema);
	serve_sql_add(sql, ".");
	serve_sql_name(sql, resource->view);
	serve_sql_add(sql, " AS ");
	serve_sql_add(sql, alias);
}

const char *
serve_sql_alias(ServeSql *sql)
{
	return serve_printf(sql->reader->arena, "t%d", ++sql->aliases);
}

void
serve_sql_value(ServeSql *sql, const char *text, const char *type)
{
	/* The protocol counts parameters in 16 bits. */
	if (sql->nparams == 30000)
		serve_fail(sql->reader, 413, "QueryTooComplex", NULL, "the query is too complex");
	if (sql->nparams == sql->space)
	{
		const char **more =
			serve_alloc_array(sql->reader->arena, (size_t) sql->space * 2, sizeof(const char *));

		memcpy(more, sql->params, (size_t) sql->space * sizeof(const char *));
		sql->params = more;
		sql->space *= 2;
	}
	sql->params[sql->nparams++] = text;
	serve_sql_printf(sql, "$%d::%s", sql->nparams, type);
}

/* ---- Types ---- */

static const char *const type_names[] = {[SERVE_SQL_NUMBER] = "numeric",
										 [SERVE_SQL_INTEGER] = "bigint",
										 [SERVE_SQL_NUMERIC] = "numeric",
										 [SERVE_SQL_FLOAT4] = "real",
										 [SERVE_SQL_FLOAT8] = "double precision",
										 [SERVE_SQL_TEXT] = "text",
										 [SERVE_SQL_BOOLEAN] = "boolean",
										 [SERVE_SQL_DATE] = "date",
										 [SERVE_SQL_TIMESTAMP] = "timestamptz",
										 [SERVE_SQL_TIME] = "time",
										 [SERVE_SQL_INTERVAL] = "interval",
										 [SERVE_SQL_UUID] = "uuid",
										 [SERVE_SQL_BYTES] = "bytea"};

const char *
serve_sql_type_name(ServeSqlType type)
{
	return type_names[type];
}

const char *
serve_sql_operator(ServeSqlType type, ServeOperator op)
{
	static const char *const words[] = {
		[SERVE_EQ] = " = ",  [SERVE_NE] = " <> ", [SERVE_GT] = " > ",
		[SERVE_GE] = " >= ", [SERVE_LT] = " < ",  [SERVE_LE] = " <= "};
	static const char *const ours[] = {
		[SERVE_EQ] = " OPERATOR(mls.=) ", [SERVE_NE] = " OPERATOR(mls.<>) ",
		[SERVE_GT] = " OPERATOR(mls.>) ", [SERVE_GE] = " OPERATOR(mls.>=) ",
		[SERVE_LT] = " OPERATOR(mls.<) ", [SERVE_LE] = " OPERATOR(mls.<=) "};

	return type == SERVE_SQL_NUMERIC ? ours[op] : words[op];
}

/* What a column is declared as, without "[]" and "(14,2)"; false if it is none of ours. */
static bool
declared_type(const ServeField *field, ServeSqlType *type)
{
	static const struct
	{
		const char *name;
		ServeSqlType type;
	} names[] = {{"smallint", SERVE_SQL_INTEGER},
				 {"integer", SERVE_SQL_INTEGER},
				 {"bigint", SERVE_SQL_INTEGER},
				 {"int2", SERVE_SQL_INTEGER},
				 {"int4", SERVE_SQL_INTEGER},
				 {"int8", SERVE_SQL_INTEGER},
				 {"numeric", SERVE_SQL_NUMERIC},
				 {"real", SERVE_SQL_FLOAT4},
				 {"float4", SERVE_SQL_FLOAT4},
				 {"double precision", SERVE_SQL_FLOAT8},
				 {"float8", SERVE_SQL_FLOAT8},
				 {"text", SERVE_SQL_TEXT},
				 {"character varying", SERVE_SQL_TEXT},
				 {"varchar", SERVE_SQL_TEXT},
				 {"boolean", SERVE_SQL_BOOLEAN},
				 {"bool", SERVE_SQL_BOOLEAN},
				 {"date", SERVE_SQL_DATE},
				 {"timestamp with time zone", SERVE_SQL_TIMESTAMP},
				 {"timestamptz", SERVE_SQL_TIMESTAMP},
				 {"time without time zone", SERVE_SQL_TIME},
				 {"time", SERVE_SQL_TIME},
				 {"interval", SERVE_SQL_INTERVAL},
				 {"uuid", SERVE_SQL_UUID},
				 {"bytea", SERVE_SQL_BYTES}};
	size_t length = strcspn(field->sql, "([");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (strlen(names[i].name) == length && strncasecmp(names[i].name, field->sql, length) == 0)
		{
			*type = names[i].type;
			return true;
		}
	}
	return false;
}

/* As what a field's column is written, whatever it is declared as. */
static ServeSqlType
expected_type(const ServeField *field)
{
	switch (field->type)
	{
		case SERVE_BOOLEAN:
			return SERVE_SQL_BOOLEAN;
		case SERVE_SBYTE:
		case SERVE_BYTE:
		case SERVE_INT16:
		case SERVE_INT32:
		case SERVE_INT64:
			return SERVE_SQL_INTEGER;
		case SERVE_DECIMAL:
			return SERVE_SQL_NUMERIC;
		case SERVE_SINGLE:
			return SERVE_SQL_FLOAT4;
		case SERVE_DOUBLE:
			return SERVE_SQL_FLOAT8;
		case SERVE_DATE:
			return SERVE_SQL_DATE;
		case SERVE_DATETIME:
			return SERVE_SQL_TIMESTAMP;
		case SERVE_TIME:
			return SERVE_SQL_TIME;
		case SERVE_DURATION:
			return SERVE_SQL_INTERVAL;
		case SERVE_GUID:
			return SERVE_SQL_UUID;
		case SERVE_BINARY:
			return SERVE_SQL_BYTES;
		default:
			return SERVE_SQL_TEXT;
	}
}

static bool
is_number(ServeSqlType type)
{
	return type >= SERVE_SQL_INTEGER && type <= SERVE_SQL_FLOAT8;
}

ServeSqlType
serve_sql_field_type(const ServeField *field)
{
	ServeSqlType expected = expected_type(field);
	ServeSqlType declared;

	if (declared_type(field, &declared) && is_number(declared) && is_number(expected))
		return declared;
	return expected;
}

void
serve_sql_field(ServeSql *sql, const char *alias, const ServeField *field)
{
	ServeSqlType type = serve_sql_field_type(field);
	ServeSqlType declared;

	/* Where the column is declared as its type says, an index on it is of use. */
	if (field->collection || (declared_type(field, &declared) && declared == type))
	{
		serve_sql_column(sql, alias, field->name);
		return;
	}
	if (type == SERVE_SQL_TIMESTAMP && strncasecmp(field->sql, "timestamp", 9) == 0)
	{
		serve_sql_add(sql, "(");
		serve_sql_column(sql, alias, field->name);
		serve_sql_add(sql, " AT TIME ZONE 'UTC')");
		return;
	}
	serve_sql_column(sql, alias, field->name);
	serve_sql_printf(sql, "::%s", type_names[type]);
}

/* ---- Literals ---- */

/* A number within what double precision and real have, which their casts insist on. */
static const char *
float_text(ServeArena *arena, const char *text, bool single)
{
	double value;

	errno = 0;
	value = single ? (double) strtof(text, NULL) : strtod(text, NULL);
	if (errno == 0)
		return text;
	if (isinf(value))
		return value < 0 ? "-Infinity" : "Infinity";
	return serve_copy(arena, "0");
}

static const char *
literal_text(ServeSql *sql, const ServeNode *node, ServeSqlType type)
{
	ServeArena *arena = sql->reader->arena;

	if (serve_is_number(node->type))
	{
		if (type == SERVE_SQL_INTEGER)
			return serve_printf(arena, "%lld", (long long) node->literal.integer);
		if (type == SERVE_SQL_FLOAT4 || type == SERVE_SQL_FLOAT8)
			return float_text(arena, node->literal.text, type == SERVE_SQL_FLOAT4);
	}
	/* The midnight of a date. */
	if (node->type == SERVE_DATE && type == SERVE_SQL_TIMESTAMP)
		return serve_datetime_text(arena, node->literal.integer * 86400 * 1000000);
	return node->literal.text;
}

void
serve_sql_literal(ServeSql *sql, const ServeNode *node, ServeSqlType type)
{
	if (node->type == SERVE_BOOLEAN && !node->nullable)
		serve_sql_add(sql, node->literal.truth ? "TRUE" : "FALSE");
	else if (node->literal.text == NULL)
		serve_sql_printf(sql, "NULL::%s", type_names[type]);
	else
		serve_sql_value(sql, literal_text(sql, node, type), type_names[type]);
}

/* ---- Joins ---- */

void
serve_sql_join_values(ServeSql *sql, const ServeNavigation *navigation, const char *child)
{
	for (int i = 0; i < navigation->nwhere; i++)
	{
		const ServeField *field = navigation->where[i];

		serve_sql_add(sql, " AND ");
		/* The model says it as a text. */
		if (serve_sql_field_type(field) == SERVE_SQL_TEXT)
			serve_sql_field(sql, child, field);
		else
		{
			serve_sql_column(sql, child, field->name);
			serve_sql_add(sql, "::text");
		}
		serve_sql_add(sql, " = ");
		serve_sql_value(sql, navigation->value[i], "text");
	}
}

void
serve_sql_join(ServeSql *sql, const ServeNavigation *navigation, const char *child,
			   const char *parent)
{
	for (int i = 0; i < navigation->npairs; i++)
	{
		const ServeField *foreign = navigation->foreign[i];
		const ServeField *local = navigation->local[i];
		bool same = serve_sql_field_type(foreign) == serve_sql_field_type(local);

		if (i > 0)
			serve_sql_add(sql, " AND ");
		serve_sql_column(sql, child, foreign->name);
		serve_sql_add(sql, same ? " = " : "::text = ");
		serve_sql_column(sql, parent, local->name);
		if (!same)
			serve_sql_add(sql, "::text");
	}
	serve_sql_join_values(sql, navigation, child);
}
