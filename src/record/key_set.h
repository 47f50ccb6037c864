/*
 * key_set.h
 *		Keys that came already, in few bytes each and up to a bound of memory.
 *
 * A key is remembered by a hash of 64 bits.  Where there is no room for more, keys that
 * are remembered are still found, and all others count as new.
 */
#ifndef MLS_RECORD_KEY_SET_H
#define MLS_RECORD_KEY_SET_H

#include "postgres.h"

typedef struct MlsKeySet MlsKeySet;

typedef enum MlsKeyMet
{
	MLS_KEY_NEW,
	MLS_KEY_EARLIER, /* in a round before this one */
	MLS_KEY_AGAIN    /* in this round */
} MlsKeyMet;

/* An empty set in CurrentMemoryContext, of at most so many kilobytes. */
extern MlsKeySet *mls_key_set_make(int64 kilobytes);

extern void mls_key_set_free(MlsKeySet *set);

/* Has a key come already?  From now on it has, in this round. */
extern MlsKeyMet mls_key_set_add(MlsKeySet *set, const char *key, int length, uint8 round);

/* Did a key come, in any round? */
extern bool mls_key_set_has(MlsKeySet *set, const char *key, int length);

/* How many keys are remembered. */
extern int64 mls_key_set_size(const MlsKeySet *set);

#endif /* MLS_RECORD_KEY_SET_H */
