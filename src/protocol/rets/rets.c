/*
 * rets.c
 *		RETS as a protocol: what differs between its sources, as rows of constants, and
 *		its table of functions.
 *
 * Most sources are one vendor's product with settings of each MLS's own, so the generic row
 * assumes what the standard promises and checks what is often broken; a server option
 * overrides each.
 */
#include "postgres.h"

#include "protocol/rets/rets.h"

#define COMMON                                                                                     \
	.version = "1.7.2", .format = MLS_FORMAT_COMPACT, .paging = MLS_PAGING_PROBE,                  \
	.page_size = 1000, .key_page_size = 100000, .expand_page_size = 1000,                          \
	.ordering = MLS_ORDER_NONE, .or_allowed = true, .parentheses_allowed = true,                   \
	.any_allowed = true, .text_match = true, .timestamp_digits = 3, .count_exact = true,           \
	.url_length = 100000, .key_batch = 100, .object_limit = 1000, .object_type = "Photo",          \
	.media_timestamp = "MediaModificationTimestamp", .overlap_s = 600

static const MlsPlatform platforms[] = {
	{COMMON, .name = "generic"},

	/*
	 * CREA's Data Distribution Facility knows three queries: all keys, records by key,
	 * and what has changed since; 100 records at a time.
	 */
	{COMMON, .name = "crea", .format = MLS_FORMAT_COMPACT_DECODED, .page_size = 100,
	 .all_query = "({key}=*)", .in_allowed = true, .timestamp_alone = true, .timestamp_digits = 0,
	 .paging = MLS_PAGING_KEYS, .or_allowed = false, .text_match = false, .any_allowed = false,
	 .timestamp = "LastUpdated", .object_type = "LargePhoto", .object_commas = true,
	 .media_timestamp = "PhotoLastUpdated", .overlap_s = 3600},
};

static const char *const platform_names[] = {"generic", "crea", NULL};

static const MlsPlatform *
find_platform(const char *name)
{
	for (int i = 0; i < lengthof(platforms); i++)
		if (strcmp(platforms[i].name, name) == 0)
			return &platforms[i];
	return NULL;
}

/* A search has no order. */
static bool
sortable(const MlsTable *table, const MlsColumn *column)
{
	return false;
}

static bool
countable(const MlsTable *table)
{
	return table->source->platform.count_exact;
}

/* The latter two are CREA's. */
static const char *const media_addresses[] = {"MediaURL", "LargePhotoURL", "PhotoURL", NULL};

const MlsProtocol mls_rets_protocol = {
	.name = "rets",
	.sessions = true,
	.platform = find_platform,
	.platform_names = platform_names,
	.options = mls_rets_options,
	.writer = mls_rets_writer,
	.sortable = sortable,
	.countable = countable,
	.show = mls_rets_show,
	.open = mls_rets_open,
	.start = mls_rets_start,
	.next_page = mls_rets_next_page,
	.close = mls_rets_close,
	.count = mls_rets_count,
	.expansions = mls_rets_expansions,
	.media_addresses = media_addresses,
	.media_login = true,
	.objects = mls_rets_fetch_objects,
	.log_in = mls_rets_log_in,
	.try_conditions = mls_rets_try_conditions,
	.describe = mls_rets_describe,
	.read_metadata = mls_rets_read_metadata,
};
