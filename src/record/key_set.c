/*
 * key_set.c
 *		Keys that came already.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "record/key_set.h"

typedef struct Met
{
	uint64 hash;
	uint8 round;
	char status;
} Met;

#define SH_PREFIX met
#define SH_ELEMENT_TYPE Met
#define SH_KEY_TYPE uint64
#define SH_KEY hash
#define SH_HASH_KEY(table, key) ((uint32) (key))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define FIRST_SIZE 256

struct MlsKeySet
{
	met_hash *keys;
	uint64 most;
};

MlsKeySet *
mls_key_set_make(int64 kilobytes)
{
	MlsKeySet *set = palloc(sizeof(MlsKeySet));

	/* A table is never full, and while it grows it is there twice. */
	set->most = Max((uint64) kilobytes * 1024 / (4 * sizeof(Met)), FIRST_SIZE);
	set->keys = met_create(CurrentMemoryContext, FIRST_SIZE, NULL);
	return set;
}

void
mls_key_set_free(MlsKeySet *set)
{
	met_destroy(set->keys);
	pfree(set);
}

static uint64
hash_of(const char *key, int length)
{
	return hash_bytes_extended((const unsigned char *) key, length, 0);
}

MlsKeyMet
mls_key_set_add(MlsKeySet *set, const char *key, int length, uint8 round)
{
	uint64 hash = hash_of(key, length);
	MlsKeyMet answer = MLS_KEY_NEW;
	bool found = false;
	Met *met;

	if (set->keys->members < set->most)
		met = met_insert(set->keys, hash, &found);
	else
		found = (met = met_lookup(set->keys, hash)) != NULL;
	if (found)
		answer = met->round == round ? MLS_KEY_AGAIN : MLS_KEY_EARLIER;
	if (met)
		met->round = round;
	return answer;
}

bool
mls_key_set_has(MlsKeySet *set, const char *key, int length)
{
	return met_lookup(set->keys, hash_of(key, length)) != NULL;
}

int64
mls_key_set_size(const MlsKeySet *set)
{
	return set->keys->members;
}
