/*
 * client_secret.c
 *		Secrets of consumers: made here, shown once, kept as what PostgreSQL keeps of
 *		passwords.
 *
 * Whoever reads the tables, or a dump, cannot log in with what he finds.
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/crypt.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "consumer/consumer.h"

PG_FUNCTION_INFO_V1(mls_random_text_sql);
PG_FUNCTION_INFO_V1(mls_secret_verifier_sql);
PG_FUNCTION_INFO_V1(mls_secret_matches_sql);

/* No secret of ours is longer; hashing takes as long as what is shown. */
#define LONGEST_SECRET 1024

/* mls.random_text(letters): so many letters of 64, six bits each. */
Datum
mls_random_text_sql(PG_FUNCTION_ARGS)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	int32 length = PG_GETARG_INT32(0);
	char random[128];

	if (length < 1 || length > (int32) sizeof(random) - 1)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a random text has 1 to %d letters", (int) sizeof(random) - 1));
	if (!pg_strong_random(random, length))
		ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not find random numbers"));
	for (int32 i = 0; i < length; i++)
		random[i] = letters[random[i] & 63];
	PG_RETURN_TEXT_P(cstring_to_text_with_len(random, length));
}

/* mls.secret_verifier(secret) */
Datum
mls_secret_verifier_sql(PG_FUNCTION_ARGS)
{
	char *secret = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(
		cstring_to_text(encrypt_password(PASSWORD_TYPE_SCRAM_SHA_256, "mls_fdw", secret)));
}

/* That of a secret which nobody has: an unknown consumer is refused after the same work. */
static const char *
nobodys_verifier(void)
{
	static char *verifier = NULL;

	if (verifier == NULL)
	{
		char random[33] = {0};

		if (!pg_strong_random(random, 32))
			ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR),
					errmsg("could not find random numbers"));
		for (int i = 0; i < 32; i++)
			random[i] = 'a' + (random[i] & 15);
		verifier = MemoryContextStrdup(
			TopMemoryContext, encrypt_password(PASSWORD_TYPE_SCRAM_SHA_256, "mls_fdw", random));
	}
	return verifier;
}

/* mls.secret_matches(verifier, secret): of no verifier false, and takes as long. */
Datum
mls_secret_matches_sql(PG_FUNCTION_ARGS)
{
	const char *verifier = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *secret = PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *log = NULL;
	bool matches;

	if (strlen(secret) > LONGEST_SECRET)
		PG_RETURN_BOOL(false);
	matches = plain_crypt_verify("mls_fdw", verifier ? verifier : nobodys_verifier(), secret,
								 &log) == STATUS_OK;
	PG_RETURN_BOOL(matches && verifier != NULL);
}
