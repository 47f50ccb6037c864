/*
 * jwt.c
 *		Tokens: JSON Web Tokens, signed with HMAC-SHA-256 or with RSA.
 *
 * Which algorithm and which key is ours to say, before anything of a token is believed.  A
 * header can choose among our keys by name and nothing else; the algorithm is the key's, and a
 * header that says another one is refused, as are keys that a token brings along.
 */
#include <json-c/json.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "serve/base/encoding.h"
#include "serve/base/settings.h"
#include "serve/token/signing_keys.h"
#include "serve/token/token.h"

#define MAX_TOKEN 8192
#define MAX_DEPTH 8
#define SKEW 30                          /* seconds that clocks may differ */
#define YEAR_10000 INT64_C(253402300800) /* its first second; no calendar here goes on */

static char *
in_arena(ServeArena *arena, ServeBytes *bytes)
{
	char *text = serve_copy_bytes(arena, bytes->data, bytes->length);

	serve_bytes_free(bytes);
	return text;
}

/* Members of an object's JSON, behind a comma if there are any. */
static void
add_members(ServeBytes *out, const char *object)
{
	size_t length = object ? strlen(object) : 0;

	if (length <= 2)
		return;
	serve_bytes_text(out, ",");
	serve_bytes_add(out, object + 1, length - 2);
}

static void
write_head(ServeBytes *head, const char *kid, const char *algorithm)
{
	serve_bytes_format(head, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":", algorithm);
	serve_bytes_json_text(head, kid);
	serve_bytes_text(head, "}");
}

static bool
write_body(ServeBytes *out, const ServeTokenContent *content, int64_t now)
{
	ServeBytes body = {0};
	unsigned char random[16];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return false;
	serve_bytes_text(&body, "{\"iss\":");
	serve_bytes_json_text(&body, serve_settings.issuer);
	serve_bytes_text(&body, ",\"aud\":");
	serve_bytes_json_text(&body, serve_settings.audience);
	serve_bytes_text(&body, ",\"sub\":");
	serve_bytes_json_text(&body, content->consumer);
	serve_bytes_text(&body, ",\"client_id\":");
	serve_bytes_json_text(&body, content->client_id);
	serve_bytes_text(&body, ",\"role\":");
	serve_bytes_json_text(&body, content->role);
	serve_bytes_format(&body, ",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld,\"ver\":%lld,\"jti\":\"",
					   (long long) now, (long long) now,
					   (long long) now + serve_settings.token_seconds,
					   (long long) content->version);
	serve_base64url(&body, random, sizeof(random));
	serve_bytes_text(&body, "\",\"scope\":");
	serve_bytes_json_text(&body, content->scope);
	add_members(&body, content->claims);
	serve_bytes_text(&body, "}");
	serve_base64url(out, body.data, body.length);
	serve_bytes_free(&body);
	return true;
}

/* NULL if keys were changed meanwhile, or none could be used. */
static char *
issue(ServeArena *arena, const ServeTokenContent *content, int64_t now)
{
	ServeBytes head = {0};
	ServeBytes token = {0};
	ServeSignature signature;
	char kid[SERVE_MAX_KID + 1];
	const char *algorithm;

	if (!serve_keys_signer(kid, &algorithm))
		return NULL;
	write_head(&head, kid, algorithm);
	serve_base64url(&token, head.data, head.length);
	serve_bytes_free(&head);
	serve_bytes_text(&token, ".");
	if (!write_body(&token, content, now) ||
		!serve_keys_sign(token.data, token.length, kid, algorithm, &signature))
	{
		serve_bytes_free(&token);
		return NULL;
	}
	serve_bytes_text(&token, ".");
	serve_base64url(&token, signature.bytes, signature.length);
	return in_arena(arena, &token);
}

char *
serve_token_issue(ServeArena *arena, const ServeTokenContent *content, int64_t now)
{
	char *token = issue(arena, content, now);

	return token ? token : issue(arena, content, now);
}

/* An object out of a part of a token; NULL if it is none. */
static struct json_object *
read_part(const char *text, size_t length)
{
	size_t decoded_length;
	unsigned char *decoded = serve_base64_decode(text, length, true, &decoded_length);
	struct json_tokener *tokener;
	struct json_object *object = NULL;

	if (!decoded)
		return NULL;
	tokener = json_tokener_new_ex(MAX_DEPTH);
	if (tokener && !memchr(decoded, '\0', decoded_length))
	{
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
		object = json_tokener_parse_ex(tokener, (const char *) decoded, (int) decoded_length + 1);
		if (object && !json_object_is_type(object, json_type_object))
		{
			json_object_put(object);
			object = NULL;
		}
	}
	if (tokener)
		json_tokener_free(tokener);
	free(decoded);
	return object;
}

static const char *
text_of(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) ||
		!json_object_is_type(value, json_type_string) ||
		strlen(json_object_get_string(value)) != (size_t) json_object_get_string_len(value))
		return NULL;
	return json_object_get_string(value);
}

/* A time in such parts of a second; false if it is there and is none, or later than 9999. */
static bool
time_of(struct json_object *object, const char *name, int64_t parts, int64_t *time)
{
	struct json_object *value;
	int64_t end = YEAR_10000 * parts;

	*time = -1;
	if (!json_object_object_get_ex(object, name, &value))
		return true;
	if (json_object_is_type(value, json_type_int))
		*time = json_object_get_int64(value);
	else if (json_object_is_type(value, json_type_double))
	{
		double number = json_object_get_double(value);

		if (!(number >= 0 && number < (double) end))
			return false;
		*time = (int64_t) number;
	}
	return *time >= 0 && *time < end;
}

static bool
audience_is_ours(struct json_object *payload)
{
	struct json_object *value;

	if (!json_object_object_get_ex(payload, "aud", &value))
		return false;
	if (json_object_is_type(value, json_type_string))
		return strcmp(json_object_get_string(value), serve_settings.audience) == 0;
	if (!json_object_is_type(value, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(value); i++)
	{
		struct json_object *one = json_object_array_get_idx(value, i);

		if (json_object_is_type(one, json_type_string) &&
			strcmp(json_object_get_string(one), serve_settings.audience) == 0)
			return true;
	}
	return false;
}

/* Whether header and signature are right. */
static bool
signature_is_ours(const char *text, const char *first, const char *second, const char *end)
{
	struct json_object *head = read_part(text, (size_t) (first - text));
	struct json_object *unused;
	unsigned char *signature;
	size_t signature_length;
	const char *algorithm;
	bool good = false;

	if (!head)
		return false;
	algorithm = text_of(head, "alg");
	signature =
		serve_base64_decode(second + 1, (size_t) (end - second - 1), true, &signature_length);
	if (signature && algorithm && !json_object_object_get_ex(head, "crit", &unused) &&
		(!json_object_object_get_ex(head, "kid", &unused) || text_of(head, "kid")))
		good = serve_keys_verify(text_of(head, "kid"), algorithm, text, (size_t) (second - text),
								 signature, signature_length);
	free(signature);
	json_object_put(head);
	return good;
}

static const char *
check_payload(ServeArena *arena, struct json_object *payload, int64_t now, ServeToken *token)
{
	int64_t not_before;
	struct json_object *scope;
	const char *issuer = text_of(payload, "iss");
	const char *client_id = text_of(payload, "client_id");
	const char *role = text_of(payload, "role");
	const char *jti = text_of(payload, "jti");

	if (!time_of(payload, "exp", 1, &token->expires) || !time_of(payload, "nbf", 1, &not_before) ||
		!time_of(payload, "iat", 1, &token->issued) ||
		!time_of(payload, "ver", 1000000, &token->version) || token->expires < 0 ||
		token->issued < 0)
		return "the token does not say when it holds";
	if (now >= token->expires + SKEW)
		return "the token has expired";
	if (not_before > now + SKEW || token->issued > now + SKEW)
		return "the token is not valid yet";
	if (!issuer || strcmp(issuer, serve_settings.issuer) != 0)
		return "the token was issued elsewhere";
	if (!audience_is_ours(payload))
		return "the token is for somebody else";
	if (!client_id || !role || !jti)
		return "the token does not say whose it is";
	/* Made elsewhere with our key: it is as old as it says. */
	if (token->version < 0)
		token->version = token->issued * 1000000;
	token->client_id = serve_copy(arena, client_id);
	token->role = serve_copy(arena, role);
	token->jti = serve_copy(arena, jti);
	/* Made elsewhere with our key: it is for all that its consumer may read. */
	token->scope = NULL;
	if (json_object_object_get_ex(payload, "scope", &scope))
	{
		if (!text_of(payload, "scope"))
			return "the token does not say what it is for";
		token->scope = serve_copy(arena, text_of(payload, "scope"));
	}
	return NULL;
}

bool
serve_token_check(ServeArena *arena, const char *text, size_t length, int64_t now,
				  ServeToken *token, const char **reason)
{
	const char *end = text + length;
	const char *first = memchr(text, '.', length);
	const char *second = first ? memchr(first + 1, '.', (size_t) (end - first - 1)) : NULL;
	struct json_object *payload;

	memset(token, 0, sizeof(*token));
	*reason = "the token is not valid";
	if (length > MAX_TOKEN || !second || memchr(second + 1, '.', (size_t) (end - second - 1)))
		return false;
	if (!signature_is_ours(text, first, second, end))
		return false;
	payload = read_part(first + 1, (size_t) (second - first - 1));
	if (!payload)
		return false;
	*reason = check_payload(arena, payload, now, token);
	json_object_put(payload);
	return *reason == NULL;
}
