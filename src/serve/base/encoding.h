/*
 * encoding.h
 *		base64 in both alphabets, form encoding, comparison that takes the same time whatever
 *		it compares.
 */
#ifndef SERVE_ENCODING_H
#define SERVE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "serve/base/bytes.h"

/* base64url without padding, as tokens have it. */
extern void serve_base64url(ServeBytes *out, const void *data, size_t length);

/*
 * Decodes either alphabet, with or without padding, into memory of malloc with a NUL behind
 * it; NULL if it is none.  Tokens take neither the other alphabet nor padding: strict.
 */
extern unsigned char *
serve_base64_decode(const char *text, size_t length, bool strict_url, size_t *out_length);

/* One piece of application/x-www-form-urlencoded, or of a URL if plus stays plus; NULL if %
 * is not followed by two digits, or stands for NUL.  Memory of malloc. */
extern char *serve_percent_decode(const char *text, size_t length, bool plus_is_blank);

extern bool serve_same_bytes(const void *a, const void *b, size_t length);

#endif /* SERVE_ENCODING_H */
