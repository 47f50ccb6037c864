/*
 * token_scope.c
 *		Scopes: what of the resources that his role reads a consumer, or one token, is for.
 *
 * A scope narrows and never widens: the role's grants and policies hold beneath it.
 */
#include <string.h>

#include "serve/token/token.h"

/* The word that begins at *at or behind it, and its length; NULL: none. */
static const char *
next_word(const char **at, size_t *length)
{
	const char *word = *at + strspn(*at, " ");

	*length = strcspn(word, " ");
	*at = word + *length;
	return *length > 0 ? word : NULL;
}

static bool
has_word(const char *scope, const char *wanted, size_t wanted_length)
{
	const char *word;
	size_t length;

	while ((word = next_word(&scope, &length)) != NULL)
		if (length == wanted_length && memcmp(word, wanted, length) == 0)
			return true;
	return false;
}

bool
serve_scope_covers(const char *scope, const char *resource)
{
	return !scope || has_word(scope, SERVE_SCOPE_ALL, strlen(SERVE_SCOPE_ALL)) ||
		   has_word(scope, resource, strlen(resource));
}

const char *
serve_scope_narrow(ServeArena *arena, const char *wanted, const char *allowed)
{
	const char *both = "";
	const char *word;
	size_t length;

	if (!allowed || has_word(allowed, SERVE_SCOPE_ALL, strlen(SERVE_SCOPE_ALL)))
		return wanted;
	if (!wanted || has_word(wanted, SERVE_SCOPE_ALL, strlen(SERVE_SCOPE_ALL)))
		return allowed;
	while ((word = next_word(&wanted, &length)) != NULL)
		if (has_word(allowed, word, length) && !has_word(both, word, length))
			both = serve_printf(arena, "%s%s%.*s", both, *both ? " " : "", (int) length, word);
	return both;
}

const char *
serve_scope_grant(ServeArena *arena, const char *requested, const char *allowed,
				  bool (*is_known)(const void *context, const char *resource), const void *context)
{
	const char *at = requested ? requested : "";
	const char *granted = NULL;
	const char *word;
	size_t length;

	while ((word = next_word(&at, &length)) != NULL)
	{
		const char *name = serve_copy_bytes(arena, word, length);

		/* "odata" is what clients of other servers ask for, and means the same. */
		if (strcmp(name, SERVE_SCOPE_ALL) == 0 || strcmp(name, "odata") == 0)
			granted = SERVE_SCOPE_ALL;
		else if (!serve_scope_covers(allowed, name) || !is_known(context, name))
			return NULL;
		else if (!granted || !serve_scope_covers(granted, name))
			granted = granted ? serve_printf(arena, "%s %s", granted, name) : name;
	}
	granted = serve_scope_narrow(arena, granted, allowed);
	return granted ? granted : SERVE_SCOPE_ALL;
}
