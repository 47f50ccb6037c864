/*
 * cron.c
 *		mls.cron_database() and mls.cron_timezone(): where pg_cron lives, and by
 *		which clock.
 *
 * The settings that tell are shown to superusers only, who are rarely those who
 * schedule or watch; neither is a secret to whoever may connect to a database.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

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
