/*
 * signing_keys.c
 *		Keys that sign tokens: read from a file, two or more at once while they are changed.
 */
#include "serve/token/signing_keys.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "serve/base/encoding.h"
#include "serve/token/token.h"

#define MAX_KEYS 8
#define MIN_SECRET 32
#define MAX_SECRET 512

typedef struct Key
{
	char kid[65];
	char secret[MAX_SECRET + 1];
	size_t length;
} Key;

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static Key keys[MAX_KEYS];
static int nkeys;

/* What is wrong with a line, NULL if nothing is. */
static const char *
read_line(char *line, Key *key)
{
	static const char blank[] = " \t\r\n";
	char *rest = NULL;
	char *kid = strtok_r(line, blank, &rest);
	char *secret = strtok_r(NULL, blank, &rest);

	if (!secret)
		return "a line has the name of a key and its secret";
	if (strtok_r(NULL, blank, &rest))
		return "a line has a name and a secret, and nothing else";
	if (strlen(kid) > sizeof(key->kid) - 1)
		return "the name of a key has at most 64 characters";
	for (const char *c = kid; *c; c++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", *c))
			return "the name of a key has letters, digits, points, dashes and underscores";
	key->length = strlen(secret);
	if (key->length < MIN_SECRET || key->length > MAX_SECRET)
		return "a secret has 32 to 512 characters";
	strcpy(key->kid, kid);
	strcpy(key->secret, secret);
	return NULL;
}

bool
serve_keys_read(const char *path, char *problem, size_t space)
{
	Key found[MAX_KEYS];
	int nfound = 0;
	int number = 0;
	char line[1024];
	struct stat about;
	const char *wrong = NULL;
	FILE *in = fopen(path, "r");

	if (!in || fstat(fileno(in), &about) != 0)
	{
		snprintf(problem, space, "cannot read %s: %s", path, strerror(errno));
		if (in)
			fclose(in);
		return false;
	}
	if (about.st_mode & (S_IROTH | S_IWOTH | S_IWGRP))
	{
		snprintf(problem, space, "%s may be read or written by others: chmod 0600 it", path);
		fclose(in);
		return false;
	}
	while (!wrong && fgets(line, sizeof(line), in))
	{
		size_t first = strspn(line, " \t\r\n");

		number++;
		if (line[first] == '\0' || line[first] == '#')
			continue;
		if (nfound == MAX_KEYS)
			wrong = "there are more than 8 keys";
		else
			wrong = read_line(line + first, &found[nfound]);
		for (int i = 0; !wrong && i < nfound; i++)
			if (strcmp(found[i].kid, found[nfound].kid) == 0)
				wrong = "two keys have one name";
		nfound++;
	}
	fclose(in);
	OPENSSL_cleanse(line, sizeof(line));
	if (!wrong && nfound == 0)
		wrong = "there is no key";
	if (wrong)
		snprintf(problem, space, "%s, line %d: %s", path, number, wrong);
	else
	{
		pthread_rwlock_wrlock(&lock);
		memcpy(keys, found, sizeof(keys));
		nkeys = nfound;
		pthread_rwlock_unlock(&lock);
	}
	OPENSSL_cleanse(found, sizeof(found));
	return !wrong;
}

bool
serve_keys_present(void)
{
	bool present;

	pthread_rwlock_rdlock(&lock);
	present = nkeys > 0;
	pthread_rwlock_unlock(&lock);
	return present;
}

bool
serve_keys_signer(char *kid, size_t space)
{
	bool present;

	pthread_rwlock_rdlock(&lock);
	present = nkeys > 0;
	if (present)
		snprintf(kid, space, "%s", keys[0].kid);
	pthread_rwlock_unlock(&lock);
	return present;
}

static bool
sign_with(const Key *key, const void *data, size_t length, unsigned char mac[SERVE_MAC_BYTES])
{
	unsigned int made = 0;

	return HMAC(EVP_sha256(), key->secret, (int) key->length, data, length, mac, &made) &&
		   made == SERVE_MAC_BYTES;
}

bool
serve_keys_sign(const void *data, size_t length, const char *kid_text,
				unsigned char mac[SERVE_MAC_BYTES])
{
	bool good = false;

	pthread_rwlock_rdlock(&lock);
	for (int i = 0; i < nkeys && !good; i++)
		if (strcmp(keys[i].kid, kid_text) == 0)
			good = sign_with(&keys[i], data, length, mac);
	pthread_rwlock_unlock(&lock);
	return good;
}

bool
serve_keys_verify(const char *kid, const void *data, size_t length,
				  const unsigned char mac[SERVE_MAC_BYTES])
{
	unsigned char own[SERVE_MAC_BYTES];
	bool good = false;

	pthread_rwlock_rdlock(&lock);
	for (int i = 0; i < nkeys && !good; i++)
		if (!kid || strcmp(keys[i].kid, kid) == 0)
			good = sign_with(&keys[i], data, length, own) &&
				   serve_same_bytes(own, mac, SERVE_MAC_BYTES);
	pthread_rwlock_unlock(&lock);
	return good;
}
