/*
 * caller.c
 *		Who asks: a token, client id and secret where that is allowed, or nobody in particular;
 *		and whether he may ask now.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/answer/parts.h"
#include "serve/base/counters.h"
#include "serve/base/moment.h"
#include "serve/base/serve_log.h"
#include "serve/base/settings.h"

#define LOGIN_TIMEOUT_MS 10000

/* 401, with the way to get in. */
static bool
fail_unauthorized(ServeCall *call, const char *error, const char *message)
{
	serve_count(refused_tokens, 1);
	serve_fail_odata(call, 401, "Unauthorized", message, NULL);
	serve_reply_header(
		call, "WWW-Authenticate",
		error ? serve_printf(call->arena,
							 "Bearer realm=\"%s\", error=\"%s\", error_description=\"%s\"",
							 serve_settings.audience, error, message)
			  : serve_printf(call->arena, "Bearer realm=\"%s\"", serve_settings.audience));
	if (serve_settings.basic)
		serve_reply_header(call, "WWW-Authenticate",
						   serve_printf(call->arena, "Basic realm=\"%s\", charset=\"UTF-8\"",
										serve_settings.audience));
	return false;
}

void
serve_fail_scope(ServeCall *call, const char *message, const char *resource)
{
	bool plain = true;

	serve_fail_odata(call, 403, "InsufficientScope", message, resource);
	/* Scopes of OAuth are ASCII, names of resources need not be. */
	for (const char *c = resource; *c; c++)
		plain = plain && *c > ' ' && *c < 127 && *c != '"' && *c != '\\';
	serve_reply_header(call, "WWW-Authenticate",
					   serve_printf(call->arena,
									plain ? "Bearer realm=\"%s\", error=\"insufficient_scope\", "
											"scope=\"%s\""
										  : "Bearer realm=\"%s\", error=\"insufficient_scope\"",
									serve_settings.audience, resource));
}

static bool
fail_too_many(ServeCall *call, int seconds, const char *message)
{
	serve_count(refused_rate, 1);
	serve_fail_odata(call, 429, "TooManyRequests", message, NULL);
	serve_reply_header(call, "Retry-After", serve_printf(call->arena, "%d", seconds));
	return false;
}

static bool
begin_anonymous(ServeCall *call)
{
	if (!serve_settings.anonymous)
		return fail_unauthorized(call, NULL, "a token is needed");
	call->consumer.name = "anonymous";
	call->consumer.role = serve_settings.anonymous;
	call->consumer.claims = "{}";
	call->consumer.rates.per_second = serve_settings.anonymous_rate;
	call->consumer.rates.burst = serve_settings.anonymous_rate * 2;
	call->consumer.active = true;
	return true;
}

static bool
begin_bearer(ServeCall *call, const char *text)
{
	const char *reason;
	int64_t now = serve_calendar_ms() / 1000;

	if (!serve_token_check(call->arena, text, strlen(text), now, &call->token, &reason))
		return fail_unauthorized(call, "invalid_token", reason);
	if (serve_is_revoked(call->token.jti))
		return fail_unauthorized(call, "invalid_token", "the token has been revoked");
	if (!serve_consumer_find(call->arena, call->token.client_id, &call->consumer) ||
		!call->consumer.active)
		return fail_unauthorized(call, "invalid_token", "the token is of nobody who is served now");
	if (call->token.version < call->consumer.not_before)
		return fail_unauthorized(call, "invalid_token", "the token has been revoked");
	if (strcmp(call->token.role, call->consumer.role) != 0)
		return fail_unauthorized(call, "invalid_token", "the token is of another role");
	call->with_token = true;
	return true;
}

static bool
begin_basic(ServeCall *call, const char *authorization)
{
	ServeOAuthForm *form = &call->credentials;
	int wait;

	if (!serve_basic_read(call->arena, authorization, form))
		return fail_unauthorized(call, NULL, "the credentials are not well formed");
	if (serve_login_known(form->client_id, form->client_secret) &&
		serve_consumer_find(call->arena, form->client_id, &call->consumer) && call->consumer.active)
		return true;
	wait = serve_slowdown(call->address, form->client_id);
	if (wait > 0)
		return fail_too_many(call, wait, "too many failed attempts");
	call->login_needed = true;
	return true;
}

bool
serve_caller_begin(ServeCall *call)
{
	const char *authorization = call->headers.authorization;

	if (!authorization)
		return begin_anonymous(call);
	if (strncasecmp(authorization, "Bearer ", 7) == 0)
		return begin_bearer(call, authorization + 7 + strspn(authorization + 7, " "));
	if (serve_settings.basic && strncasecmp(authorization, "Basic ", 6) == 0)
		return begin_basic(call, authorization);
	return fail_unauthorized(call, NULL, "a token is needed");
}

/* What mls.serve_login() says of one pair. */
static bool
ask_pair(ServeCall *call, ServeConnection *connection, const char *client_id, const char *secret,
		 bool *found)
{
	const char *params[] = {client_id, secret};
	ServeTurn turn = {
		.timeout_ms = LOGIN_TIMEOUT_MS,
		.nquestions = 1,
		.questions = {{.sql = "SELECT consumer, role::text, claims::text, limits::text, "
							  "coalesce(extract(epoch FROM not_before) * 1000000, 0)::bigint::text "
							  "FROM mls.serve_login($1, $2)",
					   .nparams = 2,
					   .params = params}}};
	ServeTrouble trouble;
	ServeResult *result;

	if (!serve_turn(connection, &turn, &result, &trouble))
	{
		serve_fail_trouble(call, &trouble);
		return false;
	}
	*found = serve_result_rows(result) > 0 && serve_result_text(result, 0, 0, NULL);
	if (*found)
	{
		ServeConsumer *consumer = &call->consumer;
		char *claims = serve_claims_clean(serve_result_text(result, 0, 2, NULL));
		char *scope = serve_claims_scope(serve_result_text(result, 0, 2, NULL));

		consumer->client_id = client_id;
		consumer->name = serve_copy(call->arena, serve_result_text(result, 0, 0, NULL));
		consumer->role = serve_copy(call->arena, serve_result_text(result, 0, 1, NULL));
		consumer->claims = serve_copy(call->arena, claims);
		consumer->scope = scope ? serve_copy(call->arena, scope) : NULL;
		consumer->rates = serve_rates_read(serve_result_text(result, 0, 3, NULL));
		consumer->not_before = atoll(serve_result_text(result, 0, 4, NULL));
		consumer->active = true;
		serve_login_remember(client_id, secret);
		free(claims);
		free(scope);
	}
	serve_result_free(result);
	return true;
}

bool
serve_ask_login(ServeCall *call, ServeConnection *connection, bool *found)
{
	ServeOAuthForm *form = &call->credentials;

	*found = false;
	if (!ask_pair(call, connection, form->client_id, form->client_secret, found))
		return false;
	if (!*found && form->raw_client_id &&
		!ask_pair(call, connection, form->raw_client_id, form->raw_client_secret, found))
		return false;
	serve_slowdown_result(call->address, form->client_id, *found);
	if (*found)
		serve_count(logins, 1);
	else
	{
		serve_count(failed_logins, 1);
		serve_log(SERVE_LOG_NOTE, "refused: client id \"%.64s\" from %s", form->client_id,
				  call->address);
	}
	return true;
}

bool
serve_caller_login(ServeCall *call, ServeConnection *connection)
{
	bool found;

	call->login_needed = false;
	if (!serve_ask_login(call, connection, &found))
		return false;
	return found || fail_unauthorized(call, NULL, "client id or secret is not right");
}

bool
serve_caller_admit(ServeCall *call)
{
	const char *who = call->headers.authorization ? call->consumer.name
												  : serve_printf(call->arena, "@%s", call->address);
	int wait = serve_limit_enter(who, &call->consumer.rates);

	if (wait > 0)
		return fail_too_many(call, wait, "more requests than may be made");
	call->who = who;
	call->job.who = who;
	call->scope = serve_scope_narrow(call->arena, call->with_token ? call->token.scope : NULL,
									 call->consumer.scope);
	call->role = serve_role_acquire(call->consumer.role);
	if (call->role)
		return true;
	if (serve_cache_loaded())
		serve_fail_odata(call, 403, "Forbidden", "nothing is served to this consumer", NULL);
	else
		serve_fail_later(call, 2, "Starting", "the service has not read what it serves yet");
	return false;
}
