/*
 * parallel_range.c
 *		Rows of mls.range: the parts of a load that several processes share.
 *
 * Statements run in the caller's transaction, with SPI connected.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "jobs/parallel.h"

static Datum
value_at(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/* 0 for NULL. */
static int64
number_at(uint64 row, int column)
{
	bool isnull;
	Datum value = value_at(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static bool
flag_at(uint64 row, int column)
{
	bool isnull;

	return DatumGetBool(value_at(row, column, &isnull));
}

static char *
text_at(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

static MlsRange *
read_row(uint64 row)
{
	MlsRange *range = palloc0(sizeof(MlsRange));

	range->number = number_at(row, 1);
	range->from = text_at(row, 2);
	range->to = text_at(row, 3);
	range->untimed = flag_at(row, 4);
	range->since = number_at(row, 5);
	range->expected = number_at(row, 6);
	range->received = number_at(row, 7);
	range->resume.timestamp = text_at(row, 8);
	range->resume.key = text_at(row, 9);
	range->resume.link = text_at(row, 10);
	range->resume.received = number_at(row, 11);
	range->resume.since = number_at(row, 12);
	range->newest.timestamp = text_at(row, 13);
	range->newest.key = text_at(row, 14);
	range->done = flag_at(row, 15);
	return range;
}

/* All ranges of a subscription, in CurrentMemoryContext (List of MlsRange *). */
List *
mls_range_list(const MlsSubscription *sub)
{
	MemoryContext context = CurrentMemoryContext;
	Oid types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(sub->id)};
	List *ranges = NIL;
	uint64 i;

	mls_execute("SELECT number::bigint, lower_bound, upper_bound, untimed, since, expected, "
				"received, resume_timestamp, resume_key, resume_link, resume_received, "
				"resume_since, newest_timestamp, newest_key, done "
				"FROM mls.range WHERE subscription = $1 ORDER BY number",
				1, types, values, NULL, SPI_OK_SELECT);
	MemoryContextSwitchTo(context);
	for (i = 0; i < SPI_processed; i++)
		ranges = lappend(ranges, read_row(i));
	return ranges;
}

static Datum
text_or_null(const char *text, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

void
mls_range_add(const MlsSubscription *sub, const MlsRange *range)
{
	Oid types[] = {INT8OID, INT4OID, TEXTOID, TEXTOID, BOOLOID, TIMESTAMPTZOID, INT8OID};
	char nulls[] = "       ";
	Datum values[7];

	values[0] = Int64GetDatum(sub->id);
	values[1] = Int32GetDatum(range->number);
	values[2] = text_or_null(range->from, &nulls[2]);
	values[3] = text_or_null(range->to, &nulls[3]);
	values[4] = BoolGetDatum(range->untimed);
	values[5] = TimestampTzGetDatum(range->since);
	values[6] = Int64GetDatum(range->expected);
	mls_execute_control(
		"INSERT INTO mls.range (subscription, number, lower_bound, upper_bound, untimed, "
		"since, expected) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		7, types, values, nulls, SPI_OK_INSERT);
}

static void
expect_one_row(void)
{
	if (SPI_processed != 1)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("a part of the load was removed while it was read"));
}

/* Records where an interrupted reading of a range would go on, after so many more records. */
void
mls_range_reach(const MlsSubscription *sub, const MlsRange *range, const MlsPosition *position,
				int64 records)
{
	Oid types[] = {INT8OID, INT4OID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID, INT8OID};
	char nulls[] = "        ";
	Datum values[8];

	values[0] = Int64GetDatum(sub->id);
	values[1] = Int32GetDatum(range->number);
	values[2] = text_or_null(position->timestamp, &nulls[2]);
	values[3] = text_or_null(position->key, &nulls[3]);
	values[4] = text_or_null(position->link, &nulls[4]);
	values[5] = Int64GetDatum(position->received);
	values[6] = TimestampTzGetDatum(position->since);
	nulls[6] = position->since == 0 ? 'n' : ' ';
	values[7] = Int64GetDatum(records);
	mls_execute_control(
		"UPDATE mls.range SET resume_timestamp = $3, resume_key = $4, resume_link = $5, "
		"resume_received = $6, resume_since = $7, received = received + $8 "
		"WHERE subscription = $1 AND number = $2",
		8, types, values, nulls, SPI_OK_UPDATE);
	expect_one_row();
}

/* Records that all of a range is here. */
void
mls_range_complete(const MlsSubscription *sub, const MlsRange *range, const MlsPosition *newest)
{
	Oid types[] = {INT8OID, INT4OID, TEXTOID, TEXTOID};
	char nulls[] = "    ";
	Datum values[4];

	values[0] = Int64GetDatum(sub->id);
	values[1] = Int32GetDatum(range->number);
	values[2] = text_or_null(newest->timestamp, &nulls[2]);
	values[3] = text_or_null(newest->key, &nulls[3]);
	mls_execute_control("UPDATE mls.range SET done = true, newest_timestamp = $3, newest_key = $4 "
						"WHERE subscription = $1 AND number = $2",
						4, types, values, nulls, SPI_OK_UPDATE);
	expect_one_row();
}
