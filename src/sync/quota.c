/*
 * quota.c
 *		mls_quota(): what was asked of a source lately, and what it allows.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "options/options.h"

#define RESULT_COLUMNS 4

PG_FUNCTION_INFO_V1(mls_quota);

/* One limit: its window, what was spent in it and what the source allows.  No row without a limit. */
static void
return_limit(ReturnSetInfo *result, const char *window, int64 used, double allowed)
{
	Datum values[RESULT_COLUMNS];
	bool isnull[RESULT_COLUMNS] = {false};

	if (allowed <= 0)
		return;
	values[0] = CStringGetTextDatum(window);
	values[1] = Int64GetDatum(used);
	values[2] = Float8GetDatum(allowed);
	values[3] = Float8GetDatum(used / allowed);
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

/* mls_quota(source): a row per limit of the source. */
Datum
mls_quota(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MlsSource *source =
		mls_source_by_name(text_to_cstring(PG_GETARG_TEXT_PP(0)), GetUserId(), false);
	const MlsRates *rates = &source->http.rates;
	MlsHttpQuota spent;

	InitMaterializedSRF(fcinfo, 0);
	/* False leaves zeros: nothing was asked yet. */
	(void) mls_http_quota(&source->http, &spent);
	return_limit(result, "second", spent.second, rates->per_second);
	return_limit(result, "minute", spent.minute, rates->per_minute);
	return_limit(result, "hour", spent.hour, rates->per_hour);
	return_limit(result, "day", spent.day, rates->per_day);
	return_limit(result, "bytes per hour", spent.bytes_hour, rates->bytes_per_hour);
	return (Datum) 0;
}
