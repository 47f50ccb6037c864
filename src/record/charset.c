/*
 * charset.c
 *		Bodies in another character set than UTF-8.
 *
 * JSON is UTF-8 by its standard, but a source may declare something else, and means
 * it.  The C library converts: PostgreSQL's own conversions live in its catalogue,
 * and pages are read while no transaction is open.
 */
#include "postgres.h"

#include <iconv.h>

#include "utils/memutils.h"

#include "record/slice.h"

/* No byte of a character set becomes more than four of UTF-8. */
#define GROWTH 4

#define SPARE_BYTES 17

/* A name as registered; what iconv would take for more than a name is none. */
static bool
is_plain_name(const char *name)
{
	return *name && strlen(name) < 40 &&
		   name[strspn(
			   name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")] == '\0';
}

/* What is no character of the set is replaced, byte by byte; returns how often. */
static int
convert(iconv_t tool, char *in, Size length, char **out)
{
	size_t left = length;
	int replaced = 0;

	while (left > 0)
	{
		size_t room = GROWTH * left;

		if (iconv(tool, &in, &left, out, &room) != (size_t) -1)
			continue;
		*out = mls_put_no_character(*out, (unsigned char) *in++);
		left--;
		replaced++;
	}
	return replaced;
}

int
mls_page_decode(char **body, Size *length, const char *charset)
{
	char *text;
	char *out;
	iconv_t tool;
	int replaced;

	if (!is_plain_name(charset))
		return -1;
	text = out = MemoryContextAllocHuge(CurrentMemoryContext, GROWTH * *length + SPARE_BYTES);
	tool = iconv_open("UTF-8", charset);
	if (tool == (iconv_t) -1)
		return -1;
	/* Nothing may raise an error while the converter is open. */
	replaced = convert(tool, *body, *length, &out);
	iconv_close(tool);
	memset(out, 0, SPARE_BYTES);
	*body = text;
	*length = out - text;
	return replaced;
}
