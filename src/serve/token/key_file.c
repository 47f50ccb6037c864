/*
 * key_file.c
 *		The file of keys that sign tokens.
 *
 * A line has the name of a key and its secret; or the name alone, and an RSA key in PEM stands
 * in the lines below.  Nobody but its owner (and his group) may read the file.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "serve/token/signing_keys.h"

#define MAX_PEM 16384
#define BLANK " \t\r\n"

typedef struct KeyReader
{
	FILE *in;
	int number; /* of the line */
	char line[1024];
	char pem[MAX_PEM];
} KeyReader;

/* The next line that says something, without what is blank around it; NULL at the end. */
static char *
next_line(KeyReader *reader)
{
	while (fgets(reader->line, sizeof(reader->line), reader->in))
	{
		char *first = reader->line + strspn(reader->line, BLANK);
		size_t length = strlen(first);

		reader->number++;
		while (length > 0 && strchr(BLANK, first[length - 1]))
			first[--length] = '\0';
		if (length > 0 && *first != '#')
			return first;
	}
	return NULL;
}

/* One with a passphrase would have somebody asked for it. */
static int
no_passphrase(char *buffer, int size, int writing, void *data)
{
	(void) buffer;
	(void) size;
	(void) writing;
	(void) data;
	return -1;
}

/* What is wrong with the lines of a PEM text, NULL if nothing is. */
static const char *
read_pem(KeyReader *reader, ServeKey *key)
{
	size_t length = 0;
	char *line;
	BIO *text;

	while ((line = next_line(reader)) != NULL)
	{
		size_t more = strlen(line);

		if (length == 0 && strncmp(line, "-----BEGIN ", 11) != 0)
			break;
		if (length + more + 2 > sizeof(reader->pem))
			return "the key is too long";
		memcpy(reader->pem + length, line, more);
		length += more;
		reader->pem[length++] = '\n';
		if (strncmp(line, "-----END ", 9) == 0)
			break;
	}
	if (length == 0)
		return "behind the name of a key stands its secret, or below it an RSA key in PEM";
	if (!line)
		return "the key in PEM does not end";
	text = BIO_new_mem_buf(reader->pem, (int) length);
	if (text)
		key->rsa = PEM_read_bio_PrivateKey(text, NULL, no_passphrase, NULL);
	BIO_free(text);
	ERR_clear_error();
	if (!key->rsa || EVP_PKEY_get_base_id(key->rsa) != EVP_PKEY_RSA)
		return "this is no private RSA key in PEM without a passphrase";
	if (EVP_PKEY_get_bits(key->rsa) < SERVE_MIN_RSA || EVP_PKEY_get_bits(key->rsa) > SERVE_MAX_RSA)
		return "an RSA key has 2048 to 4096 bits";
	return NULL;
}

/* What is wrong with a key whose first line this is, NULL if nothing is. */
static const char *
read_key(KeyReader *reader, char *line, ServeKey *key)
{
	char *rest = NULL;
	char *kid = strtok_r(line, BLANK, &rest);
	char *secret = strtok_r(NULL, BLANK, &rest);

	if (strtok_r(NULL, BLANK, &rest))
		return "a line has a name and a secret, and nothing else";
	if (strlen(kid) > SERVE_MAX_KID)
		return "the name of a key has at most 64 characters";
	for (const char *c = kid; *c; c++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", *c))
			return "the name of a key has letters, digits, points, dashes and underscores";
	strcpy(key->kid, kid);
	if (!secret)
		return read_pem(reader, key);
	key->length = strlen(secret);
	if (key->length < SERVE_MIN_SECRET || key->length > SERVE_MAX_SECRET)
		return "a secret has 32 to 512 characters";
	strcpy(key->secret, secret);
	return NULL;
}

static const char *
read_keys(KeyReader *reader, ServeKeyring *ring)
{
	char *line;

	while ((line = next_line(reader)) != NULL)
	{
		ServeKey *key = &ring->keys[ring->n];
		const char *wrong;

		if (ring->n == SERVE_MAX_KEYS)
			return "there are more than 8 keys";
		/* Counted from here on: what it holds is given back with the others. */
		ring->n++;
		wrong = read_key(reader, line, key);
		if (wrong)
			return wrong;
		for (int i = 0; i < ring->n - 1; i++)
			if (strcmp(ring->keys[i].kid, key->kid) == 0)
				return "two keys have one name";
	}
	return ring->n == 0 ? "there is no key" : NULL;
}

void
serve_keyring_forget(ServeKeyring *ring)
{
	for (int i = 0; i < ring->n; i++)
		EVP_PKEY_free(ring->keys[i].rsa);
	OPENSSL_cleanse(ring, sizeof(*ring));
}

bool
serve_key_file_read(const char *path, ServeKeyring *ring, char *problem, size_t space)
{
	KeyReader reader = {.in = fopen(path, "r")};
	struct stat about;
	const char *wrong = NULL;

	memset(ring, 0, sizeof(*ring));
	if (!reader.in || fstat(fileno(reader.in), &about) != 0)
	{
		snprintf(problem, space, "cannot read %s: %s", path, strerror(errno));
		if (reader.in)
			fclose(reader.in);
		return false;
	}
	/* Nothing is kept where the library has read to: a secret would stay there. */
	setvbuf(reader.in, NULL, _IONBF, 0);
	if (about.st_mode & (S_IROTH | S_IWOTH | S_IWGRP))
		snprintf(problem, space, "%s may be read or written by others: chmod 0600 it", path);
	else if ((wrong = read_keys(&reader, ring)) != NULL)
		snprintf(problem, space, "%s, line %d: %s", path, reader.number, wrong);
	else
		problem = NULL;
	fclose(reader.in);
	OPENSSL_cleanse(&reader, sizeof(reader));
	if (problem)
		serve_keyring_forget(ring);
	return problem == NULL;
}
