/*
 * platforms.c
 *		What differs between RETS sources, as rows of constants.
 *
 * Most of them are one vendor's product with settings of each MLS's own, so the
 * generic row assumes what the standard promises and checks what is often broken;
 * a server option overrides each.
 */
#include "postgres.h"

#include "protocol/rets/talk.h"

#define COMMON                                                                                     \
	.version = "1.7.2", .format = MLS_FORMAT_COMPACT, .paging = MLS_PAGING_PROBE,                  \
	.page_size = 1000, .key_page_size = 100000, .expand_page_size = 1000,                          \
	.ordering = MLS_ORDER_NONE, .or_allowed = true, .parentheses_allowed = true,                   \
	.any_allowed = true, .text_match = true, .timestamp_digits = 3, .count_exact = true,           \
	.url_length = 100000, .key_batch = 100, .object_limit = 1000, .overlap_s = 600

static const MlsPlatform platforms[] = {
	{COMMON, .name = "generic"},

	/*
	 * CREA's Data Distribution Facility knows three queries: all keys, records by key,
	 * and what has changed since; 100 records at a time.
	 */
	{COMMON, .name = "crea", .format = MLS_FORMAT_COMPACT_DECODED, .page_size = 100,
	 .all_query = "({key}=*)", .in_allowed = true, .timestamp_alone = true, .timestamp_digits = 0,
	 .paging = MLS_PAGING_KEYS, .or_allowed = false, .text_match = false, .any_allowed = false,
	 .timestamp = "LastUpdated", .overlap_s = 3600},
};

const char *const mls_rets_platform_names[] = {"generic", "crea", NULL};

const MlsPlatform *
mls_rets_platform(const char *name)
{
	for (int i = 0; i < lengthof(platforms); i++)
		if (strcmp(platforms[i].name, name) == 0)
			return &platforms[i];
	return NULL;
}
