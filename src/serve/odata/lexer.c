/*
 * lexer.c
 *		Tokens of an expression, one after the other.
 *
 * A minus right before a digit belongs to the number: OData has no binary one.  What looks
 * like a GUID, a date or a time is one, since a number ends where none of its characters
 * can go on.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "serve/odata/lexer.h"

static bool
begins_word(char c)
{
	return isalpha((unsigned char) c) || c == '_' || ((unsigned char) c & 0x80);
}

static bool
in_word(char c)
{
	return begins_word(c) || isdigit((unsigned char) c);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void
serve_syntax_error(ServeLexer *lexer)
{
	size_t place = lexer->place;

	/* Characters, as a reader of the message counts them. */
	for (size_t i = 0; i < lexer->place; i++)
		place -= ((unsigned char) lexer->text[i] & 0xC0) == 0x80;
	serve_fail(lexer->reader, 400, "SyntaxError", NULL, "syntax error at or before character %d",
			   (int) place);
}

/* So many digits of a kind. */
static bool
digits(const char *s, int count, bool hexadecimal)
{
	for (int i = 0; i < count; i++)
	{
		if (hexadecimal ? !isxdigit((unsigned char) s[i]) : !isdigit((unsigned char) s[i]))
			return false;
	}
	return true;
}

/* How long the GUID at a place is; 0: it is none. */
static size_t
guid_length(const char *s)
{
	static const int groups[] = {8, 4, 4, 4, 12};
	const char *start = s;

	for (int i = 0; i < 5; i++)
	{
		if (i > 0 && *s++ != '-')
			return 0;
		if (!digits(s, groups[i], true))
			return 0;
		s += groups[i];
	}
	return in_word(*s) || *s == '-' ? 0 : (size_t) (s - start);
}

/* hh:mm, hh:mm:ss, hh:mm:ss.f: its length, or 0. */
static size_t
time_length(const char *s)
{
	size_t length;

	if (!digits(s, 2, false) || s[2] != ':' || !digits(s + 3, 2, false))
		return 0;
	length = 5;
	if (s[5] == ':' && digits(s + 6, 2, false))
	{
		length = 8;
		if (s[8] == '.' && isdigit((unsigned char) s[9]))
			length += 1 + strspn(s + 9, "0123456789");
	}
	return length;
}

static size_t
date_length(const char *s)
{
	size_t year = strspn(s, "0123456789");

	if (year < 4 || s[year] != '-' || !digits(s + year + 1, 2, false) || s[year + 3] != '-' ||
		!digits(s + year + 4, 2, false))
		return 0;
	return year + 6;
}

/* The zone of a timestamp: Z, or an offset, whose plus may have been decoded to a blank. */
static size_t
zone_length(const char *s)
{
	if (*s == 'Z' || *s == 'z')
		return 1;
	if ((*s == '+' || *s == '-' || *s == ' ') && digits(s + 1, 2, false) && s[3] == ':' &&
		digits(s + 4, 2, false))
		return 6;
	return 0;
}

static size_t
number_length(const char *s)
{
	const char *start = s;

	s += *s == '-';
	if (strncmp(s, "INF", 3) == 0)
		return 3 + (size_t) (s - start);
	s += strspn(s, "0123456789");
	if (*s == '.' && isdigit((unsigned char) s[1]))
		s += 1 + strspn(s + 1, "0123456789");
	if ((*s == 'e' || *s == 'E') &&
		(isdigit((unsigned char) s[1]) ||
		 ((s[1] == '-' || s[1] == '+' || s[1] == ' ') && isdigit((unsigned char) s[2]))))
		s += 2 + strspn(s + 2, "0123456789");
	return (size_t) (s - start);
}

/* A literal that begins with a digit or a minus: its kind, and how long it is. */
static size_t
digits_token(const char *s, ServeTokenKind *kind)
{
	size_t length = date_length(s);

	if (length > 0 && (s[length] == 'T' || s[length] == 't') && time_length(s + length + 1) > 0)
	{
		*kind = SERVE_DATETIME_TOKEN;
		length += 1 + time_length(s + length + 1);
		return length + zone_length(s + length);
	}
	*kind = SERVE_DATE_TOKEN;
	if (length > 0)
		return length;
	*kind = SERVE_TIME_TOKEN;
	length = time_length(s);
	if (length > 0)
		return length;
	*kind = SERVE_NUMBER;
	return number_length(s);
}

/* 'text' at a place: what it holds, with quotes doubled in it made single. */
static const char *
quoted_text(ServeLexer *lexer)
{
	ServeText out;
	const char *s = lexer->text + lexer->place + 1;

	serve_text_init(&out, lexer->reader->arena);
	for (;;)
	{
		size_t length = strcspn(s, "'");

		serve_text_add_bytes(&out, s, length);
		s += length;
		if (*s == '\0')
			serve_fail(lexer->reader, 400, "SyntaxError", NULL, "a quote is not closed");
		s++;
		if (*s != '\'')
			break;
		serve_text_add_char(&out, '\'');
		s++;
	}
	lexer->place = (size_t) (s - lexer->text);
	return out.data;
}

static size_t
word_length(const char *s)
{
	const char *start = s;

	s += *s == '$';
	if (!begins_word(*s))
		return 0;
	for (;;)
	{
		while (in_word(*s))
			s++;
		if (*s != '.' || !begins_word(s[1]))
			return (size_t) (s - start);
		s++;
	}
}

static const char *
take(ServeLexer *lexer, size_t length)
{
	const char *text = serve_copy_bytes(lexer->reader->arena, lexer->text + lexer->place, length);

	lexer->place += length;
	return text;
}

void
serve_next(ServeLexer *lexer)
{
	ServeToken *token = &lexer->token;
	const char *s;
	size_t length;

	*token = (ServeToken){0};
	while (is_blank(lexer->text[lexer->place]))
	{
		lexer->place++;
		token->space = true;
	}
	s = lexer->text + lexer->place;
	if (*s == '\0')
		token->kind = SERVE_END;
	else if (guid_length(s) > 0)
	{
		token->kind = SERVE_GUID_TOKEN;
		token->text = take(lexer, guid_length(s));
	}
	else if (isdigit((unsigned char) *s) ||
			 (*s == '-' &&
			  (isdigit((unsigned char) s[1]) || (strncmp(s + 1, "INF", 3) == 0 && !in_word(s[4])))))
	{
		token->text = take(lexer, digits_token(s, &token->kind));
		if (in_word(lexer->text[lexer->place]) || lexer->text[lexer->place] == '.')
			serve_syntax_error(lexer);
	}
	else if (*s == '\'')
	{
		token->kind = SERVE_TEXT;
		token->text = quoted_text(lexer);
	}
	else if (*s == '@' && word_length(s + 1) > 0)
	{
		token->kind = SERVE_ALIAS;
		token->text = take(lexer, 1 + word_length(s + 1));
	}
	else if ((length = word_length(s)) > 0)
	{
		token->kind = SERVE_WORD;
		token->text = take(lexer, length);
		if (lexer->text[lexer->place] == '\'')
		{
			token->kind = SERVE_QUOTED;
			token->name = token->text;
			token->text = quoted_text(lexer);
		}
	}
	else if (strchr("(),/:=*-;", *s))
	{
		token->kind = SERVE_MARK;
		token->mark = *s;
		lexer->place++;
	}
	else
		serve_syntax_error(lexer);
	token->opens = lexer->text[lexer->place] == '(';
	token->space_behind = is_blank(lexer->text[lexer->place]);
}

void
serve_lex(ServeLexer *lexer, ServeReader *reader, const char *text)
{
	*lexer = (ServeLexer){.reader = reader, .text = text};
	serve_next(lexer);
}

bool
serve_at_mark(const ServeLexer *lexer, char mark)
{
	return lexer->token.kind == SERVE_MARK && lexer->token.mark == mark;
}

bool
serve_at_word(const ServeLexer *lexer, const char *word)
{
	return lexer->token.kind == SERVE_WORD && strcasecmp(lexer->token.text, word) == 0;
}
