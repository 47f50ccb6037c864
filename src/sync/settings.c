/*
 * settings.c
 *		The settings of replication.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/guc.h"

#include "sync/sync.h"

int mls_max_sync_workers = 4;

/* Both in seconds. */
int mls_retry_delay_s = 60;
int mls_retry_delay_max_s = 6 * 60 * 60;

/* Read by SQL, with current_setting(): see schedule.sql. */
static int run_retention = 90 * HOURS_PER_DAY * MINS_PER_HOUR;
static int change_retention = 30 * HOURS_PER_DAY * MINS_PER_HOUR;
static int issue_retention = 90 * HOURS_PER_DAY * MINS_PER_HOUR;

static void
define_retention(const char *name, const char *description, int *value)
{
	DefineCustomIntVariable(name, description, "0 keeps them for ever.", value, *value, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MIN, NULL, NULL, NULL);
}

void
mls_sync_define_settings(void)
{
	DefineCustomIntVariable("mls_fdw.max_sync_workers",
							"Processes with which one call of mls_sync() works at the same time.",
							"Each takes one of max_worker_processes.", &mls_max_sync_workers, 4, 1,
							64, PGC_USERSET, 0, NULL, NULL, NULL);
	define_retention("mls_fdw.run_retention", "How long mls_prune() keeps runs.", &run_retention);
	define_retention("mls_fdw.change_retention", "How long mls_prune() keeps changes of gold.",
					 &change_retention);
	define_retention("mls_fdw.issue_retention",
					 "How long mls_prune() keeps issues that were solved.", &issue_retention);
	DefineCustomIntVariable("mls_fdw.retry_delay",
							"How long after a failed sync the next attempt is due.",
							"Doubled with each further failure.", &mls_retry_delay_s, 60, 1,
							INT_MAX / 1000, PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("mls_fdw.retry_delay_max",
							"The longest time between two attempts of a sync that fails.", NULL,
							&mls_retry_delay_max_s, 6 * 60 * 60, 1, INT_MAX / 1000, PGC_USERSET,
							GUC_UNIT_S, NULL, NULL, NULL);
}
