/*
 * count.c
 *		How many records there are here and at the source, and what was asked of it
 *		lately.
 *
 * Here they are counted as they are written, in the same transaction, so the
 * number in mls.subscription is right without counting a large table each time
 * somebody looks.  At the source they are counted by whatever has to count them
 * anyway: a first load, a purge, a reconcile; and by mls.count_remote() when
 * somebody asks.  An incremental run costs no request for it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"

#include "read/key_snapshot.h"

PG_FUNCTION_INFO_V1(mls_count_remote);
PG_FUNCTION_INFO_V1(mls_count_local_rows);
PG_FUNCTION_INFO_V1(mls_quota);

/* What to count: without the records that are flagged as removed, where that can be asked. */
static MlsQuery *
count_query(const MlsTable *table)
{
	const char *flag = table->source->platform.deletion_flag;
	const MlsColumn *column = flag ? mls_table_column(table, flag) : NULL;
	MlsQuery *query = palloc0(sizeof(MlsQuery));
	MlsCondition *condition;
	MlsValue *value;

	query->table = table;
	query->limit = -1;
	query->verify_count = true;
	if (column == NULL || column->type != BOOLOID)
		return query;
	value = palloc0(sizeof(MlsValue));
	value->type = BOOLOID;
	value->datum = BoolGetDatum(true);
	value->param = -1;
	condition = palloc0(sizeof(MlsCondition));
	condition->kind = MLS_COMPARE;
	condition->op = MLS_EQ;
	condition->column = column;
	condition->values = list_make1(value);
	if (mls_condition_fit(table, condition) == MLS_FIT_EXACT)
		query->conditions = list_make1(condition);
	return query;
}

/* A subscription whose owner's privileges the caller has; in CurrentMemoryContext. */
static MlsSubscription *
subscription_of(int64 id)
{
	MlsSubscription *sub;
	MemoryContext context = CurrentMemoryContext;
	MemoryContext before;

	SPI_connect();
	before = MemoryContextSwitchTo(context);
	sub = mls_subscription_by_id(id);
	MemoryContextSwitchTo(before);
	SPI_finish();
	if (sub == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such subscription"));
	mls_owner_require_caller(sub, "count");
	return sub;
}

/* mls.count_remote(subscription): asks the source; NULL if it cannot say. */
Datum
mls_count_remote(PG_FUNCTION_ARGS)
{
	MlsSubscription *sub = subscription_of(PG_GETARG_INT64(0));
	MlsTable *table = mls_table_get(sub->foreign_table, sub->owner, true);
	MlsHttpStats stats = {0};
	MlsQuery *query = count_query(table);
	MlsRights before;
	List *bounds;
	int64 rows;

	SPI_connect();
	mls_owner_enter(&before, sub, "count");
	bounds = mls_related_bounds(sub, table);
	rows = bounds != NIL ? mls_related_count(sub, table, bounds, query, &stats)
						 : table->source->protocol->count(query, &stats);
	mls_rights_leave(&before);
	SPI_finish();
	if (rows < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(rows);
}

/* mls.count_local(subscription): counts silver; what it finds is noted unless a process is writing. */
Datum
mls_count_local_rows(PG_FUNCTION_ARGS)
{
	MlsSubscription *sub = subscription_of(PG_GETARG_INT64(0));
	MlsRights before;
	int64 rows;

	SPI_connect();
	mls_owner_enter(&before, sub, "count");
	if (!XactReadOnly && mls_subscription_lock(sub->id, false))
		rows = mls_count_local(sub->id, sub->silver);
	else
	{
		mls_select(psprintf("SELECT pg_catalog.count(*) FROM %s", mls_qualified_name(sub->silver)));
		rows = mls_int8_at(0, 1);
	}
	mls_rights_leave(&before);
	SPI_finish();
	PG_RETURN_INT64(rows);
}

/* ---- What was asked of a source lately, and what it allows ---- */

/* One limit: its window, what was spent in it and what the source allows.  No row without a limit. */
static void
return_limit(ReturnSetInfo *result, const char *window, int64 used, double allowed)
{
	if (allowed > 0)
		mls_return_row(result, mls_arg_text(window), mls_arg_int8(used),
					   mls_arg(FLOAT8OID, Float8GetDatum(allowed)),
					   mls_arg(FLOAT8OID, Float8GetDatum(used / allowed)));
}

/* What files of media have spent, where they have limits of their own. */
static void
return_media_limits(ReturnSetInfo *result, const MlsSource *source)
{
	MlsHttpSource media;
	MlsHttpQuota spent;

	if (source->platform.media_counts)
		return;
	mls_source_media(source, false, 1, &media);
	(void) mls_http_quota(&media, &spent);
	return_limit(result, "media minute", spent.minute, media.rates.per_minute);
	return_limit(result, "media hour", spent.hour, media.rates.per_hour);
	return_limit(result, "media bytes per hour", spent.bytes_hour, media.rates.bytes_per_hour);
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
	return_media_limits(result, source);
	return (Datum) 0;
}
