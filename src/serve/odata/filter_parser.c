/*
 * filter_parser.c
 *		Expressions: a recursive descent that types as it reads.
 *
 * Operators bind in this order: in and has, minus and not, mul div divby mod, add sub,
 * gt ge lt le, eq ne, and, or.  So "not A eq 1" is "(not A) eq 1", as the standard has it;
 * where that makes no sense, since A is not true or false, it is read as clients mean it.
 * Blanks stand on both sides of operators that are words.
 */
#include <string.h>
#include <strings.h>

#include "serve/odata/lexer.h"
#include "serve/odata/typing.h"

#define LEVEL_OR 1
#define LEVEL_EQUALITY 3

/* Navigations in one path; none of RESO has more than three. */
#define MAX_STEPS 8
#define MAX_ARGS 4

/* The variable of any() or all() at hand, and those around it. */
typedef struct Scope
{
	ServeVariable *variable;
	struct Scope *outer;
} Scope;

typedef struct Parser
{
	ServeReader *reader;
	ServeLexer lexer;
	ServeVariable *rows; /* what bare names are fields of */
	Scope *scope;
} Parser;

static const struct
{
	const char *word;
	int level;
	ServeNodeKind kind;
	ServeOperator op;
} operators[] = {{"or", 1, SERVE_OR, 0},
				 {"and", 2, SERVE_AND, 0},
				 {"eq", 3, SERVE_COMPARE, SERVE_EQ},
				 {"ne", 3, SERVE_COMPARE, SERVE_NE},
				 {"gt", 4, SERVE_COMPARE, SERVE_GT},
				 {"ge", 4, SERVE_COMPARE, SERVE_GE},
				 {"lt", 4, SERVE_COMPARE, SERVE_LT},
				 {"le", 4, SERVE_COMPARE, SERVE_LE},
				 {"add", 5, SERVE_ARITHMETIC, SERVE_ADD},
				 {"sub", 5, SERVE_ARITHMETIC, SERVE_SUB},
				 {"mul", 6, SERVE_ARITHMETIC, SERVE_MUL},
				 {"div", 6, SERVE_ARITHMETIC, SERVE_DIV},
				 {"divby", 6, SERVE_ARITHMETIC, SERVE_DIVBY},
				 {"mod", 6, SERVE_ARITHMETIC, SERVE_MOD}};

#define NOPERATORS ((int) (sizeof(operators) / sizeof(operators[0])))

static ServeNode *parse_unary(Parser *parser);
static ServeNode *parse_binary(Parser *parser, ServeNode *left, int least);

/* ---- Small steps ---- */

static void
enter(Parser *parser)
{
	if (++parser->reader->depth > SERVE_MAX_DEPTH)
		serve_fail(parser->reader, 413, "QueryTooComplex", NULL,
				   "it is nested deeper than %d levels", SERVE_MAX_DEPTH);
}

static void
leave(Parser *parser)
{
	parser->reader->depth--;
}

static void
expect(Parser *parser, char mark)
{
	if (!serve_at_mark(&parser->lexer, mark))
		serve_syntax_error(&parser->lexer);
	serve_next(&parser->lexer);
}

static bool
pass_mark(Parser *parser, char mark)
{
	if (!serve_at_mark(&parser->lexer, mark))
		return false;
	serve_next(&parser->lexer);
	return true;
}

static ServeNode *
parse_all(Parser *parser)
{
	return parse_binary(parser, parse_unary(parser), LEVEL_OR);
}

static ServeNode *
parse_text(ServeReader *reader, ServeVariable *rows, Scope *scope, const char *text)
{
	Parser parser = {.reader = reader, .rows = rows, .scope = scope};
	ServeNode *node;

	serve_lex(&parser.lexer, reader, text);
	enter(&parser);
	node = parse_all(&parser);
	if (parser.lexer.token.kind != SERVE_END)
		serve_syntax_error(&parser.lexer);
	leave(&parser);
	return node;
}

/* ---- Paths ---- */

static void
unknown_name(Parser *parser, const ServeResource *resource, const char *name)
{
	serve_fail(parser->reader, 400, "UnknownField", NULL, "%s has no field \"%s\"", resource->name,
			   name);
}

/* A name where an operand begins or a path goes on. */
static const char *
take_name(Parser *parser)
{
	const char *name = parser->lexer.token.text;

	if (parser->lexer.token.kind != SERVE_WORD)
		serve_syntax_error(&parser->lexer);
	serve_next(&parser->lexer);
	return name;
}

/* any(x:...), all(x:...), any(): the parentheses of them, behind the word. */
static ServeNode *
parse_lambda(Parser *parser, ServeNode *collection, ServeNodeKind kind)
{
	ServeReader *reader = parser->reader;
	ServeNode *node = serve_inner_node(reader, kind, SERVE_BOOLEAN, 2);
	ServeVariable *variable = serve_alloc(reader->arena, sizeof(ServeVariable));
	Scope scope = {variable, parser->scope};

	node->args[0] = collection;
	node->variable = variable;
	expect(parser, '(');
	if (kind == SERVE_ANY && pass_mark(parser, ')'))
	{
		node->nargs = 1;
		return node;
	}
	variable->name = take_name(parser);
	if (strpbrk(variable->name, ".$"))
		serve_syntax_error(&parser->lexer);
	variable->collection = collection;
	if (collection->kind == SERVE_RECORDS)
	{
		variable->resource = collection->steps[collection->nsteps - 1]->target;
		variable->type = SERVE_ENTITY;
	}
	else
		variable->type = collection->type;
	expect(parser, ':');
	enter(parser);
	parser->scope = &scope;
	node->args[1] = parse_all(parser);
	parser->scope = scope.outer;
	leave(parser);
	serve_require_boolean(reader, node->args[1]);
	expect(parser, ')');
	return node;
}

/* Media/$count, or Media/$count($filter=...). */
static ServeNode *
parse_count(Parser *parser, ServeNode *collection)
{
	ServeNode *node = serve_inner_node(parser->reader, SERVE_COUNT_OF, SERVE_INT64, 2);
	ServeVariable *rows = parser->rows;
	Scope *scope = parser->scope;

	node->args[0] = collection;
	if (!serve_at_mark(&parser->lexer, '(') || parser->lexer.token.space)
	{
		node->nargs = 1;
		return node;
	}
	if (collection->kind != SERVE_RECORDS)
		serve_fail(parser->reader, 501, "NotImplemented", NULL,
				   "a collection of values is counted as a whole");
	serve_next(&parser->lexer);
	if (!serve_at_word(&parser->lexer, "$filter") && !serve_at_word(&parser->lexer, "filter"))
		serve_fail(parser->reader, 501, "NotImplemented", NULL, "$count takes $filter only");
	serve_next(&parser->lexer);
	expect(parser, '=');
	node->variable = serve_alloc(parser->reader->arena, sizeof(ServeVariable));
	node->variable->resource = collection->steps[collection->nsteps - 1]->target;
	node->variable->type = SERVE_ENTITY;
	enter(parser);
	parser->rows = node->variable;
	parser->scope = NULL;
	node->args[1] = parse_all(parser);
	parser->rows = rows;
	parser->scope = scope;
	leave(parser);
	serve_require_boolean(parser->reader, node->args[1]);
	expect(parser, ')');
	return node;
}

/* What follows a collection: a slash and one of three words, or nothing. */
static ServeNode *
parse_of_collection(Parser *parser, ServeNode *collection)
{
	ServeLexer *lexer = &parser->lexer;
	ServeNodeKind kind;

	if (!pass_mark(parser, '/'))
	{
		if (collection->kind == SERVE_RECORDS)
			serve_fail(parser->reader, 400, "TypeError", NULL,
					   "records are looked into by any(), all() or $count");
		return collection;
	}
	if (serve_at_word(lexer, "$count"))
	{
		serve_next(lexer);
		return parse_count(parser, collection);
	}
	kind = serve_at_word(lexer, "all") ? SERVE_ALL : SERVE_ANY;
	if ((kind == SERVE_ANY && !serve_at_word(lexer, "any")) || !lexer->token.opens)
		serve_fail(parser->reader, 400, "TypeError", NULL,
				   "a collection is looked into by any(), all() or $count");
	serve_next(lexer);
	return parse_lambda(parser, collection, kind);
}

/* From a name, which is of this resource, on. */
static ServeNode *
parse_path(Parser *parser, ServeVariable *variable, const char *name)
{
	ServeReader *reader = parser->reader;
	const ServeResource *resource = variable->resource;
	ServeNode *node = serve_node(reader, SERVE_FIELD, SERVE_UNTYPED, 0);

	node->variable = variable;
	node->steps = serve_alloc_array(reader->arena, MAX_STEPS, sizeof(const ServeNavigation *));
	for (;;)
	{
		const ServeField *field = serve_field(resource, name);
		const ServeNavigation *navigation = field ? NULL : serve_navigation(resource, name);

		if (field)
		{
			if (field->type == SERVE_UNTYPED || field->type == SERVE_POINT)
				serve_fail(reader, 501, "NotImplemented", NULL,
						   "field \"%s\" has a type that expressions do not have", name);
			node->field = field;
			node->type = field->type;
			node->collection = field->collection;
			node->nullable = !field->collection && (field->nullable || node->nsteps > 0);
			if (field->collection)
				return parse_of_collection(parser, node);
			if (serve_at_mark(&parser->lexer, '/'))
				serve_fail(reader, 400, "UnknownField", NULL, "field \"%s\" has no parts", name);
			return node;
		}
		if (navigation == NULL)
		{
			/* Where a record is, of the two fields that say so. */
			if (strcmp(name, "Coordinates") != 0 || serve_field(resource, "Latitude") == NULL ||
				serve_field(resource, "Longitude") == NULL)
				unknown_name(parser, resource, name);
			node->type = SERVE_POINT;
			node->nullable = true;
			return node;
		}
		if (node->nsteps == MAX_STEPS)
			serve_fail(reader, 413, "QueryTooComplex", NULL, "a path is longer than %d steps",
					   MAX_STEPS);
		node->steps[node->nsteps++] = navigation;
		resource = navigation->target;
		if (navigation->many)
		{
			node->kind = SERVE_RECORDS;
			node->type = SERVE_ENTITY;
			node->collection = true;
			return parse_of_collection(parser, node);
		}
		if (!pass_mark(parser, '/'))
		{
			node->kind = SERVE_ONE_RECORD;
			node->type = SERVE_ENTITY;
			node->nullable = true;
			return node;
		}
		name = take_name(parser);
	}
}

/* A name where an operand begins: of a variable, of $it or of the rows. */
static ServeNode *
parse_name(Parser *parser)
{
	ServeReader *reader = parser->reader;
	const char *name = take_name(parser);
	ServeVariable *variable = NULL;

	for (Scope *scope = parser->scope; scope && variable == NULL; scope = scope->outer)
	{
		if (strcmp(scope->variable->name, name) == 0)
			variable = scope->variable;
	}
	if (variable && variable->resource == NULL)
	{
		ServeNode *node = serve_node(reader, SERVE_VALUE_OF, variable->type, 0);

		node->variable = variable;
		node->nullable = true;
		if (serve_at_mark(&parser->lexer, '/'))
			serve_fail(reader, 400, "UnknownField", NULL, "\"%s\" has no parts", name);
		return node;
	}
	if (*name == '$' && (strcmp(name, "$it") != 0 || reader->expand_depth > 0))
		serve_fail(reader, 501, "NotImplemented", NULL, "\"%s\" is not offered here", name);
	if (variable == NULL && *name != '$')
		return parse_path(parser, parser->rows, name);
	/* A variable of records, or $it, has a field behind it. */
	if (!pass_mark(parser, '/'))
		serve_fail(reader, 400, "TypeError", NULL, "\"%s\" is a record, where a value is wanted",
				   name);
	return parse_path(parser, variable ? variable : parser->rows, take_name(parser));
}

/* ---- Operands ---- */

static ServeNode *
parse_function(Parser *parser)
{
	ServeReader *reader = parser->reader;
	const char *name = take_name(parser);
	ServeNode *args[MAX_ARGS];
	int nargs = 0;

	expect(parser, '(');
	enter(parser);
	if (strcasecmp(name, "cast") == 0)
	{
		ServeNode *operand = parse_all(parser);
		const char *type;

		expect(parser, ',');
		type = take_name(parser);
		expect(parser, ')');
		leave(parser);
		return serve_cast(reader, operand, type);
	}
	serve_require_function(reader, name);
	if (!pass_mark(parser, ')'))
	{
		do
		{
			if (nargs == MAX_ARGS)
				serve_fail(reader, 400, "BadArguments", NULL, "a function has too many arguments");
			args[nargs++] = parse_all(parser);
		} while (pass_mark(parser, ','));
		expect(parser, ')');
	}
	leave(parser);
	return serve_call(reader, name, args, nargs);
}

/* @name: what the query says it is; null if it says nothing. */
static ServeNode *
parse_alias(Parser *parser)
{
	ServeReader *reader = parser->reader;
	const ServePair *alias =
		serve_pair(reader->aliases, reader->naliases, parser->lexer.token.text);
	ServeNode *node;

	serve_next(&parser->lexer);
	if (alias == NULL)
		return serve_null_literal(reader, SERVE_NULL);
	enter(parser);
	/* What it names is of the rows asked for, whatever variables there are here. */
	node = parse_text(reader, parser->rows, NULL, alias->value);
	leave(parser);
	return node;
}

static ServeNode *
parse_primary(Parser *parser)
{
	ServeLexer *lexer = &parser->lexer;
	ServeNode *node;

	if (pass_mark(parser, '('))
	{
		enter(parser);
		node = parse_all(parser);
		leave(parser);
		expect(parser, ')');
		return node;
	}
	if (lexer->token.kind == SERVE_ALIAS)
		return parse_alias(parser);
	/* A variable may have the name of a literal no more than a field may. */
	node = serve_read_literal(lexer);
	if (node)
		return node;
	if (lexer->token.kind != SERVE_WORD)
		serve_syntax_error(lexer);
	return lexer->token.opens ? parse_function(parser) : parse_name(parser);
}

/* A list behind "in": its members become arguments. */
static ServeNode *
parse_list(Parser *parser, ServeNode *left)
{
	ServeReader *reader = parser->reader;
	ServeNode *node = serve_inner_node(reader, SERVE_IN, SERVE_BOOLEAN, 0);
	int space = 16;

	node->args = serve_alloc_array(reader->arena, (size_t) space, sizeof(ServeNode *));
	node->args[node->nargs++] = left;
	enter(parser);
	if (!pass_mark(parser, ')'))
	{
		do
		{
			if (node->nargs > SERVE_MAX_MEMBERS)
				serve_fail(reader, 413, "QueryTooComplex", NULL, "a list has more than %d members",
						   SERVE_MAX_MEMBERS);
			if (node->nargs == space)
			{
				ServeNode **more =
					serve_alloc_array(reader->arena, (size_t) space * 2, sizeof(ServeNode *));

				memcpy(more, node->args, (size_t) space * sizeof(ServeNode *));
				node->args = more;
				space *= 2;
			}
			node->args[node->nargs++] = serve_comparable(reader, left, parse_all(parser));
		} while (pass_mark(parser, ','));
		expect(parser, ')');
	}
	leave(parser);
	return node;
}

/* "x in Collection" is Collection/any(v: v eq x). */
static ServeNode *
in_collection(Parser *parser, ServeNode *left, ServeNode *collection)
{
	ServeReader *reader = parser->reader;
	ServeNode *node;
	ServeNode *value;

	if (!collection->collection || collection->kind != SERVE_FIELD)
		serve_fail(reader, 400, "TypeError", NULL, "in takes a list or a collection");
	node = serve_inner_node(reader, SERVE_ANY, SERVE_BOOLEAN, 2);
	node->variable = serve_alloc(reader->arena, sizeof(ServeVariable));
	node->variable->name = "";
	node->variable->type = collection->type;
	node->variable->collection = collection;
	value = serve_node(reader, SERVE_VALUE_OF, collection->type, 0);
	value->variable = node->variable;
	value->nullable = true;
	node->args[0] = collection;
	node->args[1] = serve_compare(reader, SERVE_EQ, value, left);
	return node;
}

static ServeNode *
parse_postfix(Parser *parser)
{
	ServeNode *node = parse_primary(parser);
	ServeLexer *lexer = &parser->lexer;

	for (;;)
	{
		bool in = serve_at_word(lexer, "in");

		if (!in && !serve_at_word(lexer, "has"))
			return node;
		if (!lexer->token.space || !(lexer->token.space_behind || (in && lexer->token.opens)))
			serve_syntax_error(lexer);
		serve_next(lexer);
		if (!in)
			node = serve_has(parser->reader, node, parse_primary(parser));
		else if (pass_mark(parser, '('))
			node = parse_list(parser, node);
		else
			node = in_collection(parser, node, parse_primary(parser));
	}
}

static ServeNode *
parse_not(Parser *parser)
{
	ServeReader *reader = parser->reader;
	ServeNode *node;
	ServeNode *operand;

	serve_next(&parser->lexer);
	enter(parser);
	operand = parse_unary(parser);
	if (operand->type != SERVE_BOOLEAN || operand->collection)
		operand = parse_binary(parser, operand, LEVEL_EQUALITY);
	leave(parser);
	serve_require_boolean(reader, operand);
	node = serve_inner_node(reader, SERVE_NOT, SERVE_BOOLEAN, 1);
	node->args[0] = operand;
	node->nullable = operand->nullable;
	return node;
}

static ServeNode *
parse_unary(Parser *parser)
{
	ServeNode *operand;

	if (serve_at_word(&parser->lexer, "not") &&
		(parser->lexer.token.space_behind || parser->lexer.token.opens))
		return parse_not(parser);
	if (!pass_mark(parser, '-'))
		return parse_postfix(parser);
	enter(parser);
	operand = parse_unary(parser);
	leave(parser);
	return serve_negate(parser->reader, operand);
}

/* ---- Operators between two ---- */

static ServeNode *
combine(Parser *parser, int op, ServeNode *left, ServeNode *right)
{
	ServeReader *reader = parser->reader;
	ServeNode *node;

	if (operators[op].kind == SERVE_COMPARE)
		return serve_compare(reader, operators[op].op, left, right);
	if (operators[op].kind == SERVE_ARITHMETIC)
		return serve_arithmetic(reader, operators[op].op, left, right);
	serve_require_boolean(reader, left);
	serve_require_boolean(reader, right);
	node = serve_inner_node(reader, operators[op].kind, SERVE_BOOLEAN, 2);
	node->args[0] = left;
	node->args[1] = right;
	node->nullable = left->nullable || right->nullable;
	return node;
}

/* Operators of this level or a tighter one, of which the left operand is read. */
static ServeNode *
parse_binary(Parser *parser, ServeNode *left, int least)
{
	ServeLexer *lexer = &parser->lexer;

	for (;;)
	{
		int op = 0;
		ServeNode *right;

		while (op < NOPERATORS && !serve_at_word(lexer, operators[op].word))
			op++;
		if (op == NOPERATORS || operators[op].level < least)
			return left;
		if (!lexer->token.space || !lexer->token.space_behind)
			serve_syntax_error(lexer);
		serve_next(lexer);
		right = parse_binary(parser, parse_unary(parser), operators[op].level + 1);
		left = combine(parser, op, left, right);
	}
}

/* ---- What others call ---- */

ServeNode *
serve_read_expression(ServeReader *reader, ServeVariable *rows, const char *text)
{
	return parse_text(reader, rows, NULL, text);
}

ServeNode *
serve_read_filter(ServeReader *reader, ServeVariable *rows, const char *text)
{
	ServeNode *node = parse_text(reader, rows, NULL, text);

	serve_require_boolean(reader, node);
	return node;
}
