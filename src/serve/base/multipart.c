/*
 * multipart.c
 *		Forms with files in them.
 *
 * The body is at hand whole, and files stay where they stand in it.  What is not as the standard
 * has it is no form: nothing is guessed about where a file ends.
 */
#include "serve/base/multipart.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/base/encoding.h"

#define TYPE "multipart/form-data"
#define LONGEST_BOUNDARY 70
#define LONGEST_HEAD 8192

bool
serve_is_multipart(const char *content_type)
{
	size_t length = strlen(TYPE);

	return content_type && strncasecmp(content_type, TYPE, length) == 0 &&
		   (content_type[length] == '\0' || strchr("; \t", content_type[length]));
}

/* Where the value of a parameter ends, x or "x". */
static const char *
behind_value(const char *at)
{
	if (*at != '"')
		return at + strcspn(at, "; \t");
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
	return *at ? at + 1 : at;
}

/* It without its quotes. */
static char *
plain_value(ServeArena *arena, const char *at, const char *behind)
{
	char *value = serve_copy_bytes(arena, at, (size_t) (behind - at));
	char *end = value;

	if (*at != '"')
		return value;
	for (at++; at < behind && *at != '"'; at++)
	{
		if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
		*end++ = *at;
	}
	*end = '\0';
	return value;
}

/* The value of a parameter behind a header's first word: name=x, name="x"; NULL: it has none. */
static char *
parameter(ServeArena *arena, const char *header, const char *name)
{
	size_t length = strlen(name);
	const char *at = header + strcspn(header, ";");

	while (*at == ';')
	{
		bool is_it;
		const char *start;

		at++;
		at += strspn(at, " \t");
		is_it = strncasecmp(at, name, length) == 0 && at[length] == '=';
		at += strcspn(at, "=;");
		if (*at != '=')
			continue;
		start = ++at;
		at = behind_value(at);
		if (is_it)
			return plain_value(arena, start, at);
		at += strcspn(at, ";");
	}
	return NULL;
}

/* A name in UTF-8, as filename*=UTF-8''... has it; NULL: it is none. */
static const char *
extended(ServeArena *arena, const char *value)
{
	char *decoded;
	const char *copy;

	if (!value || strncasecmp(value, "UTF-8'", 6) != 0 || !strchr(value + 6, '\''))
		return NULL;
	value = strchr(value + 6, '\'') + 1;
	decoded = serve_percent_decode(value, strlen(value), false);
	copy = decoded ? serve_copy(arena, decoded) : NULL;
	free(decoded);
	return copy;
}

/* Some programs send the whole path. */
static const char *
without_folders(const char *name)
{
	for (const char *c = name; *c; c++)
		if (*c == '/' || *c == '\\')
			name = c + 1;
	return name;
}

/* Reads the headers of a part; false: they do not say what it is. */
static bool
read_head(ServeArena *arena, char *head, ServePart *part)
{
	for (char *line = head, *next; line && *line; line = next)
	{
		const char *name;

		next = strstr(line, "\r\n");
		if (next)
		{
			*next = '\0';
			next += 2;
		}
		if (strncasecmp(line, "Content-Disposition:", 20) != 0)
			continue;
		if (strncasecmp(line + 20 + strspn(line + 20, " \t"), "form-data", 9) != 0)
			return false;
		part->name = parameter(arena, line, "name");
		name = extended(arena, parameter(arena, line, "filename*"));
		if (!name)
			name = parameter(arena, line, "filename");
		part->file_name = name ? without_folders(name) : NULL;
	}
	return part->name != NULL;
}

int
serve_multipart_read(ServeArena *arena, const char *content_type, const char *body, size_t length,
					 ServePart *parts, int most)
{
	const char *boundary =
		serve_is_multipart(content_type) ? parameter(arena, content_type, "boundary") : NULL;
	const char *end = body + length;
	const char *at;
	char *delimiter;
	size_t long_one;
	int n = 0;

	if (!boundary || !boundary[0] || strlen(boundary) > LONGEST_BOUNDARY || !body)
		return -1;
	delimiter = serve_printf(arena, "\r\n--%s", boundary);
	long_one = strlen(delimiter);
	/* The first stands at the beginning, or behind words that nobody reads. */
	if (length >= long_one - 2 && memcmp(body, delimiter + 2, long_one - 2) == 0)
		at = body + long_one - 2;
	else if ((at = memmem(body, length, delimiter, long_one)) != NULL)
		at += long_one;
	else
		return -1;
	for (;;)
	{
		const char *behind;
		const char *last;
		ServePart part = {0};

		if (end - at >= 2 && memcmp(at, "--", 2) == 0)
			return n;
		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if (end - at < 2 || memcmp(at, "\r\n", 2) != 0)
			return -1;
		behind = memmem(at, (size_t) (end - at), "\r\n\r\n", 4);
		if (!behind || behind - at > LONGEST_HEAD || n == most ||
			memchr(at, '\0', (size_t) (behind - at)))
			return -1;
		part.data = behind + 4;
		if (behind == at ||
			!read_head(arena, serve_copy_bytes(arena, at + 2, (size_t) (behind - at - 2)), &part))
			return -1;
		last = memmem(part.data, (size_t) (end - part.data), delimiter, long_one);
		if (!last)
			return -1;
		part.length = (size_t) (last - part.data);
		parts[n++] = part;
		at = last + long_one;
	}
}
