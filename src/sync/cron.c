/*
 * cron.c
 *		mls.cron_database(): where pg_cron lives.
 *
 * The settings that tell are shown to superusers only, who are rarely those who
 * schedule; the name of a database is no secret to whoever may connect to one.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(mls_cron_database);

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

/* mls.cron_database(): NULL if the server has not loaded pg_cron. */
Datum
mls_cron_database(PG_FUNCTION_ARGS)
{
	const char *name;

	if (!is_preloaded())
		PG_RETURN_NULL();
	name = GetConfigOption("cron.database_name", true, false);
	PG_RETURN_TEXT_P(cstring_to_text(name && name[0] ? name : "postgres"));
}
