/*
 * dry_run.c
 *		mls_sync(dry_run => true): what a sync would request and read.
 *
 * One request, for the source's count; everything else is computed.  How many
 * bytes a record takes is known from earlier runs, or from bronze: where there
 * are neither, it is not known, and nothing is said.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/base.h"
#include "jobs/jobs.h"
#include "write/write.h"

/* Records of bronze that are looked at for their size. */
#define SAMPLE_RECORDS 200

/* A number that a query finds; -1 for NULL. */
static double
number_found(const char *sql, int64 subscription)
{
	Oid types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(subscription)};
	bool isnull;
	Datum value;

	mls_execute(sql, 1, types, values, NULL, SPI_OK_SELECT);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? -1 : DatumGetFloat8(value);
}

/* What a record weighs on its way here, after decompression; -1 if nobody knows. */
static double
bytes_per_record(const MlsSubscription *sub)
{
	double bytes =
		number_found("SELECT (sum(bytes) / sum(received))::pg_catalog.float8 FROM "
					 "(SELECT bytes, received FROM mls.run WHERE subscription = $1 "
					 "AND process = 'sync' AND received > 0 ORDER BY id DESC LIMIT 10) r",
					 sub->id);

	if (bytes >= 0)
		return bytes;
	return number_found(psprintf("SELECT avg(octet_length(record::text))::pg_catalog.float8 FROM "
								 "(SELECT record FROM %s WHERE $1 > 0 LIMIT %d) r",
								 mls_qualified_name(sub->bronze), SAMPLE_RECORDS),
						sub->id);
}

static char *
pretty_size(double bytes)
{
	return text_to_cstring(
		DatumGetTextPP(DirectFunctionCall1(pg_size_pretty, Int64GetDatum((int64) bytes))));
}

static void
note_expected(MlsRun *run, int64 records, double bytes)
{
	int64 size = mls_bound_page_size(run->table);
	int64 pages = (records + size - 1) / size;

	mls_run_note(run, "dry run: %s expected, in %s, with about %s, %s",
				 mls_counted(records, "record", "records"), mls_counted(pages, "page", "pages"),
				 mls_counted(Max(pages, 1), "request", "requests"),
				 bytes < 0 ? "of unknown size"
						   : psprintf("about %s", pretty_size(bytes * records)));
}

/* Process sync, dry. */
void
mls_forecast(MlsRun *run)
{
	const MlsTable *table = run->table;
	MlsHttpStats spent = {0};
	double bytes;

	mls_transaction_begin(run->sub->owner);
	if (mls_scope_preview(run))
		mls_run_note(run, "everything would be read again");
	bytes = bytes_per_record(run->sub);
	mls_timestamps_begin(run);
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
	if (!table->source->protocol->countable(table))
	{
		mls_run_note(run, "dry run: the source does not count, so nothing is known in advance");
		return;
	}
	run->counters.received =
		mls_fetch_expect(table, run->sub, mls_timestamps_together(run->timestamps), &spent);
	run->counters.requests = spent.requests;
	note_expected(run, run->counters.received, bytes);
}
