/*
 * cursor.c
 *		What a run asks for: from which timestamp on, after which record, in which
 *		order.
 *
 * Everything is allocated in CurrentMemoryContext.
 */
#include "postgres.h"

#include "read/read.h"
#include "subscription/subscription.h"

static MlsCondition *
condition_on_timestamp(const MlsTable *table, MlsConditionKind kind)
{
	MlsCondition *condition = palloc0(sizeof(MlsCondition));

	condition->kind = kind;
	condition->op = MLS_GE;
	condition->column = mls_table_column(table, table->timestamp);
	return condition;
}

/* A value in the source's own spelling: no digit is lost. */
static MlsValue *
remote_value(const char *text)
{
	MlsValue *value = palloc0(sizeof(MlsValue));

	value->type = InvalidOid;
	value->param = -1;
	value->text = pstrdup(text);
	return value;
}

/* The cursor minus the overlap: records can become visible late, with an older timestamp.  NULL: no bound. */
char *
mls_cursor_start(const MlsTable *table, const MlsSubscription *sub)
{
	const MlsPlatform *platform = &table->source->platform;
	const char *timestamp = mls_cursor_of(sub);
	MlsExactTime cursor;

	if (timestamp == NULL || table->timestamp == NULL ||
		!mls_exact_time_read(timestamp, table->source->timezone, &cursor))
		return NULL;
	return mls_exact_time_text(cursor.at - platform->overlap_s * USECS_PER_SEC,
							   platform->timestamp_digits);
}

/* The cursor a run goes by: none when everything is read again. */
const char *
mls_cursor_of(const MlsSubscription *sub)
{
	return sub->reading_all ? NULL : sub->cursor_timestamp;
}

/* From a timestamp on; NULL for no bound (List of MlsCondition *). */
List *
mls_cursor_from(const MlsTable *table, const char *timestamp)
{
	MlsCondition *condition;

	if (timestamp == NULL)
		return NIL;
	condition = condition_on_timestamp(table, MLS_COMPARE);
	condition->values = list_make1(remote_value(timestamp));
	return list_make1(condition);
}

/* From a timestamp on and before another; NULL for no bound (List of MlsCondition *). */
List *
mls_cursor_within(const MlsTable *table, const char *from, const char *to)
{
	List *conditions = mls_cursor_from(table, from);
	MlsCondition *condition;

	if (to == NULL)
		return conditions;
	condition = condition_on_timestamp(table, MLS_COMPARE);
	condition->op = MLS_LT;
	condition->values = list_make1(remote_value(to));
	return lappend(conditions, condition);
}

/* Without a timestamp (List of MlsCondition *). */
List *
mls_cursor_untimed(const MlsTable *table)
{
	return list_make1(condition_on_timestamp(table, MLS_IS_NULL));
}

/* One of some conditions at least. */
MlsCondition *
mls_cursor_any(List *conditions)
{
	MlsCondition *any = palloc0(sizeof(MlsCondition));

	any->kind = MLS_OR;
	any->args = conditions;
	return any;
}

/* What comes after a record in the order of mls_cursor_order(). */
List *
mls_cursor_after(const MlsTable *table, const char *timestamp, const char *key)
{
	MlsCondition *condition = condition_on_timestamp(table, MLS_AFTER);

	condition->values = list_make2(remote_value(timestamp), remote_value(key));
	return list_make1(condition);
}

/* By timestamp, then key (List of MlsOrder *). */
List *
mls_cursor_order(const MlsTable *table)
{
	MlsOrder *timestamp = palloc0(sizeof(MlsOrder));
	MlsOrder *key = palloc0(sizeof(MlsOrder));

	timestamp->field = table->timestamp;
	key->field = linitial(table->key);
	return list_make2(timestamp, key);
}

/* Records asked for per page. */
int
mls_cursor_page_size(const MlsTable *table)
{
	const MlsPlatform *platform = &table->source->platform;

	return table->expand ? Min(platform->expand_page_size, platform->page_size)
						 : platform->page_size;
}

/* ---- By the values of a field ---- */

static void
require_fit(const MlsTable *table, MlsCondition *condition)
{
	if (mls_condition_fit(table, condition) == MLS_FIT_NO)
		ereport(ERROR, errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
				errmsg("records of resource \"%s\" of source \"%s\" cannot be asked for by key",
					   table->resource, table->source->name),
				errdetail("The source does not filter by field \"%s\".", condition->column->field));
}

/* Asks for the records in which a field has one of some values; in CurrentMemoryContext. */
MlsQuery *
mls_cursor_by_values(const MlsTable *table, const char *field, char **values, int n)
{
	MlsCondition *condition = palloc0(sizeof(MlsCondition));
	MlsQuery *query = palloc0(sizeof(MlsQuery));

	condition->kind = MLS_IN;
	condition->op = MLS_EQ;
	condition->column = mls_table_column(table, field);
	for (int i = 0; i < n; i++)
		condition->values = lappend(condition->values, remote_value(values[i]));
	require_fit(table, condition);

	query->table = table;
	query->fields = mls_asked_fields(table);
	query->conditions = list_make1(condition);
	query->limit = -1;
	query->verify_count = true;
	query->keeps = table->source->schema_policy != MLS_SCHEMA_STOP;
	return query;
}
