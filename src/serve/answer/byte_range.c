/*
 * byte_range.c
 *		Which bytes of a file a header Range asks for (RFC 9110).
 *
 * One range is answered.  Several could only be sent as a document of parts, which viewers of
 * pictures and films do not ask for: they get the whole, as whatever is not understood does.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "serve/answer/parts.h"

/* A number of at most 18 digits; -1 if there is none. */
static int64_t
read_number(const char **at)
{
	int64_t number = 0;
	int digits = 0;

	while (isdigit((unsigned char) **at))
	{
		if (++digits > 18)
			return -1;
		number = number * 10 + (*(*at)++ - '0');
	}
	return digits > 0 ? number : -1;
}

ServeRange
serve_range(const char *header, int64_t length, int64_t *first, int64_t *count)
{
	const char *at;
	int64_t from;
	int64_t last;

	*first = 0;
	*count = length;
	if (!header || strncasecmp(header, "bytes=", 6) != 0)
		return SERVE_RANGE_WHOLE;
	at = header + 6;
	at += strspn(at, " \t");
	from = read_number(&at);
	if (*at++ != '-')
		return SERVE_RANGE_WHOLE;
	last = read_number(&at);
	at += strspn(at, " \t");
	if (*at != '\0' || (from < 0 && last < 0) || (from >= 0 && last >= 0 && last < from))
		return SERVE_RANGE_WHOLE;
	if (from < 0)
	{
		/* The last so many. */
		if (last == 0 || length == 0)
			return SERVE_RANGE_NOWHERE;
		*count = last < length ? last : length;
		*first = length - *count;
		return SERVE_RANGE_PART;
	}
	if (from >= length)
		return SERVE_RANGE_NOWHERE;
	*first = from;
	*count = (last < 0 || last >= length ? length - 1 : last) - from + 1;
	return SERVE_RANGE_PART;
}
