/*
 * system_options.c
 *		$select, $expand, $orderby and the small ones; keys of records.
 *
 * Within $expand options are parted by semicolons and items by commas, either of which a
 * literal may hold: who parts them knows quotes and parentheses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/odata/lexer.h"

/* An alias is a value, or little more; it may be named a thousand times. */
#define MAX_ALIAS 4096

#define MOST_ROWS INT64_C(1000000000000000)

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Without blanks around it. */
static const char *
trimmed(ServeReader *reader, const char *text, size_t length)
{
	while (length > 0 && is_blank(*text))
	{
		text++;
		length--;
	}
	while (length > 0 && is_blank(text[length - 1]))
		length--;
	return serve_copy_bytes(reader->arena, text, length);
}

/* Where the separator, or the parenthesis that closes, or the end is, outside of quotes. */
static size_t
item_length(ServeReader *reader, const char *text, char separator)
{
	int depth = 0;
	size_t i;

	for (i = 0; text[i]; i++)
	{
		if (text[i] == '\'')
		{
			i += 1 + strcspn(text + i + 1, "'");
			if (text[i] == '\0')
				serve_fail(reader, 400, "SyntaxError", NULL, "a quote is not closed");
		}
		else if (text[i] == '(')
			depth++;
		else if (text[i] == ')' && --depth < 0)
			return i;
		else if (text[i] == separator && depth == 0)
			return i;
	}
	if (depth > 0)
		serve_fail(reader, 400, "SyntaxError", NULL, "a parenthesis is not closed");
	return i;
}

/* The parts of a text, trimmed; none of them is empty. */
static const char **
split(ServeReader *reader, const char *text, char separator, int *count)
{
	const char **items;
	size_t space = 1;

	for (const char *c = text; *c; c++)
		space += *c == separator;
	items = serve_alloc_array(reader->arena, space, sizeof(const char *));
	*count = 0;
	for (;;)
	{
		size_t length = item_length(reader, text, separator);
		const char *item = trimmed(reader, text, length);

		if (*item == '\0' || text[length] == ')')
			serve_fail(reader, 400, "SyntaxError", NULL, "an item of a list is not well formed");
		items[(*count)++] = item;
		if (text[length] == '\0')
			return items;
		text += length + 1;
	}
}

/* ---- Numbers and truth ---- */

static int64_t
read_count(ServeReader *reader, const char *value)
{
	int64_t number;

	if (*value == '\0' || strspn(value, "0123456789") != strlen(value))
		serve_fail(reader, 400, "BadNumber", NULL, "a whole number from 0 is wanted");
	errno = 0;
	number = strtoll(value, NULL, 10);
	if (errno != 0)
		serve_fail(reader, 400, "BadNumber", NULL, "a number is out of range");
	/* More than any table has; sums of it stay in range. */
	return number > MOST_ROWS ? MOST_ROWS : number;
}

static bool
read_truth(ServeReader *reader, const char *value)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		serve_fail(reader, 400, "BadLiteral", NULL, "true or false is wanted");
	return *value == 't';
}

/* ---- $orderby ---- */

/* Takes "asc" or "desc" off the end. */
static const char *
direction(ServeReader *reader, const char *item, bool *descending)
{
	size_t length = strlen(item);
	size_t word = 0;

	*descending = false;
	while (word < length && !is_blank(item[length - 1 - word]))
		word++;
	if (word == length)
		return item;
	if (strcasecmp(item + length - word, "desc") == 0)
		*descending = true;
	else if (strcasecmp(item + length - word, "asc") != 0)
		return item;
	return trimmed(reader, item, length - word);
}

static void
read_orderby(ServeReader *reader, const char *value, ServeOptions *options)
{
	int count;
	const char **items = split(reader, value, ',', &count);

	if (count > SERVE_MAX_ORDERS)
		serve_fail(reader, 413, "QueryTooComplex", NULL, "there are more than %d expressions",
				   SERVE_MAX_ORDERS);
	options->orders = serve_alloc_array(reader->arena, (size_t) count, sizeof(ServeOrder));
	for (int i = 0; i < count; i++)
	{
		ServeOrder *order = &options->orders[options->norders++];
		const char *text = direction(reader, items[i], &order->descending);

		order->expression = serve_read_expression(reader, options->rows, text);
		if (order->expression->collection || order->expression->type == SERVE_ENTITY ||
			order->expression->type == SERVE_POINT || order->expression->type == SERVE_POLYGON ||
			order->expression->type == SERVE_BINARY)
			serve_fail(reader, 400, "TypeError", NULL, "what has no order cannot be ordered by");
	}
}

/* ---- $select ---- */

static void
read_select(ServeReader *reader, const char *value, ServeOptions *options)
{
	const ServeResource *resource = options->rows->resource;
	int count;
	const char **items = split(reader, value, ',', &count);
	bool *chosen = serve_alloc_array(reader->arena, (size_t) resource->nfields, sizeof(bool));

	options->selected = true;
	options->fields = serve_alloc_array(reader->arena, (size_t) count, sizeof(const ServeField *));
	for (int i = 0; i < count; i++)
	{
		const ServeField *field = serve_field(resource, items[i]);

		if (field)
		{
			if (!chosen[field - resource->fields])
				options->fields[options->nfields++] = field;
			chosen[field - resource->fields] = true;
		}
		else if (strcmp(items[i], "*") == 0)
			options->select_all = true;
		/* A navigation is chosen by $expand; here it would ask for a link, which few answers have. */
		else if (serve_navigation(resource, items[i]) == NULL)
			serve_fail(reader, 400, "UnknownField", NULL, "%s has no field \"%s\"", resource->name,
					   items[i]);
	}
}

/* ---- $expand ---- */

/* "Media($top=2)" in its parts; options is NULL without parentheses. */
static void
take_apart(ServeReader *reader, const char *item, const char **name, const char **options)
{
	const char *open = strchr(item, '(');

	*options = NULL;
	*name = item;
	if (open == NULL)
		return;
	*name = trimmed(reader, item, (size_t) (open - item));
	*options = serve_copy_bytes(reader->arena, open + 1, strlen(open + 1));
	if (item_length(reader, *options, '\0') + 1 != strlen(*options))
		serve_fail(reader, 400, "SyntaxError", NULL, "an item of a list is not well formed");
	*options = serve_copy_bytes(reader->arena, *options, strlen(*options) - 1);
}

static void
read_expand_options(ServeReader *reader, const char *text, ServeExpand *expand)
{
	const ServeResource *target = expand->navigation->target;
	int count = 0;
	int npairs = 0;
	const char **items = NULL;
	ServePair *pairs;

	if (text)
		items = split(reader, text, ';', &count);
	pairs = serve_alloc_array(reader->arena, (size_t) count, sizeof(ServePair));
	for (int i = 0; i < count; i++)
	{
		const char *equal = strchr(items[i], '=');
		int before = npairs;

		if (equal == NULL)
			serve_fail(reader, 400, "SyntaxError", NULL, "an option of $expand has no value");
		serve_add_option(reader, trimmed(reader, items[i], (size_t) (equal - items[i])),
						 trimmed(reader, equal + 1, strlen(equal + 1)), pairs, &npairs);
		if (npairs == before)
			serve_fail(reader, strncasecmp(items[i], "levels", 6) == 0 ? 501 : 400, "UnknownOption",
					   NULL, "$expand has no such option");
	}
	reader->expand_depth++;
	if (reader->expand_depth > SERVE_MAX_EXPAND_DEPTH)
		serve_fail(reader, 413, "QueryTooComplex", NULL, "$expand is nested deeper than %d levels",
				   SERVE_MAX_EXPAND_DEPTH);
	serve_read_options(reader, target, pairs, npairs,
					   expand->only_count ? "$filter"
					   : expand->navigation->many
						   ? "$select $filter $orderby $top $skip $count $expand"
						   : "$select $expand",
					   &expand->options);
	reader->expand_depth--;
}

static void
add_expand(ServeReader *reader, const ServeNavigation *navigation, bool only_count,
		   const char *text, ServeOptions *options)
{
	ServeExpand *expand = &options->expands[options->nexpands];

	for (int i = 0; i < options->nexpands; i++)
	{
		if (options->expands[i].navigation == navigation)
			serve_fail(reader, 400, "OptionTwice", NULL, "\"%s\" is expanded twice",
					   navigation->name);
	}
	if (++reader->expands > SERVE_MAX_EXPANDS)
		serve_fail(reader, 413, "QueryTooComplex", NULL, "more than %d navigations are expanded",
				   SERVE_MAX_EXPANDS);
	options->nexpands++;
	expand->navigation = navigation;
	expand->only_count = only_count;
	read_expand_options(reader, text, expand);
}

static void
read_expand(ServeReader *reader, const char *value, ServeOptions *options)
{
	const ServeResource *resource = options->rows->resource;
	int count;
	const char **items = split(reader, value, ',', &count);

	options->expands = serve_alloc_array(reader->arena, (size_t) (count + resource->nnavigations),
										 sizeof(ServeExpand));
	for (int i = 0; i < count; i++)
	{
		const ServeNavigation *navigation;
		const char *name;
		const char *text;
		const char *slash;

		take_apart(reader, items[i], &name, &text);
		slash = strchr(name, '/');
		if (slash)
			name = serve_copy_bytes(reader->arena, name, (size_t) (slash++ - name));
		if (slash && strcmp(slash, "$ref") == 0)
			serve_fail(reader, 501, "NotImplemented", NULL, "references are not offered");
		if (strcmp(name, "*") == 0 && slash == NULL)
		{
			if (text)
				serve_fail(reader, 501, "NotImplemented", NULL, "options of * are not offered");
			for (int n = 0; n < resource->nnavigations; n++)
				add_expand(reader, &resource->navigations[n], false, NULL, options);
			continue;
		}
		navigation = serve_navigation(resource, name);
		if (navigation == NULL)
			serve_fail(reader, 400, "UnknownField", NULL, "%s has no navigation \"%s\"",
					   resource->name, name);
		if (slash && (strcmp(slash, "$count") != 0 || !navigation->many))
			serve_fail(reader, 400, "SyntaxError", NULL,
					   "what is behind a navigation is expanded in parentheses");
		add_expand(reader, navigation, slash != NULL, text, options);
	}
}

/* ---- All of them ---- */

static bool
is_allowed(const char *allowed, const char *name)
{
	size_t length = strlen(name);

	for (const char *c = strstr(allowed, name); c; c = strstr(c + 1, name))
	{
		if (c[length] == ' ' || c[length] == '\0')
			return true;
	}
	return false;
}

void
serve_read_options(ServeReader *reader, const ServeResource *resource, const ServePair *pairs,
				   int npairs, const char *allowed, ServeOptions *options)
{
	const char *target = reader->target;

	*options = (ServeOptions){.top = -1, .pairs = (ServePair *) pairs, .npairs = npairs};
	options->rows = serve_alloc(reader->arena, sizeof(ServeVariable));
	options->rows->resource = resource;
	options->rows->type = SERVE_ENTITY;
	for (int i = 0; i < reader->naliases; i++)
	{
		if (strlen(reader->aliases[i].value) > MAX_ALIAS)
			serve_fail(reader, 413, "QueryTooComplex", reader->aliases[i].name,
					   "a parameter alias is longer than %d bytes", MAX_ALIAS);
	}
	for (int i = 0; i < npairs; i++)
	{
		const char *name = pairs[i].name;
		const char *value = pairs[i].value;

		/* Within $expand that is what went wrong, as seen from above. */
		if (reader->expand_depth == 0)
			reader->target = name;
		if (!is_allowed(allowed, name))
			serve_fail(reader, 400, "OptionNotAllowed", NULL, "option %s does not apply here",
					   name);
		if (strcmp(name, "$filter") == 0)
			options->filter = serve_read_filter(reader, options->rows, value);
		else if (strcmp(name, "$orderby") == 0)
			read_orderby(reader, value, options);
		else if (strcmp(name, "$select") == 0)
			read_select(reader, value, options);
		else if (strcmp(name, "$expand") == 0)
			read_expand(reader, value, options);
		else if (strcmp(name, "$top") == 0)
			options->top = read_count(reader, value);
		else if (strcmp(name, "$skip") == 0)
			options->skip = read_count(reader, value);
		else if (strcmp(name, "$count") == 0)
			options->count = read_truth(reader, value);
		else if (strcmp(name, "$format") == 0)
			options->format = value;
		else if (strcmp(name, "$skiptoken") == 0)
			options->skiptoken = value;
	}
	reader->target = target;
}

/* ---- Keys ---- */

/* A literal of a key field's type. */
static ServeNode *
key_value(ServeReader *reader, const ServeField *field, ServeNode *value)
{
	ServeNode *converted = NULL;

	if (value == NULL || value->type == SERVE_NULL)
		serve_fail(reader, 400, "BadKey", NULL, "a key is a literal");
	/* Some clients quote whatever stands in a key. */
	if (value->type == SERVE_STRING && field->type != SERVE_STRING)
	{
		if (serve_is_number(field->type) &&
			strspn(value->literal.text, "0123456789-.") == strlen(value->literal.text))
		{
			ServeLexer lexer;

			serve_lex(&lexer, reader, value->literal.text);
			if (lexer.token.kind == SERVE_NUMBER)
				converted = serve_read_literal(&lexer);
			if (lexer.token.kind != SERVE_END)
				converted = NULL;
		}
		else
			converted = serve_text_as(reader, value->literal.text, field->type);
	}
	else if (value->type == field->type ||
			 (serve_is_number(value->type) && serve_is_number(field->type)))
		converted = value;
	if (converted == NULL || converted->literal.enum_type || converted->literal.nan)
		serve_fail(reader, 400, "BadKey", NULL, "the key is of another type than field \"%s\"",
				   field->name);
	return converted;
}

static ServeNode *
key_literal(ServeLexer *lexer)
{
	ServeReader *reader = lexer->reader;
	const ServePair *alias;
	ServeLexer within;
	ServeNode *node;

	if (lexer->token.kind != SERVE_ALIAS)
		return serve_read_literal(lexer);
	alias = serve_pair(reader->aliases, reader->naliases, lexer->token.text);
	serve_next(lexer);
	if (alias == NULL)
		return NULL;
	serve_lex(&within, reader, alias->value);
	node = serve_read_literal(&within);
	return within.token.kind == SERVE_END ? node : NULL;
}

ServeNode **
serve_read_key(ServeReader *reader, const ServeResource *resource, const char *key)
{
	ServeNode **values =
		serve_alloc_array(reader->arena, (size_t) resource->nkeys, sizeof(ServeNode *));
	int given = 0;
	ServeLexer lexer;

	reader->target = "key";
	serve_lex(&lexer, reader, key);
	do
	{
		bool named = lexer.token.kind == SERVE_WORD &&
					 lexer.text[lexer.place + strspn(lexer.text + lexer.place, " \t")] == '=';
		int place = 0;

		if (given > 0)
			serve_next(&lexer);
		if (given > 0 || named)
		{
			const char *name = lexer.token.text;

			if (lexer.token.kind != SERVE_WORD)
				serve_syntax_error(&lexer);
			while (place < resource->nkeys && strcmp(resource->keys[place]->name, name) != 0)
				place++;
			if (place == resource->nkeys || values[place])
				serve_fail(reader, 400, "BadKey", NULL,
						   "the key has no field \"%s\", or it is there twice", name);
			serve_next(&lexer);
			if (!serve_at_mark(&lexer, '='))
				serve_syntax_error(&lexer);
			serve_next(&lexer);
		}
		else if (resource->nkeys > 1)
			serve_fail(reader, 400, "BadKey", NULL, "a key of several fields names them");
		values[place] = key_value(reader, resource->keys[place], key_literal(&lexer));
		given++;
	} while (serve_at_mark(&lexer, ','));
	if (lexer.token.kind != SERVE_END)
		serve_syntax_error(&lexer);
	if (given != resource->nkeys)
		serve_fail(reader, 400, "BadKey", NULL, "the key has other fields");
	reader->target = NULL;
	return values;
}
