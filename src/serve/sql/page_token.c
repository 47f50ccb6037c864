/*
 * page_token.c
 *		$skiptoken, as base64url of
 *
 *		1;hash;left;total;page;now;value value ... ;checksum
 *
 * where a value is "-" for null, or its length, a colon and its bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "serve/base/encoding.h"
#include "serve/sql/page_token.h"

#define VERSION '1'
#define CHECKSUM_LENGTH 16

uint64_t
serve_hash(uint64_t hash, const char *text)
{
	/* With the NUL behind it, so that "a","b" is another than "ab","". */
	do
	{
		hash ^= (unsigned char) *text;
		hash *= UINT64_C(1099511628211);
	} while (*text++);
	return hash;
}

const char *
serve_write_token(ServeArena *arena, const ServePageToken *token)
{
	ServeText text;
	ServeBytes out = {0};
	const char *copy;

	serve_text_init(&text, arena);
	serve_text_printf(&text, "%c;%016" PRIx64 ";%" PRId64 ";%" PRId64 ";%" PRId64 ";%" PRId64 ";",
					  VERSION, token->request, token->left, token->total, token->page_rows,
					  token->now);
	for (int i = 0; i < token->ncursor; i++)
	{
		if (token->cursor[i] == NULL)
			serve_text_add_char(&text, '-');
		else
			serve_text_printf(&text, "%zu:%s", strlen(token->cursor[i]), token->cursor[i]);
	}
	serve_text_printf(&text, ";%016" PRIx64, serve_hash(SERVE_HASH_START, text.data));
	serve_base64url(&out, text.data, text.length);
	copy = serve_copy_bytes(arena, out.data, out.length);
	serve_bytes_free(&out);
	return copy;
}

/* ---- Reading ---- */

static void
bad_token(ServeReader *reader)
{
	serve_fail(reader, 400, "BadSkipToken", "$skiptoken", "$skiptoken is none of this request's");
}

/* A number and the semicolon behind it. */
static int64_t
take_number(ServeReader *reader, const char **s)
{
	char *end;
	int64_t number;

	if (strspn(*s, "-0123456789") == 0)
		bad_token(reader);
	errno = 0;
	number = strtoll(*s, &end, 10);
	if (errno != 0 || *end != ';' || number < -1)
		bad_token(reader);
	*s = end + 1;
	return number;
}

static const char *
take_value(ServeReader *reader, const char **s, const char *end)
{
	char *colon;
	const char *value;
	unsigned long long length;

	if (*s < end && **s == '-')
	{
		(*s)++;
		return NULL;
	}
	if (strspn(*s, "0123456789") == 0)
		bad_token(reader);
	length = strtoull(*s, &colon, 10);
	if (*colon != ':' || colon >= end || length > (size_t) (end - colon - 1))
		bad_token(reader);
	value = serve_copy_bytes(reader->arena, colon + 1, (size_t) length);
	*s = colon + 1 + length;
	return value;
}

void
serve_read_token(ServeReader *reader, const char *text, uint64_t request, int ncursor,
				 ServePageToken *token)
{
	size_t length;
	unsigned char *theirs = serve_base64_decode(text, strlen(text), true, &length);
	const char **cursor = serve_alloc_array(reader->arena, (size_t) ncursor, sizeof(const char *));
	char *copy;
	const char *s;
	const char *end;
	char *after;

	if (theirs == NULL)
		bad_token(reader);
	copy = serve_copy_bytes(reader->arena, (char *) theirs, length);
	free(theirs);
	if (strlen(copy) != length || length < CHECKSUM_LENGTH + 2 || copy[1] != ';')
		bad_token(reader);
	if (*copy >= '0' && *copy <= '9' && *copy != VERSION)
		serve_fail(reader, 410, "ExpiredSkipToken", "$skiptoken",
				   "$skiptoken is of another version of this service: begin anew");
	end = copy + length - CHECKSUM_LENGTH - 1;
	if (*copy != VERSION || *end != ';')
		bad_token(reader);
	s = serve_printf(
		reader->arena, "%016" PRIx64,
		serve_hash(SERVE_HASH_START, serve_copy_bytes(reader->arena, copy, (size_t) (end - copy))));
	if (strcmp(s, end + 1) != 0)
		bad_token(reader);
	s = copy + 2;
	token->request = strtoull(s, &after, 16);
	if (*after != ';' || token->request != request)
		bad_token(reader);
	s = after + 1;
	token->left = take_number(reader, &s);
	token->total = take_number(reader, &s);
	token->page_rows = take_number(reader, &s);
	token->now = take_number(reader, &s);
	for (int i = 0; i < ncursor; i++)
		cursor[i] = take_value(reader, &s, end);
	/* Not before 1970, and of the years that can be written. */
	if (s != end || token->page_rows < 1 || token->now < 0 ||
		token->now >= INT64_C(253402300800000000))
		bad_token(reader);
	token->ncursor = ncursor;
	token->cursor = cursor;
}
