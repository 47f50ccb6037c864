/*
 * fuzz_odata.c
 *		A fuzz target: addresses, with all that stands in them.
 *
 * An input is an address, and behind a newline a text that keys of a row have.  It is planned,
 * or refused with a status that clients know.  Whatever it holds, the SQL has nothing in it but
 * names of the model, words of ours and parameters; and the next link of a plan, with whatever
 * keys, is an address that is planned again.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/sql/query.h"

#define ROOT "https://example.org/odata/"

static ServeArena *model_arena;
static ServeModel *model;

static void
require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "it does not hold that %s\n", what);
	abort();
}

static void
read_model(void)
{
	static char text[1 << 16];
	FILE *file = fopen(MODEL_FILE, "r");
	const char *problem;

	require(file != NULL && fread(text, 1, sizeof(text) - 1, file) > 0, "the model can be read");
	fclose(file);
	model_arena = serve_arena_new();
	model = serve_model_read(model_arena, text, &problem);
	require(model != NULL && model->left_out == 0, "the model is whole");
}

/* Texts in single quotes that statements have of their own accord. */
static bool
is_known_text(const char *text, size_t length)
{
	static const char *const known[] = {"",
										"[",
										"]",
										"[]",
										",",
										"{}",
										"null",
										"''",
										"UTC",
										"UTF8",
										"hex",
										"(..)",
										"%\\1",
										"g",
										"\"",
										" \\t\\n\\r\\f\\x0B",
										"^[A-Za-z0-9_.~-]$",
										"YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"",
										"0001-01-01T00:00:00Z",
										"9999-12-31T23:59:59.999999Z",
										"Parts",
										"Owner",
										"Things",
										"Parts@odata.count",
										"Things@odata.count",
										"Parts@odata.nextLink",
										"Things@odata.nextLink"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		if (strlen(known[i]) == length && memcmp(known[i], text, length) == 0)
			return true;
	}
	/* Quotes in quotes, of links: '''' and ''. */
	return strspn(text, "'") >= length && length <= 6;
}

static bool
is_known_name(const char *text, size_t length)
{
	const char *name = strndup(text, length);
	bool known = strcmp(name, "web") == 0 || strcmp(name, "C") == 0 || *name == '@';

	for (int i = 0; i < model->nresources && !known; i++)
		known = strcmp(name, model->resources[i].name) == 0 ||
				serve_field(&model->resources[i], name) != NULL;
	free((char *) name);
	return known;
}

static void
check_statement(const ServeStatement *statement)
{
	const char *s = statement->sql;
	int most = 0;

	if (s == NULL)
	{
		require(statement->nparams == 0, "no statement has no parameters");
		return;
	}
	for (int i = 0; i < statement->nparams; i++)
		require(statement->params[i] != NULL, "a parameter is a text");
	while (*s)
	{
		require(*s >= ' ' && *s < 127, "a statement is of plain characters");
		require(*s != ';' && strncmp(s, "--", 2) != 0 && strncmp(s, "/*", 2) != 0,
				"a statement is one");
		if (*s == '\'' || *s == '"')
		{
			size_t length = 0;

			/* A doubled quote is one in the text. */
			while (s[1 + length] != *s || s[2 + length] == *s)
			{
				require(s[1 + length] != '\0', "quotes are closed");
				length += s[1 + length] == *s ? 2 : 1;
			}
			require(*s == '\'' ? is_known_text(s + 1, length) : is_known_name(s + 1, length),
					"a quoted text is ours");
			s += length + 2;
		}
		else if (*s == '$')
		{
			int place = atoi(s + 1);

			require(place >= 1 && place <= statement->nparams, "a parameter is there");
			most = place > most ? place : most;
			s++;
		}
		else
			s++;
	}
	require(most == statement->nparams, "all parameters are of use");
}

static ServePlan *
plan(ServeArena *arena, char *address, int64_t page, ServeError *error)
{
	ServeRequest request = {.root = ROOT,
							.version = page % 2 ? 400 : 401,
							.max_page_size = page,
							.ieee754 = page % 3 == 1,
							.now = "2026-01-31T00:00:00Z"};
	char *question = strchr(address, '?');

	request.path = address;
	if (question)
	{
		*question = '\0';
		request.query = question + 1;
	}
	request.limits.expand_rows = 3;
	request.limits.ne_null_sql = page % 5 == 1;
	return serve_plan(arena, model, &request, error);
}

/* An address that answers go on at. */
static void
check_next(ServeArena *arena, const ServePlan *first, int64_t page, const char *key)
{
	const char **cursor = serve_alloc_array(arena, (size_t) first->ncursor, sizeof(const char *));
	ServeError error;
	ServePlan *next;
	const char *link;

	for (int i = 0; i < first->ncursor; i++)
		cursor[i] = key;
	link = serve_next_link(arena, first, cursor, first->page_rows, 7);
	require(strncmp(link, ROOT, strlen(ROOT)) == 0, "a link leads to the service");
	for (const char *c = link; *c; c++)
		require(*c > ' ' && *c < 127 && !strchr("\"<>\\^`{|}#", *c), "a link is an address");
	next = plan(arena, serve_copy(arena, link + strlen(ROOT)), page, &error);
	require(next != NULL && next->total == 7, "a next link is planned");
	check_statement(&next->rows);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	ServeArena *arena = serve_arena_new();
	char *address = serve_copy_bytes(arena, (const char *) bytes, length);
	char *key = strchr(address, '\n');
	int64_t page = length % 7;
	ServeError error;
	ServePlan *made;

	if (model == NULL)
		read_model();
	if (key)
		*key++ = '\0';
	made = plan(arena, address, page, &error);
	if (made == NULL)
	{
		require(error.status == 400 || error.status == 404 || error.status == 410 ||
					error.status == 413 || error.status == 501,
				"an error has a status of a client's mistake");
		require(error.code && *error.code && error.message && *error.message,
				"an error says what it is");
	}
	else
	{
		check_statement(&made->guard);
		check_statement(&made->count);
		check_statement(&made->rows);
		require(made->context != NULL && made->shape != NULL, "a plan has its names");
		if (made->kind == SERVE_COLLECTION && made->may_continue)
			check_next(arena, made, page, key ? key : "");
	}
	serve_arena_free(arena);
	return 0;
}
