/*
 * question.c
 *		mls.geocode_question(): what is asked about where a record is.
 *
 * Not the record is made normal, but what is asked about it, so that spellings of one
 * address are one question: case, punctuation, units ("Apt 5"), the ordinal of a
 * numbered street ("5 Ave" is 5th Ave).  All flats of a house ask the same.
 *
 * There is no question, and so neither a request nor a point in gold, where the source
 * gives coordinates, where the address must not be shown, and where it is none that a
 * house could stand at: without a number, a box of the post, a crossing.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "gold/place.h"

PG_FUNCTION_INFO_V1(mls_geocode_question);

/* Longer than any address; what is longer is text of another kind. */
#define LONGEST_PART 200

/* ---- Words ---- */

/* Behind these comes the name of a part of a building, which no geocoder needs. */
static const char *const units[] = {
	"apt",   "apartment", "unit", "ste",  "suite", "lot",      "room",      "rm", "floor", "fl",
	"space", "spc",       "trlr", "dept", "bldg",  "building", "penthouse", "ph", "no",    NULL};

/* A number before one of these is the name of the street. */
static const char *const streets[] = {"st",   "street", "ave",     "avenue", "av",    "rd",
									  "road", "dr",     "drive",   "pl",     "place", "blvd",
									  "ct",   "court",  "ln",      "lane",   "ter",   "terrace",
									  "way",  "pkwy",   "parkway", NULL};

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static bool
is_digits(const char *word)
{
	return *word != '\0' && strspn(word, "0123456789") == strlen(word);
}

static bool
has_digit(const char *word)
{
	return strpbrk(word, "0123456789") != NULL;
}

/* In lower case, punctuation as blanks; those that stand in words (O'Brien, 12-14, 5/7) stay.  NULL is "". */
static char *
simplified(const char *text)
{
	char *lower;

	if (text == NULL || strlen(text) > LONGEST_PART)
		return pstrdup("");
	lower = str_tolower(text, strlen(text), DEFAULT_COLLATION_OID);
	for (char *c = lower; *c; c++)
		if ((unsigned char) *c < 0x80 && !isalnum((unsigned char) *c) &&
			strchr("'-/&#@", *c) == NULL)
			*c = ' ';
	return lower;
}

/* Of char *; "#5" stays one word. */
static List *
words_of(const char *text)
{
	char *rest = simplified(text);
	List *words = NIL;
	char *word;

	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0')
			words = lappend(words, word);
	return words;
}

static char *
joined(const List *words)
{
	StringInfoData text;
	ListCell *lc;

	initStringInfo(&text);
	foreach (lc, words)
		appendStringInfo(&text, "%s%s", text.len ? " " : "", (char *) lfirst(lc));
	return text.data;
}

static const char *
ordinal(const char *number)
{
	int n = atoi(number + Max((int) strlen(number) - 2, 0));

	if (n >= 11 && n <= 13)
		return "th";
	switch (n % 10)
	{
		case 1:
			return "st";
		case 2:
			return "nd";
		case 3:
			return "rd";
		default:
			return "th";
	}
}

/* Words that mean a part of a building, with its name, go; the first word is never one. */
static List *
without_units(const List *words)
{
	List *kept = NIL;

	for (int i = 0; i < list_length(words); i++)
	{
		char *word = list_nth(words, i);

		if (i > 0 && word[0] == '#')
		{
			i += word[1] == '\0';
			continue;
		}
		if (i > 0 && is_one_of(word, units))
		{
			const char *next = i + 1 < list_length(words) ? list_nth(words, i + 1) : "";

			i += has_digit(next) || strlen(next) == 1 || next[0] == '#';
			continue;
		}
		kept = lappend(kept, word);
	}
	return kept;
}

static List *
with_ordinals(const List *words)
{
	List *result = NIL;

	for (int i = 0; i < list_length(words); i++)
	{
		char *word = list_nth(words, i);

		if (is_digits(word) && strlen(word) <= 3 && i + 1 < list_length(words) &&
			is_one_of(list_nth(words, i + 1), streets))
			word = psprintf("%s%s", word, ordinal(word));
		result = lappend(result, word);
	}
	return result;
}

/* ---- Addresses ---- */

/* A box is no place of a house, and of a crossing there are four corners. */
static bool
is_no_house(const List *words)
{
	ListCell *lc;

	foreach (lc, words)
	{
		const char *word = lfirst(lc);
		const char *next = lnext(words, lc) ? lfirst(lnext(words, lc)) : "";

		if (strchr(word, '&') || strchr(word, '@') || strcmp(word, "pobox") == 0 ||
			(strcmp(word, "po") == 0 && strcmp(next, "box") == 0) ||
			(strcmp(word, "p") == 0 && strcmp(next, "o") == 0) || strcmp(word, "tbd") == 0 ||
			strcmp(word, "tba") == 0)
			return true;
	}
	return false;
}

/* "350", "12a", "12-14": a number that a house can have. */
static bool
is_number(const char *word)
{
	return isdigit((unsigned char) word[0]) && strspn(word, "0") != strlen(word);
}

/* The first line of an address in one text. */
static char *
first_line(const char *address)
{
	return address ? pnstrdup(address, strcspn(address, ",\n\r")) : NULL;
}

/* Number and street; false if there is no house. */
static bool
read_street(char *const *parts, char **number, char **street)
{
	List *words = NIL;

	for (int i = MLS_PLACE_BEFORE; i <= MLS_PLACE_AFTER; i++)
		words = list_concat(words, words_of(parts[i]));
	if (words_of(parts[MLS_PLACE_STREET]) != NIL)
		*number = joined(words_of(parts[MLS_PLACE_NUMBER]));
	else
	{
		words = words_of(first_line(parts[MLS_PLACE_ADDRESS]));
		if (words == NIL)
			return false;
		*number = linitial(words);
		words = list_delete_first(words);
	}
	if (is_no_house(words) || is_no_house(words_of(*number)) || !is_number(*number))
		return false;
	*street = joined(with_ordinals(without_units(words)));
	return **street != '\0';
}

/* ---- What else a question has ---- */

/* Names of countries that records use for codes. */
static const struct
{
	const char *name;
	const char *code;
} countries[] = {
	{"usa", "us"},    {"united states", "us"}, {"united states of america", "us"},
	{"canada", "ca"}, {"can", "ca"},           {"united kingdom", "gb"},
	{"uk", "gb"},     {"mexico", "mx"},        {"cyprus", "cy"},
	{"greece", "gr"}, {"spain", "es"},         {"portugal", "pt"},
	{"france", "fr"}, {"germany", "de"},       {"italy", "it"},
};

/* Two letters, or "" where the name is not known: then the answer's is not compared. */
static const char *
country_code(const char *country)
{
	const char *name = joined(words_of(country));

	for (int i = 0; i < lengthof(countries); i++)
		if (strcmp(countries[i].name, name) == 0)
			return countries[i].code;
	return strlen(name) == 2 ? name : "";
}

/* Of an American code the place in the round is of no use. */
static char *
postal_code(const char *text, const char *country)
{
	char *code = joined(words_of(text));

	if (strcmp(country, "us") == 0 && strspn(code, "0123456789") >= 5)
		code[5] = '\0';
	return code;
}

/* Booleans, or what sources write for them. */
static bool
says_yes(const char *text)
{
	return text && (pg_strcasecmp(text, "true") == 0 || pg_strcasecmp(text, "t") == 0 ||
					pg_strcasecmp(text, "yes") == 0 || pg_strcasecmp(text, "y") == 0 ||
					strcmp(text, "1") == 0);
}

static bool
says_no(const char *text)
{
	return text && (pg_strcasecmp(text, "false") == 0 || pg_strcasecmp(text, "f") == 0 ||
					pg_strcasecmp(text, "no") == 0 || pg_strcasecmp(text, "n") == 0 ||
					strcmp(text, "0") == 0);
}

/* Are there coordinates?  The place where both are zero is in the sea, and means nothing. */
static bool
has_point(const char *latitude, const char *longitude)
{
	return latitude && longitude && !(strtod(latitude, NULL) == 0 && strtod(longitude, NULL) == 0);
}

Datum
mls_geocode_question(PG_FUNCTION_ARGS)
{
	char *parts[MLS_PLACE_PARTS];
	char *number;
	char *street;
	char *city;
	char *postal;
	const char *country;

	for (int i = 0; i < MLS_PLACE_PARTS; i++)
		parts[i] = PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
	if (says_no(parts[MLS_PLACE_ADDRESS_SHOWN]) || says_no(parts[MLS_PLACE_LISTING_SHOWN]) ||
		says_yes(parts[MLS_PLACE_WITHHELD]) ||
		has_point(parts[MLS_PLACE_LATITUDE], parts[MLS_PLACE_LONGITUDE]) ||
		!read_street(parts, &number, &street))
		PG_RETURN_NULL();
	country = country_code(parts[MLS_PLACE_COUNTRY] ? parts[MLS_PLACE_COUNTRY]
													: parts[MLS_PLACE_DEFAULT_COUNTRY]);
	city = joined(words_of(parts[MLS_PLACE_CITY]));
	postal = postal_code(parts[MLS_PLACE_POSTAL], country);
	/* In many towns there is a Main Street. */
	if (*city == '\0' && *postal == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(
		cstring_to_text(psprintf("%s\t%s\t%s\t%s\t%s\t%s", number, street, city,
								 joined(words_of(parts[MLS_PLACE_STATE])), postal, country)));
}
