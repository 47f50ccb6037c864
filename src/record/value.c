/*
 * value.c
 *		Texts of numbers, dates and times as values, without the input functions.
 *
 * Those raise errors, follow DateStyle and round fractions.  Here a text either
 * is what the standards behind JSON and OData say (ISO 8601, decimal numbers) or
 * is none.  Fractions of a second beyond what a column keeps are cut off, not
 * rounded: the value then never lies after the source's own, so the conditions
 * ">= t" and "< t" select the same records at the source and here.
 */
#include "postgres.h"

#include <limits.h>

#include "common/int.h"
#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "record/slice.h"

/* A place in a text that is being read. */
typedef struct Cursor
{
	const char *s;
	const char *end;
} Cursor;

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
take(Cursor *cursor, char c)
{
	if (cursor->s >= cursor->end || *cursor->s != c)
		return false;
	cursor->s++;
	return true;
}

/* Exactly `count` digits. */
static bool
take_digits(Cursor *cursor, int count, int *number)
{
	*number = 0;
	if (cursor->end - cursor->s < count)
		return false;
	for (int i = 0; i < count; i++, cursor->s++)
	{
		if (!is_digit(*cursor->s))
			return false;
		*number = *number * 10 + (*cursor->s - '0');
	}
	return true;
}

/* ---- whole numbers ---- */

/* Digits of a decimal number without sign, point and leading zeros, and where the point was. */
typedef struct Decimal
{
	char digits[40];
	int ndigits;
	int scale; /* digits after the point; negative: zeros that follow */
	bool negative;
	bool too_long;
} Decimal;

static bool
take_mantissa(Cursor *cursor, Decimal *decimal)
{
	bool any = false;
	bool after_point = false;

	for (; cursor->s < cursor->end; cursor->s++)
	{
		char c = *cursor->s;

		if (c == '.' && !after_point && any)
			after_point = true;
		else if (!is_digit(c))
			break;
		else
		{
			any = true;
			decimal->scale += after_point;
			if (decimal->ndigits == 0 && c == '0')
				continue;
			if (decimal->ndigits == lengthof(decimal->digits))
				decimal->too_long = true;
			else
				decimal->digits[decimal->ndigits++] = c;
		}
	}
	return any;
}

/* An exponent, if there is one; false if it is cut short or absurd. */
static bool
take_exponent(Cursor *cursor, Decimal *decimal)
{
	bool negative;
	int exponent = 0;

	if (!take(cursor, 'e') && !take(cursor, 'E'))
		return true;
	negative = take(cursor, '-');
	if (!negative)
		take(cursor, '+');
	if (cursor->s >= cursor->end)
		return false;
	for (; cursor->s < cursor->end && is_digit(*cursor->s) && exponent < 10000; cursor->s++)
		exponent = exponent * 10 + (*cursor->s - '0');
	decimal->scale -= negative ? -exponent : exponent;
	return true;
}

/* The value of a decimal that is whole. */
static const char *
whole_value(Decimal *decimal, int64 *result)
{
	int64 value = 0;

	while (decimal->scale > 0 && decimal->ndigits > 0 &&
		   decimal->digits[decimal->ndigits - 1] == '0')
	{
		decimal->ndigits--;
		decimal->scale--;
	}
	if (decimal->ndigits > 0 && decimal->scale > 0)
		return "is not a whole number";
	if (decimal->ndigits > 0 && decimal->ndigits - decimal->scale > 19)
		return "is out of range";
	/* Downwards, since the smallest number has no positive counterpart. */
	for (int i = 0; i < decimal->ndigits - decimal->scale && decimal->ndigits > 0; i++)
	{
		int digit = i < decimal->ndigits ? decimal->digits[i] - '0' : 0;

		if (pg_mul_s64_overflow(value, 10, &value) || pg_sub_s64_overflow(value, digit, &value))
			return "is out of range";
	}
	if (!decimal->negative && value == PG_INT64_MIN)
		return "is out of range";
	*result = decimal->negative ? value : -value;
	return NULL;
}

/* A number as it nearly always comes: at most 18 digits, no sign, point or exponent. */
static bool
parse_plain(const char *text, int length, int64 *result)
{
	int64 value = 0;

	if (length == 0 || length > 18)
		return false;
	for (int i = 0; i < length; i++)
	{
		if (!is_digit(text[i]))
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*result = value;
	return true;
}

/* 12, -12, 12.0 and 1.2e1; not 12.5. */
const char *
mls_parse_int64(const char *text, int length, int64 *result)
{
	Cursor cursor = {text, text + length};
	Decimal decimal;

	if (parse_plain(text, length, result))
		return NULL;
	decimal.ndigits = decimal.scale = 0;
	decimal.too_long = false;
	decimal.negative = take(&cursor, '-');
	if (!decimal.negative)
		take(&cursor, '+');
	if (!take_mantissa(&cursor, &decimal) || !take_exponent(&cursor, &decimal) ||
		cursor.s != cursor.end)
		return "is not a number";
	if (decimal.too_long)
		return "is out of range";
	return whole_value(&decimal, result);
}

/* ---- dates and times ---- */

/* yyyy-mm-dd of a day that exists. */
static bool
take_date(Cursor *cursor, struct pg_tm *tm)
{
	if (!take_digits(cursor, 4, &tm->tm_year) || !take(cursor, '-') ||
		!take_digits(cursor, 2, &tm->tm_mon) || !take(cursor, '-') ||
		!take_digits(cursor, 2, &tm->tm_mday))
		return false;
	return tm->tm_year >= 1 && tm->tm_mon >= 1 && tm->tm_mon <= 12 && tm->tm_mday >= 1 &&
		   tm->tm_mday <= day_tab[isleap(tm->tm_year)][tm->tm_mon - 1];
}

/* Digits after a point as microseconds; those beyond `digits` are cut off. */
static bool
take_fraction(Cursor *cursor, int digits, int *usec)
{
	int place = 0;

	*usec = 0;
	if (!take(cursor, '.') && !take(cursor, ','))
		return true;
	for (; cursor->s < cursor->end && is_digit(*cursor->s); cursor->s++, place++)
		if (place < 6)
			*usec = *usec * 10 + (place < digits ? *cursor->s - '0' : 0);
	for (int i = place; i < 6; i++)
		*usec *= 10;
	return place > 0;
}

/*
 * hh:mm[:ss[.f]] as microseconds of a day.  The leap second :60 and 24:00:00
 * are the instants after them, as everywhere in PostgreSQL.
 */
static bool
take_time(Cursor *cursor, int digits, int64 *result)
{
	int hour;
	int minute;
	int second = 0;
	int usec = 0;

	if (!take_digits(cursor, 2, &hour) || !take(cursor, ':') || !take_digits(cursor, 2, &minute))
		return false;
	if (take(cursor, ':') &&
		(!take_digits(cursor, 2, &second) || !take_fraction(cursor, digits, &usec)))
		return false;
	if (minute > 59 || second > 60)
		return false;
	*result = ((hour * INT64CONST(60) + minute) * 60 + second) * USECS_PER_SEC + usec;
	return hour < 24 || *result == USECS_PER_DAY;
}

/* Z, +hh, +hhmm or +hh:mm as seconds east; *given tells whether there is one. */
static bool
take_offset(Cursor *cursor, int *seconds, bool *given)
{
	bool negative;
	int hours;
	int minutes = 0;

	*seconds = 0;
	*given = cursor->s < cursor->end;
	if (!*given || take(cursor, 'Z') || take(cursor, 'z'))
		return true;
	negative = take(cursor, '-');
	if ((!negative && !take(cursor, '+')) || !take_digits(cursor, 2, &hours))
		return false;
	take(cursor, ':');
	if (cursor->s < cursor->end && !take_digits(cursor, 2, &minutes))
		return false;
	*seconds = (hours * 60 + minutes) * 60;
	if (negative)
		*seconds = -*seconds;
	return hours <= 15 && minutes <= 59;
}

/* ---- the other two spellings met: RFC 1123, and a clock of twelve hours ---- */

/* A month by its English name of three letters, from 1. */
static bool
take_month(Cursor *cursor, int *month)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	if (cursor->end - cursor->s < 3)
		return false;
	for (*month = 1; *month <= 12; (*month)++)
		if (pg_strncasecmp(cursor->s, names + 3 * (*month - 1), 3) == 0)
		{
			cursor->s += 3;
			return true;
		}
	return false;
}

/* One digit or two. */
static bool
take_short_number(Cursor *cursor, int *number)
{
	int count = cursor->end - cursor->s > 1 && is_digit(cursor->s[1]) ? 2 : 1;

	return take_digits(cursor, count, number);
}

/*
 * "Fri, 03 May 2024 14:05:09 GMT", with or without the day's name.  GMT or a
 * numeric offset has to be there.
 */
static bool
parse_rfc1123(Cursor *cursor, struct pg_tm *tm, int digits, int64 *usec, int *offset)
{
	const char *comma = memchr(cursor->s, ',', cursor->end - cursor->s);
	bool given;

	if (comma)
		cursor->s = comma + 1;
	take(cursor, ' ');
	if (!take_short_number(cursor, &tm->tm_mday) || !take(cursor, ' ') ||
		!take_month(cursor, &tm->tm_mon) || !take(cursor, ' ') ||
		!take_digits(cursor, 4, &tm->tm_year) || !take(cursor, ' ') ||
		!take_time(cursor, digits, usec) || !take(cursor, ' '))
		return false;
	if (tm->tm_year < 1 || tm->tm_mday < 1 ||
		tm->tm_mday > day_tab[isleap(tm->tm_year)][tm->tm_mon - 1])
		return false;
	*offset = 0;
	if (cursor->end - cursor->s == 3 &&
		(pg_strncasecmp(cursor->s, "GMT", 3) == 0 || pg_strncasecmp(cursor->s, "UTC", 3) == 0))
		return true;
	return take_offset(cursor, offset, &given) && given && cursor->s == cursor->end;
}

/* "6:00:00 PM" as microseconds of a day. */
static bool
parse_clock12(const char *text, int length, int digits, int64 *usec)
{
	char buf[32];
	Cursor cursor = {text, text + length};
	int hour;
	bool pm;

	if (length < 4 || length > 24 || pg_tolower((unsigned char) text[length - 1]) != 'm')
		return false;
	pm = pg_tolower((unsigned char) text[length - 2]) == 'p';
	if ((!pm && pg_tolower((unsigned char) text[length - 2]) != 'a') ||
		!take_short_number(&cursor, &hour) || hour < 1 || hour > 12)
		return false;
	cursor.end -= 2;
	while (cursor.end > cursor.s && cursor.end[-1] == ' ')
		cursor.end--;
	/* Read as the same time of a clock of 24 hours. */
	snprintf(buf, sizeof(buf), "%02d%.*s", hour % 12 + (pm ? 12 : 0), (int) (cursor.end - cursor.s),
			 cursor.s);
	cursor.s = buf;
	cursor.end = buf + strlen(buf);
	return take_time(&cursor, digits, usec) && cursor.s == cursor.end;
}

/* Seconds west of UTC that a zone had at a wall clock's time. */
static int
zone_offset(pg_tz *zone, struct pg_tm *tm, int64 usec)
{
	int seconds = (int) (usec / USECS_PER_SEC);

	tm->tm_hour = seconds / 3600;
	tm->tm_min = seconds / 60 % 60;
	tm->tm_sec = seconds % 60;
	tm->tm_isdst = -1;
	return DetermineTimeZoneOffset(tm, zone);
}

bool
mls_parse_timestamp(const char *text, int length, pg_tz *zone, bool local, int digits,
					Timestamp *result)
{
	Cursor cursor = {text, text + length};
	struct pg_tm tm = {0};
	int64 usec = 0;
	int offset = 0;
	bool given = false;

	if (!take_date(&cursor, &tm))
	{
		cursor.s = text;
		given = true;
		if (!parse_rfc1123(&cursor, &tm, digits, &usec, &offset))
			return false;
	}
	else if (cursor.s < cursor.end)
	{
		if (!take(&cursor, 'T') && !take(&cursor, ' ') && !take(&cursor, 't'))
			return false;
		if (!parse_clock12(cursor.s, cursor.end - cursor.s, digits, &usec) &&
			(!take_time(&cursor, digits, &usec) || !take_offset(&cursor, &offset, &given) ||
			 cursor.s != cursor.end))
			return false;
	}
	*result =
		(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY + usec;
	if (local)
		return true;
	if (!given && zone)
		offset = -zone_offset(zone, &tm, usec);
	*result -= offset * USECS_PER_SEC;
	return true;
}

bool
mls_parse_timestamptz(const char *text, int length, const char *timezone, TimestampTz *result)
{
	return mls_parse_timestamp(text, length, timezone ? pg_tzset(timezone) : NULL, false, 6,
							   result);
}

/* The day of a date or a date-time, as written. */
bool
mls_parse_date(const char *text, int length, int32 *result)
{
	Timestamp timestamp;
	Cursor cursor = {text, text + length};
	struct pg_tm tm = {0};

	if (length > 10 && !mls_parse_timestamp(text, length, NULL, true, 0, &timestamp))
		return false;
	if (!take_date(&cursor, &tm))
	{
		/* In another spelling, the day it has there. */
		*result = (int32) (timestamp / USECS_PER_DAY - (timestamp % USECS_PER_DAY < 0));
		return length > 10;
	}
	if (length <= 10 && cursor.s != cursor.end)
		return false;
	*result = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
	return true;
}

bool
mls_parse_time(const char *text, int length, int digits, int64 *result)
{
	Cursor cursor = {text, text + length};

	return take_time(&cursor, digits, result) && cursor.s == cursor.end && *result <= USECS_PER_DAY;
}
