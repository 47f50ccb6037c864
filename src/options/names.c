/*
 * names.c
 *		Names of fields as SQL names, and the name that somebody may have meant.
 *
 * Names are written from memory: in another case, with or without the
 * underscore, with two letters swapped.  Whoever refuses a name says the nearest
 * right one; what counts as near stands here, for options, sources, resources,
 * fields and rules alike.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "options/options.h"

/* ---- field names as SQL names ----
 *
 * Only ASCII letters change; names are at most NAMEDATALEN - 1 bytes, as SQL
 * names are.  Two fields may get the same name: the importer sees to that.
 */

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

/* ---- the nearest name ---- */

PG_FUNCTION_INFO_V1(mls_nearest_sql);

/* Most edits between a misspelt name and a suggestion; the server's own limit for options. */
#define MAX_DISTANCE 4

/* Names of ours, of tables and of resources; what is longer was not mistyped. */
#define MAX_LENGTH 128

/* So many names are listed where none is near. */
#define MAX_SHOWN 40

/* In small ASCII letters, without what joins words: "Open_House", "openhouse" and "OpenHouse" are one. */
static int
squeeze(const char *name, char *squeezed)
{
	int n = 0;

	for (const char *c = name; *c != '\0' && n < MAX_LENGTH; c++)
		if (strchr("_- ", *c) == NULL)
			squeezed[n++] = pg_tolower((unsigned char) *c);
	squeezed[n] = '\0';
	return n;
}

bool
mls_same_name(const char *a, const char *b)
{
	char one[MAX_LENGTH + 1];
	char other[MAX_LENGTH + 1];

	squeeze(a, one);
	squeeze(b, other);
	return strcmp(one, other) == 0;
}

/* Letters added, left out, replaced, or swapped with their neighbour. */
static int
distance(const char *a, int m, const char *b, int n)
{
	int rows[3][MAX_LENGTH + 1];
	int *before = rows[0];
	int *last = rows[1];
	int *row = rows[2];

	for (int j = 0; j <= n; j++)
		last[j] = j;
	for (int i = 1; i <= m; i++)
	{
		int *spare = before;

		row[0] = i;
		for (int j = 1; j <= n; j++)
		{
			row[j] = Min(Min(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = Min(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[n];
}

const char *
mls_nearest_name(const char *written, const char *const *names)
{
	char wanted[MAX_LENGTH + 1];
	char offered[MAX_LENGTH + 1];
	int length = squeeze(written, wanted);
	/* A match must leave at least half of the word standing. */
	int limit = Min(MAX_DISTANCE, length / 2);
	const char *nearest = NULL;

	for (int i = 0; names[i]; i++)
	{
		int edits = distance(wanted, length, offered, squeeze(names[i], offered));

		if (edits <= limit && length > 0)
		{
			nearest = names[i];
			limit = edits - 1;
		}
	}
	return nearest;
}

const char *
mls_nearest_hint(const char *written, const char *const *names, const char *all_are)
{
	const char *nearest = mls_nearest_name(written, names);
	StringInfoData all;
	int i;

	if (nearest)
		return psprintf("Perhaps you meant \"%s\".", nearest);
	initStringInfo(&all);
	for (i = 0; names[i] && i < MAX_SHOWN; i++)
		appendStringInfo(&all, "%s%s", i == 0 ? "" : ", ", names[i]);
	if (names[i])
		appendStringInfoString(&all, ", ...");
	return i == 0 ? NULL : psprintf("%s: %s.", all_are, all.data);
}

/* mls.nearest(written, names): null if none is near. */
Datum
mls_nearest_sql(PG_FUNCTION_ARGS)
{
	char *written = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char **names;
	const char *nearest;
	Datum *elements;
	bool *nulls;
	int count;
	int n = 0;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls,
					  &count);
	names = palloc0((count + 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			names[n++] = TextDatumGetCString(elements[i]);
	nearest = mls_nearest_name(written, names);
	if (nearest == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(nearest));
}
