/*
 * oauth_answer.c
 *		The token endpoint and its neighbours: OAuth 2.0's client credentials (RFC 6749),
 *		revocation (RFC 7009), introspection (RFC 7662), what describes them (RFC 8414), and
 *		the public keys (RFC 7517).
 *
 * Their errors are OAuth's, not OData's.
 */
#include <string.h>

#include "serve/answer/parts.h"
#include "serve/base/moment.h"
#include "serve/base/serve_log.h"
#include "serve/base/settings.h"

#define REVOKE_TIMEOUT_MS 10000
#define JWKS_PATH ".well-known/jwks.json"

static bool
is_path(const ServeCall *call, const char *path)
{
	return strcmp(call->path, path) == 0;
}

static void
fail_oauth(ServeCall *call, int status, const char *error, const char *description)
{
	ServeBytes body = {0};

	serve_bytes_text(&body, "{\"error\":");
	serve_bytes_json_text(&body, error);
	serve_bytes_text(&body, ",\"error_description\":");
	serve_bytes_json_text(&body, description);
	serve_bytes_text(&body, "}");
	if (status == 401)
		serve_reply_header(
			call, "WWW-Authenticate",
			serve_printf(call->arena, "Basic realm=\"%s\"", serve_settings.audience));
	serve_reply_body(call, status, "application/json", &body);
}

bool
serve_oauth_begin(ServeCall *call, bool *complete)
{
	ServeOAuthForm *form = &call->credentials;
	bool token = is_path(call, "/oauth/token");
	int wait;

	if (!token && !is_path(call, "/oauth/revoke") && !is_path(call, "/oauth/introspect"))
		return false;
	*complete = true;
	if (!serve_keys_present())
		return false;
	call->oauth = true;
	if (strcmp(call->method, "POST") != 0)
	{
		fail_oauth(call, 405, "invalid_request", "the method has to be POST");
		serve_reply_header(call, "Allow", "POST, OPTIONS");
		return true;
	}
	serve_oauth_read(call->arena, call->headers.content_type, call->headers.authorization,
					 call->body.data ? call->body.data : "", call->body.length, form);
	if (call->query)
		fail_oauth(call, 400, "invalid_request",
				   "parameters stand in the body, not in the address");
	else if (form->status)
		fail_oauth(call, form->status, form->error, form->description);
	else if (token && !form->grant_type)
		fail_oauth(call, 400, "invalid_request", "grant_type is missing");
	else if (token && strcmp(form->grant_type, "client_credentials") != 0)
		fail_oauth(call, 400, "unsupported_grant_type", "grant_type has to be client_credentials");
	else if (!form->client_id || !form->client_secret)
		fail_oauth(call, 401, "invalid_client", "there are no credentials");
	else if (!token && !form->token)
		fail_oauth(call, 400, "invalid_request", "token is missing");
	else
	{
		wait = serve_slowdown(call->address, form->client_id);
		*complete = wait > 0;
		if (wait > 0)
		{
			fail_oauth(call, 429, "temporarily_unavailable", "too many failed attempts");
			serve_reply_header(call, "Retry-After", serve_printf(call->arena, "%d", wait));
		}
	}
	/* Those who have yet to say who they are have a share of the database of their own. */
	call->job.who = "oauth";
	return true;
}

static bool
is_resource(const void *model, const char *name)
{
	return serve_resource(model, name) != NULL;
}

static void
answer_token(ServeCall *call)
{
	int64_t now = serve_calendar_ms() / 1000;
	ServeTokenContent content = {.client_id = call->consumer.client_id,
								 .consumer = call->consumer.name,
								 .role = call->consumer.role,
								 .claims = call->consumer.claims,
								 .version = call->consumer.not_before};
	ServeRole *role = serve_role_acquire(call->consumer.role);
	ServeBytes body = {0};
	char *token;

	if (!role)
	{
		fail_oauth(call, 400, "unauthorized_client", "nothing is served to this consumer");
		return;
	}
	content.scope = serve_scope_grant(call->arena, call->credentials.scope, call->consumer.scope,
									  is_resource, role->model);
	serve_role_release(role);
	if (!content.scope)
	{
		fail_oauth(call, 400, "invalid_scope",
				   "a scope is api, or names of resources that you may read");
		return;
	}
	token = serve_token_issue(call->arena, &content, now);
	if (!token)
	{
		fail_oauth(call, 500, "server_error", "no token could be made");
		return;
	}
	serve_bytes_text(&body, "{\"access_token\":");
	serve_bytes_json_text(&body, token);
	serve_bytes_format(&body, ",\"token_type\":\"Bearer\",\"expires_in\":%d,\"scope\":",
					   serve_settings.token_seconds);
	serve_bytes_json_text(&body, content.scope);
	serve_bytes_text(&body, "}");
	serve_reply_body(call, 200, "application/json", &body);
}

/* A token of the one who asks; those of others are as good as unknown. */
static bool
own_token(ServeCall *call, ServeToken *token)
{
	const char *reason;

	return serve_token_check(call->arena, call->credentials.token, strlen(call->credentials.token),
							 serve_calendar_ms() / 1000, token, &reason) &&
		   strcmp(token->client_id, call->consumer.client_id) == 0;
}

static void
answer_introspection(ServeCall *call)
{
	ServeBytes body = {0};
	ServeToken token;

	if (!own_token(call, &token) || serve_is_revoked(token.jti) ||
		token.version < call->consumer.not_before || strcmp(token.role, call->consumer.role) != 0)
		serve_bytes_text(&body, "{\"active\":false}");
	else
	{
		serve_bytes_text(&body, "{\"active\":true,\"token_type\":\"Bearer\",\"client_id\":");
		serve_bytes_json_text(&body, token.client_id);
		serve_bytes_text(&body, ",\"sub\":");
		serve_bytes_json_text(&body, call->consumer.name);
		serve_bytes_text(&body, ",\"iss\":");
		serve_bytes_json_text(&body, serve_settings.issuer);
		serve_bytes_text(&body, ",\"aud\":");
		serve_bytes_json_text(&body, serve_settings.audience);
		serve_bytes_format(&body, ",\"iat\":%lld,\"exp\":%lld,\"jti\":", (long long) token.issued,
						   (long long) token.expires);
		serve_bytes_json_text(&body, token.jti);
		serve_bytes_text(&body, ",\"scope\":");
		serve_bytes_json_text(&body, token.scope ? token.scope : SERVE_SCOPE_ALL);
		serve_bytes_text(&body, "}");
	}
	serve_reply_body(call, 200, "application/json", &body);
}

static void
answer_revocation(ServeCall *call, ServeConnection *connection)
{
	ServeToken token;
	ServeBytes body = {0};
	ServeTrouble trouble;
	ServeResult *result;
	const char *params[2];
	ServeTurn turn = {.timeout_ms = REVOKE_TIMEOUT_MS,
					  .writes = true,
					  .nquestions = 1,
					  .questions = {{.sql = "SELECT mls.serve_revoke($1, to_timestamp($2))",
									 .nparams = 2,
									 .params = params}}};

	/* One that is unknown holds no more, which is what was asked for. */
	if (own_token(call, &token))
	{
		params[0] = token.jti;
		params[1] = serve_printf(call->arena, "%lld", (long long) token.expires + 60);
		serve_revoke(token.jti, token.expires + 60);
		if (serve_turn(connection, &turn, &result, &trouble))
			serve_result_free(result);
		else
		{
			/* Here it is taken back, but a restart would forget it. */
			serve_log(SERVE_LOG_WARNING, "a revoked token could not be written down: SQLSTATE %s",
					  trouble.sqlstate);
			fail_oauth(call, 503, "temporarily_unavailable", "try again");
			serve_reply_header(call, "Retry-After", "2");
			return;
		}
	}
	serve_bytes_text(&body, "{}");
	serve_reply_body(call, 200, "application/json", &body);
}

void
serve_oauth_run(ServeCall *call, ServeConnection *connection)
{
	bool found;

	if (!connection || !serve_ask_login(call, connection, &found))
	{
		serve_reply_clear(call);
		fail_oauth(call, 503, "temporarily_unavailable", "the database is not to be reached");
		serve_reply_header(call, "Retry-After", "2");
	}
	else if (!found)
		fail_oauth(call, 401, "invalid_client", "client id or secret is not right");
	else if (is_path(call, "/oauth/token"))
		answer_token(call);
	else if (is_path(call, "/oauth/introspect"))
		answer_introspection(call);
	else
		answer_revocation(call, connection);
}

static void
answer_description(ServeCall *call)
{
	static const struct
	{
		const char *name;
		const char *path;
	} endpoints[] = {{"token_endpoint", "oauth/token"},
					 {"revocation_endpoint", "oauth/revoke"},
					 {"introspection_endpoint", "oauth/introspect"}};
	ServeBytes body = {0};
	ServeBytes keys = {0};

	serve_bytes_text(&body, "{\"issuer\":");
	serve_bytes_json_text(&body, serve_settings.issuer);
	for (int i = 0; i < 3; i++)
	{
		serve_bytes_format(&body, ",\"%s\":", endpoints[i].name);
		serve_bytes_json_text(
			&body, serve_printf(call->arena, "%s%s", serve_settings.public_url, endpoints[i].path));
		serve_bytes_format(&body,
						   ",\"%s_auth_methods_supported\":"
						   "[\"client_secret_basic\",\"client_secret_post\"]",
						   endpoints[i].name);
	}
	if (serve_keys_public(&keys))
	{
		serve_bytes_text(&body, ",\"jwks_uri\":");
		serve_bytes_json_text(
			&body, serve_printf(call->arena, "%s%s", serve_settings.public_url, JWKS_PATH));
	}
	serve_bytes_free(&keys);
	serve_bytes_text(&body, ",\"grant_types_supported\":[\"client_credentials\"],"
							"\"response_types_supported\":[],"
							"\"scopes_supported\":[\"" SERVE_SCOPE_ALL "\"]}");
	serve_reply_body(call, 200, "application/json", &body);
	call->reply.tagged = true;
}

/* Without RSA keys there is nothing to tell. */
static void
answer_keys(ServeCall *call)
{
	ServeBytes body = {0};

	if (serve_keys_public(&body))
	{
		serve_reply_body(call, 200, "application/json", &body);
		call->reply.tagged = true;
		return;
	}
	serve_bytes_free(&body);
	serve_fail_odata(call, 404, "NotFound", "there are no public keys", NULL);
}

/* With the path of the service behind it, as the standard has it, or without. */
static bool
is_well_known(const char *path, const char *name)
{
	const char *root = serve_settings.root_path;
	size_t root_length = strlen(root) - 1;
	size_t length = strlen(name);

	/* Below the root as well: many put the name behind the issuer. */
	if (strncmp(path, root, root_length) == 0 && strcmp(path + root_length, name) == 0)
		return true;
	return strncmp(path, name, length) == 0 &&
		   (path[length] == '\0' ||
			(strncmp(path + length, root, root_length) == 0 && !path[length + root_length]));
}

bool
serve_oauth_well_known(ServeCall *call, const char *path)
{
	bool description = is_well_known(path, "/.well-known/oauth-authorization-server");

	if ((!description && !is_well_known(path, "/" JWKS_PATH)) || !serve_keys_present())
		return false;
	if (strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0)
	{
		serve_fail_odata(call, 405, "MethodNotAllowed", "this is only read", NULL);
		serve_reply_header(call, "Allow", "GET, HEAD, OPTIONS");
	}
	else if (description)
		answer_description(call);
	else
		answer_keys(call);
	return true;
}
