/*
 * analyze.c
 *		ANALYZE: a count and a few pages instead of the whole resource.
 *
 * A source is read page by page from its beginning, and skipping is dear or
 * unsafe on many, so a sample of a large resource is its first pages: good
 * enough for widths and common values, and said aloud.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/vacuum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sampling.h"

#include "compat.h"
#include "base/base.h"
#include "fdw/fdw.h"
#include "options/options.h"

#define MAX_SAMPLE_PAGES 10

typedef struct Sample
{
	Relation relation;
	MlsRowMap *map;
	MemoryContext record_context;
	Datum *values;
	bool *nulls;
	HeapTuple *rows;
	int target;
	int kept;
	double seen;
	double to_skip; /* records until the next exchange; negative: not drawn yet */
	ReservoirStateData reservoir;
} Sample;

/* Bad values are a matter of scans; a sample takes them as null. */
static void
ignore_bad_value(void *arg, const MlsRecord *record, int attnum, const MlsSlice *slice,
				 const char *reason)
{
}

static HeapTuple
form_row(Sample *sample, const MlsRecord *record)
{
	MemoryContext old;
	HeapTuple row;

	MemoryContextReset(sample->record_context);
	old = MemoryContextSwitchTo(sample->record_context);
	mls_row_fill(sample->map, record, sample->values, sample->nulls, ignore_bad_value, NULL);
	MemoryContextSwitchTo(old);
	row = heap_form_tuple(RelationGetDescr(sample->relation), sample->values, sample->nulls);
	return row;
}

/* Vitter's reservoir: every record has the same chance to be among the kept ones. */
static void
sample_record(Sample *sample, const MlsRecord *record)
{
	sample->seen++;
	if (sample->kept < sample->target)
	{
		sample->rows[sample->kept++] = form_row(sample, record);
		return;
	}
	if (sample->to_skip < 0)
		sample->to_skip =
			reservoir_get_next_S(&sample->reservoir, sample->seen - 1, sample->target);
	if (sample->to_skip <= 0)
	{
		int place = (int) (sample->target * sampler_random_fract(&sample->reservoir.randstate));

		heap_freetuple(sample->rows[place]);
		sample->rows[place] = form_row(sample, record);
	}
	sample->to_skip--;
}

/* Reads pages until the end or the limit; true at the end. */
static bool
sample_pages(Sample *sample, MlsStream *stream)
{
	for (int pages = 0; pages < MAX_SAMPLE_PAGES; pages++)
	{
		MlsPage *page = stream->protocol->next_page(stream);

		if (page == NULL)
			return true;
		for (int i = 0; i < page->nrecords; i++)
		{
			mls_analyze_delay();
			sample_record(sample, &page->records[i]);
		}
	}
	return stream->next_link == NULL;
}

static MlsQuery *
whole_query(const MlsTable *table)
{
	MlsQuery *query = palloc0(sizeof(MlsQuery));

	query->table = table;
	query->limit = -1;
	return query;
}

static int
acquire_sample(Relation relation, int elevel, HeapTuple *rows, int targrows, double *totalrows,
			   double *totaldeadrows)
{
	/* As core does for local tables, the owner's rights are used, and so the owner's mapping. */
	MlsTable *table = mls_table_get(RelationGetRelid(relation), relation->rd_rel->relowner, true);
	const MlsProtocol *protocol = table->source->protocol;
	MlsQuery *query = whole_query(table);
	int natts = RelationGetDescr(relation)->natts;
	Sample sample = {.relation = relation, .rows = rows, .target = targrows, .to_skip = -1};
	MlsHttpStats stats = {0};
	MlsStream *stream;
	int64 total = table->key && protocol->countable(table) ? protocol->count(query, &stats) : -1;
	bool complete;

	sample.map =
		mls_row_map(RelationGetDescr(relation), mls_table_fields(table), table->source->timezone);
	mls_table_written(table, sample.map, mls_table_fields(table), natts);
	sample.values = palloc(sizeof(Datum) * natts);
	sample.nulls = palloc(sizeof(bool) * natts);
	sample.record_context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw sample", ALLOCSET_DEFAULT_SIZES);
	reservoir_init_selection_state(&sample.reservoir, targrows);
	stream = protocol->open(query);
	complete = sample_pages(&sample, stream);
	protocol->close(stream);
	MemoryContextDelete(sample.record_context);

	*totalrows = complete || total < sample.seen ? sample.seen : total;
	*totaldeadrows = 0;
	if (!complete)
		ereport(NOTICE, (errmsg("the sample of foreign table %s is not random", table->name),
						 errdetail("It was taken from the first %s.",
								   mls_counted((int64) sample.seen, "record", "records"))));
	ereport(elevel, (errmsg("foreign table %s: %s at the source, %d in the sample", table->name,
							mls_counted((int64) *totalrows, "record", "records"), sample.kept)));
	return sample.kept;
}

bool
mlsAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func, BlockNumber *totalpages)
{
	*func = acquire_sample;
	/* Pages mean nothing at a source, but zero would mean that there is nothing to analyze. */
	*totalpages = 1;
	return true;
}
