/*
 * snake_case.c
 *		Field names as SQL names.
 *
 * Only ASCII letters change; names are at most NAMEDATALEN - 1 bytes, as SQL
 * names are.  Two fields may get the same name: the importer sees to that.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "options/options.h"

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_word(char c)
{
	return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || IS_HIGHBIT_SET(c);
}

/*
 * Does a word start at field[i]?  A capital starts one after anything that is no
 * capital, and at the end of a run of capitals that a small letter ends
 * ("MLSArea": at A), unless that letter is the s of a plural ("URLs").
 */
static bool
starts_word(const char *field, int i)
{
	if (i == 0 || !is_upper(field[i]))
		return false;
	if (!is_upper(field[i - 1]))
		return true;
	if (!is_lower(field[i + 1]))
		return false;
	return !(field[i + 1] == 's' && !is_lower(field[i + 2]));
}

char *
mls_snake_case(const char *field)
{
	char *name = palloc(2 * strlen(field) + 2);
	int length = 0;

	for (int i = 0; field[i]; i++)
	{
		bool separates = !is_word(field[i]) || starts_word(field, i);

		if (separates && length > 0 && name[length - 1] != '_')
			name[length++] = '_';
		if (is_word(field[i]))
			name[length++] = pg_ascii_tolower((unsigned char) field[i]);
	}
	if (length > 0 && name[length - 1] == '_')
		length--;
	/* A name of nothing but signs is a name still. */
	if (length == 0)
		name[length++] = '_';
	name[length] = '\0';
	name[pg_mbcliplen(name, length, NAMEDATALEN - 1)] = '\0';
	return name;
}
