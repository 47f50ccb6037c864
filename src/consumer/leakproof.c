/*
 * leakproof.c
 *		LIKE that tells nothing of what it does not match.
 *
 * Behind row security only what is leakproof comes before the policies and may use an
 * index.  PostgreSQL's own LIKE is not: a pattern that ends in a backslash raises an
 * error at some values and not at others.  This one raises none.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "consumer/consumer.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(mls_text_like_sql);
PG_FUNCTION_INFO_V1(mls_text_not_like_sql);

/* Bytes of the character at `at`, no more than there are. */
static int
character(const char *at, const char *end)
{
	return Min(pg_utf_mblen((const unsigned char *) at), (int) (end - at));
}

/*
 * % stands for any characters, _ for one, what follows \ for itself; a \ at the end too.
 * What fails behind a % is tried again one character later; an earlier % need not be.
 */
static bool
is_like(const char *text, const char *text_end, const char *pattern, const char *pattern_end)
{
	const char *retry_text = NULL;
	const char *retry_pattern = NULL;

	while (text < text_end || pattern < pattern_end)
	{
		if (pattern < pattern_end && *pattern == '%')
		{
			retry_pattern = ++pattern;
			retry_text = text;
			continue;
		}
		if (pattern < pattern_end && text < text_end)
		{
			const char *literal = pattern;

			if (*pattern == '_')
			{
				text += character(text, text_end);
				pattern++;
				continue;
			}
			if (*literal == '\\' && literal + 1 < pattern_end)
				literal++;
			if (*literal == *text)
			{
				pattern = literal + 1;
				text++;
				continue;
			}
		}
		if (retry_text == NULL || retry_text >= text_end)
			return false;
		retry_text += character(retry_text, text_end);
		text = retry_text;
		pattern = retry_pattern;
	}
	return true;
}

static bool
like(FunctionCallInfo fcinfo)
{
	text *string = PG_GETARG_TEXT_PP(0);
	text *pattern = PG_GETARG_TEXT_PP(1);
	const char *start = VARDATA_ANY(string);
	const char *pattern_start = VARDATA_ANY(pattern);

	return is_like(start, start + VARSIZE_ANY_EXHDR(string), pattern_start,
				   pattern_start + VARSIZE_ANY_EXHDR(pattern));
}

Datum
mls_text_like_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(like(fcinfo));
}

Datum
mls_text_not_like_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!like(fcinfo));
}
