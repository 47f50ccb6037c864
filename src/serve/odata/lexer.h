/*
 * lexer.h
 *		Tokens of an expression, and the values that literals stand for.
 */
#ifndef SERVE_LEXER_H
#define SERVE_LEXER_H

#include "serve/odata/odata.h"

typedef enum ServeTokenKind
{
	SERVE_END,
	SERVE_WORD,   /* a name, with dots too: "geo.distance", "$count" */
	SERVE_TEXT,   /* 'text' */
	SERVE_QUOTED, /* Name'text' */
	SERVE_NUMBER,
	SERVE_DATE_TOKEN,
	SERVE_DATETIME_TOKEN,
	SERVE_TIME_TOKEN,
	SERVE_GUID_TOKEN,
	SERVE_ALIAS, /* @name */
	SERVE_MARK   /* one character */
} ServeTokenKind;

typedef struct ServeToken
{
	ServeTokenKind kind;
	const char *text; /* as it stands; of quoted ones, what the quotes hold */
	const char *name; /* of Name'text' */
	char mark;
	bool space;        /* there is a blank before it */
	bool opens;        /* a parenthesis stands right behind it */
	bool space_behind; /* a blank does */
} ServeToken;

/* To look ahead, copy it. */
typedef struct ServeLexer
{
	ServeReader *reader;
	const char *text;
	size_t place;
	ServeToken token; /* the one at hand */
} ServeLexer;

extern void serve_lex(ServeLexer *lexer, ServeReader *reader, const char *text);
extern void serve_next(ServeLexer *lexer);
extern bool serve_at_mark(const ServeLexer *lexer, char mark);
/* Is it this word?  Operators and functions are so in any case. */
extern bool serve_at_word(const ServeLexer *lexer, const char *word);
extern void serve_syntax_error(ServeLexer *lexer) __attribute__((noreturn));

/* The literal that stands at hand, which is passed; NULL if there is none. */
extern ServeNode *serve_read_literal(ServeLexer *lexer);
extern ServeNode *serve_null_literal(ServeReader *reader, ServeType type);
/* A text as a duration or GUID; NULL if it is none. */
extern ServeNode *serve_text_as(ServeReader *reader, const char *text, ServeType type);
/* A timestamp of these microseconds since 1970. */
extern const char *serve_datetime_text(ServeArena *arena, int64_t microseconds);
extern const char *serve_date_text(ServeArena *arena, int64_t days);
extern bool serve_year_begins(int64_t year, int64_t *days);

/* In system_options.c, address.c and filter_parser.c, for each other. */
extern const ServePair *serve_pair(const ServePair *pairs, int npairs, const char *name);
extern void serve_add_option(ServeReader *reader, const char *name, const char *value,
							 ServePair *pairs, int *npairs);

#endif /* SERVE_LEXER_H */
