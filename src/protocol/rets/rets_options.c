/*
 * rets_options.c
 *		Options that only servers of RETS have, beside those of all.
 *
 * Each overrides a constant of the platform.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"

#include "protocol/rets/rets.h"

#define SERVER ForeignServerRelationId
#define IN_SOURCE(member) offsetof(MlsSource, member)

/* In the order of MlsFormat and MlsLookups. */
static const char *const format_names[] = {"compact", "compact-decoded", "standard-xml", NULL};
static const char *const lookups_names[] = {"decoded", "coded", NULL};

/* clang-format off */
const MlsOption mls_rets_options[] = {
	{"key_batch", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(platform.key_batch), .min = 1, .max = 10000,
	 .help = "RETS: most keys in one request; default of the platform."},
	{"object_limit", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(platform.object_limit), .min = 1, .max = 100000,
	 .help = "RETS: most objects taken of one answer by mls_objects, more are an error; default of the platform, 1000."},
	{"object_type", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(platform.object_type),
	 .help = "RETS: type of the objects that mls_media_sync fetches as photos; default of the platform, Photo."},
	{"all_query", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(platform.all_query),
	 .help = "RETS: condition that all records meet; {key} and {timestamp} stand for the table's fields; default: the platform's, else what either range finds."},
	{"rets_version", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(platform.version),
	 .help = "RETS: version to announce, such as 1.7.2; default of the platform."},
	{"standard_names", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.standard_names),
	 .help = "RETS: ask for fields by their standard names instead of system names; default of the platform."},
	{"lookups", SERVER, MLS_OPTION_CHOICE, .offset = IN_SOURCE(platform.lookups), .choices = lookups_names,
	 .help = "RETS: what columns with the option lookup hold: what the codes mean, or the codes; default of the platform."},
	{"format", SERVER, MLS_OPTION_CHOICE, .offset = IN_SOURCE(platform.format), .choices = format_names,
	 .help = "RETS: how records are written: rows with codes, rows with their meaning, or nested elements; default of the platform."},
	{NULL},
};
/* clang-format on */
