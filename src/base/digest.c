/*
 * digest.c
 *		SHA-256, MD5 and HMAC-SHA256 of bytes.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/hmac.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/digest.h"
#include "compat.h"

struct MlsDigest
{
	MemoryContextCallback callback;
	pg_cryptohash_ctx *hash; /* NULL: over */
};

/*
 * The server notes with the current resource owner what OpenSSL holds for a hash.  Between
 * the transactions of a run there is none, and one that ends with a transaction would free
 * the hash of a file that is still coming.  So all of them belong to one that lives as long
 * as the process; contexts of memory end them.
 */
static ResourceOwner
own_resources(void)
{
	static ResourceOwner owner = NULL;
	ResourceOwner before = CurrentResourceOwner;

	if (owner == NULL)
		owner = ResourceOwnerCreate(NULL, "mls_fdw digest");
	CurrentResourceOwner = owner;
	return before;
}

static void
free_hash(void *arg)
{
	MlsDigest *digest = arg;

	if (digest->hash)
		pg_cryptohash_free(digest->hash);
	digest->hash = NULL;
}

pg_noreturn static void
report_digest(void)
{
	ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a digest"));
}

static pg_cryptohash_ctx *
make_hash(pg_cryptohash_type type)
{
	ResourceOwner before = own_resources();
	pg_cryptohash_ctx *hash;

	PG_TRY();
	{
		hash = pg_cryptohash_create(type);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = before;
	}
	PG_END_TRY();
	if (hash == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	return hash;
}

static MlsDigest *
begin(pg_cryptohash_type type)
{
	MlsDigest *digest = palloc0(sizeof(MlsDigest));

	digest->callback.func = free_hash;
	digest->callback.arg = digest;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &digest->callback);
	digest->hash = make_hash(type);
	if (pg_cryptohash_init(digest->hash) < 0)
		report_digest();
	return digest;
}

MlsDigest *
mls_digest_begin(void)
{
	return begin(PG_SHA256);
}

void
mls_digest_add(MlsDigest *digest, const void *bytes, Size length)
{
	if (pg_cryptohash_update(digest->hash, bytes, length) < 0)
		report_digest();
}

void
mls_digest_end(MlsDigest *digest, uint8 *out)
{
	if (pg_cryptohash_final(digest->hash, out, MLS_SHA256_BYTES) < 0)
		report_digest();
	free_hash(digest);
}

/* Of bytes that are all there: nothing is left behind in the caller's memory. */
static void
hash_at_once(pg_cryptohash_type type, const void *bytes, Size length, uint8 *out, Size out_length)
{
	pg_cryptohash_ctx *hash = make_hash(type);
	bool ok = pg_cryptohash_init(hash) >= 0 && pg_cryptohash_update(hash, bytes, length) >= 0 &&
			  pg_cryptohash_final(hash, out, out_length) >= 0;

	pg_cryptohash_free(hash);
	if (!ok)
		report_digest();
}

void
mls_sha256(const void *bytes, Size length, uint8 *out)
{
	hash_at_once(PG_SHA256, bytes, length, out, MLS_SHA256_BYTES);
}

void
mls_md5(const void *bytes, Size length, uint8 *out)
{
	hash_at_once(PG_MD5, bytes, length, out, MLS_MD5_BYTES);
}

void
mls_hmac_sha256(const void *key, Size key_length, const void *bytes, Size length, uint8 *out)
{
	ResourceOwner before = own_resources();
	pg_hmac_ctx *hmac;
	bool ok;

	PG_TRY();
	{
		hmac = pg_hmac_create(PG_SHA256);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = before;
	}
	PG_END_TRY();
	ok = hmac != NULL && pg_hmac_init(hmac, key, key_length) >= 0 &&
		 pg_hmac_update(hmac, bytes, length) >= 0 &&
		 pg_hmac_final(hmac, out, MLS_SHA256_BYTES) >= 0;
	pg_hmac_free(hmac);
	if (!ok)
		report_digest();
}

char *
mls_hex(const uint8 *bytes, int length)
{
	char *hex = palloc0(2 * length + 1);

	hex_encode((const char *) bytes, length, hex);
	return hex;
}
