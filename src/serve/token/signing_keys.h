/*
 * signing_keys.h
 *		Keys that sign tokens, to the room itself.
 */
#ifndef SERVE_SIGNING_KEYS_H
#define SERVE_SIGNING_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum
{
	SERVE_MAC_BYTES = 32
};

/* HMAC-SHA-256 with the key of that name. */
extern bool serve_keys_sign(const void *data, size_t length, const char *kid,
							unsigned char mac[SERVE_MAC_BYTES]);
/* Copies the name of the key that signs. */
extern bool serve_keys_signer(char *kid, size_t space);
/* Whether a key of that name (any, where it is NULL) made this. */
extern bool serve_keys_verify(const char *kid, const void *data, size_t length,
							  const unsigned char mac[SERVE_MAC_BYTES]);

#endif /* SERVE_SIGNING_KEYS_H */
