/*
 * oauth_request.c
 *		What is sent to the token endpoint: a form, and perhaps the header Authorization.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/base/encoding.h"
#include "serve/token/token.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

static void
refuse(ServeOAuthForm *form, int status, const char *error, const char *description)
{
	if (form->status)
		return;
	form->status = status;
	form->error = error;
	form->description = description;
}

static const char *
decode(ServeArena *arena, const char *text, size_t length, bool *good)
{
	char *decoded = serve_percent_decode(text, length, true);
	const char *copy = NULL;

	if (decoded)
		copy = serve_copy(arena, decoded);
	else
		*good = false;
	free(decoded);
	return copy;
}

bool
serve_basic_read(ServeArena *arena, const char *authorization, ServeOAuthForm *form)
{
	const char *coded;
	unsigned char *pair;
	size_t length;
	const char *colon = NULL;
	bool good = true;

	if (!authorization || strncasecmp(authorization, "Basic ", 6) != 0)
		return false;
	coded = authorization + 6 + strspn(authorization + 6, " ");
	if (strlen(coded) > 4096)
		return false;
	pair = serve_base64_decode(coded, strlen(coded), false, &length);
	if (pair && !memchr(pair, '\0', length))
		colon = strchr((const char *) pair, ':');
	if (colon)
	{
		size_t id_length = (size_t) (colon - (const char *) pair);
		const char *secret = colon + 1;
		size_t secret_length = strlen(secret);

		form->raw_client_id = serve_copy_bytes(arena, (const char *) pair, id_length);
		form->raw_client_secret = serve_copy_bytes(arena, secret, secret_length);
		/* The standard encodes both first; most clients do not. */
		form->client_id = decode(arena, (const char *) pair, id_length, &good);
		form->client_secret = decode(arena, secret, secret_length, &good);
		if (!good)
		{
			form->client_id = form->raw_client_id;
			form->client_secret = form->raw_client_secret;
		}
		if (strcmp(form->client_id, form->raw_client_id) == 0 &&
			strcmp(form->client_secret, form->raw_client_secret) == 0)
			form->raw_client_id = form->raw_client_secret = NULL;
		form->basic = true;
	}
	free(pair);
	return colon != NULL;
}

/* One "name=value" of the form. */
static void
read_pair(ServeArena *arena, const char *pair, size_t length, ServeOAuthForm *form)
{
	const char *equals = memchr(pair, '=', length);
	size_t name_length = equals ? (size_t) (equals - pair) : length;
	bool good = true;
	const char *name = decode(arena, pair, name_length, &good);
	const char *value = equals ? decode(arena, equals + 1, length - name_length - 1, &good) : "";
	struct
	{
		const char *name;
		const char **place;
	} known[] = {
		{"grant_type", &form->grant_type},
		{"scope", &form->scope},
		{"token", &form->token},
		{"client_id", &form->client_id},
		{"client_secret", &form->client_secret},
	};

	if (!good)
	{
		refuse(form, 400, "invalid_request", "the form is not well encoded");
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		if (strcmp(known[i].name, name) != 0)
			continue;
		if (*known[i].place)
			refuse(form, 400, "invalid_request", "a parameter is given twice");
		*known[i].place = value;
	}
}

void
serve_oauth_read(ServeArena *arena, const char *content_type, const char *authorization,
				 const char *body, size_t length, ServeOAuthForm *form)
{
	size_t type_length = content_type ? strcspn(content_type, "; ") : 0;
	ServeOAuthForm header = {0};

	memset(form, 0, sizeof(*form));
	if (type_length != strlen(FORM_TYPE) || strncasecmp(content_type, FORM_TYPE, type_length) != 0)
	{
		refuse(form, 400, "invalid_request", "the body has to be " FORM_TYPE);
		return;
	}
	if (memchr(body, '\0', length))
		refuse(form, 400, "invalid_request", "the form is not well encoded");
	for (size_t at = 0; at < length && !form->status;)
	{
		const char *end = memchr(body + at, '&', length - at);
		size_t pair = end ? (size_t) (end - body) - at : length - at;

		if (pair > 0)
			read_pair(arena, body + at, pair, form);
		at += pair + 1;
	}
	if (!authorization)
		return;
	form->basic = true;
	if (!serve_basic_read(arena, authorization, &header))
		refuse(form, 401, "invalid_client", "the header Authorization is not Basic");
	else if (form->client_secret ||
			 (form->client_id && strcmp(form->client_id, header.client_id) != 0))
		refuse(form, 400, "invalid_request", "there are credentials in the header and in the form");
	else
	{
		form->client_id = header.client_id;
		form->client_secret = header.client_secret;
		form->raw_client_id = header.raw_client_id;
		form->raw_client_secret = header.raw_client_secret;
	}
}
