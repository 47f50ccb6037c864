/*
 * settings.c
 *		The settings of replication.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "sync/sync.h"

int mls_max_sync_workers = 4;

void
mls_sync_define_settings(void)
{
	DefineCustomIntVariable("mls_fdw.max_sync_workers",
							"Sources one call of mls_sync() works on at the same time.",
							"Each takes one of max_worker_processes.", &mls_max_sync_workers, 4, 1,
							64, PGC_USERSET, 0, NULL, NULL, NULL);
}
