/*
 * reso.c
 *		The RESO Web API as a protocol: its table of functions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "protocol/reso/metadata.h"
#include "protocol/reso/reso.h"

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
			return true;
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

const MlsProtocol mls_reso_protocol = {
	.name = "reso",
	.platform = mls_reso_platform,
	.platform_names = mls_reso_platform_names,
	.fit = mls_reso_fit,
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
	.describe = mls_reso_describe,
	.read_metadata = mls_reso_read_metadata,
};
