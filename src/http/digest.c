/*
 * digest.c
 *		Digest authentication (RFC 2617 and 7616, and RFC 2069 before them).
 *
 * libcurl has one of its own, but its state hangs on a handle, and here each
 * request has a handle of its own: every call would be answered with a challenge
 * first.  What is learned from a challenge is kept with the session, so that a
 * call costs one round trip as long as the nonce is good.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/md5.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/resowner.h"

#include "http/session.h"

#define CNONCE_BYTES 8

/* ---- hashing ---- */

/* The pieces joined by colons, as lower-case hexadecimal digits. */
static char *
hash_pieces(bool sha256, const char *const *pieces, int count)
{
	int length = sha256 ? PG_SHA256_DIGEST_LENGTH : MD5_DIGEST_LENGTH;
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	char *hex = palloc(2 * length + 1);
	ResourceOwner owner = NULL;
	pg_cryptohash_ctx *context;
	bool failed;

	/* Outside transactions, and while the process exits, there is no owner to note the context. */
	if (CurrentResourceOwner == NULL)
		CurrentResourceOwner = owner = ResourceOwnerCreate(NULL, "mls_fdw digest");
	context = pg_cryptohash_create(sha256 ? PG_SHA256 : PG_MD5);
	failed = context == NULL || pg_cryptohash_init(context) < 0;

	for (int i = 0; i < count && !failed; i++)
		failed = (i > 0 && pg_cryptohash_update(context, (const uint8 *) ":", 1) < 0) ||
				 pg_cryptohash_update(context, (const uint8 *) pieces[i], strlen(pieces[i])) < 0;
	failed = failed || pg_cryptohash_final(context, digest, length) < 0;
	if (context)
		pg_cryptohash_free(context);
	/* The current owner is never deleted: PostgreSQL asserts it. */
	if (owner != NULL)
	{
		CurrentResourceOwner = NULL;
		ResourceOwnerDelete(owner);
	}
	if (failed)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a hash for a login"),
				 errdetail("The server's cryptographic library does not allow %s.",
						   sha256 ? "SHA-256" : "MD5")));
	hex_encode((const char *) digest, length, hex);
	hex[2 * length] = '\0';
	return hex;
}

char *
mls_digest_md5(const char *const *pieces, int count)
{
	return hash_pieces(false, pieces, count);
}

/* ---- reading a challenge ---- */

static bool
is_token_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

/* A token or a quoted string at *at, palloc'd; *at moves behind it. */
static char *
take_word(const char **at)
{
	StringInfoData word;

	initStringInfo(&word);
	if (**at == '"')
	{
		for ((*at)++; **at && **at != '"'; (*at)++)
		{
			if (**at == '\\' && (*at)[1])
				(*at)++;
			appendStringInfoChar(&word, **at);
		}
		if (**at == '"')
			(*at)++;
	}
	else
		for (; **at && **at != ',' && **at != ' ' && **at != '\t'; (*at)++)
			appendStringInfoChar(&word, **at);
	return word.data;
}

static bool
has_word(const char *list, const char *word)
{
	int length = strlen(word);

	for (const char *at = list; *at;)
	{
		int n;

		at += strspn(at, ", \t");
		n = strcspn(at, ", \t");
		if (n == length && pg_strncasecmp(at, word, n) == 0)
			return true;
		at += n;
	}
	return false;
}

static void
set_algorithm(MlsChallenge *challenge, char *name)
{
	const char *base = name;

	challenge->algorithm = name;
	challenge->sha256 = pg_strncasecmp(base, "SHA-256", 7) == 0;
	challenge->session = strlen(base) > 5 && pg_strcasecmp(base + strlen(base) - 5, "-sess") == 0;
	challenge->known = challenge->sha256 ? strlen(base) == 7 + 5 * challenge->session
										 : pg_strncasecmp(base, "MD5", 3) == 0 &&
											   strlen(base) == 3 + 5 * challenge->session;
}

static void
set_parameter(MlsChallenge *challenge, const char *name, char *value)
{
	if (pg_strcasecmp(name, "realm") == 0)
		challenge->realm = value;
	else if (pg_strcasecmp(name, "nonce") == 0)
		challenge->nonce = value;
	else if (pg_strcasecmp(name, "opaque") == 0)
		challenge->opaque = value;
	else if (pg_strcasecmp(name, "algorithm") == 0)
		set_algorithm(challenge, value);
	else if (pg_strcasecmp(name, "qop") == 0)
		challenge->qop = has_word(value, "auth")       ? "auth"
						 : has_word(value, "auth-int") ? "auth-int"
													   : NULL;
}

/* Takes one scheme over, if it is better than what is known: Digest before Basic, SHA-256 before MD5. */
static void
consider(MlsChallenge *best, const char *scheme, const MlsChallenge *challenge)
{
	if (pg_strcasecmp(scheme, "Basic") == 0)
		best->basic = true;
	else if (pg_strcasecmp(scheme, "Digest") == 0 && challenge->nonce && challenge->known &&
			 (!best->digest || (challenge->sha256 && !best->sha256)))
	{
		bool basic = best->basic;

		*best = *challenge;
		best->digest = true;
		best->basic = basic;
	}
}

void
mls_challenge_read(MlsChallenge *best, const char *header)
{
	const char *at = header;
	char *scheme = NULL;
	MlsChallenge now = {.known = true};

	while (*(at += strspn(at, ", \t")))
	{
		const char *start = at;
		char *word;

		while (is_token_char(*at))
			at++;
		if (at == start)
			break;
		word = pnstrdup(start, at - start);
		at += strspn(at, " \t");
		if (*at == '=')
		{
			at++;
			at += strspn(at, " \t");
			set_parameter(&now, word, take_word(&at));
			continue;
		}
		if (scheme)
			consider(best, scheme, &now);
		scheme = word;
		now = (MlsChallenge){.known = true};
	}
	if (scheme)
		consider(best, scheme, &now);
}

/* ---- answering it ---- */

static void
add_quoted(StringInfo buf, const char *name, const char *value)
{
	appendStringInfo(buf, ", %s=\"", name);
	for (const char *c = value; *c; c++)
	{
		if (*c == '"' || *c == '\\')
			appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, *c);
	}
	appendStringInfoChar(buf, '"');
}

static char *
make_cnonce(void)
{
	uint8 bytes[CNONCE_BYTES];
	char *hex = palloc(2 * CNONCE_BYTES + 1);

	if (!pg_strong_random(bytes, sizeof(bytes)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not make a random number")));
	hex_encode((const char *) bytes, sizeof(bytes), hex);
	hex[2 * CNONCE_BYTES] = '\0';
	return hex;
}

/* The response value of one request. */
static char *
response_value(const MlsChallenge *challenge, const MlsDigestCall *call, const char *cnonce,
			   const char *nc)
{
	const char *user[] = {call->username, challenge->realm ? challenge->realm : "", call->password};
	const char *ha1 = hash_pieces(challenge->sha256, user, 3);
	const char *body[] = {call->body ? call->body : ""};
	const char *target[] = {call->method, call->uri, NULL};
	bool integrity = challenge->qop && strcmp(challenge->qop, "auth-int") == 0;
	const char *ha2;

	if (challenge->session)
	{
		const char *of_session[] = {ha1, challenge->nonce, cnonce};

		ha1 = hash_pieces(challenge->sha256, of_session, 3);
	}
	if (integrity)
		target[2] = hash_pieces(challenge->sha256, body, 1);
	ha2 = hash_pieces(challenge->sha256, target, integrity ? 3 : 2);
	if (challenge->qop)
	{
		const char *all[] = {ha1, challenge->nonce, nc, cnonce, challenge->qop, ha2};

		return hash_pieces(challenge->sha256, all, 6);
	}
	else
	{
		const char *all[] = {ha1, challenge->nonce, ha2};

		return hash_pieces(challenge->sha256, all, 3);
	}
}

char *
mls_digest_header(MlsChallenge *challenge, const MlsDigestCall *call)
{
	char *cnonce = call->cnonce ? pstrdup(call->cnonce) : make_cnonce();
	char nc[9];
	StringInfoData buf;

	snprintf(nc, sizeof(nc), "%08x", ++challenge->uses);
	initStringInfo(&buf);
	appendStringInfoString(&buf, "Digest");
	add_quoted(&buf, "username", call->username);
	buf.data[6] = ' ';
	add_quoted(&buf, "realm", challenge->realm ? challenge->realm : "");
	add_quoted(&buf, "nonce", challenge->nonce);
	add_quoted(&buf, "uri", call->uri);
	if (challenge->qop || challenge->session)
		add_quoted(&buf, "cnonce", cnonce);
	if (challenge->qop)
		appendStringInfo(&buf, ", nc=%s, qop=%s", nc, challenge->qop);
	add_quoted(&buf, "response", response_value(challenge, call, cnonce, nc));
	if (challenge->opaque)
		add_quoted(&buf, "opaque", challenge->opaque);
	if (challenge->algorithm)
		appendStringInfo(&buf, ", algorithm=%s", challenge->algorithm);
	return buf.data;
}
