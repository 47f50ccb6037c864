/*
 * signing_keys.c
 *		Keys that sign tokens, two or more at once while they are changed: HMAC-SHA-256 with a
 *		secret (HS256), or RSA with SHA-256 (RS256), whose public halves anybody may have.
 */
#include "serve/token/signing_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "serve/base/encoding.h"
#include "serve/token/token.h"

enum
{
	MAC_BYTES = 32
};

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static ServeKeyring ring;

bool
serve_keys_read(const char *path, char *problem, size_t space)
{
	ServeKeyring found;
	ServeKeyring before;

	if (!serve_key_file_read(path, &found, problem, space))
		return false;
	pthread_rwlock_wrlock(&lock);
	before = ring;
	ring = found;
	pthread_rwlock_unlock(&lock);
	serve_keyring_forget(&before);
	/* What they refer to is the ring's now. */
	OPENSSL_cleanse(&found, sizeof(found));
	return true;
}

bool
serve_keys_present(void)
{
	bool present;

	pthread_rwlock_rdlock(&lock);
	present = ring.n > 0;
	pthread_rwlock_unlock(&lock);
	return present;
}

static const char *
algorithm_of(const ServeKey *key)
{
	return key->rsa ? "RS256" : "HS256";
}

bool
serve_keys_signer(char kid[SERVE_MAX_KID + 1], const char **algorithm)
{
	bool present;

	pthread_rwlock_rdlock(&lock);
	present = ring.n > 0;
	if (present)
	{
		strcpy(kid, ring.keys[0].kid);
		*algorithm = algorithm_of(&ring.keys[0]);
	}
	pthread_rwlock_unlock(&lock);
	return present;
}

/* ---- Signatures ---- */

static bool
sign_with_secret(const ServeKey *key, const void *data, size_t length, ServeSignature *signature)
{
	unsigned int made = 0;

	signature->length = MAC_BYTES;
	return HMAC(EVP_sha256(), key->secret, (int) key->length, data, length, signature->bytes,
				&made) &&
		   made == MAC_BYTES;
}

static bool
sign_with_rsa(const ServeKey *key, const void *data, size_t length, ServeSignature *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good;

	signature->length = sizeof(signature->bytes);
	good = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->rsa) == 1 &&
		   EVP_DigestSign(context, signature->bytes, &signature->length, data, length) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return good;
}

bool
serve_keys_sign(const void *data, size_t length, const char *kid, const char *algorithm,
				ServeSignature *signature)
{
	bool good = false;

	pthread_rwlock_rdlock(&lock);
	for (int i = 0; i < ring.n && !good; i++)
	{
		const ServeKey *key = &ring.keys[i];

		if (strcmp(key->kid, kid) == 0 && strcmp(algorithm_of(key), algorithm) == 0)
			good = key->rsa ? sign_with_rsa(key, data, length, signature)
							: sign_with_secret(key, data, length, signature);
	}
	pthread_rwlock_unlock(&lock);
	return good;
}

static bool
made_with_secret(const ServeKey *key, const void *data, size_t length,
				 const unsigned char *signature, size_t signature_length)
{
	ServeSignature own;
	bool good = signature_length == MAC_BYTES && sign_with_secret(key, data, length, &own) &&
				serve_same_bytes(own.bytes, signature, MAC_BYTES);

	OPENSSL_cleanse(&own, sizeof(own));
	return good;
}

static bool
made_with_rsa(const ServeKey *key, const void *data, size_t length, const unsigned char *signature,
			  size_t signature_length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->rsa) == 1 &&
				EVP_DigestVerify(context, signature, signature_length, data, length) == 1;

	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return good;
}

bool
serve_keys_verify(const char *kid, const char *algorithm, const void *data, size_t length,
				  const unsigned char *signature, size_t signature_length)
{
	bool good = false;

	pthread_rwlock_rdlock(&lock);
	for (int i = 0; i < ring.n && !good; i++)
	{
		const ServeKey *key = &ring.keys[i];

		if ((!kid || strcmp(key->kid, kid) == 0) && strcmp(algorithm_of(key), algorithm) == 0)
			good = key->rsa ? made_with_rsa(key, data, length, signature, signature_length)
							: made_with_secret(key, data, length, signature, signature_length);
	}
	pthread_rwlock_unlock(&lock);
	return good;
}

/* ---- What others may know of them ---- */

static void
add_number(ServeBytes *out, const char *name, const EVP_PKEY *rsa, const char *which)
{
	BIGNUM *number = NULL;
	unsigned char bytes[SERVE_MAX_RSA / 8];
	int length = 0;

	if (EVP_PKEY_get_bn_param(rsa, which, &number) == 1 &&
		BN_num_bytes(number) <= (int) sizeof(bytes))
		length = BN_bn2bin(number, bytes);
	serve_bytes_format(out, ",\"%s\":\"", name);
	serve_base64url(out, bytes, (size_t) length);
	serve_bytes_text(out, "\"");
	BN_free(number);
}

bool
serve_keys_public(ServeBytes *out)
{
	bool found = false;

	serve_bytes_text(out, "{\"keys\":[");
	pthread_rwlock_rdlock(&lock);
	for (int i = 0; i < ring.n; i++)
	{
		if (!ring.keys[i].rsa)
			continue;
		serve_bytes_text(out, found ? "," : "");
		serve_bytes_text(out, "{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":");
		serve_bytes_json_text(out, ring.keys[i].kid);
		add_number(out, "n", ring.keys[i].rsa, OSSL_PKEY_PARAM_RSA_N);
		add_number(out, "e", ring.keys[i].rsa, OSSL_PKEY_PARAM_RSA_E);
		serve_bytes_text(out, "}");
		found = true;
	}
	pthread_rwlock_unlock(&lock);
	serve_bytes_text(out, "]}");
	return found;
}
