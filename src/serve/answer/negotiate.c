/*
 * negotiate.c
 *		Which form an answer has: $format before the header Accept, and the parameters of JSON.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/answer/parts.h"
#include "serve/base/encoding.h"

/* One of several with commas between: "application/json;odata.metadata=none;q=0.5". */
typedef struct Range
{
	const char *type;
	size_t type_length;
	double q;
	ServeMetadataLevel level;
	bool ieee754;
	bool usable; /* of its parameters none asks for what we do not have */
} Range;

static bool
same(const char *text, size_t length, const char *word)
{
	return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

/* The next part up to a separator that stands in no quotes; trims it. */
static const char *
next_part(const char **at, char separator, size_t *length)
{
	const char *from = *at + strspn(*at, " \t");
	const char *end = from;
	bool quoted = false;

	while (*end && (quoted || *end != separator))
	{
		if (*end == '"')
			quoted = !quoted;
		end++;
	}
	*at = *end ? end + 1 : end;
	while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*length = (size_t) (end - from);
	return from;
}

static void
read_parameter(const char *text, size_t length, Range *range)
{
	const char *equals = memchr(text, '=', length);
	size_t name = equals ? (size_t) (equals - text) : length;
	const char *value = equals ? equals + 1 : "";
	size_t value_length = equals ? length - name - 1 : 0;

	if (value_length >= 2 && value[0] == '"')
	{
		value++;
		value_length -= 2;
	}
	if (same(text, name, "q"))
		range->q = strtod(value, NULL);
	else if (same(text, name, "odata.metadata") || same(text, name, "metadata"))
	{
		if (same(value, value_length, "none"))
			range->level = SERVE_LEVEL_NONE;
		else if (same(value, value_length, "minimal"))
			range->level = SERVE_LEVEL_MINIMAL;
		else if (same(value, value_length, "full"))
			range->level = SERVE_LEVEL_FULL;
		else
			range->usable = false;
	}
	else if (same(text, name, "IEEE754Compatible"))
	{
		range->ieee754 = same(value, value_length, "true");
		if (!range->ieee754 && !same(value, value_length, "false"))
			range->usable = false;
	}
	else if (same(text, name, "charset") && !same(value, value_length, "utf-8") &&
			 !same(value, value_length, "us-ascii"))
		range->usable = false;
}

static void
read_range(const char *text, size_t length, ServeArena *arena, Range *range)
{
	const char *copy = serve_copy_bytes(arena, text, length);
	bool first = true;

	*range = (Range){.q = 1, .level = SERVE_LEVEL_MINIMAL, .usable = true};
	while (*copy || first)
	{
		size_t part_length;
		const char *part = next_part(&copy, ';', &part_length);

		if (first)
		{
			range->type = part;
			range->type_length = part_length;
		}
		else if (part_length > 0)
			read_parameter(part, part_length, range);
		first = false;
	}
}

/* The value of $format in a query, decoded; NULL if there is none. */
static const char *
format_of(ServeArena *arena, const char *query)
{
	const char *found = NULL;

	for (const char *at = query; at && *at;)
	{
		size_t length = strcspn(at, "&");
		const char *equals = memchr(at, '=', length);
		char *name = serve_percent_decode(at, equals ? (size_t) (equals - at) : length, false);

		if (name && !found && (strcasecmp(name, "$format") == 0 || strcasecmp(name, "format") == 0))
		{
			char *value = serve_percent_decode(
				equals ? equals + 1 : "", equals ? length - (size_t) (equals + 1 - at) : 0, false);

			found = serve_copy(arena, value ? value : "");
			free(value);
		}
		free(name);
		at += length;
		at += *at == '&';
	}
	return found;
}

bool
serve_negotiate(ServeArena *arena, const char *accept, const char *query, ServeForm *form,
				const char **target)
{
	const char *format = format_of(arena, query);
	const char *at = format ? format : accept;
	double json_q = 0;
	double xml_q = 0;
	bool any = false;

	memset(form, 0, sizeof(*form));
	form->level = SERVE_LEVEL_MINIMAL;
	*target = format ? "$format" : "Accept";
	if (!format && (!accept || accept[strspn(accept, " \t,")] == '\0'))
	{
		form->xml = form->text = true;
		form->json = true;
		return true;
	}
	while (*at)
	{
		size_t length;
		const char *part = next_part(&at, format ? '\0' : ',', &length);
		Range range;

		if (length == 0)
			continue;
		read_range(part, length, arena, &range);
		if (!range.usable || !(range.q > 0))
			continue;
		if (format && same(range.type, range.type_length, "json"))
			range.type = "application/json", range.type_length = strlen(range.type);
		else if (format && same(range.type, range.type_length, "xml"))
			range.type = "application/xml", range.type_length = strlen(range.type);
		if (same(range.type, range.type_length, "*/*") ||
			same(range.type, range.type_length, "application/*"))
		{
			any = true;
			form->text = form->text || range.type[0] == '*';
		}
		else if (same(range.type, range.type_length, "application/json"))
		{
			/* Who reads JSON reads a number, too. */
			form->text = true;
			if (range.q > json_q)
			{
				json_q = range.q;
				form->level = range.level;
				form->ieee754 = range.ieee754;
			}
		}
		else if (same(range.type, range.type_length, "application/xml") ||
				 same(range.type, range.type_length, "text/xml"))
			xml_q = range.q > xml_q ? range.q : xml_q;
		else if (same(range.type, range.type_length, "text/plain") ||
				 same(range.type, range.type_length, "text/*"))
			form->text = true;
	}
	form->json = any || json_q > 0;
	/* JSON only for who prefers it: most who ask for metadata read XML alone. */
	form->xml = (any && json_q == 0) || (xml_q > 0 && xml_q >= json_q);
	return form->json || form->xml || form->text;
}

const char *
serve_json_type(const ServeForm *form)
{
	static const char *const types[] = {
		"application/json;odata.metadata=none",
		"application/json;odata.metadata=minimal",
		"application/json;odata.metadata=full",
		"application/json;odata.metadata=none;IEEE754Compatible=true",
		"application/json;odata.metadata=minimal;IEEE754Compatible=true",
		"application/json;odata.metadata=full;IEEE754Compatible=true",
	};

	return types[(int) form->level + (form->ieee754 ? 3 : 0)];
}

int64_t
serve_preferred_page(const char *prefer)
{
	while (prefer && *prefer)
	{
		size_t length;
		const char *part = next_part(&prefer, ',', &length);
		const char *equals = memchr(part, '=', length);
		size_t name = equals ? (size_t) (equals - part) : length;

		while (name > 0 && (part[name - 1] == ' ' || part[name - 1] == '\t'))
			name--;
		if (equals && (same(part, name, "odata.maxpagesize") || same(part, name, "maxpagesize")))
		{
			const char *value = equals + 1 + strspn(equals + 1, " \t\"");
			long long wanted = strtoll(value, NULL, 10);

			return wanted > 0 ? wanted : 0;
		}
	}
	return 0;
}
