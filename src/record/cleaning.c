/*
 * cleaning.c
 *		Strings of records as they should be: without blanks around them, in small
 *		letters, numbers without what stands beside them.
 *
 * What is to be done with a column is decided elsewhere (mls.clean_map); live
 * scans do nothing of it, for their conditions are computed by the source, on
 * what it has.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"

#include "record/slice.h"

/* Longer texts are no numbers. */
#define LONGEST_NUMBER 64

/* Length of the blank that a text begins with, a no-break space included; or 0. */
static int
leading_blank(const char *text, int length)
{
	if (length > 0 && isspace((unsigned char) text[0]))
		return 1;
	if (length > 1 && text[0] == '\xC2' && text[1] == '\xA0')
		return 2;
	return 0;
}

static int
trailing_blank(const char *text, int length)
{
	if (length > 0 && isspace((unsigned char) text[length - 1]))
		return 1;
	if (length > 1 && text[length - 2] == '\xC2' && text[length - 1] == '\xA0')
		return 2;
	return 0;
}

static void
trim(const char **text, int *length)
{
	int n;

	while ((n = leading_blank(*text, *length)) > 0)
	{
		*text += n;
		*length -= n;
	}
	while ((n = trailing_blank(*text, *length)) > 0)
		*length -= n;
}

/* Length of a currency's sign or code, or of a blank, that the text begins with; or 0. */
static int
beside_number(const char *text, int length)
{
	static const char *const signs[] = {"$", "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5"};
	int blank = leading_blank(text, length);

	if (blank > 0)
		return blank;
	for (int i = 0; i < lengthof(signs); i++)
		if (length >= strlen(signs[i]) && memcmp(text, signs[i], strlen(signs[i])) == 0)
			return strlen(signs[i]);
	if (length >= 3 && isupper((unsigned char) text[0]) && isupper((unsigned char) text[1]) &&
		isupper((unsigned char) text[2]) && (length == 3 || !isalpha((unsigned char) text[3])))
		return 3;
	return 0;
}

/* The place of the decimal separator, or -1: the last of two kinds, or one that stands once and not before three digits. */
static int
decimal_place(const char *digits, int length)
{
	int last = -1;
	int others = 0;
	bool two_kinds = false;

	for (int i = 0; i < length; i++)
	{
		if (digits[i] != '.' && digits[i] != ',')
			continue;
		if (last >= 0 && digits[last] != digits[i])
			two_kinds = true;
		if (last >= 0)
			others++;
		last = i;
	}
	if (last < 0 || two_kinds)
		return last;
	return others > 0 || length - last == 4 ? -1 : last;
}

/* A number as JSON writes it; false if the text is none even so. */
static bool
repair_number(const char *text, int length, char *number, int *number_length)
{
	char digits[LONGEST_NUMBER];
	int n = 0;
	int place;
	int skipped;

	for (int i = 0; i < length; i += skipped)
	{
		skipped = beside_number(text + i, length - i);
		if (skipped > 0)
			continue;
		if (n == LONGEST_NUMBER || (!isdigit((unsigned char) text[i]) && text[i] != '.' &&
									text[i] != ',' && !(text[i] == '-' && n == 0)))
			return false;
		digits[n++] = text[i];
		skipped = 1;
	}
	place = decimal_place(digits, n);
	*number_length = 0;
	for (int i = 0; i < n; i++)
		if (i == place)
			number[(*number_length)++] = '.';
		else if (digits[i] != '.' && digits[i] != ',')
			number[(*number_length)++] = digits[i];
	return n > 0;
}

static bool
is_number_type(Oid type)
{
	return type == NUMERICOID || type == INT2OID || type == INT4OID || type == INT8OID ||
		   type == FLOAT4OID || type == FLOAT8OID;
}

static bool
is_word(const char *text, int length, const char *word)
{
	return length == strlen(word) && pg_strncasecmp(text, word, length) == 0;
}

/*
 * Applies steps (MLS_CLEAN_*) to a string for a column of a type; false if nothing
 * remains of it, so that it is NULL.  In CurrentMemoryContext.
 */
bool
mls_clean_slice(MlsSlice *slice, int steps, Oid type)
{
	char *copy;
	const char *text;
	int length;

	if (slice->kind != MLS_STRING)
		return true;
	length = slice->value_length - 2;
	copy = palloc(length + LONGEST_NUMBER + 2);
	if (slice->escaped)
		length = mls_json_decode(slice->value + 1, length, copy);
	else
		memcpy(copy, slice->value + 1, length);
	text = copy;
	if (steps & MLS_CLEAN_TRIM)
		trim(&text, &length);
	if ((steps & MLS_CLEAN_EMPTY) && length == 0)
		return false;
	if ((steps & MLS_CLEAN_NUMBER) && is_number_type(type))
	{
		char *number = palloc(LONGEST_NUMBER + 2);
		int number_length;

		if (is_word(text, length, "nan") || is_word(text, length, "null"))
			return false;
		if (repair_number(text, length, number, &number_length))
		{
			text = number;
			length = number_length;
		}
	}
	copy = palloc(length + 2);
	copy[0] = copy[length + 1] = '"';
	for (int i = 0; i < length; i++)
		copy[i + 1] = (steps & MLS_CLEAN_LOWER) ? pg_ascii_tolower(text[i]) : text[i];
	slice->value = copy;
	slice->value_length = length + 2;
	slice->escaped = false;
	return true;
}
