/*
 * fuzz_token.c
 *		A fuzz target: what a stranger sends to be believed, and what operators write for it.
 *
 * The first letter of an input says what the rest is:
 *
 *	t	a token as it comes
 *	p	what a token says, signed with our key
 *	o	a request for a token: content type, header Authorization and body, a line each
 *	s	scopes: what is asked for, and what is allowed, a line each
 *	c	claims of a consumer, and behind a newline its limits
 *	k	a file of keys
 *	f	a form with files: its content type in a line, then its body
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/base/encoding.h"
#include "serve/base/multipart.h"
#include "serve/base/settings.h"
#include "serve/token/signing_keys.h"
#include "serve/token/token.h"

#define NOW 1800000000
#define KEYS "one 0123456789abcdef0123456789abcdef\ntwo fedcba9876543210fedcba9876543210\n"
#define HEAD "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"one\"}"

static char key_file[] = "/tmp/mls_serve_keys.XXXXXX";

static void
require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "it does not hold that %s\n", what);
	abort();
}

static void
write_keys(const char *text, size_t length)
{
	FILE *file = fopen(key_file, "w");

	require(file != NULL && fwrite(text, 1, length, file) == length, "a file of keys is written");
	fclose(file);
}

static void
remove_keys(void)
{
	unlink(key_file);
}

static void
start(void)
{
	char problem[256];
	int file = mkstemp(key_file);

	require(file >= 0, "there is a file for keys");
	close(file);
	atexit(remove_keys);
	chmod(key_file, 0600);
	write_keys(KEYS, strlen(KEYS));
	serve_settings.issuer = "https://example.org/odata";
	serve_settings.audience = "https://example.org/odata";
	serve_settings.public_url = "https://example.org/odata/";
	serve_settings.token_seconds = 600;
	require(serve_keys_read(key_file, problem, sizeof(problem)), "the keys are read");
}

/* The next line, ended by NUL; the last has all that is left. */
static char *
next_line(char **rest, bool last)
{
	char *line = *rest;
	char *end = last ? NULL : strchr(line, '\n');

	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

static void
check_token(ServeArena *arena, const char *text, size_t length, bool signed_by_us)
{
	ServeToken token = {0};
	const char *reason = NULL;

	if (!serve_token_check(arena, text, length, NOW, &token, &reason))
	{
		require(reason != NULL && *reason != '\0', "a refusal has a reason");
		for (const char *c = reason; *c; c++)
			require(*c >= ' ' && *c < 127 && *c != '"', "a reason fits into a header");
		return;
	}
	require(signed_by_us, "a token that we have not signed is refused");
	require(token.client_id && token.jti && token.role, "a token says whose it is");
	require(token.expires > NOW - 60, "a token is of now");
}

static void
sign_and_check(ServeArena *arena, const char *payload, size_t length)
{
	ServeBytes token = {0};
	ServeSignature signature;

	serve_base64url(&token, HEAD, strlen(HEAD));
	serve_bytes_text(&token, ".");
	serve_base64url(&token, payload, length);
	require(serve_keys_sign(token.data, token.length, "one", "HS256", &signature), "we can sign");
	serve_bytes_text(&token, ".");
	serve_base64url(&token, signature.bytes, signature.length);
	check_token(arena, token.data, token.length, true);
	serve_bytes_free(&token);
}

static void
check_form(ServeArena *arena, char *rest, size_t length)
{
	char *begin = rest;
	char *type = next_line(&rest, false);
	char *authorization = next_line(&rest, false);
	ServeOAuthForm form;

	memset(&form, 0, sizeof(form));
	serve_oauth_read(arena, *type ? type : NULL, *authorization ? authorization : NULL, rest,
					 length - (size_t) (rest - begin), &form);
	require(form.status == 0 || (form.status >= 400 && form.status < 500 && form.error),
			"a request is well formed, or refused with an error of OAuth");
	memset(&form, 0, sizeof(form));
	if (serve_basic_read(arena, authorization, &form))
		require(form.client_id && form.client_secret, "who is named has a secret");
}

static bool
is_known(const void *context, const char *resource)
{
	return strcmp(resource, "Property") == 0 || strcmp(resource, "Media") == 0;
}

static void
check_scopes(ServeArena *arena, char *rest)
{
	char *wanted = next_line(&rest, false);
	char *allowed = next_line(&rest, true);
	const char *granted = serve_scope_grant(arena, *wanted ? wanted : NULL,
											*allowed ? allowed : NULL, is_known, NULL);
	const char *narrow =
		serve_scope_narrow(arena, *wanted ? wanted : NULL, *allowed ? allowed : NULL);
	static const char *const resources[] = {"Property", "Media", "Office"};

	for (int i = 0; i < 3; i++)
	{
		bool by_both = serve_scope_covers(*wanted ? wanted : NULL, resources[i]) &&
					   serve_scope_covers(*allowed ? allowed : NULL, resources[i]);

		require(serve_scope_covers(narrow, resources[i]) == by_both, "a scope is what is in both");
		if (granted && *allowed)
			require(!serve_scope_covers(granted, resources[i]) ||
						serve_scope_covers(allowed, resources[i]),
					"no more is granted than is allowed");
	}
}

static void
check_claims(ServeArena *arena, char *rest)
{
	static const char *const ours[] = {"role", "sub", "iss", "aud", "exp", "client_id", "scope"};
	char *text = next_line(&rest, false);
	char *claims = serve_claims_clean(text);
	char *scope = serve_claims_scope(text);
	ServeRates rates = serve_rates_read(rest);
	ServeConsumer consumer = {
		.client_id = "c", .name = "n", .role = "r", .claims = claims, .scope = scope};
	struct json_object *object = json_tokener_parse(claims);
	struct json_object *whole =
		json_tokener_parse(serve_claims_text(arena, &consumer, NULL, scope));
	struct json_object *role;

	require(json_object_is_type(object, json_type_object), "claims are an object");
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		require(!json_object_object_get_ex(object, ours[i], NULL), "claims have nothing of ours");
	require(json_object_object_get_ex(whole, "role", &role) &&
				strcmp(json_object_get_string(role), "r") == 0,
			"the role is that of the consumer");
	require(rates.per_second >= 0 && rates.per_day >= 0 && rates.concurrency >= 0 &&
				rates.page_rows >= 0,
			"limits are none, or numbers");
	json_object_put(whole);
	json_object_put(object);
	free(claims);
	free(scope);
}

static void
check_keys(const char *text, size_t length)
{
	static ServeKeyring ring;
	char problem[256] = "";

	write_keys(text, length);
	if (serve_key_file_read(key_file, &ring, problem, sizeof(problem)))
	{
		require(ring.n >= 1 && ring.n <= SERVE_MAX_KEYS, "there are as many keys as there may be");
		for (int i = 0; i < ring.n; i++)
			require(ring.keys[i].rsa || ring.keys[i].length >= SERVE_MIN_SECRET,
					"a secret cannot be guessed");
	}
	else
		require(problem[0] != '\0', "what is wrong with a file is said");
	serve_keyring_forget(&ring);
}

/* The body in memory of its own, so that a byte beyond it is noticed. */
static void
check_files(ServeArena *arena, char *rest, size_t length)
{
	char *begin = rest;
	char *type = next_line(&rest, false);
	size_t body_length = length - (size_t) (rest - begin);
	char *body = malloc(body_length ? body_length : 1);
	ServePart parts[4];
	int n;

	memcpy(body, rest, body_length);
	n = serve_multipart_read(arena, type, body, body_length, parts, 4);
	require(n >= -1 && n <= 4, "there are as many parts as there may be");
	for (int i = 0; i < n; i++)
	{
		require(parts[i].name != NULL, "a part has a name");
		require(parts[i].data >= body && parts[i].data + parts[i].length <= body + body_length,
				"a part stands in the body");
		require(!parts[i].file_name || !strpbrk(parts[i].file_name, "/\\"),
				"a file is in no folder");
	}
	free(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	ServeArena *arena;
	char *text;

	if (serve_settings.issuer == NULL)
		start();
	if (length == 0)
		return 0;
	arena = serve_arena_new();
	text = serve_copy_bytes(arena, (const char *) bytes + 1, length - 1);
	length--;
	switch (bytes[0])
	{
		case 't':
			check_token(arena, text, length, false);
			break;
		case 'p':
			sign_and_check(arena, text, length);
			break;
		case 'o':
			check_form(arena, text, length);
			break;
		case 's':
			check_scopes(arena, text);
			break;
		case 'c':
			check_claims(arena, text);
			break;
		case 'k':
			check_keys(text, length);
			break;
		case 'f':
			check_files(arena, text, length);
			break;
	}
	serve_arena_free(arena);
	return 0;
}
