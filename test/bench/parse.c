/*
 * parse.c
 *		How fast a COMPACT answer becomes records, against libxml2's bare reader on
 *		the same bytes in the same run.
 *
 *	parse [ROWS]
 *
 * The bare reader visits each node and looks at no text: nothing that reads XML
 * through libxml2 can be had for less.  Ours is fed with pieces as a transfer
 * delivers them, and its pages are dropped as a scan drops them.
 */
#include "postgres.h"

#include <libxml/xmlreader.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "protocol/rets/rets_answer.h"

#include "shim.h"

#define COLUMNS 120
#define REPEATS 3
#define PIECE (256 * 1024)
#define PAGE_RECORDS 1000

typedef struct Input
{
	char *bytes;
	Size length;
	int rows;
	int64 records;
	Size peak;
} Input;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* A listing: a third of its fields empty, short codes, numbers, dates, one remark. */
static const char *
value(int row, int column, char *buf)
{
	switch (column % 12)
	{
		case 0:
			sprintf(buf, "%d", 1000000 + row * 7 + column);
			return buf;
		case 1:
			sprintf(buf, "%d.00", 100000 + (row * 37 + column) % 900000);
			return buf;
		case 2:
			return "2024-05-02T14:03:11";
		case 3:
			return column == 3 ? "Bright corner home near the lake, 3 beds &amp; 2 baths; new roof, "
								 "caf\xc3\xa9 and shops within a walk. Call for \"private\" showings."
							   : "POOL,GAR2,FENCE";
		case 4:
			return "Residential";
		case 5:
			return "A";
		case 6:
			return "Springfield Township";
		case 7:
			return "1";
		default:
			return "";
	}
}

static void
make_answer(Input *input)
{
	FILE *out = open_memstream(&input->bytes, (size_t *) &input->length);
	char buf[64];

	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
				 "<RETS ReplyCode=\"0\" ReplyText=\"Operation Successful\">\n"
				 "<COUNT Records=\"%d\"/>\n<DELIMITER value=\"09\"/>\n<COLUMNS>\t",
			input->rows);
	for (int i = 0; i < COLUMNS; i++)
		fprintf(out, "L_Field%d\t", i);
	fprintf(out, "</COLUMNS>\n");
	for (int row = 0; row < input->rows; row++)
	{
		fprintf(out, "<DATA>\t");
		for (int i = 0; i < COLUMNS; i++)
			fprintf(out, "%s\t", value(row, i, buf));
		fprintf(out, "</DATA>\n");
	}
	fprintf(out, "</RETS>\n");
	fclose(out);
}

static void
read_bare(void *arg)
{
	Input *input = arg;
	xmlTextReaderPtr reader = xmlReaderForMemory(input->bytes, (int) input->length, NULL, NULL,
												 XML_PARSE_NONET | XML_PARSE_HUGE);

	input->records = 0;
	while (xmlTextReaderRead(reader) == 1)
		input->records += xmlTextReaderNodeType(reader) == XML_READER_TYPE_TEXT;
	xmlFreeTextReader(reader);
}

static void
read_ours(void *arg)
{
	Input *input = arg;
	RetsReaderOptions options = {.format = RETS_COMPACT, .purpose = "x", .source = "y"};
	RetsReader *reader = mls_rets_reader(&options);
	MemoryContext reader_context = CurrentMemoryContext;
	MlsPage *page;

	input->records = 0;
	for (Size at = 0; at < input->length; at += PIECE)
	{
		mls_rets_feed(reader, input->bytes + at, Min(PIECE, input->length - at));
		CurrentMemoryContext =
			AllocSetContextCreate(reader_context, "page", ALLOCSET_DEFAULT_SIZES);
		page = mls_rets_page(reader, PAGE_RECORDS);
		input->records += page ? page->nrecords : 0;
		input->peak = Max(input->peak, wire_allocated());
		MemoryContextDelete(CurrentMemoryContext);
		CurrentMemoryContext = reader_context;
	}
	mls_rets_finish(reader);
	page = mls_rets_page(reader, 1);
	input->records += page ? page->nrecords : 0;
}

/* The best of some runs, in seconds. */
static double
best(void (*read)(void *arg), Input *input)
{
	double least = 1e9;

	for (int i = 0; i < REPEATS; i++)
	{
		double from = now();
		const char *error = wire_run(read, input);

		if (error)
		{
			fprintf(stderr, "%s\n", error);
			exit(1);
		}
		least = Min(least, now() - from);
	}
	return least;
}

int
main(int argc, char **argv)
{
	Input input = {.rows = argc > 1 ? atoi(argv[1]) : 100000};
	double bare;
	double ours;
	double megabytes;

	make_answer(&input);
	megabytes = input.length / 1e6;
	bare = best(read_bare, &input);
	ours = best(read_ours, &input);
	if (input.records != input.rows)
		return 1;
	printf("answer: %d rows of %d columns, %.0f MB\n", input.rows, COLUMNS, megabytes);
	printf("libxml2's reader, nothing done:  %6.2f s  %5.0f MB/s\n", bare, megabytes / bare);
	printf("records with slices and JSON:    %6.2f s  %5.0f MB/s  %.0f records/s\n", ours,
		   megabytes / ours, input.rows / ours);
	printf("ratio:                           %6.2f    (goal: at least 0.5)\n", bare / ours);
	printf("memory held while reading:       %6.1f MB at most\n", input.peak / 1e6);
	return bare / ours < 0.5;
}
