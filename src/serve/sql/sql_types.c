/*
 * sql_types.c
 *		As what an expression is written in SQL, and in which type two are compared.
 *
 * Numbers of literals have no type of their own: they are of what they stand beside, so that
 * an index on an integer or a double precision is not put out of use by a cast.
 */
#include "serve/sql/sql_parts.h"

ServeSqlType
serve_sql_literal_type(ServeType type)
{
	switch (type)
	{
		case SERVE_BOOLEAN:
			return SERVE_SQL_BOOLEAN;
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
			return serve_is_number(type) ? SERVE_SQL_NUMBER : SERVE_SQL_TEXT;
	}
}

static bool
is_float(ServeSqlType type)
{
	return type == SERVE_SQL_FLOAT4 || type == SERVE_SQL_FLOAT8;
}

/* What arithmetic of it is in. */
ServeSqlType
serve_sql_computed_type(const ServeNode *node)
{
	if (!serve_is_number(node->type))
		return serve_sql_literal_type(node->type);
	for (int i = 0; i < node->nargs; i++)
	{
		if (is_float(serve_sql_type_of(node->args[i])))
			return SERVE_SQL_FLOAT8;
	}
	return SERVE_SQL_NUMERIC;
}

ServeSqlType
serve_sql_call_type(const ServeNode *node)
{
	ServeSqlType type;

	switch (node->function)
	{
		case SERVE_LENGTH:
		case SERVE_INDEXOF:
		case SERVE_YEAR:
		case SERVE_MONTH:
		case SERVE_DAY:
		case SERVE_HOUR:
		case SERVE_MINUTE:
		case SERVE_SECOND:
		case SERVE_TOTALOFFSETMINUTES:
			return SERVE_SQL_INTEGER;
		case SERVE_FRACTIONALSECONDS:
			return SERVE_SQL_NUMERIC;
		case SERVE_GEO_DISTANCE:
			return SERVE_SQL_FLOAT8;
		case SERVE_ROUND:
		case SERVE_FLOOR:
		case SERVE_CEILING:
			type = serve_sql_type_of(node->args[0]);
			return is_float(type)              ? SERVE_SQL_FLOAT8
				   : type == SERVE_SQL_INTEGER ? type
											   : SERVE_SQL_NUMERIC;
		case SERVE_CAST:
			if (node->type == SERVE_DOUBLE)
				return SERVE_SQL_FLOAT8;
			if (node->type == SERVE_DECIMAL)
				return SERVE_SQL_NUMERIC;
			if (serve_is_integer(node->type))
				return SERVE_SQL_INTEGER;
			return serve_sql_literal_type(node->type);
		default:
			return serve_sql_literal_type(node->type);
	}
}

ServeSqlType
serve_sql_type_of(const ServeNode *node)
{
	switch (node->kind)
	{
		case SERVE_FIELD:
			return node->field ? serve_sql_field_type(node->field) : SERVE_SQL_TEXT;
		case SERVE_VALUE_OF:
			return serve_sql_field_type(node->variable->collection->field);
		case SERVE_COUNT_OF:
			return SERVE_SQL_INTEGER;
		case SERVE_ARITHMETIC:
		case SERVE_NEGATE:
			return serve_sql_computed_type(node);
		case SERVE_CALL:
			return serve_sql_call_type(node);
		default:
			return serve_sql_literal_type(node->type);
	}
}

/* The type in which two are compared. */
ServeSqlType
serve_sql_common_type(const ServeNode *left, const ServeNode *right)
{
	ServeSqlType a = serve_sql_type_of(left);
	ServeSqlType b = serve_sql_type_of(right);
	const ServeNode *literal = serve_is_literal(left) ? left : right;

	if (serve_is_null(left))
		return serve_is_null(right) ? SERVE_SQL_TEXT : b;
	if (serve_is_null(right))
		return a;
	if (a == SERVE_SQL_NUMBER && b == SERVE_SQL_NUMBER)
		return SERVE_SQL_NUMERIC;
	if (a == SERVE_SQL_NUMBER || b == SERVE_SQL_NUMBER)
	{
		ServeSqlType other = a == SERVE_SQL_NUMBER ? b : a;

		return other == SERVE_SQL_INTEGER && !literal->literal.whole ? SERVE_SQL_NUMERIC : other;
	}
	if (a == b)
		return a;
	if (a == SERVE_SQL_TIMESTAMP || b == SERVE_SQL_TIMESTAMP)
		return SERVE_SQL_TIMESTAMP;
	return is_float(a) || is_float(b) ? SERVE_SQL_FLOAT8 : SERVE_SQL_NUMERIC;
}
