/*
 * dataset_csv.c
 *		Text as rows of cells.
 *
 * A quote opens a cell at its beginning only: inch marks stay what they are.  In it a quote
 * is doubled; what stands behind the closing one belongs to the cell.  A record ends with
 * CR LF, LF or CR outside quotes, and with the end of the text.  A quote that is never
 * closed would swallow the rest of the file; it is an error, as is a quoted cell longer than
 * any that somebody has written.
 *
 * Nearly all records lie whole in one piece of the text, each in a line: their cells are read
 * where they stand.  All others go by single steps, which also say what is wrong.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "protocol/dataset/dataset_reader.h"

/* A quoted cell longer than this has lost its closing quote. */
#define MOST_QUOTED (1024 * 1024)

typedef enum State
{
	BEGIN,  /* of a cell */
	PLAIN,  /* in it */
	QUOTED, /* in its quotes */
	CLOSED  /* behind a quote in quotes */
} State;

/* What a byte ends in a record that is read where it stands. */
#define ENDS_PLAIN 1
#define ENDS_QUOTED 2

typedef struct DatasetCsv
{
	DatasetCells head;
	const DatasetBytes *bytes;
	DatasetText *text;
	char delimiter;
	char quote; /* 0: none */
	bool may_be_cut;
	uint8 ends[256]; /* ENDS_* */
	const char *at;  /* in the piece */
	const char *end;
	bool is_ended;
	bool skip_newline; /* behind CR */
	int64 line;        /* of what comes now */
	StringInfoData buf;
	int *starts; /* of the cells, in buf */
	bool *quoted;
	DatasetCell *cells;
	int ncells;
	int max_cells;
	int64 began;  /* line of the record */
	int64 opened; /* line of the quote */
	int64 empty;
	int64 odd;
} DatasetCsv;

static const DatasetCell *next_record(DatasetCells *cells, int *ncells, int64 *line);

DatasetCells *
mls_dataset_csv(const DatasetBytes *bytes, DatasetText *text, char delimiter, char quote,
				bool may_be_cut)
{
	DatasetCsv *csv = palloc0(sizeof(DatasetCsv));

	csv->head.next = next_record;
	csv->bytes = bytes;
	csv->text = text;
	csv->delimiter = delimiter;
	csv->quote = quote;
	csv->may_be_cut = may_be_cut;
	csv->ends['\n'] = csv->ends['\r'] = ENDS_PLAIN | ENDS_QUOTED;
	csv->ends[(unsigned char) delimiter] |= ENDS_PLAIN;
	csv->ends[(unsigned char) quote] |= quote ? ENDS_QUOTED : 0;
	csv->line = 1;
	csv->max_cells = 64;
	csv->starts = palloc(csv->max_cells * sizeof(int));
	csv->quoted = palloc(csv->max_cells * sizeof(bool));
	csv->cells = palloc(csv->max_cells * sizeof(DatasetCell));
	initStringInfo(&csv->buf);
	return &csv->head;
}

/* More text; false at its end. */
static bool
refill(DatasetCsv *csv)
{
	Size length;

	CHECK_FOR_INTERRUPTS();
	if (csv->is_ended || !csv->text->next(csv->text, &csv->at, &length))
	{
		csv->is_ended = true;
		csv->end = csv->at;
		return false;
	}
	csv->end = csv->at + length;
	return true;
}

static void
begin_cell(DatasetCsv *csv, bool quoted)
{
	if (csv->ncells == DATASET_MOST_CELLS)
		mls_dataset_fail(csv->bytes,
						 psprintf("Line " INT64_FORMAT " has more than %d cells.", csv->began,
								  DATASET_MOST_CELLS),
						 NULL);
	if (csv->ncells == csv->max_cells)
	{
		csv->max_cells *= 2;
		csv->starts = repalloc(csv->starts, csv->max_cells * sizeof(int));
		csv->quoted = repalloc(csv->quoted, csv->max_cells * sizeof(bool));
		csv->cells = repalloc(csv->cells, csv->max_cells * sizeof(DatasetCell));
	}
	csv->starts[csv->ncells] = csv->buf.len;
	csv->quoted[csv->ncells++] = quoted;
}

static void
append(DatasetCsv *csv, const char *text, Size length, State state)
{
	if (state == QUOTED && csv->buf.len + length - csv->starts[csv->ncells - 1] > MOST_QUOTED)
		mls_dataset_fail(
			csv->bytes,
			psprintf("The quote that opens in line " INT64_FORMAT
					 " is not closed within a megabyte.",
					 csv->opened),
			"If quotes are a part of the values, set the server option quote to none.");
	if (csv->buf.len + length > DATASET_MOST_RECORD)
		mls_dataset_fail(csv->bytes,
						 psprintf("The record that begins in line " INT64_FORMAT
								  " is longer than %d bytes.",
								  csv->began, DATASET_MOST_RECORD),
						 NULL);
	appendBinaryStringInfo(&csv->buf, text, (int) length);
}

/* The piece up to what means something in a state goes to the cell. */
static void
append_run(DatasetCsv *csv, State state)
{
	const char *start = csv->at;
	const char *s = start;

	if (state == QUOTED)
		while (s < csv->end && *s != csv->quote && *s != '\n' && *s != '\r')
			s++;
	else
		while (s < csv->end && *s != csv->delimiter && *s != '\n' && *s != '\r')
			s++;
	append(csv, start, s - start, state);
	csv->at = s;
}

/* A record is complete; false if it is an empty line, which is none. */
static bool
finish(DatasetCsv *csv)
{
	if (csv->ncells == 1 && csv->buf.len == 0 && !csv->quoted[0])
	{
		csv->empty++;
		return false;
	}
	for (int i = 0; i < csv->ncells; i++)
	{
		int end = i + 1 < csv->ncells ? csv->starts[i + 1] : csv->buf.len;

		csv->cells[i].bare = false;
		csv->cells[i].text = csv->buf.data + csv->starts[i];
		csv->cells[i].length = end - csv->starts[i];
		csv->cells[i].quoted = csv->quoted[i];
	}
	return true;
}

/* One step; true if a record is complete. */
static bool
step(DatasetCsv *csv, State *state)
{
	char c = *csv->at;
	bool is_newline = c == '\n' || c == '\r';

	if (*state == QUOTED)
	{
		if (c == csv->quote)
		{
			*state = CLOSED;
			csv->at++;
		}
		else if (is_newline)
		{
			/* CR LF is one line, and both stay in the cell. */
			csv->line += c == '\r' || !csv->skip_newline;
			csv->skip_newline = c == '\r';
			append(csv, csv->at++, 1, QUOTED);
			return false;
		}
		else
			append_run(csv, QUOTED);
		csv->skip_newline = false;
		return false;
	}
	if (*state == BEGIN)
	{
		bool opens = csv->quote && c == csv->quote;

		begin_cell(csv, opens);
		if (opens)
		{
			csv->opened = csv->line;
			csv->at++;
			*state = QUOTED;
			return false;
		}
		*state = PLAIN;
	}
	if (*state == CLOSED && c == csv->quote)
	{
		append(csv, csv->at++, 1, QUOTED);
		*state = QUOTED;
		return false;
	}
	if (c == csv->delimiter)
	{
		csv->at++;
		*state = BEGIN;
		return false;
	}
	if (is_newline)
	{
		csv->at++;
		csv->line++;
		csv->skip_newline = c == '\r';
		return true;
	}
	csv->odd += *state == CLOSED;
	*state = PLAIN;
	append_run(csv, PLAIN);
	return false;
}

/* Reads a record; false at the end of the text. */
static bool
read_record(DatasetCsv *csv)
{
	State state = BEGIN;

	resetStringInfo(&csv->buf);
	csv->ncells = 0;
	csv->began = 0;
	for (;;)
	{
		if (csv->at == csv->end && !refill(csv))
			break;
		if (csv->skip_newline && state != QUOTED)
		{
			csv->skip_newline = false;
			if (*csv->at == '\n')
			{
				csv->at++;
				continue;
			}
		}
		if (csv->began == 0)
			csv->began = csv->line;
		if (step(csv, &state))
			return true;
	}
	if (csv->began == 0)
		return false;
	if (csv->may_be_cut)
		return false;
	if (state == QUOTED)
		mls_dataset_fail(
			csv->bytes,
			psprintf("The quote that opens in line " INT64_FORMAT " is never closed.", csv->opened),
			"If the file is whole and quotes are a part of its values, set the server "
			"option quote to none.");
	if (state == BEGIN)
		begin_cell(csv, false);
	return true;
}

/* ---- records where they stand ---- */

/* The first byte that ends a run, or the end. */
static inline const char *
run_end(const DatasetCsv *csv, const char *s, const char *end, uint8 ends)
{
	while (s < end && !(csv->ends[(unsigned char) *s] & ends))
		s++;
	return s;
}

/*
 * A cell in quotes, which opens at s; only one with doubled quotes is copied.  Returns where
 * it ends, NULL if it goes on in the next line or piece.
 */
static const char *
quoted_cell(DatasetCsv *csv, const char *s, const char *end, DatasetCell *cell)
{
	const char *start = ++s;
	char *copy = NULL;
	char *out = NULL;

	for (;;)
	{
		s = run_end(csv, s, end, ENDS_QUOTED);
		if (end - s < 2 || *s != csv->quote)
			return NULL;
		if (s[1] != csv->quote && copy == NULL)
			break;
		/* There is room for all of the piece, so that it never moves. */
		if (copy == NULL)
			out = copy = csv->buf.data + csv->buf.len;
		memcpy(out, start, s - start);
		out += s - start;
		if (s[1] != csv->quote)
			break;
		*out++ = csv->quote;
		start = s += 2;
	}
	cell->text = copy ? copy : start;
	cell->length = copy ? out - copy : s - start;
	csv->buf.len += copy ? cell->length : 0;
	return s + 1;
}

/* Reads a record that is whole in a line of the piece; if it is none, false, and nothing is read. */
static bool
read_in_place(DatasetCsv *csv)
{
	const char *s = csv->at;
	/* Within that no limit is reached. */
	const char *end = csv->end - s > MOST_QUOTED ? s + MOST_QUOTED : csv->end;
	int n = 0;

	if (s < end && csv->skip_newline && *s == '\n')
		s++;
	/* Empty lines are counted elsewhere. */
	if (s == end || *s == '\n' || *s == '\r')
		return false;
	resetStringInfo(&csv->buf);
	enlargeStringInfo(&csv->buf, end - s);
	for (; n < csv->max_cells; s++)
	{
		DatasetCell *cell = &csv->cells[n++];

		*cell = (DatasetCell){.text = s, .quoted = s < end && csv->quote && *s == csv->quote};
		if (cell->quoted)
			s = quoted_cell(csv, s, end, cell);
		else
		{
			s = run_end(csv, s, end, ENDS_PLAIN);
			cell->length = s - cell->text;
		}
		if (s == NULL || s == end)
			return false;
		if (*s == csv->delimiter)
			continue;
		if (*s != '\n' && *s != '\r')
			return false;
		csv->skip_newline = *s == '\r';
		csv->at = s + 1;
		csv->ncells = n;
		csv->began = csv->line++;
		return true;
	}
	return false;
}

/* ---- records ---- */

static const DatasetCell *
next_record(DatasetCells *cells, int *ncells, int64 *line)
{
	DatasetCsv *csv = (DatasetCsv *) cells;

	while (!read_in_place(csv))
	{
		if (!read_record(csv))
			return NULL;
		if (finish(csv))
			break;
	}
	*ncells = csv->ncells;
	*line = csv->began;
	return csv->cells;
}

int64
mls_dataset_csv_empty(const DatasetCells *cells)
{
	return ((const DatasetCsv *) cells)->empty;
}

int64
mls_dataset_csv_odd(const DatasetCells *cells)
{
	return ((const DatasetCsv *) cells)->odd;
}
