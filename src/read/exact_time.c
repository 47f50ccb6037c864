/*
 * exact_time.c
 *		Timestamps of a source, compared with all the digits it sent.
 *
 * Sources send up to seven digits (and more) of a second's fraction, and
 * timestamptz keeps six.  A cursor rounded up skips records, so the text stays
 * the cursor and comparisons look at the digits beyond the sixth as well.
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/datetime.h"

#include "read/batch.h"

/* False if text is no date-time.  The instant points into text. */
bool
mls_instant_read(const char *text, const char *timezone, MlsInstant *instant)
{
	const char *digit;
	const char *end;

	if (!mls_parse_timestamptz(text, strlen(text), timezone, &instant->at))
		return false;

	instant->rest = "";
	instant->rest_length = 0;
	digit = strchr(text, '.');
	if (digit == NULL)
		return true;

	for (end = ++digit; isdigit((unsigned char) *end); end++)
		;
	while (end > digit && end[-1] == '0')
		end--;
	if (end - digit > 6)
	{
		instant->rest = digit + 6;
		instant->rest_length = end - digit - 6;
	}
	return true;
}

/* As strcmp: digits after the point compare like text. */
int
mls_instant_compare(const MlsInstant *a, const MlsInstant *b)
{
	int order;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	order = memcmp(a->rest, b->rest, Min(a->rest_length, b->rest_length));
	return order != 0 ? order : a->rest_length - b->rest_length;
}

/* ISO 8601 in UTC with at most so many digits of a second's fraction, rounded down. */
char *
mls_instant_text(TimestampTz at, int digits)
{
	struct pg_tm tm;
	fsec_t fraction;
	StringInfoData text;

	if (timestamp2tm(at, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("timestamp out of range"));

	initStringInfo(&text);
	appendStringInfo(&text, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year, tm.tm_mon, tm.tm_mday,
					 tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (digits > 0)
	{
		char all[8];

		snprintf(all, sizeof(all), "%06d", (int) fraction);
		appendStringInfo(&text, ".%.*s", Min(digits, 6), all);
	}
	appendStringInfoChar(&text, 'Z');
	return text.data;
}
