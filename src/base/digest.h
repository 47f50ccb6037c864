/*
 * digest.h
 *		SHA-256, MD5 and HMAC-SHA256 of bytes.
 *
 * Those of the server, which want a resource owner: outside of transactions they get one
 * of ours.
 */
#ifndef MLS_DIGEST_H
#define MLS_DIGEST_H

#include "postgres.h"

#include "common/sha2.h"

#define MLS_SHA256_BYTES PG_SHA256_DIGEST_LENGTH
#define MLS_MD5_BYTES 16

/* A SHA-256 of bytes that come in pieces; it belongs to CurrentMemoryContext. */
typedef struct MlsDigest MlsDigest;

extern MlsDigest *mls_digest_begin(void);
extern void mls_digest_add(MlsDigest *digest, const void *bytes, Size length);

/* Its result; the digest is gone then. */
extern void mls_digest_end(MlsDigest *digest, uint8 *out);

extern void mls_sha256(const void *bytes, Size length, uint8 *out);
extern void mls_md5(const void *bytes, Size length, uint8 *out);
extern void
mls_hmac_sha256(const void *key, Size key_length, const void *bytes, Size length, uint8 *out);

/* Bytes in hexadecimal digits, palloc'd. */
extern char *mls_hex(const uint8 *bytes, int length);

#endif /* MLS_DIGEST_H */
