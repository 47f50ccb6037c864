/*
 * quarantine.c
 *		Storing a page although some of its records cannot be stored.
 *
 * A record without a usable key is left out from the start.  Others show what is
 * wrong with them only when they are written: a constraint or trigger somebody put
 * on silver, a row that is too wide, a value too long for an index.  Then the page
 * is written in halves, and these in halves, until the records at fault stand
 * alone.  They are left out of all layers, bronze too, so that mls_reconcile()
 * misses them and fetches them once they fit; mls.issue says which and why.
 *
 * When there are too many it is no longer the records that are at fault: the page
 * is taken back and the run ends.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "base/base.h"
#include "write/write.h"

/* ---- How many of so many: limits that are a share, a number, or both ---- */

/* A share alone would forbid a small resource to lose anything. */
#define LEAST_ALLOWED 10

/* What each part of a limit allows of so many; a share allows a few in any case, unless it is none. */
static void
read_parts(const MlsLimit *limit, int64 rows, double *share, double *number)
{
	*share = limit->share >= 0 ? floor(rows * limit->share / 100) : -1;
	if (limit->share > 0)
		*share = Max(*share, LEAST_ALLOWED);
	*number = limit->number;
}

static int64
whole(double allowed)
{
	return allowed > 1e15 ? PG_INT64_MAX : (int64) allowed;
}

/* A limit that is exceeded when both of its parts are. */
int64
mls_limit_larger(const MlsLimit *limit, int64 rows)
{
	double share;
	double number;

	read_parts(limit, rows, &share, &number);
	return whole(Max(share, number));
}

/* A limit that is exceeded when one of its parts is. */
static int64
limit_smaller(const MlsLimit *limit, int64 rows)
{
	double share;
	double number;

	read_parts(limit, rows, &share, &number);
	return whole(share < 0 ? number : number < 0 ? share : Min(share, number));
}

/* A part of a page, and what has become of the page so far. */
typedef struct Storing
{
	MlsRun *run;
	void (*write)(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters);
	MlsCounters *counters;
	int64 records;    /* of the whole page */
	int64 before;     /* rejected before it */
	const char *hint; /* of the first that was rejected, or NULL */
} Storing;

static void
require_few(const Storing *storing)
{
	const MlsRun *run = storing->run;
	MlsIssues *issues = mls_writer_issues(run->writer);
	int64 rejected = mls_issues_rejected(issues) - storing->before;
	int64 allowed = limit_smaller(&run->table->source->reject_limit, storing->records);

	if (rejected > allowed)
		ereport(ERROR, errcode(ERRCODE_DATA_EXCEPTION),
				errmsg("too many records of a page of resource \"%s\" of source \"%s\" cannot be "
					   "stored",
					   run->sub->resource, run->sub->source),
				errdetail("At least " INT64_FORMAT
						  " of %s; the server option reject_limit allows " INT64_FORMAT
						  ". The first of them: %s.",
						  rejected, mls_counted(storing->records, "record", "records"), allowed,
						  mls_issues_first_rejected(issues)),
				storing->hint
					? errhint("The page was not stored. %s", storing->hint)
					: errhint("The page was not stored. If these records may be left out, raise "
							  "reject_limit."));
}

/* A part of it that is tried. */
typedef struct Trial
{
	const Storing *storing;
	const MlsBatch *part;
} Trial;

static void
write_part(void *arg)
{
	const Trial *trial = arg;

	SPI_connect();
	trial->storing->write(trial->storing->run->writer, trial->part, trial->storing->counters);
	SPI_finish();
}

static bool
is_of_data(int sqlstate)
{
	return mls_error_class(sqlstate, mls_http_failure()) == MLS_ERROR_DATA;
}

/*
 * Stores a part of a page in a subtransaction; NULL if that went well, else the
 * error, which is one that data can cause: others are thrown on.
 */
static ErrorData *
try_part(const Storing *storing, const MlsBatch *part)
{
	MlsIssues *issues = mls_writer_issues(storing->run->writer);
	MlsCounters before = *storing->counters;
	int64 rejected = mls_issues_rejected(issues);
	Trial trial = {storing, part};
	ErrorData *error = mls_subtransaction(write_part, &trial, is_of_data, true);

	if (error != NULL)
	{
		*storing->counters = before;
		mls_issues_take_back(issues, rejected);
	}
	return error;
}

/* The issue of a record that cannot be stored, as a batch of its own. */
static void
reject(Storing *storing, const MlsItem *item, const ErrorData *error)
{
	MlsIssues *issues = mls_writer_issues(storing->run->writer);

	SPI_connect();
	mls_issues_open(issues);
	mls_issues_reject(issues, item->key, NULL, item->record,
					  psprintf("the record was not stored: %s", error->message));
	storing->counters->received++;
	storing->counters->bad_values += mls_issues_store(issues);
	SPI_finish();
	if (storing->hint == NULL)
		storing->hint = error->hint;
	require_few(storing);
}

static void
store_part(Storing *storing, const MlsBatch *batch, int first, int count)
{
	MlsBatch part = {.items = batch->items + first,
					 .nitems = count,
					 .by_key = batch->by_key,
					 .replaced = batch->replaced};
	ErrorData *error;

	CHECK_FOR_INTERRUPTS();
	error = try_part(storing, &part);
	while (error != NULL && mls_writer_take_care(storing->run->writer))
		error = try_part(storing, &part);
	if (error == NULL)
		return;
	if (count == 0)
		ReThrowError(error);
	if (count == 1)
	{
		reject(storing, part.items, error);
		return;
	}
	store_part(storing, batch, first, count / 2);
	store_part(storing, batch, first + count / 2, count - count / 2);
}

static void
write_batch(MlsRun *run, const MlsBatch *batch, MlsCounters *counters,
			void (*write)(MlsWriter *, const MlsBatch *, MlsCounters *))
{
	Storing storing = {.run = run,
					   .write = write,
					   .counters = counters,
					   .records = batch->nitems,
					   .before = mls_issues_rejected(mls_writer_issues(run->writer))};

	store_part(&storing, batch, 0, batch->nitems);
	require_few(&storing);
}

/* Stores a page in the open transaction, without the records that cannot be stored. */
void
mls_quarantine_store(MlsRun *run, const MlsBatch *batch, MlsCounters *counters)
{
	if (batch->missing != NIL)
		mls_bronze_keep(run->sub, run->id, batch);
	write_batch(run, batch, counters, mls_writer_store);
}

/* The same for records of bronze on their way into silver and gold, where the old rows stay. */
void
mls_quarantine_convert(MlsRun *run, const MlsBatch *batch, MlsCounters *counters)
{
	write_batch(run, batch, counters, mls_writer_convert);
}
