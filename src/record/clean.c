/*
 * clean.c
 *		Pages before they are parsed: text the server can hold.
 *
 * What a source sends is not always what JSON allows.  Three things would make a
 * whole page unreadable because of one character, and are replaced instead (the
 * page counts how often): bytes that are no UTF-8, the escape \u0000, which
 * PostgreSQL's text cannot hold, and escapes of half a surrogate pair, which
 * stand for no character.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "record/slice.h"

/* Converted at a time when the database is not in UTF-8. */
#define CONVERT_CHUNK (64 * 1024)

/* Bytes of the invalid sequence at s: its first byte and the continuation bytes after it. */
static int
invalid_length(const char *s, const char *end)
{
	int length = 1;

	while (length < 4 && s + length < end && (s[length] & 0xC0) == 0x80)
		length++;
	return length;
}

/* Replaces what is no UTF-8 by U+FFFD where it has the room (three bytes), else by question marks. */
static int
replace_invalid(char *body, Size length)
{
	char *s = body;
	char *end = body + length;
	int replaced = 0;

	for (;;)
	{
		int bad;

		s += pg_encoding_verifymbstr(PG_UTF8, s, end - s);
		if (s >= end)
			return replaced;
		bad = invalid_length(s, end);
		memset(s, '?', bad);
		if (bad >= 3)
			memcpy(s, "\xEF\xBF\xBD", 3);
		s += bad;
		if ((++replaced & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
	}
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

/*
 * Replaces escapes that stand for no character by \ufffd.  Going forward from
 * escape to escape keeps "\\u0000" (a backslash, then letters) as it is.
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
				memcpy(s, "\\ufffd", 6);
				replaced++;
			}
			s += 6;
		}
	}
	return replaced;
}

int
mls_text_to_server(char **text, Size *text_length)
{
	int encoding = GetDatabaseEncoding();
	Oid proc = FindDefaultConversionProc(PG_UTF8, encoding);
	int room = CONVERT_CHUNK * MAX_CONVERSION_GROWTH + MAX_CONVERSION_GROWTH;
	unsigned char *chunk = palloc(room);
	/* No server encoding needs more than four bytes for a character, UTF-8 one at least. */
	char *out = MemoryContextAllocHuge(CurrentMemoryContext, *text_length * 4 + 17);
	unsigned char *s = (unsigned char *) *text;
	unsigned char *end = s + *text_length;
	Size written = 0;
	int replaced = 0;

	if (encoding == PG_SQL_ASCII || !OidIsValid(proc))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot read sources in a database with encoding \"%s\"",
							   GetDatabaseEncodingName()),
						errhint("Use a database with encoding \"%s\".", "UTF8")));
	while (s < end)
	{
		int used = pg_do_encoding_conversion_buf(proc, PG_UTF8, encoding, s,
												 Min(end - s, CONVERT_CHUNK), chunk, room, true);
		int made = strlen((char *) chunk);

		CHECK_FOR_INTERRUPTS();
		if (used > 0)
			memcpy(out + written, chunk, made);
		else
		{
			used = pg_utf_mblen(s);
			out[written] = '?';
			made = 1;
			replaced++;
		}
		written += made;
		s += used;
	}
	memset(out + written, 0, 17);
	*text = out;
	*text_length = written;
	pfree(chunk);
	return replaced;
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
	replaced = replace_invalid(*body, *length);
	replaced += replace_escapes(*body, *length);
	if (GetDatabaseEncoding() != PG_UTF8)
		replaced += mls_text_to_server(body, length);
	return replaced;
}
