/*
 * qobrix.c
 *		The Qobrix API as a protocol: its platforms and its table of functions.
 *
 * A page holds at most 100 records, and the language has a null to compare with.
 * How texts are compared, and what becomes of nulls in negations, is not
 * documented, so these are off; a server option overrides each.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"

#include "protocol/qobrix/qobrix.h"

static const MlsPlatform platforms[] = {
	{.name = "generic",
	 .token_url = "session/",
	 .token_style = MLS_TOKEN_JSON,
	 .page_size = QOBRIX_MOST,
	 .key_page_size = QOBRIX_MOST,
	 .expand_page_size = QOBRIX_MOST,
	 .ordering = MLS_ORDER_ANY,
	 .or_allowed = true,
	 .in_allowed = true,
	 .parentheses_allowed = true,
	 .url_length = 6000,
	 .null_tests = true,
	 .text_match = true,
	 .count_exact = true,
	 .timestamp = "modified",
	 .media_timestamp = "modified",
	 .paging = MLS_PAGING_KEYS,
	 .overlap_s = 600},
};

static const char *const platform_names[] = {"generic", NULL};

static const MlsPlatform *
find_platform(const char *name)
{
	return strcmp(name, platforms[0].name) == 0 ? &platforms[0] : NULL;
}

static bool
countable(const MlsTable *table)
{
	return table->source->platform.count_exact && strcmp(table->resource, QOBRIX_MEDIA) != 0 &&
		   !mls_total_is_refuted(table);
}

/* Collections come whole. */
static char *
rest_link(const MlsTable *table, const MlsRecord *record, const char *expansion)
{
	return NULL;
}

static const char *const media_addresses[] = {"file/href", NULL};

/* In one order; pictures have these, ready made, beside the file itself. */
static const char *const size_names[] = {"original", "huge",  "xlarge", "large",
										 "medium",   "small", "tiny",   NULL};
static const char *const media_sizes[] = {NULL,
										  "file/thumbnails/huge",
										  "file/thumbnails/xlarge",
										  "file/thumbnails/large",
										  "file/thumbnails/medium",
										  "file/thumbnails/small",
										  "file/thumbnails/tiny"};

static const MlsOption options[] = {
	{"media_size", ForeignServerRelationId, MLS_OPTION_CHOICE,
	 .offset = offsetof(MlsSource, platform.media_size), .choices = size_names,
	 .help = "Qobrix: which size of pictures mls_media_sync fetches, of those that are ready made; "
			 "default original."},
	{NULL},
};

const MlsProtocol mls_qobrix_protocol = {
	.name = "qobrix",
	.token_logins = true,
	.platform = find_platform,
	.platform_names = platform_names,
	.options = options,
	.writer = mls_qobrix_writer,
	.sortable = mls_qobrix_sortable,
	.countable = countable,
	.show = mls_qobrix_show,
	.open = mls_qobrix_open,
	.start = mls_chain_start,
	.next_page = mls_chain_next_page,
	.close = mls_chain_close,
	.count = mls_qobrix_count,
	.expansions = mls_qobrix_expansions,
	.rest_link = rest_link,
	.holders = mls_qobrix_holders,
	.media_addresses = media_addresses,
	.media_sizes = media_sizes,
	.media_login = true,
	.tell = mls_qobrix_tell,
	.describe = mls_qobrix_describe,
};
