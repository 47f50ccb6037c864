/*
 * typing.c
 *		What operators and functions take and give.
 *
 * Numbers compare with all numbers, a date also with a timestamp: it is its midnight in UTC.
 * A null literal fits everything, and what is computed of it is null.
 */
#include <string.h>
#include <strings.h>

#include "serve/odata/lexer.h"
#include "serve/odata/typing.h"

ServeNode *
serve_node(ServeReader *reader, ServeNodeKind kind, ServeType type, int nargs)
{
	ServeNode *node = serve_alloc(reader->arena, sizeof(ServeNode));

	node->kind = kind;
	node->type = type;
	node->nargs = nargs;
	node->args = serve_alloc_array(reader->arena, (size_t) nargs, sizeof(ServeNode *));
	return node;
}

ServeNode *
serve_inner_node(ServeReader *reader, ServeNodeKind kind, ServeType type, int nargs)
{
	if (++reader->nodes > SERVE_MAX_NODES)
		serve_fail(reader, 413, "QueryTooComplex", NULL,
				   "there are more than %d operators and functions", SERVE_MAX_NODES);
	return serve_node(reader, kind, type, nargs);
}

static ServeNode *
with_args(ServeNode *node, ServeNode *left, ServeNode *right)
{
	node->args[0] = left;
	node->args[1] = right;
	node->nullable = left->nullable || right->nullable;
	return node;
}

static void
type_error(ServeReader *reader)
{
	serve_fail(reader, 400, "TypeError", NULL, "an operator or function does not take these types");
}

static bool
is_null(const ServeNode *node)
{
	return node->kind == SERVE_LITERAL && node->nullable;
}

static bool
is_null_or(const ServeNode *node, ServeType type)
{
	return !node->collection && (node->type == type || node->type == SERVE_NULL);
}

void
serve_require_boolean(ServeReader *reader, const ServeNode *node)
{
	if (!is_null_or(node, SERVE_BOOLEAN))
		serve_fail(reader, 400, "TypeError", NULL,
				   "an expression that must be true or false is neither");
}

/* ---- Comparison ---- */

static const char *
lookup_of(const ServeNode *node)
{
	if (node->kind == SERVE_VALUE_OF)
		node = node->variable->collection;
	return node->kind == SERVE_FIELD && node->field ? node->field->lookup : NULL;
}

/* Ns.Type'A' is of the lookup that the field has, or of none. */
static void
check_member(ServeReader *reader, const ServeNode *field, const ServeNode *member)
{
	const char *type = member->kind == SERVE_LITERAL ? member->literal.enum_type : NULL;
	const char *lookup = lookup_of(field);

	if (type && (lookup == NULL || strcmp(strrchr(type, '.') + 1, lookup) != 0))
		serve_fail(reader, 400, "TypeError", NULL, "a literal is of another type than its field");
}

static bool
is_moment(ServeType type)
{
	return type == SERVE_DATE || type == SERVE_DATETIME;
}

static bool
is_place(ServeType type)
{
	return type == SERVE_POINT || type == SERVE_POLYGON;
}

/* A text literal is a duration or GUID where one is wanted. */
static ServeNode *
text_as_wanted(ServeReader *reader, ServeType wanted, ServeNode *node)
{
	ServeNode *converted;

	if (node->kind != SERVE_LITERAL || node->type != SERVE_STRING || node->literal.text == NULL ||
		(wanted != SERVE_DURATION && wanted != SERVE_GUID))
		return node;
	converted = serve_text_as(reader, node->literal.text, wanted);
	if (converted == NULL)
		type_error(reader);
	return converted;
}

ServeNode *
serve_comparable(ServeReader *reader, const ServeNode *left, ServeNode *right)
{
	right = text_as_wanted(reader, left->type, right);
	if (left->collection || right->collection)
		serve_fail(reader, 400, "TypeError", NULL, "a collection is compared by any() or all()");
	if (is_place(left->type) || is_place(right->type))
		type_error(reader);
	check_member(reader, left, right);
	check_member(reader, right, left);
	if (left->type == SERVE_NULL || right->type == SERVE_NULL)
		return right;
	if (left->type == SERVE_ENTITY || right->type == SERVE_ENTITY)
		serve_fail(reader, 400, "TypeError", NULL, "a record is compared with null only");
	if (left->type != right->type &&
		!(serve_is_number(left->type) && serve_is_number(right->type)) &&
		!(is_moment(left->type) && is_moment(right->type)))
		type_error(reader);
	return right;
}

ServeNode *
serve_compare(ServeReader *reader, ServeOperator op, ServeNode *left, ServeNode *right)
{
	ServeNode *node = serve_inner_node(reader, SERVE_COMPARE, SERVE_BOOLEAN, 2);

	left = text_as_wanted(reader, right->type, left);
	right = serve_comparable(reader, left, right);
	if (left->type == SERVE_ENTITY && op != SERVE_EQ && op != SERVE_NE)
		type_error(reader);
	node->op = op;
	with_args(node, left, right);
	node->nullable = false;
	return node;
}

ServeNode *
serve_has(ServeReader *reader, ServeNode *left, ServeNode *right)
{
	ServeNode *node = serve_inner_node(reader, SERVE_HAS, SERVE_BOOLEAN, 2);

	if (left->type != SERVE_STRING || !is_null_or(right, SERVE_STRING) ||
		right->kind != SERVE_LITERAL)
		type_error(reader);
	check_member(reader, left, right);
	return with_args(node, left, right);
}

/* ---- Arithmetic ---- */

static ServeType
number_type(ServeOperator op, ServeType left, ServeType right)
{
	if (left == SERVE_DOUBLE || right == SERVE_DOUBLE || left == SERVE_SINGLE ||
		right == SERVE_SINGLE)
		return SERVE_DOUBLE;
	if (serve_is_integer(left) && serve_is_integer(right) && op != SERVE_DIVBY)
		return SERVE_INT64;
	return SERVE_DECIMAL;
}

/* Of moments and durations; SERVE_UNTYPED where there is none. */
static ServeType
moment_type(ServeOperator op, ServeType left, ServeType right)
{
	if (op == SERVE_ADD && left == SERVE_DURATION && is_moment(right))
		return right;
	if (op != SERVE_ADD && op != SERVE_SUB)
		return SERVE_UNTYPED;
	if ((is_moment(left) || left == SERVE_DURATION) && right == SERVE_DURATION)
		return left;
	if (op == SERVE_SUB && is_moment(left) && left == right)
		return SERVE_DURATION;
	return SERVE_UNTYPED;
}

ServeNode *
serve_arithmetic(ServeReader *reader, ServeOperator op, ServeNode *left, ServeNode *right)
{
	ServeNode *node = serve_inner_node(reader, SERVE_ARITHMETIC, SERVE_UNTYPED, 2);

	if (is_moment(left->type))
		right = text_as_wanted(reader, SERVE_DURATION, right);
	if (left->collection || right->collection)
		type_error(reader);
	if (is_null(left) || is_null(right))
	{
		const ServeNode *other = is_null(left) ? right : left;

		if (other->type != SERVE_NULL && !serve_is_number(other->type) && !is_moment(other->type) &&
			other->type != SERVE_DURATION)
			type_error(reader);
		return serve_null_literal(reader, other->type);
	}
	if (serve_is_number(left->type) && serve_is_number(right->type))
		node->type = number_type(op, left->type, right->type);
	else
		node->type = moment_type(op, left->type, right->type);
	if (node->type == SERVE_UNTYPED)
		type_error(reader);
	node->op = op;
	return with_args(node, left, right);
}

ServeNode *
serve_negate(ServeReader *reader, ServeNode *operand)
{
	ServeNode *node = serve_inner_node(reader, SERVE_NEGATE, operand->type, 1);

	if (operand->collection)
		type_error(reader);
	if (operand->type == SERVE_NULL)
		return operand;
	if (!serve_is_number(operand->type) && operand->type != SERVE_DURATION)
		type_error(reader);
	node->args[0] = operand;
	node->nullable = operand->nullable;
	return node;
}

/* ---- Functions ---- */

/*
 * Arguments, a letter each: s text, i integer, n number, t timestamp, d date or timestamp,
 * h time or timestamp, p point, y point or polygon; behind a "?" they may be left out.  A result of SERVE_UNTYPED
 * has the type of the first argument.
 */
typedef struct Signature
{
	const char *name;
	const char *takes;
	ServeType gives;
	ServeFunction function;
} Signature;

static const Signature signatures[] = {
	{"contains", "ss", SERVE_BOOLEAN, SERVE_CONTAINS},
	{"startswith", "ss", SERVE_BOOLEAN, SERVE_STARTSWITH},
	{"endswith", "ss", SERVE_BOOLEAN, SERVE_ENDSWITH},
	{"tolower", "s", SERVE_STRING, SERVE_TOLOWER},
	{"toupper", "s", SERVE_STRING, SERVE_TOUPPER},
	{"trim", "s", SERVE_STRING, SERVE_TRIM},
	{"length", "s", SERVE_INT32, SERVE_LENGTH},
	{"indexof", "ss", SERVE_INT32, SERVE_INDEXOF},
	{"substring", "si?i", SERVE_STRING, SERVE_SUBSTRING},
	{"concat", "ss", SERVE_STRING, SERVE_CONCAT},
	{"year", "d", SERVE_INT32, SERVE_YEAR},
	{"month", "d", SERVE_INT32, SERVE_MONTH},
	{"day", "d", SERVE_INT32, SERVE_DAY},
	{"hour", "h", SERVE_INT32, SERVE_HOUR},
	{"minute", "h", SERVE_INT32, SERVE_MINUTE},
	{"second", "h", SERVE_INT32, SERVE_SECOND},
	{"fractionalseconds", "h", SERVE_DECIMAL, SERVE_FRACTIONALSECONDS},
	{"totaloffsetminutes", "t", SERVE_INT32, SERVE_TOTALOFFSETMINUTES},
	{"date", "d", SERVE_DATE, SERVE_DATE_OF},
	{"time", "t", SERVE_TIME, SERVE_TIME_OF},
	{"now", "", SERVE_DATETIME, SERVE_NOW},
	{"mindatetime", "", SERVE_DATETIME, SERVE_MINDATETIME},
	{"maxdatetime", "", SERVE_DATETIME, SERVE_MAXDATETIME},
	{"round", "n", SERVE_UNTYPED, SERVE_ROUND},
	{"floor", "n", SERVE_UNTYPED, SERVE_FLOOR},
	{"ceiling", "n", SERVE_UNTYPED, SERVE_CEILING},
	{"geo.distance", "pp", SERVE_DOUBLE, SERVE_GEO_DISTANCE},
	{"geo.intersects", "yy", SERVE_BOOLEAN, SERVE_GEO_INTERSECTS}};

static const char *const not_offered[] = {
	"matchesPattern", "isof", "geo.length", "totalseconds", "hassubset", "hassubsequence", "case"};

static bool
takes(char letter, const ServeNode *node)
{
	ServeType type = node->type;

	if (node->collection)
		return false;
	if (type == SERVE_NULL)
		return true;
	switch (letter)
	{
		case 's':
			return type == SERVE_STRING;
		case 'i':
			return serve_is_integer(type);
		case 'n':
			return serve_is_number(type);
		case 't':
			return type == SERVE_DATETIME;
		case 'd':
			return is_moment(type);
		case 'h':
			return type == SERVE_DATETIME || type == SERVE_TIME;
		case 'y':
			return is_place(type);
		default:
			return type == SERVE_POINT;
	}
}

static const Signature *
find_signature(ServeReader *reader, const char *name)
{
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
	{
		if (strcasecmp(signatures[i].name, name) == 0)
			return &signatures[i];
	}
	for (size_t i = 0; i < sizeof(not_offered) / sizeof(not_offered[0]); i++)
	{
		if (strcasecmp(not_offered[i], name) == 0)
			serve_fail(reader, 501, "NotImplemented", NULL, "function %s is not offered",
					   not_offered[i]);
	}
	serve_fail(reader, 400, "UnknownFunction", NULL, "there is no function \"%s\"", name);
}

void
serve_require_function(ServeReader *reader, const char *name)
{
	(void) find_signature(reader, name);
}

ServeNode *
serve_call(ServeReader *reader, const char *name, ServeNode **args, int nargs)
{
	const Signature *signature = find_signature(reader, name);
	ServeNode *node = serve_inner_node(reader, SERVE_CALL, signature->gives, nargs);
	const char *letter = signature->takes;
	bool optional = false;
	bool null = false;

	node->function = signature->function;
	for (int i = 0; i < nargs; i++, letter++)
	{
		optional = optional || *letter == '?';
		letter += *letter == '?';
		if (*letter == '\0')
			serve_fail(reader, 400, "BadArguments", NULL, "function %s has too many arguments",
					   signature->name);
		if (!takes(*letter, args[i]))
			type_error(reader);
		node->args[i] = args[i];
		node->nullable = node->nullable || args[i]->nullable;
		null = null || is_null(args[i]);
	}
	if (*letter != '\0' && *letter != '?')
		serve_fail(reader, 400, "BadArguments", NULL, "function %s has too few arguments",
				   signature->name);
	if (node->type == SERVE_UNTYPED)
		node->type = args[0]->type;
	/* A distance is from a place that is given to where a record is. */
	if (node->function == SERVE_GEO_DISTANCE &&
		(args[0]->kind == SERVE_LITERAL) == (args[1]->kind == SERVE_LITERAL) && !null)
		serve_fail(reader, 501, "NotImplemented", NULL,
				   "geo.distance takes one place that is given and one of a record");
	if (node->function == SERVE_GEO_INTERSECTS && !null &&
		(args[0]->type == args[1]->type || args[0]->kind == args[1]->kind))
		serve_fail(reader, 501, "NotImplemented", NULL,
				   "geo.intersects takes a polygon and the place of a record");
	return null ? serve_null_literal(reader, node->type) : node;
}

ServeNode *
serve_cast(ServeReader *reader, ServeNode *operand, const char *type)
{
	ServeType to = serve_type_named(type);
	ServeType from = operand->type;
	ServeNode *node = serve_inner_node(reader, SERVE_CALL, to, 1);
	bool offered =
		to == from ||
		(serve_is_integer(from) &&
		 (to == SERVE_DECIMAL || to == SERVE_DOUBLE || to == SERVE_INT64 || to == SERVE_STRING)) ||
		(from == SERVE_DECIMAL && to == SERVE_DOUBLE) || (is_moment(from) && is_moment(to)) ||
		((from == SERVE_DATE || from == SERVE_GUID || from == SERVE_BOOLEAN) && to == SERVE_STRING);

	if (to == SERVE_UNTYPED)
		serve_fail(reader, 400, "UnknownType", NULL, "there is no type of this name");
	if (operand->collection || from == SERVE_ENTITY)
		type_error(reader);
	if (is_null(operand))
		return serve_null_literal(reader, to);
	if (!offered)
		serve_fail(reader, 501, "NotImplemented", NULL, "this cast is not offered");
	node->function = SERVE_CAST;
	node->args[0] = operand;
	node->nullable = operand->nullable;
	return node;
}
