/*
 * encoding.c
 *		base64 and percent encoding.
 */
#include "serve/base/encoding.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void
serve_base64url(ServeBytes *out, const void *data, size_t length)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *from = data;

	for (size_t i = 0; i < length; i += 3)
	{
		size_t n = length - i < 3 ? length - i : 3;
		uint32_t bits = (uint32_t) from[i] << 16;
		char four[4];

		if (n > 1)
			bits |= (uint32_t) from[i + 1] << 8;
		if (n > 2)
			bits |= from[i + 2];
		for (int j = 0; j < 4; j++)
			four[j] = alphabet[(bits >> (18 - 6 * j)) & 63];
		serve_bytes_add(out, four, n + 1);
	}
}

static int
digit_of(char c, bool strict_url)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-' || (c == '+' && !strict_url))
		return 62;
	if (c == '_' || (c == '/' && !strict_url))
		return 63;
	return -1;
}

unsigned char *
serve_base64_decode(const char *text, size_t length, bool strict_url, size_t *out_length)
{
	unsigned char *out;
	size_t made = 0;
	uint32_t bits = 0;
	int nbits = 0;

	if (!strict_url)
		for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
			length--;
	if (length % 4 == 1)
		return NULL;
	out = serve_allocate(length / 4 * 3 + 4);
	for (size_t i = 0; i < length; i++)
	{
		int digit = digit_of(text[i], strict_url);

		if (digit < 0)
		{
			free(out);
			return NULL;
		}
		bits = (bits << 6) | (uint32_t) digit;
		nbits += 6;
		if (nbits >= 8)
		{
			nbits -= 8;
			out[made++] = (unsigned char) (bits >> nbits);
			bits &= (1U << nbits) - 1;
		}
	}
	/* Bits that stand for nothing would give one token several spellings. */
	if (bits != 0)
	{
		free(out);
		return NULL;
	}
	out[made] = '\0';
	*out_length = made;
	return out;
}

static int
hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *
serve_percent_decode(const char *text, size_t length, bool plus_is_blank)
{
	char *out = serve_allocate(length + 1);
	size_t made = 0;

	for (size_t i = 0; i < length; i++)
	{
		char c = text[i];

		if (c == '%')
		{
			int high = length - i > 2 ? hex_of(text[i + 1]) : -1;
			int low = length - i > 2 ? hex_of(text[i + 2]) : -1;

			if (high < 0 || low < 0 || (high == 0 && low == 0))
			{
				free(out);
				return NULL;
			}
			c = (char) (high * 16 + low);
			i += 2;
		}
		else if (c == '+' && plus_is_blank)
			c = ' ';
		out[made++] = c;
	}
	out[made] = '\0';
	return out;
}

bool
serve_same_bytes(const void *a, const void *b, size_t length)
{
	const volatile unsigned char *x = a;
	const volatile unsigned char *y = b;
	unsigned char differs = 0;

	for (size_t i = 0; i < length; i++)
		differs |= x[i] ^ y[i];
	return differs == 0;
}
