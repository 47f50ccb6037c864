/*
 * clean.c
 *		Pages before they are parsed: text the server can hold.
 *
 * What a source sends is not always what JSON allows.  Three things would make a
 * whole page unreadable because of one character, and are replaced instead (the
 * page counts how often): bytes that are no UTF-8, NUL, which PostgreSQL's text
 * cannot hold, and escapes of half a surrogate pair, which stand for no character.
 *
 * What differed at the source must differ here, or two keys would become one.  So
 * each byte and each half has a character of its own to stand for it, from those that
 * Unicode leaves to private use, and NUL has its picture.
 *
 * JSON is UTF-8 by its standard, but a source may declare something else, and means
 * it.  The C library converts: PostgreSQL's own conversions live in its catalogue,
 * and pages are read while no transaction is open.
 */
#include "postgres.h"

#include <iconv.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "record/slice.h"

/* The parser may look a little past the end of a text. */
#define SPARE_BYTES 17

#define NUL_PICTURE 0x2400
#define FIRST_HALF_CODE 0xE000 /* for U+D800; the last one is U+E7FF */
#define FIRST_BYTE_CODE 0xEF00 /* for byte 0; those that can be invalid begin at U+EF80 */

/* A character of three bytes. */
static char *
put_utf8(char *out, int code)
{
	*out++ = 0xE0 | code >> 12;
	*out++ = 0x80 | (code >> 6 & 0x3F);
	*out++ = 0x80 | (code & 0x3F);
	return out;
}

/* Bytes of the invalid sequence at s: its first byte and the continuation bytes after it. */
static int
invalid_length(const char *s, const char *end)
{
	int length = 1;

	while (length < 4 && s + length < end && (s[length] & 0xC0) == 0x80)
		length++;
	return length;
}

/* Writes the character that stands for a byte that is none, of three bytes; returns its end. */
static char *
put_no_character(char *out, unsigned char byte)
{
	return put_utf8(out, byte == 0 ? NUL_PICTURE : FIRST_BYTE_CODE + byte);
}

/*
 * Writes characters that stand for the bytes that are no UTF-8.  They are longer, so that
 * a body with such bytes is copied; one without costs a look.
 */
static int
replace_invalid(char **body, Size *length)
{
	char *s = *body;
	char *end = s + *length;
	char *copy = NULL;
	char *out = NULL;
	int replaced = 0;

	for (;;)
	{
		int valid = pg_encoding_verifymbstr(PG_UTF8, s, end - s);
		int bad;

		if (copy == NULL && s + valid >= end)
			return 0;
		if (copy == NULL)
			copy = out = MemoryContextAllocHuge(CurrentMemoryContext, 3 * *length + SPARE_BYTES);
		memcpy(out, s, valid);
		out += valid;
		s += valid;
		if (s >= end)
			break;
		bad = invalid_length(s, end);
		for (int i = 0; i < bad; i++)
			out = put_no_character(out, s[i]);
		s += bad;
		if ((++replaced & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	memset(out, 0, SPARE_BYTES);
	*body = copy;
	*length = out - copy;
	return replaced;
}

/* The code of a \uXXXX escape at s, or -1 if there is none. */
static int
escape_code(const char *s, const char *end)
{
	int code = 0;

	if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++)
	{
		int digit = s[i] >= '0' && s[i] <= '9'   ? s[i] - '0'
					: s[i] >= 'a' && s[i] <= 'f' ? s[i] - 'a' + 10
					: s[i] >= 'A' && s[i] <= 'F' ? s[i] - 'A' + 10
												 : -1;

		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code;
}

/* Writes another code into a \uXXXX escape. */
static void
put_escape(char *s, int code)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 4; i++)
		s[2 + i] = digits[(code >> (12 - 4 * i)) & 0xF];
}

/*
 * Replaces escapes that stand for no character.  Going forward from escape to escape
 * keeps "\\u0000" (a backslash, then letters) as it is.
 */
static int
replace_escapes(char *body, Size length)
{
	char *s = body;
	char *end = body + length;
	int replaced = 0;

	while ((s = memchr(s, '\\', end - s)) != NULL)
	{
		int code = escape_code(s, end);

		if (code < 0)
			s = Min(s + 2, end);
		else if (is_utf16_surrogate_first(code) && escape_code(s + 6, end) >= 0 &&
				 is_utf16_surrogate_second(escape_code(s + 6, end)))
			s += 12;
		else
		{
			if (code == 0 || is_utf16_surrogate_first(code) || is_utf16_surrogate_second(code))
			{
				put_escape(s, code == 0 ? NUL_PICTURE : FIRST_HALF_CODE + (code - 0xD800));
				replaced++;
			}
			s += 6;
		}
	}
	return replaced;
}

/* Does a code stand for something that is no character? */
static bool
is_replacement(int code)
{
	return code == NUL_PICTURE || (code >= FIRST_HALF_CODE && code < FIRST_HALF_CODE + 0x800) ||
		   (code >= FIRST_BYTE_CODE + 0x80 && code <= FIRST_BYTE_CODE + 0xFF);
}

bool
mls_has_replacements(const char *json, int length)
{
	const unsigned char *s = (const unsigned char *) json;
	const unsigned char *end = s + length;

	for (; end - s >= 3; s++)
	{
		if ((*s & 0xF0) == 0xE0 &&
			is_replacement((s[0] & 0x0F) << 12 | (s[1] & 0x3F) << 6 | (s[2] & 0x3F)))
			return true;
		if (*s == '\\' && is_replacement(escape_code((const char *) s, (const char *) end)))
			return true;
		s += *s == '\\';
	}
	return false;
}

int
mls_page_clean(char **body, Size *length)
{
	int replaced;

	if (*length >= 3 && memcmp(*body, "\xEF\xBB\xBF", 3) == 0)
	{
		*body += 3;
		*length -= 3;
	}
	replaced = replace_invalid(body, length);
	replaced += replace_escapes(*body, *length);
	return replaced;
}

/* ---- other character sets ---- */

/* No byte of a character set becomes more than four of UTF-8. */
#define GROWTH 4

/* A name as registered; what iconv would take for more than a name is none. */
static bool
is_plain_name(const char *name)
{
	return *name && strlen(name) < 40 &&
		   name[strspn(
			   name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")] == '\0';
}

/* What is no character of the set is replaced, byte by byte; returns how often. */
static int
convert(iconv_t tool, char *in, Size length, char **out)
{
	size_t left = length;
	int replaced = 0;

	while (left > 0)
	{
		size_t room = GROWTH * left;

		if (iconv(tool, &in, &left, out, &room) != (size_t) -1)
			continue;
		*out = put_no_character(*out, (unsigned char) *in++);
		left--;
		replaced++;
	}
	return replaced;
}

int
mls_page_decode(char **body, Size *length, const char *charset)
{
	char *text;
	char *out;
	iconv_t tool;
	int replaced;

	if (!is_plain_name(charset))
		return -1;
	text = out = MemoryContextAllocHuge(CurrentMemoryContext, GROWTH * *length + SPARE_BYTES);
	tool = iconv_open("UTF-8", charset);
	if (tool == (iconv_t) -1)
		return -1;
	/* Nothing may raise an error while the converter is open. */
	replaced = convert(tool, *body, *length, &out);
	iconv_close(tool);
	memset(out, 0, SPARE_BYTES);
	*body = text;
	*length = out - text;
	return replaced;
}
