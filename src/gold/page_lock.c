/*
 * page_lock.c
 *		Pages of runs and those who change what pages rely on wait for each other.
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/base.h"
#include "gold/gold.h"

PG_FUNCTION_INFO_V1(mls_pause_pages);

/* The two locks between pages. */
#define MEMBERS_LOCK 0 /* shared by pages; exclusive for who changes what pages rely on */
#define KEYS_LOCK 1    /* of a page whose keys others could have */

void
mls_gold_lock_keys(void)
{
	mls_lock(MLS_LOCK_PAGES, KEYS_LOCK, ExclusiveLock);
}

void
mls_gold_lock_members(void)
{
	mls_lock(MLS_LOCK_PAGES, MEMBERS_LOCK, ShareLock);
}

void
mls_gold_unlock_members(void)
{
	mls_lock_release(MLS_LOCK_PAGES, MEMBERS_LOCK, ShareLock, false);
}

/* Who has written a page in this transaction would wait for those who wait for its keys. */
void
mls_gold_pause_pages(void)
{
	mls_lock(MLS_LOCK_PAGES, KEYS_LOCK, ExclusiveLock);
	mls_lock(MLS_LOCK_PAGES, MEMBERS_LOCK, ExclusiveLock);
}

/* mls.pause_pages() */
Datum
mls_pause_pages(PG_FUNCTION_ARGS)
{
	mls_gold_pause_pages();
	PG_RETURN_VOID();
}
