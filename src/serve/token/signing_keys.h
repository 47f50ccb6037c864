/*
 * signing_keys.h
 *		Keys that sign tokens, to the room itself.
 */
#ifndef SERVE_SIGNING_KEYS_H
#define SERVE_SIGNING_KEYS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

enum
{
	SERVE_MAX_KEYS = 8,
	SERVE_MAX_KID = 64,
	SERVE_MIN_SECRET = 32,
	SERVE_MAX_SECRET = 512,
	SERVE_MIN_RSA = 2048, /* bits */
	SERVE_MAX_RSA = 4096
};

/* What a key makes tokens with is settled by what it is; no token has a say in it. */
typedef struct ServeKey
{
	char kid[SERVE_MAX_KID + 1];
	EVP_PKEY *rsa; /* RS256; NULL: HS256, with the secret */
	char secret[SERVE_MAX_SECRET + 1];
	size_t length;
} ServeKey;

typedef struct ServeKeyring
{
	int n;
	ServeKey keys[SERVE_MAX_KEYS]; /* the first signs */
} ServeKeyring;

typedef struct ServeSignature
{
	unsigned char bytes[SERVE_MAX_RSA / 8];
	size_t length;
} ServeSignature;

/* ---- key_file.c ---- */

/* False, and what is wrong, if the file is not right. */
extern bool serve_key_file_read(const char *path, ServeKeyring *ring, char *problem, size_t space);
extern void serve_keyring_forget(ServeKeyring *ring);

/* ---- signing_keys.c ---- */

/* Copies the name of the key that signs, and says its algorithm. */
extern bool serve_keys_signer(char kid[SERVE_MAX_KID + 1], const char **algorithm);
/* With the key of that name, if that is its algorithm. */
extern bool serve_keys_sign(const void *data, size_t length, const char *kid, const char *algorithm,
							ServeSignature *signature);
/* Whether a key of that name (any, where it is NULL) and of that algorithm made this. */
extern bool
serve_keys_verify(const char *kid, const char *algorithm, const void *data, size_t length,
				  const unsigned char *signature, size_t signature_length);

#endif /* SERVE_SIGNING_KEYS_H */
