/*
 * auth.c
 *		Credentials: which a source needs, how they are sent, and the tokens got
 *		for them.
 *
 * The only file that reads secrets.  What it builds of them goes to libcurl and
 * nowhere else; tokens are kept in this process's memory, by user mapping.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "http/transport.h"

#define SECOND_US INT64CONST(1000000)

/* A token is renewed so long before its end, or in its last tenth if it is short-lived. */
#define EARLY_US (30 * SECOND_US)

/* The life of a token that does not tell it: a 401 corrects a wrong guess. */
#define USUAL_LIFE_S 3600

/* A shorter life would be over before the token is used; a 401 tells if it was. */
#define SHORTEST_LIFE_S 10

/* An answer of the token endpoint is a few kB. */
#define MAX_TOKEN_ANSWER (1024 * 1024)

/* The header beside the key of sources that want to know whose it is. */
#define USER_HEADER "X-Api-User"

/* Masking shorter words would only spoil messages. */
#define SHORTEST_SECRET 4

/* The other side's words are cut to this. */
#define QUOTED_LENGTH 500

typedef struct TokenKey
{
	Oid server_id;
	Oid mapping_id;
} TokenKey;

typedef struct Token
{
	TokenKey key;
	uint64 credentials; /* what it was got for, as a hash */
	char *text;         /* in TopMemoryContext; NULL: none */
	int64 good_until;   /* mls_clock_us */
} Token;

static HTAB *tokens = NULL;

/* ---- the cache ---- */

/*
 * What a token depends on.  A changed server or user mapping makes another hash,
 * so a token never outlives the credentials it was got for; a statement that
 * still runs with the old ones cannot leave theirs behind, either.
 */
static uint64
credentials_hash(const MlsHttpSource *source)
{
	const char *parts[] = {source->token_url,     source->scope,    source->client_id,
						   source->client_secret, source->username, source->password};
	uint64 hash = 0;

	for (int i = 0; i < lengthof(parts); i++)
		if (parts[i])
			hash = hash_combine64(
				hash, hash_bytes_extended((const unsigned char *) parts[i], strlen(parts[i]), i));
	return hash;
}

static Token *
find_token(const MlsHttpSource *source, HASHACTION action)
{
	TokenKey key = {source->server_id, source->mapping_id};
	Token *token;
	bool found;

	if (tokens == NULL)
	{
		HASHCTL control = {.keysize = sizeof(TokenKey), .entrysize = sizeof(Token)};

		tokens = hash_create("mls_fdw tokens", 8, &control, HASH_ELEM | HASH_BLOBS);
	}
	token = hash_search(tokens, &key, action, &found);
	if (token && !found)
		token->text = NULL;
	return token;
}

static void
drop_token(Token *token)
{
	if (token->text)
	{
		memset(token->text, 0, strlen(token->text));
		pfree(token->text);
		token->text = NULL;
	}
}

static bool
has_good_token(const MlsHttpSource *source)
{
	Token *token = find_token(source, HASH_FIND);

	return token && token->text && mls_clock_us() < token->good_until &&
		   token->credentials == credentials_hash(source);
}

static void
keep_token(const MlsHttpSource *source, const char *text, double life_s)
{
	Token *token = find_token(source, HASH_ENTER);
	int64 life_us = (int64) (life_s * SECOND_US);

	drop_token(token);
	token->text = MemoryContextStrdup(TopMemoryContext, text);
	token->credentials = credentials_hash(source);
	token->good_until = mls_clock_us() + life_us - Min(EARLY_US, life_us / 10);
}

void
mls_http_forget_token(Oid mapping_id)
{
	HASH_SEQ_STATUS scan;
	Token *token;

	if (tokens == NULL)
		return;
	hash_seq_init(&scan, tokens);
	while ((token = hash_seq_search(&scan)) != NULL)
		if (token->key.mapping_id == mapping_id)
			drop_token(token);
}

/* ---- masking ---- */

static void
mask_word(char *text, const char *word)
{
	int length = word ? strlen(word) : 0;

	if (length < SHORTEST_SECRET)
		return;
	for (char *at = strstr(text, word); at; at = strstr(at + length, word))
		memset(at, '*', length);
}

/* A copy of text with the source's secrets masked, should the other side repeat one. */
static char *
mask_secrets(const MlsHttpSource *source, const char *text)
{
	char *copy = pstrdup(text);
	Token *token = tokens ? find_token(source, HASH_FIND) : NULL;

	mask_word(copy, source->client_secret);
	mask_word(copy, source->token);
	mask_word(copy, source->password);
	mask_word(copy, source->ua_password);
	mask_word(copy, source->header_value);
	if (source->auth == MLS_AUTH_QUERY && source->header_value)
		mask_word(copy, mls_url_escape(source->header_value));
	mask_word(copy, source->api_user);
	mask_word(copy, source->access_key);
	mask_word(copy, source->secret_key);
	mask_word(copy, source->session_token);
	mask_word(copy, token ? token->text : NULL);
	return copy;
}

char *
mls_http_clean(const MlsHttpSource *source, const char *text)
{
	char *copy = mask_secrets(source, text);
	int length = strlen(copy);

	if (pg_encoding_verifymbstr(PG_UTF8, copy, length) != length)
		for (char *c = copy; *c; c++)
			if ((unsigned char) *c >= 0x80)
				*c = '?';
	for (char *c = copy; *c; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			*c = ' ';
	if (length > QUOTED_LENGTH)
		strcpy(copy + pg_mbcliplen(copy, length, QUOTED_LENGTH), "...");
	return copy;
}

/* ---- refusals ---- */

static const char *
credentials_hint(const MlsHttpSource *source)
{
	switch (source->auth)
	{
		case MLS_AUTH_OAUTH2:
			return "Check the options client_id and client_secret of the user mapping.";
		case MLS_AUTH_BEARER:
			return "Check the option token of the user mapping.";
		case MLS_AUTH_BASIC:
		case MLS_AUTH_CHALLENGE:
		case MLS_AUTH_PASSWORD:
			return "Check the options username and password of the user mapping.";
		case MLS_AUTH_QUERY:
			return "Check the option api_key of the user mapping.";
		case MLS_AUTH_HEADER:
			return source->api_user ? "Check the options api_user and api_key of the user mapping."
									: "Check the option api_key of the user mapping.";
		case MLS_AUTH_SIGNATURE:
			return "Check the options access_key and secret_key of the user mapping.";
		default:
			return OidIsValid(source->mapping_id)
					   ? source->sessions
							 ? "Check the options username and password of the user mapping."
							 : "The source wants credentials: check the option auth of the server."
					   : "There is no user mapping for this user: use CREATE USER MAPPING.";
	}
}

/* What may be wrong with where the token was asked for. */
char *
mls_auth_token_hint(const MlsHttpSource *source)
{
	if (source->token_platform == NULL)
		return pstrdup("Check the option token_url of the server.");
	return psprintf(
		"The token was asked for at %s, the endpoint of platform \"%s\". If this source "
		"has one of its own, set the option token_url of the server.",
		mls_url_display(source->token_url), source->token_platform);
}

pg_noreturn static void report_no_credentials(const MlsHttpSource *source, const char *detail);

static void
report_no_credentials(const MlsHttpSource *source, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
					errmsg("no usable credentials for source \"%s\"", source->name),
					errdetail("%s", detail), errhint("%s", credentials_hint(source))));
}

void
mls_auth_report_rejected(const MlsHttpSource *source, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
					errmsg("source \"%s\" rejected the credentials", source->name),
					errdetail("%s", mls_http_clean(source, detail)),
					errhint("%s%s%s", credentials_hint(source), source->token_platform ? " " : "",
							source->token_platform ? mls_auth_token_hint(source) : "")));
}

/* ---- sending ---- */

static bool
is_missing(const char *value)
{
	return value == NULL || *value == '\0';
}

/* A line break in a value would begin another header. */
static bool
is_unfit(const char *value)
{
	return value && strpbrk(value, "\r\n") != NULL;
}

void
mls_auth_check(const MlsHttpSource *source)
{
	bool missing = false;

	switch (source->auth)
	{
		case MLS_AUTH_NONE:
			return;
		case MLS_AUTH_OAUTH2:
			if (is_missing(source->token_url))
				ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
								errmsg("source \"%s\" has no token endpoint", source->name),
								errhint("Set the option token_url of the server.")));
			missing = is_missing(source->client_id) || is_missing(source->client_secret);
			break;
		case MLS_AUTH_BEARER:
			missing = is_missing(source->token);
			break;
		case MLS_AUTH_PASSWORD:
			missing = is_missing(source->username) || is_missing(source->password);
			break;
		case MLS_AUTH_BASIC:
		case MLS_AUTH_CHALLENGE:
			missing = is_missing(source->username);
			break;
		case MLS_AUTH_HEADER:
			missing = is_missing(source->header_name) || is_missing(source->header_value);
			break;
		case MLS_AUTH_SIGNATURE:
			missing = is_missing(source->access_key) || is_missing(source->secret_key);
			break;
		case MLS_AUTH_QUERY:
			missing = is_missing(source->key_parameter) || is_missing(source->header_value);
			break;
	}
	if (missing)
		report_no_credentials(source, "The user mapping does not hold them.");
	if (is_unfit(source->token) || is_unfit(source->header_name) ||
		is_unfit(source->header_value) || is_unfit(source->api_user) ||
		is_unfit(source->access_key) || is_unfit(source->session_token))
		report_no_credentials(source, "A value of the user mapping holds a line break.");
}

bool
mls_auth_needs_token(const MlsHttpSource *source)
{
	return source->auth == MLS_AUTH_OAUTH2 || source->auth == MLS_AUTH_PASSWORD;
}

bool
mls_auth_ready(const MlsHttpSource *source)
{
	return !mls_auth_needs_token(source) || has_good_token(source);
}

static bool
set_bearer(CURL *easy, const char *token)
{
	return token && curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BEARER) == CURLE_OK &&
		   curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, token) == CURLE_OK;
}

bool
mls_auth_set_basic(const MlsHttpSource *source, CURL *easy)
{
	const char *password = source->password ? source->password : "";

	return curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC) == CURLE_OK &&
		   curl_easy_setopt(easy, CURLOPT_USERNAME, source->username) == CURLE_OK &&
		   curl_easy_setopt(easy, CURLOPT_PASSWORD, password) == CURLE_OK;
}

/*
 * The address to be asked.  A key that travels in it is put there only now, so that no
 * message, log or plan that shows the address has it.
 */
char *
mls_auth_address(const MlsHttpSource *source, const char *url)
{
	if (source->auth != MLS_AUTH_QUERY)
		return pstrdup(url);
	return psprintf("%s%c%s=%s", url, strchr(url, '?') ? '&' : '?', source->key_parameter,
					mls_url_escape(source->header_value));
}

bool
mls_auth_apply(const MlsHttpSource *source, CURL *easy, struct curl_slist **headers)
{
	Token *token;

	switch (source->auth)
	{
		case MLS_AUTH_NONE:
		case MLS_AUTH_CHALLENGE: /* http_session.c */
		case MLS_AUTH_QUERY:     /* in the address */
		case MLS_AUTH_SIGNATURE: /* signature.c: of all of the request */
			return true;
		case MLS_AUTH_OAUTH2:
		case MLS_AUTH_PASSWORD:
			token = find_token(source, HASH_FIND);
			return token && set_bearer(easy, token->text);
		case MLS_AUTH_BEARER:
			return set_bearer(easy, source->token);
		case MLS_AUTH_BASIC:
			return mls_auth_set_basic(source, easy);
		case MLS_AUTH_HEADER:
			return (is_missing(source->api_user) ||
					mls_header_add_secret(headers,
										  psprintf("%s: %s", USER_HEADER, source->api_user))) &&
				   mls_header_add_secret(
					   headers, psprintf("%s: %s", source->header_name, source->header_value));
	}
	return false;
}

/* ---- getting a token ---- */

static void
add_field(StringInfo form, const char *name, const char *value)
{
	if (is_missing(value))
		return;
	appendStringInfo(form, "%s%s=%s", form->len ? "&" : "", name, mls_url_escape(value));
}

/* User name and password as a JSON object. */
static void
add_login(StringInfo body, const MlsHttpSource *source)
{
	appendStringInfoString(body, "{\"username\": ");
	escape_json(body, source->username);
	appendStringInfoString(body, ", \"password\": ");
	escape_json(body, source->password);
	appendStringInfoChar(body, '}');
}

void
mls_auth_prepare_login(const MlsHttpSource *source, MlsHttpSource *endpoint, MlsHttpCall *call)
{
	StringInfoData form;

	*endpoint = *source;
	endpoint->auth = MLS_AUTH_NONE;
	endpoint->url = source->token_url;
	endpoint->max_page_bytes = MAX_TOKEN_ANSWER;
	memset(call, 0, sizeof(*call));
	call->method = "POST";
	call->url = source->token_url;
	call->purpose = "access token";
	initStringInfo(&form);
	if (source->auth == MLS_AUTH_PASSWORD)
	{
		call->headers = list_make2("Content-Type: application/json", "Accept: application/json");
		add_login(&form, source);
		call->body = form.data;
		return;
	}
	call->headers =
		list_make2("Content-Type: application/x-www-form-urlencoded", "Accept: application/json");
	add_field(&form, "grant_type", "client_credentials");
	add_field(&form, "scope", source->scope);
	if (source->token_style == MLS_TOKEN_FORM)
	{
		add_field(&form, "client_id", source->client_id);
		add_field(&form, "client_secret", source->client_secret);
	}
	else
	{
		/* The standard (RFC 6749, 2.3.1) has both escaped like form fields. */
		endpoint->auth = MLS_AUTH_BASIC;
		endpoint->username = mls_url_escape(source->client_id);
		endpoint->password = mls_url_escape(source->client_secret);
	}
	call->body = form.data;
}

/* The answer as jsonb, or NULL if it is none; the parser's messages quote the text, so they are dropped. */
static Jsonb *
parse_answer(const MlsHttpResponse *response)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb *volatile parsed = NULL;

	PG_TRY();
	{
		bool marked = response->length >= 3 && memcmp(response->body, "\xEF\xBB\xBF", 3) == 0;
		int skipped = marked ? 3 : 0;
		char *text =
			pg_any_to_server(response->body + skipped, response->length - skipped, PG_UTF8);

		parsed = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	}
	PG_CATCH();
	{
		int category = ERRCODE_TO_CATEGORY(geterrcode());

		MemoryContextSwitchTo(context);
		/* What is nested too deeply is no token, either. */
		if (category != ERRCODE_DATA_EXCEPTION && category != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			PG_RE_THROW();
		FlushErrorState();
		parsed = NULL;
	}
	PG_END_TRY();
	return parsed && JB_ROOT_IS_OBJECT(parsed) ? parsed : NULL;
}

static JsonbValue *
find_in(JsonbContainer *object, const char *name)
{
	JsonbValue key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	return findJsonbValueFromContainer(object, JB_FOBJECT, &key);
}

static JsonbValue *
find_member(Jsonb *answer, const char *name)
{
	return answer ? find_in(&answer->root, name) : NULL;
}

static bool
has_member(Jsonb *answer, const char *name)
{
	JsonbValue *value = find_member(answer, name);

	return value && value->type != jbvNull;
}

/* A value as text, or NULL. */
static char *
value_text(const JsonbValue *value)
{
	if (value && value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value && value->type == jbvNumeric)
		return DatumGetCString(
			DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	return NULL;
}

/* A member as text, or NULL. */
static char *
member(Jsonb *answer, const char *name)
{
	return value_text(find_member(answer, name));
}

/* An error code of the standard ("invalid_client"); anything else is not repeated. */
static const char *
error_code(const char *code)
{
	if (is_missing(code) || strlen(code) > 40 ||
		strspn(code, "abcdefghijklmnopqrstuvwxyz_") != strlen(code))
		return NULL;
	return code;
}

/* Does an error of the standard blame what was sent, not the endpoint's own state? */
static bool
is_rejection(const char *code)
{
	static const char *const codes[] = {"invalid_client", "invalid_grant", "unauthorized_client",
										"access_denied", "invalid_scope"};

	for (int i = 0; code && i < lengthof(codes); i++)
		if (strcmp(code, codes[i]) == 0)
			return true;
	return false;
}

/* "The token endpoint answered 401 (invalid_client: no such client)." */
static char *
refusal_detail(const MlsHttpSource *source, const MlsHttpResponse *response, Jsonb *answer)
{
	const char *code = error_code(member(answer, "error"));
	const char *description = member(answer, "error_description");
	JsonbValue *error = find_member(answer, "error");
	StringInfoData buf;

	/* Not the standard's form, but OData's and that of many gateways. */
	if (description == NULL && error && error->type == jbvBinary)
		description = value_text(find_in(error->val.binary.data, "message"));

	initStringInfo(&buf);
	appendStringInfo(&buf, "The token endpoint answered %d", response->status);
	if (code || description)
		appendStringInfo(&buf, " (%s%s%s)", code ? code : "", code && description ? ": " : "",
						 description ? mls_http_clean(source, description) : "");
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

static void
report_refusal(const MlsHttpSource *source, const MlsHttpResponse *response, Jsonb *answer)
{
	char *detail = refusal_detail(source, response, answer);

	if (response->status == 428)
		ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
						errmsg("source \"%s\" asks for a second factor", source->name),
						errdetail("%s", detail),
						errhint("Use the key of an API user: options api_user and api_key of the "
								"user mapping.")));
	if (response->status == 400 || response->status == 401 || response->status == 403 ||
		is_rejection(error_code(member(answer, "error"))))
		mls_auth_report_rejected(source, detail);
	ereport(ERROR, (errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
					errmsg("could not log in to source \"%s\"", source->name),
					errdetail("%s", detail), errhint("%s", mls_auth_token_hint(source))));
}

void
mls_auth_take_token(const MlsHttpSource *source, const MlsHttpResponse *response)
{
	Jsonb *answer = parse_answer(response);
	char *text;
	char *life;
	double life_s;

	if (response->status != 200 && response->status != 201)
		report_refusal(source, response, answer);
	text = member(answer, "access_token");
	/* Some endpoints say everything with status 200. */
	if (is_missing(text) && has_member(answer, "error"))
		report_refusal(source, response, answer);
	if (is_missing(text) || is_unfit(text))
		ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
						errmsg("could not log in to source \"%s\"", source->name),
						errdetail("The answer of the token endpoint holds no access token."),
						errhint("%s", mls_auth_token_hint(source))));
	life = member(answer, "expires_in");
	life_s = life ? strtod(life, NULL) : 0;
	if (!(life_s > 0 && life_s < 1e9))
		life_s = USUAL_LIFE_S;
	keep_token(source, text, Max(life_s, SHORTEST_LIFE_S));
}
