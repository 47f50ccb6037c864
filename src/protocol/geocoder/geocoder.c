/*
 * geocoder.c
 *		The protocol geocoder: servers that say where an address is.
 *
 * They have no records, so nothing of them can be read or replicated; what they are
 * asked and what they answer stands in rows of mls.geocoder, and the room geo asks.  As a
 * foreign server a geocoder has its address, quota, login, proxy and certificates like
 * any source, and its key in a user mapping.
 *
 * The rates are those of the plan that is free, where there is one; who pays sets others.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"

#include "protocol/geocoder/geocoder.h"
#include "protocol/protocol.h"

static const MlsOption options[] = {
	{"provider", ForeignServerRelationId, MLS_OPTION_TEXT, .own = true,
	 .offset = offsetof(MlsGeocoder, provider),
	 .help = "Geocoder: row of mls.geocoder that says how it is asked and answers; default the one "
			 "of the platform's name."},
	{"keep_days", ForeignServerRelationId, MLS_OPTION_INT, .own = true,
	 .offset = offsetof(MlsGeocoder, keep_days), .min = -1, .max = 36500, .default_value = "-1",
	 .help = "Geocoder: days that its answers may be kept, by your contract; 0 for ever, -1 as "
			 "mls.geocoder says."},
	{NULL},
};

#define COMMON .url_length = 8000, .page_size = 1

static const MlsPlatform platforms[] = {
	{"generic", COMMON},
	/* The public one allows one request a second, of all users of an application together. */
	{"nominatim", COMMON, .rates = {.per_second = 1}},
	{"photon", COMMON},
	{"pelias", COMMON, .key_parameter = "api_key"},
	{"google", COMMON, .key_parameter = "key", .rates = {.per_second = 50}},
	{"mapbox", COMMON, .key_parameter = "access_token", .rates = {.per_minute = 1000}},
	{"census", COMMON, .rates = {.per_second = 5}},
	{"opencage", COMMON, .key_parameter = "key", .rates = {.per_second = 1, .per_day = 2500}},
	{"locationiq", COMMON, .key_parameter = "key", .rates = {.per_second = 2, .per_day = 5000}},
	{"geoapify", COMMON, .key_parameter = "apiKey", .rates = {.per_second = 5, .per_day = 3000}},
};

static const char *const platform_names[] = {"generic",    "nominatim", "photon", "pelias",
											 "google",     "mapbox",    "census", "opencage",
											 "locationiq", "geoapify",  NULL};

static const MlsPlatform *
find_platform(const char *name)
{
	for (int i = 0; i < lengthof(platforms); i++)
		if (strcmp(platforms[i].name, name) == 0)
			return &platforms[i];
	return NULL;
}

extern const MlsProtocol mls_geocoder_protocol;
const MlsProtocol mls_geocoder_protocol = {
	.name = "geocoder",
	.platform = find_platform,
	.platform_names = platform_names,
	.options = options,
	.own_size = sizeof(MlsGeocoder),
};
