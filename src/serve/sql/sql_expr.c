/*
 * sql_expr.c
 *		Expressions in SQL, with the null rules of OData.
 *
 * In OData a comparison is true or false, never null; functions of null are null, and a row
 * passes where the whole is true.  SQL's comparisons are null where OData's are false, which
 * is the same to a row that must pass, but not beneath a "not".  So there are three ways to
 * write a node: what is true where the node is (an index can be used for most), what is true
 * where the node is false, and the value itself.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/odata/lexer.h"
#include "serve/sql/sql_parts.h"

typedef enum Way
{
	WHERE_TRUE,
	WHERE_FALSE,
	VALUE
} Way;

static void write_boolean(ServeSql *sql, const ServeNode *node, Way way);
static void write_as(ServeSql *sql, const ServeNode *node, ServeSqlType type);

/* ---- Functions ---- */

static void
write_count(ServeSql *sql, const ServeNode *node)
{
	ServeNode *collection = node->args[0];

	if (collection->kind == SERVE_FIELD)
	{
		serve_sql_add(sql, "cardinality(");
		serve_sql_collection(sql, collection);
		serve_sql_add(sql, ")::bigint");
		return;
	}
	serve_sql_add(sql, "(SELECT count(*)");
	if (node->nargs == 1)
		(void) serve_sql_steps(sql, collection);
	else
	{
		node->variable->alias = serve_sql_steps(sql, collection);
		serve_sql_add(sql, " AND ");
		write_boolean(sql, node->args[1], WHERE_TRUE);
	}
	serve_sql_add(sql, ")");
}

/* A text in which LIKE finds nothing special, between two others. */
static const char *
like_pattern(ServeSql *sql, const char *before, const char *text, const char *behind)
{
	ServeText out;

	serve_text_init(&out, sql->reader->arena);
	serve_text_add(&out, before);
	for (; *text; text++)
	{
		if (strchr("\\%_", *text))
			serve_text_add_char(&out, '\\');
		serve_text_add_char(&out, *text);
	}
	serve_text_add(&out, behind);
	return out.data;
}

/* The first text, in the order of bytes, behind all that begin so; NULL if there is none. */
static const char *
behind_prefix(ServeSql *sql, const char *prefix)
{
	size_t length = strlen(prefix);
	char *copy;

	while (length > 0)
	{
		size_t start = length - 1;
		uint32_t code;

		while (start > 0 && ((unsigned char) prefix[start] & 0xC0) == 0x80)
			start--;
		code = (unsigned char) prefix[start];
		if (code >= 0x80)
			code &= code >= 0xF0 ? 0x07 : code >= 0xE0 ? 0x0F : 0x1F;
		for (size_t i = start + 1; i < length; i++)
			code = code << 6 | ((unsigned char) prefix[i] & 0x3F);
		code = code == 0xD7FF ? 0xE000 : code + 1;
		if (code <= 0x10FFFF)
		{
			copy = serve_copy_bytes(sql->reader->arena, prefix, start + 4);
			if (code < 0x80)
				copy[start++] = (char) code;
			else if (code < 0x800)
			{
				copy[start++] = (char) (0xC0 | code >> 6);
				copy[start++] = (char) (0x80 | (code & 0x3F));
			}
			else if (code < 0x10000)
			{
				copy[start++] = (char) (0xE0 | code >> 12);
				copy[start++] = (char) (0x80 | (code >> 6 & 0x3F));
				copy[start++] = (char) (0x80 | (code & 0x3F));
			}
			else
			{
				copy[start++] = (char) (0xF0 | code >> 18);
				copy[start++] = (char) (0x80 | (code >> 12 & 0x3F));
				copy[start++] = (char) (0x80 | (code >> 6 & 0x3F));
				copy[start++] = (char) (0x80 | (code & 0x3F));
			}
			copy[start] = '\0';
			return copy;
		}
		length = start;
	}
	return NULL;
}

/* A range of bytes: of operators that are leakproof, so an index serves beneath row security too. */
static void
write_startswith(ServeSql *sql, const ServeNode *text, const ServeNode *prefix)
{
	const char *behind;

	if (!serve_is_literal(prefix))
	{
		serve_sql_add(sql, "starts_with(");
		write_as(sql, text, SERVE_SQL_TEXT);
		serve_sql_add(sql, ", ");
		write_as(sql, prefix, SERVE_SQL_TEXT);
		serve_sql_add(sql, ")");
		return;
	}
	behind = behind_prefix(sql, prefix->literal.text);
	serve_sql_add(sql, "(");
	write_as(sql, text, SERVE_SQL_TEXT);
	serve_sql_add(sql, " COLLATE \"C\" >= ");
	serve_sql_value(sql, prefix->literal.text, "text");
	if (behind)
	{
		serve_sql_add(sql, " AND ");
		write_as(sql, text, SERVE_SQL_TEXT);
		serve_sql_add(sql, " COLLATE \"C\" < ");
		serve_sql_value(sql, behind, "text");
	}
	serve_sql_add(sql, ")");
}

/* f(a, b) and the like: pieces around the arguments, as the types given. */
static void
write_two(ServeSql *sql, const char *before, const ServeNode *a, const char *between,
		  const ServeNode *b, const char *behind)
{
	serve_sql_add(sql, before);
	write_as(sql, a, SERVE_SQL_TEXT);
	serve_sql_add(sql, between);
	write_as(sql, b, SERVE_SQL_TEXT);
	serve_sql_add(sql, behind);
}

static void
write_like(ServeSql *sql, const ServeNode *text, const char *pattern)
{
	serve_sql_add(sql, "(");
	write_as(sql, text, SERVE_SQL_TEXT);
	serve_sql_add(sql, " OPERATOR(mls.~~) ");
	serve_sql_value(sql, pattern, "text");
	serve_sql_add(sql, ")");
}

/*
 * substring(text, start, length): from 0, a negative start counts from the end.  What is
 * computed twice is computed in a subquery, lest texts of nested calls grow beyond measure.
 */
static void
write_substring(ServeSql *sql, const ServeNode *node)
{
	bool limited = node->nargs == 3;

	serve_sql_printf(sql,
					 "(SELECT substr(x.s, 1 + (CASE WHEN x.i < 0 THEN greatest(length(x.s) + x.i, "
					 "0) ELSE least(x.i, 1000000000) END)::int%s) FROM (SELECT ",
					 limited ? ", least(greatest(x.l, 0), 1000000000)::int" : "");
	write_as(sql, node->args[0], SERVE_SQL_TEXT);
	serve_sql_add(sql, " AS s, ");
	write_as(sql, node->args[1], SERVE_SQL_NUMERIC);
	serve_sql_add(sql, " AS i");
	if (limited)
	{
		serve_sql_add(sql, ", ");
		write_as(sql, node->args[2], SERVE_SQL_NUMERIC);
		serve_sql_add(sql, " AS l");
	}
	/* Nor are nulls passed over here. */
	serve_sql_printf(sql, " OFFSET 0) x WHERE x.i IS NOT NULL%s)",
					 limited ? " AND x.l IS NOT NULL" : "");
}

/* A part of a date or time: in UTC. */
static void
write_part(ServeSql *sql, const char *before, const ServeNode *node, const char *behind)
{
	ServeSqlType type = serve_sql_type_of(node);

	serve_sql_add(sql, before);
	write_as(sql, node, type);
	if (type == SERVE_SQL_TIMESTAMP)
		serve_sql_add(sql, " AT TIME ZONE 'UTC'");
	serve_sql_add(sql, behind);
}

static void
write_rounded(ServeSql *sql, const ServeNode *node, const char *function)
{
	ServeSqlType type = serve_sql_call_type(node);

	if (type == SERVE_SQL_INTEGER)
		write_as(sql, node->args[0], type);
	/* Halves go away from zero, which double precision's own round() does not do. */
	else if (type == SERVE_SQL_FLOAT8 && strcmp(function, "round") == 0)
	{
		serve_sql_add(sql, "round((");
		write_as(sql, node->args[0], type);
		serve_sql_add(sql, ")::numeric)::double precision");
	}
	else
	{
		serve_sql_printf(sql, "%s(", function);
		write_as(sql, node->args[0], type);
		serve_sql_add(sql, ")");
	}
}

static void
write_cast(ServeSql *sql, const ServeNode *node)
{
	const ServeNode *operand = node->args[0];
	ServeSqlType type = serve_sql_call_type(node);

	if (node->type == operand->type)
	{
		write_as(sql, operand, type);
		return;
	}
	if (type == SERVE_SQL_DATE)
	{
		write_part(sql, "(", operand, ")::date");
		return;
	}
	if (type == SERVE_SQL_TEXT)
	{
		ServeSqlType from = serve_sql_type_of(operand);

		serve_sql_add(sql, "(");
		write_as(sql, operand,
				 from == SERVE_SQL_NUMBER && operand->literal.whole ? SERVE_SQL_INTEGER : from);
		serve_sql_add(sql, ")::text");
		return;
	}
	write_as(sql, operand, type);
}

/* ---- Values ---- */

static void
write_call(ServeSql *sql, const ServeNode *node)
{
	ServeNode **args = node->args;

	switch (node->function)
	{
		case SERVE_CONTAINS:
			if (serve_is_literal(args[1]))
				write_like(sql, args[0], like_pattern(sql, "%", args[1]->literal.text, "%"));
			else
				write_two(sql, "(strpos(", args[0], ", ", args[1], ") > 0)");
			break;
		case SERVE_STARTSWITH:
			write_startswith(sql, args[0], args[1]);
			break;
		case SERVE_ENDSWITH:
			if (serve_is_literal(args[1]))
				write_like(sql, args[0], like_pattern(sql, "%", args[1]->literal.text, ""));
			else
			{
				/* Reversed, each is written once. */
				write_two(sql, "starts_with(reverse(", args[0], "), reverse(", args[1], "))");
			}
			break;
		case SERVE_TOLOWER:
			serve_sql_add(sql, "lower(");
			write_as(sql, args[0], SERVE_SQL_TEXT);
			serve_sql_add(sql, ")");
			break;
		case SERVE_TOUPPER:
			serve_sql_add(sql, "upper(");
			write_as(sql, args[0], SERVE_SQL_TEXT);
			serve_sql_add(sql, ")");
			break;
		case SERVE_TRIM:
			serve_sql_add(sql, "btrim(");
			write_as(sql, args[0], SERVE_SQL_TEXT);
			serve_sql_add(sql, ", E' \\t\\n\\r\\f\\x0B')");
			break;
		case SERVE_LENGTH:
			serve_sql_add(sql, "length(");
			write_as(sql, args[0], SERVE_SQL_TEXT);
			serve_sql_add(sql, ")");
			break;
		case SERVE_INDEXOF:
			write_two(sql, "(strpos(", args[0], ", ", args[1], ") - 1)");
			break;
		case SERVE_SUBSTRING:
			write_substring(sql, node);
			break;
		case SERVE_CONCAT:
			write_two(sql, "(", args[0], " || ", args[1], ")");
			break;
		case SERVE_YEAR:
			write_part(sql, "extract(year FROM ", args[0], ")::int");
			break;
		case SERVE_MONTH:
			write_part(sql, "extract(month FROM ", args[0], ")::int");
			break;
		case SERVE_DAY:
			write_part(sql, "extract(day FROM ", args[0], ")::int");
			break;
		case SERVE_HOUR:
			write_part(sql, "extract(hour FROM ", args[0], ")::int");
			break;
		case SERVE_MINUTE:
			write_part(sql, "extract(minute FROM ", args[0], ")::int");
			break;
		case SERVE_SECOND:
			write_part(sql, "floor(extract(second FROM ", args[0], "))::int");
			break;
		case SERVE_FRACTIONALSECONDS:
			write_part(sql, "mod(extract(second FROM ", args[0], "), 1)");
			break;
		case SERVE_TOTALOFFSETMINUTES:
			/* All that is stored is in UTC; null stays null. */
			write_part(sql, "(0 * length((", args[0], ")::text))");
			break;
		case SERVE_DATE_OF:
			write_part(sql, "(", args[0], ")::date");
			break;
		case SERVE_TIME_OF:
			write_part(sql, "(", args[0], ")::time");
			break;
		case SERVE_NOW:
			serve_sql_value(sql, sql->now, "timestamptz");
			break;
		case SERVE_MINDATETIME:
			serve_sql_add(sql, "'0001-01-01T00:00:00Z'::timestamptz");
			break;
		case SERVE_MAXDATETIME:
			serve_sql_add(sql, "'9999-12-31T23:59:59.999999Z'::timestamptz");
			break;
		case SERVE_ROUND:
			write_rounded(sql, node, "round");
			break;
		case SERVE_FLOOR:
			write_rounded(sql, node, "floor");
			break;
		case SERVE_CEILING:
			write_rounded(sql, node, "ceil");
			break;
		case SERVE_CAST:
			write_cast(sql, node);
			break;
		case SERVE_GEO_DISTANCE:
			serve_sql_distance(sql, node);
			break;
		case SERVE_GEO_INTERSECTS:
			serve_sql_intersects(sql, node, false);
			break;
	}
}

/* Integers are computed as numeric: what goes beyond 64 bits is still right. */
static void
write_arithmetic(ServeSql *sql, const ServeNode *node)
{
	static const char *const words[] = {
		[SERVE_ADD] = " + ", [SERVE_SUB] = " - ",   [SERVE_MUL] = " * ",
		[SERVE_DIV] = " / ", [SERVE_DIVBY] = " / ", [SERVE_MOD] = ", "};
	ServeSqlType type = serve_sql_computed_type(node);
	ServeSqlType left = type;
	ServeSqlType right = type;
	const char *before = "(";
	const char *between = words[node->op];
	const char *behind = ")";

	if (!serve_is_number(node->type))
	{
		left = serve_sql_literal_type(node->args[0]->type);
		right = serve_sql_literal_type(node->args[1]->type);
		/* Of dates it would be a number of days. */
		if (node->type == SERVE_DURATION && node->args[0]->type == SERVE_DATE)
			left = right = SERVE_SQL_TIMESTAMP;
		/* A date with a time in it is a timestamp; without, a date again. */
		if (node->type == SERVE_DATE)
			behind = ")::date";
	}
	else if (node->op == SERVE_MOD)
	{
		before = type == SERVE_SQL_FLOAT8 ? "mod((" : "mod(";
		between = type == SERVE_SQL_FLOAT8 ? ")::numeric, (" : ", ";
		behind = type == SERVE_SQL_FLOAT8 ? ")::numeric)::double precision" : ")";
	}
	else if (node->op == SERVE_DIV && serve_is_integer(node->type))
	{
		before = "div(";
		between = ", ";
	}
	serve_sql_add(sql, before);
	write_as(sql, node->args[0], left);
	serve_sql_add(sql, between);
	write_as(sql, node->args[1], right);
	serve_sql_add(sql, behind);
}

/* A value of a collection: its column is named as the field. */
static void
write_variable(ServeSql *sql, const ServeVariable *variable)
{
	ServeField one = *variable->collection->field;

	one.collection = false;
	serve_sql_field(sql, variable->alias, &one);
}

/* As the type it has of itself. */
static void
write_value(ServeSql *sql, const ServeNode *node)
{
	switch (node->kind)
	{
		case SERVE_LITERAL:
			serve_sql_literal(sql, node, serve_sql_literal_type(node->type));
			break;
		case SERVE_FIELD:
			serve_sql_path(sql, node, node->field);
			break;
		case SERVE_VALUE_OF:
			write_variable(sql, node->variable);
			break;
		case SERVE_COUNT_OF:
			write_count(sql, node);
			break;
		case SERVE_ARITHMETIC:
			write_arithmetic(sql, node);
			break;
		case SERVE_NEGATE:
			serve_sql_add(sql, "(- ");
			write_as(sql, node->args[0], serve_sql_computed_type(node));
			serve_sql_add(sql, ")");
			break;
		case SERVE_CALL:
			write_call(sql, node);
			break;
		default:
			write_boolean(sql, node, VALUE);
			break;
	}
}

static void
write_as(ServeSql *sql, const ServeNode *node, ServeSqlType type)
{
	ServeSqlType own = serve_sql_type_of(node);

	if (node->kind == SERVE_LITERAL)
		serve_sql_literal(sql, node, type);
	else if (own == type)
		write_value(sql, node);
	else if (own == SERVE_SQL_DATE && type == SERVE_SQL_TIMESTAMP)
	{
		serve_sql_add(sql, "((");
		write_value(sql, node);
		serve_sql_add(sql, ")::timestamp AT TIME ZONE 'UTC')");
	}
	else
	{
		serve_sql_add(sql, "(");
		write_value(sql, node);
		serve_sql_printf(sql, ")::%s", serve_sql_type_name(type));
	}
}

/* ---- Comparisons ---- */

static ServeOperator
turned(ServeOperator op)
{
	switch (op)
	{
		case SERVE_GT:
			return SERVE_LT;
		case SERVE_GE:
			return SERVE_LE;
		case SERVE_LT:
			return SERVE_GT;
		case SERVE_LE:
			return SERVE_GE;
		default:
			return op;
	}
}

static void
write_constant(ServeSql *sql, bool truth, Way way)
{
	serve_sql_add(sql, truth == (way != WHERE_FALSE) ? "TRUE" : "FALSE");
}

/* What is written next is a condition that OData has as false where SQL has it as null. */
static const char *
open_two_valued(ServeSql *sql, bool nullable, Way way)
{
	if (way == WHERE_TRUE || (way == VALUE && !nullable))
	{
		serve_sql_add(sql, "(");
		return ")";
	}
	if (way == WHERE_FALSE && (!nullable || sql->ne_null_sql))
	{
		serve_sql_add(sql, "(NOT (");
		return "))";
	}
	serve_sql_add(sql, "((");
	return way == VALUE ? ") IS TRUE)" : ") IS NOT TRUE)";
}

/* eq and ne, of what is no literal null. */
static void
write_equality(ServeSql *sql, const ServeNode *left, const ServeNode *right, bool equal, Way way)
{
	ServeSqlType type = serve_sql_common_type(left, right);
	bool nullable = left->nullable || right->nullable;
	bool both = left->nullable && right->nullable;
	const char *word;

	if (way == WHERE_FALSE)
		equal = !equal;
	if (equal)
		word = both || (nullable && way == VALUE) ? " IS NOT DISTINCT FROM "
												  : serve_sql_operator(type, SERVE_EQ);
	else
		word = nullable && !sql->ne_null_sql ? " IS DISTINCT FROM "
											 : serve_sql_operator(type, SERVE_NE);
	serve_sql_add(sql, "(");
	write_as(sql, left, type);
	serve_sql_add(sql, word);
	write_as(sql, right, type);
	serve_sql_add(sql, ")");
}

static void
write_inequality(ServeSql *sql, const ServeNode *left, ServeOperator op, const ServeNode *right,
				 Way way)
{
	ServeSqlType type = serve_sql_common_type(left, right);
	const char *close = open_two_valued(sql, left->nullable || right->nullable, way);

	if (way == WHERE_TRUE && left->kind == SERVE_CALL && left->function == SERVE_GEO_DISTANCE &&
		serve_is_literal(right) && (op == SERVE_LT || op == SERVE_LE))
		serve_sql_box(sql, left, strtod(right->literal.text, NULL));
	write_as(sql, left, type);
	serve_sql_add(sql, serve_sql_operator(type, op));
	write_as(sql, right, type);
	serve_sql_add(sql, close);
}

/* A record that a navigation leads to, compared with null. */
static void
write_existence(ServeSql *sql, const ServeNode *path, bool exists)
{
	serve_sql_add(sql, exists ? "EXISTS (SELECT" : "NOT EXISTS (SELECT");
	(void) serve_sql_steps(sql, path);
	serve_sql_add(sql, ")");
}

static void
write_null_comparison(ServeSql *sql, const ServeNode *node, ServeOperator op, Way way)
{
	bool equal = (op == SERVE_EQ) == (way != WHERE_FALSE);

	if (op != SERVE_EQ && op != SERVE_NE)
		write_constant(sql, false, way);
	else if (serve_is_null(node))
		write_constant(sql, op == SERVE_EQ, way);
	else if (node->kind == SERVE_ONE_RECORD)
		write_existence(sql, node, !equal);
	else
	{
		serve_sql_add(sql, "(");
		write_as(sql, node, serve_sql_type_of(node));
		serve_sql_add(sql, equal ? " IS NULL)" : " IS NOT NULL)");
	}
}

/*
 * A timestamp between two microseconds, compared with what has whole ones: later than it is
 * what is later than the one before.
 */
static void
write_between_comparison(ServeSql *sql, const ServeNode *left, ServeOperator op,
						 const ServeNode *right, Way way)
{
	if (op == SERVE_EQ || op == SERVE_NE)
		write_constant(sql, op == SERVE_NE, way);
	else
		write_inequality(sql, left, op == SERVE_GT || op == SERVE_GE ? SERVE_GT : SERVE_LE, right,
						 way);
}

/* ---- Days and years, as ranges that an index serves ---- */

/* Is it date() or year() of what is stored, compared with a literal: from and to of it? */
static bool
range_of(ServeSql *sql, const ServeNode *call, const ServeNode *literal, const char **from,
		 const char **to, ServeSqlType *type)
{
	ServeArena *arena = sql->reader->arena;
	int64_t first;
	int64_t behind;

	if (call->kind != SERVE_CALL || !serve_is_literal(literal))
		return false;
	*type = serve_sql_type_of(call->args[0]);
	if (call->function == SERVE_DATE_OF && literal->type == SERVE_DATE &&
		*type == SERVE_SQL_TIMESTAMP)
	{
		first = literal->literal.integer;
		behind = first + 1;
	}
	else if (call->function != SERVE_YEAR || !literal->literal.whole ||
			 !serve_year_begins(literal->literal.integer, &first) ||
			 !serve_year_begins(literal->literal.integer + 1, &behind))
		return false;
	*from = *type == SERVE_SQL_DATE ? serve_date_text(arena, first)
									: serve_datetime_text(arena, first * 86400 * 1000000);
	*to = *type == SERVE_SQL_DATE ? serve_date_text(arena, behind)
								  : serve_datetime_text(arena, behind * 86400 * 1000000);
	return true;
}

static void
write_range(ServeSql *sql, const ServeNode *value, ServeOperator op, const char *from,
			const char *to, ServeSqlType type, Way way)
{
	const char *close;

	if (op == SERVE_NE)
	{
		op = SERVE_EQ;
		way = way == WHERE_TRUE ? WHERE_FALSE : way == WHERE_FALSE ? WHERE_TRUE : VALUE;
		if (way == VALUE)
		{
			serve_sql_add(sql, "(NOT ");
			write_range(sql, value, op, from, to, type, way);
			serve_sql_add(sql, ")");
			return;
		}
	}
	close = open_two_valued(sql, value->nullable, way);
	if (op == SERVE_EQ || op == SERVE_GE || op == SERVE_GT)
	{
		write_as(sql, value, type);
		serve_sql_add(sql, " >= ");
		serve_sql_value(sql, op == SERVE_GT ? to : from, serve_sql_type_name(type));
	}
	if (op == SERVE_EQ)
		serve_sql_add(sql, " AND ");
	if (op == SERVE_EQ || op == SERVE_LE || op == SERVE_LT)
	{
		write_as(sql, value, type);
		serve_sql_add(sql, " < ");
		serve_sql_value(sql, op == SERVE_LT ? from : to, serve_sql_type_name(type));
	}
	serve_sql_add(sql, close);
}

static void
write_comparison(ServeSql *sql, const ServeNode *node, Way way)
{
	const ServeNode *left = node->args[0];
	const ServeNode *right = node->args[1];
	ServeOperator op = node->op;
	const char *from;
	const char *to;
	ServeSqlType type;

	if (left->kind == SERVE_LITERAL)
	{
		left = node->args[1];
		right = node->args[0];
		op = turned(op);
	}
	if (serve_is_null(right))
		write_null_comparison(sql, left, op, way);
	else if (left->literal.nan || right->literal.nan)
		write_constant(sql, op == SERVE_NE, way);
	else if (right->kind == SERVE_LITERAL && right->literal.between)
		write_between_comparison(sql, left, op, right, way);
	else if (range_of(sql, left, right, &from, &to, &type))
		write_range(sql, left->args[0], op, from, to, type, way);
	else if (op == SERVE_EQ || op == SERVE_NE)
		write_equality(sql, left, right, op == SERVE_EQ, way);
	else
		write_inequality(sql, left, op, right, way);
}

/* ---- Lists ---- */

static void
add_member(ServeText *array, const char *text)
{
	serve_text_add_char(array, array->length > 0 ? ',' : '{');
	serve_text_add_char(array, '"');
	for (; *text; text++)
	{
		if (*text == '"' || *text == '\\')
			serve_text_add_char(array, '\\');
		serve_text_add_char(array, *text);
	}
	serve_text_add_char(array, '"');
}

/* The type in which all members are compared with a value. */
static ServeSqlType
list_type(const ServeNode *node)
{
	ServeSqlType type =
		serve_is_null(node->args[0]) ? SERVE_SQL_TEXT : serve_sql_type_of(node->args[0]);

	for (int i = 1; i < node->nargs; i++)
	{
		ServeSqlType one;

		if (!serve_is_literal(node->args[i]))
			continue;
		one = serve_sql_common_type(node->args[0], node->args[i]);
		if (one != type &&
			(type == SERVE_SQL_NUMBER || type == SERVE_SQL_INTEGER || type == SERVE_SQL_DATE))
			type = one;
	}
	return type == SERVE_SQL_NUMBER ? SERVE_SQL_NUMERIC : type;
}

/* A literal as it stands in an array; NULL if nothing is equal to it. */
static const char *
member_text(ServeSql *sql, const ServeNode *member, ServeSqlType type)
{
	ServeSql scratch = {.reader = sql->reader, .space = 1};
	const char *params[1] = {NULL};

	if (member->literal.nan || member->literal.between)
		return NULL;
	if (member->type == SERVE_BOOLEAN)
		return member->literal.truth ? "true" : "false";
	serve_text_init(&scratch.text, sql->reader->arena);
	scratch.params = params;
	serve_sql_literal(&scratch, member, type);
	return params[0];
}

static void
write_in(ServeSql *sql, const ServeNode *node, Way way)
{
	ServeSqlType type = list_type(node);
	const ServeNode *value = node->args[0];
	const char *word = way == WHERE_FALSE ? " AND " : " OR ";
	Way part = way == WHERE_FALSE ? WHERE_FALSE : WHERE_TRUE;
	bool has_null = false;
	ServeText array;

	serve_text_init(&array, sql->reader->arena);
	for (int i = 1; i < node->nargs; i++)
	{
		const ServeNode *member = node->args[i];

		if (serve_is_null(member))
			has_null = true;
		else if (serve_is_literal(member))
		{
			const char *text = member_text(sql, member, type);

			if (text)
				add_member(&array, text);
		}
	}
	serve_sql_add(sql, way == VALUE ? "((" : "(");
	if (array.length > 0)
	{
		const char *close;

		serve_text_add_char(&array, '}');
		close = open_two_valued(sql, value->nullable, part);
		write_as(sql, value, type);
		serve_sql_add(sql, serve_sql_operator(type, SERVE_EQ));
		serve_sql_add(sql, "ANY (");
		serve_sql_value(sql, array.data,
						serve_printf(sql->reader->arena, "%s[]", serve_sql_type_name(type)));
		serve_sql_add(sql, ")");
		serve_sql_add(sql, close);
	}
	else
		write_constant(sql, false, part);
	if (has_null)
	{
		serve_sql_add(sql, word);
		write_null_comparison(sql, value, SERVE_EQ, part);
	}
	for (int i = 1; i < node->nargs; i++)
	{
		ServeNode *args[2] = {node->args[0], node->args[i]};
		ServeNode comparison = {
			.kind = SERVE_COMPARE, .type = SERVE_BOOLEAN, .op = SERVE_EQ, .nargs = 2, .args = args};

		if (node->args[i]->kind == SERVE_LITERAL)
			continue;
		serve_sql_add(sql, word);
		write_comparison(sql, &comparison, part);
	}
	serve_sql_add(sql, way == VALUE ? ") IS TRUE)" : ")");
}

static void
write_has(ServeSql *sql, const ServeNode *node, Way way)
{
	const ServeNode *left = node->args[0];
	const ServeNode *right = node->args[1];

	if (serve_is_null(right))
		serve_sql_add(sql, "NULL::boolean");
	else if (left->collection)
	{
		const char *close = open_two_valued(sql, true, way);

		if (strcmp(left->field->sql, "text[]") == 0)
		{
			ServeText array;

			serve_text_init(&array, sql->reader->arena);
			add_member(&array, right->literal.text);
			serve_text_add_char(&array, '}');
			serve_sql_path(sql, left, left->field);
			serve_sql_add(sql, " @> ");
			serve_sql_value(sql, array.data, "text[]");
		}
		else
		{
			serve_sql_value(sql, right->literal.text, "text");
			serve_sql_add(sql, " = ANY (");
			serve_sql_path(sql, left, left->field);
			serve_sql_add(sql, ")");
		}
		serve_sql_add(sql, close);
	}
	else
	{
		serve_sql_add(sql, way == WHERE_FALSE ? "(NOT (" : "((");
		write_as(sql, left, SERVE_SQL_TEXT);
		serve_sql_add(sql, " = ");
		serve_sql_value(sql, right->literal.text, "text");
		serve_sql_add(sql, "))");
	}
}

/* ---- any() and all() ---- */

/* Adds the texts that a variable may be equal to; false where the condition is another. */
static bool
equal_texts(const ServeNode *node, const ServeVariable *variable, ServeText *array)
{
	if (node->kind == SERVE_OR)
		return equal_texts(node->args[0], variable, array) &&
			   equal_texts(node->args[1], variable, array);
	if (node->kind == SERVE_COMPARE && node->op == SERVE_EQ && serve_is_literal(node->args[0]) &&
		node->args[1]->kind == SERVE_VALUE_OF && node->args[1]->variable == variable)
	{
		add_member(array, node->args[0]->literal.text);
		return true;
	}
	if ((node->kind != SERVE_IN && (node->kind != SERVE_COMPARE || node->op != SERVE_EQ)) ||
		node->args[0]->kind != SERVE_VALUE_OF || node->args[0]->variable != variable)
		return false;
	for (int i = 1; i < node->nargs; i++)
	{
		if (!serve_is_literal(node->args[i]))
			return false;
	}
	for (int i = 1; i < node->nargs; i++)
		add_member(array, node->args[i]->literal.text);
	return node->nargs > 1;
}

/* Conditions on lists of texts that an index on the list serves. */
static bool
write_overlap(ServeSql *sql, const ServeNode *node, Way way)
{
	const ServeNode *collection = node->args[0];
	ServeText array;
	const char *close;
	bool one;

	serve_text_init(&array, sql->reader->arena);
	if (collection->kind != SERVE_FIELD || strcmp(collection->field->sql, "text[]") != 0 ||
		collection->type != SERVE_STRING || !equal_texts(node->args[1], node->variable, &array))
		return false;
	one = node->args[1]->kind == SERVE_COMPARE;
	serve_text_add_char(&array, '}');
	if (node->kind == SERVE_ALL)
	{
		serve_sql_add(sql, way == WHERE_FALSE ? "(NOT (" : "((");
		serve_sql_collection(sql, collection);
		serve_sql_add(sql, " <@ ");
		close = "))";
	}
	else
	{
		close = open_two_valued(sql, true, way);
		serve_sql_path(sql, collection, collection->field);
		serve_sql_add(sql, one ? " @> " : " && ");
	}
	serve_sql_value(sql, array.data, "text[]");
	serve_sql_add(sql, close);
	return true;
}

static void
write_lambda(ServeSql *sql, const ServeNode *node, Way way)
{
	const ServeNode *collection = node->args[0];
	bool all = node->kind == SERVE_ALL;

	if (node->nargs == 2 && write_overlap(sql, node, way))
		return;
	/* all() is that there is none of which it does not hold. */
	serve_sql_add(sql, all == (way == WHERE_FALSE) ? "EXISTS (SELECT" : "NOT EXISTS (SELECT");
	if (collection->kind == SERVE_RECORDS)
	{
		node->variable->alias = serve_sql_steps(sql, collection);
		if (node->nargs == 2)
			serve_sql_add(sql, " AND ");
	}
	else
	{
		node->variable->alias = serve_sql_alias(sql);
		serve_sql_add(sql, " FROM unnest(");
		serve_sql_path(sql, collection, collection->field);
		serve_sql_printf(sql, ") AS %s(", node->variable->alias);
		serve_sql_name(sql, collection->field->name);
		serve_sql_add(sql, ")");
		if (node->nargs == 2)
			serve_sql_add(sql, " WHERE ");
	}
	if (node->nargs == 2)
	{
		serve_sql_add(sql, "(");
		write_boolean(sql, node->args[1], WHERE_TRUE);
		serve_sql_add(sql, all ? ") IS NOT TRUE" : ")");
	}
	serve_sql_add(sql, ")");
}

/* ---- Conditions ---- */

static void
write_boolean(ServeSql *sql, const ServeNode *node, Way way)
{
	switch (node->kind)
	{
		case SERVE_AND:
		case SERVE_OR:
			serve_sql_add(sql, "(");
			write_boolean(sql, node->args[0], way);
			/* What is false of "a and b" is that a is, or b. */
			serve_sql_add(sql,
						  (node->kind == SERVE_AND) == (way != WHERE_FALSE) ? " AND " : " OR ");
			write_boolean(sql, node->args[1], way);
			serve_sql_add(sql, ")");
			break;
		case SERVE_NOT:
			if (way == VALUE)
				serve_sql_add(sql, "(NOT ");
			write_boolean(sql, node->args[0],
						  way == WHERE_TRUE    ? WHERE_FALSE
						  : way == WHERE_FALSE ? WHERE_TRUE
											   : VALUE);
			if (way == VALUE)
				serve_sql_add(sql, ")");
			break;
		case SERVE_COMPARE:
			write_comparison(sql, node, way);
			break;
		case SERVE_IN:
			write_in(sql, node, way);
			break;
		case SERVE_HAS:
			write_has(sql, node, way);
			break;
		case SERVE_ANY:
		case SERVE_ALL:
			write_lambda(sql, node, way);
			break;
		default:
			if (serve_is_null(node))
			{
				serve_sql_add(sql, "NULL::boolean");
				break;
			}
			if (way == WHERE_TRUE && node->kind == SERVE_CALL &&
				node->function == SERVE_GEO_INTERSECTS)
			{
				serve_sql_intersects(sql, node, true);
				break;
			}
			serve_sql_add(sql, way == WHERE_FALSE ? "(NOT " : "(");
			write_value(sql, node);
			serve_sql_add(sql, ")");
			break;
	}
}

void
serve_sql_true(ServeSql *sql, const ServeNode *node)
{
	write_boolean(sql, node, WHERE_TRUE);
}

void
serve_sql_expression(ServeSql *sql, const ServeNode *node)
{
	ServeSqlType type = serve_sql_type_of(node);

	write_as(sql, node, type == SERVE_SQL_NUMBER ? SERVE_SQL_NUMERIC : type);
}
