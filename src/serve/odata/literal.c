/*
 * literal.c
 *		The values that literals stand for, in words that PostgreSQL reads.
 *
 * Everything is checked here, so that a cast in SQL has nothing to complain of.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/base/encoding.h"
#include "serve/odata/lexer.h"

/* Digits of a number, and its exponent: beyond what any field of a listing holds. */
#define MAX_NUMBER_LENGTH 400
#define MAX_EXPONENT 400

#define DAY_SECONDS ((int64_t) 86400)
#define MICROSECONDS ((int64_t) 1000000)

static ServeNode *
literal(ServeReader *reader, ServeType type)
{
	ServeNode *node = serve_alloc(reader->arena, sizeof(ServeNode));

	node->kind = SERVE_LITERAL;
	node->type = type;
	return node;
}

ServeNode *
serve_null_literal(ServeReader *reader, ServeType type)
{
	ServeNode *node = literal(reader, type);

	node->nullable = true;
	return node;
}

static void
bad_value(ServeReader *reader, const char *what)
{
	serve_fail(reader, 400, "BadLiteral", NULL, "a literal is no valid %s", what);
}

/* ---- Numbers ---- */

static ServeNode *
number(ServeReader *reader, const char *text)
{
	const char *exponent = strpbrk(text, "eE");
	const char *point = strchr(text, '.');
	ServeNode *node;
	size_t mantissa = exponent ? (size_t) (exponent - text) : strlen(text);
	size_t integer = point ? (size_t) (point - text) : mantissa;
	char *canonical;

	if (strstr(text, "INF"))
	{
		node = literal(reader, SERVE_DOUBLE);
		node->literal.text = *text == '-' ? "-Infinity" : "Infinity";
		return node;
	}
	if (mantissa > MAX_NUMBER_LENGTH ||
		(exponent && labs(strtol(exponent + 1, NULL, 10)) > MAX_EXPONENT))
		serve_fail(reader, 400, "BadLiteral", NULL, "a number is out of range");
	node = literal(reader, exponent ? SERVE_DOUBLE : point ? SERVE_DECIMAL : SERVE_INT64);
	canonical = serve_copy(reader->arena, text);
	/* The plus of an exponent may have been decoded to a blank. */
	for (char *c = canonical; *c; c++)
	{
		if (*c == ' ')
			*c = '+';
	}
	node->literal.text = canonical;
	if (exponent)
		return node;
	if (strspn(text + integer, ".0") == mantissa - integer)
	{
		errno = 0;
		node->literal.integer = strtoll(text, NULL, 10);
		node->literal.whole = errno == 0;
	}
	if (!node->literal.whole)
		node->type = SERVE_DECIMAL;
	return node;
}

static ServeNode *
not_a_number(ServeReader *reader)
{
	ServeNode *node = literal(reader, SERVE_DOUBLE);

	node->literal.text = "NaN";
	node->literal.nan = true;
	return node;
}

/* ---- Dates and times ---- */

/* Days since 1970 of a date of the Gregorian calendar, counted in eras of 400 years from March. */
static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t era;
	int64_t year_of_era;
	int64_t day_of_year;

	year -= month <= 2;
	era = year / 400;
	year_of_era = year - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
		   719468;
}

static void
date_of(int64_t days, int *year, int *month, int *day)
{
	int64_t era;
	int64_t day_of_era;
	int64_t year_of_era;
	int64_t day_of_year;
	int64_t shifted;

	days += 719468;
	era = days / 146097;
	day_of_era = days - era * 146097;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	shifted = (5 * day_of_year + 2) / 153;
	*day = (int) (day_of_year - (153 * shifted + 2) / 5 + 1);
	*month = (int) (shifted < 10 ? shifted + 3 : shifted - 9);
	*year = (int) (year_of_era + era * 400 + (*month <= 2));
}

/* Years 1 to 9999 are those that every side can write. */
static bool
is_date(int64_t year, int month, int day)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
		   day <= lengths[month - 1] + (month == 2 && leap);
}

bool
serve_year_begins(int64_t year, int64_t *days)
{
	if (year < 1 || year > 9999)
		return false;
	*days = days_of(year, 1, 1);
	return true;
}

const char *
serve_date_text(ServeArena *arena, int64_t days)
{
	int year;
	int month;
	int day;

	date_of(days, &year, &month, &day);
	return serve_printf(arena, "%04d-%02d-%02d", year, month, day);
}

const char *
serve_datetime_text(ServeArena *arena, int64_t microseconds)
{
	int64_t day = DAY_SECONDS * MICROSECONDS;
	int64_t days = microseconds / day - (microseconds % day < 0);
	int64_t rest = microseconds - days * day;
	int seconds = (int) (rest / MICROSECONDS);

	return serve_printf(arena, "%sT%02d:%02d:%02d.%06dZ", serve_date_text(arena, days),
						seconds / 3600, seconds / 60 % 60, seconds % 60,
						(int) (rest % MICROSECONDS));
}

static int
two_digits(const char *s)
{
	return (s[0] - '0') * 10 + s[1] - '0';
}

/* The date at a place, of a form that the lexer has seen to. */
static int64_t
read_date(ServeReader *reader, const char *s, const char **end)
{
	size_t length = strspn(s, "0123456789");
	int64_t year = length > 5 ? 0 : strtol(s, NULL, 10);
	int month = two_digits(s + length + 1);
	int day = two_digits(s + length + 4);

	if (!is_date(year, month, day))
		bad_value(reader, "date of the years 1 to 9999");
	*end = s + length + 6;
	return days_of(year, month, day);
}

/* Microseconds of a day; *between: there is more behind the sixth digit. */
static int64_t
read_time(ServeReader *reader, const char *s, const char **end, bool *between)
{
	int hour = two_digits(s);
	int minute = two_digits(s + 3);
	int second = 0;
	int64_t fraction = 0;

	*between = false;
	s += 5;
	if (*s == ':')
	{
		second = two_digits(s + 1);
		s += 3;
	}
	if (*s == '.')
	{
		int64_t unit = MICROSECONDS / 10;
		int count = 0;

		for (s++; isdigit((unsigned char) *s); s++, count++)
		{
			fraction += (*s - '0') * unit;
			*between = *between || (unit == 0 && *s != '0');
			unit /= 10;
		}
		if (count > 12)
			bad_value(reader, "time: 12 digits of a second are the most");
	}
	if (hour > 23 || minute > 59 || second > 59)
		bad_value(reader, "time");
	*end = s;
	return (hour * 3600 + minute * 60 + second) * MICROSECONDS + fraction;
}

static ServeNode *
datetime(ServeReader *reader, const char *text)
{
	ServeNode *node = literal(reader, SERVE_DATETIME);
	int64_t value = read_date(reader, text, &text) * DAY_SECONDS * MICROSECONDS;

	value += read_time(reader, text + 1, &text, &node->literal.between);
	if (*text == '\0')
		bad_value(reader, "timestamp: it ends with Z or an offset");
	if (*text != 'Z' && *text != 'z')
	{
		int hours = two_digits(text + 1);
		int minutes = two_digits(text + 4);
		int64_t offset = (hours * 60 + minutes) * 60 * MICROSECONDS;

		if (hours > 23 || minutes > 59)
			bad_value(reader, "offset");
		value += *text == '-' ? offset : -offset;
	}
	if (value < days_of(1, 1, 1) * DAY_SECONDS * MICROSECONDS ||
		value >= days_of(10000, 1, 1) * DAY_SECONDS * MICROSECONDS)
		bad_value(reader, "timestamp of the years 1 to 9999");
	node->literal.integer = value;
	node->literal.text = serve_datetime_text(reader->arena, value);
	return node;
}

static ServeNode *
date(ServeReader *reader, const char *text)
{
	ServeNode *node = literal(reader, SERVE_DATE);

	node->literal.integer = read_date(reader, text, &text);
	node->literal.text = serve_date_text(reader->arena, node->literal.integer);
	return node;
}

static ServeNode *
time_of_day(ServeReader *reader, const char *text)
{
	ServeNode *node = literal(reader, SERVE_TIME);
	int64_t value = read_time(reader, text, &text, &node->literal.between);
	int seconds = (int) (value / MICROSECONDS);

	node->literal.text =
		serve_printf(reader->arena, "%02d:%02d:%02d.%06d", seconds / 3600, seconds / 60 % 60,
					 seconds % 60, (int) (value % MICROSECONDS));
	return node;
}

/* P1DT2H3M4.5S, in seconds: of a day and of 24 hours OData makes the same. */
static ServeNode *
duration(ServeReader *reader, const char *s)
{
	static const struct
	{
		char unit;
		int64_t seconds;
	} units[] = {{'D', DAY_SECONDS}, {'H', 3600}, {'M', 60}, {'S', 1}};
	int next = 0;
	bool negative = *s == '-';
	bool in_time = false;
	bool any = false;
	int64_t seconds = 0;
	int64_t fraction = 0;
	ServeNode *node;

	s += *s == '-' || *s == '+';
	if (toupper((unsigned char) *s++) != 'P')
		return NULL;
	while (*s)
	{
		size_t length;
		int64_t amount;

		if (toupper((unsigned char) *s) == 'T' && !in_time)
		{
			in_time = true;
			next = 1;
			s++;
			if (*s == '\0')
				return NULL;
		}
		length = strspn(s, "0123456789");
		if (length == 0 || length > 9)
			return NULL;
		amount = strtol(s, NULL, 10);
		s += length;
		if (*s == '.' && isdigit((unsigned char) s[1]))
		{
			int64_t unit = MICROSECONDS / 10;

			for (s++; isdigit((unsigned char) *s); s++)
			{
				fraction += (*s - '0') * unit;
				unit /= 10;
			}
			if (toupper((unsigned char) *s) != 'S')
				return NULL;
		}
		while (next < 4 && units[next].unit != toupper((unsigned char) *s))
			next++;
		if (next == 4 || (next > 0) != in_time)
			return NULL;
		seconds += amount * units[next++].seconds;
		any = true;
		s++;
	}
	/* 300,000 years: what timestamps of PostgreSQL span. */
	if (!any || seconds > (int64_t) 300000 * 366 * DAY_SECONDS)
		return NULL;
	node = literal(reader, SERVE_DURATION);
	node->literal.text = serve_printf(reader->arena, "%s%lld.%06d seconds", negative ? "-" : "",
									  (long long) seconds, (int) fraction);
	return node;
}

/* ---- The others ---- */

static ServeNode *
guid(ServeReader *reader, const char *text)
{
	ServeNode *node = literal(reader, SERVE_GUID);

	node->literal.text = text;
	return node;
}

static ServeNode *
binary(ServeReader *reader, const char *text)
{
	ServeNode *node;
	ServeText out;
	size_t length;
	unsigned char *bytes = serve_base64_decode(text, strlen(text), false, &length);

	if (bytes == NULL)
		bad_value(reader, "binary");
	serve_text_init(&out, reader->arena);
	serve_text_add(&out, "\\x");
	for (size_t i = 0; i < length; i++)
		serve_text_printf(&out, "%02x", bytes[i]);
	free(bytes);
	node = literal(reader, SERVE_BINARY);
	node->literal.text = out.data;
	return node;
}

/* A number of the text of a point, which is passed. */
static bool
coordinate(const char **s, double least, double most, double *value)
{
	char *end;
	size_t length = strspn(*s, "+-0123456789.eE");

	*value = strtod(*s, &end);
	if (length == 0 || end != *s + length || !(*value >= least && *value <= most))
		return false;
	*s = end;
	return true;
}

/* A longitude and a latitude, which are passed. */
static bool
position(const char **s, double *longitude, double *latitude)
{
	*s += strspn(*s, " ");
	if (!coordinate(s, -180, 180, longitude) || **s != ' ')
		return false;
	*s += strspn(*s, " ");
	if (!coordinate(s, -90, 90, latitude))
		return false;
	*s += strspn(*s, " ");
	return true;
}

/* (10 20,11 20,10 21,10 20): a ring ends where it begins.  As PostgreSQL reads a polygon. */
static const char *
ring(ServeReader *reader, const char **s, int *points, ServeLiteral *polygon)
{
	ServeText out;
	double first[2];
	double at[2];
	int count = 0;

	serve_text_init(&out, reader->arena);
	*s += strspn(*s, " ");
	if (*(*s)++ != '(')
		return NULL;
	do
	{
		if (!position(s, &at[0], &at[1]))
			return NULL;
		if (++*points > SERVE_MAX_POINTS)
			serve_fail(reader, 413, "QueryTooComplex", NULL, "a polygon has more than %d points",
					   SERVE_MAX_POINTS);
		if (count++ == 0)
			memcpy(first, at, sizeof(at));
		serve_text_printf(&out, "%s(%.17g,%.17g)", count > 1 ? "," : "(", at[0], at[1]);
		if (polygon->nrings == 0)
		{
			polygon->west = count == 1 || at[0] < polygon->west ? at[0] : polygon->west;
			polygon->east = count == 1 || at[0] > polygon->east ? at[0] : polygon->east;
			polygon->south = count == 1 || at[1] < polygon->south ? at[1] : polygon->south;
			polygon->north = count == 1 || at[1] > polygon->north ? at[1] : polygon->north;
		}
	} while (*(*s)++ == ',');
	if ((*s)[-1] != ')' || count < 4 || memcmp(first, at, sizeof(at)) != 0)
		return NULL;
	*s += strspn(*s, " ");
	serve_text_add_char(&out, ')');
	return out.data;
}

/* POLYGON((outer ring),(hole),...), behind the word. */
static ServeNode *
polygon(ServeReader *reader, const char *s)
{
	ServeNode *node = literal(reader, SERVE_POLYGON);
	ServeLiteral *value = &node->literal;
	int points = 0;
	size_t space = 1;

	for (const char *c = s; *c; c++)
		space += *c == '(';
	value->rings = serve_alloc_array(reader->arena, space, sizeof(const char *));
	s += strspn(s, " ");
	if (*s++ != '(')
		bad_value(reader, "polygon");
	do
	{
		const char *one = ring(reader, &s, &points, value);

		if (one == NULL)
			bad_value(reader, "polygon: POLYGON((longitude latitude,...)), closed");
		value->rings[value->nrings++] = one;
	} while (*s++ == ',');
	if (s[-1] != ')' || *s != '\0')
		bad_value(reader, "polygon");
	return node;
}

/* SRID=4326;POINT(-97.7 30.2), or a polygon. */
static ServeNode *
geography(ServeReader *reader, const char *s)
{
	ServeNode *node;

	if (strncasecmp(s, "SRID=", 5) == 0)
	{
		if (strncmp(s + 5, "4326;", 5) != 0)
			serve_fail(reader, 501, "NotImplemented", NULL,
					   "the one reference system offered is 4326");
		s += 10;
	}
	if (strncasecmp(s, "POLYGON", 7) == 0)
		return polygon(reader, s + 7);
	if (strncasecmp(s, "POINT", 5) != 0)
		serve_fail(reader, 501, "NotImplemented", NULL,
				   "shapes offered are the point and the polygon");
	s += 5;
	s += strspn(s, " ");
	node = literal(reader, SERVE_POINT);
	if (*s++ != '(' || !position(&s, &node->literal.longitude, &node->literal.latitude) ||
		strcmp(s, ")") != 0)
		bad_value(reader, "point: POINT(longitude latitude)");
	return node;
}

ServeNode *
serve_text_as(ServeReader *reader, const char *text, ServeType type)
{
	if (type == SERVE_DURATION)
		return duration(reader, text);
	if (type == SERVE_GUID)
	{
		ServeLexer lexer;

		/* Only what has the form is read, since the lexer ends the reading on much else. */
		if (strlen(text) != 36 || strspn(text, "0123456789abcdefABCDEF-") != 36)
			return NULL;
		serve_lex(&lexer, reader, text);
		return lexer.token.kind == SERVE_GUID_TOKEN ? guid(reader, lexer.token.text) : NULL;
	}
	return NULL;
}

static ServeNode *
text_literal(ServeReader *reader, const char *text)
{
	ServeNode *node = literal(reader, SERVE_STRING);

	node->literal.text = text;
	return node;
}

static ServeNode *
quoted(ServeReader *reader, const ServeToken *token)
{
	ServeNode *node;

	if (strcasecmp(token->name, "duration") == 0)
	{
		node = duration(reader, token->text);
		if (node == NULL)
			bad_value(reader, "duration");
		return node;
	}
	if (strcasecmp(token->name, "binary") == 0)
		return binary(reader, token->text);
	if (strcasecmp(token->name, "geography") == 0)
		return geography(reader, token->text);
	if (strcasecmp(token->name, "geometry") == 0)
		serve_fail(reader, 501, "NotImplemented", NULL, "geometry is not offered");
	/* A member of an enumeration, as of lookups: the field says whether the type is its own. */
	if (strchr(token->name, '.') == NULL)
		serve_fail(reader, 400, "BadLiteral", NULL, "there are no literals of this name");
	node = text_literal(reader, token->text);
	node->literal.enum_type = token->name;
	return node;
}

ServeNode *
serve_read_literal(ServeLexer *lexer)
{
	ServeReader *reader = lexer->reader;
	ServeToken token = lexer->token;
	ServeNode *node = NULL;

	switch (token.kind)
	{
		case SERVE_TEXT:
			node = text_literal(reader, token.text);
			break;
		case SERVE_QUOTED:
			node = quoted(reader, &token);
			break;
		case SERVE_NUMBER:
			node = number(reader, token.text);
			break;
		case SERVE_DATE_TOKEN:
			node = date(reader, token.text);
			break;
		case SERVE_DATETIME_TOKEN:
			node = datetime(reader, token.text);
			break;
		case SERVE_TIME_TOKEN:
			node = time_of_day(reader, token.text);
			break;
		case SERVE_GUID_TOKEN:
			node = guid(reader, token.text);
			break;
		case SERVE_WORD:
			if (strcmp(token.text, "null") == 0)
				node = serve_null_literal(reader, SERVE_NULL);
			else if (strcmp(token.text, "true") == 0 || strcmp(token.text, "false") == 0)
			{
				node = literal(reader, SERVE_BOOLEAN);
				node->literal.truth = *token.text == 't';
			}
			else if (strcmp(token.text, "INF") == 0)
				node = number(reader, token.text);
			else if (strcmp(token.text, "NaN") == 0)
				node = not_a_number(reader);
			break;
		default:
			break;
	}
	if (node)
		serve_next(lexer);
	return node;
}
