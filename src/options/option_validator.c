/*
 * option_validator.c
 *		The wrapper's validator.
 *
 * It sees the list as it will be after ALTER, never what it was before, so every
 * rule is about values and none about changes.  It never looks at the network:
 * a dump must restore where the source cannot be reached; mls_check() is the
 * function that connects.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "options/option_table.h"
#include "protocol/protocol.h"

PG_FUNCTION_INFO_V1(mls_fdw_validator);

/* Most edits between a misspelt name and a suggestion; the server's own limit for options. */
#define MAX_DISTANCE 4

/*
 * The name nearest to what was written, or NULL if none is near.  A match must
 * leave at least half of the word standing.
 */
static const char *
nearest_name(const char *written, const char *const *names)
{
	const char *nearest = NULL;
	int length = strlen(written);
	int limit = Min(MAX_DISTANCE, length / 2);

	/* The distance function refuses very long strings; no name of ours is that long. */
	if (length > NAMEDATALEN)
		return NULL;
	for (int i = 0; names[i]; i++)
	{
		int distance = varstr_levenshtein_less_equal(written, length, names[i], strlen(names[i]), 1,
													 1, 1, limit, true);

		if (distance <= limit)
		{
			nearest = names[i];
			limit = distance - 1;
		}
	}
	return nearest;
}

/* Names of a catalog's options, ended by NULL. */
static const char **
option_names(Oid catalog)
{
	const char **names = palloc0((mls_option_count + 1) * sizeof(char *));
	int count = 0;

	for (int i = 0; i < mls_option_count; i++)
		if (mls_option_table[i].catalog == catalog)
			names[count++] = mls_option_table[i].name;
	return names;
}

/* Where else an option of this name is valid, in words, or NULL. */
static const char *
other_place(const char *name)
{
	for (int i = 0; i < mls_option_count; i++)
		if (strcmp(mls_option_table[i].name, name) == 0)
			return mls_option_catalog_name(mls_option_table[i].catalog);
	return NULL;
}

pg_noreturn static void report_unknown_option(Oid catalog, const char *name);

static void
report_unknown_option(Oid catalog, const char *name)
{
	const char **names = option_names(catalog);
	const char *place = other_place(name);
	const char *nearest = nearest_name(name, names);
	const char *hint;

	if (names[0] == NULL)
		hint = "There are no valid options in this context.";
	else if (place)
		hint = psprintf("It is an option of another object: %s.", place);
	else if (nearest)
		hint = psprintf("Perhaps you meant the option \"%s\".", nearest);
	else
		hint = "The function mls_options() lists all options.";
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
					errhint("%s", hint)));
}

static void
require_option(List *options, const char *name, const char *reason)
{
	if (mls_option_text(options, name) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" is required", name), reason ? errdetail("%s", reason) : 0));
}

pg_noreturn static void
report_name(const char *option, const char *value, const char *const *names);

/* A protocol or platform that does not exist. */
static void
report_name(const char *option, const char *value, const char *const *names)
{
	const char *nearest = nearest_name(value, names);
	StringInfoData all;

	initStringInfo(&all);
	for (int i = 0; names[i]; i++)
		appendStringInfo(&all, "%s%s", i == 0 ? "" : ", ", names[i]);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for option \"%s\": \"%.200s\"", option, value),
					nearest ? errhint("Perhaps you meant \"%s\".", nearest)
							: errhint("Valid values are: %s.", all.data)));
}

static void
check_platform(List *options, const MlsProtocol *protocol)
{
	const char *name = mls_option_text(options, "platform");
	const MlsPlatform *platform = protocol->platform(
		name ? name : mls_option_find(ForeignServerRelationId, "platform")->default_value);

	if (platform == NULL)
		report_name("platform", name, protocol->platform_names);
	if (platform->required_filter && strstr(platform->required_filter, "%s"))
		require_option(options, "originating_system",
					   psprintf("Platform \"%s\" answers for one originating system at a time.",
								platform->name));
}

static void
check_events(List *options)
{
	static const char *const events[] = {"started", "finished", "failed", "recovered", NULL};
	const MlsOption *option = mls_option_find(ForeignServerRelationId, "webhook_events");
	const char *value = mls_option_text(options, option->name);
	List *names = NIL;
	ListCell *lc;

	if (value == NULL)
		return;
	mls_option_read(option, value, &names);
	foreach (lc, names)
	{
		int i = 0;

		while (events[i] != NULL && strcmp(events[i], lfirst(lc)) != 0)
			i++;
		if (events[i] == NULL)
			report_name(option->name, lfirst(lc), events);
	}
}

/* What cannot be said of one option alone. */
static void
check_server(List *options)
{
	const char *name = mls_option_text(options, "protocol");
	const MlsProtocol *protocol = mls_protocol_find(name);
	const char *system = mls_option_text(options, "originating_system");
	const char *header = mls_option_text(options, "header_name");

	if (protocol == NULL)
		report_name("protocol", name, mls_protocol_names);
	check_platform(options, protocol);
	check_events(options);
	/* It goes into a quoted literal. */
	if (system && strchr(system, '\''))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"originating_system\": \"%.200s\"", system),
				 errdetail("The value must not hold quotes.")));
	if (header && strspn(header, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
								 "0123456789-_.") != strlen(header))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"header_name\": \"%.200s\"", header),
						errdetail("The name of a header is letters, digits and hyphens.")));
}

/* Would a path of these segments leave the service root, or end as something else than a path? */
static bool
leaves_root(const char *path)
{
	const char *segment = path;

	for (;;)
	{
		int length = strcspn(segment, "/");

		if (length == 0 || (length <= 2 && strspn(segment, ".") >= length))
			return true;
		if (segment[length] == '\0')
			return strpbrk(path, "?#\\%") != NULL;
		segment += length + 1;
	}
}

/* The resource becomes a part of every address. */
static void
check_table(List *options)
{
	const char *resource = mls_option_text(options, "resource");

	if (resource && leaves_root(resource))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"resource\": \"%.200s\"", resource),
				 errdetail("It is a name below the address of the server, such as Property.")));
}

void
mls_option_check_list(Oid catalog, List *options)
{
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);
		const MlsOption *option = mls_option_find(catalog, def->defname);

		if (option == NULL)
			report_unknown_option(catalog, def->defname);
		mls_option_check(option, defGetString(def));
	}
	for (int i = 0; i < mls_option_count; i++)
		if (mls_option_table[i].catalog == catalog && mls_option_table[i].required)
			require_option(options, mls_option_table[i].name, NULL);
}

/* mls_fdw_validator(text[], oid): errors if the options are not valid for an object of the catalog. */
Datum
mls_fdw_validator(PG_FUNCTION_ARGS)
{
	List *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid catalog = PG_GETARG_OID(1);

	/* The wrapper itself has none; its catalog is not in the table. */
	mls_option_check_list(catalog, options);
	if (catalog == ForeignServerRelationId)
		check_server(options);
	if (catalog == ForeignTableRelationId)
		check_table(options);
	PG_RETURN_VOID();
}
