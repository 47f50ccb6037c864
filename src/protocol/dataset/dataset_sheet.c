/*
 * dataset_sheet.c
 *		The cells of a sheet.
 *
 * What is shown in a cell is made by its type and its format; here it becomes what it is: a
 * number with the 15 digits that sheets count with, a date as ISO 8601 has it, a text as it
 * stands, of a formula what it came to last.  Rows and cells that are not written down are
 * empty; a row without anything is none.
 */
#include "postgres.h"

#include <math.h>

#include "utils/datetime.h"

#include "protocol/dataset/dataset_book.h"

/* Rows that a sheet can have. */
#define MOST_ROWS 1048576

/* 9999-12-31, counted from 1900: sheets know no later day. */
#define LAST_DAY 2958465

#define DAY_MS (24 * 60 * 60 * 1000)

typedef enum CellType
{
	CELL_NUMBER,
	CELL_SHARED, /* the number of a text */
	CELL_TEXT,
	CELL_BOOLEAN,
	CELL_ERROR,
	CELL_INSTANT /* ISO 8601 */
} CellType;

typedef struct DatasetSheet
{
	DatasetCells head;
	DatasetBook *book;
	DatasetPart *part;
	int64 most; /* rows; 0: all */
	int64 given;
	int64 row; /* at hand */
	bool row_is_hidden;
	StringInfoData buf; /* texts of the row */
	int *starts;        /* of the cells, in buf */
	DatasetCell *cells;
	int ncells;
	int max_cells;

	CellType type; /* of the cell at hand */
	DatasetFormat format;
	StringInfoData value;
	bool is_value; /* what comes belongs to it */
	bool is_sound;
	bool has_formula;

	bool is_read; /* the element with all rows */
	DatasetSheetCounts counts;
} DatasetSheet;

static const DatasetCell *next_row(DatasetCells *cells, int *ncells, int64 *line);

DatasetCells *
mls_dataset_sheet(DatasetBook *book, int64 most)
{
	DatasetSheet *sheet = palloc0(sizeof(DatasetSheet));

	sheet->head.next = next_row;
	sheet->book = book;
	sheet->part = mls_dataset_book_part(book);
	sheet->most = most;
	sheet->max_cells = 64;
	sheet->starts = palloc(sheet->max_cells * sizeof(int));
	sheet->cells = palloc(sheet->max_cells * sizeof(DatasetCell));
	initStringInfo(&sheet->buf);
	initStringInfo(&sheet->value);
	return &sheet->head;
}

pg_noreturn static void fail_row(const DatasetSheet *sheet, const char *problem);

static void
fail_row(const DatasetSheet *sheet, const char *problem)
{
	mls_dataset_fail(mls_dataset_book_bytes(sheet->book),
					 psprintf("Row " INT64_FORMAT " %s", sheet->row, problem), NULL);
}

/* ---- values ---- */

static void
put(DatasetSheet *sheet, bool bare, const char *text, int length)
{
	DatasetCell *cell = &sheet->cells[sheet->ncells - 1];

	if (sheet->buf.len + length > DATASET_MOST_RECORD)
		fail_row(sheet, psprintf("is longer than %d bytes.", DATASET_MOST_RECORD));
	appendBinaryStringInfo(&sheet->buf, text, length);
	cell->length = length;
	cell->bare = bare;
}

static void
put_text(DatasetSheet *sheet, const char *text)
{
	put(sheet, false, text, strlen(text));
}

/* Digits alone stay as many as they are; else there are 15, as sheets show and compare them. */
static void
put_number(DatasetSheet *sheet, const char *text, double number)
{
	const char *digits = text + (*text == '-');
	char plain[64];

	if (*digits >= '1' && *digits <= '9' && strspn(digits, "0123456789") == strlen(digits))
		put(sheet, true, text, strlen(text));
	else
		put(sheet, true, plain, snprintf(plain, sizeof(plain), "%.15g", number));
}

/* Digits of a code, such as a postal one: 2139 in the format 00000. */
static bool
put_padded(DatasetSheet *sheet, const char *text)
{
	const char *pattern = sheet->format.digits;
	char *padded = pstrdup(pattern);
	int at = strlen(text);

	if (strspn(text, "0123456789") != at)
		return false;
	for (int i = strlen(pattern) - 1; i >= 0; i--)
		if (pattern[i] == '0' && at > 0)
			padded[i] = text[--at];
	if (at == 0)
		put_text(sheet, padded);
	pfree(padded);
	return at == 0;
}

static char *
time_text(int64 ms)
{
	char *text = psprintf("%02d:%02d:%02d", (int) (ms / 3600000), (int) (ms / 60000 % 60),
						  (int) (ms / 1000 % 60));

	return ms % 1000 ? psprintf("%s.%03d", text, (int) (ms % 1000)) : text;
}

/* The day of a number.  Of 1900 there is one too many, which everybody has inherited. */
static char *
day_text(const DatasetSheet *sheet, int64 day)
{
	int year;
	int month;
	int of_month;

	if (mls_dataset_book_is_1904(sheet->book))
		day += date2j(1904, 1, 1);
	else if (day == 60)
		return pstrdup("1900-02-29");
	else
		day += date2j(1899, 12, day < 60 ? 31 : 30);
	j2date((int) day, &year, &month, &of_month);
	return psprintf("%04d-%02d-%02d", year, month, of_month);
}

/*
 * A date or a time; false if the number is beyond what there is of them.  What the format does
 * not show of it is not lost: with a time a day has it, and a time its day.
 */
static bool
put_date(DatasetSheet *sheet, double number)
{
	int64 day;
	int64 ms;
	bool has_day;
	bool has_time;

	if (number < 0 || number >= LAST_DAY + 1)
		return false;
	day = (int64) number;
	ms = (int64) rint((number - day) * DAY_MS);
	if (sheet->format.kind == DATASET_FORMAT_ELAPSED)
	{
		put_text(sheet, time_text(day * DAY_MS + ms));
		return true;
	}
	day += ms / DAY_MS;
	ms %= DAY_MS;
	has_day = day > 0 ||
			  (mls_dataset_book_is_1904(sheet->book) && sheet->format.kind != DATASET_FORMAT_TIME);
	has_time = ms > 0 || sheet->format.kind != DATASET_FORMAT_DATE;
	/* The day zero, which a formula makes of an empty cell, is none. */
	if (!has_day && !has_time)
		return true;
	if (!has_day)
		put_text(sheet, time_text(ms));
	else if (!has_time)
		put_text(sheet, day_text(sheet, day));
	else
		put_text(sheet, psprintf("%sT%s", day_text(sheet, day), time_text(ms)));
	return true;
}

static void
take_number(DatasetSheet *sheet)
{
	const char *text = sheet->value.data;
	char *end;
	double number = strtod(text, &end);

	while (*end == ' ')
		end++;
	if (*end != '\0' || isnan(number) || isinf(number))
	{
		put_text(sheet, text);
		return;
	}
	switch (sheet->format.kind)
	{
		case DATASET_FORMAT_NUMBER:
			break;
		case DATASET_FORMAT_PADDED:
			if (put_padded(sheet, text))
				return;
			break;
		default:
			if (put_date(sheet, number))
				return;
	}
	put_number(sheet, text, number);
}

static void
take_shared(DatasetSheet *sheet)
{
	char *end;
	int64 number = strtol(sheet->value.data, &end, 10);

	resetStringInfo(&sheet->value);
	if (*end != '\0' || !mls_dataset_book_text(sheet->book, number, &sheet->value))
		fail_row(sheet, "has a text that the workbook does not have.");
	put(sheet, false, sheet->value.data, sheet->value.len);
}

/* ---- cells ---- */

/* The column of a reference such as AB12, from 0; the one that comes next without one. */
static int
column_of(const DatasetSheet *sheet, const char *reference)
{
	int column = 0;

	if (reference == NULL)
		return sheet->ncells;
	for (; *reference >= 'A' && *reference <= 'Z' && column <= DATASET_MOST_CELLS; reference++)
		column = column * 26 + (*reference - 'A' + 1);
	return column - 1;
}

static void
begin_cell(DatasetSheet *sheet, const MlsXmlEvent *event)
{
	static const struct
	{
		const char *name;
		CellType type;
	} types[] = {{"s", CELL_SHARED},  {"inlineStr", CELL_TEXT}, {"str", CELL_TEXT},
				 {"b", CELL_BOOLEAN}, {"e", CELL_ERROR},        {"d", CELL_INSTANT}};
	const char *type = mls_xml_event_attribute(event, "t");
	const char *style = mls_xml_event_attribute(event, "s");
	int column = column_of(sheet, mls_xml_event_attribute(event, "r"));

	if (column < sheet->ncells)
		fail_row(sheet, "has cells that are not in their order.");
	if (column >= DATASET_MOST_CELLS)
		fail_row(sheet, psprintf("has more than %d cells.", DATASET_MOST_CELLS));
	while (column >= sheet->max_cells)
	{
		sheet->max_cells *= 2;
		sheet->starts = repalloc(sheet->starts, sheet->max_cells * sizeof(int));
		sheet->cells = repalloc(sheet->cells, sheet->max_cells * sizeof(DatasetCell));
	}
	while (sheet->ncells <= column)
	{
		sheet->starts[sheet->ncells] = sheet->buf.len;
		sheet->cells[sheet->ncells++] = (DatasetCell){0};
	}
	sheet->type = CELL_NUMBER;
	for (int i = 0; type && i < lengthof(types); i++)
		if (strcmp(types[i].name, type) == 0)
			sheet->type = types[i].type;
	sheet->format = mls_dataset_book_format(sheet->book, style ? atoi(style) : 0);
	sheet->has_formula = false;
	resetStringInfo(&sheet->value);
}

static void
end_cell(DatasetSheet *sheet)
{
	/* A formula whose result is an empty text has been calculated. */
	if (sheet->value.len == 0)
		sheet->counts.uncalculated += sheet->has_formula && sheet->type != CELL_TEXT;
	else
		switch (sheet->type)
		{
			case CELL_NUMBER:
				take_number(sheet);
				break;
			case CELL_SHARED:
				take_shared(sheet);
				break;
			case CELL_TEXT:
				mls_dataset_unescape(&sheet->value, 0);
				put(sheet, false, sheet->value.data, sheet->value.len);
				break;
			case CELL_BOOLEAN:
				if (mls_dataset_is_true(sheet->value.data))
					put(sheet, true, "true", 4);
				else
					put(sheet, true, "false", 5);
				break;
			case CELL_ERROR:
				sheet->counts.errors++;
				break;
			case CELL_INSTANT:
				put_text(sheet, sheet->value.data);
				break;
		}
}

/* ---- rows ---- */

static void
begin_row(DatasetSheet *sheet, const MlsXmlEvent *event)
{
	const char *number = mls_xml_event_attribute(event, "r");
	const char *hidden = mls_xml_event_attribute(event, "hidden");
	int64 before = sheet->row;

	sheet->row = number ? strtol(number, NULL, 10) : before + 1;
	sheet->row_is_hidden = hidden && mls_dataset_is_true(hidden);
	if (sheet->row <= before)
		fail_row(sheet, psprintf("stands behind row " INT64_FORMAT ".", before));
	if (sheet->row > MOST_ROWS)
		fail_row(sheet, psprintf("is beyond the last of %d.", MOST_ROWS));
	sheet->ncells = 0;
	resetStringInfo(&sheet->buf);
}

/* A row is complete; false if nothing is in it.  Cells at its end that are formatted only are none. */
static bool
end_row(DatasetSheet *sheet)
{
	while (sheet->ncells > 0 && sheet->cells[sheet->ncells - 1].length == 0)
		sheet->ncells--;
	if (sheet->ncells == 0)
	{
		sheet->counts.empty++;
		return false;
	}
	for (int i = 0; i < sheet->ncells; i++)
		sheet->cells[i].text = sheet->buf.data + sheet->starts[i];
	sheet->counts.hidden += sheet->row_is_hidden;
	return true;
}

/* Takes an event; true if a row is complete. */
static bool
take(DatasetSheet *sheet, const MlsXmlEvent *event)
{
	const char *name = event->name;
	bool is_start = event->kind == MLS_XML_START;

	if (event->kind == MLS_XML_TEXT)
	{
		if (sheet->is_value && !sheet->is_sound)
			appendBinaryStringInfo(&sheet->value, event->text, (int) event->length);
	}
	else if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0)
		sheet->is_value = is_start;
	else if (strcmp(name, "c") == 0)
	{
		if (is_start)
			begin_cell(sheet, event);
		else
			end_cell(sheet);
	}
	else if (strcmp(name, "row") == 0)
	{
		if (is_start)
			begin_row(sheet, event);
		else
			return end_row(sheet);
	}
	else if (strcmp(name, "f") == 0)
		sheet->has_formula = true;
	else if (strcmp(name, "rPh") == 0)
		sheet->is_sound = is_start;
	else if (strcmp(name, "sheetData") == 0)
		sheet->is_read = true;
	else if (strcmp(name, "mergeCell") == 0)
		sheet->counts.merged += is_start;
	return false;
}

static const DatasetCell *
next_row(DatasetCells *cells, int *ncells, int64 *line)
{
	DatasetSheet *sheet = (DatasetSheet *) cells;
	MlsXmlEvent event;

	if (sheet->most > 0 && sheet->given == sheet->most)
		return NULL;
	while (mls_dataset_part_next(sheet->part, &event))
	{
		if (!take(sheet, &event))
			continue;
		sheet->given++;
		*ncells = sheet->ncells;
		*line = sheet->row;
		return sheet->cells;
	}
	if (!sheet->is_read)
		mls_dataset_fail(mls_dataset_book_bytes(sheet->book), "Its sheet is none of cells.", NULL);
	return NULL;
}

const DatasetSheetCounts *
mls_dataset_sheet_counts(const DatasetCells *cells)
{
	return &((const DatasetSheet *) cells)->counts;
}
