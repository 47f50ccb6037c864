/*
 * qobrix.c
 *		The Qobrix API as a protocol: its table of functions.
 */
#include "postgres.h"

#include "protocol/qobrix/qobrix.h"

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

const MlsProtocol mls_qobrix_protocol = {
	.name = "qobrix",
	.token_logins = true,
	.platform = mls_qobrix_platform,
	.platform_names = mls_qobrix_platform_names,
	.fit = mls_qobrix_fit,
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
	.tell = mls_qobrix_tell,
	.describe = mls_qobrix_describe,
};
