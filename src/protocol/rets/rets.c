/*
 * rets.c
 *		RETS as a protocol: its table of functions.
 */
#include "postgres.h"

#include "protocol/rets/talk.h"

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

const MlsProtocol mls_rets_protocol = {
	.name = "rets",
	.sessions = true,
	.platform = mls_rets_platform,
	.platform_names = mls_rets_platform_names,
	.fit = mls_rets_fit,
	.sortable = sortable,
	.countable = countable,
	.show = mls_rets_show,
	.open = mls_rets_open,
	.start = mls_rets_start,
	.next_page = mls_rets_next_page,
	.close = mls_rets_close,
	.count = mls_rets_count,
	.expansions = mls_rets_expansions,
	.objects = mls_rets_fetch_objects,
	.log_in = mls_rets_log_in,
	.try_conditions = mls_rets_try_conditions,
	.describe = mls_rets_describe,
	.read_metadata = mls_rets_read_metadata,
};
