/*
 * reso.c
 *		The RESO Web API as a protocol: its platforms and its table of functions.
 *
 * The numbers of the platforms are what the vendors publish or what public clients
 * measured; a server option overrides each.  The generic row assumes only what every
 * OData 4 server does; a false assumption about null_tests, not_equal or negation would
 * lose rows, so these are off wherever nobody has shown them to be faithful.
 */
#include "postgres.h"

#include "protocol/reso/reso.h"

#define HOUR_BYTES(gb) (INT64CONST(gb) * 1024 * 1024 * 1024)

#define COMMON                                                                                     \
	.token_style = MLS_TOKEN_FORM, .page_size = 1000, .key_page_size = 1000,                       \
	.expand_page_size = 200, .ordering = MLS_ORDER_ANY, .or_allowed = true,                        \
	.parentheses_allowed = true, .url_length = 2000, .any_allowed = true, .text_match = true,      \
	.timestamp_digits = 3, .count_exact = true, .timestamp = "ModificationTimestamp",              \
	.media_timestamp = "MediaModificationTimestamp", .overlap_s = 600

static const MlsPlatform platforms[] = {
	{COMMON, .name = "generic", .prefer = true},

	/* Multi-value fields are flags; $top is a page size; quotas per product. */
	{COMMON, .name = "trestle", .token_url = "https://api.cotality.com/trestle/oidc/connect/token",
	 .scope = "api", .key_page_size = 300000, .in_allowed = true, .url_length = 7168,
	 .any_allowed = false, .replication_path = "?replication=true",
	 .rates = {.per_minute = 180, .per_hour = 7200},
	 .media_rates = {.per_minute = 480, .per_hour = 18000}},

	/* Beyond 10,000 rows only the replication path, which knows no order. */
	{COMMON, .name = "bridge", .prefer = true, .page_size = 200, .key_page_size = 200,
	 .expand_page_size = 100, .url_length = 5000, .replication_path = "/replication",
	 .rates = {.per_minute = 334, .per_hour = 5000}},

	/* Always in order of modification, no $orderby, one system per request. */
	{COMMON, .name = "mlsgrid", .page_size = 5000, .key_page_size = 5000, .expand_page_size = 1000,
	 .ordering = MLS_ORDER_TIMESTAMP, .in_allowed = true, .parentheses_allowed = false, .max_or = 5,
	 .url_length = 7168, .required_filter = "OriginatingSystemName eq %s",
	 .deletion_flag = "MlgCanView", .text_match = false, .count_exact = false,
	 .rates =
		 {.per_second = 2, .per_hour = 7200, .per_day = 40000, .bytes_per_hour = HOUR_BYTES(4)},
	 .media_counts = true, .media_token_agent = true, .media_hosts = "mlsgrid.com, *.mlsgrid.com"},

	/* Caches make changes visible late: go back twenty minutes. */
	{COMMON, .name = "spark", .overlap_s = 1200},

	/* Enumerations as Namespace.Type'Value' only; record timestamps have names of their own. */
	{COMMON, .name = "rmls", .url_length = 5246, .enum_qualified = true},

	/* Expanded collections end after ten records, without a word. */
	{COMMON, .name = "utah", .page_size = 200, .key_page_size = 200, .enum_qualified = true,
	 .expand_limit = 10},
};

static const char *const platform_names[] = {"generic", "trestle", "bridge", "mlsgrid",
											 "spark",   "rmls",    "utah",   NULL};

static const MlsPlatform *
find_platform(const char *name)
{
	for (int i = 0; i < lengthof(platforms); i++)
		if (strcmp(platforms[i].name, name) == 0)
			return &platforms[i];
	return NULL;
}

/* Only types whose order is the same everywhere. */
static bool
sortable(const MlsTable *table, const MlsColumn *column)
{
	if (table->source->platform.ordering != MLS_ORDER_ANY ||
		mls_reso_refused(table, RESO_USE_ORDER, column->field))
		return false;
	switch (mls_reso_type(column))
	{
		case RESO_INTEGER:
		case RESO_DECIMAL:
		case RESO_DATE:
		case RESO_TIMESTAMP:
			return true;
		default:
			return false;
	}
}

static bool
countable(const MlsTable *table)
{
	return table->source->platform.count_exact && !mls_total_is_refuted(table);
}

static const char *const media_addresses[] = {"MediaURL", NULL};

const MlsProtocol mls_reso_protocol = {
	.name = "reso",
	.platform = find_platform,
	.platform_names = platform_names,
	.writer = mls_reso_writer,
	.sortable = sortable,
	.countable = countable,
	.show = mls_reso_show,
	.open = mls_reso_open,
	.start = mls_chain_start,
	.next_page = mls_chain_next_page,
	.close = mls_chain_close,
	.count = mls_reso_count,
	.expansions = mls_reso_expansions,
	.rest_link = mls_reso_rest_link,
	.media_addresses = media_addresses,
	.describe = mls_reso_describe,
	.read_metadata = mls_reso_read_metadata,
};
