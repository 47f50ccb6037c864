/*
 * schedule.c
 *		mls.cron_database() and mls.cron_timezone(): where pg_cron lives, and by
 *		which clock.
 *
 * The settings that tell are shown to superusers only, who are rarely those who
 * schedule or watch; neither is a secret to whoever may connect to a database.
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/varlena.h"

#include "run/run.h"

PG_FUNCTION_INFO_V1(mls_cron_database);
PG_FUNCTION_INFO_V1(mls_cron_timezone);

/* "pg_cron", "pg_cron.so" or a path to it. */
static bool
is_cron(const char *library)
{
	const char *slash = strrchr(library, '/');
	const char *name = slash ? slash + 1 : library;

	return strcmp(name, "pg_cron") == 0 || strcmp(name, "pg_cron.so") == 0;
}

static bool
is_preloaded(void)
{
	char *libraries = pstrdup(GetConfigOption("shared_preload_libraries", false, false));
	List *names;
	ListCell *lc;

	if (!SplitDirectoriesString(libraries, ',', &names))
		return false;
	foreach (lc, names)
		if (is_cron(lfirst(lc)))
			return true;
	return false;
}

/* A setting of pg_cron, or what it is by default. */
static const char *
setting_or(const char *name, const char *otherwise)
{
	const char *value = GetConfigOption(name, true, false);

	return value && value[0] ? value : otherwise;
}

/* mls.cron_database(): NULL if the server has not loaded pg_cron. */
Datum
mls_cron_database(PG_FUNCTION_ARGS)
{
	if (!is_preloaded())
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(setting_or("cron.database_name", "postgres")));
}

/* mls.cron_timezone(): the time zone of schedules. */
Datum
mls_cron_timezone(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(setting_or("cron.timezone", "GMT")));
}

/* ---- The settings of replication ---- */

int mls_max_sync_workers = 4;

/* In seconds. */
int mls_retry_delay_s = 60;
int mls_file_retry_delay_s = 5 * 60;
int mls_retry_delay_max_s = 6 * 60 * 60;

/* Read by SQL, with current_setting(): see schedule.sql. */
static int run_retention = 90 * HOURS_PER_DAY * MINS_PER_HOUR;
static int change_retention = 30 * HOURS_PER_DAY * MINS_PER_HOUR;
static int issue_retention = 90 * HOURS_PER_DAY * MINS_PER_HOUR;
static int history_retention = 0;

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
	define_retention("mls_fdw.history_retention",
					 "How long mls_prune() keeps what mls_serve_history() has written.",
					 &history_retention);
	DefineCustomIntVariable("mls_fdw.retry_delay",
							"How long after a failed sync the next attempt is due.",
							"Doubled with each further failure.", &mls_retry_delay_s, 60, 1,
							INT_MAX / 1000, PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("mls_fdw.file_retry_delay", "The same where records come from files.",
							"Somebody has to put them there anew.", &mls_file_retry_delay_s, 5 * 60,
							1, INT_MAX / 1000, PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("mls_fdw.retry_delay_max",
							"The longest time between two attempts of a sync that fails.", NULL,
							&mls_retry_delay_max_s, 6 * 60 * 60, 1, INT_MAX / 1000, PGC_USERSET,
							GUC_UNIT_S, NULL, NULL, NULL);
}
