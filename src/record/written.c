/*
 * written.c
 *		Numbers and dates as people and their programs write them, made plain.
 */
#include "postgres.h"

#include <ctype.h>

#include "record/slice.h"
#include "record/written.h"

/* Longer texts are neither numbers nor dates. */
#define LONGEST 64

/* Digits of a whole number beyond which it is an identity rather than an amount. */
#define MOST_DIGITS 18

static const char *const names[] = {
	[MLS_WRITTEN_POINT] = "number 1,234.5", [MLS_WRITTEN_COMMA] = "number 1.234,5",
	[MLS_WRITTEN_YMD] = "date y/m/d",       [MLS_WRITTEN_DMY] = "date d/m/y",
	[MLS_WRITTEN_MDY] = "date m/d/y",       [MLS_WRITTEN_NAMED] = "date d mon y",
};

const char *
mls_written_name(MlsWritten written)
{
	return names[written];
}

MlsWritten
mls_written_named(const char *type)
{
	for (int i = MLS_WRITTEN_PLAIN + 1; type && i < lengthof(names); i++)
		if (strcmp(names[i], type) == 0)
			return i;
	return MLS_WRITTEN_PLAIN;
}

/* ---- pieces ---- */

typedef struct Text
{
	const char *s;
	const char *end;
} Text;

static bool
begins(const Text *text, const char *word)
{
	int length = strlen(word);

	return text->end - text->s >= length && memcmp(text->s, word, length) == 0;
}

static bool
ends(const Text *text, const char *word)
{
	int length = strlen(word);

	return text->end - text->s >= length && memcmp(text->end - length, word, length) == 0;
}

/* A blank, also the no-break, narrow and thin ones that programs put between digits. */
static const char *const blanks[] = {" ", "\t", "\xC2\xA0", "\xE2\x80\xAF", "\xE2\x80\x89"};

/* What parts thousands besides points and commas; a plain blank may part the words of an identity. */
static const char *const marks[] = {"\xC2\xA0", "\xE2\x80\xAF", "\xE2\x80\x89", "'",
									"\xE2\x80\x99"};

static const char *const currencies[] = {
	"$", "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5", "US$", "USD", "EUR", "GBP", "CHF", "CAD", "AUD"};

/* Which of them are the same: a bit behind MLS_SHOWS_CURRENCY for each. */
static const int currency_units[] = {0, 1, 2, 3, 0, 0, 1, 2, 4, 5, 6};

static bool
take_word(Text *text, const char *word)
{
	if (!begins(text, word))
		return false;
	text->s += strlen(word);
	return true;
}

static bool
drop_word(Text *text, const char *word)
{
	if (!ends(text, word))
		return false;
	text->end -= strlen(word);
	return true;
}

static bool
take_any(Text *text, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
		if (take_word(text, words[i]))
			return true;
	return false;
}

static bool
drop_any(Text *text, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
		if (drop_word(text, words[i]))
			return true;
	return false;
}

/* Takes a currency or a percent sign away, before or behind; the MLS_SHOWS_* of it, or 0. */
static int
take_unit(Text *text)
{
	for (int i = 0; i < lengthof(currencies); i++)
		if (take_word(text, currencies[i]))
			return MLS_SHOWS_CURRENCY << currency_units[i];
	for (int i = 0; i < lengthof(currencies); i++)
		if (drop_word(text, currencies[i]))
			return MLS_SHOWS_CURRENCY << currency_units[i];
	return drop_word(text, "%") ? MLS_SHOWS_PERCENT : 0;
}

static void
trim(Text *text)
{
	while (take_any(text, blanks, lengthof(blanks)))
		;
	while (drop_any(text, blanks, lengthof(blanks)))
		;
}

/* ---- numbers ---- */

typedef struct Number
{
	bool negative;
	bool decorated;
	int unit;    /* MLS_SHOWS_*; 0: none */
	Text digits; /* what is left: digits, what parts them, a fraction */
} Number;

/* Takes sign, currency and percent away, each once; false if what is left cannot be a number. */
static bool
undress(Text text, Number *number)
{
	int signs = 0;

	memset(number, 0, sizeof(*number));
	trim(&text);
	if (begins(&text, "(") && ends(&text, ")") && text.end - text.s > 2)
	{
		text.s++;
		text.end--;
		number->negative = number->decorated = true;
		signs++;
		trim(&text);
	}
	if (begins(&text, "-"))
	{
		text.s++;
		signs++;
		number->negative = true;
		trim(&text);
	}
	else if (ends(&text, "-"))
	{
		text.end--;
		signs++;
		number->negative = number->decorated = true;
		trim(&text);
	}
	number->unit = take_unit(&text);
	if (number->unit)
	{
		trim(&text);
		number->decorated = true;
		if (begins(&text, "-") && signs++ == 0)
		{
			text.s++;
			number->negative = true;
		}
	}
	number->digits = text;
	return signs <= 1 && text.s < text.end && isdigit((unsigned char) *text.s);
}

/*
 * Copies the digits of a number whose thousands and fraction are parted so; -1 if they are not.
 * *parted: it has a point or comma; *marked: something else stands between its thousands.
 */
static int
copy_digits(Text text, char group, char decimal, char *out, bool *parted, bool *marked)
{
	char *start = out;
	int run = 0;
	char used = 0; /* what parts the thousands: one sign all through */

	*parted = *marked = false;
	for (;;)
	{
		char mark = 0;

		for (; text.s < text.end && isdigit((unsigned char) *text.s); run++)
			*out++ = *text.s++;
		if (used && run != 3)
			return -1;
		if (text.s == text.end || *text.s == decimal)
			break;
		if (*text.s == group)
		{
			mark = group;
			text.s++;
			*parted = true;
		}
		else if (take_any(&text, marks, lengthof(marks)))
		{
			mark = ' ';
			*marked = true;
		}
		if (mark == 0 || (used && used != mark) || (!used && (run < 1 || run > 3)))
			return -1;
		used = mark;
		run = 0;
	}
	if (out == start)
		return -1;
	if (text.s < text.end)
	{
		text.s++;
		*parted = true;
		if (text.s == text.end)
			return -1;
		for (*out++ = '.'; text.s < text.end && isdigit((unsigned char) *text.s);)
			*out++ = *text.s++;
	}
	return text.s == text.end ? (int) (out - start) : -1;
}

/* Is a number that was copied one that nothing is lost of?  See mls_written_ways. */
static bool
is_amount(const char *digits, int length)
{
	int whole = 0;

	while (whole < length && digits[whole] != '.')
		whole++;
	return whole <= MOST_DIGITS && (whole == 1 || digits[0] != '0');
}

static int
plain_number(Text text, char group, char decimal, char *out)
{
	Number number;
	bool parted;
	bool marked;
	int length;

	if (!undress(text, &number))
		return -1;
	*out = '-';
	length = copy_digits(number.digits, group, decimal, out + number.negative, &parted, &marked);
	return length < 0 ? -1 : length + number.negative;
}

/* 12, -12.5, 1.5e3: as JSON has numbers. */
static int
plain_ways(Text text)
{
	const char *s = text.s + (*text.s == '-');
	const char *start = s;
	bool point = false;

	while (s < text.end && isdigit((unsigned char) *s))
		s++;
	if (!is_amount(start, s - start) || s == start)
		return 0;
	if (s < text.end && *s == '.')
	{
		start = ++s;
		point = true;
		while (s < text.end && isdigit((unsigned char) *s))
			s++;
		if (s == start)
			return 0;
	}
	/* 12E5 may be a number of a house or a part; 1.2E5 is none of these. */
	if (point && s < text.end && (*s == 'e' || *s == 'E'))
	{
		s++;
		if (s < text.end && (*s == '-' || *s == '+'))
			s++;
		start = s;
		while (s < text.end && isdigit((unsigned char) *s))
			s++;
		if (s == start || s - start > 3)
			return 0;
	}
	if (s < text.end)
		return 0;
	return point ? MLS_CAN_NUMBER : MLS_CAN_NUMBER | MLS_CAN_INTEGER;
}

static int
number_ways(Text text, int *shows)
{
	Number number;
	char digits[LONGEST + MLS_WRITTEN_ROOM];
	int ways = plain_ways(text);
	bool parted;
	bool marked;
	int length;

	if (!undress(text, &number))
		return ways;
	length = copy_digits(number.digits, ',', '.', digits, &parted, &marked);
	if (length >= 0 && is_amount(digits, length))
	{
		ways |= MLS_CAN_POINT;
		*shows |= number.unit | (parted ? MLS_SHOWS_PARTING : 0) |
				  (marked || number.decorated ? MLS_SHOWS_DECORATION : 0);
	}
	length = copy_digits(number.digits, '.', ',', digits, &parted, &marked);
	if (length >= 0 && is_amount(digits, length))
	{
		ways |= MLS_CAN_COMMA;
		*shows |= number.unit | (parted ? MLS_SHOWS_PARTING : 0) |
				  (marked || number.decorated ? MLS_SHOWS_DECORATION : 0);
	}
	return ways;
}

/* ---- dates ---- */

typedef struct Date
{
	int year;
	int month;
	int day;
	bool has_time;
	int hour;
	int minute;
	int second;
	Text fraction;
} Date;

/* From so many digits to so many. */
static bool
take_number(Text *text, int least, int most, int *number)
{
	int count = 0;

	for (*number = 0; count < most && text->s < text->end && isdigit((unsigned char) *text->s);
		 count++)
		*number = *number * 10 + (*text->s++ - '0');
	return count >= least && !(text->s < text->end && isdigit((unsigned char) *text->s));
}

static bool
take_char(Text *text, char c)
{
	if (text->s == text->end || *text->s != c)
		return false;
	text->s++;
	return true;
}

static bool
take_month(Text *text, int *month)
{
	static const char *const months[] = {"january",   "february", "march",    "april",
										 "may",       "june",     "july",     "august",
										 "september", "october",  "november", "december"};
	int length = 0;

	while (text->s + length < text->end && isalpha((unsigned char) text->s[length]))
		length++;
	for (*month = 1; *month <= lengthof(months); (*month)++)
	{
		const char *name = months[*month - 1];

		if ((length == 3 || length == strlen(name) || (*month == 9 && length == 4)) &&
			pg_strncasecmp(text->s, name, length) == 0)
		{
			text->s += length;
			return true;
		}
	}
	return false;
}

/* 14:05, 14:05:09.25, 2:05 PM; nothing is no time. */
static bool
take_time(Text *text, Date *date)
{
	bool is_pm;

	if (text->s == text->end)
		return true;
	take_char(text, ',');
	if (!take_any(text, blanks, lengthof(blanks)) && !take_char(text, 'T'))
		return false;
	while (take_any(text, blanks, lengthof(blanks)))
		;
	date->has_time = true;
	if (!take_number(text, 1, 2, &date->hour) || !take_char(text, ':') ||
		!take_number(text, 2, 2, &date->minute))
		return false;
	if (take_char(text, ':'))
	{
		if (!take_number(text, 2, 2, &date->second))
			return false;
		if (take_char(text, '.'))
		{
			date->fraction.s = text->s;
			while (text->s < text->end && isdigit((unsigned char) *text->s))
				text->s++;
			date->fraction.end = text->s;
			if (date->fraction.s == date->fraction.end)
				return false;
		}
	}
	while (take_any(text, blanks, lengthof(blanks)))
		;
	is_pm = begins(text, "PM") || begins(text, "pm") || begins(text, "p.m.");
	if (is_pm || begins(text, "AM") || begins(text, "am") || begins(text, "a.m."))
	{
		text->s += text->s[1] == '.' ? 4 : 2;
		if (date->hour < 1 || date->hour > 12)
			return false;
		date->hour = date->hour % 12 + (is_pm ? 12 : 0);
	}
	return text->s == text->end && date->hour <= 23 && date->minute <= 59 && date->second <= 59;
}

/* What parts the numbers of a date: one sign, twice. */
static bool
take_parting(Text *text, char *parting)
{
	if (text->s == text->end || !strchr("/.-", *text->s) || (*parting && *parting != *text->s))
		return false;
	*parting = *text->s++;
	return true;
}

static bool
take_numbers(Text *text, MlsWritten written, Date *date)
{
	bool year_first = written == MLS_WRITTEN_YMD;
	int *parts[3] = {&date->day, &date->month, &date->year};
	char parting = 0;

	if (year_first)
	{
		parts[0] = &date->year;
		parts[2] = &date->day;
	}
	else if (written == MLS_WRITTEN_MDY)
	{
		parts[0] = &date->month;
		parts[1] = &date->day;
	}
	for (int i = 0; i < 3; i++)
	{
		bool is_year = parts[i] == &date->year;

		if ((i > 0 && !take_parting(text, &parting)) ||
			!take_number(text, is_year ? 4 : 1, is_year ? 4 : 2, parts[i]))
			return false;
	}
	return true;
}

/* One blank, or what else may stand between the words of a date; a comma with its blank. */
static bool
take_gap(Text *text)
{
	bool any = take_char(text, ',') || take_char(text, '-');

	while (take_any(text, blanks, lengthof(blanks)))
		any = true;
	return any;
}

static bool
take_words(Text *text, Date *date)
{
	if (text->s < text->end && isalpha((unsigned char) *text->s))
		return take_month(text, &date->month) && take_gap(text) &&
			   take_number(text, 1, 2, &date->day) && take_gap(text) &&
			   take_number(text, 4, 4, &date->year);
	return take_number(text, 1, 2, &date->day) && take_gap(text) &&
		   take_month(text, &date->month) && take_gap(text) && take_number(text, 4, 4, &date->year);
}

/* A day that exists, with a time if there is one. */
static bool
read_date(Text text, MlsWritten written, Date *date)
{
	int32 day;
	char iso[16];

	memset(date, 0, sizeof(*date));
	trim(&text);
	if (!(written == MLS_WRITTEN_NAMED ? take_words(&text, date)
									   : take_numbers(&text, written, date)) ||
		!take_time(&text, date))
		return false;
	snprintf(iso, sizeof(iso), "%04d-%02d-%02d", date->year, date->month, date->day);
	return mls_parse_date(iso, strlen(iso), &day);
}

static int
plain_date(Text text, MlsWritten written, char *out)
{
	Date date;
	int length;

	if (!read_date(text, written, &date))
		return -1;
	length = sprintf(out, "%04d-%02d-%02d", date.year, date.month, date.day);
	if (date.has_time)
		length +=
			sprintf(out + length, "T%02d:%02d:%02d%s%.*s", date.hour, date.minute, date.second,
					date.fraction.s ? "." : "", (int) (date.fraction.end - date.fraction.s),
					date.fraction.s ? date.fraction.s : "");
	return length;
}

/* Dates that stand for none, as databases and spreadsheets write them. */
static bool
is_zero_date(Text text)
{
	static const char *const zeros[] = {"0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00",
										"00/00/0000", "1900-01-00"};

	for (int i = 0; i < lengthof(zeros); i++)
		if (text.end - text.s == strlen(zeros[i]) && begins(&text, zeros[i]))
			return true;
	return false;
}

static int
date_ways(Text text, int *shows)
{
	static const struct
	{
		MlsWritten written;
		int date;
		int time;
	} forms[] = {{MLS_WRITTEN_YMD, MLS_CAN_YMD, MLS_CAN_YMD_TIME},
				 {MLS_WRITTEN_DMY, MLS_CAN_DMY, MLS_CAN_DMY_TIME},
				 {MLS_WRITTEN_MDY, MLS_CAN_MDY, MLS_CAN_MDY_TIME},
				 {MLS_WRITTEN_NAMED, MLS_CAN_NAMED, MLS_CAN_NAMED_TIME}};
	Timestamp instant;
	int32 day;
	int ways = 0;

	if (is_zero_date(text))
	{
		*shows |= MLS_SHOWS_ZERO_DATE;
		return MLS_CAN_DATE | MLS_CAN_INSTANT | MLS_CAN_YMD | MLS_CAN_DMY | MLS_CAN_MDY |
			   MLS_CAN_NAMED | MLS_CAN_YMD_TIME | MLS_CAN_DMY_TIME | MLS_CAN_MDY_TIME |
			   MLS_CAN_NAMED_TIME;
	}
	if (text.end - text.s == 10 && text.s[4] == '-' &&
		mls_parse_date(text.s, text.end - text.s, &day))
		ways |= MLS_CAN_DATE;
	if (text.end - text.s >= 10 && text.s[4] == '-' &&
		mls_parse_timestamp(text.s, text.end - text.s, NULL, false, 6, &instant))
		ways |= MLS_CAN_INSTANT;
	for (int i = 0; i < lengthof(forms); i++)
	{
		Date date;

		if (!read_date(text, forms[i].written, &date))
			continue;
		ways |= forms[i].time | (date.has_time ? 0 : forms[i].date);
	}
	return ways;
}

/* ---- what a text can be ---- */

static bool
is_boolean(Text text, int *shows)
{
	static const char *const words[] = {"true", "false", "yes", "no"};
	int length = text.end - text.s;

	for (int i = 0; i < lengthof(words); i++)
		if (length == strlen(words[i]) && pg_strncasecmp(text.s, words[i], length) == 0)
			return true;
	if (length != 1 || !strchr("yYtTnNfF", *text.s))
		return false;
	*shows |= strchr("yYtT", *text.s) ? MLS_SHOWS_YES : MLS_SHOWS_NO;
	return true;
}

/*
 * What nearly all numbers and dates of files are is known without trying all ways: digits, digits
 * with a fraction that is no group of thousands, and days of ISO 8601.  0: it is none of these.
 */
static int
usual_ways(Text text, int *shows)
{
	const char *s = text.s + (text.s < text.end && *text.s == '-');
	const char *start = s;
	int whole;
	int32 day;

	while (s < text.end && isdigit((unsigned char) *s))
		s++;
	whole = s - start;
	if (whole == 0 || whole > MOST_DIGITS || (whole > 1 && *start == '0'))
		return 0;
	if (s == text.end)
		return MLS_CAN_INTEGER | MLS_CAN_NUMBER | MLS_CAN_POINT | MLS_CAN_COMMA;
	if (whole == 4 && start == text.s && text.end - text.s == 10 && *s == '-' && s[3] == '-' &&
		mls_parse_date(text.s, 10, &day))
		return MLS_CAN_DATE | MLS_CAN_INSTANT | MLS_CAN_YMD | MLS_CAN_YMD_TIME;
	if (*s++ != '.')
		return 0;
	for (start = s; s < text.end && isdigit((unsigned char) *s);)
		s++;
	if (s < text.end || s == start || (whole <= 3 && s - start == 3))
		return 0;
	*shows |= MLS_SHOWS_PARTING;
	return MLS_CAN_NUMBER | MLS_CAN_POINT;
}

int
mls_written_ways(const char *s, int length, int *shows)
{
	Text text = {s, s + length};
	int usual;

	if (length == 0 || length > LONGEST)
		return 0;
	usual = usual_ways(text, shows);
	if (usual)
		return usual;
	if (is_boolean(text, shows))
		return MLS_CAN_BOOLEAN;
	/* No number has a colon. */
	return (memchr(s, ':', length) ? 0 : number_ways(text, shows)) | date_ways(text, shows);
}

int
mls_written_plain(const char *s, int length, MlsWritten written, char *out)
{
	Text text = {s, s + length};

	if (length == 0 || length > LONGEST)
		return -1;
	switch (written)
	{
		case MLS_WRITTEN_POINT:
			return plain_number(text, ',', '.', out);
		case MLS_WRITTEN_COMMA:
			return plain_number(text, '.', ',', out);
		case MLS_WRITTEN_PLAIN:
			return -1;
		default:
			return plain_date(text, written, out);
	}
}
