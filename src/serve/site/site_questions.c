/*
 * site_questions.c
 *		What may be asked: questions.sql, as a list.
 *
 * In that file a line "-- question status (source text?)" begins a question; what follows up to
 * the next such line is its SQL.  "change" and "long" are questions that change something.  The
 * parameters are $1, $2 and so on; one with a question mark may be left out, and is NULL then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/site/site_room.h"

#define MAX_QUESTIONS 80

static ServeSiteQuestion questions[MAX_QUESTIONS];
static int nquestions;

/* A copy of so many bytes. */
static char *
piece(const char *from, size_t length)
{
	char *copy = serve_allocate(length + 1);

	memcpy(copy, from, length);
	return copy;
}

/* Whether a line begins a question of a kind; what is behind the word is in *rest. */
static bool
begins(const char *line, ServeSiteKind *kind, const char **rest)
{
	static const struct
	{
		const char *word;
		ServeSiteKind kind;
	} kinds[] = {{"-- question ", SERVE_SITE_QUESTION},
				 {"-- change ", SERVE_SITE_CHANGE},
				 {"-- long ", SERVE_SITE_LONG}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		size_t length = strlen(kinds[i].word);

		if (strncmp(line, kinds[i].word, length) == 0)
		{
			*kind = kinds[i].kind;
			*rest = line + length;
			return true;
		}
	}
	return false;
}

/* "(source text, before number?)"; false if it is not so. */
static bool
read_params(ServeSiteQuestion *question, const char *at)
{
	static const char *const types[] = {"text", "number", "boolean"};

	if (*at != '(')
		return *at == '\n';
	do
	{
		ServeSiteParam *param = &question->params[question->nparams];
		size_t length;
		int type = 0;

		if (question->nparams++ == SERVE_SITE_PARAMS)
			return false;
		at += 1 + strspn(at + 1, " ");
		length = strcspn(at, " ,)\n");
		param->name = piece(at, length);
		at += length + strspn(at + length, " ");
		while (type < 3 && strncmp(at, types[type], strlen(types[type])) != 0)
			type++;
		if (type == 3)
			return false;
		param->type = type;
		at += strlen(types[type]);
		param->optional = *at == '?';
		at += param->optional;
	} while (*at == ',');
	return at[0] == ')' && at[1] == '\n';
}

bool
serve_site_questions_start(char *problem, size_t space)
{
	const char *line = serve_site_questions_text().data;

	while (*line)
	{
		ServeSiteKind kind;
		const char *rest;
		const char *next = strchr(line, '\n') + 1;

		if (begins(line, &kind, &rest))
		{
			ServeSiteQuestion *question = &questions[nquestions++];
			size_t length = strcspn(rest, " \n");
			const char *end = next;
			ServeSiteKind unused_kind;
			const char *unused;

			question->name = piece(rest, length);
			question->kind = kind;
			while (*end && !begins(end, &unused_kind, &unused))
				end = strchr(end, '\n') + 1;
			question->sql = piece(next, (size_t) (end - next));
			next = end;
			if (nquestions == MAX_QUESTIONS ||
				!read_params(question, rest + length + (rest[length] == ' ')))
			{
				snprintf(problem, space, "question \"%s\" of the site cannot be read",
						 question->name);
				return false;
			}
		}
		line = next;
	}
	return true;
}

const ServeSiteQuestion *
serve_site_question(const char *name)
{
	for (int i = 0; i < nquestions; i++)
		if (strcmp(questions[i].name, name) == 0)
			return &questions[i];
	return NULL;
}

bool
serve_site_value_good(const ServeSiteParam *param, const char *value)
{
	char *end;

	if (!value)
		return param->optional;
	switch (param->type)
	{
		case SERVE_SITE_NUMBER:
			errno = 0;
			(void) strtoll(value, &end, 10);
			return end != value && !*end && !errno && strlen(value) <= 20 && value[0] != ' ';
		case SERVE_SITE_BOOLEAN:
			return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
		default:
			return true;
	}
}
