/*
 * platforms.c
 *		What is taken for granted of a Qobrix tenant, as a row of constants.
 *
 * A page holds at most 100 records, and the language has a null to compare with.
 * How texts are compared, and what becomes of nulls in negations, is not
 * documented, so these are off; a server option overrides each.
 */
#include "postgres.h"

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
	 .paging = MLS_PAGING_KEYS,
	 .overlap_s = 600},
};

const char *const mls_qobrix_platform_names[] = {"generic", NULL};

const MlsPlatform *
mls_qobrix_platform(const char *name)
{
	return strcmp(name, platforms[0].name) == 0 ? &platforms[0] : NULL;
}
