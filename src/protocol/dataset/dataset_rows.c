/*
 * dataset_rows.c
 *		A file as rows, whatever its kind: each becomes a JSON object.
 *
 * A cell becomes a string as it stands; one without anything, and without quotes, is null, as
 * is what the option nulls lists.  A record with fewer cells than the header lacks the last
 * fields; what it has more stands in the field _extra.  Nothing is left out in silence: what
 * is no row is counted, and said.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/base.h"
#include "protocol/dataset/dataset_book.h"
#include "protocol/dataset/dataset_reader.h"

/* From so much of a file its dialect is found. */
#define SAMPLE (256 * 1024)
#define SAMPLE_ROWS 1000

/* A page ends with the row that makes it longer than this. */
#define PAGE_BYTES (4 * 1024 * 1024)

/* The parser may look so far past the end of a text. */
#define SPARE_BYTES 16

/* Of a line that is no record, in an error. */
#define MOST_SHOWN 60

struct DatasetRows
{
	MemoryContext context; /* of all in it; rows are asked for in others */
	DatasetBytes *bytes;
	const DatasetServer *server;
	const DatasetFile *file;
	DatasetFacts facts;
	MlsFileLedger *ledger;
	char *head; /* "{"_file":"...","_line":" */

	DatasetJson *json;

	DatasetCells *cells;
	DatasetBook *book; /* they are of a sheet; NULL: of text */
	DatasetDialect dialect;
	int64 before;  /* records that are still to be passed over */
	bool is_begun; /* the header has been read, or there is none */
	int nnames;
	const char **names;
	char **prefixes;     /* ","name":"; NULL: not wanted */
	DatasetCell *header; /* its cells, to know it again */

	int64 rows;
	int64 rejected;
	int64 shorter; /* records */
	int64 longer;
	int64 repeated; /* headers */
	int64 title;    /* records above it */
};

/* ---- beginning ---- */

static void
append_json(StringInfo out, const char *text, int length)
{
	static const char digits[] = "0123456789abcdef";
	const char *end = text + length;
	const char *start = text;

	appendStringInfoCharMacro(out, '"');
	for (const char *s = text; s < end; s++)
	{
		unsigned char c = *s;

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		appendBinaryStringInfo(out, start, s - start);
		start = s + 1;
		appendStringInfoChar(out, '\\');
		if (c == '"' || c == '\\')
			appendStringInfoChar(out, c);
		else if (c == '\n' || c == '\r' || c == '\t')
			appendStringInfoChar(out, c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		else
		{
			appendStringInfoString(out, "u00");
			appendStringInfoChar(out, digits[c >> 4]);
			appendStringInfoChar(out, digits[c & 0xF]);
		}
	}
	appendBinaryStringInfo(out, start, end - start);
	appendStringInfoChar(out, '"');
}

/* What every row of the file begins with, up to the number of its line. */
static char *
make_head(const DatasetRows *rows)
{
	StringInfoData head;

	initStringInfo(&head);
	appendStringInfoString(&head, "{\"" DATASET_FILE "\":");
	append_json(&head, rows->file->name, strlen(rows->file->name));
	if (rows->server->mode == DATASET_APPEND)
		appendStringInfo(&head, ",\"" DATASET_SHA256 "\":\"%s\"", rows->facts.sha256);
	appendStringInfoString(&head, ",\"" DATASET_LINE "\":");
	return head.data;
}

static void
begin_book(DatasetRows *rows)
{
	rows->book = mls_dataset_book(rows->bytes, rows->server->sheet);
	mls_dataset_layout(rows->server, mls_dataset_sheet(rows->book, SAMPLE_ROWS),
					   mls_dataset_sheet(rows->book, SAMPLE_ROWS), &rows->dialect);
	rows->cells = mls_dataset_sheet(rows->book, 0);
}

static void
begin_text(DatasetRows *rows)
{
	DatasetBytes *bytes = rows->bytes;
	Size length;
	bool is_all;
	char *sample =
		mls_dataset_text_start(mls_dataset_text(bytes, &rows->facts), SAMPLE, &length, &is_all);
	DatasetText *text = mls_dataset_text(bytes, &rows->facts);

	if (rows->file->is_json)
	{
		rows->json = mls_dataset_json(bytes, text, sample, length, is_all, rows->file->is_lines,
									  rows->server->path);
		return;
	}
	mls_dataset_dialect(bytes, rows->server, sample, length, is_all, &rows->dialect);
	rows->cells = mls_dataset_csv(bytes, text, rows->dialect.delimiter, rows->dialect.quote, false);
	pfree(sample);
}

DatasetRows *
mls_dataset_rows(DatasetBytes *bytes, const DatasetServer *server, const DatasetFile *file,
				 const DatasetFacts *facts)
{
	DatasetRows *rows = palloc0(sizeof(DatasetRows));

	rows->context = CurrentMemoryContext;
	rows->bytes = bytes;
	rows->server = server;
	rows->file = file;
	rows->facts = *facts;
	rows->head = make_head(rows);
	if (file->is_book)
		begin_book(rows);
	else
		begin_text(rows);
	rows->before = rows->dialect.header ? rows->dialect.first_header : 0;
	return rows;
}

void
mls_dataset_rows_reject_to(DatasetRows *rows, MlsFileLedger *ledger)
{
	rows->ledger = ledger;
}

/* ---- cells ---- */

static void
take_names(DatasetRows *rows, const DatasetCell *cells, int ncells)
{
	MemoryContext before = MemoryContextSwitchTo(rows->context);

	rows->names = mls_dataset_names(cells, ncells);
	rows->nnames = ncells;
	rows->prefixes = palloc(Max(ncells, 1) * sizeof(char *));
	for (int i = 0; i < ncells; i++)
	{
		StringInfoData prefix;

		initStringInfo(&prefix);
		appendStringInfoChar(&prefix, ',');
		append_json(&prefix, rows->names[i], strlen(rows->names[i]));
		appendStringInfoChar(&prefix, ':');
		rows->prefixes[i] = prefix.data;
	}
	if (cells)
		rows->header = palloc(Max(ncells, 1) * sizeof(DatasetCell));
	for (int i = 0; cells && i < ncells; i++)
	{
		rows->header[i] = cells[i];
		rows->header[i].text = pnstrdup(cells[i].text, cells[i].length);
	}
	MemoryContextSwitchTo(before);
}

/* Files that were put behind each other have their header again. */
static bool
is_header(const DatasetRows *rows, const DatasetCell *cells, int ncells)
{
	if (rows->header == NULL || ncells != rows->nnames)
		return false;
	for (int i = 0; i < ncells; i++)
		if (cells[i].length != rows->header[i].length ||
			memcmp(cells[i].text, rows->header[i].text, cells[i].length) != 0)
			return false;
	return true;
}

static bool
is_null(const DatasetRows *rows, const DatasetCell *cell)
{
	ListCell *lc;

	if (cell->length == 0)
		return !cell->quoted;
	foreach (lc, rows->server->nulls)
		if (cell->length == strlen(lfirst(lc)) && memcmp(cell->text, lfirst(lc), cell->length) == 0)
			return true;
	return false;
}

static void
append_row(DatasetRows *rows, StringInfo out, const DatasetCell *cells, int ncells, int64 line)
{
	/* A delimiter at the end of each record is none between cells. */
	while (ncells > rows->nnames && cells[ncells - 1].length == 0 && !cells[ncells - 1].quoted)
		ncells--;
	appendStringInfo(out, "%s" INT64_FORMAT, rows->head, line);
	for (int i = 0; i < Min(ncells, rows->nnames); i++)
	{
		appendStringInfoString(out, rows->prefixes[i]);
		if (is_null(rows, &cells[i]))
			appendStringInfoString(out, "null");
		else if (cells[i].bare)
			appendBinaryStringInfo(out, cells[i].text, cells[i].length);
		else
			append_json(out, cells[i].text, cells[i].length);
	}
	if (ncells > rows->nnames)
		appendStringInfoString(out, ",\"" DATASET_EXTRA "\":[");
	for (int i = rows->nnames; i < ncells; i++)
	{
		if (i > rows->nnames)
			appendStringInfoChar(out, ',');
		append_json(out, cells[i].text, cells[i].length);
	}
	appendStringInfoString(out, ncells > rows->nnames ? "]}" : "}");
	/* A sheet has no cells where nothing is. */
	rows->shorter += ncells < rows->nnames && rows->book == NULL;
	rows->longer += ncells > rows->nnames;
}

static bool
next_cells(DatasetRows *rows, StringInfo out)
{
	const DatasetCell *cells;
	int64 line;
	int ncells;

	while ((cells = rows->cells->next(rows->cells, &ncells, &line)) != NULL)
	{
		if (rows->before > 0)
		{
			rows->before--;
			rows->title++;
		}
		else if (!rows->is_begun && rows->dialect.header)
		{
			take_names(rows, cells, ncells);
			rows->is_begun = true;
		}
		else if (is_header(rows, cells, ncells))
			rows->repeated++;
		else
		{
			if (!rows->is_begun)
				take_names(rows, NULL, rows->dialect.width);
			rows->is_begun = true;
			append_row(rows, out, cells, ncells, line);
			return true;
		}
	}
	if (!rows->is_begun)
		mls_dataset_fail(rows->bytes, "It has neither a header nor rows.", NULL);
	return false;
}

/* ---- objects ---- */

/* Is a name of JSON, as it is escaped, that of a field of ours? */
static bool
is_own_name(const char *name, int length)
{
	char plain[16];
	int count = 0;

	for (const char *s = name; s < name + length && count < lengthof(plain) - 1;)
	{
		char code[5] = "";

		if (*s != '\\')
		{
			plain[count++] = *s++;
			continue;
		}
		if (name + length - s < 6 || s[1] != 'u')
			return false;
		memcpy(code, s + 2, 4);
		if (strncmp(code, "00", 2) != 0)
			return false;
		plain[count++] = (char) strtol(code, NULL, 16);
		s += 6;
	}
	plain[count] = '\0';
	return mls_dataset_is_own(plain);
}

/* Appends the members of an object, up to its end; those with a name of ours have another. */
static void
append_members(StringInfo out, const char *text, const char *end)
{
	const char *start = text;
	int depth = 0;

	for (const char *s = text; s < end; s++)
	{
		const char *name = s + 1;

		depth += *s == '{' || *s == '[';
		depth -= *s == '}' || *s == ']';
		if (*s != '"')
			continue;
		for (s++; *s != '"'; s++)
			s += *s == '\\';
		if (depth > 0 || s[1 + strspn(s + 1, " \t\r\n")] != ':' || !is_own_name(name, s - name))
			continue;
		appendBinaryStringInfo(out, start, s - start);
		appendStringInfoString(out, "_2");
		start = s;
	}
	appendBinaryStringInfo(out, start, end - start);
}

/* A line that is no object. */
static void
reject(DatasetRows *rows, const char *text, int length, int64 line, const char *problem)
{
	rows->rejected++;
	if (rows->ledger)
		mls_ledger_reject(rows->ledger, rows->file->name, line, text, length, problem);
	else
		mls_dataset_fail(rows->bytes,
						 psprintf("Line " INT64_FORMAT " %s: %.*s", line, problem,
								  pg_mbcliplen(text, length, MOST_SHOWN), text),
						 NULL);
}

static bool
next_object(DatasetRows *rows, StringInfo out)
{
	const char *problem;
	const char *rest;
	char *text;
	int length;
	int64 line;

	while (mls_dataset_json_next(rows->json, &text, &length, &line, &problem))
	{
		if (problem)
		{
			reject(rows, text, length, line, problem);
			continue;
		}
		appendStringInfo(out, "%s" INT64_FORMAT, rows->head, line);
		rest = text + 1 + strspn(text + 1, " \t\r\n");
		if (*rest != '}')
			appendStringInfoChar(out, ',');
		append_members(out, rest, text + length);
		return true;
	}
	return false;
}

/* ---- all of them ---- */

bool
mls_dataset_rows_next(DatasetRows *rows, StringInfo out)
{
	bool found = rows->json ? next_object(rows, out) : next_cells(rows, out);

	rows->rows += found;
	return found;
}

MlsPage *
mls_dataset_page(DatasetRows *rows, int most, const char *purpose)
{
	StringInfoData body;
	int count;

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"value\":[");
	for (count = 0; count < most && body.len < PAGE_BYTES; count++)
	{
		int start = body.len;

		if (count > 0)
			appendStringInfoChar(&body, ',');
		if (!mls_dataset_rows_next(rows, &body))
		{
			body.len = start;
			break;
		}
	}
	if (count == 0)
	{
		pfree(body.data);
		return NULL;
	}
	appendStringInfoString(&body, "]}");
	enlargeStringInfo(&body, SPARE_BYTES);
	memset(body.data + body.len, 0, SPARE_BYTES);
	return mls_page_read(body.data, body.len, "value", purpose);
}

const char **
mls_dataset_rows_names(const DatasetRows *rows, int *count)
{
	*count = rows->nnames;
	return rows->names;
}

int64
mls_dataset_rows_count(const DatasetRows *rows)
{
	return rows->rows;
}

int64
mls_dataset_rows_rejected(const DatasetRows *rows)
{
	return rows->rejected;
}

static const char *
delimiter_word(char delimiter)
{
	switch (delimiter)
	{
		case ',':
			return "commas";
		case ';':
			return "semicolons";
		case '\t':
			return "tabs";
		case '|':
			return "bars";
		default:
			return psprintf("\"%c\"", delimiter);
	}
}

static void
add_count(StringInfo out, int64 count, const char *one, const char *many)
{
	if (count > 0)
		appendStringInfo(out, "; %s", mls_counted(count, one, many));
}

static void
add_sheet_counts(StringInfo out, const DatasetSheetCounts *counts)
{
	add_count(out, counts->empty, "empty row", "empty rows");
	add_count(out, counts->hidden, "row is hidden, and read", "rows are hidden, and read");
	add_count(out, counts->errors, "cell has an error for a value, and none here",
			  "cells have an error for a value, and none here");
	add_count(out, counts->uncalculated, "formula was not calculated, and has no value",
			  "formulas were not calculated, and have no value");
	add_count(out, counts->merged, "merged area has its value in its first cell",
			  "merged areas have their value in their first cell");
}

char *
mls_dataset_rows_reading(const DatasetRows *rows)
{
	StringInfoData out;

	initStringInfo(&out);
	if (rows->book)
		mls_dataset_book_reading(rows->book, &out);
	else if (rows->json == NULL)
		appendStringInfo(&out, "cells between %s", delimiter_word(rows->dialect.delimiter));
	else if (mls_dataset_json_is_lines(rows->json))
		appendStringInfoString(&out, "a JSON object a line");
	else if (mls_dataset_json_path(rows->json))
		appendStringInfo(&out, "JSON, the list \"%s\"", mls_dataset_json_path(rows->json));
	else
		appendStringInfoString(&out, "a JSON list");
	if (rows->book == NULL)
		appendStringInfo(&out, ", %s%s%s", mls_dataset_encoding_name(rows->facts.encoding),
						 rows->facts.has_mark ? " by its mark" : "",
						 rows->facts.is_gzip ? ", gzip" : "");
	if (rows->json == NULL && rows->dialect.header)
		appendStringInfo(&out, ", header in %s " INT64_FORMAT, rows->book ? "row" : "line",
						 rows->dialect.header);
	else if (rows->json == NULL)
		appendStringInfoString(&out, ", no header");
	add_count(&out, rows->title, "record above the header is left out",
			  "records above the header are left out");
	add_count(&out, rows->repeated, "header once more", "headers once more");
	if (rows->book)
		add_sheet_counts(&out, mls_dataset_sheet_counts(rows->cells));
	else if (rows->cells)
	{
		add_count(&out, mls_dataset_csv_empty(rows->cells), "empty line", "empty lines");
		add_count(&out, mls_dataset_csv_odd(rows->cells), "cell goes on behind its closing quote",
				  "cells go on behind their closing quote");
	}
	add_count(&out, rows->shorter, "record has fewer cells than the header",
			  "records have fewer cells than the header");
	add_count(&out, rows->longer, "record has more cells, kept in " DATASET_EXTRA,
			  "records have more cells, kept in " DATASET_EXTRA);
	add_count(&out, rows->rejected, "line is no record", "lines are no records");
	add_count(&out, rows->facts.zeros, "byte 0 taken out", "bytes 0 taken out");
	return out.data;
}
