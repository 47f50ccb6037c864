/*
 * address.c
 *		Path and query: taken apart first, decoded then, once; and put together for links.
 *
 * "%2F" in a key is data, so is "%26" in a filter.  Names of system options are taken with
 * their "$" or without, in any case; options of others are ignored.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/base/encoding.h"
#include "serve/odata/lexer.h"

void
serve_fail(ServeReader *reader, int status, const char *code, const char *target,
		   const char *format, ...)
{
	ServeText text;
	char buffer[512];
	va_list args;
	int length;

	serve_text_init(&text, reader->arena);
	va_start(args, format);
	length = vsnprintf(buffer, sizeof(buffer), format, args);
	va_end(args);
	/* A name of the client's that was cut must not end within a character. */
	if (length >= (int) sizeof(buffer))
	{
		length = sizeof(buffer) - 1;
		while (length > 0 && ((unsigned char) buffer[length - 1] & 0xC0) == 0x80)
			length--;
		if (length > 0 && (unsigned char) buffer[length - 1] >= 0xC0)
			length--;
	}
	serve_text_add_bytes(&text, buffer, length > 0 ? (size_t) length : 0);
	reader->error->status = status;
	reader->error->code = code;
	reader->error->message = text.data;
	reader->error->target = target ? target : reader->target;
	longjmp(reader->end, 1);
}

/* ---- Decoding ---- */

/* Bytes of the UTF-8 character at a place; 0 if there is none. */
static size_t
character_length(const unsigned char *s)
{
	size_t length = s[0] < 0x80   ? 1
					: s[0] < 0xC2 ? 0
					: s[0] < 0xE0 ? 2
					: s[0] < 0xF0 ? 3
					: s[0] < 0xF5 ? 4
								  : 0;

	for (size_t i = 1; i < length; i++)
	{
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	}
	/* Too long for what it says, half of a pair, or beyond the last character. */
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
		(s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	return length;
}

static bool
is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *) text;

	while (*s)
	{
		size_t length = character_length(s);

		if (length == 0)
			return false;
		s += length;
	}
	return true;
}

static const char *
decode(ServeReader *reader, const char *text, size_t length, bool plus_is_blank)
{
	char *theirs = serve_percent_decode(text, length, plus_is_blank);
	char *ours;

	if (theirs == NULL)
		serve_fail(reader, 400, "BadEncoding", NULL,
				   "%% must be followed by two hexadecimal digits, and not by 00");
	ours = serve_copy(reader->arena, theirs);
	free(theirs);
	if (!is_utf8(ours))
		serve_fail(reader, 400, "BadEncoding", NULL, "the address is not UTF-8");
	return ours;
}

/* ---- The path ---- */

static void
read_segment(ServeReader *reader, const char *text, size_t length, ServeSegment *segment)
{
	const char *decoded = decode(reader, text, length, false);
	const char *open = strchr(decoded, '(');
	size_t decoded_length = strlen(decoded);

	if (open == NULL)
	{
		segment->name = decoded;
		return;
	}
	if (decoded[decoded_length - 1] != ')')
		serve_fail(reader, 400, "BadKey", NULL, "a key predicate ends with a parenthesis");
	segment->name = serve_copy_bytes(reader->arena, decoded, (size_t) (open - decoded));
	segment->key = serve_copy_bytes(reader->arena, open + 1, strlen(open + 1) - 1);
}

static void
read_path(ServeReader *reader, const char *path, ServeAddress *address)
{
	size_t count = 1;

	if (*path == '/')
		path++;
	for (const char *c = path; *c; c++)
		count += *c == '/';
	address->segments = serve_alloc_array(reader->arena, count, sizeof(ServeSegment));
	reader->target = "path";
	while (*path)
	{
		size_t length = strcspn(path, "/");

		if (length == 0)
			serve_fail(reader, 400, "BadPath", NULL, "a segment of the path is empty");
		read_segment(reader, path, length, &address->segments[address->nsegments++]);
		path += length;
		/* One at the end is no segment. */
		if (*path == '/')
			path++;
	}
}

/* ---- The query ---- */

/* Those of OData, and those that we do not have. */
static const struct
{
	const char *name;
	bool offered;
	bool only_with_dollar;
} system_options[] = {
	{"$filter", true, false},      {"$select", true, false},        {"$expand", true, false},
	{"$orderby", true, false},     {"$top", true, false},           {"$skip", true, false},
	{"$count", true, false},       {"$format", true, false},        {"$skiptoken", true, false},
	{"$search", false, false},     {"$apply", false, false},        {"$compute", false, false},
	{"$deltatoken", false, false}, {"$schemaversion", false, true}, {"$levels", false, true},
	{"$id", false, true},          {"$index", false, true}};

static const char *
system_name(ServeReader *reader, const char *name)
{
	const char *word = *name == '$' ? name + 1 : name;

	for (size_t i = 0; i < sizeof(system_options) / sizeof(system_options[0]); i++)
	{
		if (strcasecmp(word, system_options[i].name + 1) != 0 ||
			(system_options[i].only_with_dollar && *name != '$'))
			continue;
		if (!system_options[i].offered)
			serve_fail(reader, 501, "NotImplemented", system_options[i].name,
					   "option %s is not offered", system_options[i].name);
		return system_options[i].name;
	}
	if (*name == '$')
		serve_fail(reader, 400, "UnknownOption", serve_copy(reader->arena, name),
				   "there is no option of this name");
	return NULL;
}

const ServePair *
serve_pair(const ServePair *pairs, int npairs, const char *name)
{
	for (int i = 0; i < npairs; i++)
	{
		if (strcmp(pairs[i].name, name) == 0)
			return &pairs[i];
	}
	return NULL;
}

/* One option, of a query or within $expand; ignored if it is none of OData's. */
void
serve_add_option(ServeReader *reader, const char *name, const char *value, ServePair *pairs,
				 int *npairs)
{
	const char *known = system_name(reader, name);

	if (known == NULL)
		return;
	if (serve_pair(pairs, *npairs, known))
		serve_fail(reader, 400, "OptionTwice", known, "option %s is given twice", known);
	if (strlen(value) > SERVE_MAX_TEXT)
		serve_fail(reader, 413, "QueryTooComplex", known, "option %s is longer than %d bytes",
				   known, SERVE_MAX_TEXT);
	pairs[(*npairs)++] = (ServePair){known, value};
}

static void
read_query(ServeReader *reader, const char *query, ServeAddress *address)
{
	size_t count = 1;

	for (const char *c = query; *c; c++)
		count += *c == '&';
	address->options = serve_alloc_array(reader->arena, count, sizeof(ServePair));
	reader->aliases = serve_alloc_array(reader->arena, count, sizeof(ServePair));
	reader->target = "query";
	while (*query)
	{
		size_t length = strcspn(query, "&");
		size_t name_length = strcspn(query, "=&");
		const char *name = decode(reader, query, name_length, true);
		const char *value = name_length < length ? decode(reader, query + name_length + 1,
														  length - name_length - 1, true)
												 : "";

		query += length + (query[length] == '&');
		if (*name == '@')
		{
			if (serve_pair(reader->aliases, reader->naliases, name))
				serve_fail(reader, 400, "OptionTwice", name, "a parameter alias is given twice");
			reader->aliases[reader->naliases++] = (ServePair){name, value};
		}
		else
			serve_add_option(reader, name, value, address->options, &address->noptions);
	}
}

ServeAddress *
serve_read_address(ServeReader *reader, const char *path, const char *query)
{
	ServeAddress *address = serve_alloc(reader->arena, sizeof(ServeAddress));

	read_path(reader, path, address);
	if (query)
		read_query(reader, query, address);
	reader->target = NULL;
	return address;
}

/* ---- Putting together ---- */

static const char *
encode(ServeArena *arena, const char *text, const char *plain)
{
	ServeText out;

	serve_text_init(&out, arena);
	for (; *text; text++)
	{
		unsigned char c = (unsigned char) *text;

		if (c < 0x80 && (isalnum(c) || strchr(plain, c)))
			serve_text_add_char(&out, (char) c);
		else
			serve_text_printf(&out, "%%%02X", c);
	}
	return out.data;
}

const char *
serve_encode(ServeArena *arena, const char *text)
{
	return encode(arena, text, "-._~$(),;:'*=@!/");
}

const char *
serve_encode_segment(ServeArena *arena, const char *text)
{
	return encode(arena, text, "-._~$(),;:'*=@!");
}

static bool
is_word(char c)
{
	return isalnum((unsigned char) c) || c == '_' || ((unsigned char) c & 0x80);
}

const char *
serve_shape(ServeArena *arena, const char *text)
{
	ServeText out;
	char before = ' ';

	serve_text_init(&out, arena);
	while (*text)
	{
		if (*text == '\'')
		{
			/* A doubled quote begins another literal right behind: one "?" is enough. */
			while (*text == '\'')
			{
				text++;
				text += strcspn(text, "'");
				text += *text == '\'';
			}
		}
		else if (!is_word(before) && before != '$' && isdigit((unsigned char) *text))
		{
			while (is_word(*text) || *text == '.' || *text == ':' || *text == '-')
				text++;
		}
		else
		{
			before = *text++;
			serve_text_add_char(&out, before);
			continue;
		}
		/* A list has as many values as it likes. */
		if (out.length >= 2 && memcmp(out.data + out.length - 2, "?,", 2) == 0)
			out.data[--out.length] = '\0';
		else
			serve_text_add_char(&out, '?');
		before = '?';
	}
	return out.data;
}
