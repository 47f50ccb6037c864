/*
 * json_scan.c
 *		JSON that nobody has looked at, checked while it is stepped through.
 *
 * Several times as fast as the server's parser, which looks at each byte of a string by
 * itself and reports each token.  What is accepted here is JSON; what is not may be JSON all
 * the same: that is for the parser to say, and to explain.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "record/slice.h"

/* Deeper than any record; the parser has a limit of its own. */
#define DEEPEST 64

/* The next byte inside a string that is not plainly a part of it: at the latest the NUL at `end`. */
static inline const char *
next_special(const char *s, const char *end)
{
	uint64 bytes;

	for (; end - s >= sizeof(bytes); s += sizeof(bytes))
	{
		uint64 special;

		memcpy(&bytes, s, sizeof(bytes));
		special = mls_json_special(bytes);
		if (special == 0)
			continue;
#ifdef WORDS_BIGENDIAN
		break;
#else
		return s + pg_rightmost_one_pos64(special) / 8;
#endif
	}
	while ((unsigned char) *s >= ' ' && *s != '"' && *s != '\\')
		s++;
	return s;
}

static inline bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* End of the escape that begins at s, or NULL. */
static const char *
scan_escape(const char *s)
{
	if (s[1] == 'u')
		return is_hex(s[2]) && is_hex(s[3]) && is_hex(s[4]) && is_hex(s[5]) ? s + 6 : NULL;
	return s[1] != '\0' && strchr("\"\\/bfnrt", s[1]) ? s + 2 : NULL;
}

const char *
mls_json_scan_string(const char *s, const char *end, bool *escaped)
{
	for (s++; s != NULL; s = scan_escape(s))
	{
		s = next_special(s, end);
		if (*s == '"')
			return s + 1;
		if (*s != '\\')
			return NULL;
		*escaped = true;
	}
	return NULL;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Can a number or a word end before a byte? */
static inline bool
is_between(char c)
{
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* End of the digits at s, of which there has to be one; or NULL. */
static inline const char *
scan_digits(const char *s)
{
	if (!is_digit(*s))
		return NULL;
	while (is_digit(*s))
		s++;
	return s;
}

static const char *
scan_number(const char *s)
{
	s += *s == '-';
	s = *s == '0' ? s + 1 : scan_digits(s);
	if (s != NULL && *s == '.')
		s = scan_digits(s + 1);
	if (s != NULL && (*s == 'e' || *s == 'E'))
	{
		s++;
		s = scan_digits(s + (*s == '+' || *s == '-'));
	}
	return s != NULL && is_between(*s) ? s : NULL;
}

static const char *
scan_word(const char *s, const char *word)
{
	int length = strlen(word);

	return strncmp(s, word, length) == 0 && is_between(s[length]) ? s + length : NULL;
}

/* Where the value of a member begins whose name ends at s; or NULL. */
const char *
mls_json_scan_colon(const char *s)
{
	s = mls_json_skip_space(s);
	return *s == ':' ? mls_json_skip_space(s + 1) : NULL;
}

/* Members or elements up to the closing bracket. */
static const char *
scan_inside(const char *s, const char *end, int depth, char close, bool *escaped)
{
	s = mls_json_skip_space(s + 1);
	if (*s == close)
		return s + 1;
	for (;;)
	{
		if (close == '}')
		{
			if (*s != '"' || (s = mls_json_scan_string(s, end, escaped)) == NULL)
				return NULL;
			if ((s = mls_json_scan_colon(s)) == NULL)
				return NULL;
		}
		if ((s = mls_json_scan_value(s, end, depth, escaped)) == NULL)
			return NULL;
		s = mls_json_skip_space(s);
		if (*s == close)
			return s + 1;
		if (*s != ',')
			return NULL;
		s = mls_json_skip_space(s + 1);
	}
}

const char *
mls_json_scan_value(const char *s, const char *end, int depth, bool *escaped)
{
	switch (*s)
	{
		case '"':
			return mls_json_scan_string(s, end, escaped);
		case '{':
			return depth < DEEPEST ? scan_inside(s, end, depth + 1, '}', escaped) : NULL;
		case '[':
			return depth < DEEPEST ? scan_inside(s, end, depth + 1, ']', escaped) : NULL;
		case 't':
			return scan_word(s, "true");
		case 'f':
			return scan_word(s, "false");
		case 'n':
			return scan_word(s, "null");
		default:
			return scan_number(s);
	}
}
