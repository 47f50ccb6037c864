/*
 * characters.c
 *		The characters of an answer made fit for the parser: see repair.c.
 *
 * Windows-1252 among UTF-8, control characters, references to none: each is put
 * right by what it is itself, and counted.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "xml/repair_state.h"

#define REPLACEMENT 0xFFFD

/* Windows-1252, 0x80 to 0x9F; 0 where it has no character. */
static const uint16 windows_1252[32] = {
	0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
	0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
	0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

static void
put_character(MlsXmlRepair *repair, pg_wchar code)
{
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1];

	unicode_to_utf8(code, utf8);
	put(repair, (char *) utf8, pg_utf_mblen(utf8));
}

/* ---- single characters ---- */

static void
put_1252(MlsXmlRepair *repair, unsigned char byte)
{
	pg_wchar code = byte >= 0xA0 ? byte : windows_1252[byte - 0x80];

	put_character(repair, code ? code : REPLACEMENT);
	if (!repair->is_1252 || code == 0)
		repair->counts.encoding++;
}

/* A character outside ASCII; 0 if its end is still to come. */
static int
take_wide(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	const unsigned char *u = (const unsigned char *) s;
	int length = pg_utf_mblen(u);

	if (end - s < length)
	{
		if (!final)
			return 0;
		length = 1;
	}
	if (length > 1 && pg_utf8_islegal(u, length))
	{
		/* U+FFFE and U+FFFF are no characters to XML. */
		if (u[0] == 0xEF && u[1] == 0xBF && u[2] >= 0xBE)
		{
			put_character(repair, REPLACEMENT);
			repair->counts.references++;
		}
		else
			put(repair, s, length);
		return length;
	}
	/* Half of a surrogate pair, as some programs write them. */
	if (length == 3 && u[0] == 0xED && u[1] >= 0xA0 && u[1] <= 0xBF && (u[2] & 0xC0) == 0x80)
	{
		put_character(repair, REPLACEMENT);
		repair->counts.references++;
		return 3;
	}
	put_1252(repair, u[0]);
	return 1;
}

int
mls_xml_take_odd(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	if ((unsigned char) *s >= 0x80)
		return take_wide(repair, s, end, final);
	repair->counts.controls++;
	return 1;
}

/* ---- references ---- */

/*
 * Length of the reference at s, "&" to ";" included; 0 if none is there, -1 if
 * the bytes end before that can be said.
 */
static int
reference_length(const char *s, const char *end, bool final)
{
	int i;

	for (i = 1; i < MAX_REFERENCE && s + i < end; i++)
	{
		unsigned char c = s[i];

		if (c == ';')
			return i > 1 ? i + 1 : 0;
		if (!(c == '#' && i == 1) && !is_letter(c) && !is_digit(c))
			return 0;
	}
	return i < MAX_REFERENCE && !final ? -1 : 0;
}

/* Number of a reference such as "&#x41;", or -1 if it is none of a number. */
static int64
reference_number(const char *s, int length)
{
	bool hex = length > 3 && (s[2] == 'x' || s[2] == 'X');
	int64 number = 0;

	if (length < 4 || s[1] != '#')
		return -1;
	for (int i = hex ? 3 : 2; i < length - 1; i++)
	{
		char c = pg_ascii_tolower(s[i]);
		int digit = c >= '0' && c <= '9'          ? c - '0'
					: c >= 'a' && c <= 'f' && hex ? c - 'a' + 10
												  : -1;

		if (digit < 0)
			return -1;
		number = Min(number * (hex ? 16 : 10) + digit, INT64CONST(0x7FFFFFFF));
	}
	return hex && length < 5 ? -1 : number;
}

/* A half pair's reference at s; with its other half behind it they are one character. */
static int
take_surrogate(MlsXmlRepair *repair, pg_wchar code, const char *s, int length, const char *end,
			   bool final)
{
	const char *next = s + length;
	int next_length = next < end && *next == '&' ? reference_length(next, end, final) : 0;
	int64 low = -1;

	if (is_utf16_surrogate_first(code))
	{
		if (next_length < 0 || (next == end && !final))
			return 0;
		if (next_length > 0)
			low = reference_number(next, next_length);
	}
	repair->counts.references++;
	if (low < 0 || !is_utf16_surrogate_second((pg_wchar) low))
	{
		put_character(repair, REPLACEMENT);
		return length;
	}
	put_character(repair, surrogate_pair_to_codepoint(code, (pg_wchar) low));
	return length + next_length;
}

static int
take_number(MlsXmlRepair *repair, int64 number, const char *s, int length, const char *end,
			bool final)
{
	if (number >= 0xD800 && number <= 0xDFFF)
		return take_surrogate(repair, (pg_wchar) number, s, length, end, final);
	if (number < 0x20 && number != '\t' && number != '\n' && number != '\r')
		repair->counts.controls++;
	else if (number > 0x10FFFF || number == 0xFFFE || number == 0xFFFF)
	{
		put_character(repair, REPLACEMENT);
		repair->counts.references++;
	}
	else if (repair->in_row)
		put_character(repair, (pg_wchar) number);
	else
		put(repair, s, length);
	return length;
}

/* The character of an entity that XML knows, or NULL. */
static const char *
entity_character(const char *s, int length)
{
	static const struct
	{
		const char *name;
		const char *character;
	} known[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}};

	for (int i = 0; i < lengthof(known); i++)
		if (strlen(known[i].name) == length && memcmp(known[i].name, s, length) == 0)
			return known[i].character;
	return NULL;
}

int
mls_xml_take_ampersand(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	int length = reference_length(s, end, final);
	const char *character;
	int64 number;

	if (length < 0)
		return 0;
	number = length > 0 ? reference_number(s, length) : -1;
	if (number >= 0)
		return take_number(repair, number, s, length, end, final);
	character = entity_character(s, length);
	if (character)
	{
		put(repair, repair->in_row ? character : s, repair->in_row ? 1 : length);
		return length;
	}
	put(repair, "&amp;", repair->in_row ? 1 : 5);
	repair->counts.ampersands++;
	return 1;
}
